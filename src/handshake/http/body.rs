//! The body of a response that refuses (RFC 9112 §6.3, §7.1).
//!
//! Every byte is looked at once, however the body is cut, and nothing is reserved for what the peer
//! only announces.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use alloc::vec::Vec;

use super::headers::{Headers, trim};
use crate::input::Input;

/// Reads one body, up to 64 KiB of it.
#[derive(Debug)]
pub(in crate::handshake) enum Body {
    /// In the chunked transfer coding.
    Chunked(Chunks),
    /// The lengths in the head are not valid, or not one.
    Invalid,
    /// So many bytes are missing.
    Length(u64),
    /// Up to the end of the stream.
    UntilEof,
}

/// What became of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::handshake) enum Progress {
    /// All of it is there.
    Complete,
    /// The rest is not read: there is too much of it, or it is malformed.
    Cut,
    /// More is needed.
    Incomplete,
}

impl Body {
    /// Finds out how the body is delimited (RFC 9112 §6.3).
    pub(in crate::handshake) fn new(status: u16, headers: &Headers) -> Self {
        if matches!(status, 204 | 304) {
            return Self::Length(0);
        }
        let is = |coding: &[u8], name: &str| coding.eq_ignore_ascii_case(name.as_bytes());
        // "identity" is no coding; RFC 2616 had it.
        let coding = headers.elements("Transfer-Encoding").filter(|coding| !is(coding, "identity"));
        match coding.last() {
            Some(last) if is(last, "chunked") => Self::Chunked(Chunks::new()),
            Some(_) => Self::UntilEof,
            None => Self::with_length(headers),
        }
    }

    fn with_length(headers: &Headers) -> Self {
        let mut len = None;
        for value in headers.values("Content-Length") {
            // A value that was repeated on the way is understood: "5, 5".
            for element in value.split(|octet| *octet == b',') {
                let found = content_length(trim(element));
                if found.is_none() || len.is_some_and(|len| Some(len) != found) {
                    return Self::Invalid;
                }
                len = found;
            }
        }
        len.map_or(Self::UntilEof, Self::Length)
    }

    /// Moves what the input holds of the body to the end of `kept`. What follows the body stays in
    /// the input.
    pub(in crate::handshake) fn receive(
        &mut self,
        input: &mut Input<'_>,
        kept: &mut Vec<u8>,
    ) -> Progress {
        match self {
            Self::Chunked(chunks) => chunks.receive(input, kept),
            Self::Invalid => Progress::Cut,
            Self::Length(left) => {
                move_data(input, kept, left);
                match *left {
                    0 => Progress::Complete,
                    _ if kept.len() >= MAX_BODY => Progress::Cut,
                    _ => Progress::Incomplete,
                }
            }
            Self::UntilEof => {
                move_data(input, kept, &mut { u64::MAX });
                if input.is_empty() { Progress::Incomplete } else { Progress::Cut }
            }
        }
    }

    /// Returns whether the end of the stream is the end of the body.
    pub(in crate::handshake) const fn ends_with_stream(&self) -> bool {
        matches!(self, Self::UntilEof)
    }
}

/// Moves at most `left` bytes, and no more than are kept.
fn move_data(input: &mut Input<'_>, kept: &mut Vec<u8>, left: &mut u64) {
    let room = MAX_BODY.saturating_sub(kept.len());
    let data = input.take(room.min(usize::try_from(*left).unwrap_or(usize::MAX)));
    kept.extend_from_slice(data);
    *left = left.saturating_sub(data.len() as u64);
}

/// Decodes the chunked transfer coding (RFC 9112 §7.1). Extensions are ignored, and the trailer
/// section is not read: nothing needs it.
#[derive(Debug)]
pub(in crate::handshake) struct Chunks {
    place: ChunkPlace,
    /// How much of the chunk is missing.
    left: u64,
    /// How many bytes the line with its size has.
    line: usize,
}

/// The next byte in the coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChunkPlace {
    /// The first digit of a size.
    Size,
    /// A digit, or what follows the digits.
    Digit,
    /// White space behind the digits, or what follows that.
    Space,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
}

impl Chunks {
    const fn new() -> Self {
        Self { place: ChunkPlace::Size, left: 0, line: 0 }
    }

    fn receive(&mut self, input: &mut Input<'_>, kept: &mut Vec<u8>) -> Progress {
        loop {
            if self.place == ChunkPlace::Data {
                if kept.len() >= MAX_BODY {
                    return Progress::Cut;
                }
                move_data(input, kept, &mut self.left);
                if self.left == 0 {
                    self.place = ChunkPlace::DataCr;
                } else if input.is_empty() {
                    return Progress::Incomplete;
                }
                continue;
            }
            let [octet] = input.take(1) else { return Progress::Incomplete };
            let Some(next) = self.after(*octet) else { return Progress::Cut };
            let was = core::mem::replace(&mut self.place, next);
            if was == ChunkPlace::SizeLf && self.left == 0 {
                return Progress::Complete;
            }
        }
    }

    /// Goes over one byte that is not data; `None` when it is wrong there.
    fn after(&mut self, octet: u8) -> Option<ChunkPlace> {
        if !matches!(self.place, ChunkPlace::DataCr | ChunkPlace::DataLf) {
            self.line = self.line.saturating_add(1);
            if self.line > MAX_CHUNK_LINE {
                return None;
            }
        }
        match (self.place, octet) {
            (ChunkPlace::Size | ChunkPlace::Digit, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(octet).to_digit(16)?;
                self.left = self.left.saturating_mul(16).saturating_add(digit.into());
                Some(ChunkPlace::Digit)
            }
            (ChunkPlace::Digit | ChunkPlace::Space, b' ' | b'\t') => Some(ChunkPlace::Space),
            (ChunkPlace::Digit | ChunkPlace::Space, b';') => Some(ChunkPlace::Extension),
            (ChunkPlace::Digit | ChunkPlace::Space | ChunkPlace::Extension, b'\r') => {
                Some(ChunkPlace::SizeLf)
            }
            // As in a head, a LF alone ends no line.
            (ChunkPlace::Extension, octet) if octet != b'\n' => Some(ChunkPlace::Extension),
            (ChunkPlace::SizeLf, b'\n') => Some(ChunkPlace::Data),
            (ChunkPlace::DataCr, b'\r') => Some(ChunkPlace::DataLf),
            (ChunkPlace::DataLf, b'\n') => {
                self.line = 0;
                Some(ChunkPlace::Size)
            }
            _ => None,
        }
    }
}

/// Reads digits. A number that is too large is as good as the largest: no more than [`MAX_BODY`] is
/// kept.
fn content_length(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(core::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX))
}

/// How many bytes of a body are kept.
const MAX_BODY: usize = 64 << 10;

/// How many bytes the line with the size of a chunk may have. Since each chunk holds data but the
/// last one, this bounds what is read.
const MAX_CHUNK_LINE: usize = 4 << 10;
