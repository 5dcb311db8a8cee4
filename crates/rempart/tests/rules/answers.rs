//! Answers that the edge gives by itself.

use crate::site::{Origin, Site, WAYS, Way, read, write};

/// A ruleset with one rule.
pub(crate) fn rule(phase: &str, expression: &str, action: &str, parameters: &str) -> String {
    let parameters =
        if parameters.is_empty() { String::new() } else { format!(", action_parameters: {parameters}") };
    format!(
        "  - phase: {phase}\n    rules:\n      - {{expression: '{expression}', action: {action}, ref: the-rule, \
         description: what it is for{parameters}}}\n"
    )
}

/// Several rulesets.
pub(crate) fn rulesets(all: &[String]) -> String {
    format!("rulesets:\n{}", all.concat())
}

fn custom(expression: &str, action: &str, parameters: &str) -> String {
    rulesets(&[rule("http_request_firewall_custom", expression, action, parameters)])
}

const SECRET: &str = r#"http.request.uri.path eq "/secret""#;

#[test]
fn a_refused_request_gets_a_page_and_never_reaches_the_origin() {
    let site = Site::new(&custom(SECRET, "block", ""));
    for way in WAYS {
        let answer = site.get(way, "/secret");
        assert_eq!(answer.status, 403, "{way:?}");
        assert_eq!(answer.field("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        let ray = answer.field("cf-ray").unwrap();
        assert!(answer.body.contains("not allowed") && answer.body.contains(ray), "{}", answer.body);
        assert_eq!(site.get(way, "/open").status, 200);
    }
    assert!(site.origin.lines().iter().all(|line| line.starts_with("GET /open ")));
}

#[test]
fn a_custom_response_has_its_status_type_and_content() {
    let response =
        "{response: {status_code: 429, content: '{\"slow\": true}', content_type: application/json}}";
    let site = Site::new(&custom(SECRET, "block", response));
    for way in WAYS {
        let answer = site.get(way, "/secret");
        assert_eq!((answer.status, answer.body.as_str()), (429, "{\"slow\": true}"), "{way:?}");
        assert_eq!(answer.field("content-type"), Some("application/json; charset=utf-8"));
        let head = site.ask(way, "HEAD", "/secret", &[]);
        assert_eq!((head.status, head.body.as_str(), head.field("content-length")), (429, "", Some("14")));
    }
}

#[test]
fn every_challenge_says_that_the_check_is_not_available_and_refuses() {
    for action in ["challenge", "js_challenge", "managed_challenge"] {
        let site = Site::new(&custom(SECRET, action, ""));
        for way in WAYS {
            let answer = site.get(way, "/secret");
            assert_eq!(
                (answer.status, answer.field("cf-mitigated")),
                (403, Some("challenge")),
                "{action} {way:?}"
            );
            assert!(answer.body.contains("not available here"), "{}", answer.body);
        }
        assert!(site.origin.lines().is_empty());
    }
}

#[test]
fn a_connection_goes_on_after_a_refused_request_and_ends_if_its_body_is_not_read() {
    let site = Site::new(&custom(SECRET, "block", ""));
    let (mut stream, mut reader) = site.connect();
    write(&mut stream, "GET", "/secret", &[], b"");
    write(&mut stream, "GET", "/open", &[], b"");
    assert_eq!(read(&mut reader, "GET").unwrap().status, 403);
    assert_eq!(read(&mut reader, "GET").unwrap().status, 200);
    write(&mut stream, "POST", "/secret", &[], b"nobody wants this");
    let answer = read(&mut reader, "POST").unwrap();
    assert_eq!((answer.status, answer.field("connection")), (403, Some("close")));
    assert!(read(&mut reader, "GET").is_none());
    // A stream is no connection.
    assert_eq!(site.send(Way::Http2, "POST", "/secret", &[], b"nobody wants this").status, 403);
}

#[test]
fn a_connection_can_be_closed_without_a_word() {
    let site = Site::new(&custom(SECRET, "force_connection_close", ""));
    let (mut stream, mut reader) = site.connect();
    write(&mut stream, "GET", "/secret", &[], b"");
    assert!(read(&mut reader, "GET").is_none());
    let mut visitor = site.visit();
    let stream = visitor.ask("/secret");
    let answer = visitor.answer(stream);
    assert!(answer.heads.is_empty() && answer.reset.is_some(), "{answer:?}");
    let line = site.logged(|line| line["SecurityAction"] == "forceConnectionClose");
    assert_eq!(line["EdgeResponseStatus"], 499);
}

#[test]
fn a_visitor_is_sent_elsewhere() {
    let to = "{from_value: {target_url: {value: 'https://else.test/new'}, status_code: 308, preserve_query_string: true}}";
    let site = Site::new(&rulesets(&[rule("http_request_dynamic_redirect", SECRET, "redirect", to)]));
    for way in WAYS {
        let answer = site.get(way, "/secret?a=1&b");
        assert_eq!(
            (answer.status, answer.field("location")),
            (308, Some("https://else.test/new?a=1&b")),
            "{way:?}"
        );
        assert_eq!(site.get(way, "/open").status, 200);
    }
}

#[test]
fn the_target_of_a_redirect_can_be_computed() {
    let to = r#"{from_value: {target_url: {expression: 'concat("https://", http.host, "/en", http.request.uri.path)'}, status_code: 302}}"#;
    let expression = r#"not starts_with(http.request.uri.path, "/en/")"#;
    let site = Site::new(&rulesets(&[rule("http_request_dynamic_redirect", expression, "redirect", to)]));
    for way in WAYS {
        let answer = site.get(way, "/a%0d%0ab?q=1");
        assert_eq!(
            (answer.status, answer.field("location")),
            (302, Some("https://test.example/en/a%0D%0Ab")),
            "{way:?}"
        );
        assert_eq!(site.get(way, "/en/a").status, 200);
    }
}

#[test]
fn a_list_says_where_visitors_are_sent() {
    let account = "account:\n  lists:\n    - name: moved\n      kind: redirect\n      items:\n        \
                   - redirect: {source_url: 'test.example/old', target_url: 'https://test.example/new', status_code: 301, \
                   preserve_query_string: true}\n        \
                   - redirect: {source_url: test.example/shop, target_url: 'https://shop.example/a', subpath_matching: true}\n        \
                   - redirect: {source_url: test.example/all, target_url: 'https://shop.example/b', subpath_matching: true, \
                   preserve_path_suffix: false}\n  rulesets:\n    - phase: http_request_redirect\n      rules:\n        \
                   - {expression: 'http.request.full_uri in $moved', action: redirect, action_parameters: {from_list: \
                   {name: moved, key: http.request.full_uri}}}\n";
    let site = Site::with(account, "");
    for way in WAYS {
        let answer = site.get(way, "/old?x=1");
        assert_eq!(
            (answer.status, answer.field("location")),
            (301, Some("https://test.example/new?x=1")),
            "{way:?}"
        );
        assert_eq!(site.get(way, "/older").status, 200);
        assert_eq!(site.get(way, "/shop/x").field("location"), Some("https://shop.example/a/x"), "{way:?}");
        assert_eq!(site.get(way, "/all/x").field("location"), Some("https://shop.example/b"), "{way:?}");
    }
}

#[test]
fn a_list_of_hosts_has_the_name_itself_if_it_says_so_and_a_zones_own_goes_first() {
    let account = "account:\n  lists:\n    - {name: those, kind: hostname, items: [other.example]}\n    \
                   - {name: under, kind: hostname, items: [{hostname: {url_hostname: '*.test.example'}}]}\n    \
                   - {name: cf.all, kind: hostname, items: [{hostname: {url_hostname: '*.test.example', \
                   exclude_exact_hostname: false}}]}\n";
    let rules = ["those", "under", "cf.all"].map(|list| {
        format!(
            "      - {{expression: 'http.request.uri.path eq \"/{list}\" and http.host in ${list}', action: block}}\n"
        )
    });
    let zone = format!(
        "lists: [{{name: those, kind: hostname, items: [test.example]}}]\nrulesets:\n  \
         - phase: http_request_firewall_custom\n    rules:\n{}",
        rules.concat()
    );
    let site = Site::with(account, &zone);
    assert_eq!(site.get(Way::Http1, "/those").status, 403);
    assert_eq!(site.get(Way::Http1, "/under").status, 200);
    assert_eq!(site.get(Way::Http1, "/cf.all").status, 403);
}

#[test]
fn an_origin_that_is_gone_is_no_matter_to_who_is_refused() {
    let site = Site::before(&Origin::gone(), "", &custom(SECRET, "block", ""));
    assert_eq!(site.get(Way::Http1, "/secret").status, 403);
    assert_eq!(site.get(Way::Http1, "/open").status, 521);
}
