//! The receiving direction: bytes in, events out (RFC 6455 §6.2).

use alloc::{borrow::Cow, boxed::Box, sync::Arc, vec::Vec};
use core::time::Duration;

use super::{
    lifecycle::ControlSink,
    stats::{MessageInfo, Received, Traffic},
    timer::{Activity, Due},
};
#[cfg(feature = "deflate")]
use crate::deflate::{Inflater, Sink};
use crate::{
    config::{Config, Delivery},
    error::ProtocolError,
    frame::{Chunk, CloseFrame, Decoder, FrameHeader, FramePiece, Opcode, whole},
    input::Input,
    message::Event,
    message::assembly::{self, Assembly, Extent, WholeMessage},
    role::Role,
    time::Instant,
};

/// The state of the receiving direction.
#[derive(Debug)]
pub(crate) struct Receiver {
    decoder: Decoder,
    // The message that is arriving. Boxed: few connections have one at a time.
    assembly: Option<Box<Assembly>>,
    rare: Option<Box<Rare>>,
    // Inflates messages, if compression was agreed upon.
    #[cfg(feature = "deflate")]
    inflater: Option<Box<Inflater>>,
    config: Arc<Config>,
    delivery: Delivery,
    // Set when the peer's Close or the end of the stream was received: nothing more is read. A failure is
    // remembered by the decoder instead.
    ended: bool,
    // Whether a message that lies whole in the input may bypass the decoder: that one is between two
    // messages, and nothing else is in the way. Follows from the fields above.
    between_messages: bool,
    activity: Activity,
}

/// What few connections have at a time.
#[derive(Debug, Default)]
struct Rare {
    // The control frame that is arriving.
    control: Vec<u8>,
    stats: Option<Box<Received>>,
}

impl Receiver {
    pub(crate) fn new(role: Role, config: Arc<Config>) -> Self {
        let stats = Received::new(config.stats);
        let rare = stats.map(|stats| Rare { stats: Some(stats), ..Rare::default() });
        Self {
            decoder: Decoder::new(role),
            assembly: None,
            #[cfg(feature = "deflate")]
            inflater: None,
            config,
            delivery: Delivery::default(),
            ended: false,
            between_messages: rare.is_none(),
            rare: rare.map(Box::new),
            activity: Activity::default(),
        }
    }

