//! Whether a release does worse than the one before it. Pure: counts in, a verdict out.

use std::fmt;
use std::ops::Sub;

use crate::metrics::{RELEASE_LATENCIES, latency_bound_us};

/// Fewer errors than these say nothing, whatever their share.
const ERRORS_MIN: u64 = 5;
/// How much larger the share of errors must be: one in a hundred.
const ERROR_SHARE_MARGIN: f64 = 0.01;
/// How many standard errors the shares must be apart, so that chance does not roll a release back: with
/// four looks a second, three would be met by chance every few minutes.
const STANDARD_ERRORS_MIN: f64 = 5.0;
/// One panic may be a visitor's rare find that the release before had too; several are the release's.
const PANICS_MIN: u64 = 3;
/// Of latency and CPU only a doubling counts; below it visitors' habits and neighbours change as much.
const FACTOR: f64 = 2.0;
/// Requests on both sides below which times are not compared.
const TIMED_REQUESTS_MIN: u64 = 200;
/// A median latency that grew by less is let pass.
const LATENCY_MARGIN_US: u64 = 40_000;
/// CPU a request that grew by less is let pass.
const CPU_MARGIN_US: f64 = 500.0;

/// What was counted over a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Exchanges that ended.
    pub(crate) requests: u64,
    /// Of them, ended so that it speaks against the release.
    pub(crate) errors: u64,
    /// Of them, failed by a fault of ours.
    pub(crate) ours: u64,
    /// Panics and exceeded budgets of stages.
    pub(crate) panics: u64,
    /// Exchanges that ended, by the time they took.
    pub(crate) latencies: [u64; RELEASE_LATENCIES],
    /// What the process used.
    pub(crate) cpu_us: u64,
}

impl Sub for Sums {
    type Output = Self;

    /// What was counted since `earlier`. Counters of a process only grow.
    fn sub(self, earlier: Self) -> Self {
        let mut latencies = self.latencies;
        latencies.iter_mut().zip(earlier.latencies).for_each(|(now, then)| *now = now.saturating_sub(then));
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            errors: self.errors.saturating_sub(earlier.errors),
            ours: self.ours.saturating_sub(earlier.ours),
            panics: self.panics.saturating_sub(earlier.panics),
            latencies,
            cpu_us: self.cpu_us.saturating_sub(earlier.cpu_us),
        }
    }
}

impl Sums {
    fn error_share(&self) -> f64 {
        share(self.errors, self.requests)
    }

    /// What half of the exchanges took, between these two. Not the mean: one visitor who takes an hour over a
    /// download, or keeps a tunnel open, would have his way with it.
    fn latency_median_us(&self) -> (u64, u64) {
        let all: u64 = self.latencies.iter().sum();
        let mut up_to_here = 0;
        let bucket = self.latencies.iter().position(|count| {
            up_to_here += count;
            up_to_here * 2 >= all
        });
        let bucket = bucket.unwrap_or(0);
        let more_than = bucket.checked_sub(1).and_then(latency_bound_us).unwrap_or(0);
        (more_than, latency_bound_us(bucket).unwrap_or(u64::MAX))
    }

    fn cpu_mean_us(&self) -> f64 {
        share(self.cpu_us, self.requests)
    }
}

/// Which errors are a release's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// All: it changes what holds for every zone.
    All,
    /// Faults of ours. It changes some zones, which are watched by themselves; an origin that breaks in
    /// another zone meanwhile is not its doing.
    Ours,
}

/// Why a release is worse than the one before.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Worse {
    /// Too many answers are 5xx.
    Errors { before: Sums, now: Sums },
    /// Too many answers of one zone that it changed are 5xx.
    ZoneErrors { zone: String, before: Sums, now: Sums },
    /// Stages panic.
    Panics { before: Sums, now: Sums },
    /// Answers take longer.
    Latency { before: Sums, now: Sums },
    /// Requests cost more.
    Cpu { before: Sums, now: Sums },
}

impl Worse {
    /// The zone whose doing it is, if it is one zone's.
    pub(crate) fn zone(&self) -> Option<&str> {
        match self {
            Self::ZoneErrors { zone, .. } => Some(zone),
            Self::Errors { .. } | Self::Panics { .. } | Self::Latency { .. } | Self::Cpu { .. } => None,
        }
    }
}

