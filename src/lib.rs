//! A sans-IO WebSocket protocol (RFC 6455, RFC 7692): bytes in, events and bytes out.
//!
//! ```text
//!                bytes                         events
//!   transport ─────────▶ Input ─▶ Connection ─────────▶ application
//!             ◀───────── Output ◀──────────── ◀─────────
//!                bytes                         send_text, ping, close, ...
//! ```
//!
//! The core is a pure state machine: no I/O, no clock, no source of randomness, `no_std` with
//! `alloc`, and no unsafe code. Adapters bind it to streams of the standard library, of tokio and of
//! other asynchronous runtimes. Each layer can be used alone:
//!
//! - [`frame`]: the base framing protocol. Headers are decoded and encoded by pure functions. A decoder
//!   turns a stream, in pieces of any length, into unmasked pieces of payload
//! - [`Connection`]: messages, control frames, the closing handshake, limits and timers
//! - [`handshake`]: the opening handshake of both roles, which leads to a `Connection`
//! - [`driver`]: the loop between a connection and a transport, as a machine
//! - `deflate`: compressed messages, and their negotiation as pure functions (feature `deflate`)
//! - [`client`]: which address of a host to try when, whose turn it is to connect, which proxy to use,
//!   where a redirect leads, and when to try again
//! - `blocking`: WebSockets over streams of the standard library (feature `std`)
//! - `polled`: WebSockets over the streams of any asynchronous runtime (feature `std`)
//! - `tokio`: WebSockets over tokio's streams (feature `tokio`)
//! - `tls`: TLS below them, with rustls (feature `rustls`)
//! - `http`: opening handshakes by requests and responses of the crate `http` (feature `http`)
//! - `hyper`: WebSockets on hyper's servers and clients, by HTTP/1.1 and HTTP/2 (feature `hyper`)
//! - `axum`: WebSockets for axum, under axum's own names (feature `axum`)
//!
//! The guide is in [`manual`]; begin with [`manual::embedding`].
//!
//! # Example
//!
//! An echo server for any transport:
//!
//! ```
//! use std::sync::Arc;
//! use framewise::{Config, Connection, Event, Input};
//!
//! /// Takes what was read, in place, and returns what is to be written.
//! fn echo(connection: &mut Connection, read: &mut [u8]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
//!     let mut input = Input::new(read);
//!     while let Some(event) = connection.receive(&mut input)? {
//!         match event {
//!             Event::Text(text) => connection.send_text(text)?,
//!             Event::Binary(payload) => connection.send_binary(payload)?,
//!             _ => {} // Pings and Closes are answered already
//!         }
//!     }
//!     let written = connection.output().chunks().collect::<Vec<_>>().concat();
//!     connection.output().advance(written.len());
//!     Ok(written)
//! }
//!
//! let mut connection = Connection::server(Arc::new(Config::default()));
//! let mut frame = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
//! assert_eq!(echo(&mut connection, &mut frame)?, b"\x81\x05Hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Names
//!
//! One word stands for one thing:
//!
//! | | comes in | goes out |
//! |---|---|---|
//! | a machine ([`Connection`], `ReceiveHalf`, `SendHalf`) | `receive` parses bytes | `send` queues a message |
//! | what owns a stream (`WebSocket`, `Reader`, `Writer`) | `read` waits for a message | `send` returns when the stream has flushed |
//!
//! Four methods end a connection:
//!
//! | method | on | does |
//! |---|---|---|
//! | [`close`](Connection::close) | a machine, a [`Batch`] | queues a Close |
//! | `send_close` | what owns a stream | sends a Close and returns |
//! | `close` | a `WebSocket` | sends a Close and waits for the end |
//! | [`abort`](Connection::abort) | a machine, a `Writer` | ends the connection at once, without a Close |
//!
//! A *byte* is what RFC 6455 calls an octet. *Borrowed*, *owned* and *shared* say who holds a payload.
//! *Pending* output is queued and not yet taken by the transport.
//!
//! # Features
//!
//! - `std` (on by default): `blocking`, `polled`, vectored writes, splitting a connection, run-time
//!   detection of vector instructions for UTF-8
//! - `deflate` (on by default): permessage-deflate (RFC 7692), where the configuration asks for it
//! - `connect`: functions that open a connection to a URI; seeds from the operating system
//! - `tokio`: the adapter for tokio
//! - `bytes`: payloads of the crate `bytes`, with fewer copies
//! - `http`: requests and responses of the crate `http`
//! - `hyper`: upgrades of hyper's connections; with `http` and `tokio`
//! - `axum`: an extractor and messages for axum; with `hyper`
//! - `json`: values of `serde` as messages in JSON
//! - `tls`: TLS with rustls, ring and the roots of the operating system. The module `tls` tells of its
//!   parts: `rustls`, `rustls-ring`, `rustls-aws-lc-rs`, `rustls-platform-verifier`,
//!   `rustls-webpki-roots`
//!
//! Features add to the API and never change what is there.

#![no_std]
#![forbid(unsafe_code)]
// Here and not in Cargo.toml: tests and examples have the standard library.
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]
// No peer makes the library panic: each place that could is argued for. See `manual::design`.
#![cfg_attr(
    not(test),
    warn(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used,
    )
)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

// First, for the macros in it that the adapters use.
#[macro_use]
pub mod driver;

#[cfg(feature = "std")]
mod adapter;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "std")]
pub mod blocking;
#[cfg(feature = "bytes")]
mod bytes;
pub mod client;
mod config;
mod connection;
mod copy;
#[cfg(feature = "deflate")]
pub mod deflate;
mod error;
mod extension;
pub mod frame;
pub mod handshake;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "hyper")]
pub mod hyper;
mod input;
#[cfg(feature = "json")]
mod json;
pub mod manual;
mod message;
mod output;
#[cfg(feature = "std")]
pub mod polled;
mod role;
mod setters;
#[cfg(feature = "std")]
mod sync;
pub mod time;
#[cfg(feature = "rustls")]
pub mod tls;
mod token;
#[cfg(feature = "tokio")]
pub mod tokio;
mod utf8;

#[cfg(feature = "connect")]
pub use adapter::random_seed;
#[cfg(feature = "json")]
pub use json::JsonError;
#[cfg(feature = "deflate")]
pub use message::PreparedMessage;
#[cfg(feature = "std")]
pub use {
    adapter::Error,
    connection::{ReceiveHalf, ReuniteError, SendHalf},
};
pub use {
    config::{Config, Delivery},
    connection::{Connection, EndOfStream, MessageInfo, State, Stats, Timeout, Traffic, Transport},
    driver::Batch,
    error::ProtocolError,
    frame::{CloseCode, CloseFrame, mask},
    input::Input,
    message::{Binary, Event, Message, Payload, SendError, SendErrorKind, Text},
    output::Output,
    role::Role,
};

/// Compiles the examples of the README.
#[cfg(all(doctest, feature = "connect", feature = "tokio"))]
#[doc = include_str!("../README.md")]
struct Readme;
