//! Messages to send, compressed (RFC 7692 §7.2.1).

use alloc::{boxed::Box, vec::Vec};
use core::{cell::Cell, fmt};
use std::thread_local;

use zlib_rs::{Deflate, DeflateConfig as Library, DeflateFlush, Status};

use super::{
    AgreedParameters, DeflateConfig, Level, MemoryLevel, WindowBits,
    history::{History, Mark},
};
use crate::role::Role;

/// Compresses the messages of one connection.
///
/// With context takeover it keeps the library's state from the first message on, or only the bytes that
/// the next message may refer to. Without, it keeps a state only while a message is sent in fragments. If
/// it has no state, it takes the one of the thread. To make a new one takes 2 µs more than to reset one, a
/// fifth of the time for a message of 1 KiB.
pub(crate) struct Compressor {
    agreed: AgreedParameters,
    settings: Settings,
    keeps: Keeps,
    fragments: bool,
    // Whether the library can make the window.
    able: bool,
    // Whether messages below a threshold are sent as they are.
    applies_threshold: bool,
    threshold: usize,
    state: Option<Box<State>>,
}

/// What is kept from message to message.
enum Keeps {
    Nothing,
    History { history: History, mark: Mark },
    State,
}

/// What compresses. It may go from connection to connection.
struct State {
    settings: Settings,
    deflate: Deflate,
    /// Names the connection and the message that used this state last.
    mark: Mark,
    /// Whether it refers to nothing that went before.
    fresh: bool,
}

/// What a state is made for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Settings {
    pub(crate) bits: WindowBits,
    pub(crate) level: Level,
    pub(crate) memory_level: MemoryLevel,
}

impl Compressor {
    /// Makes the compressor of an endpoint in `role`.
    pub(crate) fn new(config: &DeflateConfig, agreed: AgreedParameters, role: Role) -> Self {
        let (bits, takeover) = agreed.of_sender(role);
        // A client may have to agree to less (§7.1.2.2). Nothing is compressed then.
        let able = bits >= WindowBits::LEAST_TO_COMPRESS;
        Self {
            agreed,
            settings: Settings { bits, level: config.level, memory_level: config.memory_level },
            keeps: match (takeover, config.shared_compressor) {
                (false, _) => Keeps::Nothing,
                (true, true) => Keeps::History { history: History::new(bits), mark: Mark::start() },
                (true, false) => Keeps::State,
            },
            fragments: able && config.fragments,
            able,
            applies_threshold: !takeover || config.threshold_with_takeover,
            threshold: config.threshold,
            state: None,
        }
    }

    /// Returns what the endpoints have agreed upon.
    pub(crate) fn agreed(&self) -> AgreedParameters {
        self.agreed
    }

    /// Returns whether a message of `len` bytes is worth compressing.
    #[inline]
    pub(crate) fn wants(&self, len: usize) -> bool {
        self.able && (len >= self.threshold || !self.applies_threshold)
    }

    /// Returns the window that messages are prepared for, and whether their own threshold counts.
    pub(crate) fn prepares(&self) -> (WindowBits, bool) {
        (self.settings.bits, self.applies_threshold)
    }

    /// Returns whether messages in fragments are compressed.
    pub(crate) fn wants_fragments(&self) -> bool {
        self.fragments
    }

    /// Records a compressed message that this compressor has not made. The next ones may refer to it.
    pub(crate) fn note(&mut self, payload: &[u8]) {
        match &mut self.keeps {
            Keeps::Nothing => {}
            Keeps::History { history, mark } => {
                history.push(payload);
                mark.advance();
            }
            Keeps::State => {
                if let Some(state) = &mut self.state
                    && state.deflate.set_dictionary(payload).is_err()
                {
                    // A compressor that knows of nothing refers to nothing.
                    self.state = None;
                }
            }
        }
    }

