//! WebSocket over blocking streams of the standard library.
//!
//! A [`WebSocket`] is a stream, a [`Connection`] and a read buffer. It takes no decision of the
//! protocol: the connection does. [`accept`] and [`client`] do the opening handshake over any
//! stream, `connect` (feature `connect`) opens a TCP connection first.
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
mod split;

mod stream;

use core::{fmt, time::Duration};
use std::io::{self, ErrorKind, IoSlice, Read, Write};

#[cfg(feature = "connect")]
pub use connect::{Connector, connect};
pub use handshake::{Incoming, accept, client};

pub use split::{Reader, Writer};
pub use stream::{Plain, Stream};

use crate::{
    CloseCode, Connection, EndOfStream, Message, Output, Payload, State, Timeout, Transport,
    adapter::{self, Batch, Clock, Error, HIGH_WATER, Inbox},
};

/// A connection over a blocking stream.
///
/// Receiving with [`fill`](Self::fill) lends the events of a read, [`read`](Self::read) gives whole
/// messages away. Both write what is queued before they wait, answers to Pings and Closes among it,
/// and drive the timers of the [`Config`](crate::Config) as far as the stream knows
/// [timeouts](Stream::set_read_timeout). They return `None` when the connection has ended;
/// [`end`](Self::end) tells how.
///
/// A single thread cannot read while a write blocks: two ends that both write more than the sockets
/// between them hold, and do not read, wait for one another. [`split`](Self::split) the connection
/// where that can happen.
///
/// Dropping it aborts the connection, without a Close.
pub struct WebSocket<S> {
    stream: S,
    connection: Connection,
    inbox: Inbox,
    clock: Clock,
    // The write side was shut down, or failed.
    write_over: bool,
    // It failed, or was given up: whoever writes is told, though it may have happened to who reads.
    write_failed: bool,
    read_timeout: Option<Duration>,
    timeout: Option<Timeout>,
}

impl<S: Stream> WebSocket<S> {
    /// Makes a WebSocket of a stream and a connection whose handshake is done.
    pub fn new(stream: S, connection: Connection) -> Self {
        Self::with_inbox(stream, connection, Inbox::default(), Clock::start())
    }

    pub(crate) fn with_inbox(
        stream: S,
        connection: Connection,
        inbox: Inbox,
        clock: Clock,
    ) -> Self {
        // Not all streams know timeouts; then a write waits as long as it takes.
        let _ = stream.set_write_timeout(adapter::write_timeout(connection.config()));
        let _ = stream.set_read_timeout(None);
        Self {
            stream,
            connection,
            inbox,
            clock,
            write_over: false,
            write_failed: false,
            read_timeout: None,
            timeout: None,
        }
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
    /// failed. A stream that is not blocking, or has a timeout of its own, fails with
    /// [`WouldBlock`](ErrorKind::WouldBlock) or [`TimedOut`](ErrorKind::TimedOut): nothing is lost
    /// then, and the call may be repeated.
    pub fn fill(&mut self) -> Result<Option<Batch<'_>>, Error> {
        while !self.inbox.has_input() || self.connection.output().len() > HIGH_WATER {
            if !self.step()? {
                return adapter::finish(&mut self.inbox, &mut self.timeout).map(|()| None);
            }
        }
        Ok(Some(Batch::new(&mut self.connection, &mut self.inbox)))
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

    /// Queues a message and writes all that is queued.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] when the message is refused, [`Error::Io`] when the stream fails, or takes
    /// nothing for `ping_interval` and `pong_timeout` ([`WouldBlock`](ErrorKind::WouldBlock) or
    /// [`TimedOut`](ErrorKind::TimedOut)): the message is queued then, and it is [`flush`](Self::flush)
    /// that may be repeated, not this call.
    pub fn send<'a>(&mut self, payload: impl Into<Payload<'a>>) -> Result<(), Error> {
        self.connection.send(payload)?;
        self.flush()
    }

    /// Writes all that is queued.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the stream fails.
    pub fn flush(&mut self) -> Result<(), Error> {
        Ok(self.write()?)
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
        if self.connection.state() == State::Open {
            self.connection.close(code, reason)?;
        }
        while let Some(mut batch) = self.fill()? {
            while batch.next().is_some() {}
        }
        Ok(self.end().unwrap_or(EndOfStream::Torn))
    }

    /// Returns the connection, to ask for its state.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the connection, to queue something without writing it at once.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Returns how the connection ended, once it has.
    pub fn end(&self) -> Option<EndOfStream> {
        self.connection.end()
    }

