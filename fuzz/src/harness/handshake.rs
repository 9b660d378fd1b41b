//! The opening handshake.

use std::sync::Arc;

use arbitrary::Arbitrary;
use framewise::{
    Config, Connection, Delivery, Input,
    deflate::DeflateConfig,
    handshake::{
        Acceptance, ClientHandshake, ClientRequest, HandshakeError, Origin, OriginPolicy,
        Rejection, ServerHandshake, Upgrade,
    },
};

use super::{
    connection::{Transcript, drain, transcript},
    cut::Stream,
};

fn config(small: bool) -> Arc<Config> {
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    if small {
        (config.max_head_size, config.max_headers) = (200, 6);
    }
    Arc::new(config)
}

/// A server reads a request, and what follows it.
pub fn handshake_server(stream: &Stream<'_>) {
    let whole = serve(stream, &stream.whole());
    let pieces = serve(stream, &stream.pieces());
    assert_eq!(whole, pieces);
    in_two_steps(stream);
}

/// Reads any request and has it upgraded, which finds what one step finds.
fn in_two_steps(stream: &Stream<'_>) {
    let config = config(stream.flag(0));
    let mut handshake = ServerHandshake::new(Arc::clone(&config));
    let shaken = shake(&stream.whole(), |input| handshake.receive(input));
    let mut steps = ServerHandshake::new(config);
    let read = shake(&stream.pieces(), |input| steps.receive_request(input));
    let request = match (read, &shaken) {
        (Err(read), Err(shaken)) => return assert_eq!(&read, shaken),
        (read, _) => read.expect("it is an upgrade, or refused as one").0,
    };
    assert!(request.target().contains(request.query().unwrap_or_default()));
    assert!(request.path() == "/" || request.target().contains(request.path()));
    let shown = format!("{request:?}");
    match (request.upgrade(), shaken) {
        (Ok(upgrade), Ok((whole, _))) => assert_eq!(look_at(&upgrade), look_at(&whole)),
        (Err(refused), Err(Some(error))) => {
            assert_eq!((&refused.error, format!("{:?}", refused.request)), (&error, shown));
            let rejection = refused.rejection();
            let answer = drain(&mut refused.request.respond(rejection));
            assert_eq!(answer, drain(handshake.output()));
        }
        (upgrade, shaken) => panic!("{upgrade:?} and {:?}", shaken.map(drop)),
    }
}

/// What a server made of its input.
#[derive(Debug, PartialEq)]
enum Served {
    /// It waits.
    Nothing,
    /// It answered that the request is not valid.
    Failed(HandshakeError, Vec<u8>),
    /// It accepted the request.
    Open(String, Vec<u8>, Transcript),
}

fn serve(stream: &Stream<'_>, pieces: &[&[u8]]) -> Served {
    let config = config(stream.flag(0));
    let mut handshake = ServerHandshake::new(Arc::clone(&config));
    let shaken = shake(pieces, |input| handshake.receive(input));
    match shaken {
        Err(None) => {
            assert!(handshake.output().is_empty());
            assert_eq!(handshake.receive_eof(), HandshakeError::UnexpectedEof);
            Served::Nothing
        }
        Err(Some(error)) => {
            let response = drain(handshake.output());
            answers(&response, error.status().expect("it is answered"));
            assert_eq!(handshake.receive_eof(), error);
            assert!(handshake.output().is_empty(), "nothing is said twice");
            Served::Failed(error, response)
        }
        Ok((upgrade, rest)) => {
            assert!(handshake.output().is_empty());
            let shown = look_at(&upgrade);
            if stream.flag(1) {
                let response = drain(&mut upgrade.reject(Rejection::forbidden()));
                answers(&response, 403);
                return Served::Failed(HandshakeError::UnexpectedEof, response);
            }
            let mut acceptance = Acceptance::new();
            if let Some(last) = upgrade.subprotocols().last().filter(|_| stream.flag(2)) {
                acceptance = acceptance.subprotocol(last.to_owned());
            }
            let mut connection = upgrade.accept(acceptance).expect("it was offered");
            let response = drain(connection.output());
            // Who expects a 100 gets one.
            let head = response.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&response);
            answers(head, 101);
            let rest: Vec<&[u8]> = rest.iter().map(Vec::as_slice).collect();
            Served::Open(shown, response, transcript(connection, Delivery::Messages, &rest))
        }
    }
}

