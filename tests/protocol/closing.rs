//! Close frames and the closing handshake (RFC 6455 §5.5.1, §7.1 to §7.3).

use framewise::{
    CloseCode, CloseFrame, EndOfStream, ProtocolError, Role, SendErrorKind, State, Transport,
};

use crate::pair::*;

// 6455-5.5.1-01, 6455-5.5.1-02, 6455-5.5.1-03, 6455-5.5.1-04, 6455-7.1.2-01, 6455-7.4-01,
// 6455-7.3-03, 6455-7.1.3-01
#[test]
fn close_sends_its_code_and_reason() {
    for role in ROLES {
        for (code, reason, frame) in [
            (None, "", "8800"),
            (Some(CloseCode::NORMAL), "", "8802 03e8"),
            (Some(CloseCode::GOING_AWAY), "bye", "8805 03e9 627965"),
            (Some(CloseCode::from(4321)), "€", "8805 10e1 e282ac"),
        ] {
            let mut connection = end(role);
            connection.close(code, reason).unwrap();
            assert_eq!(connection.state(), State::CloseSent);
            assert_eq!(connection.transport(), Transport::Open);
            assert_eq!(said(&mut connection), hex(frame));
            let code = code.unwrap_or(CloseCode::NO_STATUS_RECEIVED);
            assert_eq!(connection.sent_close(), Some(&CloseFrame { code, reason: reason.into() }));
        }
    }
}

// 6455-5.5.1-02, 6455-5.5.1-04, 6455-7.1.5-01, 6455-7.1.5-02, 6455-7.1.6-01, 6455-7.1.6-02,
// 6455-5.5.1-10, 6455-5.5.1-11, 6455-5.5.1-12; R30
#[test]
fn a_close_is_answered_with_its_code() {
    for (vector, code, reason, reply) in [
        ("8800", 1005, "", "8800"),
        ("8802 03e8", 1000, "", "8802 03e8"),
        ("8805 03e9 627965", 1001, "bye", "8802 03e9"),
        ("8802 0fa1", 4001, "", "8802 0fa1"),
        ("8805 03e8 e282ac", 1000, "€", "8802 03e8"),
    ] {
        replies(vector, &[close(code, reason)], reply);
        for role in ROLES {
            let mut connection = end(role);
            events(&mut connection, &to(role, vector));
            assert_eq!(connection.state(), State::Closing);
            assert_eq!(connection.close_code(), CloseCode::from(code));
            assert_eq!(connection.received_close().unwrap().reason, reason);
        }
    }
    let mut server = end(Role::Server);
    events(&mut server, &hex("8882 00000000 03e8"));
    assert_eq!(drain(&mut server), hex("8802 03e8"));
}

// 6455-5.5.1-03; R30
#[test]
fn half_a_code_fails() {
    fails_with(ProtocolError::InvalidClosePayload, 1002, "8801 03");
}

// 6455-5.5.1-05, 6455-8.1-01; R30
#[test]
fn a_reason_that_is_not_utf8_fails() {
    use ProtocolError::InvalidCloseReason;
    for vector in ["8803 03e8 ff", "8804 03e8 e282", "8805 03e8 eda080", "8804 03e8 61c0"] {
        fails_with(InvalidCloseReason, 1007, vector);
    }
}

// 6455-5.5.1-06; R30
#[test]
fn a_reason_has_at_most_123_octets() {
    let reason = "a".repeat(123);
    let frame = format!("887d 03e8 {}", "61".repeat(123));
    replies(&frame, &[close(1000, &reason)], "8802 03e8");
    for role in ROLES {
        let mut connection = end(role);
        let error = connection.close(CloseCode::NORMAL, &"a".repeat(124)).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::LongCloseReason { len: 124 });
        // 124 octets in 62 code points.
        let error = connection.close(CloseCode::NORMAL, &"é".repeat(62)).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::LongCloseReason { len: 124 });
        assert_eq!((connection.state(), connection.has_output()), (State::Open, false));
        connection.close(CloseCode::NORMAL, &reason).unwrap();
        assert_eq!(said(&mut connection), hex(&frame));
    }
}

