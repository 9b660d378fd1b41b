//! Bugs of other libraries that this one must not have. The rows that have a module of their own
//! are tested there as well; each has a test here that carries its number.

use framewise::{
    CloseCode, CloseFrame, Config, Delivery, EndOfStream, ProtocolError, Role, SendErrorKind,
    State, Transport, frame::Decoder,
};

use crate::pair::*;

// R01: lengths near 2^63 and 2^64, on every data frame
#[test]
fn r01_lengths_near_the_maximum() {
    for len in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) + 14] {
        for first in ["82", "81"] {
            fails_with(ProtocolError::LengthTopBit, 1002, &format!("{first}7f{len:016x}"));
        }
    }
    for len in [i64::MAX as u64, i64::MAX as u64 - 13, u64::from(u32::MAX), 1 << 32] {
        fails_with(too_big(len, 16 << 20), 1009, &format!("827f{len:016x}"));
    }
}

// R02: also `tests/memory.rs`
#[test]
fn r02_a_declared_length_is_not_allocated() {
    for role in ROLES {
        let mut connection = end_with(role, |config| config.max_message_size = u64::MAX);
        // Were it reserved, the process would abort.
        assert_eq!(feed(&mut connection, &to(role, "827f 7fffffffffffffff 00")), (vec![], None));
    }
}

// R03
#[test]
fn r03_the_limit_is_checked_on_the_header() {
    fails_with(too_big((16 << 20) + 1, 16 << 20), 1009, "827f 0000000001000001");
    fails_with(too_big((16 << 20) + 1, 16 << 20), 1009, "[0201 61][007f 0000000001000000]");
}

// R04: lengths are `u64` until they are compared with what is there; nothing casts them
#[test]
fn r04_lengths_beyond_32_bits() {
    for role in ROLES {
        let mut decoder = Decoder::new(role);
        let mut bytes = to(role, "827f 0000000100000005 4865");
        let mut input = framewise::Input::new(&mut bytes);
        let chunk = decoder.decode(&mut input).unwrap().unwrap();
        assert_eq!((chunk.header.payload_len, chunk.last), ((1 << 32) + 5, false));
        assert_eq!(decoder.remaining(), (1 << 32) + 3);
    }
}

// R05
#[test]
fn r05_border_lengths_and_their_long_forms() {
    for len in [0, 125, 126, 65535] {
        let long = format!("827f{len:016x}");
        fails_with(ProtocolError::LengthNotMinimal, 1002, &long);
    }
    for len in [0, 124, 125] {
        fails_with(ProtocolError::LengthNotMinimal, 1002, &format!("827e{len:04x}"));
    }
}

// R06: all cuts in two; at random in `invariance.rs`
#[test]
fn r06_a_close_across_reads() {
    replies(
        "[0103 48656c][8002 6c6f][8805 03e9 627965]",
        &[text("Hello"), close(1001, "bye")],
        "8802 03e9",
    );
}

// R07: on the header's paths in `limits.rs` and `sending.rs`
#[test]
fn r07_exactly_the_limit() {
    for (len, error) in [(1000, None), (1001, Some(too_big(1001, 1000)))] {
        for role in ROLES {
            let mut connection = end_with(role, |config| config.max_message_size = 1000);
            let payload = vec![0x61; len];
            let frame = Frame { fin: true, rsv: 0, opcode: 1, key: None, payload }.encode();
            assert_eq!(feed(&mut connection, &to_bytes(role, &frame)).1, error);
        }
    }
}

// R08: no draft's framing is known: 0x00 text 0xff of the drafts is a continuation of nothing
#[test]
fn r08_draft_framing_fails() {
    for read in [1, usize::MAX] {
        let mut client = end(Role::Client);
        let (_, error) = feed_by(&mut client, &hex("00 48656c6c6f ff"), read);
        // The second octet says 72 octets follow, and the frame continues nothing.
        assert_eq!(error, Some(ProtocolError::UnexpectedContinuation));
        let mut server = end(Role::Server);
        let (_, error) = feed_by(&mut server, &hex("00 48656c6c6f ff"), read);
        assert_eq!(error, Some(ProtocolError::UnmaskedFrame));
        // The closing handshake of the same drafts.
        for role in ROLES {
            let (_, error) = feed_by(&mut end(role), &hex("ff00"), read);
            assert_eq!(error, Some(ProtocolError::ReservedBits), "{role:?}");
        }
    }
}

