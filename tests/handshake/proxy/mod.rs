//! Proxies: which one is used, and the handshakes with them (RFC 9110 §9.3.6, RFC 1928, RFC 1929).

mod connect;
mod selection;
mod socks;

use framewise::{
    Config, Input,
    client::{Proxy, ProxyError, ProxyHandshake},
    handshake::Uri,
};
use proptest::prelude::*;

use crate::support::octets;

/// What a client makes of all that a proxy sends.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Connected,
    Failed(ProxyError),
    /// It waits for more, and this is what the end of the stream means.
    Waits(ProxyError),
}

fn uri(text: &str) -> Uri {
    text.parse().expect("a URI")
}

/// Starts a handshake with a proxy for everything.
fn start(proxy: &str, target: &str, config: Config) -> Result<ProxyHandshake, ProxyError> {
    let proxy = Proxy::new(proxy).expect("a proxy");
    let target = uri(target);
    let server = proxy.server_for(&target).expect("it is for everything");
    ProxyHandshake::new(server, &target, config, None)
}

fn handshake(proxy: &str, target: &str) -> ProxyHandshake {
    start(proxy, target, Config::default()).expect("the host is not too long")
}

fn receive(handshake: &mut ProxyHandshake, bytes: &[u8]) -> Result<Option<()>, ProxyError> {
    handshake.receive(&mut Input::new(&mut bytes.to_vec()))
}

/// Gives pieces to a handshake. Returns what came of them, and all that it wrote.
fn read(mut handshake: ProxyHandshake, pieces: &[&[u8]]) -> (Outcome, Vec<u8>) {
    let mut written = take_written(&mut handshake);
    let mut connected = false;
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        match handshake.receive(&mut input) {
            Ok(Some(())) => {
                assert!(!connected && input.is_empty());
                connected = true;
            }
            Ok(None) => assert!(input.is_empty(), "input is left"),
            Err(error) => {
                // For good, and without a word.
                assert!(handshake.output().is_empty());
                assert_eq!(receive(&mut handshake, b"more"), Err(error.clone()));
                assert_eq!(handshake.receive_eof(), error);
                return (Outcome::Failed(error), written);
            }
        }
        written.extend(take_written(&mut handshake));
    }
    let outcome = match connected {
        true => Outcome::Connected,
        false => Outcome::Waits(handshake.receive_eof()),
    };
    (outcome, written)
}

fn take_written(handshake: &mut ProxyHandshake) -> Vec<u8> {
    let written = octets(handshake.output());
    handshake.output().advance(written.len());
    written
}

/// What these bytes come to, however they are cut, and what was written.
#[track_caller]
fn outcome(make: impl Fn() -> ProxyHandshake, bytes: impl AsRef<[u8]>) -> (Outcome, Vec<u8>) {
    let bytes = bytes.as_ref();
    let whole = read(make(), &[bytes]);
    for cut in 1..bytes.len() {
        let (first, second) = bytes.split_at(cut);
        assert_eq!(cut_off(read(make(), &[first, second])), cut_off(whole.clone()), "cut at {cut}");
    }
    let singly: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(cut_off(read(make(), &singly)), cut_off(whole.clone()), "in single bytes");
    whole
}

/// An outcome less what depends on the cut: of another protocol, the first byte. What was written
/// before a failure depends on it, too, if the failure was in the same piece.
fn cut_off((outcome, written): (Outcome, Vec<u8>)) -> (String, Vec<u8>) {
    match outcome {
        Outcome::Failed(ProxyError::NotHttp(received)) => {
            (format!("not HTTP: {:?}", received.first()), Vec::new())
        }
        Outcome::Failed(error) => (format!("{error:?} {:?}", body(&error)), Vec::new()),
        Outcome::Waits(error) => (format!("waits: {error:?} {:?}", body(&error)), written),
        Outcome::Connected => ("connected".to_owned(), written),
    }
}

fn body(error: &ProxyError) -> Option<&[u8]> {
    error.response().map(|response| response.body())
}

/// The error in these bytes, however they are cut.
#[track_caller]
fn fails(make: impl Fn() -> ProxyHandshake, bytes: impl AsRef<[u8]>) -> ProxyError {
    match outcome(make, &bytes).0 {
        Outcome::Failed(error) => error,
        other => panic!("{other:?}: {}", bytes.as_ref().escape_ascii()),
    }
}

fn damage() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    let octet = prop_oneof![any::<u8>(), prop::sample::select(b"\r\n :HTP/1.02\x00\x05".to_vec())];
    prop::collection::vec((any::<usize>(), octet, 0_u8..3), 0..4)
}

fn damaged(bytes: &[u8], damage: &[(usize, u8, u8)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, octet, kind) in damage {
        let at = at % bytes.len();
        match kind {
            0 => bytes[at] = *octet,
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, *octet),
        }
    }
    bytes
}

const ANSWERS: [(&str, &[u8]); 5] = [
    (
        "http://proxy",
        b"HTTP/1.1 102 x\r\n\r\nHTTP/1.0 200 Connection established\r\nVia: x\r\n\r\n",
    ),
    (
        "http://proxy",
        b"HTTP/1.1 407 x\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n0\r\n\r\n",
    ),
    ("socks5://proxy", b"\x05\0\x05\0\0\x01\x7f\0\0\x01\x04\x38"),
    ("socks5://proxy", b"\x05\0\x05\0\0\x03\x05proxy\x04\x38"),
    ("socks5://u:p@proxy", b"\x05\x02\x01\0\x05\0\0\x040123456789abcdef\x04\x38"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_split_of_damaged_answers(
        which in 0..ANSWERS.len(),
        damage in damage(),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let (proxy, bytes) = ANSWERS[which];
        let bytes = damaged(bytes, &damage);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let make = || handshake(proxy, "wss://example.com/");
        let whole = cut_off(read(make(), &[&bytes]));
        prop_assert_eq!(&cut_off(read(make(), &pieces)), &whole);
        let singly: Vec<_> = bytes.chunks(1).collect();
        prop_assert_eq!(cut_off(read(make(), &singly)), whole);
    }
}
