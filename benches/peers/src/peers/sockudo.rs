//! sockudo-ws: `Stream` and `Sink` over tokio's streams.

use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use sockudo_ws::{
    Config, DeflateWindowBits, Error, Message as Frame, WebSocketStream, deflate::DeflateConfig,
    protocol::Role as Side, stream::CompressedWebSocketStream,
};

use super::Endpoint;
use crate::{
    wire::{Wire, pending, ready},
    workload::{Message, Role, Setup},
};

struct Sockudo<S>(S);

pub(super) fn open(setup: Setup, wire: Wire) -> Option<Box<dyn Endpoint>> {
    let config = Config::builder().auto_ping(false).idle_timeout(0).build();
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

impl<S> Endpoint for Sockudo<S>
where
    S: Stream<Item = Result<Frame, Error>> + Sink<Frame, Error = Error> + Unpin,
{
    fn receive(&mut self, count: usize, deliver: &mut dyn FnMut(&[u8])) {
        for _ in 0..count {
            let Some(Ok(Frame::Text(text))) = ready(self.0.next()) else { panic!("not a text") };
            deliver(&text);
        }
    }

    fn send(&mut self, messages: &[Message]) {
        for message in messages {
            ready(self.0.send(Frame::Text(message.bytes.clone()))).expect("open");
        }
    }

    fn wait(&mut self) {
        pending(self.0.next());
    }
}
