//! User name and password: Basic authorization (RFC 7617), and how a URI holds them (RFC 3986 §3.2.1).

use alloc::{format, string::String, vec::Vec};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::uri::is_name_octet;

/// Returns the value of `Authorization` (RFC 7617 §2, in UTF-8). `None` for a user name with a colon,
/// and if one of the two has a control character.
pub(super) fn basic(user: &str, password: &str) -> Option<String> {
    let is_plain = |text: &str| !text.bytes().any(|octet| octet.is_ascii_control());
    let valid = is_plain(user) && !user.contains(':') && is_plain(password);
    valid.then(|| format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

/// Decodes the user name and the password of a URI. The password is empty when there is no colon.
/// `None` when they are not percent-encoded UTF-8.
pub(super) fn decode(userinfo: &str) -> Option<(String, String)> {
    // Unreserved characters, sub-delimiters, colons and percent-encoded bytes.
    let may_stand = |octet| is_name_octet(octet) || matches!(octet, b':' | b'%');
    if !userinfo.bytes().all(may_stand) {
        return None;
    }
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let decoded = |text| String::from_utf8(percent_decode(text)?).ok();
    Some((decoded(user)?, decoded(password)?))
}

/// Decodes the bytes that are percent-encoded (RFC 3986 §2.1); `None` for a `%` without two digits.
pub(crate) fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return Some(decoded),
            [b'%', high, low, rest @ ..] => {
                let digit = |octet: &u8| char::from(*octet).to_digit(16);
                let octet = digit(high)? << 4 | digit(low)?;
                decoded.push(u8::try_from(octet).ok()?);
                rest
            }
            [b'%', ..] => return None,
            [octet, rest @ ..] => {
                decoded.push(*octet);
                rest
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_of_the_standard_are_encoded() {
        let encoded = |user, password| basic(user, password).unwrap();
        assert_eq!(encoded("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(encoded("test", "123\u{a3}"), "Basic dGVzdDoxMjPCow==");
        assert_eq!(encoded("", ""), "Basic Og==");
        assert_eq!(encoded("a", ":b:"), "Basic YTo6Yjo=");
    }

    #[test]
    fn what_basic_authorization_cannot_carry_is_refused() {
        for (user, password) in [
            ("a:b", ""),
            (":", ""),
            ("a\n", ""),
            ("", "\0"),
            ("\x7f", ""),
            ("", "a\tb"),
            ("", "\r"),
        ] {
            assert_eq!(basic(user, password), None, "{user:?} {password:?}");
        }
        // These are no control characters of US-ASCII.
        assert!(basic("a b~\u{80}", "\u{9f}\u{feff}").is_some());
    }

    #[test]
    fn a_uri_has_them_percent_encoded() {
        for (userinfo, user, password) in [
            ("u:p", "u", "p"),
            ("u", "u", ""),
            ("u:", "u", ""),
            (":p", "", "p"),
            ("u:p:q", "u", "p:q"),
            ("a%40b%3A:%2f%2F%25", "a@b:", "//%"),
            ("%C3%a9:!$&'()*+,;=-._~", "\u{e9}", "!$&'()*+,;=-._~"),
        ] {
            let expected = Some((user.into(), password.into()));
            assert_eq!(decode(userinfo), expected, "{userinfo}");
        }
        for userinfo in
            ["a@b", "a b", "%", "%4", "%4g", "%g4", "%+4", "a:%", "\u{e9}", "%ff", "a[b"]
        {
            assert_eq!(decode(userinfo), None, "{userinfo}");
        }
    }
}
