//! Who closes what and when (RFC 6455 §7).
//!
//! A connection ends in three steps: a Close in each direction, then the end of the stream.
//! [`state`](crate::Connection::state) returns how far it is, and
//! [`transport`](crate::Connection::transport) what to do with the transport:
//!
//! | state | [`transport`](crate::Connection::transport) of a server | of a client |
//! |---|---|---|
//! | [`Open`](crate::State::Open), [`CloseSent`](crate::State::CloseSent), [`CloseReceived`](crate::State::CloseReceived) | `Open` | `Open` |
//! | [`Closing`](crate::State::Closing), [`Failed`](crate::State::Failed) | `ShutdownWrite` | `Open`: wait for the server's end |
//! | [`Closed`](crate::State::Closed) | `Close` | `Close` |
//!
//! - **Begin** with [`close`](crate::Connection::close). It queues a Close and returns. Messages of
//!   the peer may still come, up to its Close.
//! - **The peer begins**: its Close is answered at once with the same code, and
//!   [`Event::Close`](crate::Event::Close) is the last event. What follows it is discarded.
//! - **The peer breaks the protocol**: `receive` returns the error, once the events before it have been
//!   taken. A Close with [its code](crate::ProtocolError::close_code) and a
//!   [short reason](crate::ProtocolError::close_reason) is in the output, unless one was sent before.
//! - **Write before you shut down.** The Close is in the output like everything else. Then a server shuts
//!   down the write side only, and reads (and discards) until the client's end. To close a socket with
//!   unread input would reset the connection, and the reset may overtake the Close.
//! - **End at once** with [`abort`](crate::Connection::abort): without a Close. Pending output is
//!   dropped, and `transport` says `Close`.
//! - **Waiting is bounded** by [`Config::close_timeout`](crate::Config::close_timeout). Each piece of
//!   pending output that the peer takes starts it anew, up to
//!   [`Config::close_limit`](crate::Config::close_limit). Then the output is dropped and `transport`
//!   says `Close`.
//!
//! A [driver](crate::driver) does all of this. It asks for
//! [`Step::ShutDown`](crate::driver::Step::ShutDown) once all output is written and flushed. At
//! `ShutdownWrite` a pending shutdown is tried again. At `Close` it is tried once, because the
//! `close_notify` of TLS is not worth waiting for. Bytes that the transport has not flushed count as output.
//!
//! With an adapter, `close` sends a Close and waits for the end. `closed` waits for the end without
//! sending one, for a program that only sends or has read what it wants. Both drop messages that still
//! arrive. `send_close` sends a Close and returns; read the rest to the end. A writer has no `close`,
//! because its reader waits for the end.
//!
//! [`end`](crate::Connection::end) returns how it ended: cleanly, with an incomplete closing handshake,
//! or lost. The end of a stream is no error. The peer's code and reason stay available in
//! [`close_code`](crate::Connection::close_code) and
//! [`received_close`](crate::Connection::received_close). As in RFC 6455 §7.1.5, the code is 1005 for a
//! Close without one, and 1006 without a Close.
//!
//! ```
//! use std::sync::Arc;
//! use framewise::{CloseCode, Config, Connection, EndOfStream, Event, Input, State, Transport};
//!
//! let mut server = Connection::server(Arc::new(Config::default()));
//! let mut client = Connection::client(Arc::new(Config::default()), [7; 32]);
//!
//! client.close(CloseCode::NORMAL, "done")?;
//! let mut bytes = client.output().chunk().to_vec();
//! client.output().advance(bytes.len());
//!
//! let event = server.receive(&mut Input::new(&mut bytes))?;
//! assert!(matches!(event, Some(Event::Close(frame)) if frame.reason == "done"));
//! let mut bytes = server.output().chunk().to_vec();
//! server.output().advance(bytes.len());
//! assert_eq!(server.transport(), Transport::ShutdownWrite);
//!
//! client.receive(&mut Input::new(&mut bytes))?;
//! assert_eq!((client.state(), client.transport()), (State::Closing, Transport::Open));
//! assert_eq!(client.receive_eof(), EndOfStream::Clean);
//! assert_eq!(client.transport(), Transport::Close);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The whole table is one exhaustive `match` in `src/connection/closing.rs`, and is a test there.
