//! A request as HTTP has it, in front of all that RFC 6455 asks (RFC 9112 §3).

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{error::Error, fmt};

use super::{
    HandshakeError, HttpVersion, Rejection, Upgrade,
    http::{
        head::RequestLayout,
        headers::{Headers, Span},
    },
    parts::Parts,
};
use crate::{config::Config, output::Output};

/// An HTTP/1.x request whose head is complete and valid, with any method, version and headers.
///
/// This is for programs that answer more than WebSocket clients on one port, such as health checks:
/// [`ServerHandshake::receive_request`](super::ServerHandshake::receive_request) returns it, then
/// [`upgrade`](Self::upgrade) turns it into an [`Upgrade`], or [`respond`](Self::respond) answers it.
/// A body of the request is not read. After the response the stream has to be closed.
///
/// `Debug` shows neither the query nor the values of headers that carry credentials.
///
/// ```
/// use framewise::{
///     Config, Input,
///     handshake::{Acceptance, Rejection, ServerHandshake},
/// };
///
/// let mut buf = *b"GET /health HTTP/1.0\r\n\r\n";
/// let mut handshake = ServerHandshake::new(Config::default());
/// let request = handshake.receive_request(&mut Input::new(&mut buf))?.expect("a complete head");
/// let mut output = match request.upgrade() {
///     Ok(upgrade) => {
///         let mut connection = upgrade.accept(Acceptance::new())?;
///         // ...
/// #       unreachable!()
///     }
///     Err(refused) if !refused.request.wants_upgrade() && refused.request.path() == "/health" => {
///         refused.request.respond(Rejection::new(200)?.body("fine\n"))
///     }
///     Err(refused) => {
///         let rejection = refused.rejection();
///         refused.request.respond(rejection)
///     }
/// };
/// // Write the output, then close the stream.
/// assert!(output.chunk().starts_with(b"HTTP/1.1 200 OK\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Request {
    config: Arc<Config>,
    headers: Headers,
    method: Span,
    target: Span,
    version: HttpVersion,
    /// Whether it came over TLS. Set after it was received, if at all.
    secure: bool,
}

impl Request {
    /// Joins the places with the bytes in which they are.
    #[inline]
    pub(super) fn new(head: Vec<u8>, layout: RequestLayout, config: Arc<Config>) -> Self {
        let RequestLayout { method, target, version, fields, .. } = layout;
        Self {
            config,
            headers: Headers::from_parts(head, fields),
            method,
            target,
            version,
            secure: false,
        }
    }

    /// Records that the request came over TLS, for [`OriginPolicy::same_origin`](super::OriginPolicy).
    #[cfg(feature = "rustls")]
    pub(crate) const fn set_secure(&mut self) {
        self.secure = true;
    }

    /// Checks whether this is a valid opening handshake (RFC 6455 §4.2.1).
    ///
    /// # Errors
    ///
    /// [`RefusedRequest`], with the request and the [`HandshakeError`] that
    /// [`ServerHandshake::receive`](super::ServerHandshake::receive) returns for it.
    #[inline]
    pub fn upgrade(mut self) -> Result<Upgrade, RefusedRequest> {
        match self.check() {
            Ok(parts) => Ok(Upgrade::from_parts(self.config, self.headers, parts)),
            Err(error) => Err(RefusedRequest { error, request: Box::new(self) }),
        }
    }

    /// Answers the request with any final status. Returns the bytes to write; after them the stream
    /// has to be closed, and nothing more that arrives on it may be read.
    ///
    /// The answer to HEAD keeps its `Content-Length` and loses its body (RFC 9110 §9.3.2).
    #[must_use]
    pub fn respond(self, rejection: Rejection) -> Output {
        let rejection = if self.is_head() { rejection.head_only() } else { rejection };
        let mut output = Output::default();
        output.push_bytes(&rejection.to_bytes());
        output
    }

    /// Returns the method. Its case matters (RFC 9110 §9.1).
    #[must_use]
    pub fn method(&self) -> &str {
        self.headers.ascii(self.method)
    }

