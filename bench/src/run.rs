//! `run`: every system on every work, in interleaved rounds, and the table of what it cost.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::http::{Connection, Url};
use crate::origins::Origin;
use crate::peers::{Running, Stand, System};
use crate::report::{self, Sample, Series};
use crate::works::{Kind, Work, body, hash};
use crate::wrk::Run;
use crate::{Outcome, pairs, process, profile, program};

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
    /// The core of the system that is measured
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// The core of the origin, the load generator and the sink of logs
    #[arg(long, default_value_t = 1)]
    load_core: usize,
    /// Rempart's binary [default: target/release/rempart]
    #[arg(long)]
    rempart: Option<PathBuf>,
    /// Where the medians go [default: bench/out/latest.json]
    #[arg(long)]
    out: Option<PathBuf>,
    /// After the rounds, where this system's time goes, by stage
    #[arg(long, num_args = 0..=1, default_missing_value = "rempart")]
    profile: Option<System>,
}

/// Measures, prints, and writes the medians. Fails if the run is void.
pub(crate) fn run(options: &Options) -> Outcome<()> {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rempart = options.rempart.clone().unwrap_or_else(|| house.join("../target/release/rempart"));
    let out = options.out.clone().unwrap_or_else(|| house.join("out/latest.json"));
    let systems = systems(options, &rempart)?;
    let works = if options.works.is_empty() { Work::ALL.to_vec() } else { options.works.clone() };
    if let Some(work) = works.iter().find(|work| on(**work, &systems).is_empty()) {
        return Err(format!("none of these systems is measured on {}", work.name()).into());
    }
    install_what_is_missing(house)?;
    process::pin_current(options.load_core)?;
    let _ahead = process::Precedence::take();
    let _ = process::raise_descriptors();

    let rig = Rig { options, rempart: &rempart, duration_s: duration_s(options)?, origin: Origin::start()? };
    println!("{}", heading(&rig, &systems, house));
    let mut measured = Vec::new();
    let mut void = Vec::new();
    for work in works {
        if work.kind() == Kind::Pair {
            print!("{}", rig.pair(work)?);
            continue;
        }
        let series = rig.measure(work, &on(work, &systems))?;
        println!("{}", report::table(work, &series));
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
}

impl Rig<'_> {
    fn measure(&self, work: Work, systems: &[System]) -> Outcome<Vec<Series>> {
        let folder = tempfile::Builder::new().prefix("rempart-bench-").tempdir()?;
        let stand = Stand {
            folder: folder.path(),
            origin: self.origin.port,
            rempart: self.rempart,
            core: Some(self.options.server_core),
            workers: 1,
        };
        let mut running = Vec::new();
        for system in systems {
            let server = Running::start(*system, work.kind(), &stand)?;
            check(work, &server)?;
            Run::against(&url(work, &server), 1)?;
            if system.logs() {
                server.take_logged()?;
            }
            running.push(server);
        }
        let mut series: Vec<Series> = systems.iter().map(|system| Series::new(*system)).collect();
        for round in 0..self.options.rounds {
            eprintln!("{}: round {} of {}", work.name(), round + 1, self.options.rounds);
            for (sample, series) in self.round(work, &running, round)?.into_iter().zip(&mut series) {
                series.samples.push(sample);
            }
        }
        if let Some(server) = running.iter().find(|server| Some(server.system) == self.options.profile) {
            let cpu_us =
                series.iter().find(|series| series.system == server.system).map_or(0.0, Series::cpu_us);
            println!("{}", profile::of(server, &url(work, server), self.duration_s, folder.path(), cpu_us)?);
        }
        Ok(series)
    }

    fn pair(&self, work: Work) -> Outcome<String> {
        let folder = tempfile::Builder::new().prefix("rempart-bench-").tempdir()?;
        let stand = Stand {
            folder: folder.path(),
            origin: self.origin.port,
            rempart: self.rempart,
            core: None,
            workers: 1,
        };
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

    /// One sample a system. Its seconds are spread over the round, one at a time in turn, so that all of them
    /// meet what else the machine does; who comes first changes each time.
    fn round(&self, work: Work, running: &[Running], round: u32) -> Outcome<Vec<Sample>> {
        let mut spent = vec![Spent::default(); running.len()];
        for second in 0..self.duration_s {
            let first = usize::try_from(u64::from(round) + second)?;
            for turn in 0..running.len() {
                let nth = (first + turn) % running.len();
                if let (Some(server), Some(spent)) = (running.get(nth), spent.get_mut(nth)) {
                    spent.add_second(work, server, &self.origin)?;
                }
            }
        }
        running.iter().zip(&spent).map(|(server, spent)| spent.sample(work, server)).collect()
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
    fn add_second(&mut self, work: Work, server: &Running, origin: &Origin) -> Outcome<()> {
        let fetched = origin.answered()?;
        let before = server.tree.cpu_ns()?;
        let run = Run::against(&url(work, server), 1)?;
        let after = server.settled_cpu_ns()?;
        self.fetched += origin.answered()?.saturating_sub(fetched);
        let ended = || format!("void: a process of {} has ended", server.system.name());
        self.cpu_ns += after.checked_sub(before).ok_or_else(ended)?;
        self.requests += run.requests;
        self.wall_s += run.wall_s;
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of one round are far below 2^52")]
    fn sample(&self, work: Work, server: &Running) -> Outcome<Sample> {
        let name = server.system.name();
        let logged = if server.system.logs() { server.take_logged()? } else { self.requests };
        if logged == 0 {
            return Err(format!("void: {name} wrote no access log").into());
        }
        if work.kind() == Kind::Hit && self.fetched > 0 {
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

/// Sees that the system answers with what the origin has, once.
pub(crate) fn check(work: Work, server: &Running) -> Outcome<()> {
    let url = Url::parse(&url(work, server))?;
    let request = format!("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", url.target, url.authority);
    let name = server.system.name();
    let answer = Connection::open(url.address)?
        .exchange(request.as_bytes())
        .map_err(|broken| format!("{name} does not answer {}: {}", url.target, broken.cause))?;
    let expected = body(work.body_bytes());
    if answer.status != 200 || answer.body != expected {
        return Err(format!(
            "{name} answers {} with status {}, {} bytes, hash {:016x}; expected 200, {}, {:016x}",
            url.target,
            answer.status,
            answer.body.len(),
            hash(&answer.body),
            expected.len(),
            hash(&expected)
        )
        .into());
    }
    Ok(())
}

pub(crate) fn url(work: Work, server: &Running) -> String {
    format!("http://127.0.0.1:{}{}", server.port, work.path())
}

/// Those that are measured on this work.
fn on(work: Work, systems: &[System]) -> Vec<System> {
    systems.iter().copied().filter(|system| system.files(work.kind()).is_some()).collect()
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

fn install_what_is_missing(house: &Path) -> Outcome<()> {
    let status = Command::new("sh").arg(house.join("setup.sh")).status()?;
    if status.success() { Ok(()) } else { Err("the packages above are missing".into()) }
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
        "commit {commit}{}, {} rounds of {} s each, 64 connections, server on core {}, load on core {}\n{}\n",
        if changed { " with changes" } else { "" },
        rig.options.rounds,
        rig.duration_s,
        rig.options.server_core,
        rig.options.load_core,
        versions.join(", ")
    )
}
