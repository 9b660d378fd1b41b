//! Extended CONNECT over HTTP/2 and HTTP/3 (RFC 8441 §5, RFC 9220 §3).

use framewise::{
    Config, State,
    handshake::{
        Acceptance, ClientRequest, HandshakeError, HttpVersion, Origin, OriginPolicy, Upgrade,
    },
};

const CONNECT: [(&str, &[u8]); 8] = [
    (":method", b"CONNECT"),
    (":protocol", b"websocket"),
    (":scheme", b"https"),
    (":path", b"/chat"),
    (":authority", b"server.example.com"),
    ("sec-websocket-version", b"13"),
    ("sec-websocket-protocol", b"chat, superchat"),
    ("origin", b"https://server.example.com"),
];

fn connect(headers: &[(&'static str, &'static [u8])]) -> Result<Upgrade, HandshakeError> {
    let headers = headers.iter().copied();
    Upgrade::from_http("CONNECT", HttpVersion::Http2, "/chat", headers, Config::default())
}

// 8441-4-01, 8441-4-02, 8441-5-01, 8441-5-02, 8441-5-03, 8441-5-04, 6455-12-01
#[test]
fn the_request_of_a_client() {
    let request = ClientRequest::new("wss://h:8443/p?q").unwrap();
    let request = request
        .subprotocol("chat")
        .unwrap()
        .header("X-Y", "z")
        .unwrap()
        .origin("https://a".parse::<Origin>().unwrap());
    let fields = request.connect_fields(&Config::default());
    let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    let expected: [(&str, &[u8]); 9] = [
        (":method", b"CONNECT"),
        (":protocol", b"websocket"),
        (":scheme", b"https"),
        (":path", b"/p?q"),
        (":authority", b"h:8443"),
        ("sec-websocket-version", b"13"),
        ("origin", b"https://a"),
        ("sec-websocket-protocol", b"chat"),
        ("x-y", b"z"),
    ];
    assert_eq!(fields, expected);
    let plain = ClientRequest::new("ws://h/").unwrap().connect_fields(&Config::default());
    assert!(plain.contains(&(":scheme".into(), b"http".to_vec())));
}

// 8441-5-05, 8441-5-06, 8441-5-07, 8441-5-09
#[test]
fn the_response_to_a_client() {
    let request = ClientRequest::new("wss://h/").unwrap().subprotocol("chat").unwrap();
    let answer = |status, fields: &[(&'static str, &'static [u8])]| {
        request.connected(status, fields.iter().copied(), Config::default(), [1; 32])
    };
    let mut established = answer(200, &[("sec-websocket-protocol", b"chat")]).unwrap();
    assert_eq!(established.connection.state(), State::Open);
    assert_eq!(established.response.subprotocol(), Some("chat"));
    assert!(established.connection.output().is_empty(), "no octets of HTTP");
    established.connection.send("hi").unwrap();
    let frame = established.connection.output().chunk();
    assert_eq!((frame.len(), &frame[..2]), (8, &b"\x81\x82"[..]), "masked");
    assert!(answer(204, &[]).is_ok());
    assert_eq!(
        answer(200, &[("sec-websocket-protocol", b"other")]).unwrap_err(),
        HandshakeError::UnexpectedSubprotocol
    );
    assert_eq!(
        answer(200, &[("sec-websocket-extensions", b"foo")]).unwrap_err(),
        HandshakeError::UnexpectedExtension
    );
    for status in [101, 199, 300, 404] {
        let error = answer(status, &[("x", b"y")]).unwrap_err();
        let response = error.response().unwrap();
        assert_eq!((response.status(), response.header("x")), (status, Some(&b"y"[..])));
    }
}

// 8441-5-05, 8441-5-06
#[test]
fn the_request_to_a_server() {
    let upgrade = connect(&CONNECT).unwrap();
    assert_eq!((upgrade.resource(), upgrade.host()), ("/chat", "server.example.com"));
    assert_eq!(upgrade.key(), None);
    assert_eq!(upgrade.check_origin(&OriginPolicy::same_origin().secure()), Ok(()));
    let acceptance = Acceptance::new().subprotocol("chat").header("X-Y", "z").unwrap();
    let accepted = upgrade.accept_http(acceptance).unwrap();
    assert_eq!(accepted.status, 200);
    let fields: Vec<_> = accepted.headers.iter().collect();
    let expected: [(&str, &[u8]); 2] = [("sec-websocket-protocol", b"chat"), ("x-y", b"z")];
    assert_eq!(fields, expected);
}

