//! A valid opening handshake, for the application to accept or reject (RFC 6455 §4.2).

#[cfg(feature = "deflate")]
use alloc::string::ToString as _;
use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::{error::Error, fmt};

use super::{
    Acceptance, Extension, HandshakeError, OriginPolicy, OriginRefused, Rejection, extensions,
    http::headers::Headers, parts::Parts,
};
#[cfg(feature = "deflate")]
use crate::deflate::AgreedParameters;
use crate::{config::Config, connection::Connection, output::Output};

/// A valid request to open a WebSocket connection. The application reads it and then calls
/// [`accept`](Self::accept) or [`reject`](Self::reject), at once or after asynchronous work.
///
/// `Debug` shows neither the query nor the values of fields that carry credentials.
///
/// ```
/// use framewise::{
///     Config,
///     handshake::{Acceptance, HttpVersion, OriginPolicy, Upgrade},
/// };
///
/// // A request that an HTTP server has parsed already.
/// let headers: [(&str, &[u8]); 7] = [
///     ("host", b"server.example.com"),
///     ("upgrade", b"websocket"),
///     ("connection", b"Upgrade"),
///     ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
///     ("sec-websocket-version", b"13"),
///     ("sec-websocket-protocol", b"chat, superchat"),
///     ("origin", b"http://server.example.com"),
/// ];
/// let upgrade = Upgrade::from_http("GET", HttpVersion::Http11, "/chat?room=1", headers, Config::default())?;
/// upgrade.check_origin(&OriginPolicy::same_origin())?;
/// assert_eq!((upgrade.path(), upgrade.query()), ("/chat", Some("room=1")));
/// let subprotocol = upgrade.select_subprotocol(&["superchat"]).unwrap();
/// let mut connection = upgrade.accept(Acceptance::new().subprotocol(subprotocol))?;
/// assert!(connection.output().chunk().starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Upgrade {
    config: Arc<Config>,
    headers: Headers,
    parts: Parts,
}

