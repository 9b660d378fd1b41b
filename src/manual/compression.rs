//! Compressed messages: what to ask for, and what it costs.
//!
//! Set [`Config::deflate`](crate::Config::deflate), and nothing else: the handshakes negotiate
//! permessage-deflate (RFC 7692), `send` compresses, and events carry inflated messages.
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
//! Two things for each direction:
//!
//! - *Context takeover*: whether a message may refer to the ones before it. This pays when messages are
//!   small and alike, as JSON often is.
//! - The *window*: how far back a message may refer, 2⁸ to 2¹⁵ bytes. zlib cannot compress with 2⁸: a client
//!   that has to use it sends its messages uncompressed.
//!
//! [`Parameters`](crate::deflate::Parameters) asks for each, allows it or refuses it.
//! [`fallbacks`](crate::deflate::DeflateConfig::fallbacks) are tried if that cannot be agreed upon. Browsers
//! let the server limit their window.
//!
//! # What it costs in memory
//!
//! A connection that has agreed upon compression holds 176 bytes more. After messages have been sent and
//! received, it also holds:
//!
//! | | with context takeover | without |
//! |---|---|---|
//! | to receive | the window, as far as it is filled: 512 bytes at 9 bits, 32 KiB at 15 | nothing |
//! | to send | the compressor: 134 KiB at 9 bits and memory level 1, 161 KiB at 12 and 5, 371 KiB at 15 and 8 | nothing |
//! | to send, with [`shared_compressor`](crate::deflate::DeflateConfig::shared_compressor) | the window | nothing |
//!
//! Inside a message it holds more: 46 KiB while a received message comes in several reads (and a window,
//! without context takeover), and a compressor while a message is sent in fragments. Each thread keeps one
//! compressor, one state to inflate with, and a buffer of 64 KiB.
//!
//! A server that sends different messages to many connections does best with a shared compressor and a
//! window of 10 to 12 bits:
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
//! [`Acceptance::deflate`](crate::handshake::Acceptance::deflate) decides for one connection, after its
//! request was read. A server that sends one message to many compresses it once, in a
//! [`PreparedMessage`](crate::PreparedMessage).
//!
//! # What it costs in time
//!
//! 1 KiB of JSON takes 1 to 3 µs to inflate. To compress it takes 10 to 30 µs at level 6, and a few at
//! level 1.
//!
//! Messages below [`threshold`](crate::deflate::DeflateConfig::threshold) are sent uncompressed. With
//! context takeover, the threshold applies only if
//! [`threshold_with_takeover`](crate::deflate::DeflateConfig::threshold_with_takeover) is set.
//! [`Payload::uncompressed`](crate::Payload::uncompressed) is for messages that the application knows to be
//! incompressible.
//!
//! # What a peer can do with it
//!
//! A thousand bytes can stand for a million. [`max_message_size`](crate::Config::max_message_size)
//! counts bytes after inflation, and none beyond it is stored: the connection fails with 1009. So one call
//! of [`receive`](crate::Connection::receive) inflates at most that much; with
//! [`Delivery::Chunks`](crate::Delivery::Chunks), at most 258 KiB.
//!
//! Empty blocks produce no bytes, and cost about five times as much as the same number of bytes of text.
//! [`max_compressed_size`](crate::deflate::DeflateConfig::max_compressed_size) bounds them: a larger message
//! fails by its header. Costliest are final blocks that refer to the ones before, 0.2 µs each. They produce
//! output, so the size limit bounds them.
//!
//! A message fails with [`InvalidDeflate`](crate::ProtocolError::InvalidDeflate) and 1007 if it is not
//! DEFLATE, refers to bytes that were never sent, or does not end with a block. So does a compressed
//! message without any payload: an empty message is compressed to one byte. (The receiver appends four
//! bytes, RFC 7692 §7.2.2. They may complete a block that was cut short; the receiver cannot notice this.)
//!
//! # Secrets
//!
//! The length of a compressed message tells how much of it was known before. If one message carries a
//! secret and text that an attacker chose, the secret can be guessed piece by piece, although everything
//! is encrypted (RFC 7692 §8). With context takeover the same holds for all messages of a connection.
//! Send such messages with [`Payload::uncompressed`](crate::Payload::uncompressed); in a message in
//! fragments, the first one decides. Without context takeover it is enough to keep the two in different
//! messages.
