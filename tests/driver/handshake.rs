//! The opening handshake and its refusal.

use core::time::Duration;

use framewise::{
    Config, Connection, Event, Input, Role,
    driver::{Driver, Error, HandshakeDriver, Opening, Reads as _, Step, Unread, Writes as _},
    handshake::{
        Acceptance, ClientHandshake, ClientRequest, HandshakeError, Rejection, ServerHandshake,
    },
    time::Instant,
};

use super::support::{
    Arrival, Fault, Io, Lie, Rate, STYLES, Style, Wire, at, at_ms, binaries, frame, payload,
};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
const BAD: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const FORBIDDEN: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";

fn server() -> HandshakeDriver<ServerHandshake> {
    HandshakeDriver::server(Config::default())
}

fn request() -> ClientRequest {
    ClientRequest::new("ws://localhost/").unwrap()
}

fn client() -> HandshakeDriver<ClientHandshake> {
    HandshakeDriver::client(request(), Config::default(), [7; 32])
}

/// The response to the request of [`client`].
fn response() -> Vec<u8> {
    let mut client = ClientHandshake::new(request(), Config::default(), [7; 32]);
    let mut bytes: Vec<u8> = client.output().chunks().flatten().copied().collect();
    let mut server = ServerHandshake::new(Config::default());
    let upgrade = server.receive(&mut Input::new(&mut bytes)).unwrap().unwrap();
    let mut connection = upgrade.accept(Acceptance::new()).unwrap();
    connection.output().chunks().flatten().copied().collect()
}

fn io(style: Style) -> Io {
    Io::new(style, Wire::new())
}

/// Frames for an endpoint in `role`, and the messages in them.
fn first_frames(role: Role) -> Vec<u8> {
    [frame(role, 0x82, b"first"), frame(role, 0x89, b"ping"), frame(role, 0x82, &payload(200))]
        .concat()
}

fn delivered(connection: Connection, unread: Unread, later: &[u8]) -> Vec<Event<'static>> {
    let mut driver = Driver::with_unread(connection, unread);
    let mut events = Vec::new();
    for read in [None, Some(later)] {
        if let Some(later) = read.filter(|later| !later.is_empty()) {
            driver.empty_buffer().extend_from_slice(later);
            driver.read(later.len());
        }
        let mut batch = driver.batch();
        while let Some(event) = batch.next() {
            events.push(event.into_owned());
        }
    }
    events
}

/// Reads `all` in two pieces, cut at every byte, and in reads of every small length.
fn every_cut<H: Opening>(
    all: &[u8],
    make: impl Fn() -> HandshakeDriver<H>,
    open: impl Fn(H::Done) -> Connection,
) where
    H::Error: core::fmt::Debug,
{
    for style in STYLES {
        for cut in 0..=all.len() {
            let mut io = io(style);
            let mut driver = make();
            io.wire.bytes(at(1), &all[..cut]);
            io.wire.bytes(at(2), &all[cut..]);
            if cut == 0 || cut == all.len() {
                io.wire
                    .incoming
                    .retain(|(_, arrival)| !matches!(arrival, Arrival::Bytes(it) if it.is_empty()));
            }
            assert_eq!(io.shake(&mut driver, at(5)).unwrap().unwrap(), Step::Ready);
            let (done, unread) = driver.finish().expect("it is ready");
            let later: Vec<u8> = io
                .wire
                .incoming
                .iter()
                .flat_map(|(_, arrival)| match arrival {
                    Arrival::Bytes(bytes) => bytes.clone(),
                    _ => Vec::new(),
                })
                .collect();
            let in_front = unread.as_slice().len();
            assert!(all.ends_with(&[unread.as_slice(), &later].concat()), "{in_front} bytes");
            let events = delivered(open(done), unread, &later);
            assert_eq!(binaries(&events), [b"first".to_vec(), payload(200)], "{style:?} {cut}");
            assert_eq!(events.len(), 3);
        }
    }
}

