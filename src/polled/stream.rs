//! What a runtime brings: a stream, a clock and a timer.

use core::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::io;

use crate::{
    adapter::Error,
    driver::{HandshakeDriver, Opening, Reads, Step, Writes},
    time::Instant,
};

/// A stream of bytes, a clock and a timer of an asynchronous runtime.
///
/// An implementation does what a driver says, and reports how it went. [`Reads`] and [`Writes`] have a
/// method for each result of a poll:
///
/// ```
/// use std::{io::{self, Read as _, Write as _}, pin::pin, task::{Context, Poll, Waker}};
/// use framewise::{Config, Connection, driver::{Reads, Step, Writes}, time::Instant};
/// use framewise::polled::{Stream, WebSocket};
///
/// /// All that the peer sends, and what is sent to it.
/// struct Recorded {
///     incoming: &'static [u8],
///     outgoing: Vec<u8>,
/// }
///
/// impl Stream for Recorded {
///     fn poll_step<D: Reads + Writes>(
///         &mut self,
///         driver: &mut D,
///         step: Step,
///         _cx: &mut Context<'_>,
///     ) -> io::Result<bool> {
///         match step {
///             Step::Read => {
///                 let read = self.incoming.read(driver.buffer());
///                 driver.read_polled(Poll::Ready(read))
///             }
///             Step::Write => {
///                 let written = self.outgoing.write(driver.output().chunk());
///                 driver.write_polled(Poll::Ready(written))
///             }
///             Step::Flush => driver.flush_polled(Poll::Ready(Ok(()))),
///             _ => Ok(driver.shutdown_polled(Poll::Ready(Ok(())))),
///         }
///     }
///
///     fn now(&self) -> Instant {
///         Instant::ORIGIN // nothing takes time here
///     }
///
///     fn poll_alarm(&mut self, _deadline: Instant, _cx: &mut Context<'_>) -> Poll<()> {
///         Poll::Pending
///     }
/// }
///
/// let stream = Recorded { incoming: b"\x81\x82\x00\x00\x00\x00hi", outgoing: Vec::new() };
/// let mut websocket = WebSocket::new(stream, Connection::server(Config::default()));
/// let mut context = Context::from_waker(Waker::noop());
/// let read = pin!(websocket.read()).poll(&mut context);
/// assert!(matches!(read, Poll::Ready(Ok(Some(message))) if message.as_text() == Some("hi")));
/// let sent = pin!(websocket.send("ho")).poll(&mut context);
/// assert!(matches!(sent, Poll::Ready(Ok(()))));
/// assert_eq!(websocket.stream().outgoing, b"\x81\x02ho");
/// ```
pub trait Stream {
    /// Does a step of `driver` and reports how it went. Returns `false` when the step is pending.
    ///
    /// The step is [`Read`](Step::Read), [`Write`](Step::Write), [`Flush`](Step::Flush) or
    /// [`ShutDown`](Step::ShutDown).
    ///
    /// # Errors
    ///
    /// Those that `driver` passes on.
    fn poll_step<D: Reads + Writes>(
        &mut self,
        driver: &mut D,
        step: Step,
        cx: &mut Context<'_>,
    ) -> io::Result<bool>;

    /// Reports what is no longer pending, at the beginning of each poll.
    ///
    /// By default everything is tried again, as polled streams need it. If the transport owns what is in
    /// flight, put back here what it has finished.
    ///
    /// # Errors
    ///
    /// Those that `driver` passes on.
    fn poll_pending<D: Reads + Writes>(
        &mut self,
        driver: &mut D,
        cx: &mut Context<'_>,
    ) -> io::Result<()> {
        let _ = cx;
        driver.readable();
        driver.writable();
        Ok(())
    }

    /// Returns the time.
    fn now(&self) -> Instant;

    /// Waits for a deadline. May return before it. See [`Alarm`].
    fn poll_alarm(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()>;

    /// Has small writes sent at once (`TCP_NODELAY`), where the stream knows that. Called when an
    /// opening handshake begins.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn set_nodelay(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A timer that is set only when necessary.
///
/// On a busy connection the deadline moves away with every read. The timer stays where it is then, and
/// is set again only when it has ended too early.
///
/// ```
/// use std::{future::{Ready, ready}, task::{Context, Poll, Waker}};
/// use framewise::{polled::Alarm, time::Instant};
///
/// let mut alarm = Alarm::<Ready<()>>::default();
/// let mut cx = Context::from_waker(Waker::noop());
/// assert_eq!(alarm.poll(Instant::ORIGIN, &mut cx, || ready(())), Poll::Ready(()));
/// ```
#[derive(Debug)]
pub struct Alarm<T> {
    // What the timer is set to, until it has ended.
    set: Option<(Instant, T)>,
}

impl<T> Default for Alarm<T> {
    fn default() -> Self {
        Self { set: None }
    }
}

impl<T: Future + Unpin> Alarm<T> {
    /// Waits for a deadline, with a timer for it that `start` makes. May return before it.
    pub fn poll(
        &mut self,
        deadline: Instant,
        cx: &mut Context<'_>,
        start: impl FnOnce() -> T,
    ) -> Poll<()> {
        if self.set.as_ref().is_none_or(|(set, _)| deadline < *set) {
            self.set = Some((deadline, start()));
        }
        if let Some((_, timer)) = &mut self.set {
            ready!(Pin::new(timer).poll(cx));
        }
        self.set = None;
        Poll::Ready(())
    }
}

/// Does what `next` says until that is ready (`true`), has ended (`false`), or has to wait.
#[inline]
pub(crate) fn poll_drive<S: Stream, D: Reads + Writes, E>(
    stream: &mut S,
    driver: &mut D,
    cx: &mut Context<'_>,
    mut next: impl FnMut(&mut D) -> Result<Step, E>,
) -> Poll<Result<bool, Error>>
where
    Error: From<E>,
{
    stream.poll_pending(driver, cx)?;
    loop {
        match next(driver)? {
            Step::Ready => return Poll::Ready(Ok(true)),
            Step::Ended => return Poll::Ready(Ok(false)),
            Step::Time => driver.time(stream.now()),
            Step::Wait(deadline) => {
                let Some(deadline) = deadline else { return Poll::Pending };
                ready!(stream.poll_alarm(deadline, cx));
                driver.time(stream.now());
            }
            step => drop(stream.poll_step(driver, step, cx)?),
        }
    }
}

/// Drives a handshake to its end.
pub(crate) async fn shake<S: Stream, H: Opening>(
    stream: &mut S,
    driver: &mut HandshakeDriver<H>,
) -> Result<(), Error>
where
    Error: From<H::Error>,
{
    let mut drive =
        |cx: &mut Context<'_>| poll_drive(stream, driver, cx, HandshakeDriver::next).map_ok(drop);
    let shaken = poll_fn(&mut drive).await;
    if !matches!(shaken, Err(Error::Io(_))) {
        return shaken;
    }
    // The server may have refused before it read all of the request.
    match poll_fn(|cx| Poll::Ready(drive(cx))).await {
        Poll::Ready(again) if driver.is_refused() => again,
        _ => shaken,
    }
}
