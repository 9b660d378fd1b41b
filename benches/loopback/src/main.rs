//! Compares echo servers of framewise with those of other WebSocket crates, over loopback.
//!
//! ```sh
//! # Everything, in some seven minutes.
//! cargo run --release --manifest-path benches/loopback/Cargo.toml
//! # The workloads and the servers with one of these texts in their names.
//! cargo run --release --manifest-path benches/loopback/Cargo.toml -- \
//!     --workload small --server framewise --server raw
//! # Whether everything works at all, in less than a minute.
//! cargo run --release --manifest-path benches/loopback/Cargo.toml -- --quick
//! # Beside a server that is no part of this: it gets the port as its last argument.
//! cargo run --release --manifest-path benches/loopback/Cargo.toml -- --external 'NAME=COMMAND'
//! # One server, for a profiler.
//! cargo run --release --manifest-path benches/loopback/Cargo.toml -- server NAME --port 9001
//! ```
//!
//! # What the numbers mean
//!
//! Each server is a process of its own that echoes, and has one core; one load generator, which is
//! the same for all and knows of WebSocket only some octets that were made before, has another one.
//! For each workload the servers take turns in rounds, in an order that changes, each time in a
//! fresh process; the tables show the median of the rounds and, behind it, the smallest and the
//! largest. Ratios are those of medians. *A difference that is smaller than the one between the
//! rounds is none.*
//!
//! - **CPU**: what the kernel accounts to the server's process, user and system, divided by the
//!   messages: most of it is system calls and the TCP stack, which is why the columns `raw` matter.
//!   It is the number that counts, for the other numbers depend on what else runs.
//! - **per second**: messages echoed. The generator may be what limits it: compare CPU.
//! - **of raw-tokio, of raw-loop**: the ratio of CPU to that of a server without any WebSocket,
//!   which reads and writes the same octets on tokio and on a bare event loop. No server can do
//!   with less than about 1.
//! - **of the best peer**: the ratio to the best of the other Rust crates in this workload.
//! - **of NAME**: the ratio to each `--external` server.
//!
//! The workloads and what they leave out are in `load/`, the servers and their ways in `server/`.
//! Messages are text of ASCII, which all servers validate as UTF-8.
//!
//! # What they leave out
//!
//! Networks: loopback has no latency, no losses and no small packets; so it shows all of the cost
//! of software and nothing else. TLS and compression. More cores than one, and with them
//! work-stealing runtimes. Memory of the kernel, such as socket buffers.

mod load;
mod process;
mod report;
mod sample;
mod server;

use std::{
    env,
    error::Error,
    net::{Ipv4Addr, TcpListener},
    process::ExitCode,
    time::Duration,
};

use crate::{
    load::{Effort, WORKLOADS},
    process::{Cores, Target},
    server::SERVERS,
};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loopback: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    process::allow_many_files()?;
    let mut arguments = env::args().skip(1).peekable();
    if arguments.next_if(|argument| argument == "server").is_some() {
        return serve(arguments);
    }
    let options = Options::parse(arguments)?;
    let cores = Cores::choose()?;
    let targets: Vec<Target> = SERVERS
        .iter()
        .map(Target::own_process)
        .chain(options.external.iter().cloned())
        .filter(|target| matches(&target.name, &options.servers))
        .collect();
    for workload in WORKLOADS.iter().filter(|workload| matches(workload.name, &options.workloads)) {
        workload.run(&targets, &cores, &options.effort)?;
    }
    Ok(())
}

/// Serves for ever, as one of the servers.
fn serve(mut arguments: impl Iterator<Item = String>) -> Result<(), Failure> {
    let usage = "usage: loopback server NAME --port N";
    let name = arguments.next().ok_or(usage)?;
    let server = SERVERS.iter().find(|server| server.name == name).ok_or("no such server")?;
    let port: u16 = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--port"), Some(port)) => port.parse()?,
        _ => return Err(usage.into()),
    };
    process::end_with_parent()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    Ok((server.serve)(listener)?)
}

/// What the command line asks for.
struct Options {
    workloads: Vec<String>,
    servers: Vec<String>,
    external: Vec<Target>,
    effort: Effort,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self {
            workloads: Vec::new(),
            servers: Vec::new(),
            external: Vec::new(),
            effort: Effort::FULL,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--quick" => options.effort = Effort::QUICK,
                "--workload" => options.workloads.push(value()?),
                "--server" => options.servers.push(value()?),
                "--rounds" => options.effort.rounds = value()?.parse::<usize>()?.max(1),
                "--seconds" => {
                    options.effort.duration = Duration::try_from_secs_f64(value()?.parse()?)?;
                }
                "--connections" => options.effort.connections = value()?.parse()?,
                "--external" => {
                    let value = value()?;
                    let (name, command) = value.split_once('=').ok_or("NAME=COMMAND")?;
                    options.external.push(Target::external(name, command));
                }
                _ => return Err(USAGE.into()),
            }
        }
        Ok(options)
    }
}

/// Whether one of the texts is in the name, or there are none.
fn matches(name: &str, texts: &[String]) -> bool {
    texts.is_empty() || texts.iter().any(|text| name.contains(text.as_str()))
}

const USAGE: &str = "usage: loopback [--quick] [--workload TEXT]... [--server TEXT]... \
                     [--external NAME=COMMAND]... [--rounds N] [--seconds S] [--connections N]";
