//! Streams of HTTP/2 that are reset, and connections that end below a WebSocket.

use std::{convert::Infallible, io::ErrorKind, pin::pin};

use framewise::{
    Config, Connection, EndOfStream, Error, Event, Input, Message, handshake::ClientRequest,
    hyper::Upgraded, tokio::WebSocket,
};
use framewise_ecosystem::http::{Body, connect_http2, open_http2, soon};
use h2::Reason;
use hyper::{
    Method, Request, Response, Version,
    body::{Bytes, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{DuplexStream, duplex},
    sync::{
        mpsc::{UnboundedReceiver, unbounded_channel},
        oneshot,
    },
};

use crate::{
    h2_client::{self, Stream},
    server::{VERSIONS, echo, open, pass_on, repeat, serve_in_memory, wire},
};

/// What a connection came to.
type Outcome = Result<Option<EndOfStream>, Error>;

/// Serves one connection. Tells what its WebSockets came to.
fn serve<F, Fut>(run: F) -> (DuplexStream, UnboundedReceiver<Outcome>)
where
    F: Fn(WebSocket<Upgraded>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    let (tell, told) = unbounded_channel();
    let stream = serve_in_memory(pass_on(Config::default(), move |websocket| {
        let (outcome, tell) = (run(websocket.unwrap()), tell.clone());
        async move { tell.send(outcome.await).unwrap() }
    }));
    (stream, told)
}

async fn echo_to_the_end(mut websocket: WebSocket<Upgraded>) -> Outcome {
    repeat(&mut websocket).await
}

/// Sends until that fails.
async fn flood(mut websocket: WebSocket<Upgraded>) -> Outcome {
    loop {
        websocket.send(vec![0; 1 << 20]).await?;
    }
}

fn request() -> ClientRequest {
    ClientRequest::new("ws://localhost/chat").unwrap()
}

/// Opens a WebSocket by the crate `h2`.
async fn open_h2(stream: DuplexStream) -> (Connection, Stream) {
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    soon(h2_client::open(sender, request(), Config::default())).await.unwrap()
}

/// Sends a part of a message, and a Ping. Returns when the Pong has come.
async fn begin_message(connection: &mut Connection, stream: &mut Stream) {
    connection.send_fragment("half of ", false).unwrap();
    connection.ping("").unwrap();
    let output = connection.output();
    while !output.is_empty() {
        let chunk = Bytes::copy_from_slice(output.chunk());
        output.advance(chunk.len());
        stream.sending.send_data(chunk, false).unwrap();
    }
    let data = soon(stream.receiving.data()).await.unwrap().unwrap();
    let mut data = data.to_vec();
    let event = connection.receive(&mut Input::new(&mut data)).unwrap();
    assert!(matches!(event, Some(Event::Pong(_))), "{event:?}");
}

/// The codes, and whether the stream only ends.
const REASONS: [(Reason, bool); 6] = [
    (Reason::CANCEL, true),
    (Reason::NO_ERROR, true),
    (Reason::INTERNAL_ERROR, false),
    (Reason::PROTOCOL_ERROR, false),
    (Reason::REFUSED_STREAM, false),
    (Reason::STREAM_CLOSED, false),
];

fn check(outcome: Outcome, only_ends: bool, reason: impl std::fmt::Debug) {
    match outcome {
        Ok(end) => assert!(only_ends && end == Some(EndOfStream::Lost), "{reason:?}: {end:?}"),
        Err(Error::Io(error)) => {
            assert!(!only_ends, "{reason:?}: {error}");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{reason:?}");
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_stream_that_is_reset_within_a_message_ends() {
    for (reason, only_ends) in REASONS {
        let (stream, mut outcomes) = serve(echo_to_the_end);
        let (mut connection, mut stream) = open_h2(stream).await;
        begin_message(&mut connection, &mut stream).await;
        stream.sending.send_reset(reason);
        check(soon(outcomes.recv()).await.unwrap(), only_ends, reason);
    }
}

#[tokio::test]
async fn a_stream_that_ends_within_a_message_is_lost() {
    let (stream, mut outcomes) = serve(echo_to_the_end);
    let (mut connection, mut stream) = open_h2(stream).await;
    begin_message(&mut connection, &mut stream).await;
    stream.sending.send_data(Bytes::new(), true).unwrap();
    check(soon(outcomes.recv()).await.unwrap(), true, "END_STREAM");
}

#[tokio::test]
async fn a_stream_that_ends_with_its_request_is_lost() {
    let (stream, mut outcomes) = serve(echo_to_the_end);
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let probe = Request::head("http://localhost/").body(()).unwrap();
    soon(sender.send_request(probe, true).unwrap().0).await.unwrap();
    let (mut connect, _) =
        request().into_connect_request::<()>(Config::default(), [7; 32]).unwrap();
    connect.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
    let response = sender.send_request(connect, true).unwrap().0;
    assert_eq!(soon(response).await.unwrap().status(), 200);
    check(soon(outcomes.recv()).await.unwrap(), true, "END_STREAM");
}

// Whatever the code is, what could not be sent is an error.
#[tokio::test]
async fn a_stream_that_is_reset_frees_who_waits_to_send() {
    for (reason, _) in REASONS {
        let (stream, mut outcomes) = serve(flood);
        let (_connection, mut stream) = open_h2(stream).await;
        // It is at its window now, which is not given back.
        let mut received = 0;
        while received < 65_535 {
            received += soon(stream.receiving.data()).await.unwrap().unwrap().len();
        }
        stream.sending.send_reset(reason);
        check(soon(outcomes.recv()).await.unwrap(), false, reason);
    }
}

/// What a server does below a WebSocket.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Reset(Reason),
    GoAway(Reason),
}

/// Serves one WebSocket by the crate `h2`. Ends it within a message, when the client has read its beginning.
async fn cut_within_a_message(stream: DuplexStream, cut: Cut) {
    let mut builder = h2::server::Builder::new();
    let handshake = builder.enable_connect_protocol().handshake::<_, Bytes>(stream);
    let mut connection = handshake.await.unwrap();
    let (tell, mut told) = unbounded_channel();
    loop {
        let (request, mut respond) = tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok(accepted)) => accepted,
                _ => return,
            },
            Some(reason) = told.recv() => {
                connection.abrupt_shutdown(reason);
                continue;
            }
        };
        let is_probe = request.method() == Method::HEAD;
        let mut sending = respond.send_response(http::Response::new(()), is_probe).unwrap();
        if is_probe {
            continue;
        }
        // "abc" of a text, and a Ping.
        sending.send_data(Bytes::from_static(b"\x01\x03abc\x89\x00"), false).unwrap();
        let tell = tell.clone();
        tokio::spawn(async move {
            request.into_body().data().await.unwrap().unwrap();
            match cut {
                Cut::Reset(reason) => sending.send_reset(reason),
                Cut::GoAway(reason) => {
                    tell.send(reason).unwrap();
                    std::future::pending().await
                }
            }
        });
    }
}

