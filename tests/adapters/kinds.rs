//! What black-box use found between the protocol and the program, each as one of its kind.

mod buffered;
mod failing;
mod http;
mod memory;
mod parts;
mod shared;
mod support;
mod threads;
mod waiting;

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::Duration,
};

use framewise::{
    CloseCode, Config, Connection, Delivery, EndOfStream, Error, Event, Timeout, blocking,
    handshake::{Acceptance, HandshakeError, Rejection},
    tokio::{self as asynchronous, WebSocket},
};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream, ReadBuf};

use crate::{
    conversation::request,
    support::{
        Bring, Op, REQUEST, SEED, Scripted, client, config, events_from, finish, from_client,
        from_server, runtime, server, sockets, within,
    },
};

fn is_kind<T: std::fmt::Debug>(result: &Result<T, Error>, kind: ErrorKind) -> bool {
    matches!(result, Err(Error::Io(error)) if error.kind() == kind)
}

// K1: a stream with a buffer of its own
#[tokio::test]
async fn a_send_returns_when_the_stream_has_flushed() {
    for capacity in [1, 64, 1024] {
        for split in [false, true] {
            let (stream, mut peer) = tokio::io::duplex(capacity);
            let websocket = WebSocket::new(BufStream::new(stream), server());
            let sending = tokio::spawn(async move {
                let message = vec![7; 3000];
                if split {
                    let (reader, mut writer) = websocket.into_split();
                    writer.send(message).await.unwrap();
                    return drop((reader, writer));
                }
                let mut websocket = websocket;
                websocket.send(message).await.unwrap();
            });
            // Nothing else is done with it: all of it comes.
            let mut octets = vec![0; 3004];
            peer.read_exact(&mut octets).await.unwrap();
            sending.await.unwrap();
            assert!(octets.ends_with(&[7; 3000]));
        }
    }
}

// K2: the pattern of other libraries, whose halves live in two tasks
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_and_a_sink_in_two_tasks_make_progress_under_back_pressure() {
    const MESSAGES: usize = 40;

    let talk = |stream, connection: Connection| async move {
        let (mut sink, mut messages) = StreamExt::split(WebSocket::new(stream, connection));
        let sending = tokio::spawn(async move {
            for number in 0..MESSAGES {
                sink.send(number.to_string().repeat(10_000)).await.unwrap();
            }
            sink
        });
        for number in 0..MESSAGES {
            let message = messages.next().await.unwrap().unwrap();
            assert_eq!(message.as_text(), Some(number.to_string().repeat(10_000).as_str()));
        }
        let _sink = sending.await.unwrap();
    };
    for capacity in [64, 1000] {
        let (one, other) = tokio::io::duplex(capacity);
        let both = async {
            tokio::join!(tokio::spawn(talk(one, server())), tokio::spawn(talk(other, client())))
        };
        let (one, other) = tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
        one.unwrap();
        other.unwrap();
    }
}

/// A socket that counts how often it is asked.
#[derive(Debug)]
struct Counted(TcpStream, Arc<AtomicUsize>);

impl std::io::Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.read(buf)
    }
}

