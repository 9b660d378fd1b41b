//! The sending direction: messages in, bytes out (RFC 6455 §6.1).

#[cfg(feature = "deflate")]
use alloc::sync::Arc;
use alloc::{borrow::Cow, boxed::Box, vec::Vec};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    State,
    closing::Trigger,
    lifecycle::Lifecycle,
    stats::{MessageSent, Traffic},
    timer::Progress,
};
#[cfg(feature = "deflate")]
use crate::deflate::{AgreedParameters, Compressor, compressed_bound};
use crate::{
    config::Config,
    copy,
    frame::{
        self, CloseCode, CloseFrame, FrameHeader, MAX_CONTROL_PAYLOAD, MAX_REASON, Opcode, mask,
    },
    message::{Binary, Content, HeldBytes, HeldText, Payload, SendError, SendErrorKind, Text},
    output,
    output::Output,
    role::Role,
};

/// The state of the sending direction.
#[derive(Debug)]
pub(crate) struct Sender {
    output: Output,
    // The generator of a client's masking keys; a server has none.
    keys: Option<Box<StdRng>>,
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
            output: Output::default(),
            keys: None,
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
        Self { keys: Some(Box::new(keys)), ..Self::server(config) }
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

    #[inline]
    fn owed_pong(&self) -> Option<&Vec<u8>> {
        self.rare.as_ref()?.owed_pong.as_ref()
    }

    fn take_owed_pong(&mut self) -> Option<Vec<u8>> {
        let rare = self.rare.as_mut()?;
        let owed = rare.owed_pong.take();
        if rare.traffic.is_none() {
            self.rare = None;
        }
        owed
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
        let sent =
            self.copies(payload.len(), state) && self.push_small(opcode, payload, self.max_output);
        self.sent |= sent;
        sent
    }

    /// Returns whether a message of `len` bytes is surely sent as a copy in one frame: it is small, is not
    /// compressed, and follows no fragment.
    #[inline]
    fn copies(&self, len: usize, state: State) -> bool {
        len < MIN_CHUNK && state.may_send() && self.shortcut
    }

    /// Queues a copy of a small payload in a frame of its own, if the output has a place for it within
    /// `max_output`; returns whether it has.
    ///
    /// Does the same as [`push_frame`](Self::push_frame), in a third of the time for a few bytes.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the arms have checked the ranges")]
    fn push_small(&mut self, opcode: Opcode, payload: &[u8], max_output: usize) -> bool {
        const {
            assert!(MIN_CHUNK <= 1 << 16, "the length takes one of the first two forms (§5.2)");
        }
        let len = payload.len();
        let (mask_bit, key_len) = if self.keys.is_some() { (frame::MASK, 4) } else { (0, 0) };
        let field_len = if len <= MAX_CONTROL_PAYLOAD { 2 } else { 4 };
        let frame_len = field_len + key_len + len;
        let Some(frame) = self.output.append_in_place(frame_len, max_output) else {
            return false;
        };
        let (field, rest) = frame.split_at_mut(field_len);
        let first = frame::FIN | opcode.bits();
        match field {
            [place @ .., high, low] if field_len == 4 => {
                place.copy_from_slice(&[first, mask_bit | 126]);
                [*high, *low] = (len as u16).to_be_bytes();
            }
            _ => field.copy_from_slice(&[first, mask_bit | len as u8]),
        }
        // Without a key a payload is copied as with a key of zeros. For a few bytes this is faster than a
        // call of memcpy.
        match (&mut self.keys, rest.split_first_chunk_mut()) {
            (Some(keys), Some((key, place))) => {
                *key = keys.next_u32().to_ne_bytes();
                mask::copy(place, payload, *key);
            }
            _ if len <= 32 => mask::copy(rest, payload, [0; 4]),
            _ => rest.copy_from_slice(payload),
        }
        true
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
        let (queued, len) = (self.output.len(), payload.as_bytes().len());
        let compressed = self.push_message(opcode, payload);
        self.count(queued, len, compressed, true);
    }

