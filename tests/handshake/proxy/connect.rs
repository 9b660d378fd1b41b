//! CONNECT of HTTP/1.1 (RFC 9110 §9.3.6, RFC 9112 §3.2.3, §6.3).

use core::time::Duration;

use framewise::{
    Config, Input,
    client::{Proxy, ProxyError, ProxyHandshake},
    handshake::Response,
    time::Instant,
};

use super::{Outcome, fails, handshake, outcome, receive, start, uri};
use crate::support::{Message, octets};

fn make() -> ProxyHandshake {
    handshake("http://proxy.example:3128", "wss://server.example.com/chat?token=secret")
}

/// The request for a target.
fn request(proxy: &str, target: &str) -> Message {
    let request = Message::read(&octets(handshake(proxy, target).output()));
    assert!(request.body.is_empty());
    request
}

/// The refusal in these bytes.
#[track_caller]
fn refused(bytes: impl AsRef<[u8]>) -> Response {
    match fails(make, bytes) {
        ProxyError::Refused(response) => *response,
        error => panic!("{error:?}"),
    }
}

// 6455-4.1-11
#[test]
fn the_request_names_host_and_port() {
    for (target, authority) in [
        ("ws://example.com/", "example.com:80"),
        ("wss://example.com/", "example.com:443"),
        ("wss://example.com:8443/chat?a=b", "example.com:8443"),
        ("ws://192.0.2.1/", "192.0.2.1:80"),
        ("wss://[2001:db8::1]/", "[2001:db8::1]:443"),
        ("ws://[::1]:9001/", "[::1]:9001"),
    ] {
        let request = request("proxy.example", target);
        assert_eq!(request.start, format!("CONNECT {authority} HTTP/1.1"));
        assert_eq!(request.fields, [("Host".to_owned(), authority.to_owned())]);
    }
}

