//! Expressions in the shapes that documentation and public collections use, with values of our own: `corpus.tsv`.
//!
//! Columns: expression; `filter` or `text`; phase; the address where an expression of this shape was read; a request.
//! The sixth column is, of a filter, a request of which it is not true; of a text, what it makes of the request.
//! A request is its method and URL, then parts behind ` ; `: `name: value` is a field of the request, `<name: value`
//! one of the response, `status=N` its code, `body=TEXT` the body, `field=value` any field of the language. `-` is a
//! filter that is true of no request yet, because it looks at what is not built; `~` one that is true of every one.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that panics has failed"
)]

mod plain;

use plain::{Request, TestLists, V};
use rempart_rules::ast::ListKind;
use rempart_rules::lists::{Contents, List, Texts};
use rempart_rules::{
    Arena, FieldId, Filter, Lists, Phase, ProgramBuilder, Scope, Scratch, Type, Value, ValueExpression,
};
use std::collections::HashSet;
use std::sync::Arc;

/// The lists of the other tests, and one of redirects.
struct AllLists;

struct Moved;

impl Texts for Moved {
    fn has(&self, text: &[u8]) -> bool {
        text == b"https://shop.test/moved"
    }
}

impl Contents for AllLists {
    fn list(&self, name: &str) -> Option<Arc<List>> {
        if name == "moved" { Some(Arc::new(List::Texts(Arc::new(Moved)))) } else { TestLists.list(name) }
    }
}

impl Lists for AllLists {
    fn kind(&self, name: &str) -> Option<ListKind> {
        if name == "moved" { Some(ListKind::Redirect) } else { TestLists.kind(name) }
    }

    fn names(&self) -> Vec<&str> {
        vec!["moved"]
    }
}

/// What the parts of a request say, before fields are made of it.
#[derive(Default)]
struct Parts<'a> {
    headers: Vec<(&'a str, &'a str)>,
    response: Vec<(&'a str, &'a str)>,
    fields: Vec<(&'a str, &'a str)>,
    body: &'a str,
}

fn request(text: &str) -> Request {
    let mut parts = text.split(" ; ");
    let (method, url) = parts.next().unwrap().split_once(' ').expect(text);
    let mut said = Parts::default();
    for part in parts {
        match (part.split_once(": "), part.split_once('=')) {
            (_, Some(("body", body))) => said.body = body,
            (Some((name, value)), _) if name.starts_with('<') => said.response.push((&name[1..], value)),
            (Some((name, value)), _) => said.headers.push((name, value)),
            (None, Some(("status", code))) => said.fields.push(("http.response.code", code)),
            (None, Some(field)) => said.fields.push(field),
            (None, None) => panic!("{part} in {text}"),
        }
    }
    let mut request = of_url(Request::default(), method, url);
    request = of_headers(request, "http.request.headers", &said.headers);
    request = of_headers(request, "http.response.headers", &said.response);
    for (field, name) in
        [("http.cookie", "cookie"), ("http.user_agent", "user-agent"), ("http.referer", "referer")]
    {
        let value = said.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        request = request.with(field, V::text(value.map_or("", |(_, value)| value)));
    }
    if let Some((_, value)) = said.response.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        let media = value.split(';').next().unwrap().trim().to_ascii_lowercase();
        request = request.with("http.response.content_type.media_type", V::text(&media));
    }
    request = of_body(request, &said);
    for (name, value) in &said.fields {
        request = request.with(name, typed(FieldId::named(name).expect(name).ty(), value));
    }
    request
}

/// The fields that the request line has.
fn of_url(request: Request, method: &str, url: &str) -> Request {
    let (scheme, rest) = url.split_once("://").expect(url);
    let (authority, _) = rest.split_once('/').expect(url);
    let uri = &rest[authority.len()..];
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let (host, port) =
        authority.split_once(':').unwrap_or((authority, if scheme == "https" { "443" } else { "80" }));
    let last = path.rsplit('/').next().unwrap();
    let extension = match last.rsplit_once('.') {
        Some((before, extension)) if !before.is_empty() => extension.to_ascii_lowercase(),
        _ => String::new(),
    };
    let pairs: Vec<(&str, &str)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    let names: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = pairs.iter().map(|(_, value)| *value).collect();
    let mut request = request
        .with("http.request.method", V::text(method))
        .with("http.host", V::text(host))
        .with("ssl", V::Bool(scheme == "https"))
        .with("cf.edge.server_port", V::Int(port.parse().unwrap()))
        .with("ip.src", V::Ip("203.0.113.99".parse().unwrap()))
        .with("http.request.timestamp.sec", V::Int(1_700_000_100));
    for raw in ["", "raw."] {
        let field = |rest: &str| format!("{raw}http.request.{rest}");
        request = request
            .with(&field("full_uri"), V::text(url))
            .with(&field("uri"), V::text(uri))
            .with(&field("uri.path"), V::text(path))
            .with(&field("uri.path.extension"), V::text(&extension))
            .with(&field("uri.query"), V::text(query))
            .with(&field("uri.args"), V::map(&pairs))
            .with(&field("uri.args.names"), V::texts(&names))
            .with(&field("uri.args.values"), V::texts(&values));
    }
    request
}

