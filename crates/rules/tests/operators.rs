//! Each operator, literal and index of the language, by what it says of one request.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test may fail")]

mod plain;

use plain::{Request, TestLists, V};
use rempart_rules::{Arena, Filter, Phase, ProgramBuilder, Scope, Scratch};

fn request() -> Request {
    let ip = |text: &str| V::Ip(text.parse().unwrap());
    Request::default()
        .with("http.request.method", V::text("PUT"))
        .with("http.host", V::text("a.test"))
        .with("http.user_agent", V::Bytes(b"a\"b\\c\x00\xff".to_vec()))
        .with("http.request.uri.path", V::text("/Admin/.git/v1.php"))
        .with("raw.http.request.uri.path", V::text("/Admin/x"))
        .with("http.request.uri.query", V::text("x.b.test"))
        .with("http.cookie", V::text(r#"say "hi" 100%*"#))
        .with("http.referer", V::text("αβγ"))
        .with("cf.edge.server_port", V::Int(8443))
        .with("ip.src.asnum", V::Int(64_500))
        .with("http.request.timestamp.msec", V::Int(-12))
        .with("ip.src", ip("192.0.2.15"))
        .with("cf.edge.server_ip", ip("2001:db8::1"))
        .with("ssl", V::Bool(true))
        .with("cf.edge.client_tcp", V::Bool(false))
        .with("http.request.uri.args", V::map(&[("n", "1"), ("n", "3"), ("m", "q")]))
        .with("http.request.uri.args.names", V::texts(&["n", "n", "m"]))
        .with("http.request.uri.args.values", V::texts(&["1", "%2e%2E/", "q"]))
        .with(
            "http.request.headers",
            V::map(&[("accept", "text/html"), ("accept", "json"), ("x-token", "t")]),
        )
        .with("http.request.body.multipart.names", V::Array(vec![V::texts(&["file", "b"]), V::texts(&[])]))
}

/// Filters, by the rows of the facts, and whether they are true.
const ROWS: &[(&str, bool)] = &[
    // equal, not equal
    (r#"http.request.method eq "PUT""#, true),
    (r#"http.request.method == "put""#, false),
    ("ip.src eq 192.0.2.15", true),
    ("cf.edge.server_port == 8443", true),
    ("cf.edge.server_ip eq 192.0.2.15", false),
    (r#"http.request.method ne "PUT""#, false),
    ("ip.src ne 192.0.2.9", true),
    ("cf.edge.server_ip != 192.0.2.15", true),
    // the four orders: numbers, bytes, addresses of one family
    ("cf.edge.server_port lt 8443", false),
    ("cf.edge.server_port le 8443", true),
    ("cf.edge.server_port gt 8442", true),
    ("cf.edge.server_port >= 8443", true),
    (r#"http.host lt "a.tesu""#, true),
    (r#"http.host lt "a.test0""#, true),
    (r#"http.host > "a.tes""#, true),
    (r#"http.host < "B""#, false),
    ("ip.src lt 192.0.2.16", true),
    ("ip.src ge 192.0.2.16", false),
    ("ip.src lt 2001:db8::", false),
    ("ip.src ge 2001:db8::", false),
    ("ip.src le ::ffff:255.255.255.255", false),
    // contains
    (r#"http.request.uri.path contains "/.git/""#, true),
    (r#"http.request.uri.path contains "/.GIT/""#, false),
    (r#"http.request.uri.path contains "v1.*""#, false),
    (r#"http.request.uri.path contains """#, true),
    (r#"http.request.headers["none"][0] contains """#, false),
    // wildcard, strict wildcard
    (r#"http.request.uri.query wildcard "*.B.test""#, true),
    (r#"http.request.uri.query wildcard "*.b.tes""#, false),
    (r#"http.host wildcard "a?test""#, false),
    (r#"http.request.uri.path strict wildcard "/Admin/*""#, true),
    (r#"http.request.uri.path strict wildcard "/admin/*""#, false),
    (r#"http.request.uri.path wildcard "/admin/*""#, true),
    (r#"http.cookie wildcard r"*100%\*""#, true),
    (r#"http.cookie wildcard "*\\*""#, true),
    (r#"http.cookie wildcard r"*\**\*""#, false),
    // matches
    (r#"http.request.uri.path matches r"^/[A-Z][a-z]+/""#, true),
    (r#"http.request.uri.path matches "/admin/""#, false),
    (r#"http.request.uri.path ~ "(?i)/admin/""#, true),
    (r#"http.request.uri.path matches "[\"x]\.php$""#, false),
    (r#"http.request.uri.path matches "[1\"]\.php$""#, true),
    (r#"http.referer matches r"(?u)^\p{Greek}+$""#, true),
    (r#"http.referer matches r"^\w+$""#, false),
    (r#"http.referer matches r"^......$""#, true),
    // in a set, in a list
    (r#"http.request.method in {"GET" "PUT"}"#, true),
    (r#"http.request.method in {"put"}"#, false),
    ("cf.edge.server_port in {80 8000..8443}", true),
    ("cf.edge.server_port in {80 8444..9000}", false),
    ("ip.src in {192.0.2.10..192.0.2.20}", true),
    ("ip.src in {192.0.2.0/28 2001:db8::/32}", true),
    ("cf.edge.server_ip in {192.0.2.0/28 2001:db8::/32}", true),
    ("ip.src in {192.0.2.16/28}", false),
    ("not ip.src in {192.0.2.0/24}", false),
    ("ip.src in $office", true),
    ("not ip.src in $office", false),
    ("http.request.uri.query in $hosts", true),
    ("http.host in $hosts", true),
    ("ip.src.asnum in $nets", true),
    ("ip.src.asnum & 4", true),
    ("ip.src.asnum bitwise_and 1", false),
    // Booleans and what joins them
    ("ssl", true),
    ("ssl and not cf.client.bot", true),
    ("not ssl", false),
    ("not not ssl", true),
    ("! cf.edge.client_tcp", true),
    (r#"not http.host == "x" and cf.edge.client_tcp"#, false),
    ("ssl xor ssl xor ssl", true),
    ("ssl ^^ ssl", false),
    ("ssl or cf.edge.client_tcp and cf.edge.client_tcp", true),
    ("(ssl or cf.edge.client_tcp) and cf.edge.client_tcp", false),
    ("ssl or ssl xor ssl", true),
    ("cf.edge.client_tcp xor ssl and cf.edge.client_tcp", false),
    ("true", true),
    ("not true", false),
    // any, all
    (r#"any(http.request.uri.args.names[*] == "m")"#, true),
    (r#"all(http.request.uri.args.names[*] == "n")"#, false),
    (r#"all(http.request.uri.args["n"][*] in {"1" "3"})"#, true),
    (r#"any(http.request.uri.args.names[*] == "n" and http.request.uri.args.names[*] == "m")"#, false),
    (r#"all(http.request.uri.args.names[*] == "n" xor http.request.uri.args.names[*] == "m")"#, true),
    (r#"any(not http.request.uri.args.names[*] == "n")"#, true),
    (r#"not any(http.request.uri.args.names[*] == "n")"#, false),
    // literals
    (r#"http.user_agent == "a\"b\\c\x00\xff""#, true),
    (r#"http.user_agent == "a\"b\\c\000\377""#, true),
    ("http.cookie contains r#\"say \"hi\"\"#", true),
    (r#"http.cookie contains r"hi\""#, false),
    ("http.request.timestamp.msec == -12", true),
    ("http.request.timestamp.msec == -0xc", true),
    ("cf.edge.server_port == 0x20fb", true),
    ("cf.edge.server_port == 020373", true),
    ("cf.edge.server_port in {}", false),
    // the right side is a field or a call
    ("http.request.uri.path ne raw.http.request.uri.path", true),
    (r#"http.host eq lower("A.TEST")"#, true),
    ("ip.src eq cf.edge.server_ip", false),
    // indexes
    (r#"http.request.uri.args.values[0] == "1""#, true),
    (r#"http.request.uri.args.values[3] == "1""#, false),
    (r#"http.request.headers["x-token"][0] == "t""#, true),
    (r#"http.request.headers["X-Token"][0] == "t""#, false),
    (r#"any(http.request.headers["accept"][*] contains "json")"#, true),
    (r#"any(http.request.headers[*][*] == "t")"#, true),
    (r#"any(http.request.headers[*][1] == "json")"#, true),
    (r#"all(http.request.headers[*][1] == "json")"#, false),
    (r#"any(url_decode(http.request.uri.args.values[*])[*] contains "../")"#, true),
    (r#"any(http.request.body.multipart.names[*][0] == "file")"#, true),
    (r#"all(http.request.body.multipart.names[*][0] == "file")"#, false),
    // what is missing
    (r#"http.request.headers["x-none"][0] ne "a""#, false),
    (r#"http.request.headers["x-none"][0] eq "a""#, false),
    (r#"not http.request.headers["x-none"][0] == "a""#, true),
    (r#"http.request.uri.args["a"][0] eq http.request.uri.args["b"][0]"#, false),
    (r#"http.request.uri.args["a"][0] ne http.request.uri.args["n"][0]"#, false),
    (r#"len(http.request.uri.args["p"]) >= 0"#, false),
    (r#"all(http.request.headers["x-none"][*] == "a")"#, true),
    (r#"any(http.request.headers["x-none"][*] == "a")"#, false),
    (r#"coalesce(http.request.uri.args["v"][0], "1") eq "1""#, true),
    ("cf.bot_management.score lt 20", false),
    ("not cf.bot_management.score lt 20", true),
];

#[test]
fn operators_say_what_the_facts_say() {
    let (request, mut scratch) = (request(), Scratch::default());
    let scope = Scope { phase: Phase::Custom, lists: &TestLists };
    let filters: Vec<Filter> = ROWS
        .iter()
        .map(|(text, _)| Filter::parse(text, scope).unwrap_or_else(|error| panic!("{text}: {error}")))
        .collect();
    // All in one program, and each in one of its own.
    let mut builder = ProgramBuilder::new(&TestLists);
    let ids: Vec<_> = filters.iter().map(|filter| builder.filter(filter)).collect();
    let together = builder.build().unwrap();
    let arena = Arena::default();
    let found: Vec<_> = {
        let run = together.run(&request, &arena, &mut scratch);
        ids.iter().map(|id| run.matches(*id)).collect()
    };
    for (((text, expected), filter), found) in ROWS.iter().zip(&filters).zip(found) {
        assert_eq!(found, Ok(*expected), "{text}");
        assert_eq!(plain::is_true(filter.logic(), &request), *expected, "{text}: the interpreter");
        let mut builder = ProgramBuilder::new(&TestLists);
        let id = builder.filter(filter);
        let alone = builder.build().unwrap();
        let arena = Arena::default();
        assert_eq!(alone.run(&request, &arena, &mut scratch).matches(id), Ok(*expected), "{text}: alone");
    }
}
