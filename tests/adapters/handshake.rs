//! The opening handshake over streams (RFC 6455 §4).

use std::{
    io::{ErrorKind, Read as _, Write as _},
    sync::Arc,
    thread,
    time::Duration,
};

use framewise::{
    Config, Error, Input, blocking,
    handshake::{
        Acceptance, ClientHandshake, ClientRequest, HandshakeError, Rejection, ServerHandshake,
    },
    tokio as asynchronous,
};

use crate::support::{
    Bring, Grant, Op, REQUEST, SEED, Scripted, config, finish, from_client, poll_times, runtime,
    sockets, within,
};

/// The request, and a frame that did not wait for the response.
fn glued() -> Vec<u8> {
    [REQUEST, &from_client(|peer| peer.send("early").unwrap())].concat()
}

// 6455-2.1-02, R41, R57
#[test]
fn octets_behind_the_request_are_frames_in_any_cut() {
    let bytes = glued();
    for cut in 1..bytes.len() {
        let pieces = [bytes[..cut].to_vec(), bytes[cut..].to_vec()].map(Bring::Bytes);

        let stream = Scripted::new(pieces.clone());
        let incoming = blocking::accept(stream.clone(), Config::default()).unwrap();
        assert!(stream.written().is_empty(), "nothing is decided yet");
        let mut websocket = incoming.accept(Acceptance::new()).unwrap();
        assert!(stream.written().starts_with(b"HTTP/1.1 101 "), "the response is out");
        assert_eq!(stream.log().last(), Some(&Op::Flush));
        assert_eq!(websocket.read().unwrap().unwrap().as_text(), Some("early"));

        let stream = Scripted::new(pieces);
        runtime().block_on(async {
            let incoming = asynchronous::accept(stream.clone(), Config::default()).await.unwrap();
            assert!(stream.written().is_empty(), "nothing is decided yet");
            let mut websocket = incoming.accept(Acceptance::new()).await.unwrap();
            assert!(stream.written().starts_with(b"HTTP/1.1 101 "), "the response is out");
            let message = finish(websocket.read(), 3).unwrap().unwrap();
            assert_eq!(message.as_text(), Some("early"));
        });
    }
}

// R41: the same for the client.
#[test]
fn octets_behind_the_response_are_frames() {
    within(|| {
        let (mut server, stream) = sockets();
        let client = thread::spawn(move || {
            let request = ClientRequest::new("ws://localhost/").unwrap();
            let (mut client, response) =
                blocking::client_with_seed(stream, request, Config::default(), SEED).unwrap();
            assert_eq!(response.status(), 101);
            client.read().unwrap().unwrap()
        });
        // The accept value is the server machine's to know: let it answer, and add a frame.
        let mut handshake = ServerHandshake::new(Config::default());
        let mut buf = [0; 1 << 10];
        let mut upgrade = None;
        while upgrade.is_none() {
            let len = server.read(&mut buf).unwrap();
            upgrade = handshake.receive(&mut Input::new(&mut buf[..len])).unwrap();
        }
        let mut connection = upgrade.unwrap().accept(Acceptance::new()).unwrap();
        connection.send("at once").unwrap();
        server.write_all(connection.output().chunk()).unwrap();
        assert_eq!(client.join().unwrap().as_text(), Some("at once"));
    });
}

