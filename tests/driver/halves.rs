//! The halves: replies, a writer that is stuck, and who wakes whom.

use core::time::Duration;

use framewise::{
    CloseCode, Config, Connection, Delivery, EndOfStream, Event, ReuniteError, Role, State,
    Timeout,
    driver::{Driver, Error, Goal, Reads as _, ReceiveDriver, SendDriver, Step, Writes as _},
};

use super::support::{ROLES, at, at_ms, frame, frames, payload};

fn halves(role: Role, half_duplex: bool) -> (ReceiveDriver, SendDriver) {
    let mut driver = match role {
        Role::Client => Driver::new(Connection::client(Config::default(), [7; 32])),
        Role::Server => Driver::new(Connection::server(Config::default())),
    };
    driver.set_half_duplex(half_duplex);
    driver.into_split()
}

fn read(receiving: &mut ReceiveDriver, bytes: &[u8]) {
    receiving.empty_buffer().extend_from_slice(bytes);
    receiving.read(bytes.len());
}

/// Takes the events; returns how many there were.
fn take(receiving: &mut ReceiveDriver) -> usize {
    let mut batch = receiving.batch();
    let mut count = 0;
    while batch.next().is_some() {
        count += 1;
    }
    count
}

/// Writes all; returns it, and what came last.
fn write(sending: &mut SendDriver, goal: Goal) -> (Vec<u8>, Result<Step, Error>) {
    let mut bytes = Vec::new();
    loop {
        match sending.next(goal) {
            Ok(Step::Write) => {
                let chunk = sending.output().chunk().to_vec();
                sending.wrote(chunk.len());
                bytes.extend(chunk);
            }
            Ok(Step::Flush) => sending.flushed(),
            Ok(Step::ShutDown) => sending.shut_down(),
            step => return (bytes, step),
        }
    }
}

#[test]
fn a_reply_is_asked_for_until_it_is_written() {
    for role in ROLES {
        for half_duplex in [false, true] {
            let (mut receiving, mut sending) = halves(role, half_duplex);
            assert_eq!(receiving.next(), Ok(Step::Read));
            read(&mut receiving, &frame(role, 0x89, b"ping"));
            assert_eq!(receiving.next(), Ok(Step::Ready));
            assert_eq!(take(&mut receiving), 1);
            assert_eq!(receiving.next(), Ok(Step::Reply));
            // The writer is at it.
            receiving.reply_pending();
            assert_eq!(receiving.next(), Ok(Step::Read));
            receiving.read_pending();
            assert_eq!(receiving.next(), Ok(Step::Time));
            receiving.time(at(0));
            assert_eq!(receiving.next(), Ok(Step::Wait(Some(at(20)))));
            receiving.resume();
            assert_eq!(receiving.next(), Ok(Step::Reply), "again");
            assert_eq!(sending.next(Goal::Events), Ok(Step::Write));
            sending.wrote(1);
            assert_eq!(sending.next(Goal::Events), Ok(Step::Write));
            sending.write_pending();
            assert_eq!(sending.next(Goal::Events), Ok(Step::Wait(None)));
            receiving.reply_pending();
            receiving.resume();
            assert_eq!(receiving.next(), Ok(Step::Reply), "what is left of it");
            sending.resume();
            let (rest, last) = write(&mut sending, Goal::Events);
            assert_eq!((rest.is_empty(), last), (false, Ok(Step::Ready)));
            assert_eq!(receiving.next(), Ok(Step::Read), "done");
        }
    }
}

// Messages are the writing thread's own to write: the reading one could not read meanwhile.
#[test]
fn a_reading_thread_leaves_messages_to_the_writing_one() {
    for half_duplex in [false, true] {
        let (mut receiving, mut sending) = halves(Role::Server, half_duplex);
        sending.sending_mut().send_text("message").unwrap();
        let expected = if half_duplex { Step::Read } else { Step::Reply };
        assert_eq!(receiving.next(), Ok(expected));
    }
}

