//! What each order does. Whatever acts is in the audit log before its answer is sent, whether it succeeded
//! or not.

use std::sync::Arc;

use rempart_cache::purge::Refused;
use rempart_config::Difference;
use rempart_releases::{Listed, Who};
use serde_json::{Map, Value, json};

use super::super::Control;
use super::super::counts;
use super::super::purge::{Done, NotDone};
use super::super::rollout::outcome::{Outcome, Refusal};
use super::super::rollout::{Loaded, Meant};
use super::super::status;
use super::order::{Asked, Order};
use crate::pipeline::{self, StageId, Switch};
use crate::purging::ask::Ask;

/// Names that an answer lists of each kind.
const NAMES_MAX: usize = 1_000;

/// Does it, and says what came of it.
pub(super) async fn act(control: &Arc<Control>, asked: Asked, who: Who) -> Value {
    let Asked { order, why } = asked;
    let meant = |force, confirm| Meant { force, confirm };
    match order {
        // It waits for whoever changes what runs.
        Order::Status => {
            blocking(control, |control| Ok(json!({"ok": true, "status": status::json(control)}))).await
        }
        Order::Counts => json!({"ok": true, "counts": counts::json(control)}),
        Order::Releases => blocking(control, |control| Ok(releases(control))).await,
        Order::Diff { from, to } => blocking(control, move |control| diff(control, from, to)).await,
        Order::Reload { force, confirm } => reload(control, meant(force, confirm), &why, &who).await,
        Order::Confirm { removed } => reload(control, meant(false, Some(removed)), &why, &who).await,
        Order::Pin { release } => {
            let pin = move |control: &Control| control.change("pin", |rollout| rollout.pin(release));
            audited(control, "pin", why, who, json!({"release": release}), pin).await
        }
        Order::Unpin => {
            let answer = audited(control, "unpin", why, who, json!({}), unpin).await;
            control.wishes.wish("unpin");
            answer
        }
        Order::Rollback { to } => {
            let why_bad = format!("rolled back by hand: {why}");
            let roll_back = move |control: &Control| {
                control.change("rollback", |rollout| match to {
                    Some(number) => rollout.roll_back_to(number, &why_bad),
                    None => rollout.roll_back(&why_bad),
                })
            };
            audited(control, "rollback", why, who, json!({"to": to}), roll_back).await
        }
        Order::Stage { zone, stage, on } => {
            let details = json!({"zone": zone, "stage": stage, "on": on});
            let switch = move |control: &Control| switch(control, &zone, &stage, on);
            audited(control, "stage", why, who, details, switch).await
        }
        Order::Purge { zone, what } => purge(control, &zone, &what, &who).await,
        Order::Drain { on } => {
            let drain = move |control: &Control| {
                control.turn_visitors_away(on);
                Ok(json!({"ok": true, "draining": on}))
            };
            audited(control, "drain", why, who, json!({"on": on}), drain).await
        }
        #[cfg(feature = "fault")]
        Order::Fault { zone, stage, does, times } => {
            let times = times.unwrap_or(1);
            let details = json!({"zone": zone, "stage": stage, "does": does, "times": times});
            let fault = move |control: &Control| fault(control, &zone, &stage, &does, times);
            audited(control, "fault", why, who, details, fault).await
        }
    }
}

/// Off the thread that answers others meanwhile: it may read and write files.
async fn blocking(
    control: &Arc<Control>,
    act: impl FnOnce(&Control) -> Result<Value, Refusal> + Send + 'static,
) -> Value {
    let control = Arc::clone(control);
    let done = tokio::task::spawn_blocking(move || act(&control).unwrap_or_else(|refusal| refusal.json()));
    done.await.unwrap_or_else(|panic| json!({"ok": false, "error": format!("this order panicked: {panic}")}))
}

