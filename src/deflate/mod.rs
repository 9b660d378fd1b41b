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
//! and how far back it may refer, the *window* of 2⁸ to 2¹⁵ bytes. [`Parameters`] says of each
//! whether to ask for it, allow or refuse it. The functions that decide are
//! [`DeflateConfig::offer`], [`respond`](DeflateConfig::respond) and
//! [`confirm`](DeflateConfig::confirm), from header text to [`AgreedParameters`]; the handshakes
//! call them.
//!
//! The guide tells what to ask for and what it costs: [`manual::compression`](crate::manual::compression).

mod compress;
mod config;
mod history;
mod inflate;
mod negotiation;

pub(crate) use self::{
    compress::{Compressor, Settings, bound as compressed_bound},
    inflate::{Inflater, Sink},
};
pub use self::{
    config::{
        BitsWish, DeflateConfig, Level, MemoryLevel, OutOfRange, Parameters, WindowBits, Wish,
    },
    negotiation::{AgreedParameters, NegotiationError},
};
