//! Both directions against the original zlib, which knows nothing of this crate: what is sent
//! inflates there with exactly the window that was agreed upon, and whatever zlib makes of messages
//! comes out here (RFC 7692 §7.2).
//!
//! zlib is written in C. So the package in `tests/differential` compiles these tests:
//!
//! ```sh
//! cargo test --manifest-path tests/differential/Cargo.toml
//! ```

use std::collections::HashSet;

use flate2::{Decompress, FlushDecompress, Status};
use framewise::{
    Connection, Event, Message, Payload, PreparedMessage, Role,
    deflate::{DeflateConfig, Level, MemoryLevel},
};
use proptest::prelude::*;

use super::{
    support::{ROLES, end_with, feed, frame_for, sent},
    zlib::{Compressor, TAIL, WAYS, Way},
};

/// One choice of all that can be chosen.
#[derive(Clone, Copy, Debug)]
struct Case {
    number: u64,
    ours: Role,
    bits: u8,
    takeover: bool,
    level: u8,
    memory_level: u8,
    shared: bool,
    cut: Cut,
}

/// How octets arrive.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Whole,
    Octets,
    Random,
}

impl Case {
    /// Returns the cases of the tests, in which every two choices meet.
    fn all() -> impl Iterator<Item = Self> {
        // 10, 9 and 7 have no divisor in common.
        (0..90).map(|number| {
            let rest = number / 10;
            Self {
                number,
                ours: ROLES[(rest & 1) as usize],
                bits: 9 + (number % 7) as u8,
                takeover: rest & 2 == 0,
                level: (number % 10) as u8,
                memory_level: 1 + (number % 9) as u8,
                shared: rest & 4 == 0,
                cut: [Cut::Whole, Cut::Octets, Cut::Random][(rest % 3) as usize],
            }
        })
    }

    /// Makes our end, where the one in the role of `sender` has the parameters of the case.
    fn end(self, sender: Role) -> Connection {
        let of = if sender == Role::Client { "client" } else { "server" };
        let mut parameters = format!("; {of}_max_window_bits={}", self.bits);
        if !self.takeover {
            parameters += &format!("; {of}_no_context_takeover");
        }
        end_with(self.ours, &parameters, |config| config.deflate = Some(self.config()))
    }

    fn config(self) -> DeflateConfig {
        let mut config = DeflateConfig::default();
        config.level = Level::new(self.level).expect("0 to 9");
        config.memory_level = MemoryLevel::new(self.memory_level).expect("1 to 9");
        config.shared_compressor = self.shared;
        config.threshold = 0;
        config
    }

    /// Returns messages that lie at the borders of this case.
    fn messages(self) -> Vec<Message> {
        let mut random = Random(self.number + 1);
        // As many literals as a block of the compressor has.
        let block = random.octets((1 << (self.memory_level + 6)) - 1);
        let window = random.octets(1 << self.bits);
        // The beginning comes again just inside of the window, and just outside of it.
        let near = [&window[..window.len() - 262], &window[..200]].concat();
        let far = [&window[..], &[0], &window[..200]].concat();
        let binary = Message::Binary;
        let text = |text: &str| Message::Text(text.to_owned());
        vec![
            text(""),
            text("Hello"),
            text("Hello"),
            binary(vec![7]),
            text(&json(20)),
            text(KOREAN),
            binary(block.clone()),
            binary([&block[..], &[1]].concat()),
            text(&json(21)),
            binary(near),
            binary(far),
            binary(window.clone()),
            binary(window),
            binary(vec![b'a'; 10_000]),
            text(""),
            text(KOREAN),
            binary(b"abc".repeat(5000)),
        ]
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 8) as usize % bound
    }

    /// Returns octets in which there is nothing to compress.
    fn octets(&mut self, len: usize) -> Vec<u8> {
        core::iter::repeat_with(|| (self.next() >> 24) as u8).take(len).collect()
    }

    /// Cuts into pieces, some of which may be empty.
    fn cut<'a>(&mut self, bytes: &'a [u8], pieces: usize) -> Vec<&'a [u8]> {
        let mut bounds: Vec<_> = (1..pieces).map(|_| self.below(bytes.len() + 1)).collect();
        bounds.extend([0, bytes.len()]);
        bounds.sort_unstable();
        bounds.windows(2).map(|bound| &bytes[bound[0]..bound[1]]).collect()
    }
}

