//! tungstenite: blocking streams.

use std::hint::black_box;

use tungstenite::{
    Message as Frame, Utf8Bytes, WebSocket,
    protocol::{Role as Side, WebSocketConfig},
};

use super::{AnyEndpoint, Endpoint, MAX_MESSAGE};
use crate::{
    wire::Wire,
    workload::{Message, Role, Setup},
};

struct Tungstenite(WebSocket<Wire>);

pub(super) fn open(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    if setup.deflate.is_some() {
        return None;
    }
    let websocket = WebSocket::from_raw_socket(wire, side(setup.role), Some(config()));
    Some(Box::new(Tungstenite(websocket)))
}

pub(super) fn side(role: Role) -> Side {
    match role {
        Role::Client => Side::Client,
        Role::Server => Side::Server,
    }
}

pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE))
}

pub(super) fn frame(message: &Message) -> Frame {
    match message.text {
        None => Frame::Binary(message.bytes.clone()),
        Some(_) => Frame::Text(Utf8Bytes::try_from(message.bytes.clone()).expect("a text")),
    }
}

/// Accepts the request that is on the wire.
pub(super) fn accept(wire: &Wire) {
    let websocket = tungstenite::accept(wire.clone());
    black_box(websocket.unwrap_or_else(|_| panic!("not accepted")));
}

impl Endpoint for Tungstenite {
    fn receive(&mut self, count: usize, mut deliver: impl FnMut(&[u8])) {
        let mut received = 0;
        while received < count {
            match self.0.read().expect("valid") {
                Frame::Text(text) => deliver(text.as_bytes()),
                Frame::Binary(payload) => deliver(&payload),
                _ => continue,
            }
            received += 1;
        }
    }

    fn send(&mut self, messages: &[Message], per_flush: usize) {
        for batch in messages.chunks(per_flush) {
            for message in batch {
                self.0.write(frame(message)).expect("open");
            }
            self.0.flush().expect("open");
        }
    }

    fn echo(&mut self, count: usize) {
        for _ in 0..count {
            let message = self.0.read().expect("valid");
            self.0.write(message).expect("open");
        }
        self.0.flush().expect("open");
    }

    fn wait(&mut self) {
        self.0.read().expect_err("nothing comes");
    }
}
