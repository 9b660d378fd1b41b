//! A WebSocket as a `Stream` and a `Sink` of messages.

use core::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};

use super::WebSocket;
use crate::{
    CloseCode, Error, Message, Payload, State,
    driver::{Goal, TaskSide as Side},
};

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Polls for one of two tasks that may hold the `Stream` and the `Sink`.
    fn poll_side<T>(
        &mut self,
        side: Side,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Self, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.io.moved = false;
        let result = match self.sharers.combined(side, cx) {
            Some(waker) => poll(self, &mut Context::from_waker(&waker)),
            None => poll(self, cx),
        };
        self.sharers.polled(side, cx, &result, self.io.moved);
        result
    }

    fn poll_write(&mut self, goal: Goal, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let poll = self.poll_side(Side::Writer, cx, |websocket, cx| websocket.poll_goal(goal, cx));
        poll.map_ok(drop)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<S> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_side(Side::Reader, cx, Self::poll_read).map(Result::transpose)
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
        self.get_mut().poll_write(Goal::Room(0), cx)
    }

    fn start_send(self: Pin<&mut Self>, payload: P) -> Result<(), Error> {
        Ok(self.get_mut().connection_mut().send(payload)?)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_write(Goal::Flush, cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let websocket = self.get_mut();
        if websocket.connection().state() == State::Open {
            websocket.connection_mut().close(CloseCode::NORMAL, "")?;
        }
        websocket.poll_write(Goal::Flush, cx)
    }
}
