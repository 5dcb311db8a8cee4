//! Drill 6 with a real rule: the regular expression of 2019-07-02, written into a site's custom rules as an operator
//! would, and visitors who send what it takes longest on.

use std::time::Duration;

use rempart_base::Now;
use serde_json::{Value, json};

use super::{Drill, Ground};
use crate::load::{Attack, Tally};
use crate::report::{Record, Title};
use crate::stand::{PATIENCE, Settings, Stand, Up, process};
use crate::{Outcome, ms, pause_for};

/// An expression that once took exponential time, and one that is over its budget.
pub(super) const EXPRESSION: Drill = Drill {
    title: Title {
        name: "6b",
        origin: "Cloudflare 2019-07-02",
        injected: "the regular expression of that day in one site's rules, log-only and blocking, and long inputs for it",
    },
    run: expression,
};

const ZONES: u16 = 20;
/// The site with the rules.
const RULED: u16 = 3;
const RATE: u32 = 200;
/// Hostile requests a second while others visit.
const HOSTILE_RATE: u32 = 20;
/// What stages may use for one request (`stage_cpu_ms_max` of the edge): a hostile one costs less, all told.
const CPU_US_MAX: u64 = 50_000;
/// All of a body that rules look at.
const BODY_BYTES: usize = 128 << 10;
/// Four times the bytes cost at most so many times the CPU: linear, with room for a busy machine.
const GROWTH_MAX: u64 = 10;
/// CPU below this says nothing about growth: sockets and clocks are more.
const CPU_US_NOISE: u64 = 500;
const SEEN_WITHIN: Duration = Duration::from_secs(15);
/// Of the latencies of other sites, in hundredths of what they were.
const SLOWER_MAX: u128 = 120;

/// As it was published.
const PUBLISHED: &str = r#"(?:(?:\"|'|\]|\}|\\|\d|(?:nan|infinity|true|false|null|undefined|symbol|math)|\`|\-|\+)+[)]*;?((?:\s|-|~|!|{}|\|\||\+)*.*(?:.*=.*)))"#;
/// In this dialect, as in that of the language at Cloudflare today, braces that stand for themselves have a backslash.
const WRITTEN: &str = r#"(?:(?:\"|'|\]|\}|\\|\d|(?:nan|infinity|true|false|null|undefined|symbol|math)|\`|\-|\+)+[)]*;?((?:\s|-|~|!|\{\}|\|\||\+)*.*(?:.*=.*)))"#;
/// Thousands of states over 128 KiB: more than one rule may compute for one request.
const EXPENSIVE: &str = "(?:[a-w][a-x]){4000}z";

/// A zone's rules: the expression on bodies, log-only, and on queries, blocking.
fn rulesets(pattern: &str) -> String {
    format!(
        "rulesets:\n- phase: http_request_firewall_custom\n  rules:\n  - ref: outage-log\n    expression: |-\n      \
         http.request.body.raw matches r##\"{pattern}\"##\n    action: log\n  - ref: outage-block\n    expression: |-\n      \
         http.request.uri.query matches r##\"{pattern}\"##\n    action: block\n"
    )
}

/// The same, and before them one that is over its budget on a long body.
fn with_expensive() -> String {
    rulesets(WRITTEN)
        + "  - ref: over-budget\n    expression: |-\n      http.request.body.raw matches r##\""
        + EXPENSIVE
        + "\"##\n    action: block\n"
}

/// Something that begins like a match at every byte, and never becomes one: its one `=` stands before all of that.
fn hostile(bytes: usize) -> String {
    format!("={}{}", "1".repeat(bytes / 2), "x".repeat(bytes - bytes / 2 - 1))
}

/// What the expensive expression has to be looked for in: it holds the one byte that every match ends with.
fn hostile_to_expensive() -> String {
    "a".repeat(BODY_BYTES - 1) + "z"
}

fn expression(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let settings = Settings { bake_ms: ground.scaled_ms(10.0), bake_requests_min: 50, ..Settings::default() };
    let stand = ground.stand(ZONES, &settings)?;
    let up = stand.up()?;
    up.await_standing("good", PATIENCE).ok();
    check_published(record, &stand, &up)?;
    let tenant = stand.tenant(RULED);
    stand.site.zone(&tenant, &rulesets(WRITTEN))?;
    let answer = up.obey(&json!({"command": "reload"}))?;
    record.check("with `\\{\\}` for `{}` it is taken", &answer, !answer.holds_back(&tenant.host));
    check_decides(record, &stand, &up)?;
    check_linear(ground, record, &stand, &up)?;
    check_others(ground, record, &stand, &up)?;
    check_over_budget(record, &stand, &up)?;
    let load = stand.load(&up, |_| {})?;
    load.await_right(20, PATIENCE)?;
    super::kill_once(record, &up, &load, &stand)?;
    let tally = load.stop();
    record.check_no_failure("failed in the end", &tally);
    Ok(())
}

/// The published text is refused at its place, for that site alone.
fn check_published(record: &mut Record, stand: &Stand, up: &Up) -> Outcome<()> {
    let tenant = stand.tenant(RULED);
    stand.site.zone(&tenant, &rulesets(PUBLISHED))?;
    let answer = up.order(&json!({"command": "reload"}))?;
    let holds = answer.holds_back(&tenant.host);
    record.check("as published it is no expression here: that site alone is held back", &answer, holds);
    let named =
        answer.whole().contains(&format!("{}.yaml", tenant.host)) && answer.whole().contains("\"line\"");
    record.check("with file and line", named, named);
    let answer = up.ask(&tenant, "/1")?;
    record.check("and it is served as before", format!("{answer:?}"), answer == (200, true));
    Ok(())
}

