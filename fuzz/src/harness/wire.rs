//! A transport that lies, and the peer behind it.

use core::{mem, time::Duration};

use framewise::{
    CloseCode, Connection, Event, Input, Output, State,
    driver::{Driver, Error, Goal, Reads, ReceiveDriver, SendDriver, Step, Writes},
    time::Instant,
};

/// Why no further step is taken.
#[derive(Debug)]
pub(super) enum Stop {
    /// The transport has failed, and the program was told.
    Failed,
    /// What a driver says that is no step.
    Next(Result<Step, Error>),
    /// There were as many steps as were allowed.
    Steps,
    /// The driver waits.
    Waits,
}

/// What a driver reads from and writes to.
pub(super) struct Wire {
    peer: Connection,
    /// Messages that the peer has sent, and where each of them ends in its stream.
    pub(super) peer_sent: Vec<Vec<u8>>,
    ends: Vec<usize>,
    /// Messages that the peer has received, and the one that has begun.
    pub(super) peer_received: Vec<Vec<u8>>,
    /// Payloads of the Pings that the peer has sent, where they end, and what was answered.
    pings: Vec<(u64, usize)>,
    pongs: Vec<u64>,
    /// Bytes on the way from the peer; how many there were, and how many were read and wanted.
    incoming: Vec<u8>,
    said: usize,
    read_len: usize,
    /// Where something is that breaks the protocol: nothing behind it counts.
    spoiled_at: usize,
    pub(super) spoiled: bool,
    /// The stream ends behind what is on its way, and whether that was read.
    pub(super) end: bool,
    pub(super) ended: bool,
    pub(super) fails_read: Option<bool>,
    pub(super) fails_write: bool,
    pub(super) write_failed: bool,
    shut_down: bool,
    pub(super) read: usize,
    pub(super) write: usize,
    pub(super) flushes: bool,
    unflushed: bool,
    pub(super) takes_read: bool,
    pub(super) takes_write: bool,
    buffer: Option<Vec<u8>>,
    in_flight: Option<Output>,
    /// What the driver was told to be pending.
    read_pending: bool,
    write_pending: bool,
    reply_pending: bool,
    /// Whether time has ended the connection, or began to.
    pub(super) timed_out: bool,
    /// When a driver that waits has to be woken.
    deadline: Option<Instant>,
    told_at: Instant,
    pub(super) now: Instant,
}

impl Wire {
    pub(super) fn new(peer: Connection) -> Self {
        Self {
            peer,
            peer_sent: Vec::new(),
            ends: Vec::new(),
            peer_received: Vec::new(),
            pings: Vec::new(),
            pongs: Vec::new(),
            incoming: Vec::new(),
            said: 0,
            read_len: 0,
            spoiled_at: 0,
            spoiled: false,
            end: false,
            ended: false,
            fails_read: None,
            fails_write: false,
            write_failed: false,
            shut_down: false,
            read: 255,
            write: 255,
            flushes: true,
            unflushed: false,
            takes_read: false,
            takes_write: false,
            buffer: None,
            in_flight: None,
            read_pending: false,
            write_pending: false,
            reply_pending: false,
            timed_out: false,
            deadline: None,
            told_at: Instant::ORIGIN,
            now: Instant::ORIGIN,
        }
    }

    /// Follows the steps of a whole connection.
    pub(super) fn follow_whole(&mut self, driver: &mut Driver, goal: Goal, steps: usize) -> Stop {
        let mut idle = 0;
        for _ in 0..steps {
            self.count(&mut idle);
            match driver.next(goal) {
                Ok(Step::Read) => {
                    let state = driver.connection().state();
                    if self.read_step(driver, state) {
                        idle = 0;
                    }
                }
                Ok(Step::Time) => {
                    let state = driver.connection().state();
                    driver.time(self.now);
                    self.note_time(state, driver.connection().state());
                }
                Ok(step @ (Step::Write | Step::Flush | Step::ShutDown)) => {
                    match self.write_step(driver, step, goal) {
                        None => return Stop::Failed,
                        Some(true) => idle = 0,
                        Some(false) => {}
                    }
                }
                Ok(Step::Wait(deadline)) => {
                    self.note_wait(deadline);
                    return Stop::Waits;
                }
                next => return Stop::Next(next),
            }
        }
        Stop::Steps
    }

