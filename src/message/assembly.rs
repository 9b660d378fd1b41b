//! A message that is arriving (RFC 6455 §5.4): the one place where received bytes are counted.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::mem;

use super::Event;
use crate::{
    config::{Config, Delivery},
    copy,
    error::ProtocolError,
    frame::{FrameHeader, Opcode},
    utf8::{self, Utf8},
};

/// A message that lies whole in the input.
///
/// It is smaller than an [`Event`], so it stays in registers until the caller makes one of it. An event that
/// is passed from function to function is copied with its padding, a third of the time for a small message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WholeMessage<'buf> {
    Binary(&'buf [u8]),
    Text(&'buf str),
}

impl<'buf> From<WholeMessage<'buf>> for Event<'buf> {
    #[inline]
    fn from(message: WholeMessage<'buf>) -> Self {
        match message {
            WholeMessage::Binary(payload) => Self::Binary(Cow::Borrowed(payload)),
            WholeMessage::Text(text) => Self::Text(Cow::Borrowed(text)),
        }
    }
}

/// Delivers a message that lies whole in the input: nothing is copied, nothing stored.
#[inline]
pub(crate) fn whole<'buf>(
    opcode: Opcode,
    payload: &'buf [u8],
    config: &Config,
) -> Result<WholeMessage<'buf>, ProtocolError> {
    if payload.len() as u64 > config.max_message_size {
        let (len, limit) = (Some(payload.len() as u64), config.max_message_size);
        return Err(ProtocolError::MessageTooBig { len, limit });
    }
    if opcode != Opcode::Text {
        return Ok(WholeMessage::Binary(payload));
    }
    Ok(WholeMessage::Text(utf8::validate(payload)?))
}

/// A message whose payload comes in pieces.
#[derive(Debug)]
pub(crate) struct Assembly {
    held: Held,
    // The bytes that are held in front of that.
    full: Vec<Held>,
    // Bytes of payload: announced by headers or, of a compressed message, inflated.
    size: u64,
    max_size: u64,
    fragments: u32,
    utf8: Utf8,
    delivery: Delivery,
    compressed: bool,
}

/// The payload that has arrived.
#[derive(Debug)]
enum Held {
    Binary(Vec<u8>),
    Text(String),
}

/// Where a piece of payload lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Whether the message ends with the piece.
    pub(crate) fin: bool,
    /// How many bytes of the frame are still to come. Of a compressed one, how many the rest of what
    /// has arrived is likely to be inflated to.
    pub(crate) to_come: u64,
    /// Whether the frame is the message's last.
    pub(crate) last_frame: bool,
}

impl Assembly {
    /// Begins a message with its first frame.
    pub(crate) fn new(header: &FrameHeader, delivery: Delivery, config: &Config) -> Self {
        let held = match header.opcode {
            Opcode::Text => Held::Text(String::new()),
            _ => Held::Binary(Vec::new()),
        };
        Self {
            held,
            full: Vec::new(),
            size: 0,
            max_size: config.max_message_size,
            fragments: 0,
            utf8: Utf8::default(),
            delivery,
            compressed: header.rsv1,
        }
    }

    /// Returns whether the payload of the frames is compressed.
    #[cfg(feature = "deflate")]
    pub(crate) fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// Returns whether the message is delivered in chunks.
    #[cfg(feature = "deflate")]
    pub(crate) fn delivers_chunks(&self) -> bool {
        self.delivery == Delivery::Chunks
    }