impl fmt::Display for Worse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errors { before, now } => errors(f, "", before, now),
            Self::ZoneErrors { zone, before, now } => errors(f, &format!(" of zone {zone}"), before, now),
            Self::Panics { before, now } => write!(
                f,
                "{} panics or exceeded budgets of stages in {} requests; before: {} in {}",
                now.panics, now.requests, before.panics, before.requests
            ),
            Self::Latency { before, now } => write!(
                f,
                "half of the answers take more than {} ms; before: at most {} ms",
                now.latency_median_us().0 / 1_000,
                before.latency_median_us().1.div_ceil(1_000)
            ),
            Self::Cpu { before, now } => write!(
                f,
                "a request costs {:.0} µs of CPU; before: {:.0} µs",
                now.cpu_mean_us(),
                before.cpu_mean_us()
            ),
        }
    }
}

fn errors(f: &mut fmt::Formatter<'_>, whose: &str, before: &Sums, now: &Sums) -> fmt::Result {
    write!(
        f,
        "{} of {} answers{whose} are 5xx ({:.1} %); before: {} of {} ({:.1} %)",
        now.errors,
        now.requests,
        now.error_share() * 100.0,
        before.errors,
        before.requests,
        before.error_share() * 100.0
    )
}

/// Compares a release with the one before it. Without requests before there is nothing to compare with but
/// panics, which no release should have.
#[must_use]
pub(crate) fn worse(blame: Blame, before: &Sums, now: &Sums) -> Option<Worse> {
    let blamed = |sums: &Sums| match blame {
        Blame::All => *sums,
        Blame::Ours => Sums { errors: sums.ours, ..*sums },
    };
    let (before, now) = (blamed(before), blamed(now));
    if now.panics >= PANICS_MIN
        && share(now.panics, now.requests) > FACTOR * share(before.panics, before.requests)
    {
        return Some(Worse::Panics { before, now });
    }
    if has_more_errors(&before, &now) {
        return Some(Worse::Errors { before, now });
    }
    if before.requests < TIMED_REQUESTS_MIN || now.requests < TIMED_REQUESTS_MIN {
        return None;
    }
    if is_slower(&before, &now) {
        return Some(Worse::Latency { before, now });
    }
    has_grown(before.cpu_mean_us(), now.cpu_mean_us(), CPU_MARGIN_US).then_some(Worse::Cpu { before, now })
}

/// Compares a zone that the release has changed with itself before: it must be worse than at each of these times.
#[must_use]
pub(crate) fn zone_worse(zone: &str, pasts: &[Sums], now: &Sums) -> Option<Worse> {
    let before = *pasts.first()?;
    let worse = || Worse::ZoneErrors { zone: zone.to_owned(), before, now: *now };
    pasts.iter().all(|past| has_more_errors(past, now)).then(worse)
}

/// Whether half of the answers take twice as long for certain, whatever they took within their buckets.
fn is_slower(before: &Sums, now: &Sums) -> bool {
    let ((_, before), (now, _)) = (before.latency_median_us(), now.latency_median_us());
    now >= before.saturating_mul(2) && now - before > LATENCY_MARGIN_US
}

fn has_grown(before: f64, now: f64, margin: f64) -> bool {
    now > before * FACTOR && now - before > margin
}

/// The test for two shares: their distance in standard errors of their pooled share.
fn has_more_errors(before: &Sums, now: &Sums) -> bool {
    if before.requests == 0 || now.errors < ERRORS_MIN {
        return false;
    }
    let difference = now.error_share() - before.error_share();
    let pooled = share(now.errors + before.errors, now.requests + before.requests);
    let (of_now, of_before) = (1.0 / float(now.requests), 1.0 / float(before.requests));
    let standard_error = (pooled * (1.0 - pooled) * (of_now + of_before)).sqrt();
    difference > ERROR_SHARE_MARGIN && difference > STANDARD_ERRORS_MIN * standard_error
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { float(part) / float(whole) }
}

