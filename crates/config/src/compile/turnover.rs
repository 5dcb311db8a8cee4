//! What two lists of plans do not share.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::zone::{ZonePlan, ZoneRecord};

/// What two lists of plans do not share. Mostly one zone has changed: what is equal at the front and at the back
/// is passed over, and only what is between is looked at closely.
pub(super) struct Turnover<'a> {
    pub(super) gone: Vec<&'a Arc<ZonePlan>>,
    /// Indices into the new list, rising.
    pub(super) new: Vec<usize>,
}

impl<'a> Turnover<'a> {
    /// Each plan stands at most once in each list.
    pub(super) fn between(old: &'a [ZoneRecord], new: &[&Arc<ZonePlan>]) -> Self {
        let is_same = |(old, new): &(&ZoneRecord, &&Arc<ZonePlan>)| Arc::ptr_eq(&old.plan, new);
        let front = old.iter().zip(new).take_while(is_same).count();
        let (old, new) = (old.get(front..).unwrap_or_default(), new.get(front..).unwrap_or_default());
        let back = old.iter().rev().zip(new.iter().rev()).take_while(is_same).count();
        let (old, new) = (
            old.get(..old.len() - back).unwrap_or_default(),
            new.get(..new.len() - back).unwrap_or_default(),
        );
        let mut left: HashMap<*const ZonePlan, &Arc<ZonePlan>, FixedState> =
            old.iter().map(|zone| (Arc::as_ptr(&zone.plan), &zone.plan)).collect();
        let is_new = |(i, plan): (usize, &&Arc<ZonePlan>)| {
            left.remove(&Arc::as_ptr(plan)).is_none().then_some(front + i)
        };
        let new = new.iter().enumerate().filter_map(is_new).collect();
        Self { gone: left.into_values().collect(), new }
    }
}
