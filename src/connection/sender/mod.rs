//! The sending direction: messages in, bytes out (RFC 6455 §6.1).

mod control;
mod framer;

#[cfg(feature = "deflate")]
use alloc::sync::Arc;
use alloc::{boxed::Box, vec::Vec};

use rand::{SeedableRng as _, rngs::StdRng};

use self::framer::{Framer, MIN_CHUNK};
use super::{
    State,
    lifecycle::Lifecycle,
    stats::{MessageSent, Traffic},
    timer::Progress,
};
#[cfg(feature = "json")]
use crate::frame::FrameHeader;
use crate::{
    config::Config,
    frame::Opcode,
    message::{Binary, Payload, SendError, SendErrorKind, Text},
    output::Output,
    role::Role,
};
#[cfg(feature = "deflate")]
use crate::{
    deflate::{AgreedParameters, Compressor, compressed_bound},
    message::Content,
};

/// The state of the sending direction.
#[derive(Debug)]
pub(crate) struct Sender {
    framer: Framer,
    max_output: usize,
    rare: Option<Box<Rare>>,
    // Compresses messages, if that was agreed upon.
    #[cfg(feature = "deflate")]
    compressor: Option<Box<Compressor>>,
    // Bytes of control frames queued since the last one was seen to be written, or since the Close.
    control_len: u32,
    // The message whose fragments are being sent.
    fragmented: Option<Fragmented>,
    // Whether a small message may be sent by the shortcut: no fragment is before it, it is not compressed,
    // and not counted. Follows from the fields above.
    shortcut: bool,
    sent: bool,
    // Set when the driver tells the time while output is pending, cleared when it does so without any.
    waiting: bool,
}

/// What few connections have at a time.
#[derive(Debug, Default)]
struct Rare {
    // The most recent Ping that found the reserve used up.
    owed_pong: Option<Vec<u8>>,
    // What was queued so far, if it is counted.
    traffic: Option<Traffic>,
}

impl Sender {
    pub(crate) fn server(config: &Config) -> Self {
        let traffic = config.stats.then(Traffic::default);
        let rare = traffic.is_some().then(|| Box::new(Rare { traffic, ..Rare::default() }));
        Self {
            framer: Framer::server(),
            max_output: config.max_output,
            shortcut: rare.is_none(),
            rare,
            #[cfg(feature = "deflate")]
            compressor: None,
            control_len: 0,
            fragmented: None,
            sent: false,
            waiting: false,
        }
    }

    pub(crate) fn client(config: &Config, keys: StdRng) -> Self {
        Self { framer: Framer::client(keys), ..Self::server(config) }
    }

    /// Returns what was queued so far, if it is counted.
    pub(crate) fn traffic(&self) -> Option<Traffic> {
        self.rare.as_ref()?.traffic
    }

    /// Records whether the next message may be sent by the shortcut.
    fn note_place(&mut self) {
        self.shortcut = self.fragmented.is_none() && self.traffic().is_none();
        #[cfg(feature = "deflate")]
        {
            self.shortcut &= self.compressor.is_none();
        }
    }

    /// Queues a message.
    #[inline]
    pub(crate) fn send(&mut self, payload: Payload<'_>, state: State) -> Result<(), SendError> {
        let opcode = if payload.is_text() { Opcode::Text } else { Opcode::Binary };
        if self.send_small(opcode, payload.as_bytes(), state) {
            return Ok(());
        }
        self.send_any(payload, state)
    }

    /// Queues a text.
    #[inline]
    pub(crate) fn send_text(&mut self, text: Text<'_>, state: State) -> Result<(), SendError> {
        if self.send_small(Opcode::Text, text.as_str().as_bytes(), state) {
            return Ok(());
        }
        self.send_any(text.into(), state)
    }

    /// Queues bytes.
    #[inline]
    pub(crate) fn send_binary(
        &mut self,
        payload: Binary<'_>,
        state: State,
    ) -> Result<(), SendError> {
        if self.send_small(Opcode::Binary, payload.as_slice(), state) {
            return Ok(());
        }
        self.send_any(payload.into(), state)
    }

    /// Queues a message if it is a plain, small one; returns whether it is.
    ///
    /// Its arguments fit in registers, and it is not inlined: to pass a [`Payload`] in memory takes as long
    /// as the rest of this.
    fn send_small(&mut self, opcode: Opcode, payload: &[u8], state: State) -> bool {
        let sent = self.copies(payload.len(), state)
            && self.framer.push_small(opcode, payload, self.max_output);
        self.sent |= sent;
        sent
    }

