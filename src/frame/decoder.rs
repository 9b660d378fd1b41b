//! From a stream of bytes to pieces of payload.

use super::{FrameHeader, Opcode, header, whole};
use crate::{error::ProtocolError, frame::mask, input::Input, role::Role};

/// Turns a stream of bytes, in pieces of any length, into pieces of payload, unmasked in place.
///
/// The decoder never allocates and never copies payload: a [`Chunk`] borrows from the [`Input`]. It checks
/// frames and their sequence: the direction of masking (RFC 6455 §5.1), reserved bits and opcodes, lengths
/// (§5.2), and fragments (§5.4). It does not look into payloads and has no limits. An error is final: every
/// later call returns the same error.
///
/// ```
/// use framewise::{Input, Role, frame::Decoder};
///
/// let mut decoder = Decoder::new(Role::Server);
/// let mut bytes = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
/// let mut input = Input::new(&mut bytes);
/// let chunk = decoder.decode(&mut input)?.expect("the frame is there");
/// assert_eq!(chunk.payload, b"Hello");
/// assert!(chunk.first && chunk.last && chunk.header.fin);
/// # Ok::<(), framewise::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    stage: Stage,
    role: Role,
    rsv1: bool,
    // Whether messages whose first frame has RSV1 set are taken in small pieces, and whether this
    // one is.
    small_pieces: bool,
    in_small_pieces: bool,
    // Whether a fragmented message is open.
    fragmented: bool,
}

/// A piece of a frame's payload.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "made by the decoder to be taken apart")]
pub struct Chunk<'buf> {
    /// The header of the frame.
    pub header: FrameHeader,
    /// The piece, unmasked. The first piece of a frame comes with the header, and may be empty.
    pub payload: &'buf mut [u8],
    /// Whether this is the first piece of the frame.
    pub first: bool,
    /// Whether this is the last piece of the frame.
    pub last: bool,
}

/// A later piece of a message that has begun.
#[derive(Debug)]
pub(crate) struct FramePiece<'buf> {
    /// The bytes, unmasked.
    pub(crate) payload: &'buf [u8],
    /// Whether they begin a frame.
    pub(crate) begins: bool,
    /// Whether the frame is the last of the message.
    pub(crate) fin: bool,
    /// How many bytes of the frame are still to come.
    pub(crate) remaining: u64,
}

impl Decoder {
    /// Makes a decoder for the frames that an endpoint in `role` receives.
    pub const fn new(role: Role) -> Self {
        Self {
            stage: Stage::START,
            role,
            rsv1: false,
            small_pieces: false,
            in_small_pieces: false,
            fragmented: false,
        }
    }

    /// Sets whether the first frame of a message may have RSV1 set, as a negotiated extension may
    /// allow (RFC 7692 §6). Refused by default.
    pub fn allow_rsv1(&mut self, allow: bool) {
        self.rsv1 = allow;
    }

    /// Limits pieces of compressed messages to 256 bytes, from the next message that begins. Each inflates
    /// to at most 258 KiB (RFC 1951 §3.2.5).
    #[cfg(feature = "deflate")]
    pub(crate) fn set_small_pieces(&mut self, small: bool) {
        self.small_pieces = small;
    }

