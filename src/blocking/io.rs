//! What is done with a stream and with the clock: all that a driver asks for.

use core::time::Duration;
use std::io::{self, ErrorKind};

use super::Stream;
use crate::{
    Error,
    adapter::Clock,
    driver::{Blocked, Limit, Reads, Step, Writes},
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
    blocked: Blocked<ErrorKind>,
}

impl<S: Stream> Io<S> {
    pub(super) fn new(stream: S, clock: Clock) -> Self {
        let (reads, writes) = (Limit::default(), Limit::default());
        Self { stream, clock, until: None, reads, writes, blocked: Blocked::default() }
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
                self.blocked.clear();
                driver.read(len);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_retry(&error) => {
                driver.read_pending();
                self.blocked.note(error.kind(), self.clock.now() - now, &self.reads);
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
            Step::Write => {
                let written = driver.with_slices(true, |slices| match slices {
                    [slice] => self.stream.write(slice),
                    slices => self.stream.write_vectored(slices),
                });
                written.and_then(|len| match len {
                    0 => Err(ErrorKind::WriteZero.into()),
                    len => Ok(driver.wrote(len)),
                })
            }
            Step::Flush => self.stream.flush().map(|()| driver.flushed()),
            _ => {
                // Fails when the peer was faster.
                let _ = self.stream.shutdown_write();
                driver.shut_down();
                Ok(())
            }
        };
        match result {
            Ok(()) => self.blocked.clear(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_retry(&error) => {
                driver.write_pending();
                self.blocked.note(error.kind(), self.clock.now() - now, &self.writes);
            }
            Err(error) => driver.write_failed(error)?,
        }
        Ok(())
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

/// Returns whether an error only says that nothing can be done now.
fn is_retry(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
