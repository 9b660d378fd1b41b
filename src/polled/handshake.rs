//! The opening handshake over a stream of any runtime.

use alloc::{boxed::Box, sync::Arc};
use core::time::Duration;

use super::{Io, Stream, WebSocket};
#[cfg(feature = "connect")]
use crate::adapter::random_seed;
use crate::{
    adapter::{Error, dated},
    config::{Config, if_on},
    driver::{Driver, HandshakeDriver, Unread},
    handshake::{Acceptance, ClientRequest, HandshakeError, Rejection, Request, Response, Upgrade},
};

opening! {
    for (Stream), async, await;

    /// A request of any kind that awaits the decision: to open a connection, or a plain HTTP request,
    /// such as a health check. Made by [`receive_request`].
    ///
    /// ```no_run
    /// use framewise::{Config, handshake::{Acceptance, Rejection}, polled};
    ///
    /// # async fn serve(stream: impl polled::Stream) -> Result<(), Box<dyn std::error::Error>> {
    /// let requested = polled::receive_request(stream, Config::default()).await?;
    /// if requested.request().path() == "/health" {
    ///     return Ok(requested.respond(Rejection::new(200)?.body("fine")).await?);
    /// }
    /// let mut websocket = requested.upgrade().await?.accept(Acceptance::new()).await?;
    /// # Ok(())
    /// # }
    /// ```
    Requested;

    /// A valid request to open a connection that awaits the decision.
    ///
    /// ```no_run
    /// use framewise::{Config, handshake::{Acceptance, OriginPolicy, Rejection}, polled};
    ///
    /// # async fn serve(stream: impl polled::Stream) -> Result<(), framewise::Error> {
    /// let incoming = polled::accept(stream, Config::default()).await?;
    /// if incoming.upgrade().check_origin(&OriginPolicy::same_origin()).is_err() {
    ///     return incoming.reject(Rejection::forbidden()).await;
    /// }
    /// let mut websocket = incoming.accept(Acceptance::new()).await?;
    /// # Ok(())
    /// # }
    /// ```
    Incoming;
}
