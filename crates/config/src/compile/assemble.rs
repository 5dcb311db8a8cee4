//! From the zones of all files to one table: here, and only here, zones meet each other.

use std::collections::HashMap;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use foldhash::fast::FixedState;
use rempart_base::config::{Context, Mark, Problem};
use rempart_base::{ContentHasher, Diagnostics, Now};

use crate::snapshot::Snapshot;
use crate::table::ZoneTable;
use crate::zone::{ZonePlan, ZoneRecord};

use super::collect;
use super::unit::{Main, Unit};

/// Zones that fit together.
pub(super) struct Parts {
    zones: Arc<[Arc<ZonePlan>]>,
    table: ZoneTable,
    /// How many the snapshot before does not have.
    pub(super) zones_new: usize,
}

/// Puts the zones of all files together; what clashes is reported.
pub(super) fn assemble(
    main: &Main,
    included: &[Vec<Arc<Unit>>],
    last: Option<&Snapshot>,
    now: Now,
    found: &mut Diagnostics,
) -> Parts {
    let files = Files { main: &main.unit, included };
    if files.units().all(|unit| unit.written == 0) {
        report_no_zones(main, found);
    }
    files.zones().for_each(|zone| report_expired_certificates(zone, now, found));
    let mut zones = Vec::with_capacity(files.units().map(|unit| unit.zones.len()).sum());
    zones.extend(files.zones().map(|zone| Arc::clone(&zone.record.plan)));
    let before = last.map_or(&[][..], |last| &last.zones);
    let mut table = last.map(|last| last.table.clone()).unwrap_or_default();
    let difference = Difference::between(before, &zones);
    difference.gone.iter().for_each(|zone| table.remove(zone));
    // Zones and their records stand in the same order, and so do the new ones among them.
    let mut new = difference.new.iter().copied().peekable();
    for (i, zone) in files.zones().enumerate().skip(new.peek().copied().unwrap_or(zones.len())) {
        if new.next_if_eq(&i).is_some() {
            enter(&mut table, i, zone, &files, found);
        }
    }
    let zones_new = difference.new.len();
    Parts { zones: zones.into(), table, zones_new }
}

/// Gives a new zone its name and its hosts.
fn enter(table: &mut ZoneTable, at: usize, zone: Placed<'_>, files: &Files<'_>, found: &mut Diagnostics) {
    let plan = &zone.record.plan;
    if let Err(other) = table.insert_name(plan) {
        let place = files.place_of(&other, at);
        report_duplicate_name(zone, place, found);
        return;
    }
    for (i, host) in plan.hosts.iter().enumerate() {
        if let Err(other) = table.insert(host, plan) {
            let place = files.place_of(&other, at);
            report_duplicate_host(zone, i, &other, place, found);
        }
    }
}

/// What two lists of zones do not share. Mostly one zone has changed: what is equal at the front and at the
/// back is passed over, and only what is between is looked at closely.
struct Difference<'a> {
    gone: Vec<&'a Arc<ZonePlan>>,
    /// Indices into the new list, rising.
    new: Vec<usize>,
}

impl<'a> Difference<'a> {
    fn between(old: &'a [Arc<ZonePlan>], new: &[Arc<ZonePlan>]) -> Self {
        let is_same = |(old, new): &(&Arc<ZonePlan>, &Arc<ZonePlan>)| Arc::ptr_eq(old, new);
        let front = old.iter().zip(new).take_while(is_same).count();
        let (old, new) = (old.get(front..).unwrap_or_default(), new.get(front..).unwrap_or_default());
        let back = old.iter().rev().zip(new.iter().rev()).take_while(is_same).count();
        let (old, new) = (
            old.get(..old.len() - back).unwrap_or_default(),
            new.get(..new.len() - back).unwrap_or_default(),
        );
        // Each old zone accounts for one new one: a copy of a zone is new, and clashes.
        let mut left: HashMap<*const ZonePlan, &Arc<ZonePlan>, FixedState> =
            old.iter().map(|zone| (Arc::as_ptr(zone), zone)).collect();
        let is_new = |(i, zone): (usize, &Arc<ZonePlan>)| {
            left.remove(&Arc::as_ptr(zone)).is_none().then_some(front + i)
        };
        let new = new.iter().enumerate().filter_map(is_new).collect();
        Self { gone: left.into_values().collect(), new }
    }
}

/// All files, in their order.
struct Files<'a> {
    main: &'a Unit,
    included: &'a [Vec<Arc<Unit>>],
}

