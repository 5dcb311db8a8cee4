//! Each function of the language, by examples: those of the documentation's facts, and more.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test may fail")]

mod plain;

use plain::{Request, TestLists, V};
use rempart_rules::{
    Arena, Filter, Function, NoLists, Phase, ProgramBuilder, Scope, Scratch, Type, ValueExpression,
};
use std::collections::BTreeSet;

fn ip(text: &str) -> V {
    V::Ip(text.parse().unwrap())
}

fn request() -> Request {
    Request::default()
        .with("http.host", V::text("WWW.Example.NET"))
        .with("http.request.uri.path", V::text("/report.html"))
        .with("http.request.uri.query", V::text("q=%C3%A9&id=1&utm_source=x&gclid=y&p=2"))
        .with("http.user_agent", V::text("a-b_c"))
        .with("http.cookie", V::text("a%252Fb+c%u00e9%u0041"))
        .with(
            "http.request.body.raw",
            V::text(r#"{"items":[{"qty":2},{"qty":7}],"user":{"role":"editor"},"x":42.0}"#),
        )
        .with(
            "http.request.uri.args",
            V::map(&[("n", "1"), ("n", "3"), ("tag", "a"), ("tag", "b"), ("one", "x"), ("empty", "")]),
        )
        .with("http.request.uri.args.names", V::texts(&["id", "token"]))
        .with("http.request.uri.args.values", V::texts(&["4", "z"]))
        .with(
            "http.request.headers",
            V::map(&[
                ("via", "a"),
                ("via", "proxy-1"),
                ("x-t", "aGkgdGhlcmU="),
                ("x-bad", "a?"),
                ("x-path", "a:b:c"),
            ]),
        )
        .with("http.response.headers", V::map(&[("x-path", "a:b::c")]))
        .with("ip.src", ip("198.51.100.77"))
        .with("cf.edge.server_ip", ip("2001:db8:aa:bb::9"))
        .with("cf.edge.server_port", V::Int(8443))
        .with("http.request.timestamp.sec", V::Int(1_700_000_100))
        .with(
            "http.request.uri",
            V::text("/dl/a.bin?t=1700000000-6hBZxl4jPcdMaSYYnLEKxP4sWJixo_PuRCXOTOW2LDc"),
        )
        .with("ssl", V::Bool(true))
        .with("ip.src.country", V::text("de"))
        .with("cf.random_seed", V::Bytes((0..32).collect()))
}

/// Phases that together have every function.
const PHASES: &[Phase] = &[Phase::Custom, Phase::UrlRewrite, Phase::ResponseHeaders, Phase::ApiEarly];

/// What an expression gives, in the first phase that has what it needs.
fn value(text: &str, ty: Type) -> V {
    let request = request();
    let mut problem = String::new();
    for phase in PHASES {
        match ValueExpression::parse(text, ty, Scope { phase: *phase, lists: &NoLists }) {
            Ok(expression) => {
                let mut builder = ProgramBuilder::new(&NoLists);
                let id = builder.value(&expression);
                let program = builder.build().unwrap();
                let arena = Arena::default();
                let mut scratch = Scratch::default();
                let found = V::of(program.run(&request, &arena, &mut scratch).value(id).unwrap());
                assert_eq!(found, plain::value(expression.operand(), &request), "{text}: the interpreter");
                return found;
            }
            Err(error) => problem = error.to_string(),
        }
    }
    panic!("{text}: {problem}");
}

fn holds(text: &str) -> bool {
    let request = request();
    let mut problem = String::new();
    for phase in PHASES {
        match Filter::parse(text, Scope { phase: *phase, lists: &TestLists }) {
            Ok(filter) => {
                let mut builder = ProgramBuilder::new(&TestLists);
                let id = builder.filter(&filter);
                let program = builder.build().unwrap();
                let arena = Arena::default();
                let mut scratch = Scratch::default();
                let found = program.run(&request, &arena, &mut scratch).matches(id).unwrap();
                assert_eq!(found, plain::is_true(filter.logic(), &request), "{text}: the interpreter");
                return found;
            }
            Err(error) => problem = error.to_string(),
        }
    }
    panic!("{text}: {problem}");
}

/// Expression and the text that it gives; `None` is missing.
const TEXTS: &[(&str, Option<&str>)] = &[
    (r#"coalesce(http.request.uri.args["lang"][0], "en")"#, Some("en")),
    (r#"coalesce(http.request.uri.args["one"][0], "en")"#, Some("x")),
    (r#"coalesce(http.request.uri.args["no"][0], http.request.uri.args["none"][0])"#, None),
    (r#"concat("/v2", http.request.uri.path)"#, Some("/v2/report.html")),
    (r#"concat(http.request.uri.args["no"][0], "x")"#, Some("x")),
    (r#"concat(http.request.uri.args["no"][0], http.request.uri.args["none"][0])"#, None),
    (r#"decode_base64(http.request.headers["x-t"][0])"#, Some("hi there")),
    (r#"decode_base64(http.request.headers["x-bad"][0])"#, None),
    (r#"decode_base64(http.request.headers["none"][0])"#, None),
    (r#"encode_base64("rules?")"#, Some("cnVsZXM/")),
    (r#"encode_base64("rules?", "u")"#, Some("cnVsZXM_")),
    (r#"encode_base64("edge", "p")"#, Some("ZWRnZQ==")),
    (r#"encode_base64("edge", "up")"#, Some("ZWRnZQ==")),
    (r#"encode_base64(sha256("abc"))"#, Some("ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0")),
    (r#"join(http.request.uri.args["tag"], "|")"#, Some("a|b")),
    (r#"join(http.request.uri.args["one"], "|")"#, Some("x")),
    (r#"join(http.request.uri.args["none"], "|")"#, None),
    (r#"join(http.request.body.form.names, "|")"#, Some("")),
    (r#"lookup_json_string(http.request.body.raw, "user", "role")"#, Some("editor")),
    (r#"lookup_json_string(http.request.body.raw, "user", "name")"#, None),
    (r#"lookup_json_string(http.request.body.raw, "items", 0, "qty")"#, None),
    (r#"lookup_json_string(http.host, "user")"#, None),
    ("lower(http.host)", Some("www.example.net")),
    ("upper(ip.src.country)", Some("DE")),
    (r#"regex_replace(http.request.uri.path, "^/r(.*)[.]html$", "/R/${1}")"#, Some("/R/eport")),
    (r#"regex_replace(http.request.uri.path, "[rt]", "-")"#, Some("/-eport.html")),
    (r#"regex_replace(http.request.uri.path, "^/u/([0-9]+)$", "/users/${1}")"#, Some("/report.html")),
    (r#"regex_replace("a1", "([a-z])([0-9])", "$$${2}${1}")"#, Some("$1a")),
    (r#"regex_replace(http.host, "(?i)EXAMPLE", "x")"#, Some("WWW.x.NET")),
    (r#"regex_replace(http.host, "example", "x")"#, Some("WWW.Example.NET")),
    (r#"remove_bytes(http.user_agent, "\x2d\x5f")"#, Some("abc")),
    (r#"remove_query_args(http.request.uri.query, "utm_source", "gclid")"#, Some("q=%C3%A9&id=1&p=2")),
    (r#"remove_query_args(http.request.uri.query, "none")"#, Some("q=%C3%A9&id=1&utm_source=x&gclid=y&p=2")),
    (r#"remove_query_args(http.request.uri.query, "q", "id", "utm_source", "gclid", "p")"#, Some("")),
    ("substring(http.request.uri.path, 1, -5)", Some("report")),
    ("substring(http.request.uri.path, -4)", Some("html")),
    ("substring(http.request.uri.path, 3, 3)", Some("")),
    ("substring(http.request.uri.path, 5, 2)", Some("")),
    ("substring(http.request.uri.path, -100, 100)", Some("/report.html")),
    ("substring(http.request.uri.path, 100)", Some("")),
    ("to_string(cf.edge.server_port)", Some("8443")),
    ("to_string(ssl)", Some("true")),
    ("to_string(ip.src)", Some("198.51.100.77")),
    ("to_string(cf.edge.server_ip)", Some("2001:db8:aa:bb::9")),
    ("url_decode(http.cookie)", Some("a%2Fb c%u00e9%u0041")),
    (r#"url_decode(http.cookie, "r")"#, Some("a/b c%u00e9%u0041")),
    (r#"url_decode(http.cookie, "u")"#, Some("a%2Fb céA")),
    (r#"url_decode(http.cookie, "ru")"#, Some("a/b céA")),
    ("uuidv4(cf.random_seed)", Some("00010203-0405-4607-8809-0a0b0c0d0e0f")),
    ("uuidv4(http.user_agent)", None),
    (r#"wildcard_replace(http.request.uri.path, "/*.*", "/${2}/${1}")"#, Some("/html/report")),
    (r#"wildcard_replace(http.request.uri.path, "/REP*", "${1}")"#, Some("ort.html")),
    (r#"wildcard_replace(http.request.uri.path, "/REP*", "${1}", "s")"#, Some("/report.html")),
    (r#"wildcard_replace(http.request.uri.path, "/rep", "x")"#, Some("/report.html")),
    (r#"join(split(http.response.headers["x-path"][0], ":", 2), "|")"#, Some("a|b::c")),
    (r#"join(split(http.response.headers["x-path"][0], ":", 128), "|")"#, Some("a|b||c")),
    (r#"join(split(http.response.headers["x-path"][0], ":", 1), "|")"#, Some("a:b::c")),
    (r#"join(split(http.response.headers["none"][0], ":", 2), "|")"#, None),
    (r#"join(concat(http.request.uri.args["tag"], http.request.uri.args["n"]), "")"#, Some("ab13")),
];

#[test]
fn functions_that_give_text() {
    for (text, expected) in TEXTS {
        assert_eq!(value(text, Type::Bytes), expected.map_or(V::Missing, V::text), "{text}");
    }
}

/// Filters, and whether they are true.
const FILTERS: &[(&str, bool)] = &[
    (r#"all(http.request.uri.args["n"][*] in {"1" "2"})"#, false),
    (r#"all(http.request.uri.args["n"][*] in {"1" "2" "3"})"#, true),
    (r#"all(http.request.uri.args["none"][*] == "a")"#, true),
    (r#"any(http.request.uri.args["none"][*] != "a")"#, false),
    (r#"any(http.request.headers["via"][*] contains "proxy")"#, true),
    ("cidr(ip.src, 16, 48) == 198.51.0.0", true),
    ("cidr(cf.edge.server_ip, 16, 48) == 2001:db8:aa::", true),
    ("cidr(ip.src, 32, 1) == 198.51.100.77", true),
    ("cidr(cf.edge.server_ip, 1, 1) == ::", true),
    ("cidr6(cf.edge.server_ip, 48) == 2001:db8:aa::", true),
    ("cidr6(ip.src, 1) == 198.51.100.77", true),
    (r#"any(decode_base64(http.request.headers["x-t"][*])[*] eq "hi there")"#, true),
    (r#"ends_with(http.request.uri.path, ".html")"#, true),
    (r#"ends_with(http.request.uri.path, ".HTML")"#, false),
    (r#"ends_with(http.request.uri.path, "")"#, true),
    (r#"ends_with(http.request.headers["none"][0], "")"#, false),
    (r#"not ends_with(http.request.headers["none"][0], "")"#, true),
    (r#"starts_with(http.request.uri.path, "/rep")"#, true),
    (r#"starts_with(http.request.uri.path, "/REP")"#, false),
    (r#"any(starts_with(http.request.headers["via"][*], "pro"))"#, true),
    (r#"has_key(http.request.headers, "via")"#, true),
    (r#"has_key(http.request.headers, "Via")"#, false),
    (r#"has_key(http.request.headers, http.request.uri.args["none"][0])"#, false),
    (r#"has_value(http.request.uri.args.names, "token")"#, true),
    (r#"has_value(http.request.uri.args.names, "tok")"#, false),
    (r#"has_value(http.request.uri.args["none"], "a")"#, false),
    (r#"has_value(http.request.uri.args["tag"], http.request.uri.args["tag"][1])"#, true),
    ("hash_in_range(0, 1000, ip.src) < 1000", true),
    ("hash_in_range(5, 6, ip.src, http.host) == 5", true),
    ("hash_in_range(0, 1000, ip.src) == hash_in_range(0, 1000, ip.src)", true),
    (r#"hash_in_range(0, 1000, http.request.headers["none"][0]) >= 0"#, false),
    (r#"is_jwt_present("0d9f6c1e-1c11-4b0a-9f3a-5a4f0c7e2b10")"#, false),
    (r#"is_jwt_valid("0d9f6c1e-1c11-4b0a-9f3a-5a4f0c7e2b10")"#, false),
    (r#"is_timed_hmac_valid_v0("k3y", http.request.uri, 600, http.request.timestamp.sec, 3, "s")"#, true),
    (r#"is_timed_hmac_valid_v0("k3y", http.request.uri, 600, 1700000599, 3, "s")"#, true),
    (r#"is_timed_hmac_valid_v0("k3y", http.request.uri, 600, 1700000600, 3, "s")"#, false),
    (r#"is_timed_hmac_valid_v0("key", http.request.uri, 600, http.request.timestamp.sec, 3, "s")"#, false),
    (r#"is_timed_hmac_valid_v0("k3y", http.request.uri, 600, http.request.timestamp.sec, 2, "s")"#, false),
    (r#"is_timed_hmac_valid_v0("k3y", http.request.uri, 600, http.request.timestamp.sec, 3)"#, false),
    (
        r#"is_timed_hmac_valid_v0("k3y", concat("/dl/a.bin1700000000-", "6hBZxl4jPcdMaSYYnLEKxP4sWJixo%2FPuRCXOTOW2LDc%3D"), 600, 1700000001)"#,
        true,
    ),
    (r#"is_timed_hmac_valid_v0("k3y", http.host, 600, http.request.timestamp.sec)"#, false),
    ("len(http.request.uri.args[\"tag\"]) == 2", true),
    (r#"len(http.request.uri.args["empty"][0]) == 0"#, true),
    (r#"len(http.request.uri.args["none"]) >= 0"#, false),
    (r#"any(len(http.request.uri.args.names[*])[*] == 5)"#, true),
    (r#"lookup_json_integer(http.request.body.raw, "items", 1, "qty") == 7"#, true),
    (r#"lookup_json_integer(http.request.body.raw, "x") == 42"#, false),
    (r#"lookup_json_integer(http.request.body.raw, "items", 2, "qty") >= 0"#, false),
    (r#"not lookup_json_integer(http.request.body.raw, "none") == 1"#, true),
    (r#"any(lower(http.request.headers["via"][*])[*] == "proxy-1")"#, true),
];

#[test]
fn functions_in_filters() {
    for (text, expected) in FILTERS {
        assert_eq!(holds(text), *expected, "{text}");
    }
}

#[test]
fn a_share_of_addresses_is_a_share() {
    let filter =
        Filter::parse("hash_in_range(0, 1000, ip.src) < 50", Scope { phase: Phase::Custom, lists: &NoLists });
    let mut builder = ProgramBuilder::new(&NoLists);
    let id = builder.filter(&filter.unwrap());
    let program = builder.build().unwrap();
    let mut scratch = Scratch::default();
    let hits = (0..10_000_u32).filter(|number| {
        let request =
            Request::default().with("ip.src", V::Ip(std::net::Ipv4Addr::from(0x0a00_0000 + number).into()));
        let arena = Arena::default();
        program.run(&request, &arena, &mut scratch).matches(id).unwrap()
    });
    let hits = hits.count();
    assert!((400..600).contains(&hits), "{hits} of 10000, 500 were expected");
}

/// That no function is forgotten here.
#[test]
fn every_function_has_an_example() {
    let all: String = TEXTS
        .iter()
        .chain(FILTERS.iter().map(|(text, _)| (*text, None)).collect::<Vec<_>>().iter())
        .map(|(text, _)| format!("{text}\n"))
        .collect();
    let without: BTreeSet<&str> =
        Function::NAMES.iter().copied().filter(|name| !all.contains(&format!("{name}("))).collect();
    assert!(without.is_empty(), "{without:?}");
}
