//! What the cache has done and holds.

use rempart_cache::CacheStatus;
use rempart_cache::purge::NAMES_MAX;

use super::Page;
use crate::control::Control;
use crate::control::zones::ZoneSum;
use crate::metrics::CacheCounters;

/// Its families.
pub(super) fn families(page: &mut Page, control: &Control, zones: &[ZoneSum]) {
    let name = "rempart_cache_requests_total";
    page.family(name, "counter", "Exchanges that reached the cache, by zone and what it did.");
    for zone in zones {
        for status in CacheStatus::ALL {
            let count = zone.cached(status);
            if count > 0 {
                let labels = [("zone", &*zone.name), ("status", &status.as_str().to_ascii_lowercase())];
                page.sample(name, &labels, count);
            }
        }
    }
    for (name, help, read) in BY_ZONE {
        page.family(name, "counter", help);
        for zone in zones.iter().filter(|zone| zone.has_cached()) {
            page.sample(name, &[("zone", &zone.name)], zone.sum(|core| read(&core.cache)));
        }
    }
    let held = control.cache_held();
    for (name, kind, help, value) in [
        ("rempart_cache_entries", "gauge", "Entries that the cache holds.", held.entries),
        ("rempart_cache_bytes", "gauge", "What they weigh, everything included.", held.bytes),
        ("rempart_cache_bytes_max", "gauge", "What they may weigh.", held.bytes_max),
        ("rempart_cache_inserted_total", "counter", "Entries put in.", held.inserted),
        ("rempart_cache_evicted_total", "counter", "Entries evicted to make room.", held.evicted),
        (
            "rempart_cache_refused_total",
            "counter",
            "Entries refused because they are too large.",
            held.refused,
        ),
        ("rempart_cache_fills", "gauge", "Fetches under way that others can join.", held.fills),
        ("rempart_cache_fill_bytes", "gauge", "What these hold beside the cache.", held.fill_bytes),
        (
            "rempart_cache_fills_full_total",
            "counter",
            "Requests that fetched for themselves alone because fills were as many, or held as much, as they may.",
            held.full,
        ),
    ] {
        page.one(name, kind, help, value);
    }
}

/// What was purged.
pub(super) fn purges(page: &mut Page, control: &Control) {
    let counts = control.cache.purges.counts();
    for (name, kind, help, value) in [
        ("rempart_purges_total", "counter", "Purges done, each name for itself.", counts.purged),
        (
            "rempart_invalidations_total",
            "counter",
            "URLs that unsafe requests have invalidated.",
            counts.invalidated,
        ),
        (
            "rempart_purge_names",
            "gauge",
            "Names of purges that something stored may still have to be held against.",
            counts.names,
        ),
        ("rempart_purge_names_max", "gauge", "How many purges may leave.", NAMES_MAX),
    ] {
        page.one(name, kind, help, value);
    }
}

type ByZone = (&'static str, &'static str, fn(&CacheCounters) -> u64);

const BY_ZONE: [ByZone; 3] = [
    (
        "rempart_cache_bytes_saved_total",
        "Bytes of bodies that visitors got and no origin had to send for them, by zone.",
        |cache| cache.bytes_saved.read(),
    ),
    (
        "rempart_cache_collapsed_total",
        "Exchanges that were answered from a fetch that another had begun, by zone.",
        |cache| cache.collapsed.read(),
    ),
    (
        "rempart_cache_refetches_total",
        "Ranges fetched again by readers that had fallen behind, by zone.",
        |cache| cache.refetches.read(),
    ),
];
