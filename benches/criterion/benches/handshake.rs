//! Measures the opening handshake beside the sum of its parts.
//!
//! A server's is the time from a request in memory to the response in the output of an open
//! connection, which is then dropped: `whole` when the request comes in one read, `reads of 64` and
//! `octet by octet` when it is cut. Its parts are what none can do without: `httparse` of the same
//! head, `accept` (a search for the key, SHA-1 and base64) and `response` (written to a vector of
//! its own); `parts` is all of them in one row. `httparse` is called in the quickest way that it has,
//! with room for the fields that is not initialised; as its documentation calls it, and with the
//! response from `format!`, the parts take a fifth more. What is between `whole` and `parts` is
//! everything else: the checks of RFC 6455 §4.2.1, keeping the header fields for the application,
//! the machine before and the connection after.
//!
//! A client's is the time from a URI to the request, and from the response to an open connection.
//! Its parts are writing the request with a key of octets that are there already, `httparse` of the
//! response, and the value of `Sec-WebSocket-Accept`; the connection's generator of masking keys,
//! which is seeded in `whole`, is not in them.
//!
//! `minimal` is the shortest request, `browser` one of a browser with a cookie and an offer of
//! compression, which is not taken. Left out: sockets, TLS, the operating system's generator.
//!
//! ```sh
//! cargo bench --manifest-path benches/criterion/Cargo.toml --bench handshake
//! ```

mod wire;

