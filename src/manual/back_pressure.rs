//! What is bounded, and by what.
//!
//! A peer can always send faster than this side reads, and read slower than this side sends. Neither may
//! cost unbounded memory.
//!
//! # What comes in
//!
//! - A message: [`max_message_size`](crate::Config::max_message_size) (16 MiB), checked on the header
//!   of each frame, before its payload is stored; then 1009. Memory follows what has arrived, not what
//!   was announced: it doubles up to 1 MiB, then grows by 1 MiB or an eighth.
//! - Fragments of a message: [`max_fragments`](crate::Config::max_fragments) (131,072), empty ones
//!   included; then 1009. Fragments are joined in one buffer, so small ones cost no more than large
//!   ones.
//! - A compressed message: the same limit for its inflated size, checked before each piece is stored,
//!   and one for its size on the wire; then 1009. See `compression`.
//! - Larger messages can be received in pieces: [`Delivery::Chunks`](crate::Delivery::Chunks).
//! - A handshake head: [`max_head_size`](crate::Config::max_head_size) (16 KiB) and
//!   [`max_headers`](crate::Config::max_headers) (100); then 431 or 414. The body of a refusal: 64 KiB;
//!   the rest is not read.
//!
//! # What goes out
//!
//! - Queued messages: [`max_output`](crate::Config::max_output) (32 MiB). A message that would exceed
//!   it is refused with [`OutputFull`](crate::SendErrorKind::OutputFull), and one that would exceed it
//!   alone with [`MessageTooBig`](crate::SendErrorKind::MessageTooBig). An owned message comes back
//!   with the error. [`has_room`](crate::Connection::has_room) asks beforehand.
//! - Control frames have a reserve of 4 KiB of their own: a Close and the answers to Pings can be queued
//!   even when the output is full. If Pings come faster than the peer takes the answers, the newest is
//!   answered (RFC 6455 §5.5.3).
//!
//! # What a driver does
//!
//! - **Room is asked for before writing.** [`Goal::Room`](crate::driver::Goal::Room), and so `feed` of
//!   the adapters, is ready at once while at most 64 KiB are pending and the message fits. Small
//!   messages then leave together, in one write. With more pending, it writes first. If `max_output`
//!   is below 128 KiB, it waits until all is written.
//! - **A crowded connection does not read for the program.** With more than 64 KiB of output pending, no
//!   events are delivered, and little is read ahead. The peer's own writes stop, and nothing grows.
//! - **`Flush` and `Room` read ahead**: up to 64 KiB of messages and the one after them, or 1,024
//!   events. So two echoing peers cannot deadlock. A half-duplex driver reads nothing ahead.
//! - **Memory is given back.** When a connection waits, its driver frees the output buffer, the read
//!   buffer and the list of events that a burst needed. A half-duplex driver keeps its buffers of
//!   32 KiB, because its thread waits inside a read. A handshake frees its buffer when no byte follows
//!   it. The binding of a split connection calls `SendDriver::release`.
//! - **A split connection reads on**, however much its sending half has pending. Bound what the program
//!   passes from one half to the other: `feed` and `send` of the writer wait for room.
//!
//! Without a driver, watch [`output().len()`](crate::Output::len): stop reading while much is pending.
//!
//! ```
//! use std::sync::Arc;
//! use framewise::{Config, Connection, SendErrorKind};
//!
//! let mut config = Config::default();
//! config.max_output = 1 << 10;
//! let mut connection = Connection::server(Arc::new(config));
//! let message = "x".repeat(600);
//! connection.send_text(message.as_str())?;
//! assert!(!connection.has_room(600));
//! let error = connection.send_text(message).unwrap_err();
//! assert_eq!(error.kind(), SendErrorKind::OutputFull);
//! assert!(error.into_payload().is_some()); // an owned message comes back
//! # Ok::<(), framewise::SendError>(())
//! ```
//!
//! # Large and shared messages
//!
//! Payloads below 4 KiB are copied, so that many leave in one write. An owned `String` or `Vec` of 4 KiB or
//! more is not copied; a client masks it in place. A server queues an `Arc<str>` or `Arc<[u8]>` of that size
//! by reference, on any number of connections.
//!
//! A message too large to hold is sent in fragments:
//! [`send_fragment`](crate::Connection::send_fragment) of a connection, a WebSocket or a writer.
