//! What a message may refer to: the window and its end, context takeover, final blocks
//! (RFC 7692 §7.2.1, §7.2.2, §7.2.3.4).

use framewise::{Connection, ProtocolError, Role, deflate::AgreedParameters};

use super::{
    bits::{Bits, END, FIXED},
    support::*,
};

/// Makes the end that receives from a compressor with this window.
fn receiver(role: Role, bits: u8, takeover: bool) -> Connection {
    end_by(role, by_sender(role.peer(), bits, takeover), |_| ())
}

fn receive(connection: &mut Connection, payload: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    match feed(connection, &frame_for(connection.role(), 0xc2, payload)) {
        (_, Some(error)) => Err(error),
        (events, None) => match &events[..] {
            [framewise::Event::Binary(payload)] => Ok(payload.to_vec()),
            events => panic!("{events:?}"),
        },
    }
}

/// A message that is nothing but a copy.
fn copy(len: u32, distance: u32) -> Vec<u8> {
    Bits::new().block(false, FIXED).copy(len, distance).symbol(END).message()
}

fn stored(octets: &[u8]) -> Vec<u8> {
    octets.chunks(65_535).fold(Bits::new(), |bits, octets| bits.stored(false, octets)).message()
}

// 7692-5-06, 7692-7.2.2-08, 7692-7.2.2-10, 7692-7.2.2-12, 7692-7.2.2-13, 7692-7.2.2-14,
// 7692-7.2.2-15, 7692-7.1.2.1-04, 7692-7.1.2.2-11; R21
#[test]
fn the_window_reaches_across_messages_to_its_end() {
    for role in ROLES {
        for bits in 8..=15 {
            // A window of 8 bits is read as one of 9, which is what compressors make of it.
            let window = 1 << bits.max(9);
            for len in [window, window + 1, 3 * window - 7, 100_000] {
                let before = noise(len as usize);
                let from = before.len() - window as usize;

                let mut connection = receiver(role, bits, true);
                assert_eq!(receive(&mut connection, &stored(&before)).as_ref(), Ok(&before));
                let found = receive(&mut connection, &copy(258, window));
                assert_eq!(found.as_deref(), Ok(&before[from..from + 258]), "{bits} bits");
                // The window has moved on by the copy.
                let found = receive(&mut connection, &copy(100, window));
                assert_eq!(found.as_deref(), Ok(&before[from + 258..from + 358]), "{bits} bits");

                // The same in many messages, some of them plain.
                let mut connection = receiver(role, bits, true);
                for octets in before.chunks(1000) {
                    receive(&mut connection, &stored(octets)).expect("valid");
                    let plain = frame_for(role, 0x82, b"plain");
                    assert_eq!(feed(&mut connection, &plain), (vec![binary(b"plain")], None));
                    assert_eq!(receive(&mut connection, &hex("00")).as_deref(), Ok(&b""[..]));
                }
                let found = receive(&mut connection, &copy(258, window));
                assert_eq!(found.as_deref(), Ok(&before[from..from + 258]), "{bits} bits");

                if window < 32_768 {
                    let mut connection = receiver(role, bits, true);
                    receive(&mut connection, &stored(&before)).expect("valid");
                    let found = receive(&mut connection, &copy(3, window + 1));
                    assert_eq!(found, Err(ProtocolError::InvalidDeflate), "{bits} bits");
                    assert_failed(&mut connection, ProtocolError::InvalidDeflate);
                }
            }
        }
    }
}

// 7692-7.2.2-12: within one message the library's window counts, which is the largest, however the
// octets arrive; across messages the one that was agreed upon
#[test]
fn within_a_message_the_window_is_not_policed() {
    let before = noise(2000);
    let message = Bits::new().stored(false, &before).block(false, FIXED).copy(3, 1500);
    let message = message.symbol(END).message();
    let expected = [&before[..], &before[500..503]].concat();
    for role in ROLES {
        for step in [message.len() + 14, 1] {
            for distance in [512, 513] {
                let mut connection = receiver(role, 9, true);
                let frame = frame_for(role, 0xc2, &message);
                let reads = frame.chunks(step).map(|read| feed(&mut connection, read));
                let (events, errors): (Vec<_>, Vec<_>) = reads.unzip();
                assert!(errors.iter().all(Option::is_none));
                assert!(events.concat() == [binary(&expected)], "{step} octets at a time");
                // The next message.
                let next = [&expected[..], &expected].concat();
                let found = receive(&mut connection, &copy(3, distance));
                assert_eq!(
                    found.as_deref(),
                    match distance {
                        512 => Ok(&next[2003 - 512..][..3]),
                        _ => Err(&ProtocolError::InvalidDeflate),
                    }
                );
            }
        }
    }
}

