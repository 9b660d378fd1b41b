//! Bytes that were read and not parsed, and events that were parsed and not delivered.

use alloc::{collections::VecDeque, vec::Vec};

use super::{Error, Step};
use crate::{connection::Timeout, error::ProtocolError, input::Input, message::Event};

/// A machine that takes input: a connection or its receiving half.
pub(crate) trait Receive {
    fn receive<'buf>(
        &mut self,
        input: &mut Input<'buf>,
    ) -> Result<Option<Event<'buf>>, ProtocolError>;

    /// Records that the event that was received last is delivered later.
    fn put_aside(&mut self);

    /// Records that the first of the events that were put aside is delivered now.
    fn take_aside(&mut self);
}

/// A read buffer, and the events that were read ahead.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub(super) buf: Vec<u8>,
    // The bytes of `buf` in front of `end` came from the peer, the last `unread` of them are not
    // parsed.
    pub(super) end: usize,
    pub(super) unread: usize,
    // Filled while the connection had to be written to, emptied by batches.
    pub(super) events: VecDeque<Event<'static>>,
    pub(super) events_len: usize,
    // How often the program was told of the same input, and how much that was.
    untouched: u8,
    last_input: usize,
    // Set when the peer broke the protocol, cleared when the program was told.
    pub(super) failed: Option<ProtocolError>,
}

impl Inbox {
    /// Makes an inbox of bytes that were read before.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { end: bytes.len(), unread: bytes.len(), buf: bytes, ..Self::default() }
    }

    /// Returns the bytes that are not parsed.
    #[allow(clippy::indexing_slicing, reason = "what was read lies in the buffer")]
    pub(super) fn unread(&self) -> &[u8] {
        &self.buf[self.end - self.unread..self.end]
    }

    /// Returns the same bytes, to be parsed in place.
    #[allow(clippy::indexing_slicing, reason = "what was read lies in the buffer")]
    pub(super) fn unread_mut(&mut self) -> &mut [u8] {
        &mut self.buf[self.end - self.unread..self.end]
    }

    /// Returns the empty buffer, with room to read into.
    ///
    /// Everything in it has been parsed. Nothing may come of the read, so `end` goes back as well.
    #[inline]
    pub(super) fn empty_buffer(&mut self) -> &mut Vec<u8> {
        self.buf.clear();
        // The read may never be reported.
        (self.end, self.unread) = (0, 0);
        self.buf.reserve_exact(READ_SIZE);
        &mut self.buf
    }

    /// Takes the buffer, unless bytes in it are not parsed or there is none.
    #[inline]
    pub(super) fn reclaim_buffer(&mut self) -> Option<Vec<u8>> {
        if self.unread != 0 || self.buf.is_empty() {
            return None;
        }
        self.end = 0;
        Some(core::mem::take(&mut self.buf))
    }

    /// Sets the buffer that was read into.
    pub(super) fn set_buffer(&mut self, buf: Vec<u8>) {
        self.buf = buf;
        (self.end, self.unread) = (0, 0);
    }

    /// Returns the buffer as bytes that can be overwritten.
    #[inline]
    pub(super) fn buffer(&mut self) -> &mut [u8] {
        if self.buf.len() < READ_SIZE {
            self.buf.resize(READ_SIZE, 0);
        }
        &mut self.buf
    }

    /// Records that the first `len` bytes of the buffer have been read.
    ///
    /// # Panics
    ///
    /// When the buffer is shorter.
    #[inline]
    pub(super) fn filled(&mut self, len: usize) {
        assert!(len <= self.buf.len(), "read {len} bytes, the buffer has {}", self.buf.len());
        self.end = len;
        self.unread = len;
        self.last_input = 0;
    }

    /// Frees empty buffers.
    pub(super) fn release(&mut self) {
        if self.unread == 0 {
            self.buf = Vec::new();
            self.end = 0;
        }
        if self.events.is_empty() {
            // A burst that was read ahead needed more than the next one will.
            self.events = VecDeque::new();
        }
    }

    /// Counts how often the program is told of input that it does not take.
    #[inline]
    pub(super) fn note_ready(&mut self) {
        let input = self.unread + self.events.len();
        self.untouched =
            if input == self.last_input { self.untouched.saturating_add(1) } else { 0 };
        self.last_input = input;
    }

    /// Returns whether the program asks for input again and again without taking any. Clears that.
    pub(super) fn take_spinning(&mut self) -> bool {
        let spinning = self.untouched >= MAX_UNTOUCHED;
        if spinning {
            self.untouched = 0;
        }
        spinning
    }

    /// Returns the error that ended the connection, if any. Returns it once.
    pub(super) fn finish(&mut self, timeout: &mut Option<Timeout>) -> Result<Step, Error> {
        if let Some(error) = self.failed.take() {
            return Err(Error::Protocol(error));
        }
        match timeout.take() {
            Some(timeout @ (Timeout::Message | Timeout::Pong)) => Err(Error::Timeout(timeout)),
            Some(Timeout::Close | Timeout::Idle) | None => Ok(Step::Ended),
        }
    }

    /// Returns whether there is anything to deliver.
    #[inline]
    pub(super) fn has_input(&self) -> bool {
        self.unread != 0 || !self.events.is_empty()
    }

    /// Parses what was read into events that are delivered later, as far as there is room for them.
    pub(super) fn parse<M: Receive>(&mut self, machine: &mut M) {
        let mut buf = core::mem::take(&mut self.buf);
        #[allow(clippy::indexing_slicing, reason = "what was read lies in the buffer")]
        let mut input = Input::new(&mut buf[self.end - self.unread..self.end]);
        // A few bytes can be large messages that were compressed.
        while !self.is_full() {
            match machine.receive(&mut input) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    self.events_len += event.payload_len();
                    self.events.push_back(event.into_owned());
                    machine.put_aside();
                }
                Err(error) => {
                    self.failed.get_or_insert(error);
                    input.take(usize::MAX);
                    break;
                }
            }
        }
        self.unread = input.len();
        self.buf = buf;
    }

    /// Returns whether so many events are undelivered that reading should stop.
    pub(super) fn is_full(&self) -> bool {
        self.events_len >= READ_AHEAD || self.events.len() >= READ_AHEAD / 64
    }
}

/// How many bytes are read at once: a batch of small messages, or a piece of a large one that is
/// still in the first cache when it is unmasked and copied.
const READ_SIZE: usize = 32 << 10;

/// How many bytes of messages are read ahead while the peer does not take output.
const READ_AHEAD: usize = 64 << 10;

/// How often a program may ask for the same input before other tasks have their turn.
const MAX_UNTOUCHED: u8 = 16;
