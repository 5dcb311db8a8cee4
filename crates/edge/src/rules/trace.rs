//! What rules do to one request, step by step: for `rempart rules test`. An edge traces nothing.

mod cost;
mod words;

use std::sync::mpsc::Sender;

use rempart_features::lists::ListSet;
use rempart_features::rulesets::plan::{Action, PhasePlan, RulePlan};
use rempart_features::rulesets::{Asked, Effects, Next};
use rempart_rules::explain::{Explained, Explainer};
use rempart_rules::{Fields, Filter, FilterId, Scope};

use super::acting::Acting;
use super::matched::Match;

pub use self::cost::Cost;

/// Where the steps go.
#[derive(Debug)]
pub struct Trace(Sender<Step>);

/// A step of a request on its way through the rules.
#[derive(Clone, Debug)]
pub enum Step {
    /// The rules of a phase begin, of the account or of the zone.
    Phase(PhaseStep),
    /// A rule of it was looked at.
    Rule(Box<RuleStep>),
    /// Something else has decided about the request: an access rule, hotlink protection.
    Found(FoundStep),
    /// Something has happened to it on the way.
    Note(String),
}

/// The rules of a phase begin.
#[derive(Clone, Debug)]
pub struct PhaseStep {
    /// Its name.
    pub phase: &'static str,
    /// Whether they are the account's.
    pub is_account: bool,
    /// How many rules it has.
    pub rules: usize,
    /// What it cost to find out which of them can match at all.
    pub cost: Cost,
}

/// A rule was looked at.
#[derive(Clone, Debug)]
pub struct RuleStep {
    /// Its `ref`, or its id.
    pub name: String,
    /// Its id.
    pub id: String,
    /// What the operator says about it.
    pub description: String,
    /// The ruleset that it stands in: its name, or its id.
    pub ruleset: String,
    /// What it does, in the words of the API.
    pub action: &'static str,
    /// Its expression, as it is written.
    pub expression: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Why; `None`: it was not asked, or cannot be told.
    pub why: Option<Explained>,
    /// What it has done.
    pub effects: Vec<String>,
    /// What asking it cost.
    pub cost: Cost,
}

/// What became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its expression is true.
    Matched,
    /// It is not.
    NotMatched,
    /// It would cost too much, and counts as not matching.
    OverBudget,
    /// It would cost too much, and refuses the request.
    Refused,
    /// An earlier rule has left it out.
    LeftOut,
}

/// Something else has decided about the request.
#[derive(Clone, Debug)]
pub struct FoundStep {
    /// Which product, in the log's words.
    pub source: &'static str,
    /// Its id.
    pub id: String,
    /// What the operator says about it.
    pub description: String,
    /// What it goes by, and what that is.
    pub seen: String,
    /// What it does, in the log's words.
    pub action: &'static str,
}

impl Trace {
    /// One whose steps go there.
    #[must_use]
    pub const fn new(to: Sender<Step>) -> Self {
        Self(to)
    }

    /// Something else than a rule of a ruleset has decided.
    pub(crate) fn found(&self, found: &Match<'_>) {
        self.step(Step::Found(FoundStep {
            source: found.source,
            id: found.id.to_owned(),
            description: found.description.to_owned(),
            seen: found.seen.to_string(),
            action: found.action,
        }));
    }

    /// Something has happened to the request on the way.
    pub(crate) fn note(&self, text: &str) {
        self.step(Step::Note(text.to_owned()));
    }

    fn step(&self, step: Step) {
        // Nobody listens any more.
        let _ = self.0.send(step);
    }

    /// The rules of a phase begin.
    pub(super) fn phase(&self, plan: &PhasePlan, is_account: bool, fields: &dyn Fields) {
        let cost = cost::of_beginning(plan, fields);
        let (phase, rules) = (plan.phase.name(), plan.rules.len());
        self.step(Step::Phase(PhaseStep { phase, is_account, rules, cost }));
    }
}

