//! WebSocket over blocking streams of the standard library.
//!
//! A [`WebSocket`] is a stream and a [`Driver`]: it does what the driver says, and takes no decision
//! of its own. [`accept`] and [`client`] do the opening handshake over any stream, `connect` (feature
//! `connect`) opens a TCP connection first.
//!
//! ```no_run
//! use framewise::{Config, Message, blocking, handshake::Acceptance};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = std::net::TcpListener::bind("127.0.0.1:9001")?;
//! let (stream, _) = listener.accept()?;
//! let incoming = blocking::accept(stream, Config::default())?;
//! let mut websocket = incoming.accept(Acceptance::new())?;
//! while let Some(message) = websocket.read()? {
//!     websocket.send(message)?;
//! }
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "connect")]
mod connect;
mod handshake;
mod io;
mod split;
mod stream;

use core::{fmt, time::Duration};

#[cfg(feature = "connect")]
pub use connect::{Connector, connect};
pub use handshake::{Incoming, Requested, accept, client, receive_request};
pub use split::{Reader, Writer};
pub use stream::{Plain, Stream};

use self::io::Io;
use crate::{
    Batch, CloseCode, Connection, EndOfStream, Error, Message, Payload, State,
    adapter::Clock,
    driver::{self, Driver, Goal, Unread},
};

/// A connection over a blocking stream.
///
/// [`fill`](Self::fill) returns the events of a read, borrowed from the read buffer;
/// [`read`](Self::read) returns whole messages, owned. Both write what is queued before they wait,
/// answers to Pings and Closes included, and run the timers of the [`Config`](crate::Config) as far as
/// the stream knows [timeouts](Stream::set_read_timeout). They return `None` when the connection has
/// ended; [`end`](Self::end) tells how.
///
/// - **One thing at a time**: a thread cannot read while a write blocks. If both ends write more than
///   the sockets between them hold, and neither reads, the connection times out;
///   [`split`](Self::split) it. The peer's silence does not count while nobody reads.
/// - **Timeouts of the stream** are set by the WebSocket while a timer of the `Config` is on, and
///   replace those that the program has set. To wait for a message for a limited time, call
///   [`read_timeout`](Self::read_timeout).
/// - **A stream that is not blocking** makes the calls fail with
///   [`WouldBlock`](std::io::ErrorKind::WouldBlock) when nothing can be done. Nothing is lost, and the
///   call may be repeated (after `send`, repeat [`flush`](Self::flush)).
///
/// Dropping it aborts the connection, without a Close.
pub struct WebSocket<S> {
    io: Io<S>,
    driver: Driver,
}

/// What a [`WebSocket`] was made of. Made by [`WebSocket::into_parts`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Parts<S> {
    /// The stream.
    pub stream: S,
    /// The connection, and what was read and not delivered.
    pub driver: driver::Parts,
}

impl<S: Stream> WebSocket<S> {
    /// Makes a WebSocket of a stream and a connection whose handshake is done.
    pub fn new(stream: S, connection: Connection) -> Self {
        Self::with_unread(stream, connection, Unread::default())
    }

    /// Makes a WebSocket of a stream and a connection of which bytes were read already: what followed
    /// the handshake.
    pub fn with_unread(stream: S, connection: Connection, unread: impl Into<Unread>) -> Self {
        let driver = Driver::with_unread(connection, unread.into());
        Self::with_driver(Io::new(stream, Clock::start()), driver)
    }

    fn with_driver(io: Io<S>, mut driver: Driver) -> Self {
        driver.set_half_duplex(true);
        Self { io, driver }
    }

