//! K10, K17: taking a WebSocket apart, and writes in flight.

use std::time::Duration;

use framewise::{
    CloseCode, Config, Connection, Event, Input, blocking,
    driver::{Driver, Goal, Reads as _, Step, Unread, Writes as _},
    handshake::{Acceptance, ClientRequest},
    time,
    tokio::{WebSocket, accept, client_with_seed},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::support::soon;
use crate::{
    conversation::Recorded,
    support::{
        Bring, Grant, REQUEST, SEED, Scripted, config, drain, from_client, from_server, receive,
        server, texts,
    },
};

/// Three messages, one of them in fragments with a Ping inside.
fn frames(role: framewise::Role) -> Vec<u8> {
    crate::support::frames(role, |peer| {
        peer.send("one").unwrap();
        peer.send_fragment("t", false).unwrap();
        peer.ping(b"inside").unwrap();
        peer.send_fragment("wo", true).unwrap();
        peer.send("three").unwrap();
    })
}

/// Returns the texts that parts and what follows them make.
fn rest(driver: framewise::driver::Parts, later: &[u8]) -> Vec<String> {
    let mut all = texts(&driver.events);
    let mut connection = driver.connection;
    all.extend(texts(&receive(&mut connection, &driver.unread)));
    all.extend(texts(&receive(&mut connection, later)));
    all
}

// Every cut of what is glued to the request: what has come comes back, the rest follows.
#[tokio::test(start_paused = true)]
async fn k10_what_is_glued_to_the_request_comes_back() {
    let frames = frames(framewise::Role::Client);
    for cut in 0..=frames.len() {
        let glued = [REQUEST, &frames[..cut]].concat();
        let stream = Scripted::bytes(glued.clone());
        let incoming = accept(stream, config(|_| ())).await.unwrap();
        let parts = incoming.accept(Acceptance::new()).await.unwrap().into_parts();
        assert_eq!(parts.driver.unread, &frames[..cut]);
        assert_eq!(rest(parts.driver, &frames[cut..]), ["one", "two", "three"]);

        let stream = Scripted::bytes(glued);
        let incoming = blocking::accept(stream, config(|_| ())).unwrap();
        let parts = incoming.accept(Acceptance::new()).unwrap().into_parts();
        assert_eq!(rest(parts.driver, &frames[cut..]), ["one", "two", "three"]);
    }
}

#[tokio::test(start_paused = true)]
async fn k10_what_is_glued_to_the_response_comes_back() {
    let recorded = Recorded::new(framewise::Role::Client, 0);
    let head = &recorded.bytes[..recorded.head];
    let frames = frames(framewise::Role::Server);
    for cut in 0..=frames.len() {
        let glued = [head, &frames[..cut]].concat();
        let request = || ClientRequest::new("ws://localhost/").unwrap();
        let stream = Scripted::bytes(glued.clone());
        let (websocket, _) =
            client_with_seed(stream, request(), config(|_| ()), SEED).await.unwrap();
        let parts = websocket.into_parts();
        assert_eq!(parts.driver.unread, &frames[..cut]);
        assert_eq!(rest(parts.driver, &frames[cut..]), ["one", "two", "three"]);

        let stream = Scripted::bytes(glued);
        let (websocket, _) =
            blocking::client_with_seed(stream, request(), config(|_| ()), SEED).unwrap();
        assert_eq!(rest(websocket.into_parts().driver, &frames[cut..]), ["one", "two", "three"]);
    }
}

// Some was read already: the rest of a batch, in all ways to take one.
#[tokio::test(start_paused = true)]
async fn k10_what_is_left_of_a_batch_comes_back() {
    let frames = frames(framewise::Role::Client);
    for taken in 0..4 {
        for way in 0..3 {
            let stream = Scripted::bytes([REQUEST, &frames].concat());
            let incoming = accept(stream, config(|_| ())).await.unwrap();
            let mut websocket = incoming.accept(Acceptance::new()).await.unwrap();
            let mut got = Vec::new();
            for _ in 0..taken.min(3) {
                let message = match way {
                    0 => websocket.read().await.unwrap(),
                    1 => websocket.fill().await.unwrap().unwrap().next_message(),
                    _ => {
                        assert!(websocket.readable().await.unwrap());
                        websocket.batch().next_message()
                    }
                };
                got.extend(message.unwrap().as_text().map(str::to_owned));
            }
            let parts = websocket.into_parts();
            got.extend(rest(parts.driver, b""));
            assert_eq!(got, ["one", "two", "three"], "{taken} {way}");
        }
    }
}

// What was read ahead of a write that was blocked, and what was still to write.
#[tokio::test(start_paused = true)]
async fn k10_what_was_read_ahead_comes_back() {
    let frames = frames(framewise::Role::Client);
    for cut in 1..=frames.len() {
        let stream = Scripted::bytes(frames[..cut].to_vec());
        stream.script().writes.push_back(Grant::Take(3));
        stream.script().writes.extend([Grant::Later; 100]);
        let mut websocket = WebSocket::new(stream.clone(), server());
        let sending = websocket.send("0123456789");
        assert!(crate::support::poll_times(sending, 10).is_none());
        let mut parts = websocket.into_parts();
        let mut written = stream.written();
        written.extend(drain(&mut parts.driver.connection));
        // The Pong that was owed may be there, too.
        assert!(written.starts_with(b"\x81\x0a0123456789"));
        assert_eq!(rest(parts.driver, &frames[cut..]), ["one", "two", "three"], "{cut}");
    }
}

// The parts make a WebSocket again: the same adapter, or the other one.
#[tokio::test(start_paused = true)]
async fn k10_the_parts_make_a_websocket_again() {
    let frames = frames(framewise::Role::Client);
    for cut in 0..=frames.len() {
        let (stream, mut peer) = duplex(1 << 16);
        peer.write_all(&[REQUEST, &frames[..cut]].concat()).await.unwrap();
        let incoming = accept(stream, config(|_| ())).await.unwrap();
        let mut websocket = incoming.accept(Acceptance::new()).await.unwrap();
        peer.write_all(&frames[cut..]).await.unwrap();
        for text in ["one", "two", "three"] {
            let parts = websocket.into_parts();
            assert!(parts.driver.events.is_empty());
            websocket =
                WebSocket::with_unread(parts.stream, parts.driver.connection, parts.driver.unread);
            let message = soon(websocket.read()).await.unwrap().unwrap();
            assert_eq!(message.as_text(), Some(text));
        }
        // A message in the making is in the connection.
        let text = from_client(|peer| peer.send("in two reads").unwrap());
        peer.write_all(&text[..9]).await.unwrap();
        let reading = tokio::time::timeout(Duration::from_millis(1), websocket.read());
        assert!(reading.await.is_err());
        let parts = websocket.into_parts();
        let Connection { .. } = &parts.driver.connection;
        let stream = Scripted::new([Bring::Bytes(text[9..].to_vec()), Bring::Eof]);
        let mut websocket =
            blocking::WebSocket::with_unread(stream, parts.driver.connection, parts.driver.unread);
        assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("in two reads"));
    }
}

