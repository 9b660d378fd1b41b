//! Opening one connection after another, in both adapters.

use core::time::Duration;
use std::io::{self, ErrorKind};

use super::{Error, error::is_lookup_failure};
use crate::{client::Backoff, handshake::Response, time::Instant};

/// When the next attempt may begin.
#[derive(Debug)]
pub(crate) struct Pace {
    pub(crate) backoff: Backoff,
    rest: Rest,
    /// Set once a connection was open.
    connected: bool,
    /// Why the last attempt failed. Cleared when a connection is open.
    failure: Option<Error>,
}

#[derive(Debug)]
enum Rest {
    /// There was no attempt before.
    None,
    /// The next attempt has to wait. Set when an attempt begins, so that one that is dropped counts.
    Due,
    Until(Instant),
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { backoff: Backoff::new(), rest: Rest::None, connected: false, failure: None }
    }

    /// Returns how long to wait before the next attempt.
    ///
    /// # Errors
    ///
    /// Why the last attempt failed, when no attempt is left.
    pub(crate) fn rest(&mut self, now: Instant, random: u64) -> Result<Duration, Error> {
        if let Rest::Due = self.rest {
            let Some(delay) = self.backoff.next_delay(now, random) else {
                return Err(self.failure.take().unwrap_or_else(exhausted));
            };
            self.rest = Rest::Until(now + delay);
        }
        match self.rest {
            Rest::Until(until) => Ok(until - now),
            Rest::None | Rest::Due => Ok(Duration::ZERO),
        }
    }

    /// Begins anew.
    pub(crate) fn reset(&mut self) {
        self.backoff.reset();
        self.rest = Rest::None;
    }

    /// An attempt begins.
    pub(crate) fn begin(&mut self) {
        self.rest = Rest::Due;
    }

    /// The attempt has opened a connection.
    pub(crate) fn opened(&mut self, now: Instant) {
        self.backoff.connected(now);
        self.connected = true;
        self.failure = None;
    }

    /// The attempt has failed.
    ///
    /// # Errors
    ///
    /// The same error, unless another attempt may succeed.
    pub(crate) fn failed(&mut self, error: Error) -> Result<(), Error> {
        // A host that was found before is found again once the network is back.
        let transient = error.is_transient() || (self.connected && is_lookup_failure(&error));
        if !transient {
            return Err(error);
        }
        let response = match &error {
            Error::Handshake(error) => error.response(),
            Error::Proxy(error) => error.response(),
            _ => None,
        };
        if let Some(delay) = response.and_then(Response::retry_after) {
            self.backoff.retry_after(delay);
        }
        self.failure = Some(error);
        Ok(())
    }
}

fn exhausted() -> Error {
    let text = "no attempt to connect is left: the connections before ended too soon";
    Error::Io(io::Error::new(ErrorKind::ConnectionAborted, text))
}

/// Defines `Reconnect` for an adapter.
macro_rules! reconnect {
    ($(#[$docs:meta])*; $clock:ty, $pause:ident $(, $async:tt, $await:tt)?) => {
        $(#[$docs])*
        #[derive(Debug)]
        pub struct Reconnect {
            connector: Connector,
            request: ClientRequest,
            config: Arc<Config>,
            clock: $clock,
            pace: Pace,
        }

        impl Reconnect {
            /// Makes one for a request, with the defaults of a [`Connector`] and a [`Backoff`].
            ///
            /// # Errors
            ///
            /// [`Error::Request`] for a text that is no WebSocket URI.
            pub fn new(
                request: impl TryInto<ClientRequest, Error: Into<Error>>,
                config: impl Into<Arc<Config>>,
            ) -> Result<Self, Error> {
                Ok(Self {
                    connector: Connector::new(),
                    request: request.try_into().map_err(Into::into)?,
                    config: config.into(),
                    clock: <$clock>::start(),
                    pace: Pace::new(),
                })
            }

            /// Sets how connections are opened.
            #[must_use]
            pub fn connector(mut self, connector: Connector) -> Self {
                self.connector = connector;
                self
            }

            /// Sets how long to wait between attempts, and how many there are.
            #[must_use]
            pub fn backoff(mut self, backoff: Backoff) -> Self {
                self.pace.backoff = backoff;
                self
            }

            /// Sets the request of the attempts from now on, for instance with a new token.
            ///
            /// # Errors
            ///
            /// [`Error::Request`] for a text that is no WebSocket URI.
            pub fn set_request(
                &mut self,
                request: impl TryInto<ClientRequest, Error: Into<Error>>,
            ) -> Result<(), Error> {
                self.request = request.try_into().map_err(Into::into)?;
                Ok(())
            }

            /// Resets the delays and the attempt count: the next attempt begins at once. For a device that
            /// has a network again, for instance.
            pub fn reset(&mut self) {
                self.pace.reset();
            }

            /// Opens a connection: the first one at once, each later one after a wait.
            ///
            /// Attempts that fail are repeated if [another one may succeed](Error::is_transient). After a
            /// connection was open once, so are failed lookups of the host. If the response of the server or
            /// the proxy has a `Retry-After` ([`Response::retry_after`]), the next attempt waits at least as
            /// long, up to [`Backoff::max_retry_after`].
            ///
            /// # Errors
            ///
            /// Those of [`connect_with`] that another attempt would not change, and the last one of any
            /// kind when the [`Backoff`] allows no other attempt. Call again to try again all the same, after
            /// a wait; when no attempt is left, [`reset`](Self::reset) first.
            pub $($async)? fn connect(
                &mut self,
            ) -> Result<(WebSocket<ClientStream>, Response), Error> {
                loop {
                    let random = random_u64()?;
                    let wait = self.pace.rest(self.clock.now(), random)?;
                    if !wait.is_zero() {
                        $pause(wait)$(.$await)?;
                    }
                    self.pace.begin();
                    let config = Arc::clone(&self.config);
                    let opened = connect_with(&self.connector, &self.request, config)$(.$await)?;
                    match opened {
                        Ok(opened) => {
                            self.pace.opened(self.clock.now());
                            return Ok(opened);
                        }
                        Err(error) => self.pace.failed(error)?,
                    }
                }
            }
        }
    };
}

pub(crate) use reconnect;
