//! Streams that do less than they are asked for.

use std::{
    io::{self, ErrorKind, IoSlice, Read, Write},
    mem,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use framewise::{
    CloseCode, Config, Connection, EndOfStream, Error, Event, Message, Role, Timeout, blocking,
    tokio::WebSocket,
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
    let (mut reader, _writer) =
        blocking::WebSocket::new(stream.clone(), server()).into_split(stream);
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

        let (mut reader, _writer) = WebSocket::new(script(), server()).into_split();
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
            let (mut reader, mut writer) = websocket.into_split(stream.clone());
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
        stream.script().flushes.extend([later; 2]);
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
            let (mut reader, _writer) = websocket.into_split(stream.clone());
            while !ended(reader.read()) {}
        } else {
            while !ended(websocket.read()) {}
        }
        assert_eq!(repeated, 4, "{case}");
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
            let impatient =
                config(|config| config.close_timeout = Some(Duration::from_millis(100)));
            let websocket = blocking::WebSocket::new(stream.clone(), Connection::server(impatient));
            let (mut reader, mut writer) = websocket.into_split(stream.clone());
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
            let (mut reader, _writer) = websocket.into_split(stream.clone());
            assert!(reader.read().is_err() && reader.read().is_err());
        } else {
            assert!(websocket.read().is_err() && websocket.read().is_err());
        }
        assert_eq!(stream.written(), b"\x8a\x01p", "split: {split}");
    }
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
    let closed = || {
        let close = from_client(|peer| peer.close(CloseCode::NORMAL, "").unwrap());
        let stream = Scripted::new([Bring::Bytes(close), Bring::Eof]);
        stream.script().writes.push_back(Grant::Error(ErrorKind::BrokenPipe));
        stream
    };

    let mut websocket = blocking::WebSocket::new(script(), server());
    websocket.connection_mut().send("lost").unwrap();
    assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("one"));
    assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("two"));
    told(websocket.flush());
    told(websocket.flush());

    let stream = script();
    let (mut reader, mut writer) =
        blocking::WebSocket::new(stream.clone(), server()).into_split(stream.clone());
    writer.feed("lost").unwrap();
    stream.script().reads.push_front(Bring::Bytes(from_client(|peer| peer.ping(b"").unwrap())));
    assert_eq!(reader.read().unwrap().unwrap().as_text(), Some("one"));
    assert_eq!(reader.read().unwrap().unwrap().as_text(), Some("two"));
    told(writer.flush());
    told(writer.flush());

    // Also when it was the answer to a Close.
    let stream = closed();
    let (mut reader, mut writer) =
        blocking::WebSocket::new(stream.clone(), server()).into_split(stream);
    assert!(reader.read().unwrap().is_none());
    told(writer.flush());
    told(writer.flush());

    runtime().block_on(async {
        let mut websocket = WebSocket::new(script(), server());
        websocket.connection_mut().send("lost").unwrap();
        assert_eq!(finish(websocket.read(), 3).unwrap().unwrap().as_text(), Some("one"));
        assert_eq!(finish(websocket.read(), 3).unwrap().unwrap().as_text(), Some("two"));
        told(finish(websocket.flush(), 3));
        told(finish(websocket.flush(), 3));

        let (mut reader, mut writer) = WebSocket::new(script(), server()).into_split();
        finish(writer.feed("lost"), 3).unwrap();
        assert_eq!(finish(reader.read(), 3).unwrap().unwrap().as_text(), Some("one"));
        assert_eq!(finish(reader.read(), 3).unwrap().unwrap().as_text(), Some("two"));
        told(finish(writer.flush(), 3));
        told(finish(writer.flush(), 3));

        let (mut reader, mut writer) = WebSocket::new(closed(), server()).into_split();
        assert!(finish(reader.read(), 3).unwrap().is_none());
        told(finish(writer.flush(), 3));
        told(finish(writer.flush(), 3));
    });
}

/// A stream that knows timeouts, and keeps what it was told: those of reads, and those of writes.
#[derive(Clone)]
struct Timed {
    stream: Scripted,
    reads: Arc<Mutex<Vec<Option<Duration>>>>,
    writes: Arc<Mutex<Vec<Option<Duration>>>>,
}