// R09
#[test]
fn r09_endless_continuation_is_refused_in_front_of_the_append() {
    for role in ROLES {
        let mut connection = end_with(role, |config| config.max_message_size = 100);
        feed(&mut connection, &to(role, "0200"));
        let fragment = to(role, &format!("000a{}", "00".repeat(10)));
        let refused = (1..100).find(|_| feed(&mut connection, &fragment).1.is_some());
        assert_eq!(refused, Some(11));
    }
}

// R10: the memory is in `tests/memory.rs`
#[test]
fn r10_tiny_fragments_are_capped() {
    let mut server = end(Role::Server);
    feed(&mut server, &mask_frames(&hex("0201 00"), KEY));
    let fragment = mask_frames(&hex("0001 00"), KEY);
    let refused = (2..200_000).find(|_| feed(&mut server, &fragment).1.is_some());
    assert_eq!(refused, Some(131_073));
}

// R11
#[test]
fn r11_empty_continuations_are_capped() {
    let mut server = end_with(Role::Server, |config| config.max_fragments = 10);
    feed(&mut server, &mask_frames(&hex("0200"), KEY));
    let fragment = mask_frames(&hex("0000"), KEY);
    let refused = (2..20).find(|_| feed(&mut server, &fragment).1.is_some());
    assert_eq!(refused, Some(11));
}

// R12
#[test]
fn r12_control_frames_do_not_touch_the_message() {
    replies(
        "[0102 e282][8901 ff][8a00][8001 ac]",
        &[ping(b"\xff"), pong(b""), text("€")],
        "8a01 ff",
    );
}

// R13
#[test]
fn r13_fragments_out_of_order() {
    fails_with(ProtocolError::UnexpectedContinuation, 1002, "8000");
    fails_with(ProtocolError::UnfinishedMessage, 1002, "[0100][8100]");
}

// R14
#[test]
fn r14_the_limit_holds_for_chunks_too() {
    for role in ROLES {
        let mut connection = end_with(role, |config| config.max_message_size = 3);
        connection.set_delivery(Delivery::Chunks);
        let (_, error) = feed(&mut connection, &to(role, "[0202 0000][8002 0000]"));
        assert_eq!(error, Some(too_big(4, 3)));
    }
}

// R15: deadlines for a message and for silence, in `timers.rs`
#[test]
fn r15_a_half_finished_message_is_not_held_for_ever() {
    for role in ROLES {
        let mut connection = end_with(role, |config| config.message_timeout = Some(secs(5)));
        feed(&mut connection, &to(role, "0101 61"));
        assert_eq!(connection.tell(at(0)), Some(at(5)));
        connection.handle_timeout(at(5));
        assert_eq!(connection.state(), State::Failed);
    }
}

// R27
#[test]
fn r27_replies_are_bounded_and_the_newest_is_kept() {
    for role in ROLES {
        let mut connection = end(role);
        for i in 0..10_000_u32 {
            feed(&mut connection, &to(role, &format!("8904{i:08x}")));
        }
        let pongs = frames(&drain(&mut connection));
        assert!(pongs.len() < 1000);
        assert_eq!(pongs.last().unwrap().payload, 9999_u32.to_be_bytes());
    }
}

// R28
#[test]
fn r28_one_keep_alive_ping_at_a_time() {
    for role in ROLES {
        let mut connection = end_with(role, |config| config.pong_timeout = None);
        for now in 0..10_000 {
            connection.handle_timeout(at(now));
        }
        assert_eq!(said(&mut connection), hex("8900"));
    }
}

