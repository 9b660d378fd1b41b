//! A WebSocket as a `Stream` and a `Sink` of messages.

use core::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};

use super::WebSocket;
use crate::{CloseCode, Error, Message, Payload, State, driver::Goal};

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<S> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_read(cx).map(Result::transpose)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> FusedStream for WebSocket<S> {
    fn is_terminated(&self) -> bool {
        self.driver.is_finished()
    }
}

/// Whatever can be sent, can be sent into the sink. Closing it sends a Close with
/// [`CloseCode::NORMAL`] and writes it; the stream then yields what still comes and ends.
impl<S: AsyncRead + AsyncWrite + Unpin, P: Into<Payload<'static>>> Sink<P> for WebSocket<S> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_goal(Goal::Room(0), cx).map_ok(drop)
    }

    fn start_send(self: Pin<&mut Self>, payload: P) -> Result<(), Error> {
        Ok(self.get_mut().connection_mut().send(payload)?)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_goal(Goal::Flush, cx).map_ok(drop)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let websocket = self.get_mut();
        if websocket.connection().state() == State::Open {
            websocket.connection_mut().close(CloseCode::NORMAL, "")?;
        }
        websocket.poll_goal(Goal::Flush, cx).map_ok(drop)
    }
}
