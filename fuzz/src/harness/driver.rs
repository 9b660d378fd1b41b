//! What the drivers do over a transport that lies, against a peer that is one of our own machines.

use core::time::Duration;

use arbitrary::Arbitrary;
use framewise::{
    CloseCode, Config, Event, Role, SendErrorKind,
    driver::{Batch, Driver, Error, Goal, ReceiveDriver, SendDriver, Step},
};

use super::{
    connection,
    wire::{Stop, Wire, numbered},
};

/// A connection, and what happens to it.
#[derive(Arbitrary, Clone, Debug)]
pub struct Driven {
    /// Whether it is a client's.
    pub client: bool,
    /// Whether the transport and the peer are dead in the end: then only time ends the connection.
    pub dies: bool,
    /// How many acts come before the connection is split, where it is.
    pub split: u8,
    /// What happens.
    pub acts: Vec<Act>,
}

/// Something that the program does, or that happens to the transport.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Act {
    /// The program closes.
    Close,
    /// Whether the program sends back each message from now on.
    Echo(bool),
    /// The peer's stream ends behind what it has sent.
    End,
    /// The next read, or write, fails.
    Fail {
        /// Whether it is a read.
        read: bool,
        /// Whether it says that a TLS stream ended without its own end.
        unexpected_eof: bool,
    },
    /// Writing and reading exclude one another, or do not.
    HalfDuplex(bool),
    /// How many events the program takes out of a batch, before it leaves.
    Leave(u8),
    /// What the transport takes at once from now on: nothing is "not now".
    Limit {
        /// Of a read.
        read: u8,
        /// Of a write.
        write: u8,
        /// Whether it flushes.
        flushes: bool,
    },
    /// The peer sends something.
    Peer {
        /// What.
        kind: u8,
        /// How long.
        len: u16,
    },
    /// What is in flight comes back, read or written in part.
    Put {
        /// Whether it is a read.
        read: bool,
        /// How much was read or written.
        len: u16,
    },
    /// Whether the half that reads writes its replies, or leaves them pending.
    Replies(bool),
    /// Follows the driver's steps towards a goal.
    Run {
        /// Which goal.
        goal: u8,
        /// How many steps at most, before the goal is dropped.
        steps: u8,
        /// Whether what is pending is tried again.
        resumes: bool,
    },
    /// The program sends something.
    Send {
        /// What.
        kind: u8,
        /// How long.
        len: u16,
    },
    /// The next read, or write, has its bytes in flight.
    Take {
        /// Whether it is a read.
        read: bool,
    },
    /// Time passes.
    Wait {
        /// How much, in hundredths of a second.
        hundredths: u16,
    },
}

/// How many acts are done: the rest would only take time.
const MAX_ACTS: usize = 200;

/// Runs a whole connection.
pub fn driver(driven: &Driven) {
    World::new(driven, None).run(driven);
}

/// Runs the halves of one, in turn.
pub fn halves(driven: &Driven) {
    World::new(driven, Some(driven.split.into())).run(driven);
}

enum Side {
    Whole(Box<Driver>),
    Halves(Box<(ReceiveDriver, SendDriver)>),
}

