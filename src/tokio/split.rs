//! A WebSocket taken apart for two tasks.

use alloc::sync::Arc;
use core::{
    fmt,
    future::poll_fn,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    WebSocket,
    io::{Alarm, Clock, Io, poll_read, poll_write},
};
use crate::{
    adapter::Error,
    connection::{ReceiveHalf, ReuniteError, SendHalf, State, Traffic},
    driver::{Goal, Reads as _, ReceiveDriver, Shared, Side, Step, Tasks, alone, joined},
    frame::CloseCode,
    message::SendError,
};

/// The half of a [`WebSocket`] that reads.
///
/// It also answers Pings and Closes, and runs the timers. So read from it until it ends, whatever the
/// other half does.
///
/// ```no_run
/// use framewise::{Event, tokio::WebSocket};
///
/// # async fn talk(websocket: WebSocket<tokio::net::TcpStream>) -> Result<(), framewise::Error> {
/// let (mut reader, mut writer) = websocket.into_split();
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
    driver: ReceiveDriver,
    clock: Clock,
    alarm: Alarm,
    both: Arc<Both<S>>,
}

/// The half of a [`WebSocket`] that writes; see [`Reader`].
///
/// Dropping it changes nothing for the other half. [`send_close`](Self::send_close) closes the
/// connection; [`abort`](Self::abort) ends it at once.
pub struct Writer<S> {
    both: Arc<Both<S>>,
}

/// What both halves hold.
struct Both<S> {
    stream: Mutex<S>,
    shared: Shared<()>,
    tasks: Arc<Tasks>,
    // Wakes both tasks. A stream remembers one task that waits to write, and here are two.
    waker: Waker,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Splits the WebSocket, so that two tasks can read and write at once. [`Reader::reunite`] joins the
    /// halves again.
    pub fn into_split(self) -> (Reader<S>, Writer<S>) {
        let (driver, sending) = self.driver.into_split();
        let (Io { stream, clock, alarm, .. }, tasks) = (self.io, Arc::<Tasks>::default());
        let (stream, waker) = (Mutex::new(stream), Waker::from(Arc::clone(&tasks)));
        let both = Arc::new(Both { stream, shared: Shared::new((), sending), tasks, waker });
        (Reader { driver, clock, alarm, both: Arc::clone(&both) }, Writer { both })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Reader<S> {
    reader_methods!();
    state_methods!();
    reading_methods!(ReceiveHalf, async, await);
    async_methods!();

    /// Returns the stream, locked: neither half can read or write while the guard is held.
    pub fn stream(&self) -> impl Deref<Target = S> {
        self.both.stream()
    }

    /// Joins the halves to a WebSocket again.
    ///
    /// # Errors
    ///
    /// Both halves, when they belong to different connections.
    #[allow(clippy::result_large_err, reason = "the halves themselves come back")]
    pub fn reunite(self, writer: Writer<S>) -> Result<WebSocket<S>, ReuniteError<Self, Writer<S>>> {
        if !Arc::ptr_eq(&self.both, &writer.both) {
            return Err(ReuniteError(self, writer));
        }
        let Self { driver, clock, alarm, both } = self;
        drop(both);
        let Both { stream, shared, .. } = alone(writer.both);
        let stream = stream.into_inner().unwrap_or_else(PoisonError::into_inner);
        let driver = joined(driver.reunite(shared.into_side().driver));
        Ok(WebSocket::with_driver(Io { stream, clock, alarm, moved: false }, driver))
    }

    fn events(&mut self) -> impl Future<Output = Result<bool, Error>> {
        poll_fn(|cx| self.poll_events(cx))
    }

    fn poll_events(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        if self.driver.take_spinning() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.both.tasks.reader.remember(cx.waker());
        let events = ready!(self.poll_drive(cx));
        if !matches!(events, Ok(true)) {
            // The other half may wait for something that will not come.
            self.both.tasks.writer.wake();
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
                    let reply = |side: &mut _| self.both.poll_drive(side, Goal::Events);
                    if !self.both.shared.try_lock(reply).is_some_and(|reply| reply.is_ready()) {
                        self.driver.reply_pending();
                    }
                }
                Step::Read => {
                    poll_read(&mut *self.both.stream(), &mut self.driver, cx)?;
                }
                Step::Wait(deadline) => {
                    if self.alarm.poll(deadline, self.clock, cx).is_pending() {
                        self.both.shared.peek(|side| side.driver.release());
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
    state_methods!();

    /// Returns the stream, locked: neither half can read or write while the guard is held.
    pub fn stream(&self) -> impl Deref<Target = S> {
        self.both.stream()
    }

    /// Ends the connection at once, without a Close. Pending output is dropped, and the [`Reader`] sees
    /// the end.
    pub fn abort(self) {
        self.queue(SendHalf::abort);
        self.both.tasks.reader.wake();
    }

    /// Returns how much was queued to be sent. `None` without [`Config::stats`](crate::Config::stats).
    pub fn sent(&self) -> Option<Traffic> {
        self.ask(SendHalf::sent)
    }

    fn begin_close(&self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        self.queue(|sending| sending.close(code, reason))?;
        // It has a deadline to wait for now.
        self.both.tasks.reader.wake();
        Ok(())
    }

    fn queue<T>(&self, queue: impl FnOnce(&mut SendHalf) -> T) -> T {
        self.both.lock(|side| queue(side.driver.sending_mut()))
    }

    fn ask<T>(&self, ask: impl FnOnce(&SendHalf) -> T) -> T {
        self.both.lock(|side| ask(side.driver.sending()))
    }

    fn goal(&self, goal: Goal) -> impl Future<Output = Result<(), Error>> {
        poll_fn(move |cx| self.poll_goal(goal, cx))
    }

    fn poll_goal(&self, goal: Goal, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        self.both.tasks.writer.remember(cx.waker());
        let result = ready!(self.both.lock(|side| self.both.poll_drive(side, goal)));
        if self.state() != State::Open {
            // It may wait for the last byte to be written.
            self.both.tasks.reader.wake();
        }
        Poll::Ready(result)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Both<S> {
    fn poll_drive(&self, side: &mut Side<()>, goal: Goal) -> Poll<Result<(), Error>> {
        let driver = &mut side.driver;
        driver.resume();
        loop {
            match driver.next(goal)? {
                Step::Ready => return Poll::Ready(Ok(())),
                Step::Wait(_) => return Poll::Pending,
                step => {
                    let cx = &mut Context::from_waker(&self.waker);
                    poll_write(&mut *self.stream(), driver, step, cx)?;
                }
            }
        }
    }

    fn stream(&self) -> MutexGuard<'_, S> {
        // A stream that panics may be in any state, but what it does next is memory safe.
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something under the lock, and wakes a reader that has found it taken.
    fn lock<T>(&self, run: impl FnOnce(&mut Side<()>) -> T) -> T {
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
