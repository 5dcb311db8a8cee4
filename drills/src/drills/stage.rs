//! Drills 3 and 6a: a stage fails on the requests of one site, after every check has found it well.

use std::time::Duration;

use rempart_base::Now;
use serde_json::{Value, json};

use super::{Drill, Ground};
use crate::load::{Failure, Tally};
use crate::report::{Record, Title};
use crate::stand::{Listed, PATIENCE, Settings, Stand, Up};
use crate::{Outcome, ms, ms_since, pause_for, until_told};

/// It panics, with each policy.
pub(super) const PANICS: Drill = Drill {
    title: Title {
        name: "3",
        origin: "Fastly 2021-06-08, Google 2025-06-12, Cloudflare 2025-12-05",
        injected: "a release that every check finds well, whose stage panics on requests of one site",
    },
    run: panics,
};

/// It computes without end.
pub(super) const BURNS: Drill = Drill {
    title: Title {
        name: "6a",
        origin: "Cloudflare 2019-07-02",
        injected: "a release whose stage burns a core for each request of one site",
    },
    run: burns,
};

const ZONES: u16 = 20;
/// The site whose stage fails.
const BROKEN: u16 = 3;
/// From the first bad signal.
const ROLLED_BACK_MS_MAX: u64 = 15_000;
const RATE: u32 = 200;
/// So many requests for the broken site come in that time.
const LOST_MAX: u64 = RATE as u64 / ZONES as u64 * ROLLED_BACK_MS_MAX / 1_000;
/// An event and a counter are seen within this time.
const SEEN_WITHIN: Duration = Duration::from_secs(15);
/// Of the latencies of other sites, in hundredths of what they were.
const SLOWER_MAX: u128 = 120;

/// What is injected in one round, and what must come of it.
struct Round {
    /// The stage's name.
    stage: &'static str,
    /// The key of its fault.
    fault: &'static str,
    /// The rule that events name.
    rule: &'static str,
    /// The status of an answer to a request on which it failed; `None`: it is answered all the same.
    shown: Option<u16>,
}

fn panics(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let rounds = [
        Round { stage: "test-closed", fault: "closed: panic", rule: "test.closed", shown: Some(500) },
        Round { stage: "test-stale", fault: "stale: panic", rule: "test.stale", shown: Some(500) },
        Round { stage: "test-open", fault: "open: panic", rule: "test.open", shown: None },
    ];
    run(ground, record, &rounds)
}

fn burns(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let fault = "burn_us: 2000000";
    run(ground, record, &[Round { stage: "test-burn", fault, rule: "test.burn_us", shown: Some(500) }])
}

fn run(ground: &Ground, record: &mut Record, rounds: &[Round]) -> Outcome<()> {
    let bake_ms = ground.scaled_ms(30.0).max(3_000);
    let settings = Settings { bake_ms, bake_requests_min: 50, ..Settings::default() };
    let stand = ground.stand(ZONES, &settings)?;
    let up = stand.up()?;
    let load = stand.load(&up, |plan| plan.rate = RATE)?;
    let good = up.await_standing("good", PATIENCE)?;
    let Some(first) = rounds.first() else { return Ok(()) };
    check_tasted(record, &up, &stand, first)?;
    pause_for(ground.scaled(10.0));
    let before = load.stop();
    record.check_no_failure("failures before anything is injected", &before);
    for round in rounds {
        one(ground, record, &stand, &up, round, &good, &before)?;
    }
    let load = stand.load(&up, |_| {})?;
    load.await_right(20, PATIENCE)?;
    super::kill_once(record, &up, &load, &stand)?;
    let tally = load.stop();
    record.check_no_failure("failed in the end", &tally);
    Ok(())
}

fn broken(round: &Round, at: &str) -> String {
    format!("test_stages: {{{}, at: {at}}}\n", round.fault)
}

/// Where the taster meets the fault as well, no edge sees it.
fn check_tasted(record: &mut Record, up: &Up, stand: &Stand, round: &Round) -> Outcome<()> {
    let tenant = stand.tenant(BROKEN);
    stand.site.zone(&tenant, &broken(round, "both"))?;
    let answer = up.order(&json!({"command": "reload"}))?;
    record.check("if the taster meets it, it is refused", &answer, answer.is_refused());
    stand.site.zone(&tenant, "")?;
    up.obey(&json!({"command": "reload"}))?;
    Ok(())
}

