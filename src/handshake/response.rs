//! The server's answer, as the client sees it (RFC 6455 §4.2.2, RFC 9112 §4).

use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};

use super::{
    Extension, HandshakeError, extensions,
    http::{
        body::{Body, Progress},
        head::ResponseLayout,
        headers::{Headers, Span},
    },
    version,
};
#[cfg(feature = "deflate")]
use crate::deflate::AgreedParameters;
use crate::{config::Config, input::Input, token};

/// The response to an opening handshake: status, headers and, if it refuses, the body.
///
/// It is in [`Established`](super::Established) when the connection is open, in
/// [`HandshakeError::Rejected`] when the status is not 101, and in
/// [`ClientHandshake::response`](super::ClientHandshake::response) when a 101 was not valid.
///
/// A handshake follows no redirect and asks no user for a password: the caller does, in a new
/// handshake with a new key. [`Redirects`](crate::client::Redirects) says which request to send next.
///
/// ```
/// use framewise::{
///     Config, Input,
///     handshake::{ClientHandshake, ClientRequest},
/// };
///
/// let request = ClientRequest::new("ws://server.example.com/chat")?;
/// let mut handshake = ClientHandshake::new(request, Config::default(), [7; 32]);
/// let mut buf = *b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 7\r\n\r\nDown for repairs";
/// assert!(handshake.receive(&mut Input::new(&mut buf))?.is_none());
/// let error = handshake.receive_eof(); // This body ends with the stream.
/// let response = error.response().expect("a refusal");
/// assert_eq!((response.status(), response.header("Retry-After")), (503, Some(&b"7"[..])));
/// assert_eq!(response.body(), b"Down for repairs");
/// assert!(response.body_is_complete());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    reason: Span,
    headers: Headers,
    body: Vec<u8>,
    /// Set when the end of the body has come, and from the beginning for a 101, which has none.
    body_is_complete: bool,
}

impl Response {
    pub(super) fn new(head: Vec<u8>, layout: ResponseLayout) -> Self {
        let headers = Headers::from_parts(head, layout.fields);
        let ResponseLayout { status, reason, .. } = layout;
        Self { status, reason, headers, body: Vec::new(), body_is_complete: status == 101 }
    }

    /// A response that someone else has parsed.
    pub(super) fn from_http<'a>(
        status: u16,
        fields: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, HandshakeError> {
        let mut headers = Headers::new();
        for (name, value) in fields.into_iter().filter(|(name, _)| !name.starts_with(':')) {
            headers.append(name, value).map_err(|_| HandshakeError::InvalidHead)?;
        }
        let (reason, body) = (Span::default(), Vec::new());
        Ok(Self { status, reason, headers, body, body_is_complete: false })
    }

    /// Takes more of the body from the input.
    pub(super) fn receive_body(&mut self, body: &mut Body, input: &mut Input<'_>) -> Progress {
        let progress = body.receive(input, &mut self.body);
        self.body_is_complete = progress == Progress::Complete;
        progress
    }

    /// Ends the body with the stream.
    pub(super) const fn receive_eof(&mut self, body: &Body) {
        self.body_is_complete = body.ends_with_stream();
    }

    /// Returns the status code: three digits, 100 at least.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the reason phrase. It means nothing to a program.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        self.headers.slice(self.reason)
    }

    /// Returns all header fields, for example several `Set-Cookie`.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Returns the value of the first header field of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name)
    }

    /// Returns how long the server asks to wait before the next request, if `Retry-After` says so in
    /// seconds (RFC 9110 §10.2.3).
    ///
    /// The field may be a date instead: [`header`](Self::header) returns it, for a program with a
    /// calendar. [`Backoff::retry_after`](crate::client::Backoff::retry_after) limits the time.
    ///
    /// ```
    /// use core::time::Duration;
    /// use framewise::{Config, handshake::ClientRequest};
    ///
    /// let fields = [("Retry-After", &b"120"[..])];
    /// let request = ClientRequest::new("wss://example.com/")?;
    /// let refusal = request.connected(503, fields, Config::default(), [7; 32]).unwrap_err();
    /// let response = refusal.response().expect("the server answers 503");
    /// assert_eq!(response.retry_after(), Some(Duration::from_secs(120)));
    /// # Ok::<(), framewise::handshake::RequestError>(())
    /// ```
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.text("Retry-After")?;
        let is_number = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
        // Only a number that is too large fails.
        is_number.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
    }

    /// Returns the body, decoded from the chunked transfer coding (RFC 9112 §7.1): the first 64 KiB
    /// at most, and less if [`body_is_complete`](Self::body_is_complete) says so.
    ///
    /// A response to [`ClientRequest::connected`](super::ClientRequest::connected) has no body here:
    /// the HTTP client has it.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns whether [`body`](Self::body) is all of the body.
    ///
    /// `false` when
    /// - the body is longer than 64 KiB,
    /// - the stream ended in front of the announced end, or the handshake timed out,
    /// - `Content-Length` or a chunk is malformed (RFC 9112 §6.3, §7.1),
    /// - an HTTP client has the body.
    #[must_use]
    pub const fn body_is_complete(&self) -> bool {
        self.body_is_complete
    }

    /// Returns the subprotocol that the server selected.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.headers.text(PROTOCOL).filter(|name| token::is_token(name.as_bytes()))
    }

    /// Returns the extensions in use, in the order in which data passes them.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'_>> {
        extensions::iter(&self.headers)
    }

    /// Returns the versions of the protocol that a server lists which does not speak version 13
    /// (RFC 6455 §4.4). Elements that are no version are skipped.
    pub fn versions(&self) -> impl Iterator<Item = u8> {
        self.headers.elements("Sec-WebSocket-Version").filter_map(version)
    }

    /// Checks the subprotocol against those that were offered (RFC 6455 §4.1 step 6).
    pub(super) fn check_subprotocol(
        &self,
        offered: &[String],
        required: bool,
    ) -> Result<(), HandshakeError> {
        let mut lines = self.headers.values(PROTOCOL);
        let Some(selected) = lines.next() else {
            return match required && !offered.is_empty() {
                true => Err(HandshakeError::SubprotocolMissing),
                false => Ok(()),
            };
        };
        if lines.next().is_some() || !token::is_token(selected) {
            return Err(HandshakeError::InvalidSubprotocol);
        }
        if offered.iter().any(|name| name.as_bytes() == selected) {
            Ok(())
        } else {
            Err(HandshakeError::UnexpectedSubprotocol)
        }
    }

    /// Checks the extensions against those that were offered (RFC 6455 §4.1 step 5).
    #[cfg_attr(not(feature = "deflate"), allow(unused_variables, reason = "none was offered"))]
    pub(super) fn check_extensions(&self, config: &Config) -> Result<(), HandshakeError> {
        let count = extensions::check(self.headers.values(extensions::NAME))?;
        #[cfg(feature = "deflate")]
        if let Some(deflate) = &config.deflate {
            deflate.confirm_from(self.extensions())?;
            return Ok(());
        }
        if count == 0 { Ok(()) } else { Err(HandshakeError::UnexpectedExtension) }
    }

    /// What was agreed upon for the compression of messages, given a response that was checked.
    #[cfg(feature = "deflate")]
    pub(super) fn deflate(&self, config: &Config) -> Option<AgreedParameters> {
        config.deflate.as_ref()?.confirm_from(self.extensions()).ok()?
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

const PROTOCOL: &str = "Sec-WebSocket-Protocol";
