//! The time that an opening handshake may take.

use core::time::Duration;

use super::HandshakeError;
use crate::{config::if_on, time::Instant};

/// Runs from the first time that it is asked.
#[derive(Debug)]
pub(crate) struct Deadline {
    timeout: Option<Duration>,
    at: Option<Instant>,
}

impl Deadline {
    /// Takes a timeout of the configuration, which is off when it is zero.
    pub(super) fn new(timeout: Option<Duration>) -> Self {
        Self::after(if_on(timeout))
    }

    /// Takes what is left of a time, which is over at once when it is zero.
    pub(crate) const fn after(timeout: Option<Duration>) -> Self {
        Self { timeout, at: None }
    }

    pub(crate) fn poll(&mut self, now: Instant) -> Option<Instant> {
        let timeout = self.timeout?;
        Some(*self.at.get_or_insert_with(|| now + timeout))
    }

    pub(crate) fn handle(&mut self, now: Instant) -> Result<(), HandshakeError> {
        match self.poll(now) {
            Some(at) if now >= at => Err(HandshakeError::Timeout),
            _ => Ok(()),
        }
    }
}
