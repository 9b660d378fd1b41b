//! What holds for any octets: the same stream in any cuts gives the same events, the same error
//! and the same output; it never panics; after an error only a Close leaves; what two machines of
//! ours say to one another never fails (RFC 6455 §5, §7, §10.1).

use framewise::{
    CloseCode, Connection, Delivery, Event, Input, ProtocolError, Role, State, frame::Decoder,
};
use proptest::prelude::*;

use crate::pair::*;

/// What came of a stream.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Event<'static>>,
    error: Option<ProtocolError>,
    output: Vec<u8>,
    state: State,
    close_code: CloseCode,
}

fn configured(role: Role) -> Connection {
    end_with(role, |config| {
        config.max_message_size = 300;
        config.max_fragments = 5;
    })
}

fn outcome(mut connection: Connection, reads: &[&[u8]]) -> Outcome {
    let mut events = Vec::new();
    let mut error = None;
    for read in reads {
        let (found, failed) = feed(&mut connection, read);
        // An error is final, and nothing is told any more.
        assert!(error.is_none() || (error == failed && found.is_empty()));
        events.extend(found);
        error = failed;
    }
    let output = drain(&mut connection);
    let frames = frames(&output);
    let closes = frames.iter().filter(|frame| frame.opcode == 8).count();
    assert!(closes <= 1, "at most one Close");
    if closes == 1 {
        assert_eq!(frames.last().unwrap().opcode, 8, "nothing behind the Close");
    }
    if let Some(error) = error {
        let last = frames.last().expect("a failure is told");
        assert_eq!((last.opcode, last.payload.as_slice()), (8, &close_payload(error)[..]));
    }
    let (state, close_code) = (connection.state(), connection.close_code());
    Outcome { events, error, output, state, close_code }
}

fn close_payload(error: ProtocolError) -> Vec<u8> {
    let code = u16::from(error.close_code()).to_be_bytes();
    [&code[..], error.close_reason().as_bytes()].concat()
}

fn cut<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    bounds.extend([0, bytes.len()]);
    bounds.sort_unstable();
    bounds.windows(2).map(|bound| &bytes[bound[0]..bound[1]]).collect()
}

/// Checks everything that is said above of one stream.
fn check(role: Role, bytes: &[u8], cuts: &[prop::sample::Index]) {
    let whole = outcome(configured(role), &[bytes]);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(outcome(configured(role), &single), whole, "octet by octet");
    assert_eq!(outcome(configured(role), &cut(bytes, cuts)), whole, "cut");

    for reads in [vec![bytes], single, cut(bytes, cuts)] {
        let mut connection = configured(role);
        connection.set_delivery(Delivery::Chunks);
        let chunked = outcome(connection, &reads);
        // What is left is the beginning of a message that did not end.
        let (events, _) = merge(chunked.events);
        assert_eq!(Outcome { events, ..chunked }, whole, "in chunks");
    }
    decoder_agrees(role, bytes, cuts);
}

/// The decoder alone gives the same payload in any cuts.
fn decoder_agrees(role: Role, bytes: &[u8], cuts: &[prop::sample::Index]) {
    let run = |reads: &[&[u8]]| {
        let mut decoder = Decoder::new(role);
        let mut frames: Vec<(u8, Vec<u8>, bool)> = Vec::new();
        for read in reads {
            let mut read = read.to_vec();
            let mut input = Input::new(&mut read);
            loop {
                match decoder.decode(&mut input) {
                    Ok(Some(chunk)) => {
                        if chunk.first {
                            frames.push((chunk.header.opcode.bits(), Vec::new(), false));
                        }
                        let frame = frames.last_mut().expect("a frame has a first piece");
                        frame.1.extend_from_slice(chunk.payload);
                        frame.2 = chunk.last;
                    }
                    Ok(None) => break,
                    Err(error) => return (frames, Some(error)),
                }
            }
        }
        (frames, None)
    };
    let whole = run(&[bytes]);
    assert_eq!(run(&bytes.chunks(1).collect::<Vec<_>>()), whole);
    assert_eq!(run(&cut(bytes, cuts)), whole);
}

