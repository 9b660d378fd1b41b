//! The answer that refuses a handshake (RFC 6455 §4.2.2), a complete HTTP response.

use alloc::{format, vec::Vec};
use core::{error::Error, fmt};

use super::{
    HttpVersion,
    error::HandshakeError,
    http::{
        headers::{HeaderError, Headers},
        reason::usual_reason,
    },
    origin::OriginRefused,
    protected,
};
use crate::output::Output;

/// A complete HTTP response with another status than 101: it refuses to open a WebSocket connection,
/// or answers a plain [`Request`](super::Request).
///
/// It always has `Connection: close` and the length of its body. A 405 also has `Allow: GET`, and a 426 the
/// protocol and the version to use. A browser shows scripts neither the status nor the body.
///
/// ```
/// use framewise::handshake::Rejection;
///
/// let rejection = Rejection::unauthorized("Basic realm=\"chat\"")?.body("who are you?");
/// let response = String::from_utf8(rejection.to_bytes())?;
/// assert!(response.starts_with("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"chat\"\r\n"));
/// assert!(response.ends_with("Connection: close\r\nContent-Length: 12\r\n\r\nwho are you?"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    status: u16,
    reason: Option<&'static str>,
    headers: Headers,
    body: Vec<u8>,
    /// Set for the answer to HEAD.
    head_only: bool,
}

impl Rejection {
    /// Makes a response with any final status and without a body. A 401 has to name a challenge:
    /// [`unauthorized`](Self::unauthorized) makes one that does.
    ///
    /// # Errors
    ///
    /// [`StatusError`] unless the status is one of 200 to 999.
    pub fn new(status: u16) -> Result<Self, StatusError> {
        if !(200..=999).contains(&status) {
            return Err(StatusError { status });
        }
        Ok(Self::with_status(status))
    }

    /// Makes a 403: this origin, or this user, may not connect.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::with_status(403)
    }

    /// Makes a 404: there is no such resource.
    #[must_use]
    pub fn not_found() -> Self {
        Self::with_status(404)
    }

    /// Makes a 401 with the value of `WWW-Authenticate`, which a 401 must have (RFC 9110 §11.6.1).
    ///
    /// # Errors
    ///
    /// [`HeaderError::Value`] when the challenge holds a control character.
    pub fn unauthorized(challenge: &str) -> Result<Self, HeaderError> {
        Self::with_status(401).header("WWW-Authenticate", challenge)
    }

    /// Makes a 400.
    pub(super) const fn bad_request() -> Self {
        Self::bare(400)
    }

    /// Makes a 500: this program has failed.
    #[cfg(feature = "std")]
    pub(crate) const fn internal_error() -> Self {
        Self::bare(500)
    }

    const fn bare(status: u16) -> Self {
        Self { status, reason: None, headers: Headers::new(), body: Vec::new(), head_only: false }
    }

    /// With the fields that belong to the status.
    fn with_status(status: u16) -> Self {
        let rejection = Self::bare(status);
        match status {
            405 => rejection.own_header("Allow", "GET"),
            426 => rejection
                .own_header("Upgrade", "websocket")
                .own_header("Sec-WebSocket-Version", "13"),
            _ => rejection,
        }
    }

    /// Adds a header field. Order and case are kept.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Protected`] for the fields that delimit the response or speak of the upgrade:
    /// `Connection`, `Content-Length`, `Transfer-Encoding`, `Upgrade` and all `Sec-WebSocket-`
    /// fields. [`HeaderError::Name`] and [`HeaderError::Value`] for what cannot stand in a header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, HeaderError> {
        if protected(name) {
            return Err(HeaderError::Protected);
        }
        self.headers.append(name, value)?;
        Ok(self)
    }

    /// Sets the reason phrase, which means nothing to programs. By default it is the usual one for the
    /// status, or none.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Value`] when it holds a control character.
    pub fn reason(mut self, reason: &'static str) -> Result<Self, HeaderError> {
        if reason.bytes().any(|octet| octet.is_ascii_control() && octet != b'\t') {
            return Err(HeaderError::Value);
        }
        self.reason = Some(reason);
        Ok(self)
    }

    /// Sets the body. Responses with status 204 and 304 have none on the wire.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Leaves out the body when the response is written, and keeps its length in the head: this answers
    /// HEAD (RFC 9110 §9.3.2).
    ///
    /// [`Request::respond`](super::Request::respond) calls this if necessary.
    #[must_use]
    pub const fn head_only(mut self) -> Self {
        self.head_only = true;
        self
    }

    /// Adds a field whose name and value are already validated.
    pub(crate) fn own_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name, value.as_bytes());
        self
    }

    /// Returns the status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the header fields, for an HTTP server that writes the response itself. `Connection`
    /// (which must name `Upgrade` when that field is in the list, as it is for a 426) and the
    /// length of the body are left to that server, as is the lower case of names in HTTP/2 and
    /// HTTP/3.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Returns the bytes of the body.
    #[must_use]
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// Returns whether the body is left out, and its length is not.
    #[cfg(feature = "http")]
    pub(crate) const fn is_head_only(&self) -> bool {
        self.head_only
    }

    /// Returns status, header fields and body.
    #[cfg(feature = "http")]
    pub(crate) fn into_parts(self) -> (u16, Headers, Vec<u8>) {
        (self.status, self.headers, self.body)
    }

    /// Returns the complete response, queued to be written.
    #[must_use]
    pub fn to_output(&self) -> Output {
        let mut output = Output::default();
        output.push_bytes(&self.to_bytes());
        output
    }

    /// Returns the complete response as bytes to write.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.write(self.head_only)
    }

    pub(super) fn write(&self, head_only: bool) -> Vec<u8> {
        let reason = self.reason.unwrap_or_else(|| usual_reason(self.status));
        let mut response = format!("HTTP/1.1 {} {reason}\r\n", self.status).into_bytes();
        self.headers.write_to(&mut response);
        let connection = if self.status == 426 { "Upgrade, close" } else { "close" };
        response.extend_from_slice(format!("Connection: {connection}\r\n").as_bytes());
        // These two statuses end with the head (RFC 9112 §6.3).
        if matches!(self.status, 204 | 304) {
            response.extend_from_slice(b"\r\n");
            return response;
        }
        response
            .extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
        if !head_only {
            response.extend_from_slice(&self.body);
        }
        response
    }
}

