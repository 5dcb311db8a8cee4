//! `run`: every system on every work, in interleaved rounds, and the table of what it cost.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::certificate::Certificate;
use crate::check::check;
use crate::generator::Generator;
use crate::origins::Origin;
use crate::peers::{Running, Stand, System};
use crate::place::Place;
use crate::report::{self, Sample, Series};
use crate::works::{Kind, Work};
use crate::{Outcome, pairs, profile, program};

/// What to measure, and where.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// The works [default: all]
    #[arg(long = "work", value_delimiter = ',')]
    works: Vec<Work>,
    /// The systems [default: all]
    #[arg(long, value_delimiter = ',')]
    systems: Vec<System>,
    /// Rounds; a figure is the median of theirs
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds of each system in a round; without it the environment's SECONDS, else 4
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: Option<u64>,
    /// Requests a second where a work is offered a rate
    #[arg(long, default_value_t = 30_000)]
    rate: u64,
    #[command(flatten)]
    place: Place,
    /// Where the medians go [default: bench/out/latest.json]
    #[arg(long)]
    out: Option<PathBuf>,
    /// After the rounds, where this system's time goes, by stage
    #[arg(long, num_args = 0..=1, default_missing_value = "rempart")]
    profile: Option<System>,
}

/// Measures, prints, and writes the medians. Fails if the run is void.
pub(crate) fn run(options: &Options) -> Outcome<()> {
    let house = Place::house();
    let rempart = options.place.rempart();
    let out = options.out.clone().unwrap_or_else(|| house.join("out/latest.json"));
    let systems = systems(options, &rempart)?;
    let works = if options.works.is_empty() { Work::ALL.to_vec() } else { options.works.clone() };
    if let Some(work) = works.iter().find(|work| on(**work, &systems).is_empty()) {
        return Err(format!("none of these systems is measured on {}", work.name()).into());
    }
    let _ahead = options.place.take()?;

    let folder = tempfile::Builder::new().prefix("rempart-bench-").tempdir()?;
    let rig = Rig {
        options,
        rempart: &rempart,
        duration_s: duration_s(options)?,
        origin: Origin::start()?,
        certificate: Certificate::make(folder.path())?,
    };
    println!("{}", heading(&rig, &systems, house));
    let mut measured = Vec::new();
    let mut void = Vec::new();
    for work in works {
        if work.kind() == Kind::Pair {
            print!("{}", rig.pair(work)?);
            continue;
        }
        let (series, unfit) = rig.measure(work, &on(work, &systems))?;
        println!("{}", report::table(work, &series));
        unfit.iter().for_each(|reason| println!("{:<13} {reason}", "not measured:"));
        void.extend(unfit);
        void.extend(report::void_reason(work, &series));
        measured.push((work, series));
    }
    if !void.is_empty() {
        return Err(void.join("\nbench: ").into());
    }
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&out, report::json(&measured))?;
    println!("medians: {}", out.display());
    Ok(())
}

struct Rig<'a> {
    options: &'a Options,
    rempart: &'a Path,
    duration_s: u64,
    origin: Origin,
    certificate: Certificate,
}

/// What visitors' connections every system must be able to hold.
const CONNECTIONS: u32 = 4096;

/// A system that serves, and who asks it.
struct Subject {
    server: Running,
    generator: Generator,
}

impl Rig<'_> {
    /// Measures those that answer rightly, and tells why the others do not.
    fn measure(&self, work: Work, systems: &[System]) -> Outcome<(Vec<Series>, Vec<String>)> {
        let folder = tempfile::Builder::new().prefix("rempart-bench-").tempdir()?;
        let stand = self.stand(folder.path(), Some(self.options.place.server_core));
        let (mut subjects, mut unfit) = (Vec::new(), Vec::new());
        for system in systems {
            let server = Running::start(*system, work, &stand)?;
            if let Err(reason) = check(work, &server) {
                unfit.push(format!("{}: {reason}", work.name()));
                continue;
            }
            let generator = Generator::warm(work, &server)?;
            if system.logs() {
                server.take_logged()?;
            }
            subjects.push(Subject { server, generator });
        }
        let mut series: Vec<Series> =
            subjects.iter().map(|subject| Series::new(subject.server.system)).collect();
        for round in 0..self.options.rounds {
            eprintln!("{}: round {} of {}", work.name(), round + 1, self.options.rounds);
            for (sample, series) in self.round(work, &subjects, round)?.into_iter().zip(&mut series) {
                series.samples.push(sample);
            }
        }
        let profiled = subjects.iter().find(|subject| Some(subject.server.system) == self.options.profile);
        if let Some(Subject { server, generator }) = profiled {
            let cpu_us =
                series.iter().find(|series| series.system == server.system).map_or(0.0, Series::cpu_us);
            println!("{}", profile::of(server, generator, self.duration_s, folder.path(), cpu_us)?);
        }
        Ok((series, unfit))
    }

    fn pair(&self, work: Work) -> Outcome<String> {
        let folder = tempfile::Builder::new().prefix("rempart-bench-").tempdir()?;
        let stand = self.stand(folder.path(), None);
        let (rounds, rate) = (self.options.rounds, self.options.rate);
        pairs::measure(&pairs::Pair {
            work,
            stand,
            origin: &self.origin,
            rounds,
            rate,
            seconds: self.duration_s,
        })
    }

    fn stand<'a>(&'a self, folder: &'a Path, core: Option<usize>) -> Stand<'a> {
        Stand {
            folder,
            origin: self.origin.port,
            rempart: self.rempart,
            core,
            workers: 1,
            certificate: &self.certificate,
            connections: CONNECTIONS,
        }
    }

    /// One sample a system. Its seconds are spread over the round, one at a time in turn, so that all of them
    /// meet what else the machine does; who comes first changes each time.
    fn round(&self, work: Work, subjects: &[Subject], round: u32) -> Outcome<Vec<Sample>> {
        let mut spent = vec![Spent::default(); subjects.len()];
        for second in 0..self.duration_s {
            let first = usize::try_from(u64::from(round) + second)?;
            for turn in 0..subjects.len() {
                let nth = (first + turn) % subjects.len();
                if let (Some(subject), Some(spent)) = (subjects.get(nth), spent.get_mut(nth)) {
                    spent.add_second(subject, &self.origin)?;
                }
            }
        }
        subjects.iter().zip(&spent).map(|(subject, spent)| spent.sample(work, &subject.server)).collect()
    }
}

