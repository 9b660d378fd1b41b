//! The end of a connection (RFC 6455 §7.1): who ends TCP first, what is on the wire before, and how
//! the stream can end instead.

use std::{io::ErrorKind, thread, time::Duration};

use framewise::{
    CloseCode, CloseFrame, EndOfStream, Error, Event, Role, State, blocking, tokio as asynchronous,
};

use crate::support::{
    Bring, Grant, Op, Scripted, config, events_from, finish, from_client, machine, poll_times,
    runtime, sockets, texts, tokio_sockets, within,
};

fn close(role: Role, code: u16) -> Vec<u8> {
    crate::support::frames(role, |peer| peer.close(CloseCode::from(code), "").unwrap())
}

/// Whether a read says that it is not yet time.
fn would_block<T>(read: Result<T, Error>) -> bool {
    matches!(read, Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock)
}

fn close_frame(events: &[Event<'_>]) -> Option<CloseFrame> {
    events.iter().find_map(|event| match event {
        Event::Close(frame) => Some(frame.clone()),
        _ => None,
    })
}

// 6455-5.5.1-17, 6455-7.1.1-03: whichever half writes the answer, the client's end is not waited for.
#[test]
fn either_blocking_half_ends_the_servers_side() {
    for writes in [false, true] {
        let stream = Scripted::bytes(close(Role::Client, 1000));
        let websocket = blocking::WebSocket::new(stream.clone(), crate::support::server());
        let (mut reader, mut writer) = websocket.into_split(stream.clone());
        let mut batch = reader.fill().unwrap().unwrap();
        assert!(matches!(batch.next(), Some(Event::Close(_))));
        drop(batch);
        assert_eq!((reader.state(), stream.shutdowns()), (State::CloseReceived, 0));
        if writes {
            writer.flush().unwrap();
        } else {
            assert!(would_block(reader.read()));
        }
        assert_eq!(stream.written(), b"\x88\x02\x03\xe8", "by the writer: {writes}");
        assert_eq!((reader.state(), stream.shutdowns()), (State::Closing, 1));
        stream.bring(Bring::Eof);
        assert!(reader.read().unwrap().is_none());
        assert_eq!((reader.end(), stream.shutdowns()), (Some(EndOfStream::Clean), 1));
    }
}

// 6455-7.1.1-07, 6455-6.1-10
#[test]
fn the_close_is_written_and_flushed_before_the_shutdown() {
    for grants in 1..12 {
        let stream = Scripted::new([Bring::Bytes(close(Role::Client, 4321)), Bring::Eof]);
        let writes = (0..grants).flat_map(|_| [Grant::Later, Grant::Take(1)]);
        stream.script().writes.extend(writes);
        stream.script().flushes.push_back(Grant::Later);
        let mut websocket = asynchronous::WebSocket::new(stream.clone(), crate::support::server());
        websocket.connection_mut().send("last").unwrap();
        let read = runtime().block_on(async { finish(websocket.read(), 60) });
        assert!(read.unwrap().is_none());
        assert_eq!(websocket.end(), Some(EndOfStream::Clean));
        assert_eq!(stream.written(), b"\x81\x04last\x88\x02\x10\xe1");
        let log: Vec<_> =
            stream.log().into_iter().filter(|op| !matches!(op, Op::Read(_))).collect();
        let (last, before) = log.split_last().unwrap();
        assert_eq!(*last, Op::Shutdown);
        assert_eq!(before.last(), Some(&Op::Flush), "{log:?}");
        assert!(!before.contains(&Op::Shutdown));
    }
}

// 6455-7.1.1-07
#[test]
fn the_same_when_blocking_in_one_piece_or_split() {
    for split in [false, true] {
        let stream = Scripted::new([Bring::Bytes(close(Role::Client, 4321)), Bring::Eof]);
        stream.script().writes.extend([Grant::Take(1); 5]);
        let mut websocket = blocking::WebSocket::new(stream.clone(), crate::support::server());
        websocket.connection_mut().send("last").unwrap();
        if split {
            let (mut reader, _writer) = websocket.into_split(stream.clone());
            assert!(reader.read().unwrap().is_none());
        } else {
            assert!(websocket.read().unwrap().is_none());
        }
        assert_eq!(stream.written(), b"\x81\x04last\x88\x02\x10\xe1");
        let log = stream.log();
        let shutdown = log.iter().position(|op| *op == Op::Shutdown).unwrap();
        assert_eq!(log[shutdown - 1], Op::Flush, "{log:?}");
        assert!(!log[shutdown..].iter().any(|op| matches!(op, Op::Write(_))));
        assert_eq!(stream.shutdowns(), 1);
    }
}

// 6455-7.1.1-07: the peer ends its direction at once behind its Close.
#[tokio::test(start_paused = true)]
async fn a_reply_that_the_peer_is_slow_to_take_is_written_before_the_end() {
    for split in [false, true] {
        let stream = Scripted::new([Bring::Bytes(close(Role::Client, 1000)), Bring::Eof]);
        stream.block();
        let websocket = asynchronous::WebSocket::new(stream.clone(), crate::support::server());
        let reading = tokio::spawn(async move {
            if split {
                let (mut reader, writer) = websocket.into_split();
                drop(writer);
                return reader.read().await.map(|message| (message, reader.end()));
            }
            let mut websocket = websocket;
            websocket.read().await.map(|message| (message, websocket.end()))
        });
        tokio::time::sleep(Duration::from_millis(10)).await;
        stream.unblock();
        let (message, _end) = reading.await.unwrap().unwrap();
        assert!(message.is_none());
        assert_eq!(stream.written(), b"\x88\x02\x03\xe8", "split: {split}");
    }
}

// 6455-7.1.1-08, 6455-7.1.4-02, 8441-5-08, 9220-3-03, R32, R60
#[test]
fn the_ways_in_which_a_stream_ends() {
    use EndOfStream::{Clean, Incomplete, Lost};

    let reset = Bring::Error(ErrorKind::ConnectionReset);
    let unexpected = Bring::Error(ErrorKind::UnexpectedEof);
    let ends = [Bring::Eof, unexpected, reset];
    for role in [Role::Client, Role::Server] {
        let peer = crate::support::other(role);
        for (ours, theirs, outcome) in [
            (false, false, Lost),
            (true, false, Incomplete),
            (false, true, Clean),
            (true, true, Clean),
        ] {
            for end in &ends {
                let case = format!("{role:?} {ours} {theirs} {end:?}");
                let reads = theirs.then(|| Bring::Bytes(close(peer, 1000)));
                // A reset in an open connection is an error, once; all else is only an end.
                let fails =
                    matches!(end, Bring::Error(ErrorKind::ConnectionReset)) && outcome == Lost;
                let script = || Scripted::new(reads.iter().chain([end]).cloned());
                let connection = || {
                    let mut connection = machine(role, config(|_| {}));
                    if ours {
                        connection.close(CloseCode::NORMAL, "").unwrap();
                    }
                    connection
                };

                let stream = script();
                let mut websocket = asynchronous::WebSocket::new(stream.clone(), connection());
                let mut read = || runtime().block_on(async { finish(websocket.read(), 3) });
                assert_eq!(read().is_err(), fails, "{case}");
                let done = stream.log().len();
                for _ in 0..3 {
                    assert!(read().unwrap().is_none(), "{case}");
                }
                let log = stream.log();
                assert!(!log[done..].iter().any(|op| matches!(op, Op::Read(_))), "{case} {log:?}");
                assert_eq!(websocket.end(), Some(outcome), "{case}");

                let (mut reader, _writer) =
                    asynchronous::WebSocket::new(script(), connection()).into_split();
                let mut read = || runtime().block_on(async { finish(reader.read(), 3) });
                assert_eq!(read().is_err(), fails, "split {case}");
                assert!(read().unwrap().is_none(), "split {case}");
                assert_eq!(reader.end(), Some(outcome), "split {case}");

                let mut websocket = blocking::WebSocket::new(script(), connection());
                assert_eq!(websocket.read().is_err(), fails, "blocking {case}");
                assert!(websocket.read().unwrap().is_none(), "blocking {case}");
                assert_eq!(websocket.end(), Some(outcome), "blocking {case}");

                let stream = script();
                let websocket = blocking::WebSocket::new(stream.clone(), connection());
                let (mut reader, _writer) = websocket.into_split(stream);
                assert_eq!(reader.read().is_err(), fails, "blocking split {case}");
                assert!(reader.read().unwrap().is_none(), "blocking split {case}");
                assert_eq!(reader.end(), Some(outcome), "blocking split {case}");
            }
        }
    }
}

// 6455-7.1.4-02: what came before the end is delivered before it.
#[test]
fn messages_before_the_end_are_delivered() {
    for end in [Bring::Eof, Bring::Error(ErrorKind::ConnectionReset)] {
        let bytes = from_client(|peer| {
            peer.send("one").unwrap();
            peer.send("two").unwrap();
        });
        let stream = Scripted::new([Bring::Bytes(bytes), end]);
        // And the write side has failed already.
        stream.script().writes.push_back(Grant::Error(ErrorKind::BrokenPipe));
        let mut websocket = blocking::WebSocket::new(stream, crate::support::server());
        assert!(websocket.send("lost").is_err());
        assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("one"));
        assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("two"));
    }
}

