//! What a connection counts, if it is asked to.

use alloc::{boxed::Box, collections::VecDeque};
use core::time::Duration;

use crate::{
    frame::{self, FrameHeader, Opcode},
    message::Event,
    time::Instant,
};

/// How much a connection has received and sent. Counted only with [`Config::stats`](crate::Config::stats).
///
/// ```
/// use framewise::{Config, Connection, Input};
///
/// let mut connection = Connection::server(Config::default().stats(true));
/// let mut bytes = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
/// connection.receive(&mut Input::new(&mut bytes))?;
/// connection.send_text("Hello")?;
/// let stats = connection.stats().expect("they were asked for");
/// assert_eq!((stats.received.messages, stats.received.payload_bytes), (1, 5));
/// assert_eq!((stats.received.wire_bytes, stats.sent.wire_bytes), (11, 7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// What was received.
    pub received: Traffic,
    /// What was queued to be sent.
    pub sent: Traffic,
}

/// How much went in one direction of a connection.
///
/// A received frame is counted when its header is there, a message when its last byte is. What is sent is
/// counted when it is queued.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Traffic {
    /// Whole messages.
    pub messages: u64,
    /// Bytes of messages: before compression or after inflation, without headers.
    pub payload_bytes: u64,
    /// Frames, those of Pings, Pongs and Closes included.
    pub frames: u64,
    /// Bytes of frames, with their headers.
    pub wire_bytes: u64,
    /// Compressed messages among `messages`.
    pub compressed_messages: u64,
    /// Bytes of compressed messages among `payload_bytes`.
    pub compressed_payload_bytes: u64,
    /// Bytes of compressed messages among `wire_bytes`.
    pub compressed_wire_bytes: u64,
}

impl Traffic {
    /// Returns the compression ratio: `compressed_payload_bytes` divided by `compressed_wire_bytes`. `None`
    /// before the first compressed message.
    ///
    /// ```
    /// # #[cfg(feature = "deflate")] {
    /// use framewise::{Config, Connection, deflate::AgreedParameters};
    ///
    /// let mut connection = Connection::server(Config::default().stats(true));
    /// connection.set_deflate(AgreedParameters::default());
    /// assert_eq!(connection.stats().and_then(|stats| stats.sent.compression_ratio()), None);
    /// connection.send_text("all work and no play ".repeat(100)).unwrap();
    /// let ratio = connection.stats().and_then(|stats| stats.sent.compression_ratio());
    /// assert!(ratio.is_some_and(|ratio| ratio > 30.0));
    /// # }
    /// ```
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a ratio needs no more than 53 bits")]
    pub fn compression_ratio(&self) -> Option<f64> {
        let on_wire = self.compressed_wire_bytes;
        (on_wire != 0).then(|| self.compressed_payload_bytes as f64 / on_wire as f64)
    }

    /// Counts a frame that was queued: it took `wire_bytes`.
    pub(super) fn frame_sent(&mut self, wire_bytes: usize) {
        self.frames += 1;
        self.wire_bytes += wire_bytes as u64;
    }

    /// Counts a message that was queued, or a fragment of one.
    pub(super) fn message_sent(&mut self, sent: &MessageSent) {
        self.frame_sent(sent.wire_bytes);
        self.messages += u64::from(sent.fin);
        self.payload_bytes += sent.payload_bytes as u64;
        if sent.compressed {
            self.compressed_messages += u64::from(sent.fin);
            self.compressed_payload_bytes += sent.payload_bytes as u64;
            self.compressed_wire_bytes += sent.wire_bytes as u64;
        }
    }
}

/// A message, or a fragment of one, that was queued.
pub(super) struct MessageSent {
    pub(super) payload_bytes: usize,
    pub(super) wire_bytes: usize,
    pub(super) compressed: bool,
    pub(super) fin: bool,
}

/// How a message was received: compressed or not, in how many frames and bytes. Recorded only with
/// [`Config::stats`](crate::Config::stats).
///
/// ```
/// use framewise::{Config, Connection, Event, Input};
///
/// let mut connection = Connection::server(Config::default().stats(true));
/// let mut bytes = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
/// let mut input = Input::new(&mut bytes);
/// while let Some(event) = connection.receive(&mut input)? {
///     if let (Event::Text(text), Some(info)) = (event, connection.message_info()) {
///         println!("{} bytes came as {}", text.len(), info.wire_bytes); // 5 bytes came as 11
/// #       assert_eq!((info.wire_bytes, info.frames, info.compressed), (11, 1, false));
///     }
/// }
/// # Ok::<(), framewise::ProtocolError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct MessageInfo {
    /// Whether it was compressed (RFC 7692).
    pub compressed: bool,
    /// The number of its frames so far.
    pub frames: u64,
    /// The number of bytes that its frames have taken so far, with their headers.
    pub wire_bytes: u64,
}

