//! K2: one WebSocket in the hands of two tasks.

#![allow(clippy::cast_possible_truncation, reason = "the numbers of messages are small")]

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::Duration,
};

use framewise::{Message, tokio::WebSocket};
use futures_util::{FutureExt as _, Sink, SinkExt, Stream, StreamExt, stream};
use tokio::{
    io::{
        AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex,
    },
    sync::mpsc,
};

use super::support::{on_threads, soon, untimed_client, untimed_server};

const LEN: usize = 20_000;

type Duplex = WebSocket<DuplexStream>;

/// Two ends, and little between them.
fn ends(capacity: usize) -> (Duplex, Duplex) {
    let (one, other) = duplex(capacity);
    (WebSocket::new(one, untimed_server()), WebSocket::new(other, untimed_client()))
}

/// Sends messages and receives as many at once, in two tasks.
async fn both_ways(websocket: Duplex, count: usize) {
    let (mut sink, stream) = StreamExt::split(websocket);
    let writing = tokio::spawn(async move {
        for number in 0..count {
            sink.send(vec![number as u8; LEN]).await.unwrap();
        }
        sink
    });
    let reading = tokio::spawn(received(stream, count));
    let (sink, stream) = (writing.await.unwrap(), reading.await.unwrap());
    assert!(sink.is_pair_of(&stream));
}

/// Receives and checks messages.
async fn received<S>(mut stream: S, count: usize) -> S
where
    S: Stream<Item = Result<Message, framewise::Error>> + Unpin,
{
    for number in 0..count {
        let message = stream.next().await.unwrap().unwrap();
        assert!(message.as_bytes().len() == LEN);
        assert!(message.as_bytes().iter().all(|byte| *byte == number as u8));
    }
    stream
}

#[test]
fn k2_two_tasks_each_at_both_ends() {
    for capacity in [1, 64, 4096] {
        let count = if capacity == 1 { 1 } else { 10 };
        let (one, other) = ends(capacity);
        on_threads(async move {
            let one = tokio::spawn(both_ways(one, count));
            let other = tokio::spawn(both_ways(other, count));
            one.await.unwrap();
            other.await.unwrap();
        });
    }
}

// And on a single thread, where every wake-up counts: nobody polls by chance.
#[tokio::test(start_paused = true)]
async fn k2_two_tasks_each_on_one_thread() {
    for capacity in [1, 64, 1000] {
        let (one, other) = ends(capacity);
        let one = tokio::spawn(both_ways(one, capacity.min(3)));
        let other = tokio::spawn(both_ways(other, capacity.min(3)));
        soon(one).await.unwrap();
        soon(other).await.unwrap();
    }
}

// The other end receives nothing before it has sent all, and a message is longer than what a connection
// reads ahead.
#[tokio::test(start_paused = true)]
async fn k2_a_task_that_cannot_send_does_not_keep_the_other_one_from_receiving() {
    for capacity in [64, 4096] {
        let (one, mut other) = ends(capacity);
        let (mut sink, mut stream) = StreamExt::split(one);
        let message = |number| Message::from(vec![number; 100_000]);
        let writing = tokio::spawn(async move {
            for number in 0..5 {
                sink.send(message(number)).await.unwrap();
            }
            sink
        });
        let reading = tokio::spawn(async move {
            for number in 0..5 {
                assert!(stream.next().await.unwrap().unwrap() == message(number));
            }
            stream
        });
        for number in 0..5 {
            soon(other.send(message(number))).await.unwrap();
        }
        let stream = soon(reading).await.unwrap();
        for number in 0..5 {
            assert!(soon(other.read()).await.unwrap() == Some(message(number)));
        }
        assert!(soon(writing).await.unwrap().is_pair_of(&stream));
    }
}

// Only one end is taken apart; the other one answers, or is a pair of halves.
#[tokio::test(start_paused = true)]
async fn k2_one_end_is_taken_apart() {
    for way in 0..4 {
        let (one, mut other) = ends(64);
        let split = tokio::spawn(both_ways(one, 5));
        let peer = tokio::spawn(async move {
            match way {
                0 => {
                    while let Some(message) = other.read().await.unwrap() {
                        other.send(message).await.unwrap();
                    }
                }
                1 => {
                    while let Some(mut batch) = other.fill().await.unwrap() {
                        while let Some(event) = batch.next() {
                            if let framewise::Event::Binary(bytes) = event {
                                batch.send(bytes).unwrap();
                            }
                        }
                    }
                }
                2 => {
                    let (sink, stream) = StreamExt::split(other);
                    stream.forward(sink).await.unwrap();
                }
                _ => {
                    let (reader, writer) = WebSocket::into_split(other);
                    reader.forward(writer).await.unwrap();
                }
            }
        });
        soon(split).await.unwrap();
        let _ = soon(peer).await;
    }
}

