//! From the operator's files to a tasted candidate.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rempart_base::{Diagnostics, Now};
use rempart_config::{Compiler, Difference, HeldBack, RefusedZone, Snapshot, Source, load_release};
use rempart_edge::samples;
use rempart_edge::taste::report::{self, Held, LIST_MAX, Needs, Outcome, Report, problems};
use rempart_edge::taste::{Portion, Tasted, contained};
use rempart_releases::{ReleaseHash, Store};
use rustix::process::Pid;

use super::clock::Clock;
use super::{Taste, refused};
use crate::sandbox;

/// What is asked of a change, and of the files at a start, which somebody waits for.
const ZONES_MAX: usize = 1000;
const THOROUGH_MAX: usize = 50;
const BOOT_ZONES_MAX: usize = 100;
const BOOT_THOROUGH_MAX: usize = 10;
/// A worker that gives no answer for so long hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A stored release, and what it is loaded to.
struct Base {
    number: u64,
    hash: ReleaseHash,
    snapshot: Arc<Snapshot>,
}

/// Compiles, encodes, loads that encoding as an edge does, tastes it, and only then makes it the candidate.
///
/// # Errors
/// The store cannot be written to.
pub(super) fn taste(
    config: &Path,
    taste: &Taste,
    store: &Store,
    parent: Option<Pid>,
    clock: &Clock,
) -> io::Result<Report> {
    clock.now("loading the stored release");
    let base = base(store);
    clock.now("reading the configuration");
    let mut compiler = Compiler::new(Source::File(config.into())).refusing(refused_zones(store));
    if let Some(base) = &base {
        compiler = compiler.with_base(Arc::clone(&base.snapshot));
    }
    let compiled = compiler.compile(Now::read());
    let mut report = match compiled {
        Ok(compiled) => encoded(&compiled, base.as_ref(), taste, parent, clock)?,
        Err(diagnostics) => rejected("the configuration is refused", &diagnostics),
    };
    report.watched = compiler.watched();
    // A folder whose name is no text cannot be named in a report; nobody watches it.
    report.watched.retain(|folder| folder.to_str().is_some());
    Ok(report)
}

/// The release that would boot: what the files are compared with, and where held-back zones come from.
fn base(store: &Store) -> Option<Base> {
    store.boots().find_map(|(release, body)| {
        // A release that this program cannot load must not keep others from coming.
        let loaded = contained(|| load_release(&body, None, Now::read())).ok()?;
        let snapshot = loaded.ok()?.renumbered(release.number);
        Some(Base { number: release.number, hash: release.hash, snapshot })
    })
}

/// What was rolled back because of one zone: the files may still say it.
fn refused_zones(store: &Store) -> impl Iterator<Item = RefusedZone> {
    store.refused_zones().cloned().map(|rempart_releases::RefusedZone { zone, plan_hash, why }| RefusedZone {
        name: zone,
        plan_hash,
        why,
    })
}

fn encoded(
    compiled: &Arc<Snapshot>,
    base: Option<&Base>,
    taste: &Taste,
    parent: Option<Pid>,
    clock: &Clock,
) -> io::Result<Report> {
    let body = compiled.encode();
    let hash = ReleaseHash::of(&body);
    clock.now("loading the release");
    // An edge has a release of before, and shares with it what is the same.
    let loaded = match load_release(&body, base.map(|base| &*base.snapshot), Now::read()) {
        Ok(loaded) if loaded.hash == compiled.hash => loaded,
        Ok(_) => return Ok(refused("the release is loaded to something else than the files say".into())),
        Err(diagnostics) => return Ok(rejected("the release cannot be loaded", &diagnostics)),
    };
    let difference = base.map(|base| Difference::between(&base.snapshot, &loaded));
    let mut report = described(compiled, base, hash, difference.as_ref());
    if report.release.is_none() || taste.force {
        // From here on only what was read is looked at.
        sandbox::become_owner_of(&taste.folder(), parent)?;
        clock.now("asking the release");
        let base = base.map(|base| &base.snapshot);
        let tasted = rempart_edge::taste::taste(&loaded, base, difference.as_ref(), &portion(taste, clock));
        judged(&mut report, tasted);
    }
    if report.outcome == Outcome::Good {
        clock.now("writing the candidate");
        Store::stage(&taste.folder(), &body)?;
    }
    Ok(report)
}

fn portion(taste: &Taste, clock: &Clock) -> Portion {
    let left = clock.left();
    let (zones_max, thorough_max) =
        if taste.boot { (BOOT_ZONES_MAX, BOOT_THOROUGH_MAX) } else { (ZONES_MAX, THOROUGH_MAX) };
    let samples = if taste.boot { Vec::new() } else { samples(&taste.data_dir) };
    Portion {
        zones_max,
        thorough_max,
        samples,
        // Whatever hangs, there is still time to say so.
        answer_timeout: ANSWER_TIMEOUT.min(left / 3),
        until: Now::mono() + left / 2,
    }
}

fn samples(data_dir: &Path) -> Vec<samples::Sample> {
    match samples::read(data_dir) {
        Ok(samples) => samples,
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(%error, "recent requests cannot be asked again");
            }
            Vec::new()
        }
    }
}

/// A good report of what was compiled, before it is tasted.
fn described(
    compiled: &Snapshot,
    base: Option<&Base>,
    hash: ReleaseHash,
    difference: Option<&Difference>,
) -> Report {
    Report {
        hash: Some(hash.to_string()),
        release: base.filter(|base| base.hash == hash).map(|base| base.number),
        zones: compiled.zones().len(),
        held: compiled.held.iter().take(LIST_MAX).map(held).collect(),
        held_count: compiled.held.len(),
        difference: base.zip(difference).map(|(base, difference)| differing(base.number, difference)),
        warnings: problems(&compiled.warnings),
        settings: Some(Needs::from(&*compiled.settings)),
        ..Report::new(Outcome::Good)
    }
}

fn rejected(why: &str, diagnostics: &Diagnostics) -> Report {
    Report {
        diagnostics: problems(&diagnostics.0),
        diagnostics_count: diagnostics.0.len(),
        ..refused(why.into())
    }
}

fn judged(report: &mut Report, tasted: Tasted) {
    report.checks = tasted.checks;
    if let Some(why) = tasted.spoiled {
        (report.outcome, report.why) = (Outcome::Refused, Some(why));
    } else if tasted.is_cut_short {
        let asked = report.checks.requests;
        report.why = Some(format!("there was time for {asked} requests only"));
    }
}

fn held(held: &HeldBack) -> Held {
    Held {
        zone: held.zone.to_string(),
        file: held.file.to_string(),
        line: held.line,
        has_version: held.has_version,
        diagnostics: problems(&held.diagnostics.0),
    }
}

fn differing(against: u64, difference: &Difference) -> report::Difference {
    let names = |names: &[Arc<str>]| names.iter().take(LIST_MAX).map(ToString::to_string).collect();
    report::Difference {
        against,
        added: names(&difference.added),
        added_count: difference.added.len(),
        changed: names(&difference.changed),
        changed_count: difference.changed.len(),
        removed: names(&difference.removed),
        removed_count: difference.removed.len(),
        settings: difference.settings,
    }
}