impl Timed {
    fn new(reads: impl IntoIterator<Item = Bring>) -> Self {
        Self { stream: Scripted::new(reads), reads: Arc::default(), writes: Arc::default() }
    }

    fn reads(&self) -> Vec<Option<Duration>> {
        self.reads.lock().unwrap().clone()
    }
}

impl Read for Timed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buf)
    }
}

impl Write for Timed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream.write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl blocking::Stream for Timed {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<bool> {
        self.reads.lock().unwrap().push(timeout);
        Ok(true)
    }

    fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<bool> {
        self.writes.lock().unwrap().push(timeout);
        Ok(true)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.stream.shutdown_write()
    }
}

// Sockets refuse a timeout of zero. What is due already is waited for as shortly as can be.
#[test]
fn no_timeout_is_zero() {
    for split in [false, true] {
        let hurried = config(|config| {
            config.idle_timeout = Some(Duration::from_nanos(1));
            config.close_timeout = Some(Duration::ZERO);
        });
        let stream = Timed::new([]);
        let mut websocket = blocking::WebSocket::new(stream.clone(), Connection::server(hurried));
        let end = if split {
            let (mut reader, _writer) = websocket.into_split(stream.clone());
            assert!(reader.read().unwrap().is_none());
            reader.end()
        } else {
            assert!(websocket.read().unwrap().is_none());
            websocket.end()
        };
        assert_eq!(end, Some(EndOfStream::Incomplete));
        let told = [stream.reads(), stream.writes.lock().unwrap().clone()].concat();
        let times: Vec<_> = told.into_iter().flatten().collect();
        assert!(!times.is_empty() && !times.contains(&Duration::ZERO), "{times:?}");
    }
}

// A timeout is a system call. It is set where it has to be: not where no timer is on, when the
// program's own stays (K5), and none that is far too short for the next deadline.
#[test]
fn timeouts_are_set_when_they_have_to_be() {
    const READS: usize = 50;

    let text = || Bring::Bytes(from_client(|peer| peer.send("again").unwrap()));
    let timeless = || {
        config(|config| {
            config.ping_interval = None;
            config.close_timeout = None;
        })
    };
    for (split, timed) in [(false, false), (false, true), (true, false), (true, true)] {
        let stream = Timed::new((0..READS).map(|_| text()));
        let config = if timed { Config::default() } else { timeless() };
        let mut websocket = blocking::WebSocket::new(stream.clone(), Connection::server(config));
        if split {
            let (mut reader, _writer) = websocket.into_split(stream.clone());
            (0..READS).for_each(|_| assert!(reader.read().unwrap().is_some()));
        } else {
            (0..READS).for_each(|_| assert!(websocket.read().unwrap().is_some()));
        }
        let told = stream.reads();
        // A machine that stands still in between may set it again.
        let sets = if timed { 1..READS / 2 } else { 0..1 };
        assert!(sets.contains(&told.len()), "split: {split}, {told:?}");
    }

    // A message that has to be complete soon, and then nothing that is due soon.
    let in_two = || {
        let mut peer = crate::support::client();
        peer.send_fragment("in ", false).unwrap();
        let front = crate::support::drain(&mut peer);
        peer.send_fragment("two", true).unwrap();
        [front, crate::support::drain(&mut peer)].map(Bring::Bytes)
    };
    let (soon, late) = (Duration::from_secs(100), Duration::from_secs(10_000));
    let last = |stream: &Timed| *stream.reads().last().unwrap();

    let stream = Timed::new(in_two().into_iter().chain([text()]));
    let patient = config(|config| {
        config.message_timeout = Some(soon);
        config.ping_interval = Some(late);
    });
    let mut websocket = blocking::WebSocket::new(stream.clone(), Connection::server(patient));
    assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("in two"));
    assert!(last(&stream).is_some_and(|timeout| timeout <= soon));
    assert!(websocket.read().unwrap().is_some());
    assert!(last(&stream).is_some_and(|timeout| timeout > soon), "it would look up all the time");

    // A half looks up in time for what is due, and for a Close of the other half.
    for (ping, close) in [(soon, late), (late, soon)] {
        let stream = Timed::new([text()]);
        let patient = config(|config| {
            config.ping_interval = Some(ping);
            config.close_timeout = Some(close);
        });
        let websocket = blocking::WebSocket::new(stream.clone(), Connection::server(patient));
        let (mut reader, _writer) = websocket.into_split(stream.clone());
        assert!(reader.read().unwrap().is_some());
        assert!(last(&stream).is_some_and(|timeout| timeout <= soon));
    }

    // Nor does a timeout of the whole connection stay with its half.
    let stream = Timed::new(in_two().into_iter().chain([text()]));
    let mut patient = timeless();
    patient.message_timeout = Some(soon);
    let mut websocket = blocking::WebSocket::new(stream.clone(), Connection::server(patient));
    assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("in two"));
    assert!(last(&stream).is_some());
    let (mut reader, _writer) = websocket.into_split(stream.clone());
    assert!(reader.read().unwrap().is_some());
    assert_eq!(last(&stream), None);
}

