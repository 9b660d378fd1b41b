//! The request that a server checks (RFC 6455 §4.2.1, §4.3).

use framewise::{
    Event, Input, State,
    handshake::{Acceptance, HandshakeError, ServerHandshake},
};

use crate::support::{
    ACCEPT, KEY, Message, octets, refusal, refused, request, request_for, request_line,
    request_with_octets, serve, upgrade, with_octets,
};

// 6455-1.2-01, 6455-4.2.1-01, 6455-4.2.2-01
#[test]
fn sample_of_the_standard() {
    let mut bytes = *b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Origin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";
    assert_eq!(bytes.len(), 230);
    let mut input = Input::new(&mut bytes);
    let upgrade = ServerHandshake::new(framewise::Config::default()).receive(&mut input);
    let upgrade = upgrade.unwrap().unwrap();
    assert!(input.is_empty());
    assert_eq!((upgrade.resource(), upgrade.path(), upgrade.query()), ("/chat", "/chat", None));
    assert_eq!(upgrade.host(), "server.example.com");
    assert_eq!(upgrade.origin(), Some(&b"http://example.com"[..]));
    assert_eq!(upgrade.key(), Some(KEY));
    assert_eq!(upgrade.subprotocols().collect::<Vec<_>>(), ["chat", "superchat"]);
    assert_eq!(upgrade.extensions().count(), 0);
    assert_eq!(upgrade.header("sec-websocket-version"), Some(&b"13"[..]));
    let mut connection = upgrade.accept(Acceptance::new().subprotocol("chat")).unwrap();
    let response = octets(connection.output());
    assert_eq!(
        response,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
    );
    assert_eq!(response.len(), 159);
}

// 6455-4.2.1-03, 9112-3.1-01, 9110-15.5.6-01; R39
#[test]
fn method_is_get() {
    for method in ["POST", "HEAD", "get", "Get", "GETT", "GE", "OPTIONS", "CONNECT"] {
        let (error, response) = refusal(request_line(&format!("{method} /chat HTTP/1.1")));
        assert_eq!(error, HandshakeError::InvalidMethod);
        assert_eq!((response.status, response.value("Allow")), (405, Some("GET")));
    }
}

// 6455-4.2.1-04, 9112-2.3-01, 9110-7.8-05, 9110-15.2-02; R39
#[test]
fn version_of_http_is_1_1() {
    for version in ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9"] {
        assert_eq!(refused(request_line(&format!("GET /chat {version}"))), 505, "{version}");
    }
    for version in ["http/1.1", "HTTP/1.10", "HTTP/11", "HTTP/1,", "HTTP/1.", "HTTP", "HTTP/1.1x"] {
        assert_eq!(refused(request_line(&format!("GET /chat {version}"))), 400, "{version}");
    }
    assert_eq!(refused(request_line("GET /chat")), 400);
    upgrade(request_line("GET /chat HTTP/1.2"));
    // Not even an interim response goes to a client that does not know them.
    let mut old = request(&[], &["Expect: 100-continue"]);
    old.splice(.."GET /chat HTTP/1.1".len(), *b"GET /chat HTTP/1.0");
    assert_eq!(refused(old), 505);
}

// 6455-4.2.1-05, 9112-3.2-01
#[test]
fn target_is_a_resource_name() {
    assert_eq!(upgrade(request_for("/chat?x=1")).resource(), "/chat?x=1");
    let upgrade = upgrade(request_for("/a?b?c"));
    assert_eq!((upgrade.path(), upgrade.query()), ("/a", Some("b?c")));
    for target in ["chat", "*", "h:80", "/a#f", "/a b", "", "/\u{e9}", "?x", "/\u{1}", "/\x7f"] {
        assert_eq!(refused(request_for(target)), 400, "{target:?}");
    }
}

// 6455-4.2.1-05
#[test]
fn characters_that_browsers_leave_as_they_are_pass() {
    assert_eq!(upgrade(request_for("/a|b?{c}=^`\\[]%zz")).resource(), "/a|b?{c}=^`\\[]%zz");
}

