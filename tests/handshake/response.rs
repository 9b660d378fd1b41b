//! The response that a client checks (RFC 6455 §4.1, second list of steps).

use core::time::Duration;

use framewise::{
    Event, Input, State,
    handshake::{ClientRequest, HandshakeError, Rejection},
};

use crate::support::{client, fails, opens, start, with_octets};

// 6455-4.1-48, 6455-4.1-66, 6455-4.1-67, 6455-4.1-68
#[test]
fn a_valid_response_opens() {
    let established = opens(&[], &[]);
    assert_eq!(established.connection.state(), State::Open);
    assert_eq!(established.response.status(), 101);
    assert_eq!(established.response.subprotocol(), None);
    assert_eq!(established.response.extensions().count(), 0);
    let mut connection = established.connection;
    connection.send_text("hi").unwrap();
    assert!(!connection.output().is_empty());
}

// 6455-4.1-01, 6455-4.1-02, 6455-4.1-47
#[test]
fn nothing_is_written_before_the_response() {
    let mut client = client(&[]);
    let response = client.response(&[], &[]);
    assert!(client.receive(&response[..response.len() - 1]).unwrap().is_none());
    assert!(client.handshake.output().is_empty());
    let mut established = client.receive(b"\n").unwrap().unwrap();
    assert!(established.connection.output().is_empty());
}

// 6455-4.1-49
#[test]
fn another_status_is_handed_out_with_its_body() {
    let mut client = client(&[]);
    let lines = ["Content-Length: 5", "Sec-WebSocket-Extensions: a; b=1, c"];
    let mut response = client.response(&[], &lines);
    response.splice(..12, *b"HTTP/1.1 200");
    response.extend_from_slice(b"hello");
    let error = client.fails(&response);
    let HandshakeError::Rejected(response) = &error else { panic!("{error:?}") };
    assert_eq!(response.status(), 200);
    assert_eq!(response.reason(), b"Switching Protocols");
    assert_eq!(response.header("upgrade"), Some(&b"websocket"[..]));
    assert_eq!(response.body(), b"hello");
    assert_eq!(response.extensions().map(|found| found.name()).collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(client.handshake.response(), Some(&**response));
}

// 6455-4.1-50
#[test]
fn a_401_shows_its_challenge() {
    let error = client(&[])
        .fails("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n");
    let response = error.response().unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.header("WWW-Authenticate"), Some(&b"Basic realm=\"x\""[..]));
}

