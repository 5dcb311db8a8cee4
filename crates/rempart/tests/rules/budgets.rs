//! Rules that cost too much.

use crate::answers::rulesets;
use crate::site::{Site, Way};

const PHASE: &str = "  - phase: http_request_firewall_custom\n    rules:\n";
const TOO_MUCH: &str = "http.request.body.raw matches \"(?:[a-w][a-x]){4000}z\"";

/// The visitor of HTTP/2 in these tests sends no more than a frame.
const WAYS: [Way; 1] = [Way::Http1];

/// As long as a body that rules see.
fn long() -> String {
    "a".repeat((128 << 10) - 5) + "z"
}

#[test]
fn a_rule_over_its_budget_is_named_in_the_log_and_the_next_one_decides() {
    let rules = format!(
        "{PHASE}      - {{ref: too-much, expression: '{TOO_MUCH}', action: log}}\n      \
         - {{ref: enough, expression: 'http.request.body.raw contains \"evil\"', action: block}}\n"
    );
    let site = Site::new(&rulesets(&[rules]));
    for way in WAYS {
        assert_eq!(site.send(way, "POST", "/", &[], long().as_bytes()).status, 200, "{way:?}");
        let line = site.up.line_with("the rule has used up what it may compute");
        for part in ["release=1", "zone=\"test.example\"", "stage=\"firewall-custom\"", "rule=\"too-much\""] {
            assert!(line.contains(part), "{part}: {line}");
        }
        let evil = format!("evil{}", long());
        assert_eq!(site.send(way, "POST", "/", &[], evil.as_bytes()).status, 403, "{way:?}");
    }
}

#[test]
fn a_rule_that_protects_and_is_over_its_budget_lets_nobody_pass() {
    for action in ["block", "managed_challenge"] {
        let rules = format!("{PHASE}      - {{ref: too-much, expression: '{TOO_MUCH}', action: {action}}}\n");
        let site = Site::new(&rulesets(&[rules]));
        for way in WAYS {
            assert_eq!(site.send(way, "POST", "/", &[], long().as_bytes()).status, 500, "{action} {way:?}");
            assert_eq!(site.send(way, "POST", "/", &[], b"short").status, 200, "{action} {way:?}");
        }
        let line = site.up.line_with("the rule has used up what it may compute");
        assert!(line.contains("the request is refused") && line.contains("rule=\"too-much\""), "{line}");
        assert_eq!(site.origin.lines().len(), 1);
    }
}

#[test]
fn rules_behind_many_expensive_ones_are_still_asked() {
    let many: String = (0..40)
        .map(|at| {
            let states = 450 + at;
            format!(
                "      - {{expression: 'http.request.body.raw matches \"[b-c]{{{states}}}\"', action: log}}\n"
            )
        })
        .collect();
    let rules = format!(
        "{PHASE}{many}      - {{expression: 'http.request.uri.path eq \"/secret\"', action: block}}\n"
    );
    let site = Site::new(&rulesets(&[rules]));
    for way in WAYS {
        assert_eq!(site.send(way, "POST", "/secret", &[], long().as_bytes()).status, 403, "{way:?}");
    }
}
