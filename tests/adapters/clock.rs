//! A clock that jumps: the machine with any moments, and tokio's clock by hours.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use framewise::{
    CloseCode, Config, Connection, EndOfStream, Error, Input, Role, State, Timeout,
    handshake::{ClientHandshake, HandshakeError, ServerHandshake},
    polled,
    time::Instant,
    tokio as asynchronous,
};
use tokio::time::{advance, timeout};

use crate::{
    conversation::{ROLES, request},
    support::{
        Bring, SEED, Scripted, config, drain, frames, from_client, machine, other, receive, server,
    },
};

fn at(seconds: u64) -> Instant {
    Instant::from_origin(Duration::from_secs(seconds))
}

fn every_timer() -> Config {
    config(|config| {
        config.idle_timeout = Some(Duration::from_secs(100));
        config.message_timeout = Some(Duration::from_secs(30));
    })
}

/// Tells the time when nothing is due; returns the deadline.
fn tell(connection: &mut Connection, now: Instant) -> Option<Instant> {
    assert_eq!(connection.handle_timeout(now), None);
    connection.poll_timeout(now)
}

// Back, a deadline is late, and never early.
#[test]
fn a_clock_that_goes_back_makes_deadlines_late() {
    for role in ROLES {
        let mut connection = machine(role, Config::default());
        assert_eq!(tell(&mut connection, at(1000)), Some(at(1020)));
        for now in [0, 500, 999, 1019] {
            assert_eq!(connection.handle_timeout(at(now)), None);
            assert!(!connection.has_output());
            assert_eq!(tell(&mut connection, at(now)), Some(at(1020)));
        }
        // What comes now, comes at this time.
        receive(&mut connection, &frames(other(role), |peer| peer.send("here").unwrap()));
        assert_eq!(tell(&mut connection, at(10)), Some(at(30)));
        connection.close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(tell(&mut connection, at(10)), Some(at(15)));
        assert_eq!(connection.handle_timeout(at(0)), None);
        assert_eq!(connection.handle_timeout(at(15)), Some(Timeout::Close));
    }
}

#[test]
fn a_handshake_whose_clock_jumps() {
    let handshakes = || {
        let server = ServerHandshake::new(Config::default());
        (server, ClientHandshake::new(request(), Config::default(), SEED))
    };
    let (mut server, mut client) = handshakes();
    assert_eq!(server.poll_timeout(at(1000)), Some(at(1010)));
    assert_eq!(client.poll_timeout(at(1000)), Some(at(1010)));
    for now in [0, 500, 1009] {
        assert_eq!(
            (server.handle_timeout(at(now)), client.handle_timeout(at(now))),
            (Ok(()), Ok(()))
        );
        assert_eq!(server.poll_timeout(at(now)), Some(at(1010)));
    }
    let gone = Err(HandshakeError::Timeout);
    assert_eq!(
        (server.handle_timeout(at(9999)), client.handle_timeout(at(9999))),
        (gone.clone(), gone)
    );
}

// Any moments in any order between all that can happen; and when the clock goes on as it should, it
// all comes to an end.
#[test]
fn moments_in_any_order() {
    // A simple generator is random enough, and the same everywhere.
    let mut state = 7_u64;
    let mut random = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for round in 0..2000 {
        let role = if round % 2 == 0 { Role::Client } else { Role::Server };
        let mut connection = machine(role, every_timer());
        for _ in 0..random(30) {
            let now = match random(4) {
                0 => Instant::ORIGIN,
                1 => Instant::ORIGIN + Duration::MAX,
                _ => at(random(300)),
            };
            match random(8) {
                0 => drop(connection.send("out")),
                1 => drop(connection.close(CloseCode::NORMAL, "")),
                2..4 => {
                    let begins = random(2) == 0;
                    let mut bytes = frames(other(role), |peer| {
                        peer.send_fragment("in", !begins).unwrap();
                    });
                    // A message in a message fails the connection, and that is fine.
                    while let Ok(Some(_)) = connection.receive(&mut Input::new(&mut bytes)) {
                        bytes.clear();
                    }
                }
                4 => drop(drain(&mut connection)),
                5 => drop(connection.poll_timeout(now)),
                _ => drop(connection.handle_timeout(now)),
            }
        }
        // From here on the clock is a good one: each deadline is waited for.
        let mut now = at(1000);
        let mut deadlines = 0;
        while let Some(deadline) = connection.poll_timeout(now) {
            now = now.max(deadline);
            connection.handle_timeout(now);
            deadlines += 1;
            assert!(deadlines < 10, "stuck in {:?}", connection.state());
        }
        assert_eq!(connection.state(), State::Closed, "round {round}");
        assert!(!connection.has_output() || connection.end() == Some(EndOfStream::Lost));
    }
}

