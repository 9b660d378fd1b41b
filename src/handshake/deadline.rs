//! The time that an opening handshake may take.

use core::time::Duration;

use super::HandshakeError;
use crate::{config::if_on, time::Instant};

/// Runs from the first time that it is asked.
#[derive(Debug)]
pub(super) struct Deadline {
    timeout: Option<Duration>,
    at: Option<Instant>,
}

impl Deadline {
    pub(super) fn new(timeout: Option<Duration>) -> Self {
        Self { timeout: if_on(timeout), at: None }
    }

    /// Makes one for what is left of a timeout: nothing, when it is zero.
    #[cfg(feature = "std")]
    pub(super) const fn of_rest(limit: Option<Duration>) -> Self {
        Self { timeout: limit, at: None }
    }

    pub(super) fn poll(&mut self, now: Instant) -> Option<Instant> {
        let timeout = self.timeout?;
        Some(*self.at.get_or_insert_with(|| now + timeout))
    }

    pub(super) fn handle(&mut self, now: Instant) -> Result<(), HandshakeError> {
        match self.poll(now) {
            Some(at) if now >= at => Err(HandshakeError::Timeout),
            _ => Ok(()),
        }
    }
}
