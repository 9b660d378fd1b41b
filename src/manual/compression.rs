//! Compressed messages: what to ask for, and what it costs.
//!
//! [`Config::deflate`](crate::Config::deflate) is all that is needed: the handshakes negotiate
//! permessage-deflate (RFC 7692), `send` compresses, and events carry what was inflated.
//!
//! ```
//! use framewise::{Config, deflate::DeflateConfig};
//!
//! let mut config = Config::default();
//! config.deflate = Some(DeflateConfig::default());
//! ```
//!
//! # What is negotiated
//!
//! Two things for each direction. *Context takeover*: whether a message may refer to the ones before
//! it, which pays where messages are small and alike, as JSON often is. And the *window*: how far
//! back it may refer, 2⁸ to 2¹⁵ octets. [`Parameters`](crate::deflate::Parameters) says of each
//! whether this endpoint asks for it, allows or refuses it, and
//! [`fallbacks`](crate::deflate::DeflateConfig::fallbacks) what it wants otherwise. Browsers let the
//! server limit their window.
//!
//! # What it costs in memory
//!
//! A connection that has agreed upon compression holds 176 octets more, and then, when messages have
//! been sent and received:
//!
//! | | with context takeover | without |
//! |---|---|---|
//! | to receive | the window, as far as it is filled: 512 octets at 9 bits, 32 KiB at 15 | nothing |
//! | to send | the compressor: 134 KiB at 9 bits and memory level 1, 161 KiB at 12 and 5, 371 KiB at 15 and 8 | nothing |
//! | to send, with [`shared_compressor`](crate::deflate::DeflateConfig::shared_compressor) | the window | nothing |
//!
//! In the middle of receiving a message whose octets come in several reads it holds 46 KiB more (and
//! without context takeover a window, too), in the middle of sending one in fragments a compressor.
//! Each thread keeps one compressor, one state to inflate with, and a buffer of 64 KiB.
//!
//! A server with many connections that sends to them one by one does best with a shared compressor
//! and a window of 10 to 12 bits:
//!
//! ```
//! use framewise::deflate::{BitsWish, DeflateConfig, WindowBits};
//!
//! let mut config = DeflateConfig::default();
//! config.shared_compressor = true;
//! config.parameters.server_max_window_bits = BitsWish::Ask(WindowBits::new(11)?);
//! # Ok::<(), framewise::deflate::OutOfRange>(())
//! ```
//!
//! [`Acceptance::deflate`](crate::handshake::Acceptance::deflate) decides for one connection, when its
//! request is known. A server that sends the same to many compresses it once, in a
//! [`PreparedMessage`](crate::deflate::PreparedMessage).
//!
//! # What it costs in time
//!
//! To inflate 1 KiB of JSON takes 1 to 3 µs, to compress it 10 to 30 µs at level 6, a few at level 1.
//! [`threshold`](crate::deflate::DeflateConfig::threshold) leaves small messages alone, and
//! [`Payload::uncompressed`](crate::Payload::uncompressed) any that the application knows to be
//! incompressible.
//!
//! # What a peer can do with it
//!
//! A thousand octets can stand for a million. [`max_message_size`](crate::Config::max_message_size)
//! counts octets after inflation, and not one beyond it is stored: the message fails with 1009. So
//! one call of [`receive`](crate::Connection::receive) inflates at most that much; with
//! [`Delivery::Chunks`](crate::Delivery::Chunks), at most 258 KiB. Blocks with nothing in them count
//! for nothing there, and take about five times as long as the same number of octets of a text; a
//! message of more octets on the wire than
//! [`max_compressed_size`](crate::deflate::DeflateConfig::max_compressed_size) fails by its header.
//! Costliest are final blocks that refer to the ones before, 0.2 µs each: they have content, of which
//! there is a limit.
//!
//! What is not DEFLATE, refers to what was never sent, or does not end with a block fails with
//! [`InvalidDeflate`](crate::ProtocolError::InvalidDeflate) and 1007. A compressed message without
//! any payload is such a one: even nothing is compressed to one octet. (The four octets that RFC 7692
//! §7.2.2 has the receiver append may complete a block that was cut short; that is not found out.)
//!
//! # Secrets
//!
//! The length of what is sent tells how much of it was known before. Where one message, or with
//! context takeover one connection, carries both a secret and text that an attacker chose, the
//! secret can be guessed piece by piece, although everything is encrypted (RFC 7692 §8). Send such
//! messages with [`Payload::uncompressed`](crate::Payload::uncompressed) (of one in fragments, the
//! first); without context takeover it is enough that the two are never in one message.
