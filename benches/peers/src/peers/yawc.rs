//! yawc: `Stream` and `Sink` of frames over tokio's streams.

use std::sync::OnceLock;

use futures_util::SinkExt as _;
use yawc::{
    CompressionLevel, DeflateOptions, DeflatePool, Frame, HttpStream, OpCode, Options,
    Role as Side, WebSocket,
};

use super::{AnyEndpoint, Endpoint, MAX_MESSAGE, hyper};
use crate::{
    wire::{Wire, pending, ready},
    workload::{Message, Role, Setup},
};

struct Yawc(WebSocket<Wire>);

pub(super) fn open(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    open_with(setup, wire, None)
}

/// Makes one that keeps no compressor between messages, where there is no context takeover.
pub(crate) fn open_with_pool(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    static POOL: OnceLock<DeflatePool> = OnceLock::new();
    setup.deflate?;
    open_with(setup, wire, Some(POOL.get_or_init(|| DeflatePool::new(1)).clone()))
}

fn open_with(setup: Setup, wire: Wire, pool: Option<DeflatePool>) -> Option<Box<dyn AnyEndpoint>> {
    let mut options = Options::default().with_utf8().with_limits(MAX_MESSAGE, 2 * MAX_MESSAGE);
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

/// Accepts the request that is on the wire, through hyper.
pub(super) fn accept(wire: &Wire) {
    hyper::accept(wire, |request| {
        WebSocket::<HttpStream>::upgrade_with_options(request, Options::default()).expect("valid")
    });
}

impl Endpoint for Yawc {
    fn receive(&mut self, count: usize, mut deliver: impl FnMut(&[u8])) {
        ready(async {
            let mut received = 0;
            while received < count {
                let frame = self.0.next_frame().await.expect("valid");
                if matches!(frame.opcode(), OpCode::Text | OpCode::Binary) {
                    deliver(frame.payload());
                    received += 1;
                }
            }
        });
    }

    fn send(&mut self, messages: &[Message], per_flush: usize) {
        ready(async {
            for batch in messages.chunks(per_flush) {
                for message in batch {
                    let payload = message.bytes.clone();
                    let frame = match message.text {
                        None => Frame::binary(payload),
                        Some(_) => Frame::text(payload),
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
                let frame = self.0.next_frame().await.expect("valid");
                self.0.feed(Frame::binary(frame.into_payload())).await.expect("open");
            }
            self.0.flush().await.expect("open");
        });
    }

    fn wait(&mut self) {
        pending(self.0.next_frame());
    }
}
