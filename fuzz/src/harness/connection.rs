//! A connection in either role that reads whatever comes.

use std::sync::Arc;

use framewise::{
    Config, Connection, Delivery, EndOfStream, Event, Input, Output, ProtocolError, Role, State,
    frame::Opcode,
};

use super::{
    cut::Stream,
    naive::{self, Expected},
};

/// More than the limit of the output: control frames that were let in last, and a Close.
pub(super) const RESERVE: usize = (4 << 10) + 3 * 131;

/// How much of what two halves owe one another is kept for certain.
const MAX_OWED: usize = 1 << 10;

/// A server reads octets.
pub fn server(stream: &Stream<'_>) {
    receive(Role::Server, stream);
}

/// A client reads octets.
pub fn client(stream: &Stream<'_>) {
    receive(Role::Client, stream);
}

/// What a machine made of its input.
#[derive(Debug, PartialEq)]
pub(super) struct Transcript {
    pub(super) events: Vec<Event<'static>>,
    pub(super) error: Option<ProtocolError>,
    pub(super) output: Vec<u8>,
    pub(super) state: State,
    pub(super) end: EndOfStream,
}

fn receive(role: Role, stream: &Stream<'_>) {
    let mut config = Config::default();
    // More than an input of the fuzzer can have of it, or so little that it has.
    (config.max_message_size, config.max_fragments) =
        if stream.flag(0) { (300, 5) } else { (1 << 20, 1 << 16) };
    config.max_output = if stream.flag(1) { 0 } else { 1 << 12 };
    let config = Arc::new(config);
    let end = || new(role, &config);

    let whole = transcript(end(), Delivery::Messages, &stream.whole());
    let Expected { events, error, answers } = naive::read(role, &config, stream.octets);
    assert_eq!((&whole.events, whole.error), (&events, error));
    let octets = |(_, payload): &(Opcode, Vec<u8>)| payload.len() + 6;
    let answered: usize = answers.iter().map(octets).sum();
    answer(role, &whole.output, &answers, answered < MAX_OWED);
    let (state, end_of_stream) = match (whole.error, whole.events.last()) {
        (Some(_), _) => (State::Failed, EndOfStream::Incomplete),
        (None, Some(Event::Close(_))) => (State::Closing, EndOfStream::Clean),
        (None, _) => (State::Open, EndOfStream::Lost),
    };
    assert_eq!((whole.state, whole.end), (state, end_of_stream));

    assert_eq!(whole, transcript(end(), Delivery::Messages, &stream.pieces()));
    assert_eq!(whole, transcript(end(), Delivery::Chunks, &stream.pieces()));
    let halves = transcript_of_halves(end(), &stream.pieces());
    answer(role, &halves.output, &answers, answered < MAX_OWED);
    assert_eq!(whole, Transcript { output: whole.output.clone(), ..halves });
}

/// Checks the frames that answer: all of them, or so many that the last one is there, be it a Close or
/// the answer to the last Ping (§5.5.3).
fn answer(role: Role, output: &[u8], expected: &[(Opcode, Vec<u8>)], all: bool) {
    let said = said(role, output);
    if all {
        assert_eq!(said, expected);
        return;
    }
    let mut rest = expected.iter();
    assert!(said.iter().all(|frame| rest.any(|expected| expected == frame)), "another answer");
    assert_eq!(said.last(), expected.last(), "the last one is answered");
}

pub(super) fn new(role: Role, config: &Arc<Config>) -> Connection {
    match role {
        Role::Client => Connection::client(Arc::clone(config), [7; 32]),
        Role::Server => Connection::server(Arc::clone(config)),
    }
}

/// Has a connection read pieces, and then the end of the stream.
pub(super) fn transcript(
    connection: Connection,
    delivery: Delivery,
    pieces: &[&[u8]],
) -> Transcript {
    transcript_beside(connection, delivery, pieces, || ())
}

/// The same, with something else to do for the thread in front of each event.
pub(super) fn transcript_beside(
    mut connection: Connection,
    delivery: Delivery,
    pieces: &[&[u8]],
    mut other: impl FnMut(),
) -> Transcript {
    connection.set_delivery(delivery);
    let mut reading = Reading { delivery: Some(delivery), ..Reading::default() };
    for piece in pieces {
        reading.read(piece, |input| {
            other();
            connection.receive(input)
        });
        let len = connection.output().len();
        assert!(len <= connection.config().max_output + RESERVE, "{len} octets wait");
        assert_eq!(connection.has_output(), len != 0);
    }
    let mut output = Vec::new();
    while connection.has_output() {
        output.extend(drain(connection.output()));
    }
    let state = connection.state();
    let end = connection.receive_eof();
    reading.end(|input| connection.receive(input));
    assert!(!connection.has_output(), "nothing is answered at the end");
    assert_eq!((connection.state(), connection.end()), (State::Closed, Some(end)));
    let Reading { events, error, .. } = reading;
    Transcript { events, error, output, state, end }
}