    /// Receives a message that lies whole at the front of the input, if there is one; see [`whole`]. If it
    /// is not valid, [`receive`](Self::receive) returns the error.
    #[inline]
    pub(crate) fn receive_whole<'buf>(
        &mut self,
        input: &mut Input<'buf>,
    ) -> Option<WholeMessage<'buf>> {
        if !self.between_messages {
            return None;
        }
        let (opcode, payload) = whole::take_message(input, self.decoder.role())?;
        self.activity.life = true;
        self.activity.message = true;
        match assembly::whole(opcode, payload, &self.config) {
            Ok(message) => Some(message),
            Err(error) => {
                self.decoder.fail(error);
                None
            }
        }
    }

    /// Receives anything.
    pub(crate) fn receive<'buf>(
        &mut self,
        input: &mut Input<'buf>,
        report: &mut impl ControlSink,
    ) -> Result<Option<Event<'buf>>, ProtocolError> {
        if self.ended {
            input.take(usize::MAX);
            return Ok(None);
        }
        self.activity.life |= !input.is_empty() && !self.decoder.has_failed();
        let received = loop {
            let delivered = match self.decode_piece(input) {
                Some(part) => self.collect(part),
                None => match self.decoder.decode(input) {
                    Ok(None) => break Ok(None),
                    Ok(Some(chunk)) => self.take(chunk, input, report),
                    Err(error) => Err(error),
                },
            };
            match delivered {
                Ok(None) if input.is_empty() => break Ok(None),
                Ok(None) => {}
                Ok(event) => break Ok(event),
                Err(error) => break Err(self.fail(error, input, report)),
            }
        };
        if let (Ok(Some(event)), Some(stats)) = (&received, self.stats()) {
            stats.delivered(event);
        }
        self.note_place();
        received
    }

    /// Returns what is counted, if anything is.
    fn stats(&mut self) -> Option<&mut Received> {
        self.rare.as_mut()?.stats.as_deref_mut()
    }

    /// Returns what was received so far, if it is counted.
    pub(crate) fn traffic(&self) -> Option<Traffic> {
        Some(self.rare.as_ref()?.stats.as_ref()?.traffic())
    }

    /// Returns what is known of the last message, if it is counted.
    pub(crate) fn message_info(&self) -> Option<MessageInfo> {
        self.rare.as_ref()?.stats.as_ref()?.message_info()
    }

    /// Records what is done `now` because it was due.
    pub(crate) fn note_due(&mut self, due: Due, now: Instant) {
        if let (Due::Ping, Some(stats)) = (due, self.stats()) {
            stats.round_trip.ping(now);
        }
    }

    /// Records the events since the last call as happening `now`.
    #[inline]
    pub(crate) fn note_time(&mut self, now: Instant) {
        if let Some(stats) = self.stats() {
            stats.round_trip.note(now);
        }
    }

    /// Returns how long the last keep-alive Ping took to be answered, if that is measured.
    pub(crate) fn latency(&self) -> Option<Duration> {
        self.rare.as_ref()?.stats.as_ref()?.round_trip.last()
    }

    /// Records that the event that was received last is delivered later.
    #[inline]
    pub(crate) fn put_aside(&mut self) {
        if let Some(stats) = self.stats() {
            stats.put_aside();
        }
    }

    /// Records that the first of the events that were put aside is delivered now.
    #[inline]
    pub(crate) fn take_aside(&mut self) {
        if let Some(stats) = self.stats() {
            stats.take_aside();
        }
    }

    /// Records that nothing more will come.
    pub(crate) fn receive_eof(&mut self) {
        if !self.decoder.has_failed() {
            self.ended = true;
        }
        self.stop();
    }

    pub(crate) fn set_delivery(&mut self, delivery: Delivery) {
        self.delivery = delivery;
        #[cfg(feature = "deflate")]
        self.decoder.set_small_pieces(delivery == Delivery::Chunks);
        self.note_place();
    }

    /// Sets the inflater of compressed messages from now on.
    #[cfg(feature = "deflate")]
    pub(crate) fn set_inflater(&mut self, inflater: Inflater) {
        self.decoder.allow_rsv1(true);
        self.inflater = Some(Box::new(inflater));
    }

    /// Returns whether a message is arriving.
    pub(crate) fn has_unfinished(&self) -> bool {
        self.activity.unfinished
    }

    pub(crate) fn take_activity(&mut self) -> Activity {
        let activity = self.activity;
        self.activity = Activity { unfinished: activity.unfinished, ..Activity::default() };
        activity
    }

    /// Puts back marks that were taken and not used.
    #[cfg(feature = "std")]
    pub(crate) fn put_activity(&mut self, activity: Activity) {
        self.activity.life |= activity.life;
        self.activity.message |= activity.message;
        self.activity.began |= activity.began;
    }

    pub(crate) fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Records whether a whole message may come next.
    fn note_place(&mut self) {
        self.between_messages = !self.ended
            && self.delivery == Delivery::Messages
            && self.decoder.is_at_boundary()
            && self.rare.is_none();
    }

    #[inline]
    fn is_whole_message(&self, chunk: &Chunk<'_>) -> bool {
        chunk.first
            && chunk.last
            && chunk.header.fin
            && !chunk.header.rsv1
            && matches!(chunk.header.opcode, Opcode::Text | Opcode::Binary)
            && self.delivery == Delivery::Messages
    }

    /// Takes a later piece of the message that is arriving, if its bytes are to be stored as they are.
    #[inline]
    fn decode_piece<'buf>(&mut self, input: &mut Input<'buf>) -> Option<FramePiece<'buf>> {
        if self.assembly.as_ref()?.stores_payload() {
            self.decoder.decode_piece(input)
        } else {
            None
        }
    }

    /// Stores a part of a message; returns the message if that is all of it.
    fn collect(&mut self, part: FramePiece<'_>) -> Result<Option<Event<'static>>, ProtocolError> {
        self.count_part(&part);
        let Some(assembly) = &mut self.assembly else {
            return Ok(None);
        };
        self.activity.message = true;
        if part.begins {
            assembly.begin_fragment(part.payload.len() as u64, &self.config)?;
        }
        let fin = part.fin && part.remaining == 0;
        let place = Extent { fin, to_come: part.remaining, last_frame: part.fin };
        assembly.store(part.payload, place)?;
        if !fin {
            return Ok(None);
        }
        let message = assembly.finish()?;
        self.assembly = None;
        self.activity.unfinished = false;
        Ok(Some(message))
    }

    /// Takes a piece of any frame; returns what can be delivered now.
    fn take<'buf>(
        &mut self,
        chunk: Chunk<'buf>,
        input: &mut Input<'buf>,
        report: &mut impl ControlSink,
    ) -> Result<Option<Event<'buf>>, ProtocolError> {
        if let Some(stats) = self.stats() {
            if chunk.first {
                stats.frame_began(&chunk.header);
            }
            stats.bytes(chunk.header.opcode, chunk.payload.len());
        }
        if self.is_whole_message(&chunk) {
            self.activity.message = true;
            return assembly::whole(chunk.header.opcode, chunk.payload, &self.config)
                .map(|message| Some(message.into()));
        }
        if !chunk.header.opcode.is_control() {
            return self.assemble(chunk);
        }
        let event = self.control(chunk, report)?;
        if matches!(event, Some(Event::Close(_))) {
            // All that follows the peer's Close is discarded (§1.4).
            self.ended = true;
            self.stop();
            input.take(usize::MAX);
        }
        Ok(event)
    }

    /// Counts a later part of a message.
    fn count_part(&mut self, part: &FramePiece<'_>) {
        let masking_key = (self.decoder.role() == Role::Server).then_some([0; 4]);
        let Some(stats) = self.stats() else {
            return;
        };
        let len = part.payload.len();
        if part.begins {
            stats.frame_began(&FrameHeader {
                opcode: Opcode::Continuation,
                fin: part.fin,
                rsv1: false,
                masking_key,
                payload_len: part.remaining + len as u64,
            });
        }
        stats.bytes(Opcode::Continuation, len);
    }

    #[cold]
    fn fail(
        &mut self,
        error: ProtocolError,
        input: &mut Input<'_>,
        report: &mut impl ControlSink,
    ) -> ProtocolError {
        self.decoder.fail(error);
        self.stop();
        input.take(usize::MAX);
        report.failed(error);
        error
    }

    fn assemble<'buf>(&mut self, chunk: Chunk<'buf>) -> Result<Option<Event<'buf>>, ProtocolError> {
        self.activity.message = true;
        let header = chunk.header;
        let fin = header.fin && chunk.last;
        if chunk.first && header.opcode != Opcode::Continuation {
            let mut assembly = Assembly::new(&header, self.delivery, &self.config);
            if fin {
                // All of it: it needs no box.
                return self.add(&mut assembly, chunk);
            }
            self.activity.began = true;
            self.activity.unfinished = true;
            self.assembly = Some(Box::new(assembly));
        }
        // The decoder lets no continuation pass that has nothing to continue.
        let mut assembly = self.assembly.take().ok_or(ProtocolError::UnexpectedContinuation)?;
        let event = self.add(&mut assembly, chunk)?;
        if fin {
            self.activity.unfinished = false;
        } else {
            self.assembly = Some(assembly);
        }
        Ok(event)
    }

    /// Adds a piece to a message; returns what can be delivered now.
    #[cfg_attr(
        not(feature = "deflate"),
        allow(clippy::needless_pass_by_ref_mut, reason = "what inflates changes")
    )]
    #[inline]
    fn add<'buf>(
        &mut self,
        assembly: &mut Assembly,
        chunk: Chunk<'buf>,
    ) -> Result<Option<Event<'buf>>, ProtocolError> {
        let header = chunk.header;
        if chunk.first {
            assembly.begin_frame(&header, &self.config)?;
        }
        let fin = header.fin && chunk.last;
        let place = Extent { fin, to_come: self.decoder.remaining(), last_frame: header.fin };
        #[cfg(feature = "deflate")]
        if let Some(inflater) = &mut self.inflater
            && assembly.is_compressed()
        {
            if chunk.first {
                inflater.begin_frame(header.payload_len)?;
            }
            return inflate(inflater, assembly, chunk.payload, place);
        }
        assembly.push(chunk.payload, place)
    }

    fn control<'buf>(
        &mut self,
        chunk: Chunk<'buf>,
        report: &mut impl ControlSink,
    ) -> Result<Option<Event<'buf>>, ProtocolError> {
        let payload = if chunk.first && chunk.last {
            Cow::Borrowed(&*chunk.payload)
        } else {
            let held = &mut self.rare.get_or_insert_default().control;
            held.extend_from_slice(chunk.payload);
            if !chunk.last {
                return Ok(None);
            }
            Cow::Owned(self.take_control())
        };
        Ok(Some(match chunk.header.opcode {
            Opcode::Ping => {
                report.ping_received(&payload);
                Event::Ping(payload)
            }
            Opcode::Close => {
                let frame = CloseFrame::decode(&payload)?;
                report.close_received(frame.clone());
                Event::Close(frame)
            }
            _ => {
                if let Some(stats) = self.stats() {
                    stats.round_trip.pong(&payload);
                }
                Event::Pong(payload)
            }
        }))
    }

    /// Takes the control frame that was arriving.
    fn take_control(&mut self) -> Vec<u8> {
        let Some(rare) = &mut self.rare else {
            return Vec::new();
        };
        let control = core::mem::take(&mut rare.control);
        if rare.stats.is_none() {
            self.rare = None;
        }
        control
    }

    /// Drops unfinished messages: nothing more will be read.
    fn stop(&mut self) {
        self.note_place();
        self.assembly = None;
        drop(self.take_control());
        self.activity.unfinished = false;
        #[cfg(feature = "deflate")]
        {
            self.inflater = None;
        }
    }
}

