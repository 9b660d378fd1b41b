//! The base framing protocol (RFC 6455 §5.2, §5.7, §5.8).

use framewise::{
    CloseCode, Input, ProtocolError, Role,
    frame::{Decoder, FrameHeader, Opcode},
};
use proptest::prelude::*;

use crate::pair::*;

// 6455-5.2-01, 6455-5.2-07, 6455-5.2-08, 6455-5.5-01, 6455-5.6-01
#[test]
fn all_two_octet_headers() {
    for bits in 0..=u16::MAX {
        let [first, second] = bits.to_be_bytes();
        let (fin, rsv, opcode) = (first & 0x80 != 0, first & 0x70, first & 0xf);
        let (mask, len) = (second & 0x80 != 0, second & 0x7f);
        let found = FrameHeader::decode(&[first, second]);
        let control = opcode >= 8;
        if rsv & 0x30 != 0 {
            assert_eq!(found, Err(ProtocolError::ReservedBits));
        } else if ![0, 1, 2, 8, 9, 10].contains(&opcode) {
            assert_eq!(found, Err(ProtocolError::ReservedOpcode));
        } else if control && !fin {
            assert_eq!(found, Err(ProtocolError::FragmentedControlFrame));
        } else if control && len > 125 {
            assert_eq!(found, Err(ProtocolError::LongControlFrame));
        } else if len > 125 || mask {
            assert_eq!(found, Ok(None), "the length or the key is to come");
        } else {
            let (header, size) = found.unwrap().unwrap();
            assert_eq!(size, 2);
            assert_eq!(header.opcode.bits(), opcode);
            assert_eq!(header.opcode.is_control(), control);
            assert_eq!((header.fin, header.rsv1), (fin, rsv & 0x40 != 0));
            assert_eq!((header.masking_key, header.payload_len), (None, u64::from(len)));
            assert_eq!(header.encode(&mut [0; FrameHeader::MAX_LEN]), [first, second]);
        }
    }
}

// 6455-5.2-07, 6455-5.5-01, 6455-5.6-01
#[test]
fn opcodes() {
    use Opcode::*;
    let table = [(Continuation, 0), (Text, 1), (Binary, 2), (Close, 8), (Ping, 9), (Pong, 10)];
    for bits in 0..=u8::MAX {
        let expected = table.iter().find(|row| row.1 == bits).map(|row| row.0);
        assert_eq!(Opcode::from_bits(bits), expected);
    }
    for (opcode, bits) in table {
        assert_eq!(opcode.bits(), bits);
        assert_eq!(opcode.is_control(), bits >= 8);
    }
}

// 6455-5.2-08, 6455-5.2-09, 6455-5.2-10, 6455-5.2-11, 6455-5.2-12, 6455-5.2-14; R05
#[test]
fn lengths_take_the_smallest_form_both_ways() {
    let table: [(u64, &str); 14] = [
        (0, "8200"),
        (1, "8201"),
        (124, "827c"),
        (125, "827d"),
        (126, "827e 007e"),
        (127, "827e 007f"),
        (255, "827e 00ff"),
        (256, "827e 0100"),
        (65535, "827e ffff"),
        (65536, "827f 0000000000010000"),
        (65537, "827f 0000000000010001"),
        (u64::from(u32::MAX), "827f 00000000ffffffff"),
        (1 << 32, "827f 0000000100000000"),
        ((1 << 63) - 1, "827f 7fffffffffffffff"),
    ];
    for (payload_len, plain) in table {
        let plain = hex(plain);
        let mut masked = plain.clone();
        masked[1] |= 0x80;
        masked.extend(KEY);
        for (bytes, masking_key) in [(plain, None), (masked, Some(KEY))] {
            let header = FrameHeader {
                opcode: Opcode::Binary,
                fin: true,
                rsv1: false,
                masking_key,
                payload_len,
            };
            assert_eq!(header.encode(&mut [0xaa; FrameHeader::MAX_LEN]), bytes);
            for len in 0..bytes.len() {
                assert_eq!(FrameHeader::decode(&bytes[..len]), Ok(None));
            }
            assert_eq!(FrameHeader::decode(&bytes), Ok(Some((header, bytes.len()))));
            let longer = [&bytes[..], &[0xff; 3]].concat();
            assert_eq!(FrameHeader::decode(&longer), Ok(Some((header, bytes.len()))));
        }
    }
}

