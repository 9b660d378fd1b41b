//! The request that a client writes (RFC 6455 §4.1).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use framewise::{
    Config,
    handshake::{ClientHandshake, ClientRequest, HeaderError, Origin, RequestError, UriErrorKind},
};

use crate::support::{Message, client, octets, start};

fn request(uri: &str) -> ClientRequest {
    ClientRequest::new(uri).unwrap()
}

fn written(request: ClientRequest) -> Message {
    start(request).request
}

// 6455-4.1-01, 6455-4.1-02, 6455-4.1-19, 6455-4.1-20, 6455-4.1-21, 6455-4.1-22, 6455-4.1-23
// 9112-2.1-01, 9112-2.2-05, 9112-2.2-07, 9112-5.2-01
#[test]
fn request_is_written_at_once_and_is_http() {
    let request = request("ws://example.com/chat").header("X-Long", "a".repeat(5000)).unwrap();
    let mut handshake = ClientHandshake::new(request, Config::default(), [1; 32]);
    let bytes = octets(handshake.output());
    assert!(bytes.starts_with(b"GET /chat HTTP/1.1\r\nHost: "));
    assert!(bytes.ends_with(b"\r\n\r\n"));
    let message = Message::read(&bytes);
    assert_eq!(message.start, "GET /chat HTTP/1.1");
    assert!(message.body.is_empty());
    assert_eq!(message.value("X-Long").unwrap().len(), 5000);
}

// 6455-4.1-23, 6455-3-04, 6455-3-05, 6455-3-06, 6455-3-08, 9112-3.2.1-01
#[test]
fn the_target_is_the_resource_name() {
    for (uri, line) in [
        ("ws://h", "GET / HTTP/1.1"),
        ("ws://h?x=1", "GET /?x=1 HTTP/1.1"),
        ("ws://h/p?", "GET /p HTTP/1.1"),
        ("wss://h:8443/a/b?x=1&y", "GET /a/b?x=1&y HTTP/1.1"),
        ("ws://h/a%23b", "GET /a%23b HTTP/1.1"),
    ] {
        assert_eq!(written(request(uri)).start, line, "{uri}");
    }
}

// 6455-4.1-24, 9112-3.2-02, 9110-7.2-01
#[test]
fn host_comes_first_and_names_the_port_unless_it_is_the_default() {
    for (uri, host) in [
        ("ws://h", "h"),
        ("ws://h:80", "h"),
        ("ws://h:8080", "h:8080"),
        ("wss://h:443", "h"),
        ("wss://h:80", "h:80"),
        ("ws://h:443", "h:443"),
        ("ws://[::1]:81", "[::1]:81"),
        ("ws://[::1]", "[::1]"),
    ] {
        let message = written(request(uri));
        assert_eq!(message.value("Host"), Some(host));
        assert_eq!(message.fields[0].0, "Host");
    }
}

// 6455-4.1-25, 6455-4.1-26, 6455-4.1-27, 6455-4.1-28, 6455-4.1-36, 6455-4.1-37, 6455-4.1-38
// 6455-11.2-01, 6455-11.3.5-02, 6455-4.4-01, 9110-7.8-04, 9110-5.3-02, 9112-6.1-02
#[test]
fn fields_of_the_upgrade_are_there_once() {
    let message = written(request("ws://h/"));
    assert_eq!(message.value("Upgrade"), Some("websocket"));
    assert_eq!(message.value("Connection"), Some("Upgrade"));
    assert_eq!(message.value("Sec-WebSocket-Version"), Some("13"));
    assert_eq!(message.value("Content-Length"), None);
    assert_eq!(message.value("Transfer-Encoding"), None);
}

