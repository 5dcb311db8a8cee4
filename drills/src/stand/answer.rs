//! What the control socket answers.

use std::fmt;

use serde_json::Value;

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer(Value);

impl Answer {
    /// One line.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        serde_json::from_str(line)
            .map(Self)
            .map_err(|error| format!("the answer {line:?} is no JSON: {error}"))
    }

    /// Whether the order was obeyed.
    pub(crate) fn is_ok(&self) -> bool {
        self.is("ok")
    }

    /// Whether it was refused, and said so.
    pub(crate) fn is_refused(&self) -> bool {
        self.value("ok") == Some(&Value::Bool(false)) && !self.text("error").is_empty()
    }

    /// Whether this zone is named as held back, with a version that it keeps.
    pub(crate) fn holds_back(&self, zone: &str) -> bool {
        let held = self.value("held").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_it = |one: &&Value| one.get("zone").and_then(Value::as_str) == Some(zone);
        held.iter().find(is_it).is_some_and(|one| one.get("has_version") == Some(&Value::Bool(true)))
    }

    /// Whether two releases that were compared run the same.
    pub(crate) fn differs_in_nothing(&self) -> bool {
        let part = |name: &str| self.value("difference").and_then(|difference| difference.get(name));
        let is_zero = |name: &str| part(name).and_then(Value::as_u64) == Some(0);
        ["added_count", "changed_count", "removed_count"].iter().all(|name| is_zero(name))
            && part("settings") == Some(&Value::Bool(false))
    }

    /// Whether this part says yes.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.value(name) == Some(&Value::Bool(true))
    }

    /// A part that is a text; empty if there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.value(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A part that is a number; 0 if there is none.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.value(name).and_then(Value::as_u64).unwrap_or(0)
    }

    /// A part that is a list.
    pub(crate) fn list(&self, name: &str) -> &[Value] {
        self.value(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Any part.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All of it.
    pub(crate) fn whole(&self) -> String {
        self.0.to_string()
    }
}

/// In a few words.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_ok() {
            let error: String = self.text("error").chars().take(120).collect();
            return write!(f, "refused: {}", error.lines().next().unwrap_or_default());
        }
        match self.value("release") {
            Some(release) => write!(f, "taken, release {release}"),
            None => f.write_str("taken"),
        }
    }
}
