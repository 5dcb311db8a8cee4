//! What the store notes in an entry.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// Whether an entry was asked for lately, and where in the queues it stands.
#[derive(Debug, Default)]
pub struct Visits {
    is_visited: AtomicBool,
    place: AtomicU8,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nowhere: it is not in the store, or not any longer.
    Out,
    /// In the queue of what is new: gone soon unless somebody asks for it.
    Trial,
    /// In the queue of what is proven.
    Main,
}

impl Visits {
    /// Notes a visit. A popular entry is only read: it is written once for each round of its queue.
    pub(crate) fn note(&self) {
        if !self.is_visited.load(Ordering::Relaxed) {
            self.is_visited.store(true, Ordering::Relaxed);
        }
    }

    /// Whether there was a visit since the last time.
    pub(super) fn take(&self) -> bool {
        self.is_visited.swap(false, Ordering::Relaxed)
    }

    /// Takes over the visits of the entry in whose place this one comes.
    pub(super) fn inherit(&self, old: &Self) {
        self.is_visited.fetch_or(old.is_visited.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    // The rest is read and written under the lock of the shard.

    pub(super) fn place(&self) -> Place {
        match self.place.load(Ordering::Relaxed) {
            0 => Place::Out,
            1 => Place::Trial,
            _ => Place::Main,
        }
    }

    pub(super) fn stand(&self, place: Place) {
        self.place.store(place as u8, Ordering::Relaxed);
    }
}
