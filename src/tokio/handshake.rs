//! The opening handshake over a stream of tokio's.

use alloc::{boxed::Box, sync::Arc};
use core::{any::Any, future::poll_fn};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::{WebSocket, io::Io};
use crate::{
    Config, Error, Output,
    adapter::dated,
    driver::{Driver, HandshakeDriver, Opening, Unread},
    handshake::{Acceptance, ClientRequest, HandshakeError, Rejection, Request, Response, Upgrade},
};

/// A valid request to open a connection that awaits the decision.
///
/// ```no_run
/// use framewise::{Config, handshake::{Acceptance, OriginPolicy, Rejection}, tokio as websocket};
///
/// # async fn serve(stream: tokio::net::TcpStream) -> Result<(), framewise::Error> {
/// let incoming = websocket::accept(stream, Config::default()).await?;
/// if incoming.upgrade().check_origin(&OriginPolicy::same_origin()).is_err() {
///     return incoming.reject(Rejection::forbidden()).await;
/// }
/// let mut websocket = incoming.accept(Acceptance::new()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Incoming<S> {
    io: Io<S>,
    upgrade: Upgrade,
    config: Arc<Config>,
    unread: Unread,
}

/// A request of any kind that awaits the decision: to open a connection, or a plain HTTP request,
/// such as a health check. Made by [`receive_request`].
///
/// ```no_run
/// use framewise::{Config, handshake::{Acceptance, Rejection}, tokio as websocket};
///
/// # async fn serve(stream: tokio::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
/// let requested = websocket::receive_request(stream, Config::default()).await?;
/// if requested.request().path() == "/health" {
///     return Ok(requested.respond(Rejection::new(200)?.body("fine")).await?);
/// }
/// let mut websocket = requested.upgrade().await?.accept(Acceptance::new()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Requested<S> {
    io: Io<S>,
    request: Request,
    config: Arc<Config>,
    unread: Unread,
}

/// Reads a client's opening handshake from `stream`, at most for
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout).
///
/// A request that is not valid, or late, is answered and the stream closed, which takes up to
/// [`Config::close_timeout`](crate::Config::close_timeout) more. To answer plain HTTP requests, call
/// [`receive_request`]. Small writes are sent at once (`TCP_NODELAY`) if it is a [`TcpStream`].
///
/// # Errors
///
/// [`Error::Handshake`] when the request is not valid or does not come in time, [`Error::Io`] when
/// the stream fails.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: S,
    config: impl Into<Arc<Config>>,
) -> Result<Incoming<S>, Error> {
    receive_request(stream, config).await?.upgrade().await
}

/// Reads any HTTP request from `stream`, as [`accept`] does, and leaves it to the program to open a
/// connection or to answer it.
///
/// # Errors
///
/// [`Error::Handshake`] when what came is no HTTP request, or does not come in time, and was answered;
/// [`Error::Io`] when the stream fails.
pub async fn receive_request<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: S,
    config: impl Into<Arc<Config>>,
) -> Result<Requested<S>, Error> {
    let config = config.into();
    // Boxed, like all that is over with the handshake: a task is as large as the largest future that
    // it ever waits for, for as long as it lives.
    Box::pin(async move {
        set_nodelay(&stream)?;
        let mut io = Io::new(stream);
        let driver = HandshakeDriver::request(Arc::clone(&config)).stamp(dated);
        let (request, unread) = shake(&mut io, driver).await?;
        Ok(Requested { io, request, config, unread })
    })
    .await
}

impl<S: AsyncRead + AsyncWrite + Unpin> Requested<S> {
    /// Returns the request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Checks that the request is one to open a connection. If it is not, it is answered, and the
    /// stream closed.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`] when the request is not valid.
    pub async fn upgrade(self) -> Result<Incoming<S>, Error> {
        Box::pin(async move {
            let Self { mut io, request, config, unread } = self;
            match request.upgrade() {
                Ok(upgrade) => Ok(Incoming { io, upgrade, config, unread }),
                Err(refused) => {
                    let response = dated(refused.rejection());
                    let _ = refuse(&mut io, refused.request.respond(response), &config).await;
                    Err(refused.error.into())
                }
            }
        })
        .await
    }

