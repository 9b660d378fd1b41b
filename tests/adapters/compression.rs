//! Compressed messages through the adapters (RFC 7692 §6).

use std::{net::TcpListener, thread};

use framewise::{
    CloseCode, Config, Message, Payload, blocking,
    deflate::{DeflateConfig, Level, PreparedMessage},
    handshake::{Acceptance, ClientRequest},
    tokio as asynchronous,
};
use futures_util::StreamExt as _;

use crate::support::{config, within};

/// A runtime whose clock runs, since the other end is a thread.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn compressing() -> Config {
    let mut deflate = DeflateConfig::default();
    deflate.level = Level::new(1).expect("right");
    config(|config| config.deflate = Some(deflate))
}

/// Messages of all kinds.
fn messages() -> Vec<Message> {
    let text = |len: usize| {
        let words = (0_u32..).map(|word| format!("{} ", word.wrapping_mul(2_654_435_761) % 1009));
        words.take(len / 2).collect::<String>().chars().take(len).collect::<String>()
    };
    let mut seed = 1_u32;
    let noise = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed.to_be_bytes()[0]
    });
    let mut messages: Vec<_> =
        [0, 1, 63, 64, 1000, 1000, 70_000, 1000].map(|len| Message::Text(text(len))).into();
    messages.push(Message::Binary(noise.take(1_000_000).collect()));
    messages.push(Message::Text(text(500)));
    messages
}

/// Serves one connection, which echoes, on a blocking stream.
fn blocking_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let uri = format!("ws://{}/", listener.local_addr().expect("bound"));
    thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let incoming = blocking::accept(stream, compressing()).expect("a request");
        let mut websocket = incoming.accept(Acceptance::new()).expect("connected");
        assert!(websocket.connection().deflate().is_some());
        while let Some(message) = websocket.read().expect("no failure") {
            websocket.send(message).expect("connected");
        }
    });
    uri
}

/// The same on tokio.
async fn asynchronous_server() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let uri = format!("ws://{}/", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let incoming = asynchronous::accept(stream, compressing()).await.expect("a request");
        let mut websocket = incoming.accept(Acceptance::new()).await.expect("connected");
        assert!(websocket.connection().deflate().is_some());
        while let Some(message) = websocket.read().await.expect("no failure") {
            websocket.send(message).await.expect("connected");
        }
    });
    uri
}

fn request(uri: &str) -> ClientRequest {
    ClientRequest::new(uri).expect("a URI")
}

// 7692-5-20, 6455-4.1-67: over both adapters
#[test]
fn messages_come_back() {
    within(|| {
        runtime().block_on(async {
            let uri = blocking_server();
            let (mut websocket, response) =
                asynchronous::connect(request(&uri), compressing()).await.expect("connected");
            assert_eq!(response.extensions().count(), 1);
            for message in messages() {
                websocket.send(message.clone()).await.expect("connected");
                let echo = websocket.read().await.expect("no failure").expect("open");
                assert!(echo == message, "{} octets", message.as_bytes().len());
            }
            websocket.close(CloseCode::NORMAL, "").await.expect("closed");
        });
        let server = runtime();
        let uri = server.block_on(asynchronous_server());
        let serving = thread::spawn(move || server.block_on(std::future::pending::<()>()));
        let (mut websocket, _) =
            blocking::connect(request(&uri), compressing()).expect("connected");
        for message in messages() {
            websocket.send(message.clone()).expect("connected");
            let echo = websocket.read().expect("no failure").expect("open");
            assert!(echo == message, "{} octets", message.as_bytes().len());
        }
        websocket.close(CloseCode::NORMAL, "").expect("closed");
        drop(serving);
    });
}

#[test]
fn halves_compress_and_inflate_at_once() {
    within(|| {
        runtime().block_on(async {
            let uri = blocking_server();
            let (websocket, _) =
                asynchronous::connect(request(&uri), compressing()).await.expect("connected");
            let (mut reader, mut writer) = websocket.split();
            let writing = tokio::spawn(async move {
                for message in messages() {
                    writer.send(message).await.expect("connected");
                }
                writer
            });
            for message in messages() {
                let echo = reader.next().await.expect("open").expect("no failure");
                assert!(echo == message, "{} octets", message.as_bytes().len());
            }
            writing.await.expect("written");
        });
        let uri = blocking_server();
        let (websocket, _) = blocking::connect(request(&uri), compressing()).expect("connected");
        let stream = websocket.stream().try_clone().expect("a socket");
        let (mut reader, mut writer) = websocket.split(stream);
        let writing = thread::spawn(move || {
            for message in messages() {
                writer.send(message).expect("connected");
            }
            writer
        });
        for message in messages() {
            let echo = reader.read().expect("no failure").expect("open");
            assert!(echo == message, "{} octets", message.as_bytes().len());
        }
        writing.join().expect("written");
    });
}

// A prepared message, and one that is not to be compressed, go the same way.
#[test]
fn prepared_messages_come_back() {
    within(|| {
        runtime().block_on(async {
            let uri = blocking_server();
            let (mut websocket, _) =
                asynchronous::connect(request(&uri), compressing()).await.expect("connected");
            let text = "news, ".repeat(1000);
            let prepared = PreparedMessage::new(&text, &DeflateConfig::default());
            for _ in 0..3 {
                websocket.send(&prepared).await.expect("connected");
                websocket.send(Payload::from(&text).uncompressed()).await.expect("connected");
                websocket.send(&text).await.expect("connected");
                for _ in 0..3 {
                    let echo = websocket.read().await.expect("no failure").expect("open");
                    assert_eq!(echo.as_text(), Some(&*text));
                }
            }
        });
    });
}
