//! Sending data (RFC 6455 §6.1, §5.1).

use std::sync::Arc;

use framewise::{Binary, CloseCode, Message, Payload, Role, SendError, SendErrorKind, State, Text};

use crate::pair::*;

// 6455-6.1-01, 6455-6.1-04, 6455-6.1-06, 6455-6.1-07, 6455-5.1-11
#[test]
fn a_message_is_one_frame() {
    for role in ROLES {
        let mut connection = end(role);
        connection.send_text("hi").unwrap();
        connection.send_binary(b"\xff").unwrap();
        connection.send_text("").unwrap();
        connection.send_binary(b"").unwrap();
        assert_eq!(said(&mut connection), hex("[8102 6869][8201 ff][8100][8200]"));
    }
}

// 6455-6.1-04: however the payload is held, and whatever its size
#[test]
fn every_kind_of_payload_is_framed_alike() {
    for len in [0, 5, 4095, 4096, 70_000] {
        let octets = vec![b'x'; len];
        let string = "x".repeat(len);
        let shared: Arc<[u8]> = octets.clone().into();
        let shared_text: Arc<str> = string.clone().into();
        for role in ROLES {
            let mut connection = end(role);
            let payloads: [Payload<'_>; 10] = [
                Binary::from(&octets).into(),
                octets.clone().into(),
                shared.clone().into(),
                octets.as_slice().into(),
                Message::Binary(octets.clone()).into(),
                Text::from(&string).into(),
                string.clone().into(),
                shared_text.clone().into(),
                string.as_str().into(),
                Message::Text(string.clone()).into(),
            ];
            for payload in payloads {
                connection.send(payload).unwrap();
            }
            let sent = frames(&drain(&mut connection));
            let expected =
                |opcode| Frame { fin: true, rsv: 0, opcode, key: None, payload: octets.clone() };
            assert_eq!(sent.len(), 10);
            for (i, frame) in sent.into_iter().enumerate() {
                assert_eq!(frame.key.is_some(), role == Role::Client);
                assert_eq!(Frame { key: None, ..frame }, expected(if i < 5 { 2 } else { 1 }));
            }
        }
    }
}

// 6455-6.1-02
#[test]
fn messages_are_sent_in_open_only() {
    for role in ROLES {
        let mut sent = end(role);
        sent.close(None, "").unwrap();
        let mut received = end(role);
        events(&mut received, &to(role, "8800"));
        let mut failed = end(role);
        feed(&mut failed, &to(role, "8300"));
        let mut closed = end(role);
        closed.receive_eof();
        for connection in [&mut sent, &mut received, &mut failed, &mut closed] {
            let state = connection.state();
            drain(connection);
            let refused = |error: SendError, back: Option<Payload<'_>>| {
                assert_eq!(error.kind(), SendErrorKind::Closed);
                assert_eq!(error.into_payload(), back);
            };
            refused(connection.send_text("a").unwrap_err(), None);
            refused(connection.send_text(String::from("a")).unwrap_err(), Some("a".into()));
            refused(connection.send_binary(vec![1]).unwrap_err(), Some(b"\x01".into()));
            refused(connection.send_fragment(vec![1], false).unwrap_err(), Some(b"\x01".into()));
            refused(connection.close(CloseCode::NORMAL, "").unwrap_err(), None);
            assert_eq!(drain(connection), b"");
            assert_eq!(connection.state(), state);
        }
    }
}

// 6455-6.1-03
#[test]
fn a_change_of_state_stops_a_fragmented_message() {
    for vector in ["8800", "8300"] {
        for role in ROLES {
            let mut connection = end(role);
            connection.send_fragment("a", false).unwrap();
            feed(&mut connection, &to(role, vector));
            drain(&mut connection);
            let error = connection.send_fragment("b", true).unwrap_err();
            assert_eq!(error.kind(), SendErrorKind::Closed);
            assert_eq!(drain(&mut connection), b"");
        }
    }
}