// 6455-4.2.1-06, 9112-3.2.2-01, 9112-3.2.2-02, 9110-4.2.4-02
#[test]
fn target_may_be_a_whole_uri() {
    for (target, resource, host) in [
        ("http://example.com/chat", "/chat", "example.com"),
        ("HTTPS://example.com:8443/chat?x=1", "/chat?x=1", "example.com:8443"),
        ("http://example.com", "/", "example.com"),
        ("http://example.com?x=1", "/?x=1", "example.com"),
        ("http://[::1]:80/a", "/a", "[::1]:80"),
    ] {
        let upgrade = upgrade(request_for(target));
        assert_eq!((upgrade.resource(), upgrade.host()), (resource, host), "{target}");
    }
    for target in [
        "ftp://x/",
        "ws://x/",
        "wss://x/",
        "http:/x",
        "http:x",
        "://x/",
        "http:///p",
        "http://u@h/",
        "http://u:p@h/",
        "http://a b/",
        "http://h:x/",
        "http://h/#f",
    ] {
        assert_eq!(refused(request_for(target)), 400, "{target}");
    }
}

// 6455-4.2.1-07, 9112-3.2-03
#[test]
fn host_is_one_authority() {
    assert_eq!(refused(request(&["Host"], &[])), 400);
    assert_eq!(refused(request(&[], &["Host: server.example.com"])), 400);
    for host in ["a b", "a/b", "a:x", "u@h", "[::1", "", "a,b:c", "a#", "\u{e9}", "a:65536"] {
        let (error, _) = refusal(request(&["Host"], &[&format!("Host: {host}")]));
        assert_eq!(error, HandshakeError::InvalidHost, "{host}");
    }
    for host in ["a", "a:1", "a:", "[::1]:8080", "127.0.0.1:7200"] {
        assert_eq!(upgrade(request(&["Host"], &[&format!("Host: {host}")])).host(), host);
    }
}

// 9112-3.2-03
#[test]
fn host_is_needed_beside_an_authority_in_the_target() {
    let whole = |lines: &[&str]| {
        let mut bytes = request(&["Host"], lines);
        bytes.splice(.."GET /chat".len(), *b"GET http://example.com/chat");
        bytes
    };
    for lines in [&[][..], &["Host: example.com"; 2], &["Host: a b"], &["Host:"]] {
        let (error, response) = refusal(whole(lines));
        assert_eq!((error, response.status), (HandshakeError::InvalidHost, 400), "{lines:?}");
    }
    assert_eq!(upgrade(whole(&["Host: other"])).host(), "example.com");
}

// 6455-4.2.1-08, 9110-7.8-01, 9110-7.8-03, 9110-7.8-07; R39
#[test]
fn upgrade_names_websocket() {
    for lines in [
        &[][..],
        &["Upgrade: h2c"],
        &["Upgrade: websockets"],
        &["Upgrade: web socket"],
        &["Upgrade: notwebsocket"],
        &["Upgrade: websocket/13"],
        &["Upgrade:"],
    ] {
        let (error, response) = refusal(request(&["Upgrade"], lines));
        assert_eq!(error, HandshakeError::InvalidUpgrade);
        assert_eq!((response.status, response.value("Upgrade")), (426, Some("websocket")));
        assert_eq!(response.value("Connection"), Some("Upgrade, close"));
    }
    upgrade(request(&["Upgrade"], &["Upgrade: WebSocket"]));
}

// 6455-2.1-01
#[test]
fn the_kelvin_sign_is_no_k() {
    upgrade(request(&["Upgrade"], &["Upgrade: WEBSOCKET"]));
    assert_eq!(refused(request(&["Upgrade"], &["Upgrade: websoc\u{212a}et"])), 426);
}

// 6455-4.2.1-09, 9110-5.3-01, 9110-5.6.1-02; R39
#[test]
fn upgrade_is_a_list() {
    upgrade(request(&["Upgrade"], &["Upgrade: h2c, websocket"]));
    upgrade(request(&["Upgrade"], &["Upgrade: h2c", "Upgrade: websocket"]));
    upgrade(request(&["Upgrade"], &["Upgrade: ,, websocket,"]));
}

