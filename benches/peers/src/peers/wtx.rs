//! wtx: frames that are lent from its own buffer, over streams of its own.
//!
//! It has compression, but never keeps the context. It writes each message, and masks the caller's
//! own octets, which are therefore made before, as those that framewise is given are.

use std::hint::black_box;

use wtx::{
    collection::Vector,
    rng::{Xorshift64, simple_seed},
    web_socket::{
        Frame, OpCode, WebSocket, WebSocketAcceptor, WebSocketBuffer, WebSocketPayloadOrigin,
    },
};

use super::{AnyEndpoint, Endpoint, MAX_MESSAGE};
use crate::{
    wire::{Wire, pending, ready},
    workload::{Message, Role, Setup},
};

struct Wtx<const IS_CLIENT: bool> {
    websocket: WebSocket<(), Xorshift64, Wire, WebSocketBuffer, IS_CLIENT>,
    buffer: Vector<u8>,
    payloads: Vec<Vec<u8>>,
}

pub(super) fn open(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    if setup.deflate.is_some() {
        return None;
    }
    Some(match setup.role {
        Role::Client => Box::new(Wtx::<true>::new(wire)),
        Role::Server => Box::new(Wtx::<false>::new(wire)),
    })
}

impl<const IS_CLIENT: bool> Wtx<IS_CLIENT> {
    fn new(wire: Wire) -> Self {
        // An empty one would be read into frame by frame.
        let buffer = WebSocketBuffer::with_capacity(64 << 10, 0, 0).expect("room");
        let rng = Xorshift64::from(simple_seed());
        let mut websocket = WebSocket::new((), false, rng, wire, buffer);
        websocket.set_max_payload_len(MAX_MESSAGE);
        Self { websocket, buffer: Vector::new(), payloads: Vec::new() }
    }
}

/// Accepts the request that is on the wire.
pub(super) fn accept(wire: &Wire) {
    let acceptor = WebSocketAcceptor::default();
    black_box(ready(acceptor.accept(wire.clone())).expect("valid"));
}

impl<const IS_CLIENT: bool> Endpoint for Wtx<IS_CLIENT> {
    fn receive(&mut self, count: usize, mut deliver: impl FnMut(&[u8])) {
        ready(async {
            let mut received = 0;
            while received < count {
                self.buffer.clear();
                let origin = WebSocketPayloadOrigin::Adaptive;
                let frame =
                    self.websocket.read_frame(&mut self.buffer, origin).await.expect("valid");
                if matches!(frame.op_code(), OpCode::Text | OpCode::Binary) {
                    deliver(frame.payload());
                    received += 1;
                }
            }
        });
    }

    fn send(&mut self, messages: &[Message], _: usize) {
        ready(async {
            for (message, payload) in messages.iter().zip(&mut self.payloads) {
                let op_code = if message.text.is_some() { OpCode::Text } else { OpCode::Binary };
                let mut frame = Frame::new_fin(op_code, &mut payload[..]);
                self.websocket.write_frame(&mut frame).await.expect("open");
            }
        });
    }

    fn echo(&mut self, count: usize) {
        ready(async {
            for _ in 0..count {
                self.buffer.clear();
                let origin = WebSocketPayloadOrigin::Consistent;
                let op_code = {
                    let frame = self.websocket.read_frame(&mut self.buffer, origin).await;
                    frame.expect("valid").op_code()
                };
                let mut frame = Frame::new_fin(op_code, &mut self.buffer[..]);
                self.websocket.write_frame(&mut frame).await.expect("open");
            }
        });
    }

    fn wait(&mut self) {
        // What is the program's, which could share it.
        (self.buffer, self.payloads) = (Vector::new(), Vec::new());
        pending(self.websocket.read_frame(&mut self.buffer, WebSocketPayloadOrigin::Adaptive));
    }

    fn prepares(&self) -> bool {
        true
    }

    fn prepare(&mut self, messages: &[Message]) {
        self.payloads.resize(messages.len(), Vec::new());
        for (payload, message) in self.payloads.iter_mut().zip(messages) {
            payload.clear();
            payload.extend_from_slice(&message.bytes);
        }
    }
}