// 6455-4.1-29, 6455-4.1-30, 6455-4.1-31, 6455-4.1-32, 6455-11.3.1-01, 4648-3.2-01, 4648-3.5-01; R42
#[test]
fn key_is_sixteen_octets_of_the_generator() {
    let key = |seed| {
        let mut handshake = ClientHandshake::new(request("ws://h/"), Config::default(), seed);
        let message = Message::read(&octets(handshake.output()));
        message.value("Sec-WebSocket-Key").unwrap().to_owned()
    };
    let mut seen = std::collections::HashSet::new();
    let mut places = [const { std::collections::BTreeSet::new() }; 16];
    for n in 0..100 {
        let key = key([n; 32]);
        assert_eq!(key.len(), 24);
        assert!(key.ends_with("=="));
        assert!(b"AQgw".contains(&key.as_bytes()[21]), "{key}");
        let nonce = STANDARD.decode(&key).unwrap();
        assert_eq!(nonce.len(), 16);
        places.iter_mut().zip(nonce).for_each(|(place, octet)| _ = place.insert(octet));
        assert!(seen.insert(key), "a key came twice");
    }
    // Every octet is random, not only some.
    assert!(places.iter().all(|octets| octets.len() > 50), "{places:?}");
}

// 6455-4.1-34, 6455-4.1-35, 6454-7.3-01
#[test]
fn origin_is_sent_only_when_it_is_set() {
    assert_eq!(written(request("ws://h/")).value("Origin"), None);
    let origin = |text: &str| text.parse::<Origin>();
    let message = written(request("ws://h/").origin(origin("http://a").unwrap()));
    assert_eq!(message.value("Origin"), Some("http://a"));
    let message = written(request("ws://h/").origin(origin("http://a:81").unwrap()));
    assert_eq!(message.value("Origin"), Some("http://a:81"));
    assert_eq!(written(request("ws://h/").origin(Origin::NULL)).value("Origin"), Some("null"));
    for bad in ["http://a\r\nX: y", "http://a\0", "http://é", "http://a/", "a", ""] {
        assert!(origin(bad).is_err(), "{bad:?}");
    }
    let error = request("ws://h/").header("origin", "x").unwrap_err();
    assert_eq!(error, RequestError::Header(HeaderError::Protected));
}

// 6455-4.1-39, 6455-4.1-42, 6455-4.1-43, 9110-5.6.1-01, 9110-5.6.3-01
#[test]
fn subprotocols_are_one_list_in_order() {
    assert_eq!(client(&[]).request.value("Sec-WebSocket-Protocol"), None);
    let message = client(&["chat", "superchat", "a"]).request;
    assert_eq!(message.value("Sec-WebSocket-Protocol"), Some("chat, superchat, a"));
}

// 6455-4.1-40, 6455-4.1-41, 6455-1.9-01
#[test]
fn subprotocols_are_unique_tokens() {
    for bad in ["", "a b", "a,b", "a/b", "a;b", "a\"b", "é", "\x7f", "\0", "a\r\nX: y", "a=b"] {
        let error = request("ws://h/").subprotocol(bad).unwrap_err();
        assert_eq!(error, RequestError::Subprotocol, "{bad:?}");
    }
    let request = request("ws://h/")
        .subprotocol("v2.bookings.example.net")
        .and_then(|request| request.subprotocol("chat.example.com"))
        .and_then(|request| request.subprotocol("chat"))
        .and_then(|request| request.subprotocol("Chat"))
        .unwrap();
    assert_eq!(request.subprotocol("chat").unwrap_err(), RequestError::DuplicateSubprotocol);
}

// 6455-4.1-44, 6455-9-01
#[test]
fn extensions_are_off_by_default() {
    assert_eq!(written(request("ws://h/")).value("Sec-WebSocket-Extensions"), None);
}

// 6455-4.1-45
#[test]
fn additional_fields_keep_order_and_case() {
    let request = request("ws://h/")
        .header("cookie", "a=b")
        .and_then(|request| request.header("X-Two", "2"))
        .and_then(|request| request.header("AUTHORIZATION", "Basic x"))
        .and_then(|request| request.header("x-two", "3"))
        .unwrap();
    let fields = written(request).fields;
    let own: Vec<_> = fields[fields.len() - 4..].iter().map(|f| (&*f.0, &*f.1)).collect();
    let expected =
        [("cookie", "a=b"), ("X-Two", "2"), ("AUTHORIZATION", "Basic x"), ("x-two", "3")];
    assert_eq!(own, expected);
}

