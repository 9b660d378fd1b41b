//! The client's side of the opening handshake (RFC 6455 §4.1): the request out, the response in,
//! checked.

use alloc::{boxed::Box, sync::Arc};
use core::fmt;
#[cfg(feature = "std")]
use core::time::Duration;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    ClientRequest, HandshakeError, Response,
    deadline::Deadline,
    key::Key,
    reply::{Refusal, ResponseReader},
    request::Offer,
};
use crate::{config::Config, connection::Connection, input::Input, output::Output, time::Instant};

/// Sends a request to open a connection, and checks the response.
///
/// ```
/// use framewise::{
///     Config, Input,
///     handshake::{ClientHandshake, ClientRequest},
/// };
///
/// let request = ClientRequest::new("ws://server.example.com/chat")?.subprotocol("chat")?;
/// let seed = [7; 32]; // 32 bytes from the operating system's generator
/// let mut handshake = ClientHandshake::new(request, Config::default(), seed);
/// assert!(handshake.output().chunk().starts_with(b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\n"));
/// // Write the output to the stream, and read from it into a buffer.
/// let mut buf = *b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
/// let error = handshake.receive(&mut Input::new(&mut buf)).unwrap_err();
/// assert_eq!(error.response().map(|response| response.status()), Some(404));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ClientHandshake {
    config: Arc<Config>,
    output: Output,
    reader: ResponseReader,
    accept: [u8; 28],
    offer: Offer,
    deadline: Deadline,
    /// Set when a response with status 101 is not valid, and kept.
    response: Option<Box<Response>>,
    state: State,
}

impl ClientHandshake {
    /// Writes the request into the output.
    ///
    /// The seed must be unpredictable and used once: it makes the key of the handshake and the masking
    /// keys of the connection (RFC 6455 §10.3).
    pub fn new(request: ClientRequest, config: impl Into<Arc<Config>>, seed: [u8; 32]) -> Self {
        let config = config.into();
        let (key, rng) = key(seed);
        let mut output = Output::default();
        output.push_bytes(&request.write(&key, &config));
        Self {
            output,
            reader: ResponseReader::new(),
            accept: key.accept(),
            offer: request.offer,
            deadline: Deadline::new(config.handshake_timeout),
            response: None,
            state: State::Reading(rng),
            config,
        }
    }

    /// Replaces the configured timeout by what is left of it.
    #[cfg(feature = "std")]
    pub(crate) const fn set_limit(&mut self, limit: Option<Duration>) {
        self.deadline = Deadline::after(limit);
    }

    /// Returns the request.
    pub const fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Takes the response from the input. Returns the open connection when the response is complete
    /// and valid, and `None` while more is needed. Skips interim responses. Bytes that follow the response
    /// stay in the input, for the connection.
    ///
    /// After it has returned the connection or an error, this ignores the input: it returns
    /// `Ok(None)`, or the same error again.
    ///
    /// # Errors
    ///
    /// - [`HandshakeError::Rejected`] when the status is not 101. The error comes when the body is
    ///   complete or cannot be read further (RFC 9112 §6.3); [`response`](Self::response) shows the
    ///   head before that.
    /// - [`HandshakeError::NotHttp`] at the first byte of another protocol.
    /// - Other variants for a head that is not valid (RFC 9112 §4, §5), and for a 101 that is not as
    ///   RFC 6455 §4.1 asks.
    pub fn receive(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<Established>, HandshakeError> {
        match &self.state {
            State::Done => return Ok(None),
            State::Failed(error) => return Err(error.clone()),
            State::Reading(_) => {}
            State::Refused(_) => return self.receive_body(input),
        }
        let response = match self.reader.receive(input, &self.config) {
            Ok(None) => return Ok(None),
            Ok(Some(response)) => response,
            Err(error) => return Err(self.fail(error)),
        };
        if response.status() != 101 {
            // The server need not take the rest of the request. A write of it may be in flight.
            self.output.discard();
            self.state = State::Refused(Refusal::new(response));
            return self.receive_body(input);
        }
        if let Err(error) = check(&response, &self.accept, &self.offer, &self.config) {
            self.response = Some(Box::new(response));
            return Err(self.fail(error));
        }
        let State::Reading(rng) = core::mem::replace(&mut self.state, State::Done) else {
            return Ok(None);
        };
        let connection = Connection::client_with_keys(Arc::clone(&self.config), rng);
        Ok(Some(Established::new(connection, response)))
    }

    /// Reports the end of the stream, and returns what it means for the handshake:
    /// [`HandshakeError::Rejected`] inside or after the body of a refusal, the same error again if
    /// the handshake has failed before, else [`HandshakeError::UnexpectedEof`].
    ///
    /// Call this after a failed read, too: a server that refuses may reset the connection.
    pub fn receive_eof(&mut self) -> HandshakeError {
        match &mut self.state {
            State::Failed(error) => return error.clone(),
            State::Refused(refusal) => refusal.receive_eof(),
            State::Done | State::Reading(_) => {}
        }
        self.fail(HandshakeError::UnexpectedEof)
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout). The time runs from the first
    /// call of one of the two until the connection or an error is returned.
    pub fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
        match self.state {
            State::Reading(_) | State::Refused(_) => self.deadline.poll(now),
            State::Done | State::Failed(_) => None,
        }
    }

