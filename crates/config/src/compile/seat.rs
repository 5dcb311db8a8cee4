//! One zone on its way to a version that goes together with the others.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use rempart_base::{Diagnostic, Diagnostics, Severity};

use crate::settings::Settings;
use crate::snapshot::{HeldBack, Snapshot};
use crate::source::Spot;
use crate::zone::{HostPattern, Slot, ZonePlan, ZoneRecord};

/// So many diagnostics are kept with a zone that is held back.
const HELD_DIAGNOSTICS_MAX: usize = 20;

/// One zone on its way.
pub(super) struct Seat<'a> {
    pub(super) written: Written<'a>,
    pub(super) runs: Runs,
    /// Why it does not run as it is written.
    pub(super) why: Vec<Diagnostic>,
}

/// Why there is a seat.
#[derive(Clone, Copy)]
pub(super) enum Written<'a> {
    /// A zone stands in a file.
    Here(&'a Slot),
    /// A file cannot be read as a whole, and this zone of before stood in it.
    Perhaps(&'a ZoneRecord),
}

/// What runs of a zone.
pub(super) enum Runs {
    /// What is written.
    Written(ZoneRecord),
    /// What ran before.
    Kept(ZoneRecord),
    /// Nothing: its hosts get 503.
    Nothing,
    /// Not even that: nobody knows its name, another zone has it, or it can have no host.
    Nobody,
}

/// The snapshot before.
pub(super) struct Before<'a, 'f> {
    snapshot: Option<&'a Snapshot>,
    /// Whether its zones would come to the same today.
    is_current: bool,
    /// Compiles a zone of it with the settings of now.
    again: &'f mut dyn FnMut(&ZoneRecord) -> Option<ZoneRecord>,
    by_name: HashMap<&'a str, &'a ZoneRecord, FixedState>,
    by_file: HashMap<&'a str, Vec<&'a ZoneRecord>, FixedState>,
}

impl<'a, 'f> Before<'a, 'f> {
    pub(super) fn new(
        snapshot: Option<&'a Snapshot>,
        settings: &Settings,
        again: &'f mut dyn FnMut(&ZoneRecord) -> Option<ZoneRecord>,
    ) -> Self {
        let is_current = snapshot.is_some_and(|before| before.settings.makes_zones_like(settings));
        Self { snapshot, is_current, again, by_name: HashMap::default(), by_file: HashMap::default() }
    }

    pub(super) fn zones(&self) -> &'a [ZoneRecord] {
        self.snapshot.map_or(&[], |snapshot| &snapshot.zones)
    }

    /// The zone of this name.
    pub(super) fn record(&mut self, name: &str) -> Option<&'a ZoneRecord> {
        // Only those who look need an index.
        if self.by_name.is_empty() {
            self.by_name = self.zones().iter().map(|zone| (&*zone.plan.name, zone)).collect();
        }
        self.by_name.get(name).copied()
    }

    /// The zones that stood in this file.
    pub(super) fn stood_in(&mut self, file: &str) -> Vec<&'a ZoneRecord> {
        if self.by_file.is_empty() {
            for zone in self.zones() {
                self.by_file.entry(&zone.source.spot.file.name).or_default().push(zone);
            }
        }
        self.by_file.get(file).cloned().unwrap_or_default()
    }

    /// The version of this name that ran, with the settings of now.
    pub(super) fn version(&mut self, name: &str) -> Option<ZoneRecord> {
        let record = self.record(name)?;
        match record.plan.is_held_back {
            true => None,
            false if self.is_current => Some(record.clone()),
            false => (self.again)(record),
        }
    }

    /// Whether this host was served by the zone of this name.
    pub(super) fn owns(&self, host: &HostPattern, name: &str) -> bool {
        let owner = self.snapshot.and_then(|snapshot| snapshot.table.owner(host));
        owner.is_some_and(|owner| *owner.name == *name && !owner.is_held_back)
    }
}

