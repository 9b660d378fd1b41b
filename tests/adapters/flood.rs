//! Floods of control frames.

use framewise::{blocking, tokio::WebSocket};

use crate::support::{Bring, Grant, Scripted, frames, from_client, poll_times, runtime, server};

// 6455-5.5.3-03; R27: what the reserve had no room for at first goes out behind it, and does not wait
// until something else happens
#[test]
fn the_last_of_many_pings_is_answered_at_once() {
    let pings: Vec<u8> = (0..100_u8)
        .flat_map(|index| from_client(|peer| peer.ping([index; 125]).unwrap()))
        .collect();
    let last = frames(framewise::Role::Server, |server| server.pong([99; 125]).unwrap());
    let check = |stream: &Scripted| {
        let written = stream.written();
        assert!(written.ends_with(&last), "{} octets were written", written.len());
        assert!(written.len() < pings.len() / 2, "but not all of them are answered");
    };

    let stream = Scripted::bytes(pings.clone());
    let mut websocket = WebSocket::new(stream.clone(), server());
    assert!(runtime().block_on(async { poll_times(websocket.read(), 3) }).is_none());
    check(&stream);

    let stream = Scripted::bytes(pings.clone());
    let (mut reader, _writer) = WebSocket::new(stream.clone(), server()).into_split();
    assert!(runtime().block_on(async { poll_times(reader.read(), 3) }).is_none());
    check(&stream);

    let stream = Scripted::bytes(pings.clone());
    let mut websocket = blocking::WebSocket::new(stream.clone(), server());
    assert!(websocket.read().is_err(), "it would block");
    check(&stream);

    let stream = Scripted::bytes(pings.clone());
    let websocket = blocking::WebSocket::new(stream.clone(), server());
    let (mut reader, _writer) = websocket.into_split(stream.clone());
    assert!(reader.read().is_err(), "it would block");
    check(&stream);
}

// 6455-5.5.3-03; R27: the same when the writer queues what is owed and does not write.
#[test]
fn the_last_of_many_pings_is_answered_behind_a_writer_that_only_queues() {
    let pings = |number: u8| {
        Bring::Bytes(from_client(|peer| (0..15).for_each(|_| peer.ping([number; 125]).unwrap())))
    };
    let last = frames(framewise::Role::Server, |server| server.pong([4; 125]).unwrap());

    let stream = Scripted::new((0..5).map(pings));
    let (mut reader, mut writer) =
        blocking::WebSocket::new(stream.clone(), server()).into_split(stream.clone());
    for _ in 0..5 {
        // Nothing is written before the batch that comes behind it.
        stream.script().writes.push_back(Grant::Later);
        let mut batch = reader.fill().unwrap().unwrap();
        while batch.next().is_some() {}
        drop(batch);
        writer.feed("").unwrap();
    }
    stream.script().writes.clear();
    writer.flush().unwrap();
    assert!(stream.written().ends_with(&last));

    let stream = Scripted::new((0..5).map(pings));
    stream.block();
    let (mut reader, mut writer) = WebSocket::new(stream.clone(), server()).into_split();
    runtime().block_on(async {
        for _ in 0..5 {
            let mut batch = poll_times(reader.fill(), 3).unwrap().unwrap().unwrap();
            while batch.next().is_some() {}
            drop(batch);
            poll_times(writer.feed(""), 1).unwrap().unwrap();
        }
        stream.unblock();
        poll_times(writer.flush(), 1).unwrap().unwrap();
    });
    assert!(stream.written().ends_with(&last));
}
