//! What the halves of a connection share, in every order that two threads allow.
//!
//! Each half is bound as the tokio adapter binds it, with a transport that takes all at once: the
//! writer drives under the lock, the reader tries the lock for its replies, and whoever may hold up
//! the other one wakes it.
//!
//! loom takes `SeqCst` for acquire and release, so what passes here does not depend on more.

#![cfg(loom)]

extern crate alloc;

use std::{
    sync::Arc,
    task::{Wake, Waker},
    time::Duration,
};

use framewise::{
    CloseCode, Config, Connection, State,
    driver::{Driver, Goal, Reads as _, ReceiveDriver, SendDriver, Step, Writes as _},
    time::Instant,
};
use loom::thread;

use self::{
    driver::{
        shared::{Shared, Side},
        tasks::Tasks,
    },
    sync::{AtomicBool, Ordering},
};

#[allow(unused_imports, reason = "the drivers' part is compiled here")]
#[path = "../../../src/sync.rs"]
mod sync;

/// The crate keeps these to itself.
#[allow(dead_code, unused_imports, reason = "adapters use more of them")]
#[path = "../../../src/driver"]
mod driver {
    pub use framewise::driver::{Driver, SendDriver};

    pub mod shared;
    pub mod tasks;
}

/// What both halves hold.
struct World {
    shared: Shared<Wire>,
    tasks: Tasks,
    /// Whether all frames that were expected have been written.
    done: Arc<AtomicBool>,
}

/// A transport that takes all.
struct Wire {
    written: Vec<u8>,
    /// The first byte of the frame that has to be written before the end, and whether it was.
    expected: u8,
    done: Arc<AtomicBool>,
}

