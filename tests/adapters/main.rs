//! The adapters for std and tokio: over loopback, in-memory pipes and scripted streams.
//!
//! The numbers above a test are those of the rows of `tests/requirements` that it shows; `R` and a
//! number is a bug that other libraries had. No test depends on how long anything takes in real
//! time: where time matters, tokio's clock is stopped, or the outcome is asserted only.

mod cancel;
mod clock;
mod closing;
#[cfg(feature = "deflate")]
mod compression;
mod conformance;
mod connect;
mod connector;
mod conversation;
mod ends;
#[cfg(feature = "deflate")]
mod errors;
mod faults;
mod flood;
mod guesses;
mod handshake;
#[cfg(feature = "json")]
mod json;
mod kinds;
mod opening;
mod reconnect;
mod sealed;
mod silence;
mod sink;
mod split;
mod support;
mod timers;
mod wakers;