    /// Fails the handshake when [`Config::handshake_timeout`](crate::Config::handshake_timeout) has
    /// passed. Calling it early does no harm.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Timeout`], or [`HandshakeError::Rejected`] if only the rest of the body of a
    /// refusal is missing.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), HandshakeError> {
        match &self.state {
            State::Done => Ok(()),
            State::Failed(error) => Err(error.clone()),
            State::Reading(_) | State::Refused(_) => {
                self.deadline.handle(now).map_err(|error| self.fail(error))
            }
        }
    }

    /// Returns the response for which the handshake fails. `None` before its head is complete, and
    /// if the handshake fails for another reason.
    ///
    /// The status and the headers of a refusal are here as soon as they have come, and its body as
    /// far as it has come.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        match &self.state {
            State::Refused(refusal) => Some(refusal.response()),
            State::Failed(HandshakeError::Rejected(response)) => Some(response),
            _ => self.response.as_deref(),
        }
    }

    /// Takes more of the body of a refusal.
    fn receive_body(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<Established>, HandshakeError> {
        let State::Refused(refusal) = &mut self.state else { return Ok(None) };
        if refusal.receive(input) {
            Err(self.fail(HandshakeError::UnexpectedEof))
        } else {
            Ok(None)
        }
    }

    /// Fails the handshake, after which nothing may be sent. The error is the refusal if one has
    /// come, whatever has ended its body.
    fn fail(&mut self, error: HandshakeError) -> HandshakeError {
        // A write of the request may still be in flight.
        self.output.discard();
        self.output.release();
        let error = match core::mem::replace(&mut self.state, State::Done) {
            State::Refused(refusal) => HandshakeError::Rejected(refusal.into_response()),
            State::Done | State::Failed(_) | State::Reading(_) => error,
        };
        self.state = State::Failed(error.clone());
        error
    }
}

impl fmt::Debug for ClientHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandshake")
            .field("offer", &self.offer)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// An open connection, and the response that opened it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Established {
    /// The connection, to which the rest of the input belongs.
    pub connection: Connection,
    /// The response, with its cookies, subprotocol and so on.
    pub response: Response,
}

impl Established {
    /// Has the connection do what the response says.
    pub(super) fn new(connection: Connection, response: Response) -> Self {
        #[cfg(feature = "deflate")]
        if let Some(agreed) = response.deflate(connection.config()) {
            let mut connection = connection;
            connection.set_deflate(agreed);
            return Self { connection, response };
        }
        Self { connection, response }
    }
}

#[allow(
    clippy::large_enum_variant,
    reason = "the generator goes on into the connection: a box would be one more allocation"
)]
enum State {
    Done,
    Failed(HandshakeError),
    Reading(StdRng),
    Refused(Refusal),
}

/// Says nothing of the generator.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("Done"),
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            Self::Reading(_) => f.write_str("Reading"),
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal.response()).finish(),
        }
    }
}

/// Returns the key that a seed makes, and the generator of what follows it.
pub(super) fn key(seed: [u8; 32]) -> (Key, StdRng) {
    let mut rng = StdRng::from_seed(seed);
    let mut nonce = [0; 16];
    rng.fill_bytes(&mut nonce);
    (Key::new(nonce), rng)
}

/// Checks a response with status 101, by the steps of RFC 6455 §4.1.
pub(super) fn check(
    response: &Response,
    accept: &[u8; 28],
    offer: &Offer,
    config: &Config,
) -> Result<(), HandshakeError> {
    let headers = response.headers();
    if !matches!(only(headers.values("Upgrade")), Some(value) if value.eq_ignore_ascii_case(b"websocket"))
    {
        return Err(HandshakeError::InvalidUpgrade);
    }
    if !headers.elements("Connection").any(|token| token.eq_ignore_ascii_case(b"Upgrade")) {
        return Err(HandshakeError::InvalidConnection);
    }
    if only(headers.values("Sec-WebSocket-Accept")) != Some(accept) {
        return Err(HandshakeError::InvalidAccept);
    }
    offer.check(response, config)
}

/// The only element, if there is one and no other.
fn only<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    // 6455-1.2-01, 6455-4.1-59, 6455-4.1-68
    #[test]
    fn sample_of_the_standard() {
        let sample = || {
            let request = ClientRequest::new("ws://server.example.com/chat").unwrap();
            let request = request.subprotocol("chat").and_then(|r| r.subprotocol("superchat"));
            let mut handshake = ClientHandshake::new(request.unwrap(), Config::default(), [0; 32]);
            handshake.accept = Key::new(*b"the sample nonce").accept();
            handshake
        };
        let response = *b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
            Sec-WebSocket-Protocol: chat\r\n\r\n";
        let established = sample().receive(&mut Input::new(&mut response.clone()));
        assert_eq!(established.unwrap().unwrap().response.subprotocol(), Some("chat"));
        // Of the key as characters, not of the bytes that it stands for.
        let decoded = *b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: BXhwxM0SZasKmCD9S4BfpPmCnEw=\r\n\r\n";
        let result = sample().receive(&mut Input::new(&mut decoded.clone()));
        assert_eq!(result.unwrap_err(), HandshakeError::InvalidAccept);
    }
}
