//! How purges are forgotten: once everything that was stored before them has been looked at.

use std::sync::atomic::Ordering;

use super::{Purged, Purges, Stamp};
use crate::object::Stored;
use crate::store::Store;

/// A write to an object for each so many looks that it spares.
const NOTE_FROM: u64 = 1024;

/// How far a sweep over the store has come.
#[derive(Debug, Default)]
pub struct Sweep(Option<Underway>);

#[derive(Debug)]
struct Underway {
    /// Where in the store.
    at: u64,
    /// The youngest purge when it began.
    began: u64,
    /// What it may forget without harm to fetches that are under way.
    forgets: u64,
}

impl Purges {
    /// Whether there is anything to forget.
    #[must_use]
    pub fn wants_sweep(&self) -> bool {
        self.table.names() > 0
    }

    /// Goes over a bounded piece of the store, takes out what is purged, and notes of the rest that it is not.
    /// Answers whether it has come to the end; then the purges that were there at its beginning are forgotten,
    /// but for those that a fetch under way must still be held against. Only if these are more than half of
    /// what may be remembered, they go too, and what such a fetch brings counts as purged: nobody fills the
    /// memory of purges by a slow download.
    pub fn sweep(&self, store: &Store, sweep: &mut Sweep) -> bool {
        self.sweep_over(sweep, |from, keeps| {
            store.sweep(from, |entry| match &entry.stored {
                Stored::Object(object) => keeps(&object.response.stamp),
                Stored::Varies(_) | Stored::HitForMiss { .. } | Stored::Slice(_) => true,
            })
        })
    }

    /// `piece` shows the stamps of a piece from somewhere on, and says where the next one begins.
    pub(super) fn sweep_over(
        &self,
        sweep: &mut Sweep,
        piece: impl FnOnce(u64, &mut dyn FnMut(&Stamp) -> bool) -> Option<u64>,
    ) -> bool {
        let underway = sweep.0.get_or_insert_with(|| {
            let began = self.sequence.load(Ordering::Acquire);
            let forgets = self.underway.oldest().map_or(began, |oldest| oldest.min(began));
            Underway { at: 0, began, forgets }
        });
        if let Some(next) = piece(underway.at, &mut |stamp| self.settle(stamp) != Purged::Hard) {
            underway.at = next;
            return false;
        }
        let (began, forgets) = (underway.began, underway.forgets);
        sweep.0 = None;
        self.forget(forgets);
        if self.table.is_half_full() {
            self.forget(began);
        }
        self.order.lock().clear();
        self.sweeps.fetch_add(1, Ordering::Relaxed);
        true
    }

    pub(super) fn forget(&self, number: u64) {
        // First: whoever finds a name forgotten finds that, too.
        self.retired.fetch_max(number, Ordering::AcqRel);
        self.table.forget(number);
    }

    /// Looks, and notes the outcome in any case.
    fn settle(&self, stamp: &Stamp) -> Purged {
        let now = self.sequence.load(Ordering::Acquire);
        let (seen, before) = stamp.read();
        let purged = self.check(stamp);
        if seen < now {
            stamp.note((seen, before), (now, purged));
        }
        purged
    }

    /// Whether a purge between `seen` and `now` has touched the object.
    #[cold]
    pub(super) fn look(&self, stamp: &Stamp, seen: u64, before: Purged, now: u64) -> Purged {
        if seen < self.retired.load(Ordering::Acquire) {
            stamp.note((seen, before), (now, Purged::Hard));
            return Purged::Hard;
        }
        let names = stamp.names();
        if names.iter().any(|name| self.table.may_be_younger(*name, seen)) {
            return self.look_closely(stamp, seen, before, now);
        }
        if (now - seen).saturating_mul(names.len() as u64) >= NOTE_FROM {
            stamp.note((seen, before), (now, before));
        }
        before
    }

    fn look_closely(&self, stamp: &Stamp, seen: u64, before: Purged, now: u64) -> Purged {
        let mut purged = before;
        for name in stamp.names().iter().filter(|name| self.table.may_be_younger(**name, seen)) {
            match self.table.purged(*name, seen) {
                Purged::Hard => {
                    purged = Purged::Hard;
                    break;
                }
                Purged::Soft => purged = Purged::Soft,
                Purged::No => {}
            }
        }
        // The purge may have been forgotten since the table was read; then a sweep has noted what it found.
        let (seen_now, before_now) = stamp.read();
        if purged != Purged::Hard && seen_now < self.retired.load(Ordering::Acquire) {
            purged = Purged::Hard;
        } else if seen_now != seen {
            purged = worse(purged, before_now);
        }
        stamp.note((seen, before), (now, purged));
        purged
    }
}

fn worse(one: Purged, other: Purged) -> Purged {
    match (one, other) {
        (Purged::Hard, _) | (_, Purged::Hard) => Purged::Hard,
        (Purged::Soft, _) | (_, Purged::Soft) => Purged::Soft,
        (Purged::No, Purged::No) => Purged::No,
    }
}