    /// Answers the request with any final status, headers and body, and closes the stream. The response
    /// tells the time (`Date`), unless a field for it is there.
    ///
    /// # Errors
    ///
    /// Those of [`Incoming::reject`].
    pub async fn respond(mut self, response: Rejection) -> Result<(), Error> {
        let response = self.request.respond(dated(response));
        Box::pin(async move { refuse(&mut self.io, response, &self.config).await }).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Incoming<S> {
    /// Returns the request.
    pub fn upgrade(&self) -> &Upgrade {
        &self.upgrade
    }

    /// Accepts the request and sends the 101.
    ///
    /// # Errors
    ///
    /// [`Error::Accept`] for a subprotocol that was not offered, and the client gets a 500;
    /// [`Error::Io`] when the stream fails.
    pub async fn accept(self, acceptance: Acceptance) -> Result<WebSocket<S>, Error> {
        Box::pin(async move {
            let Self { mut io, upgrade, config, unread } = self;
            match upgrade.accept(acceptance) {
                Ok(connection) => {
                    let driver = Driver::with_unread(connection, unread);
                    let mut websocket = WebSocket::with_driver(io, driver);
                    websocket.flush().await?;
                    Ok(websocket)
                }
                Err(error) => {
                    let response = dated(Rejection::internal_error()).to_output();
                    let _ = refuse(&mut io, response, &config).await;
                    Err(error.into())
                }
            }
        })
        .await
    }

    /// Rejects the request, sends the response and closes the stream. The response tells the time
    /// (`Date`), unless a field for it is there.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the stream fails, and of kind [`TimedOut`](std::io::ErrorKind::TimedOut)
    /// when the client does not take the response within
    /// [`Config::close_timeout`](crate::Config::close_timeout).
    pub async fn reject(mut self, rejection: Rejection) -> Result<(), Error> {
        let response = self.upgrade.reject(dated(rejection));
        Box::pin(async move { refuse(&mut self.io, response, &self.config).await }).await
    }
}

/// Sends `request` over `stream` and waits for the response, at most for
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout).
///
/// `seed` has to be unpredictable and used once only; see
/// [`Connection::client`](crate::Connection::client). The caller ensures at most one pending
/// handshake per address where RFC 6455 §4.1 matters, for instance with a
/// [`ConnectGate`](crate::client::ConnectGate). Where a proxy resolves names, each name counts as an
/// address, and the caller should limit the number of pending handshakes.
///
/// A stream on which no connection was opened is shut down, at most for
/// [`Config::close_timeout`](crate::Config::close_timeout), and dropped.
///
/// # Errors
///
/// [`Error::Handshake`] when the server does not open the connection, [`Error::Io`] when the stream
/// fails.
pub async fn client<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: S,
    request: ClientRequest,
    config: impl Into<Arc<Config>>,
    seed: [u8; 32],
) -> Result<(WebSocket<S>, Response), Error> {
    let config = config.into();
    Box::pin(async move {
        set_nodelay(&stream)?;
        let mut io = Io::new(stream);
        let driver = HandshakeDriver::client(request, config, seed);
        let (established, unread) = shake(&mut io, driver).await?;
        let driver = Driver::with_unread(established.connection, unread);
        Ok((WebSocket::with_driver(io, driver), established.response))
    })
    .await
}

/// Drives a handshake to its end.
async fn shake<S, H>(
    io: &mut Io<S>,
    mut driver: HandshakeDriver<H>,
) -> Result<(H::Done, Unread), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Opening<Error = HandshakeError>,
{
    poll_fn(|cx| io.poll_drive(&mut driver, cx, HandshakeDriver::next)).await?;
    driver.finish().ok_or(HandshakeError::UnexpectedEof.into())
}

/// Sends a response that refuses a request.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
    io: &mut Io<S>,
    response: Output,
    config: &Config,
) -> Result<(), Error> {
    let mut driver = HandshakeDriver::refusal(response, config);
    poll_fn(|cx| io.poll_drive(&mut driver, cx, HandshakeDriver::next)).await.map(drop)
}

fn set_nodelay<S: 'static>(stream: &S) -> std::io::Result<()> {
    let stream: &dyn Any = stream;
    match stream.downcast_ref::<TcpStream>() {
        Some(stream) => stream.set_nodelay(true),
        None => Ok(()),
    }
}
