//! Frames into the output (RFC 6455 §5.2, §5.3).

use alloc::{boxed::Box, vec::Vec};

use rand::{Rng as _, rngs::StdRng};

use crate::{
    copy,
    frame::{self, FrameHeader, MAX_CONTROL_PAYLOAD, Opcode, mask},
    message::{Binary, Content, HeldBytes, HeldText, Payload, Text},
    output::{self, Output},
    role::Role,
};

/// Writes frames into the output, masked with fresh keys for a client.
#[derive(Debug)]
pub(super) struct Framer {
    pub(super) output: Output,
    // The generator of a client's masking keys; a server has none.
    keys: Option<Box<StdRng>>,
}

impl Framer {
    pub(super) fn server() -> Self {
        Self { output: Output::default(), keys: None }
    }

    pub(super) fn client(keys: StdRng) -> Self {
        Self { output: Output::default(), keys: Some(Box::new(keys)) }
    }

    #[inline]
    pub(super) fn role(&self) -> Role {
        if self.keys.is_some() { Role::Client } else { Role::Server }
    }

    /// Returns the length in bytes of the header in front of a payload.
    #[inline]
    pub(super) fn header_len(&self, payload_len: usize) -> usize {
        frame::encoded_len(payload_len, self.keys.is_some())
    }

    /// Queues a copy of a small payload in a frame of its own, if the output has a place for it within
    /// `max_output`; returns whether it has.
    ///
    /// Does the same as [`push_frame`](Self::push_frame), in a third of the time for a few bytes.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the arms have checked the ranges")]
    pub(super) fn push_small(&mut self, opcode: Opcode, payload: &[u8], max_output: usize) -> bool {
        const {
            assert!(MIN_CHUNK <= 1 << 16, "the length takes one of the first two forms (§5.2)");
        }
        let len = payload.len();
        let (mask_bit, key_len) = if self.keys.is_some() { (frame::MASK, 4) } else { (0, 0) };
        let field_len = if len <= MAX_CONTROL_PAYLOAD { 2 } else { 4 };
        let frame_len = field_len + key_len + len;
        let Some(frame) = self.output.append_in_place(frame_len, max_output) else {
            return false;
        };
        let (field, rest) = frame.split_at_mut(field_len);
        let first = frame::FIN | opcode.bits();
        match field {
            [place @ .., high, low] if field_len == 4 => {
                place.copy_from_slice(&[first, mask_bit | 126]);
                [*high, *low] = (len as u16).to_be_bytes();
            }
            _ => field.copy_from_slice(&[first, mask_bit | len as u8]),
        }
        // Without a key a payload is copied as with a key of zeros. For a few bytes this is faster than a
        // call of memcpy.
        match (&mut self.keys, rest.split_first_chunk_mut()) {
            (Some(keys), Some((key, place))) => {
                *key = keys.next_u32().to_ne_bytes();
                mask::copy(place, payload, *key);
            }
            _ if len <= 32 => mask::copy(rest, payload, [0; 4]),
            _ => rest.copy_from_slice(payload),
        }
        true
    }

    /// Queues a frame whose payload `write` appends to the output, unless it returns `false`.
    #[cfg(any(feature = "deflate", feature = "json"))]
    pub(super) fn push_in_place(
        &mut self,
        opcode: Opcode,
        fin: bool,
        rsv1: bool,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) {
        let key = self.keys.as_mut().map(|keys| keys.next_u32().to_ne_bytes());
        self.output.append(FrameHeader::MAX_LEN, |run| {
            // The length of the header depends on that of the payload.
            let start = run.len();
            run.resize(start + FrameHeader::MAX_LEN, 0);
            let payload_start = run.len();
            if !write(run) {
                run.truncate(start);
                return;
            }
            let payload_len = (run.len() - payload_start) as u64;
            let header = FrameHeader { opcode, fin, rsv1, masking_key: key, payload_len };
            let mut buf = [0; FrameHeader::MAX_LEN];
            let header = header.encode(&mut buf);
            let header_start = payload_start - header.len();
            if let Some(place) = run.get_mut(header_start..payload_start) {
                place.copy_from_slice(header);
            }
            if let (Some(key), Some(payload)) = (key, run.get_mut(payload_start..)) {
                mask::apply(payload, key);
            }
            run.drain(start..header_start);
        });
    }

    /// Queues a frame. A large payload that is owned or shared is not copied, if it need not be masked.
    pub(super) fn push_frame(
        &mut self,
        opcode: Opcode,
        fin: bool,
        rsv1: bool,
        payload: Payload<'_>,
    ) {
        let len = payload.as_bytes().len();
        let key = self.keys.as_mut().map(|keys| keys.next_u32().to_ne_bytes());
        let header = FrameHeader { opcode, fin, rsv1, masking_key: key, payload_len: len as u64 };
        let mut buf = [0; FrameHeader::MAX_LEN];
        let header = header.encode(&mut buf);
        if len < MIN_CHUNK {
            return self.push_copy(header, payload.as_bytes(), key);
        }
        let content = match payload.content {
            #[cfg(feature = "deflate")]
            Content::Prepared(message) => message.content().clone(),
            content => content,
        };
        match content {
            Content::Binary(Binary(HeldBytes::Owned(payload))) => {
                self.push_owned(header, payload, key)
            }
            Content::Text(Text(HeldText::Owned(payload))) => {
                self.push_owned(header, payload.into(), key)
            }
            #[cfg(feature = "bytes")]
            Content::Binary(Binary(HeldBytes::Foreign(payload))) if key.is_none() => {
                self.output.push_bytes(header);
                self.output.push_chunk(payload);
            }
            Content::Binary(Binary(HeldBytes::Shared(payload))) if key.is_none() => {
                self.output.push_bytes(header);
                self.output.push_chunk(payload);
            }
            Content::Text(Text(HeldText::Shared(payload))) if key.is_none() => {
                self.output.push_bytes(header);
                self.output.push_chunk(output::Chunk::Shared(payload.into()));
            }
            content => self.push_copy(header, content.as_bytes(), key),
        }
    }

    fn push_copy(&mut self, header: &[u8], payload: &[u8], key: Option<[u8; 4]>) {
        self.output.append(header.len() + payload.len(), |run| {
            run.extend_from_slice(header);
            match key {
                None => copy::append(run, payload),
                Some(key) => mask::append(run, payload, key),
            }
        });
    }

    fn push_owned(&mut self, header: &[u8], mut payload: Vec<u8>, key: Option<[u8; 4]>) {
        if let Some(key) = key {
            mask::apply(&mut payload, key);
        }
        self.output.push_bytes(header);
        self.output.push_chunk(payload);
    }
}

/// The smallest payload in bytes that is queued as a chunk of its own: below it, a copy costs
/// less than another slice in a vectored write.
pub(super) const MIN_CHUNK: usize = 4 << 10;
