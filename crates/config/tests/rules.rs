//! Rules in a configuration: how a phase is walked, what bounds hold, and what a change of the account costs.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use rempart_base::Now;
use rempart_config::{Compiler, Snapshot, Source, load};
use rempart_features::rulesets::plan::{PhasePlan, Product};
use rempart_features::rulesets::{Asked, Effects, Next, Position, Progress, RulePlan, Skips, walk};
use rempart_rules::{FilterId, Phase};

fn snapshot(rules: &str) -> Arc<Snapshot> {
    let text = format!("listen: {{http: [\"127.0.0.1:0\"]}}\n{rules}");
    let source = Source::Text { name: "test".into(), text, folder: PathBuf::new() };
    Compiler::new(source).compile(Now::read()).unwrap_or_else(|problems| panic!("{problems}"))
}

const ZONE: &str = "zones:\n- name: a.example\n  origins: [\"http://127.0.0.1:1\"]\n";

/// Rules that match, by their names; what happened, as one text.
struct Story {
    matching: Vec<&'static str>,
    stopping: Vec<&'static str>,
    needs_body: Vec<&'static str>,
    rule: String,
    text: String,
}

impl<'p> Effects<'p> for Story {
    fn begin(&mut self, rule: &'p RulePlan) {
        self.rule = rule.name.to_string();
    }

    fn holds(&mut self, _: FilterId) -> Asked {
        if let Some(at) = self.needs_body.iter().position(|own| *own == self.rule) {
            self.needs_body.remove(at);
            return Asked::NeedsBody;
        }
        if self.matching.contains(&&*self.rule) { Asked::Yes } else { Asked::No }
    }

    fn act(&mut self, rule: &'p RulePlan) -> Next {
        let _ = write!(self.text, "{}! ", rule.action.name());
        if self.stopping.contains(&&*self.rule) { Next::Stop } else { Next::Continue }
    }

    fn matched(&mut self, rule: &'p RulePlan) {
        let _ = write!(self.text, "{} ", rule.name);
    }
}

fn story(matching: &[&'static str], stopping: &[&'static str]) -> Story {
    Story {
        matching: matching.into(),
        stopping: stopping.into(),
        needs_body: Vec::new(),
        rule: String::new(),
        text: String::new(),
    }
}

fn custom(snapshot: &Snapshot) -> &PhasePlan {
    let zone = snapshot.zone_named("a.example").unwrap();
    zone.features.as_ref().unwrap().rulesets.phase(Phase::Custom).unwrap()
}

fn walked(plan: &PhasePlan, matching: &[&'static str], stopping: &[&'static str]) -> (String, Progress) {
    let mut story = story(matching, stopping);
    let progress = walk(plan, &mut Position::default(), &mut Skips::default(), &mut story);
    (story.text.trim_end().to_owned(), progress)
}

const NESTED: &str = "  rulesets:
  - phase: http_request_firewall_custom
    rules:
    - {ref: first, expression: 'true', action: block}
    - {ref: enter, expression: 'true', action: execute, action_parameters: {id: outer, overrides: {rules: [{id: o3, enabled: false}]}}}
    - {ref: again, expression: 'true', action: execute, action_parameters: {id: inner, overrides: {action: log}}}
    - {ref: last, expression: 'true', action: log}
  - {phase: http_request_firewall_custom, kind: custom, name: outer, rules: [
      {ref: o1, expression: 'true', action: skip, action_parameters: {ruleset: current}},
      {ref: into, expression: 'true', action: execute, action_parameters: {id: inner}},
      {ref: o2, expression: 'true', action: block},
      {ref: o3, expression: 'true', action: block}]}
  - {phase: http_request_firewall_custom, kind: custom, id: aa, name: inner, rules: [
      {ref: i1, expression: 'true', action: skip, action_parameters: {ruleset: current}},
      {ref: i2, id: bb, expression: 'true', action: block},
      {ref: i3, expression: 'true', action: skip, action_parameters: {phase: current, products: [hot]}},
      {ref: i4, expression: 'true', action: skip, action_parameters: {rulesets: [aa], rules: {aa: [bb]}}}]}
";

