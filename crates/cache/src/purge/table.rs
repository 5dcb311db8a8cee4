//! Where purges are noted: a table of numbers that lookups read without a lock, and behind it the names
//! themselves.

use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;

use super::Purged;

/// Names that purges may leave to be remembered at the same time. Each takes about 40 bytes.
pub const NAMES_MAX: u64 = 262_144;
/// The same for what unsafe requests leave. More is remembered by parts of a zone.
pub const INVALIDATED_MAX: u64 = 65_536;
/// Of these, what the requests of one zone may leave between two sweeps.
pub const ZONE_INVALIDATED_MAX: u64 = INVALIDATED_MAX / 8;
const PLACES: usize = 65_536;
const SHARDS: usize = 64;
/// Names in a shard for which memory is kept.
const CALM: usize = 64;

#[derive(Debug)]
pub(super) struct Table {
    /// The youngest purge of a name that has its place here.
    places: Box<[AtomicU64]>,
    shards: Box<[Mutex<Shard>]>,
    purged: AtomicU64,
    invalidated: AtomicU64,
}

#[derive(Debug, Default)]
struct Shard {
    names: HashMap<u64, Youngest, RandomState>,
}

/// The youngest purges of one name.
#[derive(Clone, Copy, Debug)]
struct Youngest {
    hard: u64,
    soft: u64,
    by: By,
}

/// Whose share of what is remembered a name takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Those who purge.
    Purge,
    /// Visitors, who must not be able to use up the other's.
    Request,
}

impl By {
    const fn max(self) -> u64 {
        match self {
            Self::Purge => NAMES_MAX,
            Self::Request => INVALIDATED_MAX,
        }
    }
}

impl Default for Table {
    fn default() -> Self {
        Self {
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            purged: AtomicU64::new(0),
            invalidated: AtomicU64::new(0),
        }
    }
}

impl Table {
    pub(super) fn names(&self) -> u64 {
        self.count(By::Purge).load(Ordering::Relaxed) + self.count(By::Request).load(Ordering::Relaxed)
    }

    /// Whether so many names more may be remembered.
    pub(super) fn has_room(&self, by: By, more: usize) -> bool {
        self.count(by).load(Ordering::Relaxed) + more as u64 <= by.max()
    }

    /// Whether more than half of what may be remembered is.
    pub(super) fn is_half_full(&self) -> bool {
        [By::Purge, By::Request].into_iter().any(|by| self.count(by).load(Ordering::Relaxed) > by.max() / 2)
    }

    const fn count(&self, by: By) -> &AtomicU64 {
        match by {
            By::Purge => &self.purged,
            By::Request => &self.invalidated,
        }
    }

    /// Whether some name that has its place where this one has was purged after `seen`.
    #[inline]
    pub(super) fn may_be_younger(&self, name: u64, seen: u64) -> bool {
        self.places.get(place(name)).is_some_and(|youngest| youngest.load(Ordering::Relaxed) > seen)
    }

    /// How this name was purged after `seen`.
    pub(super) fn purged(&self, name: u64, seen: u64) -> Purged {
        let place = place(name);
        let Some(shard) = self.shard(place) else { return Purged::No };
        let shard = shard.lock();
        match shard.names.get(&name) {
            Some(youngest) if youngest.hard > seen => Purged::Hard,
            Some(youngest) if youngest.soft > seen => Purged::Soft,
            Some(_) | None => Purged::No,
        }
    }

    /// Notes a purge. Numbers come in ascending order.
    pub(super) fn note(&self, name: u64, soft: bool, number: u64, by: By) {
        let place = place(name);
        let Some(shard) = self.shard(place) else { return };
        let mut shard = shard.lock();
        let youngest = shard.names.entry(name).or_insert_with(|| {
            self.count(by).fetch_add(1, Ordering::Relaxed);
            Youngest { hard: 0, soft: 0, by }
        });
        if (youngest.by, by) == (By::Request, By::Purge) {
            self.count(By::Request).fetch_sub(1, Ordering::Relaxed);
            self.count(By::Purge).fetch_add(1, Ordering::Relaxed);
            youngest.by = by;
        }
        *(if soft { &mut youngest.soft } else { &mut youngest.hard }) = number;
        self.mark(place, number);
    }

    /// Forgets purges up to this one.
    pub(super) fn forget(&self, number: u64) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.names.retain(|_, youngest| {
                let stays = youngest.hard.max(youngest.soft) > number;
                self.count(youngest.by).fetch_sub(u64::from(!stays), Ordering::Relaxed);
                stays
            });
            // What a storm has taken goes back; what a calm day takes is not asked for anew each time.
            let calm = shard.names.len().max(CALM);
            shard.names.shrink_to(calm);
        }
    }

    /// Only from under the lock of the place's shard.
    fn mark(&self, place: usize, number: u64) {
        if let Some(youngest) = self.places.get(place) {
            youngest.fetch_max(number, Ordering::Release);
        }
    }

    fn shard(&self, place: usize) -> Option<&Mutex<Shard>> {
        self.shards.get(place % SHARDS)
    }
}

const fn place(name: u64) -> usize {
    name as usize % PLACES
}
