//! Tokens of HTTP (RFC 9110 §5.6.2), which RFC 6455 uses for subprotocols and extensions.

/// Whether it is a token. RFC 2616 and RFC 9110 agree on the set.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().copied().all(is_token_octet)
}

/// Returns whether the byte may stand in a token.
#[allow(clippy::indexing_slicing, reason = "one entry for each octet")]
pub(crate) const fn is_token_octet(octet: u8) -> bool {
    TOKEN_OCTETS[octet as usize]
}

#[allow(clippy::indexing_slicing, reason = "one entry for each octet")]
const TOKEN_OCTETS: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0x21;
    while octet < 0x7f {
        // The separators of RFC 2616 §2.2.
        table[octet as usize] = !matches!(
            octet,
            b'(' | b')'
                | b'<'
                | b'>'
                | b'@'
                | b','
                | b';'
                | b':'
                | b'\\'
                | b'"'
                | b'/'
                | b'['
                | b']'
                | b'?'
                | b'='
                | b'{'
                | b'}'
        );
        octet += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    // 6455-4.3-02, 9110-5.6.2-01
    #[test]
    fn token_octets_are_exactly_tchar() {
        for octet in 0..=u8::MAX {
            let expected = octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
            assert_eq!(is_token_octet(octet), expected, "{octet:#04x}");
        }
        assert!(!is_token(b""));
    }
}
