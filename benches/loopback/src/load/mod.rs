//! The load generator, and what it does to the servers.

mod client;
mod handshakes;
mod memory;
mod ping_pong;
mod stream;

use std::time::Duration;

use crate::{
    Failure,
    process::{Cores, Target},
    report,
    sample::Sample,
};

/// How long it may take.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// How often each server has its turn.
    pub(crate) rounds: usize,
    /// How long a turn takes, after the warm-up.
    pub(crate) duration: Duration,
    /// How long the server is warmed up, in each turn.
    pub(crate) warm_up: Duration,
    /// How many connections wait, for memory.
    pub(crate) connections: usize,
}

impl Effort {
    pub(crate) const FULL: Self = Self {
        // Many short turns rather than few long ones: a busy machine then hits all alike.
        rounds: 9,
        duration: Duration::from_millis(250),
        warm_up: Duration::from_millis(50),
        connections: 10_000,
    };

    /// For a look at whether everything works, not for numbers.
    pub(crate) const QUICK: Self = Self {
        rounds: 1,
        duration: Duration::from_millis(60),
        warm_up: Duration::from_millis(20),
        connections: 200,
    };
}

/// A table.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    title: &'static str,
    kind: Kind,
}

enum Kind {
    Handshakes,
    Memory,
    PingPong,
    Stream(stream::Shape),
}

pub(crate) const WORKLOADS: [Workload; 6] = [
    Workload {
        name: "small",
        title: "64 connections, 16 messages of 32 octets in flight on each",
        kind: Kind::Stream(stream::Shape { connections: 64, in_flight: 16, size: 32 }),
    },
    Workload {
        name: "medium",
        title: "8 connections, one message of 16 KiB in flight on each",
        kind: Kind::Stream(stream::Shape { connections: 8, in_flight: 1, size: 16 << 10 }),
    },
    Workload {
        name: "large",
        title: "1 connection, one message of 1 MiB in flight",
        kind: Kind::Stream(stream::Shape { connections: 1, in_flight: 1, size: 1 << 20 }),
    },
    Workload {
        name: "ping-pong",
        title: "1 connection, one message of 32 octets in flight",
        kind: Kind::PingPong,
    },
    Workload {
        name: "handshake",
        title: "connect, upgrade and close, one after the other",
        kind: Kind::Handshakes,
    },
    Workload {
        name: "memory",
        title: "resident octets per connection that waits",
        kind: Kind::Memory,
    },
];

impl Workload {
    /// Measures and prints a table.
    pub(crate) fn run(
        &self,
        targets: &[Target],
        cores: &Cores,
        effort: &Effort,
    ) -> Result<(), Failure> {
        println!("## {}: {}\n", self.name, self.title);
        match &self.kind {
            Kind::Handshakes => {
                let samples = in_rounds(targets, effort, |target| {
                    handshakes::measure(target, cores, effort)
                })?;
                report::print(targets, &samples);
            }
            Kind::Memory => memory::run(targets, cores, effort)?,
            Kind::PingPong => {
                let samples =
                    in_rounds(targets, effort, |target| ping_pong::measure(target, cores, effort))?;
                report::print(targets, &samples);
            }
            Kind::Stream(shape) => {
                let samples =
                    in_rounds(targets, effort, |target| shape.measure(target, cores, effort))?;
                report::print(targets, &samples);
            }
        }
        println!();
        Ok(())
    }
}

/// Measures each of the targets once per round, and returns the samples of each.
///
/// The order differs from round to round, so that what a busy machine does hits all of them.
fn in_rounds(
    targets: &[Target],
    effort: &Effort,
    mut measure: impl FnMut(&Target) -> Result<Sample, Failure>,
) -> Result<Vec<Vec<Sample>>, Failure> {
    let mut samples = vec![Vec::new(); targets.len()];
    for round in 0..effort.rounds {
        let mut order: Vec<usize> = (0..targets.len()).collect();
        order.rotate_left(round * STRIDE % targets.len().max(1));
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let target = &targets[index];
            let sample = measure(target).map_err(|error| format!("{}: {error}", target.name))?;
            samples[index].push(sample);
        }
    }
    Ok(samples)
}

/// How far the order is rotated in each round.
const STRIDE: usize = 7;
