//! K6, K7, K12: what a connection holds when it waits, and while much goes through it.

use std::{
    future::Future,
    task::{Context, Waker},
};

use allocation_counter::measure;
use framewise::{
    Config, Connection, Delivery, Event,
    handshake::{Acceptance, ClientRequest},
    tokio::{Reader, WebSocket, Writer, accept, client_with_seed},
};
use futures_util::SinkExt;

use super::support::{untimed, untimed_client, untimed_server};
use crate::{
    conversation::Recorded,
    support::{
        Bring, Grant, REQUEST, SEED, Scripted, client as client_connection, config, from_client,
        poll_times, runtime, server,
    },
};

/// What a connection may hold that waits: its timer, wakers, and little else.
const IDLE: i64 = 1024;

/// Returns the bytes that `run` allocates and does not free.
fn held<T>(run: impl FnOnce() -> T) -> (T, i64) {
    let mut result = None;
    let info = measure(|| result = Some(run()));
    (result.unwrap(), info.bytes_current)
}

/// Polls until the future waits, or is done, without dropping what it has.
fn wait<F: Future>(future: F) -> Option<F::Output> {
    poll_times(future, 10_000)
}

fn texts(count: usize) -> Vec<u8> {
    from_client(|peer| (0..count).for_each(|_| peer.send("x").unwrap()))
}

// A burst while a write is blocked; then all is written and read, and the connection waits.
#[test]
fn k6_what_was_read_ahead_is_given_back() {
    for (number, split) in (0..3).flat_map(|number| [(number, false), (number, true)]) {
        let stream = Scripted::default();
        let _guard = runtime().enter();
        let ((_websocket, _halves), bytes) = held(|| {
            let mut websocket = WebSocket::new(stream.clone(), server());
            match number {
                0 => {
                    stream.script().writes.extend([Grant::Later; 20]);
                    stream.bring(Bring::Bytes(texts(1000)));
                    if !split {
                        assert!(poll_times(websocket.send(vec![0; 50]), 100).unwrap().is_ok());
                    }
                }
                1 => stream.bring(Bring::Bytes(from_client(|peer| {
                    peer.send(vec![0; 1 << 20]).unwrap();
                }))),
                _ => stream.bring(Bring::Bytes(
                    from_client(|peer| peer.ping([0; 100]).unwrap()).repeat(1000),
                )),
            }
            if split {
                let (mut reader, writer) = websocket.into_split();
                while wait(reader.read()).is_some() {}
                return (None, Some((reader, writer)));
            }
            while wait(websocket.read()).is_some() {}
            (Some(websocket), None)
        });
        let kept = {
            let mut script = stream.script();
            let kept = script.written.capacity() + script.log.capacity() * 16;
            (script.written, script.log) = (Vec::new(), Vec::new());
            kept + script.reads.capacity() * 32 + script.writes.capacity() * 16
        };
        let bytes = bytes - kept as i64;
        assert!(bytes <= 2 * IDLE, "{number}, split: {split}: {bytes} bytes");
    }
}

/// A stream that takes everything and has nothing: it holds no memory.
#[derive(Debug)]
struct Void;

impl tokio::io::AsyncRead for Void {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Pending
    }
}