// 1951-3.2.5-03, 7692-7.2.2-08, 7692-7.2.2-10; R51: as far back as there is something, and no
// further
#[test]
fn nothing_is_referred_to_that_was_not_sent() {
    for role in ROLES {
        for len in [1_u32, 2, 5, 511, 512, 1000] {
            let before = noise(len as usize);
            let mut connection = receiver(role, 15, true);
            receive(&mut connection, &stored(&before)).expect("valid");
            let found = receive(&mut connection, &copy(3, len)).expect("it is there");
            assert_eq!(found[0], before[0]);

            let mut connection = receiver(role, 15, true);
            receive(&mut connection, &stored(&before)).expect("valid");
            let found = receive(&mut connection, &copy(3, len + 1));
            assert_eq!(found, Err(ProtocolError::InvalidDeflate));
        }
        // What another connection has received is not there, either.
        let mut other = receiver(role, 15, true);
        receive(&mut other, &stored(&noise(40_000))).expect("valid");
        let found = receive(&mut receiver(role, 15, true), &copy(3, 1));
        assert_eq!(found, Err(ProtocolError::InvalidDeflate));
    }
}

// 7692-7.2.2-07, 7692-7.2.2-09
#[test]
fn without_takeover_nothing_earlier_is_there() {
    for role in ROLES {
        for bits in [8, 9, 12, 15] {
            for before in [b"Hello".to_vec(), noise(100_000)] {
                let mut connection = receiver(role, bits, false);
                for _ in 0..3 {
                    assert_eq!(receive(&mut connection, &stored(&before)).as_ref(), Ok(&before));
                }
                let found = receive(&mut connection, &copy(3, 1));
                assert_eq!(found, Err(ProtocolError::InvalidDeflate));
                assert_failed(&mut connection, ProtocolError::InvalidDeflate);
            }
        }
        // The parameters of the other direction say nothing about this one.
        let mut connection = end_by(role, by_sender(role, 9, false), |_| ());
        receive(&mut connection, &stored(&noise(32_768))).expect("valid");
        assert_eq!(receive(&mut connection, &copy(3, 32_768)).as_deref(), Ok(&noise(3)[..]));
    }
}

// 7692-7.2.1-06, 7692-7.2.1-07, 7692-7.2.1-08, 1951-3.2.3-03; R26
#[test]
fn r26_final_blocks_anywhere() {
    for role in ROLES {
        for bits in [9, 12, 15] {
            let window = 1_u32 << bits;
            let before = noise(window as usize);
            let from = |place: u32| &before[place as usize..];
            for takeover in [true, false] {
                // Behind a final block, the same message goes on and refers back to the window's end.
                let mut connection = receiver(role, bits, takeover);
                let half = before.len() / 2;
                let message = Bits::new()
                    .stored(true, &before[..half])
                    .stored(true, &before[half..])
                    .block(true, FIXED)
                    .copy(10, window)
                    .symbol(END)
                    .align()
                    .fixed(true, b"")
                    .align()
                    .block(false, FIXED)
                    .copy(5, window)
                    .symbol(END)
                    .message();
                let expected = [&before[..], &from(0)[..10], &from(10)[..5]].concat();
                assert_eq!(receive(&mut connection, &message).as_ref(), Ok(&expected));
                // The next message does, where that is agreed.
                let found = receive(&mut connection, &copy(20, window));
                let next = from(15)[..20].to_vec();
                let expected = if takeover { Ok(next) } else { Err(ProtocolError::InvalidDeflate) };
                assert_eq!(found, expected);
            }
            // No final block lets anything be seen that is out of the window.
            if bits < 15 {
                let mut connection = receiver(role, bits, true);
                let message = Bits::new().stored(true, &noise(7_000)).block(true, FIXED);
                let message = message.copy(3, window).symbol(END).align();
                let message = message.block(false, FIXED).copy(3, window + 1).symbol(END);
                let found = receive(&mut connection, &message.message());
                assert_eq!(found, Err(ProtocolError::InvalidDeflate));
            }
        }
    }
}

