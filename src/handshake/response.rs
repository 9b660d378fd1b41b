//! The server's answer, as the client sees it (RFC 6455 §4.2.2, RFC 9112 §4).

use alloc::{string::String, vec::Vec};
use core::fmt;

use super::{
    Extension, HandshakeError, extensions,
    head::ResponseLayout,
    headers::{Headers, Span, is_token, trim},
    version,
};
use crate::Config;
#[cfg(feature = "deflate")]
use crate::deflate::AgreedParameters;

/// A response to an opening handshake: status, header fields and, of a response that refuses, what
/// was read of the body.
///
/// It is in [`Established`](super::Established) when the connection is open, in
/// [`HandshakeError::Rejected`] when the status is not 101, and in
/// [`ClientHandshake::response`](super::ClientHandshake::response) when a 101 was not valid.
/// Redirects are not followed, nor is a user asked for a password: that is for the caller, in a new
/// handshake with a new key. Credentials must not go along to another origin, or from wss to ws.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    reason: Span,
    headers: Headers,
    body: Vec<u8>,
}

impl Response {
    pub(super) fn new(head: Vec<u8>, layout: ResponseLayout) -> Self {
        let headers = Headers::from_parts(head, layout.fields);
        Self { status: layout.status, reason: layout.reason, headers, body: Vec::new() }
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
        Ok(Self { status, reason: Span::default(), headers, body: Vec::new() })
    }

    pub(super) fn set_body(&mut self, body: &[u8]) {
        self.body = body.to_vec();
    }

    /// The octets of the body, where the head tells how many they are (RFC 9112 §6.3). Else it ends
    /// with the last chunk, or with the stream.
    pub(super) fn body_len(&self) -> Result<Option<usize>, HandshakeError> {
        if matches!(self.status, 204 | 304) {
            return Ok(Some(0));
        }
        if self.headers.contains("Transfer-Encoding") {
            return Ok(None);
        }
        let mut len = None;
        for value in self.headers.values("Content-Length") {
            // A value that was repeated on the way is understood: "5, 5".
            for element in value.split(|octet| *octet == b',') {
                let found = content_length(trim(element));
                if found.is_none() || len.is_some_and(|len| Some(len) != found) {
                    return Err(HandshakeError::InvalidHead);
                }
                len = found;
            }
        }
        Ok(len)
    }

    /// The status code: three digits, 100 at least.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase. It means nothing to a program.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        self.headers.slice(self.reason)
    }

    /// All header fields, for example several `Set-Cookie`.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The value of the first header field of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name)
    }

    /// The octets of the body that came together with the end of the head, 64 KiB of them at most.
    /// They are as they came, in chunks perhaps (RFC 9112 §7.1); what follows the length that the
    /// head announces is none of them.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The subprotocol that the server selected.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.headers.text(PROTOCOL).filter(|name| is_token(name.as_bytes()))
    }

    /// The extensions in use, in the order in which data passes them.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'_>> {
        extensions::iter(&self.headers)
    }

    /// The versions of the protocol that a server lists which does not speak version 13 (RFC 6455
    /// §4.4). Elements that are no version are skipped.
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
        if lines.next().is_some() || !is_token(selected) {
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
            return deflate.confirm_from(self.extensions()).map(drop);
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

/// Reads digits. A number that is too large for the address space is as good as the largest.
fn content_length(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(core::str::from_utf8(digits).ok()?.parse().unwrap_or(usize::MAX))
}

const PROTOCOL: &str = "Sec-WebSocket-Protocol";
