//! Compares framewise with other WebSocket crates, message by message, in memory.
//!
//! ```sh
//! # All tables, which takes some minutes, or those with a text in their titles.
//! cargo run --release --manifest-path benches/peers/Cargo.toml
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- "receive, server, binary"
//! # One row of them, for a profiler.
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- "1 KiB" "framewise, tokio"
//! # The octets that a connection holds.
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- memory
//! ```
//!
//! The titles begin with `receive`, `receive, whole buffer`, `pieces`, `send`, `echo`, `handshake`,
//! `deflate`, `adversary` and `allocations`; each group is a file below `src/tables`, whose head
//! says what is special about it. At the end there is a line for each table.
//!
//! # What the times mean
//!
//! Each number is the CPU time of the thread for one message, the median and the minimum of many
//! rounds. In each round everybody does the same batch, in an order that changes from round to
//! round, so that a busy machine slows all of them. The last two columns are ratios of medians: to
//! the fastest of the *other* crates, and to what is left without any WebSocket, in brackets below:
//! the copies alone (`memcpy`), or the DEFLATE library alone (the same calls on the same octets
//! with one output buffer that is used again). Run it several times: where all have a few tens of
//! nanoseconds, a tenth comes and goes; under a load that changes, a quarter.
//!
//! - All peers have the same stream in memory, which is always ready, and a waker that does
//!   nothing. A read and a write are each a copy; how much is read at once is the peer's choice,
//!   but for the tables that say otherwise. A write takes 1 MiB at most.
//! - All receive the same octets and deliver the same messages; that is checked before the clock
//!   starts, and so is what they send. A message counts as delivered when its payload lies in one
//!   piece; nothing is done with it.
//! - Each is used as its documentation says is best for many messages: a batch is one future, not
//!   one for each message, and who can collect what it sends does. fastwebsockets, web-socket and
//!   wtx write each message.
//! - Text is validated as UTF-8 by all: yawc is told to, and for soketto and web-socket it is done
//!   here, with the standard library. Limits are raised for 64 MiB, timers and heartbeats are off.
//! - soketto and web-socket read exactly what they need next, and are given a buffered reader of 64
//!   KiB. wtx is given a buffer of 64 KiB, for with an empty one it reads each frame by itself.
//! - `framewise` is the state machine, driven as its guide says, with a read buffer of 64 KiB that
//!   all connections share (`16 KiB reads`: of as much as stays in the first cache, `256 KiB
//!   reads`: of as much as holds several large messages); `framewise, tokio` is the adapter, whose
//!   `read` gives messages away as the other crates do, and `tokio batch` is the adapter's `fill`,
//!   which lends them. Sending, it is lent its payloads, or given them (`owned`), or shares them
//!   (`shared`, like the `Bytes` of others). Payloads that are given away are made before the clock
//!   starts, for wtx too, which masks them where they are; what it takes to free them is counted.
//! - nexus-web is a state machine, too, with a buffer of 1 MiB for each connection as it comes; it
//!   is there with 64 KiB as well.
//! - The allocator is the system's, made to keep what is freed, as in a program that has run for a
//!   while; but it never keeps 64 MiB.
//! - flate2 uses zlib-rs in this binary, which is checked at the start: a feature of any crate in
//!   it can switch the backend for all. framewise calls zlib-rs itself.
//!
//! # What they leave out
//!
//! Sockets and system calls: a read costs 1 µs and more, which flatters peers that read in small
//! pieces. Executors, tasks and their wake-ups. Many connections at once, whose state is not in the
//! cache when a message comes. What the program does with a message: who lends its buffer, or gets
//! it back because nobody keeps the message, has no new memory to touch, which is most of what 64
//! MiB take otherwise.
//!
//! # What the octets mean
//!
//! `memory` counts what a server's connection holds on the heap (itself included, its stream not)
//! while it waits to receive, as the mean of 64 of them: after negotiation, and after 20 messages
//! of 1 KiB each way. What a thread or a pool keeps for all connections is made before the count
//! begins, and so is not in it. Sockets, tasks and the allocator's own overhead are not, either.
//! The buffers that soketto, web-socket and wtx were given are in it.
//!
//! The crates are as they come; the lines below them are what some have to save memory. A dash is
//! for those who cannot compress, or not like this.

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
    heap::settle();
    let mut report = contest::Report::new(&argument, env::args().nth(2));
    tables::run(&mut report);
    report.print_summary();
}
