//! Control frames (RFC 6455 §5.5).

use framewise::{
    CloseCode, ProtocolError, SendErrorKind,
    frame::{FrameHeader, Opcode},
};

use crate::pair::*;

// 6455-5.5-02, 6455-5.5.1-24
#[test]
fn long_control_frames_fail_at_the_second_octet() {
    use ProtocolError::LongControlFrame;
    for vector in ["897e", "8a7e", "887e", "897f", "8a7f", "887f", "897e 007e", "887e 007e 03e8"] {
        fails_with(LongControlFrame, 1002, vector);
    }
}

// 6455-5.5-02, 6455-5.5.2-02, 6455-5.5.3-02
#[test]
fn control_frames_of_125_octets_pass() {
    let payload = [0xfe; 125];
    let digits = "fe".repeat(125);
    replies(&format!("897d {digits}"), &[ping(&payload)], &format!("8a7d {digits}"));
    gives(&format!("8a7d {digits}"), &[pong(&payload)]);
    for role in ROLES {
        let mut connection = end(role);
        connection.ping(payload).unwrap();
        connection.pong(payload).unwrap();
        assert_eq!(said(&mut connection), hex(&format!("[897d {digits}][8a7d {digits}]")));
    }
}

// 6455-5.5-02
#[test]
fn longer_ones_are_not_sent() {
    for role in ROLES {
        let mut connection = end(role);
        for error in [connection.ping([0; 126]), connection.pong([0; 126])] {
            let expected = SendErrorKind::LongControlFrame { len: 126 };
            assert_eq!(error.unwrap_err().kind(), expected);
        }
        let error = connection.close(CloseCode::NORMAL, &"a".repeat(124)).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::LongCloseReason { len: 124 });
        assert!(!connection.has_output());
    }
}

// 6455-5.4-07, 6455-5.5-03
#[test]
fn fragmented_control_frames_fail() {
    for vector in ["0900", "0a00", "0800", "0905 48656c6c6f", "[0101 61][0900]", "0802 03e8"] {
        fails_with(ProtocolError::FragmentedControlFrame, 1002, vector);
    }
}

// 6455-5.4-07: the API cannot build one, not even the header
#[test]
#[should_panic(expected = "a control frame is whole")]
fn fragmented_control_frames_are_not_encoded() {
    let header = FrameHeader {
        opcode: Opcode::Ping,
        fin: false,
        rsv1: false,
        masking_key: None,
        payload_len: 0,
    };
    header.encode(&mut [0; FrameHeader::MAX_LEN]);
}

// 6455-6.2-02; R12
#[test]
fn a_control_frame_cut_anywhere_does_not_touch_the_message() {
    // `replies` cuts at every octet.
    replies(
        "[0101 61][8903 010203][0001 62][8a03 040506][8001 63][8903 070809]",
        &[ping(&[1, 2, 3]), pong(&[4, 5, 6]), text("abc"), ping(&[7, 8, 9])],
        "[8a03 010203][8a03 070809]",
    );
}
