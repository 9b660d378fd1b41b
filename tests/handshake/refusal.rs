//! A response that refuses: any version of HTTP/1, with its body (RFC 9112 §6, §7; RFC 9110 §15).

use core::time::Duration;

use framewise::{
    Input,
    handshake::{HandshakeError, Response},
    time::Instant,
};

use crate::support::{Client, client};

/// What a client makes of a response that comes in pieces of `step` bytes: the refusal, and how many
/// bytes were taken from the stream, or `None` while it waits for more.
fn read(bytes: &[u8], step: usize) -> (Client, Option<(Response, usize)>) {
    let mut client = client(&[]);
    let mut taken = 0;
    for piece in bytes.chunks(step) {
        let mut piece = piece.to_vec();
        let len = piece.len();
        let mut input = Input::new(&mut piece);
        let result = client.handshake.receive(&mut input);
        taken += len - input.len();
        match result {
            Ok(None) => assert!(input.is_empty(), "input is left"),
            Ok(Some(_)) => panic!("the connection is open"),
            Err(HandshakeError::Rejected(response)) => return (client, Some((*response, taken))),
            Err(error) => panic!("{error:?} and not the refusal: {}", bytes.escape_ascii()),
        }
    }
    (client, None)
}

/// The refusal in these bytes, which is the same however they are cut. The machine returns it when
/// the first `taken` bytes have come.
#[track_caller]
fn refusal_after(bytes: impl AsRef<[u8]>, taken: usize) -> Response {
    let bytes = bytes.as_ref();
    let (mut client, whole) = read(bytes, bytes.len());
    let (response, len) = whole.expect("the refusal is complete");
    assert_eq!(len, taken, "{}", bytes.escape_ascii());
    // For good, and without a word.
    let error = client.receive(b"more").unwrap_err();
    assert_eq!(error.response(), Some(&response));
    assert_eq!(client.handshake.receive_eof(), error);
    assert_eq!(client.handshake.response(), Some(&response));
    assert!(client.handshake.output().is_empty());
    for step in [1, 2, 3, 7] {
        let (_, cut) = read(bytes, step);
        assert_eq!(cut, Some((response.clone(), taken)), "in pieces of {step}");
    }
    for cut in 0..bytes.len().min(300) {
        let mut client = self::client(&[]);
        let first = client.receive(&bytes[..cut]);
        let error = match first {
            Ok(_) => client.receive(&bytes[cut..]).unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.response(), Some(&response), "cut at {cut}");
    }
    response
}

/// The refusal in these bytes, all of which are a part of it.
#[track_caller]
fn refusal(bytes: impl AsRef<[u8]>) -> Response {
    refusal_after(&bytes, bytes.as_ref().len())
}

/// The refusal in these bytes when nothing follows them.
#[track_caller]
fn refusal_at_end(bytes: impl AsRef<[u8]>) -> Response {
    let bytes = bytes.as_ref();
    let of = |step| {
        let (mut client, nothing) = read(bytes, step);
        assert!(nothing.is_none(), "it does not wait: {}", bytes.escape_ascii());
        match client.handshake.receive_eof() {
            HandshakeError::Rejected(response) => *response,
            error => panic!("{error:?} and not the refusal: {}", bytes.escape_ascii()),
        }
    };
    let response = of(1);
    assert_eq!(of(bytes.len()), response);
    response
}

