//! A program without the standard library: it echoes over octets that somebody else moves.
#![no_std]

extern crate alloc;

use alloc::sync::Arc;
use core::panic::PanicInfo;

use framewise::{
    Config, Connection, Event, Input,
    handshake::{Acceptance, ServerHandshake},
};
use linked_list_allocator::LockedHeap;

#[global_allocator]
static HEAP: LockedHeap = LockedHeap::empty();

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// A server's end, before and after the opening handshake.
#[derive(Debug)]
pub enum Server {
    /// Waits for the request.
    Handshake(ServerHandshake),
    /// Echoes.
    Open(Connection),
}

impl Server {
    /// Makes a server's end.
    pub fn new(config: Arc<Config>) -> Self {
        Self::Handshake(ServerHandshake::new(config))
    }

    /// Takes octets from the client and gives `write` the answer.
    pub fn receive(&mut self, octets: &mut [u8], mut write: impl FnMut(&[u8])) {
        let mut input = Input::new(octets);
        if let Self::Handshake(handshake) = self
            && let Ok(Some(upgrade)) = handshake.receive(&mut input)
            && let Ok(connection) = upgrade.accept(Acceptance::new())
        {
            *self = Self::Open(connection);
        }
        if let Self::Open(connection) = self {
            while let Ok(Some(event)) = connection.receive(&mut input) {
                let _ = match event {
                    Event::Text(text) => connection.send_text(text),
                    Event::Binary(payload) => connection.send_binary(payload),
                    _ => Ok(()),
                };
            }
        }
        let output = match self {
            Self::Handshake(handshake) => handshake.output(),
            Self::Open(connection) => connection.output(),
        };
        output.chunks().for_each(&mut write);
        output.advance(output.len());
    }
}

/// Keeps the server in the program.
#[unsafe(no_mangle)]
pub extern "C" fn echo() -> usize {
    let mut server = Server::new(Arc::new(Config::default()));
    let mut written = 0;
    server.receive(&mut [0; 64], |octets| written += octets.len());
    written
}
