//! A connection taken apart into two halves for two tasks or threads.

use alloc::sync::Arc;
use core::{error::Error, fmt, time::Duration};
use std::sync::PoisonError;

use super::{
    Connection, EndOfStream, MessageInfo, State, Timeout, Traffic, Transport,
    closing::Trigger,
    lifecycle::{ControlSink, Lifecycle},
    receiver::Receiver,
    sender::Sender,
    timer::{Activity, Progress},
};
#[cfg(feature = "deflate")]
use crate::deflate::AgreedParameters;
use crate::{
    config::{Config, Delivery},
    error::ProtocolError,
    frame::{CloseCode, CloseFrame, Opcode},
    input::Input,
    message::{Binary, Event, Payload, SendError, Text},
    output::Output,
    role::Role,
    sync::{AtomicBool, Mutex, MutexGuard, Ordering},
    time::Instant,
};

/// The receiving half of a connection.
///
/// Made by [`Connection::into_split`]. Parsing takes no lock. Pings, Closes and failures take one for a
/// moment, because the sending half queues the answers. After each batch, ask
/// [`owes_reply`](Self::owes_reply); if it does, write [`SendHalf::output`]. [`reunite`](Self::reunite)
/// joins the halves again.
///
/// ```
/// use std::sync::Arc;
/// use framewise::{Config, Connection, Event, Input};
///
/// let connection = Connection::server(Arc::new(Config::default()));
/// let (mut receiving, mut sending) = connection.into_split();
///
/// let reader = std::thread::spawn(move || {
///     let mut ping = *b"\x89\x80\x00\x00\x00\x00";
///     let event = receiving.receive(&mut Input::new(&mut ping)).map(|event| event.map(Event::into_owned));
///     assert!(receiving.owes_reply());
///     event
/// });
/// assert_eq!(reader.join().unwrap()?, Some(Event::Ping(b"".into())));
/// assert_eq!(sending.output().chunk(), b"\x8a\x00");
/// # Ok::<(), framewise::ProtocolError>(())
/// ```
pub struct ReceiveHalf {
    receiver: Receiver,
    shared: Arc<Shared>,
}

/// The sending half of a connection.
///
/// Made by [`Connection::into_split`]; see [`ReceiveHalf`].
pub struct SendHalf {
    sender: Sender,
    // Whether a driver publishes what becomes of the output. Without one, nobody knows when output was
    // written, and only its progress is told.
    driven: bool,
    shared: Arc<Shared>,
}

/// What the two halves share.
#[derive(Debug)]
struct Shared {
    lifecycle: Mutex<Lifecycle>,
    role: Role,
    config: Arc<Config>,
    #[cfg(feature = "deflate")]
    deflate: Option<AgreedParameters>,
    // Set while the sending half has output that the transport did not take at once.
    pending: AtomicBool,
    // Whether that was so when the receiving half was last told the time.
    waited: AtomicBool,
    // Set when the transport took some of it, cleared by the receiving half when it is told the time.
    taken: AtomicBool,
    // Set while anything is left to write or to flush, replies aside.
    left: AtomicBool,
    // Set when the write side of the transport was shut down, or has failed.
    write_over: AtomicBool,
    // The marks of both directions; see `Marks`.
    life: AtomicBool,
    message: AtomicBool,
    began: AtomicBool,
    unfinished: AtomicBool,
}

impl Connection {
    /// Splits the connection, so that two tasks or threads can receive and send at once.
    ///
    /// Replies stay automatic: the sending half queues them before its next output.
    /// [`ReceiveHalf::reunite`] joins the halves again.
    pub fn into_split(self) -> (ReceiveHalf, SendHalf) {
        let role = self.role();
        let config = Arc::clone(self.config());
        #[cfg(feature = "deflate")]
        let deflate = self.deflate();
        let (mut receiver, mut sender, lifecycle) = self.into_parts();
        let activity = receiver.take_activity();
        let message = activity.message | sender.take_sent();
        let shared = Arc::new(Shared {
            lifecycle: Mutex::new(lifecycle),
            role,
            config,
            #[cfg(feature = "deflate")]
            deflate,
            pending: AtomicBool::new(false),
            waited: AtomicBool::new(false),
            taken: AtomicBool::new(false),
            left: AtomicBool::new(false),
            write_over: AtomicBool::new(false),
            life: AtomicBool::new(activity.life),
            message: AtomicBool::new(message),
            began: AtomicBool::new(activity.began),
            unfinished: AtomicBool::new(activity.unfinished),
        });
        let receiving = ReceiveHalf { receiver, shared: Arc::clone(&shared) };
        (receiving, SendHalf { sender, driven: false, shared })
    }
}

