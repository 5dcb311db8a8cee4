//! Changes under constant load lose nothing.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rempart_base::Now;
use serde_json::json;

use super::{Drill, Ground};
use crate::report::{Record, Title};
use crate::stand::{Answer, PATIENCE, Settings};
use crate::{Outcome, pause_for};

/// One reload after the other.
pub(super) const RELOADS: Drill = Drill {
    title: Title {
        name: "reload",
        origin: "promise: no change takes visitors down",
        injected: "a reload every 100 ms for 60 s, each with another content",
    },
    run: reloads,
};

/// Back and forth by order.
pub(super) const ROLLBACKS: Drill = Drill {
    title: Title {
        name: "rollback",
        origin: "promise: no change takes visitors down",
        injected: "rollbacks by order, one after the other",
    },
    run: rollbacks,
};

const EVERY: Duration = Duration::from_millis(100);
/// Orders whose answers are still to come.
const WAITING_MAX: usize = 50;

fn reloads(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let settings = Settings { bake_ms: ground.scaled_ms(2.0), ..Settings::default() };
    let stand = ground.stand(20, &settings)?;
    let up = stand.up()?;
    let load = stand.load(&up, |plan| plan.rate = 300)?;
    let end = Now::mono() + ground.scaled(60.0);
    let (mut reloads, mut answered, mut waiting) = (0_u32, 0_u32, VecDeque::new());
    while Now::mono() < end {
        let next = Now::mono() + EVERY;
        let change = format!("upstream: {{fields_max: {}}}\n", 256 + reloads % 1_000);
        stand.site.zone(&stand.tenant(0), &change)?;
        waiting.push_back(up.order_soon(&json!({"command": "reload"}))?);
        reloads += 1;
        if waiting.len() >= WAITING_MAX {
            answered += await_answer(waiting.pop_front())?;
        }
        pause_for(next.saturating_duration_since(Now::mono()));
    }
    for stream in waiting {
        answered += await_answer(Some(stream))?;
    }
    let tally = load.stop();
    record.check_no_failure("failed requests", &tally);
    record.check("reloads that were obeyed", format!("{answered} of {reloads}"), answered == reloads);
    let last = up.current()?.number;
    record.figure(format!("{} requests, {} releases", tally.sent, last));
    Ok(())
}

/// One that was obeyed.
fn await_answer(stream: Option<UnixStream>) -> Outcome<u32> {
    let mut answer = String::new();
    let Some(stream) = stream else { return Ok(0) };
    BufReader::new(stream).read_line(&mut answer)?;
    let answer = Answer::parse(&answer)?;
    if answer.is_ok() { Ok(1) } else { Err(format!("a reload was answered {}", answer.whole()).into()) }
}

fn rollbacks(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let settings = Settings { bake_ms: 300, bake_requests_min: 20, ..Settings::default() };
    let stand = ground.stand(20, &settings)?;
    let up = stand.up()?;
    let load = stand.load(&up, |plan| plan.rate = 300)?;
    let first = up.await_standing("good", PATIENCE)?;
    let rounds = ground.scaled_count(50, 5);
    for round in 0..rounds {
        stand.site.zone(&stand.tenant(0), &format!("upstream: {{fields_max: {}}}\n", 256 + round))?;
        up.obey(&json!({"command": "reload"}))?;
        up.obey(&json!({"command": "rollback", "to": first.number, "why": "drill"}))?;
        if up.current()?.hash != first.hash {
            return Err(format!("rollback {round}: {:?} is in force", up.current()?).into());
        }
    }
    super::kill_once(record, &up, &load, &stand)?;
    let tally = load.stop();
    record.check_no_failure("failed requests", &tally);
    record.figure(format!("{rounds} releases rolled back, {} requests", tally.sent));
    Ok(())
}
