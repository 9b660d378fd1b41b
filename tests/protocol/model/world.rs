//! Two machines, the links between them, and what may happen next.

use core::time::Duration;
use std::collections::VecDeque;

use framewise::{
    Config, Connection, EndOfStream, Event, ProtocolError, Role, SendErrorKind, State, Timeout,
    Transport, time::Instant,
};

use super::{
    machine::Machine,
    table::{self, Trigger},
};
use crate::pair::{ROLES, end_with, frames, to};

/// Two machines and what lies between them.
pub(super) struct World {
    // In the order of `ROLES`.
    sides: [Side; 2],
    halves: bool,
    disturbed: bool,
}

/// What may happen at most on each side.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Budget {
    /// How often the application closes of its own accord.
    pub(super) closes: u8,
    /// How often the application sends a Ping.
    pub(super) pings: u8,
    /// How many frames arrive that no machine of this crate would send.
    pub(super) rogues: u8,
    /// How often its stream ends for no reason.
    pub(super) tears: u8,
    /// How often it loses the transport with all that it carries both ways.
    pub(super) resets: u8,
    /// How often the time comes that an open connection waits for.
    pub(super) timeouts: u8,
    /// How often a frame is written or arrives in two pieces.
    pub(super) cuts: u8,
}

/// Something that happens on a side.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The application closes.
    Close,
    /// The application sends a Ping.
    Ping,
    /// The driver writes all output, and then does with the transport as it is told.
    Write,
    /// The transport takes only the first octet.
    WriteOctet,
    /// The next piece on the link arrives, or its end.
    Deliver,
    /// The first half of it arrives.
    DeliverHalf,
    /// All that is on the link arrives in one read.
    DeliverAll,
    /// A frame with a reserved opcode comes behind what is on the link.
    RogueFrame,
    /// A Close out of nowhere comes behind what is on the link.
    RogueClose,
    /// The other side sees the end of the stream behind what is on the link; what is written from
    /// now on gets lost.
    Tear,
    /// Both links end here and now.
    Reset,
    /// It is the time that this side waits for.
    Timeout,
}

pub(super) const STEPS: [Step; 12] = [
    Step::Close,
    Step::Ping,
    Step::Write,
    Step::WriteOctet,
    Step::Deliver,
    Step::DeliverHalf,
    Step::DeliverAll,
    Step::RogueFrame,
    Step::RogueClose,
    Step::Tear,
    Step::Reset,
    Step::Timeout,
];

/// All that can be seen of a world from outside.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key {
    pub(super) sides: [SideKey; 2],
    /// More happened than that two machines talked over a link that delivers in time.
    pub(super) disturbed: bool,
}

/// All that can be seen of a side.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct SideKey {
    pub(super) state: State,
    pub(super) end: Option<EndOfStream>,
    pub(super) shut: bool,
    pub(super) closes: u8,
    pub(super) received_close: Option<u16>,
    // How long it waits at most.
    patience: Option<Duration>,
    error: Option<ProtocolError>,
    pending: Vec<Frame>,
    cut_write: bool,
    owes_reply: bool,
    owed_pongs: u8,
    incoming: Vec<Piece>,
    torn: bool,
    saw_end: bool,
    budget: Budget,
}

/// What a step did to the state of the machine that took it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) before: State,
    pub(super) trigger: Trigger,
}

/// A frame less its mask, so that what is the same looks the same.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Frame {
    opcode: u8,
    payload: Vec<u8>,
}

/// What is on a link.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Piece {
    Whole(Frame),
    Head,
    Tail(Frame),
    End,
}

/// One machine, its driver, and the link to it.
struct Side {
    role: Role,
    machine: Machine,
    // Each side has its own clock: what is a moment to one may be long to the other.
    now: Instant,
    deadline: Option<Instant>,
    budget: Budget,
    error: Option<ProtocolError>,
    // The frames in the output, as octets; of the first one an octet may be written already.
    pending: Vec<(Frame, Vec<u8>)>,
    cut_write: Option<u8>,
    // Pings that the receiving half has taken and the sending half not answered.
    owed_pongs: u8,
    closes: u8,
    incoming: VecDeque<(Piece, Vec<u8>)>,
    shut: bool,
    torn: bool,
    saw_end: bool,
    gave_up: bool,
    // The last step of the peer that counts was seen, and a whole connection has answered it.
    finished: bool,
}

