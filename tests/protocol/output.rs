//! The queue of octets that wait to be written (RFC 6455 §6.1 step 7), against a `Vec<u8>`.

use std::{io::IoSlice, sync::Arc};

use framewise::{Payload, Role};
use proptest::prelude::*;

use crate::pair::*;

/// What a program does with an output.
#[derive(Clone, Debug)]
enum Act {
    Lend(usize),
    Give(usize),
    GiveText(usize),
    Share(usize),
    ShareText(usize),
    Fragment(usize),
    Ping(usize),
    /// The transport takes so many octets, or all there are.
    Write(usize),
    /// The same by a vectored write of so many slices.
    WriteVectored(usize, usize),
    Release,
}

fn act() -> impl Strategy<Value = Act> {
    let len = prop_oneof![0_usize..200, 4090_usize..4100, 0_usize..20_000, Just(70_000_usize)];
    let taken = prop_oneof![0_usize..20, 0_usize..5000, 0_usize..100_000];
    prop_oneof![
        len.clone().prop_map(Act::Lend),
        len.clone().prop_map(Act::Give),
        len.clone().prop_map(Act::GiveText),
        len.clone().prop_map(Act::Share),
        len.clone().prop_map(Act::ShareText),
        len.prop_map(Act::Fragment),
        (0_usize..126).prop_map(Act::Ping),
        taken.clone().prop_map(Act::Write),
        taken.clone().prop_map(Act::Write),
        taken.clone().prop_map(Act::Write),
        (1_usize..6, taken).prop_map(|(slices, taken)| Act::WriteVectored(slices, taken)),
        Just(Act::Release),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    // 6455-6.1-04; R56: short writes of any size give the unbroken stream
    #[test]
    fn short_writes_lose_nothing(role in role(), acts in prop::collection::vec(act(), 1..40)) {
        let mut connection = end(role);
        let mut expected = Vec::new();
        let mut written = Vec::new();
        let mut continued = false;
        for (i, act) in acts.into_iter().enumerate() {
            let fill = b'a' + (i % 26) as u8;
            let mut payload = Vec::new();
            let mut opcode = 2;
            let text = |len| String::from_utf8(vec![fill; len]).unwrap();
            let release = matches!(act, Act::Release);
            let result = match act {
                Act::Lend(_) | Act::Give(_) | Act::Share(_) | Act::GiveText(_) | Act::ShareText(_)
                    if continued => continue,
                Act::Lend(len) => {
                    payload = vec![fill; len];
                    connection.send_binary(&payload)
                }
                Act::Give(len) => {
                    payload = vec![fill; len];
                    connection.send_binary(payload.clone())
                }
                Act::Share(len) => {
                    payload = vec![fill; len];
                    connection.send_binary(Arc::<[u8]>::from(payload.clone()))
                }
                Act::GiveText(len) => {
                    (payload, opcode) = (vec![fill; len], 1);
                    connection.send_text(text(len))
                }
                Act::ShareText(len) => {
                    (payload, opcode) = (vec![fill; len], 1);
                    connection.send_text(Arc::<str>::from(text(len)))
                }
                Act::Fragment(len) => {
                    payload = vec![fill; len];
                    opcode = if continued { 0 } else { 2 };
                    continued = true;
                    connection.send_fragment(payload.clone(), false)
                }
                Act::Ping(len) => {
                    (payload, opcode) = (vec![fill; len], 9);
                    connection.ping(&payload)
                }
                Act::Write(count) => {
                    let chunk = connection.output().chunk();
                    let count = count.min(chunk.len());
                    written.extend_from_slice(&chunk[..count]);
                    connection.output().advance(count);
                    continue;
                }
                Act::WriteVectored(count, taken) => {
                    let output = connection.output();
                    let mut slices = vec![IoSlice::new(b""); count];
                    #[cfg(feature = "std")]
                    let set = output.chunks_vectored(&mut slices);
                    #[cfg(not(feature = "std"))]
                    let set = slices
                        .iter_mut()
                        .zip(output.chunks())
                        .map(|(slice, chunk)| *slice = IoSlice::new(chunk))
                        .count();
                    prop_assert_eq!(set, output.chunks().count().min(count));
                    let mut all: Vec<u8> =
                        slices[..set].iter().flat_map(|slice| slice.iter().copied()).collect();
                    all.truncate(taken);
                    output.advance(all.len());
                    written.extend(all);
                    continue;
                }
                Act::Release => {
                    connection.output().release();
                    Ok(())
                }
            };
            if !release && result.is_ok() {
                expected.push((opcode, payload));
            }
            let output = connection.output();
            let total: usize = output.chunks().map(<[u8]>::len).sum();
            prop_assert_eq!(total, output.len());
            prop_assert_eq!(output.is_empty(), total == 0);
            prop_assert_eq!(output.chunk().is_empty(), total == 0);
            prop_assert!(output.chunks().all(|chunk| !chunk.is_empty()));
        }
        written.extend(drain(&mut connection));
        let found: Vec<(u8, Vec<u8>)> =
            frames(&written).into_iter().map(|frame| (frame.opcode, frame.payload)).collect();
        prop_assert_eq!(found, expected);
    }
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(ROLES.to_vec())
}

// Small frames leave in one write
#[test]
fn small_frames_are_one_chunk() {
    for role in ROLES {
        let mut connection = end(role);
        for _ in 0..50 {
            connection.send_text("Hello").unwrap();
            connection.ping(b"").unwrap();
        }
        assert_eq!(connection.output().chunks().count(), 1);
    }
}

// What is given away or shared is neither copied nor touched, from 4 KiB on
#[test]
fn large_payloads_are_moved() {
    const LEN: usize = 4 << 10;

    let sends = |role, payload: Payload<'_>| {
        let mut connection = end(role);
        connection.send(payload).unwrap();
        connection.output().chunks().nth(1).map(<[u8]>::as_ptr)
    };
    for role in ROLES {
        let payload = vec![7; LEN];
        let address = payload.as_ptr();
        assert_eq!(sends(role, payload.into()), Some(address), "masked in place by a client");
        let text = "a".repeat(LEN);
        let address = text.as_ptr();
        assert_eq!(sends(role, text.into()), Some(address));
        assert_eq!(sends(role, vec![7; LEN - 1].into()), None, "copied behind the header");
    }

    let shared: Arc<[u8]> = vec![7; LEN].into();
    assert_eq!(sends(Role::Server, Arc::clone(&shared).into()), Some(shared.as_ptr()));
    assert_eq!(sends(Role::Client, Arc::clone(&shared).into()), None, "masked in a copy");
    assert_eq!(*shared, [7; LEN]);
    let shared: Arc<str> = "a".repeat(LEN).into();
    assert_eq!(sends(Role::Server, Arc::clone(&shared).into()), Some(shared.as_ptr()));
    assert_eq!(sends(Role::Client, Arc::clone(&shared).into()), None);
    assert_eq!(sends(Role::Server, [7; LEN].as_slice().into()), None, "lent");
}

