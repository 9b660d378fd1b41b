//! Messages that are compressed once for many connections.

use std::sync::Arc;

use framewise::{
    CloseCode, Connection, Message, Payload, PreparedMessage, Role, SendErrorKind,
    deflate::DeflateConfig,
};
use proptest::prelude::*;

use super::support::*;

fn always() -> DeflateConfig {
    let mut config = DeflateConfig::default();
    config.threshold = 0;
    config
}

fn plain(role: Role) -> Connection {
    let config = framewise::Config::default();
    match role {
        Role::Client => Connection::client(config, SEED),
        Role::Server => Connection::server(config),
    }
}

// 7692-6.1-01, 7692-6.1-08, 7692-5-20: whatever the connection has agreed upon
#[test]
fn one_message_goes_out_on_every_connection() {
    let long = "the quick brown fox jumps over the lazy dog ".repeat(3000);
    let noise = noise(40_000);
    let payloads = [
        Payload::from("Hello"),
        Payload::from(""),
        Payload::from(b""),
        Payload::from(long.as_str()),
        Payload::from(long.clone()),
        Payload::from(Arc::<str>::from(long.as_str())),
        Payload::from(&noise),
        Payload::from(noise.clone()),
        Payload::from(Arc::<[u8]>::from(&noise[..])),
    ];
    for payload in payloads {
        let message = PreparedMessage::new(payload.clone(), &always());
        assert_eq!(
            (message.as_bytes(), message.is_text()),
            (payload.as_bytes(), payload.is_text())
        );
        let expected = match payload.into_message() {
            Message::Binary(payload) => binary(&payload),
            Message::Text(payload) => text(&payload),
        };
        for role in ROLES {
            for bits in 9..=15 {
                for takeover in [true, false] {
                    let agreed = by_sender(role, bits, takeover);
                    let mut connection = end_by(role, agreed, |_| ());
                    let mut peer = end_by(role.peer(), agreed, |_| ());
                    connection.send(&message).expect("there is room");
                    connection.send(message.clone()).expect("there is room");
                    assert!(carry(&mut connection, &mut peer) == vec![expected.clone(); 2]);
                }
            }
            let (mut connection, mut peer) = (plain(role), plain(role.peer()));
            connection.send(&message).expect("there is room");
            connection.send(&message).expect("there is room");
            assert!(carry(&mut connection, &mut peer) == vec![expected.clone(); 2]);
        }
    }
}

// A server queues what is large by reference: the same octets, not equal ones.
#[test]
fn a_large_message_is_shared() {
    fn places(connection: &mut Connection) -> Vec<*const u8> {
        let large = |chunk: &&[u8]| chunk.len() >= 4096;
        connection.output().chunks().filter(large).map(<[u8]>::as_ptr).collect()
    }
    let message = PreparedMessage::new(noise(10_000), &always());
    let bits = [15, 15, 15, 9, 9];
    let mut servers =
        bits.map(|bits| end_by(Role::Server, by_sender(Role::Server, bits, true), |_| ()));
    for server in &mut servers {
        server.send(&message).expect("there is room");
        server.send(&message).expect("there is room");
    }
    let mut found = servers.each_mut().map(places).into_iter();
    let first = found.next().expect("a server");
    assert!(first.len() == 2 && first[0] == first[1]);
    assert_eq!(found.next().as_ref(), Some(&first));
    assert_eq!(found.next().as_ref(), Some(&first));
    let other = found.next().expect("a server");
    assert!(other.len() == 2 && other[0] == other[1] && other[0] != first[0], "another window");
    assert_eq!(found.next().as_ref(), Some(&other));

    // What is not compressed is shared, too.
    let (mut one, mut two) = (plain(Role::Server), end(Role::Server, ""));
    let message = PreparedMessage::new(Payload::from(noise(10_000)).uncompressed(), &always());
    one.send(&message).expect("there is room");
    two.send(&message).expect("there is room");
    let place = message.as_bytes().as_ptr();
    assert_eq!((places(&mut one), places(&mut two)), (vec![place], vec![place]));
    // What was shared already is not copied.
    let shared: Arc<[u8]> = noise(10).into();
    let message = PreparedMessage::new(Arc::clone(&shared), &always());
    assert_eq!(message.as_bytes().as_ptr(), shared.as_ptr());
}

