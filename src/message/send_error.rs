//! Why a message was not sent.

use alloc::boxed::Box;
use core::{error::Error, fmt};

use super::Payload;

/// Why the connection refused to send something.
///
/// A mistake of this program or a matter of back pressure, never the peer's fault. Nothing was
/// queued and the state is unchanged. A message that was given away comes back with the error; one
/// that was only lent, the caller still has.
///
/// ```
/// use std::sync::Arc;
/// use framewise::{Config, Connection, Payload, SendErrorKind};
///
/// let mut config = Config::default();
/// config.max_output = 100;
/// let mut connection = Connection::server(Arc::new(config));
/// let error = connection.send_binary(vec![7; 200]).unwrap_err();
/// assert_eq!(error.kind(), SendErrorKind::OutputFull);
/// assert_eq!(error.into_payload(), Some(Payload::from(vec![7; 200])));
/// ```
#[derive(Debug)]
pub struct SendError {
    kind: SendErrorKind,
    payload: Option<Box<Payload<'static>>>,
}

/// The reasons of a [`SendError`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// The connection is closing, closed or failed: nothing can be sent any more
    /// (RFC 6455 §5.5.1, §6.1).
    Closed,
    /// A Close cannot carry this code, or a reason without a code (RFC 6455 §7.4).
    InvalidCloseCode,
    /// The payload of a control frame would exceed 125 octets (RFC 6455 §5.5).
    LongControlFrame,
    /// A fragment of another type than the message that it would continue (RFC 6455 §5.4).
    MixedFragments,
    /// The message would exceed [`Config::max_output`](crate::Config::max_output), or the reserve
    /// for control frames is used up. Try again when output was written.
    OutputFull,
    /// A message inside a fragmented one that is not finished yet (RFC 6455 §5.4).
    UnfinishedMessage,
}

impl SendError {
    pub(crate) fn new(kind: SendErrorKind, payload: Option<Payload<'static>>) -> Self {
        Self { kind, payload: payload.map(Box::new) }
    }

    /// Returns the reason.
    pub fn kind(&self) -> SendErrorKind {
        self.kind
    }

    /// Returns the message that was not sent, if it was given away to be sent.
    pub fn into_payload(self) -> Option<Payload<'static>> {
        self.payload.map(|payload| *payload)
    }
}

impl From<SendErrorKind> for SendError {
    fn from(kind: SendErrorKind) -> Self {
        Self { kind, payload: None }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl Error for SendError {}

impl fmt::Display for SendErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection is closing or closed",
            Self::InvalidCloseCode => "this close code or a reason without a code may not be sent",
            Self::LongControlFrame => "the payload of a control frame is limited to 125 octets",
            Self::MixedFragments => "the fragments of a message have one type",
            Self::OutputFull => "too many octets wait to be written",
            Self::UnfinishedMessage => "a fragmented message is not finished yet",
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::{collections::BTreeSet, string::ToString, vec::Vec};

    use super::{SendError, SendErrorKind as Kind};

    // A log shows nothing but the text.
    #[test]
    fn each_error_says_something_else() {
        let errors = [
            Kind::Closed,
            Kind::InvalidCloseCode,
            Kind::LongControlFrame,
            Kind::MixedFragments,
            Kind::OutputFull,
            Kind::UnfinishedMessage,
        ];
        let texts: Vec<_> = errors.map(|kind| SendError::from(kind).to_string()).into();
        assert!(texts.iter().all(|text| text.len() > 20), "{texts:?}");
        assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len(), "{texts:?}");
        assert_eq!(texts[0], "the connection is closing or closed");
    }
}