impl std::io::Write for Counted {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.write(buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl blocking::Stream for Counted {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> std::io::Result<bool> {
        self.0.set_read_timeout(timeout).map(|()| true)
    }

    fn set_write_timeout(&self, timeout: Option<Duration>) -> std::io::Result<bool> {
        self.0.set_write_timeout(timeout).map(|()| true)
    }
}

// K4: a socket that is not blocking, though it takes time limits
#[test]
fn a_socket_that_is_not_blocking_does_not_spin() {
    within(|| {
        let open = || {
            let (stream, peer) = sockets();
            stream.set_nonblocking(true).unwrap();
            let asked = Arc::new(AtomicUsize::new(0));
            (Counted(stream, Arc::clone(&asked)), peer, asked)
        };
        let few = |asked: &AtomicUsize| {
            let count = asked.swap(0, Ordering::SeqCst);
            assert!((1..10).contains(&count), "asked {count} times");
        };
        for timers in [true, false] {
            let config = || {
                config(|config| {
                    if !timers {
                        (config.ping_interval, config.handshake_timeout) = (None, None);
                    }
                })
            };
            let (stream, _peer, asked) = open();
            let accepted = blocking::accept(stream, config());
            assert!(is_kind(&accepted, ErrorKind::WouldBlock), "{accepted:?}");
            few(&asked);

            let (stream, _peer, asked) = open();
            let opened = blocking::client_with_seed(stream, request(), config(), SEED);
            assert!(is_kind(&opened, ErrorKind::WouldBlock), "{opened:?}");
            few(&asked);

            let (stream, mut peer, asked) = open();
            let mut websocket = blocking::WebSocket::new(stream, Connection::server(config()));
            for _ in 0..3 {
                assert!(is_kind(&websocket.read(), ErrorKind::WouldBlock));
                few(&asked);
            }
            peer.write_all(&from_client(|peer| peer.send("now").unwrap())).unwrap();
            let read = loop {
                match websocket.read() {
                    Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
                    read => break read.unwrap().unwrap(),
                }
            };
            assert_eq!(read.as_text(), Some("now"));
            // A write that would block is no timeout, and nothing is lost.
            let sent = websocket.send(vec![7; 15 << 20]);
            assert!(is_kind(&sent, ErrorKind::WouldBlock), "{sent:?}");
            let reading = thread::spawn(move || {
                let mut octets = vec![0; (15 << 20) + 10];
                peer.read_exact(&mut octets).unwrap();
                octets
            });
            while is_kind(&websocket.flush(), ErrorKind::WouldBlock) {
                thread::sleep(Duration::from_millis(1));
            }
            let events = events_from(framewise::Role::Server, &reading.join().unwrap());
            assert_eq!(events, [Event::Binary(vec![7; 15 << 20].into())]);
        }
    });
}

// K5
#[test]
fn a_message_is_waited_for_as_long_as_the_program_wants() {
    within(|| {
        for split in [false, true] {
            let (stream, mut peer) = sockets();
            let own = Duration::from_secs(77);
            stream.set_read_timeout(Some(own)).unwrap();
            let mut timeless = Config::default();
            (timeless.ping_interval, timeless.close_timeout) = (None, None);
            let mut websocket = blocking::WebSocket::new(stream, Connection::server(timeless));
            let word = from_client(|peer| peer.send("word").unwrap());
            let patience = Duration::from_millis(20);
            if split {
                let clone = websocket.stream().try_clone().unwrap();
                let (mut reader, _writer) = websocket.into_split(clone);
                assert!(is_kind(&reader.read_timeout(patience), ErrorKind::TimedOut));
                peer.write_all(&word).unwrap();
                let read = reader.read_timeout(Duration::from_secs(50)).unwrap().unwrap();
                assert_eq!(read.as_text(), Some("word"));
                continue;
            }
            // Without timers, those of the program stay.
            peer.write_all(&word).unwrap();
            assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("word"));
            assert_eq!(websocket.stream().read_timeout().unwrap(), Some(own));
            assert!(is_kind(&websocket.read_timeout(patience), ErrorKind::TimedOut));
            peer.write_all(&word).unwrap();
            assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("word"));
        }
    });
}

