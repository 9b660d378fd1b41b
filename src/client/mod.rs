//! Machines for clients, no I/O.
//!
//! - [`AddressRace`] says when to try which address of a host (RFC 8305, "Happy Eyeballs")
//! - [`Backoff`] says how long to wait before the next attempt (RFC 6455 §7.2.3)
//! - `ConnectGate` lets clients take turns in opening connections to an address (RFC 6455 §4.1;
//!   feature `std`)
//! - [`Redirects`] says where a redirect leads, and what goes along (RFC 9110 §15.4)
//! - `Connector` chooses how the adapters' `connect_with` uses both (feature `connect`)
//!
//! With a transport of your own, drive the others yourself.

mod backoff;
#[cfg(feature = "connect")]
mod connector;
#[cfg(feature = "std")]
mod gate;
mod race;
mod redirect;
mod reference;
#[cfg(feature = "connect")]
mod stream;

pub use backoff::Backoff;
#[cfg(feature = "connect")]
pub use connector::Connector;
#[cfg(feature = "connect")]
pub(crate) use connector::{Ended, Next, Opened};
#[cfg(feature = "std")]
pub use gate::{ConnectGate, Destination, Turn};
pub use race::{AddressRace, Attempt};
pub use redirect::{RedirectError, Redirects};
#[cfg(feature = "connect")]
pub(crate) use stream::{client_stream, of_either};

#[cfg(all(test, feature = "connect", feature = "tokio"))]
mod tests;