// 6455-4.2.1-10, 9110-7.6.1-01, 9110-5.6.1-02
#[test]
fn connection_names_upgrade() {
    for lines in [
        &[][..],
        &["Connection: close"],
        &["Connection: keep-alive"],
        &["Connection: Upgrade-Insecure"],
        &["Connection: notupgrade"],
        &["Connection: \"Upgrade\""],
    ] {
        let (error, _) = refusal(request(&["Connection"], lines));
        assert_eq!(error, HandshakeError::InvalidConnection);
    }
    upgrade(request(&["Connection"], &["Connection: keep-alive, upgrade"]));
    upgrade(request(&["Connection"], &["Connection: keep-alive", "Connection: UPGRADE"]));
    upgrade(request(&["Connection"], &["Connection: , ,Upgrade , "]));
}

// 6455-4.2.1-11, 6455-4.3-01, 4648-3.3-01; R42
#[test]
fn key_is_sixteen_octets_in_base64() {
    assert_eq!(refused(request(&["Sec-WebSocket-Key"], &[])), 400);
    for key in [
        "",
        "AAAA",
        "AAAAAAAAAAAAAAAAAAAA",
        "dGhlIHNhbXBsZSBub25jZWQ=",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25j-Q==",
        "dGhlIHNhbXBsZSBub25j_Q==",
        "dGhlIHNhbXBsZSBub25j*Q==",
        "dGhlIHNhbXBs ZSBub25jZ==",
        "dGhlIHNhbXBsZS=ub25jZQ==",
        "dGhlIHNhbXBsZSBub25jZQ==, x",
    ] {
        let (error, _) =
            refusal(request(&["Sec-WebSocket-Key"], &[&format!("Sec-WebSocket-Key: {key}")]));
        assert_eq!(error, HandshakeError::InvalidKey, "{key}");
    }
}

fn accept_value(bytes: Vec<u8>) -> String {
    let mut connection = upgrade(bytes).accept(Acceptance::new()).unwrap();
    let response = Message::read(&octets(connection.output()));
    response.value("Sec-WebSocket-Accept").unwrap().to_owned()
}

// 6455-4.2.1-12, 6455-4.2.2-23, 6455-4.2.2-24
#[test]
fn white_space_around_the_key_is_ignored() {
    let line = format!("Sec-WebSocket-Key:   {KEY} \t");
    let accept = accept_value(request(&["Sec-WebSocket-Key"], &[&line]));
    assert_eq!(accept, ACCEPT);
    assert!(accept.len() == 28 && accept.ends_with('='));
}

// 6455-4.2.1-13, 6455-4.2.2-08, 6455-4.2.2-23, 4648-3.5-02
#[test]
fn key_is_hashed_as_it_came() {
    for (key, accept) in [
        ("AQIDBAUGBwgJCgsMDQ4PEC==", "OfS0wDaT5NoxF2gqm7Zj2YtetzM="),
        ("AQIDBAUGBwgJCgsMDQ4PEA==", "C/0nmHhBztSRGR1CwL6Tf4ZjwpY="),
    ] {
        let line = format!("Sec-WebSocket-Key: {key}");
        assert_eq!(accept_value(request(&["Sec-WebSocket-Key"], &[&line])), accept);
    }
}

// 6455-11.3.1-01
#[test]
fn key_is_not_repeated() {
    for key in [KEY, "AQIDBAUGBwgJCgsMDQ4PEA=="] {
        let (error, _) = refusal(request(&[], &[&format!("Sec-WebSocket-Key: {key}")]));
        assert_eq!(error, HandshakeError::InvalidKey);
    }
}

// 6455-4.2.1-14, 6455-4.3-06, 6455-4.4-02, 6455-4.2.2-09
#[test]
fn version_is_a_number() {
    for lines in [
        &[][..],
        &["Sec-WebSocket-Version: 013"],
        &["Sec-WebSocket-Version: +13"],
        &["Sec-WebSocket-Version: 1 3"],
        &["Sec-WebSocket-Version: 13.0"],
        &["Sec-WebSocket-Version: 0x0d"],
        &["Sec-WebSocket-Version: 1300"],
        &["Sec-WebSocket-Version: 256"],
        &["Sec-WebSocket-Version:"],
        &["Sec-WebSocket-Version: 13, 8"],
    ] {
        let (error, response) = refusal(request(&["Sec-WebSocket-Version"], lines));
        assert_eq!(error, HandshakeError::InvalidVersion, "{lines:?}");
        assert_eq!(response.status, 400);
        assert_eq!(response.value("Sec-WebSocket-Version"), Some("13"));
    }
    upgrade(request(&["Sec-WebSocket-Version"], &["Sec-WebSocket-Version:  13\t"]));
}

