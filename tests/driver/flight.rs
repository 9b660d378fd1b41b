//! Give-ups while a write is in flight (K17), and what is told after them (K18).

use framewise::{
    Config, Connection, EndOfStream, Role, SendErrorKind,
    driver::{Driver, Error, Goal, Reads as _, Step, Writes as _},
    time::Instant,
};

use super::support::{End, Outcome, ROLES, Shape, Style, at, everywhere, payload};

/// Lets a driver go on as far as it can without the transport.
fn settle(driver: &mut Driver, now: Instant) -> Result<Step, Error> {
    for _ in 0..100 {
        match driver.next(Goal::Events)? {
            Step::Read => driver.read_pending(),
            Step::Time => driver.time(now),
            step => return Ok(step),
        }
    }
    panic!("no end of steps");
}

/// A connection that closes with `len` bytes of output of which `in_flight` were offered to the
/// transport, at the moment of the give-up.
fn given_up(role: Role, len: usize) -> Driver {
    let mut driver = match role {
        Role::Client => Driver::new(Connection::client(Config::default(), [7; 32])),
        Role::Server => Driver::new(Connection::server(Config::default())),
    };
    driver.connection_mut().send_binary(payload(len)).unwrap();
    driver.connection_mut().close(framewise::CloseCode::NORMAL, "").unwrap();
    driver.time(at(0));
    driver
}

/// Returns what a goal comes to, once the write side was shut down.
fn ask(driver: &mut Driver, goal: Goal) -> Result<Step, Error> {
    match driver.next(goal) {
        Ok(Step::ShutDown) => {
            driver.shut_down();
            driver.next(goal)
        }
        step => step,
    }
}

fn told(driver: &mut Driver) {
    for goal in [Goal::Room(1), Goal::Flush, Goal::Room(usize::MAX), Goal::Flush] {
        assert_eq!(driver.next(goal), Err(Error::Lost), "{goal:?}");
    }
}

/// Ends what was given up; no more may be asked of the write side than to shut it down.
fn ends(driver: &mut Driver) {
    for _ in 0..100 {
        match driver.next(Goal::Events) {
            Ok(Step::ShutDown) => driver.shut_down(),
            Ok(Step::Time) => driver.time(at(5)),
            Ok(Step::Ended) => {
                assert_eq!(driver.end(), Some(EndOfStream::Incomplete));
                return;
            }
            step => panic!("{step:?}"),
        }
    }
    panic!("no end");
}

// A transport that owns its output puts back any rest, at any moment around the give-up.
#[test]
fn output_in_flight_may_be_put_back_whenever() {
    for role in ROLES {
        for len in [0, 10, 5000, 100_000] {
            for written in [0, 1, len / 2, len] {
                for when in 0..4 {
                    let mut driver = given_up(role, len);
                    assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
                    let mut rest = Some(driver.take_output());
                    let put = |driver: &mut Driver, rest: &mut Option<framewise::Output>| {
                        let mut rest = rest.take().unwrap();
                        rest.advance(written);
                        driver.put_output(rest);
                    };
                    settle(&mut driver, at(1)).unwrap();
                    driver.time(at(5));
                    if when == 0 {
                        put(&mut driver, &mut rest);
                    }
                    assert_eq!(
                        ask(&mut driver, Goal::Flush),
                        Err(Error::GaveUp),
                        "{len} {written} {when}"
                    );
                    if when == 1 {
                        put(&mut driver, &mut rest);
                    }
                    told(&mut driver);
                    if when == 2 {
                        put(&mut driver, &mut rest);
                    }
                    ends(&mut driver);
                    if when == 3 {
                        put(&mut driver, &mut rest);
                    }
                    assert!(driver.output().is_empty());
                    ends(&mut driver);
                    told(&mut driver);
                }
            }
        }
    }
}

// So may one that was only lent it.
#[test]
fn a_write_of_what_was_dropped_may_be_reported_whenever() {
    for role in ROLES {
        for len in [0, 10, 5000, 100_000] {
            for when in 0..4 {
                let mut driver = given_up(role, len);
                assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
                let written = driver.output().chunk().len();
                driver.write_pending();
                settle(&mut driver, at(1)).unwrap();
                driver.time(at(5));
                if when == 0 {
                    driver.wrote(written);
                }
                assert_eq!(ask(&mut driver, Goal::Flush), Err(Error::GaveUp), "{len} {when}");
                if when == 1 {
                    driver.wrote(written);
                }
                told(&mut driver);
                if when == 2 {
                    driver.wrote(written);
                }
                driver.resume();
                ends(&mut driver);
                if when == 3 {
                    driver.wrote(written);
                }
                ends(&mut driver);
                told(&mut driver);
            }
        }
    }
}

