//! `ws` and `wss` URIs (RFC 6455 §3), on the syntax of RFC 3986.

use alloc::{borrow::ToOwned, format, string::String};
use core::{convert::Infallible, error::Error, fmt, net::Ipv6Addr, str::FromStr};

/// A WebSocket URI: host, port, resource name and the secure flag.
///
/// Nothing is decoded, encoded or looked up. A user name and password in front of the host are
/// refused, since the grammar of RFC 6455 §3 has no place for them. Hosts that differ in case only
/// are equal (RFC 3986 §3.2.2).
///
/// ```
/// use framewise::handshake::{Uri, UriError};
///
/// let uri = Uri::try_from("wss://example.com:8443/chat?room=1")?;
/// assert_eq!((uri.host(), uri.port(), uri.is_secure()), ("example.com", 8443, true));
/// assert_eq!(uri.resource(), "/chat?room=1");
/// assert_eq!(uri.authority(), "example.com:8443");
/// assert_eq!(Uri::try_from("ws://example.com/#top"), Err(UriError::Fragment));
/// # Ok::<(), UriError>(())
/// ```
#[derive(Clone)]
pub struct Uri {
    secure: bool,
    host: String,
    port: u16,
    resource: String,
}

impl Uri {
    /// Makes a URI of its parts. A literal IPv6 address stands in brackets.
    ///
    /// # Errors
    ///
    /// [`UriError::Host`] or [`UriError::NonAscii`] for a host that is none; [`UriError::Resource`]
    /// for a resource name that does not start with a slash or has a character that must be
    /// percent-encoded; [`UriError::Fragment`] for one with a fragment identifier.
    pub fn from_parts(
        secure: bool,
        host: &str,
        port: u16,
        resource: &str,
    ) -> Result<Self, UriError> {
        check_host(host)?;
        if !resource.starts_with('/') {
            return Err(UriError::Resource);
        }
        check_resource(resource)?;
        Ok(Self { secure, host: host.to_owned(), port, resource: resource.to_owned() })
    }

    /// Returns whether the scheme is `wss`.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Returns the host as it was written; a literal IPv6 address is in brackets.
    ///
    /// Sockets and TLS libraries take an address without its brackets:
    /// [`host_and_port`](Self::host_and_port), [`server_name`](Self::server_name).
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port; 80 or 443 when the URI names none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the name that a TLS client indicates (SNI) and checks the certificate for (RFC 6455
    /// §4.1 item 5): the host, without brackets around an IPv6 address.
    ///
    /// ```
    /// use framewise::handshake::Uri;
    ///
    /// let uri = Uri::try_from("wss://[2001:db8::1]/chat")?;
    /// assert_eq!((uri.host(), uri.server_name()), ("[2001:db8::1]", "2001:db8::1"));
    /// # Ok::<(), framewise::handshake::UriError>(())
    /// ```
    #[must_use]
    pub fn server_name(&self) -> &str {
        let literal = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        literal.unwrap_or(&self.host)
    }

    /// Returns what to connect to, as `TcpStream::connect` takes it: the host without brackets around
    /// an IPv6 address, and the port.
    ///
    /// ```no_run
    /// use framewise::handshake::Uri;
    ///
    /// let uri = Uri::try_from("ws://[::1]:9001/chat")?;
    /// assert_eq!(uri.host_and_port(), ("::1", 9001));
    /// let stream = std::net::TcpStream::connect(uri.host_and_port())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn host_and_port(&self) -> (&str, u16) {
        (self.server_name(), self.port)
    }

    /// Returns the resource name: the path, and the query when it is not empty. It starts with a
    /// slash.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Returns the value of `Host`: the host, and the port unless it is the default one (RFC 6455
    /// §4.1 item 4).
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == default_port(self.secure) {
            return self.host.clone();
        }
        format!("{}:{}", self.host, self.port)
    }
}

impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(&other.host)
            && (self.secure, self.port) == (other.secure, other.port)
            && self.resource == other.resource
    }
}

impl Eq for Uri {}

impl TryFrom<&str> for Uri {
    type Error = UriError;

    fn try_from(text: &str) -> Result<Self, UriError> {
        let (scheme, rest) = text.split_once("://").ok_or(UriError::Scheme)?;
        let secure = match () {
            () if scheme.eq_ignore_ascii_case("ws") => false,
            () if scheme.eq_ignore_ascii_case("wss") => true,
            () => return Err(UriError::Scheme),
        };
        if !rest.is_ascii() {
            return Err(UriError::NonAscii);
        }
        if rest.contains('#') {
            return Err(UriError::Fragment);
        }
        let (authority, resource) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let Authority { host, port } = Authority::parse(authority)?;
        let resource =
            resource.strip_suffix('?').filter(|path| !path.contains('?')).unwrap_or(resource);
        check_resource(resource)?;
        let slash = if resource.starts_with('/') { "" } else { "/" };
        Ok(Self {
            secure,
            host: host.to_owned(),
            port: port.unwrap_or_else(|| default_port(secure)),
            resource: format!("{slash}{resource}"),
        })
    }
}

impl TryFrom<String> for Uri {
    type Error = UriError;

    fn try_from(text: String) -> Result<Self, UriError> {
        Self::try_from(text.as_str())
    }
}

impl TryFrom<&String> for Uri {
    type Error = UriError;

    fn try_from(text: &String) -> Result<Self, UriError> {
        Self::try_from(text.as_str())
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        Self::try_from(text)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.authority(), self.resource)
    }
}

/// Hides the query, in which tokens travel.
impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.resource.split('?').next().unwrap_or_default();
        let query = if path.len() < self.resource.len() { "?[..]" } else { "" };
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "Uri({scheme}://{}{path}{query})", self.authority())
    }
}

