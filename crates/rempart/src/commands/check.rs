//! `rempart check`: every problem of a configuration, found by the same compiler that the edge runs.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use rempart_base::{Diagnostics, Now};
use rempart_config::{Compiler, Source, diagnostics_json};
use serde_json::json;

use crate::configuration;
use crate::output::{Failure, complain, say};

/// The arguments of `check`.
#[derive(clap::Args)]
pub(crate) struct Check {
    /// The configuration
    #[arg(value_name = "FILE", default_value = super::DEFAULT_FILE)]
    file: PathBuf,
    /// The same, as other commands have it
    #[arg(short, long, value_name = "FILE", conflicts_with = "file")]
    config: Option<PathBuf>,
    /// How to answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: `{"ok":…,"zones":…,"held":…,"diagnostics":[…]}`
    Json,
}

impl Check {
    /// Answers; a mistake is a failure, even where only its zone would be held back.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let file = self.config.as_ref().unwrap_or(&self.file);
        let loaded = configuration::load(file);
        match (self.format, loaded) {
            (Format::Text, Ok(snapshot)) => {
                for warning in &snapshot.warnings {
                    complain(&format!("{warning}\n"));
                }
                say(&format!("ok: {}\n", counted(snapshot.zones().len(), "zone")));
                Ok(())
            }
            (Format::Json, Ok(snapshot)) => {
                let zones = Becomes { zones: snapshot.zones().len(), held: 0 };
                say(&answer(true, Some(zones), &Diagnostics(snapshot.warnings.clone())));
                Ok(())
            }
            (Format::Json, Err(Failure::Refused(diagnostics))) => {
                say(&answer(false, Becomes::of(file), &diagnostics));
                Err(Failure::Said)
            }
            (Format::Text, Err(Failure::Refused(diagnostics))) => match Becomes::of(file) {
                Some(becomes) => {
                    complain(&format!("{diagnostics}{becomes}\n"));
                    Err(Failure::Said)
                }
                None => Err(Failure::Refused(diagnostics)),
            },
            (Format::Text | Format::Json, Err(failure)) => Err(failure),
        }
    }
}

/// What an edge that begins anew would make of files with mistakes in zones.
struct Becomes {
    /// Those that it would serve.
    zones: usize,
    held: usize,
}

impl Becomes {
    /// `None` if the whole is refused.
    fn of(file: &Path) -> Option<Self> {
        let snapshot = Compiler::new(Source::File(file.into())).compile(Now::read()).ok()?;
        let held: HashSet<&str> = snapshot.held.iter().map(|held| &*held.zone).collect();
        // Those that are held back have a place among the others, to be answered by 503.
        let zones = snapshot.zones().filter(|zone| !held.contains(&*zone.name)).count();
        (!held.is_empty()).then_some(Self { zones, held: snapshot.held.len() })
    }
}

impl fmt::Display for Becomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} would be held back (at its last good version; at 503, if it has none); {} would be served as written",
            counted(self.held, "zone"),
            counted(self.zones, "zone"),
        )
    }
}

fn answer(ok: bool, becomes: Option<Becomes>, diagnostics: &Diagnostics) -> String {
    let (zones, held) = becomes.map(|becomes| (becomes.zones, becomes.held)).unzip();
    let diagnostics = diagnostics_json(diagnostics);
    format!("{:#}\n", json!({ "ok": ok, "zones": zones, "held": held, "diagnostics": diagnostics }))
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
