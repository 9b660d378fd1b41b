//! Payloads of the crate `bytes`.

use bytes::{Bytes, BytesMut};
use framewise::{Binary, Connection, Message, Payload, Role};

use crate::pair::*;

#[test]
fn they_are_sent_as_others_are() {
    for role in ROLES {
        for len in [0, 1, 4095, 4096, 70_000] {
            let payload = vec![7; len];
            let sent = |payload: Payload<'_>| {
                let mut connection = end(role);
                connection.send(payload).unwrap();
                said(&mut connection)
            };
            let expected = sent(Payload::from(&payload));
            let bytes = Bytes::from(payload.clone());
            assert!(sent(Payload::from(&bytes)) == expected, "{len}");
            assert!(sent(Payload::from(BytesMut::from(&payload[..]))) == expected, "{len}");
            assert!(sent(Binary::from(bytes).into()) == expected, "{len}");
        }
    }
}

// The same memory is in the output of each.
#[test]
fn a_server_queues_large_ones_without_a_copy() {
    let bytes = Bytes::from(vec![7; 4096]);
    let mut connection = end(Role::Server);
    connection.send(bytes.clone()).unwrap();
    assert!(connection.output().chunks().any(|chunk| chunk.as_ptr() == bytes.as_ptr()));
    assert_eq!(connection.output().len(), 4 + 4096);
    connection.output().advance(4 + 4095);
    assert_eq!(connection.output().chunk(), [7]);
    connection.output().advance(1);
    assert!(bytes.is_unique(), "nothing is kept");

    let mut client = end(Role::Client);
    client.send(bytes.clone()).unwrap();
    assert!(client.output().chunks().all(|chunk| chunk.as_ptr() != bytes.as_ptr()));
    assert!(bytes.iter().all(|byte| *byte == 7), "a copy is masked");
}

#[test]
fn a_message_that_is_refused_comes_back_as_it_was() {
    let mut connection: Connection = end_with(Role::Server, |config| config.max_output = 100);
    let bytes = Bytes::from(vec![7; 4096]);
    let error = connection.send(bytes.clone()).unwrap_err();
    let payload = error.into_payload().unwrap();
    assert_eq!(payload.as_bytes().as_ptr(), bytes.as_ptr());
    assert!(!payload.is_text());
    assert_eq!(payload.into_message(), Message::from(bytes));
}

#[test]
fn messages_become_bytes_without_a_copy() {
    for message in [Message::text("a".repeat(100)), Message::binary(vec![0; 100])] {
        let place = message.as_bytes().as_ptr();
        let bytes = Bytes::from(message);
        assert_eq!((bytes.as_ptr(), bytes.len()), (place, 100));
        let message = Message::from(bytes);
        assert_eq!(message.as_bytes().as_ptr(), place, "nobody shares them");
        let bytes = Bytes::from(message);
        assert_ne!(Message::from(bytes.clone()).as_bytes().as_ptr(), place, "they are shared");
    }
}
