//! In which order entries go: after S3-FIFO. New ones stand in a short queue on trial; what is visited there, or
//! comes back soon after it has gone, stands in the main queue, at whose end a visit wins another round.
//!
//! Different from what was published: one bit for visits, since a count of them only delays that something
//! goes that is no longer asked for; what comes back late counts the less the heavier it is; and the main
//! queue leaves traces too. `docs/decisions` has the figures.

use std::collections::VecDeque;

use super::ghosts::Ghosts;
use super::visits::Place;
use crate::object::Entry;

/// The part of the weight that is on trial: one in so many.
const TRIAL_PART: u64 = 10;
/// Traces of so many times the entries are kept.
const GHOST_ROUNDS: u64 = 2;
/// Entries that one eviction lets go on, so that it ends soon.
const LOOKS_MAX: u32 = 64;
/// Turns of entries that are no longer there, beside as many as are.
const DEAD_TURNS: usize = 64;

/// An entry's place in a queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) hash_low: u32,
    pub(super) ticket: u32,
}

#[derive(Debug, Default)]
struct Queue {
    turns: VecDeque<Turn>,
    entries: usize,
    bytes: u64,
}

/// The queues of one shard.
#[derive(Debug)]
pub(super) struct Queues {
    trial: Queue,
    main: Queue,
    ghosts: Ghosts,
    next_ticket: u32,
}

impl Queues {
    pub(super) fn new() -> Self {
        Self { trial: Queue::default(), main: Queue::default(), ghosts: Ghosts::new(), next_ticket: 0 }
    }

    pub(super) fn entries(&self) -> u64 {
        (self.trial.entries + self.main.entries) as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.trial.bytes + self.main.bytes
    }

    /// A new entry comes.
    pub(super) fn join(&mut self, entry: &Entry) {
        let entries = self.entries();
        let age = self.ghosts.take(entry.key.as_ref().hash);
        let is_back = age.is_some_and(|age| is_soon(age, entry.weight, entries, self.bytes()));
        self.ghosts.grow(entries * GHOST_ROUNDS);
        self.stand(entry, if is_back { Place::Main } else { Place::Trial });
    }

    /// An entry comes in the place of another.
    pub(super) fn replace(&mut self, old: &Entry, new: &Entry) {
        new.visits.follow(&old.visits);
        let queue = self.queue(old.visits.place());
        queue.bytes = queue.bytes.saturating_sub(old.weight) + new.weight;
    }

    /// An entry goes before its time. `is_there` says of a turn whether its entry still is.
    pub(super) fn leave(&mut self, entry: &Entry, is_there: impl Fn(Turn) -> bool) {
        let queue = self.queue(entry.visits.place());
        queue.entries -= 1;
        queue.bytes = queue.bytes.saturating_sub(entry.weight);
        if queue.turns.len() > queue.entries * 2 + DEAD_TURNS {
            queue.turns.retain(|turn| is_there(*turn));
        }
    }

    /// Chooses the entry that goes next. `find` finds the entry of a turn.
    pub(super) fn choose<E: AsRef<Entry>>(&mut self, find: impl Fn(Turn) -> Option<E>) -> Option<E> {
        let mut looks = 0;
        loop {
            let place = if self.main.entries == 0 || self.trial.bytes * TRIAL_PART > self.bytes() {
                Place::Trial
            } else {
                Place::Main
            };
            let queue = self.queue(place);
            let Some(turn) = queue.turns.pop_front() else {
                if self.entries() == 0 {
                    return None;
                }
                continue;
            };
            let Some(found) = find(turn) else {
                continue;
            };
            let entry = found.as_ref();
            queue.entries -= 1;
            queue.bytes = queue.bytes.saturating_sub(entry.weight);
            let is_visited = entry.visits.take();
            looks += 1;
            if is_visited && looks <= LOOKS_MAX {
                self.stand(entry, Place::Main);
            } else {
                self.ghosts.leave(entry.key.as_ref().hash);
                return Some(found);
            }
        }
    }

    fn stand(&mut self, entry: &Entry, place: Place) {
        let ticket = self.next_ticket;
        self.next_ticket = ticket.wrapping_add(1);
        entry.visits.stand(place, ticket);
        let queue = self.queue(place);
        queue.turns.push_back(Turn { hash_low: entry.key.as_ref().hash as u32, ticket });
        queue.entries += 1;
        queue.bytes += entry.weight;
    }

    fn queue(&mut self, place: Place) -> &mut Queue {
        match place {
            Place::Trial => &mut self.trial,
            Place::Main => &mut self.main,
        }
    }
}

/// Whether something comes back soon enough to be worth its place: after fewer evictions than there are
/// entries, if it weighs as much as these do; four times as heavy, after half as many; up to twice as many.
fn is_soon(age: u64, weight: u64, entries: u64, bytes: u64) -> bool {
    let (age, entries) = (u128::from(age), u128::from(entries));
    age < entries * u128::from(GHOST_ROUNDS) && age * age * u128::from(weight) < entries * u128::from(bytes)
}
