//! What rules see of a request: each expression is true of one visit, in HTTP/1.1 and HTTP/2.

use crate::site::{Answer, Site, WAYS, Way};

/// The number of the rule, of those with these expressions, that says what `matches`.
fn matches(expressions: &[(&str, Option<Way>)]) {
    let rules: String = expressions
        .iter()
        .map(|(expression, _)| format!("      - {{expression: '{expression}', action: log, ref: 'x'}}\n"))
        .collect();
    let rules: String = rules
        .split_inclusive('\n')
        .enumerate()
        .map(|(number, line)| line.replace("ref: 'x'", &format!("ref: 'rule-{number}', id: 'rule-{number}'")))
        .collect();
    let site = Site::new(&format!("rulesets:\n  - phase: http_request_firewall_custom\n    rules:\n{rules}"));
    for way in WAYS {
        let target = format!("/A/b.C/file.Tar.GZ?a=1&b=2&a=3&way={way:?}");
        let fields = [
            ("user-agent", "curl/8"),
            ("referer", "https://from.test/x"),
            ("cookie", "one=1; tw%6f=2; one=3"),
            ("x-forwarded-for", "198.51.100.7"),
            ("x-twice", "first"),
            ("x-twice", "second"),
            ("accept-language", "fr;q=0.5, de"),
        ];
        let answer: Answer = site.ask(way, "PUT", &target, &fields);
        assert_eq!(answer.status, 200);
        let line = site.logged(|line| line["ClientRequestURI"] == target.as_str());
        let found = line["SecurityRuleIDs"].as_array().cloned().unwrap_or_default();
        for (number, (expression, only)) in expressions.iter().enumerate() {
            let is_there = found.iter().any(|id| *id == format!("rule-{number}"));
            assert_eq!(is_there, only.is_none_or(|only| only == way), "{way:?}: {expression}");
        }
    }
}

#[test]
fn the_url_and_its_parts() {
    matches(&[
        (r#"http.request.uri.path eq "/A/b.C/file.Tar.GZ""#, None),
        (r#"raw.http.request.uri.path eq "/A/b.C/file.Tar.GZ""#, None),
        (r#"http.request.uri.path.extension eq "gz""#, None),
        (r#"starts_with(http.request.uri.query, "a=1&b=2&a=3&way=")"#, None),
        (r#"starts_with(http.request.uri, "/A/b.C/file.Tar.GZ?a=1&")"#, None),
        (r#"http.request.uri.args["a"][0] eq "1" and http.request.uri.args["a"][1] eq "3""#, None),
        (r#"len(http.request.uri.args.names) eq 4 and http.request.uri.args.names[2] eq "a""#, None),
        (r#"http.request.uri.args.values[1] eq "2""#, None),
        (r#"http.request.full_uri wildcard "http://test.example/A/*""#, Some(Way::Http1)),
        (r#"http.request.full_uri wildcard "https://test.example/A/*""#, Some(Way::Http2)),
        ("ssl", Some(Way::Http2)),
    ]);
}

#[test]
fn the_head() {
    matches(&[
        (r#"http.host eq "test.example""#, None),
        (r#"http.request.method eq "PUT""#, None),
        (r#"http.request.version eq "HTTP/1.1""#, Some(Way::Http1)),
        (r#"http.request.version eq "HTTP/2""#, Some(Way::Http2)),
        (r#"http.user_agent eq "curl/8" and http.referer contains "from.test""#, None),
        (r#"http.cookie eq "one=1; tw%6f=2; one=3""#, None),
        (r#"http.request.cookies["one"][1] eq "3" and http.request.cookies["two"][0] eq "2""#, None),
        (r#"http.x_forwarded_for eq "198.51.100.7""#, None),
        (
            r#"http.request.headers["x-twice"][0] eq "first" and http.request.headers["x-twice"][1] eq "second""#,
            None,
        ),
        (
            r#"any(http.request.headers.names[*] eq "x-twice") and any(http.request.headers.values[*] eq "second")"#,
            None,
        ),
        (r#"http.request.headers["host"][0] eq "test.example""#, None),
        ("not http.request.headers.truncated", None),
    ]);
}

#[test]
fn the_connection_and_the_exchange() {
    matches(&[
        ("ip.src in {127.0.0.0/8}", None),
        ("http.request.timestamp.sec > 1700000000 and http.request.timestamp.msec < 1000", None),
        ("len(cf.ray_id) eq 16", None),
        (r#"cf.zone.name eq "test.example""#, None),
        (r#"cf.tls_version eq "TLSv1.3" and cf.tls_cipher ne """#, Some(Way::Http2)),
        (r#"cf.tls_version eq """#, Some(Way::Http1)),
        ("cf.edge.server_port > 0", None),
        (r#"ip.src.country eq "XX" and cf.threat_score eq 0"#, None),
    ]);
}
