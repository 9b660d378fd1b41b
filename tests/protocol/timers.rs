//! Timers: keep-alive, idle, message and close (RFC 6455 §5.5.2, §7.1.1, §7.1.7).

use core::time::Duration;

use framewise::{
    CloseCode, Config, Connection, EndOfStream, Event, State, Timeout, Transport, time::Instant,
};

use crate::pair::*;

fn quiet(config: &mut Config) {
    config.close_timeout = None;
    config.ping_interval = None;
    config.pong_timeout = None;
}

#[test]
fn no_timer_no_deadline() {
    for role in ROLES {
        let mut connection = end_with(role, quiet);
        assert_eq!(connection.tell(at(0)), None);
        connection.close(None, "").unwrap();
        assert_eq!(connection.tell(at(1)), None);
        assert_eq!(connection.handle_timeout(at(1_000_000)), None);
        assert_eq!(connection.state(), State::CloseSent);
    }
}

#[test]
fn a_silent_peer_is_pinged_and_then_given_up() {
    for role in ROLES {
        let mut connection = end(role);
        assert_eq!(connection.tell(at(100)), Some(at(120)));
        assert_eq!(connection.handle_timeout(at(119)), None, "early is harmless");
        assert!(!connection.has_output());
        assert_eq!(connection.handle_timeout(at(120)), None);
        assert_eq!(said(&mut connection), hex("8900"));
        assert_eq!(connection.tell(at(121)), Some(at(140)));
        assert_eq!(connection.handle_timeout(at(140)), Some(Timeout::Pong));
        assert_eq!(connection.state(), State::Failed);
        assert_eq!(said(&mut connection), [&hex("8811 03f3")[..], b"no Pong in time"].concat());
        assert_eq!(feed(&mut connection, &to(role, "8101 61")), (vec![], None), "too late");
        assert_eq!(connection.tell(at(140)), Some(at(145)));
        assert_eq!(connection.handle_timeout(at(145)), Some(Timeout::Close));
        assert_eq!((connection.state(), connection.transport()), (State::Closed, Transport::Close));
        assert_eq!(connection.end(), Some(EndOfStream::Incomplete));
        assert_eq!(connection.close_code(), CloseCode::ABNORMAL);
        assert_eq!(connection.tell(at(146)), None);
    }
}

// One octet of a large frame is a sign of life
#[test]
fn any_octet_is_a_sign_of_life() {
    for role in ROLES {
        let mut connection = end(role);
        assert_eq!(connection.tell(at(0)), Some(at(20)));
        let bytes = to(role, "820a 01020304050607");
        for (i, octet) in bytes.iter().enumerate() {
            let now = at(15 * (i as u64 + 1));
            feed(&mut connection, &[*octet]);
            assert_eq!(connection.handle_timeout(now), None);
            assert!(!connection.has_output());
            assert_eq!(connection.tell(now), Some(now + secs(20)));
        }
        let now = at(1000);
        connection.handle_timeout(now);
        assert_eq!(said(&mut connection), hex("8900"));
        // A Pong, or anything else.
        feed(&mut connection, &[0]);
        assert_eq!(connection.tell(now), Some(now + secs(20)));
    }
}

// R32: a large message over a slow link, to a peer that has nothing to say
#[test]
fn a_slow_reader_is_alive() {
    for role in ROLES {
        let mut connection = end(role);
        connection.send_binary(vec![0; 100_000]).unwrap();
        connection.tell(at(0));
        let mut now = 0;
        // 30 seconds between two pieces, so that a Ping joins the queue; then 1.
        for (pieces, pause) in [(10, 30), (50, 1)] {
            for _ in 0..pieces {
                let deadline = connection.tell(at(now)).unwrap();
                if deadline <= at(now + pause) {
                    assert_eq!(connection.handle_timeout(deadline), None);
                    assert_eq!(connection.tell(deadline), Some(at(now + 40)));
                }
                now += pause;
                connection.output().advance(1000);
                assert_eq!(connection.tell(at(now)), Some(at(now + 20)), "at {now}");
                assert_eq!(connection.handle_timeout(at(now)), None);
            }
        }
        // Some Pings have joined the message.
        assert!((40_000..40_100).contains(&connection.output().len()));
        assert_eq!(connection.state(), State::Open);
    }
}