// R41: and on tokio, in any cut.
#[test]
fn octets_behind_the_response_are_frames_in_any_cut() {
    let request = || ClientRequest::new("ws://localhost/").unwrap();
    // The accept value is the server machine's to know, and the same for the same seed.
    let mut asking = ClientHandshake::new(request(), Config::default(), SEED);
    let mut asked = asking.output().chunk().to_vec();
    let mut handshake = ServerHandshake::new(Config::default());
    let upgrade = handshake.receive(&mut Input::new(&mut asked)).unwrap().unwrap();
    let mut connection = upgrade.accept(Acceptance::new()).unwrap();
    connection.send("at once").unwrap();
    let bytes = connection.output().chunks().collect::<Vec<_>>().concat();
    for cut in 1..bytes.len() {
        let stream =
            Scripted::new([bytes[..cut].to_vec(), bytes[cut..].to_vec()].map(Bring::Bytes));
        runtime().block_on(async {
            let opening =
                asynchronous::client_with_seed(stream, request(), Config::default(), SEED);
            let (mut client, _) = finish(opening, 3).unwrap();
            let message = finish(client.read(), 3).unwrap().unwrap();
            assert_eq!(message.as_text(), Some("at once"), "cut at {cut}");
        });
    }
}

// 9112-9.6-02, 9112-9.6-03, 6455-7.1.1-07, 6455-7.2.2-01; R40
#[test]
fn a_rejection_is_delivered_and_nothing_behind_it_is_read_as_frames_or_requests() {
    for (reject, bytes, status) in [
        (true, glued(), "HTTP/1.1 404 "),
        (true, [REQUEST, REQUEST].concat(), "HTTP/1.1 404 "),
        (false, [b"GET / HTTP/1.0\r\n\r\n", REQUEST].concat(), "HTTP/1.1 505 "),
    ] {
        let delivered = |stream: &Scripted| {
            let written = String::from_utf8(stream.written()).unwrap();
            assert!(written.starts_with(status), "{written}");
            assert_eq!(written.matches("HTTP/1.").count(), 1, "{written}");
            // In stages: all is written, the direction ended, and the other one read to its end.
            let log = stream.log();
            let shutdown = log.iter().position(|op| *op == Op::Shutdown).expect("shut down");
            assert!(matches!(log[..shutdown], [.., Op::Write(_), Op::Flush]), "{log:?}");
            assert!(matches!(log[shutdown + 1..], [.., Op::Read(0)]), "{log:?}");
            assert_eq!(stream.shutdowns(), 1);
        };

        let stream = Scripted::new([Bring::Bytes(bytes.clone()), Bring::Eof]);
        match blocking::accept(stream.clone(), Config::default()) {
            Ok(incoming) => incoming.reject(Rejection::not_found()).unwrap(),
            Err(error) => assert!(!reject && matches!(error, Error::Handshake(_))),
        }
        delivered(&stream);

        let stream = Scripted::new([Bring::Bytes(bytes), Bring::Eof]);
        runtime().block_on(async {
            match asynchronous::accept(stream.clone(), Config::default()).await {
                Ok(incoming) => incoming.reject(Rejection::not_found()).await.unwrap(),
                Err(error) => assert!(!reject && matches!(error, Error::Handshake(_))),
            }
        });
        delivered(&stream);
    }
}

// 9110-6.6.1-01
#[test]
fn a_refusal_tells_the_time() {
    let dates = |stream: &Scripted| {
        let written = String::from_utf8(stream.written()).unwrap();
        let fields = written.lines().filter_map(|line| line.split_once(": "));
        let dates = fields.filter(|(name, _)| name.eq_ignore_ascii_case("Date"));
        dates.map(|(_, date)| date.to_owned()).collect::<Vec<_>>()
    };
    let own = "Sun, 06 Nov 1994 08:49:37 GMT";
    let with = |name| Rejection::forbidden().header(name, own).unwrap();
    for (bytes, rejection) in [
        (&b"GET /\r\n\r\n"[..], None),
        (REQUEST, Some(Rejection::forbidden())),
        (REQUEST, Some(with("Date"))),
        (REQUEST, Some(with("date"))),
    ] {
        let told = |stream: &Scripted| {
            let dates = dates(stream);
            let [date] = &dates[..] else { panic!("{dates:?}") };
            let is_own =
                rejection.as_ref().is_some_and(|rejection| !rejection.headers().is_empty());
            assert_eq!(date == own, is_own, "{date}");
            assert!(date.len() == own.len() && date.ends_with(" GMT"), "{date}");
        };
        let stream = Scripted::new([Bring::Bytes(bytes.to_vec()), Bring::Eof]);
        match blocking::accept(stream.clone(), Config::default()) {
            Ok(incoming) => incoming.reject(rejection.clone().unwrap()).unwrap(),
            Err(error) => assert!(rejection.is_none(), "{error}"),
        }
        told(&stream);

        let stream = Scripted::new([Bring::Bytes(bytes.to_vec()), Bring::Eof]);
        runtime().block_on(async {
            match asynchronous::accept(stream.clone(), Config::default()).await {
                Ok(incoming) => incoming.reject(rejection.clone().unwrap()).await.unwrap(),
                Err(error) => assert!(rejection.is_none(), "{error}"),
            }
        });
        told(&stream);
    }
}

