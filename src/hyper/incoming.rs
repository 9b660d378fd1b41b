//! Requests that hyper's servers receive.

use alloc::{sync::Arc, vec::Vec};

use ::hyper::{ext::Protocol, upgrade::OnUpgrade};
use http::{Request, Response, Version};

use super::Upgrading;
use crate::{
    config::Config,
    handshake::{AcceptError, Acceptance, HandshakeError, Rejection, Upgrade},
};

/// Takes a request to open a WebSocket connection, by HTTP/1.1 or HTTP/2, out of one that a server has
/// received. The application then [accepts](Incoming::accept) or [rejects](Incoming::reject) it.
///
/// The request stays the caller's, without the upgrade of its connection.
///
/// The module [`hyper`](crate::hyper) has an example.
///
/// # Errors
///
/// Those of [`Upgrade::from_http`], and [`HandshakeError::NotUpgradable`] for a request without its
/// connection: it is not from hyper, or another part of the program has taken that.
/// [`HandshakeError::to_response`] makes the response. The request is unchanged.
pub fn upgrade<B>(
    request: &mut Request<B>,
    config: impl Into<Arc<Config>>,
) -> Result<Incoming, HandshakeError> {
    let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
    let upgrade = Upgrade::from_request_with(request, protocol, config.into())?;
    let version = request.version();
    let on_upgrade = request.extensions_mut().remove().ok_or(HandshakeError::NotUpgradable)?;
    Ok(Incoming { upgrade, version, on_upgrade })
}

/// A valid request to open a connection that awaits the decision. Made by [`upgrade`].
///
/// ```
/// use framewise::{
///     handshake::{AcceptError, Acceptance},
///     hyper::{Incoming, Upgrading},
/// };
///
/// /// Accepts with the first subprotocol that both know.
/// fn accept(incoming: Incoming) -> Result<(http::Response<String>, Upgrading), AcceptError> {
///     let mut acceptance = Acceptance::new();
///     if let Some(name) = incoming.upgrade().select_subprotocol(&["chat.v2", "chat.v1"]) {
///         acceptance = acceptance.subprotocol(name);
///     }
///     incoming.accept(acceptance)
/// }
/// ```
#[derive(Debug)]
pub struct Incoming {
    upgrade: Upgrade,
    version: Version,
    on_upgrade: OnUpgrade,
}

impl Incoming {
    /// Returns the request.
    #[must_use]
    pub const fn upgrade(&self) -> &Upgrade {
        &self.upgrade
    }

    /// Replaces the configuration of the connection. The request was checked with the old one.
    #[cfg(feature = "axum")]
    pub(crate) fn set_config(&mut self, config: Arc<Config>) {
        self.upgrade.set_config(config);
    }

    /// Accepts the request. Returns the response to send, and the WebSocket of later: hyper hands over the
    /// connection when it has sent the response.
    ///
    /// Await the future in another task than the one that returns the response. Its
    /// [`Config::handshake_timeout`] begins now.
    ///
    /// Do not send another response after this: [hyper may still hand over the
    /// connection](crate::hyper#refuse-before-you-accept).
    ///
    /// # Errors
    ///
    /// [`AcceptError`] when the subprotocol was not offered. The request is in it, and the connection cannot
    /// be upgraded any more.
    pub fn accept<B: Default>(
        self,
        acceptance: Acceptance,
    ) -> Result<(Response<B>, Upgrading), AcceptError> {
        let (response, connection) = self.upgrade.accept_response(acceptance)?;
        Ok((response, Upgrading::new(self.on_upgrade, self.version, connection)))
    }

    /// Returns the response that rejects the request.
    #[must_use]
    pub fn reject<B: From<Vec<u8>>>(self, rejection: Rejection) -> Response<B> {
        rejection.into_response(self.version)
    }
}
