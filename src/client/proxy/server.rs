//! A proxy server: what it speaks, where it is, and who may use it.

use alloc::{borrow::ToOwned as _, boxed::Box, string::String, vec::Vec};
use core::{error::Error, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::handshake::{Authority, UriErrorKind, percent_decode};

/// A proxy server, as [`Proxy::server_for`](super::Proxy::server_for) returns it: what it speaks, its host
/// and its port.
///
/// It may hold a user and a password. `Debug` and `Display` never show them.
///
/// ```
/// use framewise::client::{Proxy, ProxyScheme};
///
/// let proxy = Proxy::new("http://user:secret@proxy.example:3128")?;
/// let server = proxy.server_for(&"wss://example.com/".parse()?).expect("it is for everything");
/// assert_eq!(server.scheme(), ProxyScheme::Http);
/// assert_eq!(server.host_and_port(), ("proxy.example", 3128));
/// assert_eq!(server.to_string(), "http://proxy.example:3128");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ProxyServer {
    scheme: ProxyScheme,
    host: String,
    port: u16,
    credentials: Option<Credentials>,
}

/// What a [`ProxyServer`] speaks.
///
/// ```
/// use framewise::client::{Proxy, ProxyScheme};
///
/// let proxy = Proxy::new("socks5h://localhost")?;
/// let server = proxy.server_for(&"ws://example.com/".parse()?).expect("it is for everything");
/// assert_eq!((server.scheme(), server.host_and_port().1), (ProxyScheme::Socks5, 1080));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ProxyScheme {
    /// `http`: CONNECT of HTTP/1.1, without TLS to the proxy (RFC 9110 §9.3.6).
    Http,
    /// `socks5` or `socks5h`: SOCKS version 5 (RFC 1928). The proxy resolves the host.
    Socks5,
}

/// A user and a password, decoded. Nothing shows them.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) user: Vec<u8>,
    pub(super) password: Vec<u8>,
}

impl ProxyServer {
    /// Returns what the proxy speaks.
    #[must_use]
    pub const fn scheme(&self) -> ProxyScheme {
        self.scheme
    }

    /// Returns what to connect to, as `TcpStream::connect` takes it: the host without brackets around
    /// an IPv6 address, and the port.
    #[must_use]
    pub fn host_and_port(&self) -> (&str, u16) {
        let literal = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        (literal.unwrap_or(&self.host), self.port)
    }

    pub(super) const fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    pub(super) fn parse(text: &str) -> Result<Self, ProxyUriError> {
        use ProxyUriErrorKind as Kind;

        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let is = |name: &str| scheme.eq_ignore_ascii_case(name);
        let scheme = match () {
            () if is("http") => ProxyScheme::Http,
            () if is("socks5") || is("socks5h") => ProxyScheme::Socks5,
            () => return Err(ProxyUriError::of_scheme(scheme)),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        // One that stands behind the path was meant to end a password.
        if path.contains('@') {
            return Err(ProxyUriError::new(Kind::Credentials));
        }
        if !matches!(path, "" | "/") {
            return Err(ProxyUriError::new(Kind::Path));
        }
        let (userinfo, authority) = match authority.rsplit_once('@') {
            Some((userinfo, authority)) => (userinfo, authority),
            None => ("", authority),
        };
        let Authority { host, port } = Authority::parse(authority).map_err(|fault| {
            ProxyUriError::new(match fault.kind {
                UriErrorKind::Port => Kind::Port,
                _ => Kind::Host,
            })
        })?;
        let credentials = match userinfo {
            "" => None,
            userinfo => Some(
                Credentials::parse(userinfo, scheme)
                    .ok_or_else(|| ProxyUriError::new(Kind::Credentials))?,
            ),
        };
        let port = port.unwrap_or_else(|| scheme.default_port());
        Ok(Self { scheme, host: host.to_owned(), port, credentials })
    }
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyServer")
            .field("scheme", &self.scheme)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("has_credentials", &self.credentials.is_some())
            .finish()
    }
}

/// Shows the scheme, the host and the port.
impl fmt::Display for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port, .. } = self;
        write!(f, "{scheme}://{host}:{port}")
    }
}

impl ProxyScheme {
    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Socks5 => 1080,
        }
    }
}

impl fmt::Display for ProxyScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Socks5 => "socks5",
        })
    }
}

impl Credentials {
    /// Decodes `user [":" password]`, and checks that the scheme can send both.
    fn parse(userinfo: &str, scheme: ProxyScheme) -> Option<Self> {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let (user, password) = (percent_decode(user)?, percent_decode(password)?);
        let fits = match scheme {
            // RFC 7617 §2
            ProxyScheme::Http => {
                let is_control = |octet: &u8| octet.is_ascii_control();
                !user.contains(&b':') && !user.iter().chain(&password).any(is_control)
            }
            // RFC 1929 §2
            ProxyScheme::Socks5 => {
                let fits = |text: &[u8]| (1..=255).contains(&text.len());
                fits(&user) && fits(&password)
            }
        };
        fits.then_some(Self { user, password })
    }

