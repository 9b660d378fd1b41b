//! What a user reads when something is wrong.

use core::fmt::{Debug, Display};

use framewise::{
    Config, Input,
    handshake::{
        Acceptance, ClientHandshake, ClientRequest, ExtensionList, HandshakeError, HeaderError,
        Origin, OriginRefused, Rejection, RequestError, UriError,
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
        (rejected, "the server answered with status 404"),
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
    say([
        (UriError::Fragment, "a WebSocket URI has no fragment identifier"),
        (UriError::Host, "the host of the URI is not valid"),
        (
            UriError::NonAscii,
            "the URI must be ASCII: punycode in the host, percent-encoding elsewhere",
        ),
        (UriError::Port, "the port of the URI is not valid"),
        (UriError::Resource, "the path or query of the URI is not valid"),
        (UriError::Scheme, "the URI does not start with ws:// or wss://"),
        (UriError::Userinfo, "a WebSocket URI has no user information"),
    ]);
    let headers = [
        (HeaderError::Name, "the header name is not a token"),
        (HeaderError::Protected, "the handshake writes this header itself"),
        (HeaderError::Value, "the header value holds a control character"),
    ];
    say(headers);
    say(headers.map(|(error, message)| (RequestError::from(error), message)));
    say([
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
    say([(Rejection::new(101).unwrap_err(), "not a final HTTP status")]);
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
