//! Streams that do less than they are asked for.

use std::{io::ErrorKind, mem};

use framewise::{Connection, Error, Event, Role, blocking, tokio::WebSocket};

use crate::support::{
    Bring, Grant, Op, Scripted, events_from, finish, from_client, runtime, server, texts,
};

fn echo(connection: &mut Connection, event: Event<'_>) {
    match event {
        Event::Text(text) => connection.send_text(text).unwrap(),
        Event::Binary(payload) => connection.send_binary(payload).unwrap(),
        _ => {}
    }
}

/// Several messages, a Ping and a Close.
fn conversation() -> Vec<u8> {
    from_client(|peer| {
        peer.send("a").unwrap();
        peer.send("ä".repeat(100)).unwrap();
        peer.ping(b"p").unwrap();
        peer.send(vec![7; 70_000]).unwrap();
        peer.close(framewise::CloseCode::NORMAL, "").unwrap();
    })
}

// 6455-6.1-10, 6455-2.1-02, R56
#[test]
fn short_reads_and_writes_of_every_length_change_nothing() {
    let bytes = conversation();
    let mut expected = None;
    for len in (1..40).chain([125, 126, 1000, 4096, 65_536, 1 << 20]) {
        for vectored in [false, true] {
            // The long message octet by octet would take its time in a debug build.
            let step = if len < 5 { 7_000 } else { len * 100 };
            let reads =
                bytes.chunks(len.max(bytes.len() / 5000)).map(|piece| Bring::Bytes(piece.to_vec()));
            let script = || {
                let stream = Scripted::new(reads.clone().chain([Bring::Eof]));
                let mut script = stream.script();
                script.vectored = vectored;
                script.writes.extend((0..200).map(|_| Grant::Take(len)));
                script.writes.extend((0..1000).map(|_| Grant::Take(step)));
                drop(script);
                stream
            };

            let stream = script();
            let mut websocket = blocking::WebSocket::new(stream.clone(), server());
            while let Some(mut batch) = websocket.fill().unwrap() {
                while let Some(event) = batch.next() {
                    echo_open(batch.connection_mut(), event);
                }
            }
            let written = stream.written();
            assert_eq!(*expected.get_or_insert_with(|| written.clone()), written, "{len}");

            let stream = script();
            let mut websocket = WebSocket::new(stream.clone(), server());
            runtime().block_on(async {
                while let Some(mut batch) = finish(websocket.fill(), 5000).unwrap() {
                    while let Some(event) = batch.next() {
                        echo_open(batch.connection_mut(), event);
                    }
                }
            });
            assert_eq!(expected.as_ref(), Some(&stream.written()), "{len}");
        }
    }
    let events = events_from(Role::Server, &expected.unwrap());
    assert_eq!(texts(&events), ["a".to_owned(), "ä".repeat(100)]);
    assert!(events.contains(&Event::Binary(vec![7; 70_000].into())));
}

fn echo_open(connection: &mut Connection, event: Event<'_>) {
    if connection.state() == framewise::State::Open {
        echo(connection, event);
    }
}

// 6455-6.1-10
#[test]
fn interrupted_calls_are_repeated() {
    let bytes = from_client(|peer| peer.send("again").unwrap());
    let stream =
        Scripted::new([Bring::Error(ErrorKind::Interrupted), Bring::Bytes(bytes), Bring::Eof]);
    stream.script().writes.extend([Grant::Error(ErrorKind::Interrupted), Grant::Take(3)]);
    let mut websocket = blocking::WebSocket::new(stream.clone(), server());
    let message = websocket.read().unwrap().unwrap();
    stream.script().flushes.extend([Grant::Error(ErrorKind::Interrupted); 2]);
    websocket.send(message).unwrap();
    assert_eq!(stream.written(), b"\x81\x05again");
    assert_eq!(stream.log().last(), Some(&Op::Flush));

    let (_reader, mut writer) = websocket.split(stream.clone());
    stream.script().flushes.push_back(Grant::Error(ErrorKind::Interrupted));
    writer.send("and again").unwrap();
    assert_eq!(stream.log().last(), Some(&Op::Flush));
}

