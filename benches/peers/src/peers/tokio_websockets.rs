//! tokio-websockets: `Stream` and `Sink` over tokio's streams. It has no compression.

use std::hint::black_box;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_websockets::{ClientBuilder, Limits, Message as Frame, ServerBuilder, WebSocketStream};

use super::{AnyEndpoint, Endpoint, MAX_MESSAGE};
use crate::{
    wire::{Wire, pending, ready},
    workload::{Message, Role, Setup},
};

struct TokioWebsockets(WebSocketStream<Wire>);

pub(super) fn open(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    if setup.deflate.is_some() {
        return None;
    }
    let limits = Limits::default().max_payload_len(Some(MAX_MESSAGE));
    let websocket = match setup.role {
        Role::Client => ClientBuilder::new().limits(limits).take_over(wire),
        Role::Server => ServerBuilder::new().limits(limits).serve(wire),
    };
    Some(Box::new(TokioWebsockets(websocket)))
}

fn frame(message: &Message) -> Frame {
    match &message.text {
        None => Frame::binary(message.bytes.clone()),
        Some(text) => Frame::text(text.clone()),
    }
}

/// Accepts the request that is on the wire.
pub(super) fn accept(wire: &Wire) {
    black_box(ready(ServerBuilder::new().accept(wire.clone())).expect("valid"));
}

impl Endpoint for TokioWebsockets {
    fn receive(&mut self, count: usize, mut deliver: impl FnMut(&[u8])) {
        ready(async {
            let mut received = 0;
            while received < count {
                let message = self.0.next().await.expect("open").expect("valid");
                if message.is_text() || message.is_binary() {
                    deliver(message.as_payload());
                    received += 1;
                }
            }
        });
    }

    fn send(&mut self, messages: &[Message], per_flush: usize) {
        ready(async {
            for batch in messages.chunks(per_flush) {
                for message in batch {
                    self.0.feed(frame(message)).await.expect("open");
                }
                self.0.flush().await.expect("open");
            }
        });
    }

    fn echo(&mut self, count: usize) {
        ready(async {
            for _ in 0..count {
                let message = self.0.next().await.expect("open").expect("valid");
                self.0.feed(message).await.expect("open");
            }
            self.0.flush().await.expect("open");
        });
    }

    fn wait(&mut self) {
        pending(self.0.next());
    }
}
