//! K1, K16: streams that have a buffer of their own, as TLS streams do.

use std::{
    future::pending,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use framewise::{
    CloseCode, Connection, EndOfStream, Error,
    handshake::{Acceptance, ClientRequest, Rejection},
    tokio::{Reader, WebSocket, Writer, accept, client_with_seed, receive_request},
};
use futures_util::{SinkExt, StreamExt, stream};
use tokio::{
    io::{
        AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream, BufWriter,
        DuplexStream, ReadBuf, duplex,
    },
    time::Instant,
};

use super::support::soon;
use crate::support::{
    REQUEST, SEED, client as client_connection, config, from_client, machine, server,
};

const CAPACITIES: [usize; 5] = [1, 7, 64, 1024, 4096];

type Buffered = BufStream<DuplexStream>;

/// Does something with a WebSocket over a buffered stream, then nothing more; the frame of 3,000
/// bytes has to arrive.
async fn arrives<F>(act: impl Fn(WebSocket<Buffered>) -> F)
where
    F: Future<Output = Result<Box<dyn Send>, Error>> + Send + 'static,
{
    for capacity in CAPACITIES {
        let (stream, mut peer) = duplex(capacity);
        let acting = act(WebSocket::new(BufStream::new(stream), server()));
        let task = tokio::spawn(async move {
            let _kept = acting.await.unwrap();
            pending::<()>().await;
        });
        let mut frame = vec![0; 3004];
        soon(peer.read_exact(&mut frame)).await.unwrap();
        assert_eq!(frame[..4], [0x82, 126, 0x0b, 0xb8]);
        task.abort();
    }
}

fn message() -> Vec<u8> {
    vec![7; 3000]
}

#[tokio::test(start_paused = true)]
async fn k1_what_was_sent_arrives_though_nothing_more_is_called() {
    arrives(|mut websocket| async move {
        websocket.send(message()).await?;
        Ok(Box::new(websocket) as Box<dyn Send>)
    })
    .await;
    arrives(|mut websocket| async move {
        websocket.feed(message()).await?;
        websocket.flush().await?;
        Ok(Box::new(websocket) as Box<dyn Send>)
    })
    .await;
    arrives(|mut websocket| async move {
        websocket.connection_mut().send(message())?;
        websocket.flush().await?;
        Ok(Box::new(websocket) as Box<dyn Send>)
    })
    .await;
    arrives(|mut websocket| async move {
        SinkExt::send(&mut websocket, message()).await?;
        Ok(Box::new(websocket) as Box<dyn Send>)
    })
    .await;
    arrives(|mut websocket| async move {
        SinkExt::feed(&mut websocket, message()).await?;
        SinkExt::<Vec<u8>>::flush(&mut websocket).await?;
        Ok(Box::new(websocket) as Box<dyn Send>)
    })
    .await;
    arrives(|mut websocket| async move {
        websocket.send_all(&mut stream::iter([Ok(message())])).await?;
        Ok(Box::new(websocket) as Box<dyn Send>)
    })
    .await;
    arrives(|mut websocket| async move {
        SinkExt::feed(&mut websocket, message()).await?;
        SinkExt::<Vec<u8>>::close(&mut websocket).await?;
        Ok(Box::new(websocket) as Box<dyn Send>)
    })
    .await;
    arrives(|websocket| async move {
        let (mut sink, stream) = StreamExt::split(websocket);
        SinkExt::send(&mut sink, message()).await?;
        Ok(Box::new((sink, stream)) as Box<dyn Send>)
    })
    .await;
}

type Halves = (Reader<Buffered>, Writer<Buffered>);

fn halves(websocket: WebSocket<Buffered>) -> Halves {
    WebSocket::into_split(websocket)
}

#[tokio::test(start_paused = true)]
async fn k1_the_same_of_halves() {
    arrives(|websocket| async move {
        let (reader, mut writer) = halves(websocket);
        writer.send(message()).await?;
        Ok(Box::new((reader, writer)) as Box<dyn Send>)
    })
    .await;
    arrives(|websocket| async move {
        let (reader, mut writer) = halves(websocket);
        writer.send_fragment(message(), true).await?;
        Ok(Box::new((reader, writer)) as Box<dyn Send>)
    })
    .await;
    arrives(|websocket| async move {
        let (reader, mut writer) = halves(websocket);
        writer.feed(message()).await?;
        writer.ping(b"and a Ping").await?;
        Ok(Box::new((reader, writer)) as Box<dyn Send>)
    })
    .await;
    arrives(|websocket| async move {
        let (reader, mut writer) = halves(websocket);
        writer.feed(message()).await?;
        writer.send_close(CloseCode::NORMAL, "").await?;
        Ok(Box::new((reader, writer)) as Box<dyn Send>)
    })
    .await;
    arrives(|websocket| async move {
        let (reader, mut writer) = halves(websocket);
        SinkExt::send(&mut writer, message()).await?;
        Ok(Box::new((reader, writer)) as Box<dyn Send>)
    })
    .await;
}

// A Pong, and an answer that was queued in a batch, leave before the task waits.
#[tokio::test(start_paused = true)]
async fn k1_replies_do_not_stay_in_the_buffer() {
    for (capacity, split) in CAPACITIES.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        let (stream, mut peer) = duplex(capacity);
        let mut websocket = WebSocket::new(BufWriter::new(stream), server());
        let task = tokio::spawn(async move {
            if split {
                let (mut reader, _writer) = websocket.into_split();
                return reader.read().await;
            }
            websocket.read().await
        });
        soon(peer.write_all(&from_client(|peer| peer.ping(b"there?").unwrap()))).await.unwrap();
        let mut pong = [0; 8];
        soon(peer.read_exact(&mut pong)).await.unwrap();
        assert_eq!(&pong, b"\x8a\x06there?");
        task.abort();
    }
}

