//! How a peer breaks the protocol.

use alloc::{borrow::Cow, string::String};
use core::{
    error::Error,
    fmt::{self, Write as _},
};

/// How the peer broke the protocol, or a limit.
///
/// The connection has failed (RFC 6455 §7.1.7): a Close with [`close_code`](Self::close_code) and
/// [`close_reason`](Self::close_reason) is queued if none was sent before, nothing more is read, and
/// every later call to `receive` returns the same error.
///
/// ```
/// use framewise::{CloseCode, ProtocolError};
///
/// assert_eq!(ProtocolError::InvalidUtf8.close_code(), CloseCode::INVALID_PAYLOAD);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A control frame without FIN (RFC 6455 §5.5).
    FragmentedControlFrame,
    /// A Close carries a code that may not be sent: below 1000, reserved, or not assigned
    /// (RFC 6455 §7.4).
    InvalidCloseCode(u16),
    /// The payload of a Close has one byte: half a code (RFC 6455 §5.5.1).
    InvalidClosePayload,
    /// The reason of a Close is not UTF-8 (RFC 6455 §5.5.1).
    InvalidCloseReason,
    /// A compressed message cannot be inflated: it is not valid DEFLATE, refers to what was never
    /// sent, or its last block does not end with it (RFC 7692 §7.2.2).
    InvalidDeflate,
    /// A text message is not UTF-8 (RFC 6455 §8.1).
    InvalidUtf8,
    /// A payload length that is not in its shortest form (RFC 6455 §5.2).
    LengthNotMinimal,
    /// A payload length of 2⁶³ or more (RFC 6455 §5.2).
    LengthTopBit,
    /// A control frame with more than 125 bytes (RFC 6455 §5.5).
    LongControlFrame,
    /// A server sent a masked frame (RFC 6455 §5.1).
    MaskedFrame,
    /// A message exceeds [`Config::max_message_size`](crate::Config::max_message_size), or a
    /// compressed one the limit for what comes over the wire (RFC 6455 §10.4).
    MessageTooBig {
        /// How many bytes the frame headers have announced so far. `None` for a compressed message
        /// that exceeds the limit when it is inflated: its length is not known.
        len: Option<u64>,
        /// The limit that it exceeds, in bytes.
        limit: u64,
    },
    /// A reserved bit is set that no extension gave a meaning (RFC 6455 §5.2).
    ReservedBits,
    /// An opcode that is reserved (RFC 6455 §5.2).
    ReservedOpcode,
    /// A message has more fragments than [`Config::max_fragments`](crate::Config::max_fragments)
    /// (RFC 6455 §10.4).
    TooManyFragments {
        /// How many fragments a message may have.
        limit: u32,
    },
    /// A continuation frame with nothing to continue (RFC 6455 §5.4).
    UnexpectedContinuation,
    /// A new message inside an unfinished one (RFC 6455 §5.4).
    UnfinishedMessage,
    /// A client sent an unmasked frame (RFC 6455 §5.1).
    UnmaskedFrame,
}

impl ProtocolError {
    /// Returns a short reason for the Close that tells the peer, 123 bytes at most.
    ///
    /// ```
    /// use framewise::ProtocolError;
    ///
    /// let error = ProtocolError::MessageTooBig { len: Some(70_000), limit: 65_536 };
    /// assert_eq!(error.close_reason(), "message exceeds 65536 bytes");
    /// ```
    #[must_use]
    pub fn close_reason(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::FragmentedControlFrame => "fragmented control frame",
            Self::InvalidCloseCode(code) => return text(format_args!("invalid close code {code}")),
            Self::InvalidClosePayload => "close payload of 1 byte",
            Self::InvalidCloseReason => "close reason is not UTF-8",
            Self::InvalidDeflate => "invalid DEFLATE data",
            Self::InvalidUtf8 => "invalid UTF-8",
            Self::LengthNotMinimal => "payload length is not minimal",
            Self::LengthTopBit => "payload length of 2^63 or more",
            Self::LongControlFrame => "control frame exceeds 125 bytes",
            Self::MaskedFrame => "masked frame from a server",
            Self::MessageTooBig { limit, .. } => {
                return text(format_args!("message exceeds {limit} bytes"));
            }
            Self::ReservedBits => "reserved bit is set",
            Self::ReservedOpcode => "reserved opcode",
            Self::TooManyFragments { limit } => {
                return text(format_args!("message exceeds {limit} fragments"));
            }
            Self::UnexpectedContinuation => "continuation without a message",
            Self::UnfinishedMessage => "message inside a fragmented message",
            Self::UnmaskedFrame => "unmasked frame from a client",
        })
    }
}

