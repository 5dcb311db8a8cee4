//! Break glass: orders that concern only the stored releases, when there is no edge to give them to. They
//! change the same files under the same lock, and stand in the same audit log.

use std::path::Path;

use rempart_edge::pipeline::{self, StageId};
use rempart_releases::{Audit, Listed, Store, Who};
use serde_json::{Value, json};

use super::{Order, Switch};
use crate::output::{Failure, complain};

const CAN: &str = "without an edge these work on the stored releases: releases, pin, unpin, rollback, stage";
/// Nothing here shortens the ring, so how long it may be does not matter.
const GENERATIONS: usize = 3;

/// Does an order on the files, and answers as the edge would. `no_edge` says that there is none.
///
/// # Errors
/// The order needs an edge, or there are no releases.
pub(super) fn act(data_dir: &Path, order: &Order, no_edge: &str) -> Result<Value, Failure> {
    let failed = |text: &str| Failure::Text(format!("{no_edge}\n  {text}"));
    let folder = data_dir.join("releases");
    let is_there = folder.is_dir();
    let act: &dyn Fn(&mut Store) -> Result<Value, String> = match order {
        Order::Releases => &|store| Ok(releases(store)),
        Order::Pin { release, .. } => &|store| pin(store, *release),
        Order::Unpin { .. } => &|store| store.unpin().map(|was| json!({"was": was})).map_err(text),
        Order::Rollback { to, why } => &move |store| roll_back(store, *to, &why.why),
        Order::Stage { to, zone, stage, .. } => &move |store| switch(store, zone, stage, *to),
        Order::Status | Order::Diff { .. } | Order::Reload { .. } | Order::Confirm { .. } => {
            return Err(if is_there { failed(CAN) } else { Failure::Text(no_edge.to_owned()) });
        }
        Order::Drain { .. } => return Err(Failure::Text(no_edge.to_owned())),
        // What is in memory is gone with the edge.
        Order::Purge(_) => return Err(Failure::Text(no_edge.to_owned())),
        #[cfg(feature = "fault")]
        Order::Fault { .. } => return Err(Failure::Text(no_edge.to_owned())),
    };
    if !is_there {
        return Err(failed(&format!("and there are no releases in {}", folder.display())));
    }
    let mut store = Store::open(&folder, GENERATIONS).map_err(|error| failed(&text(error)))?;
    let first = no_edge.lines().next().unwrap_or_default();
    complain(&format!("{first}; what follows is about the files in {}\n", folder.display()));
    for damage in store.damage() {
        complain(&format!("damaged: {damage}\n"));
    }
    let mut answer = act(&mut store).unwrap_or_else(|error| json!({"error": error}));
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("ok".to_owned(), json!(!fields.contains_key("error")));
        fields.insert("is_offline".to_owned(), json!(true));
    }
    if !matches!(order, Order::Releases) {
        write_down(data_dir, order, &answer);
    }
    Ok(answer)
}

/// Acts are written down whether they succeed or not; and they are done even if that fails, because a full
/// disk is a moment at which they are needed.
fn write_down(data_dir: &Path, order: &Order, answer: &Value) {
    let line = order.line();
    let part = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
    let details =
        json!({"asked": line, "ok": answer.get("ok"), "error": answer.get("error"), "is_offline": true});
    let written = Audit::of(data_dir).append(&Who::this_process(), part("command"), part("why"), &details);
    if let Err(error) = written {
        complain(&format!("warning: audit.log could not be written: {error}\n"));
    }
}

fn releases(store: &Store) -> Value {
    json!({"releases": store.list().iter().map(Listed::json).collect::<Vec<_>>()})
}

fn pin(store: &mut Store, number: u64) -> Result<Value, String> {
    let release = store.pin(number).map_err(text)?;
    store.set_current(number).map_err(text)?;
    Ok(json!({"release": number, "hash": release.hash}))
}

fn roll_back(store: &mut Store, to: Option<u64>, why: &str) -> Result<Value, String> {
    let mut all = store.list().into_iter();
    let target = to.and_then(|number| all.find(|listed| listed.release.number == number));
    let runs = store.boot_order().into_iter().next();
    if let (Some(target), Some(runs)) = (target, runs)
        && target.release.hash == runs.hash
    {
        return Err(format!("the next start runs its content already, as release {}", runs.number));
    }
    let release = store.roll_back(to, &format!("rolled back by hand: {why}")).map_err(text)?;
    Ok(json!({"release": release.number, "hash": release.hash}))
}

fn switch(store: &mut Store, zone: &str, stage: &str, to: Switch) -> Result<Value, String> {
    let can_be_switched = |id: &StageId| id.switch() == pipeline::Switch::Operator;
    let on = to == Switch::On;
    // One that this program does not have may be off in the files, and is then switched on.
    if !on && pipeline::stage_named(stage).filter(can_be_switched).is_none() {
        let known: Vec<&str> = StageId::all().filter(can_be_switched).map(|id| id.name()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(format!("there is no stage {stage:?} that can be switched off; there are: {known}"));
    }
    store.set_switch(zone, stage, !on).map_err(text)?;
    Ok(json!({"zone": zone, "stage": stage, "on": on}))
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
fn text(error: std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        return "the releases are another account's: ask as root, or as the account that the edge runs as"
            .to_owned();
    }
    error.to_string()
}
