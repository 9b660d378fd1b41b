//! What each goal waits for, and what it reads meanwhile.

use core::time::Duration;

use framewise::{
    CloseCode, Config, Connection, Delivery, EndOfStream, Event, Role, State, Timeout,
    driver::{Driver, Error, Goal, Reads as _, Step, Unread, Writes as _},
    time::Instant,
};

use super::support::{
    Arrival, End, Outcome, ROLES, Rate, Shape, Style, at, at_ms, binaries, everywhere, frame,
    frames, payload,
};

/// Reports `bytes` as read.
fn read(driver: &mut Driver, bytes: &[u8]) {
    driver.empty_buffer().extend_from_slice(bytes);
    driver.read(bytes.len());
}

/// Writes all that is pending with one step each.
fn written(driver: &mut Driver) -> Vec<u8> {
    let mut bytes = Vec::new();
    while driver.next(Goal::Flush) == Ok(Step::Write) {
        let chunk = driver.output().chunk().to_vec();
        driver.wrote(chunk.len());
        bytes.extend(chunk);
    }
    bytes
}

// K8: one that only sends looks at the socket after 16 flushes, and answers what it finds.
#[test]
fn a_program_that_only_flushes_answers_pings_and_closes() {
    for role in ROLES {
        for style in [Style::Completions, Style::Poll, Style::Readiness] {
            let mut end = End::new(role, Shape::Whole, style);
            end.io.wire.bytes(at_ms(100), &frame(role, 0x89, b"ping"));
            end.io.wire.bytes(at(10), &frame(role, 0x88, &[]));
            let mut answered = None;
            let mut closed = None;
            for tick in 0..1000 {
                if end.send(b"tick").is_err() {
                    closed = Some(tick);
                    break;
                }
                assert_eq!(end.run(Goal::Flush, end.io.now), Outcome::Ready, "never waits");
                let (sent, _) = frames(&end.io.wire.sent);
                if answered.is_none() && sent.contains(&(0x8a, b"ping".to_vec())) {
                    answered = Some(tick);
                }
                end.io.now = end.io.now + Duration::from_millis(100);
            }
            assert!(answered.is_some_and(|tick| tick <= 32), "{style:?}: {answered:?}");
            assert!(
                closed.is_some_and(|tick| (100..=132).contains(&tick)),
                "{style:?}: {closed:?}"
            );
            let (sent, _) = frames(&end.io.wire.sent);
            assert_eq!(sent.last(), Some(&(0x88, vec![])), "{style:?}: the answer is out");
        }
    }
}

// A flush that finds something stays until the answer is out.
#[test]
fn the_flush_that_looks_for_input_answers_it() {
    let role = Role::Server;
    let mut driver = Driver::new(Connection::server(Config::default()));
    let mut looks = Vec::new();
    for flush in 1..=64 {
        driver.resume();
        driver.connection_mut().send_text("a").unwrap();
        let mut sent = Vec::new();
        let mut found = false;
        loop {
            match driver.next(Goal::Flush).unwrap() {
                Step::Ready => break,
                Step::Write => {
                    sent.extend_from_slice(driver.output().chunk());
                    let len = driver.output().len();
                    driver.wrote(len);
                }
                Step::Flush => driver.flushed(),
                Step::Time => driver.time(Instant::ORIGIN),
                Step::Read if found => driver.read_pending(),
                Step::Read => {
                    found = true;
                    looks.push(flush);
                    read(&mut driver, &frame(role, 0x89, b"ping"));
                }
                step => panic!("{step:?}"),
            }
        }
        let expected: &[u8] = if found { b"\x81\x01a\x8a\x04ping" } else { b"\x81\x01a" };
        assert_eq!(sent, expected, "flush {flush}");
    }
    assert_eq!(looks, [16, 32, 48, 64]);
    // What was found is delivered, too.
    let mut batch = driver.batch();
    for _ in looks {
        assert_eq!(batch.next(), Some(Event::Ping(b"ping".into())));
    }
    assert_eq!(batch.next(), None);
}