// R32, K14: a peer that reads steadily is not cut off, up to the limit; one that stops is
#[test]
fn closing_bounds_what_is_left_to_write() {
    for role in ROLES {
        let slow = |pause: u64| {
            let mut connection = end(role);
            connection.send_binary(vec![0; 100_000]).unwrap();
            events(&mut connection, &to(role, "8802 03e8"));
            assert_eq!(connection.tell(at(0)), Some(at(5)));
            let mut now = 0;
            while now < 60 {
                now += pause;
                assert_eq!(connection.handle_timeout(at(now)), None);
                connection.output().advance(1000);
                assert_eq!(connection.tell(at(now)), Some(at(now + 5)));
            }
            (connection, now)
        };
        // It stops, though its octets still come.
        let (mut connection, now) = slow(4);
        assert_eq!(connection.handle_timeout(at(now + 5)), Some(Timeout::Close));
        assert_eq!((connection.state(), connection.has_output()), (State::Closed, false));
        assert_eq!(connection.end(), Some(EndOfStream::Incomplete));
        // It takes the rest, and has as long again to end.
        let (mut connection, now) = slow(4);
        let len = connection.output().len();
        connection.output().advance(len);
        assert_eq!(connection.tell(at(now + 1)), Some(at(now + 6)));
        assert_eq!(connection.tell(at(now + 2)), Some(at(now + 6)), "nothing was pending");
        assert_eq!(connection.handle_timeout(at(now + 6)), Some(Timeout::Close));
        assert_eq!(connection.end(), Some(EndOfStream::Clean));
        // It goes on until the limit.
        let (mut connection, mut now) = slow(1);
        while now < 119 {
            now += 1;
            connection.output().advance(10);
            assert_eq!(connection.tell(at(now)), Some(at(120.min(now + 5))));
            assert_eq!(connection.handle_timeout(at(now)), None);
        }
        connection.output().advance(10);
        assert_eq!(connection.poll_timeout(at(120)), Some(at(120)));
        assert_eq!(connection.handle_timeout(at(120)), Some(Timeout::Close));
    }
}

// R27, R32: octets that arrive do not hold what the peer never takes
#[test]
fn a_peer_that_talks_and_never_reads_is_given_up() {
    for role in ROLES {
        let mut connection = end(role);
        connection.send_binary(vec![0; 100_000]).unwrap();
        connection.output().advance(50_000);
        assert_eq!(connection.tell(at(0)), Some(at(20)));
        let mut ended = None;
        for now in (5..).step_by(5) {
            feed(&mut connection, &to(role, "[8900][8a00]"));
            if let Some(timeout) = connection.handle_timeout(at(now)) {
                ended = Some((timeout, now));
                break;
            }
            connection.tell(at(now));
        }
        assert_eq!(ended, Some((Timeout::Pong, 40)));
        assert_eq!(connection.tell(at(40)), Some(at(45)));
        assert_eq!(connection.handle_timeout(at(45)), Some(Timeout::Close));
        assert!(!connection.has_output());
    }
}

// R28: what is written at once shows nothing of the peer
#[test]
fn our_own_octets_are_no_sign_of_life() {
    for role in ROLES {
        let mut connection = end(role);
        connection.tell(at(0));
        for now in 1..40 {
            connection.handle_timeout(at(now));
            connection.send_text("a").unwrap();
            // In two writes.
            connection.output().advance(1);
            drain(&mut connection);
            connection.tell(at(now));
        }
        assert_eq!(connection.handle_timeout(at(40)), Some(Timeout::Pong));
    }
}

// R28
#[test]
fn one_keep_alive_ping_is_outstanding() {
    for role in ROLES {
        let mut connection = end_with(role, |config| config.pong_timeout = None);
        connection.tell(at(0));
        for now in 0..1000 {
            connection.handle_timeout(at(now));
        }
        assert_eq!(said(&mut connection), hex("8900"));
    }
}

// 6455-7.1.1-04, 6455-7.1.1-06, 6455-5.5.1-16, 6455-5.5.1-19
#[test]
fn waiting_for_the_end_has_an_end() {
    for role in ROLES {
        for (peer_closed, end) in [(true, EndOfStream::Clean), (false, EndOfStream::Incomplete)] {
            let mut connection = crate::pair::end(role);
            connection.close(CloseCode::NORMAL, "").unwrap();
            assert_eq!(connection.tell(at(10)), Some(at(15)));
            assert_eq!(said(&mut connection), hex("8802 03e8"));
            if peer_closed {
                events(&mut connection, &to(role, "8802 03e8"));
            }
            assert_eq!(connection.tell(at(12)), Some(at(15)), "one time for both");
            assert_eq!(connection.handle_timeout(at(15)), Some(Timeout::Close));
            assert_eq!((connection.state(), connection.end()), (State::Closed, Some(end)));
            assert_eq!(connection.transport(), Transport::Close);
            assert_eq!(connection.receive_eof(), end);
            assert_eq!(connection.handle_timeout(at(100)), None);
        }
    }
}

