//! K18, K19: errors after the connection was given up, and how much leaves in one write.

use std::{
    io::ErrorKind,
    task::{Context, Waker},
    time::Duration,
};

use framewise::{
    CloseCode, Connection, Error, Message, blocking,
    tokio::{Reader, WebSocket, Writer},
};
use futures_util::{SinkExt, StreamExt, stream};

use super::support::soon;
use crate::support::{
    Bring, Grant, Op, Scripted, client, config, finish, from_client, runtime, server, sockets,
    within,
};

/// Every call that writes, in turn.
const CALLS: usize = 8;

async fn call(websocket: &mut WebSocket<Scripted>, number: usize) -> Result<(), Error> {
    match number % CALLS {
        0 => websocket.flush().await,
        1 => websocket.send("late").await,
        2 => websocket.feed("late").await,
        3 => SinkExt::send(websocket, "late").await,
        4 => SinkExt::feed(websocket, "late").await,
        5 => SinkExt::<Message>::flush(websocket).await,
        6 => websocket.send_all(&mut stream::iter([Ok("late")])).await,
        _ => SinkExt::<Message>::close(websocket).await,
    }
}

async fn call_half(writer: &mut Writer<Scripted>, number: usize) -> Result<(), Error> {
    match number % CALLS {
        0 => writer.flush().await,
        1 => writer.send("late").await,
        2 => writer.feed("late").await,
        3 => SinkExt::send(writer, "late").await,
        4 => writer.ping(b"late").await,
        5 => SinkExt::<Message>::flush(writer).await,
        6 => writer.send_fragment("late", true).await,
        _ => SinkExt::<Message>::close(writer).await,
    }
}

fn is(error: &Error, kind: ErrorKind) -> bool {
    matches!(error, Error::Io(error) if error.kind() == kind)
}

