//! A WebSocket taken apart for two tasks.

use alloc::{sync::Arc, task::Wake};
use core::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker, ready},
};
use std::{
    io::ErrorKind,
    sync::{Mutex, PoisonError, TryLockError},
};

use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};

use super::{
    WebSocket,
    io::{Alarm, Clock, Write, poll_read},
};
use crate::{
    CloseCode, CloseFrame, Delivery, EndOfStream, Message, Payload, ReceiveHalf, SendHalf, State,
    Timeout, Transport,
    adapter::{self, Batch, Error, Inbox, low_water},
    time::Instant,
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
    receiving: ReceiveHalf,
    inbox: Inbox,
    clock: Clock,
    alarm: Alarm,
    timeout: Option<Timeout>,
    // When the stream had ended and something was left to write.
    ended: Option<Instant>,
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
    wakers: Arc<Wakers>,
    // Wakes both tasks. A stream remembers one task that waits to write, and here are two.
    waker: Waker,
}

struct Side<S> {
    stream: WriteHalf<S>,
    sending: SendHalf,
    write: Write,
}

/// The tasks that the two halves live in.
#[derive(Debug, Default)]
struct Wakers {
    reader: Mutex<Option<Waker>>,
    writer: Mutex<Option<Waker>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Takes the WebSocket apart, so that two tasks can read and write at once.
    pub fn split(self) -> (Reader<S>, Writer<S>) {
        let (read, stream) = tokio::io::split(self.stream);
        let (receiving, sending) = self.connection.split();
        let wakers = Arc::new(Wakers::default());
        let shared = Arc::new(Shared {
            side: Mutex::new(Side { stream, sending, write: self.write }),
            reader_waits: AtomicBool::new(false),
            waker: Waker::from(Arc::clone(&wakers)),
            wakers,
        });
        let reader = Reader {
            stream: read,
            receiving,
            inbox: self.inbox,
            clock: self.clock,
            alarm: self.alarm,
            timeout: self.timeout,
            ended: None,
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
        Batch::new(&mut self.receiving, &mut self.inbox)
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
        self.receiving.set_delivery(delivery);
    }

    /// Returns how the connection ended, once it has.
    pub fn end(&self) -> Option<EndOfStream> {
        self.receiving.end()
    }

    /// Returns the peer's Close, if it has come.
    pub fn received_close(&self) -> Option<CloseFrame> {
        self.receiving.received_close()
    }

    /// Returns how far the connection is on its way from open to closed.
    pub fn state(&self) -> State {
        self.receiving.state()
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        while ready!(self.poll_fill(cx))? {
            let mut batch = Batch::new(&mut self.receiving, &mut self.inbox);
            if let Some(message) = batch.next_message() {
                return Poll::Ready(Ok(Some(message)));
            }
        }
        Poll::Ready(Ok(None))
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        loop {
            if self.inbox.has_input() {
                return Poll::Ready(Ok(true));
            }
            if self.receiving.has_received() {
                // A peer that always has something to read must not stop the clock.
                self.poll_time(cx);
            }
            remember(&self.shared.wakers.reader, cx);
            let written = self.poll_replies().is_ready();
            match self.receiving.transport() {
                Transport::Open => {}
                Transport::ShutDownWrite => {
                    if written {
                        let _ = self.poll_shutdown();
                    }
                }
                // The stream has ended behind the peer's Close, say, and the answer is not written.
                Transport::Close if !written => {
                    ready!(self.poll_patience(cx));
                    self.receiving.give_up();
                    continue;
                }
                Transport::Close => {
                    // A TLS stream has its own way to say that this is the end. Not worth waiting.
                    let _ = self.poll_shutdown();
                    // The other half may wait for something that will not come.
                    wake(&self.shared.wakers.writer);
                    return Poll::Ready(
                        adapter::finish(&mut self.inbox, &mut self.timeout).map(|()| false),
                    );
                }
            }
            let received = match poll_read(&mut self.stream, &mut self.inbox, cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(result) => {
                    adapter::received(result, &mut self.receiving, &mut self.inbox)?;
                    Poll::Ready(())
                }
            };
            if received.is_ready() && self.inbox.has_input() {
                continue;
            }
            // After reading: a Pong that has waited for this task is not late.
            if !self.poll_time(cx) && received.is_pending() {
                self.shared.release();
                return Poll::Pending;
            }
        }
    }

    /// Waits for the time to close, from the first call on.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.clock.now();
        let timeout = self.receiving.config().close_timeout;
        let ended = *self.ended.get_or_insert(now);
        self.alarm.poll(timeout.map(|timeout| ended + timeout), self.clock, cx)
    }

    fn poll_shutdown(&self) -> Poll<()> {
        self.shared.with_side(|Side { stream, write, .. }| {
            write.poll_shutdown(stream, &mut Context::from_waker(&self.shared.waker))
        })
    }

