//! What one core knows of one zone, whatever its snapshot.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rempart_config::{Snapshot, ZonePlan};

use crate::metrics::ZoneCounters;
use crate::pipeline::{StageId, StageSet};
use crate::rules;

/// A stage whose policy is *open* is left out once it has failed so often for a zone on a core…
pub const FAILURES_MAX: u32 = 5;
/// …within this time of the first failure…
pub const FAILURES_WITHIN: Duration = Duration::from_secs(10);
/// …and is tried again after this time, or with the next release, whichever comes first.
pub const LEFT_OUT_FOR: Duration = Duration::from_secs(60);

/// What one core knows of one zone.
pub struct ZoneState {
    /// Counters.
    pub counters: Arc<ZoneCounters>,
    /// Whose turn it is among the origins.
    turn: Cell<usize>,
    /// Stages that do not run: what is switched off and what is left out.
    off: Cell<StageSet>,
    switched_off: Cell<StageSet>,
    left_out: Cell<StageSet>,
    /// Stages that have failed lately: how often, and when first.
    failing: RefCell<Vec<(StageId, u32, Instant)>>,
    /// Held once by each fetch that goes on though its visitor has left.
    left_behind: Rc<()>,
    /// Stages of requests and of answers that the zone has, by the numbers of the release and of its plan.
    stages: Cell<Option<(Of, StageSet, StageSet)>>,
}

/// The number of a release, and the hash of a zone's plan in it.
type Of = (u64, u64);

/// A fetch that goes on though its visitor has left.
pub struct LeftBehind {
    _counted: Rc<()>,
}

/// So many of them a zone may have on one core: visitors who come only to leave cost no more.
const LEFT_BEHIND_MAX: usize = 64;

impl ZoneState {
    /// With these stages switched off.
    #[must_use]
    pub fn new(counters: Arc<ZoneCounters>, switched_off: StageSet) -> Self {
        Self {
            counters,
            turn: Cell::new(0),
            off: Cell::new(switched_off),
            switched_off: Cell::new(switched_off),
            left_out: Cell::default(),
            failing: RefCell::default(),
            left_behind: Rc::default(),
            stages: Cell::default(),
        }
    }

    /// One more fetch that goes on without its visitor. `None`: there are too many.
    pub fn leave_behind(&self) -> Option<LeftBehind> {
        let is_one_more = Rc::strong_count(&self.left_behind) <= LEFT_BEHIND_MAX;
        is_one_more.then(|| LeftBehind { _counted: Rc::clone(&self.left_behind) })
    }

    /// The next of `count` origins in turn.
    pub fn next_turn(&self, count: usize) -> usize {
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        turn.checked_rem(count).unwrap_or(0)
    }

    /// The stages of requests, and of answers, that the zone has in this release: found out once.
    pub fn stages(&self, snapshot: &Snapshot, zone: &Arc<ZonePlan>) -> (StageSet, StageSet) {
        let of = (snapshot.number, zone.hash);
        match self.stages.get() {
            Some((known, request, answer)) if known == of => (request, answer),
            Some(_) | None => {
                let request = rules::request_stages(snapshot, Some(zone));
                let answer = rules::answer_stages(snapshot, zone);
                self.stages.set(Some((of, request, answer)));
                (request, answer)
            }
        }
    }

    /// Stages that do not run.
    pub const fn off(&self) -> StageSet {
        self.off.get()
    }

    /// Has just these stages switched off.
    pub fn switch_off(&self, stages: StageSet) {
        self.switched_off.set(stages);
        self.settle();
    }

    /// Whether a stage that has failed now keeps failing: it is left out from now on.
    pub fn has_failed_too_often(&self, stage: StageId, now: Instant) -> bool {
        let mut failing = self.failing.borrow_mut();
        let known = failing.iter().position(|(other, ..)| *other == stage);
        let before = known.map(|index| failing.swap_remove(index));
        let lately = before.filter(|(_, _, first)| now.saturating_duration_since(*first) < FAILURES_WITHIN);
        let (count, first) = lately.map_or((1, now), |(_, count, first)| (count + 1, first));
        if count < FAILURES_MAX {
            failing.push((stage, count, first));
            return false;
        }
        self.left_out.set(self.left_out.get().with(stage));
        self.settle();
        true
    }

    /// Runs a stage again that was left out.
    pub fn try_again(&self, stage: StageId) {
        self.left_out.set(self.left_out.get().without(stage));
        self.settle();
    }

    fn settle(&self) {
        self.off.set(self.switched_off.get().and(self.left_out.get()));
    }
}

#[cfg(test)]
mod tests {
    use rempart_base::Now;

    use super::*;
    use crate::pipeline::stage_named;

    #[test]
    fn a_stage_is_left_out_at_the_bound_and_not_if_its_failures_are_far_apart() {
        let state = ZoneState::new(Arc::default(), StageSet::NONE);
        let (stage, now) = (stage_named("loop").unwrap(), Now::mono());
        let almost = FAILURES_WITHIN - Duration::from_nanos(1);
        for (count, after) in [(1, Duration::ZERO), (2, almost), (3, almost), (4, almost)] {
            assert!(!state.has_failed_too_often(stage, now + after), "the failure {count}");
        }
        // The first one is too long ago: counting begins anew.
        assert!(!state.has_failed_too_often(stage, now + FAILURES_WITHIN));
        for _ in 2..FAILURES_MAX {
            assert!(!state.has_failed_too_often(stage, now + FAILURES_WITHIN));
        }
        assert_eq!(state.off(), StageSet::NONE);
        assert!(state.has_failed_too_often(stage, now + FAILURES_WITHIN));
        assert!(state.off().contains(stage));
        state.try_again(stage);
        assert_eq!(state.off(), StageSet::NONE);
    }

    #[test]
    fn what_an_operator_switched_off_stays_off_when_it_is_tried_again() {
        let (stage, other) = (stage_named("loop").unwrap(), stage_named("zone").unwrap());
        let state = ZoneState::new(Arc::default(), StageSet::NONE.with(stage));
        state.try_again(stage);
        assert!(state.off().contains(stage) && !state.off().contains(other));
        state.switch_off(StageSet::NONE);
        assert_eq!(state.off(), StageSet::NONE);
    }
}
