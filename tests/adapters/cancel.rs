//! Every future of the tokio adapter can be dropped at every point where it waits.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use framewise::{
    CloseCode, Config, Connection, EndOfStream, Event, Message, Role,
    client::{ConnectGate, Connector},
    handshake::{Acceptance, ClientRequest, Rejection},
    tokio::{self as asynchronous, Reader, WebSocket, Writer},
};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    conversation::{Recorded, request},
    support::{
        Bring, Grant, REQUEST, SEED, Scripted, config, events_from, finish, from_client,
        poll_times, runtime, server, texts,
    },
};

/// Runs `test` with a future that is dropped after one poll, after two and so on, until it
/// completes before; `test` returns whether it has. Returns how often it waits.
fn everywhere(test: impl FnMut(usize) -> bool) -> usize {
    (1..2000).map(test).position(|completed| completed).expect("it completes")
}

/// What is awaited on a WebSocket, or on one of its halves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Call {
    Close,
    Feed,
    Fill,
    Flush,
    Next,
    Ping,
    Read,
    Readable,
    Send,
    SinkClose,
    SinkFeed,
    SinkFlush,
    SinkSend,
}

impl Call {
    /// Whether it queues a message.
    fn sends(self) -> bool {
        matches!(self, Self::Feed | Self::Send | Self::SinkFeed | Self::SinkSend)
    }

    /// Whether it begins to close.
    fn closes(self) -> bool {
        matches!(self, Self::Close | Self::SinkClose)
    }
}

const READING: [Call; 4] = [Call::Fill, Call::Next, Call::Read, Call::Readable];

const WRITING: [Call; 8] = [
    Call::Close,
    Call::Feed,
    Call::Flush,
    Call::Send,
    Call::SinkClose,
    Call::SinkFeed,
    Call::SinkFlush,
    Call::SinkSend,
];

/// Reads; what comes is in `messages` as soon as the future has completed.
macro_rules! read {
    ($reader:ident, $call:ident, $messages:ident) => {
        match $call {
            Call::Next => $messages.extend($reader.next().await.map(Result::unwrap)),
            Call::Read => $messages.extend($reader.read().await.unwrap()),
            Call::Readable => {
                if $reader.readable().await.unwrap() {
                    take!($reader.batch(), $messages);
                }
            }
            _ => {
                if let Some(batch) = $reader.fill().await.unwrap() {
                    take!(batch, $messages);
                }
            }
        }
    };
}

macro_rules! take {
    ($batch:expr, $messages:ident) => {{
        let mut batch = $batch;
        while let Some(event) = batch.next() {
            if let Event::Text(text) = event {
                $messages.push(Message::Text(text.into_owned()));
            }
        }
    }};
}

/// Writes; fails only when there is no more connection to write to.
macro_rules! write {
    ($writer:ident, $call:ident) => {
        match $call {
            Call::Feed => $writer.feed("middle").await,
            Call::Send => $writer.send("middle").await,
            Call::SinkClose => SinkExt::<Message>::close($writer).await,
            Call::SinkFeed => SinkExt::feed($writer, Message::Text("middle".into())).await,
            Call::SinkFlush => SinkExt::<Message>::flush($writer).await,
            Call::SinkSend => SinkExt::send($writer, Message::Text("middle".into())).await,
            _ => $writer.flush().await,
        }
        .unwrap()
    };
}

async fn call(websocket: &mut WebSocket<Scripted>, call: Call, messages: &mut Vec<Message>) {
    match call {
        Call::Close => drop(websocket.close(CloseCode::NORMAL, "").await.unwrap()),
        call if READING.contains(&call) => read!(websocket, call, messages),
        call => write!(websocket, call),
    }
}

async fn call_reader(reader: &mut Reader<Scripted>, call: Call, messages: &mut Vec<Message>) {
    read!(reader, call, messages);
}

async fn call_writer(writer: &mut Writer<Scripted>, call: Call) {
    match call {
        Call::Close => writer.send_close(CloseCode::NORMAL, "").await.unwrap(),
        Call::Ping => writer.ping(b"middle").await.unwrap(),
        call => write!(writer, call),
    }
}