impl ReceiveHalf {
    /// Takes bytes that were received and returns the next event in them; see
    /// [`Connection::receive`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::receive`].
    #[inline]
    pub fn receive<'buf>(
        &mut self,
        input: &mut Input<'buf>,
    ) -> Result<Option<Event<'buf>>, ProtocolError> {
        let event = match self.receiver.receive_whole(input) {
            Some(message) => Ok(Some(message.into())),
            None => self.receiver.receive(input, &mut &*self.shared),
        };
        self.shared.mark(self.receiver.take_activity());
        event
    }

    /// Reports that the peer's stream has ended; see [`Connection::receive_eof`].
    pub fn receive_eof(&mut self) -> EndOfStream {
        self.receiver.receive_eof();
        let mut lifecycle = self.shared.lifecycle();
        lifecycle.apply(Trigger::EndOfStream);
        lifecycle.end().unwrap_or(EndOfStream::Lost)
    }

    /// Tells the time, and does what is due; see [`Connection::handle_timeout`]. The sending half queues
    /// the frames for it.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Timeout> {
        self.tell(now);
        let due = {
            let mut lifecycle = self.shared.lifecycle();
            let state = self.shared.timed_state(&lifecycle);
            let due = lifecycle.timers.take_due(now, &self.shared.config, state)?;
            lifecycle.handle_due(due);
            due
        };
        self.receiver.note_due(due, now);
        // What this has begun begins now.
        self.tell(now);
        let timeout = due.timeout();
        if !matches!(timeout, None | Some(Timeout::Idle)) {
            self.receiver.receive_eof();
        }
        timeout
    }

    /// Sets how messages are delivered, from the next one that begins.
    pub fn set_delivery(&mut self, delivery: Delivery) {
        self.receiver.set_delivery(delivery);
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout) at the latest, if at all; see
    /// [`Connection::poll_timeout`].
    #[must_use]
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let (lifecycle, config) = (self.shared.lifecycle(), &self.shared.config);
        let state = self.shared.timed_state(&lifecycle);
        if lifecycle.timers.waits_for_time(config, state, self.receiver.has_unfinished()) {
            return Some(now);
        }
        lifecycle.timers.next(config, state).map(|(deadline, _)| deadline)
    }

    /// Records the events since the last call as happening `now`, and does nothing else.
    pub(crate) fn tell(&mut self, now: Instant) {
        self.shared.note(now);
        self.receiver.note_time(now);
    }

    /// Returns whether the sending half has a reply to queue.
    #[must_use]
    pub fn owes_reply(&self) -> bool {
        self.shared.lifecycle().has_replies()
    }

    /// Returns whether the sending half has anything to write or to flush, replies included.
    pub(crate) fn has_left(&self) -> bool {
        let lifecycle = self.shared.lifecycle();
        !lifecycle.gave_up() && (self.shared.left.load(Ordering::SeqCst) || lifecycle.has_replies())
    }

    /// Returns whether the write side of the transport was shut down, or has failed.
    pub(crate) fn write_is_over(&self) -> bool {
        self.shared.write_over.load(Ordering::SeqCst)
    }

    /// Returns how far the connection is on its way from open to closed.
    #[must_use]
    pub fn state(&self) -> State {
        self.shared.lifecycle().state()
    }

    /// Returns what is to be done with the transport once all output is written.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.state().transport(self.shared.role)
    }

    /// Returns how the connection ended, once it is [`Closed`](State::Closed).
    ///
    /// If the close timeout has ended it, this is final only after the sending half's next call: with our
    /// Close still in its output, the end is not [`Clean`](EndOfStream::Clean).
    #[must_use]
    pub fn end(&self) -> Option<EndOfStream> {
        self.shared.lifecycle().end()
    }

    /// Records that the event that was received last is delivered later.
    pub(crate) fn put_aside(&mut self) {
        self.receiver.put_aside();
    }

    /// Records that the first of the events that were put aside is delivered now.
    pub(crate) fn take_aside(&mut self) {
        self.receiver.take_aside();
    }

    /// Returns how much was received. `None` without [`Config::stats`].
    pub fn received(&self) -> Option<Traffic> {
        self.receiver.traffic()
    }

    /// Returns how the last message was received; see [`Connection::message_info`].
    pub fn message_info(&self) -> Option<MessageInfo> {
        self.receiver.message_info()
    }

    /// Returns how long the peer took to answer the last keep-alive Ping; see [`Connection::latency`].
    pub fn latency(&self) -> Option<Duration> {
        self.receiver.latency()
    }

    /// Returns the limits and timers.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.shared.config
    }

    /// Returns what was agreed upon for the compression of messages, if anything was; see
    /// [`Connection::deflate`].
    #[must_use]
    #[cfg(feature = "deflate")]
    pub fn deflate(&self) -> Option<AgreedParameters> {
        self.shared.deflate
    }

    /// Returns the peer's Close, if it has come.
    pub fn received_close(&self) -> Option<CloseFrame> {
        self.shared.lifecycle().received_close().cloned()
    }

    /// Returns the code of the peer's Close; see [`Connection::close_code`].
    pub fn close_code(&self) -> CloseCode {
        self.shared.close_code()
    }

    /// Returns the Close that was sent, if one was.
    pub fn sent_close(&self) -> Option<CloseFrame> {
        self.shared.lifecycle().sent_close().cloned()
    }

    /// Returns the side of the connection that this is.
    pub fn role(&self) -> Role {
        self.shared.role
    }

    /// Joins the halves to the connection again.
    ///
    /// # Errors
    ///
    /// Both halves, when they belong to different connections.
    #[allow(clippy::result_large_err, reason = "the halves themselves come back")]
    pub fn reunite(self, sending: SendHalf) -> Result<Connection, ReuniteError<Self, SendHalf>> {
        if !self.is_pair_of(&sending) {
            return Err(ReuniteError(self, sending));
        }
        let Self { mut receiver, shared } = self;
        drop(shared);
        match Arc::try_unwrap(sending.shared) {
            Ok(shared) => {
                receiver.put_activity(shared.take_activity());
                let lifecycle =
                    shared.lifecycle.into_inner().unwrap_or_else(PoisonError::into_inner);
                Ok(Connection::from_parts(receiver, sending.sender, lifecycle))
            }
            Err(shared) => {
                let receiving = Self { receiver, shared: Arc::clone(&shared) };
                let SendHalf { sender, driven, .. } = sending;
                Err(ReuniteError(receiving, SendHalf { sender, driven, shared }))
            }
        }
    }

    /// Returns whether both halves are of the same connection.
    pub fn is_pair_of(&self, sending: &SendHalf) -> bool {
        Arc::ptr_eq(&self.shared, &sending.shared)
    }
}