    /// Returns the request target as it came (RFC 9112 §3.2). It is not checked to be a path.
    #[must_use]
    pub fn target(&self) -> &str {
        self.headers.ascii(self.target)
    }

    /// Returns the target up to the query: the path, also of an `http` or `https` URI. Other targets
    /// come as they are, for example the `*` of OPTIONS.
    #[must_use]
    pub fn path(&self) -> &str {
        match self.resource().split('?').next() {
            Some("") | None => "/",
            Some(path) => path,
        }
    }

    /// Returns what follows the first question mark of the target.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.resource().split_once('?').map(|(_, query)| query)
    }

    /// Returns the HTTP version: [`Http10`](HttpVersion::Http10), or
    /// [`Http11`](HttpVersion::Http11) for 1.1 and any later 1.x.
    #[must_use]
    pub const fn version(&self) -> HttpVersion {
        self.version
    }

    /// Returns the value of the first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name)
    }

    /// Returns all headers.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Returns whether the client wants a WebSocket connection, valid or not: `Upgrade` lists
    /// `websocket`, or there is a `Sec-WebSocket-Key` or `Sec-WebSocket-Version`.
    ///
    /// A proxy that is not set up for WebSocket removes `Upgrade` and leaves the others.
    #[must_use]
    pub fn wants_upgrade(&self) -> bool {
        self.headers.elements("Upgrade").any(|name| name.eq_ignore_ascii_case(b"websocket"))
            || self.headers.contains("Sec-WebSocket-Key")
            || self.headers.contains("Sec-WebSocket-Version")
    }

    /// Returns whether the answer has no body.
    pub(super) fn is_head(&self) -> bool {
        self.headers.slice(self.method) == b"HEAD"
    }

    /// Returns the target without scheme and authority.
    fn resource(&self) -> &str {
        let target = self.target();
        let Some((scheme, rest)) = target.split_once("://") else { return target };
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return target;
        }
        rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or_default()
    }

    #[inline]
    fn check(&mut self) -> Result<Parts, HandshakeError> {
        if self.version == HttpVersion::Http10 {
            return Err(HandshakeError::UnsupportedHttpVersion);
        }
        if self.headers.slice(self.method) != b"GET" {
            return Err(HandshakeError::InvalidMethod);
        }
        let mut parts = Parts::of_upgrade(&mut self.headers, self.target)?;
        parts.secure |= self.secure;
        Ok(parts)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("path", &self.path())
            .field("version", &self.version)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// A request that is not a valid opening handshake, for the program to answer.
///
/// ```
/// use framewise::{
///     Config, Input,
///     handshake::{HandshakeError, ServerHandshake},
/// };
///
/// let mut buf = *b"HEAD / HTTP/1.1\r\nHost: example.com\r\n\r\n";
/// let mut handshake = ServerHandshake::new(Config::default());
/// let request = handshake.receive_request(&mut Input::new(&mut buf))?.expect("a complete head");
/// let refused = request.upgrade().unwrap_err();
/// assert_eq!(refused.error, HandshakeError::InvalidMethod);
/// let rejection = refused.rejection().header("Date", "Sun, 06 Nov 1994 08:49:37 GMT")?;
/// let output = refused.request.respond(rejection);
/// assert!(output.chunk().starts_with(b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nDate: Sun"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct RefusedRequest {
    /// Why it is not a valid opening handshake.
    pub error: HandshakeError,
    /// The request.
    pub request: Box<Request>,
}

impl RefusedRequest {
    /// Returns the response that [`ServerHandshake::receive`](super::ServerHandshake::receive) would
    /// write, for [`Request::respond`].
    #[must_use]
    pub fn rejection(&self) -> Rejection {
        // Every failure of a request has a status; 400 fits any other.
        self.error.rejection().unwrap_or_else(Rejection::bad_request)
    }
}

impl fmt::Display for RefusedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// The message is that of the error in it, so the source is that error's own.
impl Error for RefusedRequest {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}
