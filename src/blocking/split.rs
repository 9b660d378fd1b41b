//! A blocking WebSocket taken apart for two threads.

use alloc::sync::Arc;
use core::fmt;
use std::io::ErrorKind;

use super::{Stream, WebSocket, io::Io};
use crate::{
    adapter::Error,
    connection::{ReceiveHalf, ReuniteError, SendHalf, Traffic},
    driver::{Goal, Reads as _, ReceiveDriver, Shared, Side, Step, alone, joined},
    frame::CloseCode,
    message::SendError,
    time::Instant,
};

/// The half of a [`WebSocket`] that reads.
///
/// It also answers Pings and Closes (if the other half is just writing, that one does), and runs the
/// timers. So read from it until it ends, whatever the other half does.
///
/// ```no_run
/// use framewise::blocking::WebSocket;
///
/// # fn talk(websocket: WebSocket<std::net::TcpStream>) -> Result<(), framewise::Error> {
/// let clone = websocket.stream().try_clone()?;
/// let (mut reader, mut writer) = websocket.into_split(clone);
/// std::thread::spawn(move || writer.send("Hello"));
/// while let Some(message) = reader.read()? {
///     println!("{message:?}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Reader<S> {
    io: Io<S>,
    driver: ReceiveDriver,
    shared: Arc<Shared<Io<S>>>,
}

/// The half of a [`WebSocket`] that writes; see [`Reader`].
///
/// Dropping it changes nothing for the other half. [`send_close`](Self::send_close) closes the
/// connection; [`abort`](Self::abort) ends it at once.
pub struct Writer<S> {
    shared: Arc<Shared<Io<S>>>,
}

impl<S: Stream> WebSocket<S> {
    /// Splits the WebSocket, so that two threads can read and write at once.
    ///
    /// `stream` is a second handle of the stream, for instance from
    /// [`TcpStream::try_clone`](std::net::TcpStream::try_clone). [`Reader::reunite`] joins the halves
    /// again.
    pub fn into_split(self, stream: S) -> (Reader<S>, Writer<S>) {
        let (driver, sending) = self.driver.into_split();
        let shared = Arc::new(Shared::new(Io::new(stream, self.io.clock), sending));
        (Reader { io: self.io, driver, shared: Arc::clone(&shared) }, Writer { shared })
    }
}

impl<S: Stream> Reader<S> {
    reader_methods!();
    state_methods!();
    reading_methods!(ReceiveHalf);
    blocking_methods!();

    /// Returns the stream that this half reads from.
    pub fn stream(&self) -> &S {
        &self.io.stream
    }

    /// Joins the halves to a WebSocket over the stream of this half. The writer's handle is dropped.
    ///
    /// # Errors
    ///
    /// Both halves, when they belong to different connections.
    #[allow(clippy::result_large_err, reason = "the halves themselves come back")]
    pub fn reunite(self, writer: Writer<S>) -> Result<WebSocket<S>, ReuniteError<Self, Writer<S>>> {
        if !Arc::ptr_eq(&self.shared, &writer.shared) {
            return Err(ReuniteError(self, writer));
        }
        let Self { io, driver, shared } = self;
        drop(shared);
        let sending = alone(writer.shared).into_side().driver;
        Ok(WebSocket::with_driver(io, joined(driver.reunite(sending))))
    }

    /// Waits until there are events; returns whether there are, and will be.
    fn events(&mut self) -> Result<bool, Error> {
        let events = self.drive();
        if !matches!(events, Ok(true)) && self.end().is_some() {
            // The other half may be in the middle of a write, which ends with this.
            if self.shared.peek(|_| ()).is_none() {
                let _ = self.io.stream.shutdown_write();
            }
        }
        events
    }

