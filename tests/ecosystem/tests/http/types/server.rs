//! Requests in, responses out.

use framewise::{
    Config,
    deflate::DeflateConfig,
    handshake::{Acceptance, HandshakeError, OriginPolicy, Rejection, Upgrade},
    http::Protocol,
};
use http::{Method, Request, Response, StatusCode, Version, request};

use super::{ACCEPT, KEY, sensitive, sorted};

fn get(uri: &str) -> request::Builder {
    Request::get(uri)
        .header("Host", "example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Key", KEY)
        .header("Sec-WebSocket-Version", "13")
}

fn connect(uri: &str, version: Version) -> request::Builder {
    Request::connect(uri)
        .version(version)
        .header("Sec-WebSocket-Version", "13")
        .extension(Protocol::new("websocket"))
}

fn upgrade(request: request::Builder) -> Result<Upgrade, HandshakeError> {
    Upgrade::from_request(&request.body("any body").unwrap(), Config::default())
}

#[test]
fn a_request_is_an_upgrade_in_each_version() {
    for (request, host, has_key) in [
        (get("/chat?room=1"), "example.com", true),
        (get("http://other.example:80/chat?room=1"), "other.example:80", true),
        (connect("https://example.com:444/chat?room=1", Version::HTTP_2), "example.com:444", false),
        (connect("https://example.com/chat?room=1", Version::HTTP_3), "example.com", false),
    ] {
        let request = request.header("Origin", "https://a").header("X-Other", [0xff].as_slice());
        let upgrade = upgrade(request).unwrap();
        assert_eq!((upgrade.host(), upgrade.key().is_some()), (host, has_key));
        assert_eq!((upgrade.path(), upgrade.query()), ("/chat", Some("room=1")));
        assert_eq!(upgrade.origin(), Some(&b"https://a"[..]));
        assert_eq!(upgrade.header("x-other"), Some(&[0xff][..]));
    }
}

#[test]
fn a_request_of_another_kind_is_an_error() {
    let uri = "https://example.com/chat";
    let plain = || Request::connect(uri).header("Sec-WebSocket-Version", "13");
    let many = |request: request::Builder| {
        (0..200).fold(request, |request, _| request.header("X-More", "of the same"))
    };
    for (request, expected) in [
        (get("/").version(Version::HTTP_10), HandshakeError::UnsupportedHttpVersion),
        (get("/").version(Version::HTTP_09), HandshakeError::UnsupportedHttpVersion),
        (get("/").method(Method::POST), HandshakeError::InvalidMethod),
        (get(uri).version(Version::HTTP_2), HandshakeError::InvalidMethod),
        (connect(uri, Version::HTTP_11), HandshakeError::InvalidMethod),
        (plain().version(Version::HTTP_2), HandshakeError::InvalidProtocol),
        (plain().version(Version::HTTP_3), HandshakeError::InvalidProtocol),
        (
            plain().version(Version::HTTP_2).extension(Protocol::new("connect-udp")),
            HandshakeError::InvalidProtocol,
        ),
        (Request::get("/").header("Host", "a"), HandshakeError::InvalidUpgrade),
        (get("/").header("Host", "twice"), HandshakeError::InvalidHost),
        (get("/").header("Content-Length", "8"), HandshakeError::RequestBody),
        (get("/").header("Transfer-Encoding", "chunked"), HandshakeError::RequestBody),
        (connect(uri, Version::HTTP_2).header("Content-Length", "8"), HandshakeError::RequestBody),
        (many(get("/")), HandshakeError::TooManyHeaders),
        (many(connect(uri, Version::HTTP_2)), HandshakeError::TooManyHeaders),
    ] {
        let shown = format!("{request:?}");
        assert_eq!(upgrade(request).unwrap_err(), expected, "{shown}");
    }
}

// Over HTTP/1.1 a path alone does not tell of TLS.
#[test]
fn the_scheme_is_known_over_http_2_and_3() {
    for version in [Version::HTTP_2, Version::HTTP_3] {
        for (scheme, origin, passes) in [
            ("https", "https://example.com", true),
            ("https", "http://example.com", false),
            ("http", "http://example.com", true),
            ("http", "https://example.com", false),
        ] {
            let request = connect(&format!("{scheme}://example.com/"), version);
            let upgrade = upgrade(request.header("Origin", origin)).unwrap();
            let checked = upgrade.check_origin(&OriginPolicy::same_origin());
            assert_eq!(checked.is_ok(), passes, "{scheme} {origin}");
        }
    }
    let policy = OriginPolicy::same_origin();
    for (uri, policy, passes) in [
        ("/", policy.clone(), false),
        ("/", policy.clone().secure(), true),
        ("https://example.com/", policy, true),
    ] {
        let upgrade = upgrade(get(uri).header("Origin", "https://example.com")).unwrap();
        assert_eq!(upgrade.check_origin(&policy).is_ok(), passes, "{uri}");
    }
}

