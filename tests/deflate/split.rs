//! Compression wherever a connection is driven: in two halves, on several threads, beside others.
//! What a thread keeps for the next connection never shows.

use std::{collections::VecDeque, sync::mpsc, thread};

use framewise::{
    Config, Connection, Event, Input, Payload, PreparedMessage, ReceiveHalf, Role, SendHalf,
    deflate::Level,
};
use proptest::prelude::*;

use super::support::*;

fn take(half: &mut ReceiveHalf, bytes: &[u8]) -> Vec<Event<'static>> {
    let mut bytes = bytes.to_vec();
    let mut input = Input::new(&mut bytes);
    let mut events = Vec::new();
    while let Some(event) = half.receive(&mut input).expect("right") {
        events.push(event.into_owned());
    }
    events
}

fn written(half: &mut SendHalf) -> Vec<u8> {
    let bytes = half.output().chunks().collect::<Vec<_>>().concat();
    half.output().advance(bytes.len());
    bytes
}

fn unsplit(receiving: ReceiveHalf, sending: SendHalf) -> Connection {
    receiving.reunite(sending).expect("halves of one connection")
}

/// Messages that refer to one another.
fn message(i: usize) -> String {
    format!("message {} of the {}th kind, {}", i % 17, i % 5, "and so on ".repeat(i % 40))
}

#[test]
fn halves_know_what_was_agreed_upon() {
    for role in ROLES {
        let (receiving, sending) = end(role, "; server_max_window_bits=10").into_split();
        let agreed = Some(agreed("; server_max_window_bits=10"));
        assert_eq!((receiving.deflate(), sending.deflate()), (agreed, agreed));
        let (receiving, sending) = match role {
            Role::Client => Connection::client(Config::default(), [7; 32]).into_split(),
            Role::Server => Connection::server(Config::default()).into_split(),
        };
        assert_eq!((receiving.deflate(), sending.deflate()), (None, None));
    }
}

// 7692-5-20; R21
#[test]
fn r21_halves_compress_and_inflate() {
    for role in ROLES {
        let (mut receiving, mut sending) = end(role, "; server_max_window_bits=10").into_split();
        let (mut of_peer, mut by_peer) =
            end(role.peer(), "; server_max_window_bits=10").into_split();
        assert_eq!(sending.deflate(), Some(agreed("; server_max_window_bits=10")));
        for i in 0..50 {
            let message = message(i);
            sending.send_text(&message).expect("there is room");
            assert_eq!(take(&mut of_peer, &written(&mut sending)), [text(&message)]);
            by_peer.send_text(&message).expect("there is room");
            assert_eq!(take(&mut receiving, &written(&mut by_peer)), [text(&message)]);
        }
        let last = "Hello".repeat(100);
        sending.send_text(&last).expect("there is room");
        assert!(written(&mut sending).len() < 100);
    }
}

// 7692-5-20; R21, R22: the halves are made and put together inside messages, too
#[test]
fn r21_halves_are_put_together_inside_a_message() {
    for role in ROLES {
        for takeover in [true, false] {
            let agreed = by_sender(role, 15, takeover);
            let mut connection = end_by(role, agreed, |_| ());
            let mut peer = end_by(role.peer(), agreed, |_| ());
            let (mut sent, mut inflated) = (vec![], vec![]);
            for i in 0..20 {
                let message = message(i);
                let (head, tail) = message.split_at(message.len() / 2);
                // Out: two fragments, one from a half. In: a frame, cut somewhere.
                connection.send_fragment(head, false).expect("there is room");
                peer.send_text(&message).expect("there is room");
                let bytes = drain(&mut peer);
                let (first, second) = bytes.split_at(bytes.len() * (i % 4) / 4);
                inflated.extend(feed(&mut connection, first).0);

                let (mut receiving, mut sending) = connection.into_split();
                inflated.extend(take(&mut receiving, second));
                sending.send_fragment(tail, true).expect("there is room");
                sending.send_fragment(head, false).expect("there is room");
                let bytes = written(&mut sending);
                let (first, second) = bytes.split_at(bytes.len() / 2);
                sent.extend(feed(&mut peer, first).0);

                connection = unsplit(receiving, sending);
                sent.extend(feed(&mut peer, second).0);
                connection.send_fragment(tail, true).expect("there is room");
                sent.extend(carry(&mut connection, &mut peer));
                assert_eq!(core::mem::take(&mut inflated), [text(&message)]);
                assert_eq!(core::mem::take(&mut sent), [text(&message), text(&message)]);
            }
        }
    }
}

