//! Values as messages in JSON.

use std::collections::HashMap;

use framewise::{Config, Connection, Event, Input, JsonError, Message, Role, SendErrorKind};

use crate::pair::*;

/// A symbol, a price and a note.
type Trade<'a> = (&'a str, f64, Option<&'a str>);

const fn trade(note: &str) -> Trade<'_> {
    ("ABC", 12.5, Some(note))
}

#[test]
fn a_value_is_sent_as_its_text_would_be() {
    for role in ROLES {
        for len in [0, 60, 70, 125, 126, 5000, 70_000] {
            let note = "x".repeat(len);
            let value = trade(&note);
            let text = serde_json::to_string(&value).unwrap();
            for before in ["", "a message before"] {
                let (mut one, mut other) = (end(role), end(role));
                if !before.is_empty() {
                    one.send(before).unwrap();
                    other.send(before).unwrap();
                }
                one.send_json(&value).unwrap();
                other.send(text.as_str()).unwrap();
                assert!(said(&mut one) == said(&mut other), "{len} {before}");
            }
        }
    }
}

#[test]
fn a_value_comes_back() {
    for role in ROLES {
        let mut sender = end(if role == Role::Client { Role::Server } else { Role::Client });
        sender.send_json(&trade("€")).unwrap();
        sender.send(serde_json::to_vec(&trade("€")).unwrap()).unwrap();
        let mut bytes = drain(&mut sender);
        let mut receiver = end(role);
        let mut input = Input::new(&mut bytes);
        let mut count = 0;
        while let Some(event) = receiver.receive(&mut input).unwrap() {
            let value: Trade<'_> = event.json().unwrap();
            assert_eq!(value, trade("€"));
            assert_eq!(Message::from(serde_json::to_string(&value).unwrap()).json(), Ok(value));
            count += 1;
        }
        assert_eq!(count, 2);
    }
}

#[test]
fn an_error_says_where_and_not_what() {
    let read = |text: &str| Message::text(text).json::<HashMap<String, u32>>().unwrap_err();
    for (text, expected) in [
        ("{\"secret\": 1,\n \"b\" 2}", JsonError::Syntax { line: 2, column: 6 }),
        ("{\"secret\": \"secret\"}", JsonError::Type { line: 1, column: 19 }),
        ("{\"secret\":", JsonError::UnexpectedEnd { line: 1, column: 10 }),
        ("", JsonError::UnexpectedEnd { line: 1, column: 0 }),
        ("{} secret", JsonError::Syntax { line: 1, column: 4 }),
    ] {
        let error = read(text);
        assert_eq!(error, expected, "{text}");
        let said = format!("{error} {error:?}");
        assert!(!said.contains("secret"), "{said}");
    }
    let not_utf8 = Message::binary(*b"[\"\xff\"]").json::<Vec<String>>().unwrap_err();
    assert!(matches!(not_utf8, JsonError::Syntax { line: 1, .. }));
    let says = JsonError::Syntax { line: 2, column: 6 }.to_string();
    assert_eq!(says, "the message is not valid JSON at line 2, column 6");
}

#[test]
fn only_whole_messages_are_values() {
    for event in [
        ping(b"1"),
        pong(b"1"),
        close(1000, "1"),
        Event::TextChunk { text: "1".into(), fin: true },
        Event::BinaryChunk { payload: b"1".into(), fin: true },
    ] {
        assert_eq!(event.json::<u32>(), Err(JsonError::NotAMessage), "{event:?}");
    }
    assert_eq!((text("1").json::<u32>(), binary(b"1").json::<u32>()), (Ok(1), Ok(1)));
    // Deep nesting does not use up the stack.
    let deep = Message::text("[".repeat(1 << 20));
    assert!(deep.json::<serde_json::Value>().is_err());
}

#[test]
fn a_refused_value_leaves_everything_as_it_was() {
    for role in ROLES {
        let mut connection = end_with(role, |config| config.max_output = 100);
        connection.send("first").unwrap();
        let kind = |result: Result<(), framewise::SendError>| result.unwrap_err().kind();
        let keys: HashMap<(u8, u8), u8> = HashMap::from([((1, 2), 3)]);
        assert_eq!(kind(connection.send_json(&keys)), SendErrorKind::Serialize);
        let too_big = SendErrorKind::MessageTooBig { len: 202 + 14, limit: 100 };
        assert_eq!(kind(connection.send_json(&"x".repeat(200))), too_big);
        assert_eq!(kind(connection.send_json(&"x".repeat(80))), SendErrorKind::OutputFull);
        connection.send_fragment("a", false).unwrap();
        assert_eq!(kind(connection.send_json(&1)), SendErrorKind::UnfinishedMessage);
        connection.send_fragment("b", true).unwrap();
        connection.send_json(&[1, 2]).unwrap();
        connection.close(1000, "").unwrap();
        assert_eq!(kind(connection.send_json(&1)), SendErrorKind::Closed);
        let expected = hex("[8105 6669727374][0101 61][8001 62][8105 5b312c325d][8802 03e8]");
        assert_eq!(said(&mut connection), expected);
    }
}

#[cfg(feature = "std")]
#[test]
fn halves_send_values() {
    let (_receiving, mut sending) = Connection::server(Config::default()).into_split();
    sending.send_json("a").unwrap();
    assert_eq!(sending.output().chunk(), b"\x81\x03\"a\"");
}

#[test]
fn values_are_counted() {
    let mut connection = Connection::server(Config::default().stats(true));
    connection.send_json("a").unwrap();
    let sent = connection.stats().unwrap().sent;
    assert_eq!((sent.messages, sent.payload_bytes, sent.wire_bytes), (1, 3, 5));
}

#[cfg(feature = "deflate")]
#[test]
fn values_are_compressed() {
    use framewise::deflate::AgreedParameters;

    let mut connection = Connection::server(Config::default().stats(true).max_output(2000));
    connection.set_deflate(AgreedParameters::default());
    let value = "all work and no play ".repeat(80);
    connection.send_json(&value).unwrap();
    let sent = connection.stats().unwrap().sent;
    assert_eq!((sent.compressed_messages, sent.payload_bytes), (1, value.len() as u64 + 2));
    let mut bytes = drain(&mut connection);
    let mut client = Connection::client(Config::default(), SEED);
    client.set_deflate(AgreedParameters::default());
    let event = client.receive(&mut Input::new(&mut bytes)).unwrap().unwrap();
    assert_eq!(event.json::<String>().unwrap(), value);
    let refused = connection.send_json(&"x".repeat(9000)).unwrap_err().kind();
    assert!(matches!(refused, SendErrorKind::MessageTooBig { limit: 2000, .. }), "{refused:?}");
}
