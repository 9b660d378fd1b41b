//! Numbers of [`CloseCode`](super::CloseCode)s, under axum's names (RFC 6455 §7.4.1).

/// The purpose of the connection has been fulfilled.
pub const NORMAL: u16 = 1000;

/// The endpoint goes away, for instance a server that shuts down or a page that is left.
pub const AWAY: u16 = 1001;

/// The peer broke the protocol.
pub const PROTOCOL: u16 = 1002;

/// The endpoint does not accept data of this type.
pub const UNSUPPORTED: u16 = 1003;

/// The Close had no code. Cannot be sent.
pub const STATUS: u16 = 1005;

/// The connection ended without a Close. Cannot be sent.
pub const ABNORMAL: u16 = 1006;

/// A message is not what its type says, for instance text that is not UTF-8.
pub const INVALID: u16 = 1007;

/// A message violates the endpoint's policy.
pub const POLICY: u16 = 1008;

/// A message is too big to process.
pub const SIZE: u16 = 1009;

/// The server did not agree to an extension that the client needs. A server cannot send it.
pub const EXTENSION: u16 = 1010;

/// An unexpected condition prevents the server from going on.
pub const ERROR: u16 = 1011;

/// The server restarts.
pub const RESTART: u16 = 1012;

/// The server is overloaded; try again later.
pub const AGAIN: u16 = 1013;