async fn audited(
    control: &Arc<Control>,
    what: &'static str,
    why: String,
    who: Who,
    asked: Value,
    act: impl FnOnce(&Control) -> Result<Value, Refusal> + Send + 'static,
) -> Value {
    blocking(control, move |control| {
        let answer = act(control).unwrap_or_else(|refusal| refusal.json());
        let details = json!({"asked": asked, "ok": answer.get("ok"), "error": answer.get("error")});
        control.write_down(&who, what, &why, &details);
        Ok(answer)
    })
    .await
}

/// Beside releases: in the log of the program, not in the audit of what runs.
async fn purge(control: &Control, zone: &str, what: &Map<String, Value>, who: &Who) -> Value {
    let refused = |error: String| json!({"ok": false, "error": error});
    let ask = match Ask::of(what) {
        Ok(ask) => ask,
        Err(wrong) => return refused(wrong.to_string()),
    };
    let count = ask.what.len();
    let by = who.user.clone().unwrap_or_else(|| who.uid.to_string());
    match control.purge(zone, ask, &by).await {
        Ok(Done { zone, id, number }) => {
            json!({"ok": true, "zone": &*zone, "id": id.to_string(), "number": number, "count": count})
        }
        Err(NotDone::NoZone) => refused(format!("there is no zone {zone:?}")),
        Err(NotDone::Foreign { host, zone }) => refused(format!("{host} is not a host of zone {zone}")),
        Err(NotDone::Refused(Refused::Full)) => refused(
            "as many purges are remembered as may be: nothing was purged; try again in 2 s".to_owned(),
        ),
        Err(NotDone::Refused(Refused::NotDurable(why))) => {
            refused(format!("it is purged, but not on disk: purges.log: {why}"))
        }
    }
}

async fn reload(control: &Arc<Control>, meant: Meant, why: &str, who: &Who) -> Value {
    let outcome = control.wishes.fulfil(meant, "rempart ctl reload").await;
    let (who, why, held) = (who.clone(), why.to_owned(), status::held(control));
    let waiting = control.waiting_for_restart();
    blocking(control, move |control| {
        let answer = reloaded(&outcome, held, &waiting);
        let details = json!({
            "asked": {"force": meant.force, "confirm": meant.confirm},
            "ok": answer.get("ok"), "error": answer.get("error"), "release": answer.get("release"),
        });
        control.write_down(&who, "reload", &why, &details);
        Ok(answer)
    })
    .await
}

fn reloaded(outcome: &Outcome, held: Vec<Value>, waiting_for_restart: &[&str]) -> Value {
    let (snapshot, difference) = match outcome {
        Outcome::Applied { snapshot, difference } => (snapshot, Some(difference)),
        Outcome::Unchanged(snapshot) => (snapshot, None),
        Outcome::Refused(refusal) => return refusal.json(),
    };
    json!({
        "ok": true,
        "changed": difference.is_some(),
        "release": snapshot.number,
        "zones": snapshot.zones().len(),
        "held": held,
        "difference": difference.map(names),
        "waiting_for_restart": waiting_for_restart,
        "warnings": snapshot.warnings.iter().map(rempart_config::diagnostic_json).collect::<Vec<_>>(),
    })
}

fn names(difference: &Difference) -> Value {
    let some = |names: &[Arc<str>]| names.iter().take(NAMES_MAX).map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "added": some(&difference.added), "added_count": difference.added.len(),
        "changed": some(&difference.changed), "changed_count": difference.changed.len(),
        "removed": some(&difference.removed), "removed_count": difference.removed.len(),
        "settings": difference.settings,
    })
}

fn releases(control: &Control) -> Value {
    let rollout = control.rollout.lock();
    let running = control.running.load();
    let canary = running.canary.as_ref().filter(|canary| canary.percent < 100);
    let canary = canary.map(|canary| canary.snapshot.number).filter(|_| rollout.bake().is_some());
    let one = |listed: Listed| {
        let mut one = listed.json();
        let is_canary = canary == Some(listed.release.number);
        one.as_object_mut().map(|fields| fields.insert("is_canary".to_owned(), json!(is_canary)));
        one
    };
    json!({"ok": true, "releases": rollout.store.list().into_iter().map(one).collect::<Vec<_>>()})
}

