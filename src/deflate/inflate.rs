//! Received messages, inflated (RFC 7692 §7.2.2).

use alloc::{collections::VecDeque, vec, vec::Vec};
use core::{
    cell::Cell,
    fmt, mem,
    sync::atomic::{AtomicU64, Ordering},
};
use std::thread_local;

use zlib_rs::{Inflate, InflateFlush, Status};

use super::{AgreedParameters, WindowBits};
use crate::{ProtocolError, Role};

/// Inflates the messages of one connection.
///
/// Between messages it holds no state of the library's, 47 KiB whatever the window, but only the
/// octets that the next message may refer to. With them it starts a state that the thread keeps,
/// which costs 0.2 µs for a full window; or nothing, if that state was left by the message before.
/// The same octets are needed when a final block ends the stream inside a message (RFC 7692
/// §7.2.3.4), since the library cannot go on behind one.
pub(crate) struct Inflater {
    // What was inflated last, at most a window.
    history: VecDeque<u8>,
    window: usize,
    takeover: bool,
    // The library's state in the middle of a message.
    state: Option<Inflate>,
    mark: Mark,
    // Octets of the message on the wire, and how many there may be.
    size: u64,
    max_size: u64,
}

/// A state of the library's that is in nobody's use.
struct Spare {
    state: Inflate,
    /// Behind which message of which connection it stands.
    mark: Mark,
    /// Room for the history of a message without context takeover.
    history: VecDeque<u8>,
}

/// A place in the traffic of a connection: behind its `messages`th message.
#[derive(Clone, Copy, Eq, PartialEq)]
struct Mark {
    connection: u64,
    messages: u64,
}

/// A place for the octets that come out.
pub(crate) trait Sink {
    /// Returns how many octets the message may still have.
    fn room(&self) -> u64;
    /// Takes octets, at most as many as there is room for; `used` octets were inflated to them, and
    /// `left` octets of the payload wait.
    fn push(&mut self, inflated: &[u8], used: usize, left: usize) -> Result<(), ProtocolError>;
}

impl Inflater {
    /// Makes the inflater of an endpoint in `role`. A message may have `max_size` octets on the wire.
    pub(crate) fn new(agreed: AgreedParameters, role: Role, max_size: u64) -> Self {
        let (bits, takeover) = agreed.of_sender(role.peer());
        // A window of 8 bits is what some compressors take for 9.
        let window = bits.max(WindowBits::LEAST_TO_COMPRESS).size();
        Self {
            history: VecDeque::new(),
            window,
            takeover,
            state: None,
            mark: Mark { connection: CONNECTIONS.fetch_add(1, Ordering::Relaxed), messages: 0 },
            size: 0,
            max_size,
        }
    }

    /// Begins a frame of a message: the limit is checked on its header.
    pub(crate) fn begin_frame(&mut self, payload_len: u64) -> Result<(), ProtocolError> {
        if payload_len > self.max_size - self.size {
            return Err(ProtocolError::MessageTooBig);
        }
        self.size += payload_len;
        Ok(())
    }

    /// Inflates a piece of a message's payload.
    pub(crate) fn push(
        &mut self,
        payload: &[u8],
        sink: &mut impl Sink,
    ) -> Result<(), ProtocolError> {
        let mut state = self.take_state();
        let result = with_scratch(|scratch| {
            let mut input = payload;
            // Only what fills the buffer to its end may have left something behind.
            let mut full = false;
            while full || !input.is_empty() {
                let step = self.step(&mut state, input, InflateFlush::NoFlush, scratch, sink)?;
                input = input.get(step.used..).unwrap_or_default();
                full = step.full;
            }
            Ok(())
        });
        self.state = Some(state);
        result
    }

    /// Takes note that the whole payload of a message was pushed.
    pub(crate) fn end(&mut self, sink: &mut impl Sink) -> Result<(), ProtocolError> {
        let mut state = self.take_state();
        with_scratch(|scratch| {
            let mut taken = 0;
            while taken < TAIL_LEN {
                let input = TAIL.get(taken..).unwrap_or_default();
                let step = self.step(&mut state, input, InflateFlush::Block, scratch, sink)?;
                taken += step.used;
            }
            // The library stops at the end of a block. One that goes on takes the octet behind the
            // tail as well: the message was cut short (or is empty, which is not valid, either).
            if taken == TAIL_LEN { Ok(()) } else { Err(ProtocolError::InvalidDeflate) }
        })?;
        self.put_state(state);
        Ok(())
    }

