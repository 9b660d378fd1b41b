//! Compression, both ways.

use std::sync::Arc;

use arbitrary::Arbitrary;
use framewise::{
    Config, Connection, Delivery, Event, Input, Message, Payload, PreparedMessage, Role,
    deflate::{AgreedParameters, DeflateConfig, Level, MemoryLevel, WindowBits},
};

use super::{
    connection::{self, Reading, Transcript, drain, transcript, transcript_beside},
    cut::Stream,
};

/// What two ends have agreed upon.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Agreed {
    /// The windows of the client and of the server.
    pub bits: [u8; 2],
    /// Whether each of them compresses messages for themselves.
    pub no_takeover: [bool; 2],
}

/// A message of our own.
#[derive(Arbitrary, Clone, Debug)]
pub struct Sent<'a> {
    /// Who sends it.
    pub client: bool,
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
    /// In fragments of this length.
    Fragments(u16),
    /// As it is.
    Plain,
    /// Prepared for many.
    Prepared,
    /// In one frame.
    Whole,
}

/// What two ends that compress say to one another, and how.
#[derive(Arbitrary, Clone, Debug)]
pub struct Compressed<'a> {
    /// What they have agreed upon.
    pub agreed: Agreed,
    /// How hard they try.
    pub level: u8,
    /// How much memory they take for it.
    pub memory_level: u8,
    /// Whether one compressor serves all messages, and whether what is small is left as it is.
    pub shared: bool,
    /// Whether what is small is left as it is.
    pub threshold: bool,
    /// The lengths of the reads.
    pub lengths: [u8; 4],
    /// What they send.
    pub sent: Vec<Sent<'a>>,
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

/// Reads frames that are said to be compressed, in either role.
///
/// A client reads the octets as they are; a server reads the same frames under masks.
pub fn inflate(stream: &Stream<'_>) {
    let agreed =
        Agreed { bits: [stream.flags & 7; 2], no_takeover: [stream.flag(3), stream.flag(3)] };
    let masked = mask(stream.octets);
    for (role, octets) in [(Role::Client, stream.octets), (Role::Server, &*masked)] {
        let stream = stream.with(octets);
        for max in [1000, 1 << 17] {
            let end = || compressing(role, agreed, max, DeflateConfig::default());
            let whole = transcript(end(), Delivery::Messages, &stream.whole());
            for event in &whole.events {
                assert!(len(event) as u64 <= max, "the limit is exceeded");
            }
            assert_eq!(whole, transcript(end(), Delivery::Messages, &stream.pieces()));
            assert_eq!(whole, transcript(end(), Delivery::Chunks, &stream.pieces()));
            let mut other = compressing(Role::Client, agreed, max, DeflateConfig::default());
            let inflate_other = || {
                let mut frame = *b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
                let event = other.receive(&mut Input::new(&mut frame));
                assert_eq!(event, Ok(Some(Event::Text("Hello".into()))));
            };
            let (messages, pieces) = (Delivery::Messages, stream.pieces());
            assert_eq!(whole, transcript_beside(end(), messages, &pieces, inflate_other));
            if max > 1000 {
                without_compression(role, &stream, &whole);
            }
        }
    }
}

/// What does not say that it is compressed is read as by an end that does not know compression.
fn without_compression(role: Role, stream: &Stream<'_>, whole: &Transcript) {
    let mut config = Config::default();
    config.max_message_size = 1 << 17;
    config.max_fragments = 1 << 12;
    let plain = connection::new(role, &Arc::new(config));
    let plain = transcript(plain, Delivery::Messages, &stream.pieces());
    if plain.error != Some(framewise::ProtocolError::ReservedBits) {
        assert_eq!(*whole, plain);
    }
}

/// Masks frames as a client does, with a key that leaves the payload as it is.
fn mask(mut octets: &[u8]) -> Vec<u8> {
    let mut masked = Vec::new();
    while let [first, second, rest @ ..] = octets {
        let field_len = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let (field, rest) = rest.split_at(rest.len().min(field_len));
        let len = match field {
            [] => u64::from(second & 0x7f),
            _ => field.iter().fold(0, |len, octet| len << 8 | u64::from(*octet)),
        };
        let (payload, rest) = rest.split_at(len.min(rest.len() as u64) as usize);
        masked.extend_from_slice(&[*first, second | 0x80]);
        masked.extend_from_slice(field);
        masked.extend_from_slice(&[0; 4]);
        masked.extend_from_slice(payload);
        octets = rest;
    }
    masked.extend_from_slice(octets);
    masked
}

fn len(event: &Event<'_>) -> usize {
    match event {
        Event::Text(text) => text.len(),
        Event::Binary(payload) => payload.len(),
        _ => 0,
    }
}

/// What one end compresses, the other inflates to the same.
pub fn deflate(input: &Compressed<'_>) {
    let mut config = DeflateConfig::default();
    config.level = Level::new(input.level % 10).expect("0 to 9");
    config.memory_level = MemoryLevel::new(1 + input.memory_level % 9).expect("1 to 9");
    config.shared_compressor = input.shared;
    if !input.threshold {
        config.threshold = 0;
    }
    let [mut client, mut server] = [Role::Client, Role::Server]
        .map(|role| compressing(role, input.agreed, 16 << 20, config.clone()));
    let mut budget = 1 << 16;
    for Sent { client: by_client, how, times, octets } in &input.sent {
        let (from, to) = match by_client {
            true => (&mut client, &mut server),
            false => (&mut server, &mut client),
        };
        let times = usize::from(*times).min((1 << 16) / octets.len().max(1));
        let message = octets.repeat(times);
        if message.len() > budget {
            return;
        }
        budget -= message.len();
        let result = match how {
            How::Fragments(len) => {
                let len = usize::from(*len).max(message.len() / 100).max(1);
                let sent = message.chunks(len).try_for_each(|part| from.send_fragment(part, false));
                sent.and_then(|()| from.send_fragment(b"", true))
            }
            How::Plain => from.send(Payload::from(&message).uncompressed()),
            How::Prepared => from.send(PreparedMessage::new(&message, &config)),
            How::Whole => from.send(&message),
        };
        result.expect("the output was taken");
        let octets = drain(from.output());
        let mut reading = Reading::default();
        let stream = Stream { flags: 0, lengths: input.lengths, octets: &octets };
        for piece in stream.pieces() {
            reading.read(piece, |input| to.receive(input));
        }
        assert_eq!((reading.error, reading.events.len()), (None, 1));
        let message = Message::Binary(message);
        assert_eq!(reading.events, [Event::Binary(message.as_bytes().into())]);
    }
}

fn compressing(role: Role, agreed: Agreed, max: u64, deflate: DeflateConfig) -> Connection {
    let mut config = Config::default();
    config.max_message_size = max;
    config.max_fragments = 1 << 12;
    config.deflate = Some(deflate);
    let mut connection = connection::new(role, &Arc::new(config));
    connection.set_deflate(agreed.parameters());
    connection
}