    pub(super) fn follow_sending(
        &mut self,
        driver: &mut SendDriver,
        goal: Goal,
        steps: usize,
    ) -> Stop {
        let mut idle = 0;
        for _ in 0..steps {
            self.count(&mut idle);
            match driver.next(goal) {
                Ok(step @ (Step::Write | Step::Flush | Step::ShutDown)) => {
                    match self.write_step(driver, step, goal) {
                        None => return Stop::Failed,
                        Some(true) => idle = 0,
                        Some(false) => {}
                    }
                }
                Ok(Step::Wait(deadline)) => {
                    assert_eq!(deadline, None);
                    assert!(self.write_pending || self.in_flight.is_some(), "waits for nothing");
                    return Stop::Waits;
                }
                next => return Stop::Next(next),
            }
        }
        Stop::Steps
    }

    pub(super) fn follow_receiving(
        &mut self,
        driver: &mut ReceiveDriver,
        sending: &mut SendDriver,
        replies: bool,
        steps: usize,
    ) -> Stop {
        let mut idle = 0;
        for _ in 0..steps {
            self.count(&mut idle);
            match driver.next() {
                Ok(Step::Read) => {
                    let state = driver.receiving().state();
                    if self.read_step(driver, state) {
                        idle = 0;
                    }
                }
                Ok(Step::Time) => {
                    let state = driver.receiving().state();
                    driver.time(self.now);
                    self.note_time(state, driver.receiving().state());
                }
                Ok(Step::Reply) => {
                    sending.resume();
                    self.write_pending = false;
                    let stop = match replies {
                        true => self.follow_sending(sending, Goal::Events, steps),
                        false => Stop::Waits,
                    };
                    match stop {
                        Stop::Next(Ok(Step::Ready)) => {}
                        Stop::Next(next) => panic!("for a reply: {next:?}"),
                        Stop::Failed => panic!("a reply tells of a failure"),
                        Stop::Steps | Stop::Waits => {
                            driver.reply_pending();
                            self.reply_pending = true;
                        }
                    }
                }
                Ok(Step::Wait(deadline)) => {
                    self.note_wait(deadline);
                    return Stop::Waits;
                }
                next => return Stop::Next(next),
            }
        }
        Stop::Steps
    }

    /// Counts steps that get nowhere.
    fn count(&self, idle: &mut usize) {
        *idle += 1;
        assert!(*idle < 20, "steps that get nowhere");
    }

    pub(super) fn resume(&mut self, reads: bool, writes: bool) {
        if reads {
            (self.read_pending, self.reply_pending) = (false, false);
        }
        if writes {
            self.write_pending = false;
        }
    }

    fn note_time(&mut self, before: State, after: State) {
        self.told_at = self.now;
        let is_over = matches!(after, State::Failed | State::Closed);
        // A connection that is closed already may still be given up.
        self.timed_out |= is_over && before != after || before == State::Closed;
    }

    fn note_wait(&mut self, deadline: Option<Instant>) {
        let reads = self.read_pending || self.buffer.is_some();
        let writes = self.write_pending || self.reply_pending || self.in_flight.is_some();
        assert!(reads || writes, "waits for nothing");
        assert_ne!(deadline, None, "may wait forever");
        // Without a resume, nobody looks at the clock again.
        let is_late = deadline.is_some_and(|deadline| deadline <= self.now);
        assert!(!is_late || self.told_at != self.now, "waits for what is over");
        self.deadline = deadline;
    }

    /// Lets time pass until the deadline of the driver that waits.
    pub(super) fn pass(&mut self) {
        self.now = self.deadline.unwrap_or(self.now + Duration::from_secs(1));
    }

    /// Does from now on what a transport should do.
    pub(super) fn behave(&mut self) {
        (self.read, self.write, self.flushes) = (usize::MAX, usize::MAX, true);
        (self.takes_read, self.takes_write) = (false, false);
        (self.fails_read, self.fails_write) = (None, false);
    }

