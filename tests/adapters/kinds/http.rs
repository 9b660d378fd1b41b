//! C2, C14: responses that refuse, and requests that want no WebSocket.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::Shutdown,
    thread,
    time::Duration,
};

use framewise::{
    Config, Error, blocking,
    handshake::{Acceptance, ClientRequest, HandshakeError, Rejection, Response},
    tokio::{self as asynchronous, WebSocket, receive_request},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::{Instant, sleep},
};

use super::support::soon;
use crate::support::{Bring, REQUEST, SEED, Scripted, config, finish, runtime, sockets, within};

fn request() -> ClientRequest {
    ClientRequest::new("ws://localhost/").unwrap()
}

/// Returns the response of a refusal.
fn refused(error: Error) -> Response {
    match error {
        Error::Handshake(HandshakeError::Rejected(response)) => *response,
        other => panic!("{other:?}"),
    }
}

/// Plays a server that answers with `pieces`, so long apart; returns what the client made of it.
async fn answered(
    pieces: Vec<Vec<u8>>,
    pause: Duration,
    ends: bool,
) -> (Result<WebSocket<DuplexStream>, Error>, Duration) {
    let (stream, mut server) = duplex(1 << 20);
    let playing = tokio::spawn(async move {
        server.read_exact(&mut [0; 16]).await.unwrap();
        for (number, piece) in pieces.into_iter().enumerate() {
            if number != 0 {
                sleep(pause).await;
            }
            if server.write_all(&piece).await.is_err() {
                return;
            }
        }
        if ends {
            server.shutdown().await.unwrap();
        }
        let _ = server.read_to_end(&mut Vec::new()).await;
    });
    let start = Instant::now();
    let opened =
        soon(asynchronous::client_with_seed(stream, request(), config(|_| ()), SEED)).await;
    let elapsed = start.elapsed();
    playing.abort();
    (opened.map(|(websocket, _)| websocket), elapsed)
}

const PAUSE: Duration = Duration::from_millis(100);

// However the body is delimited and wherever it is cut.
#[tokio::test(start_paused = true)]
async fn c2_a_body_that_comes_later_is_read() {
    const BODY: &str = "come back in a few minutes";

    let length = format!("HTTP/1.1 503 Busy\r\nContent-Length: {}\r\n\r\n", BODY.len());
    let chunked = "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunks =
        "a\r\ncome back \r\n10;name=\"value\"\r\nin a few minutes\r\n0\r\nTrailer: x\r\n\r\n";
    for (head, body, ends) in [
        (length.as_str(), BODY, false),
        (length.as_str(), BODY, true),
        (chunked, chunks, false),
        (chunked, chunks, true),
        ("HTTP/1.1 503 Busy\r\n\r\n", BODY, true),
        ("HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n", BODY, true),
        ("HTTP/1.0 503 Busy\r\nRetry-After: 7\r\n\r\n", BODY, true),
    ] {
        let all = [head.as_bytes(), body.as_bytes()].concat();
        let two = |cut: usize| vec![all[..cut].to_vec(), all[cut..].to_vec()];
        let each = all.chunks(1).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let cuts = (1..all.len()).step_by(7).map(two).chain([vec![all.clone()], two(head.len())]);
        for pieces in cuts {
            let (opened, elapsed) = answered(pieces, PAUSE, ends).await;
            let response = refused(opened.unwrap_err());
            assert_eq!((response.status(), response.body()), (503, BODY.as_bytes()), "{head}");
            assert!(elapsed <= PAUSE, "{head}: {elapsed:?}");
        }
        let (opened, _) = answered(each, Duration::from_millis(10), ends).await;
        assert_eq!(refused(opened.unwrap_err()).body(), BODY.as_bytes(), "{head}");
    }
}

