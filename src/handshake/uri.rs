//! `ws` and `wss` URIs (RFC 6455 §3), on the syntax of RFC 3986.

use alloc::{borrow::ToOwned, boxed::Box, format, string::String};
use core::{convert::Infallible, error::Error, fmt, net::Ipv6Addr, str::FromStr};

/// A WebSocket URI: host, port, resource name and the secure flag.
///
/// Nothing is decoded, encoded or looked up. A user name and password in front of the host are
/// refused, since the grammar of RFC 6455 §3 has no place for them;
/// [`ClientRequest::with_credentials`](super::ClientRequest::with_credentials) takes them. Hosts that differ in case only
/// are equal (RFC 3986 §3.2.2).
///
/// ```
/// use framewise::handshake::{Uri, UriError, UriErrorKind};
///
/// let uri = Uri::try_from("wss://example.com:8443/chat?room=1")?;
/// assert_eq!((uri.host(), uri.port(), uri.is_secure()), ("example.com", 8443, true));
/// assert_eq!(uri.resource(), "/chat?room=1");
/// assert_eq!(uri.authority(), "example.com:8443");
/// let error = Uri::try_from("ws://example.com/#top").unwrap_err();
/// assert_eq!((error.kind(), error.offset()), (UriErrorKind::Fragment, 17));
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
    /// A [`UriError`] of the kind
    /// - [`Host`](UriErrorKind::Host) or [`NonAscii`](UriErrorKind::NonAscii) for a host that is none,
    /// - [`Resource`](UriErrorKind::Resource) for a resource name that does not start with a slash or
    ///   has a character that must be percent-encoded,
    /// - [`Fragment`](UriErrorKind::Fragment) for one with a fragment identifier.
    ///
    /// Its place is counted in the URI that the parts make.
    pub fn from_parts(
        secure: bool,
        host: &str,
        port: u16,
        resource: &str,
    ) -> Result<Self, UriError> {
        let check = || {
            check_host(host)?;
            let behind_host = host.len().saturating_add(decimal_len(port));
            if !resource.starts_with('/') {
                return Err(Fault::new(UriErrorKind::Resource, behind_host));
            }
            check_resource(resource).map_err(|fault| fault.after(behind_host))
        };
        check().map_err(|fault| {
            let scheme = if secure { "wss://" } else { "ws://" };
            let text = format!("{scheme}{host}:{port}{resource}");
            UriError::new(&text, fault.after(scheme.len()))
        })?;
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

    /// Returns whether both have the same origin: security of the scheme, host and port (RFC 6454
    /// §5).
    pub(crate) fn is_same_origin(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(&other.host)
            && (self.secure, self.port) == (other.secure, other.port)
    }

    /// Returns the URI for a log: without its query, in which tokens travel, and shortened.
    pub(crate) const fn redacted(&self) -> Redacted<'_> {
        Redacted(self)
    }

    /// Returns the URI, and the user name and password in front of its host as they are written.
    pub(super) fn with_userinfo(text: &str) -> Result<(Self, Option<&str>), UriError> {
        let userinfo = text.split_once("://").and_then(|(scheme, rest)| {
            let authority = rest.split(['/', '?', '#']).next()?;
            // At the last sign: else a part of the password would be looked up as the host.
            let (userinfo, _) = authority.rsplit_once('@')?;
            Some((scheme, userinfo, rest.get(userinfo.len()..)?.strip_prefix('@')?))
        });
        let Some((scheme, userinfo, rest)) = userinfo else {
            return Ok((Self::try_from(text)?, None));
        };
        let uri = Self::parse(&format!("{scheme}://{rest}")).map_err(|fault| {
            let is_in_scheme = fault.at < scheme.len().saturating_add(3);
            let hidden = if is_in_scheme { 0 } else { userinfo.len().saturating_add(1) };
            UriError::new(text, fault.after(hidden))
        })?;
        Ok((uri, Some(userinfo)))
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        use UriErrorKind as Kind;

        let (scheme, rest) = text.split_once("://").ok_or(Fault::new(Kind::Scheme, 0))?;
        let secure = match () {
            () if scheme.eq_ignore_ascii_case("ws") => false,
            () if scheme.eq_ignore_ascii_case("wss") => true,
            () => return Err(Fault::new(Kind::Scheme, 0)),
        };
        let start = scheme.len().saturating_add(3);
        if let Some(place) = rest.bytes().position(|octet| !octet.is_ascii()) {
            return Err(Fault::new(Kind::NonAscii, place).after(start));
        }
        if let Some(place) = rest.find('#') {
            return Err(Fault::new(Kind::Fragment, place).after(start));
        }
        let (authority, resource) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let Authority { host, port } =
            Authority::parse(authority).map_err(|fault| fault.after(start))?;
        let resource =
            resource.strip_suffix('?').filter(|path| !path.contains('?')).unwrap_or(resource);
        check_resource(resource).map_err(|fault| fault.after(authority.len()).after(start))?;
        let slash = if resource.starts_with('/') { "" } else { "/" };
        Ok(Self {
            secure,
            host: host.to_owned(),
            port: port.unwrap_or_else(|| default_port(secure)),
            resource: format!("{slash}{resource}"),
        })
    }
}

impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.is_same_origin(other) && self.resource == other.resource
    }
}

impl Eq for Uri {}

impl TryFrom<&str> for Uri {
    type Error = UriError;

    fn try_from(text: &str) -> Result<Self, UriError> {
        Self::parse(text).map_err(|fault| UriError::new(text, fault))
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
        write!(f, "Uri({})", self.redacted())
    }
}

/// Shows a URI without its query, and at most [`MAX_SHOWN`] bytes of its authority and of its path.
pub(crate) struct Redacted<'a>(&'a Uri);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Uri { secure, resource, .. } = self.0;
        let scheme = if *secure { "wss" } else { "ws" };
        let (path, query) = match resource.split_once('?') {
            Some((path, _)) => (path, "?[..]"),
            None => (resource.as_str(), ""),
        };
        let authority = self.0.authority();
        write!(f, "{scheme}://{}{}{query}", Shown(&authority), Shown(path))
    }
}

/// Text of which [`MAX_SHOWN`] bytes are shown.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut end = self.0.len().min(MAX_SHOWN);
        while !self.0.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        let more = if end < self.0.len() { "[..]" } else { "" };
        write!(f, "{}{more}", self.0.get(..end).unwrap_or_default())
    }
}

/// `host [ ":" port ]` (RFC 3986 §3.2.2, §3.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    pub(crate) host: &'a str,
    /// `None` also when a colon stands there without digits.
    pub(crate) port: Option<u16>,
}

impl<'a> Authority<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        Self::split(text).map_err(|fault| match text.contains('@') {
            true => Fault::new(UriErrorKind::Userinfo, 0),
            false => fault,
        })
    }

    fn split(text: &'a str) -> Result<Self, Fault> {
        // The colons of a literal address stand before its closing bracket.
        let literal = if text.starts_with('[') { text.find(']').unwrap_or(0) } else { 0 };
        let colon = text.bytes().skip(literal).position(|octet| octet == b':');
        let (host, port) = match colon.and_then(|colon| text.split_at_checked(literal + colon)) {
            Some((host, port)) => (host, port.strip_prefix(':').unwrap_or_default()),
            None => (text, ""),
        };
        check_host(host)?;
        let bad_port = Fault::new(UriErrorKind::Port, host.len().saturating_add(1));
        let port = match port {
            "" => None,
            digits if digits.bytes().all(|octet| octet.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| bad_port)?)
            }
            _ => return Err(bad_port),
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
fn check_host(host: &str) -> Result<(), Fault> {
    let fault = |at| Err(Fault::new(UriErrorKind::Host, at));
    if let Some(at) = host.bytes().position(|octet| !octet.is_ascii()) {
        return Err(Fault::new(UriErrorKind::NonAscii, at));
    }
    match host.strip_prefix('[') {
        Some(literal) => {
            let address = literal.strip_suffix(']');
            let valid = address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
            if valid { Ok(()) } else { fault(0) }
        }
        None if host.is_empty() => fault(0),
        None => first_invalid(host, is_name_octet).map_or(Ok(()), fault),
    }
}

/// Checks `path-abempty [ "?" query ]`.
fn check_resource(resource: &str) -> Result<(), Fault> {
    if let Some(at) = resource.bytes().position(|octet| !octet.is_ascii()) {
        return Err(Fault::new(UriErrorKind::NonAscii, at));
    }
    if let Some(at) = resource.find('#') {
        return Err(Fault::new(UriErrorKind::Fragment, at));
    }
    match first_invalid(resource, is_resource_octet) {
        Some(at) => Err(Fault::new(UriErrorKind::Resource, at)),
        None => Ok(()),
    }
}

