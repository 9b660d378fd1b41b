//! The drivers of a connection's two halves.

use core::fmt;

use super::{
    Batch, Error, Goal, Reads, Step, Writes, backlog,
    inbox::Receive,
    intake::Intake,
    outlet::{Outgoing, Outlet},
};
use crate::{
    config::if_on,
    connection::{Connection, ReceiveHalf, ReuniteError, SendHalf, State, Timeout, Transport},
    error::ProtocolError,
    input::Input,
    message::Event,
    time::Instant,
};

/// Drives the receiving half of a connection: reads, looks at the clock, and decides when the
/// connection has ended.
///
/// Made by [`Driver::into_split`](super::Driver::into_split). Drive it until it ends, whatever the other
/// half does: timers run here, and Pings and Closes are answered when it asks for [`Step::Reply`]. Then
/// drive the [`SendDriver`] with [`Goal::Events`]. Report [`reply_pending`](Self::reply_pending) if that
/// one has to wait, or if its own task or thread is driving it.
///
/// ```
/// use framewise::{Config, Connection, time::Instant};
/// use framewise::driver::{Driver, Goal, Reads as _, Step, Writes as _};
///
/// let (mut receiving, mut sending) =
///     Driver::new(Connection::server(Config::default())).into_split();
/// assert_eq!(receiving.next(), Ok(Step::Read));
/// let ping = b"\x89\x80\x00\x00\x00\x00";
/// receiving.empty_buffer().extend_from_slice(ping);
/// receiving.read(ping.len());
/// assert_eq!(receiving.next(), Ok(Step::Ready));
/// assert!(receiving.batch().next().is_some());
///
/// assert_eq!(receiving.next(), Ok(Step::Reply));
/// assert_eq!(sending.next(Goal::Events), Ok(Step::Write));
/// assert_eq!(sending.output().chunk(), b"\x8a\x00");
/// ```
pub struct ReceiveDriver {
    receiving: ReceiveHalf,
    intake: Intake,
    timeout: Option<Timeout>,
    reply_pending: bool,
    // Set when a reply was asked for, cleared when the sending half has written all.
    replying: bool,
    half_duplex: bool,
}

/// Drives the sending half of a connection: writes, flushes and shuts down.
///
/// Made by [`Driver::into_split`](super::Driver::into_split). It has no timers: the [`ReceiveDriver`] ends
/// the connection when the peer takes nothing.
pub struct SendDriver {
    sending: SendHalf,
    outlet: Outlet,
}

/// Splits what a driver consists of.
pub(super) fn split(pieces: Pieces) -> (ReceiveDriver, SendDriver) {
    let Pieces { connection, intake, outlet, timeout, half_duplex } = pieces;
    let (receiving, sending) = connection.into_split();
    let mut sending = SendDriver { sending, outlet };
    sending.publish();
    (ReceiveDriver::of(receiving, intake, timeout, half_duplex), sending)
}

/// What a driver consists of.
pub(super) struct Pieces {
    pub(super) connection: Connection,
    pub(super) intake: Intake,
    pub(super) outlet: Outlet,
    pub(super) timeout: Option<Timeout>,
    pub(super) half_duplex: bool,
}

/// Joins the pieces again, or returns both halves.
#[allow(clippy::result_large_err, reason = "the halves themselves come back")]
pub(super) fn join(
    receiving: ReceiveDriver,
    sending: SendDriver,
) -> Result<Pieces, ReuniteError<ReceiveDriver, SendDriver>> {
    if !receiving.receiving.is_pair_of(&sending.sending) {
        return Err(ReuniteError(receiving, sending));
    }
    let ReceiveDriver { receiving, intake, timeout, half_duplex, .. } = receiving;
    let SendDriver { sending, outlet } = sending;
    match receiving.reunite(sending) {
        Ok(connection) => Ok(Pieces { connection, intake, outlet, timeout, half_duplex }),
        Err(ReuniteError(receiving, sending)) => Err(ReuniteError(
            ReceiveDriver::of(receiving, intake, timeout, half_duplex),
            SendDriver { sending, outlet },
        )),
    }
}

impl ReceiveDriver {
    fn of(
        receiving: ReceiveHalf,
        intake: Intake,
        timeout: Option<Timeout>,
        half_duplex: bool,
    ) -> Self {
        Self { receiving, intake, timeout, reply_pending: false, replying: false, half_duplex }
    }

