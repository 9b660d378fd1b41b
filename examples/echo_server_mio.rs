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
//! What a driver of the protocol has to do is in [`Peer::drive`].

mod common;

use std::{
    collections::BTreeSet,
    error::Error,
    fmt,
    io::{self, ErrorKind, IoSlice, Read, Write},
    mem,
    net::{Shutdown, SocketAddr, ToSocketAddrs},
    process::ExitCode,
    sync::Arc,
    time::{self, Duration},
};

use common::{say, server::Options};
use framewise::{
    CloseCode, Config, Connection, Event, Input, Output, SendError, State, Transport,
    deflate::DeflateConfig,
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
                            peer.readable |= event.is_readable() || event.is_error();
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
                report(format_args!("cannot accept a connection: {error}"));
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
        let handshake = Box::new(ServerHandshake::new(Arc::clone(&self.config)));
        self.ready.insert(entry.key());
        entry.insert(Peer {
            stream,
            address,
            stage: Stage::Handshake(handshake),
            readable: true,
            shut_down: false,
            timer: None,
        });
        Ok(())
    }

    fn drive(&mut self, key: usize, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let timer = peer.timer;
        let next = peer.drive(&mut self.buf, now, &self.policy).unwrap_or_else(|error| {
            report(format_args!("{}: {error}", peer.address));
            Next::End
        });
        match next {
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
        for (key, peer) in &mut self.peers {
            match &mut peer.stage {
                Stage::Connected(connection) => {
                    // Fails only for a connection that is closing already.
                    let _ = connection.close(CloseCode::GOING_AWAY, "");
                }
                Stage::Handshake(_) => peer.stage = Stage::over(),
                Stage::Refused { .. } => {}
            }
            self.ready.insert(key);
        }
    }
}

/// A client.
struct Peer {
    stream: TcpStream,
    address: SocketAddr,
    stage: Stage,
    /// There may be something to read: true until a read has found nothing.
    readable: bool,
    /// The write side was shut down.
    shut_down: bool,
    /// Its entry among the timers, not later than its next deadline.
    timer: Option<Instant>,
}

