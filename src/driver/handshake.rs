//! The driver of an opening handshake, and of its refusal.

use alloc::{sync::Arc, vec::Vec};
use core::{convert::Infallible, fmt, time::Duration};

use super::{
    Driver, Error, Reads, Step, Writes,
    inbox::Inbox,
    intake::Intake,
    outlet::{Outgoing, Outlet, Queue},
};
use crate::{
    config::Config,
    connection::Transport,
    handshake::{
        ClientHandshake, ClientRequest, Established, HandshakeError, Rejection, Request,
        ServerHandshake, Upgrade,
    },
    input::Input,
    output::Output,
    time::Instant,
};

/// Drives an opening handshake over any transport, or the response that refuses one; or the handshake
/// with a proxy before it.
///
/// [`next`](Self::next) says what to do, as [`Driver::next`] does; report the outcome with the same methods.
/// Then a [`Driver`] drives what [`finish`](Self::finish) returns.
///
/// It answers a request that is not valid. Then it shuts down the write side and reads from the peer until
/// its end, so that a reset does not lose the response (RFC 9112 §9.6). A client shuts down a stream on which
/// no connection was opened. Both take at most [`Config::close_timeout`] more.
///
/// ```
/// use framewise::{Config, driver::{HandshakeDriver, Reads as _, Step, Writes as _}};
/// use framewise::{handshake::Acceptance, time::Instant};
///
/// let mut driver = HandshakeDriver::server(Config::default());
/// assert_eq!(driver.next(), Ok(Step::Time));
/// driver.time(Instant::ORIGIN);
/// assert_eq!(driver.next(), Ok(Step::Read));
/// let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// driver.empty_buffer().extend_from_slice(request);
/// driver.read(request.len());
/// assert_eq!(driver.next(), Ok(Step::Ready));
/// let (upgrade, unread) = driver.finish().expect("it is ready");
/// let connection = upgrade.accept(Acceptance::new())?;
/// let driver = framewise::driver::Driver::with_unread(connection, unread);
/// # Ok::<(), framewise::handshake::AcceptError>(())
/// ```
pub struct HandshakeDriver<H: Opening> {
    opening: H,
    intake: Intake,
    outlet: Outlet,
    close_timeout: Option<Duration>,
    // When a transport that is being closed is given up; set when the time is first told then.
    until: Option<Instant>,
    // Changes responses that the handshake writes itself.
    stamp: Option<fn(Rejection) -> Rejection>,
    phase: Phase<H>,
}

enum Phase<H: Opening> {
    Opening,
    Done(H::Done),
    /// The response is written, and the peer is read from until it ends.
    Refusing(Option<H::Error>),
    /// The transport is shut down.
    Leaving(Option<H::Error>),
    Ended(Option<H::Error>),
}

/// Bytes that followed an opening handshake: the first frames.
///
/// ```
/// use framewise::{Config, Connection, driver::{Driver, Unread}};
///
/// let unread = Unread::from(b"\x81\x82\x00\x00\x00\x00hi".to_vec());
/// let mut driver = Driver::with_unread(Connection::server(Config::default()), unread);
/// assert!(driver.batch().next().is_some());
/// ```
#[derive(Debug, Default)]
pub struct Unread {
    pub(super) inbox: Inbox,
}

impl From<Vec<u8>> for Unread {
    fn from(bytes: Vec<u8>) -> Self {
        Self { inbox: Inbox::from_bytes(bytes) }
    }
}

impl Unread {
    /// Returns the bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.inbox.unread()
    }
}

impl HandshakeDriver<ServerHandshake> {
    /// Waits for a request to open a connection. Any other request is answered here.
    pub fn server(config: impl Into<Arc<Config>>) -> Self {
        let config = config.into();
        let close_timeout = config.close_timeout;
        Self::new(ServerHandshake::new(config), close_timeout)
    }
}

impl HandshakeDriver<RequestHandshake> {
    /// Waits for any HTTP/1.x request, for a program that also answers plain ones, such as health
    /// checks. What is not a request at all is answered here.
    pub fn request(config: impl Into<Arc<Config>>) -> Self {
        let config = config.into();
        let close_timeout = config.close_timeout;
        Self::new(RequestHandshake(ServerHandshake::new(config)), close_timeout)
    }

    /// Replaces [`Config::handshake_timeout`] by what is left of it, for a transport that has had a
    /// handshake of its own.
    #[cfg(feature = "std")]
    pub(crate) fn with_limit(mut self, limit: Option<Duration>) -> Self {
        self.opening.0.set_limit(limit);
        self
    }
}

