//! Received messages, inflated (RFC 7692 §7.2.2).

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use alloc::{boxed::Box, vec, vec::Vec};
use core::{cell::Cell, fmt, mem};
use std::thread_local;

use zlib_rs::{Inflate, InflateFlush, Status};

use super::{
    AgreedParameters, WindowBits,
    history::{History, Mark},
};
use crate::{ProtocolError, Role};

/// Inflates the messages of one connection.
///
/// Between messages it holds no state of the library's, 46 KiB whatever the window, but only the
/// octets that the next message may refer to. With them it starts a state that the thread keeps,
/// which costs 0.2 µs for a full window; or nothing, if that state was left by the message before.
/// The same octets are needed when a final block ends the stream inside a message (RFC 7692
/// §7.2.3.4), since the library cannot go on behind one.
pub(crate) struct Inflater {
    // The state in the middle of a message.
    state: Option<Box<State>>,
    history: History,
    takeover: bool,
    mark: Mark,
    // Octets of the message on the wire, and how many there may be.
    size: u64,
    max_size: u64,
}

/// What inflates. It goes from connection to connection.
struct State {
    inflate: Inflate,
    /// Behind which message of which connection it was left.
    mark: Mark,
    /// Room for the history of a message without context takeover.
    room: Vec<u8>,
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
        Self {
            state: None,
            // A window of 8 bits is what some compressors take for 9.
            history: History::new(bits.max(WindowBits::LEAST_TO_COMPRESS)),
            takeover,
            mark: Mark::start(),
            size: 0,
            max_size,
        }
    }

    /// Begins a frame of a message: the limit is checked on its header.
    pub(crate) fn begin_frame(&mut self, payload_len: u64) -> Result<(), ProtocolError> {
        let size = self.size.checked_add(payload_len).filter(|size| *size <= self.max_size);
        self.size = size.ok_or(ProtocolError::MessageTooBig)?;
        Ok(())
    }

    /// Inflates a piece of a message's payload, the last one with `fin`.
    pub(crate) fn push(
        &mut self,
        payload: &[u8],
        fin: bool,
        sink: &mut impl Sink,
    ) -> Result<(), ProtocolError> {
        let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
        if scratch.is_empty() {
            scratch = vec![0; SCRATCH_LEN];
        }
        let state = match &mut self.state {
            Some(state) => state,
            None => {
                let state = self.begin();
                self.state.insert(state)
            }
        };
        let inflate = &mut state.inflate;
        let mut run = Run { inflate, history: &mut self.history, scratch: &mut scratch, sink };
        let result = run.body(payload).and_then(|()| if fin { run.tail() } else { Ok(()) });
        let _ = SCRATCH.try_with(|place| place.set(scratch));
        if result.is_ok() && fin {
            self.end();
        }
        result
    }

    /// Returns the state to inflate a message with.
    fn begin(&mut self) -> Box<State> {
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        let mut state = spare.unwrap_or_else(|| Box::new(State::new()));
        if !self.takeover {
            self.history.set_room(mem::take(&mut state.room));
        }
        // Of a smaller window than the library's, the state would remember more than was agreed.
        if !self.takeover
            || state.mark != self.mark
            || self.history.window() != MAX_WINDOW_BITS.size()
        {
            restart(&mut state.inflate, &self.history);
        }
        state
    }

    /// Ends a message: gives the state back to the thread.
    fn end(&mut self) {
        self.size = 0;
        let Some(mut state) = self.state.take() else {
            return;
        };
        self.mark.advance();
        state.mark = self.mark;
        if !self.takeover {
            state.room = self.history.take_room();
        }
        // At the end of a thread it is dropped.
        let _ = SPARE.try_with(|place| place.set(Some(state)));
    }
}

impl State {
    fn new() -> Self {
        Self {
            inflate: Inflate::new(false, MAX_WINDOW_BITS.get()),
            mark: Mark::nowhere(),
            room: Vec::new(),
        }
    }
}

/// All that is needed to inflate a piece of payload.
struct Run<'a, S> {
    inflate: &'a mut Inflate,
    history: &'a mut History,
    scratch: &'a mut [u8],
    sink: &'a mut S,
}

