//! The handshake of TLS over a blocking stream, and the opening handshake after it.

use alloc::sync::Arc;
use core::time::Duration;
use std::{
    io::{self, ErrorKind},
    time::Instant,
};

use rustls::{ClientConnection, Connection, ServerConnection};

use super::{
    Incoming, Requested, Stream, TlsStream, WebSocket,
    handshake::{client_within, receive_within},
};
#[cfg(feature = "connect")]
use crate::adapter::random_seed;
use crate::{
    adapter::Error,
    config::{Config, if_on},
    driver::{Blocked, Limit},
    handshake::{ClientRequest, Response},
    tls::{ClientTls, Peer, ServerTls, TlsError, server_name},
};

/// Does the TLS handshake of a server over `stream`, and reads a client's opening handshake, as
/// [`accept`](super::accept) does.
///
/// Both together take at most [`Config::handshake_timeout`](crate::Config::handshake_timeout), where the
/// stream knows time limits.
/// [`OriginPolicy::same_origin`](crate::handshake::OriginPolicy::same_origin) then expects `https`. A client
/// that TLS refuses is told why, and the stream closed, which takes up to
/// [`Config::close_timeout`](crate::Config::close_timeout) more.
///
/// # Errors
///
/// [`Error::Tls`] when the TLS handshake fails or does not end in time, and those of
/// [`accept`](super::accept).
pub fn accept_tls<S: Stream>(
    stream: S,
    tls: &ServerTls,
    config: impl Into<Arc<Config>>,
) -> Result<Incoming<TlsStream<S>>, Error> {
    receive_request_tls(stream, tls, config)?.upgrade()
}

/// Does the TLS handshake of a server, as [`accept_tls`] does, and reads any HTTP request, as
/// [`receive_request`](super::receive_request) does.
///
/// # Errors
///
/// [`Error::Tls`] when the TLS handshake fails or does not end in time, and those of
/// [`receive_request`](super::receive_request).
pub fn receive_request_tls<S: Stream>(
    stream: S,
    tls: &ServerTls,
    config: impl Into<Arc<Config>>,
) -> Result<Requested<TlsStream<S>>, Error> {
    let config = config.into();
    let rest = Rest::of(if_on(config.handshake_timeout));
    stream.set_nodelay()?;
    let connection = ServerConnection::new(Arc::clone(tls.config()))
        .map_err(|error| TlsError::of_session(error, Peer::Client))?;
    let mut shaking = Shaking::new(stream, connection.into(), rest);
    if let Err(error) = shaking.run(Peer::Client) {
        shaking.linger(config.close_timeout);
        return Err(error);
    }
    let stream = shaking.into_stream();
    let mut requested = receive_within(stream, config, rest.left())?;
    requested.request.set_secure();
    Ok(requested)
}