impl Upgrade {
    /// Takes a request that an HTTP server has parsed.
    ///
    /// Over HTTP/1.1 the method must be GET. Over HTTP/2 and HTTP/3 it must be CONNECT, and the header
    /// fields must begin with the pseudo-header fields. `:protocol` and `:authority` are read, and `:scheme`
    /// for [`check_origin`](Self::check_origin). There is no key then (RFC 8441 §5). `target` is the path
    /// with the query, or a whole URI.
    ///
    /// # Errors
    ///
    /// The [`HandshakeError`] that [`ServerHandshake::receive`](super::ServerHandshake::receive)
    /// gives for such a request; [`HandshakeError::rejection_for`] is the answer to send.
    pub fn from_http<'a>(
        method: &str,
        version: HttpVersion,
        target: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        config: impl Into<Arc<Config>>,
    ) -> Result<Self, HandshakeError> {
        let config = config.into();
        let mut own = Headers::new();
        let mut protocol = None;
        let mut authority = None;
        let mut https = false;
        for (name, value) in headers {
            match name {
                ":authority" => authority = Some(own.store(value)),
                ":protocol" => protocol = Some(value),
                ":scheme" => https = value.eq_ignore_ascii_case(b"https"),
                _ if name.starts_with(':') => {}
                _ => own.append(name, value).map_err(|_| HandshakeError::InvalidHead)?,
            }
            if own.len() > config.max_headers {
                return Err(HandshakeError::TooManyHeaders);
            }
        }
        let expected_method = match version {
            HttpVersion::Http10 => return Err(HandshakeError::UnsupportedHttpVersion),
            HttpVersion::Http11 => "GET",
            HttpVersion::Http2 | HttpVersion::Http3 => "CONNECT",
        };
        if method != expected_method {
            return Err(HandshakeError::InvalidMethod);
        }
        let target = own.store(target.as_bytes());
        let mut parts = if version == HttpVersion::Http11 {
            Parts::of_upgrade(&mut own, target)?
        } else if protocol == Some(b"websocket") {
            Parts::of_connect(&mut own, target, authority)?
        } else {
            return Err(HandshakeError::InvalidProtocol);
        };
        parts.secure |= https && version != HttpVersion::Http11;
        Ok(Self { config, headers: own, parts })
    }

    /// Wraps a request that was received and checked.
    #[inline]
    pub(super) const fn from_parts(config: Arc<Config>, headers: Headers, parts: Parts) -> Self {
        Self { config, headers, parts }
    }

    /// Replaces the configuration of the connection. The request was checked with the old one.
    #[cfg(feature = "axum")]
    pub(crate) fn set_config(&mut self, config: Arc<Config>) {
        self.config = config;
    }

    /// Returns the resource name: path and query (RFC 6455 §3). It starts with a slash.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.headers.ascii(self.parts.resource)
    }

    /// Returns the resource name up to the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.resource().split('?').next().unwrap_or_default()
    }

    /// Returns the resource name after the first question mark, if there is one.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.resource().split_once('?').map(|(_, query)| query)
    }

    /// Returns the authority that the client asked for: host, and port if there is one. It comes from the
    /// request target if that is a whole URI, else from `Host`.
    #[must_use]
    pub fn host(&self) -> &str {
        self.headers.ascii(self.parts.host)
    }

    /// Returns the value of `Origin`, which every browser sends. It is not checked before
    /// [`check_origin`](Self::check_origin) is called.
    #[must_use]
    pub fn origin(&self) -> Option<&[u8]> {
        self.parts.origin.map(|origin| self.headers.slice(origin))
    }

    /// Returns the value of `Sec-WebSocket-Key`, which is not there over HTTP/2 and HTTP/3.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.parts.key.as_ref().and_then(|key| core::str::from_utf8(key.as_bytes()).ok())
    }

    /// Returns the subprotocols that the client offers, the one that it prefers first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.headers
            .elements("Sec-WebSocket-Protocol")
            .filter_map(|name| core::str::from_utf8(name).ok())
    }

    /// Returns the first subprotocol in the client's order that is one of `supported`. Names are
    /// compared exactly (RFC 7936).
    #[must_use]
    pub fn select_subprotocol<'s>(&self, supported: &[&'s str]) -> Option<&'s str> {
        self.subprotocols()
            .find_map(|offered| supported.iter().copied().find(|name| *name == offered))
    }

    /// Returns the extensions that the client offers, in its order of preference.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'_>> {
        extensions::iter(&self.headers)
    }

    /// Returns the compression that accepting the request agrees upon, if any. It follows from the client's
    /// offers and [`Config::deflate`](crate::Config::deflate), unless [`Acceptance::deflate`] decides
    /// otherwise.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(&self) -> Option<AgreedParameters> {
        let (agreed, _) = self.config.deflate.as_ref()?.respond_to(self.extensions())?;
        Some(agreed)
    }

    /// Returns the value of the first header field of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name)
    }

    /// Returns all header fields.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Applies a policy to the origin and host of this request.
    ///
    /// A request whose `:scheme` (HTTP/2 and HTTP/3) or target says `https` is checked as with
    /// [`OriginPolicy::secure`].
    ///
    /// # Errors
    ///
    /// [`OriginRefused`], which turns into the [`Rejection`] to answer with.
    pub fn check_origin(&self, policy: &OriginPolicy) -> Result<(), OriginRefused> {
        policy.check_over(self.origin(), self.host(), self.parts.secure)
    }

    /// Accepts the request. The output of the connection starts with the response.
    ///
    /// # Errors
    ///
    /// [`AcceptError`] when the subprotocol was not offered; the request is in it.
    pub fn accept(self, acceptance: Acceptance) -> Result<Connection, AcceptError> {
        if !self.offers(acceptance.subprotocol.as_deref()) {
            return Err(AcceptError { upgrade: Box::new(self) });
        }
        let Self { config, headers, parts } = self;
        let mut connection = Connection::server(config);
        let extensions = apply_extensions(&mut connection, &headers, &acceptance);
        let subprotocol = acceptance.subprotocol.as_deref().unwrap_or_default();
        let room = ROOM + subprotocol.len() + extensions.len() + acceptance.headers.written_len();
        connection.output().append(room, |head| {
            write_response(&parts, subprotocol, &extensions, &acceptance.headers, head);
        });
        Ok(connection)
    }

    /// Accepts the request, for an HTTP server that writes the response itself. The output of the
    /// connection is empty. For HTTP/2 and HTTP/3 all names of fields are in lower case.
    ///
    /// # Errors
    ///
    /// [`AcceptError`] when the subprotocol was not offered; the request is in it.
    pub fn accept_http(self, acceptance: Acceptance) -> Result<HttpAccepted, AcceptError> {
        if !self.offers(acceptance.subprotocol.as_deref()) {
            return Err(AcceptError { upgrade: Box::new(self) });
        }
        let mut headers = Headers::new();
        // HTTP/2 and HTTP/3 know only names in lower case, and none of the fields of the upgrade.
        let (status, protocol, extensions_name) = match &self.parts.key {
            Some(key) => {
                headers.push("Upgrade", b"websocket");
                headers.push("Connection", b"Upgrade");
                headers.push("Sec-WebSocket-Accept", &key.accept());
                (101, "Sec-WebSocket-Protocol", extensions::NAME)
            }
            None => (200, "sec-websocket-protocol", "sec-websocket-extensions"),
        };
        if let Some(subprotocol) = &acceptance.subprotocol {
            headers.push(protocol, subprotocol.as_bytes());
        }
        let mut connection = Connection::server(self.config);
        let extensions = apply_extensions(&mut connection, &self.headers, &acceptance);
        if !extensions.is_empty() {
            headers.push(extensions_name, extensions.as_bytes());
        }
        for (name, value) in acceptance.headers.iter() {
            match status {
                101 => headers.push(name, value),
                _ => headers.push(&name.to_ascii_lowercase(), value),
            }
        }
        Ok(HttpAccepted { status, headers, connection })
    }

    /// Refuses the request. The output is the complete response. Then close the stream: nothing more that
    /// arrives on it may be read as frames or as HTTP.
    #[must_use]
    pub fn reject(self, rejection: Rejection) -> Output {
        let mut output = Output::default();
        output.push_bytes(&rejection.to_bytes());
        output
    }

    /// Whether the client offers this subprotocol, if it is to be one.
    fn offers(&self, chosen: Option<&str>) -> bool {
        chosen.is_none_or(|chosen| self.subprotocols().any(|offered| offered == chosen))
    }
}