// All steps of the opening handshake, and those that refuse one.
#[tokio::test(start_paused = true)]
async fn k1_handshakes_do_not_stay_in_the_buffer() {
    for capacity in CAPACITIES {
        let (stream, mut peer) = duplex(capacity);
        let opening = tokio::spawn(async move {
            let request = ClientRequest::new("ws://localhost/").unwrap();
            client_with_seed(BufStream::new(stream), request, config(|_| ()), SEED).await
        });
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(peer.read_u8()).await.unwrap());
        }
        opening.abort();

        for way in 0..4 {
            let (stream, mut peer) = duplex(capacity);
            let serving = tokio::spawn(async move {
                let stream = BufStream::new(stream);
                match way {
                    0 => {
                        let incoming = accept(stream, config(|_| ())).await.unwrap();
                        let _kept = incoming.accept(Acceptance::new()).await.unwrap();
                        pending().await
                    }
                    1 => {
                        let incoming = accept(stream, config(|_| ())).await.unwrap();
                        incoming.reject(Rejection::forbidden()).await.unwrap();
                    }
                    2 => {
                        let requested = receive_request(stream, config(|_| ())).await.unwrap();
                        let response = Rejection::new(200).unwrap().body("fine");
                        requested.respond(response).await.unwrap();
                    }
                    _ => {
                        accept(stream, config(|config| config.max_headers = 1)).await.unwrap_err();
                    }
                }
            });
            soon(peer.write_all(REQUEST)).await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(soon(peer.read_u8()).await.unwrap());
            }
            let status = ["101", "403", "200", "431"][way];
            assert_eq!(&head[9..12], status.as_bytes(), "{}", String::from_utf8_lossy(&head));
            serving.abort();
        }
    }
}

// Both ends over buffers: a conversation that ends cleanly.
#[tokio::test(start_paused = true)]
async fn k1_a_conversation_through_buffers() {
    for capacity in CAPACITIES {
        let (one, other) = duplex(capacity);
        let serving = tokio::spawn(async move {
            let incoming = accept(BufStream::new(one), config(|_| ())).await.unwrap();
            let mut websocket = incoming.accept(Acceptance::new()).await.unwrap();
            while let Some(message) = websocket.read().await.unwrap() {
                websocket.send(message).await.unwrap();
            }
            websocket.end()
        });
        let request = ClientRequest::new("ws://localhost/").unwrap();
        let opening =
            client_with_seed(BufWriter::with_capacity(10, other), request, config(|_| ()), SEED);
        let (mut websocket, _) = soon(opening).await.unwrap();
        for len in [0, 1, 125, 126, 3000] {
            soon(websocket.send(vec![1; len])).await.unwrap();
            let echo = soon(websocket.read()).await.unwrap().unwrap();
            assert_eq!(echo.as_bytes().len(), len);
        }
        let end = soon(websocket.close(CloseCode::NORMAL, "")).await.unwrap();
        assert_eq!(end, EndOfStream::Clean);
        drop(websocket);
        assert_eq!(soon(serving).await.unwrap(), Some(EndOfStream::Clean));
    }
}

/// Takes everything, and never passes it on.
#[derive(Debug)]
struct Keeps<S> {
    stream: S,
    shuts: bool,
}

