//! The server's side of the opening handshake: a browser's request to the 101.
//!
//! Making the connection and dropping it are in it, and so are its buffers. Two crates leave the
//! request to hyper. The row "(its parts)" is what nobody falls below who does the same with the
//! usual crates: httparse for the head, SHA-1 and base64 of the key, and a response; it checks
//! nothing and keeps nothing.

use std::{hint::black_box, io::Write as _};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use httparse::{EMPTY_HEADER, Request};
use sha1::{Digest as _, Sha1};

use crate::{
    contest::{Contestant, Kind, Report},
    peers::{ACCEPTORS, Acceptor},
    wire::Wire,
};

pub(super) fn run(report: &mut Report) {
    report.compare("handshake, server", BATCH, "its parts", || {
        let mut contestants: Vec<Contestant> = ACCEPTORS.into_iter().map(acceptor).collect();
        contestants.push(part("(its parts)", Kind::Floor, |response| {
            respond(&hash(key(REQUEST)), response);
        }));
        contestants.push(part("(httparse)", Kind::Part, |_| {
            black_box(key(REQUEST));
        }));
        contestants.push(part("(SHA-1, base64)", Kind::Part, |_| {
            black_box(hash(black_box(KEY)));
        }));
        contestants.push(part("(response)", Kind::Part, |response| {
            respond(black_box(ACCEPT), response);
        }));
        contestants
    });
}

fn acceptor(Acceptor { name, own, accept }: Acceptor) -> Contestant {
    let wire = Wire::default();
    let request = Bytes::from_static(REQUEST.as_bytes());
    wire.put(&request);
    wire.record();
    accept(&wire);
    let response = String::from_utf8(wire.take()).expect("ASCII");
    assert!(response.starts_with("HTTP/1.1 101 "), "{name} says {response}");
    assert!(response.to_ascii_lowercase().contains(&ACCEPT.to_ascii_lowercase()));
    Contestant::new(name, Kind::of(own), move || {
        for _ in 0..BATCH {
            wire.put(&request);
            accept(&wire);
        }
    })
}

fn part(name: &str, kind: Kind, work: impl Fn(&mut Vec<u8>) + 'static) -> Contestant {
    Contestant::new(name, kind, move || {
        for _ in 0..BATCH {
            let mut response = Vec::with_capacity(256);
            work(&mut response);
            black_box(response);
        }
    })
}

fn key(request: &str) -> &str {
    let mut headers = [EMPTY_HEADER; 32];
    let mut parsed = Request::new(&mut headers);
    parsed.parse(black_box(request.as_bytes())).expect("valid");
    let key =
        parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case("Sec-WebSocket-Key"));
    str::from_utf8(key.expect("there is one").value).expect("ASCII")
}

fn hash(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    BASE64_STANDARD.encode(hash.finalize())
}

fn respond(accept: &str, response: &mut Vec<u8>) {
    write!(
        response,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .expect("room");
}

const BATCH: usize = 64;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const REQUEST: &str = "GET /chat?room=7 HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Connection: Upgrade\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
    (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
    Upgrade: websocket\r\n\
    Origin: https://server.example.com\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
