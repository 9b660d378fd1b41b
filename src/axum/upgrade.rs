//! The extractor.

use alloc::{borrow::Cow, sync::Arc, vec::Vec};
use core::{fmt, mem};

use axum_core::{Error, body::Body, extract::FromRequestParts, response::Response};
use http::{HeaderValue, Request, header::SEC_WEBSOCKET_PROTOCOL, request::Parts};

use super::{WebSocket, rejection::WebSocketUpgradeRejection};
#[cfg(feature = "deflate")]
use crate::deflate::DeflateConfig;
use crate::{
    config::Config,
    handshake::{Acceptance, OriginPolicy, OriginRefused, Upgrade},
    hyper::{Incoming, Upgraded, upgrade},
    tokio,
};

/// An extractor for a valid request to open a WebSocket connection.
///
/// It takes a GET over HTTP/1.1 and an extended CONNECT over HTTP/2 (RFC 8441). Use `any` for its route:
/// with `get`, HTTP/2 finds nothing. [`on_upgrade`](Self::on_upgrade) accepts the request.
///
/// The configuration begins with axum's limits: messages of 64 MiB, and pending output without a limit
/// but back pressure. All else is [`Config::default`], Pings to a silent client included.
///
/// ```
/// use axum_core::response::Response;
/// use framewise::{
///     axum::{WebSocket, WebSocketUpgrade},
///     deflate::DeflateConfig,
///     handshake::{OriginPolicy, OriginRefused},
/// };
///
/// async fn handler(ws: WebSocketUpgrade) -> Result<Response, OriginRefused> {
///     ws.check_origin(&OriginPolicy::same_origin())?;
///     Ok(ws
///         .protocols(["chat.v2", "chat.v1"])
///         .max_message_size(64 << 10)
///         .deflate(DeflateConfig::default())
///         .on_failed_upgrade(|error| eprintln!("the client has left: {error}"))
///         .on_upgrade(serve))
/// }
///
/// async fn serve(mut socket: WebSocket) {
///     println!("they speak {:?}", socket.protocol());
///     while let Some(Ok(message)) = socket.recv().await {
///         println!("{message:?}");
///     }
/// }
/// ```
#[must_use = "to open the connection, return the response of `on_upgrade`"]
pub struct WebSocketUpgrade<F = DefaultOnFailedUpgrade> {
    incoming: Incoming,
    config: Config,
    // In the client's order.
    requested: Vec<HeaderValue>,
    selected: Option<HeaderValue>,
    on_failed_upgrade: F,
}

/// The settings of axum. Each returns the extractor, and sets a field of its [`Config`] or says why not.
impl<F> WebSocketUpgrade<F> {
    /// Has no effect: a connection reads up to 32 KiB at a time, and holds nothing while it is idle.
    pub fn read_buffer_size(self, size: usize) -> Self {
        let _ = size;
        self
    }

    /// Has no effect: messages that are fed to the `Sink` are written together, up to 64 KiB.
    pub fn write_buffer_size(self, size: usize) -> Self {
        let _ = size;
        self
    }

    /// Sets how many bytes of output may be pending: [`Config::max_output`]. A larger message is refused.
    /// No limit by default.
    pub fn max_write_buffer_size(mut self, max: usize) -> Self {
        self.config.max_output = max;
        self
    }

    /// Sets the largest size of a received message in bytes: [`Config::max_message_size`]. 64 MiB by
    /// default.
    pub fn max_message_size(mut self, max: usize) -> Self {
        self.config.max_message_size = u64::try_from(max).unwrap_or(u64::MAX);
        self
    }

    /// Has no effect: no frame is held as a whole, so [`max_message_size`](Self::max_message_size) is the
    /// limit of what a frame can cost.
    pub fn max_frame_size(self, max: usize) -> Self {
        let _ = max;
        self
    }

    /// Has no effect: a frame of a client that is not masked fails the connection (RFC 6455 §5.1).
    pub fn accept_unmasked_frames(self, accept: bool) -> Self {
        let _ = accept;
        self
    }

    /// Selects the first of these subprotocols that the client offers. The one that the server prefers
    /// comes first.
    pub fn protocols<I>(mut self, protocols: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Cow<'static, str>>,
    {
        self.selected = protocols.into_iter().map(Into::into).find_map(|name| {
            self.requested.iter().find(|offered| offered.as_bytes() == name.as_bytes()).cloned()
        });
        self
    }

    /// Returns the subprotocols that the client offers, the one that it prefers first.
    pub fn requested_protocols(&self) -> impl Iterator<Item = &HeaderValue> {
        self.requested.iter()
    }

    /// Selects a subprotocol, instead of [`protocols`](Self::protocols). Clients fail the connection if they
    /// did not offer it (RFC 6455 §4.1).
    pub fn set_selected_protocol(&mut self, protocol: HeaderValue) {
        self.selected = Some(protocol);
    }

    /// Returns the subprotocol that is selected.
    pub const fn selected_protocol(&self) -> Option<&HeaderValue> {
        self.selected.as_ref()
    }

    /// Sets what to call when the client was accepted and no connection came of it. By default, nothing.
    ///
    /// The source of the error is a [`framewise::Error`](crate::Error): [`Io`](crate::Error::Io) when the
    /// client has left, [`Handshake`](crate::Error::Handshake) with a timeout when the server did not
    /// send the response within [`Config::handshake_timeout`].
    pub fn on_failed_upgrade<C: OnFailedUpgrade>(self, callback: C) -> WebSocketUpgrade<C> {
        let Self { incoming, config, requested, selected, .. } = self;
        WebSocketUpgrade { incoming, config, requested, selected, on_failed_upgrade: callback }
    }

    /// Accepts the request: returns the response, and runs `callback` with the connection in a task of its
    /// own when the server has sent it.
    ///
    /// If the callback panics, the connection is aborted.
    ///
    /// Layers must not replace this response: [hyper may still hand over the
    /// connection](crate::hyper#refuse-before-you-accept).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use = "to open the connection, return this response"]
    pub fn on_upgrade<C, Fut>(self, callback: C) -> Response
    where
        C: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
        F: OnFailedUpgrade,
    {
        let protocol = self.selected.clone();
        self.on_upgrade_websocket(|inner| callback(WebSocket::new(inner, protocol)))
    }
}

/// What axum does not have.
impl<F> WebSocketUpgrade<F> {
    /// Sets all limits and timers. Methods that are called later change this one.
    ///
    /// The limits of a request no longer apply, but `handshake_timeout` does: it is how long the server
    /// may take to send the response.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets how messages are compressed if the client offers it (RFC 7692): [`Config::deflate`]. They are
    /// not by default.
    #[cfg(feature = "deflate")]
    pub fn deflate(mut self, deflate: impl Into<Option<DeflateConfig>>) -> Self {
        self.config.deflate = deflate.into();
        self
    }

