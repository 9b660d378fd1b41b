//! The content of a Close frame (RFC 6455 §5.5.1, §7.4).

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use alloc::string::String;
use core::fmt::{self, Write as _};

use crate::{error::ProtocolError, role::Role, utf8};

/// A code that says why a connection closes (RFC 6455 §7.4).
///
/// Any number can be held, but only some may be in a Close frame: see
/// [`is_allowed_on_wire`](Self::is_allowed_on_wire).
///
/// Methods that close take `impl Into<CloseCode>`: a constant, a number, or `None` for a Close without
/// a code. Codes compare with numbers.
///
/// ```
/// use framewise::CloseCode;
///
/// assert_eq!(CloseCode::NORMAL, 1000);
/// assert!(CloseCode::from(4001).is_allowed_on_wire());
/// assert!(!CloseCode::ABNORMAL.is_allowed_on_wire());
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection has been fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the endpoint goes away, for instance a server that shuts down.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: the endpoint does not accept data of this type.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1005, never in a frame: the Close has no code.
    pub const NO_STATUS_RECEIVED: Self = Self(1005);
    /// 1006, never in a frame: the connection ended without a Close.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: a message is not what its type says, for instance text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a message violates the endpoint's policy.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message is too big to process.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: the server did not negotiate an extension that the client needs. Sent by clients only.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: an unexpected condition prevents the endpoint from going on.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the service is overloaded; try again later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got an invalid answer from the server behind it.
    pub const BAD_GATEWAY: Self = Self(1014);
    /// 1015, never in a frame: the TLS handshake failed.
    pub const TLS_HANDSHAKE: Self = Self(1015);

    /// Returns whether the code may be in a Close frame: 1000 to 1003 and 1007 to 1014 have been
    /// assigned, 3000 to 4999 are for libraries, frameworks and applications (RFC 6455 §7.4.2).
    #[must_use]
    pub const fn is_allowed_on_wire(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// Returns whether the code is for libraries, frameworks and applications to define: 3000 to 4999
    /// (RFC 6455 §7.4.2). Those from 4000 on are not registered anywhere.
    #[must_use]
    pub const fn is_for_applications(self) -> bool {
        matches!(self.0, 3000..=4999)
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Returns whether an endpoint in `role` may send the code: servers do not send 1010
    /// (RFC 6455 §7.4.1).
    pub(crate) fn may_be_sent_by(self, role: Role) -> bool {
        self.is_allowed_on_wire() && (role == Role::Client || self != Self::MANDATORY_EXTENSION)
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> Self {
        Self(code)
    }
}

/// `None` is a Close without a code, [`NO_STATUS_RECEIVED`](CloseCode::NO_STATUS_RECEIVED).
impl From<Option<Self>> for CloseCode {
    fn from(code: Option<Self>) -> Self {
        code.unwrap_or(Self::NO_STATUS_RECEIVED)
    }
}

impl PartialEq<u16> for CloseCode {
    fn eq(&self, code: &u16) -> bool {
        self.0 == *code
    }
}

impl PartialEq<CloseCode> for u16 {
    fn eq(&self, code: &CloseCode) -> bool {
        *self == code.0
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The code and the reason of a Close.
///
/// A Close without a code has the code [`NO_STATUS_RECEIVED`](CloseCode::NO_STATUS_RECEIVED) here
/// and an empty reason, as RFC 6455 §7.1.5 and §7.1.6 define.
///
/// ```
/// use framewise::{CloseCode, CloseFrame};
///
/// let frame = CloseFrame::decode(b"\x03\xe9bye")?;
/// assert_eq!(frame.code, CloseCode::GOING_AWAY);
/// assert_eq!(frame.reason, "bye");
/// # Ok::<(), framewise::ProtocolError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[allow(clippy::exhaustive_structs, reason = "the format is fixed by RFC 6455 §5.5.1")]
pub struct CloseFrame {
    /// Why the connection closes.
    pub code: CloseCode,
    /// Human-readable reason of at most 123 bytes, for logs. Do not show it to end users (RFC 6455
    /// §5.5.1): it may contain control characters.
    pub reason: String,
}

impl CloseFrame {
    /// Decodes the payload of a Close frame.
    ///
    /// # Errors
    ///
    /// [`InvalidClosePayload`](ProtocolError::InvalidClosePayload) for a single byte,
    /// [`InvalidCloseCode`](ProtocolError::InvalidCloseCode) for a code that may not be sent, and
    /// [`InvalidCloseReason`](ProtocolError::InvalidCloseReason) for a reason that is not UTF-8.
    pub fn decode(payload: &[u8]) -> Result<Self, ProtocolError> {
        if payload.is_empty() {
            return Ok(Self { code: CloseCode::NO_STATUS_RECEIVED, reason: String::new() });
        }
        let Some((&code, reason)) = payload.split_first_chunk() else {
            return Err(ProtocolError::InvalidClosePayload);
        };
        let code = CloseCode(u16::from_be_bytes(code));
        if !code.is_allowed_on_wire() {
            return Err(ProtocolError::InvalidCloseCode(code.0));
        }
        let reason = utf8::validate(reason).map_err(|_| ProtocolError::InvalidCloseReason)?;
        Ok(Self { code, reason: reason.into() })
    }
}

/// For logs: the code, and the reason with its control characters escaped.
impl fmt::Display for CloseFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reason.is_empty() {
            return self.code.fmt(f);
        }
        write!(f, "{} (", self.code)?;
        for character in self.reason.chars() {
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        f.write_char(')')
    }
}

/// The largest reason in bytes: a control frame less the code.
pub(crate) const MAX_REASON: usize = crate::frame::MAX_CONTROL_PAYLOAD - 2;

impl ProtocolError {
    /// Returns the code of the Close that tells the peer (RFC 6455 §7.4.1): 1007 for data that is
    /// not what its type says, 1009 for limits, 1002 for all else.
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::InvalidCloseReason | Self::InvalidDeflate | Self::InvalidUtf8 => {
                CloseCode::INVALID_PAYLOAD
            }
            Self::MessageTooBig { .. } | Self::TooManyFragments { .. } => {
                CloseCode::MESSAGE_TOO_BIG
            }
            Self::FragmentedControlFrame
            | Self::InvalidCloseCode(_)
            | Self::InvalidClosePayload
            | Self::LengthNotMinimal
            | Self::LengthTopBit
            | Self::LongControlFrame
            | Self::MaskedFrame
            | Self::ReservedBits
            | Self::ReservedOpcode
            | Self::UnexpectedContinuation
            | Self::UnfinishedMessage
            | Self::UnmaskedFrame => CloseCode::PROTOCOL_ERROR,
        }
    }
}
