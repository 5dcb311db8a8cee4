//! In which order entries go: after S3-FIFO. New ones stand in a short queue on trial; what is visited there, or
//! comes back soon after it has gone, stands in the main queue, at whose end a visit wins another round.
//!
//! Different from what was published: one bit for visits, since a count of them only delays that something
//! goes that is no longer asked for; what comes back late counts the less the heavier it is; and the main
//! queue leaves traces too. `docs/decisions` has the figures.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use super::ghosts::Ghosts;
use super::visits::Place;
use crate::object::Entry;

/// The part of the weight that is on trial: one in so many.
const TRIAL_PART: u64 = 10;
/// Traces of so many times the entries are kept.
const GHOST_ROUNDS: u64 = 2;
/// Entries that one eviction lets go on, so that it ends soon.
const LOOKS_MAX: u32 = 64;
/// Of all turns, those of entries that have gone before it was theirs: one in so many, and some.
const DEAD_PART: usize = 4;
const DEAD_TURNS: usize = 64;

/// Entries in the order of their turns. Those that were taken out keep theirs for a while: the `Entry` alone,
/// without its key and what was stored.
#[derive(Debug, Default)]
struct Queue {
    turns: VecDeque<Weak<Entry>>,
    entries: usize,
    bytes: u64,
}

/// The queues of one shard.
#[derive(Debug)]
pub(super) struct Queues {
    trial: Queue,
    main: Queue,
    ghosts: Ghosts,
}

impl Queues {
    pub(super) fn new() -> Self {
        Self { trial: Queue::default(), main: Queue::default(), ghosts: Ghosts::new() }
    }

    pub(super) fn entries(&self) -> u64 {
        (self.trial.entries + self.main.entries) as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.trial.bytes + self.main.bytes
    }

    /// A new entry comes.
    pub(super) fn join(&mut self, entry: &Arc<Entry>) {
        let entries = self.entries();
        let age = self.ghosts.take(entry.key.as_ref().hash);
        let is_back = age.is_some_and(|age| is_soon(age, entry.weight, entries, self.bytes()));
        self.ghosts.grow(entries * GHOST_ROUNDS);
        self.stand(if is_back { Place::Main } else { Place::Trial }, entry, Arc::downgrade(entry), 0);
    }

    /// An entry comes in the place of another: into the same queue, with its visits.
    pub(super) fn replace(&mut self, old: &Arc<Entry>, new: &Arc<Entry>) {
        new.visits.inherit(&old.visits);
        let place = old.visits.place();
        self.stand(place, new, Arc::downgrade(new), 0);
        self.leave(old);
    }

    /// An entry goes before its turn.
    pub(super) fn leave(&mut self, entry: &Entry) {
        let Some(queue) = self.queue(entry.visits.place()) else {
            return;
        };
        queue.lose(entry);
        if queue.turns.len() > queue.entries + queue.entries / DEAD_PART + DEAD_TURNS {
            queue.turns.retain(|turn| living(turn).is_some());
        }
    }

    /// Chooses the entry that goes next, and forgets it.
    pub(super) fn choose(&mut self) -> Option<Arc<Entry>> {
        let mut looks = 0;
        // What has just proved itself stays behind what only stays on: else, where all were asked for, it would be
        // the first to go.
        let mut proven = 0;
        loop {
            let is_trial = self.main.entries == 0 || self.trial.bytes * TRIAL_PART > self.bytes();
            let queue = if is_trial { &mut self.trial } else { &mut self.main };
            // No turn left: nothing is there at all.
            let turn = queue.turns.pop_front()?;
            let Some(entry) = living(&turn) else {
                continue;
            };
            queue.lose(&entry);
            looks += 1;
            if entry.visits.take() && looks <= LOOKS_MAX {
                self.stand(Place::Main, &entry, turn, if is_trial { 0 } else { proven });
                proven += usize::from(is_trial);
            } else {
                self.ghosts.leave(entry.key.as_ref().hash);
                return Some(entry);
            }
        }
    }

    /// Puts an entry at the end of a queue, but before so many that are there.
    fn stand(&mut self, place: Place, entry: &Entry, turn: Weak<Entry>, before: usize) {
        entry.visits.stand(place);
        if let Some(queue) = self.queue(place) {
            queue.turns.insert(queue.turns.len().saturating_sub(before), turn);
            queue.entries += 1;
            queue.bytes += entry.weight;
        }
    }

    fn queue(&mut self, place: Place) -> Option<&mut Queue> {
        match place {
            Place::Out => None,
            Place::Trial => Some(&mut self.trial),
            Place::Main => Some(&mut self.main),
        }
    }
}

impl Queue {
    fn lose(&mut self, entry: &Entry) {
        entry.visits.stand(Place::Out);
        self.entries -= 1;
        self.bytes = self.bytes.saturating_sub(entry.weight);
    }
}

/// The entry of a turn, if it is still in the store. A visitor may hold one that is not.
fn living(turn: &Weak<Entry>) -> Option<Arc<Entry>> {
    turn.upgrade().filter(|entry| entry.visits.place() != Place::Out)
}

/// Whether something comes back soon enough to be worth its place: after fewer evictions than there are
/// entries, if it weighs as much as these do; four times as heavy, after half as many; up to twice as many.
fn is_soon(age: u64, weight: u64, entries: u64, bytes: u64) -> bool {
    let (age, entries) = (u128::from(age), u128::from(entries));
    age < entries * u128::from(GHOST_ROUNDS) && age * age * u128::from(weight) < entries * u128::from(bytes)
}
