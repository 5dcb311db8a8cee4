//! What rules say about caching.

use crate::answers::{rule, rulesets};
use crate::site::{Origin, Site, WAYS, Way};

fn cache(expression: &str, parameters: &str) -> String {
    rule("http_request_cache_settings", expression, "set_cache_settings", parameters)
}

fn status<'a>(site: &Site, way: Way, target: &str, fields: &[(&str, &str)], kept: &'a mut String) -> &'a str {
    let answer = site.ask(way, "GET", target, fields);
    assert_eq!(answer.status, 200);
    *kept = answer.field("cf-cache-status").unwrap_or("").to_owned();
    kept
}

#[test]
fn caching_is_switched_on_with_a_lifetime_and_off() {
    let on = r#"{cache: true, edge_ttl: {mode: override_origin, default: 60}, browser_ttl: {mode: override_origin, default: 5}}"#;
    let on = cache(r#"starts_with(http.request.uri.path, "/stored")"#, on);
    let off = cache(r#"starts_with(http.request.uri.path, "/css/private")"#, "{cache: false}");
    let both = format!("{on}{}", off.split_once("rules:\n").unwrap().1);
    let site = Site::new(&rulesets(&[both]));
    let kept = &mut String::new();
    for way in WAYS {
        let target = format!("/stored/{way:?}");
        assert_eq!(status(&site, way, &target, &[], kept), "MISS");
        assert_eq!(status(&site, way, &target, &[], kept), "HIT");
        assert_eq!(site.get(way, &target).values("cache-control"), ["max-age=5"]);
        assert_eq!(status(&site, way, "/css/private.css", &[], kept), "BYPASS");
        assert_eq!(status(&site, way, "/other", &[], kept), "DYNAMIC");
    }
    assert_eq!(site.origin.lines().iter().filter(|line| line.contains("/stored")).count(), 2);
}

#[test]
fn the_key_can_leave_the_query_out_and_take_a_field_in() {
    // As one word, and as Cloudflare's API writes it.
    for query in ["{exclude: '*'}", "{exclude: {all: true}}", "{include: {list: [z]}}"] {
        let key = format!(
            "{{cache: true, edge_ttl: {{mode: override_origin, default: 60}}, cache_key: {{custom_key: \
             {{query_string: {query}, header: {{include: [x-tier]}}}}}}}}"
        );
        let site = Site::new(&rulesets(&[cache("true", &key)]));
        let kept = &mut String::new();
        // The scheme stands in the key too.
        for way in WAYS {
            assert_eq!(status(&site, way, "/a?x=1", &[], kept), "MISS");
            assert_eq!(status(&site, way, "/a?y=2", &[], kept), "HIT", "{query}");
            assert_eq!(status(&site, way, "/a?y=2", &[("x-tier", "gold")], kept), "MISS");
            assert_eq!(status(&site, way, "/a", &[("x-tier", "gold")], kept), "HIT");
        }
    }
}

#[test]
fn the_key_can_take_in_what_a_field_contains() {
    let key = "{cache: true, edge_ttl: {mode: override_origin, default: 60}, cache_key: {custom_key: \
               {query_string: {include: {all: true}}, header: {contains: {accept-encoding: [br, zstd]}}}}}";
    let site = Site::new(&rulesets(&[cache("true", key)]));
    let kept = &mut String::new();
    for way in WAYS {
        for (codings, said) in [
            ("gzip, br", "MISS"),
            ("Br;q=0.5", "HIT"),
            ("br, zstd", "MISS"),
            ("zstd, deflate, br", "HIT"),
            ("gzip", "MISS"),
            ("deflate", "HIT"),
        ] {
            let asked = [("accept-encoding", codings)];
            assert_eq!(status(&site, way, "/a?x=1", &asked, kept), said, "{way:?} {codings}");
        }
        assert_eq!(status(&site, way, "/a?x=2", &[("accept-encoding", "br")], kept), "MISS");
        assert_eq!(status(&site, way, "/a?x=1", &[], kept), "MISS");
    }
}

#[test]
fn cookies_go_where_a_rule_has_everything_stored_for_so_long() {
    for (parameters, is_stored) in [
        ("{cache: true, edge_ttl: {mode: override_origin, default: 60}}", true),
        (
            "{cache: true, edge_ttl: {mode: respect_origin, status_code_ttl: [{status_code: 200, value: 60}]}}",
            true,
        ),
        ("{cache: true}", false),
        ("{edge_ttl: {mode: override_origin, default: 60}}", false),
    ] {
        let site = Site::new(&rulesets(&[cache("true", parameters)]));
        for way in WAYS {
            for status in if is_stored { ["MISS", "HIT"] } else { ["BYPASS", "BYPASS"] } {
                let answer = site.get(way, "/css/cookie.css");
                assert_eq!(answer.field("cf-cache-status"), Some(status), "{way:?} {parameters}");
                assert_eq!(answer.values("set-cookie").len(), if is_stored { 0 } else { 2 }, "{parameters}");
            }
            // What is its own alone is not stored, and keeps its cookies.
            let answer = site.ask(way, "GET", "/css/own-cookie.css", &[("authorization", "x")]);
            assert_eq!(answer.field("cf-cache-status"), Some("BYPASS"), "{way:?} {parameters}");
            assert_eq!(answer.values("set-cookie").len(), 2, "{way:?} {parameters}");
        }
    }
}

#[test]
fn of_several_rules_the_last_one_counts_for_each_setting() {
    let wide = cache("true", "{cache: true, edge_ttl: {mode: override_origin, default: 60}}");
    let narrow = cache(r#"http.request.uri.path eq "/live""#, "{cache: false}");
    let site = Site::new(&rulesets(&[format!("{wide}{}", narrow.split_once("rules:\n").unwrap().1)]));
    let kept = &mut String::new();
    assert_eq!(status(&site, Way::Http1, "/live", &[], kept), "BYPASS");
    for way in WAYS {
        assert_eq!(status(&site, way, "/any", &[], kept), "MISS");
        assert_eq!(status(&site, way, "/any", &[], kept), "HIT");
    }
}

#[test]
fn a_rewritten_url_is_what_is_stored() {
    let path = r#"{uri: {path: {value: '/css/one.css'}}}"#;
    let rewrite =
        rule("http_request_transform", r#"starts_with(http.request.uri.path, "/alias")"#, "rewrite", path);
    let site = Site::new(&rulesets(&[rewrite]));
    let kept = &mut String::new();
    for way in WAYS {
        assert_eq!(status(&site, way, "/alias/1", &[], kept), "MISS");
        assert_eq!(status(&site, way, "/alias/2", &[], kept), "HIT");
        assert_eq!(status(&site, way, "/css/one.css", &[], kept), "HIT");
    }
    assert_eq!(site.origin.lines(), ["GET /css/one.css HTTP/1.1", "GET /css/one.css HTTP/1.1"]);
}

#[test]
fn what_an_origin_says_is_changed_before_it_is_stored() {
    let strip = rule(
        "http_response_cache_settings",
        r#"http.request.uri.path contains "cookie""#,
        "set_cache_settings",
        "{strip_set_cookie: true, strip_etags: true}",
    );
    let control = rule(
        "http_response_cache_settings",
        r#"http.request.uri.path contains "dynamic" and http.response.code eq 200"#,
        "set_cache_control",
        "{max_age: {operation: set, value: 30}, no_store: {operation: remove}, s_maxage: {operation: set, value: 90, cloudflare_only: true}}",
    );
    let site = Site::new(&rulesets(&[format!("{strip}{}", control.split_once("rules:\n").unwrap().1)]));
    let kept = &mut String::new();
    for way in WAYS {
        assert_eq!(status(&site, way, "/css/cookie.css", &[], kept), "MISS");
        let answer = site.get(way, "/css/cookie.css");
        assert_eq!(answer.field("cf-cache-status"), Some("HIT"), "{way:?}");
        assert!(answer.field("set-cookie").is_none() && answer.field("etag").is_none());
        let answer = site.get(way, "/dynamic");
        assert_eq!(answer.values("cache-control"), ["max-age=30"], "{way:?}");
        assert_eq!(answer.field("cf-cache-status"), Some("MISS"));
        assert_eq!(status(&site, way, "/dynamic", &[], kept), "HIT");
        assert!(answer.field("cloudflare-cdn-cache-control").is_none());
    }
}

/// A rule for requests that gives every answer a minute, and rules for answers with these expressions and parameters.
fn overruled(answers: &[(&str, &str)]) -> Site {
    let minute = cache(
        "true",
        "{cache: true, edge_ttl: {mode: override_origin, default: 60, status_code_ttl: [{status_code: 200, value: 60}]}}",
    );
    let control = |(expression, parameters): &(&str, &str)| {
        rule("http_response_cache_settings", expression, "set_cache_control", parameters)
    };
    let mut rules: Vec<String> = answers.iter().map(control).collect();
    for later in rules.iter_mut().skip(1) {
        *later = later.split_once("rules:\n").unwrap().1.to_owned();
    }
    rules.insert(0, minute);
    Site::new(&rulesets(&rules))
}

#[test]
fn what_a_rule_says_of_an_answer_counts_before_a_lifetime_that_another_gives() {
    let site = overruled(&[
        (r#"http.request.uri.path contains "keep-out""#, "{no_store: {operation: set}}"),
        (
            r#"http.request.uri.path contains "longer""#,
            "{no_store: {operation: remove}, s_maxage: {operation: set, value: 3600}}",
        ),
        (
            r#"http.request.uri.path contains "edge-only""#,
            "{no_store: {operation: set, cloudflare_only: true}}",
        ),
    ]);
    let kept = &mut String::new();
    for way in WAYS {
        let ttl_s = |target: &str| -> u64 {
            let answer = site.get(way, target);
            assert_eq!(answer.field("cf-cache-status"), Some("HIT"), "{way:?} {target}");
            let said = answer.field("cache-status").unwrap_or_default().to_owned();
            said.split_once("ttl=").map(|(_, ttl_s)| ttl_s.parse().unwrap()).unwrap_or_default()
        };
        for target in ["/css/keep-out.css", "/css/edge-only.css"] {
            assert_eq!(status(&site, way, target, &[], kept), "BYPASS", "{way:?} {target}");
            assert_eq!(status(&site, way, target, &[], kept), "BYPASS", "{way:?} {target}");
        }
        assert_eq!(status(&site, way, "/longer", &[], kept), "MISS");
        assert!((3500..=3600).contains(&ttl_s("/longer")), "{way:?}");
        // Of what no rule says anything the lifetime counts, whatever the origin says.
        assert_eq!(status(&site, way, "/other", &[], kept), "MISS");
        assert!((1..=60).contains(&ttl_s("/other")), "{way:?}");
    }
}

#[test]
fn what_a_rule_says_of_an_answer_counts_in_a_fetch_without_a_visitor_too() {
    let site = overruled(&[
        (
            r#"any(http.request.headers["x-as"][*] eq "stale")"#,
            "{max_age: {operation: set, value: 0}, no_store: {operation: remove}, \
             stale_while_revalidate: {operation: set, value: 600}}",
        ),
        (r#"any(http.request.headers["x-as"][*] eq "never")"#, "{no_store: {operation: set}}"),
    ]);
    let kept = &mut String::new();
    for way in WAYS {
        let target = format!("/page/{way:?}");
        assert_eq!(status(&site, way, &target, &[("x-as", "stale")], kept), "MISS");
        // It gets the old one, and has a new one fetched that may not be stored.
        let never = [("x-as", "never")];
        assert_eq!(status(&site, way, &target, &never, kept), "UPDATING");
        while status(&site, way, &target, &never, kept) == "UPDATING" {}
        assert_eq!(kept, "BYPASS", "{way:?}");
        assert_eq!(status(&site, way, &target, &never, kept), "BYPASS", "{way:?}");
    }
}

#[test]
fn a_rule_keeps_an_answer_out_of_the_store_or_lets_it_in() {
    let keeps_out = rule(
        "http_response_cache_settings",
        r#"http.request.uri.path contains "/private""#,
        "set_cache_control",
        "{no_store: {operation: set}}",
    );
    let lets_in = rule(
        "http_response_cache_settings",
        r#"http.request.uri.path contains "/public""#,
        "set_cache_control",
        "{no_store: {operation: remove}, public: {operation: set}, max_age: {operation: set, value: 60}}",
    );
    let site = Site::new(&rulesets(&[format!("{keeps_out}{}", lets_in.split_once("rules:\n").unwrap().1)]));
    let kept = &mut String::new();
    for way in WAYS {
        // The origin lets one be stored for 100 s, and the other not at all.
        for _ in 0..2 {
            let answer = site.get(way, "/css/private.css");
            assert_ne!(answer.field("cf-cache-status"), Some("HIT"), "{way:?}");
            assert!(answer.values("cache-control").join(",").contains("no-store"), "{answer:?}");
        }
        assert_eq!(status(&site, way, "/css/other.css", &[], kept), "MISS");
        assert_eq!(status(&site, way, "/css/other.css", &[], kept), "HIT");
        assert_eq!(status(&site, way, "/public", &[], kept), "MISS");
        assert_eq!(status(&site, way, "/public", &[], kept), "HIT");
        assert_eq!(status(&site, way, "/dynamic", &[], kept), "DYNAMIC");
    }
    let lines = site.origin.lines();
    let count = |path: &str| lines.iter().filter(|line| line.contains(path)).count();
    assert_eq!((count("/private"), count("/public")), (4, 2));
}

#[test]
fn tags_of_rules_can_be_purged() {
    let tags = rule(
        "http_response_cache_settings",
        "true",
        "set_cache_tags",
        "{operation: set, values: [from-a-rule]}",
    );
    let site = Site::new(&rulesets(&[tags]));
    let kept = &mut String::new();
    assert_eq!(status(&site, Way::Http1, "/css/a.css", &[], kept), "MISS");
    assert_eq!(status(&site, Way::Http1, "/css/a.css", &[], kept), "HIT");
    let file = site.folder.file();
    let purged = crate::stand::ask(&[
        "ctl",
        "-c",
        file.to_str().unwrap(),
        "purge",
        "--zone",
        "test.example",
        "--tag",
        "from-a-rule",
    ]);
    assert!(purged.status.success(), "{}", crate::stand::text(&purged.stderr));
    assert_eq!(status(&site, Way::Http1, "/css/a.css", &[], kept), "MISS");
    assert!(site.get(Way::Http1, "/css/a.css").field("cache-tag").is_none());
}

#[test]
fn what_a_rule_routes_is_kept_apart_from_what_it_does_not() {
    let other = Origin::start();
    let parameters = format!("{{host_header: beta.example, origin: {{port: {}}}}}", other.address.port());
    let route = rule("http_request_origin", r#"http.cookie contains "beta""#, "route", &parameters);
    let site = Site::new(&rulesets(&[route]));
    let beta = [("cookie", "beta=1")];
    let is_of_beta =
        |answer: &crate::site::Answer| answer.body.to_ascii_lowercase().contains("host: beta.example");
    for way in WAYS {
        // Whoever comes first fills the store for their own kind alone.
        let (first, second) = (format!("/css/{way:?}-1.css"), format!("/css/{way:?}-2.css"));
        for (target, is_routed, status) in [
            (&first, true, "MISS"),
            (&first, false, "MISS"),
            (&first, true, "HIT"),
            (&first, false, "HIT"),
            (&second, false, "MISS"),
            (&second, true, "MISS"),
            (&second, false, "HIT"),
            (&second, true, "HIT"),
        ] {
            let answer = site.ask(way, "GET", target, if is_routed { &beta } else { &[] });
            assert_eq!(is_of_beta(&answer), is_routed, "{way:?} {target}: {}", answer.body);
            assert_eq!(answer.field("cf-cache-status"), Some(status), "{way:?} {target} {is_routed}");
        }
    }
    assert_eq!((site.origin.lines().len(), other.lines().len()), (4, 4));
    // A purge by URL reaches both.
    let file = site.folder.file();
    let url = "http://test.example/css/Http1-1.css";
    let purged = crate::stand::ask(&[
        "ctl",
        "-c",
        file.to_str().unwrap(),
        "purge",
        "--zone",
        "test.example",
        "--url",
        url,
    ]);
    assert!(purged.status.success(), "{}", crate::stand::text(&purged.stderr));
    let kept = &mut String::new();
    assert_eq!(status(&site, Way::Http1, "/css/Http1-1.css", &beta, kept), "MISS");
    assert_eq!(status(&site, Way::Http1, "/css/Http1-1.css", &[], kept), "MISS");
    assert_eq!(status(&site, Way::Http1, "/css/Http1-2.css", &beta, kept), "HIT");
}

#[test]
fn a_way_and_settings_of_different_rules_are_both_in_the_key() {
    let other = Origin::start();
    let parameters = format!("{{host_header: beta.example, origin: {{port: {}}}}}", other.address.port());
    let route = rule("http_request_origin", r#"http.cookie contains "beta""#, "route", &parameters);
    // Settings of a rule and the way of another are one plan.
    let keeps = cache("true", "{cache: true, edge_ttl: {mode: override_origin, default: 60}}");
    let site = Site::new(&rulesets(&[route, keeps]));
    let kept = &mut String::new();
    for way in WAYS {
        let target = format!("/any/{way:?}");
        assert_eq!(status(&site, way, &target, &[("cookie", "beta=1")], kept), "MISS");
        assert_eq!(status(&site, way, &target, &[], kept), "MISS");
        assert_eq!(status(&site, way, &target, &[("cookie", "beta=2")], kept), "HIT");
        assert_eq!(status(&site, way, &target, &[], kept), "HIT");
    }
    assert_eq!((site.origin.lines().len(), other.lines().len()), (2, 2));
}