impl<'a> Seat<'a> {
    /// The seat of a zone that stands in a file.
    pub(super) fn of(slot: &'a Slot, before: &mut Before<'a, '_>) -> Self {
        let kept = |bad: Option<&Arc<str>>, before: &mut Before<'a, '_>| match bad {
            Some(name) => before.version(name).map_or(Runs::Nothing, Runs::Kept),
            None => Runs::Nobody,
        };
        let (runs, why) = match slot {
            Slot::Good(record) => (Runs::Written(record.clone()), Vec::new()),
            Slot::Bad(bad) => (kept(bad.name.as_ref(), before), first(&bad.found)),
            Slot::Absent(absent) if absent.name.is_some() => (Runs::Nothing, Vec::new()),
            Slot::Absent(_) => (Runs::Nobody, Vec::new()),
        };
        Self { written: Written::Here(slot), runs, why }
    }

    /// The seat of a zone that may still stand in a file that cannot be read.
    pub(super) fn perhaps(record: &'a ZoneRecord, why: Vec<Diagnostic>, before: &mut Before<'a, '_>) -> Self {
        let runs = before.version(&record.plan.name).map_or(Runs::Nothing, Runs::Kept);
        Self { written: Written::Perhaps(record), runs, why }
    }

    pub(super) fn name(&self) -> Option<&'a Arc<str>> {
        match self.written {
            Written::Here(slot) => slot.name(),
            Written::Perhaps(record) => Some(&record.plan.name),
        }
    }

    pub(super) fn spot(&self) -> &'a Spot {
        match self.written {
            Written::Here(slot) => slot.spot(),
            Written::Perhaps(record) => &record.source.spot,
        }
    }

    /// The hosts that are written.
    pub(super) fn hosts(&self) -> &'a [HostPattern] {
        match self.written {
            Written::Here(Slot::Good(record)) | Written::Perhaps(record) => &record.plan.hosts,
            Written::Here(Slot::Bad(bad) | Slot::Absent(bad)) => &bad.hosts,
        }
    }

    /// What runs of it.
    pub(super) const fn record(&self) -> Option<&ZoneRecord> {
        match &self.runs {
            Runs::Written(record) | Runs::Kept(record) => Some(record),
            Runs::Nothing | Runs::Nobody => None,
        }
    }

    pub(super) fn plan(&self) -> Option<&Arc<ZonePlan>> {
        self.record().map(|record| &record.plan)
    }

    /// It goes back to the version of before, or to none.
    pub(super) fn step_back(&mut self, before: &mut Before<'a, '_>) {
        let version = match (&self.runs, self.name()) {
            (Runs::Written(written), Some(name)) => {
                before.version(name).filter(|version| !Arc::ptr_eq(&version.plan, &written.plan))
            }
            (Runs::Written(_) | Runs::Kept(_) | Runs::Nothing | Runs::Nobody, _) => None,
        };
        self.runs = version.map_or(Runs::Nothing, Runs::Kept);
    }

    /// What there is to say about it, if it does not run as it is written.
    pub(super) fn held(self) -> Option<HeldBack> {
        if self.why.is_empty() {
            return None;
        }
        let file = &self.spot().file.name;
        let has_version = matches!(self.runs, Runs::Kept(_));
        Some(held_back(self.name().unwrap_or(file), file, self.spot().mark.line, self.why, has_version))
    }
}

/// Something that is held back: the line is that of the first error, if it stands in that file.
pub(super) fn held_back(
    zone: &Arc<str>,
    file: &Arc<str>,
    line: u32,
    why: Vec<Diagnostic>,
    has_version: bool,
) -> HeldBack {
    let place = why.iter().find_map(|why| why.place.as_ref()).filter(|place| place.file == *file);
    HeldBack {
        zone: Arc::clone(zone),
        file: Arc::clone(file),
        line: place.map_or(line, |place| place.line),
        diagnostics: Diagnostics(why),
        has_version,
    }
}

/// The errors, as many as are kept.
pub(super) fn first(found: &Diagnostics) -> Vec<Diagnostic> {
    let errors = found.0.iter().filter(|found| found.severity == Severity::Error);
    errors.take(HELD_DIAGNOSTICS_MAX).cloned().collect()
}
