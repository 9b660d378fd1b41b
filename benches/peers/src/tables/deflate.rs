//! Compressed texts (RFC 7692), for those who can keep the context.
//!
//! Clients receive and servers send, so that nothing is masked. All receive the same octets, which
//! the library has compressed; what they send differs in octets, since they flush the compressor
//! differently.

use std::hint::black_box;

use bytes::Bytes;

use super::{receivers, send::Sender};
use crate::{
    contest::{self, Contestant, Kind, Report, Work as _, nanos},
    floor::Floor,
    peers::{Framewise, FramewiseConfig, PEERS},
    wire::{Pace, Wire},
    workload::{self, Compression, Content, Role, Setup},
};

/// Sizes of messages, and how many of them differ: together more than a window.
const SIZES: [(usize, usize); 2] = [(1 << 10, 64), (64 << 10, 16)];

pub(super) fn run(report: &mut Report) {
    for takeover in [true, false] {
        let context = if takeover { "context takeover" } else { "no context takeover" };
        for (size, count) in SIZES {
            let kib = size >> 10;
            let title = format!("deflate receive, {kib} KiB, {context}");
            report.compare(&title, count, "zlib-rs alone", || {
                receive(Setup::deflate(Role::Client, takeover), size, count)
            });
            let title = format!("deflate send, {kib} KiB, {context}");
            report.compare(&title, count, "zlib-rs alone", || {
                send(Setup::deflate(Role::Server, takeover), size, count)
            });
        }
    }
    for (size, count) in SIZES {
        let title = format!("deflate levels, {} KiB, send, context takeover", size >> 10);
        if report.wants(&title) {
            levels(&title, size, count);
        }
    }
}

/// Everybody who can receive messages of this size.
fn receive(setup: Setup, size: usize, count: usize) -> Vec<Contestant> {
    let messages = workload::messages(Content::Text, size, count);
    let frames = Bytes::from(workload::frames(&messages, setup));
    let mut contestants = receivers(&PEERS, setup, &Pace::Whole, &frames, &messages);
    if let Some(compression) = setup.deflate {
        let mut floor = Floor::new(compression, size);
        let payloads: Vec<Bytes> = workload::payloads(&frames)
            .into_iter()
            .map(|(_, payload)| Bytes::from(payload))
            .collect();
        let mut expected = messages.iter();
        floor.receive(&payloads, &mut |text| {
            assert!(expected.next().is_some_and(|message| text == message.bytes));
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
    let messages = workload::messages(Content::Text, size, count);
    let mut contestants = Vec::new();
    for peer in &PEERS {
        let wire = Wire::default();
        let Some(endpoint) = (peer.open)(setup, wire.clone()) else { continue };
        let mut sender = Sender { endpoint, messages: messages.clone(), per_flush: 1 };
        sender.check(&wire, setup);
        contestants.push(Contestant::new(peer.name, Kind::of(peer.own), sender));
    }
    if let Some(compression) = setup.deflate {
        let mut floor = Floor::new(compression, size);
        let batch = move || floor.send(&messages);
        contestants.push(Contestant::new("(zlib-rs alone)", Kind::Floor, batch));
    }
    contestants
}

/// What other levels than the default would give, to framewise alone.
fn levels(title: &str, size: usize, count: usize) {
    let messages = workload::messages(Content::Text, size, count);
    let mut contestants = Vec::new();
    let mut sizes = Vec::new();
    for level in [1, 3, 6, 9] {
        let setup = Setup {
            role: Role::Server,
            deflate: Some(Compression { takeover: true, bits: 15, level }),
        };
        let wire = Wire::default();
        let endpoint = <Framewise>::new(setup, FramewiseConfig::default(), wire.clone());
        let endpoint = Box::new(endpoint);
        let mut sender = Sender { endpoint, messages: messages.clone(), per_flush: 1 };
        sender.check(&wire, setup);
        wire.record();
        sender.batch();
        sizes.push(wire.take().len());
        contestants.push(Contestant::new(&format!("level {level}"), Kind::Own, sender));
    }
    contest::measure(&mut contestants, count);
    println!("## {title}\n");
    println!("| framewise | median ns | min ns | octets | of the text |");
    println!("|---|---:|---:|---:|---:|");
    for (contestant, octets) in contestants.iter().zip(sizes) {
        let (median, min) = (nanos(contestant.median()), nanos(contestant.min()));
        let (octets, share) = (octets / count, 100.0 * octets as f64 / (size * count) as f64);
        println!("| {} | {median} | {min} | {octets} | {share:.1} % |", contestant.name());
    }
    println!();
}
