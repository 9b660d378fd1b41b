//! The TLS streams of the blocking adapter: two threads, and streams that do things by halves.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use framewise::{
    Config, EndOfStream, Error,
    blocking::{self, Stream, TlsStream, WebSocket},
    handshake::Acceptance,
    tls::TlsErrorKind,
};
use framewise_ecosystem::Authority;

/// Both ends of a WebSocket over streams that `wrap` makes.
fn websockets<S: Stream + Send + 'static>(
    config: Config,
    wrap: impl Fn(TcpStream) -> S,
) -> (WebSocket<TlsStream<S>>, WebSocket<TlsStream<S>>) {
    let authority = Authority::new("root");
    let server = authority.server(&["localhost"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, connected) = (wrap(listener.accept().unwrap().0), wrap(connected));
    let accept_config = config.clone();
    let accepting = thread::spawn(move || {
        let incoming = blocking::accept_tls(accepted, &server, accept_config).unwrap();
        incoming.accept(Acceptance::new()).unwrap()
    });
    let opened = blocking::client_tls(connected, &authority.client(), "wss://localhost/", config);
    (accepting.join().unwrap(), opened.unwrap().0)
}

/// Both ends of a TLS connection.
fn streams<S: Stream + Send + 'static>(
    wrap: impl Fn(TcpStream) -> S,
) -> (TlsStream<S>, TlsStream<S>) {
    let (server, client) = websockets(Config::default(), wrap);
    (server.into_inner(), client.into_inner())
}

/// The bytes of a long text, each of which tells its place.
fn pattern(start: usize, len: usize) -> Vec<u8> {
    (start..start + len).map(|place| (place ^ (place >> 8) ^ (place >> 16)) as u8).collect()
}

// Each of four threads would wait for ever, if a read held up a write: the sockets hold less.
#[test]
fn two_threads_at_each_end_move_64_mib_both_ways_at_once() {
    const LEN: usize = 1 << 20;
    let (server, client) = websockets(Config::default(), |stream| stream);
    let run = |websocket: WebSocket<TlsStream<TcpStream>>| {
        let clone = websocket.stream().try_clone().unwrap();
        let (mut reader, mut writer) = websocket.into_split(clone);
        let writing = thread::spawn(move || {
            for number in 0..64 {
                writer.send(pattern(number * LEN, LEN)).unwrap();
            }
            writer
        });
        thread::spawn(move || {
            for number in 0..64 {
                let message = reader.read().unwrap().unwrap();
                assert!(message.as_bytes() == pattern(number * LEN, LEN), "message {number}");
            }
            reader.reunite(writing.join().unwrap()).unwrap()
        })
    };
    let (server, client) = (run(server), run(client));
    let (mut server, mut client) = (server.join().unwrap(), client.join().unwrap());
    let closing = thread::spawn(move || client.close(framewise::CloseCode::NORMAL, "").unwrap());
    assert!(server.read().unwrap().is_none());
    assert_eq!(closing.join().unwrap(), EndOfStream::Clean);
    assert_eq!(server.end(), Some(EndOfStream::Clean));
}

// The same below the WebSocket, where a write takes what fits: records keep their order.
#[test]
fn handles_of_two_threads_keep_the_order() {
    const LEN: usize = 4 << 20;
    let (server, client) = streams(|stream| stream);
    let run = |mut reading: TlsStream<TcpStream>| {
        let mut writing = reading.try_clone().unwrap();
        let sent = thread::spawn(move || {
            for (number, chunk) in pattern(0, LEN).chunks(10_007).enumerate() {
                writing.write_all(chunk).unwrap();
                if number % 7 == 0 {
                    writing.flush().unwrap();
                }
            }
            writing.shutdown_write().unwrap();
        });
        let received = thread::spawn(move || {
            let mut received = Vec::new();
            reading.read_to_end(&mut received).unwrap();
            received
        });
        (sent, received)
    };
    let (one, other) = (run(server), run(client));
    for (sent, received) in [one, other] {
        sent.join().unwrap();
        assert!(received.join().unwrap() == pattern(0, LEN));
    }
}

/// A stream that does a few bytes at a time, and every other time nothing, once it is told so.
struct Choppy {
    stream: TcpStream,
    on: Arc<AtomicBool>,
    calls: AtomicUsize,
}

impl Choppy {
    /// Returns how much may be done now, of `len`.
    fn some(&self, len: usize) -> io::Result<usize> {
        if !self.on.load(Ordering::Relaxed) {
            return Ok(len);
        }
        match self.calls.fetch_add(1, Ordering::Relaxed) % 8 {
            0 => Err(ErrorKind::Interrupted.into()),
            2 | 4 => Err(ErrorKind::WouldBlock.into()),
            5 => Err(ErrorKind::TimedOut.into()),
            count => Ok(len.min(1 + 3 * count)),
        }
    }
}

