//! Fetches under way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

/// So many cores begin fetches without meeting.
const SHARDS: usize = 16;

/// Since which purge each fetch is under way, and how many since the same.
type Since = Mutex<BTreeMap<u64, u64>>;

#[derive(Debug, Default)]
pub(super) struct Underway([Arc<Shard>; SHARDS]);

#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard(Since);

/// A fetch that has begun: purges from now on count against what it brings, and are remembered until it ends.
#[derive(Debug)]
pub struct Begun {
    pub(super) seq: u64,
    shard: Arc<Shard>,
}

thread_local! {
    static SHARD: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS
    };
}

impl Underway {
    pub(super) fn begin(&self, sequence: &AtomicU64) -> Begun {
        let [first, ..] = &self.0;
        let shard = Arc::clone(SHARD.with(|index| self.0.get(*index).unwrap_or(first)));
        let mut since = shard.0.lock();
        // Under the lock: whoever looks for the oldest afterwards finds it, or began to look with a number
        // that is not higher.
        let seq = sequence.load(Ordering::Acquire);
        *since.entry(seq).or_default() += 1;
        drop(since);
        Begun { seq, shard }
    }

    /// The number of the oldest; `None` if there is none.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.0.iter().filter_map(|shard| shard.0.lock().first_key_value().map(|(seq, _)| *seq)).min()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut since = self.shard.0.lock();
        if let Some(count) = since.get_mut(&self.seq) {
            *count -= 1;
            if *count == 0 {
                since.remove(&self.seq);
            }
        }
    }
}
