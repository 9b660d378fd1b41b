//! WebSocket over tokio's streams.
//!
//! A [`WebSocket`] is a stream and a [`Driver`]: it does what the driver says, and takes no decision
//! of its own. [`accept`] does the opening handshake of a server over any stream, [`accept_any`] also
//! accepts every request. With feature `connect`, `client` does that of a client, and `connect` opens a
//! TCP connection first. With feature `rustls`, `accept_tls` and `client_tls` do TLS before it.
//!
//! Without feature `connect` the adapter needs no sockets. On `wasm32-unknown-unknown` it compiles, but
//! panics when a WebSocket is made, because there is no clock. Use a [`Driver`] with your own clock there.
//!
//! Set `TCP_NODELAY` on a socket before you pass it on. Without it, a small message may wait 40 ms or
//! longer for the answer to the one before it. `connect` sets it.
//!
//! ```no_run
//! use framewise::{Config, tokio as websocket};
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:9001").await?;
//! let (stream, _) = listener.accept().await?;
//! stream.set_nodelay(true)?;
//! let mut websocket = websocket::accept_any(stream, Config::default()).await?;
//! while let Some(message) = websocket.read().await? {
//!     websocket.send(message).await?;
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
#[cfg(feature = "connect")]
mod stream;
#[cfg(feature = "rustls")]
pub(crate) mod tls;

use core::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};

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
#[cfg(all(feature = "connect", feature = "rustls"))]
pub use tls::client_tls;
#[cfg(feature = "rustls")]
pub use tls::{TlsStream, accept_tls, client_tls_with_seed, receive_request_tls};

use self::io::Io;
use crate::{
    adapter::Error,
    connection::Connection,
    driver::{Driver, Goal, Sharers, TaskSide as Side, Unread},
    polled::poll_drive,
};

/// A connection over a stream of tokio's.
///
/// [`fill`](Self::fill) returns the events of a read, borrowed from the read buffer;
/// [`read`](Self::read) returns whole messages, owned. Both write what is queued before they wait,
/// answers to Pings and Closes included, and run the timers of the [`Config`](crate::Config). They
/// return `None` when the connection has ended; [`end`](Self::end) tells how.
///
/// - **Sending** waits until the stream has flushed ([`send`](Self::send), [`flush`](Self::flush)), or
///   only until there is room ([`feed`](Self::feed)). A blocked `send` reads up to 64 KiB ahead, so
///   that two echoing peers cannot deadlock. If both sides write more than that and what the sockets
///   hold, their sends block one another until the connection times out. A `select!` does not read
///   either while it awaits a `send` in a branch. [`into_split`](Self::into_split) such a connection.
/// - **A task that only sends** looks for input after every 16 sends. Then it answers Pings and Closes
///   and runs the timers. To serve the connection at any time, wait for [`readable`](Self::readable) in a
///   `select!`, or split it.
/// - **All futures are cancel safe**: dropping one loses nothing of what was read or queued, and the
///   next one goes on. A dropped [`feed`](Self::feed) has not queued its message, a dropped
///   [`send`](Self::send) may have.
/// - **`Stream` and `Sink`** of [messages](crate::Message) are implemented.
/// - **Two tasks** may share it, one to receive and one to send, with `futures::StreamExt::split`: both
///   are woken, and both make progress. One that waits to send does not keep the other one from
///   receiving. To `forward` one half to the other, take those of `into_split`:
///   the sink of `futures` holds one message back, and the last one before the peer's Close then comes
///   too late.
///
/// Dropping the WebSocket aborts the connection, without a Close.
///
/// # Panics
///
/// Its futures panic in a runtime without a time driver when a timer of the `Config` is on.
pub struct WebSocket<S> {
    io: Io<S>,
    driver: Driver,
    sharers: Sharers,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    whole_methods!(async, await);
    state_methods!(.cloned());
    reading_methods!(Connection, async, await);
    async_methods!();
    writing_methods!(async, await);

    /// Makes a WebSocket of a stream and a connection whose first bytes were read already, with the
    /// handshake.
    pub fn with_unread(stream: S, connection: Connection, unread: impl Into<Unread>) -> Self {
        Self::with_driver(Io::new(stream), Driver::with_unread(connection, unread.into()))
    }

    fn with_driver(io: Io<S>, driver: Driver) -> Self {
        Self { io, driver, sharers: Sharers::default() }
    }

    /// Waits until there are events; returns whether there are, and will be.
    fn events(&mut self) -> impl Future<Output = Result<bool, Error>> {
        poll_fn(|cx| match self.driver.take_spinning() {
            true => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            false => self.poll_events(cx),
        })
    }

    fn goal(&mut self, goal: Goal) -> impl Future<Output = Result<(), Error>> {
        poll_fn(move |cx| self.poll_goal(goal, cx))
    }

    /// Polls for one of two tasks: one may wait for events while the other one writes.
    #[inline]
    fn poll_side(
        &mut self,
        side: Side,
        goal: Goal,
        task: &Context<'_>,
    ) -> Poll<Result<bool, Error>> {
        self.io.moved = false;
        let both = self.sharers.combined(side, task);
        let waker = both.as_ref().unwrap_or_else(|| task.waker());
        let cx = &mut Context::from_waker(waker);
        self.driver.set_other_writes(self.sharers.other_writes(side, task));
        let result = poll_drive(&mut self.io, &mut self.driver, cx, |driver| driver.next(goal));
        if both.is_some() && self.io.moved {
            // What the other task waits for may be there.
            self.sharers.wake_other(side);
        }
        let begins = self.sharers.polled(side, task, result.is_pending());
        if begins && matches!(side, Side::Writer) && self.driver.has_input() {
            // The reader may have taken this task's output for its own, and have stopped reading.
            self.sharers.wake_other(side);
        }
        result
    }

    #[inline]
    fn poll_events(&mut self, cx: &Context<'_>) -> Poll<Result<bool, Error>> {
        self.poll_side(Side::Reader, Goal::Events, cx)
    }

    #[inline]
    fn poll_goal(&mut self, goal: Goal, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        if self.driver.is_reached(goal) {
            return Poll::Ready(Ok(()));
        }
        self.poll_side(Side::Writer, goal, cx).map_ok(drop)
    }
}

impl_debug!(WebSocket driver);
impl_stream!(WebSocket);
impl_sink!(WebSocket);

impl<S: AsyncRead + AsyncWrite + Unpin> FusedStream for WebSocket<S> {
    fn is_terminated(&self) -> bool {
        self.driver.is_finished()
    }
}