// 6455-7.1.4-03: the peer has never got our Close, be it an answer or one that crossed its own
#[test]
fn a_close_that_never_left_is_no_clean_end() {
    for (role, crossed) in ROLES.into_iter().flat_map(|role| [(role, false), (role, true)]) {
        let mut connection = end(role);
        if crossed {
            connection.close(CloseCode::NORMAL, "").unwrap();
        }
        events(&mut connection, &to(role, "8802 03e8"));
        connection.tell(at(0));
        // All but one octet.
        let len = connection.output().len();
        connection.output().advance(len - 1);
        assert_eq!(connection.state(), State::Closing);
        assert_eq!(connection.handle_timeout(at(5)), Some(Timeout::Close));
        assert_eq!(connection.end(), Some(EndOfStream::Incomplete), "{role:?}, {crossed}");
        assert_eq!(connection.receive_eof(), EndOfStream::Incomplete);
    }
}

// 6455-7.1.4-03: what the peer did not take is a Pong behind our Close
#[test]
fn a_pong_that_never_left_does_not_change_the_end() {
    for role in ROLES {
        let mut connection = end(role);
        connection.send_text("a").unwrap();
        connection.close(CloseCode::NORMAL, "").unwrap();
        let len = connection.output().len();
        events(&mut connection, &to(role, "8901 61 8802 03e8"));
        connection.tell(at(0));
        connection.output().advance(len + 1);
        assert_eq!(connection.handle_timeout(at(5)), Some(Timeout::Close));
        assert_eq!(connection.end(), Some(EndOfStream::Clean));
    }
}

// 6455-7.1.4-03: the peer's end came in time, and the first end counts
#[test]
fn an_answer_that_is_not_taken_does_not_change_the_end() {
    for role in ROLES {
        let mut connection = end(role);
        events(&mut connection, &to(role, "8802 03e8"));
        assert_eq!(connection.receive_eof(), EndOfStream::Clean);
        assert_eq!(connection.tell(at(0)), Some(at(5)), "for the answer");
        assert_eq!(connection.handle_timeout(at(5)), Some(Timeout::Close));
        assert!(!connection.has_output());
        assert_eq!(connection.end(), Some(EndOfStream::Clean));
    }
}

// R32: what the peer did not take in time is dropped, and nothing is left to wait for
#[test]
fn giving_up_drops_the_output() {
    for role in ROLES {
        let mut connection = end(role);
        connection.send_binary(vec![0; 100_000]).unwrap();
        connection.close(CloseCode::NORMAL, "").unwrap();
        connection.output().advance(10);
        connection.tell(at(0));
        assert_eq!(connection.handle_timeout(at(5)), Some(Timeout::Close));
        assert!(!connection.has_output());
        assert_eq!(connection.output().len(), 0);
    }
}

// R15
#[test]
fn an_idle_connection_is_closed() {
    for role in ROLES {
        let mut connection = end_with(role, |config| {
            quiet(config);
            config.idle_timeout = Some(secs(60));
        });
        assert_eq!(connection.tell(at(0)), Some(at(60)));
        connection.send_text("a").unwrap();
        assert_eq!(connection.tell(at(30)), Some(at(90)));
        events(&mut connection, &to(role, "8101 61"));
        assert_eq!(connection.tell(at(45)), Some(at(105)));
        // Both ways between two calls.
        connection.send_text("a").unwrap();
        events(&mut connection, &to(role, "8101 61"));
        assert_eq!(connection.tell(at(50)), Some(at(110)));
        events(&mut connection, &to(role, "[8900][8a00]"));
        connection.ping(b"").unwrap();
        assert_eq!(connection.tell(at(70)), Some(at(110)), "Pings do not count");
        drain(&mut connection);
        assert_eq!(connection.handle_timeout(at(110)), Some(Timeout::Idle));
        assert_eq!(said(&mut connection), hex("8802 03e9"));
        assert_eq!(connection.state(), State::CloseSent);
        // The closing handshake goes on as always.
        assert_eq!(events(&mut connection, &to(role, "8802 03e9")), [close(1001, "")]);
        assert_eq!(connection.receive_eof(), EndOfStream::Clean);
    }
}