// 6455-4.1-38, 6455-4.1-46, 9112-2.2-03, 9110-5.3-02; R43
#[test]
fn additional_fields_cannot_break_the_request() {
    for (name, value, error) in [
        ("", "x", HeaderError::Name),
        ("a b", "x", HeaderError::Name),
        ("a:", "x", HeaderError::Name),
        ("é", "x", HeaderError::Name),
        ("a\r\nb", "x", HeaderError::Name),
        ("a", "x\r\nb: c", HeaderError::Value),
        ("a", "x\rb", HeaderError::Value),
        ("a", "x\nb", HeaderError::Value),
        ("a", "x\0", HeaderError::Value),
        ("a", "x\x7f", HeaderError::Value),
        ("Host", "x", HeaderError::Protected),
        ("upgrade", "x", HeaderError::Protected),
        ("CONNECTION", "x", HeaderError::Protected),
        ("Content-Length", "1", HeaderError::Protected),
        ("Transfer-Encoding", "chunked", HeaderError::Protected),
        ("Sec-WebSocket-Key", "x", HeaderError::Protected),
        ("sec-websocket-version", "8", HeaderError::Protected),
        ("Sec-WebSocket-Accept", "x", HeaderError::Protected),
        ("Sec-WebSocket-Protocol", "x", HeaderError::Protected),
        ("Sec-WebSocket-Extensions", "x", HeaderError::Protected),
    ] {
        let result = request("ws://h/").header(name, value);
        assert_eq!(result.unwrap_err(), RequestError::Header(error), "{name:?}: {value:?}");
    }
}

// 9112-3-03
#[test]
fn a_request_line_of_8000_octets_can_be_sent() {
    let path = format!("/{}", "a".repeat(8000 - "GET / HTTP/1.1".len()));
    let message = written(request(&format!("ws://h{path}")));
    assert_eq!(message.start.len(), 8000);
    assert_eq!(message.start, format!("GET {path} HTTP/1.1"));
}

#[test]
fn debug_hides_credentials() {
    let request = request("ws://h/?t=secret")
        .header("Authorization", "secret")
        .and_then(|request| request.header("Cookie", "secret"))
        .unwrap()
        .subprotocol("bearer.secret")
        .unwrap();
    assert!(!format!("{request:?}").contains("secret"));
    let of_uri = ClientRequest::with_credentials("ws://me:secret@h/").unwrap();
    let shown = format!("{of_uri:?}");
    assert!(!shown.contains("me:") && !shown.contains(&STANDARD.encode("me:secret")), "{shown}");
    let handshake = ClientHandshake::new(request, Config::default(), [1; 32]);
    assert!(!format!("{handshake:?}").contains("secret"));
}

/// The value of `Authorization`, which is not there twice.
#[track_caller]
fn authorization(request: ClientRequest) -> Option<String> {
    written(request).value("Authorization").map(str::to_owned)
}

fn basic(user_and_password: &str) -> Option<String> {
    Some(format!("Basic {}", STANDARD.encode(user_and_password)))
}

// 6455-3-13, 9110-4.2.4-01
#[test]
fn credentials_of_a_uri_are_sent_when_asked_for() {
    for (uri, credentials) in [
        ("ws://u:p@h:81/chat?a@b", Some("u:p")),
        ("ws://u@h:81/chat?a@b", Some("u:")),
        ("ws://:p@h:81/chat?a@b", Some(":p")),
        ("ws://u:p:q@h:81/chat?a@b", Some("u:p:q")),
        ("ws://u:p%40h%2f%3A%25@h:81/chat?a@b", Some("u:p@h/:%")),
        ("ws://%C3%A9:%c3%a9@h:81/chat?a@b", Some("\u{e9}:\u{e9}")),
        // There are none.
        ("ws://h:81/chat?a@b", None),
        ("ws://@h:81/chat?a@b", None),
        ("ws://:@h:81/chat?a@b", None),
    ] {
        let request = ClientRequest::with_credentials(uri).unwrap();
        assert_eq!(request.uri().to_string(), "ws://h:81/chat?a@b", "{uri}");
        let message = written(request.clone());
        assert_eq!(message.start, "GET /chat?a@b HTTP/1.1", "{uri}");
        assert_eq!(message.value("Host"), Some("h:81"), "{uri}");
        assert_eq!(authorization(request), credentials.and_then(basic), "{uri}");
    }
}

