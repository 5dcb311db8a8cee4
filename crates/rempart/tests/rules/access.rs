//! Access rules, lockdowns, rules for user agents, hotlink protection, managed transforms and the form of URLs.

use crate::answers::{rule, rulesets};
use crate::site::{Site, WAYS, Way};

#[test]
fn an_address_is_kept_out_or_let_in_past_the_firewall() {
    let site = Site::new(
        "access_rules:\n  - {mode: block, configuration: {target: ip, value: 127.0.0.1}, notes: not this one}\n",
    );
    for way in WAYS {
        let answer = site.get(way, "/");
        assert_eq!(answer.status, 403, "{way:?}");
    }
    let line = site.logged(|line| line["ClientRequestPath"] == "/");
    assert_eq!(
        (&line["SecurityAction"], &line["SecuritySources"]),
        (&"block".into(), &serde_json::json!(["ip"]))
    );
    assert_eq!(line["SecurityRuleDescription"], "not this one");

    let refuses = rule("http_request_firewall_custom", "true", "block", "");
    let zone = rulesets(&[refuses]);
    assert_eq!(Site::new(&zone).get(Way::Http1, "/").status, 403);
    let in_first = format!(
        "access_rules:\n  - {{mode: whitelist, configuration: {{target: ip_range, value: 127.0.0.0/8}}}}\n{zone}"
    );
    let site = Site::new(&in_first);
    for way in WAYS {
        assert_eq!(site.get(way, "/").status, 200, "{way:?}");
    }
}

#[test]
fn a_user_agent_is_refused_unless_a_custom_rule_leaves_that_out() {
    let agents = "user_agent_rules:\n  - {mode: block, configuration: {target: ua, value: 'bad agent'}}\n";
    let skip = rule(
        "http_request_firewall_custom",
        r#"http.request.uri.path eq "/free""#,
        "skip",
        "{products: [uaBlock]}",
    );
    let site = Site::new(&format!("{agents}{}", rulesets(&[skip])));
    for way in WAYS {
        let agent = [("user-agent", "bad agent")];
        assert_eq!(site.ask(way, "GET", "/", &agent).status, 403, "{way:?}");
        assert_eq!(site.ask(way, "GET", "/free", &agent).status, 200);
        let two = [("user-agent", "ok"), ("user-agent", "bad agent")];
        assert_eq!(site.ask(way, "GET", "/", &two).status, 403, "{way:?}");
        assert_eq!(site.get(way, "/").status, 200);
    }
}

#[test]
fn a_lockdown_keeps_a_path_for_addresses_however_it_is_written() {
    let site = Site::new(
        "lockdowns:\n  - {urls: ['test.example/admin*', test.example/exact], configurations: [{target: ip, value: 192.0.2.1}]}\n",
    );
    for way in WAYS {
        for target in [
            "/admin",
            "/admin/x?y",
            "/Admin",
            "/%61DMIN",
            "//admin",
            "/x/../admin",
            "/exact",
            "/exact?",
            "/exact?x=/y",
        ] {
            assert_eq!(site.get(way, target).status, 403, "{way:?} {target}");
        }
        assert_eq!(site.get(way, "/open").status, 200);
    }
}

#[test]
fn whom_a_lockdown_lets_in_rules_for_user_agents_do_not_ask() {
    let site = Site::new(
        "lockdowns:\n  - {urls: ['test.example/admin*'], configurations: [{target: ip, value: 127.0.0.1}]}\n\
         user_agent_rules:\n  - {mode: block, configuration: {target: ua, value: 'bad agent'}}\n",
    );
    for way in WAYS {
        let agent = [("user-agent", "bad agent")];
        assert_eq!(site.ask(way, "GET", "/admin", &agent).status, 200, "{way:?}");
        // Elsewhere the lockdown says nothing.
        assert_eq!(site.ask(way, "GET", "/", &agent).status, 403, "{way:?}");
    }
}

#[test]
fn an_address_that_is_let_in_is_not_kept_out_by_a_narrower_rule() {
    let site = Site::new(
        "access_rules:\n  - {mode: whitelist, configuration: {target: ip_range, value: 127.0.0.0/8}}\n  \
         - {mode: block, configuration: {target: ip, value: 127.0.0.1}}\n",
    );
    assert_eq!(site.get(Way::Http1, "/").status, 200);
    let account =
        "account:\n  access_rules:\n    - {mode: block, configuration: {target: ip, value: 127.0.0.1}}\n";
    let zone = "access_rules:\n  - {mode: whitelist, configuration: {target: ip, value: 127.0.0.1}}\n";
    assert_eq!(Site::with(account, zone).get(Way::Http1, "/").status, 403);
}

