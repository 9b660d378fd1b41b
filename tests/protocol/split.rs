//! The two halves of a connection: the same protocol on two threads (RFC 6455 §5.5, §7).

use std::{sync::mpsc, thread};

use framewise::{
    CloseCode, Delivery, EndOfStream, Event, Input, ProtocolError, ReceiveHalf, ReuniteError, Role,
    SendErrorKind, SendHalf, State, Timeout, Transport,
};

use crate::pair::*;

fn take(half: &mut ReceiveHalf, bytes: &[u8]) -> Vec<Event<'static>> {
    let mut bytes = bytes.to_vec();
    let mut input = Input::new(&mut bytes);
    let mut events = Vec::new();
    while let Some(event) = half.receive(&mut input).expect("right") {
        events.push(event.into_owned());
    }
    events
}

fn written(half: &mut SendHalf) -> Vec<u8> {
    let mut all = Vec::new();
    while half.has_output() {
        let chunk = half.output().chunk().to_vec();
        assert!(!chunk.is_empty(), "output that is announced is there");
        half.output().advance(chunk.len());
        all.extend(chunk);
    }
    frames(&all).into_iter().flat_map(|frame| Frame { key: None, ..frame }.encode()).collect()
}

// 6455-5.5.2-03, 6455-5.5.1-10, 6455-5.5.1-12; R34
#[test]
fn replies_cross_to_the_sending_half() {
    for role in ROLES {
        let (mut receiving, mut sending) = end(role).into_split();
        sending.send_text("a").unwrap();
        let bytes = to(role, "[8901 31][8101 62][8901 32]");
        assert_eq!(take(&mut receiving, &bytes), [ping(b"1"), text("b"), ping(b"2")]);
        assert!(receiving.owes_reply() && sending.has_output());
        assert_eq!(written(&mut sending), hex("[8101 61][8a01 31][8a01 32]"));
        assert!(!receiving.owes_reply());

        // What is owed goes in front of what is sent next.
        take(&mut receiving, &to(role, "8901 33"));
        sending.send_text("c").unwrap();
        take(&mut receiving, &to(role, "8802 03e9"));
        assert_eq!(receiving.state(), State::CloseReceived);
        assert_eq!(sending.send_text("d").unwrap_err().kind(), SendErrorKind::Closed);
        assert_eq!(sending.state(), State::Closing);
        assert_eq!(written(&mut sending), hex("[8a01 33][8101 63][8802 03e9]"));
        assert_eq!(receiving.received_close().unwrap().code, CloseCode::GOING_AWAY);
        let expected =
            if role == Role::Server { Transport::ShutdownWrite } else { Transport::Open };
        assert_eq!((receiving.transport(), sending.transport()), (expected, expected));
        assert_eq!(receiving.receive_eof(), EndOfStream::Clean);
        assert_eq!(sending.transport(), Transport::Close);
    }
}

// 6455-7.1.7-05, 6455-7.1.7-07
#[test]
fn a_failure_crosses_too() {
    for role in ROLES {
        let (mut receiving, mut sending) = end(role).into_split();
        let mut bytes = to(role, "[8900][8300][8101 61]");
        let mut input = Input::new(&mut bytes);
        assert_eq!(receiving.receive(&mut input).unwrap(), Some(ping(b"")));
        receiving.receive(&mut input).unwrap_err();
        receiving.receive(&mut input).unwrap_err();
        assert_eq!(sending.state(), State::Failed);
        assert_eq!(sending.send_text("a").unwrap_err().kind(), SendErrorKind::Closed);
        let close = failure_close(ProtocolError::ReservedOpcode);
        assert_eq!(written(&mut sending), [hex("8a00"), close].concat());
    }
}

