//! A server that sends every message back, on a bare event loop (mio): one thread, one read buffer
//! for all connections, and no adapter between the sockets and the protocol.
//!
//! ```sh
//! cargo run --example echo_server_mio -- --listen 127.0.0.1:9001
//! cargo run --features tls --example echo_server_mio -- --tls-cert cert.pem --tls-key key.pem
//! ```
//!
//! Browsers may connect from pages of the same origin only. With `--origin ORIGIN` (repeatable), they
//! may connect from pages of the named origins only. Programs that send no `Origin` always may.
//! Ctrl-C and SIGTERM close all connections and end the server; a second one ends it at once.
//!
//! To bring WebSocket to an event loop of your own, begin with [`Socket::drive`].

mod common;

use std::{
    collections::BTreeSet,
    error::Error,
    io::{self, ErrorKind, Read, Write},
    mem,
    net::{Shutdown, SocketAddr, ToSocketAddrs},
    process::ExitCode,
    sync::Arc,
    time::{self, Duration, UNIX_EPOCH},
};

use common::{report, say, server::Options};
use framewise::{
    CloseCode, Config, Connection, Event, SendError, State,
    deflate::DeflateConfig,
    driver::{Driver, Goal, HandshakeDriver, Reads, Refusal, Step, Unread, Writes},
    handshake::{Acceptance, OriginPolicy, Rejection, ServerHandshake, Upgrade, http_date},
    time::Instant,
};
use mio::{
    Events, Interest, Poll, Token, Waker,
    net::{TcpListener, TcpStream},
};
#[cfg(feature = "rustls")]
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use slab::Slab;

fn main() -> ExitCode {
    common::status(run(Options::from_arguments()))
}

fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let mut listener = bind(&options.listen)
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, Token(LISTENER), Interest::READABLE)?;
    let interrupt = Waker::new(poll.registry(), Token(INTERRUPT))?;
    common::on_interrupt(move || {
        let _ = interrupt.wake();
    })?;
    say!("listening on {}", listener.local_addr()?);
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    let server = Server {
        poll,
        listener: Some(listener),
        config: Arc::new(config),
        policy: match options.is_secure() {
            true => options.policy.secure(),
            false => options.policy,
        },
        #[cfg(feature = "rustls")]
        tls: options.tls.map(Into::into),
        peers: Slab::new(),
        ready: BTreeSet::new(),
        timers: BTreeSet::new(),
        buf: Vec::new(),
    };
    Ok(server.serve()?)
}

