//! Requests out, responses in.

use framewise::{
    Config,
    deflate::DeflateConfig,
    handshake::{ClientRequest, HandshakeError, HeaderError, Origin, RequestError},
    http::Protocol,
};
use http::{HeaderValue, Method, Request, Response, Version, request};

use super::{ACCEPT, KEY, SEED, sensitive, sorted};

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