    /// Returns how many bytes the message may still grow by.
    #[inline]
    #[allow(
        clippy::arithmetic_side_effects,
        reason = "the size never exceeds the limit, see `grow`"
    )]
    pub(crate) fn room(&self) -> u64 {
        self.max_size - self.size
    }

    /// Counts bytes that are to be pushed: the limit is checked before any is stored.
    #[inline]
    #[allow(
        clippy::arithmetic_side_effects,
        reason = "no more than the room, which was just checked"
    )]
    pub(crate) fn grow(&mut self, len: u64) -> Result<(), ProtocolError> {
        if len > self.room() {
            return Err(self.too_big(len));
        }
        self.size += len;
        Ok(())
    }

    /// Returns the error for `len` bytes for which there is no room.
    #[cold]
    pub(crate) fn too_big(&self, len: u64) -> ProtocolError {
        // How much is inflated before the limit is seen depends on how the bytes arrive.
        let len = (!self.compressed).then(|| self.size.saturating_add(len));
        ProtocolError::MessageTooBig { len, limit: self.max_size }
    }

    /// Returns whether bytes of payload are stored as they arrive, until the message is whole.
    #[inline]
    pub(crate) fn stores_payload(&self) -> bool {
        self.delivery == Delivery::Messages && !self.compressed
    }

    /// Begins a frame of the message: the limits are checked on its header.
    pub(crate) fn begin_frame(
        &mut self,
        header: &FrameHeader,
        config: &Config,
    ) -> Result<(), ProtocolError> {
        if header.fin && header.opcode != Opcode::Continuation {
            // A message in one frame has no fragments, whether it came in one read or in many.
            return if self.compressed { Ok(()) } else { self.grow(header.payload_len) };
        }
        self.begin_fragment(header.payload_len, config)
    }

    /// Begins a fragment of the message.
    #[inline]
    pub(crate) fn begin_fragment(
        &mut self,
        payload_len: u64,
        config: &Config,
    ) -> Result<(), ProtocolError> {
        if !self.compressed {
            self.grow(payload_len)?;
        }
        self.fragments = self.fragments.saturating_add(1);
        if self.fragments > config.max_fragments {
            return Err(ProtocolError::TooManyFragments { limit: config.max_fragments });
        }
        Ok(())
    }

    /// Takes a piece of the message; returns what can be delivered now.
    pub(crate) fn push<'buf>(
        &mut self,
        payload: &'buf [u8],
        extent: Extent,
    ) -> Result<Option<Event<'buf>>, ProtocolError> {
        if self.delivery == Delivery::Chunks {
            return self.deliver(payload, extent.fin);
        }
        self.store(payload, extent)?;
        if extent.fin { self.finish().map(Some) } else { Ok(None) }
    }

    /// Stores a piece of a message that is delivered whole.
    #[allow(clippy::arithmetic_side_effects, reason = "a length is at most the capacity")]
    pub(crate) fn store(&mut self, payload: &[u8], extent: Extent) -> Result<(), ProtocolError> {
        if let Held::Binary(held) = &mut self.held {
            if payload.len() <= held.capacity() - held.len() {
                copy::append(held, payload);
            } else {
                self.hold_binary(payload, extent);
            }
            return Ok(());
        }
        if let Held::Text(held) = &mut self.held
            && let [octet @ ..0x80] = *payload
            && self.utf8.is_whole()
            && held.len() < held.capacity()
        {
            // Fast path for one ASCII byte: skips validation, halves the time.
            held.push(octet.into());
            return Ok(());
        }
        let (joined, rest) = self.utf8.join(payload)?;
        let text = self.utf8.text(rest)?;
        if let Some(joined) = joined {
            self.hold_text(joined.as_str(), extent);
        }
        self.hold_text(text, extent);
        Ok(())
    }

    /// Delivers a message that was stored.
    pub(crate) fn finish(&mut self) -> Result<Event<'static>, ProtocolError> {
        self.end()?;
        if !self.full.is_empty() {
            self.join();
        }
        Ok(match &mut self.held {
            Held::Binary(held) => Event::Binary(Cow::Owned(mem::take(held))),
            Held::Text(held) => Event::Text(Cow::Owned(mem::take(held))),
        })
    }

    fn hold_binary(&mut self, bytes: &[u8], extent: Extent) {
        let (front, back) = bytes.split_at(bytes.len().min(self.held.spare()));
        self.held.push_binary(front);
        self.make_room(back.len(), extent);
        self.held.push_binary(back);
    }

    #[allow(clippy::arithmetic_side_effects, reason = "the search ends at 0, which is a boundary")]
    fn hold_text(&mut self, text: &str, extent: Extent) {
        if text.len() <= self.held.spare() {
            return self.held.push_text(text);
        }
        let mut fitting = self.held.spare();
        while !text.is_char_boundary(fitting) {
            fitting -= 1;
        }
        let (front, back) = text.split_at(fitting);
        self.held.push_text(front);
        self.make_room(back.len(), extent);
        self.held.push_text(back);
    }

    /// Makes room for `arrived` bytes.
    ///
    /// A compressed message is held in pieces. Each is full before there is another one: a
    /// buffer that grows has to be there twice while it moves, and a message that is refused for its
    /// size shall not take more than the limit.
    fn make_room(&mut self, arrived: usize, extent: Extent) {
        let room = usize::try_from(self.room()).unwrap_or(usize::MAX);
        let len = self.held.len();
        if !self.compressed {
            return self.held.reserve(growth(len, arrived, extent, room));
        }
        let to_come = usize::try_from(extent.to_come).unwrap_or(usize::MAX);
        let ahead = if extent.last_frame { to_come } else { to_come.max(len.min(MIN_PIECE)) };
        let mut piece = self.held.another();
        piece.reserve(arrived.saturating_add(ahead.min(MAX_STEP).min(room)));
        let full = mem::replace(&mut self.held, piece);
        if len != 0 {
            self.full.push(full);
        }
    }

    /// Makes one of all pieces.
    fn join(&mut self) {
        let mut whole = self.held.another();
        self.full.push(mem::replace(&mut self.held, Held::Binary(Vec::new())));
        whole.reserve(self.full.iter().map(Held::len).sum());
        for piece in self.full.drain(..) {
            match piece {
                Held::Binary(bytes) => whole.push_binary(&bytes),
                Held::Text(text) => whole.push_text(&text),
            }
        }
        self.held = whole;
    }

    fn deliver<'buf>(
        &mut self,
        payload: &'buf [u8],
        fin: bool,
    ) -> Result<Option<Event<'buf>>, ProtocolError> {
        let event = match self.held {
            Held::Binary(_) => Event::BinaryChunk { payload: Cow::Borrowed(payload), fin },
            Held::Text(_) => {
                let (joined, rest) = self.utf8.join(payload)?;
                let rest = self.utf8.text(rest)?;
                let text = match joined {
                    None => Cow::Borrowed(rest),
                    // A code point lies in two reads: it cannot be borrowed together with the rest.
                    Some(joined) => Cow::Owned([joined.as_str(), rest].concat()),
                };
                Event::TextChunk { text, fin }
            }
        };
        if fin {
            self.end()?;
        }
        Ok((fin || !payload.is_empty()).then_some(event))
    }

    fn end(&self) -> Result<(), ProtocolError> {
        if self.utf8.is_whole() { Ok(()) } else { Err(ProtocolError::InvalidUtf8) }
    }
}

