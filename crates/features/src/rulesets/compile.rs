//! From rulesets as they are written to [`Rulesets`].

mod actions;
mod cache;
mod execute;
mod flatten;
mod headers;
mod ids;
mod lint;
mod literal;
mod phases;
mod settings;
mod values;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rempart_base::config::{Context, Mark, Problem, Spanned};
use rempart_cache::plan::Origins;
use rempart_rules::{Phase, ProgramBuilder};

use crate::assets::Assets;
use crate::lists::ListSet;

use super::config::{PhaseName, RuleConfig, RulesetConfig, RulesetKind};
use super::plan::{Action, Level, PhasePlan, RulesetName, Rulesets, by_filter};

use actions::Maker;
use execute::Overrides;

/// Rules of the account, or of a zone, in all. Also the rules of one phase, those of executed rulesets each time
/// that they are executed.
pub const RULES_MAX: usize = 10_000;
/// Rulesets of the account, or of a zone.
pub const RULESETS_MAX: usize = 1_000;
/// Rulesets that execute each other.
pub const EXECUTE_DEPTH_MAX: usize = 8;
/// The longest description of a rule, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 4_096;

/// Whose rulesets are compiled, and what they may speak of.
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    /// Whose they are.
    pub level: Level,
    /// The zone's name; empty for the account. Ids are made with it.
    pub owner: &'a str,
    /// Lists.
    pub lists: &'a ListSet,
    /// Bodies for `serve_error`.
    pub assets: &'a Assets,
    /// What the key of the cache may depend on.
    pub origins: Origins<'a>,
    /// The account's rulesets, for a zone.
    pub account: Option<&'a Rulesets>,
}

/// Compiles the rulesets of the account or of a zone. What is wrong is reported; then the result means nothing.
pub fn compile(configs: &[Spanned<RulesetConfig>], bench: &Bench<'_>, cx: &mut Context) -> Rulesets {
    check_count(configs, cx);
    let mut drafts = drafts(configs, bench, cx);
    if cx.has_errors() && drafts.iter().all(|draft| draft.phase.is_none()) {
        return Rulesets::default();
    }
    let uses = execute::uses(&drafts, cx);
    let mut phases: Vec<Option<PhasePlan>> = Vec::new();
    for phase in Phase::ALL {
        let plan = phase_plan(phase, &mut drafts, &uses, bench, cx);
        phases.push(plan);
    }
    warn_of_unused(&drafts, &uses, cx);
    let names = drafts.iter().map(|draft| Arc::clone(&draft.name)).collect();
    Rulesets::new(phases.into(), names, bench.lists.clone())
}

/// A ruleset on its way.
struct Draft<'c> {
    config: &'c Spanned<RulesetConfig>,
    /// `None`: nothing runs there yet, which has been reported.
    phase: Option<Phase>,
    kind: RulesetKind,
    name: Arc<RulesetName>,
    rules: Vec<RuleDraft<'c>>,
}

/// A rule on its way.
struct RuleDraft<'c> {
    config: &'c Spanned<RuleConfig>,
    id: Arc<str>,
    made: Option<Made>,
}

/// A rule of whose phase the program knows.
struct Made {
    filter: rempart_rules::FilterId,
    /// Why it is true of every request, if that is not what it looks like.
    always: Option<Box<str>>,
    act: Act,
}

/// What a rule does.
enum Act {
    /// Something that is ready.
    Ready(Action),
    /// Another ruleset, by its index.
    Execute(usize, Arc<Overrides>),
}

fn drafts<'c>(configs: &'c [Spanned<RulesetConfig>], bench: &Bench<'_>, cx: &mut Context) -> Vec<Draft<'c>> {
    let mut drafts: Vec<Draft<'c>> = Vec::new();
    for config in configs {
        cx.in_item(config.item, |cx| {
            let draft = draft(config, bench, cx);
            check_duplicate(&draft, &drafts, cx);
            warn_of_namesakes(&draft, cx);
            drafts.push(draft);
        });
    }
    drafts
}