/// What the peer says at first.
const SAID: [&str; 3] = ["one", "tw\u{f6}", "three"];

fn said() -> Vec<u8> {
    from_client(|peer| {
        for text in SAID {
            peer.send(text).unwrap();
            peer.ping(text.as_bytes()).unwrap();
        }
    })
}

/// A connection that has room for one message at a time, or for all of them.
fn with_room(roomy: bool) -> Connection {
    Connection::server(config(|config| {
        if !roomy {
            config.max_output = 1000;
        }
    }))
}

/// Looks at the whole conversation, in which `call` was dropped; returns whether it sent its
/// message.
fn judge(stream: &Scripted, call: Call, messages: &[Message], case: &str) -> bool {
    let received: Vec<_> = messages.iter().filter_map(Message::as_text).collect();
    if call == Call::Close {
        // It drops what comes while it is awaited, and nothing of the rest.
        assert!(SAID.ends_with(&received), "{case}: {received:?}");
    } else {
        assert_eq!(received, SAID, "{case}");
    }
    // Pongs may follow the Close, which the machine of a peer does not look at: so without it.
    let mut written = stream.written();
    let is_close = |octets: &[u8]| octets == b"\x88\x02\x03\xe8";
    let close = written.windows(4).position(is_close).expect(case);
    written.drain(close..close + 4);
    let events = events_from(Role::Server, &written);
    let mut sent = texts(&events);
    let middle = sent.iter().position(|text| text == "middle").map(|at| sent.remove(at));
    let expected: &[&str] = if call.closes() { &["first"] } else { &["first", "last"] };
    assert_eq!(sent, expected, "{case}");
    if middle.is_some() {
        assert_eq!(texts(&events)[1], "middle", "{case}");
    }
    let pongs = events.iter().filter_map(|event| match event {
        Event::Pong(payload) => Some(payload.to_vec()),
        _ => None,
    });
    assert_eq!(pongs.collect::<Vec<_>>(), SAID.map(|text| text.as_bytes().to_vec()), "{case}");
    let pings = events.iter().filter(|event| matches!(event, Event::Ping(_))).count();
    assert_eq!(pings, usize::from(call == Call::Ping), "{case}");
    assert!(!written.windows(4).any(is_close), "{case}: two of them");
    assert_eq!(stream.shutdowns(), 1, "{case}");
    middle.is_some()
}

/// Once the message of a call is queued after so many polls, it is after more of them.
fn never_less(sent: bool, before: &mut bool, call: Call, completed: bool, case: &str) {
    assert!(!*before || sent, "{case}: sent after fewer polls");
    assert!(call.sends() || !sent, "{case}");
    assert!(!completed || sent == call.sends(), "{case}: it has completed");
    *before = sent;
}

/// A stream on which everything takes several polls: each octet comes and goes by itself.
fn slow(bytes: &[u8]) -> Scripted {
    let stream =
        Scripted::new(bytes.iter().flat_map(|&octet| [Bring::Later, Bring::Bytes(vec![octet])]));
    stream.script().writes.extend((0..400).flat_map(|_| [Grant::Later, Grant::Take(1)]));
    stream.script().flushes.extend([Grant::Later; 40]);
    stream
}

// R59, 6455-6.1-10
#[test]
fn reading_can_be_dropped_anywhere() {
    let sent = ["one", "twö", "three"];
    let bytes = from_client(|peer| {
        for text in sent {
            peer.send(text).unwrap();
            peer.ping(text.as_bytes()).unwrap();
        }
    });
    for polls in 1..40 {
        let stream = slow(&bytes);
        let mut websocket = WebSocket::new(stream.clone(), server());
        let mut received = Vec::new();
        runtime().block_on(async {
            for _ in 0..2000 {
                // Alternates between the ways to receive and to write.
                if let Some(message) = poll_times(websocket.read(), polls) {
                    received.push(message.unwrap().unwrap());
                }
                let _ = poll_times(websocket.flush(), polls);
                if poll_times(websocket.readable(), polls).is_some() {
                    let mut batch = websocket.batch();
                    if let Some(Event::Text(text)) = batch.next() {
                        received.push(Message::Text(text.into_owned()));
                    }
                }
                let all_read = stream.script().reads.is_empty();
                if all_read && received.len() == sent.len() && !websocket.connection().has_output()
                {
                    break;
                }
            }
        });
        let received: Vec<_> = received.iter().filter_map(Message::as_text).collect();
        assert_eq!(received, sent, "dropped after {polls} polls");
        // Each Ping was answered once.
        let answered = events_from(Role::Server, &stream.written());
        assert_eq!(answered.len(), sent.len(), "dropped after {polls} polls");
    }
}