// 7692-5-20, 7692-6.1-06; R21
#[test]
fn r21_halves_talk_on_four_threads() {
    const COUNT: usize = 300;
    let ends = ROLES.map(|role| end(role, "").into_split());
    let [(client_in, client_out), (server_in, server_out)] = ends;
    let (to_server, from_client) = mpsc::channel::<Vec<u8>>();
    let (to_client, from_server) = mpsc::channel::<Vec<u8>>();
    let send = |mut half: SendHalf, to: mpsc::Sender<Vec<u8>>| {
        for i in 0..COUNT {
            let message = message(i);
            let (head, tail) = message.split_at(5);
            if i % 3 == 0 {
                half.send_fragment(head, false).expect("there is room");
                half.ping(b"p").expect("there is room");
                half.send_fragment(tail, true).expect("there is room");
            } else {
                half.send_text(message).expect("there is room");
            }
            // In two writes, so that the reads are cut.
            let bytes = written(&mut half);
            let (first, second) = bytes.split_at(bytes.len() / 2);
            to.send(first.to_vec()).expect("the reader lives");
            to.send(second.to_vec()).expect("the reader lives");
        }
    };
    let receive = |mut half: ReceiveHalf, from: mpsc::Receiver<Vec<u8>>| {
        let events = from.iter().flat_map(|bytes| take(&mut half, &bytes)).collect::<Vec<_>>();
        let found = events.into_iter().filter(|event| matches!(event, Event::Text(_)));
        let expected = (0..COUNT).map(|i| text(&message(i)));
        assert!(found.eq(expected));
    };
    thread::scope(|scope| {
        scope.spawn(move || send(client_out, to_server));
        scope.spawn(move || send(server_out, to_client));
        scope.spawn(move || receive(client_in, from_server));
        scope.spawn(move || receive(server_in, from_client));
    });
}

// R21: a thread ends with what it keeps, and the connection goes on elsewhere
#[test]
fn r21_each_message_on_a_thread_of_its_own() {
    for role in ROLES {
        for takeover in [true, false] {
            let agreed = by_sender(role, 15, takeover);
            let mut pair = (end_by(role, agreed, |_| ()), end_by(role.peer(), agreed, |_| ()));
            for i in 0..12 {
                pair = thread::spawn(move || {
                    let (mut connection, mut peer) = pair;
                    let message = message(i);
                    connection.send_text(&message).expect("there is room");
                    let bytes = drain(&mut connection);
                    let (first, second) = bytes.split_at(bytes.len() / 2);
                    assert_eq!(feed(&mut peer, first), (vec![], None));
                    let second = second.to_vec();
                    // The other half of it on yet another one.
                    let other = thread::spawn(move || {
                        assert_eq!(feed(&mut peer, &second), (vec![text(&message)], None));
                        peer
                    });
                    (connection, other.join().expect("no panic"))
                })
                .join()
                .expect("no panic");
            }
        }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// Threads that do one thing at a time.
struct Threads {
    workers: Vec<mpsc::Sender<Job>>,
}

impl Threads {
    fn new(count: usize) -> Self {
        let workers = (0..count).map(|_| {
            let (jobs, received) = mpsc::channel::<Job>();
            thread::spawn(move || received.iter().for_each(|job| job()));
            jobs
        });
        Self { workers: workers.collect() }
    }

    /// Does something on a thread and waits for it.
    fn on<T: Send + 'static>(&self, thread: usize, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, result) = mpsc::channel();
        let job = Box::new(move || drop(done.send(job())));
        self.workers[thread % self.workers.len()].send(job).expect("the thread lives");
        result.recv().expect("no panic on the thread")
    }
}

// R21: what a thread has kept of a connection is of no use when the connection was elsewhere
#[test]
fn r21_a_connection_that_returns_to_a_thread() {
    let pool = Threads::new(2);
    for role in ROLES {
        for shared in [true, false] {
            for bits in [9, 15] {
                let kind = Kind { role, bits, takeover: true, level: 6, shared };
                let mut line = Line::new(kind);
                for (i, thread) in [0, 1, 0, 0, 1, 1, 0, 1, 0].into_iter().enumerate() {
                    line = pool.on(thread, move || {
                        let message = message(i);
                        line.from.send_text(&message).expect("there is room");
                        assert_eq!(carry(&mut line.from, &mut line.to), [text(&message)]);
                        line
                    });
                }
            }
        }
    }
}

/// A connection that sends to its peer, and what lies between them.
struct Line {
    from: Connection,
    to: Connection,
    on_the_way: VecDeque<u8>,
    // The message that is being sent in fragments.
    begun: Vec<u8>,
    fragmented: bool,
    expected: Vec<Event<'static>>,
    found: Vec<Event<'static>>,
}

/// How its sender compresses.
#[derive(Clone, Copy, Debug)]
struct Kind {
    role: Role,
    bits: u8,
    takeover: bool,
    level: u8,
    shared: bool,
}

#[derive(Clone, Debug)]
enum Act {
    Send(usize),
    Plain(usize),
    Prepared(usize),
    Fragment(usize, bool),
    /// So many octets arrive.
    Carry(usize),
    /// Other connections come and go on the thread, inside messages.
    Disturb(bool),
}

impl Line {
    fn new(Kind { role, bits, takeover, level, shared }: Kind) -> Self {
        let agreed = by_sender(role, bits, takeover);
        let from = end_by(role, agreed, |config| {
            let deflate = config.deflate.as_mut().expect("set");
            deflate.level = Level::new(level).expect("a level");
            deflate.shared_compressor = shared;
        });
        Self {
            from,
            to: end_by(role.peer(), agreed, |_| ()),
            on_the_way: VecDeque::new(),
            begun: vec![],
            fragmented: false,
            expected: vec![],
            found: vec![],
        }
    }

    fn act(&mut self, act: &Act, messages: &[PreparedMessage]) {
        let whole = |line: &mut Self, payload: Payload<'_>| {
            if !line.fragmented {
                line.expected.push(binary(payload.as_bytes()));
                line.from.send(payload).expect("there is room");
            }
        };
        match *act {
            Act::Send(i) => whole(self, messages[i].as_bytes().into()),
            Act::Plain(i) => whole(self, Payload::from(messages[i].as_bytes()).uncompressed()),
            Act::Prepared(i) => whole(self, Payload::from(&messages[i])),
            Act::Fragment(i, fin) => {
                self.begun.extend(messages[i].as_bytes());
                self.from.send_fragment(messages[i].as_bytes(), fin).expect("there is room");
                self.fragmented = !fin;
                if fin {
                    self.expected.push(binary(&core::mem::take(&mut self.begun)));
                }
            }
            Act::Carry(len) => {
                self.on_the_way.extend(drain(&mut self.from));
                let len = len.min(self.on_the_way.len());
                let bytes: Vec<u8> = self.on_the_way.drain(..len).collect();
                let (events, error) = feed(&mut self.to, &bytes);
                assert_eq!(error, None);
                self.found.extend(events);
            }
            Act::Disturb(fails) => disturb(fails),
        }
    }
}

