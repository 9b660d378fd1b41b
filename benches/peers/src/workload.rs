//! What is received and sent: messages, and the octets of their frames.

use bytes::Bytes;
use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush};

use crate::json;

/// How a connection is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) role: Role,
    pub(crate) deflate: Option<Compression>,
}

/// Which end of a connection a peer is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// What was negotiated of permessage-deflate, for both directions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compression {
    pub(crate) takeover: bool,
    pub(crate) bits: u8,
    pub(crate) level: u8,
}

/// A text, in the forms that peers take it in without a copy.
pub(crate) struct Message {
    pub(crate) text: String,
    pub(crate) bytes: Bytes,
}

impl Setup {
    /// With a window of 15 bits and level 6, which all peers default to.
    pub(crate) fn deflate(role: Role, takeover: bool) -> Self {
        Self { role, deflate: Some(Compression { takeover, bits: 15, level: 6 }) }
    }
}

impl Compression {
    /// The header by which a server agrees.
    pub(crate) fn header(self) -> String {
        let mut header = String::from("permessage-deflate");
        if !self.takeover {
            header += "; server_no_context_takeover; client_no_context_takeover";
        }
        if self.bits != 15 {
            let bits = self.bits;
            header += &format!("; server_max_window_bits={bits}; client_max_window_bits={bits}");
        }
        header
    }
}

/// Returns messages of JSON of this size each.
pub(crate) fn messages(size: usize, count: usize) -> Vec<Message> {
    json::messages(size, count)
        .into_iter()
        .map(|text| Message { bytes: Bytes::from(text.clone()), text })
        .collect()
}

/// Returns the frames by which the other end of a connection sends the messages.
pub(crate) fn frames(messages: &[Message], setup: Setup) -> Vec<u8> {
    let mut compressor = setup
        .deflate
        .map(|deflate| (deflate.takeover, Deflate::new(deflate.level.into(), false, deflate.bits)));
    let mut frames = Vec::new();
    for message in messages {
        let text = message.text.as_bytes();
        match &mut compressor {
            None => frame(text, false, setup.role, &mut frames),
            Some((takeover, deflate)) => {
                if !*takeover {
                    deflate.reset();
                }
                let mut out = vec![0; 2 * text.len() + 64];
                let before = deflate.total_out();
                deflate.compress(text, &mut out, DeflateFlush::SyncFlush).expect("valid");
                out.truncate((deflate.total_out() - before) as usize);
                assert_eq!(out.split_off(out.len() - 4), b"\x00\x00\xff\xff");
                frame(&out, true, setup.role, &mut frames);
            }
        }
    }
    frames
}

/// Appends a text frame for an endpoint in this role.
fn frame(payload: &[u8], compressed: bool, receiver: Role, frames: &mut Vec<u8>) {
    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let masked = u8::from(receiver == Role::Server) << 7;
    frames.push(if compressed { 0xc1 } else { 0x81 });
    match payload.len() {
        len @ ..=125 => frames.push(masked | len as u8),
        len @ ..=0xffff => {
            frames.push(masked | 126);
            frames.extend((len as u16).to_be_bytes());
        }
        len => {
            frames.push(masked | 127);
            frames.extend((len as u64).to_be_bytes());
        }
    }
    if masked == 0 {
        frames.extend_from_slice(payload);
    } else {
        frames.extend(KEY);
        frames.extend(payload.iter().zip(KEY.iter().cycle()).map(|(octet, key)| octet ^ key));
    }
}

/// Splits frames that are not masked; returns whether each is compressed, and its payload.
pub(crate) fn payloads(mut frames: &[u8]) -> Vec<(bool, &[u8])> {
    let mut payloads = Vec::new();
    while let [first, second, rest @ ..] = frames {
        assert_eq!(first & 0xbf, 0x81, "a text in one frame");
        assert!(*second < 0x80, "no mask");
        let (len, header) = match second {
            126 => (usize::from(u16::from_be_bytes(rest[..2].try_into().expect("2"))), 2),
            127 => (u64::from_be_bytes(rest[..8].try_into().expect("8")) as usize, 8),
            len => (usize::from(*len), 0),
        };
        let (payload, behind) = rest[header..].split_at(len);
        payloads.push((first & 0x40 != 0, payload));
        frames = behind;
    }
    payloads
}

/// Panics unless these frames of a server's are the messages.
pub(crate) fn check(frames: &[u8], messages: &[Message], setup: Setup) {
    let payloads = payloads(frames);
    assert_eq!(payloads.len(), messages.len());
    let mut inflate = Inflate::new(false, 15);
    for ((compressed, payload), message) in payloads.into_iter().zip(messages) {
        assert_eq!(compressed, setup.deflate.is_some());
        if !compressed {
            assert!(payload == message.text.as_bytes());
            continue;
        }
        if setup.deflate.is_some_and(|deflate| !deflate.takeover) {
            inflate.reset(false);
        }
        let mut text = vec![0; message.text.len() + 1];
        let before = inflate.total_out();
        let whole = [payload, b"\x00\x00\xff\xff"].concat();
        inflate.decompress(&whole, &mut text, InflateFlush::SyncFlush).expect("valid");
        text.truncate((inflate.total_out() - before) as usize);
        assert!(text == message.text.as_bytes());
    }
}