#[test]
fn a_ruleset_is_entered_left_and_skipped_as_its_rules_say() {
    let snapshot = snapshot(&format!("{ZONE}{NESTED}"));
    let plan = custom(&snapshot);
    let names: Vec<&str> = plan.rules.iter().map(|rule| &*rule.name).collect();
    let row = [
        "first", "enter", "o1", "into", "i1", "i2", "i3", "i4", "o2", "again", "i1", "i2", "i3", "i4", "last",
    ];
    assert_eq!(names, row);
    for (matching, stopping, text, progress) in [
        (&[][..], &[][..], "", Progress::Done),
        // Who does not enter a ruleset meets none of its rules.
        (&["o1", "o2", "i2", "last"], &[], "last", Progress::Done),
        (&["enter", "o2", "last"], &[], "enter block! o2 last", Progress::Done),
        (&["enter", "into", "i2", "o2"], &[], "enter into block! i2 block! o2", Progress::Done),
        // The rest of its own ruleset, and no more.
        (&["enter", "o1", "into", "o2", "last"], &[], "enter o1 last", Progress::Done),
        (&["enter", "into", "i1", "i2", "o2", "last"], &[], "enter into i1 block! o2 last", Progress::Done),
        // The rest of the phase.
        (&["enter", "into", "i3", "o2", "last"], &[], "enter into i3", Progress::Done),
        // Other actions where it is executed with overrides.
        (&["again", "i2", "last"], &["i2"], "again i2 last", Progress::Done),
        (&["enter", "into", "i2", "last"], &["i2"], "enter into block! i2", Progress::Stopped),
        (&["first", "last"], &["first"], "block! first", Progress::Stopped),
        // A ruleset, and a rule, that are left out from there on.
        (
            &["enter", "into", "i4", "again", "i2", "last"],
            &[],
            "enter into block! i2 i4 last",
            Progress::Done,
        ),
    ] {
        assert_eq!(walked(plan, matching, stopping), (text.into(), progress), "{matching:?}");
    }
}

#[test]
fn what_is_skipped_stays_skipped_in_the_exchange() {
    let snapshot = snapshot(&format!("{ZONE}{NESTED}"));
    let plan = custom(&snapshot);
    let mut skips = Skips::default();
    let mut story = story(&["again", "i3", "last"], &[]);
    assert!(!skips.product(Product::Hot) && !skips.phase(Phase::Custom));
    let _ = walk(plan, &mut Position::default(), &mut skips, &mut story);
    assert!(skips.product(Product::Hot) && !skips.product(Product::UaBlock) && skips.phase(Phase::Custom));
    // The same phase of another level.
    story.text.clear();
    assert_eq!(walk(plan, &mut Position::default(), &mut skips, &mut story), Progress::Done);
    assert_eq!(story.text, "");
}

#[test]
fn a_walk_that_asks_for_the_body_goes_on_at_the_same_rule() {
    let snapshot = snapshot(&format!("{ZONE}{NESTED}"));
    let plan = custom(&snapshot);
    let mut story = story(&["first", "enter", "o2"], &[]);
    story.needs_body.push("o2");
    let (mut position, mut skips) = (Position::default(), Skips::default());
    assert_eq!(walk(plan, &mut position, &mut skips, &mut story), Progress::NeedsBody);
    assert_eq!(story.text.trim_end(), "block! first enter");
    assert_eq!(walk(plan, &mut position, &mut skips, &mut story), Progress::Done);
    assert_eq!(story.text.trim_end(), "block! first enter block! o2");
}

fn rules(count: usize) -> String {
    let mut text = format!("{ZONE}  rulesets:\n  - phase: http_request_firewall_custom\n    rules:\n");
    for i in 0..count {
        let _ = writeln!(
            text,
            "    - {{ref: r{i}, expression: 'http.request.uri.path eq \"/{i}\"', action: block}}"
        );
    }
    text
}

#[test]
fn a_zone_has_ten_thousand_rules_and_not_one_more() {
    let snapshot = snapshot(&rules(10_000));
    let plan = custom(&snapshot);
    assert_eq!(plan.rules.len(), 10_000);
    // A walk through them lets others in.
    let (mut position, mut skips, mut story) =
        (Position::default(), Skips::default(), story(&["r9999"], &[]));
    let mut pieces = 1;
    while walk(plan, &mut position, &mut skips, &mut story) == Progress::Again {
        pieces += 1;
    }
    assert_eq!((pieces, story.text.trim_end()), (10, "block! r9999"));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rempart.yaml");
    std::fs::write(&file, format!("listen: {{http: [\"127.0.0.1:0\"]}}\n{}", rules(10_001))).unwrap();
    let problems = load(&file, Now::read()).unwrap_err().0;
    assert_eq!(problems.len(), 1);
    assert_eq!((&*problems[0].code, &*problems[0].path), ("rule-limit", "zones[0].rulesets[0].rules[10000]"));
    assert!(problems[0].expected.contains("10000 rules"), "{}", problems[0]);
}

/// Knows beforehand which filters may hold.
struct Foresight {
    may_hold: Vec<u32>,
    begun: Vec<String>,
}

