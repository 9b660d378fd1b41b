//! Requests that are no opening handshake, and answers of the program's own (RFC 9110 §9, §15; RFC
//! 9112 §3, §6.3).

use core::time::Duration;

use framewise::{
    Config, Event, Input,
    handshake::{
        Acceptance, HandshakeError, HttpVersion, RefusedRequest, Rejection, Request,
        ServerHandshake,
    },
    time::Instant,
};

use crate::support::{Message, octets, request, request_line};

/// Gives bytes to a server in pieces of `step`.
fn serve(bytes: &[u8], step: usize) -> (ServerHandshake, Result<Option<Request>, HandshakeError>) {
    let mut server = ServerHandshake::new(Config::default());
    for piece in bytes.chunks(step) {
        let mut piece = piece.to_vec();
        match server.receive_request(&mut Input::new(&mut piece)) {
            Ok(None) => {}
            result => return (server, result),
        }
    }
    (server, Ok(None))
}

/// The request in these bytes, which is the same however they are cut.
#[track_caller]
fn read(bytes: impl AsRef<[u8]>) -> Request {
    let bytes = bytes.as_ref();
    let read = |step| {
        let (mut server, result) = serve(bytes, step);
        let request = result.expect("the head is valid").expect("the head is complete");
        assert!(server.output().is_empty());
        assert_eq!(server.poll_timeout(Instant::ORIGIN), None);
        let again = server.receive_request(&mut Input::new(&mut request_line("GET / HTTP/1.1")));
        assert!(again.unwrap().is_none(), "there is one request");
        request
    };
    let whole = read(bytes.len());
    for step in [1, 2, 7] {
        let cut = read(step);
        assert_eq!(format!("{cut:?}"), format!("{whole:?}"));
        assert_eq!((cut.target(), cut.headers()), (whole.target(), whole.headers()));
    }
    whole
}

#[track_caller]
fn refused(request: Request) -> RefusedRequest {
    request.upgrade().expect_err("no upgrade")
}

const CHECKS: [(&str, &str, HttpVersion); 8] = [
    ("GET /health HTTP/1.1\r\nHost: a\r\n\r\n", "GET", HttpVersion::Http11),
    ("GET /health HTTP/1.1\r\n\r\n", "GET", HttpVersion::Http11),
    ("GET /health HTTP/1.0\r\n\r\n", "GET", HttpVersion::Http10),
    ("GET /health HTTP/1.0\r\nHost: a\r\nConnection: close\r\n\r\n", "GET", HttpVersion::Http10),
    ("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD", HttpVersion::Http11),
    ("HEAD /health HTTP/1.0\r\n\r\n", "HEAD", HttpVersion::Http10),
    ("GET /health HTTP/1.2\r\nUpgrade: h2c\r\n\r\n", "GET", HttpVersion::Http11),
    ("\r\nOPTIONS /health HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS", HttpVersion::Http11),
];

// 9110-9.1-01, 9112-6.3-02, 9112-9.6-01
#[test]
fn a_health_check_is_seen_and_answered() {
    for (bytes, method, version) in CHECKS {
        let request = read(bytes);
        assert_eq!((request.method(), request.version()), (method, version), "{bytes:?}");
        assert_eq!((request.path(), request.query()), ("/health", None), "{bytes:?}");
        assert!(!request.wants_upgrade(), "{bytes:?}");
        let ok = Rejection::new(200).unwrap().header("Content-Type", "text/plain").unwrap();
        let output = request.respond(ok.body("fine\n"));
        let body = if method == "HEAD" { "" } else { "fine\n" };
        assert_eq!(
            String::from_utf8(octets(&output)).unwrap(),
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\
                Content-Length: 5\r\n\r\n{body}"
            ),
            "{bytes:?}"
        );
    }
}

// 9110-9.1-01
#[test]
fn a_refused_request_comes_back_with_the_reason() {
    for (bytes, error, status) in [
        (CHECKS[0].0, HandshakeError::InvalidUpgrade, 426),
        (CHECKS[1].0, HandshakeError::InvalidHost, 400),
        (CHECKS[2].0, HandshakeError::UnsupportedHttpVersion, 505),
        (CHECKS[4].0, HandshakeError::InvalidMethod, 405),
        (CHECKS[5].0, HandshakeError::UnsupportedHttpVersion, 505),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
            HandshakeError::InvalidMethod,
            405,
        ),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", HandshakeError::InvalidTarget, 400),
    ] {
        let refused = refused(read(bytes));
        assert_eq!(refused.error, error);
        assert_eq!(refused.to_string(), error.to_string());
        let rejection = refused.rejection();
        assert_eq!(rejection.status(), status);
        let target = refused.request.target().to_owned();
        assert!(bytes.contains(&target));
        // By itself the machine answers the same.
        let mut server = ServerHandshake::new(Config::default());
        let mut input = bytes.as_bytes().to_vec();
        assert_eq!(server.receive(&mut Input::new(&mut input)).unwrap_err(), error);
        let output = refused.request.respond(rejection);
        assert_eq!(octets(&output), octets(server.output()), "{bytes:?}");
    }
}

