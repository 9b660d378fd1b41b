//! WebSocket over the TCP streams of compio: `io_uring`, or what else the system has.
//!
//! The kernel owns a buffer while it reads into it or writes it. What is in flight is kept with the
//! stream, not in the futures of the methods: dropping one of those loses nothing.

use std::{
    future::{Future, poll_fn},
    io::{self, ErrorKind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time,
};

use compio::{
    BufResult,
    buf::IoVectoredBuf,
    io::{AsyncRead as _, AsyncWrite as _},
    net::TcpStream,
    time::sleep_until,
};
use framewise::{
    Batch, CloseCode, Config, Connection, EndOfStream, Error, Message, Output, Payload, State,
    driver::{Driver, Goal, HandshakeDriver, Reads, Step, Unread, Writes},
    handshake::{Acceptance, ClientRequest, HandshakeError, Rejection, Response, Upgrade},
    time::Instant,
};

/// A stream, what is in flight on it, and a clock: all that a driver asks for.
struct Io {
    stream: TcpStream,
    reading: Option<InFlight<BufResult<usize, Vec<u8>>>>,
    writing: Option<InFlight<Written>>,
    origin: time::Instant,
    /// A sleep, and what it is set to.
    alarm: Option<(Instant, InFlight<()>)>,
}

type InFlight<T> = Pin<Box<dyn Future<Output = T>>>;

/// What has been done with the write side.
enum Written {
    Output(BufResult<usize, Chunks>),
    ShutDown,
}

/// Output while the kernel owns it.
struct Chunks(Output);

impl IoVectoredBuf for Chunks {
    fn iter_slice(&self) -> impl Iterator<Item = &[u8]> {
        self.0.chunks().take(MAX_CHUNKS)
    }
}

impl Io {
    fn new(stream: TcpStream) -> Self {
        let origin = time::Instant::now();
        Self { stream, reading: None, writing: None, origin, alarm: None }
    }

    /// Does what `next` says until that is ready (`true`) or has ended (`false`).
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
        loop {
            // Also starts what was put in flight in the last round.
            self.poll_in_flight(driver, cx)?;
            let mut stream = self.stream.clone();
            match next(driver)? {
                Step::Ready => return Poll::Ready(Ok(true)),
                Step::Ended => return Poll::Ready(Ok(false)),
                Step::Read => {
                    let buf = driver.take_buffer();
                    self.reading = Some(Box::pin(async move { stream.read(buf).await }));
                    driver.read_pending();
                }
                Step::Write => {
                    let output = Chunks(driver.take_output());
                    let written = async move { stream.write_vectored(output).await };
                    self.writing = Some(Box::pin(async { Written::Output(written.await) }));
                }
                Step::Flush => driver.flushed(),
                Step::ShutDown => {
                    self.writing = Some(Box::pin(async move {
                        let _ = stream.shutdown().await; // fails when the peer was faster
                        Written::ShutDown
                    }));
                    driver.write_pending();
                }
                Step::Time => driver.time(self.now()),
                Step::Wait(deadline) => {
                    ready!(self.poll_alarm(deadline, cx));
                    driver.time(self.now());
                }
                step => unreachable!("{step:?} is for the halves of a connection"),
            }
        }
    }

    /// Gives back to the driver what the kernel is done with.
    fn poll_in_flight<D: Reads + Writes>(
        &mut self,
        driver: &mut D,
        cx: &mut Context<'_>,
    ) -> io::Result<()> {
        if let Some(Poll::Ready(BufResult(result, buf))) = poll_slot(&mut self.reading, cx) {
            driver.readable();
            match result {
                Ok(len) => driver.put_buffer(buf, len),
                Err(error) => driver.read_failed(error, false)?,
            }
        }
        match poll_slot(&mut self.writing, cx) {
            Some(Poll::Ready(Written::Output(BufResult(result, Chunks(mut rest))))) => {
                rest.advance(*result.as_ref().unwrap_or(&0));
                driver.put_output(rest);
                match result {
                    Ok(0) => driver.write_failed(io::Error::from(ErrorKind::WriteZero))?,
                    Ok(_) => {}
                    Err(error) => driver.write_failed(error)?,
                }
            }
            Some(Poll::Ready(Written::ShutDown)) => driver.shut_down(),
            Some(Poll::Pending) | None => {}
        }
        Ok(())
    }

    /// Waits for the deadline. The sleep may end early: where a deadline only moves away, as on a
    /// busy connection, it is not started anew.
    fn poll_alarm(&mut self, deadline: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = deadline else { return Poll::Pending };
        if self.alarm.as_ref().is_none_or(|(at, _)| deadline < *at) {
            let until = self.origin + deadline.since_origin();
            self.alarm = Some((deadline, Box::pin(sleep_until(until))));
        }
        if let Some((_, sleep)) = &mut self.alarm {
            ready!(sleep.as_mut().poll(cx));
        }
        self.alarm = None;
        Poll::Ready(())
    }

    fn now(&self) -> Instant {
        Instant::from_origin(self.origin.elapsed())
    }
}

/// Polls what is in flight, and takes it out when it is done.
fn poll_slot<T>(slot: &mut Option<InFlight<T>>, cx: &mut Context<'_>) -> Option<Poll<T>> {
    let poll = slot.as_mut()?.as_mut().poll(cx);
    if poll.is_ready() {
        *slot = None;
    }
    Some(poll)
}

/// A valid request to open a connection that awaits the decision.
pub struct Incoming {
    io: Io,
    upgrade: Upgrade,
    config: Arc<Config>,
    unread: Unread,
}

/// Reads a client's opening handshake. One that is not valid, or late, is answered.
pub async fn accept(stream: TcpStream, config: Arc<Config>) -> Result<Incoming, Error> {
    let mut io = Io::new(stream);
    let mut driver = HandshakeDriver::server(Arc::clone(&config));
    io.drive(&mut driver, HandshakeDriver::next).await?;
    let (upgrade, unread) = driver.finish().ok_or(HandshakeError::UnexpectedEof)?;
    Ok(Incoming { io, upgrade, config, unread })
}

impl Incoming {
    /// Returns the request.
    pub fn upgrade(&self) -> &Upgrade {
        &self.upgrade
    }

    /// Accepts the request and sends the 101.
    pub async fn accept(mut self, acceptance: Acceptance) -> Result<WebSocket, Error> {
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
pub async fn client(
    stream: TcpStream,
    request: ClientRequest,
    config: Arc<Config>,
    seed: [u8; 32],
) -> Result<(WebSocket, Response), Error> {
    let mut io = Io::new(stream);
    let mut driver = HandshakeDriver::client(request, config, seed);
    io.drive(&mut driver, HandshakeDriver::next).await?;
    let (driver, response) = driver.into_driver().ok_or(HandshakeError::UnexpectedEof)?;
    Ok((WebSocket { io, driver }, response))
}

async fn refuse(io: &mut Io, rejection: &Rejection, config: &Config) -> Result<(), Error> {
    io.drive(&mut HandshakeDriver::refusal(rejection.to_output(), config), HandshakeDriver::next)
        .await?;
    Ok(())
}

/// A connection over a stream. All its futures are cancel safe.
pub struct WebSocket {
    io: Io,
    driver: Driver,
}

impl WebSocket {
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
