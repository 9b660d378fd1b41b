//! Why an opening handshake failed.

use alloc::{boxed::Box, string::String};
use core::{error::Error, fmt, ops::Deref};

use super::{ExtensionError, Response, http::reason::usual_reason, uri::redact};
#[cfg(feature = "deflate")]
use crate::deflate::NegotiationError;

/// Why an opening handshake failed. Close the stream then.
///
/// A [`ServerHandshake`](super::ServerHandshake) has the HTTP response in its output already;
/// [`status`](Self::status) returns its code. After [`Upgrade::from_http`](super::Upgrade::from_http), answer
/// with [`rejection_for`](Self::rejection_for).
///
/// ```
/// use framewise::handshake::HandshakeError;
///
/// assert_eq!(HandshakeError::UnsupportedVersion.status(), Some(426));
/// assert_eq!(HandshakeError::InvalidAccept.status(), None); // A client answers nothing.
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The head has more bytes than [`Config::max_head_size`](crate::Config::max_head_size).
    HeadTooLarge,
    /// `Sec-WebSocket-Accept` is absent, repeated, or does not answer the key (RFC 6455 §4.1 step
    /// 4).
    InvalidAccept,
    /// `Connection` is absent or lacks the token `Upgrade` (RFC 6455 §4.1 step 3, §4.2.1 item 4).
    InvalidConnection,
    /// The response agrees to permessage-deflate with parameters that are invalid, repeated,
    /// unknown, or no answer to any offer (RFC 7692 §7).
    InvalidDeflate,
    /// `Sec-WebSocket-Extensions` violates its grammar (RFC 6455 §9.1).
    InvalidExtensions,
    /// The head is not written as RFC 9112 §2 to §6 asks.
    InvalidHead,
    /// `Host` is absent, repeated, or no authority (RFC 6455 §4.2.1 item 2, RFC 9112 §3.2).
    InvalidHost,
    /// `Sec-WebSocket-Key` is absent, repeated, or not 16 bytes in base64 (RFC 6455 §4.2.1 item
    /// 5).
    InvalidKey,
    /// The method is not GET (RFC 6455 §4.2.1 item 1).
    InvalidMethod,
    /// `Origin` is repeated (RFC 6454 §7.3).
    InvalidOrigin,
    /// `:protocol` of an extended CONNECT is not `websocket` (RFC 8441 §5).
    InvalidProtocol,
    /// `Sec-WebSocket-Protocol` of a request is not a list of unique tokens (RFC 6455 §4.1 item
    /// 10), or the one of a response is repeated or not one token (RFC 6455 §4.3).
    InvalidSubprotocol,
    /// The request target is neither a resource name nor an HTTP URI with one (RFC 6455 §4.2.1 item
    /// 1).
    InvalidTarget,
    /// `Upgrade` is absent or does not name `websocket` (RFC 6455 §4.1 step 2, §4.2.1 item 3).
    InvalidUpgrade,
    /// `Sec-WebSocket-Version` is absent, repeated, or no version number (RFC 6455 §4.2.1 item 6,
    /// §4.3).
    InvalidVersion,
    /// The response does not begin with `HTTP/`: another protocol is spoken on this port. The first
    /// bytes that came are attached (RFC 9112 §4).
    NotHttp(FirstBytes),
    /// The HTTP library does not hand over the connection: it was not told to upgrade connections, or another
    /// part of the program has taken this one.
    NotUpgradable,
    /// The status is not 101; the response is attached, with its body (RFC 6455 §4.1 step 1).
    Rejected(Box<Response>),
    /// The request announces a body.
    RequestBody,
    /// The response names none of the subprotocols, and the request insisted on one.
    SubprotocolMissing,
    /// The request target alone is longer than
    /// [`Config::max_head_size`](crate::Config::max_head_size).
    TargetTooLong,
    /// [`Config::handshake_timeout`](crate::Config::handshake_timeout) has passed.
    Timeout,
    /// The head has more fields than [`Config::max_headers`](crate::Config::max_headers).
    TooManyHeaders,
    /// More interim responses came than a client is willing to read.
    TooManyInterimResponses,
    /// The stream ended before the handshake did.
    UnexpectedEof,
    /// The response names an extension that was not offered (RFC 6455 §4.1 step 5).
    UnexpectedExtension,
    /// The response names a subprotocol that was not offered (RFC 6455 §4.1 step 6).
    UnexpectedSubprotocol,
    /// The HTTP version of a request, or of a response with status 101, is neither 1.1 nor a later 1.x
    /// (RFC 6455 §4.2.1 item 1).
    UnsupportedHttpVersion,
    /// `Sec-WebSocket-Version` is a version other than 13 (RFC 6455 §4.2.2 item 4).
    UnsupportedVersion,
}

