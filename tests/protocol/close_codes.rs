//! Status codes (RFC 6455 §7.4, and the IANA registry).

use framewise::{CloseCode, CloseFrame, ProtocolError, Role, SendErrorKind, State};

use crate::pair::*;

/// The first and the last code of a range, whether it is received, whether the client and the
/// server may send it.
const TABLE: [(u16, u16, bool, bool, bool); 16] = [
    (0, 999, false, false, false),
    (1000, 1000, true, true, true),
    (1001, 1001, true, true, true),
    (1002, 1002, true, true, true),
    (1003, 1003, true, true, true),
    (1004, 1004, false, false, false),
    (1005, 1005, false, false, false),
    (1006, 1006, false, false, false),
    (1007, 1009, true, true, true),
    (1010, 1010, true, true, false),
    (1011, 1011, true, true, true),
    (1012, 1014, true, true, true),
    (1015, 1015, false, false, false),
    (1016, 2999, false, false, false),
    (3000, 4999, true, true, true),
    (5000, 65535, false, false, false),
];

// All 65536 codes; R30
//
// 6455-7.4.1-01, 6455-7.4.1-02, 6455-7.4.1-03, 6455-7.4.1-05, 6455-7.4.1-06, 6455-7.4.1-07,
// 6455-7.4.1-08, 6455-7.4.1-10, 6455-7.4.1-14, 6455-7.4.1-15, 6455-7.4.1-16, 6455-7.4.2-01,
// 6455-7.4.2-02, 6455-7.4.2-03, 6455-7.4.2-04, 6455-7.4.2-05, 6455-7.4.2-06, 6455-11.7-01,
// 6455-7.4-02, IANA-close-codes-01
#[test]
fn every_code_both_ways() {
    let mut next = 0_u32;
    for (first, last, received, client, server) in TABLE {
        assert_eq!(u32::from(first), next, "the table has no gap");
        next = u32::from(last) + 1;
        for number in first..=last {
            let code = CloseCode::from(number);
            assert_eq!(code.is_allowed_on_wire(), received);
            let frame = CloseFrame::decode(&number.to_be_bytes());
            if received {
                assert_eq!(frame, Ok(CloseFrame { code, reason: String::new() }));
            } else {
                assert_eq!(frame, Err(ProtocolError::InvalidCloseCode(number)));
            }
            // All of the small ranges, the ends of the large ones.
            if last - first > 10 && number != first && number != last && number != 1100 {
                continue;
            }
            let vector = format!("8802 {number:04x}");
            if received {
                // Every code is echoed, also the one that a server does not send by itself.
                for role in ROLES {
                    let mut connection = end(role);
                    let found = events(&mut connection, &to(role, &vector));
                    assert_eq!(found, [close(number, "")]);
                    assert_eq!(said(&mut connection), hex(&vector));
                }
            } else {
                fails_with(ProtocolError::InvalidCloseCode(number), 1002, &vector);
            }
            for (role, may_send) in [(Role::Client, client), (Role::Server, server)] {
                let mut connection = end(role);
                let result = connection.close(code, "");
                if code == CloseCode::NO_STATUS_RECEIVED {
                    // Not set as a code: it stands for a Close without one (§7.1.5).
                    result.unwrap();
                    assert_eq!(said(&mut connection), hex("8800"));
                } else if may_send {
                    result.unwrap();
                    assert_eq!(said(&mut connection), hex(&vector));
                } else {
                    let expected = SendErrorKind::InvalidCloseCode(number);
                    assert_eq!(result.unwrap_err().kind(), expected);
                    assert_eq!(connection.state(), State::Open);
                    assert!(!connection.has_output());
                }
            }
        }
    }
    assert_eq!(next, 65536);
}

// 6455-7.4.1-04, 6455-7.4.1-09, 6455-7.4.1-11
#[test]
fn the_code_of_every_error() {
    use ProtocolError::*;
    for (code, errors) in [
        (
            1002,
            &[
                FragmentedControlFrame,
                InvalidCloseCode(1005),
                InvalidClosePayload,
                LengthNotMinimal,
                LengthTopBit,
                LongControlFrame,
                MaskedFrame,
                ReservedBits,
                ReservedOpcode,
                UnexpectedContinuation,
                UnfinishedMessage,
                UnmaskedFrame,
            ][..],
        ),
        (1007, &[InvalidCloseReason, InvalidDeflate, InvalidUtf8]),
        (1009, &[MessageTooBig { len: None, limit: 9 }, TooManyFragments { limit: 9 }]),
    ] {
        for error in errors {
            assert_eq!(u16::from(error.close_code()), code, "{error}");
        }
    }
}

// 6455-7.4-01
#[test]
fn a_reason_needs_a_code() {
    for role in ROLES {
        let mut connection = end(role);
        let error = connection.close(None, "why").unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::CloseReasonWithoutCode);
        assert!(!connection.has_output());
        connection.close(None, "").unwrap();
        assert_eq!(said(&mut connection), hex("8800"));
    }
}

// 6455-7.4.1-12, 6455-7.4.1-13: 1010 is the client's to send, with the extensions in the reason
#[test]
fn the_client_may_miss_an_extension() {
    let mut client = end(Role::Client);
    client.close(CloseCode::MANDATORY_EXTENSION, "permessage-deflate").unwrap();
    let frame = [&hex("8814 03f2")[..], b"permessage-deflate"].concat();
    assert_eq!(said(&mut client), frame);
    let found = events(&mut end(Role::Server), &mask_frames(&frame, KEY));
    assert_eq!(found, [close(1010, "permessage-deflate")]);
}

// 6455-7.4.1-05: an endpoint that takes text only
#[test]
fn a_type_that_is_not_accepted_is_for_the_application() {
    for role in ROLES {
        let mut connection = end(role);
        assert_eq!(events(&mut connection, &to(role, "8201 00")), [binary(&[0])]);
        connection.close(CloseCode::UNSUPPORTED_DATA, "text only").unwrap();
        assert_eq!(said(&mut connection)[..4], hex("880b 03eb"));
    }
}

#[test]
fn a_close_is_shown_by_its_code_and_its_reason() {
    assert_eq!(CloseCode::GOING_AWAY.to_string(), "1001");
    assert_eq!(format!("{:>6}", CloseCode::from(4999)), "  4999");
    let frame = |reason: &str| CloseFrame { code: CloseCode::NORMAL, reason: reason.into() };
    assert_eq!(frame("").to_string(), "1000");
    assert_eq!(frame("it's über").to_string(), "1000 (it's über)");
    // A line of a log stays one, and a terminal is told nothing.
    assert_eq!(frame("a\r\n\x1b[2J\u{9b}").to_string(), r"1000 (a\r\n\u{1b}[2J\u{9b})");
}

// The variants and the types of the crate can be imported side by side.
mod globs {
    use framewise::{ProtocolError::*, *};

    #[test]
    fn variants_have_no_names_of_types() {
        let code = CloseCode::from(999);
        assert_eq!(CloseFrame::decode(&[0x03, 0xe7]), Err(InvalidCloseCode(code.into())));
        assert_eq!(CloseFrame::decode(b"a"), Err(InvalidClosePayload));
        assert_eq!(CloseFrame::decode(b"\x03\xe8\xff"), Err(InvalidCloseReason));
    }
}