// R59
#[test]
fn sending_can_be_dropped_anywhere() {
    for polls in 1..60 {
        let stream = slow(b"");
        let mut websocket = WebSocket::new(stream.clone(), server());
        runtime().block_on(async {
            // The first poll queues it: from then on it is sent, once.
            let first = poll_times(websocket.send("first"), polls);
            let second = poll_times(websocket.send("second"), polls);
            assert!(
                first.is_none_or(|sent| sent.is_ok()) && second.is_none_or(|sent| sent.is_ok())
            );
            finish(websocket.flush(), 500).unwrap();
        });
        let events = events_from(Role::Server, &stream.written());
        assert_eq!(texts(&events), ["first", "second"], "dropped after {polls} polls");
    }
}

// R59: a message that waits for room is either queued or not.
#[test]
fn a_message_that_waits_for_room_is_sent_or_not() {
    for polls in 1..30 {
        let stream = Scripted::default();
        stream.script().writes.extend((0..2000).flat_map(|_| [Grant::Later, Grant::Take(10_000)]));
        let mut websocket = WebSocket::new(stream.clone(), server());
        let fed = runtime().block_on(async {
            finish(websocket.feed(vec![1; 100_000]), 3).unwrap();
            let fed = poll_times(websocket.feed("behind"), polls).is_some();
            finish(websocket.flush(), 3000).unwrap();
            fed
        });
        let events = events_from(Role::Server, &stream.written());
        assert_eq!(texts(&events).len(), usize::from(fed), "dropped after {polls} polls");
    }
}

// R59: closing, too; it goes on where it was.
#[test]
fn closing_can_be_dropped_anywhere() {
    let answer = from_client(|peer| peer.close(CloseCode::NORMAL, "").unwrap());
    for polls in 1..30 {
        let stream = slow(&answer);
        stream.script().reads.push_back(Bring::Eof);
        let mut websocket = WebSocket::new(stream.clone(), server());
        let end = runtime().block_on(async {
            let code = CloseCode::GOING_AWAY;
            let _ = poll_times(websocket.close(code, ""), polls);
            finish(websocket.close(code, ""), 200).unwrap()
        });
        assert_eq!(end, EndOfStream::Clean);
        assert_eq!(stream.written(), b"\x88\x02\x03\xe9", "dropped after {polls} polls");
        assert_eq!(stream.shutdowns(), 1);
    }
}

/// The peer's Close and the end of its stream, slowly.
fn bring_the_end(stream: &Scripted) {
    for octet in from_client(|peer| peer.close(CloseCode::NORMAL, "").unwrap()) {
        stream.bring(Bring::Later);
        stream.bring(Bring::Bytes(vec![octet]));
    }
    stream.bring(Bring::Eof);
}

// R59: each of them at each point where it waits, and then the conversation goes on to its end.
#[test]
fn every_call_can_be_dropped_anywhere() {
    let calls = || READING.into_iter().chain(WRITING);
    for (dropped, roomy) in calls().flat_map(|call| [(call, true), (call, false)]) {
        let mut sent = false;
        let waits = everywhere(|polls| {
            let case = format!("{dropped:?} with room {roomy}, dropped after {polls} polls");
            let stream = slow(&said());
            if dropped.closes() {
                bring_the_end(&stream);
            }
            let mut messages = Vec::new();
            let mut websocket = WebSocket::new(stream.clone(), with_room(roomy));
            let completed = runtime().block_on(async {
                websocket.connection_mut().send("first").unwrap();
                let pending = call(&mut websocket, dropped, &mut messages);
                let completed = poll_times(pending, polls).is_some();
                if !dropped.closes() {
                    finish(websocket.send("last"), 500).unwrap();
                    bring_the_end(&stream);
                }
                while let Some(message) = finish(websocket.read(), 500).unwrap() {
                    messages.push(message);
                }
                completed
            });
            assert_eq!(websocket.end(), Some(EndOfStream::Clean), "{case}");
            let judged = judge(&stream, dropped, &messages, &case);
            never_less(judged, &mut sent, dropped, completed, &case);
            completed
        });
        let feeds = matches!(dropped, Call::Feed | Call::SinkFeed);
        assert_eq!(waits == 0, roomy && feeds, "{dropped:?} with room {roomy} waits {waits} times");
    }
}

