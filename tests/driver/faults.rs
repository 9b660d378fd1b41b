//! The decision table of `manual::faults`: who does what when, for every role, shape and style.

use core::time::Duration;

use framewise::{
    CloseFrame, EndOfStream, Event, ProtocolError, Role, State, Timeout,
    driver::{Error, Goal},
};

use super::support::{
    Arrival, End, Fault, Outcome, Rate, Shape, Style, at, at_ms, binaries, everywhere, frame,
    frames, payload,
};

/// Sends a message and flushes it.
fn send(end: &mut End, len: usize, until: u64) -> Outcome {
    end.send(&payload(len)).expect("it is open");
    end.run(Goal::Flush, at(until))
}

/// Half duplex: the peer's end and its Close are not seen while a write blocks.
fn is_deaf(shape: Shape, style: Style) -> bool {
    shape == Shape::Whole && style == Style::Blocking
}

fn is_halves(shape: Shape) -> bool {
    shape != Shape::Whole
}

fn lost_from_now_on(end: &mut End) {
    let until = end.io.now;
    for _ in 0..3 {
        for goal in [Goal::Flush, Goal::Room(1), Goal::Room(usize::MAX)] {
            assert_eq!(end.run(goal, until), Outcome::Driver(Error::Lost), "{goal:?}");
        }
    }
}

fn ended_from_now_on(end: &mut End) {
    let until = end.io.now + Duration::from_secs(10);
    for _ in 0..3 {
        assert_eq!(end.receive(until), Outcome::Ended);
    }
    assert_eq!(end.state(), State::Closed);
}

/// What the halves' reader was told in the background, or the whole is told now.
fn told(end: &mut End, until: u64) -> Outcome {
    match end.told.take() {
        Some(outcome) => outcome,
        None => end.receive(at(until)),
    }
}

#[test]
fn short_reads_and_writes_change_nothing() {
    everywhere(|role, shape, style| {
        for len in [1, 2, 3, 7, 1000] {
            let mut end = End::new(role, shape, style);
            (end.io.wire.max_read, end.io.wire.max_write) = (len, len);
            for message in [0, 1, 126, 5000] {
                end.io.wire.bytes(at(1), &frame(role, 0x82, &payload(message)));
            }
            end.io.wire.bytes(at(2), &frame(role, 0x89, b"ping"));
            assert_eq!(send(&mut end, 5000, 0), Outcome::Ready);
            assert_eq!(end.receive(at(3)), Outcome::Waits);
            assert_eq!(binaries(&end.events), [0, 1, 126, 5000].map(payload));
            let sent = vec![(0x82, payload(5000)), (0x8a, b"ping".to_vec())];
            assert_eq!(frames(&end.io.wire.sent), (sent, 0));
        }
    });
}

#[test]
fn a_write_that_fails_does_not_stop_reading() {
    everywhere(|role, shape, style| {
        for told_to_reader in [false, true] {
            let mut end = End::new(role, shape, style);
            end.io.wire.write_fault = Some(Fault::Broken);
            end.io.wire.bytes(at(1), &frame(role, 0x82, b"a"));
            end.io.wire.arrive(at(2), Arrival::End);
            end.send(b"b").unwrap();
            let threads = is_halves(shape) && style == Style::Blocking;
            if told_to_reader && !threads {
                // It is not an error of reading.
                assert_eq!(end.receive(at(0)), Outcome::Waits);
            } else if is_halves(shape) {
                // The other half may have been the first to see it.
                let outcome = end.run(Goal::Flush, at(0));
                let lost = Outcome::Driver(Error::Lost);
                assert!(outcome == Outcome::Wire(Fault::Broken) || outcome == lost, "{outcome:?}");
            } else {
                assert_eq!(end.run(Goal::Flush, at(0)), Outcome::Wire(Fault::Broken));
            }
            lost_from_now_on(&mut end);
            assert_eq!(end.receive(at(3)), Outcome::Ended);
            assert_eq!(binaries(&end.events), [b"a"]);
            assert_eq!((end.io.now, end.end()), (at(2), Some(EndOfStream::Lost)));
            lost_from_now_on(&mut end);
            ended_from_now_on(&mut end);
        }
    });
}

