//! How clients open connections, whatever moves the bytes.

use alloc::{sync::Arc, vec::Vec};
use core::{net::SocketAddr, time::Duration};
use std::io::{self, ErrorKind};

use super::{
    AddressRace, Attempt, ConnectGate, Destination, Proxy, ProxyServer, RedirectError, Redirects,
    Turn,
};
#[cfg(feature = "rustls")]
use crate::tls::{ClientTls, TlsError};
use crate::{
    config::{Config, if_on},
    handshake::{ClientRequest, HandshakeError, Uri},
    time::Instant,
};

/// How the adapters' `connect_with` opens a connection: through which proxy, with which TLS, to which
/// addresses. It can be used any number of times.
///
/// | | by default | set with |
/// |---|---|---|
/// | TLS of a `wss` URI | the roots of the system, else those of Mozilla, by feature | `tls` (feature `rustls`) |
/// | proxy | none | [`proxy`](Self::proxy) |
/// | redirects | not followed | [`redirects`](Self::redirects) |
/// | addresses | those that the system finds for the host | [`resolve_to`](Self::resolve_to) |
/// | next address | after 250 ms | [`attempt_delay`](Self::attempt_delay) |
/// | several clients at once | not limited | [`gate`](Self::gate) |
///
/// [`Config::handshake_timeout`] bounds all of it together, redirects included. See
/// `tokio::connect_with` and `blocking::connect_with` for what each does at its end.
///
/// ```no_run
/// # #[cfg(feature = "connect")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use framewise::{Config, blocking};
/// use framewise::client::{Connector, Proxy};
///
/// let connector = Connector::new().proxy(Proxy::from_env()?).redirects(5);
/// let (mut websocket, _response) =
///     blocking::connect_with(&connector, "ws://127.0.0.1:9001/", Config::default())?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "connect"))]
/// # fn main() {}
/// ```
#[derive(Clone, Debug)]
pub struct Connector {
    pub(crate) gate: Option<ConnectGate>,
    attempt_delay: Option<Duration>,
    addresses: Option<Arc<[SocketAddr]>>,
    proxy: Option<Arc<Proxy>>,
    redirects: u8,
    #[cfg(feature = "rustls")]
    tls: Option<ClientTls>,
}

impl Connector {
    /// Makes a connector with the defaults: no proxy, no redirects, no gate.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            gate: None,
            attempt_delay: Some(AddressRace::ATTEMPT_DELAY),
            addresses: None,
            proxy: None,
            redirects: 0,
            #[cfg(feature = "rustls")]
            tls: None,
        }
    }

    /// Sets the roots, and perhaps the certificate, of the TLS of `wss` URIs. A redirect to another origin
    /// does not take the certificate along.
    ///
    /// ```
    /// # #[cfg(feature = "rustls-webpki-roots")]
    /// # fn main() -> Result<(), framewise::Error> {
    /// use framewise::{client::Connector, tls::ClientTls};
    ///
    /// let connector = Connector::new().tls(ClientTls::webpki_roots()?);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "rustls-webpki-roots"))]
    /// # fn main() {}
    /// ```
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn tls(mut self, tls: impl Into<ClientTls>) -> Self {
        self.tls = Some(tls.into());
        self
    }

    /// Connects through this proxy, except to its [`no_proxy`](Proxy::no_proxy) hosts. It resolves the names
    /// of hosts.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(Arc::new(proxy));
        self
    }

    /// Follows up to `max` redirects for one connection. Without this, a redirect is an error:
    /// [`HandshakeError::Rejected`].
    ///
    /// See [`Redirects`] for where a redirect may lead, and which header fields go with it. The server chooses
    /// the host, which may be one that only this program reaches: do not follow redirects of servers that you
    /// do not trust from within a private network.
    #[must_use]
    pub const fn redirects(mut self, max: u8) -> Self {
        self.redirects = max;
        self
    }

    /// Tries these addresses instead of those that the system finds for the host of the request: the
    /// hook for a resolver of your own. Their ports are used, too.
    ///
    /// The name in the request, and the one that the certificate is checked for, stay that of the URI.
    /// The addresses are not used for the host of a proxy, nor for another host or port that a
    /// redirect leads to.
    ///
    /// ```
    /// use framewise::client::Connector;
    ///
    /// let connector = Connector::new().resolve_to(["192.0.2.7:443".parse()?]);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[must_use]
    pub fn resolve_to(mut self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.addresses = Some(addresses.into_iter().collect());
        self
    }

    /// Takes turns with all clients that share `gate` (RFC 6455 §4.1 item 2).
    ///
    /// An attempt waits for its turn before it opens a TCP connection to an address; if a proxy
    /// resolves the name of the host, before it connects to the proxy, by that name. The turn
    /// lasts until the opening handshake is done or has failed. Waiting counts against no timeout.
    ///
    /// ```
    /// use framewise::client::{ConnectGate, Connector};
    ///
    /// // At most one of the clients that share the gate is in the opening handshake with an address.
    /// let gate = ConnectGate::new();
    /// let connector = Connector::new().gate(&gate);
    /// ```
    #[must_use]
    pub fn gate(mut self, gate: &ConnectGate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// Sets how long to wait for an address before the next one is tried beside it, as
    /// [`AddressRace::attempt_delay`] does. 250 ms by default. With `None` the next address is
    /// tried when one fails.
    #[must_use]
    pub const fn attempt_delay(mut self, delay: Option<Duration>) -> Self {
        self.attempt_delay = delay;
        self
    }

    /// Begins to try addresses, for at most `limit`.
    pub(crate) fn race(&self, addresses: Vec<SocketAddr>, limit: Option<Duration>) -> LimitedRace {
        let race = LimitedRace::new(addresses, self.attempt_delay, limit);
        LimitedRace { gate: self.gate.clone(), ..race }
    }
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}