// The peer takes nothing: the first call is told why, each later one that it was lost.
#[tokio::test(start_paused = true)]
async fn k18_every_call_after_the_give_up_is_an_error() {
    for first in 0..CALLS {
        let stream = Scripted::default();
        stream.block();
        let mut websocket = WebSocket::new(stream.clone(), server());
        websocket.connection_mut().send("lost").unwrap();
        // One that only queues does not wait.
        let result = soon(call(&mut websocket, first)).await;
        match result {
            Ok(()) => assert!(matches!(first, 2 | 4), "{first}"),
            Err(error) => assert!(is(&error, ErrorKind::TimedOut), "{first}: {error:?}"),
        }
        let _ = soon(websocket.flush()).await;
        for number in 0..3 * CALLS {
            let error = soon(call(&mut websocket, number)).await.unwrap_err();
            assert!(!is(&error, ErrorKind::TimedOut), "{number}: {error:?}");
        }
        let _ = soon(websocket.read()).await;
        for number in 0..3 * CALLS {
            assert!(soon(call(&mut websocket, number)).await.is_err(), "{number}");
        }
        assert!(soon(websocket.read()).await.unwrap().is_none());
        assert!(stream.written().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn k18_every_call_of_a_half_after_the_give_up_is_an_error() {
    for first in 0..CALLS {
        let stream = Scripted::default();
        stream.block();
        let (mut reader, mut writer) = WebSocket::new(stream, client()).into_split();
        writer.feed("lost").await.unwrap();
        let (read, result) = soon(async {
            tokio::join!(reader.read(), async {
                let result = call_half(&mut writer, first).await;
                let _ = writer.flush().await;
                result
            })
        })
        .await;
        assert!(matches!(read, Err(Error::Timeout(_))) || first == 7, "{read:?}");
        assert!(result.is_err() || first == 2, "{first}: {result:?}");
        for number in 0..3 * CALLS {
            assert!(soon(call_half(&mut writer, number)).await.is_err(), "{number}");
        }
        let _ = soon(reader.read()).await;
        for number in 0..3 * CALLS {
            assert!(soon(call_half(&mut writer, number)).await.is_err(), "{number}");
        }
    }
}

// A write fails, whoever finds it: the same.
#[tokio::test(start_paused = true)]
async fn k18_every_call_after_a_failed_write_is_an_error() {
    for kind in [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset, ErrorKind::Other] {
        for (first, flushes) in (0..CALLS).flat_map(|first| [(first, false), (first, true)]) {
            let fails = || {
                let stream = Scripted::default();
                let mut script = stream.script();
                let script = if flushes { &mut script.flushes } else { &mut script.writes };
                script.push_back(Grant::Error(kind));
                stream.clone()
            };
            let stream = fails();
            let mut websocket = WebSocket::new(stream, server());
            websocket.connection_mut().send("lost").unwrap();
            let result = soon(call(&mut websocket, first)).await;
            match result {
                Ok(()) => assert!(matches!(first, 2 | 4), "{first}"),
                Err(error) => assert!(is(&error, kind), "{first}: {error:?}"),
            }
            let _ = websocket.flush().await;
            for number in 0..2 * CALLS {
                assert!(soon(call(&mut websocket, number)).await.is_err(), "{number}");
            }

            let (_reader, mut writer): (Reader<_>, _) =
                WebSocket::new(fails(), server()).into_split();
            writer.feed("lost").await.unwrap();
            let result = soon(call_half(&mut writer, first)).await;
            assert!(result.is_err() || first == 2, "{first}: {result:?}");
            let _ = writer.flush().await;
            for number in 0..2 * CALLS {
                assert!(soon(call_half(&mut writer, number)).await.is_err(), "{number}");
            }
        }
    }
}

// What failed while a reply was written is told to the next call that writes, and what the peer has
// sent is delivered.
#[tokio::test(start_paused = true)]
async fn k18_a_reply_that_failed_is_told_to_who_writes() {
    for first in 0..CALLS {
        let bytes = from_client(|peer| {
            peer.ping(b"").unwrap();
            peer.send("and this").unwrap();
        });
        let stream =
            Scripted::new([Bring::Bytes(bytes[..6].into()), Bring::Bytes(bytes[6..].into())]);
        stream.script().writes.push_back(Grant::Error(ErrorKind::BrokenPipe));
        let mut websocket = WebSocket::new(stream, server());
        assert_eq!(soon(websocket.read()).await.unwrap().unwrap().as_text(), Some("and this"));
        for number in first..first + 2 * CALLS {
            assert!(soon(call(&mut websocket, number)).await.is_err(), "{number}");
        }
    }
}

// On threads: over sockets with a peer that takes nothing, whole and in halves.
#[test]
fn k18_every_blocking_call_after_the_give_up_is_an_error() {
    within(|| {
        let hasty = || {
            let short = Some(Duration::from_millis(50));
            Connection::server(config(|config| {
                (config.ping_interval, config.pong_timeout) = (short, short);
                (config.close_timeout, config.handshake_timeout) = (short, short);
            }))
        };
        let (stream, _peer) = sockets();
        let mut websocket = blocking::WebSocket::new(stream, hasty());
        assert!(websocket.send(vec![0; 24 << 20]).is_err());
        while websocket.connection().state() != framewise::State::Closed {
            let _ = websocket.read();
        }
        for _ in 0..3 {
            assert!(websocket.flush().is_err());
            assert!(websocket.send("late").is_err());
            assert!(websocket.feed("late").is_err());
            let _ = websocket.read();
        }

        let (stream, _peer) = sockets();
        let websocket = blocking::WebSocket::new(stream, hasty());
        let clone = websocket.stream().try_clone().unwrap();
        let (mut reader, mut writer) = websocket.into_split(clone);
        let reading = std::thread::spawn(move || {
            while let Ok(Some(_)) = reader.read() {}
            reader
        });
        assert!(writer.send(vec![0; 24 << 20]).is_err());
        let mut reader = reading.join().unwrap();
        for _ in 0..3 {
            assert!(writer.flush().is_err());
            assert!(writer.send("late").is_err());
            assert!(writer.ping(b"").is_err());
            assert!(writer.send_fragment("late", true).is_err());
            assert!(writer.send_close(CloseCode::NORMAL, "").is_err());
            let _ = reader.read();
        }
    });
}

/// How many octets each write took.
fn writes(stream: &Scripted) -> Vec<usize> {
    let writes = stream.log().into_iter().filter_map(|op| match op {
        Op::Write(len) => Some(len),
        _ => None,
    });
    writes.collect()
}

// Messages that are fed leave together, however they are fed.
#[test]
fn k19_what_is_fed_leaves_in_one_write() {
    const COUNT: usize = 16;

    runtime().block_on(async {
        for (len, vectored) in
            [(10, false), (64, false), (1000, false), (3000, false), (3000, true)]
        {
            for way in 0..9 {
                let stream = Scripted::default();
                stream.script().vectored = vectored;
                let mut websocket = WebSocket::new(stream.clone(), server());
                let payload = || vec![7_u8; len];
                let mut messages = stream::iter((0..COUNT).map(|_| Ok(payload())));
                match way {
                    0 => {
                        for _ in 0..COUNT {
                            finish(websocket.feed(&payload()[..]), 1).unwrap();
                            assert!(stream.log().is_empty());
                        }
                        finish(websocket.flush(), 1).unwrap();
                    }
                    1 => {
                        for _ in 0..COUNT {
                            finish(SinkExt::feed(&mut websocket, payload()), 1).unwrap();
                            assert!(stream.log().is_empty());
                        }
                        finish(SinkExt::<Vec<u8>>::flush(&mut websocket), 1).unwrap();
                    }
                    2 => finish(websocket.send_all(&mut messages), 1).unwrap(),
                    3 => finish(messages.forward(&mut websocket), 1).unwrap(),
                    4 => {
                        let (mut sink, _stream) = StreamExt::split(websocket);
                        finish(sink.send_all(&mut messages), 1).unwrap();
                    }
                    5 => {
                        let (_reader, mut writer) = websocket.into_split();
                        for _ in 0..COUNT {
                            finish(writer.feed(payload()), 1).unwrap();
                            assert!(stream.log().is_empty());
                        }
                        finish(writer.flush(), 1).unwrap();
                    }
                    6 => {
                        let (_reader, mut writer) = websocket.into_split();
                        finish(writer.send_all(&mut messages), 1).unwrap();
                    }
                    7 => {
                        // Answers of a batch: one write for all of them.
                        let one = from_client(|peer| peer.send(payload()).unwrap());
                        stream.bring(Bring::Bytes(one.repeat(COUNT)));
                        let mut count = 0;
                        while count < COUNT {
                            let mut batch = finish(websocket.fill(), 1).unwrap().unwrap();
                            while let Some(event) = batch.next() {
                                if let framewise::Event::Binary(bytes) = event {
                                    batch.send(bytes).unwrap();
                                    count += 1;
                                }
                            }
                        }
                        finish(websocket.flush(), 1).unwrap();
                    }
                    _ => {
                        let mut websocket = blocking::WebSocket::new(stream.clone(), server());
                        for _ in 0..COUNT {
                            websocket.feed(payload()).unwrap();
                            assert!(stream.log().is_empty());
                        }
                        websocket.flush().unwrap();
                    }
                }
                let writes = writes(&stream);
                // `forward` closes behind them, and 32 KiB are read at once.
                let limit = match way {
                    3 => 2,
                    7 => 1 + COUNT * (len + 8) / (32 << 10),
                    _ => 1,
                };
                assert!(writes.len() <= limit, "{way}, {len}: {writes:?}");
                let header = if len < 126 { 2 } else { 4 };
                let close = if way == 3 { 4 } else { 0 };
                assert_eq!(writes.iter().sum::<usize>(), COUNT * (header + len) + close);
            }
        }
    });
}

// And not without end: what was fed is written when there is much of it.
#[test]
fn k19_feeding_for_ever_holds_a_bounded_amount() {
    runtime().block_on(async {
        let stream = Scripted::default();
        let mut websocket = WebSocket::new(stream.clone(), server());
        for number in 0..10_000 {
            finish(SinkExt::feed(&mut websocket, vec![0_u8; 100]), 1).unwrap();
            assert!(websocket.connection_mut().output().len() <= 70_000, "{number}");
        }
        let writes = writes(&stream);
        assert!(writes.len() < 30 && writes.iter().all(|len| *len > 30_000), "{writes:?}");
    });
}

// A sink that is ready does not know how large the next message is. It takes one of half the limit.
#[test]
fn k19_a_sink_that_is_ready_takes_half_of_what_fits() {
    for max_output in [1 << 10, 100 << 10, 140 << 10, 200_000, 1 << 20] {
        for queued in [0, 100, 60_000] {
            for split in [false, true] {
                let stream = Scripted::default();
                let connection =
                    Connection::server(config(|config| config.max_output = max_output));
                let mut websocket = WebSocket::new(stream, connection);
                if queued != 0 && queued + 14 > max_output {
                    continue;
                }
                websocket.connection_mut().send(vec![0; queued]).unwrap();
                let len = max_output / 2 - 100;
                let cx = &mut Context::from_waker(Waker::noop());
                let _guard = runtime().enter();
                let started = if split {
                    let (_reader, mut writer) = websocket.into_split();
                    let ready = SinkExt::<Vec<u8>>::poll_ready_unpin(&mut writer, cx);
                    assert!(ready.is_ready());
                    writer.start_send_unpin(vec![0; len])
                } else {
                    let ready = SinkExt::<Vec<u8>>::poll_ready_unpin(&mut websocket, cx);
                    assert!(ready.is_ready());
                    websocket.start_send_unpin(vec![0; len])
                };
                assert!(started.is_ok(), "{max_output}, {queued}, {split}");
            }
        }
    }
}