#[test]
fn custom_errors_know_why_a_request_was_refused() {
    let shows = rule(
        "http_response_headers_transform",
        "true",
        "rewrite",
        r#"{headers: {x-why: {operation: set, expression: 'to_string(cf.response.1xxx_code)'}}}"#,
    );
    let site = Site::new(&format!(
        "lockdowns:\n  - {{urls: ['test.example/admin*'], configurations: [{{target: ip, value: 192.0.2.1}}]}}\n\
         user_agent_rules:\n  - {{mode: block, configuration: {{target: ua, value: 'bad agent'}}}}\n\
         hotlink_protection: on\n{}",
        rulesets(&[
            rule("http_request_firewall_custom", r#"http.request.uri.path eq "/secret""#, "block", ""),
            shows.clone()
        ])
    ));
    for way in WAYS {
        let why = |target, field| site.ask(way, "GET", target, &[field]).field("x-why").unwrap().to_owned();
        assert_eq!(why("/admin", ("user-agent", "bad agent")), "1106", "{way:?}");
        assert_eq!(why("/secret", ("user-agent", "good agent")), "1020");
        assert_eq!(why("/", ("user-agent", "bad agent")), "1020");
        assert_eq!(why("/a.png", ("referer", "https://other.test/")), "1011");
        assert_eq!(why("/", ("user-agent", "good agent")), "0");
    }
    let banned = "access_rules:\n  - {mode: block, configuration: {target: ip, value: 127.0.0.1}}\n";
    let site = Site::new(&format!("{banned}{}", rulesets(&[shows])));
    assert_eq!(site.get(Way::Http1, "/").field("x-why"), Some("1006"));
}

#[test]
fn images_are_kept_from_other_websites_and_a_rule_can_switch_that() {
    let off = rule(
        "http_config_settings",
        r#"starts_with(http.request.uri.path, "/free/")"#,
        "set_config",
        "{hotlink_protection: false}",
    );
    let site = Site::new(&format!("hotlink_protection: on\n{}", rulesets(&[off])));
    for way in WAYS {
        let from = [("referer", "https://other.test/page")];
        assert_eq!(site.ask(way, "GET", "/a.png", &from).status, 403, "{way:?}");
        assert_eq!(site.ask(way, "GET", "/free/a.png", &from).status, 200);
        let two = [("referer", "https://test.example/"), ("referer", "https://other.test/page")];
        assert_eq!(site.ask(way, "GET", "/a.png", &two).status, 403, "{way:?}");
        assert_eq!(site.ask(way, "GET", "/a.png", &[("referer", "https://test.example/")]).status, 200);
        assert_eq!(site.get(way, "/a.png").status, 200);
    }
}

fn sent<'b>(body: &'b str, name: &str) -> Option<&'b str> {
    let mut lines = body.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[test]
fn managed_transforms_add_and_remove_what_they_say() {
    let adds = "managed_transforms:\n  managed_request_headers:\n    - {id: add_true_client_ip_headers, enabled: true}\n    \
                - {id: add_visitor_location_headers, enabled: true}\n  managed_response_headers:\n    \
                - {id: remove_x-powered-by_header, enabled: true}\n    - {id: add_security_headers, enabled: true}\n";
    let site = Site::new(adds);
    let plain = Site::new("");
    for way in WAYS {
        // What a visitor claims of itself is not believed, with and without.
        let claims = [("true-client-ip", "198.51.100.1"), ("cf-ipcountry", "DE")];
        let answer = site.ask(way, "GET", "/", &claims);
        assert_eq!(sent(&answer.body, "true-client-ip"), Some("127.0.0.1"), "{way:?}");
        assert_eq!(sent(&answer.body, "cf-ipcountry"), Some("XX"));
        assert!(answer.field("x-powered-by").is_none());
        assert_eq!(answer.values("x-frame-options"), ["SAMEORIGIN"]);
        let answer = plain.ask(way, "GET", "/", &claims);
        assert_eq!((sent(&answer.body, "true-client-ip"), sent(&answer.body, "cf-ipcountry")), (None, None));
        assert_eq!(answer.field("x-powered-by"), Some("an origin"));
    }
    let hides =
        "managed_transforms: {managed_request_headers: [{id: remove_visitor_ip_headers, enabled: true}]}\n";
    let site = Site::new(hides);
    for way in WAYS {
        let body = site.get(way, "/").body;
        assert!(!body.contains("127.0.0.1\r\n"), "{way:?}: {body}");
    }
}

