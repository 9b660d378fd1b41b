//! Two drivers over a simulated network, with delay, capacity and cuts.

use core::time::Duration;
use std::collections::VecDeque;

use framewise::{
    CloseCode, Config, Connection, EndOfStream, Event, State,
    driver::{Driver, Goal, Reads as _, Step, Writes as _},
    time::Instant,
};
use proptest::prelude::*;

/// One direction of the network.
#[derive(Debug)]
struct Link {
    delay: Duration,
    /// How many bytes travel, or wait to be read, at once.
    capacity: usize,
    piece: usize,
    /// What travels; `None` is the end.
    travels: VecDeque<(Instant, Option<u8>)>,
    /// Nothing more arrives: the writer does not notice.
    dead: bool,
    ended: bool,
}

impl Link {
    fn new(network: &Network) -> Self {
        Self {
            delay: Duration::from_millis(network.delay),
            capacity: network.capacity,
            piece: network.piece,
            travels: VecDeque::new(),
            dead: false,
            ended: false,
        }
    }

    fn write(&mut self, now: Instant, bytes: &[u8]) -> usize {
        let len =
            bytes.len().min(self.piece).min(self.capacity - self.travels.len().min(self.capacity));
        self.travels.extend(bytes[..len].iter().map(|&byte| (now + self.delay, Some(byte))));
        len
    }

    fn end(&mut self, now: Instant) {
        if !self.ended {
            self.ended = true;
            self.travels.push_back((now + self.delay, None));
        }
    }

    fn read(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.dead {
            return None;
        }
        let mut bytes = Vec::new();
        while bytes.len() < self.piece {
            match self.travels.front() {
                Some((at, Some(byte))) if *at <= now => bytes.push(*byte),
                Some((at, None)) if *at <= now && bytes.is_empty() => return Some(bytes),
                _ => break,
            }
            self.travels.pop_front();
        }
        (!bytes.is_empty()).then_some(bytes)
    }

    fn next_arrival(&self) -> Option<Instant> {
        self.travels.front().filter(|_| !self.dead).map(|(at, _)| *at)
    }
}

#[derive(Clone, Debug)]
struct Network {
    delay: u64,
    capacity: usize,
    piece: usize,
    /// When a direction dies, and which.
    cut: Option<(u64, bool)>,
    /// When the transport is reset for both ends.
    reset: Option<u64>,
}

#[derive(Clone, Debug)]
struct Plan {
    /// The lengths of the messages to send, each after so many milliseconds.
    messages: Vec<(usize, u64)>,
    closes: bool,
    half_duplex: bool,
    /// Waits for room before each message, and flushes after so many.
    flush_every: usize,
    slow_reader: u64,
}

struct Side {
    driver: Driver,
    plan: Plan,
    sent: usize,
    goal: Goal,
    next_send: Instant,
    next_read: Instant,
    received: Vec<Vec<u8>>,
    lost: bool,
    ended: bool,
    errors: usize,
    steps: u64,
    deadline: Option<Instant>,
}

fn message(index: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (at + index) as u8).collect()
}

impl Side {
    fn new(connection: Connection, plan: &Plan) -> Self {
        let mut driver = Driver::new(connection);
        driver.set_half_duplex(plan.half_duplex);
        Self {
            driver,
            plan: plan.clone(),
            sent: 0,
            goal: Goal::Events,
            next_send: Instant::ORIGIN,
            next_read: Instant::ORIGIN,
            received: Vec::new(),
            lost: false,
            ended: false,
            errors: 0,
            steps: 0,
            deadline: None,
        }
    }

    /// Queues the next message when its time has come.
    fn program(&mut self, now: Instant) {
        if self.goal != Goal::Events || self.lost {
            return;
        }
        match self.plan.messages.get(self.sent) {
            Some(&(len, _)) if self.next_send <= now => self.goal = Goal::Room(len),
            None if self.plan.closes && self.driver.connection().state() == State::Open => {
                self.driver.connection_mut().close(CloseCode::NORMAL, "").unwrap();
                self.goal = Goal::Flush;
            }
            _ => {}
        }
    }

