//! The programs with axum's own WebSockets.

pub(crate) use axum::extract::ws;

#[path = "chat.rs"]
pub(crate) mod chat;
#[path = "greeter.rs"]
pub(crate) mod greeter;
#[path = "handshakes.rs"]
pub(crate) mod handshakes;
#[path = "types.rs"]
pub(crate) mod types;
