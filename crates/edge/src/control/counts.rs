//! What was counted since the start, as JSON: for `rempart top` and `status`. Nothing here waits for whoever
//! changes what runs.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use rempart_base::Now;
use rempart_cache::CacheStatus;
use serde_json::{Map, Value, json};

use super::Control;
use super::zones::{self, ZoneSum};
use crate::metrics::{Counter, LATENCY_BOUNDS_US, STATUSES};
use crate::worker::Handle;

/// What the cache holds now, and what it has done to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CacheHeld {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) bytes_max: u64,
    pub(super) inserted: u64,
    pub(super) evicted: u64,
    pub(super) refused: u64,
    pub(super) fills: u64,
    pub(super) fill_bytes: u64,
    pub(super) full: u64,
}

impl CacheHeld {
    fn json(self) -> Value {
        let Self { entries, bytes, bytes_max, inserted, evicted, refused, fills, fill_bytes, full } = self;
        json!({
            "entries": entries, "bytes": bytes, "bytes_max": bytes_max, "inserted": inserted,
            "evicted": evicted, "refused": refused, "fills": fills, "fill_bytes": fill_bytes,
            "fills_full": full,
        })
    }
}

impl Control {
    /// What the cache holds.
    pub(super) fn cache_held(&self) -> CacheHeld {
        let (held, fills) = (self.cache.store.counts(), self.cache.fills.counts());
        CacheHeld {
            entries: held.entries,
            bytes: held.bytes,
            bytes_max: self.cache.store.bytes_max(),
            inserted: held.inserted,
            evicted: held.evicted,
            refused: held.refused,
            fills: fills.fills,
            fill_bytes: fills.bytes,
            full: fills.full,
        }
    }
}

/// All of it.
pub(super) fn json(control: &Control) -> Value {
    let sum = |read: fn(&Handle) -> u64| control.workers.iter().map(read).sum::<u64>();
    json!({
        "uptime_ms": u64::try_from((Now::mono() - control.started.mono).as_millis()).unwrap_or(u64::MAX),
        "pid": std::process::id(),
        "release": control.newest().number,
        "workers": control.workers.len(),
        "connections": sum(|w| w.metrics.connections.load(Ordering::Relaxed) as u64),
        "latency_bounds_us": LATENCY_BOUNDS_US,
        "zones": zones::busiest(control).iter().map(zone).collect::<Vec<_>>(),
        "cache": control.cache_held().json(),
        "origin_connections": {
            "opened": sum(|w| w.metrics.origins.opened.load(Ordering::Relaxed)),
            "reused": sum(|w| w.metrics.origins.reused.load(Ordering::Relaxed)),
            "failed": sum(|w| w.metrics.origins.failed.load(Ordering::Relaxed)),
            "idle": sum(|w| w.metrics.origin_idle.load(Ordering::Relaxed) as u64),
        },
        "origins": busiest_origins(control).iter().map(|origin| json!({
            "origin": &*origin.label, "asked": origin.asked, "failed": origin.failed, "open": origin.open,
        })).collect::<Vec<_>>(),
    })
}

/// One origin, summed over the cores.
pub(super) struct OriginSum {
    pub(super) label: Box<str>,
    pub(super) asked: u64,
    pub(super) failed: u64,
    pub(super) open: u64,
}

/// Those that were asked lately, as many at most as zones are shown, the busiest first. What differs only in
/// settings is one here.
pub(super) fn busiest_origins(control: &Control) -> Vec<OriginSum> {
    let mut sums: BTreeMap<Box<str>, (OriginSum, Vec<u64>)> = BTreeMap::new();
    for one in control.workers.iter().flat_map(|worker| worker.metrics.origins.origins()) {
        let (sum, ids) = sums.entry(one.label.clone()).or_insert_with(|| {
            (OriginSum { label: one.label.clone(), asked: 0, failed: 0, open: 0 }, Vec::new())
        });
        sum.asked += one.asked();
        sum.failed += one.failed();
        // That figure is the process's: every core has the same.
        if !ids.contains(&one.id) {
            ids.push(one.id);
            sum.open += one.open() as u64;
        }
    }
    let mut sums: Vec<OriginSum> = sums.into_values().map(|(sum, _)| sum).collect();
    sums.sort_by_key(|sum| Reverse(sum.asked));
    sums.truncate(control.running.load().newest().settings.metrics_zones_max);
    sums
}

fn zone(zone: &ZoneSum) -> Value {
    let class = |class: u16| {
        let of_class = STATUSES.iter().enumerate().filter(|(_, status)| **status / 100 == class);
        of_class
            .map(|(slot, _)| zone.sum(|core| core.statuses.get(slot).map_or(0, Counter::read)))
            .sum::<u64>()
    };
    json!({
        "zone": &*zone.name,
        "statuses": {"1xx": class(1), "2xx": class(2), "3xx": class(3), "4xx": class(4), "5xx": class(5)},
        "latencies": zone.latencies(),
        "under_way": zone.sum(|core| core.under_way.read()),
        "bytes_in": zone.sum(|core| core.bytes_in.read()),
        "bytes_out": zone.sum(|core| core.bytes_out.read()),
        "cache": statuses(zone),
        "bytes_saved": zone.sum(|core| core.cache.bytes_saved.read()),
        "collapsed": zone.sum(|core| core.cache.collapsed.read()),
        "refetches": zone.sum(|core| core.cache.refetches.read()),
    })
}

fn statuses(zone: &ZoneSum) -> Map<String, Value> {
    let counted = CacheStatus::ALL.into_iter().map(|status| (status, zone.cached(status)));
    let counted = counted.filter(|(_, count)| *count > 0);
    counted.map(|(status, count)| (status.as_str().to_ascii_lowercase(), json!(count))).collect()
}

/// The cache alone, with the hit ratio of each of the busiest zones: for people.
pub(super) fn cache_json(control: &Control) -> Value {
    let mut cache = control.cache_held().json();
    let zones = zones::busiest(control);
    let zones = zones.iter().filter(|zone| zone.has_cached()).map(|zone| {
        let (hits, all) = zone.hits();
        json!({
            "zone": &*zone.name,
            "hit_percent": percent(hits, all),
            "bytes_saved": zone.sum(|core| core.cache.bytes_saved.read()),
            "requests": statuses(zone),
            "collapsed": zone.sum(|core| core.cache.collapsed.read()),
            "refetches": zone.sum(|core| core.cache.refetches.read()),
        })
    });
    let zones: Vec<Value> = zones.collect();
    cache.as_object_mut().map(|fields| fields.insert("zones".to_owned(), Value::from(zones)));
    cache
}

/// With one decimal.
#[expect(clippy::cast_precision_loss, reason = "counts of exchanges are below 2^52")]
fn percent(part: u64, of: u64) -> Value {
    if of == 0 { Value::Null } else { json!((part as f64 / of as f64 * 1000.0).round() / 10.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_of_nothing_is_none() {
        assert_eq!(percent(0, 0), Value::Null);
        assert_eq!((percent(1, 3), percent(3, 3)), (json!(33.3), json!(100.0)));
    }
}