/// Does the TLS handshake of a client over `stream`, then sends `request` and waits for the response, as
/// [`client`](super::client) does.
///
/// The certificate of the server has to be for the host of the request. Both handshakes together take at
/// most [`Config::handshake_timeout`](crate::Config::handshake_timeout), where the stream knows time limits.
/// The scheme of the URI plays no part: this is TLS also for `ws`.
///
/// ```no_run
/// use framewise::{Config, blocking, tls::ClientTls};
///
/// # fn talk(ca: &str) -> Result<(), framewise::Error> {
/// let stream = std::net::TcpStream::connect("127.0.0.1:9001")?;
/// let tls = ClientTls::with_roots_pem(ca)?;
/// let (mut websocket, _response) =
///     blocking::client_tls(stream, &tls, "wss://example.com/chat", Config::default())?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::Tls`] when the TLS handshake fails or does not end in time, or the server requires a
/// certificate; and those of [`client`](super::client).
#[cfg(feature = "connect")]
pub fn client_tls<S: Stream>(
    stream: S,
    tls: &ClientTls,
    request: impl TryInto<ClientRequest, Error: Into<Error>>,
    config: impl Into<Arc<Config>>,
) -> Result<(WebSocket<TlsStream<S>>, Response), Error> {
    client_tls_with_seed(stream, tls, request, config, random_seed()?)
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
pub fn client_tls_with_seed<S: Stream>(
    stream: S,
    tls: &ClientTls,
    request: impl TryInto<ClientRequest, Error: Into<Error>>,
    config: impl Into<Arc<Config>>,
    seed: [u8; 32],
) -> Result<(WebSocket<TlsStream<S>>, Response), Error> {
    let (request, config) = (request.try_into().map_err(Into::into)?, config.into());
    let rest = Rest::of(if_on(config.handshake_timeout));
    let stream = connect(stream, tls, request.uri().server_name(), rest.left())?;
    client_within(stream, request, config, seed, rest.left())
}

/// Does the TLS handshake of a client, within `limit`.
pub(crate) fn connect<S: Stream>(
    stream: S,
    tls: &ClientTls,
    host: &str,
    limit: Option<Duration>,
) -> Result<TlsStream<S>, Error> {
    let (name, peer) = (server_name(host)?, Peer::Server(Some(host)));
    stream.set_nodelay()?;
    let connection = ClientConnection::new(Arc::clone(tls.config()), name)
        .map_err(|error| TlsError::of_session(error, peer))?;
    let mut shaking = Shaking::new(stream, connection.into(), Rest::of(limit));
    if let Err(error) = shaking.run(peer) {
        let _ = shaking.stream.shutdown_write();
        return Err(error);
    }
    Ok(shaking.into_stream())
}

/// A TLS handshake over a blocking stream.
struct Shaking<S> {
    stream: S,
    connection: Connection,
    rest: Rest,
    reads: Limit,
    writes: Limit,
    blocked: Blocked<ErrorKind>,
    /// Whether the session has failed, and has put an alert in its output.
    failed: bool,
}

impl<S: Stream> Shaking<S> {
    fn new(stream: S, connection: Connection, rest: Rest) -> Self {
        let (reads, writes) = (Limit::default(), Limit::default());
        let blocked = Blocked::default();
        Self { stream, connection, rest, reads, writes, blocked, failed: false }
    }

    /// Does the handshake. If it fails, the peer gets the alert.
    fn run(&mut self, peer: Peer<'_>) -> Result<(), Error> {
        while self.connection.is_handshaking() || self.connection.wants_write() {
            self.write()?;
            if self.connection.is_handshaking()
                && let Err(error) = self.read(peer)?
            {
                self.failed = true;
                let _ = self.write();
                return Err(TlsError::of_session(error, peer).into());
            }
        }
        // No time limit of the handshake stays behind.
        self.reads.set(None, |limit| self.stream.set_read_timeout(limit))?;
        self.writes.set(None, |limit| self.stream.set_write_timeout(limit))?;
        Ok(())
    }

    /// Reads once, and passes it to the session.
    fn read(&mut self, peer: Peer<'_>) -> Result<Result<(), rustls::Error>, Error> {
        let (left, began) = (self.left()?, Instant::now());
        self.reads.set(left, |limit| self.stream.set_read_timeout(limit))?;
        match self.connection.read_tls(&mut self.stream) {
            Ok(0) => {
                let error = ErrorKind::UnexpectedEof.into();
                return Err(TlsError::of_handshake(error, peer).into());
            }
            Ok(_) => self.blocked.clear(),
            Err(error) => pending(&mut self.blocked, error, began, &self.reads)?,
        }
        Ok(self.connection.process_new_packets().map(drop))
    }

    /// Writes and flushes all that the session has.
    fn write(&mut self) -> Result<(), Error> {
        let mut flushed = !self.connection.wants_write();
        while !flushed {
            let (left, began) = (self.left()?, Instant::now());
            self.writes.set(left, |limit| self.stream.set_write_timeout(limit))?;
            let written = if self.connection.wants_write() {
                self.connection.write_tls(&mut self.stream).map(|_| false)
            } else {
                self.stream.flush().map(|()| true)
            };
            match written {
                Ok(done) => {
                    self.blocked.clear();
                    flushed = done;
                }
                Err(error) => pending(&mut self.blocked, error, began, &self.writes)?,
            }
        }
        Ok(())
    }

    /// Ends the stream after a failure and reads what comes until the client has ended it: a reset would
    /// lose the alert, as it would lose a response (RFC 9112 §9.6).
    fn linger(mut self, close_timeout: Option<Duration>) {
        if !self.failed || self.stream.shutdown_write().is_err() {
            return;
        }
        self.rest = Rest::of(close_timeout); // Zero is no time, and not no limit.
        let mut rest = [0; 1024];
        while let Ok(left) = self.left() {
            let began = Instant::now();
            let set = self.reads.set(left, |limit| self.stream.set_read_timeout(limit));
            let read = set.and_then(|()| self.stream.read(&mut rest));
            let goes_on = match read {
                Ok(len) => len > 0,
                Err(error) => pending(&mut self.blocked, error, began, &self.reads).is_ok(),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Returns what is left of the time.
    fn left(&self) -> Result<Option<Duration>, TlsError> {
        match self.rest.left() {
            Some(Duration::ZERO) => Err(TlsError::timeout()),
            left => Ok(left),
        }
    }

    fn into_stream(self) -> TlsStream<S> {
        TlsStream::new(self.stream, self.connection)
    }
}

/// Passes an error on, unless the stream can do nothing now because its time limit has passed.
fn pending(
    blocked: &mut Blocked<ErrorKind>,
    error: io::Error,
    began: Instant,
    limit: &Limit,
) -> io::Result<()> {
    match error.kind() {
        ErrorKind::Interrupted => return Ok(()),
        kind @ (ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
            blocked.note(kind, began.elapsed(), limit);
        }
        _ => return Err(error),
    }
    blocked.take().map_or(Ok(()), |kind| Err(kind.into()))
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
}
