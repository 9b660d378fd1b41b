//! Puts echo servers of framewise under more load, and worse, than they should ever see.
//!
//! ```sh
//! cargo build --release --features connect,tokio --example echo_server --example echo_server_mio
//! # 13,000 connections in each of five waves, of which 10,000 stay; some two minutes a server.
//! cargo run --release --manifest-path benches/overload/Cargo.toml -- \
//!     target/release/examples/echo_server target/release/examples/echo_server_mio
//! # 400 connections in each of three waves, on all servers side by side; a minute.
//! cargo run --manifest-path benches/overload/Cargo.toml -- --quick SERVER...
//! ```
//!
//! A server is any program that takes `--listen ADDRESS`, says `listening on ADDRESS`, sends every
//! message back, and has the limits and timers of [`Config`]'s defaults. In each wave connections are
//! opened, and while many do nothing and many chat, others do all that a server has to bear (see
//! [`Kind`](client::Kind)). In the end those that are left are dropped, in one of three ways. What has
//! to hold:
//!
//! - every message of a healthy connection comes back as it was sent, and in the end every answer
//!   to its Close;
//! - every hostile connection ends as the README's table of limits promises;
//! - after each wave the server has no more files open than before it, and after the first one no
//!   more memory than after the first one, but for some slack.
//!
//! Exits with 1 and says which promise was broken otherwise. Times are reported and not judged: the
//! machine may be busy. But nothing may take longer than two minutes.
//!
//! [`Config`]: https://docs.rs/framewise/latest/framewise/struct.Config.html

mod client;
mod server;
mod wave;

use std::{env, error::Error, process::ExitCode, thread};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::wave::Plan;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("overload: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let mut plan = Plan::FULL;
    let mut servers = Vec::new();
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--quick" => plan = Plan::QUICK,
            "--connections" => plan.connections = value()?.parse()?,
            "--waves" => plan.waves = value()?.parse()?,
            _ if argument.starts_with("--") => return Err(USAGE.into()),
            _ => servers.push(argument),
        }
    }
    if servers.is_empty() {
        return Err(USAGE.into());
    }
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?; // The servers inherit it.
    if plan.files() > most {
        return Err(format!("{} files are needed and {most} allowed", plan.files()).into());
    }
    if !plan.side_by_side {
        return servers.iter().try_for_each(|server| plan.run(server));
    }
    let threads: Vec<_> =
        servers.into_iter().map(|server| thread::spawn(move || plan.run(&server))).collect();
    // All of them are waited for, so that all servers end.
    let results: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap_or_else(|_| Err("panicked".into())))
        .collect();
    results.into_iter().collect()
}

const USAGE: &str = "usage: overload [--quick] [--connections N] [--waves N] SERVER...";
