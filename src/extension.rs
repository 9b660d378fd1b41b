//! The grammar of `Sec-WebSocket-Extensions` (RFC 6455 §9.1).
//!
//! The parser is written by hand and looks at every byte once or twice, whatever the peer sends.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use alloc::{borrow::Cow, string::String};
use core::{error::Error, fmt, iter::FusedIterator};

use crate::token::is_token_octet;

/// One element of an extension list: a name and its parameters.
///
/// Names are compared exactly: RFC 6455 does not say that case is ignored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    name: &'a str,
    params: &'a [u8],
}

impl<'a> Extension<'a> {
    /// Returns the name of the extension, a token.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// Returns the parameters, in order.
    #[must_use]
    pub const fn params(&self) -> Params<'a> {
        Params { cursor: Cursor { rest: self.params } }
    }
}

impl fmt::Debug for Extension<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extension")
            .field("name", &self.name)
            .field("params", &self.params())
            .finish()
    }
}

/// One parameter of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    name: &'a str,
    value: Option<&'a str>,
}

impl<'a> Param<'a> {
    /// Returns the name of the parameter, a token.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// Returns the value, a token; `None` when the parameter has none.
    ///
    /// A quoted value is given without the quotes. It is borrowed unless it holds a backslash.
    #[must_use]
    pub fn value(&self) -> Option<Cow<'a, str>> {
        let raw = self.value?;
        if !raw.contains('\\') {
            return Some(Cow::Borrowed(raw));
        }
        // A backslash is no token character, so each one here is the first byte of a quoted pair.
        Some(Cow::Owned(raw.chars().filter(|c| *c != '\\').collect::<String>()))
    }
}

/// Iterates over the elements of one `Sec-WebSocket-Extensions` value.
///
/// Empty elements are skipped (RFC 2616 §2.1); white space is allowed around every separator. After
/// an error the iterator ends. A list that is spread over several header lines means the same as
/// the lines one after another, so each line is parsed for itself.
///
/// ```
/// use framewise::handshake::ExtensionList;
///
/// let mut list = ExtensionList::new(b"mux; max-channels=4; flow-control, deflate-stream");
/// let mux = list.next().unwrap()?;
/// assert_eq!(mux.name(), "mux");
/// let params: Vec<_> = mux.params().map(|param| (param.name(), param.value())).collect();
/// assert_eq!(params, [("max-channels", Some("4".into())), ("flow-control", None)]);
/// assert_eq!(list.next().unwrap()?.name(), "deflate-stream");
/// assert!(list.next().is_none());
/// # Ok::<(), framewise::handshake::ExtensionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExtensionList<'a> {
    cursor: Cursor<'a>,
}

impl<'a> ExtensionList<'a> {
    /// Starts at the front of a header value.
    #[must_use]
    pub const fn new(value: &'a [u8]) -> Self {
        Self { cursor: Cursor { rest: value } }
    }
}

impl<'a> Iterator for ExtensionList<'a> {
    type Item = Result<Extension<'a>, ExtensionError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.cursor.eat(b',') {}
        if self.cursor.rest.is_empty() {
            return None;
        }
        let extension = self.cursor.extension();
        if extension.is_none() {
            self.cursor.rest = &[];
        }
        Some(extension.ok_or(ExtensionError))
    }
}

impl FusedIterator for ExtensionList<'_> {}

/// Iterates over the parameters of an extension.
#[derive(Clone)]
pub struct Params<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Iterator for Params<'a> {
    type Item = Param<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        // The text was checked when the extension was made.
        let (name, value) = self.cursor.param()??;
        Some(Param { name: text(name), value: value.map(text) })
    }
}

impl FusedIterator for Params<'_> {}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// The value of a `Sec-WebSocket-Extensions` violates its grammar (RFC 6455 §9.1).
///
/// ```
/// use framewise::handshake::{ExtensionError, ExtensionList};
///
/// let mut list = ExtensionList::new(b"permessage-deflate; client_max_window_bits=");
/// assert_eq!(list.next(), Some(Err(ExtensionError)));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs, reason = "a grammar is kept or violated")]
pub struct ExtensionError;

impl fmt::Display for ExtensionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sec-WebSocket-Extensions is malformed")
    }
}

impl Error for ExtensionError {}

/// The name and the value of a parameter.
type RawParam<'a> = (&'a [u8], Option<&'a [u8]>);

/// The rest of a value that is being parsed. It never starts with white space, except before the
/// first look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// `token *( ";" extension-param )`, up to a comma or the end.
    fn extension(&mut self) -> Option<Extension<'a>> {
        let name = text(self.token()?);
        let params = self.rest;
        while self.param()?.is_some() {}
        if !matches!(self.rest, [] | [b',', ..]) {
            return None;
        }
        let params = params.get(..params.len().saturating_sub(self.rest.len()))?;
        Some(Extension { name, params })
    }

    /// `";" token [ "=" ( token / quoted-string ) ]`. `Some(None)` where no semicolon stands,
    /// `None` for bad grammar.
    fn param(&mut self) -> Option<Option<RawParam<'a>>> {
        if !self.eat(b';') {
            return Some(None);
        }
        let name = self.token()?;
        let value = match self.eat(b'=') {
            false => None,
            true if self.rest.first() == Some(&b'"') => Some(self.quoted()?),
            true => Some(self.token()?),
        };
        Some(Some((name, value)))
    }

    fn token(&mut self) -> Option<&'a [u8]> {
        self.skip_space();
        let len =
            self.rest.iter().position(|octet| !is_token_octet(*octet)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(len);
        self.rest = rest;
        self.skip_space();
        Some(token).filter(|token| !token.is_empty())
    }

    /// A quoted string, without its quotes. "When using the quoted-string syntax variant, the value
    /// after quoted-string unescaping MUST conform to the 'token' ABNF", so only token characters
    /// stand in it, escaped or not.
    #[allow(clippy::arithmetic_side_effects, reason = "the length never exceeds that of the body")]
    fn quoted(&mut self) -> Option<&'a [u8]> {
        let body = self.rest.strip_prefix(b"\"")?;
        let mut len = 0;
        loop {
            match *body.get(len..)? {
                [b'"', ref rest @ ..] => {
                    self.rest = rest;
                    self.skip_space();
                    return body.get(..len).filter(|value| !value.is_empty());
                }
                [b'\\', octet, ..] if is_token_octet(octet) => len += 2,
                [octet, ..] if is_token_octet(octet) => len += 1,
                _ => return None,
            }
        }
    }

    /// Steps over a separator and the white space on both sides of it.
    fn eat(&mut self, separator: u8) -> bool {
        self.skip_space();
        let [first, rest @ ..] = self.rest else {
            return false;
        };
        if *first != separator {
            return false;
        }
        self.rest = rest;
        self.skip_space();
        true
    }

    fn skip_space(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }
}

/// The text of what was found to be token characters, and backslashes.
fn text(octets: &[u8]) -> &str {
    core::str::from_utf8(octets).unwrap_or_default()
}
