//! Compressed messages that come in (RFC 7692 §6.2, §7.2.2, §7.2.3).

use framewise::{CloseCode, Event, ProtocolError, Role};

use super::{bits::Bits, support::*};

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
// 1951-3.1.1-01, 1951-3.2.3-01, 1951-3.2.4-01, 6455-6.2-07; R26
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

// 7692-6-04, 7692-6.2-02, 7692-7.2.2-06, 7692-6-05; R21
#[test]
fn r21_plain_messages_between_compressed_ones() {
    for role in ROLES {
        let mut connection = end(role, "");
        let again = || frame_for(role, 0xc1, &hex("f200110000"));
        let plain = |first, payload: &[u8]| frame_for(role, first, payload);
        let first = [plain(0x81, b"Hello"), frame_for(role, 0xc1, &hex("f248cdc9c90700"))];
        assert_eq!(feed(&mut connection, &first.concat()), (vec![text("Hello"); 2], None));
        for (frames, expected) in [
            (vec![plain(0x81, b"xxxxx")], text("xxxxx")),
            (vec![plain(0x82, &noise(70_000))], binary(&noise(70_000))),
            (vec![plain(0x81, b"")], text("")),
            (vec![plain(0x01, b"ab"), plain(0x00, b""), plain(0x80, b"c")], text("abc")),
            // Compressed only by its looks.
            (vec![plain(0x82, &hex("f248cdc9c90700"))], binary(&hex("f248cdc9c90700"))),
        ] {
            let bytes = [frames.concat(), again()].concat();
            assert_eq!(feed(&mut connection, &bytes), (vec![expected, text("Hello")], None));
            // In reads of one octet, too.
            let (mut events, mut failed) = (vec![], None);
            for octet in again() {
                let (found, error) = feed(&mut connection, &[octet]);
                events.extend(found);
                failed = failed.or(error);
            }
            assert_eq!((events, failed), (vec![text("Hello")], None));
        }
    }
}

// 7692-6.1-09, 7692-6.2-01
#[test]
fn text_is_what_is_inflated() {
    assert!(str::from_utf8(&hex("f248cdc9c90700")).is_err(), "the first of them is no text itself");
    for role in ROLES {
        let mut connection = end(role, "");
        for whole in ["Hello", "€", "𝄞 a é", "\u{0}\u{10ffff}"] {
            let payload = Bits::new().fixed(false, whole.as_bytes()).message();
            let found = feed(&mut connection, &frame_for(role, 0xc1, &payload));
            assert_eq!(found, (vec![text(whole)], None));
            // Nothing tells a binary message that it is text.
            let found = feed(&mut connection, &frame_for(role, 0xc2, &payload));
            assert_eq!(found, (vec![binary(whole.as_bytes())], None));
        }
        let bytes = frame_for(role, 0xc2, &Bits::new().fixed(false, b"\xff\xc0").message());
        assert_eq!(feed(&mut connection, &bytes), (vec![binary(b"\xff\xc0")], None));
    }
}

// 7692-6.1-10, 7692-6.2-03: a code point lies in several fragments, blocks and reads
#[test]
fn code_points_are_cut_by_fragments_and_blocks() {
    for role in ROLES {
        let mut connection = end(role, "");
        for whole in ["€", "𝄞", "a€𝄞é"] {
            for blocks in 1..=whole.len() {
                let block = whole.len().div_ceil(blocks);
                let octets = whole.as_bytes().chunks(block);
                let message = octets.fold(Bits::new(), |bits, octets| bits.fixed(false, octets));
                let message = message.message();
                for place in 0..=message.len() {
                    let bytes = [
                        frame_for(role, 0x41, &message[..place]),
                        frame_for(role, 0x80, &message[place..]),
                    ];
                    let found = feed(&mut connection, &bytes.concat());
                    assert_eq!(found, (vec![text(whole)], None));
                }
                let fragments: Vec<Vec<u8>> = (0..message.len())
                    .map(|i| frame_for(role, if i == 0 { 0x41 } else { 0 }, &message[i..=i]))
                    .chain([frame_for(role, 0x80, b"")])
                    .collect();
                assert_eq!(feed(&mut connection, &fragments.concat()), (vec![text(whole)], None));
            }
        }
    }
}

