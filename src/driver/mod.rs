//! The loop between a connection and a transport, as a machine.
//!
//! A [`Connection`](crate::Connection) turns bytes into events and messages into bytes. Something has
//! to move those bytes, and to decide when to write, flush, read, look at the clock, shut down and give
//! up. A [`Driver`] takes these decisions for any transport, without I/O, a clock or a runtime. A
//! *binding* does what [`Driver::next`] says, and reports how it went:
//!
//! | step | a binding calls | and reports |
//! |---|---|---|
//! | [`Write`](Step::Write) | `transport.write(driver.output().chunk())` | [`wrote`](Writes::wrote), [`write_pending`](Writes::write_pending) or [`write_failed`](Writes::write_failed) |
//! | [`Flush`](Step::Flush) | `transport.flush()` | [`flushed`](Writes::flushed), `write_pending` or `write_failed` |
//! | [`ShutDown`](Step::ShutDown) | `transport.shutdown()` | [`shut_down`](Writes::shut_down), even when it failed, or `write_pending` |
//! | [`Read`](Step::Read) | `transport.read(driver.buffer())` | [`read`](Reads::read), [`read_pending`](Reads::read_pending) or [`read_failed`](Reads::read_failed) |
//! | [`Time`](Step::Time) | the clock | [`time`](Reads::time) |
//! | [`Wait`](Step::Wait) | waits for the transport, or for the deadline | [`resume`](Driver::resume) |
//! | [`Ready`](Step::Ready), [`Ended`](Step::Ended) | returns to the program | |
//!
//! One state makes all styles of I/O the same: *pending*. What is pending is not asked for again
//! before [`resume`](Driver::resume), [`readable`](Reads::readable) or [`writable`](Writes::writable).
//!
//! - **Poll-style** runtimes (tokio, async-io) resume at each poll.
//! - **Readiness** events (mio) say `readable` or `writable`.
//! - **Completions** (io_uring) take what is in flight with [`take_output`](Writes::take_output) and
//!   [`take_buffer`](Reads::take_buffer), and put it back when the transport is done. They never
//!   resume: what is in flight stays pending, and after `Wait` they only tell the time.
//! - **Blocking** threads call [`deadline`](Reads::deadline) before they block, and resume after
//!   `Wait`. They are [half duplex](Driver::set_half_duplex).
//!
//! With the feature `std`, `polled` is a finished loop for asynchronous runtimes: they bring a stream, a
//! clock and a timer.
//!
//! The drivers follow a connection through its life: a [`HandshakeDriver`] opens it or refuses it, and a
//! [`Driver`] runs it. With the feature `std` a driver splits into a `ReceiveDriver` and a `SendDriver`
//! for two tasks or threads. [`manual::faults`](crate::manual::faults) lists every decision that they
//! take.
//!
//! # Example
//!
//! A binding to blocking streams without timeouts, and a server over it that echoes:
//!
//! ```
//! use std::{io::{self, Read, Write}, time};
//! use framewise::{Config, Connection, Event, time::Instant};
//! use framewise::driver::{Driver, Goal, Reads as _, Step, Writes as _};
//!
//! /// Moves bytes until `goal` is reached. Returns `false` when the connection has ended.
//! fn drive<S: Read + Write>(
//!     driver: &mut Driver,
//!     goal: Goal,
//!     stream: &mut S,
//!     origin: time::Instant,
//! ) -> io::Result<bool> {
//!     loop {
//!         match driver.next(goal).map_err(io::Error::other)? {
//!             Step::Ready => return Ok(true),
//!             Step::Ended => return Ok(false),
//!             Step::Write => match stream.write(driver.output().chunk()) {
//!                 Ok(len) => driver.wrote(len),
//!                 Err(error) => driver.write_failed(error)?,
//!             },
//!             Step::Flush => match stream.flush() {
//!                 Ok(()) => driver.flushed(),
//!                 Err(error) => driver.write_failed(error)?,
//!             },
//!             Step::ShutDown => driver.shut_down(), // this stream knows no half-close
//!             Step::Read => match stream.read(driver.buffer()) {
//!                 Ok(len) => driver.read(len),
//!                 Err(error) => {
//!                     let unexpected_eof = error.kind() == io::ErrorKind::UnexpectedEof;
//!                     driver.read_failed(error, unexpected_eof)?;
//!                 }
//!             },
//!             Step::Time => driver.time(Instant::from_origin(origin.elapsed())),
//!             _ => driver.resume(),
//!         }
//!     }
//! }
//!
//! # struct Stream(&'static [u8], Vec<u8>);
//! # impl Read for Stream { fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> { self.0.read(buf) } }
//! # impl Write for Stream {
//! #     fn write(&mut self, buf: &[u8]) -> io::Result<usize> { self.1.write(buf) }
//! #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
//! # }
//! # let mut stream = Stream(b"\x81\x82\x00\x00\x00\x00hi\x88\x80\x00\x00\x00\x00", Vec::new());
//! let mut driver = Driver::new(Connection::server(Config::default()));
//! driver.set_half_duplex(true);
//! let origin = time::Instant::now();
//! while drive(&mut driver, Goal::Events, &mut stream, origin)? {
//!     let mut batch = driver.batch();
//!     while let Some(event) = batch.next() {
//!         if let Event::Text(text) = event {
//!             batch.send(text).map_err(io::Error::other)?;
//!         }
//!     }
//! }
//! # assert_eq!(stream.1, b"\x81\x02hi\x88\x00");
//! # Ok::<(), io::Error>(())
//! ```

