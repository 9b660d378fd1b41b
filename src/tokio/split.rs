//! A WebSocket taken apart for two tasks.

use alloc::sync::Arc;
use core::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker, ready},
};
use std::sync::{Mutex, PoisonError, TryLockError};

use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};

use super::{
    WebSocket,
    io::{Alarm, Clock, poll_read, poll_write},
    tasks::Tasks,
};
use crate::{
    Batch, CloseCode, CloseFrame, Delivery, EndOfStream, Error, Message, Payload, ReceiveHalf,
    SendError, SendHalf, State,
    driver::{Goal, Reads as _, ReceiveDriver, SendDriver, Step},
};

/// The half of a [`WebSocket`] that reads.
///
/// It also writes the answers to Pings and Closes and drives the timers, so it has to be read from
/// until it ends, whatever the other half does.
///
/// ```no_run
/// use framewise::{Event, tokio::WebSocket};
///
/// # async fn talk(websocket: WebSocket<tokio::net::TcpStream>) -> Result<(), framewise::Error> {
/// let (mut reader, mut writer) = websocket.split();
/// tokio::spawn(async move { writer.send("Hello").await });
/// while let Some(mut batch) = reader.fill().await? {
///     while let Some(event) = batch.next() {
///         println!("{event:?}");
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Reader<S> {
    stream: ReadHalf<S>,
    driver: ReceiveDriver,
    clock: Clock,
    alarm: Alarm,
    shared: Arc<Shared<S>>,
}

/// The half of a [`WebSocket`] that writes; see [`Reader`].
///
/// Dropping it changes nothing for the other half; [`close`](Self::close) it to end the connection.
pub struct Writer<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    side: Mutex<Side<S>>,
    // Whether the reader has found the lock taken.
    reader_waits: AtomicBool,
    tasks: Arc<Tasks>,
    // Wakes both tasks. A stream remembers one task that waits to write, and here are two.
    waker: Waker,
}

struct Side<S> {
    stream: WriteHalf<S>,
    driver: SendDriver,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Takes the WebSocket apart, so that two tasks can read and write at once.
    pub fn split(self) -> (Reader<S>, Writer<S>) {
        let (read, stream) = tokio::io::split(self.io.stream);
        let (receiving, driver) = self.driver.into_split();
        let tasks = Arc::new(Tasks::default());
        let shared = Arc::new(Shared {
            side: Mutex::new(Side { stream, driver }),
            reader_waits: AtomicBool::new(false),
            waker: Waker::from(Arc::clone(&tasks)),
            tasks,
        });
        let reader = Reader {
            stream: read,
            driver: receiving,
            clock: self.io.clock,
            alarm: self.io.alarm,
            shared: Arc::clone(&shared),
        };
        (reader, Writer { shared })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Reader<S> {
    /// Waits for input; returns the events in it, `None` when the connection has ended. Cancel
    /// safe. See [`WebSocket::fill`].
    ///
    /// # Errors
    ///
    /// Those of [`WebSocket::fill`].
    pub async fn fill(&mut self) -> Result<Option<Batch<'_, ReceiveHalf>>, Error> {
        Ok(if self.readable().await? { Some(self.batch()) } else { None })
    }

    /// Waits for input; returns whether there is, `false` when the connection has ended. Cancel
    /// safe. See [`WebSocket::readable`].
    ///
    /// # Errors
    ///
    /// Those of [`WebSocket::fill`].
    pub async fn readable(&mut self) -> Result<bool, Error> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Returns the events that are there without waiting, none if need be.
    pub fn batch(&mut self) -> Batch<'_, ReceiveHalf> {
        self.driver.batch()
    }

    /// Returns the next message, `None` when the connection has ended. Cancel safe. See
    /// [`WebSocket::read`].
    ///
    /// # Errors
    ///
    /// Those of [`WebSocket::fill`].
    pub async fn read(&mut self) -> Result<Option<Message>, Error> {
        poll_fn(|cx| self.poll_read(cx)).await
    }