// 7692-6.1-09, 7692-6.1-10
#[test]
fn inflated_text_that_is_not_utf_8() {
    for role in ROLES {
        for octets in [
            &b"\xff"[..],
            b"a\xc0\x80",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"abc\xe2\x82",
            b"\xe2\x82a",
            b"\x80",
        ] {
            let payloads = [
                Bits::new().fixed(false, octets).message(),
                Bits::new().stored(true, octets).message(),
                octets
                    .iter()
                    .fold(Bits::new(), |bits, octet| bits.stored(false, &[*octet]))
                    .message(),
            ];
            for payload in payloads {
                let middle = payload.len() / 2;
                for bytes in [
                    frame_for(role, 0xc1, &payload),
                    [
                        frame_for(role, 0x41, &payload[..middle]),
                        frame_for(role, 0x80, &payload[middle..]),
                    ]
                    .concat(),
                ] {
                    let mut connection = end(role, "");
                    let found = feed(&mut connection, &bytes);
                    assert_eq!(found, (vec![], Some(ProtocolError::InvalidUtf8)), "{octets:02x?}");
                    let close = connection.sent_close().expect("the peer is told");
                    assert_eq!(close.code, CloseCode::INVALID_PAYLOAD);
                    assert_failed(&mut connection, ProtocolError::InvalidUtf8);
                }
            }
        }
    }
}

// 7692-6.1-09: it fails with the octet that cannot be text, though the message goes on
#[test]
fn bad_text_fails_before_the_message_ends() {
    for role in ROLES {
        let mut connection = end(role, "");
        let payload = Bits::new().fixed(false, b"a\xff").stored(false, b"").octets_so_far();
        let found = feed(&mut connection, &frame_for(role, 0x41, &payload));
        assert_eq!(found, (vec![], Some(ProtocolError::InvalidUtf8)));
        assert_failed(&mut connection, ProtocolError::InvalidUtf8);
    }
}

// 7692-6.2-04: what was good in front is delivered, and nothing behind
#[test]
fn what_follows_a_broken_message_is_not_read() {
    for role in ROLES {
        let mut connection = end(role, "");
        let good = frame_for(role, 0xc1, &hex("f248cdc9c90700"));
        let plain = frame_for(role, 0x81, b"a");
        let broken = frame_for(role, 0xc1, &hex("07"));
        let bytes = [&good[..], &plain, &broken, &good, &plain, &frame_for(role, 0x89, b"")];
        let (events, error) = feed(&mut connection, &bytes.concat());
        let expected = vec![text("Hello"), text("a")];
        assert_eq!((events, error), (expected, Some(ProtocolError::InvalidDeflate)));
        assert_failed(&mut connection, ProtocolError::InvalidDeflate);
    }
}

// 7692-6.2-01, 7692-6-02, 6455-6.2-06: the messages are those of a connection without compression
#[test]
fn nothing_is_seen_of_the_compression() {
    let payloads = ["Hello", "", "Hello", "a€", &"Hello".repeat(500)];
    for role in ROLES {
        let mut peer = end(role.peer(), "");
        let mut plain = match role {
            Role::Client => framewise::Connection::server(framewise::Config::default()),
            Role::Server => framewise::Connection::client(framewise::Config::default(), SEED),
        };
        let (mut inflating, mut other) = (end(role, ""), end(role, ""));
        for payload in payloads {
            for sending in [&mut peer, &mut plain] {
                sending.send_text(payload).expect("there is room");
                sending.send_binary(payload.as_bytes()).expect("there is room");
            }
            let compressed = carry(&mut peer, &mut inflating);
            assert_eq!(compressed, carry(&mut plain, &mut other));
            assert_eq!(compressed, [text(payload), binary(payload.as_bytes())]);
        }
    }
}
