//! Limits of the implementation (RFC 6455 §10.4).

use framewise::{Config, Connection, Delivery, ProtocolError, Role};

use crate::pair::*;

fn limited(role: Role, max: u64, delivery: Delivery) -> Connection {
    let mut connection = end_with(role, |config| config.max_message_size = max);
    connection.set_delivery(delivery);
    connection
}

// 6455-10.4-01, 6455-10.4-02; R07, R09, R14: on every path
#[test]
fn exactly_at_the_limit_passes_and_one_more_fails() {
    let passing = [
        "820a 00010203040506070809",
        "810a 61626364656667686961",
        "[0205 0001020304][8005 0506070809]",
        "[0205 0001020304][0000][8005 0506070809]",
        "[0100][0009 616263646566676869][8001 61]",
    ];
    let failing = [
        "820b",
        "810b",
        "827e 007e",
        "827f 0000000000010000",
        "[0205 0001020304][8006]",
        "[020a 00010203040506070809][0001]",
        "[0205 0001020304][0004 00000000][8002]",
        "[0101 61][807f 7fffffffffffffff]",
        "[010a 61626364656667686961][0000][0001]",
    ];
    for role in ROLES {
        for delivery in [Delivery::Messages, Delivery::Chunks] {
            for read in [1, 3, usize::MAX] {
                for vector in passing {
                    let mut connection = limited(role, 10, delivery);
                    // Twice: what one message took, the next one has again.
                    let bytes = to(role, &format!("{vector}{vector}"));
                    let (found, error) = feed_by(&mut connection, &bytes, read);
                    assert_eq!(error, None);
                    let (messages, unfinished) = merge(found);
                    assert_eq!((messages.len(), unfinished.len()), (2, 0));
                    assert_eq!(drain(&mut connection), b"");
                }
                for vector in failing {
                    let mut connection = limited(role, 10, delivery);
                    // R03: at the header of the frame that crosses it, no payload is needed.
                    let (found, error) = feed_by(&mut connection, &to(role, vector), read);
                    let Some(error @ ProtocolError::MessageTooBig { len: Some(len), limit: 10 }) =
                        error
                    else {
                        panic!("{vector}: {error:?}");
                    };
                    assert!(len > 10, "{vector}: {len}");
                    assert_eq!(merge(found).0, []);
                    assert_eq!(said(&mut connection), failure_close(error));
                }
            }
        }
    }
}

// 6455-10.4-02; R14, R55
#[test]
fn defaults_are_finite() {
    let config = Config::default();
    assert_eq!(config.max_message_size, 16 << 20);
    assert_eq!(config.max_output, 32 << 20);
    assert_eq!(config.max_fragments, 1 << 17);
    assert_eq!((config.max_headers, config.max_head_size), (100, 16 << 10));
}

// 6455-10.4-02
#[test]
fn the_default_limit_is_exact() {
    fails_with(too_big((16 << 20) + 1, 16 << 20), 1009, "827f 0000000001000001");
    for role in ROLES {
        let mut connection = end(role);
        let payload = vec![0x61; 16 << 20];
        let frame = Frame { fin: true, rsv: 0, opcode: 1, key: None, payload };
        let bytes = to_bytes(role, &frame.encode());
        let (found, error) = feed_by(&mut connection, &bytes, 64 << 10);
        assert_eq!((found.len(), error), (1, None));
    }
}

// 6455-10.4-01: sums do not overflow
#[test]
fn without_a_limit_sums_do_not_overflow() {
    for role in ROLES {
        let mut connection = limited(role, u64::MAX, Delivery::Chunks);
        let bytes = to(role, "[0201 61][007f 7fffffffffffffff 6262]");
        let (found, error) = feed(&mut connection, &bytes);
        assert_eq!((merge(found).1, error), (b"abb".to_vec(), None));
        // A frame of 2^63 - 1 octets never ends; a control frame cannot come inside it.
        assert_eq!(feed(&mut connection, &to(role, "8900")).1, None);
        assert_eq!(drain(&mut connection), b"");
    }
}

// 6455-10.4-03; R10, R11
#[test]
fn fragments_are_counted() {
    for role in ROLES {
        for delivery in [Delivery::Messages, Delivery::Chunks] {
            for payload in ["00", "0161"] {
                let mut connection = end_with(role, |config| config.max_fragments = 3);
                connection.set_delivery(delivery);
                let three = format!("01{payload}00{payload}80{payload}");
                let bytes = to(role, &format!("{three}{three}"));
                let (found, error) = feed(&mut connection, &bytes);
                assert_eq!((merge(found).0.len(), error), (2, None));
                let four = format!("01{payload}00{payload}00{payload}00{payload}");
                let (_, error) = feed(&mut connection, &to(role, &four));
                let expected = ProtocolError::TooManyFragments { limit: 3 };
                assert_eq!(error, Some(expected));
                assert_eq!(said(&mut connection), failure_close(expected));
            }
        }
    }
}

// 6455-10.4-03; R11
#[test]
fn an_endless_stream_of_empty_fragments_ends() {
    for role in ROLES {
        let mut connection = end(role);
        assert_eq!(feed(&mut connection, &to(role, "0100")).1, None);
        let fragment = to(role, "0000");
        let refused = (2..1_000_000).find(|_| feed(&mut connection, &fragment).1.is_some());
        assert_eq!(refused, Some((1 << 17) + 1));
    }
}

// R14, 6455-5.2-22: a message in one frame is no fragment, in any split
#[test]
fn a_limit_of_no_fragments_allows_whole_messages() {
    for role in ROLES {
        for read in [1, usize::MAX] {
            for delivery in [Delivery::Messages, Delivery::Chunks] {
                let mut connection = end_with(role, |config| config.max_fragments = 0);
                connection.set_delivery(delivery);
                let (found, error) = feed_by(&mut connection, &to(role, "8102 6869"), read);
                assert_eq!((merge(found).0, error), (vec![text("hi")], None));
                let (_, error) = feed(&mut connection, &to(role, "[0101 61][8001 62]"));
                assert_eq!(error, Some(ProtocolError::TooManyFragments { limit: 0 }));
            }
        }
    }
}
