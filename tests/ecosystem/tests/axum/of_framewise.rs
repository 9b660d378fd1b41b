//! The programs with those of this crate.

pub(crate) use framewise::axum as ws;

#[path = "chat.rs"]
pub(crate) mod chat;
#[path = "greeter.rs"]
pub(crate) mod greeter;
#[path = "handshakes.rs"]
pub(crate) mod handshakes;
#[path = "types.rs"]
pub(crate) mod types;
