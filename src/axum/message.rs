//! Messages as axum has them: control frames included.

use alloc::{string::String, vec::Vec};
use core::str;

use axum_core::Error;
use bytes::Bytes;

use super::Utf8Bytes;
use crate::{
    frame,
    message::{self, Event},
};

/// A number that says why a connection closes; [`close_code`](super::close_code) has names for some.
pub type CloseCode = u16;

/// The code and the reason of a Close.
///
/// ```
/// use framewise::axum::{CloseFrame, close_code};
///
/// let frame = CloseFrame { code: close_code::AWAY, reason: "we restart".into() };
/// assert_eq!(framewise::CloseFrame::from(frame.clone()).code, framewise::CloseCode::GOING_AWAY);
/// assert_eq!(frame.reason, "we restart");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "the format is fixed by RFC 6455 §5.5.1")]
pub struct CloseFrame {
    /// Why the connection closes. Codes that cannot be sent are refused.
    pub code: CloseCode,
    /// Human-readable reason of at most 123 bytes, for logs.
    pub reason: Utf8Bytes,
}

/// What a [`WebSocket`](super::WebSocket) receives and sends.
///
/// It is made of the [`Message`](crate::Message) of this crate, and of an [`Event`]. `TryFrom` leads back
/// to the former, and hands a control frame back.
///
/// ```
/// use framewise::axum::Message;
///
/// let message = Message::text("Hello");
/// assert_eq!(message.to_text()?, "Hello");
/// assert_eq!(framewise::Message::try_from(message), Ok("Hello".into()));
/// let ping = Message::Ping("still there?".into());
/// assert_eq!(framewise::Message::try_from(ping.clone()), Err(ping));
/// # Ok::<(), axum_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "these are axum's")]
pub enum Message {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A Ping of at most 125 bytes. A received one is answered already.
    Ping(Bytes),
    /// A Pong of at most 125 bytes. One that is sent needs no Ping before it (RFC 6455 §5.5.3).
    Pong(Bytes),
    /// A Close, with `None` if it has no code.
    ///
    /// A received one is answered already, and no message comes after it. After sending one, messages can
    /// still be received, up to the peer's Close; a further message is refused.
    Close(Option<CloseFrame>),
}

impl Message {
    /// Makes a text message.
    pub fn text<S: Into<Utf8Bytes>>(text: S) -> Self {
        Self::Text(text.into())
    }

    /// Makes a binary message.
    pub fn binary<B: Into<Bytes>>(payload: B) -> Self {
        Self::Binary(payload.into())
    }

    /// Returns the payload as bytes, of a Close the reason.
    #[must_use]
    pub fn into_data(self) -> Bytes {
        match self {
            Self::Binary(payload) | Self::Ping(payload) | Self::Pong(payload) => payload,
            Self::Close(None) => Bytes::new(),
            Self::Close(Some(CloseFrame { reason: text, .. })) | Self::Text(text) => text.into(),
        }
    }

    /// Returns the payload as text, of a Close the reason.
    ///
    /// # Errors
    ///
    /// An error with a [`Utf8Error`](core::str::Utf8Error) when the payload is not UTF-8.
    pub fn into_text(self) -> Result<Utf8Bytes, Error> {
        match self {
            Self::Binary(payload) | Self::Ping(payload) | Self::Pong(payload) => {
                payload.try_into().map_err(Error::new)
            }
            Self::Close(None) => Ok(Utf8Bytes::default()),
            Self::Close(Some(CloseFrame { reason: text, .. })) | Self::Text(text) => Ok(text),
        }
    }

    /// Returns the payload as text, of a Close the reason.
    ///
    /// # Errors
    ///
    /// Those of [`into_text`](Self::into_text).
    pub fn to_text(&self) -> Result<&str, Error> {
        match self {
            Self::Binary(payload) | Self::Ping(payload) | Self::Pong(payload) => {
                str::from_utf8(payload).map_err(Error::new)
            }
            Self::Close(None) => Ok(""),
            Self::Close(Some(CloseFrame { reason: text, .. })) | Self::Text(text) => Ok(text),
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<&[u8]> for Message {
    fn from(payload: &[u8]) -> Self {
        Self::Binary(Bytes::copy_from_slice(payload))
    }
}

impl From<Bytes> for Message {
    fn from(payload: Bytes) -> Self {
        Self::Binary(payload)
    }
}

impl From<Vec<u8>> for Message {
    fn from(payload: Vec<u8>) -> Self {
        Self::binary(payload)
    }
}

impl From<Message> for Vec<u8> {
    fn from(message: Message) -> Self {
        message.into_data().into()
    }
}

impl From<message::Message> for Message {
    fn from(message: message::Message) -> Self {
        match message {
            message::Message::Binary(payload) => Self::binary(payload),
            message::Message::Text(text) => Self::text(text),
        }
    }
}

/// Hands a Ping, a Pong and a Close back.
impl TryFrom<Message> for message::Message {
    type Error = Message;

    fn try_from(message: Message) -> Result<Self, Message> {
        match message {
            Message::Binary(payload) => Ok(Self::Binary(payload.into())),
            Message::Text(text) => Ok(Self::Text(text.into_string())),
            control => Err(control),
        }
    }
}

/// Copies what is borrowed. A chunk becomes a message of its own.
impl From<Event<'_>> for Message {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Binary(payload) | Event::BinaryChunk { payload, .. } => {
                Self::binary(payload.into_owned())
            }
            Event::Close(frame) if frame.code == frame::CloseCode::NO_STATUS_RECEIVED => {
                Self::Close(None)
            }
            Event::Close(frame) => Self::Close(Some(frame.into())),
            Event::Ping(payload) => Self::Ping(payload.into_owned().into()),
            Event::Pong(payload) => Self::Pong(payload.into_owned().into()),
            Event::Text(text) | Event::TextChunk { text, .. } => Self::text(text.into_owned()),
        }
    }
}

impl From<frame::CloseFrame> for CloseFrame {
    fn from(frame: frame::CloseFrame) -> Self {
        Self { code: frame.code.get(), reason: frame.reason.into() }
    }
}

impl From<CloseFrame> for frame::CloseFrame {
    fn from(frame: CloseFrame) -> Self {
        Self { code: frame.code.into(), reason: frame.reason.into_string() }
    }
}
