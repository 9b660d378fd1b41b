//! Compressed messages that come in (RFC 7692 §6.2, §7.2.2, §7.2.3).

use framewise::{CloseCode, Event, ProtocolError, Role};

use super::support::{ROLES, end, feed, frame_for, hex};

/// Feeds the payloads of whole compressed text messages; returns what was delivered and the error.
fn texts(role: Role, parameters: &str, payloads: &[&str]) -> (Vec<String>, Option<ProtocolError>) {
    let mut connection = end(role, parameters);
    let bytes: Vec<u8> =
        payloads.iter().flat_map(|payload| frame_for(role, 0xc1, &hex(payload))).collect();
    let (events, error) = feed(&mut connection, &bytes);
    let texts = events.into_iter().map(|event| match event {
        Event::Text(text) => text.into_owned(),
        event => panic!("{event:?}"),
    });
    (texts.collect(), error)
}

// 7692-6-03, 7692-7.2.3.1-01, 7692-7.2.3.2-01, 7692-7.2.3.2-02, 7692-7.2.3.3-01, 7692-7.2.3.4-01,
// 7692-7.2.3.5-01, 7692-7.2.3.6-01, 7692-7.2.1-04, 7692-7.2.1-05, 7692-7.2.1-06, 7692-7.2.1-07,
// 7692-7.2.1-08, 7692-7.2.2-01, 7692-7.2.2-02, 7692-7.2.2-06, 7692-7.2.2-08, 7692-7.2.2-10,
// 1951-3.1.1-01, 1951-3.2.3-01, 1951-3.2.4-01; R26
#[test]
fn vectors_of_the_standard() {
    let vectors: &[(&[&str], &[&str])] = &[
        (&["f248cdc9c90700"], &["Hello"]),
        (&["f248cdc9c90700", "f248cdc9c90700"], &["Hello", "Hello"]),
        (&["f248cdc9c90700", "f200110000"], &["Hello", "Hello"]),
        (&["000500faff48656c6c6f00"], &["Hello"]),
        (&["f348cdc9c9070000"], &["Hello"]),
        (&["f348cdc9c9070000", "f200110000"], &["Hello", "Hello"]),
        (&["f248cdc9c90700", "f348cdc9c9070000", "f200110000"], &["Hello", "Hello", "Hello"]),
        // Two final blocks, the second of which refers to the first.
        (&["f348cdc9c90700f3001100"], &[]),
        (&["f348cdc9c90700f300110000"], &["HelloHello"]),
        (&["f24805000000ffffcac9c90700"], &["Hello"]),
        (&["00"], &[""]),
        (&["00", "f248cdc9c90700", "00", "f200110000"], &["", "Hello", "", "Hello"]),
    ];
    for role in ROLES {
        for (payloads, expected) in vectors {
            let (texts, error) = texts(role, "", payloads);
            assert_eq!(texts, *expected, "{payloads:?}");
            assert_eq!(error.is_some(), expected.is_empty(), "{payloads:?}");
        }
    }
}

// 7692-6.2-04, 7692-7.2.2-03, 7692-7.2.2-04, 7692-7.2.2-05, 1951-3.2.3-02, 1951-3.2.4-01,
// 1951-3.2.5-03; R26
#[test]
fn broken_payloads() {
    for role in ROLES {
        for payload in
            ["f200110000", "06", "07", "000500fafe48656c6c6f00", "f248cd", "", "f348cdc9c90700"]
        {
            let mut connection = end(role, "");
            let (events, error) = feed(&mut connection, &frame_for(role, 0xc1, &hex(payload)));
            assert_eq!((events, error), (vec![], Some(ProtocolError::InvalidDeflate)), "{payload}");
            let close = connection.sent_close().expect("the peer is told");
            assert_eq!(close.code, CloseCode::INVALID_PAYLOAD);
        }
    }
}