// K8: a task that only sends
#[tokio::test(start_paused = true)]
async fn a_task_that_only_sends_answers_now_and_then() {
    let (stream, mut peer) = tokio::io::duplex(1 << 16);
    let mut websocket = WebSocket::new(stream, server());
    peer.write_all(&from_client(|peer| peer.ping(b"there?").unwrap())).await.unwrap();
    let ticks = async |websocket: &mut WebSocket<_>| {
        for _ in 0..20 {
            websocket.send("tick").await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok::<(), Error>(())
    };
    ticks(&mut websocket).await.unwrap();
    let mut octets = vec![0; 1000];
    let len = peer.read(&mut octets).await.unwrap();
    let events = events_from(framewise::Role::Server, &octets[..len]);
    assert!(events.contains(&Event::Pong(b"there?".into())));
    peer.write_all(&from_client(|peer| peer.close(CloseCode::NORMAL, "").unwrap())).await.unwrap();
    let error = ticks(&mut websocket).await.unwrap_err();
    assert!(matches!(error, Error::Send(_)), "{error}");
    // Or it waits for the end itself.
    drop(peer);
    assert_eq!(websocket.closed().await.unwrap(), EndOfStream::Clean);
}

// K8: a program that receives is not looked after: the Close comes when it is its turn
#[test]
fn all_of_a_burst_can_be_answered_before_the_close_behind_it() {
    const MESSAGES: usize = 100;

    let burst = from_client(|peer| {
        (0..MESSAGES).for_each(|number| peer.send(number.to_string()).unwrap());
        peer.close(CloseCode::NORMAL, "").unwrap();
    });
    runtime().block_on(async {
        let stream = Scripted::new([Bring::Bytes(burst.clone()), Bring::Eof]);
        let mut websocket = WebSocket::new(stream, server());
        let mut echoed = 0;
        while let Some(message) = finish(websocket.read(), 3).unwrap() {
            finish(websocket.send(message), 3).unwrap();
            echoed += 1;
        }
        assert_eq!((echoed, websocket.end()), (MESSAGES, Some(EndOfStream::Clean)));
    });
    let stream = Scripted::new([Bring::Bytes(burst), Bring::Eof]);
    let mut websocket = blocking::WebSocket::new(stream, server());
    let mut echoed = 0;
    while let Some(message) = websocket.read().unwrap() {
        websocket.send(message).unwrap();
        echoed += 1;
    }
    assert_eq!((echoed, websocket.end()), (MESSAGES, Some(EndOfStream::Clean)));
}

// K10: frames in the same segment as the 101, or the request
#[test]
fn what_was_read_beyond_the_handshake_comes_back_with_the_stream() {
    let frames = from_client(|peer| {
        peer.send("one").unwrap();
        peer.send("two").unwrap();
    });
    for cut in [frames.len(), 3, 8, 10] {
        let stream = Scripted::bytes([REQUEST, &frames[..cut]].concat());
        let incoming = blocking::accept(stream.clone(), Config::default()).unwrap();
        let parts = incoming.accept(Acceptance::new()).unwrap().into_parts();
        assert_eq!(parts.driver.unread, frames[..cut]);
        let again = blocking::WebSocket::with_unread(
            parts.stream,
            parts.driver.connection,
            parts.driver.unread,
        );
        stream.bring(Bring::Bytes(frames[cut..].to_vec()));
        let mut again = again;
        assert_eq!(again.read().unwrap().unwrap().as_text(), Some("one"));
        assert_eq!(again.read().unwrap().unwrap().as_text(), Some("two"));

        runtime().block_on(async {
            let stream = Scripted::bytes([REQUEST, &frames[..cut]].concat());
            let incoming = asynchronous::accept(stream.clone(), Config::default()).await.unwrap();
            let parts = incoming.accept(Acceptance::new()).await.unwrap().into_parts();
            let mut again =
                WebSocket::with_unread(parts.stream, parts.driver.connection, parts.driver.unread);
            stream.bring(Bring::Bytes(frames[cut..].to_vec()));
            assert_eq!(again.read().await.unwrap().unwrap().as_text(), Some("one"));
            assert_eq!(again.read().await.unwrap().unwrap().as_text(), Some("two"));
        });
    }
}

// K11: a program that takes no events
#[tokio::test(start_paused = true)]
async fn batches_that_are_not_taken_leave_others_their_turn() {
    for split in [false, true] {
        let stream = Scripted::bytes(from_client(|peer| peer.send("untaken").unwrap()));
        let websocket = WebSocket::new(stream.clone(), server());
        let other = tokio::spawn(async { (0..10).for_each(|_| ()) });
        let spinning = async {
            if split {
                let (mut reader, _writer) = websocket.into_split();
                while reader.fill().await.unwrap().is_some() {}
            } else {
                let mut websocket = websocket;
                while websocket.fill().await.unwrap().is_some() {}
            }
        };
        tokio::select! {
            () = spinning => panic!("it does not end"),
            done = other => done.unwrap(),
        }
    }
}

// K12: far more than a connection holds, both ways at once
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_fragments_goes_both_ways() {
    const PIECE: usize = 32 << 10;
    const PIECES: usize = 16 << 5;

    let (one, other) = tokio::io::duplex(1 << 16);
    let talk = |stream, connection: Connection| async move {
        let (mut reader, mut writer) = WebSocket::new(stream, connection).into_split();
        reader.set_delivery(Delivery::Chunks);
        let sending = tokio::spawn(async move {
            for piece in 1..=PIECES {
                writer.send_fragment(vec![7; PIECE], piece == PIECES).await.unwrap();
            }
            writer
        });
        let mut received = 0;
        while received < PIECES * PIECE {
            let mut batch = reader.fill().await.unwrap().unwrap();
            while let Some(event) = batch.next() {
                let Event::BinaryChunk { payload, .. } = event else { panic!("{event:?}") };
                assert!(payload.iter().all(|octet| *octet == 7));
                received += payload.len();
            }
        }
        sending.await.unwrap();
    };
    let mut large = Config::default();
    large.max_message_size = u64::MAX;
    let (large, same) = (large.clone(), large);
    let both = async {
        tokio::join!(
            tokio::spawn(talk(one, Connection::server(large))),
            tokio::spawn(talk(other, Connection::client(same, SEED)))
        )
    };
    let (one, other) = tokio::time::timeout(Duration::from_secs(90), both).await.unwrap();
    one.unwrap();
    other.unwrap();
}

// K13, K18: the peer takes nothing
#[test]
fn a_blocking_write_is_given_up_once_and_for_all() {
    for split in [false, true] {
        within(move || {
            let tenth = Some(Duration::from_millis(100));
            let impatient = config(|config| {
                (config.ping_interval, config.pong_timeout) = (tenth, tenth);
                config.close_timeout = tenth;
            });
            let (stream, _peer) = sockets();
            let mut websocket = blocking::WebSocket::new(stream, Connection::server(impatient));
            if split {
                let clone = websocket.stream().try_clone().unwrap();
                let (mut reader, mut writer) = websocket.into_split(clone);
                let reading = thread::spawn(move || reader.read());
                assert!(writer.send(vec![7; 20 << 20]).is_err());
                let read = reading.join().unwrap();
                assert!(matches!(read, Err(Error::Timeout(Timeout::Pong))), "{read:?}");
                assert!(writer.flush().is_err() && writer.flush().is_err());
                return;
            }
            assert!(is_kind(&websocket.send(vec![7; 20 << 20]), ErrorKind::TimedOut));
            for _ in 0..3 {
                assert!(is_kind(&websocket.flush(), ErrorKind::BrokenPipe));
                assert!(is_kind(&websocket.send("x"), ErrorKind::BrokenPipe));
            }
            assert!(matches!(websocket.read(), Err(Error::Timeout(Timeout::Pong))));
            assert!(matches!(websocket.read(), Ok(None)));
        });
    }
}

// K14: the peer closes while 8 MiB are on their way, and reads 640 KiB a second
#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_steadily_gets_all_of_it() {
    for split in [false, true] {
        let (stream, mut peer) = tokio::io::duplex(1 << 16);
        let websocket = WebSocket::new(stream, server());
        peer.write_all(&from_client(|peer| peer.close(CloseCode::NORMAL, "").unwrap()))
            .await
            .unwrap();
        let serving = tokio::spawn(async move {
            if split {
                let (mut reader, mut writer) = websocket.into_split();
                writer.feed(vec![0; 8 << 20]).await.unwrap();
                assert!(reader.read().await.unwrap().is_none());
                writer.flush().await.unwrap();
                return reader.end();
            }
            let mut websocket = websocket;
            websocket.connection_mut().send(vec![0; 8 << 20]).unwrap();
            assert!(websocket.read().await.unwrap().is_none());
            websocket.flush().await.unwrap();
            websocket.end()
        });
        let (mut received, mut buf) = (0, vec![0; 1 << 16]);
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            match peer.read(&mut buf).await.unwrap() {
                0 => break,
                len => received += len,
            }
        }
        assert_eq!(received, (8 << 20) + 10 + 4, "split: {split}");
        drop(peer);
        assert_eq!(serving.await.unwrap(), Some(EndOfStream::Clean), "split: {split}");
    }
}

