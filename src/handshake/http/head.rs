//! The head of a request or response: from bytes that arrive in any pieces to places of fields
//! (RFC 9112 §2 to §5).
//!
//! Every byte is looked at once while the head is incomplete, and the complete head is parsed
//! once, so the work is linear however the peer cuts it. What `httparse` would let pass is refused:
//! line ends other than CR LF, control characters, and folded lines in requests (in responses, they
//! are unfolded).

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use alloc::{vec, vec::Vec};
use core::mem::MaybeUninit;

use httparse::{Header, Status};

use super::{
    super::{FirstBytes, HandshakeError, HttpVersion},
    headers::{Field, Span},
};
use crate::{config::Config, input::Input, token::is_token_octet};

/// Collects the bytes of one head.
#[derive(Debug)]
pub(in crate::handshake) struct Collector {
    bytes: Vec<u8>,
    /// Bytes seen, with the empty lines before a request.
    total: usize,
    place: Position,
    /// Bytes looked at by `collect`, to show in a test that none is looked at twice.
    #[cfg(test)]
    pub(in crate::handshake) work: usize,
}

impl Collector {
    /// Waits for a request: empty lines before it are skipped (RFC 9112 §2.2).
    pub(in crate::handshake) const fn request() -> Self {
        Self::at(Position::EmptyLine)
    }

    /// Waits for a response.
    pub(in crate::handshake) const fn response() -> Self {
        Self::at(Position::First)
    }

    const fn at(place: Position) -> Self {
        Self {
            bytes: Vec::new(),
            total: 0,
            place,
            #[cfg(test)]
            work: 0,
        }
    }

    /// Returns whether nothing came yet.
    pub(in crate::handshake) const fn is_fresh(&self) -> bool {
        self.total == 0
    }

    /// Takes bytes from the input up to the end of the head, and returns the head when it is
    /// complete.
    #[allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "what is taken, and skipped before it, is a part of `bytes`"
    )]
    pub(in crate::handshake) fn collect(
        &mut self,
        input: &mut Input<'_>,
        config: &Config,
    ) -> Result<Option<Vec<u8>>, HandshakeError> {
        let room = config.max_head_size.saturating_sub(self.total);
        let bytes = input.as_slice();
        let bytes = &bytes[..bytes.len().min(room)];
        let mut taken = 0;
        let mut skipped = 0;
        while let Some(octet) = bytes.get(taken)
            && self.place != Position::End
        {
            taken += 1;
            self.place = match self.place.after(*octet) {
                Some(place) => place,
                None => return Err(self.refuse(input)),
            };
            if matches!(self.place, Position::StartLine | Position::Line) {
                // Up to the end of the line only bytes follow that change nothing.
                taken += plain_len(&bytes[taken..]);
            }
            if matches!(self.place, Position::EmptyLine | Position::EmptyLineCr) {
                skipped = taken;
            }
        }
        self.bytes.extend_from_slice(&bytes[skipped..taken]);
        self.total += taken;
        #[cfg(test)]
        {
            self.work += taken;
        }
        input.take(taken);
        if self.place == Position::End {
            return Ok(Some(core::mem::take(&mut self.bytes)));
        }
        if self.total >= config.max_head_size {
            return Err(self.too_large());
        }
        Ok(None)
    }

    /// Returns the error for a byte in `input` that is wrong at this place.
    #[cold]
    fn refuse(&self, input: &Input<'_>) -> HandshakeError {
        match self.place {
            Position::First | Position::H | Position::Ht | Position::Htt | Position::Http => {
                HandshakeError::NotHttp(FirstBytes::new(self.bytes.iter().chain(input.as_slice())))
            }
            _ => HandshakeError::InvalidHead,
        }
    }

    fn too_large(&self) -> HandshakeError {
        match self.place {
            Position::Method | Position::StartLine | Position::StartLineCr => {
                HandshakeError::TargetTooLong
            }
            _ => HandshakeError::HeadTooLarge,
        }
    }
}

/// Where the parts of a request head lie.
#[derive(Debug)]
pub(in crate::handshake) struct RequestLayout {
    pub(in crate::handshake) len: usize,
    pub(in crate::handshake) method: Span,
    pub(in crate::handshake) version: HttpVersion,
    pub(in crate::handshake) target: Span,
    pub(in crate::handshake) fields: Vec<Field>,
}

