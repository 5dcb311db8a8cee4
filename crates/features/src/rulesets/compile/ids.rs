//! Ids of rulesets and rules: a rule keeps its id wherever it moves, and a ruleset however it is called.

use std::collections::HashMap;
use std::sync::Arc;

use rempart_base::config::Spanned;

use crate::rulesets::config::{RuleConfig, RulesetKind};
use crate::rulesets::ids::{hash, text};

use super::{RuleDraft, phases};

/// The id of a ruleset.
pub(super) fn ruleset(owner: &str, phase: &str, kind: RulesetKind, name: &str) -> String {
    // The rules of a phase itself are the same ruleset whatever it is called.
    match kind {
        RulesetKind::Custom | RulesetKind::Managed => hash(&["ruleset", owner, phase, name]),
        RulesetKind::Zone | RulesetKind::Root => hash(&["phase", owner, phase]),
    }
}

/// Ids of the rules of one ruleset.
pub(super) struct Ids<'a> {
    owner: &'a str,
    ruleset: &'a str,
    seen: HashMap<String, usize>,
}

impl<'a> Ids<'a> {
    pub(super) fn of(owner: &'a str, ruleset: &'a str) -> Self {
        Self { owner, ruleset, seen: HashMap::new() }
    }

    pub(super) fn rules<'c>(mut self, rules: &'c [Spanned<RuleConfig>]) -> Vec<RuleDraft<'c>> {
        rules.iter().map(|config| RuleDraft { config, id: self.rule(&config.value), made: None }).collect()
    }

    fn rule(&mut self, config: &RuleConfig) -> Arc<str> {
        if let Some(id) = &config.id {
            return id.value.0.as_str().into();
        }
        let parameters = config.action_parameters.as_ref().map(|node| text(&node.node)).unwrap_or_default();
        let action = phases::name(config.action.value);
        // Terraform and the dashboard keep a rule's `ref` while everything else of it changes.
        let own = config.r#ref.as_ref().map_or("", |own| &own.value.0);
        let content = match own {
            "" => ["rule", self.owner, self.ruleset, &config.expression.value.0, action, &parameters],
            own => ["rule by ref", self.owner, self.ruleset, own, "", ""],
        };
        let id = hash(&content);
        // The same rule a second time is another one.
        let times = self.seen.entry(id.clone()).or_insert(0);
        *times += 1;
        match *times {
            1 => id.into(),
            times => hash(&["again", &id, &times.to_string()]).into(),
        }
    }
}
