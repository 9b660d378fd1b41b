//! Upgrades of hyper's requests, over HTTP/1.1 and HTTP/2.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::io;

use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use hyper::{
    ext::Protocol,
    rt::{Read as _, Write as _},
    upgrade::OnUpgrade,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    adapter::Error,
    config::{Config, if_on},
    handshake::{AcceptError, Acceptance, HandshakeError, HttpVersion, Upgrade},
    tokio::WebSocket,
};

/// Checks a request and takes its pending upgrade.
///
/// # Errors
///
/// The [`HandshakeError`] of [`Upgrade::from_http`].
pub fn upgrade<B>(
    request: &mut Request<B>,
    config: impl Into<Arc<Config>>,
) -> Result<Incoming, HandshakeError> {
    let version = match request.version() {
        Version::HTTP_09 | Version::HTTP_10 => HttpVersion::Http10,
        Version::HTTP_2 => HttpVersion::Http2,
        Version::HTTP_3 => HttpVersion::Http3,
        _ => HttpVersion::Http11,
    };
    let uri = request.uri();
    let protocol = request.extensions().get::<Protocol>();
    let mut fields: Vec<(&str, &[u8])> = Vec::new();
    if let Some(protocol) = protocol {
        fields.push((":protocol", protocol.as_str().as_bytes()));
    }
    if let Some(authority) = uri.authority() {
        fields.push((":authority", authority.as_str().as_bytes()));
    }
    if let Some(scheme) = uri.scheme_str() {
        fields.push((":scheme", scheme.as_bytes()));
    }
    fields.extend(request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let upgrade = Upgrade::from_http(request.method().as_str(), version, target, fields, config)?;
    let can_upgrade = request.extensions().get::<OnUpgrade>().is_some();
    Ok(Incoming { upgrade, on_upgrade: hyper::upgrade::on(request), can_upgrade })
}

/// A valid request to open a connection that awaits the decision.
#[derive(Debug)]
pub struct Incoming {
    upgrade: Upgrade,
    on_upgrade: OnUpgrade,
    can_upgrade: bool,
}

impl Incoming {
    /// Returns the request.
    pub fn upgrade(&self) -> &Upgrade {
        &self.upgrade
    }

    /// Returns whether the server offered an upgrade.
    #[cfg(feature = "axum")]
    pub(crate) const fn can_upgrade(&self) -> bool {
        self.can_upgrade
    }

    /// Sets the limits and timers of the connection.
    #[cfg(feature = "axum")]
    pub(crate) fn set_config(&mut self, config: Arc<Config>) {
        self.upgrade.set_config(config);
    }

    /// Accepts the request: returns the response to send, and the future of the connection.
    ///
    /// # Errors
    ///
    /// [`AcceptError`] when the subprotocol was not offered.
    pub fn accept<B: Default>(
        self,
        acceptance: Acceptance,
    ) -> Result<(Response<B>, Upgrading), AcceptError> {
        let limit = if_on(self.upgrade.config().handshake_timeout);
        let accepted = self.upgrade.accept_http(acceptance)?;
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::from_u16(accepted.status).unwrap_or_default();
        for (name, value) in accepted.headers.iter() {
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
            {
                response.headers_mut().append(name, value);
            }
        }
        let on_upgrade = self.on_upgrade;
        let upgraded = async move {
            let upgraded = match limit {
                Some(limit) => tokio::time::timeout(limit, on_upgrade)
                    .await
                    .map_err(|_| HandshakeError::Timeout)?,
                None => on_upgrade.await,
            };
            let stream = upgraded
                .map(Upgraded)
                .map_err(|error| io::Error::new(io::ErrorKind::ConnectionAborted, error))?;
            Ok(WebSocket::new(stream, accepted.connection))
        };
        Ok((response, Upgrading(Box::pin(upgraded))))
    }
}

/// The future of a connection whose request was accepted.
pub struct Upgrading(Pin<Box<dyn Future<Output = Result<WebSocket<Upgraded>, Error>> + Send>>);

impl Future for Upgrading {
    type Output = Result<WebSocket<Upgraded>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Upgrading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrading").finish_non_exhaustive()
    }
}

/// The stream that hyper hands over.
#[derive(Debug)]
pub struct Upgraded(hyper::upgrade::Upgraded);

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut own = hyper::rt::ReadBuf::new(buf.initialize_unfilled());
        ready!(Pin::new(&mut self.0).poll_read(cx, own.unfilled()))?;
        let len = own.filled().len();
        buf.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
