//! The RAM tier: one sharded map for all cores, weighed by bytes. A hit takes no lock.
//!
//! What is in the store never weighs more than its bound, also not for a moment: an insert first gets its
//! weight, evicting until there is room, and only then puts the entry in. What a visitor still reads of an
//! entry that has gone is not counted here; it is that visitor's.
//! An entry that is taken out before its turn leaves its fixed part (some 100 bytes, not its key or body) until
//! then: in each shard of at most a quarter as many as it has entries, and 64.

mod bucket;
mod ghosts;
mod queues;
mod shard;
mod table;
#[cfg(test)]
mod tests;
mod visits;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::key::KeyRef;
use crate::object::Entry;
use crate::plan::ZoneId;
use shard::Shard;
pub use visits::Visits;

/// An entry may take one in so many of the store's bytes.
const ENTRY_PART: u64 = 4;
/// A store has one shard for so many bytes …
const SHARD_BYTES: u64 = 16 << 20;
/// … up to so many, which suffices for inserts of some hundred cores.
const SHARDS_MAX: u64 = 64;
/// Buckets that one call of [`Store::sweep`] looks at.
const SWEEP_BUCKETS: u32 = 256;

/// Keeps what many cores read out of the cache lines of what they write.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

/// The store.
#[derive(Debug)]
pub struct Store {
    shards: Box<[Shard]>,
    bytes_max: AtomicU64,
    /// What is in it, and what is about to come in.
    bytes: Apart<AtomicU64>,
    /// Where the next shard that evicts is looked for.
    hand: AtomicUsize,
    refused: AtomicU64,
}

/// What the store has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries.
    pub entries: u64,
    /// Their weight.
    pub bytes: u64,
    /// Evicted so far.
    pub evicted: u64,
    /// Put in so far.
    pub inserted: u64,
    /// Refused: larger than may be.
    pub refused: u64,
}

/// What the store holds of one zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Entries.
    pub entries: u64,
    /// Their weight.
    pub bytes: u64,
}

impl Store {
    /// A store that never weighs more than this.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        let shards = (bytes_max / SHARD_BYTES).clamp(1, SHARDS_MAX).next_power_of_two();
        Self {
            shards: (0..shards).map(|_| Shard::new()).collect(),
            bytes_max: AtomicU64::new(bytes_max),
            bytes: Apart::default(),
            hand: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Shows the entry of this key to `look`, if there is one, and notes the visit. `look` is short and does
    /// not call the store.
    pub fn get<R>(&self, key: KeyRef<'_>, look: impl FnOnce(&Arc<Entry>) -> R) -> Option<R> {
        self.shard(key.hash).table.0.find(key, |entry| {
            entry.visits.note();
            look(entry)
        })
    }

    /// Puts an entry in, in the place of one with the same key. Answers `false`, and takes away what stood
    /// there, if it is heavier than an entry may be.
    pub fn insert(&self, entry: Entry) -> bool {
        let shard = self.shard(entry.key.as_ref().hash);
        let (old, is_in) = if self.take_room(entry.weight) {
            (shard.insert(Arc::new(entry)), true)
        } else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            (shard.remove(entry.key.as_ref(), |_| true), false)
        };
        self.give_back(old);
        is_in
    }

    /// Puts an entry in, but only in the place of one with the same key of which `really` says so.
    pub fn replace(&self, entry: Entry, really: impl FnOnce(&Entry) -> bool) -> bool {
        if !self.take_room(entry.weight) {
            return false;
        }
        let entry = Arc::new(entry);
        match self.shard(entry.key.as_ref().hash).replace(&entry, |there| really(there)) {
            Some(old) => self.give_back(Some(old)),
            None => {
                self.give_back(Some(entry));
                false
            }
        }
    }

    /// Takes an entry out, if `really` says so of it.
    pub fn remove(&self, key: KeyRef<'_>, really: impl FnOnce(&Entry) -> bool) -> bool {
        self.give_back(self.shard(key.hash).remove(key, |entry| really(entry)))
    }

