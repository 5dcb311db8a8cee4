//! What rules make of an answer, wherever it comes from.

use crate::answers::{rule, rulesets};
use crate::site::{Origin, Site, WAYS, Way};

const HEADERS: &str = r#"{headers: {X-Ours: {operation: set, expression: 'concat("status ", to_string(http.response.code))'}, X-Powered-By: {operation: remove}, Set-Cookie: {operation: add, value: 'ours=1'}}}"#;

fn headers() -> String {
    rulesets(&[rule("http_response_headers_transform", "true", "rewrite", HEADERS)])
}

#[test]
fn fields_of_an_answer_are_set_added_and_removed() {
    let site = Site::new(&headers());
    for way in WAYS {
        let answer = site.get(way, "/cookie");
        assert_eq!(answer.values("x-ours"), ["status 200"], "{way:?}");
        assert!(answer.field("x-powered-by").is_none());
        assert_eq!(answer.values("set-cookie"), ["a=1", "b=2", "ours=1"]);
        assert!(answer.body.starts_with("GET /cookie HTTP/1.1"));
    }
}

#[test]
fn what_is_stored_stays_the_origins_and_each_visitor_gets_it_as_rules_have_it() {
    let by_agent = r#"{headers: {X-Seen: {operation: set, expression: 'http.user_agent'}, X-Powered-By: {operation: remove}}}"#;
    let site = Site::new(&rulesets(&[rule("http_response_headers_transform", "true", "rewrite", by_agent)]));
    // The scheme stands in the key: each way has an object of its own.
    for (number, way) in WAYS.into_iter().chain(WAYS).enumerate() {
        let agent = format!("visitor {number}");
        let answer = site.ask(way, "GET", "/css/a.css", &[("user-agent", &agent)]);
        assert_eq!((answer.status, answer.field("x-seen")), (200, Some(agent.as_str())), "{way:?}");
        assert!(answer.field("x-powered-by").is_none());
        assert_eq!(answer.field("cf-cache-status"), Some(if number < 2 { "MISS" } else { "HIT" }));
        // A condition, a range and HEAD are answered by the same rules.
        let fields = [("user-agent", agent.as_str()), ("if-none-match", "\"1\"")];
        let answer = site.ask(way, "GET", "/css/a.css", &fields);
        assert_eq!((answer.status, answer.field("x-seen")), (304, Some(agent.as_str())));
        let fields = [("user-agent", agent.as_str()), ("range", "bytes=0-2")];
        let answer = site.ask(way, "GET", "/css/a.css", &fields);
        assert_eq!(
            (answer.status, answer.field("x-seen"), answer.body.as_str()),
            (206, Some(agent.as_str()), "GET")
        );
        let answer = site.ask(way, "HEAD", "/css/a.css", &[("user-agent", &agent)]);
        assert_eq!((answer.status, answer.field("x-seen")), (200, Some(agent.as_str())));
    }
    assert_eq!(site.origin.lines().len(), 2);
}

