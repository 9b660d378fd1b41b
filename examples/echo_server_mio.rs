//! A server that sends every message back, on a bare event loop (mio): one thread, one read buffer
//! for all connections, and no adapter between the sockets and the protocol.
//!
//! ```sh
//! cargo run --example echo_server_mio -- --listen 127.0.0.1:9001
//! ```
//!
//! Browsers may connect from pages of the same origin only. With `--origin ORIGIN` (repeatable), they
//! may connect from pages of the named origins only. Programs that send no `Origin` always may.
//! Ctrl-C and SIGTERM close all connections and end the server; a second one ends it at once.
//!
//! The protocol's own driver says what to do with a socket; [`Peer::drive`] does it. Nothing here
//! decides when to flush, to ping, to shut down or to give up.

mod common;

use std::{
    collections::BTreeSet,
    error::Error,
    io::{self, ErrorKind, Read},
    mem,
    net::{Shutdown, SocketAddr, ToSocketAddrs},
    process::ExitCode,
    sync::Arc,
    time::{self, Duration, UNIX_EPOCH},
};

use common::{report, say, server::Options};
use framewise::{
    CloseCode, Config, Connection, Event, Output, SendError, State,
    deflate::DeflateConfig,
    driver::{Driver, Goal, HandshakeDriver, Reads, Refusal, Step, Writes, http_date},
    handshake::{Acceptance, OriginPolicy, Rejection, ServerHandshake, Upgrade},
    time::Instant,
};
use mio::{
    Events, Interest, Poll, Token, Waker,
    net::{TcpListener, TcpStream},
};
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
        policy: options.policy,
        peers: Slab::new(),
        ready: BTreeSet::new(),
        timers: BTreeSet::new(),
        buf: vec![0; BUFFER_SIZE],
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
    peers: Slab<Peer>,
    /// Who gets a turn: keys of peers, or `LISTENER`. mio tells only once that a socket has become
    /// ready, so who has not used that up stays here.
    ready: BTreeSet<usize>,
    /// When they get one anyway.
    timers: BTreeSet<(Instant, usize)>,
    /// All connections are read into it: what is in it does not outlive a turn.
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
                            let readable = event.is_readable() || event.is_error();
                            peer.stage.resume(readable, event.is_writable());
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
                    // It reads once more before it is told the time: what has come is not late.
                    peer.stage.resume(true, false);
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
        // `Date` is for the clock of this program to add.
        let handshake = HandshakeDriver::server(Arc::clone(&self.config)).stamp(dated);
        self.ready.insert(entry.key());
        let stage = Stage::Opening(Box::new(handshake));
        entry.insert(Peer { stream, address, stage, timer: None });
        Ok(())
    }

    fn drive(&mut self, key: usize, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let timer = peer.timer;
        let next = peer.drive(&mut self.buf, now, &self.policy, &self.config);
        match next.unwrap_or_else(|error| {
            report!("{}: {error}", peer.address);
            Next::End
        }) {
            Next::Again => {
                self.ready.insert(key);
            }
            // A deadline that has moved away, as it does with each message, keeps the timer that
            // it had: that goes off early, which does no harm, and is set anew then.
            Next::Wait(Some(deadline)) if timer.is_none_or(|timer| deadline < timer) => {
                peer.timer = Some(deadline);
                self.timers.insert((deadline, key));
                timer.map(|timer| self.timers.remove(&(timer, key)));
            }
            Next::Wait(_) => {}
            Next::End => {
                self.peers.remove(key); // Dropping the stream closes it.
                timer.map(|timer| self.timers.remove(&(timer, key)));
            }
        }
    }

    /// Closes everything. Each connection gets a Close and, thanks to its close timer, a limited
    /// time to answer it. With the last one the event loop ends.
    fn shut_down(&mut self) {
        self.listener = None;
        self.peers.retain(|key, peer| {
            self.ready.insert(key);
            match &mut peer.stage {
                Stage::Open(driver) => {
                    // Fails only for a connection that is closing already.
                    let _ = driver.connection_mut().close(CloseCode::GOING_AWAY, "");
                    true
                }
                Stage::Opening(_) => false,
                Stage::Refusing(_) => true,
            }
        });
    }
}

/// A client.
struct Peer {
    stream: TcpStream,
    address: SocketAddr,
    stage: Stage,
    /// Its entry among the timers, not later than its next deadline.
    timer: Option<Instant>,
}

/// What drives the connection. Handshakes are boxed, since they are large and soon gone.
#[allow(clippy::large_enum_variant, reason = "nearly all are open")]
enum Stage {
    Opening(Box<HandshakeDriver<ServerHandshake>>),
    Refusing(Box<HandshakeDriver<Refusal>>),
    Open(Driver),
}

/// What a peer does next.
enum Next {
    /// More.
    Again,
    /// Nothing any more.
    End,
    /// Waits for its socket, or for the deadline.
    Wait(Option<Instant>),
}

