//! The guide: how to embed the machine, and why it is as it is.
//!
//! - [`embedding`]: which layer to choose, a binding in a page, and the bare machine in six steps
//! - [`closing`]: who closes what and when
//! - [`timers`]: time as an argument
//! - [`back_pressure`]: what is bounded, and by what
//! - `compression`: what to ask for, and what it costs (feature `deflate`)
//! - [`faults`]: which decision the driver takes when the transport, the peer or the clock misbehaves
//! - `splitting`: two halves for two tasks or threads (feature `std`)
//! - [`conformance`]: which test shows which requirement, and what was chosen
//! - [`performance`]: how fast it is beside others, why, and what the caller can do
//! - [`design`]: decisions and their reasons

pub mod back_pressure;
pub mod closing;
#[cfg(feature = "deflate")]
pub mod compression;
pub mod conformance;
pub mod design;
pub mod embedding;
pub mod faults;
#[doc = include_str!("performance.md")]
pub mod performance {}
#[cfg(feature = "std")]
pub mod splitting;
pub mod timers;