impl Read for Choppy {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let some = self.some(buf.len())?;
        self.stream.read(&mut buf[..some])
    }
}

impl Write for Choppy {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let some = self.some(buf.len())?;
        self.stream.write(&buf[..some])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.some(1).map(drop)
    }
}

impl Stream for Choppy {
    fn shutdown_write(&mut self) -> io::Result<()> {
        self.stream.shutdown_write()
    }
}

/// Calls until the stream does something, as long as it says that it may later.
fn until_done<T>(mut call: impl FnMut() -> io::Result<T>) -> T {
    loop {
        match call() {
            Ok(done) => return done,
            Err(error) => assert!(
                matches!(
                    error.kind(),
                    ErrorKind::Interrupted | ErrorKind::TimedOut | ErrorKind::WouldBlock
                ),
                "{error:?}"
            ),
        }
    }
}

#[test]
fn a_stream_that_does_things_by_halves_loses_nothing() {
    let on = Arc::new(AtomicBool::new(false));
    let (mut server, mut client) = streams(|stream| {
        let calls = AtomicUsize::new(0);
        Choppy { stream, on: Arc::clone(&on), calls }
    });
    on.store(true, Ordering::Relaxed);
    let text = pattern(0, 60_000);
    let expected = text.clone();
    let sending = thread::spawn(move || {
        let mut rest = &text[..];
        while !rest.is_empty() {
            let len = until_done(|| client.write(rest));
            assert!(len > 0);
            rest = &rest[len..];
        }
        until_done(|| client.flush());
        client
    });
    let mut received = vec![0; expected.len()];
    let mut len = 0;
    while len < received.len() {
        let more = until_done(|| server.read(&mut received[len..]));
        assert!(more > 0, "the end after {len}");
        len += more;
    }
    assert!(received == expected);
    drop(sending.join().unwrap());
}

// A pending rest of a write is not for more: nothing is taken until it is written.
#[test]
fn a_peer_that_does_not_read_stops_the_writer() {
    let (mut server, mut client) = streams(|stream| stream);
    assert!(server.set_write_timeout(Some(Duration::from_millis(20))).unwrap());
    let chunk = pattern(0, 64 << 10);
    let mut taken = 0;
    let error = loop {
        match server.write(&chunk[taken % chunk.len()..]) {
            Ok(len) => taken += len,
            Err(error) => break error,
        }
        assert!(taken < 1 << 30, "it takes anything");
    };
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error:?}");
    assert!(server.flush().is_err());
    let reading = thread::spawn(move || {
        let mut received = vec![0; taken];
        client.read_exact(&mut received).unwrap();
        (received, client)
    });
    server.set_write_timeout(None).unwrap();
    server.flush().unwrap();
    let (received, _client) = reading.join().unwrap();
    assert!(received.chunks(chunk.len()).all(|part| part == &chunk[..part.len()]));
}

#[test]
fn reads_end_when_their_time_has_passed_and_go_on_later() {
    let (mut server, mut client) = websockets(Config::default(), |stream| stream);
    for _ in 0..3 {
        let error = client.read_timeout(Duration::from_millis(20)).unwrap_err();
        assert_eq!(io::Error::from(error).kind(), ErrorKind::TimedOut);
        server.send("later").unwrap();
        let message = client.read_timeout(Duration::from_secs(600)).unwrap();
        assert_eq!(message.unwrap().as_text(), Some("later"));
    }
    client.stream().transport().set_nonblocking(true).unwrap();
    let error = client.read().unwrap_err();
    assert_eq!(io::Error::from(error).kind(), ErrorKind::WouldBlock);
    server.send("at last").unwrap();
    let message = loop {
        match client.read() {
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
            message => break message.unwrap().unwrap(),
        }
    };
    assert_eq!(message.as_text(), Some("at last"));
}

// Without timers, reads and writes wait longer than the handshake might have taken.
#[test]
fn the_time_limit_of_the_handshake_is_gone_after_it() {
    let limit = Duration::from_secs(1);
    let config = Config::default()
        .handshake_timeout(limit)
        .message_timeout(None)
        .ping_interval(None)
        .pong_timeout(None);
    let (mut server, mut client) = websockets(config, |stream| stream);
    for websocket in [&server, &client] {
        assert!(websocket.stream().transport().nodelay().unwrap());
    }
    // More than the sockets hold.
    let serving = thread::spawn(move || {
        for number in 0..64 {
            server.send(vec![number; 1 << 20]).unwrap();
        }
        assert_eq!(server.read().unwrap().unwrap().as_text(), Some("late"));
    });
    thread::sleep(limit + limit / 4);
    for number in 0..64 {
        assert!(client.read().unwrap().unwrap().as_bytes() == vec![number; 1 << 20]);
    }
    thread::sleep(limit + limit / 4);
    client.send("late").unwrap();
    serving.join().unwrap();
}

