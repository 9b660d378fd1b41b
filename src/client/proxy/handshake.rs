//! The handshake by which a client has a proxy connect to a host.

use alloc::{format, string::String, sync::Arc};
use core::{fmt, time::Duration};

use super::{
    error::ProxyError,
    server::{ProxyScheme, ProxyServer},
    socks::Socks,
};
use crate::{
    config::Config,
    driver::{HandshakeDriver, Opening, Queue},
    handshake::{Deadline, Refusal, ResponseReader, Uri},
    input::Input,
    output::Output,
    time::Instant,
};

/// Has a proxy connect to the host of a URI, over a stream to the proxy. Afterwards the stream leads to the
/// host.
///
/// To an `http` proxy this sends a CONNECT (RFC 9110 §9.3.6), with `Proxy-Authorization: Basic` if there
/// are a user and a password. To a `socks5` proxy it speaks SOCKS version 5 (RFC 1928), and offers the
/// authentication by user and password (RFC 1929) if there are any.
///
/// The machine has no I/O: write its [`output`](Self::output), pass what was read to
/// [`receive`](Self::receive), and write again. [`HandshakeDriver::proxy`] does so over any transport.
///
/// ```
/// use core::time::Duration;
/// use framewise::{Config, Input};
/// use framewise::client::{Proxy, ProxyHandshake};
///
/// let proxy = Proxy::new("http://proxy.example:3128")?;
/// let uri = "wss://example.com/chat".parse()?;
/// let server = proxy.server_for(&uri).expect("it is for everything");
/// // Connect to `server.host_and_port()`.
/// let limit = Some(Duration::from_secs(10));
/// let mut handshake = ProxyHandshake::new(server, &uri, Config::default(), limit)?;
/// let request = b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n";
/// assert_eq!(handshake.output().chunk(), request);
/// // Write the output to the stream, and read from it into a buffer.
/// let mut buf = *b"HTTP/1.1 200 Connection established\r\n\r\n";
/// assert_eq!(handshake.receive(&mut Input::new(&mut buf))?, Some(()));
/// // The stream leads to the host: go on with TLS, or with the opening handshake.
/// # Ok::<(), framewise::Error>(())
/// ```
pub struct ProxyHandshake {
    config: Arc<Config>,
    output: Output,
    deadline: Deadline,
    state: State,
}

impl ProxyHandshake {
    /// Writes the first request into the output.
    ///
    /// [`Config::max_head_size`] and [`Config::max_headers`] limit the answer of an `http` proxy. `limit`
    /// is how long the proxy may take for all its answers together. `None` is no limit, and zero has passed
    /// at once.
    ///
    /// # Errors
    ///
    /// [`ProxyError::HostTooLong`] for a `socks5` proxy and a name of more than 255 bytes.
    pub fn new(
        server: &ProxyServer,
        target: &Uri,
        config: impl Into<Arc<Config>>,
        limit: Option<Duration>,
    ) -> Result<Self, ProxyError> {
        let mut output = Output::default();
        let state = match server.scheme() {
            ProxyScheme::Http => {
                output.push_bytes(connect(server, target).as_bytes());
                State::Http(ResponseReader::new())
            }
            ProxyScheme::Socks5 => {
                State::Socks(Socks::new(target, server.credentials(), &mut output)?)
            }
        };
        Ok(Self { config: config.into(), output, deadline: Deadline::after(limit), state })
    }

