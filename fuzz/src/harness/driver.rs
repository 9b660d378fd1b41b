//! What the drivers do over a transport that lies, against a peer that is one of our own machines.

use core::time::Duration;

use arbitrary::Arbitrary;
use framewise::{
    CloseCode, Config, Connection, Event, Input, Output, SendErrorKind,
    driver::{Batch, Driver, Error, Goal, Reads, ReceiveDriver, SendDriver, Step, Writes},
    time::Instant,
};

/// Something that the program does, or that happens to the transport.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Act {
    /// The program closes.
    Close,
    /// The peer's stream ends behind what it has sent.
    End,
    /// The next read, or write, fails.
    Fail {
        /// Whether it is a read.
        read: bool,
    },
    /// Writing and reading exclude one another, or do not.
    HalfDuplex(bool),
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
    /// What is in flight comes back, written in part.
    Put {
        /// How much was written.
        written: u16,
    },
    /// Follows the driver's steps towards a goal.
    Run {
        /// Which goal.
        goal: u8,
        /// How many steps at most, before the goal is dropped.
        steps: u8,
    },
    /// The program sends a message.
    Send {
        /// How long.
        len: u16,
    },
    /// The next write has its bytes in flight.
    Take,
    /// Time passes.
    Wait {
        /// How much.
        millis: u16,
    },
}

/// Takes the messages of a batch.
macro_rules! drain {
    ($batch:expr, $received:expr) => {{
        let mut batch: Batch<'_, _> = $batch;
        while let Some(event) = batch.next() {
            if let Event::Binary(payload) = event {
                $received.push(payload.into_owned());
            }
        }
    }};
}
/// Runs a whole connection.
pub fn driver(acts: &[Act]) {
    World::new(|connection| Side::Whole(Box::new(Driver::new(connection)))).run(acts);
}

/// Runs the halves of one, in turn.
pub fn halves(acts: &[Act]) {
    World::new(|connection| {
        let (receiving, sending) = Driver::new(connection).into_split();
        Side::Halves(Box::new(receiving), Box::new(sending))
    })
    .run(acts);
}

enum Side {
    Whole(Box<Driver>),
    Halves(Box<ReceiveDriver>, Box<SendDriver>),
}

struct World {
    side: Side,
    wire: Wire,
    /// Messages that the program has sent.
    sent: Vec<Vec<u8>>,
    /// Messages that the program has received.
    received: Vec<Vec<u8>>,
    ended: bool,
}

/// The transport, and the peer behind it.
struct Wire {
    peer: Connection,
    /// Messages that the peer has sent, and received.
    peer_sent: Vec<Vec<u8>>,
    peer_received: Vec<Vec<u8>>,
    /// Bytes on the way from the peer.
    incoming: Vec<u8>,
    end: bool,
    fails_read: bool,
    fails_write: bool,
    broken: bool,
    read: usize,
    write: usize,
    flushes: bool,
    takes: bool,
    in_flight: Option<Output>,
    now: Instant,
}

impl World {
    fn new(make: impl FnOnce(Connection) -> Side) -> Self {
        let wire = Wire {
            peer: Connection::client(Config::default(), [7; 32]),
            peer_sent: Vec::new(),
            peer_received: Vec::new(),
            incoming: Vec::new(),
            end: false,
            fails_read: false,
            fails_write: false,
            broken: false,
            read: 255,
            write: 255,
            flushes: true,
            takes: false,
            in_flight: None,
            now: Instant::ORIGIN,
        };
        let side = make(Connection::server(Config::default()));
        Self { side, wire, sent: Vec::new(), received: Vec::new(), ended: false }
    }

    fn run(mut self, acts: &[Act]) {
        for act in acts {
            self.act(*act);
            // What the peer has sent arrives whole and in order, or not at all.
            assert_eq!(self.received, self.wire.peer_sent[..self.received.len()]);
            assert_eq!(self.wire.peer_received, self.sent[..self.wire.peer_received.len()]);
        }
    }