#[test]
fn rules_see_one_form_of_a_url_and_the_origin_gets_it_if_it_is_to() {
    let refuses = rule("http_request_firewall_custom", r#"http.request.uri.path eq "/admin""#, "block", "");
    let zone = rulesets(&[refuses]);
    let (incoming, both, none) = (
        Site::new(&zone),
        Site::new(&format!("url_normalization: {{scope: both}}\n{zone}")),
        Site::new(&format!("url_normalization: {{scope: none}}\n{zone}")),
    );
    for way in WAYS {
        for target in ["/admin", "/%61dmin", "//admin", "/x/../admin"] {
            assert_eq!(incoming.get(way, target).status, 403, "{way:?} {target}");
            assert_eq!(both.get(way, target).status, 403);
        }
        assert_eq!(none.get(way, "/%61dmin").status, 200);
        assert!(incoming.get(way, "/%62//c?q").body.starts_with("GET /%62//c?q "));
        assert!(both.get(way, "/%62//c?q").body.starts_with("GET /b/c?q "));
        // An escape that has its one form already.
        assert!(both.get(way, "/%2F?q").body.starts_with("GET /%2F?q "));
    }
}

#[test]
fn a_field_that_came_twice_is_seen_whole() {
    let refuses = rule(
        "http_request_firewall_custom",
        r#"http.user_agent contains "sqlmap" or http.referer contains "spam""#,
        "block",
        "",
    );
    let site = Site::new(&rulesets(&[refuses]));
    for way in WAYS {
        for (name, good, bad) in
            [("user-agent", "ok", "sqlmap"), ("referer", "https://a.test/", "https://spam.test/")]
        {
            assert_eq!(site.ask(way, "GET", "/", &[(name, good)]).status, 200, "{way:?} {name}");
            assert_eq!(site.ask(way, "GET", "/", &[(name, good), (name, bad)]).status, 403, "{way:?} {name}");
            assert_eq!(site.ask(way, "GET", "/", &[(name, bad), (name, good)]).status, 403, "{way:?} {name}");
        }
    }
}

#[test]
fn what_a_trusted_proxy_says_about_its_visitor_is_replaced_and_removed_too() {
    let trusted = "trusted_proxies: [127.0.0.1]\n";
    let claims = [
        ("x-forwarded-for", "198.51.100.7"),
        ("true-client-ip", "198.51.100.7"),
        ("x-real-ip", "198.51.100.7"),
        ("x_real_ip", "198.51.100.7"),
        ("forwarded", "for=198.51.100.7"),
        ("x-forwarded-host", "before.example"),
    ];
    let count = |body: &str, name: &str| {
        body.lines().filter(|line| line.to_ascii_lowercase().starts_with(&format!("{name}: "))).count()
    };
    let adds =
        "managed_transforms: {managed_request_headers: [{id: add_true_client_ip_headers, enabled: true}]}\n";
    let sets = rule(
        "http_request_late_transform",
        "true",
        "rewrite",
        "{headers: {x-forwarded-host: {operation: set, value: after.example}, forwarded: {operation: add, value: by=edge}}}",
    );
    let site = Site::with(trusted, &format!("{adds}{}", rulesets(&[sets])));
    let hides =
        "managed_transforms: {managed_request_headers: [{id: remove_visitor_ip_headers, enabled: true}]}\n";
    let hiding = Site::with(trusted, hides);
    let plain = Site::with(trusted, "");
    for way in WAYS {
        let body = plain.ask(way, "GET", "/", &claims).body;
        assert_eq!(sent(&body, "x-real-ip"), Some("198.51.100.7"), "{way:?}: {body}");
        let body = site.ask(way, "GET", "/", &[&claims[..], &[("true_client_ip", "1.2.3.4")]].concat()).body;
        assert_eq!(count(&body, "true-client-ip"), 1, "{way:?}: {body}");
        assert_eq!(sent(&body, "true-client-ip"), Some("198.51.100.7"));
        assert_eq!(count(&body, "true_client_ip"), 0, "{way:?}: {body}");
        assert_eq!(count(&body, "x-forwarded-host"), 1, "{way:?}: {body}");
        assert_eq!(sent(&body, "x-forwarded-host"), Some("after.example"));
        assert_eq!(count(&body, "forwarded"), 2, "{way:?}: {body}");
        let body = hiding.ask(way, "GET", "/", &claims).body;
        assert!(!body.contains("198.51.100.7"), "{way:?}: {body}");
        assert_eq!(sent(&body, "x-forwarded-host"), Some("before.example"));
    }
}

#[test]
fn a_field_behind_many_others_is_seen() {
    let refuses = rule(
        "http_request_firewall_custom",
        r#"any(http.request.headers["x-last"][*] eq "bad")"#,
        "block",
        "",
    );
    let site = Site::with("limits: {fields_max: 400}\n", &rulesets(&[refuses]));
    let names: Vec<String> = (0..300).map(|number| format!("x-{number}")).collect();
    let mut fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    fields.push(("x-last", "bad"));
    for way in WAYS {
        assert_eq!(site.ask(way, "GET", "/", &fields).status, 403, "{way:?}");
    }
}
