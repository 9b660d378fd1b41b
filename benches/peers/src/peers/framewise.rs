//! framewise: its state machine, and its adapter for tokio.

use std::{cell::RefCell, hint::black_box, sync::Arc};

use framewise::{
    Config, Connection, Event, Input, Message as Received, Payload, SendError,
    deflate::{AgreedParameters, DeflateConfig, Level, MemoryLevel, WindowBits},
    handshake::{Acceptance, ServerHandshake},
    tokio::WebSocket,
};

use super::{AnyEndpoint, Endpoint, MAX_MESSAGE};
use crate::{
    wire::{Wire, pending, ready},
    workload::{Message, Role, Setup},
};

thread_local! {
    /// What is read goes through one buffer, whatever the connection.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 << 10]);

    /// What all handshakes go by: nobody looks at a clock.
    static CONFIG: Arc<Config> = {
        let mut config = Config::default();
        (config.handshake_timeout, config.ping_interval) = (None, None);
        Arc::new(config)
    };
}

/// The state machine, driven by hand, with reads of this size.
pub(crate) struct Framewise<const READ: usize = { 64 << 10 }> {
    connection: Connection,
    wire: Wire,
}

/// What only framewise can be told.
#[derive(Clone, Copy, Default)]
pub(crate) struct FramewiseConfig {
    pub(crate) memory_level: MemoryLevel,
    pub(crate) shared_compressor: bool,
}

/// The state machine that is given its payloads, which are made before.
struct Owned {
    framewise: Framewise,
    payloads: Vec<Vec<u8>>,
}

/// The state machine that is given its payloads and shares them, as the others do their `Bytes`.
struct Shared {
    framewise: Framewise,
    payloads: Vec<Arc<[u8]>>,
}

/// The adapter, which gives whole messages away.
struct Tokio(WebSocket<Wire>);

/// The adapter, which lends the messages of a read.
struct TokioBatch(WebSocket<Wire>);

pub(super) fn open(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    Some(Box::new(<Framewise>::new(setup, FramewiseConfig::default(), wire)))
}

/// Makes one whose reads stay in the first cache.
pub(super) fn open_16(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    let config = FramewiseConfig::default();
    Some(Box::new(Framewise::<{ 16 << 10 }>::new(setup, config, wire)))
}

/// Makes one whose reads hold messages of 64 KiB and more as a whole.
pub(super) fn open_256(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    let config = FramewiseConfig::default();
    Some(Box::new(Framewise::<{ 256 << 10 }>::new(setup, config, wire)))
}

pub(super) fn open_owned(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    let framewise = <Framewise>::new(setup, FramewiseConfig::default(), wire);
    Some(Box::new(Owned { framewise, payloads: Vec::new() }))
}

pub(super) fn open_shared(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    let framewise = <Framewise>::new(setup, FramewiseConfig::default(), wire);
    Some(Box::new(Shared { framewise, payloads: Vec::new() }))
}

pub(super) fn open_tokio(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    let connection = connection(setup, FramewiseConfig::default());
    Some(Box::new(Tokio(WebSocket::new(wire, connection))))
}

pub(super) fn open_tokio_batch(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    let connection = connection(setup, FramewiseConfig::default());
    Some(Box::new(TokioBatch(WebSocket::new(wire, connection))))
}

impl<const READ: usize> Framewise<READ> {
    pub(crate) fn new(setup: Setup, config: FramewiseConfig, wire: Wire) -> Self {
        Self { connection: connection(setup, config), wire }
    }

    /// Receives what is in a buffer already.
    pub(crate) fn receive_whole(&mut self, octets: &mut [u8], mut deliver: impl FnMut(&[u8])) {
        let mut input = Input::new(octets);
        while let Some(event) = self.connection.receive(&mut input).expect("valid") {
            match event {
                Event::Binary(payload) => deliver(&payload),
                Event::Text(text) => deliver(text.as_bytes()),
                _ => {}
            }
        }
    }