#[test]
fn an_accepted_request_has_a_response() {
    let accepted = |request: request::Builder| {
        let offer = request
            .header("Sec-WebSocket-Protocol", "chat.v2, chat.v1")
            .header("Sec-WebSocket-Extensions", "permessage-deflate")
            .body(())
            .unwrap();
        let config = Config::default().deflate(DeflateConfig::default());
        let acceptance = Acceptance::new()
            .subprotocol("chat.v1")
            .header("Set-Cookie", "a=1")
            .and_then(|acceptance| acceptance.header("Set-Cookie", "b=2"))
            .unwrap();
        let upgrade = Upgrade::from_request(&offer, config).unwrap();
        let (response, connection) = upgrade.accept_response::<String>(acceptance).unwrap();
        assert!(connection.deflate().is_some() && !connection.has_output());
        assert_eq!(
            sensitive(response.headers()),
            ["sec-websocket-protocol", "set-cookie", "set-cookie"]
        );
        response
    };
    let common = [
        ("sec-websocket-extensions", &b"permessage-deflate"[..]),
        ("sec-websocket-protocol", b"chat.v1"),
        ("set-cookie", b"a=1"),
        ("set-cookie", b"b=2"),
    ];
    let response = accepted(get("/"));
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut expected = common.to_vec();
    expected.extend([
        ("connection", &b"Upgrade"[..]),
        ("sec-websocket-accept", ACCEPT.as_bytes()),
        ("upgrade", b"websocket"),
    ]);
    expected.sort_unstable();
    assert_eq!(sorted(response.headers()), expected);

    let response = accepted(connect("https://example.com/", Version::HTTP_2));
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(sorted(response.headers()), common);
}

#[test]
fn a_subprotocol_that_was_not_offered_gives_the_request_back() {
    let upgrade = upgrade(get("/chat")).unwrap();
    let error = upgrade.accept_response::<()>(Acceptance::new().subprotocol("chat")).unwrap_err();
    let (response, _) = error.upgrade.accept_response::<()>(Acceptance::new()).unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
}

#[test]
fn a_rejection_has_the_fields_of_its_version() {
    let response = |rejection: Rejection, version| rejection.into_response::<Vec<u8>>(version);
    for version in [Version::HTTP_10, Version::HTTP_11] {
        let response = response(Rejection::new(426).unwrap(), version);
        assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
        let fields: [(&str, &[u8]); 3] = [
            ("connection", b"upgrade"),
            ("sec-websocket-version", b"13"),
            ("upgrade", b"websocket"),
        ];
        assert_eq!(sorted(response.headers()), fields);
    }
    for version in [Version::HTTP_2, Version::HTTP_3] {
        let response = response(Rejection::new(426).unwrap(), version);
        assert_eq!(sorted(response.headers()), [("sec-websocket-version", &b"13"[..])]);
    }

    let rejection = Rejection::unauthorized("Basic realm=\"chat\"").unwrap();
    let rejection = rejection.header("Set-Cookie", "a=1").unwrap().header("Set-Cookie", "b=2");
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let response = response(rejection.clone().unwrap().body("who are you?"), version);
        assert_eq!(
            (response.status(), &response.body()[..]),
            (StatusCode::UNAUTHORIZED, &b"who are you?"[..])
        );
        let fields: [(&str, &[u8]); 3] = [
            ("set-cookie", b"a=1"),
            ("set-cookie", b"b=2"),
            ("www-authenticate", b"Basic realm=\"chat\""),
        ];
        assert_eq!(sorted(response.headers()), fields);
        assert_eq!(sensitive(response.headers()), ["set-cookie", "set-cookie"]);
    }
    assert_eq!(response(Rejection::new(999).unwrap(), Version::HTTP_11).status().as_u16(), 999);
}

// RFC 9110 §6.4.1, §8.6
#[test]
fn a_response_to_head_has_a_length_and_no_body() {
    for (status, has_content) in [(200, true), (204, false), (304, false), (404, true)] {
        let rejection = Rejection::new(status).unwrap().body("text");
        let response: Response<Vec<u8>> = rejection.clone().into_response(Version::HTTP_11);
        assert_eq!(response.body().is_empty(), !has_content, "{status}");
        assert_eq!(response.headers().get("Content-Length"), None);

        let response: Response<Vec<u8>> = rejection.head_only().into_response(Version::HTTP_11);
        assert!(response.body().is_empty(), "{status}");
        assert_eq!(response.headers().contains_key("Content-Length"), has_content, "{status}");
    }
}

#[test]
fn an_error_has_a_response() {
    let (one, two) = (Version::HTTP_11, Version::HTTP_2);
    for (error, version, status, fields) in [
        (
            HandshakeError::InvalidUpgrade,
            one,
            426,
            &[("connection", "upgrade"), ("sec-websocket-version", "13"), ("upgrade", "websocket")]
                [..],
        ),
        (HandshakeError::UnsupportedVersion, two, 400, &[("sec-websocket-version", "13")]),
        (HandshakeError::InvalidVersion, one, 400, &[("sec-websocket-version", "13")]),
        (HandshakeError::InvalidMethod, one, 405, &[("allow", "GET")]),
        (HandshakeError::InvalidMethod, two, 405, &[("allow", "CONNECT")]),
        (HandshakeError::InvalidProtocol, two, 501, &[]),
        (HandshakeError::UnsupportedHttpVersion, Version::HTTP_10, 505, &[]),
        (HandshakeError::RequestBody, one, 400, &[]),
        (HandshakeError::TooManyHeaders, two, 431, &[]),
        (HandshakeError::NotUpgradable, one, 500, &[]),
        // Errors of clients.
        (HandshakeError::InvalidAccept, one, 500, &[]),
        (HandshakeError::UnexpectedEof, two, 500, &[]),
    ] {
        let response: Response<Vec<u8>> = error.to_response(version);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        assert_eq!(
            (response.status().as_u16(), sorted(response.headers())),
            (status, fields),
            "{error}"
        );
        assert!(response.body().is_empty());
    }
}