// Who keeps to the timeouts it is given says by `WouldBlock` that the time is over, or nearly so:
// that is nothing to bother the caller with.
#[test]
fn the_end_of_a_timeout_is_no_error_while_closing() {
    let close = from_client(|peer| peer.close(CloseCode::NORMAL, "").unwrap());
    for (split, flushes) in [(false, false), (true, false), (true, true)] {
        let stream = Timed::new([Bring::Bytes(close.clone()), Bring::Eof]);
        let mut script = stream.stream.script();
        if flushes {
            script.flushes.push_back(Grant::Later);
        } else {
            script.writes.push_back(Grant::Later);
        }
        drop(script);
        let mut websocket = blocking::WebSocket::new(stream.clone(), server());
        if split {
            let (mut reader, _writer) = websocket.into_split(stream.clone());
            assert!(reader.read().unwrap().is_none());
        } else {
            assert!(websocket.read().unwrap().is_none());
        }
        assert_eq!(stream.stream.written(), b"\x88\x02\x03\xe8");
        assert_eq!(stream.stream.shutdowns(), 1);
    }
}

// A stream without timeouts: its timers are looked at when octets arrive, and what waited in it
// while the caller did other things was no silence.
#[test]
fn a_caller_that_comes_back_late_has_not_missed_anything() {
    for split in [false, true] {
        let stream = Scripted::default();
        let impatient = config(|config| config.ping_interval = Some(Duration::from_millis(5)));
        let mut websocket = blocking::WebSocket::new(stream.clone(), Connection::server(impatient));
        let late = || {
            thread::sleep(Duration::from_millis(20));
            stream.bring(Bring::Bytes(from_client(|peer| peer.send("here").unwrap())));
        };
        let message = if split {
            let (mut reader, _writer) = websocket.into_split(stream.clone());
            assert!(reader.read().is_err(), "it would block");
            late();
            reader.read()
        } else {
            assert!(websocket.read().is_err(), "it would block");
            late();
            websocket.read()
        };
        assert_eq!(message.unwrap().unwrap().as_text(), Some("here"));
        assert!(stream.written().is_empty(), "there is nobody to ask whether he is there");
    }
}

// What a batch is answered with is written before the rest of it is looked at, if it is much; and a
// stream that takes none of it does not keep the rest from being read.
#[test]
fn much_that_is_queued_is_written_in_the_middle_of_a_batch() {
    const MUCH: usize = 100_000;

    for fails in [false, true] {
        within(move || {
            let both = from_client(|peer| {
                peer.send("one").unwrap();
                peer.send("two").unwrap();
            });
            let stream = Scripted::new(
                [both, from_client(|peer| peer.send("three").unwrap())].map(Bring::Bytes),
            );
            if fails {
                stream.script().writes.push_back(Grant::Error(ErrorKind::BrokenPipe));
            }
            let mut websocket = blocking::WebSocket::new(stream.clone(), server());
            assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("one"));
            websocket.connection_mut().send(vec![0; MUCH]).unwrap();
            assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("two"));
            assert_eq!(stream.written().len() > MUCH, !fails);
            assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("three"));
        });
    }
}