fn draft<'c>(config: &'c Spanned<RulesetConfig>, bench: &Bench<'_>, cx: &mut Context) -> Draft<'c> {
    let RulesetConfig { phase, name, kind, id, rules, .. } = &config.value;
    let own = if bench.level == Level::Zone { RulesetKind::Zone } else { RulesetKind::Root };
    let kind_is = kind.as_ref().map_or(own, |kind| kind.value);
    if let Some(problem) = wrong_kind(kind_is, own) {
        let mark = kind.as_ref().map_or(config.mark, |kind| kind.mark);
        cx.in_key("kind", |cx| cx.error(mark, problem));
    }
    let name = name.as_ref().map_or("", |name| &name.value.0);
    let id = match id {
        Some(id) => id.value.0.clone(),
        None => ids::ruleset(bench.owner, phase.value.name(), kind_is, name),
    };
    let rules = ids::Ids::of(bench.owner, &id).rules(rules);
    Draft {
        config,
        phase: cx.in_key("phase", |cx| phases::check(phase, cx)),
        kind: kind_is,
        name: Arc::new(RulesetName { id: id.into(), name: name.into(), level: bench.level }),
        rules,
    }
}

fn wrong_kind(kind: RulesetKind, own: RulesetKind) -> Option<Problem> {
    let (zone, account) = (RulesetKind::Zone, RulesetKind::Root);
    match kind {
        RulesetKind::Managed => {
            let message = "managed rulesets are not built yet: there are none that could be written here";
            Some(Problem::new("rule-not-built", message, "Write its rules as a ruleset of kind `custom`."))
        }
        RulesetKind::Custom => None,
        kind if kind == own => None,
        RulesetKind::Zone | RulesetKind::Root => {
            let message = format!(
                "a ruleset of this kind cannot stand here; {}",
                match own == zone {
                    true => "`root` is for `account.rulesets`",
                    false => "`zone` is for `zones[].rulesets`",
                }
            );
            let own = if own == account { "root" } else { "zone" };
            let problem = Problem::new("ruleset-kind", message, format!("Write `{own}` or `custom`."));
            Some(problem)
        }
    }
}

/// One ruleset of a phase is its beginning, and names tell rulesets apart.
fn check_duplicate(draft: &Draft<'_>, before: &[Draft<'_>], cx: &mut Context) {
    let RulesetConfig { phase, name, id, .. } = &draft.config.value;
    let is_entry = draft.kind != RulesetKind::Custom;
    let same = |other: &&Draft<'_>| {
        is_entry && other.kind != RulesetKind::Custom && other.phase.is_some() && other.phase == draft.phase
    };
    if let Some(other) = before.iter().find(same) {
        let message = format!(
            "the phase `{}` has its list of rules already, in line {}",
            phase.value.name(),
            other.config.mark.line
        );
        let action = "Write the rules into one list, or make this ruleset `kind: custom` and execute it.";
        cx.in_key("phase", |cx| cx.error(phase.mark, Problem::new("ruleset-duplicate", message, action)));
    }
    if let Some(id) = id.as_ref().filter(|_| before.iter().any(|other| other.name.id == draft.name.id)) {
        let message = format!("there are two rulesets with the id `{}`", draft.name.id);
        let problem = Problem::new("ruleset-duplicate", message, "Give one of them another id.");
        cx.in_key("id", |cx| cx.error(id.mark, problem));
    }
    let is_same_name = |other: &Draft<'_>| other.kind == draft.kind && other.name.name == draft.name.name;
    let is_custom = draft.kind == RulesetKind::Custom;
    if let Some(name) = name.as_ref().filter(|_| is_custom && before.iter().any(is_same_name)) {
        let message = format!("there are two rulesets of the name `{}`", draft.name.name);
        let problem = Problem::new("ruleset-duplicate", message, "Give one of them another name.");
        cx.in_key("name", |cx| cx.error(name.mark, problem));
    }
    if is_custom && name.is_none() && id.is_none() {
        let problem = Problem::new(
            "missing-key",
            "a ruleset of kind `custom` has neither `name` nor `id`: nobody could execute it",
            "Add `name:`.",
        );
        cx.in_key("name", |cx| cx.error(draft.config.mark, problem));
    }
}