#[test]
fn a_server_loses_no_byte_that_follows_the_request() {
    let all = [REQUEST.to_vec(), first_frames(Role::Server)].concat();
    every_cut(&all, server, |upgrade| upgrade.accept(Acceptance::new()).unwrap());
}

#[test]
fn a_client_loses_no_byte_that_follows_the_response() {
    let all = [response(), first_frames(Role::Client)].concat();
    every_cut(&all, client, |established| established.connection);
}

#[test]
fn a_client_becomes_a_driver() {
    let mut io = io(Style::Poll);
    io.wire.max_read = 7;
    io.wire.bytes(at(0), &response());
    let mut driver = client();
    assert_eq!(io.shake(&mut driver, at(5)), Ok(Ok(Step::Ready)));
    let (driver, response) = driver.into_driver().expect("it is ready");
    assert_eq!(response.status(), 101);
    assert!(!driver.has_input());
    assert!(client().into_driver().is_none(), "not before");
}

// A server may refuse before it has read all of the request.
#[test]
fn a_write_may_end_after_the_head_of_a_refusal() {
    let mut driver = client();
    driver.time(at(0));
    assert_eq!(driver.next(), Ok(Step::Write));
    let len = driver.output().len();
    let (head, body) = FORBIDDEN.split_at(FORBIDDEN.len() - 2);
    driver.empty_buffer().extend_from_slice(head);
    driver.read(head.len());
    driver.wrote(len);
    driver.empty_buffer().extend_from_slice(body);
    driver.read(body.len());
    driver.time(at(0));
    assert_eq!(driver.next(), Ok(Step::ShutDown));
    driver.shut_down();
    let error = driver.next().unwrap_err();
    assert_eq!(error.response().map(|response| response.body()), Some(&b"no"[..]));
}

#[test]
fn an_end_at_every_byte_of_a_request_or_a_response() {
    for style in STYLES {
        let ends =
            [Arrival::End, Arrival::Fault(Fault::Reset), Arrival::Fault(Fault::UnexpectedEof)];
        for end in ends {
            let error = match end {
                Arrival::Fault(fault) => Some(fault),
                _ => None,
            };
            for cut in 0..REQUEST.len() {
                let mut io = io(style);
                io.wire.bytes(at(1), &REQUEST[..cut]);
                io.wire.incoming.retain(|_| cut != 0);
                io.wire.arrive(at(1), end.clone());
                ends_early(&mut io, server(), error);
                assert_eq!(io.wire.sent, b"", "nothing is answered");
            }
            let response = response();
            for cut in 0..response.len() {
                let mut io = io(style);
                io.wire.bytes(at(1), &response[..cut]);
                io.wire.incoming.retain(|_| cut != 0);
                io.wire.arrive(at(1), end.clone());
                ends_early(&mut io, client(), error);
            }
        }
    }
}

fn ends_early<H: Opening<Error = HandshakeError>>(
    io: &mut Io,
    mut driver: HandshakeDriver<H>,
    error: Option<Fault>,
) {
    if let Some(fault) = error {
        assert_eq!(io.shake(&mut driver, at(5)), Err(fault), "in a handshake, any is an error");
    }
    for _ in 0..2 {
        assert_eq!(io.shake(&mut driver, at(5)), Ok(Err(HandshakeError::UnexpectedEof)));
    }
    assert_eq!(io.now, at(1));
    assert_eq!(io.wire.shut.is_some(), error.is_none());
    assert!(driver.finish().is_none());
}

// What comes at the deadline is late, however long it has been there.
#[test]
fn the_deadline_is_looked_at_before_reading() {
    for style in [Style::Blocking, Style::Poll] {
        let mut io = io(style);
        let mut driver = server();
        assert!(matches!(io.shake(&mut driver, at(9)), Ok(Ok(Step::Wait(_)))));
        io.now = at(10);
        io.wire.bytes(at(10), REQUEST);
        io.wire.arrive(at(11), Arrival::End);
        assert_eq!(io.shake(&mut driver, at(60)), Ok(Err(HandshakeError::Timeout)));
        assert!(io.wire.sent.starts_with(b"HTTP/1.1 408 "));
        assert_eq!(io.now, at(11));
    }
}