/// Looks at all that a request says.
fn look_at(upgrade: &Upgrade) -> String {
    let key = upgrade.key().expect("a request of HTTP/1.1");
    assert_eq!(upgrade.header("Sec-WebSocket-Key"), Some(key.as_bytes()));
    let resource = upgrade.resource();
    let query = upgrade.query().map(|query| format!("?{query}")).unwrap_or_default();
    assert_eq!(format!("{}{query}", upgrade.path()), resource);
    let subprotocols: Vec<&str> = upgrade.subprotocols().collect();
    let same_origin = upgrade.check_origin(&OriginPolicy::same_origin());
    if upgrade.origin().is_none() {
        assert_eq!(same_origin, Ok(()), "no browser");
    }
    let extensions: Vec<String> = upgrade
        .extensions()
        .map(|extension| {
            let params = extension.params().map(|param| (param.name(), param.value()));
            format!("{} {:?}", extension.name(), params.collect::<Vec<_>>())
        })
        .collect();
    let headers: Vec<_> = upgrade.headers().iter().collect();
    assert_eq!(headers.len(), upgrade.headers().len());
    format!(
        "{resource} {} {subprotocols:?} {same_origin:?} {extensions:?} {:?} {headers:?}",
        upgrade.host(),
        upgrade.deflate()
    )
}

/// Checks that octets are a head with a code, and that there is nothing but text in it.
fn answers(response: &[u8], expected: u16) {
    let end = response.windows(4).position(|octets| octets == b"\r\n\r\n").expect("a whole head");
    let head = std::str::from_utf8(&response[..end]).expect("our own fields are text");
    let code = head.strip_prefix("HTTP/1.1 ").and_then(|line| line.get(..3)).expect("a code");
    assert_eq!(code, expected.to_string());
    for line in head.split("\r\n") {
        assert!(line.bytes().all(|octet| octet >= b' ' && octet != 0x7f), "a line in a line");
    }
}

/// A client reads a response, and what follows it.
pub fn handshake_client(stream: &Stream<'_>) {
    // The nonce is known: an answer can be right.
    let whole = ask(stream, &stream.whole());
    let pieces = ask(stream, &stream.pieces());
    assert_eq!(whole, pieces);
}

/// What a client made of its input: a connection, or an error at the latest when nothing follows.
type Asked = Result<(String, Transcript), (HandshakeErrorKind, Option<u16>)>;

/// An error, less what depends on the cut: of another protocol, the first byte.
type HandshakeErrorKind = Result<HandshakeError, Option<u8>>;

fn ask(stream: &Stream<'_>, pieces: &[&[u8]]) -> Asked {
    let mut request = ClientRequest::new("ws://host/").expect("a valid URI");
    if stream.flag(1) {
        request = request.subprotocol("chat").and_then(|it| it.subprotocol("b")).expect("tokens");
    }
    if stream.flag(2) {
        request = request.require_subprotocol();
    }
    let mut handshake = ClientHandshake::new(request, config(stream.flag(0)), [7; 32]);
    drain(handshake.output());
    let shaken = shake(pieces, |input| handshake.receive(input));
    assert!(handshake.output().is_empty(), "there is one request");
    match shaken {
        Err(error) => {
            let refused = handshake.response().cloned();
            let end = handshake.receive_eof();
            match (&error, &end) {
                (Some(error), end) => assert_eq!(end, error),
                (None, HandshakeError::Rejected(response)) => {
                    let refused = refused.expect("the head is there");
                    assert_eq!(
                        (response.status(), response.body()),
                        (refused.status(), refused.body())
                    );
                }
                (None, end) => assert_eq!(*end, HandshakeError::UnexpectedEof),
            }
            if let HandshakeError::Rejected(response) = &end {
                assert!(response.body().len() <= stream.octets.len().min(64 << 10));
            }
            let status = handshake.response().map(|response| response.status());
            let kind = match end {
                HandshakeError::NotHttp(received) => Err(received.first().copied()),
                error => Ok(error),
            };
            Err((kind, status))
        }
        Ok((established, rest)) => {
            let response = established.response;
            let shown = format!("{:?} {response:?}", response.subprotocol());
            let rest: Vec<&[u8]> = rest.iter().map(Vec::as_slice).collect();
            Ok((shown, transcript(established.connection, Delivery::Messages, &rest)))
        }
    }
}

