//! What happened between two looks.

use std::collections::{BTreeMap, HashMap};

use super::counts::{Counts, Origin, Zone};

/// Of all that reached the cache, these were answered by it.
const HITS: [&str; 4] = ["hit", "stale", "revalidated", "updating"];
/// Classes of statuses that have a column.
pub(super) const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// All of it.
pub(super) struct Rates {
    pub(super) now: Counts,
    pub(super) zones: Vec<ZoneRates>,
    /// All zones together.
    pub(super) total: ZoneRates,
    pub(super) origins: Vec<OriginRates>,
    pub(super) inserted: f64,
    pub(super) evicted: f64,
    /// Connections to origins.
    pub(super) opened: f64,
    pub(super) reused: f64,
}

/// One zone's, a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ZoneRates {
    pub(super) zone: String,
    pub(super) requests: f64,
    /// In the order of [`CLASSES`].
    pub(super) classes: [f64; CLASSES.len()],
    /// Percent of what reached the cache; `None`: nothing did.
    pub(super) hit_percent: Option<f64>,
    pub(super) bytes_out: f64,
    pub(super) bytes_saved: f64,
    pub(super) collapsed: f64,
    pub(super) refetches: f64,
    pub(super) under_way: u64,
    /// Half of the exchanges took no longer, in µs; `None`: there were none.
    pub(super) p50_us: Option<f64>,
    /// The same of 99 %.
    pub(super) p99_us: Option<f64>,
}

/// One origin's, a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct OriginRates {
    pub(super) origin: String,
    pub(super) asked: f64,
    pub(super) failed: f64,
    pub(super) open: u64,
}

impl Rates {
    /// Of two looks at the same edge.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(super) fn between(before: &Counts, now: &Counts) -> Self {
        let ms = now.uptime_ms.saturating_sub(before.uptime_ms);
        let rate = move |before: u64, now: u64| {
            if ms == 0 { 0.0 } else { now.saturating_sub(before) as f64 * 1000.0 / ms as f64 }
        };
        let old: HashMap<&str, &Zone> = before.zones.iter().map(|zone| (&*zone.zone, zone)).collect();
        let (none, bounds) = (Zone::default(), &now.latency_bounds_us);
        // A zone that was not among those shown before has a past that is not known: it begins now.
        let pairs: Vec<(&Zone, &Zone)> =
            now.zones.iter().map(|zone| (*old.get(&*zone.zone).unwrap_or(&zone), zone)).collect();
        let zones =
            pairs.iter().map(|(before, now)| ZoneRates::between(before, now, bounds, &rate)).collect();
        let sum = |of: fn(&(&Zone, &Zone)) -> Zone| {
            pairs.iter().map(of).fold(none.clone(), |sum, zone| sum.with(&zone))
        };
        let (all_before, all_now) = (sum(|pair| pair.0.clone()), sum(|pair| pair.1.clone()));
        let total = ZoneRates::between(&all_before, &all_now, bounds, &rate);
        let old: HashMap<&str, &Origin> = before.origins.iter().map(|one| (&*one.origin, one)).collect();
        let origins = now.origins.iter().map(|now| {
            let before = old.get(&*now.origin).unwrap_or(&now);
            OriginRates {
                origin: now.origin.clone(),
                asked: rate(before.asked, now.asked),
                failed: rate(before.failed, now.failed),
                open: now.open,
            }
        });
        Self {
            zones,
            total,
            origins: origins.collect(),
            inserted: rate(before.cache.inserted, now.cache.inserted),
            evicted: rate(before.cache.evicted, now.cache.evicted),
            opened: rate(before.origin_connections.opened, now.origin_connections.opened),
            reused: rate(before.origin_connections.reused, now.origin_connections.reused),
            now: now.clone(),
        }
    }
}

impl Zone {
    fn with(mut self, other: &Self) -> Self {
        let add = |to: &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>| {
            from.iter().for_each(|(name, count)| *to.entry(name.clone()).or_default() += count);
        };
        add(&mut self.statuses, &other.statuses);
        add(&mut self.cache, &other.cache);
        self.latencies.resize(self.latencies.len().max(other.latencies.len()), 0);
        self.latencies.iter_mut().zip(&other.latencies).for_each(|(to, from)| *to += from);
        self.under_way += other.under_way;
        self.bytes_out += other.bytes_out;
        self.bytes_saved += other.bytes_saved;
        self.collapsed += other.collapsed;
        self.refetches += other.refetches;
        self
    }
}