#[test]
fn credentials_that_cannot_be_sent_are_refused() {
    let uri = |uri| ClientRequest::with_credentials(uri).unwrap_err();
    for text in ["ws://u%3Au:p@h/", "ws://u:%00@h/", "ws://u%0d%0a:p@h/", "ws://u:p%7F@h/"] {
        assert_eq!(uri(text), RequestError::Credentials, "{text}");
    }
    for text in ["ws://u:p@p@h/", "ws://u:%@h/", "ws://%ff:p@h/", "ws://u:p p@h/", "ws://\u{e9}@h/"]
    {
        assert_eq!(uri(text), RequestError::Userinfo, "{text}");
    }
    let basic = |user, password| request("ws://h/").basic_auth(user, password).unwrap_err();
    for (user, password) in [("a:b", "c"), ("a\r\nX: y", "c"), ("a", "b\0")] {
        assert_eq!(basic(user, password), RequestError::Credentials);
    }
}

#[test]
fn a_uri_with_credentials_is_wrong_at_the_same_place_and_shows_none() {
    for (text, kind, offset) in [
        ("ws://user:secret@", UriErrorKind::Host, 17),
        ("ws://user:secret@a b/", UriErrorKind::Host, 18),
        ("ws://user:secret@h:x/", UriErrorKind::Port, 19),
        ("ws://user:secret@h/a b", UriErrorKind::Resource, 20),
        ("ws://user:secret@h#f", UriErrorKind::Fragment, 18),
        ("ws://user:secret@\u{e9}/", UriErrorKind::NonAscii, 17),
        ("ftp://user:secret@h/", UriErrorKind::Scheme, 0),
        ("user:secret@h/", UriErrorKind::Scheme, 0),
        ("ws://user:sec/secret@h/", UriErrorKind::Port, 10),
    ] {
        let error = ClientRequest::with_credentials(text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("secret") && !shown.contains("user"), "{shown}");
        let RequestError::Uri(error) = error else { panic!("{text}: {error}") };
        assert_eq!((error.kind(), error.offset()), (kind, offset), "{text}");
    }
}

#[test]
fn the_last_authorization_counts() {
    let first = || request("ws://h/").header("X", "1").unwrap();
    let twice = |a: (&str, &str), b: (&str, &str)| {
        authorization(
            first().header(a.0, a.1).and_then(|request| request.header(b.0, b.1)).unwrap(),
        )
    };
    assert_eq!(twice(("Authorization", "a"), ("AUTHORIZATION", "b")).as_deref(), Some("b"));
    let bearer = first().header("authorization", "Bearer a").unwrap();
    assert_eq!(authorization(bearer.basic_auth("u", "p").unwrap()), basic("u:p"));
    let basic_auth = || first().basic_auth("u", "p").unwrap();
    assert_eq!(authorization(basic_auth().basic_auth("v", "q").unwrap()), basic("v:q"));
    let bearer = basic_auth().header("Authorization", "Bearer a").unwrap();
    assert_eq!(authorization(bearer).as_deref(), Some("Bearer a"));
    let of_uri = ClientRequest::with_credentials("ws://u:p@h/").unwrap();
    assert_eq!(authorization(of_uri.basic_auth("v", "q").unwrap()), basic("v:q"));
    // Other fields stay, and may be there twice.
    let fields = basic_auth().header("X", "2").and_then(|request| request.basic_auth("v", "q"));
    let message = written(fields.unwrap());
    assert_eq!(message.values("X").collect::<Vec<_>>(), ["1", "2"]);
}
