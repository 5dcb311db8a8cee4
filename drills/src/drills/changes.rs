//! Changes under constant load lose nothing.

use std::time::Duration;

use rempart_base::Now;
use serde_json::json;

use super::{Drill, Ground};
use crate::report::{Record, Title};
use crate::stand::Settings;
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

const EVERY: Duration = Duration::from_millis(100);

fn reloads(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let settings = Settings { bake_ms: ground.scaled_ms(2.0), ..Settings::default() };
    let stand = ground.stand(20, &settings)?;
    let up = stand.up()?;
    let load = stand.load(&up, |plan| plan.rate = 300)?;
    let end = Now::mono() + ground.scaled(60.0);
    let mut reloads = 0_u32;
    while Now::mono() < end {
        let next = Now::mono() + EVERY;
        stand
            .site
            .zone(&stand.tenant(0), &format!("upstream: {{fields_max: {}}}\n", 256 + reloads % 1_000))?;
        up.obey(&json!({"command": "reload"}))?;
        reloads += 1;
        pause_for(next.saturating_duration_since(Now::mono()));
    }
    let tally = load.stop();
    record.check("failed requests", tally.kinds(|_| true), tally.failed_count() == 0);
    record.figure(format!("{reloads} reloads, {} requests", tally.sent));
    Ok(())
}
