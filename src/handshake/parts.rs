//! What a request must say to be a valid opening handshake (RFC 6455 §4.2.1, RFC 8441 §5).

use alloc::vec::Vec;

use super::{
    HandshakeError, extensions,
    http::headers::{Headers, Span, elements},
    key::Key,
    uri::{self, Authority},
};
use crate::token;

/// What a valid request says, as places in its header fields.
pub(super) struct Parts {
    pub(super) resource: Span,
    pub(super) host: Span,
    pub(super) origin: Option<Span>,
    /// Not there over HTTP/2 and HTTP/3.
    pub(super) key: Option<Key>,
    pub(super) expects_continue: bool,
    /// Whether the request says that it came as `https`, or came over TLS.
    pub(super) secure: bool,
}

impl Parts {
    /// Checks a request to upgrade (RFC 6455 §4.2.1).
    #[inline]
    pub(super) fn of_upgrade(headers: &mut Headers, target: Span) -> Result<Self, HandshakeError> {
        let fields = Fields::read(headers);
        let secure = is_https(headers.slice(target));
        let (resource, authority) = split_target(headers, target)?;
        let host =
            check_authority(headers, fields.host.only().ok_or(HandshakeError::InvalidHost)?)?;
        fields.check_body()?;
        if !fields.upgrade {
            return Err(HandshakeError::InvalidUpgrade);
        }
        if !fields.connection {
            return Err(HandshakeError::InvalidConnection);
        }
        fields.check_version(headers)?;
        let key = fields.key.only().and_then(|key| Key::parse(headers.slice(key)));
        let key = Some(key.ok_or(HandshakeError::InvalidKey)?);
        let origin = fields.check_rest(headers)?;
        // "Host" is not looked at when the target names an authority (RFC 9112 §3.2.2).
        let host = authority.unwrap_or(host);
        let expects_continue = fields.expects_continue;
        Ok(Self { resource, host, origin, key, expects_continue, secure })
    }

    /// Checks an extended CONNECT (RFC 8441 §5).
    pub(super) fn of_connect(
        headers: &mut Headers,
        target: Span,
        authority: Option<Span>,
    ) -> Result<Self, HandshakeError> {
        let fields = Fields::read(headers);
        let secure = is_https(headers.slice(target));
        let (resource, target_authority) = split_target(headers, target)?;
        let host = target_authority
            .or(authority)
            .or_else(|| fields.host.only())
            .ok_or(HandshakeError::InvalidHost)?;
        let host = check_authority(headers, host)?;
        fields.check_body()?;
        fields.check_version(headers)?;
        let origin = fields.check_rest(headers)?;
        Ok(Self { resource, host, origin, key: None, expects_continue: false, secure })
    }
}

/// Returns whether a request target is a whole URI of the scheme `https`.
fn is_https(target: &[u8]) -> bool {
    target.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"https://"))
}

/// What one walk over the header fields finds.
#[derive(Default)]
struct Fields {
    host: Single,
    key: Single,
    origin: Single,
    version: Single,
    body: bool,
    connection: bool,
    expects_continue: bool,
    extensions: Single,
    subprotocols: Single,
    upgrade: bool,
}

impl Fields {
    fn read(headers: &Headers) -> Self {
        let mut fields = Self::default();
        for field in headers.fields() {
            let name = headers.slice(field.name);
            let value = headers.slice(field.value);
            let is = |other: &[u8]| same(name, other);
            // Mostly the token is the whole list.
            let lists = |token: &[u8]| {
                same(value, token)
                    || elements(value).any(|element| element.eq_ignore_ascii_case(token))
            };
            match name.len() {
                4 if is(b"Host") => fields.host.add(field.value),
                6 if is(b"Origin") => fields.origin.add(field.value),
                6 if is(b"Expect") => fields.expects_continue |= lists(b"100-continue"),
                7 if is(b"Upgrade") => fields.upgrade |= lists(b"websocket"),
                10 if is(b"Connection") => fields.connection |= lists(b"Upgrade"),
                14 if is(b"Content-Length") => {
                    fields.body |= value.is_empty() || value.iter().any(|digit| *digit != b'0')
                }
                17 if is(b"Sec-WebSocket-Key") => fields.key.add(field.value),
                17 if is(b"Transfer-Encoding") => fields.body = true,
                21 if is(b"Sec-WebSocket-Version") => fields.version.add(field.value),
                22 if is(b"Sec-WebSocket-Protocol") => fields.subprotocols.add(field.value),
                24 if is(b"Sec-WebSocket-Extensions") => fields.extensions.add(field.value),
                _ => {}
            }
        }
        fields
    }

    /// A body would stand where the frames begin: readers on the way could disagree about what it
    /// is.
    const fn check_body(&self) -> Result<(), HandshakeError> {
        if self.body { Err(HandshakeError::RequestBody) } else { Ok(()) }
    }