impl<S: AsyncRead + Unpin> AsyncRead for Keeps<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: Unpin> AsyncWrite for Keeps<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.shuts { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

/// A stream whose flush never ends, and the peer's side of it.
fn keeps(shuts: bool) -> (Keeps<DuplexStream>, DuplexStream) {
    let (stream, peer) = duplex(1 << 16);
    (Keeps { stream, shuts }, peer)
}

#[tokio::test(start_paused = true)]
async fn k16_closing_ends_though_the_flush_does_not() {
    for (shuts, client) in [(false, false), (false, true), (true, false), (true, true)] {
        let connection = || if client { client_connection() } else { server() };
        let start = Instant::now();
        let (stream, _peer) = keeps(shuts);
        let mut websocket = WebSocket::new(stream, connection());
        let end = soon(websocket.close(CloseCode::NORMAL, "")).await.unwrap();
        assert_eq!((end, start.elapsed().as_secs()), (EndOfStream::Incomplete, 5));
        // And again: it has ended.
        assert_eq!(soon(websocket.closed()).await.unwrap(), end);
        assert!(soon(websocket.flush()).await.is_err(), "the Close was lost");

        // The peer closes, and cannot be answered.
        let start = Instant::now();
        let (stream, mut peer) = keeps(shuts);
        let mut websocket = WebSocket::new(stream, connection());
        let role = connection().role();
        let bytes = crate::support::frames(crate::support::other(role), |peer| {
            peer.close(CloseCode::NORMAL, "").unwrap();
        });
        peer.write_all(&bytes).await.unwrap();
        assert!(soon(websocket.read()).await.unwrap().is_none());
        assert_eq!(start.elapsed().as_secs(), 5);

        // Halves.
        let start = Instant::now();
        let (stream, _peer) = keeps(shuts);
        let (mut reader, mut writer) = WebSocket::new(stream, connection()).into_split();
        let (end, closed) =
            soon(async { tokio::join!(reader.closed(), writer.send_close(CloseCode::NORMAL, "")) })
                .await;
        assert_eq!((end.unwrap(), start.elapsed().as_secs()), (EndOfStream::Incomplete, 5));
        assert!(matches!(closed, Err(Error::Io(_))), "{closed:?}");

        // Its end of the stream has come before.
        let start = Instant::now();
        let (stream, peer) = keeps(shuts);
        drop(peer);
        let mut websocket = WebSocket::new(stream, connection());
        websocket.feed("left over").await.unwrap();
        let end = soon(websocket.close(CloseCode::NORMAL, "")).await;
        assert!(start.elapsed().as_secs() <= 5, "{end:?}");
    }
}

// An open connection is given up as one that takes nothing.
#[tokio::test(start_paused = true)]
async fn k16_sending_ends_though_the_flush_does_not() {
    for shuts in [false, true] {
        let start = Instant::now();
        let (stream, _peer) = keeps(shuts);
        let mut websocket = WebSocket::new(stream, server());
        let error = soon(websocket.send("Hello?")).await.unwrap_err();
        assert!(matches!(&error, Error::Io(error) if error.kind() == io::ErrorKind::TimedOut));
        assert!((40..=50).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
        assert!(soon(websocket.flush()).await.is_err());

        let start = Instant::now();
        let (stream, _peer) = keeps(shuts);
        let (mut reader, mut writer) = WebSocket::new(stream, server()).into_split();
        let (read, sent) = soon(async { tokio::join!(reader.read(), writer.send("?")) }).await;
        assert!(read.is_err() && sent.is_err(), "{read:?} {sent:?}");
        assert!((40..=50).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }
}

// Handshakes, too.
#[tokio::test(start_paused = true)]
async fn k16_handshakes_end_though_the_flush_does_not() {
    for shuts in [false, true] {
        let start = Instant::now();
        let (stream, _peer) = keeps(shuts);
        let request = ClientRequest::new("ws://localhost/").unwrap();
        assert!(soon(client_with_seed(stream, request, config(|_| ()), SEED)).await.is_err());
        assert!(start.elapsed().as_secs() <= 15, "{:?}", start.elapsed());

        for way in 0..3 {
            let start = Instant::now();
            let (stream, mut peer) = keeps(shuts);
            peer.write_all(REQUEST).await.unwrap();
            let result = soon(async {
                match way {
                    0 => {
                        let incoming = accept(stream, config(|_| ())).await?;
                        incoming.accept(Acceptance::new()).await.map(drop)
                    }
                    1 => {
                        let incoming = accept(stream, config(|_| ())).await?;
                        incoming.reject(Rejection::forbidden()).await
                    }
                    _ => accept(stream, config(|config| config.max_headers = 1)).await.map(drop),
                }
            });
            assert!(result.await.is_err());
            let limit = if way == 0 { 50 } else { 5 };
            assert!(start.elapsed().as_secs() <= limit, "{way} {:?}", start.elapsed());
        }
    }
}

// A peer that never reads, behind a buffer: the buffer is not the peer.
#[tokio::test(start_paused = true)]
async fn k16_a_buffer_in_front_of_a_peer_that_never_reads() {
    for capacity in CAPACITIES {
        for role in [framewise::Role::Client, framewise::Role::Server] {
            let (stream, _peer) = duplex(capacity);
            let connection: Connection = machine(role, config(|_| ()));
            let mut websocket = WebSocket::new(BufStream::new(stream), connection);
            websocket.feed(vec![0; 5000]).await.unwrap();
            let start = Instant::now();
            let end = soon(websocket.close(CloseCode::NORMAL, "")).await.unwrap();
            assert_eq!((end, start.elapsed().as_secs()), (EndOfStream::Incomplete, 5));
        }
    }
}
