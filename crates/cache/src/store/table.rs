//! Where the entries of a shard are found. Readers take no lock; writers hold the shard's.
//!
//! The table grows bucket by bucket (linear hashing), so that no insert ever waits for a large one to be built
//! anew. Entries only ever move to a bucket with a higher number, which makes a walk upwards complete.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use super::bucket::Bucket;
use crate::key::KeyRef;
use crate::object::Entry;

/// Buckets of a new table; a power of two. Each segment after the first is as large as all before it.
const BUCKETS_MIN: u32 = 16;
const SEGMENTS: usize = 24;
/// Buckets that a table can have.
const BUCKETS_MAX: u32 = BUCKETS_MIN << (SEGMENTS - 1);
/// Entries for each bucket, on average, before there is one bucket more.
const BUCKET_ENTRIES: u64 = 3;

/// The table of one shard.
#[derive(Debug)]
pub(super) struct Table {
    /// Buckets in use.
    buckets: AtomicU32,
    segments: [OnceLock<Box<[Bucket]>>; SEGMENTS],
}

impl Table {
    pub(super) fn new() -> Self {
        Self { buckets: AtomicU32::new(BUCKETS_MIN), segments: [const { OnceLock::new() }; SEGMENTS] }
    }

    /// Buckets in use. It never shrinks.
    pub(super) fn buckets(&self) -> u32 {
        self.buckets.load(Ordering::Acquire)
    }

    /// Shows the entry of this key, if there is one.
    pub(super) fn find<R>(&self, key: KeyRef<'_>, mut look: impl FnOnce(&Arc<Entry>) -> R) -> Option<R> {
        let mut at = index(key.hash, self.buckets());
        loop {
            look = match self.bucket(at).find(key, look) {
                Ok(seen) => return Some(seen),
                Err(look) => look,
            };
            // The bucket may have been split meanwhile. Whoever does not see any longer what has moved does
            // see that there is one bucket more.
            let now = index(key.hash, self.buckets());
            if now == at {
                return None;
            }
            at = now;
        }
    }

    /// Shows each entry of a bucket.
    pub(super) fn each(&self, bucket: u32, mut show: impl FnMut(&Arc<Entry>)) {
        self.bucket(bucket).each(&mut show);
    }

    /// Puts an entry in whose key is not there. For writers.
    pub(super) fn push(&self, entry: Arc<Entry>) {
        self.bucket_of(&entry, self.buckets()).push(entry);
    }

    /// Puts another entry with the same key in the place of one. For writers.
    pub(super) fn replace(&self, old: &Arc<Entry>, new: Arc<Entry>) {
        self.bucket_of(old, self.buckets()).replace(old, new);
    }

    /// Takes an entry out. For writers.
    pub(super) fn take(&self, entry: &Arc<Entry>) {
        self.bucket_of(entry, self.buckets()).take(entry);
    }

    /// Splits buckets until there are enough for so many entries. For writers.
    pub(super) fn grow(&self, entries: u64) {
        let mut buckets = self.buckets();
        while u64::from(buckets) * BUCKET_ENTRIES < entries && buckets < BUCKETS_MAX {
            let from = self.bucket(buckets - (buckets + 1).next_power_of_two() / 2);
            let to = self.bucket(buckets);
            let mut moving = Vec::new();
            from.each(&mut |entry| {
                if std::ptr::eq(self.bucket_of(entry, buckets + 1), to) {
                    moving.push(Arc::clone(entry));
                }
            });
            // In this order: a reader finds what moves in the old bucket, in both, or in the new one.
            moving.iter().for_each(|entry| to.push(Arc::clone(entry)));
            buckets += 1;
            self.buckets.store(buckets, Ordering::Release);
            moving.iter().for_each(|entry| from.take(entry));
        }
    }

    fn bucket_of(&self, entry: &Entry, buckets: u32) -> &Bucket {
        self.bucket(index(entry.key.as_ref().hash, buckets))
    }

    fn bucket(&self, index: u32) -> &Bucket {
        let (segment, offset, len) = if index < BUCKETS_MIN {
            (0, index, BUCKETS_MIN)
        } else {
            let len = 1 << index.ilog2();
            ((len / BUCKETS_MIN).ilog2() + 1, index - len, len)
        };
        #[expect(clippy::indexing_slicing, reason = "`index` and `grow` stay below BUCKETS_MAX")]
        &self.segments[segment as usize].get_or_init(|| (0..len).map(|_| Bucket::default()).collect())
            [offset as usize]
    }
}

/// The bucket of a hash in a table of so many.
fn index(hash: u64, buckets: u32) -> u32 {
    let all = buckets.next_power_of_two();
    let index = hash as u32 & (all - 1);
    if index < buckets { index } else { index & (all / 2 - 1) }
}
