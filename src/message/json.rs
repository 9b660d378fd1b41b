//! Messages as values.

use serde::Deserialize;

use super::{Event, Message};
use crate::json::{self, JsonError};

impl Message {
    /// Reads the message as JSON, of either type. Strings of the value can borrow from the message.
    ///
    /// ```
    /// use framewise::Message;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Trade<'a> {
    ///     symbol: &'a str,
    ///     price: f64,
    /// }
    ///
    /// let message = Message::text(r#"{"symbol": "ABC", "price": 12.5}"#);
    /// let trade: Trade<'_> = message.json()?;
    /// assert_eq!((trade.symbol, trade.price), ("ABC", 12.5));
    /// # Ok::<(), framewise::JsonError>(())
    /// ```
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
    /// ```
    /// use framewise::{Config, Connection, Input};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Said<'a> {
    ///     text: &'a str,
    /// }
    ///
    /// let mut connection = Connection::client(Config::default(), [7; 32]);
    /// let mut bytes = *b"\x81\x10{\"text\":\"Hello\"}";
    /// let mut input = Input::new(&mut bytes);
    /// while let Some(event) = connection.receive(&mut input)? {
    ///     let said: Said<'_> = event.json()?; // nothing is copied
    ///     println!("{}", said.text);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
