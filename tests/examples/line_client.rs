//! What `line_client` sends, prints and ends with.

use std::io::Write;

use framewise::{
    CloseCode, Event, Message,
    handshake::{Acceptance, Rejection},
};

use crate::support::{
    Finished, Program, echo, listen, listen_and_accept, listen_for_request, read_some, run,
};

fn texts(lines: &[&str]) -> Vec<Message> {
    lines.iter().map(|line| Message::Text((*line).into())).collect()
}

/// Gives `input` to a client of an echo server; returns what the server got and the client left.
fn send(arguments: &[&str], input: &[u8]) -> (Vec<Message>, Finished) {
    let (url, server) = listen_and_accept(echo);
    let mut client = Program::start("line_client", &[arguments, &[&url]].concat());
    client.input(input);
    let finished = client.finish();
    let (messages, close) = server.join().unwrap();
    assert_eq!(close.unwrap().code, CloseCode::NORMAL, "{}", finished.stderr);
    (messages, finished)
}

#[test]
fn options_are_in_the_request() {
    let (url, server) = listen_for_request(|incoming| {
        let upgrade = incoming.upgrade();
        assert_eq!(upgrade.header("X-One"), Some(&b"1: eins"[..]));
        assert_eq!(upgrade.header("x-two"), Some(&b""[..]));
        assert_eq!(upgrade.origin(), Some(&b"https://example.com"[..]));
        assert_eq!(upgrade.subprotocols().collect::<Vec<_>>(), ["new", "old"]);
        let acceptance = Acceptance::new().subprotocol("old").header("X-Color", "r\u{e9}d");
        echo(incoming.accept(acceptance.unwrap()).unwrap());
    });
    let options = ["--header", "X-One:  1: eins ", "--header=X-Two:", "--subprotocol", "new"];
    let more = [
        "--header",
        "Authorization: Basic c2VjcmV0",
        "--subprotocol=old",
        "--origin",
        "https://example.com",
        "-v",
        &url,
    ];
    let finished = run("line_client", &[&options[..], &more].concat());
    server.join().unwrap();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(finished.stdout, "");
    let shown: Vec<_> = finished.stderr.lines().collect();
    assert_eq!(shown[0], "> GET /path HTTP/1.1");
    assert!(shown.contains(&"> X-One: 1: eins"), "{shown:?}");
    assert!(shown.contains(&"> Sec-WebSocket-Key: [..]"), "{shown:?}");
    assert!(shown.contains(&"> Authorization: [..]"), "{shown:?}");
    assert!(!finished.stderr.contains("c2VjcmV0"), "{shown:?}");
    assert!(shown.contains(&"< 101 Switching Protocols"), "{shown:?}");
    assert!(shown.contains(&"* messages are not compressed"), "{shown:?}");
    assert!(shown.contains(&"< Sec-WebSocket-Protocol: old"), "{shown:?}");
    assert!(shown.contains(&"< X-Color: r\\xc3\\xa9d"), "{shown:?}");
    assert_eq!(shown[shown.len() - 2..], ["> Close 1000", "< Close 1000"]);
}

#[test]
fn every_line_is_sent_and_its_answer_printed() {
    let long = "long ".repeat(400_000);
    let input = format!("one\n\nCRLF\r\n{long}\n€, and no line end");
    let (messages, finished) = send(&[], input.as_bytes());
    assert_eq!(messages, texts(&["one", "", "CRLF", &long, "€, and no line end"]));
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stdout == input.replace('\r', "") + "\n");
    assert_eq!(finished.stderr, "");
}

#[test]
fn binary_lines_may_hold_anything() {
    let (messages, finished) = send(&["--binary"], b"a\xff\x00\r\n\n\x80");
    let expected: [&[u8]; 3] = [b"a\xff\x00\r", b"", b"\x80"];
    assert_eq!(messages, expected.map(|line| Message::Binary(line.into())));
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(finished.stdout, "a\\xff\\x00\\r\n\n\\x80\n");
}

#[test]
fn a_line_that_is_not_utf8_is_named_and_those_before_are_answered() {
    let (messages, finished) = send(&[], b"one\ntwo\nthr\xffee\nfour\n");
    assert_eq!(messages, texts(&["one", "two"]));
    assert_eq!(finished.code, Some(5));
    assert_eq!(finished.stdout, "one\ntwo\n");
    assert!(finished.stderr.contains("line 3 of the input is not valid UTF-8"));
}

