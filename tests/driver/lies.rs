//! A transport that lies at each operation, and goals that are dropped at each step.

use core::time::Duration;

use framewise::{
    EndOfStream, Event, Role, State,
    driver::{Driver, Error, Goal, Reads as _, Step, Writes as _},
};
use proptest::prelude::*;

use super::support::{
    Arrival, End, Fault, Lie, Outcome, Rate, STYLES, Shape, Style, at, binaries, everywhere, frame,
    frames, payload,
};

/// What a conversation came to.
#[derive(Debug)]
struct Told {
    events: Vec<Event<'static>>,
    faults: Vec<Fault>,
    errors: Vec<Error>,
    end: End,
}

impl core::fmt::Debug for End {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("End").finish_non_exhaustive()
    }
}

const MESSAGES: [usize; 4] = [1, 3000, 0, 9000];

/// A conversation of fixed content: four messages each way, a Ping, and a Close by the peer.
fn converse(role: Role, shape: Shape, style: Style, lies: &[(usize, Lie)]) -> Told {
    let mut end = End::new(role, shape, style);
    end.io.wire.lies = lies.to_vec();
    end.io.wire.buffer = Some(5000);
    let (mut faults, mut errors) = (Vec::new(), Vec::new());
    let mut note = |outcome| match outcome {
        Outcome::Wire(fault) => faults.push(fault),
        Outcome::Driver(error) => errors.push(error),
        Outcome::Ready | Outcome::Ended | Outcome::Waits => {}
    };
    for (index, len) in MESSAGES.into_iter().enumerate() {
        let sec = index as u64;
        end.io.wire.bytes(at(sec), &frame(role, 0x82, &payload(len)));
        end.io.wire.bytes(at(sec), &frame(role, 0x89, &[index as u8]));
        let _ = end.send(&payload(len));
        note(end.run(Goal::Flush, at(sec)));
        note(end.receive(at(sec)));
    }
    end.io.wire.bytes(at(5), &frame(role, 0x88, &[]));
    end.io.wire.arrive(at(6), Arrival::End);
    for _ in 0..3 {
        note(end.receive(at(100)));
        note(end.run(Goal::Flush, at(100)));
    }
    if let Some(told) = end.told.take() {
        note(told);
    }
    Told { events: end.events.clone(), faults, errors, end }
}

fn sent(told: &Told) -> Vec<Vec<u8>> {
    let (sent, _) = frames(&told.end.io.wire.sent);
    sent.into_iter().filter(|(first, _)| *first == 0x82).map(|(_, payload)| payload).collect()
}

#[test]
fn a_transport_that_lies_anywhere_changes_nothing() {
    everywhere(|role, shape, style| {
        let truth = converse(role, shape, style, &[]);
        let all = MESSAGES.map(payload);
        assert!(sent(&truth) == all && binaries(&truth.events) == all);
        assert_eq!(truth.end.end(), Some(EndOfStream::Clean));
        assert_eq!((truth.faults.len(), truth.errors.len()), (0, 0), "{truth:?}");
        let operations = truth.end.io.wire.operations;
        assert!((20..500).contains(&operations), "{operations}");
        for index in 0..operations + 5 {
            for lie in [Lie::Pending, Lie::Short] {
                let told = converse(role, shape, style, &[(index, lie)]);
                assert!(sent(&told) == all, "{lie:?} at {index}");
                assert!(told.events == truth.events, "{lie:?} at {index}");
                assert_eq!(frames(&told.end.io.wire.sent).1, 0, "whole frames");
                assert_eq!(told.end.end(), Some(EndOfStream::Clean), "{lie:?} at {index}");
                assert_eq!((told.faults.len(), told.errors.len()), (0, 0), "{lie:?} at {index}");
            }
        }
    });
}

