//! What is counted. Each core counts for itself, with plain stores that no other core makes; reading sums
//! up. A zone without traffic has no counters.

mod cache;
mod release;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rempart_http2::{Budget, Failure};

use crate::incidents::Incidents;
use crate::rules::{ACTIONS, Matched};

pub use self::cache::{CacheCounters, is_hit};
pub use self::release::{
    RELEASE_LATENCIES, RELEASES_MAX, ReleaseCounters, ReleaseTotals, latency_bound_us,
    speaks_against_its_release,
};

/// Upper bounds of the latency histogram's buckets, in microseconds; the last bucket has none.
pub const LATENCY_BOUNDS_US: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000,
    30_000_000,
];

/// Statuses that are counted one by one; any other counts as the first of its class.
pub const STATUSES: [u16; 48] = [
    100, 101, 200, 201, 202, 204, 206, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 408,
    409, 410, 412, 413, 414, 416, 417, 421, 422, 429, 431, 499, 500, 501, 502, 503, 504, 505, 508, 520, 521,
    522, 523, 524, 525, 526, 530,
];

/// A counter that one core writes and anybody reads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds. Only the owning core may call it: it is a load and a store, not one locked step.
    pub fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// Reads.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One core's counts of one zone.
#[derive(Debug)]
pub struct ZoneCounters {
    /// Exchanges by status, in the order of [`STATUSES`].
    pub statuses: [Counter; STATUSES.len()],
    /// Exchanges by time to their end, in the order of [`LATENCY_BOUNDS_US`] and one more.
    pub latencies: [Counter; LATENCY_BOUNDS_US.len() + 1],
    /// Sum of those times.
    pub latency_us: Counter,
    /// Exchanges that ended so that it [speaks against their release](speaks_against_its_release).
    pub errors: Counter,
    /// Exchanges that are under way; it goes down too.
    pub under_way: Counter,
    /// Bytes from visitors.
    pub bytes_in: Counter,
    /// Bytes to visitors.
    pub bytes_out: Counter,
    /// What the cache did.
    pub cache: CacheCounters,
    /// Matches of rules by action, in the order of [`ACTIONS`].
    pub rules: [Counter; ACTIONS.len()],
}

impl Default for ZoneCounters {
    fn default() -> Self {
        Self {
            statuses: std::array::from_fn(|_| Counter::default()),
            latencies: std::array::from_fn(|_| Counter::default()),
            latency_us: Counter::default(),
            errors: Counter::default(),
            under_way: Counter::default(),
            bytes_in: Counter::default(),
            bytes_out: Counter::default(),
            cache: CacheCounters::default(),
            rules: std::array::from_fn(|_| Counter::default()),
        }
    }
}

impl ZoneCounters {
    /// Counts one exchange. `is_error`: it [speaks against its release](speaks_against_its_release).
    pub fn exchange(&self, status: u16, is_error: bool, took: Duration, (bytes_in, bytes_out): (u64, u64)) {
        if is_error {
            self.errors.add(1);
        }
        let slot = STATUSES.binary_search(&status).or_else(|_| STATUSES.binary_search(&(status / 100 * 100)));
        if let Some(counter) = slot.ok().and_then(|slot| self.statuses.get(slot)) {
            counter.add(1);
        }
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(counter) = self.latencies.get(LATENCY_BOUNDS_US.partition_point(|bound| *bound < us)) {
            counter.add(1);
        }
        self.latency_us.add(us);
        self.bytes_in.add(bytes_in);
        self.bytes_out.add(bytes_out);
    }

    /// Counts what rules have matched in one exchange.
    pub fn matched(&self, matched: &Matched<'_>) {
        for (counter, count) in self.rules.iter().zip(matched.counts()).filter(|(_, count)| *count > 0) {
            counter.add(count);
        }
    }

    /// Exchanges in all.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.statuses.iter().map(Counter::read).sum()
    }
}

/// The name under which exchanges are counted that belong to no zone.
pub const NO_ZONE: &str = "-";

/// What one core counts of visitors' connections of HTTP/2.
#[derive(Debug, Default)]
pub struct Http2Counters {
    /// How many there were.
    pub connections: Counter,
    /// Of those, ended because the visitor broke the protocol.
    pub violations: Counter,
    over_budget: [Counter; Budget::ALL.len()],
}

impl Http2Counters {
    /// Counts a connection that has ended.
    pub fn ended(&self, failure: Option<Failure>) {
        match failure {
            Some(Failure::Violation(_)) => self.violations.add(1),
            Some(Failure::Budget(budget)) => {
                let place = Budget::ALL.iter().position(|one| *one == budget).unwrap_or_default();
                if let Some(counter) = self.over_budget.get(place) {
                    counter.add(1);
                }
            }
            None => {}
        }
    }

    /// Connections ended because the visitor was over a budget, by budget.
    pub fn over_budget(&self) -> impl Iterator<Item = (Budget, u64)> {
        Budget::ALL.into_iter().zip(self.over_budget.iter().map(Counter::read))
    }
}

