//! What a connection tells the application.

use alloc::borrow::Cow;

use crate::frame::CloseFrame;

/// Something that happened on a connection.
///
/// A payload that lies whole in the input borrows from it. One that spans reads or fragments is owned.
///
/// ```
/// use std::sync::Arc;
/// use framewise::{Config, Connection, Event, Input};
///
/// let mut connection = Connection::server(Arc::new(Config::default()));
/// let mut bytes = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
/// let event = connection.receive(&mut Input::new(&mut bytes))?;
/// assert_eq!(event, Some(Event::Text("Hello".into())));
/// # Ok::<(), framewise::ProtocolError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
// A tag of a whole word. One of a byte would share its word with `fin`, and be copied from place to
// place in overlapping halves of that: the processor waits for each of them, and a small message
// takes 11 ns instead of 4.
#[repr(u64)]
pub enum Event<'buf> {
    /// A binary message.
    Binary(Cow<'buf, [u8]>),
    /// A piece of a binary message: only with [`Delivery::Chunks`](crate::Delivery::Chunks).
    BinaryChunk {
        /// The piece, possibly empty.
        payload: Cow<'buf, [u8]>,
        /// Whether the message ends with it.
        fin: bool,
    },
    /// The peer's Close: the last event. It is answered already, unless this endpoint began.
    Close(CloseFrame),
    /// A Ping with its payload of at most 125 bytes. It is answered already.
    Ping(Cow<'buf, [u8]>),
    /// A Pong with its payload of at most 125 bytes.
    Pong(Cow<'buf, [u8]>),
    /// A text message.
    Text(Cow<'buf, str>),
    /// A piece of a text message, never cut inside a code point: only with
    /// [`Delivery::Chunks`](crate::Delivery::Chunks).
    TextChunk {
        /// The piece, possibly empty.
        text: Cow<'buf, str>,
        /// Whether the message ends with it.
        fin: bool,
    },
}

impl Event<'_> {
    /// Copies what is borrowed, so that the event outlives the input.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Self::Binary(payload) => Event::Binary(payload.into_owned().into()),
            Self::BinaryChunk { payload, fin } => {
                Event::BinaryChunk { payload: payload.into_owned().into(), fin }
            }
            Self::Close(frame) => Event::Close(frame),
            Self::Ping(payload) => Event::Ping(payload.into_owned().into()),
            Self::Pong(payload) => Event::Pong(payload.into_owned().into()),
            Self::Text(text) => Event::Text(text.into_owned().into()),
            Self::TextChunk { text, fin } => {
                Event::TextChunk { text: text.into_owned().into(), fin }
            }
        }
    }

    /// Returns how many bytes of payload the event holds.
    pub(crate) fn payload_len(&self) -> usize {
        match self {
            Self::Binary(payload)
            | Self::BinaryChunk { payload, .. }
            | Self::Ping(payload)
            | Self::Pong(payload) => payload.len(),
            Self::Close(frame) => frame.reason.len(),
            Self::Text(text) | Self::TextChunk { text, .. } => text.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::Event;
    use crate::frame::{CloseCode, CloseFrame};

    // What is borrowed from the input and what is not: the same is left of it.
    #[test]
    fn an_event_outlives_its_input_as_it_is() {
        let reason = String::from("bye");
        let events = [
            (Event::Binary(b"ab".into()), 2),
            (Event::BinaryChunk { payload: b"abc".into(), fin: true }, 3),
            (Event::Close(CloseFrame { code: CloseCode::NORMAL, reason }), 3),
            (Event::Ping(b"abcd".into()), 4),
            (Event::Pong(b"abcde".into()), 5),
            (Event::Text("€€".into()), 6),
            (Event::TextChunk { text: "".into(), fin: false }, 0),
        ];
        for (event, len) in events {
            assert_eq!(event.clone().into_owned(), event);
            assert_eq!(event.payload_len(), len);
        }
    }
}
