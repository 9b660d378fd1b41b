//! The handshake with a proxy.

use framewise::{
    Config, Input,
    client::{Proxy, ProxyError, ProxyHandshake},
    handshake::Uri,
};

use super::{connection::drain, cut::Stream};

/// A client reads what an HTTP or a SOCKS proxy answers.
pub fn proxy(stream: &Stream<'_>) {
    let whole = ask(stream, &stream.whole());
    let pieces = ask(stream, &stream.pieces());
    assert_eq!(whole, pieces);
    let connected = matches!(whole, Asked::Connected(_));
    if stream.flag(1) {
        assert_eq!(connected, is_success(stream.octets, stream.flag(2)));
    } else if connected {
        assert!(stream.octets.ends_with(b"\r\n\r\n"), "something follows the head");
    }
}

/// What a client made of its input: an error at the latest when nothing follows.
#[derive(Debug, PartialEq)]
enum Asked {
    /// The proxy has connected to the host. What was written is here.
    Connected(Vec<u8>),
    Failed(ErrorKind, Option<(u16, Vec<u8>)>),
}

/// An error, less what depends on the cut: of another protocol, the first byte.
type ErrorKind = Result<ProxyError, Option<u8>>;

fn ask(stream: &Stream<'_>, pieces: &[&[u8]]) -> Asked {
    let mut handshake = handshake(stream);
    let mut written = drain(handshake.output());
    let mut connected = false;
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        let received = handshake.receive(&mut input);
        match &received {
            Ok(_) => assert!(input.is_empty(), "input is left"),
            Err(error) => return failed(handshake, stream, error.clone()),
        }
        connected |= received == Ok(Some(()));
        written.extend(drain(handshake.output()));
        assert!(written.len() < 256, "a request for every answer");
    }
    if connected {
        return Asked::Connected(written);
    }
    let end = handshake.receive_eof();
    failed(handshake, stream, end)
}

fn failed(mut handshake: ProxyHandshake, stream: &Stream<'_>, error: ProxyError) -> Asked {
    assert!(handshake.output().is_empty(), "something is said behind an error");
    let again = handshake.receive(&mut Input::new(&mut { *b"\x05\0" }));
    assert_eq!(again, Err(error.clone()), "another error");
    assert_eq!(handshake.receive_eof(), error);
    let shown = format!("{error} {error:?} {handshake:?}");
    assert!(shown.lines().count() == 1 && shown.len() < (16 << 10), "{shown}");
    let refusal = error.response().map(|response| {
        assert!(response.body().len() <= stream.octets.len().min(64 << 10));
        (response.status(), response.body().to_vec())
    });
    let kind = match error {
        ProxyError::NotHttp(received) => Err(received.first().copied()),
        error => Ok(error),
    };
    Asked::Failed(kind, refusal)
}

fn handshake(stream: &Stream<'_>) -> ProxyHandshake {
    let scheme = if stream.flag(1) { "socks5" } else { "http" };
    let user = if stream.flag(2) { "user:secret@" } else { "" };
    let proxy = Proxy::new(format!("{scheme}://{user}proxy")).expect("a proxy");
    let target = if stream.flag(3) { "ws://[::1]:9001/" } else { "wss://host/chat" };
    let target = target.parse::<Uri>().expect("a URI");
    let server = proxy.server_for(&target).expect("it is for everything");
    let mut config = Config::default();
    if stream.flag(0) {
        (config.max_head_size, config.max_headers) = (200, 6);
    }
    ProxyHandshake::new(server, &target, config, None).expect("the host is short")
}

/// Whether a SOCKS proxy says this, and nothing else, when it has connected to the host.
fn is_success(octets: &[u8], password: bool) -> bool {
    let reply = match octets {
        [5, 0, reply @ ..] => reply,
        [5, 2, _, 0, reply @ ..] if password => reply,
        _ => return false,
    };
    let len = match reply {
        [5, 0, _, 1, ..] => 10,
        [5, 0, _, 3, len, ..] => 7 + usize::from(*len),
        [5, 0, _, 4, ..] => 22,
        _ => return false,
    };
    reply.len() == len
}
