//! Rules that look into bodies.

use crate::answers::{rule, rulesets};
use crate::site::{Site, WAYS, Way};

#[test]
fn a_body_is_looked_into_and_goes_on_whole() {
    let bad = r#"any(http.request.body.form["user"][*] eq "root")"#;
    let site = Site::new(&rulesets(&[rule("http_request_firewall_custom", bad, "block", "")]));
    for way in WAYS {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(site.send(way, "POST", "/", &form, b"user=root&x=1").status, 403, "{way:?}");
        let answer = site.send(way, "POST", "/", &form, b"user=me&x=1");
        assert_eq!(answer.status, 200, "{way:?}");
        assert!(answer.body.to_ascii_lowercase().contains("content-length: 11"), "{}", answer.body);
        assert_eq!(site.get(way, "/").status, 200);
    }
    assert_eq!(site.origin.lines().len(), 4);
}

#[test]
fn a_body_is_seen_by_rules_behind_a_rewrite_too() {
    let rewrite = rule("http_request_transform", "true", "rewrite", "{uri: {path: {value: '/new'}}}");
    let bad = r#"http.request.uri.path eq "/new" and http.request.body.raw contains "evil""#;
    let site = Site::new(&rulesets(&[rewrite, rule("http_request_firewall_custom", bad, "block", "")]));
    for way in WAYS {
        assert_eq!(site.send(way, "POST", "/", &[], b"an evil thing").status, 403, "{way:?}");
        assert!(site.send(way, "POST", "/", &[], b"a good thing").body.starts_with("POST /new "));
    }
}

#[test]
fn a_setting_hides_bodies() {
    let hide = rule("http_config_settings", "true", "set_config", "{request_body_buffering: none}");
    let bad = r#"http.request.body.raw contains "evil""#;
    let site = Site::new(&rulesets(&[hide, rule("http_request_firewall_custom", bad, "block", "")]));
    for way in WAYS {
        assert_eq!(site.send(way, "POST", "/", &[], b"an evil thing").status, 200, "{way:?}");
    }
}

#[test]
fn a_hidden_body_says_that_it_is_not_whole_and_how_long_it_is() {
    let hide = rule("http_config_settings", "true", "set_config", "{request_body_buffering: none}");
    let bad = "http.request.body.truncated and http.request.body.size eq 3";
    let site = Site::new(&rulesets(&[hide, rule("http_request_firewall_custom", bad, "block", "")]));
    for way in WAYS {
        assert_eq!(site.send(way, "POST", "/", &[], b"abc").status, 403, "{way:?}");
        assert_eq!(site.send(way, "POST", "/", &[], b"").status, 200, "{way:?}");
    }
}

#[test]
fn a_rule_of_answers_that_looks_into_the_body_stops_none_of_the_others() {
    let set = |name: &str| format!("{{headers: {{{name}: {{operation: set, value: 'yes'}}}}}}");
    let one = rule("http_response_headers_transform", "true", "rewrite", &set("X-One"));
    let (evil, two) = (r#"http.request.body.raw contains "evil""#, set("X-Two"));
    let both = format!("{one}      - {{expression: '{evil}', action: rewrite, action_parameters: {two}}}\n");
    let block = rule("http_request_firewall_custom", r#"http.request.uri.path eq "/no""#, "block", "");
    let site = Site::new(&rulesets(&[both, block]));
    for way in WAYS {
        // Refused before any of the body is read.
        let answer = site.send(way, "POST", "/no", &[], b"evil");
        assert_eq!((answer.status, answer.field("x-one"), answer.field("x-two")), (403, Some("yes"), None));
        let answer = site.send(way, "POST", "/", &[], b"an evil thing");
        assert_eq!(
            (answer.status, answer.field("x-one"), answer.field("x-two")),
            (200, Some("yes"), Some("yes"))
        );
        // Longer than what can be sent again; the visitor of HTTP/2 in these tests sends no more than a frame.
        if way == Way::Http2 {
            continue;
        }
        let long = format!("evil{}", "a".repeat(300_000));
        let answer = site.send(way, "PUT", "/", &[], long.as_bytes());
        assert_eq!(
            (answer.status, answer.field("x-one"), answer.field("x-two")),
            (200, Some("yes"), Some("yes"))
        );
    }
}
