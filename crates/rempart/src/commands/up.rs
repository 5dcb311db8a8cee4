//! `rempart up`: the supervisor and its edge. The configuration is read by a taster, also before the first
//! edge; if it is refused, what was good before it is served.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rempart_edge::Boot;
use rempart_edge::line::TasterEnd;
use rempart_edge::taste::report::{Needs, Outcome};
use rustix::thread::set_name;
use serde_json::json;

use super::Why;
use crate::output::{Failure, complain};
use crate::sockets::Sockets;
use crate::supervisor::{self, Call, Kind, Order, Predecessor, Program, taste_at_start};
use crate::{configuration, limits, logging};

/// The arguments of `up`.
#[derive(clap::Args)]
pub(crate) struct Up {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = super::DEFAULT_FILE)]
    pub(crate) config: PathBuf,
    /// Where the releases are; without it, what the configuration says
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Take the listening sockets over from the supervisor that runs on the same `data_dir`, which then
    /// ends
    #[arg(long)]
    pub(crate) take_over: bool,
    /// The reason for taking over, for the audit log
    #[arg(long, value_name = "TEXT", requires = "take_over")]
    pub(crate) why: Option<String>,
}

/// What the first edge is started with.
struct Begin {
    needs: Needs,
    data_dir: PathBuf,
    boot: Boot,
    user: Option<String>,
    access_log: Option<PathBuf>,
}

impl Up {
    /// Serves until told to stop.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let program = Program::of_this_process()
            .map_err(|error| Failure::Text(format!("this program cannot be opened again: {error}")))?;
        // Else one that took over would be called by the number of a descriptor.
        set_name(c"rempart").ok();
        limits::raise_descriptor_limit();
        let Begin { needs, data_dir, boot, user, access_log } = self.begin(&program)?;
        logging::begin(&needs.log_level);
        let predecessor = self.take_over.then(|| Predecessor::of(&data_dir)).transpose();
        let (predecessor, inherited) = predecessor
            .map_err(|error| {
                Failure::Text(format!(
                    "nothing is taken over: {error}\n  to do: is there a supervisor that runs on {}?",
                    data_dir.display()
                ))
            })?
            .unzip();
        if self.take_over {
            let why = Why { why: self.why.unwrap_or_else(|| super::NO_REASON.to_owned()) };
            why.write_down(&data_dir, "take-over", &json!({"config": self.config}));
        }
        let sockets = Sockets::open(&needs, inherited.unwrap_or_default())?;
        let order = Order {
            config_path: self.config,
            data_dir,
            log_level: needs.log_level,
            boot,
            user,
            access_log,
            drain_timeout: Duration::from_millis(needs.drain_timeout_ms),
            crash_window: Duration::from_millis(needs.crash_window_ms),
            upgrade_ready: Duration::from_millis(needs.ready_ms),
            taster_timeout: Duration::from_millis(needs.taster_timeout_ms),
            taster_memory_bytes_max: needs.taster_memory_bytes_max,
        };
        supervisor::run(order, sockets, program, predecessor)
    }

    /// Has the configuration tasted; else what is stored.
    fn begin(&self, program: &Program) -> Result<Begin, Failure> {
        let mut data_dir = match &self.data_dir {
            Some(data_dir) => data_dir.clone(),
            None => configuration::data_dir(&self.config),
        };
        let is_told = self.data_dir.is_some() || configuration::named_data_dir(&self.config).is_some();
        // Else a store would be made where nobody wants one, and nothing served though there may be releases.
        let guessed = (!is_told && !holds_releases(&data_dir)).then(|| Guessed::of(&data_dir));
        if let (Err(error), true) = (self.config.metadata(), guessed.is_some() || !data_dir.exists()) {
            let file = self.config.display();
            let action = format!("name the configuration with -c, or {STORED_ELSEWHERE}");
            return Err(Failure::Text(format!("{file} cannot be read: {error}\n  to do: {action}")));
        }
        if !self.take_over && Call::to(&data_dir, None).is_ok() {
            let (folder, action) =
                (data_dir.display(), "stop it, add --take-over, or give another `data_dir`");
            return Err(Failure::Text(format!("a supervisor runs on {folder} already\n  to do: {action}")));
        }
        let mut tasted = self.taste(program, &data_dir, Kind::Boot)?;
        // The text was only searched for it: what the compiler makes of it counts.
        if let Ok(needs) = &tasted
            && self.data_dir.is_none()
            && needs.data_dir != data_dir
        {
            if let Some(guessed) = &guessed {
                guessed.tidy();
            }
            data_dir.clone_from(&needs.data_dir);
            tasted = self.taste(program, &data_dir, Kind::Boot)?;
        }
        let refusal = match tasted {
            Ok(mut needs) => {
                let user = Some(needs.user.take().unwrap_or_else(|| "root".to_owned()));
                let access_log = needs.access_log.take();
                return Ok(Begin { needs, data_dir, boot: Boot::Candidate, user, access_log });
            }
            Err(refusal) => refusal,
        };
        complain(&refusal);
        if let Some(guessed) = guessed.filter(|guessed| guessed.data_dir == data_dir) {
            guessed.tidy();
            let (file, folder) = (self.config.display(), data_dir.display());
            return Err(Failure::Text(format!(
                "no `data_dir` can be read in {file}, and {folder} holds no releases to serve instead\n  \
                 to do: mend the configuration, or {STORED_ELSEWHERE}"
            )));
        }
        let Ok(mut needs) = self.taste(program, &data_dir, Kind::Stored)? else { return Err(Failure::Said) };
        // Who has the store could write any account there.
        let is_roots = data_dir.metadata().is_ok_and(|about| about.uid() == 0);
        let user = needs.user.take().filter(|_| is_roots);
        complain("rempart: the configuration is not in force: the stored release is served instead\n");
        Ok(Begin { needs, data_dir, boot: Boot::Stored, user, access_log: None })
    }

    /// What the supervisor needs to know, or why that is not known.
    fn taste(
        &self,
        program: &Program,
        data_dir: &Path,
        kind: Kind,
    ) -> Result<Result<Needs, String>, Failure> {
        let failed = |error| Failure::Text(format!("the taster cannot be run: {error}"));
        let (end, report) = taste_at_start(program, &self.config, data_dir, kind).map_err(failed)?;
        if end != TasterEnd::Exited(0) {
            return Ok(Err(format!("error: the configuration could not be tasted: {}\n", how(end))));
        }
        let report = match report {
            Ok(report) => report,
            Err(error) => return Ok(Err(format!("error: the taster left no report: {error}\n"))),
        };
        report.warnings.iter().for_each(|warning| complain(&format!("{warning}\n")));
        match (report.outcome, report.settings) {
            (Outcome::Good, Some(needs)) => Ok(Ok(needs)),
            (Outcome::Good | Outcome::Refused, _) => {
                let problems = report.diagnostics.iter().map(|problem| format!("{problem}\n"));
                let count = match report.diagnostics_count {
                    0 => report.why.unwrap_or_default(),
                    1 => "1 problem".to_owned(),
                    more => format!("{more} problems"),
                };
                Ok(Err(format!("{}the configuration is refused: {count}\n", problems.collect::<String>())))
            }
        }
    }
}