    fn send_each<T>(
        &mut self,
        messages: impl Iterator<Item = T>,
        per_flush: usize,
        mut send: impl FnMut(&mut Connection, T) -> Result<(), SendError>,
    ) {
        let mut queued = 0;
        for message in messages {
            send(&mut self.connection, message).expect("open");
            queued += 1;
            if queued == per_flush {
                self.write();
                queued = 0;
            }
        }
        if queued != 0 {
            self.write();
        }
    }

    fn write(&mut self) {
        let output = self.connection.output();
        while !output.is_empty() {
            let written = self.wire.write(output.chunk());
            output.advance(written);
        }
    }

    fn read(&mut self, count: usize, mut each: impl FnMut(&mut Connection, Event<'_>) -> bool) {
        BUFFER.with_borrow_mut(|buffer| {
            let mut received = 0;
            while received < count {
                let len = self.wire.read(&mut buffer[..READ]);
                let mut input = Input::new(&mut buffer[..len]);
                while let Some(event) = self.connection.receive(&mut input).expect("valid") {
                    received += usize::from(each(&mut self.connection, event));
                }
                if self.connection.has_output() {
                    self.write();
                }
            }
        });
    }
}

impl<const READ: usize> Endpoint for Framewise<READ> {
    fn receive(&mut self, count: usize, mut deliver: impl FnMut(&[u8])) {
        self.read(count, |_, event| {
            match event {
                Event::Binary(payload) => deliver(&payload),
                Event::Text(text) => deliver(text.as_bytes()),
                _ => return false,
            }
            true
        });
    }

    fn send(&mut self, messages: &[Message], per_flush: usize) {
        self.send_each(messages.iter(), per_flush, |connection, message| match &message.text {
            Some(text) => connection.send_text(text),
            None => connection.send_binary(&message.bytes[..]),
        });
    }

    fn echo(&mut self, count: usize) {
        self.read(count, |connection, event| {
            match event {
                Event::Binary(payload) => connection.send_binary(payload).expect("open"),
                Event::Text(text) => connection.send_text(text).expect("open"),
                _ => return false,
            }
            true
        });
    }

    fn wait(&mut self) {
        // Nothing to wait with: the program waits. It knows that this is a time to let go.
        self.connection.output().release();
    }
}

impl Endpoint for Owned {
    fn receive(&mut self, count: usize, deliver: impl FnMut(&[u8])) {
        self.framewise.receive(count, deliver);
    }

    fn send(&mut self, messages: &[Message], per_flush: usize) {
        assert_eq!(self.payloads.len(), messages.len(), "prepared");
        self.framewise.send_each(self.payloads.drain(..), per_flush, Connection::send_binary);
    }

    fn echo(&mut self, count: usize) {
        self.framewise.echo(count);
    }

    fn wait(&mut self) {
        self.framewise.wait();
    }

    fn prepares(&self) -> bool {
        true
    }

    fn prepare(&mut self, messages: &[Message]) {
        self.payloads.extend(messages.iter().map(|message| message.bytes.to_vec()));
    }
}

impl Endpoint for Shared {
    fn receive(&mut self, count: usize, deliver: impl FnMut(&[u8])) {
        self.framewise.receive(count, deliver);
    }

    fn send(&mut self, messages: &[Message], per_flush: usize) {
        if self.payloads.is_empty() {
            self.payloads.extend(messages.iter().map(|message| Arc::from(&message.bytes[..])));
        }
        let payloads = self.payloads.iter().cloned();
        self.framewise.send_each(payloads, per_flush, Connection::send_binary);
    }

    fn echo(&mut self, count: usize) {
        self.framewise.echo(count);
    }

