//! Delivery of messages in chunks (RFC 6455 §5.4, the streaming that it allows).

use framewise::{Delivery, Event, ProtocolError};

use crate::pair::*;

fn chunk(text: &str, fin: bool) -> Event<'_> {
    Event::TextChunk { text: text.into(), fin }
}

fn octets(payload: &[u8], fin: bool) -> Event<'_> {
    Event::BinaryChunk { payload: payload.into(), fin }
}

// 6455-5.4-19
#[test]
fn pieces_are_delivered_as_they_arrive() {
    for role in ROLES {
        let mut connection = chunked(role);
        let mut take = |vector: &str| events(&mut connection, &to(role, vector));
        assert_eq!(take("8102 6869"), [chunk("hi", true)]);
        assert_eq!(take("8200"), [octets(b"", true)]);
        assert_eq!(take("0101 61"), [chunk("a", false)]);
        assert_eq!(take("0000"), []);
        assert_eq!(take("8900"), [ping(b"")]);
        assert_eq!(take("8000"), [chunk("", true)]);
        assert_eq!(take("[0201 00][8001 ff]"), [octets(&[0], false), octets(&[0xff], true)]);
    }
}

// 6455-5.4-19: also of a frame whose end has not come
#[test]
fn a_frame_is_delivered_in_pieces() {
    for role in ROLES {
        let mut connection = chunked(role);
        let bytes = to(role, "8205 0102030405");
        let (head, tail) = bytes.split_at(bytes.len() - 3);
        assert_eq!(events(&mut connection, head), [octets(&[1, 2], false)]);
        assert_eq!(events(&mut connection, tail), [octets(&[3, 4, 5], true)]);
    }
}

// 6455-5.6-04
#[test]
fn no_chunk_is_cut_inside_a_code_point() {
    for role in ROLES {
        let mut connection = chunked(role);
        let bytes = to(role, "[0101 e2][0001 82][8003 ac6162]");
        let found = events(&mut connection, &bytes);
        assert_eq!(found, [chunk("", false), chunk("", false), chunk("€ab", true)]);
    }
}

// 6455-8.1-01
#[test]
fn bad_text_fails_in_chunks_too() {
    for role in ROLES {
        for (vector, before) in [
            ("[0101 61][8001 ff]", vec![chunk("a", false)]),
            ("[0101 61][8001 e2]", vec![chunk("a", false)]),
            ("[8101 ff]", vec![]),
        ] {
            let mut connection = chunked(role);
            let (found, error) = feed(&mut connection, &to(role, vector));
            assert_eq!((found, error), (before, Some(ProtocolError::InvalidUtf8)));
            assert_eq!(said(&mut connection), failure_close(ProtocolError::InvalidUtf8));
        }
    }
}

#[test]
fn the_delivery_changes_with_the_next_message() {
    for role in ROLES {
        let mut connection = end(role);
        assert_eq!(events(&mut connection, &to(role, "0101 61")), []);
        connection.set_delivery(Delivery::Chunks);
        assert_eq!(events(&mut connection, &to(role, "8001 62")), [text("ab")]);
        assert_eq!(events(&mut connection, &to(role, "0101 61")), [chunk("a", false)]);
        connection.set_delivery(Delivery::Messages);
        assert_eq!(events(&mut connection, &to(role, "8001 62")), [chunk("b", true)]);
        assert_eq!(events(&mut connection, &to(role, "8101 63")), [text("c")]);
    }
}