/// Parses the head of a request at the front of `bytes`; `None` when its end is not there.
pub(in crate::handshake) fn parse_request(
    bytes: &[u8],
    max_headers: usize,
) -> Result<Option<RequestLayout>, HandshakeError> {
    let layout = with_headers(bytes, max_headers, |headers| {
        let mut request = httparse::Request::new(&mut []);
        let Status::Complete(len) = request.parse_with_uninit_headers(bytes, headers)? else {
            return Ok(None);
        };
        let version = match request.version {
            Some(0) => HttpVersion::Http10,
            _ => HttpVersion::Http11,
        };
        let (Some(method), Some(target)) = (request.method, request.path) else {
            return Ok(None);
        };
        let method = Span::of(method.as_bytes(), bytes);
        let target = Span::of(target.as_bytes(), bytes);
        let fields = spans(request.headers, bytes);
        Ok(Some(RequestLayout { len, method, version, target, fields }))
    })
    .map_err(|error| head_error(error, bytes))?;
    match &layout {
        Some(layout) if !lines_are_strict(bytes, layout) => Err(HandshakeError::InvalidHead),
        _ => Ok(layout),
    }
}

/// Where the parts of a response head lie.
#[derive(Debug)]
pub(in crate::handshake) struct ResponseLayout {
    pub(in crate::handshake) status: u16,
    pub(in crate::handshake) reason: Span,
    pub(in crate::handshake) fields: Vec<Field>,
}

/// Parses the complete head of a response, in which folded lines become one first (RFC 9112 §5.2).
/// Only a 101 needs HTTP/1.1.
pub(in crate::handshake) fn parse_response(
    bytes: &mut [u8],
    max_headers: usize,
) -> Result<ResponseLayout, HandshakeError> {
    unfold(bytes)?;
    lower_minor_version(bytes.get_mut(..VERSION_LEN - 1));
    let bytes = &*bytes;
    let layout = with_headers(bytes, max_headers, |headers| {
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        config.parse_response_with_uninit_headers(&mut response, bytes, headers)?;
        Ok((response.code, response.version, spans(response.headers, bytes)))
    })
    .map_err(|error| head_error(error, bytes))?;
    match layout {
        (Some(101), Some(0), _) => Err(HandshakeError::UnsupportedHttpVersion),
        (Some(status @ 100..), _, fields) => {
            Ok(ResponseLayout { status, reason: reason(bytes), fields })
        }
        _ => Err(HandshakeError::InvalidHead),
    }
}

/// Changes a minor version of a request that `httparse` does not know into 1, since HTTP/1.x is
/// understood by all that understand HTTP/1.1 (RFC 9110 §2.5).
pub(in crate::handshake) fn lower_request_version(request: &mut [u8]) {
    let end = request.iter().position(|octet| *octet == b'\r').unwrap_or(0);
    let start = end.checked_sub(VERSION_LEN - 1);
    lower_minor_version(start.and_then(|start| request.get_mut(start..end)));
}

fn lower_minor_version(version: Option<&mut [u8]>) {
    if let Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'2'..=b'9']) = version {
        *minor = b'1';
    }
}

/// The place in a head, as far as the end of lines matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// Before a request, after any number of empty lines.
    EmptyLine,
    EmptyLineCr,
    /// In the method of a request.
    Method,
    /// Before the first byte of a response.
    First,
    /// After the first bytes of a response, up to the slash of `HTTP/`.
    H,
    Ht,
    Htt,
    Http,
    StartLine,
    StartLineCr,
    LineStart,
    Line,
    LineCr,
    LastCr,
    End,
}

impl Position {
    /// Goes over one byte, or returns `None` to refuse it.
    ///
    /// Refuses at once what cannot become a head, so that a peer of another protocol does not run
    /// into the timeout: a byte that is not in a method or in `HTTP/`, a CR or LF alone, and all
    /// other control characters but the tab.
    fn after(self, octet: u8) -> Option<Self> {
        match (self, octet) {
            (Self::EmptyLine, b'\r') => Some(Self::EmptyLineCr),
            (Self::EmptyLineCr, b'\n') => Some(Self::EmptyLine),
            (Self::Method, b' ') => Some(Self::StartLine),
            (Self::EmptyLine | Self::Method, _) if is_token_octet(octet) => Some(Self::Method),
            (Self::First, b'H') => Some(Self::H),
            (Self::H, b'T') => Some(Self::Ht),
            (Self::Ht, b'T') => Some(Self::Htt),
            (Self::Htt, b'P') => Some(Self::Http),
            (Self::Http, b'/') => Some(Self::StartLine),
            (Self::StartLine, b'\r') => Some(Self::StartLineCr),
            (Self::Line, b'\r') => Some(Self::LineCr),
            (Self::LineStart, b'\r') => Some(Self::LastCr),
            (Self::StartLineCr | Self::LineCr, b'\n') => Some(Self::LineStart),
            (Self::LastCr, b'\n') => Some(Self::End),
            (
                Self::EmptyLine
                | Self::EmptyLineCr
                | Self::Method
                | Self::First
                | Self::H
                | Self::Ht
                | Self::Htt
                | Self::Http
                | Self::StartLineCr
                | Self::LineCr
                | Self::LastCr
                | Self::End,
                _,
            )
            | (_, 0x00..=0x08 | 0x0a..=0x1f | 0x7f) => None,
            (Self::StartLine, _) => Some(Self::StartLine),
            (Self::LineStart | Self::Line, _) => Some(Self::Line),
        }
    }
}

