//! Which version of each zone runs: the one that is written, the one of before, or none.
//!
//! Where two zones claim the same, it stays with the one that has it in the snapshot before; if none has, the
//! first in the order of the files gets it. The other is held back: it keeps its version of before, and only if
//! it has none are its hosts answered by 503.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::FixedState;
use rempart_base::{Diagnostic, Diagnostics};

use crate::settings::Settings;
use crate::snapshot::{HeldBack, Snapshot};
use crate::table::ZoneTable;
use crate::zone::{HostPattern, Slot, ZonePlan, ZoneRecord, placeholder};

use super::assemble::{Found, Part};
use super::refused::RefusedZones;
use super::report;
use super::seat::{Before, Runs, Seat, first, held_back};
use super::turnover::Turnover;

/// Zones that go together.
pub(super) struct Settled {
    pub(super) zones: Vec<ZoneRecord>,
    pub(super) table: ZoneTable,
    pub(super) held: Vec<HeldBack>,
    /// Plans that the snapshot before does not have.
    pub(super) zones_new: usize,
    /// Zones that are really served.
    pub(super) runs: usize,
}

type Names<'a> = HashMap<&'a str, usize, FixedState>;

/// Finds out which version of each zone runs. What clashes is reported.
pub(super) fn settle<'a>(
    parts: &[Part<'a>],
    (base, refused, settings): (Option<&'a Snapshot>, &RefusedZones, &Settings),
    again: &mut dyn FnMut(&ZoneRecord) -> Option<ZoneRecord>,
    found: &mut Found,
) -> Settled {
    let mut before = Before::new(base, settings, again);
    let mut seats: Vec<Seat<'a>> = Vec::with_capacity(parts.iter().map(|part| part.slots.len()).sum());
    seats.extend(parts.iter().flat_map(|part| part.slots).map(|slot| Seat::of(slot, &mut before)));
    hold_refused(refused, &mut seats, &mut before, found);
    let mut names = Names::with_capacity_and_hasher(seats.len(), FixedState::default());
    give_names(&mut seats, &mut names, &mut before, found);
    let mut held = Vec::new();
    let mut first_seat = 0;
    for part in parts {
        held.extend(keep_what_stood_in(part, first_seat, &mut seats, &mut names, &mut before));
        first_seat += part.slots.len();
    }
    let mut table = base.map(|base| base.table.clone()).unwrap_or_default();
    let new = turn_over(&mut table, before.zones(), &seats);
    let zones_new = new.len();
    give_hosts(new, &mut seats, &mut table, &mut before, (&names, found));
    let zones: Vec<ZoneRecord> =
        seats.iter_mut().filter_map(|seat| sit_down(seat, &mut table, base)).collect();
    held.extend(seats.into_iter().filter_map(Seat::held));
    let runs = zones.iter().filter(|zone| !zone.plan.is_held_back).count();
    Settled { zones, table, held, zones_new, runs }
}

/// What was rolled back keeps the version of before. Where that is the same, a person has put it in force; and
/// where there is none, to answer with 503 would be no better.
fn hold_refused<'a>(
    refused: &RefusedZones,
    seats: &mut [Seat<'a>],
    before: &mut Before<'a, '_>,
    found: &mut Found,
) {
    if refused.is_empty() {
        return;
    }
    for seat in seats {
        let Some(plan) = seat.plan() else { continue };
        let Some(why) = refused.why(plan) else { continue };
        let Some(version) = before.version(&plan.name).filter(|version| version.plan.hash != plan.hash)
        else {
            continue;
        };
        let report = report::rolled_back(seat, why);
        lose(seat, report, found);
        seat.runs = Runs::Kept(version);
    }
}

/// Finds out whose each name is.
fn give_names<'a>(
    seats: &mut [Seat<'a>],
    names: &mut Names<'a>,
    before: &mut Before<'a, '_>,
    found: &mut Found,
) {
    for i in 0..seats.len() {
        let Some(name) = seats.get(i).and_then(Seat::name) else { continue };
        let Some(other) = names.insert(name, i) else { continue };
        let record = before.record(name);
        let [Some(holder), Some(seat)] = [seats.get(other), seats.get(i)] else { continue };
        let (winner, loser) =
            if claim(seat, record) > claim(holder, record) { (i, other) } else { (other, i) };
        names.insert(name, winner);
        let report =
            seats.get(winner).zip(seats.get(loser)).map(|(winner, loser)| report::name(loser, winner));
        if let Some(seat) = seats.get_mut(loser) {
            lose(seat, report.unwrap_or_default(), found);
            seat.runs = Runs::Nobody;
        }
    }
}

/// How good a zone's claim to its name is: it is what runs already; it stands where that stood; it could run.
fn claim(seat: &Seat<'_>, before: Option<&ZoneRecord>) -> [bool; 3] {
    let written = match &seat.runs {
        Runs::Written(record) => Some(record),
        Runs::Kept(_) | Runs::Nothing | Runs::Nobody => None,
    };
    let before = before.filter(|before| !before.plan.is_held_back);
    let is_same =
        before.zip(written).is_some_and(|(before, written)| Arc::ptr_eq(&before.plan, &written.plan));
    let is_there = before.is_some_and(|before| before.source.spot.file.name == seat.spot().file.name);
    [is_same, is_there, written.is_some()]
}

/// Of a file that cannot be read as a whole, or in which a zone has no name, everything is kept that stood in it
/// before and stands nowhere now: a mistake removes no zone. If that is nothing, the file itself is held back.
fn keep_what_stood_in<'a>(
    part: &Part<'a>,
    first_seat: usize,
    seats: &mut Vec<Seat<'a>>,
    names: &mut Names<'a>,
    before: &mut Before<'a, '_>,
) -> Option<HeldBack> {
    let nameless = part.slots.iter().filter(|slot| slot.name().is_none());
    let why: Vec<Diagnostic> = match part.broken.has_errors() {
        true => first(part.broken),
        false => nameless.flat_map(Slot::found).cloned().collect(),
    };
    if why.is_empty() {
        return None;
    }
    let mut lost = before.stood_in(part.file);
    lost.retain(|zone| !names.contains_key(&*zone.plan.name));
    if !lost.is_empty() {
        // What is wrong is said of the zones that are kept for it.
        let own = seats.iter_mut().skip(first_seat).take(part.slots.len());
        own.filter(|seat| seat.name().is_none()).for_each(|seat| seat.why.clear());
    }
    for zone in &lost {
        names.insert(&zone.plan.name, seats.len());
        seats.push(Seat::perhaps(zone, why.clone(), before));
    }
    let is_said = !lost.is_empty() || !part.slots.is_empty();
    (!is_said).then(|| held_back(part.file, part.file, 1, why, false))
}

