//! A transport by script, and bindings to it in virtual time.

use core::time::Duration;
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
};

#[cfg(feature = "std")]
use framewise::driver::{ReceiveDriver, SendDriver};
use framewise::{
    Config, Connection, EndOfStream, Event, Output, Role, SendError, State,
    driver::{Driver, Error, Goal, HandshakeDriver, Opening, Reads, Step, Writes},
    time::Instant,
};

pub(crate) const ROLES: [Role; 2] = [Role::Client, Role::Server];
pub(crate) const STYLES: [Style; 4] =
    [Style::Blocking, Style::Completions, Style::Poll, Style::Readiness];

/// How a binding does I/O.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// Waits inside a read or a write, and is half duplex.
    Blocking,
    /// The transport owns what is in flight.
    Completions,
    /// Everything is tried again after each wait.
    Poll,
    /// What is ready is tried again.
    Readiness,
}

/// Whether a connection is driven in one piece.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    #[cfg(feature = "std")]
    Halves,
    Whole,
}

#[cfg(feature = "std")]
pub(crate) const SHAPES: [Shape; 2] = [Shape::Halves, Shape::Whole];
#[cfg(not(feature = "std"))]
pub(crate) const SHAPES: [Shape; 1] = [Shape::Whole];

/// Runs a test for every role, shape and style, and lists where it fails.
pub(crate) fn everywhere(test: impl Fn(Role, Shape, Style)) {
    let mut failed = Vec::new();
    for role in ROLES {
        for shape in SHAPES {
            for style in STYLES {
                if catch_unwind(AssertUnwindSafe(|| test(role, shape, style))).is_err() {
                    failed.push((role, shape, style));
                }
            }
        }
    }
    assert!(failed.is_empty(), "failed for {failed:?}");
}

/// What a failing transport says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    Reset,
    UnexpectedEof,
    Broken,
}

/// What a read finds.
#[derive(Clone, Debug)]
pub(crate) enum Arrival {
    Bytes(Vec<u8>),
    End,
    Fault(Fault),
}

/// How a single operation of the transport lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lie {
    Pending,
    Short,
    Fails,
}

/// How fast the peer takes what is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// How many bytes it takes at once.
    pub(crate) bytes: usize,
    /// How long it then waits.
    pub(crate) every: Duration,
}

/// A transport: the peer's bytes, and what became of ours.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) incoming: VecDeque<(Instant, Arrival)>,
    pub(crate) max_read: usize,
    pub(crate) max_write: usize,
    /// How many bytes the peer takes in all; more are added by `rate`.
    pub(crate) capacity: usize,
    pub(crate) rate: Option<Rate>,
    refilled: Instant,
    /// What the peer has got.
    pub(crate) sent: Vec<u8>,
    /// When it last got anything.
    pub(crate) sent_at: Instant,
    /// Has a buffer of its own of so many bytes, which is passed on by flushing only.
    pub(crate) buffer: Option<usize>,
    buffered: VecDeque<u8>,
    pub(crate) flush_pends: bool,
    pub(crate) shutdown_pends: bool,
    /// From here on writes and flushes fail.
    pub(crate) write_fault: Option<Fault>,
    pub(crate) shut: Option<Instant>,
    pub(crate) lies: Vec<(usize, Lie)>,
    /// How many operations there were, and how many writes, flushes and reads.
    pub(crate) operations: usize,
    pub(crate) writes: usize,
    pub(crate) flushes: usize,
    pub(crate) reads: usize,
    pub(crate) shutdowns: usize,
    // When an operation that lied may be tried again.
    retry: Option<Instant>,
}

