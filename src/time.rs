//! Time as an argument: the core reads no clock.

use core::{
    num::NonZeroU64,
    ops::{Add, Sub},
    time::Duration,
};

/// A moment, counted from an origin that the caller picks.
///
/// The core has no clock. Your code keeps an origin, for instance the `std::time::Instant` at which the
/// program started, and tells the time since then. The resolution is a nanosecond and the range 584 years;
/// arithmetic saturates.
///
/// ```
/// use core::time::Duration;
/// use framewise::time::Instant;
///
/// let now = Instant::from_origin(Duration::from_secs(5));
/// let deadline = now + Duration::from_millis(250);
/// assert!(now < deadline);
/// assert_eq!(deadline - now, Duration::from_millis(250));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant {
    // Nanoseconds since the origin, plus one: `Option<Instant>` is then as small as an `Instant`,
    // which saves 40 bytes in every connection.
    nanos: NonZeroU64,
}

impl Instant {
    /// The origin itself.
    pub const ORIGIN: Self = Self { nanos: NonZeroU64::MIN };

    /// Returns the moment that lies `elapsed` after the origin.
    pub fn from_origin(elapsed: Duration) -> Self {
        Self::ORIGIN + elapsed
    }

    /// Returns the time from the origin to this moment.
    pub const fn since_origin(self) -> Duration {
        Duration::from_nanos(self.nanos.get() - 1)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self { nanos: self.nanos.saturating_add(nanos) }
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// Returns the time from `earlier` to this moment, zero when `earlier` is the later one.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.get().saturating_sub(earlier.nanos.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saturates_at_both_ends() {
        let early = Instant::ORIGIN;
        let late = early + Duration::MAX;
        assert_eq!(late + Duration::from_secs(1), late);
        assert_eq!(early - late, Duration::ZERO);
        let later = early + Duration::from_millis(1500);
        assert_eq!(later - early, Duration::from_millis(1500));
        assert_eq!(later - later, Duration::ZERO);
        assert_eq!(early.since_origin(), Duration::ZERO);
        assert_eq!(size_of::<Option<Instant>>(), 8);
    }
}
