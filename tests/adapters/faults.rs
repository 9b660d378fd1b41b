//! Streams that do less than they are asked for.

use std::{io::ErrorKind, mem, time::Duration};

use framewise::{
    CloseCode, Connection, EndOfStream, Error, Event, Message, Role, blocking, tokio::WebSocket,
};

use crate::{
    conversation::{DRIVERS, Driver, ROLES, Recorded, converse, kind},
    support::{
        Bring, Grant, Op, Scripted, config, events_from, finish, from_client, runtime, server,
        texts, within,
    },
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
        peer.close(CloseCode::NORMAL, "").unwrap();
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

// 6455-6.1-10, 6455-2.1-02: the handshake and halves, too, in both roles.
#[test]
fn conversations_in_pieces_of_every_length_are_the_same() {
    for role in ROLES {
        let recorded = Recorded::new(role, 10);
        for driver in DRIVERS {
            let mut expected: Option<Vec<u8>> = None;
            for len in (1..=recorded.head + 1).rev() {
                let pieces = recorded.bytes.chunks(len).map(|piece| Bring::Bytes(piece.to_vec()));
                let stream = Scripted::new(pieces.chain([Bring::Eof]));
                let mut script = stream.script();
                script.vectored = len % 2 == 0;
                script.writes.extend((0..1000).map(|_| Grant::Take(len)));
                drop(script);
                let case = format!("{driver:?} {role:?} {len}");
                let outcome = converse(driver, role, &stream);
                assert_eq!(outcome.messages, recorded.before(usize::MAX), "{case}");
                assert_eq!(outcome.end, Some(EndOfStream::Clean), "{case}");
                assert!(outcome.unread.is_none() && outcome.unsent.is_none(), "{case}");
                let written = stream.written();
                // The answer to the Ping leaves before or behind what is sent back.
                let sorted = |written: &[u8]| {
                    let mut octets = written.to_vec();
                    octets.sort_unstable();
                    octets
                };
                match (&expected, role) {
                    (None, _) => expected = Some(written),
                    // A client's masks depend on the order of its frames.
                    (Some(expected), Role::Client) => {
                        assert_eq!(expected.len(), written.len(), "{case}");
                    }
                    (Some(expected), Role::Server) => {
                        assert_eq!(sorted(expected), sorted(&written), "{case}");
                    }
                }
            }
        }
    }
}

// 6455-6.1-10: and at every call of a conversation; a stream of tokio's must not say this.
#[test]
fn every_call_is_interrupted_once() {
    for role in ROLES {
        let recorded = Recorded::new(role, 10);
        for driver in DRIVERS {
            let interrupted = || Bring::Error(ErrorKind::Interrupted);
            let octets =
                recorded.bytes.iter().flat_map(|&octet| [interrupted(), Bring::Bytes(vec![octet])]);
            let stream = Scripted::new(octets.chain([interrupted(), Bring::Eof]));
            let interrupt = Grant::Error(ErrorKind::Interrupted);
            let mut script = stream.script();
            script.writes.extend((0..1000).flat_map(|_| [interrupt, Grant::Take(1)]));
            script.flushes.extend((0..20).flat_map(|_| [interrupt, Grant::Take(1)]));
            drop(script);
            let outcome = converse(driver, role, &stream);
            if driver.is_blocking() {
                assert_eq!(outcome.messages, recorded.before(usize::MAX), "{driver:?} {role:?}");
                assert_eq!(outcome.end, Some(EndOfStream::Clean), "{driver:?} {role:?}");
                assert!(outcome.unread.is_none() && outcome.unsent.is_none());
            } else {
                let told = kind(outcome.unopened.as_ref());
                assert_eq!(told, Some(ErrorKind::Interrupted), "{driver:?} {role:?}");
            }
        }
    }
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

// The handshake has no call that could be repeated.
#[test]
fn a_handshake_that_would_block_fails() {
    for driver in [Driver::Blocking, Driver::BlockingHalves] {
        for role in ROLES {
            let recorded = Recorded::new(role, 10);
            for cut in 0..recorded.head {
                let front = Bring::Bytes(recorded.bytes[..cut].to_vec());
                let pieces = if cut == 0 { vec![] } else { vec![front] };
                let outcome = converse(driver, role, &Scripted::new(pieces));
                assert_eq!(kind(outcome.unopened.as_ref()), Some(ErrorKind::WouldBlock));
            }
        }
    }
}

// Every read, write and flush has to be repeated, at every octet.
#[test]
fn a_conversation_that_would_block_at_every_octet() {
    let bytes = from_client(|peer| {
        peer.send("one").unwrap();
        peer.ping(b"p").unwrap();
        peer.send("two").unwrap();
        peer.close(CloseCode::NORMAL, "").unwrap();
    });
    let would_block = |error: Error| {
        assert!(matches!(error, Error::Io(error) if error.kind() == ErrorKind::WouldBlock))
    };
    for split in [false, true] {
        let octets = bytes.iter().flat_map(|&octet| [Bring::Later, Bring::Bytes(vec![octet])]);
        let stream = Scripted::new(octets.chain([Bring::Later, Bring::Eof]));
        let mut script = stream.script();
        script.writes.extend((0..100).flat_map(|_| [Grant::Later, Grant::Take(1)]));
        script.flushes.extend((0..10).flat_map(|_| [Grant::Later, Grant::Take(1)]));
        drop(script);
        let mut messages = Vec::new();
        let mut calls = 0;
        let end = if split {
            let websocket = blocking::WebSocket::new(stream.clone(), server());
            let (mut reader, mut writer) = websocket.split(stream.clone());
            while calls < 1000 {
                calls += 1;
                match reader.read() {
                    Ok(None) => break,
                    Ok(Some(message)) => {
                        writer.feed(message.clone()).unwrap();
                        messages.push(message);
                        while let Err(error) = writer.flush() {
                            would_block(error);
                        }
                    }
                    Err(error) => would_block(error),
                }
            }
            reader.end()
        } else {
            let mut websocket = blocking::WebSocket::new(stream.clone(), server());
            while calls < 1000 {
                calls += 1;
                match websocket.read() {
                    Ok(None) => break,
                    Ok(Some(message)) => {
                        messages.push(message.clone());
                        // It is queued, whatever becomes of the write.
                        if let Err(error) = websocket.send(message) {
                            would_block(error);
                        }
                    }
                    Err(error) => would_block(error),
                }
            }
            websocket.end()
        };
        assert_eq!(messages, [Message::Text("one".into()), Message::Text("two".into())]);
        assert_eq!(end, Some(EndOfStream::Clean), "split: {split}");
        let events = events_from(Role::Server, &stream.written());
        assert_eq!(texts(&events), ["one", "two"], "split: {split}");
        assert!(events.contains(&Event::Pong(b"p".into())), "split: {split}");
        assert!(matches!(events.last(), Some(Event::Close(_))), "split: {split}");
    }
}

/// What is left when the peer has ended its direction: the answer to its Close, or a message.
fn left_over() -> [(Vec<Bring>, Option<&'static str>, &'static [u8]); 2] {
    let close = from_client(|peer| peer.close(CloseCode::NORMAL, "").unwrap());
    [
        (vec![Bring::Bytes(close), Bring::Eof], None, b"\x88\x02\x03\xe8"),
        (vec![Bring::Eof], Some("left"), b"\x81\x04left"),
    ]
}

// The peer has ended its direction at once; there is still somebody to take what is left.
#[test]
fn what_would_block_behind_the_end_is_written_by_a_later_read() {
    for ((reads, text, left), kind, split) in [ErrorKind::WouldBlock, ErrorKind::TimedOut]
        .into_iter()
        .flat_map(|kind| [false, true].map(|split| (kind, split)))
        .flat_map(|(kind, split)| left_over().map(|left| (left, kind, split)))
    {
        let case = format!("{text:?} {kind} split: {split}");
        let later = Grant::Error(kind);
        let stream = Scripted::new(reads);
        stream.script().writes.extend([later, Grant::Take(1), later]);
        stream.script().flushes.push_back(later);
        let mut websocket = blocking::WebSocket::new(stream.clone(), server());
        if let Some(text) = text {
            websocket.connection_mut().send(text).unwrap();
        }
        let mut repeated = 0;
        let mut ended = |read| match read {
            Ok(message) => {
                assert_eq!(message, None, "{case}");
                true
            }
            Err(Error::Io(error)) if error.kind() == kind => {
                repeated += 1;
                false
            }
            Err(error) => panic!("{case}: {error}"),
        };
        if split {
            let (mut reader, _writer) = websocket.split(stream.clone());
            while !ended(reader.read()) {}
        } else {
            while !ended(websocket.read()) {}
        }
        assert_eq!(repeated, 3, "{case}");
        assert_eq!(stream.written(), left, "{case}");
        let log = stream.log();
        let shutdown = log.iter().position(|op| *op == Op::Shutdown).unwrap();
        assert_eq!(log[..shutdown].iter().rfind(|op| !matches!(op, Op::Read(_))), Some(&Op::Flush));
        assert_eq!(stream.shutdowns(), 1, "{case}");
    }
}

// But there is an end to it.
#[test]
fn what_would_block_behind_the_end_for_ever_is_given_up() {
    for (reads, text, _) in left_over() {
        within(move || {
            let stream = Scripted::new(reads);
            stream.block();
            let impatient = config(|config| config.close_timeout = Some(Duration::from_millis(20)));
            let websocket = blocking::WebSocket::new(stream.clone(), Connection::server(impatient));
            let (mut reader, mut writer) = websocket.split(stream.clone());
            if let Some(text) = text {
                writer.feed(text).unwrap();
            }
            let mut repeated = 0;
            while let Err(error) = reader.read() {
                assert!(matches!(error, Error::Io(error) if error.kind() == ErrorKind::WouldBlock));
                repeated += 1;
            }
            assert!(repeated > 0 && reader.end().is_some());
            assert_eq!(stream.shutdowns(), 1);
            assert!(writer.flush().is_err(), "it is lost, and that is no secret");
        });
    }
}

// A reply that could not be written is not forgotten, though nobody writes anything else.
#[test]
fn a_reply_that_would_block_is_written_by_a_later_read() {
    for split in [false, true] {
        let ping = from_client(|peer| peer.ping(b"p").unwrap());
        let stream = Scripted::new([Bring::Bytes(ping), Bring::Later, Bring::Later]);
        stream.script().writes.push_back(Grant::Later);
        let mut websocket = blocking::WebSocket::new(stream.clone(), server());
        if split {
            let (mut reader, _writer) = websocket.split(stream.clone());
            assert!(reader.read().is_err() && reader.read().is_err());
        } else {
            assert!(websocket.read().is_err() && websocket.read().is_err());
        }
        assert_eq!(stream.written(), b"\x8a\x01p", "split: {split}");
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

// Who reads goes on reading; who writes is told, though the write has failed under the reader.
#[test]
fn a_write_that_fails_while_reading_is_told_to_who_writes() {
    let script = || {
        let texts = ["one", "two"].map(|text| from_client(|peer| peer.send(text).unwrap()));
        let stream = Scripted::new(texts.map(Bring::Bytes));
        stream.script().writes.push_back(Grant::Error(ErrorKind::BrokenPipe));
        stream
    };
    let told = |flushed| assert!(matches!(flushed, Err(Error::Io(_))), "{flushed:?}");

    let mut websocket = blocking::WebSocket::new(script(), server());
    websocket.connection_mut().send("lost").unwrap();
    assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("one"));
    assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("two"));
    told(websocket.flush());

    let stream = script();
    let (mut reader, mut writer) =
        blocking::WebSocket::new(stream.clone(), server()).split(stream.clone());
    writer.feed("lost").unwrap();
    stream.script().reads.push_front(Bring::Bytes(from_client(|peer| peer.ping(b"").unwrap())));
    assert_eq!(reader.read().unwrap().unwrap().as_text(), Some("one"));
    assert_eq!(reader.read().unwrap().unwrap().as_text(), Some("two"));
    told(writer.flush());

    runtime().block_on(async {
        let mut websocket = WebSocket::new(script(), server());
        websocket.connection_mut().send("lost").unwrap();
        assert_eq!(finish(websocket.read(), 3).unwrap().unwrap().as_text(), Some("one"));
        assert_eq!(finish(websocket.read(), 3).unwrap().unwrap().as_text(), Some("two"));
        told(finish(websocket.flush(), 3));

        let (mut reader, mut writer) = WebSocket::new(script(), server()).split();
        finish(writer.feed("lost"), 3).unwrap();
        assert_eq!(finish(reader.read(), 3).unwrap().unwrap().as_text(), Some("one"));
        assert_eq!(finish(reader.read(), 3).unwrap().unwrap().as_text(), Some("two"));
        told(finish(writer.flush(), 3));
    });
}