impl SendHalf {
    /// Queues a text message; see [`Connection::send_text`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::send`].
    pub fn send_text<'a>(&mut self, text: impl Into<Text<'a>>) -> Result<(), SendError> {
        self.send(text.into())
    }

    /// Queues a binary message; see [`Connection::send_binary`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::send`].
    pub fn send_binary<'a>(&mut self, payload: impl Into<Binary<'a>>) -> Result<(), SendError> {
        self.send(payload.into())
    }

    /// Queues a message of either type; see [`Connection::send`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::send`].
    pub fn send<'a>(&mut self, payload: impl Into<Payload<'a>>) -> Result<(), SendError> {
        self.send_queued(|sender, state| sender.send(payload.into(), state))
    }

    /// Queues a message, behind the replies that are owed.
    pub(super) fn send_queued(
        &mut self,
        queue: impl FnOnce(&mut Sender, State) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let state = self.with_replies_queued(|_, lifecycle| lifecycle.state());
        // Not under the lock: compression takes time, and the other half has to answer.
        let result = queue(&mut self.sender, state);
        self.note_sent();
        result
    }

    /// Queues a fragment of a message; see [`Connection::send_fragment`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::send_fragment`].
    pub fn send_fragment<'a>(
        &mut self,
        payload: impl Into<Payload<'a>>,
        fin: bool,
    ) -> Result<(), SendError> {
        self.send_queued(|sender, state| sender.send_fragment(payload.into(), fin, state))
    }

    /// Queues a Ping; see [`Connection::ping`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::ping`].
    pub fn ping(&mut self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.with_replies_queued(|sender, lifecycle| {
            sender.send_control(Opcode::Ping, payload.as_ref(), lifecycle)
        })
    }

    /// Queues a Pong that no Ping asked for; see [`Connection::pong`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::ping`].
    pub fn pong(&mut self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.with_replies_queued(|sender, lifecycle| {
            sender.send_control(Opcode::Pong, payload.as_ref(), lifecycle)
        })
    }

    /// Queues a Close and so begins the closing handshake; see [`Connection::close`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::close`].
    pub fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<(), SendError> {
        self.with_replies_queued(|sender, lifecycle| sender.close(code.into(), reason, lifecycle))
    }

    /// Returns the bytes to write, pending replies included.
    pub fn output(&mut self) -> &mut Output {
        self.with_replies_queued(|_, _| ());
        self.sender.output()
    }

    /// Returns how much was queued to be sent. `None` without [`Config::stats`].
    pub fn sent(&self) -> Option<Traffic> {
        self.sender.traffic()
    }

    /// Returns whether the output has room for a message of `len` bytes; see
    /// [`Config::max_output`].
    pub fn has_room(&self, len: usize) -> bool {
        self.sender.has_room(len)
    }

    /// Returns whether there is output to write.
    pub fn has_output(&self) -> bool {
        let mut lifecycle = self.shared.lifecycle();
        self.sender.note_dropped(&mut lifecycle);
        self.sender.has_output(&lifecycle)
    }

    /// Returns what was agreed upon for the compression of messages, if anything was; see
    /// [`Connection::deflate`].
    #[must_use]
    #[cfg(feature = "deflate")]
    pub fn deflate(&self) -> Option<AgreedParameters> {
        self.shared.deflate
    }

    /// Returns the limits and timers.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.shared.config
    }

    /// Ends the connection at once, without a Close; see [`Connection::abort`].
    pub fn abort(&mut self) {
        self.shared.lifecycle().give_up();
        self.with_replies_queued(|_, _| ());
    }

    /// Returns the code of the peer's Close; see [`Connection::close_code`].
    pub fn close_code(&self) -> CloseCode {
        self.shared.close_code()
    }

    /// Returns the peer's Close, if it has come.
    pub fn received_close(&self) -> Option<CloseFrame> {
        self.shared.lifecycle().received_close().cloned()
    }

    /// Returns the Close that was sent, if one was.
    pub fn sent_close(&self) -> Option<CloseFrame> {
        self.shared.lifecycle().sent_close().cloned()
    }

    /// Returns how the connection ended, once it is [`Closed`](State::Closed).
    pub fn end(&self) -> Option<EndOfStream> {
        self.shared.lifecycle().end()
    }

    /// Returns the side of the connection that this is.
    pub fn role(&self) -> Role {
        self.shared.role
    }

    /// Returns whether the close timeout, or the program, closed the connection.
    pub(crate) fn gave_up(&self) -> bool {
        self.shared.lifecycle().gave_up()
    }

    /// Frees a large buffer of the output, when nothing is queued.
    pub(crate) fn trim(&mut self) {
        self.sender.output().trim();
    }

    /// Returns the number of bytes that are queued or in flight.
    pub(crate) fn pending_len(&mut self) -> usize {
        self.sender.output().pending_len()
    }

    /// Tells the receiving half what became of the output, whether the transport holds unflushed bytes,
    /// and whether its write side has ended.
    pub(crate) fn publish(&mut self, unflushed: bool, write_over: bool) {
        self.driven = true;
        let output = self.sender.output();
        let pending = output.pending_len() != 0;
        if output.take_advanced() {
            self.shared.taken.store(true, Ordering::SeqCst);
        }
        self.shared.pending.store(pending, Ordering::SeqCst);
        self.shared.left.store(pending || unflushed, Ordering::SeqCst);
        self.shared.write_over.store(write_over, Ordering::SeqCst);
    }

    /// Returns how far the connection is on its way from open to closed.
    #[must_use]
    pub fn state(&self) -> State {
        self.shared.lifecycle().state()
    }

    /// Returns what is to be done with the transport once all output is written.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.state().transport(self.shared.role)
    }

    /// Queues the replies that are owed, then runs `queue`, under one lock.
    fn with_replies_queued<T>(
        &mut self,
        queue: impl FnOnce(&mut Sender, &mut Lifecycle) -> T,
    ) -> T {
        let output = self.sender.output();
        if !self.driven && output.take_advanced() && !output.is_empty() {
            // The peer takes what is pending: it is there.
            self.shared.life.store(true, Ordering::Relaxed);
        }
        let mut lifecycle = self.shared.lifecycle();
        self.sender.queue_replies(&mut lifecycle);
        let result = queue(&mut self.sender, &mut lifecycle);
        // Under the lock: the receiving half sees a reply that is owed or left, and not neither.
        if self.driven && self.sender.output().pending_len() != 0 {
            self.shared.left.store(true, Ordering::SeqCst);
        }
        drop(lifecycle);
        result
    }

    /// Records messages that were queued.
    fn note_sent(&mut self) {
        if self.sender.take_sent() {
            self.shared.message.store(true, Ordering::Relaxed);
        }
        self.note_queued();
    }

    /// Tells the receiving half that something is left to write. It is pending only when the transport
    /// has been offered it.
    fn note_queued(&mut self) {
        if self.driven && self.sender.output().pending_len() != 0 {
            self.shared.left.store(true, Ordering::SeqCst);
        }
    }
}

