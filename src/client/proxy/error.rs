//! Why a proxy did not connect to the host.

use alloc::boxed::Box;
use core::{error::Error, fmt};

use super::server::ProxyUriError;
use crate::handshake::{FirstBytes, HandshakeError, Response, write_refusal};

/// Why a proxy did not connect to the host. Close the stream then.
///
/// ```
/// use framewise::{Config, Input};
/// use framewise::client::{Proxy, ProxyError, ProxyHandshake};
///
/// let proxy = Proxy::new("http://proxy.example:3128")?;
/// let uri = "wss://example.com/chat".parse()?;
/// let server = proxy.server_for(&uri).expect("it is for everything");
/// let mut handshake = ProxyHandshake::new(server, &uri, Config::default(), None)?;
/// let mut buf = *b"HTTP/1.1 407 Proxy Authentication Required\r\n\
///     Proxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
/// let error = handshake.receive(&mut Input::new(&mut buf)).unwrap_err();
/// assert_eq!(error.response().map(|response| response.status()), Some(407));
/// assert!(error.to_string().starts_with("the proxy answered 407 Proxy Authentication Required ("));
/// # Ok::<(), framewise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyError {
    /// A SOCKS proxy refuses the user and the password (RFC 1929 §2).
    AuthenticationFailed,
    /// The head has more bytes than [`Config::max_head_size`](crate::Config::max_head_size).
    HeadTooLarge,
    /// The name of the host has more than 255 bytes, which SOCKS cannot send (RFC 1928 §5).
    HostTooLong,
    /// The head is not written as RFC 9112 §2 to §6 asks.
    InvalidHead,
    /// A SOCKS proxy answers in a version other than 5, or with an address of an unknown type (RFC 1928
    /// §6).
    InvalidReply,
    /// A SOCKS proxy accepts none of the methods of authentication that were offered (RFC 1928 §3).
    /// Those are none, and user and password if the proxy was given with them.
    NoAcceptableMethod,
    /// The answer does not begin with `HTTP/`: the proxy speaks another protocol. The first bytes
    /// that came are attached (RFC 9112 §4).
    NotHttp(FirstBytes),
    /// The first byte of the answer is this one and not 5: the proxy does not speak SOCKS version 5 (RFC
    /// 1928 §3).
    NotSocks(u8),
    /// An HTTP proxy answers with a status that is not 2xx; the response is attached, with its body (RFC
    /// 9110 §9.3.6).
    Refused(Box<Response>),
    /// A SOCKS proxy does not connect to the host (RFC 1928 §6).
    SocksRefused(SocksReply),
    /// The time limit has passed.
    Timeout,
    /// The head has more fields than [`Config::max_headers`](crate::Config::max_headers).
    TooManyHeaders,
    /// More interim responses came than a client is willing to read.
    TooManyInterimResponses,
    /// Bytes follow the answer of the proxy. They cannot be the host's, because a client speaks first.
    UnexpectedBytes,
    /// The stream ended before the answer did.
    UnexpectedEof,
    /// A SOCKS proxy selects this method of authentication, which was not offered (RFC 1928 §3).
    UnexpectedMethod(u8),
    /// The answer is of a version of HTTP that is not 1.x.
    UnsupportedHttpVersion,
    /// The URI of the proxy is not valid.
    Uri(ProxyUriError),
}

