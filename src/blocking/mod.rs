//! WebSocket over blocking streams of the standard library.
//!
//! A [`WebSocket`] is a stream and a [`Driver`]: it does what the driver says, and takes no decision
//! of its own. [`accept`] does the opening handshake of a server over any stream, [`accept_any`] also
//! accepts every request. With feature `connect`, `client` does that of a client, and `connect` opens a
//! TCP connection first. With feature `rustls`, `accept_tls` and `client_tls` do TLS before it.
//!
//! ```no_run
//! use framewise::{Config, blocking};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = std::net::TcpListener::bind("127.0.0.1:9001")?;
//! let (stream, _) = listener.accept()?;
//! let mut websocket = blocking::accept_any(stream, Config::default())?;
//! while let Some(message) = websocket.read()? {
//!     websocket.send(message)?;
//! }
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "connect")]
pub(crate) mod connect;
mod handshake;
mod io;
#[cfg(feature = "connect")]
mod reconnect;
mod split;
mod stream;
#[cfg(feature = "rustls")]
pub(crate) mod tls;
#[cfg(feature = "rustls")]
mod tls_stream;

use core::fmt;

pub use crate::adapter::Parts;
#[cfg(feature = "connect")]
pub use connect::{connect, connect_with};
#[cfg(feature = "connect")]
pub use handshake::client;
pub use handshake::{Incoming, Requested, accept, accept_any, client_with_seed, receive_request};
#[cfg(feature = "connect")]
pub use reconnect::Reconnect;
pub use split::{Reader, Writer};
#[cfg(feature = "connect")]
pub use stream::ClientStream;
pub use stream::{Plain, Stream};
#[cfg(all(feature = "connect", feature = "rustls"))]
pub use tls::client_tls;
#[cfg(feature = "rustls")]
pub use tls::{accept_tls, client_tls_with_seed, receive_request_tls};
#[cfg(feature = "rustls")]
pub use tls_stream::TlsStream;

use self::io::Io;
use crate::{
    adapter::{Clock, Error},
    connection::Connection,
    driver::{Driver, Goal, Unread},
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
///   [`into_split`](Self::into_split) it. The peer's silence does not count while nobody reads.
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

impl<S: Stream> WebSocket<S> {
    whole_methods!();
    state_methods!(.cloned());
    reading_methods!(Connection);
    blocking_methods!();
    writing_methods!();

    /// Makes a WebSocket of a stream and a connection whose first bytes were read already, with the
    /// handshake.
    pub fn with_unread(stream: S, connection: Connection, unread: impl Into<Unread>) -> Self {
        let driver = Driver::with_unread(connection, unread.into());
        Self::with_driver(Io::new(stream, Clock::start()), driver)
    }

    fn with_driver(io: Io<S>, mut driver: Driver) -> Self {
        driver.set_half_duplex(true);
        Self { io, driver }
    }

    /// Waits until there are events; returns whether there are, and will be.
    fn events(&mut self) -> Result<bool, Error> {
        self.goal(Goal::Events)
    }

    fn goal(&mut self, goal: Goal) -> Result<bool, Error> {
        self.driver.resume();
        self.io.drive(&mut self.driver, |driver| driver.next(goal))
    }
}

impl_debug!(WebSocket driver);
