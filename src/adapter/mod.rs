//! What the adapters for std and tokio have in common.

mod batch;
#[cfg(feature = "connect")]
mod connect;
mod date;
mod error;

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;
use std::{
    io::{self, ErrorKind},
    time,
};

use crate::{
    Config, Connection, Event, Input, Output, ProtocolError, ReceiveHalf, State, Timeout,
    handshake::{ClientHandshake, Established, HandshakeError, ServerHandshake, Upgrade},
    time::Instant,
};

pub use batch::Batch;
#[cfg(feature = "connect")]
pub(crate) use connect::{Ended, LimitedRace, Next, Opened};
pub(crate) use date::{refusal, response};
pub use error::Error;

/// What was read and is not parsed, and what was parsed and is not delivered.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    buf: Vec<u8>,
    // The octets of `buf` in front of `end` came from the peer, the last `unread` of them are not
    // parsed.
    end: usize,
    unread: usize,
    // What arrived while the connection had to be written to.
    events: VecDeque<Event<'static>>,
    events_len: usize,
    failed: Option<ProtocolError>,
}

/// A machine that takes input: a connection or its receiving half.
pub(crate) trait Receive {
    fn receive<'buf>(
        &mut self,
        input: &mut Input<'buf>,
    ) -> Result<Option<Event<'buf>>, ProtocolError>;
    fn receive_eof(&mut self);
    fn state(&self) -> State;
}

impl Inbox {
    /// Returns the empty buffer, with room to read into.
    #[cfg(feature = "tokio")]
    pub(crate) fn empty_buffer(&mut self) -> &mut Vec<u8> {
        self.buf.clear();
        self.buf.reserve_exact(READ_SIZE);
        &mut self.buf
    }

    /// Returns the buffer as octets that can be overwritten.
    pub(crate) fn buffer(&mut self) -> &mut [u8] {
        if self.buf.len() < READ_SIZE {
            self.buf.resize(READ_SIZE, 0);
        }
        &mut self.buf
    }

    /// Takes note that the first `len` octets of the buffer have been read.
    pub(crate) fn filled(&mut self, len: usize) {
        self.end = len;
        self.unread = len;
    }

    /// Gives what was read to a handshake; what follows its head stays.
    #[allow(clippy::indexing_slicing, reason = "what was read lies in the buffer")]
    pub(crate) fn shake<H: Handshake>(
        &mut self,
        handshake: &mut H,
    ) -> Result<Option<H::Done>, HandshakeError> {
        let mut input = Input::new(&mut self.buf[self.end - self.unread..self.end]);
        let done = handshake.receive(&mut input);
        self.unread = input.len();
        done
    }

    /// Gives the buffer back, since nothing is there to be read.
    #[cfg(feature = "tokio")]
    pub(crate) fn release(&mut self) {
        if self.unread == 0 {
            self.buf = Vec::new();
            self.end = 0;
        }
    }

    /// Returns whether there is anything to deliver.
    pub(crate) fn has_input(&self) -> bool {
        self.unread != 0 || !self.events.is_empty()
    }

    /// Returns whether the peer broke the protocol, and nobody was told yet.
    #[cfg(feature = "tokio")]
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Parses what was read into events that wait to be delivered.
    #[cfg(feature = "tokio")]
    #[allow(clippy::indexing_slicing, reason = "what was read lies in the buffer")]
    pub(crate) fn parse<M: Receive>(&mut self, machine: &mut M) {
        let mut buf = core::mem::take(&mut self.buf);
        let mut input = Input::new(&mut buf[self.end - self.unread..self.end]);
        // A few octets can be large messages that were compressed.
        while !self.is_full() {
            match machine.receive(&mut input) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    self.events_len += event.payload_len();
                    self.events.push_back(event.into_owned());
                }
                Err(error) => {
                    self.failed.get_or_insert(error);
                    input.take(usize::MAX);
                    break;
                }
            }
        }
        self.unread = input.len();
        self.buf = buf;
    }

    /// Returns whether so much waits to be delivered that reading should stop.
    #[cfg(feature = "tokio")]
    pub(crate) fn is_full(&self) -> bool {
        self.events_len >= READ_AHEAD || self.events.len() >= READ_AHEAD / 64
    }
}

/// An opening handshake in either role.
pub(crate) trait Handshake {
    /// What it leads to.
    type Done;

