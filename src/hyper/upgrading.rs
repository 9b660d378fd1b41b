//! A connection that hyper will hand over.

use alloc::boxed::Box;
use core::{
    fmt,
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};
use std::io::{self, ErrorKind};

use ::hyper::upgrade::OnUpgrade;
use http::Version;
use tokio::time::{Instant, Sleep, sleep_until};

use super::Upgraded;
use crate::{
    adapter::Error, config::if_on, connection::Connection, handshake::HandshakeError,
    tokio::WebSocket,
};

/// The WebSocket of a request that was [accepted](super::Incoming::accept), when hyper has sent the response
/// and handed over the connection.
///
/// It fails with
/// - [`Error::Handshake`] with [`HandshakeError::Timeout`] when
///   [`Config::handshake_timeout`](crate::Config::handshake_timeout) has passed since the request was
///   accepted,
/// - [`Error::Io`] of the kind [`ConnectionAborted`](ErrorKind::ConnectionAborted) when the upgrade is
///   cancelled: the client has left, or the response was not sent,
/// - [`Error::Handshake`] with [`HandshakeError::NotUpgradable`] when the server does not upgrade
///   connections at all.
///
/// Dropping it lets hyper close the connection after the response.
///
/// # Panics
///
/// It panics in a runtime without a time driver, unless `handshake_timeout` is off. After it has returned, a
/// further poll waits forever.
///
/// ```
/// use framewise::{Error, hyper::Upgrading};
///
/// async fn greet(upgrading: Upgrading) -> Result<(), Error> {
///     let mut websocket = upgrading.await?;
///     websocket.send("Hello").await
/// }
/// ```
#[must_use = "the connection is handed over to this future"]
pub struct Upgrading {
    on_upgrade: OnUpgrade,
    version: Version,
    /// Taken when the future returns.
    connection: Option<Connection>,
    deadline: Option<Instant>,
    /// Set by the first poll, since only a runtime can make it.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Upgrading {
    pub(super) fn new(on_upgrade: OnUpgrade, version: Version, connection: Connection) -> Self {
        let timeout = if_on(connection.config().handshake_timeout);
        // A timeout that ends later than an `Instant` can say is off.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Self { on_upgrade, version, connection: Some(connection), deadline, sleep: None }
    }

    /// Polls for the stream, and for the end of the time.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Result<Upgraded, Error>> {
        if let Poll::Ready(upgraded) = pin!(&mut self.on_upgrade).poll(cx) {
            let version = self.version;
            let upgraded = upgraded.map(|stream| Upgraded::new(stream, version));
            return Poll::Ready(upgraded.map_err(failed));
        }
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(Err(HandshakeError::Timeout.into()))
    }
}

impl Future for Upgrading {
    type Output = Result<WebSocket<Upgraded>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.connection.is_none() {
            return Poll::Pending;
        }
        let stream = ready!(self.poll_stream(cx));
        let Some(connection) = self.connection.take() else {
            return Poll::Pending;
        };
        Poll::Ready(stream.map(|stream| WebSocket::new(stream, connection)))
    }
}

/// Converts hyper's error.
fn failed(error: ::hyper::Error) -> Error {
    if error.is_user() {
        return HandshakeError::NotUpgradable.into();
    }
    io::Error::new(ErrorKind::ConnectionAborted, error).into()
}

impl fmt::Debug for Upgrading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrading")
            .field("connection", &self.connection)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