// R29: a masked Close of a server is no code 4386
#[test]
fn r29_the_mask_is_checked_for_every_opcode() {
    for opcode in [0_u8, 1, 2, 8, 9, 10] {
        let frame = Frame { fin: true, rsv: 0, opcode, key: Some(KEY), payload: hex("03e8") };
        let (found, error) = feed(&mut end(Role::Client), &frame.encode());
        assert_eq!((found, error), (vec![], Some(ProtocolError::MaskedFrame)));
        let frame = Frame { key: None, ..frame };
        let (found, error) = feed(&mut end(Role::Server), &frame.encode());
        assert_eq!((found, error), (vec![], Some(ProtocolError::UnmaskedFrame)));
    }
}

// R30
#[test]
fn r30_the_payload_of_a_close_is_a_total_function() {
    for len in 0..=125 {
        let mut payload = vec![0x61; len];
        if len >= 2 {
            payload[..2].copy_from_slice(&[3, 0xe8]);
        }
        let found = CloseFrame::decode(&payload);
        match len {
            0 => assert_eq!(found.unwrap().code, CloseCode::NO_STATUS_RECEIVED),
            1 => assert_eq!(found, Err(ProtocolError::InvalidClosePayload)),
            _ => assert_eq!(found.unwrap().reason.len(), len - 2),
        }
        let frame = Frame { fin: true, rsv: 0, opcode: 8, key: None, payload };
        for role in ROLES {
            let (events, error) = feed(&mut end(role), &to_bytes(role, &frame.encode()));
            assert_eq!(
                (events.len(), error.is_some()),
                if len == 1 { (0, true) } else { (1, false) }
            );
        }
    }
    // To send a reserved code is an error of the program, neither a panic nor another code.
    let mut server = end(Role::Server);
    let error = server.close(CloseCode::ABNORMAL, "").unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::InvalidCloseCode(1006));
}

// R31
#[test]
fn r31_one_close_and_nothing_behind_it() {
    for role in ROLES {
        let mut connection = end(role);
        connection.close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(
            connection.close(CloseCode::NORMAL, "").unwrap_err().kind(),
            SendErrorKind::Closed
        );
        assert_eq!(connection.send_text("a").unwrap_err().kind(), SendErrorKind::Closed);
        feed(&mut connection, &to(role, "[8802 03e8][8300]"));
        assert_eq!(said(&mut connection), hex("8802 03e8"));
    }
}

// R32
#[test]
fn r32_the_end_absorbs_everything() {
    for role in ROLES {
        let mut connection = end(role);
        assert_eq!(connection.receive_eof(), EndOfStream::Lost);
        for _ in 0..3 {
            assert_eq!(feed(&mut connection, &to(role, "[8900][8300]")), (vec![], None));
            assert_eq!(connection.receive_eof(), EndOfStream::Lost);
            assert_eq!((connection.tell(at(9)), connection.handle_timeout(at(9))), (None, None));
            assert!(connection.close(None, "").is_err() && connection.ping(b"").is_err());
            assert_eq!(
                (connection.has_output(), connection.transport()),
                (false, Transport::Close)
            );
        }
    }
}

// R33
#[test]
fn r33_control_frames_have_room_behind_a_full_output() {
    for role in ROLES {
        let mut connection = end_with(role, |config| config.max_output = 50);
        connection.send_binary(&[0; 40][..]).unwrap();
        assert!(connection.send_binary(&[0; 40][..]).is_err());
        feed(&mut connection, &to(role, "[8901 31][8901 32]"));
        connection.ping(b"3").unwrap();
        connection.close(None, "").unwrap();
        let opcodes: Vec<u8> = frames(&drain(&mut connection)).iter().map(|f| f.opcode).collect();
        assert_eq!(opcodes, [2, 10, 10, 9, 8]);
    }
}

// R34
#[test]
fn r34_replies_are_visible_to_who_only_reads() {
    for role in ROLES {
        let mut connection = end(role);
        assert!(!connection.has_output());
        feed(&mut connection, &to(role, "8900"));
        assert!(connection.has_output());
    }
}