impl ProxyError {
    /// Returns the response that an HTTP proxy gave instead of a 2xx.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        match self {
            Self::Refused(response) => Some(response),
            _ => None,
        }
    }

    /// Returns the error of an HTTP proxy for what the reader of responses has found.
    pub(super) fn of_head(error: HandshakeError) -> Self {
        match error {
            HandshakeError::HeadTooLarge | HandshakeError::TargetTooLong => Self::HeadTooLarge,
            HandshakeError::NotHttp(received) => Self::NotHttp(received),
            HandshakeError::TooManyHeaders => Self::TooManyHeaders,
            HandshakeError::TooManyInterimResponses => Self::TooManyInterimResponses,
            HandshakeError::UnsupportedHttpVersion => Self::UnsupportedHttpVersion,
            _ => Self::InvalidHead,
        }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AuthenticationFailed => "the proxy refuses the user and the password",
            Self::HeadTooLarge => "the head of the proxy's answer is too large",
            Self::HostTooLong => "the name of the host is too long for a SOCKS proxy",
            Self::InvalidHead => "the head of the proxy's answer is not valid HTTP/1.1",
            Self::InvalidReply => "the proxy's answer is not valid SOCKS version 5",
            Self::NoAcceptableMethod => {
                "the proxy accepts none of the authentication methods: without any, or with user and password if given"
            }
            Self::NotHttp(received) => {
                let hint = match **received {
                    [5 | 0, ..] => ": it seems to speak SOCKS, try socks5://",
                    [ALERT | HANDSHAKE, ..] => ": it seems to speak TLS, which is not supported",
                    _ => "",
                };
                return write!(f, "the proxy's answer does not begin with HTTP/: {received}{hint}");
            }
            Self::NotSocks(b'H') => {
                "the proxy does not speak SOCKS version 5: it seems to speak HTTP, try http://"
            }
            Self::NotSocks(octet) => {
                return write!(
                    f,
                    "the proxy does not speak SOCKS version 5: its first byte is {octet:#04x}"
                );
            }
            Self::Refused(response) => return write_refusal(f, "proxy", response),
            Self::SocksRefused(reply) => return reply.fmt(f),
            Self::Timeout => "the proxy took too long to answer",
            Self::TooManyHeaders => "the head of the proxy's answer has too many fields",
            Self::TooManyInterimResponses => "the proxy sent too many interim responses",
            Self::UnexpectedBytes => "the proxy sent bytes of its own after its answer",
            Self::UnexpectedEof => "the proxy ended the stream before it answered",
            Self::UnexpectedMethod(2) => "the proxy asks for a user and a password",
            Self::UnexpectedMethod(method) => {
                return write!(
                    f,
                    "the proxy asks for an authentication method that was not offered: {method:#04x}"
                );
            }
            Self::UnsupportedHttpVersion => "the proxy's answer is of another version than HTTP/1",
            Self::Uri(error) => return error.fmt(f),
        })
    }
}

/// The message is that of the cause, so the source is the cause's own.
impl Error for ProxyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Uri(error) => error.source(),
            _ => None,
        }
    }
}

impl From<ProxyUriError> for ProxyError {
    fn from(error: ProxyUriError) -> Self {
        Self::Uri(error)
    }
}

/// Why a SOCKS proxy does not connect to the host (RFC 1928 §6).
///
/// ```
/// use framewise::client::{ProxyError, SocksReply};
///
/// let error = ProxyError::SocksRefused(SocksReply::HostUnreachable);
/// assert_eq!(error.to_string(), "the proxy cannot reach the host");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SocksReply {
    /// 8: the proxy does not know addresses of this kind: a name, IPv4 or IPv6.
    AddressTypeNotSupported,
    /// 7: the proxy does not open connections.
    CommandNotSupported,
    /// 5: the host refuses the connection.
    ConnectionRefused,
    /// 1: the proxy gives no reason.
    GeneralFailure,
    /// 4: the proxy cannot reach the host. Many say so of a name that they cannot resolve.
    HostUnreachable,
    /// 3: the proxy cannot reach the network of the host.
    NetworkUnreachable,
    /// 2: the rules of the proxy do not allow the connection.
    NotAllowed,
    /// A code that RFC 1928 does not define.
    Other(u8),
    /// 6: the host is too many hops away, or did not answer in time.
    TtlExpired,
}

impl SocksReply {
    /// Returns what a code stands for, `None` for the one of success.
    pub(super) const fn of_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => return None,
            1 => Self::GeneralFailure,
            2 => Self::NotAllowed,
            3 => Self::NetworkUnreachable,
            4 => Self::HostUnreachable,
            5 => Self::ConnectionRefused,
            6 => Self::TtlExpired,
            7 => Self::CommandNotSupported,
            8 => Self::AddressTypeNotSupported,
            code => Self::Other(code),
        })
    }
}

impl fmt::Display for SocksReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AddressTypeNotSupported => "the proxy does not support this type of address",
            Self::CommandNotSupported => "the proxy does not open connections",
            Self::ConnectionRefused => "the host refused the proxy's connection",
            Self::GeneralFailure => "the proxy failed to connect to the host",
            Self::HostUnreachable => "the proxy cannot reach the host",
            Self::NetworkUnreachable => "the proxy cannot reach the network of the host",
            Self::NotAllowed => "the proxy does not allow a connection to the host",
            Self::Other(code) => {
                return write!(f, "the proxy did not connect to the host: reply {code:#04x}");
            }
            Self::TtlExpired => "the proxy's connection to the host took too many hops",
        })
    }
}

/// The types of TLS records by which a proxy answers what is no TLS (RFC 8446 §5.1).
const ALERT: u8 = 0x15;
const HANDSHAKE: u8 = 0x16;