// Not more of it than 64 KiB, and not longer than the handshake may take.
#[tokio::test(start_paused = true)]
async fn c2_a_body_is_bounded() {
    let head = b"HTTP/1.1 500 Large\r\nContent-Length: 100000000\r\n\r\n".to_vec();
    let (opened, elapsed) = answered(vec![head.clone(), vec![b'x'; 300 << 10]], PAUSE, false).await;
    let response = refused(opened.unwrap_err());
    assert!((1..=64 << 10).contains(&response.body().len()), "{}", response.body().len());
    assert!(elapsed <= Duration::from_secs(10));

    let chunked = b"HTTP/1.1 500 Large\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let chunk = [&b"2000\r\n"[..], &[b'y'; 0x2000], b"\r\n"].concat();
    let pieces = [vec![chunked], vec![chunk; 30]].concat();
    let (opened, _) = answered(pieces, Duration::from_millis(1), false).await;
    assert!(refused(opened.unwrap_err()).body().len() <= 64 << 10);

    // The rest never comes: what has come is there, at the end of the handshake's time.
    for rest in [&b""[..], b"so far"] {
        let (opened, elapsed) = answered(vec![head.clone(), rest.to_vec()], PAUSE, false).await;
        let response = refused(opened.unwrap_err());
        assert_eq!((response.status(), response.body()), (500, rest));
        assert!((9..=15).contains(&elapsed.as_secs()), "{elapsed:?}");
    }
}

// A body that is not valid does not hide the status.
#[tokio::test(start_paused = true)]
async fn c2_a_body_that_is_malformed_does_not_hide_the_status() {
    for rest in [
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: gzip\r\n\r\nxxx",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: 5, 6\r\n\r\nabcdef",
        "Content-Length: 99999999999999999999999\r\n\r\n",
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let bytes = format!("HTTP/1.1 418 Teapot\r\n{rest}").into_bytes();
        let (opened, elapsed) = answered(vec![bytes], PAUSE, true).await;
        assert_eq!(refused(opened.unwrap_err()).status(), 418, "{rest}");
        assert!(elapsed <= Duration::from_secs(10), "{rest}: {elapsed:?}");
    }
    // And statuses that have none are not waited for.
    for status in ["204 No Content", "304 Not Modified"] {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n").into_bytes();
        let (opened, elapsed) = answered(vec![head], PAUSE, false).await;
        assert!(refused(opened.unwrap_err()).body().is_empty());
        assert_eq!(elapsed, Duration::ZERO);
    }
}

// A reset behind the body, or inside it: what has come is there.
#[test]
fn c2_a_reset_does_not_hide_what_has_come() {
    let head = "HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\n";
    for (body, kind) in ["", "0123", "0123456789"].into_iter().flat_map(|body| {
        [ErrorKind::ConnectionReset, ErrorKind::UnexpectedEof, ErrorKind::BrokenPipe]
            .map(|kind| (body, kind))
    }) {
        for glued in [false, true] {
            let make = || {
                let (head, body) = (head.as_bytes(), body.as_bytes());
                let reads = if glued {
                    vec![[head, body].concat()]
                } else {
                    vec![head.to_vec(), body.to_vec()]
                };
                let reads = reads.into_iter().filter(|read| !read.is_empty()).map(Bring::Bytes);
                Scripted::new(reads.chain([Bring::Error(kind)]))
            };
            let check = |error| {
                let response = refused(error);
                assert_eq!((response.status(), response.body()), (403, body.as_bytes()));
            };
            check(blocking::client_with_seed(make(), request(), config(|_| ()), SEED).unwrap_err());
            let opening = asynchronous::client_with_seed(make(), request(), config(|_| ()), SEED);
            check(runtime().block_on(async { finish(opening, 9) }).unwrap_err());
        }
    }
}

/// A request that is larger than the sockets between two ends hold.
fn large() -> ClientRequest {
    request().header("Cookie", vec![b'x'; 16 << 20]).unwrap()
}

// A server that refuses when it has read some of the request, and reads no more.
#[tokio::test(start_paused = true)]
async fn c2_a_refusal_of_a_request_that_is_not_written_is_read() {
    for closes in [false, true] {
        let (stream, mut server) = duplex(1 << 10);
        let playing = tokio::spawn(async move {
            server.read_exact(&mut [0; 1000]).await.unwrap();
            let refusal = b"HTTP/1.1 431 Large\r\nContent-Length: 5\r\n\r\nlarge";
            server.write_all(refusal).await.unwrap();
            if !closes {
                sleep(Duration::from_secs(1000)).await;
            }
        });
        let opened =
            soon(asynchronous::client_with_seed(stream, large(), config(|_| ()), SEED)).await;
        let response = refused(opened.unwrap_err());
        assert_eq!((response.status(), response.body()), (431, &b"large"[..]));
        playing.abort();
    }
}

