//! The syntax of HTTP/1.1 heads (RFC 9112 §2 to §5, RFC 9110 §5).

use framewise::handshake::HandshakeError;

use crate::support::{
    answer, client, fails, opens, refusal, refused, request, request_for, request_line,
    request_with_octets, serve, upgrade,
};

/// The octets of a request with `from` replaced by `to` once.
fn edited(from: &str, to: &[u8]) -> Vec<u8> {
    let request = request(&[], &[]);
    let at = (0..request.len()).find(|at| request[*at..].starts_with(from.as_bytes())).unwrap();
    [&request[..at], to, &request[at + from.len()..]].concat()
}

// 9112-2.1-01, 9110-5.3-03
#[test]
fn nothing_happens_before_the_empty_line() {
    let request = request(&[], &[]);
    for len in 0..request.len() {
        assert!(serve(&request[..len]).unwrap().is_none(), "{len}");
    }
    upgrade(request);
}

// 9112-2.2-02
#[test]
fn a_lf_alone_ends_no_line() {
    for lone in [
        edited("HTTP/1.1\r\n", b"HTTP/1.1\n"),
        edited("websocket\r\n", b"websocket\n"),
        edited("13\r\n\r\n", b"13\r\n\n"),
        edited("13\r\n\r\n", b"13\n\r\n"),
        edited("Host: ", b"X:\nHost: "),
        b"\nGET / HTTP/1.1\r\n".to_vec(),
        edited("", b"\n"),
    ] {
        assert_eq!(refusal(&lone).0, HandshakeError::InvalidHead, "{}", lone.escape_ascii());
    }
    let mut client = client(&[]);
    let response = String::from_utf8(client.response(&[], &[])).unwrap().replace("\r\n", "\n");
    assert_eq!(client.fails(response), HandshakeError::InvalidHead);
}

// 9112-2.2-04
#[test]
fn a_cr_alone_is_refused() {
    for bytes in [
        edited("server.example.com", b"a\rb"),
        edited("HTTP/1.1\r\n", b"HTTP/1.1\r\r\n"),
        edited("HTTP/1.1\r\n", b"HTTP/1.1\r"),
        edited("", b"\r"),
    ] {
        assert_eq!(refused(&bytes), 400, "{}", bytes.escape_ascii());
    }
    assert_eq!(fails(&[], &["X: a\rb"]), HandshakeError::InvalidHead);
}

// 9112-2.2-06
#[test]
fn empty_lines_before_a_request_are_skipped() {
    for lines in ["\r\n", "\r\n\r\n", "\r\n\r\n\r\n\r\n"] {
        upgrade(edited("", lines.as_bytes()));
    }
    let mut client = client(&[]);
    let response = [&b"\r\n"[..], &client.response(&[], &[])].concat();
    assert!(matches!(client.fails(response), HandshakeError::NotHttp(_)));
}

// 9112-2.2-08
#[test]
fn white_space_after_the_first_line_is_refused() {
    for space in [" ", "\t", " X: y\r\n"] {
        assert_eq!(refused(edited("Host", format!("{space}Host").as_bytes())), 400);
        let mut client = client(&[]);
        let response = String::from_utf8(client.response(&[], &[])).unwrap();
        let response = response.replacen("\r\n", &format!("\r\n{space}"), 1);
        assert_eq!(client.fails(response), HandshakeError::InvalidHead);
    }
}

// 9112-3-01, 9112-3.2-01
#[test]
fn the_request_line_has_two_spaces() {
    for line in [
        "GET  /chat HTTP/1.1",
        "GET /chat  HTTP/1.1",
        "GET /chat HTTP/1.1 ",
        " GET /chat HTTP/1.1",
        "GET\t/chat HTTP/1.1",
        "GET /chat\tHTTP/1.1",
        "GET /chat",
        "GET HTTP/1.1",
        "/chat HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET",
        "G(T /chat HTTP/1.1",
        "",
    ] {
        let bytes = if line.is_empty() { b"GET\r\n\r\n".to_vec() } else { request_line(line) };
        assert_eq!(refused(bytes), 400, "{line}");
    }
}

