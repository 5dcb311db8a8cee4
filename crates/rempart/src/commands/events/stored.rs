//! The ring of events as commands read it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use rempart_edge::security_events::{FILE, each};
use serde_json::Value;

use crate::output::Failure;

/// The newest events for which `keep` holds, at most `limit`, the newest first, with their numbers. What is not whole
/// is left out; `None`: nothing has been kept here yet.
pub(crate) fn newest(
    data_dir: &Path,
    limit: usize,
    keep: impl Fn(&Value) -> bool,
) -> Result<Option<Vec<(u64, Value)>>, Failure> {
    let path = data_dir.join(FILE);
    let failed =
        |error: &std::io::Error| Failure::Text(format!("{} cannot be read: {error}", path.display()));
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound && data_dir.is_dir() => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Failure::Text(format!(
                "there is no folder {}\n  to do: name the `data_dir` with --data-dir, or the configuration with -c",
                data_dir.display()
            )));
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(Failure::Text(format!(
                "{} is another account's\n  to do: ask as root or as the account that the edge runs as",
                path.display()
            )));
        }
        Err(error) => return Err(failed(&error)),
    };
    let mut kept: BTreeMap<u64, Value> = BTreeMap::new();
    each(&file, |slot| {
        let is_too_old =
            kept.len() >= limit && kept.first_key_value().is_none_or(|(old, _)| *old > slot.number);
        if is_too_old {
            return;
        }
        let Ok(event) = serde_json::from_slice::<Value>(slot.event) else { return };
        if keep(&event) {
            kept.insert(slot.number, event);
            if kept.len() > limit {
                kept.pop_first();
            }
        }
    })
    .map_err(|error| failed(&error))?;
    // Cores hand them over one after the other: what came later may have the lower number.
    let mut newest: Vec<(u64, Value)> = kept.into_iter().rev().collect();
    newest.sort_by(|(_, one), (_, other)| text(other, "Datetime").cmp(text(one, "Datetime")));
    Ok(Some(newest))
}

/// A text of an event or of a line of the log; empty if it has none.
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A number of an event or of a line of the log.
pub(crate) fn number(value: &Value, key: &str) -> Option<u64> {
    value.get(key).and_then(Value::as_u64)
}

/// A status; 0 is none.
pub(crate) fn status(value: &Value, key: &str) -> String {
    match number(value, key) {
        None | Some(0) => "nothing".to_owned(),
        Some(status) => status.to_string(),
    }
}

/// What was asked for.
pub(crate) fn url(event: &Value) -> String {
    let text = |key| text(event, key);
    let query = text("ClientRequestQuery");
    let mark = if query.is_empty() { "" } else { "?" };
    let (scheme, host, path) =
        (text("ClientRequestScheme"), text("ClientRequestHost"), text("ClientRequestPath"));
    format!("{scheme}://{host}{path}{mark}{query}")
}