    /// Appends the compressed payload of a message, or of a fragment, to `out`.
    pub(crate) fn compress(&mut self, payload: &[u8], fin: bool, out: &mut Vec<u8>) {
        if payload.is_empty() && !fin {
            // The library would write an empty block or not, by what the state did before.
            return;
        }
        let mut state = match self.state.take() {
            Some(state) => state,
            None => self.begin(),
        };
        let last = fin && matches!(self.keeps, Keeps::Nothing);
        let refused = state.compress(payload, fin, last, out).is_err();
        if refused {
            store(payload, fin, out);
        }
        if let Keeps::History { history, mark } = &mut self.keeps {
            history.push(payload);
            mark.advance();
            state.mark = *mark;
        }
        if refused {
            return;
        }
        if !fin || matches!(self.keeps, Keeps::State) {
            self.state = Some(state);
        } else {
            state.put();
        }
    }

    /// Returns a state to begin a message with.
    fn begin(&self) -> Box<State> {
        let mut state = State::take(self.settings);
        match &self.keeps {
            Keeps::History { mark, .. } if *mark == state.mark => {}
            Keeps::History { history, .. } => {
                state.restart();
                for part in history.parts() {
                    if !part.is_empty() && state.deflate.set_dictionary(part).is_err() {
                        state.deflate.reset();
                    }
                }
            }
            Keeps::Nothing | Keeps::State => state.restart(),
        }
        // Until it is left behind a message of this connection again.
        state.mark = Mark::nowhere();
        state
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Settings {
    /// Compresses a message on its own.
    pub(crate) fn compress(self, payload: &[u8]) -> Vec<u8> {
        let (mut state, mut out) = (State::take(self), Vec::new());
        state.mark = Mark::nowhere();
        state.restart();
        if state.compress(payload, true, true, &mut out).is_err() {
            store(payload, true, &mut out);
        } else {
            state.put();
        }
        out
    }
}

impl State {
    /// Takes the thread's state, if it fits, or makes one.
    fn take(settings: Settings) -> Box<Self> {
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        spare.filter(|state| state.settings == settings).unwrap_or_else(|| {
            let deflate = Deflate::new_with_config(Library {
                // Negative: a stream without header and checksum.
                window_bits: -i32::from(settings.bits.get()),
                level: i32::from(settings.level.get()),
                mem_level: i32::from(settings.memory_level.get()),
                ..Library::default()
            });
            Box::new(Self { settings, deflate, mark: Mark::nowhere(), fresh: true })
        })
    }

    /// Forgets what went before.
    fn restart(&mut self) {
        if !self.fresh {
            self.deflate.reset();
            self.fresh = true;
        }
    }

    /// Compresses the payload of a message or of a fragment. With `last`, what follows shall not
    /// refer to it: to say so when it is flushed takes 0.3 µs less than a reset.
    fn compress(
        &mut self,
        payload: &[u8],
        fin: bool,
        last: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let kind = if last { DeflateFlush::FullFlush } else { DeflateFlush::SyncFlush };
        self.fresh = last;
        flush(&mut self.deflate, payload, kind, fin, out)
    }

    /// Gives the state to the thread.
    fn put(self: Box<Self>) {
        // At the end of a thread it is dropped.
        let _ = SPARE.try_with(|place| place.set(Some(self)));
    }
}

/// Returns the most bytes that a payload of `len` bytes is compressed to.
///
/// Nine bits for each byte, which is what the fixed codes of the fastest levels come to; the other
/// levels store what they cannot compress, in blocks of 500 bytes at least.
pub(crate) fn bound(len: usize) -> usize {
    len.saturating_add(len / 8).saturating_add(MIN_STEP)
}

/// The library does not do its work, though nothing is wrong with what it is given.
struct Refused;

/// Compresses all of `input` up to a byte boundary, and takes the last four bytes off the end of
/// a message (RFC 7692 §7.2.1). When the library refuses, `out` is as it was.
fn flush(
    state: &mut Deflate,
    input: &[u8],
    kind: DeflateFlush,
    fin: bool,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    let start = out.len();
    let before = state.total_in();
    let mut rest = input;
    loop {
        let (total_in, total_out) = (state.total_in(), state.total_out());
        let end = out.len();
        out.resize(end + (rest.len() / 4 + MIN_STEP).min(MAX_STEP), 0);
        let room = out.get_mut(end..).unwrap_or_default();
        let len = room.len();
        let result = state.compress(rest, room, kind);
        // Both are at most the lengths of slices.
        let made = usize::try_from(state.total_out() - total_out).unwrap_or(len);
        let used = usize::try_from(state.total_in() - total_in).unwrap_or(rest.len());
        out.truncate(end + made);
        rest = rest.get(used..).unwrap_or_default();
        match result {
            // With room left, all that there was is flushed.
            Ok(Status::Ok | Status::BufError) if made < len => break,
            Ok(Status::Ok | Status::BufError) => {}
            Ok(Status::StreamEnd) | Err(_) => {
                out.truncate(start);
                return Err(Refused);
            }
        }
    }
    if state.total_in() - before != input.len() as u64 {
        out.truncate(start);
        return Err(Refused);
    }
    if fin {
        if out.len() == start {
            // Nothing since the last flush: an empty block.
            out.push(0x00);
        } else if out.ends_with(&TAIL) {
            out.truncate(out.len() - TAIL.len());
        } else {
            out.truncate(start);
            return Err(Refused);
        }
    }
    Ok(())
}

/// Writes blocks without compression (RFC 1951 §3.2.4), which need no library and no window.
fn store(input: &[u8], fin: bool, out: &mut Vec<u8>) {
    for block in input.chunks(usize::from(u16::MAX)) {
        let len = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(0x00);
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&(!len).to_le_bytes());
        out.extend_from_slice(block);
    }
    if fin {
        out.push(0x00);
    }
}

thread_local! {
    static SPARE: Cell<Option<Box<State>>> = const { Cell::new(None) };
}

/// The end of a flushed stream: the length of an empty block.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// How much room the library is given at once, in bytes. It needs more than 6 to end a flush.
const MIN_STEP: usize = 64;
const MAX_STEP: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::*;
    use crate::{
        deflate::{Inflater, Sink},
        error::ProtocolError,
    };

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