// R59: the same of the halves.
#[test]
fn every_call_of_a_half_can_be_dropped_anywhere() {
    let calls = || READING.into_iter().chain(WRITING).chain([Call::Ping]);
    for (dropped, roomy) in calls().flat_map(|call| [(call, true), (call, false)]) {
        let mut sent = false;
        let waits = everywhere(|polls| {
            let case = format!("{dropped:?} with room {roomy}, dropped after {polls} polls");
            let stream = slow(&said());
            let mut messages = Vec::new();
            let mut websocket = WebSocket::new(stream.clone(), with_room(roomy));
            websocket.connection_mut().send("first").unwrap();
            let (mut reader, mut writer) = websocket.into_split();
            let completed = runtime().block_on(async {
                let completed = if READING.contains(&dropped) {
                    let pending = call_reader(&mut reader, dropped, &mut messages);
                    poll_times(pending, polls).is_some()
                } else {
                    poll_times(call_writer(&mut writer, dropped), polls).is_some()
                };
                if !dropped.closes() {
                    finish(writer.send("last"), 500).unwrap();
                }
                bring_the_end(&stream);
                while let Some(message) = finish(reader.read(), 500).unwrap() {
                    messages.push(message);
                }
                completed
            });
            assert_eq!(reader.end(), Some(EndOfStream::Clean), "{case}");
            // A half that closes drops nothing.
            let received = messages.len();
            assert_eq!(received, SAID.len(), "{case}");
            let judged = judge(&stream, dropped, &messages, &case);
            never_less(judged, &mut sent, dropped, completed, &case);
            completed
        });
        let feeds = matches!(dropped, Call::Feed | Call::SinkFeed);
        assert_eq!(waits == 0, roomy && feeds, "{dropped:?} with room {roomy} waits {waits} times");
    }
}

// R41, R59
#[test]
fn accepting_slowly_loses_nothing() {
    let bytes = [REQUEST, &from_client(|peer| peer.send("glued").unwrap())].concat();
    let stream = slow(&bytes);
    runtime().block_on(async {
        let accept = framewise::tokio::accept(stream.clone(), Config::default());
        let incoming = finish(accept, 1000).unwrap();
        let mut websocket = finish(incoming.accept(Acceptance::new()), 1000).unwrap();
        let message = finish(websocket.read(), 100).unwrap().unwrap();
        assert_eq!(message.as_text(), Some("glued"));
    });
}

// R59: a handshake that is given up takes the stream with it.
#[test]
fn a_handshake_can_be_dropped_anywhere() {
    const REFUSAL: &[u8] = b"HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\nno";

    let gone = |stream: &Scripted| assert_eq!(Arc::strong_count(stream.shared()), 1);
    let waits = everywhere(|polls| {
        let stream = slow(REQUEST);
        let accept = asynchronous::accept(stream.clone(), Config::default());
        let accepted = runtime().block_on(async { poll_times(accept, polls) });
        let completed = accepted.map(Result::unwrap).is_some();
        gone(&stream);
        assert!(stream.written().is_empty());
        completed
    });
    assert!(waits >= REQUEST.len());
    for answer in [&Recorded::new(Role::Client, 1).bytes, &REFUSAL.to_vec()] {
        let waits = everywhere(|polls| {
            let stream = slow(answer);
            let client =
                asynchronous::client_with_seed(stream.clone(), request(), Config::default(), SEED);
            let opened = runtime().block_on(async { poll_times(client, polls) });
            let completed = opened.is_some();
            drop(opened);
            gone(&stream);
            completed
        });
        assert!(waits >= REFUSAL.len());
    }
}

