//! Binary messages that a server and a client send.
//!
//! A write is a copy, of 1 MiB at most. The payloads are lent, or counted where the peer wants
//! that; those of "framewise, owned" and of wtx were made before, and are given away or masked
//! where they are. Who writes each message whatever happens has no advantage of many in a flush.

use std::hint::black_box;

use super::size_name;
use crate::{
    contest::{Contestant, Kind, Report, Work},
    peers::{AnyEndpoint, PEERS, SENDERS},
    wire::Wire,
    workload::{self, Content, Message, Role, Setup},
};

/// Sizes of messages, how many are in a batch, and in a flush.
const SIZES: [(usize, usize, usize); 9] = [
    (16, 256, 1),
    (64, 256, 1),
    (64, 256, 16),
    (1 << 10, 64, 1),
    (1 << 10, 64, 16),
    (16 << 10, 16, 1),
    (64 << 10, 8, 1),
    (1 << 20, 2, 1),
    (64 << 20, 1, 1),
];

/// Below this an owned payload is copied like a borrowed one.
const OWNED: usize = 1 << 10;

/// Somebody who sends messages.
pub(super) struct Sender {
    pub(super) endpoint: Box<dyn AnyEndpoint>,
    pub(super) messages: Vec<Message>,
    pub(super) per_flush: usize,
}

pub(super) fn run(report: &mut Report) {
    for role in Role::BOTH {
        for (size, count, per_flush) in SIZES {
            let flush = if per_flush == 1 { "" } else { ", 16 in a flush" };
            let title = format!("send, {}, {}{flush}", role.name(), size_name(size));
            report.compare(&title, count, "memcpy", || senders(role, size, count, per_flush));
        }
    }
}

fn senders(role: Role, size: usize, count: usize, per_flush: usize) -> Vec<Contestant> {
    let setup = Setup::plain(role);
    let messages = workload::messages(Content::Binary, size, count);
    let others = SENDERS.iter().filter(|_| size > OWNED);
    let mut contestants = Vec::new();
    for peer in PEERS.iter().chain(others) {
        let wire = Wire::default();
        let Some(endpoint) = (peer.open)(setup, wire.clone()) else { continue };
        let mut sender = Sender { endpoint, messages: messages.clone(), per_flush };
        sender.check(&wire, setup);
        contestants.push(Contestant::new(peer.name, Kind::of(peer.own), sender));
    }
    let wire = Wire::default();
    contestants.push(Contestant::new("(memcpy)", Kind::Floor, move || {
        messages.iter().for_each(|message| wire.write_all(black_box(&message.bytes)));
    }));
    contestants
}

impl Sender {
    /// Panics unless it sends the messages.
    pub(super) fn check(&mut self, wire: &Wire, setup: Setup) {
        wire.record();
        self.prepare();
        self.batch();
        workload::check(&wire.take(), &self.messages, setup);
    }
}

impl Work for Sender {
    fn prepares(&self) -> bool {
        self.endpoint.prepares()
    }

    fn prepare(&mut self) {
        self.endpoint.prepare(&self.messages);
    }

    fn batch(&mut self) {
        self.endpoint.send(&self.messages, self.per_flush);
    }
}
