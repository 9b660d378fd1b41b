//! Bugs that other libraries had in the opening handshake.

use framewise::{
    Config, Event, Input,
    handshake::{
        Acceptance, ClientHandshake, ClientRequest, Established, HandshakeError, OriginPolicy,
        RefusedRequest, Rejection, Request, ServerHandshake, Upgrade,
    },
};

use crate::support::{
    ACCEPT, Client, Message, accept_of, client, fails, octets, refusal, refused, request,
    request_line, serve, start, upgrade,
};

// A header as long as is allowed, octet by octet. (That the work is linear is counted in a unit test.)
// 6455-4.2.1-22
#[test]
fn r36_a_long_header_in_single_octets() {
    let line = format!("X: {}", "a".repeat(16_000));
    let bytes = request(&[], &[&line]);
    let mut server = ServerHandshake::new(Config::default());
    let mut upgrades = bytes.iter().filter_map(|octet| {
        server.receive(&mut Input::new(&mut [*octet])).expect("the request is valid")
    });
    assert_eq!(upgrades.next().unwrap().header("X").unwrap().len(), 16_000);
}

// So much in single octets takes less than a second; to parse all that there is after each of them
// would take hours, which nobody overlooks.
#[test]
fn r36_the_longest_head_in_single_octets() {
    const LEN: usize = 4 << 20;

    let mut config = Config::default();
    config.max_head_size = LEN;
    let line = format!("X: {}", "a".repeat(LEN - 300));
    let mut server = ServerHandshake::new(config.clone());
    let mut upgrade = None;
    for octet in request(&[], &[&line]) {
        assert!(upgrade.is_none());
        upgrade = server.receive(&mut Input::new(&mut [octet])).expect("the request is valid");
    }
    assert_eq!(upgrade.expect("complete").header("X").expect("there").len(), LEN - 300);

    let mut client = start_with(config);
    let mut response = None;
    for octet in client.response(&[], &[&line]) {
        assert!(response.is_none());
        let result = client.handshake.receive(&mut Input::new(&mut [octet]));
        response = result.expect("the response is valid");
    }
    let response = response.expect("complete").response;
    assert_eq!(response.header("X").expect("there").len(), LEN - 300);
}

/// Starts a client that offers nothing.
fn start_with(config: Config) -> Client {
    let mut client = client(&[]);
    let request = ClientRequest::new("ws://server.example.com/chat").expect("a URI");
    // The seed is the same, so that the key is, too.
    client.handshake = ClientHandshake::new(request, config, [3; 32]);
    let len = client.handshake.output().len();
    client.handshake.output().advance(len);
    client
}

// Lists that are slow to parse when white space or repetitions are searched again and again.
// 6455-4.2.1-18, 6455-9.1-01
#[test]
fn r37_long_lists() {
    let spaces = format!("Sec-WebSocket-Protocol: a{}b", " ".repeat(16_000));
    assert_eq!(refused(request(&[], &[&spaces])), 400);
    let quotes = format!("Sec-WebSocket-Extensions: a; b=\"{}", "\\a".repeat(8_000));
    assert_eq!(refused(request(&[], &[&quotes])), 400);
    let commas = format!("Sec-WebSocket-Extensions: {}", ",".repeat(16_000));
    assert_eq!(refused(request(&[], &[&commas])), 400);
    let names: Vec<_> = (0..3000).map(|n| format!("{n:x}")).collect();
    let many = format!("Sec-WebSocket-Protocol: {}", names.join(","));
    assert_eq!(upgrade(request(&[], &[&many])).subprotocols().count(), 3000);
}