enum Stage {
    // Boxed, since it is large and soon gone.
    Handshake(Box<ServerHandshake>),
    Connected(Connection),
    /// The client gets a response and nothing else. `None` when it has been given up.
    Refused {
        response: Output,
        deadline: Option<Instant>,
    },
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
        buf: &mut [u8],
        now: Instant,
        policy: &OriginPolicy,
    ) -> Result<Next, Box<dyn Error>> {
        // 1. Read, unless the client does not take the answers to what it has sent before: they
        //    would fill the memory.
        if self.may_read() {
            self.read(buf, now, policy)?;
        }
        // 2. Tell the time. After reading: a Pong that waited in the socket is not late.
        self.handle_timeout(now);
        // 3. Write all that there is to write now: the echoes, what the connection answers by
        //    itself to Pings and Closes, the Pings of its keep-alive timer.
        if self.write()? {
            // 4. When nothing is left, do with the transport what the protocol asks for: a server
            //    ends its own direction first and reads on until the client ends the other, so
            //    that what was written last is not destroyed by a reset (RFC 9112 §9.6).
            match self.stage.transport() {
                Transport::Open => {}
                Transport::ShutDownWrite if self.shut_down => {}
                Transport::ShutDownWrite => {
                    self.shut_down = true;
                    let _ = self.stream.shutdown(Shutdown::Write); // Fails if it is gone already.
                }
                Transport::Close => return Ok(Next::End),
            }
        }
        // 5. Go on if there may be more to read, or else wait. While it waits, a connection that
        //    has nothing to write keeps nothing on the heap.
        if self.may_read() {
            return Ok(Next::Again);
        }
        self.stage.output().release();
        Ok(Next::Wait(self.stage.poll_timeout(now)))
    }

    fn may_read(&mut self) -> bool {
        self.readable && self.stage.output().len() <= HIGH_WATER
    }

    fn read(
        &mut self,
        buf: &mut [u8],
        now: Instant,
        policy: &OriginPolicy,
    ) -> Result<(), Box<dyn Error>> {
        let len = match self.stream.read(buf) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                return Ok(());
            }
            result => result?,
        };
        if len == 0 {
            self.readable = false;
            match &mut self.stage {
                // What is in its output is still written: the client may have ended only its own
                // direction.
                Stage::Connected(connection) => {
                    connection.receive_eof();
                }
                Stage::Handshake(_) | Stage::Refused { .. } => self.stage = Stage::over(),
            }
            return Ok(());
        }
        let mut input = Input::new(&mut buf[..len]);
        if let Stage::Handshake(handshake) = &mut self.stage {
            match handshake.receive(&mut input) {
                Ok(Some(upgrade)) => self.stage = decide(upgrade, now, policy)?,
                Ok(None) => {}
                Err(error) => {
                    report(format_args!("{}: {error}", self.address));
                    self.stage = Stage::refused(mem::take(handshake.output()), now);
                }
            }
        }
        // Frames may have come together with the handshake: they are still in the input.
        if let Stage::Connected(connection) = &mut self.stage {
            let state = connection.state();
            loop {
                match connection.receive(&mut input) {
                    Ok(Some(event)) => echo(connection, event)?,
                    Ok(None) => break,
                    // Not the end: the output holds a Close that tells the client. What it sends
                    // until the transport is closed gives the same error again.
                    Err(_) if state == State::Failed => break,
                    Err(error) => {
                        report(format_args!("{}: {error}", self.address));
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) {
        match &mut self.stage {
            Stage::Connected(connection) => {
                if let Some(timeout) = connection.handle_timeout(now) {
                    report(format_args!("{}: timeout: {timeout:?}", self.address));
                }
            }
            Stage::Handshake(handshake) => {
                if let Err(error) = handshake.handle_timeout(now) {
                    report(format_args!("{}: {error}", self.address));
                    self.stage = Stage::refused(mem::take(handshake.output()), now);
                }
            }
            Stage::Refused { deadline, .. } => {
                if deadline.is_some_and(|deadline| deadline <= now) {
                    self.stage = Stage::over();
                }
            }
        }
    }

    /// Writes until nothing is left or the socket takes no more; returns whether nothing is left.
    fn write(&mut self) -> io::Result<bool> {
        loop {
            let output = self.stage.output();
            if output.is_empty() {
                return Ok(true);
            }
            // Many small messages are one slice, a large one that was given away is its own.
            let mut slices = [IoSlice::new(&[]); 16];
            let count = output.chunks_vectored(&mut slices);
            match self.stream.write_vectored(&slices[..count]) {
                Ok(len) => output.advance(len),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Stage {
    fn refused(response: Output, now: Instant) -> Self {
        Self::Refused { response, deadline: Some(now + REFUSAL_TIMEOUT) }
    }

    fn over() -> Self {
        Self::Refused { response: Output::default(), deadline: None }
    }

    fn output(&mut self) -> &mut Output {
        match self {
            Self::Connected(connection) => connection.output(),
            Self::Handshake(handshake) => handshake.output(),
            Self::Refused { response, .. } => response,
        }
    }

    fn transport(&self) -> Transport {
        match self {
            Self::Connected(connection) => connection.transport(),
            Self::Handshake(_) => Transport::Open,
            Self::Refused { deadline: Some(_), .. } => Transport::ShutDownWrite,
            Self::Refused { deadline: None, .. } => Transport::Close,
        }
    }

    fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
        match self {
            Self::Connected(connection) => connection.poll_timeout(now),
            Self::Handshake(handshake) => handshake.poll_timeout(now),
            Self::Refused { deadline, .. } => *deadline,
        }
    }
}

/// Says what went wrong with one connection, if anybody listens: the others are not to suffer from a
/// standard error that is closed.
fn report(what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{what}");
}

/// Accepts or rejects a valid request. A server that has to find out first would keep the
/// [`Upgrade`], and what is left of the input behind it, in a stage of its own.
fn decide(upgrade: Upgrade, now: Instant, policy: &OriginPolicy) -> Result<Stage, Box<dyn Error>> {
    if upgrade.check_origin(policy).is_err() {
        return Ok(Stage::refused(upgrade.reject(Rejection::forbidden()), now));
    }
    // The response is the first thing in the output of the connection.
    Ok(Stage::Connected(upgrade.accept(Acceptance::new())?))
}

/// Sends a message back. Pings and Closes are answered by the connection itself.
fn echo(connection: &mut Connection, event: Event<'_>) -> Result<(), SendError> {
    if connection.state() != State::Open {
        return Ok(()); // What arrives behind our own Close cannot be answered any more.
    }
    match event {
        Event::Text(text) => connection.send_text(text),
        Event::Binary(payload) => connection.send_binary(payload),
        _ => Ok(()),
    }
}

/// One read: some hundreds of small messages, or a piece of a large one.
const BUFFER_SIZE: usize = 64 << 10;

/// How many octets may wait for a client before no more is read from it.
const HIGH_WATER: usize = 64 << 10;

/// How long a client that may not connect is given to take the response and to leave.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Keys that are not those of peers.
const LISTENER: usize = usize::MAX;
const INTERRUPT: usize = usize::MAX - 1;
