//! WebSocket over tokio's streams.
//!
//! A [`WebSocket`] is a stream, a [`Connection`] and, while octets are there to be parsed, a read
//! buffer. It takes no decision of the protocol: the connection does. [`accept`] and [`client`] do
//! the opening handshake over any stream, [`connect`] opens a TCP connection first.
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

use core::{
    fmt,
    future::poll_fn,
    task::{Context, Poll, ready},
};
use std::io::ErrorKind;

use tokio::io::{AsyncRead, AsyncWrite};

pub use connect::{Connector, connect};
pub use handshake::{Incoming, accept, client};
pub use split::{Reader, Writer};

use self::io::{Alarm, Clock, Write};
use crate::{
    CloseCode, Connection, EndOfStream, Message, Payload, State, Timeout, Transport,
    adapter::{self, Batch, Error, HIGH_WATER, Inbox, low_water},
};

/// A connection over a stream of tokio's.
///
/// Receiving with [`fill`](Self::fill) lends the events of a read, [`read`](Self::read) gives whole
/// messages away. Both write what is queued before they wait, answers to Pings and Closes among it,
/// and drive the timers of the [`Config`](crate::Config). They return `None` when the connection
/// has ended; [`end`](Self::end) tells how.
///
/// While it waits to write, it goes on reading, up to 64 KiB of messages and the one behind them: two
/// ends that answer one another do not wait for one another. Two that only write are given up like
/// peers that never read; split the connection where that can happen. Pings are answered and timers run whenever any of the methods is
/// being awaited.
///
/// It is a `Stream` and a `Sink` of [messages](Message), too. All of its futures are cancel safe:
/// dropping one loses nothing, and the next one goes on.
///
/// Dropping the WebSocket aborts the connection, without a Close.
pub struct WebSocket<S> {
    stream: S,
    connection: Connection,
    inbox: Inbox,
    clock: Clock,
    alarm: Alarm,
    write: Write,
    timeout: Option<Timeout>,
    // Reads since the clock was looked at.
    reads: u8,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Makes a WebSocket of a stream and a connection whose handshake is done.
    pub fn new(stream: S, connection: Connection) -> Self {
        Self::with_inbox(stream, connection, Inbox::default(), Clock::start())
    }

    fn with_inbox(stream: S, connection: Connection, inbox: Inbox, clock: Clock) -> Self {
        Self {
            stream,
            connection,
            inbox,
            clock,
            alarm: Alarm::default(),
            write: Write::default(),
            timeout: None,
            reads: 0,
        }
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
        Batch::new(&mut self.connection, &mut self.inbox)
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

    /// Queues a message and writes all that is queued.
    ///
    /// Cancel safe: once it was polled, the message is either queued, and written by the next
    /// method that writes, or (when the future is dropped while it waits for room) not sent at all.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] when the message is refused, [`Error::Io`] when the stream fails.
    pub async fn send<'a>(&mut self, payload: impl Into<Payload<'a>>) -> Result<(), Error> {
        self.feed(payload).await?;
        self.flush().await
    }