    fn reached(&mut self, now: Instant) {
        match self.goal {
            Goal::Room(len) => {
                let index = self.sent;
                if self.driver.connection_mut().send_binary(message(index, len)).is_ok() {
                    self.next_send = now + Duration::from_millis(self.plan.messages[index].1);
                    self.sent += 1;
                } else {
                    self.lost = true;
                }
                let flushes = self.sent.is_multiple_of(self.plan.flush_every);
                self.goal = if flushes { Goal::Flush } else { Goal::Events };
            }
            _ => self.goal = Goal::Events,
        }
    }

    /// Goes on as far as it can at this moment; returns whether anything happened.
    fn run(&mut self, now: Instant, out: &mut Link, incoming: &mut Link, reset: bool) -> bool {
        let mut moved = false;
        self.driver.resume();
        loop {
            self.program(now);
            self.steps += 1;
            let Ok(step) = self.driver.next(self.goal) else {
                self.errors += 1;
                assert!(self.errors < 20, "errors are told once");
                self.lost |= self.goal != Goal::Events;
                self.goal = Goal::Events;
                continue;
            };
            match step {
                Step::Ready if self.goal == Goal::Events => {
                    if self.next_read > now {
                        // The program is busy with what it has read.
                        self.deadline = Some(self.next_read);
                        return moved;
                    }
                    self.next_read = now + Duration::from_millis(self.plan.slow_reader);
                    let mut batch = self.driver.batch();
                    while let Some(event) = batch.next() {
                        if let Event::Binary(payload) = event {
                            self.received.push(payload.into_owned());
                        }
                    }
                    moved = true;
                }
                Step::Ready => self.reached(now),
                Step::Ended => {
                    self.ended = true;
                    out.end(now);
                    return moved;
                }
                Step::Write if reset => self.driver.write_failed(()).unwrap_or_default(),
                Step::Write => match out.write(now, self.driver.output().chunk()) {
                    0 => self.driver.write_pending(),
                    len => {
                        self.driver.wrote(len);
                        moved = true;
                    }
                },
                Step::Flush => self.driver.flushed(),
                Step::ShutDown => {
                    out.end(now);
                    self.driver.shut_down();
                    moved = true;
                }
                Step::Read if reset => self.driver.read_failed((), false).unwrap_or_default(),
                Step::Read => match incoming.read(now) {
                    None => self.driver.read_pending(),
                    Some(bytes) => {
                        self.driver.empty_buffer().extend_from_slice(&bytes);
                        self.driver.read(bytes.len());
                        moved = true;
                    }
                },
                Step::Time => self.driver.time(now),
                Step::Wait(deadline) => {
                    self.deadline = deadline;
                    return moved;
                }
                step => panic!("{step:?}"),
            }
        }
    }

    fn next_event(&self, now: Instant) -> Option<Instant> {
        let sends = self.sent < self.plan.messages.len() && !self.lost && !self.ended;
        let send = sends.then_some(self.next_send).filter(|at| *at > now);
        [self.deadline.filter(|at| *at > now), send].into_iter().flatten().min()
    }
}

fn network() -> impl Strategy<Value = Network> {
    let cut = prop_oneof![3 => Just(None), 1 => (0..60_000u64, any::<bool>()).prop_map(Some)];
    let reset = prop_oneof![4 => Just(None), 1 => (0..60_000u64).prop_map(Some)];
    (0..300u64, 1..5000usize, 1..3000usize, cut, reset).prop_map(
        |(delay, capacity, piece, cut, reset)| Network { delay, capacity, piece, cut, reset },
    )
}

fn plan() -> impl Strategy<Value = Plan> {
    let len = prop_oneof![4 => 0..200usize, 1 => 0..8000usize];
    let messages = prop::collection::vec((len, 0..2000u64), 0..12);
    (messages, any::<bool>(), any::<bool>(), 1..5usize, prop_oneof![Just(0), 0..3000u64]).prop_map(
        |(messages, closes, half_duplex, flush_every, slow_reader)| Plan {
            messages,
            closes,
            half_duplex,
            flush_every,
            slow_reader,
        },
    )
}

