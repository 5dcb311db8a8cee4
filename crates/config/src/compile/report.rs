//! What is said of zones that claim the same, and of those that were rolled back.

use rempart_base::Diagnostics;
use rempart_base::config::{Mark, Problem};

use crate::zone::HostPattern;

use super::seat::Seat;

/// Two zones have one name.
pub(super) fn name(loser: &Seat<'_>, owner: &Seat<'_>) -> Diagnostics {
    let name = loser.name().map_or("", |name| name);
    let message = format!("the zone `{name}` stands here a second time");
    let expected = format!("each zone once; the other is{}", shown(owner, name_mark(owner)));
    let problem =
        Problem::new("duplicate-zone", message, "Remove or rename one of the two.").expecting(expected);
    let mark = name_mark(loser);
    loser.spot().about(|cx| cx.in_key("name", |cx| cx.error(mark, problem))).1
}

/// Two zones have one host.
pub(super) fn host(loser: &Seat<'_>, host: &HostPattern, owner: &Seat<'_>) -> Diagnostics {
    let name = |seat: &Seat<'_>| seat.name().map_or_else(String::new, ToString::to_string);
    let (loser_name, owner_name) = (name(loser), name(owner));
    let message = format!("the host `{host}` belongs to two zones, `{owner_name}` and `{loser_name}`");
    let (_, theirs) = host_mark(owner, host);
    let expected = format!("each host in one zone; `{owner_name}` has it{}", shown(owner, theirs));
    let problem =
        Problem::new("duplicate-host", message, "Decide which zone answers for it.").expecting(expected);
    let (index, mark) = host_mark(loser, host);
    let about = loser.spot().about(|cx| match index {
        Some(index) => cx.in_key("hosts", |cx| cx.in_item(index, |cx| cx.error(mark, problem))),
        None => cx.in_key("name", |cx| cx.error(mark, problem)),
    });
    about.1
}

/// This version of a zone was tried on visitors.
pub(super) fn rolled_back(zone: &Seat<'_>, why: &str) -> Diagnostics {
    let name = zone.name().map_or("", |name| name);
    let message =
        format!("this version of `{name}` did worse than the one before and was rolled back: {why}");
    let action = "Change the zone, or insist with `rempart ctl reload --force`.";
    let problem = Problem::new("zone-rolled-back", message, action)
        .expecting("a version that does no worse than the one that runs");
    let mark = name_mark(zone);
    zone.spot().about(|cx| cx.in_key("name", |cx| cx.error(mark, problem))).1
}

/// Where a zone's name stands, as far as that is known.
fn name_mark(seat: &Seat<'_>) -> Mark {
    seat.record().map_or(seat.spot().mark, |record| record.source.name_mark())
}

/// Where a host stands, and which one of its list it is if it was written out.
fn host_mark(seat: &Seat<'_>, host: &HostPattern) -> (Option<usize>, Mark) {
    let written = seat.record().and_then(|record| {
        let index = record.plan.hosts.iter().position(|own| own == host)?;
        Some((Some(index), record.source.host_mark(index)?))
    });
    written.unwrap_or_else(|| (None, name_mark(seat)))
}

fn shown(seat: &Seat<'_>, mark: Mark) -> String {
    format!(" at {}:{}:{}", seat.spot().file.name, mark.line, mark.column)
}
