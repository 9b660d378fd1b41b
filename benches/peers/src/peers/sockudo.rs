//! sockudo-ws: `Stream` and `Sink` over tokio's streams.

use std::hint::black_box;

use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use sockudo_ws::{
    Config, DeflateWindowBits, Error, Message as Frame, WebSocketStream, deflate::DeflateConfig,
    protocol::Role as Side, stream::CompressedWebSocketStream,
};

use super::{AnyEndpoint, Endpoint, MAX_MESSAGE};
use crate::{
    wire::{Wire, pending, ready},
    workload::{Message, Role, Setup},
};

struct Sockudo<S>(S);

pub(super) fn open(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    let config = Config::builder()
        .auto_ping(false)
        .idle_timeout(0)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .build();
    let Some(compression) = setup.deflate else {
        let side = match setup.role {
            Role::Client => Side::Client,
            Role::Server => Side::Server,
        };
        return Some(Box::new(Sockudo(WebSocketStream::from_raw(wire, side, config))));
    };
    let bits = DeflateWindowBits::try_from(compression.bits).ok()?;
    let deflate = DeflateConfig {
        server_max_window_bits: bits,
        client_max_window_bits: bits,
        server_no_context_takeover: !compression.takeover,
        client_no_context_takeover: !compression.takeover,
        compression_level: compression.level.into(),
        ..DeflateConfig::default()
    };
    let stream = match setup.role {
        Role::Client => CompressedWebSocketStream::client(wire, config, deflate),
        Role::Server => CompressedWebSocketStream::server(wire, config, deflate),
    };
    Some(Box::new(Sockudo(stream)))
}

/// Accepts the request that is on the wire.
pub(super) fn accept(wire: &Wire) {
    let mut wire = wire.clone();
    ready(sockudo_ws::handshake::server_handshake(&mut wire)).expect("valid");
    let config = Config::builder().auto_ping(false).idle_timeout(0).build();
    black_box(WebSocketStream::from_raw(wire, Side::Server, config));
}

impl<S> Endpoint for Sockudo<S>
where
    S: Stream<Item = Result<Frame, Error>> + Sink<Frame, Error = Error> + Unpin,
{
    fn receive(&mut self, count: usize, mut deliver: impl FnMut(&[u8])) {
        ready(async {
            let mut received = 0;
            while received < count {
                let (Frame::Text(payload) | Frame::Binary(payload)) =
                    self.0.next().await.expect("open").expect("valid")
                else {
                    continue;
                };
                deliver(&payload);
                received += 1;
            }
        });
    }

    fn send(&mut self, messages: &[Message], per_flush: usize) {
        ready(async {
            for batch in messages.chunks(per_flush) {
                for message in batch {
                    let payload = message.bytes.clone();
                    let frame = match message.text {
                        None => Frame::Binary(payload),
                        Some(_) => Frame::Text(payload),
                    };
                    self.0.feed(frame).await.expect("open");
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