    /// Returns what to do next to get events, or to the end of the connection.
    ///
    /// # Errors
    ///
    /// Those of [`Driver::next`](super::Driver::next) for [`Goal::Events`]. The connection has ended
    /// then: wake the task that waits for the [`SendDriver`].
    #[allow(clippy::should_implement_trait, reason = "it is no iterator: it never ends")]
    pub fn next(&mut self) -> Result<Step, Error> {
        if self.intake.inbox.has_input() {
            self.intake.inbox.note_ready();
            return Ok(Step::Ready);
        }
        if self.intake.is_late() {
            return Ok(Step::Time);
        }
        let transport = self.receiving.transport();
        if self.wants_reply(transport) {
            return Ok(Step::Reply);
        }
        if transport == Transport::Close {
            // What was queued after the write side has ended will not be written.
            if !self.receiving.has_left() || self.receiving.write_is_over() {
                return self.intake.inbox.finish(&mut self.timeout);
            }
        } else if !self.intake.pending {
            return Ok(Step::Read);
        }
        if !self.intake.told_time {
            return Ok(Step::Time);
        }
        if !self.half_duplex {
            self.intake.inbox.release();
        }
        Ok(Step::Wait(self.intake.deadline))
    }

    /// Returns whether the sending half has something to do that does not wait for its program.
    fn wants_reply(&mut self, transport: Transport) -> bool {
        if self.reply_pending {
            return false;
        }
        let left = self.receiving.has_left();
        self.replying &= left;
        self.replying |= match transport {
            // A thread leaves the messages to the other one: writing them, it could not read.
            Transport::Open if self.half_duplex && self.receiving.state() == State::Open => {
                self.receiving.owes_reply()
            }
            Transport::Open => left,
            Transport::ShutdownWrite | Transport::Close => !self.receiving.write_is_over(),
        };
        self.replying
    }

    /// Returns whether the program asks for events again and again without taking any; see
    /// [`Driver::take_spinning`](super::Driver::take_spinning).
    pub fn take_spinning(&mut self) -> bool {
        self.intake.inbox.take_spinning()
    }

    /// Reports that the sending half cannot go on now, or that somebody else drives it.
    pub fn reply_pending(&mut self) {
        self.reply_pending = true;
    }

    /// Lets everything that is pending be tried again.
    pub fn resume(&mut self) {
        self.intake.resume();
        self.reply_pending = false;
    }

    /// Returns the events that were read. There may be none.
    pub fn batch(&mut self) -> Batch<'_, ReceiveHalf> {
        Batch::new(&mut self.receiving, &mut self.intake.inbox)
    }

    /// Returns the receiving half, to ask for its state.
    pub fn receiving(&self) -> &ReceiveHalf {
        &self.receiving
    }

    /// Returns the receiving half, to set how messages are delivered.
    pub fn receiving_mut(&mut self) -> &mut ReceiveHalf {
        &mut self.receiving
    }
}

#[allow(private_interfaces, reason = "sealed: the parts are the crate's own")]
impl Reads for ReceiveDriver {
    fn intake(&mut self) -> &mut Intake {
        &mut self.intake
    }

    fn read(&mut self, len: usize) {
        self.intake.count();
        if len == 0 {
            self.receiving.receive_eof();
            return;
        }
        // After the peer's Close, or a failure, nothing is looked at any more.
        let wanted = matches!(self.receiving.state(), State::Open | State::CloseSent);
        self.intake.inbox.filled(if wanted { len } else { 0 });
    }

    fn read_failed<E>(&mut self, error: E, unexpected_eof: bool) -> Result<(), E> {
        let open = self.receiving.state() == State::Open;
        self.read(0);
        if open && !unexpected_eof { Err(error) } else { Ok(()) }
    }

    fn time(&mut self, now: Instant) {
        let left = self.receiving.has_left();
        let deadline = loop {
            self.receiving.tell(now);
            match self.receiving.poll_timeout(now) {
                Some(deadline) if deadline <= now => {}
                deadline => break deadline,
            }
            if let Some(timeout) = self.receiving.handle_timeout(now) {
                self.timeout.get_or_insert(timeout);
            }
        };
        self.intake.tell(deadline);
        if left && !self.receiving.has_left() {
            // It was given up. The transport can still be shut down.
            self.reply_pending = false;
        }
    }