/// What came of an operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Done<T> {
    Ok(T),
    Pending,
    Failed(Fault),
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self {
            incoming: VecDeque::new(),
            max_read: usize::MAX,
            max_write: usize::MAX,
            capacity: usize::MAX,
            rate: None,
            refilled: Instant::ORIGIN,
            sent: Vec::new(),
            sent_at: Instant::ORIGIN,
            buffer: None,
            buffered: VecDeque::new(),
            flush_pends: false,
            shutdown_pends: false,
            write_fault: None,
            shut: None,
            lies: Vec::new(),
            operations: 0,
            writes: 0,
            flushes: 0,
            reads: 0,
            shutdowns: 0,
            retry: None,
        }
    }

    pub(crate) fn arrive(&mut self, at: Instant, arrival: Arrival) {
        let index = self.incoming.partition_point(|(other, _)| *other <= at);
        self.incoming.insert(index, (at, arrival));
    }

    pub(crate) fn bytes(&mut self, at: Instant, bytes: &[u8]) {
        self.arrive(at, Arrival::Bytes(bytes.to_vec()));
    }

    /// Wakes whoever waits for the wire, a moment later.
    pub(crate) fn kick(&mut self, now: Instant) {
        self.retry = Some(now + Duration::from_millis(1));
    }

    fn refill(&mut self, now: Instant) {
        let Some(rate) = self.rate else { return };
        while self.refilled + rate.every <= now {
            self.refilled = self.refilled + rate.every;
            // What the peer had time for and found nothing to take is not saved up.
            self.capacity = rate.bytes;
        }
    }

    /// Returns when anything may change by itself.
    pub(crate) fn next_change(&self, now: Instant) -> Option<Instant> {
        let arrival = self.incoming.iter().map(|(at, _)| *at).find(|at| *at > now);
        let refill = self.rate.map(|rate| {
            let periods = (now - self.refilled).as_nanos() / rate.every.as_nanos() + 1;
            self.refilled + rate.every * periods as u32
        });
        let retry = self.retry.filter(|at| *at > now);
        [arrival, refill, retry].into_iter().flatten().min()
    }

    fn lie(&mut self, now: Instant) -> Option<Lie> {
        let index = self.operations;
        self.operations += 1;
        let lie = self.lies.iter().find(|(at, _)| *at == index).map(|(_, lie)| *lie);
        if lie == Some(Lie::Pending) {
            self.kick(now);
        }
        lie
    }

    pub(crate) fn is_readable(&self, now: Instant) -> bool {
        self.incoming.front().is_some_and(|(at, _)| *at <= now)
    }

    pub(crate) fn read(&mut self, now: Instant, len: usize) -> Done<Vec<u8>> {
        let lie = self.lie(now);
        self.reads += 1;
        match lie {
            Some(Lie::Pending) => return Done::Pending,
            Some(Lie::Fails) => return Done::Failed(Fault::Reset),
            Some(Lie::Short) | None => {}
        }
        if !self.is_readable(now) {
            return Done::Pending;
        }
        let max = if lie.is_some() { 1 } else { self.max_read.min(len) };
        match &mut self.incoming[0].1 {
            Arrival::Bytes(bytes) => {
                let rest = bytes.split_off(max.min(bytes.len()));
                let read = core::mem::replace(bytes, rest);
                if bytes.is_empty() {
                    self.incoming.pop_front();
                }
                Done::Ok(read)
            }
            Arrival::End => Done::Ok(Vec::new()),
            Arrival::Fault(fault) => Done::Failed(*fault),
        }
    }

    fn pass(&mut self, now: Instant, bytes: &[u8]) -> usize {
        self.refill(now);
        let len = bytes.len().min(self.capacity);
        self.capacity = self.capacity.saturating_sub(len);
        self.sent.extend_from_slice(&bytes[..len]);
        if len != 0 {
            self.sent_at = now;
        }
        len
    }

    fn pass_buffered(&mut self, now: Instant) {
        let bytes: Vec<u8> = self.buffered.iter().copied().collect();
        let len = self.pass(now, &bytes);
        self.buffered.drain(..len);
    }

    pub(crate) fn write(&mut self, now: Instant, bytes: &[u8]) -> Done<usize> {
        assert!(!bytes.is_empty(), "nothing is written");
        assert!(self.shut.is_none(), "written after the shutdown");
        let lie = self.lie(now);
        self.writes += 1;
        match (lie, self.write_fault) {
            (Some(Lie::Pending), _) => return Done::Pending,
            (Some(Lie::Fails), _) => return Done::Failed(Fault::Broken),
            (_, Some(fault)) => return Done::Failed(fault),
            (Some(Lie::Short) | None, None) => {}
        }
        let max = if lie.is_some() { 1 } else { self.max_write.min(bytes.len()) };
        let len = match self.buffer {
            None => self.pass(now, &bytes[..max]),
            Some(size) => {
                if self.buffered.len() >= size && !self.flush_pends {
                    self.pass_buffered(now);
                }
                let len = max.min(size - self.buffered.len().min(size));
                self.buffered.extend(&bytes[..len]);
                len
            }
        };
        if len == 0 { Done::Pending } else { Done::Ok(len) }
    }

    pub(crate) fn flush(&mut self, now: Instant) -> Done<()> {
        let lie = self.lie(now);
        self.flushes += 1;
        match (lie, self.write_fault) {
            (Some(Lie::Pending), _) => return Done::Pending,
            (Some(Lie::Fails), _) => return Done::Failed(Fault::Broken),
            (_, Some(fault)) => return Done::Failed(fault),
            (Some(Lie::Short) | None, None) => {}
        }
        if self.flush_pends {
            return Done::Pending;
        }
        self.pass_buffered(now);
        if self.buffered.is_empty() { Done::Ok(()) } else { Done::Pending }
    }

    pub(crate) fn shutdown(&mut self, now: Instant) -> Done<()> {
        let lie = self.lie(now);
        self.shutdowns += 1;
        if lie == Some(Lie::Pending) || self.shutdown_pends {
            return Done::Pending;
        }
        self.shut.get_or_insert(now);
        Done::Ok(())
    }
}