// 6455-5.5.1-09, 6455-1.4-01, 6455-6.1-02; R31
#[test]
fn nothing_is_sent_behind_a_close() {
    for role in ROLES {
        let mut connection = end(role);
        connection.close(CloseCode::NORMAL, "").unwrap();
        let len = connection.output().len();
        for error in [
            connection.send_text("a"),
            connection.send_binary(b"a"),
            connection.send_fragment("a", false),
            connection.ping(b""),
            connection.pong(b""),
            connection.close(CloseCode::NORMAL, ""),
        ] {
            assert_eq!(error.unwrap_err().kind(), SendErrorKind::Closed);
        }
        assert_eq!(connection.output().len(), len);
    }
}

// 6455-5.5.1-21; R31
#[test]
fn at_most_one_close_is_sent() {
    for role in ROLES {
        let mut connection = end(role);
        events(&mut connection, &to(role, "8802 03e8"));
        let error = connection.close(CloseCode::NORMAL, "").unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::Closed);
        assert_eq!(said(&mut connection), hex("8802 03e8"));

        let mut connection = end(role);
        connection.close(CloseCode::NORMAL, "").unwrap();
        assert!(connection.close(CloseCode::NORMAL, "").is_err());
        events(&mut connection, &to(role, "8802 03e9"));
        assert!(connection.close(CloseCode::NORMAL, "").is_err());
        assert_eq!(said(&mut connection), hex("8802 03e8"));
    }
}

// 6455-5.5.1-13: the reply does not wait for a fragmented message, whose rest is refused;
// 6455-6.1-03
#[test]
fn the_peers_close_ends_a_fragmented_send() {
    for role in ROLES {
        let mut connection = end(role);
        connection.send_fragment("a", false).unwrap();
        events(&mut connection, &to(role, "8802 03e8"));
        let error = connection.send_fragment(String::from("b"), true).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::Closed);
        assert_eq!(error.into_payload(), Some("b".into()));
        assert_eq!(said(&mut connection), hex("[0101 61][8802 03e8]"));
    }
}

// 6455-6.1-03, 6455-7.3-01: our own Close ends it as well
#[test]
fn our_own_close_ends_a_fragmented_send() {
    for role in ROLES {
        let mut connection = end(role);
        connection.send_fragment("a", false).unwrap();
        connection.close(CloseCode::NORMAL, "").unwrap();
        for fin in [false, true] {
            let error = connection.send_fragment("b", fin).unwrap_err();
            assert_eq!(error.kind(), SendErrorKind::Closed);
        }
        assert_eq!(said(&mut connection), hex("[0101 61][8802 03e8]"));
    }
}

// 6455-5.5.1-14, 6455-5.5.1-15
#[test]
fn messages_arrive_behind_our_own_close() {
    for role in ROLES {
        let mut connection = end(role);
        events(&mut connection, &to(role, "0101 61"));
        connection.close(CloseCode::NORMAL, "").unwrap();
        let found = events(&mut connection, &to(role, "[8001 62][8201 63][8802 03e8]"));
        assert_eq!(found, [text("ab"), binary(b"c"), close(1000, "")]);
        assert_eq!(connection.state(), State::Closing);
    }
}

// 6455-5.5.1-16, 6455-7.1.2-02, 6455-7.1.1-05, 6455-7.1.1-06, 6455-7.1.4-01, 6455-7.1.4-03
#[test]
fn the_server_ends_the_stream_first_and_the_client_waits() {
    for role in ROLES {
        for ours_first in [false, true] {
            let mut connection = end(role);
            if ours_first {
                connection.close(CloseCode::NORMAL, "").unwrap();
                assert_eq!(connection.transport(), Transport::Open);
            }
            events(&mut connection, &to(role, "8802 03e8"));
            assert_eq!(connection.state(), State::Closing);
            let expected = match role {
                Role::Server => Transport::ShutdownWrite,
                Role::Client => Transport::Open,
            };
            assert_eq!(connection.transport(), expected);
            assert_eq!(said(&mut connection), hex("8802 03e8"));
            assert_eq!(connection.end(), None);
            assert_eq!(connection.receive_eof(), EndOfStream::Clean);
            assert_eq!(connection.end(), Some(EndOfStream::Clean));
            assert_eq!(connection.state(), State::Closed);
            assert_eq!(connection.transport(), Transport::Close);
        }
    }
}