// 6455-5.1-10: no turn taking
#[test]
fn both_sides_send_at_once() {
    let mut pair = Pair::new(|_| ());
    for i in 0..100 {
        pair.client.connection.send_text(format!("client {i}")).unwrap();
        pair.server.connection.send_text(format!("server {i}")).unwrap();
    }
    pair.exchange();
    for i in 0..100 {
        assert_eq!(pair.server.events[i], text(&format!("client {i}")));
        assert_eq!(pair.client.events[i], text(&format!("server {i}")));
    }
    assert_eq!((pair.client.events.len(), pair.server.events.len()), (100, 100));
}

// 6455-12-01, 8441-5-07: what a user of the protocol needs once it is open
#[test]
fn open_send_receive_close_closed() {
    let mut pair = Pair::new(|_| ());
    pair.server.echo = true;
    assert_eq!(pair.client.connection.state(), State::Open);
    pair.client.connection.send_text("Hello").unwrap();
    pair.exchange();
    assert_eq!(pair.client.events, [text("Hello")]);
    pair.client.connection.close(CloseCode::NORMAL, "done").unwrap();
    pair.exchange();
    assert_eq!(pair.server.events, [text("Hello"), close(1000, "done")]);
    assert_eq!(pair.client.connection.state(), State::Closed);
    assert_eq!(pair.server.connection.state(), State::Closed);
}

// R55
#[test]
fn the_output_is_bounded_and_the_message_comes_back() {
    for role in ROLES {
        let mut connection = end_with(role, |config| config.max_output = 1000);
        connection.send_binary(vec![1; 900]).unwrap();
        let len = connection.output().len();
        let error = connection.send_binary(vec![2; 200]).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::OutputFull);
        assert_eq!(error.into_payload(), Some(vec![2; 200].into()));
        let error = connection.send_fragment(String::from("long").repeat(50), true).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::OutputFull);
        assert_eq!(connection.output().len(), len);
        assert_eq!(connection.state(), State::Open);
        // R33: control frames and replies have a reserve of their own.
        connection.ping(b"").unwrap();
        events(&mut connection, &to(role, "8900"));
        connection.output().advance(len);
        connection.send_binary(vec![2; 200]).unwrap();
        connection.close(None, "").unwrap();
        let opcodes: Vec<u8> = said(&mut connection)[..4].chunks(2).map(|frame| frame[0]).collect();
        assert_eq!(opcodes, [0x89, 0x8a]);
    }
}

// R07: exactly at the limit passes, one more fails
#[test]
fn the_limit_of_the_output_is_exact() {
    for role in ROLES {
        let key = if role == Role::Client { 4 } else { 0 };
        for (len, header) in [(125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let size = len + header + key;
            let mut connection = end_with(role, |config| config.max_output = size - 1);
            let error = connection.send_binary(vec![0; len]).unwrap_err();
            let never = SendErrorKind::MessageTooBig { len: size, limit: size - 1 };
            assert_eq!(error.kind(), never);
            let mut connection = end_with(role, |config| config.max_output = size);
            connection.send_binary(vec![0; len]).unwrap();
            assert_eq!(connection.output().len(), size);
        }
    }
}

// R55: before a message is made
#[test]
fn room_is_what_a_frame_takes() {
    // The longest payload, and what its header takes on a server.
    for (max_output, payload, header) in [(127, 125, 2), (130, 126, 4), (65_539, 65_535, 4)] {
        for role in ROLES {
            let key = if role == Role::Client { 4 } else { 0 };
            let mut connection = end_with(role, |config| config.max_output = max_output + key);
            assert_eq!(max_output, payload + header);
            assert!(connection.has_room(payload) && !connection.has_room(payload + 1));
            assert!(!connection.has_room(usize::MAX));
            let error = connection.send_binary(vec![0; payload + 1]).unwrap_err();
            assert!(matches!(error.kind(), SendErrorKind::MessageTooBig { .. }));
            connection.send_binary(vec![0; payload]).unwrap();
            assert!(!connection.has_room(0), "{role:?}");
            // What is written makes room.
            connection.output().advance(header + key);
            assert!(connection.has_room(header - 2) && !connection.has_room(header - 1));
        }
    }
}
