//! The example programs, started as a user starts them.
//!
//! The servers listen on port 0 and print the port. Deadlines are generous, and nothing else depends
//! on time. `cargo test` builds the examples; after a change, `cargo test --test examples` needs a
//! `cargo build --examples` with the same features first.

mod command_line;
mod line_client;
#[cfg(unix)]
mod servers;
#[cfg(unix)]
mod signals;
mod support;
mod transfer;
