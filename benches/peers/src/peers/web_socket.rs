//! web-socket: whole frames over tokio's streams.
//!
//! It does not validate text nor collect fragments, which is done here, and reads every part of a
//! frame by itself, so that its documentation has a buffered reader. It has no compression, and
//! leaves the answers to Pings to the program.

use std::borrow::Cow;

use tokio::io::BufReader;
use web_socket::{DataType, Event, Frame, MessageType, Stream, WebSocket};

use super::{AnyEndpoint, Endpoint, MAX_MESSAGE};
use crate::{
    wire::{Wire, pending, ready},
    workload::{Message, Role, Setup},
};

struct WebSocketCrate {
    websocket: WebSocket<BufReader<Wire>>,
    fragments: Vec<u8>,
}

pub(super) fn open(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    if setup.deflate.is_some() {
        return None;
    }
    let stream = BufReader::with_capacity(64 << 10, wire);
    let mut websocket = match setup.role {
        Role::Client => WebSocket::client(stream),
        Role::Server => WebSocket::server(stream),
    };
    websocket.max_payload_len = MAX_MESSAGE;
    Some(Box::new(WebSocketCrate { websocket, fragments: Vec::new() }))
}

impl WebSocketCrate {
    async fn read(&mut self) -> (MessageType, Cow<'_, [u8]>) {
        self.fragments.clear();
        let (kind, payload) = loop {
            match self.websocket.recv().await.expect("valid") {
                Event::Data { ty: DataType::Complete(kind), data } => {
                    break (kind, Cow::Owned(data.into_vec()));
                }
                Event::Data { ty: DataType::Stream(part), data } => {
                    self.fragments.extend_from_slice(&data);
                    if let Stream::End(kind) = part {
                        break (kind, Cow::Borrowed(&self.fragments[..]));
                    }
                }
                Event::Ping(payload) => self.websocket.send_pong(payload).await.expect("open"),
                _ => panic!("not a message"),
            }
        };
        if kind == MessageType::Text {
            std::str::from_utf8(&payload).expect("valid");
        }
        (kind, payload)
    }
}

impl Endpoint for WebSocketCrate {
    fn receive(&mut self, count: usize, mut deliver: impl FnMut(&[u8])) {
        ready(async {
            for _ in 0..count {
                deliver(&self.read().await.1);
            }
        });
    }

    fn send(&mut self, messages: &[Message], _: usize) {
        ready(async {
            for message in messages {
                let frame = match &message.text {
                    None => Frame::from(&message.bytes[..]),
                    Some(text) => Frame::from(&text[..]),
                };
                self.websocket.send(frame).await.expect("open");
            }
        });
    }

    fn echo(&mut self, count: usize) {
        ready(async {
            for _ in 0..count {
                let Event::Data { data, .. } = self.websocket.recv().await.expect("valid") else {
                    panic!("not a message");
                };
                self.websocket.send(&data[..]).await.expect("open");
            }
        });
    }

    fn wait(&mut self) {
        pending(self.websocket.recv());
    }
}
