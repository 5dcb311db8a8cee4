//! The rules of a phase in one row.

use std::sync::Arc;

use rempart_base::config::{Context, Problem};
use rempart_rules::FilterId;

use crate::rulesets::config::RuleConfig;
use crate::rulesets::plan::{Action, RulePlan};

use super::execute::Overrides;
use super::{Act, Draft, EXECUTE_DEPTH_MAX, RULES_MAX, RuleDraft, limit, lint};

/// The rules of a phase that begins with this ruleset. Nothing in it means anything if something has been reported.
/// `is_first`: no rule has seen a request before these.
pub(super) fn row(entry: usize, drafts: &[Draft<'_>], is_first: bool, cx: &mut Context) -> Box<[RulePlan]> {
    let mut row = Row { drafts, rules: Vec::new(), is_too_long: false, has_skip: !is_first, cx };
    row.ruleset(entry, None, 0);
    if row.is_too_long {
        // Who has too many rules of its own has been told so.
        let entry = drafts.get(entry).filter(|draft| draft.rules.len() <= RULES_MAX);
        if let Some((item, mark)) = entry.map(|draft| (draft.config.item, draft.config.mark)) {
            let message =
                format!("with the rulesets that it executes it comes to more than {RULES_MAX} rules");
            cx.in_item(item, |cx| cx.error(mark, limit(message)));
        }
        return Box::default();
    }
    row.rules.into()
}

struct Row<'a, 'c> {
    drafts: &'a [Draft<'c>],
    rules: Vec<RulePlan>,
    is_too_long: bool,
    /// Whether some requests may not come as far as the next rule.
    has_skip: bool,
    cx: &'a mut Context,
}

impl Row<'_, '_> {
    fn ruleset(&mut self, ruleset: usize, overrides: Option<&Overrides>, depth: usize) {
        let Some(draft) = self.drafts.get(ruleset).filter(|_| depth <= EXECUTE_DEPTH_MAX) else { return };
        let begin = self.rules.len();
        for rule in &draft.rules {
            self.rule(draft, rule, overrides, depth);
            if self.is_too_long {
                return;
            }
        }
        // Rules of rulesets inside of this one have their own ends already.
        let end = index(self.rules.len());
        for rule in self.rules.iter_mut().skip(begin).filter(|rule| rule.ruleset_end == 0) {
            rule.ruleset_end = end;
        }
    }

    fn rule(&mut self, draft: &Draft<'_>, rule: &RuleDraft<'_>, overrides: Option<&Overrides>, depth: usize) {
        let config = &rule.config.value;
        let over = overrides.map(|overrides| overrides.of(config, &rule.id)).unwrap_or_default();
        let Some(made) = rule.made.as_ref().filter(|_| over.enabled.unwrap_or(config.enabled)) else {
            return;
        };
        self.is_too_long |= self.rules.len() >= RULES_MAX;
        let at = self.rules.len();
        match &made.act {
            Act::Ready(action) => {
                let action = instead(action, over.action);
                self.has_skip |= matches!(action, Action::Skip(_));
                if let Some(why) = made.always.as_deref().filter(|_| keeps_out(&action)) {
                    self.check_all_out(draft, rule, why);
                }
                self.rules.push(plan(draft, rule, (index(at), made.filter), action));
            }
            Act::Execute(target, overrides) => {
                let Some(executed) = self.drafts.get(*target) else { return };
                self.check(draft, rule, executed, overrides);
                let action = Action::Execute { ruleset: Arc::clone(&executed.name), end: 0 };
                self.rules.push(plan(draft, rule, (index(at), made.filter), action));
                self.ruleset(*target, Some(overrides), depth + 1);
                let behind = index(self.rules.len());
                if let Some(RulePlan { action: Action::Execute { end, .. }, .. }) = self.rules.get_mut(at) {
                    *end = behind;
                }
            }
        }
    }

    /// Who keeps all out without meaning it is refused, unless a rule before may let some pass.
    fn check_all_out(&mut self, draft: &Draft<'_>, rule: &RuleDraft<'_>, why: &str) {
        let (mark, has_skip) = (rule.config.value.expression.mark, self.has_skip);
        let problem = lint::keeps_all_out(why);
        in_rule(self.cx, draft, rule, "expression", |cx| match has_skip {
            true => cx.warning(mark, problem),
            false => cx.error(mark, problem),
        });
    }

    /// A ruleset runs in its own phase, and what overrides name exists.
    fn check(&mut self, draft: &Draft<'_>, rule: &RuleDraft<'_>, target: &Draft<'_>, overrides: &Overrides) {
        let unknown = overrides.named().find(|name| {
            let is_it = |own: &RuleDraft<'_>| {
                *own.id == **name || own.config.value.r#ref.as_ref().is_some_and(|own| own.value.0 == *name)
            };
            !target.rules.iter().any(is_it)
        });
        let problem = if draft.phase != target.phase {
            let phase = target.config.value.phase.value.name();
            let message = format!("the ruleset `{}` is one of the phase `{phase}`", target.name.name);
            Problem::new("rule-phase", message, "Execute a ruleset of the same phase.")
        } else if let Some(unknown) = unknown {
            let message = format!("the ruleset `{}` has no rule `{unknown}`", target.name.name);
            Problem::new("ruleset-unknown", message, "Write the id or the `ref` of a rule.")
        } else {
            return;
        };
        let mark = rule.config.value.action.mark;
        in_rule(self.cx, draft, rule, "action_parameters", |cx| cx.error(mark, problem));
    }
}

/// Says something at a key of a rule.
fn in_rule(
    cx: &mut Context,
    draft: &Draft<'_>,
    rule: &RuleDraft<'_>,
    key: &str,
    say: impl FnOnce(&mut Context),
) {
    cx.in_item(draft.config.item, |cx| {
        cx.in_key("rules", |cx| cx.in_item(rule.config.item, |cx| cx.in_key(key, say)));
    });
}

/// Whether an action refuses requests.
const fn keeps_out(action: &Action) -> bool {
    matches!(action, Action::Block(_) | Action::Challenge(_) | Action::ForceConnectionClose)
}

/// What a rule does where something else is said. What decides nothing keeps its action.
fn instead(own: &Action, over: Option<Action>) -> Action {
    let decides = matches!(own, Action::Block(_) | Action::Challenge(_) | Action::Log);
    over.filter(|_| decides).unwrap_or_else(|| own.clone())
}

fn plan(
    draft: &Draft<'_>,
    rule: &RuleDraft<'_>,
    (index, filter): (u32, FilterId),
    action: Action,
) -> RulePlan {
    let config: &RuleConfig = &rule.config.value;
    let name = config.r#ref.as_ref().map_or_else(|| Arc::clone(&rule.id), |own| own.value.0.as_str().into());
    let decides = matches!(
        action,
        Action::Block(_) | Action::Challenge(_) | Action::Log | Action::ForceConnectionClose
    );
    let logs = decides || (matches!(action, Action::Skip(_)) && config.logging.enabled);
    RulePlan {
        name,
        id: Arc::clone(&rule.id),
        description: config.description.value.0.as_str().into(),
        ruleset: Arc::clone(&draft.name),
        expression: config.expression.value.0.as_str().into(),
        filter,
        action,
        logs,
        index,
        ruleset_end: 0,
    }
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