/// A stream that takes everything and never has passed it on.
#[derive(Debug)]
struct Unflushed;

impl AsyncRead for Unflushed {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Unflushed {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }
}

// K16, K18
#[tokio::test(start_paused = true)]
async fn a_close_ends_in_its_time_over_any_stream() {
    let start = tokio::time::Instant::now();
    let mut websocket = WebSocket::new(Unflushed, server());
    let end = websocket.close(CloseCode::NORMAL, "").await.unwrap();
    assert_eq!((end, start.elapsed().as_secs()), (EndOfStream::Incomplete, 5));
    assert!(is_kind(&websocket.flush().await, ErrorKind::TimedOut));
    for _ in 0..3 {
        assert!(is_kind(&websocket.flush().await, ErrorKind::BrokenPipe));
    }

    let start = tokio::time::Instant::now();
    let (mut reader, mut writer) = WebSocket::new(Unflushed, server()).into_split();
    let (read, closed) = tokio::join!(reader.read(), writer.send_close(CloseCode::NORMAL, ""));
    assert!(read.unwrap().is_none() && is_kind(&closed, ErrorKind::TimedOut));
    assert_eq!((reader.end(), start.elapsed().as_secs()), (Some(EndOfStream::Incomplete), 5));
    assert!(is_kind(&writer.flush().await, ErrorKind::BrokenPipe));
}

