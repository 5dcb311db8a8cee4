//! How close a resource is to its budget, and what is shed for it.

use rempart_base::Now;

/// Idle connections are shed from this share of a budget on, in percent…
pub(super) const IDLE_FROM_PERCENT: u64 = 90;
/// …until it has fallen to this one.
pub(super) const IDLE_UNTIL_PERCENT: u64 = 80;
/// New connections are refused from this share of a budget on, in percent…
pub(super) const NEW_FROM_PERCENT: u64 = 95;
/// …until it has fallen to this one.
pub(super) const NEW_UNTIL_PERCENT: u64 = 90;

/// What is shed. The later includes the earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    #[default]
    Calm,
    /// Idle connections.
    Idle,
    /// New connections too.
    New,
}

impl Level {
    /// For status, log and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Idle => "closing-idle",
            Self::New => "refusing-new",
        }
    }

    /// What follows this level.
    fn next(self, used: u64, max: u64) -> Self {
        let reaches = |percent: u64| u128::from(used) * 100 >= u128::from(max) * u128::from(percent);
        let is_above = |percent: u64| u128::from(used) * 100 > u128::from(max) * u128::from(percent);
        if reaches(NEW_FROM_PERCENT) || (self == Self::New && is_above(NEW_UNTIL_PERCENT)) {
            Self::New
        } else if reaches(IDLE_FROM_PERCENT) || (self >= Self::Idle && is_above(IDLE_UNTIL_PERCENT)) {
            Self::Idle
        } else {
            Self::Calm
        }
    }
}

/// What can run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Visitors' connections.
    Connections,
    /// Open descriptors.
    Descriptors,
    /// Resident memory.
    Memory,
}

impl Resource {
    /// For status, log and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Descriptors => "descriptors",
            Self::Memory => "memory_bytes",
        }
    }
}

/// One resource as it was seen last.
#[derive(Clone, Copy, Debug)]
pub struct Gauge {
    /// Which.
    pub resource: Resource,
    /// How much is used.
    pub used: u64,
    /// How much may be used.
    pub max: u64,
    /// What is shed for it.
    pub level: Level,
    /// Since when.
    pub since: Now,
}

impl Gauge {
    pub(super) fn new(resource: Resource) -> Self {
        Self { resource, used: 0, max: u64::MAX, level: Level::Calm, since: Now::read() }
    }

    /// Takes a reading. `has_failed` says that there was nothing left of it in the meantime, whatever the
    /// reading. Answers with the level before, if it was another.
    pub(super) fn read(&mut self, used: u64, max: u64, has_failed: bool, now: Now) -> Option<Level> {
        let before = self.level;
        (self.used, self.max) = (used, max);
        let next = before.next(used, max).max(if has_failed { Level::Idle } else { Level::Calm });
        // At the most connections one comes in for one that goes: they are never refused before.
        self.level = match self.resource {
            Resource::Connections => next.min(Level::Idle),
            Resource::Descriptors | Resource::Memory => next,
        };
        if before == self.level {
            return None;
        }
        self.since = now;
        Some(before)
    }

    /// How much has to go until nothing is shed any more.
    #[must_use]
    pub fn excess(&self) -> u64 {
        self.used
            .saturating_sub(self.max / 100 * IDLE_UNTIL_PERCENT + self.max % 100 * IDLE_UNTIL_PERCENT / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_at_the_bound_and_ends_well_below_it() {
        let mut gauge = Gauge::new(Resource::Memory);
        let expected = [
            (899, Level::Calm),
            (900, Level::Idle),
            (801, Level::Idle),
            (800, Level::Calm),
            (949, Level::Idle),
            (950, Level::New),
            (901, Level::New),
            (900, Level::Idle),
            (801, Level::Idle),
            (0, Level::Calm),
            (u64::MAX, Level::New),
            (800, Level::Calm),
        ];
        for (used, level) in expected {
            let before = gauge.level;
            let changed = gauge.read(used, 1000, false, Now::read());
            assert_eq!((gauge.level, changed), (level, (before != level).then_some(before)), "at {used}");
        }
    }

    #[test]
    fn a_visitor_is_never_refused_for_connections_below_the_most() {
        let mut gauge = Gauge::new(Resource::Connections);
        gauge.read(1000, 1000, false, Now::read());
        assert_eq!((gauge.level, gauge.excess()), (Level::Idle, 200));
    }

    #[test]
    fn running_out_counts_whatever_the_reading() {
        let mut gauge = Gauge::new(Resource::Descriptors);
        assert_eq!(gauge.read(1, 1000, true, Now::read()), Some(Level::Calm));
        assert_eq!((gauge.level, gauge.excess()), (Level::Idle, 0));
        assert_eq!(gauge.read(1, 1000, false, Now::read()), Some(Level::Idle));
    }
}
