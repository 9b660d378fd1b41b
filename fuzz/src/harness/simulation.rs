//! Two machines of our own, a link between them, and a clock.

use core::time::Duration;
use std::{mem, sync::Arc};

use framewise::{
    CloseCode, Config, Connection, Delivery, Event, Input, Output, Payload, ProtocolError,
    ReceiveHalf, Role, SendError, SendHalf, State, Timeout, Transport, frame::Opcode,
    time::Instant,
};

use super::{
    connection::{self, Reading},
    naive,
    output::{Lent, lend, payload},
};

/// A message: whether it is text, and its octets.
type Message = (bool, Vec<u8>);

/// A connection, in one piece or in two.
enum End {
    Joined(Box<Connection>),
    Halves(Box<(ReceiveHalf, SendHalf)>),
}

/// Calls a method of the connection or of the half that receives.
macro_rules! receiving {
    ($end:expr, $method:ident($($argument:expr),*)) => {
        match $end {
            End::Joined(connection) => connection.$method($($argument),*),
            End::Halves(halves) => halves.0.$method($($argument),*),
        }
    };
}

/// Calls a method of the connection or of the half that sends.
macro_rules! sending {
    ($end:expr, $method:ident($($argument:expr),*)) => {
        match $end {
            End::Joined(connection) => connection.$method($($argument),*),
            End::Halves(halves) => halves.1.$method($($argument),*),
        }
    };
}

/// One of the two ends, with the link from it to the other one.
pub(super) struct Side {
    end: End,
    role: Role,
    max_output: usize,
    /// Messages that were queued, and the one whose fragments are being queued.
    sent: Vec<Message>,
    unfinished: Option<Message>,
    reading: Reading,
    /// Octets that were written, and those of them that were read.
    written: Vec<u8>,
    /// Octets on the way to the other end.
    pub(super) wire: Vec<u8>,
    /// Whether nothing more can be written, and whether the other end was told.
    shut_down: bool,
    told: bool,
    /// Whether time has ended the connection.
    timed_out: bool,
    /// Whether something has happened to the octets on their way.
    pub(super) damaged: bool,
}

impl Side {
    fn new(role: Role) -> Self {
        let mut config = Config::default();
        config.ping_interval = Some(Duration::from_secs(20));
        config.pong_timeout = Some(Duration::from_secs(10));
        config.message_timeout = Some(Duration::from_secs(60));
        config.idle_timeout = Some(Duration::from_secs(100));
        config.max_output = 160 << 10;
        Self {
            max_output: config.max_output,
            end: End::Joined(connection::new(role, &Arc::new(config)).into()),
            role,
            sent: Vec::new(),
            unfinished: None,
            reading: Reading::default(),
            written: Vec::new(),
            wire: Vec::new(),
            shut_down: false,
            told: false,
            timed_out: false,
            damaged: false,
        }
    }

    pub(super) fn send(&mut self, number: usize, lent: Lent) {
        let content = payload(number, lent.len.get());
        let message: Payload<'_> = lend(&content, lent.text, lent.held);
        if sending!(&mut self.end, send(message)).is_ok() {
            assert!(self.unfinished.is_none(), "a message in a message");
            self.sent.push((lent.text, content));
        }
    }

    pub(super) fn fragment(&mut self, number: usize, lent: Lent, fin: bool) {
        let content = payload(number, lent.len.get());
        let fragment: Payload<'_> = lend(&content, lent.text, lent.held);
        if sending!(&mut self.end, send_fragment(fragment, fin)).is_ok() {
            let (text, mut whole) = self.unfinished.take().unwrap_or((lent.text, Vec::new()));
            assert_eq!(text, lent.text, "mixed fragments");
            whole.extend(content);
            if fin {
                self.sent.push((text, whole));
            } else {
                self.unfinished = Some((text, whole));
            }
        }
    }

    pub(super) fn ping(&mut self, len: u8) {
        let result = sending!(&mut self.end, ping(&vec![b'p'; len.into()]));
        self.told_of_control(len, &result);
    }

    pub(super) fn pong(&mut self, len: u8) {
        let result = sending!(&mut self.end, pong(&vec![b'q'; len.into()]));
        self.told_of_control(len, &result);
    }

    fn told_of_control(&self, len: u8, result: &Result<(), SendError>) {
        assert!(result.is_err() || len <= 125);
        assert!(result.is_err() || sending!(&self.end, state()) == State::Open);
    }

