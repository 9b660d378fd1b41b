//! TLS over a stream of tokio's.

use alloc::{boxed::Box, sync::Arc};
use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::io::{self, ErrorKind, IoSlice};

use tokio::{
    io::{
        AsyncBufRead as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf,
    },
    time::{Instant, timeout},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{
    Incoming, Requested, WebSocket,
    handshake::{client_within, receive_within},
};
#[cfg(feature = "connect")]
use crate::adapter::random_seed;
use crate::{
    adapter::Error,
    config::{Config, if_on},
    handshake::{ClientRequest, Response},
    tls::{ClientTls, Peer, ServerTls, TlsError, TlsInfo, server_name},
};

/// TLS over a stream of tokio's, after the handshake. [`accept_tls`] and `client_tls` make it.
///
/// Errors of TLS become [`Error::Tls`]. A stream that ends without TLS's own end (`close_notify`) fails with
/// [`UnexpectedEof`](ErrorKind::UnexpectedEof), which a WebSocket takes for an end like any other.
///
/// ```no_run
/// use framewise::{Config, handshake::Acceptance, tls::ServerTls, tokio as websocket};
///
/// # async fn serve(stream: tokio::net::TcpStream, tls: &ServerTls) -> Result<(), framewise::Error> {
/// let incoming = websocket::accept_tls(stream, tls, Config::default()).await?;
/// println!("{:?} from {}", incoming.stream().tls(), incoming.stream().transport().peer_addr()?);
/// let mut websocket = incoming.accept(Acceptance::new()).await?;
/// # Ok(())
/// # }
/// ```
pub struct TlsStream<S> {
    /// On the heap: it is large, and is moved often while a connection opens.
    inner: Box<tokio_rustls::TlsStream<S>>,
    /// Whether the peer may still refuse what a client has sent in the handshake of TLS 1.3. Cleared when
    /// something has come.
    unconfirmed: bool,
    /// Why a write has failed. Set while an alert may come that says more, and cleared after it.
    failure: Option<io::Error>,
}

/// Does the TLS handshake of a server over `stream`, and reads a client's opening handshake, as
/// [`accept`](super::accept) does.
///
/// Both together take at most [`Config::handshake_timeout`](crate::Config::handshake_timeout).
/// [`OriginPolicy::same_origin`](crate::handshake::OriginPolicy::same_origin) then expects `https`. A client
/// that TLS refuses is told why, and the stream closed, which takes up to
/// [`Config::close_timeout`](crate::Config::close_timeout) more.
///
/// Set `TCP_NODELAY` on the stream before: small messages leave at once only with it.
///
/// # Errors
///
/// [`Error::Tls`] when the TLS handshake fails or does not end in time, and those of
/// [`accept`](super::accept).
pub async fn accept_tls<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    tls: &ServerTls,
    config: impl Into<Arc<Config>>,
) -> Result<Incoming<TlsStream<S>>, Error> {
    receive_request_tls(stream, tls, config).await?.upgrade().await
}

/// Does the TLS handshake of a server, as [`accept_tls`] does, and reads any HTTP request, as
/// [`receive_request`](super::receive_request) does.
///
/// # Errors
///
/// [`Error::Tls`] when the TLS handshake fails or does not end in time, and those of
/// [`receive_request`](super::receive_request).
pub async fn receive_request_tls<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    tls: &ServerTls,
    config: impl Into<Arc<Config>>,
) -> Result<Requested<TlsStream<S>>, Error> {
    let config = config.into();
    Box::pin(async move {
        let rest = Rest::of(if_on(config.handshake_timeout));
        let stream = accepted(stream, tls, rest.left(), config.close_timeout).await?;
        let mut requested = receive_within(stream, config, rest.left()).await?;
        requested.request.set_secure();
        Ok(requested)
    })
    .await
}

/// Does the TLS handshake of a client over `stream`, then sends `request` and waits for the response, as
/// [`client`](super::client) does.
///
/// The certificate of the server has to be for the host of the request. Both handshakes together take at
/// most [`Config::handshake_timeout`](crate::Config::handshake_timeout). The scheme of the URI plays no
/// part: this is TLS also for `ws`.
///
/// Set `TCP_NODELAY` on the stream before: small messages leave at once only with it.
///
/// ```no_run
/// use framewise::{Config, tls::ClientTls, tokio as websocket};
///
/// # async fn talk(ca: &str) -> Result<(), framewise::Error> {
/// let stream = tokio::net::TcpStream::connect("127.0.0.1:9001").await?;
/// let tls = ClientTls::with_roots_pem(ca)?;
/// let (mut websocket, _response) =
///     websocket::client_tls(stream, &tls, "wss://example.com/chat", Config::default()).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::Tls`] when the TLS handshake fails or does not end in time, or the server requires a
/// certificate; and those of [`client`](super::client).
#[cfg(feature = "connect")]
pub async fn client_tls<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    tls: &ClientTls,
    request: impl TryInto<ClientRequest, Error: Into<Error>>,
    config: impl Into<Arc<Config>>,
) -> Result<(WebSocket<TlsStream<S>>, Response), Error> {
    client_tls_with_seed(stream, tls, request, config, random_seed()?).await
}

