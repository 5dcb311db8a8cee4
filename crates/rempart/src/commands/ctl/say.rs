//! Answers as texts for people.

use serde_json::Value;

use super::{Order, table};
use crate::commands::status;

/// What was done.
pub(super) fn done(order: &Order, answer: &Value) -> String {
    let is_offline = answer.get("is_offline").and_then(Value::as_bool) == Some(true);
    let in_force = if is_offline { "runs at the next start" } else { "is in force" };
    let release = number(answer, "release").map_or_else(|| "?".to_owned(), |number| number.to_string());
    match order {
        Order::Status => status::shown(answer.get("status").unwrap_or(&Value::Null)),
        Order::Releases => table::releases(answer),
        Order::Diff { .. } => difference_between(answer),
        Order::Reload { .. } | Order::Confirm { .. } => reloaded(answer, &release),
        Order::Pin { .. } => {
            format!("pinned: release {release} {in_force}{}\n{}", zones(answer), waiting(answer))
        }
        Order::Unpin { .. } => match number(answer, "was") {
            Some(was) if is_offline => {
                format!("release {was} is no longer pinned: the next start follows the files again\n")
            }
            Some(was) => format!("release {was} is no longer pinned: the files are followed again\n"),
            None => "nothing was pinned\n".to_owned(),
        },
        Order::Rollback { .. } => {
            format!("rolled back: release {release} {in_force}{}\n{}", zones(answer), waiting(answer))
        }
        Order::Stage { to, zone, stage, .. } => {
            let (state, when) = match (to, is_offline) {
                (super::Switch::On, false) => ("on", ""),
                (super::Switch::On, true) => ("on", " from the next start"),
                (super::Switch::Off, false) => ("off", ""),
                (super::Switch::Off, true) => ("off", " from the next start"),
            };
            format!("stage {stage} is {state} for zone {zone}{when}\n")
        }
        Order::Drain { off: false, .. } => {
            "balancers in front are told to send no more visitors; those who come are served\n".to_owned()
        }
        Order::Drain { off: true, .. } => {
            "balancers in front are told that visitors are welcome\n".to_owned()
        }
        Order::Purge(purge) => purge.done(answer),
        #[cfg(feature = "fault")]
        Order::Fault { zone, stage, does, .. } => {
            format!("stage {stage} of zone {zone} does this when it runs next: {}\n", does.name())
        }
    }
}

/// Why nothing was done.
pub(super) fn refused(answer: &Value) -> String {
    let mut text: String = items(answer, "diagnostics").map(one_problem).collect();
    let why = answer.get("error").and_then(Value::as_str).unwrap_or("it was not said why");
    text.push_str(&format!("refused: {why}\n"));
    text
}

fn reloaded(answer: &Value, release: &str) -> String {
    let mut text = match answer.get("changed").and_then(Value::as_bool) {
        Some(false) => format!("nothing has changed: release {release} stays in force"),
        Some(true) | None => format!("reloaded: release {release} is in force"),
    };
    let held_count = items(answer, "held").count();
    let held_count = match held_count {
        0 => String::new(),
        1 => "; 1 zone is held back".to_owned(),
        more => format!("; {more} zones are held back"),
    };
    text.push_str(&format!("{}{held_count}\n", zones(answer)));
    if let Some(difference) = answer.get("difference").filter(|difference| difference.is_object()) {
        text.push_str(&table::difference(difference));
    }
    for held in items(answer, "held") {
        text.push_str(&held_back(held));
    }
    text.push_str(&waiting(answer));
    text.extend(items(answer, "warnings").map(one_problem));
    text
}

fn difference_between(answer: &Value) -> String {
    let release = |name| number(answer, name).map_or_else(|| "?".to_owned(), |number| number.to_string());
    let first = format!("from release {} to release {}:\n", release("from"), release("to"));
    first + &table::difference(answer.get("difference").unwrap_or(answer))
}

fn held_back(held: &Value) -> String {
    let part = |name| held.get(name).map(plain).unwrap_or_default();
    let keeps = match held.get("has_version").and_then(Value::as_bool) {
        Some(true) => "it keeps its last good version",
        Some(false) | None => "it has no good version and answers 503",
    };
    let mut text = format!("held back: zone {} ({}:{}): {keeps}\n", part("zone"), part("file"), part("line"));
    for line in items(held, "diagnostics").map(one_problem).collect::<String>().lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

fn zones(answer: &Value) -> String {
    number(answer, "zones").map_or_else(String::new, |zones| format!(", zones: {zones}"))
}

fn waiting(answer: &Value) -> String {
    let keys = items(answer, "waiting_for_restart").filter_map(Value::as_str);
    keys.map(|key| format!("the change of `{key}` takes effect when Rempart is started again\n")).collect()
}

/// The same shape as `rempart check` prints; or the text itself, where that is what was answered.
fn one_problem(diagnostic: &Value) -> String {
    let part = |name: &str| diagnostic.get(name).map(plain).unwrap_or_default();
    if let Value::String(text) = diagnostic {
        return format!("{text}\n");
    }
    let mut text = String::new();
    if !part("file").is_empty() {
        text.push_str(&format!("{}:{}:{}: ", part("file"), part("line"), part("column")));
    }
    text.push_str(&format!("{}[{}]: {}\n", part("severity"), part("code"), part("message")));
    for (name, label) in [("path", "at:      "), ("expected", "expected:"), ("action", "to do:   ")] {
        if !part(name).is_empty() {
            text.push_str(&format!("  {label} {}\n", part(name)));
        }
    }
    text
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(is_so) => is_so.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

pub(crate) fn number(value: &Value, name: &str) -> Option<u64> {
    value.get(name).and_then(Value::as_u64)
}

pub(crate) fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
