//! The limits of compressed messages (RFC 6455 §10.4): after inflation, and on the wire.

use framewise::{
    Connection, Delivery, Payload, PreparedMessage, ProtocolError, Role, SendErrorKind,
    deflate::DeflateConfig,
};

use super::{
    bits::{Bits, END, FIXED},
    support::*,
};

fn limited(role: Role, limit: u64) -> Connection {
    end_with(role, "", |config| config.max_message_size = limit)
}

/// Returns the header of a frame that announces `len` octets, and none of them.
fn header(role: Role, first: u8, len: u64) -> Vec<u8> {
    let mask = if role == Role::Server { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match len {
        0..=125 => bytes.push(mask | len as u8),
        126..=0xffff => {
            bytes.push(mask | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        _ => {
            bytes.push(mask | 127);
            bytes.extend(len.to_be_bytes());
        }
    }
    if role == Role::Server {
        bytes.extend([0; 4]);
    }
    bytes
}

/// Ways to write `len` octets that are all the same.
fn writings(len: usize) -> Vec<Vec<u8>> {
    let octets = vec![b'a'; len];
    let copied = || {
        let mut bits = Bits::new().block(false, FIXED).literals(&octets[..len.min(1)]);
        let mut rest = len - len.min(1);
        while rest >= 3 {
            let step = if rest < 258 + 3 { rest.min(258 - 3) } else { 258 };
            bits = bits.copy(step as u32, 1);
            rest -= step;
        }
        bits.literals(&octets[..rest]).symbol(END)
    };
    let blocks = octets.chunks(1000);
    vec![
        copied().message(),
        copied().stored(false, b"").stored(true, b"").message(),
        blocks.clone().fold(Bits::new(), |bits, octets| bits.stored(false, octets)).message(),
        blocks.fold(Bits::new(), |bits, octets| bits.fixed(true, octets).align()).message(),
    ]
}

// 7692-6.2-05; R07, R14, R16, R17, R18: the limit counts what is inflated, and nothing is cut at it
#[test]
fn r18_a_message_at_the_limit_is_whole() {
    for role in ROLES {
        for limit in [0, 1, 5, 258, 259, 1000, 65_535, 65_536, 65_537, 200_000] {
            let expected = vec![b'a'; limit as usize];
            for payload in writings(limit as usize) {
                let mut connection = limited(role, limit);
                for first in [0xc1, 0xc2] {
                    let (events, error) = feed(&mut connection, &frame_for(role, first, &payload));
                    assert_eq!(error, None, "{limit}");
                    let found = match &events[..] {
                        [framewise::Event::Text(text)] => text.as_bytes(),
                        [framewise::Event::Binary(payload)] => payload,
                        events => panic!("{events:?}"),
                    };
                    assert!(found == expected);
                }
            }
            for beyond in [1, 2, 300, 70_000] {
                for payload in writings(limit as usize + beyond) {
                    for piece in [payload.len() + 14, 1000] {
                        let mut connection = limited(role, limit);
                        let frame = frame_for(role, 0xc1, &payload);
                        let (mut events, mut failed) = (vec![], None);
                        for read in frame.chunks(piece) {
                            let (found, error) = feed(&mut connection, read);
                            events.extend(found);
                            failed = failed.or(error);
                        }
                        let (len, on_wire) = (payload.len() as u64, 2 * limit + (64 << 10));
                        let error = match len > on_wire {
                            true => too_big(len, on_wire),
                            false => inflates_beyond(limit),
                        };
                        assert_eq!((events, failed), (vec![], Some(error)));
                        assert_failed(&mut connection, error);
                    }
                }
            }
        }
    }
}

// 7692-6.2-05; R16: of a message that has inflated too far nothing is waited for
#[test]
fn r16_a_bomb_fails_while_it_comes() {
    let bomb = writings(1 << 20).swap_remove(0);
    for role in ROLES {
        for delivery in [Delivery::Messages, Delivery::Chunks] {
            let mut connection = limited(role, 64 << 10);
            connection.set_delivery(delivery);
            let frame = frame_for(role, 0xc2, &bomb);
            let mut inflated = 0;
            let failed = frame.chunks(100).enumerate().find_map(|(i, read)| {
                let (events, error) = feed(&mut connection, read);
                for event in events {
                    let framewise::Event::BinaryChunk { payload, fin: false } = event else {
                        panic!("{event:?}");
                    };
                    inflated += payload.len();
                }
                error.map(|error| (error, i))
            });
            let (error, reads) = failed.expect("it is too big");
            assert_eq!(error, inflates_beyond(64 << 10));
            assert!(reads * 100 <= frame.len() / 10, "an eighth has come, less a header");
            assert!(inflated <= 64 << 10);
            assert_failed(&mut connection, inflates_beyond(64 << 10));
        }
    }
}

// 7692-6.2-05; R16, R17: all fragments count together, each message for itself
#[test]
fn r16_the_limit_counts_messages_not_frames() {
    for role in ROLES {
        let mut connection = limited(role, 1000);
        let fragment = |first, len| {
            frame_for(role, first, &Bits::new().stored(false, &vec![b'a'; len]).octets_so_far())
        };
        let last = frame_for(role, 0x80, &[0]);
        for _ in 0..20 {
            let bytes = [fragment(0x41, 500), fragment(0, 499), fragment(0, 1), last.clone()];
            let (events, error) = feed(&mut connection, &bytes.concat());
            assert_eq!((events, error), (vec![text(&"a".repeat(1000))], None));
        }
        let bytes = [fragment(0x41, 500), fragment(0, 500), fragment(0, 0)];
        assert_eq!(feed(&mut connection, &bytes.concat()), (vec![], None));
        let found = feed(&mut connection, &fragment(0, 1));
        assert_eq!(found, (vec![], Some(inflates_beyond(1000))));
        assert_failed(&mut connection, inflates_beyond(1000));
    }
}

// 7692-6.2-05; R17: the limit on the wire holds for the octets that a header announces
#[test]
fn r17_a_header_that_announces_too_much() {
    for role in ROLES {
        let ends = [
            (2 * 1000 + (64 << 10), limited(role, 1000), limited(role, 1000)),
            (100, compressed_to(role, Some(100)), compressed_to(role, Some(100))),
            (0, compressed_to(role, Some(0)), compressed_to(role, Some(0))),
            // More than the message may have: that is what empty blocks are for.
            (1 << 40, compressed_to(role, Some(1 << 40)), compressed_to(role, Some(1 << 40))),
        ];
        for (limit, mut at, mut beyond) in ends {
            assert_eq!(feed(&mut at, &header(role, 0xc2, limit)).1, {
                // An empty payload is not DEFLATE.
                (limit == 0).then_some(ProtocolError::InvalidDeflate)
            });
            let found = feed(&mut beyond, &header(role, 0xc2, limit + 1));
            assert_eq!(found, (vec![], Some(too_big(limit + 1, limit))));
            assert_failed(&mut beyond, too_big(limit + 1, limit));
        }
        // A limit of the message for which twice as much cannot be said.
        let mut connection = limited(role, u64::MAX);
        assert_eq!(feed(&mut connection, &header(role, 0xc2, u64::MAX >> 1)), (vec![], None));
        // The same header for a plain message: the other limit.
        let mut connection = compressed_to(role, Some(100));
        assert_eq!(feed(&mut connection, &header(role, 0x82, 101)), (vec![], None));
        let found = feed(&mut limited(role, 1000), &header(role, 0x82, 1001));
        assert_eq!(found, (vec![], Some(too_big(1001, 1000))));
    }
}

fn compressed_to(role: Role, limit: Option<u64>) -> Connection {
    end_with(role, "", |config| {
        config.max_message_size = 1000;
        config.deflate.as_mut().expect("set").max_compressed_size = limit;
    })
}

// R17, R26: blocks without data are not without end
#[test]
fn r17_empty_blocks_are_counted_on_the_wire() {
    for role in ROLES {
        for limit in [None, Some(3000)] {
            let mut connection = compressed_to(role, limit);
            let most = limit.unwrap_or(2 * 1000 + (64 << 10));
            let empty = hex("000000ffff").repeat(20);
            for _ in 0..3 {
                // As much as there may be, in fragments.
                let mut left = most - 1;
                let mut bytes = frame_for(role, 0x41, b"");
                while left >= empty.len() as u64 {
                    bytes.extend(frame_for(role, 0, &empty));
                    left -= empty.len() as u64;
                }
                bytes.extend(frame_for(role, 0, &empty[..left as usize / 5 * 5]));
                bytes.extend(frame_for(role, 0x80, &[0]));
                assert_eq!(feed(&mut connection, &bytes), (vec![text("")], None));
            }
            let mut bytes = frame_for(role, 0x41, b"");
            let count = most / empty.len() as u64 + 1;
            bytes.extend(frame_for(role, 0, &empty).repeat(count as usize));
            let found = feed(&mut connection, &bytes);
            assert_eq!(found, (vec![], Some(too_big(count * 100, most))));
            assert_failed(&mut connection, too_big(count * 100, most));
        }
    }
}

// 7692-6.2-03; R22: compressed fragments are counted as others are, empty ones included
#[test]
fn fragments_are_counted() {
    for role in ROLES {
        let mut connection = end_with(role, "", |config| config.max_fragments = 4);
        let fragments = |count: usize| {
            let mut bytes = frame_for(role, 0x41, &hex("f248cd"));
            bytes.extend(frame_for(role, 0, b"").repeat(count - 2));
            [bytes, frame_for(role, 0x80, &hex("c9c90700"))].concat()
        };
        for _ in 0..3 {
            assert_eq!(feed(&mut connection, &fragments(4)), (vec![text("Hello")], None));
        }
        let found = feed(&mut connection, &fragments(5));
        assert_eq!(found, (vec![], Some(ProtocolError::TooManyFragments { limit: 4 })));
        assert_failed(&mut connection, ProtocolError::TooManyFragments { limit: 4 });
        // One frame is no fragment.
        let mut connection = end_with(role, "", |config| config.max_fragments = 0);
        let bytes = frame_for(role, 0xc1, &hex("f248cdc9c90700"));
        assert_eq!(feed(&mut connection, &bytes), (vec![text("Hello")], None));
    }
}

// What is not going to be compressed needs no room to grow.
#[test]
fn only_what_is_compressed_may_grow() {
    let limited = |threshold: usize| {
        let mut connection = end_with(Role::Server, "", |config| {
            config.max_output = 10_000;
            if let Some(deflate) = &mut config.deflate {
                (deflate.threshold, deflate.threshold_with_takeover) = (threshold, true);
            }
        });
        assert!(!connection.has_room(9_000), "it might grow");
        connection.send_binary(vec![0; 9_000]).map_err(|error| error.kind())
    };
    let refused = limited(0);
    let Err(SendErrorKind::MessageTooBig { len, limit: 10_000 }) = refused else {
        panic!("{refused:?}");
    };
    assert!((10_001..=10_200).contains(&len), "an eighth more: {len}");
    assert_eq!(limited(usize::MAX), Ok(()));
    let mut connection = end_with(Role::Server, "", |config| config.max_output = 10_000);
    let plain = Payload::from(vec![0; 9_000]).uncompressed();
    connection.send(plain).expect("it stays as it is");
    let len = connection.output().len();
    connection.output().advance(len);
    let prepared = PreparedMessage::new(vec![0; 100_000], &DeflateConfig::default());
    connection.send(&prepared).expect("it is known how small it is");
}
