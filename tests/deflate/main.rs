//! permessage-deflate as RFC 7692 is written, from the outside. The comment above a test names the
//! rows of `tests/requirements` that it serves.
//!
//! The package in `tests/differential` compiles these tests, too. It has the feature `zlib`, which the
//! crate itself does not have.

#![allow(
    clippy::cast_possible_truncation,
    clippy::std_instead_of_alloc,
    reason = "vectors are small, and tests have the standard library"
)]

mod bits;
mod blocks;
mod chunks;
mod control;
#[cfg(feature = "zlib")]
mod differential;
mod fragments;
mod handshake;
mod invariance;
mod limits;
mod negotiation;
mod prepared;
mod receiving;
mod sending;
mod shared;
mod split;
mod stats;
mod support;
mod values;
mod windows;
mod zlib;
