//! Machines for clients, no I/O.
//!
//! - [`AddressRace`] says when to try which address of a host (RFC 8305, "Happy Eyeballs")
//! - `ConnectGate` lets clients take turns in opening connections to an address (RFC 6455 §4.1;
//!   feature `std`)
//!
//! The `Connector` of each adapter drives both. With a transport of your own, drive them yourself.

#[cfg(feature = "std")]
mod gate;
mod race;

#[cfg(feature = "std")]
pub use gate::{ConnectGate, Destination, Turn};
pub use race::{AddressRace, Attempt};
