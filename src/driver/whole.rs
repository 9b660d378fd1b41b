//! The driver of a whole connection.

use alloc::vec::Vec;
use core::fmt;

#[cfg(feature = "std")]
use super::halves::{self, Pieces, ReceiveDriver, SendDriver};
use super::{
    Batch, Error, Goal, HIGH_WATER, Reads, Step, Unread, Writes, backlog,
    inbox::Receive,
    intake::Intake,
    outlet::{Outgoing, Outlet},
};
#[cfg(feature = "std")]
use crate::connection::ReuniteError;
use crate::{
    connection::{Connection, EndOfStream, State, Timeout, Transport, Unseen},
    error::ProtocolError,
    input::Input,
    message::Event,
    time::Instant,
};

/// Drives a [`Connection`] over any transport.
///
/// [`next`](Self::next) says what to do; report the outcome with the methods of [`Reads`] and [`Writes`].
/// See [the module](super) for the whole loop. A driver holds nothing on the heap while the connection is
/// idle, unless it is half duplex.
///
/// ```
/// use framewise::{Config, Connection, time::Instant};
/// use framewise::driver::{Driver, Goal, Reads as _, Step, Writes as _};
///
/// let mut driver = Driver::new(Connection::server(Config::default()));
/// driver.connection_mut().send_text("Hello")?;
/// assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
/// assert_eq!(driver.output().chunk(), b"\x81\x05Hello");
/// driver.wrote(7);
/// assert_eq!(driver.next(Goal::Flush), Ok(Step::Flush));
/// driver.flushed();
/// assert_eq!(driver.next(Goal::Flush), Ok(Step::Ready));
/// # Ok::<(), framewise::SendError>(())
/// ```
pub struct Driver {
    connection: Connection,
    intake: Intake,
    outlet: Outlet,
    // The first timeout that has ended the connection, until the program was told.
    timeout: Option<Timeout>,
    // One thing at a time: while output is written, nothing is read.
    half_duplex: bool,
    // Whether another task waits to write: set at each poll by a binding that knows.
    other_writes: bool,
    // Nobody has listened to the peer since the time was last told.
    not_listening: bool,
    // Flushes since the program has read, or since the last look for input.
    flushes: u8,
}

/// What a driver was made of. Made by [`Driver::into_parts`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Parts {
    /// The connection.
    pub connection: Connection,
    /// Events that were read ahead and not delivered, the oldest first.
    pub events: Vec<Event<'static>>,
    /// Bytes that were read and not parsed.
    pub unread: Vec<u8>,
}

impl Driver {
    /// Drives a connection from which nothing was read yet.
    pub fn new(connection: Connection) -> Self {
        Self::with_unread(connection, Unread::default())
    }

    /// Drives a connection whose first bytes were read already, with the opening handshake.
    pub fn with_unread(connection: Connection, unread: Unread) -> Self {
        Self {
            connection,
            intake: Intake::new(unread.inbox),
            outlet: Outlet::default(),
            timeout: None,
            half_duplex: false,
            other_writes: false,
            not_listening: false,
            flushes: 0,
        }
    }

    /// Returns what to do next to reach `goal`.
    ///
    /// - [`Goal::Events`]: [`Ready`](Step::Ready) when [`batch`](Self::batch) has events,
    ///   [`Ended`](Step::Ended) when the connection has ended.
    /// - [`Goal::Flush`]: `Ready` when all output was written and flushed. Meanwhile it reads ahead,
    ///   up to 64 KiB of messages and the one after them, so that two echoing peers cannot deadlock.
    ///   At every 16th flush that does not have to wait, with no `Events` in between, it looks for
    ///   input once, so that a program that only sends answers Pings and Closes.
    /// - [`Goal::Room`]: `Ready` when a message of that size can be queued without a large backlog, or
    ///   will never fit. It reads ahead as `Flush` does.
    ///
    /// A goal may be dropped at any step, and another one taken up.
    ///
    /// # Errors
    ///
    /// For `Events`, once: [`Error::Protocol`] after the peer has been told and the transport has been
    /// shut down, [`Error::Timeout`] when the peer fell silent. For the others:
    /// [`Error::GaveUp`] once and [`Error::Lost`] from then on, when output was dropped.
    pub fn next(&mut self, goal: Goal) -> Result<Step, Error> {
        self.outlet.reports = goal != Goal::Events;
        match goal {
            Goal::Events => {
                // A program that receives need not be looked after.
                self.flushes = 0;
                if self.intake.inbox.has_input() && !self.is_crowded() {
                    self.intake.inbox.note_ready();
                    return Ok(Step::Ready);
                }
            }
            Goal::Room(_) if self.is_reached(goal) => return Ok(Step::Ready),
            Goal::Room(_) | Goal::Flush => self.not_listening |= self.half_duplex,
        }
        self.advance(goal)
    }

