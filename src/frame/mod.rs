//! Frames: the base framing protocol (RFC 6455 §5).
//!
//! [`FrameHeader`] reads and writes the 2 to 14 bytes (RFC 6455 calls them octets) in front of a payload,
//! as pure functions. [`Decoder`] turns a stream, in pieces of any length, into pieces of payload, unmasked
//! in place. Both can be used without the rest of the crate: by proxies, tools and other message layers.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod close;
mod decoder;
mod header;
pub mod mask;
mod opcode;
pub(crate) mod whole;

pub(crate) use close::MAX_REASON;
pub use close::{CloseCode, CloseFrame};
pub(crate) use decoder::FramePiece;
pub use decoder::{Chunk, Decoder};
pub use header::FrameHeader;
pub(crate) use header::{FIN, MASK, encoded_len};
pub use opcode::Opcode;

/// The largest payload of a control frame in bytes (RFC 6455 §5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;
