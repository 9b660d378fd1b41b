//! Tables of the time for a message.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::Bytes;
use cpu_time::ThreadTime;

use crate::{
    floor::Floor,
    peers::{Endpoint, Framewise, FramewiseConfig, PEERS},
    wire::Wire,
    workload::{self, Compression, Message, Role, Setup},
};

/// How long a table takes, and how many rounds it has at least.
const TIME: Duration = Duration::from_secs(3);
const ROUNDS: usize = 15;

/// How long a peer works at a stretch, at least: long enough for the clock.
const STRETCH: Duration = Duration::from_millis(1);

/// Sizes of messages, and how many of them differ: together more than a window.
const SIZES: [(usize, usize); 2] = [(1 << 10, 64), (64 << 10, 16)];

/// Somebody who does a workload, a batch of messages at a time.
struct Contestant {
    name: String,
    kind: Kind,
    batch: Box<dyn FnMut()>,
    times: Vec<f64>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Floor,
    Other,
    Own,
}

/// Prints the tables that have `filter` in their titles.
pub(crate) fn run(filter: &str) {
    for takeover in [true, false] {
        let context = if takeover { "context takeover" } else { "no context takeover" };
        for (size, count) in SIZES {
            let kib = size >> 10;
            let title = format!("deflate receive, {kib} KiB, {context}");
            if title.contains(filter) {
                compare(
                    &title,
                    receive(Setup::deflate(Role::Client, takeover), size, count),
                    count,
                );
            }
            let title = format!("deflate send, {kib} KiB, {context}");
            if title.contains(filter) {
                compare(&title, send(Setup::deflate(Role::Server, takeover), size, count), count);
            }
        }
    }
    for (size, count) in SIZES {
        let title = format!("deflate levels, {} KiB, send, context takeover", size >> 10);
        if title.contains(filter) {
            levels(&title, size, count);
        }
    }
}

/// Everybody who can receive messages of this size.
fn receive(setup: Setup, size: usize, count: usize) -> Vec<Contestant> {
    let messages = workload::messages(size, count);
    let frames = Bytes::from(workload::frames(&messages, setup));
    let mut contestants = Vec::new();
    for peer in PEERS {
        let wire = Wire::default();
        let Some(mut endpoint) = (peer.open)(setup, wire.clone()) else { continue };
        // Twice: the second time there is something to refer to.
        for _ in 0..2 {
            let mut expected = messages.iter();
            wire.put(&frames);
            endpoint.receive(count, &mut |text| {
                let expected = expected.next().expect("no more than there are");
                assert!(text == expected.text.as_bytes(), "{} delivers something else", peer.name);
            });
            assert!(expected.next().is_none());
        }
        let frames = frames.clone();
        let batch = move || {
            wire.put(&frames);
            endpoint.receive(count, &mut |text| {
                black_box(text);
            });
        };
        contestants.push(Contestant::new(peer.name, Kind::of(peer.own), batch));
    }
    if let Some(compression) = setup.deflate {
        let mut floor = Floor::new(compression, size);
        let payloads: Vec<Bytes> = workload::payloads(&frames)
            .into_iter()
            .map(|(_, payload)| frames.slice_ref(payload))
            .collect();
        let mut expected = messages.iter();
        floor.receive(&payloads, &mut |text| {
            assert!(expected.next().is_some_and(|message| text == message.text.as_bytes()));
        });
        let batch = move || {
            floor.receive(&payloads, &mut |text| {
                black_box(text);
            });
        };
        contestants.push(Contestant::new("(zlib-rs alone)", Kind::Floor, batch));
    }
    contestants
}

/// Everybody who can send messages of this size.
fn send(setup: Setup, size: usize, count: usize) -> Vec<Contestant> {
    let mut contestants = Vec::new();
    for peer in PEERS {
        let wire = Wire::default();
        let Some(endpoint) = (peer.open)(setup, wire.clone()) else { continue };
        let batch = sender(endpoint, wire, workload::messages(size, count), setup);
        contestants.push(Contestant::new(peer.name, Kind::of(peer.own), batch));
    }
    if let Some(compression) = setup.deflate {
        let mut floor = Floor::new(compression, size);
        let messages = workload::messages(size, count);
        let batch = move || floor.send(&messages);
        contestants.push(Contestant::new("(zlib-rs alone)", Kind::Floor, batch));
    }
    contestants
}

