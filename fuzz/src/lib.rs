//! What all fuzz targets check, written against the public API.
//!
//! The invariants:
//!
//! - nothing panics, whatever octets come
//! - the same octets give the same events, the same error and the same output, however they are cut
//! - what is waiting to be written stays within the limits
//! - after an error nothing leaves but one Close, and the error stays the same
//! - two machines of our own never fail one another

use std::sync::Arc;

use arbitrary::Arbitrary;
use framewise::{
    Config, Connection, Delivery, Event, Input, Message, ProtocolError, Role, State,
    frame::FrameHeader,
    handshake::{Acceptance, ClientHandshake, ClientRequest, HandshakeError, ServerHandshake},
};

/// Octets and how they are cut.
#[derive(Arbitrary, Debug)]
pub struct Cut<'a> {
    /// Lengths of the pieces; the last one is repeated.
    pub lengths: [u8; 4],
    /// The octets.
    pub octets: &'a [u8],
}

impl Cut<'_> {
    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let mut lengths = self.lengths.iter();
        let mut rest = self.octets;
        std::iter::from_fn(move || {
            let len = usize::from(*lengths.next().unwrap_or(&self.lengths[3])).max(1);
            let (piece, behind) = rest.split_at(len.min(rest.len()));
            rest = behind;
            (!piece.is_empty()).then_some(piece)
        })
    }
}

/// What a machine made of its input.
#[derive(Debug, PartialEq)]
struct Transcript {
    events: Vec<Event<'static>>,
    error: Option<ProtocolError>,
    output: Vec<u8>,
    state: State,
}

fn config() -> Arc<Config> {
    let mut config = Config::default();
    // More than one input of a fuzzer makes of a message in fragments.
    config.max_message_size = 1 << 22;
    config.max_fragments = 1 << 12;
    config.max_output = 1 << 18;
    Arc::new(config)
}

fn connection(role: Role) -> Connection {
    match role {
        Role::Client => Connection::client(config(), [7; 32]),
        Role::Server => Connection::server(config()),
    }
}

fn transcript<'a>(
    role: Role,
    delivery: Delivery,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Transcript {
    let mut connection = connection(role);
    connection.set_delivery(delivery);
    let (mut events, mut error) = (Vec::new(), None);
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        loop {
            match connection.receive(&mut input) {
                Ok(Some(event)) => {
                    assert_eq!(error, None, "an event after an error");
                    push(&mut events, event.into_owned());
                }
                Ok(None) => break,
                Err(failure) => {
                    assert_eq!(*error.get_or_insert(failure), failure, "another error");
                    break;
                }
            }
        }
        assert!(input.is_empty(), "input is left");
        assert!(connection.output().len() <= (1 << 18) + (8 << 10), "too much waits");
    }
    let output = connection.output().chunks().collect::<Vec<_>>().concat();
    Transcript { events, error, output, state: connection.state() }
}

/// Adds an event, and chunks to the message that they belong to.
fn push(events: &mut Vec<Event<'static>>, event: Event<'static>) {
    let unfinished = events
        .iter_mut()
        .rfind(|event| matches!(event, Event::TextChunk { .. } | Event::BinaryChunk { .. }));
    match (unfinished, event) {
        (
            Some(Event::TextChunk { text, fin: ended @ false }),
            Event::TextChunk { text: more, fin },
        ) => {
            text.to_mut().push_str(&more);
            *ended = fin;
        }
        (
            Some(Event::BinaryChunk { payload, fin: ended @ false }),
            Event::BinaryChunk { payload: more, fin },
        ) => {
            payload.to_mut().extend_from_slice(&more);
            *ended = fin;
        }
        // An empty chunk may or may not come with the header of its frame.
        (_, Event::TextChunk { text, fin: false }) if text.is_empty() => {}
        (_, Event::BinaryChunk { payload, fin: false }) if payload.is_empty() => {}
        (_, event) => events.push(event),
    }
}

/// A header decodes to what encodes to the same octets.
pub fn frame_header(octets: &[u8]) {
    let Ok(Some((header, len))) = FrameHeader::decode(octets) else {
        return;
    };
    let mut buf = [0; FrameHeader::MAX_LEN];
    assert_eq!(header.encode(&mut buf), &octets[..len]);
}

/// A connection in either role reads octets, cut in two ways.
pub fn receive(cut: &Cut<'_>) {
    for role in [Role::Client, Role::Server] {
        let whole = transcript(role, Delivery::Messages, std::iter::once(cut.octets));
        let pieces = transcript(role, Delivery::Messages, cut.pieces());
        assert_eq!(whole, pieces);
        let chunks = transcript(role, Delivery::Chunks, cut.pieces());
        assert_eq!(whole.error, chunks.error);
        assert_eq!(whole.output, chunks.output);
    }
}

