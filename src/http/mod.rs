//! The opening handshake by requests and responses of the crate `http`.
//!
//! They are what most HTTP servers and clients speak: hyper, axum, reqwest, `h2`, tower and others. For those
//! that hand over connections as hyper does, the module `hyper` (feature `hyper`) does all of this, and
//! returns a WebSocket.
//!
//! # Servers
//!
//! [`Upgrade::from_request`] checks a request, and [`Upgrade::accept_response`] makes the response. A
//! [`Rejection`] becomes a response by [`into_response`](Rejection::into_response), and the error of a request
//! by [`HandshakeError::to_response`].
//!
//! ```
//! use framewise::{
//!     Config, Connection,
//!     handshake::{Acceptance, OriginPolicy, Rejection, Upgrade},
//! };
//! use http::{Request, Response};
//!
//! /// Returns the response, and the connection that begins behind it.
//! fn answer(request: &Request<()>) -> (Response<Vec<u8>>, Option<Connection>) {
//!     let upgrade = match Upgrade::from_request(request, Config::default()) {
//!         Ok(upgrade) => upgrade,
//!         Err(error) => return (error.to_response(request.version()), None),
//!     };
//!     let refused = upgrade.check_origin(&OriginPolicy::same_origin()).err().map(Rejection::from);
//!     if let Some(rejection) = refused {
//!         return (rejection.into_response(request.version()), None);
//!     }
//!     match upgrade.accept_response(Acceptance::new()) {
//!         Ok((response, connection)) => (response, Some(connection)),
//!         Err(_) => unreachable!("no subprotocol is selected"),
//!     }
//! }
//!
//! let request = Request::get("/chat")
//!     .header("Host", "example.com")
//!     .header("Upgrade", "websocket")
//!     .header("Connection", "Upgrade")
//!     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
//!     .header("Sec-WebSocket-Version", "13")
//!     .body(())?;
//! let (response, connection) = answer(&request);
//! assert_eq!(response.status(), 101);
//! assert_eq!(response.headers()["Sec-WebSocket-Accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
//! assert!(connection.is_some());
//!
//! let (response, _) = answer(&Request::get("/chat").header("Host", "example.com").body(())?);
//! assert_eq!(response.status(), 426);
//! assert_eq!(response.headers()["Upgrade"], "websocket");
//! assert_eq!(response.headers()["Connection"], "upgrade");
//! # Ok::<(), http::Error>(())
//! ```
//!
//! # Clients
//!
//! [`ClientRequest::into_request`] makes a GET for HTTP/1.1, and
//! [`ClientRequest::into_connect_request`] an extended CONNECT for HTTP/2. Both return a [`Pending`], which
//! checks the response: [`Pending::upgraded_by`]. A request that a program has made with the crate `http`
//! becomes a [`ClientRequest`] by [`ClientRequest::from_request`].
//!
//! ```
//! use framewise::{
//!     Config, Connection,
//!     handshake::{ClientRequest, Pending},
//! };
//! use http::{Request, Response};
//!
//! let request = Request::get("https://example.com/chat").header("Cookie", "session=1").body(())?;
//! let request = ClientRequest::from_request(&request)?.subprotocol("chat")?;
//! let seed = [7; 32]; // 32 bytes from the operating system's generator
//! let (request, pending): (Request<()>, Pending) = request.into_request(Config::default(), seed)?;
//! assert_eq!(request.uri(), "https://example.com/chat");
//! assert_eq!(request.headers()["Host"], "example.com");
//! // Send it, and take the stream of the connection when the response has come.
//! fn open(pending: Pending, response: &Response<()>) -> Result<Connection, framewise::Error> {
//!     Ok(pending.upgraded_by(response)?.connection)
//! }
//! # let error = open(pending, &Response::new(())).unwrap_err();
//! # assert_eq!(error.to_string(), "the server answered 200 OK");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # HTTP/2 and HTTP/3
//!
//! A request over HTTP/2 or HTTP/3 is a CONNECT with the pseudo-header field `:protocol` (RFC 8441 §4, RFC
//! 9220 §3), for which the crate `http` has no place. The HTTP crates pass it as an extension of a type of
//! their own. Here, that is [`Protocol`].
//!
//! The scheme of the URI tells [`Upgrade::check_origin`] whether the request came over TLS.
//!
//! The crate `h3` 0.0.8 refuses `:protocol: websocket`, on both sides. So RFC 9220 works with other
//! implementations of HTTP/3 only.
//!
//! # Names and order
//!
//! The crate `http` keeps all names of header fields in lower case, and not the order of fields with
//! different names.

mod client;
mod server;

use alloc::string::String;

use ::http::{HeaderMap, HeaderName, HeaderValue};

#[cfg(doc)]
use crate::handshake::{ClientRequest, HandshakeError, Pending, Rejection, Upgrade};
use crate::handshake::{Headers, is_secret};

/// The pseudo-header field `:protocol` of an extended CONNECT (RFC 8441 §4), as an extension of a request.
///
/// ```
/// use framewise::{Config, handshake::Upgrade, http::Protocol};
/// use http::{Method, Request, Version};
///
/// // A server passes on what its HTTP/2 crate says, for instance an `h2::ext::Protocol`.
/// let request = Request::builder()
///     .method(Method::CONNECT)
///     .version(Version::HTTP_2)
///     .uri("https://example.com/chat")
///     .header("Sec-WebSocket-Version", "13")
///     .extension(Protocol::new("websocket"))
///     .body(())?;
/// let upgrade = Upgrade::from_request(&request, Config::default())?;
/// assert_eq!((upgrade.host(), upgrade.path()), ("example.com", "/chat"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Protocol(String);

impl Protocol {
    /// Makes one with this value. That of WebSocket is `websocket`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns the value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Appends a field.
///
/// Both crates allow the same names and values. But the crate `http` has no room for names of 64 KiB, nor for
/// more than 32,768 fields: those are left out. Values that do not belong in logs are marked as sensitive, which
/// also keeps HTTP/2 from compressing them (RFC 7541 §7.1).
fn append(map: &mut HeaderMap, name: &str, value: &[u8]) {
    if let (Ok(key), Ok(mut value)) =
        (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
    {
        value.set_sensitive(is_secret(name));
        let _ = map.try_append(key, value);
    }
}

fn append_all(map: &mut HeaderMap, headers: &Headers) {
    headers.iter().for_each(|(name, value)| append(map, name, value));
}

/// Returns the fields as the handshake takes them.
fn fields(map: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    map.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}
