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
use crate::pipeline::{AnswerStage, OnFailure, Progress, Stage, StageId, StageSet};
use crate::rules::Answering;
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

/// Runs the stages that the zone has and has not switched off, in order, until one refuses the request or answers it.
///
/// # Errors
/// It is refused. The zone's state comes back all the same.
pub async fn screen(
    core: &Core,
    release: &Pinned,
    screening: &mut Screening<'_, '_>,
) -> (Rc<ZoneState>, Result<Screened, Fault>) {
    let mut guard = Guard { core, release, state: core.zone(None) };
    core.slot.zone(release.number, "");
    let verdict = guard.all(screening).await;
    core.slot.clear();
    (guard.state, verdict)
}

/// How far screening has come with a request that no stage refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screened {
    /// To its end: the request goes on.
    Passes,
    /// The edge answers what stands in the ruling.
    Answered,
    /// A stage wants to see the beginning of the body; it runs again when the screening is resumed.
    WantsBody,
}

impl Guard<'_> {
    async fn all(&mut self, screening: &mut Screening<'_, '_>) -> Result<Screened, Fault> {
        let found = match screening.left {
            Some(_) => Ok(Progress::Done),
            // It is no stage that takes its time.
            None => match StageId::FIRST.request() {
                Some(stage) => self.piece(StageId::FIRST, stage, screening),
                None => Ok(Progress::Done),
            },
        };
        if let Some(zone) = screening.zone {
            self.state = self.core.zone(Some(&zone.name));
            self.core.slot.zone(self.release.number, &zone.name);
            screening.is_over_share = self.core.metrics.budget.is_over_share(&self.state.counters);
        }
        found?;
        let left = screening.left.unwrap_or_else(|| match screening.zone {
            Some(zone) => self.state.stages(screening.snapshot, zone).0,
            None => StageSet::ALWAYS,
        });
        let mut left = left.less(self.state.off());
        while let Some(id) = left.first() {
            let Some(stage) = id.request() else { break };
            let progress = match self.piece(id, stage, screening)? {
                Progress::Again => self.go_on((id, stage), screening).await?,
                progress @ (Progress::Done | Progress::Answered | Progress::Body) => progress,
            };
            match progress {
                Progress::Done | Progress::Again => left = left.without(id),
                Progress::Answered => return Ok(Screened::Answered),
                Progress::Body => {
                    screening.left = Some(left);
                    return Ok(Screened::WantsBody);
                }
            }
        }
        Ok(Screened::Passes)
    }

    /// Runs a stage on to its end, piece by piece, after its first. Between two pieces the core looks after its other
    /// connections.
    async fn go_on(
        &self,
        (id, stage): (StageId, &'static Stage),
        screening: &mut Screening<'_, '_>,
    ) -> Result<Progress, Fault> {
        let mut used = Duration::ZERO;
        loop {
            self.rest(screening).await;
            let begun = cpu();
            match self.piece(id, stage, screening)? {
                Progress::Again => {}
                progress @ (Progress::Done | Progress::Answered | Progress::Body) => return Ok(progress),
            }
            used += cpu().saturating_sub(begun);
            if used > STAGE_CPU_MAX {
                let text = format!("more than {} ms of CPU", STAGE_CPU_MAX.as_millis());
                self.release.counters.overruns.add(1);
                return self.failed((id, stage), screening, Kind::Overrun, text).map(|()| Progress::Done);
            }
        }
    }

    /// Runs a piece of a stage. A stage that panics and may is done.
    fn piece(
        &self,
        id: StageId,
        stage: &'static Stage,
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
                self.failed((id, stage), screening, Kind::Panic, text).map(|()| Progress::Done)
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
        (id, stage): (StageId, &'static Stage),
        screening: &mut Screening<'_, '_>,
        kind: Kind,
        text: String,
    ) -> Result<(), Fault> {
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
                Err(fault(kind))
            }
        }
    }
}

/// Runs stages of an answer, each so that its failure costs no more than its row says.
///
/// # Errors
/// One has failed without which the answer must not be given.
pub(crate) fn answer(
    state: &Rc<ZoneState>,
    stages: StageSet,
    answering: &mut Answering<'_, '_>,
) -> Result<(), Fault> {
    let left = stages.less(state.off());
    for id in left.stages() {
        if let Some(stage) = id.answer() {
            answer_stage(state, Some(id), stage, answering)?;
        }
    }
    Ok(())
}

/// Runs one stage of an answer.
///
/// # Errors
/// As [`answer`].
pub(crate) fn answer_stage(
    state: &Rc<ZoneState>,
    id: Option<StageId>,
    stage: &'static AnswerStage,
    answering: &mut Answering<'_, '_>,
) -> Result<(), Fault> {
    let (core, release, zone) = (answering.asked.core, answering.asked.snapshot, answering.asked.zone);
    core.slot.zone(release.number, &zone.name);
    core.slot.stage(stage.mark);
    answering.rule = "";
    let ran = panics::catch(|| {
        #[cfg(feature = "fault")]
        core.faults.meet(stage.name, &zone.name, |rule| core.slot.rule(rule));
        (stage.run)(answering, stage.name);
    });
    core.slot.clear();
    let (kind, text) = match ran {
        Ok(()) if !std::mem::take(&mut answering.is_overrun) => return Ok(()),
        Ok(()) => {
            answering.asked.release.overruns.add(1);
            (Kind::Overrun, format!("more than {} ms of CPU", STAGE_CPU_MAX.as_millis()))
        }
        Err(Panic { text }) => {
            answering.asked.release.panics.add(1);
            (Kind::Panic, text)
        }
    };
    let (zone_name, rule) = (Arc::clone(&zone.name), answering.rule.into());
    let place = Place { release: release.number, zone: zone_name, stage: stage.name, rule };
    core.metrics.incidents.note(kind, place, text, core.now());
    match stage.on_failure {
        OnFailure::Open => {
            if let Some(id) = id {
                core.has_failed_open(state, &zone.name, id);
            }
            Ok(())
        }
        OnFailure::Stale | OnFailure::Closed => Err(fault(kind)),
    }
}

const fn fault(kind: Kind) -> Fault {
    match kind {
        Kind::Panic => Fault::Panic,
        Kind::Overrun => Fault::StageOverrun,
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
