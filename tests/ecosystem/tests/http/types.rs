//! Handshakes by the requests and responses of the crate `http`, without I/O.

use framewise::{
    Config, Connection, Event, Input, Message,
    deflate::DeflateConfig,
    handshake::{
        Acceptance, ClientRequest, HandshakeError, HeaderError, Origin, OriginPolicy, Rejection,
        RequestError, Upgrade,
    },
    http::Protocol,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, request};

const SEED: [u8; 32] = [7; 32];

/// The key of RFC 6455 §1.3, and the answer to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

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

/// Returns the fields in an order of their own.
fn sorted(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    let mut fields: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    fields.sort_unstable();
    fields
}

/// Returns the names of the fields that do not belong in logs.
fn sensitive(headers: &HeaderMap) -> Vec<&str> {
    let marked = headers.iter().filter(|(_, value)| value.is_sensitive());
    let mut names: Vec<_> = marked.map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
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

/// Makes a request of one that a program has made, and returns its fields over HTTP/2.
fn taken(request: request::Builder) -> Result<Vec<(String, String)>, RequestError> {
    let request = ClientRequest::from_request(&request.body(()).unwrap())?;
    let fields = request.connect_fields(&Config::default());
    let text = |value| String::from_utf8(value).unwrap();
    Ok(fields.into_iter().map(|(name, value)| (name, text(value))).collect())
}

#[test]
fn each_scheme_names_a_websocket() {
    for (uri, expected) in [
        ("ws://example.com", "ws://example.com/"),
        ("WSS://example.com/chat?a=b", "wss://example.com/chat?a=b"),
        ("http://example.com:80/chat", "ws://example.com/chat"),
        ("HTTPS://[::1]:8443/?a", "wss://[::1]:8443/?a"),
    ] {
        let request = Request::get(uri).version(Version::HTTP_2).body("any body").unwrap();
        let own = ClientRequest::from_request(&request).unwrap();
        assert_eq!(own.uri().to_string(), expected);
        assert_eq!(ClientRequest::try_from(&request).unwrap().uri(), own.uri());
        assert_eq!(ClientRequest::try_from(request).unwrap().uri(), own.uri());
    }
    for uri in
        ["/chat", "example.com:80", "ftp://example.com/", "wss://user@example.com/", "wss://:80/"]
    {
        let request = Request::get(uri).body(());
        let request = request.map(|request| ClientRequest::from_request(&request).map(drop));
        assert!(matches!(request, Err(_) | Ok(Err(RequestError::Uri(_)))), "{uri}: {request:?}");
    }
}

#[test]
fn fields_of_a_request_are_taken_over() {
    let request = Request::get("https://example.com/chat")
        .header("Host", "EXAMPLE.com:443")
        .header("Origin", "https://example.com")
        .header("Sec-WebSocket-Protocol", "chat.v2,chat.v1")
        .header("Sec-WebSocket-Protocol", "chat.v0")
        .header("Upgrade", "WebSocket")
        .header("Connection", "upgrade")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", KEY)
        .header("Cookie", "session=1")
        .header("X-Other", "a")
        .header("X-Other", "b");
    let expected = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":authority", "example.com"),
        (":path", "/chat"),
        ("sec-websocket-version", "13"),
        ("origin", "https://example.com"),
        ("sec-websocket-protocol", "chat.v2, chat.v1, chat.v0"),
        ("cookie", "session=1"),
        ("x-other", "a"),
        ("x-other", "b"),
    ];
    let fields = taken(request).unwrap();
    let mut fields: Vec<_> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut expected = expected.to_vec();
    // The crate `http` keeps no order between names.
    fields.sort_by_key(|(name, _)| *name);
    expected.sort_by_key(|(name, _)| *name);
    assert_eq!(fields, expected);
}