/// Returns the place of the first byte that is neither allowed nor part of a percent-encoded one
/// (RFC 3986 §2.1).
#[allow(clippy::arithmetic_side_effects, reason = "the rest is a part of the text")]
fn first_invalid(text: &str, allowed: impl Fn(u8) -> bool) -> Option<usize> {
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return None,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            [octet, rest @ ..] if allowed(*octet) => rest,
            _ => return Some(text.len() - rest.len()),
        };
    }
}

/// Returns how many bytes a colon and a port take.
const fn decimal_len(port: u16) -> usize {
    match port {
        0..=9 => 2,
        10..=99 => 3,
        100..=999 => 4,
        1000..=9999 => 5,
        10_000.. => 6,
    }
}

fn is_resource_char(character: char) -> bool {
    u8::try_from(character).is_ok_and(is_resource_octet)
}

/// Whether the byte may stand in a path and a query (RFC 3986 §3.3, §3.4).
const fn is_resource_octet(octet: u8) -> bool {
    is_name_octet(octet) || matches!(octet, b':' | b'@' | b'/' | b'?')
}

/// Whether the byte is unreserved or a sub-delimiter (RFC 3986 §2.2, §2.3).
#[allow(clippy::indexing_slicing, reason = "one entry for each octet")]
pub(super) const fn is_name_octet(octet: u8) -> bool {
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

/// Why a text is no ws or wss URI (RFC 6455 §3), and where.
///
/// The message shows the URI, the place and, where there is one, a correction. User name, password
/// and query are never in it.
///
/// ```
/// use framewise::handshake::{Uri, UriErrorKind};
///
/// let error = Uri::try_from("127.0.0.1:9001").unwrap_err();
/// assert_eq!(error.kind(), UriErrorKind::Scheme);
/// assert_eq!(
///     error.to_string(),
///     "\"127.0.0.1:9001\" does not start with ws:// or wss://: did you mean ws://127.0.0.1:9001?"
/// );
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UriError(Box<Details>);

#[derive(Clone, PartialEq, Eq)]
struct Details {
    fault: Fault,
    /// The URI, without what is secret.
    uri: String,
    /// The character at the place.
    found: Option<char>,
    /// What was probably meant, without what is secret.
    suggestion: Option<String>,
}

/// The kinds of a [`UriError`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum UriErrorKind {
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
    /// There is a user name or password before the host, and nobody asked for them with
    /// [`ClientRequest::with_credentials`](super::ClientRequest::with_credentials).
    Userinfo,
}

/// What is wrong, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: UriErrorKind,
    at: usize,
}

impl Fault {
    const fn new(kind: UriErrorKind, at: usize) -> Self {
        Self { kind, at }
    }

    /// The same fault in a text that has `len` more bytes in front.
    #[allow(clippy::arithmetic_side_effects, reason = "both are places in one text")]
    const fn after(self, len: usize) -> Self {
        Self { at: self.at + len, ..self }
    }
}

impl UriError {
    #[cold]
    fn new(text: &str, fault: Fault) -> Self {
        let found = text.get(fault.at..).and_then(|rest| rest.chars().next());
        let suggestion = suggest(text, fault.kind).map(|uri| redact(&uri));
        Self(Box::new(Details { fault, uri: redact(text), found, suggestion }))
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn kind(&self) -> UriErrorKind {
        self.0.fault.kind
    }

    /// Returns where it is wrong: a number of bytes from the beginning of the text that was given.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.0.fault.at
    }
}