/// What a call of [`End::run`] came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Ready,
    Ended,
    /// The time to run is over.
    Waits,
    /// An error of the driver.
    Driver(Error),
    /// An error of the transport.
    Wire(Fault),
}

enum Machine {
    Whole(Box<Driver>),
    #[cfg(feature = "std")]
    Halves(Box<ReceiveDriver>, Box<SendDriver>),
}

/// One end of a connection: a driver, a binding and its transport.
pub(crate) struct End {
    machine: Machine,
    pub(crate) io: Io,
    pub(crate) events: Vec<Event<'static>>,
    /// What the program was told while it read in the background, halves only.
    pub(crate) told: Option<Outcome>,
    /// How many steps were taken since the time last moved.
    steps: usize,
}

/// A transport, a clock and what is in flight.
pub(crate) struct Io {
    pub(crate) style: Style,
    pub(crate) wire: Wire,
    pub(crate) now: Instant,
    /// The end of the current run.
    until: Instant,
    writing: Option<Output>,
    flushing: bool,
    reading: Option<Vec<u8>>,
    read_waits: bool,
    write_waits: bool,
}

/// So many steps are taken at most at one moment.
const MAX_STEPS: usize = 200_000;

impl Io {
    pub(crate) fn new(style: Style, wire: Wire) -> Self {
        Self {
            style,
            wire,
            now: Instant::ORIGIN,
            until: Instant::ORIGIN,
            writing: None,
            flushing: false,
            reading: None,
            read_waits: false,
            write_waits: false,
        }
    }

    /// Blocks a thread until anything changes; returns whether the deadline has passed.
    fn block(&mut self, deadline: Option<Instant>) -> bool {
        let until = deadline.map_or(self.until, |at| at.min(self.until));
        let next = self.wire.next_change(self.now).unwrap_or(until).min(until);
        self.now = self.now.max(next);
        self.now >= until
    }

