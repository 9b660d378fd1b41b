//! Messages as values.

use serde::Deserialize;

use super::{Event, Message};
use crate::json::{self, JsonError};

impl Message {
    /// Reads a message of either type as JSON. Strings in the value can borrow from the message.
    ///
    #[cfg_attr(not(doctest), doc = include_str!("json_message.md"))]
    ///
    /// # Errors
    ///
    /// A [`JsonError`] when the message is not valid JSON, or does not match the type.
    pub fn json<'de, T: Deserialize<'de>>(&'de self) -> Result<T, JsonError> {
        json::read(self.as_bytes())
    }
}

impl Event<'_> {
    /// Reads a message of either type as JSON. Strings in the value can borrow from the event, and so from the
    /// read buffer.
    ///
    /// A string with escapes cannot be borrowed as a `&str`. A `Cow<str>` takes both, if it is marked with
    /// `#[serde(borrow)]`.
    ///
    #[cfg_attr(not(doctest), doc = include_str!("json_event.md"))]
    ///
    /// # Errors
    ///
    /// A [`JsonError`] when the message is not valid JSON, or does not match the type, and when the event is
    /// not a whole message.
    pub fn json<'de, T: Deserialize<'de>>(&'de self) -> Result<T, JsonError> {
        match self {
            Self::Binary(payload) => json::read(payload),
            Self::Text(text) => json::read(text.as_bytes()),
            _ => Err(JsonError::NotAMessage),
        }
    }
}
