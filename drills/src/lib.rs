//! The drills: public outages and our own promises, replayed on this machine against the program's own
//! processes. `rempart drill` runs them; it exists only in builds that can inject faults.

mod drills;
mod load;
mod marks;
mod origin;
mod report;
mod stand;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rempart_base::Now;

pub use self::report::Report;

/// What can end badly here ends with a text.
pub(crate) type Trouble = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Outcome<T> = Result<T, Trouble>;

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program that is drilled.
    pub program: PathBuf,
    /// Names or numbers of drills; none: all.
    pub only: Vec<String>,
    /// All times that a drill chooses itself are multiplied by this; deadlines are not.
    pub seconds_scale: f64,
    /// Whether ratios of latencies are judged, which takes a quiet machine.
    pub judges_latency: bool,
}

/// Runs the drills, each by itself, and says what came of them. `told` hears each result as it comes.
///
/// # Errors
/// There is no such drill, or this machine does not let processes be watched.
pub fn run(options: &Options, told: impl FnMut(&str)) -> Result<Report, Trouble> {
    drills::run(options, told)
}

/// How often a condition is looked at that nobody announces.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How often a condition is looked at that costs the edge something.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Waits until something is so.
pub(crate) fn until(patience: Duration, what: &str, is_so: impl FnMut() -> Outcome<bool>) -> Outcome<()> {
    looking_every(LOOK_EVERY, patience, what, is_so)
}

/// Waits until an answer of the edge says that something is so.
pub(crate) fn until_told(
    patience: Duration,
    what: &str,
    is_so: impl FnMut() -> Outcome<bool>,
) -> Outcome<()> {
    looking_every(ASK_EVERY, patience, what, is_so)
}

fn looking_every(
    every: Duration,
    patience: Duration,
    what: &str,
    mut is_so: impl FnMut() -> Outcome<bool>,
) -> Outcome<()> {
    let deadline = Now::mono() + patience;
    loop {
        if is_so()? {
            return Ok(());
        }
        if Now::mono() >= deadline {
            return Err(format!("{what}: not in {patience:?}").into());
        }
        pause_for(every);
    }
}

/// Waits for a moment that only the clock brings: the next fault that is due.
#[expect(clippy::disallowed_methods, reason = "a drill paces its faults by the clock")]
pub(crate) fn pause_for(duration: Duration) {
    std::thread::sleep(duration);
}

/// Milliseconds since a moment.
pub(crate) fn ms_since(moment: Instant) -> u64 {
    ms(Now::mono().saturating_duration_since(moment))
}

/// Whole milliseconds.
pub(crate) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