/// `host [ ":" port ]` (RFC 3986 §3.2.2, §3.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    pub(super) host: &'a str,
    /// `None` also when a colon stands there without digits.
    pub(super) port: Option<u16>,
}

impl<'a> Authority<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, UriError> {
        Self::split(text).map_err(
            |error| {
                if text.contains('@') { UriError::Userinfo } else { error }
            },
        )
    }

    fn split(text: &'a str) -> Result<Self, UriError> {
        // The colons of a literal address stand before its closing bracket.
        let literal = if text.starts_with('[') { text.find(']').unwrap_or(0) } else { 0 };
        let colon = text.bytes().skip(literal).position(|octet| octet == b':');
        let (host, port) = match colon.and_then(|colon| text.split_at_checked(literal + colon)) {
            Some((host, port)) => (host, port.strip_prefix(':').unwrap_or_default()),
            None => (text, ""),
        };
        check_host(host)?;
        let port = match port {
            "" => None,
            digits if digits.bytes().all(|octet| octet.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| UriError::Port)?)
            }
            _ => return Err(UriError::Port),
        };
        Ok(Self { host, port })
    }
}

/// Returns whether this is a name or an IPv4 address without anything percent-encoded, and perhaps
/// a port of up to four digits: most of what [`Authority::parse`] accepts, and nothing else.
///
/// It takes 140 instructions for the host of a request, and `parse` 570.
pub(super) fn is_plain_authority(octets: &[u8]) -> bool {
    let len = octets.iter().position(|octet| !is_name_octet(*octet)).unwrap_or(octets.len());
    match octets.split_at(len) {
        ([], _) => false,
        (_, []) => true,
        (_, [b':', port @ ..]) => port.len() <= 4 && port.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Returns the port of a `ws` or `wss` URI that names none, which is that of `http` or `https`.
pub(super) const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// Checks `IP-literal / IPv4address / reg-name`, not empty. An IPv4 address is a reg-name too; an
/// address of a future version cannot be connected to and is refused.
fn check_host(host: &str) -> Result<(), UriError> {
    if !host.is_ascii() {
        return Err(UriError::NonAscii);
    }
    let valid = match host.strip_prefix('[') {
        Some(literal) => {
            literal.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
        }
        None => !host.is_empty() && all_valid(host, is_name_octet),
    };
    if valid { Ok(()) } else { Err(UriError::Host) }
}

/// Checks `path-abempty [ "?" query ]`.
fn check_resource(resource: &str) -> Result<(), UriError> {
    if !resource.is_ascii() {
        return Err(UriError::NonAscii);
    }
    if resource.contains('#') {
        return Err(UriError::Fragment);
    }
    let pchar_or_separator =
        |octet| is_name_octet(octet) || matches!(octet, b':' | b'@' | b'/' | b'?');
    if all_valid(resource, pchar_or_separator) { Ok(()) } else { Err(UriError::Resource) }
}

/// Whether every octet is allowed or part of a percent-encoded one (RFC 3986 §2.1).
fn all_valid(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            [octet, rest @ ..] if allowed(*octet) => rest,
            _ => return false,
        };
    }
}

/// Whether the octet is unreserved or a sub-delimiter (RFC 3986 §2.2, §2.3).
#[allow(clippy::indexing_slicing, reason = "one entry for each octet")]
const fn is_name_octet(octet: u8) -> bool {
    NAME_OCTETS[octet as usize]
}

#[allow(clippy::indexing_slicing, reason = "one entry for each octet")]
const NAME_OCTETS: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0x21_u8;
    while octet < 0x7f {
        let unreserved =
            octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~');
        let sub_delim = matches!(
            octet,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
        );
        table[octet as usize] = unreserved || sub_delim;
        octet += 1;
    }
    table
};

/// Why a text is no ws or wss URI (RFC 6455 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UriError {
    /// There is a fragment identifier. A `#` that starts none is written `%23`.
    Fragment,
    /// The host is empty or not as RFC 3986 §3.2.2 has it.
    Host,
    /// There is a character outside US-ASCII. Hosts are written in punycode, everything else
    /// percent-encoded.
    NonAscii,
    /// The port is no number up to 65535.
    Port,
    /// The path or query has a character that must be percent-encoded, or the path does not start
    /// with a slash.
    Resource,
    /// The text does not start with `ws://` or `wss://`.
    Scheme,
    /// There is a user name or password before the host.
    Userinfo,
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fragment => "a WebSocket URI has no fragment identifier",
            Self::Host => "the host of the URI is not valid",
            Self::NonAscii => {
                "the URI must be ASCII: punycode in the host, percent-encoding elsewhere"
            }
            Self::Port => "the port of the URI is not valid",
            Self::Resource => "the path or query of the URI is not valid",
            Self::Scheme => "the URI does not start with ws:// or wss://",
            Self::Userinfo => "a WebSocket URI has no user information",
        })
    }
}

impl Error for UriError {}

impl From<Infallible> for UriError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 6455-4.2.1-07
    #[test]
    fn a_plain_authority_is_one() {
        for text in ["a", "server.example.com", "a:", "a:1", "a_b:8080", "10.0.0.7:9999"] {
            assert!(is_plain_authority(text.as_bytes()), "{text}");
            assert!(Authority::parse(text).is_ok(), "{text}");
        }
        for text in ["a:10000", "a:65536", "a%41", "[::1]", "[::1]:80"] {
            assert!(!is_plain_authority(text.as_bytes()), "{text}: left to the parser");
        }
        for text in ["", ":", ":80", "a:b", "a:1:2", "a@b", "a b", "a:+1", "\u{e9}"] {
            assert!(!is_plain_authority(text.as_bytes()), "{text}");
            assert!(Authority::parse(text).is_err(), "{text}");
        }
    }
}