/// A frame that is right by itself, more or less.
fn frame() -> impl Strategy<Value = Frame> {
    let payload = prop_oneof![
        4 => "\\PC{0,6}".prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 0..8),
        1 => prop::collection::vec(any::<u8>(), 0..130),
        1 => prop::sample::select(vec![
            hex("03e8"), hex("03e9 627965"), hex("03ed"), hex("0fa1"), hex("03"),
            hex("e282"), hex("ac"), hex("f09f"), hex("eda0"),
        ]),
    ];
    let opcode = prop::sample::select(vec![0_u8, 0, 0, 1, 1, 1, 2, 2, 9, 9, 10, 8]);
    let key = prop_oneof![any::<[u8; 4]>(), Just([0; 4])];
    (any::<bool>(), opcode, key, payload).prop_map(|(fin, opcode, key, mut payload)| {
        if opcode >= 8 {
            payload.truncate(125);
        }
        Frame { fin: fin || opcode >= 8, rsv: 0, opcode, key: Some(key), payload }
    })
}

/// Frames in an order that is right: the opcodes follow one another.
fn stream(role: Role, frames: Vec<Frame>) -> Vec<u8> {
    let mut fragmented = false;
    let mut bytes = Vec::new();
    for mut frame in frames {
        match frame.opcode {
            0 if !fragmented => frame.opcode = 2,
            1 | 2 if fragmented => frame.opcode = 0,
            _ => {}
        }
        if frame.opcode < 8 {
            fragmented = !frame.fin;
        }
        frame.key = frame.key.filter(|_| role == Role::Server);
        bytes.extend(frame.encode());
    }
    bytes
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..8)
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(ROLES.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    // 6455-5.2-22, 6455-5.3-06, 6455-5.4-18, 6455-5.4-19, 6455-7.1.7-07, 6455-7.1.7-08,
    // 6455-10.1-01, 6455-10.7-01; R06, R12, R54
    #[test]
    fn streams_of_frames_in_any_cuts(
        role in role(), frames in prop::collection::vec(frame(), 1..8), cuts in cuts(),
    ) {
        check(role, &stream(role, frames), &cuts);
    }

    // The same with octets changed, put in and taken out.
    #[test]
    fn mutated_streams_in_any_cuts(
        role in role(),
        frames in prop::collection::vec(frame(), 1..6),
        mutations in prop::collection::vec((any::<prop::sample::Index>(), 0..4, any::<u8>()), 1..4),
        cuts in cuts(),
    ) {
        let mut bytes = stream(role, frames);
        for (place, kind, octet) in mutations {
            if bytes.is_empty() {
                break;
            }
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = octet,
                1 => bytes[place] ^= 1 << (octet & 7),
                2 => bytes.insert(place, octet),
                _ => drop(bytes.remove(place)),
            }
        }
        check(role, &bytes, &cuts);
    }

    // 6455-10.1-01; R01, R54
    #[test]
    fn raw_octets_in_any_cuts(
        role in role(), bytes in prop::collection::vec(any::<u8>(), 0..60), cuts in cuts(),
    ) {
        check(role, &bytes, &cuts);
    }
}

