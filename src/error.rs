//! How a peer breaks the protocol.

use core::{error::Error, fmt};

/// How the peer broke the protocol, or a limit.
///
/// The connection has failed (RFC 6455 §7.1.7): a Close with [`close_code`](Self::close_code) is
/// queued if none was sent before, nothing more is read, and every later call to `receive` returns
/// the same error.
///
/// ```
/// use framewise::{CloseCode, ProtocolError};
///
/// assert_eq!(ProtocolError::InvalidUtf8.close_code(), CloseCode::INVALID_PAYLOAD);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A Close carries a code that may not be sent: below 1000, reserved, or not assigned
    /// (RFC 6455 §7.4).
    CloseCode(u16),
    /// The payload of a Close has one octet: half a code (RFC 6455 §5.5.1).
    ClosePayload,
    /// The reason of a Close is not UTF-8 (RFC 6455 §5.5.1).
    CloseReason,
    /// A control frame without FIN (RFC 6455 §5.5).
    FragmentedControlFrame,
    /// A compressed message cannot be inflated: it is not valid DEFLATE, refers to what was never
    /// sent, or its last block does not end with it (RFC 7692 §7.2.2).
    InvalidDeflate,
    /// A text message is not UTF-8 (RFC 6455 §8.1).
    InvalidUtf8,
    /// A payload length that is not in its shortest form (RFC 6455 §5.2).
    LengthNotMinimal,
    /// A payload length of 2⁶³ or more (RFC 6455 §5.2).
    LengthTopBit,
    /// A control frame with more than 125 octets (RFC 6455 §5.5).
    LongControlFrame,
    /// A server sent a masked frame (RFC 6455 §5.1).
    MaskedFrame,
    /// A message exceeds [`Config::max_message_size`](crate::Config::max_message_size), or a
    /// compressed one the limit for what comes over the wire (RFC 6455 §10.4).
    MessageTooBig,
    /// A reserved bit is set that no extension gave a meaning (RFC 6455 §5.2).
    ReservedBits,
    /// An opcode that is reserved (RFC 6455 §5.2).
    ReservedOpcode,
    /// A message has more fragments than [`Config::max_fragments`](crate::Config::max_fragments)
    /// (RFC 6455 §10.4).
    TooManyFragments,
    /// A continuation frame with nothing to continue (RFC 6455 §5.4).
    UnexpectedContinuation,
    /// A new message inside an unfinished one (RFC 6455 §5.4).
    UnfinishedMessage,
    /// A client sent an unmasked frame (RFC 6455 §5.1).
    UnmaskedFrame,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CloseCode(code) => {
                return write!(f, "the peer closed with the forbidden code {code}");
            }
            Self::ClosePayload => "the peer sent a close frame with half a code",
            Self::CloseReason => "the peer sent a close reason that is not UTF-8",
            Self::FragmentedControlFrame => "the peer fragmented a control frame",
            Self::InvalidDeflate => "the peer sent a compressed message that cannot be inflated",
            Self::InvalidUtf8 => "the peer sent text that is not UTF-8",
            Self::LengthNotMinimal => {
                "the peer sent a payload length that is not in its shortest form"
            }
            Self::LengthTopBit => "the peer sent a payload length of 2^63 or more",
            Self::LongControlFrame => "the peer sent a control frame with more than 125 octets",
            Self::MaskedFrame => "the server sent a masked frame",
            Self::MessageTooBig => "the peer sent a message that exceeds the limit",
            Self::ReservedBits => "the peer set a reserved bit",
            Self::ReservedOpcode => "the peer used a reserved opcode",
            Self::TooManyFragments => "the peer sent a message in too many fragments",
            Self::UnexpectedContinuation => "the peer continued a message that was not begun",
            Self::UnfinishedMessage => "the peer began a message inside another one",
            Self::UnmaskedFrame => "the client sent an unmasked frame",
        })
    }
}

impl Error for ProtocolError {}

#[cfg(test)]
mod tests {
    use alloc::{collections::BTreeSet, string::ToString, vec::Vec};

    use super::ProtocolError::{self, *};

    // A log shows nothing but the text.
    #[test]
    fn each_error_says_something_else() {
        let errors: [ProtocolError; 17] = [
            CloseCode(1005),
            ClosePayload,
            CloseReason,
            FragmentedControlFrame,
            InvalidDeflate,
            InvalidUtf8,
            LengthNotMinimal,
            LengthTopBit,
            LongControlFrame,
            MaskedFrame,
            MessageTooBig,
            ReservedBits,
            ReservedOpcode,
            TooManyFragments,
            UnexpectedContinuation,
            UnfinishedMessage,
            UnmaskedFrame,
        ];
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert!(texts.iter().all(|text| text.len() > 20), "{texts:?}");
        assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len(), "{texts:?}");
        assert_eq!(texts[0], "the peer closed with the forbidden code 1005");
    }
}