// R15: a large frame over a slow link is not idle
#[test]
fn a_message_that_still_arrives_is_not_idle() {
    for role in ROLES {
        let mut connection = end_with(role, |config| config.idle_timeout = Some(secs(15)));
        connection.tell(at(0));
        let frame = Frame { fin: true, rsv: 0, opcode: 2, key: None, payload: vec![0; 20] };
        let bytes = to_bytes(role, &frame.encode());
        let (head, payload) = bytes.split_at(bytes.len() - 20);
        feed(&mut connection, head);
        for (i, octet) in payload.iter().enumerate() {
            let now = at(10 * (i as u64 + 1));
            feed(&mut connection, &[*octet]);
            assert_eq!(connection.handle_timeout(now), None, "octet {i}");
        }
        assert_eq!(connection.state(), State::Open);
    }
}

// R15
#[test]
fn a_message_has_to_end_in_time() {
    for role in ROLES {
        let mut connection = end_with(role, |config| {
            quiet(config);
            config.message_timeout = Some(secs(10));
        });
        assert_eq!(connection.tell(at(0)), None);
        events(&mut connection, &to(role, "0101 61"));
        assert_eq!(connection.tell(at(1)), Some(at(11)));
        events(&mut connection, &to(role, "[0001 62][8900]"));
        assert_eq!(connection.tell(at(5)), Some(at(11)), "not renewed");
        events(&mut connection, &to(role, "8000"));
        assert_eq!(connection.tell(at(6)), None);
        // One ends and another begins between two calls.
        events(&mut connection, &to(role, "0101 61"));
        assert_eq!(connection.tell(at(20)), Some(at(30)));
        events(&mut connection, &to(role, "[8000][0101 62]"));
        assert_eq!(connection.tell(at(25)), Some(at(35)));
        assert_eq!(connection.handle_timeout(at(34)), None);
        drain(&mut connection);
        assert_eq!(connection.handle_timeout(at(35)), Some(Timeout::Message));
        assert_eq!(
            said(&mut connection),
            [&hex("8817 03f0")[..], b"message took too long"].concat()
        );
        assert_eq!(connection.state(), State::Failed);
    }
}

// Whoever asks, and whenever: what counts as activity depends on when the time is told, and on nothing
// else.
#[test]
fn asking_for_the_deadline_changes_nothing() {
    let play = |role, asks: &dyn Fn(&Connection)| {
        let mut connection = end_with(role, |config| {
            config.idle_timeout = Some(secs(300));
            config.message_timeout = Some(secs(100));
        });
        let mut seen = Vec::new();
        let mut tell = |connection: &mut Connection, now| {
            asks(connection);
            let timeout = connection.handle_timeout(at(now));
            asks(connection);
            seen.push((timeout, connection.poll_timeout(at(now)), drain(connection)));
            asks(connection);
        };
        tell(&mut connection, 10);
        feed(&mut connection, &to(role, "0101 61"));
        tell(&mut connection, 15);
        connection.send_text("a").unwrap();
        asks(&connection);
        connection.output().advance(1);
        for now in [16, 35, 36, 50] {
            tell(&mut connection, now);
        }
        feed(&mut connection, &to(role, "8000"));
        connection.send_binary(vec![0; 10_000]).unwrap();
        for now in [55, 75] {
            asks(&connection);
            connection.handle_timeout(at(now));
            connection.output().advance(100);
        }
        connection.close(1000, "").unwrap();
        asks(&connection);
        connection.output().advance(100);
        for now in [76, 80, 81, 90] {
            tell(&mut connection, now);
        }
        (seen, connection.state(), connection.end())
    };
    for role in ROLES {
        let plain = play(role, &|_| ());
        assert_eq!(plain.1, State::Closed);
        let often = play(role, &|connection| {
            for now in [0, 1, 20, 79, 1000, 100_000] {
                let _ = connection.poll_timeout(at(now));
            }
        });
        assert_eq!(plain, often);
    }
}

