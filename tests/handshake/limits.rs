//! Limits on size, number and time (RFC 6455 §10.4).

use core::time::Duration;

use framewise::{
    Config, Input,
    handshake::{ClientHandshake, ClientRequest, HandshakeError, ServerHandshake, Upgrade},
    time::Instant,
};

use crate::support::{Message, client, octets, request, request_for, upgrade};

fn config(edit: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    edit(&mut config);
    config
}

/// Gives octets to a server in pieces.
fn serve(bytes: &[u8], step: usize, config: Config) -> Result<Option<Upgrade>, HandshakeError> {
    let mut server = ServerHandshake::new(config);
    for piece in bytes.chunks(step) {
        if let Some(upgrade) = server.receive(&mut Input::new(&mut piece.to_vec()))? {
            return Ok(Some(upgrade));
        }
    }
    Ok(None)
}

// 6455-4.2.1-25, 9110-5.4-01
#[test]
fn a_request_of_exactly_the_limit_passes() {
    let bytes = request(&[], &[]);
    for step in [1, 7, bytes.len()] {
        let exact = config(|config| config.max_head_size = bytes.len());
        assert!(serve(&bytes, step, exact).unwrap().is_some());
        let less = config(|config| config.max_head_size = bytes.len() - 1);
        assert_eq!(serve(&bytes, step, less).unwrap_err(), HandshakeError::HeadTooLarge);
    }
    // The empty lines before it count.
    let bytes = [b"\r\n\r\n", &*bytes].concat();
    for step in [1, 7, bytes.len()] {
        let exact = config(|config| config.max_head_size = bytes.len());
        assert!(serve(&bytes, step, exact).unwrap().is_some());
        let less = config(|config| config.max_head_size = bytes.len() - 1);
        assert_eq!(serve(&bytes, step, less).unwrap_err(), HandshakeError::HeadTooLarge);
    }
}

// 6455-4.2.1-25, 9110-5.4-01
#[test]
fn an_endless_head_is_answered_by_431() {
    let mut server = ServerHandshake::new(Config::default());
    let mut bytes = request(&[], &[]);
    bytes.truncate(bytes.len() - 2);
    let mut total = 0;
    let error = loop {
        total += bytes.len();
        match server.receive(&mut Input::new(&mut bytes)) {
            Ok(None) => bytes = b"X: 0123456789\r\n".to_vec(),
            Ok(Some(_)) => panic!("there is no empty line"),
            Err(error) => break error,
        }
    };
    assert_eq!(error, HandshakeError::HeadTooLarge);
    assert!(total < (16 << 10) + 20);
    assert_eq!(Message::read(&octets(server.output())).status, 431);
    // Empty lines without end are refused as well.
    let mut server = ServerHandshake::new(Config::default());
    let error = server.receive(&mut Input::new(&mut b"\r\n".repeat(10_000))).unwrap_err();
    assert_eq!(error.status(), Some(431));
}

// 6455-4.2.1-25, 9112-3-02
#[test]
fn a_long_target_is_answered_by_414() {
    let bytes = request_for(&format!("/{}", "a".repeat(20_000)));
    for step in [1, 1000, bytes.len()] {
        let error = serve(&bytes, step, Config::default()).unwrap_err();
        assert_eq!((&error, error.status()), (&HandshakeError::TargetTooLong, Some(414)));
    }
}

// 6455-4.2.1-25, 9110-5.4-01
#[test]
fn the_number_of_fields_is_bounded() {
    let bytes = request(&[], &["A: b"; 10]);
    for step in [1, bytes.len()] {
        let exact = config(|config| config.max_headers = 15);
        assert_eq!(serve(&bytes, step, exact).unwrap().unwrap().headers().len(), 15);
        let less = config(|config| config.max_headers = 14);
        let error = serve(&bytes, step, less).unwrap_err();
        assert_eq!((&error, error.status()), (&HandshakeError::TooManyHeaders, Some(431)));
    }
    // From an HTTP server: one field too many, or as many as may be, which are wrong otherwise.
    for (count, expected) in
        [(101, HandshakeError::TooManyHeaders), (100, HandshakeError::InvalidHost)]
    {
        let headers = core::iter::repeat_n(("a", &b"b"[..]), count);
        let version = framewise::handshake::HttpVersion::Http11;
        let upgrade = Upgrade::from_http("GET", version, "/", headers, Config::default());
        assert_eq!(upgrade.unwrap_err(), expected);
    }
    upgrade(request(&[], &["A: b"; 95]));
}

// 6455-4.1-75; R38
#[test]
fn a_response_is_bounded() {
    let mut endless = client(&[]);
    let mut result = endless.receive("HTTP/1.1 101 x\r\n");
    while let Ok(None) = result {
        result = endless.receive("X: 0123456789\r\n");
    }
    assert_eq!(result.unwrap_err(), HandshakeError::HeadTooLarge);
    let mut many = client(&[]);
    let response = many.response(&[], &["A: b"; 100]);
    assert_eq!(many.fails(response), HandshakeError::TooManyHeaders);
}