// Nor does it ask for a flush that may never end, between the give-up and the shutdown.
#[test]
fn a_late_report_of_a_write_is_not_flushed() {
    let mut driver = given_up(Role::Server, 5000);
    assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
    driver.write_pending();
    settle(&mut driver, at(1)).unwrap();
    driver.time(at(5));
    assert_eq!(driver.next(Goal::Events), Ok(Step::ShutDown));
    driver.wrote(100);
    driver.resume();
    ends(&mut driver);
}

// K18, first by a goal that asks for room, at the very moment of the give-up.
#[test]
fn the_first_goal_after_a_give_up_tells_of_it() {
    for role in ROLES {
        for goal in [Goal::Flush, Goal::Room(1), Goal::Room(0), Goal::Room(usize::MAX)] {
            let mut driver = given_up(role, 5000);
            assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
            driver.wrote(10);
            assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
            driver.write_pending();
            driver.time(at(1));
            driver.time(at(6));
            assert_eq!(ask(&mut driver, goal), Err(Error::GaveUp), "{goal:?}");
            told(&mut driver);
            let error = driver.connection_mut().send_text("more").unwrap_err();
            assert_eq!(error.kind(), SendErrorKind::Closed);
            ends(&mut driver);
        }
    }
}

#[test]
fn the_first_goal_after_a_give_up_tells_of_it_everywhere() {
    everywhere(|role, shape, style| {
        for goal in [Goal::Flush, Goal::Room(1)] {
            let mut end = End::new(role, shape, style);
            end.io.wire.capacity = 1000;
            end.send(&payload(100_000)).unwrap();
            end.close();
            assert_eq!(end.run(Goal::Flush, at(0)), Outcome::Waits);
            assert_eq!(end.receive(at(60)), Outcome::Ended);
            assert_eq!(end.io.now, at(5));
            assert_eq!(end.run(goal, at(60)), Outcome::Driver(Error::GaveUp), "{goal:?}");
            for goal in [Goal::Room(1), Goal::Flush, Goal::Room(0)] {
                assert_eq!(end.run(goal, at(60)), Outcome::Driver(Error::Lost), "{goal:?}");
            }
        }
    });
}

// Nothing that was written is lost when the peer only fails to answer.
#[test]
fn a_give_up_that_loses_nothing_is_no_error() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        end.send(b"abc").unwrap();
        end.close();
        assert_eq!(end.run(Goal::Flush, at(0)), Outcome::Ready);
        assert_eq!(end.receive(at(60)), Outcome::Ended);
        assert_eq!(end.run(Goal::Flush, at(60)), Outcome::Ready);
        assert_eq!(end.run(Goal::Room(1), at(60)), Outcome::Ready);
        assert!(end.send(b"abc").is_err());
    });
}

// Messages that are queued while a write is in flight follow it, whatever it came to.
#[test]
fn output_in_flight_stays_in_front() {
    for role in ROLES {
        for written in 0..=20 {
            let mut end = End::new(role, Shape::Whole, Style::Completions);
            end.io.wire.max_write = 20;
            let driver = end.driver();
            driver.connection_mut().send_binary(payload(20)).unwrap();
            assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
            let mut rest = driver.take_output();
            driver.connection_mut().send_binary(payload(7)).unwrap();
            driver.connection_mut().send_binary(payload(5000)).unwrap();
            driver.connection_mut().ping(b"ping").unwrap();
            let mut sent = rest.chunk()[..written].to_vec();
            rest.advance(written);
            driver.put_output(rest);
            for _ in 0..10_000 {
                match driver.next(Goal::Flush).unwrap() {
                    Step::Write => {
                        let len = driver.output().chunk().len().min(100);
                        sent.extend_from_slice(&driver.output().chunk()[..len]);
                        driver.wrote(len);
                    }
                    Step::Flush => driver.flushed(),
                    Step::Ready => break,
                    step => panic!("{step:?}"),
                }
            }
            let expected = vec![
                (0x82, payload(20)),
                (0x82, payload(7)),
                (0x82, payload(5000)),
                (0x89, b"ping".to_vec()),
            ];
            assert_eq!(super::support::frames(&sent), (expected, 0), "{written}");
        }
    }
}