impl Shared {
    fn lifecycle(&self) -> MutexGuard<'_, Lifecycle> {
        // Nothing panics while it holds the lock, and if it did, the state would be whole.
        self.lifecycle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close_code(&self) -> CloseCode {
        self.lifecycle().received_close().map_or(CloseCode::ABNORMAL, |frame| frame.code)
    }

    fn take_activity(&self) -> Activity {
        Activity {
            life: self.life.swap(false, Ordering::Relaxed),
            message: self.message.swap(false, Ordering::Relaxed),
            began: self.began.swap(false, Ordering::Relaxed),
            unfinished: self.unfinished.load(Ordering::Relaxed),
        }
    }

    /// Returns what the transport did with the output that was pending when the time was last told, and
    /// whether any is pending now.
    fn take_progress(&self) -> (Progress, bool) {
        // First: output that is no longer pending was taken, and that is seen then.
        let pending = self.pending.load(Ordering::SeqCst);
        let waited = self.waited.load(Ordering::SeqCst);
        let taken = self.taken.swap(false, Ordering::SeqCst) && waited;
        (Progress { pending: waited && pending, taken }, pending)
    }

    fn mark(&self, activity: Activity) {
        if activity.life {
            self.life.store(true, Ordering::Relaxed);
        }
        if activity.message {
            self.message.store(true, Ordering::Relaxed);
        }
        if activity.began {
            self.began.store(true, Ordering::Relaxed);
        }
        self.unfinished.store(activity.unfinished, Ordering::Relaxed);
    }

