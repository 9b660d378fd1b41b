//! K4, K5, K13: blocking calls over sockets that do not block, or whose peer takes nothing.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use framewise::{
    CloseCode, Config, Connection, EndOfStream, Error,
    blocking::{self, Stream, WebSocket},
    handshake::{Acceptance, ClientRequest, Rejection},
};

use super::support::untimed;
use crate::support::{REQUEST, SEED, config, from_client, sockets, within};

const SOON: Duration = Duration::from_millis(50);

/// A socket that counts its reads and writes.
#[derive(Clone, Debug)]
struct Counted {
    socket: Arc<TcpStream>,
    calls: Arc<AtomicUsize>,
    /// Whether time limits can be set, as they can of a TLS stream that gives its socket no names.
    timed: bool,
}

impl Counted {
    fn new(socket: TcpStream, timed: bool) -> Self {
        socket.set_nonblocking(true).unwrap();
        Self { socket: Arc::new(socket), calls: Arc::default(), timed }
    }

    fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        (&*self.socket).read(buf)
    }
}

impl Write for Counted {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        (&*self.socket).write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Counted {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<bool> {
        if !self.timed {
            return Ok(false);
        }
        self.socket.set_read_timeout(timeout).map(|()| true)
    }

    fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<bool> {
        if !self.timed {
            return Ok(false);
        }
        self.socket.set_write_timeout(timeout).map(|()| true)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }
}

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    match result {
        Err(Error::Io(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}

/// All combinations of timers and streams that know time limits.
fn cases() -> impl Iterator<Item = (Config, bool)> {
    let configs = || [config(|_| ()), untimed()];
    [true, false].into_iter().flat_map(move |timed| configs().map(|config| (config, timed)))
}

// Every call returns at once, and says so.
#[test]
fn k4_no_call_spins_on_a_socket_that_does_not_block() {
    within(|| {
        for (config, timed) in cases() {
            let few = |stream: &Counted, what: &str| {
                let calls = stream.calls();
                assert!(calls < 10, "{what}, {timed}: {calls} calls");
            };
            let (stream, mut peer) = sockets();
            let stream = Counted::new(stream, timed);
            let mut websocket = WebSocket::new(stream.clone(), Connection::server(config.clone()));
            assert_eq!(kind(websocket.fill().map(drop)), ErrorKind::WouldBlock);
            few(&stream, "fill");
            assert_eq!(kind(websocket.read()), ErrorKind::WouldBlock);
            few(&stream, "read");
            assert_eq!(kind(websocket.closed()), ErrorKind::WouldBlock);
            few(&stream, "closed");
            // Repeated: still few each time.
            for _ in 0..5 {
                assert_eq!(kind(websocket.read()), ErrorKind::WouldBlock);
            }
            assert!(stream.calls() < 50);
            websocket.flush().unwrap();
            websocket.send("it is sent").unwrap();
            few(&stream, "send");
            // More than the sockets hold.
            let sent = kind(websocket.send(vec![0; 24 << 20]));
            assert_eq!(sent, ErrorKind::WouldBlock);
            assert!(stream.calls() < 5000, "partial writes, and one that would block");
            for _ in 0..3 {
                assert_eq!(kind(websocket.flush()), ErrorKind::WouldBlock);
                few(&stream, "flush");
                assert_eq!(kind(websocket.read()), ErrorKind::WouldBlock);
                few(&stream, "read behind a write");
            }
            // Nothing was lost.
            let reading = thread::spawn(move || {
                let mut all = vec![0; (24 << 20) + 10 + 12];
                peer.read_exact(&mut all).unwrap();
                peer
            });
            while websocket.flush().is_err() {
                thread::sleep(Duration::from_millis(1));
            }
            let mut peer = reading.join().unwrap();
            assert_eq!(kind(websocket.close(CloseCode::NORMAL, "")), ErrorKind::WouldBlock);
            peer.read_exact(&mut [0; 4]).unwrap();
            peer.write_all(&from_client(|peer| peer.close(CloseCode::NORMAL, "").unwrap()))
                .unwrap();
            drop(peer);
            stream.calls();
            let end = loop {
                match websocket.closed() {
                    Ok(end) => break end,
                    Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                        few(&stream, "closed");
                        thread::sleep(Duration::from_millis(1));
                    }
                    Err(error) => panic!("{error}"),
                }
            };
            assert_eq!(end, EndOfStream::Clean);
        }
    });
}

#[test]
fn k4_no_half_spins_on_a_socket_that_does_not_block() {
    within(|| {
        for (config, timed) in cases() {
            let (stream, mut peer) = sockets();
            let stream = Counted::new(stream, timed);
            let websocket = WebSocket::new(stream.clone(), Connection::server(config));
            let (mut reader, mut writer) = websocket.into_split(stream.clone());
            for _ in 0..3 {
                assert_eq!(kind(reader.read()), ErrorKind::WouldBlock);
                assert_eq!(kind(reader.closed()), ErrorKind::WouldBlock);
            }
            assert!(stream.calls() < 60);
            writer.send("it is sent").unwrap();
            assert_eq!(kind(writer.send(vec![0; 24 << 20])), ErrorKind::WouldBlock);
            stream.calls();
            for _ in 0..3 {
                assert_eq!(kind(writer.flush()), ErrorKind::WouldBlock);
                assert_eq!(kind(reader.read()), ErrorKind::WouldBlock);
            }
            assert!(stream.calls() < 60);
            // A reply behind what would block.
            peer.write_all(&from_client(|peer| peer.ping(b"").unwrap())).unwrap();
            thread::sleep(Duration::from_millis(10));
            assert_eq!(kind(reader.read()), ErrorKind::WouldBlock);
            assert!(stream.calls() < 20);
            let reading = thread::spawn(move || {
                let mut all = vec![0; (24 << 20) + 10 + 12 + 2];
                peer.read_exact(&mut all).unwrap();
                assert_eq!(all[all.len() - 2..], *b"\x8a\x00");
                peer
            });
            while writer.flush().is_err() {
                let _ = reader.read();
                thread::sleep(Duration::from_millis(1));
            }
            let _peer = reading.join().unwrap();
            assert_eq!(kind(reader.read()), ErrorKind::WouldBlock);
        }
    });
}

#[test]
fn k4_no_handshake_spins_on_a_socket_that_does_not_block() {
    within(|| {
        for (config, timed) in cases() {
            let (stream, peer) = sockets();
            let stream = Counted::new(stream, timed);
            let accepted = blocking::accept(stream.clone(), config.clone());
            assert_eq!(kind(accepted), ErrorKind::WouldBlock);
            assert!(stream.calls() < 10);
            drop(peer);

            let (stream, mut peer) = sockets();
            peer.write_all(&REQUEST[..40]).unwrap();
            thread::sleep(Duration::from_millis(10));
            let stream = Counted::new(stream, timed);
            let accepted = blocking::receive_request(stream.clone(), config.clone());
            assert_eq!(kind(accepted), ErrorKind::WouldBlock);
            assert!(stream.calls() < 10);

            let (stream, _peer) = sockets();
            let stream = Counted::new(stream, timed);
            let request = ClientRequest::new("ws://localhost/").unwrap();
            let opened = blocking::client_with_seed(stream.clone(), request, config.clone(), SEED);
            assert_eq!(kind(opened), ErrorKind::WouldBlock);
            assert!(stream.calls() < 10);

            // What came at once can be answered at once, but the end is not waited for.
            for way in 0..2 {
                let (stream, mut peer) = sockets();
                peer.write_all(REQUEST).unwrap();
                thread::sleep(Duration::from_millis(10));
                let stream = Counted::new(stream, timed);
                let incoming = blocking::accept(stream.clone(), config.clone()).unwrap();
                let start = Instant::now();
                if way == 0 {
                    let mut websocket = incoming.accept(Acceptance::new()).unwrap();
                    assert_eq!(kind(websocket.read()), ErrorKind::WouldBlock);
                } else {
                    let _ = incoming.reject(Rejection::forbidden());
                    let mut answer = String::new();
                    let _ = peer.read_to_string(&mut answer);
                    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
                }
                assert!(stream.calls() < 20);
                assert!(start.elapsed() < Duration::from_secs(3));
            }
        }
    });
}

// The program's own time limits stay where no timer needs one; where one does, the docs say that it
// is set. In both cases `read_timeout` is the way to wait for so long.
#[test]
fn k5_a_message_is_waited_for_so_long() {
    within(|| {
        for (split, timers) in [(false, false), (false, true), (true, false), (true, true)] {
            let (stream, mut peer) = sockets();
            let own = if timers { Duration::from_secs(50) } else { SOON };
            stream.set_read_timeout(Some(own)).unwrap();
            let config = if timers { config(|_| ()) } else { untimed() };
            let mut websocket = WebSocket::new(stream, Connection::server(config));
            let clone = websocket.stream().try_clone().unwrap();
            let close = from_client(|peer| peer.close(CloseCode::NORMAL, "").unwrap());
            let text = from_client(|peer| peer.send("late").unwrap());
            macro_rules! waits {
                ($reader:ident) => {
                    for _ in 0..3 {
                        let start = Instant::now();
                        assert_eq!(kind($reader.read_timeout(SOON)), ErrorKind::TimedOut);
                        assert!(start.elapsed() >= SOON - Duration::from_millis(5));
                        assert!(start.elapsed() < Duration::from_secs(10));
                    }
                    // No time at all: what is there, is returned.
                    assert_eq!(kind($reader.read_timeout(Duration::ZERO)), ErrorKind::TimedOut);
                    // Half of a message is no message, and it is not lost.
                    peer.write_all(&text[..7]).unwrap();
                    assert_eq!(kind($reader.read_timeout(SOON)), ErrorKind::TimedOut);
                    peer.write_all(&text[7..]).unwrap();
                    let patience = Duration::from_secs(50);
                    let message = $reader.read_timeout(patience).unwrap().unwrap();
                    assert_eq!(message.as_text(), Some("late"));
                    // Events that are there need no time.
                    peer.write_all(&text.repeat(2)).unwrap();
                    for _ in 0..2 {
                        assert!($reader.read_timeout(patience).unwrap().is_some());
                    }
                    peer.write_all(&close).unwrap();
                    peer.shutdown(Shutdown::Write).unwrap();
                    assert!($reader.read_timeout(patience).unwrap().is_none());
                };
            }
            if split {
                let (mut reader, _writer) = websocket.into_split(clone);
                waits!(reader);
            } else {
                waits!(websocket);
            }
        }
    });
}

// Pings that come all the time do not prolong the wait for a message.
#[test]
fn k5_pings_are_no_messages() {
    within(|| {
        for split in [false, true] {
            let (stream, mut peer) = sockets();
            let mut websocket = WebSocket::new(stream, Connection::server(config(|_| ())));
            let clone = websocket.stream().try_clone().unwrap();
            let stop = Arc::new(AtomicUsize::new(0));
            let pinging = thread::spawn({
                let stop = Arc::clone(&stop);
                move || {
                    let ping = from_client(|peer| peer.ping(b"").unwrap());
                    while stop.load(Ordering::SeqCst) == 0 {
                        peer.write_all(&ping).unwrap();
                        thread::sleep(Duration::from_millis(5));
                    }
                }
            });
            let start = Instant::now();
            if split {
                let (mut reader, _writer) = websocket.into_split(clone);
                assert_eq!(kind(reader.read_timeout(SOON)), ErrorKind::TimedOut);
            } else {
                assert_eq!(kind(websocket.read_timeout(SOON)), ErrorKind::TimedOut);
            }
            assert!(start.elapsed() < Duration::from_secs(10));
            stop.store(1, Ordering::SeqCst);
            pinging.join().unwrap();
        }
    });
}

/// Timers of so many milliseconds.
fn hasty(ping: u64, pong: u64, close: u64) -> Config {
    config(|config| {
        config.ping_interval = Some(Duration::from_millis(ping));
        config.pong_timeout = Some(Duration::from_millis(pong));
        config.close_timeout = Some(Duration::from_millis(close));
    })
}

// Sockets that hold something, and then nothing: far from twice the time.
#[test]
fn k13_a_peer_that_takes_nothing_is_given_up_in_time() {
    within(|| {
        for way in 0..4 {
            let (stream, _peer) = sockets();
            let mut websocket = WebSocket::new(stream, Connection::server(hasty(300, 300, 100)));
            let clone = websocket.stream().try_clone().unwrap();
            let start = Instant::now();
            let ended = match way {
                0 => websocket.send(vec![0; 24 << 20]).is_err(),
                1 => {
                    websocket.feed(vec![0; 24 << 20]).unwrap();
                    websocket.flush().is_err()
                }
                2 => {
                    websocket.feed(vec![0; 24 << 20]).unwrap();
                    websocket.read().is_err()
                }
                _ => {
                    let (mut reader, mut writer) = websocket.into_split(clone);
                    let reading = thread::spawn(move || reader.read());
                    writer.send(vec![0; 24 << 20]).is_err() && reading.join().unwrap().is_err()
                }
            };
            assert!(ended);
            let elapsed = start.elapsed();
            assert!(elapsed >= Duration::from_millis(550), "{way}: {elapsed:?}");
            assert!(elapsed < Duration::from_millis(2500), "{way}: {elapsed:?}");
        }
    });
}

// A peer that takes a little now and then is not given up, though each write waits long.
#[test]
fn k13_a_peer_that_takes_a_little_is_kept() {
    within(|| {
        for split in [false, true] {
            let (stream, mut peer) = sockets();
            let mut websocket = WebSocket::new(stream, Connection::server(hasty(1000, 1000, 300)));
            let reading = thread::spawn(move || {
                let (mut len, mut buf) = (0, vec![0; 1 << 20]);
                while len < (10 << 20) + 10 {
                    thread::sleep(Duration::from_millis(150));
                    len += peer.read(&mut buf).unwrap();
                }
                peer
            });
            if split {
                let clone = websocket.stream().try_clone().unwrap();
                let (_reader, mut writer) = websocket.into_split(clone);
                writer.send(vec![0; 10 << 20]).unwrap();
            } else {
                websocket.send(vec![0; 10 << 20]).unwrap();
            }
            reading.join().unwrap();
        }
    });
}
