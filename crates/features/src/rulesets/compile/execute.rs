//! Rulesets that execute each other: which ones run at all, how their rules differ there, and that none executes
//! itself.

use std::collections::HashMap;
use std::sync::Arc;

use rempart_base::config::{Context, Decode as _, Mark, Problem, Spanned};

use crate::rulesets::config::{
    ActionName, ExecuteParameters, OverridesConfig, RuleConfig, RulesetConfig, RulesetKind,
};
use crate::rulesets::plan::{Action, Challenge};

use super::actions::not_built;
use super::values::contradiction;
use super::{Act, Draft, EXECUTE_DEPTH_MAX, phases};

/// How the rules of a ruleset differ where it is executed.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    all: Override,
    categories: Vec<(String, Override)>,
    rules: HashMap<String, Override>,
}

/// How a rule differs.
#[derive(Clone, Debug, Default)]
pub(super) struct Override {
    pub(super) action: Option<Action>,
    pub(super) enabled: Option<bool>,
}

impl Overrides {
    /// What is said of this rule: what stands closer to it counts.
    pub(super) fn of(&self, config: &RuleConfig, id: &str) -> Override {
        let mut found = self.all.clone();
        let mut lay = |over: &Override| {
            found.action = over.action.clone().or_else(|| found.action.clone());
            found.enabled = over.enabled.or(found.enabled);
        };
        for (category, over) in &self.categories {
            if config.categories.iter().any(|own| own.0 == *category) {
                lay(over);
            }
        }
        let by_ref = config.r#ref.as_ref().and_then(|own| self.rules.get(&own.value.0));
        if let Some(over) = self.rules.get(id).or(by_ref) {
            lay(over);
        }
        found
    }

    /// The rules that are named.
    pub(super) fn named(&self) -> impl Iterator<Item = &str> {
        self.rules.keys().map(String::as_str)
    }
}

/// Rulesets of kind `custom` by their ids and names.
pub(super) fn index(drafts: &[Draft<'_>]) -> HashMap<Box<str>, usize> {
    let mut index = HashMap::new();
    for (i, draft) in drafts.iter().enumerate() {
        index.insert(draft.name.id.clone(), i);
    }
    let custom = drafts.iter().enumerate().filter(|(_, draft)| draft.kind == RulesetKind::Custom);
    for (i, draft) in custom.filter(|(_, draft)| !draft.name.name.is_empty()) {
        index.entry(draft.name.name.clone()).or_insert(i);
    }
    index
}

/// What an `execute` rule does.
pub(super) fn act(
    parameters: &ExecuteParameters,
    index: &HashMap<Box<str>, usize>,
    cx: &mut Context,
) -> Option<Act> {
    not_built(parameters.matched_data.as_ref(), "matched_data", cx)?;
    let id = &parameters.id;
    let Some(target) = index.get(id.value.0.as_str()) else {
        let message = format!("there is no ruleset with the id or the name `{}`", id.value.0);
        let action = "Add it with `kind: custom`; managed rulesets are not built yet.";
        cx.in_key("id", |cx| cx.error(id.mark, Problem::new("ruleset-unknown", message, action)));
        return None;
    };
    let overrides = match &parameters.overrides {
        Some(config) => cx.in_key("overrides", |cx| overrides(config, cx))?,
        None => Overrides::default(),
    };
    Some(Act::Execute(*target, Arc::new(overrides)))
}

fn overrides(config: &OverridesConfig, cx: &mut Context) -> Option<Overrides> {
    let before = cx.found();
    let _ = not_built(config.sensitivity_level.as_ref(), "sensitivity_level", cx);
    let mut found =
        Overrides { all: over(config.action.as_ref(), config.enabled, cx), ..Overrides::default() };
    cx.in_key("categories", |cx| {
        for own in &config.categories {
            cx.in_item(own.item, |cx| {
                let _ = not_built(own.value.sensitivity_level.as_ref(), "sensitivity_level", cx);
                let over = over(own.value.action.as_ref(), own.value.enabled, cx);
                found.categories.push((own.value.category.0.clone(), over));
            });
        }
    });
    cx.in_key("rules", |cx| {
        for own in &config.rules {
            cx.in_item(own.item, |cx| {
                let _ = not_built(own.value.sensitivity_level.as_ref(), "sensitivity_level", cx);
                let _ = not_built(own.value.score_threshold.as_ref(), "score_threshold", cx);
                let over = over(own.value.action.as_ref(), own.value.enabled, cx);
                found.rules.insert(own.value.id.value.0.clone(), over);
            });
        }
    });
    (cx.found() == before).then_some(found)
}

/// What a rule can do instead: what needs no parameters.
fn over(action: Option<&Spanned<ActionName>>, enabled: Option<bool>, cx: &mut Context) -> Override {
    let action = action.and_then(|action| {
        let known = [
            (ActionName::Block, Action::Block(None)),
            (ActionName::Log, Action::Log),
            (ActionName::Challenge, Action::Challenge(Challenge::Interactive)),
            (ActionName::JsChallenge, Action::Challenge(Challenge::Js)),
            (ActionName::ManagedChallenge, Action::Challenge(Challenge::Managed)),
        ];
        let instead = known.into_iter().find(|(name, _)| *name == action.value).map(|(_, action)| action);
        if instead.is_none() {
            let message = format!("`{}` is nothing that a rule can do instead", phases::name(action.value));
            let problem = contradiction(message, "Choose another action.");
            let problem =
                problem.expecting("one of `block`, `challenge`, `js_challenge`, `log`, `managed_challenge`");
            cx.in_key("action", |cx| cx.error(action.mark, problem));
        }
        instead
    });
    Override { action, enabled }
}

/// Which rulesets run.
pub(super) struct Uses(Vec<Use>);

/// Whether, and how, a ruleset runs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Use {
    is_executed: bool,
    /// Where it runs, rules that are switched off may be switched on.
    switches_on: bool,
}

