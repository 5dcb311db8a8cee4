//! Where the entries of a shard are found. Readers take no lock: a bucket is a list that never changes, and
//! a writer, of whom the shard's lock lets in one at a time, puts another list in its place.
//!
//! The table grows bucket by bucket (linear hashing), so that no insert ever waits for a large table to be
//! built anew. Entries only ever move to a bucket with a higher number, which makes a walk upwards complete.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;

use crate::key::KeyRef;
use crate::object::Entry;

/// Buckets of a new table; a power of two. Each segment after the first is as large as all before it.
const BUCKETS_MIN: u32 = 16;
const SEGMENTS: usize = 24;
/// Buckets that a table can have.
const BUCKETS_MAX: u32 = BUCKETS_MIN << (SEGMENTS - 1);

/// One place in the list of a bucket.
#[derive(Debug)]
pub(super) struct Node {
    hash: u64,
    entry: Arc<Entry>,
    next: Option<Arc<Node>>,
}

type Bucket = ArcSwapOption<Node>;

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
    pub(super) fn find<R>(&self, key: KeyRef<'_>, look: impl FnOnce(&Arc<Entry>) -> R) -> Option<R> {
        let mut at = place(key.hash, self.buckets());
        loop {
            let list = self.bucket(at).load();
            if let Some(node) = nodes(list.as_ref()).find(|node| node.is_of(key)) {
                return Some(look(&node.entry));
            }
            // The bucket may have been split meanwhile. Whoever sees the list without what has moved also
            // sees that there is one bucket more.
            let now = place(key.hash, self.buckets());
            if now == at {
                return None;
            }
            at = now;
        }
    }

    /// Shows each entry of a bucket.
    pub(super) fn each(&self, bucket: u32, mut show: impl FnMut(&Arc<Entry>)) {
        let list = self.bucket(bucket).load();
        nodes(list.as_ref()).for_each(|node| show(&node.entry));
    }

    /// The entry with this low half of a hash for which `is` says so. For writers.
    pub(super) fn pick(&self, hash_low: u32, is: impl Fn(&Entry) -> bool) -> Option<Arc<Entry>> {
        let list = self.bucket(place(u64::from(hash_low), self.buckets())).load();
        nodes(list.as_ref()).find(|node| is(&node.entry)).map(|node| Arc::clone(&node.entry))
    }

    /// Puts an entry in whose key is not there. For writers.
    pub(super) fn push(&self, entry: Arc<Entry>) {
        let hash = entry.key.as_ref().hash;
        let bucket = self.bucket(place(hash, self.buckets()));
        let next = bucket.load_full();
        bucket.store(Some(Arc::new(Node { hash, entry, next })));
    }

    /// Puts another entry in the place of one, or nothing. For writers.
    pub(super) fn change(&self, old: &Arc<Entry>, new: Option<Arc<Entry>>) {
        let bucket = self.bucket(place(old.key.as_ref().hash, self.buckets()));
        let list = bucket.load_full();
        bucket.store(changed(list.as_ref(), old, new));
    }

    /// Splits buckets until there are as many as entries. For writers.
    pub(super) fn grow(&self, entries: u64) {
        let mut buckets = self.buckets();
        while u64::from(buckets) < entries && buckets < BUCKETS_MAX {
            let all = (buckets + 1).next_power_of_two();
            let from = self.bucket(buckets - all / 2);
            let list = from.load_full();
            let (mut stay, mut move_on) = (None, None);
            for node in nodes(list.as_ref()) {
                let to = if place(node.hash, buckets + 1) == buckets { &mut move_on } else { &mut stay };
                *to =
                    Some(Arc::new(Node { hash: node.hash, entry: Arc::clone(&node.entry), next: to.take() }));
            }
            // In this order: a reader finds what moves in the old bucket, in both, or in the new one.
            self.bucket(buckets).store(move_on);
            buckets += 1;
            self.buckets.store(buckets, Ordering::Release);
            from.store(stay);
        }
    }

    fn bucket(&self, index: u32) -> &Bucket {
        let (segment, offset, len) = if index < BUCKETS_MIN {
            (0, index, BUCKETS_MIN)
        } else {
            let len = 1 << index.ilog2();
            ((len / BUCKETS_MIN).ilog2() + 1, index - len, len)
        };
        #[expect(clippy::indexing_slicing, reason = "`place` and `grow` stay below BUCKETS_MAX")]
        &self.segments[segment as usize].get_or_init(|| (0..len).map(|_| Bucket::empty()).collect())
            [offset as usize]
    }
}

impl Node {
    fn is_of(&self, key: KeyRef<'_>) -> bool {
        self.hash == key.hash && self.entry.key.as_ref().bytes == key.bytes
    }
}

/// The bucket of a hash in a table of so many. Only the low half of the hash counts.
fn place(hash: u64, buckets: u32) -> u32 {
    let all = buckets.next_power_of_two();
    let index = hash as u32 & (all - 1);
    if index < buckets { index } else { index & (all / 2 - 1) }
}

fn nodes(list: Option<&Arc<Node>>) -> impl Iterator<Item = &Arc<Node>> {
    std::iter::successors(list, |node| node.next.as_ref())
}

/// The list with another entry, or none, in the place of one. What follows it is shared with the old list.
fn changed(list: Option<&Arc<Node>>, old: &Arc<Entry>, new: Option<Arc<Entry>>) -> Option<Arc<Node>> {
    let node = list?;
    let (entry, next) = if Arc::ptr_eq(&node.entry, old) {
        let Some(new) = new else {
            return node.next.clone();
        };
        (new, node.next.clone())
    } else {
        (Arc::clone(&node.entry), changed(node.next.as_ref(), old, new))
    };
    Some(Arc::new(Node { hash: node.hash, entry, next }))
}