impl HandshakeError {
    /// Returns the status of the HTTP response by which a server answers such a request.
    ///
    /// `None` for failures that only a client can meet, and for the end of the stream.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::HeadTooLarge | Self::TooManyHeaders => Some(431),
            Self::InvalidConnection
            | Self::InvalidExtensions
            | Self::InvalidHead
            | Self::InvalidHost
            | Self::InvalidKey
            | Self::InvalidOrigin
            | Self::InvalidSubprotocol
            | Self::InvalidTarget
            | Self::InvalidVersion
            | Self::RequestBody => Some(400),
            Self::InvalidMethod => Some(405),
            Self::InvalidProtocol => Some(501),
            Self::InvalidUpgrade | Self::UnsupportedVersion => Some(426),
            Self::NotUpgradable => Some(500),
            Self::TargetTooLong => Some(414),
            Self::Timeout => Some(408),
            Self::UnsupportedHttpVersion => Some(505),
            Self::InvalidAccept
            | Self::InvalidDeflate
            | Self::NotHttp(_)
            | Self::Rejected(_)
            | Self::SubprotocolMissing
            | Self::TooManyInterimResponses
            | Self::UnexpectedEof
            | Self::UnexpectedExtension
            | Self::UnexpectedSubprotocol => None,
        }
    }

    /// Returns the response that a client got instead of a 101.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        match self {
            Self::Rejected(response) => Some(response),
            _ => None,
        }
    }

    /// Returns whether the server seems to expect TLS on this port, so that `wss://` may be meant
    /// where the URI says `ws://`.
    ///
    /// It does when it answers with a TLS record (an alert, as a rule), or with a 400 whose body
    /// says so, as nginx, Apache, Go and Tomcat write it. The message says it, too.
    ///
    /// ```
    /// use framewise::{
    ///     Config, Input,
    ///     handshake::{ClientHandshake, ClientRequest},
    /// };
    ///
    /// let request = ClientRequest::new("ws://server.example.com:443/")?;
    /// let mut handshake = ClientHandshake::new(request, Config::default(), [7; 32]);
    /// let mut alert = *b"\x15\x03\x01\x00\x02\x02\x46";
    /// let error = handshake.receive(&mut Input::new(&mut alert)).unwrap_err();
    /// assert!(error.suggests_tls());
    /// # Ok::<(), framewise::handshake::RequestError>(())
    /// ```
    #[must_use]
    pub fn suggests_tls(&self) -> bool {
        match self {
            // An alert or a part of a handshake, of any version (RFC 8446 §5.1).
            Self::NotHttp(received) => {
                matches!(**received, [ALERT | HANDSHAKE] | [ALERT | HANDSHAKE, 0x03, ..])
            }
            Self::Rejected(response) if response.status() == 400 => {
                TLS_EXPECTED.iter().any(|text| contains(response.body(), text))
            }
            _ => false,
        }
    }
}

impl HandshakeError {
    fn tls_hint(&self) -> &'static str {
        if self.suggests_tls() { ": the port seems to speak TLS, try wss://" } else { "" }
    }
}

/// Returns whether `text`, in any case, is a part of `bytes`.
fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes()))
}

/// Writes what a user has to know of a refusal, and who has refused.
pub(crate) fn write_refusal(
    f: &mut fmt::Formatter<'_>,
    who: &str,
    response: &Response,
) -> fmt::Result {
    let status = response.status();
    write!(f, "the {who} answered {status}")?;
    let reason = match response.reason() {
        [] => usual_reason(status).as_bytes(),
        reason => reason,
    };
    if !reason.is_empty() {
        write!(f, " {}", Short(reason))?;
    }
    let name = match status {
        300..=399 => "Location",
        400 | 426 => "Sec-WebSocket-Version",
        401 => "WWW-Authenticate",
        405 => "Allow",
        407 => "Proxy-Authenticate",
        429 | 503 => "Retry-After",
        _ => return Ok(()),
    };
    match response.header(name) {
        // Tokens travel in the query.
        Some(location) if name == "Location" => {
            let location = redact(&String::from_utf8_lossy(location));
            write!(f, " ({name}: {})", Short(location.as_bytes()))
        }
        Some(value) => write!(f, " ({name}: {})", Short(value)),
        None => Ok(()),
    }
}

/// Bytes of a server for a log: escaped as in Rust, and 100 of them at most.
struct Short<'a>(&'a [u8]);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, more) = self.0.split_at(self.0.len().min(100));
        let more = if more.is_empty() { "" } else { "..." };
        write!(f, "{}{more}", shown.escape_ascii())
    }
}

/// The types of TLS records by which a server answers what is no TLS (RFC 8446 §5.1).
const ALERT: u8 = 0x15;
const HANDSHAKE: u8 = 0x16;

