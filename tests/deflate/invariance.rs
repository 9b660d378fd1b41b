//! What holds for any compressed octets: the same stream in any cuts gives the same events, the
//! same error and the same output, whatever else the thread has inflated before or does in between;
//! it never panics, and what is delivered is within the limits (RFC 7692 §6.2, §7.2.2).

use framewise::{
    CloseCode, Config, Connection, Delivery, Event, ProtocolError, Role, State,
    deflate::{AgreedParameters, DeflateConfig, WindowBits},
};
use proptest::{prelude::*, sample::Index};

use super::{
    bits::ends_inside_the_tail,
    support::{ROLES, end, feed, frame_for, hex, inflates_beyond, sent},
    zlib::{Compressor, WAYS, Way},
};

/// What came of a stream.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Event<'static>>,
    error: Option<ProtocolError>,
    output: Vec<u8>,
    state: State,
    close_code: CloseCode,
}

/// One end, and the limits that it has.
#[derive(Clone, Copy, Debug)]
struct End {
    role: Role,
    bits: u8,
    takeover: bool,
    max_message_size: u64,
}

impl End {
    fn connection(self, delivery: Delivery) -> Connection {
        let mut config = Config::default();
        config.max_message_size = self.max_message_size;
        config.max_fragments = 5;
        let mut deflate = DeflateConfig::default();
        deflate.max_compressed_size = Some(self.max_message_size + 100);
        config.deflate = Some(deflate);
        let mut agreed = AgreedParameters::default();
        let bits = WindowBits::new(self.bits).expect("8 to 15");
        let mut connection = match self.role {
            Role::Client => {
                agreed.server_max_window_bits = bits;
                agreed.server_no_context_takeover = !self.takeover;
                Connection::client(config, [7; 32])
            }
            Role::Server => {
                agreed.client_max_window_bits = bits;
                agreed.client_no_context_takeover = !self.takeover;
                Connection::server(config)
            }
        };
        connection.set_deflate(agreed);
        connection.set_delivery(delivery);
        connection
    }

    fn outcome(self, delivery: Delivery, reads: &[&[u8]], mut between: impl FnMut()) -> Outcome {
        let mut connection = self.connection(delivery);
        let (mut events, mut error) = (Vec::new(), None);
        for read in reads {
            between();
            let (found, failure) = feed(&mut connection, read);
            // An error is final, and nothing is told any more.
            assert!(error.is_none() || (error == failure && found.is_empty()));
            events.extend(found);
            error = failure;
        }
        let output = connection.output().chunks().collect::<Vec<_>>().concat();
        for event in &events {
            let len = match event {
                Event::Text(text) => text.len(),
                Event::Binary(payload) => payload.len(),
                _ => 0,
            };
            assert!(len as u64 <= self.max_message_size);
        }
        if let Some(error) = error {
            let told = sent(&mut connection).pop().expect("a failure is told");
            let code = u16::from(error.close_code()).to_be_bytes();
            let payload = [&code[..], error.close_reason().as_bytes()].concat();
            assert_eq!((told.first, told.payload), (0x88, payload));
        }
        let (state, close_code) = (connection.state(), connection.close_code());
        Outcome { events, error, output, state, close_code }
    }
}

/// Another connection of the thread, which takes over context in both directions.
struct Other {
    connection: Connection,
    compressor: Compressor,
    count: usize,
    half: Vec<u8>,
}

impl Other {
    fn new() -> Self {
        let connection = end(Role::Client, "");
        Self { connection, compressor: Compressor::new(15, true, 6), count: 0, half: Vec::new() }
    }

    /// Receives half of a message, or the other half.
    fn turn(&mut self) {
        self.count += 1;
        let text = format!("the {}th message of another connection", self.count / 2);
        if self.half.is_empty() {
            self.connection.send_text(&text).expect("open");
            let len = self.connection.output().len();
            self.connection.output().advance(len);
            let text = format!("the {}th message of another connection", self.count.div_ceil(2));
            let payload = self.compressor.message(text.as_bytes(), Way::Sync);
            let mut begin = frame_for(Role::Client, 0xc1, &payload);
            self.half = begin.split_off(begin.len() / 2);
            assert_eq!(feed(&mut self.connection, &begin), (vec![], None));
        } else {
            let events = vec![Event::Text(text.into())];
            assert_eq!(feed(&mut self.connection, &self.half), (events, None));
            self.half.clear();
        }
    }
}

