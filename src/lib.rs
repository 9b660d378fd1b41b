//! A sans-IO WebSocket protocol (RFC 6455).
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;
