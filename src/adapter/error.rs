//! What can go wrong with a connection over a transport.

use core::{convert::Infallible, error, fmt};
use std::io::{self, ErrorKind};

#[cfg(feature = "connect")]
use crate::client::Dial;
#[cfg(feature = "deflate")]
use crate::deflate::{NegotiationError, OutOfRange};
#[cfg(feature = "json")]
use crate::json::JsonError;
#[cfg(feature = "rustls")]
use crate::tls::{TlsError, TlsErrorKind};
use crate::{
    client::{ProxyError, ProxyUriError, RedirectError, SocksReply},
    connection::Timeout,
    driver,
    error::ProtocolError,
    handshake::{
        AcceptError, ExtensionError, HandshakeError, HeaderError, OriginError, OriginRefused,
        RefusedRequest, RequestError, StatusError, UriError,
    },
    message::{SendError, SendErrorKind},
};

/// Why a WebSocket over a transport failed.
///
/// The end of a connection is no error, whichever way it came; see
/// [`EndOfStream`](crate::EndOfStream). The message contains that of the cause, so
/// [`source`](error::Error::source) is the cause's own.
///
/// Every error of the crate converts into it, so that one `?` serves for all:
///
/// ```
/// use framewise::handshake::{ClientRequest, Rejection};
///
/// fn request(url: &str) -> Result<ClientRequest, framewise::Error> {
///     Ok(ClientRequest::new(url)?.subprotocol("chat")?.header("Authorization", "Bearer abc")?)
/// }
/// fn rejection(status: u16) -> Result<Rejection, framewise::Error> {
///     Ok(Rejection::new(status)?)
/// }
///
/// assert_eq!(
///     request("localhost").unwrap_err().to_string(),
///     "\"localhost\" does not start with ws:// or wss://: did you mean ws://localhost?"
/// );
/// assert!(rejection(42).is_err());
/// ```
///
/// # As an `io::Error`
///
/// It converts into an [`io::Error`] with a fitting kind and the same message. The transport's own
/// error comes back as it was.
///
/// | error | kind |
/// |---|---|
/// | [`Io`](Self::Io) | its own |
/// | [`Timeout`](Self::Timeout); [`Handshake`](Self::Handshake) with a timeout, or refused with 408 or 504 | [`TimedOut`](ErrorKind::TimedOut) |
/// | [`Protocol`](Self::Protocol); [`Redirect`](Self::Redirect); `Handshake`, other failures | [`InvalidData`](ErrorKind::InvalidData) |
/// | `Handshake`, the stream ended | [`UnexpectedEof`](ErrorKind::UnexpectedEof) |
/// | `Handshake`, refused with 401, 403 or 407; [`OriginRefused`](Self::OriginRefused) | [`PermissionDenied`](ErrorKind::PermissionDenied) |
/// | `Handshake`, refused with 404 or 410 | [`NotFound`](ErrorKind::NotFound) |
/// | `Handshake`, refused with another status | [`ConnectionRefused`](ErrorKind::ConnectionRefused) |
/// | [`Proxy`](Self::Proxy) | as `Handshake`, and [below](#proxies) |
/// | [`Send`](Self::Send) on a closed connection | [`BrokenPipe`](ErrorKind::BrokenPipe) |
/// | `Send` with the output full | [`WouldBlock`](ErrorKind::WouldBlock) |
/// | `Tls` with a timeout | [`TimedOut`](ErrorKind::TimedOut) |
/// | `Tls`, a certificate of this end is refused or missing | [`PermissionDenied`](ErrorKind::PermissionDenied) |
/// | `Tls`, a key, a name or a PEM text is not valid | [`InvalidInput`](ErrorKind::InvalidInput) |
/// | `Tls`, other failures | [`InvalidData`](ErrorKind::InvalidData) |
/// | `Tls`, no cryptography or no roots; [`TlsRequired`](Self::TlsRequired) | [`Unsupported`](ErrorKind::Unsupported) |
/// | `Send`, other mistakes; all else | [`InvalidInput`](ErrorKind::InvalidInput) |
///
/// ## Proxies
///
/// | [`ProxyError`] | kind |
/// |---|---|
/// | timeout, end of the stream, refused with a status, an answer that is not valid | as [`Handshake`](Self::Handshake) |
/// | no method of authentication, user and password refused, [`SocksReply::NotAllowed`] | [`PermissionDenied`](ErrorKind::PermissionDenied) |
/// | [`SocksReply::HostUnreachable`], [`SocksReply::TtlExpired`] | [`HostUnreachable`](ErrorKind::HostUnreachable) |
/// | [`SocksReply::NetworkUnreachable`] | [`NetworkUnreachable`](ErrorKind::NetworkUnreachable) |
/// | [`SocksReply::AddressTypeNotSupported`], [`SocksReply::CommandNotSupported`] | [`Unsupported`](ErrorKind::Unsupported) |
/// | other replies of SOCKS | [`ConnectionRefused`](ErrorKind::ConnectionRefused) |
/// | the URI of the proxy, the length of the host | [`InvalidInput`](ErrorKind::InvalidInput) |
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The acceptance does not fit the request: the subprotocol was not offered by the client.
    Accept(AcceptError),
    /// The opening handshake failed. A server has answered, unless the stream ended; a client answers
    /// nothing.
    Handshake(HandshakeError),
    /// A header field cannot be written.
    Header(HeaderError),
    /// The transport failed.
    Io(io::Error),
    /// A message is not valid JSON, or does not match the expected type.
    #[cfg(feature = "json")]
    Json(JsonError),
    /// A text is not an origin.
    Origin(OriginError),
    /// The policy does not allow the origin of a request.
    OriginRefused(OriginRefused),
    /// A number for the compression is out of its range.
    #[cfg(feature = "deflate")]
    OutOfRange(OutOfRange),
    /// The peer broke the protocol, or a limit. It has been told, unless a Close was sent before.
    Protocol(ProtocolError),
    /// A proxy did not connect to the host, or the URI of a proxy is not valid.
    Proxy(ProxyError),
    /// The server redirects in a way that is not valid, or must not be followed.
    Redirect(RedirectError),
    /// A request cannot be made, because of its URI for instance.
    Request(RequestError),
    /// The message cannot be sent.
    Send(SendError),
    /// A request cannot be rejected with this status.
    Status(StatusError),
    /// The peer fell silent, or a message took too long.
    Timeout(Timeout),
    /// TLS failed: its handshake, a later read or write, or its configuration.
    #[cfg(feature = "rustls")]
    Tls(TlsError),
    /// A `wss` URI, but no TLS here: enable the feature `tls`, or connect a TLS stream and pass it to
    /// `client`.
    TlsRequired,
}

