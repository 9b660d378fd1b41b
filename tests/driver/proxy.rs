//! A handshake with a proxy, and the opening handshake through it.

use core::time::Duration;

use framewise::{
    Config,
    client::{Proxy, ProxyError, ProxyHandshake},
    driver::{HandshakeDriver, Reads as _, Step, Writes as _},
    handshake::ClientRequest,
};

use super::support::{Arrival, Fault, Io, Lie, Rate, STYLES, Style, Wire, at, at_ms};

const CONNECT: &[u8] = b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n";
const CONNECTED: &[u8] = b"HTTP/1.0 200 Connection established\r\n\r\n";
const REFUSED: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";

/// What a SOCKS proxy says that asks for a password, step by step.
const SOCKS: [&[u8]; 3] = [b"\x05\x02", b"\x01\0", b"\x05\0\0\x01\x7f\0\0\x01\x04\x38"];
const ASKED: [&[u8]; 3] =
    [b"\x05\x02\0\x02", b"\x01\x04user\x06secret", b"\x05\x01\0\x03\x09localhost\0\x50"];

fn driver(proxy: &str) -> HandshakeDriver<ProxyHandshake> {
    let (proxy, target) = (Proxy::new(proxy).unwrap(), "ws://localhost/".parse().unwrap());
    let server = proxy.server_for(&target).unwrap();
    let limit = Some(Duration::from_secs(7));
    HandshakeDriver::proxy(server, &target, Config::default(), limit).unwrap()
}

fn http() -> HandshakeDriver<ProxyHandshake> {
    driver("http://proxy:3128")
}

fn socks() -> HandshakeDriver<ProxyHandshake> {
    driver("socks5://user:secret@proxy")
}

fn io(style: Style) -> Io {
    Io::new(style, Wire::new())
}

#[test]
fn a_proxy_connects_however_its_answer_is_cut() {
    for style in STYLES {
        for cut in 1..CONNECTED.len() {
            let mut io = io(style);
            io.wire.bytes(at(1), &CONNECTED[..cut]);
            io.wire.bytes(at(2), &CONNECTED[cut..]);
            let mut driver = http();
            assert_eq!(io.shake(&mut driver, at(60)), Ok(Ok(Step::Ready)));
            let ((), unread) = driver.finish().expect("it is ready");
            assert_eq!((unread.as_slice(), io.wire.shut), (&b""[..], None));
            assert_eq!((&*io.wire.sent, io.now), (CONNECT, at(2)));
        }
    }
}

#[test]
fn a_socks_proxy_is_answered_step_by_step() {
    for style in STYLES {
        for reads in [1, 2, 1000] {
            for writes in [1, 3, 1000] {
                let mut io = io(style);
                (io.wire.max_read, io.wire.max_write) = (reads, writes);
                for (second, answer) in (1..).zip(SOCKS) {
                    io.wire.bytes(at(second), answer);
                }
                let mut driver = socks();
                for (second, asked) in (0..).zip(ASKED) {
                    let until = at_ms(second * 1000 + 500);
                    assert!(matches!(io.shake(&mut driver, until), Ok(Ok(Step::Wait(_)))));
                    assert!(io.wire.sent.ends_with(asked), "{style:?} {second}");
                }
                assert_eq!(io.shake(&mut driver, at(60)), Ok(Ok(Step::Ready)));
                assert_eq!(io.wire.sent, ASKED.concat());
                assert!(driver.finish().is_some_and(|(_, unread)| unread.as_slice().is_empty()));
            }
        }
    }
}

// The bytes of another connection follow on the same stream. 6455-4.1-11
#[test]
fn the_opening_handshake_goes_through_the_proxy() {
    for style in STYLES {
        for (mut driver, answers) in [(http(), vec![CONNECTED]), (socks(), SOCKS.to_vec())] {
            let mut io = io(style);
            for (second, answer) in (0..).zip(answers) {
                io.wire.bytes(at(second), answer);
            }
            assert_eq!(io.shake(&mut driver, at(6)), Ok(Ok(Step::Ready)));
            let before = io.wire.sent.len();
            io.wire.bytes(at(7), REFUSED);
            let request = ClientRequest::new("ws://localhost/chat").unwrap();
            let mut client = HandshakeDriver::client(request, Config::default(), [7; 32]);
            let error = io.shake(&mut client, at(60)).unwrap().unwrap_err();
            assert_eq!(error.response().map(|response| response.status()), Some(403));
            assert!(
                io.wire.sent[before..].starts_with(b"GET /chat HTTP/1.1\r\nHost: localhost\r\n")
            );
        }
    }
}

#[test]
fn bytes_that_follow_the_answer_shut_the_stream_down() {
    for style in STYLES {
        for (mut driver, answer) in [(http(), CONNECTED.to_vec()), (socks(), SOCKS.concat())] {
            let mut io = io(style);
            io.wire.bytes(at(1), &[&answer[..], b"\x81\x02hi"].concat());
            assert_eq!(io.shake(&mut driver, at(60)), Ok(Err(ProxyError::UnexpectedBytes)));
            assert_eq!((io.wire.shut, io.now), (Some(at(1)), at(1)));
            assert!(driver.finish().is_none() && !driver.is_refused());
        }
    }
}