// 6455-4.1-75
#[test]
fn a_response_of_exactly_the_limit_passes() {
    let respond = |bytes: &[u8], step: usize, config: Config| {
        // The seed of `client`, so that the answer to its key is the right one.
        let request = ClientRequest::new("ws://server.example.com/chat").unwrap();
        let mut client = ClientHandshake::new(request, config, [3; 32]);
        for piece in bytes.chunks(step) {
            if let Some(established) = client.receive(&mut Input::new(&mut piece.to_vec()))? {
                return Ok(established.response.headers().len());
            }
        }
        panic!("the response is complete")
    };
    let bytes = client(&[]).response(&[], &["A: b"; 10]);
    for step in [1, 7, bytes.len()] {
        let size = |size| config(|config| config.max_head_size = size);
        assert_eq!(respond(&bytes, step, size(bytes.len())), Ok(13));
        let less = respond(&bytes, step, size(bytes.len() - 1));
        assert_eq!(less, Err(HandshakeError::HeadTooLarge));
        let fields = |fields| config(|config| config.max_headers = fields);
        assert_eq!(respond(&bytes, step, fields(13)), Ok(13));
        assert_eq!(respond(&bytes, step, fields(12)), Err(HandshakeError::TooManyHeaders));
    }
}

// 9110-15.2-01
#[test]
fn interim_responses_are_bounded() {
    let interim = "HTTP/1.1 102 Processing\r\n\r\n";
    let mut some = client(&[]);
    let bytes = [interim.repeat(16).into_bytes(), some.response(&[], &[])].concat();
    assert!(some.receive(bytes).unwrap().is_some());
    let error = client(&[]).fails(interim.repeat(17));
    assert_eq!(error, HandshakeError::TooManyInterimResponses);
}

fn at(seconds: u64) -> Instant {
    Instant::ORIGIN + Duration::from_secs(seconds)
}

// 6455-7.2.2-01, 6455-10.7-04
#[test]
fn r46_a_slow_request_is_answered_by_408() {
    let mut server = ServerHandshake::new(Config::default());
    assert_eq!(server.poll_timeout(at(5)), Some(at(15)));
    assert_eq!(server.poll_timeout(at(7)), Some(at(15)), "time runs from the first call");
    assert!(server.receive(&mut Input::new(&mut b"GET /".to_vec())).unwrap().is_none());
    assert_eq!(server.handle_timeout(at(14)), Ok(()), "calling early does no harm");
    assert_eq!(server.handle_timeout(at(15)), Err(HandshakeError::Timeout));
    assert_eq!(server.poll_timeout(at(16)), None);
    let response = Message::read(&octets(server.output()));
    assert_eq!((response.status, response.value("Connection")), (408, Some("close")));
    let mut rest = request(&[], &[]);
    assert_eq!(server.receive(&mut Input::new(&mut rest)).unwrap_err(), HandshakeError::Timeout);
}

// 6455-4.1-73
#[test]
fn r46_a_slow_response_fails() {
    let request = ClientRequest::new("ws://h/").unwrap();
    let mut client = ClientHandshake::new(request, Config::default(), [1; 32]);
    assert_eq!(client.poll_timeout(at(0)), Some(at(10)));
    assert_eq!(client.handle_timeout(at(9)), Ok(()));
    assert_eq!(client.handle_timeout(at(10)), Err(HandshakeError::Timeout));
    assert!(client.output().is_empty());
    assert_eq!(client.receive_eof(), HandshakeError::Timeout);
}

#[test]
fn r46_the_time_ends_with_the_handshake_and_may_be_unlimited() {
    let mut server = ServerHandshake::new(Config::default());
    assert!(server.poll_timeout(at(0)).is_some());
    server.receive(&mut Input::new(&mut request(&[], &[]))).unwrap().unwrap();
    assert_eq!(server.poll_timeout(at(1)), None);
    assert_eq!(server.handle_timeout(at(100)), Ok(()));
    let unlimited = config(|config| config.handshake_timeout = None);
    let mut server = ServerHandshake::new(unlimited);
    assert_eq!((server.poll_timeout(at(0)), server.handle_timeout(at(99))), (None, Ok(())));
}

#[test]
fn errors_are_small() {
    assert!(size_of::<HandshakeError>() <= 32);
    assert!(size_of::<Result<(), HandshakeError>>() <= 32);
}

// Limits that nothing can meet refuse everything; they do no other harm.
#[test]
fn the_smallest_limits_mean_what_they_say() {
    let bytes = request(&[], &[]);
    for step in [1, bytes.len()] {
        for limits in [Config::default().max_headers(0), Config::default().max_headers(1)] {
            assert_eq!(serve(&bytes, step, limits).unwrap_err(), HandshakeError::TooManyHeaders);
        }
        for size in [0, 1, 2] {
            let error = serve(&bytes, step, Config::default().max_head_size(size)).unwrap_err();
            let of_size =
                matches!(error, HandshakeError::HeadTooLarge | HandshakeError::TargetTooLong);
            assert!(of_size, "{size}: {error:?}");
        }
    }
}

// Zero is no limit of time
#[test]
fn a_handshake_timeout_of_zero_is_none() {
    let config = Config::default().handshake_timeout(Duration::ZERO);
    let mut server = ServerHandshake::new(config);
    assert_eq!(server.poll_timeout(Instant::ORIGIN), None);
    let late = Instant::from_origin(Duration::from_secs(1000));
    assert_eq!(server.handle_timeout(late), Ok(()));
}
