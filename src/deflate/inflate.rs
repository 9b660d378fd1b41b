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
use crate::{error::ProtocolError, role::Role};

/// Inflates the messages of one connection.
///
/// Between messages it does not hold a state of the library, which has 46 KiB with any window. It holds
/// only the bytes that the next message may refer to. With them it starts the thread's state: 0.2 µs for a
/// full window, or nothing if the message before left that state.
///
/// The same bytes are needed when a final block ends the stream inside a message (RFC 7692 §7.2.3.4),
/// because the library cannot go on after one. Every two bytes may have one. So the library gets those bytes
/// only when the data that follows refers to them (see `Run::step`).
pub(crate) struct Inflater {
    // The state in the middle of a message.
    state: Option<Box<State>>,
    history: History,
    takeover: bool,
    mark: Mark,
    // Bytes of the message on the wire, and how many there may be.
    size: u64,
    max_size: u64,
}

/// What inflates. It goes from connection to connection.
struct State {
    inflate: Inflate,
    /// Names the connection and the message that used this state last.
    mark: Mark,
    /// Room for the history of a message without context takeover.
    room: Vec<u8>,
    /// Whether it is behind a final block and has not been given the history.
    bare: bool,
    /// Bytes of history given to the library, to show in a test how few they are.
    #[cfg(test)]
    given: usize,
}

/// A place for the bytes that come out.
pub(crate) trait Sink {
    /// Returns how many bytes the message may still have.
    fn room(&self) -> u64;
    /// Returns the error for bytes for which there is no room.
    fn too_big(&self) -> ProtocolError;
    /// Takes bytes, at most as many as there is room for; `used` bytes were inflated to them, and
    /// `left` bytes of the payload wait.
    fn push(&mut self, inflated: &[u8], used: usize, left: usize) -> Result<(), ProtocolError>;
}

impl Inflater {
    /// Makes the inflater of an endpoint in `role`. A message may have `max_size` bytes on the wire.
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
        let (size, limit) = (self.size.saturating_add(payload_len), self.max_size);
        if size > limit {
            return Err(ProtocolError::MessageTooBig { len: Some(size), limit });
        }
        self.size = size;
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
        let mut run = Run { state, history: &mut self.history, scratch: &mut scratch, sink };
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
            state.restart(&self.history);
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
            bare: false,
            #[cfg(test)]
            given: 0,
        }
    }

    /// Makes it as it is behind `history`, at the beginning of a block.
    fn restart(&mut self, history: &History) {
        self.inflate.reset(false);
        self.bare = false;
        for part in history.parts() {
            // Streams without a header take a dictionary at any time.
            let _ = self.inflate.set_dictionary(part);
            #[cfg(test)]
            {
                self.given += part.len();
            }
        }
    }

    /// Goes on behind a final block: the window is kept all the same (RFC 7692 §7.2.1), but given to
    /// the library when it is needed.
    fn begin_stream(&mut self) {
        self.inflate.reset(false);
        self.bare = true;
    }

    /// Inflates some of `input`, as far as `output` reaches; returns how many bytes were used and
    /// made, and whether a final block has ended there.
    #[allow(
        clippy::arithmetic_side_effects,
        reason = "totals grow by at most the lengths of the slices"
    )]
    fn inflate(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        flush: InflateFlush,
    ) -> (usize, usize, Result<bool, ProtocolError>) {
        let inflate = &mut self.inflate;
        let (total_in, total_out) = (inflate.total_in(), inflate.total_out());
        let result = inflate.decompress(input, output, flush);
        let used = usize::try_from(inflate.total_in() - total_in).unwrap_or(usize::MAX);
        let made = usize::try_from(inflate.total_out() - total_out).unwrap_or(usize::MAX);
        let ended = result.map(|status| status == Status::StreamEnd);
        (used, made, ended.map_err(|_| ProtocolError::InvalidDeflate))
    }
}

