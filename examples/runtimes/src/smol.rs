//! WebSocket over the streams of smol, or any other `AsyncRead` and `AsyncWrite` of futures-io.
//!
//! A stream has to shut down its write side when it is closed. `smol::net::TcpStream` does;
//! `Async<TcpStream>` only flushes, and its peer would wait for the end until the close timeout.

use std::{
    future::{Future, poll_fn},
    io::{ErrorKind, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time,
};

use framewise::{
    Batch, CloseCode, Config, Connection, EndOfStream, Error, Message, Output, Payload, State,
    driver::{Driver, Goal, HandshakeDriver, Reads, Step, Unread, Writes},
    handshake::{Acceptance, ClientRequest, HandshakeError, Rejection, Response, Upgrade},
    time::Instant,
};
use futures_io::{AsyncRead, AsyncWrite};
use smol::Timer;

/// A stream and a clock: all that a driver asks for.
struct Io<S> {
    stream: S,
    origin: time::Instant,
    timer: Timer,
    /// What the timer is set to, until it has fired.
    alarm: Option<Instant>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Io<S> {
    fn new(stream: S) -> Self {
        Self { stream, origin: time::Instant::now(), timer: Timer::never(), alarm: None }
    }

    /// Does what `next` says until that is ready (`true`) or has ended (`false`).
    ///
    /// The future may be dropped at any time: all state is in the driver.
    async fn drive<D: Reads + Writes, E>(
        &mut self,
        driver: &mut D,
        mut next: impl FnMut(&mut D) -> Result<Step, E>,
    ) -> Result<bool, Error>
    where
        Error: From<E>,
    {
        poll_fn(|cx| self.poll_drive(driver, cx, &mut next)).await
    }

    fn poll_drive<D: Reads + Writes, E>(
        &mut self,
        driver: &mut D,
        cx: &mut Context<'_>,
        next: &mut impl FnMut(&mut D) -> Result<Step, E>,
    ) -> Poll<Result<bool, Error>>
    where
        Error: From<E>,
    {
        driver.readable();
        driver.writable();
        loop {
            let step = next(driver)?;
            match step {
                Step::Ready => return Poll::Ready(Ok(true)),
                Step::Ended => return Poll::Ready(Ok(false)),
                Step::Read => match Pin::new(&mut self.stream).poll_read(cx, driver.buffer()) {
                    Poll::Pending => driver.read_pending(),
                    Poll::Ready(Ok(len)) => driver.read(len),
                    Poll::Ready(Err(error)) => {
                        let unexpected_eof = error.kind() == ErrorKind::UnexpectedEof;
                        driver.read_failed(error, unexpected_eof)?;
                    }
                },
                Step::Time => driver.time(self.now()),
                Step::Wait(deadline) => {
                    ready!(self.poll_alarm(deadline, cx));
                    driver.time(self.now());
                }
                Step::Write | Step::Flush | Step::ShutDown => self.poll_write(driver, step, cx)?,
                _ => unreachable!("{step:?} is for the halves of a connection"),
            }
        }
    }

    fn poll_write<D: Writes>(
        &mut self,
        driver: &mut D,
        step: Step,
        cx: &mut Context<'_>,
    ) -> Result<(), Error> {
        let stream = Pin::new(&mut self.stream);
        let result = match step {
            Step::Write => poll_write_once(stream, driver.output(), cx)
                .map(|result| result.map(|len| driver.wrote(len))),
            Step::Flush => stream.poll_flush(cx).map(|result| result.map(|()| driver.flushed())),
            // Fails when the peer was faster.
            _ => stream.poll_close(cx).map(|_| {
                driver.shut_down();
                Ok(())
            }),
        };
        match result {
            Poll::Pending => driver.write_pending(),
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => driver.write_failed(error)?,
        }
        Ok(())
    }

    /// Waits for the deadline. The timer may fire early: where a deadline only moves away, as on a
    /// busy connection, it is not set again.
    fn poll_alarm(&mut self, deadline: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = deadline else { return Poll::Pending };
        if self.alarm.is_none_or(|alarm| deadline < alarm) {
            self.timer.set_at(self.origin + deadline.since_origin());
            self.alarm = Some(deadline);
        }
        ready!(Pin::new(&mut self.timer).poll(cx));
        self.alarm = None;
        Poll::Ready(())
    }

    fn now(&self) -> Instant {
        Instant::from_origin(self.origin.elapsed())
    }
}

fn poll_write_once<S: AsyncWrite>(
    stream: Pin<&mut S>,
    output: &Output,
    cx: &mut Context<'_>,
) -> Poll<std::io::Result<usize>> {
    let mut slices = [IoSlice::new(&[]); MAX_CHUNKS];
    let count = output.chunks_vectored(&mut slices);
    match ready!(stream.poll_write_vectored(cx, &slices[..count]))? {
        0 => Poll::Ready(Err(ErrorKind::WriteZero.into())),
        len => Poll::Ready(Ok(len)),
    }
}

/// A valid request to open a connection that awaits the decision.
pub struct Incoming<S> {
    io: Io<S>,
    upgrade: Upgrade,
    config: Arc<Config>,
    unread: Unread,
}

/// Reads a client's opening handshake. One that is not valid, or late, is answered.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    config: Arc<Config>,
) -> Result<Incoming<S>, Error> {
    let mut io = Io::new(stream);
    let mut driver = HandshakeDriver::server(Arc::clone(&config));
    io.drive(&mut driver, HandshakeDriver::next).await?;
    let (upgrade, unread) = driver.finish().ok_or(HandshakeError::UnexpectedEof)?;
    Ok(Incoming { io, upgrade, config, unread })
}

impl<S: AsyncRead + AsyncWrite + Unpin> Incoming<S> {
    /// Returns the request.
    pub fn upgrade(&self) -> &Upgrade {
        &self.upgrade
    }

    /// Accepts the request and sends the 101.
    pub async fn accept(mut self, acceptance: Acceptance) -> Result<WebSocket<S>, Error> {
        match self.upgrade.accept(acceptance) {
            Ok(connection) => {
                let driver = Driver::with_unread(connection, self.unread);
                let mut websocket = WebSocket { io: self.io, driver };
                websocket.flush().await?;
                Ok(websocket)
            }
            Err(error) => {
                if let Ok(rejection) = Rejection::new(500) {
                    let _ = refuse(&mut self.io, &rejection, &self.config).await;
                }
                Err(error.into())
            }
        }
    }

    /// Rejects the request, sends the response, and waits until the client has read it and left.
    pub async fn reject(mut self, rejection: &Rejection) -> Result<(), Error> {
        refuse(&mut self.io, rejection, &self.config).await
    }
}

/// Sends a request and waits for the response. The seed must be unpredictable and used once.
pub async fn client<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: ClientRequest,
    config: Arc<Config>,
    seed: [u8; 32],
) -> Result<(WebSocket<S>, Response), Error> {
    let mut io = Io::new(stream);
    let mut driver = HandshakeDriver::client(request, config, seed);
    io.drive(&mut driver, HandshakeDriver::next).await?;
    let (driver, response) = driver.into_driver().ok_or(HandshakeError::UnexpectedEof)?;
    Ok((WebSocket { io, driver }, response))
}

