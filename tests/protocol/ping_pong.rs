//! Ping and Pong (RFC 6455 §5.5.2, §5.5.3).

use framewise::{CloseCode, Role, SendErrorKind, State};

use crate::pair::*;

// 6455-5.5.2-01, 6455-5.5.3-01, 6455-5.5.3-05
#[test]
fn opcodes_on_the_wire() {
    let mut server = end(Role::Server);
    server.ping(b"").unwrap();
    assert_eq!(drain(&mut server), hex("8900"));
    server.pong(b"").unwrap();
    assert_eq!(drain(&mut server), hex("8a00"));
}

// 6455-5.5.2-02, 6455-5.5.2-03, 6455-5.5.2-06, 6455-5.5.3-02
#[test]
fn a_ping_is_answered_with_its_payload() {
    let mut server = end(Role::Server);
    assert_eq!(events(&mut server, &hex("8985 37fa213d 7f9f4d5158")), [ping(b"Hello")]);
    assert_eq!(drain(&mut server), hex("8a05 48656c6c6f"), "queued by the input call itself");
    replies("8900", &[ping(b"")], "8a00");
    replies("8901 ff", &[ping(b"\xff")], "8a01 ff");
}

// 6455-5.5.2-03, 6455-5.5.3-03
#[test]
fn ten_pings_get_ten_pongs_in_order() {
    for role in ROLES {
        let mut connection = end(role);
        let pings: String = (0..10).map(|i| format!("8901{i:02x}")).collect();
        let pongs: String = (0..10).map(|i| format!("8a01{i:02x}")).collect();
        assert_eq!(events(&mut connection, &to(role, &pings)).len(), 10);
        assert_eq!(said(&mut connection), hex(&pongs));
    }
}

// 6455-5.5.2-04, 6455-5.5.1-22
#[test]
fn no_pong_after_the_peers_close() {
    replies("[8802 03e8][8900]", &[close(1000, "")], "8802 03e8");
}

// 6455-5.5.2-05
#[test]
fn a_pong_follows_our_own_close_until_the_peers() {
    for role in ROLES {
        let mut connection = end(role);
        connection.close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(events(&mut connection, &to(role, "8901 61")), [ping(b"a")]);
        assert_eq!(said(&mut connection), hex("[8802 03e8][8a01 61]"));
        assert_eq!(connection.state(), State::CloseSent);
        events(&mut connection, &to(role, "[8802 03e8][8901 62]"));
        assert_eq!(said(&mut connection), b"");
    }
}

// 6455-5.5.2-06, 6455-5.4-10
#[test]
fn a_pong_goes_between_outgoing_fragments() {
    for role in ROLES {
        let mut connection = end(role);
        connection.send_fragment("a", false).unwrap();
        events(&mut connection, &to(role, "8901 70"));
        connection.send_fragment("b", true).unwrap();
        assert_eq!(said(&mut connection), hex("[0101 61][8a01 70][8001 62]"));
    }
}

// 6455-5.5.2-08
#[test]
fn pings_are_sent_in_open_only() {
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
            drain(connection);
            assert_eq!(connection.ping(b"").unwrap_err().kind(), SendErrorKind::Closed);
            assert_eq!(connection.pong(b"").unwrap_err().kind(), SendErrorKind::Closed);
            assert_eq!(drain(connection), b"");
        }
    }
}

// 6455-5.5.3-05
#[test]
fn an_unsolicited_pong_needs_no_answer() {
    gives("8a00", &[pong(b"")]);
    gives("8a03 616263", &[pong(b"abc")]);
}

// 6455-5.5.3-03, 6455-5.5.3-04; R27
#[test]
fn a_flood_of_pings_is_bounded_and_the_newest_is_answered() {
    for role in ROLES {
        for payload in [4, 125] {
            let mut connection = end(role);
            let mut sent = Vec::new();
            for i in 0..100_000_u32 {
                let mut payload = vec![0; payload];
                payload[..4].copy_from_slice(&i.to_be_bytes());
                let frame = Frame { fin: true, rsv: 0, opcode: 9, key: None, payload };
                sent = frame.payload.clone();
                feed(&mut connection, &to_bytes(role, &frame.encode()));
                assert!(connection.output().len() <= 4096 + 131);
            }
            let pongs = frames(&drain(&mut connection));
            assert!(pongs.len() > 30);
            assert!(pongs.iter().all(|pong| pong.opcode == 0xa));
            for (i, pong) in pongs.iter().enumerate().take(pongs.len() - 1) {
                assert_eq!(pong.payload[..4], (i as u32).to_be_bytes(), "the oldest, in order");
            }
            assert_eq!(pongs.last().unwrap().payload, sent, "and the newest");
        }
    }
}

