//! `rempart ctl`: tells a running edge what to do.

use clap::Subcommand;
use serde_json::Value;

use crate::control::Running;
use crate::output::{Failure, complain, say};

/// The arguments of `ctl`.
#[derive(clap::Args)]
pub(crate) struct Ctl {
    #[command(flatten)]
    running: Running,
    #[command(subcommand)]
    order: Order,
}

#[derive(Clone, Copy, Subcommand)]
enum Order {
    /// Read the configuration again; what is refused changes nothing
    Reload,
}

impl Ctl {
    /// Tells, and says what came of it. A refusal is a failure.
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.order {
            Order::Reload => {
                let answer = self.running.ask("reload")?;
                if answer.get("ok").and_then(Value::as_bool) == Some(true) {
                    say(&reloaded(&answer));
                    return Ok(());
                }
                complain(&refused(&answer));
                Err(Failure::Said)
            }
        }
    }
}

fn reloaded(answer: &Value) -> String {
    let number = answer.get("release").map_or_else(|| "?".to_owned(), Value::to_string);
    let mut text = match answer.get("changed").and_then(Value::as_bool) {
        Some(false) => format!("nothing has changed: release {number} stays in force"),
        Some(true) | None => format!("reloaded: release {number} is in force"),
    };
    if let Some(zones) = answer.get("zones").and_then(Value::as_u64) {
        text.push_str(&format!(", zones: {zones}"));
    }
    text.push('\n');
    let waiting = answer.get("waiting_for_restart").and_then(Value::as_array);
    for key in waiting.into_iter().flatten().filter_map(Value::as_str) {
        text.push_str(&format!("the change of `{key}` takes effect when Rempart is started again\n"));
    }
    text
}

fn refused(answer: &Value) -> String {
    let mut text = String::new();
    for diagnostic in answer.get("diagnostics").and_then(Value::as_array).into_iter().flatten() {
        text.push_str(&one_problem(diagnostic));
    }
    let why = answer.get("error").and_then(Value::as_str).unwrap_or("it was not said why");
    text.push_str(&format!("refused: {why}\n"));
    text
}

/// The same shape as `rempart check` prints; or the text itself, where that is what was answered.
fn one_problem(diagnostic: &Value) -> String {
    let part = |name: &str| match diagnostic.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) | None => String::new(),
    };
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
