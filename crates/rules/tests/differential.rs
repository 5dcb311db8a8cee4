//! Random programs over random requests: the program and the plain interpreter say the same.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test may fail")]

mod plain;

use plain::{Bytes, Request, TestLists, V};
use rempart_rules::{Arena, Filter, Phase, ProgramBuilder, Scope, Scratch, Type, ValueExpression};

fn scope() -> Scope<'static> {
    Scope { phase: Phase::Custom, lists: &TestLists }
}

#[test]
fn the_program_and_the_interpreter_agree() {
    compare(1..400);
}

/// Some minutes: `cargo test -p rempart-rules --test differential -- --ignored`.
#[test]
#[ignore = "takes minutes"]
fn the_program_and_the_interpreter_agree_for_long() {
    compare(400..12_000);
}

/// Programs of up to 30 filters, each over some requests; the same scratch for all.
fn compare(seeds: std::ops::Range<u64>) {
    let mut scratch = Scratch::default();
    let (mut written, mut read, mut matched) = (0, 0, 0);
    for seed in seeds {
        let mut bytes = Bytes::seeded(seed);
        let count = 1 + bytes.below(30);
        let texts: Vec<String> = (0..count).map(|_| plain::expression(&mut bytes, 3)).collect();
        let filters: Vec<Filter> =
            texts.iter().filter_map(|text| Filter::parse(text, scope()).ok()).collect();
        written += texts.len();
        read += filters.len();
        let mut builder = ProgramBuilder::new(&TestLists);
        let ids: Vec<_> = filters.iter().map(|filter| builder.filter(filter)).collect();
        let program = builder.build().unwrap();
        for _ in 0..12 {
            let request = plain::random_request(&mut bytes);
            let arena = Arena::default();
            let run = program.run(&request, &arena, &mut scratch);
            for (filter, id) in filters.iter().zip(&ids) {
                let expected = plain::is_true(filter.logic(), &request);
                matched += usize::from(expected);
                assert_eq!(run.matches(*id), Ok(expected), "seed {seed}: {}\n{request:?}", filter.text());
            }
            let mut asked = request.asked.borrow().clone();
            asked.sort_unstable();
            let times = asked.len();
            asked.dedup();
            assert_eq!(asked.len(), times, "seed {seed}: a field was asked for twice");
        }
    }
    assert!(read * 10 > written * 8, "{read} of {written} expressions are right");
    assert!(matched > 1000, "{matched} matches");
}

#[test]
fn values_agree_too() {
    let texts = [
        r#"regex_replace(http.request.uri.path, "(a)(b)?", "<${1}|${2}|$$>")"#,
        r#"wildcard_replace(http.request.uri.path, r"*b*", "${2}/${1}")"#,
        r#"wildcard_replace(http.request.uri.path, r"/a*", "${1}", "s")"#,
        r#"remove_query_args(http.request.uri.query, "a", "x")"#,
        r#"concat(http.host, http.request.headers["a"][0], to_string(ip.src), to_string(ssl), to_string(ip.src.asnum))"#,
        r#"encode_base64(sha256(http.host), "up")"#,
        r#"encode_base64(http.request.uri.path)"#,
        r#"join(concat(http.request.uri.args.names, http.request.uri.args["a"]), ", ")"#,
        r#"join(split(http.request.headers["a"][0], "a", 2), "|")"#,
        r#"uuidv4(sha256(http.host))"#,
        r#"coalesce(http.request.uri.args["a"][1], http.request.uri.args["b"][0], "none")"#,
        r#"substring(url_decode(http.request.uri.query, "ru"), 1, -1)"#,
    ];
    let scope = Scope { phase: Phase::ResponseHeaders, lists: &TestLists };
    let (mut scratch, mut read) = (Scratch::default(), 0);
    for (seed, text) in (0..60).flat_map(|seed| texts.iter().map(move |text| (seed, text))) {
        let expression = match ValueExpression::parse(text, Type::Bytes, scope) {
            Ok(expression) => expression,
            // `wildcard_replace` stands in other phases.
            Err(_) => ValueExpression::parse(
                text,
                Type::Bytes,
                Scope { phase: Phase::UrlRewrite, lists: &TestLists },
            )
            .unwrap(),
        };
        let mut builder = ProgramBuilder::new(&TestLists);
        let id = builder.value(&expression);
        let program = builder.build().unwrap();
        let request: Request = plain::random_request(&mut Bytes::seeded(seed + 7));
        let arena = Arena::default();
        let run = program.run(&request, &arena, &mut scratch);
        let found = V::of(run.value(id).unwrap());
        assert_eq!(found, plain::value(expression.operand(), &request), "{text}\n{request:?}");
        read += 1;
    }
    assert_eq!(read, 60 * texts.len());
}
