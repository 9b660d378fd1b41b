//! The opening handshake over a blocking stream.

use alloc::sync::Arc;
use core::time::Duration;

use super::{Stream, WebSocket, io::Io};
#[cfg(feature = "connect")]
use crate::adapter::random_seed;
use crate::{
    adapter::{Error, dated},
    config::{Config, if_on},
    driver::{Driver, HandshakeDriver, Unread},
    handshake::{Acceptance, ClientRequest, HandshakeError, Rejection, Request, Response, Upgrade},
};

opening! {
    for (Stream);

    /// A request of any kind that awaits the decision: to open a connection, or a plain HTTP request,
    /// such as a health check. Made by [`receive_request`].
    ///
    /// ```no_run
    /// use framewise::{Config, handshake::{Acceptance, Rejection}, blocking as websocket};
    ///
    /// # fn serve(stream: std::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
    /// let requested = websocket::receive_request(stream, Config::default())?;
    /// if requested.request().path() == "/health" {
    ///     return Ok(requested.respond(Rejection::new(200)?.body("fine"))?);
    /// }
    /// let mut websocket = requested.upgrade()?.accept(Acceptance::new())?;
    /// # Ok(())
    /// # }
    /// ```
    Requested;

    /// A valid request to open a connection that awaits the decision.
    ///
    /// ```no_run
    /// use framewise::{Config, blocking, handshake::{Acceptance, OriginPolicy, Rejection}};
    ///
    /// # fn serve(stream: std::net::TcpStream) -> Result<(), framewise::Error> {
    /// let incoming = blocking::accept(stream, Config::default())?;
    /// if incoming.upgrade().check_origin(&OriginPolicy::same_origin()).is_err() {
    ///     return incoming.reject(Rejection::forbidden());
    /// }
    /// let mut websocket = incoming.accept(Acceptance::new())?;
    /// # Ok(())
    /// # }
    /// ```
    Incoming;
}
