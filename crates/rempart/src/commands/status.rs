//! `rempart status`: how a running edge is doing.

mod summary;

use serde_json::{Value, json};

use crate::control::Running;
use crate::output::{Failure, say};

/// The arguments of `status`.
#[derive(clap::Args)]
pub(crate) struct Status {
    #[command(flatten)]
    running: Running,
    /// For programs
    #[arg(long)]
    json: bool,
}

impl Status {
    /// Asks and prints.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let answer = self.running.ask(&json!({"command": "status"}))?;
        if answer.get("ok").and_then(Value::as_bool) == Some(false) {
            let why = answer.get("error").and_then(Value::as_str).unwrap_or("it was not said why");
            return Err(Failure::Text(format!("the edge does not say how it is: {why}")));
        }
        let status = answer.get("status").unwrap_or(&Value::Null);
        say(&if self.json { format!("{status:#}\n") } else { shown(status) });
        Ok(())
    }
}

/// For people: in short, then everything.
pub(super) fn shown(status: &Value) -> String {
    let mut text = summary::of(status) + "\n";
    outline(status, 0, &mut text);
    text
}

/// Nested objects as indented lines.
fn outline(value: &Value, depth: usize, text: &mut String) {
    let Some(fields) = value.as_object() else { return };
    for (name, value) in fields {
        let (indent, name) = ("  ".repeat(depth), name.replace('_', " "));
        match value {
            Value::Object(_) => {
                text.push_str(&format!("{indent}{name}:\n"));
                outline(value, depth + 1, text);
            }
            Value::Array(items) => {
                text.push_str(&format!("{indent}{name}:{}\n", if items.is_empty() { " none" } else { "" }));
                for item in items {
                    text.push_str(&format!("{indent}  - {}\n", in_one_line(item)));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                text.push_str(&format!("{indent}{name}: {}\n", plain(value)));
            }
        }
    }
}

fn in_one_line(item: &Value) -> String {
    let Some(fields) = item.as_object() else { return plain(item) };
    let fields = fields.iter().filter(|(_, value)| !value.is_null());
    let fields: Vec<String> =
        fields.map(|(name, value)| format!("{} {}", name.replace('_', " "), plain(value))).collect();
    fields.join(", ")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
