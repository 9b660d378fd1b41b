//! What an application gives to be sent.

use alloc::{borrow::Cow, string::String, sync::Arc, vec::Vec};
use core::fmt;

use super::Message;
#[cfg(feature = "deflate")]
use super::PreparedMessage;

/// A text to send: lent, given away, or shared.
///
/// A text that was given away is not copied when it has 4 KiB or more, a shared one neither (by a
/// server; a client masks a copy). Functions that send take `impl Into<Text>`.
///
/// ```
/// use std::sync::Arc;
/// use framewise::Text;
///
/// let _lent = Text::from("Hello");
/// let _given = Text::from(String::from("Hello"));
/// let shared: Arc<str> = "Hello, everybody".into();
/// let _shared = Text::from(Arc::clone(&shared));
/// ```
#[derive(Clone)]
#[allow(clippy::exhaustive_enums, reason = "every way to have text is listed")]
pub enum Text<'a> {
    /// Lent: copied behind its header.
    Borrowed(&'a str),
    /// Given away: moved when large, else copied.
    Owned(String),
    /// Shared, for broadcast: queued by reference when large, else copied.
    Shared(Arc<str>),
}

/// Octets to send: lent, given away, or shared.
///
/// The binary counterpart of [`Text`].
///
/// ```
/// use framewise::Binary;
///
/// let _lent = Binary::from(b"\xca\xfe");
/// let _given = Binary::from(vec![0xca, 0xfe]);
/// ```
#[derive(Clone)]
#[allow(clippy::exhaustive_enums, reason = "every way to have octets is listed")]
pub enum Binary<'a> {
    /// Lent: copied behind its header.
    Borrowed(&'a [u8]),
    /// Given away: moved when large, else copied.
    Owned(Vec<u8>),
    /// Shared, for broadcast: queued by reference when large, else copied.
    Shared(Arc<[u8]>),
}

/// A message, or a fragment of one, to send.
///
/// Two payloads are equal when their type and content are, however they are held.
///
/// ```
/// use framewise::Payload;
///
/// assert_eq!(Payload::from("Hello"), Payload::from(String::from("Hello")));
/// assert_ne!(Payload::from("Hello"), Payload::from(b"Hello"));
/// ```
#[derive(Clone)]
pub struct Payload<'a> {
    pub(crate) content: Content<'a>,
    pub(crate) compress: bool,
}

/// The two types of messages, and the ways to have them.
#[derive(Clone)]
pub(crate) enum Content<'a> {
    Binary(Binary<'a>),
    #[cfg(feature = "deflate")]
    Prepared(PreparedMessage),
    Text(Text<'a>),
}

impl Text<'_> {
    /// Returns the text.
    #[inline]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl Binary<'_> {
    /// Returns the octets.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl<'a> Payload<'a> {
    /// Returns the octets of the message.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.content.as_bytes()
    }

    /// Returns whether this is text.
    #[inline]
    pub fn is_text(&self) -> bool {
        self.content.is_text()
    }

    /// Returns the message as one that owns its payload. What was lent or is shared is copied.
    pub fn into_message(self) -> Message {
        match self.content {
            Content::Binary(Binary::Borrowed(bytes)) => Message::Binary(bytes.into()),
            Content::Binary(Binary::Owned(bytes)) => Message::Binary(bytes),
            Content::Binary(Binary::Shared(bytes)) => Message::Binary(bytes.to_vec()),
            #[cfg(feature = "deflate")]
            Content::Prepared(message) => Payload::from(message.content().clone()).into_message(),
            Content::Text(Text::Borrowed(text)) => Message::Text(text.into()),
            Content::Text(Text::Owned(text)) => Message::Text(text),
            Content::Text(Text::Shared(text)) => Message::Text(String::from(&*text)),
        }
    }

    /// Asks that the message be sent as it is where others are compressed (RFC 7692 §6.1): one that
    /// is compressed already, an image say, or one in which a secret stands beside what an attacker
    /// wrote (RFC 7692 §8). Of a message in fragments the first one decides.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use framewise::{Config, Connection, Payload};
    ///
    /// let mut connection = Connection::server(Arc::new(Config::default()));
    /// connection.send(Payload::from("token=12345678").uncompressed())?;
    /// # Ok::<(), framewise::SendError>(())
    /// ```
    #[must_use]
    pub fn uncompressed(self) -> Self {
        Self { compress: false, ..self }
    }

    /// Returns what the caller does not have any more: all but what was only lent.
    pub(crate) fn into_static(self) -> Option<Payload<'static>> {
        let content = match self.content {
            Content::Binary(Binary::Borrowed(_)) | Content::Text(Text::Borrowed(_)) => return None,
            Content::Binary(Binary::Owned(bytes)) => Content::Binary(Binary::Owned(bytes)),
            Content::Binary(Binary::Shared(bytes)) => Content::Binary(Binary::Shared(bytes)),
            #[cfg(feature = "deflate")]
            Content::Prepared(message) => Content::Prepared(message),
            Content::Text(Text::Owned(text)) => Content::Text(Text::Owned(text)),
            Content::Text(Text::Shared(text)) => Content::Text(Text::Shared(text)),
        };
        Some(Payload { content, compress: self.compress })
    }
}