    /// Sets how messages are delivered, from the next one that begins.
    pub fn set_delivery(&mut self, delivery: Delivery) {
        self.driver.receiving_mut().set_delivery(delivery);
    }

    /// Returns how the connection ended, once it has.
    pub fn end(&self) -> Option<EndOfStream> {
        self.driver.receiving().end()
    }

    /// Returns the peer's Close, if it has come.
    pub fn received_close(&self) -> Option<CloseFrame> {
        self.driver.receiving().received_close()
    }

    /// Returns how far the connection is on its way from open to closed.
    pub fn state(&self) -> State {
        self.driver.receiving().state()
    }

    /// Waits for the end of the connection and returns how it ended. Messages that still arrive are
    /// dropped. Cancel safe.
    ///
    /// # Errors
    ///
    /// Those of [`WebSocket::fill`].
    pub async fn closed(&mut self) -> Result<EndOfStream, Error> {
        while let Some(mut batch) = self.fill().await? {
            while batch.next().is_some() {}
        }
        Ok(self.end().unwrap_or(EndOfStream::Torn))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        while ready!(self.poll_fill(cx))? {
            if let Some(message) = self.driver.batch().next_message() {
                return Poll::Ready(Ok(Some(message)));
            }
        }
        Poll::Ready(Ok(None))
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        if self.driver.take_spinning() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.shared.tasks.reader.remember(cx.waker());
        let filled = ready!(self.poll_drive(cx));
        if !matches!(filled, Ok(true)) {
            // The other half may wait for something that will not come.
            self.shared.tasks.writer.wake();
        }
        Poll::Ready(filled)
    }

    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        self.driver.resume();
        loop {
            match self.driver.next()? {
                Step::Ready => return Poll::Ready(Ok(true)),
                Step::Ended => return Poll::Ready(Ok(false)),
                Step::Reply => {
                    if !self.shared.reply() {
                        self.driver.reply_pending();
                    }
                }
                Step::Read => drop(poll_read(&mut self.stream, &mut self.driver, cx)?),
                Step::Wait(deadline) => {
                    if self.alarm.poll(deadline, self.clock, cx).is_pending() {
                        self.shared.release();
                        return Poll::Pending;
                    }
                    self.driver.time(self.clock.now());
                }
                _ => self.driver.time(self.clock.now()),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Writer<S> {
    /// Queues a message and writes all that is queued. Cancel safe like [`WebSocket::send`].
    ///
    /// # Errors
    ///
    /// [`Error::Send`] when the message is refused, [`Error::Io`] when the stream fails.
    pub async fn send<'a>(&mut self, payload: impl Into<Payload<'a>>) -> Result<(), Error> {
        self.feed(payload).await?;
        self.flush().await
    }

    /// Queues a message, and waits for room if too much is queued already. Cancel safe like
    /// [`WebSocket::feed`].
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub async fn feed<'a>(&mut self, payload: impl Into<Payload<'a>>) -> Result<(), Error> {
        let payload = payload.into();
        let len = payload.as_bytes().len();
        poll_fn(|cx| self.poll_goal(Goal::Room(len), cx)).await?;
        Ok(self.queue(|sending| sending.send(payload))?)
    }

    /// Queues a Ping with at most 125 octets of payload and writes all that is queued. Cancel safe.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.queue(|sending| sending.ping(payload))?;
        self.flush().await
    }