    fn act(&mut self, act: Act) {
        let wire = &mut self.wire;
        match act {
            Act::Close => {
                let _ = match &mut self.side {
                    Side::Whole(driver) => driver.connection_mut().close(CloseCode::NORMAL, ""),
                    Side::Halves(_, sending) => sending.sending_mut().close(CloseCode::NORMAL, ""),
                };
            }
            Act::End => wire.end = true,
            Act::Fail { read: true } => wire.fails_read = true,
            Act::Fail { read: false } => wire.fails_write = true,
            Act::HalfDuplex(half_duplex) => {
                if let Side::Whole(driver) = &mut self.side {
                    driver.set_half_duplex(half_duplex);
                }
            }
            Act::Limit { read, write, flushes } => {
                (wire.read, wire.write, wire.flushes) = (read.into(), write.into(), flushes);
            }
            Act::Peer { kind, len } => wire.peer_acts(kind, len.into()),
            Act::Put { written } => match &mut self.side {
                Side::Whole(driver) => wire.put(&mut **driver, written.into()),
                Side::Halves(_, sending) => wire.put(&mut **sending, written.into()),
            },
            Act::Run { goal, steps } => self.follow(goal, steps.into()),
            Act::Send { len } => {
                let message = numbered(self.sent.len(), len.into());
                let sent = match &mut self.side {
                    Side::Whole(driver) => driver.connection_mut().send(&message[..]),
                    Side::Halves(_, sending) => sending.sending_mut().send(&message[..]),
                };
                match sent {
                    Ok(()) => self.sent.push(message),
                    Err(error) => assert!(matches!(
                        error.kind(),
                        SendErrorKind::Closed | SendErrorKind::OutputFull
                    )),
                }
            }
            Act::Take => wire.takes = true,
            Act::Wait { millis } => {
                wire.now = wire.now + Duration::from_millis(u64::from(millis) * 10);
            }
        }
    }

    fn follow(&mut self, goal: u8, steps: usize) {
        let goal = match goal % 3 {
            0 => Goal::Events,
            1 => Goal::Flush,
            _ => Goal::Room(goal.into()),
        };
        let Self { side, wire, sent, received, ended } = self;
        let outcome = match side {
            Side::Whole(driver) => {
                driver.resume();
                let next = |driver: &mut Driver| driver.next(goal);
                wire.follow(&mut **driver, steps, next)
            }
            Side::Halves(_, sending) if goal != Goal::Events => {
                sending.resume();
                wire.write(sending, goal, steps)
            }
            Side::Halves(receiving, sending) => {
                receiving.resume();
                wire.receive(receiving, sending, steps)
            }
        };
        match outcome {
            Some(Ok(Step::Ready)) if goal == Goal::Events => {
                assert!(!*ended, "more behind the end");
                match side {
                    Side::Whole(driver) => drain!(driver.batch(), received),
                    Side::Halves(receiving, _) => drain!(receiving.batch(), received),
                }
            }
            // All that was sent is there, unless it was lost, which is an error.
            Some(Ok(Step::Ready)) if goal == Goal::Flush => {
                assert_eq!(wire.peer_received.len(), sent.len(), "lost without a word");
            }
            Some(Ok(Step::Ended)) => *ended = true,
            Some(Err(Error::Protocol(error))) => panic!("our own peer: {error}"),
            Some(Err(_) | Ok(_)) | None => {}
        }
    }
}

impl Wire {
    /// Follows the steps of a whole connection; returns how it ended, if it has.
    fn follow<D: Reads + Writes>(
        &mut self,
        driver: &mut D,
        steps: usize,
        mut next: impl FnMut(&mut D) -> Result<Step, Error>,
    ) -> Option<Result<Step, Error>> {
        for _ in 0..steps {
            match next(driver) {
                Ok(Step::Read) => self.read_step(driver),
                Ok(Step::Time) => driver.time(self.now),
                Ok(step @ (Step::Write | Step::Flush | Step::ShutDown)) => {
                    self.write_step(driver, step);
                }
                Ok(Step::Wait(deadline)) => {
                    assert!(deadline.is_none_or(|deadline| deadline > self.now));
                    return None;
                }
                done => return Some(done),
            }
        }
        None
    }

