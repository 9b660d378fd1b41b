//! Floods of control frames.

use framewise::{blocking, tokio::WebSocket};

use crate::support::{Scripted, frames, from_client, poll_times, runtime, server};

// 6455-5.5.3-03; R27: what the reserve had no room for at first goes out behind it, and does not wait
// until something else happens
#[test]
fn the_last_of_many_pings_is_answered_at_once() {
    let pings: Vec<u8> = (0..100_u8)
        .flat_map(|index| from_client(|peer| peer.ping(&[index; 125]).unwrap()))
        .collect();
    let last = frames(framewise::Role::Server, |server| server.pong(&[99; 125]).unwrap());
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
    let (mut reader, _writer) = WebSocket::new(stream.clone(), server()).split();
    assert!(runtime().block_on(async { poll_times(reader.read(), 3) }).is_none());
    check(&stream);

    let stream = Scripted::bytes(pings.clone());
    let mut websocket = blocking::WebSocket::new(stream.clone(), server());
    assert!(websocket.read().is_err(), "it would block");
    check(&stream);

    let stream = Scripted::bytes(pings.clone());
    let websocket = blocking::WebSocket::new(stream.clone(), server());
    let (mut reader, _writer) = websocket.split(stream.clone());
    assert!(reader.read().is_err(), "it would block");
    check(&stream);
}
