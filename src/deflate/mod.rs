//! permessage-deflate: the compression of messages (RFC 7692).
//!
//! It is used when both endpoints ask for it in the opening handshake: set
//! [`Config::deflate`](crate::Config::deflate), and messages are compressed and inflated by the
//! connection itself. Nothing else changes.
//!
//! ```
//! use framewise::{
//!     Config, Input,
//!     deflate::DeflateConfig,
//!     handshake::{Acceptance, ServerHandshake},
//! };
//!
//! let mut config = Config::default();
//! config.deflate = Some(DeflateConfig::default());
//!
//! let mut request = *b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
//!     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
//!     Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
//! let mut handshake = ServerHandshake::new(config);
//! let upgrade = handshake.receive(&mut Input::new(&mut request))?.expect("the request is complete");
//! let mut connection = upgrade.accept(Acceptance::new())?;
//! let agreed = connection.deflate().expect("the client has offered it");
//! assert_eq!(agreed.to_string(), "permessage-deflate");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is negotiated
//!
//! Four parameters, two for each direction (RFC 7692 §7.1): whether a message may refer to the ones
//! before it (*context takeover*), which compresses better and has to be remembered by both sides;
//! and how far back it may refer, the *window* of 2⁸ to 2¹⁵ octets. [`Parameters`] says of each
//! whether to ask for it, allow or refuse it. The functions that decide are
//! [`DeflateConfig::offer`], [`respond`](DeflateConfig::respond) and
//! [`confirm`](DeflateConfig::confirm), from header text to [`AgreedParameters`]; the handshakes
//! call them.
//!
//! # What a connection holds
//!
//! To receive with context takeover: what the peer may refer to, at most the agreed window (512
//! octets for 9 bits, 32 KiB for 15), as far as that much has been received. Without: nothing. A
//! message that is half received has a state of 47 KiB more. To send with context takeover: the
//! compressor, from the first message that is compressed (137 KiB for a window of 9 bits and memory
//! level 1, 371 KiB for 15 bits and level 8). Without: nothing. Each thread keeps one state of
//! either kind for the next connection that needs it.
//!
//! # Security
//!
//! The length of a compressed message tells how much of it was known before. Where one message, or
//! with context takeover one connection, carries both a secret and text that an attacker chose, the
//! secret can be guessed piece by piece (RFC 7692 §8). Send such messages with
//! [`Payload::uncompressed`](crate::Payload::uncompressed), or refuse context takeover.
//!
//! [`Config::max_message_size`](crate::Config::max_message_size) counts the octets after inflation,
//! and nothing beyond it is ever inflated: a message that would exceed it fails with 1009.

mod compress;
mod config;
mod history;
mod inflate;
mod params;
mod prepared;

pub(crate) use self::{
    compress::{Compressor, bound as compressed_bound},
    inflate::{Inflater, Sink},
};
pub use self::{
    config::{
        BitsWish, DeflateConfig, Level, MemoryLevel, OutOfRange, Parameters, WindowBits, Wish,
    },
    params::AgreedParameters,
    prepared::PreparedMessage,
};