/// Does what `client_tls` (feature `connect`) does, with a seed that you supply.
///
/// `seed` has to be unpredictable and used once only; see
/// [`Connection::client`](crate::Connection::client).
///
/// # Errors
///
/// [`Error::Tls`] when the TLS handshake fails or does not end in time, or the server requires a
/// certificate; and those of [`client_with_seed`](super::client_with_seed).
pub async fn client_tls_with_seed<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    tls: &ClientTls,
    request: impl TryInto<ClientRequest, Error: Into<Error>>,
    config: impl Into<Arc<Config>>,
    seed: [u8; 32],
) -> Result<(WebSocket<TlsStream<S>>, Response), Error> {
    let (request, config) = (request.try_into().map_err(Into::into)?, config.into());
    Box::pin(async move {
        let rest = Rest::of(if_on(config.handshake_timeout));
        let stream = connect(stream, tls, request.uri().server_name(), rest.left()).await?;
        client_within(stream, request, config, seed, rest.left()).await
    })
    .await
}

/// Does the TLS handshake of a client, within `limit`.
pub(crate) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    tls: &ClientTls,
    host: &str,
    limit: Option<Duration>,
) -> Result<TlsStream<S>, Error> {
    let name = server_name(host)?;
    let shaking = TlsConnector::from(Arc::clone(tls.config())).connect(name, stream);
    let rest = Rest::of(limit);
    Box::pin(async move {
        match rest.within(shaking.into_fallible()).await {
            Some(Ok(stream)) => Ok(TlsStream::new(tokio_rustls::TlsStream::Client(stream))),
            Some(Err((error, mut stream))) => {
                // The server gets the alert.
                let _ = rest.within(stream.shutdown()).await;
                Err(TlsError::of_handshake(error, Peer::Server(Some(host))).into())
            }
            None => Err(TlsError::timeout().into()),
        }
    })
    .await
}

/// Does the TLS handshake of a server, within `limit`. Not boxed.
async fn accepted<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    tls: &ServerTls,
    limit: Option<Duration>,
    close_timeout: Option<Duration>,
) -> Result<TlsStream<S>, Error> {
    let shaking = TlsAcceptor::from(Arc::clone(tls.config())).accept(stream);
    match Rest::of(limit).within(shaking.into_fallible()).await {
        Some(Ok(stream)) => Ok(TlsStream::new(tokio_rustls::TlsStream::Server(stream))),
        Some(Err((error, mut stream))) => {
            let _ = Rest::of(close_timeout).within(linger(&mut stream)).await;
            Err(TlsError::of_handshake(error, Peer::Client).into())
        }
        None => Err(TlsError::timeout().into()),
    }
}

/// Ends the stream and reads what comes until the client has ended it: a reset would lose the alert, as it
/// would lose a response (RFC 9112 §9.6).
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
    stream.shutdown().await?;
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

/// What is left of a time limit.
#[derive(Clone, Copy)]
struct Rest {
    limit: Option<Duration>,
    began: Instant,
}

impl Rest {
    fn of(limit: Option<Duration>) -> Self {
        Self { limit, began: Instant::now() }
    }

    fn left(self) -> Option<Duration> {
        self.limit.map(|limit| limit.saturating_sub(self.began.elapsed()))
    }

    /// Waits for what `future` returns, `None` when the time has passed.
    async fn within<F: Future>(self, future: F) -> Option<F::Output> {
        match self.left() {
            Some(left) => timeout(left, future).await.ok(),
            None => Some(future.await),
        }
    }
}

impl<S> TlsStream<S> {
    fn new(inner: tokio_rustls::TlsStream<S>) -> Self {
        let unconfirmed = matches!(inner, tokio_rustls::TlsStream::Client(_));
        Self { inner: Box::new(inner), unconfirmed, failure: None }
    }

    /// Returns what TLS has agreed on, and the certificates of the peer.
    #[must_use]
    pub fn tls(&self) -> TlsInfo {
        match &*self.inner {
            tokio_rustls::TlsStream::Client(stream) => TlsInfo::of_client(stream.get_ref().1),
            tokio_rustls::TlsStream::Server(stream) => TlsInfo::of_server(stream.get_ref().1),
        }
    }

    /// Returns the stream below TLS, to ask it for the address of the peer, for instance.
    #[must_use]
    pub fn transport(&self) -> &S {
        self.inner.get_ref().0
    }

    fn error(&self, error: io::Error) -> io::Error {
        TlsError::within(
            error,
            match &*self.inner {
                tokio_rustls::TlsStream::Client(_) => Peer::Server(None),
                tokio_rustls::TlsStream::Server(_) => Peer::Client,
            },
        )
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Writes, unless a write has failed before.
    ///
    /// A server that refuses a client after the handshake sends an alert and closes, so a write may fail
    /// before the alert was read. The alert says more.
    fn poll_writing<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(
            Pin<&mut tokio_rustls::TlsStream<S>>,
            &mut Context<'_>,
        ) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.failure.is_none() {
            match ready!(write(Pin::new(&mut self.inner), cx)) {
                Err(error) if self.unconfirmed && is_reset(error.kind()) => {
                    self.failure = Some(error);
                }
                written => return Poll::Ready(written.map_err(|error| self.error(error))),
            }
        }
        let failure = match ready!(Pin::new(&mut *self.inner).poll_fill_buf(cx)) {
            Err(error) if error.get_ref().is_some_and(|error| error.is::<rustls::Error>()) => error,
            _ => self.failure.take().unwrap_or_else(|| ErrorKind::BrokenPipe.into()),
        };
        self.failure = None;
        Poll::Ready(Err(self.error(failure)))
    }
}

const fn is_reset(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut *self.inner).poll_read(cx, buf));
        self.unconfirmed &= read.is_err();
        Poll::Ready(read.map_err(|error| self.error(error)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_writing(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    #[inline]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_writing(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    #[inline]
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_writing(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = ready!(Pin::new(&mut *self.inner).poll_shutdown(cx));
        Poll::Ready(shut.map_err(|error| self.error(error)))
    }
}

/// Shows the stream below, not the session.
impl<S: fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("transport", self.transport()).finish_non_exhaustive()
    }
}