    fn drive(&mut self) -> Result<bool, Error> {
        self.driver.resume();
        loop {
            match self.driver.next()? {
                Step::Ready => return Ok(true),
                Step::Ended => return Ok(false),
                Step::Reply => {
                    let now = self.io.clock.now();
                    let deadline = self.driver.deadline(now);
                    let reply = |side: &mut _| drive(side, Goal::Events, now, deadline);
                    if !self.shared.try_lock(reply).transpose()?.unwrap_or(false) {
                        self.driver.reply_pending();
                    }
                }
                Step::Read => self.io.read(&mut self.driver)?,
                Step::Wait(_) => {
                    self.driver.resume();
                    self.io.check()?;
                    self.shared.peek(|side| side.stream.check()).transpose()?;
                }
                _ => self.driver.time(self.io.clock.now()),
            }
        }
    }
}

impl<S: Stream> Writer<S> {
    writing_methods!();
    state_methods!();

    /// Runs `run` with the stream that this half writes to. The other half cannot write meanwhile.
    pub fn with_stream<T>(&self, run: impl FnOnce(&S) -> T) -> T {
        self.lock(|side| run(&side.stream.stream))
    }

    /// Ends the connection at once, without a Close. Pending output is dropped, and the write side of the
    /// stream is shut down. The [`Reader`] sees the end when the peer's stream ends, or at its next
    /// deadline.
    pub fn abort(self) {
        self.queue(SendHalf::abort);
        let _ = self.goal(Goal::Events);
    }

    /// Returns how much was queued to be sent. `None` without [`Config::stats`](crate::Config::stats).
    pub fn sent(&self) -> Option<Traffic> {
        self.ask(SendHalf::sent)
    }

    fn begin_close(&self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        self.queue(|sending| sending.close(code, reason))
    }

    fn ask<T>(&self, ask: impl FnOnce(&SendHalf) -> T) -> T {
        self.lock(|side| ask(side.driver.sending()))
    }

    fn queue<T>(&self, queue: impl FnOnce(&mut SendHalf) -> T) -> T {
        self.shared.lock(|side| queue(side.driver.sending_mut())).0
    }

    /// Does something under the lock, then writes the reply that a reader wanted meanwhile.
    fn lock<T>(&self, run: impl FnOnce(&mut Side<Io<S>>) -> T) -> T {
        let (result, wanted) = self.shared.lock(run);
        if wanted {
            // The next method that writes is told if this fails.
            let _ = self.goal(Goal::Events);
        }
        result
    }

    fn goal(&self, goal: Goal) -> Result<(), Error> {
        // A reply that came up while this half was writing is this half's to write.
        loop {
            let (written, wanted) = self.shared.lock(|side| write(side, goal));
            if !wanted || written.is_err() {
                return written;
            }
        }
    }
}

/// Writes until `goal` is reached, as long as the stream takes something now and then.
fn write<S: Stream>(side: &mut Side<Io<S>>, goal: Goal) -> Result<(), Error> {
    let patience = side.driver.patience();
    let (mut progress, mut left) = (side.stream.clock.now(), usize::MAX);
    loop {
        let now = side.stream.clock.now();
        // In slices, so that the other half learns of progress in time.
        if drive(side, goal, now, patience.map(|patience| now + patience / 8))? {
            return Ok(());
        }
        side.stream.check()?;
        let pending = side.driver.pending_len();
        if pending < left {
            (progress, left) = (now, pending);
        } else if patience.is_some_and(|patience| progress + patience <= now) {
            return Err(Error::Io(ErrorKind::TimedOut.into()));
        }
    }
}

/// Writes until `goal` is reached (`true`), or the stream takes nothing until `deadline`.
fn drive<S: Stream>(
    side: &mut Side<Io<S>>,
    goal: Goal,
    now: Instant,
    deadline: Option<Instant>,
) -> Result<bool, Error> {
    side.driver.resume();
    loop {
        match side.driver.next(goal)? {
            Step::Ready => return Ok(true),
            Step::Wait(_) => return Ok(false),
            step => side.stream.write(&mut side.driver, step, now, deadline)?,
        }
    }
}

impl_debug!(Reader driver, Writer);
