//! Rules that cost too much.

use crate::answers::{rule, rulesets};
use crate::site::{Site, WAYS as BOTH_WAYS, Way};

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
        let line = site.logged(|line| line["EdgeResponseStatus"] == 500);
        assert_eq!(line["SecurityRuleIDs"].as_array().map(Vec::len), Some(1), "{line}");
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

/// More than a rule may compute: a pattern of many states that matches all of a long query.
const DEAR: &str = r#"regex_replace(http.request.uri.query, "^(?:[ab]{1000})?.*$", "/else")"#;

#[test]
fn a_redirect_whose_target_costs_too_much_refuses_and_one_that_is_too_long_says_so() {
    let dear = format!("{{from_value: {{target_url: {{expression: '{DEAR}'}}, status_code: 302}}}}");
    let query = ["http.request.uri.query"; 10].join(",");
    let long =
        format!("{{from_value: {{target_url: {{expression: 'concat(\"/\", {query})'}}, status_code: 302}}}}");
    let both = [("dear", &dear), ("long", &long)].map(|(path, to)| {
        format!("      - {{ref: {path}, expression: 'http.request.uri.path eq \"/{path}\"', action: redirect, action_parameters: {to}}}\n")
    });
    let rules = format!("  - phase: http_request_dynamic_redirect\n    rules:\n{}", both.concat());
    let site = Site::new(&rulesets(&[rules]));
    for way in BOTH_WAYS {
        let ask = |path: &str, bytes| site.get(way, &format!("/{path}?{}", "a".repeat(bytes)));
        assert_eq!(ask("dear", 7_000).status, 500, "{way:?}");
        let line = site.up.line_with("the rule has used up what it may compute");
        assert!(line.contains("the request is refused") && line.contains("rule=\"dear\""), "{line}");
        let answer = ask("dear", 100);
        assert_eq!((answer.status, answer.field("location")), (302, Some("/else")));
        assert_eq!(ask("long", 6_600).status, 414, "{way:?}");
        assert_eq!(ask("long", 6_500).status, 302, "{way:?}");
    }
    assert!(site.origin.lines().is_empty());
}

#[test]
fn a_rewrite_whose_value_costs_too_much_lets_no_visitors_own_field_pass_for_the_rules() {
    let rewrite = |expression: &str| {
        let headers = format!(
            "{{headers: {{X-User: {{operation: set, expression: '{expression}'}}, X-Gone: {{operation: remove}}, \
             X-More: {{operation: add, value: ours}}}}}}"
        );
        rulesets(&[rule("http_request_late_transform", "true", "rewrite", &headers)])
    };
    let claims = [("x-user", "admin"), ("x-gone", "admin"), ("x-more", "theirs")];
    let site = Site::new(&rewrite(DEAR));
    for way in BOTH_WAYS {
        let sent = |bytes| {
            site.ask(way, "GET", &format!("/?{}", "a".repeat(bytes)), &claims).body.to_ascii_lowercase()
        };
        let dear = sent(7_000);
        assert!(!dear.contains("admin") && !dear.contains("x-user"), "{way:?}: {dear}");
        // What would have been added is not, and what is there stays.
        assert!(dear.contains("x-more: theirs") && !dear.contains("ours"), "{dear}");
        let line = site.up.line_with("the rule has used up what it may compute");
        assert!(line.contains("rule=\"the-rule\""), "{line}");
        let fine = sent(100);
        assert!(fine.contains("x-user: /else") && fine.contains("x-more: ours"), "{fine}");
        assert!(!fine.contains("admin"), "{fine}");
    }
}