// 8441-5-05
#[test]
fn no_key_is_looked_at() {
    let upgrade = {
        let fields = CONNECT.into_iter().chain([("sec-websocket-key", &b"garbage"[..])]);
        Upgrade::from_http("CONNECT", HttpVersion::Http2, "/chat", fields, Config::default())
    };
    let upgrade = upgrade.unwrap();
    assert_eq!(upgrade.key(), None);
    let accepted = upgrade.accept_http(Acceptance::new()).unwrap();
    assert_eq!((accepted.status, accepted.headers.len()), (200, 0));
    let request = ClientRequest::new("wss://h/").unwrap();
    let fields = [("sec-websocket-accept", &b"wrong"[..])];
    assert!(request.connected(200, fields, Config::default(), [1; 32]).is_ok());
}

// 8441-5-06, 6455-4.4-02, 6455-4.2.2-09, 9110-15.5.6-01
#[test]
fn refusals_are_written_for_their_version_of_http() {
    let version = &[("sec-websocket-version", "13")][..];
    for (error, status, fields) in [
        (HandshakeError::UnsupportedVersion, 400, version),
        (HandshakeError::InvalidVersion, 400, version),
        (HandshakeError::InvalidMethod, 405, &[("allow", "CONNECT")]),
        (HandshakeError::InvalidProtocol, 501, &[]),
        (HandshakeError::InvalidUpgrade, 400, &[]),
        (HandshakeError::TooManyHeaders, 431, &[]),
    ] {
        for version in [HttpVersion::Http2, HttpVersion::Http3] {
            let rejection = error.rejection_for(version).unwrap();
            let found: Vec<_> = rejection.headers().iter().collect();
            let fields: Vec<_> = fields.iter().map(|field| (field.0, field.1.as_bytes())).collect();
            assert_eq!((rejection.status(), found), (status, fields), "{error:?}");
        }
        for version in [HttpVersion::Http10, HttpVersion::Http11] {
            assert_eq!(error.rejection_for(version), error.rejection(), "{error:?}");
        }
    }
    assert_eq!(HandshakeError::UnexpectedEof.rejection_for(HttpVersion::Http2), None);
}

// 9220-3-01
#[test]
fn an_unknown_protocol_is_answered_by_501() {
    for version in [HttpVersion::Http2, HttpVersion::Http3] {
        let mut headers = CONNECT;
        headers[1] = (":protocol", b"connect-udp");
        let result = Upgrade::from_http("CONNECT", version, "/", headers, Config::default());
        let error = result.unwrap_err();
        assert_eq!((&error, error.status()), (&HandshakeError::InvalidProtocol, Some(501)));
        assert_eq!(error.rejection().unwrap().status(), 501);
    }
}

// 8441-5-01, 8441-5-02, 8441-5-06
#[test]
fn a_server_checks_as_over_http_1() {
    let with = |from: &str, field: (&'static str, &'static [u8])| {
        let mut headers = CONNECT;
        *headers.iter_mut().find(|field| field.0 == from).unwrap() = field;
        connect(&headers).unwrap_err()
    };
    assert_eq!(with(":protocol", (":protocol", b"connect-udp")), HandshakeError::InvalidProtocol);
    assert_eq!(with(":protocol", ("x", b"")), HandshakeError::InvalidProtocol);
    assert_eq!(with(":authority", ("x", b"")), HandshakeError::InvalidHost);
    assert_eq!(
        with("origin", ("sec-websocket-extensions", b";")),
        HandshakeError::InvalidExtensions
    );
    assert_eq!(
        with("sec-websocket-version", ("sec-websocket-version", b"8")),
        HandshakeError::UnsupportedVersion
    );
    assert_eq!(
        with("sec-websocket-protocol", ("sec-websocket-protocol", b"a, a")),
        HandshakeError::InvalidSubprotocol
    );
    for version in [HttpVersion::Http2, HttpVersion::Http3] {
        let result = Upgrade::from_http("GET", version, "/", CONNECT, Config::default());
        assert_eq!(result.unwrap_err(), HandshakeError::InvalidMethod);
    }
}