// A tunnel: what is behind the last frame, the Close, belongs to nobody else.
#[tokio::test(start_paused = true)]
async fn k10_behind_a_close_nothing_is_left() {
    let close = from_client(|peer| peer.close(CloseCode::NORMAL, "").unwrap());
    let (stream, mut peer) = duplex(1 << 16);
    peer.write_all(&[REQUEST, &close, b"and some rubbish"].concat()).await.unwrap();
    peer.shutdown().await.unwrap();
    let incoming = accept(stream, config(|_| ())).await.unwrap();
    let mut websocket = incoming.accept(Acceptance::new()).await.unwrap();
    assert!(websocket.read().await.unwrap().is_none());
    let parts = websocket.into_parts();
    assert!(parts.driver.events.is_empty());
    let mut sent = Vec::new();
    drop(parts);
    peer.read_to_end(&mut sent).await.unwrap();
    assert!(sent.ends_with(b"\x88\x02\x03\xe8"));
}

fn at(seconds: u64) -> time::Instant {
    time::Instant::from_origin(Duration::from_secs(seconds))
}

/// Lets all time pass.
fn give_up(connection: &mut Connection) {
    for second in 0..300 {
        while connection.poll_timeout(at(second)).is_some_and(|deadline| deadline <= at(second)) {
            let _ = connection.handle_timeout(at(second));
        }
    }
}

