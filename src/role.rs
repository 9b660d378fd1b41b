//! The two sides of a connection.

/// The side of the connection that this endpoint plays.
///
/// It is fixed when the connection is made and decides the direction of masking (RFC 6455 §5.1)
/// and who closes TCP first (RFC 6455 §7.1.1).
///
/// ```
/// use framewise::Role;
///
/// assert_eq!(Role::Client.peer(), Role::Server);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "RFC 6455 knows two roles")]
pub enum Role {
    /// Opened the connection: masks what it sends, refuses masked frames.
    Client,
    /// Accepted the connection: never masks, refuses unmasked frames.
    Server,
}

impl Role {
    /// Returns the other side.
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}