    /// Returns the state that the timers see; see `Connection::timed_state`.
    fn timed_state(&self, lifecycle: &Lifecycle) -> State {
        let left = || self.left.load(Ordering::SeqCst) || lifecycle.has_replies();
        match lifecycle.state() {
            State::Closed if !lifecycle.gave_up() && left() => State::Closing,
            state => state,
        }
    }

    /// Records the events since the last call as happening `now`.
    fn note(&self, now: Instant) {
        let (mut activity, (progress, pending)) = (self.take_activity(), self.take_progress());
        if progress.pending {
            // Only its progress is a sign of life, as for a whole connection.
            activity.life = progress.taken;
        }
        let mut lifecycle = self.lifecycle();
        let state = lifecycle.state();
        lifecycle.timers.note(now, activity, progress, state);
        self.waited.store(pending, Ordering::SeqCst);
    }
}

impl ControlSink for &Shared {
    fn close_received(&mut self, frame: CloseFrame) {
        self.lifecycle().close_received(frame);
    }

    fn failed(&mut self, error: ProtocolError) {
        self.lifecycle().fail(error.close_code(), error.close_reason());
    }

    fn ping_received(&mut self, payload: &[u8]) {
        self.lifecycle().owe_pong(payload);
    }
}

/// The halves belong to different connections. Both come back.
///
/// ```
/// use framewise::{Config, Connection};
///
/// let (receiving, sending) = Connection::server(Config::default()).into_split();
/// let (_, other) = Connection::server(Config::default()).into_split();
/// let error = receiving.reunite(other).unwrap_err();
/// assert_eq!(error.to_string(), "the halves belong to different connections");
/// assert!(error.0.reunite(sending).is_ok());
/// ```
#[allow(clippy::exhaustive_structs, reason = "the halves and nothing else")]
pub struct ReuniteError<R, W>(pub R, pub W);

impl<R, W> fmt::Debug for ReuniteError<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReuniteError").finish_non_exhaustive()
    }
}

impl<R, W> fmt::Display for ReuniteError<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves belong to different connections")
    }
}

impl<R, W> Error for ReuniteError<R, W> {}

impl fmt::Debug for ReceiveHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiveHalf").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

impl fmt::Debug for SendHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendHalf").field("sender", &self.sender).finish_non_exhaustive()
    }
}