// A write in flight by the documented calls, whatever became of the connection meanwhile.
#[test]
fn k17_a_write_may_end_after_the_connection() {
    for (len, closes) in [(5, true), (5, false), (1000, true), (100_000, true), (100_000, false)] {
        for part in [1, 2, 1000] {
            let mut connection = server();
            connection.send(vec![0; len]).unwrap();
            if closes {
                connection.close(CloseCode::NORMAL, "").unwrap();
            }
            let chunk = connection.output().chunk().len();
            give_up(&mut connection);
            connection.output().advance(chunk.min(part));
            connection.output().advance(chunk);
            assert!(connection.output().is_empty());
            assert!(connection.send("late").is_err());
        }
    }
    // A failure of the peer's, or the end of its stream, and then the write ends.
    let mut connection = server();
    connection.send(vec![0; 1000]).unwrap();
    let len = connection.output().len();
    assert!(connection.receive(&mut Input::new(&mut [0xff, 0xff])).is_err());
    connection.output().advance(len);
    let close = drain(&mut connection);
    assert!(close.starts_with(b"\x88"));
}

#[test]
fn k17_a_write_of_a_half_may_end_after_the_connection() {
    let (mut receiving, mut sending) = server().into_split();
    sending.send(vec![0; 1000]).unwrap();
    sending.close(CloseCode::NORMAL, "").unwrap();
    let len = sending.output().chunk().len();
    for second in 0..300 {
        while receiving.poll_timeout(at(second)).is_some_and(|deadline| deadline <= at(second)) {
            let _ = receiving.handle_timeout(at(second));
        }
    }
    let _ = sending.has_output();
    sending.output().advance(len);
    assert!(!sending.has_output());
}

// By the driver: output that the transport owns, and gives back when it is too late.
#[test]
fn k17_output_may_come_back_after_the_connection() {
    for written in [0, 3, 1000, 1014] {
        for flushes in [false, true] {
            let mut driver = Driver::new(server());
            driver.connection_mut().send(vec![0; 1000]).unwrap();
            driver.connection_mut().close(CloseCode::NORMAL, "").unwrap();
            assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
            let mut output = driver.take_output();
            for second in 0..300 {
                driver.time(at(second));
            }
            let total = output.len();
            output.advance(written.min(total));
            driver.put_output(output);
            for _ in 0..10 {
                match driver.next(Goal::Flush) {
                    Ok(Step::Flush) if flushes => driver.flushed(),
                    Ok(Step::ShutDown) => driver.shut_down(),
                    Ok(Step::Read) => driver.read_pending(),
                    Ok(Step::Time) => driver.time(at(301)),
                    Ok(Step::Write) => panic!("it was given up"),
                    Ok(_) | Err(_) => break,
                }
            }
            assert!(driver.next(Goal::Flush).is_err() || written >= total);
        }
    }
}

// Bytes that somebody else has read are parsed in place of a read.
#[test]
fn k10_a_driver_takes_what_somebody_else_has_read() {
    let frames = frames(framewise::Role::Server);
    for cut in 0..=frames.len() {
        let unread = Unread::from(frames[..cut].to_vec());
        assert_eq!(unread.as_slice(), &frames[..cut]);
        let connection = Connection::client(Config::default(), SEED);
        let mut driver = Driver::with_unread(connection, unread);
        let mut got = Vec::new();
        let mut fed = false;
        loop {
            match driver.next(Goal::Events).unwrap() {
                Step::Ready => {
                    let mut batch = driver.batch();
                    while let Some(event) = batch.next() {
                        if let Event::Text(text) = event {
                            got.push(text.to_string());
                        }
                    }
                }
                Step::Read if !fed => {
                    fed = true;
                    driver.empty_buffer().extend_from_slice(&frames[cut..]);
                    driver.read(frames.len() - cut);
                    if cut == frames.len() {
                        break;
                    }
                }
                Step::Read => break,
                Step::Write => {
                    let len = driver.output().len();
                    driver.wrote(len);
                }
                Step::Flush => driver.flushed(),
                Step::Time => driver.time(at(0)),
                step => panic!("{step:?}"),
            }
        }
        assert_eq!(got, ["one", "two", "three"]);
    }
    let _ = from_server(|_| ());
}