// First, for the macros in it.
#[macro_use]
mod methods;

mod batch;
#[cfg(feature = "std")]
mod halves;
mod handshake;
mod inbox;
mod intake;
#[cfg(feature = "std")]
mod limit;
#[cfg(feature = "std")]
#[macro_use]
mod opening;
mod outlet;
#[cfg(feature = "std")]
mod shared;
#[cfg(feature = "tokio")]
mod tasks;
mod whole;

use core::{error, fmt};

use crate::{config::Config, connection::Timeout, error::ProtocolError, time::Instant};

#[cfg(feature = "std")]
pub use halves::{ReceiveDriver, SendDriver};
pub(crate) use outlet::Queue;
#[cfg(feature = "tokio")]
pub(crate) use tasks::{Sharers, Side as TaskSide, Tasks};
pub use {
    batch::Batch,
    handshake::{HandshakeDriver, Opening, Refusal, RequestHandshake, Unread},
    intake::Reads,
    outlet::Writes,
    whole::{Driver, Parts},
};
#[cfg(feature = "std")]
pub(crate) use {
    limit::{Blocked, Limit},
    shared::{Shared, Side, alone, joined},
};

/// What the caller of a driver waits for.
///
/// See [`Driver::next`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Goal {
    /// Events to handle, or the end of the connection. What is queued is written meanwhile.
    Events,
    /// All that is queued was written, and the transport has passed it on.
    Flush,
    /// The output has room for a message of so many bytes.
    Room(usize),
}

/// What to do next. See [the module](self) for how each step is done and reported.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// The goal is reached.
    Ready,
    /// The connection has ended.
    Ended,
    /// Write output.
    Write,
    /// Have the transport pass on what it took.
    Flush,
    /// Shut down the write side of the transport.
    ShutDown,
    /// Read.
    Read,
    /// Look at the clock.
    Time,
    /// Have the other half write its replies: only from a `ReceiveDriver`.
    Reply,
    /// Wait until something that is pending may be tried again, or for the deadline.
    Wait(Option<Instant>),
}

/// Why a driver failed.
///
/// Failures of the transport are not among them: a binding sees those itself.
///
/// ```
/// use framewise::driver::Error;
///
/// assert_eq!(Error::GaveUp.to_string(), "the peer took no output within the time to close");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// Output was dropped: the peer took none of it for [`Config::close_timeout`], or not all of it
    /// within [`Config::close_limit`], or the program aborted the connection. Returned once;
    /// [`Lost`](Self::Lost) from then on.
    GaveUp,
    /// Output was dropped before, because a write failed or the driver gave up.
    Lost,
    /// The peer broke the protocol, or exceeded a limit. It has been told.
    Protocol(ProtocolError),
    /// The peer fell silent, or a message took too long.
    Timeout(Timeout),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GaveUp => f.write_str("the peer took no output within the time to close"),
            Self::Lost => f.write_str("output was lost before"),
            Self::Protocol(error) => error.fmt(f),
            Self::Timeout(Timeout::Message) => f.write_str("a message took too long to arrive"),
            Self::Timeout(_) => f.write_str("the peer fell silent"),
        }
    }
}

/// The cause is part of the message, so it has no source but the cause's own.
impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Protocol(error) => error.source(),
            _ => None,
        }
    }
}

/// Returns how many bytes may be pending when a message is queued after them. None if they would take up
/// much of the room that the message may need.
fn backlog(config: &Config) -> usize {
    if config.max_output / 2 < HIGH_WATER { 0 } else { HIGH_WATER }
}

/// How many bytes may be pending before no more is read for the program.
const HIGH_WATER: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use alloc::{collections::BTreeSet, string::ToString as _};

    use super::*;

    #[test]
    fn each_error_says_something_else() {
        let errors = [
            Error::GaveUp,
            Error::Lost,
            Error::Protocol(ProtocolError::InvalidUtf8),
            Error::Timeout(Timeout::Message),
            Error::Timeout(Timeout::Pong),
        ];
        let texts: BTreeSet<_> = errors.iter().map(|error| error.to_string()).collect();
        assert!(texts.len() == errors.len() && !texts.contains(""), "{texts:?}");
    }

    #[test]
    fn a_backlog_leaves_room_for_a_message() {
        for (max_output, expected) in
            [(0, 0), (2 * HIGH_WATER - 1, 0), (2 * HIGH_WATER, HIGH_WATER), (32 << 20, 64 << 10)]
        {
            let config = Config { max_output, ..Config::default() };
            assert_eq!(backlog(&config), expected, "{max_output}");
        }
    }
}
