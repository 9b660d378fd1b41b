//! WebSockets of hyper's clients.

use alloc::sync::Arc;

use ::hyper::{ext::Protocol, upgrade::OnUpgrade};
use http::{Error as HttpError, Request, Response as HttpResponse};

use super::{Upgraded, Upgrading};
use crate::{
    adapter::Error,
    config::Config,
    handshake::{ClientRequest, HandshakeError, Pending, Response},
    http::Protocol as OwnProtocol,
    tokio::WebSocket,
};

/// Makes an extended CONNECT for a client over HTTP/2 (RFC 8441 §5), and what checks the response.
///
/// It is [`ClientRequest::into_connect_request`] with `:protocol` as hyper takes it. The server has to allow such
/// requests by a setting, which arrives soon after the connection is open. hyper fails a request before that,
/// and with a server that does not.
///
/// The seed must be unpredictable and used once, as in
/// [`ClientHandshake::new`](crate::handshake::ClientHandshake::new).
///
/// ```
/// use framewise::{Config, handshake::ClientRequest, hyper::connect_request};
///
/// let request = ClientRequest::new("wss://example.com/chat")?;
/// let seed = [7; 32]; // 32 bytes from the operating system's generator
/// let (request, _pending) = connect_request::<String>(request, Config::default(), seed)?;
/// let protocol = request.extensions().get::<hyper::ext::Protocol>();
/// assert_eq!(protocol.map(|protocol| protocol.as_str()), Some("websocket"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The module [`hyper`](crate::hyper) shows how to send it.
///
/// # Errors
///
/// An error of the crate `http` when the URI is longer than it takes, which is 64 KiB.
pub fn connect_request<B: Default>(
    request: ClientRequest,
    config: impl Into<Arc<Config>>,
    seed: [u8; 32],
) -> Result<(Request<B>, Pending), HttpError> {
    let (mut request, pending) = request.into_connect_request(config, seed)?;
    let extensions = request.extensions_mut();
    if extensions.remove::<OwnProtocol>().is_some() {
        extensions.insert(Protocol::from_static("websocket"));
    }
    Ok((request, pending))
}

impl Pending {
    /// Opens the connection when hyper's client has received the response, by HTTP/1.1 or HTTP/2. Waits until
    /// hyper hands over the stream.
    ///
    /// The module [`hyper`](crate::hyper) has an example.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`] with the errors of [`upgraded`](Self::upgraded): a response that refuses stays
    /// the caller's, with its body. [`HandshakeError::NotUpgradable`] for a response without its connection.
    /// Else those of [`Upgrading`]: the connection ended, [`Config::handshake_timeout`] has passed since the
    /// response came, or the client does not upgrade connections.
    pub async fn into_websocket<B>(
        self,
        response: &mut HttpResponse<B>,
    ) -> Result<(WebSocket<Upgraded>, Response), Error> {
        let established = self.upgraded_by(response)?;
        let on_upgrade = response.extensions_mut().remove::<OnUpgrade>();
        let on_upgrade = on_upgrade.ok_or(HandshakeError::NotUpgradable)?;
        let upgrading = Upgrading::new(on_upgrade, response.version(), established.connection);
        let websocket = upgrading.await?;
        Ok((websocket, established.response))
    }
}
