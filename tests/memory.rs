//! What a connection holds on the heap (RFC 6455 §10.4), counted by an allocator.

#![allow(
    clippy::cast_possible_truncation,
    clippy::std_instead_of_alloc,
    reason = "the lengths are matched, and tests have the standard library"
)]

use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use framewise::{
    Config, Connection, Event, Input, ProtocolError, SendError, SendErrorKind,
    handshake::{Acceptance, OriginPolicy, ServerHandshake},
};

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
        let now = framewise::time::Instant::ORIGIN;
        assert!(connection.handle_timeout(now).is_none() && connection.poll_timeout(now).is_some());
        feed(connection, &mut [0x81, 0xfe, 0x00]);
    }));
}

// As the documentation of `Config::stats` says.
#[test]
fn figures_take_some_memory_where_they_are_asked_for() {
    let config = Arc::new(Config::default().stats(true));
    let mut connection = None;
    let info = measure(|| connection = Some(Connection::server(Arc::clone(&config))));
    assert!((200..=320).contains(&info.bytes_current), "{info:?}");
}

#[test]
fn sizes() {
    assert!(size_of::<Connection>() <= 240, "{}", size_of::<Connection>());
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

#[test]
fn a_lent_message_is_copied_into_as_much_as_it_needs() {
    for len in [4096, 10_000, 1 << 20] {
        let payload = vec![7; len];
        let mut connection = Connection::server(Config::default());
        let info = measure(|| connection.send_binary(&payload).expect("there is room"));
        assert_eq!((info.count_total, info.bytes_max), (1, connection.output().len() as u64));
    }
}

#[cfg(feature = "json")]
#[test]
fn a_value_that_borrows_is_read_and_written_without_allocating() {
    type Trade<'a> = (&'a str, f64, [u32; 3]);

    let mut connection = Connection::server(Config::default());
    let text = br#"["ABC", 12.5, [1, 2, 3]]"#;
    let mut echo = || {
        let mut bytes = frame(0x81, text);
        measure(|| {
            let event = connection.receive(&mut Input::new(&mut bytes)).expect("right");
            let event = event.expect("a message");
            let trade: Trade<'_> = event.json().expect("a trade");
            connection.send_json(&trade).expect("open");
            let len = connection.output().len();
            connection.output().advance(len);
        })
    };
    // The output keeps its buffer.
    echo();
    nothing(echo());
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
        assert_eq!(
            error,
            ProtocolError::MessageTooBig { len: Some(i64::MAX as u64), limit: 16 << 20 }
        );
    });
    assert!(info.bytes_total <= 1024, "{info:?}");
}

// The head, the places of its fields, and the response
#[test]
fn a_handshake_takes_three_allocations() {
    let config = Arc::new(Config::default());
    let mut request =
        *b"GET /chat HTTP/1.1\r\nHost: server.example.com:8080\r\nUpgrade: websocket\r\n\
        Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\nOrigin: http://server.example.com:8080\r\n\
        Sec-WebSocket-Protocol: chat, superchat\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    let info = measure(|| {
        let mut handshake = ServerHandshake::new(Arc::clone(&config));
        let upgrade = handshake.receive(&mut Input::new(&mut request)).expect("valid");
        let upgrade = upgrade.expect("complete");
        upgrade.check_origin(&OriginPolicy::same_origin()).expect("the same");
        let mut connection =
            upgrade.accept(Acceptance::new().subprotocol("chat")).expect("offered");
        assert!(!connection.output().is_empty());
    });
    assert_eq!(info.count_total, 3, "{info:?}");
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

// A failure lets go of the message in the making
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

#[cfg(feature = "deflate")]
mod deflate {
    use std::borrow::Cow;

    use framewise::{
        PreparedMessage,
        deflate::{DeflateConfig, MemoryLevel},
    };

    use super::*;

