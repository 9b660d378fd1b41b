//! Time as an argument.
//!
//! The machine reads no clock. A driver picks an origin and tells how far from it the time is, as
//! an [`Instant`](crate::time::Instant). Two calls are all there is to it, the same for handshakes
//! and connections:
//!
//! - [`poll_timeout(now)`](crate::Connection::poll_timeout), behind writing and before waiting: until when to wait at
//!   the latest, if at all. What was received and sent since the last call is taken to have happened
//!   `now`, so `receive` and the `send` methods need not know the time.
//! - [`handle_timeout(now)`](crate::Connection::handle_timeout), when the deadline has passed (or
//!   earlier, or more often: it does what is due). It queues a Ping, begins to close, or gives up.
//!
//! | timer | default | set by | when it ends |
//! |---|---|---|---|
//! | opening handshake | 10 s | [`handshake_timeout`](crate::Config::handshake_timeout) | 408 from a server, an error for a client |
//! | keep-alive | 20 s | [`ping_interval`](crate::Config::ping_interval) | a Ping, if there was no sign of life for so long |
//! | missing Pong | 20 s | [`pong_timeout`](crate::Config::pong_timeout) | the connection fails (Close 1011), if there still is none |
//! | idle | off | [`idle_timeout`](crate::Config::idle_timeout) | the closing handshake begins (1001) |
//! | message | off | [`message_timeout`](crate::Config::message_timeout) | the connection fails (1008), if a message was begun and not finished |
//! | close | 5 s | [`close_timeout`](crate::Config::close_timeout) | the transport is closed |
//!
//! Any octet counts as a sign of life, a piece of a large message, too. While output waits because
//! the transport does not take it, a sign of life is that it takes some, and nothing else: a peer on
//! a slow link that has nothing to say while a large message is on its way to it is there, and one
//! that talks and never reads does not hold the output for ever. The receiving half of a split
//! connection does not see the output: octets that arrive count there in any case, and a peer that
//! talks and never reads is for the program to give up. A second keep-alive Ping is sent only after a
//! sign of life, be that a Pong or not.
//!
//! A clock that jumps forward makes deadlines pass early: a connection that was silent for the jump
//! is sent a Ping first and has the whole `pong_timeout` to answer. One that jumps back makes them
//! late. Use a monotonic clock.
//!
//! ```
//! use core::time::Duration;
//! use std::sync::Arc;
//! use framewise::{Config, Connection, time::Instant};
//!
//! let mut connection = Connection::server(Arc::new(Config::default()));
//! let deadline = connection.poll_timeout(Instant::ORIGIN).expect("keep-alive is on");
//! assert_eq!(deadline.since_origin(), Duration::from_secs(20));
//! connection.handle_timeout(Instant::ORIGIN); // too early: nothing happens
//! assert!(connection.output().is_empty());
//! ```