    fn inflate(inflater: &mut Inflater, fragments: &[&[u8]]) -> Vec<u8> {
        let mut message = Message(Vec::new());
        for fragment in fragments {
            inflater.push(fragment, false, &mut message).expect("valid");
        }
        inflater.push(b"", true, &mut message).expect("whole");
        message.0
    }

    #[test]
    fn stored_blocks_are_a_message() {
        let mut inflater = Inflater::new(AgreedParameters::default(), Role::Client, 0);
        for len in [0, 1, 65_535, 65_536, 200_000] {
            let payload: Vec<u8> = (0_u8..251).cycle().take(len).collect();
            let (mut first, mut last) = (Vec::new(), Vec::new());
            store(&payload[..len / 3], false, &mut first);
            store(&payload[len / 3..], true, &mut last);
            assert_eq!(inflate(&mut inflater, &[&first, &last]), payload);
        }
    }

    // 7692-7.2.1-01, 7692-7.2.1-03
    #[test]
    fn nothing_exceeds_the_bound() {
        // Nothing to compress in it.
        let mut seed = 1_u32;
        let mut noise = vec![0_u8; 70_000];
        for octet in &mut noise {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *octet = seed.to_be_bytes()[0] | 0x80;
        }
        for level in 0..=9 {
            for memory_level in [1, 5, 9] {
                for bits in [9, 15] {
                    let settings = Settings {
                        bits: WindowBits::new(bits).expect("right"),
                        level: Level::new(level).expect("right"),
                        memory_level: MemoryLevel::new(memory_level).expect("right"),
                    };
                    for len in [0, 1, 2, 100, 511, 512, 513, 16_383, 16_384, 65_536, 70_000] {
                        let out = settings.compress(&noise[..len]);
                        assert!(out.len() <= bound(len), "{} of {len}, {settings:?}", out.len());
                        assert!(!out.ends_with(&TAIL));
                        let mut inflater =
                            Inflater::new(AgreedParameters::default(), Role::Client, 0);
                        assert!(inflate(&mut inflater, &[&out]) == noise[..len]);
                    }
                }
            }
        }
    }
}