#[test]
fn a_half_writes_before_it_queues_behind_a_large_message_only() {
    let (_receiving, mut sending) = halves(Role::Server, false);
    for _ in 0..16 {
        assert_eq!(sending.next(Goal::Room(64)), Ok(Step::Ready));
        sending.sending_mut().send_binary(payload(64)).unwrap();
    }
    sending.sending_mut().send_binary(payload(100_000)).unwrap();
    assert_eq!(sending.next(Goal::Room(64)), Ok(Step::Write));
}

#[test]
fn a_writer_that_is_stuck_does_not_hold_up_the_end() {
    for role in ROLES {
        for in_flight in [false, true] {
            for ended in [false, true] {
                let (mut receiving, mut sending) = halves(role, false);
                receiving.read_pending();
                sending.sending_mut().send_binary(payload(100_000)).unwrap();
                assert_eq!(sending.next(Goal::Flush), Ok(Step::Write));
                let rest = in_flight.then(|| sending.take_output());
                if !in_flight {
                    sending.write_pending();
                }
                assert_eq!(sending.next(Goal::Flush), Ok(Step::Wait(None)));
                receiving.time(at(0));
                if ended {
                    receiving.eof();
                } else {
                    sending.sending_mut().close(CloseCode::NORMAL, "").unwrap();
                    receiving.resume();
                }
                // The writer holds the lock all the time.
                let mut now = at(1);
                let last = loop {
                    match receiving.next() {
                        Ok(Step::Reply) => receiving.reply_pending(),
                        Ok(Step::Read) => receiving.read_pending(),
                        Ok(Step::Time) => receiving.time(now),
                        Ok(Step::Wait(Some(deadline))) => {
                            assert!(deadline > now);
                            now = deadline;
                            receiving.resume();
                        }
                        last => break last,
                    }
                };
                assert_eq!((last, now), (Ok(Step::Ended), at(6)), "{role:?} {in_flight} {ended}");
                if let Some(mut rest) = rest {
                    rest.advance(1000);
                    sending.put_output(rest);
                } else {
                    sending.wrote(1000);
                }
                sending.resume();
                let (written, last) = write(&mut sending, Goal::Flush);
                assert_eq!((written.len(), last), (0, Err(Error::GaveUp)));
                for goal in [Goal::Room(1), Goal::Flush] {
                    assert_eq!(write(&mut sending, goal).1, Err(Error::Lost));
                }
                assert_eq!(receiving.next(), Ok(Step::Ended));
            }
        }
    }
}

#[test]
fn a_close_by_the_sending_half_gives_the_receiving_one_a_deadline() {
    for role in ROLES {
        let (mut receiving, mut sending) = halves(role, false);
        receiving.read_pending();
        receiving.time(at(0));
        assert_eq!(receiving.next(), Ok(Step::Wait(Some(at(20)))));
        sending.sending_mut().close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(write(&mut sending, Goal::Flush).1, Ok(Step::Ready));
        // The binding wakes it.
        receiving.resume();
        assert_eq!(receiving.next(), Ok(Step::Read));
        receiving.read_pending();
        assert_eq!(receiving.next(), Ok(Step::Time));
        receiving.time(at(1));
        assert_eq!(receiving.next(), Ok(Step::Wait(Some(at(6)))));
        receiving.time(at(6));
        while receiving.next() == Ok(Step::Reply) {
            assert_eq!(write(&mut sending, Goal::Events).1, Ok(Step::Ready));
        }
        assert_eq!(receiving.next(), Ok(Step::Ended));
        assert_eq!(receiving.receiving().end(), Some(EndOfStream::Incomplete));
        assert_eq!(receiving.receiving().state(), State::Closed);
    }
}

// A thread that blocks in a read cannot be woken, so it looks up once in a while.
#[test]
fn a_reading_thread_looks_up_within_the_time_to_close() {
    let (mut receiving, mut sending) = halves(Role::Server, true);
    assert_eq!(receiving.deadline(at(0)), Some(at(5)));
    sending.sending_mut().close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(write(&mut sending, Goal::Flush).1, Ok(Step::Ready));
    assert_eq!(receiving.deadline(at(5)), Some(at(10)));
    receiving.time(at(10));
    assert_eq!(receiving.next(), Ok(Step::Reply), "to shut down");
    assert_eq!(write(&mut sending, Goal::Events).1, Ok(Step::Ready));
    assert_eq!(receiving.next(), Ok(Step::Ended));
}

