//! A conversation with its opening handshake, in either role, and the ways to drive an end of it.

use std::io::ErrorKind;

use framewise::{
    CloseCode, Config, Connection, EndOfStream, Error, Input, Message, Role, blocking,
    handshake::{Acceptance, ClientHandshake, ClientRequest, ServerHandshake},
    tokio as asynchronous,
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::support::{REQUEST, SEED, client, drain, finish, runtime};

pub(crate) const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// The adapters, whole and split.
pub(crate) const DRIVERS: [Driver; 4] =
    [Driver::Blocking, Driver::BlockingHalves, Driver::Tokio, Driver::TokioHalves];

/// How an end is driven.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Driver {
    Blocking,
    BlockingHalves,
    Tokio,
    TokioHalves,
}

impl Driver {
    pub(crate) fn is_blocking(self) -> bool {
        matches!(self, Self::Blocking | Self::BlockingHalves)
    }
}

/// What an end in some role is sent: the head of the handshake, messages, a Ping and a Close.
pub(crate) struct Recorded {
    pub(crate) bytes: Vec<u8>,
    /// How long the head is.
    pub(crate) head: usize,
    /// The messages, each with the length of all that it takes to receive it.
    pub(crate) messages: Vec<(usize, Message)>,
}

impl Recorded {
    /// Records what an end in `role` is sent, with a `last` message of so many octets.
    pub(crate) fn new(role: Role, last: usize) -> Self {
        let (mut bytes, mut peer) = match role {
            Role::Server => (REQUEST.to_vec(), client()),
            Role::Client => response(),
        };
        let (head, mut messages) = (bytes.len(), Vec::new());
        let mut say = |message: Message, say: fn(&mut Connection, &Message)| {
            say(&mut peer, &message);
            bytes.extend(drain(&mut peer));
            messages.push((bytes.len(), message));
        };
        let whole = |peer: &mut Connection, message: &Message| peer.send(message.clone()).unwrap();
        say(Message::Text("a".to_owned()), whole);
        say(Message::Text("ä".repeat(70)), whole);
        say(Message::Binary(vec![1, 2, 3, 4, 5]), |peer, message| {
            let (front, back) = message.as_bytes().split_at(2);
            peer.send_fragment(front, false).unwrap();
            peer.ping(b"within").unwrap();
            peer.send_fragment(back, true).unwrap();
        });
        say(Message::Binary(vec![7; last]), whole);
        peer.close(CloseCode::NORMAL, "bye").unwrap();
        bytes.extend(drain(&mut peer));
        Self { bytes, head, messages }
    }

    /// The messages that lie wholly in front of `cut`.
    pub(crate) fn before(&self, cut: usize) -> Vec<Message> {
        let whole = self.messages.iter().filter(|(end, _)| *end <= cut);
        whole.map(|(_, message)| message.clone()).collect()
    }
}

/// How a conversation went, from one end.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Why the handshake failed, if it did.
    pub(crate) unopened: Option<Error>,
    pub(crate) messages: Vec<Message>,
    /// Why sending failed, the first time.
    pub(crate) unsent: Option<Error>,
    /// Why reading failed.
    pub(crate) unread: Option<Error>,
    pub(crate) end: Option<EndOfStream>,
}

pub(crate) fn request() -> ClientRequest {
    ClientRequest::new("ws://localhost/").unwrap()
}

/// Returns a server's response to [`request`] and the server that goes with it.
fn response() -> (Vec<u8>, Connection) {
    // The accept value is the server machine's to know, and the same for the same seed.
    let mut asking = ClientHandshake::new(request(), Config::default(), SEED);
    let mut asked = asking.output().chunk().to_vec();
    let mut handshake = ServerHandshake::new(Config::default());
    let upgrade = handshake.receive(&mut Input::new(&mut asked)).unwrap().unwrap();
    let mut connection = upgrade.accept(Acceptance::new()).unwrap();
    (drain(&mut connection), connection)
}

/// A stream for either adapter, whose handles are those of the test and of a half.
pub(crate) trait Stream: blocking::Stream + AsyncRead + AsyncWrite + Clone + Unpin {}

impl<S: blocking::Stream + AsyncRead + AsyncWrite + Clone + Unpin> Stream for S {}

/// Opens a connection in `role`, sends each message back, and reads to the end.
pub(crate) fn converse<S: Stream>(driver: Driver, role: Role, stream: &S) -> Outcome {
    let mut outcome = Outcome::default();
    let done = match driver {
        Driver::Blocking => block(role, stream, false, &mut outcome),
        Driver::BlockingHalves => block(role, stream, true, &mut outcome),
        Driver::Tokio => {
            runtime().block_on(async { finish(wait(role, stream, false, &mut outcome), POLLS) })
        }
        Driver::TokioHalves => {
            runtime().block_on(async { finish(wait(role, stream, true, &mut outcome), POLLS) })
        }
    };
    if let Err(error) = done {
        outcome.unopened = Some(error);
    }
    outcome
}

/// Reads and sends until the end; the error of a read is told once, and behind it is the end.
macro_rules! echo {
    ($outcome:ident, $reader:expr, $writer:expr $(, $wait:ident)?) => {
        loop {
            match $reader.read()$(.$wait)? {
                Ok(None) => break,
                Ok(Some(message)) => {
                    $outcome.messages.push(message.clone());
                    let sent = $writer.send(message)$(.$wait)?;
                    if let Err(error) = sent {
                        $outcome.unsent.get_or_insert(error);
                    }
                }
                Err(error) => {
                    let before = $outcome.unread.replace(error);
                    assert!(before.is_none(), "told twice: {before:?}");
                }
            }
        }
    };
}

fn block<S: Stream>(
    role: Role,
    stream: &S,
    split: bool,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    let mut websocket = match role {
        Role::Server => {
            blocking::accept(stream.clone(), Config::default())?.accept(Acceptance::new())?
        }
        Role::Client => {
            blocking::client_with_seed(stream.clone(), request(), Config::default(), SEED)?.0
        }
    };
    if split {
        let (mut reader, mut writer) = websocket.into_split(stream.clone());
        echo!(outcome, reader, writer);
        outcome.end = reader.end();
    } else {
        echo!(outcome, websocket, websocket);
        outcome.end = websocket.end();
    }
    Ok(())
}

async fn wait<S: Stream>(
    role: Role,
    stream: &S,
    split: bool,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    let config = Config::default();
    let mut websocket = match role {
        Role::Server => {
            let incoming = asynchronous::accept(stream.clone(), config).await?;
            incoming.accept(Acceptance::new()).await?
        }
        Role::Client => {
            asynchronous::client_with_seed(stream.clone(), request(), config, SEED).await?.0
        }
    };
    if split {
        let (mut reader, mut writer) = websocket.into_split();
        echo!(outcome, reader, writer, await);
        outcome.end = reader.end();
    } else {
        echo!(outcome, websocket, websocket, await);
        outcome.end = websocket.end();
    }
    Ok(())
}

/// Returns the kind of an error of the stream.
pub(crate) fn kind(error: Option<&Error>) -> Option<ErrorKind> {
    match error? {
        Error::Io(error) => Some(error.kind()),
        error => panic!("{error}"),
    }
}

/// More polls than any conversation takes.
const POLLS: usize = 10_000;
