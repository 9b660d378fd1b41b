//! framewise: on an event loop, over its adapter for tokio in two ways, and on threads.

use std::{
    error::Error,
    io::{self, ErrorKind, IoSlice, Read as _, Write as _},
    net::{Shutdown, TcpListener},
    sync::Arc,
    time::{self, Duration},
};

use framewise::{
    Config, Connection, Event, Input, Output, SendError, Transport, blocking,
    handshake::{Acceptance, ServerHandshake},
    time::Instant,
    tokio as websocket,
};
use mio::{
    Events, Interest, Poll, Token,
    event::Event as Readiness,
    net::{TcpListener as MioListener, TcpStream as MioStream},
};
use slab::Slab;
use tokio::net::TcpStream;

use super::{Ended, on_threads, on_tokio};

pub(super) fn tokio_batch(listener: TcpListener) -> io::Result<()> {
    let config = Arc::new(Config::default());
    on_tokio(listener, move |stream| echo_batch(stream, Arc::clone(&config)))
}

pub(super) fn tokio(listener: TcpListener) -> io::Result<()> {
    let config = Arc::new(Config::default());
    on_tokio(listener, move |stream| echo(stream, Arc::clone(&config)))
}

async fn echo_batch(stream: TcpStream, config: Arc<Config>) -> Ended {
    let incoming = websocket::accept(stream, config).await?;
    let mut websocket = incoming.accept(Acceptance::new()).await?;
    while let Some(mut batch) = websocket.fill().await? {
        while let Some(event) = batch.next() {
            answer(batch.connection_mut(), event)?;
        }
    }
    Ok(())
}

async fn echo(stream: TcpStream, config: Arc<Config>) -> Ended {
    let incoming = websocket::accept(stream, config).await?;
    let mut websocket = incoming.accept(Acceptance::new()).await?;
    while let Some(message) = websocket.read().await? {
        websocket.send(message).await?;
    }
    Ok(())
}

pub(super) fn threads(listener: TcpListener) -> io::Result<()> {
    on_threads(listener, |stream| {
        let incoming = blocking::accept(stream, Config::default())?;
        let mut websocket = incoming.accept(Acceptance::new())?;
        while let Some(mut batch) = websocket.fill()? {
            while let Some(event) = batch.next() {
                answer(batch.connection_mut(), event)?;
            }
        }
        Ok(())
    })
}

/// Sends a message back.
fn answer(connection: &mut Connection, event: Event<'_>) -> Result<(), SendError> {
    match event {
        Event::Text(text) => connection.send_text(text),
        Event::Binary(payload) => connection.send_binary(payload),
        _ => Ok(()), // Pings and Closes are answered by the connection itself.
    }
}

/// A lean form of `examples/echo_server_mio.rs`: one thread, one read buffer for all connections.
///
/// It looks at the timers of all connections once a second, and so asks for the time and touches
/// timers only then; for keep-alives of 20 s that is exact enough. Clients with requests that are
/// not valid are dropped without the response that the example sends.
pub(super) fn event_loop(listener: TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut server = Server {
        poll: Poll::new()?,
        listener: MioListener::from_std(listener),
        config: Arc::new(Config::default()),
        peers: Slab::new(),
        buf: vec![0; BUFFER_SIZE],
    };
    server.poll.registry().register(&mut server.listener, LISTENER, Interest::READABLE)?;
    server.serve()
}

struct Server {
    poll: Poll,
    listener: MioListener,
    config: Arc<Config>,
    peers: Slab<Peer>,
    buf: Vec<u8>,
}

struct Peer {
    stream: MioStream,
    stage: Stage,
}

#[allow(clippy::large_enum_variant, reason = "most are connected, and then it is no box away")]
enum Stage {
    // Boxed, since it is large and soon gone.
    Handshake(Box<ServerHandshake>),
    Connected(Connection),
}

