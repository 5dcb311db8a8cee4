//! From the zones of all files to one snapshot: here, and only here, zones meet each other.

use std::sync::{Arc, Mutex};

use rempart_base::config::{Context, Mark, Problem};
use rempart_base::hash::ContentHasher;
use rempart_base::{Diagnostics, Now, Severity, content_hash};
use std::hash::{Hash as _, Hasher as _};

use crate::settings::{Settings, SettingsSource};
use crate::snapshot::{HeldBack, Snapshot};
use crate::zone::{Slot, ZoneRecord};

use super::refused::RefusedZones;
use super::settle::{Settled, settle};
use super::unit::Tools;

/// Everything that one compilation has found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) all: Diagnostics,
    /// Whether something is wrong with what zones share, so that all of it is refused.
    pub(crate) is_refused: bool,
}

/// The zones of one file.
pub(crate) struct Part<'a> {
    pub(crate) file: &'a Arc<str>,
    pub(crate) slots: &'a [Slot],
    /// What is wrong with the file as a whole.
    pub(crate) broken: &'a Diagnostics,
}

/// What a snapshot is made of.
pub(crate) struct Assembly<'a> {
    pub(crate) settings: Arc<Settings>,
    pub(crate) source: Arc<SettingsSource>,
    /// In the order of the files.
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) base: Option<&'a Snapshot>,
    /// Versions of zones that are held back.
    pub(crate) refused: &'a RefusedZones,
    /// Compiles a zone of `base` again, with the settings of now.
    pub(crate) again: &'a mut dyn FnMut(&ZoneRecord) -> Option<ZoneRecord>,
    /// Zones of which it is known already that they are held back.
    pub(crate) held: Vec<HeldBack>,
    pub(crate) tools: Arc<Mutex<Tools>>,
    pub(crate) now: Now,
}

/// A snapshot, and how many of its plans are not those of the one before.
pub(crate) struct Assembled {
    pub(crate) snapshot: Snapshot,
    pub(crate) zones_new: usize,
}

impl Found {
    /// Takes what was found in what zones share.
    pub(crate) fn shared(&mut self, found: Diagnostics) {
        self.is_refused |= found.has_errors();
        self.of_zones(found);
    }

    /// Takes what was found in zones: an error holds its zone back, and nothing else.
    pub(crate) fn of_zones(&mut self, found: Diagnostics) {
        for diagnostic in found.0 {
            self.all.push_bounded(diagnostic);
        }
    }
}

impl Assembly<'_> {
    /// Puts the zones of all files together. Zones that do not go together, or do not compile, are held back.
    ///
    /// # Errors
    /// Something is wrong with what zones share, or none of them can run.
    pub(crate) fn assemble(self, found: &mut Found) -> Result<Assembled, Diagnostics> {
        let Settled { zones, table, held, zones_new, runs } =
            settle(&self.parts, (self.base, self.refused, &self.settings), self.again, found);
        report_expired_certificates(&zones, self.now, found);
        if found.is_refused || runs == 0 {
            return Err(std::mem::take(&mut found.all));
        }
        let warnings = found.all.0.iter().filter(|found| found.severity == Severity::Warning);
        let mut all_held = self.held;
        all_held.extend(held);
        let snapshot = Snapshot {
            number: 0,
            hash: hash(&self.settings, &zones),
            settings: self.settings,
            warnings: warnings.cloned().collect(),
            held: all_held,
            source: self.source,
            table,
            zones: zones.into(),
            tools: self.tools,
        };
        Ok(Assembled { snapshot, zones_new })
    }
}

/// Of the whole content. In which order, and in which file, zones stand makes no difference.
fn hash(settings: &Settings, zones: &[ZoneRecord]) -> u64 {
    let sum = |sum: u64, zone: &ZoneRecord| sum.wrapping_add(content_hash(&zone.plan.hash));
    let mut hasher = ContentHasher::default();
    settings.hash(&mut hasher);
    hasher.write_u64(zones.iter().fold(0, sum));
    hasher.finish()
}

/// There is no zone at all, and nothing else says why.
pub(super) fn report_no_zones(file: &Arc<str>, found: &mut Found) {
    let action = "Add one under `zones`, or include a file that has one.";
    let problem = Problem::new("no-zones", "there is no zone: nothing would be served", action);
    let mut cx = Context::new(Arc::clone(file));
    cx.in_key("zones", |cx| cx.error(Mark::START, problem.expecting("at least one zone")));
    found.shared(cx.finish());
}

fn report_expired_certificates(zones: &[ZoneRecord], now: Now, found: &mut Found) {
    for zone in zones {
        for (i, certificate) in zone.plan.certificates.iter().enumerate() {
            if i64::try_from(now.unix_s()).is_ok_and(|now| now <= certificate.not_after_unix_s) {
                continue;
            }
            let message = "this certificate has expired: visitors see a warning";
            let problem = Problem::new("certificate-expired", message, "Renew it.");
            let mark = zone.source.name_mark();
            let ((), about) = zone.source.spot.about(|cx| {
                cx.in_key("certificates", |cx| cx.in_item(i, |cx| cx.warning(mark, problem)));
            });
            found.of_zones(about);
        }
    }
}