    /// Makes a connection that has agreed upon compression by the text of a server's answer.
    fn compressing(parameters: &str, configure: impl FnOnce(&mut Config)) -> Connection {
        let mut config = Config::default();
        config.deflate = Some(DeflateConfig::default());
        configure(&mut config);
        let response = format!("permessage-deflate{parameters}");
        let agreed = DeflateConfig::default().confirm(response.as_bytes()).expect("valid");
        let mut connection = Connection::server(config);
        connection.set_deflate(agreed.expect("accepted"));
        connection
    }

    /// Compresses a message on its own.
    fn compressed(message: &[u8]) -> Vec<u8> {
        let mut sender = compressing("", |config| {
            if let Some(deflate) = &mut config.deflate {
                deflate.threshold = 0;
            }
        });
        sender.send_binary(message).expect("open");
        let sent = sender.output().chunks().collect::<Vec<_>>().concat();
        let header_len = match sent[1] {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        sent[header_len..].to_vec()
    }

    /// Receives and sends once, so that the thread has what its connections share.
    fn warm() {
        let mut connection = compressing("", |_| ());
        feed(&mut connection, &mut frame(0xc2, &compressed(&[b'a'; 200_000])));
        connection.send_binary(&[b'a'; 1000][..]).expect("open");
        let mut connection = compressing("; client_no_context_takeover", |_| ());
        feed(&mut connection, &mut frame(0xc2, &compressed(&[b'a'; 200_000])));
    }

    /// Octets that cannot be compressed.
    fn noise(len: usize) -> Vec<u8> {
        let mut seed = 1_u32;
        let octets = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed.to_be_bytes()[0]
        });
        octets.take(len).collect()
    }

    // 7692-6.2-05, R16: a thousand octets for one, in one frame, in fragments, and octet by octet
    #[test]
    fn a_bomb_costs_no_more_than_the_limit() {
        // A window, which doubles as it fills, and the library's state.
        const CONSTANT: u64 = 100 << 10;
        warm();
        for limit in [64_u64 << 10, 1 << 20, 16 << 20] {
            let payload = compressed(&vec![b'a'; limit as usize + 1]);
            assert!(payload.len() < limit as usize / 600);
            for first in [0x41, 0x42] {
                for (fragment, read) in [(usize::MAX, usize::MAX), (100, 97), (7, 1)] {
                    let mut bytes = Vec::new();
                    for piece in payload.chunks(fragment) {
                        bytes.extend(frame(if bytes.is_empty() { first } else { 0x00 }, piece));
                    }
                    bytes.extend(frame(0x80, b""));
                    let mut connection = compressing("", |config| config.max_message_size = limit);
                    let mut failed = None;
                    let info = measure(|| {
                        for read in bytes.chunks_mut(read) {
                            failed = connection.receive(&mut Input::new(read)).err();
                        }
                    });
                    assert_eq!(failed, Some(ProtocolError::MessageTooBig { len: None, limit }));
                    assert!(info.bytes_max <= limit + CONSTANT, "{limit}, {fragment}: {info:?}");
                    assert!(info.bytes_current <= 1024, "nothing of it is kept: {info:?}");
                }
            }
        }
    }

    // A message of the size that is allowed is put together at the end, and is no larger than it is
    #[test]
    fn a_message_holds_what_it_needs() {
        warm();
        for len in [1000, 64 << 10, 65_537, 1 << 20, (3 << 20) + 1] {
            for payload in [vec![b'a'; len], noise(len)] {
                let mut connection = compressing("", |config| config.max_message_size = len as u64);
                let mut bytes = frame(0xc2, &compressed(&payload));
                let mut message = None;
                let info = measure(|| {
                    for read in bytes.chunks_mut(16 << 10) {
                        let event = connection.receive(&mut Input::new(read)).expect("allowed");
                        message = event.map(Event::into_owned);
                    }
                });
                let Some(Event::Binary(Cow::Owned(message))) = message else {
                    panic!("{message:?}");
                };
                assert!(message == payload && message.capacity() <= len + len / 8, "{len}");
                assert!(info.bytes_max <= 2 * len as u64 + (200 << 10), "{len}: {info:?}");
            }
        }
    }

    // What is reserved follows from what a piece was inflated to, and how much is left to inflate.
    #[test]
    fn a_compressed_message_is_held_in_few_pieces() {
        warm();
        for len in [1000, 10_000, 64 << 10, 65_537, 300_000, 1 << 20, (3 << 20) + 1] {
            for (payload, most_pieces) in [
                (vec![b'a'; len], 7),
                (b"framewise ".repeat(len / 10), 7),
                (noise(len), 8 + len / (64 << 10)),
            ] {
                for read in [64 << 10, usize::MAX] {
                    let mut connection = compressing("", |_| ());
                    let mut bytes = frame(0xc2, &compressed(&payload));
                    let mut message = None;
                    let info = measure(|| {
                        for read in bytes.chunks_mut(read) {
                            let event = connection.receive(&mut Input::new(read)).expect("allowed");
                            message = event.map(Event::into_owned);
                        }
                    });
                    assert!(info.count_total <= most_pieces as u64, "{len}, {read}: {info:?}");
                    // All pieces and what they are joined to, the window, and little more.
                    let most = 2 * len + (48 << 10);
                    assert!(info.bytes_max <= most as u64, "{len}, {read}: {info:?}");
                    assert_eq!(message, Some(Event::Binary(Cow::Owned(payload.clone()))));
                }
            }
        }
    }

    // R24
    #[test]
    fn what_a_receiver_keeps() {
        warm();
        for (parameters, most) in [
            ("", 32 << 10),
            ("; client_max_window_bits=12", 4 << 10),
            ("; client_max_window_bits=9", 512),
            ("; client_no_context_takeover", 0),
        ] {
            let mut connection = None;
            let info = measure(|| connection = Some(compressing(parameters, |_| ())));
            assert!(info.bytes_current <= 512 + size_of::<Config>() as i64, "{info:?}");
            let connection = connection.as_mut().expect("made");
            let mut bytes = Vec::new();
            for len in [0, 1, 1000, 100_000, 1000] {
                bytes.extend(frame(0xc2, &compressed(&noise(len))));
            }
            let info = measure(|| assert_eq!(feed(connection, &mut bytes), 5));
            assert!((0..=most).contains(&info.bytes_current), "{parameters}: {info:?}");
        }
    }

    // R24: 137 to 380 KiB are the library's
    #[test]
    fn what_a_sender_keeps() {
        warm();
        let send = |connection: &mut Connection| {
            for len in [0, 1, 1000, 100_000, 1000] {
                connection.send_binary(noise(len)).expect("open");
                let len = connection.output().len();
                connection.output().advance(len);
            }
            connection.output().release();
        };
        for (bits, memory_level, shared, most) in [
            (15, 8, false, 390_000),
            (12, 5, false, 170_000),
            (9, 1, false, 140_000),
            (15, 8, true, 32 << 10),
            (12, 5, true, 4 << 10),
            (9, 1, true, 512),
        ] {
            let parameters = format!("; server_max_window_bits={bits}");
            let mut connection = compressing(&parameters, |config| {
                if let Some(deflate) = &mut config.deflate {
                    deflate.memory_level = MemoryLevel::new(memory_level).expect("right");
                    deflate.shared_compressor = shared;
                }
            });
            // The thread's compressor is made, if it is of another kind.
            if shared {
                let config = connection.config().clone();
                let mut other = compressing(&parameters, |other| *other = (*config).clone());
                send(&mut other);
            }
            let info = measure(|| send(&mut connection));
            assert!((0..=most).contains(&info.bytes_current), "{bits}, {shared}: {info:?}");
        }
        let mut connection = compressing("; server_no_context_takeover", |_| ());
        send(&mut connection);
        let info = measure(|| send(&mut connection));
        assert_eq!(info.bytes_current, 0, "{info:?}");
    }

    // Nothing is allocated but what is given away
    #[test]
    fn allocations_for_a_message() {
        warm();
        for parameters in ["", "; client_no_context_takeover; server_no_context_takeover"] {
            let mut connection = compressing(parameters, |_| ());
            let message = compressed(&[b'a'; 1000]);
            let mut exchange = || {
                let mut bytes = frame(0xc2, &message);
                let info = measure(|| assert_eq!(feed(&mut connection, &mut bytes), 1));
                let sent = measure(|| {
                    connection.send_binary(&[b'a'; 1000][..]).expect("open");
                    let len = connection.output().len();
                    connection.output().advance(len);
                });
                (info.count_total, sent.count_total)
            };
            // The window fills up.
            for _ in 0..40 {
                exchange();
            }
            assert_eq!(exchange(), (1, 0), "{parameters}");
        }
    }

    /// What a connection may hold beside the message: the state that inflates, 46 KiB, the window,
    /// 32 KiB, and the Close that tells of a failure.
    const SLACK: u64 = 100 << 10;

    /// Feeds octets in reads of at most `len`; returns the number of octets of the message.
    fn receive(
        connection: &mut Connection,
        bytes: &mut [u8],
        len: usize,
    ) -> Result<usize, ProtocolError> {
        let mut size = 0;
        for read in bytes.chunks_mut(len) {
            let mut input = Input::new(read);
            while let Some(event) = connection.receive(&mut input)? {
                size += match event {
                    Event::Text(text) | Event::TextChunk { text, .. } => text.len(),
                    Event::Binary(payload) | Event::BinaryChunk { payload, .. } => payload.len(),
                    event => panic!("{event:?}"),
                };
            }
        }
        Ok(size)
    }

    // 7692-6.2-05, R16: 64 MiB, in one frame and in fragments, in blocks that follow one another
    #[test]
    fn bombs_far_beyond_the_limit() {
        let mut block = compressed(&vec![b'a'; 1 << 20]);
        block.extend([0x00, 0x00, 0xff, 0xff]);
        let payload = block.repeat(64);
        for limit in [64_u64 << 10, 1 << 20, 16 << 20] {
            for (kind, fragments, read) in [(1, 1, 1 << 20), (1, 10, 100), (2, 1, 100), (2, 10, 7)]
            {
                let mut connection = compressing("", |config| config.max_message_size = limit);
                let mut bytes = Vec::new();
                for piece in payload.chunks(payload.len().div_ceil(fragments)) {
                    bytes.extend(frame(if bytes.is_empty() { 0x40 | kind } else { 0 }, piece));
                }
                // A failure takes the state of the thread with it.
                warm();
                let mut result = Ok(0);
                let info = measure(|| result = receive(&mut connection, &mut bytes, read));
                assert_eq!(result, Err(ProtocolError::MessageTooBig { len: None, limit }));
                assert_eq!(u16::from(connection.sent_close().expect("told").code), 1009);
                assert!(info.bytes_max <= limit + SLACK, "{limit}: {info:?}");
                assert!(info.bytes_current <= 1024, "{limit}: {info:?}");
            }
        }
    }

    // 7692-6.2-05, R18: whole but for its last octet
    #[test]
    fn a_message_of_the_limit_is_held_once() {
        for limit in [64 << 10, 1 << 20, 16 << 20] {
            let payload = compressed(&vec![b'a'; limit]);
            let (begin, end) = payload.split_at(payload.len() / 2);
            for kind in [1, 2] {
                let mut connection =
                    compressing("", |config| config.max_message_size = limit as u64);
                let mut bytes = [frame(0x40 | kind, begin), frame(0x80, end)].concat();
                let len = bytes.len() - 1;
                let (begin, end) = bytes.split_at_mut(len);
                warm();
                let info = measure(|| assert_eq!(receive(&mut connection, begin, 1000), Ok(0)));
                assert!(info.bytes_max <= limit as u64 + SLACK, "{limit}: {info:?}");
                assert_eq!(receive(&mut connection, end, 1), Ok(limit));
            }
        }
    }

    // R16: 256 octets at a time come to 258 KiB at most, in a buffer that doubles
    #[test]
    fn chunks_of_a_bomb_do_not_cost() {
        for kind in [0xc1, 0xc2] {
            let mut connection = compressing("", |_| ());
            connection.set_delivery(framewise::Delivery::Chunks);
            let mut bytes = frame(kind, &compressed(&vec![b'a'; 16 << 20]));
            warm();
            let mut result = Ok(0);
            let info = measure(|| result = receive(&mut connection, &mut bytes, 1 << 20));
            assert_eq!(result, Ok(16 << 20));
            assert!(info.bytes_max <= 1 << 20, "{info:?}");
            assert!(info.bytes_current <= 32 << 10, "the window: {info:?}");
        }
    }

    // R24
    #[test]
    fn what_was_agreed_upon_is_held_in_small_boxes() {
        for parameters in ["", "; client_no_context_takeover; server_no_context_takeover"] {
            let agreed = compressing(parameters, |_| ()).deflate().expect("agreed");
            for shared in [false, true] {
                let mut config = Config::default();
                let mut deflate = DeflateConfig::default();
                deflate.shared_compressor = shared;
                config.deflate = Some(deflate);
                let mut connection = Connection::server(config);
                let info = measure(|| connection.set_deflate(agreed));
                assert!((1..=256).contains(&info.bytes_current), "{info:?}");
                // Nor does it hold more when nothing is compressed.
                let mut bytes = frame(0x81, &[b'a'; 5000]);
                nothing(measure(|| assert_eq!(feed(&mut connection, &mut bytes), 1)));
            }
        }
    }

    // R24: the message itself is all that is made, text too, and it is given away
    #[test]
    fn without_takeover_nothing_is_kept_of_what_is_received() {
        warm();
        for (first, len) in [(0xc1, 1), (0xc2, 1000), (0xc1, 1000), (0xc2, 60_000)] {
            let mut connection = compressing("; client_no_context_takeover", |_| ());
            let mut bytes = frame(first, &compressed(&vec![b'a'; len]));
            let info = measure(|| assert_eq!(feed(&mut connection, &mut bytes), 1));
            assert_eq!((info.bytes_current, info.count_current), (0, 0));
            assert_eq!(info.count_total, 1, "{len}: {info:?}");
            assert!(info.bytes_total <= len as u64 + 3, "{len}: {info:?}");
        }
    }

    // R24
    #[test]
    fn without_takeover_sending_allocates_nothing() {
        warm();
        let text = "{\"id\":1,\"name\":\"first\"}".repeat(40);
        let agreed = compressing("; client_no_context_takeover", |_| ()).deflate();
        let mut client = Connection::client(Config::default(), [7; 32]);
        client.set_deflate(agreed.expect("agreed"));
        let server = compressing("; server_no_context_takeover", |config| {
            config.deflate.as_mut().expect("set").shared_compressor = true;
        });
        for mut connection in [client, server] {
            let mut send = || {
                connection.send_text(&text).expect("open");
                let len = connection.output().len();
                connection.output().advance(len);
                assert!(len < text.len() / 5, "compressed");
            };
            // The output makes its buffer, which it keeps.
            send();
            nothing(measure(send));
        }
    }

    // R24: the connection never makes a compressor, also with takeover
    #[test]
    fn a_prepared_message_costs_no_connection() {
        let text = "prepared".repeat(100);
        let prepared = PreparedMessage::new(text, &DeflateConfig::default());
        let send = |connection: &mut Connection| {
            connection.send(&prepared).expect("open");
            let len = connection.output().len();
            connection.output().advance(len);
            connection.output().release();
            assert!(len < 100, "compressed");
        };
        send(&mut compressing("", |_| ()));
        let mut connection = compressing("", |_| ());
        let info = measure(|| (0..3).for_each(|_| send(&mut connection)));
        assert_eq!((info.bytes_current, info.count_current), (0, 0), "{info:?}");
    }
}
