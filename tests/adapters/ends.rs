//! Streams that end or fail at any octet, the opening handshake included.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    time::Duration,
};

use framewise::{
    Config, EndOfStream, Error, Message, blocking,
    handshake::{Acceptance, HandshakeError},
    tokio as asynchronous,
};

use crate::{
    conversation::{DRIVERS, ROLES, Recorded, converse, kind, request},
    support::{Bring, Grant, REQUEST, SEED, Scripted, from_client, sockets, within},
};

/// Combines every position with the first of `faults`, and every seventh one with the others, too:
/// they take the same ways.
fn at<'a, T>(
    positions: impl Iterator<Item = usize> + 'a,
    faults: &'a [T],
) -> impl Iterator<Item = (usize, &'a T)> + 'a {
    positions.flat_map(move |position| {
        let some = if position % 7 == 0 { faults } else { &faults[..1] };
        some.iter().map(move |fault| (position, fault))
    })
}

// 6455-7.2.1-02, 6455-7.1.4-02: what was wholly received is delivered, then comes an end or an
// error, and nothing hangs or panics.
#[test]
fn an_end_at_every_octet_of_what_is_read() {
    let failures = [
        Bring::Error(ErrorKind::ConnectionReset),
        Bring::Error(ErrorKind::BrokenPipe),
        Bring::Error(ErrorKind::UnexpectedEof),
    ];
    for role in ROLES {
        let recorded = Recorded::new(role, 70_000);
        // All of it but the inner part of the long message.
        let len = recorded.bytes.len();
        let cuts = || (0..len - 69_990).chain(len - 12..=len);
        let ends = at(cuts(), &[Bring::Eof])
            .chain(at(cuts(), &failures))
            .flat_map(|(cut, end)| DRIVERS.map(|driver| (cut, end, driver)));
        for (cut, end, driver) in ends {
            let case = format!("{driver:?} {role:?} {cut} {end:?}");
            let front = Bring::Bytes(recorded.bytes[..cut].to_vec());
            let pieces = if cut == 0 { vec![end.clone()] } else { vec![front, end.clone()] };
            let outcome = converse(driver, role, &Scripted::new(pieces));
            assert_eq!(outcome.messages, recorded.before(cut), "{case}");
            if cut < recorded.head {
                let error = outcome.unopened.expect(&case);
                match (end, error) {
                    (Bring::Eof, Error::Handshake(HandshakeError::UnexpectedEof)) => {}
                    (Bring::Error(kind), Error::Io(error)) if error.kind() == *kind => {}
                    (_, error) => panic!("{case}: {error}"),
                }
                continue;
            }
            assert!(outcome.unopened.is_none() && outcome.unsent.is_none(), "{case}");
            // Behind the Close any end will do; and TLS without its own end is one, anywhere.
            let closed = cut == recorded.bytes.len();
            let told = match end {
                Bring::Error(kind) if *kind != ErrorKind::UnexpectedEof && !closed => Some(*kind),
                _ => None,
            };
            assert_eq!(kind(outcome.unread.as_ref()), told, "{case}");
            let clean = if closed { EndOfStream::Clean } else { EndOfStream::Lost };
            assert_eq!(outcome.end, Some(clean), "{case}");
        }
    }
}

// 6455-7.2.1-02, 6455-7.1.4-02: who cannot write any more still reads what the peer has sent.
#[test]
fn a_failure_at_every_octet_of_what_is_written() {
    let failures = [
        Grant::Error(ErrorKind::ConnectionReset),
        Grant::Error(ErrorKind::BrokenPipe),
        Grant::Take(0),
    ];
    for role in ROLES {
        let recorded = Recorded::new(role, 10);
        let script = || Scripted::new([Bring::Bytes(recorded.bytes.clone()), Bring::Eof]);
        for driver in DRIVERS {
            let stream = script();
            assert!(converse(driver, role, &stream).unsent.is_none());
            let whole = stream.written();
            let head = whole.windows(4).position(|octets| octets == b"\r\n\r\n").unwrap() + 4;
            for (cut, &failure) in at(0..whole.len(), &failures) {
                let case = format!("{driver:?} {role:?} {cut} {failure:?}");
                let stream = script();
                let grants = (0..cut).map(|_| Grant::Take(1)).chain([failure]);
                stream.script().writes.extend(grants);
                let outcome = converse(driver, role, &stream);
                let expected = match failure {
                    Grant::Error(kind) => kind,
                    _ => ErrorKind::WriteZero,
                };
                assert_eq!(stream.written(), whole[..cut], "{case}");
                if cut < head {
                    assert_eq!(kind(outcome.unopened.as_ref()), Some(expected), "{case}");
                    continue;
                }
                assert_eq!(outcome.messages, recorded.before(usize::MAX), "{case}");
                assert!(outcome.unopened.is_none() && outcome.unread.is_none(), "{case}");
                assert_eq!(outcome.end, Some(EndOfStream::Clean), "{case}");
                // The answers to the Ping and to the Close are nobody's to be told of, and the
                // first send behind a failed answer finds the stream closed.
                if let Some(told) = kind(outcome.unsent.as_ref()) {
                    assert!(told == expected || told == ErrorKind::BrokenPipe, "{case} {told:?}");
                }
            }
        }
    }
}

/// Reads until the stream ends or fails; returns the texts, and whether it failed.
macro_rules! read_out {
    ($websocket:ident $(, $wait:ident)?) => {{
        let mut texts = Vec::new();
        loop {
            match $websocket.read()$(.$wait)? {
                Ok(Some(Message::Text(text))) => texts.push(text),
                Ok(None) => break (texts, false),
                Err(Error::Io(_)) => break (texts, true),
                other => panic!("{other:?}"),
            }
        }
    }};
}

// A socket's own reset, which comes when it is closed with something unread, and its own end. Other
// systems may drop what was received before a reset.
#[cfg(target_os = "linux")]
#[test]
fn a_socket_that_is_reset_or_ended_at_every_octet() {
    let frames = from_client(|peer| {
        for text in ["one", "two", "three"] {
            peer.send(text).unwrap();
        }
    });
    for (cut, resets, on_tokio) in (0..=frames.len())
        .flat_map(|cut| [false, true].map(|resets| (cut, resets)))
        .flat_map(|(cut, resets)| [false, true].map(|on_tokio| (cut, resets, on_tokio)))
    {
        let front = frames[..cut].to_vec();
        let (texts, failed) = within(move || {
            let (stream, mut peer) = sockets();
            peer.write_all(REQUEST).unwrap();
            // The peer does the rest as soon as the response is there.
            let peer = std::thread::spawn(move || {
                let mut response = [0; 1 << 10];
                let mut len = peer.read(&mut response[..1]).unwrap();
                while !resets && !response[..len].ends_with(b"\r\n\r\n") {
                    len += peer.read(&mut response[len..]).unwrap();
                }
                peer.write_all(&front).unwrap();
            });
            let outcome = if on_tokio {
                stream.set_nonblocking(true).unwrap();
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let stream = tokio::net::TcpStream::from_std(stream).unwrap();
                    let incoming = asynchronous::accept(stream, Config::default()).await.unwrap();
                    let mut websocket = incoming.accept(Acceptance::new()).await.unwrap();
                    read_out!(websocket, await)
                })
            } else {
                let incoming = blocking::accept(stream, Config::default()).unwrap();
                let mut websocket = incoming.accept(Acceptance::new()).unwrap();
                read_out!(websocket)
            };
            peer.join().unwrap();
            outcome
        });
        let case = format!("{cut} of {}, reset: {resets}, tokio: {on_tokio}", frames.len());
        let whole = [9, 18, 29].iter().filter(|end| **end <= cut).count();
        assert_eq!(texts, ["one", "two", "three"][..whole], "{case}");
        assert_eq!(failed, resets, "{case}");
    }
}

