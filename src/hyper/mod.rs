//! WebSockets on hyper's servers and clients, by HTTP/1.1 and HTTP/2.
//!
//! It works with hyper and with every library that passes on hyper's requests, such as tower and axum.
//!
//! # Servers
//!
//! [`upgrade`] checks a request, and [`Incoming::accept`] makes the response and a future of the
//! [`WebSocket`](crate::tokio::WebSocket). Run that in a task of its own: hyper hands over the connection
//! after it has sent the response.
//!
#![cfg_attr(not(doctest), doc = include_str!("server.md"))]
//!
//! Two settings of hyper's server are needed:
//!
//! - HTTP/1.1: call `with_upgrades` on the connection. `hyper_util::server::conn::auto` has
//!   `serve_connection_with_upgrades`.
//! - HTTP/2: call `enable_connect_protocol` on the builder. Browsers open WebSockets by HTTP/2 only if the
//!   server says so, and by a second connection otherwise. A request is a CONNECT then, so routes must take
//!   any method.
//!
//! Set `TCP_NODELAY` on sockets.
//!
//! # Clients
//!
//! Make a GET by [`ClientRequest::into_request`] for HTTP/1.1, or a CONNECT by [`connect_request`] for
//! HTTP/2. Give the response to the [`Pending`] that came with it: [`Pending::into_websocket`].
//!
#![cfg_attr(not(doctest), doc = include_str!("client.md"))]
//!
//! reqwest has its own stream of an upgraded connection. It is one of tokio's, so it goes with
//! [`Pending::upgraded`] and [`WebSocket::new`](crate::tokio::WebSocket::new).
//!
//! # What happens when
//!
//! | event | result |
//! |---|---|
//! | the request is not a valid handshake: HTTP/1.0, a body, another `:protocol` ... | [`upgrade`] returns the [`HandshakeError`]; [`to_response`](HandshakeError::to_response) makes the response |
//! | the connection was taken before | [`upgrade`] returns [`HandshakeError::NotUpgradable`] |
//! | the server was not told to upgrade connections | [`Upgrading`] fails with [`HandshakeError::NotUpgradable`] |
//! | the response is not sent, or over HTTP/2 another one is | [`Upgrading`] fails with [`Error::Io`], of the kind [`ConnectionAborted`](std::io::ErrorKind::ConnectionAborted) |
//! | the client leaves before it has the response | the same |
//! | another response is sent over HTTP/1.1 | the same at the next request; without one, hyper [hands over the connection](#refuse-before-you-accept) |
//! | the response is held back for longer than [`Config::handshake_timeout`](crate::Config::handshake_timeout) | [`Upgrading`] fails with [`HandshakeError::Timeout`] |
//! | a stream of HTTP/2 is reset with CANCEL or NO_ERROR | reading ends: [`EndOfStream`](crate::EndOfStream) tells whether data may be lost; writing fails as in the next row |
//! | it is reset with another code, or the connection below ends | [`Error::Io`], of the kind [`ConnectionReset`](std::io::ErrorKind::ConnectionReset) |
//!
//! # Refuse before you accept
//!
//! Refuse requests before [`Incoming::accept`]. After it, a layer must not replace the response. hyper 1 does
//! not check the response before it hands over a connection of HTTP/1.1: a client that sends
//! `Connection: Upgrade, close` gets the connection even if a layer has answered 401. So let layers check
//! requests on their way in, or drop the [`Upgrading`] together with the response.
//!
//! # Limits and flow control
//!
//! Limits and timers are those of every WebSocket. HTTP/2 has flow control for each stream and
//! for the connection. A stream whose messages are not read holds up to its window, 1 MiB with
//! hyper's defaults.
//!
//! That is also the window of a whole connection to hyper's server. So one handler that stops reading holds up
//! what a browser sends on its other streams. Set `initial_connection_window_size` to several times
//! `initial_stream_window_size` against that.

mod client;
mod incoming;
mod upgraded;
mod upgrading;

pub use self::{
    client::connect_request,
    incoming::{Incoming, upgrade},
    upgraded::Upgraded,
    upgrading::Upgrading,
};
#[cfg(doc)]
use crate::{
    adapter::Error,
    handshake::{ClientRequest, HandshakeError, Pending},
};