impl Content<'_> {
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Binary(binary) => binary.as_slice(),
            #[cfg(feature = "deflate")]
            Self::Prepared(message) => message.as_bytes(),
            Self::Text(text) => text.as_str().as_bytes(),
        }
    }

    #[inline]
    pub(crate) fn is_text(&self) -> bool {
        match self {
            Self::Binary(_) => false,
            #[cfg(feature = "deflate")]
            Self::Prepared(message) => message.is_text(),
            Self::Text(_) => true,
        }
    }
}

impl<'a> From<Content<'a>> for Payload<'a> {
    #[inline]
    fn from(content: Content<'a>) -> Self {
        Self { content, compress: true }
    }
}

/// Shows the length only: payloads may be large or sensitive.
impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.as_str().len())
    }
}

/// Shows the length only: payloads may be large or sensitive.
impl fmt::Debug for Binary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binary({} bytes)", self.as_slice().len())
    }
}

/// Shows the type and the length only: payloads may be large or sensitive.
impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_text() { "Text" } else { "Binary" };
        write!(f, "{kind}({} bytes)", self.as_bytes().len())
    }
}

impl PartialEq for Payload<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.is_text() == other.is_text() && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Payload<'_> {}

impl<'a> From<&'a str> for Text<'a> {
    #[inline]
    fn from(text: &'a str) -> Self {
        Self::Borrowed(text)
    }
}

impl<'a> From<&'a String> for Text<'a> {
    #[inline]
    fn from(text: &'a String) -> Self {
        Self::Borrowed(text)
    }
}

impl From<String> for Text<'_> {
    #[inline]
    fn from(text: String) -> Self {
        Self::Owned(text)
    }
}

impl From<Arc<str>> for Text<'_> {
    #[inline]
    fn from(text: Arc<str>) -> Self {
        Self::Shared(text)
    }
}

impl<'a> From<Cow<'a, str>> for Text<'a> {
    #[inline]
    fn from(text: Cow<'a, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::Borrowed(text),
            Cow::Owned(text) => Self::Owned(text),
        }
    }
}

impl<'a> From<&'a [u8]> for Binary<'a> {
    #[inline]
    fn from(bytes: &'a [u8]) -> Self {
        Self::Borrowed(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Binary<'a> {
    #[inline]
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Borrowed(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Binary<'a> {
    #[inline]
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Borrowed(bytes)
    }
}

impl From<Vec<u8>> for Binary<'_> {
    #[inline]
    fn from(bytes: Vec<u8>) -> Self {
        Self::Owned(bytes)
    }
}

impl From<Arc<[u8]>> for Binary<'_> {
    #[inline]
    fn from(bytes: Arc<[u8]>) -> Self {
        Self::Shared(bytes)
    }
}

impl<'a> From<Cow<'a, [u8]>> for Binary<'a> {
    #[inline]
    fn from(bytes: Cow<'a, [u8]>) -> Self {
        match bytes {
            Cow::Borrowed(bytes) => Self::Borrowed(bytes),
            Cow::Owned(bytes) => Self::Owned(bytes),
        }
    }
}

impl<'a> From<Text<'a>> for Payload<'a> {
    #[inline]
    fn from(text: Text<'a>) -> Self {
        Content::Text(text).into()
    }
}

impl<'a> From<Binary<'a>> for Payload<'a> {
    #[inline]
    fn from(binary: Binary<'a>) -> Self {
        Content::Binary(binary).into()
    }
}

macro_rules! payload_from {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl<'a> From<$type> for Payload<'a> {
            #[inline]
            fn from(payload: $type) -> Self {
                $variant::from(payload).into()
            }
        }
    )*};
}

payload_from! {
    &'a str => Text,
    &'a String => Text,
    String => Text,
    Arc<str> => Text,
    Cow<'a, str> => Text,
    &'a [u8] => Binary,
    &'a Vec<u8> => Binary,
    Vec<u8> => Binary,
    Arc<[u8]> => Binary,
    Cow<'a, [u8]> => Binary,
}

impl<'a, const N: usize> From<&'a [u8; N]> for Payload<'a> {
    #[inline]
    fn from(payload: &'a [u8; N]) -> Self {
        Binary::from(payload).into()
    }
}
