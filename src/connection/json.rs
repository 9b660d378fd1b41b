//! Values as messages.

use serde::Serialize;

use super::{Connection, SendHalf};
use crate::{json, message::SendError};

impl Connection {
    /// Queues a text message with a value as JSON.
    ///
    /// It is written into the output, without a buffer in between unless it is compressed.
    ///
    #[cfg_attr(not(doctest), doc = include_str!("json.md"))]
    ///
    /// # Errors
    ///
    /// [`Serialize`](crate::SendErrorKind::Serialize) for a value that cannot be written as JSON, and those
    /// of [`send`](Self::send).
    pub fn send_json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SendError> {
        let state = self.lifecycle.state();
        self.sender.send_written(state, |buf, room| json::write(value, buf, room))
    }
}

impl SendHalf {
    /// Queues a text message with a value as JSON; see [`Connection::send_json`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::send_json`].
    pub fn send_json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SendError> {
        self.send_queued(|sender, state| {
            sender.send_written(state, |buf, room| json::write(value, buf, room))
        })
    }
}