// A timeout of nothing is no timeout that a socket knows.
#[test]
fn a_rejection_is_written_even_if_the_end_is_not_waited_for() {
    within(|| {
        let (stream, mut client) = sockets();
        client.write_all(REQUEST).unwrap();
        let hurried = config(|config| config.close_timeout = Some(Duration::ZERO));
        let incoming = blocking::accept(stream, hurried).unwrap();
        incoming.reject(Rejection::forbidden()).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 403 "));
    });
}

// 9112-9.8-01, 6455-4.1-48, 6455-7.2.1-01
#[test]
fn a_client_ends_the_stream_on_which_nothing_was_opened() {
    let request = || ClientRequest::new("wss://localhost/").unwrap();
    for (response, rejected) in [
        (&b"HTTP/1.1 404 x\r\n\r\n"[..], true),
        (b"HTTP/1.1 400 x\r\n\r\n", true),
        (
            b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            false,
        ),
        (b"", false),
    ] {
        let ended = |stream: &Scripted, error: Error| {
            let Error::Handshake(error) = error else { panic!("{error}") };
            assert_eq!(matches!(error, HandshakeError::Rejected(_)), rejected, "{error}");
            assert_eq!(stream.log().last(), Some(&Op::Shutdown), "the alert of a TLS stream");
            assert_eq!(stream.shutdowns(), 1);
            assert_eq!(Arc::strong_count(stream.shared()), 1, "closed");
        };
        let answering = || Scripted::new([Bring::Bytes(response.to_vec()), Bring::Eof]);

        let stream = answering();
        let opened = blocking::client_with_seed(stream.clone(), request(), Config::default(), SEED);
        ended(&stream, opened.unwrap_err());

        let stream = answering();
        let opening =
            asynchronous::client_with_seed(stream.clone(), request(), Config::default(), SEED);
        let error = runtime().block_on(async { finish(opening, 3).unwrap_err() });
        ended(&stream, error);
    }
}

// 9112-9.8-01, 6455-4.1-73
#[tokio::test(start_paused = true)]
async fn a_client_gives_a_silent_server_up_and_ends_the_stream() {
    let stream = Scripted::default();
    let request = ClientRequest::new("wss://localhost/").unwrap();
    let opened =
        asynchronous::client_with_seed(stream.clone(), request, Config::default(), SEED).await;
    assert!(matches!(opened.unwrap_err(), Error::Handshake(HandshakeError::Timeout)));
    assert_eq!(stream.log().last(), Some(&Op::Shutdown));
}

// R46
#[tokio::test(start_paused = true)]
async fn a_silent_or_slow_client_is_given_up() {
    for slow in [false, true] {
        let stream = Scripted::default();
        let start = tokio::time::Instant::now();
        let accepting = tokio::spawn(asynchronous::accept(stream.clone(), Config::default()));
        // An octet a second: the time for the handshake does not begin anew with each.
        for octet in REQUEST.iter().take(if slow { 60 } else { 0 }) {
            stream.bring(Bring::Bytes(vec![*octet]));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let error = accepting.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Handshake(HandshakeError::Timeout)));
        assert!(stream.written().starts_with(b"HTTP/1.1 408 "));
        assert_eq!(stream.shutdowns(), 1);
        if !slow {
            // 10 s for the handshake, 5 s for the end of the stream.
            assert_eq!(start.elapsed().as_secs(), 15);
        }
    }
}