    /// Returns whether a goal is reached without a step: room that is there.
    #[inline]
    pub(crate) fn is_reached(&mut self, goal: Goal) -> bool {
        let Goal::Room(len) = goal else { return false };
        !self.outlet.has_lost(&mut self.connection) && self.has_room(len)
    }

    fn advance(&mut self, goal: Goal) -> Result<Step, Error> {
        loop {
            if self.intake.is_late() {
                return Ok(Step::Time);
            }
            let written = match self.outlet.next(&mut self.connection) {
                Outgoing::Do(step) => return Ok(step),
                Outgoing::Done => true,
                Outgoing::Wait => false,
            };
            if self.outlet.take_moved() {
                self.intake.told_time = false;
            }
            let transport = self.connection.transport();
            if written && let Some(step) = self.outlet.shut_down(transport) {
                return Ok(step);
            }
            let looks = match goal {
                Goal::Events if written && self.intake.inbox.has_input() => return Ok(Step::Ready),
                Goal::Events if written && transport == Transport::Close => return self.finish(),
                Goal::Events => false,
                Goal::Flush | Goal::Room(_) => {
                    self.outlet.tell()?;
                    if written && !self.looks_for_input() {
                        return Ok(Step::Ready);
                    }
                    written
                }
            };
            let ahead = goal != Goal::Events || !written && self.is_crowded();
            let listens = !self.intake.pending && transport != Transport::Close;
            if listens && !ahead {
                return Ok(Step::Read);
            }
            if listens && !self.half_duplex {
                // What was read is parsed first, as far as there is room for it.
                self.intake.inbox.parse(&mut self.connection);
                if !self.intake.inbox.is_full() {
                    return Ok(Step::Read);
                }
                if written && self.connection.has_output() {
                    // It has been answered.
                    continue;
                }
            }
            if !self.intake.told_time {
                return Ok(Step::Time);
            }
            if looks {
                self.flushes = 0;
                return Ok(Step::Ready);
            }
            self.release();
            return Ok(Step::Wait(self.intake.deadline));
        }
    }

    /// Returns whether a flush that is done looks for input first.
    fn looks_for_input(&mut self) -> bool {
        let quiet = self.half_duplex || self.connection.state() != State::Open;
        if quiet || self.flushes < FLUSHES_BEFORE_LOOK {
            self.flushes = self.flushes.saturating_add(1);
            return false;
        }
        true
    }

    /// Sets whether another task waits to write. Its output then does not keep this one from reading.
    #[cfg(feature = "tokio")]
    #[inline]
    pub(crate) fn set_other_writes(&mut self, other_writes: bool) {
        self.other_writes = other_writes;
    }

    /// Returns whether so much output of the task that reads is pending that nothing is read for it.
    #[inline]
    fn is_crowded(&self) -> bool {
        self.connection.pending_len() > HIGH_WATER && !self.other_writes
    }

    fn has_room(&self, len: usize) -> bool {
        let pending = self.connection.pending_len();
        let fits = || pending <= backlog(self.connection.config()) && self.connection.has_room(len);
        pending == 0 || fits()
    }

    /// Returns what ended the connection, if it is an error.
    fn finish(&mut self) -> Result<Step, Error> {
        self.intake.inbox.finish(&mut self.timeout)
    }

    /// Frees what a connection that waits does not need.
    fn release(&mut self) {
        // In this order: the output then grows in place, where the read buffer was.
        if !self.half_duplex {
            self.intake.inbox.release();
        }
        self.connection.output().release();
    }

    /// Returns whether the program asks for events again and again without taking any. A binding then
    /// yields to other tasks. Clears this.
    pub fn take_spinning(&mut self) -> bool {
        self.intake.inbox.take_spinning()
    }

