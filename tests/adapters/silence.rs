//! Peers that do not read, do not answer, or end one direction only.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::Shutdown,
    thread,
    time::Duration,
};

use framewise::{
    CloseCode, Config, Connection, EndOfStream, Error, Event, Role, Timeout, blocking,
    handshake::{HandshakeError, Rejection},
    tokio as asynchronous,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, sleep},
};

use crate::{
    conversation::{ROLES, request},
    support::{
        Bring, REQUEST, SEED, Scripted, config, events_from, frames, from_client, machine, other,
        server, sockets, within,
    },
};

/// More than the sockets between two ends hold.
const MUCH: usize = 24 << 20;

fn impatient() -> Config {
    config(|config| {
        config.close_timeout = Some(Duration::from_millis(50));
        config.handshake_timeout = Some(Duration::from_millis(50));
        config.ping_interval = Some(Duration::from_millis(50));
        config.pong_timeout = Some(Duration::from_millis(50));
    })
}

// It has ended its own direction, and takes nothing: what is left is given the time to close.
#[test]
fn a_half_closed_peer_that_never_reads_is_given_up() {
    for role in ROLES {
        within(move || {
            let (stream, peer) = sockets();
            peer.shutdown(Shutdown::Write).unwrap();
            let websocket = blocking::WebSocket::new(stream, machine(role, impatient()));
            let clone = websocket.stream().try_clone().unwrap();
            let (mut reader, mut writer) = websocket.split(clone);
            writer.feed(vec![0; MUCH]).unwrap();
            assert!(reader.read().unwrap().is_none());
            assert_eq!(reader.end(), Some(EndOfStream::Torn));
            assert!(writer.flush().is_err(), "it is lost, and that is no secret");
            drop(peer);
        });
    }
}

// A whole one writes before it reads, and a write of an open connection has a limit of its own.
#[test]
fn a_blocking_write_that_nobody_takes_is_an_error() {
    for (call, half_closed) in [0, 1, 2].into_iter().flat_map(|call| [(call, false), (call, true)])
    {
        within(move || {
            let (stream, peer) = sockets();
            if half_closed {
                peer.shutdown(Shutdown::Write).unwrap();
            }
            let mut websocket =
                blocking::WebSocket::new(stream, machine(Role::Server, impatient()));
            websocket.connection_mut().send(vec![0; MUCH]).unwrap();
            let error = match call {
                0 => match websocket.read() {
                    // What the peer took was its last sign of life; its end came before, or not.
                    Ok(None) | Err(Error::Timeout(Timeout::Pong)) => websocket.flush().unwrap_err(),
                    other => panic!("{other:?}"),
                },
                1 => websocket.flush().unwrap_err(),
                _ => {
                    let clone = websocket.stream().try_clone().unwrap();
                    websocket.split(clone).1.flush().unwrap_err()
                }
            };
            assert!(matches!(error, Error::Io(error) if is_retry(error.kind())));
            drop(peer);
        });
    }
}

fn is_retry(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

// The same on tokio, where reading goes on.
#[tokio::test(start_paused = true)]
async fn a_half_closed_peer_that_never_reads_is_given_up_on_tokio() {
    for (split, role) in [false, true].into_iter().flat_map(|split| ROLES.map(|role| (split, role)))
    {
        let stream = Scripted::new([Bring::Eof]);
        stream.block();
        let mut websocket = asynchronous::WebSocket::new(stream, machine(role, Config::default()));
        websocket.feed("left over").await.unwrap();
        let start = Instant::now();
        let end = if split {
            let (mut reader, mut writer) = websocket.split();
            assert!(reader.read().await.unwrap().is_none());
            assert!(writer.flush().await.is_err(), "it is lost, and that is no secret");
            reader.end()
        } else {
            assert!(websocket.read().await.unwrap().is_none());
            assert!(websocket.flush().await.is_err());
            websocket.end()
        };
        assert_eq!(end, Some(EndOfStream::Torn));
        assert_eq!(start.elapsed().as_secs(), 5);
    }
}

// A half-closed peer gets all that is sent; see `closing::half_closed_streams_take_the_rest`, too.
#[test]
fn a_half_closed_peer_takes_the_rest() {
    for (split, role) in [false, true].into_iter().flat_map(|split| ROLES.map(|role| (split, role)))
    {
        let events = within(move || {
            let (stream, mut peer) = sockets();
            peer.write_all(&frames(other(role), |peer| peer.send("all of it?").unwrap())).unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            let talking = thread::spawn(move || {
                let mut websocket =
                    blocking::WebSocket::new(stream, machine(role, Config::default()));
                assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("all of it?"));
                if split {
                    let clone = websocket.stream().try_clone().unwrap();
                    let (mut reader, mut writer) = websocket.split(clone);
                    writer.feed(vec![7; 4 << 20]).unwrap();
                    assert!(reader.read().unwrap().is_none());
                } else {
                    websocket.connection_mut().send(vec![7; 4 << 20]).unwrap();
                    assert!(websocket.read().unwrap().is_none());
                }
            });
            let mut all = Vec::new();
            peer.read_to_end(&mut all).unwrap();
            talking.join().unwrap();
            events_from(role, &all)
        });
        assert_eq!(events, [Event::Binary(vec![7; 4 << 20].into())]);
    }
}

#[test]
fn a_rejection_does_not_wait_for_a_peer_that_never_reads() {
    within(|| {
        let (stream, mut peer) = sockets();
        peer.write_all(REQUEST).unwrap();
        let mut config = impatient();
        config.handshake_timeout = None;
        let incoming = blocking::accept(stream, config).unwrap();
        let much = Rejection::forbidden().body(vec![b' '; MUCH]);
        assert!(incoming.reject(much).is_err());
        drop(peer);
    });
}