    /// Returns whether a message of `len` bytes is surely sent as a copy in one frame: it is small, is not
    /// compressed, and follows no fragment.
    #[inline]
    fn copies(&self, len: usize, state: State) -> bool {
        len < MIN_CHUNK && state.may_send() && self.shortcut
    }

    /// Queues any message.
    #[inline(never)]
    fn send_any(&mut self, payload: Payload<'_>, state: State) -> Result<(), SendError> {
        let opcode = if payload.is_text() { Opcode::Text } else { Opcode::Binary };
        if let Err(kind) = self.check(self.queued_len(&payload), state) {
            return Err(SendError::new(kind, payload.into_static()));
        }
        if self.fragmented.is_some() {
            return Err(SendError::new(SendErrorKind::UnfinishedMessage, payload.into_static()));
        }
        self.push_counted(opcode, payload);
        Ok(())
    }

    /// Queues a whole message, and counts it.
    fn push_counted(&mut self, opcode: Opcode, payload: Payload<'_>) {
        self.sent = true;
        let (queued, len) = (self.framer.output.len(), payload.as_bytes().len());
        let compressed = self.push_message(opcode, payload);
        self.count(queued, len, compressed, true);
    }

    /// Queues a text that `write` appends to a buffer.
    ///
    /// `write` gets the buffer and the largest number of bytes to append. It returns the length of the text,
    /// or `None` if there is none.
    #[cfg(feature = "json")]
    pub(crate) fn send_written(
        &mut self,
        state: State,
        write: impl FnOnce(&mut Vec<u8>, usize) -> Option<usize>,
    ) -> Result<(), SendError> {
        self.check(0, state)?;
        if self.fragmented.is_some() {
            return Err(SendErrorKind::UnfinishedMessage.into());
        }
        #[cfg(feature = "deflate")]
        if self.compressor.is_some() {
            let mut text = Vec::new();
            write(&mut text, usize::MAX).ok_or(SendErrorKind::Serialize)?;
            let payload = Payload::from(Binary::from(text));
            self.check(self.queued_len(&payload), state)?;
            self.push_counted(Opcode::Text, payload);
            return Ok(());
        }
        // What a header may take is left for it.
        let room = self.max_output.saturating_sub(self.pending_len() + FrameHeader::MAX_LEN);
        let queued = self.framer.output.len();
        let mut written = Ok(0);
        self.framer.push_in_place(Opcode::Text, true, false, |run| {
            let start = run.len();
            written = write(run, room).ok_or(SendErrorKind::Serialize);
            let fits = written.is_ok_and(|len| len <= room);
            if !fits {
                run.truncate(start);
            }
            fits
        });
        let len = written?;
        if len > room {
            let (len, limit) = (len.saturating_add(FrameHeader::MAX_LEN), self.max_output);
            return Err(match len > limit {
                true => SendErrorKind::MessageTooBig { len, limit }.into(),
                false => SendErrorKind::OutputFull.into(),
            });
        }
        self.sent = true;
        self.count(queued, len, false, true);
        Ok(())
    }

    /// Counts a message or a fragment that was queued, with what was queued before it.
    fn count(&mut self, queued: usize, payload_bytes: usize, compressed: bool, fin: bool) {
        let wire_bytes = self.framer.output.len() - queued;
        if let Some(traffic) = self.rare.as_mut().and_then(|rare| rare.traffic.as_mut()) {
            traffic.message_sent(&MessageSent { payload_bytes, wire_bytes, compressed, fin });
        }
    }

    /// Queues a fragment of a message; the first one decides its type.
    pub(crate) fn send_fragment(
        &mut self,
        payload: Payload<'_>,
        fin: bool,
        state: State,
    ) -> Result<(), SendError> {
        let kind = if payload.is_text() { Opcode::Text } else { Opcode::Binary };
        let compressed = match self.fragmented {
            Some(begun) => begun.is_compressed(),
            None => self.compresses_fragments(&payload),
        };
        let refusal = match self.fragmented {
            Some(begun) if begun.kind() != kind => Err(SendErrorKind::MixedFragments),
            _ => self.check(fragment_len(&payload, compressed), state),
        };
        if let Err(kind) = refusal {
            return Err(SendError::new(kind, payload.into_static()));
        }
        let opcode = if self.fragmented.is_some() { Opcode::Continuation } else { kind };
        let (queued, len) = (self.framer.output.len(), payload.as_bytes().len());
        self.push_fragment(opcode, fin, compressed, payload);
        self.count(queued, len, compressed, fin);
        self.fragmented = (!fin).then(|| Fragmented::new(kind, compressed));
        self.note_place();
        self.sent = true;
        Ok(())
    }