/// Listens on the first address of a name that can be listened on.
fn bind(name: &str) -> io::Result<TcpListener> {
    let mut failure = ErrorKind::NotFound.into();
    for address in name.to_socket_addrs()? {
        match TcpListener::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// The event loop.
struct Server {
    poll: Poll,
    /// `None` once the server shuts down.
    listener: Option<TcpListener>,
    config: Arc<Config>,
    policy: OriginPolicy,
    #[cfg(feature = "rustls")]
    tls: Option<Arc<ServerConfig>>,
    peers: Slab<Peer>,
    /// Who gets a turn: keys of peers, or `LISTENER`. mio tells only once that a socket has become
    /// ready, so a peer that has more to read stays here.
    ready: BTreeSet<usize>,
    /// When they get one anyway.
    timers: BTreeSet<(Instant, usize)>,
    /// All connections are read into it.
    buf: Vec<u8>,
}

impl Server {
    fn serve(mut self) -> io::Result<()> {
        // The protocol reads no clock: its time is counted from here.
        let origin = time::Instant::now();
        let clock = || Instant::from_origin(origin.elapsed());
        let mut events = Events::with_capacity(1024);
        while self.listener.is_some() || !self.peers.is_empty() {
            let patience = match self.timers.first() {
                _ if !self.ready.is_empty() => Some(Duration::ZERO),
                next => next.map(|&(deadline, _)| deadline - clock()),
            };
            match self.poll.poll(&mut events, patience) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let now = clock();
            for event in &events {
                match event.token() {
                    Token(INTERRUPT) => self.shut_down(),
                    Token(key) => {
                        if let Some(peer) = self.peers.get_mut(key) {
                            // With TLS, a read may wait for a write, and the other way round.
                            let any = event.is_error() || peer.socket.stream.is_secure();
                            peer.socket.readable |= event.is_readable() || any;
                            peer.socket.writable |= event.is_writable() || any;
                        }
                        self.ready.insert(key);
                    }
                }
            }
            while let Some(&(deadline, key)) = self.timers.first()
                && deadline <= now
            {
                self.timers.pop_first();
                if let Some(peer) = self.peers.get_mut(key) {
                    peer.timer = None;
                    peer.socket.readable = true; // What has come by now is not late.
                }
                self.ready.insert(key);
            }
            for key in mem::take(&mut self.ready) {
                match key {
                    LISTENER => self.accept(now),
                    key => self.drive(key, now),
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self, now: Instant) {
        let Some(listener) = &self.listener else {
            return;
        };
        match listener.accept().and_then(|(stream, address)| self.add(stream, address)) {
            Ok(()) => {
                self.ready.insert(LISTENER); // There may be more.
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // Out of file descriptors, for instance. mio will not tell again of those who wait
            // already, so look again when others may have ended.
            Err(error) => {
                report!("cannot accept a connection: {error}");
                self.timers.insert((now + ACCEPT_PAUSE, LISTENER));
            }
        }
    }

    fn add(&mut self, mut stream: TcpStream, address: SocketAddr) -> io::Result<()> {
        // What is written belongs together already; waiting for more would only cost time.
        stream.set_nodelay(true)?;
        let entry = self.peers.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(entry.key()), interest)?;
        self.ready.insert(entry.key());
        let handshake = HandshakeDriver::server(Arc::clone(&self.config)).stamp(dated);
        #[cfg(feature = "rustls")]
        let stream = match &self.tls {
            Some(config) => {
                let session =
                    ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                Stream::Tls(Box::new(StreamOwned::new(session, stream)))
            }
            None => Stream::Plain(stream),
        };
        #[cfg(not(feature = "rustls"))]
        let stream = Stream::Plain(stream);
        entry.insert(Peer {
            socket: Socket { stream, readable: true, writable: true },
            address,
            stage: Stage::Handshake(Box::new(handshake)),
            timer: None,
        });
        Ok(())
    }

    fn drive(&mut self, key: usize, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let timer = peer.timer;
        let mut turn = Turn { now, buf: &mut self.buf, has_read: false };
        match peer.drive(&mut turn, &self.config, &self.policy) {
            Ok(Step::Read) => {
                self.ready.insert(key);
            }
            // A deadline that has moved away, as it does with each message, keeps the timer that
            // it had: that goes off early, which does no harm, and is set anew then.
            Ok(Step::Wait(deadline)) => {
                if let Some(deadline) = deadline
                    && timer.is_none_or(|timer| deadline < timer)
                {
                    peer.timer = Some(deadline);
                    self.timers.insert((deadline, key));
                    timer.map(|timer| self.timers.remove(&(timer, key)));
                }
            }
            ended => {
                if let Err(error) = ended {
                    report!("{}: {error}", peer.address);
                }
                self.peers.remove(key); // Dropping the stream closes it.
                timer.map(|timer| self.timers.remove(&(timer, key)));
            }
        }
    }

    /// Closes everything. Each connection gets a Close and a limited time to answer it. With the
    /// last one the event loop ends.
    fn shut_down(&mut self) {
        self.listener = None;
        self.peers.retain(|key, peer| {
            self.ready.insert(key);
            match &mut peer.stage {
                Stage::Handshake(_) => return false,
                Stage::Connected(driver) => {
                    // Fails only for a connection that is closing already.
                    let _ = driver.connection_mut().close(CloseCode::GOING_AWAY, "");
                }
                Stage::Refused(_) => {}
            }
            true
        });
    }
}

/// A client.
struct Peer {
    socket: Socket,
    address: SocketAddr,
    stage: Stage,
    /// Its entry among the timers, not later than its next deadline.
    timer: Option<Instant>,
}

#[allow(clippy::large_enum_variant, reason = "nearly all are connected")]
enum Stage {
    // Boxed, since it is large and soon gone.
    Handshake(Box<HandshakeDriver<ServerHandshake>>),
    Connected(Driver),
    Refused(Box<HandshakeDriver<Refusal>>),
}

impl Peer {
    /// Does all that can be done without waiting, but reads only once, so that a client that sends
    /// without end does not keep the others waiting. Returns what is left to do: to read, to wait, or
    /// nothing.
    fn drive(
        &mut self,
        turn: &mut Turn<'_>,
        config: &Config,
        policy: &OriginPolicy,
    ) -> Result<Step, Box<dyn Error>> {
        loop {
            match &mut self.stage {
                Stage::Handshake(driver) => {
                    let step = self.socket.drive(&mut **driver, HandshakeDriver::next, turn)?;
                    let Some((upgrade, unread)) = driver.finish() else {
                        return Ok(step);
                    };
                    self.stage = decide(upgrade, unread, config, policy)?;
                }
                Stage::Connected(driver) => {
                    let next = |driver: &mut Driver| driver.next(Goal::Events);
                    let step = self.socket.drive(driver, next, turn)?;
                    if step != Step::Ready {
                        return Ok(step);
                    }
                    let mut batch = driver.batch();
                    while let Some(event) = batch.next() {
                        echo(batch.connection_mut(), event)?;
                    }
                }
                Stage::Refused(driver) => {
                    return self.socket.drive(&mut **driver, HandshakeDriver::next, turn);
                }
            }
        }
    }
}

/// Accepts or rejects a valid request. A server that has to find out first would keep the
/// [`Upgrade`], and what follows it, in a stage of its own.
fn decide(
    upgrade: Upgrade,
    unread: Unread,
    config: &Config,
    policy: &OriginPolicy,
) -> Result<Stage, Box<dyn Error>> {
    if upgrade.check_origin(policy).is_err() {
        let response = upgrade.reject(dated(Rejection::forbidden()));
        return Ok(Stage::Refused(Box::new(HandshakeDriver::refusal(response, config))));
    }
    // The response is the first thing in the output of the connection.
    let connection = upgrade.accept(Acceptance::new())?;
    Ok(Stage::Connected(Driver::with_unread(connection, unread)))
}

/// Sends a message back. Pings and Closes are answered by the connection itself.
fn echo(connection: &mut Connection, event: Event<'_>) -> Result<(), SendError> {
    if connection.state() != State::Open {
        return Ok(()); // Messages that arrive after our own Close get no answer.
    }
    match event {
        Event::Text(text) => connection.send_text(text),
        Event::Binary(payload) => connection.send_binary(payload),
        _ => Ok(()),
    }
}

/// Adds the time of day to a response (RFC 9110 §6.6.1).
fn dated(response: Rejection) -> Rejection {
    let date = UNIX_EPOCH.elapsed().ok().and_then(http_date);
    match date.map(|date| response.clone().header("Date", date)) {
        Some(Ok(dated)) => dated,
        _ => response,
    }
}

/// A stream, and what mio has told of it since the last turn.
struct Socket {
    stream: Stream,
    readable: bool,
    writable: bool,
}

/// What a peer uses while it has its turn.
struct Turn<'a> {
    now: Instant,
    buf: &'a mut Vec<u8>,
    has_read: bool,
}

impl Socket {
    /// Does with the stream what `next` says, and returns the first step that is not the stream's, or
    /// that takes another turn. All that embeds the protocol is here.
    fn drive<D: Reads + Writes, E: Error + 'static>(
        &mut self,
        driver: &mut D,
        next: impl Fn(&mut D) -> Result<Step, E>,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Box<dyn Error>> {
        if mem::take(&mut self.readable) {
            driver.readable();
        }
        if mem::take(&mut self.writable) {
            driver.writable();
        }
        loop {
            // A peer that does not take its answers keeps the buffer. Then there will be a new one.
            if let Some(buf) = driver.reclaim_buffer() {
                *turn.buf = buf;
            }
            match next(driver)? {
                Step::Time => driver.time(turn.now),
                Step::Read if !turn.has_read => {
                    turn.has_read = true;
                    turn.buf.resize(BUFFER_SIZE, 0);
                    match self.stream.read(turn.buf) {
                        Ok(len) => driver.put_buffer(mem::take(turn.buf), len),
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {
                            driver.read_pending()
                        }
                        Err(error) => {
                            let cut = error.kind() == ErrorKind::UnexpectedEof; // Only TLS says so.
                            driver.read_failed(error, cut)?;
                        }
                    }
                }
                Step::Write => drop(driver.write_to(&mut self.stream)?),
                Step::Flush => drop(driver.flush_to(&mut self.stream)?),
                Step::ShutDown => {
                    let _ = self.stream.shutdown(); // Fails if it is gone already.
                    driver.shut_down();
                }
                step => return Ok(step),
            }
        }
    }
}

/// A TCP stream, or TLS over one.
enum Stream {
    Plain(TcpStream),
    #[cfg(feature = "rustls")]
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    fn is_secure(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }

    /// Ends the direction to the peer. What TLS has to say is tried once, and not waited for.
    fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.shutdown(Shutdown::Write),
            #[cfg(feature = "rustls")]
            Self::Tls(stream) => {
                stream.conn.send_close_notify();
                let flushed = stream.flush();
                stream.sock.shutdown(Shutdown::Write).and(flushed)
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buf),
            #[cfg(feature = "rustls")]
            Self::Tls(stream) => stream.read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(buf),
            #[cfg(feature = "rustls")]
            Self::Tls(stream) => stream.write(buf),
        }
    }

    fn write_vectored(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write_vectored(bufs),
            #[cfg(feature = "rustls")]
            Self::Tls(stream) => stream.write_vectored(bufs),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()), // A socket holds nothing back.
            #[cfg(feature = "rustls")]
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// One read: some hundreds of small messages, or a piece of a large one.
const BUFFER_SIZE: usize = 64 << 10;

/// How long to wait when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Keys that are not those of peers.
const LISTENER: usize = usize::MAX;
const INTERRUPT: usize = usize::MAX - 1;
