//! Requests, responses and a strict reader of what the machines write.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use framewise::{
    Config, Input, Output,
    handshake::{
        ClientHandshake, ClientRequest, Established, HandshakeError, ServerHandshake, Upgrade,
    },
};
use sha1::{Digest as _, Sha1};

/// The sample key of RFC 6455 §1.3 and what answers it.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const REQUEST: [&str; 5] = [
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

/// A valid request, in which the lines of some names are replaced by others.
pub(crate) fn request(without: &[&str], with: &[&str]) -> Vec<u8> {
    head("GET /chat HTTP/1.1", &REQUEST, without, with)
}

/// A valid request for another target.
pub(crate) fn request_for(target: &str) -> Vec<u8> {
    head(&format!("GET {target} HTTP/1.1"), &REQUEST, &[], &[])
}

/// A valid request but for its first line.
pub(crate) fn request_line(line: &str) -> Vec<u8> {
    head(line, &REQUEST, &[], &[])
}

/// A valid request with one more line, which need not be text.
pub(crate) fn request_with_octets(line: &[u8]) -> Vec<u8> {
    with_octets(request(&[], &[]), line)
}

/// A head with one more line.
pub(crate) fn with_octets(mut head: Vec<u8>, line: &[u8]) -> Vec<u8> {
    head.truncate(head.len() - 2);
    head.extend_from_slice(line);
    head.extend_from_slice(b"\r\n\r\n");
    head
}

fn head(first: &str, lines: &[&str], without: &[&str], with: &[&str]) -> Vec<u8> {
    let removed = |line: &&str| {
        let name = line.split(':').next().unwrap();
        without.iter().any(|removed| removed.eq_ignore_ascii_case(name))
    };
    let mut head = format!("{first}\r\n");
    for line in lines.iter().filter(|line| !removed(line)).chain(with) {
        head += line;
        head += "\r\n";
    }
    head += "\r\n";
    head.into_bytes()
}

/// Gives octets to a new server, whole.
pub(crate) fn serve(bytes: impl AsRef<[u8]>) -> Result<Option<Upgrade>, HandshakeError> {
    let mut bytes = bytes.as_ref().to_vec();
    ServerHandshake::new(Config::default()).receive(&mut Input::new(&mut bytes))
}

/// Gives octets to a new server, which must find a valid request in them.
#[track_caller]
pub(crate) fn upgrade(bytes: impl AsRef<[u8]>) -> Upgrade {
    serve(bytes).expect("the request is valid").expect("the request is complete")
}

/// Gives octets to a new server, which must refuse them by a complete response. Returns its status.
#[track_caller]
pub(crate) fn refused(bytes: impl AsRef<[u8]>) -> u16 {
    let (error, response) = refusal(bytes);
    assert_eq!(error.status(), Some(response.status), "{error:?}");
    response.status
}

/// As [`refused`], and returns the error and the response.
#[track_caller]
pub(crate) fn refusal(bytes: impl AsRef<[u8]>) -> (HandshakeError, Message) {
    let mut bytes = bytes.as_ref().to_vec();
    let mut server = ServerHandshake::new(Config::default());
    let error = server
        .receive(&mut Input::new(&mut bytes))
        .expect_err(&format!("refused: {}", bytes.escape_ascii()));
    let response = Message::read(&octets(server.output()));
    assert!(response.status >= 400);
    assert!(response.values("Connection").any(|value| value.split(", ").any(|v| v == "close")));
    assert_eq!(response.value("Content-Length"), Some(&*response.body.len().to_string()));
    // What comes after it is never looked at, and nothing more is said.
    let before = server.output().len();
    let mut frames = *b"\x81\x80\0\0\0\0GET / HTTP/1.1\r\n\r\n";
    assert_eq!(server.receive(&mut Input::new(&mut frames)).unwrap_err(), error);
    assert_eq!(server.output().len(), before);
    (error, response)
}

/// A client with the request already written.
pub(crate) struct Client {
    pub(crate) handshake: ClientHandshake,
    pub(crate) request: Message,
}

