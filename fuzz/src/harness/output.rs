//! Output that the transport takes bit by bit, against a plain list of octets.

use std::{io::IoSlice, sync::Arc};

use arbitrary::Arbitrary;
use framewise::{
    Binary, CloseCode, Config, Connection, Output, Payload, Role, SendError, SendErrorKind, State,
    Text, frame::Opcode,
};

use super::connection::{self, said};

/// What a program writes, and when.
#[derive(Arbitrary, Clone, Debug)]
pub struct Written {
    /// Whether it is a client.
    pub client: bool,
    /// How much may wait.
    pub limit: u8,
    /// What it does.
    pub acts: Vec<Act>,
}

/// Something that a program does with a connection.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Act {
    /// The transport takes octets.
    Advance(u16),
    /// The transport takes octets, slice by slice.
    AdvanceChunks(u8),
    /// The transport takes all octets.
    AdvanceAll,
    /// Queues a Close.
    Close(u8),
    /// Queues a fragment.
    Fragment(Lent, bool),
    /// Queues a Ping.
    Ping(u8),
    /// Queues a Pong.
    Pong(u8),
    /// Goes to sleep.
    Release,
    /// Queues a message.
    Send(Lent),
}

/// A payload: its type and length, and how the program has it.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Lent {
    /// Whether it is text.
    pub text: bool,
    /// Whether it is lent, given away, or shared.
    pub held: Held,
    /// How long it is.
    pub len: Len,
}

/// How a program has a payload.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Held {
    /// It keeps it.
    Borrowed,
    /// It gives it away.
    Owned,
    /// It shares it.
    Shared,
}

/// How long a payload is.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Len {
    /// About as long as the limit of something.
    Limit(u8, i8),
    /// Short.
    Short(u8),
    /// Any length up to 8 KiB.
    Any(u16),
}

impl Len {
    pub(super) fn get(self) -> usize {
        match self {
            Self::Limit(limit, off) => {
                let limits = [125, 512, 4 << 10, 16 << 10, 1 << 16];
                let limit: usize = limits[usize::from(limit) % limits.len()];
                limit.saturating_add_signed((off / 4).into())
            }
            Self::Short(len) => len.into(),
            Self::Any(len) => usize::from(len >> 3),
        }
    }
}

/// Makes the octets of a payload: text, and different for each `number`.
pub(super) fn payload(number: usize, len: usize) -> Vec<u8> {
    (0..len).map(|place| b' ' + ((number * 31 + place * 7 + place / 95) % 95) as u8).collect()
}

pub(super) fn lend(octets: &[u8], text: bool, held: Held) -> Payload<'_> {
    if text {
        let text = std::str::from_utf8(octets).expect("printable");
        return match held {
            Held::Borrowed => text.into(),
            Held::Owned => text.to_owned().into(),
            Held::Shared => Text::from(Arc::<str>::from(text)).into(),
        };
    }
    match held {
        Held::Borrowed => octets.into(),
        Held::Owned => octets.to_vec().into(),
        Held::Shared => Binary::from(Arc::<[u8]>::from(octets)).into(),
    }
}

/// What is queued is written as it was queued, and as much may wait as is said.
pub fn output(written: &Written) {
    let role = if written.client { Role::Client } else { Role::Server };
    let mut config = Config::default();
    config.max_output = [0, 100, 1000, 1 << 14, 1 << 16, 160 << 10][usize::from(written.limit) % 6];
    let mut model = Model {
        connection: connection::new(role, &Arc::new(config)),
        waiting: Vec::new(),
        written: Vec::new(),
        frames: Vec::new(),
        fragmented: None,
        last_control: 0,
    };
    for (number, act) in written.acts.iter().take(100).enumerate() {
        model.play(number, *act);
    }
    model.advance(model.waiting.len());
    assert_eq!(said(role, &model.written), model.frames);
}

struct Model {
    connection: Connection,
    /// What waits, as it was seen to be queued.
    waiting: Vec<u8>,
    /// What was written.
    written: Vec<u8>,
    /// The frames that were queued.
    frames: Vec<(Opcode, Vec<u8>)>,
    /// Whether a fragmented message is open, and is text.
    fragmented: Option<bool>,
    /// How much is to be written up to the end of the last control frame.
    last_control: usize,
}

impl Model {
    fn play(&mut self, number: usize, act: Act) {
        match act {
            Act::Advance(count) => self.advance(usize::from(count).min(self.waiting.len())),
            Act::AdvanceChunks(count) => {
                let chunks = self.connection.output().chunks().take(count.into());
                let count = chunks.map(<[u8]>::len).sum();
                self.advance(count);
            }
            Act::AdvanceAll => self.advance(self.waiting.len()),
            Act::Close(len) => {
                let reason = payload(number, len.into());
                let reason = std::str::from_utf8(&reason).expect("printable");
                let result = self.connection.close(CloseCode::NORMAL, reason);
                let content = [&[3, 0xe8], reason.as_bytes()].concat();
                self.control(Opcode::Close, &content, &result);
                if result.is_ok() {
                    self.fragmented = None;
                }
            }
            Act::Fragment(lent, fin) => self.fragment(number, lent, fin),
            Act::Ping(len) => {
                let content = payload(number, len.into());
                let result = self.connection.ping(&content);
                self.control(Opcode::Ping, &content, &result);
            }
            Act::Pong(len) => {
                let content = payload(number, len.into());
                let result = self.connection.pong(&content);
                self.control(Opcode::Pong, &content, &result);
            }
            Act::Release => self.connection.output().release(),
            Act::Send(lent) => self.send(number, lent),
        }
        self.look();
    }

