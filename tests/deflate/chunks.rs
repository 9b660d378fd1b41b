//! Compressed messages delivered in chunks.

use framewise::{Connection, Delivery, Event, ProtocolError, Role};
use proptest::prelude::*;

use super::{
    bits::{Bits, END, FIXED},
    support::*,
};

fn chunked(role: Role, configure: impl FnOnce(&mut framewise::Config)) -> Connection {
    let mut connection = end_with(role, "", configure);
    connection.set_delivery(Delivery::Chunks);
    connection
}

/// What 256 octets can be inflated to: no chunk of a compressed message is larger.
const MOST: usize = 256 * 8 / 2 * 258 + 258;

/// Puts chunks together to messages, and checks that none is larger than `most`; what is left over
/// is the beginning of a message.
fn merge(events: Vec<Event<'static>>, most: usize) -> (Vec<Event<'static>>, Vec<u8>) {
    let (mut whole, mut held) = (vec![], vec![]);
    for event in events {
        let (payload, fin, is_text) = match event {
            Event::TextChunk { text, fin } => (text.into_owned().into_bytes(), fin, true),
            Event::BinaryChunk { payload, fin } => (payload.into_owned(), fin, false),
            event => panic!("{event:?}"),
        };
        assert!(payload.len() <= most, "{} octets at once", payload.len());
        held.extend(payload);
        if fin {
            let payload = core::mem::take(&mut held);
            whole.push(if is_text {
                Event::Text(String::from_utf8(payload).expect("UTF-8").into())
            } else {
                binary(&payload)
            });
        }
    }
    (whole, held)
}

// 7692-6.2-01, 7692-6.2-02
#[test]
fn chunks_make_up_the_message() {
    for role in ROLES {
        let mut connection = chunked(role, |_| ());
        let mut peer = end(role.peer(), "");
        let noise = noise(100_000);
        for payload in [&b"Hello"[..], b"", &noise, &vec![7; 3_000_000], b"Hello"] {
            peer.send_binary(payload).expect("there is room");
            peer.send(framewise::Payload::from(payload).uncompressed()).expect("there is room");
            for piece in payload.chunks(10_000) {
                peer.send_fragment(piece, false).expect("there is room");
            }
            peer.send_fragment(b"", true).expect("there is room");
            let (whole, rest) = merge(carry(&mut peer, &mut connection), 3_000_000);
            assert!(whole == [binary(payload), binary(payload), binary(payload)]);
            assert_eq!(rest, b"");
        }
    }
}

#[test]
fn empty_messages_have_one_chunk() {
    for role in ROLES {
        let mut connection = chunked(role, |_| ());
        let bytes = [frame_for(role, 0xc1, &[0]), frame_for(role, 0xc2, &[0])].concat();
        let (events, error) = feed(&mut connection, &bytes);
        let expected = [
            Event::TextChunk { text: "".into(), fin: true },
            Event::BinaryChunk { payload: vec![].into(), fin: true },
        ];
        assert_eq!((&events[..], error), (&expected[..], None));
        let bytes =
            [frame_for(role, 0x41, &[]), frame_for(role, 0, &[]), frame_for(role, 0x80, &[0])];
        let (events, error) = feed(&mut connection, &bytes.concat());
        assert_eq!((&events[..], error), (&expected[..1], None));
    }
}

// 7692-6.1-10: what comes out is delivered at once, but no part of a code point
#[test]
fn chunks_come_as_they_arrive() {
    for role in ROLES {
        let mut connection = chunked(role, |_| ());
        let mut peer = end(role.peer(), "");
        let mut events = vec![];
        for piece in [&b"a\xe2"[..], b"\x82", b"\xac", b"b"] {
            // The octets of text, as a binary message would have them.
            peer.send_fragment(piece, false).expect("there is room");
            let Frame { first, payload } = sent(&mut peer).pop().expect("a frame");
            let first = if first == 0x42 { 0x41 } else { first };
            let (found, error) = feed(&mut connection, &frame_for(role, first, &payload));
            assert_eq!(error, None);
            events.extend(found);
        }
        let chunk = |text: &'static str, fin| Event::TextChunk { text: text.into(), fin };
        let expected = [chunk("a", false), chunk("", false), chunk("€", false), chunk("b", false)];
        assert_eq!(events, expected);
        let (events, error) = feed(&mut connection, &frame_for(role, 0x80, &[0]));
        assert_eq!((&events[..], error), (&[chunk("", true)][..], None));
    }
}

// R16: a chunk is bounded, whatever is sent and however it is read
#[test]
fn r16_chunks_are_bounded() {
    // The densest there is: 258 octets for two bits.
    let mut literals = vec![0; 286];
    (literals[0], literals[256], literals[285]) = (2, 2, 1);
    let codes = super::bits::canonical(&literals);
    let mut bits = Bits::new().dynamic(false, &literals, &[1]).code(codes[0]);
    for _ in 0..60_000 {
        bits = bits.code(codes[285]).code((0, 1));
    }
    let payload = bits.code(codes[256]).message();
    let len = 1 + 60_000 * 258;
    for role in ROLES {
        for first in [0xc1, 0xc2] {
            let frame = frame_for(role, first, &payload);
            for piece in [frame.len(), 300, 7] {
                let mut connection = chunked(role, |_| ());
                let mut events = vec![];
                for read in frame.chunks(piece) {
                    let (found, error) = feed(&mut connection, read);
                    assert_eq!(error, None);
                    events.extend(found);
                }
                let (whole, rest) = merge(events, MOST);
                match (&whole[..], &rest[..]) {
                    ([Event::Binary(found)], []) => assert_eq!(found.len(), len),
                    ([Event::Text(found)], []) => assert_eq!(found.len(), len),
                    _ => panic!("one message"),
                }
            }
        }
    }
}

