//! Compressed messages that go out (RFC 7692 §6.1, §7.2.1).

use std::collections::BTreeSet;

use framewise::{
    CloseCode, Connection, Payload, PreparedMessage, Role, SendErrorKind, State,
    deflate::{DeflateConfig, Level, MemoryLevel},
};
use proptest::prelude::*;
use zlib_rs::{Inflate, InflateFlush};

use super::{
    bits::{self, Bits, END, FIXED},
    support::*,
};

/// Inflates by the letter (RFC 7692 §7.2.2), with nothing of this crate.
fn inflate(inflater: &mut Inflate, payload: &[u8]) -> Vec<u8> {
    let input = [payload, &[0x00, 0x00, 0xff, 0xff]].concat();
    let (start, before) = (inflater.total_in(), inflater.total_out());
    let mut out = vec![0; 256 << 10];
    inflater.decompress(&input, &mut out, InflateFlush::SyncFlush).expect("valid");
    assert_eq!(inflater.total_in() - start, input.len() as u64, "all was inflated");
    out.truncate((inflater.total_out() - before) as usize);
    out
}

fn always() -> DeflateConfig {
    let mut config = DeflateConfig::default();
    config.threshold = 0;
    config
}

fn payloads(connection: &mut Connection) -> Vec<Vec<u8>> {
    sent(connection).into_iter().map(|frame| frame.payload).collect()
}

// 7692-6-02, 7692-6.1-01, 7692-7.2.1-01, 7692-7.2.1-02, 7692-7.2.1-03, 7692-7.2.1-14,
// 7692-7.2.1-17, 7692-7.2.3.1-01, 7692-7.2.3.2-01, 7692-9.2-01, 6455-6.1-09
#[test]
fn the_vectors_of_the_standard_go_out() {
    for role in ROLES {
        let mut connection = end(role, "");
        for _ in 0..3 {
            connection.send_text("Hello").expect("there is room");
        }
        let bytes = drain(&mut connection);
        let mut peer = end(role.peer(), "");
        assert_eq!(feed(&mut peer, &bytes), (vec![text("Hello"); 3], None));

        let mut connection = end(role, "");
        connection.send_text("Hello").expect("there is room");
        connection.send_text("Hello").expect("there is room");
        let frames = ["f248cdc9c90700", "f200110000"];
        let frames = frames.map(|payload| Frame { first: 0xc1, payload: hex(payload) });
        assert_eq!(sent(&mut connection), frames);
    }
}

// 7692-7.2.1-13, 7692-7.2.1-16, 7692-7.2.3.2-02
#[test]
fn without_takeover_equal_messages_have_equal_payloads() {
    for role in ROLES {
        for bits in [9, 15] {
            let mut connection = end_by(role, by_sender(role, bits, false), |_| ());
            for payload in [&b"Hello"[..], &noise(2000), &[7; 100_000]] {
                for _ in 0..3 {
                    connection.send_binary(payload).expect("there is room");
                }
                let payloads = payloads(&mut connection);
                assert!(payloads[0] == payloads[1] && payloads[1] == payloads[2]);
                for found in payloads {
                    let mut fresh = Inflate::new(false, bits);
                    assert!(inflate(&mut fresh, &found) == payload);
                }
            }
        }
        // What the peer does for itself is not this end's concern.
        let mut connection = end_by(role, by_sender(role.peer(), 9, false), |_| ());
        connection.send_binary(b"Hello").expect("there is room");
        connection.send_binary(b"Hello").expect("there is room");
        assert_eq!(payloads(&mut connection), ["f248cdc9c90700", "f200110000"].map(hex));
    }
}

// 7692-6.1-01, 7692-6.1-07, 7692-7.2.1-01, 7692-7.2.1-02, 7692-7.2.1-03, 7692-7.3-02
#[test]
fn an_independent_inflater_gives_every_message_back() {
    let noise = noise(200_000);
    let words = "the quick brown fox jumps over the lazy dog ".repeat(5_000);
    for role in ROLES {
        let mut connection = end(role, "");
        let mut inflater = Inflate::new(false, 15);
        for corpus in [&noise[..], words.as_bytes()] {
            for len in [0, 1, 2, 3, 100, 16_383, 16_384, 65_535, 65_536, 200_000] {
                connection.send_binary(&corpus[..len]).expect("there is room");
                let frame = sent(&mut connection).pop().expect("a frame");
                assert_eq!(frame.first, 0xc2, "also when there was nothing to gain");
                assert!(!frame.payload.ends_with(&hex("0000ffff")));
                assert!(inflate(&mut inflater, &frame.payload) == corpus[..len]);
            }
        }
    }
}