// 6455-5.5.1-10, 6455-7.1.4-03, 6455-7.1.7-05: the answer does not depend on which half is
// driven first
#[test]
fn a_close_is_answered_though_the_stream_has_ended() {
    for role in ROLES {
        let (mut receiving, mut sending) = end(role).into_split();
        take(&mut receiving, &to(role, "[8901 70][8802 03e8]"));
        assert_eq!(receiving.receive_eof(), EndOfStream::Clean);
        assert_eq!(sending.state(), State::Closed);
        assert_eq!(written(&mut sending), hex("[8a01 70][8802 03e8]"));
        assert!(!receiving.owes_reply());

        let (mut receiving, mut sending) = end(role).into_split();
        receiving.receive(&mut Input::new(&mut to(role, "8300"))).unwrap_err();
        assert_eq!(receiving.receive_eof(), EndOfStream::Incomplete);
        assert_eq!(written(&mut sending), failure_close(ProtocolError::ReservedOpcode));
    }
}

// R27
#[test]
fn pings_that_are_owed_are_bounded() {
    for role in ROLES {
        let (mut receiving, mut sending) = end(role).into_split();
        for i in 0..10_000_u32 {
            take(&mut receiving, &to(role, &format!("8904{i:08x}")));
        }
        let pongs = frames(&written(&mut sending));
        assert!((100..1000).contains(&pongs.len()));
        for (i, pong) in pongs[..pongs.len() - 1].iter().enumerate() {
            assert_eq!((pong.opcode, &pong.payload[..]), (0xa, &(i as u32).to_be_bytes()[..]));
        }
        assert_eq!(pongs[pongs.len() - 1].payload, 9_999_u32.to_be_bytes(), "the newest");
    }
}

#[test]
fn two_threads_talk_and_close() {
    const COUNT: usize = 500;
    // One channel for each direction; the octets of one write are one item.
    fn run(
        connection: framewise::Connection,
        rx: mpsc::Receiver<Vec<u8>>,
        tx: mpsc::Sender<Vec<u8>>,
    ) -> usize {
        let role = connection.role();
        let (mut receiving, mut sending) = connection.into_split();
        // How many texts have come, whenever there is something to do about it.
        let (wake, woken) = mpsc::channel();
        let reader = thread::spawn(move || {
            let mut texts = 0;
            for bytes in rx {
                for event in take(&mut receiving, &bytes) {
                    texts += usize::from(matches!(event, Event::Text(_)));
                }
                if receiving.owes_reply() || texts == COUNT {
                    wake.send(texts).unwrap_or_default();
                }
                if receiving.state() == State::Closing {
                    break;
                }
            }
            texts
        });
        for i in 0..COUNT {
            sending.send_text(format!("{i}")).unwrap();
            if i % 10 == 0 {
                sending.ping(b"ping").unwrap();
            }
            drop(tx.send(raw(&mut sending)));
        }
        while sending.state() != State::Closing
            && let Ok(texts) = woken.recv()
        {
            // Not before: behind a Close nothing more can be sent by the peer.
            if role == Role::Client && texts == COUNT && sending.state() == State::Open {
                sending.close(CloseCode::NORMAL, "").unwrap();
            }
            drop(tx.send(raw(&mut sending)));
        }
        drop(tx.send(raw(&mut sending)));
        drop(tx);
        reader.join().unwrap()
    }
    fn raw(sending: &mut SendHalf) -> Vec<u8> {
        let mut all = Vec::new();
        for chunk in sending.output().chunks() {
            all.extend_from_slice(chunk);
        }
        sending.output().advance(all.len());
        all
    }
    let (to_server, from_client) = mpsc::channel();
    let (to_client, from_server) = mpsc::channel();
    let client = thread::spawn(move || run(end(Role::Client), from_server, to_server));
    let server = thread::spawn(move || run(end(Role::Server), from_client, to_client));
    assert_eq!((client.join().unwrap(), server.join().unwrap()), (COUNT, COUNT));
}