    /// Returns them as `Basic` has them, in base64 (RFC 7617 §2).
    pub(super) fn to_basic(&self) -> String {
        STANDARD.encode([&*self.user, b":", &*self.password].concat())
    }
}

/// Why a text names no proxy that can be used.
///
/// The message says what is wrong and which environment variable has it. It shows no part of the
/// text but the scheme, because a password may stand anywhere in the rest.
///
/// ```
/// use framewise::client::{Proxy, ProxyUriErrorKind};
///
/// let error = Proxy::new("https://proxy.example").unwrap_err();
/// assert_eq!(error.kind(), ProxyUriErrorKind::Scheme);
/// assert_eq!(
///     error.to_string(),
///     "https proxies are not supported: the URI of a proxy starts with http:// or socks5://"
/// );
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUriError(Box<Details>);

#[derive(Clone, PartialEq, Eq)]
struct Details {
    kind: ProxyUriErrorKind,
    /// A scheme that is not supported.
    scheme: Option<String>,
    /// The environment variable that has the text.
    variable: Option<&'static str>,
}

/// The kinds of a [`ProxyUriError`].
///
/// ```
/// use framewise::client::{Proxy, ProxyUriErrorKind};
///
/// let kind = |uri: &str| Proxy::new(uri).unwrap_err().kind();
/// assert_eq!(kind("socks4://proxy.example"), ProxyUriErrorKind::Scheme);
/// assert_eq!(kind("http://proxy.example:port"), ProxyUriErrorKind::Port);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ProxyUriErrorKind {
    /// The user or the password cannot be sent, or one of `/`, `?` and `#` in it is not percent-encoded.
    ///
    /// For `http`, the user has no colon, and neither has a control character (RFC 7617 §2). For
    /// `socks5`, each has 1 to 255 bytes (RFC 1929 §2).
    Credentials,
    /// The host is empty or not as RFC 3986 §3.2.2 has it.
    Host,
    /// An environment variable is not UTF-8.
    NotUnicode,
    /// There is something after the port.
    Path,
    /// The port is no number up to 65535.
    Port,
    /// The scheme is neither `http` nor `socks5` nor `socks5h`.
    Scheme,
}

impl ProxyUriError {
    #[cold]
    pub(super) fn new(kind: ProxyUriErrorKind) -> Self {
        Self(Box::new(Details { kind, scheme: None, variable: None }))
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn kind(&self) -> ProxyUriErrorKind {
        self.0.kind
    }

    /// Shows a scheme that can be one: what stands in front of `://` may be a password, too.
    #[cold]
    fn of_scheme(scheme: &str) -> Self {
        let is_scheme = |scheme: &&str| {
            let is_of_scheme =
                |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.');
            (1..=MAX_SCHEME).contains(&scheme.len()) && scheme.bytes().all(is_of_scheme)
        };
        let scheme = Some(scheme).filter(is_scheme).map(str::to_ascii_lowercase);
        Self(Box::new(Details { kind: ProxyUriErrorKind::Scheme, scheme, variable: None }))
    }

    /// The same error in an environment variable.
    #[cfg(feature = "std")]
    pub(super) fn in_variable(mut self, variable: &'static str) -> Self {
        self.0.variable = Some(variable);
        self
    }
}

impl fmt::Debug for ProxyUriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { kind, scheme, variable } = &*self.0;
        f.debug_struct("ProxyUriError")
            .field("kind", kind)
            .field("scheme", scheme)
            .field("variable", variable)
            .finish()
    }
}

impl fmt::Display for ProxyUriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ProxyUriErrorKind as Kind;

        let Details { kind, scheme, variable } = &*self.0;
        if let Some(variable) = variable {
            write!(f, "{variable}: ")?;
        }
        f.write_str(match kind {
            Kind::Credentials => {
                "the user or the password of the proxy cannot be sent, or must be percent-encoded"
            }
            Kind::Host => "the proxy has no valid host",
            Kind::NotUnicode => "the value is not UTF-8",
            Kind::Path => "the URI of a proxy ends with the port: no path, query or fragment",
            Kind::Port => "the proxy has no valid port: a number from 0 to 65535",
            Kind::Scheme => {
                let scheme = scheme.as_deref().unwrap_or("such");
                return write!(
                    f,
                    "{scheme} proxies are not supported: the URI of a proxy starts with http:// or socks5://"
                );
            }
        })
    }
}

impl Error for ProxyUriError {}

/// How long a scheme may be that is shown. No scheme in use is longer.
const MAX_SCHEME: usize = 16;