// 7692-7.2.1-06, 7692-7.2.1-08; R26
#[test]
fn r26_final_blocks_in_great_number() {
    for role in ROLES {
        for takeover in [true, false] {
            let mut connection = receiver(role, 15, takeover);
            for _ in 0..3 {
                // Fixed, stored and empty ones in turn, each of them final.
                let (mut bits, mut expected) = (Bits::new(), vec![]);
                for i in 0..500_u32 {
                    let octet = [i as u8];
                    bits = match i % 3 {
                        0 => bits.fixed(true, &octet).align(),
                        1 => bits.stored(true, &octet),
                        _ => bits.stored(true, b"").fixed(true, &octet).align(),
                    };
                    expected.extend(octet);
                }
                bits = bits.block(true, FIXED).copy(258, 500).symbol(END).align();
                expected.extend_from_within(..258);
                assert_eq!(receive(&mut connection, &bits.message()).as_ref(), Ok(&expected));
            }
        }
    }
}

// 7692-7.2.1-08, 7692-7.2.2-06; R26
#[test]
fn r26_final_blocks_across_messages() {
    for role in ROLES {
        let mut connection = receiver(role, 10, true);
        let hello = Bits::new().fixed(true, b"Hello").align().message();
        let again = Bits::new().block(true, FIXED).copy(5, 5).symbol(END).align().message();
        assert_eq!(receive(&mut connection, &hello).as_deref(), Ok(&b"Hello"[..]));
        for _ in 0..300 {
            assert_eq!(receive(&mut connection, &again).as_deref(), Ok(&b"Hello"[..]));
            // An empty message of a final block that is completed by the tail.
            assert_eq!(receive(&mut connection, &hex("01")).as_deref(), Ok(&b""[..]));
            let plain = frame_for(role, 0x82, b"xxxxx");
            assert_eq!(feed(&mut connection, &plain), (vec![binary(b"xxxxx")], None));
        }
        assert_eq!(receive(&mut connection, &copy(5, 5)).as_deref(), Ok(&b"Hello"[..]));
        // A multiple of five octets has gone by: 1024 octets back there is an "e".
        let found = receive(&mut connection, &copy(6, 1024));
        assert_eq!(found.as_deref(), Ok(&b"elloHe"[..]));
    }
}

// 7692-5-20, 7692-7.2.2-08, 7692-7.2.2-10; R21
#[test]
fn r21_both_ends_keep_to_the_same_window() {
    let messages = messages();
    for (client_bits, server_bits) in [(9, 15), (15, 10)] {
        for (client, server) in [(true, true), (true, false), (false, true), (false, false)] {
            let agreed = by_both(client_bits, client, server_bits, server);
            let mut ends = ROLES.map(|role| end_by(role, agreed, |_| ()));
            for message in &messages {
                let [client, server] = &mut ends;
                client.send_binary(message).expect("there is room");
                server.send_binary(message).expect("there is room");
                assert!(carry(client, server) == [binary(message)], "{agreed}");
                assert!(carry(server, client) == [binary(message)], "{agreed}");
            }
        }
    }
}

fn by_both(client_bits: u8, client: bool, server_bits: u8, server: bool) -> AgreedParameters {
    let of_client = by_sender(Role::Client, client_bits, client);
    let mut agreed = by_sender(Role::Server, server_bits, server);
    agreed.client_max_window_bits = of_client.client_max_window_bits;
    agreed.client_no_context_takeover = of_client.client_no_context_takeover;
    agreed
}

/// Messages that repeat one another near and far, with empty ones and ones of noise between them.
fn messages() -> Vec<Vec<u8>> {
    let noise = noise(40_000);
    vec![
        b"Hello".to_vec(),
        b"".to_vec(),
        b"Hello".to_vec(),
        noise[..600].to_vec(),
        noise[..500].to_vec(),
        b"a".to_vec(),
        noise.clone(),
        noise[8_000..].to_vec(),
        vec![0; 70_000],
        b"".to_vec(),
        b"".to_vec(),
        noise[..32_768].to_vec(),
        noise[..32_768].to_vec(),
        b"Hello".to_vec(),
    ]
}

// 7692-7.3-01
#[test]
fn the_window_is_useful_by_default() {
    let agreed = agreed("");
    for bits in [agreed.client_max_window_bits, agreed.server_max_window_bits] {
        assert_eq!(bits.size(), 32 << 10, "much more than 1 KiB");
    }
}