// C2: a server that refuses and closes with something unread, so that its socket resets. The client is
// in the middle of a request that is too long for the sockets, or has written all of it. What has
// arrived of the body is returned; other systems may drop it.
#[cfg(target_os = "linux")]
#[test]
fn a_refusal_before_a_reset_is_read_as_far_as_it_came() {
    const HEAD: &str = "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 20000\r\n\r\n";

    let body = |len| vec![b'n'; len];
    let pieces = [vec![body(20_000)], vec![body(3), body(19_997)], vec![body(3)], vec![]];
    let cases = pieces.iter().flat_map(|pieces| {
        [0, 8 << 20].map(|much| (much, pieces)).into_iter().flat_map(|(much, pieces)| {
            [false, true].map(|on_tokio| (much, pieces.clone(), on_tokio))
        })
    });
    for (much, pieces, on_tokio) in cases {
        let case = format!("{much} octets more, {} pieces, tokio: {on_tokio}", pieces.len());
        let expected = pieces.concat();
        let refused = within(move || {
            let (mut server, stream) = sockets();
            let server = std::thread::spawn(move || {
                // Or the kernel holds back what is short, and drops it with the reset.
                server.set_nodelay(true).unwrap();
                server.read_exact(&mut [0]).unwrap();
                server.write_all(HEAD.as_bytes()).unwrap();
                for piece in pieces {
                    // The client may have read what came so far.
                    std::thread::sleep(Duration::from_millis(5));
                    server.write_all(&piece).unwrap();
                }
            });
            let request = request().header("X-Much", "x".repeat(much)).unwrap();
            let refused = if on_tokio {
                stream.set_nonblocking(true).unwrap();
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let stream = tokio::net::TcpStream::from_std(stream).unwrap();
                    asynchronous::client_with_seed(stream, request, Config::default(), SEED)
                        .await
                        .map(drop)
                })
            } else {
                blocking::client_with_seed(stream, request, Config::default(), SEED).map(drop)
            };
            server.join().unwrap();
            refused
        });
        let Err(Error::Handshake(HandshakeError::Rejected(response))) = refused else {
            panic!("{case}: {refused:?}");
        };
        assert_eq!((response.status(), response.body().len()), (503, expected.len()), "{case}");
        assert_eq!(response.body(), expected, "{case}");
        assert_eq!(response.header("Retry-After"), Some(&b"7"[..]), "{case}");
    }
}
