//! What can be done with messages.

use std::borrow::Cow;

use axum::body::Bytes;

use super::ws::{CloseCode, CloseFrame, Message, Utf8Bytes, close_code};

const HELLO: Utf8Bytes = Utf8Bytes::from_static("Hello");

pub(crate) fn check() {
    let text = Message::Text(HELLO);
    for same in [
        Message::from("Hello"),
        Message::from("Hello".to_owned()),
        Message::text("Hello"),
        Message::text(String::from("Hello")),
        Message::text(&String::from("Hello")),
        Message::Text(Utf8Bytes::try_from(Bytes::from_static(b"Hello")).unwrap()),
        Message::Text(Utf8Bytes::try_from(b"Hello".to_vec()).unwrap()),
    ] {
        assert_eq!(same, text);
    }
    let binary = Message::Binary(Bytes::from_static(b"Hello"));
    for same in [
        Message::from(&b"Hello"[..]),
        Message::from(b"Hello".to_vec()),
        Message::from(Bytes::from_static(b"Hello")),
        Message::binary("Hello"),
        Message::binary(vec![b'H', b'e', b'l', b'l', b'o']),
    ] {
        assert_eq!(same, binary);
        assert_ne!(same, text);
    }
    let code: CloseCode = close_code::AWAY;
    let close = Message::Close(Some(CloseFrame { code, reason: "Hello".into() }));
    for message in [text.clone(), binary, close.clone(), Message::Ping("Hello".into())] {
        assert_eq!(message.to_text().unwrap(), "Hello");
        assert_eq!(message.clone().into_text().unwrap(), HELLO);
        assert_eq!(message.clone().into_data(), "Hello");
        assert_eq!(Vec::<u8>::from(message), b"Hello");
    }
    let invalid = Message::Pong(Bytes::from_static(b"\xff"));
    assert!(invalid.to_text().is_err());
    assert!(invalid.clone().into_text().unwrap_err().to_string().contains("utf-8"));
    assert_eq!(invalid.into_data(), &b"\xff"[..]);
    assert!(Utf8Bytes::try_from(vec![0xff]).is_err());
    let none = Message::Close(None);
    assert_eq!((none.to_text().unwrap(), none.clone().into_data().len()), ("", 0));
    assert_eq!(none.clone().into_text().unwrap(), Utf8Bytes::default());
    assert_ne!(none, close);

    assert_eq!((HELLO.as_str(), HELLO.len(), &HELLO[1..3]), ("Hello", 5, "el"));
    assert_eq!(HELLO, "Hello");
    assert_eq!(HELLO, "Hello".to_owned());
    assert_eq!(HELLO, Cow::from("Hello"));
    assert_eq!(format!("{HELLO} {HELLO:>7}"), "Hello Hello");
    assert_eq!(Bytes::from(HELLO.clone()), Bytes::from(Utf8Bytes::from("Hello")));
    let codes = [
        close_code::NORMAL,
        close_code::AWAY,
        close_code::PROTOCOL,
        close_code::UNSUPPORTED,
        close_code::STATUS,
        close_code::ABNORMAL,
        close_code::INVALID,
        close_code::POLICY,
        close_code::SIZE,
        close_code::EXTENSION,
        close_code::ERROR,
        close_code::RESTART,
        close_code::AGAIN,
    ];
    let numbers = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013];
    assert_eq!(codes, numbers);
}
