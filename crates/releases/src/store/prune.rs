//! What is kept. The ring holds different contents that were good; beside it are kept what is in force, what
//! is pinned and the newest few, good or not, so that people can see what happened.

use std::collections::BTreeSet;

use super::files::{file_name, numbers, sound};
use super::{Disk, State, list};

/// The newest releases that are kept whatever became of them.
pub const KEPT_NEWEST: usize = 5;

/// Lets the oldest leave the ring, until `generations` sound ones of different content are in it. Those that
/// are damaged or marked do not count, and leave.
pub(super) fn shorten_ring(disk: &Disk, state: &mut State, generations: usize) {
    let mut kept = Vec::new();
    for finished in state.ring.iter().rev() {
        let is_usable = state.is_bad(finished.hash).is_none()
            && sound(disk, finished.number).is_some_and(|release| release.hash == finished.hash);
        if is_usable && kept.len() < generations {
            kept.push(finished.clone());
        }
    }
    kept.reverse();
    // With nothing usable there is nothing to put in its place.
    if !kept.is_empty() {
        state.ring = kept;
    }
    if state.ring.len() >= generations {
        state.spared.clear();
    }
}

/// Removes what nobody needs. Never the last one that could be booted.
pub(super) fn prune(disk: &Disk, state: &State) {
    let all = numbers(disk);
    let mut kept: BTreeSet<u64> = all.iter().take(KEPT_NEWEST).copied().collect();
    kept.extend(state.ring.iter().map(|finished| finished.number));
    kept.extend(state.current);
    kept.extend(state.pinned);
    kept.extend(&state.spared);
    let goes: Vec<u64> = all.into_iter().filter(|number| !kept.contains(number)).collect();
    if goes.is_empty()
        || !list::order(disk, state)
            .iter()
            .any(|number| kept.contains(number) && sound(disk, *number).is_some())
    {
        return;
    }
    for number in goes {
        // What stays is tried again at the next change.
        disk.remove(&file_name(number)).ok();
    }
}
