//! Phases as stages of the pipeline: those that a request passes.

use rempart_features::rulesets::plan::Buffering;
use rempart_flow::{BodyLength, Fault, RequestHead};
use rempart_rules::Phase;
use rempart_rules::body::{Body, Kind};

use super::apply::Applying;
use super::config::Config;
use super::fields::{BodyFields, Facts};
use super::phase::{Ran, Running, Walking, levels, tell};
use crate::exchange::Screening;
use crate::pipeline::Progress;
use crate::relay::Held;

/// Runs a phase of rulesets.
pub(crate) fn phase(
    screening: &mut Screening<'_, '_>,
    stage: &'static str,
    phase: Phase,
) -> Result<Progress, Fault> {
    let Some(zone) = screening.zone else { return Ok(Progress::Done) };
    let Screening { core, snapshot, head: own, peer, client, ray, started, held, rule, ruling, .. } =
        screening;
    let ruling = &mut **ruling.get_or_insert_default();
    if ruling.skips.phase(phase) || (ruling.is_let_in && matches!(phase, Phase::Custom | Phase::Managed)) {
        return Ok(Progress::Done);
    }
    let (own, held, config) = (*own, *held, &ruling.config);
    let running = Running {
        core,
        levels: levels(snapshot, zone),
        facts: Facts {
            own,
            head: ruling.head.as_deref().unwrap_or(own),
            uri: ruling.uri.as_ref(),
            peer,
            client: *client,
            ray,
            seed: &ruling.seed,
            started: *started,
            zone: &zone.name,
            response: None,
        },
        body: &|| body(own, held, config),
    };
    let walking = Walking {
        under_way: &mut ruling.under_way,
        skips: &mut ruling.skips,
        matched: &mut ruling.matched,
        rule,
    };
    let outcome = match running.run(phase, walking) {
        Ran::Done(outcome) => outcome,
        Ran::Again => return Ok(Progress::Again),
        Ran::Body => return Ok(Progress::Body),
    };
    tell(core, snapshot.number, &zone.name, stage, &outcome.over_budget);
    if let Some(fault) = outcome.fault {
        return Err(fault);
    }
    Applying { core, release: snapshot.number, zone, own }.to(ruling, outcome.changes)?;
    Ok(match outcome.reply {
        None => Progress::Done,
        Some(reply) => {
            ruling.reply = Some(reply);
            Progress::Answered
        }
    })
}

/// A body of which rules see nothing.
fn hidden<'e>(own: &RequestHead) -> BodyFields<'e> {
    BodyFields::Hidden(if let BodyLength::Exact(bytes) = own.body { bytes } else { 0 })
}

/// The same for rules of answers: it is too late to read what was not held, or is held no longer.
pub(super) fn body_of_answered<'e>(
    own: &'e RequestHead,
    held: Option<Held<'e>>,
    config: &Config<'_>,
) -> BodyFields<'e> {
    match body(own, held, config) {
        BodyFields::Unread => hidden(own),
        known @ (BodyFields::Hidden(_) | BodyFields::Held(_)) => known,
    }
}

/// What rules may see of a body.
pub(super) fn body<'e>(own: &'e RequestHead, held: Option<Held<'e>>, config: &Config<'_>) -> BodyFields<'e> {
    let kind = || Kind::of(own.fields.values(rempart_flow::Known::ContentType));
    match held {
        _ if own.body.is_empty() => BodyFields::Held(Body::new(&[], true, 0, Kind::Other)),
        _ if config.request_body_buffering == Some(Buffering::None) => hidden(own),
        Some(Held { bytes, is_whole, size }) => BodyFields::Held(Body::new(bytes, is_whole, size, kind())),
        None => BodyFields::Unread,
    }
}
