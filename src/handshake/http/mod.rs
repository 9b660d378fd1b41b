//! The HTTP of an opening handshake (RFC 9110, RFC 9112): heads, header fields, bodies, dates.

pub(super) mod body;
pub(super) mod date;
pub(super) mod head;
pub(super) mod headers;
pub(super) mod reason;