fn chunked(body: &str) -> String {
    format!("HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

// 6455-4.1-49, 9112-2.3-02
#[test]
fn a_refusal_may_be_of_any_version_of_http_1() {
    for version in ["HTTP/1.0", "HTTP/1.1", "HTTP/1.2", "HTTP/1.9"] {
        let response = refusal(format!(
            "{version} 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno"
        ));
        assert_eq!((response.status(), response.reason()), (503, &b"Service Unavailable"[..]));
        assert_eq!(response.header("Retry-After"), Some(&b"7"[..]));
        assert_eq!(response.body(), b"no");
    }
    // As HAProxy has it in its error files.
    let response = refusal_at_end(
        "HTTP/1.0 503 Service Unavailable\r\nCache-Control: no-cache\r\nConnection: close\r\n\
        Content-Type: text/html\r\n\r\n<html><body><h1>503</h1>\n</body></html>\n",
    );
    assert_eq!(response.body(), b"<html><body><h1>503</h1>\n</body></html>\n");
    assert!(response.body_is_complete());
    for status in [200, 301, 400, 401, 404, 500, 999] {
        assert_eq!(refusal_at_end(format!("HTTP/1.0 {status}\r\n\r\n")).status(), status);
    }
}

// 9112-2.3-02: only a 101 needs HTTP/1.1
#[test]
fn a_101_of_http_1_0_fails() {
    let mut client = client(&[]);
    let mut response = client.response(&[], &[]);
    response.splice(..8, *b"HTTP/1.0");
    assert_eq!(client.fails(response), HandshakeError::UnsupportedHttpVersion);
    // An interim response is skipped, as one of HTTP/1.1 is.
    let bytes = "HTTP/1.0 100 Continue\r\n\r\nHTTP/1.0 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(refusal(bytes).status(), 403);
}

// 9112-6.3-03
#[test]
fn the_body_is_waited_for() {
    let mut client = client(&[]);
    let head = "HTTP/1.1 403 Forbidden\r\nContent-Length: 26\r\n\r\n";
    assert!(client.receive(head).unwrap().is_none());
    assert_eq!(client.handshake.response().map(Response::status), Some(403), "the head is there");
    assert!(client.receive(b"not in this ").unwrap().is_none());
    let error = client.receive(b"part of town\r\nmore").unwrap_err();
    let response = error.response().unwrap();
    assert_eq!(response.body(), b"not in this part of town\r\n");
    assert!(response.body_is_complete());
}

// 9112-6.3-01, 9112-6.3-03, 9112-6.3-04
#[test]
fn the_body_ends_where_the_head_says() {
    for (status, lines, body) in [
        (404, "Content-Length: 2\r\n", "no"),
        (404, "Content-Length: 2\r\nContent-Length: 2\r\n", "no"),
        (404, "Content-Length: 2, 2\r\n", "no"),
        (404, "Content-Length: 002\r\n", "no"),
        (404, "Content-Length: 0\r\n", ""),
        // With the head, whatever that says.
        (204, "Content-Length: 2\r\n", ""),
        (304, "Content-Length: 2\r\n", ""),
        (304, "Content-Length: x\r\n", ""),
        (304, "Transfer-Encoding: chunked\r\n", ""),
        (204, "", ""),
        // Never used since RFC 2616, and never a coding of the body.
        (404, "Transfer-Encoding: identity\r\nContent-Length: 2\r\n", "no"),
    ] {
        let head = format!("HTTP/1.1 {status} x\r\n{lines}\r\n");
        let response = refusal_after(format!("{head}noXYZ"), head.len() + body.len());
        assert_eq!(response.body(), body.as_bytes(), "{status} {lines:?}");
        assert!(response.body_is_complete(), "{status} {lines:?}");
    }
    // With the stream.
    for (lines, complete) in [
        ("", true),
        ("Connection: close\r\n", true),
        ("Transfer-Encoding: gzip\r\n", true),
        ("Transfer-Encoding: chunked, gzip\r\nContent-Length: 2\r\n", true),
        ("Content-Length: 9\r\n", false),
        ("Content-Length: 18446744073709551615\r\n", false),
        ("Content-Length: 18446744073709551616\r\n", false),
        ("Content-Length: 99999999999999999999999\r\n", false),
    ] {
        let response = refusal_at_end(format!("HTTP/1.1 404 x\r\n{lines}\r\nnoXYZ"));
        assert_eq!((response.body(), response.body_is_complete()), (&b"noXYZ"[..], complete));
    }
}

// 9112-6.3-04: the body cannot be told from what follows, but the status can be told
#[test]
fn a_length_that_is_not_valid_leaves_the_body_out() {
    for lines in [
        "Content-Length: x",
        "Content-Length: +2",
        "Content-Length: -1",
        "Content-Length:",
        "Content-Length: 2,",
        "Content-Length: 0x2",
        "Content-Length: 2 2",
        "Content-Length: 2\r\nContent-Length: 3",
        "Content-Length: 2, 3",
    ] {
        let head = format!("HTTP/1.1 404 x\r\n{lines}\r\nX-Why: because\r\n\r\n");
        let response = refusal_after(format!("{head}no"), head.len());
        assert_eq!((response.status(), response.body()), (404, &b""[..]), "{lines}");
        assert_eq!(response.header("X-Why"), Some(&b"because"[..]), "{lines}");
        assert!(!response.body_is_complete(), "{lines}");
    }
}

// 9112-7.1-01, 9112-7.1.1-01, 9112-6.3-03
#[test]
fn chunks_are_joined() {
    for (body, expected) in [
        ("0\r\n", ""),
        ("000\r\n", ""),
        ("5\r\nhello\r\n0\r\n", "hello"),
        ("1\r\nh\r\n4\r\nello\r\n0\r\n", "hello"),
        ("00000000000000000000005\r\nhello\r\n0\r\n", "hello"),
        ("a\r\n0123456789\r\nA\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n", "0123456789\r\n\r\n\r\n\r\n\r\n"),
        // Extensions are ignored, and white space behind the size.
        ("5;a\r\nhello\r\n0;b=c\r\n", "hello"),
        ("5 ; a=\"b;\\\" \t\" ;c\r\nhello\r\n0 \t\r\n", "hello"),
        ("5  \r\nhello\r\n0\r\n", "hello"),
    ] {
        // What follows the last chunk is not a part of the body, and not waited for.
        for trailer in ["", "\r\n", "X-Trailer: 1\r\n\r\n", "5\r\nhello\r\n"] {
            let bytes = chunked(body);
            let response = refusal_after(format!("{bytes}{trailer}"), bytes.len());
            assert_eq!(response.body(), expected.as_bytes(), "{body:?}");
            assert!(response.body_is_complete());
        }
    }
    for lines in [
        "transfer-encoding: Chunked\r\nContent-Length: 2",
        "Content-Length: x\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked ,",
    ] {
        let response =
            refusal(format!("HTTP/1.1 404 x\r\n{lines}\r\n\r\n2\r\nno\r\n1;x\r\n!\r\n0\r\n"));
        assert_eq!(response.body(), b"no!", "{lines}");
    }
    let old = chunked("2\r\nno\r\n0\r\n").replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(refusal(old).body(), b"no");
}

// 9112-7.1-01, 9112-7.1-02, 9112-8-01
#[test]
fn broken_chunks_end_the_body() {
    for (body, rest, expected) in [
        ("x", "", ""),
        ("\r", "\n5\r\nhello", ""),
        ("\n", "5\r\nhello", ""),
        (" ", "5\r\nhello", ""),
        (";", "a\r\n", ""),
        ("-", "5\r\nhello", ""),
        ("+", "5\r\nhello", ""),
        ("0x", "5\r\nhello", ""),
        ("5x", "\r\nhello", ""),
        ("5\n", "hello", ""),
        ("5 5", "\r\nhello", ""),
        ("5\rh", "ello", ""),
        ("5;a\n", "hello\r\n", ""),
        ("5;a\rb", "", ""),
        // More or fewer bytes than the size says, and what is between two chunks.
        ("5\r\nhello!", "\r\n0\r\n", "hello"),
        ("5\r\nhello0", "\r\n", "hello"),
        ("5\r\nhello\n", "0\r\n", "hello"),
        ("5\r\nhello\r0", "", "hello"),
        ("5\r\nhello\r\n\r", "\n0\r\n", "hello"),
        ("6\r\nhello\r\n", "0\r\n", "hello\r"),
    ] {
        let bytes = chunked(body);
        let response = refusal_after(format!("{bytes}{rest}"), bytes.len());
        assert_eq!((response.status(), response.body()), (503, expected.as_bytes()), "{body:?}");
        assert!(!response.body_is_complete(), "{body:?}");
    }
    // Larger than any number, and not there.
    for size in ["7fffffffffffffff", "ffffffffffffffff", "10000000000000000", "10000000000000005"] {
        let response = refusal_at_end(chunked(&format!("{size}\r\nhello\r\n0\r\n\r\n")));
        assert_eq!(
            (response.body(), response.body_is_complete()),
            (&b"hello\r\n0\r\n\r\n"[..], false)
        );
    }
    // A line without an end is given up.
    for line in [
        "0".repeat(1 << 20),
        format!("5{}", " ".repeat(1 << 20)),
        format!("5;{}", "a".repeat(1 << 20)),
    ] {
        let (_, refusal) = read(chunked(&line).as_bytes(), 1000);
        let (response, taken) = refusal.expect("the refusal is returned");
        assert!(taken < 10_000, "{taken}");
        assert!(response.body().is_empty() && !response.body_is_complete());
    }
}

// 9112-8-01
#[test]
fn the_end_of_the_stream_ends_the_body() {
    for (head, body, complete) in [
        ("", "", true),
        ("", "no", true),
        ("Content-Length: 3\r\n", "", false),
        ("Content-Length: 3\r\n", "no", false),
    ] {
        let response = refusal_at_end(format!("HTTP/1.1 500 x\r\n{head}\r\n{body}"));
        assert_eq!((response.body(), response.body_is_complete()), (body.as_bytes(), complete));
    }
    let whole = chunked("5\r\nhello\r\n3;a\r\n!!!\r\n0\r\n");
    let head = chunked("").len();
    for len in head..whole.len() {
        let response = refusal_at_end(&whole[..len]);
        assert!(b"hello!!!".starts_with(response.body()) && !response.body_is_complete());
    }
    // In the head there is no refusal yet.
    for len in 0..head {
        let (mut client, refusal) = read(&whole.as_bytes()[..len], 100);
        assert!(refusal.is_none() && client.handshake.response().is_none());
        assert_eq!(client.handshake.receive_eof(), HandshakeError::UnexpectedEof);
    }
}

// 6455-4.1-73; R46
#[test]
fn the_deadline_ends_the_body() {
    let at = |seconds| Instant::ORIGIN + Duration::from_secs(seconds);
    for (head, body) in
        [("", "no"), ("Content-Length: 9\r\n", "no"), ("Transfer-Encoding: chunked\r\n", "2\r\nno")]
    {
        let mut client = client(&[]);
        assert_eq!(client.handshake.poll_timeout(at(1)), Some(at(11)));
        assert!(client.receive("HTTP/1.1 404 x\r\n").unwrap().is_none());
        assert!(client.receive(format!("{head}\r\n{body}")).unwrap().is_none());
        assert_eq!(client.handshake.poll_timeout(at(9)), Some(at(11)), "the body renews nothing");
        assert_eq!(client.handshake.handle_timeout(at(10)), Ok(()));
        let error = client.handshake.handle_timeout(at(11)).unwrap_err();
        let response = error.response().expect("the refusal and not the timeout");
        assert_eq!((response.status(), response.body()), (404, &b"no"[..]));
        assert!(!response.body_is_complete());
        assert_eq!(client.handshake.handle_timeout(at(12)), Err(error.clone()));
        assert_eq!(client.handshake.poll_timeout(at(12)), None);
        assert_eq!(client.receive(b"more").unwrap_err(), error);
    }
}

// 9112-6.3-03
#[test]
fn the_body_kept_is_bounded() {
    const MAX: usize = 64 << 10;

    let of = |head: &str, len: usize, more: &str| {
        let mut bytes = format!("HTTP/1.1 500 x\r\n{head}").into_bytes();
        let body = bytes.len();
        bytes.resize(body + len, b'x');
        bytes.extend_from_slice(more.as_bytes());
        let of = |step| {
            let (mut client, refusal) = read(&bytes, step);
            let (response, taken) = refusal.unwrap_or_else(|| {
                let error = client.handshake.receive_eof();
                (error.response().unwrap().clone(), bytes.len())
            });
            assert!(response.body().iter().all(|octet| *octet == b'x'));
            (response.body().len(), response.body_is_complete(), taken - body)
        };
        let whole = of(bytes.len());
        for step in [1, 1000, MAX] {
            assert_eq!(of(step), whole, "{head:?}");
        }
        whole
    };
    // Exactly as much is complete.
    assert_eq!(of("Content-Length: 65536\r\n\r\n", MAX, ""), (MAX, true, MAX));
    assert_eq!(of("\r\n", MAX, ""), (MAX, true, MAX));
    let chunk = "Transfer-Encoding: chunked\r\n\r\n10000\r\n";
    assert_eq!(of(chunk, MAX, "\r\n0\r\n"), (MAX, true, MAX + 5));
    // More is reported when as much has come and more is known to follow.
    for len in [MAX, 1 << 20] {
        assert_eq!(of("Content-Length: 65537\r\n\r\n", len, ""), (MAX, false, MAX));
    }
    assert_eq!(of("\r\n", 1 << 20, ""), (MAX, false, MAX));
    let more = "Transfer-Encoding: chunked\r\n\r\n10001\r\n";
    assert_eq!(of(more, MAX, ""), (MAX, false, MAX));
    assert_eq!(of(chunk, MAX, "\r\n1\r\nx"), (MAX, false, MAX + 5));
}

// A body of 64 KiB in chunks of one byte and pieces of one byte takes no time to speak of; work that
// grows by the square would take minutes.
#[test]
fn a_body_is_read_in_linear_time() {
    let body = format!("{}0\r\n", "1;x=y\r\nx\r\n".repeat(64 << 10));
    let (_, refusal) = read(chunked(&body).as_bytes(), 1);
    let (response, _) = refusal.expect("the refusal is complete");
    assert!(response.body().len() == 64 << 10 && response.body_is_complete());
}

// A server that says why and does not take the rest of the request.
#[test]
fn a_refusal_takes_back_what_is_left_of_the_request() {
    let request = framewise::handshake::ClientRequest::new("ws://h/").unwrap();
    let mut handshake =
        framewise::handshake::ClientHandshake::new(request, framewise::Config::default(), [1; 32]);
    assert!(!handshake.output().is_empty());
    let mut head = *b"HTTP/1.1 431 x\r\n\r\n";
    assert!(handshake.receive(&mut Input::new(&mut head)).unwrap().is_none());
    assert!(handshake.output().is_empty());
}
