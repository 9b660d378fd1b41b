//! What the tests share: hexadecimal vectors, a naive reference for frames, and [`Pair`], two
//! machines with a virtual clock and a link that can split, merge and delay octets.
//!
//! Vectors are written as the server sends them, without masks. [`to`] masks them where the
//! receiver is a server, and [`said`] removes the masks from what a client sends, so one vector
//! serves both roles.

use core::time::Duration;
use std::collections::VecDeque;

use framewise::{
    CloseCode, Config, Connection, Delivery, EndOfStream, Event, Input, ProtocolError, Role, State,
    Transport, time::Instant,
};

pub(crate) const ROLES: [Role; 2] = [Role::Client, Role::Server];
pub(crate) const SEED: [u8; 32] = [7; 32];
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Reads hexadecimal digits, with spaces and brackets anywhere.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits
        .chars()
        .filter(|c| !" \n[]".contains(*c))
        .map(|c| c.to_digit(16).expect("a hexadecimal digit") as u8)
        .collect();
    assert!(digits.len().is_multiple_of(2), "whole octets");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// What tells the time to a machine of which nothing is due, and returns its deadline.
pub(crate) trait Tell {
    fn tell(&mut self, now: Instant) -> Option<Instant>;
}

impl Tell for Connection {
    fn tell(&mut self, now: Instant) -> Option<Instant> {
        assert_eq!(self.handle_timeout(now), None);
        self.poll_timeout(now)
    }
}

#[cfg(feature = "std")]
impl Tell for framewise::ReceiveHalf {
    fn tell(&mut self, now: Instant) -> Option<Instant> {
        assert_eq!(self.handle_timeout(now), None);
        self.poll_timeout(now)
    }
}

/// Makes a connection with the default configuration.
pub(crate) fn end(role: Role) -> Connection {
    end_with(role, |_| ())
}

pub(crate) fn end_with(role: Role, configure: impl FnOnce(&mut Config)) -> Connection {
    let mut config = Config::default();
    configure(&mut config);
    match role {
        Role::Client => Connection::client(config, SEED),
        Role::Server => Connection::server(config),
    }
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
            Ok(None) => {
                assert!(input.is_empty(), "all input is taken before more is asked for");
                return (events, None);
            }
            Err(error) => return (events, Some(error)),
        }
    }
}

/// Feeds octets in reads of at most `len`.
pub(crate) fn feed_by(
    connection: &mut Connection,
    bytes: &[u8],
    len: usize,
) -> (Vec<Event<'static>>, Option<ProtocolError>) {
    let mut all = Vec::new();
    for piece in bytes.chunks(len) {
        let (events, error) = feed(connection, piece);
        all.extend(events);
        if error.is_some() {
            return (all, error);
        }
    }
    (all, None)
}

/// Feeds octets that are expected to be right.
pub(crate) fn events(connection: &mut Connection, bytes: &[u8]) -> Vec<Event<'static>> {
    let (events, error) = feed(connection, bytes);
    assert_eq!(error, None, "after {events:?}");
    events
}

/// Takes all output.
pub(crate) fn drain(connection: &mut Connection) -> Vec<u8> {
    let mut all = Vec::new();
    while connection.has_output() {
        let chunk = connection.output().chunk().to_vec();
        assert!(!chunk.is_empty(), "output that is announced is there");
        connection.output().advance(chunk.len());
        all.extend(chunk);
    }
    assert!(connection.output().is_empty());
    all
}

/// Takes all output and removes the masks, after a check that a client has masked every frame and
/// a server none.
pub(crate) fn said(connection: &mut Connection) -> Vec<u8> {
    let role = connection.role();
    let bytes = drain(connection);
    frames(&bytes)
        .into_iter()
        .flat_map(|frame| {
            assert_eq!(frame.key.is_some(), role == Role::Client, "5.1: the client masks");
            Frame { key: None, ..frame }.encode()
        })
        .collect()
}

/// Turns frames without masks into what an endpoint in `role` receives.
pub(crate) fn to(role: Role, frames: &str) -> Vec<u8> {
    to_bytes(role, &hex(frames))
}

pub(crate) fn to_bytes(role: Role, frames: &[u8]) -> Vec<u8> {
    if role == Role::Server { mask_frames(frames, KEY) } else { frames.to_vec() }
}

