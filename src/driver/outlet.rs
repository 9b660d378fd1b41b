//! The write side of a transport: what to write, flush and shut down, and what was lost.

#[cfg(feature = "std")]
use core::task::Poll;
#[cfg(feature = "std")]
use std::io::{self, IoSlice};

use super::{Error, Step};
#[cfg(feature = "std")]
use crate::connection::SendHalf;
use crate::{
    connection::{Connection, Transport},
    output::Output,
};

/// A machine with output: a connection, its sending half, or an opening handshake.
#[allow(unnameable_types, reason = "sealed: only the drivers have one")]
pub trait Queue {
    fn output(&mut self) -> &mut Output;

    fn has_output(&mut self) -> bool {
        self.output().pending_len() != 0
    }

    /// Whether the peer did not take the output within the time to close.
    fn gave_up(&self) -> bool {
        false
    }
}

/// The state of the write side.
#[derive(Debug, Default)]
#[allow(unnameable_types, reason = "sealed: only the drivers have one")]
pub struct Outlet {
    // Set by a write, cleared when the transport has passed it on.
    unflushed: bool,
    // Set when the transport takes nothing now, cleared by `resume`.
    pending: bool,
    // The same for shutting down.
    shutdown_pending: bool,
    // Whether the last step was to shut down.
    shutting_down: bool,
    // Whether the transport owns output.
    in_flight: bool,
    // Whether anything was written since `take_moved`.
    moved: bool,
    // Whether the caller waits for output to be written, and is told when that fails.
    pub(super) reports: bool,
    // Whether the write side was shut down, or has failed.
    over: bool,
    // Whether it was seen that the connection gave up.
    gave_up: bool,
    lost: Lost,
}

/// Whether output was lost, and whether the program knows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Lost {
    #[default]
    Nothing,
    /// The time to close has passed, and nobody was told.
    Untold,
    Told,
}

/// What there is to do with the write side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outgoing {
    /// A step.
    Do(Step),
    /// All is written and flushed, or lost.
    Done,
    /// Something is left, and nothing can be done now.
    Wait,
}

impl Outlet {
    /// Returns what to do next with the write side.
    #[inline]
    pub(super) fn next(&mut self, queue: &mut impl Queue) -> Outgoing {
        self.note_give_up(queue);
        let has_output = queue.has_output();
        if self.over {
            if has_output {
                queue.output().discard();
                self.lost = Lost::Told;
            }
            return Outgoing::Done;
        }
        if self.pending || self.in_flight {
            let left = has_output || self.unflushed || self.in_flight;
            return if left && !self.gave_up { Outgoing::Wait } else { Outgoing::Done };
        }
        self.shutting_down = false;
        match (has_output, self.unflushed) {
            (true, _) => Outgoing::Do(Step::Write),
            (false, true) => Outgoing::Do(Step::Flush),
            (false, false) => Outgoing::Done,
        }
    }

    #[inline]
    fn note_give_up(&mut self, queue: &mut impl Queue) {
        if !self.gave_up && queue.gave_up() {
            self.give_up(queue);
        }
    }

    /// Forgets what the transport holds: nobody waits for it any more.
    #[cold]
    pub(super) fn give_up(&mut self, queue: &mut impl Queue) {
        self.gave_up = true;
        let dropped = queue.output().was_discarded() || self.unflushed || self.in_flight;
        self.unflushed = false;
        if dropped && self.lost == Lost::Nothing {
            self.lost = Lost::Untold;
        }
    }

    /// Returns whether to shut down the write side, once all is written.
    pub(super) fn shut_down(&mut self, transport: Transport) -> Option<Step> {
        match transport {
            Transport::Open => return None,
            // A TLS stream has its own way to say that this is the end. Not worth waiting.
            Transport::Close if self.shutdown_pending => self.over = true,
            Transport::ShutdownWrite | Transport::Close => {}
        }
        if self.over || self.shutdown_pending {
            return None;
        }
        self.shutting_down = true;
        Some(Step::ShutDown)
    }

    /// Returns whether the transport could not be shut down now.
    #[cfg(feature = "std")]
    pub(super) fn waits_to_shut_down(&self) -> bool {
        self.shutdown_pending && !self.over
    }

    /// Tells the program about output that was lost: once why, then that it was.
    pub(super) fn tell(&mut self) -> Result<(), Error> {
        match self.lost {
            Lost::Nothing => Ok(()),
            Lost::Untold => {
                self.lost = Lost::Told;
                Err(Error::GaveUp)
            }
            Lost::Told => Err(Error::Lost),
        }
    }