// 6455-7.1.4-02: also what was read ahead while the peer did not take anything.
#[tokio::test(start_paused = true)]
async fn messages_read_ahead_are_delivered_before_the_end() {
    let stream = Scripted::default();
    stream.block();
    let mut websocket = asynchronous::WebSocket::new(stream.clone(), crate::support::server());
    websocket.feed(vec![1; 1 << 20]).await.unwrap();
    stream.bring(Bring::Bytes(from_client(|peer| peer.send("last words").unwrap())));
    stream.bring(Bring::Eof);
    let reading = tokio::spawn(async move {
        let mut messages = Vec::new();
        while let Some(message) = websocket.read().await.unwrap() {
            messages.push(message);
        }
        messages
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    stream.unblock();
    let messages = reading.await.unwrap();
    assert_eq!(messages.len(), 1, "the message was lost");
    assert_eq!(stream.written().len(), (1 << 20) + 10);
}

/// What is dropped, in this order.
#[derive(Clone, Copy, Debug)]
enum Dropped {
    Whole,
    ReaderFirst,
    WriterFirst,
}

// 6455-7.1.1-02
#[test]
fn dropping_a_connection_in_any_state_is_safe() {
    let dropped = |driven: bool, parts: Dropped, reads: Vec<Bring>, closes: bool| {
        let stream = Scripted::new(reads);
        let mut connection = crate::support::server();
        if closes {
            connection.close(CloseCode::NORMAL, "").unwrap();
        }
        macro_rules! drop_halves {
            ($reader:ident, $writer:ident) => {{
                let state = $reader.state();
                if matches!(parts, Dropped::ReaderFirst) {
                    drop($reader);
                    assert_eq!($writer.state(), state);
                    drop($writer);
                } else {
                    drop($writer);
                    assert_eq!($reader.state(), state);
                    drop($reader);
                }
                state
            }};
        }
        let state = match (driven, parts) {
            (true, Dropped::Whole) => {
                let mut websocket = asynchronous::WebSocket::new(stream.clone(), connection);
                let _ = runtime().block_on(async { poll_times(websocket.read(), 5) });
                websocket.connection().state()
            }
            (true, _) => {
                let (mut reader, writer) =
                    asynchronous::WebSocket::new(stream.clone(), connection).into_split();
                let _ = runtime().block_on(async { poll_times(reader.read(), 5) });
                drop_halves!(reader, writer)
            }
            (false, Dropped::Whole) => {
                let mut websocket = blocking::WebSocket::new(stream.clone(), connection);
                let _ = websocket.read();
                websocket.connection().state()
            }
            (false, _) => {
                let (mut reader, writer) =
                    blocking::WebSocket::new(stream.clone(), connection).into_split(stream.clone());
                let _ = reader.read();
                drop_halves!(reader, writer)
            }
        };
        assert_eq!(std::sync::Arc::strong_count(stream.shared()), 1, "the stream is dropped");
        // Dropping writes nothing, whatever is owed; only states that have ended are shut down.
        let ends = !matches!(state, State::Open | State::CloseSent);
        assert_eq!(stream.shutdowns(), usize::from(ends), "{parts:?} {state:?}");
        state
    };
    for parts in [Dropped::Whole, Dropped::ReaderFirst, Dropped::WriterFirst] {
        for asynchronous in [false, true] {
            let dropped = |reads, closes| dropped(asynchronous, parts, reads, closes);
            let closed = || Bring::Bytes(close(Role::Client, 1000));
            assert_eq!(dropped(vec![], false), State::Open);
            assert_eq!(dropped(vec![], true), State::CloseSent);
            assert_eq!(dropped(vec![closed()], false), State::Closing);
            assert_eq!(dropped(vec![Bring::Bytes(vec![0xff; 9])], false), State::Failed);
            assert_eq!(dropped(vec![Bring::Eof], false), State::Closed);
        }
    }
}

#[tokio::test]
async fn a_close_tells_how_it_ended_and_drops_what_still_comes() {
    let (stream, peer) = tokio_sockets().await;
    let mut client = asynchronous::WebSocket::new(peer, crate::support::client());
    let server = tokio::spawn(async move {
        let mut server = asynchronous::WebSocket::new(stream, crate::support::server());
        server.send("on its way").await.unwrap();
        assert!(server.read().await.unwrap().is_none());
        let code = server.connection().close_code();
        (server.end(), code)
    });
    let end = client.close(CloseCode::GOING_AWAY, "bye").await.unwrap();
    assert_eq!(end, EndOfStream::Clean);
    assert_eq!(client.close(None, "").await.unwrap(), EndOfStream::Clean, "again");
    drop(client);
    assert_eq!(server.await.unwrap(), (Some(EndOfStream::Clean), CloseCode::GOING_AWAY));
}

// The time to close is the limit, whether the peer takes anything or not.
#[test]
fn a_blocking_close_does_not_wait_for_a_peer_that_takes_nothing() {
    for split in [false, true] {
        within(move || {
            let (stream, peer) = sockets();
            let impatient = config(|config| {
                config.close_timeout = Some(Duration::from_millis(50));
                config.ping_interval = None;
            });
            let mut websocket = blocking::WebSocket::new(stream, machine(Role::Server, impatient));
            let end = if split {
                let second = websocket.stream().try_clone().unwrap();
                let (mut reader, mut writer) = websocket.into_split(second);
                writer.feed(vec![0; 24 << 20]).unwrap();
                let closing = thread::spawn(move || writer.send_close(CloseCode::NORMAL, ""));
                while reader.read().unwrap().is_some() {}
                // The message did not arrive, and that is no secret.
                assert!(closing.join().unwrap().is_err());
                reader.end()
            } else {
                websocket.connection_mut().send(vec![0; 24 << 20]).unwrap();
                let end = websocket.close(CloseCode::NORMAL, "").unwrap();
                assert!(websocket.flush().is_err());
                Some(end)
            };
            assert_eq!(end, Some(EndOfStream::Incomplete));
            drop(peer);
        });
    }
}

// The stream is there, but nobody takes what is sent, and the peer has nothing more to say.
#[tokio::test(start_paused = true)]
async fn the_writing_half_does_not_wait_for_ever_behind_the_end() {
    let stream = Scripted::new([Bring::Eof]);
    stream.block();
    let (mut reader, mut writer) =
        asynchronous::WebSocket::new(stream.clone(), crate::support::server()).into_split();
    let reading = tokio::spawn(async move {
        let read = reader.read().await;
        (read, reader.end())
    });
    let sent = tokio::time::timeout(Duration::from_secs(60), writer.send("Hello?")).await;
    assert!(sent.expect("hangs").is_err());
    let (read, end) = reading.await.unwrap();
    assert!(read.unwrap().is_none());
    assert_eq!(end, Some(EndOfStream::Lost));
}

// 6455-7.1.1-07
#[test]
fn texts_sent_in_front_of_the_close_arrive() {
    let bytes = from_client(|peer| {
        peer.send("a").unwrap();
        peer.close(CloseCode::NORMAL, "").unwrap();
    });
    let stream = Scripted::new([Bring::Bytes(bytes), Bring::Eof]);
    let mut websocket = blocking::WebSocket::new(stream.clone(), crate::support::server());
    let message = websocket.read().unwrap().unwrap();
    websocket.connection_mut().send(message).unwrap();
    assert!(websocket.read().unwrap().is_none());
    let events = events_from(Role::Server, &stream.written());
    assert_eq!(texts(&events), ["a"]);
    assert!(close_frame(&events).is_some());
}

// Behind a clean end nothing was lost, and whoever flushes or closes is told so.
#[test]
fn what_was_written_before_a_clean_end_is_not_lost() {
    let script = || Scripted::new([Bring::Bytes(close(Role::Client, 1000)), Bring::Eof]);
    for twice in [false, true] {
        let mut websocket = blocking::WebSocket::new(script(), crate::support::server());
        if twice {
            websocket.connection_mut().close(CloseCode::GOING_AWAY, "").unwrap();
        }
        let end = websocket.close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(end, EndOfStream::Clean);
        websocket.flush().unwrap();
        assert_eq!(websocket.close(CloseCode::NORMAL, "").unwrap(), EndOfStream::Clean);
    }
    let stream = script();
    let (mut reader, mut writer) =
        blocking::WebSocket::new(stream.clone(), crate::support::server()).into_split(stream);
    assert!(reader.read().unwrap().is_none());
    writer.flush().unwrap();
    runtime().block_on(async {
        let mut websocket = asynchronous::WebSocket::new(script(), crate::support::server());
        assert!(finish(websocket.read(), 3).unwrap().is_none());
        finish(websocket.flush(), 3).unwrap();
        let (mut reader, mut writer) =
            asynchronous::WebSocket::new(script(), crate::support::server()).into_split();
        assert!(finish(reader.read(), 3).unwrap().is_none());
        finish(writer.flush(), 3).unwrap();
    });
}
