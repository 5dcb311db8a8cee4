//! Another program, another supervisor: visitors do not notice.

use std::process::Output;

use rustix::process::Pid;

use super::{Drill, Ground};
use crate::load::{Load, Tally};
use crate::report::{Record, Title};
use crate::stand::{PATIENCE, Settings, Stand, Up};
use crate::{Outcome, ms, until};

/// Edges of another program.
pub(super) const UPGRADES: Drill = Drill {
    title: Title {
        name: "upgrade",
        origin: "promise: no change takes visitors down",
        injected: "upgrades one after the other, and two new programs that never serve",
    },
    run: upgrades,
};

/// Another supervisor.
pub(super) const TAKEOVERS: Drill = Drill {
    title: Title {
        name: "takeover",
        origin: "promise: no change takes visitors down",
        injected: "new supervisors that take over from the old ones",
    },
    run: takeovers,
};

const ZONES: u16 = 20;
const RATE: u32 = 300;

fn settings(ground: &Ground) -> Settings {
    let more = "upgrade: {ready_ms: 3000}\n".to_owned();
    Settings {
        bake_ms: ground.scaled_ms(2.0),
        bake_requests_min: 20,
        drain_timeout_ms: 2_000,
        more,
        ..Settings::default()
    }
}

fn upgrades(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let stand = ground.stand(ZONES, &settings(ground))?;
    let up = stand.up()?;
    let load = stand.load(&up, |plan| plan.rate = RATE)?;
    load.await_right(100, PATIENCE)?;
    let rounds = ground.scaled_count(20, 3);
    for round in 0..rounds {
        let before = up.edge()?;
        let output = stand.run(&["upgrade"])?;
        if !output.status.success() {
            return Err(format!("upgrade {round}: {}", said(&output)).into());
        }
        await_successor(&up, before)?;
    }
    broken_programs(record, &stand, &up)?;
    super::kill_once(record, &up, &load, &stand)?;
    ended(record, load, &format!("{rounds} upgrades"));
    Ok(())
}

/// The edge of before has drained and gone.
fn await_successor(up: &Up, before: Pid) -> Outcome<()> {
    until(PATIENCE, "another edge alone", || {
        let edges = up.edges();
        Ok(edges.len() == 1 && edges.first() != Some(&before))
    })
}

/// One that ends at once, one that never serves: both are dropped.
fn broken_programs(record: &mut Record, stand: &Stand, up: &Up) -> Outcome<()> {
    let edge = up.edge()?;
    let output = stand.run(&["upgrade", "/bin/false"])?;
    record.check("a program that ends at once is dropped", said(&output), !output.status.success());
    // It writes its arguments for ever, and no word to its supervisor.
    let output = stand.run(&["upgrade", "/usr/bin/yes"])?;
    record.check("a program that never serves is dropped", said(&output), !output.status.success());
    until(PATIENCE, "the end of the new program", || Ok(up.edges() == [edge]))?;
    record.check("and the old edge goes on", up.edges() == [edge], up.edges() == [edge]);
    Ok(())
}

/// The first line of what it says.
fn said(output: &Output) -> String {
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    text.trim().lines().next().unwrap_or_default().to_owned()
}

fn takeovers(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let stand = ground.stand(ZONES, &settings(ground))?;
    let mut up = stand.up()?;
    let load = stand.load(&up, |plan| plan.rate = RATE)?;
    load.await_right(100, PATIENCE)?;
    let rounds = ground.scaled_count(10, 2);
    let mut moved = 0;
    for _ in 0..rounds {
        let heir = stand.up_with(|command| {
            command.arg("--take-over");
        })?;
        moved += u32::from(heir.http != up.http);
        let status = up.await_end()?;
        if !status.success() {
            return Err(format!("the old supervisor ended with {status}").into());
        }
        up = heir;
        load.await_right(50, PATIENCE)?;
    }
    record.check("supervisors that serve at another address", moved, moved == 0);
    let before = up.pid();
    let output = stand.run(&["upgrade", "--supervisor"])?;
    let said = String::from_utf8_lossy(if output.status.success() { &output.stdout } else { &output.stderr });
    record.check("`rempart upgrade --supervisor`", said.trim(), output.status.success());
    let status = up.await_end()?;
    record.check(
        "the old one ends in good order",
        format!("{status} ({})", before.as_raw_nonzero()),
        status.success(),
    );
    load.await_right(100, PATIENCE)?;
    ended(record, load, &format!("{} take-overs", rounds + 1));
    Ok(())
}

fn ended(record: &mut Record, load: Load, what: &str) {
    let tally: Tally = load.stop();
    record.check_no_failure("failed requests", &tally);
    record.figure(format!(
        "{what}, {} requests, {} kept connections closed between requests, {} crossed a request, longest answer {} ms",
        tally.sent,
        tally.closed_between,
        tally.crossed(),
        ms(tally.latency_of(|_| true).longest()),
    ));
}