#[test]
fn pages_of_the_edge_and_refusals_pass_the_rules_too() {
    let refuses = rule("http_request_firewall_custom", r#"http.request.uri.path eq "/secret""#, "block", "");
    let changes = rule("http_response_headers_transform", "true", "rewrite", HEADERS);
    let site = Site::before(&Origin::gone(), "", &rulesets(&[refuses, changes]));
    for way in WAYS {
        assert_eq!(site.get(way, "/secret").field("x-ours"), Some("status 403"), "{way:?}");
        assert_eq!(site.get(way, "/open").field("x-ours"), Some("status 521"));
    }
}

fn errors(expression: &str, parameters: &str) -> String {
    rule("http_custom_errors", expression, "serve_error", parameters)
}

#[test]
fn errors_of_origins_are_answered_by_the_operators_own_pages() {
    let page = "{content: 'Nothing here.', content_type: text/plain, status_code: 410}";
    let site = Site::new(&rulesets(&[errors("http.response.code eq 404", page)]));
    for way in WAYS {
        for _ in 0..2 {
            let answer = site.get(way, "/status/404/cookie");
            assert_eq!((answer.status, answer.body.as_str()), (410, "Nothing here."), "{way:?}");
            assert_eq!(answer.values("content-type"), ["text/plain; charset=utf-8"]);
            assert_eq!(answer.values("content-length").len(), 1);
            // What the origin says beside it still holds.
            assert_eq!(answer.values("set-cookie"), ["a=1", "b=2"]);
        }
        let head = site.ask(way, "HEAD", "/status/404", &[]);
        assert_eq!((head.status, head.field("content-length"), head.body.as_str()), (410, Some("13"), ""));
        assert_eq!(site.get(way, "/status/500").status, 500);
        assert_eq!(site.get(way, "/").status, 200);
    }
}

#[test]
fn a_stored_error_is_answered_by_the_operators_own_page() {
    let page = "{content: 'Nothing here.', content_type: text/plain}";
    let site = Site::new(&rulesets(&[errors("http.response.code eq 404", page)]));
    for (number, way) in WAYS.into_iter().chain(WAYS).enumerate() {
        let answer = site.get(way, "/status/404/a.css");
        assert_eq!((answer.status, answer.body.as_str()), (404, "Nothing here."), "{way:?}");
        assert_eq!(answer.field("cf-cache-status"), Some(if number < 2 { "MISS" } else { "HIT" }));
    }
    assert_eq!(site.origin.lines().len(), 2);
}

#[test]
fn failures_of_the_edge_are_answered_by_the_operators_own_pages() {
    let by_type =
        errors(r#"cf.response.error_type eq "5xx""#, "{content: 'Down.', content_type: text/plain}");
    let refused = errors(r#"cf.response.error_type eq "waf""#, "{content: 'No.', content_type: text/plain}");
    let refuses = rule("http_request_firewall_custom", r#"http.request.uri.path eq "/secret""#, "block", "");
    let own = rule(
        "http_request_firewall_managed",
        r#"http.request.uri.path eq "/own""#,
        "block",
        "{response: {status_code: 451, content: 'Own.', content_type: text/plain}}",
    );
    let both = format!("{by_type}{}", refused.split_once("rules:\n").unwrap().1);
    let site = Site::before(&Origin::gone(), "", &rulesets(&[refuses, own, both]));
    for way in WAYS {
        let answer = site.get(way, "/open");
        assert_eq!((answer.status, answer.body.as_str()), (521, "Down."), "{way:?}");
        let answer = site.get(way, "/secret");
        assert_eq!((answer.status, answer.body.as_str()), (403, "No."));
        // What a rule says for its own case is said.
        let answer = site.get(way, "/own");
        assert_eq!((answer.status, answer.body.as_str()), (451, "Own."));
    }
    let line = site.logged(|line| line["ClientRequestPath"] == "/open");
    assert_eq!((&line["Fault"], &line["EdgeResponseStatus"]), (&"origin-refused".into(), &521.into()));
}

#[test]
fn a_body_that_is_not_read_is_no_matter_to_the_next_answer() {
    let page = "{content: 'Nothing here.', content_type: text/plain}";
    let site = Site::new(&rulesets(&[errors("http.response.code eq 404", page)]));
    for _ in 0..20 {
        assert_eq!(site.get(Way::Http1, "/status/404").body, "Nothing here.");
        assert!(site.get(Way::Http1, "/fine").body.starts_with("GET /fine "));
    }
}

#[test]
fn an_origins_own_page_for_its_failure_is_passed_on_if_a_rule_says_so() {
    let page = "{content: 'Ours.', content_type: text/plain}";
    let passes = rule(
        "http_request_cache_settings",
        r#"http.request.uri.path contains "/own""#,
        "set_cache_settings",
        "{origin_error_page_passthru: true}",
    );
    let site = Site::new(&rulesets(&[errors("http.response.code eq 503", page), passes]));
    for way in WAYS {
        assert_eq!(site.get(way, "/status/503").body, "Ours.", "{way:?}");
        assert!(site.get(way, "/status/503/own").body.starts_with("GET /status/503/own "));
    }
}

#[test]
fn a_page_of_the_operators_names_the_visitor_and_the_request() {
    let written = "[::CLIENT_IP::] [::RAY_ID::] [::GEO::] [::SOMETHING::]";
    let assets =
        format!("custom_assets:\n  - {{name: sorry, content_type: text/plain, content: '{written}'}}\n");
    let inline = errors(
        "http.response.code eq 404",
        &format!("{{content: '{{\"is\": \"{written}\"}}', content_type: application/json}}"),
    );
    let asset = errors("http.response.code eq 503", "{asset_name: sorry}");
    let both = format!("{inline}{}", asset.split_once("rules:\n").unwrap().1);
    let own = rule(
        "http_request_firewall_custom",
        r#"http.request.uri.path eq "/own""#,
        "block",
        "{response: {status_code: 451, content: '::RAY_ID::', content_type: text/plain}}",
    );
    let site = Site::new(&format!("{assets}{}", rulesets(&[own, both])));
    for way in WAYS {
        // The third and the fourth stand for an error that is stored.
        let json = ("{\"is\": \"", "\"}");
        for (target, (before, after)) in [
            ("/status/404", json),
            ("/status/503", ("", "")),
            ("/status/404/a.css", json),
            ("/status/404/a.css", json),
        ] {
            let answer = site.get(way, target);
            let ray = answer.field("cf-ray").unwrap();
            let ray = ray.split_once('-').unwrap().0;
            let expected = format!("{before}[127.0.0.1] [{ray}] [XX] [::SOMETHING::]{after}");
            assert_eq!(answer.body, expected, "{way:?}");
            let length = expected.len().to_string();
            assert_eq!(answer.values("content-length"), [length.as_str()]);
            let head = site.ask(way, "HEAD", target, &[]);
            assert_eq!((head.field("content-length"), head.body.as_str()), (Some(length.as_str()), ""));
        }
        // At Cloudflare tokens are for errors alone.
        assert_eq!(site.get(way, "/own").body, "::RAY_ID::");
    }
}