// 7692-7.2.1-12, 7692-7.2.1-18, 7692-7.2.1-20, 7692-5-06
#[test]
fn nothing_farther_than_the_window_is_referred_to() {
    let mut inflated = b"x".to_vec();
    let copy = Bits::new().block(false, FIXED).literals(b"ab").copy(3, 2).copy(3, 5).symbol(END);
    assert_eq!(bits::inflate(&copy.message(), &mut inflated), 5, "what these tests rely on");
    assert_eq!(inflated, b"xababaaba");
    for bits in 9..=15_u8 {
        let window = 1_usize << bits;
        let before = noise(window + 300);
        for (role, shared) in ROLES.into_iter().flat_map(|role| [(role, true), (role, false)]) {
            let mut connection = end_by(role, by_sender(role, bits, true), |config| {
                config.deflate.as_mut().expect("set").shared_compressor = shared;
            });
            let (mut inflated, mut farthest) = (vec![], 0);
            let mut check = |connection: &mut Connection, expected: &[u8]| {
                let start = inflated.len();
                let payload = payloads(connection).pop().expect("a message");
                farthest = farthest.max(bits::inflate(&payload, &mut inflated));
                assert!(inflated[start..] == *expected);
                assert!(farthest <= window, "{farthest} at {bits} bits");
                farthest
            };
            // All repeats itself at some distance near the window, in one message and several.
            for distance in [window - 300, window - 262, window - 1, window, window + 1] {
                let distance = distance.max(100);
                for payload in [&before[..distance].repeat(2), &before[..distance], &[1; 100]] {
                    connection.send_binary(payload).expect("there is room");
                    check(&mut connection, payload);
                }
            }
            let prepared = PreparedMessage::new(before.repeat(2), &DeflateConfig::default());
            connection.send(&prepared).expect("there is room");
            check(&mut connection, &before.repeat(2));
            connection.send_binary(&before).expect("there is room");
            let farthest = check(&mut connection, &before);
            assert!(farthest >= window / 3, "{farthest} at {bits} bits is not even near");
        }
    }
}

// 7692-7.2.3.6-01, 7692-7.2.1-02; R21
#[test]
fn r21_empty_messages() {
    for role in ROLES {
        for takeover in [true, false] {
            let agreed = by_sender(role, 15, takeover);
            let mut connection = end_by(role, agreed, |_| ());
            let mut peer = end_by(role.peer(), agreed, |_| ());
            for _ in 0..3 {
                for payload in ["", "Hello", "", ""] {
                    connection.send_text(payload).expect("there is room");
                    let frame = sent(&mut connection).pop().expect("a frame");
                    assert_eq!(frame.first, 0xc1);
                    if payload.is_empty() {
                        assert_eq!(frame.payload, [0], "an empty block, but for its tail");
                    }
                    let bytes = frame_for(role.peer(), frame.first, &frame.payload);
                    assert_eq!(feed(&mut peer, &bytes), (vec![text(payload)], None));
                }
            }
        }
    }
}

// 6455-5.3-02, 6455-10.3-01: what is compressed into the output gets its key on a way of its own
#[test]
fn r49_compressed_frames_have_keys_of_their_own() {
    let mut client = end(Role::Client, "");
    let prepared = [10, 10_000].map(|len| PreparedMessage::new(noise(len), &always()));
    let mut frames = vec![];
    for _ in 0..200 {
        client.send_text("Hello").expect("there is room");
        client.send_fragment("Hel", false).expect("there is room");
        client.send_fragment("lo", true).expect("there is room");
        for prepared in &prepared {
            client.send(prepared).expect("there is room");
        }
        frames.extend(sent_with_keys(&mut client));
    }
    assert_eq!(frames.len(), 1000);
    assert!(frames.iter().all(|(frame, _)| [0xc1, 0x41, 0x80, 0xc2].contains(&frame.first)));
    let keys: BTreeSet<Vec<u8>> = frames.into_iter().map(|(_, key)| key).collect();
    assert_eq!(keys.len(), 1000, "no two are equal");
    assert!(keys.iter().all(|key| key.len() == 4 && *key != [0; 4]));

    let mut server = end(Role::Server, "");
    server.send_text("Hello").expect("there is room");
    assert!(sent_with_keys(&mut server)[0].1.is_empty());
}