// R46
#[test]
fn a_silent_client_of_a_blocking_server_is_given_up() {
    let error = within(|| {
        let (stream, mut client) = sockets();
        let impatient = config(|config| {
            config.handshake_timeout = Some(Duration::from_millis(30));
            config.close_timeout = Some(Duration::from_millis(30));
        });
        client.write_all(b"GET /").unwrap();
        let error = blocking::accept(stream, impatient).unwrap_err();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 408 "));
        error
    });
    assert!(matches!(error, Error::Handshake(HandshakeError::Timeout)));
}

#[test]
fn a_subprotocol_that_was_not_offered_is_this_programs_mistake() {
    let stream = Scripted::new([Bring::Bytes(REQUEST.to_vec()), Bring::Eof]);
    let incoming = blocking::accept(stream.clone(), Config::default()).unwrap();
    let error = incoming.accept(Acceptance::new().subprotocol("chat")).unwrap_err();
    assert!(matches!(error, Error::Accept(_)));
    assert!(stream.written().starts_with(b"HTTP/1.1 500 "));
}

/// Checks for the time in a response with that status.
#[track_caller]
fn tells_the_time(stream: &Scripted, status: &str) {
    let written = String::from_utf8(stream.written()).unwrap();
    assert!(written.starts_with(&format!("HTTP/1.1 {status} ")), "{written}");
    assert_eq!(written.matches("\r\nDate: ").count(), 1, "{written}");
    assert!(written.contains(" GMT\r\n"), "{written}");
}

// 9110-6.6.1-01
#[test]
fn a_500_tells_the_time() {
    let mistaken = || Acceptance::new().subprotocol("chat");
    let stream = || Scripted::new([Bring::Bytes(REQUEST.to_vec()), Bring::Eof]);
    let threaded = stream();
    let incoming = blocking::accept(threaded.clone(), Config::default()).unwrap();
    incoming.accept(mistaken()).unwrap_err();
    tells_the_time(&threaded, "500");

    let polled = stream();
    runtime().block_on(async {
        let incoming = asynchronous::accept(polled.clone(), Config::default()).await.unwrap();
        incoming.accept(mistaken()).await.unwrap_err();
    });
    tells_the_time(&polled, "500");
}

// 9110-6.6.1-01
#[test]
fn a_refusal_to_upgrade_tells_the_time() {
    let plain = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let stream = Scripted::new([Bring::Bytes(plain.to_vec()), Bring::Eof]);
    let requested = blocking::receive_request(stream.clone(), Config::default()).unwrap();
    requested.upgrade().unwrap_err();
    tells_the_time(&stream, "426");
}

// 6455-4.2.2-02, 6455-10.6-01: any stream will do, so one through TLS, too.
#[tokio::test]
async fn a_handshake_over_any_stream() {
    let (one, other) = tokio::io::duplex(16);
    let serving = tokio::spawn(async move {
        let incoming = asynchronous::accept(one, Config::default()).await.unwrap();
        assert_eq!(incoming.upgrade().resource(), "/any");
        let mut websocket = incoming.accept(Acceptance::new()).await.unwrap();
        websocket.send("welcome").await.unwrap();
        assert_eq!(websocket.read().await.unwrap(), None);
    });
    let request = ClientRequest::new("wss://example.com/any").unwrap();
    let (mut websocket, _) =
        asynchronous::client_with_seed(other, request, Config::default(), SEED).await.unwrap();
    assert_eq!(websocket.read().await.unwrap().unwrap().as_text(), Some("welcome"));
    websocket.close(framewise::CloseCode::NORMAL, "").await.unwrap();
    drop(websocket);
    serving.await.unwrap();
}

