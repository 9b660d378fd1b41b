//! Machines for clients, no I/O.
//!
//! - [`AddressRace`] says when to try which address of a host (RFC 8305, "Happy Eyeballs")

mod race;

pub use race::{AddressRace, Attempt};
