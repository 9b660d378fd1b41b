//! WebSocket over the streams of any asynchronous runtime.
//!
//! A runtime brings a [`Stream`]: how its streams are read and written, its clock and its timer. That
//! is about fifty lines for streams that are polled, and a hundred for completions (`io_uring`). The
//! package `examples/runtimes` of the repository has one for smol and one for compio. For tokio, use the
//! module `tokio`: it also splits into halves, and implements `Stream` and `Sink`.
//!
//! Nothing here names a runtime: the futures are those of [`core::future`].
//!
//! ```no_run
//! use framewise::{Config, polled};
//!
//! # async fn serve(stream: impl polled::Stream) -> Result<(), framewise::Error> {
//! let mut websocket = polled::accept_any(stream, Config::default()).await?;
//! while let Some(message) = websocket.read().await? {
//!     websocket.send(message).await?;
//! }
//! # Ok(())
//! # }
//! ```

mod handshake;
mod stream;

use core::{fmt, future::poll_fn, task::Poll};
use std::io;

pub use crate::adapter::Parts;
#[cfg(feature = "connect")]
pub use handshake::client;
pub use handshake::{Incoming, Requested, accept, accept_any, client_with_seed, receive_request};
pub use stream::{Alarm, Stream};
pub(crate) use stream::{poll_drive, shake};

use crate::{
    adapter::Error,
    connection::Connection,
    driver::{Driver, Goal, HandshakeDriver, Opening, Unread},
};

/// A connection over a [`Stream`].
///
/// [`fill`](Self::fill) returns the events of a read, borrowed from the read buffer;
/// [`read`](Self::read) returns whole messages, owned. Both write what is queued before they wait,
/// answers to Pings and Closes included, and run the timers of the [`Config`](crate::Config). They
/// return `None` when the connection has ended; [`end`](Self::end) tells how.
///
/// Sending waits until the stream has flushed ([`send`](Self::send), [`flush`](Self::flush)), or only
/// until there is room ([`feed`](Self::feed)). Meanwhile up to 64 KiB are read ahead, so that two echoing
/// peers cannot deadlock. A task that only sends looks for input after every 16 sends.
///
/// All futures are cancel safe: dropping one loses nothing of what was read or queued, and the next one
/// goes on. A dropped [`feed`](Self::feed) has not queued its message, a dropped [`send`](Self::send)
/// may have. Dropping the WebSocket aborts the connection, without a Close.
pub struct WebSocket<S> {
    io: Io<S>,
    driver: Driver,
}

impl<S: Stream> WebSocket<S> {
    whole_methods!(async, await);
    state_methods!(.cloned());
    reading_methods!(Connection, async, await);
    async_methods!();
    writing_methods!(async, await);

    /// Makes a WebSocket of a stream and a connection whose first bytes were read already, with the
    /// handshake.
    pub fn with_unread(stream: S, connection: Connection, unread: impl Into<Unread>) -> Self {
        Self::with_driver(Io { stream }, Driver::with_unread(connection, unread.into()))
    }

    fn with_driver(io: Io<S>, driver: Driver) -> Self {
        Self { io, driver }
    }

    /// Waits until there are events; returns whether there are, and will be.
    fn events(&mut self) -> impl Future<Output = Result<bool, Error>> {
        poll_fn(|cx| {
            if self.driver.take_spinning() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            poll_drive(&mut self.io.stream, &mut self.driver, cx, |driver| {
                driver.next(Goal::Events)
            })
        })
    }

    fn goal(&mut self, goal: Goal) -> impl Future<Output = Result<(), Error>> {
        poll_fn(move |cx| {
            poll_drive(&mut self.io.stream, &mut self.driver, cx, |driver| driver.next(goal))
                .map_ok(drop)
        })
    }
}

impl_debug!(WebSocket driver);

/// A stream, with the methods by which an opening handshake uses it in every adapter.
#[derive(Debug)]
struct Io<S> {
    stream: S,
}

impl<S: Stream> Io<S> {
    fn open(stream: S) -> io::Result<Self> {
        stream.set_nodelay()?;
        Ok(Self { stream })
    }

    async fn shake<H: Opening>(&mut self, driver: &mut HandshakeDriver<H>) -> Result<(), Error>
    where
        Error: From<H::Error>,
    {
        shake(&mut self.stream, driver).await
    }
}