/// Masks frames, broken and unfinished ones too, as far as they go.
pub(crate) fn mask_frames(mut bytes: &[u8], key: [u8; 4]) -> Vec<u8> {
    let mut masked = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        let field = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        }
        .min(rest.len());
        let len = match field {
            0 => u64::from(second & 0x7f),
            _ => rest[..field].iter().fold(0, |len, &octet| len << 8 | u64::from(octet)),
        };
        let payload = &rest[field..];
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(payload.len());
        masked.extend([*first, second | 0x80]);
        masked.extend(&rest[..field]);
        masked.extend(key);
        masked.extend(payload[..len].iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b));
        bytes = &payload[len..];
    }
    masked.extend(bytes);
    masked
}

/// A frame, as the naive reference sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    pub(crate) fin: bool,
    pub(crate) rsv: u8,
    pub(crate) opcode: u8,
    pub(crate) key: Option<[u8; 4]>,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// Encodes the frame by the letter of section 5.2.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mask = if self.key.is_some() { 0x80 } else { 0 };
        let mut bytes = vec![u8::from(self.fin) << 7 | self.rsv << 4 | self.opcode];
        match self.payload.len() {
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
        match self.key {
            None => bytes.extend(&self.payload),
            Some(key) => {
                bytes.extend(key);
                bytes.extend(self.payload.iter().enumerate().map(|(i, octet)| octet ^ key[i % 4]));
            }
        }
        bytes
    }
}

/// Decodes whole frames, octet by octet, by the letter of section 5.2.
pub(crate) fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let mut next = || {
            let (&octet, rest) = bytes.split_first().expect("only whole frames leave");
            bytes = rest;
            octet
        };
        let (first, second) = (next(), next());
        let len = match second & 0x7f {
            126 => (0..2).fold(0, |len, _| len << 8 | usize::from(next())),
            127 => (0..8).fold(0, |len, _| len << 8 | usize::from(next())),
            len => usize::from(len),
        };
        let key = (second & 0x80 != 0).then(|| [next(), next(), next(), next()]);
        let payload = (0..len).map(|i| next() ^ key.map_or(0, |key| key[i % 4])).collect();
        let (fin, rsv, opcode) = (first & 0x80 != 0, first >> 4 & 7, first & 0xf);
        frames.push(Frame { fin, rsv, opcode, key, payload });
    }
    frames
}

