//! What the adapters for std and tokio have in common.

#[cfg(feature = "connect")]
mod connect;
mod date;
mod error;

use core::time::Duration;
#[cfg(feature = "connect")]
use std::io;
use std::time;

use crate::{Config, time::Instant};

#[cfg(feature = "connect")]
pub(crate) use connect::{Ended, LimitedRace, Next, Opened};
pub(crate) use date::dated;
pub use error::Error;

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

/// Returns for how long a blocking write may make no progress: as long as a peer may be silent.
pub(crate) fn write_timeout(config: &Config) -> Option<Duration> {
    Some(config.ping_interval?.saturating_add(config.pong_timeout?))
}

/// Returns what to connect to, for a URI that needs no TLS.
#[cfg(feature = "connect")]
pub(crate) fn host_and_port(uri: &crate::handshake::Uri) -> Result<(&str, u16), Error> {
    if uri.is_secure() {
        return Err(Error::TlsRequired);
    }
    // A literal IPv6 address is resolved without its brackets.
    let host = uri.host();
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    Ok((literal.unwrap_or(host), uri.port()))
}

/// Returns a seed from the operating system's generator.
#[cfg(feature = "connect")]
pub(crate) fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    Ok(seed)
}
