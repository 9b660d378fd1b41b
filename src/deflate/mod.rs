//! permessage-deflate: the compression of messages (RFC 7692).
//!
//! It is used when both endpoints agree to it in the opening handshake. Set
//! [`Config::deflate`](crate::Config::deflate), and the connection compresses and inflates messages. Nothing
//! else changes.
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
//! Four parameters, two for each direction (RFC 7692 §7.1):
//!
//! - *Context takeover*: whether a message may refer to the ones before it. It compresses better, and both
//!   sides have to keep those messages.
//! - The *window*: how far back a message may refer, 2⁸ to 2¹⁵ bytes.
//!
//! [`Parameters`] asks for each, allows it or refuses it. [`DeflateConfig::offer`],
//! [`respond`](DeflateConfig::respond) and [`confirm`](DeflateConfig::confirm) turn header text into
//! [`AgreedParameters`]. The handshakes call them.
//!
//! The guide explains what to ask for and what it costs: [`manual::compression`](crate::manual::compression).

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
