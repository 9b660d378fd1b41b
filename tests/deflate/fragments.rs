//! Compressed messages in fragments (RFC 7692 §6.1, §6.2, §7.2.1, §7.2.3.6).

use framewise::{Connection, Payload, Role, SendErrorKind, deflate::DeflateConfig};

use super::{bits::Bits, support::*};

/// Returns a message in fragments that are cut at these places.
fn cut(role: Role, opcode: u8, payload: &[u8], places: &[usize]) -> Vec<u8> {
    let mut bounds = vec![0];
    bounds.extend(places);
    bounds.push(payload.len());
    let count = bounds.len() - 1;
    let frames = bounds.windows(2).enumerate().flat_map(|(i, bound)| {
        let fin = if i + 1 == count { 0x80 } else { 0 };
        let first = if i == 0 { 0x40 | opcode } else { 0 };
        frame_for(role, fin | first, &payload[bound[0]..bound[1]])
    });
    frames.collect()
}

// 7692-6.2-03, 7692-6.2-01, 7692-7.2.3.1-02, 7692-3-02, 7692-6-03; R22
#[test]
fn r22_fragments_cut_at_every_place() {
    let payload = hex("f248cdc9c90700");
    for role in ROLES {
        for i in 0..=payload.len() {
            for j in i..=payload.len() {
                for k in j..=payload.len() {
                    let mut connection = end(role, "");
                    for places in [&[i][..], &[i, j], &[i, j, k]] {
                        let bytes = cut(role, 1, &payload, places);
                        let found = feed(&mut connection, &bytes);
                        assert_eq!(found, (vec![text("Hello")], None), "{places:?}");
                    }
                    // The window is that of three messages.
                    let bytes = cut(role, 1, &hex("f200110000"), &[i.min(5)]);
                    assert_eq!(feed(&mut connection, &bytes), (vec![text("Hello")], None));
                }
            }
        }
    }
}

// 7692-6.2-03, 7692-7.2.3.6-01: also with nothing but empty ones in front and behind
#[test]
fn empty_fragments() {
    for role in ROLES {
        let mut connection = end(role, "");
        for (payload, expected) in
            [("f248cdc9c90700", "Hello"), ("00", ""), ("f200110000", "Hello")]
        {
            let payload = hex(payload);
            let len = payload.len();
            for places in [[0, 0, 0, 0], [len; 4], [0, 0, len, len], [0, 1, 1, len]] {
                let found = feed(&mut connection, &cut(role, 1, &payload, &places));
                assert_eq!(found, (vec![text(expected)], None), "{places:?}");
            }
        }
        let bytes =
            [frame_for(role, 0x41, &hex("f248cdc9c907000000ffff")), frame_for(role, 0x80, &[0])];
        assert_eq!(feed(&mut connection, &bytes.concat()), (vec![text("Hello")], None));
    }
}

// 7692-6.2-03, 7692-7.2.1-04, 7692-7.2.1-05, 7692-7.2.1-06; R22, R26: in any fragments, and any
// reads of them
#[test]
fn r22_blocks_of_every_kind_cut_at_every_place() {
    let message = Bits::new()
        .stored(true, b"abc")
        .fixed(true, b"def")
        .align()
        .fixed(false, b"g")
        .block(false, 1)
        .copy(6, 3)
        .copy(12, 12)
        .symbol(256)
        .stored(false, b"")
        .stored(true, b"hi")
        .message();
    let mut expected = b"abcdefg".to_vec();
    for (len, distance) in [(6, 3), (12, 12)] {
        for _ in 0..len {
            expected.push(expected[expected.len() - distance]);
        }
    }
    expected.extend(b"hi");
    for role in ROLES {
        let mut connection = end(role, "; server_max_window_bits=9; client_max_window_bits=9");
        for i in 0..=message.len() {
            for j in i..=message.len() {
                let bytes = cut(role, 2, &message, &[i, j]);
                assert_eq!(feed(&mut connection, &bytes), (vec![binary(&expected)], None));
            }
            let bytes = cut(role, 2, &message, &[i]);
            for place in 0..=bytes.len() {
                let (first, mut error) = feed(&mut connection, &bytes[..place]);
                assert_eq!(error, None);
                let (mut events, failed) = feed(&mut connection, &bytes[place..]);
                events.splice(0..0, first);
                error = failed;
                assert_eq!((events, error), (vec![binary(&expected)], None));
            }
        }
    }
}

