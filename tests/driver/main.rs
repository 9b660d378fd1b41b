//! The drivers in virtual time: no runtime, no socket and no sleep.
//!
//! A [`support::Wire`] is a transport that lies as its script says, and a [`support::End`] is a
//! binding to it in one of four styles. Each module shows one kind of decision.

#![allow(
    clippy::cast_possible_truncation,
    clippy::std_instead_of_alloc,
    reason = "the lengths are matched, and tests have the standard library"
)]

mod faults;
mod flight;
mod goals;
#[cfg(feature = "std")]
mod halves;
mod handshake;
mod lies;
mod memory;
mod network;
mod proxy;
mod support;
