//! What the log says of rules.

use crate::answers::{rule, rulesets};
use crate::site::{Site, Way};

#[test]
fn the_log_names_the_rule_that_has_decided_and_all_that_have_matched() {
    let rules = "  - phase: http_request_firewall_custom\n    rules:\n      \
                 - {expression: 'true', action: log, id: '11111111111111111111111111111111'}\n      \
                 - {expression: 'http.request.uri.path eq \"/secret\"', action: block, id: '22222222222222222222222222222222', \
                 description: nobody sees this}\n";
    let site = Site::new(&rulesets(&[rules.to_owned()]));
    assert_eq!(site.get(Way::Http1, "/secret").status, 403);
    assert_eq!(site.get(Way::Http2, "/open").status, 200);
    let line = site.logged(|line| line["ClientRequestPath"] == "/secret");
    assert_eq!(line["SecurityAction"], "block");
    assert_eq!(line["SecurityRuleID"], "22222222222222222222222222222222");
    assert_eq!(line["SecurityRuleDescription"], "nobody sees this");
    assert_eq!(line["SecurityActions"], serde_json::json!(["log", "block"]));
    assert_eq!(line["SecuritySources"], serde_json::json!(["firewallCustom", "firewallCustom"]));
    let line = site.logged(|line| line["ClientRequestPath"] == "/open");
    assert_eq!(line["SecurityActions"], serde_json::json!(["log"]));
    assert!(line.get("SecurityAction").is_none());
}

#[test]
fn a_zone_whose_rules_do_not_match_logs_nothing_of_them() {
    let site = Site::new(&rulesets(&[rule(
        "http_request_firewall_custom",
        r#"http.request.uri.path eq "/secret""#,
        "block",
        "",
    )]));
    assert_eq!(site.get(Way::Http1, "/").status, 200);
    let line = site.logged(|line| line["ClientRequestPath"] == "/");
    assert!(line.as_object().unwrap().keys().all(|key| !key.starts_with("Security")), "{line}");
}

#[test]
fn rules_add_fields_to_the_line() {
    let fields = "{cookie_fields: [{name: Session}], request_fields: [{name: x-asked}], transformed_request_fields: \
                  [{name: x-made}], response_fields: [{name: set-cookie, preserve_duplicates: true}, {name: x-ours}], \
                  raw_response_fields: [{name: x-powered-by}]}";
    let made = r#"{headers: {X-Made: {operation: set, value: 'by a rule'}}}"#;
    let ours = r#"{headers: {X-Ours: {operation: set, value: 'ours'}, X-Powered-By: {operation: remove}}}"#;
    let site = Site::new(&rulesets(&[
        rule("http_request_late_transform", "true", "rewrite", made),
        rule("http_response_headers_transform", "true", "rewrite", ours),
        rule("http_log_custom_fields", "true", "log_custom_field", fields),
    ]));
    for way in crate::site::WAYS {
        let target = format!("/cookie/{way:?}");
        let answer = site.ask(way, "GET", &target, &[("cookie", "a=1; Session=q\"x"), ("x-asked", "yes")]);
        assert!(answer.field("x-powered-by").is_none());
        let line = site.logged(|line| line["ClientRequestPath"] == target.as_str());
        assert_eq!(line["Cookies"], serde_json::json!({"Session": "q\"x"}), "{way:?}");
        assert_eq!(line["RequestHeaders"], serde_json::json!({"x-made": "by a rule", "x-asked": "yes"}));
        assert_eq!(
            line["ResponseHeaders"],
            serde_json::json!({"set-cookie": ["a=1", "b=2"], "x-ours": "ours", "x-powered-by": "an origin"})
        );
    }
}
