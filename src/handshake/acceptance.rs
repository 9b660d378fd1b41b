//! What a server says when it accepts a handshake (RFC 6455 §4.2.2 item 5).

use alloc::borrow::Cow;

use super::{
    http::headers::{HeaderError, Headers},
    protected,
};
#[cfg(feature = "deflate")]
use crate::deflate::DeflateConfig;

/// How to accept an [`Upgrade`](super::Upgrade): the subprotocol, and additional header fields.
///
/// ```
/// use framewise::handshake::{Acceptance, HeaderError};
///
/// let acceptance = Acceptance::new().subprotocol("chat").header("Set-Cookie", "session=1")?;
/// assert_eq!(Acceptance::new().header("Upgrade", "h2c").unwrap_err(), HeaderError::Protected);
/// # Ok::<(), HeaderError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Acceptance {
    pub(super) subprotocol: Option<Cow<'static, str>>,
    #[cfg(feature = "deflate")]
    pub(super) deflate: Option<Option<DeflateConfig>>,
    pub(super) headers: Headers,
}

impl Acceptance {
    /// Accepts without a subprotocol and without additional header fields.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            subprotocol: None,
            #[cfg(feature = "deflate")]
            deflate: None,
            headers: Headers::new(),
        }
    }

    /// Selects a subprotocol, which must be one of those that the client offered.
    ///
    /// Some browsers fail the connection when they offered some and none is selected.
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: impl Into<Cow<'static, str>>) -> Self {
        self.subprotocol = Some(subprotocol.into());
        self
    }

    /// Sets how messages of this connection are compressed, instead of
    /// [`Config::deflate`](crate::Config::deflate). With `None` they are not, whatever the client offers.
    ///
    /// ```
    /// use framewise::{deflate::DeflateConfig, handshake::Acceptance};
    ///
    /// let _uncompressed = Acceptance::new().deflate(None);
    /// let _compressed = Acceptance::new().deflate(DeflateConfig::default());
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, deflate: impl Into<Option<DeflateConfig>>) -> Self {
        self.deflate = Some(deflate.into());
        self
    }

    /// Adds a header field. Order and case are kept.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Protected`] for the fields that the handshake writes itself: `Connection`,
    /// `Content-Length`, `Transfer-Encoding`, `Upgrade` and all `Sec-WebSocket-` fields.
    /// [`HeaderError::Name`] and [`HeaderError::Value`] for what cannot stand in a header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, HeaderError> {
        if protected(name) {
            return Err(HeaderError::Protected);
        }
        self.headers.append(name, value)?;
        Ok(self)
    }
}