// Forward by hours while a connection waits, which is what a machine that slept sees: the peer is
// asked first, and has the whole time to answer.
#[tokio::test(start_paused = true)]
async fn hours_that_pass_at_once_are_no_silence() {
    const HOURS: Duration = Duration::from_secs(10 * 3600);

    let moment = Duration::from_secs(1);
    for split in [false, true] {
        let stream = Scripted::default();
        let websocket = asynchronous::WebSocket::new(stream.clone(), server());
        let talking = tokio::spawn(async move {
            let mut texts = Vec::new();
            let mut take = |message: framewise::Message| texts.push(message);
            if split {
                let (mut reader, _writer) = websocket.into_split();
                while let Some(message) = reader.read().await.unwrap() {
                    take(message);
                }
            } else {
                let mut websocket = websocket;
                while let Some(message) = websocket.read().await.unwrap() {
                    take(message);
                }
            }
            texts
        });
        tokio::time::sleep(moment).await;
        for jumps in 1..=3 {
            advance(HOURS).await;
            tokio::time::sleep(moment).await;
            assert_eq!(stream.written(), b"\x89\x00".repeat(jumps), "split: {split}");
            tokio::time::sleep(18 * moment).await;
            stream.bring(Bring::Bytes(from_client(|peer| {
                peer.pong(b"").unwrap();
                peer.send("awake").unwrap();
            })));
            tokio::time::sleep(moment).await;
        }
        stream.bring(Bring::Eof);
        assert_eq!(talking.await.unwrap().len(), 3);
    }
}

// But who was to answer by now is not waited for.
#[tokio::test(start_paused = true)]
async fn hours_that_pass_at_once_end_what_has_a_deadline() {
    const HOURS: Duration = Duration::from_secs(10 * 3600);

    let stream = Scripted::default();
    let accepting = tokio::spawn(asynchronous::accept(stream.clone(), Config::default()));
    tokio::task::yield_now().await;
    advance(HOURS).await;
    stream.bring(Bring::Eof);
    let error = accepting.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Handshake(HandshakeError::Timeout)), "{error}");

    let stream = Scripted::default();
    let mut websocket = asynchronous::WebSocket::new(stream.clone(), server());
    let closing = tokio::spawn(async move { websocket.close(CloseCode::NORMAL, "").await });
    tokio::task::yield_now().await;
    advance(HOURS).await;
    assert_eq!(closing.await.unwrap().unwrap(), EndOfStream::Incomplete);

    // A Ping was sent before, and nothing has come.
    let stream = Scripted::default();
    let mut websocket = asynchronous::WebSocket::new(stream.clone(), server());
    assert!(timeout(Duration::from_secs(21), websocket.read()).await.is_err());
    assert_eq!(stream.written(), b"\x89\x00");
    advance(HOURS).await;
    let error = websocket.read().await.unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::Pong)), "{error}");
}

// A future that is dropped and made again takes its timers with it.
#[tokio::test(start_paused = true)]
async fn dropped_futures_do_not_stop_the_clock() {
    for split in [false, true] {
        let stream = Scripted::default();
        let mut websocket =
            asynchronous::WebSocket::new(stream.clone(), Connection::server(every_timer()));
        let start = tokio::time::Instant::now();
        let blink = Duration::from_millis(300);
        let error = if split {
            let (mut reader, _writer) = websocket.into_split();
            loop {
                if let Ok(read) = timeout(blink, reader.read()).await {
                    break read.unwrap_err();
                }
            }
        } else {
            loop {
                if let Ok(read) = timeout(blink, websocket.read()).await {
                    break read.unwrap_err();
                }
            }
        };
        assert!(matches!(error, Error::Timeout(Timeout::Pong)), "{error}");
        assert_eq!(start.elapsed().as_secs(), 45, "split: {split}");
        assert_eq!(stream.written(), b"\x89\x00\x88\x11\x03\xf3no Pong in time");
    }
}

/// A timer that the test ends.
#[derive(Clone, Default)]
struct Timer(Rc<Cell<bool>>);

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0.get() { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[test]
fn an_alarm_is_set_again_only_when_it_would_be_late() {
    let (mut alarm, mut timers) = (polled::Alarm::default(), Vec::new());
    let mut wait = |timers: &mut Vec<Timer>, deadline| {
        let mut context = Context::from_waker(Waker::noop());
        let start = || {
            timers.push(Timer::default());
            timers[timers.len() - 1].clone()
        };
        alarm.poll(deadline, &mut context, start)
    };
    for (seconds, started) in [(5, 1), (5, 1), (9, 1), (5, 1), (3, 2), (4, 2)] {
        assert!(wait(&mut timers, at(seconds)).is_pending());
        assert_eq!(timers.len(), started, "{seconds}");
    }
    timers[0].0.set(true);
    assert!(wait(&mut timers, at(9)).is_pending(), "it is set to another one");
    timers[1].0.set(true);
    assert!(wait(&mut timers, at(9)).is_ready(), "too early, which is for the caller to see");
    assert!(wait(&mut timers, at(9)).is_pending());
    assert_eq!(timers.len(), 3);
}