// The pattern of axum's docs: each client has a task that writes what a channel brings.
#[test]
fn k2_a_chat_of_ten() {
    const PEERS: usize = 10;
    const EACH: usize = 1;

    on_threads(async {
        let (mut outboxes, mut inboxes, mut clients) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..PEERS {
            let (server, client) = ends(64);
            let (outbox, mut queue) = mpsc::unbounded_channel::<Message>();
            outboxes.push(outbox);
            let (mut sink, stream) = StreamExt::split(server);
            tokio::spawn(async move {
                while let Some(message) = queue.recv().await {
                    if sink.send(message).await.is_err() {
                        break;
                    }
                }
            });
            inboxes.push(stream);
            clients.push(tokio::spawn(async move {
                let (mut sink, mut stream) = StreamExt::split(client);
                let talking = tokio::spawn(async move {
                    for _ in 0..EACH {
                        sink.send(vec![number as u8; LEN]).await.unwrap();
                    }
                    sink
                });
                for _ in 0..PEERS * EACH {
                    assert_eq!(stream.next().await.unwrap().unwrap().as_bytes().len(), LEN);
                }
                (talking.await.unwrap(), stream)
            }));
        }
        for mut stream in inboxes {
            let outboxes = outboxes.clone();
            tokio::spawn(async move {
                while let Some(Ok(message)) = stream.next().await {
                    for outbox in &outboxes {
                        let _ = outbox.send(message.clone());
                    }
                }
            });
        }
        let mut kept = Vec::new();
        for client in clients {
            kept.push(client.await.unwrap());
        }
    });
}

// One task, `select!`: what does not fit waits, and meanwhile there is something to read.
#[tokio::test(start_paused = true)]
async fn k2_a_single_task_that_selects() {
    let (one, other) = ends(64);
    let run = |websocket: Duplex| async move {
        let (mut sink, mut stream) = StreamExt::split(websocket);
        let mut messages = stream::iter((0..5).map(|number| Ok(vec![number as u8; LEN])));
        let mut sending = pin!(sink.send_all(&mut messages).fuse());
        let (mut sent, mut count) = (false, 0);
        while !sent || count < 5 {
            tokio::select! {
                result = &mut sending, if !sent => { result.unwrap(); sent = true; }
                message = stream.next() => {
                    assert_eq!(message.unwrap().unwrap().as_bytes().len(), LEN);
                    count += 1;
                }
            }
        }
    };
    soon(async { tokio::join!(run(one), run(other)) }).await;

    // The same without taking it apart: both futures are cancel safe.
    let (one, other) = ends(64);
    let run = |mut websocket: Duplex| async move {
        let (mut queued, mut count) = (0, 0);
        while queued < 5 || count < 5 {
            tokio::select! {
                readable = websocket.readable() => {
                    assert!(readable.unwrap());
                    let mut batch = websocket.batch();
                    while batch.next_message().is_some() {
                        count += 1;
                    }
                }
                () = tokio::time::sleep(Duration::from_millis(1)), if queued < 5 => {
                    websocket.send(vec![0; LEN]).await.unwrap();
                    queued += 1;
                }
            }
        }
        websocket.flush().await.unwrap();
        websocket
    };
    soon(async { tokio::join!(run(one), run(other)) }).await;
}

/// Makes progress in two tasks that lock the WebSocket for each poll.
async fn under_a_lock(websocket: Duplex, inherent: bool, count: usize) {
    let shared = Arc::new(Mutex::new(websocket));
    let writing = tokio::spawn({
        let shared = Arc::clone(&shared);
        async move {
            for number in 0..count {
                let payload = vec![number as u8; LEN];
                if inherent {
                    shared.lock().unwrap().connection_mut().send(payload).unwrap();
                    poll_fn(|cx| pin!(shared.lock().unwrap().flush()).poll(cx)).await.unwrap();
                } else {
                    let sink = |cx: &mut Context<'_>| {
                        Sink::<Vec<u8>>::poll_flush(Pin::new(&mut *shared.lock().unwrap()), cx)
                    };
                    shared.lock().unwrap().start_send_unpin(payload).unwrap();
                    poll_fn(sink).await.unwrap();
                }
            }
        }
    });
    let reading = tokio::spawn(async move {
        for number in 0..count {
            let message = if inherent {
                poll_fn(|cx| pin!(shared.lock().unwrap().read()).poll(cx)).await
            } else {
                poll_fn(|cx| shared.lock().unwrap().poll_next_unpin(cx)).await.transpose()
            };
            assert!(message.unwrap().unwrap().as_bytes().iter().all(|it| *it == number as u8));
        }
    });
    writing.await.unwrap();
    reading.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn k2_two_tasks_that_lock_it_for_each_poll() {
    let (one, other) = ends(64);
    let one = tokio::spawn(under_a_lock(one, false, 3));
    let other = tokio::spawn(under_a_lock(other, false, 3));
    soon(one).await.unwrap();
    soon(other).await.unwrap();
}