    pub(crate) fn read<D: Reads>(&mut self, driver: &mut D) -> Result<(), Fault> {
        match self.style {
            Style::Completions => {
                if self.reading.is_none() {
                    self.reading = Some(driver.take_buffer());
                }
                driver.read_pending();
                return Ok(());
            }
            Style::Blocking => {
                let deadline = driver.deadline(self.now);
                while !self.wire.is_readable(self.now) {
                    if self.block(deadline) {
                        driver.read_pending();
                        return Ok(());
                    }
                }
            }
            Style::Poll | Style::Readiness => {}
        }
        match self.wire.read(self.now, 32 << 10) {
            Done::Pending => {
                driver.read_pending();
                self.read_waits = true;
            }
            Done::Failed(fault) => driver.read_failed(fault, fault == Fault::UnexpectedEof)?,
            Done::Ok(bytes) if self.style == Style::Poll => {
                driver.empty_buffer().extend_from_slice(&bytes);
                driver.read(bytes.len());
            }
            Done::Ok(bytes) => {
                driver.buffer()[..bytes.len()].copy_from_slice(&bytes);
                driver.read(bytes.len());
            }
        }
        Ok(())
    }

    pub(crate) fn write<D: Writes>(
        &mut self,
        driver: &mut D,
        step: Step,
        deadline: Option<Instant>,
    ) -> Result<(), Fault> {
        if self.style == Style::Completions {
            match step {
                Step::Write => {
                    assert!(self.writing.is_none() && !self.flushing, "one write at a time");
                    self.writing = Some(driver.take_output());
                    return Ok(());
                }
                Step::Flush => {
                    self.flushing = true;
                    driver.write_pending();
                    return Ok(());
                }
                _ => {}
            }
        }
        loop {
            let done = match step {
                Step::Write => match self.wire.write(self.now, driver.output().chunk()) {
                    Done::Ok(len) => {
                        driver.wrote(len);
                        Done::Ok(())
                    }
                    Done::Pending => Done::Pending,
                    Done::Failed(fault) => Done::Failed(fault),
                },
                Step::Flush => {
                    let done = self.wire.flush(self.now);
                    if done == Done::Ok(()) {
                        driver.flushed();
                    }
                    done
                }
                Step::ShutDown => {
                    let done = self.wire.shutdown(self.now);
                    if done == Done::Ok(()) {
                        driver.shut_down();
                    }
                    done
                }
                step => panic!("{step:?} is no step of the write side"),
            };
            match done {
                Done::Ok(()) => return Ok(()),
                Done::Failed(fault) => return driver.write_failed(fault),
                Done::Pending => {}
            }
            if self.style != Style::Blocking || step == Step::ShutDown || self.block(deadline) {
                driver.write_pending();
                self.write_waits = true;
                return Ok(());
            }
        }
    }

    /// Completes a read that is in flight; returns whether it did.
    fn complete_read<D: Reads>(&mut self, driver: &mut D) -> Result<bool, Fault> {
        let Some(mut buf) = self.reading.take() else { return Ok(false) };
        match self.wire.read(self.now, buf.capacity()) {
            Done::Pending => {
                self.reading = Some(buf);
                return Ok(false);
            }
            Done::Failed(fault) => driver.read_failed(fault, fault == Fault::UnexpectedEof)?,
            Done::Ok(bytes) => {
                buf.extend_from_slice(&bytes);
                driver.put_buffer(buf, bytes.len());
            }
        }
        driver.readable();
        Ok(true)
    }

    /// The same of a write or a flush.
    fn complete_write<D: Writes>(&mut self, driver: &mut D) -> Result<bool, Fault> {
        if self.wire.shut.is_some()
            && let Some(rest) = self.writing.take()
        {
            // The transport has cancelled it.
            driver.put_output(rest);
            return Ok(true);
        }
        if let Some(mut rest) = self.writing.take() {
            let done = self.wire.write(self.now, rest.chunk());
            match done {
                Done::Pending => {
                    self.writing = Some(rest);
                    return Ok(false);
                }
                Done::Failed(fault) => {
                    driver.put_output(rest);
                    driver.write_failed(fault)?;
                }
                Done::Ok(len) => {
                    rest.advance(len);
                    driver.put_output(rest);
                }
            }
            driver.writable();
            return Ok(true);
        }
        if self.flushing {
            match self.wire.flush(self.now) {
                Done::Pending => return Ok(false),
                Done::Failed(fault) => {
                    self.flushing = false;
                    driver.write_failed(fault)?;
                }
                Done::Ok(()) => driver.flushed(),
            }
            self.flushing = false;
            driver.writable();
            return Ok(true);
        }
        Ok(false)
    }

