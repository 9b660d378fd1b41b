//! UTF-8 that arrives in pieces (RFC 6455 §5.6, §8.1, RFC 3629).

use core::str;

/// The state of a validator between two pieces of a text: an unfinished code point.
///
/// It fails at the first byte after which no continuation can be valid, so a piece of text is
/// refused before its frame or its message has ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Utf8 {
    carry: [u8; 3],
    carry_len: u8,
}

/// Bytes that no continuation makes valid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Invalid;

/// A code point that began in an earlier piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joined {
    bytes: [u8; 4],
    len: usize,
}

impl Utf8 {
    /// Finishes the code point that an earlier piece left unfinished with bytes from the front of
    /// `bytes`.
    ///
    /// Returns it, if there was one and it is complete now, and the bytes behind it.
    #[allow(
        clippy::indexing_slicing,
        reason = "a carry of three octets is completed or refused by a fourth"
    )]
    pub(crate) fn join<'a>(
        &mut self,
        bytes: &'a [u8],
    ) -> Result<(Option<Joined>, &'a [u8]), Invalid> {
        if self.carry_len == 0 {
            return Ok((None, bytes));
        }
        let mut joined = Joined { bytes: [0; 4], len: usize::from(self.carry_len) };
        joined.bytes[..3].copy_from_slice(&self.carry);
        let mut rest = bytes;
        while let Some((&octet, behind)) = rest.split_first() {
            joined.bytes[joined.len] = octet;
            joined.len += 1;
            rest = behind;
            if complete(&joined.bytes[..joined.len])? {
                self.carry_len = 0;
                return Ok((Some(joined), rest));
            }
            self.keep(&joined.bytes[..joined.len]);
        }
        Ok((None, rest))
    }

    /// Validates `bytes`, which begin with a whole code point, and returns them as text, less an
    /// unfinished code point at the end, which is kept.
    pub(crate) fn text<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a str, Invalid> {
        let (whole, tail) = bytes.split_at(bytes.len() - unfinished(bytes));
        let text = validate(whole)?;
        if !tail.is_empty() {
            complete(tail)?;
            self.keep(tail);
        }
        Ok(text)
    }

    /// Returns whether the text may end here.
    pub(crate) const fn is_whole(self) -> bool {
        self.carry_len == 0
    }

    fn keep(&mut self, bytes: &[u8]) {
        for (kept, &octet) in self.carry.iter_mut().zip(bytes) {
            *kept = octet;
        }
        // At most three: four bytes are a whole code point or invalid.
        self.carry_len = u8::try_from(bytes.len()).unwrap_or(3).min(3);
    }
}

impl Joined {
    /// Returns the code point as text.
    #[allow(clippy::indexing_slicing, reason = "at most four octets are joined")]
    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

/// Validates a whole text.
#[inline]
pub(crate) fn validate(bytes: &[u8]) -> Result<&str, Invalid> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| Invalid)
}

/// Returns whether `bytes`, at most one code point, are whole rather than unfinished.
fn complete(bytes: &[u8]) -> Result<bool, Invalid> {
    match str::from_utf8(bytes) {
        Ok(_) => Ok(true),
        Err(error) if error.error_len().is_none() => Ok(false),
        Err(_) => Err(Invalid),
    }
}

