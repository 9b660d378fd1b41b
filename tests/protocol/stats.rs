//! What a connection counts, and what it knows of a message: only with `Config::stats`.

use framewise::{Config, Connection, Delivery, Event, Input, MessageInfo, Role, Stats, Traffic};
use proptest::prelude::*;

use crate::pair::*;

fn counting(role: Role) -> Connection {
    end_with(role, |config| config.stats = true)
}

fn stats(connection: &Connection) -> Stats {
    connection.stats().expect("it counts")
}

/// The figures of one direction without compression.
fn figures(traffic: Traffic) -> [u64; 4] {
    let compressed = [traffic.compressed_messages, traffic.compressed_payload_bytes];
    assert_eq!((compressed, traffic.compressed_wire_bytes), ([0; 2], 0));
    assert_eq!(traffic.compression_ratio(), None);
    [traffic.messages, traffic.payload_bytes, traffic.frames, traffic.wire_bytes]
}

fn known(info: Option<MessageInfo>) -> (bool, u64, u64) {
    let info = info.expect("it counts");
    (info.compressed, info.frames, info.wire_bytes)
}

#[test]
fn nothing_is_counted_that_nobody_asked_for() {
    for role in ROLES {
        let mut connection = end(role);
        feed(&mut connection, &to(role, "[8101 61][8a00]"));
        connection.send("a").unwrap();
        assert_eq!((connection.stats(), connection.message_info()), (None, None));
        connection.tell(at(1));
        assert_eq!(connection.latency(), None);
        #[cfg(feature = "std")]
        {
            let (receiving, sending) = connection.into_split();
            assert_eq!((receiving.received(), sending.sent()), (None, None));
            assert_eq!((receiving.message_info(), receiving.latency()), (None, None));
        }
    }
}

// Two messages, one of them in three frames with a Ping within, and a Close.
#[test]
fn what_is_received_is_counted_in_any_cuts() {
    for role in ROLES {
        let bytes = to(role, "[8102 6162][0201 00][8901 31][0000][8002 0102][8802 03e8]");
        let masks = if role == Role::Server { 6 * 4 } else { 0 };
        for cut in 0..=bytes.len() {
            let mut connection = counting(role);
            feed(&mut connection, &bytes[..cut]);
            feed(&mut connection, &bytes[cut..]);
            let expected = [2, 5, 6, bytes.len() as u64];
            assert_eq!(figures(stats(&connection).received), expected, "{cut}");
            // Headers of the three frames, and three bytes.
            assert_eq!(known(connection.message_info()), (false, 3, 9 + masks / 2), "{cut}");
        }
    }
}

#[test]
fn what_is_sent_is_counted_when_it_is_queued() {
    for role in ROLES {
        let mut connection = counting(role);
        connection.send("ab").unwrap();
        connection.send_fragment(&[0][..], false).unwrap();
        connection.ping("1").unwrap();
        connection.send_fragment(&[1, 2][..], true).unwrap();
        connection.send_binary(vec![0; 70_000]).unwrap();
        feed(&mut connection, &to(role, "8900"));
        connection.close(1000, "").unwrap();
        connection.send("refused").unwrap_err();
        let written = drain(&mut connection);
        let expected = [3, 70_005, 7, written.len() as u64];
        assert_eq!(figures(stats(&connection).sent), expected);
    }
}

