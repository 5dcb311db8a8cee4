//! What rules cost a request, for a profiler that counts instructions:
//!
//! ```text
//! cargo build --release -p rempart-rules --example cost
//! valgrind --tool=callgrind target/release/examples/cost 50 1000
//! ```
//!
//! The arguments: how many rules, how many requests, and `one` if one of the rules matches. The instructions of one
//! request are the difference between two runs of different length, by their difference in requests. Without a
//! profiler it also says how long a request took.

use rempart_rules::{
    Arena, Array, Entries, FieldId, Fields, Filter, FilterId, NoLists, NotYet, Phase, Program,
    ProgramBuilder, Scope, Scratch, Value,
};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

/// A request as it often is.
struct Request {
    headers: Vec<(&'static str, &'static str)>,
}

const HEADERS: &[(&str, &str)] = &[
    ("host", "www.shop.test"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    ),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("accept-language", "en-GB,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("referer", "https://www.shop.test/catalogue/boots"),
    ("cookie", "session=6f1c2a9be0d34a77; basket=3; seen=boots%2Csocks"),
];

impl Entries for Request {
    fn len(&self) -> usize {
        self.headers.len()
    }

    fn at<'a>(&'a self, index: usize, arena: &'a Arena<'a>) -> Option<(&'a [u8], Value<'a>)> {
        let (name, _) = self.headers.get(index)?;
        Some((name.as_bytes(), self.find(name.as_bytes(), arena)))
    }

    fn find<'a>(&'a self, key: &[u8], arena: &'a Arena<'a>) -> Value<'a> {
        let values = self.headers.iter().filter(|(name, _)| name.as_bytes() == key);
        let values: Vec<Value<'a>> = values.map(|(_, value)| Value::Bytes(value.as_bytes())).collect();
        if values.is_empty() { Value::Missing } else { Value::Array(Array::Slice(arena.values(values))) }
    }

    fn find_at<'a>(&'a self, key: &[u8], index: usize, _: &'a Arena<'a>) -> Value<'a> {
        let mut values = self.headers.iter().filter(|(name, _)| name.as_bytes() == key);
        values.nth(index).map_or(Value::Missing, |(_, value)| Value::Bytes(value.as_bytes()))
    }
}

impl Fields for Request {
    #[allow(clippy::wildcard_enum_match_arm, reason = "these are the fields that its rules have")]
    fn get<'a>(&'a self, field: FieldId, arena: &'a Arena<'a>) -> Result<Value<'a>, NotYet> {
        let header = |name: &str| match self.find_at(name.as_bytes(), 0, arena) {
            Value::Missing => Value::Bytes(b""),
            value => value,
        };
        Ok(match field {
            FieldId::HttpHost => header("host"),
            FieldId::HttpUserAgent => header("user-agent"),
            FieldId::HttpReferer => header("referer"),
            FieldId::HttpCookie => header("cookie"),
            FieldId::HttpRequestMethod => Value::Bytes(b"GET"),
            FieldId::HttpRequestUriPath => Value::Bytes(b"/catalogue/boots/winter/item-4711.html"),
            FieldId::HttpRequestUriQuery => Value::Bytes(b"size=42&colour=brown&ref=mail"),
            FieldId::HttpRequestUri => {
                Value::Bytes(b"/catalogue/boots/winter/item-4711.html?size=42&colour=brown&ref=mail")
            }
            FieldId::HttpRequestHeaders => Value::Map(rempart_rules::Map::View(self)),
            FieldId::IpSrc => Value::Ip(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 77))),
            FieldId::IpSrcCountry => Value::Bytes(b"NZ"),
            FieldId::IpSrcAsnum => Value::Int(64_500),
            FieldId::Ssl => Value::Bool(true),
            FieldId::HttpRequestBodyRaw => return Err(NotYet),
            _ => Value::Missing,
        })
    }
}

/// Rules of the kinds that operators write, in turn, each with words of its own. None is true of the request.
fn rule(number: usize) -> String {
    match number % 12 {
        0 => format!(r#"http.request.uri.path contains "/wp-admin-{number}/""#),
        1 => format!(r#"http.host eq "old-{number}.shop.test" and http.request.uri.path eq "/login""#),
        2 => format!(
            r#"starts_with(http.request.uri.path, "/api/v{number}/") and not ip.src in {{192.0.2.0/24}}"#
        ),
        3 => format!(
            r#"http.user_agent contains "BadBot/{number}" or http.user_agent contains "Scanner{number}""#
        ),
        4 => format!("ip.src in {{203.0.113.{} 198.18.{}.0/24}}", number % 256, number % 256),
        5 => format!(r#"ends_with(lower(http.request.uri.path), ".bak{number}")"#),
        6 => format!(r#"http.request.uri.path matches r"^/files/{number}/[0-9a-f]+\.zip$""#),
        7 => format!(r#"http.host wildcard "*.tenant{number}.shop.test" and ssl"#),
        8 => format!(r#"any(http.request.headers["x-trace"][*] contains "debug{number}")"#),
        9 => format!(
            r#"ip.src.asnum in {{{} {}}} and http.request.method eq "POST""#,
            65_000 + number,
            4_200_000_000 + number
        ),
        10 => format!(
            r#"http.request.uri.query contains "attack{number}=" or http.request.uri.path in {{"/x{number}" "/y{number}"}}"#
        ),
        _ => format!(r#"http.request.method eq "POST" and http.request.body.raw contains "evil{number}""#),
    }
}

fn program(rules: usize, with_one: bool) -> Program {
    let scope = Scope { phase: Phase::Custom, lists: &NoLists };
    let mut texts: Vec<String> = (0..rules).map(rule).collect();
    if let (Some(last), true) = (texts.last_mut(), with_one) {
        *last = r#"starts_with(http.request.uri.path, "/catalogue/") and ssl"#.to_owned();
    }
    let mut builder = ProgramBuilder::new(&NoLists);
    for text in texts {
        match Filter::parse(&text, scope) {
            Ok(filter) => _ = builder.filter(&filter),
            Err(error) => println!("{error}"),
        }
    }
    #[allow(clippy::expect_used, reason = "an example may fail")]
    builder.build().expect("these rules are small")
}

#[allow(clippy::disallowed_methods, reason = "this example says how long it took")]
fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().and_then(|text| text.parse::<usize>().ok());
    let (rules, requests) = (number().unwrap_or(50), number().unwrap_or(10_000));
    let program = program(rules, arguments.next().is_some());
    let request = Request { headers: HEADERS.to_vec() };
    let mut scratch = Scratch::default();
    let mut matched = 0;
    let begin = std::time::Instant::now();
    for _ in 0..requests {
        let arena = Arena::default();
        let run = black_box(&program).run(black_box(&request), &arena, &mut scratch);
        let mut from = FilterId(0);
        while let Some(filter) = run.next(from) {
            matched += usize::from(run.matches(filter) == Ok(true));
            from = FilterId(filter.0 + 1);
        }
    }
    let nanoseconds = begin.elapsed().as_nanos() / requests.max(1) as u128;
    println!(
        "{rules} rules, {requests} requests, {matched} matches, {nanoseconds} ns a request, {} bytes",
        program.weight()
    );
}