#[test]
fn a_silent_or_slow_client_is_given_up() {
    for style in STYLES {
        let mut io = io(style);
        for (index, byte) in REQUEST.iter().enumerate() {
            io.wire.bytes(at_ms(index as u64 * 500), &[*byte]);
        }
        let mut driver = server();
        assert_eq!(io.shake(&mut driver, at(60)), Ok(Err(HandshakeError::Timeout)), "{style:?}");
        assert!(io.wire.sent.starts_with(b"HTTP/1.1 408 "));
        assert_eq!((io.wire.shut, io.now), (Some(at(10)), at(15)), "it never leaves");
    }
}

// All is written, flushed and shut down before the peer is read from.
#[test]
fn a_refusal_is_written_before_reading_on() {
    for style in STYLES {
        for max_write in [1, 10, usize::MAX] {
            let mut io = io(style);
            io.wire.bytes(at(0), BAD);
            io.wire.bytes(at(0), b"and a body that nobody reads");
            io.wire.arrive(at(0), Arrival::End);
            io.wire.max_write = max_write;
            (io.wire.capacity, io.wire.buffer) = (0, Some(16));
            io.wire.rate = Some(Rate { bytes: 100, every: Duration::from_millis(100) });
            let mut driver = server();
            let error = io.shake(&mut driver, at(60)).unwrap().unwrap_err();
            assert_eq!(error, HandshakeError::InvalidUpgrade);
            assert!(io.wire.sent.starts_with(b"HTTP/1.1 4"));
            assert!(io.wire.sent.ends_with(b"\r\n\r\n") || io.wire.sent.len() > 100, "all of it");
            assert!(io.wire.shut.is_some() && io.now < at(5), "{:?}", io.now);
            assert_eq!(driver.next(), Err(error));
        }
    }
}

#[test]
fn a_refusal_is_bounded_by_the_time_to_close() {
    for style in STYLES {
        for takes in [0, 10, usize::MAX] {
            let mut io = io(style);
            io.wire.capacity = takes;
            io.wire.bytes(at(1), BAD);
            // One that goes on talking has no more time.
            for sec in 1..60 {
                io.wire.bytes(at(sec), b"more");
            }
            let mut driver = server();
            let outcome = io.shake(&mut driver, at(60));
            assert_eq!(outcome, Ok(Err(HandshakeError::InvalidUpgrade)), "{style:?} {takes}");
            assert_eq!(io.now, at(6));
        }
    }
}

#[test]
fn a_refusal_by_the_program_says_whether_it_was_taken() {
    let rejection = Rejection::forbidden();
    let refusal = || HandshakeDriver::refusal(rejection.to_output(), &Config::default());
    for style in STYLES {
        // Taken, and the peer has left.
        let mut taken = io(style);
        taken.wire.bytes(at(1), b"more");
        taken.wire.arrive(at(2), Arrival::End);
        assert_eq!(taken.shake(&mut refusal(), at(60)), Ok(Ok(Step::Ended)));
        assert_eq!(taken.wire.sent, rejection.to_bytes());
        assert_eq!((taken.wire.shut, taken.now), (Some(at(0)), at(2)));
        // Taken, and the peer stays.
        let mut stays = io(style);
        assert_eq!(stays.shake(&mut refusal(), at(60)), Ok(Ok(Step::Ended)));
        assert_eq!((stays.wire.sent, stays.now), (rejection.to_bytes(), at(5)));
        // Not taken.
        let mut stuck = io(style);
        stuck.wire.capacity = 10;
        let mut driver = refusal();
        assert_eq!(stuck.shake(&mut driver, at(60)), Ok(Err(Error::GaveUp)), "{style:?}");
        assert_eq!(stuck.now, at(5));
        assert_eq!(driver.next(), Err(Error::Lost));
        // It holds what it was given and does not pass it on.
        let mut unflushed = io(style);
        (unflushed.wire.buffer, unflushed.wire.flush_pends) = (Some(10_000), true);
        assert_eq!(unflushed.shake(&mut refusal(), at(60)), Ok(Err(Error::GaveUp)));
        assert_eq!(unflushed.now, at(5));
        // Failed.
        let mut fails = io(style);
        fails.wire.write_fault = Some(Fault::Broken);
        let mut driver = refusal();
        assert_eq!(fails.shake(&mut driver, at(60)), Err(Fault::Broken));
        assert_eq!(fails.shake(&mut driver, at(60)), Ok(Err(Error::Lost)));
        assert_eq!(fails.now, at(0));
    }
}

