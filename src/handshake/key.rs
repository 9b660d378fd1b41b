//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455 §4.1, §4.2.2).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha1::{Digest as _, Sha1};

/// The characters of a `Sec-WebSocket-Key`: 16 bytes in base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u8; 24]);

impl Key {
    /// Encodes a nonce.
    #[allow(clippy::expect_used, reason = "both lengths are fixed")]
    pub(super) fn new(nonce: [u8; 16]) -> Self {
        let mut key = [0; 24];
        STANDARD.encode_slice(nonce, &mut key).expect("16 octets are 24 characters of base64");
        Self(key)
    }

    /// Takes a header value that decodes to 16 bytes.
    ///
    /// That is the case for 22 characters of the alphabet and two of padding. The pad bits may be
    /// anything: the key that RFC 6455 §4.1 gives as an example has some set, RFC 4648 §3.5 leaves
    /// it to the decoder, and the characters are hashed as they came.
    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        let key: [u8; 24] = value.try_into().ok()?;
        let (digits, b"==") = key.split_first_chunk::<22>()? else {
            return None;
        };
        // Without an early end: 100 instructions and not 200.
        let valid = digits.iter().fold(true, |valid, octet| {
            valid & (octet.is_ascii_alphanumeric() | matches!(octet, b'+' | b'/'))
        });
        valid.then_some(Self(key))
    }

    /// Computes the value of `Sec-WebSocket-Accept` that answers this key.
    #[allow(clippy::expect_used, reason = "both lengths are fixed")]
    pub(super) fn accept(&self) -> [u8; 28] {
        let mut text = [0; 60];
        text[..24].copy_from_slice(&self.0);
        text[24..].copy_from_slice(GUID);
        let digest = Sha1::digest(text);
        let mut accept = [0; 28];
        STANDARD.encode_slice(digest, &mut accept).expect("20 octets are 28 characters of base64");
        accept
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// RFC 6455 §1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

#[cfg(test)]
mod tests {
    use super::*;

    // 6455-1.3-01, 6455-4.2.2-23, 6455-4.2.2-24, 6455-4.1-30, 4648-3.2-01, 4648-3.5-01
    #[test]
    fn keys_and_accepts_of_the_standard() {
        let sample = Key::new(*b"the sample nonce");
        assert_eq!(sample.as_bytes(), b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(&sample.accept(), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let counting = Key::new(core::array::from_fn(|i| u8::try_from(i + 1).unwrap()));
        assert_eq!(counting.as_bytes(), b"AQIDBAUGBwgJCgsMDQ4PEA==");
        assert_eq!(&counting.accept(), b"C/0nmHhBztSRGR1CwL6Tf4ZjwpY=");
    }

    // 6455-4.2.1-13, 6455-4.2.2-08, 4648-3.5-02
    #[test]
    fn pad_bits_are_hashed_as_they_came() {
        let key = Key::parse(b"AQIDBAUGBwgJCgsMDQ4PEC==").unwrap();
        assert_eq!(&key.accept(), b"OfS0wDaT5NoxF2gqm7Zj2YtetzM=");
    }

    // 6455-1.3-01, 6455-10.8-01
    #[test]
    fn digest_matches_published_vectors() {
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .map(|octet| alloc::format!("{octet:02x}"))
                .collect::<alloc::string::String>()
        };
        assert_eq!(hex(&Sha1::digest(b"")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(hex(&Sha1::digest(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        let text = b"dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        assert_eq!(hex(&Sha1::digest(text)), "b37a4f2cc0624f1690f64606cf385945b2bec4ea");
    }

    // 4648-4-01, 4648-3.2-01
    #[test]
    fn base64_matches_published_vectors() {
        let table = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, encoded) in table {
            assert_eq!(STANDARD.encode(plain), encoded);
        }
        // The numbers 0 to 63, six bits each.
        let all: [u8; 48] = core::array::from_fn(|at| {
            let first = u32::try_from(at / 3 * 4).unwrap();
            let bits = (0..4).fold(0, |bits, n| bits << 6 | (first + n));
            bits.to_be_bytes()[at % 3 + 1]
        });
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        assert_eq!(STANDARD.encode(all), alphabet);
    }

    // 6455-4.2.1-11, 6455-4.3-01, 4648-3.3-01
    #[test]
    fn every_octet_of_a_key_is_checked() {
        for place in 0..22 {
            for octet in 0..=u8::MAX {
                let mut key = *b"dGhlIHNhbXBsZSBub25jZQ==";
                key[place] = octet;
                let valid = octet.is_ascii_alphanumeric() || b"+/".contains(&octet);
                assert_eq!(Key::parse(&key).is_some(), valid, "{octet:#04x} at {place}");
                // Two that are wrong do not make up for one another.
                key[21 - place] = octet;
                assert_eq!(Key::parse(&key).is_some(), valid, "{octet:#04x} at {place} twice");
            }
        }
    }

    // 6455-4.2.1-11, 6455-4.3-01, 4648-3.3-01
    #[test]
    fn keys_that_are_not_sixteen_octets_are_refused() {
        assert!(Key::parse(b"dGhlIHNhbXBsZSBub25jZQ==").is_some());
        let refused: [&[u8]; 12] = [
            b"",
            b"AAAA",
            b"AAAAAAAAAAAAAAAAAAAA",
            b"dGhlIHNhbXBsZSBub25jZQ",
            b"dGhlIHNhbXBsZSBub25jZQ=",
            b"dGhlIHNhbXBsZSBub25jZWQ=",
            b"dGhlIHNhbXBsZSBub25j-Q==",
            b"dGhlIHNhbXBsZSBub25j_Q==",
            b"dGhlIHNhbXBs ZSBub25jZ==",
            b"dGhlIHNhbXBsZSBub2=jZQ==",
            b"dGhlIHNhbXBsZSBub25jZ*==",
            b"dGhlIHNhbXBsZSBub25jZQ===",
        ];
        for key in refused {
            assert!(Key::parse(key).is_none(), "{}", key.escape_ascii());
        }
    }
}