impl<H: Opening> HandshakeDriver<H> {
    /// Passes the responses to requests that are not valid through `stamp` before they are written. It can
    /// add a `Date`, which HTTP asks of servers with a clock (RFC 9110 §6.6.1).
    #[must_use]
    pub fn stamp(mut self, stamp: fn(Rejection) -> Rejection) -> Self {
        self.stamp = Some(stamp);
        self
    }
}

impl HandshakeDriver<ClientHandshake> {
    /// Sends a request.
    ///
    /// The seed must be unpredictable and used once; see [`ClientHandshake::new`].
    pub fn client(request: ClientRequest, config: impl Into<Arc<Config>>, seed: [u8; 32]) -> Self {
        let config = config.into();
        let close_timeout = config.close_timeout;
        Self::new(ClientHandshake::new(request, config, seed), close_timeout)
    }

    /// Replaces [`Config::handshake_timeout`] by what is left of it, for a transport that has had a
    /// handshake of its own.
    #[cfg(feature = "std")]
    pub(crate) fn with_limit(mut self, limit: Option<Duration>) -> Self {
        self.opening.set_limit(limit);
        self
    }
}

impl HandshakeDriver<Refusal> {
    /// Sends a response that refuses a request, at most for [`Config::close_timeout`]. It is what
    /// [`Upgrade::reject`] or [`Request::respond`] returns.
    ///
    /// [`next`](Self::next) returns [`Ended`](Step::Ended) when the peer has read it and left.
    pub fn refusal(output: Output, config: &Config) -> Self {
        let mut driver = Self::new(Refusal { output }, config.close_timeout);
        driver.phase = Phase::Refusing(None);
        driver
    }
}

impl<H: Opening> HandshakeDriver<H> {
    pub(crate) fn new(opening: H, close_timeout: Option<Duration>) -> Self {
        Self {
            opening,
            intake: Intake::default(),
            outlet: Outlet::default(),
            close_timeout,
            until: None,
            stamp: None,
            phase: Phase::Opening,
        }
    }

    /// Returns what to do next: [`Ready`](Step::Ready) when the handshake is done and
    /// [`finish`](Self::finish) has what came of it, [`Ended`](Step::Ended) when a refusal was sent.
    ///
    /// # Errors
    ///
    /// Why the handshake failed, once the peer has been answered and the transport was shut down.
    /// For a refusal, [`Error::GaveUp`] when the peer did not take it in time, and [`Error::Lost`]
    /// when a write failed.
    #[allow(clippy::should_implement_trait, reason = "it is no iterator: it never ends")]
    pub fn next(&mut self) -> Result<Step, H::Error> {
        loop {
            match &self.phase {
                Phase::Opening | Phase::Refusing(_) | Phase::Leaving(_) => {}
                // A server that does not wait for the end of the request gets it first.
                Phase::Done(_) if self.opening.has_output() => {}
                Phase::Done(_) => return Ok(Step::Ready),
                Phase::Ended(Some(error)) => return Err(error.clone()),
                Phase::Ended(None) => return H::lost(&mut self.outlet).map(|()| Step::Ended),
            }
            let opening = matches!(self.phase, Phase::Opening);
            // Before reading: what comes after the deadline is late.
            if opening && !self.intake.told_time {
                return Ok(Step::Time);
            }
            let written = match self.outlet.next(&mut self.opening) {
                Outgoing::Do(step) => return Ok(step),
                Outgoing::Done => true,
                Outgoing::Wait => false,
            };
            if written && matches!(self.phase, Phase::Refusing(_) | Phase::Leaving(_)) {
                if let Some(step) = self.outlet.shut_down(Transport::ShutdownWrite) {
                    return Ok(step);
                }
                let left = matches!(self.phase, Phase::Leaving(_)) && self.outlet.is_over();
                if left || self.outlet.has_lost(&mut self.opening) {
                    self.end();
                    continue;
                }
            }
            if !self.intake.told_time {
                return Ok(Step::Time);
            }
            let reads = match self.phase {
                // A server may refuse before it has read all of a request.
                Phase::Opening => written || !H::ANSWERS,
                // All is written before reading: an early end would cut a response.
                Phase::Refusing(_) => written,
                Phase::Done(_) | Phase::Leaving(_) | Phase::Ended(_) => false,
            };
            if reads && !self.intake.pending {
                return Ok(Step::Read);
            }
            self.intake.inbox.release();
            return Ok(Step::Wait(self.intake.deadline));
        }
    }