/// What a program does with a connection.
#[derive(Clone, Debug)]
enum Act {
    Text(String),
    Binary(Vec<u8>),
    Fragment(Vec<u8>, bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close,
}

fn act() -> impl Strategy<Value = Act> {
    let octets = || prop::collection::vec(any::<u8>(), 0..140);
    prop_oneof![
        6 => "\\PC{0,80}".prop_map(Act::Text),
        6 => octets().prop_map(Act::Binary),
        1 => Just(Act::Binary(vec![3; 70_000])),
        6 => (octets(), any::<bool>()).prop_map(|(octets, fin)| Act::Fragment(octets, fin)),
        2 => octets().prop_map(Act::Ping),
        2 => octets().prop_map(Act::Pong),
        1 => Just(Act::Close),
    ]
}

/// Messages as they were sent: a flag for text, and the payload.
type Sent = Vec<(bool, Vec<u8>)>;

fn play(connection: &mut Connection, act: Act, sent: &mut Sent, fragments: &mut Vec<u8>) {
    match act {
        Act::Text(text) => {
            if connection.send_text(&text).is_ok() {
                sent.push((true, text.into_bytes()));
            }
        }
        Act::Binary(payload) => {
            if connection.send_binary(&payload).is_ok() {
                sent.push((false, payload));
            }
        }
        Act::Fragment(payload, fin) => {
            if connection.send_fragment(&payload, fin).is_ok() {
                fragments.extend(payload);
                if fin {
                    sent.push((false, core::mem::take(fragments)));
                }
            }
        }
        Act::Ping(payload) => drop(connection.ping(&payload)),
        Act::Pong(payload) => drop(connection.pong(&payload)),
        Act::Close => drop(connection.close(CloseCode::NORMAL, "done")),
    }
}

fn received(events: &[Event<'static>]) -> Sent {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Text(text) => Some((true, text.as_bytes().to_vec())),
            Event::Binary(payload) => Some((false, payload.to_vec())),
            _ => None,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    // 6455-6.1-04, 6455-10.1-01, 6455-5.5.1-14: every message arrives, however the link cuts it
    #[test]
    fn our_own_pair_never_fails(
        acts in prop::collection::vec((any::<bool>(), act(), any::<bool>()), 0..30),
        piece in prop_oneof![1_usize..20, Just(usize::MAX)],
        merge: bool,
        delay in 0_u64..3,
    ) {
        let mut pair = Pair::new(|_| ());
        pair.piece = piece;
        pair.merge = merge;
        pair.delay = secs(delay);
        let (mut by_client, mut by_server) = (Sent::new(), Sent::new());
        let (mut client_part, mut server_part) = (Vec::new(), Vec::new());
        for (client, act, pause) in acts {
            if client {
                play(&mut pair.client.connection, act, &mut by_client, &mut client_part);
            } else {
                play(&mut pair.server.connection, act, &mut by_server, &mut server_part);
            }
            if pause {
                pair.run(secs(1));
            }
        }
        pair.run(secs(10));
        prop_assert_eq!((pair.client.error, pair.server.error), (None, None));
        // Nothing that was sent in front of a Close is lost, unless this end has said that
        // it reads no more, which it never does while the peer's Close has not come.
        prop_assert_eq!(received(&pair.server.events), by_client);
        prop_assert_eq!(received(&pair.client.events), by_server);
        let states = (pair.client.connection.state(), pair.server.connection.state());
        let ends = (pair.client.end, pair.server.end);
        if states != (State::Open, State::Open) {
            let clean = Some(framewise::EndOfStream::Clean);
            prop_assert_eq!((states, ends), ((State::Closed, State::Closed), (clean, clean)));
        }
    }

    // 6455-5.2-01, 6455-6.1-04: the naive reference reads what we write, and we read what it writes
    #[test]
    fn the_naive_reference_agrees(role in role(), frames in prop::collection::vec(frame(), 1..6)) {
        let bytes = stream(role, frames);
        let decoded = crate::pair::frames(&bytes);
        let mut decoder = Decoder::new(role);
        let mut copy = bytes;
        let mut input = Input::new(&mut copy);
        for expected in &decoded {
            let chunk = decoder.decode(&mut input).unwrap().unwrap();
            prop_assert!(chunk.first && chunk.last);
            prop_assert_eq!(&*chunk.payload, &expected.payload[..]);
            let found = Frame {
                fin: chunk.header.fin,
                rsv: u8::from(chunk.header.rsv1) << 2,
                opcode: chunk.header.opcode.bits(),
                key: chunk.header.masking_key,
                payload: chunk.payload.to_vec(),
            };
            prop_assert_eq!(&found, expected);
        }
        prop_assert!(decoder.decode(&mut input).unwrap().is_none());
        prop_assert_eq!(decoder.remaining(), 0);
        let fin = decoded.iter().rev().find(|frame| frame.opcode < 8).is_none_or(|frame| frame.fin);
        prop_assert_eq!(decoder.is_at_boundary(), fin);
    }
}