use std::{hint::black_box, mem::MaybeUninit, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use framewise::{
    Config, Input,
    handshake::{Acceptance, ClientHandshake, ClientRequest, ServerHandshake},
};
use sha1::{Digest as _, Sha1};

const REQUESTS: [(&str, &str); 2] = [
    (
        "minimal",
        "GET /chat HTTP/1.1\r\n\
         Host: server.example.com\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n\
         \r\n",
    ),
    (
        "browser",
        "GET /chat?room=42 HTTP/1.1\r\n\
         Host: server.example.com:8443\r\n\
         Connection: Upgrade\r\n\
         Pragma: no-cache\r\n\
         Cache-Control: no-cache\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/142.0.0.0 Safari/537.36\r\n\
         Upgrade: websocket\r\n\
         Origin: https://server.example.com:8443\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Accept-Encoding: gzip, deflate, br, zstd\r\n\
         Accept-Language: en-GB,en;q=0.9,ko;q=0.8\r\n\
         Cookie: session=4f0c1d2e3b4a59687786950a1b2c3d4e; theme=dark\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
         \r\n",
    ),
];
const URI: &str = "ws://server.example.com/chat";
const SEED: [u8; 32] = [7; 32];

criterion_group! {
    name = benches;
    config = wire::criterion();
    targets = server, client
}
criterion_main!(benches);

fn server(criterion: &mut Criterion) {
    let config = wire::config();
    for (title, request) in REQUESTS {
        let mut group = criterion.benchmark_group(format!("server handshake, {title}"));
        group.throughput(Throughput::Bytes(request.len() as u64));
        let expected = response(&accept(KEY));
        let mut octets = request.as_bytes().to_vec();
        for (title, read) in [("whole", octets.len()), ("reads of 64", 64), ("octet by octet", 1)] {
            serve(&config, &mut octets, read, |output| assert_eq!(output, expected));
            group.bench_function(title, |bencher| {
                bencher.iter(|| {
                    serve(&config, black_box(&mut octets), read, |output| {
                        black_box(output);
                    });
                });
            });
        }

        group.bench_function(BenchmarkId::new("part", "httparse"), |bencher| {
            bencher.iter(|| parse_request(black_box(request.as_bytes()), |_| ()));
        });
        group.bench_function(BenchmarkId::new("part", "accept"), |bencher| {
            bencher.iter(|| accept(black_box(KEY)));
        });
        let accepted = accept(KEY);
        group.bench_function(BenchmarkId::new("part", "response"), |bencher| {
            bencher.iter(|| response(black_box(&accepted)));
        });
        group.bench_function("parts", |bencher| {
            bencher.iter(|| {
                parse_request(black_box(request.as_bytes()), |headers| {
                    response(&accept(key(headers)))
                })
            });
        });
    }
}

fn client(criterion: &mut Criterion) {
    let config = wire::config();
    let mut group = criterion.benchmark_group("client handshake");
    let request = ClientRequest::new(URI).expect("a URI");
    let mut handshake = ClientHandshake::new(request, Arc::clone(&config), SEED);
    let request = handshake.output().chunk().to_vec();
    // With the same seed the key is the same, and so the answer to it.
    let key = parse_request(&request, |headers| key(headers).to_vec());
    let mut answer = response(&accept(&key));

    group.bench_function("whole", |bencher| {
        bencher.iter(|| {
            let request = ClientRequest::new(black_box(URI)).expect("a URI");
            let mut handshake = ClientHandshake::new(request, Arc::clone(&config), SEED);
            black_box(handshake.output().chunk());
            let mut input = Input::new(black_box(&mut answer));
            handshake.receive(&mut input).expect("valid").expect("complete")
        });
    });
    group.bench_function("parts", |bencher| {
        bencher.iter(|| {
            let request = client_request(black_box("/chat"), black_box("server.example.com"));
            (request, parse_response(black_box(&answer)), accept(black_box(&key)))
        });
    });
}

/// The handshake of a server that receives a request in reads of `read` octets, and gives what it is
/// to write to `write`.
fn serve(config: &Arc<Config>, request: &mut [u8], read: usize, write: impl Fn(&[u8])) {
    let mut handshake = ServerHandshake::new(Arc::clone(config));
    for read in request.chunks_mut(read) {
        if let Some(upgrade) = handshake.receive(&mut Input::new(read)).expect("valid") {
            let mut connection = upgrade.accept(Acceptance::new()).expect("no subprotocol");
            return write(connection.output().chunk());
        }
    }
    unreachable!("the request is complete")
}

/// Parses a request, and gives its header fields to `then`.
fn parse_request<T>(octets: &[u8], then: impl FnOnce(&[httparse::Header<'_>]) -> T) -> T {
    let mut headers = [const { MaybeUninit::uninit() }; 32];
    let mut request = httparse::Request::new(&mut []);
    let status = request.parse_with_uninit_headers(octets, &mut headers).expect("valid");
    assert!(black_box(status).is_complete());
    then(black_box(request.headers))
}

fn parse_response(octets: &[u8]) -> Option<u16> {
    let mut headers = [const { MaybeUninit::uninit() }; 32];
    let mut response = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let status = config.parse_response_with_uninit_headers(&mut response, octets, &mut headers);
    assert!(black_box(status.expect("valid")).is_complete());
    response.code
}

/// Finds the client's key.
fn key<'a>(headers: &[httparse::Header<'a>]) -> &'a [u8] {
    let is_key = |name: &str| name.eq_ignore_ascii_case("Sec-WebSocket-Key");
    headers.iter().find(|header| is_key(header.name)).expect("it is there").value
}

/// The value of `Sec-WebSocket-Accept` (RFC 6455 §4.2.2 item 5.4).
fn accept(key: &[u8]) -> [u8; 28] {
    let guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let digest = Sha1::new().chain_update(key).chain_update(guid).finalize();
    let mut accept = [0; 28];
    STANDARD.encode_slice(digest, &mut accept).expect("20 octets are 28 characters");
    accept
}

/// Writes the response to a vector.
fn response(accept: &[u8]) -> Vec<u8> {
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: ",
        accept,
        b"\r\n\r\n",
    ]
    .concat()
}

/// Writes a request to a vector.
fn client_request(resource: &str, host: &str) -> Vec<u8> {
    let mut key = [0; 24];
    STANDARD.encode_slice(&SEED[..16], &mut key).expect("16 octets are 24 characters");
    [
        b"GET ",
        resource.as_bytes(),
        b" HTTP/1.1\r\nHost: ",
        host.as_bytes(),
        b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ",
        &key,
        b"\r\nSec-WebSocket-Version: 13\r\n\r\n",
    ]
    .concat()
}

const KEY: &[u8] = b"dGhlIHNhbXBsZSBub25jZQ==";