#[test]
fn halves_make_a_connection_again() {
    for role in ROLES {
        let (mut receiving, mut sending) = end(role).into_split();
        take(&mut receiving, &to(role, "[0101 61][8900]"));
        sending.send_fragment("x", false).unwrap();
        let mut connection = receiving.reunite(sending).unwrap();
        assert_eq!(events(&mut connection, &to(role, "8001 62")), [text("ab")]);
        connection.send_fragment("y", true).unwrap();
        let sent = frames(&drain(&mut connection));
        let opcodes: Vec<u8> = sent.iter().map(|frame| frame.opcode).collect();
        assert_eq!(opcodes, [0xa, 1, 0]);

        let (receiving, _) = end(role).into_split();
        let (_, sending) = end(role).into_split();
        let ReuniteError(receiving, sending) = receiving.reunite(sending).unwrap_err();
        assert_eq!((receiving.state(), sending.state()), (State::Open, State::Open));
    }
}

#[test]
fn timers_are_kept() {
    for role in ROLES {
        let (mut receiving, mut sending) = end(role).into_split();
        assert_eq!(receiving.tell(at(0)), Some(at(20)));
        assert_eq!(receiving.handle_timeout(at(20)), None);
        assert_eq!(written(&mut sending), hex("8900"));
        take(&mut receiving, &to(role, "8a00"));
        assert_eq!(receiving.tell(at(30)), Some(at(50)));
        receiving.handle_timeout(at(50));
        assert_eq!(written(&mut sending), hex("8900"));
        assert_eq!(receiving.handle_timeout(at(70)), Some(Timeout::Pong));
        assert_eq!(written(&mut sending), [&hex("8811 03f3")[..], b"no Pong in time"].concat());
        assert_eq!(receiving.tell(at(70)), Some(at(75)));
        assert_eq!(receiving.handle_timeout(at(75)), Some(Timeout::Close));
        assert_eq!((sending.state(), sending.has_output()), (State::Closed, false));
    }
}

// What a half does by itself, as a whole connection does it
#[test]
fn the_halves_do_what_the_whole_does() {
    for role in ROLES {
        let whole = end_with(role, |config| config.max_output = 100);
        let (mut receiving, mut sending) = whole.into_split();
        sending.ping(b"1").unwrap();
        sending.pong(b"2").unwrap();
        assert!(sending.has_room(50) && !sending.has_room(100));
        sending.send_text("a".repeat(60)).unwrap();
        assert!(!sending.has_room(50));
        let queued = [&hex("[8901 31][8a01 32][813c]")[..], &[b'a'; 60]].concat();
        assert_eq!(written(&mut sending), queued);

        receiving.set_delivery(Delivery::Chunks);
        let chunk = |text: &str, fin| Event::TextChunk { text: text.to_owned().into(), fin };
        assert_eq!(take(&mut receiving, &to(role, "0101 61")), [chunk("a", false)]);
        assert_eq!(take(&mut receiving, &to(role, "8001 62")), [chunk("b", true)]);

        sending.send_text("secret").unwrap();
        let shown = format!("{receiving:?} {sending:?}");
        assert!(shown.starts_with("ReceiveHalf { ") && shown.contains(" SendHalf { "), "{shown}");
        assert!(!shown.contains("secret") && !shown.contains("115, 101, 99"), "{shown}");
    }
}

// R32: a timeout that has fired does not fire again while the other half is busy
#[test]
fn idleness_begins_the_end_though_the_sending_half_waits() {
    for role in ROLES {
        let idle = end_with(role, |config| config.idle_timeout = Some(secs(10)));
        let (mut receiving, mut sending) = idle.into_split();
        receiving.tell(at(0));
        assert_eq!(receiving.handle_timeout(at(10)), Some(Timeout::Idle));
        assert_eq!(receiving.state(), State::CloseSent);
        assert_eq!(receiving.handle_timeout(at(10)), None);
        assert_eq!(receiving.tell(at(10)), Some(at(15)));
        assert_eq!(sending.send_text("a").unwrap_err().kind(), SendErrorKind::Closed);
        assert_eq!(written(&mut sending), hex("8802 03e9"));
        assert_eq!(receiving.handle_timeout(at(15)), Some(Timeout::Close));
    }
}

