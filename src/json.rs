//! JSON, read and written by `serde_json`.

use alloc::vec::Vec;
use core::{error::Error, fmt};
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::error::Category;

/// Why a message cannot be read as a value of the expected type.
///
/// It says where in the document the error is, and never shows what the document holds.
///
/// ```
/// use framewise::{JsonError, Message};
///
/// let message = Message::text("{\"name\": \"Ada\",\n \"age\": \"secret\"}");
/// let error = message.json::<std::collections::HashMap<String, u32>>().unwrap_err();
/// assert_eq!(error, JsonError::Type { line: 1, column: 14 });
/// assert_eq!(error.to_string(), "the JSON does not match the expected type at line 1, column 14");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum JsonError {
    /// The event is not a whole message, but a Ping, a Pong, a Close or a chunk.
    NotAMessage,
    /// The message is not valid JSON (RFC 8259), or not valid UTF-8.
    Syntax {
        /// The line of the error, counted from 1.
        line: usize,
        /// The byte in the line, counted from 1.
        column: usize,
    },
    /// The JSON does not match the expected type: a field is missing, a number is out of range, a string is
    /// where a number should be ...
    Type {
        /// The line of the error, counted from 1.
        line: usize,
        /// The byte in the line, counted from 1.
        column: usize,
    },
    /// The message ends before the JSON does.
    UnexpectedEnd {
        /// The last line, counted from 1.
        line: usize,
        /// The number of bytes in it.
        column: usize,
    },
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, line, column) = match self {
            Self::NotAMessage => return f.write_str("the event is not a whole message"),
            Self::Syntax { line, column } => ("the message is not valid JSON", line, column),
            Self::Type { line, column } => {
                ("the JSON does not match the expected type", line, column)
            }
            Self::UnexpectedEnd { line, column } => ("the JSON ends too early", line, column),
        };
        write!(f, "{text} at line {line}, column {column}")
    }
}

impl Error for JsonError {}

/// Reads a value, which can borrow from the document.
pub(crate) fn read<'de, T: Deserialize<'de>>(document: &'de [u8]) -> Result<T, JsonError> {
    serde_json::from_slice(document).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Data => JsonError::Type { line, column },
            Category::Eof => JsonError::UnexpectedEnd { line, column },
            Category::Io | Category::Syntax => JsonError::Syntax { line, column },
        }
    })
}

/// Appends a value as JSON, `room` bytes at most. Returns the length of the JSON; if that is more than `room`,
/// the rest is missing. `None` if the value cannot be written as JSON.
pub(crate) fn write<T: Serialize + ?Sized>(
    value: &T,
    buf: &mut Vec<u8>,
    room: usize,
) -> Option<usize> {
    let mut place = Place { buf, room, len: 0 };
    serde_json::to_writer(&mut place, value).ok()?;
    Some(place.len)
}

/// A buffer with limited room. Bytes beyond it are counted and dropped.
struct Place<'a> {
    buf: &'a mut Vec<u8>,
    room: usize,
    len: usize,
}

impl io::Write for Place<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.len = self.len.saturating_add(bytes.len());
        if self.len <= self.room {
            self.buf.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
