//! Which of the other cores still look after what they are handed.

use std::cell::Cell;

use super::Handle;

/// A core that has not beaten for so many of our own ticks, 0.3 s, is handed nothing.
const QUIET_TICKS_MAX: u32 = 3;

/// What one worker has seen of every worker's heartbeat.
pub(super) struct Alive(Box<[Seen]>);

#[derive(Default)]
struct Seen {
    beats: Cell<u64>,
    quiet_ticks: Cell<u32>,
}

impl Alive {
    pub(super) fn of(all: &[Handle]) -> Self {
        Self(all.iter().map(|_| Seen::default()).collect())
    }

    /// Looks at everybody once. To be called at every tick.
    pub(super) fn look(&self, all: &[Handle]) {
        for (seen, handle) in self.0.iter().zip(all) {
            let beats = handle.slot.beats();
            let is_quiet = seen.beats.replace(beats) == beats;
            seen.quiet_ticks.set(if is_quiet { seen.quiet_ticks.get().saturating_add(1) } else { 0 });
        }
    }

    /// Whether this one does.
    pub(super) fn is(&self, index: usize) -> bool {
        self.0.get(index).is_some_and(|seen| seen.quiet_ticks.get() < QUIET_TICKS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::page::Slot;

    #[test]
    fn a_core_that_is_quiet_for_three_ticks_is_handed_nothing_until_it_beats_again() {
        let slots: &'static [Slot] = Box::leak(Box::<[Slot; 2]>::default());
        let handle =
            |slot| Handle { orders: tokio::sync::mpsc::unbounded_channel().0, metrics: Arc::default(), slot };
        let all: Vec<Handle> = slots.iter().map(handle).collect();
        let alive = Alive::of(&all);
        assert!(alive.is(0) && alive.is(1) && !alive.is(2));
        for tick in 1..=QUIET_TICKS_MAX {
            slots[0].beat();
            alive.look(&all);
            assert_eq!((alive.is(0), alive.is(1)), (true, tick < QUIET_TICKS_MAX), "tick {tick}");
        }
        slots[1].beat();
        alive.look(&all);
        assert!(alive.is(1));
    }
}