// R59: and so does a decision. A response is never begun twice.
#[test]
fn deciding_can_be_dropped_anywhere() {
    const DATE: &str = "Thu, 01 Jan 1970 00:00:00 GMT";

    let bytes = [REQUEST, &from_client(|peer| peer.send("glued").unwrap())].concat();
    for reject in [false, true] {
        let mut whole = Vec::new();
        let waits = everywhere(|polls| {
            let stream = Scripted::new([Bring::Bytes(bytes.clone()), Bring::Later, Bring::Eof]);
            stream.script().writes.extend((0..400).flat_map(|_| [Grant::Later, Grant::Take(1)]));
            stream.script().flushes.extend([Grant::Later; 3]);
            let completed = runtime().block_on(async {
                let accept = asynchronous::accept(stream.clone(), Config::default());
                let incoming = finish(accept, 3).unwrap();
                if reject {
                    // A time of its own: the clock's may differ the next time.
                    let rejection = Rejection::forbidden().header("Date", DATE).unwrap();
                    let reject = incoming.reject(rejection);
                    return poll_times(reject, polls).map(Result::unwrap).is_some();
                }
                let Some(accepted) = poll_times(incoming.accept(Acceptance::new()), polls) else {
                    return false;
                };
                // The conversation goes on.
                let message = finish(accepted.unwrap().read(), 3).unwrap().unwrap();
                assert_eq!(message.as_text(), Some("glued"));
                true
            });
            assert_eq!(Arc::strong_count(stream.shared()), 1, "{polls} polls");
            assert!(stream.written().starts_with(&whole), "{polls} polls");
            whole = stream.written();
            completed
        });
        assert!(waits > 50);
        let begun: &[u8] = if reject { b"HTTP/1.1 403 " } else { b"HTTP/1.1 101 " };
        assert!(whole.starts_with(begun));
        assert_eq!(whole.windows(5).filter(|octets| *octets == b"HTTP/").count(), 1);
    }
}

/// Polls a future as often as its task is woken, but at most `times`.
async fn at_most<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polls == times => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

// 6455-4.1-06, R59: at each point where connecting waits, for its turn at a gate, too; the next one
// has its turn.
#[tokio::test]
async fn connecting_can_be_dropped_anywhere() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("ws://{}/", listener.local_addr().unwrap());
    let connector = Connector::new().gate(&ConnectGate::new());
    let connect = || {
        asynchronous::connect_with(&connector, ClientRequest::new(&uri).unwrap(), Config::default())
    };
    let serving = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Some are given up before they have said anything.
            if let Ok(incoming) = asynchronous::accept(stream, Config::default()).await
                && let Ok(mut websocket) = incoming.accept(Acceptance::new()).await
            {
                let _ = websocket.send("welcome").await;
            }
        }
    });
    let mut waits = 0;
    for behind_another in [false, true] {
        for polls in 1.. {
            let mut another = Box::pin(connect());
            if behind_another {
                assert!(at_most(1, &mut another).await.is_none());
            }
            let opened = at_most(polls, connect());
            let completed = if behind_another {
                let (opened, another) = tokio::join!(opened, another);
                another.unwrap();
                opened.is_some()
            } else {
                opened.await.is_some()
            };
            let (mut websocket, _) = connect().await.unwrap();
            assert_eq!(websocket.read().await.unwrap().unwrap().as_text(), Some("welcome"));
            if completed {
                break;
            }
            waits += 1;
        }
    }
    assert!(waits >= 4, "{waits} points");
    serving.abort();
}

// 6455-4.1-06, R59: and makes way for the next one at the gate.
#[tokio::test]
async fn connecting_can_be_dropped() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("ws://{}/", listener.local_addr().unwrap());
    let gate = ConnectGate::new();
    let connect = || {
        let request = ClientRequest::new(&uri).unwrap();
        let connector = Connector::new().gate(&gate);
        tokio::spawn(async move {
            asynchronous::connect_with(&connector, request, Config::default()).await
        })
    };
    let first = connect();
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.read_u8().await.unwrap();
    let second = connect();
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"\r\n\r\n"), "the stream ends behind the request");

    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    assert!(second.await.unwrap().is_err());
}