impl Error {
    /// Returns whether another try later may succeed, without a change to the program or to what
    /// it asks for.
    ///
    /// | error | transient |
    /// |---|---|
    /// | [`Io`](Self::Io): refused, reset, aborted, broken pipe, not connected, early end, timeout, would block, interrupted, host or network unreachable or down, address in use or not available, resource busy | yes |
    /// | `Io` of another kind, failed lookups of a host included | no |
    /// | [`Timeout`](Self::Timeout) | yes |
    /// | [`Handshake`](Self::Handshake): timeout, end of the stream | yes |
    /// | `Handshake`: refused with 408, 425, 429, 500, 502, 503 or 504 | yes |
    /// | `Handshake`: refused with another status, any other failure | no |
    /// | [`Proxy`](Self::Proxy): timeout, end of the stream, refused with one of these statuses | yes |
    /// | `Proxy`: SOCKS failed in general, host or network unreachable, connection refused, TTL expired | yes |
    /// | `Proxy`: any other failure | no |
    /// | [`Send`](Self::Send) with the output full | yes |
    /// | `Send`, anything else | no |
    /// | [`Protocol`](Self::Protocol), [`Redirect`](Self::Redirect), `Json` | no |
    /// | `Tls` with a timeout | yes |
    /// | `Tls`, anything else | no |
    /// | [`TlsRequired`](Self::TlsRequired) and all other mistakes of the program | no |
    ///
    /// A response may say when to try again; see
    /// [`Response::retry_after`](crate::handshake::Response::retry_after).
    /// [`Backoff`](crate::client::Backoff) says it for all other errors.
    ///
    /// ```
    /// use framewise::Error;
    ///
    /// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    /// assert!(Error::from(refused).is_transient());
    /// assert!(!Error::TlsRequired.is_transient());
    /// ```
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Handshake(HandshakeError::Timeout | HandshakeError::UnexpectedEof)
            | Self::Timeout(_) => true,
            Self::Handshake(HandshakeError::Rejected(response)) => {
                is_transient_status(response.status())
            }
            Self::Io(error) => is_transient(error.kind()),
            Self::Proxy(error) => is_transient_proxy(error),
            Self::Send(error) => error.kind() == SendErrorKind::OutputFull,
            #[cfg(feature = "rustls")]
            Self::Tls(error) => error.kind() == TlsErrorKind::Timeout,
            _ => false,
        }
    }

    /// Returns the kind of the `io::Error` that this becomes.
    fn io_kind(&self) -> ErrorKind {
        match self {
            Self::Handshake(error) => match error {
                HandshakeError::Timeout => ErrorKind::TimedOut,
                HandshakeError::UnexpectedEof => ErrorKind::UnexpectedEof,
                HandshakeError::Rejected(response) => status_kind(response.status()),
                _ => ErrorKind::InvalidData,
            },
            Self::Io(error) => error.kind(),
            #[cfg(feature = "json")]
            Self::Json(_) => ErrorKind::InvalidData,
            Self::OriginRefused(_) => ErrorKind::PermissionDenied,
            Self::Protocol(_) | Self::Redirect(_) => ErrorKind::InvalidData,
            Self::Proxy(error) => proxy_kind(error),
            Self::Send(error) => match error.kind() {
                SendErrorKind::Closed => ErrorKind::BrokenPipe,
                SendErrorKind::OutputFull => ErrorKind::WouldBlock,
                _ => ErrorKind::InvalidInput,
            },
            Self::Timeout(_) => ErrorKind::TimedOut,
            #[cfg(feature = "rustls")]
            Self::Tls(error) => error.io_kind(),
            Self::TlsRequired => ErrorKind::Unsupported,
            _ => ErrorKind::InvalidInput,
        }
    }

    /// Returns what failed, if it is an error itself.
    fn cause(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(match self {
            Self::Accept(error) => error,
            Self::Handshake(error) => error,
            Self::Header(error) => error,
            Self::Io(error) => error,
            #[cfg(feature = "json")]
            Self::Json(error) => error,
            Self::Origin(error) => error,
            Self::OriginRefused(error) => error,
            #[cfg(feature = "deflate")]
            Self::OutOfRange(error) => error,
            Self::Protocol(error) => error,
            Self::Proxy(error) => error,
            Self::Redirect(error) => error,
            Self::Request(error) => error,
            Self::Send(error) => error,
            Self::Status(error) => error,
            #[cfg(feature = "rustls")]
            Self::Tls(error) => error,
            Self::Timeout(_) | Self::TlsRequired => return None,
        })
    }
}

