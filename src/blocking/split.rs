//! A blocking WebSocket taken apart for two threads.

use alloc::sync::Arc;
use core::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::{
    io::ErrorKind,
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
};

use super::{Stream, WebSocket, io::Io};
use crate::{
    Batch, CloseCode, CloseFrame, Delivery, EndOfStream, Error, Message, Payload, ReceiveHalf,
    State,
    adapter::write_timeout,
    driver::{Goal, Reads as _, ReceiveDriver, SendDriver, Step},
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
    io: Io<S>,
    driver: SendDriver,
}

impl<S: Stream> WebSocket<S> {
    /// Takes the WebSocket apart, so that two threads can read and write at once.
    ///
    /// `stream` is a second handle of the stream, for instance of
    /// [`TcpStream::try_clone`](std::net::TcpStream::try_clone).
    pub fn split(self, stream: S) -> (Reader<S>, Writer<S>) {
        let (receiving, driver) = self.driver.into_split();
        let side = Mutex::new(Side { io: Io::new(stream, self.io.clock), driver });
        let shared = Arc::new(Shared { side, owed: AtomicBool::new(false) });
        (Reader { io: self.io, driver: receiving, shared: Arc::clone(&shared) }, Writer { shared })
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
        Ok(if self.drive()? { Some(self.driver.batch()) } else { None })
    }

    /// Returns the events that are there without reading, none if need be.
    pub fn batch(&mut self) -> Batch<'_, ReceiveHalf> {
        self.driver.batch()
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

    /// Waits for the end of the connection and returns how it ended. Messages that still arrive are
    /// dropped.
    ///
    /// # Errors
    ///
    /// Those of [`WebSocket::fill`].
    pub fn closed(&mut self) -> Result<EndOfStream, Error> {
        while let Some(mut batch) = self.fill()? {
            while batch.next().is_some() {}
        }
        Ok(self.end().unwrap_or(EndOfStream::Torn))
    }

    /// Sets how messages are delivered, from the next one that begins.
    pub fn set_delivery(&mut self, delivery: Delivery) {
        self.driver.receiving_mut().set_delivery(delivery);
    }

    /// Returns how the connection ended, once it has.
    pub fn end(&self) -> Option<EndOfStream> {
        self.driver.receiving().end()
    }

    /// Returns the peer's Close, if it has come.
    pub fn received_close(&self) -> Option<CloseFrame> {
        self.driver.receiving().received_close()
    }

    /// Returns how far the connection is on its way from open to closed.
    pub fn state(&self) -> State {
        self.driver.receiving().state()
    }

    /// Waits until there are events; returns whether there are, and will be.
    fn drive(&mut self) -> Result<bool, Error> {
        let driven = self.drive_until_end();
        if !matches!(driven, Ok(true)) && self.state() == State::Closed {
            // The other half may be in the middle of a write, which ends with this.
            if self.shared.try_side().is_none() {
                let _ = self.io.stream.shutdown_write();
            }
        }
        driven
    }

    fn drive_until_end(&mut self) -> Result<bool, Error> {
        self.driver.resume();
        loop {
            match self.driver.next()? {
                Step::Ready => return Ok(true),
                Step::Ended => return Ok(false),
                Step::Reply => {
                    let now = self.io.clock.now();
                    let deadline = [self.driver.deadline(now), self.io.until];
                    if !self.shared.reply(now, deadline.into_iter().flatten().min())? {
                        self.driver.reply_pending();
                    }
                }
                Step::Read => self.io.read(&mut self.driver)?,
                Step::Wait(_) => {
                    self.driver.resume();
                    self.io.check()?;
                    self.shared.check()?;
                }
                _ => self.driver.time(self.io.clock.now()),
            }
        }
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
        Ok(self.shared.side().driver.sending_mut().send(payload)?)
    }

    /// Queues a Ping with at most 125 octets of payload and writes all that is queued.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.shared.side().driver.sending_mut().ping(payload)?;
        self.flush()
    }

    /// Queues a fragment of a message, the last one with `fin`, and writes all that is queued; see
    /// [`Connection::send_fragment`](crate::Connection::send_fragment).
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub fn send_fragment<'a>(
        &mut self,
        payload: impl Into<Payload<'a>>,
        fin: bool,
    ) -> Result<(), Error> {
        self.shared.side().driver.sending_mut().send_fragment(payload, fin)?;
        self.flush()
    }

    /// Writes all that is queued, and returns when the stream has flushed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] as for [`send`](Self::send).
    pub fn flush(&mut self) -> Result<(), Error> {
        loop {
            self.shared.owed.store(false, Ordering::SeqCst);
            let mut side = self.shared.side();
            let now = side.io.clock.now();
            let patience = write_timeout(side.driver.sending().config());
            let written = side.drive(Goal::Flush, now, patience.map(|patience| now + patience))?;
            if !written {
                side.io.check()?;
                // Of a stream that knows timeouts.
                return Err(Error::Io(ErrorKind::TimedOut.into()));
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
        self.shared.side().driver.sending_mut().close(code, reason)?;
        self.flush()
    }

    /// Returns how far the connection is on its way from open to closed.
    pub fn state(&self) -> State {
        self.shared.side().driver.sending().state()
    }
}

impl<S: Stream> Shared<S> {
    /// Writes what the sending half owes, at most until `deadline`, or leaves it to the other thread
    /// when that is writing. Returns whether that is done.
    fn reply(&self, now: Instant, deadline: Option<Instant>) -> Result<bool, Error> {
        self.owed.store(true, Ordering::SeqCst);
        let Some(mut side) = self.try_side() else { return Ok(false) };
        self.owed.store(false, Ordering::SeqCst);
        side.drive(Goal::Events, now, deadline)
    }

    /// Returns an error when the stream says that it cannot be written to now.
    fn check(&self) -> Result<(), Error> {
        self.try_side().map_or(Ok(()), |mut side| side.io.check())
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
    /// Writes until `goal` is reached (`true`), or the stream takes nothing until `deadline`.
    fn drive(
        &mut self,
        goal: Goal,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Result<bool, Error> {
        self.driver.resume();
        loop {
            match self.driver.next(goal)? {
                Step::Ready => return Ok(true),
                Step::Wait(_) => return Ok(false),
                step => self.io.write(&mut self.driver, step, now, deadline)?,
            }
        }
    }
}

impl<S> fmt::Debug for Reader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("driver", &self.driver).finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for Writer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}