impl fmt::Debug for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UriError")
            .field("kind", &self.kind())
            .field("offset", &self.offset())
            .field("uri", &self.0.uri)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use UriErrorKind as Kind;

        let Details { fault: Fault { kind, at }, uri, found, suggestion } = &*self.0;
        // Quoted, and escaped where it could spoil a log.
        match (kind, found) {
            (Kind::Fragment, _) => write!(
                f,
                "{uri:?} has a fragment identifier at byte {at}, which no WebSocket URI has (%23 is a '#' that starts none)"
            )?,
            (Kind::Host, Some(found)) if !matches!(found, ':' | '/' | '?') => {
                write!(f, "{uri:?} has no valid host: wrong from {found:?} at byte {at}")?;
            }
            (Kind::Host, _) => write!(f, "{uri:?} has no valid host at byte {at}")?,
            (Kind::NonAscii, _) => write!(
                f,
                "{uri:?} is not ASCII at byte {at}: a host is written in punycode, all else percent-encoded"
            )?,
            (Kind::Port, _) => {
                write!(f, "{uri:?} has no valid port at byte {at}: a number from 0 to 65535")?;
            }
            (Kind::Resource, Some('%')) => {
                write!(
                    f,
                    "{uri:?} has a '%' without two hexadecimal digits at byte {at} (%25 is a '%')"
                )?;
            }
            (Kind::Resource, Some(found)) if !is_resource_char(*found) => {
                let code = u32::from(*found);
                write!(f, "{uri:?} has {found:?} at byte {at}, which is written %{code:02X}")?;
            }
            (Kind::Resource, _) => {
                write!(f, "{uri:?} has a path that does not start with '/' at byte {at}")?;
            }
            (Kind::Scheme, _) => write!(f, "{uri:?} does not start with ws:// or wss://")?,
            (Kind::Userinfo, _) => write!(
                f,
                "{uri:?} has a user name or password at byte {at}: ClientRequest::with_credentials sends them"
            )?,
        }
        match suggestion {
            Some(uri) => write!(f, ": did you mean {uri}?"),
            None => Ok(()),
        }
    }
}

impl Error for UriError {}

/// Returns a URI that was probably meant.
fn suggest(text: &str, kind: UriErrorKind) -> Option<String> {
    use UriErrorKind as Kind;

    // What is cut off in front of an at sign would be a part of a password.
    if text.contains('@') || text.len() > MAX_CORRECTED {
        return None;
    }
    let uri = match kind {
        Kind::Fragment => text.split('#').next()?.to_owned(),
        Kind::Scheme => with_scheme(text.trim()),
        Kind::Host => with_brackets(text)?,
        Kind::NonAscii | Kind::Resource => {
            let start = text.find("://")?.saturating_add(3);
            let resource = start.saturating_add(text.get(start..)?.find(['/', '?'])?);
            let (authority, resource) = text.split_at_checked(resource)?;
            let mut uri = authority.to_owned();
            for octet in resource.bytes() {
                match octet {
                    b'%' => return None,
                    _ if is_resource_octet(octet) => uri.push(octet.into()),
                    _ => uri.push_str(&format!("%{octet:02X}")),
                }
            }
            uri
        }
        Kind::Port | Kind::Userinfo => return None,
    };
    // Two mistakes at once, perhaps: brackets may be missing, too.
    [with_brackets(&uri), Some(uri)].into_iter().flatten().find(|uri| Uri::parse(uri).is_ok())
}

/// Replaces the scheme by the WebSocket one that goes with it.
fn with_scheme(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some(parts) => parts,
        None => match text.split_once(':') {
            // `ws:host` and `ws:/host`.
            Some((scheme @ ("ws" | "wss"), rest)) => (scheme, rest.trim_start_matches('/')),
            _ => ("", text.trim_start_matches('/')),
        },
    };
    let secure = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("wss");
    format!("{}://{rest}", if secure { "wss" } else { "ws" })
}

/// Puts an IPv6 address in brackets.
fn with_brackets(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let (authority, resource) =
        rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
    let is_address = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    // What ends like an address and a usual port mostly is that.
    if let Some((address, port)) = authority.rsplit_once(':')
        && is_address(address)
        && (port.len() >= 4 || matches!(port, "80" | "443"))
        && port.parse::<u16>().is_ok()
    {
        return Some(format!("{scheme}://[{address}]:{port}{resource}"));
    }
    is_address(authority).then(|| format!("{scheme}://[{authority}]{resource}"))
}

/// Returns the text without user name, password and query, and shortened.
pub(super) fn redact(text: &str) -> String {
    let start = text.find("://").map_or(0, |place| place.saturating_add(3));
    let (scheme, rest) = text.split_at_checked(start).unwrap_or(("", text));
    // A password may have a slash or a question mark in it, so any at sign may end it.
    let (hidden, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("[..]@", rest),
        None => ("", rest),
    };
    let (shown, query) = match rest.split_once('?') {
        Some((shown, query)) => (shown, if query.is_empty() { "?" } else { "?[..]" }),
        None => (rest, ""),
    };
    format!("{scheme}{hidden}{}{query}", Shown(shown))
}

/// How long a URI may be for which a correction is looked for.
const MAX_CORRECTED: usize = 2 << 10;

/// How many bytes of a wrong URI are shown.
const MAX_SHOWN: usize = 200;

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
