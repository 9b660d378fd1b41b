//! JSON, read and written by `serde_json`.

use alloc::vec::Vec;
use core::{error::Error, fmt};
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::error::Category;

/// Why a message is not the value that the program asked for.
///
/// It says where in the document, and never what is there.
///
/// ```
/// use framewise::{JsonError, Message};
///
/// let message = Message::text("{\"name\": \"Ada\",\n \"age\": \"secret\"}");
/// let error = message.json::<std::collections::HashMap<String, u32>>().unwrap_err();
/// assert_eq!(error, JsonError::Type { line: 1, column: 14 });
/// assert_eq!(error.to_string(), "the JSON has another type than expected at line 1, column 14");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum JsonError {
    /// The event is no whole message: a Ping, a Pong, a Close or a chunk.
    NotAMessage,
    /// The message is no JSON (RFC 8259), or is no UTF-8.
    Syntax {
        /// The line where it ends to be JSON; the first one is 1.
        line: usize,
        /// The byte in the line; the first one is 1.
        column: usize,
    },
    /// The message is JSON, but not of the type that was asked for: a field is missing, a number is out
    /// of range, a string stands for a number ...
    Type {
        /// The line where that shows; the first one is 1.
        line: usize,
        /// The byte in the line; the first one is 1.
        column: usize,
    },
    /// The message ends before the JSON does.
    UnexpectedEnd {
        /// The last line; the first one is 1.
        line: usize,
        /// The number of bytes in it.
        column: usize,
    },
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, line, column) = match self {
            Self::NotAMessage => return f.write_str("the event is no whole message"),
            Self::Syntax { line, column } => ("the message is no JSON", line, column),
            Self::Type { line, column } => {
                ("the JSON has another type than expected", line, column)
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

/// Appends a value to a buffer, up to `room` bytes. Returns how many bytes it takes: if more, the buffer
/// does not have all of them. `None` if it cannot be written as JSON.
pub(crate) fn write<T: Serialize + ?Sized>(
    value: &T,
    buf: &mut Vec<u8>,
    room: usize,
) -> Option<usize> {
    let mut place = Place { buf, room, len: 0 };
    serde_json::to_writer(&mut place, value).ok()?;
    Some(place.len)
}

/// A place with limited room. What is too much is counted.
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