// What was sent is a prefix, all that was read is delivered, and the program learns of it.
#[test]
fn a_transport_that_fails_anywhere_is_told() {
    everywhere(|role, shape, style| {
        let truth = converse(role, shape, style, &[]);
        for index in 0..truth.end.io.wire.operations {
            let told = converse(role, shape, style, &[(index, Lie::Fails)]);
            let all = MESSAGES.map(payload);
            assert!(all.starts_with(&sent(&told)), "at {index}");
            assert!(all.starts_with(&binaries(&told.events)), "at {index}");
            assert_eq!(told.end.state(), State::Closed, "at {index}");
            let lost = sent(&told).len() != all.len() || binaries(&told.events).len() != all.len();
            let knows = !told.faults.is_empty() || !told.errors.is_empty();
            let clean = told.end.end() == Some(EndOfStream::Clean);
            assert!(!lost || knows || !clean, "at {index} {told:?}");
            assert!(told.faults.len() <= 1, "at {index}: once");
            assert!(!told.errors.contains(&Error::GaveUp), "at {index}: a failure is no give-up");
        }
    });
}

// Every pair of an early and a late lie, for the style in which most is in flight.
#[test]
fn two_lies_at_once_change_nothing() {
    let truth = converse(Role::Server, Shape::Whole, Style::Completions, &[]);
    let operations = truth.end.io.wire.operations;
    for first in 0..operations {
        for second in [first + 1, first + 2, first + 3] {
            let lies = [(first, Lie::Pending), (second, Lie::Short)];
            let told = converse(Role::Server, Shape::Whole, Style::Completions, &lies);
            assert!(sent(&told) == MESSAGES.map(payload), "{lies:?}");
            assert!(told.events == truth.events, "{lies:?}");
        }
    }
}

/// Takes up `first` for some steps, drops it, and goes on with other goals until the end.
fn drop_goal(style: Style, first: Goal, steps: usize) -> bool {
    let role = Role::Server;
    let mut end = End::new(role, Shape::Whole, style);
    end.io.wire.max_write = 700;
    for len in MESSAGES {
        end.io.wire.bytes(at(0), &frame(role, 0x82, &payload(len)));
        end.io.wire.bytes(at(0), &frame(role, 0x89, b"ping"));
        end.send(&payload(len)).unwrap();
    }
    end.io.wire.bytes(at(1), &frame(role, 0x88, &[]));
    end.io.wire.arrive(at(2), Arrival::End);
    let mut stopped = false;
    let mut io = core::mem::replace(
        &mut end.io,
        super::support::Io::new(style, super::support::Wire::new()),
    );
    let driver: &mut Driver = end.driver();
    for _ in 0..steps {
        match driver.next(first) {
            Ok(Step::Read) => io.read(driver).unwrap(),
            Ok(Step::Time) => driver.time(io.now),
            Ok(step @ (Step::Write | Step::Flush | Step::ShutDown)) => {
                io.write(driver, step, Some(io.now)).unwrap();
            }
            step => {
                step.unwrap();
                stopped = true;
                break;
            }
        }
    }
    end.io = io;
    let other = if first == Goal::Flush { Goal::Room(100_000) } else { Goal::Flush };
    for goal in [Goal::Events, other] {
        end.run(goal, end.io.now);
    }
    assert_eq!(end.receive(at(10)), Outcome::Ended);
    let all = MESSAGES.map(payload);
    let (sent, rest) = frames(&end.io.wire.sent);
    let messages: Vec<_> =
        sent.into_iter().filter(|(first, _)| *first == 0x82).map(|it| it.1).collect();
    assert!(messages == all && rest == 0, "{first:?} dropped after {steps}");
    assert!(binaries(&end.events) == all, "{first:?} dropped after {steps}");
    assert_eq!(end.events.len(), 2 * MESSAGES.len() + 1);
    assert_eq!(end.end(), Some(EndOfStream::Clean));
    stopped
}

