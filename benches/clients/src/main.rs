//! What clients cost: connecting, a dead address, and the memory of TLS.
//!
//! ```sh
//! cargo run --release --manifest-path benches/clients/Cargo.toml            # all three, a minute
//! cargo run --release --manifest-path benches/clients/Cargo.toml -- connects
//! ```
//!
//! - `connects`: the time for 1,000 clients at once that connect to one address, by `connect`, and by
//!   `client` over sockets that the program connects itself. Both take turns in one process; the
//!   number to look at is the median of the ratios.
//! - `dead-address`: how long `connect` takes when the first of two addresses does not answer: that
//!   of a listener whose queue is full. The next address is tried after 250 ms.
//! - `tls-memory`: bytes on the heap for an idle server connection, as the server's thread has
//!   allocated them, with TLS 1.3 and without TLS. Left out: what the kernel holds.

mod connects;
mod dead_address;
mod tls_memory;

use std::{env, error::Error};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let chosen: Vec<String> = env::args().skip(1).collect();
    let programs: [(&str, fn() -> Result<(), Failure>); 3] = [
        ("connects", connects::run),
        ("dead-address", dead_address::run),
        ("tls-memory", tls_memory::run),
    ];
    for name in &chosen {
        if !programs.iter().any(|(known, _)| known == name) {
            return Err(format!("unknown argument {name:?}").into());
        }
    }
    for (name, run) in programs {
        if chosen.is_empty() || chosen.iter().any(|chosen| chosen == name) {
            println!("## {name}\n");
            run()?;
            println!();
        }
    }
    Ok(())
}

/// Runs a future on one thread.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime").block_on(future)
}

/// Returns the middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
