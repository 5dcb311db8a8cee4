//! `h2-flood`: what two hundred ordinary visitors feel while somebody floods the server over HTTP/2, and what memory
//! the server takes meanwhile.

mod flooder;
mod frames;
mod kinds;
pub(super) mod visitors;

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rempart_base::Now;

use self::flooder::Flooded;
use self::kinds::Flood;
use self::visitors::{Felt, VISITORS};
use crate::http2::Server;
use crate::http2::ground::Ground;
use crate::peers::{Running, System};
use crate::place::Place;
use crate::process::Tree;
use crate::stats::{Spread, median};
use crate::{Outcome, pause};

/// How often the server's memory is read.
const LOOK: Duration = Duration::from_millis(250);
const CONNECTIONS: u32 = 4096;

/// Floods, and ordinary visitors meanwhile.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// The floods [default: all]
    #[arg(long, value_delimiter = ',')]
    floods: Vec<Flood>,
    /// The systems, in turn; the first is held against each other
    #[arg(long, value_delimiter = ',', default_value = "rempart,haproxy")]
    systems: Vec<System>,
    /// Rounds; a figure is the median of theirs
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds of each system in a round
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    #[command(flatten)]
    place: Place,
}

/// One system under one flood.
struct Subject {
    running: Running,
    server: Server,
    rounds: Vec<Round>,
    felt: Felt,
    pss_before: u64,
    pss_largest: u64,
}

/// What came of one round.
struct Round {
    p50_us: f64,
    p99_us: f64,
    /// The server's CPU time as a share of the round's.
    busy: f64,
    flooded: Flooded,
}

