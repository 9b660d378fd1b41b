//! The order and the times at which the addresses of a host are tried (RFC 8305).

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};
use core::{net::SocketAddr, time::Duration};

use crate::time::Instant;

/// Happy Eyeballs: decides when to try which address of a host, so that a dead one costs little.
///
/// IPv6 and IPv4 addresses take turns, beginning with the family of the first (RFC 8305 §4). One
/// attempt starts at once. Each of the others starts 250 ms after the one before it, or as soon as
/// an attempt fails (§5). Attempts go on side by side until one succeeds; the caller then drops the
/// race and gives up the other attempts.
///
/// The race neither resolves a host nor sorts addresses: pass them in the resolver's order.
///
/// ```
/// use core::time::Duration;
/// use framewise::{client::{AddressRace, Attempt}, time::Instant};
///
/// let addresses = ["[2001:db8::1]:80", "[2001:db8::2]:80", "192.0.2.1:80"];
/// let addresses = addresses.map(|address| address.parse().unwrap());
/// let mut race = AddressRace::new(addresses);
/// let now = Instant::ORIGIN;
/// assert_eq!(race.poll(now), Attempt::Start(addresses[0]));
///
/// // No answer yet: in 250 ms it is the other family's turn.
/// let later = now + Duration::from_millis(250);
/// assert_eq!(race.poll(now), Attempt::Wait(Some(later)));
/// assert_eq!(race.poll(later), Attempt::Start(addresses[2]));
///
/// // That one is refused: the next one starts at once.
/// race.failed(addresses[2]);
/// assert_eq!(race.poll(later), Attempt::Start(addresses[1]));
/// assert_eq!(race.poll(later), Attempt::Wait(None));
/// ```
#[derive(Clone, Debug)]
pub struct AddressRace {
    untried: VecDeque<SocketAddr>,
    under_way: Vec<SocketAddr>,
    // When the last attempt started. Set by each start, cleared when an attempt fails.
    started: Option<Instant>,
    delay: Option<Duration>,
}

/// What a driver does next for an [`AddressRace`].
///
/// ```
/// use framewise::{client::{AddressRace, Attempt}, time::Instant};
///
/// let address = "192.0.2.1:80".parse().unwrap();
/// let mut race = AddressRace::new([address]);
/// assert_eq!(race.poll(Instant::ORIGIN), Attempt::Start(address));
/// assert_eq!(race.poll(Instant::ORIGIN), Attempt::Wait(None)); // needs no timer
/// race.failed(address);
/// assert_eq!(race.poll(Instant::ORIGIN), Attempt::Exhausted);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Attempt {
    /// Every address has failed, or there was none.
    Exhausted,
    /// Open a connection to this address, beside those that are being opened.
    Start(SocketAddr),
    /// Wait until an attempt ends, or until the given time at most; then poll again.
    Wait(Option<Instant>),
}

impl AddressRace {
    /// The default time between two attempts, 250 ms (RFC 8305 §5).
    pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

    /// Makes a race of `addresses`, in the order of the resolver. An address that occurs several
    /// times is tried once.
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let mut seen = BTreeSet::new();
        let addresses = addresses.into_iter().filter(|&address| seen.insert(address));
        let mut addresses = addresses.peekable();
        let first_is_ipv6 = addresses.peek().is_some_and(SocketAddr::is_ipv6);
        let (preferred, others): (Vec<_>, Vec<_>) =
            addresses.partition(|address| address.is_ipv6() == first_is_ipv6);
        let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
        let mut untried = VecDeque::with_capacity(preferred.len() + others.len());
        while preferred.len() + others.len() > 0 {
            untried.extend(preferred.next());
            untried.extend(others.next());
        }
        let delay = Some(Self::ATTEMPT_DELAY);
        Self { untried, under_way: Vec::new(), started: None, delay }
    }

    /// Sets the time between two attempts. `None` starts the next attempt only when one fails,
    /// which needs no timer.
    ///
    /// RFC 8305 §8 recommends 100 ms to 2 s and forbids less than 10 ms. Less counts as 10 ms.
    #[must_use]
    pub fn attempt_delay(mut self, delay: Option<Duration>) -> Self {
        self.delay = delay.map(|delay| delay.max(MIN_ATTEMPT_DELAY));
        self
    }

    /// Returns what to do at the time `now`.
    ///
    /// Call it until it returns something other than [`Attempt::Start`], and again after each
    /// failure and at the time that [`Attempt::Wait`] names.
    pub fn poll(&mut self, now: Instant) -> Attempt {
        if self.untried.is_empty() && self.under_way.is_empty() {
            return Attempt::Exhausted;
        }
        if let Some(started) = self.started {
            let next = self.delay.filter(|_| !self.untried.is_empty()).map(|delay| started + delay);
            if next.is_none_or(|next| now < next) {
                return Attempt::Wait(next);
            }
        }
        let Some(address) = self.untried.pop_front() else {
            return Attempt::Wait(None);
        };
        self.under_way.push(address);
        self.started = Some(now);
        Attempt::Start(address)
    }

    /// Reports that the attempt to reach `address` failed: the next one may start at once.
    ///
    /// Does nothing unless an attempt to reach that address is under way.
    pub fn failed(&mut self, address: SocketAddr) {
        if let Some(place) = self.under_way.iter().position(|&other| other == address) {
            self.under_way.swap_remove(place);
            self.started = None;
        }
    }
}

