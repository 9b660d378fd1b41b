//! WebSockets under axum's names: programs that compile with axum's own and with those of this crate, over
//! HTTP/1.1 and HTTP/2, with clients of others, and what happens at the edges.
//!
//! Clients of others are found as `tests/peers` finds them.

mod clients;
mod drop_in;
mod edges;
#[path = "../peers/folder.rs"]
mod folder;
mod of_axum;
mod of_framewise;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../peers/programs.rs"]
mod programs;
mod server;
mod versions;
#[path = "../peers/visitors.rs"]
mod visitors;
