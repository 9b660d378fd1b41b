//! tokio-tungstenite: tungstenite as `Stream` and `Sink` over tokio's streams.

use std::hint::black_box;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::WebSocketStream;
use tungstenite::Message as Frame;

use super::{
    AnyEndpoint, Endpoint,
    tungstenite::{config, frame, side},
};
use crate::{
    wire::{Wire, pending, ready},
    workload::{Message, Setup},
};

struct TokioTungstenite(WebSocketStream<Wire>);

pub(super) fn open(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    if setup.deflate.is_some() {
        return None;
    }
    let websocket = WebSocketStream::from_raw_socket(wire, side(setup.role), Some(config()));
    Some(Box::new(TokioTungstenite(ready(websocket))))
}

/// Accepts the request that is on the wire.
pub(super) fn accept(wire: &Wire) {
    black_box(ready(tokio_tungstenite::accept_async(wire.clone())).expect("valid"));
}

impl Endpoint for TokioTungstenite {
    fn receive(&mut self, count: usize, mut deliver: impl FnMut(&[u8])) {
        ready(async {
            let mut received = 0;
            while received < count {
                match self.0.next().await.expect("open").expect("valid") {
                    Frame::Text(text) => deliver(text.as_bytes()),
                    Frame::Binary(payload) => deliver(&payload),
                    _ => continue,
                }
                received += 1;
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
