//! The edge is killed: what was in flight on it is lost, and nothing else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rempart_base::Now;
use serde_json::json;

use super::{Chance, Drill, Ground};
use crate::marks::Tenant;
use crate::report::{Record, Title};
use crate::stand::{PATIENCE, Settings, process};
use crate::{Outcome, marks, ms, pause_for};

/// At random moments, with many zones.
pub(super) const KILLS: Drill = Drill {
    title: Title {
        name: "kill",
        origin: "promise: no crash takes visitors down",
        injected: "SIGKILL of the edge at 50 random moments, 1,000 zones",
    },
    run: kills,
};

/// While connections wait to be accepted.
pub(super) const BACKLOG: Drill = Drill {
    title: Title {
        name: "backlog",
        origin: "promise: no crash takes visitors down",
        injected: "SIGKILL of a stopped edge before which 1,000 connections wait",
    },
    run: backlog,
};

/// By a fault of its own.
pub(super) const ABORT: Drill = Drill {
    title: Title {
        name: "abort",
        origin: "promise: no crash takes visitors down",
        injected: "a stage that ends the whole edge on a request of one site",
    },
    run: abort,
};

const ZONES: u16 = 1_000;
const NEXT_ANSWER_MS_MAX: u64 = 200;
/// In CI, where others compute as well and the program is not optimised.
const NEXT_ANSWER_MS_MAX_IN_CI: u64 = 3_000;
const WAITING: usize = 1_000;

fn quick_crashes(ground: &Ground) -> Settings {
    // The kills of this drill are no crash loop.
    Settings { bake_ms: ground.scaled_ms(2.0), crash_window_ms: 1, ..Settings::default() }
}

fn kills(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let stand = ground.stand(ZONES, &quick_crashes(ground))?;
    let up = stand.up()?;
    let load = stand.load(&up, |plan| plan.rate = 150)?;
    load.await_right(100, PATIENCE)?;
    let mut chance = Chance::new();
    let kills = ground.scaled_count(50, 8);
    let mut took_ms = Vec::new();
    for _ in 0..kills {
        pause_for(chance.up_to(Duration::from_millis(500)));
        let edge = up.edge()?;
        let kill = load.killing(|| process::kill_and_await(edge, PATIENCE))?;
        let answer = up.ask(&stand.tenant(7), "/1")?;
        took_ms.push(ms(Now::mono().saturating_duration_since(kill.from)));
        if answer != (200, true) {
            return Err(format!("the first answer after a kill was {answer:?}").into());
        }
        load.await_right(30, PATIENCE)?;
    }
    let tally = load.stop();
    took_ms.sort_unstable();
    let longest = took_ms.last().copied().unwrap_or(0);
    let limit = if ground.judges_latency() { NEXT_ANSWER_MS_MAX } else { NEXT_ANSWER_MS_MAX_IN_CI };
    record.check_no_failure("failed, but for what was in flight", &tally);
    record.check(&format!("next answer within {limit} ms"), distribution(&took_ms), longest <= limit);
    record.figure(format!(
        "{kills} kills, {} requests, {} in flight on killed edges, {} kept connections closed",
        tally.sent,
        tally.in_flight_on_killed(),
        tally.closed_between
    ));
    Ok(())
}

fn abort(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let settings = Settings { bake_requests_min: 20, ..quick_crashes(ground) };
    let stand = ground.stand(20, &settings)?;
    let up = stand.up()?;
    let good = up.await_standing("good", PATIENCE)?;
    let load = stand.load(&up, |_| {})?;
    load.await_right(50, PATIENCE)?;
    let (from, host) = (stand.lines.count(), stand.tenant(7).host);
    let fault =
        json!({"command": "fault", "zone": host, "stage": "test-closed", "does": "abort", "why": "drill"});
    up.obey(&fault)?;
    let died = stand.lines.await_with(from, &["the edge died"], PATIENCE)?;
    load.await_right(600, PATIENCE)?;
    load.died(died.at);
    let release = format!("release={}", good.number);
    let named = stand.lines.with(from, &["when it died", &release, &host, "test-closed", "made by order"]);
    record.check("an event names release, zone, stage, rule", named.len(), !named.is_empty());
    let now = up.current()?;
    record.check(
        "the release is in force as before",
        format!("release {}", now.number),
        now.hash == good.hash,
    );
    let tally = load.stop();
    record.check_no_failure("failed, but for what was in flight", &tally);
    record.figure(format!(
        "{} requests, {} in flight on the edge that died",
        tally.sent,
        tally.in_flight_on_killed()
    ));
    Ok(())
}

/// `least 31, median 40, longest 77 ms`.
fn distribution(sorted_ms: &[u64]) -> String {
    let at = |hundredths: usize| {
        sorted_ms.get(sorted_ms.len().saturating_sub(1) * hundredths / 100).copied().unwrap_or(0)
    };
    format!("least {}, median {}, p90 {}, longest {} ms", at(0), at(50), at(90), at(100))
}

fn backlog(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let stand = ground.stand(ZONES, &quick_crashes(ground))?;
    let up = stand.up()?;
    up.ask(&stand.tenant(0), "/1")?;
    let edge = up.edge()?;
    process::stop_and_await(edge, PATIENCE)?;
    let mut waiting = Vec::new();
    for tenant in stand.tenants.iter().cycle().take(WAITING) {
        let mut stream = TcpStream::connect(up.http)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /2 HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", tenant.host)?;
        waiting.push((tenant, stream));
    }
    let began = Now::mono();
    process::kill_and_await(edge, PATIENCE)?;
    let mut wrong = Vec::new();
    let mut right = 0_usize;
    for (tenant, stream) in waiting {
        match whole(stream, tenant) {
            Ok(()) => right += 1,
            Err(what) => wrong.push(what),
        }
    }
    let took = ms(Now::mono().saturating_duration_since(began));
    record.check("all that waited are served", format!("{right} of {WAITING}"), right == WAITING);
    record.figure(format!("the last of them after {took} ms"));
    if let Some(first) = wrong.first() {
        record.figure(format!("the first failure: {first}"));
    }
    Ok(())
}

fn whole(mut stream: TcpStream, tenant: &Tenant) -> Result<(), String> {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| error.to_string())?;
    let is_right = answer.starts_with("HTTP/1.1 200 ")
        && answer.ends_with(&marks::body(tenant.number, &tenant.host, "/2"));
    if is_right { Ok(()) } else { Err(answer) }
}