const fn is_transient(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::AddrInUse
            | ErrorKind::AddrNotAvailable
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::Interrupted
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NotConnected
            | ErrorKind::ResourceBusy
            | ErrorKind::TimedOut
            | ErrorKind::UnexpectedEof
            | ErrorKind::WouldBlock
    )
}

const fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

const fn is_transient_proxy(error: &ProxyError) -> bool {
    match error {
        ProxyError::Refused(response) => is_transient_status(response.status()),
        ProxyError::SocksRefused(reply) => matches!(
            reply,
            SocksReply::ConnectionRefused
                | SocksReply::GeneralFailure
                | SocksReply::HostUnreachable
                | SocksReply::NetworkUnreachable
                | SocksReply::TtlExpired
        ),
        ProxyError::Timeout | ProxyError::UnexpectedEof => true,
        _ => false,
    }
}

/// Returns the kind for a response that refuses.
const fn status_kind(status: u16) -> ErrorKind {
    match status {
        401 | 403 | 407 => ErrorKind::PermissionDenied,
        404 | 410 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::TimedOut,
        _ => ErrorKind::ConnectionRefused,
    }
}

const fn proxy_kind(error: &ProxyError) -> ErrorKind {
    match error {
        ProxyError::AuthenticationFailed | ProxyError::NoAcceptableMethod => {
            ErrorKind::PermissionDenied
        }
        ProxyError::HostTooLong | ProxyError::Uri(_) => ErrorKind::InvalidInput,
        ProxyError::Refused(response) => status_kind(response.status()),
        ProxyError::SocksRefused(reply) => match reply {
            SocksReply::AddressTypeNotSupported | SocksReply::CommandNotSupported => {
                ErrorKind::Unsupported
            }
            SocksReply::HostUnreachable | SocksReply::TtlExpired => ErrorKind::HostUnreachable,
            SocksReply::NetworkUnreachable => ErrorKind::NetworkUnreachable,
            SocksReply::NotAllowed => ErrorKind::PermissionDenied,
            _ => ErrorKind::ConnectionRefused,
        },
        ProxyError::Timeout => ErrorKind::TimedOut,
        ProxyError::UnexpectedEof => ErrorKind::UnexpectedEof,
        _ => ErrorKind::InvalidData,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.cause()) {
            (_, Some(cause)) => fmt::Display::fmt(cause, f),
            (Self::Timeout(Timeout::Message), _) => {
                f.write_str("a message took too long to arrive")
            }
            (Self::Timeout(_), _) => f.write_str("the peer fell silent"),
            _ => f.write_str(
                "a wss URI needs TLS: enable the feature `tls`, or connect a TLS stream and pass \
                 it to `client`",
            ),
        }
    }
}

