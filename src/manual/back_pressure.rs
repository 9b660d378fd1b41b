//! What is bounded, and by what.
//!
//! A peer can always send faster than this side reads, and read slower than this side sends.
//! Neither may cost memory without end.
//!
//! # What comes in
//!
//! - A message: [`max_message_size`](crate::Config::max_message_size) (16 MiB), checked on the header
//!   of each frame, before its payload is stored; then 1009. Memory grows with what has arrived, not
//!   with what was announced: at most to twice of it while it is less than 1 MiB, then by at most
//!   1 MiB or an eighth beyond it.
//! - Fragments of a message: [`max_fragments`](crate::Config::max_fragments) (131,072), empty ones
//!   included; then 1009. Fragments are put together in one buffer, so small ones cost no more than
//!   large ones.
//! - A compressed message: the same limit for what it is inflated to, checked before each piece is
//!   stored, and one for what comes over the wire; then 1009. See `compression`.
//! - Larger messages can be received in pieces: [`Delivery::Chunks`](crate::Delivery::Chunks).
//! - A handshake head: [`max_head_size`](crate::Config::max_head_size) (16 KiB) and
//!   [`max_headers`](crate::Config::max_headers) (100); then 431 or 414.
//!
//! # What goes out
//!
//! - Queued messages: [`max_output`](crate::Config::max_output) (32 MiB). A message that would exceed
//!   it is refused with [`OutputFull`](crate::SendErrorKind::OutputFull), and comes back with the
//!   error if it was given away. [`has_room`](crate::Connection::has_room) asks beforehand.
//! - Control frames have a reserve of 4 KiB of their own, so that a Close and the answers to Pings go
//!   out though messages wait. When Pings come faster than the answers are taken, the newest is
//!   answered (RFC 6455 §5.5.3).
//!
//! [`output().len()`](crate::Output::len) is the measure to act upon. A server that answers what it
//! receives stops reading while much waits to be written: then the peer's own writes stop, and
//! nothing grows. That is what the adapters do at 64 KiB with a whole connection. Of two halves the
//! reading one knows nothing of the output and reads on; let the program look at what it hands to the
//! writing one.
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
//! assert!(error.into_payload().is_some()); // it was given away, and is back
//! # Ok::<(), framewise::SendError>(())
//! ```
//!
//! # Large and shared messages
//!
//! Payloads below 4 KiB are copied behind their header, so that many leave in one write. A `String`
//! or `Vec` of 4 KiB or more that is given away is not copied; a client masks it in place. An
//! `Arc<str>` or `Arc<[u8]>` is queued by reference on a server, however many connections it goes
//! to.
