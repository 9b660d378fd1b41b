//! Masking, its direction and its keys (RFC 6455 §5.1, §5.3, §10.3).

use std::collections::HashSet;

use framewise::{CloseCode, Config, Connection, ProtocolError, Role};

use crate::pair::*;

/// Every kind of frame that an endpoint can send, the replies among them.
fn every_frame(connection: &mut Connection) -> Vec<u8> {
    let role = connection.role();
    connection.send_text("text").unwrap();
    connection.send_text("").unwrap();
    connection.send_binary(vec![0; 70_000]).unwrap();
    connection.send_fragment("a", false).unwrap();
    connection.send_fragment("", false).unwrap();
    connection.send_fragment("b", true).unwrap();
    connection.ping(b"").unwrap();
    connection.pong(b"pong").unwrap();
    events(connection, &to(role, "8901 70"));
    connection.close(CloseCode::NORMAL, "").unwrap();
    drain(connection)
}

// 6455-5.1-01, 6455-5.1-03, 6455-5.3-01, 6455-5.5.1-08, 6455-6.1-08, 8441-5-09
#[test]
fn the_client_masks_every_frame() {
    let frames = frames(&every_frame(&mut end(Role::Client)));
    let opcodes: Vec<u8> = frames.iter().map(|frame| frame.opcode).collect();
    assert_eq!(opcodes, [1, 1, 2, 1, 0, 0, 9, 0xa, 0xa, 8]);
    assert!(frames.iter().all(|frame| frame.key.is_some()));
}

// 6455-5.1-07
#[test]
fn the_server_masks_no_frame() {
    let frames = frames(&every_frame(&mut end(Role::Server)));
    assert_eq!(frames.len(), 10);
    assert!(frames.iter().all(|frame| frame.key.is_none()));
}

// 6455-5.1-02
#[test]
fn an_empty_ping_of_the_client_has_six_octets() {
    let mut client = end(Role::Client);
    client.ping(b"").unwrap();
    let sent = drain(&mut client);
    assert_eq!((sent.len(), &sent[..2]), (6, &hex("8980")[..]));
}

// 6455-5.3-02, 6455-5.3-04, 6455-10.3-01, 6455-10.3-02; R49
#[test]
fn every_frame_has_a_key_of_its_own() {
    let mut client = end(Role::Client);
    let mut keys = Vec::new();
    for _ in 0..1000 {
        client.send_fragment("a", false).unwrap();
        client.ping(b"").unwrap();
        client.send_fragment("a", true).unwrap();
        events(&mut client, &hex("8900"));
        keys.extend(frames(&drain(&mut client)).into_iter().filter_map(|frame| frame.key));
    }
    assert_eq!(keys.len(), 4000);
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len(), "no key comes twice");
    // Neither a counter nor the bits of one: each bit is set about half of the time.
    for bit in 0..32 {
        let set = keys.iter().filter(|key| u32::from_be_bytes(**key) >> bit & 1 == 1).count();
        assert!((1700..2300).contains(&set), "bit {bit} was set {set} times in 4000 keys");
    }
    let steps: HashSet<u32> = keys
        .windows(2)
        .map(|pair| u32::from_be_bytes(pair[1]).wrapping_sub(u32::from_be_bytes(pair[0])))
        .collect();
    assert_eq!(steps.len(), keys.len() - 1, "no two steps are equal");
}

// 6455-5.3-03 (the seed decides; who seeds it is the adapters' affair)
#[test]
fn another_seed_gives_other_keys() {
    let sent = |seed| {
        let mut client = Connection::client(Config::default(), seed);
        client.send_text("Hello").unwrap();
        drain(&mut client)
    };
    assert_eq!(sent([1; 32]), sent([1; 32]));
    assert_ne!(sent([1; 32])[2..6], sent([2; 32])[2..6]);
}

// 6455-10.3-01: logs do not tell the keys to come
#[test]
fn debug_does_not_show_the_generator() {
    let shown = format!("{:?}", end(Role::Client));
    assert!(!shown.contains("state: ["), "{shown}");
    let other = format!("{:?}", Connection::client(Config::default(), [8; 32]));
    assert_eq!(shown, other, "nothing of the seed shows");
    assert!(shown.contains("Open"), "but the state does: {shown}");
}

