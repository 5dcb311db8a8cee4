//! The list of drills.

use std::time::Duration;

use rempart_base::Now;

use crate::report::{Record, Report, Result, Title};
use crate::stand::{Lines, PATIENCE, Settings, Stand, process};
use crate::{Options, Outcome, Trouble};

mod changes;

/// One drill.
struct Drill {
    title: Title,
    run: fn(&Ground, &mut Record) -> Outcome<()>,
}

/// All of them, in the order in which they run.
const DRILLS: &[Drill] = &[changes::RELOADS];

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
