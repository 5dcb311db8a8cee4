//! What the store notes in an entry.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Whether an entry was asked for lately, and where in the queues it stands.
#[derive(Debug, Default)]
pub struct Visits {
    is_visited: AtomicBool,
    is_proven: AtomicBool,
    ticket: AtomicU32,
}

/// The queue in which an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// New: gone soon unless somebody asks for it.
    Trial,
    /// Proven.
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

    // The rest is read and written under the lock of the shard.

    pub(super) fn ticket(&self) -> u32 {
        self.ticket.load(Ordering::Relaxed)
    }

    pub(super) fn place(&self) -> Place {
        if self.is_proven.load(Ordering::Relaxed) { Place::Main } else { Place::Trial }
    }

    pub(super) fn stand(&self, place: Place, ticket: u32) {
        self.is_proven.store(place == Place::Main, Ordering::Relaxed);
        self.ticket.store(ticket, Ordering::Relaxed);
    }

    /// Takes over what is noted in the entry in whose place this one comes.
    pub(super) fn follow(&self, old: &Self) {
        self.is_visited.fetch_or(old.is_visited.load(Ordering::Relaxed), Ordering::Relaxed);
        self.stand(old.place(), old.ticket());
    }
}
