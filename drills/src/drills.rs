//! The list of drills.

use std::time::Duration;

use rempart_base::Now;

use crate::load::Load;
use crate::report::{Record, Report, Result, Title};
use crate::stand::{Lines, PATIENCE, Settings, Stand, Up, process};
use crate::{Options, Outcome, Trouble, ms_since, pause_for};

mod by_hand;
mod changes;
mod delayed;
mod empty;
mod isolation;
mod kills;
mod rules;
mod stage;
mod store;
mod stuck;
mod successors;
mod taster;

/// One drill.
struct Drill {
    title: Title,
    run: fn(&Ground, &mut Record) -> Outcome<()>,
}

/// All of them, in the order in which they run.
const DRILLS: &[Drill] = &[
    changes::RELOADS,
    changes::ROLLBACKS,
    successors::UPGRADES,
    successors::TAKEOVERS,
    kills::KILLS,
    kills::BACKLOG,
    kills::ABORT,
    taster::TASTER,
    stage::PANICS,
    delayed::DELAYED,
    stage::BURNS,
    rules::EXPRESSION,
    stuck::LOOPS,
    taster::HANG_IN_LOADING,
    empty::EMPTY,
    by_hand::BREAK_GLASS,
    store::DAMAGE,
    store::TORN,
    store::CRASH_LOOP,
    isolation::ONE_OF_MANY,
];

/// DRILLS.md, common rule (d).
const NEXT_EDGE_MS_MAX: u64 = 2_000;

/// What a drill is given.
pub(crate) struct Ground<'a> {
    options: &'a Options,
    lines: Lines,
}

impl Ground<'_> {
    /// A duration that the drill may choose: shorter in CI.
    pub(crate) fn scaled(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds * self.options.seconds_scale).max(0.05))
    }

    /// The same in milliseconds, for configuration.
    pub(crate) fn scaled_ms(&self, seconds: f64) -> u64 {
        crate::ms(self.scaled(seconds))
    }

    /// A number of repetitions: fewer in CI, and never fewer than `least`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and not negative")]
    pub(crate) fn scaled_count(&self, count: u32, least: u32) -> u32 {
        ((f64::from(count) * self.options.seconds_scale) as u32).clamp(least, count.max(least))
    }

    /// Whether ratios of latencies are judged.
    pub(crate) fn judges_latency(&self) -> bool {
        self.options.judges_latency
    }

    /// A folder with so many zones.
    pub(crate) fn stand(&self, zones: u16, settings: &Settings) -> Outcome<Stand> {
        Stand::new(&self.options.program, &self.lines, zones, settings)
    }
}

/// Runs those that are chosen.
pub(crate) fn run(options: &Options, mut told: impl FnMut(&str)) -> Outcome<Report> {
    if let Some(unknown) = options.only.iter().find(|name| DRILLS.iter().all(|drill| !drill.is(name))) {
        let known: Vec<&str> = DRILLS.iter().map(|drill| drill.title.name).collect();
        return Err(format!("there is no drill {unknown}; there are {}", known.join(", ")).into());
    }
    process::adopt_orphans()?;
    process::raise_descriptor_limit()?;
    let mut report = Report::default();
    for drill in DRILLS {
        if options.only.is_empty() || options.only.iter().any(|name| drill.is(name)) {
            let result = drill.result(options, &mut told);
            told(&result.rows());
            report.results.push(result);
        }
    }
    Ok(report)
}

impl Drill {
    /// `7` means `7a` and `7b`.
    fn is(&self, name: &str) -> bool {
        let rest = self.title.name.strip_prefix(name);
        rest.is_some_and(|rest| {
            rest.chars().all(|letter| letter.is_ascii_lowercase())
                && (rest.is_empty() || name.chars().all(|digit| digit.is_ascii_digit()))
        })
    }

    fn result(&self, options: &Options, told: &mut impl FnMut(&str)) -> Result {
        let ground = Ground { options, lines: Lines::default() };
        let mut record = Record::default();
        let began = Now::mono();
        let ended = (self.run)(&ground, &mut record);
        // Whatever happened: the next drill meets nothing of this one.
        let swept = process::sweep(PATIENCE);
        let trouble = ended.and(swept).err().map(|trouble: Trouble| trouble.to_string());
        let took_s = Now::mono().saturating_duration_since(began).as_secs_f64();
        let result = Result { title: self.title, record, trouble, took_s };
        if !result.holds() {
            told(&ground.lines.last(60));
        }
        result
    }
}

/// The rule that all drills share: the edge is killed at a random moment, and the next one serves the desired
/// release within 2 s.
pub(crate) fn kill_once(record: &mut Record, up: &Up, load: &Load, stand: &Stand) -> Outcome<()> {
    let desired = up.current()?;
    kill_for(record, up, load, stand, &desired.hash)
}

/// The same where another release is desired than the one in force.
pub(crate) fn kill_for(record: &mut Record, up: &Up, load: &Load, stand: &Stand, hash: &str) -> Outcome<()> {
    pause_for(Chance::new().up_to(Duration::from_millis(300)));
    let edge = up.edge()?;
    let kill = load.killing(|| process::kill_and_await(edge, PATIENCE))?;
    let answer = up.ask(&stand.tenant(0), "/1")?;
    let took = ms_since(kill.from);
    let now = up.current()?;
    let holds = answer == (200, true) && now.hash == hash && took <= NEXT_EDGE_MS_MAX;
    let measured = format!("{} after {took} ms, release {}", answer.0, now.number);
    record.check("edge killed at random: the desired release serves within 2 s", measured, holds);
    Ok(())
}

/// Chance, from a seed that differs each time.
pub(crate) struct Chance(u64);

impl Chance {
    /// Seeded by the clock.
    pub(crate) fn new() -> Self {
        Self(Now::read().unix_ns | 1)
    }

    /// A number below this one (0 for 0).
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // xorshift64: good enough to meet different moments.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.checked_rem(end).unwrap_or(0)
    }

    /// A duration up to this one.
    pub(crate) fn up_to(&mut self, longest: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(longest.as_micros()).unwrap_or(u64::MAX)))
    }
}