/// It does what it says: who matches is blocked, who does not is not.
fn check_decides(record: &mut Record, stand: &Stand, up: &Up) -> Outcome<()> {
    let tenant = stand.tenant(RULED);
    let (status, _) = up.ask(&tenant, "/1?1;x=x=x")?;
    record.check("who matches is blocked", status, status == 403);
    let answer = up.ask(&tenant, &format!("/1?{}", hostile(15_000)))?;
    record.check("a long query that never matches passes", format!("{answer:?}"), answer == (200, true));
    Ok(())
}

/// CPU of the edge for one hostile request, of two lengths.
fn check_linear(ground: &Ground, record: &mut Record, stand: &Stand, up: &Up) -> Outcome<()> {
    let count = ground.scaled_count(200, 40);
    let short = cpu_us(stand, up, BODY_BYTES / 4, count)?;
    let long = cpu_us(stand, up, BODY_BYTES, count)?;
    let measured = format!("{short} µs for {} KiB, {long} µs for {} KiB", BODY_BYTES >> 12, BODY_BYTES >> 10);
    record.check("CPU of the edge for a hostile request < 50 ms", &measured, long < CPU_US_MAX);
    let is_linear = long < short.max(CPU_US_NOISE) * GROWTH_MAX;
    record.check(&format!("4 x the bytes cost < {GROWTH_MAX} x"), measured, is_linear);
    Ok(())
}

/// Mean of so many requests, one after the other.
fn cpu_us(stand: &Stand, up: &Up, bytes: usize, count: u32) -> Outcome<u64> {
    let (edge, attack) = (up.edge()?, Attack::new(up.http, stand.tenant(RULED), hostile(bytes)));
    attack.once()?;
    let before = process::cpu_ns(edge)?;
    for _ in 0..count {
        attack.once()?;
    }
    Ok((process::cpu_ns(edge)?.saturating_sub(before)) / 1_000 / u64::from(count.max(1)))
}

/// What other sites' visitors feel of it.
fn check_others(ground: &Ground, record: &mut Record, stand: &Stand, up: &Up) -> Outcome<()> {
    let edge = up.edge()?;
    let load = stand.load(up, |plan| plan.rate = RATE)?;
    load.await_right(20, PATIENCE)?;
    pause_for(ground.scaled(10.0));
    let before = load.stop();
    record.check_no_failure("failures before hostile requests", &before);
    let load = stand.load(up, |plan| plan.rate = RATE)?;
    let attack = Attack::new(up.http, stand.tenant(RULED), hostile(BODY_BYTES)).start(HOSTILE_RATE)?;
    load.await_right(20, PATIENCE)?;
    pause_for(ground.scaled(10.0));
    let (sent, wrong) = attack.stop();
    let tally = load.stop();
    record.check(
        "hostile requests that were not answered as others are",
        format!("{wrong} of {sent}"),
        wrong == 0 && sent > 0,
    );
    record.check_no_failure("failures of all sites meanwhile", &tally);
    record.check("the edge is the same process", up.edges().len(), up.edges() == [edge]);
    check_latency(ground, record, &tally, &before);
    Ok(())
}

fn check_latency(ground: &Ground, record: &mut Record, tally: &Tally, before: &Tally) {
    let others = |zone: usize| zone != usize::from(RULED);
    let (p99, was) = (tally.latency_of(others).quantile(99), before.latency_of(others).quantile(99));
    let measured = format!("{} ms, before {} ms", ms(p99), ms(was));
    if ground.judges_latency() {
        let holds = p99.as_micros() * 100 <= was.as_micros() * SLOWER_MAX;
        record.check("p99 of the other sites < 1.2 x", measured, holds);
    } else {
        record.figure(format!("p99 of the other sites {measured}"));
    }
}

/// A rule that blocks and is over its budget lets nobody pass, is named, and the rules beside it go on.
fn check_over_budget(record: &mut Record, stand: &Stand, up: &Up) -> Outcome<()> {
    let (tenant, from) = (stand.tenant(RULED), stand.lines.count());
    stand.site.zone(&tenant, &with_expensive())?;
    let number = up.obey(&json!({"command": "reload"}))?.number("release");
    let began = Now::mono();
    let attack = Attack::new(up.http, tenant.clone(), hostile_to_expensive());
    let answered = format!("{:?}", attack.once());
    record.check(
        "over its budget a rule that blocks lets nobody pass",
        format!("{answered} after {} ms", crate::ms_since(began)),
        answered.contains("HTTP/1.1 500 "),
    );
    let parts = [&*format!("release={number}"), &*tenant.host, "firewall-custom", "over-budget"];
    let line = stand.lines.await_with(from, &parts, SEEN_WITHIN).ok();
    let said =
        line.as_ref().map_or("nothing".to_owned(), |line| line.text.chars().skip(28).take(90).collect());
    record.check("the log names release, zone, stage and rule", said, line.is_some());
    let status = up.status()?;
    let incidents = status.get("incidents").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let named = |one: &&Value| one.get("rule").and_then(Value::as_str) == Some("over-budget");
    let counted =
        incidents.iter().find(named).map_or(Value::Null, |one| one.get("count").cloned().unwrap_or_default());
    record.check("`status` counts it with its rule", &counted, counted.as_u64() > Some(0));
    let (status, _) = up.ask(&tenant, "/1?1;x=x=x")?;
    record.check("its neighbours still decide", status, status == 403);
    Ok(())
}
