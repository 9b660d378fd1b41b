//! A reader of frames that knows no shortcuts, to compare the crate with.

use framewise::{
    CloseFrame, Config, Event, Input, ProtocolError, Role,
    frame::{Decoder, FrameHeader, Opcode},
};

/// A frame, perhaps one that is not finished.
#[derive(Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) header: FrameHeader,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    pub(super) fn is_finished(&self) -> bool {
        self.payload.len() as u64 == self.header.payload_len
    }
}

/// Reads frames by the letter of RFC 6455 §5.2 to §5.4: headers from the front, payloads octet by
/// octet.
pub(super) fn frames(
    role: Role,
    rsv1: bool,
    mut octets: &[u8],
) -> (Vec<Frame>, Option<ProtocolError>) {
    let mut frames: Vec<Frame> = Vec::new();
    let mut fragmented = false;
    loop {
        let header = match header(role, rsv1, fragmented, octets) {
            Ok(Some((header, len))) => {
                octets = &octets[len..];
                header
            }
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        };
        if !header.opcode.is_control() {
            fragmented = !header.fin;
        }
        let len = header.payload_len.min(octets.len() as u64) as usize;
        let (payload, rest) = octets.split_at(len);
        let key = header.masking_key.unwrap_or_default();
        let payload = payload.iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key);
        frames.push(Frame { header, payload: payload.collect() });
        octets = rest;
        if frames.last().is_some_and(|frame| !frame.is_finished()) {
            return (frames, None);
        }
    }
}

fn header(
    role: Role,
    rsv1: bool,
    fragmented: bool,
    octets: &[u8],
) -> Result<Option<(FrameHeader, usize)>, ProtocolError> {
    if let Some(second) = octets.get(1) {
        // What is wrong with the first octet is known before what is wrong with the second.
        FrameHeader::decode(&octets[..1])?;
        match (role, second & 0x80 != 0) {
            (Role::Client, true) => return Err(ProtocolError::MaskedFrame),
            (Role::Server, false) => return Err(ProtocolError::UnmaskedFrame),
            _ => {}
        }
    }
    let Some((header, len)) = FrameHeader::decode(octets)? else {
        return Ok(None);
    };
    match (header.opcode, fragmented) {
        (Opcode::Continuation, false) => return Err(ProtocolError::UnexpectedContinuation),
        (Opcode::Text | Opcode::Binary, true) => return Err(ProtocolError::UnfinishedMessage),
        _ => {}
    }
    let may_have_rsv1 = rsv1 && matches!(header.opcode, Opcode::Text | Opcode::Binary);
    if header.rsv1 && !may_have_rsv1 {
        return Err(ProtocolError::ReservedBits);
    }
    Ok(Some((header, len)))
}

/// What is to come of a stream without compression.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Expected {
    pub(super) events: Vec<Event<'static>>,
    pub(super) error: Option<ProtocolError>,
    /// The opcodes and payloads of the frames that answer.
    pub(super) answers: Vec<(Opcode, Vec<u8>)>,
}

/// Reads messages with nothing but the public decoder, and checks each text from its beginning.
pub(super) fn read(role: Role, config: &Config, octets: &[u8]) -> Expected {
    let mut expected = Expected::default();
    match read_into(role, config, octets, &mut expected) {
        Ok(()) => {}
        Err(error) => {
            let code = u16::from(error.close_code()).to_be_bytes();
            let payload = [&code[..], error.close_reason().as_bytes()].concat();
            expected.answers.push((Opcode::Close, payload));
            expected.error = Some(error);
        }
    }
    expected
}

fn read_into(
    role: Role,
    config: &Config,
    octets: &[u8],
    expected: &mut Expected,
) -> Result<(), ProtocolError> {
    let mut octets = octets.to_vec();
    let mut input = Input::new(&mut octets);
    let mut decoder = Decoder::new(role);
    let (mut text, mut held, mut size, mut fragments) = (false, Vec::new(), 0_u64, 0);
    while let Some(chunk) = decoder.decode(&mut input)? {
        assert!(chunk.first, "the octets come in one piece");
        let header = chunk.header;
        match header.opcode {
            Opcode::Close | Opcode::Ping | Opcode::Pong if !chunk.last => {}
            Opcode::Close => {
                let frame = CloseFrame::decode(chunk.payload)?;
                let code = chunk.payload.get(..2).unwrap_or_default();
                expected.answers.push((Opcode::Close, code.to_vec()));
                expected.events.push(Event::Close(frame));
                return Ok(());
            }
            Opcode::Ping => {
                expected.answers.push((Opcode::Pong, chunk.payload.to_vec()));
                expected.events.push(Event::Ping(chunk.payload.to_vec().into()));
            }
            Opcode::Pong => expected.events.push(Event::Pong(chunk.payload.to_vec().into())),
            opcode => {
                if opcode != Opcode::Continuation {
                    (text, size, fragments) = (opcode == Opcode::Text, 0, 0);
                    held.clear();
                }
                size = size.saturating_add(header.payload_len);
                if size > config.max_message_size {
                    let (len, limit) = (Some(size), config.max_message_size);
                    return Err(ProtocolError::MessageTooBig { len, limit });
                }
                fragments += u32::from(!header.fin || opcode == Opcode::Continuation);
                if fragments > config.max_fragments {
                    return Err(ProtocolError::TooManyFragments { limit: config.max_fragments });
                }
                held.extend_from_slice(chunk.payload);
                let fin = header.fin && chunk.last;
                if text {
                    match std::str::from_utf8(&held) {
                        Err(error) if fin || error.error_len().is_some() => {
                            return Err(ProtocolError::InvalidUtf8);
                        }
                        Ok(text) if fin => {
                            expected.events.push(Event::Text(text.to_owned().into()));
                        }
                        _ => {}
                    }
                } else if fin {
                    expected.events.push(Event::Binary(held.clone().into()));
                }
            }
        }
    }
    Ok(())
}