#[tokio::test]
async fn a_client_sees_the_same() {
    let resets = REASONS.map(|(reason, only_ends)| (Cut::Reset(reason), only_ends));
    let go_away = [Cut::GoAway(Reason::INTERNAL_ERROR), Cut::GoAway(Reason::ENHANCE_YOUR_CALM)];
    for (cut, only_ends) in resets.into_iter().chain(go_away.map(|cut| (cut, false))) {
        let (stream, other) = duplex(64 << 10);
        tokio::spawn(cut_within_a_message(other, cut));
        let mut sender = connect_http2(stream).await;
        let mut websocket = open_http2(&mut sender, request(), Config::default()).await.unwrap();
        let read = soon(websocket.read()).await;
        check(read.map(|_| websocket.end()), only_ends, cut);
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_within_a_message_ends() {
    for version in VERSIONS {
        let (stream, mut outcomes) = serve(echo_to_the_end);
        let (stream, wire) = wire(stream);
        let mut websocket = open(stream, version, Config::default()).await.unwrap();
        websocket.send_fragment("half of ", false).await.unwrap();
        websocket.ping("").await.unwrap();
        let mut batch = soon(websocket.fill()).await.unwrap().unwrap();
        assert!(matches!(batch.next(), Some(Event::Pong(_))));
        drop(batch);
        wire.abort();
        // A stream of HTTP/2 has not ended then, but failed.
        let only_ends = version == Version::HTTP_11;
        let read = soon(websocket.read()).await;
        check(read.map(|_| websocket.end()), only_ends, version);
        check(soon(outcomes.recv()).await.unwrap(), only_ends, version);
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_frees_who_waits_to_send() {
    for version in VERSIONS {
        let (stream, mut outcomes) = serve(flood);
        let (stream, wire) = wire(stream);
        let mut websocket = open(stream, version, Config::default()).await.unwrap();
        assert!(soon(websocket.read()).await.unwrap().is_some());
        wire.abort();
        let outcome = soon(outcomes.recv()).await.unwrap();
        assert!(matches!(outcome, Err(Error::Io(_))), "{version:?}: {outcome:?}");
    }
}

// The GOAWAY of a server that shuts down (RFC 9113 §6.8).
#[tokio::test]
async fn a_graceful_shutdown_leaves_open_websockets_alone() {
    let (stream, other) = duplex(64 << 10);
    let (shut_down, asked) = oneshot::channel();
    let answer = pass_on(Config::default(), echo);
    let service = service_fn(move |request: Request<Incoming>| {
        let response = answer(request);
        async { Ok::<Response<Body>, Infallible>(response.await) }
    });
    let server = tokio::spawn(async move {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.enable_connect_protocol();
        let mut connection = pin!(builder.serve_connection(TokioIo::new(other), service));
        tokio::select! {
            _ = connection.as_mut() => panic!("it has ended"),
            asked = asked => asked.unwrap(),
        }
        connection.as_mut().graceful_shutdown();
        connection.await
    });
    let mut sender = connect_http2(stream).await;
    let mut websocket = open_http2(&mut sender, request(), Config::default()).await.unwrap();
    shut_down.send(()).unwrap();
    // New requests are refused soon.
    let head = || {
        let request = Request::head("http://localhost/");
        request.body(Body::default()).unwrap()
    };
    soon(async { while sender.send_request(head()).await.is_ok() {} }).await;
    websocket.send("Hello").await.unwrap();
    assert_eq!(soon(websocket.read()).await.unwrap(), Some(Message::from("Hello")));
    assert!(!server.is_finished());
    assert_eq!(soon(websocket.close(1000, "")).await.unwrap(), EndOfStream::Clean);
    drop(websocket);
    soon(server).await.unwrap().unwrap();
}
