//! What all fuzz targets check, written against the public API: one function for each target.
//!
//! The invariants:
//!
//! - nothing panics, whatever octets come and whatever the program does
//! - the same octets give the same events, the same error and the same output, however they are cut,
//!   whole or in chunks, joined or in halves; and they are those of a naive reader
//! - what waits to be written, and what a message may be, stays within the limits
//! - after an error nothing leaves but one Close, and the error stays the same
//! - what a connection inflates does not depend on what others of the thread inflate
//! - what is queued is written as it was queued, however little the transport takes at a time
//! - two machines of our own never fail one another, and lose nothing
//! - what one of our own compresses, the other inflates to the same
//! - what one of our own offers or answers, the other understands
//! - a proxy has connected to the host when it says so, and says nothing else
//! - a driver delivers in order over any transport, and says so when it cannot
//! - it gets somewhere with every few steps, waits only for what is pending, and ends in time
//! - whoever waits for a deadline and then handles it does not wait for the same one again
//!
//! `fuzz/src/corpus.rs` replays the corpus with it.

mod connection;
mod cut;
mod deflate;
mod driver;
mod frames;
mod handshake;
mod naive;
mod negotiation;
mod output;
mod pair;
mod proxy;
mod simulation;
mod wire;

pub use connection::{client, server};
pub use cut::Stream;
pub use deflate::{Compressed, Sent, deflate, inflate};
pub use driver::{Act, Driven, driver, halves};
pub use frames::{decoder, frame_header};
pub use handshake::{Opening, handshake_client, handshake_pair, handshake_server};
pub use negotiation::{Negotiation, extensions};
pub use output::{Written, output};
pub use pair::{Hostile, Operation, hostile, pair};
pub use proxy::proxy;
