//! Who is woken, and by what.

use std::{
    future::Future,
    io::ErrorKind,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use framewise::{
    CloseCode, Config, Connection, Message, State,
    client::{ConnectGate, Connector},
    handshake::ClientRequest,
    tokio::{self as asynchronous, WebSocket},
};
use futures_util::{SinkExt, StreamExt as _};
use tokio::time::advance;

use crate::{
    conversation::request,
    support::{Bring, REQUEST, SEED, Scripted, Wakes, client, from_client, runtime, server},
};

/// A task that a future may live in.
struct Task {
    wakes: Arc<Wakes>,
    waker: Waker,
}

impl Task {
    fn new() -> Self {
        let (wakes, waker) = Wakes::new();
        Self { wakes, waker }
    }

    fn context(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }

    fn is_woken(&self) -> bool {
        self.wakes.count() != 0
    }
}

/// Polls a future in one task, moves it to another one, and has `event` happen: the other one is
/// woken, and only the other one.
fn moved<F: Future>(future: F, event: impl FnOnce()) -> F::Output {
    let mut future = pin!(future);
    let (before, behind) = (Task::new(), Task::new());
    assert!(future.as_mut().poll(&mut before.context()).is_pending());
    assert!(future.as_mut().poll(&mut behind.context()).is_pending());
    event();
    assert!(behind.is_woken() && !before.is_woken());
    match future.as_mut().poll(&mut behind.context()) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it was all that it waited for"),
    }
}

fn text() -> Bring {
    Bring::Bytes(from_client(|peer| peer.send("news").unwrap()))
}

/// Everything that waits to read, or to write: the last waker counts.
#[test]
fn a_future_that_moved_is_woken_where_it_is() {
    let _guard = runtime().enter();
    let idle = Scripted::default;
    let blocked = || {
        let stream = Scripted::default();
        stream.block();
        stream
    };

    let stream = idle();
    let accept = asynchronous::accept(stream.clone(), Config::default());
    let _ = moved(accept, || stream.bring(Bring::Bytes(REQUEST.to_vec()))).unwrap();
    let stream = idle();
    let client = asynchronous::client_with_seed(stream.clone(), request(), Config::default(), SEED);
    assert!(moved(client, || stream.bring(Bring::Eof)).is_err());

    let stream = idle();
    let mut websocket = WebSocket::new(stream.clone(), server());
    assert!(moved(websocket.readable(), || stream.bring(text())).unwrap());
    let _ = websocket.batch().next();
    let read = moved(websocket.read(), || stream.bring(text())).unwrap();
    assert_eq!(read.unwrap().as_text(), Some("news"));
    stream.block();
    moved(websocket.send("to you"), || stream.unblock()).unwrap();
    stream.block();
    websocket.connection_mut().send(vec![0; 1 << 20]).unwrap();
    moved(websocket.feed("to you"), || stream.unblock()).unwrap();
    stream.block();
    moved(websocket.flush(), || stream.unblock()).unwrap();
    let close = websocket.close(CloseCode::NORMAL, "");
    moved(close, || stream.bring(Bring::Eof)).unwrap();

    let stream = blocked();
    let (mut reader, mut writer) = WebSocket::new(stream.clone(), server()).into_split();
    assert!(moved(reader.readable(), || stream.bring(text())).unwrap());
    let _ = reader.batch().next();
    let read = moved(reader.read(), || stream.bring(text())).unwrap();
    assert_eq!(read.unwrap().as_text(), Some("news"));
    moved(writer.send("to you"), || stream.unblock()).unwrap();
    stream.block();
    moved(writer.ping(b""), || stream.unblock()).unwrap();
    stream.block();
    moved(writer.send_close(CloseCode::NORMAL, ""), || stream.unblock()).unwrap();
}