/// Feeds pieces until there is a result; returns it with the pieces that are left.
fn shake<T>(
    pieces: &[&[u8]],
    mut receive: impl FnMut(&mut Input<'_>) -> Result<Option<T>, HandshakeError>,
) -> Result<(T, Vec<Vec<u8>>), Option<HandshakeError>> {
    let mut pieces = pieces.iter();
    while let Some(piece) = pieces.next() {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        match receive(&mut input) {
            Ok(Some(done)) => {
                let mut rest = vec![input.as_slice().to_vec()];
                rest.extend(pieces.map(|piece| piece.to_vec()));
                return Ok((done, rest));
            }
            Ok(None) => assert!(input.is_empty(), "input is left"),
            Err(error) => {
                let again = receive(&mut Input::new(&mut []));
                assert_eq!(again.err().as_ref(), Some(&error), "another error");
                return Err(Some(error));
            }
        }
    }
    Err(None)
}

/// What a program asks for, and how it answers.
#[derive(Arbitrary, Debug)]
pub struct Opening<'a> {
    /// The lengths of the reads.
    pub lengths: [u8; 4],
    /// What the URI begins with: most texts do not look like one.
    pub scheme: u8,
    /// The rest of what is asked for.
    pub uri: &'a str,
    /// The host where it is asked from.
    pub origin: Option<&'a str>,
    /// What may be spoken.
    pub subprotocols: Vec<&'a str>,
    /// What else the client says.
    pub asked: Vec<(&'a str, &'a [u8])>,
    /// What else the server says.
    pub answered: Vec<(&'a str, &'a [u8])>,
    /// Which of the subprotocols the server selects, if it accepts.
    pub selected: u8,
    /// Whether it refuses, and how.
    pub refused: Option<u16>,
}

/// Whatever a program asks our own client for, our own server understands; and whatever it has the
/// server answer, the client understands.
pub fn handshake_pair(opening: &Opening<'_>) {
    let Some((request, headers)) = request(opening) else {
        return;
    };
    // Both in the way of small limits, which our own heads exceed.
    let mut config = Config::clone(&config(false));
    (config.max_head_size, config.max_headers) = (1 << 20, 1 << 10);
    let config = Arc::new(config);
    let resource = request.uri().resource().to_owned();
    let mut client = ClientHandshake::new(request, Arc::clone(&config), [7; 32]);
    let octets = drain(client.output());

    let stream = |octets| Stream { flags: 0, lengths: opening.lengths, octets };
    let mut server = ServerHandshake::new(config);
    let shaken = shake(&stream(&octets).pieces(), |input| server.receive(input));
    let (upgrade, rest) = shaken.expect("our own request is good");
    assert!(rest.iter().all(Vec::is_empty), "something follows the request");
    assert_eq!(upgrade.resource(), resource);
    for (name, value) in headers {
        assert!(upgrade.headers().values(&name).any(|read| read == value), "a field is lost");
    }
    look_at(&upgrade);
    let offered: Vec<String> = upgrade.subprotocols().map(str::to_owned).collect();
    let asked: Vec<&str> = opening.subprotocols.clone();
    assert!(offered.iter().all(|name| asked.contains(&name.as_str())));

    if let Some(status) = opening.refused {
        let Ok(rejection) = Rejection::new(status) else {
            return;
        };
        let octets = drain(&mut upgrade.reject(rejection));
        answers(&octets, status);
        match shake(&stream(&octets).pieces(), |input| client.receive(input)) {
            Err(Some(HandshakeError::Rejected(response))) => assert_eq!(response.status(), status),
            other => panic!("refused, and read as {other:?}"),
        }
        return;
    }
    let mut acceptance = Acceptance::new();
    let selected = offered.get(usize::from(opening.selected)).cloned();
    if let Some(name) = selected.clone() {
        acceptance = acceptance.subprotocol(name);
    }
    for (name, value) in &opening.answered {
        acceptance = acceptance.clone().header(name, value).unwrap_or(acceptance);
    }
    let mut end: Connection = upgrade.accept(acceptance).expect("it was offered");
    let octets = drain(end.output());
    let (established, rest) = shake(&stream(&octets).pieces(), |input| client.receive(input))
        .expect("our own response is good");
    assert!(rest.iter().all(Vec::is_empty), "something follows the response");
    assert_eq!(established.response.subprotocol(), selected.as_deref());
    assert_eq!(established.connection.deflate(), end.deflate());
}

/// A request, and the fields that were added to it.
type Asking = (ClientRequest, Vec<(String, Vec<u8>)>);

fn request(opening: &Opening<'_>) -> Option<Asking> {
    let scheme =
        ["ws://host", "ws://host/", "wss://", "ws://", ""][usize::from(opening.scheme) % 5];
    let mut request = ClientRequest::new(format!("{scheme}{}", opening.uri)).ok()?;
    if let Some(host) = opening.origin
        && let Ok(origin) = format!("https://{host}").parse::<Origin>()
    {
        request = request.origin(origin);
    }
    for name in &opening.subprotocols {
        request = request.clone().subprotocol(name).unwrap_or(request);
    }
    let mut headers = Vec::new();
    for (name, value) in &opening.asked {
        if let Ok(more) = request.clone().header(name, value) {
            request = more;
            headers.push(((*name).to_owned(), value.trim_ascii().to_vec()));
        }
    }
    Some((request, headers))
}
