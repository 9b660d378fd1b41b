//! What is done with a stream and with the clock: all that a driver asks for.

use core::time::Duration;
use std::io::{self, ErrorKind, IoSlice, Write};

use super::Stream;
use crate::{
    Error, Output,
    adapter::Clock,
    driver::{Reads, Step, Writes},
    time::Instant,
};

/// A stream, and the clock of its connection.
#[derive(Debug)]
pub(super) struct Io<S> {
    pub(super) stream: S,
    pub(super) clock: Clock,
    /// When the program wants to be called back, whether or not anything has come.
    pub(super) until: Option<Instant>,
    reads: Limit,
    writes: Limit,
    /// How the stream last said that it can do nothing now, and how often it did so at once.
    blocked: Option<ErrorKind>,
    early: u8,
}

/// A time limit of a stream, as it was last set.
#[derive(Debug, Default)]
struct Limit(Option<Duration>);

impl<S: Stream> Io<S> {
    pub(super) fn new(stream: S, clock: Clock) -> Self {
        let (reads, writes) = (Limit::default(), Limit::default());
        Self { stream, clock, until: None, reads, writes, blocked: None, early: 0 }
    }

    /// Does what `next` says until that is ready (`true`) or has ended (`false`).
    ///
    /// A stream that is not blocking, or has a time limit of its own, is an error when nothing else
    /// can be done.
    pub(super) fn drive<D: Reads + Writes, E>(
        &mut self,
        driver: &mut D,
        mut next: impl FnMut(&mut D) -> Result<Step, E>,
    ) -> Result<bool, Error>
    where
        Error: From<E>,
    {
        loop {
            match next(driver)? {
                Step::Ready => return Ok(true),
                Step::Ended => return Ok(false),
                Step::Read => self.read(driver)?,
                Step::Time => driver.time(self.clock.now()),
                Step::Wait(_) => {
                    driver.readable();
                    driver.writable();
                    self.check()?;
                }
                step => {
                    let now = self.clock.now();
                    let deadline = driver.deadline(now);
                    self.write(driver, step, now, deadline)?;
                }
            }
        }
    }

    /// Reads once, at most until the next deadline.
    pub(super) fn read<D: Reads>(&mut self, driver: &mut D) -> io::Result<()> {
        let now = self.clock.now();
        let deadline = [driver.deadline(now), self.until].into_iter().flatten().min();
        self.reads.set(deadline.map(|at| at - now), |limit| self.stream.set_read_timeout(limit))?;
        match self.stream.read(driver.buffer()) {
            Ok(len) => {
                self.early = 0;
                driver.read(len);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_retry(&error) => {
                driver.read_pending();
                self.note_blocked(error.kind(), now, self.reads.0);
            }
            Err(error) => {
                let unexpected_eof = error.kind() == ErrorKind::UnexpectedEof;
                driver.read_failed(error, unexpected_eof)?;
            }
        }
        Ok(())
    }

    /// Writes, flushes or shuts down, at most until `deadline`.
    pub(super) fn write<D: Writes>(
        &mut self,
        driver: &mut D,
        step: Step,
        now: Instant,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        let deadline = [deadline, self.until].into_iter().flatten().min();
        self.writes
            .set(deadline.map(|at| at - now), |limit| self.stream.set_write_timeout(limit))?;
        let result = match step {
            Step::Write => write_once(&mut self.stream, driver.output()).map(|len| {
                driver.wrote(len);
            }),
            Step::Flush => self.stream.flush().map(|()| driver.flushed()),
            _ => {
                // Fails when the peer was faster.
                let _ = self.stream.shutdown_write();
                driver.shut_down();
                Ok(())
            }
        };
        match result {
            Ok(()) => self.early = 0,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_retry(&error) => {
                driver.write_pending();
                self.note_blocked(error.kind(), now, self.writes.0);
            }
            Err(error) => driver.write_failed(error)?,
        }
        Ok(())
    }

    /// Records that the stream can do nothing now, and whether its time limit says so.
    fn note_blocked(&mut self, kind: ErrorKind, began: Instant, limit: Option<Duration>) {
        let elapsed = self.clock.now() - began;
        let early = limit.is_none_or(|limit| elapsed + MIN_LIMIT < limit);
        self.early = if early { self.early.saturating_add(1) } else { 0 };
        // A signal may end a wait early, once. A stream without time limits is taken at its word.
        if self.early > 1 || limit.is_none() {
            self.blocked = Some(kind);
        }
    }

    /// Returns an error when the program has to be told that nothing can be done now.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        if let Some(kind) = self.blocked.take() {
            return Err(Error::Io(kind.into()));
        }
        match self.until {
            Some(until) if until <= self.clock.now() => Err(Error::Io(ErrorKind::TimedOut.into())),
            _ => Ok(()),
        }
    }

    /// Runs `wait` with a limit to its time.
    pub(super) fn until(&mut self, patience: Duration) {
        self.until = Some(self.clock.now() + patience);
    }
}

impl Limit {
    /// Sets the limit, unless the one that is set is near enough: that saves a system call.
    ///
    /// Somewhat late is no harm for a timer that asks whether the peer is still there, and early is
    /// none at all.
    fn set(
        &mut self,
        limit: Option<Duration>,
        set: impl FnOnce(Option<Duration>) -> io::Result<bool>,
    ) -> io::Result<()> {
        let limit = limit.map(|limit| limit.max(MIN_LIMIT));
        let fits = match (limit, self.0) {
            (Some(limit), Some(set)) => set <= limit + limit / 256 && set >= limit / 2,
            (limit, set) => limit == set,
        };
        if !fits && set(limit)? {
            self.0 = limit;
        }
        Ok(())
    }
}

/// Writes what the stream takes, several chunks at a time.
#[allow(clippy::indexing_slicing, reason = "no more slices are set than there are")]
fn write_once<W: Write>(stream: &mut W, output: &mut Output) -> io::Result<usize> {
    let chunk = output.chunk();
    let written = if chunk.len() == output.len() {
        // For a single chunk the kernel takes a third less time without a list of them.
        stream.write(chunk)
    } else {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let count = output.chunks_vectored(&mut slices);
        stream.write_vectored(&slices[..count])
    };
    match written? {
        0 => Err(ErrorKind::WriteZero.into()),
        len => Ok(len),
    }
}

/// Returns whether an error only says that nothing can be done now.
fn is_retry(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// How many slices a vectored write gets at most.
const MAX_SLICES: usize = 16;

/// The shortest time limit: sockets take zero for none.
pub(super) const MIN_LIMIT: Duration = Duration::from_millis(1);
