//! An established connection (RFC 6455 §5 to §7).

mod closing;
#[cfg(feature = "json")]
mod json;
mod lifecycle;
mod receiver;
mod sender;
#[cfg(feature = "std")]
mod split;
mod stats;
mod timer;

use alloc::sync::Arc;
use core::time::Duration;

use rand::rngs::StdRng;

#[cfg(feature = "std")]
pub use self::split::{ReceiveHalf, ReuniteError, SendHalf};
use self::{
    closing::Trigger,
    lifecycle::{ControlSink, Lifecycle},
    receiver::Receiver,
    sender::Sender,
    timer::{Activity, Progress},
};
pub use self::{
    closing::{EndOfStream, State, Transport},
    stats::{MessageInfo, Stats, Traffic},
    timer::Timeout,
};
#[cfg(feature = "deflate")]
use crate::deflate::{AgreedParameters, Compressor, DeflateConfig, Inflater};
use crate::{
    config::{Config, Delivery},
    error::ProtocolError,
    frame::{CloseCode, CloseFrame, Opcode},
    input::Input,
    message::{Binary, Event, Payload, SendError, Text},
    output::Output,
    role::Role,
    time::Instant,
};

/// One end of an established WebSocket connection: a pure state machine.
///
/// It is made by the opening [`handshake`](crate::handshake), or with [`server`](Self::server) and
/// [`client`](Self::client) where the handshake was done elsewhere. Its methods come in four kinds:
///
/// - **Getters** take `&self` and change nothing: [`state`](Self::state),
///   [`transport`](Self::transport), [`close_code`](Self::close_code), …
/// - **Input** tells what happened: [`receive`](Self::receive) (bytes came),
///   [`receive_eof`](Self::receive_eof) (the stream ended), [`handle_timeout`](Self::handle_timeout)
///   (it is so late).
/// - **Commands** queue frames: [`send_text`](Self::send_text), [`send_binary`](Self::send_binary),
///   [`send`](Self::send), [`send_fragment`](Self::send_fragment), [`ping`](Self::ping),
///   [`pong`](Self::pong), [`close`](Self::close). They never block, and either succeed wholly or
///   change nothing.
/// - **Output** is for the driver to take: [`output`](Self::output) (bytes to write),
///   [`poll_timeout`](Self::poll_timeout) (when to call `handle_timeout`).
///
/// They may be called in any order. A driver writes the output whenever there is some, and before
/// it waits: Pings and Closes are answered by the machine, and the answers are in the output. See
/// [the guide](crate::manual::embedding) for the whole loop.
///
/// What `receive` returns borrows the input, not the connection, so a program answers while it
/// reads:
///
/// ```
/// use std::sync::Arc;
/// use framewise::{Config, Connection, Event, Input};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut connection = Connection::server(Arc::new(Config::default()));
///
/// let mut buf = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"; // a read from the socket
/// let mut input = Input::new(&mut buf);
/// while let Some(event) = connection.receive(&mut input)? {
///     match event {
///         Event::Text(text) => connection.send_text(text)?,
///         Event::Binary(payload) => connection.send_binary(payload)?,
///         _ => {} // Pings and Closes are answered already
///     }
/// }
/// assert_eq!(connection.output().chunk(), b"\x81\x05Hello"); // a write to the socket
/// # Ok(())
/// # }
/// ```
///
/// [`abort`](Self::abort) ends a connection at once, without a Close. So does dropping it.
#[derive(Debug)]
pub struct Connection {
    receiver: Receiver,
    sender: Sender,
    lifecycle: Lifecycle,
}

impl Connection {
    /// Makes the server's end of a connection whose handshake is done.
    pub fn server(config: impl Into<Arc<Config>>) -> Self {
        let config = config.into();
        let (sender, lifecycle) = (Sender::server(&config), Lifecycle::default());
        Self { receiver: Receiver::new(Role::Server, config), sender, lifecycle }
    }

