//! A blocking WebSocket taken apart for two threads.

use alloc::sync::Arc;
use core::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::{
    io::{self, ErrorKind},
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
    time::Instant,
};

use super::{MIN_TIMEOUT, Stream, WebSocket, is_retry, read, write_all, write_once};
use crate::{
    CloseCode, CloseFrame, Delivery, EndOfStream, Message, Payload, ReceiveHalf, SendHalf, State,
    Timeout, Transport,
    adapter::{self, Batch, Clock, Error, Inbox},
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
    stream: S,
    receiving: ReceiveHalf,
    inbox: Inbox,
    clock: Clock,
    read_timeout: Option<Duration>,
    timeout: Option<Timeout>,
    // When the stream had ended, and something may have been left to write.
    ended: Option<crate::time::Instant>,
    shared: Arc<Shared<S>>,
}

/// The half of a [`WebSocket`] that writes; see [`Reader`].
///
/// Dropping it changes nothing for the other half; [`close`](Self::close) it to end the connection.
pub struct Writer<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    side: Mutex<Side<S>>,
    // The reading half owes a reply and could not write it, since the other half was writing or the
    // stream took nothing.
    owed: AtomicBool,
}

struct Side<S> {
    stream: S,
    sending: SendHalf,
    // The write side was shut down, or failed.
    over: bool,
    // It failed: whoever writes is told, though it may have happened to the reader.
    failed: bool,
}

impl<S: Stream> WebSocket<S> {
    /// Takes the WebSocket apart, so that two threads can read and write at once.
    ///
    /// `stream` is a second handle of the stream, for instance of
    /// [`TcpStream::try_clone`](std::net::TcpStream::try_clone).
    pub fn split(self, stream: S) -> (Reader<S>, Writer<S>) {
        let (receiving, sending) = self.connection.split();
        let side =
            Mutex::new(Side { stream, sending, over: self.write_over, failed: self.write_failed });
        let shared = Arc::new(Shared { side, owed: AtomicBool::new(false) });
        let reader = Reader {
            stream: self.stream,
            receiving,
            inbox: self.inbox,
            clock: self.clock,
            read_timeout: self.read_timeout,
            timeout: self.timeout,
            ended: None,
            shared: Arc::clone(&shared),
        };
        (reader, Writer { shared })
    }
}