// Life is judged as for a whole connection: what is written at once shows nothing of the peer.
#[test]
fn writing_is_no_sign_of_life_unless_the_peer_had_to_take_it() {
    for role in ROLES {
        let (mut receiving, mut sending) = halves(role, false);
        receiving.read_pending();
        receiving.time(at(0));
        for sec in 1..40 {
            sending.sending_mut().send_text("tick").unwrap();
            assert_eq!(write(&mut sending, Goal::Flush).1, Ok(Step::Ready));
            receiving.time(at(sec));
            if sec == 20 {
                assert_eq!(receiving.next(), Ok(Step::Reply), "a Ping");
                let (ping, _) = write(&mut sending, Goal::Events);
                assert_eq!(frames(&ping).0, [(0x89, vec![])]);
            }
        }
        assert_eq!(receiving.receiving().state(), State::Open);
        receiving.time(at(40));
        assert_eq!(receiving.receiving().state(), State::Failed);
        let (close, _) = write(&mut sending, Goal::Events);
        assert_eq!(frames(&close).0, [(0x88, b"\x03\xf3no Pong in time".to_vec())]);
        let mut now = at(40);
        let last = loop {
            match receiving.next() {
                Ok(Step::Reply) => drop(write(&mut sending, Goal::Events)),
                Ok(Step::Read) => receiving.read_pending(),
                Ok(Step::Time) => receiving.time(now),
                Ok(Step::Wait(Some(deadline))) => {
                    now = deadline;
                    receiving.resume();
                }
                last => break last,
            }
        };
        assert_eq!((last, now), (Err(Error::Timeout(Timeout::Pong)), at(45)));
        assert_eq!(receiving.next(), Ok(Step::Ended), "once");
    }
}

#[test]
fn what_a_driver_had_read_ahead_is_delivered_by_the_half() {
    for role in ROLES {
        let mut driver = match role {
            Role::Client => Driver::new(Connection::client(Config::default(), [7; 32])),
            Role::Server => Driver::new(Connection::server(Config::default())),
        };
        driver.connection_mut().send_text("first").unwrap();
        assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
        driver.write_pending();
        assert_eq!(driver.next(Goal::Flush), Ok(Step::Read));
        let bytes = [frame(role, 0x82, b"a"), frame(role, 0x89, b"b"), frame(role, 0x82, b"c")];
        let bytes = bytes.concat();
        driver.empty_buffer().extend_from_slice(&bytes);
        driver.read(bytes.len());
        assert_eq!(driver.next(Goal::Flush), Ok(Step::Read));
        let (mut receiving, mut sending) = driver.into_split();
        assert_eq!(receiving.next(), Ok(Step::Ready));
        let mut batch = receiving.batch();
        assert_eq!(batch.next(), Some(Event::Binary(b"a".into())));
        assert_eq!(batch.next(), Some(Event::Ping(b"b".into())));
        assert_eq!(batch.next(), Some(Event::Binary(b"c".into())));
        drop(batch);
        assert_eq!(sending.next(Goal::Events), Ok(Step::Wait(None)), "it was pending before");
        sending.resume();
        let (sent, last) = write(&mut sending, Goal::Flush);
        assert_eq!(last, Ok(Step::Ready));
        assert_eq!(frames(&sent).0, [(0x81, b"first".to_vec()), (0x8a, b"b".to_vec())]);
    }
}

#[test]
fn a_half_delivers_in_another_way_from_within_a_batch() {
    let role = Role::Server;
    let (mut receiving, _sending) = halves(role, false);
    read(&mut receiving, &[frame(role, 0x02, b"a"), frame(role, 0x80, b"b")].concat());
    let mut batch = receiving.batch();
    batch.set_delivery(Delivery::Chunks);
    assert_eq!(batch.next(), Some(Event::BinaryChunk { payload: b"a".into(), fin: false }));
    assert_eq!(batch.next(), Some(Event::BinaryChunk { payload: b"b".into(), fin: true }));
}