    /// Writes all that is queued. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the stream fails.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_goal(Goal::Flush, cx)).await
    }

    /// Sends a Close and so begins the closing handshake; the [`Reader`] carries it to its end.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] when the code or the reason cannot be sent, or the connection is closing
    /// already; [`Error::Io`] when the stream fails.
    pub async fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
    ) -> Result<(), Error> {
        self.queue(|sending| sending.close(code, reason))?;
        // It has a deadline to wait for now.
        self.shared.tasks.reader.wake();
        self.flush().await
    }

    /// Queues a fragment of a message, the last one with `fin`, and writes all that is queued; see
    /// [`Connection::send_fragment`](crate::Connection::send_fragment). Cancel safe like
    /// [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub async fn send_fragment<'a>(
        &mut self,
        payload: impl Into<Payload<'a>>,
        fin: bool,
    ) -> Result<(), Error> {
        let payload = payload.into();
        let len = payload.as_bytes().len();
        poll_fn(|cx| self.poll_goal(Goal::Room(len), cx)).await?;
        self.queue(|sending| sending.send_fragment(payload, fin))?;
        self.flush().await
    }

    /// Returns how far the connection is on its way from open to closed.
    pub fn state(&self) -> State {
        self.shared.with_side(|side| side.driver.sending().state())
    }

    fn queue(
        &self,
        queue: impl FnOnce(&mut SendHalf) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        self.shared.with_side(|side| queue(side.driver.sending_mut()))
    }

    fn poll_goal(&self, goal: Goal, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        self.shared.tasks.writer.remember(cx.waker());
        let result = ready!(self.shared.with_side(|side| self.shared.poll_drive(side, goal)));
        if self.state() != State::Open {
            // It may wait for the last byte to be written.
            self.shared.tasks.reader.wake();
        }
        Poll::Ready(result)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Shared<S> {
    fn poll_drive(&self, side: &mut Side<S>, goal: Goal) -> Poll<Result<(), Error>> {
        let Side { stream, driver } = side;
        driver.resume();
        loop {
            match driver.next(goal)? {
                Step::Ready => return Poll::Ready(Ok(())),
                Step::Wait(_) => return Poll::Pending,
                step => {
                    drop(poll_write(stream, driver, step, &mut Context::from_waker(&self.waker))?)
                }
            }
        }
    }

    /// Writes what the sending half owes; returns whether that is done.
    ///
    /// When the writer is at it, which may take long if it compresses, the reader is woken after it.
    fn reply(&self) -> bool {
        self.reader_waits.store(true, Ordering::SeqCst);
        let mut side = match self.side.try_lock() {
            Ok(side) => side,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        self.reader_waits.store(false, Ordering::SeqCst);
        self.poll_drive(&mut side, Goal::Events).is_ready()
    }
}

impl<S> Shared<S> {
    /// Gives the buffer of the output back, unless the writer is at it.
    fn release(&self) {
        if let Ok(mut side) = self.side.try_lock() {
            side.driver.release();
        }
    }

    /// Does something under the lock, and wakes a reader that has found it taken.
    fn with_side<T>(&self, run: impl FnOnce(&mut Side<S>) -> T) -> T {
        // A stream that panics may be in any state, but what it does next is memory safe.
        let result = run(&mut self.side.lock().unwrap_or_else(PoisonError::into_inner));
        if self.reader_waits.swap(false, Ordering::SeqCst) {
            self.tasks.reader.wake();
        }
        result
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for Reader<S> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_read(cx).map(Result::transpose)
    }
}

/// Closing the sink sends a Close with [`CloseCode::NORMAL`] and writes it.
impl<S: AsyncRead + AsyncWrite + Unpin, P: Into<Payload<'static>>> Sink<P> for Writer<S> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_goal(Goal::Room(0), cx)
    }

    fn start_send(self: Pin<&mut Self>, payload: P) -> Result<(), Error> {
        let payload = payload.into();
        Ok(self.queue(|sending| sending.send(payload))?)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_goal(Goal::Flush, cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let writer = self.get_mut();
        if writer.state() == State::Open {
            writer.queue(|sending| sending.close(CloseCode::NORMAL, ""))?;
            // It has a deadline to wait for now.
            writer.shared.tasks.reader.wake();
        }
        writer.poll_goal(Goal::Flush, cx)
    }
}

impl<S> fmt::Debug for Reader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("driver", &self.driver).finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for Writer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}
