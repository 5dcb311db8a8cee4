//! What one core is told of the budgets, and what it counts about them.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::metrics::{Counter, ZoneCounters};
use crate::zone_state::ZoneState;

/// One core's part. What it is told is written by the control thread alone, what it counts by the core alone.
#[derive(Debug)]
pub struct CoreBudget {
    /// Visitors' connections in the whole process.
    pub connections_max: AtomicUsize,
    /// Open descriptors of the whole process.
    pub descriptors_max: AtomicUsize,
    /// Whether new connections are refused.
    pub refuses_new: AtomicBool,
    /// Exchanges under way that a zone may have on this core; `usize::MAX` if nothing is short.
    pub share: AtomicUsize,
    /// Visitors' connections that are to be closed at the next tick, if so many are idle.
    pub idle_to_close: AtomicUsize,
    /// Visitors' connections that are to be closed as soon as they are idle, for some that other cores have
    /// let in already. Cores write it.
    pub promised: AtomicUsize,
    /// Connections to origins that are to be closed at the next tick.
    pub origin_idle_to_close: AtomicUsize,
    /// Visitors' connections that are idle after an answer.
    pub idle: Arc<AtomicUsize>,
    /// Idle connections of visitors that were closed to make room.
    pub idle_closed: Counter,
    /// Idle connections to origins that were closed to make room.
    pub origin_idle_closed: Counter,
    /// Requests that were refused because their zone had its share.
    pub over_share: Counter,
    /// Connections that could not be accepted, most often since there was no descriptor for them.
    pub accept_failed: Counter,
}

impl Default for CoreBudget {
    fn default() -> Self {
        Self {
            connections_max: AtomicUsize::new(usize::MAX),
            descriptors_max: AtomicUsize::new(usize::MAX),
            refuses_new: AtomicBool::new(false),
            share: AtomicUsize::new(usize::MAX),
            idle_to_close: AtomicUsize::new(0),
            promised: AtomicUsize::new(0),
            origin_idle_to_close: AtomicUsize::new(0),
            idle: Arc::default(),
            idle_closed: Counter::default(),
            origin_idle_closed: Counter::default(),
            over_share: Counter::default(),
            accept_failed: Counter::default(),
        }
    }
}

impl CoreBudget {
    /// Whether a zone has its share of exchanges under way on this core: it may not begin another. If nothing
    /// is short, every zone may.
    pub fn is_over_share(&self, zone: &ZoneCounters) -> bool {
        let share = self.share.load(Ordering::Relaxed);
        if share == usize::MAX {
            return false;
        }
        let is_over = zone.under_way.read() >= share as u64;
        self.over_share.add(u64::from(is_over));
        is_over
    }
}

/// An exchange of a zone that is under way; not any more, however it ends.
pub struct UnderWay(Rc<ZoneState>);

impl UnderWay {
    /// One more.
    #[must_use]
    pub fn enter(zone: &Rc<ZoneState>) -> Self {
        zone.counters.under_way.add(1);
        Self(Rc::clone(zone))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        // One less: counters wrap.
        self.0.counters.under_way.add(u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::StageSet;

    #[test]
    fn at_its_share_a_zone_may_not_begin_another_and_without_a_share_it_may() {
        let (budget, zone) = (CoreBudget::default(), Rc::new(ZoneState::new(Arc::default(), StageSet::NONE)));
        let mut under_way = vec![UnderWay::enter(&zone), UnderWay::enter(&zone)];
        assert!(!budget.is_over_share(&zone.counters));
        budget.share.store(3, Ordering::Relaxed);
        assert!(!budget.is_over_share(&zone.counters));
        under_way.push(UnderWay::enter(&zone));
        assert!(budget.is_over_share(&zone.counters));
        under_way.pop();
        assert!(!budget.is_over_share(&zone.counters));
        drop(under_way);
        assert_eq!((zone.counters.under_way.read(), budget.over_share.read()), (0, 1));
    }
}
