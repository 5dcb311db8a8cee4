//! What the cache did, by zone and core.

use rempart_cache::CacheStatus;

use super::Counter;
use crate::record::CacheFacts;

/// One core's counts of one zone's cache.
#[derive(Debug, Default)]
pub struct CacheCounters {
    /// By [`CacheStatus`], with its number as index; the first, which is none, stays 0.
    statuses: [Counter; CacheStatus::ALL.len() + 1],
    /// Bytes of bodies that visitors got and no origin had to send for them.
    pub bytes_saved: Counter,
    /// Exchanges that waited for another's fetch and were answered from it.
    pub collapsed: Counter,
    /// Fetches of a range by readers that had fallen behind what a fill and the store hold.
    pub refetches: Counter,
}

impl CacheCounters {
    /// Counts one exchange.
    pub fn exchange(&self, facts: &CacheFacts) {
        if facts.status == CacheStatus::None {
            return;
        }
        if let Some(counter) = self.statuses.get(facts.status as usize) {
            counter.add(1);
        }
        // Most are none of it, and a line of memory that is not written stays where it is.
        if facts.bytes_saved > 0 {
            self.bytes_saved.add(facts.bytes_saved);
        }
        if facts.waited.is_some() {
            self.collapsed.add(1);
        }
        if facts.refetches > 0 {
            self.refetches.add(facts.refetches.into());
        }
    }

    /// Exchanges with this status.
    #[must_use]
    pub fn status(&self, status: CacheStatus) -> u64 {
        self.statuses.get(status as usize).map_or(0, Counter::read)
    }
}

/// Whether the visitor was answered from the store without waiting for an origin's body: what a hit ratio counts.
#[must_use]
pub const fn is_hit(status: CacheStatus) -> bool {
    match status {
        CacheStatus::Hit | CacheStatus::Stale | CacheStatus::Revalidated | CacheStatus::Updating => true,
        CacheStatus::None
        | CacheStatus::Miss
        | CacheStatus::Expired
        | CacheStatus::Bypass
        | CacheStatus::Dynamic => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_status_has_a_counter_of_its_own_and_none_has_none() {
        let counters = CacheCounters::default();
        for (nth, status) in CacheStatus::ALL.into_iter().enumerate() {
            let facts = CacheFacts { status, ..CacheFacts::default() };
            (0..=nth).for_each(|_| counters.exchange(&facts));
        }
        counters.exchange(&CacheFacts { bytes_saved: 1, ..CacheFacts::default() });
        for (nth, status) in CacheStatus::ALL.into_iter().enumerate() {
            assert_eq!(counters.status(status), nth as u64 + 1, "{status:?}");
        }
        assert_eq!(counters.status(CacheStatus::None), 0);
        assert_eq!(counters.bytes_saved.read(), 0);
    }

    #[test]
    fn what_was_saved_waited_for_and_fetched_again_is_summed() {
        let counters = CacheCounters::default();
        let facts = CacheFacts {
            status: CacheStatus::Hit,
            bytes_saved: 700,
            waited: Some(Duration::ZERO),
            refetches: 2,
        };
        counters.exchange(&facts);
        counters.exchange(&facts);
        counters.exchange(&CacheFacts { status: CacheStatus::Miss, ..CacheFacts::default() });
        let read = (counters.bytes_saved.read(), counters.collapsed.read(), counters.refetches.read());
        assert_eq!(read, (1400, 2, 4));
    }
}
