//! The frames of nearly all traffic: short ones that lie whole in the input.
//!
//! These shortcuts past the [`Decoder`](super::Decoder) more than halve the time for a small frame. They
//! return what the decoder would return for the same bytes. For a part of a frame, a control frame, a
//! payload of 64 KiB or more, or an invalid frame, they take nothing and return `None`. The decoder then
//! handles it.

use super::{
    Opcode,
    header::{FIN, MASK},
};
use crate::{frame::mask, input::Input, role::Role};

/// Takes an unfragmented message off the input. Returns its opcode, Text or Binary, and its payload,
/// unmasked.
///
/// The caller knows that the bytes at the front begin a frame, and that no fragmented message is
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

/// Takes a later fragment of a message off the input. Returns whether it is the last, and its payload,
/// unmasked.
///
/// The caller knows that the bytes at the front begin a frame, and that a fragmented message is
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

/// Takes a frame off the input, whatever its first byte says, and returns its payload, unmasked.
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

#[cfg(test)]
mod tests {
    use alloc::{format, vec, vec::Vec};

    use super::*;

    const KEY: [u8; 4] = [1, 2, 3, 4];

    /// A frame as `role` has to receive it.
    fn frame(first: u8, payload: &[u8], role: Role) -> Vec<u8> {
        let mask_bit = if role == Role::Server { MASK } else { 0 };
        let len = u16::try_from(payload.len()).unwrap();
        let mut frame = match u8::try_from(len) {
            Ok(len @ ..=125) => vec![first, mask_bit | len],
            _ => [&[first, mask_bit | 126][..], &len.to_be_bytes()].concat(),
        };
        let mut payload = payload.to_vec();
        if role == Role::Server {
            frame.extend_from_slice(&KEY);
            mask::apply(&mut payload, KEY);
        }
        frame.extend_from_slice(&payload);
        frame
    }

    /// Frames for both roles, each with nothing and with something behind it: bytes, payload, and how
    /// many bytes are behind.
    fn frames(first: u8) -> impl Iterator<Item = (Role, Vec<u8>, Vec<u8>, usize)> {
        let lens = [0, 1, 125, 126, 127, 128, 4000, 65_535];
        lens.into_iter().flat_map(|len| [(len, 0), (len, 1)]).flat_map(move |(len, behind)| {
            let payload: Vec<_> = (0..=255).cycle().take(len).collect();
            [Role::Client, Role::Server].map(|role| {
                let bytes = [frame(first, &payload, role), vec![first; behind]].concat();
                (role, bytes, payload.clone(), behind)
            })
        })
    }

    // Whether a shortcut is taken shows nowhere else: the decoder makes the same of it.
    #[test]
    fn short_messages_are_taken() {
        for (first, opcode) in [(0x81, Opcode::Text), (0x82, Opcode::Binary)] {
            for (role, mut bytes, payload, behind) in frames(first) {
                let mut input = Input::new(&mut bytes);
                let (taken, unmasked) = take_message(&mut input, role).unwrap();
                assert!(taken == opcode && *unmasked == *payload, "{role:?} {}", payload.len());
                assert_eq!(input.len(), behind);
            }
        }
    }

    #[test]
    fn whole_fragments_are_taken() {
        for (first, last) in [(0x00, false), (0x80, true)] {
            for (role, mut bytes, payload, behind) in frames(first) {
                let mut input = Input::new(&mut bytes);
                let (fin, unmasked) = take_continuation(&mut input, role).unwrap();
                assert!(fin == last && *unmasked == *payload, "{role:?} {}", payload.len());
                assert_eq!(input.len(), behind);
            }
        }
    }

    #[test]
    fn all_else_is_left_as_it_is() {
        let left = |bytes: &[u8], role| {
            let mut copy = bytes.to_vec();
            let mut input = Input::new(&mut copy);
            let what = format!("{role:?} {:02x?}", bytes.get(..16).unwrap_or(bytes));
            assert!(take_message(&mut input, role).is_none(), "{what}");
            assert!(take_continuation(&mut input, role).is_none(), "{what}");
            assert_eq!(input.as_slice(), bytes, "{what}");
        };
        for role in [Role::Client, Role::Server] {
            for first in 0..=255 {
                // Another first byte.
                if !matches!(first, 0x00 | 0x80 | 0x81 | 0x82) {
                    left(&frame(first, b"a", role), role);
                }
            }
            for first in [0x00, 0x80, 0x81, 0x82] {
                // A part of a frame.
                for len in [1, 126] {
                    let frame = frame(first, &vec![b'a'; len], role);
                    for end in 0..frame.len() {
                        left(&frame[..end], role);
                    }
                }
                // A mask where there should be none, or none where there should be one.
                left(&frame(first, b"abcdef", role.peer()), role);
                // A length that is not minimal, and one in the third form.
                let mask_bit = if role == Role::Server { MASK } else { 0 };
                left(&[&[first, mask_bit | 126, 0, 125][..], &[0; 129]].concat(), role);
                left(&[&[first, mask_bit | 127][..], &[0; 70]].concat(), role);
            }
        }
    }
}
