//! The protocol as RFC 6455 is written, from the outside: one module for each topic, named for its
//! section. The comment above a test names the rows of `tests/requirements` that it serves.

#![allow(
    clippy::cast_possible_truncation,
    clippy::std_instead_of_alloc,
    reason = "vectors are small, and tests have the standard library"
)]

#[cfg(feature = "bytes")]
mod bytes;
mod close_codes;
mod closing;
mod control;
mod fragmentation;
mod framing;
mod invariance;
#[cfg(feature = "json")]
mod json;
mod limits;
mod masking;
mod model;
mod output;
mod pair;
mod ping_pong;
mod receiving;
mod regressions;
mod sending;
#[cfg(feature = "std")]
mod split;
mod stats;
mod streaming;
mod text;
mod timers;