// A list of a million octets is read in less than a second, on a machine that is busy, too. Work
// that grows by the square takes minutes at least.
#[test]
fn r37_lists_are_read_in_linear_time() {
    const LEN: usize = 1_000_000;

    let mut config = Config::default();
    config.max_head_size = 2 * LEN;
    let names: String = (0..LEN / 7).map(|n| format!("{n:x},")).collect();
    let values = [
        format!("a{}b", " ".repeat(LEN)),
        format!("a{}", ", ".repeat(LEN / 2)),
        format!("a{}", " ,".repeat(LEN / 2)),
        format!("a{}", "; b".repeat(LEN / 3)),
        format!("a; b=\"{}", "\\a".repeat(LEN / 2)),
        format!("a; b=\"{}\"", "\\a".repeat(LEN / 2)),
        "a; b=\"".repeat(LEN / 6),
        ",".repeat(LEN),
        names,
    ];
    for name in ["Connection", "Upgrade", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"] {
        for value in &values {
            let line = format!("{name}: {value}");
            let mut bytes = request(&[], &[&line]);
            let result = ServerHandshake::new(config.clone()).receive(&mut Input::new(&mut bytes));
            if let Ok(Some(upgrade)) = result {
                assert_eq!(upgrade.select_subprotocol(&["none"]), None);
                assert_eq!(upgrade.extensions().filter(|found| found.name() == "none").count(), 0);
                upgrade.accept(Acceptance::new()).unwrap();
            }
            // In a response that is right but for the list, so that the list is what is looked at.
            let mut client = start_with(config.clone());
            let error = match client.receive(client.response(&[], &[&line])) {
                Ok(established) => {
                    established.expect("complete");
                    None
                }
                Err(error) => Some(error),
            };
            let expected: &[_] = match name {
                "Connection" => &[None, Some(HandshakeError::InvalidConnection)],
                "Upgrade" => &[None, Some(HandshakeError::InvalidUpgrade)],
                "Sec-WebSocket-Protocol" => &[
                    Some(HandshakeError::InvalidSubprotocol),
                    Some(HandshakeError::UnexpectedSubprotocol),
                ],
                _ => &[
                    Some(HandshakeError::InvalidExtensions),
                    Some(HandshakeError::UnexpectedExtension),
                ],
            };
            assert!(expected.contains(&error), "{name}: {error:?}");
        }
    }
}

// R51: what a handshake is made of can go to another thread
#[test]
fn r51_handshakes_are_send() {
    fn check<T: Send + Sync + 'static>() {}
    check::<(ServerHandshake, ClientHandshake)>();
    check::<(Request, RefusedRequest)>();
    check::<(Upgrade, Established, HandshakeError)>();
    check::<(ClientRequest, Acceptance, Rejection)>();
}

// 6455-4.2.1-02
#[test]
fn r38_each_absent_field_is_a_typed_refusal() {
    for (name, error) in [
        ("Host", HandshakeError::InvalidHost),
        ("Upgrade", HandshakeError::InvalidUpgrade),
        ("Connection", HandshakeError::InvalidConnection),
        ("Sec-WebSocket-Key", HandshakeError::InvalidKey),
        ("Sec-WebSocket-Version", HandshakeError::InvalidVersion),
    ] {
        assert_eq!(refusal(request(&[name], &[])).0, error);
        assert_eq!(refusal(request(&[name], &[&format!("{name}:")])).0, error);
    }
    assert!(serve(b"GET / HTTP/1.1\r\n\r\n").is_err());
    assert!(client(&[]).receive(b"HTTP/1.1 101 \r\n\r\n").is_err());
    // A limit on the number of fields refuses; it does not drop the fields that come last.
    let mut bytes = request(&["Upgrade"], &["Upgrade: websocket"]);
    let mut config = Config::default();
    config.max_headers = 4;
    let result = ServerHandshake::new(config).receive(&mut Input::new(&mut bytes));
    assert_eq!(result.unwrap_err(), HandshakeError::TooManyHeaders);
}

// 6455-4.2.1-08, 6455-4.2.1-10, 6455-4.2.1-03, 6455-4.2.1-04
#[test]
fn r39_tokens_are_compared_whole() {
    for line in ["Connection: notupgrade", "Connection: upgrade2", "Connection: up grade"] {
        assert_eq!(refused(request(&["Connection"], &[line])), 400, "{line}");
    }
    for line in ["Upgrade: websockets", "Upgrade: notwebsocket", "Upgrade: web socket"] {
        assert_eq!(refused(request(&["Upgrade"], &[line])), 426, "{line}");
    }
    for (line, status) in [
        ("GETT /chat HTTP/1.1", 405),
        ("GE /chat HTTP/1.1", 405),
        ("GET /chat HTTP/1.1x", 400),
        ("GET /chat xHTTP/1.1", 400),
    ] {
        assert_eq!(refused(request_line(line)), status, "{line}");
    }
    upgrade(request(&["Connection"], &["Connection: keep-alive", "Connection: x, uPGRADE"]));
}

// 6455-4.2.1-24, 6455-4.2.2-29
#[test]
fn r40_a_body_is_refused_and_nothing_after_a_refusal_is_read() {
    for line in ["Content-Length: 30", "Transfer-Encoding: chunked"] {
        let mut bytes = request(&[], &[line]);
        bytes.extend(request(&[], &[]));
        let mut server = ServerHandshake::new(Config::default());
        let mut input = Input::new(&mut bytes);
        assert_eq!(server.receive(&mut input).unwrap_err(), HandshakeError::RequestBody);
        assert_eq!(server.receive(&mut input).unwrap_err(), HandshakeError::RequestBody);
        let response = Message::read(&octets(server.output()));
        assert_eq!(response.value("Connection"), Some("close"));
        assert!(response.body.is_empty(), "there is one answer");
    }
}

