//! `Sec-WebSocket-Extensions` in a handshake (RFC 6455 §4.1, §4.2, §9.1).

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use alloc::string::String;

use super::{ExtensionError, HandshakeError, http::headers::Headers};
use crate::{
    config::Config,
    extension::{Extension, ExtensionList},
};

/// What a client with this configuration offers.
#[cfg_attr(not(feature = "deflate"), allow(unused_variables, reason = "there is no extension"))]
pub(super) fn offer(config: &Config) -> Option<String> {
    #[cfg(feature = "deflate")]
    if let Some(deflate) = &config.deflate {
        return deflate.offer();
    }
    None
}

/// Checks the values of all `Sec-WebSocket-Extensions` lines and counts their elements: one at least, when there
/// is a line (`1#`).
#[allow(clippy::arithmetic_side_effects, reason = "there are no more elements than octets")]
pub(super) fn check<'h>(lines: impl Iterator<Item = &'h [u8]>) -> Result<usize, HandshakeError> {
    let mut count = 0;
    let mut is_there = false;
    for line in lines {
        is_there = true;
        for extension in ExtensionList::new(line) {
            extension?;
            count += 1;
        }
    }
    if is_there && count == 0 { Err(ExtensionError.into()) } else { Ok(count) }
}

/// Returns the elements of lines that [`check`] has seen.
pub(super) fn iter(headers: &Headers) -> impl Iterator<Item = Extension<'_>> {
    headers.values(NAME).flat_map(ExtensionList::new).filter_map(Result::ok)
}

pub(super) const NAME: &str = "Sec-WebSocket-Extensions";
