//! `rempart check`: every problem of a configuration, found by the same compiler that the edge runs.

use std::path::PathBuf;

use clap::ValueEnum;
use rempart_base::{Diagnostic, Severity};
use serde_json::{Value, json};

use crate::configuration;
use crate::output::{Failure, complain, say};

/// The arguments of `check`.
#[derive(clap::Args)]
pub(crate) struct Check {
    /// The configuration
    #[arg(value_name = "FILE", default_value = super::DEFAULT_FILE)]
    file: PathBuf,
    /// How to answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: `{"ok":…,"zones":…,"diagnostics":[…]}`
    Json,
}

impl Check {
    /// Answers; a refused configuration is a failure.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let loaded = configuration::load(&self.file);
        match (self.format, loaded) {
            (Format::Text, Ok(snapshot)) => {
                for warning in &snapshot.warnings {
                    complain(&format!("{warning}\n"));
                }
                say(&format!("ok: {}\n", counted(snapshot.zones().len(), "zone")));
                Ok(())
            }
            (Format::Json, Ok(snapshot)) => {
                say(&answer(true, Some(snapshot.zones().len()), &snapshot.warnings));
                Ok(())
            }
            (Format::Json, Err(Failure::Refused(diagnostics))) => {
                say(&answer(false, None, &diagnostics.0));
                Err(Failure::Said)
            }
            (Format::Text | Format::Json, Err(failure)) => Err(failure),
        }
    }
}

fn answer(ok: bool, zones: Option<usize>, diagnostics: &[Diagnostic]) -> String {
    let diagnostics: Vec<Value> = diagnostics.iter().map(as_json).collect();
    format!("{:#}\n", json!({ "ok": ok, "zones": zones, "diagnostics": diagnostics }))
}

fn as_json(diagnostic: &Diagnostic) -> Value {
    let place = diagnostic.place.as_ref();
    json!({
        "code": diagnostic.code,
        "severity": match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "file": place.map(|place| &*place.file),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "path": diagnostic.path,
        "message": diagnostic.message,
        "expected": diagnostic.expected,
        "action": diagnostic.action,
    })
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
