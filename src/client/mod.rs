//! Sans-IO building blocks for clients.
//!
//! - [`AddressRace`] says when to try which address of a host (RFC 8305, "Happy Eyeballs")
//! - [`Backoff`] says how long to wait before the next attempt (RFC 6455 §7.2.3)
//! - `ConnectGate` lets clients take turns in opening connections to an address (RFC 6455 §4.1;
//!   feature `std`)
//! - [`Proxy`] says which proxy a connection goes through, and [`ProxyHandshake`] has it connect to the
//!   host (RFC 9110 §9.3.6, RFC 1928)
//! - [`Redirects`] says where a redirect leads, and what goes along (RFC 9110 §15.4)
//! - `Connector` says how the adapters' `connect_with` uses them (feature `connect`)
//!
//! With a transport of your own, drive all but the connector yourself.

mod backoff;
#[cfg(feature = "connect")]
mod connector;
#[cfg(feature = "std")]
mod gate;
mod proxy;
mod race;
mod redirect;
mod reference;
#[cfg(feature = "connect")]
mod stream;

pub use backoff::Backoff;
#[cfg(feature = "connect")]
pub use connector::Connector;
#[cfg(feature = "connect")]
pub(crate) use connector::{Dial, Ended, LimitedRace, Next, Opened};
#[cfg(feature = "std")]
pub use gate::{ConnectGate, Destination, Turn};
pub use proxy::{
    Proxy, ProxyError, ProxyHandshake, ProxyScheme, ProxyServer, ProxyUriError, ProxyUriErrorKind,
    SocksReply,
};
pub use race::{AddressRace, Attempt};
pub use redirect::{RedirectError, Redirects};
#[cfg(feature = "connect")]
pub(crate) use stream::{client_stream, of_either};

#[cfg(all(test, feature = "connect", feature = "tokio"))]
mod tests;