    /// Queues a text that `write` appends to a buffer, up to as many bytes as it is told. It returns how many
    /// bytes there are, or `None` when there is no such text.
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
        let queued = self.output.len();
        let mut written = Ok(0);
        self.push_in_place(Opcode::Text, true, false, |run| {
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
        let wire_bytes = self.output.len() - queued;
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
        let (queued, len) = (self.output.len(), payload.as_bytes().len());
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

    /// Queues a Ping or a Pong.
    pub(crate) fn send_control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        lifecycle: &Lifecycle,
    ) -> Result<(), SendError> {
        if !lifecycle.state().may_send() {
            return Err(SendErrorKind::Closed.into());
        }
        if payload.len() > MAX_CONTROL_PAYLOAD {
            return Err(SendErrorKind::LongControlFrame { len: payload.len() }.into());
        }
        if !self.has_reserve() {
            return Err(SendErrorKind::OutputFull.into());
        }
        self.push_control(opcode, payload);
        Ok(())
    }

    /// Queues a Close and begins the closing handshake.
    pub(crate) fn close(
        &mut self,
        code: CloseCode,
        reason: &str,
        lifecycle: &mut Lifecycle,
    ) -> Result<(), SendError> {
        if !lifecycle.state().may_send() {
            return Err(SendErrorKind::Closed.into());
        }
        if reason.len() > MAX_REASON {
            return Err(SendErrorKind::LongCloseReason { len: reason.len() }.into());
        }
        match code {
            CloseCode::NO_STATUS_RECEIVED if reason.is_empty() => {}
            CloseCode::NO_STATUS_RECEIVED => {
                return Err(SendErrorKind::CloseReasonWithoutCode.into());
            }
            code if code.may_be_sent_by(self.role()) => {}
            code => return Err(SendErrorKind::InvalidCloseCode(code.into()).into()),
        }
        lifecycle.apply(Trigger::SendClose);
        self.push_close(code, reason.into(), lifecycle);
        Ok(())
    }

    /// Answers a Ping.
    ///
    /// If the reserve for control frames is used up, because the peer does not read, the answer is kept, and a
    /// later one replaces it (§5.5.3).
    pub(crate) fn answer_ping(&mut self, payload: &[u8]) {
        if self.owed_pong().is_none() && self.has_reserve() {
            self.push_control(Opcode::Pong, payload);
            return;
        }
        let owed = self.rare.get_or_insert_default().owed_pong.get_or_insert_default();
        owed.clear();
        owed.extend_from_slice(payload);
    }

    /// Queues pending replies, as far as there is room for them.
    #[inline]
    pub(crate) fn queue_replies(&mut self, lifecycle: &mut Lifecycle) {
        if lifecycle.has_replies() || lifecycle.gave_up() || self.rare.is_some() {
            self.queue_owed(lifecycle);
        }
    }

    #[inline(never)]
    fn queue_owed(&mut self, lifecycle: &mut Lifecycle) {
        if lifecycle.gave_up() {
            self.note_dropped(lifecycle);
            self.output.discard();
            drop(self.take_owed_pong());
            return;
        }
        if !lifecycle.state().may_pong() && !lifecycle.owes_close() {
            drop(self.take_owed_pong());
        }
        if self.has_reserve()
            && let Some(payload) = self.take_owed_pong()
        {
            self.push_control(Opcode::Pong, &payload);
        }
        if !lifecycle.has_replies() {
            return;
        }
        if let Some(pongs) = lifecycle.take_owed_pongs() {
            for payload in pongs.payloads() {
                self.answer_ping(payload);
            }
        }
        if lifecycle.take_owed_ping() && lifecycle.state().may_send() && self.has_reserve() {
            self.push_control(Opcode::Ping, b"");
        }
        if let Some((code, reason)) = lifecycle.take_owed_close() {
            lifecycle.apply(Trigger::ReplyQueued);
            self.push_close(code, reason, lifecycle);
        }
    }

    /// Tells the lifecycle when our Close was queued and has not left in the time to close.
    pub(crate) fn note_dropped(&self, lifecycle: &mut Lifecycle) {
        // Only control frames come after a Close.
        let behind = usize::try_from(self.control_len).unwrap_or(usize::MAX);
        if lifecycle.gave_up()
            && lifecycle.sent_close().is_some()
            && self.output.pending_len() > behind
        {
            lifecycle.close_dropped();
        }
    }

    #[inline]
    pub(crate) fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Returns the number of bytes that are queued or in flight.
    #[inline]
    pub(crate) fn pending_len(&self) -> usize {
        self.output.pending_len()
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
        let room = self.max_output.saturating_sub(self.output.pending_len());
        len.saturating_add(frame::encoded_len(len, self.keys.is_some())) <= room
    }

    #[inline]
    pub(crate) fn has_output(&self, lifecycle: &Lifecycle) -> bool {
        if lifecycle.gave_up() {
            return false;
        }
        let owes_pong = self.owed_pong().is_some() && lifecycle.state().may_pong();
        self.output.pending_len() != 0 || owes_pong || lifecycle.has_replies()
    }

    pub(crate) fn role(&self) -> Role {
        if self.keys.is_some() { Role::Client } else { Role::Server }
    }

    pub(crate) fn take_sent(&mut self) -> bool {
        core::mem::take(&mut self.sent)
    }

    /// Records whether output is pending, as the driver tells the time.
    pub(crate) fn wait(&mut self) {
        self.waiting = self.output.pending_len() != 0;
    }

    /// Returns what the transport did with the output that was pending when the driver last told the
    /// time.
    pub(crate) fn take_progress(&mut self) -> Progress {
        let taken = self.output.take_advanced() && self.waiting;
        Progress { pending: self.waiting && self.output.pending_len() != 0, taken }
    }

    #[inline]
    fn check(&self, len: usize, state: State) -> Result<(), SendErrorKind> {
        if !state.may_send() {
            return Err(SendErrorKind::Closed);
        }
        if !self.has_room_for(len) {
            let header_len = frame::encoded_len(len, self.keys.is_some());
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

    fn has_reserve(&self) -> bool {
        self.control_len < CONTROL_RESERVE || self.controls_are_written()
    }

    /// Returns whether no control frame is pending. Messages may be: with a backlog that never ends, the
    /// output may never be empty.
    fn controls_are_written(&self) -> bool {
        !self.output.has_marked()
    }

    fn push_close(&mut self, code: CloseCode, reason: Cow<'_, str>, lifecycle: &mut Lifecycle) {
        // A pending Ping came before the Close, so it is answered first. A Close comes once.
        if let Some(payload) = self.take_owed_pong() {
            self.push_control(Opcode::Pong, &payload);
        }
        let mut payload = [0; MAX_CONTROL_PAYLOAD];
        let [high, low, rest @ ..] = &mut payload;
        [*high, *low] = u16::from(code).to_be_bytes();
        let reason_len = reason.len().min(rest.len());
        rest.iter_mut().zip(reason.as_bytes()).for_each(|(place, byte)| *place = *byte);
        let len = if code == CloseCode::NO_STATUS_RECEIVED { 0 } else { 2 + reason_len };
        self.push_control(Opcode::Close, payload.get(..len).unwrap_or_default());
        self.control_len = 0;
        self.fragmented = None;
        self.note_place();
        lifecycle.close_sent(CloseFrame { code, reason: reason.into_owned() });
    }

    fn push_control(&mut self, opcode: Opcode, payload: &[u8]) {
        if self.controls_are_written() {
            self.control_len = 0;
        }
        let before = self.output.len();
        // Beyond the limit, too: the reserve bounds them.
        if !self.push_small(opcode, payload, usize::MAX) {
            self.push_frame(opcode, true, false, Binary::from(payload).into());
        }
        let wire_bytes = self.output.len() - before;
        if let Some(traffic) = self.rare.as_mut().and_then(|rare| rare.traffic.as_mut()) {
            traffic.frame_sent(wire_bytes);
        }
        let len = u32::try_from(wire_bytes).unwrap_or(u32::MAX);
        self.control_len = self.control_len.saturating_add(len);
        self.output.mark_end();
    }

    /// Queues a whole message. Returns whether it is compressed.
    fn push_message(&mut self, opcode: Opcode, payload: Payload<'_>) -> bool {
        #[cfg(feature = "deflate")]
        if payload.compress && self.compressor.is_some() {
            return self.push_compressible(opcode, payload);
        }
        self.push_frame(opcode, true, false, payload);
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
                self.push_frame(opcode, true, false, payload);
                return false;
            };
            compressor.note(message.as_bytes());
            let compressed = Binary::from(Arc::clone(compressed));
            self.push_frame(opcode, true, true, compressed.into());
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
        self.push_frame(opcode, fin, false, payload);
    }

    /// Compresses a payload into the output.
    #[cfg(feature = "deflate")]
    fn push_compressed(&mut self, opcode: Opcode, fin: bool, payload: &[u8]) {
        let Some(mut compressor) = self.compressor.take() else {
            return;
        };
        self.push_in_place(opcode, fin, opcode != Opcode::Continuation, |run| {
            compressor.compress(payload, fin, run);
            true
        });
        self.compressor = Some(compressor);
    }

    /// Queues a frame whose payload `write` appends to the output, unless it returns `false`.
    #[cfg(any(feature = "deflate", feature = "json"))]
    fn push_in_place(
        &mut self,
        opcode: Opcode,
        fin: bool,
        rsv1: bool,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) {
        let key = self.keys.as_mut().map(|keys| keys.next_u32().to_ne_bytes());
        self.output.append(FrameHeader::MAX_LEN, |run| {
            // The length of the header depends on that of the payload.
            let start = run.len();
            run.resize(start + FrameHeader::MAX_LEN, 0);
            let payload_start = run.len();
            if !write(run) {
                run.truncate(start);
                return;
            }
            let payload_len = (run.len() - payload_start) as u64;
            let header = FrameHeader { opcode, fin, rsv1, masking_key: key, payload_len };
            let mut buf = [0; FrameHeader::MAX_LEN];
            let header = header.encode(&mut buf);
            let header_start = payload_start - header.len();
            if let Some(place) = run.get_mut(header_start..payload_start) {
                place.copy_from_slice(header);
            }
            if let (Some(key), Some(payload)) = (key, run.get_mut(payload_start..)) {
                mask::apply(payload, key);
            }
            run.drain(start..header_start);
        });
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

    fn push_frame(&mut self, opcode: Opcode, fin: bool, rsv1: bool, payload: Payload<'_>) {
        let len = payload.as_bytes().len();
        let key = self.keys.as_mut().map(|keys| keys.next_u32().to_ne_bytes());
        let header = FrameHeader { opcode, fin, rsv1, masking_key: key, payload_len: len as u64 };
        let mut buf = [0; FrameHeader::MAX_LEN];
        let header = header.encode(&mut buf);
        if len < MIN_CHUNK {
            return self.push_copy(header, payload.as_bytes(), key);
        }
        let content = match payload.content {
            #[cfg(feature = "deflate")]
            Content::Prepared(message) => message.content().clone(),
            content => content,
        };
        match content {
            Content::Binary(Binary(HeldBytes::Owned(payload))) => {
                self.push_owned(header, payload, key)
            }
            Content::Text(Text(HeldText::Owned(payload))) => {
                self.push_owned(header, payload.into(), key)
            }
            #[cfg(feature = "bytes")]
            Content::Binary(Binary(HeldBytes::Foreign(payload))) if key.is_none() => {
                self.output.push_bytes(header);
                self.output.push_chunk(payload);
            }
            Content::Binary(Binary(HeldBytes::Shared(payload))) if key.is_none() => {
                self.output.push_bytes(header);
                self.output.push_chunk(payload);
            }
            Content::Text(Text(HeldText::Shared(payload))) if key.is_none() => {
                self.output.push_bytes(header);
                self.output.push_chunk(output::Chunk::Shared(payload.into()));
            }
            content => self.push_copy(header, content.as_bytes(), key),
        }
    }

    fn push_copy(&mut self, header: &[u8], payload: &[u8], key: Option<[u8; 4]>) {
        self.output.append(header.len() + payload.len(), |run| {
            run.extend_from_slice(header);
            match key {
                None => copy::append(run, payload),
                Some(key) => mask::append(run, payload, key),
            }
        });
    }

    fn push_owned(&mut self, header: &[u8], mut payload: Vec<u8>, key: Option<[u8; 4]>) {
        if let Some(key) = key {
            mask::apply(&mut payload, key);
        }
        self.output.push_bytes(header);
        self.output.push_chunk(payload);
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

/// The smallest payload in bytes that is queued as a chunk of its own: below it, a copy costs
/// less than another slice in a vectored write.
const MIN_CHUNK: usize = 4 << 10;

/// How many bytes of control frames may be pending before only the newest Ping is answered.
const CONTROL_RESERVE: u32 = 4 << 10;

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
                sender.output.clear();
                assert!(sender.send_small(Opcode::Binary, &vec![0; len], State::Open), "{len}");
                assert!(sender.output.len() > len && sender.take_sent());
            }
            assert!(!sender.send_small(Opcode::Binary, &[0; 1000], State::Open), "no room");
            sender.output.clear();
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