#[test]
fn an_end_without_a_close_is_lost() {
    everywhere(|role, shape, style| {
        for (arrival, error) in [
            (Arrival::End, None),
            (Arrival::Fault(Fault::UnexpectedEof), None),
            (Arrival::Fault(Fault::Reset), Some(Fault::Reset)),
        ] {
            let mut end = End::new(role, shape, style);
            end.io.wire.bytes(at(1), &frame(role, 0x82, b"a"));
            end.io.wire.arrive(at(1), arrival);
            if let Some(fault) = error {
                assert_eq!(end.receive(at(3)), Outcome::Wire(fault), "once");
            }
            assert_eq!(end.receive(at(3)), Outcome::Ended);
            assert_eq!((end.io.now, end.end()), (at(1), Some(EndOfStream::Lost)));
            assert_eq!(binaries(&end.events), [b"a"]);
            assert_eq!(end.io.wire.shut, Some(at(1)));
            ended_from_now_on(&mut end);
        }
    });
}

// 6455-5.5.1-17, 6455-5.5.1-18, 6455-7.1.1-03, 6455-7.1.1-07, 6455-7.1.1-08, 9112-9.8-01: after a Close
// of either end, a reset and an end of TLS are ends like any other.
#[test]
fn any_failure_after_a_close_is_an_end() {
    everywhere(|role, shape, style| {
        for arrival in
            [Arrival::End, Arrival::Fault(Fault::UnexpectedEof), Arrival::Fault(Fault::Reset)]
        {
            let mut end = End::new(role, shape, style);
            end.close();
            end.io.wire.arrive(at(1), arrival.clone());
            assert_eq!(end.receive(at(3)), Outcome::Ended);
            assert_eq!((end.io.now, end.end()), (at(1), Some(EndOfStream::Incomplete)));

            let mut end = End::new(role, shape, style);
            end.io.wire.bytes(at(1), &frame(role, 0x88, &[]));
            end.io.wire.arrive(at(2), arrival);
            assert_eq!(end.receive(at_ms(1500)), Outcome::Waits);
            assert_eq!(end.run(Goal::Flush, at_ms(1500)), Outcome::Ready);
            let shutdowns = usize::from(role == Role::Server);
            assert_eq!((end.state(), end.io.wire.shutdowns), (State::Closing, shutdowns));
            assert_eq!(end.receive(at(3)), Outcome::Ended);
            assert_eq!((end.io.now, end.end()), (at(2), Some(EndOfStream::Clean)));
            assert_eq!(frames(&end.io.wire.sent), (vec![(0x88, vec![])], 0));
            assert_eq!(end.io.wire.shutdowns, 1);
            let shut = if role == Role::Server { at(1) } else { at(2) };
            assert_eq!(end.io.wire.shut, Some(shut), "the server ends first");
        }
    });
}

// 6455-7.1.1-07
#[test]
fn a_half_closed_peer_takes_the_rest() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        end.io.wire.capacity = 0;
        end.io.wire.rate = Some(Rate { bytes: 10_000, every: Duration::from_secs(1) });
        end.io.wire.arrive(at(1), Arrival::End);
        end.send(&payload(100_000)).unwrap();
        assert_eq!(end.receive(at(60)), Outcome::Ended);
        assert_eq!(frames(&end.io.wire.sent), (vec![(0x82, payload(100_000))], 0));
        assert_eq!((end.io.now, end.end()), (at(11), Some(EndOfStream::Lost)));
        assert_eq!(end.run(Goal::Flush, at(60)), Outcome::Ready, "nothing was lost");
    });
}