    pub(super) fn close(&mut self, code: u16, len: u8) {
        let code = (code != 0).then(|| CloseCode::from(code));
        let result = sending!(&mut self.end, close(code, &"r".repeat(len.into())));
        if result.is_ok() {
            assert_eq!(sending!(&self.end, state()), State::CloseSent);
            self.unfinished = None;
        }
    }

    pub(super) fn deliver_in_chunks(&mut self, chunks: bool) {
        let delivery = if chunks { Delivery::Chunks } else { Delivery::Messages };
        receiving!(&mut self.end, set_delivery(delivery));
    }

    /// Takes the connection apart, or puts it together again.
    pub(super) fn split(&mut self) {
        let nothing = End::Joined(Connection::server(Config::default()).into());
        let state = sending!(&self.end, state());
        self.end = match mem::replace(&mut self.end, nothing) {
            End::Joined(connection) => End::Halves(connection.into_split().into()),
            End::Halves(halves) => {
                let (receiving, sending) = *halves;
                let joined = receiving.reunite(sending).expect("halves of one connection");
                End::Joined(joined.into())
            }
        };
        assert_eq!(sending!(&self.end, state()), state);
    }

    /// Writes some of the output.
    pub(super) fn write(&mut self, len: usize) {
        let output: &mut Output = sending!(&mut self.end, output());
        if !self.shut_down {
            let len = len.min(output.chunk().len());
            self.wire.extend_from_slice(&output.chunk()[..len]);
            self.written.extend_from_slice(&output.chunk()[..len]);
            output.advance(len);
        }
        self.look();
    }

    /// Writes nothing more.
    pub(super) fn shut_down(&mut self) {
        self.shut_down = true;
    }

    /// Reads octets that came from the other end.
    fn read(&mut self, octets: &[u8]) {
        self.reading
            .read(octets, |input: &mut Input<'_>| receiving!(&mut self.end, receive(input)));
        self.look();
    }

    fn read_eof(&mut self) {
        let end = receiving!(&mut self.end, receive_eof());
        assert_eq!(receiving!(&self.end, state()), State::Closed);
        assert_eq!(receiving!(&self.end, end()), Some(end));
        self.look();
    }

    /// Tells the time; returns when something is due.
    fn deadline(&mut self, now: Instant) -> Option<Instant> {
        for _ in 0..8 {
            let timeout = receiving!(&mut self.end, handle_timeout(now));
            self.timed_out |= !matches!(timeout, None | Some(Timeout::Idle));
            let deadline = receiving!(&self.end, poll_timeout(now));
            if deadline.is_none_or(|deadline| deadline > now) {
                return deadline;
            }
        }
        panic!("the same deadline again and again");
    }

    /// Does what is due.
    fn pass(&mut self, now: Instant) {
        self.deadline(now);
        self.look();
    }

    /// Checks what is always so.
    fn look(&mut self) {
        let has_output = sending!(&self.end, has_output());
        let output: &mut Output = sending!(&mut self.end, output());
        assert_eq!(has_output, !output.is_empty());
        let len = output.len();
        assert!(len <= self.max_output + connection::RESERVE, "{len} octets wait");
        let state = sending!(&self.end, state());
        assert_eq!(receiving!(&self.end, state()), state);
        assert_eq!(receiving!(&self.end, end()).is_some(), state == State::Closed);
        if state == State::Open {
            assert_eq!(sending!(&self.end, transport()), Transport::Open);
        }
        if let Some(error) = self.reading.error {
            let gone = receiving!(&mut self.end, receive(&mut Input::new(&mut [])));
            assert_eq!(gone.err(), Some(error));
            assert!(matches!(state, State::Failed | State::Closed), "failed, and {state:?}");
        }
    }

    /// Checks what was written against what was sent.
    fn check_written(&self, peer: &Self) {
        let (frames, error) = naive::frames(peer.role, false, &self.written);
        assert_eq!(error, None, "our own frames are good");
        let mut messages: Vec<Message> = Vec::new();
        let mut closed = false;
        for frame in frames.iter().filter(|frame| frame.is_finished()) {
            let opcode = frame.header.opcode;
            // Pings are answered until the peer closes (§5.5.2).
            assert!(!closed || opcode == Opcode::Pong, "{opcode:?} behind a Close");
            closed |= opcode == Opcode::Close;
            if opcode.is_control() {
                continue;
            }
            if opcode != Opcode::Continuation {
                messages.push((opcode == Opcode::Text, Vec::new()));
            }
            messages.last_mut().expect("a beginning").1.extend_from_slice(&frame.payload);
        }
        if let Some(error) = self.reading.error
            && let Some(last) = frames.last().filter(|last| last.header.opcode == Opcode::Close)
            && last.is_finished()
            && peer.damaged
        {
            // Either it was failed with this Close, or it had closed before.
            let code = u16::from(error.close_code()).to_be_bytes();
            let payload = [&code[..], error.close_reason().as_bytes()].concat();
            assert!(last.payload == payload || !self.sent.is_empty() || closed);
        }
        if let Some(last) = messages.pop() {
            let whole = self.sent.get(messages.len()).or(self.unfinished.as_ref());
            // Where a Close ended it, it is not known any more.
            if let Some(whole) = whole {
                assert!(whole.0 == last.0 && whole.1.starts_with(&last.1), "another message");
            }
        }
        assert!(self.sent.starts_with(&messages), "a message is lost or changed");
    }

    /// Checks what was read against what the other end sent.
    fn check_read(&self, peer: &Self, all: bool) {
        if peer.damaged {
            return;
        }
        assert_eq!(self.reading.error, None, "our own pair failed");
        let messages = self.reading.events.iter().filter_map(|event| match event {
            Event::Text(text) => Some((true, text.as_bytes())),
            Event::Binary(payload) => Some((false, &**payload)),
            _ => None,
        });
        let mut sent = peer.sent.iter().map(|(text, octets)| (*text, octets.as_slice()));
        for message in messages {
            assert!(sent.next() == Some(message), "a message is lost or changed");
        }
        assert!(!all || sent.next().is_none(), "a message is missing");
        if sending!(&self.end, state()) == State::Failed {
            assert!(self.timed_out, "failed without a reason");
        }
    }

    /// Returns what went wrong with what the peer sent.
    #[allow(clippy::unused_self, reason = "a getter")]
    fn error(&self) -> Option<ProtocolError> {
        self.reading.error
    }
}

/// Two ends and a clock.
pub(super) struct Simulation {
    pub(super) client: Side,
    pub(super) server: Side,
    now: Instant,
}

impl Simulation {
    pub(super) fn new() -> Self {
        Self {
            client: Side::new(Role::Client),
            server: Side::new(Role::Server),
            now: Instant::ORIGIN,
        }
    }

