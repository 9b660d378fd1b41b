//! What a connection holds on the heap (RFC 6455 §10.4), counted by an allocator.

#![allow(
    clippy::cast_possible_truncation,
    clippy::std_instead_of_alloc,
    reason = "the lengths are matched, and tests have the standard library"
)]

use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use framewise::{Config, Connection, Event, Input, ProtocolError, SendError, SendErrorKind};

/// A frame of a client with a key of zeros, so that the payload is seen as it is.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(0x80 | len as u8),
        len @ 126..=65535 => {
            bytes.push(0x80 | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(0x80 | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// Feeds octets and drops what comes of them; returns the number of events.
fn feed(connection: &mut Connection, bytes: &mut [u8]) -> usize {
    let mut input = Input::new(bytes);
    let mut count = 0;
    while let Some(event) = connection.receive(&mut input).expect("right") {
        drop(event);
        count += 1;
    }
    count
}

fn nothing(info: AllocationInfo) {
    assert_eq!((info.count_total, info.bytes_total), (0, 0));
}

// 6455-10.4-03
#[test]
fn a_message_that_lies_whole_in_the_input_is_not_allocated() {
    let mut connection = Connection::server(Config::default());
    let mut bytes =
        [frame(0x81, b"Hello"), frame(0x82, &[7; 70_000]), frame(0x8a, b"pong")].concat();
    nothing(measure(|| assert_eq!(feed(&mut connection, &mut bytes), 3)));
}

#[test]
fn an_idle_server_holds_nothing() {
    let config = Arc::new(Config::default());
    let mut connection = None;
    nothing(measure(|| connection = Some(Connection::server(Arc::clone(&config)))));
    // Timers and a header that was cut hold nothing either.
    let connection = connection.as_mut().expect("made");
    nothing(measure(|| {
        connection.poll_timeout(framewise::time::Instant::ORIGIN);
        feed(connection, &mut [0x81, 0xfe, 0x00]);
    }));
}

#[test]
fn sizes() {
    assert!(size_of::<Connection>() <= 256, "{}", size_of::<Connection>());
    assert!(size_of::<ProtocolError>() <= 32 && size_of::<SendError>() <= 32);
    assert!(size_of::<SendErrorKind>() <= 32);
    assert!(size_of::<Event<'_>>() <= 40, "{}", size_of::<Event<'_>>());
}

#[test]
fn an_echo_that_was_written_returns_to_nothing() {
    let mut connection = Connection::server(Config::default());
    let mut bytes = frame(0x81, &[b'a'; 5000]);
    bytes.extend(frame(0x89, b"ping"));
    let info = measure(|| {
        let mut input = Input::new(&mut bytes);
        while let Some(event) = connection.receive(&mut input).expect("right") {
            if let Event::Text(text) = event {
                connection.send_text(text).expect("open");
            }
        }
        let len = connection.output().len();
        connection.output().advance(len);
        connection.output().release();
    });
    assert!(info.bytes_total > 0);
    assert_eq!((info.bytes_current, info.count_current), (0, 0));
}

// A second echo into the buffer that was kept allocates nothing
#[test]
fn a_kept_buffer_is_used_again() {
    let mut connection = Connection::server(Config::default());
    let mut echo = || {
        connection.send_text("Hello").expect("open");
        let len = connection.output().len();
        connection.output().advance(len);
    };
    echo();
    nothing(measure(echo));
}

// 6455-10.4-03; R10: what is held is what was received, plus a constant
#[test]
fn fragmentation_does_not_cost() {
    const SLACK: u64 = 1 << 10;
    let one = frame(0x00, b"x");
    let empty = frame(0x00, b"");
    for (opcode, fragments, fragment) in
        [(0x02, 50_000, &one), (0x01, 50_000, &one), (0x02, 50_000, &empty)]
    {
        let mut connection = Connection::server(Config::default());
        let mut first = frame(opcode, b"x");
        let payload = (fragments * (fragment.len() - 6) + 1) as u64;
        let info = measure(|| {
            feed(&mut connection, &mut first);
            for _ in 0..fragments {
                feed(&mut connection, &mut fragment.clone());
            }
        });
        // A buffer that doubles: what is in it, as much again, and the old one while it moves.
        assert!(info.bytes_current as u64 <= 2 * payload + SLACK, "{info:?}");
        assert!(info.bytes_max <= 3 * payload + SLACK, "{info:?}");
        let mut last = frame(0x80, b"");
        let info = measure(|| assert_eq!(feed(&mut connection, &mut last), 1));
        assert!(info.bytes_current <= 0);
    }
}

// 6455-10.4-03; R10: the same for one frame in reads of one octet
#[test]
fn single_octet_reads_do_not_cost() {
    for first in [0x81, 0x82] {
        let mut connection = Connection::server(Config::default());
        let mut bytes = frame(first, &[b'x'; 100_000]);
        let info = measure(|| {
            let count =
                bytes.chunks_mut(1).map(|octet| feed(&mut connection, octet)).sum::<usize>();
            assert_eq!(count, 1);
        });
        assert_eq!(info.bytes_current, 0, "the event was dropped");
        assert!(info.bytes_max <= 3 * 100_000 + 1024, "{info:?}");
        assert!(info.count_total <= 40, "the buffer doubles: {info:?}");
    }
}

// Beyond what has arrived at most a fixed step is reserved, however large the message
#[test]
fn large_messages_are_reserved_in_steps() {
    let mut config = Config::default();
    config.max_message_size = 64 << 20;
    let mut connection = Connection::server(config);
    let mut bytes = frame(0x82, &vec![0; 20 << 20]);
    // The last octet does not come.
    let len = bytes.len() - 1;
    let info = measure(|| {
        bytes[..len]
            .chunks_mut(64 << 10)
            .for_each(|read| assert_eq!(feed(&mut connection, read), 0));
    });
    assert!(info.bytes_current as u64 <= (20 << 20) + (1 << 20) + 1024, "{info:?}");
}

// 6455-5.2-23; R02
#[test]
fn declared_lengths_are_not_reserved() {
    for len in [1_u64 << 24, 1 << 32, i64::MAX as u64] {
        let mut config = Config::default();
        config.max_message_size = u64::MAX;
        let mut connection = Connection::server(config);
        let mut bytes = vec![0x82, 0xff];
        bytes.extend(len.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(b"abc");
        let info = measure(|| assert_eq!(feed(&mut connection, &mut bytes), 0));
        assert!(info.bytes_total <= 1024, "{info:?}");
    }
    // Beyond the limit nothing is reserved but the Close that says so.
    let mut connection = Connection::server(Config::default());
    let mut bytes = vec![0x82, 0xff];
    bytes.extend(i64::MAX.to_be_bytes());
    bytes.extend([0; 4]);
    let info = measure(|| {
        let error = connection.receive(&mut Input::new(&mut bytes)).unwrap_err();
        assert_eq!(error, ProtocolError::MessageTooBig);
    });
    assert!(info.bytes_total <= 1024, "{info:?}");
}

// 6455-5.5.3-04; R27
#[test]
fn a_flood_of_pings_is_bounded() {
    let mut connection = Connection::server(Config::default());
    let ping = frame(0x89, &[0xfe; 125]);
    let mut bytes = ping.clone();
    let info = measure(|| {
        for _ in 0..100_000 {
            bytes.copy_from_slice(&ping);
            feed(&mut connection, &mut bytes);
        }
    });
    assert!(info.bytes_max <= 16 << 10, "{info:?}");
}

// 6455-10.4-03: a failure lets go of the message in the making
#[test]
fn a_failure_frees_the_message() {
    let mut connection = Connection::server(Config::default());
    let mut bytes = frame(0x02, &[0; 60_000]);
    let info = measure(|| {
        feed(&mut connection, &mut bytes);
        connection.receive(&mut Input::new(&mut [0x83, 0x80])).unwrap_err();
    });
    assert!((0..=1024).contains(&info.bytes_current), "{info:?}");
}