    /// Queues a message, and waits for room if too much is queued already. It is written by the
    /// next method that writes. Cancel safe like [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub async fn feed<'a>(&mut self, payload: impl Into<Payload<'a>>) -> Result<(), Error> {
        let payload = payload.into();
        let len = payload.as_bytes().len();
        poll_fn(|cx| self.poll_room(len, cx)).await?;
        Ok(self.connection.send(payload)?)
    }

    /// Writes all that is queued. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the stream fails.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_flush(cx)).await
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
        if self.connection.state() == State::Open {
            self.connection.close(code, reason)?;
        }
        while let Some(mut batch) = self.fill().await? {
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

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        while ready!(self.poll_fill(cx))? {
            let mut batch = Batch::new(&mut self.connection, &mut self.inbox);
            if let Some(message) = batch.next_message() {
                return Poll::Ready(Ok(Some(message)));
            }
        }
        Poll::Ready(Ok(None))
    }

    /// Waits until there is input; returns whether there is, and will be.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        loop {
            let crowded = self.connection.output().len() > HIGH_WATER;
            if self.inbox.has_input() && !crowded {
                // Nothing is written yet: the answers to a batch leave together.
                return Poll::Ready(Ok(true));
            }
            if self.reads >= READS_BEFORE_TIME && !self.inbox.has_input() {
                // A peer that always has something to read must not stop the clock.
                self.poll_time(cx);
            }
            // What the peer sent before a write failed is still to be read.
            let written = self.poll_write(cx).is_ready();
            if written && self.inbox.has_input() {
                continue;
            }
            let ended = match self.connection.transport() {
                Transport::Open => false,
                Transport::ShutDownWrite => {
                    if written {
                        let _ = self.write.poll_shutdown(&mut self.stream, cx);
                    }
                    false
                }
                Transport::Close if written => {
                    // A TLS stream has its own way to say that this is the end. Not worth waiting.
                    let _ = self.write.poll_shutdown(&mut self.stream, cx);
                    return Poll::Ready(self.finish());
                }
                Transport::Close => true,
            };
            let received =
                if ended { Poll::Pending } else { self.poll_receive(!written && crowded, cx)? };
            if received.is_ready() && self.inbox.has_input() {
                continue;
            }
            // After reading: a Pong that has waited for this task is not late.
            if !self.poll_time(cx) && received.is_pending() {
                // A connection that waits holds no buffer.
                self.connection.output().release();
                return Poll::Pending;
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_until(cx, |websocket| !websocket.connection.has_output())
    }

    /// Waits until a message of `len` octets has room in the output, or never will have.
    fn poll_room(&mut self, len: usize, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_until(cx, |websocket| {
            let waiting = websocket.connection.output().len();
            waiting <= low_water(websocket.connection.config())
                && (waiting == 0 || websocket.connection.has_room(len))
        })
    }

    /// Writes until `done`, and reads ahead in the meantime.
    fn poll_until(
        &mut self,
        cx: &mut Context<'_>,
        done: impl Fn(&mut Self) -> bool,
    ) -> Poll<Result<(), Error>> {
        loop {
            let written = self.poll_write(cx)?;
            if written.is_ready() || done(self) {
                return Poll::Ready(Ok(()));
            }
            let ended = self.connection.state() == State::Closed;
            let received = if ended { Poll::Pending } else { self.poll_receive(true, cx)? };
            let due = self.poll_time(cx);
            if !self.connection.has_output() {
                // The peer did not take it within the time to close.
                return Poll::Ready(Err(Error::Io(ErrorKind::TimedOut.into())));
            }
            if !due && received.is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Reads once, and keeps the events if they are not to be delivered now.
    fn poll_receive(&mut self, ahead: bool, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if ahead {
            self.inbox.parse(&mut self.connection);
            if self.inbox.is_full() {
                return Poll::Pending;
            }
        }
        let result = ready!(io::poll_read(&mut self.stream, &mut self.inbox, cx));
        self.reads = self.reads.saturating_add(1);
        adapter::received(result, &mut self.connection, &mut self.inbox)?;
        if ahead {
            self.inbox.parse(&mut self.connection);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            let output = self.connection.output();
            ready!(self.write.poll(&mut self.stream, output, cx)).map_err(Error::Io)?;
            // What was written has made room for the Pong that is owed to a flood of Pings.
            if !self.connection.has_output() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Does what is due, and has the task woken when something will be; returns whether anything
    /// was.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> bool {
        self.reads = 0;
        let mut due = false;
        loop {
            let deadline = self.connection.poll_timeout(self.clock.now());
            if self.alarm.poll(deadline, self.clock, cx).is_pending() {
                return due;
            }
            due = true;
            let left = self.connection.has_output();
            if let Some(timeout) = self.connection.handle_timeout(self.clock.now()) {
                self.timeout.get_or_insert(timeout);
                // What the peer did not take within the time to close is dropped.
                self.write.failed |= left && timeout == Timeout::Close;
            }
        }
    }

    /// Returns what ended the connection, if it is an error; `false` says that it has ended.
    fn finish(&mut self) -> Result<bool, Error> {
        adapter::finish(&mut self.inbox, &mut self.timeout).map(|()| false)
    }
}

/// How many reads there may be before the clock is looked at, while there is always something to
/// read: looking at it takes a third of the time for reading a batch of small messages.
const READS_BEFORE_TIME: u8 = 16;

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("connection", &self.connection).finish_non_exhaustive()
    }
}
