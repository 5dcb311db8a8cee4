//! What rules make of a request.

use crate::answers::{rule, rulesets};
use crate::site::{Origin, Site, WAYS, Way};

fn first_line(body: &str) -> &str {
    body.lines().next().unwrap_or_default()
}

/// The values of a field in the head that the origin has got.
fn sent<'b>(body: &'b str, name: &str) -> Vec<&'b str> {
    let lines = body.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

#[test]
fn paths_and_queries_are_rewritten_as_written_and_as_computed() {
    let fixed = "{uri: {path: {value: '/new%20path'}, query: {value: 'x=1'}}}";
    let computed = r#"{uri: {path: {expression: 'concat("/old", http.request.uri.path)'}}}"#;
    let site = Site::new(&rulesets(&[format!(
        "  - phase: http_request_transform\n    rules:\n      \
         - {{expression: 'http.request.uri.path eq \"/fixed\"', action: rewrite, action_parameters: {fixed}}}\n      \
         - {{expression: 'starts_with(http.request.uri.path, \"/computed\")', action: rewrite, action_parameters: {computed}}}\n"
    )]));
    for way in WAYS {
        assert_eq!(first_line(&site.get(way, "/fixed?y=2").body), "GET /new%20path?x=1 HTTP/1.1", "{way:?}");
        assert_eq!(first_line(&site.get(way, "/computed/a?y=2").body), "GET /old/computed/a?y=2 HTTP/1.1");
        assert_eq!(first_line(&site.get(way, "/else").body), "GET /else HTTP/1.1");
    }
    // The log tells what the visitor asked for.
    let line = site.logged(|line| line["ClientRequestPath"] == "/fixed");
    assert_eq!(line["ClientRequestURI"], "/fixed?y=2");
}

#[test]
fn fields_of_the_request_are_set_and_removed() {
    let headers = r#"{headers: {X-Set: {operation: set, value: 'ours'}, X-Made: {operation: set, expression: 'to_string(ssl)'}, Referer: {operation: remove}}}"#;
    let site = Site::new(&rulesets(&[rule("http_request_late_transform", "true", "rewrite", headers)]));
    for way in WAYS {
        let fields =
            [("x-set", "theirs"), ("x-set", "twice"), ("referer", "https://a.test/"), ("x-kept", "1")];
        let body = site.ask(way, "GET", "/", &fields).body;
        assert_eq!(sent(&body, "x-set"), ["ours"], "{way:?}");
        assert_eq!(sent(&body, "x-kept"), ["1"]);
        assert!(sent(&body, "referer").is_empty());
        assert_eq!(sent(&body, "x-made"), [(way == Way::Http2).to_string()]);
    }
}

#[test]
fn the_origin_host_and_port_can_be_others() {
    let (one, other) = (Origin::start(), Origin::start());
    let route = format!(
        "{{host_header: shop.internal, origin: {{host: 127.0.0.1, port: {}}}}}",
        other.address.port()
    );
    let zone = rulesets(&[rule(
        "http_request_origin",
        r#"starts_with(http.request.uri.path, "/shop")"#,
        "route",
        &route,
    )]);
    let site = Site::before(&one, "", &zone);
    for way in WAYS {
        let body = site.get(way, "/shop").body;
        assert_eq!(sent(&body, "host"), ["shop.internal"], "{way:?}");
        assert_eq!(sent(&site.get(way, "/").body, "host"), ["test.example"]);
    }
    assert_eq!(other.lines().len(), 2);
    assert_eq!(one.lines().len(), 2);
}

#[test]
fn a_rule_does_not_frame_a_request() {
    // Whatever an expression makes of what a visitor has sent, it stays one field.
    let headers =
        r#"{headers: {X-Copy: {operation: set, expression: 'url_decode(http.request.uri.query)'}}}"#;
    let site = Site::new(&rulesets(&[rule("http_request_late_transform", "true", "rewrite", headers)]));
    for way in WAYS {
        let body = site.get(way, "/?a%0d%0aX-Evil:%201").body;
        assert!(sent(&body, "x-evil").is_empty() && sent(&body, "x-copy").is_empty(), "{way:?}: {body}");
        assert_eq!(sent(&site.get(way, "/?a%20b").body, "x-copy"), ["a b"]);
    }
}

#[test]
fn a_body_goes_where_its_request_goes() {
    let other = Origin::start();
    let route = format!("{{origin: {{port: {}}}}}", other.address.port());
    let site = Site::new(&rulesets(&[rule("http_request_origin", "true", "route", &route)]));
    for way in WAYS {
        let answer = site.send(way, "POST", "/upload", &[], b"what is sent");
        assert_eq!(answer.status, 200);
        assert_eq!(sent(&answer.body, "content-length"), ["12"], "{way:?}");
    }
    assert_eq!(other.lines().len(), 2);
    assert!(site.origin.lines().is_empty());
    assert_eq!(site.get(Way::Http1, "/").status, 200);
}

#[test]
fn a_request_that_a_rule_makes_too_long_is_refused() {
    let path = r#"{uri: {path: {expression: 'regex_replace(http.request.uri.path, "^/(.*)$", "/${1}${1}${1}${1}${1}${1}${1}${1}")'}}}"#;
    let to = r#"{from_value: {status_code: 302, target_url: {expression: 'regex_replace(http.request.uri.path, "^/(.*)$", "/${1}${1}${1}${1}${1}${1}${1}${1}")'}}}"#;
    for (phase, action, parameters) in
        [("http_request_transform", "rewrite", path), ("http_request_dynamic_redirect", "redirect", to)]
    {
        let site = Site::new(&rulesets(&[rule(phase, "true", action, parameters)]));
        for way in WAYS {
            let long = format!("/{}", "a".repeat(9000));
            assert_eq!(site.get(way, &long).status, 414, "{phase} {way:?}");
        }
        assert!(site.origin.lines().is_empty());
    }
}

#[test]
fn a_value_that_cannot_stand_in_a_field_leaves_nothing_of_the_visitors() {
    let headers =
        r#"{headers: {X-User: {operation: set, expression: 'url_decode(http.request.uri.query)'}}}"#;
    let site = Site::new(&rulesets(&[rule("http_request_late_transform", "true", "rewrite", headers)]));
    for way in WAYS {
        let body = site.ask(way, "GET", "/?a%0ab", &[("x-user", "admin")]).body;
        assert!(sent(&body, "x-user").is_empty(), "{body}");
        let body = site.ask(way, "GET", "/?me", &[("x-user", "admin")]).body;
        assert_eq!(sent(&body, "x-user"), ["me"]);
    }
}
