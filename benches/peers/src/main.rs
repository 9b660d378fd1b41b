//! Compares framewise with other WebSocket crates, message by message, in memory.
//!
//! ```sh
//! # All tables of times, or those with a text in their titles.
//! cargo run --release --manifest-path benches/peers/Cargo.toml
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- receive
//! # The octets that a connection holds.
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- memory
//! ```
//!
//! # What the times mean
//!
//! Each number is the CPU time of the thread for one message, the median and the minimum of many
//! rounds. In each round every peer does the same batch once, in an order that changes from round
//! to round, so that a busy machine slows all of them. The last two columns are ratios of medians:
//! to the fastest of the *other* crates, and to the DEFLATE library alone (`zlib-rs`: the same
//! calls on the same octets with one output buffer that is used again, and nothing of WebSocket),
//! which is the floor. Run it several times: a difference of a few hundredths comes and goes.
//!
//! - All peers have the same stream in memory, which is always ready, and a waker that does
//!   nothing. A read and a write are each a copy; how much is read at once is the peer's choice.
//! - All receive the same octets, which the library has compressed, and deliver the same messages;
//!   that is checked before the clock starts. What they send is inflated and checked as well. It
//!   differs in octets, since they flush the compressor differently.
//! - Clients receive and servers send, so that nothing is masked.
//! - Text is validated as UTF-8 by all (`yawc` does not by default), and there are no timers
//!   (`sockudo-ws` and framewise have some by default).
//! - `framewise` is the state machine, driven as its guide says, with a read buffer of 64 KiB that
//!   all connections share; `framewise, tokio` is the adapter, of the same shape as the peers.
//! - flate2 uses zlib-rs in this binary, which is checked at the start: a feature of any crate in
//!   it can switch the backend for all. framewise calls zlib-rs itself.
//!
//! # What they leave out
//!
//! Sockets and system calls: a read costs 1 µs and more, which flatters peers that read in small
//! pieces. Executors, tasks and their wake-ups. Many connections at once, whose state is not in the
//! cache when a message comes. Handshakes.
//!
//! # What the octets mean
//!
//! `memory` counts what a server's connection holds on the heap (itself included, its stream not)
//! while it waits to receive, as the mean of 64 of them: after negotiation, and after 20 messages
//! of 1 KiB each way. What a thread or a pool keeps for all connections is made before the count
//! begins, and so is not in it. Sockets, tasks and the allocator's own overhead are not, either.
//!
//! The crates are as they come; the lines below them are what some have to save memory.

mod backend;
mod contest;
mod floor;
mod heap;
#[path = "../../json/mod.rs"]
mod json;
mod peers;
mod tables;
mod wire;
mod workload;

use std::env;

fn main() {
    backend::check();
    let argument = env::args().nth(1).unwrap_or_default();
    if argument == "memory" {
        return tables::memory::run();
    }
    let mut report = contest::Report::new(&argument);
    tables::run(&mut report);
    report.print_summary();
}