/// Sends a message in fragments.
fn send<'a>(connection: &mut Connection, fragments: &[impl Clone + Into<Payload<'a>>]) {
    for (i, fragment) in fragments.iter().enumerate() {
        let fin = i + 1 == fragments.len();
        connection.send_fragment(fragment.clone(), fin).expect("there is room");
    }
}

// 7692-6-02, 7692-6.1-01, 7692-6.1-03, 7692-6.1-08, 7692-7.2.1-02, 7692-7.2.1-03, 7692-7.2.1-09,
// 7692-7.2.1-10, 7692-7.2.1-11; R22
#[test]
fn r22_only_the_last_fragment_is_stripped() {
    for role in ROLES {
        let mut connection = end(role, "");
        let mut peer = end(role.peer(), "");
        for round in 0..2 {
            send(&mut connection, &["He", "llo", "", "!"]);
            let bytes = drain(&mut connection);
            assert_eq!(feed(&mut peer, &bytes), (vec![text("Hello!")], None));

            // The same once more, to look at it.
            send(&mut connection, &[&b"He"[..], b"llo", b"", b"!"]);
            let frames = sent(&mut connection);
            let firsts: Vec<u8> = frames.iter().map(|frame| frame.first).collect();
            assert_eq!(firsts, [0x42, 0x00, 0x00, 0x80], "in round {round}");
            let tail = hex("0000ffff");
            for place in [0, 1] {
                assert!(frames[place].payload.ends_with(&tail), "{:02x?}", frames[place]);
            }
            assert!(frames[2].payload.is_empty(), "nothing to flush");
            assert!(!frames[3].payload.ends_with(&tail));
            let whole: Vec<u8> = frames.into_iter().flat_map(|frame| frame.payload).collect();
            let bytes = frame_for(role.peer(), 0xc2, &whole);
            assert_eq!(feed(&mut peer, &bytes), (vec![binary(b"Hello!")], None));
        }
    }
}

// 7692-7.2.1-11
#[test]
fn the_fragments_of_the_vectors() {
    for role in ROLES {
        let mut connection = end(role, "");
        send(&mut connection, &["He", "llo"]);
        send(&mut connection, &["Hello", ""]);
        let payloads: Vec<Vec<u8>> =
            sent(&mut connection).into_iter().map(|frame| frame.payload).collect();
        let mut expected = ["f248050000 00ffff", "cac9c90700", "f2001100000000ffff", "00"].map(hex);
        // What the second "Hello" refers to is the compressor's choice.
        expected[2].clone_from(&payloads[2]);
        assert_eq!(payloads, expected);
    }
}

// 7692-7.2.3.6-01
#[test]
fn empty_messages_in_fragments() {
    for role in ROLES {
        for takeover in [true, false] {
            let agreed = by_sender(role, 15, takeover);
            let mut connection = end_by(role, agreed, |_| ());
            let mut peer = end_by(role.peer(), agreed, |_| ());
            for _ in 0..3 {
                for fragments in
                    [&[""][..], &["", ""], &["", "", ""], &["", "a", ""], &["a", "", ""]]
                {
                    send(&mut connection, fragments);
                    assert_eq!(carry(&mut connection, &mut peer), [text(&fragments.concat())]);
                }
            }
        }
    }
}

// 7692-7.2.1-10, 7692-7.2.1-13, 7692-7.2.1-16, 7692-5-20; R21, R22
#[test]
fn fragments_among_whole_messages() {
    let noise = noise(30_000);
    for role in ROLES {
        for takeover in [true, false] {
            for bits in [9, 15] {
                let agreed = by_sender(role, bits, takeover);
                let mut connection = end_by(role, agreed, |_| ());
                let mut peer = end_by(role.peer(), agreed, |_| ());
                for size in [1, 7, 400, 20_000] {
                    let fragments: Vec<&[u8]> = noise.chunks(size.max(noise.len() / 50)).collect();
                    send(&mut connection, &fragments);
                    connection.send_binary(&noise[..size]).expect("there is room");
                    connection.send(Payload::from(&noise).uncompressed()).expect("there is room");
                    let expected = [binary(&noise), binary(&noise[..size]), binary(&noise)];
                    assert!(carry(&mut connection, &mut peer) == expected);
                }
            }
        }
    }
}