    /// Returns what the handshake led to, and the bytes that followed it: once, after
    /// [`next`](Self::next) has returned [`Ready`](Step::Ready).
    pub fn finish(&mut self) -> Option<(H::Done, Unread)> {
        match core::mem::replace(&mut self.phase, Phase::Ended(None)) {
            Phase::Done(done) => {
                let mut inbox = core::mem::take(&mut self.intake.inbox);
                inbox.release();
                Some((done, Unread { inbox }))
            }
            phase => {
                self.phase = phase;
                None
            }
        }
    }

    /// Returns whether the server has refused the request with a response of its own.
    ///
    /// It may do so before it has read all of a request, and then fail what is still being written. A
    /// binding to which that happens calls [`next`](Self::next) once more.
    pub fn is_refused(&self) -> bool {
        match &self.phase {
            Phase::Leaving(Some(error)) | Phase::Ended(Some(error)) => H::is_refusal(error),
            _ => false,
        }
    }

    /// Lets everything that is pending be tried again.
    pub fn resume(&mut self) {
        self.intake.resume();
        self.outlet.resume();
    }

    fn fail(&mut self, error: H::Error) {
        self.intake.told_time = false;
        if let Some(stamp) = self.stamp {
            self.opening.stamp(&error, stamp);
        }
        if H::ANSWERS {
            self.phase = Phase::Refusing(Some(error));
        } else {
            // Do not wait for the rest of a request.
            self.outlet.give_up(&mut self.opening);
            self.phase = Phase::Leaving(Some(error));
        }
    }

    fn end(&mut self) {
        let phase = core::mem::replace(&mut self.phase, Phase::Ended(None));
        if let Phase::Refusing(error) | Phase::Leaving(error) | Phase::Ended(error) = phase {
            self.phase = Phase::Ended(error);
        }
    }
}

impl HandshakeDriver<ClientHandshake> {
    /// Returns a driver for the connection that was opened, with the server's response; `None` unless
    /// [`next`](Self::next) has returned [`Ready`](Step::Ready).
    pub fn into_driver(mut self) -> Option<(Driver, crate::handshake::Response)> {
        let (established, unread) = self.finish()?;
        Some((Driver::with_unread(established.connection, unread), established.response))
    }
}

#[allow(private_interfaces, reason = "sealed: the parts are the crate's own")]
impl<H: Opening> Reads for HandshakeDriver<H> {
    fn intake(&mut self) -> &mut Intake {
        &mut self.intake
    }

    fn read(&mut self, len: usize) {
        self.intake.count();
        match &self.phase {
            Phase::Opening if len == 0 => {
                self.intake.told_time = false;
                self.phase = Phase::Leaving(Some(self.opening.receive_eof()));
            }
            Phase::Opening => {
                self.intake.inbox.filled(len);
                let inbox = &mut self.intake.inbox;
                let mut input = Input::new(inbox.unread_mut());
                let received = self.opening.receive(&mut input);
                inbox.unread = input.len();
                match received {
                    Ok(None) => {}
                    Ok(Some(done)) => self.phase = Phase::Done(done),
                    Err(error) => self.fail(error),
                }
            }
            Phase::Refusing(_) if len == 0 => self.end(),
            _ => {}
        }
    }

    fn read_failed<E>(&mut self, error: E, _unexpected_eof: bool) -> Result<(), E> {
        if let Phase::Opening = self.phase {
            // What has come of a refusal says more than a reset behind it, but may not be all of it.
            self.opening.cut();
            let end = self.opening.receive_eof();
            if !H::is_refusal(&end) {
                self.phase = Phase::Ended(Some(end));
                return Err(error);
            }
            self.fail(end);
        } else {
            self.end();
        }
        Ok(())
    }

    fn time(&mut self, now: Instant) {
        if let Phase::Opening = self.phase
            && let Err(error) = self.opening.handle_timeout(now)
        {
            self.fail(error);
        }
        let deadline = self.deadline(now);
        if deadline.is_some_and(|deadline| deadline <= now) {
            self.outlet.abandon(&mut self.opening);
            self.end();
        }
        self.intake.tell(deadline);
    }

    fn deadline(&mut self, now: Instant) -> Option<Instant> {
        match self.phase {
            Phase::Opening => self.opening.poll_timeout(now),
            Phase::Done(_) if !self.opening.has_output() => None,
            Phase::Done(_) | Phase::Refusing(_) | Phase::Leaving(_) => {
                let timeout = self.close_timeout?;
                Some(*self.until.get_or_insert(now + timeout))
            }
            Phase::Ended(_) => None,
        }
    }
}

#[allow(private_interfaces, reason = "sealed: the parts are the crate's own")]
impl<H: Opening> Writes for HandshakeDriver<H> {
    type Queue = H;