/// What one system has done in a round.
#[derive(Clone, Copy, Default)]
struct Spent {
    cpu_ns: u64,
    requests: u64,
    /// What the origin was asked meanwhile.
    fetched: u64,
    wall_s: f64,
}

impl Spent {
    fn add_second(&mut self, subject: &Subject, origin: &Origin) -> Outcome<()> {
        let Subject { server, generator } = subject;
        let fetched = origin.answered()?;
        let before = server.tree.cpu_ns()?;
        let done = generator.load(1)?;
        let after = server.settled_cpu_ns()?;
        self.fetched += origin.answered()?.saturating_sub(fetched);
        let ended = || format!("void: a process of {} has ended", server.system.name());
        self.cpu_ns += after.checked_sub(before).ok_or_else(ended)?;
        self.requests += done.requests;
        self.wall_s += done.wall_s;
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of one round are far below 2^52")]
    fn sample(&self, work: Work, server: &Running) -> Outcome<Sample> {
        let name = server.system.name();
        let logged = if server.system.logs() { server.take_logged()? } else { self.requests };
        if logged == 0 {
            return Err(format!("void: {name} wrote no access log").into());
        }
        if matches!(work.kind(), Kind::Hit | Kind::Rules) && self.fetched > 0 {
            let fetched = self.fetched;
            return Err(format!("void: {name} asked the origin {fetched} times, which is no hit").into());
        }
        let (cpu_ns, requests) = (self.cpu_ns as f64, self.requests as f64);
        Ok(Sample {
            cpu_us: cpu_ns / 1e3 / requests,
            rps: requests / self.wall_s,
            busy: cpu_ns / 1e9 / self.wall_s,
            pss_bytes: server.tree.pss_bytes()?,
            logged: logged as f64 / requests,
        })
    }
}

/// Those that are measured on this work.
fn on(work: Work, systems: &[System]) -> Vec<System> {
    systems.iter().copied().filter(|system| system.files(work.kind(), work.protocol()).is_some()).collect()
}

fn systems(options: &Options, rempart: &Path) -> Outcome<Vec<System>> {
    let systems = if options.systems.is_empty() { System::ALL.to_vec() } else { options.systems.clone() };
    if systems.contains(&System::Rempart) && !rempart.exists() {
        let path = rempart.display();
        return Err(format!(
            "{path} is not there: cargo build --release -p rempart, or name other --systems"
        )
        .into());
    }
    Ok(systems)
}

fn duration_s(options: &Options) -> Outcome<u64> {
    let from_environment = || env::var("SECONDS").ok().filter(|text| !text.is_empty());
    match (options.seconds, from_environment()) {
        (Some(seconds), _) => Ok(seconds),
        (None, Some(text)) => match text.parse() {
            Ok(seconds @ 1..=600) => Ok(seconds),
            Ok(_) | Err(_) => Err(format!("SECONDS={text}: expected a number from 1 to 600").into()),
        },
        (None, None) => Ok(4),
    }
}

fn heading(rig: &Rig<'_>, systems: &[System], house: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output = program("git").arg("-C").arg(house).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    let changed = git(&["status", "--porcelain"]).is_some_and(|text| !text.is_empty());
    let versions: Vec<String> =
        systems.iter().map(|system| format!("{} {}", system.name(), system.version(rig.rempart))).collect();
    format!(
        "commit {commit}{}, {} rounds of {} s each, 64 connections (HTTP/2: 16), server on core {}, load on core {}\n{}\n",
        if changed { " with changes" } else { "" },
        rig.options.rounds,
        rig.duration_s,
        rig.options.place.server_core,
        rig.options.place.load_core,
        versions.join(", ")
    )
}
