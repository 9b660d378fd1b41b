//! SOCKS version 5 (RFC 1928), and its authentication by user and password (RFC 1929).

use core::time::Duration;

use framewise::{
    Config,
    client::{Proxy, ProxyError, ProxyHandshake, SocksReply},
    time::Instant,
};

use super::{Outcome, fails, handshake, outcome, receive, start, take_written, uri};

/// What follows an answer that selects no authentication.
const OPEN: &[u8] = b"\x05\0";

/// A reply of success, with 0.0.0.0:0.
const SUCCESS: &[u8] = b"\x05\0\0\x01\0\0\0\0\0\0";

fn make() -> ProxyHandshake {
    handshake("socks5://proxy.example", "wss://server.example.com/chat")
}

fn with_password() -> ProxyHandshake {
    handshake("socks5://user:secret@proxy.example", "wss://server.example.com/chat")
}

#[track_caller]
fn connects(make: impl Fn() -> ProxyHandshake, parts: &[&[u8]]) -> Vec<u8> {
    let (outcome, written) = outcome(make, parts.concat());
    assert_eq!(outcome, Outcome::Connected, "{parts:?}");
    written
}

// RFC 1928 §3, §4; 6455-4.1-11
#[test]
fn the_proxy_resolves_the_name() {
    let mut handshake = make();
    assert_eq!(take_written(&mut handshake), b"\x05\x01\0", "no authentication is offered");
    assert_eq!(receive(&mut handshake, OPEN), Ok(None));
    let request = b"\x05\x01\0\x03\x12server.example.com\x01\xbb";
    assert_eq!(take_written(&mut handshake), request);
    assert_eq!(receive(&mut handshake, SUCCESS), Ok(Some(())));
    assert!(handshake.output().is_empty());
    // The same for both schemes.
    let written = connects(|| self::handshake("socks5h://p", "ws://a.b./"), &[OPEN, SUCCESS]);
    assert_eq!(written, b"\x05\x01\0\x05\x01\0\x03\x04a.b.\0\x50");
}

// RFC 1928 §5
#[test]
fn an_address_is_sent_as_one() {
    for (target, request) in [
        ("ws://192.0.2.1:8080/", &b"\x05\x01\0\x01\xc0\0\x02\x01\x1f\x90"[..]),
        (
            "wss://[2001:db8::1]/",
            b"\x05\x01\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb",
        ),
        (
            "ws://[::ffff:192.0.2.1]:1/",
            b"\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01\0\x01",
        ),
        // No address, as the proxy may see it: not four numbers.
        ("ws://192.0.2/", b"\x05\x01\0\x03\x07192.0.2\0\x50"),
    ] {
        let written = connects(|| handshake("socks5://p", target), &[OPEN, SUCCESS]);
        assert_eq!(written, [b"\x05\x01\0", request].concat(), "{target}");
    }
}

// RFC 1928 §5: one byte has the length.
#[test]
fn a_name_has_at_most_255_bytes() {
    let make = |len| {
        let target = format!("ws://{}/", "a".repeat(len));
        start("socks5://p", &target, Config::default())
    };
    let written = connects(|| make(255).unwrap(), &[OPEN, SUCCESS]);
    assert_eq!(written.len(), 3 + 5 + 255 + 2);
    assert_eq!(make(256).unwrap_err(), ProxyError::HostTooLong);
    // HTTP has no such limit.
    assert!(start("http://p", &format!("ws://{}/", "a".repeat(256)), Config::default()).is_ok());
}

// RFC 1929 §2
#[test]
fn user_and_password_are_sent_when_the_proxy_asks() {
    let mut handshake = with_password();
    assert_eq!(take_written(&mut handshake), b"\x05\x02\0\x02");
    assert_eq!(receive(&mut handshake, b"\x05\x02"), Ok(None));
    assert_eq!(take_written(&mut handshake), b"\x01\x04user\x06secret");
    assert_eq!(receive(&mut handshake, b"\x01\0"), Ok(None));
    assert_eq!(take_written(&mut handshake), b"\x05\x01\0\x03\x12server.example.com\x01\xbb");
    assert_eq!(receive(&mut handshake, SUCCESS), Ok(Some(())));
    // And not when it does not.
    let written = connects(with_password, &[OPEN, SUCCESS]);
    assert!(!written.windows(6).any(|part| part == b"secret"));
    // Some proxies write the version of SOCKS and not that of the authentication.
    connects(with_password, &[b"\x05\x02", b"\x05\0", SUCCESS]);
    // Any bytes, of any length that fits.
    let long = format!("socks5://{}:%00%ff@p", "u".repeat(255));
    let written = connects(|| self::handshake(&long, "ws://h/"), &[b"\x05\x02\x01\0", SUCCESS]);
    assert_eq!(written[4..6], [1, 255]);
    assert_eq!(written[261..264], [2, 0, 255]);
}

// RFC 1929 §2
#[test]
fn a_password_that_is_refused_fails() {
    for status in [1, 2, 0xff] {
        let error = fails(with_password, [5, 2, 1, status]);
        assert_eq!(error, ProxyError::AuthenticationFailed);
    }
}

// RFC 1928 §3
#[test]
fn a_method_that_was_not_offered_fails() {
    assert_eq!(fails(make, b"\x05\xff"), ProxyError::NoAcceptableMethod);
    assert_eq!(fails(with_password, b"\x05\xff"), ProxyError::NoAcceptableMethod);
    for method in 1..=254 {
        assert_eq!(fails(make, [5, method]), ProxyError::UnexpectedMethod(method));
        if method != 2 {
            assert_eq!(fails(with_password, [5, method]), ProxyError::UnexpectedMethod(method));
        }
    }
    let text = ProxyError::UnexpectedMethod(2).to_string();
    assert_eq!(text, "the proxy asks for a user and a password");
}