#[test]
fn release_keeps_what_waits() {
    for role in ROLES {
        let mut connection = end(role);
        connection.send_text("Hello").unwrap();
        connection.output().advance(1);
        connection.output().release();
        assert_eq!(connection.output().len(), if role == Role::Client { 10 } else { 6 });
        assert_eq!(drain(&mut connection)[0] & 0x7f, 5, "the second octet is first now");
    }
}

#[test]
#[should_panic(expected = "advanced by 3 bytes, 2 were queued")]
fn more_than_there_is_cannot_be_taken() {
    let mut server = end(Role::Server);
    server.ping(b"").unwrap();
    server.output().advance(3);
}

// Logs get to know how much waits, not what.
#[test]
fn debug_shows_no_payload() {
    let mut server = end(Role::Server);
    server.send_text("secret").unwrap();
    assert_eq!(format!("{:?}", server.output()), "Output { len: 8, .. }");
    let shown = format!("{server:?}");
    assert!(!shown.contains("secret") && !shown.contains("115, 101, 99"), "{shown}");
}

// A reader that takes a few octets at a time costs linear time: 4 MB in small writes are done at once.
// To move the rest down for each of them would take minutes.
#[test]
fn slow_readers_cost_linear_time() {
    let mut server = end(Role::Server);
    for _ in 0..1000 {
        server.send_binary(&[0; 4000][..]).unwrap();
    }
    while !server.output().is_empty() {
        let count = server.output().len().min(7);
        server.output().advance(count);
    }
}
