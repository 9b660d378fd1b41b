//! Two halves on two tasks or threads.

use std::{
    future::Future as _,
    io::{self, Read, Write},
    pin::pin,
    sync::{Arc, Mutex, mpsc},
    task::{Context, Poll},
    thread,
    time::Duration,
};

use framewise::{
    CloseCode, Config, Connection, Delivery, EndOfStream, Error, Event, Message, ProtocolError,
    ReuniteError, Role, State, blocking, tokio::WebSocket,
};

use crate::{
    conversation::ROLES,
    support::{
        Bring, Grant, SEED, Scripted, Wakes, client, config, events_from, finish, from_client,
        from_server, machine, poll_times, runtime, server, sockets, tokio_sockets, within,
    },
};

// 6455-5.5.2-07, R34
#[test]
fn a_reader_that_never_writes_answers_pings() {
    let ping = from_client(|peer| peer.ping(b"?").unwrap());

    let stream = Scripted::bytes(ping.clone());
    let mut websocket = WebSocket::new(stream.clone(), server());
    assert!(runtime().block_on(async { poll_times(websocket.read(), 3) }).is_none());
    assert_eq!(stream.written(), b"\x8a\x01?");

    let stream = Scripted::bytes(ping.clone());
    let (mut reader, writer) = WebSocket::new(stream.clone(), server()).into_split();
    assert!(runtime().block_on(async { poll_times(reader.read(), 3) }).is_none());
    assert_eq!(stream.written(), b"\x8a\x01?");
    drop(writer);

    let stream = Scripted::bytes(ping.clone());
    let mut websocket = blocking::WebSocket::new(stream.clone(), server());
    assert!(websocket.read().is_err(), "it would block");
    assert_eq!(stream.written(), b"\x8a\x01?");

    let stream = Scripted::bytes(ping);
    let websocket = blocking::WebSocket::new(stream.clone(), server());
    let (mut reader, _writer) = websocket.into_split(stream.clone());
    assert!(reader.read().is_err(), "it would block");
    assert_eq!(stream.written(), b"\x8a\x01?");
}

// R58: the reader waits to read and, for a reply, to write; the writer waits to write.
#[test]
fn both_halves_are_woken() {
    let stream = Scripted::default();
    stream.block();
    let (mut reader, mut writer) = WebSocket::new(stream.clone(), server()).into_split();
    let _guard = runtime().enter();
    let (reader_wakes, reader_waker) = Wakes::new();
    let (writer_wakes, writer_waker) = Wakes::new();
    let (mut reader_cx, mut writer_cx) =
        (Context::from_waker(&reader_waker), Context::from_waker(&writer_waker));

    let mut sending = Box::pin(writer.send("news"));
    assert!(sending.as_mut().poll(&mut writer_cx).is_pending());
    let mut reading = pin!(reader.read());
    assert!(reading.as_mut().poll(&mut reader_cx).is_pending());

    stream.bring(Bring::Bytes(from_client(|peer| peer.ping(b"").unwrap())));
    assert_eq!(reader_wakes.count(), 1, "there is something to read");
    assert!(reading.as_mut().poll(&mut reader_cx).is_pending());

    // The reader was the last one to try to write: the writer is woken all the same.
    stream.unblock();
    assert_eq!((reader_wakes.count(), writer_wakes.count()), (2, 1));
    assert!(matches!(sending.as_mut().poll(&mut writer_cx), Poll::Ready(Ok(()))));
    drop(sending);
    assert!(reading.as_mut().poll(&mut reader_cx).is_pending());
    assert_eq!(stream.written(), b"\x81\x04news\x8a\x00");

    // And nobody is woken without a reason.
    assert_eq!((reader_wakes.count(), writer_wakes.count()), (2, 1));
    let mut flushing = pin!(writer.flush());
    assert!(matches!(flushing.as_mut().poll(&mut writer_cx), Poll::Ready(Ok(()))));
    assert_eq!((reader_wakes.count(), writer_wakes.count()), (2, 1));
}

