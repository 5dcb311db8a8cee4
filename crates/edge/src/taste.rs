//! Tasting: a real worker runs a new release, and is asked what visitors ask. Nothing leaves the process:
//! requests come over socket pairs, and one of our own stands in for every origin. It runs in a child of the
//! supervisor that has no network and little memory (`rempart taste`); what kills or hangs it there never
//! reaches an edge.

mod kitchen;
mod menu;
mod origin;
mod panics;
pub mod report;
mod table;
pub mod trial;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rempart_base::Now;
use rempart_config::{Difference, Snapshot};

use self::kitchen::Kitchen;
use self::menu::Course;
use crate::samples::Sample;

pub use panics::{contained, watch_panics};
pub use report::{Checks, Report};

/// How thoroughly a release is tasted.
#[derive(Clone, Debug)]
pub struct Portion {
    /// So many zones are asked for one page each: those that are new or changed first, then others from all
    /// over the list.
    pub zones_max: usize,
    /// Of the new and changed ones, so many are asked everything that is on the menu.
    pub thorough_max: usize,
    /// Recent requests, to be asked again.
    pub samples: Vec<Sample>,
    /// How long one answer may take.
    pub answer_timeout: Duration,
    /// When it ends, whatever has not been asked.
    pub until: Instant,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tasted {
    /// What was asked and answered.
    pub checks: Checks,
    /// Why the release must not be published.
    pub spoiled: Option<String>,
    /// Whether there was no time to ask everything.
    pub is_cut_short: bool,
}

/// Recent requests that fail as well on what runs: after so many, no more are asked.
const EXCUSED_MAX: usize = 3;

/// Tastes a release. `difference` says what is new in it; without one, all of it is. A recent request that
/// fails on `base` too, the release of before, is no reason to refuse this one: else a visitor who has found
/// such a request could keep its remedy from being published.
#[must_use]
pub fn taste(
    snapshot: &Arc<Snapshot>,
    base: Option<&Arc<Snapshot>>,
    difference: Option<&Difference>,
    portion: &Portion,
) -> Tasted {
    let mut tasted = Tasted { checks: Checks::default(), spoiled: None, is_cut_short: false };
    if let Err(error) =
        each_course(snapshot, base, menu::courses(snapshot, difference, portion), portion, &mut tasted)
    {
        tasted.spoiled = Some(format!("a worker cannot run: {error}"));
    }
    tasted
}

fn each_course<'a>(
    snapshot: &Arc<Snapshot>,
    base: Option<&Arc<Snapshot>>,
    courses: impl Iterator<Item = Course<'a>>,
    portion: &Portion,
    tasted: &mut Tasted,
) -> io::Result<()> {
    let mut kitchen = Kitchen::open(snapshot)?;
    let mut excused = 0;
    for course in courses {
        if Now::mono() >= portion.until {
            tasted.is_cut_short = true;
            break;
        }
        if course.zone.is_none() && excused == EXCUSED_MAX {
            continue;
        }
        let Err(why) = table::ask(&kitchen, snapshot, &course, portion, &mut tasted.checks) else { continue };
        if !fails_on(base, &course, portion)? {
            tasted.spoiled = Some(why);
            break;
        }
        tracing::warn!(why, "fails on the release of before too");
        excused += 1;
        // That worker may hang.
        kitchen.close();
        kitchen = Kitchen::open(snapshot)?;
    }
    kitchen.close();
    Ok(())
}

/// Whether a recent request fails on the release of before.
fn fails_on(base: Option<&Arc<Snapshot>>, course: &Course<'_>, portion: &Portion) -> io::Result<bool> {
    let (Some(base), None) = (base, course.zone) else { return Ok(false) };
    let kitchen = Kitchen::open(base)?;
    let fails = table::ask(&kitchen, base, course, portion, &mut Checks::default()).is_err();
    kitchen.close();
    Ok(fails)
}

#[cfg(test)]
mod tests;