#[test]
fn a_client_that_is_refused_shuts_down() {
    for style in STYLES {
        for cut in 0..FORBIDDEN.len() {
            let mut io = io(style);
            io.wire.bytes(at(1), &FORBIDDEN[..cut]);
            io.wire.incoming.retain(|_| cut != 0);
            io.wire.bytes(at(2), &FORBIDDEN[cut..]);
            let error = io.shake(&mut client(), at(60)).unwrap().unwrap_err();
            let HandshakeError::Rejected(response) = error else { panic!("{error:?}") };
            assert_eq!((response.status(), response.body()), (403, b"no".as_slice()), "{cut}");
            assert_eq!((io.wire.shut, io.now), (Some(at(2)), at(2)));
        }
    }
}

// The server has refused a request that it did not read to its end, and reset the stream.
#[test]
fn a_client_that_cannot_write_reads_the_refusal() {
    for style in STYLES {
        let mut io = io(style);
        io.wire.write_fault = Some(Fault::Broken);
        io.wire.bytes(at(0), FORBIDDEN);
        io.wire.arrive(at(0), Arrival::Fault(Fault::Reset));
        let mut driver = client();
        let outcome = match io.shake(&mut driver, at(60)) {
            Ok(outcome) => outcome,
            Err(fault) => {
                assert_eq!(fault, Fault::Broken);
                io.shake(&mut driver, at(60)).unwrap()
            }
        };
        let Err(HandshakeError::Rejected(response)) = outcome else { panic!("{outcome:?}") };
        assert_eq!((response.status(), io.now), (403, at(0)));
    }
}

// A body that ends with the stream is whole only if that has an end (RFC 9112 §8).
#[test]
fn a_refusal_that_a_reset_cuts_is_not_complete() {
    const ENDLESS: &[u8] = b"HTTP/1.1 503 x\r\n\r\nSorry, we are";
    for style in STYLES {
        for (end, complete) in [(Arrival::End, true), (Arrival::Fault(Fault::Reset), false)] {
            let mut io = io(style);
            io.wire.bytes(at(1), ENDLESS);
            io.wire.arrive(at(2), end);
            let error = io.shake(&mut client(), at(60)).unwrap().unwrap_err();
            let HandshakeError::Rejected(response) = error else { panic!("{error:?}") };
            assert_eq!(response.body(), b"Sorry, we are");
            assert_eq!(response.body_is_complete(), complete, "{style:?}");
        }
    }
}

