//! The answer of an application that does not open the connection (RFC 6455 §4.2.2).

use framewise::handshake::{HeaderError, OriginPolicy, Rejection};

use crate::support::{Message, octets, request, upgrade};

fn rejected(rejection: Rejection) -> Message {
    Message::read(&octets(&upgrade(request(&[], &[])).reject(rejection)))
}

// 6455-4.2.2-03, 9110-11.6.1-01, 6455-10.5-01; R43
#[test]
fn a_401_carries_its_challenge() {
    let response = rejected(Rejection::unauthorized("Basic realm=\"x\"").unwrap());
    assert_eq!(response.start, "HTTP/1.1 401 Unauthorized");
    assert_eq!(response.value("WWW-Authenticate"), Some("Basic realm=\"x\""));
    assert_eq!(response.value("Upgrade"), None);
    assert!(Rejection::unauthorized("a\r\nb: c").is_err());
}

// 6455-4.2.2-04
#[test]
fn a_302_carries_its_location() {
    let rejection =
        Rejection::new(302).unwrap().header("Location", "wss://other.example/").unwrap();
    let response = rejected(rejection);
    assert_eq!((response.status, response.value("Location")), (302, Some("wss://other.example/")));
}

// 6455-4.2.2-05, 6455-4.2.2-06, 6455-10.2-01, 6455-10.2-02
#[test]
fn an_origin_is_refused_by_403_with_nothing_of_the_request_in_it() {
    let upgrade = upgrade(request(&[], &["Origin: http://evil.example"]));
    assert_eq!(upgrade.origin(), Some(&b"http://evil.example"[..]));
    let refused = upgrade.check_origin(&OriginPolicy::same_origin()).unwrap_err();
    let bytes = octets(&upgrade.reject(refused.into()));
    assert_eq!(bytes, b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

// 6455-4.2.2-10
#[test]
fn an_unknown_resource_is_404() {
    assert_eq!(rejected(Rejection::not_found()).start, "HTTP/1.1 404 Not Found");
}

// 6455-4.2.2-29, 9112-6.3-02, 9112-9.6-01, 9112-6.1-03; R40
#[test]
fn the_body_is_delimited_and_the_connection_closed() {
    let rejection = Rejection::forbidden().header("Content-Type", "text/plain").unwrap();
    let response = rejected(rejection.body("go away"));
    assert_eq!(response.value("Connection"), Some("close"));
    assert_eq!(response.value("Content-Length"), Some("7"));
    assert_eq!(response.value("Transfer-Encoding"), None);
    assert_eq!(response.body, b"go away");
}

// 9112-6.3-02
#[test]
fn a_304_and_a_204_have_no_body() {
    for status in [204, 304] {
        let response = rejected(Rejection::new(status).unwrap().body("x"));
        assert_eq!((response.value("Content-Length"), &*response.body), (None, &b""[..]));
    }
}

// 9112-4-03; R43
#[test]
fn a_space_stands_before_an_empty_reason() {
    let bytes = Rejection::new(499).unwrap().to_bytes();
    assert!(bytes.starts_with(b"HTTP/1.1 499 \r\n"));
    let bytes = Rejection::new(499).unwrap().reason("Gone Home").unwrap().to_bytes();
    assert!(bytes.starts_with(b"HTTP/1.1 499 Gone Home\r\n"));
    assert!(Rejection::forbidden().reason("a\r\nb").is_err());
}

// 9110-15.5.6-01, 9110-7.8-07, 6455-4.4-02
#[test]
fn fields_that_belong_to_a_status_are_added() {
    assert_eq!(rejected(Rejection::new(405).unwrap()).value("Allow"), Some("GET"));
    let response = rejected(Rejection::new(426).unwrap());
    assert_eq!(response.value("Upgrade"), Some("websocket"));
    assert_eq!(response.value("Connection"), Some("Upgrade, close"));
    assert_eq!(response.value("Sec-WebSocket-Version"), Some("13"));
}

// 6455-4.2.2-28
#[test]
fn only_final_statuses_and_valid_fields_are_taken() {
    for status in [0, 99, 100, 101, 199, 1000, 65535] {
        assert!(Rejection::new(status).is_err(), "{status}");
    }
    assert!(Rejection::new(200).is_ok() && Rejection::new(999).is_ok());
    for (name, value, error) in [
        ("Connection", "keep-alive", HeaderError::Protected),
        ("content-length", "1", HeaderError::Protected),
        ("Transfer-Encoding", "chunked", HeaderError::Protected),
        ("Upgrade", "h2c", HeaderError::Protected),
        ("Sec-WebSocket-Accept", "x", HeaderError::Protected),
        ("a b", "x", HeaderError::Name),
        ("a", "x\n", HeaderError::Value),
        ("a", "b\nc", HeaderError::Value),
    ] {
        assert_eq!(Rejection::forbidden().header(name, value).unwrap_err(), error, "{name}");
    }
    // Spaces at the ends of a value are not part of it.
    let rejection = Rejection::forbidden().header("a", " x\t").unwrap();
    assert_eq!(rejection.headers().get("a"), Some(&b"x"[..]));
}

// RFC 9110 §15, RFC 6585: the words are for people who read along
#[test]
fn a_status_has_its_usual_reason() {
    let reasons = [
        (200, "OK"),
        (204, "No Content"),
        (301, "Moved Permanently"),
        (302, "Found"),
        (303, "See Other"),
        (304, "Not Modified"),
        (307, "Temporary Redirect"),
        (308, "Permanent Redirect"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (408, "Request Timeout"),
        (409, "Conflict"),
        (410, "Gone"),
        (414, "URI Too Long"),
        (417, "Expectation Failed"),
        (421, "Misdirected Request"),
        (426, "Upgrade Required"),
        (429, "Too Many Requests"),
        (431, "Request Header Fields Too Large"),
        (500, "Internal Server Error"),
        (501, "Not Implemented"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
        (505, "HTTP Version Not Supported"),
        (599, ""),
    ];
    for (status, reason) in reasons {
        let rejection = Rejection::new(status).unwrap().body("why");
        assert_eq!((rejection.status(), rejection.body_bytes()), (status, &b"why"[..]));
        assert_eq!(rejected(rejection).start, format!("HTTP/1.1 {status} {reason}"));
    }
}