/// Checks that `vector` fails an endpoint of either role as FAIL(code) says, after the events
/// `before`: the error is given again and again, one Close leaves, nothing after it is processed,
/// and the reported code stays 1006. Also when the octets come one by one.
pub(crate) fn fails_after(before: &[Event<'_>], error: ProtocolError, code: u16, vector: &str) {
    for role in ROLES {
        for len in [usize::MAX, 1] {
            let mut connection = end(role);
            fails(&mut connection, before, error, code, &to(role, vector), len);
        }
    }
}

pub(crate) fn fails_with(error: ProtocolError, code: u16, vector: &str) {
    fails_after(&[], error, code, vector);
}

/// The error for a message whose headers announce `len` bytes.
pub(crate) const fn too_big(len: u64, limit: u64) -> ProtocolError {
    ProtocolError::MessageTooBig { len: Some(len), limit }
}

/// The Close of a failure, as the server sends it.
pub(crate) fn failure_close(error: ProtocolError) -> Vec<u8> {
    let code = u16::from(error.close_code()).to_be_bytes();
    let payload = [&code[..], error.close_reason().as_bytes()].concat();
    Frame { fin: true, rsv: 0, opcode: 8, key: None, payload }.encode()
}

/// [`fails_after`] for one connection and reads of at most `len` octets.
pub(crate) fn fails(
    connection: &mut Connection,
    before: &[Event<'_>],
    error: ProtocolError,
    code: u16,
    bytes: &[u8],
    len: usize,
) {
    let role = connection.role();
    // 6455-7.1.7-08: what was complete before is delivered.
    let (events, found) = feed_by(connection, bytes, len);
    assert_eq!(found, Some(error), "{role:?}, {bytes:02x?} in reads of {len}");
    assert_eq!(events, before);
    assert_eq!(error.close_code(), CloseCode::from(code));
    assert_eq!(connection.state(), State::Failed);
    let expected = match role {
        Role::Client => Transport::Open,
        Role::Server => Transport::ShutdownWrite,
    };
    assert_eq!(connection.transport(), expected);
    // Pings in front of the fault may have been answered.
    let replies: Vec<Frame> = frames(&drain(connection))
        .into_iter()
        .map(|frame| Frame { key: None, ..frame })
        .filter(|frame| frame.opcode != 0xa)
        .collect();
    let payload = [&code.to_be_bytes()[..], error.close_reason().as_bytes()].concat();
    assert_eq!(replies, [Frame { fin: true, rsv: 0, opcode: 8, key: None, payload }]);
    // Text, a Ping and a Close, none of which is processed or answered (6455-7.1.7-07).
    let (events, found) = feed(connection, &to(role, "[8101 61][8900][8802 03e8]"));
    assert_eq!((events, found), (vec![], Some(error)));
    assert_eq!(drain(connection), b"");
    assert_eq!(connection.close_code(), CloseCode::ABNORMAL);
    assert_eq!(connection.received_close(), None);
    assert_eq!(connection.receive_eof(), EndOfStream::Incomplete);
    assert_eq!(connection.state(), State::Closed);
    assert_eq!(connection.transport(), Transport::Close);
    assert_eq!(feed(connection, &to(role, "8101 61")), (vec![], Some(error)), "still the same");
    assert_eq!(drain(connection), b"");
}

/// Checks that `vector` gives `expected` and no output to an endpoint of either role, in one read,
/// octet by octet, and in every cut in two.
pub(crate) fn gives(vector: &str, expected: &[Event<'_>]) {
    replies(vector, expected, "");
}

/// [`gives`], with the frames `reply` as output.
pub(crate) fn replies(vector: &str, expected: &[Event<'_>], reply: &str) {
    for role in ROLES {
        let bytes = to(role, vector);
        let mut reads: Vec<Vec<&[u8]>> = vec![vec![&bytes], bytes.chunks(1).collect()];
        reads.extend((1..bytes.len().min(600)).map(|cut| vec![&bytes[..cut], &bytes[cut..]]));
        for reads in reads {
            let mut connection = end(role);
            let found: Vec<_> =
                reads.iter().flat_map(|read| events(&mut connection, read)).collect();
            assert_eq!(found, expected, "{role:?} {reads:02x?}");
            assert_eq!(said(&mut connection), hex(reply), "{role:?} {reads:02x?}");
        }
    }
}

pub(crate) fn text(text: &str) -> Event<'_> {
    Event::Text(text.into())
}

pub(crate) fn binary(payload: &[u8]) -> Event<'_> {
    Event::Binary(payload.into())
}

pub(crate) fn ping(payload: &[u8]) -> Event<'_> {
    Event::Ping(payload.into())
}

pub(crate) fn pong(payload: &[u8]) -> Event<'_> {
    Event::Pong(payload.into())
}

pub(crate) fn close(code: u16, reason: &str) -> Event<'static> {
    Event::Close(framewise::CloseFrame { code: code.into(), reason: reason.into() })
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn at(secs: u64) -> Instant {
    Instant::from_origin(Duration::from_secs(secs))
}

/// Two machines that talk to one another.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) client: Side,
    pub(crate) server: Side,
    pub(crate) now: Instant,
    /// How long octets travel.
    pub(crate) delay: Duration,
    /// The largest piece that the link delivers at once.
    pub(crate) piece: usize,
    /// Whether pieces that arrive at the same time are merged.
    pub(crate) merge: bool,
}

/// One machine, what it told, and what travels to it.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) connection: Connection,
    pub(crate) events: Vec<Event<'static>>,
    pub(crate) error: Option<ProtocolError>,
    pub(crate) end: Option<EndOfStream>,
    pub(crate) echo: bool,
    // `None` is the end of the stream.
    incoming: VecDeque<(Instant, Option<Vec<u8>>)>,
    shut: bool,
}