// The same while the server takes no more of the request, and leaves the stream open.
#[test]
fn a_client_that_is_not_read_from_reads_the_refusal() {
    for style in STYLES {
        let mut io = io(style);
        io.wire.capacity = 10;
        io.wire.bytes(at(1), FORBIDDEN);
        let outcome = io.shake(&mut client(), at(60)).unwrap();
        let Err(HandshakeError::Rejected(response)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(response.status(), 403);
        // A thread is in the middle of a write, which ends with the time for the handshake.
        assert_eq!(io.now, if style == Style::Blocking { at(10) } else { at(1) }, "{style:?}");
    }
}

// A server that agrees before it has read the request gets the rest of it, for so long.
#[test]
fn a_server_that_agrees_early_gets_the_rest_of_the_request() {
    for takes in [true, false] {
        let mut early = client();
        assert_eq!(early.next(), Ok(Step::Time));
        early.time(at(0));
        assert_eq!(early.next(), Ok(Step::Write));
        let request = early.output().chunk().to_vec();
        early.wrote(10);
        early.write_pending();
        assert_eq!(early.next(), Ok(Step::Read));
        let mut server = HandshakeDriver::server(Config::default());
        server.empty_buffer().extend_from_slice(&request);
        server.read(request.len());
        let (upgrade, _) = server.finish().unwrap();
        let mut connection = upgrade.accept(Acceptance::new()).unwrap();
        let response = connection.output().chunk().to_vec();
        early.empty_buffer().extend_from_slice(&response);
        early.read(response.len());
        assert_eq!(early.next(), Ok(Step::Time));
        early.time(at(0));
        assert_eq!(early.next(), Ok(Step::Wait(Some(at(5)))));
        early.resume();
        if takes {
            assert_eq!(early.next(), Ok(Step::Write));
            let rest = early.output().len();
            assert_eq!(rest, request.len() - 10);
            early.wrote(rest);
            assert_eq!(early.next(), Ok(Step::Ready));
            assert!(early.into_driver().is_some());
        } else {
            early.time(at(5));
            assert_eq!(early.next(), Ok(Step::Ended));
            assert!(early.into_driver().is_none());
        }
    }
}

#[test]
fn a_server_that_takes_no_request_is_given_up() {
    for style in STYLES {
        let mut io = io(style);
        io.wire.capacity = 10;
        assert_eq!(io.shake(&mut client(), at(60)), Ok(Err(HandshakeError::Timeout)), "{style:?}");
        assert_eq!((io.now, io.wire.shut), (at(10), Some(at(10))), "what is left of it is dropped");
    }
}

// The same as of a connection (K17): a write in flight may be reported after the timeout.
#[test]
fn a_request_in_flight_is_dropped_with_the_handshake() {
    for takes in [false, true] {
        for reported in 0..3 {
            let mut driver = client();
            assert_eq!(driver.next(), Ok(Step::Time));
            driver.time(at(0));
            assert_eq!(driver.next(), Ok(Step::Write));
            let mut rest = takes.then(|| driver.take_output());
            if !takes {
                driver.write_pending();
            }
            let mut report = |driver: &mut HandshakeDriver<ClientHandshake>| match rest.take() {
                Some(mut rest) => {
                    rest.advance(10);
                    driver.put_output(rest);
                }
                None => driver.wrote(10),
            };
            driver.time(at(10));
            if reported == 0 {
                report(&mut driver);
            }
            driver.resume();
            assert_eq!(driver.next(), Ok(Step::ShutDown), "{takes} {reported}");
            if reported == 1 {
                report(&mut driver);
            }
            assert_eq!(driver.next(), Ok(Step::ShutDown), "{takes} {reported}");
            driver.shut_down();
            if reported == 2 {
                report(&mut driver);
            }
            assert_eq!(driver.next(), Err(HandshakeError::Timeout));
        }
    }
}

#[test]
fn a_silent_server_is_given_up() {
    for style in STYLES {
        let mut io = io(style);
        assert_eq!(io.shake(&mut client(), at(60)), Ok(Err(HandshakeError::Timeout)), "{style:?}");
        assert_eq!((io.now, io.wire.shut), (at(10), Some(at(10))));
    }
}

// A transport that lies anywhere opens the same connection.
#[test]
fn a_handshake_over_a_transport_that_lies() {
    for style in STYLES {
        for index in 0..40 {
            for lie in [Lie::Pending, Lie::Short] {
                let mut io = io(style);
                io.wire.max_read = 50;
                io.wire.lies = vec![(index, lie)];
                io.wire.bytes(at(0), REQUEST);
                assert_eq!(io.shake(&mut server(), at(5)).unwrap().unwrap(), Step::Ready);
                let mut io = Io::new(style, Wire::new());
                io.wire.max_read = 50;
                io.wire.max_write = 50;
                io.wire.lies = vec![(index, lie)];
                io.wire.bytes(at(0), &response());
                let mut driver = client();
                assert_eq!(io.shake(&mut driver, at(5)).unwrap().unwrap(), Step::Ready);
                assert!(io.now <= at(0) + Duration::from_millis(2));
                let mut written = ClientHandshake::new(request(), Config::default(), [7; 32]);
                assert_eq!(io.wire.sent, written.output().chunk());
            }
        }
    }
}

#[test]
fn a_handshake_has_no_deadline_where_the_configuration_has_none() {
    let mut config = Config::default();
    (config.handshake_timeout, config.close_timeout) = (None, None);
    let mut driver = HandshakeDriver::server(config);
    assert_eq!(driver.next(), Ok(Step::Time));
    driver.time(Instant::ORIGIN);
    assert_eq!(driver.next(), Ok(Step::Read));
    driver.read_pending();
    assert_eq!(driver.next(), Ok(Step::Wait(None)));
    driver.time(Instant::ORIGIN + Duration::MAX);
    driver.resume();
    driver.time(Instant::ORIGIN + Duration::MAX);
    assert_eq!(driver.next(), Ok(Step::Read));
    driver.eof();
    assert_eq!(driver.next(), Ok(Step::ShutDown));
    driver.write_pending();
    while driver.next() == Ok(Step::Time) {
        driver.time(Instant::ORIGIN);
    }
    assert_eq!(driver.next(), Ok(Step::Wait(None)), "a shutdown is waited for");
    driver.resume();
    assert_eq!(driver.next(), Ok(Step::ShutDown));
    driver.shut_down();
    assert_eq!(driver.next(), Err(HandshakeError::UnexpectedEof));
}

#[test]
fn a_handshake_that_is_done_waits_for_the_program_and_keeps_what_followed() {
    let mut server = server();
    assert_eq!(server.next(), Ok(Step::Time));
    server.time(at(0));
    assert_eq!(server.next(), Ok(Step::Read));
    let all = [REQUEST, b"more"].concat();
    server.empty_buffer().extend_from_slice(&all);
    server.read(all.len());
    for now in [at(0), at(1000), at(2000)] {
        assert_eq!(server.deadline(now), None);
        server.time(now);
        assert_eq!(server.next(), Ok(Step::Ready));
    }
    let (_, unread) = server.finish().expect("it is done");
    assert_eq!(unread.as_slice(), b"more");
}

#[test]
fn a_server_whose_read_fails_has_no_handshake() {
    let mut server = server();
    server.time(at(0));
    assert_eq!(server.next(), Ok(Step::Read));
    assert_eq!(server.read_failed("reset", false), Err("reset"));
    assert!(!server.is_refused());
    assert!(matches!(server.next(), Err(HandshakeError::UnexpectedEof)));
}

#[test]
fn a_client_knows_that_it_was_refused() {
    let mut client = client();
    client.time(at(0));
    assert_eq!(client.next(), Ok(Step::Write));
    assert!(!client.is_refused());
    client.empty_buffer().extend_from_slice(FORBIDDEN);
    client.read(FORBIDDEN.len());
    assert!(client.is_refused());
}

#[test]
fn drivers_are_shown_by_name() {
    assert!(format!("{:?}", server()).starts_with("HandshakeDriver {"));
    let mut driver = Driver::new(Connection::server(Config::default()));
    assert!(format!("{driver:?}").starts_with("Driver { connection: Connection {"));
    assert_eq!(format!("{:?}", driver.batch()), "Batch { waiting: [], unread: 0, .. }");
    #[cfg(feature = "std")]
    {
        let (receiving, sending) = driver.into_split();
        assert!(format!("{receiving:?}").starts_with("ReceiveDriver {"));
        assert!(format!("{sending:?}").starts_with("SendDriver {"));
    }
}