// 6455-4.2.2-09, 6455-4.4-02, 6455-4.4-04, 9110-7.8-07, 9110-7.8-04; R08
#[test]
fn other_versions_are_told_the_right_one() {
    for version in ["8", "0", "25", "255", "12", "14"] {
        let line = format!("Sec-WebSocket-Version: {version}");
        let (error, response) = refusal(request(&["Sec-WebSocket-Version"], &[&line]));
        assert_eq!(error, HandshakeError::UnsupportedVersion);
        assert_eq!(response.status, 426);
        assert_eq!(response.value("Sec-WebSocket-Version"), Some("13"));
        assert_eq!(response.value("Upgrade"), Some("websocket"));
        assert_eq!(response.value("Connection"), Some("Upgrade, close"));
    }
}

// 6455-11.3.5-02
#[test]
fn version_is_not_repeated() {
    assert_eq!(refused(request(&[], &["Sec-WebSocket-Version: 13"])), 400);
}

// 6455-4.2.1-15, 6455-4.2.1-16
#[test]
fn origin_is_optional() {
    assert_eq!(upgrade(request(&[], &[])).origin(), None);
    assert_eq!(upgrade(request(&[], &["Origin: null"])).origin(), Some(&b"null"[..]));
}

// 6454-7.3-01
#[test]
fn origin_is_not_repeated() {
    let (error, _) = refusal(request(&[], &["Origin: http://a", "Origin: http://a"]));
    assert_eq!(error, HandshakeError::InvalidOrigin);
}

fn offered(lines: &[&str]) -> Result<Vec<String>, HandshakeError> {
    let upgrade = serve(request(&[], lines))?.unwrap();
    Ok(upgrade.subprotocols().map(str::to_owned).collect())
}

// 6455-4.2.1-17, 6455-4.3-03, 6455-4.3-04, 6455-1.9-01, 6455-11.3.4-01
#[test]
fn subprotocols_are_a_list_over_lines() {
    for (lines, names) in [
        (&[][..], &[][..]),
        (&["Sec-WebSocket-Protocol: chat, superchat"], &["chat", "superchat"]),
        (&["Sec-WebSocket-Protocol: chat ,superchat"], &["chat", "superchat"]),
        (&["Sec-WebSocket-Protocol: , chat,, superchat ,"], &["chat", "superchat"]),
        (&["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b, c"], &["a", "b", "c"]),
        (&["Sec-WebSocket-Protocol: b, B"], &["b", "B"]),
        (&["Sec-WebSocket-Protocol: v2.bookings.example.net"], &["v2.bookings.example.net"]),
    ] {
        assert_eq!(offered(lines).unwrap(), names, "{lines:?}");
    }
}

// 6455-4.2.1-18, 6455-4.3-04, 6455-4.3-05, 6455-11.3.4-01
#[test]
fn subprotocols_are_unique_tokens() {
    for lines in [
        &["Sec-WebSocket-Protocol: chat, chat"][..],
        &["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b, a"],
        &["Sec-WebSocket-Protocol: a b"],
        &["Sec-WebSocket-Protocol:"],
        &["Sec-WebSocket-Protocol: ,"],
        &["Sec-WebSocket-Protocol:  , "],
        &["Sec-WebSocket-Protocol: chat;x"],
        &["Sec-WebSocket-Protocol: chat;v=1"],
        &["Sec-WebSocket-Protocol: \"chat\""],
        &["Sec-WebSocket-Protocol: chat, super chat"],
    ] {
        assert_eq!(offered(lines).unwrap_err(), HandshakeError::InvalidSubprotocol, "{lines:?}");
    }
    assert_eq!(refused(request_with_octets(b"Sec-WebSocket-Protocol: ch\xe9t")), 400);
    for n in 1..20 {
        let unique: Vec<_> = (0..n).map(|n| n.to_string()).collect();
        let line = format!("Sec-WebSocket-Protocol: {}", unique.join(", "));
        assert_eq!(offered(&[&line]).unwrap().len(), n);
        for repeated in 0..n {
            let line = format!("{line}, {repeated}");
            assert_eq!(offered(&[&line]).unwrap_err(), HandshakeError::InvalidSubprotocol);
        }
    }
}