/// Checks that an endpoint sends the messages; returns what does so again.
fn sender(
    mut endpoint: Box<dyn Endpoint>,
    wire: Wire,
    messages: Vec<Message>,
    setup: Setup,
) -> impl FnMut() {
    endpoint.send(&messages);
    workload::check(&wire.take(), &messages, setup);
    move || {
        wire.clear();
        endpoint.send(&messages);
    }
}

/// What other levels than the default would give, to framewise alone.
fn levels(title: &str, size: usize, count: usize) {
    let mut contestants = Vec::new();
    let mut sizes = Vec::new();
    for level in [1, 3, 6, 9] {
        let setup = Setup {
            role: Role::Server,
            deflate: Some(Compression { takeover: true, bits: 15, level }),
        };
        let wire = Wire::default();
        let endpoint = Framewise::new(setup, FramewiseConfig::default(), wire.clone());
        let mut batch =
            sender(Box::new(endpoint), wire.clone(), workload::messages(size, count), setup);
        batch();
        sizes.push(wire.take().len());
        contestants.push(Contestant::new(&format!("level {level}"), Kind::Own, batch));
    }
    measure(&mut contestants, count);
    println!("## {title}\n");
    println!("| framewise | median ns | min ns | octets | of the text |");
    println!("|---|---:|---:|---:|---:|");
    for (contestant, octets) in contestants.iter().zip(sizes) {
        let (median, min) = (contestant.median(), contestant.min());
        let (octets, share) = (octets / count, 100.0 * octets as f64 / (size * count) as f64);
        println!("| {} | {median:.0} | {min:.0} | {octets} | {share:.1} % |", contestant.name);
    }
    println!();
}

/// Measures the contestants and prints the table.
fn compare(title: &str, mut contestants: Vec<Contestant>, count: usize) {
    measure(&mut contestants, count);
    let best = |kind| {
        let of_kind = contestants.iter().filter(|contestant| contestant.kind == kind);
        of_kind.map(Contestant::median).min_by(f64::total_cmp)
    };
    let (peer, floor) = (best(Kind::Other), best(Kind::Floor));
    println!("## {title} ({} rounds)\n", contestants[0].times.len());
    println!("| | median ns | min ns | to the best peer | to zlib-rs alone |");
    println!("|---|---:|---:|---:|---:|");
    for contestant in &contestants {
        let (median, min) = (contestant.median(), contestant.min());
        let ratio = |to: Option<f64>| {
            to.map_or_else(|| String::from("–"), |to| format!("{:.2}", median / to))
        };
        let (to_peer, to_floor) = (ratio(peer), ratio(floor));
        println!("| {} | {median:.0} | {min:.0} | {to_peer} | {to_floor} |", contestant.name);
    }
    println!();
}

/// Has all of them do their batches, in rounds.
fn measure(contestants: &mut [Contestant], count: usize) {
    for contestant in contestants.iter_mut() {
        (contestant.batch)();
    }
    let time = ThreadTime::now();
    (contestants[0].batch)();
    let repeats = STRETCH.div_duration_f64(time.elapsed()).ceil().max(1.0) as usize;
    let start = Instant::now();
    let mut round = 0;
    while round < ROUNDS || start.elapsed() < TIME {
        let first = round % contestants.len();
        let (behind, front) = contestants.split_at_mut(first);
        for contestant in front.iter_mut().chain(behind) {
            let time = ThreadTime::now();
            for _ in 0..repeats {
                (contestant.batch)();
            }
            let nanos = time.elapsed().as_nanos() as f64;
            contestant.times.push(nanos / (repeats * count) as f64);
        }
        round += 1;
    }
    for contestant in contestants {
        contestant.times.sort_by(f64::total_cmp);
    }
}

impl Contestant {
    fn new(name: &str, kind: Kind, batch: impl FnMut() + 'static) -> Self {
        Self { name: name.into(), kind, batch: Box::new(batch), times: Vec::new() }
    }

    fn median(&self) -> f64 {
        self.times[self.times.len() / 2]
    }

    fn min(&self) -> f64 {
        self.times[0]
    }
}

impl Kind {
    fn of(own: bool) -> Self {
        if own { Self::Own } else { Self::Other }
    }
}