// 6455-5.2-14, 6455-6.1-04; R05
#[test]
fn messages_of_border_lengths_go_both_ways() {
    for len in [0, 1, 124, 125, 126, 127, 255, 256, 65534, 65535, 65536, 65537] {
        let payload: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let plain =
            Frame { fin: true, rsv: 0, opcode: 2, key: None, payload: payload.clone() }.encode();
        for role in ROLES {
            let mut sender = end(role.peer());
            sender.send_binary(&payload).unwrap();
            let sent = drain(&mut sender);
            let header = sent.len() - payload.len();
            assert_eq!(header, plain.len() - payload.len() + 4 * usize::from(role == Role::Server));
            assert_eq!(events(&mut end(role), &sent), [binary(&payload)]);
            assert_eq!(events(&mut end(role), &to_bytes(role, &plain)), [binary(&payload)]);
        }
    }
}

// 6455-5.2-13, 6455-10.7-01; R01
#[test]
fn length_with_the_top_bit_fails() {
    use ProtocolError::LengthTopBit;
    fails_with(LengthTopBit, 1002, "827f 8000000000000000");
    fails_with(LengthTopBit, 1002, "817f ffffffffffffffff");
    fails_with(LengthTopBit, 1002, "827f 8000000000000005 48656c6c6f");
    // Before the key is there, let alone the payload.
    let mut server = end(Role::Server);
    fails(&mut server, &[], LengthTopBit, 1002, &hex("82ff 8000000000000000"), 1);
}

// 6455-5.2-13: the sender cannot produce it
#[test]
#[should_panic(expected = "less than 2^63")]
fn length_with_the_top_bit_is_not_encoded() {
    let header = FrameHeader {
        opcode: Opcode::Binary,
        fin: true,
        rsv1: false,
        masking_key: None,
        payload_len: 1 << 63,
    };
    header.encode(&mut [0; FrameHeader::MAX_LEN]);
}

// 6455-5.2-15; R05
#[test]
fn lengths_that_are_not_minimal_fail() {
    for vector in [
        "827e 0000",
        "827e 007c",
        "827e 007d",
        "817e 0005 48656c6c6f",
        "827f 0000000000000000",
        "827f 000000000000007d",
        "827f 000000000000007e",
        "827f 000000000000ffff",
    ] {
        fails_with(ProtocolError::LengthNotMinimal, 1002, vector);
    }
}

// 6455-5.2-05, 6455-5.2-04, 6455-5.8-01, 6455-5.8-02, 6455-5.2-20; R20
#[test]
fn reserved_bits_fail() {
    for rsv in 1..=7_u8 {
        for opcode in [1_u8, 2, 8, 9, 0xa] {
            let first = 0x80 | rsv << 4 | opcode;
            fails_with(ProtocolError::ReservedBits, 1002, &format!("{first:02x}00"));
        }
        for (fin, opcode) in [(0, 1), (0, 2)] {
            let first = fin | rsv << 4 | opcode;
            fails_with(ProtocolError::ReservedBits, 1002, &format!("{first:02x}00"));
        }
        for fin in [0, 0x80_u8] {
            let first = fin | rsv << 4;
            fails_with(ProtocolError::ReservedBits, 1002, &format!("[0101 61][{first:02x}00]"));
        }
    }
}

// 6455-5.2-06, 6455-5.8-02, 6455-5.6-01
#[test]
fn reserved_opcodes_fail() {
    for opcode in [3_u8, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        for fin in [0, 0x80] {
            // `fails` sends a Ping behind it, which gets no Pong.
            fails_with(ProtocolError::ReservedOpcode, 1002, &format!("{:02x}00", fin | opcode));
            fails_with(ProtocolError::ReservedOpcode, 1002, &format!("{:02x}01 61", fin | opcode));
        }
    }
}

// 6455-5.2-03, 6455-5.2-17, 6455-5.1-11, 6455-5.2-18
#[test]
fn empty_payloads_are_legal_for_every_type() {
    gives("8100", &[text("")]);
    gives("8101 61", &[text("a")]);
    gives("8200", &[binary(b"")]);
    replies("8900", &[ping(b"")], "8a00");
    gives("8a00", &[pong(b"")]);
    replies("8800", &[close(1005, "")], "8800");
}

// 6455-5.2-21, 6455-5.6-07, 6455-10.7-05
#[test]
fn payload_is_arbitrary() {
    let all: Vec<u8> = (0..=255).collect();
    for role in ROLES {
        let mut sender = end(role.peer());
        sender.send_binary(&all).unwrap();
        assert_eq!(events(&mut end(role), &drain(&mut sender)), [binary(&all)]);
    }
    gives("8201 ff", &[binary(&[0xff])]);
    gives("[8206 8800 8900 8101][8101 61]", &[binary(&hex("880089008101")), text("a")]);
}

