//! The events in what was read.

use alloc::vec::Vec;
use core::fmt;

use super::inbox::{Inbox, Receive};
#[cfg(feature = "std")]
use crate::connection::ReceiveHalf;
use crate::{
    config::Delivery,
    connection::Connection,
    error::ProtocolError,
    frame::CloseCode,
    input::Input,
    message::{Binary, Event, Message, Payload, SendError, Text},
};

/// The events in what was read, borrowed from the read buffer.
///
/// Made by [`Driver::batch`](crate::driver::Driver::batch) and the `fill` methods of the adapters. An event
/// may be kept while the next one is taken and while messages are sent. Dropping a batch early loses nothing:
/// the next `fill` goes on from there. The `fill` after the last event, or `flush`, writes all queued messages
/// together.
///
/// A failure of the peer ends the batch; the next `fill` tells the peer and returns the error.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use framewise::{Config, Connection, Event, blocking::{Plain, WebSocket}};
///
/// # use std::io::{self, Read, Write};
/// # #[derive(Debug)] struct Stream(&'static [u8], Vec<u8>);
/// # impl Read for Stream { fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> { self.0.read(buf) } }
/// # impl Write for Stream {
/// #     fn write(&mut self, buf: &[u8]) -> io::Result<usize> { self.1.write(buf) }
/// #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
/// # }
/// # let stream = Stream(b"\x81\x82\x00\x00\x00\x00hi\x88\x80\x00\x00\x00\x00", Vec::new());
/// let mut websocket = WebSocket::new(Plain(stream), Connection::server(Config::default()));
/// while let Some(mut batch) = websocket.fill()? {
///     while let Some(event) = batch.next() {
///         match event {
///             Event::Text(text) => batch.send(text)?,
///             Event::Binary(payload) => batch.send(payload)?,
///             _ => {}
///         }
///     }
/// }
/// # assert_eq!(websocket.into_inner().0.1, b"\x81\x02hi\x88\x00");
/// # Ok(())
/// # }
/// ```
pub struct Batch<'a, M = Connection> {
    machine: &'a mut M,
    input: Input<'a>,
    unread: &'a mut usize,
    events: &'a mut alloc::collections::VecDeque<Event<'static>>,
    events_len: &'a mut usize,
    failed: &'a mut Option<ProtocolError>,
}

impl<'a, M> Batch<'a, M> {
    #[allow(clippy::indexing_slicing, reason = "what was read lies in the buffer")]
    pub(super) fn new(machine: &'a mut M, inbox: &'a mut Inbox) -> Self {
        let Inbox { buf, end, unread, events, events_len, failed, .. } = inbox;
        let input = Input::new(&mut buf[*end - *unread..*end]);
        // Set again when the batch is dropped. Bytes of one that is forgotten must not be parsed
        // again: they are unmasked.
        *unread = 0;
        Self { machine, input, unread, events, events_len, failed }
    }
}

