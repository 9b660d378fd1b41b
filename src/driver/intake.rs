//! The read side of a transport, and the clock.

use alloc::vec::Vec;
#[cfg(feature = "std")]
use core::task::Poll;
#[cfg(feature = "std")]
use std::io;

use super::inbox::Inbox;
use crate::time::Instant;

/// The state of the read side and of the clock.
#[derive(Debug, Default)]
#[allow(unnameable_types, reason = "sealed: only the drivers have one")]
pub struct Intake {
    pub(super) inbox: Inbox,
    // Set when there is nothing to read now, cleared by `resume`.
    pub(super) pending: bool,
    // Whether the time was told since anything happened.
    pub(super) told_time: bool,
    // Reads since the time was told.
    reads: u8,
    // The next deadline, as of when the time was told.
    pub(super) deadline: Option<Instant>,
}

impl Intake {
    pub(super) fn new(inbox: Inbox) -> Self {
        Self { inbox, ..Self::default() }
    }

    pub(super) fn resume(&mut self) {
        (self.pending, self.told_time) = (false, false);
    }

    /// Counts a read.
    #[inline]
    pub(super) fn count(&mut self) {
        self.reads = self.reads.saturating_add(1);
        self.told_time = false;
    }

    /// Returns whether the clock is to be looked at although there is always something to read.
    #[inline]
    pub(super) fn is_late(&self) -> bool {
        self.reads >= READS_BEFORE_TIME && !self.inbox.has_input()
    }

    /// Records that the time was told.
    pub(super) fn tell(&mut self, deadline: Option<Instant>) {
        (self.deadline, self.told_time, self.reads) = (deadline, true, 0);
    }
}

/// What a binding does with the read side and the clock: the answers to [`Step::Read`] and
/// [`Step::Time`].
///
/// Implemented by [`Driver`](super::Driver), [`HandshakeDriver`](super::HandshakeDriver) and
/// `ReceiveDriver`; see [`driver`](super) for a binding that uses it.
///
/// [`Step::Read`]: super::Step::Read
/// [`Step::Time`]: super::Step::Time
#[allow(private_interfaces, reason = "sealed: the parts are the crate's own")]
pub trait Reads {
    #[doc(hidden)]
    fn intake(&mut self) -> &mut Intake;

    /// Returns the read buffer of 32 KiB, for a transport that overwrites bytes.
    #[inline]
    fn buffer(&mut self) -> &mut [u8] {
        self.intake().inbox.buffer()
    }

    /// Returns the empty read buffer with room for 32 KiB, for a transport that appends to it.
    #[inline]
    fn empty_buffer(&mut self) -> &mut Vec<u8> {
        self.intake().inbox.empty_buffer()
    }

    /// Takes the empty read buffer, for a transport that owns what it reads into.
    ///
    /// It has room for 32 KiB, and no bytes. When the read does not end at once, report
    /// [`read_pending`](Self::read_pending): nothing else is read before `put_buffer`, or
    /// [`readable`](Self::readable). Call it at [`Step::Read`](super::Step::Read) only: bytes that
    /// were not parsed are lost.
    fn take_buffer(&mut self) -> Vec<u8> {
        core::mem::take(self.intake().inbox.empty_buffer())
    }

    /// Gives the driver a buffer to own, whose first `len` bytes were read, and reports them as
    /// [`read`](Self::read) does. Reading is no longer pending then.
    ///
    /// # Panics
    ///
    /// When `buf` is shorter than `len`.
    fn put_buffer(&mut self, buf: Vec<u8>, len: usize) {
        let intake = self.intake();
        intake.inbox.set_buffer(buf);
        intake.pending = false;
        self.read(len);
    }

    /// Takes back a buffer that was put, with its length, once all bytes in it are parsed.
    ///
    /// This is how many connections share one buffer: put what was read, and reclaim the buffer before
    /// the next call of `next`. A connection keeps it only while its peer does not take the answers.
    ///
    /// ```
    /// use framewise::{Config, Connection, driver::{Driver, Reads as _}};
    ///
    /// let mut driver = Driver::new(Connection::server(Config::default()));
    /// let mut buf = vec![0; 1024];
    /// buf[..8].copy_from_slice(b"\x81\x82\x00\x00\x00\x00hi");
    /// driver.put_buffer(buf, 8);
    /// assert!(driver.reclaim_buffer().is_none());
    /// let mut batch = driver.batch();
    /// while batch.next().is_some() {}
    /// drop(batch);
    /// assert_eq!(driver.reclaim_buffer().map(|buf| buf.len()), Some(1024));
    /// ```
    fn reclaim_buffer(&mut self) -> Option<Vec<u8>> {
        self.intake().inbox.reclaim_buffer()
    }

    /// Reports that `len` bytes were read into the buffer. Zero is the end of the stream.
    ///
    /// # Panics
    ///
    /// When the buffer is shorter than `len`.
    fn read(&mut self, len: usize);

    /// Reports that the peer's stream has ended.
    fn eof(&mut self) {
        self.read(0);
    }

    /// Reports that there is nothing to read now.
    fn read_pending(&mut self) {
        self.intake().pending = true;
    }

    /// Reports that there may be something to read again.
    fn readable(&mut self) {
        self.intake().resume();
    }

    /// Reports that reading has failed. `unexpected_eof` says that a TLS stream ended without its own
    /// end, which ends an open connection like any other end.
    ///
    /// # Errors
    ///
    /// `error`, when the connection is open or in its opening handshake. After a Close, a failure is
    /// an end like any other.
    fn read_failed<E>(&mut self, error: E, unexpected_eof: bool) -> Result<(), E>;

    /// Reads from a stream of the standard library, and reports what came of it. An interrupted read is
    /// left to be tried again.
    ///
    /// Returns [`WouldBlock`](std::io::ErrorKind::WouldBlock) or
    /// [`TimedOut`](std::io::ErrorKind::TimedOut) when there is nothing to read now.
    ///
    /// # Errors
    ///
    /// Those of [`read_failed`](Self::read_failed).
    #[cfg(feature = "std")]
    fn read_from<R: io::Read>(&mut self, stream: &mut R) -> io::Result<Option<io::ErrorKind>> {
        match stream.read(self.buffer()) {
            Ok(len) => self.read(len),
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                kind @ (io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    self.read_pending();
                    return Ok(Some(kind));
                }
                kind => self.read_failed(error, kind == io::ErrorKind::UnexpectedEof)?,
            },
        }
        Ok(None)
    }

    /// Reports what came of polling a read into the buffer. Returns `false` when it is pending.
    ///
    /// # Errors
    ///
    /// Those of [`read_failed`](Self::read_failed).
    #[cfg(feature = "std")]
    #[inline]
    fn read_polled(&mut self, poll: Poll<io::Result<usize>>) -> io::Result<bool> {
        match poll {
            Poll::Pending => {
                self.read_pending();
                return Ok(false);
            }
            Poll::Ready(Ok(len)) => self.read(len),
            Poll::Ready(Err(error)) => {
                let unexpected_eof = error.kind() == io::ErrorKind::UnexpectedEof;
                self.read_failed(error, unexpected_eof)?;
            }
        }
        Ok(true)
    }

    /// Tells the time, and does what is due.
    fn time(&mut self, now: Instant);

    /// Returns the next deadline, for a transport that has to be told before it blocks how long it
    /// may. Does nothing that is due.
    fn deadline(&mut self, now: Instant) -> Option<Instant>;
}

/// How many reads there may be before the clock is looked at, while there is always something to
/// read: looking at it takes a third of the time for reading a batch of small messages.
const READS_BEFORE_TIME: u8 = 16;
