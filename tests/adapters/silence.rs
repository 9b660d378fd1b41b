//! Peers that do not read, do not answer, or end one direction only.

use std::{
    cell::Cell,
    io::{self, ErrorKind, Read, Write},
    net::Shutdown,
    thread,
    time::Duration,
};

use framewise::{
    Config, Connection, EndOfStream, Error, Role, Timeout, blocking,
    handshake::{HandshakeError, Rejection},
    tokio as asynchronous,
};

use crate::{
    conversation::{ROLES, request},
    support::{
        Bring, Grant, REQUEST, SEED, Scripted, config, from_client, machine, server, sockets,
        within,
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

const PATIENCE: Duration = Duration::from_millis(400);

fn patient() -> Config {
    config(|config| {
        config.ping_interval = Some(PATIENCE);
        config.pong_timeout = Some(PATIENCE);
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
            let (mut reader, mut writer) = websocket.into_split(clone);
            writer.feed(vec![0; MUCH]).unwrap();
            assert!(reader.read().unwrap().is_none());
            assert_eq!(reader.end(), Some(EndOfStream::Lost));
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
                    websocket.into_split(clone).1.flush().unwrap_err()
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

/// Has two writes wait for as long as they may, and then takes one byte.
#[derive(Default)]
struct Trickle {
    limit: Cell<Option<Duration>>,
    waited: usize,
}

impl Read for Trickle {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl Write for Trickle {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        self.waited += 1;
        if !self.waited.is_multiple_of(3) {
            thread::sleep(self.limit.get().unwrap());
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(1)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl blocking::Stream for Trickle {
    fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<bool> {
        assert!(limit.is_none_or(|limit| limit <= PATIENCE), "the other half learns too late");
        self.limit.set(limit);
        Ok(true)
    }
}

#[test]
fn a_writing_half_keeps_a_peer_that_takes_a_byte_now_and_then() {
    within(|| {
        let websocket =
            blocking::WebSocket::new(Trickle::default(), machine(Role::Server, patient()));
        let (_reader, mut writer) = websocket.into_split(Trickle::default());
        writer.send(vec![0; 4]).unwrap();
    });
}

/// Waits for as long as it may when there is nothing (more) to do, as a socket does.
#[derive(Default)]
struct Waiting {
    script: Scripted,
    reads: Cell<Option<Duration>>,
    writes: Cell<Option<Duration>>,
    /// How often it has waited for long.
    waits: Cell<usize>,
}

impl Waiting {
    fn wait(&self, limit: &Cell<Option<Duration>>) {
        let limit = limit.get().unwrap();
        self.waits.set(self.waits.get() + usize::from(limit > PATIENCE / 2));
        thread::sleep(limit);
    }
}

impl Read for Waiting {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.script.read(buf);
        if read.is_err() {
            self.wait(&self.reads);
        }
        read
    }
}

impl Write for Waiting {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.script.write(buf);
        if !matches!(written, Ok(len) if len == buf.len()) {
            self.wait(&self.writes);
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.script.flush()
    }
}

impl blocking::Stream for Waiting {
    fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<bool> {
        self.reads.set(limit);
        Ok(true)
    }

    fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<bool> {
        self.writes.set(limit);
        Ok(true)
    }
}

// What a peer took before it fell silent is no sign of life at the end of the wait for more.
#[test]
fn a_write_that_waits_after_its_last_byte_counts_from_before() {
    within(|| {
        let stream = Waiting::default();
        stream.script.script().writes.push_back(Grant::Take(1));
        stream.script.script().writes.extend([Grant::Later; 100]);
        let mut config = patient();
        config.close_timeout = Some(PATIENCE / 4);
        let mut websocket = blocking::WebSocket::new(stream, machine(Role::Server, config));
        let error = websocket.send(vec![0; 8]).unwrap_err();
        assert!(matches!(error, Error::Io(error) if is_retry(error.kind())));
        let waits = websocket.stream().waits.get();
        assert!(waits <= 2, "for the Ping to be due, and for the Pong: {waits}");
    });
}

// Deadlines of the connection that come first do not end the program's own.
#[test]
fn a_message_is_waited_for_beyond_the_next_ping() {
    within(|| {
        let stream = Waiting::default();
        let ping = from_client(|peer| peer.ping(b"here").unwrap());
        let text = from_client(|peer| peer.send("at last").unwrap());
        let brought = [Bring::Later, Bring::Bytes(ping), Bring::Later, Bring::Bytes(text)];
        stream.script.script().reads.extend(brought);
        let mut websocket = blocking::WebSocket::new(stream, machine(Role::Server, patient()));
        let message = websocket.read_timeout(Duration::from_secs(1000)).unwrap().unwrap();
        assert_eq!(message.as_text(), Some("at last"));
    });
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
