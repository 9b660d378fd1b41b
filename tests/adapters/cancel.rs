//! Every future of the tokio adapter can be dropped at every point where it waits.

use framewise::{
    Config, Message,
    handshake::{Acceptance, ClientRequest},
    tokio::WebSocket,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{
    Bring, Grant, REQUEST, SEED, Scripted, events_from, finish, from_client, poll_times, runtime,
    server, texts,
};

/// A stream on which everything takes several polls: each octet comes and goes by itself.
fn slow(bytes: &[u8]) -> Scripted {
    let stream =
        Scripted::new(bytes.iter().flat_map(|&octet| [Bring::Later, Bring::Bytes(vec![octet])]));
    stream.script().writes.extend((0..400).flat_map(|_| [Grant::Later, Grant::Take(1)]));
    stream.script().flushes.extend([Grant::Later; 40]);
    stream
}

// R59, 6455-6.1-10
#[test]
fn reading_can_be_dropped_anywhere() {
    let sent = ["one", "twö", "three"];
    let bytes = from_client(|peer| {
        for text in sent {
            peer.send(text).unwrap();
            peer.ping(text.as_bytes()).unwrap();
        }
    });
    for polls in 1..40 {
        let stream = slow(&bytes);
        let mut websocket = WebSocket::new(stream.clone(), server());
        let mut received = Vec::new();
        runtime().block_on(async {
            for _ in 0..2000 {
                // Alternates between the ways to receive and to write.
                if let Some(message) = poll_times(websocket.read(), polls) {
                    received.push(message.unwrap().unwrap());
                }
                let _ = poll_times(websocket.flush(), polls);
                if poll_times(websocket.readable(), polls).is_some() {
                    let mut batch = websocket.batch();
                    if let Some(framewise::Event::Text(text)) = batch.next() {
                        received.push(Message::Text(text.into_owned()));
                    }
                }
                let all_read = stream.script().reads.is_empty();
                if all_read && received.len() == sent.len() && !websocket.connection().has_output()
                {
                    break;
                }
            }
        });
        let received: Vec<_> = received.iter().filter_map(Message::as_text).collect();
        assert_eq!(received, sent, "dropped after {polls} polls");
        // Each Ping was answered once.
        let answered = events_from(framewise::Role::Server, &stream.written());
        assert_eq!(answered.len(), sent.len(), "dropped after {polls} polls");
    }
}

// R59
#[test]
fn sending_can_be_dropped_anywhere() {
    for polls in 1..60 {
        let stream = slow(b"");
        let mut websocket = WebSocket::new(stream.clone(), server());
        runtime().block_on(async {
            // The first poll queues it: from then on it is sent, once.
            let first = poll_times(websocket.send("first"), polls);
            let second = poll_times(websocket.send("second"), polls);
            assert!(
                first.is_none_or(|sent| sent.is_ok()) && second.is_none_or(|sent| sent.is_ok())
            );
            finish(websocket.flush(), 500).unwrap();
        });
        let events = events_from(framewise::Role::Server, &stream.written());
        assert_eq!(texts(&events), ["first", "second"], "dropped after {polls} polls");
    }
}

// R59: a message that waits for room is either queued or not.
#[test]
fn a_message_that_waits_for_room_is_sent_or_not() {
    for polls in 1..30 {
        let stream = Scripted::default();
        stream.script().writes.extend((0..2000).flat_map(|_| [Grant::Later, Grant::Take(10_000)]));
        let mut websocket = WebSocket::new(stream.clone(), server());
        let fed = runtime().block_on(async {
            finish(websocket.feed(vec![1; 100_000]), 3).unwrap();
            let fed = poll_times(websocket.feed("behind"), polls).is_some();
            finish(websocket.flush(), 3000).unwrap();
            fed
        });
        let events = events_from(framewise::Role::Server, &stream.written());
        assert_eq!(texts(&events).len(), usize::from(fed), "dropped after {polls} polls");
    }
}

// R59: closing, too; it goes on where it was.
#[test]
fn closing_can_be_dropped_anywhere() {
    let answer = from_client(|peer| peer.close(framewise::CloseCode::NORMAL, "").unwrap());
    for polls in 1..30 {
        let stream = slow(&answer);
        stream.script().reads.push_back(Bring::Eof);
        let mut websocket = WebSocket::new(stream.clone(), server());
        let end = runtime().block_on(async {
            let code = framewise::CloseCode::GOING_AWAY;
            let _ = poll_times(websocket.close(code, ""), polls);
            finish(websocket.close(code, ""), 200).unwrap()
        });
        assert_eq!(end, framewise::EndOfStream::Clean);
        assert_eq!(stream.written(), b"\x88\x02\x03\xe9", "dropped after {polls} polls");
        assert_eq!(stream.shutdowns(), 1);
    }
}

// R41, R59
#[test]
fn accepting_slowly_loses_nothing() {
    let bytes = [REQUEST, &from_client(|peer| peer.send("glued").unwrap())].concat();
    let stream = slow(&bytes);
    runtime().block_on(async {
        let accept = framewise::tokio::accept(stream.clone(), Config::default());
        let incoming = finish(accept, 1000).unwrap();
        let mut websocket = finish(incoming.accept(Acceptance::new()), 1000).unwrap();
        let message = finish(websocket.read(), 100).unwrap().unwrap();
        assert_eq!(message.as_text(), Some("glued"));
    });
}

// R59: a handshake that is given up takes the stream with it.
#[test]
fn a_handshake_can_be_dropped_anywhere() {
    let answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    runtime().block_on(async {
        for polls in 1..400 {
            let stream = slow(REQUEST);
            let accepted =
                poll_times(framewise::tokio::accept(stream.clone(), Config::default()), polls);
            assert!(accepted.is_none_or(|incoming| incoming.is_ok()));
            assert_eq!(std::sync::Arc::strong_count(stream.shared()), 1, "{polls} polls");

            let stream = slow(answer);
            let request = ClientRequest::new("ws://localhost/").unwrap();
            let client = framewise::tokio::client(stream.clone(), request, Config::default(), SEED);
            assert!(poll_times(client, polls).is_none_or(|opened| opened.is_err()));
            assert_eq!(std::sync::Arc::strong_count(stream.shared()), 1, "{polls} polls");
        }
    });
}

// 6455-4.1-06, R59: and makes way for the next one to the same address.
#[tokio::test]
async fn connecting_can_be_dropped() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("ws://{}/", listener.local_addr().unwrap());
    let connect = || {
        let request = ClientRequest::new(&uri).unwrap();
        tokio::spawn(framewise::tokio::connect(request, Config::default()))
    };
    let first = connect();
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.read_u8().await.unwrap();
    let second = connect();
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"\r\n\r\n"), "the stream ends behind the request");

    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    assert!(second.await.unwrap().is_err());
}
