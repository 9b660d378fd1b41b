//! Control frames around compressed messages (RFC 7692 §6, §6.1).

use framewise::{CloseCode, CloseFrame, Event, ProtocolError};

use super::support::*;

/// Frames for an endpoint in `role`, given their first octets and payloads.
fn frames(role: framewise::Role, frames: &[(u8, &str)]) -> Vec<u8> {
    frames.iter().flat_map(|(first, payload)| frame_for(role, *first, &hex(payload))).collect()
}

// 7692-6.1-04, 7692-5-18, 7692-9.2-01; R20
#[test]
fn r20_rsv1_is_for_the_first_frame_of_a_message_only() {
    let cases: &[(&[(u8, &str)], usize)] = &[
        (&[(0xc9, "")], 0),
        (&[(0xca, "")], 0),
        (&[(0xc8, "")], 0),
        (&[(0xc8, "03e8")], 0),
        (&[(0xc9, "f248cdc9c90700")], 0),
        // On a continuation of a compressed message, a plain one, and of none.
        (&[(0x41, "f248cd"), (0xc0, "c9c90700")], 0),
        (&[(0x41, "f248cd"), (0x40, "c9c9"), (0x80, "0700")], 0),
        (&[(0x01, "61"), (0xc0, "62")], 0),
        (&[(0x01, "61"), (0x40, "62")], 0),
        // Between the fragments, and behind a message.
        (&[(0x41, "f248cd"), (0xc9, ""), (0x80, "c9c90700")], 0),
        (&[(0xc1, "f248cdc9c90700"), (0xc9, "")], 1),
        (&[(0xc1, "f248cdc9c90700"), (0x41, "f248cd"), (0xc0, "c9c90700")], 1),
    ];
    for role in ROLES {
        for (vector, delivered) in cases {
            let bytes = frames(role, vector);
            for piece in [1, bytes.len()] {
                let mut connection = end(role, "");
                let (mut events, mut failed) = (vec![], None);
                for read in bytes.chunks(piece) {
                    let (found, error) = feed(&mut connection, read);
                    events.extend(found);
                    failed = error;
                }
                assert_eq!(events, vec![text("Hello"); *delivered], "{vector:?}");
                assert_eq!(failed, Some(ProtocolError::ReservedBits), "{vector:?}");
                assert_failed(&mut connection, ProtocolError::ReservedBits);
            }
        }
    }
}

// 7692-5-18, 7692-6.1-04; R20: what is configured counts for nothing, only what is agreed upon
#[test]
fn r20_rsv1_is_refused_when_nothing_was_agreed_upon() {
    for role in ROLES {
        for (first, payload) in [(0xc1, "f248cdc9c90700"), (0xc2, "00"), (0x41, "f248cd")] {
            let mut config = framewise::Config::default();
            config.deflate = Some(framewise::deflate::DeflateConfig::default());
            let mut connection = match role {
                framewise::Role::Client => framewise::Connection::client(config, SEED),
                framewise::Role::Server => framewise::Connection::server(config),
            };
            let (events, error) = feed(&mut connection, &frame_for(role, first, &hex(payload)));
            assert_eq!((events, error), (vec![], Some(ProtocolError::ReservedBits)));
            assert_failed(&mut connection, ProtocolError::ReservedBits);
        }
    }
}

// 7692-6.1-05
#[test]
fn rsv2_and_rsv3_have_no_meaning() {
    for role in ROLES {
        for bits in [0x10, 0x20, 0x30, 0x50, 0x60, 0x70] {
            for opcode in [0x81, 0x82, 0x01, 0x89, 0x8a, 0x88] {
                let mut connection = end(role, "");
                let bytes = frame_for(role, opcode | bits, &hex("f248cdc9c90700"));
                let (events, error) = feed(&mut connection, &bytes);
                assert_eq!((events, error), (vec![], Some(ProtocolError::ReservedBits)));
                assert_failed(&mut connection, ProtocolError::ReservedBits);
            }
            let mut connection = end(role, "");
            let bytes = frames(role, &[(0x41, "f248cd"), (0x80 | bits, "c9c90700")]);
            let (events, error) = feed(&mut connection, &bytes);
            assert_eq!((events, error), (vec![], Some(ProtocolError::ReservedBits)));
        }
    }
}

// 7692-6-01, 7692-6.1-06, 7692-6-03
#[test]
fn control_frames_between_fragments_disturb_nothing() {
    for role in ROLES {
        let mut connection = end(role, "");
        let bytes = frames(
            role,
            &[
                (0x8a, "f248"),
                (0x41, "f248cd"),
                (0x89, "f248cdc9c90700"),
                (0x00, ""),
                (0x8a, ""),
                (0x80, "c9c90700"),
                (0x89, "ff"),
                (0xc1, "f200110000"),
            ],
        );
        let (events, error) = feed(&mut connection, &bytes);
        let expected = [
            Event::Pong(hex("f248").into()),
            // Taken as it is, though it looks compressed.
            Event::Ping(hex("f248cdc9c90700").into()),
            Event::Pong(vec![].into()),
            text("Hello"),
            Event::Ping(hex("ff").into()),
            text("Hello"),
        ];
        assert_eq!((&events[..], error), (&expected[..], None));
        let pongs =
            ["f248cdc9c90700", "ff"].map(|payload| Frame { first: 0x8a, payload: hex(payload) });
        assert_eq!(sent(&mut connection), pongs);
    }
}

// 7692-6-01
#[test]
fn a_close_inside_a_compressed_message_ends_it() {
    for role in ROLES {
        let mut connection = end(role, "");
        let bytes = frames(role, &[(0x41, "f248cd"), (0x88, "03e9"), (0x80, "c9c90700")]);
        let (events, error) = feed(&mut connection, &bytes);
        let close = CloseFrame { code: CloseCode::GOING_AWAY, reason: String::new() };
        assert_eq!((events, error), (vec![Event::Close(close)], None));
        assert_eq!(sent(&mut connection), [Frame { first: 0x88, payload: hex("03e9") }]);
    }
}

// 7692-6-01, 7692-6.1-03, 7692-6-02, 7692-9.2-01
#[test]
fn control_frames_are_never_compressed() {
    let payload = [b'a'; 125];
    for role in ROLES {
        let mut connection = end(role, "");
        connection.send_text("Hello").expect("there is room");
        connection.ping(payload).expect("there is room");
        connection.send_fragment("Hello", false).expect("there is room");
        connection.pong(payload).expect("there is room");
        connection.send_fragment("Hello", false).expect("there is room");
        connection.ping(b"").expect("there is room");
        feed(&mut connection, &frame_for(role, 0x89, &payload));
        connection.send_fragment("Hello", true).expect("there is room");
        connection.close(CloseCode::NORMAL, &"a".repeat(123)).expect("right");
        let frames = sent(&mut connection);
        let firsts: Vec<u8> = frames.iter().map(|frame| frame.first).collect();
        assert_eq!(firsts, [0xc1, 0x89, 0x41, 0x8a, 0x00, 0x89, 0x8a, 0x80, 0x88]);
        for (place, expected) in [(1, &payload[..]), (3, &payload), (5, b""), (6, &payload)] {
            assert_eq!(frames[place].payload, expected);
        }
        assert_eq!(frames[8].payload, [&[0x03, 0xe8][..], &payload[2..]].concat());
    }
}