    /// Makes the client's end of a connection whose handshake is done.
    ///
    /// `seed` starts the generator of masking keys. It must be unpredictable to everybody else, and
    /// used once only (RFC 6455 §10.3). Take it from the operating system, for instance with
    /// `random_seed` (feature `connect`).
    pub fn client(config: impl Into<Arc<Config>>, seed: [u8; 32]) -> Self {
        Self::client_with_keys(config.into(), sender::keys(seed))
    }

    /// Makes the client's end that goes on with the generator of the handshake's nonce.
    pub(crate) fn client_with_keys(config: Arc<Config>, keys: StdRng) -> Self {
        let (sender, lifecycle) = (Sender::client(&config, keys), Lifecycle::default());
        Self { receiver: Receiver::new(Role::Client, config), sender, lifecycle }
    }

    /// Sets the parameters by which messages are compressed and inflated from now on (RFC 7692).
    ///
    /// For a connection whose handshake was done elsewhere; see
    /// [`DeflateConfig`](crate::deflate::DeflateConfig) for how to agree on them. The rest is taken from
    /// [`Config::deflate`], or is the default when that is `None`.
    #[cfg(feature = "deflate")]
    pub fn set_deflate(&mut self, agreed: AgreedParameters) {
        let config = Arc::clone(self.receiver.config());
        match &config.deflate {
            Some(deflate) => self.apply_deflate(agreed, deflate),
            None => self.apply_deflate(agreed, &DeflateConfig::default()),
        }
    }

    /// Compresses and inflates by these parameters, with the rest as in `deflate`.
    #[cfg(feature = "deflate")]
    pub(crate) fn apply_deflate(&mut self, agreed: AgreedParameters, deflate: &DeflateConfig) {
        let (role, config) = (self.role(), self.receiver.config());
        let max_size = deflate
            .max_compressed_size
            .unwrap_or_else(|| config.max_message_size.saturating_mul(2).saturating_add(64 << 10));
        self.sender.set_compressor(Compressor::new(deflate, agreed, role));
        self.receiver.set_inflater(Inflater::new(agreed, role, max_size));
    }