    fn send(&mut self, number: usize, lent: Lent) {
        let content = payload(number, lent.len.get());
        let allowed = match self.check(content.len()) {
            Ok(()) if self.fragmented.is_some() => Err(SendErrorKind::UnfinishedMessage),
            allowed => allowed,
        };
        let result = self.connection.send(lend(&content, lent.text, lent.held));
        if self.told(lent, &content, allowed, result) {
            let opcode = if lent.text { Opcode::Text } else { Opcode::Binary };
            self.queued(opcode, content);
        }
    }

    fn fragment(&mut self, number: usize, lent: Lent, fin: bool) {
        let content = payload(number, lent.len.get());
        let allowed = match self.fragmented {
            Some(text) if text != lent.text => Err(SendErrorKind::MixedFragments),
            _ => self.check(content.len()),
        };
        let result = self.connection.send_fragment(lend(&content, lent.text, lent.held), fin);
        if self.told(lent, &content, allowed, result) {
            let opcode = match (self.fragmented, lent.text) {
                (Some(_), _) => Opcode::Continuation,
                (None, true) => Opcode::Text,
                (None, false) => Opcode::Binary,
            };
            self.fragmented = (!fin).then_some(lent.text);
            self.queued(opcode, content);
        }
    }

    /// Returns whether a frame may be sent, by the limits.
    fn check(&self, len: usize) -> Result<(), SendErrorKind> {
        let header_len = match len {
            ..126 => 2,
            126..65_536 => 4,
            _ => 10,
        };
        let key_len = if self.connection.role() == Role::Client { 4 } else { 0 };
        let has_room =
            self.waiting.len() + header_len + key_len + len <= self.connection.config().max_output;
        assert_eq!(self.connection.has_room(len), has_room);
        if self.connection.state() != State::Open {
            Err(SendErrorKind::Closed)
        } else if header_len + key_len + len > self.connection.config().max_output {
            let limit = self.connection.config().max_output;
            Err(SendErrorKind::MessageTooBig { len: header_len + key_len + len, limit })
        } else if !has_room {
            Err(SendErrorKind::OutputFull)
        } else {
            Ok(())
        }
    }

    /// Checks what was told of a message, and that it comes back; returns whether it was queued.
    fn told(
        &self,
        lent: Lent,
        content: &[u8],
        allowed: Result<(), SendErrorKind>,
        result: Result<(), SendError>,
    ) -> bool {
        let Err(error) = result else {
            assert_eq!(allowed, Ok(()));
            return true;
        };
        assert_eq!(allowed, Err(error.kind()));
        let back = match lent.held {
            Held::Borrowed => None,
            Held::Owned | Held::Shared => Some(lend(content, lent.text, Held::Borrowed)),
        };
        assert_eq!(error.into_payload(), back);
        false
    }

    fn control(&mut self, opcode: Opcode, content: &[u8], result: &Result<(), SendError>) {
        match result {
            Ok(()) => {
                assert!(content.len() <= 125);
                self.queued(opcode, content.to_vec());
            }
            Err(error) if error.kind() == SendErrorKind::Closed => {
                assert_ne!(self.connection.state(), State::Open);
            }
            Err(error)
                if matches!(
                    error.kind(),
                    SendErrorKind::LongCloseReason { .. } | SendErrorKind::LongControlFrame { .. }
                ) =>
            {
                assert!(content.len() > 125);
            }
            Err(error) => {
                assert_eq!(error.kind(), SendErrorKind::OutputFull);
                assert_ne!(opcode, Opcode::Close, "there is always room for a Close");
                assert!(self.last_control > self.written.len(), "the reserve is there");
            }
        }
    }

    /// Takes note of a frame that was queued: it is behind what waited before.
    fn queued(&mut self, opcode: Opcode, content: Vec<u8>) {
        let octets = waiting(self.connection.output());
        assert!(octets.starts_with(&self.waiting), "what waited has changed");
        assert!(octets.len() > self.waiting.len() + content.len(), "nothing was queued");
        self.waiting = octets;
        if opcode.is_control() {
            self.last_control = self.written.len() + self.waiting.len();
        }
        self.frames.push((opcode, content));
    }

    fn advance(&mut self, count: usize) {
        self.connection.output().advance(count);
        self.written.extend(self.waiting.drain(..count));
    }

    /// Checks that all ways to look at the output show the same.
    fn look(&mut self) {
        let has_output = self.connection.has_output();
        let output = self.connection.output();
        assert!(waiting(output) == self.waiting, "what waits is not what was queued");
        assert_eq!((output.len(), output.is_empty()), (self.waiting.len(), !has_output));
        assert_eq!(output.is_empty(), self.waiting.is_empty());
        assert_eq!(output.chunk(), output.chunks().next().unwrap_or_default());
        assert!(output.chunks().all(|chunk| !chunk.is_empty()), "a chunk with nothing in it");
        let mut slices = [IoSlice::new(&[]); 4];
        let count = output.chunks_vectored(&mut slices);
        assert_eq!(count, output.chunks().count().min(4));
        assert!(output.chunks().zip(&slices[..count]).all(|(chunk, slice)| *chunk == **slice));
    }
}

fn waiting(output: &Output) -> Vec<u8> {
    output.chunks().collect::<Vec<_>>().concat()
}