// Several chunks go into one write where the stream takes several; and it is flushed once.
#[test]
fn what_is_queued_in_chunks_leaves_in_one_write() {
    let writes = |stream: &Scripted| {
        let log = stream.log();
        let written = stream.written();
        assert_eq!(events_from(Role::Server, &written).len(), 3);
        assert_eq!(log.iter().filter(|op| **op == Op::Flush).count(), 1);
        log.iter().filter(|op| matches!(op, Op::Write(_))).count()
    };
    let stream = Scripted::default();
    let mut websocket = blocking::WebSocket::new(stream.clone(), server());
    (0..3).for_each(|_| websocket.connection_mut().send(vec![0; 10_000]).unwrap());
    websocket.flush().unwrap();
    assert_eq!(writes(&stream), 1);

    for vectored in [false, true] {
        let stream = Scripted::default();
        stream.script().vectored = vectored;
        let mut websocket = WebSocket::new(stream.clone(), server());
        (0..3).for_each(|_| websocket.connection_mut().send(vec![0; 10_000]).unwrap());
        // Again: there is nothing more to flush.
        (0..3).for_each(|_| runtime().block_on(async { finish(websocket.flush(), 1).unwrap() }));
        assert_eq!(writes(&stream) == 1, vectored);
    }
}

// What has happened to a connection has happened to its halves.
#[test]
fn a_connection_that_is_split_late_goes_on() {
    let broken = || {
        let stream = Scripted::default();
        stream.script().writes.push_back(Grant::Error(ErrorKind::BrokenPipe));
        stream
    };
    let closed = || {
        let close = from_client(|peer| peer.close(CloseCode::NORMAL, "").unwrap());
        Scripted::new([Bring::Bytes(close), Bring::Eof])
    };
    let pong = |error| assert!(matches!(error, Err(Error::Timeout(Timeout::Pong))), "{error:?}");

    let stream = broken();
    let mut websocket = blocking::WebSocket::new(stream.clone(), server());
    assert!(websocket.send("lost").is_err());
    let (_reader, mut writer) = websocket.into_split(stream);
    assert!(writer.flush().is_err() && writer.flush().is_err());

    let stream = closed();
    let mut websocket = blocking::WebSocket::new(stream.clone(), server());
    assert!(websocket.read().unwrap().is_none());
    let (mut reader, mut writer) = websocket.into_split(stream.clone());
    assert!(reader.read().unwrap().is_none());
    writer.flush().unwrap();
    assert_eq!(stream.shutdowns(), 1);

    // The Ping is written, and nothing answers it. The Close is not written at once.
    let stream = Scripted::default();
    stream.script().timed = true;
    stream.script().writes.extend([Grant::Take(2), Grant::Later]);
    let impatient = config(|config| {
        config.ping_interval = Some(Duration::from_millis(5));
        config.pong_timeout = Some(Duration::from_millis(5));
        config.close_timeout = Some(Duration::from_millis(5));
    });
    let mut websocket = blocking::WebSocket::new(stream.clone(), Connection::server(impatient));
    let would_block = |read: &Result<_, Error>| matches!(read, Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock);
    // It does not keep to the times that it is given, so it is not blocking.
    assert!(would_block(&websocket.read()));
    let (mut reader, _writer) = websocket.into_split(stream);
    let mut read = reader.read();
    while would_block(&read) {
        read = reader.read();
    }
    pong(read);

    runtime().block_on(async {
        let mut websocket = WebSocket::new(broken(), server());
        assert!(finish(websocket.send("lost"), 3).is_err());
        assert!(finish(websocket.into_split().1.flush(), 3).is_err());

        let stream = closed();
        let mut websocket = WebSocket::new(stream.clone(), server());
        assert!(finish(websocket.read(), 3).unwrap().is_none());
        let (mut reader, mut writer) = websocket.into_split();
        assert!(finish(reader.read(), 3).unwrap().is_none());
        finish(writer.flush(), 3).unwrap();
        assert_eq!(stream.shutdowns(), 1);

        let stream = Scripted::default();
        stream.block();
        let mut websocket = WebSocket::new(stream.clone(), server());
        assert!(websocket.send("Hello?").await.is_err());
        pong(finish(websocket.into_split().0.read(), 3));
    });
}