    /// Tells a driver that something may have happened.
    fn wake<D: Reads + Writes>(&mut self, driver: &mut D) -> Result<(), Fault> {
        match self.style {
            Style::Blocking | Style::Poll => {
                driver.readable();
                driver.writable();
            }
            Style::Completions => {
                if !(self.complete_write(driver)? | self.complete_read(driver)?) {
                    driver.time(self.now);
                }
            }
            Style::Readiness => {
                if core::mem::take(&mut self.write_waits) {
                    driver.writable();
                }
                if self.read_waits && self.wire.is_readable(self.now) {
                    self.read_waits = false;
                    driver.readable();
                } else {
                    driver.time(self.now);
                }
            }
        }
        Ok(())
    }

    /// Drives an opening handshake until `until`.
    pub(crate) fn shake<H: Opening>(
        &mut self,
        driver: &mut HandshakeDriver<H>,
        until: Instant,
    ) -> Result<Result<Step, H::Error>, Fault> {
        self.until = until;
        self.wake(driver)?;
        for _ in 0..MAX_STEPS {
            match driver.next() {
                Ok(Step::Read) => self.read(driver)?,
                Ok(Step::Time) => driver.time(self.now),
                Ok(step @ (Step::Write | Step::Flush | Step::ShutDown)) => {
                    let deadline = match self.style {
                        Style::Blocking => driver.deadline(self.now),
                        _ => None,
                    };
                    self.write(driver, step, deadline)?;
                }
                Ok(step @ Step::Wait(deadline)) => {
                    if self.style == Style::Completions
                        && (self.complete_write(driver)? | self.complete_read(driver)?)
                    {
                        continue;
                    }
                    if self.now >= self.until || !self.wait(deadline) {
                        return Ok(Ok(step));
                    }
                    self.wake(driver)?;
                }
                end => return Ok(end),
            }
        }
        panic!("no end of steps");
    }

    /// Lets the time pass until something happens; `false` at the end of the run.
    fn wait(&mut self, deadline: Option<Instant>) -> bool {
        let next = [deadline, self.wire.next_change(self.now)].into_iter().flatten().min();
        match next {
            Some(next) if next <= self.until => {
                self.now = self.now.max(next);
                true
            }
            _ => {
                self.now = self.until;
                false
            }
        }
    }
}

impl End {
    pub(crate) fn new(role: Role, shape: Shape, style: Style) -> Self {
        Self::with(role, shape, style, |_| ())
    }

    pub(crate) fn with(
        role: Role,
        shape: Shape,
        style: Style,
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config::default();
        configure(&mut config);
        let connection = match role {
            Role::Client => Connection::client(config, [7; 32]),
            Role::Server => Connection::server(config),
        };
        Self::of(connection, shape, style)
    }

    pub(crate) fn of(connection: Connection, shape: Shape, style: Style) -> Self {
        let mut driver = Driver::new(connection);
        driver.set_half_duplex(style == Style::Blocking);
        let machine = match shape {
            Shape::Whole => Machine::Whole(driver.into()),
            #[cfg(feature = "std")]
            Shape::Halves => {
                let (receiving, sending) = driver.into_split();
                Machine::Halves(receiving.into(), sending.into())
            }
        };
        let io = Io::new(style, Wire::new());
        Self { machine, io, events: Vec::new(), told: None, steps: 0 }
    }

