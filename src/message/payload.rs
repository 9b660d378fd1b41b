//! Payloads to send.

use alloc::{borrow::Cow, boxed::Box, string::String, sync::Arc, vec::Vec};
use core::fmt;

use super::Message;
#[cfg(feature = "deflate")]
use super::PreparedMessage;
#[cfg(feature = "bytes")]
use crate::bytes::SharedBytes;

/// A text to send: borrowed, owned or shared.
///
/// A borrowed text is copied. An owned one of 4 KiB or more is moved instead. A server also queues shared
/// text of that size without copying; a client masks a copy. Functions that send take `impl Into<Text>`.
///
/// ```
/// use std::sync::Arc;
/// use framewise::Text;
///
/// let borrowed = Text::from("Hello");
/// let owned = Text::from(String::from("Hello"));
/// let shared: Arc<str> = "Hello".into();
/// let shared = Text::from(Arc::clone(&shared));
/// assert_eq!((borrowed.as_str(), owned.as_str()), ("Hello", shared.as_str()));
/// ```
#[derive(Clone)]
pub struct Text<'a>(pub(crate) HeldText<'a>);

/// Bytes to send: borrowed, owned or shared.
///
/// The binary counterpart of [`Text`].
///
/// ```
/// use framewise::Binary;
///
/// let borrowed = Binary::from(b"\xca\xfe");
/// let owned = Binary::from(vec![0xca, 0xfe]);
/// assert_eq!(borrowed.as_slice(), owned.as_slice());
/// ```
#[derive(Clone)]
pub struct Binary<'a>(pub(crate) HeldBytes<'a>);

/// The ways to hold a text.
#[derive(Clone, Debug)]
pub(crate) enum HeldText<'a> {
    /// Copied after its header.
    Borrowed(&'a str),
    /// Moved when large, else copied.
    Owned(String),
    /// Queued by reference when large, else copied.
    Shared(Arc<str>),
}

/// The ways to hold bytes; see [`HeldText`].
#[derive(Clone, Debug)]
pub(crate) enum HeldBytes<'a> {
    Borrowed(&'a [u8]),
    #[cfg(feature = "bytes")]
    Foreign(SharedBytes),
    Owned(Vec<u8>),
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

/// The two types of messages, and the ways to hold them.
#[derive(Clone)]
pub(crate) enum Content<'a> {
    Binary(Binary<'a>),
    #[cfg(feature = "deflate")]
    Prepared(PreparedMessage),
    Text(Text<'a>),
}

impl Text<'_> {
    /// Returns the text.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            HeldText::Borrowed(text) => text,
            HeldText::Owned(text) => text,
            HeldText::Shared(text) => text,
        }
    }
}

impl Binary<'_> {
    /// Returns the bytes.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            HeldBytes::Borrowed(bytes) => bytes,
            #[cfg(feature = "bytes")]
            HeldBytes::Foreign(bytes) => bytes.as_slice(),
            HeldBytes::Owned(bytes) => bytes,
            HeldBytes::Shared(bytes) => bytes,
        }
    }
}