#[test]
fn a_message_is_known_when_its_event_is_there() {
    for role in ROLES {
        let mask = if role == Role::Server { 4 } else { 0 };
        let mut connection = counting(role);
        let mut bytes = to(role, "[8101 61][8900][8203 616263][0101 61][8001 62]");
        let mut input = Input::new(&mut bytes);
        let mut seen = Vec::new();
        while let Some(event) = connection.receive(&mut input).unwrap() {
            seen.push((event.into_owned(), known(connection.message_info())));
        }
        // A control frame changes nothing.
        let expected = [
            (text("a"), (false, 1, 3 + mask)),
            (ping(b""), (false, 1, 3 + mask)),
            (binary(b"abc"), (false, 1, 5 + mask)),
            (text("ab"), (false, 2, 6 + 2 * mask)),
        ];
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_chunk_tells_what_has_come_so_far() {
    for role in ROLES {
        let mask = if role == Role::Server { 4 } else { 0 };
        let mut connection = counting(role);
        connection.set_delivery(Delivery::Chunks);
        let bytes = to(role, "[0101 61][8002 6263]");
        let (events, _) = feed(&mut connection, &bytes[..bytes.len() - 1]);
        assert_eq!(events.len(), 2);
        assert_eq!(known(connection.message_info()), (false, 2, 6 + 2 * mask));
        assert_eq!(stats(&connection).received.messages, 0);
        let (events, _) = feed(&mut connection, &bytes[bytes.len() - 1..]);
        assert_eq!(events, [Event::TextChunk { text: "c".into(), fin: true }]);
        assert_eq!(known(connection.message_info()), (false, 2, 7 + 2 * mask));
        let expected = [1, 3, 2, bytes.len() as u64];
        assert_eq!(figures(stats(&connection).received), expected);
    }
}

// What follows a Close or an error was not received as frames.
#[test]
fn what_is_discarded_is_not_counted() {
    for role in ROLES {
        let mut connection = counting(role);
        feed(&mut connection, &to(role, "[8800][8101 61]"));
        assert_eq!(stats(&connection).received.frames, 1);
        let mut connection = counting(role);
        let (_, error) = feed(&mut connection, &to(role, "[8101 61][8300][8101 62]"));
        assert!(error.is_some());
        assert_eq!(stats(&connection).received.frames, 1);
    }
}

#[cfg(feature = "std")]
#[test]
fn halves_count_on() {
    for role in ROLES {
        let mut connection = counting(role);
        feed(&mut connection, &to(role, "8101 61"));
        connection.send("a").unwrap();
        let (mut receiving, mut sending) = connection.into_split();
        let mut bytes = to(role, "[8202 6162][8900]");
        let mut input = Input::new(&mut bytes);
        while receiving.receive(&mut input).unwrap().is_some() {}
        sending.send("b").unwrap();
        sending.output();
        assert_eq!(receiving.received().map(|received| received.messages), Some(2));
        let frames = sending.sent().map(|sent| sent.frames);
        assert_eq!(frames, Some(3), "two messages and a Pong");
        assert_eq!(receiving.message_info().map(|info| info.frames), Some(1));
        let connection = receiving.reunite(sending).unwrap();
        assert_eq!((stats(&connection).received.frames, stats(&connection).sent.frames), (3, 3));
    }
}

fn asking(role: Role) -> Connection {
    end_with(role, |config| *config = Config::default().stats(true).ping_interval(secs(20)))
}

#[test]
fn latency_is_from_a_ping_to_its_pong() {
    for role in ROLES {
        let mut connection = asking(role);
        connection.tell(at(0));
        connection.tell(at(20));
        assert_eq!(frames(&drain(&mut connection)).len(), 1, "a Ping");
        // Other signs of life are no answer, nor is a Pong to somebody else's Ping.
        feed(&mut connection, &to(role, "[8101 61][8a01 31]"));
        connection.tell(at(21));
        assert_eq!(connection.latency(), None);
        feed(&mut connection, &to(role, "8a00"));
        assert_eq!(connection.latency(), None, "the time is not told yet");
        connection.tell(at(23));
        assert_eq!(connection.latency(), Some(secs(3)));
        // One that nobody asked for.
        feed(&mut connection, &to(role, "8a00"));
        connection.tell(at(30));
        assert_eq!(connection.latency(), Some(secs(3)));
        // The next one. A Pong before it was another one's.
        connection.tell(at(50));
        assert_eq!(frames(&drain(&mut connection)).len(), 1);
        feed(&mut connection, &to(role, "8a00"));
        connection.tell(at(51));
        assert_eq!(connection.latency(), Some(secs(1)));
    }
}

// A message lets a second Ping go out before the first one is answered.
#[test]
fn a_late_pong_answers_the_first_ping() {
    for role in ROLES {
        let mut connection = asking(role);
        connection.tell(at(0));
        connection.tell(at(20));
        feed(&mut connection, &to(role, "8101 61"));
        connection.tell(at(21));
        connection.tell(at(41));
        assert_eq!(frames(&drain(&mut connection)).len(), 2, "two Pings");
        feed(&mut connection, &to(role, "8a00"));
        connection.tell(at(42));
        assert_eq!(connection.latency(), Some(secs(22)));
    }
}

#[cfg(feature = "std")]
#[test]
fn latency_is_measured_by_halves() {
    for role in ROLES {
        let (mut receiving, mut sending) = asking(role).into_split();
        receiving.tell(at(0));
        receiving.tell(at(20));
        assert!(!sending.output().is_empty(), "a Ping");
        let mut bytes = to(role, "8a00");
        receiving.receive(&mut Input::new(&mut bytes)).unwrap();
        receiving.tell(at(22));
        assert_eq!(receiving.latency(), Some(secs(2)));
    }
}

proptest! {
    // Each end counts what the other one does, however it is cut.
    #[test]
    fn both_ends_count_the_same(
        messages in prop::collection::vec((any::<bool>(), 0..300_usize, 1..4_usize), 0..8),
        read in 1..200_usize,
    ) {
        for role in ROLES {
            let mut one = counting(role);
            let mut other = counting(if role == Role::Client { Role::Server } else { Role::Client });
            let mut infos = Vec::new();
            for &(is_text, len, fragments) in &messages {
                let before = stats(&one).sent.wire_bytes;
                for number in 1..=fragments {
                    let fin = number == fragments;
                    let sent = match is_text {
                        true => one.send_fragment("a".repeat(len), fin),
                        false => one.send_fragment(vec![0; len], fin),
                    };
                    sent.unwrap();
                }
                infos.push((false, fragments as u64, stats(&one).sent.wire_bytes - before));
            }
            let mut seen = Vec::new();
            for piece in drain(&mut one).chunks_mut(read) {
                let mut input = Input::new(piece);
                while other.receive(&mut input).unwrap().is_some() {
                    seen.push(known(other.message_info()));
                }
            }
            prop_assert_eq!(stats(&one).sent, stats(&other).received);
            prop_assert_eq!(seen, infos);
        }
    }
}
