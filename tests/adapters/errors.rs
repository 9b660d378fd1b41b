//! What a program and its user learn from an error.

use std::{
    io::{self, ErrorKind},
    net::TcpListener,
};

use framewise::{
    CloseFrame, Config, Connection, Error, Input, ProtocolError, SendError, SendErrorKind, Timeout,
    blocking,
    client::{Proxy, ProxyError, ProxyHandshake, RedirectError, Redirects, SocksReply},
    deflate::{DeflateConfig, WindowBits},
    driver,
    handshake::{
        Acceptance, ClientHandshake, ClientRequest, ExtensionList, HandshakeError, Headers, Origin,
        OriginPolicy, OriginRefused, Rejection, RequestError, ServerHandshake, Upgrade, Uri,
    },
};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

fn upgrade() -> Upgrade {
    let mut bytes = REQUEST.as_bytes().to_vec();
    let mut handshake = ServerHandshake::new(Config::default());
    handshake.receive(&mut Input::new(&mut bytes)).unwrap().unwrap()
}

fn refused(status: u16) -> HandshakeError {
    let request = ClientRequest::new("ws://h/").unwrap();
    let mut handshake = ClientHandshake::new(request, Config::default(), [7; 32]);
    let mut bytes = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n").into_bytes();
    handshake.receive(&mut Input::new(&mut bytes)).unwrap_err()
}

/// A redirect to another place than a WebSocket's.
fn redirect() -> RedirectError {
    let request = ClientRequest::new("ws://h/").unwrap();
    let mut handshake = ClientHandshake::new(request.clone(), Config::default(), [7; 32]);
    let mut bytes = b"HTTP/1.1 302 x\r\nLocation: //\r\nContent-Length: 0\r\n\r\n".to_vec();
    let error = handshake.receive(&mut Input::new(&mut bytes)).unwrap_err();
    Redirects::new(1).follow(&request, error.response().unwrap()).unwrap_err()
}

fn not_http() -> HandshakeError {
    let request = ClientRequest::new("ws://h/").unwrap();
    let mut handshake = ClientHandshake::new(request, Config::default(), [7; 32]);
    handshake.receive(&mut Input::new(&mut b"SSH-2.0-".to_vec())).unwrap_err()
}

/// What a proxy that answers with a status does.
fn proxy_refused(status: u16) -> ProxyError {
    let (proxy, uri) = (Proxy::new("proxy").unwrap(), "ws://h/".parse().unwrap());
    let server = proxy.server_for(&uri).unwrap();
    let mut handshake = ProxyHandshake::new(server, &uri, Config::default(), None).unwrap();
    let mut bytes = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n").into_bytes();
    match handshake.receive(&mut Input::new(&mut bytes)) {
        // It is what was asked for.
        Ok(_) => ProxyError::UnexpectedBytes,
        Err(error) => error,
    }
}

fn send(kind: SendErrorKind) -> SendError {
    kind.into()
}

/// An error with a source of its own.
#[derive(Debug)]
struct Outer(io::Error);

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the pipe of the test is clogged")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// One of each variant, as `?` makes it.
fn errors() -> Vec<Error> {
    fn of<T>(result: Result<T, impl Into<Error>>) -> Error {
        result.err().expect("it fails").into()
    }
    let mut handshake = ServerHandshake::new(Config::default());
    let mut head = b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec();
    let plain = handshake.receive_request(&mut Input::new(&mut head)).unwrap().unwrap();
    vec![
        of(upgrade().accept(Acceptance::new().subprotocol("chat"))),
        of(upgrade().check_origin(&OriginPolicy::same_origin().require_origin())),
        of(plain.upgrade()),
        of(ClientRequest::new("h")),
        of(ClientRequest::new("ws://h/").unwrap().header("Host", "h")),
        of(ClientRequest::new("ws://h/").unwrap().subprotocol("a b")),
        of("h".parse::<Uri>()),
        of(Uri::from_parts(false, "", 80, "/")),
        of(Rejection::new(42)),
        of(Rejection::unauthorized("\0")),
        of(Acceptance::new().header("Upgrade", "x")),
        of(Headers::new().append("a b", "x")),
        of("h".parse::<Origin>()),
        of(ExtensionList::new(b"a;").next().unwrap()),
        of(WindowBits::new(16)),
        of(DeflateConfig::default().confirm(b"a")),
        of(CloseFrame::decode(b"a")),
        of(Connection::server(Config::default()).close(framewise::CloseCode::from(999), "")),
        driver::Error::GaveUp.into(),
        driver::Error::Lost.into(),
        driver::Error::Protocol(ProtocolError::InvalidUtf8).into(),
        driver::Error::Timeout(Timeout::Pong).into(),
        Error::Timeout(Timeout::Message),
        Error::TlsRequired,
        redirect().into(),
        refused(503).into(),
        not_http().into(),
        io::Error::from(ErrorKind::ConnectionReset).into(),
        io::Error::other(Outer(ErrorKind::BrokenPipe.into())).into(),
    ]
}