impl World {
    pub(super) fn new(
        budgets: [Budget; 2],
        make: fn(Connection) -> Machine,
        configure: fn(&mut Config),
    ) -> Self {
        let sides = [0, 1].map(|side| {
            Side::new(budgets[side], make(end_with(ROLES[side], configure)), ROLES[side])
        });
        Self { halves: !sides[0].machine.is_whole(), sides, disturbed: false }
    }

    /// Returns whether the step can be taken on this side.
    pub(super) fn allows(&self, side: usize, step: Step) -> bool {
        let (this, other) = (&self.sides[side], &self.sides[1 - side]);
        let open = this.machine.state() == State::Open;
        let front = this.incoming.front();
        // Behind a frame that is whole, and on a link that has not ended.
        let rogues = this.budget.rogues > 0
            && other.cut_write.is_none()
            && !(other.shut || other.torn)
            && !matches!(front, Some((Piece::Tail(_), _)));
        match step {
            Step::Close => open && this.budget.closes > 0,
            Step::Ping => open && this.budget.pings > 0,
            Step::Write => {
                let transport = this.machine.transport();
                !this.shut && (this.machine.has_output() || transport != Transport::Open)
            }
            Step::WriteOctet => {
                !this.pending.is_empty() && this.cut_write.is_none() && this.budget.cuts > 0
            }
            Step::Deliver => front.is_some(),
            Step::DeliverHalf => {
                this.budget.cuts > 0
                    && matches!(front, Some((Piece::Whole(frame), _)) if frame.opcode != BROKEN)
            }
            Step::DeliverAll => {
                this.incoming.iter().filter(|(piece, _)| *piece != Piece::End).count() > 1
            }
            Step::RogueFrame | Step::RogueClose => rogues,
            Step::Tear => this.budget.tears > 0 && !this.shut && !this.torn,
            Step::Reset => this.budget.resets > 0 && !(this.saw_end && other.saw_end),
            Step::Timeout => this.deadline.is_some() && (!open || this.budget.timeouts > 0),
        }
    }

    /// Takes the step. What is promised is checked on the way.
    pub(super) fn take(&mut self, side: usize, step: Step) -> Option<Change> {
        let before = self.sides[side].machine.state();
        let closes = self.sides[side].closes;
        let was_owed = self.sides[side].machine.owes_reply();
        let held = self.sides[side].pending.iter().any(|(frame, _)| frame.opcode == CLOSE);
        let trigger = match step {
            Step::Close => {
                self.sides[side].budget.closes -= 1;
                self.sides[side].machine.close().expect("open");
                self.sides[side].refresh();
                Some(Trigger::SendClose)
            }
            Step::Ping => {
                self.sides[side].budget.pings -= 1;
                self.sides[side].machine.ping().expect("open");
                self.sides[side].refresh();
                None
            }
            Step::Write => {
                self.write(side);
                let replied = was_owed && self.sides[side].closes > closes;
                replied.then_some(Trigger::ReplyQueued)
            }
            Step::WriteOctet => {
                self.write_octet(side);
                let replied = was_owed && self.sides[side].closes > closes;
                replied.then_some(Trigger::ReplyQueued)
            }
            Step::Deliver => self.sides[side].deliver(),
            Step::DeliverHalf => {
                self.sides[side].deliver_half();
                None
            }
            Step::DeliverAll => {
                let expected = self.sides[side].deliver_all(self.halves);
                assert_eq!(self.sides[side].machine.state(), expected);
                self.sides[side].check();
                return None;
            }
            Step::RogueFrame => self.rogue(side, "8300", Frame { opcode: BROKEN, payload: vec![] }),
            Step::RogueClose => {
                let payload = 1001_u16.to_be_bytes().to_vec();
                self.rogue(side, "8802 03e9", Frame { opcode: 8, payload })
            }
            Step::Tear => {
                self.sides[side].budget.tears -= 1;
                self.disturbed = true;
                self.end_link(side);
                self.sides[side].torn = true;
                None
            }
            Step::Reset => {
                self.sides[side].budget.resets -= 1;
                self.disturbed = true;
                for index in [side, 1 - side] {
                    self.sides[1 - index].incoming.clear();
                    if !self.sides[1 - index].saw_end {
                        self.sides[1 - index].incoming.push_back((Piece::End, Vec::new()));
                    }
                    self.sides[index].torn = true;
                }
                None
            }
            Step::Timeout => {
                let trigger = self.sides[side].time_out();
                self.disturbed |= trigger.is_some();
                trigger
            }
        };
        let this = &mut self.sides[side];
        let after = this.machine.state();
        let expected = trigger.map_or(before, |trigger| table::next(before, trigger, self.halves));
        assert_eq!(after, expected, "{:?}: {trigger:?} in {before:?}", this.role);
        if after == State::Closed
            && before != State::Closed
            && let Some(trigger) = trigger
        {
            // What is owed, or queued and not taken, when a side gives up never goes out.
            let dropped = trigger == Trigger::GiveUp && (was_owed && closes == 0 || held);
            let end = if dropped { EndOfStream::Incomplete } else { table::end(before, trigger) };
            assert_eq!(this.machine.end(), Some(end));
        }
        this.check();
        trigger.map(|trigger| Change { before, trigger })
    }

