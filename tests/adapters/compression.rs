//! Compressed messages through the adapters (RFC 7692 §6).

use std::{net::TcpListener, thread};

use framewise::{
    CloseCode, Config, Connection, Message, Payload, PreparedMessage, blocking,
    deflate::{DeflateConfig, Level},
    handshake::{Acceptance, ClientRequest},
    tokio as asynchronous,
};
use futures_util::StreamExt as _;

use crate::support::{
    Grant, SEED, Scripted, config, finish, poll_times, receive, runtime as stopped_runtime, texts,
    within,
};

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
            let (mut reader, mut writer) = websocket.into_split();
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
        let (mut reader, mut writer) = websocket.into_split(stream);
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

// A send that is given up where it waits, for room or for the stream, has queued the whole message or
// has left nothing in the compressor: what comes next refers to what the peer has got.
// R23, R59
#[test]
fn compressing_sends_can_be_dropped_anywhere() {
    // Half of each is in one before, and little can be gained else.
    let message = |from: u32| {
        let words = (from..from + 120).map(|word| word.wrapping_mul(2_654_435_761));
        words.map(|word| format!("{word:x} ")).collect::<String>()
    };
    let [first, middle, last] = [0, 60, 90].map(message);
    let agreed = DeflateConfig::default().confirm(b"permessage-deflate").expect("right");
    let agreed = agreed.expect("accepted");
    let compressing = |max_output| {
        let mut config = compressing();
        config.max_output = max_output;
        config
    };
    for (roomy, in_halves, feeds) in
        (0..8).map(|bits| (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0))
    {
        // With less, the second has to wait until the first is written.
        let max_output = if roomy { 1 << 20 } else { 1400 };
        let (mut was_sent, mut waits) = (false, 0);
        loop {
            let case = format!("room {roomy}, halves {in_halves}, {feeds}, {waits} polls and one");
            let stream = Scripted::default();
            stream.script().writes.extend((0..400).flat_map(|_| [Grant::Later, Grant::Take(50)]));
            let mut connection = Connection::server(compressing(max_output));
            connection.set_deflate(agreed);
            connection.send(&first).expect("there is room");
            let mut websocket = asynchronous::WebSocket::new(stream.clone(), connection);
            let completed = stopped_runtime().block_on(async {
                if in_halves {
                    let (_reader, mut writer) = websocket.into_split();
                    let completed = if feeds {
                        poll_times(writer.feed(&middle), waits + 1)
                    } else {
                        poll_times(writer.send(&middle), waits + 1)
                    };
                    finish(writer.send(&last), 1000).expect("connected");
                    return completed;
                }
                let completed = if feeds {
                    poll_times(websocket.feed(&middle), waits + 1)
                } else {
                    poll_times(websocket.send(&middle), waits + 1)
                };
                finish(websocket.send(&last), 1000).expect("connected");
                completed
            });
            let mut peer = Connection::client(compressing(1 << 20), SEED);
            peer.set_deflate(agreed);
            let events = receive(&mut peer, &stream.written());
            let found = texts(&events);
            let is_sent = found.len() == 3;
            let expected = if is_sent { vec![&first, &middle, &last] } else { vec![&first, &last] };
            assert!(found.iter().eq(expected), "{case}");
            assert!(stream.written().len() < 2500, "{case}: they refer to one another");
            assert!(is_sent || !was_sent, "{case}: sent after fewer polls");
            was_sent = is_sent;
            if let Some(result) = completed {
                result.expect("connected");
                assert!(is_sent, "{case}");
                break;
            }
            waits += 1;
        }
        assert_eq!(waits == 0, roomy && feeds, "it waits {waits} times");
    }
}

// R51
#[test]
fn adapters_are_send() {
    fn check<T: Send + Sync + 'static>() {}
    check::<blocking::WebSocket<std::net::TcpStream>>();
    check::<asynchronous::WebSocket<tokio::net::TcpStream>>();
    check::<(
        asynchronous::Reader<tokio::net::TcpStream>,
        asynchronous::Writer<tokio::net::TcpStream>,
    )>();
}
