//! What the tests share: hexadecimal vectors, connections with agreed parameters, and a naive
//! reading of frames.

use framewise::{
    Config, Connection, Event, Input, ProtocolError, Role,
    deflate::{AgreedParameters, DeflateConfig},
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
    let bytes = connection.output().chunks().collect::<Vec<_>>().concat();
    connection.output().advance(bytes.len());
    let mut rest = &bytes[..];
    let mut frames = Vec::new();
    while let [first, second, behind @ ..] = rest {
        let (len, behind) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes([behind[0], behind[1]])), &behind[2..]),
            127 => (u64::from_be_bytes(behind[..8].try_into().expect("eight")), &behind[8..]),
            len => (u64::from(len), behind),
        };
        let (key, behind) = if second & 0x80 == 0 {
            (vec![0], behind)
        } else {
            (behind[..4].to_vec(), &behind[4..])
        };
        let (payload, behind) = behind.split_at(len as usize);
        let payload = payload.iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key);
        frames.push(Frame { first: *first, payload: payload.collect() });
        rest = behind;
    }
    frames
}