/// What nginx, Apache, Go and Tomcat say on a port for TLS to a request without it.
const TLS_EXPECTED: [&str; 4] = [
    "plain HTTP request was sent to HTTPS port",
    "speaking plain HTTP to an SSL-enabled server port",
    "HTTP request to an HTTPS server",
    "combination of host and port requires TLS",
];

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::HeadTooLarge => "the head is too large",
            Self::InvalidAccept => "Sec-WebSocket-Accept does not answer the key",
            Self::InvalidConnection => "Connection does not contain the token Upgrade",
            Self::InvalidDeflate => "the parameters of permessage-deflate answer no offer",
            Self::InvalidExtensions => "Sec-WebSocket-Extensions is malformed",
            Self::InvalidHead => "the head is not valid HTTP/1.1",
            Self::InvalidHost => "Host is missing or not valid",
            Self::InvalidKey => "Sec-WebSocket-Key is missing or not valid",
            Self::InvalidMethod => "the method is not allowed",
            Self::InvalidOrigin => "Origin is repeated",
            Self::InvalidProtocol => ":protocol is not websocket",
            Self::InvalidSubprotocol => "Sec-WebSocket-Protocol is malformed",
            Self::InvalidTarget => "the request target is not a resource name",
            Self::InvalidUpgrade => "Upgrade does not name websocket",
            Self::InvalidVersion => "Sec-WebSocket-Version is missing or malformed",
            Self::NotHttp(received) => {
                write!(f, "the response does not begin with HTTP/: {received}")?;
                return f.write_str(self.tls_hint());
            }
            Self::NotUpgradable => "the HTTP library does not hand over the connection",
            Self::Rejected(response) => {
                write_refusal(f, "server", response)?;
                return f.write_str(self.tls_hint());
            }
            Self::RequestBody => "the request announces a body",
            Self::SubprotocolMissing => "the server selected no subprotocol",
            Self::TargetTooLong => "the request target is too long",
            Self::Timeout => "the handshake took too long",
            Self::TooManyHeaders => "the head has too many fields",
            Self::TooManyInterimResponses => "too many interim responses",
            Self::UnexpectedEof => "the stream ended inside the handshake",
            Self::UnexpectedExtension => "the server selected an extension that was not offered",
            Self::UnexpectedSubprotocol => "the server selected a subprotocol that was not offered",
            Self::UnsupportedHttpVersion => "the HTTP version is neither 1.1 nor a later 1.x",
            Self::UnsupportedVersion => "the WebSocket version is not 13",
        };
        f.write_str(text)
    }
}

impl Error for HandshakeError {}

impl From<ExtensionError> for HandshakeError {
    fn from(_: ExtensionError) -> Self {
        Self::InvalidExtensions
    }
}

#[cfg(feature = "deflate")]
impl From<NegotiationError> for HandshakeError {
    fn from(error: NegotiationError) -> Self {
        match error {
            NegotiationError::InvalidExtensions => Self::InvalidExtensions,
            NegotiationError::InvalidParameters => Self::InvalidDeflate,
            NegotiationError::UnexpectedExtension => Self::UnexpectedExtension,
        }
    }
}

/// The first bytes from a server that does not speak HTTP, 256 at most: as many as had come when the
/// first wrong one did.
///
/// `Display` shows 32 of them, and `Debug` all, quoted and escaped as in Rust.
///
/// ```
/// use framewise::{
///     Config, Input,
///     handshake::{ClientHandshake, ClientRequest, HandshakeError},
/// };
///
/// let request = ClientRequest::new("ws://server.example.com:22/")?;
/// let mut handshake = ClientHandshake::new(request, Config::default(), [7; 32]);
/// let mut buf = *b"SSH-2.0-OpenSSH_9.6\r\n";
/// let error = handshake.receive(&mut Input::new(&mut buf)).unwrap_err();
/// let HandshakeError::NotHttp(received) = &error else { panic!("{error}") };
/// assert!(received.starts_with(b"SSH-2.0-"));
/// assert_eq!(received.to_string(), r#""SSH-2.0-OpenSSH_9.6\r\n""#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct FirstBytes(Box<[u8]>);

impl FirstBytes {
    /// Keeps the first 256 of some bytes.
    pub(super) fn new<'b>(bytes: impl IntoIterator<Item = &'b u8>) -> Self {
        Self(bytes.into_iter().copied().take(KEPT).collect())
    }
}

impl Deref for FirstBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for FirstBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Display for FirstBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, more) = self.0.split_at(self.0.len().min(SHOWN));
        let more = if more.is_empty() { "" } else { "..." };
        write!(f, "\"{}\"{more}", shown.escape_ascii())
    }
}

/// How many bytes of another protocol are kept.
const KEPT: usize = 256;

/// How many bytes of another protocol an error shows.
const SHOWN: usize = 32;