    /// Applies a policy to the origin of the page that opens the connection. Without it, any page of the
    /// web can, with the cookies of its visitor (RFC 6455 §10.2).
    ///
    /// [`OriginPolicy::secure`] tells it of TLS over HTTP/1.1, which a request does not mention.
    ///
    /// # Errors
    ///
    /// [`OriginRefused`], which a handler can return: it is a 403.
    pub fn check_origin(&self, policy: &OriginPolicy) -> Result<(), OriginRefused> {
        self.request().check_origin(policy)
    }

    /// Returns the request.
    pub fn request(&self) -> &Upgrade {
        self.incoming.upgrade()
    }

    /// Accepts the request as [`on_upgrade`](Self::on_upgrade) does, for a callback that takes the WebSocket
    /// of this crate: events that are borrowed, chunks, prepared messages and halves.
    ///
    /// ```
    /// use axum_core::response::Response;
    /// use framewise::{axum::WebSocketUpgrade, hyper::Upgraded, tokio::WebSocket};
    ///
    /// async fn handler(ws: WebSocketUpgrade) -> Response {
    ///     ws.on_upgrade_websocket(|socket| async {
    ///         if let Err(error) = echo(socket).await {
    ///             eprintln!("{error}");
    ///         }
    ///     })
    /// }
    ///
    /// async fn echo(mut socket: WebSocket<Upgraded>) -> Result<(), framewise::Error> {
    ///     while let Some(message) = socket.read().await? {
    ///         socket.send(message).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use = "to open the connection, return this response"]
    pub fn on_upgrade_websocket<C, Fut>(self, callback: C) -> Response
    where
        C: FnOnce(tokio::WebSocket<Upgraded>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
        F: OnFailedUpgrade,
    {
        let Self { mut incoming, config, selected, on_failed_upgrade, .. } = self;
        incoming.set_config(Arc::new(config));
        let (mut response, upgrading) = match incoming.accept::<Body>(Acceptance::new()) {
            Ok(accepted) => accepted,
            // No subprotocol is chosen, so none is refused.
            Err(refused) => {
                on_failed_upgrade.call(Error::new(crate::adapter::Error::from(refused)));
                return Response::default();
            }
        };
        // Here and not in the acceptance: axum allows one that was not offered.
        if let Some(protocol) = selected {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        ::tokio::spawn(async move {
            match upgrading.await {
                Ok(websocket) => callback(websocket).await,
                Err(error) => on_failed_upgrade.call(Error::new(error)),
            }
        });
        response
    }
}

impl<S: Send + Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = WebSocketUpgradeRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let config = Config::default().max_message_size(64 << 20).max_output(usize::MAX);
        let (empty, ()) = Request::new(()).into_parts();
        let mut request = Request::from_parts(mem::replace(parts, empty), ());
        let incoming = upgrade(&mut request, config.clone());
        (*parts, ()) = request.into_parts();
        let incoming = incoming.map_err(|error| WebSocketUpgradeRejection::of(error, parts))?;
        let offered = incoming.upgrade().subprotocols();
        let requested = offered.filter_map(|name| HeaderValue::from_str(name).ok()).collect();
        let on_failed_upgrade = DefaultOnFailedUpgrade;
        Ok(Self { incoming, config, requested, selected: None, on_failed_upgrade })
    }
}

impl<F> fmt::Debug for WebSocketUpgrade<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketUpgrade")
            .field("request", self.request())
            .field("config", &self.config)
            .field("selected", &self.selected)
            .finish_non_exhaustive()
    }
}

/// What to do when a client was accepted and no connection came of it; see
/// [`WebSocketUpgrade::on_failed_upgrade`].
///
/// Closures that take an [`Error`] implement it.
pub trait OnFailedUpgrade: Send + 'static {
    /// Takes the reason.
    fn call(self, error: Error);
}

impl<F: FnOnce(Error) + Send + 'static> OnFailedUpgrade for F {
    fn call(self, error: Error) {
        self(error);
    }
}

/// Does nothing when no connection came of a request.
#[derive(Debug)]
#[non_exhaustive]
pub struct DefaultOnFailedUpgrade;

impl OnFailedUpgrade for DefaultOnFailedUpgrade {
    fn call(self, _: Error) {}
}