    fn deadline(&mut self, now: Instant) -> Option<Instant> {
        self.receiving.tell(now);
        let deadline = self.receiving.poll_timeout(now);
        if !self.half_duplex {
            return deadline;
        }
        // Nobody can wake a thread that reads when the other half begins to close, so it looks up
        // once in a while.
        let look = self.receiving.config().close_timeout.map(|timeout| now + timeout);
        [deadline, look].into_iter().flatten().min()
    }
}

impl SendDriver {
    /// Returns what to do next to reach `goal`, as [`Driver::next`](super::Driver::next) does.
    ///
    /// [`Goal::Events`] is that of the other half's [`Step::Reply`]: `Ready` when all is written,
    /// whether or not it was lost.
    ///
    /// # Errors
    ///
    /// [`Error::GaveUp`] once and [`Error::Lost`] from then on, when output was dropped and the goal
    /// is not `Events`.
    pub fn next(&mut self, goal: Goal) -> Result<Step, Error> {
        self.outlet.reports = goal != Goal::Events;
        let step = self.advance(goal);
        // Before a write that may block.
        self.publish();
        step
    }

    fn advance(&mut self, goal: Goal) -> Result<Step, Error> {
        if let Goal::Room(len) = goal
            && !self.outlet.has_lost(&mut self.sending)
            && self.has_room(len)
        {
            return Ok(Step::Ready);
        }
        // First: the other half may find the end of the stream after a look for output, and a Close
        // that is owed then is to be written before the shutdown.
        let transport = self.sending.transport();
        let outgoing = self.outlet.next(&mut self.sending);
        if let Outgoing::Do(step) = outgoing {
            return Ok(step);
        }
        if goal != Goal::Events {
            self.outlet.tell()?;
        }
        if outgoing == Outgoing::Wait {
            return Ok(Step::Wait(None));
        }
        if let Some(step) = self.outlet.shut_down(transport) {
            return Ok(step);
        }
        if goal == Goal::Flush {
            // The other half may sleep for long before it frees what a burst needed.
            self.sending.trim();
        }
        // A reply that is to be tried again is not done: the other half would ask for it at once.
        let waits = goal == Goal::Events && self.outlet.waits_to_shut_down();
        Ok(if waits { Step::Wait(None) } else { Step::Ready })
    }

    fn has_room(&mut self, len: usize) -> bool {
        let pending = self.sending.pending_len();
        let fits = pending <= backlog(self.sending.config()) && self.sending.has_room(len);
        pending == 0 || fits
    }

    fn publish(&mut self) {
        self.sending.publish(self.outlet.holds_unflushed(), self.outlet.is_over());
    }

    /// Lets everything that is pending be tried again.
    pub fn resume(&mut self) {
        self.outlet.resume();
    }

    /// Returns for how long a blocking write may make no progress: as long as a peer may be silent.
    pub(crate) fn patience(&self) -> Option<core::time::Duration> {
        let config = self.sending.config();
        Some(if_on(config.ping_interval)?.saturating_add(if_on(config.pong_timeout)?))
    }

    /// Returns the number of bytes that are queued or in flight.
    pub(crate) fn pending_len(&mut self) -> usize {
        self.sending.pending_len()
    }

    /// Frees the buffer that is kept for the next frames, when nothing is queued.
    pub fn release(&mut self) {
        self.sending.output().release();
    }

    /// Returns the sending half, to ask for its state.
    pub fn sending(&self) -> &SendHalf {
        &self.sending
    }

    /// Returns the sending half, to queue messages.
    pub fn sending_mut(&mut self) -> &mut SendHalf {
        &mut self.sending
    }
}

#[allow(private_interfaces, reason = "sealed: the parts are the crate's own")]
impl Writes for SendDriver {
    type Queue = SendHalf;

    fn outlet(&mut self) -> (&mut Outlet, &mut SendHalf) {
        (&mut self.outlet, &mut self.sending)
    }
}

impl Receive for ReceiveHalf {
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

impl fmt::Debug for ReceiveDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiveDriver").field("receiving", &self.receiving).finish_non_exhaustive()
    }
}

impl fmt::Debug for SendDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendDriver").field("sending", &self.sending).finish_non_exhaustive()
    }
}