    /// Decodes the next piece of payload.
    ///
    /// Returns `None` when all of `input` was taken and more is needed.
    ///
    /// # Errors
    ///
    /// Those of [`FrameHeader::decode`], and [`MaskedFrame`](ProtocolError::MaskedFrame) or
    /// [`UnmaskedFrame`](ProtocolError::UnmaskedFrame) (RFC 6455 §5.1),
    /// [`ReservedBits`](ProtocolError::ReservedBits) for RSV1 where it is not allowed,
    /// [`UnexpectedContinuation`](ProtocolError::UnexpectedContinuation) and
    /// [`UnfinishedMessage`](ProtocolError::UnfinishedMessage) (§5.4).
    #[inline]
    pub fn decode<'buf>(
        &mut self,
        input: &mut Input<'buf>,
    ) -> Result<Option<Chunk<'buf>>, ProtocolError> {
        let Stage::Header { len: 0, .. } = self.stage else {
            return self.resume(input);
        };
        match self.check(input.as_slice()) {
            Ok(Some((header, len))) => {
                input.take(len);
                Ok(Some(self.begin(header, input)))
            }
            Ok(None) if input.is_empty() => Ok(None),
            Ok(None) => self.resume(input),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Takes a fragment that lies whole in the input, or a piece of a fragment that has begun.
    ///
    /// For anything else, takes nothing and returns `None`; then call [`decode`](Self::decode). The
    /// shortcut takes a third of the time for a fragment of 64 bytes, and for a single byte.
    #[inline]
    #[allow(
        clippy::arithmetic_side_effects,
        reason = "what is taken of a payload is at most what remains of it"
    )]
    pub(crate) fn decode_piece<'buf>(
        &mut self,
        input: &mut Input<'buf>,
    ) -> Option<FramePiece<'buf>> {
        match &mut self.stage {
            Stage::Header { len: 0, .. } if self.fragmented => {
                let (fin, payload) = whole::take_continuation(input, self.role)?;
                self.fragmented = !fin;
                Some(FramePiece { payload, begins: true, fin, remaining: 0 })
            }
            Stage::Payload { header, remaining, key }
                if !header.opcode.is_control() && !input.is_empty() =>
            {
                let fin = header.fin;
                let payload = take_payload(input, *remaining, false);
                if header.masking_key.is_some() {
                    mask::apply(payload, *key);
                    *key = mask::rotate(*key, payload.len());
                }
                *remaining -= payload.len() as u64;
                let remaining = *remaining;
                if remaining == 0 {
                    self.stage = Stage::START;
                }
                Some(FramePiece { payload, begins: false, fin, remaining })
            }
            _ => None,
        }
    }

    /// Returns whether there was an error.
    pub(crate) const fn has_failed(&self) -> bool {
        matches!(self.stage, Stage::Failed(_))
    }

    /// Returns the side of the connection that receives the frames.
    #[inline]
    pub(crate) const fn role(&self) -> Role {
        self.role
    }

    /// Returns how many bytes of the current frame's payload are still to come.
    #[inline]
    pub const fn remaining(&self) -> u64 {
        match self.stage {
            Stage::Failed(_) | Stage::Header { .. } => 0,
            Stage::Payload { remaining, .. } => remaining,
        }
    }

    /// Returns whether the stream may end here: between two messages, with nothing unfinished.
    pub const fn is_at_boundary(&self) -> bool {
        matches!(self.stage, Stage::Header { len: 0, .. }) && !self.fragmented
    }

    /// Decodes what follows a cut inside a frame.
    #[allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "what is taken of a payload is at most what remains of it, and a header is complete before it outgrows its array"
    )]
    fn resume<'buf>(
        &mut self,
        input: &mut Input<'buf>,
    ) -> Result<Option<Chunk<'buf>>, ProtocolError> {
        match self.stage {
            Stage::Failed(error) => Err(error),
            Stage::Payload { .. } if input.is_empty() => Ok(None),
            Stage::Payload { header, ref mut remaining, ref mut key } => {
                let payload = take_payload(input, *remaining, self.in_small_pieces);
                if header.masking_key.is_some() {
                    mask::apply(payload, *key);
                    *key = mask::rotate(*key, payload.len());
                }
                *remaining -= payload.len() as u64;
                let last = *remaining == 0;
                if last {
                    self.stage = Stage::START;
                }
                Ok(Some(Chunk { header, payload, first: false, last }))
            }
            Stage::Header { mut bytes, mut len } => {
                while let [octet] = *input.take(1) {
                    bytes[usize::from(len)] = octet;
                    len += 1;
                    match self.check(&bytes[..usize::from(len)]) {
                        Ok(Some((header, _))) => {
                            self.stage = Stage::START;
                            return Ok(Some(self.begin(header, input)));
                        }
                        Ok(None) => {}
                        Err(error) => return Err(self.fail(error)),
                    }
                }
                self.stage = Stage::Header { bytes, len };
                Ok(None)
            }
        }
    }

    /// Begins a frame and takes what there is of its payload.
    #[inline]
    #[allow(
        clippy::arithmetic_side_effects,
        reason = "what is taken of a payload is at most what remains of it"
    )]
    fn begin<'buf>(&mut self, header: FrameHeader, input: &mut Input<'buf>) -> Chunk<'buf> {
        if !header.opcode.is_control() {
            self.fragmented = !header.fin;
            if header.opcode != Opcode::Continuation {
                self.in_small_pieces = header.rsv1 && self.small_pieces;
            }
        }
        let payload = take_payload(input, header.payload_len, self.in_small_pieces);
        let key = header.masking_key.unwrap_or_default();
        if header.masking_key.is_some() {
            mask::apply(payload, key);
        }
        let remaining = header.payload_len - payload.len() as u64;
        if remaining != 0 {
            let key = mask::rotate(key, payload.len());
            self.stage = Stage::Payload { header, remaining, key };
        }
        Chunk { header, payload, first: true, last: remaining == 0 }
    }

    /// Makes an error final.
    #[cold]
    pub(crate) fn fail(&mut self, error: ProtocolError) -> ProtocolError {
        self.stage = Stage::Failed(error);
        error
    }

    /// Decodes the header at the front of `bytes` and checks what the decoder knows more about.
    #[inline]
    fn check(&self, bytes: &[u8]) -> Result<Option<(FrameHeader, usize)>, ProtocolError> {
        if let Some(&second) = bytes.get(1) {
            // As soon as its byte is there: a header that lacks the key is never complete.
            match (self.role, header::is_masked(second)) {
                (Role::Server, false) => {
                    return Err(first_error(bytes, ProtocolError::UnmaskedFrame));
                }
                (Role::Client, true) => {
                    return Err(first_error(bytes, ProtocolError::MaskedFrame));
                }
                _ => {}
            }
        }
        let Some((header, len)) = FrameHeader::decode(bytes)? else {
            return Ok(None);
        };
        match header.opcode {
            Opcode::Continuation if !self.fragmented => {
                return Err(ProtocolError::UnexpectedContinuation);
            }
            Opcode::Text | Opcode::Binary if self.fragmented => {
                return Err(ProtocolError::UnfinishedMessage);
            }
            Opcode::Text | Opcode::Binary if header.rsv1 && self.rsv1 => {}
            _ if header.rsv1 => return Err(ProtocolError::ReservedBits),
            _ => {}
        }
        Ok(Some((header, len)))
    }
}

