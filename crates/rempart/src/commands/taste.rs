//! `rempart taste`: reads the operator's files, and tries what they have become before an edge sees it.
//! Started by the supervisor, and the only process that ever reads these files (decision 0019).

mod candidate;
mod clock;
mod stored;

use std::io::{self, Write, stdout};
use std::path::PathBuf;
use std::time::Duration;

use rempart_edge::taste::report::{Outcome, Report};
use rempart_edge::taste::{contained, watch_panics};
use rempart_releases::Store;
use rustix::process::getppid;

use self::clock::Clock;
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

impl Taste {
    /// Tastes. A refusal is no failure: the report says it.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let parent = getppid();
        let time_max = Duration::from_millis(self.timeout_ms);
        sandbox::enter(parent, self.memory_bytes_max, time_max).map_err(failure("the taster's bounds"))?;
        logging::begin("warn");
        watch_panics();
        #[cfg(feature = "fault")]
        rempart_config::fault::this_is(rempart_config::fault::Process::Taster);
        let cannot_write = failure("data_dir");
        let clock = Clock::start(time_max);
        let store = Store::open(&self.folder(), 1).map_err(&cannot_write)?;
        // Whoever looks afterwards sees what this run has found, or nothing.
        Report::remove(&self.data_dir).map_err(&cannot_write)?;
        if !self.stored {
            Store::discard_candidate(&self.folder()).map_err(&cannot_write)?;
        }
        let desk = Desk { data_dir: self.data_dir.clone(), is_for_start: self.boot || self.stored };
        let watch = clock.watch(desk.clone()).map_err(failure("the taster's clock"))?;
        let report = contained(|| match &self.config {
            Some(config) if !self.stored => candidate::taste(config, &self, &store, parent, &clock),
            Some(_) | None => Ok(stored::report(&store)),
        });
        let report = match report {
            Ok(Ok(report)) => report,
            Ok(Err(error)) => return Err(cannot_write(error)),
            Err(panic) => refused(format!("{} ended in {panic}", clock.doing())),
        };
        if !clock.may_report() {
            // Time is over: the clock reports, and ends this process.
            loop {
                std::thread::park();
            }
        }
        drop(watch);
        desk.put(report, &clock).map_err(cannot_write)
    }

    fn folder(&self) -> PathBuf {
        self.data_dir.join("releases")
    }
}

/// Where the report is put.
#[derive(Clone)]
struct Desk {
    data_dir: PathBuf,
    /// Then the supervisor reads it from our standard output. It may be root, and `data_dir` another's, who
    /// could put a report there in which root serves.
    is_for_start: bool,
}

impl Desk {
    fn put(&self, mut report: Report, clock: &Clock) -> io::Result<()> {
        report.took_ms = clock.took_ms();
        report.write(&self.data_dir)?;
        if self.is_for_start {
            stdout().lock().write_all(&report.text()?)?;
            stdout().flush()?;
        }
        Ok(())
    }
}

fn refused(why: String) -> Report {
    Report { why: Some(why), ..Report::new(Outcome::Refused) }
}

fn failure(what: &str) -> impl Fn(io::Error) -> Failure {
    move |error| Failure::Text(format!("{what}: {error}"))
}
