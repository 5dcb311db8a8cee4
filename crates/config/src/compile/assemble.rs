//! From the zones of all files to one table: here, and only here, zones meet each other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;
use rempart_base::config::{Context, Problem};
use rempart_base::{Diagnostics, Now, content_hash};

use crate::snapshot::Snapshot;
use crate::table::ZoneTable;
use crate::zone::{HostPattern, ZonePlan, ZoneRecord};

use super::collect;
use super::unit::{Main, Unit};

/// Zones that fit together.
pub(super) struct Parts {
    zones: Box<[Arc<ZonePlan>]>,
    table: ZoneTable,
    /// How many the snapshot before does not have.
    pub(super) zones_new: usize,
}

/// Puts the zones of all files together; what clashes is reported.
pub(super) fn assemble(
    main: &Main,
    units: &[Arc<Unit>],
    last: Option<&Snapshot>,
    now: Now,
    found: &mut Diagnostics,
) -> Parts {
    let records: Vec<Placed<'_>> =
        units.iter().flat_map(|unit| unit.zones.iter().map(move |record| Placed { unit, record })).collect();
    if units.iter().all(|unit| unit.written == 0) {
        let problem = Problem::new(
            "no-zones",
            "there is no zone: nothing would be served",
            "Add one under `zones`, or include a file that has one.",
        );
        let mut cx = Context::new(Arc::clone(&main.unit.file));
        cx.in_key("zones", |cx| cx.error(main.zones_mark, problem.expecting("at least one zone")));
        collect(found, cx.finish());
    }
    report_duplicate_names(&records, found);
    report_expired_certificates(&records, now, found);
    let zones: Box<[Arc<ZonePlan>]> = records.iter().map(|placed| Arc::clone(&placed.record.plan)).collect();
    let before = last.map_or(&[][..], |last| &last.zones);
    let mut table = last.map(|last| last.table.clone()).unwrap_or_default();
    let is_in_new = pointers(&zones);
    for gone in before.iter().filter(|zone| !is_in_new.contains(&Arc::as_ptr(zone))) {
        gone.hosts.iter().for_each(|host| table.remove(host));
    }
    let is_in_old = pointers(before);
    let mut zones_new = 0;
    for new in records.iter().filter(|new| !is_in_old.contains(&Arc::as_ptr(&new.record.plan))) {
        zones_new += 1;
        for (i, host) in new.record.plan.hosts.iter().enumerate() {
            if let Err(other) = table.insert(host, &new.record.plan) {
                report_duplicate_host(new, i, host, &other, &records, found);
            }
        }
    }
    Parts { zones, table, zones_new }
}

impl Parts {
    pub(super) fn snapshot(self, number: u64, main: &Main, found: Diagnostics) -> Snapshot {
        let zones: Vec<u64> = self.zones.iter().map(|zone| zone.hash).collect();
        Snapshot {
            number,
            hash: content_hash(&(&main.settings, zones)),
            settings: Arc::clone(&main.settings),
            warnings: found.0,
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
    fn report(&self, found: &mut Diagnostics, act: impl FnOnce(&mut Context)) {
        collect(found, self.unit.about(self.record.index, act));
    }
}

fn pointers(zones: &[Arc<ZonePlan>]) -> HashSet<*const ZonePlan, FixedState> {
    zones.iter().map(Arc::as_ptr).collect()
}

fn report_duplicate_names(records: &[Placed<'_>], found: &mut Diagnostics) {
    let mut first: HashMap<&str, Placed<'_>, FixedState> =
        HashMap::with_capacity_and_hasher(records.len(), FixedState::default());
    for placed in records {
        let Some(other) = first.insert(&placed.record.plan.name, *placed) else { continue };
        let message = format!("the zone `{}` stands here a second time", placed.record.plan.name);
        let expected = format!("each zone once; the first is at {}", shown(&other, other.record.mark));
        let problem =
            Problem::new("duplicate-zone", message, "Remove or rename one of the two.").expecting(expected);
        placed.report(found, |cx| cx.in_key("name", |cx| cx.error(placed.record.mark, problem)));
    }
}

fn report_duplicate_host(
    new: &Placed<'_>,
    index: usize,
    host: &HostPattern,
    other: &Arc<ZonePlan>,
    records: &[Placed<'_>],
    found: &mut Diagnostics,
) {
    if other.name == new.record.plan.name {
        // The zones' names clash, which has been reported.
        return;
    }
    let theirs = records.iter().find(|placed| Arc::ptr_eq(&placed.record.plan, other));
    let at = theirs.map_or_else(String::new, |theirs| {
        let index = other.hosts.iter().position(|their| their == host).unwrap_or(0);
        format!(" at {}", shown(theirs, theirs.record.host_mark(index)))
    });
    let message =
        format!("the host `{host}` belongs to two zones, `{}` and `{}`", other.name, new.record.plan.name);
    let problem = Problem::new("duplicate-host", message, "Decide which zone answers for it.")
        .expecting(format!("each host in one zone; `{}` has it{at}", other.name));
    let written = !new.record.host_marks.is_empty();
    let mark = new.record.host_mark(index);
    new.report(found, |cx| {
        if written {
            cx.in_key("hosts", |cx| cx.in_item(index, |cx| cx.error(mark, problem)));
        } else {
            cx.in_key("name", |cx| cx.error(mark, problem));
        }
    });
}

fn report_expired_certificates(records: &[Placed<'_>], now: Now, found: &mut Diagnostics) {
    for placed in records {
        for (i, certificate) in placed.record.plan.certificates.iter().enumerate() {
            if i64::try_from(now.unix_s()).is_ok_and(|now| now <= certificate.not_after_unix_s) {
                continue;
            }
            let message = "this certificate has expired: visitors see a warning";
            let problem = Problem::new("certificate-expired", message, "Renew it.");
            let mark = placed.record.mark;
            placed.report(found, |cx| {
                cx.in_key("certificates", |cx| cx.in_item(i, |cx| cx.warning(mark, problem)))
            });
        }
    }
}

fn shown(placed: &Placed<'_>, mark: rempart_base::config::Mark) -> String {
    format!("{}:{}:{}", placed.unit.file, mark.line, mark.column)
}
