//! A client over somebody else's HTTP/1.1: the fields of the request, and the check of the response.

use framewise::{
    Config, Event, Input,
    deflate::DeflateConfig,
    handshake::{
        Acceptance, ClientHandshake, ClientRequest, HandshakeError, HttpVersion, Pending, Upgrade,
    },
};
use proptest::prelude::*;

fn config() -> Config {
    Config::default().deflate(DeflateConfig::default())
}

fn request() -> ClientRequest {
    ClientRequest::new("wss://example.com:8443/chat?room=1")
        .unwrap()
        .subprotocol("chat")
        .and_then(|request| request.header("X-Own", "1"))
        .unwrap()
        .origin("https://example.com".parse().unwrap())
}

fn pending() -> Pending {
    request().into_http(config(), [7; 32]).1
}

/// The response of a server of this crate to a request with these fields.
fn accepted(fields: &[(String, Vec<u8>)]) -> (u16, Vec<(String, Vec<u8>)>) {
    let fields = fields.iter().map(|(name, value)| (&**name, &**value));
    let upgrade =
        Upgrade::from_http("GET", HttpVersion::Http11, "/chat?room=1", fields, config()).unwrap();
    let accepted = upgrade.accept_http(Acceptance::new().subprotocol("chat")).unwrap();
    let fields = accepted.headers.iter();
    (accepted.status, fields.map(|(name, value)| (name.into(), value.into())).collect())
}

fn upgraded(
    pending: Pending,
    status: u16,
    fields: &[(String, Vec<u8>)],
) -> Result<framewise::handshake::Established, HandshakeError> {
    pending.upgraded(status, fields.iter().map(|(name, value)| (&**name, &**value)))
}

// 6455-4.1-19, 6455-4.1-20
#[test]
fn the_fields_are_those_of_the_clients_own_handshake() {
    let (fields, _) = request().into_http(config(), [7; 32]);
    let mut head = String::from("GET /chat?room=1 HTTP/1.1\r\n");
    for (name, value) in &fields {
        head += &format!("{name}: {}\r\n", str::from_utf8(value).unwrap());
    }
    head += "\r\n";
    let mut handshake = ClientHandshake::new(request(), config(), [7; 32]);
    assert_eq!(head.as_bytes(), handshake.output().chunk());
}

#[test]
fn a_valid_response_opens_the_connection() {
    let (fields, pending) = request().into_http(config(), [7; 32]);
    let (status, fields) = accepted(&fields);
    let mut established = upgraded(pending, status, &fields).unwrap();
    assert_eq!(established.response.subprotocol(), Some("chat"));
    assert!(established.connection.deflate().is_some());
    established.connection.send_text("Hello").unwrap();
    let mut frame = *b"\x81\x02hi";
    let event = established.connection.receive(&mut Input::new(&mut frame)).unwrap();
    assert!(matches!(event, Some(Event::Text(text)) if text == "hi"));
}

// 6455-4.1-62 and those after it: the checks are those of the client's own handshake
#[test]
fn a_response_that_is_not_valid_is_refused() {
    let (fields, _) = request().into_http(config(), [7; 32]);
    let (_, right) = accepted(&fields);
    let without = |name: &str| -> Vec<_> {
        right.iter().filter(|(other, _)| other != name).cloned().collect()
    };
    let with = |name: &str, value: &str| {
        let mut fields = without(name);
        fields.push((name.into(), value.into()));
        fields
    };
    for (fields, expected) in [
        (without("Upgrade"), HandshakeError::InvalidUpgrade),
        (with("Upgrade", "h2c"), HandshakeError::InvalidUpgrade),
        (without("Connection"), HandshakeError::InvalidConnection),
        (without("Sec-WebSocket-Accept"), HandshakeError::InvalidAccept),
        (
            with("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            HandshakeError::InvalidAccept,
        ),
        (with("Sec-WebSocket-Protocol", "other"), HandshakeError::UnexpectedSubprotocol),
        (with("Sec-WebSocket-Extensions", "x-other"), HandshakeError::UnexpectedExtension),
    ] {
        assert_eq!(upgraded(pending(), 101, &fields).unwrap_err(), expected);
    }
    for status in [200, 301, 404, 503] {
        let error = upgraded(pending(), status, &right).unwrap_err();
        assert_eq!(error.response().map(|response| response.status()), Some(status));
    }
}

#[test]
fn debug_says_nothing_of_the_key() {
    let (fields, pending) = request().into_http(config(), [7; 32]);
    let key = fields.iter().find(|(name, _)| name == "Sec-WebSocket-Key").unwrap();
    let shown = format!("{pending:?}");
    assert!(!shown.contains(str::from_utf8(&key.1).unwrap()), "{shown}");
}

proptest! {
    // Whatever the fields of a response: an error or a connection, and the same as over bytes.
    #[test]
    fn any_fields_do_no_harm(
        status in 100_u16..600,
        fields in prop::collection::vec(("[A-Za-z-]{1,24}", prop::collection::vec(any::<u8>(), 0..40)), 0..8)
    ) {
        let _ = upgraded(pending(), status, &fields);
    }
}