// All futures are cancel safe, so they may be made anew for each poll.
#[tokio::test(start_paused = true)]
async fn k2_two_tasks_that_make_futures_for_each_poll() {
    let (one, other) = ends(64);
    let one = tokio::spawn(under_a_lock(one, true, 3));
    let other = tokio::spawn(under_a_lock(other, true, 3));
    soon(one).await.unwrap();
    soon(other).await.unwrap();
}

// A lock that is held while a message is sent, and given up by the reader now and then.
#[tokio::test(start_paused = true)]
async fn k2_two_tasks_and_a_lock_of_tokios() {
    let run = |websocket: Duplex| async move {
        let shared = Arc::new(tokio::sync::Mutex::new(websocket));
        let writing = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                for number in 0..5 {
                    let mut websocket = shared.lock().await;
                    SinkExt::send(&mut *websocket, vec![number; LEN]).await.unwrap();
                }
            }
        });
        let mut count = 0;
        while count < 5 {
            let mut websocket = shared.lock().await;
            let next = tokio::time::timeout(Duration::from_millis(5), websocket.next());
            count += u8::from(next.await.is_ok_and(|message| message.unwrap().is_ok()));
        }
        writing.await.unwrap();
    };
    let (one, other) = ends(64);
    soon(async { tokio::join!(run(one), run(other)) }).await;
}

/// A stream of bytes made of the messages of a WebSocket.
struct Bytes {
    websocket: Duplex,
    rest: Vec<u8>,
    inherent: bool,
}

impl AsyncRead for Bytes {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            let message = if self.inherent {
                ready!(pin!(self.websocket.read()).poll(cx)).transpose()
            } else {
                ready!(self.websocket.poll_next_unpin(cx))
            };
            let Some(message) = message else { return Poll::Ready(Ok(())) };
            self.rest = message.map_err(io::Error::other)?.as_bytes().to_vec();
        }
        let len = self.rest.len().min(buf.remaining());
        buf.put_slice(&self.rest[..len]);
        self.rest.drain(..len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Bytes {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let websocket = &mut self.websocket;
        let ready = ready!(Sink::<Vec<u8>>::poll_ready(Pin::new(websocket), cx));
        ready.map_err(io::Error::other)?;
        websocket.start_send_unpin(buf.to_vec()).map_err(io::Error::other)?;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let websocket = Pin::new(&mut self.websocket);
        Sink::<Vec<u8>>::poll_flush(websocket, cx).map_err(io::Error::other)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let websocket = Pin::new(&mut self.websocket);
        Sink::<Vec<u8>>::poll_close(websocket, cx).map_err(io::Error::other)
    }
}

/// Writes to one half of a byte stream and reads from the other, in two tasks, to the end.
async fn pipes(websocket: Duplex, inherent: bool) {
    let (mut read, mut write) = tokio::io::split(Bytes { websocket, rest: Vec::new(), inherent });
    let writing = tokio::spawn(async move {
        for _ in 0..50 {
            write.write_all(&[1; 10_000]).await.unwrap();
        }
        write.shutdown().await.unwrap();
        write
    });
    let mut all = Vec::new();
    read.read_to_end(&mut all).await.unwrap();
    assert_eq!(all.len(), 500_000);
    writing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn k2_a_byte_stream_that_is_split() {
    for inherent in [false, true] {
        let (one, other) = ends(64);
        let one = tokio::spawn(pipes(one, inherent));
        let other = tokio::spawn(pipes(other, inherent));
        soon(one).await.unwrap();
        soon(other).await.unwrap();
    }
}

// The reader reads ahead of a writer that is blocked for good: what came is not withheld.
#[tokio::test(start_paused = true)]
async fn k2_a_blocked_writer_does_not_withhold_input() {
    let (one, mut peer) = duplex(64);
    let (mut sink, mut stream) = StreamExt::split(WebSocket::new(one, untimed_server()));
    let writing = tokio::spawn(async move { sink.send(vec![0; LEN]).await });
    for number in 0..100 {
        let text = format!("{number}");
        let reading = stream.next();
        let bytes = crate::support::from_client(|peer| peer.send(text.as_str()).unwrap());
        if number % 2 == 0 {
            peer.write_all(&bytes).await.unwrap();
            tokio::task::yield_now().await;
            assert_eq!(soon(reading).await.unwrap().unwrap().as_text(), Some(text.as_str()));
        } else {
            let late = async {
                tokio::task::yield_now().await;
                peer.write_all(&bytes).await.unwrap();
            };
            let (message, ()) = soon(async { tokio::join!(reading, late) }).await;
            assert_eq!(message.unwrap().unwrap().as_text(), Some(text.as_str()));
        }
    }
    assert!(!writing.is_finished());
}
