//! Which rules have matched, for log, metrics and events.

use rempart_features::rulesets::plan::RulePlan;
use rempart_rules::Phase;

/// So many matches of one exchange are remembered.
const MATCHED_MAX: usize = 32;

/// What has matched, wherever it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match<'p> {
    /// The rule's id.
    pub id: &'p str,
    /// What it is called: its `ref`, or its id.
    pub name: &'p str,
    /// What the operator says about it.
    pub description: &'p str,
    /// The ruleset that it stands in: its name, or its id; empty if it stands in none.
    pub ruleset: &'p str,
    /// What it has seen: `http.request.uri.path = "/login"`, say; empty if that is not known.
    pub seen: Box<str>,
    /// What it does.
    pub action: &'static str,
    /// Which product it is of, in the log's words.
    pub source: &'static str,
    /// Whether it has decided about the request.
    pub is_final: bool,
}

/// The matches of one exchange that are security events, in order.
#[derive(Clone, Debug, Default)]
pub struct Matched<'p> {
    list: Vec<Match<'p>>,
    /// The matches that are no security events: names and actions in the words of the API.
    others: Vec<(&'p str, &'static str)>,
    /// In the order of [`ACTIONS`].
    counts: [u16; ACTIONS.len()],
}

/// What rules do, in the words of the API: the labels by which matches are counted.
pub const ACTIONS: [&str; 19] = [
    "allow",
    "block",
    "challenge",
    "compress_response",
    "execute",
    "force_connection_close",
    "js_challenge",
    "log",
    "log_custom_field",
    "managed_challenge",
    "redirect",
    "rewrite",
    "route",
    "serve_error",
    "set_cache_control",
    "set_cache_settings",
    "set_cache_tags",
    "set_config",
    "skip",
];

impl<'p> Matched<'p> {
    /// One more.
    pub fn add(&mut self, found: Match<'p>) {
        // The last is the one that decides.
        if self.list.len() < MATCHED_MAX || found.is_final {
            self.list.push(found);
        }
    }

    /// One that is no security event.
    pub fn note(&mut self, name: &'p str, action: &'static str) {
        if self.others.len() < MATCHED_MAX {
            self.others.push((name, action));
        }
    }

    /// The matches that are no security events, in order: names, and actions in the words of the API.
    pub fn others(&self) -> impl Iterator<Item = (&'p str, &'static str)> {
        self.others.iter().copied()
    }

    /// Counts a match, whether it is an event or not.
    pub fn count(&mut self, action: &str) {
        let place = ACTIONS.binary_search(&action).ok();
        if let Some(count) = place.and_then(|place| self.counts.get_mut(place)) {
            *count = count.saturating_add(1);
        }
    }

    /// How often each of [`ACTIONS`] has matched.
    pub fn counts(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().map(|count| (*count).into())
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Match<'p>] {
        &self.list
    }

    /// The one that has decided about the request.
    #[must_use]
    pub fn decisive(&self) -> Option<&Match<'p>> {
        self.list.iter().rev().find(|found| found.is_final)
    }
}

impl<'p> Match<'p> {
    /// A rule of a ruleset.
    #[must_use]
    pub fn of_rule(rule: &'p RulePlan, phase: Phase, seen: Box<str>) -> Self {
        use rempart_features::rulesets::Action as A;
        let is_final = matches!(
            &rule.action,
            A::Block(_) | A::Challenge(_) | A::Redirect(_) | A::ServeError(_) | A::ForceConnectionClose
        );
        Self {
            id: &rule.id,
            name: &rule.name,
            description: &rule.description,
            ruleset: if rule.ruleset.name.is_empty() { &rule.ruleset.id } else { &rule.ruleset.name },
            seen,
            action: logged(&rule.action),
            source: source(phase),
            is_final,
        }
    }
}

/// What the log calls an action.
const fn logged(action: &rempart_features::rulesets::Action) -> &'static str {
    use rempart_features::rulesets::Action as A;
    use rempart_features::rulesets::plan::Challenge as C;
    match action {
        A::Block(_) => "block",
        A::Challenge(C::Managed) => "managedChallenge",
        A::Challenge(C::Js) => "jschallenge",
        A::Challenge(C::Interactive) => "challenge",
        A::Skip(_) => "skip",
        A::Log => "log",
        A::ForceConnectionClose => "forceConnectionClose",
        A::Rewrite(_) => "rewrite",
        A::Execute { .. }
        | A::Redirect(_)
        | A::Route(_)
        | A::SetConfig(_)
        | A::SetCacheSettings(_)
        | A::SetCacheTags(_)
        | A::SetCacheControl(_)
        | A::CompressResponse(_)
        | A::ServeError(_)
        | A::LogCustomField(_) => "unknown",
    }
}

/// What the log calls the product of a phase.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other phase is a product that the log knows")]
fn source(phase: Phase) -> &'static str {
    match phase {
        Phase::Custom => "firewallCustom",
        Phase::Managed => "firewallManaged",
        Phase::RateLimit | Phase::RateLimitResponse => "rateLimit",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_sorted_so_that_they_can_be_searched() {
        assert!(ACTIONS.is_sorted());
    }

    #[test]
    fn the_one_that_decides_is_remembered_however_many_came_before() {
        let found = |id, is_final| Match {
            id,
            name: id,
            description: "",
            ruleset: "",
            seen: Box::default(),
            action: "log",
            source: "firewallCustom",
            is_final,
        };
        let mut matched = Matched::default();
        for _ in 0..=MATCHED_MAX {
            matched.add(found("log", false));
        }
        assert_eq!((matched.all().len(), matched.decisive()), (MATCHED_MAX, None));
        matched.add(found("block", true));
        assert_eq!(matched.decisive().map(|found| found.id), Some("block"));
    }
}
