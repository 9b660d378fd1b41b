//! How long a client waits before it connects again (RFC 6455 §7.2.3).

use core::time::Duration;

use crate::time::Instant;

/// Exponential backoff with full jitter: says how long to wait before each attempt to connect again.
///
/// The delay before attempt `n`, counted from 0, is anywhere from zero to `base * 2^n`, with equal
/// chance, and at most [`cap`](Self::cap). So clients that lost a server together come back spread
/// over that time, as RFC 6455 §7.2.3 asks.
///
/// | setting | default | reason |
/// |---|---|---|
/// | [`base`](Self::base) | 1 s | half a second on average hides a server's restart; RFC 6455 suggests 0 to 5 s |
/// | [`cap`](Self::cap) | 30 s | a user waits 15 s on average after an outage, whatever its length |
/// | [`reset_after`](Self::reset_after) | 10 s | a server that accepts and soon closes is a failing one |
/// | [`max_attempts`](Self::max_attempts) | none | a program knows when to give up, by time for instance |
/// | [`max_retry_after`](Self::max_retry_after) | 5 min | a server cannot send clients away forever |
///
/// Opening a connection does not begin the delays anew; a connection that has lasted does. Thus a
/// server that accepts and closes at once causes no busy loop.
///
/// ```
/// use core::time::Duration;
/// use framewise::{client::Backoff, time::Instant};
///
/// let mut backoff = Backoff::new().max_attempts(Some(2));
/// let now = Instant::ORIGIN;
/// // Two attempts fail. The random number is from a generator; this one is the middle.
/// let random = u64::MAX / 2;
/// assert_eq!(backoff.next_delay(now, random), Some(Duration::from_millis(500)));
/// assert_eq!(backoff.next_delay(now, random), Some(Duration::from_secs(1)));
///
/// // The third one opens a connection, which lasts a minute.
/// backoff.connected(now);
/// let later = now + Duration::from_secs(60);
/// assert_eq!(backoff.next_delay(later, random), Some(Duration::from_millis(500)));
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    reset_after: Duration,
    max_attempts: Option<u32>,
    max_retry_after: Duration,
    attempts: u32,
    // When the connection was opened. Set by `connected`, cleared by the next delay.
    connected: Option<Instant>,
    // What the server asked for. Set by `retry_after`, cleared by the next delay.
    retry_after: Duration,
}