// 7692-6-05, 7692-6.1-02, 7692-6.1-07, 7692-8-01; R21
#[test]
fn messages_that_are_not_to_be_compressed() {
    for role in ROLES {
        let threshold = |connection: &mut framewise::Config, len| {
            let deflate = connection.deflate.as_mut().expect("set");
            (deflate.threshold, deflate.threshold_with_takeover) = (len, true);
        };
        let mut connection = end_with(role, "", |config| threshold(config, 10));
        let mut peer = end(role.peer(), "");
        let long = "Hello".repeat(2000);
        let messages = [
            (Payload::from("123456789"), false),
            (Payload::from("1234567890"), true),
            (Payload::from("1234567890").uncompressed(), false),
            (Payload::from(""), false),
            (Payload::from(long.clone()).uncompressed(), false),
            (Payload::from(long.clone()), true),
            (Payload::from("1234567890"), true),
        ];
        for (payload, compressed) in messages {
            let expected = String::from_utf8(payload.as_bytes().to_vec()).expect("text");
            connection.send(payload).expect("there is room");
            let frame = sent(&mut connection).pop().expect("a frame");
            assert_eq!(frame.first, if compressed { 0xc1 } else { 0x81 }, "{expected}");
            if !compressed {
                assert_eq!(frame.payload, expected.as_bytes());
            }
            let bytes = frame_for(role.peer(), frame.first, &frame.payload);
            assert_eq!(feed(&mut peer, &bytes), (vec![text(&expected)], None));
        }
        // By default little messages are left as they are where each is compressed for itself.
        let name = if role == Role::Client { "client" } else { "server" };
        let alone = format!("; {name}_no_context_takeover");
        for (agreed, first) in [("", 0xc1), (&*alone, 0x81)] {
            let mut connection = end_with(role, agreed, |config| config.deflate = None);
            connection.send_text("a".repeat(63)).expect("there is room");
            connection.send_text("a".repeat(64)).expect("there is room");
            let firsts: Vec<u8> = sent(&mut connection).iter().map(|frame| frame.first).collect();
            assert_eq!(firsts, [first, 0xc1], "{agreed}");
        }
    }
}

// warmcat/libwebsockets#2794: peers that fail when uncompressed messages come between compressed ones
// with context takeover. As node's ws does by default.
// 7692-6-05, 7692-6.1-02
#[test]
fn the_threshold_applies_without_context_takeover() {
    for role in ROLES {
        for flags in 0..8 {
            let (client_alone, server_alone) = (flags & 1 != 0, flags & 2 != 0);
            let with_takeover = flags & 4 != 0;
            let mut agreed = String::new();
            if client_alone {
                agreed += "; client_no_context_takeover";
            }
            if server_alone {
                agreed += "; server_no_context_takeover";
            }
            let mut connection = end_with(role, &agreed, |config| {
                let deflate = config.deflate.as_mut().expect("set");
                (deflate.threshold, deflate.threshold_with_takeover) = (6, with_takeover);
            });
            let alone = if role == Role::Client { client_alone } else { server_alone };
            let small = if alone || with_takeover { 0x81 } else { 0xc1 };
            let prepared = |text| PreparedMessage::new(text, &always().threshold(6));
            for (payload, first) in [
                (Payload::from(""), small),
                (Payload::from("Hello"), small),
                (Payload::from("Hello!"), 0xc1),
                (Payload::from("Hello").uncompressed(), 0x81),
                (prepared("Hello").into(), small),
                (prepared("Hello!").into(), 0xc1),
            ] {
                let shown = format!("{role:?}{agreed}, {with_takeover}: {payload:?}");
                connection.send(payload).expect("there is room");
                assert_eq!(sent(&mut connection)[0].first, first, "{shown}");
            }
        }
    }
}

// 7692-8-01: nothing of a message that is sent as it is gets into the window, in whatever way it is
// sent and whatever the window is kept in
#[test]
fn a_secret_does_not_change_the_length_of_what_follows() {
    type Secret = fn(&str) -> Payload<'_>;
    let ways: [Secret; 4] = [
        |secret| Payload::from(secret).uncompressed(),
        |secret| Payload::from(secret.to_owned()).uncompressed(),
        |secret| Payload::from(&PreparedMessage::new(secret, &always())).uncompressed(),
        |secret| PreparedMessage::new(Payload::from(secret).uncompressed(), &always()).into(),
    ];
    for (role, shared) in ROLES.into_iter().flat_map(|role| [(role, true), (role, false)]) {
        let len = |secret: Payload<'_>| {
            let mut connection = end_with(role, "", |config| {
                config.deflate.as_mut().expect("set").shared_compressor = shared;
            });
            // There is a compressor already that something could get into.
            connection.send_text("guess: ").expect("there is room");
            connection.send(secret).expect("there is room");
            connection.send_text("guess: token=12345678").expect("there is room");
            payloads(&mut connection)[2].len()
        };
        for way in ways {
            assert_eq!(len(way("token=12345678")), len(way("token=abcdefgh")));
        }
        let known = len("token=12345678".into());
        assert!(known < len("token=abcdefgh".into()), "it would be seen");
    }
}

