//! The interpretation of a frame's payload (RFC 6455 §5.2).

/// The opcode of a frame.
///
/// ```
/// use framewise::frame::Opcode;
///
/// assert_eq!(Opcode::from_bits(0x9), Some(Opcode::Ping));
/// assert_eq!(Opcode::from_bits(0x3), None); // reserved
/// assert!(Opcode::Ping.is_control());
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
#[allow(
    clippy::exhaustive_enums,
    reason = "the other values are reserved; an extension would need a major version"
)]
pub enum Opcode {
    /// A further frame of a fragmented message.
    Continuation = 0x0,
    /// A text message, or its first fragment.
    Text = 0x1,
    /// A binary message, or its first fragment.
    Binary = 0x2,
    /// The last frame of a direction.
    Close = 0x8,
    /// A request for a sign of life.
    Ping = 0x9,
    /// The answer to a Ping.
    Pong = 0xa,
}

impl Opcode {
    /// Returns the opcode with the value `bits`, or `None` for a reserved one.
    #[inline]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    /// Returns the value of the four opcode bits.
    #[inline]
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// Returns whether frames with this opcode are control frames (RFC 6455 §5.5): Close, Ping and
    /// Pong.
    #[inline]
    pub const fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }
}
