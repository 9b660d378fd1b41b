//! fastwebsockets: frames over tokio's streams, whose fragments it collects if asked to.
//!
//! It has no compression, and writes each message.

use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, Role as Side, WebSocket};

use super::{AnyEndpoint, Endpoint, MAX_MESSAGE, hyper};
use crate::{
    wire::{Wire, pending, ready},
    workload::{Message, Role, Setup},
};

struct Fastwebsockets(FragmentCollector<Wire>);

pub(super) fn open(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    if setup.deflate.is_some() {
        return None;
    }
    let side = match setup.role {
        Role::Client => Side::Client,
        Role::Server => Side::Server,
    };
    let mut websocket = WebSocket::after_handshake(wire, side);
    websocket.set_max_message_size(MAX_MESSAGE);
    Some(Box::new(Fastwebsockets(FragmentCollector::new(websocket))))
}

/// Accepts the request that is on the wire, through hyper.
pub(super) fn accept(wire: &Wire) {
    hyper::accept(wire, |request| fastwebsockets::upgrade::upgrade(request).expect("valid"));
}

impl Endpoint for Fastwebsockets {
    fn receive(&mut self, count: usize, mut deliver: impl FnMut(&[u8])) {
        ready(async {
            let mut received = 0;
            while received < count {
                let frame = self.0.read_frame().await.expect("valid");
                if matches!(frame.opcode, OpCode::Text | OpCode::Binary) {
                    deliver(&frame.payload);
                    received += 1;
                }
            }
        });
    }

    fn send(&mut self, messages: &[Message], _: usize) {
        ready(async {
            for message in messages {
                // What it masks has to be its own; a `BytesMut` would be a copy, too.
                let payload = Payload::Borrowed(&message.bytes);
                let frame = match message.text {
                    None => Frame::binary(payload),
                    Some(_) => Frame::text(payload),
                };
                write(&mut self.0, frame).await;
            }
        });
    }

    fn echo(&mut self, count: usize) {
        ready(async {
            for _ in 0..count {
                let frame = self.0.read_frame().await.expect("valid");
                let payload = frame.payload;
                write(&mut self.0, Frame::new(true, frame.opcode, None, payload)).await;
            }
        });
    }

    fn wait(&mut self) {
        pending(self.0.read_frame());
    }
}

async fn write(websocket: &mut FragmentCollector<Wire>, frame: Frame<'_>) {
    websocket.write_frame(frame).await.expect("open");
}