async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
    io: &mut Io<S>,
    rejection: &Rejection,
    config: &Config,
) -> Result<(), Error> {
    io.drive(&mut HandshakeDriver::refusal(rejection.to_output(), config), HandshakeDriver::next)
        .await?;
    Ok(())
}

/// A connection over a stream. All its futures are cancel safe.
pub struct WebSocket<S> {
    io: Io<S>,
    driver: Driver,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Returns the events of a read, `None` when the connection has ended. Writes what is queued
    /// before it waits.
    pub async fn fill(&mut self) -> Result<Option<Batch<'_>>, Error> {
        Ok(if self.reach(Goal::Events).await? { Some(self.driver.batch()) } else { None })
    }

    /// Returns the next message, `None` when the connection has ended.
    pub async fn read(&mut self) -> Result<Option<Message>, Error> {
        while let Some(mut batch) = self.fill().await? {
            if let Some(message) = batch.next_message() {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Queues a message when there is room, and writes all that is queued.
    pub async fn send<'a>(&mut self, payload: impl Into<Payload<'a>>) -> Result<(), Error> {
        let payload = payload.into();
        self.reach(Goal::Room(payload.as_bytes().len())).await?;
        self.driver.connection_mut().send(payload)?;
        self.flush().await
    }

    /// Writes all that is queued.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.reach(Goal::Flush).await.map(drop)
    }

    /// Sends a Close, unless one was sent, and waits for the end.
    pub async fn close(&mut self, code: CloseCode) -> Result<EndOfStream, Error> {
        if self.connection_mut().state() == State::Open {
            self.connection_mut().close(code, "")?;
        }
        while let Some(mut batch) = self.fill().await? {
            while batch.next().is_some() {}
        }
        Ok(self.driver.end().unwrap_or(EndOfStream::Torn))
    }

    /// Returns the connection, to queue messages or ask for its state.
    pub fn connection_mut(&mut self) -> &mut Connection {
        self.driver.connection_mut()
    }

    async fn reach(&mut self, goal: Goal) -> Result<bool, Error> {
        self.io.drive(&mut self.driver, |driver| driver.next(goal)).await
    }
}

/// How many chunks a vectored write gets at most.
const MAX_CHUNKS: usize = 16;