    /// Returns the events that are left of the last read; when there are none, writes what is queued
    /// and waits for input.
    ///
    /// Returns `None` when the connection has ended.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] when the peer broke the protocol, after it has been told and the stream
    /// has been shut down; [`Error::Timeout`] when it fell silent; [`Error::Io`] when the stream
    /// failed. A stream that is not blocking fails with
    /// [`WouldBlock`](std::io::ErrorKind::WouldBlock): nothing is lost then, and the call may be
    /// repeated.
    pub fn fill(&mut self) -> Result<Option<Batch<'_>>, Error> {
        Ok(if self.drive(Goal::Events)? { Some(self.driver.batch()) } else { None })
    }

    /// Returns the events that are there without reading, none if need be.
    pub fn batch(&mut self) -> Batch<'_> {
        self.driver.batch()
    }

    /// Returns the next message, `None` when the connection has ended.
    ///
    /// With [`Delivery::Chunks`](crate::Delivery::Chunks) each chunk is returned like a message.
    ///
    /// # Errors
    ///
    /// Those of [`fill`](Self::fill).
    pub fn read(&mut self) -> Result<Option<Message>, Error> {
        while let Some(mut batch) = self.fill()? {
            if let Some(message) = batch.next_message() {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Waits for a message as [`read`](Self::read) does, but at most for `patience`.
    ///
    /// Works with streams that know [timeouts](Stream::set_read_timeout).
    ///
    /// # Errors
    ///
    /// [`Error::Io`] of kind [`TimedOut`](std::io::ErrorKind::TimedOut) when none has come. Nothing is
    /// lost then. Otherwise those of [`fill`](Self::fill).
    pub fn read_timeout(&mut self, patience: Duration) -> Result<Option<Message>, Error> {
        self.io.until(patience);
        let read = self.read();
        self.io.until = None;
        read
    }

    /// Queues a message, writes all that is queued, and returns when the stream has flushed.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] when the message is refused; [`Error::Io`] when the stream fails, now or before,
    /// and of kind [`TimedOut`](std::io::ErrorKind::TimedOut) when the peer took nothing until the
    /// connection was given up. With [`WouldBlock`](std::io::ErrorKind::WouldBlock) the message is
    /// queued: repeat [`flush`](Self::flush), not this call.
    pub fn send<'a>(&mut self, payload: impl Into<Payload<'a>>) -> Result<(), Error> {
        self.feed(payload)?;
        self.flush()
    }

    /// Queues a message, to be written with the next ones.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] when the message is refused.
    pub fn feed<'a>(&mut self, payload: impl Into<Payload<'a>>) -> Result<(), Error> {
        Ok(self.connection_mut().send(payload)?)
    }

    /// Writes all that is queued, and returns when the stream has flushed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] as for [`send`](Self::send).
    pub fn flush(&mut self) -> Result<(), Error> {
        self.drive(Goal::Flush).map(drop)
    }

    /// Closes the connection: sends a Close, waits for the peer's and for the end of the stream, at
    /// most for [`Config::close_timeout`](crate::Config::close_timeout) where the stream knows
    /// timeouts.
    ///
    /// Messages that still arrive are dropped. To go on receiving them, call
    /// [`close`](Connection::close) on [`connection_mut`](Self::connection_mut) and then
    /// [`read`](Self::read) to the end. On a connection that is closing already, this waits for
    /// its end.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] when the code or the reason cannot be sent, and those of
    /// [`fill`](Self::fill).
    pub fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
    ) -> Result<EndOfStream, Error> {
        if self.connection().state() == State::Open {
            self.connection_mut().close(code, reason)?;
        }
        self.closed()
    }

    /// Waits for the end of the connection and returns how it ended. Messages that still arrive are
    /// dropped.
    ///
    /// # Errors
    ///
    /// Those of [`fill`](Self::fill).
    pub fn closed(&mut self) -> Result<EndOfStream, Error> {
        while let Some(mut batch) = self.fill()? {
            while batch.next().is_some() {}
        }
        Ok(self.end().unwrap_or(EndOfStream::Torn))
    }

    /// Returns the connection, to ask for its state.
    pub fn connection(&self) -> &Connection {
        self.driver.connection()
    }

    /// Returns the connection, to queue something without writing it at once.
    pub fn connection_mut(&mut self) -> &mut Connection {
        self.driver.connection_mut()
    }

    /// Returns how the connection ended, once it has.
    pub fn end(&self) -> Option<EndOfStream> {
        self.driver.end()
    }

    /// Returns the stream.
    pub fn stream(&self) -> &S {
        &self.io.stream
    }

    /// Returns the stream and drops the rest, which aborts the connection if it has not ended.
    ///
    /// What was read from the stream and not delivered is lost; [`into_parts`](Self::into_parts)
    /// returns it, too.
    pub fn into_inner(self) -> S {
        self.io.stream
    }

    /// Takes the WebSocket apart: the stream, the connection, and what was read and not delivered.
    pub fn into_parts(self) -> Parts<S> {
        Parts { stream: self.io.stream, driver: self.driver.into_parts() }
    }

    fn drive(&mut self, goal: Goal) -> Result<bool, Error> {
        self.driver.resume();
        self.io.drive(&mut self.driver, |driver| driver.next(goal))
    }
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("driver", &self.driver).finish_non_exhaustive()
    }
}