/// Puts chunks together; what is left of a message that did not end is dropped.
fn merge(chunks: Vec<Event<'static>>) -> Vec<Event<'static>> {
    let mut held = Vec::new();
    let mut merged = Vec::new();
    for event in chunks {
        match event {
            Event::TextChunk { text, fin } => {
                held.extend_from_slice(text.as_bytes());
                if fin {
                    let text = String::from_utf8(core::mem::take(&mut held)).expect("UTF-8");
                    merged.push(Event::Text(text.into()));
                }
            }
            Event::BinaryChunk { payload, fin } => {
                held.extend_from_slice(&payload);
                if fin {
                    merged.push(Event::Binary(core::mem::take(&mut held).into()));
                }
            }
            event => merged.push(event),
        }
    }
    merged
}

fn cut<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    bounds.extend([0, bytes.len()]);
    bounds.sort_unstable();
    bounds.windows(2).map(|bound| &bytes[bound[0]..bound[1]]).collect()
}

/// Checks everything that is said above of one stream.
fn check(end: End, bytes: &[u8], cuts: &[Index]) {
    // In a thread that has inflated nothing yet.
    let whole = std::thread::scope(|scope| {
        let run = scope.spawn(|| end.outcome(Delivery::Messages, &[bytes], || ()));
        run.join().expect("no panic")
    });
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    let pieces = cut(bytes, cuts);
    for (reads, name) in [(&vec![bytes], "whole"), (&single, "octet by octet"), (&pieces, "cut")] {
        assert_eq!(end.outcome(Delivery::Messages, reads, || ()), whole, "{name}");
        let chunks = end.outcome(Delivery::Chunks, reads, || ());
        let events = merge(chunks.events);
        assert_eq!(Outcome { events, ..chunks }, whole, "{name}, in chunks");
    }
    let mut other = Other::new();
    let disturbed = end.outcome(Delivery::Messages, &pieces, || other.turn());
    assert_eq!(disturbed, whole, "beside another connection");
}

/// A data message on the wire.
#[derive(Clone, Debug)]
struct Item {
    content: Content,
    text: bool,
    fragments: Vec<Index>,
    ping: Option<Index>,
    mutations: Vec<(Index, u8, u8)>,
}

#[derive(Clone, Debug)]
enum Content {
    Zlib(Vec<u8>, Way),
    Raw(Vec<u8>),
    Plain(Vec<u8>),
}

/// Writes the messages, compressed with a window of `bits` and takeover or not.
fn stream(role: Role, bits: u8, takeover: bool, items: &[Item]) -> Vec<u8> {
    let mut compressor = Compressor::new(bits, takeover, 6);
    let mut bytes = Vec::new();
    for Item { content, text, fragments, ping, mutations } in items {
        let (rsv1, mut payload) = match content {
            Content::Zlib(message, way) => (0x40, compressor.message(message, *way)),
            Content::Raw(payload) => (0x40, payload.clone()),
            Content::Plain(payload) => (0, payload.clone()),
        };
        mutate(&mut payload, mutations);
        let pieces = cut(&payload, fragments);
        for (number, piece) in pieces.iter().enumerate() {
            let fin = if number + 1 == pieces.len() { 0x80 } else { 0 };
            let kind = if *text { 1 } else { 2 };
            let first = if number == 0 { rsv1 | kind } else { 0 };
            bytes.extend(frame_for(role, fin | first, piece));
            if ping.is_some_and(|ping| ping.index(pieces.len()) == number) {
                bytes.extend(frame_for(role, 0x89, b"ping"));
            }
        }
    }
    bytes
}