    /// Reads; returns whether that got anywhere.
    fn read_step(&mut self, driver: &mut impl Reads, state: State) -> bool {
        if self.buffer.is_some() {
            driver.read_pending();
            self.read_pending = true;
            return false;
        }
        assert!(state != State::Closed, "reads behind the end");
        if let Some(unexpected_eof) = self.fails_read.take() {
            let told = driver.read_failed((), unexpected_eof).is_err();
            assert_eq!(told, state == State::Open && !unexpected_eof);
            self.ended = true;
            return true;
        }
        let len = self.read.min(self.incoming.len()).min(32 << 10);
        if mem::take(&mut self.takes_read) {
            self.buffer = Some(driver.take_buffer());
            driver.read_pending();
            self.read_pending = true;
            false
        } else if len != 0 {
            let read = self.receive(len, state);
            if self.read.is_multiple_of(2) {
                let mut buf = driver.take_buffer();
                buf.extend_from_slice(&read);
                driver.put_buffer(buf, len);
            } else {
                driver.buffer()[..len].copy_from_slice(&read);
                driver.read(len);
            }
            true
        } else if self.end && self.incoming.is_empty() {
            self.ended = true;
            driver.eof();
            true
        } else {
            driver.read_pending();
            self.read_pending = true;
            false
        }
    }

    /// Takes bytes that were on their way.
    fn receive(&mut self, len: usize, state: State) -> Vec<u8> {
        if matches!(state, State::Open | State::CloseSent) {
            self.read_len += len;
        }
        self.incoming.drain(..len).collect()
    }

    /// Ends a read that was in flight, if there is anything to read.
    pub(super) fn put_buffer<D: Reads + Stated>(&mut self, driver: &mut D, len: usize) {
        let len = len.min(self.incoming.len()).min(32 << 10);
        if len == 0 && !(self.end && self.incoming.is_empty()) {
            return;
        }
        let Some(mut buf) = self.buffer.take() else { return };
        self.ended |= len == 0;
        buf.extend(self.receive(len, driver.state()));
        driver.put_buffer(buf, len);
        self.read_pending = false;
    }

    /// Writes, flushes or shuts down. Returns whether that got anywhere, `None` when the program is told
    /// of a failure.
    fn write_step(&mut self, driver: &mut impl Writes, step: Step, goal: Goal) -> Option<bool> {
        assert!(!self.shut_down && !self.write_failed, "{step:?} behind the end");
        if step != Step::ShutDown && mem::take(&mut self.fails_write) {
            self.write_failed = true;
            let told = driver.write_failed(()).is_err();
            assert_eq!(told, goal != Goal::Events);
            return (!told).then_some(true);
        }
        match step {
            Step::Write => {
                assert!(self.in_flight.is_none(), "two writes at once");
                assert!(!driver.output().is_empty(), "writes nothing");
                if mem::take(&mut self.takes_write) {
                    self.in_flight = Some(driver.take_output());
                } else if self.write == 0 {
                    driver.write_pending();
                    self.write_pending = true;
                } else {
                    let output = driver.output();
                    let bytes = taken(output, self.write);
                    self.deliver(&bytes);
                    driver.wrote(bytes.len());
                    self.unflushed = true;
                    return Some(true);
                }
            }
            Step::Flush if self.flushes => {
                assert!(self.in_flight.is_none() && self.unflushed, "flushes nothing");
                self.unflushed = false;
                driver.flushed();
                return Some(true);
            }
            Step::ShutDown if self.flushes => {
                self.shut_down = true;
                driver.shut_down();
                return Some(true);
            }
            _ => {
                driver.write_pending();
                self.write_pending = true;
            }
        }
        Some(false)
    }

    /// Ends a write that was in flight.
    pub(super) fn put_output(&mut self, driver: &mut impl Writes, len: usize) {
        let Some(mut output) = self.in_flight.take() else { return };
        let fails = mem::take(&mut self.fails_write);
        if !fails {
            let bytes = taken(&output, len);
            output.advance(bytes.len());
            if !self.shut_down {
                self.deliver(&bytes);
                self.unflushed = true;
            }
        }
        driver.put_output(output);
        if fails && !self.write_failed {
            self.write_failed = true;
            let _ = driver.write_failed(());
        }
    }

