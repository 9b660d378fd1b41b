//! What the tests share: hexadecimal vectors, connections with agreed parameters, and a naive
//! reading of frames.

use framewise::{
    Config, Connection, Event, Input, ProtocolError, Role, SendErrorKind,
    deflate::{AgreedParameters, DeflateConfig, WindowBits},
};

pub(crate) const ROLES: [Role; 2] = [Role::Client, Role::Server];
pub(crate) const SEED: [u8; 32] = [7; 32];
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Reads hexadecimal digits, with spaces anywhere.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits
        .chars()
        .filter(|c| *c != ' ')
        .map(|c| c.to_digit(16).expect("a hexadecimal digit") as u8)
        .collect();
    assert!(digits.len().is_multiple_of(2), "whole octets");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Returns what is agreed upon by the text of a server's answer.
pub(crate) fn agreed(parameters: &str) -> AgreedParameters {
    let response = format!("permessage-deflate{parameters}");
    let agreed = DeflateConfig::default().confirm(response.as_bytes()).expect("valid");
    agreed.expect("accepted")
}

/// Makes a connection that compresses whatever is sent, by the agreed parameters (`""`, or such as
/// `"; server_max_window_bits=9"`).
pub(crate) fn end(role: Role, parameters: &str) -> Connection {
    end_with(role, parameters, |_| ())
}

pub(crate) fn end_with(
    role: Role,
    parameters: &str,
    configure: impl FnOnce(&mut Config),
) -> Connection {
    let mut config = Config::default();
    let mut deflate = DeflateConfig::default();
    deflate.threshold = 0;
    config.deflate = Some(deflate);
    configure(&mut config);
    let mut connection = match role {
        Role::Client => Connection::client(config, SEED),
        Role::Server => Connection::server(config),
    };
    connection.set_deflate(agreed(parameters));
    connection
}

/// Makes a frame for an endpoint in `role`; masked where that is a server.
pub(crate) fn frame_for(role: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = if role == Role::Server { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(mask | len as u8),
        len @ 126..=65535 => {
            bytes.push(mask | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(mask | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    if role == Role::Client {
        bytes.extend(payload);
    } else {
        bytes.extend(KEY);
        bytes.extend(payload.iter().zip(KEY.iter().cycle()).map(|(octet, key)| octet ^ key));
    }
    bytes
}

/// Feeds octets in one read; returns the events, and the error if there was one.
pub(crate) fn feed(
    connection: &mut Connection,
    bytes: &[u8],
) -> (Vec<Event<'static>>, Option<ProtocolError>) {
    let mut bytes = bytes.to_vec();
    let mut input = Input::new(&mut bytes);
    let mut events = Vec::new();
    loop {
        match connection.receive(&mut input) {
            Ok(Some(event)) => events.push(event.into_owned()),
            Ok(None) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}

/// A frame that was sent, without its mask.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

/// Takes all output of a connection and reads the frames in it.
pub(crate) fn sent(connection: &mut Connection) -> Vec<Frame> {
    sent_with_keys(connection).into_iter().map(|(frame, _)| frame).collect()
}

/// As [`sent`], with the octets of the masking keys, of which a server's frames have none.
pub(crate) fn sent_with_keys(connection: &mut Connection) -> Vec<(Frame, Vec<u8>)> {
    let bytes = drain(connection);
    let mut rest = &bytes[..];
    let mut frames = Vec::new();
    while let [first, second, behind @ ..] = rest {
        let (len, behind) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes([behind[0], behind[1]])), &behind[2..]),
            127 => (u64::from_be_bytes(behind[..8].try_into().expect("eight")), &behind[8..]),
            len => (u64::from(len), behind),
        };
        let (key, behind) = behind.split_at(if second & 0x80 == 0 { 0 } else { 4 });
        let (payload, behind) = behind.split_at(len as usize);
        let mask = key.iter().cycle().chain(core::iter::repeat(&0));
        let payload = payload.iter().zip(mask).map(|(octet, key)| octet ^ key);
        frames.push((Frame { first: *first, payload: payload.collect() }, key.to_vec()));
        rest = behind;
    }
    frames
}

/// Makes a connection with parameters that no answer of a server can have.
pub(crate) fn end_by(
    role: Role,
    agreed: AgreedParameters,
    configure: impl FnOnce(&mut Config),
) -> Connection {
    let mut connection = end_with(role, "", configure);
    connection.set_deflate(agreed);
    connection
}

/// Returns parameters by which the sender in `role` has this window and takes it over, or not; all
/// else is as it is by default.
pub(crate) fn by_sender(role: Role, bits: u8, takeover: bool) -> AgreedParameters {
    let bits = WindowBits::new(bits).expect("a window");
    let mut agreed = AgreedParameters::default();
    match role {
        Role::Client => {
            agreed.client_max_window_bits = bits;
            agreed.client_no_context_takeover = !takeover;
        }
        Role::Server => {
            agreed.server_max_window_bits = bits;
            agreed.server_no_context_takeover = !takeover;
        }
    }
    agreed
}

/// Takes all output of a connection.
pub(crate) fn drain(connection: &mut Connection) -> Vec<u8> {
    let bytes = connection.output().chunks().collect::<Vec<_>>().concat();
    connection.output().advance(bytes.len());
    bytes
}

/// Brings all output of one end to the other, which has nothing to complain about.
pub(crate) fn carry(from: &mut Connection, to: &mut Connection) -> Vec<Event<'static>> {
    let (events, error) = feed(to, &drain(from));
    assert_eq!(error, None);
    events
}

/// Checks that a connection has failed with `error`, told the peer so in its last frame, and reads
/// and sends nothing more.
pub(crate) fn assert_failed(connection: &mut Connection, error: ProtocolError) {
    let role = connection.role();
    for bytes in
        [frame_for(role, 0x81, b"a"), frame_for(role, 0xc1, &hex("f248cdc9c90700")), vec![]]
    {
        assert_eq!(feed(connection, &bytes), (vec![], Some(error)));
    }
    let kind = connection.send_text("a").map_err(|error| error.kind());
    assert_eq!(kind, Err(SendErrorKind::Closed));
    let code = u16::from(error.close_code()).to_be_bytes();
    let payload = [&code[..], error.close_reason().as_bytes()].concat();
    assert_eq!(sent(connection).last(), Some(&Frame { first: 0x88, payload }));
    assert!(!connection.has_output());
}

/// The error for a message that inflates to more than `limit` bytes.
pub(crate) const fn inflates_beyond(limit: u64) -> ProtocolError {
    ProtocolError::MessageTooBig { len: None, limit }
}

/// The error for a message whose headers announce `len` bytes.
pub(crate) const fn too_big(len: u64, limit: u64) -> ProtocolError {
    ProtocolError::MessageTooBig { len: Some(len), limit }
}

pub(crate) fn text(text: &str) -> Event<'static> {
    Event::Text(text.to_owned().into())
}

pub(crate) fn binary(payload: &[u8]) -> Event<'static> {
    Event::Binary(payload.to_vec().into())
}

/// Returns octets in which there is nothing to compress.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0]
    };
    core::iter::repeat_with(next).take(len).collect()
}
