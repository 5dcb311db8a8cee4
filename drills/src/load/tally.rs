//! What became of what was sent.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::histogram::Histogram;

/// Failures of which everything is kept; of more only their number.
const FAILURES_KEPT_MAX: usize = 20_000;
/// Failures that are told one by one.
const FAILURES_SHOWN: usize = 5;
/// By so much the generator may notice a broken connection late.
const NOTICED_WITHIN: Duration = Duration::from_millis(250);

/// Why an exchange was no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// Nobody listened.
    Refused,
    /// The connection was reset.
    Reset,
    /// The connection was closed before the end of the answer.
    Closed,
    /// No whole answer within the time limit.
    TimedOut,
    /// A 5xx. The origin gives none, so it is ours.
    Ours(u16),
    /// A kept connection was closed under a request, without a byte of an answer: any client repeats that
    /// (RFC 9112 section 9.3.1). Counted apart, and not repeated.
    Crossed,
    /// Another status than 200.
    Status(u16),
    /// Another tenant's answer.
    WrongTenant,
    /// The right tenant's answer to something else, or one with a wrong byte.
    WrongBody,
    /// Not HTTP.
    Nonsense,
    /// Right, but too late.
    Late,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("refused"),
            Self::Reset => f.write_str("reset"),
            Self::Closed => f.write_str("closed"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Ours(status) => write!(f, "{status} of ours"),
            Self::Crossed => f.write_str("crossed a close"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::WrongTenant => f.write_str("wrong tenant"),
            Self::WrongBody => f.write_str("wrong body"),
            Self::Nonsense => f.write_str("not HTTP"),
            Self::Late => f.write_str("late"),
        }
    }
}

/// One failed exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed {
    /// Which zone of the plan.
    pub(crate) zone: usize,
    /// Why.
    pub(crate) failure: Failure,
    /// When it was begun.
    pub(crate) began: Instant,
    /// When its failure was noticed.
    pub(crate) ended: Instant,
}

/// A process that the drill itself has killed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    /// Just before the signal.
    pub(crate) from: Instant,
    /// When all of its sockets were closed.
    pub(crate) dead: Instant,
}

/// Everything that was counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Exchanges that were begun.
    pub(crate) sent: u64,
    /// Exchanges that ended rightly.
    pub(crate) right: u64,
    /// Exchanges that were due and not begun, since too many were open.
    pub(crate) held_back: u64,
    /// Kept connections that were found closed before anything was sent on them.
    pub(crate) closed_between: u64,
    /// Latency of right answers, from when the request was due, for each zone of the plan.
    pub(crate) latency: Vec<Histogram>,
    failures: Vec<Failed>,
    more_failures: u64,
    kills: Vec<Kill>,
}

impl Tally {
    /// For so many zones.
    pub(crate) fn new(zones: usize) -> Self {
        Self { latency: vec![Histogram::default(); zones], ..Self::default() }
    }

    pub(super) fn right(&mut self, zone: usize, latency: Duration) {
        self.right += 1;
        if let Some(histogram) = self.latency.get_mut(zone) {
            histogram.record(latency);
        }
    }

    pub(super) fn failed(&mut self, failed: Failed) {
        if self.failures.len() < FAILURES_KEPT_MAX {
            self.failures.push(failed);
        } else {
            self.more_failures += 1;
        }
    }

    pub(super) fn killed(&mut self, kill: Kill) {
        self.kills.push(kill);
    }

