//! What rules cost, measured: the least of many times, since everything that disturbs makes it more.

use std::time::Duration;

use rempart_base::Now;
use rempart_features::rulesets::plan::PhasePlan;
use rempart_rules::{Arena, Fields, FilterId, Scratch};

/// So often something is measured.
const TIMES: u32 = 64;
/// So long it is measured, at most.
const TIME_MAX: Duration = Duration::from_millis(5);

/// What something cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// In the engine's steps: a byte looked at is about one.
    pub steps: u64,
    /// In nanoseconds on this machine.
    pub ns: u64,
}

/// What it costs to find out which rules of a phase can match at all.
pub(super) fn of_beginning(plan: &PhasePlan, fields: &dyn Fields) -> Cost {
    let mut scratch = Scratch::default();
    let mut steps = 0;
    let ns = least(|| {
        let arena = Arena::default();
        let begun = Now::mono();
        let run = plan.program.run(fields, &arena, &mut scratch);
        let took = Now::mono().saturating_duration_since(begun);
        steps = run.steps();
        took
    });
    Cost { steps, ns }
}

/// What it costs to ask for a filter, of a run in which nothing else has been asked for.
pub(super) fn of_filter(plan: &PhasePlan, filter: FilterId, fields: &dyn Fields) -> u64 {
    let mut scratch = Scratch::default();
    least(|| {
        let arena = Arena::default();
        let run = plan.program.run(fields, &arena, &mut scratch);
        let begun = Now::mono();
        let _ = std::hint::black_box(run.matches(filter));
        Now::mono().saturating_duration_since(begun)
    })
}

/// The least of many times, without what reading the clock costs.
fn least(mut time: impl FnMut() -> Duration) -> u64 {
    let until = Now::mono() + TIME_MAX;
    let (mut least, mut clock) = (Duration::MAX, Duration::MAX);
    for _ in 0..TIMES {
        let begun = Now::mono();
        clock = clock.min(Now::mono().saturating_duration_since(begun));
        least = least.min(time());
        if Now::mono() >= until {
            break;
        }
    }
    u64::try_from(least.saturating_sub(clock).as_nanos()).unwrap_or(u64::MAX)
}
