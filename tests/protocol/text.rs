//! Text, data frames and UTF-8 (RFC 6455 §5.6, §8.1, RFC 3629).

use framewise::ProtocolError::InvalidUtf8;

use crate::pair::*;

/// The vector of a text message whose payload is `digits`.
fn whole(digits: &str) -> String {
    format!("81{:02x}{digits}", digits.len() / 2)
}

/// The same with each octet in a frame of its own.
fn single(digits: &str) -> String {
    let octets: Vec<&str> = (0..digits.len()).step_by(2).map(|i| &digits[i..i + 2]).collect();
    let mut vector = String::from("0100");
    for octet in octets {
        vector += &format!("0001{octet}");
    }
    vector + "8000"
}

fn valid(digits: &str) {
    let bytes = hex(digits);
    let expected = String::from_utf8(bytes).unwrap();
    gives(&whole(digits), &[text(&expected)]);
    gives(&single(digits), &[text(&expected)]);
}

/// Checks that the text fails, in one frame and in many, and in octet `bad` (from 1), or only at
/// the end of the message when `None`.
fn invalid(digits: &str, bad: Option<usize>) {
    fails_with(InvalidUtf8, 1007, &whole(digits));
    fails_with(InvalidUtf8, 1007, &single(digits));
    let len = digits.len() / 2;
    for role in ROLES {
        // In a frame that is longer than what has come.
        let mut connection = end(role);
        let bytes = to(role, &format!("817d{digits}"));
        let header = bytes.len() - len;
        let failed = (1..=bytes.len())
            .find(|&n| feed(&mut connection, &bytes[n - 1..n]).1.is_some())
            .map(|n| n - header);
        assert_eq!(failed, bad, "{digits}");
    }
}

// 6455-5.6-02, 3629-3-01, 3629-4-09, 3629-3-03, 3629-6-01
#[test]
fn valid_sequences() {
    for digits in [
        "00",
        "7f",
        "c280",
        "dfbf",
        "e0a080",
        "efbfbf",
        "f0908080",
        "f48fbfbf", // the borders
        "ed9fbf",
        "ee8080", // beside the surrogates
        "efbfbe",
        "f09fbfbe",
        "efb790",   // noncharacters
        "efbbbf61", // a mark at the start stays
        "cebae1bdb9cf83cebcceb5",
    ] {
        valid(digits);
    }
    gives("8104 efbbbf61", &[text("\u{feff}a")]);
}

// 3629-3-02, 3629-3-03, 3629-4-01, 3629-4-02, 3629-4-03, 3629-4-04, 3629-4-05, 3629-4-06,
// 3629-4-07, 3629-4-08, 6455-8.1-01, 6455-5.6-05, 6455-5.6-06; R35
#[test]
fn invalid_sequences_fail_at_the_first_bad_octet() {
    for (digits, bad) in [
        // Surrogates.
        ("eda080", 2),
        ("edafbf", 2),
        ("edb080", 2),
        ("edbfbf", 2),
        ("eda080edb080", 2),
        // Overlong forms.
        ("c080", 1),
        ("c1bf", 1),
        ("c0", 1),
        ("e08080", 2),
        ("e09fbf", 2),
        ("f0808080", 2),
        ("f08fbfbf", 2),
        // Beyond U+10FFFF.
        ("f4908080", 2),
        ("f490", 2),
        ("f5808080", 1),
        ("f888808080", 1),
        ("fe", 1),
        ("ff", 1),
        // Lone tails.
        ("80", 1),
        ("bf", 1),
        ("6180", 2),
        // Missing tails.
        ("c361", 2),
        ("e28261", 3),
        ("f09f9861", 4),
        ("cebae1bdb9cf83cebcceb5eda080656469746564", 13),
    ] {
        invalid(digits, Some(bad));
    }
}

// 3629-4-07, 3629-4-08, 6455-5.6-05
#[test]
fn a_sequence_that_the_message_cuts_fails_at_its_end() {
    for digits in ["c3", "e282", "f09f98", "61c3", "e282ace282"] {
        invalid(digits, None);
    }
}

// 6455-5.6-03
#[test]
fn fragments_of_text_are_sent_as_they_are() {
    for role in ROLES {
        let mut connection = end(role);
        for (fragment, fin) in [("€", false), ("", false), ("😀", true)] {
            connection.send_fragment(fragment, fin).unwrap();
        }
        assert_eq!(said(&mut connection), hex("[0103 e282ac][0000][8004 f09f9880]"));
    }
}

// 6455-5.6-04; R35
#[test]
fn frames_may_cut_a_sequence() {
    gives("[0101 e2][0001 82][8001 ac]", &[text("€")]);
    gives("[0102 e282][0000][8001 ac]", &[text("€")]);
    gives("[0103 f09f98][8001 80]", &[text("😀")]);
    replies("[0101 e2][8900][8002 82ac]", &[ping(b""), text("€")], "8a00");
}

// 6455-5.6-05, 6455-5.6-06
#[test]
fn frames_do_not_heal_a_sequence() {
    fails_with(InvalidUtf8, 1007, "8101 ff");
    fails_with(InvalidUtf8, 1007, "8102 e282");
    fails_with(InvalidUtf8, 1007, "[0102 e282][8001 61]");
    fails_with(InvalidUtf8, 1007, "[0101 ff]");
    fails_with(InvalidUtf8, 1007, "[0102 e282][8000]");
    // One message does not lend its octets to the next.
    fails_after(&[text("a")], InvalidUtf8, 1007, "[8101 61][0101 e2][8001 61]");
    fails_after(&[binary(b"\xe2")], InvalidUtf8, 1007, "[8201 e2][8102 82ac]");
}

// 6455-5.6-07, 6455-5.5.2-02
#[test]
fn binary_and_control_payload_is_not_looked_into() {
    gives("8202 ff80", &[binary(&[0xff, 0x80])]);
    gives("[0201 e2][8001 61]", &[binary(&[0xe2, 0x61])]);
    replies("8901 ff", &[ping(&[0xff])], "8a01 ff");
}
