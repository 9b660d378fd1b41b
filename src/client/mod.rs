//! Machines for clients, no I/O.
//!
//! - [`AddressRace`] says when to try which address of a host (RFC 8305, "Happy Eyeballs")
//! - `ConnectGate` lets clients take turns in opening connections to an address (RFC 6455 §4.1;
//!   feature `std`)
//! - `Connector` chooses how the adapters' `connect_with` uses both (feature `connect`)
//! - [`Proxy`] says which proxy a connection goes through, and [`ProxyHandshake`] has it connect to the
//!   host (RFC 9110 §9.3.6, RFC 1928)
//!
//! With a transport of your own, drive all but the connector yourself.

#[cfg(feature = "connect")]
mod connector;
#[cfg(feature = "std")]
mod gate;
mod proxy;
mod race;
#[cfg(feature = "connect")]
mod stream;

#[cfg(feature = "connect")]
pub use connector::Connector;
#[cfg(feature = "connect")]
pub(crate) use connector::{Ended, Next, Opened};
#[cfg(feature = "std")]
pub use gate::{ConnectGate, Destination, Turn};
pub use proxy::{
    Proxy, ProxyError, ProxyHandshake, ProxyScheme, ProxyServer, ProxyUriError, ProxyUriErrorKind,
    SocksReply,
};
pub use race::{AddressRace, Attempt};
#[cfg(feature = "connect")]
pub(crate) use stream::client_stream;

#[cfg(all(test, feature = "connect", feature = "tokio"))]
mod tests;
