//! `rempart taste`: reads the operator's files, and tries what they have become before an edge sees it.
//! Started by the supervisor. It alone reads these files; see `docs/decisions`.

use std::path::PathBuf;

use rempart_base::Now;
use rempart_edge::taste::report::{Needs, Outcome, Report, problems};

use crate::output::Failure;

/// The arguments of `taste`.
#[derive(clap::Args)]
pub(crate) struct Taste {
    /// The operator's configuration
    #[arg(short, long, value_name = "FILE", required_unless_present = "stored")]
    config: Option<PathBuf>,
    /// Where releases are kept; the candidate and the report go there
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// For a start: no recent requests are replayed
    #[arg(long, conflicts_with = "stored")]
    boot: bool,
    /// Read no file of the operator's: report the release that would boot
    #[arg(long)]
    stored: bool,
    /// Taste even what is in force already
    #[arg(long)]
    force: bool,
    /// The address space that it may use
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 30)]
    memory_bytes_max: u64,
    /// The time that it may take; the supervisor kills it a little later
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    timeout_ms: u64,
}

impl Taste {
    /// Tastes. A refusal is no failure: the report says it.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let begun = Now::mono();
        let failed = |error: std::io::Error| Failure::Text(format!("the report cannot be written: {error}"));
        std::fs::create_dir_all(self.data_dir.join("releases")).map_err(failed)?;
        Report::remove(&self.data_dir).map_err(failed)?;
        let config = self.config.clone().unwrap_or_default();
        let mut compiler = rempart_config::Compiler::new(rempart_config::Source::File(config));
        let mut report = match compiler.compile(Now::read()) {
            Ok(snapshot) => {
                let mut report = Report::new(Outcome::Good);
                report.hash = Some(format!("{:064x}", snapshot.hash));
                report.zones = snapshot.zones().len();
                report.warnings = problems(&snapshot.warnings);
                report.settings = Some(Needs::from(&*snapshot.settings));
                report
            }
            Err(diagnostics) => {
                let mut report = Report::new(Outcome::Refused);
                report.why = Some("the configuration is refused".into());
                report.diagnostics_count = diagnostics.0.len();
                report.diagnostics = problems(&diagnostics.0);
                report
            }
        };
        report.watched = compiler.watched();
        report.took_ms = u64::try_from((Now::mono() - begun).as_millis()).unwrap_or(u64::MAX);
        report.write(&self.data_dir).map_err(failed)
    }
}
