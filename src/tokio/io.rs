//! What is done with a stream and with the clock: all that a driver asks for.

use alloc::boxed::Box;
use core::{
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};
use std::io;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    time::{self, Sleep},
};

use crate::{
    adapter::Error,
    driver::{HandshakeDriver, Opening, Reads, Step, Writes},
    polled,
    time::Instant,
};

/// A stream, and the clock of its connection.
#[derive(Debug)]
pub(super) struct Io<S> {
    pub(super) stream: S,
    pub(super) clock: Clock,
    pub(super) alarm: Alarm,
    // Whether anything was read or written since this was cleared.
    pub(super) moved: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Io<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, clock: Clock::start(), alarm: Alarm::default(), moved: false }
    }

    /// Makes one of a stream for an opening handshake.
    #[allow(clippy::unnecessary_wraps, reason = "the blocking one sets an option, which may fail")]
    pub(super) fn open(stream: S) -> io::Result<Self> {
        Ok(Self::new(stream))
    }

    /// Drives a handshake to its end.
    pub(super) async fn shake<H: Opening>(
        &mut self,
        driver: &mut HandshakeDriver<H>,
    ) -> Result<(), Error>
    where
        Error: From<H::Error>,
    {
        polled::shake(self, driver).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> polled::Stream for Io<S> {
    #[inline]
    fn poll_step<D: Reads + Writes>(
        &mut self,
        driver: &mut D,
        step: Step,
        cx: &mut Context<'_>,
    ) -> io::Result<bool> {
        let moved = match step {
            Step::Read => poll_read(&mut self.stream, driver, cx)?,
            step => poll_write(&mut self.stream, driver, step, cx)?,
        };
        self.moved |= moved;
        Ok(moved)
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn poll_alarm(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        self.alarm.poll(Some(deadline), self.clock, cx)
    }
}

/// Writes, flushes or shuts down; returns whether the stream has taken it.
#[inline]
pub(super) fn poll_write<S: AsyncWrite + Unpin, D: Writes>(
    stream: &mut S,
    driver: &mut D,
    step: Step,
    cx: &mut Context<'_>,
) -> io::Result<bool> {
    let stream = Pin::new(stream);
    match step {
        Step::Write => {
            let vectored = stream.is_write_vectored();
            let written = driver.with_slices(vectored, |slices| match slices {
                [slice] => stream.poll_write(cx, slice),
                slices => stream.poll_write_vectored(cx, slices),
            });
            driver.write_polled(written)
        }
        Step::Flush => driver.flush_polled(stream.poll_flush(cx)),
        _ => Ok(driver.shutdown_polled(stream.poll_shutdown(cx))),
    }
}

/// The clock of the runtime, which tests can stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    origin: time::Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { origin: time::Instant::now() }
    }

    pub(super) fn now(self) -> Instant {
        Instant::from_origin(self.origin.elapsed())
    }
}

/// Wakes a task at a deadline.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    // What the sleep is set to, until it has ended.
    set: Option<Instant>,
}

impl Alarm {
    /// Returns whether the deadline has come; else has the task woken then, or before.
    ///
    /// On a busy connection the deadline moves away with every read. The sleep stays where it is
    /// then, and moves only when it has ended too early: the timer of the runtime is touched once
    /// in a while instead of once a read.
    pub(super) fn poll(
        &mut self,
        deadline: Option<Instant>,
        clock: Clock,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        loop {
            if self.set.is_none_or(|set| deadline < set) {
                let now = clock.now();
                if deadline <= now {
                    return Poll::Ready(());
                }
                let until = clock.origin + deadline.since_origin();
                match &mut self.sleep {
                    Some(sleep) => sleep.as_mut().reset(until),
                    sleep => *sleep = Some(Box::pin(time::sleep_until(until))),
                }
                self.set = Some(deadline);
            }
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
            }
            self.set = None;
        }
    }
}

/// Reads once; returns whether the stream had anything.
#[inline]
pub(super) fn poll_read<S: AsyncRead + Unpin, D: Reads>(
    stream: &mut S,
    driver: &mut D,
    cx: &mut Context<'_>,
) -> io::Result<bool> {
    let read = pin!(stream.read_buf(driver.empty_buffer())).poll(cx);
    driver.read_polled(read)
}
