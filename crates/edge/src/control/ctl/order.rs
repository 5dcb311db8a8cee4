//! What may be asked over the control socket: one JSON object, read into one [`Order`].

use serde::Deserialize;
use serde_json::{Map, Value};

/// One order, and why whoever gives it does.
#[derive(Debug)]
pub(crate) struct Asked {
    /// What to do.
    pub(crate) order: Order,
    /// For the audit log.
    pub(crate) why: String,
}

/// What to do.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "command", rename_all = "lowercase")]
pub(crate) enum Order {
    /// How everything is.
    Status,
    /// What was counted since the start. It waits for nobody.
    Counts,
    /// Which releases there are.
    Releases,
    /// What differs between two releases; without numbers, between the one in force and the one before.
    Diff { from: Option<u64>, to: Option<u64> },
    /// Read the operator's files again.
    Reload {
        /// Even if their content was rolled back before.
        #[serde(default)]
        force: bool,
        /// The number of zones that may go.
        confirm: Option<usize>,
    },
    /// The same as `Reload` with `confirm`.
    Confirm { removed: usize },
    /// Run this release and no other until `Unpin`.
    Pin { release: u64 },
    /// Follow the files again.
    Unpin,
    /// Go back to this release; without a number, to the last good one before.
    Rollback { to: Option<u64> },
    /// Switch a stage off for a zone, or on again.
    Stage { zone: String, stage: String, on: bool },
    /// Tell balancers in front that this edge wants no more visitors.
    Drain { on: bool },
    /// Take out of the cache what the other members name, as in a body of the API.
    Purge {
        /// The zone's name or id.
        zone: String,
        #[serde(flatten)]
        what: Map<String, Value>,
    },
    /// Make a stage fail, to see what happens.
    #[cfg(feature = "fault")]
    Fault {
        zone: String,
        stage: String,
        does: String,
        /// How often; once, where nothing is said.
        times: Option<u32>,
    },
}

#[cfg(not(feature = "fault"))]
const KNOWN: &str =
    "status, counts, releases, diff, reload, confirm, pin, unpin, rollback, stage, drain, purge";
#[cfg(feature = "fault")]
const KNOWN: &str =
    "status, counts, releases, diff, reload, confirm, pin, unpin, rollback, stage, drain, purge, fault";

impl Asked {
    /// Reads one line.
    ///
    /// # Errors
    /// What is wrong with it, for whoever sent it.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(line)
            .map_err(|error| format!("expected one line of JSON with a \"command\": {error}"))?;
        let Some(command) = value.get("command").and_then(Value::as_str) else {
            return Err("expected one line of JSON with a \"command\"".to_owned());
        };
        let why = value.get("why").and_then(Value::as_str).unwrap_or_default().to_owned();
        let command = command.to_owned();
        let order = serde_json::from_value(value)
            .map_err(|error| format!("{command:?} cannot be done: {error}; known commands: {KNOWN}"))?;
        Ok(Self { order, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_told_apart_from_what_is_empty() {
        let order = |text: &str| Asked::parse(text).map(|asked| asked.order);
        assert_eq!(order(r#"{"command":"reload"}"#), Ok(Order::Reload { force: false, confirm: None }));
        assert_eq!(
            order(r#"{"command":"reload","confirm":0}"#),
            Ok(Order::Reload { force: false, confirm: Some(0) })
        );
        assert!(order(r#"{"command":"reload","confirm":""}"#).is_err());
        assert!(order(r#"{"command":"confirm"}"#).unwrap_err().contains("removed"));
        assert!(order(r#"{"command":"stage","zone":"a","stage":"b"}"#).is_err(), "on or off?");
    }

    #[test]
    fn an_unknown_command_is_told_what_is_known() {
        let error = Asked::parse(r#"{"command":"explode"}"#).unwrap_err();
        assert!(error.contains("explode") && error.contains("rollback"), "{error}");
        assert!(Asked::parse("reload").is_err());
        assert!(Asked::parse("{}").is_err());
    }

    #[test]
    fn the_reason_is_kept() {
        let asked = Asked::parse(r#"{"command":"pin","release":7,"why":"calm"}"#).unwrap();
        assert_eq!((asked.order, asked.why.as_str()), (Order::Pin { release: 7 }, "calm"));
    }
}