// 6455-4.2.2-02: nor does a server say anything when the TLS handshake failed
#[test]
fn a_stream_that_fails_at_once_is_answered_nothing() {
    let failing = || Scripted::new([Bring::Error(ErrorKind::InvalidData)]);
    let silent = |stream: &Scripted, error| {
        assert!(matches!(error, Error::Io(error) if error.kind() == ErrorKind::InvalidData));
        assert!(stream.written().is_empty());
        assert_eq!(Arc::strong_count(stream.shared()), 1, "closed");
    };
    let stream = failing();
    silent(&stream, blocking::accept(stream.clone(), Config::default()).unwrap_err());
    let stream = failing();
    let accepting = asynchronous::accept(stream.clone(), Config::default());
    silent(&stream, runtime().block_on(async { finish(accepting, 3).unwrap_err() }));
}

// 6455-4.1-16: a TLS stream may fail as late as with the first octet
#[test]
fn a_stream_that_fails_at_once_carries_nothing() {
    let request = || ClientRequest::new("wss://example.com/").unwrap();
    let broken =
        |error| matches!(error, Error::Io(error) if error.kind() == ErrorKind::InvalidData);
    let failing = || {
        let stream = Scripted::default();
        stream.script().writes.push_back(Grant::Error(ErrorKind::InvalidData));
        stream
    };
    let stream = failing();
    let opened = asynchronous::client_with_seed(stream.clone(), request(), Config::default(), SEED);
    let error = runtime().block_on(async { finish(opened, 3).unwrap_err() });
    assert!(broken(error) && stream.written().is_empty());

    let stream = failing();
    let error =
        blocking::client_with_seed(stream.clone(), request(), Config::default(), SEED).unwrap_err();
    assert!(broken(error) && stream.written().is_empty());
}

// R57: the peer may wait for what lies in a buffer of the stream's
#[test]
fn r57_every_step_is_flushed() {
    let request = || ClientRequest::new("ws://localhost/").unwrap();
    let flushed = |stream: &Scripted| {
        let log = stream.log();
        let last = log.iter().rposition(|op| matches!(op, Op::Write(_))).expect("written");
        assert_eq!(log.get(last + 1), Some(&Op::Flush), "{log:?}");
    };
    let asked = || Scripted::new([Bring::Bytes(REQUEST.to_vec()), Bring::Eof]);
    let refused = || Scripted::new([Bring::Bytes(b"GET / HTTP/1.0\r\n\r\n".to_vec()), Bring::Eof]);

    let stream = Scripted::default();
    blocking::client_with_seed(stream.clone(), request(), Config::default(), SEED).unwrap_err();
    flushed(&stream);
    for reject in [false, true] {
        let stream = asked();
        let incoming = blocking::accept(stream.clone(), Config::default()).unwrap();
        if reject {
            incoming.reject(Rejection::forbidden()).unwrap();
        } else {
            incoming.accept(Acceptance::new()).unwrap();
        }
        flushed(&stream);
    }
    let stream = refused();
    blocking::accept(stream.clone(), Config::default()).unwrap_err();
    flushed(&stream);

    runtime().block_on(async {
        let stream = Scripted::default();
        let opening =
            asynchronous::client_with_seed(stream.clone(), request(), Config::default(), SEED);
        assert!(poll_times(opening, 3).is_none());
        flushed(&stream);
        for reject in [false, true] {
            let stream = asked();
            let incoming = asynchronous::accept(stream.clone(), Config::default()).await.unwrap();
            if reject {
                incoming.reject(Rejection::forbidden()).await.unwrap();
            } else {
                incoming.accept(Acceptance::new()).await.unwrap();
            }
            flushed(&stream);
        }
        let stream = refused();
        asynchronous::accept(stream.clone(), Config::default()).await.unwrap_err();
        flushed(&stream);
    });
}