// 7692-7.2.1-01, 7692-5-20: a message of every kind at every setting
#[test]
fn every_level_and_memory_level() {
    let noise = noise(2000);
    let words = "the quick brown fox jumps over the lazy dog ".repeat(500);
    for role in ROLES {
        for level in 0..=9 {
            for memory_level in [1, 5, 9] {
                for bits in [9, 15] {
                    let agreed = by_sender(role, bits, true);
                    let mut connection = end_by(role, agreed, |config| {
                        let deflate = config.deflate.as_mut().expect("set");
                        deflate.level = Level::new(level).expect("a level");
                        deflate.memory_level = MemoryLevel::new(memory_level).expect("a level");
                    });
                    let mut peer = end_by(role.peer(), agreed, |_| ());
                    for payload in [words.as_bytes(), &noise, b"", b"a", words.as_bytes()] {
                        connection.send_binary(payload).expect("there is room");
                        if payload.len() > 2000 && level > 0 {
                            assert!(connection.output().len() < payload.len() / 4);
                        }
                        assert!(carry(&mut connection, &mut peer) == [binary(payload)]);
                    }
                }
            }
        }
    }
}

// R23: what is refused comes back, and has left nothing in the compressor
#[test]
fn r23_refused_messages_leave_the_compressor_as_it_was() {
    for role in ROLES {
        let mut connection = end_with(role, "", |config| config.max_output = 4000);
        let mut undisturbed = end(role, "");
        let mut peer = end(role.peer(), "");
        let message = "a message that is not like the others: ".repeat(3);
        for i in 0..20 {
            let refused = format!("{i}, {message}").repeat(40);
            let error = connection.send_text(refused.clone()).expect_err("there is no room");
            let kind = error.kind();
            assert!(matches!(kind, SendErrorKind::MessageTooBig { limit: 4000, .. }), "{kind:?}");
            assert_eq!(error.into_payload(), Some(refused.into()));
            let error = connection.send_binary(&[b'a'; 5000][..]).expect_err("there is no room");
            assert!(error.into_payload().is_none(), "it was only lent");
            assert!(!connection.has_output());
            let fits = format!("{message}{i}");
            connection.send_text(&fits).expect("there is room");
            undisturbed.send_text(&fits).expect("there is room");
            let frames = sent(&mut connection);
            assert_eq!(frames, sent(&mut undisturbed));
            let bytes = frame_for(role.peer(), frames[0].first, &frames[0].payload);
            assert_eq!(feed(&mut peer, &bytes), (vec![text(&fits)], None));
        }
        connection.close(CloseCode::NORMAL, "").expect("open");
        let error = connection.send(Payload::from(message.clone()).uncompressed());
        let error = error.expect_err("closing");
        assert_eq!(error.kind(), SendErrorKind::Closed);
        assert_eq!(error.into_payload(), Some(message.into()));
        assert_eq!(connection.state(), State::CloseSent);
        assert_eq!(sent(&mut connection).len(), 1, "the Close");
    }
}

