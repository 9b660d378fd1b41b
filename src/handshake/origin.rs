//! Who may connect from a browser: `Origin` and the policy that a server applies to it (RFC 6455
//! §10.2, RFC 6454).

use alloc::{string::String, vec::Vec};
use core::{error::Error, fmt, str::FromStr};

use super::uri::{Authority, default_port};

/// The origin of a web page: a scheme, a host and a port, or `null`.
///
/// Scheme and host are kept in lower case and the default ports of `http` and `https` are left out,
/// so that origins that mean the same are equal.
///
/// ```
/// use framewise::handshake::Origin;
///
/// let origin: Origin = "HTTPS://Chat.Example.com:443".parse()?;
/// assert_eq!(origin.to_string(), "https://chat.example.com");
/// assert!("https://chat.example.com/".parse::<Origin>().is_err());
/// # Ok::<(), framewise::handshake::OriginError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// `None` for `null`.
    tuple: Option<Tuple>,
}

impl Origin {
    /// The origin of pages that have none to show, `null`: a sandboxed frame, a local file.
    pub const NULL: Self = Self { tuple: None };

    /// Returns whether this is `null`.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        self.tuple.is_none()
    }

    /// Returns the scheme, in lower case.
    #[must_use]
    pub fn scheme(&self) -> Option<&str> {
        self.tuple.as_ref().map(|tuple| tuple.scheme.as_str())
    }

    /// Returns the host, in lower case; a literal IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.tuple.as_ref().map(|tuple| tuple.host.as_str())
    }

    /// Returns the port; that of the scheme when none is written. `None` for a scheme without a
    /// known port.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.tuple.as_ref().and_then(|tuple| tuple.port)
    }

    fn matches(&self, other: &Parsed<'_>) -> bool {
        match (&self.tuple, other) {
            (None, Parsed::Null) => true,
            (Some(tuple), Parsed::Tuple { scheme, host, port }) => {
                tuple.scheme.eq_ignore_ascii_case(scheme)
                    && tuple.host.eq_ignore_ascii_case(host)
                    && tuple.port == *port
            }
            _ => false,
        }
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    /// # Errors
    ///
    /// [`OriginError`] for anything but `null` and `scheme://host[:port]`: no path, not even a
    /// slash.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let tuple = match Parsed::new(text)? {
            Parsed::Null => None,
            Parsed::Tuple { scheme, host, port } => Some(Tuple {
                scheme: scheme.to_ascii_lowercase(),
                host: host.to_ascii_lowercase(),
                port,
            }),
        };
        Ok(Self { tuple })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Tuple { scheme, host, port }) = &self.tuple else {
            return f.write_str("null");
        };
        match port {
            Some(port) if scheme_port(scheme) != Some(*port) => {
                write!(f, "{scheme}://{host}:{port}")
            }
            _ => write!(f, "{scheme}://{host}"),
        }
    }
}

/// Which origins a server accepts.
///
/// Browsers send cookies with a WebSocket handshake from *any* page, and the rules for cross-origin
/// requests do not apply to it: without this check every web site that a user visits can talk to
/// the server in the user's name. `Origin` protects users of browsers. It says nothing about other
/// clients, which can send anything; a request without one does not come from a page, and is
/// accepted unless [`require_origin`](Self::require_origin) is set.
///
/// Origins are compared as scheme, host and port; there are no patterns.
///
/// ```
/// use framewise::handshake::OriginPolicy;
///
/// // A server that speaks plain HTTP behind a proxy that ends TLS, and passes the `Host` on:
/// let policy = OriginPolicy::same_origin().behind_tls_proxy();
/// assert!(policy.check(Some(b"https://chat.example.com"), "chat.example.com").is_ok());
/// assert!(policy.check(Some(b"https://evil.example"), "chat.example.com").is_err());
/// assert!(policy.check(None, "chat.example.com").is_ok());
///
/// // Behind a proxy that writes a `Host` of its own:
/// let policy = OriginPolicy::same_origin().external_origin("https://chat.example.com".parse()?);
/// assert!(policy.check(Some(b"https://chat.example.com"), "10.0.0.7:8080").is_ok());
/// assert!(policy.check(Some(b"https://evil.example"), "10.0.0.7:8080").is_err());
/// # Ok::<(), framewise::handshake::OriginError>(())
/// ```
///
/// # Behind a proxy
///
/// The `Host` has to be the one that the browser has sent. With nginx that takes
/// `proxy_set_header Host $http_host;` (its default is the address of the server behind it).
///
/// | browsers see | the server sees | policy |
/// |---|---|---|
/// | `http://` | plain HTTP | `same_origin()` |
/// | `https://` | TLS, by `accept_tls` of an adapter | `same_origin()`: it is known |
/// | `https://` | TLS, by a stream of the program's own | `same_origin().secure()` |
/// | `https://` | plain HTTP from a proxy that ends TLS | `same_origin().behind_tls_proxy()` |
/// | `https://` | a proxy that changes the `Host` | `same_origin().external_origin(...)` |
/// | `https://` | HTTP/2 or HTTP/3 with `:scheme: https` | `same_origin()`: it is known |
///
/// `X-Forwarded-Proto` and `X-Forwarded-Host` play no part: a client that reaches the server past the
/// proxy, or through one that does not overwrite them, writes what it likes there. How the server is
/// reached is known when it is set up, so say it there.
#[derive(Clone, Debug)]
pub struct OriginPolicy {
    rule: Rule,
    required: bool,
}

