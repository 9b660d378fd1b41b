//! How clients open TCP connections, whatever moves the bytes.

use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};
use std::io::{self, ErrorKind};

use super::{AddressRace, Attempt, ConnectGate, Turn};
use crate::time::Instant;

/// How the adapters' `connect_with` opens a TCP connection. It can be used any number of times.
///
/// ```no_run
/// # #[cfg(feature = "connect")]
/// # fn main() -> Result<(), framewise::Error> {
/// use framewise::{Config, blocking};
/// use framewise::client::{ConnectGate, Connector};
///
/// // At most one of the clients that share the gate is in the opening handshake with an address.
/// let gate = ConnectGate::new();
/// let connector = Connector::new().gate(&gate);
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
}

impl Connector {
    /// Makes a connector without a gate.
    #[must_use]
    pub const fn new() -> Self {
        Self { gate: None, attempt_delay: Some(AddressRace::ATTEMPT_DELAY) }
    }

    /// Takes turns with all clients that share `gate` (RFC 6455 §4.1 item 2).
    ///
    /// An attempt waits for its turn before it opens a TCP connection to an address. The turn
    /// lasts until the opening handshake is done or has failed. Waiting counts against no timeout.
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
        LimitedRace::new(addresses, self.attempt_delay, limit)
    }
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}

/// A TCP connection, and the right to open a WebSocket connection over it.
pub(crate) type Opened<S> = (S, Option<Turn>);

/// How an attempt ended.
#[derive(Debug)]
pub(crate) struct Ended<S> {
    pub(crate) address: SocketAddr,
    pub(crate) result: io::Result<Opened<S>>,
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
    race: AddressRace,
    limit: Option<Duration>,
    /// How long failed attempts waited for their turns, which counts against no limit. Grows when
    /// an attempt fails.
    waited: Duration,
    failure: io::Error,
}

impl LimitedRace {
    fn new(
        addresses: Vec<SocketAddr>,
        attempt_delay: Option<Duration>,
        limit: Option<Duration>,
    ) -> Self {
        let race = AddressRace::new(addresses).attempt_delay(attempt_delay);
        Self { race, limit, waited: Duration::ZERO, failure: ErrorKind::NotFound.into() }
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
            let spent = elapsed.saturating_sub(self.waited);
            let left = self.limit.map(|limit| limit.saturating_sub(spent));
            if left != Some(Duration::ZERO) {
                return Ok(Next::Start(address, left));
            }
            self.failed(address, ErrorKind::TimedOut.into());
        }
    }

    /// Returns the connection of an attempt that has ended, if it has one.
    pub(crate) fn ended<S>(&mut self, ended: Ended<S>) -> Option<Opened<S>> {
        self.waited = self.waited.saturating_add(ended.waited);
        match ended.result {
            Ok(opened) => Some(opened),
            Err(error) => {
                self.failed(ended.address, error);
                None
            }
        }
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
        let result: io::Result<Opened<()>> = Err(kind.into());
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

    #[test]
    fn without_a_limit_there_is_none() {
        let mut race = LimitedRace::new(addresses(1), None, None);
        assert_eq!(next(&mut race, Duration::MAX), "start 1, None");
        assert_eq!(next(&mut race, Duration::MAX), "wait None");
        let mut race = LimitedRace::new(addresses(0), None, None);
        assert_eq!(next(&mut race, secs(0)), "NotFound");
    }
}