fn mutate(bytes: &mut Vec<u8>, mutations: &[(Index, u8, u8)]) {
    for (place, kind, octet) in mutations {
        if bytes.is_empty() {
            break;
        }
        let place = place.index(bytes.len());
        match kind {
            0 => bytes[place] = *octet,
            1 => bytes[place] ^= 1 << (octet & 7),
            2 => bytes.insert(place, *octet),
            _ => drop(bytes.remove(place)),
        }
    }
}

/// What a message says: UTF-8 and not, and around the limit of 300 octets.
fn said() -> impl Strategy<Value = Vec<u8>> {
    let good =
        prop::sample::select(vec!["a", "the same words", "\u{d55c}\u{ae00}", "\0\0\0\0\0\0"]);
    let bad = prop::sample::select(vec![&b"\xf0\x9f\x98"[..], b"\xff"]);
    let words = prop_oneof![40 => good.prop_map(str::as_bytes), 1 => bad];
    prop_oneof![
        4 => "\\PC{0,30}".prop_map(String::into_bytes),
        4 => prop::collection::vec(words, 0..24).prop_map(|words| words.concat()),
        1 => (290_usize..310).prop_map(|len| vec![b'a'; len]),
        1 => prop::collection::vec(any::<u8>(), 0..320),
    ]
}

fn item(
    said: impl Strategy<Value = Vec<u8>>,
    mutations: impl Into<prop::collection::SizeRange>,
) -> impl Strategy<Value = Item> {
    let broken = prop::sample::select(vec![
        "",
        "06",
        "07",
        "00",
        "0000",
        "f200110000",
        "f248cdc9c90700",
        "f248cd",
        "f348cdc9c90700",
        "f348cdc9c9070000",
        "f348cdc9c90700f300110000",
        "000500faff48656c6c6f00",
        "000500fafe48656c6c6f00",
        "ffffff",
        "0300",
        "0100000000",
    ]);
    let content = prop_oneof![
        20 => (said, prop::sample::select(&WAYS[..])).prop_map(|(said, way)| {
            Content::Zlib(said, way)
        }),
        1 => broken.prop_map(|digits| Content::Raw(hex(digits))),
        1 => (2_u32..=15).prop_map(|len| Content::Raw(ends_inside_the_tail(len))),
        1 => prop::collection::vec(any::<u8>(), 0..30).prop_map(Content::Raw),
        3 => "\\PC{0,30}".prop_map(|text| Content::Plain(text.into_bytes())),
    ];
    let fragments = prop_oneof![
        3 => Just(Vec::new()),
        2 => prop::collection::vec(any::<Index>(), 1..6),
    ];
    let ping = prop::option::weighted(0.2, any::<Index>());
    let mutations = prop::collection::vec((any::<Index>(), 0_u8..4, any::<u8>()), mutations);
    (content, prop::bool::weighted(0.6), fragments, ping, mutations).prop_map(
        |(content, text, fragments, ping, mutations)| Item {
            content,
            text,
            fragments,
            ping,
            mutations,
        },
    )
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..8)
}

fn some_end(max_message_size: u64) -> impl Strategy<Value = End> {
    let role = prop::sample::select(&ROLES[..]);
    (role, 8_u8..=15, any::<bool>()).prop_map(move |(role, bits, takeover)| End {
        role,
        bits,
        takeover,
        max_message_size,
    })
}

/// The window and the takeover of a compressor: mostly what was agreed upon.
fn peer() -> impl Strategy<Value = Option<(u8, bool)>> {
    prop::option::weighted(0.3, (9_u8..=15, any::<bool>()))
}