/// Writes a short text with one allocation.
fn text(text: fmt::Arguments<'_>) -> Cow<'static, str> {
    let mut string = String::with_capacity(48);
    // A `String` takes all that is written to it.
    let _ = string.write_fmt(text);
    string.into()
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FragmentedControlFrame => "the peer fragmented a control frame",
            Self::InvalidCloseCode(code) => {
                return write!(f, "the peer closed with the forbidden code {code}");
            }
            Self::InvalidClosePayload => "the peer sent a close frame with half a code",
            Self::InvalidCloseReason => "the peer sent a close reason that is not UTF-8",
            Self::InvalidDeflate => "the peer sent a compressed message that cannot be inflated",
            Self::InvalidUtf8 => "the peer sent text that is not UTF-8",
            Self::LengthNotMinimal => {
                "the peer sent a payload length that is not in its shortest form"
            }
            Self::LengthTopBit => "the peer sent a payload length of 2^63 or more",
            Self::LongControlFrame => "the peer sent a control frame with more than 125 bytes",
            Self::MaskedFrame => "the server sent a masked frame",
            Self::MessageTooBig { len: Some(len), limit } => {
                return write!(f, "the peer sent a message of {len} bytes, the limit is {limit}");
            }
            Self::MessageTooBig { len: None, limit } => {
                return write!(
                    f,
                    "the peer sent a message that inflates to more than {limit} bytes"
                );
            }
            Self::ReservedBits => "the peer set a reserved bit",
            Self::ReservedOpcode => "the peer used a reserved opcode",
            Self::TooManyFragments { limit } => {
                return write!(f, "the peer sent a message in more than {limit} fragments");
            }
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
    use crate::frame::MAX_REASON;

    const ERRORS: [ProtocolError; 18] = [
        FragmentedControlFrame,
        InvalidCloseCode(1005),
        InvalidClosePayload,
        InvalidCloseReason,
        InvalidDeflate,
        InvalidUtf8,
        LengthNotMinimal,
        LengthTopBit,
        LongControlFrame,
        MaskedFrame,
        MessageTooBig { len: Some(1001), limit: 1000 },
        MessageTooBig { len: None, limit: u64::MAX },
        ReservedBits,
        ReservedOpcode,
        TooManyFragments { limit: 9 },
        UnexpectedContinuation,
        UnfinishedMessage,
        UnmaskedFrame,
    ];

    // A log shows nothing but the text.
    #[test]
    fn each_error_says_something_else() {
        let texts: Vec<_> = ERRORS.iter().map(ToString::to_string).collect();
        assert!(texts.iter().all(|text| text.len() > 20), "{texts:?}");
        assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len(), "{texts:?}");
        assert_eq!(texts[1], "the peer closed with the forbidden code 1005");
        assert_eq!(texts[10], "the peer sent a message of 1001 bytes, the limit is 1000");
        assert_eq!(
            texts[11],
            "the peer sent a message that inflates to more than 18446744073709551615 bytes"
        );
        assert_eq!(texts[14], "the peer sent a message in more than 9 fragments");
    }

    // The peer's log shows nothing but the reason.
    #[test]
    fn each_error_has_its_own_reason_that_fits_in_a_close() {
        let reasons: BTreeSet<_> = ERRORS.iter().map(|error| error.close_reason()).collect();
        assert_eq!(reasons.len(), ERRORS.len(), "{reasons:?}");
        assert!(reasons.iter().all(|reason| (10..=MAX_REASON).contains(&reason.len())));
    }
}