// 6455-5.2-16, 6455-5.2-22, 6455-5.4-01, 6455-6.2-01; R06
#[test]
fn several_frames_in_any_split_give_all_events_in_order() {
    replies(
        "[8102 6869][8200][8903 702131][8a00][0101 61][8901 32][8001 62][8203 00ff80][8802 03e8]",
        &[
            text("hi"),
            binary(b""),
            ping(b"p!1"),
            pong(b""),
            ping(b"2"),
            text("ab"),
            binary(&[0, 0xff, 0x80]),
            close(1000, ""),
        ],
        "[8a03 702131][8a01 32][8802 03e8]",
    );
}

// 6455-5.7-01, 6455-5.7-02, 6455-6.2-08, 6455-5.2-16
#[test]
fn vectors_of_a_single_frame() {
    let mut server = end(Role::Server);
    let frame = hex("8185 37fa213d 7f9f4d5158");
    assert_eq!(frame.len(), 11);
    assert_eq!(events(&mut server, &frame), [text("Hello")]);
    server.send_text("Hello").unwrap();
    assert_eq!(drain(&mut server), hex("8105 48656c6c6f"));

    let mut client = end(Role::Client);
    assert_eq!(events(&mut client, &hex("8105 48656c6c6f")), [text("Hello")]);
    client.send_text("Hello").unwrap();
    let sent = drain(&mut client);
    let key = sent[2..6].try_into().unwrap();
    let frame = Frame { fin: true, rsv: 0, opcode: 1, key: Some(key), payload: b"Hello".to_vec() };
    assert_eq!(sent, frame.encode());
}

// 6455-5.7-03, 6455-5.7-04
#[test]
fn vectors_of_fragments_and_pings() {
    gives("[0103 48656c][8002 6c6f]", &[text("Hello")]);
    replies("8905 48656c6c6f", &[ping(b"Hello")], "8a05 48656c6c6f");
    let mut server = end(Role::Server);
    assert_eq!(events(&mut server, &hex("8a85 37fa213d 7f9f4d5158")), [pong(b"Hello")]);
    assert_eq!(drain(&mut server), b"");
}

// 6455-5.7-05, 6455-5.7-06
#[test]
fn vectors_of_256_octets_and_64_kib() {
    for (len, header) in [(256, "827e 0100"), (65536, "827f 0000000000010000")] {
        let payload: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let frame = [hex(header), payload.clone()].concat();
        for role in ROLES {
            assert_eq!(events(&mut end(role), &to_bytes(role, &frame)), [binary(&payload)]);
            let mut sender = end(role);
            sender.send_binary(&payload).unwrap();
            assert_eq!(said(&mut sender), frame);
        }
    }
}

// 6455-5.2-23; R01, R02, R04: the limit of 16 MiB, in memory too, see `tests/memory.rs`
#[test]
fn the_largest_length_is_refused_by_the_limit() {
    let most = i64::MAX as u64;
    fails_with(too_big(most, 16 << 20), 1009, "827f 7fffffffffffffff");
    fails_with(too_big(most, 16 << 20), 1009, "817f 7fffffffffffffff 616263");
    fails_with(too_big(most + 1, 16 << 20), 1009, "[0101 61][807f 7fffffffffffffff]");
}

// 6455-5.2-04, 6455-5.8-01, 6455-6.1-04, 6455-5.3-08
#[test]
fn no_reserved_bit_is_ever_sent() {
    for role in ROLES {
        let mut connection = end(role);
        connection.send_text("a").unwrap();
        connection.send_fragment(b"b", false).unwrap();
        connection.ping(b"c").unwrap();
        connection.send_fragment(b"d", true).unwrap();
        connection.pong(b"e").unwrap();
        connection.close(CloseCode::NORMAL, "f").unwrap();
        let frames = frames(&drain(&mut connection));
        assert!(frames.iter().all(|frame| frame.rsv == 0));
        let opcodes: Vec<u8> = frames.iter().map(|frame| frame.opcode).collect();
        assert_eq!(opcodes, [1, 2, 9, 0, 0xa, 8]);
    }
}