// RFC 1928 §6; 6455-4.1-14
#[test]
fn each_reply_says_what_it_means() {
    for (code, reply, text) in [
        (1, SocksReply::GeneralFailure, "the proxy failed to connect to the host"),
        (2, SocksReply::NotAllowed, "the proxy does not allow a connection to the host"),
        (3, SocksReply::NetworkUnreachable, "the proxy cannot reach the network of the host"),
        (4, SocksReply::HostUnreachable, "the proxy cannot reach the host"),
        (5, SocksReply::ConnectionRefused, "the host refused the proxy's connection"),
        (6, SocksReply::TtlExpired, "the proxy's connection to the host took too many hops"),
        (7, SocksReply::CommandNotSupported, "the proxy does not open connections"),
        (8, SocksReply::AddressTypeNotSupported, "the proxy does not support this type of address"),
        (9, SocksReply::Other(9), "the proxy did not connect to the host: reply 0x09"),
        (255, SocksReply::Other(255), "the proxy did not connect to the host: reply 0xff"),
    ] {
        // With an address, and with none.
        for rest in [&b"\0\x01\0\0\0\0\0\0"[..], b"", b"\0\x09"] {
            let error = fails(make, [OPEN, &[5, code], rest].concat());
            assert_eq!(error, ProxyError::SocksRefused(reply));
            assert_eq!(error.to_string(), text);
        }
    }
}

// RFC 1928 §6: the address that the proxy has bound says nothing to us.
#[test]
fn a_bound_address_of_any_type_is_skipped_exactly() {
    let long = [&b"\x03\xff"[..], &[b'x'; 255], b"\0\x50"].concat();
    for address in [
        &b"\x01\x7f\0\0\x01\x04\x38"[..],
        b"\x03\x05proxy\x04\x38",
        b"\x03\0\x04\x38",
        &long,
        b"\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x04\x38",
    ] {
        // The reserved byte may be anything.
        for reserved in [0, 1, 0xff] {
            let reply = [&[5, 0, reserved], address].concat();
            connects(make, &[OPEN, &reply]);
            for len in 0..reply.len() {
                let (outcome, _) = outcome(make, [OPEN, &reply[..len]].concat());
                assert_eq!(outcome, Outcome::Waits(ProxyError::UnexpectedEof), "{len}");
            }
            let error = fails(make, [OPEN, &reply, b"x"].concat());
            assert_eq!(error, ProxyError::UnexpectedBytes);
        }
    }
    for kind in [0, 2, 5, 0xff] {
        let error = fails(make, [OPEN, &[5, 0, 0, kind], &[0; 300]].concat());
        assert_eq!(error, ProxyError::InvalidReply);
    }
}

#[test]
fn what_is_not_socks_fails_at_the_first_byte() {
    for first in (0..=255).filter(|first| *first != 5) {
        assert_eq!(fails(make, [first]), ProxyError::NotSocks(first));
        assert_eq!(fails(make, [5, 0, first, 0]), ProxyError::InvalidReply);
    }
    let error = fails(make, "HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_eq!(error, ProxyError::NotSocks(b'H'));
    assert!(error.to_string().ends_with("it seems to speak HTTP, try http://"));
    assert!(fails(make, b"\0\x5b").to_string().ends_with("its first byte is 0x00"));
}

// A proxy that answers what it was not asked yet gets what it would have got otherwise.
#[test]
fn early_answers_make_no_difference() {
    let answers = [b"\x05\x02\x01\0", SUCCESS].concat();
    let mut early = with_password();
    assert_eq!(receive(&mut early, &answers), Ok(Some(())));
    let early = take_written(&mut early);
    assert_eq!(early, connects(with_password, &[&answers]));
}

// R46
#[test]
fn a_slow_proxy_is_bounded() {
    let at = |seconds| Instant::from_origin(Duration::from_secs(seconds));
    let (proxy, target) = (Proxy::new("socks5://p").unwrap(), uri("ws://h/"));
    let server = proxy.server_for(&target).unwrap();
    let limit = Some(Duration::from_secs(5));
    for bytes in [&b""[..], b"\x05", b"\x05\0", b"\x05\0\x05\0\0\x03\xffproxy"] {
        let mut handshake = ProxyHandshake::new(server, &target, Config::default(), limit).unwrap();
        assert_eq!(handshake.poll_timeout(at(0)), Some(at(5)));
        assert_eq!(receive(&mut handshake, bytes), Ok(None));
        assert_eq!(handshake.poll_timeout(at(4)), Some(at(5)), "no answer renews it");
        assert_eq!(handshake.handle_timeout(at(5)), Err(ProxyError::Timeout));
        assert!(handshake.output().is_empty());
        assert_eq!(handshake.receive_eof(), ProxyError::Timeout);
    }
}

#[test]
fn nothing_shows_a_password() {
    let mut handshake = with_password();
    let mut shown = format!("{handshake:?}");
    assert_eq!(receive(&mut handshake, b"\x05\x02"), Ok(None));
    shown += &format!("{handshake:?}");
    let error = receive(&mut handshake, b"\x01\x01").unwrap_err();
    shown += &format!("{error:?} {error} {handshake:?}");
    assert!(shown.contains("AuthenticationFailed"));
    assert!(!shown.contains("secret") && !shown.contains("user:"), "{shown}");
}