// R35
#[test]
fn r35_text_fails_at_the_first_bad_octet() {
    // In the middle of a frame whose end has not come, in the middle of a message.
    fails_with(ProtocolError::InvalidUtf8, 1007, "[0102 e282][007d 61]");
    fails_with(ProtocolError::InvalidUtf8, 1007, "[017d f490]");
}

// R49
#[test]
fn r49_every_frame_has_a_fresh_key() {
    let mut client = end(Role::Client);
    for _ in 0..100 {
        client.send_text("a").unwrap();
    }
    let mut keys: Vec<_> = frames(&drain(&mut client)).iter().map(|frame| frame.key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 100);
}

// R50, R52: ruled out by types: the crate forbids unsafe code, so no octet is uninitialised. What
// goes out of a reused buffer is what was put in, and no remains of an earlier frame.
#[test]
fn r50_no_remains_of_earlier_frames_leave() {
    let mut server = end(Role::Server);
    server.send_binary(&[0xaa; 1000][..]).unwrap();
    drain(&mut server);
    server.close(CloseCode::NORMAL, "r").unwrap();
    assert_eq!(drain(&mut server), hex("8803 03e8 72"));
}

// R51: ruled out by types, see `receiving::everything_is_send`, but for what compresses.
#[test]
fn r51_connections_share_nothing() {
    let (mut one, mut other) = (end(Role::Server), end(Role::Server));
    feed(&mut one, &mask_frames(&hex("0101 61"), KEY));
    feed(&mut other, &mask_frames(&hex("0101 62"), KEY));
    assert_eq!(events(&mut one, &mask_frames(&hex("8001 63"), KEY)), [text("ac")]);
    assert_eq!(events(&mut other, &mask_frames(&hex("8001 64"), KEY)), [text("bd")]);
}

// R53: arithmetic in `src/frame/mask.rs`
#[test]
fn r53_the_callers_buffer_is_not_masked() {
    let payload = [0x55; 5000];
    let mut client = end(Role::Client);
    client.send_binary(&payload[..]).unwrap();
    assert_eq!(payload, [0x55; 5000]);
    assert_eq!(frames(&drain(&mut client))[0].payload, payload);
}

// R54: at random in `invariance.rs`; here all streams of two octets, and a third
#[test]
fn r54_no_octets_panic() {
    for role in ROLES {
        for bits in 0..=u16::MAX {
            let [first, second] = bits.to_be_bytes();
            let mut connection = end(role);
            feed(&mut connection, &[first, second]);
            feed(&mut connection, &[0xff]);
        }
    }
}

// R55
#[test]
fn r55_the_output_is_finite_by_default() {
    assert_eq!(Config::default().max_output, 32 << 20);
    let mut server = end(Role::Server);
    let message = vec![0; 16 << 20];
    server.send_binary(&message).unwrap();
    let error = server.send_binary(message).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::OutputFull);
    assert_eq!(error.into_payload().unwrap().as_bytes().len(), 16 << 20);
}

// R56: at random in `output.rs`
#[test]
fn r56_single_octet_writes_give_the_unbroken_stream() {
    let queue = |connection: &mut framewise::Connection| {
        connection.send_text("Hello").unwrap();
        connection.send_binary(vec![1; 5000]).unwrap();
        connection.ping(b"p").unwrap();
        connection.send_binary(vec![2; 5000]).unwrap();
    };
    for role in ROLES {
        let (mut one, mut other) = (end(role), end(role));
        queue(&mut one);
        queue(&mut other);
        let mut written = Vec::new();
        while !one.output().is_empty() {
            written.push(one.output().chunk()[0]);
            one.output().advance(1);
        }
        assert_eq!(written, drain(&mut other));
    }
}

// R60
#[test]
fn r60_the_end_of_the_stream_is_a_word_not_an_error() {
    for role in ROLES {
        assert_eq!(end(role).receive_eof(), EndOfStream::Lost);
        let mut connection = end(role);
        connection.close(None, "").unwrap();
        assert_eq!(connection.receive_eof(), EndOfStream::Incomplete);
        let mut connection = end(role);
        feed(&mut connection, &to(role, "8800"));
        assert_eq!(connection.receive_eof(), EndOfStream::Clean);
    }
}