    fn wait(&mut self) {
        self.framewise.wait();
    }
}

impl Endpoint for Tokio {
    fn receive(&mut self, count: usize, mut deliver: impl FnMut(&[u8])) {
        ready(async {
            for _ in 0..count {
                match self.0.read().await.expect("valid").expect("open") {
                    Received::Binary(payload) => deliver(&payload),
                    Received::Text(text) => deliver(text.as_bytes()),
                }
            }
        });
    }

    fn send(&mut self, messages: &[Message], per_flush: usize) {
        send(&mut self.0, messages, per_flush);
    }

    fn echo(&mut self, count: usize) {
        ready(async {
            for _ in 0..count {
                let message = self.0.read().await.expect("valid").expect("open");
                self.0.feed(message).await.expect("open");
            }
            self.0.flush().await.expect("open");
        });
    }

    fn wait(&mut self) {
        pending(self.0.read());
        self.0.connection_mut().output().release();
    }
}

impl Endpoint for TokioBatch {
    fn receive(&mut self, count: usize, mut deliver: impl FnMut(&[u8])) {
        ready(async {
            let mut received = 0;
            while received < count {
                let mut batch = self.0.fill().await.expect("valid").expect("open");
                while let Some(event) = batch.next() {
                    match event {
                        Event::Binary(payload) => deliver(&payload),
                        Event::Text(text) => deliver(text.as_bytes()),
                        _ => continue,
                    }
                    received += 1;
                }
            }
        });
    }

    fn send(&mut self, messages: &[Message], per_flush: usize) {
        send(&mut self.0, messages, per_flush);
    }

    fn echo(&mut self, count: usize) {
        ready(async {
            let mut received = 0;
            while received < count {
                let mut batch = self.0.fill().await.expect("valid").expect("open");
                while let Some(event) = batch.next() {
                    match event {
                        Event::Binary(payload) => batch.connection_mut().send_binary(payload),
                        Event::Text(text) => batch.connection_mut().send_text(text),
                        _ => continue,
                    }
                    .expect("open");
                    received += 1;
                }
            }
            self.0.flush().await.expect("open");
        });
    }

    fn wait(&mut self) {
        pending(async {
            let _ = self.0.fill().await;
        });
        self.0.connection_mut().output().release();
    }
}

fn send(websocket: &mut WebSocket<Wire>, messages: &[Message], per_flush: usize) {
    ready(async {
        for batch in messages.chunks(per_flush) {
            for message in batch {
                websocket.feed(payload(message)).await.expect("open");
            }
            websocket.flush().await.expect("open");
        }
    });
}

fn payload(message: &Message) -> Payload<'_> {
    match &message.text {
        Some(text) => text.into(),
        None => message.bytes[..].into(),
    }
}

fn connection(setup: Setup, own: FramewiseConfig) -> Connection {
    let mut config = Config::default();
    config.ping_interval = None;
    config.max_message_size = MAX_MESSAGE as u64;
    config.max_output = MAX_MESSAGE;
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

/// Accepts the request that is on the wire.
pub(super) fn accept(wire: &Wire) {
    let (mut connection, wire) = CONFIG.with(|config| {
        BUFFER.with_borrow_mut(|buffer| {
            let len = wire.read(buffer);
            let mut handshake = ServerHandshake::new(Arc::clone(config));
            let upgrade = handshake.receive(&mut Input::new(&mut buffer[..len]));
            let upgrade = upgrade.expect("valid").expect("whole");
            (upgrade.accept(Acceptance::new()).expect("acceptable"), wire)
        })
    });
    wire.write_all(connection.output().chunk());
    let written = connection.output().len();
    connection.output().advance(written);
    black_box(connection);
}

pub(super) fn accept_tokio(wire: &Wire) {
    let config = CONFIG.with(Arc::clone);
    let websocket = ready(async {
        let incoming = framewise::tokio::accept(wire.clone(), config).await.expect("valid");
        incoming.accept(Acceptance::new()).await.expect("acceptable")
    });
    black_box(websocket);
}