impl Pair {
    pub(crate) fn new(configure: impl Fn(&mut Config)) -> Self {
        let side = |role| Side {
            connection: end_with(role, &configure),
            events: Vec::new(),
            error: None,
            end: None,
            echo: false,
            incoming: VecDeque::new(),
            shut: false,
        };
        Self {
            client: side(Role::Client),
            server: side(Role::Server),
            now: Instant::ORIGIN,
            delay: Duration::ZERO,
            piece: usize::MAX,
            merge: true,
        }
    }

    /// Lets `duration` pass: octets travel, timers fire.
    pub(crate) fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        loop {
            self.exchange();
            self.client.connection.handle_timeout(self.now);
            self.server.connection.handle_timeout(self.now);
            self.exchange();
            let timers = [
                self.client.connection.poll_timeout(self.now),
                self.server.connection.poll_timeout(self.now),
                self.client.incoming.front().map(|arrival| arrival.0),
                self.server.incoming.front().map(|arrival| arrival.0),
            ];
            let Some(next) = timers.into_iter().flatten().min().filter(|&next| next <= until)
            else {
                break;
            };
            self.now = self.now.max(next);
        }
        self.now = until;
    }

    /// Moves octets until nothing moves at this moment.
    pub(crate) fn exchange(&mut self) {
        let (now, delay, piece) = (self.now, self.delay, self.piece);
        loop {
            self.client.send(&mut self.server.incoming, now + delay, piece);
            self.server.send(&mut self.client.incoming, now + delay, piece);
            let moved = self.client.receive(now, self.merge) | self.server.receive(now, self.merge);
            if !moved && !self.client.is_busy() && !self.server.is_busy() {
                return;
            }
        }
    }
}

impl Side {
    fn arrived(&mut self, now: Instant) -> Option<(Instant, Option<Vec<u8>>)> {
        self.incoming.front().filter(|arrival| arrival.0 <= now)?;
        self.incoming.pop_front()
    }

    fn is_busy(&self) -> bool {
        !self.shut && self.connection.has_output()
    }

    fn send(
        &mut self,
        to: &mut VecDeque<(Instant, Option<Vec<u8>>)>,
        arrival: Instant,
        piece: usize,
    ) {
        if self.shut {
            return;
        }
        for bytes in drain(&mut self.connection).chunks(piece) {
            to.push_back((arrival, Some(bytes.to_vec())));
        }
        if self.connection.transport() != Transport::Open {
            self.shut = true;
            to.push_back((arrival, None));
        }
    }

    fn receive(&mut self, now: Instant, merge: bool) -> bool {
        let mut read = Vec::new();
        let mut ended = false;
        while !ended && (merge || read.is_empty()) {
            let Some((_, bytes)) = self.arrived(now) else {
                break;
            };
            match bytes {
                Some(bytes) => read.extend(bytes),
                None => ended = true,
            }
        }
        let moved = ended || !read.is_empty();
        let (events, error) = feed(&mut self.connection, &read);
        if self.echo {
            for event in &events {
                match event {
                    Event::Text(text) => drop(self.connection.send_text(&**text)),
                    Event::Binary(payload) => drop(self.connection.send_binary(&**payload)),
                    _ => {}
                }
            }
        }
        self.events.extend(events);
        self.error = self.error.or(error);
        if ended {
            self.end = Some(self.connection.receive_eof());
        }
        moved
    }
}

/// Merges the chunks of [`Delivery::Chunks`] into messages; returns an unfinished one apart.
pub(crate) fn merge(chunks: Vec<Event<'static>>) -> (Vec<Event<'static>>, Vec<u8>) {
    let mut merged = Vec::new();
    let mut held = Vec::new();
    for event in chunks {
        match event {
            Event::TextChunk { text, fin } => {
                held.extend_from_slice(text.as_bytes());
                if fin {
                    let text = String::from_utf8(core::mem::take(&mut held)).expect("UTF-8");
                    merged.push(Event::Text(text.into()));
                }
            }
            Event::BinaryChunk { payload, fin } => {
                held.extend_from_slice(&payload);
                if fin {
                    merged.push(Event::Binary(core::mem::take(&mut held).into()));
                }
            }
            event => merged.push(event),
        }
    }
    (merged, held)
}

pub(crate) fn chunked(role: Role) -> Connection {
    let mut connection = end(role);
    connection.set_delivery(Delivery::Chunks);
    connection
}