impl<'a> Payload<'a> {
    /// Returns the bytes of the message.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.content.as_bytes()
    }

    /// Returns whether this is text.
    #[must_use]
    #[inline]
    pub fn is_text(&self) -> bool {
        self.content.is_text()
    }

    /// Returns the message with an owned payload. A borrowed or shared one is copied.
    #[must_use]
    pub fn into_message(self) -> Message {
        match self.content {
            Content::Binary(Binary(HeldBytes::Borrowed(bytes))) => Message::Binary(bytes.into()),
            #[cfg(feature = "bytes")]
            Content::Binary(Binary(HeldBytes::Foreign(bytes))) => bytes.into_vec().into(),
            Content::Binary(Binary(HeldBytes::Owned(bytes))) => Message::Binary(bytes),
            Content::Binary(Binary(HeldBytes::Shared(bytes))) => Message::Binary(bytes.to_vec()),
            #[cfg(feature = "deflate")]
            Content::Prepared(message) => Payload::from(message.content().clone()).into_message(),
            Content::Text(Text(HeldText::Borrowed(text))) => Message::Text(text.into()),
            Content::Text(Text(HeldText::Owned(text))) => Message::Text(text),
            Content::Text(Text(HeldText::Shared(text))) => Message::Text(String::from(&*text)),
        }
    }

    /// Sends the message uncompressed where others are compressed (RFC 7692 §6.1).
    ///
    /// For a message that is compressed already, such as an image, or that has a secret beside text of an
    /// attacker (RFC 7692 §8). Of a message in fragments the first one decides.
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

    /// Returns an owned or shared payload. The caller still has a borrowed one.
    pub(crate) fn into_static(self) -> Option<Payload<'static>> {
        let content = match self.content {
            Content::Binary(Binary(HeldBytes::Borrowed(_)))
            | Content::Text(Text(HeldText::Borrowed(_))) => return None,
            #[cfg(feature = "bytes")]
            Content::Binary(Binary(HeldBytes::Foreign(bytes))) => {
                Content::Binary(Binary(HeldBytes::Foreign(bytes)))
            }
            Content::Binary(Binary(HeldBytes::Owned(bytes))) => {
                Content::Binary(Binary(HeldBytes::Owned(bytes)))
            }
            Content::Binary(Binary(HeldBytes::Shared(bytes))) => {
                Content::Binary(Binary(HeldBytes::Shared(bytes)))
            }
            #[cfg(feature = "deflate")]
            Content::Prepared(message) => Content::Prepared(message),
            Content::Text(Text(HeldText::Owned(text))) => {
                Content::Text(Text(HeldText::Owned(text)))
            }
            Content::Text(Text(HeldText::Shared(text))) => {
                Content::Text(Text(HeldText::Shared(text)))
            }
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
        Self(HeldText::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Text<'a> {
    #[inline]
    fn from(text: &'a String) -> Self {
        Self(HeldText::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    #[inline]
    fn from(text: String) -> Self {
        Self(HeldText::Owned(text))
    }
}

impl From<Arc<str>> for Text<'_> {
    #[inline]
    fn from(text: Arc<str>) -> Self {
        Self(HeldText::Shared(text))
    }
}

impl From<Box<str>> for Text<'_> {
    #[inline]
    fn from(text: Box<str>) -> Self {
        String::from(text).into()
    }
}

impl<'a> From<Cow<'a, str>> for Text<'a> {
    #[inline]
    fn from(text: Cow<'a, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self(HeldText::Borrowed(text)),
            Cow::Owned(text) => Self(HeldText::Owned(text)),
        }
    }
}

impl<'a> From<&'a [u8]> for Binary<'a> {
    #[inline]
    fn from(bytes: &'a [u8]) -> Self {
        Self(HeldBytes::Borrowed(bytes))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Binary<'a> {
    #[inline]
    fn from(bytes: &'a [u8; N]) -> Self {
        Self(HeldBytes::Borrowed(bytes))
    }
}

impl<'a> From<&'a Vec<u8>> for Binary<'a> {
    #[inline]
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self(HeldBytes::Borrowed(bytes))
    }
}

impl From<Vec<u8>> for Binary<'_> {
    #[inline]
    fn from(bytes: Vec<u8>) -> Self {
        Self(HeldBytes::Owned(bytes))
    }
}

impl<const N: usize> From<[u8; N]> for Binary<'_> {
    /// Moves the bytes to the heap. To send a reference to an array avoids that.
    #[inline]
    fn from(bytes: [u8; N]) -> Self {
        Vec::from(bytes).into()
    }
}

impl From<Box<[u8]>> for Binary<'_> {
    #[inline]
    fn from(bytes: Box<[u8]>) -> Self {
        Vec::from(bytes).into()
    }
}

impl From<Arc<[u8]>> for Binary<'_> {
    #[inline]
    fn from(bytes: Arc<[u8]>) -> Self {
        Self(HeldBytes::Shared(bytes))
    }
}

impl<'a> From<Cow<'a, [u8]>> for Binary<'a> {
    #[inline]
    fn from(bytes: Cow<'a, [u8]>) -> Self {
        match bytes {
            Cow::Borrowed(bytes) => Self(HeldBytes::Borrowed(bytes)),
            Cow::Owned(bytes) => Self(HeldBytes::Owned(bytes)),
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
    Box<str> => Text,
    Arc<str> => Text,
    Cow<'a, str> => Text,
    &'a [u8] => Binary,
    &'a Vec<u8> => Binary,
    Vec<u8> => Binary,
    Box<[u8]> => Binary,
    Arc<[u8]> => Binary,
    Cow<'a, [u8]> => Binary,
}

impl<'a, const N: usize> From<&'a [u8; N]> for Payload<'a> {
    #[inline]
    fn from(payload: &'a [u8; N]) -> Self {
        Binary::from(payload).into()
    }
}

impl<const N: usize> From<[u8; N]> for Payload<'_> {
    #[inline]
    fn from(payload: [u8; N]) -> Self {
        Binary::from(payload).into()
    }
}
