//! Resident octets per connection, of many that wait.
//!
//! The memory of the server's process (the sum of its resident pages, code and all) is looked at
//! when it has dealt with one connection, and when each of many connections has been opened, has
//! had one message of 32 octets echoed, and then one of 16 KiB. The difference to the first is
//! divided by their number. Allocators keep what is given back to them, so this is what a server
//! costs that has been busy. A few connections are served at once, not all.
//!
//! What this leaves out: the kernel's memory, of sockets above all; what is not touched, such as
//! most of a thread's stack; and that servers with work-stealing runtimes have several heaps.

use std::{io::Write as _, thread, time::Duration};

use super::{
    Effort,
    client::{self, Burst},
};
use crate::{
    Failure, process,
    process::{Cores, Target},
};

/// Measures and prints the table.
pub(super) fn run(targets: &[Target], cores: &Cores, effort: &Effort) -> Result<(), Failure> {
    println!("| server | connections | after the handshake | after 32 octets | after 16 KiB |");
    println!("|---|---:|---:|---:|---:|");
    for target in targets {
        let count = effort.connections.min(target.connections).min(process::most_connections()?);
        let held = measure(target, cores, count)
            .map_err(|error| format!("{}: {error}", target.name))?
            .map(|octets| octets.to_string());
        println!("| {} | {count} | {} |", target.name, held.join(" | "));
    }
    Ok(())
}

fn measure(target: &Target, cores: &Cores, count: usize) -> Result<[i64; 3], Failure> {
    let server = target.start(cores)?;
    let bursts = SIZES.map(|size| Burst::new(target, size, 1));
    let mut buf = vec![0; 2 * SIZES[1]];
    {
        let mut stream = client::connect(target, server.address())?;
        for burst in &bursts {
            burst.exchange(&mut stream, &mut buf)?;
        }
    }
    thread::sleep(SETTLE);
    let before = server.resident()?;
    let held = || -> Result<i64, Failure> {
        thread::sleep(SETTLE);
        let octets = i64::try_from(server.resident()?)? - i64::try_from(before)?;
        Ok(octets / i64::try_from(count.max(1))?)
    };

    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        streams.push(client::connect(target, server.address())?);
    }
    let opened = held()?;
    let mut used = [0; 2];
    for (burst, used) in bursts.iter().zip(&mut used) {
        for streams in streams.chunks_mut(AT_ONCE) {
            for stream in &mut *streams {
                stream.write_all(&burst.request)?;
            }
            for stream in streams {
                burst.expect(stream, &mut buf)?;
            }
        }
        *used = held()?;
    }
    // The server goes first, so that no port of this end has to rest.
    drop(server);
    Ok([opened, used[0], used[1]])
}

const SIZES: [usize; 2] = [32, 16 << 10];

/// How many connections are served at once.
const AT_ONCE: usize = 16;

/// How long a server has to come to rest; some look at their timers once a second.
const SETTLE: Duration = Duration::from_millis(100);