struct Reader {
    driver: ReceiveDriver,
    /// What is to be read: nothing is the end.
    incoming: Vec<&'static [u8]>,
    now: Instant,
    woken: Arc<Woken>,
    state: Driven,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Driven {
    Ended,
    Waits(Option<Instant>),
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Splits a server's connection. `expected` is the first byte of the frame that has to leave.
fn halves(expected: u8, incoming: &[&'static [u8]]) -> (Arc<World>, Reader) {
    let (receiving, sending) = Driver::new(Connection::server(Config::default())).into_split();
    let done = Arc::new(AtomicBool::new(false));
    let wire = Wire { written: Vec::new(), expected, done: Arc::clone(&done) };
    let world = World { shared: Shared::new(wire, sending), tasks: Tasks::default(), done };
    let reader = Reader {
        driver: receiving,
        incoming: incoming.to_vec(),
        now: Instant::ORIGIN,
        woken: Arc::new(Woken(AtomicBool::new(false))),
        state: Driven::Waits(None),
    };
    (Arc::new(world), reader)
}

/// Writes until the goal is reached; returns whether it is.
fn drive(side: &mut Side<Wire>, goal: Goal) -> bool {
    let Side { stream, driver } = side;
    driver.resume();
    loop {
        match driver.next(goal).expect("nothing is lost") {
            Step::Ready => return true,
            Step::Write => {
                let bytes = driver.output().chunks().collect::<Vec<_>>().concat();
                stream.write(&bytes);
                driver.wrote(bytes.len());
            }
            Step::Flush => driver.flushed(),
            Step::ShutDown => driver.shut_down(),
            Step::Wait(_) => return false,
            step => panic!("{step:?}"),
        }
    }
}

impl Wire {
    fn write(&mut self, bytes: &[u8]) {
        self.written.extend_from_slice(bytes);
        if self.count(self.expected) != 0 {
            self.done.store(true, Ordering::SeqCst);
        }
    }

    /// Returns how many frames begin with a byte.
    fn count(&self, first: u8) -> usize {
        let (mut rest, mut count) = (&self.written[..], 0);
        while let [frame, len, payload @ ..] = rest {
            count += usize::from(*frame == first);
            rest = &payload[usize::from(*len)..];
        }
        count
    }
}

impl World {
    /// What the writer does under the lock.
    fn lock<T>(&self, run: impl FnOnce(&mut Side<Wire>) -> T) -> T {
        let (result, wanted) = self.shared.lock(run);
        if wanted {
            self.tasks.reader.wake();
        }
        result
    }

    fn flush(&self) {
        assert!(self.lock(|side| drive(side, Goal::Flush)));
        if self.lock(|side| side.driver.sending().state()) != State::Open {
            self.tasks.reader.wake();
        }
    }

    fn close(&self) {
        let closed = self.lock(|side| side.driver.sending_mut().close(CloseCode::NORMAL, ""));
        if closed.is_ok() {
            self.tasks.reader.wake();
        }
        self.flush();
    }

    fn count(&self, first: u8) -> usize {
        self.lock(|side| side.stream.count(first))
    }
}

impl Reader {
    /// Runs the reader once.
    fn run(mut self, world: &World) -> Self {
        self.poll(world);
        self
    }

    /// Runs the reader again if it was woken.
    fn run_again(&mut self, world: &World) {
        while self.take_woken() {
            self.poll(world);
        }
    }

    fn take_woken(&self) -> bool {
        self.woken.0.swap(false, Ordering::SeqCst)
    }

    fn poll(&mut self, world: &World) {
        world.tasks.reader.remember(&Waker::from(Arc::clone(&self.woken)));
        self.driver.resume();
        self.state = loop {
            match self.driver.next().expect("nothing fails") {
                Step::Ready => while self.driver.batch().next().is_some() {},
                Step::Ended => {
                    let done = world.done.load(Ordering::SeqCst);
                    assert!(done, "ended before all was written");
                    break Driven::Ended;
                }
                Step::Reply => {
                    let reply = |side: &mut _| drive(side, Goal::Events);
                    if world.shared.try_lock(reply) != Some(true) {
                        self.driver.reply_pending();
                    }
                }
                Step::Read if self.incoming.is_empty() => self.driver.read_pending(),
                Step::Read => {
                    let bytes = self.incoming.remove(0);
                    self.driver.empty_buffer().extend_from_slice(bytes);
                    self.driver.read(bytes.len());
                }
                Step::Time => self.driver.time(self.now),
                Step::Wait(deadline) => break Driven::Waits(deadline),
                step => panic!("{step:?}"),
            }
        };
    }
}

/// Checks every order with up to [`PREEMPTIONS`].
fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.max_branches = 10_000;
    builder.check(model);
}

/// Runs the reader in one thread and `write` in the other.
fn race(world: &Arc<World>, reader: Reader, write: impl FnOnce(&World)) -> Reader {
    let reading = {
        let world = Arc::clone(world);
        thread::spawn(move || reader.run(&world))
    };
    write(world);
    let mut reader = reading.join().expect("no panic");
    reader.run_again(world);
    reader
}

/// Where a thread loses its turn though it could go on. Four take ten times as long, and find no more.
const PREEMPTIONS: usize = 3;

const PING: &[u8] = b"\x89\x80\0\0\0\0";
const CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";
const END: &[u8] = b"";

#[test]
fn a_ping_is_answered_while_the_other_half_sends() {
    check(|| {
        let (world, reader) = halves(0x8a, &[PING]);
        race(&world, reader, |world| {
            world.lock(|side| side.driver.sending_mut().send_text("x")).expect("it is open");
            world.flush();
        });
        assert_eq!((world.count(0x8a), world.count(0x81)), (1, 1));
    });
}

#[test]
fn one_close_leaves_when_both_sides_close_at_once() {
    check(|| {
        let (world, reader) = halves(0x88, &[CLOSE, END]);
        let reader = race(&world, reader, World::close);
        assert_eq!(world.count(0x88), 1);
        assert_eq!(reader.state, Driven::Ended);
    });
}

#[test]
fn a_close_is_answered_while_the_other_half_sends() {
    check(|| {
        let (world, reader) = halves(0x88, &[CLOSE, END]);
        let reader = race(&world, reader, |world| {
            let _ = world.lock(|side| side.driver.sending_mut().send_text("x"));
            world.flush();
        });
        assert_eq!(world.count(0x88), 1);
        assert_eq!(reader.state, Driven::Ended);
    });
}

#[test]
fn an_end_is_the_end_when_all_is_written() {
    check(|| {
        let (world, reader) = halves(0x81, &[END]);
        world.lock(|side| side.driver.sending_mut().send_text("x")).expect("it is open");
        let reader = race(&world, reader, World::flush);
        assert_eq!((world.count(0x81), reader.state), (1, Driven::Ended));
    });
}

#[test]
fn a_close_by_one_half_gives_the_other_one_a_deadline() {
    check(|| {
        let (world, reader) = halves(0x88, &[]);
        let reader = race(&world, reader, World::close);
        let limit = Config::default().close_timeout.map(|timeout| Instant::ORIGIN + timeout);
        assert_eq!(reader.state, Driven::Waits(limit));
    });
}

#[test]
fn what_the_peer_takes_of_more_is_a_sign_of_life() {
    check(|| {
        let (mut receiving, mut sending) = pending();
        receiving.time(at(0));
        let reading = thread::spawn(move || {
            receiving.time(at(10));
            receiving
        });
        sending.wrote(1);
        assert_eq!(sending.next(Goal::Flush), Ok(Step::Write));
        let mut receiving = reading.join().expect("no panic");
        let interval = Config::default().ping_interval.expect("there is one");
        assert!(receiving.deadline(at(15)) >= Some(at(10) + interval));
    });
}

#[test]
fn a_peer_that_takes_the_rest_has_the_time_to_close_from_then_on() {
    check(|| {
        let (mut receiving, mut sending) = pending();
        sending.sending_mut().close(CloseCode::NORMAL, "").expect("it is open");
        receiving.time(at(0));
        sending.wrote(1);
        assert_eq!(sending.next(Goal::Flush), Ok(Step::Write));
        receiving.time(at(2));
        let reading = thread::spawn(move || {
            receiving.time(at(4));
            receiving
        });
        let len = sending.output().len();
        sending.wrote(len);
        assert_eq!(sending.next(Goal::Flush), Ok(Step::Flush));
        let mut receiving = reading.join().expect("no panic");
        let limit = Config::default().close_timeout.expect("there is one");
        assert!(receiving.deadline(at(6)) >= Some(at(4) + limit));
    });
}

/// Returns halves whose transport did not take a message at once.
fn pending() -> (ReceiveDriver, SendDriver) {
    let (receiving, mut sending) = Driver::new(Connection::server(Config::default())).into_split();
    sending.sending_mut().send_text("x").expect("it is open");
    assert_eq!(sending.next(Goal::Flush), Ok(Step::Write));
    (receiving, sending)
}

fn at(seconds: u64) -> Instant {
    Instant::ORIGIN + Duration::from_secs(seconds)
}
