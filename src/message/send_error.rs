//! Why a message was not sent.

use alloc::boxed::Box;
use core::{error::Error, fmt};

use super::Payload;

/// Why the connection refused to send something.
///
/// A mistake of this program or a matter of back pressure, never the peer's fault. Nothing was
/// queued and the state is unchanged. An owned or shared message comes back with the error; a
/// borrowed one the caller still has.
///
/// ```
/// use std::sync::Arc;
/// use framewise::{Config, Connection, Payload, SendErrorKind};
///
/// let mut config = Config::default();
/// config.max_output = 100;
/// let mut connection = Connection::server(Arc::new(config));
/// let error = connection.send_binary(vec![7; 200]).unwrap_err();
/// assert_eq!(error.kind(), SendErrorKind::MessageTooBig { len: 204, limit: 100 });
/// assert_eq!(error.into_payload(), Some(Payload::from(vec![7; 200])));
/// // It would fit if less was pending.
/// connection.send_binary([7; 90].as_slice())?;
/// let error = connection.send_binary([7; 90].as_slice()).unwrap_err();
/// assert_eq!(error.kind(), SendErrorKind::OutputFull);
/// # Ok::<(), framewise::SendError>(())
/// ```
pub struct SendError(Repr);

/// Half the size of a [`SendErrorKind`], so that sending returns it in registers.
enum Repr {
    Closed,
    OutputFull,
    Other(Box<(SendErrorKind, Option<Payload<'static>>)>),
}

/// The reasons of a [`SendError`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// A Close without a code cannot have a reason (RFC 6455 §5.5.1).
    CloseReasonWithoutCode,
    /// The connection is closing, closed or failed: nothing can be sent any more
    /// (RFC 6455 §5.5.1, §6.1).
    Closed,
    /// A Close cannot carry this code (RFC 6455 §7.4).
    InvalidCloseCode(u16),
    /// The reason of a Close has `len` bytes, and 123 at most are allowed (RFC 6455 §5.5).
    LongCloseReason {
        /// How many bytes the reason has.
        len: usize,
    },
    /// The payload of a control frame has `len` bytes, and 125 at most are allowed
    /// (RFC 6455 §5.5).
    LongControlFrame {
        /// How many bytes the payload has.
        len: usize,
    },
    /// The message exceeds [`Config::max_output`](crate::Config::max_output) even when nothing else
    /// is pending. It can never be sent.
    MessageTooBig {
        /// How many bytes of output the message takes at most: header, payload, and what
        /// compression may add.
        len: usize,
        /// [`Config::max_output`](crate::Config::max_output), in bytes.
        limit: usize,
    },
    /// A fragment of another type than the message that it would continue (RFC 6455 §5.4).
    MixedFragments,
    /// With what is pending, the message would exceed
    /// [`Config::max_output`](crate::Config::max_output), or the reserve for control frames is used
    /// up. Try again when output was written.
    OutputFull,
    /// The value cannot be written as JSON: the keys of a map are not strings, or its `Serialize` fails.
    #[cfg(feature = "json")]
    Serialize,
    /// A message inside a fragmented one that is not finished yet (RFC 6455 §5.4).
    UnfinishedMessage,
}

impl SendError {
    pub(crate) fn new(kind: SendErrorKind, payload: Option<Payload<'static>>) -> Self {
        Self(match (kind, payload) {
            (SendErrorKind::Closed, None) => Repr::Closed,
            (SendErrorKind::OutputFull, None) => Repr::OutputFull,
            (kind, payload) => Repr::Other(Box::new((kind, payload))),
        })
    }

    /// Returns the reason.
    pub fn kind(&self) -> SendErrorKind {
        match &self.0 {
            Repr::Closed => SendErrorKind::Closed,
            Repr::OutputFull => SendErrorKind::OutputFull,
            Repr::Other(other) => other.0,
        }
    }

    /// Returns the message that was not sent, if it was owned or shared.
    pub fn into_payload(self) -> Option<Payload<'static>> {
        match self.0 {
            Repr::Closed | Repr::OutputFull => None,
            Repr::Other(other) => other.1,
        }
    }
}