    /// Takes what a side has, writes it, and shuts down its direction when it is told to.
    fn write(&mut self, side: usize) {
        let this = &mut self.sides[side];
        this.refresh();
        let len = this.machine.output().len();
        this.machine.output().advance(len);
        assert!(!this.machine.has_output(), "all of it was written");
        let mut cut = this.cut_write.is_some() && !this.pending.is_empty();
        if cut {
            this.cut_write = None;
        }
        let torn = this.torn;
        for (frame, octets) in core::mem::take(&mut self.sides[side].pending) {
            let piece = match core::mem::take(&mut cut) {
                true => (Piece::Tail(frame), octets[1..].to_vec()),
                false => (Piece::Whole(frame), octets),
            };
            if !torn {
                self.sides[1 - side].incoming.push_back(piece);
            }
        }
        let this = &mut self.sides[side];
        if this.machine.transport() == Transport::Open {
            return;
        }
        this.shut = true;
        match (this.role, this.machine.state()) {
            // The server shuts down as soon as a Close was written, but not before.
            (Role::Server, State::Closing | State::Failed) => assert_eq!(this.closes, 1),
            // The client waits for the server, and not for ever.
            _ => assert!(this.saw_end || this.gave_up, "who has shut down too early?"),
        }
        if !torn {
            self.end_link(side);
        }
    }

    fn write_octet(&mut self, side: usize) {
        let this = &mut self.sides[side];
        this.budget.cuts -= 1;
        this.refresh();
        let octet = this.pending[0].1[0];
        this.machine.output().advance(1);
        this.cut_write = Some(octet);
        if !this.torn {
            self.sides[1 - side].incoming.push_back((Piece::Head, vec![octet]));
        }
    }

    fn rogue(&mut self, side: usize, vector: &str, frame: Frame) -> Option<Trigger> {
        let this = &mut self.sides[side];
        this.budget.rogues -= 1;
        self.disturbed = true;
        this.incoming.push_back((Piece::Whole(frame), to(this.role, vector)));
        None
    }

    fn end_link(&mut self, side: usize) {
        self.sides[1 - side].incoming.push_back((Piece::End, Vec::new()));
    }

    pub(super) fn key(&self) -> Key {
        let [client, server] = &self.sides;
        Key { sides: [client.key(), server.key()], disturbed: self.disturbed }
    }

    /// Checks that nothing can be sent unless a side is open; the world is of no use afterwards.
    pub(super) fn probe(mut self) -> Vec<Change> {
        let halves = self.halves;
        let closing = self.sides.iter_mut().filter(|side| side.machine.state() != State::Open);
        closing.map(|side| side.probe(halves)).collect()
    }
}

impl Side {
    fn new(budget: Budget, mut machine: Machine, role: Role) -> Self {
        let now = Instant::ORIGIN;
        Self {
            role,
            deadline: machine.tell(now),
            machine,
            now,
            budget,
            error: None,
            pending: Vec::new(),
            cut_write: None,
            owed_pongs: 0,
            closes: 0,
            incoming: VecDeque::new(),
            shut: false,
            torn: false,
            saw_end: false,
            gave_up: false,
            finished: false,
        }
    }

