//! The response that a client waits for, and its body if it refuses (RFC 9112 §4, §6.3).

use alloc::boxed::Box;

use super::{
    HandshakeError, Response,
    http::{
        body::{Body, Progress},
        head::{self, Collector},
    },
};
use crate::{config::Config, input::Input};

/// Reads the head of a response, and skips those of interim ones in front of it.
#[derive(Debug)]
pub(crate) struct ResponseReader {
    head: Collector,
    interim: u8,
}

impl ResponseReader {
    pub(crate) const fn new() -> Self {
        Self { head: Collector::response(), interim: 0 }
    }

    /// Takes heads from the input up to the first one that is final, or a 101. Its body stays in the
    /// input.
    pub(crate) fn receive(
        &mut self,
        input: &mut Input<'_>,
        config: &Config,
    ) -> Result<Option<Response>, HandshakeError> {
        while let Some(mut head) = self.head.collect(input, config)? {
            let layout = head::parse_response(&mut head, config.max_headers)?;
            match layout.status {
                101 => return Ok(Some(Response::new(head, layout))),
                100..=199 if self.interim == MAX_INTERIM => {
                    return Err(HandshakeError::TooManyInterimResponses);
                }
                100..=199 => {
                    self.interim += 1;
                    self.head = Collector::response();
                }
                _ => return Ok(Some(Response::new(head, layout))),
            }
        }
        Ok(None)
    }
}

/// A response that refuses, with as much of its body as has come.
#[derive(Debug)]
pub(crate) struct Refusal {
    response: Box<Response>,
    body: Body,
    /// Set when the stream was lost.
    cut: bool,
}

impl Refusal {
    pub(crate) fn new(response: Response) -> Self {
        let body = Body::new(response.status(), response.headers());
        Self { response: Box::new(response), body, cut: false }
    }

    /// Takes more of the body from the input. Returns whether it is complete or cannot be read
    /// further.
    pub(crate) fn receive(&mut self, input: &mut Input<'_>) -> bool {
        match self.response.receive_body(&mut self.body, input) {
            Progress::Incomplete => false,
            Progress::Complete | Progress::Cut => true,
        }
    }

    /// Ends the body with the stream.
    pub(crate) const fn receive_eof(&mut self) {
        if !self.cut {
            self.response.receive_eof(&self.body);
        }
    }

    /// Reports that the stream was lost, and did not end: the body may have been longer (RFC 9112 §8).
    pub(crate) const fn cut(&mut self) {
        self.cut = true;
    }

    pub(crate) const fn response(&self) -> &Response {
        &self.response
    }

    pub(crate) fn into_response(self) -> Box<Response> {
        self.response
    }
}

/// How many interim responses are read (RFC 9110 §15.2 sets no limit).
const MAX_INTERIM: u8 = 16;