/// Runs until both have ended, or for an hour of their time.
fn simulate(network: &Network, plans: [&Plan; 2]) -> Result<(), TestCaseError> {
    let mut config = Config::default();
    config.max_output = 1 << 20;
    let mut client = Side::new(Connection::client(config.clone(), [7; 32]), plans[0]);
    let mut server = Side::new(Connection::server(config), plans[1]);
    // A program that is slow and gets a few bytes at a time takes as long as it likes.
    let unit = network.capacity.min(network.piece);
    if unit < 200 {
        (client.plan.slow_reader, server.plan.slow_reader) = (0, 0);
    }
    let (mut up, mut down) = (Link::new(network), Link::new(network));
    let mut now = Instant::ORIGIN;
    let at = |ms: u64| Instant::from_origin(Duration::from_millis(ms));
    let bytes: usize = plans.iter().flat_map(|plan| &plan.messages).map(|it| it.0 + 14).sum();
    let slow = client.plan.slow_reader.max(server.plan.slow_reader);
    // 12 messages of 2 s each way, a cut within 60 s, 40 s to notice it and 120 s to close, and the
    // time for all the reads.
    let reads = 2 * (bytes / unit + 20) as u64 * (slow + 2 * network.delay + 1);
    let bound = 400.0 + reads as f64 / 1000.0;
    let hour = at(3_600_000).max(at(400_000 + reads));
    while !(client.ended && server.ended) && now < hour {
        if let Some((cut, side)) = network.cut
            && at(cut) <= now
        {
            if side { up.dead = true } else { down.dead = true }
        }
        let reset = network.reset.is_some_and(|reset| at(reset) <= now);
        for _ in 0..100_000 {
            let mut moved = false;
            if !client.ended {
                moved |= client.run(now, &mut up, &mut down, reset);
            }
            if !server.ended {
                moved |= server.run(now, &mut down, &mut up, reset);
            }
            if !moved {
                break;
            }
        }
        let arrivals = [up.next_arrival(), down.next_arrival()].into_iter().flatten();
        let faults = [network.cut.map(|cut| at(cut.0)), network.reset.map(at)];
        let next = [client.next_event(now), server.next_event(now)]
            .into_iter()
            .chain(faults)
            .flatten()
            .chain(arrivals)
            .filter(|at| *at > now)
            .min();
        let Some(next) = next else { break };
        now = next;
    }
    // Somebody closes, or the transport fails: both end in time. Idle connections ping forever.
    let elapsed = now.since_origin().as_secs_f64();
    let must_end =
        plans.iter().any(|plan| plan.closes) || network.reset.is_some() || network.cut.is_some();
    if must_end {
        prop_assert!(client.ended && server.ended, "{} {}", client.ended, server.ended);
        prop_assert!(elapsed < bound, "{elapsed} {bound}");
    }
    for (from, to, plan) in [(&client, &server, plans[0]), (&server, &client, plans[1])] {
        // In order, without gaps or repetitions.
        prop_assert!(to.received.len() <= from.sent);
        for (index, received) in to.received.iter().enumerate() {
            prop_assert!(*received == message(index, plan.messages[index].0), "{index}");
        }
        // All, or both ends know better: the sender lost some, or the end was not clean.
        if to.received.len() < from.sent && must_end {
            let clean = from.driver.end() == Some(EndOfStream::Clean)
                && to.driver.end() == Some(EndOfStream::Clean);
            prop_assert!(!clean || from.errors != 0 || from.lost, "lost without a word");
        }
        let bound = 5000.0 + 40.0 * bytes as f64 + 200.0 * elapsed;
        prop_assert!((from.steps as f64) < bound, "{} steps, {bound}", from.steps);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn all_is_delivered_in_order_or_reported_lost(
        network in network(),
        client in plan(),
        server in plan(),
    ) {
        simulate(&network, [&client, &server])?;
    }
}
