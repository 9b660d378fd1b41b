//! A connection under axum's names.

use core::{
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};
use std::io;

use axum_core::Error;
use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use http::HeaderValue;

use super::{CloseFrame, Message};
use crate::{
    adapter,
    connection::{EndOfStream, State},
    frame::CloseCode,
    hyper::Upgraded,
    message::Payload,
    tokio,
};

/// An open connection: what [`on_upgrade`](super::WebSocketUpgrade::on_upgrade) passes on.
///
/// [`recv`](Self::recv) and the `Stream` return all messages, Pings, Pongs and the peer's Close included.
/// Pings and Closes are answered already: dropping the WebSocket after a Close leaves a clean end.
///
/// [`send`](Self::send) and the `Sink` take all of them. `StreamExt::split` of futures gives a half to each
/// of two tasks.
///
/// Errors are those of axum. Their source is a [`framewise::Error`](crate::Error):
///
/// | | returns |
/// |---|---|
/// | the peer closed, and all was delivered | `None` |
/// | the stream ended without the peer's Close | [`Error::Io`](crate::Error::Io) with [`UnexpectedEof`](io::ErrorKind::UnexpectedEof), then `None` |
/// | the peer broke the protocol or a limit, or fell silent | [`Error::Protocol`](crate::Error::Protocol), [`Error::Timeout`](crate::Error::Timeout), then `None` |
///
/// Dropping it aborts a connection that has not ended: the peer sees no Close.
///
/// ```
/// use framewise::axum::{Message, WebSocket};
///
/// async fn echo(mut socket: WebSocket) {
///     while let Some(Ok(message)) = socket.recv().await {
///         if let Message::Text(_) | Message::Binary(_) = message
///             && socket.send(message).await.is_err()
///         {
///             return; // the client has left
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct WebSocket {
    inner: tokio::WebSocket<Upgraded>,
    protocol: Option<HeaderValue>,
    // The peer's Close, until its answer has been written.
    close: Option<Message>,
    // Set when the end was delivered, or an error.
    ended: bool,
}

impl WebSocket {
    pub(super) const fn new(
        inner: tokio::WebSocket<Upgraded>,
        protocol: Option<HeaderValue>,
    ) -> Self {
        Self { inner, protocol, close: None, ended: false }
    }

    /// Returns the next message, `None` when the connection has ended. Cancel safe.
    ///
    /// # Errors
    ///
    /// Those in the table of [`WebSocket`]. `None` comes after an error.
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        core::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Sends a message, and returns when the stream has flushed.
    ///
    /// While the peer takes nothing, up to 64 KiB are read ahead, so that two echoing peers cannot deadlock.
    ///
    /// # Errors
    ///
    /// An error with [`Error::Send`](crate::Error::Send) when the message is refused: the connection is
    /// closing, a Ping is longer than 125 bytes, a close code cannot be sent. [`Error::Io`](crate::Error::Io)
    /// when the stream fails.
    pub async fn send(&mut self, message: Message) -> Result<(), Error> {
        let sent = match message {
            Message::Text(_) | Message::Binary(_) => match payload(message) {
                Ok(payload) => self.inner.send(payload).await,
                Err(control) => self.queue_control(control),
            },
            control => match self.queue_control(control) {
                Ok(()) => self.inner.flush().await,
                refused => refused,
            },
        };
        sent.map_err(Error::new)
    }

    /// Returns the subprotocol that was selected.
    #[must_use]
    pub const fn protocol(&self) -> Option<&HeaderValue> {
        self.protocol.as_ref()
    }

    /// Returns the WebSocket behind axum's names, to ask for its state.
    #[must_use]
    pub const fn inner(&self) -> &tokio::WebSocket<Upgraded> {
        &self.inner
    }

