//! What a peer's compressor makes of messages: a DEFLATE library, called without this crate.
//!
//! The library is zlib-rs. In the package `tests/differential` it is the original zlib, which is
//! written in C.

use library::{Deflate, FINISH, FULL, Flush, SYNC, Status};

pub(crate) const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

#[cfg(not(feature = "zlib"))]
mod library {
    pub(super) use zlib_rs::{Deflate, DeflateFlush as Flush, Status};

    pub(super) const SYNC: Flush = Flush::SyncFlush;
    pub(super) const FULL: Flush = Flush::FullFlush;
    pub(super) const FINISH: Flush = Flush::Finish;

    pub(super) fn deflate(bits: u8, level: u8) -> Deflate {
        Deflate::new(level.into(), false, bits)
    }
}

#[cfg(feature = "zlib")]
mod library {
    pub(super) use flate2::{Compress as Deflate, FlushCompress as Flush, Status};

    pub(super) const SYNC: Flush = Flush::Sync;
    pub(super) const FULL: Flush = Flush::Full;
    pub(super) const FINISH: Flush = Flush::Finish;

    pub(super) fn deflate(bits: u8, level: u8) -> Deflate {
        Deflate::new_with_window_bits(flate2::Compression::new(level.into()), false, bits)
    }
}

/// A compressor that is called without this crate.
pub(crate) struct Compressor {
    deflate: Deflate,
    takeover: bool,
    history: Vec<u8>,
}

/// How the compressor ends its blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// At the end of the message, for an octet's border.
    Sync,
    /// In the middle of it, too.
    Syncs,
    /// The same, but nothing behind refers to anything before.
    Full,
    /// With a final block.
    Final,
    /// With a final block, which the next message takes into account.
    FinalKnown,
    /// With a final block in the middle of the message.
    FinalInside,
}

pub(crate) const WAYS: [Way; 6] =
    [Way::Sync, Way::Syncs, Way::Full, Way::Final, Way::FinalKnown, Way::FinalInside];

impl Compressor {
    pub(crate) fn new(bits: u8, takeover: bool, level: u8) -> Self {
        Self { deflate: library::deflate(bits, level), takeover, history: Vec::new() }
    }

    /// Makes the payload of a compressed message (RFC 7692 §7.2.1).
    pub(crate) fn message(&mut self, message: &[u8], way: Way) -> Vec<u8> {
        if !self.takeover {
            self.deflate.reset();
            self.history.clear();
        }
        let (begin, rest) = message.split_at(message.len() / 3);
        let mut out = Vec::new();
        match way {
            Way::Sync => self.compress(message, SYNC, &mut out),
            Way::Syncs => {
                for piece in message.chunks(message.len() / 5 + 1) {
                    self.compress(piece, SYNC, &mut out);
                }
                self.compress(b"", SYNC, &mut out);
            }
            Way::Full => {
                self.compress(begin, FULL, &mut out);
                self.compress(rest, FULL, &mut out);
            }
            Way::Final => {
                self.compress(message, FINISH, &mut out);
                self.deflate.reset();
            }
            Way::FinalKnown => {
                self.compress(message, FINISH, &mut out);
                self.begin_behind();
            }
            Way::FinalInside => {
                self.compress(begin, FINISH, &mut out);
                self.begin_behind();
                self.compress(rest, SYNC, &mut out);
            }
        }
        if matches!(way, Way::Final | Way::FinalKnown) || out.is_empty() {
            // An empty block, without its length.
            out.push(0x00);
        } else {
            assert!(out.ends_with(&TAIL), "it has flushed");
            out.truncate(out.len() - TAIL.len());
        }
        out
    }

    fn compress(&mut self, mut input: &[u8], flush: Flush, out: &mut Vec<u8>) {
        self.history.extend_from_slice(input);
        loop {
            let mut room = [0; 4096];
            let (total_in, total_out) = (self.deflate.total_in(), self.deflate.total_out());
            let status = self.deflate.compress(input, &mut room, flush).expect("it can do so");
            let made = (self.deflate.total_out() - total_out) as usize;
            input = &input[(self.deflate.total_in() - total_in) as usize..];
            out.extend_from_slice(&room[..made]);
            if made < room.len() {
                assert!(input.is_empty());
                assert_eq!(status == Status::StreamEnd, flush == FINISH);
                return;
            }
        }
    }

    /// Begins a new stream that refers to what was in the old one.
    fn begin_behind(&mut self) {
        self.deflate.reset();
        let start = self.history.len().saturating_sub(1 << 15);
        self.deflate.set_dictionary(&self.history[start..]).expect("octets");
    }
}
