//! Who speaks another protocol is found out at the first bytes (RFC 9112 §2.3, §3, §4).

use framewise::{
    Config, Input,
    handshake::{HandshakeError, ServerHandshake},
};

use crate::support::{Client, Message, client, octets, refusal};

/// The bytes that a client shows when it fails by them.
#[track_caller]
fn shown(client: &mut Client, bytes: &[u8]) -> Vec<u8> {
    match client.fails(bytes) {
        HandshakeError::NotHttp(received) => received.to_vec(),
        error => panic!("{error:?}: {}", bytes.escape_ascii()),
    }
}

const OTHERS: [&[u8]; 14] = [
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"220 smtp.example.com ESMTP\r\n",
    b"-ERR unknown command\r\n",
    b"+OK\r\n",
    b"* OK IMAP4rev1\r\n",
    b"<html><body>400</body></html>",
    b"\x15\x03\x01\x00\x02\x02\x46",
    b"ICY 200 OK\r\n",
    b"RTSP/1.0 200 OK\r\n",
    b"http/1.1 101 x\r\n",
    b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    b"\r\nHTTP/1.1 101 x\r\n",
    b" HTTP/1.1 101 x\r\n",
    b"\xef\xbb\xbfHTTP/1.1 101 x\r\n",
];

// 9112-2.3-01, 9112-4-01
#[test]
fn a_server_that_speaks_another_protocol_is_found_out_at_once() {
    for other in OTHERS {
        assert_eq!(shown(&mut client(&[]), other), other);
        // One wrong byte is enough.
        assert_eq!(shown(&mut client(&[]), &other[..1]), other[..1]);
        let error = client(&[]).fails(other);
        assert_eq!((error.status(), error.response()), (None, None));
    }
}

// 9112-2.3-01, 9112-4-01
#[test]
fn every_byte_of_the_name_of_http_counts() {
    let name = b"HTTP/";
    for (at, right) in name.iter().enumerate() {
        for octet in (0..=u8::MAX).filter(|octet| octet != right) {
            let bytes = [&name[..at], &[octet]].concat();
            for cut in 0..=at {
                let mut client = client(&[]);
                assert!(client.receive(&bytes[..cut]).unwrap().is_none());
                assert_eq!(shown(&mut client, &bytes[cut..]), bytes, "cut at {cut}");
                assert!(matches!(client.handshake.receive_eof(), HandshakeError::NotHttp(_)));
            }
        }
    }
    // All that is right is waited for.
    for cut in 0..name.len() {
        let mut client = client(&[]);
        assert!(client.receive(&name[..cut]).unwrap().is_none());
        let response = client.response(&[], &[]);
        assert!(client.receive(&response[cut..]).unwrap().is_some(), "cut at {cut}");
    }
    // After an interim response as well.
    assert_eq!(shown(&mut client(&[]), b"HTTP/1.1 100 Continue\r\n\r\nHTTX"), b"HTTX");
}

#[test]
fn what_came_is_shown_escaped_and_shortened() {
    let show = |bytes: &[u8]| client(&[]).fails(bytes).to_string();
    assert_eq!(
        show(b"SSH-2.0-OpenSSH_9.6\r\n"),
        r#"the response does not begin with HTTP/: "SSH-2.0-OpenSSH_9.6\r\n""#
    );
    assert_eq!(
        show(b"\x15\x03\x01\x00\x02\x02\x46"),
        r#"the response does not begin with HTTP/: "\x15\x03\x01\x00\x02\x02F": the port seems to speak TLS, try wss://"#
    );
    let escape = b"\x1b[2J\"\\\xff";
    assert_eq!(show(escape), r#"the response does not begin with HTTP/: "\x1b[2J\"\\\xff""#);
    let all = [b'a'; 32];
    assert!(show(&all).ends_with(&format!("\"{}\"", "a".repeat(32))));
    assert!(show(&[b'a'; 33]).ends_with(&format!("\"{}\"...", "a".repeat(32))));
    // However much comes at once, no more than a greeting is kept.
    assert_eq!(shown(&mut client(&[]), &vec![b'a'; 1 << 20]), [b'a'; 256]);
    let debug = format!("{:?}", client(&[]).fails(b"220 \"\r\n"));
    assert_eq!(debug, r#"NotHttp("220 \"\r\n")"#);
}

// 9112-2.2-09, 9112-3.1-02
#[test]
fn a_client_that_speaks_another_protocol_is_found_out_at_once() {
    for (bytes, enough) in [
        (&b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03"[..], 1),
        (b"SSH-2.0-OpenSSH_9.6\r\n", 20),
        (b"<policy-file-request/>\0", 1),
        (b"{\"id\": 1}", 1),
        (b"\x80\x80\x80", 1),
        (b"\xff\xfe", 1),
        (b" GET / HTTP/1.1", 1),
        (b"\tGET / HTTP/1.1", 1),
        (b"/ HTTP/1.1", 1),
        (b"PING\r\n", 5),
        (b"G(T / HTTP/1.1", 2),
        (b"GET\t/ HTTP/1.1", 4),
        (b"\r\n\r\n[]", 5),
    ] {
        assert_eq!(refusal(bytes), {
            let mut server = ServerHandshake::new(Config::default());
            let mut front = bytes[..enough - 1].to_vec();
            assert!(server.receive(&mut Input::new(&mut front)).unwrap().is_none());
            let mut next = [bytes[enough - 1]];
            let error = server.receive(&mut Input::new(&mut next)).unwrap_err();
            assert_eq!(error, HandshakeError::InvalidHead, "{}", bytes.escape_ascii());
            (error, Message::read(&octets(server.output())))
        });
    }
}
