//! Clients by hand, most of them with no manners. They know of WebSocket just enough to tell
//! whether the server keeps its promises.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr},
    time::{Duration, Instant},
};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

/// What a client does.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    /// Sends messages of several sizes and checks that they come back, again and again.
    Healthy,
    /// Does nothing, but answers Pings.
    Idle,
    /// Sends Pings by the thousand without reading; the last one has to be answered.
    PingFlood,
    /// Sends an octet of its request now and then: 408.
    SlowRequest,
    /// Sends a header field that does not end: 431.
    EndlessField,
    /// Sends header fields that do not end: 431.
    EndlessFields,
    /// Sends fragments that do not end: Close 1009.
    EndlessMessage,
    /// Sends empty fragments that do not end: Close 1009.
    EmptyFragments,
    /// Announces a large frame: Close 1009.
    LargeFrame,
    /// Sends a frame without a mask: Close 1002.
    Unmasked,
    /// Sends a text that is not UTF-8: Close 1007.
    BadText,
    /// Stops in the middle of a frame and ends its direction; or is one of the others that is
    /// dropped so.
    Halfway,
    /// Sends a Close and does not close the connection when it is answered: it is reset.
    NeverCloses,
    /// Does not answer Pings: Close 1011.
    Silent,
    /// Sends messages and reads nothing: it is dropped.
    NeverReads,
}

impl Kind {
    /// Those whose end takes no longer than a wave.
    pub(crate) const HOSTILE: [Self; 11] = [
        Self::PingFlood,
        Self::SlowRequest,
        Self::EndlessField,
        Self::EndlessFields,
        Self::EndlessMessage,
        Self::EmptyFragments,
        Self::LargeFrame,
        Self::Unmasked,
        Self::BadText,
        Self::Halfway,
        Self::NeverCloses,
    ];

    /// Those that the server waits for longer.
    pub(crate) const PATIENT: [Self; 2] = [Self::Silent, Self::NeverReads];

    /// Whether it ends only when it is told to.
    pub(crate) fn stays(self) -> bool {
        matches!(self, Self::Healthy | Self::Idle)
    }

    /// How the server has to end it: with a response, or with a Close.
    fn ending(self) -> Option<u16> {
        Some(match self {
            Self::SlowRequest => 408,
            Self::EndlessField | Self::EndlessFields => 431,
            Self::EndlessMessage | Self::EmptyFragments | Self::LargeFrame => 1009,
            Self::Unmasked => 1002,
            Self::BadText => 1007,
            Self::PingFlood | Self::NeverCloses | Self::Healthy | Self::Idle => 1000,
            Self::Silent => 1011,
            Self::Halfway | Self::NeverReads => return None,
        })
    }
}

/// How a client that stays is dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Drop {
    /// It sends a Close and waits for the answer and the end.
    Close,
    /// It ends its direction and waits for the end.
    End,
    /// It resets the connection.
    Reset,
}

/// A connection to the server.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) kind: Kind,
    /// When it does something of its own accord.
    pub(crate) next: Option<Instant>,
    /// How many messages came back, and how long the slowest one took.
    pub(crate) echoes: u32,
    pub(crate) slowest: Duration,
    /// Whether the server's response has come, or none is waited for.
    pub(crate) answered: bool,
    /// When it was opened, or was told to leave.
    pub(crate) opened: Instant,
    /// Octets that came and were not looked at, and octets to be sent.
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    upgraded: bool,
    /// The status of a response that refuses, or the code of a Close.
    ending: Option<u16>,
    sent_close: bool,
    ended: bool,
    /// What has to come back, and since when it is waited for.
    expected: Option<(Vec<u8>, Instant)>,
    round: u32,
    pace: Duration,
}

/// Whether a client goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    Waits,
    /// It has ended as it should.
    Done,
}

