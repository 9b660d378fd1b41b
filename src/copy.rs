//! Copies of any size, at a speed that does not depend on where they lie.
//!
//! For copies of some KiB and more, widespread implementations of memcpy use string instructions.
//! On some processors those take up to ten times as long when the two places have nearly the same
//! offset in a page. That is left to chance, and then the same for all reads of a large message: 1 MiB
//! took 75 µs or 430. In pieces of 2 KiB it always takes the former.

use alloc::{string::String, vec::Vec};

/// Appends a copy of `bytes`.
#[inline]
pub(crate) fn append(octets: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() <= PIECE {
        return octets.extend_from_slice(bytes);
    }
    octets.reserve(bytes.len());
    for piece in bytes.chunks(PIECE) {
        octets.extend_from_slice(piece);
    }
}

/// Appends a copy of `text`.
pub(crate) fn append_text(string: &mut String, text: &str) {
    string.reserve(text.len());
    let mut rest = text;
    while rest.len() > PIECE {
        let mut end = PIECE;
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (piece, behind) = rest.split_at(end);
        string.push_str(piece);
        rest = behind;
    }
    string.push_str(rest);
}

/// How many bytes are copied at once.
const PIECE: usize = 2 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_appended_is_a_copy(
            front in prop::collection::vec(any::<u8>(), 0..10),
            bytes in prop::collection::vec(any::<u8>(), 0..3 * PIECE),
        ) {
            let mut copy = front.clone();
            append(&mut copy, &bytes);
            prop_assert_eq!(copy, [front, bytes].concat());
        }

        #[test]
        fn text_is_cut_between_code_points(text in "[aé한😀]{0,4000}") {
            let mut copy = String::from("é");
            append_text(&mut copy, &text);
            prop_assert_eq!(copy, String::from("é") + &text);
        }
    }
}
