//! What can go wrong with a connection over a transport.

use core::{error, fmt};
use std::io::{self, ErrorKind};

use crate::{
    ProtocolError, SendError, Timeout, driver,
    handshake::{AcceptError, HandshakeError},
};

/// Why a WebSocket over a transport failed.
///
/// The end of a connection is no error, whichever way it came; see
/// [`EndOfStream`](crate::EndOfStream).
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The acceptance does not fit the request: the subprotocol was not offered by the client.
    Accept(AcceptError),
    /// The opening handshake failed. A server has answered, unless the stream ended; a client answers
    /// nothing.
    Handshake(HandshakeError),
    /// The transport failed.
    Io(io::Error),
    /// The peer broke the protocol, or a limit. It has been told, unless a Close was sent before.
    Protocol(ProtocolError),
    /// The message cannot be sent.
    Send(SendError),
    /// The peer fell silent, or a message took too long.
    Timeout(Timeout),
    /// A `wss` URI, but no TLS here: connect a TLS stream and use that.
    TlsRequired,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept(error) => error.fmt(f),
            Self::Handshake(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Protocol(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::Timeout(Timeout::Message) => f.write_str("a message took too long to arrive"),
            Self::Timeout(_) => f.write_str("the peer fell silent"),
            Self::TlsRequired => f.write_str("a wss URI needs a TLS stream"),
        }
    }
}

/// The cause is part of the message, so it has no source but the cause's own.
impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}

impl From<driver::Error> for Error {
    fn from(error: driver::Error) -> Self {
        match error {
            driver::Error::GaveUp => Self::Io(ErrorKind::TimedOut.into()),
            driver::Error::Lost => Self::Io(ErrorKind::BrokenPipe.into()),
            driver::Error::Protocol(error) => Self::Protocol(error),
            driver::Error::Timeout(timeout) => Self::Timeout(timeout),
        }
    }
}

macro_rules! impl_from {
    ($($error:ty => $variant:ident),*) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}

impl_from!(AcceptError => Accept, HandshakeError => Handshake, io::Error => Io);
impl_from!(ProtocolError => Protocol, SendError => Send);

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn an_error_of_the_transport_has_the_text_and_the_source_of_the_cause() {
        let error = Error::Io(io::Error::other(Wrapper(Error::TlsRequired)));
        assert_eq!(error.to_string(), "wrapped");
        let source = error::Error::source(&error).expect("the wrapper has one");
        assert_eq!(source.to_string(), Error::TlsRequired.to_string());
        assert!(error::Error::source(&Error::TlsRequired).is_none());
    }

    #[test]
    fn errors_of_peers_that_fall_silent_say_what_was_waited_for() {
        let [message, pong] = [Timeout::Message, Timeout::Pong].map(Error::Timeout);
        assert_eq!(message.to_string(), "a message took too long to arrive");
        assert_eq!(pong.to_string(), "the peer fell silent");
    }

    /// An error with a source.
    #[derive(Debug)]
    struct Wrapper(Error);

    impl fmt::Display for Wrapper {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("wrapped")
        }
    }

    impl error::Error for Wrapper {
        fn source(&self) -> Option<&(dyn error::Error + 'static)> {
            Some(&self.0)
        }
    }
}
