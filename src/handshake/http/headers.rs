//! Header fields of a request or a response, in the order and case in which they were written (RFC
//! 9110 §5).

use alloc::vec::Vec;
use core::{error::Error, fmt};

use crate::token::is_token;

/// An ordered list of header fields.
///
/// Names keep their case and are compared without regard to it. Lines with the same name stay apart. Values
/// are bytes without the white space around them, because HTTP does not define their encoding. Names and
/// values have no control characters, so a list of header fields cannot break out of its head. One buffer
/// holds them all.
///
/// `Debug` hides the values of fields that carry credentials.
///
/// ```
/// use framewise::handshake::Headers;
///
/// let mut headers = Headers::new();
/// headers.append("Set-Cookie", "a=1")?;
/// headers.append("set-cookie", "b=2")?;
/// assert_eq!(headers.get("SET-COOKIE"), Some(&b"a=1"[..]));
/// assert_eq!(headers.values("Set-Cookie").count(), 2);
/// assert!(headers.append("X", "a\r\nInjected: 1").is_err());
/// # Ok::<(), framewise::handshake::HeaderError>(())
/// ```
#[derive(Clone, Default)]
pub struct Headers {
    bytes: Vec<u8>,
    fields: Vec<Field>,
}

impl Headers {
    /// Makes an empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), fields: Vec::new() }
    }

    /// Wraps the bytes of a head and the places of the fields in it, all of them checked by the
    /// parser.
    pub(in crate::handshake) const fn from_parts(bytes: Vec<u8>, fields: Vec<Field>) -> Self {
        Self { bytes, fields }
    }

    /// Adds a field at the end. Spaces and tabs around the value are not kept.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Name`] when the name is not a token (RFC 9110 §5.1), [`HeaderError::Value`]
    /// when the value holds a control character other than the horizontal tab (RFC 9110 §5.5). The
    /// list is unchanged then.
    pub fn append(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
        let value = trim(value.as_ref());
        if !is_token(name.as_bytes()) {
            return Err(HeaderError::Name);
        }
        if !value.iter().copied().all(is_field_octet) {
            return Err(HeaderError::Value);
        }
        self.push(name, value);
        Ok(())
    }

    /// Returns a list without the fields of these names.
    pub(in crate::handshake) fn without(&self, names: &[&str]) -> Self {
        let mut headers = Self::new();
        self.iter()
            .filter(|(name, _)| !names.iter().any(|other| name.eq_ignore_ascii_case(other)))
            .for_each(|(name, value)| headers.push(name, value));
        headers
    }

    /// Adds a field whose name and value are already validated.
    pub(in crate::handshake) fn push(&mut self, name: &str, value: &[u8]) {
        let name = self.store(name.as_bytes());
        let value = self.store(value);
        self.fields.push(Field { name, value });
    }

    /// Keeps bytes that are no field beside the fields, and says where they are.
    pub(in crate::handshake) fn store(&mut self, bytes: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        Span { start, end: self.bytes.len() }
    }

    /// Returns the number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Returns whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Returns whether a field of this name exists.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns the value of the first field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.values(name).next()
    }

    /// Returns the value of the first field of this name, when it is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        core::str::from_utf8(self.get(name)?).ok()
    }

    /// Returns the values of all fields of this name, in order.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |field| self.slice(field.name).eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| self.slice(field.value))
    }

    /// Returns the elements of a comma-separated list, over all fields of this name (RFC 9110 §5.3,
    /// §5.6.1).
    ///
    /// Elements come without white space around them; empty ones are skipped. Quoted strings are
    /// not looked at: this is for lists of tokens.
    pub fn elements<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.values(name).flat_map(elements)
    }

    /// Returns all fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|field| (self.ascii(field.name), self.slice(field.value)))
    }

    /// Returns the places of all fields.
    pub(in crate::handshake) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Returns the bytes at a place in this list.
    #[allow(
        clippy::indexing_slicing,
        reason = "spans are only made by `store` and by the parser of the head that this buffer is"
    )]
    pub(in crate::handshake) fn slice(&self, span: Span) -> &[u8] {
        &self.bytes[span.start..span.end]
    }

    /// Returns the text at a place that was checked to hold US-ASCII.
    pub(in crate::handshake) fn ascii(&self, span: Span) -> &str {
        core::str::from_utf8(self.slice(span)).unwrap_or_default()
    }

    /// Writes the fields as lines of a head.
    pub(in crate::handshake) fn write_to(&self, head: &mut Vec<u8>) {
        for field in &self.fields {
            head.extend_from_slice(self.slice(field.name));
            head.extend_from_slice(b": ");
            head.extend_from_slice(self.slice(field.value));
            head.extend_from_slice(b"\r\n");
        }
    }

    /// Returns the number of bytes that `write_to` adds.
    pub(in crate::handshake) fn written_len(&self) -> usize {
        self.fields.iter().map(|field| field.name.len() + field.value.len() + 4).sum()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.iter() {
            if is_secret(name) {
                map.entry(&name, &format_args!("[{} octets]", value.len()));
            } else {
                map.entry(&name, &format_args!("\"{}\"", value.escape_ascii()));
            }
        }
        map.finish()
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

/// Where a field lies in the buffer of its list.
#[derive(Clone, Copy, Debug)]
pub(in crate::handshake) struct Field {
    pub(in crate::handshake) name: Span,
    pub(in crate::handshake) value: Span,
}

/// A range of bytes. (`Range` is not `Copy`.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::handshake) struct Span {
    pub(in crate::handshake) start: usize,
    pub(in crate::handshake) end: usize,
}

impl Span {
    /// Returns the place of `part` in `whole`. It must be a piece of it.
    pub(in crate::handshake) fn of(part: &[u8], whole: &[u8]) -> Self {
        let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
        Self { start, end: start + part.len() }
    }

    pub(in crate::handshake) const fn len(self) -> usize {
        self.end - self.start
    }
}

/// Returns the non-empty elements of one comma-separated value (RFC 9110 §5.6.1).
pub(in crate::handshake) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|octet| *octet == b',').map(trim).filter(|element| !element.is_empty())
}

/// Returns the bytes without the white space of HTTP around them, which is not that of ASCII: a
/// line end at the end of a value is an error and not space (RFC 9110 §5.5, §5.6.3).
pub(in crate::handshake) fn trim(mut octets: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = octets {
        octets = rest;
    }
    octets
}

/// Whether the byte may stand in a field value: no control characters but the tab (RFC 9110 §5.5).
const fn is_field_octet(octet: u8) -> bool {
    octet == b'\t' || (octet >= b' ' && octet != 0x7f)
}

/// Whether values of this field do not belong in logs.
pub(crate) fn is_secret(name: &str) -> bool {
    SECRET_NAMES.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

/// Fields that carry credentials. Browsers have no other place for a token than the list of
/// subprotocols.
const SECRET_NAMES: [&str; 5] =
    ["Authorization", "Cookie", "Proxy-Authorization", "Sec-WebSocket-Protocol", "Set-Cookie"];

/// Why a header field cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name is not a token (RFC 9110 §5.1).
    Name,
    /// The handshake writes this field itself.
    Protected,
    /// The value holds a control character (RFC 9110 §5.5).
    Value,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the header name is not a token",
            Self::Protected => "the handshake writes this header itself",
            Self::Value => "the header value holds a control character",
        })
    }
}

impl Error for HeaderError {}