    /// Returns one of the two.
    pub(super) fn side(&mut self, client: bool) -> &mut Side {
        if client { &mut self.client } else { &mut self.server }
    }

    /// Has an end read octets that the other one wrote.
    pub(super) fn read(&mut self, client: bool, len: usize) {
        let (reader, writer) = match client {
            true => (&mut self.client, &mut self.server),
            false => (&mut self.server, &mut self.client),
        };
        let len = len.min(writer.wire.len());
        if len > 0 {
            let octets: Vec<u8> = writer.wire.drain(..len).collect();
            reader.read(&octets);
        }
        if writer.wire.is_empty() && writer.shut_down && !mem::replace(&mut writer.told, true) {
            reader.read_eof();
        }
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.client.pass(self.now);
        self.server.pass(self.now);
    }

    /// Waits for the next deadline of an end.
    pub(super) fn wait_for(&mut self, client: bool) {
        let now = self.now;
        if let Some(deadline) = self.side(client).deadline(now) {
            self.wait(deadline - now);
        }
    }

    /// Writes and reads until nobody has anything to say.
    pub(super) fn settle(&mut self) {
        loop {
            for client in [true, false] {
                self.side(client).write(usize::MAX);
                self.read(!client, usize::MAX);
            }
            let idle = |side: &Side| {
                side.wire.is_empty() && (side.shut_down || !sending!(&side.end, has_output()))
            };
            if idle(&self.client) && idle(&self.server) {
                return;
            }
        }
    }

    /// Lets both say all that they have to say, and checks what came of it.
    pub(super) fn finish(mut self) {
        self.settle();
        let open = [&self.client, &self.server]
            .iter()
            .all(|side| sending!(&side.end, state()) == State::Open && side.error().is_none());
        self.client.check_read(&self.server, open);
        self.server.check_read(&self.client, open);
        self.client.check_written(&self.server);
        self.server.check_written(&self.client);
        for client in [true, false] {
            self.side(client).shut_down();
            self.read(!client, usize::MAX);
        }
        for side in [&mut self.client, &mut self.server] {
            assert_eq!(sending!(&side.end, state()), State::Closed);
            assert_eq!(
                side.deadline(self.now).filter(|_| !sending!(&side.end, has_output())),
                None
            );
        }
    }
}