    /// Returns the stream.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Gives the stream back, which aborts the connection if it has not ended.
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// Writes what is queued, then reads once; returns whether there may be more to come.
    fn step(&mut self) -> Result<bool, Error> {
        if self.connection.has_received() && !self.inbox.has_input() {
            // It is parsed by now: a Pong in it is not late.
            self.pass_time();
        }
        match self.write() {
            Err(error) if is_retry(&error) && self.connection.state() != State::Closed => {
                return Err(error.into());
            }
            // What the peer sent before the stream failed is still to be read.
            Err(_) | Ok(()) => {}
        }
        if self.inbox.has_input() {
            return Ok(true);
        }
        match self.connection.transport() {
            Transport::Open => {}
            Transport::ShutDownWrite => self.shutdown(),
            Transport::Close => {
                self.shutdown();
                return Ok(false);
            }
        }
        self.arm()?;
        match read(&mut self.stream, &mut self.inbox) {
            Err(error) if is_retry(&error) && self.read_timeout.is_some() => {}
            Err(error) if is_retry(&error) => return Err(error.into()),
            result => adapter::received(result, &mut self.connection, &mut self.inbox)?,
        }
        if !self.inbox.has_input() {
            self.pass_time();
        }
        Ok(true)
    }

    /// Writes all that is queued; once the connection is closing, at most until it gives up.
    fn write(&mut self) -> io::Result<()> {
        if self.write_over {
            let output = self.connection.output();
            let lost = self.write_failed || !output.is_empty();
            output.clear();
            return if lost { Err(ErrorKind::BrokenPipe.into()) } else { Ok(()) };
        }
        let result = self.write_some();
        self.write_over = result.as_ref().is_err_and(|error| !is_retry(error));
        self.write_failed |= self.write_over;
        result
    }

    fn write_some(&mut self) -> io::Result<()> {
        while self.connection.has_output() && self.connection.state() != State::Open {
            let now = self.clock.now();
            let deadline = self.connection.poll_timeout(now);
            let timeout = deadline.map(|deadline| (deadline - now).max(MIN_TIMEOUT));
            let timed = self.stream.set_write_timeout(timeout)?;
            match write_once(&mut self.stream, self.connection.output()) {
                Err(error) if is_retry(&error) && timed => {}
                result => result?,
            }
            if self.pass_time() == Some(Timeout::Close) {
                // The peer did not take it within the time to close.
                return Err(ErrorKind::TimedOut.into());
            }
        }
        loop {
            write_all(&mut self.stream, self.connection.output())?;
            // What was written has made room for the Pong that is owed to a flood of Pings.
            if !self.connection.has_output() {
                return Ok(());
            }
        }
    }

    fn shutdown(&mut self) {
        if !self.write_over {
            self.write_over = true;
            // Fails when the peer was faster.
            let _ = self.stream.shutdown_write();
        }
    }

    fn pass_time(&mut self) -> Option<Timeout> {
        let left = self.connection.has_output();
        let timeout = self.connection.handle_timeout(self.clock.now())?;
        self.timeout.get_or_insert(timeout);
        // What the peer did not take within the time to close is dropped.
        self.write_failed |= left && timeout == Timeout::Close;
        Some(timeout)
    }

    /// Limits the next read to the time until the next deadline.
    fn arm(&mut self) -> io::Result<()> {
        let now = self.clock.now();
        let deadline = self.connection.poll_timeout(now);
        let timeout = deadline.map(|deadline| (deadline - now).max(MIN_TIMEOUT));
        let fits = match (timeout, self.read_timeout) {
            // On a busy connection the deadline moves away with every read, and the timeout that is
            // set does: that saves a system call a read. Somewhat late is no harm, for a timer that
            // asks whether the peer is still there; early is none at all.
            (Some(timeout), Some(set)) => set <= timeout + timeout / 256 && set >= timeout / 2,
            (timeout, set) => timeout == set,
        };
        if !fits && self.stream.set_read_timeout(timeout)? {
            self.read_timeout = timeout;
        }
        Ok(())
    }
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// Reads once into the empty buffer.
fn read<S: Read>(stream: &mut S, inbox: &mut Inbox) -> io::Result<usize> {
    loop {
        match stream.read(inbox.buffer()) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => {
                inbox.filled(*result.as_ref().unwrap_or(&0));
                return result;
            }
        }
    }
}

/// Writes all that is queued.
fn write_all<W: Write>(stream: &mut W, output: &mut Output) -> io::Result<()> {
    while !output.is_empty() {
        write_once(stream, output)?;
    }
    // Also when there was nothing: a stream may hold what it could not pass on the last time.
    loop {
        match stream.flush() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Writes what the stream takes, several chunks at a time.
#[allow(clippy::indexing_slicing, reason = "no more slices are set than there are")]
fn write_once<W: Write>(stream: &mut W, output: &mut Output) -> io::Result<()> {
    let chunk = output.chunk();
    let written = if chunk.len() == output.len() {
        // For a single chunk the kernel takes a third less time without a list of them.
        stream.write(chunk)
    } else {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let count = output.chunks_vectored(&mut slices);
        stream.write_vectored(&slices[..count])
    };
    match written {
        Ok(0) => Err(ErrorKind::WriteZero.into()),
        Ok(len) => {
            output.advance(len);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns whether an error only says that it is not yet time.
fn is_retry(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// How many slices a vectored write gets at most.
const MAX_SLICES: usize = 16;

/// The shortest timeout of a read: sockets take zero for none.
const MIN_TIMEOUT: Duration = Duration::from_millis(1);