/// Inflates a piece of a compressed message; returns what can be delivered now.
#[cfg(feature = "deflate")]
fn inflate(
    inflater: &mut Inflater,
    assembly: &mut Assembly,
    payload: &[u8],
    place: Extent,
) -> Result<Option<Event<'static>>, ProtocolError> {
    let mut inflated = Inflated { assembly, place, chunk: Vec::new() };
    let result = inflater.push(payload, place.fin, &mut inflated);
    let Inflated { assembly, chunk, .. } = inflated;
    if assembly.delivers_chunks() {
        // Bytes before an error may be wrong themselves.
        let fin = place.fin && result.is_ok();
        let event = assembly.push(&chunk, Extent { fin, ..place })?.map(Event::into_owned);
        return result.map(|()| event);
    }
    result?;
    if place.fin { assembly.finish().map(Some) } else { Ok(None) }
}

/// Where the bytes of a compressed message go.
#[cfg(feature = "deflate")]
struct Inflated<'a> {
    assembly: &'a mut Assembly,
    // Where the compressed bytes lie.
    place: Extent,
    // The bytes to deliver at once, when messages are delivered in chunks.
    chunk: Vec<u8>,
}

#[cfg(feature = "deflate")]
impl Sink for Inflated<'_> {
    fn room(&self) -> u64 {
        self.assembly.room()
    }

    fn too_big(&self) -> ProtocolError {
        self.assembly.too_big(0)
    }

    fn push(&mut self, inflated: &[u8], used: usize, left: usize) -> Result<(), ProtocolError> {
        self.assembly.grow(inflated.len() as u64)?;
        if self.assembly.delivers_chunks() {
            self.chunk.extend_from_slice(inflated);
            return Ok(());
        }
        // The rest is taken to be as compressible as this piece.
        let to_come = (left as u64).saturating_mul((inflated.len() / used.max(1)) as u64);
        let last_frame = self.place.fin;
        self.assembly.store(inflated, Extent { to_come, last_frame, ..self.place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does nothing: there are no control frames.
    struct Silence;

    impl ControlSink for Silence {
        fn close_received(&mut self, frame: CloseFrame) {
            panic!("{frame}");
        }

        fn failed(&mut self, error: ProtocolError) {
            panic!("{error}");
        }

        fn ping_received(&mut self, payload: &[u8]) {
            panic!("{payload:?}");
        }
    }

    // Nothing else shows whether the shortcuts are taken: the general way has the same result.
    #[test]
    fn whole_messages_and_parts_of_them_are_taken_by_the_shortcuts() {
        let mut receiver = Receiver::new(Role::Client, Arc::default());
        let mut bytes = *b"\x81\x01a\x01\x01b\x80\x02cd";
        let mut input = Input::new(&mut bytes);
        assert!(matches!(receiver.receive_whole(&mut input), Some(WholeMessage::Text("a"))));
        assert_eq!(input.len(), 7);
        assert!(receiver.receive_whole(&mut input).is_none(), "a fragment");

        let fragment = input.take(3);
        assert_eq!(receiver.receive(&mut Input::new(fragment), &mut Silence), Ok(None));
        assert!(receiver.receive_whole(&mut input).is_none(), "inside a message");
        let part = receiver.decode_piece(&mut input).unwrap();
        assert!(*part.payload == *b"cd" && part.fin && part.begins);

        // In chunks nothing is stored, so everything goes the general way.
        receiver.set_delivery(Delivery::Chunks);
        let mut bytes = *b"\x81\x01a";
        assert!(receiver.receive_whole(&mut Input::new(&mut bytes)).is_none());
    }
}
