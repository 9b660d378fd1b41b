//! Connections that are opened, upgraded and closed, one after the other.
//!
//! Most of it is TCP and the scheduler; the row of a server without WebSocket, which echoes the
//! request as if it were a message, shows how much. Closing is the end of the stream, without the
//! closing handshake. What this leaves out: several connections that are opened at once.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{Effort, Sample, client};
use crate::{
    Failure,
    process::{Cores, Target},
};

pub(super) fn measure(target: &Target, cores: &Cores, effort: &Effort) -> Result<Sample, Failure> {
    let server = target.start(cores)?;
    let shake = || {
        let mut stream = client::connect_tcp(server.address())?;
        client::upgrade(target, &mut stream)
    };
    let start = Instant::now();
    while start.elapsed() < effort.warm_up {
        shake()?;
    }
    thread::sleep(SETTLE);
    let (start, before) = (Instant::now(), server.cpu()?);
    let mut count = 0;
    while start.elapsed() < effort.duration {
        shake()?;
        count += 1;
    }
    let elapsed = start.elapsed();
    thread::sleep(SETTLE);
    Ok(Sample { count, elapsed, cpu: server.cpu()? - before, percentiles: None })
}

/// How long a server has to see the end of the last connections.
const SETTLE: Duration = Duration::from_millis(5);