#[test]
fn fields_that_do_not_fit_are_refused() {
    let protected = RequestError::Header(HeaderError::Protected);
    for (name, value, expected) in [
        ("Host", "other.example", Some(RequestError::Host)),
        ("Host", "example.com:80", Some(RequestError::Host)),
        ("Host", "example.com/", Some(RequestError::Host)),
        ("Host", "example.com", None),
        ("Origin", "https://example.com/", "/".parse::<Origin>().err().map(RequestError::Origin)),
        ("Sec-WebSocket-Protocol", "a b", Some(RequestError::Subprotocol)),
        ("Sec-WebSocket-Protocol", "a, a", Some(RequestError::DuplicateSubprotocol)),
        ("Upgrade", "h2c", Some(protected.clone())),
        ("Connection", "close", Some(protected.clone())),
        ("Sec-WebSocket-Version", "12", Some(protected.clone())),
        ("Sec-WebSocket-Extensions", "permessage-deflate", Some(protected.clone())),
        ("Sec-WebSocket-Accept", ACCEPT, Some(protected.clone())),
        ("Content-Length", "0", Some(protected.clone())),
        ("Transfer-Encoding", "chunked", Some(protected.clone())),
    ] {
        let request = Request::get("wss://example.com/").header(name, value);
        assert_eq!(taken(request).err(), expected, "{name}: {value}");
    }
    let bytes = HeaderValue::from_bytes(b"example.com\xff").unwrap();
    let request = Request::get("wss://example.com/").header("Host", bytes);
    assert_eq!(taken(request), Err(RequestError::Host));
    for method in [Method::POST, Method::HEAD, Method::CONNECT] {
        let request = Request::builder().method(method).uri("wss://example.com/");
        assert_eq!(taken(request), Err(RequestError::Method));
    }
}

/// A request with credentials.
fn secret_request() -> ClientRequest {
    let request = ClientRequest::new("wss://example.com:444/chat?room=1").unwrap();
    let request = request.basic_auth("user", "password").unwrap();
    let request = request.header("Cookie", "session=1").unwrap().header("X-Other", "a").unwrap();
    request.subprotocol("token.abc").unwrap().origin("https://example.com".parse().unwrap())
}

const SECRETS: [&str; 3] = ["authorization", "cookie", "sec-websocket-protocol"];