/// Takes up to so many events out of a batch: the messages.
macro_rules! take {
    ($batch:expr, $most:expr) => {{
        let (mut batch, mut messages): (Batch<'_, _>, _) = ($batch, Vec::new());
        for _ in 0..$most {
            match batch.next() {
                Some(Event::Binary(payload)) => messages.push(payload.into_owned()),
                Some(_) => {}
                None => break,
            }
        }
        messages
    }};
}

struct World {
    side: Option<Side>,
    split: Option<usize>,
    wire: Wire,
    /// Messages that the program has sent, and the fragments of one that is unfinished.
    sent: Vec<Vec<u8>>,
    unfinished: Option<Vec<u8>>,
    /// Messages that the program has received.
    received: Vec<Vec<u8>>,
    echoes: bool,
    replies: bool,
    leaves: usize,
    /// What the program was told.
    told: Told,
}

/// What the program was told, each of it once or for good.
#[derive(Debug, Default)]
struct Told {
    ended: bool,
    protocol: bool,
    timeout: bool,
    gave_up: bool,
    lost: bool,
}

impl World {
    fn new(driven: &Driven, split: Option<usize>) -> Self {
        let mut config = Config::default();
        config.message_timeout = Some(Duration::from_secs(60));
        config.idle_timeout = Some(Duration::from_secs(100));
        config.max_output = 160 << 10;
        let (role, peer) = match driven.client {
            true => (Role::Client, Role::Server),
            false => (Role::Server, Role::Client),
        };
        let driver = Driver::new(connection::new(role, &config.into()));
        Self {
            side: Some(Side::Whole(Box::new(driver))),
            split,
            wire: Wire::new(connection::new(peer, &Config::default().into())),
            sent: Vec::new(),
            unfinished: None,
            received: Vec::new(),
            echoes: false,
            replies: true,
            leaves: usize::MAX,
            told: Told::default(),
        }
    }

    fn run(mut self, driven: &Driven) {
        for (number, act) in driven.acts.iter().take(MAX_ACTS).enumerate() {
            if self.split == Some(number) {
                self.split();
            }
            self.act(*act);
        }
        if self.split.is_some() {
            self.split();
        }
        self.finish(driven.dies);
    }

    fn split(&mut self) {
        self.side = Some(match self.side.take().expect("it is put back") {
            Side::Whole(driver) => Side::Halves(Box::new(driver.into_split())),
            halves @ Side::Halves(_) => halves,
        });
    }

    fn side(&mut self) -> &mut Side {
        self.side.as_mut().expect("it is put back")
    }

    fn act(&mut self, act: Act) {
        let wire = &mut self.wire;
        let side = self.side.as_mut().expect("it is put back");
        match act {
            Act::Close => {
                let _ = match side {
                    Side::Whole(driver) => driver.connection_mut().close(CloseCode::NORMAL, ""),
                    Side::Halves(halves) => halves.1.sending_mut().close(CloseCode::NORMAL, ""),
                };
            }
            Act::Echo(echoes) => self.echoes = echoes,
            Act::End => wire.end = true,
            Act::Fail { read: true, unexpected_eof } => wire.fails_read = Some(unexpected_eof),
            Act::Fail { read: false, .. } => wire.fails_write = true,
            Act::HalfDuplex(half_duplex) => {
                if let Side::Whole(driver) = side {
                    driver.set_half_duplex(half_duplex);
                }
            }
            Act::Leave(most) => {
                self.leaves = if most == u8::MAX { usize::MAX } else { most.into() };
            }
            Act::Limit { read, write, flushes } => {
                (wire.read, wire.write, wire.flushes) = (read.into(), write.into(), flushes);
            }
            Act::Peer { kind, len } => wire.peer_acts(kind, short(len)),
            Act::Put { read: true, len } => match side {
                Side::Whole(driver) => wire.put_buffer(&mut **driver, len.into()),
                Side::Halves(halves) => wire.put_buffer(&mut halves.0, len.into()),
            },
            Act::Put { read: false, len } => match side {
                Side::Whole(driver) => wire.put_output(&mut **driver, len.into()),
                Side::Halves(halves) => wire.put_output(&mut halves.1, len.into()),
            },
            Act::Replies(replies) => self.replies = replies,
            Act::Run { goal, steps, resumes } => {
                let goal = match goal % 3 {
                    0 => Goal::Events,
                    1 => Goal::Flush,
                    _ => Goal::Room(usize::from(goal) << 9),
                };
                if resumes {
                    self.resume(goal);
                }
                self.follow(goal, steps.into());
            }
            Act::Send { kind, len } => self.send(kind, short(len)),
            Act::Take { read: true } => wire.takes_read = true,
            Act::Take { read: false } => wire.takes_write = true,
            Act::Wait { hundredths } => {
                wire.now = wire.now + Duration::from_millis(u64::from(hundredths) * 10);
            }
        }
    }

    fn send(&mut self, kind: u8, len: usize) {
        let content = numbered(self.sent.len(), len);
        let (fragment, fin) = (kind % 8 > 3, kind % 8 == 5);
        let sent = match (kind % 8, self.side()) {
            (0..=3, Side::Whole(driver)) => driver.connection_mut().send(&content[..]),
            (0..=3, Side::Halves(halves)) => halves.1.sending_mut().send(&content[..]),
            (4 | 5, Side::Whole(driver)) => {
                driver.connection_mut().send_fragment(&content[..], fin)
            }
            (4 | 5, Side::Halves(halves)) => {
                halves.1.sending_mut().send_fragment(&content[..], fin)
            }
            (6, Side::Whole(driver)) => return drop(driver.connection_mut().ping(b"program")),
            (6, Side::Halves(halves)) => return drop(halves.1.sending_mut().ping(b"program")),
            (_, Side::Whole(driver)) => return drop(driver.connection_mut().pong(b"program")),
            (_, Side::Halves(halves)) => return drop(halves.1.sending_mut().pong(b"program")),
        };
        match sent {
            Ok(()) if fragment => {
                self.unfinished.get_or_insert_default().extend(content);
                if fin {
                    self.sent.extend(self.unfinished.take());
                }
            }
            Ok(()) => self.sent.push(content),
            Err(error) => assert!(matches!(
                error.kind(),
                SendErrorKind::Closed
                    | SendErrorKind::MessageTooBig { .. }
                    | SendErrorKind::OutputFull
                    | SendErrorKind::UnfinishedMessage
            )),
        }
    }

    /// Has what is pending tried again, by the half that has the goal.
    fn resume(&mut self, goal: Goal) {
        let (reads, writes) = match self.side() {
            Side::Whole(driver) => {
                driver.resume();
                (true, true)
            }
            Side::Halves(halves) if goal == Goal::Events => {
                halves.0.resume();
                (true, false)
            }
            Side::Halves(halves) => {
                halves.1.resume();
                (false, true)
            }
        };
        self.wire.resume(reads, writes);
    }

    /// Follows the steps towards a goal, and does what the program does then. Returns whether the
    /// driver waits.
    fn follow(&mut self, goal: Goal, steps: usize) -> bool {
        let Self { side, wire, replies, .. } = self;
        let stop = match side.as_mut().expect("it is put back") {
            Side::Whole(driver) => wire.follow_whole(driver, goal, steps),
            Side::Halves(halves) if goal == Goal::Events => {
                let (receiving, sending) = &mut **halves;
                wire.follow_receiving(receiving, sending, *replies, steps)
            }
            Side::Halves(halves) => wire.follow_sending(&mut halves.1, goal, steps),
        };
        match stop {
            Stop::Steps | Stop::Failed => {}
            Stop::Waits => return true,
            Stop::Next(next) if goal == Goal::Events => self.reached_events(next),
            Stop::Next(next) => self.reached(goal, next),
        }
        assert!(self.wire.peer_received.len() <= self.sent.len(), "more than was sent");
        false
    }

    fn reached_events(&mut self, next: Result<Step, Error>) {
        match next {
            Ok(Step::Ready) => {
                assert!(!self.told.ended, "more behind the end");
                let messages = match self.side.as_mut().expect("it is put back") {
                    Side::Whole(driver) => take!(driver.batch(), self.leaves),
                    Side::Halves(halves) => take!(halves.0.batch(), self.leaves),
                };
                for message in messages {
                    assert_eq!(self.wire.peer_sent.get(self.received.len()), Some(&message));
                    self.received.push(message);
                    if self.echoes {
                        self.send(0, 40);
                    }
                }
            }
            Ok(Step::Ended) => self.told.ended = true,
            Err(Error::Protocol(error)) => {
                assert!(self.wire.spoiled, "our own peer: {error}");
                assert!(!self.told.protocol && !self.told.ended, "told twice");
                (self.told.protocol, self.told.ended) = (true, true);
            }
            Err(Error::Timeout(timeout)) => {
                assert!(self.wire.timed_out, "{timeout:?} out of nothing");
                assert!(!self.told.timeout && !self.told.ended, "told twice");
                (self.told.timeout, self.told.ended) = (true, true);
            }
            other => panic!("for events: {other:?}"),
        }
    }

    fn reached(&mut self, goal: Goal, next: Result<Step, Error>) {
        let lost = self.told.lost || self.wire.write_failed;
        match next {
            Ok(Step::Ready) => {
                assert!(!lost, "lost without a word");
                if goal == Goal::Flush {
                    self.wire.check_flushed();
                    assert_eq!(self.wire.peer_received, self.sent, "lost without a word");
                }
            }
            Err(Error::GaveUp) => {
                assert!(self.wire.timed_out, "given up out of nothing");
                assert!(!lost && !self.told.gave_up, "told twice");
                (self.told.gave_up, self.told.lost) = (true, true);
            }
            Err(Error::Lost) => {
                assert!(lost, "told before why");
                self.told.lost = true;
            }
            other => panic!("for {goal:?}: {other:?}"),
        }
    }

    /// Brings the connection to its end, with a transport that does all or nothing from now on.
    fn finish(mut self, dies: bool) {
        (self.leaves, self.replies) = (usize::MAX, true);
        if dies {
            (self.wire.read, self.wire.write, self.wire.flushes) = (0, 0, false);
            (self.wire.takes_read, self.wire.takes_write) = (false, false);
        } else {
            self.wire.behave();
            self.settle();
            self.wire.end = true;
        }
        for _ in 0..MAX_ROUNDS {
            if self.told.ended {
                break;
            }
            self.complete(dies);
            self.resume(Goal::Flush);
            self.resume(Goal::Events);
            if self.follow(Goal::Events, usize::MAX) {
                self.wire.pass();
            }
        }
        assert!(self.told.ended, "it never ends");
        if !self.wire.timed_out {
            let complete = self.wire.arrived();
            assert_eq!(self.received.len(), complete, "received whole and not delivered");
            assert_eq!(self.told.protocol, self.wire.is_spoilt_by_arrival());
        }
        // From now on it is ended, whatever comes back late.
        self.complete(false);
        for goal in [Goal::Events, Goal::Flush, Goal::Room(5), Goal::Flush, Goal::Events] {
            self.resume(goal);
            assert!(!self.follow(goal, usize::MAX), "waits behind the end");
        }
        assert_eq!(self.wire.peer_received, self.sent[..self.wire.peer_received.len()]);
        self.wire.check_pongs();
    }

    /// Writes and reads all that there is, if the connection is open, and checks that it is all.
    fn settle(&mut self) {
        for _ in 0..MAX_ROUNDS {
            self.complete(false);
            self.resume(Goal::Flush);
            self.resume(Goal::Events);
            let (received, sent) = (self.received.len(), self.sent.len());
            self.follow(Goal::Flush, usize::MAX);
            let waits = self.follow(Goal::Events, usize::MAX);
            let idle = waits && self.wire.is_idle();
            if self.told.ended || idle && (received, sent) == (self.received.len(), self.sent.len())
            {
                break;
            }
        }
        let fine = !(self.wire.timed_out || self.wire.spoiled || self.wire.write_failed);
        if fine && !self.told.ended && !self.wire.ended {
            assert_eq!(self.received, self.wire.peer_sent, "not all is delivered");
            assert_eq!(self.wire.peer_received, self.sent, "not all is written");
            self.wire.check_answered();
        }
    }

    /// Has what is in flight come back, unless the transport is dead.
    fn complete(&mut self, dies: bool) {
        if !dies {
            self.act(Act::Put { read: true, len: u16::MAX });
            self.act(Act::Put { read: false, len: u16::MAX });
        }
    }
}

/// Makes most lengths short ones.
fn short(len: u16) -> usize {
    usize::from(if len & 7 == 7 { len } else { len >> 6 })
}

/// How often a connection is looked after before it has to have ended.
const MAX_ROUNDS: usize = 1000;
