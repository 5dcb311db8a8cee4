//! `rempart check`: every problem of a configuration, found by the same compiler that the edge runs.

use std::path::PathBuf;

use clap::ValueEnum;
use rempart_base::Diagnostics;
use rempart_config::diagnostics_json;
use serde_json::json;

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
                say(&answer(true, Some(snapshot.zones().len()), &Diagnostics(snapshot.warnings.clone())));
                Ok(())
            }
            (Format::Json, Err(Failure::Refused(diagnostics))) => {
                say(&answer(false, None, &diagnostics));
                Err(Failure::Said)
            }
            (Format::Text | Format::Json, Err(failure)) => Err(failure),
        }
    }
}

fn answer(ok: bool, zones: Option<usize>, diagnostics: &Diagnostics) -> String {
    format!("{:#}\n", json!({ "ok": ok, "zones": zones, "diagnostics": diagnostics_json(diagnostics) }))
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
