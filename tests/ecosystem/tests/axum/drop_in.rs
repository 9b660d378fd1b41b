//! The same programs with axum's WebSockets and with those of this crate: a client cannot tell.

use std::net::SocketAddr;

use axum::Router;
use framewise::{CloseCode, CloseFrame, Config, EndOfStream, Event};
use framewise_ecosystem::http::until;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use crate::{
    of_axum, of_framewise,
    of_framewise::handshakes::MESSAGES,
    server::{connect, connect_with, events, request, serve, text},
};

/// One program, with axum's WebSockets and with ours.
type Apps = [fn(UnboundedSender<String>) -> Router; 2];

const GREETERS: Apps = [of_axum::greeter::app, of_framewise::greeter::app];
const HANDSHAKES: Apps = [of_axum::handshakes::app, of_framewise::handshakes::app];

/// Serves both; returns their addresses and what they write down.
async fn serve_both(apps: Apps) -> Vec<(SocketAddr, UnboundedReceiver<String>)> {
    let mut served = Vec::new();
    for app in apps {
        let (journal, lines) = unbounded_channel();
        served.push((serve(app(journal)).await, lines));
    }
    served
}

#[test]
fn messages_have_the_same_methods_and_conversions() {
    of_axum::types::check();
    of_framewise::types::check();
}

#[tokio::test]
async fn people_chat() {
    for app in [of_axum::chat::app(), of_framewise::chat::app()] {
        let address = serve(app).await;
        let mut ada = connect(address, "/chat").await.unwrap();
        ada.send("Ada").await.unwrap();
        assert_eq!(text(&mut ada).await, "Ada joined");

        let mut other = connect(address, "/chat").await.unwrap();
        other.send("Ada").await.unwrap();
        assert_eq!(text(&mut other).await, "that name is taken");
        assert_eq!(events(&mut other).await, []);
        assert_eq!(other.end(), Some(EndOfStream::Lost), "dropped without a Close");

        let mut bob = connect(address, "/chat").await.unwrap();
        bob.send("Bob").await.unwrap();
        for socket in [&mut ada, &mut bob] {
            assert_eq!(text(socket).await, "Bob joined");
        }
        let long = "\u{2603}".repeat(100_000);
        for said in ["hello", &long] {
            bob.send(said).await.unwrap();
            for socket in [&mut ada, &mut bob] {
                assert_eq!(text(socket).await, format!("Bob: {said}"));
            }
        }
        bob.send_close(CloseCode::NORMAL, "").await.unwrap();
        assert_eq!(text(&mut ada).await, "Bob left");
        // The name is free again.
        let mut bob = connect(address, "/chat").await.unwrap();
        bob.send("Bob").await.unwrap();
        assert_eq!(text(&mut ada).await, "Bob joined");
    }
}

#[tokio::test]
async fn a_server_greets_and_closes_with_a_reason() {
    for (address, mut journal) in serve_both(GREETERS).await {
        let greeted = request(address, "/ws").header("User-Agent", "test").unwrap();
        let mut socket = connect_with(address, greeted, Config::default()).await.unwrap();
        let seen = events(&mut socket).await;
        let mut expected = vec![Event::Ping(vec![1, 2, 3].into())];
        expected.extend((1..5).map(|number| Event::Text(format!("Hi {number} times!").into())));
        expected.extend(
            (0..20).map(|number| Event::Text(format!("Server message {number} ...").into())),
        );
        let close = CloseFrame { code: CloseCode::NORMAL, reason: "Goodbye".into() };
        expected.push(Event::Close(close));
        assert_eq!(seen, expected);
        assert_eq!(socket.end(), Some(EndOfStream::Clean));
        let lines = until(&mut journal, "sent 20 received 1").await;
        // The client repeats the code, without the reason.
        let expected =
            ["test at 127.0.0.1", "pong b\"\\x01\\x02\\x03\"", "close 1000 ", "sent 20 received 1"];
        assert_eq!(lines, expected);
    }
}