/// Has the halves of a connection read pieces, and then the end of the stream.
fn transcript_of_halves(connection: Connection, pieces: &[&[u8]]) -> Transcript {
    let (mut receiving, mut sending) = connection.into_split();
    let (mut reading, mut output) = (Reading::default(), Vec::new());
    for piece in pieces {
        reading.read(piece, |input| receiving.receive(input));
        let owes = receiving.owes_reply();
        assert_eq!(sending.has_output(), owes);
        while sending.has_output() {
            output.extend(drain(sending.output()));
        }
        assert!(!receiving.owes_reply(), "the answer is queued");
    }
    let state = sending.state();
    assert_eq!(receiving.state(), state);
    let end = receiving.receive_eof();
    reading.end(|input| receiving.receive(input));
    let connection = receiving.reunite(sending).expect("halves of one connection");
    assert!(!connection.has_output(), "nothing is answered at the end");
    assert_eq!((connection.state(), connection.end()), (State::Closed, Some(end)));
    let Reading { events, error, .. } = reading;
    Transcript { events, error, output, state, end }
}

/// Takes all output.
pub(super) fn drain(output: &mut Output) -> Vec<u8> {
    let octets = output.chunks().collect::<Vec<_>>().concat();
    assert_eq!(octets.len(), output.len());
    output.advance(octets.len());
    octets
}

/// Returns the opcodes and payloads of the frames in the output of an endpoint.
pub(super) fn said(role: Role, output: &[u8]) -> Vec<(Opcode, Vec<u8>)> {
    let peer = if role == Role::Client { Role::Server } else { Role::Client };
    let (frames, error) = naive::frames(peer, true, output);
    assert_eq!(error, None, "our own frames are good");
    let whole = |frame: naive::Frame| {
        assert!(frame.is_finished(), "half a frame");
        (frame.header.opcode, frame.payload)
    };
    frames.into_iter().map(whole).collect()
}

/// The events of a stream, chunks put together.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) events: Vec<Event<'static>>,
    pub(super) error: Option<ProtocolError>,
    begun: Option<Event<'static>>,
    /// How messages are delivered, if that never changes.
    delivery: Option<Delivery>,
}

impl Reading {
    /// Reads a piece.
    pub(super) fn read(
        &mut self,
        piece: &[u8],
        mut receive: impl for<'b> FnMut(&mut Input<'b>) -> Result<Option<Event<'b>>, ProtocolError>,
    ) {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        loop {
            match receive(&mut input) {
                Ok(Some(event)) => {
                    assert_eq!(self.error, None, "an event after an error");
                    self.push(event.into_owned());
                }
                Ok(None) => break,
                Err(failure) => {
                    assert_eq!(*self.error.get_or_insert(failure), failure, "another error");
                    break;
                }
            }
        }
        assert!(input.is_empty(), "input is left");
    }

    /// Reads behind the end.
    fn end(
        &mut self,
        receive: impl for<'b> FnMut(&mut Input<'b>) -> Result<Option<Event<'b>>, ProtocolError>,
    ) {
        let (before, error) = (self.events.len(), self.error);
        self.read(b"\x81\x80\0\0\0\0\x81\0", receive);
        assert_eq!((self.events.len(), self.error), (before, error), "read behind the end");
    }

    /// Adds an event, or a chunk to the message that it belongs to.
    fn push(&mut self, event: Event<'static>) {
        let delivery = match event {
            Event::BinaryChunk { .. } | Event::TextChunk { .. } => Some(Delivery::Chunks),
            Event::Binary(_) | Event::Text(_) => Some(Delivery::Messages),
            _ => None,
        };
        let is_right = [None, delivery].contains(&self.delivery) || delivery.is_none();
        assert!(is_right, "{event:?} with {:?}", self.delivery);
        let whole = match (self.begun.take(), event) {
            (begun, Event::TextChunk { text, fin }) => {
                let mut whole = match begun {
                    None => String::new(),
                    Some(Event::Text(begun)) => begun.into_owned(),
                    Some(begun) => panic!("text in {begun:?}"),
                };
                whole.push_str(&text);
                (fin, Event::Text(whole.into()))
            }
            (begun, Event::BinaryChunk { payload, fin }) => {
                let mut whole = match begun {
                    None => Vec::new(),
                    Some(Event::Binary(begun)) => begun.into_owned(),
                    Some(begun) => panic!("binary in {begun:?}"),
                };
                whole.extend_from_slice(&payload);
                (fin, Event::Binary(whole.into()))
            }
            (begun, event) => {
                self.begun = begun;
                (true, event)
            }
        };
        match whole {
            (true, event) => self.events.push(event),
            (false, begun) => self.begun = Some(begun),
        }
    }
}