impl OriginPolicy {
    /// Accepts pages that came from the same host and port, over `http`, as the request itself.
    ///
    /// A server that does TLS itself adds [`secure`](Self::secure), one behind a proxy that ends
    /// TLS [`behind_tls_proxy`](Self::behind_tls_proxy). One that is to withstand DNS rebinding names
    /// its public origin with [`external_origin`](Self::external_origin).
    ///
    /// Two kinds of requests are compared with `https` in any case: those that came over the TLS of this
    /// crate (`accept_tls`), and those that say so (`:scheme` in HTTP/2 and HTTP/3).
    #[must_use]
    pub const fn same_origin() -> Self {
        Self { rule: Rule::Same { secure: false }, required: false }
    }

    /// Accepts exactly these origins. `null` is one only if it is listed.
    #[must_use]
    pub fn allow_list(origins: impl IntoIterator<Item = Origin>) -> Self {
        Self { rule: Rule::List(origins.into_iter().collect()), required: false }
    }

    /// Accepts every origin: for servers whose clients are not recognised by cookies, addresses or
    /// networks.
    #[must_use]
    pub const fn dangerously_allow_any() -> Self {
        Self { rule: Rule::Any, required: false }
    }

    /// For [`same_origin`](Self::same_origin): this server's connections are TLS, so the scheme of the
    /// page must be `https`, and the default port is 443.
    ///
    /// It changes nothing for other policies, which name schemes themselves.
    #[must_use]
    pub fn secure(mut self) -> Self {
        if let Rule::Same { secure } = &mut self.rule {
            *secure = true;
        }
        self
    }

    /// For [`same_origin`](Self::same_origin): browsers reach this server through a proxy that ends
    /// TLS, so the scheme of the page must be `https`, though the connection is plain HTTP.
    ///
    /// The proxy has to pass on the `Host` of the browser; where it does not, name the public origin
    /// with [`external_origin`](Self::external_origin). Pages that come over plain HTTP are refused,
    /// so do not use it for a server that is also reached without the proxy, in development for
    /// instance. It means the same as [`secure`](Self::secure).
    #[must_use]
    pub fn behind_tls_proxy(self) -> Self {
        self.secure()
    }

    /// The origin under which browsers know this server. It takes the place of the request's own
    /// host in [`same_origin`](Self::same_origin), and is added to an allow-list.
    #[must_use]
    pub fn external_origin(mut self, origin: Origin) -> Self {
        match &mut self.rule {
            Rule::Any => {}
            Rule::List(origins) => origins.push(origin),
            Rule::Same { .. } => self.rule = Rule::List(Vec::from([origin])),
        }
        self
    }

    /// Refuses requests without an `Origin`, which no browser sends.
    #[must_use]
    pub const fn require_origin(mut self) -> Self {
        self.required = true;
        self
    }

