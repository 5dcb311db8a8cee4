//! What a person wants to know first.

use serde_json::Value;

use crate::commands::ctl::say::{items, number};

/// Zones that are named; all of them stand in the details.
const ZONES_MAX: usize = 20;

/// A few lines: which release, what does not run as it is written, what was refused, what is left out.
pub(super) fn of(status: &Value) -> String {
    let mut lines = vec![release(status.get("release").unwrap_or(&Value::Null)), zones(status)];
    lines.extend(items(status, "held").take(ZONES_MAX).map(held));
    lines.extend(refusal(status));
    let left_out = items(status, "stages_left_out").map(stage);
    lines.extend(
        counted(left_out.collect())
            .into_iter()
            .map(|stage| format!("left out because it keeps failing: {stage}")),
    );
    let switched_off =
        status.get("release").into_iter().flat_map(|release| items(release, "switched_off")).map(stage);
    lines.extend(switched_off.map(|stage| format!("switched off: {stage}")));
    lines.extend(budgets(status));
    let waiting = items(status, "waiting_for_restart").filter_map(Value::as_str);
    lines.extend(waiting.map(|key| format!("waits for a restart: {key}")));
    if status.get("draining").and_then(Value::as_bool) == Some(true) {
        lines.push("draining by order: balancers are told to send nobody".to_owned());
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn release(release: &Value) -> String {
    let count =
        |value: &Value, name| number(value, name).map_or_else(|| "?".to_owned(), |count| count.to_string());
    let mut line = format!("release {} is in force, ", count(release, "number"));
    match release.get("bake").filter(|bake| bake.is_object()) {
        Some(bake) => {
            let seconds =
                |name| number(bake, name).map_or_else(|| "?".to_owned(), |ms| (ms / 1000).to_string());
            line.push_str(&format!(
                "baking: {} of {} s, {} of {} requests",
                seconds("age_ms"),
                seconds("bake_ms"),
                count(bake, "requests"),
                count(bake, "bake_requests_min")
            ));
            if let Some(percent) = number(bake, "canary_percent").filter(|percent| *percent < 100) {
                line.push_str(&format!(", for {percent} % of the visitors"));
            }
        }
        None => line.push_str(text(release, "state")),
    }
    if let Some(pinned) = number(release, "pinned") {
        line.push_str(&format!("; release {pinned} is pinned: the files are not followed"));
    }
    line
}

fn zones(status: &Value) -> String {
    let held = items(status, "held").count();
    let held = if held == 0 { String::new() } else { format!(", held back: {held}") };
    format!("zones: {}{held}", number(status, "zones").unwrap_or(0))
}

fn held(held: &Value) -> String {
    let keeps = match held.get("has_version").and_then(Value::as_bool) {
        Some(true) => "keeps its last good version",
        Some(false) | None => "answers 503",
    };
    let place = format!("{}:{}", text(held, "file"), number(held, "line").unwrap_or(0));
    let message = first_message(held).map_or("", |(_, message)| message);
    format!("  {} {keeps}: {place}: {message}", text(held, "zone"))
}

/// Of the last change, if that is not in force.
fn refusal(status: &Value) -> Option<String> {
    let last = status.get("reloads")?.get("last")?;
    if last.get("ok")?.as_bool()? {
        return None;
    }
    let what = if text(last, "kind") == "pending" {
        "the last change waits to be confirmed"
    } else {
        "the last change is refused"
    };
    let first = first_message(last);
    let first = first.map(|(place, message)| format!("\n  {}{message}", place.unwrap_or_default()));
    Some(format!("{what}, {}: {}{}", text(last, "at"), text(last, "error"), first.unwrap_or_default()))
}

fn stage(stage: &Value) -> String {
    format!("stage {} of zone {}", text(stage, "stage"), text(stage, "zone"))
}

/// Each once: every core says it for itself.
fn counted(mut all: Vec<String>) -> Vec<String> {
    all.sort_unstable();
    all.dedup();
    all
}

fn budgets(status: &Value) -> Option<String> {
    let budgets = status.get("budgets")?;
    let shed = budgets.get("shed")?.as_object()?;
    let shed = shed.iter().filter(|(_, count)| count.as_u64().is_some_and(|count| count > 0));
    let shed: Vec<String> = shed.map(|(what, count)| format!("{} {count}", what.replace('_', " "))).collect();
    let level = text(budgets, "level");
    (!shed.is_empty()).then(|| format!("shed since the start: {}; now: {level}", shed.join(", ")))
}

/// And its place, as far as it has one.
fn first_message(of: &Value) -> Option<(Option<String>, &str)> {
    let first = items(of, "diagnostics").next()?;
    if let Some(text) = first.as_str() {
        return Some((None, text.lines().next()?));
    }
    let place = number(first, "line").map(|line| format!("{}:{line}: ", text(first, "file")));
    Some((place, text(first, "message")))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
