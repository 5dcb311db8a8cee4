//! Runs the stages of a request, each so that its failure costs that request and nothing else.
//!
//! Before a stage runs, its core's slot of the page that outlives this process says what is about to run: a
//! stage that never comes back cannot say it afterwards.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rempart_flow::Fault;
use rustix::time::{ClockId, clock_gettime};

use crate::core::{Core, Pinned};
use crate::exchange::Screening;
use crate::incidents::{Kind, Place};
use crate::panics::{self, Panic};
use crate::pipeline::{OnFailure, Progress, Stage, StageId};
use crate::zone_state::ZoneState;

/// How much of a core one stage may use for one request, from its second piece on. The first one is bounded
/// by itself, so that a stage that needs no second is not timed. A piece that does not end is the business
/// of the supervisor, which looks at the core's heartbeat.
pub const STAGE_CPU_MAX: Duration = Duration::from_millis(50);

/// The stages of one request.
struct Guard<'a> {
    core: &'a Core,
    release: &'a Pinned,
    state: Rc<ZoneState>,
}

/// Runs the stages that the zone has not switched off, in order, until one refuses the request.
///
/// # Errors
/// It is refused. The zone's state comes back all the same.
pub async fn screen(
    core: &Core,
    release: &Pinned,
    screening: &mut Screening<'_, '_>,
) -> (Rc<ZoneState>, Result<(), Fault>) {
    let mut guard = Guard { core, release, state: core.zone(None) };
    core.slot.zone(release.number, "");
    let verdict = guard.all(screening).await;
    core.slot.clear();
    (guard.state, verdict)
}

impl Guard<'_> {
    async fn all(&mut self, screening: &mut Screening<'_, '_>) -> Result<(), Fault> {
        let mut is_known = false;
        for id in StageId::all() {
            if self.state.off().contains(id) {
                continue;
            }
            let ran = self.stage(id, screening).await;
            if let (false, Some(zone)) = (is_known, screening.zone) {
                is_known = true;
                self.state = self.core.zone(Some(&zone.name));
                self.core.slot.zone(self.release.number, &zone.name);
                screening.is_over_share = self.core.metrics.budget.is_over_share(&self.state.counters);
            }
            ran?;
        }
        Ok(())
    }

    /// Runs a stage to its end, piece by piece. Between two pieces the core looks after its other
    /// connections.
    async fn stage(&self, id: StageId, screening: &mut Screening<'_, '_>) -> Result<(), Fault> {
        let stage = id.stage();
        let Progress::Again = self.piece(id, stage, screening)? else { return Ok(()) };
        let mut used = Duration::ZERO;
        loop {
            self.rest(screening).await;
            let begun = cpu();
            let Progress::Again = self.piece(id, stage, screening)? else { return Ok(()) };
            used += cpu().saturating_sub(begun);
            if used > STAGE_CPU_MAX {
                let text = format!("more than {} ms of CPU", STAGE_CPU_MAX.as_millis());
                self.release.counters.overruns.add(1);
                return self.failed(id, screening, Kind::Overrun, text);
            }
        }
    }

    /// Runs a piece of a stage. A stage that panics and may is done.
    fn piece(
        &self,
        id: StageId,
        stage: &Stage,
        screening: &mut Screening<'_, '_>,
    ) -> Result<Progress, Fault> {
        self.core.slot.stage(stage.mark);
        screening.rule = "";
        let ran = panics::catch(|| {
            #[cfg(feature = "fault")]
            self.core.faults.meet(stage.name, zone_name(screening), |rule| screening.rule(rule));
            (stage.run)(screening)
        });
        match ran {
            Ok(progress) => progress,
            Err(Panic { text }) => {
                self.release.counters.panics.add(1);
                self.failed(id, screening, Kind::Panic, text).map(|()| Progress::Done)
            }
        }
    }

    /// Lets the core look after others, and comes back.
    async fn rest(&self, screening: &Screening<'_, '_>) {
        self.core.slot.clear();
        tokio::task::yield_now().await;
        self.core.slot.zone(self.release.number, zone_name(screening));
    }

    /// What becomes of a request on which a stage has failed.
    #[cold]
    fn failed(
        &self,
        id: StageId,
        screening: &mut Screening<'_, '_>,
        kind: Kind,
        text: String,
    ) -> Result<(), Fault> {
        let stage = id.stage();
        let zone = screening.zone.map_or_else(|| Arc::from(""), |zone| Arc::clone(&zone.name));
        let rule = screening.rule.into();
        let place = Place { release: self.release.number, zone, stage: stage.name, rule };
        self.core.metrics.incidents.note(kind, place, text, self.core.now());
        match stage.on_failure {
            OnFailure::Open => {
                if let Some(zone) = screening.zone {
                    self.core.has_failed_open(&self.state, &zone.name, id);
                }
                Ok(())
            }
            OnFailure::Stale | OnFailure::Closed => {
                screening.may_be_stale = stage.on_failure == OnFailure::Stale;
                Err(match kind {
                    Kind::Panic => Fault::Panic,
                    Kind::Overrun => Fault::StageOverrun,
                })
            }
        }
    }
}

fn zone_name<'a>(screening: &Screening<'_, 'a>) -> &'a str {
    screening.zone.map_or("", |zone| &zone.name)
}

/// What this thread has used of a core. Unlike a clock on the wall it stands still while others run.
pub(crate) fn cpu() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    let s = Duration::from_secs(used.tv_sec.unsigned_abs());
    s + Duration::from_nanos(used.tv_nsec.unsigned_abs())
}