impl Peer {
    /// Does all that can be done without waiting, but reads only once, so that a client that sends
    /// without end does not keep the others waiting.
    fn drive(
        &mut self,
        buf: &mut Vec<u8>,
        now: Instant,
        policy: &OriginPolicy,
        config: &Config,
    ) -> Result<Next, Box<dyn Error>> {
        let mut socket = Socket { stream: &mut self.stream, now, has_read: false };
        loop {
            match &mut self.stage {
                Stage::Opening(driver) => {
                    if let Some(next) = socket.run(&mut **driver, None, HandshakeDriver::next)? {
                        return Ok(next);
                    }
                    // Frames may have come together with the request: the driver has them.
                    let Some((upgrade, unread)) = driver.finish() else { return Ok(Next::End) };
                    self.stage = match decide(upgrade, policy)? {
                        Ok(connection) => Stage::Open(Driver::with_unread(connection, unread)),
                        Err(response) => {
                            let refusal = HandshakeDriver::refusal(response, config);
                            Stage::Refusing(Box::new(refusal))
                        }
                    };
                }
                Stage::Refusing(driver) => {
                    let next = socket.run(&mut **driver, None, HandshakeDriver::next)?;
                    return Ok(next.unwrap_or(Next::End));
                }
                Stage::Open(driver) => {
                    let events = |driver: &mut Driver| driver.next(Goal::Events);
                    if let Some(next) = socket.run(driver, Some(buf), events)? {
                        return Ok(next);
                    }
                    let mut batch = driver.batch();
                    while let Some(event) = batch.next() {
                        echo(batch.connection_mut(), event)?;
                    }
                    drop(batch);
                    *buf = driver.take_buffer(); // The next client is read into it.
                }
            }
        }
    }
}

impl Stage {
    /// Lets what has waited be tried again.
    fn resume(&mut self, readable: bool, writable: bool) {
        fn resume(driver: &mut (impl Reads + Writes), readable: bool, writable: bool) {
            if readable {
                driver.readable();
            }
            if writable {
                driver.writable();
            }
        }
        match self {
            Self::Opening(driver) => resume(&mut **driver, readable, writable),
            Self::Refusing(driver) => resume(&mut **driver, readable, writable),
            Self::Open(driver) => resume(driver, readable, writable),
        }
    }
}

/// A socket in its turn.
struct Socket<'a> {
    stream: &'a mut TcpStream,
    now: Instant,
    has_read: bool,
}

impl Socket<'_> {
    /// Does what a driver says until that is ready; returns what to do otherwise. This is all that
    /// an event loop has to know of the protocol.
    fn run<D: Reads + Writes, E: Error + 'static>(
        &mut self,
        driver: &mut D,
        mut shared: Option<&mut Vec<u8>>,
        mut next: impl FnMut(&mut D) -> Result<Step, E>,
    ) -> Result<Option<Next>, Box<dyn Error>> {
        loop {
            match next(driver)? {
                Step::Ready => return Ok(None),
                Step::Ended => return Ok(Some(Next::End)),
                Step::Write => drop(driver.write_to(self.stream)?),
                Step::Flush => drop(driver.flush_to(self.stream)?),
                Step::ShutDown => {
                    let _ = self.stream.shutdown(Shutdown::Write); // Fails if it is gone already.
                    driver.shut_down();
                }
                Step::Read if mem::replace(&mut self.has_read, true) => {
                    return Ok(Some(Next::Again));
                }
                Step::Read => match &mut shared {
                    Some(buf) => read_shared(self.stream, driver, buf)?,
                    None => drop(driver.read_from(self.stream)?),
                },
                Step::Time => driver.time(self.now),
                Step::Wait(deadline) => return Ok(Some(Next::Wait(deadline))),
                step => return Err(format!("{step:?} is no step of a whole connection").into()),
            }
        }
    }
}

/// Reads into the buffer that all connections share. What the driver does not give back, because it
/// still parses it, is replaced.
fn read_shared<D: Reads>(
    stream: &mut TcpStream,
    driver: &mut D,
    buf: &mut Vec<u8>,
) -> io::Result<()> {
    buf.resize(BUFFER_SIZE, 0);
    match stream.read(buf) {
        Ok(len) => driver.put_buffer(mem::take(buf), len),
        Err(error) if error.kind() == ErrorKind::Interrupted => {}
        Err(error) if error.kind() == ErrorKind::WouldBlock => driver.read_pending(),
        Err(error) => driver.read_failed(error, false)?,
    }
    Ok(())
}

/// Returns the connection, or the response that refuses it.
fn decide(
    upgrade: Upgrade,
    policy: &OriginPolicy,
) -> Result<Result<Connection, Output>, Box<dyn Error>> {
    if upgrade.check_origin(policy).is_err() {
        return Ok(Err(upgrade.reject(dated(Rejection::forbidden()))));
    }
    // The response is the first thing in the output of the connection.
    Ok(Ok(upgrade.accept(Acceptance::new())?))
}

/// Adds the time of day to a response (RFC 9110 §6.6.1).
fn dated(response: Rejection) -> Rejection {
    let date = UNIX_EPOCH.elapsed().ok().and_then(http_date);
    match date.map(|date| response.clone().header("Date", date)) {
        Some(Ok(dated)) => dated,
        _ => response,
    }
}

/// Sends a message back. Pings and Closes are answered by the connection itself.
fn echo(connection: &mut Connection, event: Event<'_>) -> Result<(), SendError> {
    if connection.state() != State::Open {
        return Ok(()); // What arrives after our own Close cannot be answered any more.
    }
    match event {
        Event::Text(text) => connection.send_text(text),
        Event::Binary(payload) => connection.send_binary(payload),
        _ => Ok(()),
    }
}

/// One read: some hundreds of small messages, or a piece of a large one.
const BUFFER_SIZE: usize = 64 << 10;

/// How long to wait when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Keys that are not those of peers.
const LISTENER: usize = usize::MAX;
const INTERRUPT: usize = usize::MAX - 1;