    /// Lets everything that is pending be tried again. See also [`Reads::readable`] and
    /// [`Writes::writable`].
    #[inline]
    pub fn resume(&mut self) {
        self.intake.resume();
        self.outlet.resume();
    }

    /// Sets whether the transport does one thing at a time, as a thread does: off by default.
    ///
    /// Nothing is read then while output is written, and the peer's silence does not count while
    /// nobody listens. The read buffer is kept.
    pub fn set_half_duplex(&mut self, half_duplex: bool) {
        self.half_duplex = half_duplex;
    }

    /// Returns the events that were read. There may be none.
    #[inline]
    pub fn batch(&mut self) -> Batch<'_> {
        // The program may close the connection, and that has a deadline.
        self.intake.told_time = false;
        Batch::new(&mut self.connection, &mut self.intake.inbox)
    }

    /// Returns whether [`batch`](Self::batch) has bytes to parse or events that were read ahead.
    #[inline]
    pub fn has_input(&self) -> bool {
        self.intake.inbox.has_input()
    }

    /// Returns whether the connection has ended and the program was told all of it.
    pub fn is_finished(&self) -> bool {
        self.connection.state() == State::Closed
            && !self.has_input()
            && self.intake.inbox.failed.is_none()
            && self.timeout.is_none()
    }

    /// Returns the connection, to ask for its state.
    #[inline]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the connection, to queue messages.
    #[inline]
    pub fn connection_mut(&mut self) -> &mut Connection {
        // The same, even while the transport takes nothing.
        self.intake.told_time = false;
        &mut self.connection
    }

    /// Returns how the connection ended, once it has.
    pub fn end(&self) -> Option<EndOfStream> {
        self.connection.end()
    }

    /// Takes the driver apart.
    pub fn into_parts(self) -> Parts {
        Parts {
            connection: self.connection,
            unread: self.intake.inbox.unread().to_vec(),
            events: self.intake.inbox.events.into(),
        }
    }

    /// Splits the driver, so that two tasks or threads can receive and send at once.
    /// [`ReceiveDriver::reunite`] joins the halves again.
    #[cfg(feature = "std")]
    pub fn into_split(self) -> (ReceiveDriver, SendDriver) {
        let Self { connection, intake, outlet, timeout, half_duplex, .. } = self;
        halves::split(Pieces { connection, intake, outlet, timeout, half_duplex })
    }

    fn unseen(&self) -> Unseen {
        Unseen { not_listening: self.not_listening, unflushed: self.outlet.holds_unflushed() }
    }
}

#[cfg(feature = "std")]
impl ReceiveDriver {
    /// Joins the halves to a driver again. Nothing may be in flight.
    ///
    /// # Errors
    ///
    /// Both halves, when they belong to different connections.
    #[allow(clippy::result_large_err, reason = "the halves themselves come back")]
    pub fn reunite(self, sending: SendDriver) -> Result<Driver, ReuniteError<Self, SendDriver>> {
        let Pieces { connection, intake, outlet, timeout, half_duplex } =
            halves::join(self, sending)?;
        Ok(Driver {
            connection,
            intake,
            outlet,
            timeout,
            half_duplex,
            other_writes: false,
            not_listening: false,
            flushes: 0,
        })
    }
}

#[allow(private_interfaces, reason = "sealed: the parts are the crate's own")]
impl Reads for Driver {
    #[inline]
    fn intake(&mut self) -> &mut Intake {
        &mut self.intake
    }

    #[inline]
    fn read(&mut self, len: usize) {
        self.intake.count();
        if !self.outlet.reports {
            // A flush that looks for input goes on until what it found is answered.
            self.flushes = 0;
        }
        if len == 0 {
            self.connection.receive_eof();
            return;
        }
        // After the peer's Close, or a failure, nothing is looked at any more.
        let wanted = matches!(self.connection.state(), State::Open | State::CloseSent);
        self.intake.inbox.filled(if wanted { len } else { 0 });
    }

    fn read_failed<E>(&mut self, error: E, unexpected_eof: bool) -> Result<(), E> {
        let open = self.connection.state() == State::Open;
        self.read(0);
        if open && !unexpected_eof { Err(error) } else { Ok(()) }
    }

