//! In which order phases run, and what leaves which out.

use crate::answers::{rule, rulesets};
use crate::site::{Site, WAYS};

fn block(phase: &str, expression: &str, status: u16) -> String {
    let response =
        format!("{{response: {{status_code: {status}, content: refused, content_type: text/plain}}}}");
    rule(phase, expression, "block", &response)
}

#[test]
fn a_redirect_comes_before_the_firewall_and_a_list_of_them_behind_it() {
    let to = "{from_value: {target_url: {value: 'https://else.test/'}, status_code: 302}}";
    let site = Site::new(&rulesets(&[
        block("http_request_firewall_custom", "true", 418),
        rule("http_request_dynamic_redirect", r#"http.request.uri.path eq "/early""#, "redirect", to),
    ]));
    for way in WAYS {
        assert_eq!(site.get(way, "/early").status, 302, "{way:?}");
        assert_eq!(site.get(way, "/late").status, 418);
    }
}

#[test]
fn the_firewall_sees_the_rewritten_path_and_the_raw_one() {
    let path = "{uri: {path: {value: '/new'}}}";
    let rewrite = rule("http_request_transform", r#"http.request.uri.path eq "/old""#, "rewrite", path);
    let sees = r#"http.request.uri.path eq "/new" and raw.http.request.uri.path eq "/old""#;
    let site = Site::new(&rulesets(&[block("http_request_firewall_custom", sees, 418), rewrite]));
    for way in WAYS {
        assert_eq!(site.get(way, "/old").status, 418, "{way:?}");
        assert_eq!(site.get(way, "/new").status, 200);
    }
}

#[test]
fn rules_of_one_phase_see_the_same_request() {
    let rules = "  - phase: http_request_transform\n    rules:\n      \
                 - {expression: 'http.request.uri.path eq \"/a\"', action: rewrite, action_parameters: {uri: {path: {value: /b}}}}\n      \
                 - {expression: 'http.request.uri.path eq \"/b\"', action: rewrite, action_parameters: {uri: {path: {value: /c}}}}\n";
    let site = Site::new(&rulesets(&[rules.to_owned()]));
    for way in WAYS {
        assert!(site.get(way, "/a").body.starts_with("GET /b "), "{way:?}");
        assert!(site.get(way, "/b").body.starts_with("GET /c "));
    }
}

#[test]
fn skip_leaves_out_the_rest_of_a_ruleset_and_later_phases() {
    let custom = "  - phase: http_request_firewall_custom\n    rules:\n      \
                  - {expression: 'http.request.uri.query eq \"rest\"', action: skip, action_parameters: {ruleset: current}}\n      \
                  - {expression: 'http.request.uri.query eq \"later\"', action: skip, action_parameters: {phases: [http_request_firewall_managed]}}\n      \
                  - {expression: 'http.request.uri.path eq \"/custom\"', action: block, action_parameters: {response: {status_code: 418, content: a, content_type: text/plain}}}\n";
    let managed = block("http_request_firewall_managed", r#"http.request.uri.path eq "/managed""#, 451);
    let site = Site::new(&rulesets(&[custom.to_owned(), managed]));
    for way in WAYS {
        assert_eq!(site.get(way, "/custom").status, 418, "{way:?}");
        assert_eq!(site.get(way, "/custom?rest").status, 200);
        assert_eq!(site.get(way, "/custom?later").status, 418);
        assert_eq!(site.get(way, "/managed").status, 451);
        assert_eq!(site.get(way, "/managed?later").status, 200);
    }
}

#[test]
fn skip_leaves_out_rulesets_and_rules_by_their_names_too() {
    let rules = "rulesets:\n  - phase: http_request_firewall_custom\n    rules:\n      \
                  - {expression: 'http.request.uri.query eq \"all\"', action: skip, action_parameters: {rulesets: [shared]}}\n      \
                  - {expression: 'http.request.uri.query eq \"one\"', action: skip, action_parameters: {rules: {shared: [first]}}}\n      \
                  - {expression: 'http.request.uri.query eq \"id\"', action: skip, action_parameters: {rules: {sid: [first]}}}\n      \
                  - {expression: 'true', action: execute, action_parameters: {id: shared}}\n  \
                 - phase: http_request_firewall_custom\n    kind: custom\n    name: shared\n    id: sid\n    rules:\n      \
                  - {ref: first, expression: 'http.request.uri.path eq \"/first\"', action: block}\n      \
                  - {ref: second, expression: 'http.request.uri.path eq \"/second\"', action: block}\n";
    let site = Site::new(rules);
    for way in WAYS {
        for (target, status) in [
            ("/first", 403),
            ("/second", 403),
            ("/first?all", 200),
            ("/second?all", 200),
            ("/first?one", 200),
            ("/second?one", 403),
            ("/first?id", 200),
            ("/second?id", 403),
        ] {
            assert_eq!(site.get(way, target).status, status, "{way:?} {target}");
        }
    }
}

#[test]
fn rules_of_the_account_come_first() {
    let account = "account:\n  rulesets:\n    - phase: http_request_firewall_custom\n      rules:\n        \
                   - {expression: 'http.request.uri.path eq \"/both\"', action: block, action_parameters: {response: {status_code: 418, content: a, content_type: text/plain}}}\n";
    let zone = rulesets(&[block("http_request_firewall_custom", "true", 451)]);
    let site = Site::with(account, &zone);
    for way in WAYS {
        assert_eq!(site.get(way, "/both").status, 418, "{way:?}");
        assert_eq!(site.get(way, "/other").status, 451);
    }
}

#[test]
fn a_header_that_is_set_late_is_not_seen_early() {
    let set = r#"{headers: {X-Late: {operation: set, value: '1'}}}"#;
    let late = rule("http_request_late_transform", "true", "rewrite", set);
    let early =
        block("http_request_firewall_custom", r#"any(http.request.headers["x-late"][*] eq "1")"#, 418);
    let no_store = rule(
        "http_request_cache_settings",
        r#"any(http.request.headers["x-late"][*] eq "1")"#,
        "set_cache_settings",
        "{cache: false}",
    );
    let site = Site::new(&rulesets(&[early, late, no_store]));
    for way in WAYS {
        let answer = site.get(way, "/css/a.css");
        assert_eq!((answer.status, answer.field("cf-cache-status")), (200, Some("BYPASS")), "{way:?}");
        assert_eq!(site.ask(way, "GET", "/", &[("x-late", "1")]).status, 418);
    }
}