// A thread would be held up by the read. A program that closes has to receive anyway.
#[test]
fn a_flush_of_a_thread_or_after_a_close_does_not_look_for_input() {
    for half_duplex in [false, true] {
        let mut driver = Driver::new(Connection::server(Config::default()));
        driver.set_half_duplex(half_duplex);
        driver.connection_mut().send_text("a").unwrap();
        if !half_duplex {
            driver.connection_mut().close(CloseCode::NORMAL, "").unwrap();
        }
        for _ in 0..40 {
            written(&mut driver);
            if driver.next(Goal::Flush) == Ok(Step::Flush) {
                driver.flushed();
            }
            assert_eq!(driver.next(Goal::Flush), Ok(Step::Ready));
        }
    }
}

// K19: 16 messages of 64 bytes are one write.
#[test]
fn feeding_asks_for_room_before_it_writes() {
    for role in ROLES {
        let mut end = End::new(role, Shape::Whole, Style::Poll);
        for _ in 0..16 {
            assert_eq!(end.driver().next(Goal::Room(64)), Ok(Step::Ready));
            end.send(&payload(64)).unwrap();
        }
        assert_eq!(end.run(Goal::Flush, at(0)), Outcome::Ready);
        assert_eq!((end.io.wire.writes, end.io.wire.flushes), (1, 1));
    }
}

#[test]
fn feeding_is_bounded() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        end.io.wire.capacity = 0;
        end.io.wire.rate = Some(Rate { bytes: 10_000, every: Duration::from_secs(1) });
        for _ in 0..40 {
            assert_eq!(end.run(Goal::Room(5000), at(100)), Outcome::Ready);
            end.send(&payload(5000)).unwrap();
        }
        let sent = end.io.wire.sent.len();
        assert!((100_000..200_000).contains(&sent), "{sent} of 200,000 bytes were written");
        assert_eq!(end.run(Goal::Flush, at(100)), Outcome::Ready);
        assert_eq!(frames(&end.io.wire.sent).0.len(), 40);
    });
}

// What can never fit is told by the call that sends.
#[test]
fn there_is_room_for_what_will_never_fit() {
    everywhere(|role, shape, style| {
        let mut end = End::with(role, shape, style, |config| config.max_output = 1000);
        assert_eq!(end.run(Goal::Room(2000), at(0)), Outcome::Ready);
        assert!(end.send(&payload(2000)).is_err());
        end.send(&payload(900)).unwrap();
        assert_eq!(end.run(Goal::Room(2000), at(0)), Outcome::Ready, "once all is written");
        assert!(end.io.wire.sent.len() > 900);
    });
}

// Two that echo what they read do not wait for one another.
#[test]
fn a_flush_reads_ahead() {
    for role in ROLES {
        for style in [Style::Completions, Style::Poll, Style::Readiness] {
            let mut end = End::new(role, Shape::Whole, style);
            end.io.wire.capacity = 0;
            for index in 0..100 {
                end.io.wire.bytes(at(1), &frame(role, 0x82, &payload(1000 + index)));
            }
            end.send(b"a").unwrap();
            assert_eq!(end.run(Goal::Flush, at(10)), Outcome::Waits);
            let left = end.io.wire.incoming.len();
            assert!((30..=40).contains(&left), "{left} are left: 64 KiB were read");
            end.io.wire.capacity = usize::MAX;
            end.io.wire.kick(at(10));
            assert_eq!(end.run(Goal::Flush, at(11)), Outcome::Ready);
            assert_eq!(end.receive(at(12)), Outcome::Waits);
            assert_eq!(binaries(&end.events).len(), 100);
            for (index, binary) in binaries(&end.events).iter().enumerate() {
                assert_eq!(binary.len(), 1000 + index, "in order");
            }
        }
    }
}

