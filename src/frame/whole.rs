//! The frame that nearly all traffic consists of: a whole message, which lies whole in the input.

use super::{
    Opcode,
    header::{FIN, MASK},
};
use crate::{Input, Role, mask};

/// Takes an unfragmented message off the input and returns its opcode, Text or Binary, and its
/// payload, unmasked.
///
/// Takes nothing and returns `None` when something else is at the front, be it a part of such a
/// frame, another frame, a payload of 64 KiB or more, or nonsense: [`Decoder`](super::Decoder) knows
/// about all of them. The caller knows that the octets at the front begin a frame, and that no
/// fragmented message is open.
///
/// This is a shortcut past the decoder, which has to be prepared for everything: it more than halves
/// the time for a small message.
#[inline]
pub(crate) fn take<'buf>(input: &mut Input<'buf>, role: Role) -> Option<(Opcode, &'buf mut [u8])> {
    const TEXT: u8 = FIN | Opcode::Text.bits();
    const BINARY: u8 = FIN | Opcode::Binary.bits();

    let bytes = input.as_slice();
    let (opcode, second) = match *bytes {
        [TEXT, second, ..] => (Opcode::Text, second),
        [BINARY, second, ..] => (Opcode::Binary, second),
        _ => return None,
    };
    // Where the frame is not masked as it has to be, the length seems to be more than 127.
    let (mask_bit, key_len) = match role {
        Role::Client => (0, 0),
        Role::Server => (MASK, 4),
    };
    let (field_len, len) = match second ^ mask_bit {
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
    Some((opcode, payload))
}
