//! Messages as values.

use serde::Deserialize;

use super::{Event, Message};
use crate::json::{self, JsonError};

impl Message {
    /// Reads the message as JSON, of either type. Strings of the value can borrow from the message.
    ///
    #[cfg_attr(not(doctest), doc = include_str!("json_message.md"))]
    ///
    /// # Errors
    ///
    /// A [`JsonError`] for what is no JSON, or of another type.
    pub fn json<'de, T: Deserialize<'de>>(&'de self) -> Result<T, JsonError> {
        json::read(self.as_bytes())
    }
}

impl Event<'_> {
    /// Reads the message as JSON, of either type. Strings of the value can borrow from the event, and so from
    /// the read buffer.
    ///
    /// A string with escapes cannot be borrowed as a `&str`. A `Cow<str>` takes both, if it is marked with
    /// `#[serde(borrow)]`.
    ///
    #[cfg_attr(not(doctest), doc = include_str!("json_event.md"))]
    ///
    /// # Errors
    ///
    /// A [`JsonError`] for what is no JSON, or of another type, and for events that are no whole messages.
    pub fn json<'de, T: Deserialize<'de>>(&'de self) -> Result<T, JsonError> {
        match self {
            Self::Binary(payload) => json::read(payload),
            Self::Text(text) => json::read(text.as_bytes()),
            _ => Err(JsonError::NotAMessage),
        }
    }
}
