//! Where fills are found.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};
use parking_lot::{Mutex, MutexGuard};

use super::bounds::{Bounds, Counts, Reserved, count};
use super::state::{Flow, Phase, Seats, State, Word};
use super::{Leader, Published, Reader};
use crate::key::{Key, KeyRef};

/// From one in so many of all bytes on, what is held for slow readers is wanted back.
const PRESSED_PART: u64 = 4;

/// How many parts the registry has, each with a lock.
const SHARDS: usize = 64;

/// All fetches under way in this process. A clone is the same.
#[derive(Clone, Debug)]
pub struct Fills {
    shared: Arc<Shared>,
}

/// What joining has come to.
#[derive(Debug)]
pub enum Joined {
    /// Nobody fetches this: it is for the caller to do it.
    Leader(Leader),
    /// Somebody does: wait with [`Reader::poll_head`].
    Follower(Reader),
    /// Too much is held: fetch for yourself alone.
    Full,
}

/// What all fills share.
pub(super) struct Shared {
    pub(super) bounds: Bounds,
    shards: Box<[Mutex<HashTable<Found>>]>,
    pub(super) bytes: AtomicU64,
    /// Of those, what waits for readers.
    pub(super) paced_bytes: AtomicU64,
    fills: AtomicU64,
    begun: AtomicU64,
    collapsed: AtomicU64,
    pub(super) full: AtomicU64,
    pub(super) abandoned: AtomicU64,
    /// How many fetches that are not stored are under way, by origin.
    detached: Mutex<HashMap<u64, u32, foldhash::fast::RandomState>>,
}

/// A fill under one of its keys.
#[derive(Debug)]
struct Found {
    key: Key,
    fill: Arc<Fill>,
}

/// One fetch under way. Locks are taken in this order: a shard's, then a fill's.
pub(super) struct Fill {
    pub(super) shared: Arc<Shared>,
    state: Mutex<State>,
}

/// One that is not stored; no longer counted when it is dropped.
#[derive(Debug)]
pub(super) struct Detached {
    shared: Arc<Shared>,
    origin: u64,
}

