//! What is done with a stream and with the clock: all that a driver asks for.

use core::time::Duration;
use std::io::{self, ErrorKind};

use super::Stream;
use crate::{
    adapter::{Clock, Error},
    driver::{Blocked, HandshakeDriver, Limit, Opening, Reads, Step, Writes},
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

    /// Makes one of a stream for an opening handshake.
    pub(super) fn open(stream: S) -> io::Result<Self> {
        stream.set_nodelay()?;
        Ok(Self::new(stream, Clock::start()))
    }

    /// Drives a handshake to its end.
    pub(super) fn shake<H: Opening>(&mut self, driver: &mut HandshakeDriver<H>) -> Result<(), Error>
    where
        Error: From<H::Error>,
    {
        let shaken = self.drive(driver, HandshakeDriver::next).map(drop);
        if !matches!(shaken, Err(Error::Io(_))) {
            return shaken;
        }
        // The server may have refused before it read all of the request.
        let again = self.drive(driver, HandshakeDriver::next).map(drop);
        if driver.is_refused() { again } else { shaken }
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
        // For writes, until one had to wait.
        let mut times = None;
        loop {
            match next(driver)? {
                Step::Ready => return Ok(true),
                Step::Ended => return Ok(false),
                Step::Read => self.read(driver)?,
                Step::Time => {
                    times = None;
                    driver.time(self.clock.now());
                }
                Step::Wait(_) => {
                    driver.readable();
                    driver.writable();
                    self.check()?;
                }
                step => {
                    let (now, deadline) = *times.get_or_insert_with(|| {
                        let now = self.clock.now();
                        (now, driver.deadline(now))
                    });
                    self.write(driver, step, now, deadline)?;
                    if step == Step::Write && !driver.output().is_empty() {
                        // It may have waited after the last byte: what it took, it took before.
                        driver.deadline(now);
                        times = None;
                    }
                }
            }
        }
    }

    /// Reads once, at most until the next deadline.
    pub(super) fn read<D: Reads>(&mut self, driver: &mut D) -> io::Result<()> {
        let now = self.clock.now();
        let deadline = [driver.deadline(now), self.until].into_iter().flatten().min();
        self.reads.set(deadline.map(|at| at - now), |limit| self.stream.set_read_timeout(limit))?;
        match driver.read_from(&mut self.stream)? {
            None => self.blocked.clear(),
            Some(kind) => self.blocked.note(kind, self.clock.now() - now, &self.reads),
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
        let blocked = match step {
            Step::Write => driver.write_to(&mut self.stream)?,
            Step::Flush => driver.flush_to(&mut self.stream)?,
            _ => {
                // Fails when the peer was faster.
                let _ = self.stream.shutdown_write();
                driver.shut_down();
                None
            }
        };
        match blocked {
            None => self.blocked.clear(),
            Some(kind) => self.blocked.note(kind, self.clock.now() - now, &self.writes),
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