/// Takes what there is of the `remaining` bytes of a payload, at most as much as is handed out at
/// once.
#[inline]
fn take_payload<'buf>(input: &mut Input<'buf>, remaining: u64, small: bool) -> &'buf mut [u8] {
    let len = usize::try_from(remaining).unwrap_or(usize::MAX);
    input.take(if small { len.min(SMALL_PIECE) } else { len })
}

/// Returns what is wrong with the first byte of a header, or else `second`: the error is the same
/// when the bytes come one by one.
#[cold]
fn first_error(bytes: &[u8], second: ProtocolError) -> ProtocolError {
    FrameHeader::decode(bytes.get(..1).unwrap_or_default()).err().unwrap_or(second)
}

/// The largest piece of a compressed message, if they are to be small.
const SMALL_PIECE: usize = 256;

/// Where in a frame the stream was cut.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The stream cannot be understood any more.
    Failed(ProtocolError),
    /// In a header. These bytes of it have come.
    Header { bytes: [u8; FrameHeader::MAX_LEN], len: u8 },
    /// In a payload. `remaining` bytes are to come, and the key is turned to the next one.
    Payload { header: FrameHeader, remaining: u64, key: [u8; 4] },
}

impl Stage {
    const START: Self = Self::Header { bytes: [0; FrameHeader::MAX_LEN], len: 0 };
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn parts(decoder: &mut Decoder, bytes: &[u8]) -> Option<(Vec<u8>, bool, bool, u64, usize)> {
        let mut bytes = bytes.to_vec();
        let mut input = Input::new(&mut bytes);
        let part = decoder.decode_piece(&mut input)?;
        Some((part.payload.to_vec(), part.begins, part.fin, part.remaining, input.len()))
    }

    fn decode(decoder: &mut Decoder, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        decoder.decode(&mut Input::new(&mut bytes)).unwrap();
    }

    // Whether the shortcut is taken shows nowhere else: `decode` makes the same of it.
    #[test]
    fn parts_of_a_fragmented_message_are_taken() {
        let mut decoder = Decoder::new(Role::Client);
        assert_eq!(parts(&mut decoder, b"\x80\x01a"), None, "nothing has begun");
        decode(&mut decoder, b"\x01\x01a");
        assert_eq!(parts(&mut decoder, b""), None);
        assert_eq!(parts(&mut decoder, b"\x00\x02b"), None, "not the whole of it");
        assert_eq!(parts(&mut decoder, b"\x89\x00"), None, "a Ping");
        let whole_fragment = Some((b"bc".to_vec(), true, false, 0, 1));
        assert_eq!(parts(&mut decoder, b"\x00\x02bcd"), whole_fragment);
        assert_eq!(parts(&mut decoder, b"\x80\x01d\x00"), Some((b"d".to_vec(), true, true, 0, 1)));
        assert!(decoder.is_at_boundary());
        assert_eq!(parts(&mut decoder, b"\x80\x01a"), None, "it has ended");
    }

    #[test]
    fn pieces_of_a_frame_are_taken() {
        let mut decoder = Decoder::new(Role::Server);
        decode(&mut decoder, b"\x82\x85\x01\x02\x03\x04a");
        assert_eq!(decoder.remaining(), 4);
        assert_eq!(parts(&mut decoder, b""), None);
        let piece = Some((b"bc".to_vec(), false, true, 2, 0));
        assert_eq!(parts(&mut decoder, &[b'b' ^ 2, b'c' ^ 3]), piece);
        let rest = Some((b"de".to_vec(), false, true, 0, 1));
        assert_eq!(parts(&mut decoder, &[b'd' ^ 4, b'e' ^ 1, 0x82]), rest);
        assert!(decoder.is_at_boundary());

        decode(&mut decoder, b"\x89\x82\x01\x02\x03\x04a");
        assert_eq!(parts(&mut decoder, b"b"), None, "a part of a Ping");
    }

    // R16: of a compressed message little is inflated at once, all others come as they are
    #[cfg(feature = "deflate")]
    #[test]
    fn only_compressed_messages_are_taken_in_small_pieces() {
        for (small, first, len) in [(true, 0xc2, 256), (true, 0x82, 600), (false, 0xc2, 600)] {
            let mut decoder = Decoder::new(Role::Client);
            decoder.allow_rsv1(true);
            decoder.set_small_pieces(small);
            let mut bytes = [&[first, 126, 2, 88][..], &[b'a'; 600]].concat();
            let chunk = decoder.decode(&mut Input::new(&mut bytes)).unwrap().unwrap();
            assert_eq!(chunk.payload.len(), len, "{small} {first:x}");
        }
    }
}