impl<S: Stream> Reader<S> {
    /// Waits for input; returns the events in it, `None` when the connection has ended. See
    /// [`WebSocket::fill`].
    ///
    /// # Errors
    ///
    /// Those of [`WebSocket::fill`].
    pub fn fill(&mut self) -> Result<Option<Batch<'_, ReceiveHalf>>, Error> {
        while !self.inbox.has_input() {
            if !self.step()? {
                return adapter::finish(&mut self.inbox, &mut self.timeout).map(|()| None);
            }
        }
        Ok(Some(Batch::new(&mut self.receiving, &mut self.inbox)))
    }

    /// Returns the next message, `None` when the connection has ended. See [`WebSocket::read`].
    ///
    /// # Errors
    ///
    /// Those of [`WebSocket::fill`].
    pub fn read(&mut self) -> Result<Option<Message>, Error> {
        while let Some(mut batch) = self.fill()? {
            if let Some(message) = batch.next_message() {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Sets how messages are delivered, from the next one that begins.
    pub fn set_delivery(&mut self, delivery: Delivery) {
        self.receiving.set_delivery(delivery);
    }

    /// Returns how the connection ended, once it has.
    pub fn end(&self) -> Option<EndOfStream> {
        self.receiving.end()
    }

    /// Returns the peer's Close, if it has come.
    pub fn received_close(&self) -> Option<CloseFrame> {
        self.receiving.received_close()
    }

    /// Returns how far the connection is on its way from open to closed.
    pub fn state(&self) -> State {
        self.receiving.state()
    }

    /// Writes what is owed, then reads once; returns whether there may be more to come.
    fn step(&mut self) -> Result<bool, Error> {
        if self.receiving.has_received() {
            // It is parsed by now: a Pong in it is not late.
            self.pass_time();
        }
        let closing = self.receiving.state() != State::Open;
        let owed = self.receiving.owes_reply() || self.shared.owed.load(Ordering::SeqCst);
        if closing || owed {
            let patience = if closing { Some(self.patience()) } else { None };
            self.shared.write_replies(patience)?;
        }
        match self.receiving.transport() {
            Transport::Open | Transport::ShutDownWrite => {}
            Transport::Close => {
                match self.shared.try_side() {
                    Some(mut side) => side.shutdown(),
                    // The other half is in the middle of a write, which ends with this.
                    None => drop(self.stream.shutdown_write()),
                }
                return Ok(false);
            }
        }
        self.arm()?;
        match read(&mut self.stream, &mut self.inbox) {
            Err(error) if is_retry(&error) && self.read_timeout.is_some() => {}
            Err(error) if is_retry(&error) => return Err(error.into()),
            result => adapter::received(result, &mut self.receiving, &mut self.inbox)?,
        }
        if !self.inbox.has_input() {
            self.pass_time();
        }
        Ok(true)
    }

    fn pass_time(&mut self) {
        if let Some(timeout) = self.receiving.handle_timeout(self.clock.now()) {
            self.timeout.get_or_insert(timeout);
        }
    }

    /// Returns for how long a connection that is closing may still be written to.
    fn patience(&mut self) -> Option<Duration> {
        let now = self.clock.now();
        let deadline = self.receiving.poll_timeout(now).or_else(|| {
            // No timer runs behind the end of the stream: what is left then has as long from now.
            let ended = *self.ended.get_or_insert(now);
            Some(ended + self.receiving.config().close_timeout?)
        });
        deadline.map(|deadline| deadline - now)
    }

    /// Limits the next read to the time until the next deadline.
    fn arm(&mut self) -> io::Result<()> {
        let now = self.clock.now();
        let deadline = self.receiving.poll_timeout(now).map(|deadline| deadline - now);
        // Nobody can wake a thread that reads when the other half begins to close; so it looks up
        // once in a while.
        let patience = [deadline, self.receiving.config().close_timeout];
        let timeout = patience.into_iter().flatten().min().map(|time| time.max(MIN_TIMEOUT));
        if timeout != self.read_timeout && self.stream.set_read_timeout(timeout)? {
            self.read_timeout = timeout;
        }
        Ok(())
    }
}

impl<S: Stream> Writer<S> {
    /// Queues a message and writes all that is queued.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] when the message is refused, [`Error::Io`] when the stream fails, or takes
    /// nothing for `ping_interval` and `pong_timeout` ([`WouldBlock`](ErrorKind::WouldBlock) or
    /// [`TimedOut`](ErrorKind::TimedOut)): the message is queued then, and it is [`flush`](Self::flush)
    /// that may be repeated, not this call.
    pub fn send<'a>(&mut self, payload: impl Into<Payload<'a>>) -> Result<(), Error> {
        self.feed(payload)?;
        self.flush()
    }

    /// Queues a message. It is written by the next call that writes.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] when the message is refused.
    pub fn feed<'a>(&mut self, payload: impl Into<Payload<'a>>) -> Result<(), Error> {
        Ok(self.shared.side().sending.send(payload)?)
    }

    /// Queues a Ping with at most 125 octets of payload and writes all that is queued.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.shared.side().sending.ping(payload)?;
        self.flush()
    }

    /// Writes all that is queued.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the stream fails.
    pub fn flush(&mut self) -> Result<(), Error> {
        loop {
            self.shared.owed.store(false, Ordering::SeqCst);
            let mut side = self.shared.side();
            side.write()?;
            if side.sending.transport() == Transport::ShutDownWrite {
                side.shutdown();
            }
            drop(side);
            // A reply that came up while this half was writing is this half's to write.
            if !self.shared.owed.load(Ordering::SeqCst) {
                return Ok(());
            }
        }
    }

    /// Sends a Close and so begins the closing handshake; the [`Reader`] carries it to its end.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] when the code or the reason cannot be sent, or the connection is closing
    /// already; [`Error::Io`] when the stream fails.
    pub fn close(&mut self, code: impl Into<Option<CloseCode>>, reason: &str) -> Result<(), Error> {
        self.shared.side().sending.close(code, reason)?;
        self.flush()
    }

    /// Returns how far the connection is on its way from open to closed.
    pub fn state(&self) -> State {
        self.shared.side().sending.state()
    }
}