    pub(crate) fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        match &mut self.machine {
            Machine::Whole(driver) => driver.connection_mut().send_binary(payload),
            #[cfg(feature = "std")]
            Machine::Halves(_, sending) => sending.sending_mut().send_binary(payload),
        }
    }

    pub(crate) fn close(&mut self) {
        let code = framewise::CloseCode::NORMAL;
        match &mut self.machine {
            Machine::Whole(driver) => driver.connection_mut().close(code, ""),
            #[cfg(feature = "std")]
            Machine::Halves(_, sending) => sending.sending_mut().close(code, ""),
        }
        .expect("it is open");
    }

    pub(crate) fn end(&self) -> Option<EndOfStream> {
        match &self.machine {
            Machine::Whole(driver) => driver.end(),
            #[cfg(feature = "std")]
            Machine::Halves(receiving, _) => receiving.receiving().end(),
        }
    }

    pub(crate) fn state(&self) -> State {
        match &self.machine {
            Machine::Whole(driver) => driver.connection().state(),
            #[cfg(feature = "std")]
            Machine::Halves(receiving, _) => receiving.receiving().state(),
        }
    }

    /// Returns the driver of a whole connection.
    pub(crate) fn driver(&mut self) -> &mut Driver {
        match &mut self.machine {
            Machine::Whole(driver) => driver,
            #[cfg(feature = "std")]
            Machine::Halves(..) => panic!("it is split"),
        }
    }

    /// Returns the driver of a whole connection alone.
    pub(crate) fn into_driver(self) -> Driver {
        match self.machine {
            Machine::Whole(driver) => *driver,
            #[cfg(feature = "std")]
            Machine::Halves(..) => panic!("it is split"),
        }
    }

    /// Moves the events that are there to the log.
    pub(crate) fn take(&mut self) {
        let events = &mut self.events;
        match &mut self.machine {
            Machine::Whole(driver) => {
                let mut batch = driver.batch();
                while let Some(event) = batch.next() {
                    events.push(event.into_owned());
                }
            }
            #[cfg(feature = "std")]
            Machine::Halves(receiving, _) => {
                let mut batch = receiving.batch();
                while let Some(event) = batch.next() {
                    events.push(event.into_owned());
                }
            }
        }
    }

    /// Receives until `until`, or the end, and logs the events.
    pub(crate) fn receive(&mut self, until: Instant) -> Outcome {
        loop {
            match self.run(Goal::Events, until) {
                Outcome::Ready => self.take(),
                outcome => return outcome,
            }
        }
    }

    /// Drives towards `goal` until `until`.
    ///
    /// Of halves the reading task goes on meanwhile, and its events are logged.
    pub(crate) fn run(&mut self, goal: Goal, until: Instant) -> Outcome {
        self.io.until = until;
        let outcome = match &mut self.machine {
            Machine::Whole(_) => self.run_whole(goal),
            #[cfg(feature = "std")]
            Machine::Halves(..) => self.run_halves(goal),
        };
        match outcome {
            Ok(outcome) => outcome,
            Err(fault) => Outcome::Wire(fault),
        }
    }

    fn count(&mut self, step: Step) {
        self.steps += 1;
        assert!(self.steps < MAX_STEPS, "no end of steps, the last one is {step:?}");
    }

    fn run_whole(&mut self, goal: Goal) -> Result<Outcome, Fault> {
        let Self { machine, io, .. } = self;
        #[allow(irrefutable_let_patterns, reason = "without std there are no halves")]
        let Machine::Whole(driver) = machine else { unreachable!() };
        io.wake(&mut **driver)?;
        loop {
            let step = match self.driver().next(goal) {
                Ok(step) => step,
                Err(error) => return Ok(Outcome::Driver(error)),
            };
            self.count(step);
            let Self { machine, io, steps, .. } = self;
            #[allow(irrefutable_let_patterns, reason = "without std there are no halves")]
            let Machine::Whole(driver) = machine else { unreachable!() };
            match step {
                Step::Ready => return Ok(Outcome::Ready),
                Step::Ended => return Ok(Outcome::Ended),
                Step::Read => io.read(&mut **driver)?,
                Step::Time => driver.time(io.now),
                Step::Write | Step::Flush | Step::ShutDown => {
                    let deadline = match io.style {
                        Style::Blocking => driver.deadline(io.now),
                        _ => None,
                    };
                    io.write(&mut **driver, step, deadline)?;
                }
                Step::Wait(deadline) => {
                    if io.style == Style::Completions
                        && (io.complete_write(&mut **driver)? | io.complete_read(&mut **driver)?)
                    {
                        continue;
                    }
                    let before = io.now;
                    let goes_on = io.now < io.until && io.wait(deadline);
                    if before != io.now {
                        *steps = 0;
                    }
                    if !goes_on {
                        return Ok(Outcome::Waits);
                    }
                    io.wake(&mut **driver)?;
                }
                step => panic!("{step:?} is no step of a whole connection"),
            }
        }
    }

    #[cfg(feature = "std")]
    fn run_halves(&mut self, goal: Goal) -> Result<Outcome, Fault> {
        let mut first = true;
        if self.io.style == Style::Completions {
            let Self { machine, io, .. } = self;
            let Machine::Halves(receiving, sending) = machine else { unreachable!() };
            io.complete_write(&mut **sending)?;
            io.complete_read(&mut **receiving)?;
        }
        loop {
            let Self { machine, io, .. } = self;
            let Machine::Halves(receiving, sending) = machine else { unreachable!() };
            if first || io.style != Style::Completions {
                receiving.resume();
                sending.resume();
                if io.flushing {
                    sending.write_pending();
                }
                if io.reading.is_some() {
                    receiving.read_pending();
                }
            }
            first = false;
            // The writing task.
            if goal != Goal::Events
                && let Some(outcome) = self.run_sending(goal)?
            {
                return Ok(outcome);
            }
            // The reading one.
            match self.run_receiving()? {
                Ran::Done(outcome) if goal == Goal::Events => return Ok(outcome),
                Ran::Done(Outcome::Ready) => {
                    self.take();
                    continue;
                }
                Ran::Done(outcome) => {
                    if self.told.is_none() {
                        self.told = Some(outcome);
                        continue;
                    }
                    if self.io.now >= self.io.until || !self.wait_halves(None)? {
                        return Ok(Outcome::Waits);
                    }
                }
                Ran::Waits(deadline) => {
                    if self.io.now >= self.io.until && self.io.style != Style::Completions {
                        return Ok(Outcome::Waits);
                    }
                    if !self.wait_halves(deadline)? {
                        return Ok(Outcome::Waits);
                    }
                }
            }
        }
    }

    #[cfg(feature = "std")]
    fn wait_halves(&mut self, deadline: Option<Instant>) -> Result<bool, Fault> {
        let Self { machine, io, steps, .. } = self;
        let Machine::Halves(receiving, sending) = machine else { unreachable!() };
        if io.style == Style::Completions {
            if io.complete_write(&mut **sending)? | io.complete_read(&mut **receiving)? {
                receiving.resume();
                if io.reading.is_some() {
                    receiving.read_pending();
                }
                return Ok(true);
            }
            if io.now >= io.until {
                return Ok(false);
            }
        }
        let before = io.now;
        let goes_on = io.wait(deadline);
        if before != io.now {
            *steps = 0;
        }
        if goes_on && io.style == Style::Completions {
            receiving.time(io.now);
        }
        Ok(goes_on)
    }

    /// Drives the sending half until it has to wait.
    #[cfg(feature = "std")]
    fn run_sending(&mut self, goal: Goal) -> Result<Option<Outcome>, Fault> {
        loop {
            let Self { machine, io, .. } = self;
            let Machine::Halves(_, sending) = machine else { unreachable!() };
            let step = match sending.next(goal) {
                Ok(step) => step,
                Err(error) => return Ok(Some(Outcome::Driver(error))),
            };
            match step {
                Step::Ready => return Ok(Some(Outcome::Ready)),
                Step::Wait(deadline) => {
                    assert_eq!(deadline, None, "the sending half has no timers");
                    return Ok(None);
                }
                // A thread that waits in a write leaves the clock to the other one.
                step => io.write(&mut **sending, step, Some(io.now))?,
            }
            self.count(step);
        }
    }

    /// Drives the receiving half until it has to wait.
    #[cfg(feature = "std")]
    fn run_receiving(&mut self) -> Result<Ran, Fault> {
        loop {
            let Self { machine, io, .. } = self;
            let Machine::Halves(receiving, _) = machine else { unreachable!() };
            let step = match receiving.next() {
                Ok(step) => step,
                Err(error) => return Ok(Ran::Done(Outcome::Driver(error))),
            };
            match step {
                Step::Ready => return Ok(Ran::Done(Outcome::Ready)),
                Step::Ended => return Ok(Ran::Done(Outcome::Ended)),
                Step::Wait(deadline) => return Ok(Ran::Waits(deadline)),
                Step::Time => receiving.time(io.now),
                Step::Read => {
                    // A thread of its own, so this does not hold up the other one.
                    let style = io.style;
                    if style == Style::Blocking {
                        io.style = Style::Readiness;
                    }
                    let read = io.read(&mut **receiving);
                    io.style = style;
                    read?;
                }
                Step::Reply => {
                    if self.run_sending(Goal::Events)?.is_none()
                        && let Machine::Halves(receiving, _) = &mut self.machine
                    {
                        receiving.reply_pending();
                    }
                }
                step => panic!("{step:?} is no step of a receiving half"),
            }
            self.count(step);
        }
    }
}