/// A connection that is being opened: what is asked for, which redirects change, and how much time is
/// left.
#[derive(Debug)]
pub(crate) struct Dial<'c> {
    pub(crate) connector: &'c Connector,
    pub(crate) request: ClientRequest,
    pub(crate) config: Arc<Config>,
    redirects: Redirects,
    /// Whether the host and port are those of the first request.
    original: bool,
    /// Whether all requests had the origin of the first one. Cleared by a redirect to another one, which
    /// takes the client's certificate away.
    #[cfg(feature = "rustls")]
    same_origin: bool,
    /// How long it waited for turns, which counts against no limit.
    waited: Duration,
}

impl<'c> Dial<'c> {
    pub(crate) fn new(
        connector: &'c Connector,
        request: ClientRequest,
        config: Arc<Config>,
    ) -> Self {
        let redirects = Redirects::new(connector.redirects);
        Self {
            connector,
            request,
            config,
            redirects,
            original: true,
            #[cfg(feature = "rustls")]
            same_origin: true,
            waited: Duration::ZERO,
        }
    }

    /// Returns the time that is left when `elapsed` has passed since the beginning; `None` without a
    /// limit.
    pub(crate) fn left(&self, elapsed: Duration) -> Option<Duration> {
        let spent = elapsed.saturating_sub(self.waited);
        if_on(self.config.handshake_timeout).map(|limit| limit.saturating_sub(spent))
    }

    pub(crate) fn uri(&self) -> &Uri {
        self.request.uri()
    }

    /// Returns the proxy to connect to.
    pub(crate) fn proxy(&self) -> Option<&ProxyServer> {
        self.connector.proxy.as_ref().and_then(|proxy| proxy.server_for(self.uri()))
    }

    /// Returns the host that the TCP connection goes to, and the port.
    pub(crate) fn tcp_host(&self) -> (&str, u16) {
        match self.proxy() {
            Some(proxy) => proxy.host_and_port(),
            None => self.uri().host_and_port(),
        }
    }

    /// Returns the addresses that the program has given in place of the host's.
    pub(crate) fn addresses(&self) -> Option<Vec<SocketAddr>> {
        let addresses = self.connector.addresses.as_ref();
        addresses.filter(|_| self.original && self.proxy().is_none()).map(|given| given.to_vec())
    }

    /// Returns the gate, and what it knows this connection by, if that is a name.
    pub(crate) fn named_gate(&self) -> Option<(&ConnectGate, Destination)> {
        let gate = self.connector.gate.as_ref().filter(|_| self.proxy().is_some())?;
        Some((gate, self.uri().host_and_port().into()))
    }

    /// Returns the TLS for the URI, if it needs any.
    #[cfg(feature = "rustls")]
    pub(crate) fn tls(&self) -> Result<Option<ClientTls>, TlsError> {
        match &self.connector.tls {
            _ if !self.uri().is_secure() => Ok(None),
            Some(tls) if self.same_origin => Ok(Some(tls.clone())),
            Some(tls) => Ok(Some(tls.without_client_cert())),
            None => ClientTls::default_roots().map(Some),
        }
    }

    pub(crate) fn waited(&mut self, waited: Duration) {
        self.waited = self.waited.saturating_add(waited);
    }