fn diff(control: &Control, from: Option<u64>, to: Option<u64>) -> Result<Value, Refusal> {
    let rollout = control.rollout.lock();
    let loaded = |number| rollout.load(rollout.listed(number)?);
    let to = to.map_or_else(|| Ok(rollout.newest().clone()), loaded)?;
    let from = match (from, rollout.good()) {
        (Some(number), _) => loaded(number)?,
        (None, Some(good)) if good.release.number != to.release.number => good.clone(),
        (None, _) => rollout.load(rollout.store.rollback_target().ok_or(Refusal::NothingBefore)?)?,
    };
    let difference = names(&Difference::between(&from.snapshot, &to.snapshot));
    Ok(json!({
        "ok": true, "from": from.release.number, "to": to.release.number, "difference": difference,
    }))
}

fn unpin(control: &Control) -> Result<Value, Refusal> {
    let was = control.rollout.lock().store.unpin().map_err(Refusal::store)?;
    Ok(json!({"ok": true, "was": was}))
}

fn switch(control: &Control, zone: &str, stage: &str, on: bool) -> Result<Value, Refusal> {
    let can_be_switched = |id: &StageId| id.switch() == Switch::Operator;
    let Some(found) = pipeline::stage_named(stage).filter(can_be_switched) else {
        let known: Vec<&str> = StageId::all().filter(can_be_switched).map(|id| id.name()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let text = format!("there is no stage {stage:?} that can be switched off; there are: {known}");
        return Err(Refusal::NoSuch(text));
    };
    let mut rollout = control.rollout.lock();
    if on {
        // One that is gone may be switched on: it may come back.
    } else if rollout.newest().snapshot.zone_named(zone).is_none() {
        return Err(Refusal::NoSuch(format!("there is no zone {zone:?}")));
    }
    rollout.store.set_switch(zone, found.name(), !on).map_err(Refusal::store)?;
    control.send_switches(&rollout, zone);
    Ok(json!({"ok": true, "zone": zone, "stage": stage, "on": on}))
}

#[cfg(feature = "fault")]
fn fault(control: &Control, zone: &str, stage: &str, does: &str, times: u32) -> Result<Value, Refusal> {
    use crate::fault::Injection;
    let injection = Injection::new(zone, stage, does, times).map_err(Refusal::NoSuch)?;
    let is_known = zone.is_empty() || control.newest().zone_named(zone).is_some();
    if !is_known {
        return Err(Refusal::NoSuch(format!("there is no zone {zone:?}")));
    }
    control.tell(|| crate::worker::Order::Fault(injection.clone()));
    Ok(json!({"ok": true, "zone": zone, "stage": stage, "does": does, "times": times}))
}

impl Control {
    /// A change of what runs, by order.
    fn change(
        &self,
        kind: &'static str,
        act: impl FnOnce(&mut super::super::Rollout) -> Result<Loaded, Refusal>,
    ) -> Result<Value, Refusal> {
        let mut rollout = self.rollout.lock();
        let taken_back = Arc::clone(&rollout.newest().snapshot);
        let to = act(&mut rollout)?;
        self.apply(rollout.running());
        self.purge_taken_back(&taken_back, &to.snapshot);
        let (release, zones) = (to.release.number, to.snapshot.zones().len());
        tracing::warn!(release, kind, "by order: this release is in force");
        self.events.note(kind, Some(release), "by order".to_owned());
        Ok(
            json!({"ok": true, "release": release, "zones": zones, "waiting_for_restart": self.waiting_for_restart()}),
        )
    }

    /// An audit that cannot be written does not stop the act: a full disk is a moment at which acts are
    /// needed. It is said in the log instead.
    pub(in super::super) fn write_down(&self, who: &Who, what: &str, why: &str, details: &Value) {
        if let Err(error) = self.audit.append(who, what, why, details) {
            tracing::error!(%error, ?who, what, why, %details, "the audit log cannot be written");
        }
    }
}
