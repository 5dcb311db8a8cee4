//! The bake: the time in which a release has to show that it is no worse than the one before. Pure: the
//! control thread brings counts and the time, and carries out the verdict.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::judge::{self, Blame, Sums, Worse};

/// Samples that a window is made of; the window's length is exact to one of them.
const SAMPLES: u32 = 60;

/// CPU is compared when a release has served for so long…
const CPU_AGE_MIN: Duration = Duration::from_secs(5);
/// …and if the process has used one part in so many of one core, or more.
const CPU_PART_MIN: u32 = 10;

/// The running counts of what serves now, so that its last window can be told when the next release comes.
#[derive(Debug)]
pub(crate) struct History {
    window: Duration,
    samples: VecDeque<(Instant, Sums)>,
}

impl History {
    /// Of a release that serves from now on.
    #[must_use]
    pub(crate) fn new(window: Duration) -> Self {
        Self { window, samples: VecDeque::new() }
    }

    /// Takes the counts of this moment. To be called often; it keeps what it needs.
    pub(crate) fn note(&mut self, now: Instant, sums: Sums) {
        let spacing = self.window / SAMPLES;
        let is_due =
            self.samples.back().is_none_or(|(last, _)| now.saturating_duration_since(*last) >= spacing);
        if !is_due {
            return;
        }
        self.samples.push_back((now, sums));
        while self.samples.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= self.window) {
            self.samples.pop_front();
        }
    }

    /// What was counted in the last window until these counts.
    #[must_use]
    pub(crate) fn window(&self, sums: Sums) -> Sums {
        self.samples.front().map_or(sums, |(_, oldest)| sums - *oldest)
    }
}

/// A zone that the release has changed, watched by itself: the errors of one zone drown among all.
#[derive(Debug)]
pub(crate) struct WatchedZone {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// Its counts when the bake began.
    pub(crate) at_begin: Sums,
    /// What it did before that, over several times.
    pub(crate) pasts: Vec<Sums>,
}

/// What a bake is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// How long it takes at least.
    pub(crate) lasts: Duration,
    /// How many requests it takes at least.
    pub(crate) requests_min: u64,
    /// Whether idle zones are probed when requests are missing at the end.
    pub(crate) probes: bool,
}

/// What a release is compared with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Before {
    /// The last window of the release before: all visitors have moved to the new one.
    Window(Sums),
    /// The release before as it serves beside: its counts when the bake began.
    Beside { at_begin: Sums },
}

impl Before {
    /// There is none, or it is not known what it did.
    pub(crate) fn nothing() -> Self {
        Self::Window(Sums::default())
    }
}

/// One release's bake.
#[derive(Debug)]
pub(crate) struct Bake {
    terms: Terms,
    began: Instant,
    before: Before,
    blame: Blame,
    zones: Vec<WatchedZone>,
    probing: Probing,
    /// What the process had used when it began.
    cpu_us_at_begin: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probing {
    NotNeeded,
    UnderWay,
    Done,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Nothing: it bakes on.
    Bakes,
    /// Its time is over, and visitors were too few: probe zones, so many times.
    Probe { missing: u64 },
    /// It has earned its place; `synthetic` if probes had to help.
    Finished { synthetic: bool },
    /// It is worse than the one before: roll it back.
    Worse(Box<Worse>),
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Of the release that bakes, since it began to serve.
    pub(crate) baking: Sums,
    /// Of the release before.
    pub(crate) before: Sums,
}

impl Bake {
    /// A bake that begins now.
    #[must_use]
    pub(crate) fn new(terms: Terms, began: Instant, before: Before, zones: Vec<WatchedZone>) -> Self {
        Self {
            terms,
            began,
            before,
            blame: Blame::All,
            zones,
            probing: Probing::NotNeeded,
            cpu_us_at_begin: 0,
        }
    }

    /// The same, of a release that changes nothing but the watched zones.
    pub(crate) fn of_zones_alone(self) -> Self {
        Self { blame: Blame::Ours, ..self }
    }