    /// Returns the WebSocket behind axum's names, for borrowed events and much more.
    ///
    /// ```
    /// use framewise::{Event, axum::WebSocket};
    ///
    /// async fn echo(socket: WebSocket) -> Result<(), framewise::Error> {
    ///     let mut socket = socket.into_inner();
    ///     while let Some(mut batch) = socket.fill().await? {
    ///         while let Some(event) = batch.next() {
    ///             match event {
    ///                 Event::Text(text) => batch.send(text)?,
    ///                 Event::Binary(payload) => batch.send(payload)?,
    ///                 _ => {}
    ///             }
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn into_inner(self) -> tokio::WebSocket<Upgraded> {
        self.inner
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        loop {
            let readable = pin!(self.inner.readable()).poll(cx);
            if self.close.is_some() {
                // The program may drop the connection when it gets the Close, so the answer is written first.
                if readable.is_pending() && self.inner.connection().has_output() {
                    return Poll::Pending;
                }
                return Poll::Ready(self.close.take().map(Ok));
            }
            match ready!(readable) {
                Ok(true) => {}
                Ok(false) => return Poll::Ready(self.end().map(Err)),
                Err(error) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(Error::new(error))));
                }
            }
            let mut batch = self.inner.batch();
            match batch.next().map(Message::from) {
                Some(close @ Message::Close(_)) => {
                    // What follows a Close would be looked at before the answer is written.
                    while batch.next().is_some() {}
                    self.close = Some(close);
                }
                Some(message) => return Poll::Ready(Some(Ok(message))),
                None => {}
            }
        }
    }

    /// Returns what is wrong with how the connection has ended.
    fn end(&mut self) -> Option<Error> {
        self.ended = true;
        match self.inner.end() {
            _ if self.inner.received_close().is_some() => None,
            None | Some(EndOfStream::Clean) => None,
            Some(EndOfStream::Incomplete | EndOfStream::Lost) => {
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, NO_CLOSE);
                Some(Error::new(adapter::Error::Io(error)))
            }
        }
    }

    /// Queues a Ping, a Pong or a Close.
    fn queue_control(&mut self, message: Message) -> Result<(), adapter::Error> {
        let connection = self.inner.connection_mut();
        match message {
            Message::Ping(payload) => connection.ping(payload),
            Message::Pong(payload) => connection.pong(payload),
            Message::Close(None) => connection.close(None, ""),
            Message::Close(Some(CloseFrame { code, reason })) => connection.close(code, &reason),
            Message::Binary(_) | Message::Text(_) => Ok(()),
        }?;
        Ok(())
    }

    /// Returns the sink below.
    fn sink(self: Pin<&mut Self>) -> Pin<&mut impl Sink<Payload<'static>, Error = adapter::Error>> {
        Pin::new(&mut self.get_mut().inner)
    }
}

impl Stream for WebSocket {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_recv(cx)
    }
}

impl FusedStream for WebSocket {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

/// Closing the sink sends a Close without a code, unless one was sent. Messages that still arrive can be
/// received, up to the end.
impl Sink<Message> for WebSocket {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.sink().poll_ready(cx).map_err(Error::new)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        let sent = match payload(message) {
            Ok(payload) => self.sink().start_send(payload),
            Err(control) => self.queue_control(control),
        };
        sent.map_err(Error::new)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.sink().poll_flush(cx).map_err(Error::new)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.inner.state() == State::Open {
            let closed = self.inner.connection_mut().close(CloseCode::NO_STATUS_RECEIVED, "");
            closed.map_err(|refused| Error::new(adapter::Error::from(refused)))?;
        }
        self.poll_flush(cx)
    }
}

/// Returns the payload of a data message. Hands a control frame back.
fn payload(message: Message) -> Result<Payload<'static>, Message> {
    match message {
        Message::Binary(payload) => Ok(payload.into()),
        Message::Text(text) => Ok(text.into_text().into()),
        control => Err(control),
    }
}

const NO_CLOSE: &str = "the stream ended without a Close of the client";