fn one(
    ground: &Ground,
    record: &mut Record,
    stand: &Stand,
    up: &Up,
    round: &Round,
    good: &Listed,
    before: &Tally,
) -> Outcome<()> {
    let Round { stage, shown, .. } = round;
    let (tenant, from) = (stand.tenant(BROKEN), stand.lines.count());
    let edge = up.edge()?;
    let load = stand.load(up, |plan| plan.rate = RATE)?;
    load.await_right(20, PATIENCE)?;
    stand.site.zone(&tenant, &broken(round, "edge"))?;
    let began = Now::mono();
    let number = up.obey(&json!({"command": "reload"}))?.number("release");
    let rolled_back = until_told(Duration::from_millis(ROLLED_BACK_MS_MAX + 5_000), "a roll-back", || {
        let is_it = |listed: &Listed| listed.number == number && listed.standing == "rolled back";
        Ok(up.releases()?.iter().any(is_it))
    });
    let took_ms = ms_since(began);
    let holds = rolled_back.is_ok() && took_ms <= ROLLED_BACK_MS_MAX;
    record.check(&format!("{stage}: rolled back within 15 s"), format!("{took_ms} ms"), holds);
    let standing =
        up.releases()?.into_iter().find(|listed| listed.number == number).map(|listed| listed.standing);
    record.check(
        &format!("{stage}: the release is marked"),
        format!("{standing:?}"),
        standing.as_deref() == Some("rolled back"),
    );
    check_event(record, stand, from, round, number, &tenant.host)?;
    check_status(record, up, round)?;
    let again = up.order(&json!({"command": "reload"}))?;
    let stays_out = again.holds_back(&tenant.host);
    record.check(&format!("{stage}: that site alone is held back, and stays so"), &again, stays_out);
    let difference = up.order(&json!({"command": "diff", "from": good.number}))?;
    record.check(&format!("{stage}: what is good is in force"), &difference, difference.differs_in_nothing());
    stand.site.zone(&tenant, "")?;
    load.await_right(100, PATIENCE)?;
    record.check(&format!("{stage}: the edge is the same process"), up.edges().len(), up.edges() == [edge]);

    pause_for(ground.scaled(10.0));
    let tally = load.stop();
    let is_broken = |zone: usize| zone == usize::from(BROKEN);
    let others = tally.failed_of(|zone| !is_broken(zone));
    record.check(
        &format!("{stage}: failures of 19 other sites"),
        tally.kinds(|zone| !is_broken(zone)),
        others == 0,
    );
    let is_shown = |failure: Failure| shown.is_some_and(|status| failure == Failure::Ours(status));
    let all_shown =
        tally.failures().filter(|failed| is_broken(failed.zone)).all(|failed| is_shown(failed.failure));
    let lost = tally.failed_of(is_broken);
    let expected = shown.map_or("answers none of it is seen in".to_owned(), |status| {
        format!("at most {LOST_MAX} answers {status}")
    });
    record.check(
        &format!("{stage}: that site's: {expected}"),
        tally.kinds(is_broken),
        all_shown && lost <= LOST_MAX && (lost > 0) == shown.is_some(),
    );
    check_latency(ground, record, stage, &tally, before);
    Ok(())
}

/// One event names release, zone, stage and rule.
fn check_event(
    record: &mut Record,
    stand: &Stand,
    from: usize,
    round: &Round,
    number: u64,
    host: &str,
) -> Outcome<()> {
    let Round { stage, rule, .. } = round;
    let release = format!("release={number}");
    // A budget takes its time to be used up where many share a core.
    let line = stand.lines.await_with(from, &[&release, host, stage, rule], SEEN_WITHIN).ok();
    let said =
        line.as_ref().map_or("nothing".to_owned(), |line| line.text.chars().skip(28).take(90).collect());
    record.check(&format!("{stage}: an event names release, zone, stage, rule"), said, line.is_some());
    Ok(())
}

/// The counter names the rule; a stage that protects something has not been left out.
fn check_status(record: &mut Record, up: &Up, round: &Round) -> Outcome<()> {
    let Round { stage, rule, shown, .. } = round;
    let mut status = Value::Null;
    until_told(SEEN_WITHIN, "a counter", || {
        status = up.status()?;
        Ok(incident(&status, rule).is_some())
    })
    .ok();
    let counted = incident(&status, rule);
    let measured =
        counted.map_or("nothing".to_owned(), |value| value.get("count").unwrap_or(&Value::Null).to_string());
    record.check(&format!("{stage}: counted in status with its rule"), measured, counted.is_some());
    let release = status.get("release").cloned().unwrap_or_default();
    let known @ [number, age_s, good] =
        ["number", "age_s", "last_known_good"].map(|part| release.get(part).unwrap_or(&Value::Null));
    let measured = format!("release {number}, {age_s} s old, LKG {good}");
    record.check(
        &format!("{stage}: status shows release, age and LKG"),
        measured,
        !known.contains(&&Value::Null),
    );
    if shown.is_some() {
        let left_out = status.get("stages_left_out").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_out = left_out.iter().any(|one| one.get("stage").and_then(Value::as_str) == Some(stage));
        record.check(&format!("{stage}: it has not switched itself off"), !is_out, !is_out);
    }
    Ok(())
}

/// What status counts for this rule.
fn incident<'a>(status: &'a Value, rule: &str) -> Option<&'a Value> {
    let incidents = status.get("incidents").and_then(Value::as_array)?;
    incidents.iter().find(|one| one.get("rule").and_then(Value::as_str) == Some(rule))
}

fn check_latency(ground: &Ground, record: &mut Record, stage: &str, tally: &Tally, before: &Tally) {
    let others = |zone: usize| zone != usize::from(BROKEN);
    let (p99, was) = (tally.latency_of(others).quantile(99), before.latency_of(others).quantile(99));
    let measured = format!("{} ms, before {} ms", ms(p99), ms(was));
    if ground.judges_latency() {
        let holds = p99.as_micros() * 100 <= was.as_micros() * SLOWER_MAX;
        record.check(&format!("{stage}: p99 of the other sites < 1.2 x"), measured, holds);
    } else {
        record.figure(format!("{stage}: p99 of the other sites {measured}"));
    }
}
