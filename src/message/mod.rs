//! Messages (RFC 6455 §5.4, §5.6): what an application receives and sends.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub(crate) mod assembly;
#[cfg(feature = "bytes")]
mod bytes;
mod event;
#[cfg(feature = "json")]
mod json;
mod payload;
#[cfg(feature = "deflate")]
mod prepared;
mod send_error;

use alloc::{borrow::Cow, boxed::Box, string::String, vec::Vec};

pub(crate) use self::payload::{Content, HeldBytes, HeldText};
#[cfg(feature = "deflate")]
pub use self::prepared::PreparedMessage;
pub use self::{
    event::Event,
    payload::{Binary, Payload, Text},
    send_error::{SendError, SendErrorKind},
};

/// A message that owns its payload: one that was received, or one to send.
///
/// Text types turn into a text message, byte types into a binary one. Sending takes a message or a
/// reference to one.
///
/// ```
/// use framewise::{Config, Connection, Message};
///
/// let message = Message::text("Hello");
/// assert!(message.is_text() && message == Message::from("Hello"));
///
/// let mut connection = Connection::server(Config::default());
/// connection.send(&message)?;
/// assert_eq!(message.into_text().as_deref(), Ok("Hello"));
/// # Ok::<(), framewise::SendError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "RFC 6455 has two types of messages")]
pub enum Message {
    /// A binary message.
    Binary(Vec<u8>),
    /// A text message.
    Text(String),
}

impl Message {
    /// Makes a text message.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Makes a binary message.
    #[must_use]
    pub fn binary(payload: impl Into<Vec<u8>>) -> Self {
        Self::Binary(payload.into())
    }

    /// Returns whether this is a text message.
    #[must_use]
    pub const fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// Returns whether this is a binary message.
    #[must_use]
    pub const fn is_binary(&self) -> bool {
        matches!(self, Self::Binary(_))
    }

    /// Returns the length of the payload in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Returns whether the payload is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// Returns the payload as bytes, of either type.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Binary(payload) => payload,
            Self::Text(text) => text.as_bytes(),
        }
    }

    /// Returns the text, if it is a text message. A binary message is never taken for text, even if
    /// it is valid UTF-8.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Binary(_) => None,
            Self::Text(text) => Some(text),
        }
    }

    /// Returns the text without copying it.
    ///
    /// ```
    /// use framewise::Message;
    ///
    /// fn name(message: Message) -> Option<String> {
    ///     message.into_text().ok()
    /// }
    /// assert_eq!(name(Message::text("Ada")).as_deref(), Some("Ada"));
    /// assert_eq!(name(Message::binary("Ada")), None);
    /// ```
    ///
    /// # Errors
    ///
    /// The message itself, unchanged, when it is a binary one.
    pub fn into_text(self) -> Result<String, Self> {
        match self {
            Self::Binary(_) => Err(self),
            Self::Text(text) => Ok(text),
        }
    }

    /// Returns the payload as bytes, of either type, without copying it.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Binary(payload) => payload,
            Self::Text(text) => text.into_bytes(),
        }
    }
}

macro_rules! message_from {
    ($($variant:ident: $($type:ty),*;)*) => {$($(
        impl From<$type> for Message {
            fn from(payload: $type) -> Self {
                Self::$variant(payload.into())
            }
        }
    )*)*};
}

message_from! {
    Binary: &[u8], Vec<u8>, Box<[u8]>, Cow<'_, [u8]>;
    Text: &str, &String, String, Box<str>, Cow<'_, str>;
}

impl<const N: usize> From<[u8; N]> for Message {
    fn from(payload: [u8; N]) -> Self {
        Self::Binary(payload.into())
    }
}

impl<const N: usize> From<&[u8; N]> for Message {
    fn from(payload: &[u8; N]) -> Self {
        Self::Binary(payload.into())
    }
}

impl From<Message> for Payload<'_> {
    fn from(message: Message) -> Self {
        match message {
            Message::Binary(payload) => payload.into(),
            Message::Text(text) => text.into(),
        }
    }
}

