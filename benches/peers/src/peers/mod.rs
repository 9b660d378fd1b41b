//! The crates that are compared, behind one face.
//!
//! To add one: a file beside this one with a type that is an [`Endpoint`], and a line in [`PEERS`].

mod fastwebsockets;
mod framewise;
mod hyper;
mod nexus;
mod sockudo;
mod soketto;
mod tokio_tungstenite;
mod tokio_websockets;
mod tungstenite;
mod web_socket;
mod wtx;
mod yawc;

use std::hint::black_box;

pub(crate) use self::{
    framewise::{Framewise, FramewiseConfig},
    nexus::Whole as NexusWhole,
    yawc::open_with_pool as open_yawc_with_pool,
};
use crate::{
    wire::Wire,
    workload::{Message, Setup},
};

/// One end of an established connection over a [`Wire`].
pub(crate) trait Endpoint {
    /// Receives this many messages, and gives the payload of each to `deliver`.
    fn receive(&mut self, count: usize, deliver: impl FnMut(&[u8]))
    where
        Self: Sized;

    /// Sends the messages, and has them written whenever there are this many.
    ///
    /// Who cannot collect messages writes each.
    fn send(&mut self, messages: &[Message], per_flush: usize);

    /// Receives this many messages and sends each back, in the way that is best for batches.
    fn echo(&mut self, count: usize);

    /// Waits for a message that does not come, as a connection does when it is idle.
    fn wait(&mut self);

    /// Whether what is sent has to be given away, and so made before.
    fn prepares(&self) -> bool {
        false
    }

    /// Makes what [`send`](Self::send) gives away.
    fn prepare(&mut self, _: &[Message]) {}
}

/// An [`Endpoint`] whose type is not known. It costs a call for each batch, not for each message.
pub(crate) trait AnyEndpoint: Endpoint {
    /// Receives this many messages, and gives the payload of each to `deliver`.
    fn receive_each(&mut self, count: usize, deliver: &mut dyn FnMut(&[u8]));

    /// Receives this many messages and does nothing with them.
    fn drain(&mut self, count: usize);
}

impl<E: Endpoint> AnyEndpoint for E {
    fn receive_each(&mut self, count: usize, deliver: &mut dyn FnMut(&[u8])) {
        self.receive(count, deliver);
    }

    fn drain(&mut self, count: usize) {
        self.receive(count, |payload| {
            black_box(payload);
        });
    }
}

/// A crate, in one of the ways to use it.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Whether it is the crate of this repository.
    pub(crate) own: bool,
    /// Makes an endpoint, or `None` if it cannot be set up like this.
    pub(crate) open: fn(Setup, Wire) -> Option<Box<dyn AnyEndpoint>>,
}

impl Peer {
    const fn own(
        name: &'static str,
        open: fn(Setup, Wire) -> Option<Box<dyn AnyEndpoint>>,
    ) -> Self {
        Self { name, own: true, open }
    }

    const fn other(
        name: &'static str,
        open: fn(Setup, Wire) -> Option<Box<dyn AnyEndpoint>>,
    ) -> Self {
        Self { name, own: false, open }
    }
}

/// What accepts the request on a wire.
#[derive(Clone, Copy)]
pub(crate) struct Acceptor {
    pub(crate) name: &'static str,
    pub(crate) own: bool,
    pub(crate) accept: fn(&Wire),
}

/// All of them.
pub(crate) const PEERS: [Peer; 12] = [
    Peer::own("framewise", framewise::open),
    Peer::own("framewise, tokio", framewise::open_tokio),
    Peer::other("nexus-web", nexus::open),
    Peer::other("fastwebsockets", fastwebsockets::open),
    Peer::other("sockudo-ws", sockudo::open),
    Peer::other("soketto", soketto::open),
    Peer::other("tokio-tungstenite", tokio_tungstenite::open),
    Peer::other("tokio-websockets", tokio_websockets::open),
    Peer::other("tungstenite", tungstenite::open),
    Peer::other("web-socket", web_socket::open),
    Peer::other("wtx", wtx::open),
    Peer::other("yawc", yawc::open),
];

/// Other ways to receive.
pub(crate) const RECEIVERS: [Peer; 4] = [
    Peer::own("framewise, 16 KiB reads", framewise::open_16),
    Peer::own("framewise, 256 KiB reads", framewise::open_256),
    Peer::own("framewise, tokio batch", framewise::open_tokio_batch),
    Peer::other("nexus-web, 64 KiB", nexus::open_64),
];

/// Other ways to send.
pub(crate) const SENDERS: [Peer; 2] = [
    Peer::own("framewise, owned", framewise::open_owned),
    Peer::own("framewise, shared", framewise::open_shared),
];

/// Those who do the server's side of a handshake; web-socket does not.
pub(crate) const ACCEPTORS: [Acceptor; 12] = [
    Acceptor { name: "framewise", own: true, accept: framewise::accept },
    Acceptor { name: "framewise, tokio", own: true, accept: framewise::accept_tokio },
    Acceptor { name: "nexus-web", own: false, accept: nexus::accept },
    Acceptor { name: "nexus-web, 4 KiB", own: false, accept: nexus::accept_4 },
    Acceptor { name: "fastwebsockets", own: false, accept: fastwebsockets::accept },
    Acceptor { name: "sockudo-ws", own: false, accept: sockudo::accept },
    Acceptor { name: "soketto", own: false, accept: soketto::accept },
    Acceptor { name: "tokio-tungstenite", own: false, accept: tokio_tungstenite::accept },
    Acceptor { name: "tokio-websockets", own: false, accept: tokio_websockets::accept },
    Acceptor { name: "tungstenite", own: false, accept: tungstenite::accept },
    Acceptor { name: "wtx", own: false, accept: wtx::accept },
    Acceptor { name: "yawc", own: false, accept: yawc::accept },
];

/// The largest message that everybody accepts and sends.
const MAX_MESSAGE: usize = 128 << 20;