// 7692-7.2.1-14, 7692-7.2.1-17: it refers to nothing that any connection had before; what follows
// may refer to it
#[test]
fn a_prepared_message_has_the_same_octets_everywhere() {
    let message = PreparedMessage::new("Hello", &always());
    for role in ROLES {
        let mut connection = end(role, "");
        connection.send_text("Hello").expect("there is room");
        for _ in 0..2 {
            connection.send(&message).expect("there is room");
        }
        connection.send_text("Hello").expect("there is room");
        connection.send_text("Hello").expect("there is room");
        let payloads: Vec<Vec<u8>> =
            sent(&mut connection).into_iter().map(|frame| frame.payload).collect();
        let full = hex("f248cdc9c90700");
        assert_eq!(payloads[..3], [full.clone(), full.clone(), full.clone()]);
        assert!(payloads[3..].iter().all(|payload| payload.len() < full.len()));
    }
}

// 7692-6-05, 7692-6.1-02, 7692-8-01
#[test]
fn prepared_messages_that_are_not_compressed() {
    let payload = "0123456789";
    let with_threshold = |threshold| {
        let mut config = always();
        config.threshold = threshold;
        PreparedMessage::new(payload, &config)
    };
    let secret = PreparedMessage::new(Payload::from(payload).uncompressed(), &always());
    let public = PreparedMessage::new(payload, &always());
    for role in ROLES {
        let mut connection = end_with(role, "", |config| {
            // The message's own threshold counts.
            let deflate = config.deflate.as_mut().expect("set");
            (deflate.threshold, deflate.threshold_with_takeover) = (11, true);
        });
        for (name, payload, compressed) in [
            ("at the threshold", Payload::from(&with_threshold(10)), true),
            ("below the threshold", Payload::from(&with_threshold(11)), false),
            ("prepared so", Payload::from(&secret), false),
            ("sent so", Payload::from(&public).uncompressed(), false),
            ("compressed", Payload::from(public.clone()), true),
            ("prepared again", PreparedMessage::new(&secret, &always()).into(), false),
            (
                "prepared again so",
                PreparedMessage::new(Payload::from(&public).uncompressed(), &always()).into(),
                false,
            ),
        ] {
            connection.send(payload).expect("there is room");
            let frame = sent(&mut connection).pop().expect("a frame");
            assert_eq!(frame.first, if compressed { 0xc1 } else { 0x81 }, "{name}");
            assert_eq!(frame.payload == b"0123456789", !compressed, "{name}");
        }
        // As fragments.
        for (payload, first) in [
            (Payload::from(&secret), 0x01),
            (Payload::from(&public).uncompressed(), 0x01),
            (Payload::from(&public), 0x41),
            (PreparedMessage::new(&secret, &always()).into(), 0x01),
        ] {
            connection.send_fragment(payload, false).expect("there is room");
            connection.send_fragment("", true).expect("there is room");
            assert_eq!(sent(&mut connection)[0].first, first);
        }
    }
    // None of it is in a window, of which the peer would not know.
    for (role, shared) in ROLES.into_iter().flat_map(|role| [(role, true), (role, false)]) {
        let mut connection = end_with(role, "", |config| {
            config.deflate.as_mut().expect("set").shared_compressor = shared;
        });
        let mut peer = end(role.peer(), "");
        for message in [
            Payload::from("Hello"),
            Payload::from(&public).uncompressed(),
            Payload::from(payload),
            Payload::from(&secret),
            Payload::from(&with_threshold(11)),
            Payload::from(payload),
        ] {
            let expected = text(core::str::from_utf8(message.as_bytes()).expect("text"));
            connection.send(message).expect("there is room");
            assert_eq!(carry(&mut connection, &mut peer), [expected]);
        }
    }
}

// R22, R23
#[test]
fn prepared_messages_as_fragments() {
    let message = PreparedMessage::new("Hello, ".repeat(1000), &always());
    let octets = PreparedMessage::new(b"Hello", &always());
    for role in ROLES {
        for takeover in [true, false] {
            let agreed = by_sender(role, 9, takeover);
            let mut connection = end_by(role, agreed, |_| ());
            let mut peer = end_by(role.peer(), agreed, |_| ());
            for _ in 0..3 {
                connection.send(&message).expect("there is room");
                connection.send_fragment("a", false).expect("there is room");
                connection.send_fragment(&message, false).expect("there is room");
                let error = connection.send(&message).expect_err("unfinished");
                assert_eq!(error.kind(), SendErrorKind::UnfinishedMessage);
                let error = connection.send_fragment(&octets, true).expect_err("mixed");
                assert_eq!(error.kind(), SendErrorKind::MixedFragments);
                connection.send_fragment(&message, true).expect("there is room");
                let long = "Hello, ".repeat(1000);
                let expected = [text(&long), text(&format!("a{long}{long}"))];
                assert!(carry(&mut connection, &mut peer) == expected);
            }
        }
    }
}