impl Server {
    fn serve(&mut self) -> io::Result<()> {
        let origin = time::Instant::now();
        let mut events = Events::with_capacity(1024);
        let mut next_sweep = Duration::ZERO;
        loop {
            let now = origin.elapsed();
            if now >= next_sweep {
                self.sweep(Instant::from_origin(now));
                next_sweep = now + SWEEP;
            }
            self.poll.poll(&mut events, Some(next_sweep - now))?;
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    Token(key) => {
                        if !self.peers[key].drive(&mut self.buf, event).unwrap_or(false) {
                            self.peers.remove(key);
                        }
                    }
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let entry = self.peers.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(entry.key()), interest)?;
            let handshake = Box::new(ServerHandshake::new(Arc::clone(&self.config)));
            entry.insert(Peer { stream, stage: Stage::Handshake(handshake) });
        }
    }

    fn sweep(&mut self, now: Instant) {
        self.peers.retain(|_, peer| peer.handle_timeout(now).unwrap_or(false));
    }
}

impl Peer {
    /// Reads, answers and writes; returns whether the connection goes on.
    fn drive(&mut self, buf: &mut [u8], event: &Readiness) -> Result<bool, Box<dyn Error>> {
        let mut drained = false;
        // A client that does not take its answers is not read from: there is an event when it does.
        while self.write()? {
            match self.transport() {
                Transport::Open => {}
                // Fails if it is gone already.
                Transport::ShutdownWrite => drop(self.stream.shutdown(Shutdown::Write)),
                Transport::Close => return Ok(false),
            }
            if drained {
                // What waits holds nothing.
                self.output().release();
                break;
            }
            match self.stream.read(buf) {
                Ok(0) => {
                    drained = true;
                    match &mut self.stage {
                        Stage::Connected(connection) => drop(connection.receive_eof()),
                        Stage::Handshake(_) => return Ok(false),
                    }
                }
                Ok(len) => {
                    // A read that does not fill the buffer has emptied the socket, and there will
                    // be an event when there is more; but not for an end that this one tells of.
                    drained = len < buf.len() && !event.is_read_closed();
                    self.receive(&mut buf[..len])?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => drained = true,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn receive(&mut self, bytes: &mut [u8]) -> Result<(), Box<dyn Error>> {
        let mut input = Input::new(bytes);
        if let Stage::Handshake(handshake) = &mut self.stage
            && let Some(upgrade) = handshake.receive(&mut input)?
        {
            self.stage = Stage::Connected(upgrade.accept(Acceptance::new())?);
        }
        if let Stage::Connected(connection) = &mut self.stage {
            // A failure is no reason to stop: the output holds a Close that tells the client.
            while let Ok(Some(event)) = connection.receive(&mut input) {
                answer(connection, event)?;
            }
        }
        Ok(())
    }

    /// Writes until nothing is left or the socket takes no more; returns whether nothing is left.
    fn write(&mut self) -> io::Result<bool> {
        let Self { stream, stage } = self;
        let output = stage.output();
        while !output.is_empty() {
            let mut slices = [IoSlice::new(&[]); 16];
            let count = output.chunks_vectored(&mut slices);
            match stream.write_vectored(&slices[..count]) {
                Ok(len) => output.advance(len),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<bool, Box<dyn Error>> {
        match &mut self.stage {
            Stage::Connected(connection) => drop(connection.handle_timeout(now)),
            Stage::Handshake(handshake) => handshake.handle_timeout(now)?,
        }
        Ok(!self.write()? || self.transport() != Transport::Close)
    }

    fn output(&mut self) -> &mut Output {
        self.stage.output()
    }

    fn transport(&self) -> Transport {
        match &self.stage {
            Stage::Connected(connection) => connection.transport(),
            Stage::Handshake(_) => Transport::Open,
        }
    }
}

impl Stage {
    fn output(&mut self) -> &mut Output {
        match self {
            Self::Connected(connection) => connection.output(),
            Self::Handshake(handshake) => handshake.output(),
        }
    }
}

const LISTENER: Token = Token(usize::MAX);

const BUFFER_SIZE: usize = 64 << 10;

/// How often the timers are looked at.
const SWEEP: Duration = Duration::from_secs(1);
