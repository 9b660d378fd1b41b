//! What is only ours, and what happens when something goes wrong.

use std::time::Duration;

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::any,
};
use framewise::{
    CloseCode, CloseFrame, Config, EndOfStream, Error, Event, Message as Own, ProtocolError,
    SendErrorKind, Timeout,
    axum::{Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    handshake::{HandshakeError, Rejection},
};
use futures_util::{SinkExt, StreamExt as _, stream::FusedStream as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc::{UnboundedSender, unbounded_channel},
};

use crate::server::{connect, connect_h2, events, request, serve, text};

/// Serves one handler.
async fn serve_handler<F, Fut>(handler: F) -> std::net::SocketAddr
where
    F: Fn(WebSocketUpgrade) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response> + Send + 'static,
{
    serve(Router::new().route("/", any(handler))).await
}

/// Returns the error of this crate in one of axum.
fn own(error: axum::Error) -> Error {
    *error.into_inner().downcast().unwrap()
}

/// Receives up to the end, and tells of errors.
async fn receive(mut socket: WebSocket, tell: UnboundedSender<Error>) {
    while let Some(received) = socket.recv().await {
        if let Err(error) = received {
            tell.send(own(error)).unwrap();
        }
    }
}

#[tokio::test]
async fn a_callback_that_panics_ends_its_connection_only() {
    let address = serve_handler(|ws| async {
        ws.on_upgrade(|mut socket| async move {
            let message = socket.recv().await.unwrap().unwrap();
            assert_eq!(message, Message::text("fine"), "a panic that is meant");
            socket.send(message).await.unwrap();
        })
    })
    .await;
    for connect_over in ["HTTP/1.1", "HTTP/2"] {
        for (sent, end) in [("panic", EndOfStream::Lost), ("fine", EndOfStream::Lost)] {
            let seen = if connect_over == "HTTP/2" {
                let stream = TcpStream::connect(address).await.unwrap();
                let request = request(address, "/");
                let mut socket = connect_h2(stream, request, Config::default()).await.unwrap();
                socket.send(sent).await.unwrap();
                (socket.read().await.ok().flatten(), socket.closed().await.ok())
            } else {
                let mut socket = connect(address, "/").await.unwrap();
                socket.send(sent).await.unwrap();
                (socket.read().await.ok().flatten(), socket.closed().await.ok())
            };
            let answer = (sent == "fine").then(|| Own::from("fine"));
            assert_eq!(seen.0, answer, "{connect_over}");
            // Over HTTP/2 the stream may be reset, which is an error.
            assert!(seen.1.is_none_or(|seen| seen == end), "{connect_over}: {:?}", seen.1);
        }
    }
}

#[tokio::test]
async fn a_response_that_is_late_fails_the_upgrade() {
    let (tell, mut told) = unbounded_channel();
    let address = serve_handler(move |ws| {
        let tell = tell.clone();
        async move {
            let (failed, mut has_failed) = unbounded_channel();
            let response = ws
                .config(Config::default().handshake_timeout(Duration::from_millis(1)))
                .on_failed_upgrade(move |error| {
                    tell.send(own(error)).unwrap();
                    failed.send(()).unwrap();
                })
                .on_upgrade(|_| async { unreachable!() });
            has_failed.recv().await;
            response
        }
    })
    .await;
    let mut socket = connect(address, "/").await.unwrap();
    assert!(matches!(told.recv().await, Some(Error::Handshake(HandshakeError::Timeout))));
    assert_eq!(events(&mut socket).await, []);
    assert_eq!(socket.end(), Some(EndOfStream::Lost));
}

// What hyper does, and the documentation warns of.
#[tokio::test]
async fn a_layer_that_refuses_too_late_does_not_keep_hyper_from_handing_over() {
    let (tell, mut told) = unbounded_channel();
    let handler = any(move |ws: WebSocketUpgrade| async move {
        ws.on_upgrade(|socket| async move { tell.send(socket).unwrap() })
    });
    let refuse = axum::middleware::map_response(async |_: Response| StatusCode::UNAUTHORIZED);
    let address = serve(Router::new().route("/", handler).layer(refuse)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 401");
    assert!(told.recv().await.is_some());
}

#[tokio::test]
async fn a_request_with_a_body_is_refused() {
    let address = serve_handler(|ws| async { ws.on_upgrade(|_| async {}) }).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let statuses: Vec<_> = answer.lines().filter(|line| line.starts_with("HTTP/1.1 ")).collect();
    assert_eq!(statuses[0], "HTTP/1.1 400 Bad Request", "{answer}");
    assert!(answer.contains("the request announces a body"), "{answer}");
}

#[tokio::test]
async fn rejections_have_the_fields_that_their_status_asks_for() {
    let app = Router::new()
        .fallback(async |ws: Result<WebSocketUpgrade, WebSocketUpgradeRejection>| ws.unwrap_err());
    let address = serve(app).await;
    let version = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 7\r\n";
    let valid = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (head, fields, expected) in [
        ("PUT / HTTP/1.1", version, "allow: GET\r\n"),
        ("GET / HTTP/1.1", version, "sec-websocket-version: 13\r\n"),
        ("GET / HTTP/1.0", valid, "upgrade: websocket\r\n"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{head}\r\nHost: a\r\n{fields}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains(expected), "{answer}");
    }
}

#[tokio::test]
async fn a_handler_answers_with_a_rejection() {
    let address = serve_handler(|ws| async move {
        let rejection = match ws.request().query() {
            Some("426") => Rejection::new(426).unwrap(),
            _ => Rejection::unauthorized("Basic realm=\"chat\"").unwrap().body("who are you?"),
        };
        IntoResponse::into_response(rejection)
    })
    .await;
    let Error::Handshake(HandshakeError::Rejected(response)) =
        connect(address, "/").await.unwrap_err()
    else {
        panic!("no rejection");
    };
    assert_eq!((response.status(), response.body()), (401, &b"who are you?"[..]));
    assert_eq!(response.header("WWW-Authenticate"), Some(&b"Basic realm=\"chat\""[..]));
    assert_eq!(response.header("Content-Type"), None);
    let Error::Handshake(HandshakeError::Rejected(response)) =
        connect(address, "/?426").await.unwrap_err()
    else {
        panic!("no rejection");
    };
    assert_eq!(response.header("Upgrade"), Some(&b"websocket"[..]));
    assert_eq!(response.header("Connection"), Some(&b"upgrade"[..]));
}

#[tokio::test]
async fn limits_and_timers_are_those_of_the_config() {
    let (tell, mut told) = unbounded_channel();
    let tick = Duration::from_millis(20);
    let address = serve_handler(move |ws| {
        let tell = tell.clone();
        async move {
            let config = match ws.request().query() {
                Some("size") => Config::default().max_message_size(10),
                Some("idle") => Config::default().idle_timeout(tick),
                _ => Config::default().ping_interval(tick).pong_timeout(tick),
            };
            ws.config(config).on_upgrade(|socket| receive(socket, tell))
        }
    })
    .await;

    let mut socket = connect(address, "/?size").await.unwrap();
    socket.send("eleven byte").await.unwrap();
    let [Event::Close(close)] = &events(&mut socket).await[..] else { panic!("no Close") };
    assert_eq!(close.code, CloseCode::MESSAGE_TOO_BIG);
    let too_big = ProtocolError::MessageTooBig { len: Some(11), limit: 10 };
    assert!(matches!(told.recv().await, Some(Error::Protocol(error)) if error == too_big));

    let mut socket = connect(address, "/?idle").await.unwrap();
    let [Event::Close(close)] = &events(&mut socket).await[..] else { panic!("no Close") };
    assert_eq!(close.code, CloseCode::GOING_AWAY);

    // Nobody reads the Ping, so nobody answers it.
    let _silent = connect(address, "/?silent").await.unwrap();
    assert!(matches!(told.recv().await, Some(Error::Timeout(Timeout::Pong))));
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let (tell, mut told) = unbounded_channel();
    let address = serve_handler(move |ws| {
        let tell = tell.clone();
        async move {
            ws.max_write_buffer_size(100).on_upgrade(|mut socket| async move {
                for message in [
                    Message::Ping(vec![0; 126].into()),
                    Message::Close(Some(framewise::axum::CloseFrame {
                        code: framewise::axum::close_code::ABNORMAL,
                        reason: "".into(),
                    })),
                    Message::text("x".repeat(101)),
                ] {
                    let Error::Send(refused) = own(socket.send(message).await.unwrap_err()) else {
                        panic!("not refused");
                    };
                    tell.send(refused.kind()).unwrap();
                }
                socket.send(Message::text("still open")).await.unwrap();
            })
        }
    })
    .await;
    let mut socket = connect(address, "/").await.unwrap();
    assert_eq!(text(&mut socket).await, "still open");
    assert_eq!(told.recv().await, Some(SendErrorKind::LongControlFrame { len: 126 }));
    assert!(matches!(told.recv().await, Some(SendErrorKind::InvalidCloseCode(_))));
    // With its header.
    let too_big = SendErrorKind::MessageTooBig { len: 103, limit: 100 };
    assert_eq!(told.recv().await, Some(too_big));
}

// axum leaves it unanswered.
#[tokio::test]
async fn a_handler_that_drops_the_socket_at_a_close_has_answered_it() {
    let address = serve_handler(|ws| async {
        ws.on_upgrade(|mut socket| async move {
            while !matches!(socket.recv().await, None | Some(Ok(Message::Close(_)))) {}
        })
    })
    .await;
    let mut socket = connect(address, "/").await.unwrap();
    assert_eq!(socket.close(4000, "bye").await.unwrap(), EndOfStream::Clean);
    assert_eq!(socket.close_code(), 4000);
}

#[tokio::test]
async fn the_real_websocket_is_within() {
    let address = serve_handler(|ws| async {
        match ws.request().query() {
            Some("direct") => ws.on_upgrade_websocket(|mut socket| async move {
                while let Some(message) = socket.read().await.unwrap() {
                    socket.send(message).await.unwrap();
                }
            }),
            _ => ws.on_upgrade(|mut socket| async move {
                let Some(Ok(first)) = socket.recv().await else { panic!("no message") };
                assert_eq!(socket.inner().end(), None);
                let mut socket = socket.into_inner();
                socket.send(Own::try_from(first).unwrap()).await.unwrap();
                while let Some(mut batch) = socket.fill().await.unwrap() {
                    while let Some(event) = batch.next() {
                        if let Event::Text(text) = event {
                            batch.send(text).unwrap();
                        }
                    }
                }
            }),
        }
    })
    .await;
    for path in ["/?direct", "/?within"] {
        let mut socket = connect(address, path).await.unwrap();
        for message in ["one", "two", "three"] {
            socket.connection_mut().send(message).unwrap();
        }
        for message in ["one", "two", "three"] {
            assert_eq!(text(&mut socket).await, message);
        }
        assert_eq!(socket.close(CloseCode::NORMAL, "").await.unwrap(), EndOfStream::Clean);
    }
}

// Two tasks at the server, and a client that only reads when it has written all, over one stream of HTTP/2
// with its windows.
#[tokio::test]
async fn big_messages_cross_in_both_directions_of_a_stream() {
    let (journal, mut lines) = unbounded_channel();
    let address = serve(crate::of_framewise::handshakes::app(journal)).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let flood = request(address, "/flood");
    let mut socket = connect_h2(stream, flood, Config::default()).await.unwrap();
    let count = crate::of_framewise::handshakes::MESSAGES;
    for number in 0..count {
        socket.send(vec![number; 1 << 20]).await.unwrap();
    }
    assert_eq!(lines.recv().await.unwrap(), "received");
    for number in 0..count {
        assert!(socket.read().await.unwrap() == Some(vec![number; 1 << 20].into()));
    }
    assert_eq!(socket.close(CloseCode::NORMAL, "").await.unwrap(), EndOfStream::Clean);
    assert_eq!(lines.recv().await.unwrap(), "end");
}

#[tokio::test]
async fn a_sink_that_is_closed_sends_a_close_and_the_stream_goes_on() {
    let (tell, mut told) = unbounded_channel();
    let address = serve_handler(move |ws| {
        let tell = tell.clone();
        async move {
            ws.on_upgrade(|mut socket| async move {
                socket.feed(Message::text("last")).await.unwrap();
                SinkExt::close(&mut socket).await.unwrap();
                SinkExt::close(&mut socket).await.unwrap();
                assert!(socket.feed(Message::text("too late")).await.is_err());
                while let Some(message) = socket.next().await {
                    tell.send(message.unwrap()).unwrap();
                }
                assert!(socket.is_terminated());
            })
        }
    })
    .await;
    let mut socket = connect(address, "/").await.unwrap();
    socket.connection_mut().send("crosses").unwrap();
    let close = CloseFrame { code: CloseCode::NO_STATUS_RECEIVED, reason: String::new() };
    assert_eq!(events(&mut socket).await, [Event::Text("last".into()), Event::Close(close)]);
    assert_eq!(told.recv().await, Some(Message::text("crosses")));
    assert_eq!(told.recv().await, Some(Message::Close(None)));
}