impl Client {
    /// Begins to connect, from an address that depends on `index`.
    pub(crate) fn connect(
        server: SocketAddr,
        kind: Kind,
        index: usize,
        pace: Duration,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        // Several addresses, each of which has 28,000 ports.
        let last = u8::try_from(index % 8).unwrap_or_default() + 2;
        socket.bind(&SocketAddr::from(([127, 0, 0, last], 0)).into())?;
        socket.set_nonblocking(true)?;
        match socket.connect(&server.into()) {
            Err(error) if error.raw_os_error() != Some(nix::libc::EINPROGRESS) => {
                return Err(error);
            }
            _ => {}
        }
        let now = Instant::now();
        let request = REQUEST.as_bytes();
        let outbox = match kind {
            Kind::SlowRequest => Vec::new(),
            Kind::EndlessField => {
                [&request[..request.len() - 2], b"X: ", &[b'a'; 64 << 10]].concat()
            }
            Kind::EndlessFields => {
                [&request[..request.len() - 2], &b"X: a\r\n".repeat(10_000)].concat()
            }
            _ => request.to_vec(),
        };
        Ok(Self {
            stream: TcpStream::from_std(socket.into()),
            kind,
            next: (kind == Kind::SlowRequest).then_some(now),
            echoes: 0,
            slowest: Duration::ZERO,
            answered: kind == Kind::SlowRequest,
            opened: now,
            inbox: Vec::new(),
            outbox,
            upgraded: false,
            ending: None,
            sent_close: false,
            ended: false,
            expected: None,
            round: 0,
            pace,
        })
    }

    /// Does what there is to do. `lost` says that the connection is no more.
    pub(crate) fn drive(&mut self, lost: bool, buf: &mut [u8]) -> Result<Progress, String> {
        self.drive_once(lost, buf).map_err(|error| {
            let age = self.opened.elapsed().as_secs_f32();
            format!("{:?}, after {age:.1} s: {error}", self.kind)
        })
    }

    fn drive_once(&mut self, lost: bool, buf: &mut [u8]) -> Result<Progress, String> {
        let now = Instant::now();
        if now.duration_since(self.opened) > PATIENCE && !self.kind.stays() {
            return Err("it has not ended".into());
        }
        if self.next.is_some_and(|next| next <= now) {
            self.next = None;
            self.act(now);
        }
        if lost && matches!(self.kind, Kind::NeverReads | Kind::NeverCloses) && self.upgraded {
            return Ok(Progress::Done);
        }
        for _ in 0..TURN {
            let mut moved = self.write()?;
            // A flood is not read from until it is written.
            let deaf = match self.kind {
                Kind::NeverReads => self.upgraded,
                Kind::PingFlood => self.upgraded && !self.outbox.is_empty(),
                _ => false,
            };
            if !deaf {
                moved |= self.read(buf)?;
                self.take_response()?;
                while self.upgraded && self.take_frame()? {}
                if self.ended {
                    return self.end();
                }
            }
            if !moved {
                return Ok(Progress::Waits);
            }
        }
        // Others have their turns first.
        self.next = Some(self.next.map_or(now, |next| next.min(now)));
        Ok(Progress::Waits)
    }

    /// Returns how the connection is to be dropped by its owner, for one that stays.
    pub(crate) fn leave(&mut self, how: Drop) -> Result<Progress, String> {
        match how {
            Drop::Close => {
                self.next = None;
                self.push(CLOSE, &1000_u16.to_be_bytes());
                self.sent_close = true;
            }
            Drop::End => {
                self.next = None;
                self.expected = None;
                self.kind = Kind::Halfway;
                let _ = self.stream.shutdown(Shutdown::Write); // The server may have ended it.
            }
            Drop::Reset => {
                let socket = socket2::SockRef::from(&self.stream);
                socket.set_linger(Some(Duration::ZERO)).map_err(|error| error.to_string())?;
                return Ok(Progress::Done);
            }
        }
        self.opened = Instant::now();
        Ok(Progress::Waits)
    }

    /// Whether a message is under way.
    pub(crate) fn waits_for_echo(&self) -> bool {
        self.expected.is_some() || !self.answered
    }

    /// Does what it does of its own accord.
    fn act(&mut self, now: Instant) {
        match self.kind {
            Kind::Healthy if self.expected.is_none() && self.upgraded && !self.sent_close => {
                let size = SIZES[self.round as usize % SIZES.len()];
                let first = u8::try_from(self.round % 26).unwrap_or_default();
                let text: Vec<u8> = (b'a'..=b'z').cycle().skip(first.into()).take(size).collect();
                self.push(TEXT, &text);
                self.expected = Some((text, now));
                self.round += 1;
            }
            Kind::SlowRequest if self.ending.is_none() => {
                let octet = REQUEST.as_bytes()[self.round as usize % 64];
                self.outbox.push(octet);
                self.round += 1;
                self.next = Some(now + Duration::from_millis(500));
            }
            Kind::NeverCloses => {
                // To a server that has closed its socket this is the last octet.
                self.outbox.push(0);
                self.next = Some(now + Duration::from_secs(1));
            }
            _ => {}
        }
    }

