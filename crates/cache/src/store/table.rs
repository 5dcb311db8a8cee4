//! Where the entries of a shard are found. Readers take no lock; writers hold the shard's.
//!
//! A bucket is one cache line: places for a few entries, and a byte of each one's hash. The table grows bucket
//! by bucket (linear hashing), so that no insert ever waits for a large table to be built anew. Entries only
//! ever move to a bucket with a higher number, which makes a walk upwards complete.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;

use crate::key::KeyRef;
use crate::object::Entry;

/// Buckets of a new table; a power of two. Each segment after the first is as large as all before it.
const BUCKETS_MIN: u32 = 16;
const SEGMENTS: usize = 24;
/// Buckets that a table can have.
const BUCKETS_MAX: u32 = BUCKETS_MIN << (SEGMENTS - 1);
/// Places in a bucket: what fits in a cache line.
const PLACES: usize = 5;
/// Entries for each bucket, on average, before there is one bucket more.
const BUCKET_ENTRIES: u64 = 3;

/// The table of one shard.
#[derive(Debug)]
pub(super) struct Table {
    /// Buckets in use.
    buckets: AtomicU32,
    segments: [OnceLock<Box<[Bucket]>>; SEGMENTS],
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Bucket {
    /// A byte for each place, the first one lowest: 0 if it is free, else [`mark`].
    marks: AtomicU64,
    places: [ArcSwapOption<Entry>; PLACES],
    /// For what finds no place here.
    more: OnceLock<Box<Bucket>>,
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
        let mut at = index(key.hash, self.buckets());
        loop {
            for (_, place) in self.bucket(at).chain().flat_map(|bucket| bucket.marked(mark(key.hash))) {
                let entry = place.load();
                if let Some(entry) = entry.as_ref().filter(|entry| entry.key.as_ref() == key) {
                    return Some(look(entry));
                }
            }
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
        for place in self.bucket(bucket).chain().flat_map(|bucket| &bucket.places) {
            place.load().iter().for_each(&mut show);
        }
    }

    /// The entry with this low half of a hash for which `is` says so. For writers.
    pub(super) fn pick(&self, hash_low: u32, is: impl Fn(&Entry) -> bool) -> Option<Arc<Entry>> {
        let hash = u64::from(hash_low);
        let bucket = self.bucket(index(hash, self.buckets()));
        bucket
            .chain()
            .flat_map(|bucket| bucket.marked(mark(hash)))
            .find_map(|(_, place)| place.load().as_ref().filter(|entry| is(entry)).map(Arc::clone))
    }

    /// Puts an entry in whose key is not there. For writers.
    pub(super) fn push(&self, entry: Arc<Entry>) {
        self.bucket(index(entry.key.as_ref().hash, self.buckets())).push(entry);
    }

    /// Puts another entry with the same key in the place of one. For writers.
    pub(super) fn replace(&self, old: &Arc<Entry>, new: Arc<Entry>) {
        if let Some((bucket, at)) = self.place_of(old) {
            bucket.places.get(at).inspect(|place| place.store(Some(new)));
        }
    }

    /// Takes an entry out. For writers.
    pub(super) fn take(&self, entry: &Arc<Entry>) {
        if let Some((bucket, at)) = self.place_of(entry) {
            bucket.free(at);
        }
    }

    /// Splits buckets until there are enough for so many entries. For writers.
    pub(super) fn grow(&self, entries: u64) {
        let mut buckets = self.buckets();
        while u64::from(buckets) * BUCKET_ENTRIES < entries && buckets < BUCKETS_MAX {
            let from = self.bucket(buckets - (buckets + 1).next_power_of_two() / 2);
            let to = self.bucket(buckets);
            let moves = |entry: &Arc<Entry>| index(entry.key.as_ref().hash, buckets + 1) == buckets;
            // In this order: a reader finds what moves in the old bucket, in both, or in the new one.
            for place in from.chain().flat_map(|bucket| &bucket.places) {
                place.load().iter().filter(|entry| moves(entry)).for_each(|entry| to.push(Arc::clone(entry)));
            }
            self.buckets.store(buckets + 1, Ordering::Release);
            for bucket in from.chain() {
                for (at, place) in bucket.places.iter().enumerate() {
                    if place.load().as_ref().is_some_and(moves) {
                        bucket.free(at);
                    }
                }
            }
            buckets += 1;
        }
    }

    fn place_of(&self, entry: &Arc<Entry>) -> Option<(&Bucket, usize)> {
        let hash = entry.key.as_ref().hash;
        self.bucket(index(hash, self.buckets()))
            .chain()
            .flat_map(|bucket| bucket.marked(mark(hash)).map(move |(at, place)| (bucket, at, place)))
            .find(|(.., place)| place.load().as_ref().is_some_and(|there| Arc::ptr_eq(there, entry)))
            .map(|(bucket, at, _)| (bucket, at))
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

impl Bucket {
    /// It and what continues it.
    fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |bucket| bucket.more.get().map(|more| &**more))
    }

    /// The places with this mark. What a mark promises may have gone already.
    fn marked(&self, mark: u8) -> impl Iterator<Item = (usize, &ArcSwapOption<Entry>)> {
        let marks = self.marks.load(Ordering::Acquire).to_le_bytes();
        let places = self.places.iter().enumerate().zip(marks);
        places.filter(move |(_, there)| *there == mark).map(|(place, _)| place)
    }

    /// Puts an entry into the first place that is free. For writers.
    fn push(&self, entry: Arc<Entry>) {
        let mut bucket = self;
        let (at, place, mut marks) = loop {
            let marks = bucket.marks.load(Ordering::Relaxed).to_le_bytes();
            let free = bucket.places.iter().enumerate().zip(marks).find(|(_, mark)| *mark == 0);
            if let Some(((at, place), _)) = free {
                break (at, place, marks);
            }
            bucket = bucket.more.get_or_init(Box::default);
        };
        let mark = mark(entry.key.as_ref().hash);
        place.store(Some(entry));
        if let Some(there) = marks.get_mut(at) {
            *there = mark;
        }
        bucket.marks.store(u64::from_le_bytes(marks), Ordering::Release);
    }

    /// Frees a place. For writers.
    fn free(&self, at: usize) {
        let marks = self.marks.load(Ordering::Relaxed);
        self.marks.store(marks & !(0xff << (at * 8)), Ordering::Release);
        self.places.get(at).inspect(|place| place.store(None));
    }
}

/// The bucket of a hash in a table of so many. Only the low half of the hash counts.
fn index(hash: u64, buckets: u32) -> u32 {
    let all = buckets.next_power_of_two();
    let index = hash as u32 & (all - 1);
    if index < buckets { index } else { index & (all / 2 - 1) }
}

/// What a bucket notes of a hash: bits of its low half that choose the bucket in very large tables only.
fn mark(hash: u64) -> u8 {
    (hash >> 24) as u8 | 1
}

const _: () = assert!(size_of::<Bucket>() == 64);
