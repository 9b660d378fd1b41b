//! Requests that open no WebSocket, and upgrades that do not happen.

use std::io::ErrorKind;

use framewise::{
    Config, EndOfStream, Error,
    handshake::{Acceptance, ClientRequest, HandshakeError, Pending},
    hyper::{connect_request, upgrade},
    random_seed,
};
use framewise_ecosystem::http::{Body, connect_http2, soon};
use http_body_util::BodyExt as _;
use hyper::{
    Request, Response, StatusCode, Version, body::Incoming, client::conn::http1, ext::Protocol,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
    time::Instant,
};

use crate::server::{VERSIONS, echo, open, pass_on, repeat, serve_in_memory, wire};

/// What an upgrade of the server came to.
type Outcome = Result<Option<EndOfStream>, Error>;

/// Serves one connection. Accepts requests, and lets `respond` do something to the response.
fn serve<F, Fut>(respond: F) -> (DuplexStream, UnboundedReceiver<Outcome>)
where
    F: Fn(Response<Body>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    let (tell, told) = unbounded_channel();
    let stream = serve_in_memory(move |mut request| {
        let answer = match upgrade(&mut request, Config::default()) {
            Err(error) => Err(error.to_response(request.version())),
            Ok(incoming) => {
                let (response, upgrading) = incoming.accept(Acceptance::new()).unwrap();
                let tell = tell.clone();
                tokio::spawn(async move {
                    let outcome = match upgrading.await {
                        Ok(mut websocket) => repeat(&mut websocket).await,
                        Err(error) => Err(error),
                    };
                    tell.send(outcome).unwrap();
                });
                Ok(respond(response))
            }
        };
        async {
            match answer {
                Ok(response) => response.await,
                Err(response) => response,
            }
        }
    });
    (stream, told)
}