#[test]
fn goals_may_be_dropped_at_every_step() {
    for style in STYLES {
        for goal in [Goal::Events, Goal::Flush, Goal::Room(100_000)] {
            let stopped = (0..1000).find(|&steps| drop_goal(style, goal, steps));
            assert!(stopped.is_some(), "{style:?} {goal:?}");
        }
    }
}

// The buffer that is offered to a read is not parsed when the read is dropped.
#[test]
fn a_read_may_be_dropped_after_its_buffer_was_asked_for() {
    let role = Role::Server;
    let asks: [fn(&mut Driver); 3] = [
        |driver| _ = driver.empty_buffer(),
        |driver| drop(driver.take_buffer()),
        |driver| _ = driver.buffer(),
    ];
    for ask in asks {
        for pending in [false, true] {
            let mut end = End::new(role, Shape::Whole, Style::Poll);
            let driver = end.driver();
            let bytes = frame(role, 0x82, b"abc");
            assert_eq!(driver.next(Goal::Events), Ok(Step::Read));
            driver.empty_buffer().extend_from_slice(&bytes);
            driver.read(bytes.len());
            assert_eq!(driver.next(Goal::Events), Ok(Step::Ready));
            {
                let mut batch = driver.batch();
                assert!(batch.next().is_some() && batch.next().is_none());
            }
            assert_eq!(driver.next(Goal::Events), Ok(Step::Read));
            ask(driver);
            if pending {
                driver.read_pending();
            }
            assert!(driver.batch().next().is_none());
            // Reading ahead parses what is there.
            driver.connection_mut().send_text("a").unwrap();
            assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
            driver.write_pending();
            let next = driver.next(Goal::Flush);
            assert_eq!(next, Ok(if pending { Step::Time } else { Step::Read }));
            assert!(driver.batch().next().is_none());
            let mut end = End::new(role, Shape::Whole, Style::Poll);
            core::mem::swap(end.driver(), driver);
            assert_eq!(end.into_driver().into_parts().unread, b"");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    // Any transport that is slow and pending, in every role, shape and style.
    #[test]
    fn any_number_of_lies_changes_nothing(
        lies in prop::collection::vec((0..300usize, any::<bool>()), 0..60),
        lens in (1..2000usize, 1..2000usize, 1..6000usize),
        rate in prop::option::of((500..5000usize, 1..500u64)),
    ) {
        everywhere(|role, shape, style| {
            let mut end = End::new(role, shape, style);
            let lie = |short| if short { Lie::Short } else { Lie::Pending };
            end.io.wire.lies = lies.iter().map(|&(index, short)| (index, lie(short))).collect();
            (end.io.wire.max_read, end.io.wire.max_write) = (lens.0, lens.1);
            end.io.wire.buffer = Some(lens.2);
            if let Some((bytes, ms)) = rate {
                end.io.wire.capacity = 0;
                end.io.wire.rate = Some(Rate { bytes, every: Duration::from_millis(ms) });
            }
            for len in MESSAGES {
                end.io.wire.bytes(end.io.now, &frame(role, 0x82, &payload(len)));
                end.send(&payload(len)).unwrap();
                assert_eq!(end.run(Goal::Flush, end.io.now + Duration::from_secs(60)), Outcome::Ready);
            }
            end.close();
            assert_eq!(end.run(Goal::Flush, end.io.now + Duration::from_secs(60)), Outcome::Ready);
            end.io.wire.bytes(end.io.now, &frame(role, 0x88, &[3, 232]));
            end.io.wire.arrive(end.io.now, Arrival::End);
            assert_eq!(end.receive(end.io.now + Duration::from_secs(60)), Outcome::Ended);
            assert_eq!(end.end(), Some(EndOfStream::Clean));
            let (sent, rest) = frames(&end.io.wire.sent);
            let sent: Vec<_> = sent.into_iter().filter(|it| it.0 == 0x82).map(|it| it.1).collect();
            assert!(sent == MESSAGES.map(payload) && rest == 0);
            assert!(binaries(&end.events) == MESSAGES.map(payload));
        });
    }
}
