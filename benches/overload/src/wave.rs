//! Waves of connections.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::{
    Failure,
    client::{Client, Drop, Kind, PATIENCE, Progress},
    server::Server,
};

/// How much load.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// How many connections each wave opens; three quarters of them stay until they are dropped.
    pub(crate) connections: usize,
    pub(crate) waves: usize,
    /// Whether the servers have their turns at the same time.
    pub(crate) side_by_side: bool,
    /// How many connections of each kind the server waits for longer.
    patient: usize,
    /// How many messages without an end there are at once: each takes 16 MiB.
    messages: usize,
    /// How long all connections are there.
    stay: Duration,
    /// How long a healthy connection waits between two messages.
    pace: Duration,
}

impl Plan {
    pub(crate) const FULL: Self = Self {
        connections: 13_000,
        waves: 5,
        side_by_side: false,
        patient: 200,
        messages: 16,
        stay: Duration::from_secs(12),
        pace: Duration::from_secs(2),
    };

    pub(crate) const QUICK: Self = Self {
        connections: 400,
        waves: 3,
        side_by_side: true,
        patient: 10,
        messages: 3,
        stay: Duration::from_secs(11),
        pace: Duration::from_millis(500),
    };

    /// Returns how many files this program needs.
    pub(crate) fn files(&self) -> u64 {
        (self.connections + 2 * self.patient) as u64 + 100
    }

    /// Puts a server under this load.
    pub(crate) fn run(&self, program: &str) -> Result<(), Failure> {
        let mut server = Server::start(program)?;
        let name = server.name.clone();
        self.waves(&mut server).map_err(|error| format!("{name}: {error}").into())
    }

    fn waves(&self, server: &mut Server) -> Result<(), Failure> {
        let before = server.files()?;
        let memory_before = server.memory()?;
        let mut crowd = Crowd::new(server, *self)?;
        let patient: Vec<_> =
            Kind::PATIENT.into_iter().flat_map(|kind| vec![kind; self.patient]).collect();
        crowd.open(&patient)?;
        let mut first = None;
        for wave in 1..=self.waves {
            crowd.open(&self.kinds(wave))?;
            crowd.run_for(self.stay)?;
            let (open, peak) = (crowd.clients.len(), crowd.server.memory()?);
            crowd.run_until("a kind that should have ended has not", |crowd| {
                crowd
                    .clients
                    .iter()
                    .all(|(_, client)| client.kind.stays() || Kind::PATIENT.contains(&client.kind))
            })?;
            crowd.drop_all()?;
            let (memory, files) = crowd.settle(before, first)?;
            println!(
                "{}, wave {wave}: {open} connections and {} MiB at the height of it, then {files} \
                 files and {} MiB, where {before} files and {} MiB were before all",
                crowd.server.name,
                mib(peak),
                mib(memory),
                mib(memory_before),
            );
            crowd.report();
            first.get_or_insert(memory);
        }
        crowd.run_until("it has not ended", |crowd| crowd.clients.is_empty())?;
        let (memory, files) = crowd.settle(before, first)?;
        println!("{}, in the end: {files} files and {} MiB", crowd.server.name, mib(memory));
        crowd.report();
        Ok(())
    }

    /// Returns what the connections of a wave do, in a mixed order.
    fn kinds(&self, wave: usize) -> Vec<Kind> {
        let mut messages = 0;
        let mut hostile = Kind::HOSTILE.into_iter().cycle().skip(wave);
        (0..self.connections)
            .map(|index| match index % 8 {
                0..3 => Kind::Healthy,
                3..6 => Kind::Idle,
                _ => {
                    let kind = hostile.next().unwrap_or(Kind::Idle);
                    if matches!(kind, Kind::EndlessMessage | Kind::EmptyFragments) {
                        messages += 1;
                        if messages > 2 * self.messages {
                            return Kind::LargeFrame;
                        }
                    }
                    kind
                }
            })
            .collect()
    }
}

/// All clients of a server, on an event loop.
struct Crowd<'a> {
    server: &'a mut Server,
    plan: Plan,
    poll: Poll,
    clients: Slab<Client>,
    timers: BTreeSet<(Instant, usize)>,
    buf: Vec<u8>,
    opened: usize,
    /// What has been since the last report.
    echoes: u64,
    slowest: Duration,
    ended: BTreeMap<Kind, (usize, Duration)>,
}

impl<'a> Crowd<'a> {
    fn new(server: &'a mut Server, plan: Plan) -> Result<Self, Failure> {
        Ok(Self {
            server,
            plan,
            poll: Poll::new()?,
            clients: Slab::new(),
            timers: BTreeSet::new(),
            buf: vec![0; 64 << 10],
            opened: 0,
            echoes: 0,
            slowest: Duration::ZERO,
            ended: BTreeMap::new(),
        })
    }