    /// Shows some entries to `keep`, and takes out those for which it says no. Answers where to go on, and
    /// `None` at the end. Begins at 0. Every entry that stays in the store from the first call to the last
    /// is shown; one may be shown twice.
    pub fn sweep(&self, from: u64, mut keep: impl FnMut(&Entry) -> bool) -> Option<u64> {
        let (index, first) = ((from >> 32) as usize, from as u32);
        let shard = self.shards.get(index)?;
        let end = first.saturating_add(SWEEP_BUCKETS).min(shard.table.0.buckets());
        let mut out = Vec::new();
        for bucket in first..end {
            shard.table.0.each(bucket, |entry| {
                if !keep(entry) {
                    out.push(Arc::clone(entry));
                }
            });
            for entry in out.drain(..) {
                // Only this entry: another may stand there by now.
                let gone = shard.remove(entry.key.as_ref(), |there| Arc::ptr_eq(there, &entry));
                drop(entry);
                self.give_back(gone);
            }
        }
        if end < shard.table.0.buckets() {
            return Some((index as u64) << 32 | u64::from(end));
        }
        (index + 1 < self.shards.len()).then_some((index as u64 + 1) << 32)
    }

    /// Changes how much it may weigh, evicting what is too much. What is heavier than an entry may be from
    /// now on goes when its turn comes.
    pub fn resize(&self, bytes_max: u64) {
        self.bytes_max.store(bytes_max, Ordering::Relaxed);
        while self.bytes.0.load(Ordering::Relaxed) > self.bytes_max.load(Ordering::Relaxed) {
            self.evict();
        }
    }

    /// What it has counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { refused: self.refused.load(Ordering::Relaxed), ..Counts::default() };
        self.shards.iter().for_each(|shard| shard.add_counts(&mut counts));
        counts
    }

    /// What it holds of each zone.
    #[must_use]
    pub fn zones(&self) -> HashMap<ZoneId, Held, RandomState> {
        let mut zones = HashMap::<_, Held, _>::default();
        for shard in &self.shards {
            shard.each_zone(|zone, held| {
                let sum = zones.entry(zone).or_default();
                sum.entries += held.entries;
                sum.bytes += held.bytes;
            });
        }
        zones
    }

    /// How much it may weigh.
    #[must_use]
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max.load(Ordering::Relaxed)
    }

    /// The heaviest entry that it takes.
    #[must_use]
    pub fn entry_bytes_max(&self) -> u64 {
        self.bytes_max() / ENTRY_PART
    }

    /// Gets so much of the bound, evicting until it is there. `false`: more than an entry may have.
    fn take_room(&self, bytes: u64) -> bool {
        loop {
            if bytes > self.entry_bytes_max() {
                return false;
            }
            let rest = self.bytes_max().saturating_sub(bytes);
            let taken = self.bytes.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                (held <= rest).then(|| held + bytes)
            });
            if taken.is_ok() {
                return true;
            }
            self.evict();
        }
    }

    /// Takes one entry out, of the next shard that holds its share. If all just took turns, what each holds would
    /// drift apart, and in one that holds little even what has just come would go.
    fn evict(&self) {
        let shards = self.shards.len();
        let share = self.bytes.0.load(Ordering::Relaxed) / shards as u64;
        let is_done = (0..2 * shards).any(|look| {
            let turn = self.hand.fetch_add(1, Ordering::Relaxed);
            let shard = self.shard_at(turn);
            // What is about to come in counts, and is in no shard: so perhaps none has its share.
            (look >= shards || shard.bytes() >= share) && self.give_back(shard.evict())
        });
        if !is_done {
            // All of it is taken by inserts that have not yet put their entries in.
            std::thread::yield_now();
        }
    }

    /// Gives back the room of an entry that was taken out, after letting go of it.
    fn give_back(&self, entry: Option<Arc<Entry>>) -> bool {
        let Some(entry) = entry else {
            return false;
        };
        let bytes = entry.weight;
        drop(entry);
        self.bytes.0.fetch_sub(bytes, Ordering::Relaxed);
        true
    }

    /// The shard of a hash: by bits that its table does not use.
    fn shard(&self, hash: u64) -> &Shard {
        self.shard_at((hash >> 58) as usize)
    }

    fn shard_at(&self, index: usize) -> &Shard {
        #[expect(clippy::indexing_slicing, reason = "their number is a power of two, and never 0")]
        &self.shards[index & (self.shards.len() - 1)]
    }
}