// 6455-5.5.2-03, 6455-5.5.3-04; R27: a Ping that came in front of a Close is answered in front of ours,
// though it waited for room
#[test]
fn the_newest_ping_is_answered_in_front_of_a_close() {
    let ping = |n: u8| Frame { fin: true, rsv: 0, opcode: 9, key: None, payload: vec![n; 125] };
    for role in ROLES {
        let flood: Vec<u8> = (0..60).flat_map(|n| to_bytes(role, &ping(n).encode())).collect();
        for (ending, code) in [("8802 03e8", 1000), ("8f00", 1002), ("", 1001)] {
            let check = |wire: &[u8]| {
                let frames = frames(wire);
                let [.., pong, close] = &frames[..] else { panic!("{frames:?}") };
                assert_eq!((pong.opcode, &pong.payload[..]), (0xa, &[59; 125][..]), "{ending}");
                assert_eq!((close.opcode, &close.payload[..2]), (8, &u16::to_be_bytes(code)[..]));
                assert!(wire.len() <= 4096 + 3 * 131, "{} octets", wire.len());
            };

            let mut connection = end(role);
            let bytes = [&flood[..], &to(role, ending)].concat();
            feed(&mut connection, &bytes);
            if ending.is_empty() {
                connection.close(CloseCode::GOING_AWAY, "").unwrap();
            }
            check(&drain(&mut connection));

            #[cfg(feature = "std")]
            {
                let (mut receiving, mut sending) = end(role).into_split();
                let mut bytes = [&flood[..], &to(role, ending)].concat();
                let mut input = framewise::Input::new(&mut bytes);
                while let Ok(Some(_)) = receiving.receive(&mut input) {}
                if ending.is_empty() {
                    sending.close(CloseCode::GOING_AWAY, "").unwrap();
                }
                let mut wire = Vec::new();
                while !sending.output().is_empty() {
                    wire.extend_from_slice(sending.output().chunk());
                    let len = sending.output().chunk().len();
                    sending.output().advance(len);
                }
                check(&wire);
            }
        }
    }
}

// 6455-5.5.2-03; R27, R33: back pressure that never quite ends does not silence a connection
#[test]
fn pings_are_answered_though_the_output_is_never_empty() {
    for role in ROLES {
        let mut connection = end(role);
        let mut wire = Vec::new();
        for i in 0..2000_u32 {
            // There is always something behind the Pongs; one write takes what waited before.
            let waiting = connection.output().len();
            let digits = format!("8904{i:08x}");
            events(&mut connection, &to(role, &digits));
            connection.send_binary(&[0; 100][..]).unwrap();
            let mut chunks = Vec::new();
            for chunk in connection.output().chunks() {
                chunks.extend_from_slice(chunk);
            }
            wire.extend_from_slice(&chunks[..waiting]);
            connection.output().advance(waiting);
            assert!(!connection.output().is_empty());
        }
        wire.extend(drain(&mut connection));
        let answers = frames(&wire).into_iter().filter(|frame| frame.opcode == 0xa).count();
        assert_eq!(answers, 2000);
    }
}

// R28, 6455-5.5.3-04: own Pings are bounded as well, and room comes back as octets are written
#[test]
fn own_pings_wait_in_a_bounded_reserve() {
    for role in ROLES {
        let mut connection = end(role);
        let mut queued = 0;
        let error = loop {
            match connection.ping([0; 100]) {
                Ok(()) => queued += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), SendErrorKind::OutputFull);
        assert!((30..50).contains(&queued));
        assert!(connection.output().len() < 4096 + 131);
        assert_eq!(frames(&drain(&mut connection)).len(), queued);
        connection.ping([0; 100]).unwrap();
    }
}

// R28: to the octet
#[test]
fn the_reserve_is_used_up_by_4096_octets() {
    for (last, allowed) in [(30, false), (29, true)] {
        let mut server = end(Role::Server);
        for _ in 0..32 {
            server.ping([0; 125]).unwrap();
        }
        server.ping(vec![0; last]).unwrap();
        assert_eq!(server.output().len(), 32 * 127 + 2 + last);
        assert_eq!(server.ping(b"").is_ok(), allowed);
    }
}

// R28: it is the control frames that have to be written, not what waits behind them
#[test]
fn the_reserve_comes_back_while_a_message_waits() {
    for role in ROLES {
        let mut connection = end(role);
        while connection.ping([0; 100]).is_ok() {}
        let controls = connection.output().len();
        connection.send_text("waits").unwrap();
        connection.output().advance(controls - 1);
        assert_eq!(connection.ping(b"").unwrap_err().kind(), SendErrorKind::OutputFull);
        connection.output().advance(1);
        connection.ping(b"").unwrap();
    }
}