#[test]
fn a_refusal_is_read_with_its_body() {
    for style in STYLES {
        for cut in 1..REFUSED.len() {
            let mut io = io(style);
            io.wire.bytes(at(1), &REFUSED[..cut]);
            io.wire.bytes(at(2), &REFUSED[cut..]);
            let mut driver = http();
            let error = io.shake(&mut driver, at(60)).unwrap().unwrap_err();
            let response = error.response().expect("a refusal");
            assert_eq!((response.status(), response.body()), (403, &b"no"[..]));
            assert!(driver.is_refused());
            assert_eq!((io.wire.shut, io.now), (Some(at(2)), at(2)));
        }
    }
}

// A proxy may refuse before it has read the request, and reset the stream.
#[test]
fn a_reset_does_not_lose_the_refusal() {
    for style in STYLES {
        for len in 0..REFUSED.len() {
            let mut io = io(style);
            io.wire.bytes(at(0), &REFUSED[..len]);
            io.wire.incoming.retain(|_| len != 0);
            io.wire.arrive(at(0), Arrival::Fault(Fault::Reset));
            let mut driver = http();
            let outcome = io.shake(&mut driver, at(60));
            let has_head = len >= REFUSED.len() - 2;
            match outcome {
                Ok(Err(ProxyError::Refused(response))) => {
                    assert!(has_head && response.body().len() == len + 2 - REFUSED.len());
                }
                Err(fault) => assert!(!has_head && fault == Fault::Reset),
                outcome => panic!("{outcome:?}"),
            }
        }
    }
}

// A write in flight may be reported after the refusal, or after the timeout.
#[test]
fn a_request_in_flight_is_dropped_with_the_handshake() {
    for takes in [false, true] {
        for refused in [false, true] {
            let mut driver = http();
            assert_eq!(driver.next(), Ok(Step::Time));
            driver.time(at(0));
            assert_eq!(driver.next(), Ok(Step::Write));
            let mut rest = takes.then(|| driver.take_output());
            if refused {
                let head = &REFUSED[..REFUSED.len() - 1];
                driver.empty_buffer().extend_from_slice(head);
                driver.read(head.len());
            } else {
                driver.time(at(7));
            }
            match rest.take() {
                Some(mut rest) => {
                    rest.advance(10);
                    driver.put_output(rest);
                }
                None => driver.wrote(10),
            }
            driver.time(at(7));
            driver.resume();
            assert_eq!(driver.next(), Ok(Step::ShutDown), "{takes} {refused}");
            driver.shut_down();
            let error = driver.next().unwrap_err();
            assert_eq!(error.response().is_some(), refused);
            assert_eq!(error == ProxyError::Timeout, !refused);
        }
    }
}

#[test]
fn a_slow_proxy_is_given_up() {
    for style in STYLES {
        // Silent, one that says a little now and then, and one that reads nothing.
        for (answers, capacity) in
            [(&b""[..], usize::MAX), (b"HTTP/1.1 200 OK, OK, OK", usize::MAX), (b"", 10)]
        {
            let mut io = io(style);
            io.wire.capacity = capacity;
            for (index, octet) in answers.iter().enumerate() {
                io.wire.bytes(at_ms(index as u64 * 900), &[*octet]);
            }
            assert_eq!(io.shake(&mut http(), at(60)), Ok(Err(ProxyError::Timeout)), "{style:?}");
            assert_eq!((io.now, io.wire.shut), (at(7), Some(at(7))));
        }
        let mut io = io(style);
        for (second, answer) in [(3, SOCKS[0]), (6, SOCKS[1]), (9, SOCKS[2])] {
            io.wire.bytes(at(second), answer);
        }
        assert_eq!(io.shake(&mut socks(), at(60)), Ok(Err(ProxyError::Timeout)));
        assert_eq!((io.now, io.wire.shut), (at(7), Some(at(7))), "one time for all answers");
    }
}

#[test]
fn an_end_at_every_byte_is_no_answer() {
    for style in STYLES {
        for (make, answer) in [
            (http as fn() -> HandshakeDriver<ProxyHandshake>, CONNECTED.to_vec()),
            (socks, SOCKS.concat()),
        ] {
            for len in 0..answer.len() {
                let mut io = io(style);
                io.wire.bytes(at(0), &answer[..len]);
                io.wire.incoming.retain(|_| len != 0);
                io.wire.arrive(at(1), Arrival::End);
                let outcome = io.shake(&mut make(), at(60));
                assert_eq!(outcome, Ok(Err(ProxyError::UnexpectedEof)), "{style:?} {len}");
                assert_eq!(io.now, at(1));
            }
        }
    }
}

#[test]
fn a_transport_that_lies_makes_no_difference() {
    for style in STYLES {
        for index in 0..30 {
            for lie in [Lie::Pending, Lie::Short] {
                let mut io = io(style);
                (io.wire.max_read, io.wire.max_write) = (3, 7);
                io.wire.rate = Some(Rate { bytes: 9, every: Duration::from_millis(1) });
                io.wire.lies = vec![(index, lie)];
                io.wire.bytes(at(0), &SOCKS.concat());
                assert_eq!(io.shake(&mut socks(), at(5)), Ok(Ok(Step::Ready)), "{style:?}");
                assert_eq!(io.wire.sent, ASKED.concat());
            }
        }
    }
}
