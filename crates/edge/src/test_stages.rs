//! Stages that fail, one of each policy, and one that uses a core. Only in builds with the feature `fault`.

use std::time::Duration;

use rempart_config::fault::StageFault;
use rempart_flow::Fault;

use crate::exchange::Screening;
use crate::fault::happen;
use crate::guard::cpu;
use crate::pipeline::Progress;

/// A piece of work between which others are served.
const PIECE: Duration = Duration::from_micros(200);

pub(crate) fn stale(screening: &mut Screening<'_, '_>) -> Result<Progress, Fault> {
    act(screening, "test.stale", screening.zone.map_or(StageFault::None, |zone| zone.test.stale))
}

pub(crate) fn open(screening: &mut Screening<'_, '_>) -> Result<Progress, Fault> {
    act(screening, "test.open", screening.zone.map_or(StageFault::None, |zone| zone.test.open))
}

pub(crate) fn closed(screening: &mut Screening<'_, '_>) -> Result<Progress, Fault> {
    act(screening, "test.closed", screening.zone.map_or(StageFault::None, |zone| zone.test.closed))
}

fn act(screening: &mut Screening<'_, '_>, rule: &'static str, does: StageFault) -> Result<Progress, Fault> {
    screening.rule(rule);
    happen(does);
    Ok(Progress::Done)
}

/// Computes for as long as the zone says, in pieces.
pub(crate) fn burn(screening: &mut Screening<'_, '_>) -> Result<Progress, Fault> {
    let whole = screening.zone.map_or(Duration::ZERO, |zone| zone.test.burn);
    screening.rule("test.burn_us");
    let piece = PIECE.min(whole.saturating_sub(screening.burnt));
    let end = cpu() + piece;
    while cpu() < end {
        std::hint::spin_loop();
    }
    screening.burnt += piece;
    Ok(if screening.burnt < whole { Progress::Again } else { Progress::Done })
}