#[test]
fn a_line_that_is_too_long_is_named() {
    let (messages, finished) = send(&[], &[&b"one\n"[..], &vec![b'a'; (64 << 20) + 1]].concat());
    assert_eq!(messages, texts(&["one"]));
    assert_eq!(finished.code, Some(5));
    assert_eq!(finished.stdout, "one\n");
    assert!(finished.stderr.contains("line 2 of the input is longer than 64 MiB"));
}

#[test]
fn a_refusal_has_its_own_status() {
    for (status, text) in [(404, "404 Not Found"), (503, "503 Service Unavailable")] {
        let (url, server) = listen_for_request(move |incoming| {
            incoming.reject(Rejection::new(status).unwrap()).unwrap();
        });
        let finished = run("line_client", &["--verbose", &url]);
        server.join().unwrap();
        assert_eq!(finished.code, Some(3));
        assert!(finished.stderr.contains(&format!("\n< {text}\n< ")), "{}", finished.stderr);
        assert!(finished.stderr.ends_with(&format!("the server refused: {text}\n")));
    }
}

#[test]
fn a_close_of_the_server_tells_the_status() {
    let cases = [
        (Some(1000), 0),
        (Some(1001), 0),
        (None, 0),
        (Some(1008), 4),
        (Some(1011), 4),
        (Some(4000), 4),
    ];
    for (code, status) in cases {
        let (url, server) = listen_and_accept(move |mut websocket| {
            websocket.send("last").unwrap();
            let reason = if code.is_some() { "\x1b[1mreason" } else { "" };
            websocket.close(code.map(CloseCode::from), reason).unwrap();
        });
        let client = Program::start("line_client", &["-v", &url]);
        let shown = client.error_with("< Close ");
        let finished = client.finish();
        server.join().unwrap();
        assert_eq!(finished.code, Some(status), "{code:?}");
        assert_eq!(finished.stdout, "last\n");
        assert_eq!(finished.stderr.contains("the server closed the connection"), status == 4);
        if let Some(code) = code {
            assert_eq!(shown, format!("< Close {code}\n"), "the reason is not for end users");
        }
    }
}

#[test]
fn pings_and_pongs_are_shown() {
    let (url, server) = listen_and_accept(|mut websocket| {
        websocket.connection_mut().ping(b"ping\x1b").unwrap();
        let (mut pinged, mut ponged) = (false, false);
        while !(pinged && ponged) {
            let mut batch = websocket.fill().unwrap().expect("the connection is open");
            while let Some(event) = batch.next() {
                pinged |= matches!(event, Event::Ping(_));
                ponged |= matches!(event, Event::Pong(_));
            }
        }
        websocket.close(CloseCode::NORMAL, "").unwrap();
    });
    // The silence of the server is long enough for a Ping.
    let client = Program::start("line_client", &["-v", "--ping-interval", "0.05", &url]);
    client.error_with("< Ping \"ping\\x1b\"");
    client.error_with("< Pong ");
    client.error_with("< Close 1000");
    assert_eq!(client.finish().code, Some(0));
    server.join().unwrap();
}

#[test]
fn a_lost_connection_and_a_broken_protocol_are_errors() {
    let (url, server) = listen_and_accept(drop);
    assert_eq!(run_until_lost(&url).code, Some(1));
    server.join().unwrap();

    let (url, server) = listen_and_accept(|websocket| {
        let mut stream = websocket.into_inner();
        stream.write_all(b"\xff\xff").unwrap();
        read_some(&stream); // The Close.
    });
    let finished = run_until_lost(&url);
    server.join().unwrap();
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("reserved"), "{}", finished.stderr);

    let (url, server) = listen(drop);
    assert_eq!(run("line_client", &[&url]).code, Some(1));
    server.join().unwrap(); // Now nobody listens.
    let finished = run("line_client", &[&url]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.starts_with("line_client: "), "{}", finished.stderr);
}

/// Runs a client whose input does not end before the connection.
fn run_until_lost(url: &str) -> Finished {
    let client = Program::start("line_client", &[url]);
    let first = client.error_with("line_client: ");
    let mut finished = client.finish();
    finished.stderr.insert_str(0, &first);
    finished
}

#[test]
fn a_reader_that_goes_away_closes_the_connection() {
    let (url, server) = listen_and_accept(echo);
    let mut client = Program::start_without_output("line_client", &[&url]);
    client.input(b"one\n");
    let error = client.error_with("line_client: ");
    assert!(error.contains("cannot write to the standard output"), "{error}");
    assert_eq!(client.finish().code, Some(1));
    assert_eq!(server.join().unwrap().1.unwrap().code, CloseCode::NORMAL);
}
