//! One message at a time on one connection: how long until the answer is there.
//!
//! Both ends sleep while the other one is at work, so most of the time is that of the scheduler,
//! and the highest percentiles are that of whatever else runs on the machine. CPU time per message
//! is that of a server that does nothing at once with others: each message costs a wake-up.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use super::{
    Effort, Sample,
    client::{self, Burst},
};
use crate::{
    Failure,
    process::{Cores, Target},
};

pub(super) fn measure(target: &Target, cores: &Cores, effort: &Effort) -> Result<Sample, Failure> {
    let server = target.start(cores)?;
    let mut stream = client::connect(target, server.address())?;
    let burst = Burst::new(target, SIZE, 1);
    let mut buf = [0; 2 * SIZE];
    let start = Instant::now();
    while start.elapsed() < effort.warm_up {
        burst.exchange(&mut stream, &mut buf)?;
    }
    let mut times = Vec::with_capacity(1 << 20);
    let (start, before) = (Instant::now(), server.cpu()?);
    let mut now = start;
    while now - start < effort.duration {
        stream.write_all(&burst.request)?;
        burst.expect(&mut stream, &mut buf)?;
        let then = Instant::now();
        times.push(then - now);
        now = then;
    }
    let cpu = server.cpu()? - before;
    times.sort_unstable();
    let percentiles = Some(PERMILLES.map(|permille| percentile(&times, permille)));
    Ok(Sample { count: times.len() as u64, elapsed: now - start, cpu, percentiles })
}

fn percentile(sorted: &[Duration], permille: usize) -> Duration {
    sorted[(sorted.len() - 1) * permille / 1000]
}

const SIZE: usize = 32;

const PERMILLES: [usize; 3] = [500, 990, 999];