    /// Returns what to write to the proxy. With a `socks5` proxy, an answer may call for more.
    pub const fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Takes the answers of the proxy from the input. Returns `Some` when it has connected to the host, and
    /// `None` while more is needed. Skips interim responses.
    ///
    /// The length and the body that a 2xx may announce are ignored, since it has none (RFC 9112 §6.3).
    ///
    /// After it has returned an error, this ignores the input and returns the same error again. After
    /// success it returns `Ok(None)` for no bytes.
    ///
    /// # Bytes that follow the answer
    ///
    /// They are an error. Both TLS and WebSocket clients speak first, so such bytes are the proxy's own. They
    /// are found in the same input as the answer, or in a later call of this method. A proxy that sends them
    /// even later puts them in front of what the host says. TLS detects that. Without TLS, a proxy can change
    /// everything anyway.
    ///
    /// # Errors
    ///
    /// - [`ProxyError::Refused`] when the status is not 2xx. The error comes when the body is complete
    ///   or cannot be read further (RFC 9112 §6.3).
    /// - [`ProxyError::UnexpectedBytes`] for bytes that follow the answer.
    /// - [`ProxyError::NotHttp`] or [`ProxyError::NotSocks`] at the first byte of another protocol.
    /// - [`ProxyError::AuthenticationFailed`], [`ProxyError::NoAcceptableMethod`],
    ///   [`ProxyError::SocksRefused`] and [`ProxyError::UnexpectedMethod`] when a SOCKS proxy refuses.
    /// - Other variants for an answer that is not valid.
    pub fn receive(&mut self, input: &mut Input<'_>) -> Result<Option<()>, ProxyError> {
        let received = match &mut self.state {
            State::Failed(error) => return Err(error.clone()),
            State::Done if input.is_empty() => return Ok(None),
            State::Done => Ok(true),
            State::Refused(_) => return self.receive_body(input),
            State::Socks(socks) => socks.receive(input, &mut self.output),
            State::Http(reader) => match reader.receive(input, &self.config) {
                Ok(None) => Ok(false),
                Ok(Some(response)) if matches!(response.status(), 200..=299) => Ok(true),
                Ok(Some(response)) => {
                    // The proxy need not take the rest of the request. A write of it may be in flight.
                    self.output.discard();
                    // A 101 was not asked for, and has no body.
                    let switched = response.status() == 101;
                    self.state = State::Refused(Refusal::new(response));
                    if switched {
                        return Err(self.fail(ProxyError::UnexpectedEof));
                    }
                    return self.receive_body(input);
                }
                Err(error) => Err(ProxyError::of_head(error)),
            },
        };
        match received {
            Ok(false) => Ok(None),
            Ok(true) if input.is_empty() => {
                self.state = State::Done;
                Ok(Some(()))
            }
            Ok(true) => Err(self.fail(ProxyError::UnexpectedBytes)),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Reports the end of the stream, and returns what it means for the handshake:
    /// [`ProxyError::Refused`] inside or after the body of a refusal, the same error again if the
    /// handshake has failed before, else [`ProxyError::UnexpectedEof`].
    ///
    /// Call this after a failed read, too: a proxy that refuses may reset the connection.
    pub fn receive_eof(&mut self) -> ProxyError {
        match &mut self.state {
            State::Failed(error) => return error.clone(),
            State::Refused(refusal) => refusal.receive_eof(),
            State::Done | State::Http(_) | State::Socks(_) => {}
        }
        self.fail(ProxyError::UnexpectedEof)
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout). The time runs from the first
    /// call of one of the two until success or an error is returned.
    pub fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
        match self.state {
            State::Http(_) | State::Refused(_) | State::Socks(_) => self.deadline.poll(now),
            State::Done | State::Failed(_) => None,
        }
    }

    /// Fails the handshake when the time limit has passed. Calling it early does no harm.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Timeout`], or [`ProxyError::Refused`] if only the rest of the body of a refusal
    /// is missing.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), ProxyError> {
        match &self.state {
            State::Done => Ok(()),
            State::Failed(error) => Err(error.clone()),
            State::Http(_) | State::Refused(_) | State::Socks(_) => {
                self.deadline.handle(now).map_err(|_| self.fail(ProxyError::Timeout))
            }
        }
    }

