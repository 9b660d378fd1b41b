//! Headers and the decoder by themselves.

use framewise::{
    Input, ProtocolError, Role,
    frame::{Decoder, FrameHeader},
};

use super::{
    cut::Stream,
    naive::{self, Frame},
};

/// A header decodes to what encodes to the same octets, and what is said of it does not change when
/// more octets come.
pub fn frame_header(octets: &[u8]) {
    let whole = FrameHeader::decode(octets);
    let known = (0..=octets.len()).map(|len| FrameHeader::decode(&octets[..len]));
    let mut known = known.skip_while(|decoded| *decoded == Ok(None)).peekable();
    assert_eq!(known.peek().copied().unwrap_or(Ok(None)), whole);
    assert!(known.all(|decoded| decoded == whole), "more octets change what is said");
    if let Ok(Some((header, len))) = whole {
        assert!((2..=FrameHeader::MAX_LEN).contains(&len));
        assert_eq!(FrameHeader::decode(&octets[..len - 1]), Ok(None), "it needs all of them");
        assert_eq!(header.encode(&mut [0; FrameHeader::MAX_LEN]), &octets[..len]);
    }
}

/// What a decoder made of a stream.
#[derive(Debug, PartialEq)]
struct Decoded {
    frames: Vec<Frame>,
    error: Option<ProtocolError>,
    remaining: u64,
    is_at_boundary: bool,
}

/// The decoder gives the frames that a naive reader finds, however they are cut.
pub fn decoder(stream: &Stream<'_>) {
    let role = if stream.flag(0) { Role::Client } else { Role::Server };
    let rsv1 = stream.flag(1);
    let whole = decode(role, rsv1, &stream.whole());
    let (frames, error) = naive::frames(role, rsv1, stream.octets);
    assert_eq!((&whole.frames, whole.error), (&frames, error));
    assert_eq!(whole, decode(role, rsv1, &stream.pieces()));
}

fn decode(role: Role, rsv1: bool, pieces: &[&[u8]]) -> Decoded {
    let mut decoder = Decoder::new(role);
    decoder.allow_rsv1(rsv1);
    let (mut frames, mut error): (Vec<Frame>, _) = (Vec::new(), None);
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(chunk)) => {
                    assert_eq!(error, None, "a chunk after an error");
                    if chunk.first {
                        assert!(frames.last().is_none_or(Frame::is_finished));
                        frames.push(Frame { header: chunk.header, payload: Vec::new() });
                    } else {
                        assert!(!chunk.payload.is_empty(), "a chunk with nothing in it");
                    }
                    let frame = frames.last_mut().expect("a frame has a first piece");
                    assert_eq!(frame.header, chunk.header);
                    frame.payload.extend_from_slice(chunk.payload);
                    assert_eq!(frame.is_finished(), chunk.last);
                    let left = frame.header.payload_len - frame.payload.len() as u64;
                    assert_eq!(decoder.remaining(), left);
                }
                Ok(None) => {
                    assert!(input.is_empty(), "input is left");
                    break;
                }
                Err(failure) => {
                    assert_eq!(*error.get_or_insert(failure), failure, "another error");
                    break;
                }
            }
        }
    }
    let (remaining, is_at_boundary) = (decoder.remaining(), decoder.is_at_boundary());
    Decoded { frames, error, remaining, is_at_boundary }
}
