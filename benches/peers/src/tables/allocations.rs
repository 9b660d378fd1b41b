//! How often a message makes the allocator work, and for how many octets.
//!
//! Growing counts like allocating. A batch goes before, so that what a connection keeps is there;
//! what is given away, as "framewise, owned" wants it, is not counted when it is made.

use bytes::Bytes;

use crate::{
    contest::Report,
    heap,
    peers::{PEERS, Peer, RECEIVERS, SENDERS},
    wire::Wire,
    workload::{self, Content, Message, Role, Setup},
};

use super::size_name;

/// How many messages are received and sent.
const COUNT: usize = 64;

pub(super) fn run(report: &mut Report) {
    if !report.wants("allocations per message") {
        return;
    }
    let sizes = [64, 16 << 10];
    println!("## allocations per message: how many / octets\n");
    print!("|");
    for role in Role::BOTH {
        for what in ["receives", "sends"] {
            for size in sizes {
                print!(" | {} {what}, {}", role.name(), size_name(size));
            }
        }
    }
    println!(" |\n|---|{}", "---:|".repeat(8));
    for peer in PEERS.iter().chain(&RECEIVERS).chain(&SENDERS) {
        print!("| {}", peer.name);
        for role in Role::BOTH {
            for work in [receive, send] {
                for size in sizes {
                    let messages = workload::messages(Content::Binary, size, COUNT);
                    let (count, octets) = work(peer, Setup::plain(role), &messages);
                    let (count, octets) = (count as f64 / COUNT as f64, octets / COUNT as isize);
                    print!(" | {count:.2} / {octets}");
                }
            }
        }
        println!(" |");
    }
    println!();
}

fn receive(peer: &Peer, setup: Setup, messages: &[Message]) -> (usize, isize) {
    let wire = Wire::default();
    let mut endpoint = (peer.open)(setup, wire.clone()).expect("no compression is asked for");
    let frames = Bytes::from(workload::frames(messages, setup));
    let mut batch = || {
        wire.put(&frames);
        heap::allocated(|| endpoint.drain(messages.len()))
    };
    batch();
    batch()
}

fn send(peer: &Peer, setup: Setup, messages: &[Message]) -> (usize, isize) {
    let wire = Wire::default();
    wire.reserve();
    let mut endpoint = (peer.open)(setup, wire).expect("no compression is asked for");
    let mut batch = || {
        endpoint.prepare(messages);
        heap::allocated(|| endpoint.send(messages, 1))
    };
    batch();
    batch()
}