#[tokio::test]
async fn a_client_that_leaves_first_ends_both_tasks() {
    for (address, mut journal) in serve_both(GREETERS).await {
        let mut socket = connect(address, "/ws").await.unwrap();
        socket.send("first").await.unwrap();
        assert_eq!(text(&mut socket).await, "Hi 1 times!");
        socket.close(4000, "bored").await.unwrap();
        let lines = until(&mut journal, "close 4000 bored").await;
        assert_eq!(lines[..2], ["nobody at 127.0.0.1", "text first"]);
    }
}

#[tokio::test]
async fn subprotocols_are_selected_in_the_servers_order() {
    for (address, mut journal) in serve_both(HANDSHAKES).await {
        for (offered, selected) in [
            (&["another", "second"][..], Some("second")),
            (&["first", "second"], Some("first")),
            (&["another"], None),
            (&[], None),
        ] {
            let mut request = request(address, "/settings");
            for name in offered {
                request = request.subprotocol(*name).unwrap();
            }
            let mut socket = connect_with(address, request, Config::default()).await.unwrap();
            let selected = selected.map_or("None".to_owned(), |name| format!("Some({name:?})"));
            let lines = until(&mut journal, &format!("open {selected}")).await;
            assert_eq!(lines[0], format!("{offered:?} {selected}"));
            // The subprotocol is in the response, or the client would fail.
            socket.send("x".repeat(1000)).await.unwrap();
            assert_eq!(text(&mut socket).await.len(), 1000);
            socket.close(CloseCode::NORMAL, "").await.unwrap();
            until(&mut journal, "end").await;
        }
        let request = request(address, "/select").subprotocol("a").unwrap();
        let request = request.subprotocol("b").unwrap().require_subprotocol();
        drop(connect_with(address, request, Config::default()).await.unwrap());
        assert_eq!(until(&mut journal, "end").await, ["open Some(\"b\")", "error", "end"]);
    }
}

#[tokio::test]
async fn all_kinds_of_messages_are_received_and_sent() {
    for (address, mut journal) in serve_both(HANDSHAKES).await {
        let mut socket = connect(address, "/echo").await.unwrap();
        socket.ping("abc").await.unwrap();
        socket.pong("").await.unwrap();
        socket.send_binary(vec![7; 1 << 20]).await.unwrap();
        socket.send_fragment("Hel", false).await.unwrap();
        socket.send_fragment("lo", true).await.unwrap();
        socket.send_close(None, "").await.unwrap();
        let close = CloseFrame { code: CloseCode::NO_STATUS_RECEIVED, reason: String::new() };
        let expected = [
            Event::Pong(b"abc".into()),
            Event::Binary(vec![7; 1 << 20].into()),
            Event::Text("Hello".into()),
            Event::Close(close),
        ];
        assert_eq!(events(&mut socket).await, expected);
        let expected = [
            "open None",
            "ping of 3",
            "pong of 0",
            "message of 1048576",
            "message of 5",
            "close None",
            "end",
        ];
        assert_eq!(until(&mut journal, "end").await, expected);
    }
}

#[tokio::test]
async fn a_server_closes_and_still_receives() {
    for (address, mut journal) in serve_both(HANDSHAKES).await {
        let mut socket = connect(address, "/close").await.unwrap();
        socket.connection_mut().send("still here").unwrap();
        let close = CloseFrame { code: 4001.into(), reason: "enough".into() };
        assert_eq!(events(&mut socket).await, [Event::Close(close)]);
        assert_eq!(socket.end(), Some(EndOfStream::Clean));
        let lines = until(&mut journal, "end").await;
        let expected =
            ["open None", "message of 10", "cannot send", "close Some((4001, \"\"))", "end"];
        assert_eq!(lines, expected);
    }
}

