//! Drill 4: a release that is well at first.

use std::time::Duration;

use rempart_base::Now;
use serde_json::json;

use super::{Drill, Ground};
use crate::report::{Record, Title};
use crate::stand::releases::ring_on_disk;
use crate::stand::{PATIENCE, Settings};
use crate::{Outcome, ms, ms_since, until_told};

/// It aborts the process 45 s after it is healthy.
pub(super) const DELAYED: Drill = Drill {
    title: Title {
        name: "4",
        origin: "Azure Front Door 2025-10-29",
        injected: "a release whose loader aborts the edge 45 s after it is in force and healthy",
    },
    run: delayed,
};

const AFTER_S: f64 = 45.0;
const BAKE_S: f64 = 60.0;

fn delayed(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let after_ms = ground.scaled_ms(AFTER_S).max(1_500);
    let bake_ms = ground.scaled_ms(BAKE_S).max(after_ms + 1_000);
    // As in the incident, each crash is within the crash window of its start.
    let settings =
        Settings { bake_ms, bake_requests_min: 20, crash_window_ms: bake_ms, ..Settings::default() };
    let stand = ground.stand(20, &settings)?;
    let up = stand.up()?;
    let load = stand.load(&up, |_| {})?;
    let good = up.await_standing("good", PATIENCE.max(Duration::from_millis(bake_ms * 3)))?;

    let from = stand.lines.count();
    let mut bad = settings.clone();
    bad.more.push_str(&format!("fault_loader: {{does: abort, at: edge, after_ms: {after_ms}}}\n"));
    stand.site.settings(&bad.text())?;
    let answer = up.obey(&json!({"command": "reload"}))?;
    let number = answer.number("release");
    record.check("it is taken: every check finds it well", format!("release {number}"), number > good.number);
    let began = Now::mono();

    let mut was_good = false;
    let patience = Duration::from_millis((after_ms + 5_000) * 6) + PATIENCE;
    let ended = until_told(patience, "a roll-back by itself", || {
        was_good |= ring_on_disk(&stand.data_dir()).is_ok_and(|ring| ring.contains(&number));
        Ok(up.current().is_ok_and(|current| current.number != number && current.hash == good.hash))
    });
    record.check("rolled back without a hand", format!("after {} s", ms_since(began) / 1000), ended.is_ok());
    let died = stand.lines.with(from, &["the edge died"]);
    for line in &died {
        load.died(line.at);
    }
    record.check("it killed the edge", format!("{} times", died.len()), !died.is_empty());
    record.check("it was never in the ring of good releases", !was_good, !was_good);
    let releases = up.releases()?;
    let standing =
        releases.iter().find(|listed| listed.number == number).map_or("gone", |listed| &listed.standing);
    record.check("it is marked", standing, standing == "rolled back");
    let again = up.order(&json!({"command": "reload"}))?;
    record.check("and stays refused", &again, again.is_refused());
    super::kill_once(record, &up, &load, &stand)?;
    let tally = load.stop();
    record.check_no_failure("failed, but for what was in flight", &tally);
    record.figure(format!(
        "bake {} s, abort after {} s; {} requests, {} in flight on dying edges, longest answer {} ms",
        bake_ms / 1000,
        after_ms / 1000,
        tally.sent,
        tally.in_flight_on_killed(),
        ms(tally.latency_of(|_| true).longest()),
    ));
    Ok(())
}