    /// Returns what was agreed upon for the compression of messages, if anything was.
    #[cfg(feature = "deflate")]
    pub(crate) fn agreed(&self) -> Option<AgreedParameters> {
        self.compressor.as_ref().map(|compressor| compressor.agreed())
    }

    /// Sets the compressor of messages from now on.
    #[cfg(feature = "deflate")]
    pub(crate) fn set_compressor(&mut self, compressor: Compressor) {
        self.compressor = Some(Box::new(compressor));
        self.note_place();
    }

    #[inline]
    pub(crate) fn output(&mut self) -> &mut Output {
        &mut self.framer.output
    }

    /// Returns the number of bytes that are queued or in flight.
    #[inline]
    pub(crate) fn pending_len(&self) -> usize {
        self.framer.output.pending_len()
    }

    /// Returns whether the output has room for any message of `len` bytes.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        #[cfg(feature = "deflate")]
        let len = if self.compressor.is_some() { compressed_bound(len) } else { len };
        self.has_room_for(len)
    }

    /// Returns whether the output has room for a frame with `len` bytes of payload.
    #[inline]
    fn has_room_for(&self, len: usize) -> bool {
        let room = self.max_output.saturating_sub(self.framer.output.pending_len());
        len.saturating_add(self.framer.header_len(len)) <= room
    }

    #[inline]
    pub(crate) fn has_output(&self, lifecycle: &Lifecycle) -> bool {
        if lifecycle.gave_up() {
            return false;
        }
        let owes_pong = self.owed_pong().is_some() && lifecycle.state().may_pong();
        self.framer.output.pending_len() != 0 || owes_pong || lifecycle.has_replies()
    }

    pub(crate) fn role(&self) -> Role {
        self.framer.role()
    }

    pub(crate) fn take_sent(&mut self) -> bool {
        core::mem::take(&mut self.sent)
    }

    /// Records whether output is pending, as the driver tells the time.
    pub(crate) fn wait(&mut self) {
        self.waiting = self.framer.output.pending_len() != 0;
    }

    /// Returns what the transport did with the output that was pending when the driver last told the
    /// time.
    pub(crate) fn take_progress(&mut self) -> Progress {
        let taken = self.framer.output.take_advanced() && self.waiting;
        Progress { pending: self.waiting && self.framer.output.pending_len() != 0, taken }
    }

    #[inline]
    fn check(&self, len: usize, state: State) -> Result<(), SendErrorKind> {
        if !state.may_send() {
            return Err(SendErrorKind::Closed);
        }
        if !self.has_room_for(len) {
            let header_len = self.framer.header_len(len);
            let (len, limit) = (len.saturating_add(header_len), self.max_output);
            return Err(match len > limit {
                true => SendErrorKind::MessageTooBig { len, limit },
                false => SendErrorKind::OutputFull,
            });
        }
        Ok(())
    }

    /// Returns how many bytes the payload of a whole message has at most when it is queued.
    #[inline]
    fn queued_len(&self, payload: &Payload<'_>) -> usize {
        let len = payload.as_bytes().len();
        #[cfg(feature = "deflate")]
        if let Some(compressor) = self.compressor.as_ref().filter(|_| payload.compress) {
            return match &payload.content {
                Content::Prepared(message) => message
                    .compressed(compressor.prepares())
                    .map_or(len, |compressed| compressed.len()),
                _ => fragment_len(payload, compressor.wants(len)),
            };
        }
        len
    }

    /// Queues a whole message. Returns whether it is compressed.
    fn push_message(&mut self, opcode: Opcode, payload: Payload<'_>) -> bool {
        #[cfg(feature = "deflate")]
        if payload.compress && self.compressor.is_some() {
            return self.push_compressible(opcode, payload);
        }
        self.framer.push_frame(opcode, true, false, payload);
        false
    }

    /// Queues a message that may be compressed. Returns whether it is.
    #[cfg(feature = "deflate")]
    #[inline(never)]
    fn push_compressible(&mut self, opcode: Opcode, payload: Payload<'_>) -> bool {
        let Some(compressor) = self.compressor.as_mut() else {
            return false;
        };
        if let Content::Prepared(message) = &payload.content {
            let Some(compressed) = message.compressed(compressor.prepares()) else {
                self.framer.push_frame(opcode, true, false, payload);
                return false;
            };
            compressor.note(message.as_bytes());
            let compressed = Binary::from(Arc::clone(compressed));
            self.framer.push_frame(opcode, true, true, compressed.into());
            return true;
        }
        let compressed = compressor.wants(payload.as_bytes().len());
        self.push_fragment(opcode, true, compressed, payload);
        compressed
    }

    /// Queues a message or a fragment of one, compressed or not.
    fn push_fragment(&mut self, opcode: Opcode, fin: bool, compressed: bool, payload: Payload<'_>) {
        #[cfg(feature = "deflate")]
        if compressed {
            return self.push_compressed(opcode, fin, payload.as_bytes());
        }
        let _ = compressed;
        self.framer.push_frame(opcode, fin, false, payload);
    }

    /// Compresses a payload into the output.
    #[cfg(feature = "deflate")]
    fn push_compressed(&mut self, opcode: Opcode, fin: bool, payload: &[u8]) {
        let Some(mut compressor) = self.compressor.take() else {
            return;
        };
        self.framer.push_in_place(opcode, fin, opcode != Opcode::Continuation, |run| {
            compressor.compress(payload, fin, run);
            true
        });
        self.compressor = Some(compressor);
    }

    /// Returns whether the message that begins with this fragment is to be compressed.
    fn compresses_fragments(&self, payload: &Payload<'_>) -> bool {
        #[cfg(feature = "deflate")]
        if let Some(compressor) = &self.compressor {
            return payload.compress && compressor.wants_fragments();
        }
        let _ = payload;
        false
    }
}