impl Fills {
    /// No fetch is under way.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let zero = AtomicU64::default;
        let (bytes, paced_bytes, fills, begun, collapsed, full, abandoned) =
            (zero(), zero(), zero(), zero(), zero(), zero(), zero());
        let detached = Mutex::default();
        Self {
            shared: Arc::new(Shared {
                bounds,
                shards,
                bytes,
                paced_bytes,
                fills,
                begun,
                collapsed,
                full,
                abandoned,
                detached,
            }),
        }
    }

    /// Joins the fetch of this key, or begins it.
    #[must_use]
    pub fn join(&self, key: KeyRef<'_>) -> Joined {
        let shared = &self.shared;
        let mut shard = shared.shard(key).lock();
        match shard.entry(key.hash, |found| found.key.as_ref() == key, |found| found.key.as_ref().hash) {
            Entry::Occupied(mut found) => {
                if let Some(joined) = shared.join(&found.get().fill) {
                    return joined;
                }
                let Some(fill) = shared.begin(key) else { return Joined::Full };
                found.get_mut().fill = Arc::clone(&fill);
                Joined::Leader(Leader::new(fill))
            }
            Entry::Vacant(place) => {
                let Some(fill) = shared.begin(key) else { return Joined::Full };
                place.insert(Found { key: key.to_key(), fill: Arc::clone(&fill) });
                Joined::Leader(Leader::new(fill))
            }
        }
    }

    /// A fetch that nobody can join.
    #[must_use]
    pub fn solo(&self) -> Leader {
        Self::solo_of(&self.shared)
    }

    pub(super) fn solo_of(shared: &Arc<Shared>) -> Leader {
        count(&shared.begun, 1);
        Leader::solo_at(Arc::clone(shared))
    }

    /// Joins the fetch of this key if there is one whose head has come; never begins one.
    #[must_use]
    pub fn find(&self, key: KeyRef<'_>) -> Option<(Arc<Published>, Reader)> {
        let shard = self.shared.shard(key).lock();
        let fill = &shard.find(key.hash, |found| found.key.as_ref() == key)?.fill;
        let mut state = fill.lock();
        let Phase::Said(Word::Object(published)) = &state.phase else { return None };
        if !state.is_listed {
            return None;
        }
        let published = Arc::clone(published);
        let reader = state.body.is_open().then(|| Reader::new(fill, &mut state))?;
        Some((published, reader))
    }

    /// Whether much is held for readers who take their time: whoever holds up others then gives way.
    #[must_use]
    pub fn is_pressed(&self) -> bool {
        self.shared.paced_bytes.load(Ordering::Relaxed) > self.shared.bounds.bytes_max / PRESSED_PART
    }

    /// The bounds.
    #[must_use]
    pub fn bounds(&self) -> &Bounds {
        &self.shared.bounds
    }

    /// What they have counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let shared = &*self.shared;
        Counts {
            fills: read(&shared.fills),
            bytes: read(&shared.bytes),
            detached: shared.detached.lock().values().map(|count| u64::from(*count)).sum(),
            begun: read(&shared.begun),
            collapsed: read(&shared.collapsed),
            full: read(&shared.full),
            abandoned: read(&shared.abandoned),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The fills in it hold it.
        f.debug_struct("Shared").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

impl fmt::Debug for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fill").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Shared {
    fn shard(&self, key: KeyRef<'_>) -> &Mutex<HashTable<Found>> {
        // The low bits choose the place in the table.
        let number = (key.hash >> 32) as usize % SHARDS;
        #[expect(clippy::indexing_slicing, reason = "there are SHARDS of them")]
        &self.shards[number]
    }

    /// Joins a fill that is found, unless it is none any longer.
    fn join(&self, fill: &Arc<Fill>) -> Option<Joined> {
        let mut state = fill.lock();
        if !state.is_listed {
            // Who has it found no longer is about to take it from here.
            return None;
        }
        match &state.phase {
            Phase::Leaderless => {
                state.phase = Phase::Led;
                return Some(Joined::Leader(Leader::new(Arc::clone(fill))));
            }
            Phase::Led => {}
            Phase::Said(Word::Object(_)) if state.body.is_open() => {}
            Phase::Over | Phase::Said(_) => return None,
        }
        count(&self.collapsed, 1);
        Some(Joined::Follower(Reader::new(fill, &mut state)))
    }

    fn begin(self: &Arc<Self>, key: KeyRef<'_>) -> Option<Arc<Fill>> {
        let has_room = self.bytes.load(Ordering::Relaxed) < self.bounds.bytes_max
            && self.fills.load(Ordering::Relaxed) < self.bounds.fills_max;
        if !has_room {
            count(&self.full, 1);
            return None;
        }
        count(&self.begun, 1);
        Some(self.fill(Some(key.to_key())))
    }

    /// A new one; without a key nobody ever finds it.
    pub(super) fn fill(self: &Arc<Self>, key: Option<Key>) -> Arc<Fill> {
        let is_listed = key.is_some();
        count(&self.fills, is_listed.into());
        let body = Flow::nothing(Reserved::nothing(Arc::clone(self)));
        let keys = key.into_iter().collect();
        let state = State { keys, is_listed, phase: Phase::Led, seats: Seats::default(), body };
        Arc::new(Fill { shared: Arc::clone(self), state: Mutex::new(state) })
    }

    /// One more that is not stored. `None` if there are too many and it has not begun.
    pub(super) fn detach(self: &Arc<Self>, origin: u64, has_begun: bool) -> Option<Detached> {
        let mut detached = self.detached.lock();
        let count = detached.entry(origin).or_default();
        if *count >= self.bounds.detached_per_origin_max && !has_begun {
            return None;
        }
        *count += 1;
        Some(Detached { shared: Arc::clone(self), origin })
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        let mut detached = self.shared.detached.lock();
        if let Some(count) = detached.get_mut(&self.origin) {
            *count -= 1;
            if *count == 0 {
                detached.remove(&self.origin);
            }
        }
    }
}

impl Fill {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Has it found under another key too, unless another is.
    pub(super) fn also(self: &Arc<Self>, key: KeyRef<'_>) -> bool {
        let mut shard = self.shared.shard(key).lock();
        match shard.entry(key.hash, |found| found.key.as_ref() == key, |found| found.key.as_ref().hash) {
            Entry::Occupied(found) => Arc::ptr_eq(&found.get().fill, self),
            Entry::Vacant(place) => {
                let mut state = self.lock();
                if state.is_listed {
                    place.insert(Found { key: key.to_key(), fill: Arc::clone(self) });
                    state.keys.push(key.to_key());
                }
                state.is_listed
            }
        }
    }

    /// Has it no longer found under this key.
    pub(super) fn forget(self: &Arc<Self>, key: KeyRef<'_>) {
        let mut shard = self.shared.shard(key).lock();
        if let Ok(found) =
            shard.find_entry(key.hash, |found| found.key.as_ref() == key && Arc::ptr_eq(&found.fill, self))
        {
            found.remove();
        }
        self.lock().keys.retain(|known| known.as_ref() != key);
    }

    /// Has it no longer found. Whoever has joined stays.
    pub(super) fn leave(self: &Arc<Self>) {
        let keys = {
            let mut state = self.lock();
            if std::mem::take(&mut state.is_listed) {
                count(&self.shared.fills, -1);
            }
            std::mem::take(&mut state.keys)
        };
        for key in &keys {
            self.forget(key.as_ref());
        }
    }
}