    /// Drops pending output, and ends the write side.
    pub(super) fn abandon(&mut self, queue: &mut impl Queue) {
        if queue.has_output() || self.unflushed || self.in_flight {
            queue.output().discard();
            self.unflushed = false;
            self.lost = Lost::Untold;
        }
        self.over = true;
    }

    pub(super) fn resume(&mut self) {
        (self.pending, self.shutdown_pending) = (false, false);
    }

    pub(super) fn holds_unflushed(&self) -> bool {
        self.unflushed
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Returns whether output was lost, until this moment.
    #[inline]
    pub(super) fn has_lost(&mut self, queue: &mut impl Queue) -> bool {
        self.note_give_up(queue);
        self.lost != Lost::Nothing
    }

    /// Returns whether anything was written since the last call.
    #[inline]
    pub(super) fn take_moved(&mut self) -> bool {
        core::mem::take(&mut self.moved)
    }
}

/// What a binding does with the write side: the answers to [`Step::Write`], [`Step::Flush`] and
/// [`Step::ShutDown`].
///
/// Implemented by [`Driver`](super::Driver), [`HandshakeDriver`](super::HandshakeDriver) and
/// `SendDriver`; see [`driver`](super) for a binding that uses it.
#[allow(private_interfaces, reason = "sealed: the parts are the crate's own")]
pub trait Writes {
    #[doc(hidden)]
    type Queue: Queue;

    #[doc(hidden)]
    fn outlet(&mut self) -> (&mut Outlet, &mut Self::Queue);

    /// Returns the bytes to write.
    #[inline]
    fn output(&mut self) -> &mut Output {
        self.outlet().1.output()
    }

    /// Passes the bytes to write to `write`: one slice, or up to 16 for a transport that writes
    /// several at once (`vectored`). Returns what `write` does.
    ///
    /// For a single slice the kernel takes a third less time without a list of them.
    #[cfg(feature = "std")]
    #[inline]
    #[allow(clippy::indexing_slicing, reason = "no more slices are set than there are")]
    fn with_slices<R>(&mut self, vectored: bool, write: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
        let output = self.output();
        let chunk = output.chunk();
        if !vectored || chunk.len() == output.len() {
            return write(&[IoSlice::new(chunk)]);
        }
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let count = output.chunks_vectored(&mut slices);
        write(&slices[..count])
    }

    /// Writes to a stream of the standard library, and reports what came of it. An interrupted write is
    /// left to be tried again.
    ///
    /// Returns [`WouldBlock`](std::io::ErrorKind::WouldBlock) or
    /// [`TimedOut`](std::io::ErrorKind::TimedOut) when the stream takes nothing now.
    ///
    /// # Errors
    ///
    /// Those of [`write_failed`](Self::write_failed).
    #[cfg(feature = "std")]
    fn write_to<W: io::Write>(&mut self, stream: &mut W) -> io::Result<Option<io::ErrorKind>> {
        let written = self.with_slices(true, |slices| match slices {
            [slice] => stream.write(slice),
            slices => stream.write_vectored(slices),
        });
        match written {
            Ok(0) => self.write_failed(io::ErrorKind::WriteZero.into()).map(|()| None),
            Ok(len) => {
                self.wrote(len);
                Ok(None)
            }
            Err(error) => self.note_failure(error),
        }
    }

    /// Flushes a stream of the standard library, as [`write_to`](Self::write_to) writes to it.
    ///
    /// # Errors
    ///
    /// Those of [`write_failed`](Self::write_failed).
    #[cfg(feature = "std")]
    fn flush_to<W: io::Write>(&mut self, stream: &mut W) -> io::Result<Option<io::ErrorKind>> {
        match stream.flush() {
            Ok(()) => {
                self.flushed();
                Ok(None)
            }
            Err(error) => self.note_failure(error),
        }
    }

    /// Reports an error of a write or flush, unless it only says that this was interrupted or can do
    /// nothing now.
    #[cfg(feature = "std")]
    #[doc(hidden)]
    fn note_failure(&mut self, error: io::Error) -> io::Result<Option<io::ErrorKind>> {
        match error.kind() {
            io::ErrorKind::Interrupted => Ok(None),
            kind @ (io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                self.write_pending();
                Ok(Some(kind))
            }
            _ => self.write_failed(error).map(|()| None),
        }
    }

    /// Reports what came of polling a write. Returns `false` when it is pending.
    ///
    /// # Errors
    ///
    /// Those of [`write_failed`](Self::write_failed). A write of no bytes is a failure:
    /// [`WriteZero`](std::io::ErrorKind::WriteZero).
    #[cfg(feature = "std")]
    #[inline]
    fn write_polled(&mut self, poll: Poll<io::Result<usize>>) -> io::Result<bool> {
        match poll {
            Poll::Pending => {
                self.write_pending();
                return Ok(false);
            }
            Poll::Ready(Ok(0)) => self.write_failed(io::Error::from(io::ErrorKind::WriteZero))?,
            Poll::Ready(Ok(len)) => self.wrote(len),
            Poll::Ready(Err(error)) => self.write_failed(error)?,
        }
        Ok(true)
    }

