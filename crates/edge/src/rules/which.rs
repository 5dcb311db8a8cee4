//! Which stages a zone has: what nobody has configured does not run.

use rempart_config::{Snapshot, ZonePlan};
use rempart_features::managed_transforms::ManagedTransforms;
use rempart_features::normalization::{Normalization, Scope};
use rempart_rules::Phase;

use super::phase::{has, levels};
use crate::pipeline::{ANSWER, FETCHED, StageId, StageSet, When};

/// The stages of a request of this zone, but for the first, which finds it.
#[must_use]
pub fn request_stages(snapshot: &Snapshot, zone: Option<&std::sync::Arc<ZonePlan>>) -> StageSet {
    match zone {
        Some(zone) if has_rules(snapshot, zone) => ruled(snapshot, zone),
        Some(_) | None => StageSet::ALWAYS,
    }
}

/// The stages of an answer of this zone.
#[must_use]
pub fn answer_stages(snapshot: &Snapshot, zone: &ZonePlan) -> StageSet {
    if !has_rules(snapshot, zone) {
        return StageSet::NONE;
    }
    let runs = |id: &StageId| id.answer().is_some_and(|stage| has_phase(snapshot, zone, stage.phase));
    StageId::all().filter(runs).fold(StageSet::NONE, StageSet::with)
}

/// Whether rules of this zone see what origins answer before it is stored.
#[must_use]
pub fn amends(snapshot: &Snapshot, zone: &ZonePlan) -> bool {
    has_rules(snapshot, zone) && FETCHED.iter().any(|stage| has_phase(snapshot, zone, stage.phase))
}

/// Whether rules may send requests of this zone to other origins than its own.
#[must_use]
pub fn reroutes(snapshot: &Snapshot, zone: &ZonePlan) -> bool {
    has_rules(snapshot, zone) && has_phase(snapshot, zone, Phase::Origin)
}

/// Whether rules of answers look into the body of the request.
#[must_use]
pub fn answers_want_body(snapshot: &Snapshot, zone: Option<&std::sync::Arc<ZonePlan>>) -> bool {
    let Some(zone) = zone.filter(|zone| has_rules(snapshot, zone)) else { return false };
    let wants = |phase| {
        let plans = levels(snapshot, zone).into_iter().flatten().filter_map(|rules| rules.phase(phase));
        plans.into_iter().any(|plan| plan.program.needs_body())
    };
    ANSWER.iter().chain(FETCHED).any(|stage| wants(stage.phase))
}

fn ruled(snapshot: &Snapshot, zone: &ZonePlan) -> StageSet {
    let (account, own) = (snapshot.settings.account.as_deref(), zone.features.as_deref());
    let normalization = own.map_or_else(Normalization::default, |own| own.normalization);
    let runs = |id: &StageId| {
        id.request().is_some_and(|stage| match stage.when {
            When::Always => *id != StageId::FIRST,
            When::Phase(phase) => has_phase(snapshot, zone, phase),
            When::Normalization => normalization.scope != Scope::None,
            When::Access => {
                account.is_some_and(|account| account.access.has_ip_rules())
                    || own.is_some_and(|own| own.access.has_ip_rules())
            }
            When::Lockdown => own.is_some_and(|own| own.access.has_lockdowns()),
            When::UserAgent => own.is_some_and(|own| own.access.has_user_agent_rules()),
            // Rules of settings may switch it on.
            When::Hotlink => {
                own.is_some_and(|own| own.hotlink.is_on || has_phase(snapshot, zone, Phase::Config))
            }
            When::ManagedTransforms => own.is_some_and(|own| {
                let ManagedTransforms { add_true_client_ip, add_visitor_location, remove_visitor_ip, .. } =
                    own.transforms;
                add_true_client_ip || add_visitor_location || remove_visitor_ip
            }),
        })
    };
    StageId::all().filter(runs).fold(StageSet::NONE, StageSet::with)
}

fn has_rules(snapshot: &Snapshot, zone: &ZonePlan) -> bool {
    zone.features.is_some() || snapshot.settings.account.is_some()
}

fn has_phase(snapshot: &Snapshot, zone: &ZonePlan, phase: Phase) -> bool {
    let transforms = zone.features.as_ref().map(|features| features.transforms);
    let is_managed =
        |transforms: ManagedTransforms| transforms.remove_x_powered_by || transforms.add_security;
    has(levels(snapshot, zone), phase)
        || phase == Phase::ManagedResponse && transforms.is_some_and(is_managed)
}