/// A stream whose writes fail after the TLS handshake of a client, in which it is flushed twice.
struct Torn {
    stream: TcpStream,
    flushes: u32,
}

impl Read for Torn {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buf)
    }
}

impl Write for Torn {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.flushes >= 2 {
            return Err(ErrorKind::BrokenPipe.into());
        }
        self.stream.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushes += 1;
        self.stream.flush()
    }
}

impl Stream for Torn {}

// The server has closed before the request was written.
#[test]
fn an_alert_says_more_than_the_failed_write_before_it() {
    let authority = Authority::new("root");
    let server = authority.server(&["localhost"]).require_client_certs(authority.pem()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let accepting = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        blocking::accept_tls(stream, &server, Config::default()).map(drop).unwrap_err()
    });
    let torn = Torn { stream, flushes: 0 };
    let client = authority.client();
    let result = blocking::client_tls(torn, &client, "wss://localhost/", Config::default());
    let of_client = result.map(drop).unwrap_err();
    for error in [of_client, accepting.join().unwrap()] {
        let Error::Tls(error) = error else { panic!("{error:?}") };
        assert_eq!(error.kind(), TlsErrorKind::CertificateRequired);
    }
}

// The peer changes its keys, and asks for the same: TLS answers with the next write.
#[test]
fn keys_may_change() {
    let authority = Authority::new("root");
    let server = authority.server(&["localhost"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut tcp = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let serving = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let incoming = blocking::accept_tls(stream, &server, Config::default()).unwrap();
        let mut websocket = incoming.accept(Acceptance::new()).unwrap();
        while let Some(message) = websocket.read().unwrap() {
            websocket.send(message).unwrap();
        }
        websocket.end()
    });
    let config = authority.client_config();
    let name = "localhost".try_into().unwrap();
    let mut session = rustls::ClientConnection::new(config, name).unwrap();
    let mut tls = rustls::Stream::new(&mut session, &mut tcp);
    tls.write_all(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )
    .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tls.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    for _ in 0..5 {
        tls.conn.refresh_traffic_keys().unwrap();
        tls.write_all(b"\x81\x82\x00\x00\x00\x00hi").unwrap();
        let mut echo = [0; 4];
        tls.read_exact(&mut echo).unwrap();
        assert_eq!(&echo, b"\x81\x02hi");
    }
    tls.write_all(b"\x88\x80\x00\x00\x00\x00").unwrap();
    let mut rest = Vec::new();
    tls.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"\x88\x00");
    drop(tcp);
    assert_eq!(serving.join().unwrap(), Some(EndOfStream::Clean));
}

/// A server whose client reads nothing and stays, with 32 MiB queued for it. Runs `end` on a thread, and
/// returns what that returns.
fn unread<T: Send + 'static>(
    config: Config,
    end: impl FnOnce(&mut WebSocket<TlsStream<TcpStream>>) -> T + Send + 'static,
) -> T {
    let authority = Authority::new("root");
    let server = authority.server(&["localhost"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let config = config.max_output(64 << 20);
        let incoming = blocking::accept_tls(stream, &server, config).unwrap();
        let mut websocket = incoming.accept(Acceptance::new()).unwrap();
        websocket.connection_mut().send_binary(vec![7; 32 << 20]).unwrap();
        let _ = done.send(end(&mut websocket));
    });
    let (client, _) =
        blocking::client_tls(stream, &authority.client(), "wss://localhost/", Config::default())
            .unwrap();
    let ended = ended.recv_timeout(Duration::from_secs(60)).expect("it hangs");
    drop(client);
    ended
}

#[test]
fn a_peer_that_stops_reading_is_given_up_at_the_close() {
    let config = Config::default()
        .close_timeout(Duration::from_millis(200))
        .close_limit(Duration::from_millis(400));
    let closed = unread(config, |websocket| websocket.close(1000, ""));
    assert!(!matches!(closed, Ok(EndOfStream::Clean)), "{closed:?}");
}

#[test]
fn a_peer_that_stops_reading_is_given_up_by_keep_alive() {
    let limit = Duration::from_millis(200);
    let config = Config::default().ping_interval(limit).pong_timeout(limit).close_timeout(limit);
    let read = unread(config, |websocket| websocket.read());
    assert!(matches!(read, Err(Error::Timeout(_))), "{read:?}");
}