    /// Reports what came of polling a flush. Returns `false` when it is pending.
    ///
    /// # Errors
    ///
    /// Those of [`write_failed`](Self::write_failed).
    #[cfg(feature = "std")]
    #[inline]
    fn flush_polled(&mut self, poll: Poll<io::Result<()>>) -> io::Result<bool> {
        match poll {
            Poll::Pending => {
                self.write_pending();
                return Ok(false);
            }
            Poll::Ready(Ok(())) => self.flushed(),
            Poll::Ready(Err(error)) => self.write_failed(error)?,
        }
        Ok(true)
    }

    /// Reports what came of polling a shutdown, which fails when the peer was faster. Returns `false`
    /// when it is pending.
    #[cfg(feature = "std")]
    fn shutdown_polled(&mut self, poll: Poll<io::Result<()>>) -> bool {
        match poll {
            Poll::Pending => self.write_pending(),
            Poll::Ready(_) => self.shut_down(),
        }
        poll.is_ready()
    }

    /// Reports that the transport took the first `len` bytes of the output.
    #[inline]
    fn wrote(&mut self, len: usize) {
        let (outlet, queue) = self.outlet();
        queue.output().advance(len);
        // What is reported after a give-up was dropped; nobody waits for it to be flushed.
        (outlet.unflushed, outlet.moved) = (!outlet.gave_up, true);
    }

    /// Reports that the transport has passed on all that it took.
    #[inline]
    fn flushed(&mut self) {
        let (outlet, _) = self.outlet();
        (outlet.unflushed, outlet.moved) = (false, true);
    }

    /// Reports that the write side was shut down, or that this failed.
    fn shut_down(&mut self) {
        self.outlet().0.over = true;
    }

    /// Reports that the transport can neither write, flush nor shut down now.
    fn write_pending(&mut self) {
        let (outlet, _) = self.outlet();
        match outlet.shutting_down {
            true => outlet.shutdown_pending = true,
            false => outlet.pending = true,
        }
    }

    /// Reports that the transport may be written to again.
    fn writable(&mut self) {
        self.outlet().0.resume();
    }

    /// Reports that a write or a flush has failed. What was queued is lost.
    ///
    /// # Errors
    ///
    /// `error`, when the caller waits for output to be written. Otherwise what the peer has sent is
    /// still to be read, and the next call that writes is told.
    fn write_failed<E>(&mut self, error: E) -> Result<(), E> {
        let (outlet, queue) = self.outlet();
        queue.output().discard();
        (outlet.over, outlet.lost, outlet.unflushed) = (true, Lost::Told, false);
        if outlet.reports { Err(error) } else { Ok(()) }
    }

    /// Takes all output out of the queue, for a transport that owns what it writes.
    ///
    /// The bytes count as pending until [`put_output`](Self::put_output) returns the rest. Nothing else is
    /// written in the meantime.
    ///
    /// [`Step::ShutDown`](super::Step::ShutDown) may still come: the connection gave up, and the write
    /// may be cancelled.
    fn take_output(&mut self) -> Output {
        let (outlet, queue) = self.outlet();
        outlet.in_flight = true;
        queue.output().take()
    }

    /// Returns output that was taken, [advanced](Output::advance) by what was written. Or put back all of it,
    /// and then report how much was written, with [`wrote`](Self::wrote) or `write_polled`.
    ///
    /// If the connection gave up in the meantime, the rest is dropped. If the write has failed, report
    /// [`write_failed`](Self::write_failed) after this.
    fn put_output(&mut self, rest: Output) {
        let (outlet, queue) = self.outlet();
        queue.output().put_back(rest);
        (outlet.in_flight, outlet.unflushed, outlet.moved) = (false, !outlet.gave_up, true);
    }
}

impl Queue for Connection {
    #[inline]
    fn output(&mut self) -> &mut Output {
        self.output()
    }

    #[inline]
    fn has_output(&mut self) -> bool {
        (*self).has_output()
    }

    #[inline]
    fn gave_up(&self) -> bool {
        self.gave_up()
    }
}

#[cfg(feature = "std")]
impl Queue for SendHalf {
    fn output(&mut self) -> &mut Output {
        self.output()
    }

    fn has_output(&mut self) -> bool {
        (*self).has_output()
    }

    fn gave_up(&self) -> bool {
        self.gave_up()
    }
}

/// How many slices a vectored write gets at most.
#[cfg(feature = "std")]
const MAX_SLICES: usize = 16;