    /// Applies the policy to the values of `Origin` and `Host`.
    ///
    /// [`Upgrade::check_origin`](super::Upgrade::check_origin) calls it with those of a request.
    ///
    /// # Errors
    ///
    /// [`OriginRefused::Absent`] when there is no origin and one is required,
    /// [`OriginRefused::Invalid`] when the value is not one single origin,
    /// [`OriginRefused::NotAllowed`] when it is another one.
    pub fn check(&self, origin: Option<&[u8]>, host: &str) -> Result<(), OriginRefused> {
        self.check_over(origin, host, false)
    }

    /// Applies the policy to a request that may be known to have come as `https`, or over TLS.
    pub(super) fn check_over(
        &self,
        origin: Option<&[u8]>,
        host: &str,
        known_secure: bool,
    ) -> Result<(), OriginRefused> {
        let Some(origin) = origin else {
            return if self.required { Err(OriginRefused::Absent) } else { Ok(()) };
        };
        if matches!(self.rule, Rule::Any) {
            return Ok(());
        }
        let origin = core::str::from_utf8(origin).map_err(|_| OriginRefused::Invalid)?;
        let origin = Parsed::new(origin).map_err(|_| OriginRefused::Invalid)?;
        let allowed = match &self.rule {
            Rule::Any => true,
            Rule::List(origins) => origins.iter().any(|allowed| allowed.matches(&origin)),
            Rule::Same { secure } => origin.is_same(host, *secure || known_secure),
        };
        if allowed { Ok(()) } else { Err(OriginRefused::NotAllowed) }
    }
}

/// The same origin as the request itself.
impl Default for OriginPolicy {
    fn default() -> Self {
        Self::same_origin()
    }
}

/// Why an [`OriginPolicy`] refuses a request. It turns into the [`Rejection`](super::Rejection) to
/// answer with: 403 (RFC 6455 §10.2), with nothing of the request in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginRefused {
    /// There is no `Origin`, and the policy requires one.
    Absent,
    /// The value is neither `null` nor one single origin.
    Invalid,
    /// The origin is not one that the policy allows.
    NotAllowed,
}

impl fmt::Display for OriginRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "the request has no Origin",
            Self::Invalid => "the Origin of the request is malformed",
            Self::NotAllowed => "the Origin of the request is not allowed",
        })
    }
}

impl Error for OriginRefused {}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Tuple {
    scheme: String,
    host: String,
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum Rule {
    Any,
    List(Vec<Origin>),
    Same { secure: bool },
}

/// An origin in the text of a request, with its port filled in.
enum Parsed<'a> {
    Null,
    Tuple { scheme: &'a str, host: &'a str, port: Option<u16> },
}

impl<'a> Parsed<'a> {
    fn new(text: &'a str) -> Result<Self, OriginError> {
        if text == "null" {
            return Ok(Self::Null);
        }
        let (scheme, authority) = text.split_once("://").ok_or(OriginError)?;
        let (first, rest) = scheme.as_bytes().split_first().ok_or(OriginError)?;
        let rest_valid =
            rest.iter().all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(octet));
        if !first.is_ascii_alphabetic() || !rest_valid || authority.ends_with(':') {
            return Err(OriginError);
        }
        let Authority { host, port } = Authority::parse(authority).map_err(|_| OriginError)?;
        Ok(Self::Tuple { scheme, host, port: port.or_else(|| scheme_port(scheme)) })
    }

    /// Whether a page of this origin was served by the authority that a request names.
    fn is_same(&self, request_host: &str, secure: bool) -> bool {
        let Self::Tuple { scheme, host, port } = self else {
            return false;
        };
        let Ok(own) = Authority::parse(request_host) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(if secure { "https" } else { "http" })
            && host.eq_ignore_ascii_case(own.host)
            && *port == Some(own.port.unwrap_or_else(|| default_port(secure)))
    }
}

fn scheme_port(scheme: &str) -> Option<u16> {
    let is = |name| scheme.eq_ignore_ascii_case(name);
    match () {
        () if is("http") || is("ws") => Some(default_port(false)),
        () if is("https") || is("wss") => Some(default_port(true)),
        () => None,
    }
}

/// The text is no origin as RFC 6454 §6.2 writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OriginError;

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an origin: neither null nor scheme://host[:port]")
    }
}

impl Error for OriginError {}
