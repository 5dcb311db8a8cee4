//! `h2-latency`: how long a lone small request takes beside a large download on the same connection.

use std::cell::Cell;
use std::fs::{self, File};
use std::future::Future;
use std::net::Ipv4Addr;
use std::time::Duration;

use rempart_base::Now;
use tokio::runtime;
use tokio::time::{Instant, sleep_until};

use crate::Outcome;
use crate::http2::ground::Ground;
use crate::http2::link;
use crate::http2::{Server, Visitor};
use crate::peers::{Running, System};
use crate::place::Place;
use crate::stats::{Histogram, Spread, median};
use crate::works::{LARGE_BYTES, LARGE_PATH, Work};

/// Between two small requests, in µs: a step that has no whole number in common with what servers count by.
const PAUSE_US: u64 = 7_300;
const CONNECTIONS: u32 = 4096;
const MIB: f64 = 1_048_576.0;

/// A small request beside a large one.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// The systems, side by side; the first is held against each other
    #[arg(long, value_delimiter = ',', default_value = "rempart,h2o")]
    systems: Vec<System>,
    /// Rounds; a figure is the median of theirs
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Small requests of each system in a round
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    requests: u32,
    /// Over a link of so many Mbit/s; without it the visitor is what is narrow
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    mbit: Option<u32>,
    #[command(flatten)]
    place: Place,
}

/// One system and what was measured of it, one value a round.
struct Subject {
    running: Running,
    visitor: Visitor,
    alone_p50: Vec<f64>,
    beside_p50: Vec<f64>,
    beside_p99: Vec<f64>,
    mib_per_s: Vec<f64>,
}

/// Measures, and prints the table.
pub(crate) fn run(options: &Options) -> Outcome<()> {
    let ground = Ground::prepare(&options.place)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let mut subjects = Vec::new();
    for system in &options.systems {
        let (running, server) = ground.start(*system, 0, CONNECTIONS)?;
        let server = match options.mbit {
            Some(mbit) => ground.server(link::before(running.port, mbit)?)?,
            None => server,
        };
        if system.answers_from_files(Work::H2Hit1k) {
            write_large_file(&running)?;
        }
        subjects.push(runtime.block_on(Subject::new(running, &server))?);
    }
    for round in 0..options.rounds {
        eprintln!("h2-latency: round {} of {}", round + 1, options.rounds);
        for turn in 0..subjects.len() {
            // Who comes first changes each time.
            let nth = (usize::try_from(round)? + turn) % subjects.len();
            if let Some(subject) = subjects.get_mut(nth) {
                runtime.block_on(subject.round(options.requests))?;
            }
        }
    }
    print!("{}", table(&subjects));
    Ok(())
}

impl Subject {
    /// Takes each answer once, so that they are in the cache.
    async fn new(running: Running, server: &Server) -> Outcome<Self> {
        let visitor = server.visit(Ipv4Addr::LOCALHOST).await?;
        for (path, bytes) in [(Work::H2Hit1k.path(), Work::H2Hit1k.body_bytes()), (LARGE_PATH, LARGE_BYTES)] {
            let came = visitor.ask(path).await?;
            if came != bytes as u64 {
                let name = running.system.name();
                return Err(format!("{name} answers {path} with {came} bytes instead of {bytes}").into());
            }
        }
        let none = Vec::new;
        Ok(Self {
            running,
            visitor,
            alone_p50: none(),
            beside_p50: none(),
            beside_p99: none(),
            mib_per_s: none(),
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "latencies and bytes of one round are far below 2^52")]
    async fn round(&mut self, requests: u32) -> Outcome<()> {
        let alone = small(&self.visitor, requests).await?;
        let downloaded = Cell::new(0);
        let begun = Now::mono();
        let beside = beside(download(&self.visitor, &downloaded), small(&self.visitor, requests)).await?;
        let wall_s = Now::mono().saturating_duration_since(begun).as_secs_f64();
        if downloaded.get() == 0 {
            return Err(
                format!("void: nothing of the download of {} came", self.running.system.name()).into()
            );
        }
        self.alone_p50.push(alone.quantile(0.5) as f64);
        self.beside_p50.push(beside.quantile(0.5) as f64);
        self.beside_p99.push(beside.quantile(0.99) as f64);
        self.mib_per_s.push(downloaded.get() as f64 / MIB / wall_s);
        Ok(())
    }
}

/// What the second gives, while the first goes on; the first only ends by failing.
async fn beside<T>(
    endless: impl Future<Output = Outcome<()>>,
    other: impl Future<Output = Outcome<T>>,
) -> Outcome<T> {
    tokio::select! {
        ended = endless => Err(ended.err().unwrap_or_else(|| "the download has ended".into())),
        done = other => done,
    }
}

/// One after the other, with a pause before each.
async fn small(visitor: &Visitor, requests: u32) -> Outcome<Histogram> {
    let mut latency_us = Histogram::default();
    for _ in 0..requests {
        sleep_until(Instant::from_std(Now::mono() + Duration::from_micros(PAUSE_US))).await;
        let sent = Now::mono();
        let bytes = visitor.ask(Work::H2Hit1k.path()).await?;
        let took = Now::mono().saturating_duration_since(sent);
        if bytes != Work::H2Hit1k.body_bytes() as u64 {
            return Err(format!("void: a small answer had {bytes} bytes").into());
        }
        latency_us.record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
    Ok(latency_us)
}

/// The large object, as fast as it comes, again and again.
async fn download(visitor: &Visitor, downloaded: &Cell<u64>) -> Outcome<()> {
    loop {
        let mut body = visitor.begin(LARGE_PATH).await?;
        while let Some(piece) = body.data().await {
            let piece = piece?;
            downloaded.set(downloaded.get() + piece.len() as u64);
            body.flow_control().release_capacity(piece.len())?;
        }
    }
}

/// Nobody compares its content: a file with a hole is as long.
fn write_large_file(running: &Running) -> Outcome<()> {
    let file = running.folder().join("files").join(LARGE_PATH.trim_start_matches('/'));
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(File::create(file)?.set_len(LARGE_BYTES as u64)?)
}

fn table(subjects: &[Subject]) -> String {
    let Some(first) = subjects.first() else { return String::new() };
    let of = first.running.system.name();
    let mut text = format!(
        "{:<13} {:>12} {:>13} {:>13} {:>9}  {of} is, of it, p50, p99\n",
        "h2-latency", "alone p50 µs", "beside p50 µs", "beside p99 µs", "MiB/s"
    );
    for subject in subjects {
        let middle = |values: &[f64]| median(values).unwrap_or(f64::NAN);
        let mut line = format!(
            "{:<13} {:>12.0} {:>13.0} {:>13.0} {:>9.0}",
            subject.running.system.name(),
            middle(&subject.alone_p50),
            middle(&subject.beside_p50),
            middle(&subject.beside_p99),
            middle(&subject.mib_per_s),
        );
        if subject.running.system != first.running.system {
            let pairs = [(&first.beside_p50, &subject.beside_p50), (&first.beside_p99, &subject.beside_p99)];
            for ratio in pairs.into_iter().filter_map(|(a, b)| Spread::of_ratios(a, b)) {
                line.push_str(&format!("  {:.2} × ({:.2}–{:.2})", ratio.median, ratio.min, ratio.max));
            }
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}
