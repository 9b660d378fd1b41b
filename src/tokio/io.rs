//! What is done with a stream and with the clock: all that a driver asks for.

use alloc::boxed::Box;
use core::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};
use std::io::{self, ErrorKind};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    time::{self, Sleep},
};

use crate::{
    Error,
    driver::{HandshakeDriver, Opening, Reads, Step, Writes},
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
        let mut drive =
            |cx: &mut Context<'_>| self.poll_drive(driver, cx, HandshakeDriver::next).map_ok(drop);
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

    /// Does what `next` says until that is ready (`true`), has ended (`false`), or has to wait.
    #[inline]
    pub(super) fn poll_drive<D: Reads + Writes, E>(
        &mut self,
        driver: &mut D,
        cx: &mut Context<'_>,
        mut next: impl FnMut(&mut D) -> Result<Step, E>,
    ) -> Poll<Result<bool, Error>>
    where
        Error: From<E>,
    {
        driver.readable();
        driver.writable();
        loop {
            match next(driver)? {
                Step::Ready => return Poll::Ready(Ok(true)),
                Step::Ended => return Poll::Ready(Ok(false)),
                Step::Read => self.moved |= poll_read(&mut self.stream, driver, cx)?,
                Step::Time => driver.time(self.clock.now()),
                Step::Wait(deadline) => {
                    ready!(self.alarm.poll(deadline, self.clock, cx));
                    driver.time(self.clock.now());
                }
                step => self.moved |= poll_write(&mut self.stream, driver, step, cx)?,
            }
        }
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
    let result = match step {
        Step::Write => {
            let vectored = stream.is_write_vectored();
            let written = driver.with_slices(vectored, |slices| match slices {
                [slice] => stream.poll_write(cx, slice),
                slices => stream.poll_write_vectored(cx, slices),
            });
            written.map(|written| match written? {
                0 => Err(ErrorKind::WriteZero.into()),
                len => {
                    driver.wrote(len);
                    Ok(())
                }
            })
        }
        Step::Flush => stream.poll_flush(cx).map_ok(|()| driver.flushed()),
        // Fails when the peer was faster.
        _ => stream.poll_shutdown(cx).map(|_| {
            driver.shut_down();
            Ok(())
        }),
    };
    match result {
        Poll::Pending => {
            driver.write_pending();
            return Ok(false);
        }
        Poll::Ready(Ok(())) => {}
        Poll::Ready(Err(error)) => driver.write_failed(error)?,
    }
    Ok(true)
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
    let result = pin!(stream.read_buf(driver.empty_buffer())).poll(cx);
    match result {
        Poll::Pending => {
            driver.read_pending();
            return Ok(false);
        }
        Poll::Ready(Ok(len)) => driver.read(len),
        Poll::Ready(Err(error)) => {
            let unexpected_eof = error.kind() == ErrorKind::UnexpectedEof;
            driver.read_failed(error, unexpected_eof)?;
        }
    }
    Ok(true)
}