#[test]
fn activity_is_known_across_split_and_unsplit() {
    for role in ROLES {
        // A Pong that was received before the halves were joined.
        let mut connection = end(role);
        connection.tell(at(0));
        connection.handle_timeout(at(20));
        let (mut receiving, sending) = connection.into_split();
        take(&mut receiving, &to(role, "8a00"));
        let mut connection = receiving.reunite(sending).unwrap();
        assert_eq!(connection.handle_timeout(at(40)), None);
        assert_eq!(connection.tell(at(40)), Some(at(60)));

        // One that was received before they were parted.
        events(&mut connection, &to(role, "8a00"));
        let (mut receiving, _sending) = connection.into_split();
        assert_eq!(receiving.tell(at(50)), Some(at(70)));

        // Messages of both directions, or of one of them, before they were parted.
        for (sent, received) in [(true, true), (true, false), (false, true), (false, false)] {
            let mut connection = end_with(role, |config| {
                config.ping_interval = None;
                config.idle_timeout = Some(secs(100));
            });
            connection.tell(at(0));
            if sent {
                connection.send_text("a").unwrap();
            }
            if received {
                events(&mut connection, &to(role, "8101 61"));
            }
            let (mut receiving, mut sending) = connection.into_split();
            let last = if sent || received { 10 } else { 0 };
            assert_eq!(receiving.tell(at(10)), Some(at(last + 100)));
            // And one that is sent behind that.
            sending.send_text("b").unwrap();
            assert_eq!(receiving.tell(at(20)), Some(at(120)));
        }

        // A message in the making, and one that was sent.
        let mut connection = end_with(role, |config| {
            config.ping_interval = None;
            config.idle_timeout = Some(secs(100));
            config.message_timeout = Some(secs(30));
        });
        events(&mut connection, &to(role, "0101 61"));
        assert_eq!(connection.tell(at(0)), Some(at(30)));
        connection.send_text("a").unwrap();
        let (mut receiving, mut sending) = connection.into_split();
        assert_eq!(receiving.tell(at(10)), Some(at(30)));
        take(&mut receiving, &to(role, "8000"));
        assert_eq!(receiving.tell(at(20)), Some(at(120)));
        sending.send_text("b").unwrap();
        let mut connection = receiving.reunite(sending).unwrap();
        assert_eq!(connection.tell(at(30)), Some(at(130)));

        // A message that was received, and then another one in the making.
        let (mut receiving, sending) = connection.into_split();
        take(&mut receiving, &to(role, "8101 61"));
        let mut connection = receiving.reunite(sending).unwrap();
        assert_eq!(connection.tell(at(40)), Some(at(140)));
        let (mut receiving, sending) = connection.into_split();
        take(&mut receiving, &to(role, "0101 61"));
        assert_eq!(receiving.tell(at(50)), Some(at(80)));
        take(&mut receiving, &to(role, "8000 0101 61"));
        let mut connection = receiving.reunite(sending).unwrap();
        assert_eq!(connection.tell(at(60)), Some(at(90)));
    }
}

// 6455-7.1.4-03, 6455-7.1.5-03: found by the model, see `model`
#[test]
fn a_close_that_was_never_queued_is_no_clean_end() {
    for role in ROLES {
        let idle = end_with(role, |config| config.idle_timeout = Some(secs(10)));
        let (mut receiving, mut sending) = idle.into_split();
        receiving.tell(at(0));
        assert_eq!(receiving.handle_timeout(at(10)), Some(Timeout::Idle));
        take(&mut receiving, &to(role, "8802 03e8"));
        assert_eq!(receiving.state(), State::Closing);
        // The sending half is stuck until the time to close is over.
        receiving.tell(at(10));
        assert_eq!(receiving.handle_timeout(at(15)), Some(Timeout::Close));
        assert_eq!(receiving.end(), Some(EndOfStream::Incomplete));
        assert_eq!(written(&mut sending), b"");
    }
}