    fn receive(&mut self, input: &mut Input<'_>) -> Result<Option<Self::Done>, HandshakeError>;
    fn receive_eof(&mut self) -> HandshakeError;
    fn output(&mut self) -> &mut Output;
    fn poll_timeout(&mut self, now: Instant) -> Option<Instant>;
    fn handle_timeout(&mut self, now: Instant) -> Result<(), HandshakeError>;
}

macro_rules! impl_handshake {
    ($handshake:ty => $done:ty) => {
        impl Handshake for $handshake {
            type Done = $done;

            fn receive(
                &mut self,
                input: &mut Input<'_>,
            ) -> Result<Option<Self::Done>, HandshakeError> {
                self.receive(input)
            }

            fn receive_eof(&mut self) -> HandshakeError {
                self.receive_eof()
            }

            fn output(&mut self) -> &mut Output {
                self.output()
            }

            fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
                self.poll_timeout(now)
            }

            fn handle_timeout(&mut self, now: Instant) -> Result<(), HandshakeError> {
                self.handle_timeout(now)
            }
        }
    };
}

impl_handshake!(ClientHandshake => Established);
impl_handshake!(ServerHandshake => Upgrade);

macro_rules! impl_receive {
    ($machine:ty) => {
        impl Receive for $machine {
            #[inline]
            fn receive<'buf>(
                &mut self,
                input: &mut Input<'buf>,
            ) -> Result<Option<Event<'buf>>, ProtocolError> {
                self.receive(input)
            }

            fn receive_eof(&mut self) {
                self.receive_eof();
            }

            fn state(&self) -> State {
                self.state()
            }
        }
    };
}

impl_receive!(Connection);
impl_receive!(ReceiveHalf);

/// The clock of an adapter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: time::Instant::now() }
    }

    pub(crate) fn now(self) -> Instant {
        Instant::from_origin(self.origin.elapsed())
    }
}

/// Takes note of what a read has brought.
pub(crate) fn received<M: Receive>(
    result: io::Result<usize>,
    machine: &mut M,
    inbox: &mut Inbox,
) -> io::Result<()> {
    let state = machine.state();
    match result {
        Ok(0) => {
            machine.receive_eof();
        }
        // After the peer's Close or a failure nothing is looked at any more.
        Ok(_) if !matches!(state, State::Open | State::CloseSent) => inbox.filled(0),
        Ok(_) => {}
        Err(error) => {
            machine.receive_eof();
            // Behind a Close a reset is an end like any other, and so is the end of a TLS stream
            // that was not announced.
            if state == State::Open && error.kind() != ErrorKind::UnexpectedEof {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Returns what ended the connection, if it is an error.
pub(crate) fn finish(inbox: &mut Inbox, timeout: &mut Option<Timeout>) -> Result<(), Error> {
    if let Some(error) = inbox.failed.take() {
        return Err(error.into());
    }
    match timeout.take() {
        Some(timeout @ (Timeout::Message | Timeout::Pong)) => Err(Error::Timeout(timeout)),
        Some(Timeout::Close | Timeout::Idle) | None => Ok(()),
    }
}

/// Returns for how long a blocking write may make no progress: as long as a peer may be silent.
pub(crate) fn write_timeout(config: &Config) -> Option<Duration> {
    Some(config.ping_interval?.saturating_add(config.pong_timeout?))
}

/// How many octets are read at once: a batch of small messages, or a piece of a large one that is
/// still in the first cache when it is unmasked and copied.
const READ_SIZE: usize = 32 << 10;

/// How many octets of messages are read ahead while the peer does not take what is sent to it.
#[cfg(feature = "tokio")]
const READ_AHEAD: usize = 64 << 10;

/// Returns how many octets may wait when a message is queued that can wait itself: none where they
/// would take up much of the room that it may need.
#[cfg(feature = "tokio")]
pub(crate) fn low_water(config: &Config) -> usize {
    if config.max_output / 2 < HIGH_WATER { 0 } else { HIGH_WATER }
}

/// How many octets may wait to be written before no more is read.
pub(crate) const HIGH_WATER: usize = 64 << 10;

/// Returns what to connect to, for a URI that needs no TLS.
#[cfg(feature = "connect")]
pub(crate) fn host_and_port(uri: &crate::handshake::Uri) -> Result<(&str, u16), Error> {
    if uri.is_secure() {
        return Err(Error::TlsRequired);
    }
    // A literal IPv6 address is resolved without its brackets.
    let host = uri.host();
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    Ok((literal.unwrap_or(host), uri.port()))
}

/// Returns a seed from the operating system's generator.
#[cfg(feature = "connect")]
pub(crate) fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    Ok(seed)
}