fn io_kind(outcome: Outcome) -> ErrorKind {
    match outcome {
        Err(Error::Io(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}

fn handshake_error<T>(result: Result<T, Error>) -> HandshakeError {
    match result {
        Err(Error::Handshake(error)) => error,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("no error"),
    }
}

/// Sends a request for a WebSocket in a task of its own.
async fn start(
    stream: DuplexStream,
    version: Version,
) -> JoinHandle<Result<Response<Incoming>, hyper::Error>> {
    if version == Version::HTTP_2 {
        let mut sender = connect_http2(stream).await;
        let (request, _) = connect("ws://localhost/");
        tokio::spawn(async move { sender.send_request(request).await })
    } else {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        tokio::spawn(async move { sender.send_request(get().0).await })
    }
}

/// Makes a GET for a connection of HTTP/1.1.
fn get() -> (Request<Body>, Pending) {
    let request = ClientRequest::new("ws://localhost/").unwrap();
    let (mut request, pending) =
        request.into_request::<Body>(Config::default(), random_seed().unwrap()).unwrap();
    *request.uri_mut() = "/".parse().unwrap();
    (request, pending)
}

/// Makes a CONNECT for a connection of HTTP/2.
fn connect(uri: &str) -> (Request<Body>, Pending) {
    let request = ClientRequest::new(uri).unwrap();
    connect_request(request, Config::default(), random_seed().unwrap()).unwrap()
}

/// Another response than the one that accepts.
async fn unavailable(_: Response<Body>) -> Response<Body> {
    Response::builder().status(503).body("later".into()).unwrap()
}

#[tokio::test]
async fn another_response_over_http_2_aborts_the_upgrade() {
    let (stream, mut outcomes) = serve(unavailable);
    let refused = handshake_error(open(stream, Version::HTTP_2, Config::default()).await);
    assert_eq!(refused.response().map(|response| response.status()), Some(503));
    let outcome = soon(outcomes.recv()).await.unwrap();
    assert_eq!(io_kind(outcome), ErrorKind::ConnectionAborted);
}

#[tokio::test]
async fn the_next_request_on_the_connection_aborts_the_upgrade() {
    let (stream, mut outcomes) = serve(unavailable);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for _ in 0..2 {
        let response = soon(sender.send_request(get().0)).await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        soon(response.collect()).await.unwrap();
    }
    let outcome = soon(outcomes.recv()).await.unwrap();
    assert_eq!(io_kind(outcome), ErrorKind::ConnectionAborted);
}

// What hyper does, and the documentation warns of: it hands over the connection after the last response,
// whatever that is.
#[tokio::test]
async fn another_response_over_http_1_does_not_keep_hyper_from_handing_over() {
    let (mut stream, mut outcomes) = serve(unavailable);
    let request = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    let mut body = [0; 5];
    soon(stream.read_exact(&mut body)).await.unwrap();
    // A Close without a code, and the answer.
    stream.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
    let mut close = [0; 2];
    soon(stream.read_exact(&mut close)).await.unwrap();
    assert_eq!(close, [0x88, 0]);
    drop(stream);
    assert_eq!(soon(outcomes.recv()).await.unwrap().unwrap(), Some(EndOfStream::Clean));
}

#[tokio::test]
async fn a_handler_that_panics_aborts_the_upgrade() {
    for version in VERSIONS {
        let (stream, mut outcomes) = serve(|_| async { panic!("a panic that is meant") });
        let request = start(stream, version).await;
        assert!(soon(request).await.unwrap().is_err(), "{version:?}");
        let outcome = soon(outcomes.recv()).await.unwrap();
        assert_eq!(io_kind(outcome), ErrorKind::ConnectionAborted, "{version:?}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_the_response_aborts_the_upgrade() {
    let cases = [(Version::HTTP_11, true), (Version::HTTP_2, true), (Version::HTTP_2, false)];
    for (version, cuts) in cases {
        let (accepted, mut is_accepted) = unbounded_channel();
        let (stream, mut outcomes) = serve(move |_| {
            accepted.send(()).unwrap();
            std::future::pending()
        });
        let (stream, wire) = wire(stream);
        let request = start(stream, version).await;
        soon(is_accepted.recv()).await.unwrap();
        // Over HTTP/2, the request can be cancelled alone.
        if cuts {
            wire.abort();
        } else {
            request.abort();
        }
        let outcome = soon(outcomes.recv()).await.unwrap();
        assert_eq!(io_kind(outcome), ErrorKind::ConnectionAborted, "{version:?}");
    }
}

#[tokio::test]
async fn an_upgrade_that_the_server_drops_ends_the_connection() {
    for version in VERSIONS {
        let stream = serve_in_memory(|mut request| {
            let response = match upgrade(&mut request, Config::default()) {
                Ok(incoming) => incoming.accept(Acceptance::new()).unwrap().0,
                Err(error) => error.to_response(request.version()),
            };
            std::future::ready(response)
        });
        let mut websocket = open(stream, version, Config::default()).await.unwrap();
        assert_eq!(soon(websocket.read()).await.unwrap(), None, "{version:?}");
        assert_eq!(websocket.end(), Some(EndOfStream::Lost), "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_late_times_out() {
    for version in VERSIONS {
        let (stream, mut outcomes) = serve(|_| std::future::pending());
        let request = start(stream, version).await;
        let began = Instant::now();
        let outcome = soon(outcomes.recv()).await.unwrap();
        assert_eq!(handshake_error(outcome), HandshakeError::Timeout, "{version:?}");
        assert_eq!(began.elapsed().as_secs(), 10, "{version:?}");
        assert!(!request.is_finished());
    }
}

// Over HTTP/2 there is no such switch: hyper hands over streams in any case.
#[tokio::test]
async fn a_server_without_upgrades_hands_over_no_connection() {
    let (tell, mut told) = unbounded_channel();
    let answer = pass_on(Config::default(), move |result| {
        let tell = tell.clone();
        async move { tell.send(result.map(drop)).unwrap() }
    });
    let (stream, other) = duplex(64 << 10);
    let service = service_fn(move |request| {
        let response = answer(request);
        async { Ok::<_, std::convert::Infallible>(response.await) }
    });
    let server = hyper::server::conn::http1::Builder::new();
    tokio::spawn(server.serve_connection(TokioIo::new(other), service));
    let request = start(stream, Version::HTTP_11).await;
    let _ = soon(request).await;
    let outcome = soon(told.recv()).await.unwrap();
    assert_eq!(handshake_error(outcome), HandshakeError::NotUpgradable);
}

#[tokio::test]
async fn a_client_without_upgrades_hands_over_no_connection() {
    let stream = serve_in_memory(pass_on(Config::default(), echo));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (request, pending) = get();
    let mut response = soon(sender.send_request(request)).await.unwrap();
    let opened = soon(pending.into_websocket(&mut response)).await;
    assert_eq!(handshake_error(opened), HandshakeError::NotUpgradable);
}

#[tokio::test]
async fn a_connection_is_taken_once() {
    for version in VERSIONS {
        // By the server.
        let stream = serve_in_memory(|mut request| {
            let first = upgrade(&mut request, Config::default());
            let second = upgrade(&mut request, Config::default());
            let error = match first {
                Ok(_) => second.unwrap_err(),
                Err(error) => error,
            };
            std::future::ready(error.to_response(request.version()))
        });
        let refused = handshake_error(open(stream, version, Config::default()).await);
        assert_eq!(refused.response().map(|response| response.status()), Some(500));

        // By the client.
        let stream = serve_in_memory(pass_on(Config::default(), echo));
        let (mut response, pending) = if version == Version::HTTP_2 {
            let (request, pending) = connect("ws://localhost/");
            let mut sender = connect_http2(stream).await;
            (soon(sender.send_request(request)).await.unwrap(), pending)
        } else {
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection.with_upgrades());
            let (request, pending) = get();
            (soon(sender.send_request(request)).await.unwrap(), pending)
        };
        drop(hyper::upgrade::on(&mut response));
        let opened = soon(pending.into_websocket(&mut response)).await;
        assert_eq!(handshake_error(opened), HandshakeError::NotUpgradable, "{version:?}");
    }
}

/// Reads the head of a response.
async fn head(stream: &mut DuplexStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn requests_of_http_1_that_open_no_websocket_get_an_answer() {
    let valid = "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (line, fields, expected) in [
        (
            "GET / HTTP/1.1",
            "Host: a\r\n",
            &["HTTP/1.1 426 ", "upgrade: websocket\r\n", "connection: upgrade\r\n"][..],
        ),
        ("GET / HTTP/1.0", valid, &["HTTP/1.0 505 "]),
        ("GET / HTTP/1.1", &format!("{valid}Content-Length: 3\r\n"), &["HTTP/1.1 400 "]),
        ("GET / HTTP/1.1", &format!("{valid}Transfer-Encoding: chunked\r\n"), &["HTTP/1.1 400 "]),
        ("POST / HTTP/1.1", valid, &["HTTP/1.1 405 ", "allow: GET\r\n"]),
        (
            "GET / HTTP/1.1",
            &valid.replace("13", "12"),
            &["HTTP/1.1 426 ", "sec-websocket-version: 13\r\n"],
        ),
        ("GET / HTTP/1.1", &valid.replace("ZQ==", "ZQ="), &["HTTP/1.1 400 "]),
        (
            "GET / HTTP/1.1",
            valid,
            &["HTTP/1.1 101 ", "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"],
        ),
    ] {
        let mut stream = serve_in_memory(pass_on(Config::default(), echo));
        stream.write_all(format!("{line}\r\n{fields}\r\n").as_bytes()).await.unwrap();
        let head = head(&mut stream).await;
        assert!(expected.iter().all(|part| head.contains(part)), "{line}\n{fields}{head}");
    }
}

#[tokio::test]
async fn requests_of_http_2_that_open_no_websocket_get_an_answer() {
    let valid = || connect("ws://localhost/").0;
    let with = |change: fn(&mut Request<Body>)| {
        let mut request = valid();
        change(&mut request);
        request
    };
    let mut sender = connect_http2(serve_in_memory(pass_on(Config::default(), echo))).await;
    for (request, status, field) in [
        (
            Request::get("http://localhost/").body(Body::default()).unwrap(),
            405,
            Some(("allow", "CONNECT")),
        ),
        (
            with(|request| {
                drop(request.extensions_mut().insert(Protocol::from_static("webtransport")))
            }),
            501,
            None,
        ),
        (
            with(|request| drop(request.headers_mut().insert("sec-websocket-version", 12.into()))),
            400,
            Some(("sec-websocket-version", "13")),
        ),
        (valid(), 200, None),
    ] {
        let response = soon(sender.send_request(request)).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().get("upgrade"), None);
        if let Some((name, value)) = field {
            assert_eq!(response.headers()[name], value);
        }
    }

    // A CONNECT to a host, as to a proxy.
    let proxied = Request::connect("localhost:80").body(Body::default()).unwrap();
    let response = soon(sender.send_request(proxied)).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_IMPLEMENTED);
}
