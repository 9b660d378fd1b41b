//! What the adapters have in common.

mod error;
#[cfg(feature = "connect")]
mod reconnect;

use std::time;

pub use error::Error;
#[cfg(feature = "connect")]
pub(crate) use error::{connect_failed, lookup_failed};
#[cfg(feature = "connect")]
pub(crate) use reconnect::{Pace, reconnect};

use crate::{
    driver,
    handshake::{Rejection, http_date},
    time::Instant,
};

/// What a WebSocket was made of. Made by `into_parts` of a WebSocket.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parts<S> {
    /// The stream.
    pub stream: S,
    /// The connection, and what was read and not delivered.
    pub driver: driver::Parts,
}

/// The clock of an adapter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: time::Instant::now() }
    }

    pub(crate) fn now(self) -> Instant {
        Instant::from_origin(self.origin.elapsed())
    }
}

/// Returns the response with the time of day in it, unless it has one.
pub(crate) fn dated(response: Rejection) -> Rejection {
    // A clock before 1970 was not set.
    let since_1970 = time::UNIX_EPOCH.elapsed().ok();
    match since_1970.and_then(http_date) {
        Some(date) if !response.headers().contains("Date") => response.own_header("Date", &date),
        _ => response,
    }
}

/// Refuses a URI that needs TLS.
#[cfg(all(feature = "connect", not(feature = "rustls")))]
pub(crate) fn without_tls(uri: &crate::handshake::Uri) -> Result<(), Error> {
    if uri.is_secure() { Err(Error::TlsRequired) } else { Ok(()) }
}

/// Returns an unpredictable number.
#[cfg(feature = "connect")]
pub(crate) fn random_u64() -> std::io::Result<u64> {
    getrandom::u64().map_err(std::io::Error::other)
}

/// Returns 32 unpredictable bytes from the operating system's generator: the seed of one client.
///
/// Each [`ClientHandshake`](crate::handshake::ClientHandshake), client
/// [`HandshakeDriver`](crate::driver::HandshakeDriver) and client
/// [`Connection`](crate::Connection::client) needs a seed of its own (RFC 6455 §10.3). The adapters'
/// `connect` and `client` call this themselves.
///
/// ```
/// use framewise::{Config, handshake::{ClientHandshake, ClientRequest}};
///
/// let request = ClientRequest::new("ws://example.com/")?;
/// let seed = framewise::random_seed()?;
/// let mut handshake = ClientHandshake::new(request, Config::default(), seed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When the operating system has no generator, or it fails.
#[cfg(feature = "connect")]
pub fn random_seed() -> std::io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
    Ok(seed)
}