    /// Begins what it does behind the handshake.
    fn begin(&mut self) {
        match self.kind {
            Kind::Healthy => {
                // Spread, so that not all of them speak at once.
                let share = self.stream.local_addr().map_or(0, |address| address.port() % 64);
                self.next = Some(Instant::now() + self.pace * share.into() / 64);
            }
            Kind::PingFlood => self.flood(),
            Kind::EndlessMessage | Kind::EmptyFragments | Kind::NeverReads => self.refill(),
            Kind::LargeFrame => {
                self.outbox.extend([0x82, 0xff]);
                self.outbox.extend((1_u64 << 40).to_be_bytes());
                self.outbox.extend(KEY);
            }
            Kind::Unmasked => self.outbox.extend([0x81, 1, b'a']),
            Kind::BadText => self.push(TEXT, &[b'a', 0xff]),
            Kind::Halfway => {
                self.outbox.extend([0x82, 0xfe, 4, 0, 1, 2, 3, 4, 5, 6]);
            }
            Kind::NeverCloses => {
                self.push(CLOSE, &1000_u16.to_be_bytes());
                self.sent_close = true;
            }
            Kind::Idle | Kind::Silent => {}
            Kind::SlowRequest | Kind::EndlessField | Kind::EndlessFields => {}
        }
    }

    fn flood(&mut self) {
        for index in 0..FLOOD {
            let mut payload = [b'p'; 125];
            payload[..8].copy_from_slice(&(u64::from(self.round) << 32 | index).to_be_bytes());
            self.push(PING, &payload);
            self.expected = Some((payload.to_vec(), Instant::now()));
        }
        self.round += 1;
    }

    /// Makes more of what does not end.
    fn refill(&mut self) {
        if self.ending.is_some() {
            return;
        }
        let first = if self.round == 0 { BINARY } else { 0 };
        self.round += 1;
        match self.kind {
            Kind::EndlessMessage => {
                self.outbox.extend([first, 0xff]);
                self.outbox.extend((64_u64 << 10).to_be_bytes());
                self.outbox.extend(KEY);
                self.outbox.resize(self.outbox.len() + (64 << 10), b'a');
            }
            Kind::EmptyFragments => {
                for index in 0..1000 {
                    self.outbox.extend([if index == 0 { first } else { 0 }, 0x80]);
                    self.outbox.extend(KEY);
                }
            }
            Kind::NeverReads => self.push(TEXT, &[b'a'; 60_000]),
            _ => {}
        }
    }

    /// Queues a masked frame.
    fn push(&mut self, opcode: u8, payload: &[u8]) {
        self.outbox.push(0x80 | opcode);
        match payload.len() {
            len @ 0..126 => self.outbox.push(0x80 | u8::try_from(len).unwrap_or_default()),
            len @ 126..65536 => {
                self.outbox.push(0xfe);
                self.outbox.extend(u16::try_from(len).unwrap_or_default().to_be_bytes());
            }
            len => {
                self.outbox.push(0xff);
                self.outbox.extend((len as u64).to_be_bytes());
            }
        }
        self.outbox.extend(KEY);
        self.outbox.extend(payload.iter().zip(KEY.iter().cycle()).map(|(a, b)| a ^ b));
    }

    /// Writes what there is; returns whether something was.
    fn write(&mut self) -> Result<bool, String> {
        if self.outbox.is_empty() {
            return Ok(false);
        }
        match self.stream.write(&self.outbox) {
            Ok(len) => {
                self.outbox.drain(..len);
            }
            Err(error) if is_blocked(&error) => return Ok(false),
            // What comes in tells how it has ended.
            Err(_) if self.kind != Kind::Healthy => {
                self.outbox.clear();
                return Ok(false);
            }
            Err(error) => return Err(error.to_string()),
        }
        if self.outbox.is_empty() && self.upgraded {
            match self.kind {
                Kind::Halfway => drop(self.stream.shutdown(Shutdown::Write)),
                _ => self.refill(),
            }
        }
        Ok(true)
    }