/// The remedy where nobody can tell which releases are meant.
const STORED_ELSEWHERE: &str = "say where releases are stored already: --data-dir DIR";

/// A folder that nobody has named, and what of it was there before we looked.
struct Guessed {
    data_dir: PathBuf,
    was_there: bool,
    had_store: bool,
}

impl Guessed {
    fn of(data_dir: &Path) -> Self {
        let (was_there, had_store) = (data_dir.exists(), data_dir.join("releases").exists());
        Self { data_dir: data_dir.to_owned(), was_there, had_store }
    }

    /// Takes away what a taster has made there, and nothing else.
    fn tidy(&self) {
        if !self.had_store {
            fs::remove_dir_all(self.data_dir.join("releases")).ok();
            fs::remove_file(self.data_dir.join("taste.json")).ok();
        }
        if !self.was_there {
            fs::remove_dir(&self.data_dir).ok();
        }
    }
}

fn holds_releases(data_dir: &Path) -> bool {
    let entries = fs::read_dir(data_dir.join("releases")).into_iter().flatten().flatten();
    entries
        .map(|entry| PathBuf::from(entry.file_name()))
        .any(|name| name.extension() == Some("release".as_ref()))
}

fn how(end: TasterEnd) -> String {
    match end {
        TasterEnd::Exited(code) => format!("the taster ended with code {code}"),
        TasterEnd::Killed(signal) => format!("the taster was ended by signal {signal}"),
        TasterEnd::TimedOut => "the taster took too long".to_owned(),
        TasterEnd::NotStarted => "the taster cannot be started".to_owned(),
    }
}
