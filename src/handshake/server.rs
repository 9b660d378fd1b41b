//! The server's side of the opening handshake (RFC 6455 §4.2): octets to a valid request.

use alloc::sync::Arc;
use core::mem;

use super::{
    HandshakeError, Upgrade,
    deadline::Deadline,
    head::{self, Collector, RequestLayout},
    headers::{Headers, Span},
};
use crate::{Config, Input, Output, time::Instant};

/// Reads a client's opening handshake and checks it. What comes of it is an [`Upgrade`].
///
/// The request may arrive in any pieces. A request that is not valid is answered here: `receive`
/// returns the error, and the response is in [`output`](Self::output). After that, or after
/// [`Upgrade::reject`], the stream is to be closed.
///
/// ```
/// use framewise::{
///     Config, Input,
///     handshake::{Acceptance, Rejection, ServerHandshake},
/// };
///
/// let mut request = *b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// let mut input = Input::new(&mut request);
/// let mut handshake = ServerHandshake::new(Config::default());
/// let upgrade = handshake.receive(&mut input)?.expect("the request is complete");
/// assert_eq!(upgrade.resource(), "/chat");
/// let mut connection = upgrade.accept(Acceptance::new())?;
/// // Write the output to the stream, and go on with what is left in `input`.
/// assert!(connection.output().chunk().ends_with(b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ServerHandshake {
    output: Output,
    state: State,
}

impl ServerHandshake {
    /// Waits for a request.
    pub fn new(config: impl Into<Arc<Config>>) -> Self {
        let config = config.into();
        let deadline = Deadline::new(config.handshake_timeout);
        let reading = Reading { config, head: Collector::request(), deadline };
        Self { output: Output::default(), state: State::Reading(reading) }
    }

    /// Takes the request from the input, and returns it when it is complete and valid. What follows
    /// the request stays in the input, for the connection.
    ///
    /// Once the request was returned, or an error, the input is not looked at any more: `Ok(None)`
    /// is returned, or the same error.
    ///
    /// # Errors
    ///
    /// A [`HandshakeError`] whose [`status`](HandshakeError::status) is that of the response in the
    /// output.
    pub fn receive(&mut self, input: &mut Input<'_>) -> Result<Option<Upgrade>, HandshakeError> {
        let reading = match &mut self.state {
            State::Done => return Ok(None),
            State::Failed(error) => return Err(error.clone()),
            State::Reading(reading) => reading,
        };
        let (headers, target) = match reading.read(input) {
            Ok(None) => return Ok(None),
            Ok(Some(request)) => request,
            Err(error) => return Err(self.fail(error)),
        };
        let State::Reading(reading) = mem::replace(&mut self.state, State::Done) else {
            return Ok(None);
        };
        match Upgrade::new(headers, target, reading.config) {
            Ok(upgrade) => Ok(Some(upgrade)),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Takes note of the end of the stream, and returns what it means for the handshake: it failed,
    /// unless it had failed before. Nothing is answered.
    pub fn receive_eof(&mut self) -> HandshakeError {
        if let State::Failed(error) = &self.state {
            return error.clone();
        }
        self.state = State::Failed(HandshakeError::UnexpectedEof);
        HandshakeError::UnexpectedEof
    }

    /// The response to a request that is not valid. It is empty otherwise.
    pub const fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called. The time for the handshake
    /// runs from the first call of one of the two, and it ends when the request was returned.
    pub fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
        match &mut self.state {
            State::Reading(reading) => reading.deadline.poll(now),
            State::Done | State::Failed(_) => None,
        }
    }

    /// Fails the handshake when [`Config::handshake_timeout`](crate::Config::handshake_timeout) has
    /// passed. Calling it early does no harm.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Timeout`]; the response is in the output.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), HandshakeError> {
        match &mut self.state {
            State::Done => Ok(()),
            State::Failed(error) => Err(error.clone()),
            State::Reading(reading) => {
                reading.deadline.handle(now).map_err(|error| self.fail(error))
            }
        }
    }

    fn fail(&mut self, error: HandshakeError) -> HandshakeError {
        if let Some(rejection) = error.rejection() {
            self.output.push_bytes(&rejection.to_bytes());
        }
        self.state = State::Failed(error.clone());
        error
    }
}

#[derive(Debug)]
enum State {
    Done,
    Failed(HandshakeError),
    Reading(Reading),
}

/// A request of which the end has not come.
#[derive(Debug)]
struct Reading {
    /// Goes on into the request.
    config: Arc<Config>,
    head: Collector,
    deadline: Deadline,
}

impl Reading {
    /// Returns the header fields and the target of the request, when it is complete.
    fn read(&mut self, input: &mut Input<'_>) -> Result<Option<(Headers, Span)>, HandshakeError> {
        if self.head.is_fresh()
            && let Some(layout) = self.whole_head(input.as_slice())
        {
            let head = input.take(layout.len).to_vec();
            return layout.into_request(head).map(Some);
        }
        let Some(mut head) = self.head.collect(input, &self.config)? else {
            return Ok(None);
        };
        let mut layout = head::parse_request(&head, self.config.max_headers);
        if matches!(layout, Err(HandshakeError::UnsupportedHttpVersion)) {
            head::lower_request_version(&mut head);
            layout = head::parse_request(&head, self.config.max_headers);
        }
        layout?.ok_or(HandshakeError::InvalidHead)?.into_request(head).map(Some)
    }

    /// Looks for a head that lies whole in the input, which is the most common case and needs no
    /// copy before it is parsed. Everything else goes through the collector, which also finds out
    /// what is wrong.
    fn whole_head(&self, bytes: &[u8]) -> Option<RequestLayout> {
        let bytes = bytes.get(..self.config.max_head_size).unwrap_or(bytes);
        if matches!(bytes.first(), None | Some(b'\r' | b'\n')) {
            return None;
        }
        head::parse_request(bytes, self.config.max_headers).ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Whether the shortcut is taken shows in the work of the collector only.
    #[test]
    fn a_head_that_lies_whole_in_the_input_is_not_collected() {
        let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        for (cut, work) in [(request.len(), 0), (1, request.len())] {
            let mut handshake = ServerHandshake::new(Config::default());
            let State::Reading(reading) = &mut handshake.state else {
                panic!("nothing came yet");
            };
            let mut bytes = *request;
            let (front, back) = bytes.split_at_mut(cut);
            let mut read = reading.read(&mut Input::new(front)).unwrap();
            if read.is_none() {
                read = reading.read(&mut Input::new(back)).unwrap();
            }
            assert!(read.is_some());
            assert_eq!(reading.head.work, work, "cut at {cut}");
        }
    }
}
