//! What evaluation may cost, and when it looks into a body.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test may fail")]

mod plain;

use plain::{Request, V};
use rempart_rules::{
    Arena, Filter, FilterId, Meter, NoLists, Phase, Program, ProgramBuilder, Scope, Scratch, Source, Stop,
};

/// The expression that took a large network down on 2019-07-02, as it was published, but that in this dialect braces
/// that stand for themselves have a backslash.
const OUTAGE: &str = r#"(?:(?:\"|'|\]|\}|\\|\d|(?:nan|infinity|true|false|null|undefined|symbol|math)|\`|\-|\+)+[)]*;?((?:\s|-|~|!|\{\}|\|\||\+)*.*(?:.*=.*)))"#;

fn program(filters: &[&str]) -> (Program, Vec<FilterId>) {
    let mut builder = ProgramBuilder::new(&NoLists);
    let ids = filters.iter().map(|text| {
        let filter = Filter::parse(text, Scope { phase: Phase::Custom, lists: &NoLists });
        builder.filter(&filter.unwrap_or_else(|error| panic!("{error}")))
    });
    let ids = ids.collect();
    (builder.build().unwrap(), ids)
}

fn steps(program: &Program, filter: FilterId, request: &Request) -> (Result<bool, Stop>, u64) {
    let arena = Arena::default();
    let mut scratch = Scratch::default();
    let run = program.run(request, &arena, &mut scratch);
    (run.matches(filter), run.steps())
}

fn outage_filter() -> String {
    format!("http.request.uri.query matches r##\"{OUTAGE}\"##")
}

#[test]
fn the_expression_of_the_outage_takes_time_in_proportion_to_its_input() {
    let (program, ids) = program(&[&outage_filter()]);
    let cost = |length: usize| {
        // What made it explode: something that begins like a match, and never becomes one.
        let query = format!("x=1{}", "x=".repeat(length / 2));
        let request = Request::default().with("http.request.uri.query", V::text(&query));
        let (result, matched) = steps(&program, ids[0], &request);
        assert_eq!(result, Ok(true));
        let query = format!("1{}", "x".repeat(length));
        let request = Request::default().with("http.request.uri.query", V::text(&query));
        let (result, unmatched) = steps(&program, ids[0], &request);
        assert_eq!(result, Ok(false));
        matched + unmatched
    };
    let (small, large) = (cost(1000), cost(10_000));
    assert!(large < small * 11, "{small} steps for 1000 bytes, {large} for 10000");
}

#[test]
fn a_rule_over_its_budget_is_named_and_the_next_ones_run() {
    let (program, ids) = program(&[&outage_filter(), r#"http.request.uri.query contains "end""#, "ssl"]);
    let query = format!("{}=end", "1".repeat(100_000));
    let request =
        Request::default().with("http.request.uri.query", V::text(&query)).with("ssl", V::Bool(true));
    let arena = Arena::default();
    let mut scratch = Scratch::default();
    let run = program.run_within(&request, &arena, &mut scratch, Meter::of(150_000, 1_000_000));
    assert_eq!(run.matches(ids[0]), Err(Stop::OverBudget));
    assert_eq!(run.matches(ids[1]), Ok(true));
    assert_eq!(run.matches(ids[2]), Ok(true));
    assert!(run.steps() <= 1_000_000);
}

#[test]
fn a_run_has_an_end_however_many_rules_there_are() {
    let filters: Vec<String> =
        (0..50).map(|number| format!("http.request.uri.query matches r\"^[^{number}]*#$\"")).collect();
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    let (program, ids) = program(&filters);
    let request =
        Request::default().with("http.request.uri.query", V::text(&format!("{}#x", "a".repeat(10_000))));
    let arena = Arena::default();
    let mut scratch = Scratch::default();
    let run = program.run_within(&request, &arena, &mut scratch, Meter::of(100_000, 200_000));
    let results: Vec<_> = ids.iter().map(|id| run.matches(*id)).collect();
    assert_eq!(results.first(), Some(&Ok(false)));
    assert_eq!(results.last(), Some(&Err(Stop::OverBudget)));
    assert!(run.steps() <= 200_000);
}

#[test]
fn decoding_again_and_again_is_one_pass() {
    let (program, ids) = program(&[r#"url_decode(http.request.uri.query, "r") eq "%""#]);
    let cost = |length: usize| {
        let request =
            Request::default().with("http.request.uri.query", V::text(&format!("%{}", "25".repeat(length))));
        let (result, steps) = steps(&program, ids[0], &request);
        assert_eq!(result, Ok(true));
        steps
    };
    assert!(cost(10_000) < cost(1000) * 11);
}

#[test]
fn a_body_is_only_asked_for_when_nothing_cheaper_decides() {
    let filters = [
        r#"http.request.body.raw contains "x" and http.request.method eq "POST""#,
        r#"http.request.body.raw contains "x" or ssl"#,
        r#"coalesce(http.host, http.request.body.mime) eq "a""#,
        r#"http.request.headers["none"][0] eq http.request.body.mime"#,
        r#"ssl and http.request.body.size gt 3"#,
    ];
    let (program, ids) = program(&filters);
    assert!(program.needs_body());
    let mut request = Request::default()
        .with("http.request.method", V::text("GET"))
        .with("http.host", V::text("a"))
        .with("ssl", V::Bool(true))
        .with("http.request.body.size", V::Int(4));
    request.has_no_body_yet = true;
    let results = |request: &Request| {
        let arena = Arena::default();
        let mut scratch = Scratch::default();
        let run = program.run(request, &arena, &mut scratch);
        ids.iter().map(|id| run.matches(*id)).collect::<Vec<_>>()
    };
    assert_eq!(results(&request), [Ok(false), Ok(true), Ok(true), Ok(false), Err(Stop::NeedsBody)]);
    let asked = request.asked.borrow().iter().filter(|field| field.source() == Source::Body).count();
    assert_eq!(asked, 1);
    request.has_no_body_yet = false;
    assert_eq!(results(&request)[4], Ok(true));
    assert!(!self::program(&["ssl", r#"http.host eq "a""#]).0.needs_body());
}

#[test]
fn filters_that_cannot_match_are_skipped() {
    let filters: Vec<String> =
        (0..200).map(|number| format!(r#"http.request.uri.path contains "/secret-{number}/""#)).collect();
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    let (program, ids) = program(&filters);
    let request = Request::default().with("http.request.uri.path", V::text("/a/secret-150/b"));
    let arena = Arena::default();
    let mut scratch = Scratch::default();
    let run = program.run(&request, &arena, &mut scratch);
    assert_eq!(run.next(ids[0]), Some(ids[150]));
    assert_eq!(run.matches(ids[150]), Ok(true));
    assert_eq!(run.next(ids[151]), None);
    assert!(run.steps() < 100, "{} steps", run.steps());
}
