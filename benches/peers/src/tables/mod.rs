//! The workloads, a group in each file.

mod adversary;
mod allocations;
mod deflate;
mod echo;
mod handshake;
pub(crate) mod memory;
mod pieces;
mod receive;
mod send;
mod whole;

use bytes::Bytes;

use crate::{
    contest::{Contestant, Kind, Report},
    peers::{AnyEndpoint, Peer},
    wire::{Pace, Wire},
    workload::{Message, Setup},
};

/// Does all of them.
pub(crate) fn run(report: &mut Report) {
    receive::run(report);
    whole::run(report);
    pieces::run(report);
    send::run(report);
    echo::run(report);
    handshake::run(report);
    deflate::run(report);
    adversary::run(report);
    allocations::run(report);
}

/// Lets these peers receive the frames, and checks that they deliver the messages.
fn receivers<'a>(
    peers: impl IntoIterator<Item = &'a Peer>,
    setup: Setup,
    pace: &Pace,
    frames: &Bytes,
    messages: &[Message],
) -> Vec<Contestant> {
    let mut contestants = Vec::new();
    for peer in peers {
        let wire = Wire::with_pace(pace.clone());
        let Some(mut endpoint) = (peer.open)(setup, wire.clone()) else { continue };
        receive_and_check(&mut *endpoint, &wire, frames, messages, peer.name);
        let (frames, count) = (frames.clone(), messages.len());
        contestants.push(Contestant::new(peer.name, Kind::of(peer.own), move || {
            wire.put(&frames);
            endpoint.drain(count);
        }));
    }
    contestants
}

/// Panics unless the endpoint delivers the messages, twice: the second time there is something in
/// its buffers, and in the window of a compressor.
fn receive_and_check(
    endpoint: &mut dyn AnyEndpoint,
    wire: &Wire,
    frames: &Bytes,
    messages: &[Message],
    name: &str,
) {
    for _ in 0..2 {
        let mut expected = messages.iter();
        wire.put(frames);
        endpoint.receive_each(messages.len(), &mut |payload| {
            let expected = expected.next().expect("no more than there are");
            assert!(payload == expected.bytes, "{name} delivers something else");
        });
        assert!(expected.next().is_none());
    }
}

/// Copying what there is to read into a buffer of 64 KiB, and nothing else.
fn copying(pace: &Pace, frames: &Bytes) -> Contestant {
    let wire = Wire::with_pace(pace.clone());
    let frames = frames.clone();
    let mut buffer = vec![0; 64 << 10];
    Contestant::new("(memcpy)", Kind::Floor, move || {
        wire.put(&frames);
        while wire.read(&mut buffer) != 0 {}
    })
}

/// Writes a size as people do.
fn size_name(size: usize) -> String {
    match size {
        ..1024 => format!("{size} octets"),
        1024..0x10_0000 => format!("{} KiB", size >> 10),
        _ => format!("{} MiB", size >> 20),
    }
}