// Everything that `receive` finds, the two steps find.
#[test]
fn a_request_is_an_upgrade_in_two_steps() {
    let lines = ["Sec-WebSocket-Protocol: chat", "Origin: http://server.example.com"];
    let mut bytes = request(&[], &lines);
    let head = bytes.len();
    bytes.extend_from_slice(b"\x82\x83\0\0\0\0abc");
    for cut in 0..=head {
        let mut server = ServerHandshake::new(Config::default());
        let (mut front, mut back) = (bytes[..cut].to_vec(), bytes[cut..].to_vec());
        let mut input = Input::new(&mut front);
        let mut request = server.receive_request(&mut input).unwrap();
        let mut rest = Input::new(&mut back);
        if request.is_none() {
            request = server.receive_request(&mut rest).unwrap();
        }
        let request = request.expect("the head is complete");
        assert!(request.wants_upgrade());
        assert_eq!(request.header("origin"), Some(&b"http://server.example.com"[..]));
        let upgrade = request.upgrade().expect("an upgrade");
        assert_eq!((upgrade.path(), upgrade.host()), ("/chat", "server.example.com"));
        assert_eq!(upgrade.subprotocols().collect::<Vec<_>>(), ["chat"]);
        let mut connection = upgrade.accept(Acceptance::new()).unwrap();
        let event = connection.receive(&mut rest).unwrap();
        assert!(matches!(event, Some(Event::Binary(b)) if *b == *b"abc"), "cut at {cut}");
    }
}

// 6455-4.2.1-02
#[test]
fn a_broken_upgrade_is_told_from_a_plain_request() {
    for (without, with, wants, error) in [
        (&["Upgrade"][..], &[][..], true, HandshakeError::InvalidUpgrade),
        (&["Upgrade", "Connection"], &[], true, HandshakeError::InvalidUpgrade),
        (&["Connection"], &[], true, HandshakeError::InvalidConnection),
        (&["Sec-WebSocket-Key"], &[], true, HandshakeError::InvalidKey),
        (
            &["Sec-WebSocket-Version"],
            &["Sec-WebSocket-Version: 8"],
            true,
            HandshakeError::UnsupportedVersion,
        ),
        (
            &["Sec-WebSocket-Key", "Sec-WebSocket-Version"],
            &["upgrade: x, WebSocket"],
            true,
            HandshakeError::InvalidVersion,
        ),
        (
            &["Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version"],
            &["Upgrade: h2c"],
            false,
            HandshakeError::InvalidUpgrade,
        ),
    ] {
        let request = read(request(without, with));
        assert_eq!(request.wants_upgrade(), wants, "{without:?} {with:?}");
        assert_eq!(refused(request).error, error, "{without:?} {with:?}");
    }
}

// 9112-3.2-01, 9112-3.2.2-01
#[test]
fn a_target_is_path_and_query() {
    for (target, path, query) in [
        ("/", "/", None),
        ("/a/b?c=d?e", "/a/b", Some("c=d?e")),
        ("/?", "/", Some("")),
        ("//a", "//a", None),
        ("http://example.com", "/", None),
        ("http://example.com/a?b", "/a", Some("b")),
        ("HTTPS://example.com?b=/c", "/", Some("b=/c")),
        ("http://example.com?", "/", Some("")),
        ("*", "*", None),
        ("example.com:80", "example.com:80", None),
        ("ftp://example.com/a", "ftp://example.com/a", None),
        ("health?x", "health", Some("x")),
        ("/\u{e9}?\u{e9}", "/\u{e9}", Some("\u{e9}")),
    ] {
        let request = read(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(request.target(), target);
        assert_eq!((request.path(), request.query()), (path, query), "{target}");
    }
}

// 9112-2.2-09, 9110-5.4-01
#[test]
fn what_is_no_request_is_answered_by_the_machine() {
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(20_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101));
    for (bytes, error) in [
        ("GET /\r\n\r\n", HandshakeError::InvalidHead),
        ("GET / HTTP/1.1\r\nbad\r\n\r\n", HandshakeError::InvalidHead),
        ("GET / HTTP/1.0\nHost: a\n\n", HandshakeError::InvalidHead),
        ("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", HandshakeError::InvalidHead),
        ("\u{16}\u{3}\u{1}", HandshakeError::InvalidHead),
        ("GET / HTTP/2.0\r\n\r\n", HandshakeError::UnsupportedHttpVersion),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HandshakeError::UnsupportedHttpVersion),
        ("GET / HTTP/0.9\r\n\r\n", HandshakeError::UnsupportedHttpVersion),
        (&long, HandshakeError::TargetTooLong),
        (&many, HandshakeError::TooManyHeaders),
    ] {
        for step in [1, 7, bytes.len()] {
            let (mut server, result) = serve(bytes.as_bytes(), step);
            assert_eq!(result.unwrap_err(), error, "{bytes:?}");
            let response = Message::read(&octets(server.output()));
            assert_eq!(Some(response.status), error.status());
            let again = server.receive_request(&mut Input::new(&mut request(&[], &[])));
            assert_eq!(again.unwrap_err(), error);
        }
    }
}