impl ZoneRates {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn between(before: &Zone, now: &Zone, bounds: &[u64], rate: &impl Fn(u64, u64) -> f64) -> Self {
        let grown = |before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>, name: &str| {
            let count = |of: &BTreeMap<String, u64>| of.get(name).copied().unwrap_or(0);
            (count(before), count(now))
        };
        let class = |name: &str| {
            let (before, now) = grown(&before.statuses, &now.statuses, name);
            rate(before, now)
        };
        let cached = |name: &str| {
            let (before, now) = grown(&before.cache, &now.cache, name);
            now.saturating_sub(before)
        };
        let hits: u64 = HITS.iter().map(|name| cached(name)).sum();
        let all: u64 = now.cache.keys().map(|name| cached(name)).sum();
        let latencies: Vec<u64> = now
            .latencies
            .iter()
            .enumerate()
            .map(|(slot, count)| count.saturating_sub(before.latencies.get(slot).copied().unwrap_or(0)))
            .collect();
        let requests = |zone: &Zone| zone.statuses.values().sum::<u64>();
        Self {
            zone: now.zone.clone(),
            requests: rate(requests(before), requests(now)),
            classes: CLASSES.map(class),
            hit_percent: (all > 0).then(|| hits as f64 / all as f64 * 100.0),
            bytes_out: rate(before.bytes_out, now.bytes_out),
            bytes_saved: rate(before.bytes_saved, now.bytes_saved),
            collapsed: rate(before.collapsed, now.collapsed),
            refetches: rate(before.refetches, now.refetches),
            under_way: now.under_way,
            p50_us: quantile(&latencies, bounds, 0.5),
            p99_us: quantile(&latencies, bounds, 0.99),
        }
    }
}

/// Where a share of the exchanges lies, as if they were evenly spread within their bucket; the last bucket's
/// bound for those above it.
#[expect(clippy::cast_precision_loss, reason = "counts and bounds are far below 2^52")]
fn quantile(counts: &[u64], bounds: &[u64], share: f64) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    let wanted = total as f64 * share;
    let (mut below, mut from) = (0.0, 0.0);
    for (count, bound) in counts.iter().zip(bounds) {
        let (count, bound) = (*count as f64, *bound as f64);
        if count > 0.0 && below + count >= wanted {
            return Some(from + (bound - from) * (wanted - below) / count);
        }
        below += count;
        from = bound;
    }
    (total > 0).then_some(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str, ok: u64, hits: u64, misses: u64, latencies: &[u64]) -> Zone {
        Zone {
            zone: name.to_owned(),
            statuses: [("2xx".to_owned(), ok), ("5xx".to_owned(), 1)].into(),
            cache: [("hit".to_owned(), hits), ("miss".to_owned(), misses)].into(),
            latencies: latencies.to_vec(),
            bytes_out: ok * 1000,
            ..Zone::default()
        }
    }

    fn counts(uptime_ms: u64, zones: Vec<Zone>) -> Counts {
        Counts { uptime_ms, zones, latency_bounds_us: vec![100, 200], ..Counts::default() }
    }

    #[test]
    fn rates_are_of_the_time_between_and_a_zone_that_appears_begins_now() {
        let before = counts(1000, vec![zone("a", 100, 10, 10, &[0, 0, 0])]);
        let now = counts(3000, vec![zone("a", 300, 100, 20, &[10, 0, 0]), zone("b", 50, 9, 9, &[4, 4, 4])]);
        let rates = Rates::between(&before, &now);
        let [a, b] = rates.zones.as_slice() else { panic!("two zones") };
        assert!((a.requests - 100.0).abs() < 1e-9 && (a.bytes_out - 100_000.0).abs() < 1e-9, "{a:?}");
        assert_eq!((a.hit_percent, a.classes), (Some(90.0), [100.0, 0.0, 0.0, 0.0]));
        assert_eq!((b.requests, b.hit_percent, b.p50_us), (0.0, None, None));
        assert_eq!((rates.total.requests, rates.total.hit_percent), (a.requests, a.hit_percent));
    }

    #[test]
    fn without_time_between_nothing_happened() {
        let one = counts(1000, vec![zone("a", 100, 10, 10, &[1, 0, 0])]);
        let rates = Rates::between(&one, &one);
        assert_eq!((rates.total.requests, rates.total.p99_us), (0.0, None));
    }

    #[test]
    fn quantiles_lie_within_their_bucket() {
        let bounds = [100, 200];
        assert_eq!(quantile(&[10, 0, 0], &bounds, 0.5), Some(50.0));
        assert_eq!(quantile(&[5, 5, 0], &bounds, 0.5), Some(100.0));
        assert_eq!(quantile(&[5, 5, 0], &bounds, 0.99), Some(198.0));
        assert_eq!(quantile(&[0, 0, 3], &bounds, 0.5), Some(200.0), "above the last bound");
        assert_eq!(quantile(&[0, 0, 0], &bounds, 0.5), None);
    }
}