// A reset while the writer is stuck: what is left has the time to close.
#[test]
fn a_write_that_fails_ends_a_half_that_waits_for_it() {
    let (mut receiving, mut sending) = halves(Role::Server, false);
    sending.sending_mut().send_binary(payload(1000)).unwrap();
    assert_eq!(sending.next(Goal::Flush), Ok(Step::Write));
    let rest = sending.take_output();
    receiving.time(at_ms(1));
    assert_eq!(receiving.read_failed("reset", false), Err("reset"));
    sending.put_output(rest);
    assert_eq!(sending.write_failed("broken"), Err("broken"));
    assert_eq!(sending.next(Goal::Flush), Err(Error::Lost));
    receiving.time(at_ms(1) + Duration::from_millis(1));
    assert_eq!(receiving.next(), Ok(Step::Ended));
}

// Found by fuzzing: the half that reads waited for a message that could not be written any more.
#[test]
fn what_is_queued_after_a_failed_write_does_not_hold_up_the_end() {
    for role in ROLES {
        for half_duplex in [false, true] {
            let (mut receiving, mut sending) = halves(role, half_duplex);
            sending.sending_mut().send_text("first").unwrap();
            assert_eq!(sending.next(Goal::Flush), Ok(Step::Write));
            assert_eq!(sending.write_failed("broken"), Err("broken"));
            assert_eq!(sending.next(Goal::Flush), Err(Error::Lost));
            sending.sending_mut().send_text("second").unwrap();
            receiving.eof();
            assert_eq!(receiving.next(), Ok(Step::Ended));
            assert_eq!(sending.next(Goal::Flush), Err(Error::Lost));
        }
    }
}

#[test]
fn drivers_that_are_reunited_go_on_where_the_halves_were() {
    for role in ROLES {
        for half_duplex in [false, true] {
            let (mut receiving, mut sending) = halves(role, half_duplex);
            let hi = [frame(role, 0x81, b"hi"), frame(role, 0x81, b"ho")].concat();
            assert_eq!(receiving.next(), Ok(Step::Read));
            read(&mut receiving, &hi);
            assert!(receiving.batch().next().is_some());
            sending.sending_mut().send_text("queued").unwrap();
            assert_eq!(sending.next(Goal::Flush), Ok(Step::Write));
            sending.wrote(1);

            let mut driver = receiving.reunite(sending).unwrap();
            assert_eq!(driver.next(Goal::Flush), Ok(Step::Write), "the rest of the frame");
            let left = driver.output().len();
            driver.wrote(left);
            assert_eq!(driver.next(Goal::Flush), Ok(Step::Flush));
            driver.flushed();
            assert_eq!(driver.next(Goal::Events), Ok(Step::Ready));
            assert!(driver.batch().next().is_some(), "what was read is still there");
            assert_eq!(driver.next(Goal::Events), Ok(Step::Read));
        }
    }
}

#[test]
fn drivers_of_two_connections_are_not_reunited() {
    let ((receiving, sending), (other, _)) =
        (halves(Role::Server, false), halves(Role::Server, false));
    let ReuniteError(other, sending) = other.reunite(sending).unwrap_err();
    assert_eq!(other.receiving().state(), State::Open);
    assert!(receiving.reunite(sending).is_ok());
}

// While output is stuck, nobody waits for it any more.
#[test]
fn an_abort_ends_both_drivers() {
    for role in ROLES {
        for half_duplex in [false, true] {
            let (mut receiving, mut sending) = halves(role, half_duplex);
            sending.sending_mut().send_text("stuck").unwrap();
            assert_eq!(sending.next(Goal::Flush), Ok(Step::Write));
            sending.write_pending();
            assert_eq!(sending.next(Goal::Flush), Ok(Step::Wait(None)));
            sending.sending_mut().abort();
            assert_eq!(receiving.next(), Ok(Step::Reply));
            assert_eq!(write(&mut sending, Goal::Events), (vec![], Ok(Step::Ready)));
            assert_eq!(receiving.next(), Ok(Step::Ended));
            assert_eq!(receiving.receiving().end(), Some(EndOfStream::Lost));
            sending.resume();
            assert_eq!(sending.next(Goal::Flush), Err(Error::GaveUp));
            assert_eq!(sending.next(Goal::Flush), Err(Error::Lost));
        }
    }
}