fn stream_to(end: End, peer: Option<(u8, bool)>, items: &[Item]) -> Vec<u8> {
    let (bits, takeover) = peer.unwrap_or_else(|| (end.bits.max(9), end.takeover));
    stream(end.role, bits, takeover, items)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    // 7692-6.1-06, 7692-6.1-09, 7692-6.2-03, 7692-6.2-05, 7692-7.2.2-01,
    // 7692-7.2.2-03; R16, R18, R21, R22, R26, R51
    #[test]
    fn compressed_messages_in_any_cuts(
        end in some_end(300),
        peer in peer(),
        items in prop::collection::vec(item(said(), 0), 1..7),
        cuts in cuts(),
    ) {
        check(end, &stream_to(end, peer, &items), &cuts);
    }

    // 7692-6.2-04, 7692-7.2.2-03; R26, R51, R54: the same with octets changed, put in and taken out
    #[test]
    fn mutated_payloads_in_any_cuts(
        end in some_end(300),
        peer in peer(),
        items in prop::collection::vec(item(said(), 0..3), 1..5),
        cuts in cuts(),
    ) {
        check(end, &stream_to(end, peer, &items), &cuts);
    }

    // R26, R51, R54
    #[test]
    fn mutated_streams_in_any_cuts(
        end in some_end(300),
        items in prop::collection::vec(item(said(), 0), 1..5),
        mutations in prop::collection::vec((any::<Index>(), 0_u8..4, any::<u8>()), 1..4),
        cuts in cuts(),
    ) {
        let mut bytes = stream_to(end, None, &items);
        mutate(&mut bytes, &mutations);
        check(end, &bytes, &cuts);
    }

    // 7692-6.2-04; R26, R51, R54
    #[test]
    fn random_payloads_in_any_cuts(
        end in some_end(300),
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..4),
        text in any::<bool>(),
        cuts in cuts(),
    ) {
        let bytes: Vec<u8> = payloads
            .iter()
            .flat_map(|payload| frame_for(end.role, if text { 0xc1 } else { 0xc2 }, payload))
            .collect();
        check(end, &bytes, &cuts);
    }
}

// 7692-6.1-09, 7692-6.2-04, 7692-6.2-05: what is wrong first is what is told, though the library goes
// on to the end of what it is given
#[test]
fn the_first_error_counts() {
    let stored = |octets: &[u8]| {
        let len = octets.len() as u16;
        [&[0x00][..], &len.to_le_bytes(), &(!len).to_le_bytes(), octets].concat()
    };
    let (utf8, size) = (ProtocolError::InvalidUtf8, inflates_beyond(300));
    let vectors = [
        (0xc1, [stored(b"\xff"), vec![0x07]].concat(), utf8),
        (0xc1, stored(&[[b'a'; 299].as_slice(), b"\xff more"].concat()), utf8),
        (0xc1, stored(&[[b'a'; 300].as_slice(), b"\xff more"].concat()), size),
        (0xc1, [stored(&[b'a'; 301]), vec![0x07]].concat(), size),
        (0xc2, [stored(&[b'a'; 301]), vec![0x07]].concat(), size),
        (0xc1, [stored(&[b'a'; 300]), vec![0x07]].concat(), ProtocolError::InvalidDeflate),
        (0xc1, [stored(b"\xe2\x82"), vec![0x07]].concat(), ProtocolError::InvalidDeflate),
    ];
    for role in ROLES {
        let end = End { role, bits: 15, takeover: true, max_message_size: 300 };
        for (first, payload, error) in &vectors {
            let bytes = frame_for(role, *first, payload);
            let outcome = end.outcome(Delivery::Messages, &[&bytes], || ());
            assert_eq!((outcome.events, outcome.error), (vec![], Some(*error)));
            check(end, &bytes, &[]);
        }
    }
}

/// Long messages of which little goes over the wire, around a limit of 100,000 octets.
fn long() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![0_usize..120_000, 65_530_usize..65_545, 99_990_usize..100_010];
    let pattern = prop_oneof![
        2 => "[a-z]{1,40}".prop_map(String::into_bytes),
        1 => Just("\u{d55c}".to_owned().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 1..50),
    ];
    (len, pattern).prop_map(|(len, pattern)| pattern.into_iter().cycle().take(len).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    // 7692-6.2-05; R16, R18, R51: more than is inflated at a time, and than a window
    #[test]
    fn long_messages_in_any_cuts(
        end in some_end(100_000),
        peer in peer(),
        items in prop::collection::vec(item(long(), 0..2), 1..4),
        cuts in cuts(),
    ) {
        check(end, &stream_to(end, peer, &items), &cuts);
    }
}