// Half duplex: not listening is not silence.
#[test]
fn a_thread_that_only_sends_does_not_fail_a_live_peer() {
    for role in ROLES {
        let mut end = End::new(role, Shape::Whole, Style::Blocking);
        for sec in 0..300 {
            end.io.wire.bytes(at(sec), &frame(role, 0x82, b"talk"));
        }
        while end.io.now < at(290) {
            end.send(b"tick").unwrap();
            assert_eq!(end.run(Goal::Flush, end.io.now), Outcome::Ready);
            end.io.now = end.io.now + Duration::from_secs(7);
        }
        assert_eq!(end.state(), State::Open);
        assert_eq!(end.receive(end.io.now), Outcome::Waits);
        assert_eq!(end.state(), State::Open);
        assert!(binaries(&end.events).len() >= 290);
        let (sent, _) = frames(&end.io.wire.sent);
        assert!(sent.iter().all(|(first, _)| *first == 0x82), "no Ping");
        // It listens now, so silence counts from here.
        end.io.wire.incoming.clear();
        let from = end.io.now;
        assert_eq!(end.receive(at(1000)), Outcome::Driver(Error::Timeout(Timeout::Pong)));
        assert_eq!(end.io.now, from + Duration::from_secs(45));
    }
}

// Half duplex: room that a write has made is no end of the time in which nobody listens.
#[test]
fn a_thread_that_makes_room_does_not_hold_the_peer_silent() {
    for role in ROLES {
        let mut end = End::new(role, Shape::Whole, Style::Blocking);
        end.send(&payload(100_000)).unwrap();
        let driver = end.driver();
        assert_eq!(driver.next(Goal::Room(1)), Ok(Step::Write));
        driver.deadline(at(0));
        let len = driver.output().len();
        driver.wrote(len);
        assert_eq!(driver.next(Goal::Room(1)), Ok(Step::Ready));
        // The program is busy with other things, and listens then.
        assert_eq!(driver.next(Goal::Events), Ok(Step::Flush));
        driver.flushed();
        assert_eq!(driver.next(Goal::Events), Ok(Step::Read));
        assert_eq!(driver.deadline(at(40)), Some(at(60)), "no Ping is due");
    }
}

// The read may block.
#[test]
fn events_come_before_the_next_read_when_output_is_dropped() {
    let mut driver = Driver::new(Connection::server(Config::default()));
    driver.connection_mut().send_text("a").unwrap();
    assert_eq!(driver.next(Goal::Events), Ok(Step::Write));
    assert_eq!(driver.write_failed("broken"), Ok(()), "nobody waits for it");
    read(&mut driver, &frame(Role::Server, 0x82, b"abc"));
    driver.connection_mut().send_binary(payload(100_000)).unwrap();
    assert_eq!(driver.next(Goal::Events), Ok(Step::Ready));
}

#[test]
fn events_wait_for_output_of_more_than_64_kib() {
    let role = Role::Server;
    // The header takes 4 bytes.
    for (len, step) in [((64 << 10) - 4, Step::Ready), ((64 << 10) - 3, Step::Write)] {
        let mut end = End::new(role, Shape::Whole, Style::Poll);
        end.send(&payload(len)).unwrap();
        let driver = end.driver();
        read(driver, &frame(role, 0x82, b"abc"));
        assert_eq!(driver.next(Goal::Events), Ok(step), "{len}");
    }
}

#[test]
fn messages_that_were_taken_make_room_to_read_ahead() {
    let role = Role::Server;
    let mut driver = Driver::new(Connection::server(Config::default()));
    driver.connection_mut().send_text("a").unwrap();
    for _ in 0..5 {
        driver.resume();
        assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
        driver.write_pending();
        assert_eq!(driver.next(Goal::Flush), Ok(Step::Read));
        read(&mut driver, &frame(role, 0x82, &payload(40_000)));
        assert_eq!(driver.next(Goal::Flush), Ok(Step::Read));
        assert_eq!(driver.batch().next(), Some(Event::Binary(payload(40_000).into())));
    }
}