#[test]
fn a_half_closed_peer_that_never_reads_has_the_time_to_close() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        end.io.wire.capacity = 1000;
        end.io.wire.arrive(at(1), Arrival::End);
        end.send(&payload(100_000)).unwrap();
        if is_deaf(shape, style) {
            // Like any peer that takes nothing.
            assert_eq!(end.receive(at(60)), Outcome::Driver(Error::Timeout(Timeout::Pong)));
            assert_eq!(end.io.now, at(45));
        } else {
            assert_eq!(end.receive(at(60)), Outcome::Ended);
            assert_eq!((end.io.now, end.end()), (at(6), Some(EndOfStream::Lost)));
        }
        assert_eq!(end.run(Goal::Flush, at(60)), Outcome::Driver(Error::GaveUp));
        lost_from_now_on(&mut end);
    });
}

/// What a peer that never reads says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Says {
    Nothing,
    /// A message every second.
    Messages,
    /// Now and then a byte of a message that it has announced.
    Bytes,
}

/// The peer takes some of the output and then nothing: a Ping at 20, the failure at 40, the end at 45.
fn a_peer_that_never_reads(role: Role, shape: Shape, style: Style, says: Says) {
    for reads in [false, true] {
        let mut end = End::new(role, shape, style);
        end.io.wire.capacity = 100_000;
        match says {
            Says::Nothing => {}
            Says::Messages => {
                for sec in 0..100 {
                    end.io.wire.bytes(at(sec), &frame(role, 0x82, b"talk"));
                }
            }
            Says::Bytes => {
                let bytes = frame(role, 0x82, &payload(100_000));
                end.io.wire.bytes(at(0), &bytes[..14]);
                for index in 14..34 {
                    end.io.wire.bytes(at(5 * (index as u64 - 13)), &bytes[index..][..1]);
                }
            }
        }
        end.send(&payload(300_000)).unwrap();
        if reads && is_halves(shape) && style == Style::Blocking {
            // The reading thread leaves messages to the writing one.
            assert_eq!(end.run(Goal::Flush, at(0)), Outcome::Waits);
        }
        if reads {
            assert_eq!(end.receive(at(100)), Outcome::Driver(Error::Timeout(Timeout::Pong)));
            assert_eq!(end.io.now, at(45), "reading");
            assert_eq!(end.run(Goal::Flush, at(100)), Outcome::Driver(Error::GaveUp));
        } else {
            assert_eq!(end.run(Goal::Flush, at(100)), Outcome::Driver(Error::GaveUp));
            assert_eq!(end.io.now, at(45), "writing");
            let told = told(&mut end, 100);
            assert_eq!(told, Outcome::Driver(Error::Timeout(Timeout::Pong)));
        }
        lost_from_now_on(&mut end);
        ended_from_now_on(&mut end);
        assert_eq!(end.io.now, at(45));
        assert_eq!(end.end(), Some(EndOfStream::Incomplete));
        assert_eq!(end.io.wire.sent.len(), 100_000);
    }
}

#[test]
fn a_silent_peer_that_never_reads_is_given_up() {
    everywhere(|role, shape, style| a_peer_that_never_reads(role, shape, style, Says::Nothing));
}

// What it says is no sign of life: it would hold our output forever.
#[test]
fn a_peer_that_talks_and_never_reads_is_given_up() {
    everywhere(|role, shape, style| a_peer_that_never_reads(role, shape, style, Says::Messages));
}

// R32
#[test]
fn a_peer_that_trickles_and_never_reads_is_given_up() {
    everywhere(|role, shape, style| a_peer_that_never_reads(role, shape, style, Says::Bytes));
}

// R32
#[test]
fn a_peer_that_reads_slowly_is_not_given_up() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        end.io.wire.capacity = 0;
        end.io.wire.rate = Some(Rate { bytes: 1000, every: Duration::from_secs(15) });
        assert_eq!(send(&mut end, 20_000, 1000), Outcome::Ready);
        let header = if role == Role::Client { 8 } else { 4 };
        assert_eq!((end.io.now, end.io.wire.sent.len()), (at(21 * 15), 20_000 + header));
        assert_eq!(end.state(), State::Open);
    });
}