// 6455-5.5.1-20, 6455-7.1.5-04
#[test]
fn crossing_closes() {
    for role in ROLES {
        let mut connection = end(role);
        connection.close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(said(&mut connection), hex("8802 03e8"));
        assert_eq!(events(&mut connection, &to(role, "8802 03e9")), [close(1001, "")]);
        assert_eq!(said(&mut connection), b"", "no second Close");
        assert_eq!(connection.close_code(), CloseCode::GOING_AWAY);
        assert_eq!(connection.sent_close().unwrap().code, CloseCode::NORMAL);
        assert_eq!(connection.receive_eof(), EndOfStream::Clean);
    }
}

// 6455-5.5.1-22, 6455-1.4-01, 6455-7.1.5-05; R31
#[test]
fn what_follows_the_peers_close_is_discarded() {
    for rest in ["[8101 61][8900][8300]", "[8802 03e9]", "[81ff ffffffffffffffff]", "[00]"] {
        replies(&format!("[8802 03e8]{rest}"), &[close(1000, "")], "8802 03e8");
    }
    for role in ROLES {
        let mut connection = end(role);
        events(&mut connection, &to(role, "8802 03e8"));
        assert_eq!(events(&mut connection, &to(role, "[8802 03e9][8300]")), []);
        assert_eq!(connection.close_code(), CloseCode::NORMAL);
    }
}

// 6455-5.5.1-23, 6455-7.3-01
#[test]
fn a_close_inside_a_message_drops_the_message() {
    replies("[0101 61][8802 03e8]", &[close(1000, "")], "8802 03e8");
    for role in ROLES {
        let mut connection = end(role);
        events(&mut connection, &to(role, "0101 61"));
        connection.close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(said(&mut connection), hex("8802 03e8"));
    }
}

// 6455-7.1.5-03, 6455-7.1.4-03, 6455-7.1.6-02, 6455-7.2.1-02, 6455-7.2.1-03, 6455-7.1.7-06,
// 6455-7.1.4-01, 8441-5-08, 9220-3-03; R60
#[test]
fn the_end_of_the_stream_without_a_close_is_lost() {
    // In OPEN between frames, inside a header, a payload, a message, a control frame.
    for vector in ["", "[81]", "[8105 4865]", "[0101 61]", "[8905 48]", "[8101 61][82]"] {
        for role in ROLES {
            let mut connection = end(role);
            feed(&mut connection, &to(role, vector));
            assert_eq!(connection.receive_eof(), EndOfStream::Lost);
            assert_eq!(connection.state(), State::Closed);
            assert_eq!(connection.transport(), Transport::Close);
            assert_eq!(connection.close_code(), CloseCode::ABNORMAL);
            assert_eq!(connection.received_close(), None);
            assert_eq!(drain(&mut connection), b"", "no Close to a lost transport");
            // The end absorbs all that comes later.
            assert_eq!(feed(&mut connection, &to(role, "8101 61")), (vec![], None));
            assert_eq!(connection.receive_eof(), EndOfStream::Lost);
            let error = connection.send_text("a").unwrap_err();
            assert_eq!(error.kind(), SendErrorKind::Closed);
        }
    }
}

// 6455-7.1.4-03, 6455-7.1.5-03; R60
#[test]
fn the_end_after_one_close_only_is_half_closed() {
    for role in ROLES {
        let mut connection = end(role);
        connection.close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(connection.receive_eof(), EndOfStream::Incomplete);
        assert_eq!(connection.close_code(), CloseCode::ABNORMAL);
        assert_eq!(connection.end(), Some(EndOfStream::Incomplete));
    }
}

// 6455-5.5.1-10, 6455-7.1.4-03: a peer that shuts down its write side behind its Close still gets
// the answer
#[test]
fn the_answer_to_a_close_survives_the_end_of_the_stream() {
    for role in ROLES {
        let mut connection = end(role);
        events(&mut connection, &to(role, "8802 03e8"));
        assert_eq!(connection.receive_eof(), EndOfStream::Clean);
        assert_eq!(said(&mut connection), hex("8802 03e8"));
    }
}

// 6455-7.1.7-01, 6455-7.1.7-03, 6455-7.1.7-05, 6455-7.1.7-07, 6455-10.7-03, 6455-7.4.1-04,
// 6455-7.4.1-09, 6455-7.4.1-11
#[test]
fn failing_sends_one_close_with_a_fitting_code() {
    fails_with(ProtocolError::ReservedOpcode, 1002, "8300");
    fails_with(ProtocolError::InvalidUtf8, 1007, "8101 ff");
    fails_with(too_big((16 << 20) + 1, 16 << 20), 1009, "827f 0000000001000001");
}