// Over sockets: the server closes, which resets what was not read.
#[test]
fn c2_a_refusal_of_a_request_that_is_not_written_is_read_by_a_thread() {
    for way in 0..3 {
        within(move || {
            let (stream, mut server) = sockets();
            let playing = thread::spawn(move || {
                server.read_exact(&mut [0; 1000]).unwrap();
                let refusal = b"HTTP/1.1 431 Large\r\nContent-Length: 5\r\n\r\nlarge";
                server.write_all(refusal).unwrap();
                server.shutdown(Shutdown::Write).unwrap();
                if way == 1 {
                    // It reads on, as it should.
                    let _ = std::io::copy(&mut server, &mut std::io::sink());
                }
                // Later, so that the response is not overtaken by the reset.
                thread::sleep(Duration::from_millis(100));
                server
            });
            let error = if way == 2 {
                stream.set_nonblocking(true).unwrap();
                let builder = &mut tokio::runtime::Builder::new_current_thread();
                builder.enable_all().build().unwrap().block_on(async {
                    let stream = tokio::net::TcpStream::from_std(stream).unwrap();
                    asynchronous::client_with_seed(stream, large(), config(|_| ()), SEED)
                        .await
                        .unwrap_err()
                })
            } else {
                blocking::client_with_seed(stream, large(), hasty(), SEED).unwrap_err()
            };
            let response = refused(error);
            assert_eq!((response.status(), response.body()), (431, &b"large"[..]));
            drop(playing.join().unwrap());
        });
    }
}

fn hasty() -> Config {
    config(|config| {
        config.handshake_timeout = Some(Duration::from_secs(2));
        config.close_timeout = Some(Duration::from_millis(200));
    })
}

/// Asks a server for `path`, answers with `response`, and returns the path and what the client got.
async fn check(head: &str, response: Rejection) -> (String, String) {
    let (stream, mut client) = duplex(100);
    let asking = async {
        for octet in head.as_bytes() {
            client.write_u8(*octet).await.unwrap();
        }
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let serving = async {
        let requested = receive_request(stream, config(|_| ())).await.unwrap();
        let path = requested.request().path().to_owned();
        assert!(!requested.request().wants_upgrade());
        assert!(head.starts_with(requested.request().method()));
        requested.respond(response).await.unwrap();
        path
    };
    let (answer, path) = soon(async { tokio::join!(asking, serving) }).await;
    (path, answer)
}

#[tokio::test(start_paused = true)]
async fn c14_health_checks_are_answered() {
    for version in ["HTTP/1.0", "HTTP/1.1"] {
        for (method, target) in [
            ("GET", "/health"),
            ("HEAD", "/health"),
            ("GET", "/health?verbose=1"),
            ("GET", "http://any/health"),
            ("OPTIONS", "/health"),
            ("POST", "/health"),
        ] {
            for fields in ["Host: any\r\n", "Host: any\r\nConnection: keep-alive\r\n", ""] {
                if fields.is_empty() && version == "HTTP/1.1" {
                    continue;
                }
                let head = format!("{method} {target} {version}\r\n{fields}\r\n");
                let response = Rejection::new(200).unwrap().body("all is well");
                let response = response.header("Content-Type", "text/plain").unwrap();
                let (path, answer) = check(&head, response).await;
                assert_eq!(path, "/health", "{head}");
                assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{head}{answer}");
                let (fields, body) = answer.split_once("\r\n\r\n").unwrap();
                assert_eq!(body, if method == "HEAD" { "" } else { "all is well" });
                for field in [
                    "Content-Length: 11",
                    "Connection: close",
                    "Content-Type: text/plain",
                    "Date: ",
                ] {
                    assert!(fields.contains(&format!("\r\n{field}")), "{answer}");
                }
            }
        }
    }
}

// Any status: none of them is that of a refused handshake.
#[tokio::test(start_paused = true)]
async fn c14_any_status_can_be_the_answer() {
    let head = "GET /any HTTP/1.1\r\nHost: any\r\n\r\n";
    for status in [200, 204, 301, 304, 404, 418, 429, 500, 503, 599] {
        let response = Rejection::new(status).unwrap().body("text");
        let response = response.header("Retry-After", "7").unwrap();
        let (_, answer) = check(head, response).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("\r\nRetry-After: 7\r\n"), "{answer}");
        let bodiless = matches!(status, 204 | 304);
        assert_eq!(answer.ends_with("\r\n\r\ntext"), !bodiless, "{answer}");
    }
}