impl From<utf8::Invalid> for ProtocolError {
    fn from(_: utf8::Invalid) -> Self {
        Self::InvalidUtf8
    }
}

impl Held {
    fn len(&self) -> usize {
        match self {
            Self::Binary(held) => held.len(),
            Self::Text(held) => held.len(),
        }
    }

    /// Returns how many bytes there is room for.
    #[allow(clippy::arithmetic_side_effects, reason = "a length is at most the capacity")]
    fn spare(&self) -> usize {
        match self {
            Self::Binary(held) => held.capacity() - held.len(),
            Self::Text(held) => held.capacity() - held.len(),
        }
    }

    fn reserve(&mut self, additional: usize) {
        match self {
            Self::Binary(held) => held.reserve_exact(additional),
            Self::Text(held) => held.reserve_exact(additional),
        }
    }

    fn push_binary(&mut self, bytes: &[u8]) {
        if let Self::Binary(held) = self {
            copy::append(held, bytes);
        }
    }

    fn push_text(&mut self, text: &str) {
        if let Self::Text(held) = self {
            copy::append_text(held, text);
        }
    }

    /// Makes an empty one of the same type.
    fn another(&self) -> Self {
        match self {
            Self::Binary(_) => Self::Binary(Vec::new()),
            Self::Text(_) => Self::Text(String::new()),
        }
    }
}