// What one half does for the other one reaches the task where that is now.
#[test]
fn halves_that_moved_wake_one_another_where_they_are() {
    let _guard = runtime().enter();
    let stream = Scripted::default();
    stream.block();
    let (mut reader, mut writer) = WebSocket::new(stream.clone(), server()).into_split();
    let [old_reader, new_reader, old_writer, new_writer] = [(); 4].map(|()| Task::new());

    // The reader waits to read only, the writer has something that nobody takes.
    let mut reading = pin!(reader.read());
    assert!(reading.as_mut().poll(&mut old_reader.context()).is_pending());
    assert!(reading.as_mut().poll(&mut new_reader.context()).is_pending());
    {
        let mut closing = pin!(writer.send_close(CloseCode::NORMAL, ""));
        assert!(closing.as_mut().poll(&mut old_writer.context()).is_pending());
        // There is a deadline to wait for.
        assert!(new_reader.is_woken() && !old_reader.is_woken());
        assert!(closing.as_mut().poll(&mut new_writer.context()).is_pending());
        assert!(reading.as_mut().poll(&mut new_reader.context()).is_pending());
        let before = new_reader.wakes.count();
        stream.unblock();
        assert!(new_writer.is_woken() && !old_writer.is_woken());
        assert!(new_reader.wakes.count() > before, "what it waited to write may be written");
        assert!(matches!(closing.as_mut().poll(&mut new_writer.context()), Poll::Ready(Ok(()))));
    }

    // And the reader tells the writer that nothing will come of what it waits for.
    stream.block();
    let stream = Scripted::default();
    stream.block();
    let (mut reader, mut writer) = WebSocket::new(stream.clone(), server()).into_split();
    let (old, new) = (Task::new(), Task::new());
    let mut sending = pin!(writer.send("to you"));
    assert!(sending.as_mut().poll(&mut old.context()).is_pending());
    assert!(sending.as_mut().poll(&mut new.context()).is_pending());
    stream.script().blocked = false;
    stream.script().writes.push_back(crate::support::Grant::Error(ErrorKind::BrokenPipe));
    stream.bring(Bring::Eof);
    let mut reading = pin!(reader.read());
    let task = Task::new();
    assert!(matches!(reading.as_mut().poll(&mut task.context()), Poll::Ready(Ok(None))));
    assert!(new.is_woken() && !old.is_woken());
    assert!(matches!(sending.as_mut().poll(&mut new.context()), Poll::Ready(Err(_))));
}

// A stream wakes a task when bytes arrive, but not for those that another task has read already.
#[test]
fn a_task_that_reads_ahead_wakes_the_one_that_receives() {
    let _guard = runtime().enter();
    let stream = Scripted::default();
    stream.block();
    let mut websocket = WebSocket::new(stream.clone(), server());
    let (reader, writer) = (Task::new(), Task::new());
    assert!(websocket.poll_next_unpin(&mut reader.context()).is_pending());
    websocket.start_send_unpin(Message::Text("to you".into())).unwrap();
    stream.script().reads.push_back(text());
    let flush = SinkExt::<Message>::poll_flush_unpin(&mut websocket, &mut writer.context());
    assert!(flush.is_pending());
    assert!(reader.is_woken() && !writer.is_woken());
    match websocket.poll_next_unpin(&mut reader.context()) {
        Poll::Ready(Some(Ok(message))) => assert_eq!(message.as_text(), Some("news")),
        other => panic!("{other:?}"),
    }

    // When there is nothing to tell, they leave one another alone.
    assert!(websocket.poll_next_unpin(&mut reader.context()).is_pending());
    let before = (reader.wakes.count(), writer.wakes.count());
    let flush = SinkExt::<Message>::poll_flush_unpin(&mut websocket, &mut writer.context());
    assert!(flush.is_pending());
    assert!(websocket.poll_next_unpin(&mut reader.context()).is_pending());
    assert_eq!((reader.wakes.count(), writer.wakes.count()), before);
}

