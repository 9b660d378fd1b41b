//! A message in the making (RFC 6455 §5.4): the one place where received octets are accounted.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::mem;

use crate::{
    Config, Delivery, Event, ProtocolError,
    frame::{FrameHeader, Opcode},
    utf8::{self, Utf8},
};

/// Delivers a message that lies whole in the input: nothing is copied, nothing stored.
#[inline]
pub(crate) fn whole<'buf>(
    header: &FrameHeader,
    payload: &'buf [u8],
    config: &Config,
) -> Result<Event<'buf>, ProtocolError> {
    if header.payload_len > config.max_message_size {
        return Err(ProtocolError::MessageTooBig);
    }
    if header.opcode != Opcode::Text {
        return Ok(Event::Binary(Cow::Borrowed(payload)));
    }
    Ok(Event::Text(Cow::Borrowed(utf8::validate(payload)?)))
}

/// A message whose payload comes in pieces.
#[derive(Debug)]
pub(crate) struct Assembly {
    held: Held,
    // Octets of payload: announced by headers or, of a compressed message, inflated.
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
pub(crate) struct Place {
    /// Whether the message ends with the piece.
    pub(crate) fin: bool,
    /// How many octets of the frame are still to come: an estimate when it is compressed.
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

    /// Returns how many octets the message may still grow by.
    pub(crate) fn room(&self) -> u64 {
        self.max_size - self.size
    }

    /// Takes note of octets that are to be pushed: the limit is checked before any is stored.
    pub(crate) fn grow(&mut self, len: u64) -> Result<(), ProtocolError> {
        if len > self.room() {
            return Err(ProtocolError::MessageTooBig);
        }
        self.size += len;
        Ok(())
    }

    /// Begins a frame of the message: the limits are checked on its header.
    pub(crate) fn begin_frame(
        &mut self,
        header: &FrameHeader,
        config: &Config,
    ) -> Result<(), ProtocolError> {
        self.fragments = self.fragments.saturating_add(1);
        if !self.compressed {
            self.grow(header.payload_len)?;
        }
        // A message in one frame has no fragments, whether it came in one read or in many.
        let whole = header.fin && header.opcode != Opcode::Continuation;
        if !whole && self.fragments > config.max_fragments {
            return Err(ProtocolError::TooManyFragments);
        }
        Ok(())
    }

    /// Takes a piece of the message; returns what can be delivered now.
    pub(crate) fn push<'buf>(
        &mut self,
        payload: &'buf [u8],
        place: Place,
    ) -> Result<Option<Event<'buf>>, ProtocolError> {
        if self.delivery == Delivery::Chunks {
            return self.deliver(payload, place.fin);
        }
        self.store(payload, place)?;
        if place.fin { self.finish().map(Some) } else { Ok(None) }
    }

    /// Stores a piece of a message that is delivered whole.
    pub(crate) fn store(&mut self, payload: &[u8], place: Place) -> Result<(), ProtocolError> {
        let max = usize::try_from(self.max_size).unwrap_or(usize::MAX);
        match &mut self.held {
            Held::Binary(held) => {
                if let Some(more) = growth(held.len(), held.capacity(), payload.len(), place, max) {
                    held.reserve_exact(more);
                }
                held.extend_from_slice(payload);
            }
            Held::Text(held) => {
                let (joined, rest) = self.utf8.join(payload)?;
                let text = self.utf8.text(rest)?;
                // An unfinished code point may be among the octets.
                let len = payload.len() + 3;
                if let Some(more) = growth(held.len(), held.capacity(), len, place, max) {
                    held.reserve_exact(more);
                }
                if let Some(joined) = joined {
                    held.push_str(joined.as_str());
                }
                held.push_str(text);
            }
        }
        Ok(())
    }

    /// Delivers a message all of which was stored.
    pub(crate) fn finish(&mut self) -> Result<Event<'static>, ProtocolError> {
        self.end()?;
        Ok(match &mut self.held {
            Held::Binary(held) => Event::Binary(Cow::Owned(mem::take(held))),
            Held::Text(held) => Event::Text(Cow::Owned(mem::take(held))),
        })
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

/// Returns how many octets to reserve for `arrived` octets behind the `held` ones, if they lack
/// room.
///
/// What a peer merely announces is never reserved: the capacity doubles at first, then grows by
/// [`MAX_STEP`] or by an eighth of what has arrived, whichever is more, so that all copying is
/// linear; and not beyond the end of the message where that is known, nor beyond `max`.
fn growth(held: usize, capacity: usize, arrived: usize, place: Place, max: usize) -> Option<usize> {
    if capacity - held >= arrived {
        return None;
    }
    let len = held + arrived;
    let step = len.min(MAX_STEP.max(len / 8)).min(max.saturating_sub(len));
    if !place.last_frame {
        return Some(arrived + step);
    }
    Some(arrived + usize::try_from(place.to_come).unwrap_or(usize::MAX).min(step))
}

/// How many octets are reserved beyond those that have arrived, at most for messages of less than
/// eight times as many.
const MAX_STEP: usize = 1 << 20;
