//! Machines for clients, no I/O.
//!
//! - [`AddressRace`] says when to try which address of a host (RFC 8305, "Happy Eyeballs")
//! - `ConnectGate` lets clients take turns in opening connections to an address (RFC 6455 §4.1;
//!   feature `std`)
//! - `Connector` chooses how the adapters' `connect_with` uses both (feature `connect`)
//!
//! With a transport of your own, drive the first two yourself.

#[cfg(feature = "connect")]
mod connector;
#[cfg(feature = "std")]
mod gate;
mod race;
#[cfg(feature = "connect")]
mod stream;

#[cfg(feature = "connect")]
pub use connector::Connector;
#[cfg(feature = "connect")]
pub(crate) use connector::{Ended, Next, Opened};
#[cfg(feature = "std")]
pub use gate::{ConnectGate, Destination, Turn};
pub use race::{AddressRace, Attempt};
#[cfg(feature = "connect")]
pub(crate) use stream::{client_stream, of_either};

#[cfg(all(test, feature = "connect", feature = "tokio"))]
mod tests;
