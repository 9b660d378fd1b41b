//! soketto: a sender and a receiver over streams of the `futures` crates.
//!
//! It does not validate text, which is done here, and reads the rest of a frame exactly, so that
//! its documentation has a buffered reader. Its compression, which never keeps the context, is left
//! out: it would bring another library for all.

use std::hint::black_box;

use soketto::{
    Data, Incoming, Receiver, Sender,
    connection::{Builder, Mode},
    handshake::{Server, server::Response},
};
use tokio::io::BufReader;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};

use super::{AnyEndpoint, Endpoint, MAX_MESSAGE};
use crate::{
    wire::{Wire, ready},
    workload::{Message, Role, Setup},
};

struct Soketto {
    sender: Sender<Compat<BufReader<Wire>>>,
    receiver: Receiver<Compat<BufReader<Wire>>>,
    payload: Vec<u8>,
}

pub(super) fn open(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    if setup.deflate.is_some() {
        return None;
    }
    let mode = match setup.role {
        Role::Client => Mode::Client,
        Role::Server => Mode::Server,
    };
    let stream = BufReader::with_capacity(64 << 10, wire).compat();
    let mut builder = Builder::new(stream, mode);
    builder.set_max_message_size(MAX_MESSAGE);
    builder.set_max_frame_size(MAX_MESSAGE);
    let (sender, receiver) = builder.finish();
    Some(Box::new(Soketto { sender, receiver, payload: Vec::new() }))
}

impl Soketto {
    /// Receives a message into `payload`; returns whether it is a text.
    async fn read(&mut self) -> bool {
        self.payload.clear();
        loop {
            match self.receiver.receive(&mut self.payload).await.expect("valid") {
                Incoming::Data(Data::Binary(_)) => return false,
                Incoming::Data(Data::Text(_)) => {
                    std::str::from_utf8(&self.payload).expect("valid");
                    return true;
                }
                _ => {}
            }
        }
    }

    async fn write(&mut self, message: &Message) {
        match &message.text {
            None => self.sender.send_binary(&message.bytes).await.expect("open"),
            Some(text) => self.sender.send_text(text).await.expect("open"),
        }
    }
}

/// Accepts the request that is on the wire.
pub(super) fn accept(wire: &Wire) {
    let halves = ready(async {
        let mut server = Server::new(BufReader::new(wire.clone()).compat());
        let key = server.receive_request().await.expect("valid").key();
        let response = Response::Accept { key, protocol: None };
        server.send_response(&response).await.expect("open");
        server.into_builder().finish()
    });
    black_box(halves);
}

impl Endpoint for Soketto {
    fn receive(&mut self, count: usize, mut deliver: impl FnMut(&[u8])) {
        ready(async {
            for _ in 0..count {
                self.read().await;
                deliver(&self.payload);
            }
        });
    }

    fn send(&mut self, messages: &[Message], per_flush: usize) {
        ready(async {
            for batch in messages.chunks(per_flush) {
                for message in batch {
                    self.write(message).await;
                }
                self.sender.flush().await.expect("open");
            }
        });
    }

    fn echo(&mut self, count: usize) {
        ready(async {
            for _ in 0..count {
                assert!(!self.read().await, "a binary message");
                self.sender.send_binary_mut(&mut self.payload).await.expect("open");
            }
            self.sender.flush().await.expect("open");
        });
    }

    fn wait(&mut self) {
        // What is the program's, which could share it. To stop reading would lose what was read.
        self.payload = Vec::new();
    }
}