// K14: each piece starts the time to close anew.
#[test]
fn a_peer_that_reads_steadily_after_its_close_gets_all() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        end.io.wire.capacity = 0;
        end.io.wire.rate = Some(Rate { bytes: 64 << 10, every: Duration::from_secs(1) });
        end.io.wire.bytes(at_ms(500), &frame(role, 0x88, &[3, 232]));
        end.send(&payload(1 << 20)).unwrap();
        end.io.wire.arrive(at(18), Arrival::End);
        assert_eq!(end.receive(at(60)), Outcome::Ended);
        assert!(end.io.wire.sent.len() > 1 << 20 && end.io.wire.sent_at == at(17));
        let (sent, rest) = frames(&end.io.wire.sent);
        assert!(sent == [(0x82, payload(1 << 20)), (0x88, vec![3, 232])] && rest == 0);
        assert_eq!((end.io.now, end.end()), (at(18), Some(EndOfStream::Clean)));
        assert_eq!(end.run(Goal::Flush, at(60)), Outcome::Ready);
    });
}

// K14: the bound of that.
#[test]
fn a_peer_that_reads_byte_by_byte_has_the_close_limit() {
    everywhere(|role, shape, style| {
        let mut end = End::with(role, shape, style, |config| {
            config.close_limit = Some(Duration::from_secs(30));
        });
        end.io.wire.capacity = 0;
        end.io.wire.rate = Some(Rate { bytes: 1, every: Duration::from_secs(1) });
        end.send(&payload(1000)).unwrap();
        if is_deaf(shape, style) {
            assert_eq!(end.receive(at_ms(1500)), Outcome::Waits);
            end.close();
        } else {
            end.io.wire.bytes(at_ms(1500), &frame(role, 0x88, &[3, 232]));
        }
        assert_eq!(end.receive(at(1000)), Outcome::Ended);
        assert_eq!((end.io.now, end.end()), (at_ms(31_500), Some(EndOfStream::Incomplete)));
        assert_eq!(end.run(Goal::Flush, at(1000)), Outcome::Driver(Error::GaveUp));
        lost_from_now_on(&mut end);
    });
}

// One that stops is given up `close_timeout` after its last byte.
#[test]
fn a_peer_that_stops_reading_after_a_close_is_given_up() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        end.io.wire.capacity = 0;
        end.io.wire.rate = Some(Rate { bytes: 1000, every: Duration::from_secs(1) });
        end.send(&payload(10_000)).unwrap();
        end.close();
        assert_eq!(end.receive(at_ms(4500)), Outcome::Waits);
        (end.io.wire.rate, end.io.wire.capacity) = (None, 0);
        let last = end.io.wire.sent_at;
        assert_eq!(last, at(4));
        assert_eq!(end.receive(at(60)), Outcome::Ended);
        assert_eq!((end.io.now, end.end()), (at(9), Some(EndOfStream::Incomplete)));
    });
}

#[test]
fn a_peer_that_never_answers_a_ping_is_given_up() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        assert_eq!(end.receive(at(19)), Outcome::Waits);
        assert_eq!(end.io.wire.sent, b"");
        assert_eq!(end.receive(at(100)), Outcome::Driver(Error::Timeout(Timeout::Pong)));
        assert_eq!(end.io.now, at(45));
        let sent = vec![(0x89, vec![]), (0x88, b"\x03\xf3no Pong in time".to_vec())];
        assert_eq!(frames(&end.io.wire.sent), (sent, 0));
        assert_eq!((end.io.wire.sent_at, end.end()), (at(40), Some(EndOfStream::Incomplete)));
        ended_from_now_on(&mut end);
        assert_eq!(end.run(Goal::Flush, at(100)), Outcome::Ready, "nothing was lost");
    });
}

// Any byte is an answer.
#[test]
fn a_peer_that_says_anything_is_alive() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        for byte in 0..5 {
            end.io.wire.bytes(at(39 + 39 * byte), &frame(role, 0x82, b"abc")[byte as usize..][..1]);
        }
        assert_eq!(end.receive(at(39 * 5 + 39)), Outcome::Waits);
        assert_eq!(end.state(), State::Open);
        assert_eq!(
            end.io.wire.sent.len(),
            frames(&end.io.wire.sent).0.len()
                * match role {
                    Role::Client => 6,
                    Role::Server => 2,
                }
        );
        assert_eq!(frames(&end.io.wire.sent).0.len(), 6, "a Ping 20 s after each sign of life");
    });
}

