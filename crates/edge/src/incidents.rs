//! What went wrong inside of this program, so that it can be told: panics, stages that used up their time,
//! and stages that are left out because they keep failing.
//!
//! Each core has a list of its own under a lock that is taken only when something goes wrong, or by a
//! reader. Neither the list nor the log grows with how often a visitor can make it happen.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rempart_base::Now;

/// How many different incidents a core remembers. The one that has not happened for the longest time is
/// forgotten.
pub const INCIDENTS_MAX: usize = 64;
/// How many lines about incidents a core logs in a second. What was not said is counted in the next one.
const LINES_PER_S_MAX: u32 = 10;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A panic.
    Panic,
    /// A stage used up its time for one request.
    Overrun,
}

impl Kind {
    /// Its word in status and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Overrun => "overrun",
        }
    }
}

/// Where it happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The number of the release; 0 if it was none's.
    pub release: u64,
    /// The zone's name; empty if it was none's, or not known yet.
    pub zone: Arc<str>,
    /// The stage, or the part of the program outside of stages.
    pub stage: &'static str,
    /// The rule; empty if it was none's.
    pub rule: Box<str>,
}

/// Something that went wrong, as often as it did at this place.
#[derive(Clone, Debug)]
pub struct Incident {
    /// What.
    pub kind: Kind,
    /// Where.
    pub place: Place,
    /// What was said the last time.
    pub text: String,
    /// How often.
    pub count: u64,
    /// When first.
    pub first: Now,
    /// When last.
    pub last: Now,
}

/// A stage that is left out for a zone because it keeps failing there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The zone's name.
    pub zone: Arc<str>,
    /// The stage's name.
    pub stage: &'static str,
    /// Since when.
    pub since: Now,
}

/// One core's.
#[derive(Debug, Default)]
pub struct Incidents(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// What happened last stands last.
    incidents: VecDeque<Incident>,
    left_out: Vec<LeftOut>,
    /// The second in which lines are counted, and how many there were.
    second: Option<(Instant, u32)>,
    unsaid: u64,
}

impl Incidents {
    /// Notes one, and says so in the log.
    #[cold]
    pub fn note(&self, kind: Kind, place: Place, text: String, now: Now) {
        let mut inner = self.0.lock();
        let unsaid = inner.may_say(now.mono);
        let (Place { release, zone, stage, rule }, text_ref) = (&place, &text);
        if let Some(unsaid) = unsaid {
            let what = match kind {
                Kind::Panic => "a panic; it cost one request",
                Kind::Overrun => "a stage used up its time for one request",
            };
            tracing::error!(release, zone = &**zone, stage, rule = &**rule, text = ?text_ref, unsaid, "{what}");
        }
        inner.keep(kind, place, text, now);
    }

    /// Notes that a stage is left out.
    pub fn leave_out(&self, zone: &Arc<str>, stage: &'static str, since: Now) {
        self.0.lock().left_out.push(LeftOut { zone: Arc::clone(zone), stage, since });
    }

    /// Notes that it is tried again.
    pub fn try_again(&self, zone: &str, stage: &str) {
        self.0.lock().left_out.retain(|other| (&*other.zone, other.stage) != (zone, stage));
    }

    /// What is left out on this core.
    #[must_use]
    pub fn left_out(&self) -> Vec<LeftOut> {
        self.0.lock().left_out.clone()
    }
}

/// What happened on all these cores, what happened last first.
#[must_use]
pub fn summed<'a>(cores: impl IntoIterator<Item = &'a Incidents>) -> Vec<Incident> {
    let mut all: Vec<Incident> = Vec::new();
    for core in cores {
        for one in &core.0.lock().incidents {
            match all.iter_mut().find(|other| (other.kind, &other.place) == (one.kind, &one.place)) {
                Some(other) => other.add(one),
                None => all.push(one.clone()),
            }
        }
    }
    all.sort_by_key(|one| std::cmp::Reverse(one.last.mono));
    all
}

impl Incident {
    fn add(&mut self, other: &Self) {
        self.count += other.count;
        if other.first.mono < self.first.mono {
            self.first = other.first;
        }
        if other.last.mono > self.last.mono {
            self.last = other.last;
            self.text.clone_from(&other.text);
        }
    }
}

impl Inner {
    fn keep(&mut self, kind: Kind, place: Place, text: String, now: Now) {
        let known = self.incidents.iter().position(|one| one.kind == kind && one.place == place);
        let before = known.and_then(|index| self.incidents.remove(index));
        if self.incidents.len() == INCIDENTS_MAX {
            self.incidents.pop_front();
        }
        let (first, count) = before.map_or((now, 0), |before| (before.first, before.count));
        self.incidents.push_back(Incident { kind, place, text, count: count + 1, first, last: now });
    }

    /// Whether there may be a line, and how many there were not before it.
    fn may_say(&mut self, now: Instant) -> Option<u64> {
        let second =
            self.second.filter(|(begun, _)| now.saturating_duration_since(*begun) < Duration::from_secs(1));
        let (begun, lines) = second.unwrap_or((now, 0));
        if lines == LINES_PER_S_MAX {
            self.unsaid += 1;
            return None;
        }
        self.second = Some((begun, lines + 1));
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(rule: usize) -> Place {
        Place { release: 1, zone: "shop.test".into(), stage: "waf", rule: rule.to_string().into() }
    }

    #[test]
    fn the_same_place_is_one_incident_on_all_cores_and_the_oldest_makes_room() {
        let cores = [Incidents::default(), Incidents::default()];
        let now = Now::read();
        for round in 0..2 {
            for core in &cores {
                core.note(
                    Kind::Panic,
                    place(0),
                    format!("round {round}"),
                    now.after(Duration::from_secs(round)),
                );
            }
        }
        cores[0].note(Kind::Overrun, place(0), String::new(), now);
        let all = summed(&cores);
        assert_eq!((all.len(), all[0].count, &*all[0].text), (2, 4, "round 1"));
        for rule in 1..INCIDENTS_MAX {
            cores[1].note(Kind::Panic, place(rule), String::new(), now);
        }
        assert_eq!(summed(&cores[1..]).len(), INCIDENTS_MAX);
        cores[1].note(Kind::Panic, place(0), String::new(), now);
        cores[1].note(Kind::Panic, place(INCIDENTS_MAX), String::new(), now);
        let all = summed(&cores[1..]);
        let has = |rule| all.iter().any(|one| one.place == place(rule));
        assert_eq!((all.len(), has(0), has(1), has(INCIDENTS_MAX)), (INCIDENTS_MAX, true, false, true));
    }

    #[test]
    fn lines_are_bounded_and_what_was_not_said_is_counted() {
        let (mut inner, now) = (Inner::default(), Now::mono());
        let said = (0..LINES_PER_S_MAX + 5).filter(|_| inner.may_say(now).is_some()).count();
        assert_eq!(said, 10);
        assert_eq!(inner.may_say(now + Duration::from_secs(1)), Some(5));
        assert_eq!(inner.may_say(now + Duration::from_secs(1)), Some(0));
    }
}