// RFC 7617 §2
#[test]
fn credentials_are_sent_as_basic() {
    for (userinfo, basic) in [
        ("Aladdin:open%20sesame", Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
        ("Aladdin:open sesame", Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
        ("test:123%C2%A3", Some("Basic dGVzdDoxMjPCow==")),
        ("user", Some("Basic dXNlcjo=")),
        ("user:", Some("Basic dXNlcjo=")),
        (":pass", Some("Basic OnBhc3M=")),
        ("u:p%40%3a%2F", Some("Basic dTpwQDov")),
        ("u:p@", Some("Basic dTpwQA==")),
        ("", None),
    ] {
        let request = request(&format!("http://{userinfo}@proxy:3128/"), "ws://h/");
        assert_eq!(request.value("Proxy-Authorization"), basic, "{userinfo}");
    }
    assert_eq!(request("http://proxy", "ws://h/").value("Proxy-Authorization"), None);
}

// RFC 9110 §9.3.6, RFC 9112 §6.3
#[test]
fn any_2xx_connects_and_has_no_body() {
    for head in [
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200 Connection established\r\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 299 x\r\nProxy-Agent: x\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let (outcome, written) = outcome(make, head);
        assert_eq!(outcome, Outcome::Connected, "{head}");
        assert!(written.ends_with(b"\r\n\r\n"), "nothing follows the request");
    }
}

// A proxy could answer in the place of the host.
#[test]
fn bytes_that_follow_a_2xx_are_an_error() {
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"] {
        for rest in ["x", "\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "\x16\x03\x03"] {
            let error = fails(make, format!("{head}{rest}"));
            assert_eq!(error, ProxyError::UnexpectedBytes);
        }
    }
    // Nothing follows when nothing is read.
    let mut handshake = make();
    assert_eq!(receive(&mut handshake, b"HTTP/1.1 200 OK\r\n\r\n"), Ok(Some(())));
    assert_eq!(receive(&mut handshake, b""), Ok(None));
    assert_eq!(receive(&mut handshake, b""), Ok(None));
    assert_eq!(handshake.handle_timeout(Instant::ORIGIN), Ok(()));
    assert_eq!(receive(&mut handshake, b"x"), Err(ProxyError::UnexpectedBytes));
}

// 6455-4.1-14, 9112-6.3-03
#[test]
fn another_status_refuses_with_its_body() {
    for (status, line, body) in [
        (407, "Content-Length: 2", "no"),
        (502, "Transfer-Encoding: chunked", "2\r\nno\r\n0\r\n"),
        (301, "Content-Length: 2", "no"),
        (400, "Content-Length: 2", "no"),
        (999, "Content-Length: 2", "no"),
    ] {
        let response = refused(format!("HTTP/1.1 {status} x\r\n{line}\r\n\r\n{body}"));
        assert_eq!((response.status(), response.body()), (status, &b"no"[..]));
        assert!(response.body_is_complete());
    }
    // Up to the end of the stream, as proxies of HTTP/1.0 write it.
    let (outcome, _) = outcome(make, "HTTP/1.0 403 Forbidden\r\n\r\nnot there");
    let Outcome::Waits(ProxyError::Refused(response)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((response.status(), response.body()), (403, &b"not there"[..]));
    assert!(response.body_is_complete());
    // What follows the body is not looked at.
    let response = refused("HTTP/1.1 403 x\r\nContent-Length: 2\r\n\r\nno, never");
    assert_eq!(response.body(), b"no");
}

#[test]
fn a_101_was_not_asked_for() {
    let response = refused("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!((response.status(), response.body()), (101, &b""[..]));
    assert_eq!(fails(make, "HTTP/1.0 101 x\r\n\r\n"), ProxyError::UnsupportedHttpVersion);
}

#[test]
fn a_refusal_says_what_a_person_has_to_know() {
    for (head, text) in [
        (
            "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"",
            "the proxy answered 407 Proxy Authentication Required (Proxy-Authenticate: Basic realm=\\\"x\\\")",
        ),
        ("407", "the proxy answered 407 Proxy Authentication Required"),
        ("403 \r\nX: y", "the proxy answered 403 Forbidden"),
        ("502 no route", "the proxy answered 502 no route"),
        ("503 \r\nRetry-After: 7", "the proxy answered 503 Service Unavailable (Retry-After: 7)"),
        ("599", "the proxy answered 599"),
        ("500 \x1b[2J", ""),
    ] {
        let error = fails(make, format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n"));
        match text {
            "" => assert_eq!(error, ProxyError::InvalidHead),
            text => assert_eq!(error.to_string(), text),
        }
    }
}

#[test]
fn what_is_not_http_fails_at_once() {
    let error = fails(make, b"\x05\xff");
    assert_eq!(
        error.to_string(),
        r#"the proxy's answer does not begin with HTTP/: "\x05\xff": it seems to speak SOCKS, try socks5://"#
    );
    let error = fails(make, b"\x15\x03\x01\0\x02\x02\x46");
    assert!(error.to_string().ends_with(": it seems to speak TLS, which is not supported"));
    let error = fails(make, b"SSH-2.0-OpenSSH_9.6\r\n");
    assert!(error.to_string().ends_with(r#": "SSH-2.0-OpenSSH_9.6\r\n""#), "{error}");
    assert_eq!(fails(make, "HTTP/2.0 200 OK\r\n\r\n"), ProxyError::UnsupportedHttpVersion);
    for bytes in [
        "HTTP/1.1 200 OK\nVia: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nVia : x\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\0",
    ] {
        assert_eq!(fails(make, bytes), ProxyError::InvalidHead, "{bytes}");
    }
}

#[test]
fn a_head_of_exactly_the_limit_passes() {
    let head = "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n";
    let limited = |size, fields| {
        let config = Config::default().max_head_size(size).max_headers(fields);
        move || start("proxy", "ws://h/", config.clone()).unwrap()
    };
    assert_eq!(outcome(limited(head.len(), 2), head).0, Outcome::Connected);
    assert_eq!(fails(limited(head.len() - 1, 2), head), ProxyError::HeadTooLarge);
    assert_eq!(fails(limited(10, 2), head), ProxyError::HeadTooLarge, "in the status line");
    assert_eq!(fails(limited(head.len(), 1), head), ProxyError::TooManyHeaders);
}

// 9110-15.2-01
#[test]
fn an_endless_proxy_is_bounded() {
    // The head.
    let mut endless = make();
    let mut result = receive(&mut endless, b"HTTP/1.1 200 OK\r\n");
    for _ in 0..10_000 {
        let Ok(None) = result else { break };
        result = receive(&mut endless, b"X: 0123456789\r\n");
    }
    assert_eq!(result, Err(ProxyError::HeadTooLarge));
    // Interim responses.
    let interim = "HTTP/1.1 102 Processing\r\n\r\n";
    let (some, many) = (interim.repeat(16), interim.repeat(17));
    assert_eq!(outcome(make, some + "HTTP/1.1 200 OK\r\n\r\n").0, Outcome::Connected);
    assert_eq!(fails(make, many), ProxyError::TooManyInterimResponses);
    // The body.
    for head in ["", "Content-Length: 1000000000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut endless = make();
        let head = format!("HTTP/1.1 502 x\r\n{head}\r\nfffffff\r\n");
        let mut result = receive(&mut endless, head.as_bytes());
        for _ in 0..200 {
            let Ok(None) = result else { break };
            result = receive(&mut endless, &[b'x'; 1000]);
        }
        let Err(ProxyError::Refused(response)) = result else { panic!("{result:?}") };
        assert_eq!((response.body().len(), response.body_is_complete()), (64 << 10, false));
    }
}

fn at(seconds: u64) -> Instant {
    Instant::from_origin(Duration::from_secs(seconds))
}

/// A handshake with a time limit.
fn limited(limit: Option<Duration>) -> ProxyHandshake {
    let (proxy, target) = (Proxy::new("proxy").unwrap(), uri("ws://h/"));
    let server = proxy.server_for(&target).unwrap();
    // The limit of the configuration is another one.
    ProxyHandshake::new(server, &target, Config::default(), limit).unwrap()
}

// R46
#[test]
fn a_slow_proxy_is_bounded() {
    let mut silent = limited(Some(Duration::from_secs(7)));
    assert_eq!(silent.poll_timeout(at(1)), Some(at(8)));
    assert_eq!(silent.poll_timeout(at(3)), Some(at(8)), "time runs from the first call");
    assert_eq!(receive(&mut silent, b"HTTP/1.1 100 x\r\n\r\nHTTP/1.1 2"), Ok(None));
    assert_eq!(silent.handle_timeout(at(7)), Ok(()), "calling early does no harm");
    assert_eq!(silent.handle_timeout(at(8)), Err(ProxyError::Timeout));
    assert_eq!(silent.handle_timeout(at(9)), Err(ProxyError::Timeout));
    assert_eq!((silent.poll_timeout(at(9)), silent.output().len()), (None, 0));
    assert_eq!(receive(&mut silent, b"00 OK\r\n\r\n"), Err(ProxyError::Timeout));
    // With the head of a refusal, that is what it fails with.
    let mut slow = limited(Some(Duration::from_secs(7)));
    assert_eq!(slow.handle_timeout(at(1)), Ok(()));
    let head = b"HTTP/1.1 403 x\r\nContent-Length: 9\r\n\r\nno";
    assert_eq!(receive(&mut slow, head), Ok(None));
    assert_eq!(slow.poll_timeout(at(2)), Some(at(8)), "the body renews nothing");
    let error = slow.handle_timeout(at(8)).unwrap_err();
    assert_eq!(error.response().map(|it| (it.status(), it.body())), Some((403, &b"no"[..])));
}

#[test]
fn the_time_may_be_unlimited_or_over() {
    let mut unlimited = limited(None);
    assert_eq!((unlimited.poll_timeout(at(0)), unlimited.handle_timeout(at(9999))), (None, Ok(())));
    let mut over = limited(Some(Duration::ZERO));
    assert_eq!(over.handle_timeout(at(5)), Err(ProxyError::Timeout));
    let mut done = limited(Some(Duration::from_secs(1)));
    assert_eq!(done.poll_timeout(at(0)), Some(at(1)));
    assert_eq!(receive(&mut done, b"HTTP/1.1 200 OK\r\n\r\n"), Ok(Some(())));
    assert_eq!((done.poll_timeout(at(1)), done.handle_timeout(at(9))), (None, Ok(())));
}

#[test]
fn an_end_of_the_stream_is_no_answer() {
    let head = b"HTTP/1.1 200 OK\r\n\r\n";
    for len in 0..head.len() {
        let mut handshake = make();
        assert_eq!(receive(&mut handshake, &head[..len]), Ok(None));
        assert_eq!(handshake.receive_eof(), ProxyError::UnexpectedEof);
        assert_eq!(receive(&mut handshake, &head[len..]), Err(ProxyError::UnexpectedEof));
    }
    let mut handshake = make();
    assert_eq!(receive(&mut handshake, b"HTTP/1.1 403 x\r\nContent-Length: 9\r\n\r\nno"), Ok(None));
    let error = handshake.receive_eof();
    assert_eq!(error.response().map(|it| it.body_is_complete()), Some(false));
}

// A write that was in flight is reported after the proxy has refused.
#[test]
fn output_that_was_dropped_may_still_be_reported() {
    for answer in ["HTTP/1.1 403 x\r\nContent-Length: 9\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nx", "x"] {
        let mut handshake = make();
        let len = handshake.output().len();
        let _ = receive(&mut handshake, answer.as_bytes());
        assert!(handshake.output().is_empty(), "{answer}");
        handshake.output().advance(len);
        assert!(handshake.output().is_empty());
    }
}

#[test]
fn nothing_shows_a_password_or_a_query() {
    let mut handshake =
        handshake("http://user:hunter2@proxy:3128", "wss://h.example/?token=hunter2");
    let mut shown = format!("{handshake:?}");
    assert!(!octets(handshake.output()).windows(5).any(|part| part == b"token"));
    let head = b"HTTP/1.1 407 x\r\nProxy-Authorization: hunter2\r\nContent-Length: 1\r\n\r\n";
    assert_eq!(receive(&mut handshake, head), Ok(None));
    shown += &format!("{handshake:?}");
    let error = handshake.receive(&mut Input::new(&mut b"x".to_vec())).unwrap_err();
    shown += &format!("{error:?} {error} {handshake:?}");
    assert!(shown.contains("407"));
    for secret in ["hunter2", "user", "dXNlcjpodW50ZXIy"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn errors_are_small() {
    assert!(size_of::<ProxyError>() <= 24);
    assert!(size_of::<Result<Option<()>, ProxyError>>() <= 24);
}