// 9112-3-03
#[test]
fn a_request_line_of_8000_octets_is_read() {
    let path = format!("/{}", "a".repeat(8000 - "GET / HTTP/1.1".len()));
    assert_eq!(upgrade(request_for(&path)).resource(), path);
}

// 9112-5-01
#[test]
fn fields_are_a_token_a_colon_and_a_value() {
    for line in
        [&b"Bad Name: x"[..], b": x", b"N\xc3\xa4me: x", b"NoColon", b"N\xe4me: x", b"a\"b: c"]
    {
        assert_eq!(refused(request_with_octets(line)), 400, "{}", line.escape_ascii());
    }
    for (line, value) in
        [("A:b", "b"), ("A: b ", "b"), ("A:\tb\t", "b"), ("A:", ""), ("A: \t ", "")]
    {
        assert_eq!(upgrade(request(&[], &[line])).header("a"), Some(value.as_bytes()), "{line:?}");
        assert_eq!(opens(&[], &[line]).response.header("a"), Some(value.as_bytes()), "{line:?}");
    }
    for line in ["Bad Name: x", ": x", "NoColon", "N\u{e4}me: x"] {
        assert_eq!(fails(&[], &[line]), HandshakeError::InvalidHead, "{line}");
    }
}

// 9112-5-01, 6455-4.3-02
#[test]
fn every_octet_of_a_name_is_checked() {
    for octet in 0..=u8::MAX {
        let line = [&b"X"[..], &[octet], b"Y: z"].concat();
        let token = octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
        // "X:Y: z" is a field with the name X.
        let valid = token || octet == b':';
        assert_eq!(serve(request_with_octets(&line)).is_ok(), valid, "{octet:#04x}");
    }
}

// 9112-5.1-01, 9112-5.1-02
#[test]
fn no_white_space_stands_before_the_colon() {
    assert_eq!(refused(edited("Host:", b"Host :")), 400);
    assert_eq!(refused(edited("Host:", b"Host\t:")), 400);
    assert_eq!(fails(&["Upgrade"], &["Upgrade : websocket"]), HandshakeError::InvalidHead);
}

// 9112-5.1-03
#[test]
fn white_space_around_values_is_no_part_of_them() {
    let upgrade = upgrade(edited("Host: server.example.com", b"Host:  \t server.example.com\t "));
    assert_eq!(upgrade.host(), "server.example.com");
}

// 9112-5.2-02
#[test]
fn folded_lines_are_refused_by_a_server() {
    for line in ["Sec-WebSocket-Extensions: foo,\r\n bar", "X: a\r\n\tb", "X: a\r\n ", "X:\r\n a"] {
        assert_eq!(refused(request(&[], &[line])), 400, "{line:?}");
    }
}

// 9112-5.2-03
#[test]
fn folded_lines_are_unfolded_by_a_client() {
    opens(&["Connection"], &["Connection:\r\n Upgrade"]);
    opens(&["Connection"], &["Connection: keep-alive,\r\n\tUpgrade"]);
    let established = opens(&[], &["X: a\r\n \r\n  b"]);
    let value = established.response.header("X").unwrap();
    assert!(value.starts_with(b"a ") && value.ends_with(b" b"));
    assert!(value[1..value.len() - 1].iter().all(|octet| *octet == b' '));
}

// 9110-5.5-01, 9110-5.5-02
#[test]
fn control_characters_are_refused_in_values() {
    for octet in 0..=u8::MAX {
        let line = [&b"X: a"[..], &[octet], b"b"].concat();
        let valid = octet == b'\t' || (octet >= b' ' && octet != 0x7f);
        assert_eq!(serve(request_with_octets(&line)).is_ok(), valid, "{octet:#04x}");
    }
    for octet in [0, 1, 8, 0x0b, 0x0c, 0x0e, 0x1f, 0x7f] {
        let line = format!("X: a{}b", char::from(octet));
        assert_eq!(answer(&[], &[&line]).err(), Some(HandshakeError::InvalidHead), "{octet:#04x}");
    }
}

// 9110-5.5-03, 9112-2.2-01
#[test]
fn octets_above_ascii_are_opaque() {
    for octet in 0x80..=u8::MAX {
        let line = [&b"X: "[..], &[octet]].concat();
        assert_eq!(upgrade(request_with_octets(&line)).header("X"), Some(&[octet][..]));
    }
}