// What a read holds comes out of it, though it is more than is inflated at once.
#[test]
fn nothing_is_left_for_the_next_read() {
    let mut literals = vec![0; 286];
    (literals[0], literals[256], literals[285]) = (2, 2, 1);
    let codes = super::bits::canonical(&literals);
    // Copies of two bits each, all of them zero.
    let bits = Bits::new().dynamic(false, &literals, &[1]).code(codes[0]);
    let mut payload = bits.octets_so_far();
    payload.resize(256, 0);
    let len = |events: Vec<Event<'static>>| merge(events, MOST).1.len();
    for role in ROLES {
        let frame = frame_for(role, 0x42, &payload);
        let mut by_octets = chunked(role, |_| ());
        let mut inflated = 0;
        for place in 1..=frame.len() {
            inflated += len(feed(&mut by_octets, &frame[place - 1..place]).0);
            if inflated > 60_000 {
                let mut connection = chunked(role, |_| ());
                let (events, error) = feed(&mut connection, &frame[..place]);
                assert_eq!((len(events), error), (inflated, None));
            }
        }
        assert!(inflated > 100_000);
    }
}

// R16: the message that has begun is delivered as it was begun, in the same bounds
#[test]
fn r16_chunks_are_bounded_when_the_delivery_is_changed() {
    for role in ROLES {
        let mut peer = end(role.peer(), "");
        let payload = vec![7; 3_000_000];
        peer.send_binary(&payload).expect("there is room");
        peer.send_binary(b"a").expect("there is room");
        let bytes = drain(&mut peer);
        for place in [0, 1, 100, 200] {
            let mut connection = chunked(role, |_| ());
            let (mut events, _) = feed(&mut connection, &bytes[..place]);
            if place > 1 {
                connection.set_delivery(Delivery::Messages);
            }
            let (found, error) = feed(&mut connection, &bytes[place..]);
            assert_eq!(error, None);
            events.extend(found);
            if place > 1 {
                assert_eq!(events.pop(), Some(binary(b"a")), "the next message is delivered whole");
            }
            let (whole, _) = merge(events, MOST);
            assert!(whole[0] == binary(&payload));

            // And one that has begun as a whole stays one.
            let mut connection = end(role, "");
            let (mut events, _) = feed(&mut connection, &bytes[..place.max(30)]);
            connection.set_delivery(Delivery::Chunks);
            events.extend(feed(&mut connection, &bytes[place.max(30)..]).0);
            let next = Event::BinaryChunk { payload: b"a".to_vec().into(), fin: true };
            assert!(events == [binary(&payload), next]);
        }
    }
}

// 7692-6.1-09, 7692-6.2-04, 7692-6.2-05, 7692-7.2.2-03; R16, R18
#[test]
fn r18_messages_that_fail_do_not_end() {
    for role in ROLES {
        for (payload, limit, error) in [
            (Bits::new().fixed(false, b"ab\xff").message(), 100, ProtocolError::InvalidUtf8),
            (Bits::new().fixed(false, b"ab\xe2\x82").message(), 100, ProtocolError::InvalidUtf8),
            (
                Bits::new().fixed(false, b"ab").block(false, 3).message(),
                100,
                ProtocolError::InvalidDeflate,
            ),
            (hex("f248cd"), 100, ProtocolError::InvalidDeflate),
            (Bits::new().fixed(false, b"abcdef").message(), 5, inflates_beyond(5)),
            (
                Bits::new().block(false, FIXED).literals(b"ab").copy(4, 1).symbol(END).message(),
                5,
                inflates_beyond(5),
            ),
        ] {
            for size in [1, 2, 100] {
                let mut connection = chunked(role, |config| config.max_message_size = limit);
                let frame = frame_for(role, 0xc1, &payload);
                let (mut events, mut failed) = (vec![], None);
                for read in frame.chunks(size) {
                    let (found, error) = feed(&mut connection, read);
                    events.extend(found);
                    failed = failed.or(error);
                }
                assert_eq!(failed, Some(error));
                let (whole, rest) = merge(events, MOST);
                assert_eq!(whole, [], "no end is told of it");
                assert!(rest.len() as u64 <= limit);
                assert_failed(&mut connection, error);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    // 7692-6.1-10, 7692-6.2-01, 7692-6.2-03: in any fragments, in any reads, either way of delivery
    #[test]
    fn chunks_and_messages_agree(
        role in prop::sample::select(ROLES.to_vec()),
        messages in prop::collection::vec(
            (prop::collection::vec("[ab€𝄞]{0,40}", 1..4), 1_usize..20, any::<bool>()), 1..6),
        read in 1_usize..40,
    ) {
        let mut peer = end(role.peer(), "");
        let mut expected = vec![];
        for (fragments, times, compressed) in &messages {
            let last = fragments.len() - 1;
            for (i, fragment) in fragments.iter().enumerate() {
                let mut payload = framewise::Payload::from(fragment.repeat(*times));
                if !compressed {
                    payload = payload.uncompressed();
                }
                peer.send_fragment(payload, i == last).expect("there is room");
            }
            let whole: String = fragments.iter().map(|fragment| fragment.repeat(*times)).collect();
            expected.push(text(&whole));
        }
        let bytes = drain(&mut peer);
        let (mut in_chunks, mut in_messages) = (chunked(role, |_| ()), end(role, ""));
        let (mut chunks, mut whole) = (vec![], vec![]);
        for read in bytes.chunks(read) {
            chunks.extend(feed(&mut in_chunks, read).0);
            whole.extend(feed(&mut in_messages, read).0);
        }
        prop_assert_eq!(&whole, &expected);
        prop_assert_eq!(merge(chunks, MOST), (expected, vec![]));
    }
}