// An upgrade on the same port goes on as ever, or is answered like any other request.
#[tokio::test(start_paused = true)]
async fn c14_an_upgrade_is_seen_as_one() {
    for answers in [false, true] {
        let (stream, mut client) = duplex(1 << 10);
        client.write_all(REQUEST).await.unwrap();
        let serving = tokio::spawn(async move {
            let requested = receive_request(stream, config(|_| ())).await.unwrap();
            assert!(requested.request().wants_upgrade());
            assert_eq!(requested.request().method(), "GET");
            if answers {
                let response = Rejection::new(503).unwrap();
                requested.respond(response).await.unwrap();
                return;
            }
            let incoming = requested.upgrade().await.unwrap();
            let mut websocket = incoming.accept(Acceptance::new()).await.unwrap();
            websocket.send("Hello").await.unwrap();
        });
        let mut answer = Vec::new();
        soon(client.read_to_end(&mut answer)).await.unwrap();
        drop(client);
        soon(serving).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let status = if answers { "503 Service Unavailable" } else { "101 Switching Protocols" };
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert_eq!(answer.ends_with("Hello"), !answers);
    }
}

// `accept` says what it was asked for, and answers by itself.
#[tokio::test(start_paused = true)]
async fn c14_a_plain_request_is_answered_by_itself_where_nobody_looks() {
    for (head, statuses) in [
        ("GET / HTTP/1.1\r\nHost: any\r\n\r\n", &["400", "426"][..]),
        ("GET / HTTP/1.0\r\n\r\n", &["400", "426", "505"][..]),
        ("HEAD / HTTP/1.1\r\nHost: any\r\n\r\n", &["405", "426"][..]),
        ("POST / HTTP/1.1\r\nHost: any\r\nContent-Length: 3\r\n\r\nabc", &["405", "426"][..]),
    ] {
        for requested in [false, true] {
            let (stream, mut client) = duplex(1 << 10);
            client.write_all(head.as_bytes()).await.unwrap();
            let serving = tokio::spawn(async move {
                if requested {
                    let requested = receive_request(stream, config(|_| ())).await.unwrap();
                    return requested.upgrade().await.map(drop);
                }
                asynchronous::accept(stream, config(|_| ())).await.map(drop)
            });
            let mut answer = String::new();
            soon(client.read_to_string(&mut answer)).await.unwrap();
            drop(client);
            assert!(matches!(soon(serving).await.unwrap(), Err(Error::Handshake(_))));
            assert!(statuses.contains(&&answer[9..12]), "{head}{answer}");
            assert!(answer.contains("\r\nConnection: close\r\n") || answer.contains("close"));
            if head.starts_with("HEAD") {
                assert!(answer.ends_with("\r\n\r\n"), "{answer}");
            }
        }
    }
}

// A body that the program does not look at neither hangs the answer nor cuts it.
#[test]
fn c14_a_request_with_a_body_gets_its_answer() {
    for len in [10, 200_000, 4 << 20] {
        within(move || {
            let (stream, mut client) = sockets();
            let serving = thread::spawn(move || {
                let requested = blocking::receive_request(stream, hasty()).unwrap();
                assert_eq!(requested.request().path(), "/upload");
                requested.respond(Rejection::new(413).unwrap().body("too much")).unwrap();
            });
            let head =
                format!("POST /upload HTTP/1.1\r\nHost: any\r\nContent-Length: {len}\r\n\r\n");
            client.write_all(head.as_bytes()).unwrap();
            client.write_all(&vec![b'x'; len]).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert!(
                answer.starts_with("HTTP/1.1 413 ") && answer.ends_with("too much"),
                "{answer}"
            );
            drop(client);
            serving.join().unwrap();
        });
    }
}

// A checker that asks, and goes or stays: the program is not held up longer than `close_timeout`.
#[tokio::test(start_paused = true)]
async fn c14_a_checker_may_go_or_stay() {
    for stays in [false, true] {
        let (stream, mut client) = duplex(1 << 10);
        client.write_all(b"GET /health HTTP/1.0\r\n\r\n").await.unwrap();
        let requested = receive_request(stream, config(|_| ())).await.unwrap();
        let start = Instant::now();
        let client = stays.then_some(client);
        let result = soon(requested.respond(Rejection::new(200).unwrap().body("fine"))).await;
        let elapsed = start.elapsed().as_secs();
        if stays {
            assert!(result.is_ok() && elapsed <= 5, "{elapsed}");
        } else {
            assert!(elapsed == 0, "{result:?}");
        }
        drop(client);
    }
}
