//! What is done with a stream and with the clock.

use alloc::boxed::Box;
use core::{
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};
use std::io::{self, ErrorKind, IoSlice};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    time::{self, Sleep},
};

use crate::{Output, adapter::Inbox, time::Instant};

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

/// The state of the write side of a stream.
#[derive(Debug, Default)]
pub(super) struct Write {
    // It was shut down, or failed.
    pub(super) over: bool,
    // It failed, or was given up: whoever writes is told, though it may have happened to who reads.
    pub(super) failed: bool,
    // The stream may hold octets that it has not passed on.
    dirty: bool,
}

impl Write {
    /// Writes all that is queued, several chunks at a time.
    pub(super) fn poll<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        output: &mut Output,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.over {
            let lost = !output.is_empty();
            output.clear();
            let failed = lost || self.failed;
            return Poll::Ready(if failed { Err(ErrorKind::BrokenPipe.into()) } else { Ok(()) });
        }
        let result = ready!(self.poll_all(stream, output, cx));
        if result.is_err() {
            (self.over, self.failed) = (true, true);
            output.clear();
        }
        Poll::Ready(result)
    }

    /// Shuts the write side down.
    pub(super) fn poll_shutdown<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if !self.over {
            // Fails when the peer was faster.
            let _ = ready!(Pin::new(stream).poll_shutdown(cx));
            self.over = true;
        }
        Poll::Ready(())
    }

    #[allow(clippy::indexing_slicing, reason = "no more slices are set than there are")]
    fn poll_all<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        output: &mut Output,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !output.is_empty() {
            let chunk = output.chunk();
            // For a single chunk the kernel takes a third less time without a list of them.
            let written = if chunk.len() < output.len() && stream.is_write_vectored() {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let count = output.chunks_vectored(&mut slices);
                ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &slices[..count]))?
            } else {
                ready!(Pin::new(&mut *stream).poll_write(cx, chunk))?
            };
            if written == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            output.advance(written);
            self.dirty = true;
        }
        if self.dirty {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.dirty = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// Reads once into the empty buffer. A connection that waits holds no buffer.
pub(super) fn poll_read<S: AsyncRead + Unpin>(
    stream: &mut S,
    inbox: &mut Inbox,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let result = pin!(stream.read_buf(inbox.empty_buffer())).poll(cx);
    match result {
        Poll::Ready(Ok(len)) => inbox.filled(len),
        Poll::Ready(Err(_)) | Poll::Pending => inbox.release(),
    }
    result
}

/// How many slices a vectored write gets at most.
const MAX_SLICES: usize = 16;