/// Returns how many bytes at the front are inside a line, neither the end of it nor refused.
#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "the blocks are a part of the octets"
)]
fn plain_len(octets: &[u8]) -> usize {
    let is_plain = |octet: &u8| *octet >= b' ' && *octet != 0x7f;
    // Blocks of a fixed size compile to vector instructions: a browser's request in reads of 64
    // bytes takes 1.4 µs and not 1.6.
    let (blocks, _) = octets.as_chunks::<16>();
    let all = |block: &&[u8; 16]| block.iter().fold(true, |all, octet| all & is_plain(octet));
    let len = 16 * blocks.iter().take_while(all).count();
    len + octets[len..].iter().take_while(|octet| is_plain(octet)).count()
}

/// Calls `parse` with room for the fields: on the stack when they are as few as in most heads.
#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "at most `FEW`; a quarter of a length"
)]
fn with_headers<'b, T>(
    bytes: &'b [u8],
    max_headers: usize,
    mut parse: impl FnMut(&mut [MaybeUninit<Header<'b>>]) -> Result<T, httparse::Error>,
) -> Result<T, httparse::Error> {
    let mut few = [const { MaybeUninit::uninit() }; FEW];
    match parse(&mut few[..max_headers.min(FEW)]) {
        Err(httparse::Error::TooManyHeaders) if max_headers > FEW => {
            // No field is shorter than four bytes.
            parse(&mut vec![MaybeUninit::uninit(); max_headers.min(bytes.len() / 4 + 1)])
        }
        result => result,
    }
}

/// Turns slices of the head into places in it.
fn spans(headers: &[Header<'_>], head: &[u8]) -> Vec<Field> {
    let field = |header: &Header<'_>| Field {
        name: Span::of(header.name.as_bytes(), head),
        value: Span::of(header.value, head),
    };
    headers.iter().map(field).collect()
}

/// Whether every line ends with CR LF. `httparse` takes a LF alone for the end of a line, where other
/// parsers on the way may not.
fn lines_are_strict(bytes: &[u8], layout: &RequestLayout) -> bool {
    let ends_with = |end, line_end| bytes.get(..end).is_some_and(|head| head.ends_with(line_end));
    let mut starts = layout.fields.iter().map(|field| field.name.start);
    ends_with(layout.len, b"\r\n\r\n") && starts.all(|start| ends_with(start, b"\r\n"))
}

/// Overwrites the line ends before continuation lines by spaces.
#[allow(clippy::arithmetic_side_effects, reason = "the index is at most the length")]
fn unfold(head: &mut [u8]) -> Result<(), HandshakeError> {
    let mut start_line = true;
    let mut index = 0;
    while let Some(rest) = head.get_mut(index..) {
        match rest {
            // Before the first field there is nothing to continue (RFC 9112 §2.2).
            [b'\r', b'\n', b' ' | b'\t', ..] if start_line => {
                return Err(HandshakeError::InvalidHead);
            }
            [cr @ b'\r', lf @ b'\n', b' ' | b'\t', ..] => {
                *cr = b' ';
                *lf = b' ';
            }
            [b'\r', ..] => start_line = false,
            _ => {}
        }
        index += 1;
    }
    Ok(())
}

/// What follows the second space of a status line.
fn reason(head: &[u8]) -> Span {
    let end = head.iter().position(|octet| *octet == b'\r').unwrap_or(0);
    // "HTTP/1.1", a space, three digits, a space.
    Span { start: (VERSION_LEN + 4).min(end), end }
}

/// Tells a version that is not spoken here from other damage.
fn head_error(error: httparse::Error, head: &[u8]) -> HandshakeError {
    match error {
        httparse::Error::TooManyHeaders => HandshakeError::TooManyHeaders,
        httparse::Error::Version if names_another_version(head) => {
            HandshakeError::UnsupportedHttpVersion
        }
        _ => HandshakeError::InvalidHead,
    }
}

/// Whether the start line is a good one but for an HTTP version other than 1.0 and 1.1.
fn names_another_version(head: &[u8]) -> bool {
    let line = head.split(|octet| *octet == b'\r').next().unwrap_or_default();
    let is_version = |word: &[u8]| {
        matches!(word, [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'])
    };
    let mut words = line.split(|octet| *octet == b' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(version), Some(_), _, _) if is_version(version) => true,
        (Some(_), Some(_), Some(version), None) => is_version(version),
        _ => false,
    }
}

/// The bytes of " HTTP/1.1".
const VERSION_LEN: usize = 9;

/// How many fields are parsed without an allocation.
const FEW: usize = 32;

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    /// Feeds a head in pieces of `step` bytes, and returns the head and the work of collecting it.
    fn collect(mut collector: Collector, mut bytes: Vec<u8>, step: usize) -> (Vec<u8>, usize) {
        let config = Config::default();
        for piece in bytes.chunks_mut(step) {
            if let Some(head) = collector.collect(&mut Input::new(piece), &config).unwrap() {
                return (head, collector.work);
            }
        }
        unreachable!("the head is complete")
    }

    // 6455-4.2.1-22, 6455-4.2.1-25
    #[test]
    fn r36_every_octet_is_looked_at_once_however_it_is_cut() {
        let mut request = format!("\r\n\r\nGET /{} HTTP/1.1\r\n", "a".repeat(7000)).into_bytes();
        for n in 0..90 {
            request.extend_from_slice(format!("X-{n}: {}\r\n", "b".repeat(80)).as_bytes());
        }
        request.extend_from_slice(b"\r\n");
        assert!(request.len() > 14 << 10);
        for step in [1, 2, 3, 7, 100, 1000, request.len()] {
            let (head, work) = collect(Collector::request(), request.clone(), step);
            assert_eq!(head, request[4..], "step {step}");
            assert_eq!(work, request.len(), "step {step}");
            // As a response, of which the empty lines are not a part.
            let response = [b"HTTP/", &*head].concat();
            let (head, work) = collect(Collector::response(), response.clone(), step);
            assert_eq!(head, response, "step {step}");
            assert_eq!(work, head.len(), "step {step}");
        }
    }

    #[test]
    fn plain_octets_are_counted_up_to_the_first_other_one() {
        for other in [b'\r', b'\n', b'\t', 0, 0x1f, 0x7f] {
            for len in [0, 1, 15, 16, 17, 31, 32, 100] {
                let mut octets = vec![b'~'; len];
                assert_eq!(plain_len(&octets), len);
                octets.extend_from_slice(&[other, b'a', 0xff]);
                assert_eq!(plain_len(&octets), len, "{other:02x}");
            }
        }
        let all: Vec<_> = (b' '..0x7f).chain(0x80..=0xff).collect();
        assert_eq!(plain_len(&all), all.len());
    }

    // 9112-5.2-03, 9112-2.2-08
    #[test]
    fn folded_lines_become_one_and_keep_their_length() {
        let mut head = *b"HTTP/1.1 101 x\r\nA: b\r\n c\r\n\td\r\n\r\n";
        unfold(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 101 x\r\nA: b   c  \td\r\n\r\n");
        let mut head = *b"HTTP/1.1 101 x\r\n A: b\r\n\r\n";
        assert_eq!(unfold(&mut head), Err(HandshakeError::InvalidHead));
    }

    // 6455-4.2.1-04
    #[test]
    fn a_higher_minor_version_is_read_as_one() {
        for (version, lowered) in [
            ("HTTP/1.1", "HTTP/1.1"),
            ("HTTP/1.0", "HTTP/1.0"),
            ("HTTP/1.2", "HTTP/1.1"),
            ("HTTP/1.9", "HTTP/1.1"),
            ("HTTP/2.2", "HTTP/2.2"),
            ("http/1.2", "http/1.2"),
        ] {
            let mut head = format!("GET / {version}\r\nHost: a\r\n\r\n").into_bytes();
            lower_request_version(&mut head);
            assert_eq!(head, format!("GET / {lowered}\r\nHost: a\r\n\r\n").into_bytes());
        }
    }

    // 6455-4.2.1-25
    #[test]
    fn more_fields_than_fit_on_the_stack_are_parsed() {
        let fields = |n: usize| {
            let mut head = b"GET / HTTP/1.1\r\n".to_vec();
            (0..n).for_each(|n| head.extend_from_slice(format!("{n}:\r\n").as_bytes()));
            head.extend_from_slice(b"\r\n");
            head
        };
        for n in [0, 1, FEW - 1, FEW, FEW + 1, 100] {
            let head = fields(n);
            let layout = parse_request(&head, 100).unwrap().unwrap();
            assert_eq!((layout.fields.len(), layout.len), (n, head.len()));
        }
        for (n, max) in [(FEW, FEW - 1), (101, 100), (FEW + 1, FEW)] {
            assert_eq!(parse_request(&fields(n), max).unwrap_err(), HandshakeError::TooManyHeaders);
        }
    }
}
