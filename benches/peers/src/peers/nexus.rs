//! nexus-web: two state machines, a reader with a buffer of its own and a writer.
//!
//! It has no compression, and leaves the answers to Pings to the program.

use std::hint::black_box;

use nexus_web::ws::{Client, FrameReader, FrameWriter, Message as Frame, Role as Side};

use super::{AnyEndpoint, Endpoint, MAX_MESSAGE};
use crate::{
    wire::Wire,
    workload::{Message, Role, Setup},
};

struct Nexus {
    reader: FrameReader,
    writer: FrameWriter,
    wire: Wire,
    output: Output,
}

/// Frames that wait to be written. The writer wants a place that is large enough, and to clear one
/// for each frame would cost more than the frame.
#[derive(Default)]
struct Output {
    place: Vec<u8>,
    len: usize,
}

/// The reader alone, whose buffer everything that it is to receive fits in.
pub(crate) struct Whole(FrameReader);

pub(super) fn open(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    open_with(setup, wire, 1 << 20)
}

/// Makes one whose buffer is not larger than those of the others.
pub(super) fn open_64(setup: Setup, wire: Wire) -> Option<Box<dyn AnyEndpoint>> {
    open_with(setup, wire, 64 << 10)
}

fn open_with(setup: Setup, wire: Wire, buffer: usize) -> Option<Box<dyn AnyEndpoint>> {
    if setup.deflate.is_some() {
        return None;
    }
    let writer = FrameWriter::new(side(setup.role));
    Some(Box::new(Nexus {
        reader: reader(setup.role, buffer),
        writer,
        wire,
        output: Output::default(),
    }))
}

fn side(role: Role) -> Side {
    match role {
        Role::Client => Side::Client,
        Role::Server => Side::Server,
    }
}

fn reader(role: Role, buffer: usize) -> FrameReader {
    FrameReader::builder()
        .role(side(role))
        .buffer_capacity(buffer)
        .max_frame_size(MAX_MESSAGE as u64)
        .max_message_size(MAX_MESSAGE)
        .build()
}

impl Whole {
    pub(crate) fn new(role: Role, size: usize) -> Self {
        Self(reader(role, size))
    }

    /// Puts octets into its buffer.
    pub(crate) fn fill(&mut self, octets: &[u8]) {
        self.0.read(octets).expect("enough room");
    }

    /// Receives what is in the buffer.
    pub(crate) fn receive(&mut self, mut deliver: impl FnMut(&[u8])) {
        while let Some(frame) = self.0.next().expect("valid") {
            match frame {
                Frame::Text(text) => deliver(text.as_bytes()),
                Frame::Binary(payload) => deliver(payload),
                _ => {}
            }
        }
    }
}

impl Nexus {
    fn read(
        &mut self,
        count: usize,
        mut each: impl FnMut(&mut FrameWriter, &mut Output, Frame<'_>) -> bool,
    ) {
        let mut received = 0;
        while received < count {
            if self.reader.spare().is_empty() {
                self.reader.compact();
            }
            let len = self.wire.read(self.reader.spare());
            self.reader.filled(len);
            while let Some(frame) = self.reader.next().expect("valid") {
                if let Frame::Ping(payload) = frame {
                    self.output.append(payload.len(), |output| {
                        self.writer.encode_pong(payload, output).expect("short enough")
                    });
                    continue;
                }
                received += usize::from(each(&mut self.writer, &mut self.output, frame));
            }
            if self.output.len != 0 {
                self.write();
            }
        }
    }

    fn write(&mut self) {
        self.wire.write_all(&self.output.place[..self.output.len]);
        self.output.len = 0;
    }
}

impl Output {
    fn append(&mut self, payload_len: usize, encode: impl FnOnce(&mut [u8]) -> usize) {
        let needed = self.len + payload_len + MAX_HEADER;
        if self.place.len() < needed {
            self.place.resize(needed, 0);
        }
        self.len += encode(&mut self.place[self.len..]);
    }
}

/// Accepts the request that is on the wire. Its buffers are made, and filled with zeros, before.
pub(super) fn accept(wire: &Wire) {
    black_box(Client::builder().accept(wire.clone()).expect("valid"));
}

/// The same, with buffers that are large enough for a handshake.
pub(super) fn accept_4(wire: &Wire) {
    let builder = Client::builder().buffer_capacity(4 << 10).write_buffer_capacity(4 << 10);
    black_box(builder.accept(wire.clone()).expect("valid"));
}

impl Endpoint for Nexus {
    fn receive(&mut self, count: usize, mut deliver: impl FnMut(&[u8])) {
        self.read(count, |_, _, frame| {
            match frame {
                Frame::Text(text) => deliver(text.as_bytes()),
                Frame::Binary(payload) => deliver(payload),
                _ => return false,
            }
            true
        });
    }

    fn send(&mut self, messages: &[Message], per_flush: usize) {
        for batch in messages.chunks(per_flush) {
            for message in batch {
                let payload = &message.bytes;
                self.output.append(payload.len(), |output| match message.text {
                    None => self.writer.encode_binary(payload, output),
                    Some(_) => self.writer.encode_text(payload, output),
                });
            }
            self.write();
        }
    }

    fn echo(&mut self, count: usize) {
        self.read(count, |writer, output, frame| {
            match frame {
                Frame::Text(text) => {
                    output.append(text.len(), |output| writer.encode_text(text.as_bytes(), output))
                }
                Frame::Binary(payload) => {
                    output.append(payload.len(), |output| writer.encode_binary(payload, output))
                }
                _ => return false,
            }
            true
        });
    }

    fn wait(&mut self) {
        // What is the program's, which could share it.
        self.output.place = Vec::new();
    }
}

const MAX_HEADER: usize = 14;