// What a batch was given is unmasked: to parse it again would make garbage of it.
#[test]
fn octets_of_a_forgotten_batch_are_not_parsed_again() {
    let read = |text: &str| Bring::Bytes(from_client(|peer| peer.send(text).unwrap()));
    let script = || Scripted::new([read("forgotten"), read("remembered")]);
    let forgotten = Event::Text("forgotten".into());

    let mut websocket = blocking::WebSocket::new(script(), server());
    let mut batch = websocket.fill().unwrap().unwrap();
    assert_eq!(batch.next().as_ref(), Some(&forgotten));
    mem::forget(batch);
    assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("remembered"));

    let stream = script();
    let (mut reader, _writer) = blocking::WebSocket::new(stream.clone(), server()).split(stream);
    let mut batch = reader.fill().unwrap().unwrap();
    assert_eq!(batch.next().as_ref(), Some(&forgotten));
    mem::forget(batch);
    assert_eq!(reader.read().unwrap().unwrap().as_text(), Some("remembered"));

    runtime().block_on(async {
        let mut websocket = WebSocket::new(script(), server());
        let mut batch = finish(websocket.fill(), 3).unwrap().unwrap();
        assert_eq!(batch.next().as_ref(), Some(&forgotten));
        mem::forget(batch);
        let message = finish(websocket.read(), 3).unwrap().unwrap();
        assert_eq!(message.as_text(), Some("remembered"));

        let (mut reader, _writer) = WebSocket::new(script(), server()).split();
        let mut batch = finish(reader.fill(), 3).unwrap().unwrap();
        assert_eq!(batch.next().as_ref(), Some(&forgotten));
        mem::forget(batch);
        let message = finish(reader.read(), 3).unwrap().unwrap();
        assert_eq!(message.as_text(), Some("remembered"));
    });
}

// A stream that is not blocking, or has a timeout of its own: the call can be repeated.
#[test]
fn a_read_that_would_block_loses_nothing() {
    let bytes = from_client(|peer| peer.send("in two pieces").unwrap());
    for kind in [ErrorKind::WouldBlock, ErrorKind::TimedOut] {
        let (front, back) = bytes.split_at(7);
        let stream = Scripted::new([
            Bring::Bytes(front.to_vec()),
            Bring::Error(kind),
            Bring::Bytes(back.to_vec()),
        ]);
        let mut websocket = blocking::WebSocket::new(stream, server());
        let error = websocket.read().unwrap_err();
        assert!(matches!(error, Error::Io(error) if error.kind() == kind));
        assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("in two pieces"));
    }
}

#[test]
fn a_write_that_would_block_loses_nothing() {
    let stream = Scripted::default();
    stream.script().writes.extend([Grant::Take(3), Grant::Later]);
    let mut websocket = blocking::WebSocket::new(stream.clone(), server());
    assert!(matches!(websocket.send("Hello"), Err(Error::Io(_))));
    websocket.flush().unwrap();
    assert_eq!(stream.written(), b"\x81\x05Hello");
}

// 6455-7.2.1-02: a reset at every octet of a conversation is an end, and nothing hangs or panics.
#[test]
fn an_end_at_every_octet() {
    let bytes = conversation();
    for len in (0..300).chain([bytes.len() - 3, bytes.len()]) {
        for end in [Bring::Eof, Bring::Error(ErrorKind::ConnectionReset)] {
            let script = || Scripted::new([Bring::Bytes(bytes[..len].to_vec()), end.clone()]);
            let mut websocket = blocking::WebSocket::new(script(), server());
            let blocking = loop {
                match websocket.read() {
                    Ok(Some(_)) => {}
                    Ok(None) => break true,
                    Err(Error::Io(_)) => break false,
                    Err(error) => panic!("{error}"),
                }
            };
            let blocking = (blocking, websocket.end());
            let mut websocket = WebSocket::new(script(), server());
            let asynchronous = runtime().block_on(async {
                loop {
                    match finish(websocket.read(), 10) {
                        Ok(Some(_)) => {}
                        Ok(None) => break true,
                        Err(Error::Io(_)) => break false,
                        Err(error) => panic!("{error}"),
                    }
                }
            });
            assert_eq!(blocking, (asynchronous, websocket.end()));
        }
    }
}

// A failed write is told to who sends, and never spins.
#[test]
fn a_failed_write_is_told_once_and_for_all() {
    let stream = Scripted::default();
    stream.script().writes.push_back(Grant::Error(ErrorKind::BrokenPipe));
    let mut websocket = WebSocket::new(stream.clone(), server());
    runtime().block_on(async {
        assert!(matches!(finish(websocket.send("a"), 3), Err(Error::Io(_))));
        assert!(matches!(finish(websocket.send("b"), 3), Err(Error::Io(_))));
    });
    assert!(stream.written().is_empty());
}