/// Two rules of one name: whoever overrides it, skips it or looks it up in the log means both.
fn warn_of_namesakes(draft: &Draft<'_>, cx: &mut Context) {
    let mut seen = HashSet::new();
    cx.in_key("rules", |cx| {
        for rule in draft.config.value.rules.iter() {
            let RuleConfig { r#ref, id, .. } = &rule.value;
            for (key, name) in [("ref", r#ref), ("id", id)] {
                let Some(name) = name else { continue };
                if !seen.insert((key, &name.value.0)) {
                    let message = format!("there are two rules with the {key} `{}`", name.value.0);
                    let problem = Problem::new("ruleset-duplicate", message, "Give one of them another.");
                    cx.in_item(rule.item, |cx| cx.in_key(key, |cx| cx.warning(name.mark, problem)));
                }
            }
        }
    });
}

fn check_count(configs: &[Spanned<RulesetConfig>], cx: &mut Context) {
    if let Some(one) = configs.get(RULESETS_MAX) {
        let message = format!("there are more than {RULESETS_MAX} rulesets");
        cx.in_item(one.item, |cx| cx.error(one.mark, limit(message)));
    }
    let mut count = 0;
    for config in configs {
        let before = count;
        count += config.value.rules.len();
        if let Some(rule) =
            (before <= RULES_MAX).then(|| config.value.rules.get(RULES_MAX - before)).flatten()
        {
            let message = format!("this is rule number {} of at most {RULES_MAX}", RULES_MAX + 1);
            let problem = limit(message).expecting(format!("at most {RULES_MAX} rules in all rulesets"));
            cx.in_item(config.item, |cx| {
                cx.in_key("rules", |cx| cx.in_item(rule.item, |cx| cx.error(rule.mark, problem)));
            });
        }
    }
}

fn limit(message: String) -> Problem {
    Problem::new("rule-limit", message, "Remove some.")
}

/// Makes the rules of a phase, and puts them in their row.
fn phase_plan(
    phase: Phase,
    drafts: &mut [Draft<'_>],
    uses: &execute::Uses,
    bench: &Bench<'_>,
    cx: &mut Context,
) -> Option<PhasePlan> {
    let mut builder = ProgramBuilder::new(bench.lists);
    // What nothing asks for is checked all the same, and goes into no program.
    let mut unused = ProgramBuilder::new(bench.lists);
    let index: HashMap<Box<str>, usize> = execute::index(drafts);
    let mut entry = None;
    for (i, draft) in drafts.iter_mut().enumerate() {
        if draft.phase != Some(phase) {
            continue;
        }
        if draft.kind != RulesetKind::Custom {
            entry = Some(i);
        }
        let place = (draft.config.item, uses.of(i));
        make_rules(draft, place, (&mut builder, &mut unused), &index, bench, cx);
    }
    // Rules of the account may let some visitors pass by the zone's.
    let is_first = bench.account.is_none_or(|account| account.names().next().is_none());
    let rules = flatten::row(entry?, drafts, is_first, cx);
    if rules.is_empty() || cx.has_errors() {
        return None;
    }
    let program = match builder.build() {
        Ok(program) => program,
        Err(error) => {
            let mark = entry.and_then(|i| drafts.get(i)).map_or(Mark::START, |draft| draft.config.mark);
            let message = format!("the rules of `{}` are too much for one program: {error}", phase.name());
            cx.error(mark, limit(message));
            return None;
        }
    };
    Some(PhasePlan { phase, program, by_filter: by_filter(&rules), rules })
}

fn make_rules<'b>(
    draft: &mut Draft<'_>,
    (item, uses): (usize, execute::Use),
    (builder, unused): (&mut ProgramBuilder<'b>, &mut ProgramBuilder<'b>),
    index: &HashMap<Box<str>, usize>,
    bench: &Bench<'_>,
    cx: &mut Context,
) {
    let Some(phase) = draft.phase else { return };
    cx.in_item(item, |cx| {
        cx.in_key("rules", |cx| {
            for rule in &mut draft.rules {
                let is_used = uses.runs(rule.config.value.enabled);
                let builder = if is_used { &mut *builder } else { &mut *unused };
                let mut maker = Maker::new(phase, builder, index, bench);
                rule.made = cx.in_item(rule.config.item, |cx| maker.rule(&rule.config.value, cx));
            }
        });
    });
}

fn warn_of_unused(drafts: &[Draft<'_>], uses: &execute::Uses, cx: &mut Context) {
    for (i, draft) in drafts.iter().enumerate() {
        let can_be = draft.config.value.name.is_some() || draft.config.value.id.is_some();
        if draft.phase.is_some() && can_be && !uses.of(i).is_executed() {
            let message = format!("no rule executes the ruleset `{}`", draft.name.name);
            let action = "Execute it by a rule of its phase, or remove it.";
            let problem = Problem::new("ruleset-unused", message, action);
            cx.in_item(draft.config.item, |cx| cx.warning(draft.config.mark, problem));
        }
    }
}

/// A phase that a rule names.
fn phase_of(name: PhaseName) -> Option<Phase> {
    match name {
        PhaseName::Http(phase) => Some(phase),
        PhaseName::Network(_) => None,
    }
}
