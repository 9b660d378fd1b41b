//! A sans-IO WebSocket protocol (RFC 6455).
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "std")]
mod adapter;
#[cfg(feature = "std")]
pub mod blocking;
mod close;
mod closing;
mod config;
mod connection;
mod error;
mod event;
pub mod frame;
pub mod handshake;
mod input;
mod link;
pub mod mask;
mod message;
mod output;
mod payload;
mod receiver;
mod role;
mod sender;
#[cfg(feature = "std")]
mod split;
pub mod time;
mod timer;
#[cfg(feature = "tokio")]
pub mod tokio;
mod utf8;

#[cfg(feature = "std")]
pub use {
    adapter::{Batch, Error},
    split::{ReceiveHalf, SendHalf},
};
pub use {
    close::{CloseCode, CloseFrame},
    closing::{State, Transport},
    config::Config,
    connection::Connection,
    error::{ProtocolError, SendError, SendErrorKind},
    event::{Delivery, EndOfStream, Event, Message},
    input::Input,
    output::Output,
    payload::{Binary, Payload, Text},
    role::Role,
    timer::Timeout,
};