#[tokio::test]
async fn an_end_without_a_close_is_an_error() {
    for (address, mut journal) in serve_both(HANDSHAKES).await {
        drop(connect(address, "/echo").await.unwrap());
        assert_eq!(until(&mut journal, "end").await, ["open None", "error", "end"]);
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_an_error() {
    for (address, mut journal) in serve_both(HANDSHAKES).await {
        let mut socket = connect(address, "/settings").await.unwrap();
        socket.send("x".repeat(1001)).await.unwrap();
        let _ = socket.closed().await;
        let lines = until(&mut journal, "end").await;
        assert_eq!(lines, ["[] None", "open None", "error", "end"]);
    }
}

// The client reads nothing before the server has read all.
#[tokio::test]
async fn a_task_that_cannot_send_does_not_keep_another_one_from_receiving() {
    for (address, mut journal) in serve_both(HANDSHAKES).await {
        let mut socket = connect(address, "/flood").await.unwrap();
        for number in 0..MESSAGES {
            socket.send(vec![number; 1 << 20]).await.unwrap();
        }
        assert_eq!(until(&mut journal, "received").await.len(), 1);
        for number in 0..MESSAGES {
            let message = socket.read().await.unwrap();
            assert!(message == Some(vec![number; 1 << 20].into()));
        }
        socket.close(CloseCode::NORMAL, "").await.unwrap();
        assert_eq!(until(&mut journal, "end").await.len(), 1);
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_the_response_is_reported() {
    for (address, mut journal) in serve_both(HANDSHAKES).await {
        let client = tokio::spawn(connect(address, "/late"));
        until(&mut journal, "accepted").await;
        client.abort();
        assert_eq!(until(&mut journal, "failed").await, ["failed"]);
    }
}

#[tokio::test]
async fn requests_are_refused_with_the_same_status() {
    const VALID: &str = "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let without = |name: &str| {
        let lines = VALID.lines().filter(|line| !line.starts_with(name));
        lines.map(|line| format!("{line}\r\n")).collect::<String>()
    };
    let requests = [
        ("GET", "1.1", "/echo", VALID.to_owned(), 101),
        ("POST", "1.1", "/echo", VALID.to_owned(), 405),
        ("POST", "1.1", "/echo", "Host: a\r\n".to_owned(), 405),
        ("GET", "1.1", "/echo", without("Connection"), 400),
        ("GET", "1.1", "/echo", without("Upgrade"), 400),
        ("GET", "1.1", "/echo", without("Sec-WebSocket-Version"), 400),
        ("GET", "1.1", "/echo", VALID.replace(": 13", ": 12"), 400),
        ("GET", "1.1", "/echo", without("Sec-WebSocket-Key"), 400),
        ("GET", "1.0", "/echo", VALID.to_owned(), 426),
        ("GET", "1.1", "/page", "Host: a\r\n".to_owned(), 200),
        ("GET", "1.1", "/page", "Host: a\r\nConnection: keep-alive\r\n".to_owned(), 200),
        ("GET", "1.1", "/page", without("Upgrade"), 400),
        ("GET", "1.1", "/page", VALID.replace("websocket", "WebSocket"), 101),
    ];
    for (address, _journal) in serve_both(HANDSHAKES).await {
        for (method, version, path, fields, status) in &requests {
            let mut request = format!("{method} {path} HTTP/{version}\r\n{fields}");
            if *status != 101 {
                request.push_str("Connection: close\r\n");
            }
            request.push_str("\r\n");
            let answer = answer(address, &request, *status == 101).await;
            let found = answer.split(' ').nth(1).unwrap_or_default();
            assert_eq!(found, status.to_string(), "{request}{answer}");
        }
    }
}

/// Returns the answer to a request, without what comes after the head of one that `opens` a connection.
async fn answer(address: SocketAddr, request: &str, opens: bool) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !(opens && answer.ends_with(b"\r\n\r\n"))
        && stream.read_buf(&mut answer).await.unwrap() > 0
    {}
    String::from_utf8(answer).unwrap()
}
