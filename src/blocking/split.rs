//! A blocking WebSocket taken apart for two threads.

use alloc::sync::Arc;
use core::{fmt, time::Duration};
use std::io::ErrorKind;

use super::{Stream, WebSocket, io::Io};
use crate::{
    Batch, CloseCode, CloseFrame, Delivery, EndOfStream, Error, Message, Payload, ReceiveHalf,
    SendHalf, State,
    driver::{Goal, Reads as _, ReceiveDriver, Shared, Side, Step},
    time::Instant,
};

/// The half of a [`WebSocket`] that reads.
///
/// It also writes the answers to Pings and Closes, unless the other half is writing and does it,
/// and drives the timers; so it has to be read from until it ends, whatever the other half does.
///
/// ```no_run
/// use framewise::blocking::WebSocket;
///
/// # fn talk(websocket: WebSocket<std::net::TcpStream>) -> Result<(), framewise::Error> {
/// let clone = websocket.stream().try_clone()?;
/// let (mut reader, mut writer) = websocket.split(clone);
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
/// Dropping it changes nothing for the other half; [`close`](Self::close) it to end the connection.
pub struct Writer<S> {
    shared: Arc<Shared<Io<S>>>,
}

impl<S: Stream> WebSocket<S> {
    /// Takes the WebSocket apart, so that two threads can read and write at once.
    ///
    /// `stream` is a second handle of the stream, for instance of
    /// [`TcpStream::try_clone`](std::net::TcpStream::try_clone).
    pub fn split(self, stream: S) -> (Reader<S>, Writer<S>) {
        let (driver, sending) = self.driver.into_split();
        let shared = Arc::new(Shared::new(Io::new(stream, self.io.clock), sending));
        (Reader { io: self.io, driver, shared: Arc::clone(&shared) }, Writer { shared })
    }
}

impl<S: Stream> Reader<S> {
    reader_methods!();
    reading_methods!(ReceiveHalf);

    /// Waits for a message as [`read`](Self::read) does, but at most for `patience`. See
    /// [`WebSocket::read_timeout`].
    ///
    /// # Errors
    ///
    /// Those of [`WebSocket::read_timeout`].
    pub fn read_timeout(&mut self, patience: Duration) -> Result<Option<Message>, Error> {
        self.io.until(patience);
        let read = self.read();
        self.io.until = None;
        read
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

    /// Sends a Close and so begins the closing handshake; the [`Reader`] carries it to its end.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] when the code or the reason cannot be sent, or the connection is closing
    /// already; [`Error::Io`] when the stream fails.
    pub fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        self.queue(|sending| sending.close(code, reason))?;
        self.flush()
    }

    /// Returns how far the connection is on its way from open to closed.
    pub fn state(&self) -> State {
        self.shared.lock(|side| side.driver.sending().state()).0
    }

    fn queue<T>(&self, queue: impl FnOnce(&mut SendHalf) -> T) -> T {
        self.shared.lock(|side| queue(side.driver.sending_mut())).0
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