    /// The version is 13, and only that: 0 to 255 without leading zeros are versions (RFC 6455
    /// §4.3).
    fn check_version(&self, headers: &Headers) -> Result<(), HandshakeError> {
        let value = headers.slice(self.version.only().ok_or(HandshakeError::InvalidVersion)?);
        match value {
            b"13" => Ok(()),
            _ if super::version(value).is_some() => Err(HandshakeError::UnsupportedVersion),
            _ => Err(HandshakeError::InvalidVersion),
        }
    }

    /// Checks the optional fields, and returns the origin.
    fn check_rest(&self, headers: &Headers) -> Result<Option<Span>, HandshakeError> {
        if self.origin.repeated {
            return Err(HandshakeError::InvalidOrigin);
        }
        if self.subprotocols.span.is_some() {
            check_subprotocols(|| self.subprotocols.values(headers, "Sec-WebSocket-Protocol"))?;
        }
        if self.extensions.span.is_some() {
            extensions::check(self.extensions.values(headers, extensions::NAME))?;
        }
        Ok(self.origin.span)
    }
}

/// A field that is mostly not repeated, or must not be.
#[derive(Default)]
struct Single {
    span: Option<Span>,
    repeated: bool,
}

impl Single {
    const fn add(&mut self, value: Span) {
        self.repeated = self.span.is_some();
        self.span = Some(value);
    }

    fn only(&self) -> Option<Span> {
        self.span.filter(|_| !self.repeated)
    }

    /// The values of all fields of this name, for which the list is searched only if there are
    /// several.
    fn values<'h>(
        &self,
        headers: &'h Headers,
        name: &'static str,
    ) -> impl Iterator<Item = &'h [u8]> {
        let only = self.only().map(|span| headers.slice(span));
        let all = self.repeated.then(|| headers.values(name));
        only.into_iter().chain(all.into_iter().flatten())
    }
}

/// Compares without regard to case, which mostly is that of RFC 6455 already. Comparing with a
/// constant as it is takes a few instructions: 290 and not 630 for the shortest request.
#[inline]
fn same(text: &[u8], constant: &[u8]) -> bool {
    text == constant || text.eq_ignore_ascii_case(constant)
}

/// Finds the resource name in a request target, and the authority if the target is a whole URI.
fn split_target(
    headers: &mut Headers,
    target: Span,
) -> Result<(Span, Option<Span>), HandshakeError> {
    let text = headers.slice(target);
    // Browsers leave some characters as they are that RFC 3986 would have encoded, so only those
    // are refused that could not have come from a resource name at all.
    if !text.iter().all(|octet| matches!(octet, b'!'..=b'~') && *octet != b'#') {
        return Err(HandshakeError::InvalidTarget);
    }
    if text.starts_with(b"/") {
        return Ok((target, None));
    }
    let scheme_len = text.iter().position(|octet| *octet == b':').unwrap_or(0);
    let (scheme, rest) = text.split_at(scheme_len);
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return Err(HandshakeError::InvalidTarget);
    }
    let Some(rest) = rest.strip_prefix(b"://") else {
        return Err(HandshakeError::InvalidTarget);
    };
    let len = rest.iter().position(|octet| matches!(octet, b'/' | b'?')).unwrap_or(rest.len());
    let start = target.end - rest.len();
    let authority = Span { start, end: start + len };
    check_authority(headers, authority).map_err(|_| HandshakeError::InvalidTarget)?;
    let resource = Span { start: authority.end, end: target.end };
    if headers.slice(resource).starts_with(b"/") {
        return Ok((resource, Some(authority)));
    }
    let resource = [b"/", headers.slice(resource)].concat();
    Ok((headers.store(&resource), Some(authority)))
}

fn check_authority(headers: &Headers, authority: Span) -> Result<Span, HandshakeError> {
    let octets = headers.slice(authority);
    if uri::is_plain_authority(octets) {
        return Ok(authority);
    }
    let text = core::str::from_utf8(octets).map_err(|_| HandshakeError::InvalidHost)?;
    Authority::parse(text).map_err(|_| HandshakeError::InvalidHost)?;
    Ok(authority)
}

/// Checks `1#token` without repetitions.
fn check_subprotocols<'h, I: Iterator<Item = &'h [u8]>>(
    lines: impl Fn() -> I,
) -> Result<(), HandshakeError> {
    let names = || lines().flat_map(elements);
    let mut few = [&[][..]; FEW];
    let mut count = 0;
    for name in names() {
        if !token::is_token(name) || few.iter().take(count).any(|other| *other == name) {
            return Err(HandshakeError::InvalidSubprotocol);
        }
        if let Some(place) = few.get_mut(count) {
            *place = name;
        }
        count += 1;
    }
    if count == 0 || (count > FEW && has_repetition(names().collect())) {
        return Err(HandshakeError::InvalidSubprotocol);
    }
    Ok(())
}

/// Whether a name is there twice. Sorting keeps that from taking quadratic time.
fn has_repetition(mut names: Vec<&[u8]>) -> bool {
    names.sort_unstable();
    !names.is_sorted_by(|one, next| one < next)
}

/// How many subprotocols are compared without an allocation.
const FEW: usize = 8;