#[test]
fn a_get_has_the_fields_of_the_handshake() {
    let config = Config::default().deflate(DeflateConfig::default());
    let (request, _) = secret_request().into_request::<String>(config.clone(), SEED).unwrap();
    assert_eq!((request.method(), request.version()), (&Method::GET, Version::HTTP_11));
    assert_eq!(request.uri(), "https://example.com:444/chat?room=1");
    assert_eq!(sensitive(request.headers()), SECRETS);
    let (fields, _) = secret_request().into_http(config.clone(), SEED);
    let mut fields: Vec<_> =
        fields.iter().map(|(name, value)| (name.to_lowercase(), &value[..])).collect();
    fields.sort_unstable();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(sorted(request.headers()), fields);
    assert_eq!(request.headers()["Host"], "example.com:444");

    let (other, _) = secret_request().into_request::<String>(config, [8; 32]).unwrap();
    assert_ne!(other.headers()["Sec-WebSocket-Key"], request.headers()["Sec-WebSocket-Key"]);
    let shown = format!("{request:?}");
    for secret in ["session=1", "token.abc", "Basic"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_connect_has_the_fields_of_the_handshake() {
    let config = Config::default().deflate(DeflateConfig::default());
    let (request, pending) =
        secret_request().into_connect_request::<String>(config.clone(), SEED).unwrap();
    assert_eq!((request.method(), request.version()), (&Method::CONNECT, Version::HTTP_2));
    assert_eq!(request.uri(), "https://example.com:444/chat?room=1");
    assert_eq!(request.extensions().get(), Some(&Protocol::new("websocket")));
    assert_eq!(sensitive(request.headers()), SECRETS);
    let fields = secret_request().connect_fields(&config);
    let mut fields: Vec<_> = fields
        .iter()
        .filter(|(name, _)| !name.starts_with(':'))
        .map(|(name, value)| (name.as_str(), &value[..]))
        .collect();
    fields.sort_unstable();
    assert_eq!(sorted(request.headers()), fields);
    let shown = format!("{pending:?}");
    assert!(!shown.contains("token.abc"), "{shown}");
}

#[test]
fn a_uri_that_is_too_long_is_an_error() {
    let request =
        || ClientRequest::new(format!("ws://example.com/{}", "a".repeat(1 << 16))).unwrap();
    assert!(request().into_request::<()>(Config::default(), SEED).is_err());
    assert!(request().into_connect_request::<()>(Config::default(), SEED).is_err());
}

/// Passes all output of one end to the other one. Returns what it receives.
fn pass(from: &mut Connection, to: &mut Connection) -> Vec<Message> {
    let mut bytes = Vec::new();
    let output = from.output();
    while !output.is_empty() {
        bytes.extend_from_slice(output.chunk());
        output.advance(output.chunk().len());
    }
    let (mut input, mut messages) = (Input::new(&mut bytes), Vec::new());
    while let Some(event) = to.receive(&mut input).unwrap() {
        match event {
            Event::Text(text) => messages.push(Message::Text(text.to_string())),
            event => panic!("{event:?}"),
        }
    }
    messages
}

#[test]
fn a_client_and_a_server_understand_one_another() {
    for over_http_2 in [false, true] {
        let config = Config::default().deflate(DeflateConfig::default());
        let client = ClientRequest::new("wss://example.com/chat").unwrap();
        let client = client.subprotocol("chat").unwrap().require_subprotocol();
        let (request, pending) = match over_http_2 {
            true => client.into_connect_request::<()>(config.clone(), SEED).unwrap(),
            false => client.into_request::<()>(config.clone(), SEED).unwrap(),
        };
        let upgrade = Upgrade::from_request(&request, config).unwrap();
        let acceptance = Acceptance::new().subprotocol("chat");
        let (response, mut server) = upgrade.accept_response::<()>(acceptance).unwrap();
        let established = pending.upgraded_by(&response).unwrap();
        assert_eq!(established.response.subprotocol(), Some("chat"));
        let mut client = established.connection;
        assert!(client.deflate().is_some());
        let text = "compressed ".repeat(100);
        client.send(text.as_str()).unwrap();
        assert_eq!(pass(&mut client, &mut server), [Message::from(text.as_str())]);
        server.send(text.as_str()).unwrap();
        assert_eq!(pass(&mut server, &mut client), [Message::from(text)]);
    }
}

#[test]
fn another_response_opens_no_connection() {
    let request = || ClientRequest::new("wss://example.com/").unwrap();
    let pending = |over_http_2| match over_http_2 {
        true => request().into_connect_request::<()>(Config::default(), SEED).unwrap().1,
        false => request().into_request::<()>(Config::default(), SEED).unwrap().1,
    };
    for (over_http_2, status) in [(false, 200), (false, 403), (true, 101), (true, 302), (true, 403)]
    {
        let response = Response::builder().status(status).header("X-Reason", "none");
        let error = pending(over_http_2).upgraded_by(&response.body(()).unwrap()).unwrap_err();
        let HandshakeError::Rejected(refused) = error else { panic!("{error}") };
        assert_eq!((refused.status(), refused.header("x-reason")), (status, Some(&b"none"[..])));
    }
    let valid = || {
        Response::builder()
            .status(101)
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
    };
    for (over_http_2, response, expected) in [
        (false, valid().header("Sec-WebSocket-Accept", ACCEPT), HandshakeError::InvalidAccept),
        (false, valid(), HandshakeError::InvalidAccept),
        (false, Response::builder().status(101), HandshakeError::InvalidUpgrade),
        (
            true,
            Response::builder().header("Sec-WebSocket-Protocol", "chat"),
            HandshakeError::UnexpectedSubprotocol,
        ),
        (
            true,
            Response::builder().header("Sec-WebSocket-Extensions", "permessage-deflate"),
            HandshakeError::UnexpectedExtension,
        ),
    ] {
        let response = response.body(()).unwrap();
        assert_eq!(pending(over_http_2).upgraded_by(&response).unwrap_err(), expected);
    }
    // Any status of success opens a stream of HTTP/2.
    let response = Response::builder().status(204).body(()).unwrap();
    assert!(pending(true).upgraded_by(&response).is_ok());
}