    /// Begins to try addresses, each in its turn unless the turn is that of a name.
    pub(crate) fn race(&self, addresses: Vec<SocketAddr>, elapsed: Duration) -> LimitedRace {
        let mut race = self.connector.race(addresses, self.left(elapsed));
        race.gate.take_if(|_| self.proxy().is_some());
        race
    }

    /// Returns whether the response that the handshake failed with leads somewhere else, and goes
    /// there.
    ///
    /// # Errors
    ///
    /// Why the redirect is not followed.
    pub(crate) fn follow(&mut self, refused: &HandshakeError) -> Result<bool, RedirectError> {
        let Some(response) = refused.response() else { return Ok(false) };
        let Some(request) = self.redirects.follow(&self.request, response)? else {
            return Ok(false);
        };
        let (old, new) = (self.uri().host_and_port(), request.uri().host_and_port());
        self.original &= old.0.eq_ignore_ascii_case(new.0) && old.1 == new.1;
        #[cfg(feature = "rustls")]
        {
            self.same_origin &= self.uri().is_same_origin(request.uri());
        }
        self.request = request;
        Ok(true)
    }
}

/// A TCP connection, and the right to open a WebSocket connection over it.
#[derive(Debug)]
pub(crate) struct Opened<S> {
    pub(crate) stream: S,
    pub(crate) turn: Option<Turn>,
    /// For how long attempts waited for their turns, those side by side counted once.
    pub(crate) waited: Duration,
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) struct Ended<S> {
    pub(crate) address: SocketAddr,
    pub(crate) result: io::Result<(S, Option<Turn>)>,
    /// How long it waited for its turn.
    pub(crate) waited: Duration,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Start an attempt: wait for a turn, then open a connection within the time given.
    Start(SocketAddr, Option<Duration>),
    /// Wait until an attempt ends, at most for the time given.
    Wait(Option<Duration>),
}

/// An [`AddressRace`] that keeps a time limit and the last failure.
#[derive(Debug)]
pub(crate) struct LimitedRace {
    pub(crate) gate: Option<ConnectGate>,
    /// The address, if there is only one.
    pub(crate) only: Option<SocketAddr>,
    race: AddressRace,
    limit: Option<Duration>,
    /// When each attempt started that has not ended.
    started: Vec<(SocketAddr, Duration)>,
    /// When ended attempts waited for their turns, which counts against no limit.
    waits: Vec<(Duration, Duration)>,
    failure: io::Error,
}

impl LimitedRace {
    fn new(
        addresses: Vec<SocketAddr>,
        attempt_delay: Option<Duration>,
        limit: Option<Duration>,
    ) -> Self {
        let only = addresses.first().copied().filter(|_| addresses.len() == 1);
        let race = AddressRace::new(addresses).attempt_delay(attempt_delay);
        let failure = ErrorKind::NotFound.into();
        let (started, waits) = (Vec::new(), Vec::new());
        Self { gate: None, only, race, limit, started, waits, failure }
    }

    /// Returns what to do when `elapsed` has passed since the beginning.
    ///
    /// # Errors
    ///
    /// The last failure, when no address is left.
    pub(crate) fn next(&mut self, elapsed: Duration) -> io::Result<Next> {
        let now = Instant::from_origin(elapsed);
        loop {
            let address = match self.race.poll(now) {
                Attempt::Exhausted => {
                    return Err(core::mem::replace(&mut self.failure, ErrorKind::NotFound.into()));
                }
                Attempt::Wait(next) => return Ok(Next::Wait(next.map(|next| next - now))),
                Attempt::Start(address) => address,
            };
            let spent = elapsed.saturating_sub(self.waited());
            let left = self.limit.map(|limit| limit.saturating_sub(spent));
            if left != Some(Duration::ZERO) {
                self.started.push((address, elapsed));
                return Ok(Next::Start(address, left));
            }
            self.failed(address, ErrorKind::TimedOut.into());
        }
    }

    /// Returns the connection of an attempt that has ended, if it has one.
    pub(crate) fn ended<S>(&mut self, ended: Ended<S>) -> Option<Opened<S>> {
        if let Some(place) = self.started.iter().position(|(address, _)| *address == ended.address)
        {
            let (_, started) = self.started.swap_remove(place);
            self.waits.push((started, started.saturating_add(ended.waited)));
        }
        match ended.result {
            Ok((stream, turn)) => Some(Opened { stream, turn, waited: self.waited() }),
            Err(error) => {
                self.failed(ended.address, error);
                None
            }
        }
    }