    /// Takes bytes that were received and returns the next event in them.
    ///
    /// Call it until it returns `None`: then all of `input` was taken, and more is needed. What is
    /// kept between calls is an unfinished header, message, control frame or code point. After the
    /// peer's Close, or the end of the stream, input is discarded.
    ///
    /// # Errors
    ///
    /// A [`ProtocolError`] when the peer broke the protocol or exceeded a limit. The connection has
    /// failed then. A Close with a code and a short reason is in the output, unless one was sent before.
    /// Every later call returns the same error (RFC 6455 §7.1.7).
    #[inline]
    pub fn receive<'buf>(
        &mut self,
        input: &mut Input<'buf>,
    ) -> Result<Option<Event<'buf>>, ProtocolError> {
        if let Some(message) = self.receiver.receive_whole(input) {
            return Ok(Some(message.into()));
        }
        // A local copy, so that the caller's `Input` can stay in registers.
        let mut rest = Input::new(input.take(usize::MAX));
        let received = self.receive_any(&mut rest);
        *input = rest;
        received
    }

    /// Receives what is not a message that lies whole in the input.
    #[inline(never)]
    fn receive_any<'buf>(
        &mut self,
        input: &mut Input<'buf>,
    ) -> Result<Option<Event<'buf>>, ProtocolError> {
        let mut joined = Joined { sender: &mut self.sender, lifecycle: &mut self.lifecycle };
        self.receiver.receive(input, &mut joined)
    }

    /// Reports that the peer's stream has ended, or that the transport was lost. Returns how the
    /// connection ended (RFC 6455 §7.1.4).
    ///
    /// What is in the output may still be written, if the transport takes it.
    pub fn receive_eof(&mut self) -> EndOfStream {
        self.receiver.receive_eof();
        self.lifecycle.apply(Trigger::EndOfStream);
        self.lifecycle.end().unwrap_or(EndOfStream::Lost)
    }

    /// Tells the time, and does what is due: queues a keep-alive Ping, begins to close, or ends the
    /// connection.
    ///
    /// Call it after writing and before waiting, and when the deadline of
    /// [`poll_timeout`](Self::poll_timeout) has passed. Events since the last call count as happening
    /// `now`, and output that is left now counts as pending. It is harmless when nothing is due.
    /// Returns the timeout that has ended the connection or begun its end.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Timeout> {
        self.handle_timeout_over(now, Unseen::default())
    }

    /// Tells the time, and does what is due, with what the driver knows of the transport.
    pub(crate) fn handle_timeout_over(&mut self, now: Instant, unseen: Unseen) -> Option<Timeout> {
        self.note(now, unseen, false);
        let state = self.timed_state(unseen);
        let Some(due) = self.lifecycle.timers.take_due(now, self.receiver.config(), state) else {
            self.tell_over(now, unseen);
            return None;
        };
        self.receiver.note_due(due, now);
        self.lifecycle.handle_due(due);
        self.sender.queue_replies(&mut self.lifecycle);
        let timeout = due.timeout();
        if !matches!(timeout, None | Some(Timeout::Idle)) {
            self.receiver.receive_eof();
        }
        // What this has begun begins now.
        self.note(now, unseen, false);
        timeout
    }

    /// Records that the event that was received last is delivered later.
    pub(crate) fn put_aside(&mut self) {
        self.receiver.put_aside();
    }

    /// Records that the first of the events that were put aside is delivered now.
    pub(crate) fn take_aside(&mut self) {
        self.receiver.take_aside();
    }

    /// Records the events since the last call as happening `now`, and does nothing that is due.
    pub(crate) fn tell_over(&mut self, now: Instant, unseen: Unseen) {
        self.note(now, unseen, true);
        self.sender.wait();
    }

    fn note(&mut self, now: Instant, unseen: Unseen, extends: bool) {
        let state = self.lifecycle.state();
        let activity = self.receiver.take_activity();
        let message = activity.message | self.sender.take_sent();
        // A deadline of closing that has passed is kept: progress extends only one that has not.
        let progress = (extends || state == State::Open).then(|| self.sender.take_progress());
        let progress: Progress = progress.unwrap_or_default();
        // While output is pending, only its progress is a sign of life: a peer that only talks would
        // hold it forever, and one that reads slowly and has nothing to say is there.
        let silent = !(activity.life | unseen.not_listening);
        let life = if progress.pending { progress.taken } else { !silent };
        self.lifecycle.timers.note(now, Activity { life, message, ..activity }, progress, state);
        self.receiver.note_time(now);
    }

    /// Sets how messages are delivered, from the next one that begins.
    pub fn set_delivery(&mut self, delivery: Delivery) {
        self.receiver.set_delivery(delivery);
    }

    /// Queues a text message.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    #[inline]
    pub fn send_text<'a>(&mut self, text: impl Into<Text<'a>>) -> Result<(), SendError> {
        self.sender.send_text(text.into(), self.lifecycle.state())
    }

    /// Queues a binary message.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    #[inline]
    pub fn send_binary<'a>(&mut self, payload: impl Into<Binary<'a>>) -> Result<(), SendError> {
        self.sender.send_binary(payload.into(), self.lifecycle.state())
    }

    /// Queues a message of either type.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::SendErrorKind::Closed) when the connection is not open,
    /// [`MessageTooBig`](crate::SendErrorKind::MessageTooBig) when the message alone exceeds
    /// [`Config::max_output`], [`OutputFull`](crate::SendErrorKind::OutputFull) when it exceeds that
    /// together with pending output, [`UnfinishedMessage`](crate::SendErrorKind::UnfinishedMessage) when
    /// a fragmented message is not finished.
    #[inline]
    pub fn send<'a>(&mut self, payload: impl Into<Payload<'a>>) -> Result<(), SendError> {
        self.sender.send(payload.into(), self.lifecycle.state())
    }

    /// Queues a fragment of a message (RFC 6455 §5.4), the last one with `fin`.
    ///
    /// The first fragment decides the type of the message, and whether it is compressed. Control
    /// frames may be sent between fragments, other messages may not.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use framewise::{Config, Connection};
    ///
    /// let mut connection = Connection::server(Arc::new(Config::default()));
    /// connection.send_fragment("Hel", false)?;
    /// connection.send_fragment("lo", true)?;
    /// assert_eq!(connection.output().chunk(), b"\x01\x03Hel\x80\x02lo");
    /// # Ok::<(), framewise::SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::SendErrorKind::Closed), [`MessageTooBig`](crate::SendErrorKind::MessageTooBig)
    /// and [`OutputFull`](crate::SendErrorKind::OutputFull) as for [`send`](Self::send),
    /// [`MixedFragments`](crate::SendErrorKind::MixedFragments) for a fragment of another type.
    pub fn send_fragment<'a>(
        &mut self,
        payload: impl Into<Payload<'a>>,
        fin: bool,
    ) -> Result<(), SendError> {
        self.sender.send_fragment(payload.into(), fin, self.lifecycle.state())
    }

    /// Queues a Ping with at most 125 bytes of payload.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::SendErrorKind::Closed) when the connection is not open,
    /// [`LongControlFrame`](crate::SendErrorKind::LongControlFrame) for a longer payload,
    /// [`OutputFull`](crate::SendErrorKind::OutputFull) when 4 KiB of control frames are pending.
    pub fn ping(&mut self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.sender.send_control(Opcode::Ping, payload.as_ref(), &self.lifecycle)
    }

    /// Queues a Pong that no Ping asked for (RFC 6455 §5.5.3). Pings are answered automatically.
    ///
    /// # Errors
    ///
    /// Those of [`ping`](Self::ping).
    pub fn pong(&mut self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.sender.send_control(Opcode::Pong, payload.as_ref(), &self.lifecycle)
    }

    /// Queues a Close and so begins the closing handshake (RFC 6455 §7.1.2).
    ///
    /// Until the peer's Close arrives, its messages may still come: go on calling `receive`. A fragmented
    /// message that is not finished stays so. The reason has at most 123 bytes. With `None` or
    /// [`NO_STATUS_RECEIVED`](CloseCode::NO_STATUS_RECEIVED) the Close has no payload.
    ///
    /// ```
    /// use framewise::{Config, Connection};
    ///
    /// let mut connection = Connection::server(Config::default());
    /// connection.close(1000, "bye")?;
    /// assert_eq!(connection.output().chunk(), b"\x88\x05\x03\xe8bye");
    /// assert!(connection.sent_close().is_some_and(|close| close.code == 1000));
    /// # Ok::<(), framewise::SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::SendErrorKind::Closed) when the connection is closing already,
    /// [`InvalidCloseCode`](crate::SendErrorKind::InvalidCloseCode) for a code that may not be sent,
    /// [`CloseReasonWithoutCode`](crate::SendErrorKind::CloseReasonWithoutCode),
    /// [`LongCloseReason`](crate::SendErrorKind::LongCloseReason) for a longer reason.
    pub fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<(), SendError> {
        self.sender.close(code.into(), reason, &mut self.lifecycle)
    }

    /// Ends the connection at once, without a Close. Pending output is dropped, and nothing more is
    /// received.
    ///
    /// [`transport`](Self::transport) then says to close the transport. The peer sees an abnormal closure
    /// (RFC 6455 §7.1.5, code 1006). To let the peer know, call [`close`](Self::close) instead.
    pub fn abort(&mut self) {
        self.lifecycle.give_up();
        self.sender.queue_replies(&mut self.lifecycle);
        self.receiver.receive_eof();
    }

    /// Returns the bytes to write.
    #[inline]
    pub fn output(&mut self) -> &mut Output {
        self.sender.queue_replies(&mut self.lifecycle);
        self.sender.output()
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout) at the latest, if at all.
    ///
    /// That is `now` when a timer has begun since the time was last told, for instance because the
    /// connection was made or began to close. A call changes nothing: only
    /// [`handle_timeout`](Self::handle_timeout) records activity.
    ///
    /// ```
    /// use core::time::Duration;
    /// use framewise::{Config, Connection, time::Instant};
    ///
    /// let mut connection = Connection::server(Config::default());
    /// let now = Instant::from_origin(Duration::from_secs(3));
    /// assert_eq!(connection.poll_timeout(now), Some(now), "keep-alive is on by default");
    /// connection.handle_timeout(now);
    /// assert_eq!(connection.poll_timeout(now), Some(now + Duration::from_secs(20)));
    /// ```
    #[must_use]
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.poll_timeout_over(now, Unseen::default())
    }

    /// Returns the deadline, with what the driver knows of the transport.
    pub(crate) fn poll_timeout_over(&self, now: Instant, unseen: Unseen) -> Option<Instant> {
        let (config, state) = (self.receiver.config(), self.timed_state(unseen));
        let timers = &self.lifecycle.timers;
        if timers.waits_for_time(config, state, self.receiver.has_unfinished()) {
            return Some(now);
        }
        timers.next(config, state).map(|(deadline, _)| deadline)
    }

    /// Tells the time and returns the deadline, with what the driver knows of the transport.
    pub(crate) fn deadline_over(&mut self, now: Instant, unseen: Unseen) -> Option<Instant> {
        self.tell_over(now, unseen);
        let next = self.lifecycle.timers.next(self.receiver.config(), self.timed_state(unseen));
        next.map(|(deadline, _)| deadline)
    }

    /// Returns the number of bytes that are queued or in flight.
    #[inline]
    pub(crate) fn pending_len(&self) -> usize {
        self.sender.pending_len()
    }

    /// Returns whether the close timeout, or the program, closed the connection.
    #[inline]
    pub(crate) fn gave_up(&self) -> bool {
        self.lifecycle.gave_up()
    }

    /// Returns how far the connection is on its way from open to closed.
    #[must_use]
    #[inline]
    pub fn state(&self) -> State {
        self.lifecycle.state()
    }

    /// Returns what is to be done with the transport once all output is written.
    #[must_use]
    #[inline]
    pub fn transport(&self) -> Transport {
        self.lifecycle.state().transport(self.role())
    }

    /// Returns whether there is output to write.
    #[inline]
    pub fn has_output(&self) -> bool {
        self.sender.has_output(&self.lifecycle)
    }

    /// Returns whether the output has room for any message of `len` bytes, even if compression makes it
    /// larger; see [`Config::max_output`].
    pub fn has_room(&self, len: usize) -> bool {
        self.sender.has_room(len)
    }

    /// Returns the side of the connection that this is.
    #[must_use]
    #[inline]
    pub fn role(&self) -> Role {
        self.sender.role()
    }

    /// Returns the limits and timers.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        self.receiver.config()
    }

    /// Returns what was agreed upon for the compression of messages, if anything was (RFC 7692 §7.1).
    #[must_use]
    #[cfg(feature = "deflate")]
    pub fn deflate(&self) -> Option<AgreedParameters> {
        self.sender.agreed()
    }

    /// Returns how much the connection has received and sent. `None` without [`Config::stats`].
    pub fn stats(&self) -> Option<Stats> {
        Some(Stats { received: self.receiver.traffic()?, sent: self.sender.traffic()? })
    }

    /// Returns how the last message was received, or the part of it that has been delivered. `None` without
    /// [`Config::stats`], and before the first message.
    pub fn message_info(&self) -> Option<MessageInfo> {
        self.receiver.message_info()
    }

    /// Returns how long the peer took to answer the last keep-alive Ping ([`Config::ping_interval`]). `None`
    /// without [`Config::stats`], and before the first answer.
    ///
    /// The time runs from when the Ping is queued to when the driver next tells the time after the Pong. Any Pong
    /// without a payload counts as the answer, so give your own Pings a payload.
    ///
    /// ```
    /// use core::time::Duration;
    /// use framewise::{Config, Connection, Input, time::Instant};
    ///
    /// let mut connection = Connection::server(Config::default().stats(true));
    /// connection.handle_timeout(Instant::ORIGIN);
    /// let asked = Instant::ORIGIN + Duration::from_secs(20);
    /// connection.handle_timeout(asked); // queues a Ping
    /// connection.receive(&mut Input::new(&mut *b"\x8a\x80\x00\x00\x00\x00".to_vec()))?;
    /// connection.handle_timeout(asked + Duration::from_millis(30));
    /// assert_eq!(connection.latency(), Some(Duration::from_millis(30)));
    /// # Ok::<(), framewise::ProtocolError>(())
    /// ```
    pub fn latency(&self) -> Option<Duration> {
        self.receiver.latency()
    }

    /// Returns how the connection ended, once it is [`Closed`](State::Closed).
    #[must_use]
    pub fn end(&self) -> Option<EndOfStream> {
        self.lifecycle.end()
    }

    /// Returns the code of the peer's Close (RFC 6455 §7.1.5): 1005 when it had none, 1006 when
    /// there was no Close (yet).
    #[must_use]
    pub fn close_code(&self) -> CloseCode {
        self.lifecycle.received_close().map_or(CloseCode::ABNORMAL, |frame| frame.code)
    }

    /// Returns the peer's Close, if it has come.
    pub fn received_close(&self) -> Option<&CloseFrame> {
        self.lifecycle.received_close()
    }

    /// Returns the Close that was sent, if one was.
    pub fn sent_close(&self) -> Option<&CloseFrame> {
        self.lifecycle.sent_close()
    }

    /// Takes the connection apart into what its two halves own.
    #[cfg(feature = "std")]
    pub(crate) fn into_parts(self) -> (Receiver, Sender, Lifecycle) {
        (self.receiver, self.sender, self.lifecycle)
    }

    /// Puts a connection together again.
    #[cfg(feature = "std")]
    pub(crate) fn from_parts(receiver: Receiver, sender: Sender, lifecycle: Lifecycle) -> Self {
        Self { receiver, sender, lifecycle }
    }

    /// Returns the state that the timers see. Output that is left when the stream has ended has the time
    /// to close, too.
    fn timed_state(&self, unseen: Unseen) -> State {
        match self.lifecycle.state() {
            State::Closed
                if !self.lifecycle.gave_up() && (self.has_output() || unseen.unflushed) =>
            {
                State::Closing
            }
            state => state,
        }
    }
}

/// What the driver knows of the transport, and the connection does not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unseen {
    /// Nobody has listened to the peer since the time was last told, so its silence means nothing.
    pub(crate) not_listening: bool,
    /// The transport holds bytes that it took and did not pass on.
    pub(crate) unflushed: bool,
}

/// The rest of a connection, as its receiving direction sees it.
struct Joined<'a> {
    sender: &'a mut Sender,
    lifecycle: &'a mut Lifecycle,
}

impl ControlSink for Joined<'_> {
    fn close_received(&mut self, frame: CloseFrame) {
        self.lifecycle.close_received(frame);
        self.sender.queue_replies(self.lifecycle);
    }

    fn failed(&mut self, error: ProtocolError) {
        self.lifecycle.fail(error.close_code(), error.close_reason());
        self.sender.queue_replies(self.lifecycle);
    }

    fn ping_received(&mut self, payload: &[u8]) {
        if self.lifecycle.state().may_pong() {
            self.sender.answer_ping(payload);
        }
    }
}