// 6455-5.1-04, 6455-5.1-05, 6455-5.1-06, 6455-10.7-02; R29
#[test]
fn the_server_refuses_unmasked_frames() {
    for vector in [
        "8105 48656c6c6f",
        "8900",
        "8a00",
        "8800",
        "8100",
        "0100",
        "8000",
        "817e",
        "827f",
        "8802 03e8",
    ] {
        for len in [usize::MAX, 1] {
            let mut server = end(Role::Server);
            fails(&mut server, &[], ProtocolError::UnmaskedFrame, 1002, &hex(vector), len);
        }
    }
    let mut server = end(Role::Server);
    feed(&mut server, &hex("8105 48656c6c6f"));
    assert_eq!(drain(&mut server), failure_close(ProtocolError::UnmaskedFrame));
}

// 6455-5.1-08, 6455-5.1-09; R29
#[test]
fn the_client_refuses_masked_frames() {
    for vector in [
        "8185 37fa213d 7f9f4d5158",
        "8980 00000000",
        "8a80",
        "8880",
        "8180",
        "81fe",
        "81ff",
        "8882 37fa213d 3412",
    ] {
        for len in [usize::MAX, 1] {
            let mut client = end(Role::Client);
            fails(&mut client, &[], ProtocolError::MaskedFrame, 1002, &hex(vector), len);
        }
    }
    let mut client = end(Role::Client);
    feed(&mut client, &hex("8180"));
    assert_eq!(said(&mut client), failure_close(ProtocolError::MaskedFrame));
}

// 6455-5.1-04, 6455-5.2-22: a frame that is wrong twice gives the same error in any split
#[test]
fn the_first_octet_is_judged_before_the_mask() {
    for (vector, error) in [
        ("8300", ProtocolError::ReservedOpcode),
        ("a100", ProtocolError::ReservedBits),
        ("0900", ProtocolError::FragmentedControlFrame),
    ] {
        for role in ROLES {
            // In the wrong direction: masked for a client, not masked for a server.
            let bytes = to(role.peer(), vector);
            for len in [usize::MAX, 1] {
                fails(&mut end(role), &[], error, 1002, &bytes, len);
            }
        }
    }
}

// 6455-5.3-05, 6455-5.3-06, 6455-5.3-08; R53
#[test]
fn every_length_and_read_unmasks_the_same() {
    for len in 0..=300 {
        let payload: Vec<u8> = (0..len).map(|i| (i * 7 % 256) as u8).collect();
        let plain = Frame { fin: true, rsv: 0, opcode: 2, key: None, payload: payload.clone() };
        let bytes = mask_frames(&[plain.encode(), plain.encode()].concat(), KEY);
        assert_eq!(bytes.len(), 2 * (plain.encode().len() + 4));
        for read in [1, 2, 3, 5, 7, 64, 1000] {
            let (found, error) = feed_by(&mut end(Role::Server), &bytes, read);
            assert_eq!((found, error), (vec![binary(&payload), binary(&payload)], None));
        }
    }
}

// 6455-5.3-07, 6455-5.3-05
#[test]
fn any_key_is_allowed() {
    for vector in
        ["8185 00000000 48656c6c6f", "8185 37fa213d 7f9f4d5158", "8185 ffffffff b79a939390"]
    {
        assert_eq!(events(&mut end(Role::Server), &hex(vector)), [text("Hello")]);
    }
}

// 6455-10.3-02; R53: what is lent is copied before it is masked, what is shared too
#[test]
fn the_callers_payload_is_never_changed() {
    let mut lent = vec![0x55; 10_000];
    let shared: std::sync::Arc<[u8]> = lent.clone().into();
    for role in ROLES {
        let mut connection = end(role);
        connection.send_binary(&lent).unwrap();
        connection.send_binary(shared.clone()).unwrap();
        connection.send_binary(lent.clone()).unwrap();
        assert!(lent.iter().chain(shared.iter()).all(|&octet| octet == 0x55));
        // Nor does the frame change with what the caller does to the octets afterwards.
        lent.fill(0xaa);
        let sent = frames(&drain(&mut connection));
        lent.fill(0x55);
        assert!(sent.iter().all(|frame| frame.payload == lent));
        assert_eq!(sent.len(), 3);
    }
}
