//! The opening handshake over a blocking stream.

use alloc::sync::Arc;
use std::io::ErrorKind;

use super::{Stream, WebSocket, is_retry, read, write_all};
use crate::{
    Config,
    adapter::{self, Clock, Error, Handshake, Inbox},
    handshake::{
        Acceptance, ClientHandshake, ClientRequest, HandshakeError, Rejection, Response,
        ServerHandshake, Upgrade,
    },
};

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
#[derive(Debug)]
pub struct Incoming<S> {
    stream: S,
    upgrade: Upgrade,
    config: Arc<Config>,
    inbox: Inbox,
    clock: Clock,
}

/// Reads a client's opening handshake from `stream`, at most for
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout) where the stream knows timeouts.
///
/// A request that is not valid, or late, is answered and the stream closed, which takes up to
/// [`Config::close_timeout`](crate::Config::close_timeout) more.
///
/// # Errors
///
/// [`Error::Handshake`] when the request is not valid or does not come in time, [`Error::Io`] when
/// the stream fails.
pub fn accept<S: Stream>(
    mut stream: S,
    config: impl Into<Arc<Config>>,
) -> Result<Incoming<S>, Error> {
    let (config, clock, mut inbox) = (config.into(), Clock::start(), Inbox::default());
    stream.set_nodelay()?;
    let mut handshake = ServerHandshake::new(Arc::clone(&config));
    match shake(&mut stream, &mut inbox, clock, &mut handshake) {
        Ok(upgrade) => Ok(Incoming { stream, upgrade, config, inbox, clock }),
        Err(error) => {
            if let Error::Handshake(error) = &error
                && write_all(&mut stream, &mut adapter::refusal(error)).is_ok()
            {
                linger(&mut stream, clock, &config);
            }
            Err(error)
        }
    }
}

impl<S: Stream> Incoming<S> {
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
    pub fn accept(mut self, acceptance: Acceptance) -> Result<WebSocket<S>, Error> {
        match self.upgrade.accept(acceptance) {
            Ok(connection) => {
                let mut websocket =
                    WebSocket::with_inbox(self.stream, connection, self.inbox, self.clock);
                websocket.flush()?;
                Ok(websocket)
            }
            Err(error) => {
                if let Ok(rejection) = Rejection::new(500)
                    && write_all(&mut self.stream, &mut adapter::response(rejection)).is_ok()
                {
                    linger(&mut self.stream, self.clock, &self.config);
                }
                Err(error.into())
            }
        }
    }

    /// Rejects the request, sends the response and closes the stream. The response tells the time
    /// (`Date`), unless a field for it is there.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the stream fails.
    pub fn reject(mut self, rejection: Rejection) -> Result<(), Error> {
        limit_writes(&self.stream, &self.config)?;
        write_all(&mut self.stream, &mut adapter::response(rejection))?;
        linger(&mut self.stream, self.clock, &self.config);
        Ok(())
    }
}

/// Sends `request` over `stream` and waits for the response, at most for
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout) where the stream knows timeouts.
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
pub fn client<S: Stream>(
    mut stream: S,
    request: ClientRequest,
    config: impl Into<Arc<Config>>,
    seed: [u8; 32],
) -> Result<(WebSocket<S>, Response), Error> {
    let (config, clock, mut inbox) = (config.into(), Clock::start(), Inbox::default());
    stream.set_nodelay()?;
    let mut handshake = ClientHandshake::new(request, Arc::clone(&config), seed);
    match shake(&mut stream, &mut inbox, clock, &mut handshake) {
        Ok(established) => {
            let websocket = WebSocket::with_inbox(stream, established.connection, inbox, clock);
            Ok((websocket, established.response))
        }
        Err(error) => {
            if matches!(error, Error::Handshake(_)) && limit_writes(&stream, &config).is_ok() {
                // A TLS stream says here that it ends (RFC 9112 §9.8).
                let _ = stream.shutdown_write();
            }
            Err(error)
        }
    }
}

/// Drives a handshake to its end.
fn shake<S: Stream, H: Handshake>(
    stream: &mut S,
    inbox: &mut Inbox,
    clock: Clock,
    handshake: &mut H,
) -> Result<H::Done, Error> {
    let now = clock.now();
    let patience =
        handshake.poll_timeout(now).map(|deadline| (deadline - now).max(super::MIN_TIMEOUT));
    let timed = patience.is_some() && stream.set_write_timeout(patience)?;
    match write_all(stream, handshake.output()) {
        Err(error) if timed && is_retry(&error) => return Err(HandshakeError::Timeout.into()),
        written => written?,
    }
    loop {
        let now = clock.now();
        handshake.handle_timeout(now)?;
        let deadline = handshake.poll_timeout(now);
        let timed = stream
            .set_read_timeout(deadline.map(|deadline| (deadline - now).max(super::MIN_TIMEOUT)))?;
        match read(stream, inbox) {
            Ok(0) => return Err(handshake.receive_eof().into()),
            Ok(_) => {}
            Err(error) if timed && is_retry(&error) => continue,
            Err(error) => return Err(error.into()),
        }
        if let Some(done) = inbox.shake(handshake)? {
            return Ok(done);
        }
    }
}

/// Limits the time for what is written at the end: a peer may take nothing, and a response may be
/// long.
fn limit_writes<S: Stream>(stream: &S, config: &Config) -> std::io::Result<()> {
    let patience = config.close_timeout.map(|timeout| timeout.max(super::MIN_TIMEOUT));
    stream.set_write_timeout(patience).map(drop)
}

/// Ends the direction to the peer and reads on until its end, so that the last octets are not lost
/// to a reset (RFC 9112 §9.6).
fn linger<S: Stream>(stream: &mut S, clock: Clock, config: &Config) {
    if stream.shutdown_write().is_err() {
        return;
    }
    let mut buf = [0; 1 << 10];
    let deadline = config.close_timeout.map(|timeout| clock.now() + timeout);
    loop {
        let now = clock.now();
        let patience = deadline.map(|deadline| deadline - now);
        if patience.is_some_and(|patience| patience.is_zero())
            || stream.set_read_timeout(patience).is_err()
        {
            return;
        }
        match stream.read(&mut buf) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