impl<S: Sink> Run<'_, S> {
    /// Inflates a piece of payload.
    fn body(&mut self, mut payload: &[u8]) -> Result<(), ProtocolError> {
        // Only what fills the buffer to its end may have left something behind.
        let mut full = false;
        while full || !payload.is_empty() {
            let step = self.step(payload, InflateFlush::NoFlush)?;
            payload = payload.get(step.used..).unwrap_or_default();
            full = step.full;
        }
        Ok(())
    }

    /// Inflates what the sender has taken off the end of a message.
    fn tail(&mut self) -> Result<(), ProtocolError> {
        let mut taken = 0;
        while taken < TAIL_LEN {
            let step = self.step(TAIL.get(taken..).unwrap_or_default(), InflateFlush::Block)?;
            taken = taken.saturating_add(step.used);
        }
        // The library stops at the end of a block. One that goes on takes the octet behind the tail
        // as well: the message was cut short (or is empty, which is not valid, either).
        if taken == TAIL_LEN { Ok(()) } else { Err(ProtocolError::InvalidDeflate) }
    }

    /// Inflates some of `input`, as far as the buffer reaches.
    #[allow(
        clippy::arithmetic_side_effects,
        reason = "totals grow by at most the lengths of the slices"
    )]
    fn step(&mut self, input: &[u8], flush: InflateFlush) -> Result<Step, ProtocolError> {
        let Self { inflate, history, scratch, sink } = self;
        let room = sink.room();
        // One octet more than there is room for, to see that a message goes on. It is not let out.
        let len = usize::try_from(room).unwrap_or(usize::MAX).saturating_add(1).min(scratch.len());
        let output = scratch.get_mut(..len).unwrap_or_default();
        let (total_in, total_out) = (inflate.total_in(), inflate.total_out());
        let result = inflate.decompress(input, output, flush);
        let used = usize::try_from(inflate.total_in() - total_in).unwrap_or(usize::MAX);
        let made = usize::try_from(inflate.total_out() - total_out).unwrap_or(usize::MAX);
        let too_big = made as u64 > room;
        // What came out in front of an error may be wrong itself, which octets that arrive one by
        // one would show first.
        let inflated = output.get(..made - usize::from(too_big)).unwrap_or_default();
        if !inflated.is_empty() {
            history.push(inflated);
            sink.push(inflated, used, input.len() - used)?;
        }
        if too_big {
            return Err(ProtocolError::MessageTooBig);
        }
        let status = result.map_err(|_| ProtocolError::InvalidDeflate)?;
        if status == Status::StreamEnd {
            // Behind a final block the window is kept all the same (RFC 7692 §7.2.1).
            restart(inflate, history);
        } else if used == 0 && made == 0 && !input.is_empty() {
            return Err(ProtocolError::InvalidDeflate);
        }
        Ok(Step { used, full: made == len })
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("window", &self.history.window())
            .field("takeover", &self.takeover)
            .field("history", &self.history.len())
            .finish_non_exhaustive()
    }
}

/// Makes a state as it is behind `history`, at the beginning of a block.
fn restart(inflate: &mut Inflate, history: &History) {
    inflate.reset(false);
    for part in history.parts() {
        // Streams without a header take a dictionary at any time.
        let _ = inflate.set_dictionary(part);
    }
}

/// What one call of the library did.
struct Step {
    used: usize,
    full: bool,
}

thread_local! {
    static SPARE: Cell<Option<Box<State>>> = const { Cell::new(None) };
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What the sender has taken off the end of a message (RFC 7692 §7.2.2), and one octet to tell
/// whether a block ends there.
const TAIL: [u8; TAIL_LEN + 1] = [0x00, 0x00, 0xff, 0xff, 0x00];
const TAIL_LEN: usize = 4;

/// How many octets are inflated at a time. Each time the library copies up to 32 KiB of them for
/// itself, and so does the history: pieces of 16 KiB, which stay in the first cache, take a third
/// more time for a message of 64 KiB.
const SCRATCH_LEN: usize = 64 << 10;

/// The library's window has this size in any case.
const MAX_WINDOW_BITS: WindowBits = WindowBits::DEFAULT;
