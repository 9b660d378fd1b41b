//! The server's side of the opening handshake (RFC 6455 §4.2): bytes to a valid request.

use alloc::{sync::Arc, vec::Vec};
use core::mem;
#[cfg(feature = "std")]
use core::time::Duration;

use super::{
    HandshakeError, Rejection, Request, Upgrade,
    deadline::Deadline,
    http::head::{self, Collector, RequestLayout},
};
use crate::{config::Config, input::Input, output::Output, time::Instant};

/// Reads a client's opening handshake, checks it, and returns an [`Upgrade`].
///
/// The request may arrive in any pieces. The machine answers a request that is not valid:
/// [`receive`](Self::receive) returns the error, and the response is in [`output`](Self::output),
/// unless [`answer`](Self::answer) replaces it. After that, or after [`Upgrade::reject`], the stream
/// has to be closed.
///
/// To answer plain HTTP requests such as health checks, call
/// [`receive_request`](Self::receive_request) instead of `receive`.
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
/// // Write the output to the stream, and go on with the rest of `input`.
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

    /// Replaces the configured timeout by what is left of it.
    #[cfg(feature = "std")]
    pub(crate) fn set_limit(&mut self, limit: Option<Duration>) {
        if let State::Reading(reading) = &mut self.state {
            reading.deadline = Deadline::after(limit);
        }
    }

    /// Takes the request from the input. Returns it when it is complete and valid, and `None` while more is
    /// needed. Bytes that follow the request stay in the input, for the connection.
    ///
    /// After it has returned the request or an error, this ignores the input: it returns `Ok(None)`,
    /// or the same error again.
    ///
    /// # Errors
    ///
    /// A [`HandshakeError`] whose [`status`](HandshakeError::status) is that of the response in the
    /// output.
    pub fn receive(&mut self, input: &mut Input<'_>) -> Result<Option<Upgrade>, HandshakeError> {
        let Some(request) = self.receive_request(input)? else { return Ok(None) };
        match request.upgrade() {
            Ok(upgrade) => Ok(Some(upgrade)),
            Err(refused) => Err(self.fail(refused.error, refused.request.is_head())),
        }
    }

    /// Takes any HTTP/1.x request from the input, as [`receive`](Self::receive) does, and leaves it
    /// to the program to [upgrade](Request::upgrade) or [answer](Request::respond) it. A body that
    /// follows the request stays in the input, and is not for the program to read.
    ///
    /// # Errors
    ///
    /// A [`HandshakeError`] whose [`status`](HandshakeError::status) is that of the response in the
    /// output, when the head is not a valid one:
    ///
    /// - [`InvalidHead`](HandshakeError::InvalidHead) (RFC 9112 §2 to §5),
    /// - [`HeadTooLarge`](HandshakeError::HeadTooLarge),
    ///   [`TargetTooLong`](HandshakeError::TargetTooLong) and
    ///   [`TooManyHeaders`](HandshakeError::TooManyHeaders),
    /// - [`UnsupportedHttpVersion`](HandshakeError::UnsupportedHttpVersion), when it is not 1.x.
    #[inline]
    pub fn receive_request(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<Request>, HandshakeError> {
        let reading = match &mut self.state {
            State::Done => return Ok(None),
            State::Failed(failure) => return Err(failure.error.clone()),
            State::Reading(reading) => reading,
        };
        let (head, layout) = match reading.read(input) {
            Ok(None) => return Ok(None),
            Ok(Some(request)) => request,
            Err(error) => return Err(self.fail(error, false)),
        };
        let State::Reading(reading) = mem::replace(&mut self.state, State::Done) else {
            return Ok(None);
        };
        Ok(Some(Request::new(head, layout, reading.config)))
    }

    /// Replaces the response to a failed request, before it is written: to add `Date` or other
    /// headers, or a body. Returns whether it did.
    ///
    /// `false`, and nothing changes, unless the handshake has failed with an error that has a
    /// [`status`](HandshakeError::status), and nothing of the response was taken from the output.
    ///
    /// ```
    /// use framewise::{Config, Input, handshake::ServerHandshake};
    ///
    /// let mut buf = *b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
    /// let mut handshake = ServerHandshake::new(Config::default());
    /// let error = handshake.receive(&mut Input::new(&mut buf)).unwrap_err();
    /// if let Some(rejection) = error.rejection() {
    ///     // By the program's clock, as RFC 9110 §5.6.7 writes it.
    ///     handshake.answer(&rejection.header("Date", "Sun, 06 Nov 1994 08:49:37 GMT")?);
    /// }
    /// assert!(handshake.output().chunk().starts_with(b"HTTP/1.1 426 Upgrade Required\r\n"));
    /// # Ok::<(), framewise::handshake::HeaderError>(())
    /// ```
    pub fn answer(&mut self, rejection: &Rejection) -> bool {
        let State::Failed(failure) = &mut self.state else { return false };
        if failure.error.status().is_none() || self.output.len() != failure.response_len {
            return false;
        }
        self.output = Output::default();
        self.output.push_bytes(&match failure.head_only {
            true => rejection.write(true),
            false => rejection.to_bytes(),
        });
        failure.response_len = self.output.len();
        true
    }

    /// Reports the end of the stream, and returns what it means for the handshake: the same error
    /// again if it has failed before, else [`HandshakeError::UnexpectedEof`]. Nothing is answered.
    pub fn receive_eof(&mut self) -> HandshakeError {
        if let State::Failed(failure) = &self.state {
            return failure.error.clone();
        }
        self.fail(HandshakeError::UnexpectedEof, false)
    }

    /// Returns the response to a request that is not valid. It is empty otherwise.
    pub const fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout). The time runs from the first
    /// call of one of the two until the request or an error is returned.
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
            State::Failed(failure) => Err(failure.error.clone()),
            State::Reading(reading) => {
                reading.deadline.handle(now).map_err(|error| self.fail(error, false))
            }
        }
    }

    fn fail(&mut self, error: HandshakeError, head_only: bool) -> HandshakeError {
        if let Some(rejection) = error.rejection() {
            self.output.push_bytes(&rejection.to_bytes());
        }
        let response_len = self.output.len();
        self.state = State::Failed(Failure { error: error.clone(), response_len, head_only });
        error
    }
}

#[derive(Debug)]
enum State {
    Done,
    Failed(Failure),
    Reading(Reading),
}

/// A failure, and what is in the output.
#[derive(Debug)]
struct Failure {
    error: HandshakeError,
    /// How many bytes the response has.
    response_len: usize,
    /// Set when the method is known to be HEAD.
    head_only: bool,
}

/// An incomplete request.
#[derive(Debug)]
struct Reading {
    /// Goes on into the request.
    config: Arc<Config>,
    head: Collector,
    deadline: Deadline,
}

impl Reading {
    /// Returns the head of the request and the places in it, when it is complete.
    fn read(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<(Vec<u8>, RequestLayout)>, HandshakeError> {
        if self.head.is_fresh()
            && let Some(layout) = self.whole_head(input.as_slice())
        {
            let head = input.take(layout.len).to_vec();
            return Ok(Some((head, layout)));
        }
        let Some(mut head) = self.head.collect(input, &self.config)? else {
            return Ok(None);
        };
        let mut layout = head::parse_request(&head, self.config.max_headers);
        if matches!(layout, Err(HandshakeError::UnsupportedHttpVersion)) {
            head::lower_request_version(&mut head);
            layout = head::parse_request(&head, self.config.max_headers);
        }
        let layout = layout?.ok_or(HandshakeError::InvalidHead)?;
        Ok(Some((head, layout)))
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