    /// Takes more of the body of a refusal.
    fn receive_body(&mut self, input: &mut Input<'_>) -> Result<Option<()>, ProxyError> {
        let State::Refused(refusal) = &mut self.state else { return Ok(None) };
        if refusal.receive(input) { Err(self.fail(ProxyError::UnexpectedEof)) } else { Ok(None) }
    }

    /// Fails the handshake, after which nothing may be sent. The error is the refusal if one has
    /// come, whatever has ended its body.
    fn fail(&mut self, error: ProxyError) -> ProxyError {
        // A write may still be in flight.
        self.output.discard();
        self.output.release();
        let error = match core::mem::replace(&mut self.state, State::Done) {
            State::Refused(refusal) => ProxyError::Refused(refusal.into_response()),
            State::Done | State::Failed(_) | State::Http(_) | State::Socks(_) => error,
        };
        self.state = State::Failed(error.clone());
        error
    }
}

impl fmt::Debug for ProxyHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyHandshake").field("state", &self.state).finish_non_exhaustive()
    }
}

#[allow(private_interfaces, reason = "sealed: the parts are the crate's own")]
impl Opening for ProxyHandshake {
    type Done = ();
    type Error = ProxyError;

    const ANSWERS: bool = false;

    fn receive(&mut self, input: &mut Input<'_>) -> Result<Option<()>, ProxyError> {
        self.receive(input)
    }

    fn receive_eof(&mut self) -> ProxyError {
        self.receive_eof()
    }

    fn cut(&mut self) {
        if let State::Refused(refusal) = &mut self.state {
            refusal.cut();
        }
    }

    fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
        self.poll_timeout(now)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), ProxyError> {
        self.handle_timeout(now)
    }

    fn is_refusal(error: &ProxyError) -> bool {
        matches!(error, ProxyError::Refused(_))
    }
}

impl Queue for ProxyHandshake {
    fn output(&mut self) -> &mut Output {
        &mut self.output
    }
}

impl HandshakeDriver<ProxyHandshake> {
    /// Has a proxy connect to the host of `target`, over a transport to the proxy. Afterwards the transport
    /// leads to the host, and no byte is unread.
    ///
    /// ```
    /// use framewise::{Config, client::Proxy, driver::{HandshakeDriver, Step}, time::Instant};
    /// use framewise::driver::{Reads as _, Writes as _};
    ///
    /// let proxy = Proxy::new("socks5://proxy.example")?;
    /// let uri = "wss://example.com/chat".parse()?;
    /// let server = proxy.server_for(&uri).expect("it is for everything");
    /// let mut driver = HandshakeDriver::proxy(server, &uri, Config::default(), None)?;
    /// driver.time(Instant::ORIGIN);
    /// assert_eq!(driver.next(), Ok(Step::Write));
    /// # Ok::<(), framewise::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`ProxyHandshake::new`].
    pub fn proxy(
        server: &ProxyServer,
        target: &Uri,
        config: impl Into<Arc<Config>>,
        limit: Option<Duration>,
    ) -> Result<Self, ProxyError> {
        let config = config.into();
        let close_timeout = config.close_timeout;
        Ok(Self::new(ProxyHandshake::new(server, target, config, limit)?, close_timeout))
    }
}

enum State {
    Done,
    Failed(ProxyError),
    Http(ResponseReader),
    Refused(Refusal),
    Socks(Socks),
}

/// Says nothing of what is sent.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("Done"),
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            Self::Http(_) => f.write_str("Http"),
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal.response()).finish(),
            Self::Socks(_) => f.write_str("Socks"),
        }
    }
}

/// Writes a CONNECT (RFC 9110 §9.3.6). The port is named also if it is the default one.
fn connect(server: &ProxyServer, target: &Uri) -> String {
    let (host, port) = (target.host(), target.port());
    let authorization = match server.credentials() {
        Some(credentials) => {
            format!("Proxy-Authorization: Basic {}\r\n", credentials.to_basic())
        }
        None => String::new(),
    };
    format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{authorization}\r\n")
}
