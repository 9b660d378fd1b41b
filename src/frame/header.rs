//! The bytes in front of a payload (RFC 6455 §5.2).

use super::{MAX_CONTROL_PAYLOAD, Opcode};
use crate::error::ProtocolError;

/// The header of a frame.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-------+-+-------------+-------------------------------+
/// |F|R|R|R| opcode|M| Payload len |    Extended payload length    |
/// |I|S|S|S|  (4)  |A|     (7)     |           (16/64)             |
/// |N|V|V|V|       |S|             |   (if payload len==126/127)   |
/// | |1|2|3|       |K|             |                               |
/// +-+-+-+-+-------+-+-------------+ - - - - - - - - - - - - - - - +
/// ```
///
/// ```
/// use framewise::frame::{FrameHeader, Opcode};
///
/// let (header, len) = FrameHeader::decode(b"\x81\x05Hello")?.expect("the header is complete");
/// assert_eq!((header.opcode, header.fin, header.payload_len), (Opcode::Text, true, 5));
///
/// let mut bytes = [0; FrameHeader::MAX_LEN];
/// assert_eq!(header.encode(&mut bytes), b"\x81\x05");
/// assert_eq!(len, 2);
/// # Ok::<(), framewise::ProtocolError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[allow(clippy::exhaustive_structs, reason = "the format is fixed by RFC 6455 §5.2")]
pub struct FrameHeader {
    /// What the payload is.
    pub opcode: Opcode,
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// The first reserved bit: set on the first frame of a compressed message (RFC 7692 §6).
    pub rsv1: bool,
    /// The key that the payload is masked with, if it is.
    pub masking_key: Option<[u8; 4]>,
    /// The length of the payload in bytes, less than 2⁶³.
    pub payload_len: u64,
}

impl FrameHeader {
    /// The largest length of an encoded header in bytes.
    pub const MAX_LEN: usize = 14;

    /// Decodes the header at the front of `bytes`.
    ///
    /// Returns the header and its length in bytes (2 to 14), or `None` when `bytes` ends inside
    /// it. What can be refused before the header is complete, is. Neither the role nor the
    /// sequence of fragments nor the use of RSV1 is checked here: see [`Decoder`](super::Decoder).
    ///
    /// # Errors
    ///
    /// [`ReservedBits`](ProtocolError::ReservedBits) when RSV2 or RSV3 is set;
    /// [`ReservedOpcode`](ProtocolError::ReservedOpcode) for opcodes 3 to 7 and 11 to 15;
    /// [`FragmentedControlFrame`](ProtocolError::FragmentedControlFrame) and
    /// [`LongControlFrame`](ProtocolError::LongControlFrame) for control frames without FIN or with
    /// more than 125 bytes (RFC 6455 §5.5); [`LengthNotMinimal`](ProtocolError::LengthNotMinimal)
    /// and [`LengthTopBit`](ProtocolError::LengthTopBit) for lengths in the wrong form (RFC 6455
    /// §5.2).
    #[inline]
    #[allow(clippy::arithmetic_side_effects, reason = "a header has at most 14 octets")]
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        if first & (RSV2 | RSV3) != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        let Some(opcode) = Opcode::from_bits(first & OPCODE) else {
            return Err(ProtocolError::ReservedOpcode);
        };
        let fin = first & FIN != 0;
        if opcode.is_control() && !fin {
            return Err(ProtocolError::FragmentedControlFrame);
        }
        let Some(&second) = bytes.get(1) else {
            return Ok(None);
        };
        let (payload_len, len) = match second & LENGTH {
            len if len > 125 && opcode.is_control() => return Err(ProtocolError::LongControlFrame),
            126 => {
                let Some(&field) = bytes.get(2..).and_then(<[u8]>::first_chunk) else {
                    return Ok(None);
                };
                let len = u64::from(u16::from_be_bytes(field));
                if len <= 125 {
                    return Err(ProtocolError::LengthNotMinimal);
                }
                (len, 4)
            }
            127 => {
                let Some(&field) = bytes.get(2..).and_then(<[u8]>::first_chunk) else {
                    return Ok(None);
                };
                let len = u64::from_be_bytes(field);
                if len > i64::MAX as u64 {
                    return Err(ProtocolError::LengthTopBit);
                }
                if len <= u64::from(u16::MAX) {
                    return Err(ProtocolError::LengthNotMinimal);
                }
                (len, 10)
            }
            len => (u64::from(len), 2),
        };
        let (masking_key, len) = if second & MASK == 0 {
            (None, len)
        } else {
            let Some(&key) = bytes.get(len..).and_then(<[u8]>::first_chunk) else {
                return Ok(None);
            };
            (Some(key), len + 4)
        };
        let rsv1 = first & RSV1 != 0;
        Ok(Some((Self { opcode, fin, rsv1, masking_key, payload_len }, len)))
    }

    /// Encodes the header into `buf` and returns the part of it that was written.
    ///
    /// The length takes the smallest of its three forms (RFC 6455 §5.2).
    ///
    /// # Panics
    ///
    /// When the header is one that may not be sent: a control frame without `fin` or with more than
    /// 125 bytes, or a length of 2⁶³ or more.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "each arm has checked its range")]
    #[allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "14 octets at most"
    )]
    pub fn encode<'a>(&self, buf: &'a mut [u8; Self::MAX_LEN]) -> &'a [u8] {
        assert!(
            !self.opcode.is_control() || self.fin && self.payload_len <= MAX_CONTROL_PAYLOAD as u64,
            "a control frame is whole and has at most 125 octets"
        );
        assert!(self.payload_len <= i64::MAX as u64, "a payload has less than 2^63 octets");
        buf[0] =
            self.opcode.bits() | if self.fin { FIN } else { 0 } | if self.rsv1 { RSV1 } else { 0 };
        let mut len = match self.payload_len {
            payload_len @ 0..=125 => {
                buf[1] = payload_len as u8;
                2
            }
            payload_len @ 126..=0xffff => {
                buf[1] = 126;
                buf[2..4].copy_from_slice(&(payload_len as u16).to_be_bytes());
                4
            }
            payload_len => {
                buf[1] = 127;
                buf[2..10].copy_from_slice(&payload_len.to_be_bytes());
                10
            }
        };
        if let Some(key) = self.masking_key {
            buf[1] |= MASK;
            buf[len..len + 4].copy_from_slice(&key);
            len += 4;
        }
        &buf[..len]
    }
}

/// Returns the length in bytes of the header in front of a payload.
#[inline]
#[allow(clippy::arithmetic_side_effects, reason = "a header has at most 14 octets")]
pub(crate) const fn encoded_len(payload_len: usize, masked: bool) -> usize {
    let len = match payload_len {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    };
    if masked { len + 4 } else { len }
}

/// Returns whether the second byte of a header says that the payload is masked.
pub(super) const fn is_masked(second: u8) -> bool {
    second & MASK != 0
}

pub(crate) const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2: u8 = 0x20;
const RSV3: u8 = 0x10;
const OPCODE: u8 = 0x0f;
pub(crate) const MASK: u8 = 0x80;
const LENGTH: u8 = 0x7f;