// Timers, too: each of the futures that run them.
#[tokio::test(start_paused = true)]
async fn a_timer_wakes_the_task_where_the_future_is() {
    let minute = Duration::from_secs(60);
    for call in 0..5 {
        let stream = Scripted::default();
        stream.block();
        let mut websocket = WebSocket::new(stream.clone(), server());
        let (before, behind) = (Task::new(), Task::new());
        let polled = |mut future: std::pin::Pin<&mut dyn Future<Output = ()>>| {
            assert!(future.as_mut().poll(&mut before.context()).is_pending());
            assert!(future.as_mut().poll(&mut behind.context()).is_pending());
        };
        match call {
            0 => {
                let mut future = pin!(async { drop(websocket.read().await) });
                polled(future.as_mut());
                advance(minute).await;
            }
            1 => {
                let mut future = pin!(async { drop(websocket.send("to you").await) });
                polled(future.as_mut());
                advance(minute).await;
            }
            2 => {
                let mut future = pin!(async { drop(websocket.close(None, "").await) });
                polled(future.as_mut());
                advance(minute).await;
            }
            3 => {
                let (mut reader, _writer) = websocket.into_split();
                let mut future = pin!(async { drop(reader.read().await) });
                polled(future.as_mut());
                advance(minute).await;
            }
            _ => {
                let accept = asynchronous::accept(stream, Config::default());
                let mut future = pin!(async { drop(accept.await) });
                polled(future.as_mut());
                advance(minute).await;
            }
        }
        assert!(behind.is_woken() && !before.is_woken(), "{call}");
    }
}

// 6455-4.1-06: one that waits for its turn at a gate.
#[tokio::test]
async fn a_connect_that_moved_has_its_turn() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("ws://{}/", listener.local_addr().unwrap());
    let connector = Connector::new().gate(&ConnectGate::new());
    let connect = || {
        Box::pin(asynchronous::connect_with(
            &connector,
            ClientRequest::new(&uri).unwrap(),
            Config::default(),
        ))
    };
    let (mut first, mut second) = (connect(), connect());
    let [task, before, behind] = [(); 3].map(|()| Task::new());
    assert!(first.as_mut().poll(&mut task.context()).is_pending());
    assert!(second.as_mut().poll(&mut before.context()).is_pending());
    assert!(second.as_mut().poll(&mut behind.context()).is_pending());
    drop(first);
    assert!(behind.is_woken());
}

// Real tasks, and halves that move from one to another in the middle of a call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn halves_move_between_tasks() {
    const MESSAGES: usize = 50;

    let (one, other) = tokio::io::duplex(64);
    let talk = |stream, connection: Connection| async move {
        let (mut reader, mut writer) = WebSocket::new(stream, connection).into_split();
        let writing = tokio::spawn(async move {
            for number in 0..MESSAGES {
                let mut sending = Box::pin(async move {
                    writer.send(number.to_string().repeat(100)).await.unwrap();
                    writer
                });
                // Begun here, ended elsewhere.
                let begun = tokio::time::timeout(Duration::ZERO, &mut sending).await;
                writer = match begun {
                    Ok(writer) => writer,
                    Err(_) => tokio::spawn(sending).await.unwrap(),
                };
            }
            writer
        });
        let mut messages = Vec::new();
        while messages.len() < MESSAGES {
            let mut reading = Box::pin(async move {
                let message = reader.read().await.unwrap().unwrap();
                (reader, message)
            });
            let begun = tokio::time::timeout(Duration::ZERO, &mut reading).await;
            let (back, message) = match begun {
                Ok(read) => read,
                Err(_) => tokio::spawn(reading).await.unwrap(),
            };
            reader = back;
            messages.push(message);
        }
        let mut writer = writing.await.unwrap();
        if writer.state() == State::Open {
            let _ = writer.send_close(CloseCode::NORMAL, "").await;
        }
        assert!(reader.read().await.unwrap().is_none());
        messages
    };
    let both = async {
        tokio::join!(tokio::spawn(talk(one, server())), tokio::spawn(talk(other, client())))
    };
    let (one, other) =
        tokio::time::timeout(Duration::from_secs(60), both).await.expect("somebody is not woken");
    let expected: Vec<_> =
        (0..MESSAGES).map(|number| Message::Text(number.to_string().repeat(100))).collect();
    assert_eq!((one.unwrap(), other.unwrap()), (expected.clone(), expected));
}
