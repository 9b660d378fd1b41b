//! The frames that nearly all traffic consists of: short ones that lie whole in the input.
//!
//! These are shortcuts past the [`Decoder`](super::Decoder), which has to be prepared for everything:
//! they more than halve the time for a small frame. What they take is what the decoder would make of
//! the same octets; where something else is at the front of the input, be it a part of a frame, a
//! control frame, a payload of 64 KiB or more, or nonsense, they take nothing and return `None`, and
//! the decoder says what it is.

use super::{
    Opcode,
    header::{FIN, MASK},
};
use crate::{Input, Role, mask};

/// Takes an unfragmented message off the input and returns its opcode, Text or Binary, and its
/// payload, unmasked.
///
/// The caller knows that the octets at the front begin a frame, and that no fragmented message is
/// open.
#[inline]
pub(crate) fn take_message<'buf>(
    input: &mut Input<'buf>,
    role: Role,
) -> Option<(Opcode, &'buf mut [u8])> {
    const TEXT: u8 = FIN | Opcode::Text.bits();
    const BINARY: u8 = FIN | Opcode::Binary.bits();

    let opcode = match *input.as_slice().first()? {
        TEXT => Opcode::Text,
        BINARY => Opcode::Binary,
        _ => return None,
    };
    Some((opcode, take_payload(input, role)?))
}

/// Takes a fragment behind the first one off the input and returns whether it is the last, and its
/// payload, unmasked.
///
/// The caller knows that the octets at the front begin a frame, and that a fragmented message is
/// open.
#[inline]
pub(super) fn take_continuation<'buf>(
    input: &mut Input<'buf>,
    role: Role,
) -> Option<(bool, &'buf mut [u8])> {
    const MORE: u8 = Opcode::Continuation.bits();
    const LAST: u8 = FIN | Opcode::Continuation.bits();

    let fin = match *input.as_slice().first()? {
        MORE => false,
        LAST => true,
        _ => return None,
    };
    Some((fin, take_payload(input, role)?))
}

/// Takes a frame off the input, whatever its first octet says, and returns its payload, unmasked.
#[inline]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a header of 8 octets and a payload of 65,535 at most"
)]
fn take_payload<'buf>(input: &mut Input<'buf>, role: Role) -> Option<&'buf mut [u8]> {
    let bytes = input.as_slice();
    // Where the frame is not masked as it has to be, the length seems to be more than 127.
    let (mask_bit, key_len) = match role {
        Role::Client => (0, 0),
        Role::Server => (MASK, 4),
    };
    let (field_len, len) = match bytes.get(1)? ^ mask_bit {
        len @ ..=125 => (2, usize::from(len)),
        126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
        _ => return None,
    };
    let header_len = field_len + key_len;
    let is_minimal = field_len == 2 || len > 125;
    if !is_minimal || bytes.len() < header_len + len {
        return None;
    }
    let (header, payload) = input.take(header_len + len).split_at_mut(header_len);
    if let (Role::Server, Some(&key)) = (role, header.last_chunk()) {
        mask::apply(payload, key);
    }
    Some(payload)
}
