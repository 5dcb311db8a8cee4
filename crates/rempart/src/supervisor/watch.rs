//! Whether an edge's cores still live. A core beats ten times a second; the supervisor looks in rounds, and
//! counts the rounds in which nothing moved. A supervisor that was stopped or slept itself comes back to one
//! round, however long it was away, so it never takes its own absence for an edge's.

use std::time::Duration;

use rempart_edge::page::Slot;

/// The time from one look to the next.
pub(super) const ROUND: Duration = Duration::from_millis(250);
/// So many rounds without a beat are a core that is stuck: two and a half seconds, so that its successor serves
/// within three.
const QUIET_ROUNDS_MAX: u32 = 10;

/// An edge none of whose cores has beaten for so many rounds has nothing left that could finish anything.
const LOST_ROUNDS: u32 = 4;

/// What is known of one edge's heartbeats.
pub(super) struct Watch(Vec<Pulse>);

#[derive(Clone, Copy, Default)]
struct Pulse {
    beats: u64,
    quiet_rounds: u32,
}

impl Watch {
    /// Over so many cores.
    pub(super) fn of(cores: usize) -> Self {
        Self(vec![Pulse::default(); cores])
    }

    /// Looks once; returns the cores that are now found to be stuck, each of them once. A core that has not
    /// begun (an edge of another version may have no slots) is not waited for.
    pub(super) fn look(&mut self, slots: &[Slot]) -> Vec<usize> {
        let mut stuck = Vec::new();
        for (core, (pulse, slot)) in self.0.iter_mut().zip(slots).enumerate() {
            let beats = slot.beats();
            if beats != pulse.beats || beats == 0 {
                *pulse = Pulse { beats, quiet_rounds: 0 };
                continue;
            }
            pulse.quiet_rounds = pulse.quiet_rounds.saturating_add(1);
            if pulse.quiet_rounds == QUIET_ROUNDS_MAX {
                stuck.push(core);
            }
        }
        stuck
    }

    /// Whether no core is left that could finish anything. One that has not begun beside others that have has
    /// nothing to finish.
    pub(super) fn is_lost(&self) -> bool {
        let mut begun = self.0.iter().filter(|pulse| pulse.beats > 0).peekable();
        begun.peek().is_some() && begun.all(|pulse| pulse.quiet_rounds >= LOST_ROUNDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_is_stuck_after_three_seconds_of_rounds_and_not_one_round_earlier() {
        let slots: [Slot; 2] = Default::default();
        let mut watch = Watch::of(2);
        slots.iter().for_each(Slot::beat);
        assert_eq!(watch.look(&slots), [0; 0]);
        for round in 1..=2 * QUIET_ROUNDS_MAX {
            slots[0].beat();
            let stuck = watch.look(&slots);
            assert_eq!(stuck, if round == QUIET_ROUNDS_MAX { vec![1] } else { vec![] }, "round {round}");
        }
        assert!(!watch.is_lost());
        slots[1].beat();
        assert_eq!(watch.look(&slots), [0; 0]);
        for _ in 1..QUIET_ROUNDS_MAX {
            slots[0].beat();
            assert_eq!(watch.look(&slots), [0; 0], "it has lived since");
        }
    }

    #[test]
    fn cores_that_never_began_are_not_stuck() {
        let slots: [Slot; 2] = Default::default();
        let mut watch = Watch::of(2);
        (0..100).for_each(|_| assert_eq!(watch.look(&slots), [0; 0]));
        assert!(!watch.is_lost());
    }

    #[test]
    fn a_core_that_never_began_keeps_no_edge_whose_others_are_quiet() {
        let slots: [Slot; 2] = Default::default();
        let mut watch = Watch::of(2);
        slots[0].beat();
        (0..LOST_ROUNDS).for_each(|_| drop(watch.look(&slots)));
        assert!(!watch.is_lost());
        watch.look(&slots);
        assert!(watch.is_lost());
    }

    #[test]
    fn an_edge_is_lost_when_none_of_its_cores_has_beaten_for_a_second() {
        let slots: [Slot; 2] = Default::default();
        let mut watch = Watch::of(2);
        slots.iter().for_each(Slot::beat);
        watch.look(&slots);
        slots[1].beat();
        (0..LOST_ROUNDS).for_each(|_| drop(watch.look(&slots)));
        assert!(!watch.is_lost(), "one has beaten a round later");
        watch.look(&slots);
        assert!(watch.is_lost());
    }
}