/// Borrows the message: a payload of 4 KiB or more is copied, which sending the message itself avoids.
impl<'a> From<&'a Message> for Payload<'a> {
    #[inline]
    fn from(message: &'a Message) -> Self {
        match message {
            Message::Binary(payload) => payload.into(),
            Message::Text(text) => text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{config::Config, connection::Connection};

    #[test]
    fn a_message_shows_what_it_is() {
        let binary = Message::Binary(vec![1, 2]);
        assert_eq!((binary.as_bytes(), binary.as_text()), (&[1, 2][..], None));
        assert_eq!(Payload::from(binary.clone()).into_message(), binary);
        let text = Message::Text("€".into());
        assert_eq!((text.as_bytes(), text.as_text()), ("€".as_bytes(), Some("€")));
        assert_eq!(Payload::from(text.clone()).into_message(), text);
    }

    #[test]
    fn a_message_is_made_of_what_holds_text_or_bytes() {
        let text = Message::text("ab");
        assert!(text.is_text() && !text.is_binary() && text.len() == 2 && !text.is_empty());
        let owned = String::from("ab");
        for other in [
            Message::from("ab"),
            Message::from(&owned),
            Message::from(owned.clone()),
            Message::from(owned.clone().into_boxed_str()),
            Message::from(Cow::Borrowed("ab")),
            Message::from(Cow::<str>::Owned(owned)),
        ] {
            assert_eq!(other, text);
        }
        assert_eq!(text.clone().into_text().as_deref(), Ok("ab"));
        assert_eq!(text.into_bytes(), b"ab");

        let binary = Message::binary(*b"ab");
        assert!(binary.is_binary() && !binary.is_text() && Message::binary([]).is_empty());
        for other in [
            Message::from(b"ab"),
            Message::from(*b"ab"),
            Message::from(&b"ab"[..]),
            Message::from(vec![b'a', b'b']),
            Message::from(vec![b'a', b'b'].into_boxed_slice()),
            Message::from(Cow::Borrowed(&b"ab"[..])),
        ] {
            assert_eq!(other, binary);
        }
        assert_eq!(binary.clone().into_text(), Err(binary.clone()), "though it is UTF-8");
        assert_eq!(binary.into_bytes(), b"ab");
    }

    #[test]
    fn all_that_holds_text_or_bytes_is_sent() {
        fn sent<'a>(payload: impl Into<Payload<'a>>) -> Vec<u8> {
            let mut connection = Connection::server(Config::default());
            connection.send(payload).expect("it is open");
            connection.output().chunk().into()
        }
        let text = String::from("ab");
        let message = Message::text("ab");
        assert_eq!(sent("ab"), b"\x81\x02ab");
        assert_eq!(sent(&text), sent("ab"));
        assert_eq!(sent(text.clone().into_boxed_str()), sent("ab"));
        assert_eq!(sent(Cow::Borrowed("ab")), sent("ab"));
        assert_eq!(sent(text), sent("ab"));
        assert_eq!(sent(&message), sent("ab"));
        assert_eq!(sent(message), sent("ab"));

        let bytes = vec![1, 2, 3];
        let message = Message::binary([1, 2, 3]);
        assert_eq!(sent([1, 2, 3]), b"\x82\x03\x01\x02\x03");
        assert_eq!(sent(b"\x01\x02\x03"), sent([1, 2, 3]));
        assert_eq!(sent(&bytes), sent([1, 2, 3]));
        assert_eq!(sent(bytes.clone().into_boxed_slice()), sent([1, 2, 3]));
        assert_eq!(sent(Cow::Borrowed(&bytes[..])), sent([1, 2, 3]));
        assert_eq!(sent(bytes), sent([1, 2, 3]));
        assert_eq!(sent(&message), sent([1, 2, 3]));
        assert_eq!(sent(message), sent([1, 2, 3]));
    }
}
