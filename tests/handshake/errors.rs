//! What a user reads when something is wrong.

use core::fmt::{Debug, Display};

use framewise::{
    Config, Input,
    handshake::{
        Acceptance, ClientHandshake, ClientRequest, ExtensionList, HandshakeError, HeaderError,
        Origin, OriginRefused, Rejection, RequestError,
    },
};

use crate::support::{client, octets, request, upgrade};

#[track_caller]
fn say<E: Display + Debug>(messages: impl IntoIterator<Item = (E, &'static str)>) {
    for (error, message) in messages {
        assert_eq!(error.to_string(), message, "{error:?}");
    }
}

#[test]
fn a_failed_handshake_says_why() {
    use HandshakeError as E;
    let rejected = client(&[]).fails("HTTP/1.1 404 Not Found\r\n\r\n");
    let not_http = client(&[]).fails("+OK\r\n");
    say([
        (E::HeadTooLarge, "the head is too large"),
        (E::InvalidAccept, "Sec-WebSocket-Accept does not answer the key"),
        (E::InvalidConnection, "Connection does not contain the token Upgrade"),
        (E::InvalidDeflate, "the parameters of permessage-deflate answer no offer"),
        (E::InvalidExtensions, "Sec-WebSocket-Extensions is malformed"),
        (E::InvalidHead, "the head is not valid HTTP/1.1"),
        (E::InvalidHost, "Host is missing or not valid"),
        (E::InvalidKey, "Sec-WebSocket-Key is missing or not valid"),
        (E::InvalidMethod, "the method is not allowed"),
        (E::InvalidOrigin, "Origin is repeated"),
        (E::InvalidProtocol, ":protocol is not websocket"),
        (E::InvalidSubprotocol, "Sec-WebSocket-Protocol is malformed"),
        (E::InvalidTarget, "the request target is not a resource name"),
        (E::InvalidUpgrade, "Upgrade does not name websocket"),
        (E::InvalidVersion, "Sec-WebSocket-Version is missing or malformed"),
        (not_http, "the response does not begin with HTTP/: \"+OK\\r\\n\""),
        (E::NotUpgradable, "the HTTP library does not hand over the connection"),
        (rejected, "the server answered 404 Not Found"),
        (E::RequestBody, "the request announces a body"),
        (E::SubprotocolMissing, "the server selected no subprotocol"),
        (E::TargetTooLong, "the request target is too long"),
        (E::Timeout, "the handshake took too long"),
        (E::TooManyHeaders, "the head has too many fields"),
        (E::TooManyInterimResponses, "too many interim responses"),
        (E::UnexpectedEof, "the stream ended inside the handshake"),
        (E::UnexpectedExtension, "the server selected an extension that was not offered"),
        (E::UnexpectedSubprotocol, "the server selected a subprotocol that was not offered"),
        (E::UnsupportedHttpVersion, "the HTTP version is neither 1.1 nor a later 1.x"),
        (E::UnsupportedVersion, "the WebSocket version is not 13"),
    ]);
}

#[test]
fn a_mistake_of_the_program_says_which() {
    let headers = [
        (HeaderError::Name, "the header name is not a token"),
        (HeaderError::Protected, "the handshake writes this header itself"),
        (HeaderError::Value, "the header value holds a control character"),
    ];
    say(headers);
    say(headers.map(|(error, message)| (RequestError::from(error), message)));
    say([
        (
            RequestError::Credentials,
            "the user name has a colon, or the user name or password has a control character",
        ),
        (
            RequestError::Userinfo,
            "the user name or password in the URI is not percent-encoded UTF-8",
        ),
        (RequestError::DuplicateSubprotocol, "the subprotocol is in the list already"),
        (RequestError::Subprotocol, "the subprotocol is not a token"),
    ]);
    say([
        (OriginRefused::Absent, "the request has no Origin"),
        (OriginRefused::Invalid, "the Origin of the request is malformed"),
        (OriginRefused::NotAllowed, "the Origin of the request is not allowed"),
    ]);
    let origin = "a".parse::<Origin>().unwrap_err();
    say([(origin, "not an origin: neither null nor scheme://host[:port]")]);
    say([(Rejection::new(101).unwrap_err(), "101 is no final HTTP status, which is 200 to 999")]);
    let refused = upgrade(request(&[], &[])).accept(Acceptance::new().subprotocol("chat"));
    say([(refused.unwrap_err(), "the chosen subprotocol was not offered by the client")]);
}

// What a log shows of a client: how far it is, and neither the key nor the seed.
#[test]
fn debug_of_a_client_tells_its_state() {
    let start = || {
        let request = ClientRequest::new("ws://server.example.com/chat").unwrap();
        let request = request.subprotocol("chat").unwrap();
        ClientHandshake::new(request, Config::default(), [3; 32])
    };
    let shows = |handshake: &ClientHandshake, state: &str| {
        let offer = "offer: Offer { subprotocols: 1, required: false }";
        let expected = format!("ClientHandshake {{ {offer}, state: {state}, .. }}");
        assert_eq!(format!("{handshake:?}"), expected);
    };
    let mut handshake = start();
    assert!(!octets(handshake.output()).is_empty());
    shows(&handshake, "Reading");
    handshake.receive_eof();
    shows(&handshake, "Failed(UnexpectedEof)");
    let mut handshake = start();
    // The same seed makes the same key.
    let mut response = client(&["chat"]).response(&[], &[]);
    handshake.receive(&mut Input::new(&mut response)).unwrap().unwrap();
    shows(&handshake, "Done");
    let mut handshake = start();
    let mut response = *b"HTTP/1.1 404 x\r\nSet-Cookie: secret\r\n\r\nsecret";
    assert!(handshake.receive(&mut Input::new(&mut response)).unwrap().is_none());
    let headers = "{\"Set-Cookie\": [6 octets]}";
    let refused = format!("Response {{ status: 404, headers: {headers}, body_len: 6, .. }}");
    shows(&handshake, &format!("Refused({refused})"));
}

#[test]
fn debug_of_an_extension_shows_its_parameters() {
    let mut list = ExtensionList::new(b"foo; a=\"1\"; b, bar");
    let shows = |extension, expected: &str| assert_eq!(format!("{extension:?}"), expected);
    let foo = list.next().unwrap().unwrap();
    let params = "[Param { name: \"a\", value: Some(\"1\") }, Param { name: \"b\", value: None }]";
    shows(foo, &format!("Extension {{ name: \"foo\", params: {params} }}"));
    assert_eq!(format!("{:?}", foo.params()), params);
    shows(list.next().unwrap().unwrap(), "Extension { name: \"bar\", params: [] }");
}

// What the user has to know to go on
#[test]
fn a_refusal_shows_the_field_that_helps() {
    let long = format!("{}...", "a".repeat(100));
    for (head, expected) in [
        (
            "301 Moved Permanently\r\nLocation: wss://h/p?token=secret",
            "301 Moved Permanently (Location: wss://h/p?[..])",
        ),
        ("302\r\nLocation: /there", "302 Found (Location: /there)"),
        ("308 Permanent Redirect", "308 Permanent Redirect"),
        (
            "401 Who\r\nWWW-Authenticate: Basic realm=\"chat\"",
            "401 Who (WWW-Authenticate: Basic realm=\\\"chat\\\")",
        ),
        ("404 Not Found\r\nLocation: /there", "404 Not Found"),
        (
            "426 Upgrade Required\r\nSec-WebSocket-Version: 8, 7",
            "426 Upgrade Required (Sec-WebSocket-Version: 8, 7)",
        ),
        ("429 Too Many Requests\r\nRetry-After: 7", "429 Too Many Requests (Retry-After: 7)"),
        ("503 \r\nRetry-After: 120", "503 Service Unavailable (Retry-After: 120)"),
        ("599 ", "599"),
        ("503 down\r\nRetry-After: \u{e9}", "503 down (Retry-After: \\xc3\\xa9)"),
        (&format!("503 {}", "a".repeat(1000)), &format!("503 {long}")),
    ] {
        let head = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n");
        let error = client(&[]).fails(&head);
        assert_eq!(error.to_string(), format!("the server answered {expected}"), "{head:?}");
    }
}

// `ws://` to a port that speaks TLS
#[test]
fn a_port_that_speaks_tls_is_told() {
    let hint = ": the port seems to speak TLS, try wss://";
    for received in [
        b"\x15\x03\x01\x00\x02\x02\x46".as_slice(),
        b"\x15\x03\x03",
        b"\x16\x03\x03\x00\x5a\x02",
        b"\x15",
    ] {
        let error = client(&[]).fails(received);
        assert!(matches!(error, HandshakeError::NotHttp(_)), "{error:?}");
        assert!(error.suggests_tls() && error.to_string().ends_with(hint), "{error}");
    }
    let answer = |status: &str, body: &str| {
        let len = body.len();
        format!("HTTP/1.1 {status}\r\nContent-Length: {len}\r\n\r\n{body}")
    };
    for body in [
        "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n",
        "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
        "Client sent an HTTP request to an HTTPS server.\n",
        "Bad Request\r\nThis combination of host and port requires TLS.\r\n",
    ] {
        let error = client(&[]).fails(answer("400 Bad Request", body));
        let expected = format!("the server answered 400 Bad Request{hint}");
        assert!(error.suggests_tls());
        assert_eq!(error.to_string(), expected);
        let error = client(&[]).fails(answer("403 Forbidden", body));
        assert!(!error.suggests_tls() && !error.to_string().contains("TLS"), "{error}");
    }
    let error = client(&[]).fails(answer("400 Bad Request", "missing parameter"));
    assert_eq!(error.to_string(), "the server answered 400 Bad Request");
    for received in [b"SSH-2.0-OpenSSH".as_slice(), b"\x15\x04", b"\x17\x03\x03", b"\x15HTTP"] {
        let error = client(&[]).fails(received);
        assert!(!error.suggests_tls() && !error.to_string().contains("TLS"), "{error}");
    }
}
