//! The answer that opens the connection (RFC 6455 §4.2.2).

use framewise::{
    Config, Connection, Event, Input, State,
    handshake::{Acceptance, HeaderError, HttpVersion, Upgrade},
};

use crate::support::{ACCEPT, KEY, Message, octets, request, upgrade};

fn opened(lines: &[&str], acceptance: Acceptance) -> Message {
    let mut connection = upgrade(request(&[], lines)).accept(acceptance).unwrap();
    Message::read(&octets(connection.output()))
}

// 6455-4.2.2-01, 6455-4.2.2-19, 6455-4.2.2-20, 6455-4.2.2-21, 6455-4.2.2-22, 6455-4.2.2-23
// 9110-7.8-02, 9110-7.8-04, 9112-6.1-01, 9112-2.1-01, 9112-2.2-07, 9112-5.2-01, 9110-5.3-02,
// 6455-11.3.3-01, 6455-11.2-01
#[test]
fn response_is_a_101() {
    let mut connection = upgrade(request(&[], &[])).accept(Acceptance::new()).unwrap();
    let bytes = octets(connection.output());
    assert!(bytes.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
    assert!(bytes.ends_with(b"\r\n\r\n"));
    let response = Message::read(&bytes);
    assert_eq!(response.value("Upgrade"), Some("websocket"));
    assert_eq!(response.value("Connection"), Some("Upgrade"));
    assert_eq!(response.value("Sec-WebSocket-Accept"), Some(ACCEPT));
    assert_eq!(response.value("Transfer-Encoding"), None);
    assert_eq!(response.value("Content-Length"), None);
    assert_eq!(response.fields.len(), 3);
    assert!(response.body.is_empty());
}

// 6455-4.2.2-11, 6455-4.2.2-14, 6455-4.2.2-15, 6455-4.2.2-25, 6455-11.3.4-02
#[test]
fn subprotocol_is_one_that_was_offered() {
    let lines = ["Sec-WebSocket-Protocol: chat, superchat"];
    let response = opened(&lines, Acceptance::new().subprotocol("superchat"));
    assert_eq!(response.value("Sec-WebSocket-Protocol"), Some("superchat"));
    for name in ["other", "Chat", "", "chat, superchat", "chat\r\nX: y"] {
        let acceptance = Acceptance::new().subprotocol(name);
        let error = upgrade(request(&[], &lines)).accept(acceptance).unwrap_err();
        // The request is not lost by the mistake.
        assert_eq!(error.upgrade.subprotocols().count(), 2);
        assert!(error.upgrade.accept(Acceptance::new().subprotocol("chat")).is_ok());
    }
}

// 6455-4.2.2-12, 6455-4.2.2-14, 6455-4.2.2-18, 6455-9-02
#[test]
fn what_is_not_agreed_is_not_written() {
    let lines =
        ["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: x-a, permessage-deflate"];
    let response = opened(&lines, Acceptance::new());
    assert_eq!(response.value("Sec-WebSocket-Protocol"), None);
    assert_eq!(response.value("Sec-WebSocket-Extensions"), None);
}

// 6455-4.2.2-13
#[test]
fn no_subprotocol_can_be_chosen_without_an_offer() {
    let acceptance = Acceptance::new().subprotocol("chat");
    assert!(upgrade(request(&[], &[])).accept(acceptance).is_err());
}

// 7936-2-01
#[test]
fn subprotocols_are_selected_exactly_and_in_the_order_of_the_client() {
    let upgrade = upgrade(request(&[], &["Sec-WebSocket-Protocol: Chat, a, b"]));
    assert_eq!(upgrade.select_subprotocol(&["chat"]), None);
    assert_eq!(upgrade.select_subprotocol(&["b", "a"]), Some("a"));
}

// 6455-9.1-06
#[test]
fn unknown_extensions_are_passed_over() {
    let response = opened(&["Sec-WebSocket-Extensions: x-a; b=1, x-c"], Acceptance::new());
    assert_eq!(response.values("Sec-WebSocket-Extensions").count(), 0);
}

// 6455-4.2.2-27
#[test]
fn frames_follow_the_response() {
    let mut connection = upgrade(request(&[], &[])).accept(Acceptance::new()).unwrap();
    assert_eq!(connection.state(), State::Open);
    connection.send_text("hi").unwrap();
    let response = Message::read(&octets(connection.output()));
    assert_eq!((response.status, &*response.body), (101, &b"\x81\x02hi"[..]));
}

// 6455-4.2.2-28, 9112-2.2-03; R43
#[test]
fn additional_fields_cannot_break_the_response() {
    let acceptance = Acceptance::new().header("Set-Cookie", "a=1").unwrap();
    let acceptance = acceptance.header("x-server", "b").unwrap();
    let response = opened(&[], acceptance);
    let own: Vec<_> = response.fields[3..].iter().map(|f| (&*f.0, &*f.1)).collect();
    assert_eq!(own, [("Set-Cookie", "a=1"), ("x-server", "b")]);
    for (name, value, error) in [
        ("a b", "x", HeaderError::Name),
        ("", "x", HeaderError::Name),
        ("a", "x\r\nY: z", HeaderError::Value),
        ("a", "x\0", HeaderError::Value),
        ("Upgrade", "x", HeaderError::Protected),
        ("connection", "x", HeaderError::Protected),
        ("SEC-WEBSOCKET-ACCEPT", "x", HeaderError::Protected),
        ("Sec-WebSocket-Protocol", "x", HeaderError::Protected),
        ("Sec-WebSocket-Extensions", "x", HeaderError::Protected),
        ("Content-Length", "0", HeaderError::Protected),
        ("Transfer-Encoding", "chunked", HeaderError::Protected),
    ] {
        assert_eq!(Acceptance::new().header(name, value).unwrap_err(), error, "{name:?}");
    }
}

// 9110-7.8-06
#[test]
fn an_expectation_is_met_before_the_switch() {
    let mut connection =
        upgrade(request(&[], &["Expect: 100-Continue"])).accept(Acceptance::new()).unwrap();
    let bytes = octets(connection.output());
    let rest = bytes.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
    assert_eq!(Message::read(rest).status, 101);
}

// 6455-4.2-01
#[test]
fn a_request_that_was_parsed_elsewhere_is_taken() {
    let headers: [(&str, &[u8]); 6] = [
        ("host", b"h"),
        ("upgrade", b"WebSocket"),
        ("connection", b"keep-alive, Upgrade"),
        ("sec-websocket-key", KEY.as_bytes()),
        ("sec-websocket-version", b"13"),
        ("sec-websocket-protocol", b"chat"),
    ];
    let upgrade =
        Upgrade::from_http("GET", HttpVersion::Http11, "/a?b", headers, Config::default()).unwrap();
    assert_eq!((upgrade.resource(), upgrade.host()), ("/a?b", "h"));
    let acceptance = Acceptance::new().subprotocol("chat").header("X-Y", "z").unwrap();
    let mut accepted = upgrade.accept_http(acceptance).unwrap();
    assert_eq!(accepted.status, 101);
    let fields: Vec<_> = accepted.headers.iter().collect();
    let expected: [(&str, &[u8]); 5] = [
        ("Upgrade", b"websocket"),
        ("Connection", b"Upgrade"),
        ("Sec-WebSocket-Accept", ACCEPT.as_bytes()),
        ("Sec-WebSocket-Protocol", b"chat"),
        ("X-Y", b"z"),
    ];
    assert_eq!(fields, expected);
    assert!(accepted.connection.output().is_empty());
    let mut leftover = *b"\x81\x80\0\0\0\0";
    assert!(matches!(
        accepted.connection.receive(&mut Input::new(&mut leftover)),
        Ok(Some(Event::Text(_)))
    ));
    // And a connection may be made without any handshake here.
    assert_eq!(Connection::server(Config::default()).state(), State::Open);
}

// 6455-4.2-01
#[test]
fn a_request_that_was_parsed_elsewhere_is_checked_alike() {
    use framewise::handshake::HandshakeError as E;
    let check = |method, version, target, without: &str, with: (&'static str, &'static [u8])| {
        let headers: [(&str, &[u8]); 5] = [
            ("host", b"h"),
            ("upgrade", b"websocket"),
            ("connection", b"Upgrade"),
            ("sec-websocket-key", KEY.as_bytes()),
            ("sec-websocket-version", b"13"),
        ];
        let headers = headers.into_iter().filter(|field| field.0 != without).chain([with]);
        Upgrade::from_http(method, version, target, headers, Config::default()).err()
    };
    let none: (&str, &[u8]) = ("x", b"");
    let http = HttpVersion::Http11;
    assert_eq!(check("GET", http, "/", "", none), None);
    assert_eq!(check("POST", http, "/", "", none), Some(E::InvalidMethod));
    assert_eq!(check("GET", HttpVersion::Http10, "/", "", none), Some(E::UnsupportedHttpVersion));
    assert_eq!(check("GET", http, "a", "", none), Some(E::InvalidTarget));
    assert_eq!(check("GET", http, "/", "host", none), Some(E::InvalidHost));
    assert_eq!(check("GET", http, "/", "upgrade", none), Some(E::InvalidUpgrade));
    assert_eq!(check("GET", http, "/", "connection", none), Some(E::InvalidConnection));
    assert_eq!(check("GET", http, "/", "sec-websocket-key", none), Some(E::InvalidKey));
    assert_eq!(check("GET", http, "/", "sec-websocket-version", none), Some(E::InvalidVersion));
    assert_eq!(check("GET", http, "/", "", ("content-length", b"1")), Some(E::RequestBody));
    assert_eq!(check("GET", http, "/", "", ("a b", b"1")), Some(E::InvalidHead));
    assert_eq!(check("GET", http, "/", "", ("a", b"1\r\nb: c")), Some(E::InvalidHead));
}