impl<'p> Effects<'p> for Foresight {
    fn begin(&mut self, rule: &'p RulePlan) {
        self.begun.push(rule.name.to_string());
    }

    fn next(&self, from: FilterId) -> Option<FilterId> {
        self.may_hold.iter().find(|filter| **filter >= from.0).map(|filter| FilterId(*filter))
    }

    fn holds(&mut self, _: FilterId) -> Asked {
        Asked::No
    }

    fn act(&mut self, _: &'p RulePlan) -> Next {
        Next::Continue
    }

    fn matched(&mut self, _: &'p RulePlan) {}
}

#[test]
fn rules_whose_filters_cannot_hold_are_passed_unseen() {
    let begun = |plan: &PhasePlan, rules: &[usize]| {
        let may_hold = rules.iter().map(|rule| plan.rules[*rule].filter.0).collect();
        let mut foresight = Foresight { may_hold, begun: Vec::new() };
        let progress = walk(plan, &mut Position::default(), &mut Skips::default(), &mut foresight);
        assert_eq!(progress, Progress::Done);
        foresight.begun
    };
    let many = snapshot(&rules(200));
    let plan = custom(&many);
    assert_eq!(begun(plan, &[0, 7, 64, 199]), ["r0", "r7", "r64", "r199"]);
    assert_eq!(begun(plan, &[]), [""; 0]);
    // What executes others says itself which of them are passed.
    let nested = snapshot(&format!("{ZONE}{NESTED}"));
    let plan = custom(&nested);
    assert_eq!(begun(plan, &[0]), ["first", "enter", "again", "last"]);
}

#[test]
fn executed_rulesets_count_each_time() {
    let mut text = format!("{ZONE}  rulesets:\n  - phase: http_request_firewall_custom\n    rules:\n");
    for i in 0..100 {
        let _ = writeln!(
            text,
            "    - {{ref: e{i}, expression: 'true', action: execute, action_parameters: {{id: many}}}}"
        );
    }
    text += "  - phase: http_request_firewall_custom\n    kind: custom\n    name: many\n    rules:\n";
    for i in 0..100 {
        let _ = writeln!(text, "    - {{ref: r{i}, expression: 'true', action: log}}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rempart.yaml");
    std::fs::write(&file, format!("listen: {{http: [\"127.0.0.1:0\"]}}\n{text}")).unwrap();
    let problems = load(&file, Now::read()).unwrap_err().0;
    assert_eq!(problems.iter().map(|own| &*own.code).collect::<Vec<_>>(), ["rule-limit"]);
}

#[test]
fn a_change_of_a_list_reaches_the_zones_that_have_rules_and_leaves_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rempart.yaml");
    let write = |address: &str, path: &str| {
        let text = format!(
            "listen: {{http: [\"127.0.0.1:0\"]}}
account:
  lists: [{{name: office, kind: ip, items: [{address}]}}]
  rulesets:
  - {{phase: http_request_firewall_custom, rules: [{{expression: 'http.host eq \"{path}\"', action: block}}]}}
include: zones.d/*.yaml
"
        );
        std::fs::write(&file, text).unwrap();
    };
    std::fs::create_dir(folder.path().join("zones.d")).unwrap();
    let zone = "name: a.example\norigins: [\"http://127.0.0.1:1\"]\nrulesets:
- {phase: http_request_firewall_custom, rules: [{expression: 'ip.src in $office', action: block}]}\n";
    std::fs::write(folder.path().join("zones.d/a.yaml"), zone).unwrap();
    let plain = "name: b.example\norigins: [\"http://127.0.0.1:1\"]\n";
    std::fs::write(folder.path().join("zones.d/b.yaml"), plain).unwrap();
    let mut compiler = Compiler::new(Source::File(file.clone()));
    let mut compile = |address, path| {
        write(address, path);
        compiler.compile(Now::read()).unwrap()
    };
    let first = compile("192.0.2.1", "x");
    let list = compile("192.0.2.2", "x");
    let rule = compile("192.0.2.2", "y");
    let plan = |of: &Arc<Snapshot>, name: &str| Arc::clone(of.zone_named(name).unwrap());
    assert!(!Arc::ptr_eq(&plan(&first, "a.example"), &plan(&list, "a.example")));
    assert!(Arc::ptr_eq(&plan(&first, "b.example"), &plan(&list, "b.example")));
    assert!(Arc::ptr_eq(&plan(&list, "a.example"), &plan(&rule, "a.example")));
    assert_ne!(list.hash, rule.hash, "the account's own rules are a part of the release");
    assert!(plan(&first, "b.example").features.is_none());
}
