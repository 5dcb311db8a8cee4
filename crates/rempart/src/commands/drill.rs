//! `rempart drill`: replays public outages against this very program. Only in builds that can inject faults.

use std::path::PathBuf;

use rempart_drills::Options;

use crate::output::{Failure, say};

/// The arguments of `drill`.
#[derive(clap::Args)]
pub(crate) struct Drill {
    /// Only these, by number or name
    #[arg(long, value_delimiter = ',', value_name = "N")]
    only: Vec<String>,
    /// Multiplies the times that drills choose themselves; deadlines stay
    #[arg(long, default_value_t = 1.0, value_name = "F")]
    seconds_scale: f64,
    /// Also judges ratios of latencies: on a machine that does nothing else
    #[arg(long)]
    latency: bool,
    /// Writes the results there for programs
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the results there as a table for documents
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

impl Drill {
    /// Runs them, and fails unless all hold.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let text = |error: &dyn std::fmt::Display| Failure::Text(format!("the drills cannot run: {error}"));
        if !(0.001..=100.0).contains(&self.seconds_scale) {
            return Err(Failure::Text("--seconds-scale: expected a number from 0.001 to 100".to_owned()));
        }
        let program = std::env::current_exe().map_err(|error| text(&error))?;
        let options = Options {
            program,
            only: self.only,
            seconds_scale: self.seconds_scale,
            judges_latency: self.latency,
        };
        let report = rempart_drills::run(&options, say).map_err(|error| text(&error))?;
        if let Some(path) = &self.json {
            std::fs::write(path, format!("{:#}\n", report.json())).map_err(|error| text(&error))?;
        }
        if let Some(path) = &self.markdown {
            std::fs::write(path, report.markdown()).map_err(|error| text(&error))?;
        }
        say(&report.summary());
        if report.holds() { Ok(()) } else { Err(Failure::Said) }
    }
}
