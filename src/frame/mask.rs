//! Masking of payload data (RFC 6455 §5.3).

use alloc::vec::Vec;

/// Masks or unmasks `payload` in place with `key`; the same step does both.
///
/// Byte `i` of the payload is combined with byte `i mod 4` of the key (RFC 6455 §5.3). A payload
/// that comes in pieces needs the key turned for each piece: see [`rotate`].
///
/// ```
/// let mut payload = *b"Hello";
/// framewise::mask::apply(&mut payload, [0x37, 0xfa, 0x21, 0x3d]);
/// assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
/// ```
#[inline]
pub fn apply(payload: &mut [u8], key: [u8; 4]) {
    match payload.len() {
        0..4 => {
            for (octet, key) in payload.iter_mut().zip(key) {
                *octet ^= key;
            }
        }
        4..8 => put_ends::<4>(payload, masked_ends(payload, key)),
        8..16 => put_ends::<8>(payload, masked_ends(payload, key)),
        16..=32 => put_ends::<16>(payload, masked_ends(payload, key)),
        _ => apply_blocks(payload, key),
    }
}

/// Copies `payload` to `place`, which is as long, masked with `key`.
#[inline]
pub(crate) fn copy(place: &mut [u8], payload: &[u8], key: [u8; 4]) {
    match payload.len() {
        0..4 => {
            for ((place, octet), key) in place.iter_mut().zip(payload).zip(key) {
                *place = octet ^ key;
            }
        }
        4..8 => put_ends::<4>(place, masked_ends(payload, key)),
        8..16 => put_ends::<8>(place, masked_ends(payload, key)),
        16..=32 => put_ends::<16>(place, masked_ends(payload, key)),
        _ => copy_blocks(place, payload, key),
    }
}

/// Appends a masked copy of `payload`: copied and masked in one pass.
pub(crate) fn append(octets: &mut Vec<u8>, payload: &[u8], key: [u8; 4]) {
    octets.reserve(payload.len());
    let (blocks, rest) = payload.as_chunks::<64>();
    for block in blocks {
        octets.extend_from_slice(&masked(*block, key));
    }
    let start = octets.len();
    octets.extend_from_slice(rest);
    if let Some(copy) = octets.get_mut(start..) {
        apply(copy, key);
    }
}

/// Masks the first `N` and the last `N` of `N` to `2 * N` bytes, which may overlap. Short payloads
/// are the most frequent ones: like this they take a few instructions and no loop.
#[inline]
fn masked_ends<const N: usize>(payload: &[u8], key: [u8; 4]) -> Option<([u8; N], [u8; N])> {
    let (first, last) = (payload.first_chunk()?, payload.last_chunk()?);
    Some((masked(*first, key), masked(*last, rotate(key, payload.len()))))
}

#[inline]
fn put_ends<const N: usize>(place: &mut [u8], ends: Option<([u8; N], [u8; N])>) {
    let Some((first, last)) = ends else {
        return;
    };
    if let Some(place) = place.first_chunk_mut() {
        *place = first;
    }
    if let Some(place) = place.last_chunk_mut() {
        *place = last;
    }
}

/// Masks 16 bytes or more.
///
/// Blocks of a fixed size compile to vector instructions: memcpy's speed from 64 bytes on, against
/// 3 GB/s byte by byte.
#[inline]
fn apply_blocks(payload: &mut [u8], key: [u8; 4]) {
    // What does not fill a block at the end is part of a last one, which overlaps those before it.
    let last = payload.last_chunk::<16>().map(|last| masked(*last, rotate(key, payload.len())));
    let (blocks, rest) = payload.as_chunks_mut::<64>();
    for block in blocks {
        *block = masked(*block, key);
    }
    for block in rest.as_chunks_mut::<16>().0 {
        *block = masked(*block, key);
    }
    if let (Some(place), Some(last)) = (payload.last_chunk_mut(), last) {
        *place = last;
    }
}

/// Copies 16 bytes or more, masked.
#[inline]
fn copy_blocks(place: &mut [u8], payload: &[u8], key: [u8; 4]) {
    let (blocks, rest) = payload.as_chunks::<64>();
    let (places, rest_places) = place.as_chunks_mut::<64>();
    for (place, block) in places.iter_mut().zip(blocks) {
        *place = masked(*block, key);
    }
    let (places, blocks) = (rest_places.as_chunks_mut::<16>().0, rest.as_chunks::<16>().0);
    for (place, block) in places.iter_mut().zip(blocks) {
        *place = masked(*block, key);
    }
    if let (Some(place), Some(last)) = (place.last_chunk_mut(), payload.last_chunk::<16>()) {
        *place = masked(*last, rotate(key, payload.len()));
    }
}

/// Masks a block whose size is a multiple of four.
#[inline]
fn masked<const N: usize>(mut block: [u8; N], key: [u8; 4]) -> [u8; N] {
    // In words of the machine's own order, which need no swapping.
    let key = u32::from_ne_bytes(key);
    for word in block.as_chunks_mut().0 {
        *word = (u32::from_ne_bytes(*word) ^ key).to_ne_bytes();
    }
    block
}

/// Turns `key` so that its first byte is the one for the byte at `offset` of a payload.
///
/// ```
/// assert_eq!(framewise::mask::rotate([1, 2, 3, 4], 5), [2, 3, 4, 1]);
/// ```
#[inline]
pub const fn rotate(key: [u8; 4], offset: usize) -> [u8; 4] {
    // Little-endian, so that a turn to the right brings the next byte to the front.
    let bits = match offset & 3 {
        0 => 0,
        1 => 8,
        2 => 16,
        _ => 24,
    };
    u32::from_le_bytes(key).rotate_right(bits).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(payload: &mut [u8], key: [u8; 4]) {
        for (i, octet) in payload.iter_mut().enumerate() {
            *octet ^= key[i & 3];
        }
    }

    proptest! {
        // 6455-5.3-05, 6455-5.3-06, 6455-5.3-07; regression R53
        #[test]
        fn agrees_with_the_formula_at_every_offset_and_cut(
            payload in prop::collection::vec(any::<u8>(), 0..=300),
            key: [u8; 4],
            start in 0_usize..8,
            cuts in prop::collection::vec(0_usize..=300, 0..4),
        ) {
            let start = start.min(payload.len());
            let mut expected = payload.clone();
            naive(&mut expected[start..], key);

            let mut whole = payload.clone();
            apply(&mut whole[start..], key);
            prop_assert_eq!(&whole, &expected);

            let mut appended = payload[..start].to_vec();
            append(&mut appended, &payload[start..], key);
            prop_assert_eq!(&appended, &expected);

            let mut copied = payload.clone();
            copy(&mut copied[start..], &payload[start..], key);
            prop_assert_eq!(&copied, &expected);

            let mut pieces = payload;
            let mut bounds: Vec<usize> =
                cuts.into_iter().map(|cut| cut.clamp(start, pieces.len())).collect();
            bounds.extend([start, pieces.len()]);
            bounds.sort_unstable();
            for bound in bounds.windows(2) {
                apply(&mut pieces[bound[0]..bound[1]], rotate(key, bound[0] - start));
            }
            prop_assert_eq!(&pieces, &expected);
        }
    }
}