// 7692-7.2.1-10, 7692-7.2.1-13: without takeover a message still refers to its own fragments
#[test]
fn fragments_refer_to_one_another() {
    let noise = noise(400);
    for role in ROLES {
        for takeover in [true, false] {
            let mut connection = end_by(role, by_sender(role, 15, takeover), |_| ());
            for first in [true, false] {
                send(&mut connection, &[&noise, &noise, &noise]);
                let lens: Vec<usize> =
                    sent(&mut connection).iter().map(|frame| frame.payload.len()).collect();
                assert!(lens[1] < 30 && lens[2] < 30, "{lens:?}");
                assert_eq!(lens[0] >= 400, first || !takeover);
            }
        }
    }
}

// 7692-6-05, 7692-6.1-02: the first fragment decides, as its size does not
#[test]
fn fragments_that_are_not_compressed() {
    for role in ROLES {
        let mut connection = end_with(role, "", |config| {
            config.deflate.as_mut().expect("set").threshold = 1000;
        });
        send(&mut connection, &["a", "b"]);
        connection.send_fragment(Payload::from("a").uncompressed(), false).expect("there is room");
        connection.send_fragment("b", true).expect("there is room");
        connection.send_fragment("a", false).expect("there is room");
        connection.send_fragment(Payload::from("b").uncompressed(), true).expect("there is room");
        let bytes = drain(&mut connection);
        let mut peer = end(role.peer(), "");
        assert_eq!(feed(&mut peer, &bytes), (vec![text("ab"), text("ab"), text("ab")], None));
        connection = end(role, "");
        connection.send_fragment(Payload::from("a").uncompressed(), false).expect("there is room");
        connection.send_fragment("b", true).expect("there is room");
        let frame = |first, payload: &[u8]| Frame { first, payload: payload.to_vec() };
        assert_eq!(sent(&mut connection), [frame(0x01, b"a"), frame(0x80, b"b")]);
    }
}

// 7692-6-05; R22
#[test]
fn r22_a_compressed_message_need_never_be_fragmented() {
    for role in ROLES {
        let mut connection = end_with(role, "", |config| {
            let mut deflate = DeflateConfig::default();
            deflate.threshold = 0;
            deflate.fragments = false;
            config.deflate = Some(deflate);
        });
        let long = "Hello".repeat(1000);
        send(&mut connection, &[&long[..], "", "b"]);
        connection.send_text(&long).expect("there is room");
        let frames = sent(&mut connection);
        let firsts: Vec<u8> = frames.iter().map(|frame| frame.first).collect();
        assert_eq!(firsts, [0x01, 0x00, 0x80, 0xc1]);
        assert_eq!(frames[0].payload, long.as_bytes());
        assert!(frames[3].payload.len() < 100);
    }
}

// R23: a fragment that is refused has not been compressed
#[test]
fn r23_refused_fragments_leave_the_compressor_as_it_was() {
    for role in ROLES {
        let mut connection = end_with(role, "", |config| config.max_output = 2000);
        let mut peer = end(role.peer(), "");
        let most = vec![b'x'; 3000];
        let sending = |connection: &mut Connection, fragment: &str, fin| {
            let kind = connection.send_fragment(&most, false).expect_err("too long").kind();
            assert!(matches!(
                kind,
                SendErrorKind::MessageTooBig { limit: 2000, .. } | SendErrorKind::MixedFragments
            ));
            connection.send_fragment(fragment, fin).expect("there is room");
            if !fin {
                let kind = connection.send_fragment(b"xHello", true).expect_err("binary").kind();
                assert_eq!(kind, SendErrorKind::MixedFragments);
                let kind = connection.send_text("xHello").expect_err("unfinished").kind();
                assert_eq!(kind, SendErrorKind::UnfinishedMessage);
            }
        };
        for _ in 0..3 {
            sending(&mut connection, "Hello, ", false);
            assert_eq!(carry(&mut connection, &mut peer), []);
            sending(&mut connection, "Hello, ", false);
            sending(&mut connection, "World", true);
            assert_eq!(carry(&mut connection, &mut peer), [text("Hello, Hello, World")]);
        }
    }
}
