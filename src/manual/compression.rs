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
//! back it may refer, 2⁸ to 2¹⁵ bytes. [`Parameters`](crate::deflate::Parameters) says of each
//! whether this endpoint asks for it, allows or refuses it, and
//! [`fallbacks`](crate::deflate::DeflateConfig::fallbacks) what it wants otherwise. Browsers let the
//! server limit their window.
//!
//! # What it costs in memory
//!
//! A connection that has agreed upon compression holds 176 bytes more, and then, when messages have
//! been sent and received:
//!
//! | | with context takeover | without |
//! |---|---|---|
//! | to receive | the window, as far as it is filled: 512 bytes at 9 bits, 32 KiB at 15 | nothing |
//! | to send | the compressor: 134 KiB at 9 bits and memory level 1, 161 KiB at 12 and 5, 371 KiB at 15 and 8 | nothing |
//! | to send, with [`shared_compressor`](crate::deflate::DeflateConfig::shared_compressor) | the window | nothing |
//!
//! Inside a message it holds more: 46 KiB while the bytes of a received message come in several reads
//! (and a window, without context takeover), and a compressor while a message is sent in fragments. Each
//! thread keeps one compressor, one state to inflate with, and a buffer of 64 KiB.
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
//! [`PreparedMessage`](crate::PreparedMessage).
//!
//! # What it costs in time
//!
//! To inflate 1 KiB of JSON takes 1 to 3 µs, to compress it 10 to 30 µs at level 6, a few at level 1.
//! Without context takeover, [`threshold`](crate::deflate::DeflateConfig::threshold) leaves small
//! messages alone. [`Payload::uncompressed`](crate::Payload::uncompressed) leaves out any message that the
//! application knows to be incompressible.
//!
//! # What a peer can do with it
//!
//! A thousand bytes can stand for a million. [`max_message_size`](crate::Config::max_message_size)
//! counts bytes after inflation, and none beyond it is stored: the message fails with 1009. So
//! one call of [`receive`](crate::Connection::receive) inflates at most that much; with
//! [`Delivery::Chunks`](crate::Delivery::Chunks), at most 258 KiB.
//!
//! Empty blocks do not count there, and take about five times as long as the same number of bytes of a
//! text. [`max_compressed_size`](crate::deflate::DeflateConfig::max_compressed_size) bounds them: a
//! larger message fails by its header. Costliest are final blocks that refer to the ones before, 0.2 µs
//! each. They produce output, so the size limit bounds them.
//!
//! A message fails with [`InvalidDeflate`](crate::ProtocolError::InvalidDeflate) and 1007 if it is not
//! DEFLATE, refers to bytes that were never sent, or does not end with a block. So does a compressed
//! message without any payload: an empty message is compressed to one byte. (The receiver appends four
//! bytes, RFC 7692 §7.2.2. They may complete a block that was cut short; this is not noticed.)
//!
//! # Secrets
//!
//! The length of a compressed message tells how much of it was known before. If one message carries a
//! secret and text that an attacker chose, the secret can be guessed piece by piece, although everything
//! is encrypted (RFC 7692 §8). With context takeover the same holds for all messages of a connection.
//! Send such messages with [`Payload::uncompressed`](crate::Payload::uncompressed) (of one in fragments,
//! the first). Without context takeover it is enough that the two are never in one message.