// 6455-4.1-70, 6455-4.2.1-23
#[test]
fn r41_what_follows_the_head_is_not_lost() {
    let mut bytes = request(&[], &[]);
    bytes.extend_from_slice(b"\x82\x83\0\0\0\0abc");
    let mut input = Input::new(&mut bytes);
    let upgrade = ServerHandshake::new(Config::default()).receive(&mut input).unwrap().unwrap();
    let mut server = upgrade.accept(Acceptance::new()).unwrap();
    assert!(matches!(server.receive(&mut input), Ok(Some(Event::Binary(b))) if *b == *b"abc"));

    let mut client = client(&[]);
    let mut bytes = client.response(&[], &[]);
    bytes.extend_from_slice(b"\x82\x03abc");
    let mut input = Input::new(&mut bytes);
    let mut connection = client.handshake.receive(&mut input).unwrap().unwrap().connection;
    assert!(matches!(connection.receive(&mut input), Ok(Some(Event::Binary(b))) if *b == *b"abc"));
}

// 6455-4.2.1-11, 6455-4.1-59
#[test]
fn r42_keys_are_fresh_and_checked_on_both_sides() {
    assert_eq!(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), ACCEPT);
    assert_eq!(refused(request(&["Sec-WebSocket-Key"], &["Sec-WebSocket-Key: MTIzNA=="])), 400);
    // The answer to another key.
    let line = format!("Sec-WebSocket-Accept: {ACCEPT}");
    assert_eq!(fails(&["Sec-WebSocket-Accept"], &[&line]), HandshakeError::InvalidAccept);
}

// 6455-4.1-46, 6455-4.2.2-28, 6455-3-12
#[test]
fn r43_no_text_of_the_caller_can_add_a_line() {
    let evil = "x\r\nInjected: 1";
    assert!(ClientRequest::new(format!("ws://{evil}/")).is_err());
    assert!(ClientRequest::new(format!("ws://h/{evil}")).is_err());
    let request = || ClientRequest::new("ws://h/").unwrap();
    assert!(request().header(evil, "a").is_err());
    assert!(request().header("a", evil).is_err());
    assert!(request().subprotocol(evil).is_err());
    assert!(format!("http://{evil}").parse::<framewise::handshake::Origin>().is_err());
    assert!(Acceptance::new().header("a", evil).is_err());
    let acceptance = Acceptance::new().subprotocol(evil);
    assert!(upgrade(crate::support::request(&[], &[])).accept(acceptance).is_err());
    assert!(Rejection::forbidden().header("a", evil).is_err());
}

// 6455-4.1-61, 6455-4.1-62, 6455-4.2.2-12, 6455-4.2.2-18, 9110-5.6.1-01
#[test]
fn r44_nothing_unoffered_is_taken_and_no_empty_list_is_sent() {
    let line = "Sec-WebSocket-Extensions: permessage-deflate";
    assert_eq!(fails(&[], &[line]), HandshakeError::UnexpectedExtension);
    let line = "Sec-WebSocket-Protocol: chat";
    assert_eq!(fails(&[], &[line]), HandshakeError::UnexpectedSubprotocol);
    let sent = start(ClientRequest::new("ws://h/").unwrap()).request;
    assert!(sent.fields.iter().all(|field| !field.1.is_empty()));
    let mut server = upgrade(request(&[], &[line])).accept(Acceptance::new()).unwrap();
    let sent = Message::read(&octets(server.output()));
    assert!(sent.fields.iter().all(|field| !field.1.is_empty()));
}

// 6455-10.2-01, 6455-10.2-02
#[test]
fn r45_a_page_of_another_site_is_refused() {
    let policy = OriginPolicy::default();
    for origin in ["http://server.example.com.evil.org", "http://server.example.com:81", "null"] {
        let upgrade = upgrade(request(&[], &[&format!("Origin: {origin}")]));
        assert!(upgrade.check_origin(&policy).is_err(), "{origin}");
    }
}

// 6455-4.1-51, 9110-15.4-01
#[test]
fn r48_credentials_go_nowhere_by_themselves() {
    let request = ClientRequest::new("wss://h/").unwrap().header("Authorization", "x").unwrap();
    let mut client = start(request);
    let error = client.fails("HTTP/1.1 307 x\r\nLocation: ws://evil.example/\r\n\r\n");
    assert_eq!(error.response().unwrap().status(), 307);
    assert!(client.handshake.output().is_empty());
}