impl Use {
    pub(super) const fn is_executed(self) -> bool {
        self.is_executed
    }

    /// Whether a rule of it can run.
    pub(super) const fn runs(self, enabled: bool) -> bool {
        self.is_executed && (enabled || self.switches_on)
    }
}

impl Uses {
    pub(super) fn of(&self, ruleset: usize) -> Use {
        self.0.get(ruleset).copied().unwrap_or_default()
    }
}

/// One ruleset that another executes.
struct Edge {
    to: usize,
    /// Where that is written: the items of the ruleset and of the rule, and the id.
    place: (usize, usize),
    mark: Mark,
    switches_on: bool,
}

/// Which rulesets run. One that executes itself, by whatever way, is reported, and so is a chain that is too long.
pub(super) fn uses(drafts: &[Draft<'_>], cx: &mut Context) -> Uses {
    let index = index(drafts);
    let edges: Vec<Vec<Edge>> = drafts.iter().map(|draft| edges(draft.config, &index)).collect();
    let mut search = Search {
        drafts,
        edges: &edges,
        states: vec![State::New; drafts.len()],
        uses: vec![Use::default(); drafts.len()],
        cx,
    };
    for (i, draft) in drafts.iter().enumerate() {
        if draft.kind != RulesetKind::Custom && draft.phase.is_some() {
            search.visit(i);
            if let Some(own) = search.uses.get_mut(i) {
                own.is_executed = true;
            }
        }
    }
    // A loop that nothing enters is a mistake all the same.
    let reached = search.uses.clone();
    for i in 0..drafts.len() {
        search.visit(i);
    }
    Uses(reached)
}

/// What a ruleset executes, as far as it can be read: what cannot is reported with its rule.
fn edges(config: &Spanned<RulesetConfig>, index: &HashMap<Box<str>, usize>) -> Vec<Edge> {
    let edge = |rule: &Spanned<RuleConfig>| {
        let is_execute = rule.value.action.value == ActionName::Execute;
        let node = &rule.value.action_parameters.as_ref().filter(|_| is_execute)?.node;
        let parameters = ExecuteParameters::decode(node, &mut Context::new("".into()))?;
        let switches_on = parameters.overrides.as_ref().is_some_and(|overrides| {
            let categories = overrides.categories.iter().map(|own| own.value.enabled);
            let rules = overrides.rules.iter().map(|own| own.value.enabled);
            std::iter::once(overrides.enabled).chain(categories).chain(rules).any(|own| own == Some(true))
        });
        let to = *index.get(parameters.id.value.0.as_str())?;
        Some(Edge { to, place: (config.item, rule.item), mark: parameters.id.mark, switches_on })
    };
    config.value.rules.iter().filter_map(edge).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// Being visited: whoever comes to it again has found a loop.
    Open,
    /// With so many rulesets below it.
    Done(usize),
}

struct Search<'a, 'c> {
    drafts: &'a [Draft<'c>],
    edges: &'a [Vec<Edge>],
    states: Vec<State>,
    uses: Vec<Use>,
    cx: &'a mut Context,
}

impl Search<'_, '_> {
    /// How many rulesets execute each other from this one on. The recursion is as deep as there are rulesets, which
    /// are bounded.
    fn visit(&mut self, ruleset: usize) -> usize {
        match self.states.get(ruleset) {
            Some(State::Done(depth)) => return *depth,
            Some(State::New) => {}
            Some(State::Open) | None => return 0,
        }
        self.set(ruleset, State::Open);
        let mut depth = 0;
        for edge in self.edges.get(ruleset).map(Vec::as_slice).unwrap_or_default() {
            if self.states.get(edge.to) == Some(&State::Open) {
                self.report_loop(edge);
                continue;
            }
            if let Some(own) = self.uses.get_mut(edge.to) {
                own.is_executed = true;
                own.switches_on |= edge.switches_on;
            }
            let below = 1 + self.visit(edge.to);
            if below > EXECUTE_DEPTH_MAX && depth <= EXECUTE_DEPTH_MAX {
                let message =
                    format!("more than {EXECUTE_DEPTH_MAX} rulesets execute each other from here on");
                self.report(edge, Problem::new("ruleset-loop", message, "Execute fewer of them."));
            }
            depth = depth.max(below);
        }
        // Who is too deep has said so: those above need not.
        let depth = if depth > EXECUTE_DEPTH_MAX { 0 } else { depth };
        self.set(ruleset, State::Done(depth));
        depth
    }

    fn set(&mut self, ruleset: usize, state: State) {
        if let Some(own) = self.states.get_mut(ruleset) {
            *own = state;
        }
    }

    fn report_loop(&mut self, edge: &Edge) {
        let name = self.drafts.get(edge.to).map_or("", |draft| match &*draft.name.name {
            "" => &draft.name.id,
            name => name,
        });
        let message = format!("the ruleset `{name}` would execute itself");
        self.report(edge, Problem::new("ruleset-loop", message, "Remove this rule."));
    }

    fn report(&mut self, edge: &Edge, problem: Problem) {
        let (ruleset, rule) = edge.place;
        let mark = edge.mark;
        self.cx.in_item(ruleset, |cx| {
            cx.in_key("rules", |cx| {
                cx.in_item(rule, |cx| {
                    cx.in_key("action_parameters", |cx| cx.in_key("id", |cx| cx.error(mark, problem)));
                });
            });
        });
    }
}