fn of_headers(request: Request, field: &str, headers: &[(&str, &str)]) -> Request {
    let lower: Vec<(String, &str)> =
        headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), *value)).collect();
    let pairs: Vec<(&str, &str)> = lower.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = headers.iter().map(|(_, value)| *value).collect();
    request
        .with(field, V::map(&pairs))
        .with(&format!("{field}.names"), V::texts(&names))
        .with(&format!("{field}.values"), V::texts(&values))
}

fn of_body(request: Request, said: &Parts<'_>) -> Request {
    let is_form = said.headers.contains(&("content-type", "application/x-www-form-urlencoded"));
    let pairs: Vec<(&str, &str)> = match is_form {
        true => said.body.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect(),
        false => Vec::new(),
    };
    let names: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = pairs.iter().map(|(_, value)| *value).collect();
    request
        .with("http.request.body.raw", V::text(said.body))
        .with("http.request.body.size", V::Int(i64::try_from(said.body.len()).unwrap()))
        .with("http.request.body.form", V::map(&pairs))
        .with("http.request.body.form.names", V::texts(&names))
        .with("http.request.body.form.values", V::texts(&values))
}

fn typed(ty: Type, value: &str) -> V {
    match ty {
        Type::Bool => V::Bool(value == "true"),
        Type::Int => V::Int(value.parse().expect(value)),
        Type::Bytes => V::text(value),
        Type::Ip => V::Ip(value.parse().expect(value)),
        Type::Array(of) => V::Array(value.split(',').map(|item| typed(*of, item)).collect()),
        Type::Map(_) => panic!("no map is written as {value}"),
    }
}

/// `http_ratelimit` is where filters of requests stand; those that look at the response count.
fn phase_of(name: &str, expression: &str) -> Phase {
    match Phase::named(name).expect(name) {
        Phase::RateLimit if expression.contains("http.response") => Phase::RateLimitResponse,
        phase => phase,
    }
}

fn rows() -> Vec<[&'static str; 6]> {
    let lines = include_str!("corpus.tsv").lines().skip(1);
    lines.map(|line| line.split('\t').collect::<Vec<_>>().try_into().expect(line)).collect()
}

#[test]
fn there_are_200_expressions_each_with_its_source() {
    let rows = rows();
    let different: HashSet<&str> = rows.iter().map(|row| row[0]).collect();
    assert!(different.len() >= 200, "{}", different.len());
    assert!(rows.iter().all(|row| row[3].starts_with("https://")));
}

#[test]
fn filters_are_true_of_the_requests_that_they_mean() {
    let mut scratch = Scratch::default();
    for [expression, kind, phase, _, yes, no] in rows() {
        if kind != "filter" {
            continue;
        }
        let scope = Scope { phase: phase_of(phase, expression), lists: &AllLists };
        let filter = Filter::parse(expression, scope).unwrap_or_else(|error| panic!("{error}"));
        let mut builder = ProgramBuilder::new(&AllLists);
        let id = builder.filter(&filter);
        let program = builder.build().unwrap();
        let mut check = |text: &str, expected: bool| {
            let (request, arena) = (request(text), Arena::default());
            let found = program.run(&request, &arena, &mut scratch).matches(id);
            assert_eq!(found, Ok(expected), "{expression}\n{text}");
            // The interpreter knows no redirects.
            if !expression.contains("$moved") {
                assert_eq!(plain::is_true(filter.logic(), &request), expected, "{expression}\n{text}");
            }
        };
        if yes != "-" {
            check(yes, true);
        }
        if no != "~" {
            check(no, false);
        }
    }
}

#[test]
fn texts_are_made_of_requests_as_they_mean() {
    let mut scratch = Scratch::default();
    for [expression, kind, phase, _, text, expected] in rows() {
        if kind != "text" {
            continue;
        }
        let scope = Scope { phase: phase_of(phase, expression), lists: &AllLists };
        let value =
            ValueExpression::parse(expression, Type::Bytes, scope).unwrap_or_else(|error| panic!("{error}"));
        let mut builder = ProgramBuilder::new(&AllLists);
        let id = builder.value(&value);
        let program = builder.build().unwrap();
        let (request, arena) = (request(text), Arena::default());
        let run = program.run(&request, &arena, &mut scratch);
        let Ok(Value::Bytes(found)) = run.value(id) else { panic!("{expression} gives no text") };
        assert_eq!(String::from_utf8_lossy(found), expected, "{expression}\n{text}");
    }
}