// 6455-4.2.1-19
#[test]
fn extensions_are_optional() {
    assert_eq!(upgrade(request(&[], &[])).extensions().count(), 0);
    let upgrade = upgrade(request(&[], &["Sec-WebSocket-Extensions: foo, bar; baz=2"]));
    let names: Vec<_> = upgrade.extensions().map(|extension| extension.name()).collect();
    assert_eq!(names, ["foo", "bar"]);
}

// 6455-4.2.1-20, 6455-10.5-01, 9110-5.1-02
#[test]
fn other_fields_are_exposed() {
    let lines = ["X-Foo: bar", "Cookie: a=1; b=2", "Authorization: Basic x"];
    let upgrade = upgrade(request(&[], &lines));
    assert_eq!(upgrade.header("x-foo"), Some(&b"bar"[..]));
    assert_eq!(upgrade.header("Cookie"), Some(&b"a=1; b=2"[..]));
    assert_eq!(upgrade.headers().text("Authorization"), Some("Basic x"));
    assert_eq!(upgrade.headers().len(), 8);
}

// 6455-4.2.1-21, 6455-4.1-65, 9110-5.1-01
#[test]
fn order_and_case_of_fields_do_not_matter() {
    let mut lines = [
        "HOST: h",
        "upgrade: websocket",
        "CoNnEcTiOn: Upgrade",
        "sec-websocket-KEY: dGhlIHNhbXBsZSBub25jZQ==",
        "SEC-WEBSOCKET-VERSION: 13",
        "sec-websocket-protocol: chat",
    ];
    for _ in 0..lines.len() {
        lines.rotate_left(1);
        let head = format!("GET / HTTP/1.1\r\n{}\r\n\r\n", lines.join("\r\n"));
        assert_eq!(upgrade(head).subprotocols().collect::<Vec<_>>(), ["chat"]);
    }
}

// 6455-4.2.1-23, 6455-4.2.2-27
#[test]
fn early_frames_are_read_after_the_accept() {
    let mut bytes = request(&[], &[]);
    bytes.extend_from_slice(b"\x81\x82\0\0\0\0hi");
    let mut input = Input::new(&mut bytes);
    let mut handshake = ServerHandshake::new(framewise::Config::default());
    let upgrade = handshake.receive(&mut input).unwrap().unwrap();
    assert!(handshake.receive(&mut input).unwrap().is_none(), "the rest is not looked at");
    let mut connection = upgrade.accept(Acceptance::new()).unwrap();
    assert_eq!(connection.state(), State::Open);
    let Some(Event::Text(text)) = connection.receive(&mut input).unwrap() else { panic!() };
    assert_eq!(&*text, "hi");
}

// 9110-5.1-02: fields are told apart by all of their names, not by how long these are
#[test]
fn fields_with_names_of_the_same_length_are_others() {
    let other = |name: &str, value: &str| format!("{}: {value}", "X".repeat(name.len()));
    // In place of the field that is needed, with its value.
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    for (name, value, error) in [
        ("Host", "example.com", HandshakeError::InvalidHost),
        ("Upgrade", "websocket", HandshakeError::InvalidUpgrade),
        ("Connection", "Upgrade", HandshakeError::InvalidConnection),
        ("Sec-WebSocket-Key", key, HandshakeError::InvalidKey),
        ("Sec-WebSocket-Version", "13", HandshakeError::InvalidVersion),
    ] {
        assert_eq!(refusal(request(&[name], &[&other(name, value)])).0, error, "{name}");
    }
    // Beside all that are needed, with what would be refused or do something.
    let host = upgrade(request(&[], &[])).host().to_owned();
    for (name, value) in [
        ("Host", "b"),
        ("Origin", "a"),
        ("Expect", "100-continue"),
        ("Upgrade", "h2c"),
        ("Connection", "close"),
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Sec-WebSocket-Key", "x"),
        ("Sec-WebSocket-Version", "8"),
        ("Sec-WebSocket-Protocol", "chat"),
        ("Sec-WebSocket-Protocol", "a b"),
        ("Sec-WebSocket-Extensions", "a; b=;"),
    ] {
        let upgrade = upgrade(request(&[], &[&other(name, value)]));
        assert_eq!((upgrade.host(), upgrade.origin()), (host.as_str(), None), "{name}");
        assert_eq!((upgrade.subprotocols().count(), upgrade.extensions().count()), (0, 0));
        let response = octets(upgrade.accept(Acceptance::new()).unwrap().output());
        assert!(response.starts_with(b"HTTP/1.1 101 "), "{name}");
    }
}

