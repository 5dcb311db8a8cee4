//! The counters of zones, summed over the cores.

use std::collections::HashMap;
use std::sync::Arc;

use rempart_cache::CacheStatus;

use super::Control;
use crate::metrics::{Counter, LATENCY_BOUNDS_US, ZoneCounters, is_hit};

/// The name under which the zones beyond `admin.zones_max` are summed up.
pub(super) const OTHER_ZONES: &str = "_other";

/// One zone with its counters of every core that knows it; or the rest of them, as if they were one.
pub(super) struct ZoneSum {
    /// Its name.
    pub(super) name: Arc<str>,
    cores: Vec<Arc<ZoneCounters>>,
}

impl ZoneSum {
    /// A figure, summed.
    pub(super) fn sum(&self, read: impl Fn(&ZoneCounters) -> u64) -> u64 {
        self.cores.iter().map(|core| read(core)).sum()
    }

    /// Exchanges by time to their end.
    pub(super) fn latencies(&self) -> [u64; LATENCY_BOUNDS_US.len() + 1] {
        std::array::from_fn(|slot| self.sum(|core| core.latencies.get(slot).map_or(0, Counter::read)))
    }

    /// Exchanges that the cache answered so.
    pub(super) fn cached(&self, status: CacheStatus) -> u64 {
        self.sum(|core| core.cache.status(status))
    }

    /// Whether any exchange has reached the cache.
    pub(super) fn has_cached(&self) -> bool {
        CacheStatus::ALL.into_iter().any(|status| self.cached(status) > 0)
    }

    /// Hits, and all exchanges that reached the cache.
    pub(super) fn hits(&self) -> (u64, u64) {
        CacheStatus::ALL.into_iter().fold((0, 0), |(hits, all), status| {
            let count = self.cached(status);
            (if is_hit(status) { hits + count } else { hits }, all + count)
        })
    }
}

/// The busiest zones; the rest under one name.
pub(super) fn busiest(control: &Control) -> Vec<ZoneSum> {
    let counters = control.workers.iter().flat_map(|worker| worker.metrics.zones());
    most_asked(counters, control.running.load().newest().settings.metrics_zones_max)
}

fn most_asked(counters: impl Iterator<Item = (Arc<str>, Arc<ZoneCounters>)>, max: usize) -> Vec<ZoneSum> {
    let mut zones: HashMap<Arc<str>, Vec<Arc<ZoneCounters>>> = HashMap::new();
    for (name, counters) in counters {
        zones.entry(name).or_default().push(counters);
    }
    let summed = zones.into_iter().map(|(name, cores)| ZoneSum { name, cores });
    let mut zones: Vec<(u64, ZoneSum)> =
        summed.map(|zone| (zone.sum(ZoneCounters::requests), zone)).filter(|(count, _)| *count > 0).collect();
    zones.sort_by(|(x, a), (y, b)| y.cmp(x).then_with(|| a.name.cmp(&b.name)));
    let mut zones: Vec<ZoneSum> = zones.into_iter().map(|(_, zone)| zone).collect();
    if zones.len() > max {
        let cores = zones.split_off(max).into_iter().flat_map(|zone| zone.cores).collect();
        zones.push(ZoneSum { name: Arc::from(OTHER_ZONES), cores });
    }
    zones
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::record::CacheFacts;

    fn asked(name: &str, times: u64) -> (Arc<str>, Arc<ZoneCounters>) {
        let counters = Arc::new(ZoneCounters::default());
        (0..times).for_each(|_| counters.exchange(200, false, Duration::ZERO, (1, 2)));
        (Arc::from(name), counters)
    }

    #[test]
    fn the_busiest_over_all_cores_stand_first_and_the_others_are_one() {
        let counters = || [asked("a", 3), asked("b", 2), asked("c", 1), asked("b", 4), asked("idle", 0)];
        let shown = |max| {
            let zones = most_asked(counters().into_iter(), max);
            zones
                .iter()
                .map(|zone| (zone.name.to_string(), zone.sum(|core| core.requests())))
                .collect::<Vec<_>>()
        };
        let named = |names: &[(&str, u64)]| {
            names.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Vec<_>>()
        };
        assert_eq!(shown(3), named(&[("b", 6), ("a", 3), ("c", 1)]));
        assert_eq!(shown(2), named(&[("b", 6), ("a", 3), (OTHER_ZONES, 1)]));
    }

    #[test]
    fn a_hit_ratio_is_of_all_that_reached_the_cache() {
        let (name, counters) = asked("a", 1);
        for status in [CacheStatus::Hit, CacheStatus::Stale, CacheStatus::Miss, CacheStatus::Dynamic] {
            counters.cache.exchange(&CacheFacts { status, ..CacheFacts::NONE });
        }
        let zone = ZoneSum { name, cores: vec![counters] };
        assert_eq!(zone.hits(), (2, 4));
        assert!(zone.has_cached());
    }
}
