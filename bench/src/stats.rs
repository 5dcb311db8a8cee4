//! The arithmetic of a measurement: medians, spreads, and a histogram of latencies.

/// The middle value, the mean of the two middle ones where their number is even; `None` for no values.
#[must_use]
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*sorted.get(middle - 1)?, upper))
}

/// Where the values of several rounds lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The middle value.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// The spread of these values; `None` for no values.
    #[must_use]
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            median: median(values)?,
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }

    /// The spread of `a[i] / b[i]`, round by round.
    #[must_use]
    pub(crate) fn of_ratios(a: &[f64], b: &[f64]) -> Option<Self> {
        let ratios: Vec<f64> = a.iter().zip(b).map(|(a, b)| a / b).collect();
        Self::of(&ratios)
    }

    /// How far the extremes are apart, as a share of the median.
    #[must_use]
    pub(crate) fn width(self) -> f64 {
        (self.max - self.min) / self.median
    }
}

/// Values of each power of two are counted in this many equal steps, so a quantile is off by at most 1/32.
const STEPS: u64 = 32;

/// Counts of values in logarithmic steps; memory does not grow with their number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    /// Counts one value.
    pub(crate) fn record(&mut self, value: u64) {
        let slot = slot_of(value);
        if slot >= self.counts.len() {
            self.counts.resize(slot + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(slot) {
            *count += 1;
        }
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// Adds all values of another histogram.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.counts.len() > self.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// The value that this share (0 to 1) of all values does not exceed, rounded up to its step; 0 if empty.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a count lies between 0 and the count"
    )]
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (slot, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && *count > 0 {
                return top_of(slot).min(self.max);
            }
        }
        self.max
    }

    /// The largest value; 0 if empty.
    #[must_use]
    pub(crate) const fn max(&self) -> u64 {
        self.max
    }
}

#[expect(clippy::cast_possible_truncation, reason = "64 powers of 32 steps: at most 2048 slots")]
fn slot_of(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let shift = value.ilog2() - STEPS.ilog2();
    (u64::from(shift) * STEPS + (value >> shift)) as usize
}

/// The largest value of a slot.
fn top_of(slot: usize) -> u64 {
    let slot = slot as u64;
    if slot < 2 * STEPS {
        return slot;
    }
    let shift = slot / STEPS - 1;
    let low = (slot - shift * STEPS) << shift;
    low + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_even_and_none() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        // The machine slowed down by half in the second round: the ratio did not change.
        let spread = Spread::of_ratios(&[10.0, 15.0, 10.0], &[20.0, 30.0, 16.0]).unwrap();
        assert_eq!(spread, Spread { median: 0.5, min: 0.5, max: 0.625 });
        assert!((spread.width() - 0.25).abs() < 1e-9);
    }

    #[test]
    fn every_value_lies_in_its_slot() {
        for value in (0..5000).chain([u64::from(u32::MAX), u64::MAX / 3, u64::MAX]) {
            let top = top_of(slot_of(value));
            assert!(top >= value, "{value} above the top {top} of its slot");
            assert!(top - value <= value / STEPS, "{value} is {top}: off by more than a step");
        }
    }

    #[test]
    fn quantiles_of_a_thousand() {
        let mut low = Histogram::default();
        let mut high = Histogram::default();
        (1..=500).for_each(|value| low.record(value));
        (501..=1000).for_each(|value| high.record(value));
        low.merge(&high);
        assert!((500..=516).contains(&low.quantile(0.5)), "{}", low.quantile(0.5));
        assert!((990..=1000).contains(&low.quantile(0.99)), "{}", low.quantile(0.99));
        assert_eq!(low.quantile(1.0), 1000);
        assert_eq!(low.max(), 1000);
        assert_eq!(Histogram::default().quantile(0.5), 0);
    }
}