/// What is counted of what is received.
#[derive(Debug, Default)]
pub(super) struct Received {
    traffic: Traffic,
    // The message that is arriving, or the last one.
    arriving: Option<MessageInfo>,
    // The message that was delivered last, and those of the events that were put aside.
    delivered: Option<MessageInfo>,
    aside: VecDeque<Option<MessageInfo>>,
    pub(super) round_trip: RoundTrip,
}

impl Received {
    /// Returns a place to count in, if the configuration asks for it.
    pub(super) fn new(stats: bool) -> Option<Box<Self>> {
        stats.then(Box::default)
    }

    pub(super) const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Returns what is known of the message that was delivered last, or a part of it.
    pub(super) const fn message_info(&self) -> Option<MessageInfo> {
        self.delivered
    }

    /// Records that what was delivered last is put aside, to be delivered later.
    pub(super) fn put_aside(&mut self) {
        self.aside.push_back(self.delivered);
    }

    /// Records that the first event that was put aside is delivered.
    pub(super) fn take_aside(&mut self) {
        if let Some(delivered) = self.aside.pop_front() {
            self.delivered = delivered;
        }
        if self.aside.is_empty() {
            self.aside = VecDeque::new();
        }
    }

    /// Counts a frame whose header has come.
    pub(super) fn frame_began(&mut self, header: &FrameHeader) {
        if matches!(header.opcode, Opcode::Binary | Opcode::Text) {
            self.arriving = Some(MessageInfo { compressed: header.rsv1, ..MessageInfo::default() });
        }
        let len = usize::try_from(header.payload_len).unwrap_or(usize::MAX);
        let header_len = frame::encoded_len(len, header.masking_key.is_some());
        self.traffic.frames += 1;
        if !header.opcode.is_control()
            && let Some(message) = &mut self.arriving
        {
            message.frames += 1;
        }
        self.bytes(header.opcode, header_len);
    }

    /// Counts bytes of a frame.
    pub(super) fn bytes(&mut self, opcode: Opcode, len: usize) {
        let len = len as u64;
        self.traffic.wire_bytes += len;
        if !opcode.is_control()
            && let Some(message) = &mut self.arriving
        {
            message.wire_bytes += len;
            if message.compressed {
                self.traffic.compressed_wire_bytes += len;
            }
        }
    }

    /// Counts what is delivered.
    pub(super) fn delivered(&mut self, event: &Event<'_>) {
        let ends = match event {
            Event::Binary(_) | Event::Text(_) => true,
            Event::BinaryChunk { fin, .. } | Event::TextChunk { fin, .. } => *fin,
            Event::Close(_) | Event::Ping(_) | Event::Pong(_) => return,
        };
        self.delivered = self.arriving;
        let len = event.payload_len() as u64;
        self.traffic.messages += u64::from(ends);
        self.traffic.payload_bytes += len;
        if self.delivered.is_some_and(|message| message.compressed) {
            self.traffic.compressed_messages += u64::from(ends);
            self.traffic.compressed_payload_bytes += len;
        }
    }
}

/// How long the answers to keep-alive Pings take.
#[derive(Debug, Default)]
pub(super) struct RoundTrip {
    // Set when a Ping is queued, cleared when the time of its answer is known.
    asked: Option<Instant>,
    // Set when the answer comes, cleared when the driver next tells the time.
    answered: bool,
    last: Option<Duration>,
}

impl RoundTrip {
    /// Records that a Ping is queued. If an earlier one is not answered yet, the next Pong answers that one.
    pub(super) fn ping(&mut self, now: Instant) {
        self.asked.get_or_insert(now);
    }

    /// Records a Pong. Pings of the program have a payload, if they are to be told from keep-alive ones.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        self.answered |= payload.is_empty() && self.asked.is_some();
    }

    /// Records the Pong that came since the last call as coming `now`.
    pub(super) fn note(&mut self, now: Instant) {
        if self.answered
            && let Some(asked) = self.asked.take()
        {
            self.answered = false;
            self.last = Some(now.since_origin().saturating_sub(asked.since_origin()));
        }
    }

    /// Returns how long the last answer took.
    pub(super) const fn last(&self) -> Option<Duration> {
        self.last
    }
}