/// Returns how many bytes to reserve for `arrived` bytes behind the `held` ones.
///
/// Of an announced length only [`MIN_STEP`] bytes are reserved. From there the capacity doubles, then grows
/// by [`MAX_STEP`] or by an eighth of the bytes that have arrived, whichever is more. So all copying is
/// linear. It never exceeds the end of the message, if that is known, nor the `room` that the limit leaves.
fn growth(held: usize, arrived: usize, extent: Extent, room: usize) -> usize {
    let len = held.saturating_add(arrived);
    let step = len.max(MIN_STEP).min(MAX_STEP.max(len / 8));
    let to_come = usize::try_from(extent.to_come).unwrap_or(usize::MAX);
    let end = if extent.last_frame { to_come } else { to_come.saturating_add(room) };
    arrived.saturating_add(step.min(end))
}

/// How many bytes are reserved beyond those that have arrived, at least: small messages never move.
const MIN_STEP: usize = 512;

/// How many bytes are reserved beyond those that have arrived, at most for messages of less than
/// eight times as many.
const MAX_STEP: usize = 1 << 20;

/// How many bytes are reserved in a piece of a compressed message, at most, beyond those that the
/// rest of what has arrived is likely to be inflated to.
const MIN_PIECE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    const UNLIMITED: usize = usize::MAX;

    fn extent(to_come: u64, last_frame: bool) -> Extent {
        Extent { fin: false, to_come, last_frame }
    }

    #[test]
    fn what_is_stored_as_it_arrives() {
        for (delivery, rsv1, stored) in [
            (Delivery::Messages, false, true),
            (Delivery::Messages, true, false),
            (Delivery::Chunks, false, false),
            (Delivery::Chunks, true, false),
        ] {
            let header = FrameHeader {
                opcode: Opcode::Binary,
                fin: false,
                rsv1,
                masking_key: None,
                payload_len: 1,
            };
            let assembly = Assembly::new(&header, delivery, &Config::default());
            assert_eq!(assembly.stores_payload(), stored, "{delivery:?} {rsv1}");
        }
    }

    // R13, R14: what a peer announces costs little, what has arrived is moved a few times only
    #[test]
    fn the_capacity_grows_with_what_has_arrived() {
        let announced = extent(u64::MAX, true);
        for (held, arrived, reserved) in [
            (0, 1, 1 + MIN_STEP),
            (0, 512, 512 + 512),
            (4096, 0, 4096),
            (3000, 1000, 1000 + 4000),
            (MAX_STEP, 10, 10 + MAX_STEP),
            (8 * MAX_STEP, 0, MAX_STEP),
            (16 << 20, 0, 2 << 20),
            ((24 << 20) - 80, 80, 80 + (3 << 20)),
        ] {
            assert_eq!(growth(held, arrived, announced, UNLIMITED), reserved, "{held} {arrived}");
        }
    }

    #[test]
    fn the_capacity_ends_where_the_message_must() {
        // With the last frame the message ends, and all bytes to come were allowed already.
        assert_eq!(growth(0, 10, extent(100, true), 0), 110);
        assert_eq!(growth(0, 10, extent(0, true), UNLIMITED), 10);
        // Others may follow another frame, as far as there is room.
        assert_eq!(growth(0, 10, extent(100, false), 0), 110);
        assert_eq!(growth(0, 10, extent(100, false), 7), 117);
        assert_eq!(growth(0, 10, extent(100, false), UNLIMITED), 10 + MIN_STEP);
    }

    // A code point across the end of the buffer goes behind it as a whole: writing a part of it in
    // front would have the buffer grow by as much as it holds already.
    #[test]
    fn text_grows_between_code_points() {
        const MIB: usize = 1 << 20;
        let header = FrameHeader {
            opcode: Opcode::Text,
            fin: true,
            rsv1: false,
            masking_key: None,
            payload_len: 32 * MIB as u64,
        };
        let config = Config { max_message_size: header.payload_len, ..Config::default() };
        let mut assembly = Assembly::new(&header, Delivery::Messages, &config);
        assembly.begin_frame(&header, &config).unwrap();

        let to_come = extent(20 * MIB as u64, true);
        assembly.store("a".repeat(8 * MIB).as_bytes(), to_come).unwrap();
        assert_eq!(assembly.held.spare(), MIB);
        let text = String::from("a") + &"é".repeat(MIB);
        assembly.store(text.as_bytes(), to_come).unwrap();
        assert_eq!(assembly.held.len(), 10 * MIB + 1);
        assert_eq!(assembly.held.spare(), (10 * MIB + 1) / 8);
    }
}
