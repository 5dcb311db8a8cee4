//! Time as a value. Pure code takes a [`Now`]; only `wire`, `origin` and `edge` read a clock, so tests
//! move time by hand.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One moment: the monotonic clock for durations and the wall clock for what people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For deadlines and durations. Never goes backwards.
    pub mono: Instant,
    /// Nanoseconds since 1970-01-01T00:00:00Z, for logs and `Date`. May jump.
    pub unix_ns: u64,
}

impl Now {
    /// Reads both clocks of this machine.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    pub fn read() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { mono: Instant::now(), unix_ns: u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX) }
    }

    /// Reads only the monotonic clock, for code that measures a wait and names no date.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    pub fn mono() -> Instant {
        Instant::now()
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub const fn unix_s(self) -> u64 {
        self.unix_ns / 1_000_000_000
    }

    /// This moment moved forward on both clocks.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        let ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        Self { mono: self.mono + by, unix_ns: self.unix_ns.saturating_add(ns) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_forward_moves_both_clocks() {
        let now = Now::read();
        let later = now.after(Duration::from_millis(1500));
        assert_eq!(later.mono - now.mono, Duration::from_millis(1500));
        assert_eq!(later.unix_ns - now.unix_ns, 1_500_000_000);
    }
}