#[test]
fn a_message_that_was_read_ahead_is_known_when_it_is_delivered() {
    let role = Role::Server;
    let mut driver = Driver::new(Connection::server(Config::default().stats(true)));
    driver.connection_mut().send_text("a").unwrap();
    assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
    driver.write_pending();
    assert_eq!(driver.next(Goal::Flush), Ok(Step::Read));
    let frames: Vec<u8> = (0..5)
        .flat_map(|len| frame(role, 0x82, &payload(len)))
        .chain(frame(role, 0x89, b""))
        .collect();
    read(&mut driver, &frames);
    assert_eq!(driver.next(Goal::Flush), Ok(Step::Read), "it has parsed what came");
    read(&mut driver, &frame(role, 0x82, &payload(5)));
    let mut batch = driver.batch();
    let mut seen = Vec::new();
    while let Some(event) = batch.next() {
        let info = batch.connection().message_info().expect("it counts");
        if let Event::Binary(payload) = event {
            seen.push((payload.len() as u64, info.wire_bytes));
        }
    }
    assert_eq!(seen, (0..6).map(|len| (len, len + 6)).collect::<Vec<_>>());
}

#[test]
fn few_messages_are_read_ahead_even_if_they_are_empty() {
    for role in ROLES {
        let mut end = End::new(role, Shape::Whole, Style::Poll);
        end.send(b"abc").unwrap();
        let driver = end.driver();
        assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
        driver.write_pending();
        let mut reads = 0;
        loop {
            match driver.next(Goal::Flush).unwrap() {
                Step::Read => read(driver, &frame(role, 0x82, b"")),
                Step::Time => driver.time(at(0)),
                Step::Wait(_) => break,
                step => panic!("{step:?}"),
            }
            reads += 1;
        }
        assert!((1024..1200).contains(&reads), "{reads}");
    }
}

// K10: what was read comes back, at every cut.
#[test]
fn parts_lose_no_byte() {
    for role in ROLES {
        let all = [
            frame(role, 0x82, b"first"),
            frame(role, 0x82, &payload(300)),
            frame(role, 0x89, b"ping"),
            frame(role, 0x82, b"last"),
        ]
        .concat();
        for cut in 0..=all.len() {
            for taken in 0..4 {
                for ahead in [false, true] {
                    let connection = match role {
                        Role::Client => Connection::client(Config::default(), [7; 32]),
                        Role::Server => Connection::server(Config::default()),
                    };
                    let mut driver =
                        Driver::with_unread(connection, Unread::from(all[..cut].to_vec()));
                    assert_eq!(driver.has_input(), cut != 0);
                    let mut events = Vec::new();
                    if ahead {
                        driver.connection_mut().send_text("a").unwrap();
                        assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
                        driver.write_pending();
                        driver.next(Goal::Flush).unwrap();
                    }
                    {
                        let mut batch = driver.batch();
                        for _ in 0..taken {
                            events.extend(batch.next().map(Event::into_owned));
                        }
                    }
                    let parts = driver.into_parts();
                    events.extend(parts.events);
                    let mut driver = Driver::with_unread(parts.connection, parts.unread.into());
                    {
                        let mut batch = driver.batch();
                        while let Some(event) = batch.next() {
                            events.push(event.into_owned());
                        }
                    }
                    read(&mut driver, &all[cut..]);
                    if cut < all.len() {
                        let mut batch = driver.batch();
                        while let Some(event) = batch.next() {
                            events.push(event.into_owned());
                        }
                    }
                    let messages = [b"first".to_vec(), payload(300), b"last".to_vec()];
                    assert_eq!(binaries(&events), messages, "{role:?} {cut} {taken} {ahead}");
                    assert_eq!(events.len(), 4);
                }
            }
        }
    }
}