/// Returns how many bytes at the end of `bytes` begin a code point that needs more.
fn unfinished(bytes: &[u8]) -> usize {
    for (behind, &octet) in bytes.iter().rev().take(3).enumerate() {
        let needed = match octet {
            0x00..=0x7f => return 0,
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
        };
        return if behind + 1 < needed { behind + 1 } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    fn push(utf8: &mut Utf8, text: &mut String, piece: &[u8]) -> Result<(), Invalid> {
        let (joined, rest) = utf8.join(piece)?;
        if let Some(joined) = joined {
            text.push_str(joined.as_str());
        }
        text.push_str(utf8.text(rest)?);
        Ok(())
    }

    /// The first byte after which nothing can be valid any more, byte by byte by the standard
    /// library's own word.
    fn first_bad(bytes: &[u8]) -> Option<usize> {
        (0..bytes.len()).find(|&last| {
            str::from_utf8(&bytes[..=last]).is_err_and(|error| error.error_len().is_some())
        })
    }

    fn octet() -> impl Strategy<Value = u8> {
        // The borders of RFC 3629's table, and anything.
        prop_oneof![
            prop::sample::select(
                &[
                    0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
                    0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
                ][..]
            ),
            any::<u8>(),
        ]
    }

    proptest! {
        // 3629-4-08, 6455-5.6-06; regression R35
        #[test]
        fn fails_at_the_first_bad_octet(bytes in prop::collection::vec(octet(), 0..12)) {
            let (mut utf8, mut text) = (Utf8::default(), String::new());
            let failed = bytes.iter().position(|&octet| push(&mut utf8, &mut text, &[octet]).is_err());
            prop_assert_eq!(failed, first_bad(&bytes));
            if failed.is_none() {
                prop_assert_eq!(utf8.is_whole(), str::from_utf8(&bytes).is_ok());
            }
        }

        // Libraries go through text in blocks of 64 bytes, and short ones are another's work.
        // R35, R52
        #[test]
        fn agrees_with_the_standard_library_on_both_sides_of_a_block(
            front in prop_oneof![0_usize..200, 60_usize..68, 124_usize..132],
            chars in prop::collection::vec(prop::sample::select(&['a', 'é', '한', '😀'][..]), 1..8),
            middle in prop::collection::vec(octet(), 0..6),
            back in 0_usize..100,
            cut in any::<prop::sample::Index>(),
        ) {
            let text_of = |len: usize| {
                let mut text: String = chars.iter().cycle().take(len).collect();
                let end = (0..=len).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
                text.truncate(end);
                text + &"a".repeat(len - end)
            };
            let bytes = [text_of(front).as_bytes(), &middle, text_of(back).as_bytes()].concat();
            prop_assert_eq!(validate(&bytes).is_ok(), str::from_utf8(&bytes).is_ok());
            let bad = first_bad(&bytes);
            let cuts = [bytes.len(), cut.index(bytes.len() + 1), bad.unwrap_or(0)];
            for cut in cuts.into_iter().chain(bad.map(|bad| bad + 1)) {
                let (mut utf8, mut text) = (Utf8::default(), String::new());
                let first = push(&mut utf8, &mut text, &bytes[..cut]);
                prop_assert_eq!(first.is_err(), bad.is_some_and(|bad| bad < cut), "cut at {}", cut);
                let both = first.and_then(|()| push(&mut utf8, &mut text, &bytes[cut..]));
                prop_assert_eq!(both.is_err(), bad.is_some(), "cut at {}", cut);
                if both.is_ok() {
                    prop_assert_eq!(utf8.is_whole(), str::from_utf8(&bytes).is_ok());
                }
            }
        }

        #[test]
        fn pieces_make_the_text(text in "\\PC{0,40}", cuts in prop::collection::vec(0_usize..160, 0..6)) {
            let bytes = text.as_bytes();
            let mut bounds: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            bounds.extend([0, bytes.len()]);
            bounds.sort_unstable();
            let (mut utf8, mut joined) = (Utf8::default(), String::new());
            for bound in bounds.windows(2) {
                prop_assert_eq!(push(&mut utf8, &mut joined, &bytes[bound[0]..bound[1]]), Ok(()));
            }
            prop_assert!(utf8.is_whole());
            prop_assert_eq!(joined, text);
        }

        #[test]
        fn any_cut_gives_the_same_answer(
            bytes in prop::collection::vec(octet(), 0..24), cut in 0_usize..24,
        ) {
            let cut = cut.min(bytes.len());
            let (mut utf8, mut text) = (Utf8::default(), String::new());
            let answer = push(&mut utf8, &mut text, &bytes[..cut])
                .and_then(|()| push(&mut utf8, &mut text, &bytes[cut..]));
            prop_assert_eq!(answer.is_err(), first_bad(&bytes).is_some());
        }
    }
}
