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

/// What messages are made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    /// JSON, sent as binary messages.
    Binary,
    /// JSON, all of it ASCII.
    Text,
    /// Prose whose letters have three octets each.
    Korean,
}

/// A message, in the forms that peers take it in without a copy.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// `None` for a binary message.
    pub(crate) text: Option<String>,
    pub(crate) bytes: Bytes,
}

/// One frame in a stream of them.
struct Frame {
    first: u8,
    payload: Vec<u8>,
}

impl Setup {
    /// Without compression.
    pub(crate) fn plain(role: Role) -> Self {
        Self { role, deflate: None }
    }

    /// With a window of 15 bits and level 6, which all peers default to.
    pub(crate) fn deflate(role: Role, takeover: bool) -> Self {
        Self { role, deflate: Some(Compression { takeover, bits: 15, level: 6 }) }
    }
}

impl Role {
    pub(crate) const BOTH: [Self; 2] = [Self::Server, Self::Client];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
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

impl Content {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Text => "text",
            Self::Korean => "Korean",
        }
    }
}

impl Message {
    pub(crate) fn binary(octets: impl Into<Bytes>) -> Self {
        Self { text: None, bytes: octets.into() }
    }

    pub(crate) fn text(text: String) -> Self {
        Self { bytes: Bytes::from(text.clone()), text: Some(text) }
    }

    fn opcode(&self) -> u8 {
        if self.text.is_some() { TEXT } else { BINARY }
    }
}

/// Returns messages of this size each.
pub(crate) fn messages(content: Content, size: usize, count: usize) -> Vec<Message> {
    // What is longer than this is repeated.
    let block = size.min(64 << 10);
    let blocks: Vec<String> = match content {
        Content::Binary | Content::Text => json::messages(block, count),
        Content::Korean => (0..count).map(|_| korean(block)).collect(),
    };
    let whole = blocks.into_iter().map(|block| block.repeat(size.div_ceil(block.len().max(1))));
    whole
        .map(|mut text| {
            text.truncate(size);
            if content == Content::Binary { Message::binary(text) } else { Message::text(text) }
        })
        .collect()
}

fn korean(size: usize) -> String {
    const PROSE: &str = "동해물과백두산이마르고닳도록하느님이보우하사우리나라만세";
    let mut text = PROSE.repeat(size / PROSE.len() + 1);
    text.truncate(size / 3 * 3);
    text + &"."[..1].repeat(size % 3)
}

/// Returns the frames by which the other end of a connection sends the messages.
pub(crate) fn frames(messages: &[Message], setup: Setup) -> Vec<u8> {
    let mut compressor = setup
        .deflate
        .map(|deflate| (deflate.takeover, Deflate::new(deflate.level.into(), false, deflate.bits)));
    let mut frames = Vec::new();
    for message in messages {
        let first = FIN | message.opcode();
        match &mut compressor {
            None => frame(first, &message.bytes, setup.role, &mut frames),
            Some((takeover, deflate)) => {
                if !*takeover {
                    deflate.reset();
                }
                let mut out = vec![0; 2 * message.bytes.len() + 64];
                let before = deflate.total_out();
                deflate.compress(&message.bytes, &mut out, DeflateFlush::SyncFlush).expect("valid");
                out.truncate((deflate.total_out() - before) as usize);
                assert_eq!(out.split_off(out.len() - 4), b"\x00\x00\xff\xff");
                frame(first | RSV1, &out, setup.role, &mut frames);
            }
        }
    }
    frames
}

/// Returns the messages in fragments of this size.
pub(crate) fn fragments(messages: &[Message], size: usize, receiver: Role) -> Vec<u8> {
    let mut frames = Vec::new();
    for message in messages {
        let mut pieces = message.bytes.chunks(size).peekable();
        let mut opcode = message.opcode();
        while let Some(piece) = pieces.next() {
            let fin = if pieces.peek().is_none() { FIN } else { 0 };
            frame(fin | opcode, piece, receiver, &mut frames);
            opcode = CONTINUATION;
        }
    }
    frames
}

/// Appends a frame for an endpoint in this role.
pub(crate) fn frame(first: u8, payload: &[u8], receiver: Role, frames: &mut Vec<u8>) {
    let masked = u8::from(receiver == Role::Server) << 7;
    frames.push(first);
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
        // Another key for each frame.
        let key = (frames.len() as u32 | 1).wrapping_mul(0x9e37_79b1).to_be_bytes();
        frames.extend(key);
        frames.extend(payload.iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key));
    }
}

/// Splits frames that are not masked; returns whether each is compressed, and its payload.
pub(crate) fn payloads(frames: &[u8]) -> Vec<(bool, Vec<u8>)> {
    split(frames, Role::Server)
        .into_iter()
        .map(|frame| (frame.first & RSV1 != 0, frame.payload))
        .collect()
}

/// Splits what a sender in this role has sent.
fn split(mut octets: &[u8], sender: Role) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = octets {
        assert_eq!(*second >= 0x80, sender == Role::Client, "masked by clients only");
        let (len, header) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes(rest[..2].try_into().expect("2"))), 2),
            127 => (u64::from_be_bytes(rest[..8].try_into().expect("8")) as usize, 8),
            len => (usize::from(len), 0),
        };
        let mut behind = &rest[header..];
        let mut key = [0; 4];
        if sender == Role::Client {
            key.copy_from_slice(&behind[..4]);
            behind = &behind[4..];
        }
        let (payload, behind) = behind.split_at(len);
        let payload = payload.iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key);
        frames.push(Frame { first: *first, payload: payload.collect() });
        octets = behind;
    }
    assert!(octets.is_empty(), "whole frames only");
    frames
}

/// Panics unless these frames of an endpoint are the messages.
pub(crate) fn check(frames: &[u8], messages: &[Message], setup: Setup) {
    let mut inflate = Inflate::new(false, 15);
    let mut frames = split(frames, setup.role).into_iter();
    for message in messages {
        let mut whole = frames.next().expect("as many messages");
        assert_eq!(whole.first & 0x0f, message.opcode());
        assert_eq!(whole.first & RSV1 != 0, setup.deflate.is_some());
        while whole.first & FIN == 0 {
            let next = frames.next().expect("a message that ends");
            assert_eq!(next.first & 0x0f, CONTINUATION);
            whole.first |= next.first;
            whole.payload.extend(next.payload);
        }
        let Some(deflate) = setup.deflate else {
            assert!(whole.payload == message.bytes);
            continue;
        };
        if !deflate.takeover {
            inflate.reset(false);
        }
        let mut inflated = vec![0; message.bytes.len() + 1];
        let before = inflate.total_out();
        whole.payload.extend(b"\x00\x00\xff\xff");
        inflate.decompress(&whole.payload, &mut inflated, InflateFlush::SyncFlush).expect("valid");
        inflated.truncate((inflate.total_out() - before) as usize);
        assert!(inflated == message.bytes);
    }
    assert!(frames.next().is_none(), "no more messages");
}

/// First octets of headers.
pub(crate) const FIN: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const PING: u8 = 0x9;
