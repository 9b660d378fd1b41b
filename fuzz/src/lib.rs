//! What all fuzz targets check, written against the public API.
//!
//! The invariants:
//!
//! - nothing panics, whatever octets come
//! - the same octets give the same events, the same error and the same output, however they are cut
//! - what is waiting to be written stays within the limits
//! - after an error nothing leaves but one Close, and the error stays the same
//! - two machines of our own never fail one another
//! - what one of our own compresses, the other inflates to the same
//! - what one of our own offers or answers, the other understands

use std::sync::Arc;

use arbitrary::Arbitrary;
use framewise::{
    Config, Connection, Delivery, Event, Input, Message, Payload, ProtocolError, Role, State,
    deflate::{
        AgreedParameters, BitsWish, DeflateConfig, Level, MemoryLevel, PreparedMessage, WindowBits,
        Wish,
    },
    frame::{FrameHeader, Opcode},
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
    transcript_of(connection(role), delivery, pieces)
}

fn transcript_of<'a>(
    mut connection: Connection,
    delivery: Delivery,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Transcript {
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
    let mut config = Config::clone(&config());
    config.deflate = Some(DeflateConfig::default());
    let config = Arc::new(config);
    let server = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut handshake = ServerHandshake::new(Arc::clone(&config));
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
        let mut handshake = ClientHandshake::new(request, Arc::clone(&config), [7; 32]);
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

/// What two ends have agreed upon.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Agreed {
    /// The windows of the client and of the server.
    pub bits: [u8; 2],
    /// Whether each of them compresses messages for themselves.
    pub no_takeover: [bool; 2],
}

impl Agreed {
    fn parameters(self) -> AgreedParameters {
        let [client, server] =
            self.bits.map(|bits| WindowBits::new(8 + bits % 8).expect("8 to 15"));
        let mut agreed = AgreedParameters::default();
        [agreed.client_max_window_bits, agreed.server_max_window_bits] = [client, server];
        [agreed.client_no_context_takeover, agreed.server_no_context_takeover] = self.no_takeover;
        agreed
    }
}

/// A frame of a message.
#[derive(Arbitrary, Debug)]
pub struct Piece<'a> {
    /// Whether the message is a text.
    pub text: bool,
    /// Whether the message ends with it.
    pub fin: bool,
    /// Whether the message is compressed.
    pub rsv1: bool,
    /// The payload.
    pub octets: &'a [u8],
}

/// A message of our own.
#[derive(Arbitrary, Debug)]
pub struct Sent<'a> {
    /// How it is sent.
    pub how: How,
    /// How often it repeats itself.
    pub times: u16,
    /// What it says.
    pub octets: &'a [u8],
}

/// How a message is sent.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum How {
    /// In one frame.
    Whole,
    /// In two fragments.
    Fragments,
    /// As it is.
    Plain,
    /// Prepared for many.
    Prepared,
}

