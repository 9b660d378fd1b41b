//! The crates that are compared, behind one face.
//!
//! To add one: a file beside this one with a type that is an [`Endpoint`], and a line in [`PEERS`].

mod framewise;
mod sockudo;
mod yawc;

pub(crate) use self::{
    framewise::{Framewise, FramewiseConfig},
    yawc::open_with_pool as open_yawc_with_pool,
};
use crate::{
    wire::Wire,
    workload::{Message, Setup},
};

/// One end of an established connection over a [`Wire`].
pub(crate) trait Endpoint {
    /// Receives this many texts, and gives the payload of each to `deliver`.
    fn receive(&mut self, count: usize, deliver: &mut dyn FnMut(&[u8]));

    /// Sends each of the messages as a text, and writes it before it goes on to the next.
    fn send(&mut self, messages: &[Message]);

    /// Waits for a message that does not come, as a connection does when it is idle.
    fn wait(&mut self);
}

/// A crate, in one of the ways to use it.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Whether it is the crate of this repository.
    pub(crate) own: bool,
    /// Makes an endpoint, or `None` if it cannot be set up like this.
    pub(crate) open: fn(Setup, Wire) -> Option<Box<dyn Endpoint>>,
}

/// All of them.
pub(crate) const PEERS: [Peer; 4] = [
    Peer { name: "framewise", own: true, open: framewise::open },
    Peer { name: "framewise, tokio", own: true, open: framewise::open_tokio },
    Peer { name: "sockudo-ws", own: false, open: sockudo::open },
    Peer { name: "yawc", own: false, open: yawc::open },
];