fn json(count: usize) -> String {
    let items = (0..count).map(|id| {
        format!(r#"{{"id":{id},"name":"item {}","price":{}.5,"tags":["a","b"]}}"#, id * 7, id * 31)
    });
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

const KOREAN: &str = "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 \
    천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다. 모든 사람은 \
    인종, 피부색, 성, 언어, 종교, 정치적 또는 기타의 견해, 민족적 또는 사회적 출신, 재산, 출생 \
    또는 기타의 신분과 같은 어떠한 종류의 차별이 없이, 이 선언에 규정된 모든 권리와 자유를 \
    향유할 자격이 있다.";

/// zlib's inflater.
struct Inflater {
    inflate: Decompress,
    bits: u8,
    takeover: bool,
    // How many octets it may write at a time. It looks no further back than its window only in
    // what it wrote before: with one octet at a time no distance may be larger than the window.
    step: usize,
}

impl Inflater {
    fn new(bits: u8, takeover: bool) -> Self {
        // Of the largest window, no code reaches out.
        let step = if bits == 15 { 1 << 16 } else { 1 };
        let inflate = Decompress::new_with_window_bits(false, bits);
        Self { inflate, bits, takeover, step }
    }

    /// Inflates the payload of a message, to its very end.
    fn message(&mut self, payload: &[u8]) -> Result<Vec<u8>, String> {
        if !self.takeover {
            // To reset it would make the window the largest.
            self.inflate = Decompress::new_with_window_bits(false, self.bits);
        }
        let message = self.inflate(&[payload, &TAIL].concat())?;
        if !self.takeover {
            // Only between blocks, and at the border of an octet, can a final block come.
            let end = self.inflate.decompress(&[0x03, 0x00], &mut [0], FlushDecompress::None);
            if !matches!(end, Ok(Status::StreamEnd)) {
                return Err("a block goes on behind the message".into());
            }
        }
        Ok(message)
    }

    fn inflate(&mut self, mut input: &[u8]) -> Result<Vec<u8>, String> {
        let mut room = vec![0; self.step];
        let mut out = Vec::new();
        loop {
            let (total_in, total_out) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(input, &mut room, FlushDecompress::None);
            let status = status.map_err(|error| error.to_string())?;
            let made = (self.inflate.total_out() - total_out) as usize;
            input = &input[(self.inflate.total_in() - total_in) as usize..];
            out.extend_from_slice(&room[..made]);
            if status == Status::StreamEnd {
                return Err("a final block".into());
            }
            if made < room.len() {
                return if input.is_empty() { Ok(out) } else { Err("octets are left".into()) };
            }
        }
    }
}

/// A way to send a message.
#[derive(Clone, Copy, Debug)]
enum Sending {
    Whole,
    Fragments(usize),
    Plain,
    Prepared,
}

fn sending(number: usize) -> Sending {
    match number % 6 {
        0 | 1 => Sending::Whole,
        2 => Sending::Prepared,
        3 => Sending::Plain,
        fragments => Sending::Fragments(fragments - 3),
    }
}

/// Our end sends messages, which zlib inflates.
fn zlib_inflates(case: Case, messages: &[(Message, Sending)]) {
    let mut random = Random(case.number + 2);
    let mut ours = case.end(case.ours);
    let mut inflater = Inflater::new(case.bits, case.takeover);
    for (number, (message, sending)) in messages.iter().enumerate() {
        let context = || format!("message {number}, {sending:?}, {case:?}");
        send(&mut ours, message, *sending, &mut random, &case.config());
        let frames = sent(&mut ours);
        let compressed = frames[0].first & 0x40 != 0;
        assert_eq!(compressed, !matches!(sending, Sending::Plain), "{}", context());
        if let Sending::Fragments(pieces) = sending {
            assert_eq!(frames.len(), *pieces);
        }
        let payload = frames.into_iter().flat_map(|frame| frame.payload).collect::<Vec<_>>();
        if !compressed {
            assert!(payload == message.as_bytes(), "{}", context());
            continue;
        }
        assert!(!payload.ends_with(&TAIL), "{}", context());
        match inflater.message(&payload) {
            Ok(inflated) => assert!(inflated == message.as_bytes(), "{}", context()),
            Err(error) => panic!("{error}: {}", context()),
        }
    }
}

fn send(
    ours: &mut Connection,
    message: &Message,
    sending: Sending,
    random: &mut Random,
    config: &DeflateConfig,
) {
    let payload = |message: &Message| Payload::from(message.clone());
    match sending {
        Sending::Whole => ours.send(payload(message)).expect("open"),
        Sending::Plain => ours.send(payload(message).uncompressed()).expect("open"),
        Sending::Prepared => {
            ours.send(PreparedMessage::new(payload(message), config)).expect("open");
        }
        Sending::Fragments(pieces) => {
            for (number, piece) in random.cut(message.as_bytes(), pieces).into_iter().enumerate() {
                // What is cut inside of a code point is sent as binary.
                ours.send_fragment(piece, number + 1 == pieces).expect("open");
            }
        }
    }
}

/// zlib compresses messages, which our end inflates.
fn zlib_compresses(case: Case, messages: &[(Message, Option<Way>, usize)]) {
    let mut random = Random(case.number + 3);
    let mut ours = case.end(case.ours.peer());
    let mut compressor = Compressor::new(case.bits, case.takeover, case.level);
    for (number, (message, way, fragments)) in messages.iter().enumerate() {
        let opcode = if message.as_text().is_some() { 1 } else { 2 };
        let (rsv1, payload) = match way {
            Some(way) => (0x40, compressor.message(message.as_bytes(), *way)),
            None => (0, message.as_bytes().to_vec()),
        };
        let mut bytes = Vec::new();
        for (number, piece) in random.cut(&payload, *fragments).into_iter().enumerate() {
            let fin = if number + 1 == *fragments { 0x80 } else { 0 };
            let first = if number == 0 { opcode | rsv1 } else { 0 };
            bytes.extend(frame_for(case.ours, fin | first, piece));
        }
        let reads = match case.cut {
            Cut::Whole => vec![&bytes[..]],
            // Of long messages, the beginning and the end.
            Cut::Octets => {
                let (begin, rest) = bytes.split_at(bytes.len().min(2000));
                let (middle, end) = rest.split_at(rest.len().saturating_sub(2000));
                begin.chunks(1).chain([middle]).chain(end.chunks(1)).collect()
            }
            Cut::Random => random.cut(&bytes, 7),
        };
        let (mut events, mut error) = (Vec::new(), None);
        for read in reads {
            let (more, failure) = feed(&mut ours, read);
            events.extend(more);
            error = error.or(failure);
        }
        let expected = match message {
            Message::Binary(payload) => Event::Binary(payload.into()),
            Message::Text(text) => Event::Text(text.into()),
        };
        let context = || format!("message {number}, {way:?}, {fragments} fragments, {case:?}");
        assert_eq!(error, None, "{}", context());
        assert!(events == [expected], "{}", context());
    }
}

#[test]
fn every_two_choices_meet() {
    let mut pairs = HashSet::new();
    let mut choices = HashSet::new();
    for case in Case::all() {
        let row = [
            case.ours as u8,
            case.bits,
            case.takeover.into(),
            case.level,
            case.memory_level,
            case.shared.into(),
            case.cut as u8,
        ];
        for (column, choice) in row.into_iter().enumerate() {
            choices.insert((column, choice));
            pairs.extend((0..column).map(|other| (column, choice, other, row[other])));
        }
    }
    let count = |column| choices.iter().filter(|choice| choice.0 == column).count();
    assert_eq!([0, 1, 2, 3, 4, 5, 6].map(count), [2, 7, 2, 10, 9, 2, 3]);
    let all: usize = (0..7).map(|a| (0..a).map(|b| count(a) * count(b)).sum::<usize>()).sum();
    assert_eq!(pairs.len(), all);
}

// What the tests below rely on: an inflater of zlib's notices a distance of one octet too many.
#[test]
fn zlib_refuses_what_lies_outside_of_the_window() {
    for bits in 9..15 {
        let size = 1 << bits;
        let noise = Random(9).octets(size + 1);
        for distance in [size, size + 1] {
            let message = [&noise[..distance], &noise[..200]].concat();
            let payload = Compressor::new(15, true, 9).message(&message, Way::Sync);
            assert!(payload.len() < distance + 150, "it refers to the beginning");
            let inflated = Inflater::new(bits, true).message(&payload);
            assert_eq!(inflated.is_ok(), distance == size, "{bits}");
            assert_eq!(Inflater::new(bits + 1, true).message(&payload), Ok(message));
        }
    }
}

// 7692-6.1-01, 7692-6.1-02, 7692-7.2.1-01, 7692-7.2.1-02, 7692-7.2.1-03, 7692-7.2.1-09,
// 7692-7.2.1-10, 7692-7.2.1-11, 7692-7.2.1-12, 7692-7.2.1-13, 7692-7.2.1-16, 7692-7.2.1-18,
// 7692-7.2.1-20, 7692-7.3-02; R21
#[test]
fn zlib_inflates_what_is_sent() {
    for case in Case::all() {
        let messages = case.messages().into_iter().enumerate();
        let messages: Vec<_> = messages
            .map(|(number, message)| (message, sending(number + case.number as usize)))
            .collect();
        zlib_inflates(case, &messages);
    }
}

// 7692-6.2-01, 7692-6.2-02, 7692-6.2-03, 7692-7.2.1-04, 7692-7.2.1-05, 7692-7.2.1-06,
// 7692-7.2.1-07, 7692-7.2.1-08, 7692-7.2.2-02, 7692-7.2.2-06, 7692-7.2.2-08, 7692-7.2.2-10,
// 1951-3.2.3-03, 1951-3.2.5-02, 1951-3.2.5-04; R21, R22, R26
#[test]
fn what_zlib_compresses_is_inflated() {
    for case in Case::all() {
        let messages = case.messages().into_iter().enumerate();
        let messages: Vec<_> = messages
            .map(|(number, message)| {
                let number = number + case.number as usize;
                (message, WAYS.get(number % 7).copied(), 1 + number % 4)
            })
            .collect();
        zlib_compresses(case, &messages);
    }
}

fn plain_case(ours: Role, takeover: bool) -> Case {
    Case {
        number: 0,
        ours,
        bits: 15,
        takeover,
        level: 6,
        memory_level: 8,
        shared: false,
        cut: Cut::Whole,
    }
}

// 7692-7.2.1-01, 7692-7.2.2-02; R21: lengths at which blocks, windows and headers end
#[test]
fn exact_lengths() {
    let mut random = Random(5);
    let noise = random.octets(65_537);
    let text = json(2000).into_bytes();
    let lengths = [125, 126, 127, 511, 512, 513, 16_382, 16_383, 16_384, 32_506, 32_767, 32_768];
    let lengths = lengths.into_iter().chain([32_769, 65_534, 65_535, 65_536, 65_537]);
    let messages: Vec<_> = lengths
        .flat_map(|len| [&noise[..len], &text[..len], &noise[..len]])
        .map(|octets| Message::Binary(octets.to_vec()))
        .collect();
    for (ours, takeover) in [(Role::Client, true), (Role::Server, false)] {
        for level in [0, 1, 6] {
            let case = Case { level, ..plain_case(ours, takeover) };
            let sent: Vec<_> =
                messages.iter().map(|message| (message.clone(), Sending::Whole)).collect();
            zlib_inflates(case, &sent);
            let received: Vec<_> =
                messages.iter().map(|message| (message.clone(), Some(Way::Sync), 1)).collect();
            zlib_compresses(case, &received);
        }
    }
}

// 7692-7.2.1-01, 7692-7.2.2-02: as large as a message may be by default
#[test]
fn messages_of_16_mib() {
    const LEN: usize = 16 << 20;
    let mut random = Random(6);
    // Some of it can be compressed, some not, and some very much.
    let mut message = random.octets(1 << 20);
    message.extend(json(20_000).into_bytes());
    message.extend(random.octets(100_000));
    message.resize(LEN, b'-');
    let case = Case { level: 1, ..plain_case(Role::Server, true) };
    let message = Message::Binary(message);
    zlib_inflates(case, &[(message.clone(), Sending::Whole), (message.clone(), Sending::Whole)]);
    zlib_compresses(case, &[(message.clone(), Some(Way::Sync), 3), (message, Some(Way::Final), 1)]);
}

// 7692-7.2.1-13, 7692-7.2.1-14, 7692-7.2.1-16, 7692-7.2.1-17
#[test]
fn only_with_takeover_a_message_refers_to_the_one_before() {
    for ours in ROLES {
        for takeover in [false, true] {
            let mut connection = plain_case(ours, takeover).end(ours);
            let mut payloads = [KOREAN, KOREAN].map(|text| {
                connection.send_text(text).expect("open");
                sent(&mut connection).remove(0).payload
            });
            assert_eq!(payloads[0] == payloads[1], !takeover);
            // A fresh inflater can do without the first one, or not.
            payloads.reverse();
            let inflated = Inflater::new(15, false).message(&payloads[0]);
            assert_eq!(inflated.is_ok(), !takeover);
        }
    }
}

fn message() -> impl Strategy<Value = Message> {
    // Few different octets, and many of them equal: what there is to compress is near and far.
    let binary = prop::collection::vec(prop::sample::select(&b"aaaabc\0\xff"[..]), 0..900);
    prop_oneof![
        binary.prop_map(Message::Binary),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Message::Binary),
        "\\PC{0,40}".prop_map(Message::Text),
        (0_usize..40).prop_map(|count| Message::Text(json(count))),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let end = (prop::sample::select(&ROLES[..]), 9_u8..=15, any::<bool>(), any::<u64>());
    let settings = (0_u8..=9, 1_u8..=9, any::<bool>(), 0_usize..3);
    (end, settings).prop_map(
        |((ours, bits, takeover, number), (level, memory_level, shared, cut))| Case {
            // What is random must not begin with 0.
            number: number >> 1,
            ours,
            bits,
            takeover,
            level,
            memory_level,
            shared,
            cut: [Cut::Whole, Cut::Octets, Cut::Random][cut],
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    // R21, R23
    #[test]
    fn zlib_inflates_any_run(
        case in case(), messages in prop::collection::vec((message(), 0_usize..6), 1..20),
    ) {
        let messages: Vec<_> =
            messages.into_iter().map(|(message, number)| (message, sending(number))).collect();
        zlib_inflates(case, &messages);
    }

    // R21, R22, R26
    #[test]
    fn any_run_of_zlibs_is_inflated(
        case in case(),
        messages in prop::collection::vec((message(), 0_usize..7, 1_usize..5), 1..20),
    ) {
        let messages: Vec<_> = messages
            .into_iter()
            .map(|(message, way, fragments)| (message, WAYS.get(way).copied(), fragments))
            .collect();
        zlib_compresses(case, &messages);
    }
}