/// What compressing ends do.
#[derive(Arbitrary, Debug)]
pub enum Compressed<'a> {
    /// Reads what is said to be compressed, cut in two ways.
    Receive { agreed: Agreed, lengths: [u8; 4], pieces: Vec<Piece<'a>> },
    /// Sends messages to one another.
    Pair { agreed: Agreed, level: u8, memory_level: u8, shared: bool, sent: Vec<(bool, Sent<'a>)> },
}

/// Compressed messages: any octets, or those of our own.
pub fn deflate(input: &Compressed<'_>) {
    match input {
        Compressed::Receive { agreed, lengths, pieces } => {
            for role in [Role::Client, Role::Server] {
                inflate(role, *agreed, *lengths, pieces);
            }
        }
        Compressed::Pair { agreed, level, memory_level, shared, sent } => {
            let mut config = DeflateConfig::default();
            config.level = Level::new(level % 10).expect("0 to 9");
            config.memory_level = MemoryLevel::new(1 + memory_level % 9).expect("1 to 9");
            config.shared_compressor = *shared;
            config.threshold = 0;
            round_trip(*agreed, config, sent);
        }
    }
}

fn compressing(role: Role, agreed: Agreed, max: u64, deflate: DeflateConfig) -> Connection {
    let mut config = Config::default();
    config.max_message_size = max;
    config.max_fragments = 1 << 12;
    config.deflate = Some(deflate);
    let mut connection = match role {
        Role::Client => Connection::client(config, [7; 32]),
        Role::Server => Connection::server(config),
    };
    connection.set_deflate(agreed.parameters());
    connection
}

fn inflate(role: Role, agreed: Agreed, lengths: [u8; 4], pieces: &[Piece<'_>]) {
    let mut octets = Vec::new();
    let mut fragmented = false;
    for piece in pieces {
        let opcode = match piece.text {
            _ if fragmented => Opcode::Continuation,
            true => Opcode::Text,
            false => Opcode::Binary,
        };
        let header = FrameHeader {
            opcode,
            fin: piece.fin,
            rsv1: piece.rsv1 && !fragmented,
            // A key that leaves the payload as it is.
            masking_key: (role == Role::Server).then_some([0; 4]),
            payload_len: piece.octets.len() as u64,
        };
        octets.extend_from_slice(header.encode(&mut [0; FrameHeader::MAX_LEN]));
        octets.extend_from_slice(piece.octets);
        fragmented = !piece.fin;
    }
    let cut = Cut { lengths, octets: &octets };
    for max in [1000, 1 << 17] {
        let end = || compressing(role, agreed, max, DeflateConfig::default());
        let whole = transcript_of(end(), Delivery::Messages, std::iter::once(cut.octets));
        for event in &whole.events {
            let len = match event {
                Event::Text(text) => text.len(),
                Event::Binary(payload) => payload.len(),
                _ => 0,
            };
            assert!(len as u64 <= max, "the limit is exceeded");
        }
        let pieces = transcript_of(end(), Delivery::Messages, cut.pieces());
        assert_eq!(whole, pieces);
        let chunks = transcript_of(end(), Delivery::Chunks, cut.pieces());
        assert_eq!(whole.error, chunks.error);
        assert_eq!(whole.output, chunks.output);
        let messages = chunks.events.into_iter().filter_map(|event| match event {
            Event::TextChunk { text, fin } => fin.then_some(Event::Text(text)),
            Event::BinaryChunk { payload, fin } => fin.then_some(Event::Binary(payload)),
            event => Some(event),
        });
        assert_eq!(whole.events, messages.collect::<Vec<_>>());
    }
}

fn round_trip(agreed: Agreed, config: DeflateConfig, sent: &[(bool, Sent<'_>)]) {
    let mut ends = [Role::Client, Role::Server]
        .map(|role| compressing(role, agreed, 16 << 20, config.clone()));
    for (client, Sent { how, times, octets }) in sent {
        let times = usize::from(*times).min((1 << 17) / octets.len().max(1));
        let message = octets.repeat(times);
        let [from, to] = if *client { [0, 1] } else { [1, 0] };
        let end = &mut ends[from];
        let result = match how {
            How::Whole => end.send(&message),
            How::Fragments => {
                let (begin, rest) = message.split_at(message.len() / 3);
                end.send_fragment(begin, false).and_then(|()| end.send_fragment(rest, true))
            }
            How::Plain => end.send(Payload::from(&message).uncompressed()),
            How::Prepared => end.send(PreparedMessage::new(&message, &config)),
        };
        result.expect("the output was taken");
        let mut received: [Vec<Message>; 2] = Default::default();
        while ends[from].has_output() {
            deliver(&mut ends, &mut received, from, usize::MAX);
        }
        assert_eq!(received[to], [Message::Binary(message)]);
    }
}

/// The text of a header, and what both ends want.
#[derive(Arbitrary, Debug)]
pub struct Negotiation<'a> {
    /// What the client wants, in order.
    pub client: [[u8; 4]; 2],
    /// What the server wants, in order.
    pub server: [[u8; 4]; 2],
    /// A header's value.
    pub text: &'a [u8],
}

/// Makes a configuration of two sets of four wishes.
fn wishes(sets: [[u8; 4]; 2]) -> DeflateConfig {
    let wish = |number: u8| [Wish::Allow, Wish::Ask, Wish::Refuse][usize::from(number % 3)];
    let bits = |number: u8| match number % 10 {
        0 => BitsWish::Allow,
        1 => BitsWish::Refuse,
        bits => BitsWish::Ask(WindowBits::new(6 + bits).expect("8 to 15")),
    };
    let [first, second] = sets.map(|[a, b, c, d]| {
        let mut parameters = framewise::deflate::Parameters::default();
        parameters.client_no_context_takeover = wish(a);
        parameters.client_max_window_bits = bits(b);
        parameters.server_no_context_takeover = wish(c);
        parameters.server_max_window_bits = bits(d);
        parameters
    });
    let mut config = DeflateConfig::default();
    config.parameters = first;
    config.fallbacks = vec![second];
    config
}

/// What both ends make of any header, and of one another's.
pub fn extensions(input: &Negotiation<'_>) {
    let (client, server) = (wishes(input.client), wishes(input.server));
    // An answer that is accepted is one that reads the same again.
    if let Ok(Some(agreed)) = server.respond(input.text) {
        let text = agreed.to_string();
        // A client that wants nothing in particular, and cannot compress with 8 bits.
        let read = DeflateConfig::default().confirm(text.as_bytes());
        if agreed.client_max_window_bits.get() > 8 {
            assert_eq!(read.map(|agreed| agreed.map(|agreed| agreed.to_string())), Ok(Some(text)));
        }
    }
    if let Ok(Some(agreed)) = client.confirm(input.text) {
        assert!(agreed.client_max_window_bits.get() >= 9, "nobody compresses with less");
        assert!(client.offer().is_some(), "an answer without a question");
    }
    // What one offers and the other accepts, the one understands; it may not like what it does
    // not ask for.
    let Some(offer) = client.offer() else {
        return;
    };
    let response = server.respond(offer.as_bytes()).expect("our own offer is good");
    if let Some(agreed) = response {
        assert!(agreed.server_max_window_bits.get() >= 9, "nobody compresses with less");
        match client.confirm(agreed.to_string().as_bytes()) {
            Ok(Some(confirmed)) => {
                let limits = |agreed: AgreedParameters| {
                    (agreed.server_max_window_bits, agreed.server_no_context_takeover)
                };
                assert_eq!(limits(confirmed), limits(agreed));
                // The client keeps to what was agreed upon, or to less.
                assert!(confirmed.client_max_window_bits <= agreed.client_max_window_bits);
                assert!(confirmed.client_no_context_takeover || !agreed.client_no_context_takeover);
            }
            Ok(None) => panic!("the answer is lost"),
            Err(error) => assert_eq!(error, HandshakeError::InvalidDeflate),
        }
    }
}