impl From<SendErrorKind> for SendError {
    fn from(kind: SendErrorKind) -> Self {
        Self::new(kind, None)
    }
}

/// Shows the length of the message only: payloads may be large or sensitive.
impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = match &self.0 {
            Repr::Closed | Repr::OutputFull => None,
            Repr::Other(other) => other.1.as_ref(),
        };
        f.debug_struct("SendError").field("kind", &self.kind()).field("payload", &payload).finish()
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)
    }
}

impl Error for SendError {}

impl fmt::Display for SendErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CloseReasonWithoutCode => f.write_str("a close reason needs a close code"),
            Self::Closed => f.write_str("the connection is closing or closed"),
            Self::InvalidCloseCode(1010) => {
                f.write_str("close code 1010 is sent by clients only, not by servers")
            }
            Self::InvalidCloseCode(code) => write!(
                f,
                "close code {code} may not be sent: 1000 to 1003, 1007 to 1014 and 3000 to 4999 may"
            ),
            Self::LongCloseReason { len } => {
                write!(f, "the close reason has {len} bytes, 123 at most are allowed")
            }
            Self::LongControlFrame { len } => {
                write!(f, "the payload of a Ping or Pong has {len} bytes, 125 at most are allowed")
            }
            Self::MessageTooBig { len, limit } => write!(
                f,
                "the message takes {len} bytes of output and never fits: max_output is {limit}"
            ),
            Self::MixedFragments => {
                f.write_str("a text message cannot continue as binary, nor a binary one as text")
            }
            Self::OutputFull => {
                f.write_str("too many bytes are pending: send when some are written")
            }
            #[cfg(feature = "json")]
            Self::Serialize => f.write_str("the value cannot be written as JSON"),
            Self::UnfinishedMessage => f.write_str("a fragmented message is not finished yet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{collections::BTreeSet, format, string::ToString, vec, vec::Vec};

    use super::{SendError, SendErrorKind as Kind};

    // A log shows nothing but the text.
    #[test]
    fn each_error_says_something_else() {
        let errors = [
            Kind::CloseReasonWithoutCode,
            Kind::Closed,
            Kind::InvalidCloseCode(999),
            Kind::InvalidCloseCode(1010),
            Kind::LongCloseReason { len: 124 },
            Kind::LongControlFrame { len: 126 },
            Kind::MessageTooBig { len: 1004, limit: 1000 },
            Kind::MixedFragments,
            Kind::OutputFull,
            Kind::UnfinishedMessage,
        ];
        let texts: Vec<_> = errors.map(|kind| SendError::from(kind).to_string()).into();
        assert!(texts.iter().all(|text| text.len() > 20), "{texts:?}");
        assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len(), "{texts:?}");
        assert_eq!(
            [&*texts[2], &texts[4], &texts[5], &texts[6]],
            [
                "close code 999 may not be sent: 1000 to 1003, 1007 to 1014 and 3000 to 4999 may",
                "the close reason has 124 bytes, 123 at most are allowed",
                "the payload of a Ping or Pong has 126 bytes, 125 at most are allowed",
                "the message takes 1004 bytes of output and never fits: max_output is 1000",
            ]
        );
        for kind in errors {
            for payload in [None, Some("Hello".to_string().into())] {
                let error = SendError::new(kind, payload.clone());
                assert_eq!((error.kind(), error.into_payload()), (kind, payload));
            }
        }
    }

    // The payload has millions of bytes, or a password in it.
    #[test]
    fn debug_shows_the_length_of_the_payload() {
        let error = SendError::new(Kind::OutputFull, Some(vec![7; 1 << 20].into()));
        let expected = "SendError { kind: OutputFull, payload: Some(Binary(1048576 bytes)) }";
        assert_eq!(format!("{error:?}"), expected);
        let error = SendError::new(Kind::Closed, Some("secret".to_string().into()));
        let expected = "SendError { kind: Closed, payload: Some(Text(6 bytes)) }";
        assert_eq!(format!("{error:?}"), expected);
        assert!(size_of::<Result<(), SendError>>() <= 2 * size_of::<usize>());
    }
}