    /// Failures, but for exchanges in flight on a process that the drill has killed, and for crossed ones.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &Failed> {
        let failed = |failed: &&Failed| failed.failure != Failure::Crossed && !self.was_in_flight(failed);
        self.failures.iter().filter(failed)
    }

    /// Requests that crossed the closing of a kept connection by a process that lived.
    pub(crate) fn crossed(&self) -> u64 {
        let crossed = |failed: &&Failed| failed.failure == Failure::Crossed && !self.was_in_flight(failed);
        self.failures.iter().filter(crossed).count() as u64
    }

    /// How many exchanges failed.
    pub(crate) fn failed_count(&self) -> u64 {
        self.more_failures + self.failures().count() as u64
    }

    /// How many exchanges of zones like this failed.
    pub(crate) fn failed_of(&self, zone: impl Fn(usize) -> bool) -> u64 {
        self.more_failures + self.failures().filter(|failed| zone(failed.zone)).count() as u64
    }

    /// How many were in flight on processes that the drill has killed.
    pub(crate) fn in_flight_on_killed(&self) -> u64 {
        self.failures.iter().filter(|failed| self.was_in_flight(failed)).count() as u64
    }

    /// How long answers took, all zones like this together.
    pub(crate) fn latency_of(&self, zone: impl Fn(usize) -> bool) -> Histogram {
        let mut sum = Histogram::default();
        for (_, histogram) in self.latency.iter().enumerate().filter(|(index, _)| zone(*index)) {
            sum.add(histogram);
        }
        sum
    }

    /// `3 reset, 1 late`, or `none`.
    pub(crate) fn kinds(&self, zone: impl Fn(usize) -> bool) -> String {
        let mut kinds = BTreeMap::<Failure, u64>::new();
        for failed in self.failures().filter(|failed| zone(failed.zone)) {
            *kinds.entry(failed.failure).or_default() += 1;
        }
        let mut parts: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        if self.more_failures > 0 {
            parts.push(format!("{} more", self.more_failures));
        }
        if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
    }

    /// The first failures, with when they began before this moment and how long they took: for finding out.
    pub(crate) fn first(&self, until: Instant) -> String {
        let one = |failed: &Failed| {
            let (ago, took) = (until.saturating_duration_since(failed.began), failed.ended - failed.began);
            format!(
                "{} in zone {} {} ms before the end, after {} ms",
                failed.failure,
                failed.zone,
                ago.as_millis(),
                took.as_millis()
            )
        };
        self.failures().take(FAILURES_SHOWN).map(one).collect::<Vec<_>>().join("; ")
    }

    /// Begun before the process was dead, and broken off by its end.
    fn was_in_flight(&self, failed: &Failed) -> bool {
        let is_broken = match failed.failure {
            Failure::Reset | Failure::Closed | Failure::Crossed => true,
            Failure::Refused
            | Failure::TimedOut
            | Failure::Ours(_)
            | Failure::Status(_)
            | Failure::WrongTenant
            | Failure::WrongBody
            | Failure::Nonsense
            | Failure::Late => false,
        };
        is_broken
            && self.kills.iter().any(|kill| {
                failed.began <= kill.dead
                    && failed.ended >= kill.from
                    && failed.ended <= kill.dead + NOTICED_WITHIN
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rempart_base::Now;

    #[test]
    fn only_what_a_kill_broke_off_is_counted_apart() {
        let begin = Now::mono();
        let at = |ms: u64| begin + Duration::from_millis(ms);
        let mut tally = Tally::new(1);
        tally.killed(Kill { from: at(1_000), dead: at(1_010) });
        let mut fail = |failure, began, ended| {
            tally.failed(Failed { zone: 0, failure, began: at(began), ended: at(ended) })
        };
        fail(Failure::Reset, 990, 1_005);
        fail(Failure::Closed, 1_010, 1_012);
        // Sent after its end, before the signal, or broken in another way.
        fail(Failure::Reset, 1_011, 1_012);
        fail(Failure::Reset, 900, 999);
        fail(Failure::Closed, 1_000, 1_300);
        fail(Failure::Ours(502), 1_000, 1_005);
        fail(Failure::TimedOut, 1_000, 1_005);
        fail(Failure::Crossed, 1_000, 1_005);
        fail(Failure::Crossed, 500, 505);
        assert_eq!((tally.in_flight_on_killed(), tally.failed_count(), tally.crossed()), (3, 5, 1));
        assert_eq!(tally.kinds(|_| true), "2 reset, 1 closed, 1 timed out, 1 502 of ours");
    }
}