impl tokio::io::AsyncWrite for Void {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::task::Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

fn poll_once<F: Future>(future: F) -> bool {
    let future = std::pin::pin!(future);
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

// What a burst of sending needs is given back when the connection waits for input.
#[test]
fn k6_what_was_sent_is_given_back() {
    let _guard = runtime().enter();
    for len in [100, 3000, 20_000, 1 << 20] {
        for make in [untimed_server, untimed_client] {
            let (_kept, bytes) = held(|| {
                let mut websocket = WebSocket::new(Void, make());
                for _ in 0..20 {
                    assert!(poll_once(websocket.feed(&vec![0_u8; len][..])));
                }
                assert!(poll_once(websocket.flush()));
                assert!(!poll_once(websocket.read()));
                websocket
            });
            assert!(bytes <= IDLE, "{len}: {bytes} bytes");
        }
    }
}

// The same of halves, when the reader waits already: a small buffer is kept for the next message,
// and given back when the timers next look.
#[test]
fn k6_what_a_half_has_sent_is_given_back() {
    let _guard = runtime().enter();
    for len in [100, 3000, 20_000, 1 << 20] {
        for way in 0..4 {
            let run = || {
                let (mut reader, mut writer): (Reader<Void>, Writer<Void>) =
                    WebSocket::new(Void, client_connection()).into_split();
                assert!(!poll_once(reader.read()));
                for _ in 0..20 {
                    let payload = vec![0_u8; len];
                    assert!(match way {
                        0 => poll_once(writer.send(&payload[..])),
                        1 => poll_once(writer.feed(&payload[..])),
                        2 => poll_once(SinkExt::feed(&mut writer, payload)),
                        _ => poll_once(writer.send_fragment(&payload[..], true)),
                    });
                }
                assert!(poll_once(writer.flush()));
                (reader, writer)
            };
            let (mut halves, kept) = held(run);
            assert!(kept <= (7 << 10) + 2 * IDLE, "{len}, {way}: {kept} bytes");
            let ((), freed) = held(|| {
                runtime().block_on(tokio::time::advance(std::time::Duration::from_secs(21)));
                assert!(!poll_once(halves.0.read()));
            });
            assert!(kept + freed <= 2 * IDLE, "{len}, {way}: {kept} bytes, then {freed}");
        }
    }
}

// Just accepted, just connected, and nothing polled yet.
#[test]
fn k7_a_fresh_connection_holds_no_buffer() {
    let recorded = Recorded::new(framewise::Role::Client, 0);
    let response = recorded.bytes[..recorded.head].to_vec();
    let _guard = runtime().enter();
    for way in 0..4 {
        let stream = Scripted::bytes(if way == 0 { response.clone() } else { REQUEST.to_vec() });
        stream.script().written.reserve(4096);
        stream.script().log.reserve(100);
        let config = std::sync::Arc::new(config(|_| ()));
        let (_kept, bytes) = held(|| -> Box<dyn std::any::Any> {
            let stream = stream.clone();
            if way == 0 {
                let request = ClientRequest::new("ws://localhost/").unwrap();
                let opened = wait(client_with_seed(stream, request, config.clone(), SEED)).unwrap();
                return Box::new(opened.unwrap().0);
            }
            let incoming = wait(accept(stream, config.clone())).unwrap().unwrap();
            if way == 1 {
                return Box::new(incoming);
            }
            let websocket = wait(incoming.accept(Acceptance::new())).unwrap().unwrap();
            if way == 2 { Box::new(websocket) } else { Box::new(websocket.into_split()) }
        });
        // The connection, in its box, and for a request that awaits the decision its head.
        let limit = if way == 1 { 2 * IDLE } else { IDLE + 512 };
        assert!(bytes <= limit, "{way}: {bytes} bytes");
    }
}

/// Much in fragments to somebody who echoes each as it comes, and back.
async fn streams(len: usize, piece: usize, capacity: usize) {
    let (one, other) = tokio::io::duplex(capacity);
    let large = |config: &mut Config| config.max_message_size = u64::MAX;
    let settings = || {
        let mut config = untimed();
        large(&mut config);
        config
    };
    let (mut reader, mut writer) = WebSocket::new(one, Connection::server(settings())).into_split();
    reader.set_delivery(Delivery::Chunks);
    let echoing = tokio::spawn(async move {
        while let Some(mut batch) = reader.fill().await.unwrap() {
            while let Some(event) = batch.next() {
                if let Event::BinaryChunk { payload, fin, .. } = event {
                    writer.send_fragment(payload, fin).await.unwrap();
                }
            }
        }
    });
    let (mut reader, mut writer) =
        WebSocket::new(other, Connection::client(settings(), SEED)).into_split();
    reader.set_delivery(Delivery::Chunks);
    let sending = tokio::spawn(async move {
        let payload = vec![7; piece];
        for number in 1..=len / piece {
            writer.send_fragment(&payload, number == len / piece).await.unwrap();
        }
        writer
    });
    let (mut received, mut ended) = (0, false);
    while !ended {
        let mut batch = reader.fill().await.unwrap().unwrap();
        while let Some(event) = batch.next() {
            let Event::BinaryChunk { payload, fin, .. } = event else { panic!("{event:?}") };
            received += payload.len();
            ended |= fin;
        }
    }
    assert_eq!(received, len);
    let mut writer = sending.await.unwrap();
    writer.send_close(framewise::CloseCode::NORMAL, "").await.unwrap();
    reader.closed().await.unwrap();
    echoing.await.unwrap();
}

#[test]
fn k12_an_echo_of_64_mib_in_fragments_is_bounded() {
    for (len, piece, capacity) in
        [(64 << 20, 64 << 10, 64 << 10), (4 << 20, 1 << 20, 4 << 10), (1 << 20, 128, 1 << 10)]
    {
        let info = measure(|| {
            let builder = &mut tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_time().build().unwrap();
            runtime.block_on(streams(len, piece, capacity));
        });
        // Three pieces on their way at each end, and the buffers.
        let limit = 10 * piece + 10 * capacity + (256 << 10);
        assert!(info.bytes_max < limit as u64, "{piece}: {} bytes", info.bytes_max);
    }
}

// A whole connection that echoes what it reads, as chunks: the peer is a pair of halves.
#[test]
fn k12_a_whole_connection_echoes_fragments() {
    const LEN: usize = 8 << 20;

    let info = measure(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (one, other) = tokio::io::duplex(4 << 10);
            let mut large = untimed();
            large.max_message_size = u64::MAX;
            let mut websocket = WebSocket::new(one, Connection::server(large.clone()));
            websocket.connection_mut().set_delivery(Delivery::Chunks);
            let echoing = tokio::spawn(async move {
                while let Some(mut batch) = websocket.fill().await.unwrap() {
                    while let Some(event) = batch.next() {
                        if let Event::BinaryChunk { payload, fin, .. } = event {
                            batch.connection_mut().send_fragment(payload, fin).unwrap();
                        }
                    }
                }
            });
            let (mut reader, mut writer) =
                WebSocket::new(other, Connection::client(large, SEED)).into_split();
            reader.set_delivery(Delivery::Chunks);
            let sending = tokio::spawn(async move {
                for number in 1..=LEN >> 16 {
                    writer.send_fragment(vec![7; 1 << 16], number == LEN >> 16).await.unwrap();
                }
                writer
            });
            let mut received = 0;
            while received < LEN {
                let mut batch = reader.fill().await.unwrap().unwrap();
                while let Some(event) = batch.next() {
                    let Event::BinaryChunk { payload, .. } = event else { panic!("{event:?}") };
                    received += payload.len();
                }
            }
            let mut writer = sending.await.unwrap();
            writer.send_close(framewise::CloseCode::NORMAL, "").await.unwrap();
            reader.closed().await.unwrap();
            echoing.await.unwrap();
        });
    });
    assert!(info.bytes_max < 2 << 20, "{} bytes", info.bytes_max);
}
