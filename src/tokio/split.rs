//! A WebSocket taken apart for two tasks.

use alloc::sync::Arc;
use core::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};

use super::{
    WebSocket,
    io::{Alarm, Clock, poll_read, poll_write},
};
use crate::{
    Batch, CloseCode, CloseFrame, Delivery, EndOfStream, Error, Message, Payload, ReceiveHalf,
    SendError, SendHalf, State,
    driver::{Goal, Reads as _, ReceiveDriver, Shared, Side, Step, Tasks},
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
    half: Half<S>,
}

/// The half of a [`WebSocket`] that writes; see [`Reader`].
///
/// Dropping it changes nothing for the other half; [`close`](Self::close) it to end the connection.
pub struct Writer<S> {
    half: Half<S>,
}

/// What both halves hold.
struct Half<S> {
    shared: Arc<Shared<WriteHalf<S>>>,
    tasks: Arc<Tasks>,
    // Wakes both tasks. A stream remembers one task that waits to write, and here are two.
    waker: Waker,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Takes the WebSocket apart, so that two tasks can read and write at once.
    pub fn split(self) -> (Reader<S>, Writer<S>) {
        let (stream, write) = tokio::io::split(self.io.stream);
        let (driver, sending) = self.driver.into_split();
        let (shared, tasks) = (Arc::new(Shared::new(write, sending)), Arc::<Tasks>::default());
        let waker = Waker::from(Arc::clone(&tasks));
        let half = Half { shared: Arc::clone(&shared), tasks: Arc::clone(&tasks), waker };
        let writer = Writer { half: Half { waker: half.waker.clone(), shared, tasks } };
        let (clock, alarm) = (self.io.clock, self.io.alarm);
        (Reader { stream, driver, clock, alarm, half }, writer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Reader<S> {
    reader_methods!();
    reading_methods!(ReceiveHalf, async, await);

    /// Waits for input; returns whether there is, `false` when the connection has ended. Cancel
    /// safe. See [`WebSocket::readable`].
    ///
    /// # Errors
    ///
    /// Those of [`WebSocket::fill`].
    pub async fn readable(&mut self) -> Result<bool, Error> {
        self.events().await
    }

    fn events(&mut self) -> impl Future<Output = Result<bool, Error>> {
        poll_fn(|cx| self.poll_events(cx))
    }

    fn poll_events(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        if self.driver.take_spinning() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.half.tasks.reader.remember(cx.waker());
        let events = ready!(self.poll_drive(cx));
        if !matches!(events, Ok(true)) {
            // The other half may wait for something that will not come.
            self.half.tasks.writer.wake();
        }
        Poll::Ready(events)
    }

    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        self.driver.resume();
        loop {
            match self.driver.next()? {
                Step::Ready => return Poll::Ready(Ok(true)),
                Step::Ended => return Poll::Ready(Ok(false)),
                Step::Reply => {
                    let reply = |side: &mut _| self.half.poll_drive(side, Goal::Events);
                    if !self.half.shared.try_lock(reply).is_some_and(|reply| reply.is_ready()) {
                        self.driver.reply_pending();
                    }
                }
                Step::Read => drop(poll_read(&mut self.stream, &mut self.driver, cx)?),
                Step::Wait(deadline) => {
                    if self.alarm.poll(deadline, self.clock, cx).is_pending() {
                        self.half.shared.peek(|side| side.driver.release());
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
    writing_methods!(async, await);

    /// Sends a Close and so begins the closing handshake; the [`Reader`] carries it to its end.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] when the code or the reason cannot be sent, or the connection is closing
    /// already; [`Error::Io`] when the stream fails.
    pub async fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        self.begin_close(code.into(), reason)?;
        self.flush().await
    }

    fn begin_close(&self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        self.queue(|sending| sending.close(code, reason))?;
        // It has a deadline to wait for now.
        self.half.tasks.reader.wake();
        Ok(())
    }

    /// Returns how far the connection is on its way from open to closed.
    pub fn state(&self) -> State {
        self.half.lock(|side| side.driver.sending().state())
    }

    fn queue<T>(&self, queue: impl FnOnce(&mut SendHalf) -> T) -> T {
        self.half.lock(|side| queue(side.driver.sending_mut()))
    }

    fn goal(&self, goal: Goal) -> impl Future<Output = Result<(), Error>> {
        poll_fn(move |cx| self.poll_goal(goal, cx))
    }

    fn poll_goal(&self, goal: Goal, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        self.half.tasks.writer.remember(cx.waker());
        let result = ready!(self.half.lock(|side| self.half.poll_drive(side, goal)));
        if self.state() != State::Open {
            // It may wait for the last byte to be written.
            self.half.tasks.reader.wake();
        }
        Poll::Ready(result)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Half<S> {
    fn poll_drive(&self, side: &mut Side<WriteHalf<S>>, goal: Goal) -> Poll<Result<(), Error>> {
        let Side { stream, driver } = side;
        driver.resume();
        loop {
            match driver.next(goal)? {
                Step::Ready => return Poll::Ready(Ok(())),
                Step::Wait(_) => return Poll::Pending,
                step => {
                    poll_write(stream, driver, step, &mut Context::from_waker(&self.waker))?;
                }
            }
        }
    }

    /// Does something under the lock, and wakes a reader that has found it taken.
    fn lock<T>(&self, run: impl FnOnce(&mut Side<WriteHalf<S>>) -> T) -> T {
        let (result, wanted) = self.shared.lock(run);
        if wanted {
            self.tasks.reader.wake();
        }
        result
    }
}

impl_debug!(Reader driver, Writer);
impl_stream!(Reader);
impl_sink!(Writer);