#[cfg(feature = "std")]
enum Ran {
    Done(Outcome),
    Waits(Option<Instant>),
}

pub(crate) fn at(secs: u64) -> Instant {
    Instant::from_origin(Duration::from_secs(secs))
}

pub(crate) fn at_ms(ms: u64) -> Instant {
    Instant::from_origin(Duration::from_millis(ms))
}

/// Encodes a frame as the peer of `role` does, with a key of zeros.
pub(crate) fn frame(role: Role, first: u8, payload: &[u8]) -> Vec<u8> {
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
    if mask != 0 {
        bytes.extend([0; 4]);
    }
    bytes.extend(payload);
    bytes
}

/// Decodes what was sent: the first byte and the payload of each frame, and how many bytes of an
/// unfinished one follow.
pub(crate) fn frames(mut bytes: &[u8]) -> (Vec<(u8, Vec<u8>)>, usize) {
    let mut frames = Vec::new();
    while let Some((frame, rest)) = split_frame(bytes) {
        frames.push(frame);
        bytes = rest;
    }
    (frames, bytes.len())
}

type Frame = (u8, Vec<u8>);

fn split_frame(bytes: &[u8]) -> Option<(Frame, &[u8])> {
    let (&[first, second], mut rest) = bytes.split_first_chunk()?;
    let len = match second & 0x7f {
        126 => {
            let (len, after) = rest.split_first_chunk()?;
            rest = after;
            usize::from(u16::from_be_bytes(*len))
        }
        127 => {
            let (len, after) = rest.split_first_chunk()?;
            rest = after;
            u64::from_be_bytes(*len) as usize
        }
        len => usize::from(len),
    };
    let mut key = [0; 4];
    if second & 0x80 != 0 {
        let (found, after) = rest.split_first_chunk()?;
        (key, rest) = (*found, after);
    }
    let (payload, rest) = rest.split_at_checked(len)?;
    let payload = payload.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b).collect();
    Some(((first, payload), rest))
}

/// A payload of `len` bytes that differ.
pub(crate) fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index % 251) as u8).collect()
}

/// Returns the payloads of the binary messages.
pub(crate) fn binaries(events: &[Event<'static>]) -> Vec<Vec<u8>> {
    let binary = |event: &Event<'static>| match event {
        Event::Binary(payload) => Some(payload.to_vec()),
        _ => None,
    };
    events.iter().filter_map(binary).collect()
}