/// Takes from the table what has gone; what is new comes back, in the order of the files.
fn turn_over(table: &mut ZoneTable, before: &[ZoneRecord], seats: &[Seat<'_>]) -> VecDeque<usize> {
    let running = seats.iter().enumerate().filter_map(|(i, seat)| Some((i, seat.plan()?)));
    let (places, plans): (Vec<usize>, Vec<&Arc<ZonePlan>>) = running.unzip();
    let turnover = Turnover::between(before, &plans);
    turnover.gone.iter().for_each(|zone| table.remove(zone));
    turnover.new.iter().filter_map(|i| places.get(*i).copied()).collect()
}

/// Gives their hosts to zones that are new. Each zone steps back at most twice, so this ends.
fn give_hosts<'a>(
    mut new: VecDeque<usize>,
    seats: &mut [Seat<'a>],
    table: &mut ZoneTable,
    before: &mut Before<'a, '_>,
    (names, found): (&Names<'a>, &mut Found),
) {
    while let Some(i) = new.pop_front() {
        let Some(plan) = seats.get(i).and_then(Seat::plan).cloned() else { continue };
        let clashes = clashes(&plan, table);
        let is_lost = |(host, _): &(&HostPattern, Arc<ZonePlan>)| !before.owns(host, &plan.name);
        let (lost, won): (Vec<_>, Vec<_>) = clashes.into_iter().partition(is_lost);
        let mut step_back = |loser: usize, host: &HostPattern, owner: usize| {
            let report =
                seats.get(loser).zip(seats.get(owner)).map(|(loser, owner)| report::host(loser, host, owner));
            if let Some(seat) = seats.get_mut(loser) {
                lose(seat, report.unwrap_or_default(), found);
            }
        };
        let seat_of = |plan: &ZonePlan| names.get(&*plan.name).copied().unwrap_or(i);
        if !lost.is_empty() {
            lost.iter().for_each(|(host, owner)| step_back(i, host, seat_of(owner)));
            if let Some(seat) = seats.get_mut(i) {
                seat.step_back(before);
            }
            new.push_front(i);
            continue;
        }
        won.iter().for_each(|(host, loser)| step_back(seat_of(loser), host, i));
        for (_, loser) in won {
            let at = seat_of(&loser);
            // One that has lost two hosts steps back once.
            let Some(seat) = seats.get_mut(at) else { continue };
            if seat.plan().is_some_and(|plan| Arc::ptr_eq(plan, &loser)) {
                table.remove(&loser);
                seat.step_back(before);
                new.push_back(at);
            }
        }
        enter(table, &plan);
    }
}

/// The hosts of a zone that others have, with these.
fn clashes<'p>(plan: &'p ZonePlan, table: &ZoneTable) -> Vec<(&'p HostPattern, Arc<ZonePlan>)> {
    plan.hosts.iter().filter_map(|host| Some((host, Arc::clone(table.owner(host)?)))).collect()
}

fn enter(table: &mut ZoneTable, plan: &Arc<ZonePlan>) {
    // Names and hosts are free: whoever had them has lost them.
    let _ = table.insert_name(plan);
    for host in &plan.hosts {
        let _ = table.insert(host, plan);
    }
}

/// What runs of a zone in the end. One without any version gets the hosts that nobody else has.
fn sit_down(seat: &mut Seat<'_>, table: &mut ZoneTable, base: Option<&Snapshot>) -> Option<ZoneRecord> {
    match (&seat.runs, seat.name()) {
        (Runs::Written(record) | Runs::Kept(record), _) => Some(record.clone()),
        (Runs::Nothing, Some(name)) => {
            let free = seat.hosts().iter().filter(|host| table.owner(host).is_none()).cloned().collect();
            let before = base.and_then(|base| base.table.named(name));
            let record = placeholder::record(name, free, seat.spot(), before)?;
            enter(table, &record.plan);
            Some(record)
        }
        (Runs::Nothing | Runs::Nobody, _) => None,
    }
}

fn lose(seat: &mut Seat<'_>, report: Diagnostics, found: &mut Found) {
    seat.why.extend(first(&report));
    found.of_zones(report);
}