impl<'a> Files<'a> {
    fn units(&self) -> impl Iterator<Item = &'a Unit> {
        std::iter::once(self.main).chain(self.included.iter().flatten().map(|unit| &**unit))
    }

    fn zones(&self) -> impl Iterator<Item = Placed<'a>> {
        self.units().flat_map(|unit| unit.zones.iter().map(move |record| Placed { unit, record }))
    }

    /// Where a zone stands, if not at `except`.
    fn place_of(&self, plan: &Arc<ZonePlan>, except: usize) -> Option<Placed<'a>> {
        let others = self.zones().enumerate().filter(|(i, _)| *i != except);
        others.map(|(_, zone)| zone).find(|zone| Arc::ptr_eq(&zone.record.plan, plan))
    }
}

impl Parts {
    pub(super) fn snapshot(self, number: u64, main: &Main, found: Diagnostics) -> Snapshot {
        let mut hash = ContentHasher::default();
        main.settings.hash(&mut hash);
        self.zones.iter().for_each(|zone| zone.hash.hash(&mut hash));
        Snapshot {
            number,
            hash: hash.finish(),
            settings: Arc::clone(&main.settings),
            warnings: found.0,
            held: Vec::new(),
            table: self.table,
            zones: self.zones,
        }
    }
}

/// A zone in its file.
#[derive(Clone, Copy)]
struct Placed<'a> {
    unit: &'a Unit,
    record: &'a ZoneRecord,
}

impl Placed<'_> {
    fn report(self, found: &mut Diagnostics, act: impl FnOnce(&mut Context)) {
        collect(found, self.unit.about(self.record.index, act));
    }
}

fn report_no_zones(main: &Main, found: &mut Diagnostics) {
    let action = "Add one under `zones`, or include a file that has one.";
    let problem = Problem::new("no-zones", "there is no zone: nothing would be served", action);
    let mut cx = Context::new(Arc::clone(&main.unit.file));
    cx.in_key("zones", |cx| cx.error(main.zones_mark, problem.expecting("at least one zone")));
    collect(found, cx.finish());
}

fn report_duplicate_name(zone: Placed<'_>, other: Option<Placed<'_>>, found: &mut Diagnostics) {
    let message = format!("the zone `{}` stands here a second time", zone.record.plan.name);
    let expected = format!("each zone once; the other is{}", shown(other, |other| other.mark));
    let problem =
        Problem::new("duplicate-zone", message, "Remove or rename one of the two.").expecting(expected);
    zone.report(found, |cx| cx.in_key("name", |cx| cx.error(zone.record.mark, problem)));
}

fn report_duplicate_host(
    zone: Placed<'_>,
    index: usize,
    owner: &ZonePlan,
    other: Option<Placed<'_>>,
    found: &mut Diagnostics,
) {
    let plan = &zone.record.plan;
    let Some(host) = plan.hosts.get(index) else { return };
    let theirs = owner.hosts.iter().position(|their| their == host).unwrap_or(0);
    let message = format!("the host `{host}` belongs to two zones, `{}` and `{}`", owner.name, plan.name);
    let expected = format!(
        "each host in one zone; `{}` has it{}",
        owner.name,
        shown(other, |other| other.host_mark(theirs))
    );
    let problem =
        Problem::new("duplicate-host", message, "Decide which zone answers for it.").expecting(expected);
    let mark = zone.record.host_mark(index);
    let is_written = !zone.record.host_marks.is_empty();
    zone.report(found, |cx| {
        if is_written {
            cx.in_key("hosts", |cx| cx.in_item(index, |cx| cx.error(mark, problem)));
        } else {
            cx.in_key("name", |cx| cx.error(mark, problem));
        }
    });
}

fn report_expired_certificates(zone: Placed<'_>, now: Now, found: &mut Diagnostics) {
    for (i, certificate) in zone.record.plan.certificates.iter().enumerate() {
        if i64::try_from(now.unix_s()).is_ok_and(|now| now <= certificate.not_after_unix_s) {
            continue;
        }
        let message = "this certificate has expired: visitors see a warning";
        let problem = Problem::new("certificate-expired", message, "Renew it.");
        let mark = zone.record.mark;
        zone.report(found, |cx| {
            cx.in_key("certificates", |cx| cx.in_item(i, |cx| cx.warning(mark, problem)));
        });
    }
}

fn shown(zone: Option<Placed<'_>>, mark: impl FnOnce(&ZoneRecord) -> Mark) -> String {
    zone.map_or_else(String::new, |zone| {
        let Mark { line, column } = mark(zone.record);
        format!(" at {}:{line}:{column}", zone.unit.file)
    })
}
