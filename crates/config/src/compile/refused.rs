//! Versions of zones that are known to do harm, though nothing is wrong with what is written.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::zone::ZonePlan;

/// One version of one zone that did worse than the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedZone {
    /// The zone's name.
    pub name: String,
    /// [`ZonePlan::hash`].
    pub plan_hash: u64,
    /// What it did, for people.
    pub why: String,
}

/// All of them. The plan's hash is of its name, too.
#[derive(Debug, Default)]
pub(crate) struct RefusedZones(HashMap<u64, RefusedZone, FixedState>);

impl RefusedZones {
    /// Why this version is refused, if it is.
    pub(super) fn why(&self, plan: &ZonePlan) -> Option<&str> {
        let refused = self.0.get(&plan.hash)?;
        (*refused.name == *plan.name).then_some(&refused.why)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<RefusedZone> for RefusedZones {
    fn from_iter<I: IntoIterator<Item = RefusedZone>>(zones: I) -> Self {
        Self(zones.into_iter().map(|zone| (zone.plan_hash, zone)).collect())
    }
}
