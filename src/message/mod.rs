//! Messages (RFC 6455 §5.4, §5.6): what an application receives and sends.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub(crate) mod assembly;
mod event;
mod payload;
#[cfg(feature = "deflate")]
mod prepared;
mod send_error;

use alloc::{string::String, vec::Vec};

pub(crate) use self::payload::Content;
#[cfg(feature = "deflate")]
pub use self::prepared::PreparedMessage;
pub use self::{
    event::Event,
    payload::{Binary, Payload, Text},
    send_error::{SendError, SendErrorKind},
};

/// A received message that owns its payload.
///
/// ```
/// use framewise::Message;
///
/// let message = Message::Text("Hello".into());
/// assert_eq!(message.as_bytes(), b"Hello");
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
    /// Returns the octets of the message.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Binary(payload) => payload,
            Self::Text(text) => text.as_bytes(),
        }
    }

    /// Returns the text, if it is a text message.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Binary(_) => None,
            Self::Text(text) => Some(text),
        }
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

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::{Message, Payload};

    #[test]
    fn a_message_shows_what_it_is() {
        let binary = Message::Binary(vec![1, 2]);
        assert_eq!((binary.as_bytes(), binary.as_text()), (&[1, 2][..], None));
        assert_eq!(Payload::from(binary.clone()).into_message(), binary);
        let text = Message::Text("€".into());
        assert_eq!((text.as_bytes(), text.as_text()), ("€".as_bytes(), Some("€")));
        assert_eq!(Payload::from(text.clone()).into_message(), text);
    }
}