impl<S: Stream> Shared<S> {
    /// Writes the replies, or leaves them to the other half when it is writing. On a connection that
    /// is closing, for some time at most.
    ///
    /// What fails here, the reading side learns as well, less what it is not yet time for: a reply is
    /// tried again then, and what is left on a connection that is closing is an error.
    fn write_replies(&self, patience: Option<Option<Duration>>) -> io::Result<()> {
        self.owed.store(true, Ordering::SeqCst);
        let Some(mut side) = self.try_side() else { return Ok(()) };
        self.owed.store(false, Ordering::SeqCst);
        match patience {
            None => {
                let later = side.write().is_err_and(|error| is_retry(&error));
                self.owed.store(later, Ordering::SeqCst);
                Ok(())
            }
            Some(patience) => side.write_last(patience),
        }
    }

    fn try_side(&self) -> Option<MutexGuard<'_, Side<S>>> {
        match self.side.try_lock() {
            Ok(side) => Some(side),
            Err(TryLockError::Poisoned(side)) => Some(side.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn side(&self) -> MutexGuard<'_, Side<S>> {
        // A stream that panics may be in any state, but what it does next is memory safe.
        self.side.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Stream> Side<S> {
    /// Writes what is left, and ends the direction to the peer if that is due.
    ///
    /// A stream that does not keep to the time it is given, and takes nothing now, is an error.
    fn write_last(&mut self, patience: Option<Duration>) -> io::Result<()> {
        let start = Instant::now();
        let mut timed = self.set_patience(patience);
        while !self.over && self.sending.has_output() {
            let left = patience.map(|patience| patience.saturating_sub(start.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(());
            }
            timed = self.set_patience(left);
            match write_once(&mut self.stream, self.sending.output()) {
                Err(error) if is_retry(&error) => return if timed { Ok(()) } else { Err(error) },
                result => {
                    self.over = result.is_err();
                    self.failed = self.over;
                }
            }
        }
        match self.write() {
            Ok(()) if self.sending.transport() == Transport::ShutDownWrite => self.shutdown(),
            Err(error) if is_retry(&error) && !timed => return Err(error),
            Ok(()) | Err(_) => {}
        }
        Ok(())
    }

    /// Limits the next write; returns whether the stream knows that.
    fn set_patience(&self, patience: Option<Duration>) -> bool {
        let timeout = patience.map(|patience| patience.max(MIN_TIMEOUT));
        self.stream.set_write_timeout(timeout).unwrap_or(false)
    }

    fn shutdown(&mut self) {
        if !self.over {
            self.over = true;
            // Fails when the peer was faster.
            let _ = self.stream.shutdown_write();
        }
    }

    fn write(&mut self) -> io::Result<()> {
        if self.over {
            let output = self.sending.output();
            let lost = self.failed || !output.is_empty();
            output.clear();
            return if lost { Err(ErrorKind::BrokenPipe.into()) } else { Ok(()) };
        }
        let mut result = write_all(&mut self.stream, self.sending.output());
        // What was written has made room for the Pong that is owed to a flood of Pings.
        while result.is_ok() && self.sending.has_output() {
            result = write_all(&mut self.stream, self.sending.output());
        }
        self.over = result.as_ref().is_err_and(|error| !is_retry(error));
        self.failed = self.over;
        result
    }
}

impl<S> fmt::Debug for Reader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("receiving", &self.receiving).finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for Writer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}
