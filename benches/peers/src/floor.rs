//! The DEFLATE library alone: what nobody who calls it can fall below.

use std::hint::black_box;

use bytes::Bytes;
use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush};

use crate::workload::{Compression, Message};

/// A compressor, an inflater and one buffer for what they make.
pub(crate) struct Floor {
    deflate: Deflate,
    inflate: Inflate,
    output: Vec<u8>,
    takeover: bool,
}

impl Floor {
    /// Makes one for messages of at most this size.
    pub(crate) fn new(compression: Compression, size: usize) -> Self {
        Self {
            deflate: Deflate::new(compression.level.into(), false, compression.bits),
            inflate: Inflate::new(false, compression.bits),
            output: vec![0; 2 * size],
            takeover: compression.takeover,
        }
    }

    /// Inflates the payloads of frames, with the same calls as framewise.
    pub(crate) fn receive(&mut self, payloads: &[Bytes], deliver: &mut dyn FnMut(&[u8])) {
        for payload in payloads {
            if !self.takeover {
                self.inflate.reset(false);
            }
            let before = self.inflate.total_out();
            self.inflate
                .decompress(payload, &mut self.output, InflateFlush::NoFlush)
                .expect("valid");
            let made = (self.inflate.total_out() - before) as usize;
            // What the sender has taken off, and an octet to see whether a block ends there.
            self.inflate
                .decompress(b"\x00\x00\xff\xff\x00", &mut self.output[made..], InflateFlush::Block)
                .expect("valid");
            deliver(&self.output[..(self.inflate.total_out() - before) as usize]);
        }
    }

    /// Compresses messages.
    pub(crate) fn send(&mut self, messages: &[Message]) {
        for message in messages {
            if !self.takeover {
                self.deflate.reset();
            }
            let text = &message.bytes[..];
            self.deflate.compress(text, &mut self.output, DeflateFlush::SyncFlush).expect("valid");
            black_box(&self.output);
        }
    }
}
