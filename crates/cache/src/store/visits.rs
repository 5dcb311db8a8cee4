//! What the store notes in an entry.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// Visits are counted up to here. A popular entry is therefore read and not written.
pub(super) const VISITS_MAX: u8 = 3;

/// How often an entry was asked for lately, and where in the queues it stands.
#[derive(Debug, Default)]
pub struct Visits {
    count: AtomicU8,
    queue: AtomicU8,
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
    /// Notes a visit. One that is lost between two cores does no harm.
    pub(crate) fn note(&self) {
        let count = self.count.load(Ordering::Relaxed);
        if count < VISITS_MAX {
            self.count.store(count + 1, Ordering::Relaxed);
        }
    }

    pub(super) fn count(&self) -> u8 {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn set_count(&self, count: u8) {
        self.count.store(count, Ordering::Relaxed);
    }

    // The rest is read and written under the lock of the shard.

    pub(super) fn ticket(&self) -> u32 {
        self.ticket.load(Ordering::Relaxed)
    }

    pub(super) fn place(&self) -> Place {
        match self.queue.load(Ordering::Relaxed) {
            0 => Place::Trial,
            _ => Place::Main,
        }
    }

    pub(super) fn stand(&self, place: Place, ticket: u32) {
        self.queue.store(u8::from(place == Place::Main), Ordering::Relaxed);
        self.ticket.store(ticket, Ordering::Relaxed);
    }

    /// Takes over what is noted in the entry in whose place this one comes.
    pub(super) fn follow(&self, old: &Self) {
        self.set_count(old.count());
        self.stand(old.place(), old.ticket());
    }
}