    /// Opens connections, some at a time, and waits until all have been answered.
    fn open(&mut self, kinds: &[Kind]) -> Result<(), Failure> {
        for some in kinds.chunks(100) {
            for &kind in some {
                let client =
                    Client::connect(self.server.address, kind, self.opened, self.plan.pace)
                        .map_err(|error| format!("connection {}: {error}", self.opened))?;
                self.opened += 1;
                let key = self.clients.insert(client);
                let interest = Interest::READABLE | Interest::WRITABLE;
                let stream = &mut self.clients[key].stream;
                self.poll.registry().register(stream, Token(key), interest)?;
                self.set_timer(key);
            }
            self.run_until("a connection is not answered", |crowd| {
                crowd.clients.iter().all(|(_, client)| client.answered)
            })?;
        }
        Ok(())
    }

    /// Drops all that stay: with a Close, with the end of the stream, or with a reset.
    fn drop_all(&mut self) -> Result<(), Failure> {
        // First let what is under way come back.
        self.run_until("a message did not come back", |crowd| {
            let mut waits = false;
            for (_, client) in &mut crowd.clients {
                if client.kind.stays() {
                    client.next = None;
                    waits |= client.waits_for_echo();
                }
            }
            !waits
        })?;
        let keys: Vec<_> = self.clients.iter().map(|(key, _)| key).collect();
        let ways = [Drop::Close, Drop::End, Drop::Reset];
        for (key, &how) in keys.into_iter().zip(ways.iter().cycle()) {
            let client = &mut self.clients[key];
            if !client.kind.stays() {
                continue;
            }
            match client.leave(how)? {
                Progress::Done => self.remove(key),
                Progress::Waits => self.drive(key, false)?,
            }
        }
        self.run_until("a connection that was dropped has not ended", |crowd| {
            crowd.clients.iter().all(|(_, client)| Kind::PATIENT.contains(&client.kind))
        })
    }

    /// Waits until the server has no more files and memory than it should have.
    fn settle(&mut self, files: usize, first: Option<u64>) -> Result<(u64, usize), Failure> {
        let start = Instant::now();
        loop {
            self.run_for(Duration::from_millis(200))?;
            let (memory, open) = (self.server.memory()?, self.server.files()?);
            let most = files + self.clients.len();
            let most_memory = first.map_or(u64::MAX, |first| first + first / 8 + SLACK);
            if open <= most && memory <= most_memory {
                return Ok((memory, open));
            }
            if start.elapsed() > PATIENCE {
                return Err(format!(
                    "{open} files are open and not {most}, or {} MiB are used and not {}",
                    mib(memory),
                    mib(most_memory)
                )
                .into());
            }
        }
    }

    fn run_for(&mut self, duration: Duration) -> Result<(), Failure> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            self.turn()?;
        }
        Ok(())
    }

    fn run_until(
        &mut self,
        otherwise: &str,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), Failure> {
        let start = Instant::now();
        while !done(self) {
            if start.elapsed() > PATIENCE {
                return Err(otherwise.into());
            }
            self.turn()?;
        }
        Ok(())
    }

    /// Does what there is to do, and waits for more for a moment at most.
    fn turn(&mut self) -> Result<(), Failure> {
        self.server.check()?;
        let mut events = Events::with_capacity(1024);
        self.poll.poll(&mut events, Some(Duration::from_millis(10)))?;
        for event in &events {
            let lost = event.is_error() || event.is_write_closed();
            self.drive(event.token().0, lost)?;
        }
        let now = Instant::now();
        while let Some(&(due, key)) = self.timers.first()
            && due <= now
        {
            self.timers.pop_first();
            self.drive(key, false)?;
        }
        Ok(())
    }

    fn drive(&mut self, key: usize, lost: bool) -> Result<(), Failure> {
        let Some(client) = self.clients.get_mut(key) else {
            return Ok(());
        };
        match client.drive(lost, &mut self.buf)? {
            Progress::Waits => self.set_timer(key),
            Progress::Done => self.remove(key),
        }
        Ok(())
    }

    fn set_timer(&mut self, key: usize) {
        if let Some(next) = self.clients[key].next {
            self.timers.insert((next, key));
        }
    }

    fn remove(&mut self, key: usize) {
        let client = self.clients.remove(key);
        self.note(&client);
        let (count, longest) = self.ended.entry(client.kind).or_default();
        *count += 1;
        *longest = client.opened.elapsed().max(*longest);
    }

    fn note(&mut self, client: &Client) {
        self.echoes += u64::from(client.echoes);
        self.slowest = self.slowest.max(client.slowest);
    }

    /// Tells what has been since the last report.
    fn report(&mut self) {
        if self.ended.is_empty() {
            return;
        }
        println!("  {} messages came back, the slowest after {:.1?}", self.echoes, self.slowest);
        let ended: Vec<_> = mem::take(&mut self.ended)
            .into_iter()
            .map(|(kind, (count, longest))| format!("{count} {kind:?} ({longest:.1?})"))
            .collect();
        println!("  ended as promised, after at most: {}", ended.join(", "));
        (self.echoes, self.slowest) = (0, Duration::ZERO);
    }
}

fn mib(octets: u64) -> String {
    if octets == u64::MAX {
        return "any".into();
    }
    format!("{:.1}", octets as f64 / f64::from(1 << 20))
}

/// How much more memory than after the first wave may be left: pages that are partly used.
const SLACK: u64 = 2 << 20;