/// Checks that no message of the chain repeats another one; returns the messages.
#[track_caller]
fn chain(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let all = std::iter::successors(Some(error), |&error| error.source());
    let texts: Vec<String> = all.map(ToString::to_string).collect();
    for (i, text) in texts.iter().enumerate() {
        assert!(!text.is_empty());
        assert!(texts[i + 1..].iter().all(|later| !text.contains(later.as_str())), "{texts:?}");
    }
    texts
}

// A chain that is printed says each thing once
#[test]
fn no_message_repeats_its_source() {
    for error in errors() {
        let text = error.to_string();
        let len = chain(&error).len();
        // As an `io::Error` it says the same, and so does the chain.
        let error = io::Error::from(error);
        assert_eq!(error.to_string(), text);
        assert_eq!(chain(&error).len(), len);
    }
    let clogged = Error::from(io::Error::other(Outer(ErrorKind::BrokenPipe.into())));
    assert_eq!(chain(&clogged), ["the pipe of the test is clogged", "broken pipe"]);
    let header = ClientRequest::new("ws://h/").unwrap().header("Host", "h").unwrap_err();
    let (uri, status) = ("h".parse::<Uri>().unwrap_err(), Rejection::new(42).unwrap_err());
    let (out_of_range, accept) = (WindowBits::new(16).unwrap_err(), upgrade());
    let accept = accept.accept(Acceptance::new().subprotocol("chat")).unwrap_err();
    let alone: [&(dyn std::error::Error + 'static); 13] = [
        &header,
        &redirect(),
        &RequestError::from(uri.clone()),
        &uri,
        &status,
        &out_of_range,
        &accept,
        &not_http(),
        &refused(404),
        &OriginRefused::Absent,
        &ProtocolError::InvalidDeflate,
        &driver::Error::Protocol(ProtocolError::InvalidDeflate),
        &send(SendErrorKind::LongCloseReason { len: 124 }),
    ];
    for error in alone {
        assert_eq!(chain(error).len(), 1);
    }
}

#[test]
fn an_error_without_a_cause_says_what_it_is() {
    for (error, text) in [
        (Error::Timeout(Timeout::Message), "a message took too long to arrive"),
        (Error::Timeout(Timeout::Pong), "the peer fell silent"),
        (
            Error::TlsRequired,
            "a wss URI needs TLS: enable the feature `tls`, or connect a TLS stream and pass it to `client`",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

// Also when it comes out of a TLS stream, as an `io::Error`.
#[cfg(feature = "rustls")]
#[test]
fn an_error_of_tls_has_its_kind() {
    use framewise::tls::ClientTls;

    let tls = || ClientTls::with_roots_pem("").unwrap_err();
    for error in [Error::from(tls()), io::Error::new(ErrorKind::InvalidData, tls()).into()] {
        assert!(matches!(error, Error::Tls(_)), "{error:?}");
        assert!(!error.is_transient());
        assert_eq!(chain(&error), ["no certificate in the PEM text"]);
        assert_eq!(io::Error::from(error).kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn each_error_has_its_kind() {
    let handshake = |error: HandshakeError| Error::Handshake(error);
    let origin = upgrade().check_origin(&OriginPolicy::same_origin().require_origin()).unwrap_err();
    for (error, kind) in [
        (Error::Timeout(Timeout::Pong), ErrorKind::TimedOut),
        (handshake(HandshakeError::Timeout), ErrorKind::TimedOut),
        (handshake(refused(408)), ErrorKind::TimedOut),
        (handshake(refused(504)), ErrorKind::TimedOut),
        (ProtocolError::InvalidUtf8.into(), ErrorKind::InvalidData),
        (handshake(HandshakeError::InvalidAccept), ErrorKind::InvalidData),
        (handshake(not_http()), ErrorKind::InvalidData),
        (redirect().into(), ErrorKind::InvalidData),
        (handshake(HandshakeError::UnexpectedEof), ErrorKind::UnexpectedEof),
        (handshake(refused(401)), ErrorKind::PermissionDenied),
        (handshake(refused(403)), ErrorKind::PermissionDenied),
        (handshake(refused(407)), ErrorKind::PermissionDenied),
        (origin.into(), ErrorKind::PermissionDenied),
        (handshake(refused(404)), ErrorKind::NotFound),
        (handshake(refused(410)), ErrorKind::NotFound),
        (handshake(refused(503)), ErrorKind::ConnectionRefused),
        (handshake(refused(301)), ErrorKind::ConnectionRefused),
        (send(SendErrorKind::Closed).into(), ErrorKind::BrokenPipe),
        (send(SendErrorKind::OutputFull).into(), ErrorKind::WouldBlock),
        (send(SendErrorKind::UnfinishedMessage).into(), ErrorKind::InvalidInput),
        (Error::TlsRequired, ErrorKind::Unsupported),
        ("h".parse::<Uri>().unwrap_err().into(), ErrorKind::InvalidInput),
        (Rejection::new(42).unwrap_err().into(), ErrorKind::InvalidInput),
        (WindowBits::new(16).unwrap_err().into(), ErrorKind::InvalidInput),
        (driver::Error::GaveUp.into(), ErrorKind::TimedOut),
        (driver::Error::Lost.into(), ErrorKind::BrokenPipe),
    ] {
        let text = error.to_string();
        let error = io::Error::from(error);
        assert_eq!(error.kind(), kind, "{text}");
    }
    // What it was can be asked for.
    let error = io::Error::from(Error::TlsRequired);
    let inner = error.get_ref().and_then(|error| error.downcast_ref());
    assert!(matches!(inner, Some(Error::TlsRequired)));
    // The system's own comes back as it was.
    let error = io::Error::from(Error::from(io::Error::from_raw_os_error(104)));
    assert_eq!(error.raw_os_error(), Some(104));
}

#[test]
fn each_error_of_a_proxy_has_its_kind_and_says_whether_it_passes() {
    let reply = ProxyError::SocksRefused;
    let uri = Proxy::new("https://proxy").unwrap_err();
    for (error, kind, transient) in [
        (ProxyError::Timeout, ErrorKind::TimedOut, true),
        (ProxyError::UnexpectedEof, ErrorKind::UnexpectedEof, true),
        (proxy_refused(401), ErrorKind::PermissionDenied, false),
        (proxy_refused(403), ErrorKind::PermissionDenied, false),
        (proxy_refused(404), ErrorKind::NotFound, false),
        (proxy_refused(407), ErrorKind::PermissionDenied, false),
        (proxy_refused(408), ErrorKind::TimedOut, true),
        (proxy_refused(410), ErrorKind::NotFound, false),
        (proxy_refused(502), ErrorKind::ConnectionRefused, true),
        (proxy_refused(503), ErrorKind::ConnectionRefused, true),
        (proxy_refused(504), ErrorKind::TimedOut, true),
        (reply(SocksReply::AddressTypeNotSupported), ErrorKind::Unsupported, false),
        (reply(SocksReply::CommandNotSupported), ErrorKind::Unsupported, false),
        (reply(SocksReply::ConnectionRefused), ErrorKind::ConnectionRefused, true),
        (reply(SocksReply::GeneralFailure), ErrorKind::ConnectionRefused, true),
        (reply(SocksReply::HostUnreachable), ErrorKind::HostUnreachable, true),
        (reply(SocksReply::NetworkUnreachable), ErrorKind::NetworkUnreachable, true),
        (reply(SocksReply::NotAllowed), ErrorKind::PermissionDenied, false),
        (reply(SocksReply::Other(9)), ErrorKind::ConnectionRefused, false),
        (reply(SocksReply::TtlExpired), ErrorKind::HostUnreachable, true),
        (ProxyError::AuthenticationFailed, ErrorKind::PermissionDenied, false),
        (ProxyError::NoAcceptableMethod, ErrorKind::PermissionDenied, false),
        (ProxyError::HostTooLong, ErrorKind::InvalidInput, false),
        (uri.clone().into(), ErrorKind::InvalidInput, false),
        (ProxyError::HeadTooLarge, ErrorKind::InvalidData, false),
        (ProxyError::InvalidHead, ErrorKind::InvalidData, false),
        (ProxyError::InvalidReply, ErrorKind::InvalidData, false),
        (ProxyError::NotSocks(b'H'), ErrorKind::InvalidData, false),
        (ProxyError::TooManyHeaders, ErrorKind::InvalidData, false),
        (ProxyError::TooManyInterimResponses, ErrorKind::InvalidData, false),
        (ProxyError::UnexpectedBytes, ErrorKind::InvalidData, false),
        (ProxyError::UnexpectedMethod(1), ErrorKind::InvalidData, false),
        (ProxyError::UnsupportedHttpVersion, ErrorKind::InvalidData, false),
    ] {
        let text = error.to_string();
        assert!(text.len() > 20 && !text.contains('\n'), "{text}");
        let error = Error::from(error);
        assert_eq!((chain(&error), error.is_transient()), (vec![text.clone()], transient));
        assert_eq!(io::Error::from(error).kind(), kind, "{text}");
    }
    for status in 100..=999 {
        let transient = [408, 425, 429, 500, 502, 503, 504].contains(&status);
        assert_eq!(Error::from(proxy_refused(status)).is_transient(), transient, "{status}");
    }
    let text = uri.to_string();
    assert_eq!(Error::from(uri).to_string(), text);
}

#[test]
fn what_may_succeed_later_is_told() {
    let io = |kind: ErrorKind| Error::Io(kind.into());
    for kind in [
        ErrorKind::AddrInUse,
        ErrorKind::AddrNotAvailable,
        ErrorKind::BrokenPipe,
        ErrorKind::ConnectionAborted,
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionReset,
        ErrorKind::HostUnreachable,
        ErrorKind::Interrupted,
        ErrorKind::NetworkDown,
        ErrorKind::NetworkUnreachable,
        ErrorKind::NotConnected,
        ErrorKind::ResourceBusy,
        ErrorKind::TimedOut,
        ErrorKind::UnexpectedEof,
        ErrorKind::WouldBlock,
    ] {
        assert!(io(kind).is_transient(), "{kind:?}");
    }
    for kind in [
        ErrorKind::InvalidData,
        ErrorKind::InvalidInput,
        ErrorKind::NotFound,
        ErrorKind::Other,
        ErrorKind::PermissionDenied,
        ErrorKind::Unsupported,
    ] {
        assert!(!io(kind).is_transient(), "{kind:?}");
    }
    for status in 200..=999 {
        let transient = [408, 425, 429, 500, 502, 503, 504].contains(&status);
        assert_eq!(Error::from(refused(status)).is_transient(), transient, "{status}");
    }
    for (error, transient) in [
        (Error::Timeout(Timeout::Pong), true),
        (Error::Timeout(Timeout::Message), true),
        (HandshakeError::Timeout.into(), true),
        (HandshakeError::UnexpectedEof.into(), true),
        (HandshakeError::InvalidAccept.into(), false),
        (not_http().into(), false),
        (send(SendErrorKind::OutputFull).into(), true),
        (send(SendErrorKind::Closed).into(), false),
        (send(SendErrorKind::MessageTooBig { len: 2, limit: 1 }).into(), false),
        (ProtocolError::InvalidUtf8.into(), false),
        (redirect().into(), false),
        (Error::TlsRequired, false),
        ("h".parse::<Uri>().unwrap_err().into(), false),
        (Rejection::new(42).unwrap_err().into(), false),
        (OriginRefused::NotAllowed.into(), false),
        (upgrade().accept(Acceptance::new().subprotocol("chat")).unwrap_err().into(), false),
        (Headers::new().append("a b", "x").unwrap_err().into(), false),
        ("h".parse::<Origin>().unwrap_err().into(), false),
        (WindowBits::new(16).unwrap_err().into(), false),
        (RequestError::Credentials.into(), false),
        (driver::Error::GaveUp.into(), true),
        (driver::Error::Lost.into(), true),
    ] {
        assert_eq!(error.is_transient(), transient, "{error}");
    }
}

// The system reports a host that does not exist and a DNS that does not answer alike
#[test]
fn a_failed_lookup_is_not_transient() {
    // No DNS is asked for a name of more than 255 bytes.
    let error = blocking::connect(format!("ws://{}/", "a.".repeat(200)), Config::default());
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Io(_)), "{error:?}");
    assert!(!error.is_transient(), "{error:?}");
}

// Which of the many servers of a program is down
#[tokio::test]
async fn a_connection_that_is_refused_names_host_and_port() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let request = || ClientRequest::new(format!("ws://127.0.0.1:{port}/")).unwrap();
    let blocking = blocking::connect(request(), Config::default()).unwrap_err();
    let tokio = framewise::tokio::connect(request(), Config::default()).await.unwrap_err();
    for error in [blocking, tokio] {
        assert!(error.is_transient());
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")), "{text}");
        assert_eq!(chain(&error), [text]);
        assert_eq!(io::Error::from(error).kind(), ErrorKind::ConnectionRefused);
    }
}
