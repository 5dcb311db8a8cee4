//! Rempart beside itself: the same hits at the same rate in two ways, in turn, and what the second way costs of
//! the first. Nothing is pinned, and the rate is far from what either could do.

use std::error::Error;
use std::fmt::Write;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::http::Url;
use crate::origins::Origin;
use crate::paced::{self, Answered, Load};
use crate::peers::{Running, Stand, System, TOKEN};
use crate::purges::Api;
use crate::stats::{Spread, median};
use crate::works::Work;
use crate::{Outcome, check, process, wrk};

const CONNECTIONS: u32 = 64;
const PURGES_A_SECOND: u64 = 10_000;
/// Seconds that one way has before the other comes.
const TURN: Duration = Duration::from_secs(1);

/// What is measured, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    /// What is asked for.
    pub work: Work,
    /// Where Rempart is started.
    pub stand: Stand<'a>,
    /// Behind it.
    pub origin: &'a Origin,
    /// Rounds.
    pub rounds: u32,
    /// Seconds of each way in a round.
    pub seconds: u64,
    /// Requests a second.
    pub rate: u64,
}

/// One way.
struct Side {
    name: &'static str,
    server: Rc<Running>,
    /// Purges that go on meanwhile.
    purges: Option<Api>,
    /// One a round.
    samples: Vec<Sample>,
}

/// What one way has done in a round.
#[derive(Default)]
struct Sample {
    /// What hits are held against.
    cpu_ns: u64,
    purged: u64,
    answered: Answered,
}

/// Measures, and answers the table.
pub(crate) fn measure(pair: &Pair<'_>) -> Outcome<String> {
    let mut sides = sides(pair)?;
    for side in &sides {
        check::check(pair.work, &side.server)?;
        side.turn(pair, &mut Sample::default())?;
    }
    for round in 0..pair.rounds {
        eprintln!("{}: round {} of {}", pair.work.name(), round + 1, pair.rounds);
        let mut samples: Vec<Sample> = sides.iter().map(|_| Sample::default()).collect();
        for second in 0..pair.seconds {
            // Who comes first changes each time.
            let first = usize::try_from(u64::from(round) + second)?;
            for place in 0..sides.len() {
                let nth = (first + place) % sides.len();
                if let (Some(side), Some(sample)) = (sides.get(nth), samples.get_mut(nth)) {
                    side.turn(pair, sample)?;
                }
            }
        }
        sides.iter_mut().zip(samples).for_each(|(side, sample)| side.samples.push(sample));
    }
    table(pair, &sides)
}

fn sides(pair: &Pair<'_>) -> Outcome<Vec<Side>> {
    let start = |name: &str, workers| {
        let folder = pair.stand.folder.join(name);
        let stand = Stand { folder: &folder, workers, ..pair.stand };
        Ok::<_, Box<dyn Error + Send + Sync>>(Rc::new(Running::start(System::Rempart, pair.work, &stand)?))
    };
    let side = |name, server, purges| Side { name, server, purges, samples: Vec::new() };
    if pair.work == Work::Purge {
        let server = start("server", 1)?;
        let api = Api::on(server.admin, TOKEN)?;
        let (quiet, purged) =
            (side("no purges", Rc::clone(&server), None), side("purges", server, Some(api)));
        return Ok(vec![quiet, purged]);
    }
    let two = start("two", 2)?;
    Ok(vec![side("one worker", start("one", 1)?, None), side("two workers", two, None)])
}

impl Side {
    fn turn(&self, pair: &Pair<'_>, sample: &mut Sample) -> Outcome<()> {
        let url = Url::parse(&format!("http://127.0.0.1:{}{}", self.server.port, pair.work.path()))?;
        let request = wrk::request(&url);
        let load = Load {
            address: url.address,
            request: request.as_bytes(),
            body_bytes: pair.work.body_bytes(),
            connections: CONNECTIONS,
            rate: pair.rate,
            lasts: TURN,
        };
        let fetched = pair.origin.answered()?;
        let before = self.cpu_ns(pair)?;
        let (answered, purged) = process::unpinned(|| self.load(&load))??;
        let _ = self.server.settled_cpu_ns()?;
        let after = self.cpu_ns(pair)?;
        if pair.origin.answered()? > fetched && sample.answered.requests > 0 {
            return Err(format!("void: {} asked the origin, which is no hit", self.name).into());
        }
        sample.cpu_ns += after.saturating_sub(before);
        sample.purged += purged;
        sample.answered.add(&answered);
        Ok(())
    }

    /// Loads, and purges meanwhile if this way does.
    fn load(&self, load: &Load<'_>) -> Outcome<(Answered, u64)> {
        let Some(api) = &self.purges else { return Ok((paced::run(load)?, 0)) };
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let purging = scope.spawn(|| api.purge(PURGES_A_SECOND, &stop));
            let answered = paced::run(load);
            stop.store(true, Ordering::Relaxed);
            let purged = purging.join().map_err(|_| "the thread that purges has panicked")??;
            Ok((answered?, purged))
        })
    }

    /// What purges cost by themselves is no part of what a hit costs.
    fn cpu_ns(&self, pair: &Pair<'_>) -> Outcome<u64> {
        let tree = self.server.tree;
        Ok(if pair.work == Work::Purge { tree.cpu_ns_of("worker-")? } else { tree.cpu_ns()? })
    }
}

impl Sample {
    #[expect(clippy::cast_precision_loss, reason = "counts of one round are far below 2^52")]
    fn cpu_us(&self) -> f64 {
        self.cpu_ns as f64 / 1e3 / self.answered.requests as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "latencies are far below 2^52 µs")]
    fn latency_us(&self, share: f64) -> f64 {
        self.answered.latency_us.quantile(share) as f64
    }
}

fn table(pair: &Pair<'_>, sides: &[Side]) -> Outcome<String> {
    let Some(first) = sides.first() else { return Ok(String::new()) };
    let rate = pair.rate;
    let head = format!("{} ({rate}/s)", pair.work.name());
    let mut text = format!(
        "{head:<24} {:>8} {:>8} {:>8} {:>9}  CPU, p99 of {}\n",
        "CPU µs", "p50 µs", "p99 µs", "PSS MiB", first.name
    );
    for side in sides {
        let values = |of: fn(&Sample) -> f64| side.samples.iter().map(of).collect::<Vec<_>>();
        let middle = |of| median(&values(of)).unwrap_or(f64::NAN);
        #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
        let pss_mib = side.server.tree.pss_bytes()? as f64 / f64::from(1 << 20);
        let _ = write!(
            text,
            "{:<24} {:>8.2} {:>8.0} {:>8.0} {pss_mib:>9.1}",
            side.name,
            middle(Sample::cpu_us),
            middle(|sample| sample.latency_us(0.5)),
            middle(|sample| sample.latency_us(0.99)),
        );
        for of in [Sample::cpu_us as fn(&Sample) -> f64, |sample| sample.latency_us(0.99)] {
            let before: Vec<f64> = first.samples.iter().map(of).collect();
            let ratio = Spread::of_ratios(&values(of), &before).filter(|_| side.name != first.name);
            let ratio = ratio.map(|r| format!("  {:.2} × ({:.2}–{:.2})", r.median, r.min, r.max));
            text.push_str(&ratio.unwrap_or_default());
        }
        let purged: u64 = side.samples.iter().map(|sample| sample.purged).sum();
        if purged > 0 {
            let _ = write!(text, "  ({} purges a second)", purged / (u64::from(pair.rounds) * pair.seconds));
        }
        text.push('\n');
    }
    Ok(text)
}
