//! Time limits of a blocking stream.

use core::time::Duration;

/// A time limit of a stream, as it was last set.
#[derive(Debug, Default)]
pub(crate) struct Limit(Option<Duration>);

impl Limit {
    /// The shortest time limit: sockets take zero for none.
    pub(crate) const MIN: Duration = Duration::from_millis(1);

    /// Sets the limit, unless the current one is near enough: that saves a system call.
    ///
    /// A timer that asks whether the peer is still there may be somewhat late, and may always be early.
    pub(crate) fn set<E>(
        &mut self,
        limit: Option<Duration>,
        set: impl FnOnce(Option<Duration>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let limit = limit.map(|limit| limit.max(Self::MIN));
        let fits = match (limit, self.0) {
            (Some(limit), Some(set)) => set <= limit + limit / 256 && set >= limit / 2,
            (limit, set) => limit == set,
        };
        if !fits && set(limit)? {
            self.0 = limit;
        }
        Ok(())
    }
}

/// Distinguishes a stream whose time limit has passed from one that is not blocking.
#[derive(Debug)]
pub(crate) struct Blocked<K> {
    // How the stream said that it can do nothing now, until the program was told.
    kind: Option<K>,
    // How often in a row it said so long before its limit.
    early: u8,
}

impl<K> Default for Blocked<K> {
    fn default() -> Self {
        Self { kind: None, early: 0 }
    }
}

impl<K> Blocked<K> {
    /// Records that the stream has done something.
    pub(crate) fn clear(&mut self) {
        self.early = 0;
    }

    /// Records that the stream can do nothing now, after it was asked for so long.
    pub(crate) fn note(&mut self, kind: K, elapsed: Duration, limit: &Limit) {
        let early = limit.0.is_none_or(|limit| elapsed + Limit::MIN < limit);
        self.early = if early { self.early.saturating_add(1) } else { 0 };
        // A signal may end a wait early, once. A stream without time limits is taken at its word.
        if self.early > 1 || limit.0.is_none() {
            self.kind = Some(kind);
        }
    }

    /// Returns what to tell the program: the stream is not blocking, and nothing can be done now.
    pub(crate) fn take(&mut self) -> Option<K> {
        self.kind.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn set(limit: &mut Limit, wanted: Option<Duration>) -> Option<Option<Duration>> {
        let mut asked = None;
        let result: Result<(), ()> = limit.set(wanted, |limit| {
            asked = Some(limit);
            Ok(true)
        });
        result.unwrap();
        asked
    }

    #[test]
    fn a_limit_is_set_when_the_one_before_is_far_off() {
        let mut limit = Limit::default();
        assert_eq!(set(&mut limit, None), None);
        assert_eq!(set(&mut limit, Some(Duration::ZERO)), Some(Some(Limit::MIN)));
        assert_eq!(set(&mut limit, Some(256 * SECOND)), Some(Some(256 * SECOND)));
        for near in [256 * SECOND, 257 * SECOND, 512 * SECOND] {
            assert_eq!(set(&mut limit, Some(near)), None, "{near:?}");
        }
        let nearly = 256 * SECOND - Duration::from_millis(900);
        assert_eq!(set(&mut limit, Some(nearly)), None, "by a 256th");
        assert_eq!(set(&mut limit, Some(254 * SECOND)), Some(Some(254 * SECOND)));
        assert_eq!(set(&mut limit, Some(509 * SECOND)), Some(Some(509 * SECOND)));
        assert_eq!(set(&mut limit, None), Some(None));
    }

    // A stream that knows no time limits stays unknown.
    #[test]
    fn a_refused_limit_is_not_set() {
        let mut limit = Limit::default();
        for _ in 0..2 {
            let mut asked = false;
            let result: Result<(), ()> = limit.set(Some(SECOND), |_| {
                asked = true;
                Ok(false)
            });
            assert!(result.is_ok() && asked);
        }
        assert_eq!(limit.set(Some(SECOND), |_| Err("broken")), Err("broken"));
    }

    #[test]
    fn a_stream_that_is_early_twice_is_not_blocking() {
        let mut limit = Limit::default();
        set(&mut limit, Some(SECOND));
        let mut blocked = Blocked::default();
        blocked.note('a', SECOND, &limit);
        assert_eq!(blocked.take(), None, "in time");
        blocked.note('b', Duration::ZERO, &limit);
        assert_eq!(blocked.take(), None, "a signal");
        blocked.clear();
        blocked.note('c', Duration::ZERO, &limit);
        assert_eq!(blocked.take(), None);
        blocked.note('d', SECOND - 2 * Limit::MIN, &limit);
        assert_eq!((blocked.take(), blocked.take()), (Some('d'), None));
        blocked.note('e', SECOND - Limit::MIN, &limit);
        assert_eq!(blocked.take(), None, "in time, as clocks go");
        blocked.note('f', SECOND, &Limit::default());
        assert_eq!(blocked.take(), Some('f'), "it knows no limit");
    }
}