// K19
#[test]
fn feeding_batches_on_whole_connections_and_sinks() {
    let writes =
        |stream: &Scripted| stream.log().iter().filter(|op| matches!(op, Op::Write(_))).count();
    runtime().block_on(async {
        let stream = Scripted::default();
        let mut websocket = WebSocket::new(stream.clone(), server());
        for _ in 0..16 {
            finish(websocket.feed(vec![7; 64]), 1).unwrap();
        }
        assert_eq!(writes(&stream), 0);
        finish(websocket.flush(), 1).unwrap();
        assert_eq!(writes(&stream), 1);

        let messages = futures_util::stream::iter((0..16).map(|_| Ok(vec![7_u8; 64])));
        let mut messages = messages.map(|message: Result<_, Error>| message);
        finish(SinkExt::<Vec<u8>>::send_all(&mut websocket, &mut messages), 3).unwrap();
        assert_eq!(writes(&stream), 2);
    });
}

// C14: health checks on the port
#[test]
fn plain_requests_are_seen_and_answered_by_the_program() {
    for (head, body) in [
        ("GET /health HTTP/1.1\r\nHost: a\r\n\r\n", true),
        ("GET /health HTTP/1.0\r\n\r\n", true),
        ("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n", false),
        ("HEAD /health HTTP/1.0\r\n\r\n", false),
    ] {
        let stream = || Scripted::new([Bring::Bytes(head.into()), Bring::Eof]);
        let fine = || Rejection::new(200).unwrap().body("fine");
        let answered = |stream: &Scripted| {
            let written = String::from_utf8(stream.written()).unwrap();
            assert!(written.starts_with("HTTP/1.1 200 OK\r\n"), "{written}");
            assert!(written.contains("Content-Length: 4\r\n") && written.contains("Date: "));
            assert_eq!(written.ends_with("\r\n\r\nfine"), body, "{written}");
            assert_eq!(stream.shutdowns(), 1);
        };
        let plain = stream();
        let requested = blocking::receive_request(plain.clone(), Config::default()).unwrap();
        assert!(requested.request().path() == "/health" && !requested.request().wants_upgrade());
        requested.respond(fine()).unwrap();
        answered(&plain);

        let plain = stream();
        runtime().block_on(async {
            let requested =
                asynchronous::receive_request(plain.clone(), Config::default()).await.unwrap();
            requested.respond(fine()).await.unwrap();
        });
        answered(&plain);

        // A program that does not care: they are refused as before.
        let plain = stream();
        assert!(blocking::accept(plain.clone(), Config::default()).is_err());
        assert!(plain.written().starts_with(b"HTTP/1.1 4") || !head.contains("1.1"));
    }
}

// C2: the body of a refusal comes later, or the connection is reset behind it
#[test]
fn refusals_are_read_whole() {
    let head = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\n";
    let reset = Bring::Error(ErrorKind::ConnectionReset);
    for (rest, body) in [
        (vec![Bring::Bytes(b"try".to_vec()), Bring::Bytes(b" later".to_vec())], "try later"),
        (vec![Bring::Bytes(b"try".to_vec()), Bring::Eof], "try"),
        (vec![Bring::Bytes(b"try".to_vec()), reset.clone()], "try"),
        (vec![reset], ""),
    ] {
        let stream =
            || Scripted::new([Bring::Bytes(head.to_vec())].into_iter().chain(rest.clone()));
        let rejected = |error: Error| {
            let Error::Handshake(HandshakeError::Rejected(response)) = error else {
                panic!("{error}")
            };
            assert_eq!((response.status(), response.body()), (503, body.as_bytes()));
            assert_eq!(response.header("Retry-After"), Some(&b"7"[..]));
        };
        let opened = blocking::client_with_seed(stream(), request(), Config::default(), SEED);
        rejected(opened.unwrap_err());
        runtime().block_on(async {
            let opening =
                asynchronous::client_with_seed(stream(), request(), Config::default(), SEED);
            rejected(finish(opening, 9).unwrap_err());
        });
    }
}

// The server's frames with the 101, on the client's side.
#[test]
fn frames_behind_the_response_are_not_lost() {
    let recorded = crate::conversation::Recorded::new(framewise::Role::Client, 0);
    let glued =
        [&recorded.bytes[..recorded.head], &from_server(|peer| peer.send("at once").unwrap())[..]]
            .concat();
    let opened =
        blocking::client_with_seed(Scripted::bytes(glued), request(), Config::default(), SEED);
    let (mut websocket, _) = opened.unwrap();
    assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("at once"));
}
