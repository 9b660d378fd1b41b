//! What a measurement has shown.

use std::time::Duration;

/// What a turn has shown.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// Messages, or handshakes.
    pub(crate) count: u64,
    pub(crate) elapsed: Duration,
    /// CPU time of the server.
    pub(crate) cpu: Duration,
    /// Times from sending to having the answer: the 50th, 99th and 99.9th percentile.
    pub(crate) percentiles: Option<[Duration; 3]>,
}