#[test]
fn a_program_that_takes_nothing_is_told_to_yield() {
    let role = Role::Server;
    let mut driver = Driver::new(Connection::server(Config::default()));
    read(&mut driver, &frame(role, 0x82, b"abc"));
    for _ in 0..5 {
        let mut asked = 0;
        while !driver.take_spinning() {
            assert_eq!(driver.next(Goal::Events), Ok(Step::Ready));
            asked += 1;
        }
        assert!((16..=17).contains(&asked), "{asked}");
    }
    assert!(!driver.take_spinning(), "asking clears it");
    assert_eq!(driver.batch().next(), Some(Event::Binary(b"abc".into())));
    // One that takes everything never has to.
    for _ in 0..100 {
        read(&mut driver, &frame(role, 0x82, b"abc"));
        assert_eq!(driver.next(Goal::Events), Ok(Step::Ready));
        assert!(!driver.take_spinning());
        let mut batch = driver.batch();
        while batch.next().is_some() {}
    }
}

// The clock is looked at every 16 reads, although there is always something to read.
#[test]
fn the_clock_is_looked_at_now_and_then() {
    let role = Role::Server;
    let mut driver = Driver::new(Connection::server(Config::default()));
    let (mut reads, mut times) = (0, 0);
    while reads < 160 {
        match driver.next(Goal::Events).unwrap() {
            Step::Read => {
                read(&mut driver, &frame(role, 0x82, b"abc"));
                reads += 1;
            }
            Step::Ready => while driver.batch().next().is_some() {},
            Step::Time => {
                driver.time(at(times));
                times += 1;
            }
            step => panic!("{step:?}"),
        }
    }
    assert!((9..=10).contains(&times), "{times}");
}

// A peer that floods cannot outrun a deadline.
#[test]
fn a_flood_does_not_hold_up_the_time_to_close() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        for ms in 0..10_000 {
            end.io.wire.bytes(at_ms(ms), &frame(role, 0x82, b"flood"));
        }
        end.close();
        assert_eq!(end.receive(at(9)), Outcome::Ended);
        assert!(end.io.now >= at(5) && end.io.now <= at_ms(5020), "{:?}", end.io.now);
        assert_eq!(end.end(), Some(EndOfStream::Incomplete));
    });
}

#[test]
fn a_close_by_the_program_ends_the_connection() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        end.io.wire.bytes(at(2), &frame(role, 0x82, b"late"));
        end.io.wire.bytes(at(3), &frame(role, 0x88, &[3, 232]));
        end.io.wire.arrive(at(4), Arrival::End);
        end.send(b"last").unwrap();
        end.close();
        assert!(end.send(b"more").is_err());
        assert_eq!(end.run(Goal::Flush, at(1)), Outcome::Ready);
        assert_eq!(end.receive(at(60)), Outcome::Ended);
        assert_eq!((end.io.now, end.end()), (at(4), Some(EndOfStream::Clean)));
        assert_eq!(binaries(&end.events), [b"late"], "messages still arrive");
        let close = vec![3, 232];
        assert_eq!(CloseCode::NORMAL, CloseCode::from(1000));
        assert_eq!(frames(&end.io.wire.sent).0, [(0x82, b"last".to_vec()), (0x88, close)]);
    });
}

// The events may be answered while they are taken, and the next ones delivered in another way.
#[test]
fn a_batch_does_what_its_connection_does() {
    let role = Role::Server;
    let mut config = Config::default();
    config.max_output = 100;
    let mut driver = Driver::new(Connection::server(config));
    let fragments = [frame(role, 0x02, b"a"), frame(role, 0x80, b"b")];
    read(&mut driver, &[frame(role, 0x82, b"ab"), fragments.concat()].concat());
    let mut batch = driver.batch();
    assert_eq!(batch.next(), Some(Event::Binary(b"ab".into())));
    batch.set_delivery(Delivery::Chunks);
    assert_eq!(batch.next(), Some(Event::BinaryChunk { payload: b"a".into(), fin: false }));
    assert_eq!(batch.next(), Some(Event::BinaryChunk { payload: b"b".into(), fin: true }));
    assert!(batch.has_room(50) && !batch.has_room(101));
    batch.send_binary(payload(50)).unwrap();
    assert!(!batch.has_room(50));
    batch.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(batch.state(), State::CloseSent);
    drop(batch);
    let sent = [(0x82, payload(50)), (0x88, vec![3, 232])];
    assert_eq!(frames(&written(&mut driver)).0, sent);
}

