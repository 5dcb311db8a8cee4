//! Diagnostics for machines.

use rempart_base::{Diagnostic, Diagnostics, Severity};
use serde_json::{Value, json};

/// All diagnostics as a JSON array, for `rempart check --format json`.
#[must_use]
pub fn diagnostics_json(diagnostics: &Diagnostics) -> Value {
    diagnostics.0.iter().map(diagnostic_json).collect()
}

/// One diagnostic as JSON, wherever the program shows one to a machine.
#[must_use]
pub fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    let place = diagnostic.place.as_ref();
    json!({
        "code": &*diagnostic.code,
        "severity": match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "path": diagnostic.path,
        "file": place.map(|place| &*place.file),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "message": diagnostic.message,
        "expected": diagnostic.expected,
        "action": diagnostic.action,
    })
}