/// A message whose fragments are being sent. One byte, so that a sender has no more than it needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fragmented {
    Binary,
    CompressedBinary,
    CompressedText,
    Text,
}

impl Fragmented {
    fn new(kind: Opcode, compressed: bool) -> Self {
        match (kind, compressed) {
            (Opcode::Text, false) => Self::Text,
            (Opcode::Text, true) => Self::CompressedText,
            (_, false) => Self::Binary,
            (_, true) => Self::CompressedBinary,
        }
    }

    fn kind(self) -> Opcode {
        match self {
            Self::Binary | Self::CompressedBinary => Opcode::Binary,
            Self::Text | Self::CompressedText => Opcode::Text,
        }
    }

    fn is_compressed(self) -> bool {
        matches!(self, Self::CompressedBinary | Self::CompressedText)
    }
}

/// Returns how many bytes a payload has at most when it is queued, compressed or not.
#[inline]
fn fragment_len(payload: &Payload<'_>, compressed: bool) -> usize {
    let len = payload.as_bytes().len();
    #[cfg(feature = "deflate")]
    if compressed {
        return compressed_bound(len);
    }
    let _ = compressed;
    len
}

/// Makes the generator of a client's nonce and masking keys.
pub(crate) fn keys(seed: [u8; 32]) -> StdRng {
    StdRng::from_seed(seed)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    // Nothing else shows whether the shortcut is taken: `send_any` does the same.
    #[test]
    fn small_messages_are_sent_by_the_shortcut() {
        let config = Config::default().max_output(5000);
        let senders = || [Sender::server(&config), Sender::client(&config, keys([0; 32]))];
        for mut sender in senders() {
            for len in [0, 1, 125, 126, MIN_CHUNK - 1] {
                sender.framer.output.clear();
                assert!(sender.send_small(Opcode::Binary, &vec![0; len], State::Open), "{len}");
                assert!(sender.framer.output.len() > len && sender.take_sent());
            }
            assert!(!sender.send_small(Opcode::Binary, &[0; 1000], State::Open), "no room");
            sender.framer.output.clear();
            assert!(!sender.send_small(Opcode::Binary, &[0; MIN_CHUNK], State::Open), "large");
            assert!(!sender.send_small(Opcode::Text, b"a", State::CloseSent), "closing");
            sender.send_fragment("a".into(), false, State::Open).unwrap();
            sender.take_sent();
            assert!(!sender.send_small(Opcode::Text, b"a", State::Open), "inside a message");
            assert!(!sender.take_sent());
        }
    }

    // 6455-5.3-04, 6455-10.3-01; R49: from the keys of some frames nobody tells those of the next
    // ones. No test of the numbers shows that: a linear generator passes them.
    #[test]
    fn the_generator_of_keys_is_a_cryptographic_one() {
        const fn cryptographic(_: &impl rand::CryptoRng) {}
        cryptographic(&keys([0; 32]));
    }
}