    /// Takes the next piece off the link.
    fn deliver(&mut self) -> Option<Trigger> {
        let (piece, octets) = self.incoming.pop_front()?;
        let trigger = match piece {
            Piece::End => {
                assert!(self.incoming.is_empty() && !self.saw_end, "the end is the last");
                self.saw_end = true;
                let end = self.machine.receive_eof();
                assert_eq!(self.machine.end(), Some(end));
                Some(Trigger::EndOfStream)
            }
            Piece::Head => {
                self.receive(&octets, 0);
                None
            }
            Piece::Whole(frame) | Piece::Tail(frame) => {
                self.receive(&octets, u8::from(frame.opcode == PING));
                frame.trigger()
            }
        };
        self.note();
        trigger
    }

    fn deliver_half(&mut self) {
        self.budget.cuts -= 1;
        let Some((Piece::Whole(frame), mut octets)) = self.incoming.pop_front() else {
            unreachable!("it is allowed only then");
        };
        let tail = octets.split_off(octets.len() / 2);
        self.receive(&octets, 0);
        self.note();
        self.incoming.push_front((Piece::Tail(frame), tail));
    }

    /// Takes all pieces but the end; returns the state that they lead to.
    fn deliver_all(&mut self, halves: bool) -> State {
        let mut state = self.machine.state();
        let (mut all, mut pings) = (Vec::new(), 0);
        while self.incoming.front().is_some_and(|(piece, _)| *piece != Piece::End)
            && let Some((piece, octets)) = self.incoming.pop_front()
        {
            all.extend(octets);
            if let Piece::Whole(frame) | Piece::Tail(frame) = piece {
                let answered = matches!(state, State::Open | State::CloseSent);
                pings += u8::from(frame.opcode == PING && answered);
                if let Some(trigger) = frame.trigger() {
                    state = table::next(state, trigger, halves);
                }
            }
        }
        self.receive(&all, pings);
        self.note();
        state
    }

    /// Takes the octets of one read, with so many Pings in them that are answered in this state.
    fn receive(&mut self, octets: &[u8], pings: u8) {
        let before = self.machine.state();
        let (events, error) = self.machine.receive(octets);
        if matches!(before, State::Closing | State::CloseReceived | State::Closed | State::Failed) {
            assert!(events.is_empty(), "nothing is read any more");
        }
        if let Some(at) = events.iter().position(|event| matches!(event, Event::Close(_))) {
            assert_eq!(at, events.len() - 1, "nothing comes behind a Close");
        }
        if self.error.is_some() {
            assert_eq!(error, self.error, "again and again");
        }
        self.error = error;
        let pings = if matches!(before, State::Open | State::CloseSent) { pings } else { 0 };
        if self.machine.is_whole() {
            let pongs = |side: &Self| side.pending.iter().filter(|p| p.0.opcode == PONG).count();
            let answered = pongs(self);
            self.refresh();
            assert_eq!(pongs(self) - answered, usize::from(pings), "each Ping is answered once");
        } else {
            self.owed_pongs += pings;
        }
    }

    /// Lets the time come that the machine waits for.
    fn time_out(&mut self) -> Option<Trigger> {
        if self.machine.state() == State::Open {
            self.budget.timeouts -= 1;
        }
        self.now = self.deadline.expect("allowed only then");
        let timeout = self.machine.handle_timeout(self.now);
        if timeout == Some(Timeout::Close) {
            self.gave_up = true;
            assert!(!self.machine.has_output(), "what the peer did not take is dropped");
        }
        if self.machine.is_whole() || self.gave_up {
            self.refresh();
        }
        self.note();
        Some(match timeout? {
            Timeout::Close => Trigger::GiveUp,
            Timeout::Idle => Trigger::SendClose,
            _ => Trigger::Fail,
        })
    }

    fn note(&mut self) {
        self.deadline = self.machine.tell(self.now);
    }

    /// Looks at what waits to be written: halves queue what they owe by that.
    fn refresh(&mut self) {
        let known = self.pending.len();
        let mut octets: Vec<u8> = self.machine.output().chunks().flatten().copied().collect();
        self.owed_pongs = 0;
        if octets.is_empty() {
            assert!(known == 0 || self.gave_up, "nothing is dropped that could be written");
            self.pending.clear();
        } else {
            if let Some(octet) = self.cut_write {
                octets.insert(0, octet);
            }
            self.pending = split(&octets, self.role);
            for index in known..self.pending.len() {
                self.queued(self.pending[index].0.opcode);
            }
        }
        self.note();
    }