/// Writes the response of RFC 6455 §4.2.2 item 5.
fn write_response(
    parts: &Parts,
    subprotocol: &str,
    extensions: &str,
    headers: &Headers,
    head: &mut Vec<u8>,
) {
    if parts.expects_continue {
        // "If a server receives both an Upgrade and an Expect header field with the
        // "100-continue" expectation, the server MUST send a 100 (Continue) response before
        // sending a 101" (RFC 9110 §7.8).
        head.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    head.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ",
    );
    if let Some(key) = &parts.key {
        head.extend_from_slice(&key.accept());
    }
    head.extend_from_slice(b"\r\n");
    if !subprotocol.is_empty() {
        head.extend_from_slice(b"Sec-WebSocket-Protocol: ");
        head.extend_from_slice(subprotocol.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    if !extensions.is_empty() {
        head.extend_from_slice(b"Sec-WebSocket-Extensions: ");
        head.extend_from_slice(extensions.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    headers.write_to(head);
    head.extend_from_slice(b"\r\n");
}

/// The bytes of a response without subprotocol and additional fields, and of a 100 before it.
const ROOM: usize = 192;

/// Has the connection do what the client offers and the application allows; returns the extensions
/// in use.
#[cfg(not(feature = "deflate"))]
fn apply_extensions(_: &mut Connection, _: &Headers, _: &Acceptance) -> String {
    String::new()
}

/// Has the connection do what the client offers and the application allows; returns the extensions
/// in use.
#[cfg(feature = "deflate")]
fn apply_extensions(
    connection: &mut Connection,
    headers: &Headers,
    acceptance: &Acceptance,
) -> String {
    if acceptance.deflate.as_ref().unwrap_or(&connection.config().deflate).is_none() {
        return String::new();
    }
    let config = Arc::clone(connection.config());
    let deflate = acceptance.deflate.as_ref().unwrap_or(&config.deflate).as_ref();
    let Some((deflate, (agreed, response))) =
        deflate.and_then(|deflate| Some((deflate, deflate.respond_to(extensions::iter(headers))?)))
    else {
        return String::new();
    };
    connection.apply_deflate(agreed, deflate);
    response.to_string()
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade")
            .field("path", &self.path())
            .field("host", &self.host())
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// The HTTP version of a request: of a received [`Request`](super::Request), and for
/// [`Upgrade::from_http`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/1.0 (and older), which knows no upgrade.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2, with the extended CONNECT of RFC 8441.
    Http2,
    /// HTTP/3, with the extended CONNECT of RFC 9220.
    Http3,
}

/// The response for an HTTP server to send, and the connection to run after it. Returned by
/// [`Upgrade::accept_http`].
#[derive(Debug)]
#[non_exhaustive]
pub struct HttpAccepted {
    /// 101, or 200 over HTTP/2 and HTTP/3.
    pub status: u16,
    /// All header fields of the response.
    pub headers: Headers,
    /// The open connection, with nothing in its output.
    pub connection: Connection,
}

/// The chosen subprotocol was not offered (RFC 6455 §4.2.2 item 4). The request comes back, still
/// undecided.
#[derive(Debug)]
#[non_exhaustive]
pub struct AcceptError {
    /// The request that was to be accepted.
    pub upgrade: Box<Upgrade>,
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the chosen subprotocol was not offered by the client")
    }
}

impl Error for AcceptError {}
