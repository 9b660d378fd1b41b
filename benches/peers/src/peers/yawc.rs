//! yawc: `Stream` and `Sink` of frames over tokio's streams.

use std::sync::OnceLock;

use futures_util::SinkExt as _;
use yawc::{
    CompressionLevel, DeflateOptions, DeflatePool, Frame, OpCode, Options, Role as Side, WebSocket,
};

use super::Endpoint;
use crate::{
    wire::{Wire, pending, ready},
    workload::{Message, Role, Setup},
};

struct Yawc(WebSocket<Wire>);

pub(super) fn open(setup: Setup, wire: Wire) -> Option<Box<dyn Endpoint>> {
    open_with(setup, wire, None)
}

/// Makes one that keeps no compressor between messages, where there is no context takeover.
pub(crate) fn open_with_pool(setup: Setup, wire: Wire) -> Option<Box<dyn Endpoint>> {
    static POOL: OnceLock<DeflatePool> = OnceLock::new();
    setup.deflate?;
    open_with(setup, wire, Some(POOL.get_or_init(|| DeflatePool::new(1)).clone()))
}

fn open_with(setup: Setup, wire: Wire, pool: Option<DeflatePool>) -> Option<Box<dyn Endpoint>> {
    let mut options = Options::default().with_utf8();
    options.compression = setup.deflate.map(|compression| DeflateOptions {
        level: CompressionLevel::new(compression.level.into()),
        pool: pool.clone(),
        ..DeflateOptions::default()
    });
    let side = match setup.role {
        Role::Client => Side::Client,
        Role::Server => Side::Server,
    };
    let header = setup.deflate.map(|compression| compression.header());
    WebSocket::from_stream_with_extensions(wire, side, header.as_deref(), options)
        .map(|websocket| Box::new(Yawc(websocket)) as _)
        .ok()
}

impl Endpoint for Yawc {
    fn receive(&mut self, count: usize, deliver: &mut dyn FnMut(&[u8])) {
        for _ in 0..count {
            let frame = ready(self.0.next_frame()).expect("valid");
            assert_eq!(frame.opcode(), OpCode::Text);
            deliver(frame.payload());
        }
    }

    fn send(&mut self, messages: &[Message]) {
        for message in messages {
            ready(self.0.send(Frame::text(message.bytes.clone()))).expect("open");
        }
    }

    fn wait(&mut self) {
        pending(self.0.next_frame());
    }
}