    fn write(
        &mut self,
        driver: &mut SendDriver,
        goal: Goal,
        steps: usize,
    ) -> Option<Result<Step, Error>> {
        for _ in 0..steps {
            match driver.next(goal) {
                Ok(step @ (Step::Write | Step::Flush | Step::ShutDown)) => {
                    self.write_step(driver, step);
                }
                Ok(Step::Wait(_)) => return None,
                done => return Some(done),
            }
        }
        None
    }

    fn receive(
        &mut self,
        driver: &mut ReceiveDriver,
        sending: &mut SendDriver,
        steps: usize,
    ) -> Option<Result<Step, Error>> {
        for _ in 0..steps {
            match driver.next() {
                Ok(Step::Read) => self.read_step(driver),
                Ok(Step::Time) => driver.time(self.now),
                Ok(Step::Reply) => {
                    sending.resume();
                    if self.write(sending, Goal::Events, steps).is_none() {
                        driver.reply_pending();
                    }
                }
                Ok(Step::Wait(_)) => return None,
                done => return Some(done),
            }
        }
        None
    }

    fn read_step(&mut self, driver: &mut impl Reads) {
        if core::mem::take(&mut self.fails_read) {
            let _ = driver.read_failed((), false);
            return;
        }
        let len = self.read.min(self.incoming.len());
        if len != 0 {
            let read: Vec<u8> = self.incoming.drain(..len).collect();
            if self.read.is_multiple_of(2) {
                let mut buf = driver.take_buffer();
                buf.extend_from_slice(&read);
                return driver.put_buffer(buf, len);
            }
            driver.buffer()[..len].copy_from_slice(&read);
            driver.read(len);
        } else if self.end && self.incoming.is_empty() {
            driver.eof();
        } else {
            driver.read_pending();
        }
    }

    fn write_step(&mut self, driver: &mut impl Writes, step: Step) {
        match step {
            _ if core::mem::take(&mut self.fails_write) => {
                self.broken = true;
                let _ = driver.write_failed(());
            }
            Step::Write if core::mem::take(&mut self.takes) && self.in_flight.is_none() => {
                self.in_flight = Some(driver.take_output());
            }
            Step::Write if self.write != 0 => {
                let output = driver.output();
                let bytes: Vec<u8> = output.chunks().flatten().copied().take(self.write).collect();
                self.deliver(&bytes);
                driver.wrote(bytes.len());
            }
            Step::Flush if self.flushes => driver.flushed(),
            Step::ShutDown if self.flushes => driver.shut_down(),
            _ => driver.write_pending(),
        }
    }

    fn put(&mut self, driver: &mut impl Writes, written: usize) {
        let Some(mut output) = self.in_flight.take() else { return };
        let bytes: Vec<u8> = output.chunks().flatten().copied().take(written).collect();
        output.advance(bytes.len());
        if !self.broken {
            self.deliver(&bytes);
        }
        driver.put_output(output);
    }

    /// Gives the peer what was written.
    fn deliver(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        let mut input = Input::new(&mut bytes);
        while let Some(event) = self.peer.receive(&mut input).expect("whole frames, in order") {
            if let Event::Binary(payload) = event {
                self.peer_received.push(payload.into_owned());
            }
        }
    }

    fn peer_acts(&mut self, kind: u8, len: usize) {
        match kind % 4 {
            0 | 1 => {
                let message = numbered(self.peer_sent.len(), len);
                if self.peer.send(&message[..]).is_ok() {
                    self.peer_sent.push(message);
                }
            }
            2 => drop(self.peer.ping(&[7; 5])),
            _ => drop(self.peer.close(CloseCode::NORMAL, "")),
        }
        let output = self.peer.output();
        let bytes: Vec<u8> = output.chunks().flatten().copied().collect();
        output.advance(bytes.len());
        if !self.end {
            self.incoming.extend(bytes);
        }
    }
}

/// Returns a message that tells which one it is.
fn numbered(number: usize, len: usize) -> Vec<u8> {
    let mut message = vec![7; len];
    message.extend(number.to_be_bytes());
    message
}