/// Both roles of the handshake read octets, cut in two ways.
pub fn handshake(cut: &Cut<'_>) {
    let server = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut handshake = ServerHandshake::new(config());
        let result = shake(pieces, |input| {
            let upgrade = handshake.receive(input)?;
            Ok(upgrade.map(|upgrade| {
                upgrade.accept(Acceptance::new()).expect("no subprotocol was chosen")
            }))
        });
        let error = handshake.output().chunks().collect::<Vec<_>>().concat();
        (result.map(|(mut connection, rest)| (connection.output().chunk().to_vec(), rest)), error)
    };
    assert_eq!(server(&mut std::iter::once(cut.octets)), server(&mut cut.pieces()));

    let client = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let request = ClientRequest::new("ws://host/").expect("a valid URI");
        let mut handshake = ClientHandshake::new(request, config(), [7; 32]);
        let result = shake(pieces, |input| handshake.receive(input));
        match result {
            Ok((established, rest)) => Ok((established.response, rest)),
            // What came of the body depends on the cut.
            Err(Some(HandshakeError::Rejected(response))) => Err(Some(Err(response.status()))),
            Err(error) => Err(error.map(Ok)),
        }
    };
    assert_eq!(client(&mut std::iter::once(cut.octets)), client(&mut cut.pieces()));
}

fn shake<T>(
    pieces: &mut dyn Iterator<Item = &[u8]>,
    mut receive: impl FnMut(&mut Input<'_>) -> Result<Option<T>, HandshakeError>,
) -> Result<(T, Vec<u8>), Option<HandshakeError>> {
    while let Some(piece) = pieces.next() {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        if let Some(done) = receive(&mut input)? {
            let mut rest = input.as_slice().to_vec();
            pieces.for_each(|piece| rest.extend_from_slice(piece));
            return Ok((done, rest));
        }
    }
    Err(None)
}

/// Something that one of two machines does.
#[derive(Arbitrary, Debug)]
pub enum Operation {
    /// Queues a message.
    Send { client: bool, text: bool, len: u16 },
    /// Queues a fragment.
    Fragment { client: bool, text: bool, len: u8, fin: bool },
    /// Queues a Ping.
    Ping { client: bool, len: u8 },
    /// Queues a Close.
    Close { client: bool, code: u16 },
    /// Moves octets.
    Deliver { client: bool, len: u16 },
}

/// Two machines of our own do as they like, over a link that cuts.
pub fn pair(operations: &[Operation]) {
    let mut ends = [connection(Role::Client), connection(Role::Server)];
    let mut sent: [Vec<Message>; 2] = Default::default();
    let mut received: [Vec<Message>; 2] = Default::default();
    let mut open: [Option<Message>; 2] = Default::default();
    let index = |client: bool| usize::from(!client);
    for operation in operations {
        match *operation {
            Operation::Send { client, text, len } => {
                let message = message(text, len.into());
                if ends[index(client)].send(message.clone()).is_ok() {
                    sent[index(client)].push(message);
                }
            }
            Operation::Fragment { client, text, len, fin } => {
                let (end, fragment) = (index(client), message(text, len.into()));
                if ends[end].send_fragment(fragment.clone(), fin).is_ok() {
                    let whole = match (open[end].take(), fragment) {
                        (Some(Message::Text(begun)), Message::Text(more)) => {
                            Message::Text(begun + &more)
                        }
                        (Some(Message::Binary(begun)), Message::Binary(more)) => {
                            Message::Binary([begun, more].concat())
                        }
                        (None, fragment) => fragment,
                        mixed => panic!("mixed fragments: {mixed:?}"),
                    };
                    if fin {
                        sent[end].push(whole);
                    } else {
                        open[end] = Some(whole);
                    }
                }
            }
            Operation::Ping { client, len } => {
                let result = ends[index(client)].ping(&vec![b'p'; len.into()]);
                assert!(len <= 125 || result.is_err());
            }
            Operation::Close { client, code } => {
                let _ = ends[index(client)].close(framewise::CloseCode::from(code), "");
            }
            Operation::Deliver { client, len } => {
                deliver(&mut ends, &mut received, index(client), len.into())
            }
        }
    }
    while ends.iter().any(Connection::has_output) {
        for from in [0, 1] {
            deliver(&mut ends, &mut received, from, usize::MAX);
        }
    }
    for from in [0, 1] {
        // Behind its own Close the peer still reads, behind ours it does not.
        let sent: Vec<_> = sent[from].iter().collect();
        let received: Vec<_> = received[1 - from].iter().collect();
        assert!(sent.starts_with(&received), "a message is lost or changed");
        if ends.iter().all(|end| end.state() == State::Open) {
            assert_eq!(sent, received, "a message is missing");
        }
        assert_ne!(ends[from].state(), State::Failed, "our own pair failed");
    }
}

fn message(text: bool, len: usize) -> Message {
    match text {
        true => Message::Text("€".repeat(len / 3)),
        false => Message::Binary(vec![0xff; len]),
    }
}

fn deliver(ends: &mut [Connection; 2], received: &mut [Vec<Message>; 2], from: usize, len: usize) {
    let output = ends[from].output();
    let len = len.min(output.chunk().len());
    let mut octets = output.chunk()[..len].to_vec();
    output.advance(len);
    let mut input = Input::new(&mut octets);
    while let Some(event) = ends[1 - from].receive(&mut input).expect("our own frames are good") {
        match event {
            Event::Text(text) => received[1 - from].push(Message::Text(text.into_owned())),
            Event::Binary(payload) => {
                received[1 - from].push(Message::Binary(payload.into_owned()))
            }
            _ => {}
        }
    }
}