/// What one core counts.
#[derive(Debug, Default)]
pub struct CoreMetrics {
    /// Visitors' connections that are open. Written by whichever core hands a connection over.
    pub connections: AtomicUsize,
    /// Connections accepted.
    pub accepted: Counter,
    /// Of those, handed to a core with fewer.
    pub handed_over: Counter,
    /// Connections turned away before HTTP: handshake or PROXY header.
    pub turned_away: Counter,
    /// Connections closed at once because something was short.
    pub shed: Counter,
    /// Visitors' connections of HTTP/2.
    pub http2: Http2Counters,
    /// What this core is told of the budgets, and counts about them.
    pub budget: crate::budgets::CoreBudget,
    /// Exchanges tried a second time.
    pub retries: Counter,
    /// Bytes of request bodies that are held for rules; it goes down too.
    pub held_body_bytes: Counter,
    /// Lines of the access log that were dropped.
    pub log_dropped: Counter,
    /// Toward origins.
    pub origins: Arc<rempart_origin::Counters>,
    /// Idle connections to origins.
    pub origin_idle: AtomicUsize,
    /// Some recent requests, for the taster.
    pub samples: crate::samples::CoreSamples,
    /// What went wrong.
    pub incidents: Incidents,
    /// Security events that were dropped.
    pub events_dropped: Counter,
    zones: Mutex<Vec<(Arc<str>, Arc<ZoneCounters>)>>,
    releases: Mutex<VecDeque<(u64, Arc<ReleaseCounters>)>>,
}

impl CoreMetrics {
    /// Enters a zone's counters, once for each zone that has traffic on this core.
    pub fn enter(&self, name: Arc<str>) -> Arc<ZoneCounters> {
        let counters = Arc::new(ZoneCounters::default());
        self.zones.lock().push((name, Arc::clone(&counters)));
        counters
    }

    /// The counters of the release of this number, entered if they are not there: when a core swaps to it.
    pub fn enter_release(&self, number: u64) -> Arc<ReleaseCounters> {
        let mut releases = self.releases.lock();
        let known = releases.iter().position(|(other, _)| *other == number);
        let known = known.and_then(|index| releases.remove(index));
        if releases.len() == RELEASES_MAX {
            releases.pop_front();
        }
        // The one that was entered last stands last: a release that stays while many are tried is not forgotten.
        let (_, counters) = releases.push_back_mut(known.unwrap_or_else(|| (number, Arc::default())));
        Arc::clone(counters)
    }

    /// What was counted of a release; nothing, if it does not run here or was forgotten.
    #[must_use]
    pub fn release(&self, number: u64) -> ReleaseTotals {
        let releases = self.releases.lock();
        let found = releases.iter().find(|(other, _)| *other == number);
        found.map_or_else(ReleaseTotals::default, |(_, counters)| counters.read())
    }

    /// Forgets zones for which `keep` does not hold.
    pub fn retain(&self, mut keep: impl FnMut(&str) -> bool) {
        self.zones.lock().retain(|(name, _)| keep(name));
    }

    /// Every zone with traffic.
    #[must_use]
    pub fn zones(&self) -> Vec<(Arc<str>, Arc<ZoneCounters>)> {
        self.zones.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_sorted_so_that_they_can_be_searched() {
        assert!(STATUSES.is_sorted() && LATENCY_BOUNDS_US.is_sorted());
    }

    #[test]
    fn only_the_last_releases_are_kept_and_one_that_stays_goes_on() {
        let metrics = CoreMetrics::default();
        for number in 1..=RELEASES_MAX as u64 {
            metrics.enter_release(number).begin();
        }
        metrics.enter_release(1).begin();
        assert_eq!((metrics.release(1).begun, metrics.release(9).begun), (2, 0));
        // The good one serves beside one that is tried after the other.
        for number in 9..=30 {
            metrics.enter_release(number).begin();
            metrics.enter_release(1);
            assert_eq!((metrics.release(1).begun, metrics.release(number).begun), (2, 1), "release {number}");
        }
        assert_eq!(metrics.release(9).begun, 0);
    }

    #[test]
    fn a_rare_status_counts_for_its_class_and_latency_lands_in_its_bucket() {
        let counters = ZoneCounters::default();
        counters.exchange(418, false, Duration::from_micros(250), (10, 20));
        counters.exchange(200, false, Duration::from_micros(251), (1, 2));
        let at = |status| STATUSES.binary_search(&status).unwrap();
        assert_eq!(counters.statuses[at(400)].read(), 1);
        assert_eq!(counters.statuses[at(200)].read(), 1);
        assert_eq!((counters.latencies[0].read(), counters.latencies[1].read()), (1, 1));
        assert_eq!((counters.bytes_in.read(), counters.bytes_out.read(), counters.requests()), (11, 22, 2));
    }
}
