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
/// [`Connection::client`](crate::Connection::client). RFC 6455 §4.1 wants at most one connection to
/// an address to be in the opening handshake: that is for the caller to see to. Where a proxy opens
/// the connections, so that the address is not known, each name of a host counts as an address, and
/// the number of those that are being opened at the same time should be limited.
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

/// Opens a TCP connection to the host of `request` and a WebSocket connection over it.
///
/// The addresses of the host are tried one after the other. While another connection to an address
/// is being opened by this function, or by the one for tokio, this one waits (RFC 6455 §4.1). To wait
/// and to open the TCP connection may take
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout) for each address, and the opening
/// handshake the same again; how long the host is looked up is the system's to say.
///
/// ```no_run
/// use framewise::{CloseCode, Config, blocking, handshake::ClientRequest};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let request = ClientRequest::new("ws://127.0.0.1:9001/")?;
/// let (mut websocket, _response) = blocking::connect(request, Config::default())?;
/// websocket.send("Hello")?;
/// println!("{:?}", websocket.read()?);
/// websocket.close(CloseCode::NORMAL, "")?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::TlsRequired`] for a `wss` URI, [`Error::Io`] when no connection can be opened, and
/// those of [`client`].
#[cfg(feature = "connect")]
pub fn connect(
    request: ClientRequest,
    config: impl Into<Arc<Config>>,
) -> Result<(WebSocket<std::net::TcpStream>, Response), Error> {
    use std::{
        net::{TcpStream, ToSocketAddrs},
        time::Instant,
    };

    use crate::adapter::Connecting;

    let config = config.into();
    let addresses = adapter::host_and_port(request.uri())?.to_socket_addrs()?;
    let mut failure = ErrorKind::NotFound.into();
    for address in addresses {
        let began = Instant::now();
        let Some(_connecting) = Connecting::to_blocking(address, config.handshake_timeout) else {
            failure = ErrorKind::TimedOut.into();
            continue;
        };
        let connected = match config.handshake_timeout {
            Some(timeout) => {
                let rest = timeout.saturating_sub(began.elapsed()).max(super::MIN_TIMEOUT);
                TcpStream::connect_timeout(&address, rest)
            }
            None => TcpStream::connect(address),
        };
        match connected {
            Ok(stream) => return client(stream, request, config, adapter::seed()?),
            Err(error) => failure = error,
        }
    }
    Err(Error::Io(failure))
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
