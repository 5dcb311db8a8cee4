//! What the edge runs on: rules with everything ready that can be made ready.
//!
//! The rules of a phase stand in one row, in the order in which they are looked at: the rules of a ruleset that
//! another executes stand behind the rule that executes it. So a walk needs no stack: who does not enter a ruleset,
//! or leaves it early, goes on behind its last rule.

mod action;
mod cache;
mod headers;
mod settings;
mod skip;

use std::sync::Arc;

use rempart_rules::{FilterId, Phase, Program};

use crate::lists::ListSet;

pub use action::{
    Action, Algorithm, Challenge, ContentType, LogFields, LoggedField, Redirect, Reply, Rewrite, Route, Text,
};
pub use cache::{
    CacheControlChange, CacheOverride, Change, Directive, Set, SetCacheTags, Tags, TagsOperation,
};
pub use headers::{HeaderAct, HeaderChange};
pub use settings::{Buffering, SecurityLevel, SetConfig};
pub use skip::{PhaseSet, Product, Products, Skip, SkippedRules};

/// The rulesets of a zone, or of the account.
#[derive(Debug, Default)]
pub struct Rulesets {
    /// By `Phase as usize`; `None`: nothing to do.
    phases: Box<[Option<PhasePlan>]>,
    /// The phases in which something happens.
    present: PhaseSet,
    /// Every ruleset, those that nothing executes among them.
    names: Box<[Arc<RulesetName>]>,
    /// The lists that they may speak of.
    lists: ListSet,
}

/// What happens in one phase.
#[derive(Debug)]
pub struct PhasePlan {
    /// Which.
    pub phase: Phase,
    /// Every filter and value of these rules.
    pub program: Program,
    /// Never empty. Rules that are switched off are not here.
    pub rules: Box<[RulePlan]>,
    /// By the number of a filter, the first rule in the row that has this filter or a later one; where rules stand in
    /// the order of their filters and none executes others.
    pub(crate) by_filter: Option<Box<[u32]>>,
}

/// See [`PhasePlan::by_filter`].
pub(crate) fn by_filter(rules: &[RulePlan]) -> Option<Box<[u32]>> {
    let is_entered = rules.iter().any(|rule| matches!(rule.action, Action::Execute { .. }));
    if is_entered || !rules.is_sorted_by_key(|rule| rule.filter) {
        return None;
    }
    let mut positions = Vec::new();
    for (position, rule) in rules.iter().enumerate() {
        let filters = rule.filter.0 as usize + 1;
        if filters > positions.len() {
            positions.resize(filters, u32::try_from(position).ok()?);
        }
    }
    Some(positions.into())
}

/// One rule.
#[derive(Debug)]
pub struct RulePlan {
    /// What it is called in logs and events: its `ref`, or its id where it has none.
    pub name: Arc<str>,
    /// 32 hex digits, or what the operator wrote.
    pub id: Arc<str>,
    /// What the operator says about it; may be empty.
    pub description: Arc<str>,
    /// Where it stands.
    pub ruleset: Arc<RulesetName>,
    /// Its expression, as it is written.
    pub expression: Arc<str>,
    /// The same, compiled.
    pub filter: FilterId,
    /// What it does.
    pub action: Action,
    /// Whether a match is a security event. Only what decides about a request makes events.
    pub logs: bool,
    /// Its place in [`PhasePlan::rules`].
    pub index: u32,
    /// The index behind the last rule of its ruleset.
    pub(crate) ruleset_end: u32,
}

/// What a ruleset is called.
#[derive(Debug, PartialEq, Eq)]
pub struct RulesetName {
    /// 32 hex digits, or what the operator wrote.
    pub id: Box<str>,
    /// May be empty.
    pub name: Box<str>,
    /// Whose it is.
    pub level: Level,
}

impl RulesetName {
    /// Whether an operator may mean it by this.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        *self.id == *name || *self.name == *name
    }
}

/// Whose something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// The account's: it is for every zone, and comes first.
    Account,
    /// A zone's.
    Zone,
}

impl Rulesets {
    pub(super) fn new(
        phases: Box<[Option<PhasePlan>]>,
        names: Box<[Arc<RulesetName>]>,
        lists: ListSet,
    ) -> Self {
        let present = phases.iter().flatten().fold(PhaseSet::NONE, |set, plan| set.with(plan.phase));
        Self { phases, present, names, lists }
    }

    /// What happens in a phase; `None`: nothing.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> Option<&PhasePlan> {
        self.phases.get(phase as usize)?.as_ref()
    }

    /// Every phase in which something happens, in order.
    pub fn phases(&self) -> impl Iterator<Item = &PhasePlan> {
        self.phases.iter().flatten()
    }

    /// The phases in which something happens.
    #[must_use]
    pub const fn present(&self) -> PhaseSet {
        self.present
    }

    /// The lists that they may speak of: who explains a rule reads its expression again.
    #[must_use]
    pub const fn lists(&self) -> &ListSet {
        &self.lists
    }

    /// Every ruleset.
    pub fn names(&self) -> impl Iterator<Item = &RulesetName> {
        self.names.iter().map(|name| &**name)
    }
}