#[expect(clippy::cast_precision_loss, reason = "counts of one window stay far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::ReleaseCounters;

    fn sums(requests: u64, errors: u64) -> Sums {
        Sums { requests, errors, ..Sums::default() }
    }

    #[test]
    fn a_doubled_share_of_many_errors_is_worse_and_chance_is_not() {
        assert!(worse(Blame::All, &sums(10_000, 10), &sums(1_000, 60)).is_some());
        assert_eq!(worse(Blame::All, &sums(10_000, 10), &sums(1_000, 11)), None, "within a hundredth");
        assert_eq!(
            worse(Blame::All, &sums(10_000, 500), &sums(100, 9)),
            None,
            "nine of a hundred, five expected"
        );
        assert_eq!(worse(Blame::All, &sums(10_000, 0), &sums(10, 4)), None, "one error fewer than counts");
        assert!(worse(Blame::All, &sums(10_000, 0), &sums(10, 5)).is_some());
    }

    #[test]
    fn an_origin_that_was_broken_before_is_not_held_against_the_release() {
        assert_eq!(worse(Blame::All, &sums(1_000, 1_000), &sums(1_000, 1_000)), None);
        assert_eq!(worse(Blame::All, &sums(0, 0), &sums(1_000, 1_000)), None, "nothing to compare with");
    }

    #[test]
    fn three_panics_are_worse_and_two_are_not() {
        let panics = |panics| Sums { requests: 1_000, panics, ..Sums::default() };
        assert_eq!(worse(Blame::All, &panics(0), &panics(2)), None);
        assert!(matches!(worse(Blame::All, &panics(0), &panics(3)), Some(Worse::Panics { .. })));
        assert!(worse(Blame::All, &Sums::default(), &panics(3)).is_some(), "even without a release before");
        assert_eq!(worse(Blame::All, &panics(3), &panics(6)), None, "no more than doubled");
        assert!(worse(Blame::All, &panics(3), &panics(7)).is_some());
    }

    /// As many requests as counts, each of which took so many milliseconds.
    fn timed(all: &[(u64, u64)]) -> Sums {
        let counters = ReleaseCounters::default();
        for (count, ms) in all {
            (0..*count).for_each(|_| counters.end(200, None, Duration::from_millis(*ms), false));
        }
        let totals = counters.read();
        Sums { requests: totals.requests(), latencies: totals.latencies, ..Sums::default() }
    }

    #[test]
    fn the_median_latency_must_double_for_certain_and_grow_by_its_margin() {
        let is_worse = |before: u64, now: u64| {
            let worse = worse(Blame::All, &timed(&[(200, before)]), &timed(&[(200, now)]));
            matches!(worse, Some(Worse::Latency { .. }))
        };
        assert!(!is_worse(100, 250) && is_worse(100, 300), "at most 131 ms, and more than 262 ms");
        assert!(!is_worse(1, 60) && is_worse(1, 70));
        let few = timed(&[(199, 1)]);
        assert_eq!(worse(Blame::All, &few, &timed(&[(1_000, 900)])), None, "too few before");
    }

    #[test]
    fn visitors_who_take_their_time_have_no_release_rolled_back() {
        let before = timed(&[(1_000, 2)]);
        assert_eq!(worse(Blame::All, &before, &timed(&[(150, 2), (100, 3_600_000)])), None);
        assert!(worse(Blame::All, &before, &timed(&[(100, 2), (150, 3_600)])).is_some());
    }

    #[test]
    fn cpu_must_double_and_grow_by_its_margin() {
        let cpu = |us: u64| Sums { requests: 1_000, cpu_us: us * 1_000, ..Sums::default() };
        assert_eq!(worse(Blame::All, &cpu(20), &cpu(520)), None);
        assert!(matches!(worse(Blame::All, &cpu(20), &cpu(521)), Some(Worse::Cpu { .. })));
    }

    #[test]
    fn an_origin_that_breaks_is_not_the_doing_of_a_release_that_changes_other_zones() {
        let now = Sums { ours: 4, ..sums(1_000, 500) };
        assert!(worse(Blame::All, &sums(1_000, 0), &now).is_some());
        assert_eq!(worse(Blame::Ours, &sums(1_000, 0), &now), None);
        assert!(worse(Blame::Ours, &sums(1_000, 0), &Sums { ours: 100, ..now }).is_some());
    }

    #[test]
    fn a_changed_zone_is_compared_with_itself() {
        assert!(zone_worse("a.example", &[sums(500, 1)], &sums(20, 20)).is_some());
        assert_eq!(zone_worse("a.example", &[sums(500, 500)], &sums(20, 20)), None);
        assert_eq!(zone_worse("a.example", &[], &sums(20, 20)), None);
        // Its origin broke a moment ago: who tries to mend it is not hindered.
        assert_eq!(zone_worse("a.example", &[sums(500, 1), sums(20, 20)], &sums(20, 20)), None);
    }
}
