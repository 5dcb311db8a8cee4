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

use std::sync::Arc;
use std::time::{Duration, Instant};

use rempart_base::Now;
use rempart_config::{Difference, Snapshot};

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

/// Tastes a release. `difference` says what is new in it; without one, all of it is.
#[must_use]
pub fn taste(snapshot: &Arc<Snapshot>, difference: Option<&Difference>, portion: &Portion) -> Tasted {
    let mut tasted = Tasted { checks: Checks::default(), spoiled: None, is_cut_short: false };
    let courses = menu::courses(snapshot, difference, portion);
    match kitchen::open(snapshot) {
        Ok(kitchen) => {
            for course in courses {
                if Now::mono() >= portion.until {
                    tasted.is_cut_short = true;
                    break;
                }
                if let Err(why) = table::ask(&kitchen, snapshot, &course, portion, &mut tasted.checks) {
                    tasted.spoiled = Some(why);
                    break;
                }
            }
            kitchen.close();
        }
        Err(error) => tasted.spoiled = Some(format!("a worker cannot run: {error}")),
    }
    tasted
}

#[cfg(test)]
mod tests;
