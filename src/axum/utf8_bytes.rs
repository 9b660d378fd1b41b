//! Text of a message, cheap to clone.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::{fmt, ops::Deref, str::Utf8Error};

use bytes::Bytes;

use crate::message::Text;

/// The text of a [`Message`](super::Message). A clone shares it.
///
/// It can be compared with every type that a `&str` can be compared with.
///
/// ```
/// use framewise::axum::Utf8Bytes;
///
/// let text = Utf8Bytes::from_static("Hello");
/// assert_eq!(text, "Hello");
/// assert_eq!(text.len(), 5); // methods of str
/// assert_eq!(Utf8Bytes::from(String::from("Hello")), text);
/// assert!(Utf8Bytes::try_from(vec![0xff]).is_err());
/// ```
#[derive(Clone)]
pub struct Utf8Bytes(Held);

/// The ways to hold a text. Bytes would have to be validated on each access.
#[derive(Clone)]
enum Held {
    Shared(Arc<String>),
    Static(&'static str),
}

impl Utf8Bytes {
    /// Makes one of a literal, without a copy.
    #[inline]
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Held::Static(text))
    }

    /// Returns the text.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Held::Shared(text) => text,
            Held::Static(text) => text,
        }
    }

    /// Returns the text to send: moved if nobody shares it.
    pub(super) fn into_text(self) -> Text<'static> {
        match self.0 {
            Held::Shared(text) => Arc::unwrap_or_clone(text).into(),
            Held::Static(text) => text.into(),
        }
    }

    /// Returns the text as a string: moved if nobody shares it.
    pub(super) fn into_string(self) -> String {
        match self.0 {
            Held::Shared(text) => Arc::unwrap_or_clone(text),
            Held::Static(text) => text.into(),
        }
    }
}

impl Default for Utf8Bytes {
    fn default() -> Self {
        Self::from_static("")
    }
}

impl Deref for Utf8Bytes {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Utf8Bytes").field(&self.as_str()).finish()
    }
}

impl fmt::Display for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl PartialEq for Utf8Bytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Utf8Bytes {}

impl<T> PartialEq<T> for Utf8Bytes
where
    for<'a> &'a str: PartialEq<T>,
{
    fn eq(&self, other: &T) -> bool {
        self.as_str() == *other
    }
}

impl From<String> for Utf8Bytes {
    fn from(text: String) -> Self {
        Self(Held::Shared(Arc::new(text)))
    }
}

impl From<&str> for Utf8Bytes {
    fn from(text: &str) -> Self {
        String::from(text).into()
    }
}

impl From<&String> for Utf8Bytes {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

/// Copies bytes that others share.
impl TryFrom<Bytes> for Utf8Bytes {
    type Error = Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Utf8Error> {
        Vec::from(bytes).try_into()
    }
}

impl TryFrom<Vec<u8>> for Utf8Bytes {
    type Error = Utf8Error;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Utf8Error> {
        let text = String::from_utf8(bytes).map_err(|error| error.utf8_error())?;
        Ok(text.into())
    }
}

/// Copies a text that others share.
impl From<Utf8Bytes> for Bytes {
    fn from(text: Utf8Bytes) -> Self {
        match text.0 {
            Held::Shared(text) => Arc::unwrap_or_clone(text).into(),
            Held::Static(text) => Self::from_static(text.as_bytes()),
        }
    }
}