    fn outlet(&mut self) -> (&mut Outlet, &mut H) {
        self.outlet.reports = match &self.phase {
            Phase::Opening => true,
            Phase::Refusing(error) => error.is_none(),
            Phase::Done(_) | Phase::Leaving(_) | Phase::Ended(_) => false,
        };
        (&mut self.outlet, &mut self.opening)
    }
}

/// What a [`HandshakeDriver`] drives: [`ServerHandshake`], [`ClientHandshake`], [`Refusal`] or
/// [`ProxyHandshake`](crate::client::ProxyHandshake).
#[allow(private_interfaces, private_bounds, reason = "sealed: implemented here only")]
pub trait Opening: Queue + Sized {
    /// What it leads to.
    type Done;
    /// How it can fail.
    type Error: Clone;

    #[doc(hidden)]
    const ANSWERS: bool;

    #[doc(hidden)]
    fn receive(&mut self, input: &mut Input<'_>) -> Result<Option<Self::Done>, Self::Error>;
    #[doc(hidden)]
    fn receive_eof(&mut self) -> Self::Error;
    #[doc(hidden)]
    fn cut(&mut self) {}
    #[doc(hidden)]
    fn poll_timeout(&mut self, now: Instant) -> Option<Instant>;
    #[doc(hidden)]
    fn handle_timeout(&mut self, now: Instant) -> Result<(), Self::Error>;
    #[doc(hidden)]
    fn stamp(&mut self, _: &Self::Error, _: fn(Rejection) -> Rejection) {}
    #[doc(hidden)]
    fn is_refusal(_: &Self::Error) -> bool {
        false
    }
    #[doc(hidden)]
    fn lost(_: &mut Outlet) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// A response that refuses a request; see [`HandshakeDriver::refusal`].
#[derive(Debug)]
pub struct Refusal {
    output: Output,
}

impl Opening for Refusal {
    type Done = Infallible;
    type Error = Error;

    const ANSWERS: bool = true;

    fn receive(&mut self, _: &mut Input<'_>) -> Result<Option<Infallible>, Error> {
        Ok(None)
    }

    fn receive_eof(&mut self) -> Error {
        Error::Lost
    }

    fn poll_timeout(&mut self, _: Instant) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _: Instant) -> Result<(), Error> {
        Ok(())
    }

    fn lost(outlet: &mut Outlet) -> Result<(), Error> {
        outlet.tell()
    }
}

impl Queue for Refusal {
    fn output(&mut self) -> &mut Output {
        &mut self.output
    }
}

/// A server that takes any request; see [`HandshakeDriver::request`].
#[derive(Debug)]
pub struct RequestHandshake(ServerHandshake);

macro_rules! impl_opening {
    ($handshake:ty => $done:ty, $answers:tt, $this:ident => $inner:expr, $receive:ident) => {
        #[allow(private_interfaces, reason = "sealed: implemented here only")]
        impl Opening for $handshake {
            type Done = $done;
            type Error = HandshakeError;

            const ANSWERS: bool = $answers;

            fn receive(&mut self, input: &mut Input<'_>) -> Result<Option<$done>, HandshakeError> {
                let $this = self;
                $inner.$receive(input)
            }

            fn receive_eof(&mut self) -> HandshakeError {
                let $this = self;
                $inner.receive_eof()
            }

            fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
                let $this = self;
                $inner.poll_timeout(now)
            }

            fn handle_timeout(&mut self, now: Instant) -> Result<(), HandshakeError> {
                let $this = self;
                $inner.handle_timeout(now)
            }

            fn is_refusal(error: &HandshakeError) -> bool {
                matches!(error, HandshakeError::Rejected(_))
            }

            impl_opening!(@role $answers, $this => $inner);
        }

        impl Queue for $handshake {
            fn output(&mut self) -> &mut Output {
                let $this = self;
                $inner.output()
            }
        }
    };
    (@role true, $this:ident => $inner:expr) => {
        fn stamp(&mut self, error: &HandshakeError, stamp: fn(Rejection) -> Rejection) {
            let $this = self;
            if let Some(rejection) = error.rejection() {
                $inner.answer(&stamp(rejection));
            }
        }
    };
    (@role false, $this:ident => $inner:expr) => {
        fn cut(&mut self) {
            let $this = self;
            $inner.cut();
        }
    };
}

impl_opening!(ClientHandshake => Established, false, this => this, receive);
impl_opening!(ServerHandshake => Upgrade, true, this => this, receive);
impl_opening!(RequestHandshake => Request, true, this => this.0, receive_request);

impl<H: Opening> fmt::Debug for HandshakeDriver<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandshakeDriver").finish_non_exhaustive()
    }
}