/// "MUST NOT be less than 10 milliseconds" (RFC 8305 §8).
const MIN_ATTEMPT_DELAY: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use alloc::{
        format,
        string::{String, ToString},
        vec,
    };

    use super::*;

    const V6: [&str; 3] = ["[2001:db8::1]:80", "[2001:db8::2]:80", "[2001:db8::3]:80"];
    const V4: [&str; 3] = ["192.0.2.1:80", "192.0.2.2:80", "192.0.2.3:80"];

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn at(time: u64) -> Instant {
        Instant::from_origin(ms(time))
    }

    fn race(addresses: &[&str]) -> AddressRace {
        AddressRace::new(addresses.iter().map(|address| address.parse().unwrap()))
    }

    /// What becomes of an attempt, and after how many milliseconds.
    #[derive(Clone, Copy)]
    enum Fate {
        Dead,
        Fails(u64),
        Opens(u64),
    }

    /// Runs a race in virtual time. Returns when which attempt started, and how it ended.
    fn run(mut race: AddressRace, fates: &[(&str, Fate)]) -> (Vec<String>, String) {
        let (mut now, mut log) = (0, Vec::new());
        let mut ends: Vec<(u64, bool, SocketAddr)> = Vec::new();
        for _ in 0..100 {
            let deadline = match race.poll(at(now)) {
                Attempt::Exhausted => return (log, format!("{now} exhausted")),
                Attempt::Start(address) => {
                    log.push(format!("{now} {address}"));
                    let fate = fates.iter().find(|(other, _)| *other == address.to_string());
                    match fate.expect("an address of the test").1 {
                        Fate::Dead => {}
                        Fate::Fails(after) => ends.push((now + after, false, address)),
                        Fate::Opens(after) => ends.push((now + after, true, address)),
                    }
                    continue;
                }
                Attempt::Wait(deadline) => deadline,
            };
            ends.sort_unstable();
            let deadline = deadline
                .map(|deadline| u64::try_from(deadline.since_origin().as_millis()).unwrap());
            match ends.first().copied() {
                Some((end, opens, address)) if deadline.is_none_or(|deadline| end <= deadline) => {
                    now = end;
                    if opens {
                        return (log, format!("{now} {address}"));
                    }
                    ends.remove(0);
                    race.failed(address);
                }
                _ => match deadline {
                    Some(deadline) => now = deadline,
                    None => return (log, format!("{now} waits")),
                },
            }
        }
        panic!("no end: {log:?}");
    }

    #[test]
    fn families_take_turns() {
        let order = |addresses: &[&str]| {
            let mut race = race(addresses);
            let mut order = Vec::new();
            while let Attempt::Start(address) = race.poll(Instant::ORIGIN) {
                order.push(address.to_string());
                race.failed(address);
            }
            assert_eq!(race.poll(Instant::ORIGIN), Attempt::Exhausted);
            order
        };
        assert_eq!(
            order(&[V6[0], V6[1], V6[2], V4[0], V4[1]]),
            [V6[0], V4[0], V6[1], V4[1], V6[2]],
            "by the resolver's order within each family"
        );
        assert_eq!(order(&[V4[0], V6[0], V6[1]]), [V4[0], V6[0], V6[1]], "the first one's first");
        assert_eq!(order(&[V4[2], V4[0], V4[1]]), [V4[2], V4[0], V4[1]]);
    }

    #[test]
    fn a_dead_address_costs_a_quarter_of_a_second() {
        let race = race(&[V6[0], V6[1], V4[0]]);
        let fates = [(V6[0], Fate::Dead), (V4[0], Fate::Opens(30)), (V6[1], Fate::Dead)];
        let (log, end) = run(race, &fates);
        assert_eq!(log, [format!("0 {}", V6[0]), format!("250 {}", V4[0])]);
        assert_eq!(end, format!("280 {}", V4[0]));
    }

    #[test]
    fn a_failure_starts_the_next_one_at_once() {
        let fates = [(V6[0], Fate::Fails(10)), (V4[0], Fate::Fails(0)), (V6[1], Fate::Opens(7))];
        let (log, end) = run(race(&[V6[0], V6[1], V4[0]]), &fates);
        let started = [format!("0 {}", V6[0]), format!("10 {}", V4[0]), format!("10 {}", V6[1])];
        assert_eq!((log.as_slice(), end), (started.as_slice(), format!("17 {}", V6[1])));

        // That of an earlier one, too; and each start is followed by a whole delay.
        let fates = [(V6[0], Fate::Fails(300)), (V4[0], Fate::Dead), (V6[1], Fate::Dead)];
        let (log, end) = run(
            race(&[V6[0], V6[1], V4[0], V4[1]]),
            &[fates[0], fates[1], fates[2], (V4[1], Fate::Opens(1))],
        );
        assert_eq!(
            log,
            [
                format!("0 {}", V6[0]),
                format!("250 {}", V4[0]),
                format!("300 {}", V6[1]),
                format!("550 {}", V4[1]),
            ]
        );
        assert_eq!(end, format!("551 {}", V4[1]));
    }

    #[test]
    fn an_early_attempt_may_succeed_late() {
        let fates = [(V6[0], Fate::Opens(600)), (V4[0], Fate::Dead), (V6[1], Fate::Dead)];
        let (log, end) = run(race(&[V6[0], V4[0], V6[1], V4[1]]), &fates);
        assert_eq!(log.len(), 3);
        assert_eq!(end, format!("600 {}", V6[0]));
    }

    #[test]
    fn all_may_fail() {
        let fates = [(V6[0], Fate::Fails(900)), (V4[0], Fate::Fails(20)), (V6[1], Fate::Fails(5))];
        let (log, end) = run(race(&[V6[0], V4[0], V6[1]]), &fates);
        let started = [format!("0 {}", V6[0]), format!("250 {}", V4[0]), format!("270 {}", V6[1])];
        assert_eq!((log.as_slice(), end.as_str()), (started.as_slice(), "900 exhausted"));
    }

    #[test]
    fn one_address_needs_no_timer_and_none_is_exhausted() {
        let (log, end) = run(race(&[V4[0]]), &[(V4[0], Fate::Dead)]);
        assert_eq!((log, end.as_str()), (vec![format!("0 {}", V4[0])], "0 waits"));
        assert_eq!(race(&[]).poll(Instant::ORIGIN), Attempt::Exhausted);
    }

    #[test]
    fn an_address_is_tried_once() {
        let fates = [(V4[0], Fate::Fails(1)), (V4[1], Fate::Fails(1))];
        let (log, end) = run(race(&[V4[0], V4[1], V4[0], V4[0], V4[1]]), &fates);
        assert_eq!((log.len(), end.as_str()), (2, "2 exhausted"));
    }

    #[test]
    fn the_delay_can_be_chosen() {
        let fates = [(V4[0], Fate::Dead), (V4[1], Fate::Dead), (V4[2], Fate::Dead)];
        for (delay, times) in [(ms(2000), [0, 2000, 4000]), (Duration::ZERO, [0, 10, 20])] {
            let (log, _) = run(race(&V4).attempt_delay(Some(delay)), &fates);
            assert_eq!(log, [0, 1, 2].map(|index| format!("{} {}", times[index], V4[index])));
        }
        // Without one, only a failure starts the next attempt.
        let (log, end) = run(race(&V4).attempt_delay(None), &fates);
        assert_eq!((log.len(), end.as_str()), (1, "0 waits"));
        let fates = [(V4[0], Fate::Fails(5000)), (V4[1], Fate::Opens(1))];
        let (_, end) = run(race(&V4).attempt_delay(None), &fates);
        assert_eq!(end, format!("5001 {}", V4[1]));
        // Nor does the longest one overflow.
        let mut race = race(&V4).attempt_delay(Some(Duration::MAX));
        assert!(matches!(race.poll(at(5)), Attempt::Start(_)));
        assert!(matches!(race.poll(at(1_000_000_000)), Attempt::Wait(Some(_))));
    }

    #[test]
    fn a_wrong_report_and_a_clock_that_goes_back_do_no_harm() {
        let mut race = race(&[V4[0], V4[1]]);
        race.failed(V4[0].parse().unwrap());
        assert_eq!(race.poll(at(500)), Attempt::Start(V4[0].parse().unwrap()));
        race.failed(V4[1].parse().unwrap());
        assert_eq!(race.poll(at(0)), Attempt::Wait(Some(at(750))));
        race.failed(V4[0].parse().unwrap());
        race.failed(V4[0].parse().unwrap());
        assert_eq!(race.poll(at(0)), Attempt::Start(V4[1].parse().unwrap()));
        assert_eq!(race.poll(at(1000)), Attempt::Wait(None));
    }
}