#[test]
fn debug_of_a_request_hides_credentials() {
    let request = read(
        "GET /chat?secret HTTP/1.0\r\nHost: a\r\nCookie: secret\r\nAuthorization: secret\r\n\r\n",
    );
    let expected = "Request { method: \"GET\", path: \"/chat\", version: Http10, headers: {\"Host\": \
        \"a\", \"Cookie\": [6 octets], \"Authorization\": [6 octets]}, .. }";
    assert_eq!(format!("{request:?}"), expected);
    let shown = format!("{:?}", refused(request));
    assert!(shown.contains("UnsupportedHttpVersion") && !shown.contains("secret"), "{shown}");
}

// 9110-9.3.2-01, 9112-6.3-02
#[test]
fn the_answer_to_head_has_a_length_and_no_body() {
    let whole = Rejection::new(200).unwrap().body("fine");
    assert!(whole.to_bytes().ends_with(b"\r\nContent-Length: 4\r\n\r\nfine"));
    let head = whole.clone().head_only();
    assert!(head.to_bytes().ends_with(b"\r\nContent-Length: 4\r\n\r\n"));
    assert_eq!(head.body_bytes(), b"fine");
    for status in [204, 304] {
        let bytes = Rejection::new(status).unwrap().body("x").head_only().to_bytes();
        assert!(bytes.ends_with(b"\r\nConnection: close\r\n\r\n"));
    }
    // Of the program's own, or of the machine's with another body.
    let bytes = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    let output = read(bytes).respond(whole.clone());
    assert!(octets(&output).ends_with(b"\r\nContent-Length: 4\r\n\r\n"));
    let mut server = ServerHandshake::new(Config::default());
    assert!(server.receive(&mut Input::new(&mut bytes.clone())).is_err());
    assert!(server.answer(&whole));
    assert!(octets(server.output()).ends_with(b"\r\nContent-Length: 4\r\n\r\n"));
}

// 9110-6.6.1-01
#[test]
fn the_answer_to_a_failure_can_be_replaced_until_it_is_written() {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    for bytes in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "\0"] {
        let failed = || {
            let mut server = ServerHandshake::new(Config::default());
            let error =
                server.receive(&mut Input::new(&mut bytes.as_bytes().to_vec())).unwrap_err();
            (server, error)
        };
        let (mut server, error) = failed();
        let before = Message::read(&octets(server.output()));
        let dated = error.rejection().unwrap().header("Date", date).unwrap();
        assert!(server.answer(&dated));
        let response = Message::read(&octets(server.output()));
        assert_eq!((&response.start, response.value("Date")), (&before.start, Some(date)));
        // As often as one likes, and longer or shorter.
        for body in ["why", "", "because"] {
            assert!(server.answer(&Rejection::forbidden().body(body)));
            let response = Message::read(&octets(server.output()));
            assert_eq!((response.status, &*response.body), (403, body.as_bytes()));
        }
        assert_eq!(server.receive(&mut Input::new(&mut [])).unwrap_err(), error, "it stays");
        // Not when some of it, or all, is on its way.
        for written in [1, server.output().len()] {
            let (mut server, _) = failed();
            server.answer(&Rejection::forbidden().body("because"));
            let len = server.output().len();
            server.output().advance(written.min(len));
            assert!(!server.answer(&dated));
            assert_eq!(server.output().len(), len - written.min(len));
        }
    }
}

// 9110-6.6.1-01
#[test]
fn only_a_failure_that_is_answered_has_an_answer() {
    let other = Rejection::forbidden();
    let mut server = ServerHandshake::new(Config::default());
    assert!(!server.answer(&other) && server.output().is_empty(), "nothing came yet");
    assert!(server.receive(&mut Input::new(&mut b"GET".to_vec())).unwrap().is_none());
    assert!(!server.answer(&other) && server.output().is_empty());
    assert_eq!(server.receive_eof(), HandshakeError::UnexpectedEof);
    assert!(!server.answer(&other) && server.output().is_empty(), "nobody is there");

    let mut server = ServerHandshake::new(Config::default());
    assert!(server.receive(&mut Input::new(&mut request(&[], &[]))).unwrap().is_some());
    assert!(!server.answer(&other) && server.output().is_empty(), "the request has its own answer");

    let at = |seconds| Instant::ORIGIN + Duration::from_secs(seconds);
    let mut server = ServerHandshake::new(Config::default());
    assert_eq!(server.handle_timeout(at(1)), Ok(()));
    assert_eq!(server.handle_timeout(at(11)), Err(HandshakeError::Timeout));
    assert!(server.answer(&other));
    assert_eq!(Message::read(&octets(server.output())).status, 403);
    // The end of the stream behind a failure changes nothing.
    assert_eq!(server.receive_eof(), HandshakeError::Timeout);
    assert!(server.answer(&other));
}