impl From<OriginRefused> for Rejection {
    fn from(_: OriginRefused) -> Self {
        Self::forbidden()
    }
}

impl HandshakeError {
    /// Returns the response by which a server answers such a request over HTTP/1.1, without a body.
    ///
    /// `None` where [`status`](Self::status) is.
    #[must_use]
    pub fn rejection(&self) -> Option<Rejection> {
        self.rejection_for(HttpVersion::Http11)
    }

    /// Returns the response by which a server answers such a request over this version of HTTP,
    /// without a body: what [`Upgrade::from_http`](super::Upgrade::from_http) refuses.
    ///
    /// HTTP/2 and HTTP/3 have all names in lower case and know no `Upgrade`, so a 400 takes the
    /// place of a 426 there.
    ///
    /// ```
    /// use framewise::handshake::{HandshakeError, HttpVersion};
    ///
    /// let rejection = HandshakeError::UnsupportedVersion.rejection_for(HttpVersion::Http2).unwrap();
    /// assert_eq!(rejection.status(), 400);
    /// let fields: Vec<_> = rejection.headers().iter().collect();
    /// assert_eq!(fields, [("sec-websocket-version", &b"13"[..])]);
    /// ```
    #[must_use]
    pub fn rejection_for(&self, version: HttpVersion) -> Option<Rejection> {
        let status = self.status()?;
        if matches!(version, HttpVersion::Http2 | HttpVersion::Http3) {
            let status = if status == 426 { 400 } else { status };
            let rejection = Rejection::bare(status);
            return Some(match self {
                Self::InvalidMethod => rejection.own_header("allow", "CONNECT"),
                Self::InvalidVersion | Self::UnsupportedVersion => {
                    rejection.own_header("sec-websocket-version", "13")
                }
                _ => rejection,
            });
        }
        let rejection = Rejection::with_status(status);
        Some(match self {
            // RFC 6455 §4.4 answers like this too.
            Self::InvalidVersion => rejection.own_header("Sec-WebSocket-Version", "13"),
            _ => rejection,
        })
    }
}

/// The number is not a status by which a request can be rejected: 200 to 999.
///
/// ```
/// use framewise::handshake::Rejection;
///
/// let error = Rejection::new(42).unwrap_err();
/// assert_eq!(error.status(), 42);
/// assert_eq!(error.to_string(), "42 is no final HTTP status, which is 200 to 999");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusError {
    status: u16,
}

impl StatusError {
    /// Returns the number that was given.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.status
    }
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no final HTTP status, which is 200 to 999", self.status)
    }
}

impl Error for StatusError {}
