//! Decisions and their reasons.
//!
//! # Payloads borrow the input, not the machine
//!
//! `receive` takes a cursor over octets that the *caller* owns and returns events that borrow
//! those. So a program can answer, keep several events, or await, while it holds one. A callback
//! could not use `?` or `.await`; an event that borrows the connection could not even be echoed;
//! reference-counted slices cost an atomic operation a message and a read buffer a connection.
//!
//! # A failure comes after the events in front of it
//!
//! Frames that were complete before the bad one are delivered. In the adapters the error is
//! returned by the next `fill` or `read`, when the peer has been told and the stream was shut down:
//! a program that gives up at the first error can drop everything without losing the Close.
//!
//! # Closing is a table
//!
//! All changes of state are in one exhaustive `match` over state and trigger. RFC 6455's CLOSING is
//! split by who has sent what, since that decides what is owed; and a failure is a state of its
//! own, in which not even a Close is read any more (RFC 6455 §7.1.7).
//!
//! # A Close without a code has the code 1005
//!
//! RFC 6455 §7.1.5 says so, and it spares everybody an `Option`. Sending 1005 is refused; `None`
//! sends a Close without a payload.
//!
//! # Every received close code is echoed
//!
//! 1010 too, which a server does not send of its own accord. Codes that nobody assigned are refused
//! with 1002 in both directions.
//!
//! # Any octet is a sign of life
//!
//! The answer to a keep-alive Ping may queue behind a large message on the peer's side. Octets of
//! that message show as well that the peer is there.
//!
//! # The idle timer is off by default
//!
//! A client should not close arbitrarily (RFC 6455 §7.3), and a server's peer that answers Pings is
//! welcome until the application says otherwise.
//!
//! # Growth is bounded by what arrived
//!
//! The buffer of a message doubles while it is small, then grows by 1 MiB or an eighth of what has
//! arrived, and never beyond a known end. So an announced length costs nothing, and what is copied
//! when the buffer moves is linear in the size of the message.
//!
//! # No Origin check by default in the machine, same origin in the examples
//!
//! [`Upgrade::check_origin`](crate::handshake::Upgrade::check_origin) is one call. It is not hidden
//! in `accept`, since a server that knows how to authenticate needs the decision in sight.
//!
//! # Randomness is a feature of the connect functions
//!
//! Servers need none. Clients take a seed; the `connect` functions get it from the operating
//! system, which takes a crate more, so they are behind a feature.
