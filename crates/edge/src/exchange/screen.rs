//! The first state: the stages of the pipeline decide.

use rempart_cache::CachePlan;
use rempart_flow::Fault;
use rempart_wire::Visitor;

use super::{Exchange, Screening, State};
use crate::budgets::UnderWay;
use crate::guard::{self, Screened};
use crate::pipeline::StageSet;
use crate::rules::{self, Ruled};

impl<'a, V: Visitor> Exchange<'a, V> {
    pub(super) async fn screen(&mut self) -> State {
        let mut left = None;
        loop {
            let (screened, may_be_stale) = self.screen_on(&mut left).await;
            match screened {
                Ok(Screened::Passes) => {
                    if rules::answers_want_body(self.snapshot, self.zone) {
                        self.upload.keep_held();
                        if let Err(fault) = self.hold_for_rules().await {
                            return State::Fail(fault);
                        }
                    }
                    return self.go_on();
                }
                Ok(Screened::Answered) => {
                    let reply = self.ruling.as_mut().and_then(|ruling| ruling.reply.take());
                    return reply.map_or(State::Fail(Fault::Panic), State::Reply);
                }
                Ok(Screened::WantsBody) => {
                    if let Err(fault) = self.hold_for_rules().await {
                        return State::Fail(fault);
                    }
                }
                Err(fault) if may_be_stale => {
                    self.go_on();
                    return State::Stale(fault);
                }
                Err(fault) => return State::Fail(fault),
            }
        }
    }

    /// Runs the stages, or those that are left of them. Answers what has come of it, and whether what is stored may answer
    /// a request that is refused.
    async fn screen_on(&mut self, left: &mut Option<StageSet>) -> (Result<Screened, Fault>, bool) {
        let mut screening = Screening::new(
            self.visitor.own_head(),
            self.visitor.peer(),
            self.snapshot,
            self.core,
            (self.client, &self.ray, self.record.started),
        );
        screening.held = self.upload.held();
        screening.zone = self.zone;
        screening.ruling = self.ruling.take();
        screening.left = left.take();
        let (state, screened) = guard::screen(self.core, self.snapshot, &mut screening).await;
        *left = screening.left;
        let may_be_stale = screening.may_be_stale;
        self.ruling = screening.ruling;
        self.zone = screening.zone;
        self.state = state;
        if let Some(zone) = self.zone
            && self.state.stages(self.snapshot, zone).1 != StageSet::NONE
        {
            self.visitor.hold();
        }
        (screened, may_be_stale)
    }

    /// The request goes on, as rules have made it.
    fn go_on(&mut self) -> State {
        if let Some(ruling) = &mut self.ruling
            && let Some(head) = ruling.head.take()
        {
            self.visitor.rewrite(head);
        }
        if self.under_way.is_none() {
            self.under_way = Some(UnderWay::enter(&self.state));
        }
        State::Lookup
    }

    async fn hold_for_rules(&mut self) -> Result<(), Fault> {
        self.hold_body(self.snapshot.settings.limits.body_inspect_bytes_max).await
    }

    /// How the answer is cached: as the zone says, or rules.
    pub(super) fn cache_plan(&self) -> Option<Ruled<'a, CachePlan>> {
        let zone = self.zone?;
        Some(match &self.ruling {
            None => Ruled::Zone(&zone.cache),
            Some(ruling) => ruling.cache_plan(self.core, self.snapshot.number, zone),
        })
    }
}
