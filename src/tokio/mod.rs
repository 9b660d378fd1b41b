//! WebSocket over tokio's streams.
//!
//! A [`WebSocket`] is a stream and a [`Driver`]: it does what the driver says, and takes no decision
//! of its own. [`accept`] and [`client`] do the opening handshake over any stream, [`connect`] opens
//! a TCP connection first.
//!
//! ```no_run
//! use framewise::{Config, handshake::Acceptance, tokio as websocket};
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:9001").await?;
//! let (stream, _) = listener.accept().await?;
//! let incoming = websocket::accept(stream, Config::default()).await?;
//! let mut websocket = incoming.accept(Acceptance::new()).await?;
//! while let Some(message) = websocket.read().await? {
//!     websocket.send(message).await?;
//! }
//! # Ok(())
//! # }
//! ```

mod connect;
mod handshake;
mod io;
mod sink;
mod split;
mod tasks;

use core::{
    fmt,
    future::poll_fn,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite};

pub use connect::{Connector, connect};
pub use handshake::{Incoming, Requested, accept, client, receive_request};
pub use split::{Reader, Writer};

use self::{
    io::Io,
    tasks::{Sharers, Side},
};
use crate::{
    Batch, CloseCode, Connection, EndOfStream, Error, Message, Payload, State,
    driver::{self, Driver, Goal, Unread},
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
///   that two echoing peers cannot deadlock. If both sides only write, the connection times out;
///   [`split`](Self::split) it.
/// - **A task that only sends** looks for input after every 16 sends, answers Pings and Closes and
///   runs the timers then. To serve the connection at any time, wait for [`readable`](Self::readable)
///   in a `select!`, or split it.
/// - **All futures are cancel safe**: dropping one loses nothing, and the next one goes on.
/// - **`Stream` and `Sink`** of [messages](Message) are implemented.
/// - **Two tasks** may take turns in polling, one to receive and one to send, as
///   `futures::StreamExt::split` lets them: both are woken, and both make progress.
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

/// What a [`WebSocket`] was made of. Made by [`WebSocket::into_parts`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Parts<S> {
    /// The stream.
    pub stream: S,
    /// The connection, and what was read and not delivered.
    pub driver: driver::Parts,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Makes a WebSocket of a stream and a connection whose handshake is done.
    pub fn new(stream: S, connection: Connection) -> Self {
        Self::with_unread(stream, connection, Unread::default())
    }

    /// Makes a WebSocket of a stream and a connection of which bytes were read already: what followed
    /// the handshake.
    pub fn with_unread(stream: S, connection: Connection, unread: impl Into<Unread>) -> Self {
        Self::with_driver(Io::new(stream), Driver::with_unread(connection, unread.into()))
    }

    fn with_driver(io: Io<S>, driver: Driver) -> Self {
        Self { io, driver, sharers: Sharers::default() }
    }

    /// Returns the events that are left of the last read; when there are none, writes what is queued
    /// and waits for input.
    ///
    /// Returns `None` when the connection has ended. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] when the peer broke the protocol, after it has been told and the stream
    /// has been shut down; [`Error::Timeout`] when it fell silent; [`Error::Io`] when the stream
    /// failed.
    pub async fn fill(&mut self) -> Result<Option<Batch<'_>>, Error> {
        Ok(if self.readable().await? { Some(self.batch()) } else { None })
    }

    /// Makes sure that there are events: when none are left of the last read, writes what is queued
    /// and waits for input. Returns `false` when the connection has ended. Cancel safe.
    ///
    /// This is [`fill`](Self::fill) without the [`batch`](Self::batch), for `select!`: its branches
    /// can then use the WebSocket.
    ///
    /// ```no_run
    /// # async fn chat(
    /// #     mut websocket: framewise::tokio::WebSocket<tokio::net::TcpStream>,
    /// #     mut outbox: tokio::sync::mpsc::Receiver<String>,
    /// # ) -> Result<(), framewise::Error> {
    /// loop {
    ///     tokio::select! {
    ///         readable = websocket.readable() => {
    ///             if !readable? {
    ///                 return Ok(());
    ///             }
    ///             let mut batch = websocket.batch();
    ///             while let Some(event) = batch.next() {
    ///                 println!("{event:?}");
    ///             }
    ///         }
    ///         Some(text) = outbox.recv() => websocket.send(text).await?,
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`fill`](Self::fill).
    pub async fn readable(&mut self) -> Result<bool, Error> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Returns the events that are there without waiting, none if need be.
    pub fn batch(&mut self) -> Batch<'_> {
        self.driver.batch()
    }

    /// Returns the next message, `None` when the connection has ended. Cancel safe.
    ///
    /// With [`Delivery::Chunks`](crate::Delivery::Chunks) each chunk is returned like a message.
    ///
    /// # Errors
    ///
    /// Those of [`fill`](Self::fill).
    pub async fn read(&mut self) -> Result<Option<Message>, Error> {
        poll_fn(|cx| self.poll_read(cx)).await
    }

    /// Queues a message, writes all that is queued, and returns when the stream has flushed.
    ///
    /// Cancel safe: once it was polled, the message is either queued, and written by the next
    /// method that writes, or (when the future is dropped while it waits for room) not sent at all.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] when the message is refused; [`Error::Io`] when the stream fails, now or before,
    /// and of kind [`TimedOut`](std::io::ErrorKind::TimedOut) when the peer took nothing until the
    /// connection was given up.
    pub async fn send<'a>(&mut self, payload: impl Into<Payload<'a>>) -> Result<(), Error> {
        self.feed(payload).await?;
        self.flush().await
    }

    /// Queues a message, to be written with the next ones. Waits for room if too much is queued
    /// already. Cancel safe like [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub async fn feed<'a>(&mut self, payload: impl Into<Payload<'a>>) -> Result<(), Error> {
        let payload = payload.into();
        let len = payload.as_bytes().len();
        poll_fn(|cx| self.poll_goal(Goal::Room(len), cx)).await?;
        Ok(self.connection_mut().send(payload)?)
    }

    /// Writes all that is queued, and returns when the stream has flushed. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] as for [`send`](Self::send).
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_goal(Goal::Flush, cx)).await.map(drop)
    }

    /// Closes the connection: sends a Close, waits for the peer's and for the end of the stream,
    /// at most for [`Config::close_timeout`](crate::Config::close_timeout).
    ///
    /// Messages that still arrive are dropped. To go on receiving them, call
    /// [`close`](Connection::close) on [`connection_mut`](Self::connection_mut) and then
    /// [`read`](Self::read) to the end. On a connection that is closing already, this waits for
    /// its end. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] when the code or the reason cannot be sent, and those of
    /// [`fill`](Self::fill).
    pub async fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
    ) -> Result<EndOfStream, Error> {
        if self.connection().state() == State::Open {
            self.connection_mut().close(code, reason)?;
        }
        self.closed().await
    }

    /// Waits for the end of the connection and returns how it ended. Messages that still arrive are
    /// dropped. Cancel safe.
    ///
    /// For a program that only sends, or has read what it wants.
    ///
    /// # Errors
    ///
    /// Those of [`fill`](Self::fill).
    pub async fn closed(&mut self) -> Result<EndOfStream, Error> {
        while let Some(mut batch) = self.fill().await? {
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

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        while ready!(self.poll_goal(Goal::Events, cx))? {
            if let Some(message) = self.driver.batch().next_message() {
                return Poll::Ready(Ok(Some(message)));
            }
        }
        Poll::Ready(Ok(None))
    }

    /// Waits until there are events; returns whether there are, and will be.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        if self.driver.take_spinning() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.poll_goal(Goal::Events, cx)
    }

    /// Polls for one of two tasks, of which one may wait for events while the other one writes.
    fn poll_goal(&mut self, goal: Goal, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        let side = if goal == Goal::Events { Side::Reader } else { Side::Writer };
        let waker = self.sharers.combined(side, cx);
        self.io.moved = false;
        let poll = {
            let cx = &mut Context::from_waker(waker.as_ref().unwrap_or(cx.waker()));
            self.io.poll_drive(&mut self.driver, cx, |driver| driver.next(goal))
        };
        self.sharers.polled(side, cx, &poll, self.io.moved);
        poll
    }
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("driver", &self.driver).finish_non_exhaustive()
    }
}