/// Floods, and prints a table for each kind. Fails if ordinary visitors were not answered by Rempart.
pub(crate) fn run(options: &Options) -> Outcome<()> {
    let ground = Ground::prepare(&options.place)?;
    let floods = if options.floods.is_empty() { Flood::ALL.to_vec() } else { options.floods.clone() };
    println!("{VISITORS} visitors, one request each every 50 ms; one flooder");
    let mut failed = Vec::new();
    for (nth, flood) in floods.into_iter().enumerate() {
        let subjects = under(options, &ground, flood, nth)?;
        println!("{}", table(options, flood, &subjects));
        for subject in subjects.iter().filter(|subject| subject.felt.failed > 0) {
            let (name, reason) = (subject.running.system.name(), subject.felt.reason.as_deref());
            let told =
                format!("{}: {name} failed {}: {}", flood.name(), subject.felt.failed, reason.unwrap_or("?"));
            println!("{told}");
            failed.extend((subject.running.system == System::Rempart).then_some(told));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\nbench: ").into()) }
}

/// Each kind meets servers that have just been started.
fn under(options: &Options, ground: &Ground, flood: Flood, nth: usize) -> Outcome<Vec<Subject>> {
    let mut subjects = Vec::new();
    for system in &options.systems {
        let (running, server) = ground.start(*system, nth, CONNECTIONS)?;
        let (rounds, felt) = (Vec::new(), Felt::default());
        subjects.push(Subject { running, server, rounds, felt, pss_before: 0, pss_largest: 0 });
    }
    for round in 0..options.rounds {
        eprintln!("{}: round {} of {}", flood.name(), round + 1, options.rounds);
        for turn in 0..subjects.len() {
            // Who comes first changes each time.
            let nth = (usize::try_from(round)? + turn) % subjects.len();
            if let Some(subject) = subjects.get_mut(nth) {
                subject.round(flood, Duration::from_secs(options.seconds))?;
            }
        }
    }
    Ok(subjects)
}

impl Subject {
    #[expect(clippy::cast_precision_loss, reason = "latencies and times are far below 2^52")]
    fn round(&mut self, flood: Flood, lasts: Duration) -> Outcome<()> {
        // The flood begins when all visitors are there, and ends when the last of them has left.
        let (begun, stop) = (AtomicBool::new(false), AtomicBool::new(false));
        let (server, tree) = (&self.server, self.running.tree);
        let (felt, flooded, before, largest, busy) = thread::scope(|scope| {
            let visiting = scope.spawn(|| {
                let felt = visitors::run(server, lasts, || begun.store(true, Ordering::Relaxed));
                stop.store(true, Ordering::Relaxed);
                felt
            });
            while !begun.load(Ordering::Relaxed) && !stop.load(Ordering::Relaxed) {
                pause(Duration::from_millis(5));
            }
            let before = tree.pss_bytes();
            let (cpu_ns, since) = (tree.cpu_ns(), Now::mono());
            let flooding = scope.spawn(|| flooder::run(server, flood, &stop));
            let largest = watch(tree, &stop);
            let used_ns = tree.cpu_ns()?.saturating_sub(cpu_ns?);
            let busy = used_ns as f64 / 1e9 / Now::mono().saturating_duration_since(since).as_secs_f64();
            let panicked = "a thread of the rig has panicked";
            let felt = visiting.join().map_err(|_| panicked)??;
            let flooded = flooding.join().map_err(|_| panicked)??;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((felt, flooded, before?, largest?, busy))
        })?;
        self.rounds.push(Round {
            p50_us: felt.latency_us.quantile(0.5) as f64,
            p99_us: felt.latency_us.quantile(0.99) as f64,
            busy,
            flooded,
        });
        self.felt.add(felt);
        if self.pss_before == 0 {
            self.pss_before = before;
        }
        self.pss_largest = self.pss_largest.max(largest);
        Ok(())
    }

    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        median(&self.rounds.iter().map(of).collect::<Vec<_>>()).unwrap_or(f64::NAN)
    }

    fn p99s(&self) -> Vec<f64> {
        self.rounds.iter().map(|round| round.p99_us).collect()
    }
}

/// The most memory until it stops.
fn watch(tree: Tree, stop: &AtomicBool) -> Outcome<u64> {
    let mut largest = 0;
    while !stop.load(Ordering::Relaxed) {
        largest = largest.max(tree.pss_bytes()?);
        pause(LOOK);
    }
    Ok(largest.max(tree.pss_bytes()?))
}

#[expect(clippy::cast_precision_loss, reason = "counts and bytes of a run are far below 2^52")]
fn table(options: &Options, flood: Flood, subjects: &[Subject]) -> String {
    let Some(first) = subjects.first() else { return String::new() };
    let mut text = format!(
        "{:<15} {:>7} {:>8} {:>8} {:>7} {:>10} {:>7} {:>7} {:>7} {:>6} {:>15}  p99 of {} is, of it\n",
        flood.name(),
        "p50 µs",
        "p99 µs",
        "max µs",
        "failed",
        "frames/s",
        "conns/s",
        "stalls",
        "refused",
        "busy",
        "PSS MiB",
        first.running.system.name(),
    );
    let seconds = options.seconds as f64;
    for subject in subjects {
        let sum = |of: fn(&Flooded) -> u64| -> u64 { subject.rounds.iter().map(|r| of(&r.flooded)).sum() };
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let _ = write!(
            text,
            "{:<15} {:>7.0} {:>8.0} {:>8} {:>7} {:>10.0} {:>7.1} {:>7} {:>7} {:>5.0}% {:>15}",
            subject.running.system.name(),
            subject.median(|round| round.p50_us),
            subject.median(|round| round.p99_us),
            subject.felt.latency_us.max(),
            subject.felt.failed,
            subject.median(|round| round.flooded.frames as f64 / seconds),
            subject.median(|round| round.flooded.connections as f64 / seconds),
            sum(|flooded| flooded.stalled),
            sum(|flooded| flooded.refused),
            subject.median(|round| round.busy) * 100.0,
            format!("{:.1} → {:.1}", mib(subject.pss_before), mib(subject.pss_largest)),
        );
        let ratio = Spread::of_ratios(&first.p99s(), &subject.p99s())
            .filter(|_| subject.running.system != first.running.system);
        if let Some(ratio) = ratio {
            let _ = write!(text, "  {:.2} × ({:.2}–{:.2})", ratio.median, ratio.min, ratio.max);
        }
        text.push('\n');
    }
    text
}
