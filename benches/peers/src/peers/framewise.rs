//! framewise: its state machine, and its adapter for tokio.

use std::{cell::RefCell, sync::Arc};

use framewise::{
    Config, Connection, Event, Input, Message as Received,
    deflate::{AgreedParameters, DeflateConfig, Level, MemoryLevel, WindowBits},
    tokio::WebSocket,
};

use super::Endpoint;
use crate::{
    wire::{Wire, pending, ready},
    workload::{Message, Role, Setup},
};

thread_local! {
    /// What is read goes through one buffer, whatever the connection.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 << 10]);
}

/// The state machine, driven by hand.
pub(crate) struct Framewise {
    connection: Connection,
    wire: Wire,
}

/// What only framewise can be told.
#[derive(Clone, Copy, Default)]
pub(crate) struct FramewiseConfig {
    pub(crate) memory_level: MemoryLevel,
    pub(crate) shared_compressor: bool,
}

pub(super) fn open(setup: Setup, wire: Wire) -> Option<Box<dyn Endpoint>> {
    Some(Box::new(Framewise::new(setup, FramewiseConfig::default(), wire)))
}

pub(super) fn open_tokio(setup: Setup, wire: Wire) -> Option<Box<dyn Endpoint>> {
    let connection = connection(setup, FramewiseConfig::default());
    Some(Box::new(WebSocket::new(wire, connection)))
}

impl Framewise {
    pub(crate) fn new(setup: Setup, config: FramewiseConfig, wire: Wire) -> Self {
        Self { connection: connection(setup, config), wire }
    }
}

impl Endpoint for Framewise {
    fn receive(&mut self, count: usize, deliver: &mut dyn FnMut(&[u8])) {
        BUFFER.with_borrow_mut(|buffer| {
            let mut received = 0;
            while received < count {
                let len = self.wire.read(buffer);
                let mut input = Input::new(&mut buffer[..len]);
                while let Some(event) = self.connection.receive(&mut input).expect("valid") {
                    let Event::Text(text) = event else { panic!("not a text") };
                    deliver(text.as_bytes());
                    received += 1;
                }
            }
        });
    }

    fn send(&mut self, messages: &[Message]) {
        for message in messages {
            self.connection.send_text(&message.text).expect("open");
            let output = self.connection.output();
            while !output.is_empty() {
                let chunk = output.chunk();
                self.wire.write(chunk);
                let len = chunk.len();
                output.advance(len);
            }
        }
    }

    fn wait(&mut self) {
        // Nothing to wait with: the program waits. It knows that this is a time to let go.
        self.connection.output().release();
    }
}

impl Endpoint for WebSocket<Wire> {
    fn receive(&mut self, count: usize, deliver: &mut dyn FnMut(&[u8])) {
        for _ in 0..count {
            let Some(Received::Text(text)) = ready(self.read()).expect("valid") else {
                panic!("not a text");
            };
            deliver(text.as_bytes());
        }
    }

    fn send(&mut self, messages: &[Message]) {
        for message in messages {
            ready(Self::send(self, &message.text)).expect("open");
        }
    }

    fn wait(&mut self) {
        pending(self.read());
        self.connection_mut().output().release();
    }
}

fn connection(setup: Setup, own: FramewiseConfig) -> Connection {
    let mut config = Config::default();
    config.ping_interval = None;
    if let Some(compression) = setup.deflate {
        let mut deflate = DeflateConfig::default();
        deflate.level = Level::new(compression.level).expect("a level");
        deflate.memory_level = own.memory_level;
        deflate.shared_compressor = own.shared_compressor;
        config.deflate = Some(deflate);
    }
    let config = Arc::new(config);
    let mut connection = match setup.role {
        Role::Client => Connection::client(config, [7; 32]),
        Role::Server => Connection::server(config),
    };
    if let Some(compression) = setup.deflate {
        let bits = WindowBits::new(compression.bits).expect("a window");
        let mut agreed = AgreedParameters::default();
        agreed.client_no_context_takeover = !compression.takeover;
        agreed.server_no_context_takeover = !compression.takeover;
        agreed.client_max_window_bits = bits;
        agreed.server_max_window_bits = bits;
        connection.set_deflate(agreed);
    }
    connection
}
