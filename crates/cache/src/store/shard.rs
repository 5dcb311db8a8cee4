//! A part of the store: a table that readers use without a lock, and a lock for everything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;

use super::queues::Queues;
use super::table::Table;
use super::{Apart, Counts, Held};
use crate::key::KeyRef;
use crate::object::Entry;
use crate::plan::ZoneId;

#[derive(Debug)]
pub(super) struct Shard {
    pub(super) table: Apart<Table>,
    kept: Apart<Mutex<Kept>>,
    /// What it weighs. Written under the lock; who reads it without may be a moment behind.
    bytes: Apart<AtomicU64>,
}

/// What the lock protects.
#[derive(Debug)]
struct Kept {
    queues: Queues,
    zones: HashMap<ZoneId, Held, RandomState>,
    inserted: u64,
    evicted: u64,
}

impl Shard {
    pub(super) fn new() -> Self {
        let kept = Kept { queues: Queues::new(), zones: HashMap::default(), inserted: 0, evicted: 0 };
        Self { table: Apart(Table::new()), kept: Apart(Mutex::new(kept)), bytes: Apart::default() }
    }

    /// What it weighs.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.0.load(Ordering::Relaxed)
    }

    /// Puts an entry in. Answers the one in whose place it came.
    pub(super) fn insert(&self, entry: Arc<Entry>) -> Option<Arc<Entry>> {
        let mut kept = self.kept.0.lock();
        let table = &self.table.0;
        if let Some(old) = table.find(entry.key.as_ref(), Arc::clone) {
            self.take_place(&mut kept, &old, entry);
            return Some(old);
        }
        kept.inserted += 1;
        kept.comes(&entry);
        kept.queues.join(&entry);
        table.push(entry);
        table.grow(kept.queues.entries());
        self.weigh(&kept);
        None
    }

    /// Puts an entry in the place of one of which `really` says so, and answers that one.
    pub(super) fn replace(
        &self,
        entry: &Arc<Entry>,
        really: impl FnOnce(&Arc<Entry>) -> bool,
    ) -> Option<Arc<Entry>> {
        let mut kept = self.kept.0.lock();
        let old = self.table.0.find(entry.key.as_ref(), |old| really(old).then(|| Arc::clone(old)))??;
        self.take_place(&mut kept, &old, Arc::clone(entry));
        Some(old)
    }

    fn take_place(&self, kept: &mut Kept, old: &Arc<Entry>, entry: Arc<Entry>) {
        kept.inserted += 1;
        kept.comes(&entry);
        kept.goes(old);
        kept.queues.replace(old, &entry);
        self.table.0.replace(old, entry);
        self.weigh(kept);
    }

    fn weigh(&self, kept: &Kept) {
        self.bytes.0.store(kept.queues.bytes(), Ordering::Relaxed);
    }

    /// Takes out the entry whose turn it is. `None`: there is none.
    pub(super) fn evict(&self) -> Option<Arc<Entry>> {
        let mut kept = self.kept.0.lock();
        let entry = kept.queues.choose()?;
        self.table.0.take(&entry);
        kept.goes(&entry);
        kept.evicted += 1;
        self.weigh(&kept);
        Some(entry)
    }

    /// Takes out the entry of this key, if `really` says so.
    pub(super) fn remove(
        &self,
        key: KeyRef<'_>,
        really: impl FnOnce(&Arc<Entry>) -> bool,
    ) -> Option<Arc<Entry>> {
        let mut kept = self.kept.0.lock();
        let entry = self.table.0.find(key, |entry| really(entry).then(|| Arc::clone(entry)))??;
        self.table.0.take(&entry);
        kept.queues.leave(&entry);
        kept.goes(&entry);
        self.weigh(&kept);
        Some(entry)
    }

    pub(super) fn add_counts(&self, counts: &mut Counts) {
        let kept = self.kept.0.lock();
        counts.entries += kept.queues.entries();
        counts.bytes += kept.queues.bytes();
        counts.inserted += kept.inserted;
        counts.evicted += kept.evicted;
    }

    pub(super) fn each_zone(&self, mut show: impl FnMut(ZoneId, Held)) {
        self.kept.0.lock().zones.iter().for_each(|(zone, held)| show(*zone, *held));
    }
}

impl Kept {
    fn comes(&mut self, entry: &Entry) {
        let held = self.zones.entry(zone_of(entry)).or_default();
        held.entries += 1;
        held.bytes += entry.weight;
    }

    fn goes(&mut self, entry: &Entry) {
        let zone = zone_of(entry);
        if let Some(held) = self.zones.get_mut(&zone) {
            held.entries -= 1;
            held.bytes -= entry.weight;
            if held.entries == 0 {
                self.zones.remove(&zone);
            }
        }
    }
}

/// A key begins with the zone's id.
fn zone_of(entry: &Entry) -> ZoneId {
    let mut zone = ZoneId([0; 16]);
    zone.0.iter_mut().zip(entry.key.as_ref().bytes).for_each(|(to, byte)| *to = *byte);
    zone
}