/// Leaves behind on this thread whatever a connection can leave behind.
fn disturb(fails: bool) {
    for role in ROLES {
        let mut connection = end(role, "");
        let whole = frame_for(role, 0xc1, &hex("f348cdc9c9070000"));
        assert_eq!(feed(&mut connection, &whole), (vec![text("Hello")], None));
        connection.send_text("something else").expect("there is room");
        connection.send_fragment("and then", false).expect("there is room");
        let half = frame_for(role, 0x41, &hex("f248cd"));
        assert_eq!(feed(&mut connection, &half), (vec![], None));
        if fails {
            feed(&mut connection, &frame_for(role, 0x80, b"\xff\xff")).1.expect("not DEFLATE");
        }
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0_usize..6).prop_map(Act::Send),
        1 => (0_usize..6).prop_map(Act::Plain),
        1 => (0_usize..6).prop_map(Act::Prepared),
        4 => (0_usize..6, any::<bool>()).prop_map(|(i, fin)| Act::Fragment(i, fin)),
        5 => prop_oneof![0_usize..10, 0_usize..500, Just(usize::MAX)].prop_map(Act::Carry),
        1 => any::<bool>().prop_map(Act::Disturb),
    ]
}

fn kinds() -> impl Strategy<Value = Vec<Kind>> {
    let role = prop::sample::select(ROLES.to_vec());
    // Mostly the full window and the same level, for which a thread's state is kept.
    let bits = prop_oneof![9_u8..=15, Just(15)];
    let level = prop_oneof![Just(6_u8), 0_u8..=9];
    let kind = (role, bits, any::<bool>(), level, any::<bool>()).prop_map(
        |(role, bits, takeover, level, shared)| Kind { role, bits, takeover, level, shared },
    );
    prop::collection::vec(kind, 2..6)
}

fn acts() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, Act)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0_usize..3, act()), 1..80)
}

/// Does all this on so many threads; every message has to arrive as it was sent.
fn run(threads: usize, kinds: Vec<Kind>, acts: Vec<(prop::sample::Index, usize, Act)>) {
    let pool = Threads::new(threads);
    let noise = noise(3000);
    let mut payloads = vec![b"Hello".to_vec(), vec![], noise[..600].to_vec(), noise.clone()];
    payloads.extend([noise[200..].repeat(3), vec![b'a'; 40_000]]);
    let messages: Vec<PreparedMessage> = payloads
        .iter()
        .map(|payload| PreparedMessage::new(payload, &framewise::deflate::DeflateConfig::default()))
        .collect();
    let mut lines: Vec<Option<Line>> =
        kinds.into_iter().map(|kind| Some(Line::new(kind))).collect();
    let act = |line: &mut Option<Line>, thread, act: Act| {
        let mut moved = line.take().expect("put back");
        let messages = messages.clone();
        *line = Some(pool.on(thread, move || {
            moved.act(&act, &messages);
            moved
        }));
    };
    for (place, thread, what) in acts {
        act(place.get_mut(&mut lines), thread, what);
    }
    for (thread, line) in lines.iter_mut().enumerate() {
        act(line, thread, Act::Fragment(0, true));
        act(line, thread, Act::Carry(usize::MAX));
        let line = line.as_ref().expect("put back");
        assert!(line.found == line.expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    // 7692-5-20, 7692-7.2.1-13, 7692-7.2.1-16; R21, R51
    #[test]
    fn r21_connections_side_by_side_on_one_thread(kinds in kinds(), acts in acts()) {
        run(1, kinds, acts);
    }

    // 7692-5-20; R21
    #[test]
    fn r21_connections_that_move_between_threads(kinds in kinds(), acts in acts()) {
        run(3, kinds, acts);
    }
}
