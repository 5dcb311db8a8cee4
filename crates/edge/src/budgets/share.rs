//! How much of what is short one zone may have.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::metrics::{NO_ZONE, ZoneCounters};
use crate::worker::Handle;

/// However many zones are active, each may have so many exchanges under way in the process.
pub(super) const SHARE_MIN: u64 = 8;
/// A zone is active for so long after its last request.
pub(super) const ACTIVE_WITHIN: Duration = Duration::from_secs(10);
/// How many of the zones that have their share are named.
const NAMED_MAX: usize = 10;

/// The zones as they were seen while something is short.
#[derive(Debug, Default)]
pub(super) struct Shares {
    zones: HashMap<Arc<str>, Seen>,
    /// The most exchanges that were under way since something has been short.
    most_under_way: u64,
    fair: Option<Fair>,
}

#[derive(Debug)]
struct Seen {
    bytes_in: u64,
    active: Instant,
    under_way: u64,
}

/// What each zone may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fair {
    /// Zones that are active.
    pub zones_active: u64,
    /// Exchanges under way that each may have in the process.
    pub requests_per_zone: u64,
    /// Some of the zones that have as many, with how many they have.
    pub at_their_share: Vec<(Arc<str>, u64)>,
}

impl Shares {
    pub(super) const fn fair(&self) -> Option<&Fair> {
        self.fair.as_ref()
    }

    /// Nothing is short any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Divides what there is. `capacity` says how many exchanges that is, given the most that were under way
    /// since something has been short.
    pub(super) fn divide(&mut self, workers: &[Handle], now: Instant, capacity: impl FnOnce(u64) -> u64) {
        self.zones.values_mut().for_each(|seen| seen.under_way = 0);
        let mut moved: HashMap<Arc<str>, u64> = HashMap::new();
        for (name, counters) in workers.iter().flat_map(|worker| worker.metrics.zones()) {
            if &*name != NO_ZONE {
                *moved.entry(Arc::clone(&name)).or_default() += counters.bytes_in.read();
                self.see(name, &counters, now);
            }
        }
        for (name, bytes_in) in moved {
            if let Some(seen) = self.zones.get_mut(&name) {
                let has_moved = seen.bytes_in != bytes_in;
                seen.bytes_in = bytes_in;
                if has_moved || seen.under_way > 0 {
                    seen.active = now;
                }
            }
        }
        let under_way = self.zones.values().map(|seen| seen.under_way).sum::<u64>();
        self.most_under_way = self.most_under_way.max(under_way);
        self.fair = Some(self.deal(now, capacity(self.most_under_way)));
    }

    fn see(&mut self, name: Arc<str>, counters: &ZoneCounters, now: Instant) {
        let under_way = counters.under_way.read();
        // A zone that is seen first has had requests at some time; whether lately is not known.
        let long_ago = now.checked_sub(ACTIVE_WITHIN).unwrap_or(now);
        let first = Seen { bytes_in: counters.bytes_in.read(), active: long_ago, under_way: 0 };
        self.zones.entry(name).or_insert(first).under_way += under_way;
    }

    fn deal(&self, now: Instant, capacity: u64) -> Fair {
        let is_active = |seen: &&Seen| now.saturating_duration_since(seen.active) < ACTIVE_WITHIN;
        let zones_active = self.zones.values().filter(is_active).count() as u64;
        let requests_per_zone = (capacity / zones_active.max(1)).max(SHARE_MIN);
        let at = self.zones.iter().filter(|(_, seen)| seen.under_way >= requests_per_zone);
        let mut at_their_share: Vec<_> = at.map(|(name, seen)| (Arc::clone(name), seen.under_way)).collect();
        at_their_share.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        at_their_share.truncate(NAMED_MAX);
        Fair { zones_active, requests_per_zone, at_their_share }
    }
}

impl Fair {
    /// What each zone may have on one of so many cores.
    pub(super) fn per_core(&self, cores: usize) -> usize {
        usize::try_from(self.requests_per_zone.div_ceil(cores.max(1) as u64)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use rempart_base::Now;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn workers() -> Vec<Handle> {
        let worker = || Handle {
            orders: unbounded_channel().0,
            metrics: Arc::default(),
            slot: Box::leak(Box::default()),
        };
        vec![worker(), worker()]
    }

    #[test]
    fn zones_that_are_active_have_the_same_and_idle_ones_take_nothing() {
        let (workers, now) = (workers(), Now::mono());
        let enter = |core: usize, name: &str| workers[core].metrics.enter(Arc::from(name));
        let (greedy, greedy_too) = (enter(0, "greedy"), enter(1, "greedy"));
        let (modest, _quiet, nobody) = (enter(1, "modest"), enter(0, "quiet"), enter(0, NO_ZONE));
        greedy.under_way.add(60);
        greedy_too.under_way.add(30);
        nobody.under_way.add(1000);
        let mut shares = Shares::default();
        shares.divide(&workers, now, |_| 100);
        assert_eq!(shares.fair().unwrap().requests_per_zone, 100, "one zone alone has all of it");
        modest.exchange(200, false, Duration::ZERO, (10, 10));
        shares.divide(&workers, now, |most| {
            assert_eq!(most, 90);
            100
        });
        let fair = shares.fair().unwrap();
        assert_eq!((fair.zones_active, fair.requests_per_zone, fair.per_core(2)), (2, 50, 25));
        assert_eq!(fair.at_their_share, [(Arc::from("greedy"), 90)]);
        shares.divide(&workers, now + ACTIVE_WITHIN, |_| 100);
        assert_eq!(shares.fair().unwrap().zones_active, 1, "the modest one has been silent for long");
    }

    #[test]
    fn the_most_that_was_under_way_is_kept_until_nothing_is_short() {
        let (workers, now) = (workers(), Now::mono());
        let zone = workers[0].metrics.enter(Arc::from("a"));
        zone.under_way.add(40);
        let mut shares = Shares::default();
        shares.divide(&workers, now, |most| most);
        zone.under_way.add(0_u64.wrapping_sub(39));
        shares.divide(&workers, now, |most| most);
        assert_eq!(shares.fair().unwrap().requests_per_zone, 40);
        shares.forget();
        shares.divide(&workers, now, |most| most);
        assert_eq!(shares.fair().unwrap().requests_per_zone, SHARE_MIN);
    }
}