    /// The same, begun when the process had used so much CPU.
    pub(crate) fn after_cpu_us(self, cpu_us_at_begin: u64) -> Self {
        Self { cpu_us_at_begin, ..self }
    }

    /// The verdict at this moment. `zone` counts one zone by its name.
    pub(crate) fn verdict(&mut self, now: Instant, counts: Counts, zone: impl Fn(&str) -> Sums) -> Verdict {
        let cpu_us = self.cpu_that_matters_us(now, counts.baking.cpu_us);
        let (blame, before, baking) = match self.before {
            Before::Window(sums) => (self.blame, sums, Sums { cpu_us, ..counts.baking }),
            // They share one process, whose CPU cannot be told apart. An origin that breaks meanwhile breaks for
            // both: so every error counts, and those of a changed zone are not thinned out by the visitors who
            // still have the release before.
            Before::Beside { at_begin } => {
                let without_cpu = |sums: Sums| Sums { cpu_us: 0, ..sums };
                (Blame::All, without_cpu(counts.before - at_begin), without_cpu(counts.baking))
            }
        };
        let found = judge::worse(blame, &before, &baking).or_else(|| self.worse_zone(zone));
        if let Some(worse) = found {
            return Verdict::Worse(Box::new(worse));
        }
        if now.saturating_duration_since(self.began) < self.terms.lasts {
            return Verdict::Bakes;
        }
        let missing = self.terms.requests_min.saturating_sub(counts.baking.requests);
        match self.probing {
            Probing::NotNeeded if missing == 0 => Verdict::Finished { synthetic: false },
            Probing::NotNeeded if self.terms.probes => {
                self.probing = Probing::UnderWay;
                Verdict::Probe { missing }
            }
            Probing::NotNeeded | Probing::UnderWay => Verdict::Bakes,
            Probing::Done => Verdict::Finished { synthetic: true },
        }
    }

    /// So many probes have been answered. If none was, nothing is known, and it bakes once more.
    pub(crate) fn probed(&mut self, answered: u64, now: Instant) {
        if answered > 0 {
            self.probing = Probing::Done;
        } else {
            self.probing = Probing::NotNeeded;
            self.began = now;
        }
    }

    /// The zones that are watched by themselves.
    pub(crate) fn watched(&self) -> impl Iterator<Item = &Arc<str>> {
        self.zones.iter().map(|watched| &watched.name)
    }

    /// How long it has baked.
    #[must_use]
    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }

    /// What it was begun with.
    #[must_use]
    pub(crate) const fn terms(&self) -> Terms {
        self.terms
    }

    /// What the process has used since the bake began, if that is enough to be worth a rollback. Changing over to
    /// a release of many zones has its price at the beginning, and one large download may cost what a thousand
    /// small answers do.
    fn cpu_that_matters_us(&self, now: Instant, cpu_us: u64) -> u64 {
        let (age, used) = (self.age(now), Duration::from_micros(cpu_us.saturating_sub(self.cpu_us_at_begin)));
        let matters = age >= CPU_AGE_MIN && used * CPU_PART_MIN >= age;
        if matters { u64::try_from(used.as_micros()).unwrap_or(u64::MAX) } else { 0 }
    }