// What is queued is written while the program waits for events.
#[test]
fn waiting_for_events_writes() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        if shape == Shape::Whole || style != Style::Blocking {
            end.send(b"abc").unwrap();
            assert_eq!(end.receive(at(1)), Outcome::Waits);
            assert_eq!(frames(&end.io.wire.sent), (vec![(0x82, b"abc".to_vec())], 0));
            assert_eq!(end.io.wire.sent_at, at(0));
        }
    });
}

#[test]
fn nothing_is_left_when_a_flush_is_done() {
    let mut driver = Driver::new(Connection::server(Config::default()));
    driver.connection_mut().send_text("abc").unwrap();
    assert_eq!(written(&mut driver), b"\x81\x03abc");
    assert_eq!(driver.next(Goal::Flush), Ok(Step::Flush), "K1: not before it was passed on");
    driver.write_pending();
    assert_ne!(driver.next(Goal::Flush), Ok(Step::Ready));
    driver.writable();
    assert_eq!(driver.next(Goal::Flush), Ok(Step::Flush));
    driver.flushed();
    assert_eq!(driver.next(Goal::Flush), Ok(Step::Ready));
}

// A readiness loop resumes nothing when its program does something by itself.
#[test]
fn a_close_behind_a_write_that_is_pending_has_its_deadline() {
    let mut driver = Driver::new(Connection::server(Config::default()));
    driver.connection_mut().send_text("a").unwrap();
    let mut wait = || loop {
        match driver.next(Goal::Events).unwrap() {
            Step::Write => driver.write_pending(),
            Step::Read => driver.read_pending(),
            Step::Time => driver.time(Instant::ORIGIN),
            Step::Wait(deadline) => {
                let close = driver.connection().state() == State::Open;
                if close {
                    driver.connection_mut().close(CloseCode::GOING_AWAY, "").unwrap();
                    continue;
                }
                break deadline;
            }
            step => panic!("{step:?}"),
        }
    };
    assert_eq!(wait(), Some(at(5)));
}

// One buffer for all connections.
#[test]
fn a_buffer_that_is_used_up_is_given_back() {
    let message = frame(Role::Server, 0x82, &payload(70_000));
    let mut driver = Driver::new(Connection::server(Config::default()));
    assert_eq!(driver.reclaim_buffer(), None, "there is none");
    driver.put_buffer(message.clone(), message.len());
    assert_eq!(driver.reclaim_buffer(), None, "it is not parsed");
    let mut batch = driver.batch();
    let Some(Event::Binary(payload)) = batch.next() else { panic!("a message is in it") };
    batch.send(payload).unwrap();
    drop(batch);
    let buffer = driver.reclaim_buffer().unwrap();
    assert_eq!(buffer.len(), message.len());
    assert_eq!(driver.reclaim_buffer(), None);

    // The peer does not take the answer: what it sends is parsed, and only the rest stays.
    assert_eq!(driver.next(Goal::Events), Ok(Step::Write));
    driver.write_pending();
    assert_eq!(driver.next(Goal::Events), Ok(Step::Read));
    let two = [message.clone(), message].concat();
    let len = two.len();
    driver.put_buffer(two, len);
    driver.read_pending();
    while driver.next(Goal::Events) == Ok(Step::Time) {
        driver.time(at(1));
    }
    assert_eq!(driver.reclaim_buffer(), None);
    driver.writable();
    while driver.next(Goal::Events) == Ok(Step::Write) {
        let len = driver.output().len();
        driver.wrote(len);
    }
    let mut batch = driver.batch();
    while batch.next().is_some() {}
    drop(batch);
    assert_eq!(driver.reclaim_buffer().map(|buf| buf.len()), Some(len));
}
