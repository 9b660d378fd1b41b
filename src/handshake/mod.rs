//! The opening handshake (RFC 6455 §4).
//!
//! Both sides are machines like [`Connection`](crate::Connection): bytes in, bytes out, and a
//! connection at the end. Bytes that follow the handshake stay in the [`Input`](crate::Input) and
//! go to the connection.
//!
//! A **server** turns bytes into an [`Upgrade`], a valid request. Then the application
//! [accepts](Upgrade::accept) or [rejects](Upgrade::reject) it, at once or after asynchronous work. The
//! machine answers a request that is not valid.
//!
//! ```
//! use framewise::{
//!     Config, Input,
//!     handshake::{Acceptance, OriginPolicy, Rejection, ServerHandshake},
//! };
//!
//! # let mut stream: Vec<u8> = Vec::new();
//! # let mut buf = *b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//! #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://example.com\r\n\r\n";
//! let mut handshake = ServerHandshake::new(Config::default());
//! let mut input = Input::new(&mut buf); // what was read from the stream
//! match handshake.receive(&mut input) {
//!     Ok(None) => {} // read more
//!     Ok(Some(upgrade)) => {
//!         if let Err(refused) = upgrade.check_origin(&OriginPolicy::same_origin()) {
//!             let mut output = upgrade.reject(refused.into());
//!             // write `output`, close the stream
//!         } else if upgrade.path() != "/chat" {
//!             let mut output = upgrade.reject(Rejection::not_found());
//!             // write `output`, close the stream
//!         } else {
//!             let mut connection = upgrade.accept(Acceptance::new())?;
//!             // write `connection.output()`, go on with `connection.receive(&mut input)`
//! #           assert_eq!(connection.output().len(), 129);
//!         }
//!     }
//!     Err(error) => {
//!         eprintln!("{error}");
//!         // write `handshake.output()`, close the stream
//! #       unreachable!();
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A **client** sends a [`ClientRequest`] and gets the connection with the response.
//!
//! ```
//! use framewise::{
//!     Config, Input,
//!     handshake::{ClientHandshake, ClientRequest, HandshakeError},
//! };
//!
//! # let mut buf = *b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n";
//! # let seed = [0; 32];
//! let request = ClientRequest::new("ws://example.com/chat")?.subprotocol("chat")?;
//! let mut handshake = ClientHandshake::new(request, Config::default(), seed);
//! // write `handshake.output()`, then read
//! let mut input = Input::new(&mut buf);
//! match handshake.receive(&mut input) {
//!     Ok(None) => {} // read more
//!     Ok(Some(established)) => {
//!         let mut connection = established.connection;
//!         // go on with `connection.receive(&mut input)`
//!     }
//!     Err(HandshakeError::Rejected(response)) => {
//!         assert_eq!(response.status(), 302);
//!         assert_eq!(response.header("Location"), Some(&b"/there"[..]));
//!     }
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Plain HTTP requests
//!
//! Health checks and browsers send plain requests to the port of a WebSocket server.
//! [`ServerHandshake::receive`] answers them automatically: 426, 405 or 505. A program that wants to answer
//! them calls [`ServerHandshake::receive_request`] instead. It gets every [`Request`] with a valid head,
//! HTTP/1.0 included. Then it [upgrades](Request::upgrade) the request, or [responds](Request::respond)
//! with any status, headers and body.
//!
//! A program with a clock adds `Date` to the machine's own answers with [`ServerHandshake::answer`].
//!
//! # Refusals
//!
//! A client reports a final status other than 101 as [`HandshakeError::Rejected`]. This has the [`Response`],
//! of HTTP/1.0 too, with up to 64 KiB of its body. The body ends
//! - after `Content-Length` bytes,
//! - with the last chunk (RFC 9112 §7.1),
//! - else with the stream: call [`ClientHandshake::receive_eof`],
//! - at the latest when [`Config::handshake_timeout`](crate::Config::handshake_timeout) has passed.
//!
//! A server that does not speak HTTP is reported at its first wrong byte, as
//! [`HandshakeError::NotHttp`].
//!
//! # Strictness
//!
//! Heads are HTTP/1.1 as RFC 9112 writes it, and a later 1.x is read as 1.1:
//!
//! - Lines end with CR LF, not with LF alone.
//! - There is no space before a colon, no control character, and no second space in the first line.
//! - A folded line is refused in a request and unfolded in a response.
//! - A status line may lack the space before an absent reason.
//! - A request with a body is refused.
//!
//! [`Config::max_head_size`](crate::Config::max_head_size) and
//! [`Config::max_headers`](crate::Config::max_headers) bound the head, and
//! [`Config::handshake_timeout`](crate::Config::handshake_timeout) bounds the time. Bytes that a client sends
//! before it gets the response are read as frames if the request is accepted.
//!
//! # Other versions of HTTP
//!
//! [`Upgrade::from_http`] takes a request that an HTTP server has parsed, by HTTP/1.1 or as the
//! extended CONNECT of HTTP/2 and HTTP/3 (RFC 8441, RFC 9220). That server limits the size of the head; this
//! crate limits the number of fields. [`HandshakeError::rejection_for`] returns the answer to a refused
//! request. A client over an HTTP library begins with [`ClientRequest::into_http`] for HTTP/1.1, and with
//! [`ClientRequest::connect_fields`] and [`ClientRequest::connected`] for HTTP/2 and HTTP/3.
//!
//! Features `http`, `hyper` and `axum` do this for the types of these crates.

mod acceptance;
mod client;
mod credentials;
mod deadline;
mod error;
mod extensions;
mod http;
mod http_request;
mod key;
mod origin;
mod parts;
mod pending;
mod rejection;
mod reply;
mod request;
mod response;
mod server;
mod upgrade;
mod uri;

#[cfg(feature = "http")]
pub(crate) use self::http::headers::is_secret;
pub use self::{
    acceptance::Acceptance,
    client::{ClientHandshake, Established},
    error::{FirstBytes, HandshakeError},
    http::{
        date::http_date,
        headers::{HeaderError, Headers},
    },
    http_request::{RefusedRequest, Request},
    origin::{Origin, OriginError, OriginPolicy, OriginRefused},
    pending::Pending,
    rejection::{Rejection, StatusError},
    request::{ClientRequest, RequestError},
    response::Response,
    server::ServerHandshake,
    upgrade::{AcceptError, HttpAccepted, HttpVersion, Upgrade},
    uri::{Uri, UriError, UriErrorKind},
};
pub(crate) use self::{
    credentials::percent_decode,
    deadline::Deadline,
    error::write_refusal,
    reply::{Refusal, ResponseReader},
    uri::Authority,
};
pub use crate::extension::{Extension, ExtensionError, ExtensionList, Param, Params};

/// Whether the handshake writes this header field itself, or it would change where a message ends.
fn protected(name: &str) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let of_handshake = name
        .get(..WEBSOCKET_FIELD.len())
        .is_some_and(|front| front.eq_ignore_ascii_case(WEBSOCKET_FIELD));
    of_handshake
        || is("Connection")
        || is("Content-Length")
        || is("Transfer-Encoding")
        || is("Upgrade")
}

/// Reads a version number: 0 to 255, no leading zeros (RFC 6455 §4.3).
fn version(text: &[u8]) -> Option<u8> {
    if !matches!(text, [b'0'] | [b'1'..=b'9', ..]) || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(text).ok()?.parse().ok()
}

const WEBSOCKET_FIELD: &str = "Sec-WebSocket-";