impl Backoff {
    /// Makes a backoff with the default settings, before the first attempt.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            base: Duration::from_secs(1),
            cap: Duration::from_secs(30),
            reset_after: Duration::from_secs(10),
            max_attempts: None,
            max_retry_after: Duration::from_secs(300),
            attempts: 0,
            connected: None,
            retry_after: Duration::ZERO,
        }
    }

    /// Sets the longest first delay. Each later one may be twice as long as the one before, up to the
    /// [`cap`](Self::cap). Less than 10 ms counts as 10 ms, so that no setting makes a busy loop.
    #[must_use]
    pub const fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// Sets the longest delay, also if [`base`](Self::base) is longer. Less than 10 ms counts as
    /// 10 ms.
    #[must_use]
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// Sets how long a connection must last for the delays and the attempts to begin anew. With zero
    /// they do after every connection, however short.
    #[must_use]
    pub const fn reset_after(mut self, reset_after: Duration) -> Self {
        self.reset_after = reset_after;
        self
    }

    /// Sets after how many attempts in a row to give up. With `None` there is no limit; with 0 there
    /// is no attempt. A connection that lasted for [`reset_after`](Self::reset_after) ends the row.
    #[must_use]
    pub const fn max_attempts(mut self, max_attempts: Option<u32>) -> Self {
        self.max_attempts = max_attempts;
        self
    }

    /// Sets the most that [`retry_after`](Self::retry_after) adds to a delay.
    #[must_use]
    pub const fn max_retry_after(mut self, max_retry_after: Duration) -> Self {
        self.max_retry_after = max_retry_after;
        self
    }

    /// Reports that a connection was opened.
    pub const fn connected(&mut self, now: Instant) {
        self.connected = Some(now);
    }

    /// Has the next delay begin after `delay`, the time that a server asks for; see
    /// [`Response::retry_after`](crate::handshake::Response::retry_after). More than
    /// [`max_retry_after`](Self::max_retry_after) counts as that.
    ///
    /// The two are added: clients that were all sent away for the same time do not come back
    /// together.
    ///
    /// ```
    /// use core::time::Duration;
    /// use framewise::{client::Backoff, time::Instant};
    ///
    /// let mut backoff = Backoff::new();
    /// backoff.retry_after(Duration::from_secs(20));
    /// let delays = [20_500, 1_000].map(Duration::from_millis);
    /// for delay in delays {
    ///     assert_eq!(backoff.next_delay(Instant::ORIGIN, u64::MAX / 2), Some(delay));
    /// }
    /// ```
    pub const fn retry_after(&mut self, delay: Duration) {
        self.retry_after = delay;
    }

    /// Returns how long to wait before the next attempt, from `now` on. Returns `None` when the
    /// attempts are exhausted, until [`reset`](Self::reset).
    ///
    /// Call it when an attempt has failed, and when a connection has ended. `random` is a new random
    /// number each time, each of all `u64` as likely as the others. It need not be secret.
    pub fn next_delay(&mut self, now: Instant, random: u64) -> Option<Duration> {
        if self.connected.take().is_some_and(|connected| now - connected >= self.reset_after) {
            self.attempts = 0;
        }
        let at_least = core::mem::take(&mut self.retry_after).min(self.max_retry_after);
        if self.max_attempts.is_some_and(|max| self.attempts >= max) {
            return None;
        }
        let factor = 2_u32.saturating_pow(self.attempts);
        let longest = self.base.max(MIN_DELAY).saturating_mul(factor).min(self.cap.max(MIN_DELAY));
        self.attempts = self.attempts.saturating_add(1);
        Some(at_least.saturating_add(part(longest, random)))
    }

    /// Returns how many delays have been returned since the last reset.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Begins the delays and the attempts anew, for instance because the device is in a network
    /// again.
    pub const fn reset(&mut self) {
        self.attempts = 0;
        self.connected = None;
        self.retry_after = Duration::ZERO;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns a duration from zero to `longest`: the part of it that `random` is of all `u64`. More than
/// 584 years count as that.
#[allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "the product is below 2^128, and the quotient at most `longest`"
)]
fn part(longest: Duration, random: u64) -> Duration {
    let nanos = longest.as_nanos().min(u64::MAX.into());
    Duration::from_nanos((((nanos + 1) * u128::from(random)) >> u64::BITS) as u64)
}