// 6455-4.2.1-24, 9112-6.1-03, 9112-2.2-09; R40
#[test]
fn a_body_is_refused() {
    for lines in [
        &["Content-Length: 1"][..],
        &["Content-Length: 0", "Content-Length: 5"],
        &["Content-Length: 0, 0"],
        &["Content-Length: x"],
        &["Content-Length: +0"],
        &["Content-Length:"],
        &["Content-Length: 0", "Content-Length:"],
        &["Transfer-Encoding: chunked"],
        &["transfer-encoding: identity"],
    ] {
        let (error, _) = refusal(request(&[], lines));
        assert_eq!(error, HandshakeError::RequestBody, "{lines:?}");
    }
    upgrade(request(&[], &["Content-Length: 0"]));
}

// 6455-4.2.1-26, 6455-7.2.2-01
#[test]
fn the_end_of_the_stream_fails() {
    let bytes = request(&[], &[]);
    for len in [0, 1, 30, bytes.len() - 1] {
        let mut part = bytes[..len].to_vec();
        let mut handshake = ServerHandshake::new(framewise::Config::default());
        assert!(handshake.receive(&mut Input::new(&mut part)).unwrap().is_none());
        assert_eq!(handshake.receive_eof(), HandshakeError::UnexpectedEof);
        assert!(handshake.output().is_empty());
        let mut rest = bytes[len..].to_vec();
        assert!(handshake.receive(&mut Input::new(&mut rest)).is_err());
    }
}

// 6455-8.1-02, 9110-5.5-03, 9112-2.2-01
#[test]
fn octets_outside_ascii_are_opaque_except_in_fields_of_the_handshake() {
    assert_eq!(upgrade(request_with_octets(b"X: \xff\xc0")).header("X"), Some(&b"\xff\xc0"[..]));
    for (name, error) in [
        ("Sec-WebSocket-Extensions", HandshakeError::InvalidExtensions),
        ("Sec-WebSocket-Key", HandshakeError::InvalidKey),
        ("Sec-WebSocket-Protocol", HandshakeError::InvalidSubprotocol),
        ("Sec-WebSocket-Version", HandshakeError::InvalidVersion),
        ("Host", HandshakeError::InvalidHost),
    ] {
        for value in [&b"\xff"[..], "\u{e9}".as_bytes()] {
            // In place of the line that the request has: a second one would be refused as such.
            let line = [name.as_bytes(), b": ", value].concat();
            let (found, response) = refusal(with_octets(request(&[name], &[]), &line));
            assert_eq!((&found, response.status), (&error, 400), "{}", line.escape_ascii());
        }
    }
}

// 6455-4.2.1-02, 6455-10.7-04, 9112-2.2-09, 9112-9.6-01
#[test]
fn garbage_is_answered_at_once() {
    for garbage in [&b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03"[..], b"GET\r\n\r\n", b"\0", b"\n\n"] {
        assert_eq!(refused(garbage), 400);
    }
}

#[test]
fn debug_hides_credentials() {
    let mut bytes = request(
        &[],
        &["Cookie: secret", "Authorization: secret", "Sec-WebSocket-Protocol: chat, secret"],
    );
    bytes.splice(..9, *b"GET /chat?secret");
    let debug = format!("{:?}", upgrade(bytes));
    assert!(debug.contains("server.example.com") && !debug.contains("secret"), "{debug}");
}
