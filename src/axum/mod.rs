//! WebSockets for axum, under axum's own names.
//!
//! Programs that are written for `axum::extract::ws` of axum 0.8 change their import, and nothing else:
//!
//! ```text
//! - use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
//! + use framewise::axum::{Message, WebSocket, WebSocketUpgrade};
//! ```
//!
//! Connections come over HTTP/1.1 and over HTTP/2 (RFC 8441). Then they can be compressed
//! (`deflate`) and checked for their origin
//! ([`check_origin`](WebSocketUpgrade::check_origin)), and have all limits and timers of a
//! [`Config`](crate::Config). [`into_inner`](WebSocket::into_inner) gives the
//! [`tokio::WebSocket`](crate::tokio::WebSocket) behind it.
//!
//! # Routes
//!
//! Use `any`, not `get`: a request over HTTP/2 is a CONNECT. `axum::serve` speaks HTTP/2 with axum's feature
//! `http2`, and accepts such requests by itself. A server that is made with hyper has to call
//! `enable_connect_protocol`.
//!
//! # A chat
//!
#![cfg_attr(not(doctest), doc = include_str!("chat.md"))]
//!
//! # Differences from axum
//!
//! | | axum 0.8 | here |
//! |---|---|---|
//! | a silent client | is not noticed | is sent Pings, and times out; see [`Config::ping_interval`](crate::Config::ping_interval) |
//! | a handler that drops the socket at a Close | leaves it unanswered | has answered it |
//! | `requested_protocols` | sorted | in the client's order |
//! | a key, `Host` or list of subprotocols that is malformed, a body | accepted | refused with 400 |
//! | a close code that cannot be sent | sent | refused |
//! | `max_frame_size`, `read_buffer_size`, `write_buffer_size`, `accept_unmasked_frames` | | have no effect |
//!
//! A Pong that answers a Ping of the connection itself is delivered like any other. The downcast of an
//! error finds [`framewise::Error`](crate::Error).

pub mod close_code;
mod message;
pub mod rejection;
mod upgrade;
mod utf8_bytes;
mod websocket;

pub use message::{CloseCode, CloseFrame, Message};
pub use upgrade::{DefaultOnFailedUpgrade, OnFailedUpgrade, WebSocketUpgrade};
pub use utf8_bytes::Utf8Bytes;
pub use websocket::WebSocket;