// R23
#[test]
fn r23_a_prepared_message_that_is_refused_comes_back() {
    let message = PreparedMessage::new(noise(7000), &always());
    for role in ROLES {
        let mut connection = end_with(role, "", |config| config.max_output = 1000);
        let mut peer = end(role.peer(), "");
        connection.send_text("Hello").expect("there is room");
        let error = connection.send(&message).expect_err("there is no room");
        assert!(matches!(error.kind(), SendErrorKind::MessageTooBig { limit: 1000, .. }));
        let payload = error.into_payload().expect("given away");
        assert_eq!(payload, Payload::from(&message));
        assert_eq!(payload.clone().into_message(), Message::Binary(noise(7000)));
        // The window has not been forgotten for it.
        connection.send_text("Hello").expect("there is room");
        let bytes = drain(&mut connection);
        assert_eq!(feed(&mut peer, &bytes), (vec![text("Hello"); 2], None));
        let mut other = end(role, "");
        other.send_text("Hello").expect("there is room");
        other.send_text("Hello").expect("there is room");
        assert_eq!(bytes.len(), drain(&mut other).len());

        let mut connection = end(role, "");
        connection.send(payload).expect("there is room");
        connection.close(CloseCode::NORMAL, "").expect("open");
        let error = connection.send(&message).expect_err("closing");
        assert_eq!(error.kind(), SendErrorKind::Closed);
        assert_eq!(error.into_payload(), Some(Payload::from(message.clone())));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    // 7692-5-20; R21: with all other kinds of messages, in any order
    #[test]
    fn r21_prepared_messages_among_others(
        ends in prop::collection::vec(
            (prop::sample::select(ROLES.to_vec()), 9_u8..=15, any::<bool>(), any::<bool>()), 1..5),
        acts in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..7, 0_usize..6), 1..60),
    ) {
        let noise = noise(1500);
        let messages: Vec<Vec<u8>> = vec![
            b"Hello".to_vec(),
            vec![],
            noise[..600].to_vec(),
            noise.clone(),
            noise[300..].repeat(5),
            vec![b'a'; 40_000],
        ];
        let prepared: Vec<PreparedMessage> =
            messages.iter().map(|payload| PreparedMessage::new(payload, &always())).collect();
        let mut pairs: Vec<(Connection, Connection)> = ends
            .into_iter()
            .map(|(role, bits, takeover, shared)| {
                let agreed = by_sender(role, bits, takeover);
                let connection = end_by(role, agreed, |config| {
                    config.deflate.as_mut().expect("set").shared_compressor = shared;
                });
                (connection, end_by(role.peer(), agreed, |_| ()))
            })
            .collect();
        for (place, kind, message) in acts {
            let (connection, peer) = place.get_mut(&mut pairs);
            let payload = &messages[message];
            match kind {
                0 | 1 => connection.send(&prepared[message]),
                2 => connection.send(payload),
                3 => connection.send(Payload::from(payload).uncompressed()),
                // What is not compressed must not be referred to by what comes next.
                6 => {
                    let plain = Payload::from(&prepared[message]).uncompressed();
                    connection.send(plain).expect("there is room");
                    prop_assert!(carry(connection, peer) == [binary(payload)]);
                    connection.send(payload)
                }
                4 => connection
                    .send_fragment(payload, false)
                    .and_then(|()| connection.send_fragment(b"", true)),
                _ => connection
                    .send_fragment(b"", false)
                    .and_then(|()| connection.send_fragment(&prepared[message], true)),
            }
            .expect("there is room");
            prop_assert!(carry(connection, peer) == [binary(payload)]);
        }
    }
}

// Many threads that send it for the first time get one and the same.
#[test]
fn a_prepared_message_is_compressed_once_for_all_threads() {
    let message = PreparedMessage::new(noise(20_000), &always());
    let outputs: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = end(Role::Server, "");
                    connection.send(&message).expect("there is room");
                    let chunks = connection.output().chunks().collect::<Vec<_>>();
                    let place = chunks.last().expect("the payload").as_ptr() as usize;
                    (place, chunks.concat())
                })
            })
            .collect();
        let found: Vec<_> =
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        assert!(found.windows(2).all(|pair| pair[0].0 == pair[1].0), "one place for all");
        found.into_iter().map(|(_, output)| output).collect()
    });
    let mut peer = end(Role::Client, "");
    assert!(feed(&mut peer, &outputs[0]) == (vec![binary(&noise(20_000))], None));
}
