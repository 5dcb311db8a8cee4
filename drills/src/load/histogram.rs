//! How often which latency was met: sixteen steps to each doubling, so that a quantile is right to a
//! sixteenth, and a zone without requests costs nothing.

use std::time::Duration;

/// Steps to a doubling, as a power of two.
const STEP_BITS: u32 = 4;
const STEPS: u64 = 1 << STEP_BITS;

/// Counts of latencies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    counts: Vec<u32>,
    total: u64,
    longest_us: u64,
}

impl Histogram {
    /// Counts one.
    pub(crate) fn record(&mut self, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let place = place(us);
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(1);
        }
        self.total += 1;
        self.longest_us = self.longest_us.max(us);
    }

    /// Adds all of another one.
    pub(crate) fn add(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (own, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *own = own.saturating_add(*theirs);
        }
        self.total += other.total;
        self.longest_us = self.longest_us.max(other.longest_us);
    }

    /// The latency that so many hundredths stay at or below, rounded up by less than a sixteenth.
    pub(crate) fn quantile(&self, hundredths: u64) -> Duration {
        let wanted = (self.total * hundredths).div_ceil(100);
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted && seen > 0 {
                return Duration::from_micros(highest(place).min(self.longest_us));
            }
        }
        Duration::from_micros(self.longest_us)
    }

    /// The longest of all.
    pub(crate) fn longest(&self) -> Duration {
        Duration::from_micros(self.longest_us)
    }

    /// How many were counted.
    #[cfg(test)]
    pub(crate) fn total(&self) -> u64 {
        self.total
    }
}

/// Where a latency is counted.
fn place(us: u64) -> usize {
    let doublings = (u64::BITS - us.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let step = us >> doublings;
    usize::try_from(u64::from(doublings) * STEPS + step).unwrap_or(usize::MAX)
}

/// The longest latency that is counted there.
fn highest(place: usize) -> u64 {
    let place = place as u64;
    if place < 2 * STEPS {
        return place;
    }
    let doublings = place / STEPS - 1;
    let step = place - doublings * STEPS;
    ((step + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_has_its_place_and_the_places_are_in_order() {
        for us in (0..5_000).chain([65_535, 65_536, 1 << 40, u64::from(u32::MAX)]) {
            let place = place(us);
            assert!(highest(place) >= us, "{us}");
            assert!(place == 0 || highest(place - 1) < us, "{us}");
            assert!(highest(place) - us <= us / STEPS, "{us}: within a sixteenth");
        }
    }

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let mut histogram = Histogram::default();
        for ms in 1..=100 {
            histogram.record(Duration::from_millis(ms));
        }
        let half = histogram.quantile(50).as_millis();
        assert!((50..=53).contains(&half), "{half}");
        assert_eq!(histogram.quantile(100), Duration::from_millis(100));
        let mut both = Histogram::default();
        both.add(&histogram);
        both.add(&histogram);
        assert_eq!((both.total(), both.quantile(50)), (200, histogram.quantile(50)));
        assert_eq!(Histogram::default().quantile(99), Duration::ZERO);
    }
}