    /// Reads once; returns whether there may be more.
    fn read(&mut self, buf: &mut [u8]) -> Result<bool, String> {
        match self.stream.read(buf) {
            Ok(0) => self.ended = true,
            Ok(len) => {
                self.inbox.extend_from_slice(&buf[..len]);
                return Ok(true);
            }
            Err(error) if is_blocked(&error) => {}
            // For who is refused while it still sends, when it has seen why.
            Err(error) if error.kind() == ErrorKind::ConnectionReset && self.ending.is_some() => {
                self.ended = true;
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                self.ended = true;
                return match self.kind {
                    Kind::Halfway => Ok(false),
                    _ => Err(error.to_string()),
                };
            }
            Err(error) => return Err(error.to_string()),
        }
        Ok(false)
    }

    fn take_response(&mut self) -> Result<(), String> {
        if self.upgraded || self.ending.is_some() {
            return Ok(());
        }
        let Some(end) = self.inbox.windows(4).position(|octets| octets == b"\r\n\r\n") else {
            return Ok(());
        };
        let status = self.inbox.get(9..12).and_then(|digits| str::from_utf8(digits).ok());
        let status: u16 = status.and_then(|digits| digits.parse().ok()).ok_or("no status")?;
        self.inbox.drain(..end + 4);
        self.answered = true;
        if status == 101 {
            self.upgraded = true;
            self.begin();
        } else {
            self.ending = Some(status);
            self.next = None;
        }
        Ok(())
    }

    /// Takes a frame off what came; returns whether there was one.
    fn take_frame(&mut self) -> Result<bool, String> {
        let [first, second, rest @ ..] = self.inbox.as_slice() else {
            return Ok(false);
        };
        let (field, len) = match (second, rest) {
            (126, &[a, b, ..]) => (2, usize::from(u16::from_be_bytes([a, b]))),
            (127, &[0, 0, 0, 0, a, b, c, d, ..]) => (8, u32::from_be_bytes([a, b, c, d]) as usize),
            (126 | 127, _) => return Ok(false),
            (&len, _) => (0, usize::from(len)),
        };
        let Some(payload) = rest.get(field..field + len) else {
            return Ok(false);
        };
        let (opcode, payload) = (first & 0xf, payload.to_vec());
        self.inbox.drain(..2 + field + len);
        if self.ending.is_some() {
            return Err(format!("a frame with opcode {opcode} behind the Close"));
        }
        match opcode {
            TEXT => self.take_echo(&payload)?,
            PING if self.kind == Kind::Silent => {}
            PING => self.push(PONG, &payload),
            PONG if self.kind == Kind::PingFlood => {
                if self.expected.as_ref().is_some_and(|(last, _)| *last == payload) {
                    self.echoes += 1;
                    self.expected = None;
                    if self.round < FLOODS {
                        self.flood();
                    } else {
                        self.push(CLOSE, &1000_u16.to_be_bytes());
                        self.sent_close = true;
                    }
                }
            }
            CLOSE => {
                let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                self.ending = Some(code);
                // What does not end does now.
                self.outbox.clear();
            }
            _ => return Err(format!("a frame with opcode {opcode}")),
        }
        Ok(true)
    }

    fn take_echo(&mut self, payload: &[u8]) -> Result<(), String> {
        match self.expected.take() {
            Some((expected, since)) if expected == payload => {
                self.slowest = self.slowest.max(since.elapsed());
                self.echoes += 1;
                self.next = Some(Instant::now() + self.pace);
                Ok(())
            }
            Some((expected, _)) => Err(format!(
                "a message of {} octets came back as one of {}, or changed",
                expected.len(),
                payload.len()
            )),
            None => Err("a message that was not sent".into()),
        }
    }

    /// Checks that the end of the stream is the right one.
    fn end(&mut self) -> Result<Progress, String> {
        if self.ending != self.kind.ending() && self.kind.ending().is_some() {
            return Err(format!("ended with {:?}", self.ending));
        }
        if self.kind == Kind::NeverCloses {
            if self.next.is_none() {
                self.next = Some(Instant::now() + Duration::from_secs(6));
            }
            return Ok(Progress::Waits);
        }
        if self.kind == Kind::Healthy && self.expected.is_some() {
            return Err("a message did not come back".into());
        }
        Ok(Progress::Done)
    }
}

fn is_blocked(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::NotConnected)
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\
     Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Sizes of messages: all forms of the length, and more than a read of the server.
const SIZES: [usize; 5] = [5, 125, 126, 1000, 70_000];

/// How many Pings come at once, and how often.
const FLOOD: u64 = 2000;
const FLOODS: u32 = 3;

/// How often a client reads and writes before others do.
const TURN: usize = 64;

/// How long an end may take. What is promised takes 45 s at most, but the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 0xa;
