//! What a change of the configuration changes, by the names of zones.

use std::sync::Arc;

use crate::snapshot::Snapshot;

/// What a change of the configuration changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Zones that were not there before.
    pub added: Vec<Arc<str>>,
    /// Zones that run otherwise than before.
    pub changed: Vec<Arc<str>>,
    /// Zones that are no longer there.
    pub removed: Vec<Arc<str>>,
    /// Whether one of the global values differs.
    pub settings: bool,
}

impl Difference {
    /// The zone that runs otherwise than before, if nothing else differs.
    #[must_use]
    pub fn one_changed_zone(&self) -> Option<&Arc<str>> {
        match &*self.changed {
            [zone] if !self.settings && self.added.is_empty() && self.removed.is_empty() => Some(zone),
            _ => None,
        }
    }

    /// What must be done to `old` to come to `new`. The names are in the order of the files.
    #[must_use]
    pub fn between(old: &Snapshot, new: &Snapshot) -> Self {
        let mut difference = Self { settings: old.settings != new.settings, ..Self::default() };
        // Mostly one zone has changed: what is equal at the front is passed over without a look-up.
        let same = old.zones().zip(new.zones()).take_while(|(old, new)| Arc::ptr_eq(old, new)).count();
        for zone in new.zones().skip(same) {
            match old.zone_named(&zone.name) {
                None => difference.added.push(Arc::clone(&zone.name)),
                Some(before) if before.hash != zone.hash => difference.changed.push(Arc::clone(&zone.name)),
                Some(_) => {}
            }
        }
        let gone = old.zones().skip(same).filter(|zone| new.zone_named(&zone.name).is_none());
        difference.removed.extend(gone.map(|zone| Arc::clone(&zone.name)));
        difference
    }

    /// Whether nothing differs.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty() && !self.settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_zone_is_to_blame_only_if_nothing_else_differs() {
        let name: Arc<str> = "a.example".into();
        let alone = || Difference { changed: vec![Arc::clone(&name)], ..Difference::default() };
        assert_eq!(alone().one_changed_zone(), Some(&name));
        for more in [
            Difference { settings: true, ..alone() },
            Difference { added: vec!["b.example".into()], ..alone() },
            Difference { removed: vec!["b.example".into()], ..alone() },
            Difference { changed: vec![Arc::clone(&name), "b.example".into()], ..alone() },
            Difference { added: vec![Arc::clone(&name)], ..Difference::default() },
        ] {
            assert_eq!(more.one_changed_zone(), None, "{more:?}");
        }
    }
}