// 6455-7.1.4-03
#[test]
fn a_close_that_never_left_is_no_clean_end() {
    for (role, left) in ROLES.into_iter().flat_map(|role| [(role, false), (role, true)]) {
        let (mut receiving, mut sending) = end(role).into_split();
        take(&mut receiving, &to(role, "8802 03e8"));
        if left {
            written(&mut sending);
        } else {
            assert!(!sending.output().is_empty(), "queued, but not taken");
        }
        assert_eq!(receiving.state(), State::Closing);
        receiving.tell(at(0));
        assert_eq!(receiving.handle_timeout(at(5)), Some(Timeout::Close));
        assert_eq!(written(&mut sending), b"");
        let end = if left { EndOfStream::Clean } else { EndOfStream::Incomplete };
        assert_eq!(receiving.end(), Some(end), "{role:?}");
    }
}

// R32: what the peer takes of the output is a sign of life for both halves
#[test]
fn a_slow_reader_is_alive() {
    for role in ROLES {
        let (mut receiving, mut sending) = end(role).into_split();
        sending.send_binary(vec![0; 100_000]).unwrap();
        receiving.tell(at(0));
        for now in (15..300).step_by(15) {
            sending.output().advance(1000);
            sending.output();
            assert_eq!(receiving.tell(at(now)), Some(at(now + 20)));
        }
        // What is written at once is none.
        let len = sending.output().len();
        sending.output().advance(len);
        sending.send_text("a").unwrap();
        written(&mut sending);
        assert_eq!(receiving.tell(at(300)), Some(at(305)));
    }
}

// 6455-7.1.5: who is cut off learns nothing.
#[test]
fn an_abort_ends_both_halves_without_a_close() {
    for role in ROLES {
        let mut connection = end(role);
        connection.send_text("dropped").unwrap();
        connection.abort();
        assert_eq!(
            (connection.state(), connection.end()),
            (State::Closed, Some(EndOfStream::Lost))
        );
        assert!(connection.output().is_empty());
        assert_eq!(connection.send_text("").unwrap_err().kind(), SendErrorKind::Closed);
        assert_eq!(connection.transport(), Transport::Close);

        let (receiving, mut sending) = end(role).into_split();
        sending.send_text("dropped").unwrap();
        sending.abort();
        assert_eq!((receiving.state(), receiving.end()), (State::Closed, Some(EndOfStream::Lost)));
        assert_eq!(sending.end(), Some(EndOfStream::Lost));
        assert!(!sending.has_output() && sending.output().is_empty());
        assert_eq!((sending.role(), receiving.role()), (role, role));
    }
}

// A Close that has not left was never sent, as for one that was given up.
#[test]
fn an_abort_drops_a_close_too() {
    for role in ROLES {
        let mut connection = end(role);
        events(&mut connection, &to(role, "880203e8"));
        connection.abort();
        assert_eq!(connection.end(), Some(EndOfStream::Incomplete));
    }
}

#[test]
fn both_halves_know_the_closes() {
    for role in ROLES {
        let (mut receiving, mut sending) = end(role).into_split();
        assert_eq!(
            (receiving.close_code(), sending.close_code()),
            (CloseCode::ABNORMAL, CloseCode::ABNORMAL)
        );
        sending.close(CloseCode::GOING_AWAY, "mine").unwrap();
        take(&mut receiving, &to(role, "880703e8796f757273"));
        for (code, sent, received) in [
            (receiving.close_code(), receiving.sent_close(), receiving.received_close()),
            (sending.close_code(), sending.sent_close(), sending.received_close()),
        ] {
            assert_eq!(code, CloseCode::NORMAL);
            assert_eq!(sent.unwrap().reason, "mine");
            assert_eq!(received.unwrap().reason, "yours");
        }
    }
}