/// The effects of a walk, and the tale of them.
pub(super) struct Traced<'t, 'w, 'p, 'r, 's> {
    pub(super) acting: Acting<'w, 'p, 'r, 's>,
    pub(super) trace: &'t Trace,
    pub(super) plan: &'p PhasePlan,
    pub(super) lists: &'t ListSet,
    pub(super) fields: &'t dyn Fields,
    pub(super) under_way: Option<(&'p RulePlan, Box<RuleStep>)>,
}

impl Traced<'_, '_, '_, '_, '_> {
    /// Tells of the rule that was begun last.
    pub(super) fn finish(&mut self) {
        if let Some((_, step)) = self.under_way.take() {
            self.trace.step(Step::Rule(step));
        }
    }

    fn explain(&self, rule: &RulePlan) -> Option<Explained> {
        let scope = Scope { phase: self.plan.phase, lists: self.lists };
        let filter = Filter::parse(&rule.expression, scope).ok()?;
        Explainer::new(&filter, self.lists).ok()?.explain(self.fields).ok()
    }
}

impl<'p> Effects<'p> for Traced<'_, '_, 'p, '_, '_> {
    fn begin(&mut self, rule: &'p RulePlan) {
        self.finish();
        self.under_way = Some((rule, Box::new(RuleStep::of(rule))));
        self.acting.begin(rule);
    }

    fn holds(&mut self, filter: FilterId) -> Asked {
        let (steps, over_budget) = (self.acting.run.steps(), self.acting.outcome.over_budget.len());
        let asked = self.acting.holds(filter);
        let steps = self.acting.run.steps() - steps;
        let is_over_budget = self.acting.outcome.over_budget.len() > over_budget;
        let why = self.under_way.as_ref().and_then(|(rule, _)| self.explain(rule));
        if let Some((_, step)) = &mut self.under_way {
            step.verdict = match asked {
                Asked::Stop => Verdict::Refused,
                _ if is_over_budget => Verdict::OverBudget,
                Asked::Yes => Verdict::Matched,
                Asked::No | Asked::NeedsBody => Verdict::NotMatched,
            };
            step.why = why;
            step.cost = Cost { steps, ns: cost::of_filter(self.plan, filter, self.fields) };
        }
        if asked == Asked::NeedsBody {
            // It is asked again.
            self.under_way = None;
        }
        asked
    }

    fn act(&mut self, rule: &'p RulePlan) -> Next {
        let changes = self.acting.outcome.changes.len();
        let next = self.acting.act(rule);
        if let Some((_, step)) = &mut self.under_way {
            let made = self.acting.outcome.changes.get(changes..).unwrap_or_default();
            step.effects.extend(made.iter().map(words::change));
            if let Some(fault) = self.acting.outcome.fault {
                step.effects.push(words::refused(fault));
            } else if next == Next::Stop {
                step.effects.extend(self.acting.outcome.reply.as_deref().map(words::reply));
            } else if made.is_empty() && next == Next::Continue {
                step.effects.push(words::nothing(&rule.action).to_owned());
            }
        }
        if next == Next::NeedsBody {
            self.under_way = None;
        }
        next
    }

    fn matched(&mut self, rule: &'p RulePlan) {
        if let (Some((_, step)), Action::Execute { .. } | Action::Skip(_) | Action::Log) =
            (&mut self.under_way, &rule.action)
        {
            step.effects.push(words::walk(&rule.action));
        }
        self.acting.matched(rule);
    }

    fn is_enough(&self) -> bool {
        self.acting.is_enough()
    }
}

impl RuleStep {
    fn of(rule: &RulePlan) -> Self {
        let ruleset = &rule.ruleset;
        Self {
            name: rule.name.to_string(),
            id: rule.id.to_string(),
            description: rule.description.to_string(),
            ruleset: if ruleset.name.is_empty() { &ruleset.id } else { &ruleset.name }.to_string(),
            action: rule.action.name(),
            expression: rule.expression.to_string(),
            verdict: Verdict::LeftOut,
            why: None,
            effects: Vec::new(),
            cost: Cost::default(),
        }
    }
}