/// Starts a client that offers some subprotocols.
pub(crate) fn client(subprotocols: &[&str]) -> Client {
    let request = ClientRequest::new("ws://server.example.com/chat").unwrap();
    let offer = |request: ClientRequest, name: &&str| request.subprotocol(name).unwrap();
    start(subprotocols.iter().fold(request, offer))
}

pub(crate) fn start(request: ClientRequest) -> Client {
    let mut handshake = ClientHandshake::new(request, Config::default(), [3; 32]);
    let request = Message::read(&octets(handshake.output()));
    let len = handshake.output().len();
    handshake.output().advance(len);
    Client { handshake, request }
}

impl Client {
    pub(crate) fn accept(&self) -> String {
        accept_of(self.request.value("Sec-WebSocket-Key").unwrap())
    }

    /// A valid response, in which the lines of some names are replaced by others. `ACCEPT` stands
    /// for the answer to the key.
    pub(crate) fn response(&self, without: &[&str], with: &[&str]) -> Vec<u8> {
        let lines = [
            "Upgrade: websocket",
            "Connection: Upgrade",
            &format!("Sec-WebSocket-Accept: {}", self.accept()),
        ];
        head("HTTP/1.1 101 Switching Protocols", &lines, without, with)
    }

    pub(crate) fn receive(
        &mut self,
        bytes: impl AsRef<[u8]>,
    ) -> Result<Option<Established>, HandshakeError> {
        let mut bytes = bytes.as_ref().to_vec();
        self.handshake.receive(&mut Input::new(&mut bytes))
    }

    /// The response must fail the handshake, for good and without a word. Only a refusal may need
    /// the end of the stream to do so, which ends its body.
    #[track_caller]
    pub(crate) fn fails(&mut self, bytes: impl AsRef<[u8]>) -> HandshakeError {
        let bytes = bytes.as_ref();
        let error = match self.receive(bytes) {
            Err(error) => error,
            Ok(None) if self.handshake.response().is_some() => self.handshake.receive_eof(),
            Ok(_) => panic!("fails: {}", bytes.escape_ascii()),
        };
        assert!(self.handshake.output().is_empty());
        assert_eq!(self.receive(b"\x81\x00").unwrap_err(), error);
        error
    }
}

/// Answers a client that offered nothing by an edited response.
pub(crate) fn answer(
    without: &[&str],
    with: &[&str],
) -> Result<Option<Established>, HandshakeError> {
    let mut client = client(&[]);
    let response = client.response(without, with);
    client.receive(response)
}

/// Opens a client by an edited response.
#[track_caller]
pub(crate) fn opens(without: &[&str], with: &[&str]) -> Established {
    answer(without, with).expect("the response is valid").expect("the response is complete")
}

/// Fails a client by an edited response.
#[track_caller]
pub(crate) fn fails(without: &[&str], with: &[&str]) -> HandshakeError {
    let mut client = client(&[]);
    let response = client.response(without, with);
    client.fails(response)
}

pub(crate) fn accept_of(key: &str) -> String {
    STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")))
}

pub(crate) fn octets(output: &Output) -> Vec<u8> {
    output.chunks().flatten().copied().collect()
}

/// A message as a strict reader of HTTP/1.1 understands it, that shares no code with the crate.
#[derive(Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) start: String,
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    #[track_caller]
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|octets| octets == b"\r\n\r\n").expect("an empty line");
        let head = core::str::from_utf8(&bytes[..end]).expect("an ASCII head");
        assert!(head.is_ascii());
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap().to_owned();
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(": ").expect("a colon and one space");
            assert!(name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-'));
            assert!(value.bytes().all(|octet| matches!(octet, b' '..=b'~')));
            assert_eq!(value, value.trim());
            (name.to_owned(), value.to_owned())
        });
        let fields = fields.collect();
        let status = match start.strip_prefix("HTTP/1.1 ") {
            Some(rest) => {
                assert_eq!(rest.as_bytes()[3], b' ');
                rest[..3].parse().unwrap()
            }
            None => 0,
        };
        Self { start, status, fields, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |field| field.0.eq_ignore_ascii_case(name))
            .map(|field| &*field.1)
    }

    /// The value of a field that must not be there twice.
    #[track_caller]
    pub(crate) fn value<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut values = self.values(name);
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is there twice");
        value
    }
}
