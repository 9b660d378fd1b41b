//! The guide: how to embed the crate, and why it works this way.
//!
//! - [`embedding`]: which layer to choose, a binding in a page, and the bare machine in six steps
//! - `connecting`: TLS, proxies, redirects and reconnecting (feature `std`)
//! - [`closing`]: who closes what and when
//! - [`timers`]: time as an argument
//! - [`back_pressure`]: what is bounded, and by what
//! - `compression`: what to ask for, and what it costs (feature `deflate`)
//! - [`faults`]: what the driver does when the transport, the peer or the clock misbehaves
//! - `splitting`: two halves for two tasks or threads (feature `std`)
//! - [`conformance`]: every requirement of the standards, and the tests that show it
//! - [`performance`]: how it compares with other crates, why, and what a program can do
//! - [`design`]: decisions and their reasons

pub mod back_pressure;
pub mod closing;
#[cfg(feature = "deflate")]
pub mod compression;
pub mod conformance;
#[cfg(feature = "std")]
pub mod connecting;
pub mod design;
pub mod embedding;
pub mod faults;
#[doc = include_str!("performance.md")]
pub mod performance {}
#[cfg(feature = "std")]
pub mod splitting;
pub mod timers;