    fn worse_zone(&self, zone: impl Fn(&str) -> Sums) -> Option<Worse> {
        self.zones.iter().find_map(|watched| {
            let now = zone(&watched.name) - watched.at_begin;
            judge::zone_worse(&watched.name, &watched.pasts, &now)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { lasts: Duration::from_secs(60), requests_min: 100, probes: true };

    fn sums(requests: u64, errors: u64) -> Sums {
        Sums { requests, errors, ..Sums::default() }
    }

    fn baking(requests: u64, errors: u64) -> Counts {
        Counts { baking: sums(requests, errors), before: Sums::default() }
    }

    fn nobody(_: &str) -> Sums {
        Sums::default()
    }

    fn bake(began: Instant) -> Bake {
        Bake::new(TERMS, began, Before::Window(sums(1_000, 0)), Vec::new())
    }

    #[test]
    fn it_finishes_at_its_time_with_enough_requests_and_not_a_moment_earlier() {
        let began = rempart_base::Now::mono();
        let mut bake = bake(began);
        let end = began + TERMS.lasts;
        assert_eq!(bake.verdict(end - Duration::from_millis(1), baking(100, 0), nobody), Verdict::Bakes);
        assert_eq!(bake.verdict(end, baking(100, 0), nobody), Verdict::Finished { synthetic: false });
    }

    #[test]
    fn too_few_requests_are_probed_for_once_and_the_bake_is_marked() {
        let began = rempart_base::Now::mono();
        let mut bake = bake(began);
        let end = began + TERMS.lasts;
        assert_eq!(bake.verdict(end, baking(99, 0), nobody), Verdict::Probe { missing: 1 });
        assert_eq!(bake.verdict(end, baking(99, 0), nobody), Verdict::Bakes, "while they are under way");
        bake.probed(0, end);
        assert_eq!(bake.verdict(end, baking(99, 0), nobody), Verdict::Bakes, "nobody has answered");
        let end = end + TERMS.lasts;
        assert_eq!(bake.verdict(end, baking(99, 0), nobody), Verdict::Probe { missing: 1 });
        bake.probed(1, end);
        assert_eq!(bake.verdict(end, baking(100, 0), nobody), Verdict::Finished { synthetic: true });
    }

    #[test]
    fn without_probes_it_waits_for_visitors() {
        let began = rempart_base::Now::mono();
        let terms = Terms { probes: false, ..TERMS };
        let mut bake = Bake::new(terms, began, Before::Window(Sums::default()), Vec::new());
        let late = began + TERMS.lasts * 10;
        assert_eq!(bake.verdict(late, baking(99, 0), nobody), Verdict::Bakes);
        assert_eq!(bake.verdict(late, baking(100, 0), nobody), Verdict::Finished { synthetic: false });
    }

    #[test]
    fn more_errors_than_before_end_it_at_once() {
        let began = rempart_base::Now::mono();
        let verdict = bake(began).verdict(began, baking(20, 10), nobody);
        assert!(
            matches!(&verdict, Verdict::Worse(worse) if matches!(**worse, Worse::Errors { .. })),
            "{verdict:?}"
        );
    }

    #[test]
    fn cpu_that_the_process_used_before_is_not_held_against_the_release() {
        let began = rempart_base::Now::mono();
        let before = Sums { requests: 1_000, cpu_us: 100_000, ..Sums::default() };
        let hours = 3_600_000_000;
        let cpu = |cpu_us| Counts {
            baking: Sums { requests: 1_000, cpu_us: hours + cpu_us, ..Sums::default() },
            before: Sums { cpu_us: hours + cpu_us, ..Sums::default() },
        };
        let mut bake = Bake::new(TERMS, began, Before::Window(before), Vec::new()).after_cpu_us(hours);
        let later = began + CPU_AGE_MIN;
        assert_eq!(bake.verdict(later, cpu(100_000), nobody), Verdict::Bakes);
        let verdict = bake.verdict(later, cpu(700_000), nobody);
        assert!(
            matches!(&verdict, Verdict::Worse(worse) if matches!(**worse, Worse::Cpu { .. })),
            "{verdict:?}"
        );
        let beside = Before::Beside { at_begin: Sums { cpu_us: hours, ..Sums::default() } };
        let mut bake = Bake::new(TERMS, began, beside, Vec::new()).after_cpu_us(hours);
        assert_eq!(bake.verdict(later, cpu(900_000_000), nobody), Verdict::Bakes, "nobody knows whose it is");
    }

    #[test]
    fn cpu_that_nobody_misses_ends_no_bake() {
        let began = rempart_base::Now::mono();
        let before = Sums { requests: 1_000, cpu_us: 20_000, ..Sums::default() };
        let verdict = |after: Duration, cpu_us: u64| {
            let counts = Counts { baking: Sums { requests: 200, cpu_us, ..Sums::default() }, before };
            Bake::new(TERMS, began, Before::Window(before), Vec::new()).verdict(began + after, counts, nobody)
        };
        let tenth = 500_000;
        assert_eq!(verdict(CPU_AGE_MIN, tenth - 1), Verdict::Bakes);
        assert!(matches!(verdict(CPU_AGE_MIN, tenth), Verdict::Worse(_)));
        assert_eq!(verdict(CPU_AGE_MIN - Duration::from_nanos(1), tenth), Verdict::Bakes, "it changes over");
    }

    #[test]
    fn beside_the_release_before_both_are_counted_from_the_beginning() {
        let began = rempart_base::Now::mono();
        let before = Before::Beside { at_begin: sums(10_000, 0) };
        let mut bake = Bake::new(TERMS, began, before, Vec::new());
        // The origin broke for everybody.
        let counts = Counts { baking: sums(50, 50), before: sums(10_050, 50) };
        assert_eq!(bake.verdict(began, counts, nobody), Verdict::Bakes);
        let counts = Counts { baking: sums(50, 50), before: sums(10_050, 0) };
        assert!(matches!(bake.verdict(began, counts, nobody), Verdict::Worse(_)));
    }

    #[test]
    fn one_changed_zone_that_fails_among_many_that_do_not_is_found() {
        let began = rempart_base::Now::mono();
        let watched =
            WatchedZone { name: "bad.example".into(), at_begin: sums(200, 0), pasts: vec![sums(200, 0)] };
        let mut bake = Bake::new(TERMS, began, Before::Window(sums(100_000, 0)), vec![watched]);
        let verdict = bake.verdict(began, baking(100_000, 20), |_| sums(220, 20));
        assert!(
            matches!(&verdict, Verdict::Worse(worse) if matches!(**worse, Worse::ZoneErrors { .. })),
            "{verdict:?}"
        );
    }

    #[test]
    fn beside_the_release_before_every_error_counts_whatever_was_changed() {
        let began = rempart_base::Now::mono();
        let before = Before::Beside { at_begin: sums(10_000, 0) };
        let mut bake = Bake::new(TERMS, began, before, Vec::new()).of_zones_alone();
        let counts = Counts { baking: sums(37, 37), before: sums(10_163, 0) };
        assert!(matches!(bake.verdict(began, counts, nobody), Verdict::Worse(_)));
    }

    #[test]
    fn an_origin_that_breaks_in_another_zone_ends_no_bake() {
        let began = rempart_base::Now::mono();
        let watched = || {
            let (name, at_begin) = ("own.example".into(), sums(200, 0));
            vec![WatchedZone { name, at_begin, pasts: vec![at_begin] }]
        };
        let before = Before::Window(sums(1_000, 0));
        let mut bake = Bake::new(TERMS, began, before, watched()).of_zones_alone();
        assert_eq!(bake.verdict(began, baking(1_000, 900), |_| sums(300, 0)), Verdict::Bakes);
        assert!(matches!(bake.verdict(began, baking(1_000, 900), |_| sums(300, 100)), Verdict::Worse(_)));
    }

    #[test]
    fn a_window_forgets_what_is_older_than_itself() {
        let begin = rempart_base::Now::mono();
        let mut history = History::new(Duration::from_secs(60));
        for second in 0..=300_u64 {
            history.note(begin + Duration::from_secs(second), sums(second * 10, 0));
        }
        assert_eq!(history.window(sums(3_000, 0)).requests, 600);
        assert!(history.samples.len() <= 62);
        assert_eq!(History::new(Duration::from_secs(60)).window(sums(7, 0)).requests, 7);
    }
}
