//! WebSockets on hyper's servers and clients: HTTP/1.1 and HTTP/2, plain and over TLS, with clients and servers
//! of others, behind proxies, and what happens at the edges. The programs of `examples/web` are among them.
//!
//! Programs of others are found as `tests/peers` finds them.

#![allow(clippy::duplicate_mod, reason = "tests of other topics have their own")]

mod clients;
mod flow;
#[path = "../peers/folder.rs"]
mod folder;
mod fronts;
#[allow(dead_code, reason = "its `main` is not run here")]
#[path = "../../../../examples/web/src/bin/h2_client.rs"]
mod h2_client;
#[allow(dead_code, reason = "its `main` is not run here")]
#[path = "../../../../examples/web/src/bin/hyper_server.rs"]
mod hyper_server;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../peers/programs.rs"]
mod programs;
mod resets;
mod server;
mod servers;
mod timers;
mod types;
mod upgrades;
mod versions;
#[path = "../peers/visitors.rs"]
mod visitors;