/// All that is needed to inflate a piece of payload.
struct Run<'a, S> {
    state: &'a mut State,
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
        // The library stops at the end of a block. One that goes on takes the byte behind the tail
        // as well: the message was cut short (or is empty, which is not valid, either).
        if taken != TAIL_LEN {
            return Err(ProtocolError::InvalidDeflate);
        }
        // One that ends inside the last byte leaves bits that the library does not report.
        // They are ones, and with a one in front an empty block is a final one or none.
        match self.state.inflate(&EMPTY_BLOCK, self.scratch, InflateFlush::NoFlush) {
            (EMPTY_BLOCK_LEN, 0, Ok(false)) => Ok(()),
            // The block was a final one already. The rest of its last byte means nothing.
            (0, 0, Ok(true)) => {
                self.state.begin_stream();
                Ok(())
            }
            _ => Err(ProtocolError::InvalidDeflate),
        }
    }

    /// Inflates some of `input`, as far as the buffer reaches.
    ///
    /// Behind a final block, what follows is first tried without the history, which takes ten times
    /// as long to hand over as the shortest block to inflate. It counts when the next final block
    /// ends, since whatever refers to the history fails; else it is done again.
    #[allow(clippy::arithmetic_side_effects, reason = "no more is used or made than there is")]
    fn step(&mut self, input: &[u8], flush: InflateFlush) -> Result<Step, ProtocolError> {
        let Self { state, history, scratch, sink } = self;
        let room = sink.room();
        // One byte more than there is room for, to see that a message goes on. It is not let out.
        let len = usize::try_from(room).unwrap_or(usize::MAX).saturating_add(1).min(scratch.len());
        let mut done = None;
        if state.bare {
            let output = scratch.get_mut(..len.min(TRIAL_LEN)).unwrap_or_default();
            done = Some(state.inflate(input, output, flush)).filter(|(.., end)| *end == Ok(true));
            if done.is_none() {
                state.restart(history);
            }
        }
        let output = scratch.get_mut(..len).unwrap_or_default();
        let (used, made, result) = done.unwrap_or_else(|| state.inflate(input, output, flush));
        let too_big = made as u64 > room;
        // What came out in front of an error may be wrong itself, which bytes that arrive one by
        // one would show first.
        let inflated = output.get(..made - usize::from(too_big)).unwrap_or_default();
        if !inflated.is_empty() {
            history.push(inflated);
            sink.push(inflated, used, input.len() - used)?;
        }
        if too_big {
            return Err(sink.too_big());
        }
        let ended = result?;
        if ended {
            state.begin_stream();
        } else if used == 0 && made == 0 && !input.is_empty() {
            return Err(ProtocolError::InvalidDeflate);
        }
        Ok(Step { used, full: made == len && !ended })
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

/// What one call of the library did.
struct Step {
    used: usize,
    full: bool,
}

thread_local! {
    static SPARE: Cell<Option<Box<State>>> = const { Cell::new(None) };
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What the sender has taken off the end of a message (RFC 7692 §7.2.2), and one byte to tell
/// whether a block ends there.
const TAIL: [u8; TAIL_LEN + 1] = [0x00, 0x00, 0xff, 0xff, 0x00];
const TAIL_LEN: usize = 4;

/// A block without compression and without bytes.
const EMPTY_BLOCK: [u8; EMPTY_BLOCK_LEN] = [0x00, 0x00, 0x00, 0xff, 0xff];
const EMPTY_BLOCK_LEN: usize = 5;

/// How many bytes are inflated at a time. Each time the library copies up to 32 KiB of them for
/// itself, and so does the history: pieces of 16 KiB, which stay in the first cache, take a third
/// more time for a message of 64 KiB.
const SCRATCH_LEN: usize = 64 << 10;

/// How many bytes are inflated on trial: about as many as take as long as to hand over the history.
const TRIAL_LEN: usize = 1 << 10;

/// The library's window has this size in any case.
const MAX_WINDOW_BITS: WindowBits = WindowBits::DEFAULT;

#[cfg(test)]
mod tests {
    use super::*;

    struct Message(Vec<u8>);

    impl Sink for Message {
        fn room(&self) -> u64 {
            u64::MAX
        }

        fn too_big(&self) -> ProtocolError {
            panic!("there is room for everything");
        }

        fn push(&mut self, inflated: &[u8], _: usize, _: usize) -> Result<(), ProtocolError> {
            self.0.extend_from_slice(inflated);
            Ok(())
        }
    }

    /// Inflates a piece of a message behind a full window; returns what it comes to and how many
    /// windows the library was given for that.
    fn windows_given(payload: &[u8]) -> (Vec<u8>, usize) {
        let mut inflater = Inflater::new(AgreedParameters::default(), Role::Client, 0);
        let mut message = Message(Vec::new());
        inflater.push(&[0, 0x00, 0x80, 0xff, 0x7f], false, &mut message).expect("valid");
        inflater.push(&[b'w'; 32 << 10], false, &mut message).expect("valid");
        assert_eq!(message.0.len(), 32 << 10);
        message.0.clear();
        let given = |inflater: &Inflater| inflater.state.as_ref().expect("inside").given;
        let before = given(&inflater);
        inflater.push(payload, false, &mut message).expect("valid");
        let octets = given(&inflater) - before;
        assert!(octets.is_multiple_of(32 << 10));
        (message.0, octets / (32 << 10))
    }

    // A final block in every two bytes: to hand over the history behind each of them takes fifty
    // times as long as the same number of bytes of a text.
    #[test]
    fn r16_final_blocks_do_not_cost_a_window_each() {
        for (name, block, inflated) in [
            ("nothing", &[0x03, 0x00][..], &b""[..]),
            ("nothing, padded", &[0x03, 0xfc], b""),
            ("nothing, twice", &[0x02, 0x0c, 0x00], b""),
            ("nothing, stored", &[0x01, 0x00, 0x00, 0xff, 0xff], b""),
            ("a literal", &[0x4b, 0x04, 0x00], b"a"),
            ("a copy from near", &[0x4b, 0x04, 0x02, 0x00], b"aaaa"),
        ] {
            let final_block = windows_given(block);
            assert_eq!(final_block, (inflated.to_vec(), 0), "{name}: it may be the end");
            let many = windows_given(&block.repeat(1000));
            assert_eq!(many, (inflated.repeat(1000), 0), "{name}");
            // What goes on needs it.
            let behind = [&block.repeat(1000), &[0x00][..]].concat();
            assert_eq!(windows_given(&behind), (inflated.repeat(1000), 1), "{name}");
        }
        // As does what refers to it.
        let copy = [0x03, 0xde, 0xff, 0x0f, 0x00];
        assert_eq!(windows_given(&copy.repeat(10)), (b"www".repeat(10), 9));
        // On trial little is inflated.
        let stored = |len: u16| {
            let octets = vec![b's'; usize::from(len)];
            [&[1][..], &len.to_le_bytes(), &(!len).to_le_bytes(), &octets].concat()
        };
        assert_eq!(windows_given(&stored(1023).repeat(3)).1, 0);
        assert_eq!(windows_given(&stored(1025).repeat(3)).1, 2);
    }
}