#[test]
fn a_request_does_not_wait_for_a_server_that_never_reads() {
    within(|| {
        let (peer, stream) = sockets();
        let much = request().header("X-Much", " x".repeat(MUCH / 2)).unwrap();
        let error = blocking::client_with_seed(stream, much, impatient(), SEED).unwrap_err();
        assert!(matches!(error, Error::Handshake(HandshakeError::Timeout)), "{error}");
        drop(peer);
    });
}

// It talks all the time, so it is alive; but what waits to be delivered has its bound, and behind
// it no more is read.
#[tokio::test(start_paused = true)]
async fn a_peer_that_talks_and_never_reads_is_given_up() {
    let stream = Scripted::default();
    stream.block();
    let mut websocket = asynchronous::WebSocket::new(stream.clone(), server());
    let talking = tokio::spawn(async move {
        let words = from_client(|peer| peer.send(vec![1; 10_000]).unwrap());
        loop {
            stream.bring(Bring::Bytes(words.clone()));
            sleep(Duration::from_secs(1)).await;
        }
    });
    let sent = websocket.send("Hello?").await;
    assert!(matches!(sent, Err(Error::Io(error)) if error.kind() == ErrorKind::TimedOut));
    talking.abort();
    // What was read until then is delivered.
    let mut messages = 0;
    let error = loop {
        match websocket.read().await {
            Ok(message) => messages += usize::from(message.is_some()),
            Err(error) => break error,
        }
    };
    assert_eq!(messages, 7);
    assert!(matches!(error, Error::Timeout(Timeout::Pong)), "{error}");
}

// Whole, and neither reads what the other one has sent: that has an end, too.
#[tokio::test(start_paused = true)]
async fn two_talkers_that_never_read_are_given_up() {
    let (one, other) = tokio::io::duplex(1 << 16);
    let talk = |stream, connection: Connection| async move {
        let mut websocket = asynchronous::WebSocket::new(stream, connection);
        for sent in 0..100 {
            if let Err(error) = websocket.send(vec![7; 1 << 18]).await {
                return (sent, error);
            }
        }
        panic!("nobody has read");
    };
    let (one, other) = tokio::join!(talk(one, server()), talk(other, crate::support::client()));
    for (sent, error) in [one, other] {
        assert!(sent < 5 && matches!(error, Error::Io(_)), "{sent} {error}");
    }
}

#[test]
fn a_blocking_peer_that_never_answers_the_close_is_given_up() {
    for (split, role) in [false, true].into_iter().flat_map(|split| ROLES.map(|role| (split, role)))
    {
        let end = within(move || {
            let (stream, peer) = sockets();
            let mut websocket = blocking::WebSocket::new(stream, machine(role, impatient()));
            let end = if split {
                let clone = websocket.stream().try_clone().unwrap();
                let (mut reader, mut writer) = websocket.split(clone);
                writer.send_close(CloseCode::NORMAL, "").unwrap();
                assert!(reader.read().unwrap().is_none());
                reader.end()
            } else {
                Some(websocket.close(CloseCode::NORMAL, "").unwrap())
            };
            drop(peer);
            end
        });
        assert_eq!(end, Some(EndOfStream::HalfClosed), "split: {split}, {role:?}");
    }
}

// R32: 50 KB over a link that takes 2 KB in 15 seconds, to a peer that has nothing to say
#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_slowly_is_not_given_up() {
    for split in [false, true] {
        let (stream, mut peer) = tokio::io::duplex(2048);
        let websocket = asynchronous::WebSocket::new(stream, server());
        let sending = tokio::spawn(async move {
            let message = vec![7; 50_000];
            if !split {
                let mut websocket = websocket;
                return websocket.send(message).await;
            }
            let (mut reader, mut writer) = websocket.split();
            tokio::select! {
                sent = writer.send(message) => sent,
                read = reader.read() => panic!("{read:?}"),
            }
        });
        let mut octets = Vec::new();
        while octets.len() < 50_000 {
            sleep(Duration::from_secs(15)).await;
            let mut buf = [0; 2048];
            let len = peer.read(&mut buf).await.unwrap();
            assert_ne!(len, 0, "given up after {} octets", octets.len());
            octets.extend_from_slice(&buf[..len]);
        }
        sending.await.unwrap().unwrap();
    }
}

// R32: it never reads, and sends an octet of a message that it has announced now and then
#[tokio::test(start_paused = true)]
async fn a_peer_that_trickles_and_never_reads_is_given_up() {
    for read in [false, true] {
        let (stream, mut peer) = tokio::io::duplex(2048);
        let mut websocket = asynchronous::WebSocket::new(stream, server());
        let start = Instant::now();
        let ended = tokio::spawn(async move {
            if !read {
                return websocket.send(vec![7; 50_000]).await.map(drop);
            }
            websocket.connection_mut().send(vec![7; 50_000]).unwrap();
            websocket.read().await.map(drop)
        });
        let announced = b"\x82\xff\x00\x00\x00\x00\x00\xff\xff\xff\x01\x02\x03\x04";
        peer.write_all(announced).await.unwrap();
        while !ended.is_finished() && start.elapsed().as_secs() < 1000 {
            sleep(Duration::from_secs(5)).await;
            let _ = peer.write_all(b"a").await;
        }
        let error = ended.await.unwrap().unwrap_err();
        if read {
            assert!(matches!(error, Error::Timeout(Timeout::Pong)), "{error}");
        } else {
            assert!(matches!(error, Error::Io(_)), "{error}");
        }
        assert!((40..=50).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }
}
