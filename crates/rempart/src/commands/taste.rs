//! `rempart taste`: reads the operator's files, and tries what they have become before an edge sees it.
//! Started by the supervisor, and the only process that ever reads these files (decision 0019).

mod candidate;
mod stored;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rempart_base::Now;
use rempart_edge::taste::report::{Outcome, Report};
use rempart_edge::taste::{contained, watch_panics};
use rempart_releases::Store;
use rustix::process::{Pid, getppid};

use crate::output::Failure;
use crate::{logging, sandbox};

/// The arguments of `taste`.
#[derive(clap::Args)]
pub(crate) struct Taste {
    /// The operator's configuration
    #[arg(short, long, value_name = "FILE", required_unless_present = "stored")]
    config: Option<PathBuf>,
    /// Where releases are kept; the candidate and the report go there
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// For a start: little is asked, and no recent request
    #[arg(long, conflicts_with = "stored")]
    boot: bool,
    /// Read no file of the operator's: report the release that would boot
    #[arg(long)]
    stored: bool,
    /// Taste even what is in force already
    #[arg(long)]
    force: bool,
    /// The memory that it may take
    #[arg(long, value_name = "BYTES", default_value_t = 2 << 30)]
    memory_bytes_max: u64,
    /// The time that it may take
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    timeout_ms: u64,
}

/// When it began, and how long it may go on.
#[derive(Clone, Copy)]
struct Times {
    begun: Instant,
    max: Duration,
}

impl Taste {
    /// Tastes. A refusal is no failure: the report says it.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let parent = getppid();
        let times = Times { begun: Now::mono(), max: Duration::from_millis(self.timeout_ms) };
        sandbox::enter(parent, self.memory_bytes_max, times.max).map_err(failure("the taster's bounds"))?;
        logging::begin("warn");
        watch_panics();
        let cannot_write = failure("data_dir");
        let folder = self.data_dir.join("releases");
        let store = Store::open(&folder, 1).map_err(&cannot_write)?;
        // Whoever looks afterwards sees what this run has found, or nothing.
        Report::remove(&self.data_dir).map_err(&cannot_write)?;
        let report = contained(|| match &self.config {
            Some(config) if !self.stored => candidate::taste(config, &self, &store, parent, times),
            Some(_) | None => stored::report(&store),
        });
        let mut report = match report {
            Ok(Ok(report)) => report,
            Ok(Err(error)) => return Err(cannot_write(error)),
            Err(panic) => refused(format!("reading the configuration ended in {panic}")),
        };
        if report.outcome == Outcome::Refused && !self.stored {
            Store::discard_candidate(&folder).map_err(&cannot_write)?;
        }
        report.took_ms = u64::try_from((Now::mono() - times.begun).as_millis()).unwrap_or(u64::MAX);
        report.write(&self.data_dir).map_err(cannot_write)
    }

    fn becomes_owner(&self, parent: Option<Pid>) -> std::io::Result<()> {
        sandbox::become_owner_of(&self.data_dir.join("releases"), parent)
    }
}

fn refused(why: String) -> Report {
    Report { why: Some(why), ..Report::new(Outcome::Refused) }
}

fn failure(what: &str) -> impl Fn(std::io::Error) -> Failure {
    move |error| Failure::Text(format!("{what}: {error}"))
}