// R32: whatever else it says.
#[test]
fn a_peer_that_never_answers_a_close_is_given_up() {
    everywhere(|role, shape, style| {
        for pings in [false, true] {
            let mut end = End::new(role, shape, style);
            if pings {
                end.io.wire.bytes(at(3), &frame(role, 0x89, &[]));
            }
            assert_eq!(end.receive(at(1)), Outcome::Waits);
            end.close();
            assert_eq!(end.receive(at(60)), Outcome::Ended);
            assert_eq!((end.io.now, end.end()), (at(6), Some(EndOfStream::Incomplete)));
            assert!(end.io.wire.shut.is_some());
            assert_eq!(end.run(Goal::Flush, at(60)), Outcome::Ready, "the Close was written");
            ended_from_now_on(&mut end);
            assert_eq!(end.io.now, at(6) + Duration::ZERO);
        }
    });
}

// 6455-5.5.1-19, 6455-7.1.1-04: whoever sent the first Close.
#[test]
fn a_peer_that_never_ends_its_stream_is_given_up() {
    everywhere(|role, shape, style| {
        for closes in [false, true] {
            let mut end = End::new(role, shape, style);
            if closes {
                assert_eq!(end.receive(at(1)), Outcome::Waits);
                end.close();
            }
            end.io.wire.bytes(at(1), &frame(role, 0x88, &[]));
            assert_eq!(end.receive(at(60)), Outcome::Ended);
            assert_eq!((end.io.now, end.end()), (at(6), Some(EndOfStream::Clean)));
            let code = framewise::CloseCode::NO_STATUS_RECEIVED;
            assert_eq!(end.events, [Event::Close(CloseFrame { code, reason: "".into() })]);
            let shut = if role == Role::Server { at(1) } else { at(6) };
            assert_eq!(end.io.wire.shut, Some(shut));
        }
    });
}

// K16: what the stream holds is output, too.
#[test]
fn a_stream_that_never_flushes_is_given_up() {
    everywhere(|role, shape, style| {
        for closes in [true, false] {
            let mut end = End::new(role, shape, style);
            (end.io.wire.buffer, end.io.wire.flush_pends) = (Some(1 << 20), true);
            end.send(b"abc").unwrap();
            if closes {
                end.close();
            } else {
                end.io.wire.arrive(at(0), Arrival::End);
            }
            assert_eq!(end.receive(at(60)), Outcome::Ended);
            // Half duplex: the end is not seen before the flush is interrupted for a Ping.
            let seen = if is_deaf(shape, style) && !closes { 20 } else { 0 };
            assert_eq!(end.io.now, at(seen + 5));
            let expected = if closes { EndOfStream::Incomplete } else { EndOfStream::Lost };
            assert_eq!(end.end(), Some(expected));
            assert_eq!(end.run(Goal::Flush, at(60)), Outcome::Driver(Error::GaveUp));
            lost_from_now_on(&mut end);
        }
    });
}

// While the connection is open, nobody can see whether TLS drains.
#[test]
fn an_unflushed_stream_of_an_open_connection_is_no_silence() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        (end.io.wire.buffer, end.io.wire.flush_pends) = (Some(1 << 20), true);
        for sec in 0..100 {
            end.io.wire.bytes(at(sec), &frame(role, 0x82, b"talk"));
        }
        assert_eq!(send(&mut end, 3000, 99), Outcome::Waits);
        assert_eq!(end.state(), State::Open);
        end.io.wire.flush_pends = false;
        end.io.wire.kick(end.io.now);
        assert_eq!(end.run(Goal::Flush, at(100)), Outcome::Ready);
        assert_eq!(frames(&end.io.wire.sent), (vec![(0x82, payload(3000))], 0));
    });
}

