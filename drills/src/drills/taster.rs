//! What kills, hangs or fattens the loader kills a taster, and no edge.

use std::time::Duration;

use rempart_base::Now;
use serde_json::json;

use super::{Drill, Ground};
use crate::report::{Record, Title};
use crate::stand::{PATIENCE, Settings};
use crate::{Outcome, ms_since};

/// Each way in turn.
pub(super) const TASTER: Drill = Drill {
    title: Title {
        name: "taster",
        origin: "promise: what the loader dies of never reaches the edge",
        injected: "a release whose loader panics, aborts, takes all memory, hangs",
    },
    run: |ground, record| ways(ground, record, &["panic", "abort", "oom", "hang"]),
};

/// The second half of drill 7.
pub(super) const HANG_IN_LOADING: Drill = Drill {
    title: Title {
        name: "7b",
        origin: "Cloudflare 2024-06-20, Fly 2024-09",
        injected: "a release whose loading never ends",
    },
    run: |ground, record| ways(ground, record, &["hang"]),
};

const TIMEOUT: Duration = Duration::from_secs(3);

fn ways(ground: &Ground, record: &mut Record, ways: &[&str]) -> Outcome<()> {
    let taster = format!("taster: {{timeout_ms: {}, memory_bytes_max: 268435456}}\n", TIMEOUT.as_millis());
    let settings = Settings { bake_ms: ground.scaled_ms(5.0), more: taster, ..Settings::default() };
    let stand = ground.stand(50, &settings)?;
    let up = stand.up()?;
    let load = stand.load(&up, |_| {})?;
    load.await_right(100, PATIENCE)?;
    let (edge, release) = (up.edge()?, up.current()?.number);
    for does in ways {
        let mut broken = settings.clone();
        broken.more.push_str(&format!("fault_loader: {{does: {does}, at: both}}\n"));
        stand.site.settings(&broken.text())?;
        let began = Now::mono();
        let answer = up.order(&json!({"command": "reload"}))?;
        let took = ms_since(began);
        record.check(&format!("{does}: refused"), format!("after {took} ms: {answer}"), answer.is_refused());
        load.await_right(50, PATIENCE)?;
    }
    let is_same = up.edges() == [edge] && up.current()?.number == release;
    record.check("the edge and its release are the same as before", is_same, is_same);
    stand.site.settings(&settings.text().replace("workers: 2", "workers: 2\nedge: {colo: ABC}"))?;
    let answer = up.order(&json!({"command": "reload"}))?;
    record.check("the next right one is taken", &answer, answer.is_ok());
    super::kill_once(record, &up, &load, &stand)?;
    let tally = load.stop();
    record.check_no_failure("failed requests", &tally);
    record.figure(format!("{} requests", tally.sent));
    Ok(())
}