    /// Returns for how long at least one of the ended attempts waited for its turn. Attempts that wait
    /// side by side count once.
    fn waited(&mut self) -> Duration {
        self.waits.sort_unstable();
        let (mut sum, mut counted) = (Duration::ZERO, Duration::ZERO);
        for (from, to) in &self.waits {
            sum = sum.saturating_add(to.saturating_sub(counted.max(*from)));
            counted = counted.max(*to);
        }
        sum
    }

    fn failed(&mut self, address: SocketAddr, error: io::Error) {
        self.race.failed(address);
        self.failure = error;
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn addresses(count: u16) -> Vec<SocketAddr> {
        (1..=count).map(|port| SocketAddr::from(([192, 0, 2, 1], port))).collect()
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn fail(race: &mut LimitedRace, port: u16, kind: ErrorKind, waited: Duration) {
        let address = SocketAddr::from(([192, 0, 2, 1], port));
        let result: io::Result<((), Option<Turn>)> = Err(kind.into());
        assert!(race.ended(Ended { address, result, waited }).is_none());
    }

    fn next(race: &mut LimitedRace, elapsed: Duration) -> alloc::string::String {
        match race.next(elapsed) {
            Ok(Next::Start(address, left)) => format!("start {}, {left:?}", address.port()),
            Ok(Next::Wait(delay)) => format!("wait {delay:?}"),
            Err(error) => format!("{:?}", error.kind()),
        }
    }

    #[test]
    fn all_addresses_share_the_limit() {
        let delay = Some(AddressRace::ATTEMPT_DELAY);
        let mut race = LimitedRace::new(addresses(3), delay, Some(LIMIT));
        assert_eq!(next(&mut race, secs(0)), "start 1, Some(10s)");
        assert_eq!(next(&mut race, secs(0)), "wait Some(250ms)");
        assert_eq!(next(&mut race, AddressRace::ATTEMPT_DELAY), "start 2, Some(9.75s)");
        fail(&mut race, 2, ErrorKind::ConnectionRefused, secs(0));
        assert_eq!(next(&mut race, secs(4)), "start 3, Some(6s)");
        fail(&mut race, 1, ErrorKind::TimedOut, secs(0));
        fail(&mut race, 3, ErrorKind::ConnectionReset, secs(0));
        assert_eq!(next(&mut race, LIMIT), "ConnectionReset", "the last failure");
    }

    #[test]
    fn no_attempt_starts_after_the_limit() {
        let mut race = LimitedRace::new(addresses(30), None, Some(LIMIT));
        assert_eq!(next(&mut race, secs(0)), "start 1, Some(10s)");
        assert_eq!(next(&mut race, secs(0)), "wait None");
        fail(&mut race, 1, ErrorKind::ConnectionRefused, secs(0));
        assert_eq!(next(&mut race, LIMIT), "TimedOut");
    }

    #[test]
    fn waiting_for_a_turn_counts_against_no_limit() {
        let mut race = LimitedRace::new(addresses(3), None, Some(LIMIT));
        assert_eq!(next(&mut race, secs(0)), "start 1, Some(10s)");
        fail(&mut race, 1, ErrorKind::ConnectionRefused, secs(60));
        assert_eq!(next(&mut race, secs(61)), "start 2, Some(9s)");
        fail(&mut race, 2, ErrorKind::ConnectionRefused, secs(3600));
        assert_eq!(next(&mut race, secs(3663)), "start 3, Some(7s)");
    }

    // Seven that wait for the same three seconds have waited for three.
    #[test]
    fn waiting_side_by_side_counts_once() {
        let delay = Some(AddressRace::ATTEMPT_DELAY);
        let mut race = LimitedRace::new(addresses(3), delay, Some(LIMIT));
        assert_eq!(next(&mut race, secs(0)), "start 1, Some(10s)");
        assert_eq!(next(&mut race, AddressRace::ATTEMPT_DELAY), "start 2, Some(9.75s)");
        fail(&mut race, 1, ErrorKind::ConnectionRefused, secs(3));
        fail(&mut race, 2, ErrorKind::ConnectionRefused, secs(3));
        assert_eq!(next(&mut race, secs(4)), "start 3, Some(9.25s)");
    }

    #[test]
    fn without_a_limit_there_is_none() {
        let mut race = LimitedRace::new(addresses(1), None, None);
        assert_eq!(next(&mut race, Duration::MAX), "start 1, None");
        assert_eq!(next(&mut race, Duration::MAX), "wait None");
        let mut race = LimitedRace::new(addresses(0), None, None);
        assert_eq!(next(&mut race, secs(0)), "NotFound");
    }
}