// K1: done means flushed.
#[test]
fn a_flush_is_done_when_the_stream_has_flushed() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        (end.io.wire.buffer, end.io.wire.capacity) = (Some(1 << 20), 1024);
        assert_eq!(send(&mut end, 3000, 10), Outcome::Waits);
        assert_eq!(end.io.wire.sent.len(), 1024);
        end.io.wire.rate = Some(Rate { bytes: 1024, every: Duration::from_secs(1) });
        assert_eq!(end.run(Goal::Flush, at(15)), Outcome::Ready);
        assert_eq!(frames(&end.io.wire.sent), (vec![(0x82, payload(3000))], 0));
        let flushes = end.io.wire.flushes;
        assert_eq!(end.run(Goal::Flush, at(15)), Outcome::Ready);
        assert_eq!(end.io.wire.flushes, flushes, "nothing to flush");
    });
}

#[test]
fn a_shutdown_that_never_ends_does_not_hold_up_the_end() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        end.io.wire.shutdown_pends = true;
        end.io.wire.bytes(at(1), &frame(role, 0x88, &[]));
        end.io.wire.arrive(at(2), Arrival::End);
        assert_eq!(end.receive(at(60)), Outcome::Ended);
        assert_eq!((end.io.now, end.end()), (at(2), Some(EndOfStream::Clean)));
        let shutdowns = end.io.wire.shutdowns;
        assert!(shutdowns >= 1);
        ended_from_now_on(&mut end);
        if !is_halves(shape) {
            assert_eq!(end.io.wire.shutdowns, shutdowns, "it is not tried again");
        }
    });
}

#[test]
fn hours_that_pass_at_once_are_no_silence() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        assert_eq!(end.receive(at(1)), Outcome::Waits);
        end.io.now = at(3600);
        assert_eq!(end.receive(at(3600)), Outcome::Waits);
        assert_eq!(frames(&end.io.wire.sent), (vec![(0x89, vec![])], 0));
        assert_eq!(end.receive(at(3619)), Outcome::Waits);
        assert_eq!(end.state(), State::Open);
        // A Pong that is there when the program comes back is not late.
        end.io.wire.bytes(at(3639), &frame(role, 0x8a, &[]));
        end.io.now = at(3639);
        assert_eq!(end.receive(at(3639)), Outcome::Waits);
        assert_eq!(end.state(), State::Open);
    });
}

#[test]
fn a_clock_that_goes_back_makes_deadlines_late_and_loses_none() {
    everywhere(|role, shape, style| {
        let mut end = End::new(role, shape, style);
        end.io.now = at(100);
        assert_eq!(end.receive(at(100)), Outcome::Waits);
        end.io.now = at(1);
        assert_eq!(end.receive(at(50)), Outcome::Waits);
        assert_eq!(end.io.wire.sent, b"", "nothing is early");
        assert_eq!(end.receive(at(1000)), Outcome::Driver(Error::Timeout(Timeout::Pong)));
        assert_eq!(end.io.now, at(145));
    });
}

// 6455-7.1.1-07, 6455-7.1.7-01, R32
#[test]
fn a_peer_that_breaks_the_protocol_is_told_and_then_the_program() {
    everywhere(|role, shape, style| {
        for ends in [true, false] {
            let mut end = End::new(role, shape, style);
            let bad = [frame(role, 0x82, b"a"), frame(role, 0x83, b"bad"), frame(role, 0x82, b"b")];
            end.io.wire.bytes(at(1), &bad.concat());
            if ends {
                end.io.wire.arrive(at(2), Arrival::End);
            }
            let error = Error::Protocol(ProtocolError::ReservedOpcode);
            assert_eq!(end.receive(at(60)), Outcome::Driver(error));
            let ended = at(if ends { 2 } else { 6 });
            assert_eq!((end.io.now, end.end()), (ended, Some(EndOfStream::Incomplete)));
            assert_eq!(binaries(&end.events), [b"a"]);
            let close = b"\x03\xeareserved opcode".to_vec();
            assert_eq!(frames(&end.io.wire.sent), (vec![(0x88, close)], 0));
            assert!(end.io.wire.shut.is_some(), "before the program is told");
            assert_eq!(end.io.wire.shutdowns, 1);
            ended_from_now_on(&mut end);
        }
    });
}
