//! The receiving direction: octets in, events out (RFC 6455 §6.2).

use alloc::{borrow::Cow, boxed::Box, sync::Arc, vec::Vec};

use crate::{
    CloseFrame, Config, Delivery, Event, Input, ProtocolError, Role,
    frame::{Chunk, Decoder, Opcode},
    link::Report,
    message::{self, Assembly, Place},
    timer::Marks,
};

/// The state of the receiving direction.
#[derive(Debug)]
pub(crate) struct Receiver {
    decoder: Decoder,
    // The message and the control frame in the making. Boxed: few connections have one at a time.
    assembly: Option<Box<Assembly>>,
    #[allow(clippy::box_collection, reason = "8 octets instead of 24 in every connection")]
    control: Option<Box<Vec<u8>>>,
    config: Arc<Config>,
    delivery: Delivery,
    stopped: Option<Stopped>,
    marks: Marks,
}

/// Why nothing more is read.
#[derive(Clone, Copy, Debug)]
enum Stopped {
    /// The peer's Close or the end of the stream was received.
    Ended,
    /// The peer broke the protocol.
    Failed(ProtocolError),
}

impl Receiver {
    pub(crate) fn new(role: Role, config: Arc<Config>) -> Self {
        Self {
            decoder: Decoder::new(role),
            assembly: None,
            control: None,
            config,
            delivery: Delivery::default(),
            stopped: None,
            marks: Marks::default(),
        }
    }

    #[inline]
    pub(crate) fn receive<'buf>(
        &mut self,
        input: &mut Input<'buf>,
        report: &mut impl Report,
    ) -> Result<Option<Event<'buf>>, ProtocolError> {
        if let Some(stopped) = self.stopped {
            input.take(usize::MAX);
            return match stopped {
                Stopped::Ended => Ok(None),
                Stopped::Failed(error) => Err(error),
            };
        }
        self.marks.received |= !input.is_empty();
        loop {
            match self.next(input, report) {
                Ok(Step::Event(event)) => return Ok(Some(event)),
                Ok(Step::More) => {}
                Ok(Step::Wait) => return Ok(None),
                Err(error) => {
                    self.stop(Stopped::Failed(error));
                    input.take(usize::MAX);
                    report.failed(error);
                    return Err(error);
                }
            }
        }
    }

    /// Takes note that nothing more will come.
    pub(crate) fn receive_eof(&mut self) {
        if self.stopped.is_none() {
            self.stop(Stopped::Ended);
        }
    }

    pub(crate) fn set_delivery(&mut self, delivery: Delivery) {
        self.delivery = delivery;
    }

    pub(crate) fn take_marks(&mut self) -> Marks {
        let marks = self.marks;
        self.marks = Marks { unfinished: marks.unfinished, ..Marks::default() };
        marks
    }

    /// Takes marks back that were taken and not used.
    #[cfg(feature = "std")]
    pub(crate) fn put_marks(&mut self, marks: Marks) {
        self.marks.received |= marks.received;
        self.marks.message |= marks.message;
        self.marks.began |= marks.began;
    }

    pub(crate) fn config(&self) -> &Arc<Config> {
        &self.config
    }

    #[inline]
    fn next<'buf>(
        &mut self,
        input: &mut Input<'buf>,
        report: &mut impl Report,
    ) -> Result<Step<'buf>, ProtocolError> {
        let Some(chunk) = self.decoder.decode(input)? else {
            return Ok(Step::Wait);
        };
        let header = chunk.header;
        if header.opcode.is_control() {
            let event = self.control(chunk, report)?;
            if matches!(event, Step::Event(Event::Close(_))) {
                // All that follows the peer's Close is discarded (§1.4).
                self.stop(Stopped::Ended);
                input.take(usize::MAX);
            }
            return Ok(event);
        }
        let whole = chunk.first && chunk.last && header.fin;
        if whole && header.opcode != Opcode::Continuation && self.delivery == Delivery::Messages {
            self.marks.message = true;
            return message::whole(&header, chunk.payload, &self.config).map(Step::Event);
        }
        self.assemble(chunk)
    }

    fn assemble<'buf>(&mut self, chunk: Chunk<'buf>) -> Result<Step<'buf>, ProtocolError> {
        let header = chunk.header;
        if chunk.first && header.opcode != Opcode::Continuation {
            self.assembly = Some(Box::new(Assembly::new(header.opcode, self.delivery)));
            self.marks.began = true;
            self.marks.unfinished = true;
        }
        let Some(assembly) = &mut self.assembly else {
            // The decoder lets no continuation pass that has nothing to continue.
            return Err(ProtocolError::UnexpectedContinuation);
        };
        if chunk.first {
            assembly.begin_frame(&header, &self.config)?;
        }
        self.marks.message = true;
        let fin = header.fin && chunk.last;
        let place = Place { fin, to_come: self.decoder.remaining(), last_frame: header.fin };
        let event = assembly.push(chunk.payload, place)?;
        if fin {
            self.assembly = None;
            self.marks.unfinished = false;
        }
        Ok(event.map_or(Step::More, Step::Event))
    }

    fn control<'buf>(
        &mut self,
        chunk: Chunk<'buf>,
        report: &mut impl Report,
    ) -> Result<Step<'buf>, ProtocolError> {
        let payload = if chunk.first && chunk.last {
            Cow::Borrowed(&*chunk.payload)
        } else {
            let held = self.control.get_or_insert_default();
            held.extend_from_slice(chunk.payload);
            if !chunk.last {
                return Ok(Step::More);
            }
            Cow::Owned(self.control.take().map(|held| *held).unwrap_or_default())
        };
        Ok(Step::Event(match chunk.header.opcode {
            Opcode::Ping => {
                report.ping_received(&payload);
                Event::Ping(payload)
            }
            Opcode::Close => {
                let frame = CloseFrame::decode(&payload)?;
                report.close_received(frame.clone());
                Event::Close(frame)
            }
            _ => Event::Pong(payload),
        }))
    }

    fn stop(&mut self, stopped: Stopped) {
        self.stopped = Some(stopped);
        self.assembly = None;
        self.control = None;
        self.marks.unfinished = false;
    }
}

/// What came of a piece of a frame.
#[derive(Debug)]
enum Step<'buf> {
    /// Something to tell.
    Event(Event<'buf>),
    /// Nothing to tell; there may be more in the input.
    More,
    /// The input is used up.
    Wait,
}
