//! Receiving data (RFC 6455 §6.2).

use framewise::{Event, Input, Role, SendError};

use crate::pair::*;

// 6455-6.2-01, 6455-6.2-03, 6455-6.2-04
#[test]
fn one_event_for_each_message_and_none_before_its_end() {
    for role in ROLES {
        let mut connection = end(role);
        for (vector, expected) in [
            ("0101 61", vec![]),
            ("0000", vec![]),
            ("8a00", vec![pong(b"")]),
            ("0001 62", vec![]),
            ("8001 63", vec![text("abc")]),
            ("8202 0001", vec![binary(&[0, 1])]),
        ] {
            assert_eq!(events(&mut connection, &to(role, vector)), expected);
        }
    }
}

// 6455-6.2-08: the mask is removed in place and the event borrows the caller's buffer
#[test]
fn a_message_that_lies_whole_in_the_input_is_borrowed() {
    let mut server = end(Role::Server);
    let mut bytes = hex("[8185 37fa213d 7f9f4d5158][8281 00000000 ff][0181 00000000 61]");
    let range = bytes.as_ptr_range();
    let mut input = Input::new(&mut bytes);
    let Some(Event::Text(std::borrow::Cow::Borrowed(text))) = server.receive(&mut input).unwrap()
    else {
        panic!("borrowed text");
    };
    assert_eq!(text, "Hello");
    assert!(range.contains(&text.as_ptr()));
    let event = server.receive(&mut input).unwrap();
    assert!(matches!(event, Some(Event::Binary(std::borrow::Cow::Borrowed(b"\xff")))));
    assert_eq!(server.receive(&mut input).unwrap(), None);
    assert_eq!(text, "Hello", "events live as long as the buffer");
}

// R25, R51: several events live at once, and the machine is free between them
#[test]
fn events_outlive_the_borrow_of_the_machine() {
    let mut server = end(Role::Server);
    let mut bytes = mask_frames(&hex("[8101 61][8101 62]"), KEY);
    let mut input = Input::new(&mut bytes);
    let first = server.receive(&mut input).unwrap().unwrap();
    let second = server.receive(&mut input).unwrap().unwrap();
    for event in [second, first] {
        let Event::Text(text) = event else { panic!("text") };
        server.send_text(text).unwrap();
    }
    assert_eq!(drain(&mut server), hex("[8101 62][8101 61]"));
}

#[test]
fn a_batch_may_be_left_half_way() {
    let mut server = end(Role::Server);
    let mut bytes = mask_frames(&hex("[8101 61][8101 62][8101 63]"), KEY);
    let mut input = Input::new(&mut bytes);
    assert_eq!(server.receive(&mut input).unwrap(), Some(text("a")));
    let rest = input.as_slice().to_vec();
    assert_eq!(events(&mut server, &rest), [text("b"), text("c")]);
}

// R51: connections and what they give are what their parts are
#[test]
fn everything_is_send() {
    fn check<T: Send + Sync + 'static>() {}
    check::<framewise::Connection>();
    check::<framewise::ProtocolError>();
    check::<SendError>();
    check::<Event<'static>>();
    #[cfg(feature = "std")]
    check::<(framewise::ReceiveHalf, framewise::SendHalf)>();
}