/// The least that `base` and `cap` count as.
const MIN_DELAY: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn at(time: u64) -> Instant {
        Instant::from_origin(ms(time))
    }

    /// The longest next delays, when no connection is opened.
    fn longest(mut backoff: Backoff, count: usize) -> Vec<u64> {
        let delays = (0..count).map_while(|_| backoff.next_delay(at(0), u64::MAX));
        delays.map(|delay| delay.as_millis().try_into().unwrap()).collect()
    }

    // 6455-7.2.3-03, 6455-7.2.3-04
    #[test]
    fn the_longest_delay_doubles_up_to_the_cap() {
        let expected = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000];
        assert_eq!(longest(Backoff::new(), 8), expected);
        assert_eq!(longest(Backoff::default(), 8), expected);
        let backoff = Backoff::new().base(ms(100)).cap(ms(500));
        assert_eq!(longest(backoff, 5), [100, 200, 400, 500, 500]);
        // The cap counts from the first one on.
        assert_eq!(longest(Backoff::new().cap(ms(300)), 3), [300; 3]);
        // Nor does any number overflow.
        let backoff = Backoff::new().base(Duration::MAX).cap(Duration::MAX);
        let delay = Duration::from_nanos(u64::MAX);
        for mut backoff in [backoff.clone(), Backoff { attempts: u32::MAX, ..backoff }] {
            assert_eq!(backoff.next_delay(at(0), u64::MAX), Some(delay));
            backoff = backoff.max_retry_after(Duration::MAX);
            backoff.retry_after(Duration::MAX);
            assert_eq!(backoff.next_delay(at(0), u64::MAX), Some(Duration::MAX));
        }
        assert_eq!(longest(Backoff::new(), 100)[99], 30_000);
    }

    #[test]
    fn no_setting_makes_a_busy_loop() {
        assert_eq!(longest(Backoff::new().base(Duration::ZERO), 4), [10, 20, 40, 80]);
        assert_eq!(longest(Backoff::new().cap(Duration::ZERO), 3), [10; 3]);
        let zero = Backoff::new().base(Duration::ZERO).cap(Duration::ZERO);
        assert_eq!(longest(zero.reset_after(Duration::ZERO), 3), [10; 3]);
    }

    // 6455-7.2.3-02
    #[test]
    fn random_numbers_are_spread_over_the_delay() {
        let delay = |random| Backoff::new().next_delay(at(0), random).unwrap();
        assert_eq!(delay(0), Duration::ZERO);
        assert_eq!(delay(u64::MAX / 4), ms(250));
        assert_eq!(delay(u64::MAX / 2), ms(500));
        assert_eq!(delay(u64::MAX), ms(1000));
        for seed in 0..4 {
            let mut rng = StdRng::from_seed([seed; 32]);
            let mut quartiles = [0; 4];
            for _ in 0..4000 {
                let quartile = delay(rng.next_u64()).as_millis() / 250;
                quartiles[usize::try_from(quartile).unwrap().min(3)] += 1;
            }
            // Five standard deviations are 137.
            assert!(quartiles.iter().all(|count| (863..=1137).contains(count)), "{quartiles:?}");
        }
    }

    #[test]
    fn only_a_connection_that_lasts_begins_anew() {
        // How long each connection lasts, and the longest delay after it.
        for (lasted, delays) in [
            (0, [1000, 2000, 4000, 8000]),
            (9999, [1000, 2000, 4000, 8000]),
            (10_000, [1000; 4]),
            (1_000_000, [1000; 4]),
        ] {
            let (mut backoff, mut now) = (Backoff::new(), at(0));
            for delay in delays {
                backoff.connected(now);
                now = now + ms(lasted);
                assert_eq!(backoff.next_delay(now, u64::MAX), Some(ms(delay)), "{lasted}");
                now = now + ms(delay);
            }
        }
        // The time between connections counts for none.
        let mut backoff = Backoff::new();
        backoff.connected(at(0));
        for (time, delay) in [(1, 1000), (60_000, 2000), (90_000, 4000)] {
            assert_eq!(backoff.next_delay(at(time), u64::MAX), Some(ms(delay)));
        }
        // A clock that goes back tells of no time.
        backoff.connected(at(90_000));
        assert_eq!(backoff.next_delay(at(0), u64::MAX), Some(ms(8000)));
        // Both ways to begin anew can be chosen.
        backoff.reset();
        assert_eq!((backoff.attempts(), backoff.next_delay(at(0), u64::MAX)), (0, Some(ms(1000))));
        let mut backoff = backoff.reset_after(Duration::ZERO);
        backoff.connected(at(5));
        assert_eq!(backoff.next_delay(at(5), u64::MAX), Some(ms(1000)));
    }

    // 6455-7.2.3-01
    #[test]
    fn a_server_that_closes_at_once_is_not_flooded() {
        // For an hour.
        let (mut backoff, mut now, mut connections) = (Backoff::new(), at(0), 0);
        let mut rng = StdRng::from_seed([7; 32]);
        while now < at(3_600_000) {
            connections += 1;
            backoff.connected(now);
            now = now + backoff.next_delay(now, rng.next_u64()).unwrap();
        }
        // One in 15 s on average, but for the first ones.
        assert!((200..=300).contains(&connections), "{connections}");
    }

    #[test]
    fn attempts_end_and_begin_anew() {
        for max in 0..4 {
            let mut backoff = Backoff::new().max_attempts(Some(max));
            assert_eq!(longest(backoff.clone(), 9).len(), max as usize);
            for attempt in 0..max {
                assert_eq!(backoff.attempts(), attempt);
                assert!(backoff.next_delay(at(0), 0).is_some());
            }
            // Neither a short connection nor what the server says gives another one.
            for _ in 0..2 {
                backoff.connected(at(0));
                backoff.retry_after(ms(1));
                assert_eq!(backoff.next_delay(at(9999), 0), None);
            }
            backoff.connected(at(0));
            assert_eq!(backoff.next_delay(at(10_000), 0).is_some(), max > 0);
        }
        // Connecting forever counts as far as it can.
        let mut backoff = Backoff { attempts: u32::MAX, ..Backoff::new() };
        assert!(backoff.next_delay(at(0), 0).is_some());
        assert_eq!(backoff.attempts(), u32::MAX);
    }

    #[test]
    fn a_server_can_ask_for_more_time_once_and_not_forever() {
        let mut backoff = Backoff::new();
        for (asked, expected) in [(7, 7000), (300, 300_000), (301, 300_000), (u64::MAX, 300_000)] {
            backoff.reset();
            backoff.retry_after(Duration::from_secs(asked));
            assert_eq!(backoff.next_delay(at(0), 0), Some(ms(expected)));
            assert_eq!(backoff.next_delay(at(0), 0), Some(Duration::ZERO));
        }
        // Before the settings or after them, and not against them.
        backoff.retry_after(ms(5000));
        let mut backoff = backoff.max_retry_after(ms(100));
        assert_eq!(backoff.next_delay(at(0), 0), Some(ms(100)));
        backoff.retry_after(ms(5000));
        backoff.reset();
        assert_eq!(backoff.next_delay(at(0), u64::MAX), Some(ms(1000)));
    }

    /// What becomes of an attempt: how long its connection lasts, if it opens one.
    fn fates() -> impl Strategy<Value = Vec<(Option<u64>, u64)>> {
        let lasted = prop_oneof![Just(0), 0_u64..200, 0_u64..100_000];
        prop::collection::vec((prop::option::of(lasted), any::<u64>()), 1..60)
    }

    fn duration() -> impl Strategy<Value = Duration> {
        let nanos = any::<u64>().prop_map(Duration::from_nanos);
        prop_oneof![(0_u64..100_000).prop_map(ms), nanos, Just(Duration::MAX)]
    }

    proptest! {
        #[test]
        fn delays_are_bounded_and_counted(
            (base, cap, reset_after) in (duration(), duration(), duration()),
            max in prop::option::of(0_u32..9),
            fates in fates(),
        ) {
            let backoff = Backoff::new().base(base).cap(cap).reset_after(reset_after);
            let (mut backoff, mut now) = (backoff.max_attempts(max), at(0));
            let (mut failed, mut bound) = (0, base.max(ms(10)));
            for (lasted, random) in fates {
                if let Some(lasted) = lasted {
                    backoff.connected(now);
                    let opened = now;
                    now = now + ms(lasted);
                    if now - opened >= reset_after {
                        (failed, bound) = (0, base.max(ms(10)));
                    }
                }
                let delay = backoff.next_delay(now, random);
                prop_assert_eq!(delay.is_none(), max.is_some_and(|max| failed >= max));
                let Some(delay) = delay else { continue };
                prop_assert!(delay <= bound.min(cap.max(ms(10))), "{delay:?}");
                failed += 1;
                bound = bound.saturating_mul(2);
                prop_assert_eq!(backoff.attempts(), failed);
                now = now + delay;
            }
        }
    }
}
