//! What drivers hold on the heap (K6, K7), counted by an allocator.

use allocation_counter::measure;
use framewise::{
    Config, Connection, Role,
    driver::{Driver, Goal, HandshakeDriver, Reads as _, Step, Writes as _},
    handshake::Acceptance,
    time::Instant,
};

use super::support::{frame, payload};

/// Drives a connection with nothing to do until it waits, and takes all events.
fn idle(driver: &mut Driver, mut incoming: Vec<Vec<u8>>) {
    incoming.reverse();
    driver.resume();
    for _ in 0..10_000 {
        match driver.next(Goal::Events).unwrap() {
            Step::Ready => {
                let mut batch = driver.batch();
                while batch.next().is_some() {}
            }
            Step::Read => match incoming.pop() {
                Some(bytes) => {
                    driver.empty_buffer().extend_from_slice(&bytes);
                    driver.read(bytes.len());
                }
                None => driver.read_pending(),
            },
            Step::Write => {
                let len = driver.output().len();
                driver.wrote(len);
            }
            Step::Flush => driver.flushed(),
            Step::Time => driver.time(Instant::ORIGIN),
            Step::Wait(_) => return,
            step => panic!("{step:?}"),
        }
    }
    panic!("no end of steps");
}

fn holds(run: impl FnOnce()) -> i64 {
    measure(run).bytes_current
}

#[test]
fn an_idle_driver_holds_nothing() {
    let mut driver = Driver::new(Connection::server(Config::default()));
    let all = [frame(Role::Server, 0x82, &payload(1000)), frame(Role::Server, 0x89, b"ping")];
    assert_eq!(holds(|| idle(&mut driver, Vec::new())), 0);
    let incoming = vec![all.concat(); 3];
    let held = holds(|| {
        idle(&mut driver, incoming);
        driver.connection_mut().send_binary(payload(20_000)).unwrap();
        idle(&mut driver, Vec::new());
    });
    assert!(held <= 0, "{held}");
}

// K6: what a burst needed that was read ahead is given back.
#[test]
fn a_burst_that_was_read_ahead_leaves_nothing() {
    let mut driver = Driver::new(Connection::server(Config::default()));
    let burst: Vec<u8> = (0..1000).flat_map(|_| frame(Role::Server, 0x81, b"a")).collect();
    let held = holds(|| {
        driver.connection_mut().send_text("a").unwrap();
        assert_eq!(driver.next(Goal::Flush), Ok(Step::Write));
        driver.write_pending();
        assert_eq!(driver.next(Goal::Flush), Ok(Step::Read));
        driver.empty_buffer().extend_from_slice(&burst);
        driver.read(burst.len());
        assert_eq!(driver.next(Goal::Flush), Ok(Step::Read), "all was parsed");
        driver.read_pending();
        idle(&mut driver, Vec::new());
    });
    assert_eq!(held, 0);
}

// K7: the buffer of the handshake is given back when nothing follows it.
#[test]
fn a_handshake_leaves_no_buffer() {
    let request =
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let mut driver = None;
    let held = holds(|| {
        let mut handshake = HandshakeDriver::server(Config::default());
        assert_eq!(handshake.next(), Ok(Step::Time));
        handshake.time(Instant::ORIGIN);
        assert_eq!(handshake.next(), Ok(Step::Read));
        handshake.buffer()[..request.len()].copy_from_slice(request);
        handshake.read(request.len());
        assert_eq!(handshake.next(), Ok(Step::Ready));
        let (upgrade, unread) = handshake.finish().unwrap();
        let connection = upgrade.accept(Acceptance::new()).unwrap();
        driver = Some(Driver::with_unread(connection, unread));
    });
    // The configuration and the response, which is not written yet.
    assert!(held < 2000, "{held}");
    let held = holds(|| idle(driver.as_mut().unwrap(), Vec::new()));
    assert!(held <= 0, "{held}");
}

#[test]
fn a_thread_keeps_its_read_buffer() {
    let mut driver = Driver::new(Connection::server(Config::default()));
    driver.set_half_duplex(true);
    idle(&mut driver, vec![frame(Role::Server, 0x82, b"abc")]);
    let info = measure(|| idle(&mut driver, vec![frame(Role::Server, 0x82, b"abc"); 100]));
    assert!(info.count_total <= 205, "only what the test allocates: {}", info.count_total);
}

// A thread that reads would allocate the buffer again for each message.
#[test]
#[cfg(feature = "std")]
fn an_idle_receiving_half_holds_a_buffer_only_in_a_thread() {
    for half_duplex in [false, true] {
        let mut driver = Driver::new(Connection::server(Config::default()));
        driver.set_half_duplex(half_duplex);
        let (mut receiving, _sending) = driver.into_split();
        let held = holds(|| {
            assert_eq!(receiving.next(), Ok(Step::Read));
            let message = frame(Role::Server, 0x82, b"abc");
            receiving.empty_buffer().extend_from_slice(&message);
            receiving.read(message.len());
            assert_eq!(receiving.next(), Ok(Step::Ready));
            while receiving.batch().next().is_some() {}
            assert_eq!(receiving.next(), Ok(Step::Read));
            receiving.read_pending();
            assert_eq!(receiving.next(), Ok(Step::Time));
            receiving.time(Instant::ORIGIN);
            assert!(matches!(receiving.next(), Ok(Step::Wait(_))));
        });
        assert_eq!(held > 0, half_duplex, "{held}");
    }
}

// The reading half may sleep for long before it frees what the burst needed.
#[test]
#[cfg(feature = "std")]
fn a_burst_that_a_half_has_flushed_leaves_no_large_buffer() {
    let driver = Driver::new(Connection::server(Config::default()));
    let (_receiving, mut sending) = driver.into_split();
    let held = holds(|| {
        for _ in 0..300 {
            sending.sending_mut().send_binary(&payload(100)[..]).unwrap();
        }
        loop {
            match sending.next(Goal::Flush).unwrap() {
                Step::Ready => break,
                Step::Write => {
                    let len = sending.output().len();
                    sending.wrote(len);
                }
                Step::Flush => sending.flushed(),
                step => panic!("{step:?}"),
            }
        }
    });
    assert!(held < 1_000, "{held}");
}