// R58: what the writer begins, the reader has to bring to its end.
#[tokio::test(start_paused = true)]
async fn a_close_of_the_writer_wakes_the_reader() {
    let stream = Scripted::default();
    let (mut reader, mut writer) = WebSocket::new(stream.clone(), server()).into_split();
    let reading = tokio::spawn(async move {
        let message = reader.read().await.unwrap();
        (message, reader.end())
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    let start = tokio::time::Instant::now();
    writer.send_close(CloseCode::NORMAL, "").await.unwrap();
    assert_eq!(reading.await.unwrap(), (None, Some(EndOfStream::Incomplete)));
    assert_eq!(start.elapsed().as_secs(), 5, "the time to close runs from the Close");
}

// Two ends that both write more than the pipe between them holds.
#[tokio::test(start_paused = true)]
async fn two_talkers_do_not_wait_for_one_another() {
    let message = || Message::Binary(vec![7; 1 << 20]);
    for capacity in [1, 1 << 10, 1 << 16] {
        let size = if capacity == 1 { 1 << 12 } else { 1 << 20 };
        let (one, other) = tokio::io::duplex(capacity);
        let talk = |stream, connection: Connection| async move {
            let mut websocket = WebSocket::new(stream, connection);
            websocket.send(vec![7; size]).await.unwrap();
            websocket.read().await.unwrap().unwrap()
        };
        let (one, other) = tokio::join!(talk(one, server()), talk(other, client()));
        assert_eq!(one, other);
        assert_eq!(one.as_bytes().len(), size);
    }

    // Split, several of them.
    let (one, other) = tokio::io::duplex(1 << 10);
    let talk = |stream, connection: Connection| async move {
        let (mut reader, mut writer) = WebSocket::new(stream, connection).into_split();
        let writing = tokio::spawn(async move {
            for _ in 0..5 {
                writer.send(message()).await.unwrap();
            }
            writer
        });
        for _ in 0..5 {
            assert_eq!(reader.read().await.unwrap(), Some(message()));
        }
        let mut writer = writing.await.unwrap();
        let _ = writer.send_close(CloseCode::NORMAL, "").await;
        assert!(reader.read().await.unwrap().is_none());
        reader.end()
    };
    let (one, other) = tokio::join!(talk(one, server()), talk(other, client()));
    assert_eq!((one, other), (Some(EndOfStream::Clean), Some(EndOfStream::Clean)));
}

// The same over sockets, which hold some megabytes between them.
#[tokio::test]
async fn two_talkers_over_sockets() {
    const MUCH: usize = 12 << 20;

    for split in [false, true] {
        let (one, other) = tokio_sockets().await;
        let talk = |stream, connection: Connection| async move {
            let mut websocket = WebSocket::new(stream, connection);
            if !split {
                websocket.send(vec![7; MUCH]).await.unwrap();
                return websocket.read().await.unwrap().unwrap().as_bytes().len();
            }
            let (mut reader, mut writer) = websocket.into_split();
            let writing = tokio::spawn(async move { writer.send(vec![7; MUCH]).await });
            let message = reader.read().await.unwrap().unwrap();
            writing.await.unwrap().unwrap();
            message.as_bytes().len()
        };
        let both = async { tokio::join!(talk(one, server()), talk(other, client())) };
        let both = tokio::time::timeout(Duration::from_secs(60), both).await;
        assert_eq!(both.expect("they wait for one another"), (MUCH, MUCH));
    }
}

// The same with threads.
#[test]
fn two_talkers_on_threads() {
    within(|| {
        let (one, other) = sockets();
        let talk = |stream: std::net::TcpStream, connection| {
            let websocket = blocking::WebSocket::new(stream, connection);
            let clone = websocket.stream().try_clone().unwrap();
            let (mut reader, mut writer) = websocket.into_split(clone);
            let writing = thread::spawn(move || {
                for _ in 0..4 {
                    writer.send(vec![7; 4 << 20]).unwrap();
                    writer.ping(b"still there?").unwrap();
                }
                writer
            });
            for _ in 0..4 {
                assert_eq!(reader.read().unwrap().unwrap().as_bytes().len(), 4 << 20);
            }
            let mut writer = writing.join().unwrap();
            let _ = writer.send_close(CloseCode::NORMAL, "");
            assert!(reader.read().unwrap().is_none());
            reader.end()
        };
        let server_side = thread::spawn(move || talk(one, server()));
        let client_end = talk(other, Connection::client(Config::default(), SEED));
        assert_eq!(client_end, Some(EndOfStream::Clean));
        assert_eq!(server_side.join().unwrap(), Some(EndOfStream::Clean));
    });
}

// A peer that reads nothing is not read from for ever: what it sends stays in the sockets.
#[tokio::test]
async fn a_peer_that_does_not_read_is_not_read_from() {
    let (stream, mut peer) = tokio::io::duplex(1 << 16);
    let echoing = tokio::spawn(async move {
        let mut websocket = WebSocket::new(stream, server());
        while let Some(mut batch) = websocket.fill().await.unwrap() {
            while let Some(event) = batch.next() {
                if let Event::Binary(payload) = event {
                    batch.send(payload).unwrap();
                }
            }
            let waiting = batch.connection_mut().output().len();
            assert!(waiting < 1 << 20, "{waiting} octets wait");
        }
    });
    let frame = from_client(|peer| peer.send(vec![1; 10_000]).unwrap());
    let mut sent = 0;
    let flood = async {
        loop {
            tokio::io::AsyncWriteExt::write_all(&mut peer, &frame).await.unwrap();
            sent += frame.len();
        }
    };
    let _ = tokio::time::timeout(Duration::from_millis(300), flood).await;
    assert!(sent < 2 << 20, "{sent} octets were read");
    assert!(!echoing.is_finished());
}

// The reader must not wait for the lock that the writer holds: only the reader knows when to stop.
#[test]
fn a_reader_does_not_wait_for_a_writer_whose_peer_takes_nothing() {
    within(|| {
        let (stream, mut peer) = sockets();
        let impatient = config(|config| {
            config.close_timeout = Some(Duration::from_millis(50));
            // Then a write waits for as long as it takes.
            config.ping_interval = None;
        });
        let websocket = blocking::WebSocket::new(stream, Connection::server(impatient));
        let clone = websocket.stream().try_clone().unwrap();
        let (mut reader, mut writer) = websocket.into_split(clone);
        let sending = thread::spawn(move || writer.send(vec![0; 24 << 20]));
        // From the first octet on the writer is in the middle of its write.
        peer.read_exact(&mut [0; 10]).unwrap();
        peer.write_all(&from_server(|peer| peer.send("not masked").unwrap())).unwrap();
        let error = reader.read().unwrap_err();
        assert!(matches!(error, Error::Protocol(ProtocolError::UnmaskedFrame)), "{error}");
        assert!(reader.read().unwrap().is_none());
        // And that ends the write.
        assert!(sending.join().unwrap().is_err());
        drop(peer);
    });
}

// A blocking stream with nothing to read does not keep the writer from writing.
#[test]
fn a_thread_writes_while_the_other_reads() {
    within(|| {
        let (stream, mut peer) = sockets();
        let websocket = blocking::WebSocket::new(stream, server());
        let clone = websocket.stream().try_clone().unwrap();
        let (mut reader, mut writer) = websocket.into_split(clone);
        let reading = thread::spawn(move || reader.read().unwrap());
        writer.send("while you wait").unwrap();
        let mut frame = [0; 16];
        peer.read_exact(&mut frame).unwrap();
        assert_eq!(&frame, b"\x81\x0ewhile you wait");
        peer.write_all(&from_client(|peer| peer.send("thanks").unwrap())).unwrap();
        assert_eq!(reading.join().unwrap().unwrap().as_text(), Some("thanks"));
    });
}

/// A stream on which a write takes until the test says so.
#[derive(Clone)]
struct Gated {
    stream: Scripted,
    entered: mpsc::Sender<()>,
    gate: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl Read for Gated {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buf)
    }
}

impl Write for Gated {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.entered.send(()).unwrap();
        // Once only: who has gone leaves the gate open.
        let _ = self.gate.lock().unwrap().recv();
        self.stream.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl blocking::Stream for Gated {
    fn shutdown_write(&mut self) -> io::Result<()> {
        self.stream.shutdown_write()
    }
}

// 6455-5.5.2-07, 6455-5.5.1-17: what the reader could not write, since the writer was at it, is the
// writer's to write: the reader may have nothing more to read for a long time.
#[test]
fn a_writer_in_the_middle_of_a_write_writes_the_reply_behind_it() {
    let ping = from_client(|peer| peer.ping(b"?").unwrap());
    let close = from_client(|peer| peer.close(CloseCode::NORMAL, "").unwrap());
    for (bytes, reply, shutdowns) in [(ping, &b"\x8a\x01?"[..], 0), (close, b"\x88\x02\x03\xe8", 1)]
    {
        within(move || {
            let stream = Scripted::bytes(bytes);
            let (entered, enters) = mpsc::channel();
            let (open, gate) = mpsc::channel();
            let gate = Arc::new(Mutex::new(gate));
            let gated = Gated { stream: stream.clone(), entered, gate };
            let (mut reader, mut writer) =
                blocking::WebSocket::new(gated.clone(), server()).into_split(gated);
            let writing = thread::spawn(move || writer.send("news"));
            enters.recv().unwrap();
            assert!(reader.read().is_err(), "it would block");
            assert!(stream.written().is_empty());
            drop(open);
            writing.join().unwrap().unwrap();
            assert_eq!(stream.written(), [b"\x81\x04news", reply].concat());
            assert_eq!(stream.shutdowns(), shutdowns);
        });
    }
}

#[test]
fn a_ping_of_a_half_is_written_at_once() {
    let stream = Scripted::default();
    let (_reader, mut writer) =
        blocking::WebSocket::new(stream.clone(), server()).into_split(stream.clone());
    writer.ping(b"?").unwrap();
    assert_eq!(stream.written(), b"\x89\x01?");

    let stream = Scripted::default();
    let (_reader, mut writer) = WebSocket::new(stream.clone(), server()).into_split();
    runtime().block_on(async { finish(writer.ping(b"?"), 1) }).unwrap();
    assert_eq!(stream.written(), b"\x89\x01?");
}

// A message waits until there is room for it, and no longer: not until all is written.
#[test]
fn feeding_waits_for_room_and_no_longer() {
    const LEN: usize = 150_000;

    macro_rules! feed {
        ($writer:ident, $stream:ident) => {
            runtime().block_on(async {
                $stream.block();
                finish($writer.feed(vec![0; 40_000]), 1).unwrap();
                finish($writer.feed(vec![0; 10_000]), 1).unwrap();
                assert!(poll_times($writer.feed(vec![0; LEN]), 3).is_none(), "it waits for room");
                $stream.unblock();
                // Room enough, and then it takes nothing.
                $stream.script().writes.push_back(Grant::Take(20_000));
                $stream.script().writes.extend([Grant::Later; 5]);
                finish($writer.feed(vec![0; LEN]), 1).unwrap();
                assert_eq!($stream.written().len(), 20_000);
            })
        };
    }
    let roomy = || Connection::server(config(|config| config.max_output = 200_000));
    let vectored = || {
        let stream = Scripted::default();
        stream.script().vectored = true;
        stream
    };
    let stream = vectored();
    let mut websocket = WebSocket::new(stream.clone(), roomy());
    feed!(websocket, stream);
    let stream = vectored();
    let (_reader, mut writer) = WebSocket::new(stream.clone(), roomy()).into_split();
    feed!(writer, stream);

    // And where there is room it is queued only, so that several leave together.
    let stream = Scripted::default();
    let (_reader, mut writer) = WebSocket::new(stream.clone(), roomy()).into_split();
    runtime().block_on(async {
        finish(writer.feed("one"), 1).unwrap();
        finish(writer.feed("two"), 1).unwrap();
        assert!(stream.log().is_empty());
        finish(writer.flush(), 1).unwrap();
    });
    assert_eq!(stream.written(), b"\x81\x03one\x81\x03two");
}

#[test]
fn a_reader_knows_the_close_of_the_peer() {
    let close = from_client(|peer| peer.close(CloseCode::NORMAL, "bye").unwrap());

    let websocket = WebSocket::new(Scripted::bytes(close.clone()), server());
    let (mut reader, _writer) = websocket.into_split();
    assert!(reader.received_close().is_none());
    assert!(runtime().block_on(reader.read()).unwrap().is_none());
    assert_eq!(reader.received_close().unwrap().reason, "bye");

    let stream = Scripted::bytes(close);
    let websocket = blocking::WebSocket::new(stream.clone(), server());
    let (mut reader, _writer) = websocket.into_split(stream);
    assert!(reader.read().is_err(), "it would block");
    assert_eq!(reader.received_close().unwrap().reason, "bye");
}

#[test]
fn web_sockets_and_their_halves_are_shown_by_name() {
    let _guard = runtime().enter();
    let websocket = WebSocket::new(Scripted::default(), server());
    assert!(format!("{websocket:?}").starts_with("WebSocket { driver: Driver {"));
    let (reader, writer) = websocket.into_split();
    assert!(format!("{reader:?}").starts_with("Reader { driver: ReceiveDriver {"));
    assert_eq!(format!("{writer:?}"), "Writer { .. }");
}

/// Two messages that arrive in one read.
fn two_messages() -> Vec<u8> {
    from_client(|peer| {
        peer.send_text("one").unwrap();
        peer.send_text("two").unwrap();
    })
}

#[test]
fn halves_that_are_reunited_lose_nothing() {
    let stream = Scripted::bytes(two_messages());
    let (mut reader, mut writer) = WebSocket::new(stream.clone(), server()).into_split();
    runtime().block_on(async {
        assert_eq!(reader.read().await.unwrap(), Some(Message::Text("one".into())));
        writer.feed("queued").await.unwrap();
        let mut websocket = reader.reunite(writer).unwrap();
        assert_eq!(websocket.read().await.unwrap(), Some(Message::Text("two".into())));
        websocket.flush().await.unwrap();
        websocket.send("sent").await.unwrap();
    });
    assert_eq!(stream.written(), b"\x81\x06queued\x81\x04sent");

    let stream = Scripted::bytes(two_messages());
    let websocket = blocking::WebSocket::new(stream.clone(), server());
    let (mut reader, mut writer) = websocket.into_split(stream.clone());
    assert_eq!(reader.read().unwrap(), Some(Message::Text("one".into())));
    writer.feed("queued").unwrap();
    let mut websocket = reader.reunite(writer).unwrap();
    assert_eq!(websocket.read().unwrap(), Some(Message::Text("two".into())));
    websocket.send("sent").unwrap();
    assert_eq!(stream.written(), b"\x81\x06queued\x81\x04sent");
}

#[test]
fn halves_of_two_connections_come_back() {
    let open = |text: &str| {
        let stream = Scripted::bytes(from_client(|peer| peer.send_text(text).unwrap()));
        (WebSocket::new(stream.clone(), server()).into_split(), stream)
    };
    let (((reader, writer), stream), ((other_reader, other_writer), _)) = (open("a"), open("b"));
    let ReuniteError(reader, other_writer) = reader.reunite(other_writer).unwrap_err();
    let ReuniteError(mut other_reader, writer) = other_reader.reunite(writer).unwrap_err();
    runtime().block_on(async {
        assert_eq!(other_reader.read().await.unwrap(), Some(Message::Text("b".into())));
        let mut websocket = reader.reunite(writer).unwrap();
        assert_eq!(websocket.read().await.unwrap(), Some(Message::Text("a".into())));
        websocket.send("of the right one").await.unwrap();
    });
    assert!(stream.written().ends_with(b"of the right one"));
    assert!(other_reader.reunite(other_writer).is_ok());

    let open = || {
        let stream = Scripted::default();
        blocking::WebSocket::new(stream.clone(), server()).into_split(stream)
    };
    let ((reader, writer), (_, other_writer)) = (open(), open());
    let ReuniteError(reader, _) = reader.reunite(other_writer).unwrap_err();
    assert!(reader.reunite(writer).is_ok());
}

// What a program with a peer that is no longer wanted does.
#[tokio::test(start_paused = true)]
async fn an_abort_ends_a_reader_that_waits() {
    let stream = Scripted::default();
    stream.block();
    let (mut reader, mut writer) = WebSocket::new(stream.clone(), server()).into_split();
    let reading = tokio::spawn(async move { (reader.read().await, reader.end()) });
    // More is queued than the stream takes.
    tokio::time::timeout(Duration::from_secs(1), writer.send("stuck")).await.unwrap_err();
    let start = tokio::time::Instant::now();
    writer.abort();
    let (read, end) = reading.await.unwrap();
    assert!(matches!(read, Ok(None)), "{read:?}");
    assert_eq!((end, start.elapsed()), (Some(EndOfStream::Lost), Duration::ZERO));
    assert_eq!(stream.written(), b"");
}

#[test]
fn an_abort_shuts_down_what_a_thread_writes_to() {
    let (stream, mut peer) = sockets();
    let clone = stream.try_clone().unwrap();
    let (mut reader, mut writer) = blocking::WebSocket::new(stream, server()).into_split(clone);
    writer.send("before").unwrap();
    let reading = thread::spawn(move || (reader.read().map(drop), reader.end()));
    writer.abort();
    let mut seen = Vec::new();
    peer.read_to_end(&mut seen).unwrap();
    assert_eq!(seen, b"\x81\x06before");
    drop(peer);
    let (read, end) = reading.join().unwrap();
    assert_eq!((read.is_ok(), end), (true, Some(EndOfStream::Lost)));
}

#[test]
fn a_close_that_is_only_sent_lets_messages_come() {
    let bytes = from_client(|peer| {
        peer.send_text("late").unwrap();
        peer.close(CloseCode::NORMAL, "").unwrap();
    });
    let stream = Scripted::new([Bring::Bytes(bytes), Bring::Eof]);
    let mut websocket = blocking::WebSocket::new(stream.clone(), server());
    websocket.send_close(CloseCode::GOING_AWAY, "bye").unwrap();
    assert_eq!(websocket.read().unwrap(), Some(Message::Text("late".into())));
    assert_eq!(websocket.closed().unwrap(), EndOfStream::Clean);
    assert_eq!(websocket.sent_close().unwrap().reason, "bye");
    assert_eq!(websocket.close_code(), CloseCode::NORMAL);
    assert_eq!(stream.written(), b"\x88\x05\x03\xe9bye");
}

// What one type can do, its siblings can.
#[test]
fn halves_and_batches_know_what_the_whole_knows() {
    let stream = Scripted::new([Bring::Bytes(from_client(|peer| peer.send_text("hi").unwrap()))]);
    let mut websocket = WebSocket::new(stream.clone(), server());
    let _guard = runtime().enter();
    runtime().block_on(async {
        websocket.set_delivery(Delivery::Chunks);
        let mut batch = websocket.fill().await.unwrap().unwrap();
        assert!(matches!(batch.next(), Some(Event::TextChunk { fin: true, .. })));
        assert_eq!(
            (batch.role(), batch.state(), batch.has_room(1)),
            (Role::Server, State::Open, true)
        );
        batch.set_delivery(Delivery::Messages);
        batch.send_text("t").unwrap();
        batch.send_binary(b"b").unwrap();
        batch.send_fragment("f", true).unwrap();
        batch.ping(b"p").unwrap();
        batch.pong(b"q").unwrap();
        drop(batch);
        let (mut reader, mut writer) = websocket.into_split();
        assert_eq!((reader.role(), writer.role()), (Role::Server, Role::Server));
        assert!(writer.has_room(1) && !writer.has_room(usize::MAX));
        assert_eq!(
            (reader.close_code(), writer.close_code()),
            (CloseCode::ABNORMAL, CloseCode::ABNORMAL)
        );
        assert_eq!(reader.batch().state(), State::Open);
        assert!(writer.stream().written().is_empty() && reader.stream().written().is_empty());
        writer.send_text("t").await.unwrap();
        writer.send_binary(b"b").await.unwrap();
        writer.pong(b"q").await.unwrap();
        writer.send_close(CloseCode::NORMAL, "").await.unwrap();
        assert_eq!(reader.sent_close(), writer.sent_close());
        assert_eq!((writer.state(), writer.end()), (State::CloseSent, None));
    });
    let written =
        b"\x81\x01t\x82\x01b\x81\x01f\x89\x01p\x8a\x01q\x81\x01t\x82\x01b\x8a\x01q\x88\x02\x03\xe8";
    assert_eq!(stream.written(), written);
}

#[test]
fn a_pong_is_written_at_once() {
    for role in ROLES {
        let stream = Scripted::default();
        let mut websocket =
            blocking::WebSocket::new(stream.clone(), machine(role, Config::default()));
        assert_eq!(websocket.role(), role);
        websocket.pong(b"here").unwrap();
        assert_eq!(events_from(role, &stream.written()), [Event::Pong(b"here".into())]);
    }
}

#[test]
fn a_fragment_waits_for_room() {
    // For all that was queued before, or only for as much as it takes.
    for (max_output, before, len) in [(1000, 900, 600), (200_000, 60_000, 150_000)] {
        let stream = Scripted::default();
        let connection = Connection::server(config(|config| config.max_output = max_output));
        let mut websocket = blocking::WebSocket::new(stream.clone(), connection);
        websocket.feed(vec![0; before]).unwrap();
        websocket.send_fragment(vec![0; len], true).unwrap();
        assert_eq!(events_from(Role::Server, &stream.written()).len(), 2);
    }
}
