//! Fragmentation (RFC 6455 §5.4).

use framewise::{ProtocolError, SendErrorKind};

use crate::pair::*;

// 6455-5.4-01, 6455-5.4-02, 6455-5.4-12, 6455-5.4-18, 6455-6.2-04, 6455-5.7-03
#[test]
fn a_message_in_any_frames_is_the_same_message() {
    gives("8105 48656c6c6f", &[text("Hello")]);
    gives("[0103 48656c][8002 6c6f]", &[text("Hello")]);
    gives("[0102 4865][0001 6c][8002 6c6f]", &[text("Hello")]);
    gives("[0101 48][0001 65][0001 6c][0001 6c][8001 6f]", &[text("Hello")]);
    gives("[0202 0102][8001 03]", &[binary(&[1, 2, 3])]);
    gives("8203 010203", &[binary(&[1, 2, 3])]);
}

// 6455-5.4-03; R13
#[test]
fn a_continuation_of_nothing_fails() {
    use ProtocolError::UnexpectedContinuation;
    fails_with(UnexpectedContinuation, 1002, "8000");
    fails_with(UnexpectedContinuation, 1002, "0001 61");
    fails_after(&[text("a")], UnexpectedContinuation, 1002, "[8101 61][8001 62]");
    fails_after(&[text("ab")], UnexpectedContinuation, 1002, "[0101 61][8001 62][8001 63]");
    fails_after(&[pong(b"")], UnexpectedContinuation, 1002, "[8a00][0000]");
}

// 6455-5.4-04, 6455-5.4-09; R13
#[test]
fn a_message_inside_another_fails() {
    use ProtocolError::UnfinishedMessage;
    fails_with(UnfinishedMessage, 1002, "[0101 61][8101 62]");
    fails_with(UnfinishedMessage, 1002, "[0101 61][0201 62]");
    fails_with(UnfinishedMessage, 1002, "[0201 61][0001 61][8201 62]");
    fails_after(&[pong(b"")], UnfinishedMessage, 1002, "[0100][8a00][8100]");
}

// 6455-5.4-05; R11
#[test]
fn empty_fragments_are_legal_anywhere() {
    gives("[0100][0000][8000]", &[text("")]);
    gives("[0100][8001 61]", &[text("a")]);
    gives("[0201 61][0000][0001 62][8000]", &[binary(b"ab")]);
}

// 6455-5.4-06, 6455-6.1-06, 6455-6.1-07, 6455-5.4-17, 6455-6.1-05
#[test]
fn control_frames_go_between_fragments() {
    for role in ROLES {
        let mut connection = end(role);
        connection.send_fragment("Hel", false).unwrap();
        connection.ping(b"pi").unwrap();
        connection.send_fragment("l", false).unwrap();
        connection.pong(b"po").unwrap();
        connection.send_fragment("o", true).unwrap();
        assert_eq!(
            said(&mut connection),
            hex("[0103 48656c][8902 7069][0001 6c][8a02 706f][8001 6f]")
        );
    }
}

// 6455-5.4-08
#[test]
fn order_is_kept() {
    let fragments: Vec<Vec<u8>> = (0..100_u8).map(|i| vec![i; usize::from(i) * 90]).collect();
    let whole = fragments.concat();
    for role in ROLES {
        let mut sender = end(role.peer());
        for (i, fragment) in fragments.iter().enumerate() {
            // Lent ones are copied, owned ones moved from 4 KiB on: the order is the same.
            match i % 2 {
                0 => sender.send_fragment(fragment, i == 99).unwrap(),
                _ => sender.send_fragment(fragment.clone(), i == 99).unwrap(),
            }
        }
        let sent = drain(&mut sender);
        assert_eq!(events(&mut end(role), &sent), [binary(&whole)]);
        let payloads: Vec<_> = frames(&sent).into_iter().map(|frame| frame.payload).collect();
        assert_eq!(payloads, fragments);
    }
}

// 6455-5.4-09
#[test]
fn the_sender_does_not_interleave() {
    for role in ROLES {
        let mut connection = end(role);
        connection.send_fragment("a", false).unwrap();
        let before = connection.output().chunk().to_vec();
        let error = connection.send_text("b").unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::UnfinishedMessage);
        let error = connection.send_binary(vec![1]).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::UnfinishedMessage);
        assert_eq!(error.into_payload(), Some(vec![1].into()));
        let error = connection.send_fragment(b"b", true).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::MixedFragments);
        assert_eq!(connection.output().chunk(), before);
        connection.send_fragment("c", true).unwrap();
        connection.send_binary(b"d").unwrap();
        assert_eq!(said(&mut connection), hex("[0101 61][8001 63][8201 64]"));
    }
}

// 6455-5.4-10; R12
#[test]
fn control_frames_inside_a_message_are_handled_at_once() {
    replies("[0103 48656c][8902 7069][8002 6c6f]", &[ping(b"pi"), text("Hello")], "8a02 7069");
    gives("[0103 48656c][8a02 706f][8002 6c6f]", &[pong(b"po"), text("Hello")]);
    replies("[0103 48656c][8802 03e9]", &[close(1001, "")], "8802 03e9");
    for role in ROLES {
        let mut connection = end(role);
        assert_eq!(events(&mut connection, &to(role, "[0103 48656c][8902 7069]")), [ping(b"pi")]);
        assert_eq!(said(&mut connection), hex("8a02 7069"), "before the message ends");
        assert_eq!(events(&mut connection, &to(role, "8002 6c6f")), [text("Hello")]);
    }
}

// 6455-5.4-11, 6455-6.1-05
#[test]
fn fragments_have_the_size_that_was_asked_for() {
    for role in ROLES {
        let mut connection = end(role);
        let sizes = [0, 1, 125, 126, 4095, 4096, 65535, 65536];
        for size in sizes {
            connection.send_fragment(vec![0; size], size == 65536).unwrap();
        }
        let sent = frames(&drain(&mut connection));
        assert_eq!(sent.iter().map(|frame| frame.payload.len()).collect::<Vec<_>>(), sizes);
        let fins: Vec<bool> = sent.iter().map(|frame| frame.fin).collect();
        assert_eq!(fins, [false, false, false, false, false, false, false, true]);
    }
}

// 6455-5.4-17, 6455-6.2-03
#[test]
fn the_first_fragment_gives_the_type() {
    gives("[0201 ff][8001 fe]", &[binary(&[0xff, 0xfe])]);
    gives("[0101 61][8001 62]", &[text("ab")]);
    for role in ROLES {
        let mut connection = end(role);
        for fin in [false, false, true] {
            connection.send_fragment(b"\xff", fin).unwrap();
        }
        assert_eq!(said(&mut connection), hex("[0201 ff][0001 ff][8001 ff]"));
    }
}

// 6455-6.2-05
#[test]
fn what_follows_the_final_fragment_is_another_message() {
    gives("[0101 61][8001 62][8101 63]", &[text("ab"), text("c")]);
    gives("[0101 61][8001 62][0201 63][8001 64]", &[text("ab"), binary(b"cd")]);
}
