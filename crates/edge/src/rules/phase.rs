//! One phase of one exchange: its rules are walked through, those of the account first.

use std::sync::Arc;

use rempart_config::{Snapshot, ZonePlan};
use rempart_features::lists::ListSet;
use rempart_features::rulesets::{PhasePlan, Position, Progress as Walked, Rulesets, Skips, walk};
use rempart_rules::{Arena, Phase};

use super::acting::{Acting, Outcome, Overrun};
use super::fields::{BodyFields, Facts, Seen};
use super::matched::Matched;
use super::ruling::UnderWay;
use super::trace::Traced;
use crate::core::Core;
use crate::incidents::{Kind, Place};

/// How far a phase has come.
pub(super) enum Ran<'p> {
    /// To its end.
    Done(Outcome<'p>),
    /// To the end of a piece.
    Again,
    /// To a rule that wants to see the request's body.
    Body,
}

/// The rules of a zone in the order in which they run.
pub(super) fn levels<'p>(snapshot: &'p Snapshot, zone: &'p ZonePlan) -> [Option<&'p Rulesets>; 2] {
    let account = snapshot.settings.account.as_ref().map(|account| &account.rulesets);
    [account, zone.features.as_ref().map(|features| &features.rulesets)]
}

/// Whether there is any rule in a phase.
pub(super) fn has(levels: [Option<&Rulesets>; 2], phase: Phase) -> bool {
    levels.into_iter().flatten().any(|rules| rules.present().contains(phase))
}

/// What a phase runs on.
pub(super) struct Running<'e, 'p> {
    pub(super) core: &'e Core,
    pub(super) levels: [Option<&'p Rulesets>; 2],
    pub(super) facts: Facts<'e>,
    /// The request's body, as far as it is known.
    pub(super) body: &'e dyn Fn() -> BodyFields<'e>,
}

/// What a phase changes while it runs.
pub(super) struct Walking<'w, 'p> {
    pub(super) under_way: &'w mut UnderWay<'p>,
    pub(super) skips: &'w mut Skips<'p>,
    pub(super) matched: &'w mut Matched<'p>,
    pub(super) rule: &'w mut &'p str,
}

impl<'e, 'p> Running<'e, 'p> {
    /// Walks on from where the phase stands.
    pub(super) fn run(&self, phase: Phase, walking: Walking<'_, 'p>) -> Ran<'p> {
        let Walking { under_way, skips, matched, rule } = walking;
        if under_way.phase != Some(phase) {
            *under_way = UnderWay { phase: Some(phase), ..UnderWay::default() };
        }
        while let Some(rules) = self.levels.get(under_way.level) {
            let Some(plan) = rules.and_then(|rules| rules.phase(phase)) else {
                under_way.level += 1;
                continue;
            };
            let lists = rules.map(Rulesets::lists);
            match self.level((plan, lists), (self.body)(), under_way, skips, matched, rule) {
                Walked::Done => {
                    under_way.level += 1;
                    under_way.position = Position::default();
                }
                Walked::Stopped => break,
                Walked::Again => return Ran::Again,
                Walked::NeedsBody => return Ran::Body,
            }
        }
        Ran::Done(std::mem::take(under_way).outcome)
    }

    /// A piece of the walk through the rules of the account or of the zone.
    fn level(
        &self,
        (plan, lists): (&'p PhasePlan, Option<&'p ListSet>),
        body: BodyFields<'e>,
        under_way: &mut UnderWay<'p>,
        skips: &mut Skips<'p>,
        matched: &mut Matched<'p>,
        rule: &mut &'p str,
    ) -> Walked {
        let (arena, seen) = (Arena::default(), Seen::new(self.facts, body));
        let mut scratch = self.core.scratch.borrow_mut();
        let run = plan.program.run(&seen, &arena, &mut scratch);
        let mut acting = Acting {
            run: &run,
            arena: &arena,
            slot: self.core.slot,
            ray: self.facts.ray,
            ip: self.facts.client.ip,
            outcome: &mut under_way.outcome,
            matched,
            phase: plan.phase,
            rule,
            current: None,
            protects: false,
            query: self.facts.query(),
        };
        let (Some(trace), Some(lists)) = (&self.core.trace, lists) else {
            return walk(plan, &mut under_way.position, skips, &mut acting);
        };
        if under_way.position == Position::default() {
            trace.phase(plan, under_way.level == 0, &seen);
        }
        let mut traced = Traced { acting, trace, plan, lists, fields: &seen, under_way: None };
        let walked = walk(plan, &mut under_way.position, skips, &mut traced);
        traced.finish();
        walked
    }
}

/// Says which rules have used up what they may compute.
#[cold]
pub(super) fn tell(core: &Core, release: u64, zone: &Arc<str>, stage: &'static str, rules: &[Overrun]) {
    for Overrun { rule, refuses } in rules {
        let place = Place { release, zone: Arc::clone(zone), stage, rule: (&**rule).into() };
        let what = if *refuses { "the request is refused" } else { "counts as not matching" };
        let text = format!("the rule has used up what it may compute for one request, and {what}");
        core.metrics.incidents.note(Kind::Overrun, place, text, core.now());
    }
}