    /// Checks that the frame may be sent behind the ones before it.
    fn queued(&mut self, opcode: u8) {
        assert!(!self.shut, "the write side was shut down");
        match opcode {
            CLOSE => {
                self.closes += 1;
                assert_eq!(self.closes, 1, "one Close is sent at most");
            }
            PONG => {}
            _ => {
                assert_eq!(self.closes, 0, "behind a Close");
                // Halves may have queued it together with the Close behind it.
                assert!(self.machine.state() == State::Open || !self.machine.is_whole());
            }
        }
        // Pings are answered behind our own Close, but not behind the peer's or a failure.
        let late = self.finished && self.machine.is_whole();
        assert!(!late, "all has been said");
    }

    /// Checks what holds after every step.
    fn check(&mut self) {
        let state = self.machine.state();
        self.finished = matches!(state, State::Closing | State::Failed | State::Closed);
        assert_eq!(self.machine.transport(), table::transport(state, self.role));
        assert_eq!(self.machine.end().is_some(), state == State::Closed);
        let owed = self.machine.owes_reply();
        match state {
            State::Open => {
                assert_eq!((self.closes, self.machine.received_close()), (0, None));
            }
            State::CloseSent => assert!(self.closes == 1 || owed),
            State::CloseReceived => assert!(self.closes == 0 && owed),
            State::Closing => assert!(self.closes == 1 || owed),
            State::Failed => assert!(self.closes == 1 || owed, "the peer is told"),
            State::Closed => {}
        }
        if self.machine.end() == Some(EndOfStream::Clean) {
            // The peer's end came first; the answer may be given up behind it.
            let answered = self.closes == 1 || owed || self.gave_up;
            assert!(self.machine.received_close().is_some() && answered);
        }
        if self.shut {
            assert!(!self.machine.has_output(), "the write side was shut down");
        }
        if state != State::Closed {
            assert!(state == State::Open || self.deadline.is_some(), "waiting has an end");
        }
    }

    fn probe(&mut self, halves: bool) -> Change {
        let before = self.machine.state();
        let closes = self.closes;
        for error in [self.machine.close(), self.machine.send_text(), self.machine.ping()] {
            assert_eq!(error.expect_err("not open").kind(), SendErrorKind::Closed);
        }
        let after = match before {
            // What was owed is queued by any call of the sending half.
            State::CloseReceived if halves => State::Closing,
            state => state,
        };
        assert_eq!(self.machine.state(), after);
        self.refresh();
        assert!(self.closes - closes <= 1);
        Change { before, trigger: Trigger::SendClose }
    }

    fn key(&self) -> SideKey {
        SideKey {
            state: self.machine.state(),
            end: self.machine.end(),
            shut: self.shut,
            closes: self.closes,
            received_close: self.machine.received_close().map(|frame| frame.code.into()),
            patience: self.deadline.map(|deadline| deadline - self.now),
            error: self.error,
            pending: self.pending.iter().map(|(frame, _)| frame.clone()).collect(),
            cut_write: self.cut_write.is_some(),
            owes_reply: self.machine.owes_reply(),
            owed_pongs: self.owed_pongs,
            incoming: self.incoming.iter().map(|(piece, _)| piece.clone()).collect(),
            torn: self.torn,
            saw_end: self.saw_end,
            budget: self.budget,
        }
    }
}

impl SideKey {
    /// Whether there is a time that it waits for.
    pub(super) fn may_time_out(&self) -> bool {
        self.patience.is_some() && (self.state != State::Open || self.budget.timeouts > 0)
    }
}

impl Frame {
    /// Returns what the last octet of the frame triggers.
    fn trigger(&self) -> Option<Trigger> {
        match self.opcode {
            CLOSE => Some(Trigger::ReceiveClose),
            BROKEN => Some(Trigger::Fail),
            _ => None,
        }
    }
}

/// Takes octets apart into frames, all of which are short.
fn split(mut octets: &[u8], role: Role) -> Vec<(Frame, Vec<u8>)> {
    let head = if role == Role::Client { 6 } else { 2 };
    let mut all = Vec::new();
    while !octets.is_empty() {
        let (one, rest) = octets.split_at(head + usize::from(octets[1] & 0x7f));
        let frame = frames(one).remove(0);
        assert_eq!(frame.key.is_some(), role == Role::Client);
        all.push((Frame { opcode: frame.opcode, payload: frame.payload }, one.to_vec()));
        octets = rest;
    }
    all
}

const BROKEN: u8 = 3;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 0xa;