    fn time(&mut self, now: Instant) {
        let deadline = loop {
            match self.deadline(now) {
                Some(deadline) if deadline <= now => {}
                deadline => break deadline,
            }
            let unseen = self.unseen();
            if let Some(timeout) = self.connection.handle_timeout_over(now, unseen) {
                self.timeout.get_or_insert(timeout);
            }
        };
        self.intake.tell(deadline);
    }

    fn deadline(&mut self, now: Instant) -> Option<Instant> {
        let unseen = self.unseen();
        let deadline = self.connection.deadline_over(now, unseen);
        // While the caller writes, still nobody listens.
        self.not_listening &= self.outlet.reports;
        deadline
    }
}

#[allow(private_interfaces, reason = "sealed: the parts are the crate's own")]
impl Writes for Driver {
    type Queue = Connection;

    #[inline]
    fn outlet(&mut self) -> (&mut Outlet, &mut Connection) {
        (&mut self.outlet, &mut self.connection)
    }
}

impl Receive for Connection {
    #[inline]
    fn receive<'buf>(
        &mut self,
        input: &mut Input<'buf>,
    ) -> Result<Option<Event<'buf>>, ProtocolError> {
        self.receive(input)
    }

    fn put_aside(&mut self) {
        self.put_aside();
    }

    fn take_aside(&mut self) {
        self.take_aside();
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// How many flushes there may be before a program that only sends looks for input.
const FLUSHES_BEFORE_LOOK: u8 = 15;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// Drives to `goal` with one frame to read, then nothing more; returns how often it was to read.
    fn drive(driver: &mut Driver, goal: Goal, mut read: impl FnMut(&mut Driver)) -> usize {
        let mut reads = 0;
        loop {
            match driver.next(goal).unwrap() {
                Step::Ready => return reads,
                Step::Write => {
                    let len = driver.output().len();
                    driver.wrote(len);
                }
                Step::Flush => driver.flushed(),
                Step::Time => driver.time(Instant::ORIGIN),
                Step::Read => {
                    reads += 1;
                    read(driver);
                }
                step => panic!("{step:?}"),
            }
        }
    }

    // A flush that looks for input empties the read buffer, and returns without waiting.
    #[test]
    fn a_batch_is_empty_after_a_flush_that_found_nothing_to_read() {
        let looks: [fn(&mut Driver); 3] = [
            |driver| _ = driver.buffer(),
            |driver| _ = driver.empty_buffer(),
            |driver| _ = driver.take_buffer(),
        ];
        for look in looks {
            let mut driver = Driver::new(Connection::server(Config::default()));
            drive(&mut driver, Goal::Events, |driver| {
                let frame = b"\x81\x82\x00\x00\x00\x00hi";
                driver.put_buffer(frame.to_vec(), frame.len());
            });
            while driver.batch().next().is_some() {}
            let mut reads = 0;
            for _ in 0..20 {
                driver.connection_mut().send_text("Hello").unwrap();
                reads += drive(&mut driver, Goal::Flush, |driver| {
                    look(driver);
                    driver.read_pending();
                });
                assert!(driver.batch().next().is_none());
            }
            assert_eq!(reads, 1);
        }
    }

    #[test]
    fn a_buffer_that_is_put_back_ends_a_pending_read() {
        let mut driver = Driver::new(Connection::server(Config::default()));
        let mut in_flight = None;
        for payload in [b"hi", b"ho"] {
            loop {
                match driver.next(Goal::Events).unwrap() {
                    Step::Time => driver.time(Instant::ORIGIN),
                    Step::Read => {
                        assert!(in_flight.is_none());
                        in_flight = Some(driver.take_buffer());
                        driver.read_pending();
                    }
                    Step::Wait(_) => break,
                    step => panic!("{step:?}"),
                }
            }
            let mut buf = in_flight.take().expect("a read is in flight");
            buf.extend_from_slice(b"\x81\x82\x00\x00\x00\x00");
            buf.extend_from_slice(payload);
            driver.put_buffer(buf, 8);
            assert_eq!(driver.next(Goal::Events), Ok(Step::Ready));
            assert_eq!(driver.batch().next_message().unwrap().as_bytes(), payload);
        }
    }
}
