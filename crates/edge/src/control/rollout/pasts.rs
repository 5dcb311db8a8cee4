//! What zones have done lately: a zone that a release changes is compared with itself, and a zone that was broken
//! a moment ago, or for hours last week, is not what it is over its whole life.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::judge::Sums;

/// Requests and errors of zones, by name.
pub(crate) type ZoneCounts = HashMap<Arc<str>, (u64, u64)>;

/// The counts of all zones at two moments, of which the older is one window old or more.
#[derive(Debug, Default)]
pub(crate) struct Pasts {
    noted: Option<Instant>,
    newer: ZoneCounts,
    older: ZoneCounts,
}

impl Pasts {
    /// Whether it is time to [note](Self::note).
    pub(crate) fn is_due(&self, now: Instant, window: Duration) -> bool {
        self.noted.is_none_or(|noted| now.saturating_duration_since(noted) >= window)
    }

    /// Takes the counts of this moment.
    pub(crate) fn note(&mut self, now: Instant, counts: ZoneCounts) {
        self.older = match self.noted.replace(now) {
            Some(_) => std::mem::replace(&mut self.newer, counts),
            None => {
                self.newer.clone_from(&counts);
                counts
            }
        };
    }

    /// What was counted until the next note is nobody's past: a release that did harm has been taken back.
    pub(crate) fn begin_anew(&mut self) {
        *self = Self::default();
    }

    /// What a zone did until these counts, at most times first: since the older moment, and since the newer one. If
    /// it was quiet meanwhile, all that it ever did; nothing, if that is nothing.
    pub(crate) fn of(&self, zone: &str, until: Sums) -> Vec<Sums> {
        let since = |then: &ZoneCounts| {
            let (requests, errors) = then.get(zone).copied().unwrap_or_default();
            until - Sums { requests, errors, ..Sums::default() }
        };
        let lately = [since(&self.older), since(&self.newer)];
        let mut pasts: Vec<Sums> = lately.into_iter().filter(|past| past.requests > 0).collect();
        if pasts.is_empty() && until.requests > 0 {
            pasts.push(until);
        }
        pasts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(requests: u64, errors: u64) -> Sums {
        Sums { requests, errors, ..Sums::default() }
    }

    #[test]
    fn what_is_long_ago_counts_only_if_nothing_has_happened_since() {
        let (mut pasts, now, window) = (Pasts::default(), rempart_base::Now::mono(), Duration::from_secs(60));
        assert!(pasts.is_due(now, window) && pasts.of("a.example", sums(0, 0)).is_empty());
        let mut note = |after: Duration, counts| {
            pasts.note(now + after, ZoneCounts::from([("a.example".into(), counts)]));
            assert!(!pasts.is_due(now + after + window - Duration::from_nanos(1), window));
            assert!(pasts.is_due(now + after + window, window));
        };
        note(Duration::ZERO, (1_000, 0));
        note(window, (1_100, 0));
        assert_eq!(pasts.of("a.example", sums(1_150, 50)), [sums(150, 50), sums(50, 50)]);
        assert_eq!(pasts.of("a.example", sums(1_100, 0)), [sums(100, 0)]);
        pasts.note(now, ZoneCounts::from([("a.example".into(), (1_100, 0))]));
        assert_eq!(pasts.of("a.example", sums(1_100, 0)), [sums(1_100, 0)]);
        pasts.begin_anew();
        pasts.note(now, ZoneCounts::from([("a.example".into(), (1_200, 100))]));
        assert_eq!(
            pasts.of("a.example", sums(1_210, 100)),
            [sums(10, 0), sums(10, 0)],
            "the harm is left out"
        );
    }
}
