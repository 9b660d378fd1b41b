//! Time as an argument.
//!
//! The machines read no clock. Your code picks an origin, and tells the time since then as an
//! [`Instant`](crate::time::Instant). Use a monotonic clock. A driver asks for the time with
//! [`Step::Time`](crate::driver::Step::Time), and names the next deadline in
//! [`Step::Wait`](crate::driver::Step::Wait). The adapters have a clock and do all of this. Without a driver
//! there are two calls:
//!
//! - [`handle_timeout(now)`](crate::Connection::handle_timeout) tells the time. Call it after writing
//!   and before waiting, and when the deadline has passed. It records activity: events since the last call
//!   count as happening `now`, so `receive` and the `send` methods need no time. Then it does what is due:
//!   it queues a Ping, begins to close, or ends the connection. Extra calls do no harm.
//! - [`poll_timeout(now)`](crate::Connection::poll_timeout) returns the deadline. That is `now` when a
//!   timer has begun since the time was last told. It changes nothing.
//!
//! Handshakes have the same two. Their only timer begins at the first call of either.
//!
//! | timer | default | set by | when it ends |
//! |---|---|---|---|
//! | opening handshake | 10 s | [`handshake_timeout`](crate::Config::handshake_timeout) | 408 from a server, an error for a client |
//! | keep-alive | 20 s | [`ping_interval`](crate::Config::ping_interval) | a Ping, if there was no sign of life for that time |
//! | missing Pong | 20 s | [`pong_timeout`](crate::Config::pong_timeout) | the connection fails (Close 1011), if there still is none |
//! | idle | off | [`idle_timeout`](crate::Config::idle_timeout) | the closing handshake begins (1001) |
//! | message | off | [`message_timeout`](crate::Config::message_timeout) | the connection fails (1008), if a message began and is not finished |
//! | close | 5 s | [`close_timeout`](crate::Config::close_timeout) | pending output is dropped, and the transport is closed |
//! | close, in all | 120 s | [`close_limit`](crate::Config::close_limit) | the same, even if the peer still takes output |
//!
//! `None` or zero switches a timer off. The exceptions are the two that bound closing: with zero, a
//! connection does not wait at all.
//!
//! # Signs of life
//!
//! - Any byte counts, even a piece of a large message. A Pong is not needed.
//! - While output is pending, only its progress counts. So a slow reader is alive, and a peer that talks
//!   and never reads times out.
//! - No second Ping is sent until there is a sign of life.
//! - A half-duplex driver does not count the peer's silence while its program only writes: nobody
//!   listens then.
//!
//! # Closing
//!
//! `close_timeout` runs from the first Close, whichever end sends it, or from the end of the stream
//! while output is pending. Each piece of pending output that the peer takes starts it anew, until
//! `close_limit` has passed. With `None` as `close_timeout` there is no limit at all. A failed connection
//! has the same time: the error of a missing Pong comes at most `close_timeout` after the failure.
//!
//! # The opening handshake
//!
//! `handshake_timeout` runs from the first call that tells the time. It bounds the whole handshake, including
//! the body of a refusal. A [`HandshakeDriver`](crate::driver::HandshakeDriver) looks at it before
//! each read: a request that comes at the deadline is late. After a refusal, the peer has
//! `close_timeout` to take the response and leave.
//!
//! `connect` has `handshake_timeout` to open a TCP connection, over all addresses together, and the same
//! again for the handshake. Waiting for a turn at a `ConnectGate` counts against neither.
//!
//! # Clocks that jump
//!
//! A clock that jumps forward makes deadlines pass early. Even then, a silent peer is sent a Ping first and
//! has all of `pong_timeout` to answer. A clock that goes back makes deadlines late, never early.
//!
//! ```
//! use core::time::Duration;
//! use std::sync::Arc;
//! use framewise::{Config, Connection, time::Instant};
//!
//! let mut connection = Connection::server(Arc::new(Config::default()));
//! let now = Instant::ORIGIN;
//! connection.handle_timeout(now); // nothing is due: this is when the time begins
//! assert!(connection.output().is_empty());
//! let deadline = connection.poll_timeout(now).expect("keep-alive is on");
//! assert_eq!(deadline.since_origin(), Duration::from_secs(20));
//! ```