/// The cause is part of the message, so it has no source but the cause's own.
impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.cause()?.source()
    }
}

/// With the kinds that [`Error`] lists.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error,
            error => Self::new(error.io_kind(), error),
        }
    }
}

impl From<driver::Error> for Error {
    fn from(error: driver::Error) -> Self {
        match error {
            driver::Error::GaveUp => Self::Io(io::Error::new(ErrorKind::TimedOut, error)),
            driver::Error::Lost => Self::Io(io::Error::new(ErrorKind::BrokenPipe, error)),
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

impl_from!(AcceptError => Accept, HandshakeError => Handshake);
impl_from!(ProtocolError => Protocol, ProxyError => Proxy, SendError => Send);
impl_from!(HeaderError => Header, OriginError => Origin, OriginRefused => OriginRefused);
impl_from!(RedirectError => Redirect, RequestError => Request, StatusError => Status);
#[cfg(feature = "deflate")]
impl_from!(OutOfRange => OutOfRange);
#[cfg(feature = "json")]
impl_from!(JsonError => Json);
#[cfg(feature = "rustls")]
impl_from!(TlsError => Tls);

/// The TLS streams of this crate fail with a `TlsError` in an `io::Error`: it becomes `Tls`.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        #[cfg(feature = "rustls")]
        let error = match error.downcast::<TlsError>() {
            Ok(error) => return Self::Tls(error),
            Err(error) => error,
        };
        Self::Io(error)
    }
}

impl From<UriError> for Error {
    fn from(error: UriError) -> Self {
        Self::Request(error.into())
    }
}

impl From<ProxyUriError> for Error {
    fn from(error: ProxyUriError) -> Self {
        Self::Proxy(error.into())
    }
}

impl From<ExtensionError> for Error {
    fn from(error: ExtensionError) -> Self {
        Self::Handshake(error.into())
    }
}

#[cfg(feature = "deflate")]
impl From<NegotiationError> for Error {
    fn from(error: NegotiationError) -> Self {
        Self::Handshake(error.into())
    }
}

/// Drops the request: nobody answers it any more.
impl From<RefusedRequest> for Error {
    fn from(refused: RefusedRequest) -> Self {
        Self::Handshake(refused.error)
    }
}

/// Returns the error of a failed TCP connection, with what it was to in its message, and of the same kind.
#[cfg(feature = "connect")]
pub(crate) fn connect_failed(dial: &Dial<'_>, error: io::Error) -> Error {
    ConnectError::of(dial, error, false)
}

/// Returns the error of a failed lookup, with the host in its message, and of the same kind.
#[cfg(feature = "connect")]
pub(crate) fn lookup_failed(dial: &Dial<'_>, error: io::Error) -> Error {
    ConnectError::of(dial, error, true)
}

/// Returns whether the host was not found.
#[cfg(feature = "connect")]
pub(super) fn is_lookup_failure(error: &Error) -> bool {
    let Error::Io(error) = error else { return false };
    let inner = error.get_ref().and_then(|error| error.downcast_ref::<ConnectError>());
    inner.is_some_and(|error| error.lookup)
}

/// Why no TCP connection was opened, and to what.
#[cfg(feature = "connect")]
#[derive(Debug)]
struct ConnectError {
    proxy: bool,
    to: alloc::string::String,
    lookup: bool,
    error: io::Error,
}

#[cfg(feature = "connect")]
impl ConnectError {
    fn of(dial: &Dial<'_>, error: io::Error, lookup: bool) -> Error {
        let (host, port) = dial.tcp_host();
        let to = match host.contains(':') {
            true => alloc::format!("[{host}]:{port}"),
            false => alloc::format!("{host}:{port}"),
        };
        let kind = error.kind();
        Error::Io(io::Error::new(kind, Self { proxy: dial.proxy().is_some(), to, lookup, error }))
    }
}

#[cfg(feature = "connect")]
impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, error, .. } = self;
        let proxy = if self.proxy { "the proxy " } else { "" };
        write!(f, "cannot connect to {proxy}{to}: {error}")
    }
}

#[cfg(feature = "connect")]
impl error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.error.source()
    }
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