    /// Inflates some of `input`, as far as the buffer reaches.
    fn step(
        &mut self,
        state: &mut Inflate,
        input: &[u8],
        flush: InflateFlush,
        scratch: &mut [u8],
        sink: &mut impl Sink,
    ) -> Result<Step, ProtocolError> {
        let room = sink.room();
        // One octet more than there is room for, to see that a message goes on. It is not let out.
        let len = usize::try_from(room).unwrap_or(usize::MAX).saturating_add(1).min(scratch.len());
        let output = scratch.get_mut(..len).unwrap_or_default();
        let (total_in, total_out) = (state.total_in(), state.total_out());
        let status =
            state.decompress(input, output, flush).map_err(|_| ProtocolError::InvalidDeflate)?;
        // Both are at most the lengths of slices.
        let used = usize::try_from(state.total_in() - total_in).unwrap_or(usize::MAX);
        let made = usize::try_from(state.total_out() - total_out).unwrap_or(usize::MAX);
        if made as u64 > room {
            return Err(ProtocolError::MessageTooBig);
        }
        let inflated = output.get(..made).unwrap_or_default();
        self.remember(inflated);
        sink.push(inflated, used, input.len() - used)?;
        if status == Status::StreamEnd {
            // Behind a final block the window is kept all the same (RFC 7692 §7.2.1).
            restart(state, &self.history);
        } else if used == 0 && made == 0 && !input.is_empty() {
            return Err(ProtocolError::InvalidDeflate);
        }
        Ok(Step { used, full: made == len })
    }

    /// Keeps the last window of what was inflated.
    fn remember(&mut self, inflated: &[u8]) {
        let skipped = inflated.len().saturating_sub(self.window);
        let last = inflated.get(skipped..).unwrap_or_default();
        let len = (self.history.len() + last.len()).min(self.window);
        self.history.drain(..self.history.len() + last.len() - len);
        if self.history.capacity() < len {
            // Twice as much, but no more than a window.
            let capacity = len.next_power_of_two().min(self.window);
            self.history.reserve_exact(capacity - self.history.len());
        }
        self.history.extend(last);
    }

    /// Takes the state of the message in the making, or begins a message.
    fn take_state(&mut self) -> Inflate {
        if let Some(state) = self.state.take() {
            return state;
        }
        let Some(spare) = SPARE.try_with(Cell::take).ok().flatten() else {
            let mut state = Inflate::new(false, MAX_WINDOW_BITS.get());
            restart(&mut state, &self.history);
            return state;
        };
        let Spare { mut state, mark, history } = spare;
        if !self.takeover {
            self.history = history;
        }
        // Of a smaller window than the library's, the state would remember more than was agreed.
        if !self.takeover || mark != self.mark || self.window != MAX_WINDOW_BITS.size() {
            restart(&mut state, &self.history);
        }
        state
    }

    /// Ends a message.
    fn put_state(&mut self, state: Inflate) {
        self.mark.messages += 1;
        self.size = 0;
        let mut spare = Spare { state, mark: self.mark, history: VecDeque::new() };
        if !self.takeover {
            self.history.clear();
            spare.history = mem::take(&mut self.history);
        }
        // At the end of a thread it is dropped.
        let _ = SPARE.try_with(|place| place.set(Some(spare)));
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("window", &self.window)
            .field("takeover", &self.takeover)
            .field("history", &self.history.len())
            .finish_non_exhaustive()
    }
}

/// What one call of the library did.
struct Step {
    used: usize,
    full: bool,
}

/// Makes a state as it is behind `history`, at the beginning of a block.
fn restart(state: &mut Inflate, history: &VecDeque<u8>) {
    state.reset(false);
    let (older, newer) = history.as_slices();
    for part in [older, newer] {
        // Streams without a header take a dictionary at any time.
        let _ = state.set_dictionary(part);
    }
}

/// Lends the thread's buffer.
fn with_scratch<T>(run: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
    if scratch.is_empty() {
        scratch = vec![0; SCRATCH_LEN];
    }
    let result = run(&mut scratch);
    let _ = SCRATCH.try_with(|place| place.set(scratch));
    result
}

static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static SPARE: Cell<Option<Spare>> = const { Cell::new(None) };
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What the sender has taken off the end of a message (RFC 7692 §7.2.2), and one octet to tell
/// whether a block ends there.
const TAIL: [u8; TAIL_LEN + 1] = [0x00, 0x00, 0xff, 0xff, 0x00];
const TAIL_LEN: usize = 4;

/// How many octets are inflated at a time: they are still in the first cache when they are
/// validated and copied.
const SCRATCH_LEN: usize = 16 << 10;

/// The library's window has this size in any case.
const MAX_WINDOW_BITS: WindowBits = WindowBits::DEFAULT;
