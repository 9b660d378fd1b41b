//! The crate against tungstenite, on streams without compression: both read the same, or both
//! refuse.
//!
//! The known differences, each of which is seen to be of its kind:
//!
//! - tungstenite takes lengths that are not in their shortest form, which RFC 6455 §5.2 forbids;
//!   what it makes of the rest is not compared then.
//! - It shows a Close with a code that may not be sent as one with 1002, and fails nothing (§7.4). Nor
//!   does it know 1014, which is registered.
//! - It looks at a frame when all of it has come. We refuse one as soon as its octets say so, a text
//!   at the first octet that is wrong: what is missing of the frame is given to tungstenite then, and
//!   it has to refuse it, too.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use framewise::{CloseCode, Config, Connection, Event, Input, ProtocolError, Role};
use tungstenite::{
    Error, Message, WebSocket,
    protocol::{Role as TheirRole, WebSocketConfig},
};

use crate::harness::Stream;

/// The largest message.
const MAX_SIZE: usize = 1 << 16;

/// What one of the two made of a stream.
#[derive(Debug)]
struct Seen<E> {
    events: Vec<Event<'static>>,
    error: Option<E>,
}

/// Has both read the same octets, in both roles.
pub fn tungstenite(stream: &Stream<'_>) {
    let (role, their_role) = match stream.flags & 1 {
        0 => (Role::Server, TheirRole::Server),
        _ => (Role::Client, TheirRole::Client),
    };
    let ours = ours(role, stream);
    let theirs = theirs(their_role, stream.octets);
    let Some(error) = ours.error else {
        if let (Some(Event::Close(frame)), Some(Event::Close(changed))) =
            (ours.events.last(), theirs.events.last())
            && frame.code == CloseCode::BAD_GATEWAY
        {
            assert_eq!(changed.code, CloseCode::PROTOCOL_ERROR, "1014 is not known");
            let len = ours.events.len() - 1;
            assert_eq!(ours.events[..len], theirs.events[..theirs.events.len() - 1]);
            return;
        }
        assert_eq!(theirs.events, ours.events);
        assert!(theirs.error.is_none(), "we refuse nothing, and they: {:?}", theirs.error);
        return;
    };
    let (octets, is_minimal) = finished(role, stream.octets);
    let is_known = match error {
        ProtocolError::InvalidCloseCode(_) => true,
        // The length of a control frame is in its longer form, be it more than 125 or not.
        ProtocolError::LongControlFrame => !is_minimal,
        ProtocolError::LengthNotMinimal => {
            assert!(!is_minimal, "a shorter form is there");
            true
        }
        _ => false,
    };
    if !is_known {
        let theirs = self::theirs(their_role, &octets);
        assert_eq!(theirs.events, ours.events, "before {error:?}");
        assert!(theirs.error.is_some(), "we refuse it: {error:?}");
        return;
    }
    assert!(theirs.events.starts_with(&ours.events), "{:?}, not {:?}", theirs.events, ours.events);
    if let ProtocolError::InvalidCloseCode(code) = error {
        assert!(!CloseCode::from(code).is_allowed_on_wire());
        match theirs.events.get(ours.events.len()) {
            Some(Event::Close(frame)) => assert_eq!(frame.code, CloseCode::PROTOCOL_ERROR),
            // Its reason is not UTF-8, either.
            None => assert!(matches!(theirs.error, Some(Error::Utf8(_)))),
            other => panic!("{code} came, and {other:?} was seen"),
        }
    }
}

fn ours(role: Role, stream: &Stream<'_>) -> Seen<ProtocolError> {
    let mut config = Config::default();
    config.max_message_size = MAX_SIZE as u64;
    let config = Arc::new(config);
    let mut connection = match role {
        Role::Client => Connection::client(config, [7; 32]),
        Role::Server => Connection::server(config),
    };
    let mut events = Vec::new();
    for piece in stream.pieces() {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        loop {
            match connection.receive(&mut input) {
                Ok(Some(event)) => events.push(event.into_owned()),
                Ok(None) => break,
                Err(error) => return Seen { events, error: Some(error) },
            }
        }
    }
    Seen { events, error: None }
}

fn theirs(role: TheirRole, octets: &[u8]) -> Seen<Error> {
    let config = WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .max_message_size(Some(MAX_SIZE))
        .max_frame_size(Some(MAX_SIZE));
    let mut socket = WebSocket::from_raw_socket(Wire(octets), role, Some(config));
    let mut events = Vec::new();
    loop {
        events.push(match socket.read() {
            Ok(Message::Binary(payload)) => Event::Binary(payload.to_vec().into()),
            Ok(Message::Close(frame)) => {
                let frame = frame.map_or(
                    framewise::CloseFrame {
                        code: CloseCode::NO_STATUS_RECEIVED,
                        reason: String::new(),
                    },
                    |frame| framewise::CloseFrame {
                        code: CloseCode::from(u16::from(frame.code)),
                        reason: frame.reason.to_string(),
                    },
                );
                events.push(Event::Close(frame));
                return Seen { events, error: None };
            }
            Ok(Message::Ping(payload)) => Event::Ping(payload.to_vec().into()),
            Ok(Message::Pong(payload)) => Event::Pong(payload.to_vec().into()),
            Ok(Message::Text(text)) => Event::Text(text.to_string().into()),
            Ok(Message::Frame(_)) => unreachable!("frames are not read"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return Seen { events, error: None };
            }
            Err(error) => return Seen { events, error: Some(error) },
        });
    }
}

/// Returns octets with what is missing of the last frame, if it is one that tungstenite would read,
/// and whether all lengths are in their shortest form.
fn finished(role: Role, octets: &[u8]) -> (Vec<u8>, bool) {
    let mut finished = octets.to_vec();
    let mut is_minimal = true;
    let mut place = 0;
    while place < octets.len() {
        if finished.len() == place + 1 {
            finished.push(if role == Role::Server { 0x80 } else { 0 });
        }
        let second = finished[place + 1];
        let field_len = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        // A length that needs its field.
        finished.resize(finished.len().max(place + 2 + field_len), 0xff);
        let field = &finished[place + 2..][..field_len];
        let len = match field {
            [] => u64::from(second & 0x7f),
            _ => field.iter().fold(0, |len, octet| len << 8 | u64::from(*octet)),
        };
        is_minimal &= match field_len {
            2 => len > 125,
            8 => len > u16::MAX.into(),
            _ => true,
        };
        if len > MAX_SIZE as u64 {
            finished.extend_from_slice(&[0; 4]);
            break;
        }
        let key_len = if second & 0x80 == 0 { 0 } else { 4 };
        place += 2 + field_len + key_len + len as usize;
        finished.resize(finished.len().max(place), 0);
    }
    (finished, is_minimal)
}

/// A link that holds what was received, and takes what is sent.
struct Wire<'a>(&'a [u8]);

impl Read for Wire<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.0.read(buf)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