proptest! {
    // 6455-6.1-04, 6455-5.2-01, 6455-5.2-14
    #[test]
    fn encoded_headers_decode_again(
        opcode in prop::sample::select(vec![0_u8, 1, 2, 8, 9, 10]),
        fin: bool,
        rsv1: bool,
        masking_key: Option<[u8; 4]>,
        shift in 0_u32..63,
        bits: u64,
    ) {
        let opcode = Opcode::from_bits(opcode).unwrap();
        let control = opcode.is_control();
        let payload_len = if control { bits % 126 } else { bits >> 1 >> shift };
        let header =
            FrameHeader { opcode, fin: fin || control, rsv1, masking_key, payload_len };
        let mut buf = [0; FrameHeader::MAX_LEN];
        let bytes = header.encode(&mut buf);
        prop_assert_eq!(FrameHeader::decode(bytes), Ok(Some((header, bytes.len()))));
    }

    // 6455-10.1-01; R54
    #[test]
    fn any_octets_decode_to_what_encodes_again(bytes in prop::collection::vec(any::<u8>(), 0..16)) {
        if let Ok(Some((header, len))) = FrameHeader::decode(&bytes) {
            let mut buf = [0; FrameHeader::MAX_LEN];
            prop_assert_eq!(header.encode(&mut buf), &bytes[..len]);
        }
    }
}

// 6455-5.2-05, 6455-5.8-02: of a decoder alone, for what an extension has agreed on
#[test]
fn rsv1_may_be_allowed_on_the_first_frame_of_a_message() {
    let decode = |decoder: &mut Decoder, vector: &str| {
        let mut bytes = hex(vector);
        decoder
            .decode(&mut Input::new(&mut bytes))
            .map(|chunk| chunk.is_some_and(|it| it.header.rsv1))
    };
    let mut decoder = Decoder::new(Role::Client);
    decoder.allow_rsv1(true);
    assert_eq!(decode(&mut decoder, "4101 61"), Ok(true));
    assert_eq!(decode(&mut decoder, "8001 61"), Ok(false));
    assert_eq!(decode(&mut decoder, "8101 61"), Ok(false));
    for refused in ["c900", "c800", "ca00", "2101 61", "9101 61", "c001 61"] {
        let mut decoder = Decoder::new(Role::Client);
        decoder.allow_rsv1(true);
        // In the middle of a message, for a continuation is one of the refused.
        assert_eq!(decode(&mut decoder, "4100"), Ok(true));
        assert_eq!(decode(&mut decoder, refused), Err(ProtocolError::ReservedBits), "{refused}");
    }
    decoder.allow_rsv1(false);
    assert_eq!(decode(&mut decoder, "c101 61"), Err(ProtocolError::ReservedBits));
}

// 6455-5.2-22: of a decoder alone
#[test]
fn a_decoder_knows_where_it_is() {
    let mut decoder = Decoder::new(Role::Client);
    let mut place = |vector: &str| {
        let mut bytes = hex(vector);
        let mut input = Input::new(&mut bytes);
        let piece = decoder.decode(&mut input).unwrap();
        let piece = piece.map(|chunk| (chunk.payload.len(), chunk.first, chunk.last));
        (piece, decoder.remaining(), decoder.is_at_boundary())
    };
    assert_eq!(place(""), (None, 0, true));
    assert_eq!(place("82"), (None, 0, false));
    assert_eq!(place("05"), (Some((0, true, false)), 5, false));
    assert_eq!(place(""), (None, 5, false), "no piece of nothing");
    assert_eq!(place("0102"), (Some((2, false, false)), 3, false));
    assert_eq!(place("030405"), (Some((3, false, true)), 0, true));
    // Between two fragments nothing may end.
    assert_eq!(place("0101 61"), (Some((1, true, true)), 0, false));
    assert_eq!(place("8900"), (Some((0, true, true)), 0, false));
    assert_eq!(place("8000"), (Some((0, true, true)), 0, true));
}

// 6455-5.4-01, 6455-5.4-02; R13: of a decoder alone
#[test]
fn a_decoder_knows_what_may_follow() {
    for (vector, expected) in [
        ("8001 61", ProtocolError::UnexpectedContinuation),
        ("0000", ProtocolError::UnexpectedContinuation),
        ("[8101 61][8001 61]", ProtocolError::UnexpectedContinuation),
        ("[0100][8000][8000]", ProtocolError::UnexpectedContinuation),
        ("[0101 61][8101 61]", ProtocolError::UnfinishedMessage),
        ("[0201 61][8900][0000][0201 61]", ProtocolError::UnfinishedMessage),
    ] {
        let mut decoder = Decoder::new(Role::Client);
        let mut bytes = hex(vector);
        let mut input = Input::new(&mut bytes);
        let error = loop {
            match decoder.decode(&mut input) {
                Ok(chunk) => assert!(chunk.is_some(), "{vector}"),
                Err(error) => break error,
            }
        };
        assert_eq!(error, expected, "{vector}");
        assert_eq!(decoder.decode(&mut Input::new(&mut [])).unwrap_err(), expected, "for good");
    }
}