#[allow(
    clippy::should_implement_trait,
    reason = "an iterator could not lend the connection between two events"
)]
impl<'a> Batch<'a, Connection> {
    /// Returns the next event, `None` when the batch is used up.
    #[inline]
    pub fn next(&mut self) -> Option<Event<'a>> {
        self.next_event()
    }

    /// Queues a message; see [`Connection::send`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::send`].
    #[inline]
    pub fn send<'p>(&mut self, payload: impl Into<Payload<'p>>) -> Result<(), SendError> {
        self.machine.send(payload)
    }

    /// Queues a text message with a value as JSON; see [`Connection::send_json`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::send_json`].
    #[cfg(feature = "json")]
    pub fn send_json<T: serde::Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SendError> {
        self.machine.send_json(value)
    }

    /// Queues a text message; see [`Connection::send_text`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::send`].
    #[inline]
    pub fn send_text<'p>(&mut self, text: impl Into<Text<'p>>) -> Result<(), SendError> {
        self.machine.send_text(text)
    }

    /// Queues a binary message; see [`Connection::send_binary`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::send`].
    #[inline]
    pub fn send_binary<'p>(&mut self, payload: impl Into<Binary<'p>>) -> Result<(), SendError> {
        self.machine.send_binary(payload)
    }

    /// Queues a fragment of a message; see [`Connection::send_fragment`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::send_fragment`].
    pub fn send_fragment<'p>(
        &mut self,
        payload: impl Into<Payload<'p>>,
        fin: bool,
    ) -> Result<(), SendError> {
        self.machine.send_fragment(payload, fin)
    }

    /// Queues a Ping; see [`Connection::ping`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::ping`].
    pub fn ping(&mut self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.machine.ping(payload)
    }

    /// Queues a Pong that no Ping asked for; see [`Connection::pong`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::ping`].
    pub fn pong(&mut self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.machine.pong(payload)
    }

    /// Queues a Close and so begins the closing handshake; see [`Connection::close`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::close`].
    pub fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<(), SendError> {
        self.machine.close(code, reason)
    }

    /// Returns whether the output has room for a message of `len` bytes; see
    /// [`Connection::has_room`].
    pub fn has_room(&self, len: usize) -> bool {
        self.machine.has_room(len)
    }

    /// Sets how messages are delivered, from the next one that begins.
    pub fn set_delivery(&mut self, delivery: Delivery) {
        self.machine.set_delivery(delivery);
    }

    state_methods!(.cloned());

    fn ask<T>(&self, ask: impl FnOnce(&Connection) -> T) -> T {
        ask(self.machine)
    }

    /// Returns the connection, to ask for its state.
    #[inline]
    pub fn connection(&self) -> &Connection {
        self.machine
    }

    /// Returns the connection, to answer.
    #[inline]
    pub fn connection_mut(&mut self) -> &mut Connection {
        self.machine
    }
}

#[cfg(feature = "std")]
#[allow(clippy::should_implement_trait, reason = "the same as of a whole connection")]
impl<'a> Batch<'a, ReceiveHalf> {
    /// Returns the next event, `None` when the batch is used up.
    #[inline]
    pub fn next(&mut self) -> Option<Event<'a>> {
        self.next_event()
    }

    /// Sets how messages are delivered, from the next one that begins.
    pub fn set_delivery(&mut self, delivery: Delivery) {
        self.machine.set_delivery(delivery);
    }

    state_methods!();

    fn ask<T>(&self, ask: impl FnOnce(&ReceiveHalf) -> T) -> T {
        ask(self.machine)
    }

    /// Returns the receiving half, to ask for its state.
    #[inline]
    pub fn receiving(&self) -> &ReceiveHalf {
        self.machine
    }
}

#[allow(private_bounds, reason = "connections and their receiving halves")]
impl<'a, M: Receive> Batch<'a, M> {
    #[inline]
    fn next_event(&mut self) -> Option<Event<'a>> {
        if let Some(event) = self.events.pop_front() {
            *self.events_len -= event.payload_len();
            self.machine.take_aside();
            return Some(event);
        }
        match self.machine.receive(&mut self.input) {
            Ok(event) => event,
            Err(error) => {
                self.failed.get_or_insert(error);
                None
            }
        }
    }

    /// Returns the next message, and drops the Pings, Pongs and Closes in front of it.
    ///
    /// With [`Delivery::Chunks`](crate::Delivery::Chunks) each chunk is returned like a message.
    pub fn next_message(&mut self) -> Option<Message> {
        loop {
            match self.next_event()? {
                Event::Binary(payload) | Event::BinaryChunk { payload, .. } => {
                    return Some(Message::Binary(payload.into_owned()));
                }
                Event::Text(text) | Event::TextChunk { text, .. } => {
                    return Some(Message::Text(text.into_owned()));
                }
                Event::Close(_) | Event::Ping(_) | Event::Pong(_) => {}
            }
        }
    }
}

impl<M> Drop for Batch<'_, M> {
    fn drop(&mut self) {
        *self.unread = self.input.len();
    }
}

impl<M> fmt::Debug for Batch<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting: Vec<_> = self.events.iter().collect();
        f.debug_struct("Batch")
            .field("waiting", &waiting)
            .field("unread", &self.input.len())
            .finish_non_exhaustive()
    }
}