// 6455-7.1.7-08
#[test]
fn frames_before_the_bad_one_are_delivered() {
    fails_after(&[text("a")], ProtocolError::ReservedOpcode, 1002, "[8101 61][8300]");
    fails_after(
        &[text("a"), ping(b"")],
        ProtocolError::ReservedBits,
        1002,
        "[8101 61][8900][c100]",
    );
}

// 6455-7.1.7-09
#[test]
fn failing_behind_our_own_close_adds_none() {
    for role in ROLES {
        let mut connection = end(role);
        connection.close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(said(&mut connection), hex("8802 03e8"));
        let (found, error) = feed(&mut connection, &to(role, "[8300][8802 03e8]"));
        assert_eq!((found, error), (vec![], Some(ProtocolError::ReservedOpcode)));
        assert_eq!(said(&mut connection), b"");
        assert_eq!(connection.state(), State::Failed);
        assert_eq!(connection.close_code(), CloseCode::ABNORMAL);
        assert_eq!(connection.receive_eof(), EndOfStream::Incomplete);
    }
}

// 6455-7.1.7-02, 6455-7.1.7-04
#[test]
fn errors_can_be_read() {
    let mut server = end(Role::Server);
    let (_, error) = feed(&mut server, &hex("8100"));
    assert_eq!(error.unwrap().to_string(), "the client sent an unmasked frame");
    let error: Box<dyn core::error::Error + Send + Sync> =
        Box::new(ProtocolError::InvalidCloseCode(1005));
    assert_eq!(error.to_string(), "the peer closed with the forbidden code 1005");
}

// 6455-7.1.7-10, 6455-7.2.1-04, 6455-7.3-02
#[test]
fn the_client_does_not_close_by_itself() {
    // A day of silence, with Pings and Pongs by the default configuration.
    let mut pair = Pair::new(|_| ());
    pair.delay = core::time::Duration::from_millis(50);
    pair.run(secs(86_400));
    assert_eq!(pair.client.connection.state(), State::Open);
    assert_eq!(pair.server.connection.state(), State::Open);
    assert!(pair.client.events.iter().all(|event| *event == ping(b"") || *event == pong(b"")));
    assert!(pair.client.events.len() > 1000);
}

// 6455-7.1.2-02, 6455-7.1.4-03, 6455-7.1.1-05, 6455-7.1.1-06; R32
#[test]
fn a_pair_closes_cleanly_whoever_begins() {
    for (client, server) in [(true, false), (false, true), (true, true)] {
        for (piece, merge) in [(usize::MAX, true), (1, false), (1, true), (3, false)] {
            let mut pair = Pair::new(|_| ());
            (pair.piece, pair.merge) = (piece, merge);
            pair.delay = core::time::Duration::from_millis(100);
            if client {
                pair.client.connection.close(CloseCode::from(4000), "client").unwrap();
            }
            if server {
                pair.server.connection.close(CloseCode::from(4001), "server").unwrap();
            }
            pair.run(secs(1));
            let client_code = if client { 4000 } else { 4001 };
            let server_code = if server { 4001 } else { 4000 };
            assert_eq!(pair.server.connection.close_code(), CloseCode::from(client_code));
            assert_eq!(pair.client.connection.close_code(), CloseCode::from(server_code));
            for side in [&pair.client, &pair.server] {
                assert_eq!((side.error, side.end), (None, Some(EndOfStream::Clean)));
                assert_eq!(side.connection.state(), State::Closed);
                assert_eq!(side.events.len(), 1);
            }
        }
    }
}

// Output is never announced that is not there; `drain` checks it.
#[test]
fn a_pong_that_is_owed_is_dropped_by_the_end() {
    for role in ROLES {
        for eof in [false, true] {
            let mut connection = end(role);
            for _ in 0..100 {
                events(&mut connection, &to(role, &format!("897d {}", "00".repeat(125))));
            }
            if eof {
                connection.receive_eof();
            } else {
                connection.close(None, "").unwrap();
                events(&mut connection, &to(role, "8800"));
            }
            drain(&mut connection);
            assert!(!connection.has_output());
        }
    }
}
