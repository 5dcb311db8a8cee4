//! The RAM tier: one sharded map for all cores, weighed by bytes. A hit takes no lock.

use std::sync::Arc;
use std::sync::atomic::AtomicU8;

use crate::key::KeyRef;
use crate::object::Entry;

/// How often an entry was asked for lately.
#[derive(Debug, Default)]
pub struct Visits(pub(crate) AtomicU8);

/// The store.
#[derive(Debug)]
pub struct Store {
    bytes_max: u64,
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

impl Store {
    /// A store that never weighs more than this.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        Self { bytes_max }
    }

    /// Shows the entry of this key to `look`, if there is one, and notes the visit. `look` is short and does
    /// not call the store.
    pub fn get<R>(&self, key: KeyRef<'_>, look: impl FnOnce(&Arc<Entry>) -> R) -> Option<R> {
        let _ = (key, look, self.bytes_max);
        todo!()
    }

    /// Puts an entry in, in the place of one with the same key. Answers `false`, and takes away what stood
    /// there, if it is heavier than an entry may be.
    pub fn insert(&self, entry: Entry) -> bool {
        let _ = entry;
        todo!()
    }

    /// Takes an entry out, if `really` says so of it.
    pub fn remove(&self, key: KeyRef<'_>, really: impl FnOnce(&Entry) -> bool) -> bool {
        let _ = (key, really);
        todo!()
    }

    /// Shows some entries to `keep`, and takes out those for which it says no. Answers where to go on, and
    /// `None` at the end. Every entry that stays in the store from the first call to the last is shown.
    pub fn sweep(&self, from: u64, keep: impl FnMut(&Entry) -> bool) -> Option<u64> {
        let _ = (from, keep);
        todo!()
    }

    /// Changes how much it may weigh, evicting what is too much.
    pub fn resize(&self, bytes_max: u64) {
        let _ = bytes_max;
        todo!()
    }

    /// What it has counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        todo!()
    }
}