#[test]
fn a_server_says_in_seconds_when_to_try_again() {
    for (value, seconds) in [
        ("120", Some(120)),
        ("0", Some(0)),
        ("007", Some(7)),
        (" 5 ", Some(5)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", Some(u64::MAX)),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("1 2", None),
        ("\u{661}", None),
        // A date needs a calendar.
        ("Fri, 31 Dec 1999 23:59:59 GMT", None),
    ] {
        let error = client(&[]).fails(format!("HTTP/1.1 503 x\r\nRetry-After: {value}\r\n\r\n"));
        let wait = error.response().unwrap().retry_after();
        assert_eq!(wait, seconds.map(Duration::from_secs), "{value}");
    }
    assert_eq!(client(&[]).fails("HTTP/1.1 503 x\r\n\r\n").response().unwrap().retry_after(), None);
}

// 6455-4.1-51, 9110-15.4-01
#[test]
fn redirects_are_not_followed() {
    let mut client = client(&[]);
    let error = client.fails("HTTP/1.1 302 Found\r\nLocation: ws://other.example/\r\n\r\n");
    let response = error.response().unwrap();
    assert_eq!(response.header("Location"), Some(&b"ws://other.example/"[..]));
    assert!(client.handshake.output().is_empty());
}

// 6455-4.1-52, 9110-15.2-01, 9112-6.3-01
#[test]
fn interim_responses_are_skipped() {
    let mut client = client(&[]);
    let mut bytes =
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nContent-Length: 9\r\n\r\n\
        HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
            .to_vec();
    bytes.extend(client.response(&[], &[]));
    assert_eq!(client.receive(&bytes).unwrap().unwrap().response.status(), 101);
}

// 6455-4.1-53; R38
#[test]
fn upgrade_is_needed() {
    assert_eq!(fails(&["Upgrade"], &[]), HandshakeError::InvalidUpgrade);
    assert_eq!(fails(&["Upgrade"], &["Upgrade: h2c"]), HandshakeError::InvalidUpgrade);
}

// 6455-4.1-54, 6455-11.2-01, 9110-7.8-01, 9112-5.1-03
#[test]
fn upgrade_is_compared_without_case_and_white_space() {
    for line in ["Upgrade: WebSocket", "upgrade:\twebsocket ", "Upgrade:WEBSOCKET"] {
        opens(&["Upgrade"], &[line]);
    }
}

// 6455-4.1-55
#[test]
fn upgrade_is_one_value() {
    for lines in [
        &["Upgrade: websocket, foo"][..],
        &["Upgrade: websocket/13"],
        &["Upgrade: websocket", "Upgrade: websocket"],
        &["Upgrade:"],
    ] {
        assert_eq!(fails(&["Upgrade"], lines), HandshakeError::InvalidUpgrade);
    }
}

// 6455-2.1-01
#[test]
fn the_kelvin_sign_is_no_k() {
    let line = "Upgrade: websoc\u{212a}et";
    assert_eq!(fails(&["Upgrade"], &[line]), HandshakeError::InvalidUpgrade);
}

// 6455-4.1-56; R38
#[test]
fn connection_names_upgrade() {
    assert_eq!(fails(&["Connection"], &[]), HandshakeError::InvalidConnection);
    for line in ["Connection: close", "Connection: upgraded", "Connection: \"Upgrade\""] {
        assert_eq!(fails(&["Connection"], &[line]), HandshakeError::InvalidConnection);
    }
}

// 6455-4.1-57, 9110-7.6.1-01, 9110-5.3-01, 9110-5.6.1-02; R39
#[test]
fn connection_is_a_list() {
    opens(&["Connection"], &["Connection: keep-alive, UPGRADE"]);
    opens(&["Connection"], &["Connection: ,, upgrade ,"]);
    opens(&["Connection"], &["Connection: keep-alive", "Connection: Upgrade"]);
}

// 6455-4.1-58, 6455-4.1-59, 6455-4.3-09; R38
#[test]
fn accept_answers_the_key() {
    assert_eq!(fails(&["Sec-WebSocket-Accept"], &[]), HandshakeError::InvalidAccept);
    let good = client(&[]).accept();
    let swapped = good.replacen(|c: char| c.is_ascii_alphabetic(), "0", 1);
    let case: String =
        good.chars()
            .map(|c| {
                if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
            })
            .collect();
    for bad in [&*swapped, &*case, good.trim_end_matches('='), &format!("{good}="), "", "="] {
        let line = format!("Sec-WebSocket-Accept: {bad}");
        assert_eq!(fails(&["Sec-WebSocket-Accept"], &[&line]), HandshakeError::InvalidAccept);
    }
}

// 6455-4.1-60
#[test]
fn white_space_around_accept_is_ignored() {
    let line = format!("Sec-WebSocket-Accept: \t {}  ", client(&[]).accept());
    opens(&["Sec-WebSocket-Accept"], &[&line]);
}

// 6455-11.3.3-01
#[test]
fn accept_is_not_repeated() {
    let line = format!("Sec-WebSocket-Accept: {}", client(&[]).accept());
    assert_eq!(fails(&[], &[&line]), HandshakeError::InvalidAccept);
}

// 6455-4.1-61
#[test]
fn extensions_must_have_been_offered() {
    for line in ["permessage-deflate", "x-foo", "foo, bar; baz=2"] {
        let line = format!("Sec-WebSocket-Extensions: {line}");
        assert_eq!(fails(&[], &[&line]), HandshakeError::UnexpectedExtension);
    }
}

// 6455-4.1-62, 7936-2-01
#[test]
fn subprotocol_must_have_been_offered() {
    let answer = |offered: &[&str], lines: &[&str]| {
        let mut client = client(offered);
        let response = client.response(&[], lines);
        client.fails(response)
    };
    for (line, error) in [
        ("Sec-WebSocket-Protocol: superchat", HandshakeError::UnexpectedSubprotocol),
        ("Sec-WebSocket-Protocol: Chat", HandshakeError::UnexpectedSubprotocol),
        ("Sec-WebSocket-Protocol: chat, superchat", HandshakeError::InvalidSubprotocol),
        ("Sec-WebSocket-Protocol:", HandshakeError::InvalidSubprotocol),
    ] {
        assert_eq!(answer(&["chat"], &[line]), error, "{line}");
    }
    let error = answer(&[], &["Sec-WebSocket-Protocol: chat"]);
    assert_eq!(error, HandshakeError::UnexpectedSubprotocol);
}

// 6455-4.1-63
#[test]
fn no_subprotocol_is_fine_unless_one_is_required() {
    let mut lenient = client(&["chat"]);
    let response = lenient.response(&[], &[]);
    let established = lenient.receive(response).unwrap().unwrap();
    assert_eq!(established.response.subprotocol(), None);
    let request = ClientRequest::new("ws://h/").unwrap().subprotocol("chat").unwrap();
    let mut strict = start(request.require_subprotocol());
    let response = strict.response(&[], &[]);
    assert_eq!(strict.fails(response), HandshakeError::SubprotocolMissing);
    // Where none is offered there is none to miss.
    let request = ClientRequest::new("ws://h/").unwrap().require_subprotocol();
    let mut client = start(request);
    let response = client.response(&[], &[]);
    assert!(client.receive(response).unwrap().is_some());
}

// 6455-4.1-68
#[test]
fn selected_subprotocol_is_told() {
    let mut client = client(&["chat", "superchat"]);
    let response = client.response(&[], &["sec-websocket-protocol: superchat"]);
    let established = client.receive(response).unwrap().unwrap();
    assert_eq!(established.response.subprotocol(), Some("superchat"));
}

// 6455-11.3.4-02, 6455-4.3-10
#[test]
fn subprotocol_is_one_token_on_one_line() {
    for lines in [
        &["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"][..],
        &["Sec-WebSocket-Protocol: chat, superchat"],
        &["Sec-WebSocket-Protocol: a b"],
        &["Sec-WebSocket-Protocol:"],
    ] {
        let mut client = client(&["chat", "superchat"]);
        let response = client.response(&[], lines);
        assert_eq!(client.fails(response), HandshakeError::InvalidSubprotocol);
    }
}

// 6455-4.1-64, 9112-2.3-01, 9112-4-01
#[test]
fn malformed_responses_fail() {
    for line in [
        "HTTP/1.1 1O1 x",
        "HTTP/1.1 99 x",
        "HTTP/1.1 1010 x",
        "HTTP/1.1  101 x",
        "HTTP/1.1101 x",
        "HTTP/1.1",
        "HTTP/1.10 101 x",
        "HTTP/11 101 x",
        "HTTP/1, 101 x",
        "HTTP/1.1\t101 x",
        "HTTP/1.1 000 x",
        "HTTP/1.1 099 x",
    ] {
        let mut client = client(&[]);
        let mut response = client.response(&[], &[]);
        response.splice(.."HTTP/1.1 101 Switching Protocols".len(), line.bytes());
        assert_eq!(client.fails(response), HandshakeError::InvalidHead, "{line}");
    }
    for version in ["HTTP/2", "HTTP/2.0", "HTTP/1.0", "HTTP/0.9"] {
        let mut client = client(&[]);
        let mut response = client.response(&[], &[]);
        response.splice(..8, version.bytes());
        let error = client.fails(response);
        let expected = match version {
            "HTTP/2" => HandshakeError::InvalidHead,
            _ => HandshakeError::UnsupportedHttpVersion,
        };
        assert_eq!(error, expected, "{version}");
    }
    for line in ["ICY 101", "http/1.1 101 x", " HTTP/1.1 101 x"] {
        let error = client(&[]).fails(line);
        assert!(matches!(error, HandshakeError::NotHttp(_)), "{line}");
    }
}

// 9112-2.3-01: who understands HTTP/1.1 understands all of HTTP/1
#[test]
fn a_higher_minor_version_is_understood() {
    for version in ["HTTP/1.2", "HTTP/1.9"] {
        let mut client = client(&[]);
        let mut response = client.response(&[], &[]);
        response.splice(..8, version.bytes());
        assert!(client.receive(response).unwrap().is_some(), "{version}");
    }
}

// 9112-4-01, 9112-4-02
#[test]
fn the_reason_is_ignored() {
    for (line, reason) in [
        ("HTTP/1.1 101 ", &b""[..]),
        ("HTTP/1.1 101", b""),
        ("HTTP/1.1 101 Whatever it says", b"Whatever it says"),
        ("HTTP/1.1 101 \u{e9}", "\u{e9}".as_bytes()),
    ] {
        let mut client = client(&[]);
        let mut response = client.response(&[], &[]);
        response.splice(.."HTTP/1.1 101 Switching Protocols".len(), line.bytes());
        assert_eq!(client.receive(response).unwrap().unwrap().response.reason(), reason, "{line}");
    }
}

// 6455-4.1-65, 9110-5.1-01
#[test]
fn names_are_compared_without_case() {
    let lines = [
        "UPGRADE: websocket",
        "connection: upgrade",
        &format!("sec-websocket-ACCEPT: {}", client(&[]).accept()),
    ];
    opens(&["Upgrade", "Connection", "Sec-WebSocket-Accept"], &lines);
}

// 6455-4.1-69, 9110-5.1-02
#[test]
fn other_fields_are_exposed_apart() {
    let established = opens(&[], &["Set-Cookie: a=1", "X-Foo: bar", "set-cookie: b=2"]);
    let cookies: Vec<_> = established.response.headers().values("Set-Cookie").collect();
    assert_eq!(cookies, [b"a=1", b"b=2"]);
    let shown = format!("{:?}", established.response);
    assert!(!shown.contains("b=2") && shown.contains("101") && shown.contains("bar"), "{shown}");
}

// 6455-4.1-70
#[test]
fn what_follows_the_response_is_frames() {
    let mut client = client(&[]);
    let mut bytes = client.response(&[], &[]);
    bytes.extend_from_slice(b"\x81\x02hi");
    let mut input = Input::new(&mut bytes);
    let mut connection = client.handshake.receive(&mut input).unwrap().unwrap().connection;
    let Some(Event::Text(text)) = connection.receive(&mut input).unwrap() else { panic!() };
    assert_eq!(&*text, "hi");
}

// 6455-4.1-72, 9112-6.3-01
#[test]
fn a_101_has_no_body() {
    for line in ["Content-Length: 5", "Content-Length: x", "Transfer-Encoding: chunked"] {
        let mut client = client(&[]);
        let mut bytes = client.response(&[], &[line]);
        bytes.extend_from_slice(b"\x81\x02hi");
        let mut input = Input::new(&mut bytes);
        let response = client.handshake.receive(&mut input).unwrap().unwrap().response;
        assert!(response.body().is_empty() && response.body_is_complete());
        assert_eq!(input.as_slice(), b"\x81\x02hi");
    }
}

// 6455-4.1-73
// 6455-7.1.4-04, 6455-7.2.1-01: there is no connection then that could be closed, cleanly or not.
#[test]
fn a_failed_handshake_says_nothing() {
    let request = ClientRequest::new("ws://h/").unwrap();
    let mut handshake =
        framewise::handshake::ClientHandshake::new(request, framewise::Config::default(), [1; 32]);
    assert!(!handshake.output().is_empty());
    let mut bytes = *b"HTTP/1.1 400 Bad Request\r\n\r\n";
    assert!(handshake.receive(&mut Input::new(&mut bytes)).unwrap().is_none());
    assert!(matches!(handshake.receive_eof(), HandshakeError::Rejected(_)));
    assert!(handshake.output().is_empty(), "the rest of the request is not sent either");
}

// 6455-4.1-73, 6455-4.1-48
#[test]
fn the_response_of_a_failed_101_is_kept() {
    let mut client = client(&[]);
    let response = client.response(&["Upgrade"], &["X-Why: because"]);
    client.fails(response);
    let response = client.handshake.response().unwrap();
    assert_eq!((response.status(), response.header("X-Why")), (101, Some(&b"because"[..])));
}

// 6455-4.1-74
#[test]
fn the_end_of_the_stream_fails() {
    for len in [0, 1, 20, 60] {
        let mut client = client(&[]);
        let response = client.response(&[], &[]);
        assert!(client.receive(&response[..len]).unwrap().is_none());
        assert_eq!(client.handshake.receive_eof(), HandshakeError::UnexpectedEof);
        assert_eq!(client.receive(&response[len..]).unwrap_err(), HandshakeError::UnexpectedEof);
    }
}

// 6455-4.3-11, 6455-4.4-03, 6455-11.3.5-01
#[test]
fn versions_of_the_server_are_listed() {
    for (status, lines, versions) in [
        (426, "Sec-WebSocket-Version: 13, 8, 7\r\n", &[13, 8, 7][..]),
        (400, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8, 7\r\n", &[13, 8, 7]),
        (400, "Sec-WebSocket-Version: x\r\n", &[]),
        (400, "Sec-WebSocket-Version: 256, 255, 08, 0, -1, +1\r\n", &[255, 0]),
        (400, "", &[]),
    ] {
        let error = client(&[]).fails(format!("HTTP/1.1 {status} x\r\n{lines}\r\n"));
        let response = error.response().unwrap();
        assert_eq!(response.versions().collect::<Vec<_>>(), versions);
    }
}

// 6455-8.1-02
#[test]
fn octets_outside_ascii_fail_in_fields_of_the_handshake_only() {
    for (name, error) in [
        ("Sec-WebSocket-Accept", HandshakeError::InvalidAccept),
        ("Sec-WebSocket-Extensions", HandshakeError::InvalidExtensions),
        ("Sec-WebSocket-Protocol", HandshakeError::InvalidSubprotocol),
    ] {
        for value in [&b"\xff"[..], "\u{e9}".as_bytes()] {
            let line = [name.as_bytes(), b": ch", value].concat();
            let mut client = client(&["chat"]);
            let response = with_octets(client.response(&[name], &[]), &line);
            assert_eq!(client.fails(response), error, "{}", line.escape_ascii());
        }
    }
    let established = opens(&[], &["X: \u{e9}"]);
    assert_eq!(established.response.header("x"), Some("\u{e9}".as_bytes()));
}

// 6455-4.1-61
#[test]
fn an_extension_named_twice_fails() {
    let error = fails(&[], &["Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate"]);
    assert_eq!(error, HandshakeError::UnexpectedExtension);
}

// 6455-4.2.2-03, 6455-4.1-50
#[test]
fn what_a_server_writes_a_client_reads() {
    let rejection = Rejection::unauthorized("Basic realm=\"x\"").unwrap().body("no");
    let error = client(&[]).fails(rejection.to_bytes());
    let response = error.response().unwrap();
    assert_eq!((response.status(), response.reason()), (401, &b"Unauthorized"[..]));
    assert_eq!(response.body(), b"no");
}