    /// Gives the peer what was written.
    fn deliver(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        let mut input = Input::new(&mut bytes);
        while let Some(event) = self.peer.receive(&mut input).expect("whole frames, in order") {
            match event {
                Event::Binary(payload) => self.peer_received.push(payload.into_owned()),
                Event::Pong(payload) if &payload[..] != b"program" => {
                    let number = payload[..].try_into().expect("what was asked");
                    self.pongs.push(u64::from_be_bytes(number));
                }
                _ => {}
            }
        }
        self.say();
    }

    pub(super) fn peer_acts(&mut self, kind: u8, len: usize) {
        match kind % 8 {
            0..=2 => {
                let message = numbered(self.peer_sent.len(), len);
                if self.peer.send(&message[..]).is_ok() {
                    self.said_message(message);
                }
            }
            3 => {
                let message = numbered(self.peer_sent.len(), len);
                let (first, last) = message.split_at(len / 2);
                if self.peer.send_fragment(first, false).is_ok() {
                    self.ping();
                    self.peer.send_fragment(last, true).expect("it is open");
                    self.said_message(message);
                }
            }
            4 | 5 => self.ping(),
            6 if len & 3 == 3 => {
                self.say();
                if !self.end && !self.spoiled && self.peer.state() == State::Open {
                    (self.spoiled, self.spoiled_at) = (true, self.said);
                    // An opcode that is reserved, masked or not: in whole, in front of all else.
                    let masked = self.peer.role() == framewise::Role::Client;
                    self.incoming.extend([0x83, if masked { 0x80 } else { 0 }]);
                    self.said += 2;
                }
            }
            6 => drop(self.peer.pong(b"peer")),
            _ => drop(self.peer.close(CloseCode::NORMAL, "")),
        }
        self.say();
    }

    fn ping(&mut self) {
        let number = self.pings.len() as u64;
        if self.peer.ping(number.to_be_bytes()).is_ok() {
            self.say();
            let end = if self.end || self.spoiled { usize::MAX } else { self.said };
            self.pings.push((number, end));
        }
    }

    fn said_message(&mut self, message: Vec<u8>) {
        self.say();
        if !self.end && !self.spoiled {
            self.peer_sent.push(message);
            self.ends.push(self.said);
        }
    }

    /// Puts on its way what the peer has to say.
    fn say(&mut self) {
        let output = self.peer.output();
        let bytes = taken(output, usize::MAX);
        output.advance(bytes.len());
        if !self.end {
            self.said += bytes.len();
            self.incoming.extend(bytes);
        }
    }

    /// Returns how many messages were read whole.
    pub(super) fn arrived(&self) -> usize {
        self.ends.iter().filter(|end| **end <= self.read_len).count()
    }

    pub(super) fn is_spoilt_by_arrival(&self) -> bool {
        // The first of the two bytes is enough.
        self.spoiled && self.read_len > self.spoiled_at
    }

    pub(super) fn is_idle(&self) -> bool {
        self.incoming.is_empty() && self.in_flight.is_none()
    }

    pub(super) fn check_flushed(&self) {
        assert!(self.in_flight.is_none() && !self.unflushed, "not flushed");
    }

    /// Pings are answered in order, none of them twice, and only when they were read.
    pub(super) fn check_pongs(&self) {
        assert!(self.pongs.is_sorted_by(|a, b| a < b), "answers out of order");
        let read = self.pings.iter().filter(|(_, end)| *end <= self.read_len).count();
        assert!(self.pongs.iter().all(|pong| *pong < read as u64), "answers nobody");
    }

    /// The last Ping is answered (RFC 6455 §5.5.3).
    pub(super) fn check_answered(&self) {
        if self.peer.state() == State::Open {
            assert_eq!(self.pongs.last(), self.pings.last().map(|(number, _)| number));
        }
    }
}

/// A driver that reads, which can be asked for the state of its connection.
pub(super) trait Stated {
    fn state(&self) -> State;
}

impl Stated for Driver {
    fn state(&self) -> State {
        self.connection().state()
    }
}

impl Stated for ReceiveDriver {
    fn state(&self) -> State {
        self.receiving().state()
    }
}

fn taken(output: &Output, len: usize) -> Vec<u8> {
    output.chunks().flatten().copied().take(len).collect()
}

/// Returns a message that tells which one it is.
pub(super) fn numbered(number: usize, len: usize) -> Vec<u8> {
    let mut message = vec![7; len];
    message.extend(number.to_be_bytes());
    message
}