// R23: a message that is handed back can be sent again, as it was to be sent
#[test]
fn r23_a_message_that_was_handed_back_is_still_not_to_be_compressed() {
    for role in ROLES {
        let mut connection = end_with(role, "", |config| config.max_output = 1500);
        connection.send_binary(noise(900)).expect("there is room");
        let secret = Payload::from("secret".repeat(150)).uncompressed();
        let error = connection.send(secret).expect_err("there is no room");
        drain(&mut connection);
        connection.send(error.into_payload().expect("given away")).expect("there is room");
        let frames = sent(&mut connection);
        assert_eq!((frames[0].first, frames[0].payload.len()), (0x81, 900));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    // 7692-6.1-01; R23: room is promised for the worst, and what was promised is kept
    #[test]
    fn the_output_is_never_exceeded(
        role in prop::sample::select(ROLES.to_vec()),
        max_output in 64_usize..3000,
        level in 0_u8..=9,
        memory_level in 1_u8..=9,
        bits in 9_u8..=15,
        acts in prop::collection::vec((0_usize..2500, 0_u8..6, any::<u8>()), 1..40),
    ) {
        let agreed = by_sender(role, bits, true);
        let mut connection = end_by(role, agreed, |config| {
            config.max_output = max_output;
            let deflate = config.deflate.as_mut().expect("set");
            deflate.level = Level::new(level).expect("a level");
            deflate.memory_level = MemoryLevel::new(memory_level).expect("a level");
        });
        let mut peer = end_by(role.peer(), agreed, |_| ());
        let noise: Vec<u8> = noise(2500).iter().map(|octet| octet | 0x90).collect();
        let (mut expected, mut found, mut begun) = (vec![], vec![], None::<Vec<u8>>);
        for (len, kind, octet) in acts {
            // Nothing to compress in it, or little but one octet.
            let payload = if octet & 1 == 0 { noise[..len].to_vec() } else { vec![octet; len] };
            let room = connection.has_room(len);
            let sent = match kind {
                0 => {
                    found.extend(carry(&mut connection, &mut peer));
                    continue;
                }
                1 | 2 => {
                    let fin = kind == 1;
                    let result = connection.send_fragment(&payload, fin);
                    if result.is_ok() {
                        let mut whole = begun.take().unwrap_or_default();
                        whole.extend(&payload);
                        if fin { expected.push(binary(&whole)) } else { begun = Some(whole) }
                    }
                    result
                }
                _ if begun.is_some() => continue,
                _ => {
                    let mut whole = Payload::from(&payload);
                    if kind == 3 {
                        whole = whole.uncompressed();
                    }
                    let result = connection.send(whole);
                    if result.is_ok() {
                        expected.push(binary(&payload));
                    }
                    result
                }
            };
            // What stays as it is may fit where what grows would not.
            prop_assert!(sent.is_ok() == room || sent.is_ok() && kind == 3);
            prop_assert!(connection.output().len() <= max_output);
        }
        found.extend(carry(&mut connection, &mut peer));
        prop_assert!(found == expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    // A compressed frame is made in the output itself, behind what may be written in part already.
    #[test]
    fn r56_short_writes_give_the_unbroken_stream(
        role in prop::sample::select(ROLES.to_vec()),
        shared in any::<bool>(),
        acts in prop::collection::vec((0_u8..6, payload_len(), any::<u8>(), 0_usize..6000), 1..30),
    ) {
        let mut ends = [(); 2].map(|()| {
            end_with(role, "", |config| {
                config.deflate.as_mut().expect("set").shared_compressor = shared;
            })
        });
        let noise = noise(70_000);
        let mut written = vec![];
        for (kind, len, octet, count) in acts {
            let payload = if octet & 1 == 0 { noise[..len].to_vec() } else { vec![octet; len] };
            let prepared = PreparedMessage::new(&payload, &always());
            for end in &mut ends {
                match kind {
                    0 | 1 => end.send(&payload),
                    2 => end
                        .send_fragment(&payload[..len / 3], false)
                        .and_then(|()| end.send_fragment(&payload[len / 3..], true)),
                    3 => end.send(&prepared),
                    4 => end.send(Payload::from(payload.clone()).uncompressed()),
                    _ => end.ping(b"Hello"),
                }
                .expect("there is room");
            }
            // Few octets, or nearly all.
            let output = ends[0].output();
            let count = if octet & 2 == 0 { count.min(output.len()) } else { output.len() - 1 };
            written.extend(output.chunks().flatten().take(count));
            output.advance(count);
        }
        let [short, whole] = &mut ends;
        written.extend(drain(short));
        let whole = drain(whole);
        if !shared {
            prop_assert!(written == whole);
        }
        // What a shared compressor writes may depend on what it wrote before for others, not what is
        // made of it.
        let [found, expected] =
            [written, whole].map(|octets| feed(&mut end_with(role.peer(), "", |_| ()), &octets));
        prop_assert!(expected.1.is_none() && found == expected);
    }
}

/// Lengths on both sides of what is queued by itself, and of a window.
fn payload_len() -> impl Strategy<Value = usize> {
    prop_oneof![0_usize..200, 4090_usize..4110, 32_760_usize..32_780, 0_usize..70_000]
}

// R23: there is less room than for a message that cannot grow
#[test]
fn room_is_for_the_worst_that_compression_makes() {
    for role in ROLES {
        let connection = end_with(role, "", |config| config.max_output = 10_000);
        let plain = match role {
            Role::Client => Connection::client(connection.config().clone(), SEED),
            Role::Server => Connection::server(connection.config().clone()),
        };
        let most = |connection: &Connection| {
            (0..=10_000).rev().find(|len| connection.has_room(*len)).expect("there is some")
        };
        assert!(most(&plain) > 9_980);
        let (most, worst) = (most(&connection), 10_000 * 8 / 9);
        assert!((worst - 100..=worst).contains(&most), "{most}");
        assert!(!connection.has_room(usize::MAX));
    }
}