    /// Writes what is queued, replies among it. What fails here, the reading side learns as well.
    ///
    /// When the writer is at it, which may take long if it compresses, the task is woken behind it.
    fn poll_replies(&self) -> Poll<()> {
        self.shared.reader_waits.store(true, Ordering::SeqCst);
        let mut side = match self.shared.side.try_lock() {
            Ok(side) => side,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => return Poll::Pending,
        };
        self.shared.reader_waits.store(false, Ordering::SeqCst);
        self.shared.poll_write(&mut side).map(drop)
    }

    fn poll_time(&mut self, cx: &mut Context<'_>) -> bool {
        let mut due = false;
        loop {
            let deadline = self.receiving.poll_timeout(self.clock.now());
            if self.alarm.poll(deadline, self.clock, cx).is_pending() {
                return due;
            }
            due = true;
            if let Some(timeout) = self.receiving.handle_timeout(self.clock.now()) {
                self.timeout.get_or_insert(timeout);
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
        poll_fn(|cx| self.poll_room(len, cx)).await?;
        Ok(self.shared.with_side(|side| side.sending.send(payload))?)
    }

    /// Queues a Ping with at most 125 octets of payload and writes all that is queued. Cancel safe.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.shared.with_side(|side| side.sending.ping(payload))?;
        self.flush().await
    }

    /// Writes all that is queued. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the stream fails.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_flush(cx)).await
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
        self.shared.with_side(|side| side.sending.close(code, reason))?;
        // It has a deadline to wait for now.
        wake(&self.shared.wakers.reader);
        self.flush().await
    }

    /// Returns how far the connection is on its way from open to closed.
    pub fn state(&self) -> State {
        self.shared.with_side(|side| side.sending.state())
    }

    fn poll_flush(&self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        remember(&self.shared.wakers.writer, cx);
        let state = ready!(self.shared.with_side(|side| {
            ready!(self.shared.poll_write(side))?;
            if side.sending.gave_up() {
                // The peer did not take it within the time to close.
                return Poll::Ready(Err(Error::Io(ErrorKind::TimedOut.into())));
            }
            Poll::Ready(Ok(side.sending.state()))
        }))?;
        if state != State::Open {
            // It may wait for the last octet to be written.
            wake(&self.shared.wakers.reader);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_room(&self, len: usize, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        let has_room = |sending: &mut SendHalf| {
            let waiting = sending.output().len();
            waiting <= low_water(sending.config()) && (waiting == 0 || sending.has_room(len))
        };
        remember(&self.shared.wakers.writer, cx);
        self.shared.with_side(|side| {
            if has_room(&mut side.sending) {
                return Poll::Ready(Ok(()));
            }
            let written = self.shared.poll_write(side)?;
            if written.is_ready() || has_room(&mut side.sending) {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Shared<S> {
    fn poll_write(&self, side: &mut Side<S>) -> Poll<Result<(), Error>> {
        let Side { stream, sending, write } = side;
        let mut cx = Context::from_waker(&self.waker);
        loop {
            ready!(write.poll(stream, sending.output(), &mut cx)).map_err(Error::Io)?;
            // What was written has made room for the Pong that is owed to a flood of Pings.
            if !sending.has_output() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S> Shared<S> {
    /// Gives the buffer of the output back, unless the writer is at it.
    fn release(&self) {
        if let Ok(mut side) = self.side.try_lock() {
            side.sending.release();
        }
    }

    /// Does something under the lock, and wakes a reader that has found it taken.
    fn with_side<T>(&self, run: impl FnOnce(&mut Side<S>) -> T) -> T {
        // A stream that panics may be in any state, but what it does next is memory safe.
        let result = run(&mut self.side.lock().unwrap_or_else(PoisonError::into_inner));
        if self.reader_waits.swap(false, Ordering::SeqCst) {
            wake(&self.wakers.reader);
        }
        result
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        wake(&self.reader);
        wake(&self.writer);
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
        self.get_mut().poll_room(0, cx)
    }

    fn start_send(self: Pin<&mut Self>, payload: P) -> Result<(), Error> {
        let payload = payload.into();
        Ok(self.shared.with_side(|side| side.sending.send(payload))?)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let writer = self.get_mut();
        if writer.state() == State::Open {
            writer.shared.with_side(|side| side.sending.close(CloseCode::NORMAL, ""))?;
            // It has a deadline to wait for now.
            wake(&writer.shared.wakers.reader);
        }
        writer.poll_flush(cx)
    }
}

impl<S> fmt::Debug for Reader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("receiving", &self.receiving).finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for Writer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// Takes note of the task that a half lives in.
fn remember(slot: &Mutex<Option<Waker>>, cx: &Context<'_>) {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    match &mut *slot {
        Some(waker) => waker.clone_from(cx.waker()),
        slot => *slot = Some(cx.waker().clone()),
    }
}

/// Wakes the task that a half waits in, if any.
fn wake(slot: &Mutex<Option<Waker>>) {
    let waker = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(waker) = waker {
        waker.wake();
    }
}