// Until it was told the time, a connection asks for it, whatever has to be timed
#[test]
fn what_has_no_time_yet_asks_for_it() {
    for role in ROLES {
        let mut connection = end(role);
        assert_eq!(connection.poll_timeout(at(7)), Some(at(7)));
        assert_eq!(connection.poll_timeout(at(9)), Some(at(9)));
        assert_eq!(connection.tell(at(9)), Some(at(29)));
        assert_eq!(connection.poll_timeout(at(10)), Some(at(29)));
        connection.close(1000, "").unwrap();
        assert_eq!(connection.poll_timeout(at(11)), Some(at(11)));
        assert_eq!(connection.tell(at(12)), Some(at(17)));

        let mut connection = end_with(role, |config| {
            quiet(config);
            config.message_timeout = Some(secs(10));
        });
        assert_eq!(connection.poll_timeout(at(1)), None);
        feed(&mut connection, &to(role, "0101 61"));
        assert_eq!(connection.poll_timeout(at(2)), Some(at(2)));
        assert_eq!(connection.tell(at(3)), Some(at(13)));
        // A message that has ended is known as such when the time is told.
        feed(&mut connection, &to(role, "8000"));
        assert_eq!(connection.tell(at(4)), None);
    }
}

#[cfg(feature = "std")]
#[test]
fn a_half_that_has_no_time_yet_asks_for_it() {
    for role in ROLES {
        let (mut receiving, mut sending) = end(role).into_split();
        assert_eq!(receiving.poll_timeout(at(7)), Some(at(7)));
        assert_eq!(receiving.tell(at(9)), Some(at(29)));
        sending.close(1000, "").unwrap();
        assert_eq!(receiving.poll_timeout(at(11)), Some(at(11)));
        assert_eq!(receiving.tell(at(12)), Some(at(17)));
    }
}

// A duration of zero is none: never a Ping at every look at the clock, nor a failure at the first
#[test]
fn zero_switches_a_timer_off() {
    let zero = Some(Duration::ZERO);
    let mut pair = Pair::new(|config| {
        config.ping_interval = zero;
        config.idle_timeout = zero;
        config.message_timeout = zero;
    });
    pair.client.connection.send_fragment("a", false).unwrap();
    for _ in 0..1000 {
        pair.run(Duration::from_millis(100));
    }
    assert_eq!(pair.client.error.or(pair.server.error), None);
    for side in [&pair.client, &pair.server] {
        assert_eq!(side.connection.state(), State::Open);
        assert_eq!(side.connection.poll_timeout(pair.now), None);
        assert!(!side.events.iter().any(|event| matches!(event, Event::Ping(_))));
    }

    // One Ping, and as long as it takes to answer it.
    for role in ROLES {
        let mut connection = end_with(role, |config| config.pong_timeout = zero);
        assert_eq!(connection.tell(at(0)), Some(at(20)));
        for now in 20..1000 {
            assert_eq!(connection.handle_timeout(at(now)), None);
        }
        assert_eq!(said(&mut connection), hex("8900"));
        assert_eq!(connection.poll_timeout(at(1000)), None);
    }
}

// Zero is no time to close
#[test]
fn a_connection_may_have_no_time_to_close() {
    for role in ROLES {
        let mut connection = end_with(role, |config| config.close_timeout = Some(Duration::ZERO));
        connection.close(1000, "").unwrap();
        assert_eq!(connection.handle_timeout(at(3)), Some(Timeout::Close));
        assert_eq!((connection.state(), connection.poll_timeout(at(3))), (State::Closed, None));
    }
}

#[test]
fn time_at_its_end_does_not_overflow() {
    let end_of_time = Instant::ORIGIN + Duration::MAX;
    let mut server = Connection::server(Config::default());
    assert_eq!(server.tell(end_of_time), Some(end_of_time));
    server.handle_timeout(end_of_time);
    server.handle_timeout(at(0));
}

#[test]
fn a_dead_link_is_noticed_by_both() {
    let mut pair = Pair::new(|_| ());
    pair.delay = Duration::from_millis(10);
    pair.run(secs(30));
    assert_eq!(pair.client.error.or(pair.server.error), None);
    // From now on octets travel for a year.
    pair.delay = secs(365 * 86_400);
    pair.run(secs(60));
    for side in [&pair.client, &pair.server] {
        assert_eq!(side.connection.state(), State::Closed);
        assert_eq!(side.connection.end(), Some(EndOfStream::Incomplete));
    }
}
