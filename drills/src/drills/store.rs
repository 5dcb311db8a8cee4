//! Drill 24: what is on disk is damaged, or was just being written.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rempart_base::Now;
use serde_json::json;

use super::{Chance, Drill, Ground};
use crate::report::{Record, Title};
use crate::stand::releases::release_files;
use crate::stand::{Listed, PATIENCE, Settings, Stand, Up};
use crate::{Outcome, ms, ms_since, pause_for};

/// Files damaged while nothing runs.
pub(super) const DAMAGE: Drill = Drill {
    title: Title {
        name: "24a",
        origin: "CrowdStrike 2024-07-19, ATS#3210, power cuts",
        injected: "releases and state cut off or with a bit flipped, then a start with unreadable files",
    },
    run: damage,
};

/// Deaths while something is written.
pub(super) const TORN: Drill = Drill {
    title: Title {
        name: "24b",
        origin: "CrowdStrike 2024-07-19, ATS#3210, power cuts",
        injected: "SIGKILL of edge and taster at random moments of reloads",
    },
    run: torn,
};

/// A release that no edge survives.
pub(super) const CRASH_LOOP: Drill = Drill {
    title: Title {
        name: "24c",
        origin: "CrowdStrike 2024-07-19",
        injected: "a release that the taster survives and that aborts each edge that loads it",
    },
    run: crash_loop,
};

/// Without a crash for so long, the loop is over.
const QUIET_AGAIN: Duration = Duration::from_secs(4);

fn damage(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let settings = Settings { bake_ms: ground.scaled_ms(2.0), bake_requests_min: 20, ..Settings::default() };
    let stand = ground.stand(20, &settings)?;
    let mut chance = Chance::new();
    let rounds = ground.scaled_count(30, 6);
    let (mut served, mut longest_ms) = (0_u32, 0);
    for round in 0..rounds {
        refill(&stand, &settings, round)?;
        let files = release_files(&stand.data_dir())?;
        let what = hurt(&stand, &files, round, &mut chance)?;
        // What is stored is all that there is.
        stand.site.settings("")?;
        let began = Now::mono();
        let up = stand.up().map_err(|error| format!("{what}: {error}"))?;
        let answer = up.ask(&stand.tenant(5), "/3")?;
        longest_ms = longest_ms.max(ms_since(began));
        if answer == (200, true) {
            served += 1;
        } else {
            record.figure(format!("{what}: {answer:?}"));
        }
        up.end()?;
        stand.site.settings(&settings.text())?;
    }
    record.check("starts that served what is whole", format!("{served} of {rounds}"), served == rounds);
    record.figure(format!("the slowest of them served after {longest_ms} ms"));
    Ok(())
}

/// Runs until the ring holds some good releases.
fn refill(stand: &Stand, settings: &Settings, round: u32) -> Outcome<()> {
    let mut quick = settings.clone();
    quick.bake_ms = 200;
    quick.bake_requests_min = 0;
    stand.site.settings(&quick.text())?;
    let up = stand.up()?;
    up.await_standing("good", PATIENCE)?;
    for change in 0..2 {
        let fields_max = 256 + (round * 2 + change) % 1_000;
        stand.site.zone(&stand.tenant(1), &format!("upstream: {{fields_max: {fields_max}}}\n"))?;
        up.obey(&json!({"command": "reload"}))?;
        up.await_standing("good", PATIENCE)?;
    }
    up.end()?;
    Ok(())
}

/// Damages the newest release, one slot of the state, both slots, or all but one release.
fn hurt(stand: &Stand, files: &[std::path::PathBuf], round: u32, chance: &mut Chance) -> Outcome<String> {
    let releases = stand.data_dir().join("releases");
    let newest = files.last().ok_or("there is no release on disk")?;
    let (a, b) = (releases.join("state.a"), releases.join("state.b"));
    let hurt: Vec<&Path> = match round % 6 {
        0 => vec![newest],
        1 => vec![&a],
        2 => vec![&b],
        3 => vec![newest, &a],
        4 => vec![&a, &b],
        _ => files.iter().rev().take(files.len() - 1).map(std::path::PathBuf::as_path).collect(),
    };
    for path in &hurt {
        damage_file(path, chance)?;
    }
    let names: Vec<String> =
        hurt.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
    Ok(format!("damaged: {}", names.join(", ")))
}

fn damage_file(path: &Path, chance: &mut Chance) -> Outcome<()> {
    let mut bytes = fs::read(path)?;
    // Of a slot of the state the blanks behind its text mean nothing.
    let used = bytes.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    let place = chance.below(used as u64);
    let place = usize::try_from(place)?;
    if chance.below(2) == 0 {
        bytes.truncate(place);
    } else if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1 << chance.below(8);
    }
    Ok(fs::write(path, bytes)?)
}

fn torn(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let settings = Settings { bake_ms: 200, bake_requests_min: 0, crash_window_ms: 1, ..Settings::default() };
    let stand = ground.stand(20, &settings)?;
    let up = stand.up()?;
    up.await_standing("good", PATIENCE)?;
    let load = stand.load(&up, |_| {})?;
    load.await_right(50, PATIENCE)?;
    let mut chance = Chance::new();
    let rounds = ground.scaled_count(50, 8);
    let mut longest_ms = 0;
    for round in 0..rounds {
        stand.site.zone(&stand.tenant(1), &format!("upstream: {{fields_max: {}}}\n", 256 + round))?;
        up.order_soon(&json!({"command": "reload"}))?;
        pause_for(chance.up_to(Duration::from_millis(400)));
        let kill = load.killing(|| up.kill_all_but_supervisor())?;
        let answer = up.ask(&stand.tenant(1), "/1")?;
        longest_ms = longest_ms.max(ms(Now::mono().saturating_duration_since(kill.from)));
        if answer != (200, true) {
            return Err(format!("after kill {round}: {answer:?}").into());
        }
    }
    let tally = load.stop();
    record.check_no_failure("failed, but for what was in flight", &tally);
    record.figure(format!("{rounds} kills, next answer after {longest_ms} ms at the most"));
    let answer = up.obey(&json!({"command": "reload"}))?;
    let releases = up.releases()?;
    let damaged = releases.iter().filter(|listed| listed.is_damaged).count();
    record.check("damaged releases in the store", damaged, damaged == 0);
    record.check("the newest content is in force", &answer, answer.is_ok());
    Ok(())
}

fn crash_loop(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let settings = Settings { bake_ms: ground.scaled_ms(10.0), bake_requests_min: 20, ..Settings::default() };
    let stand = ground.stand(20, &settings)?;
    let up = stand.up()?;
    let load = stand.load(&up, |_| {})?;
    let good = up.await_standing("good", PATIENCE)?;
    let from = stand.lines.count();
    let mut bad = settings.clone();
    bad.more.push_str("fault_loader: {does: abort, at: edge}\n");
    stand.site.settings(&bad.text())?;
    up.order_soon(&json!({"command": "reload"}))?;
    let began = Now::mono();
    stand.lines.await_with(from, &["the edge died"], PATIENCE)?;
    // It has been seen by now whether the next ones die as well.
    pause_for(ground.scaled(10.0).max(QUIET_AGAIN));
    load.await_right(20, PATIENCE)?;
    let died = stand.lines.with(from, &["the edge died"]);
    for line in &died {
        load.died(line.at);
    }
    let last = died.last().map_or(0, |line| ms(line.at.saturating_duration_since(began)));
    let measured = format!("{} crashes, the last after {last} ms", died.len());
    record.check("three crashes at the most, then none", measured, died.len() <= 3);
    let current = up.current()?;
    record.check(
        "what was good is in force",
        format!("release {}", current.number),
        current.hash == good.hash,
    );
    let again = up.order(&json!({"command": "reload"}))?;
    record.check("the deadly content stays refused", &again, again.is_refused());
    super::kill_once(record, &up, &load, &stand)?;
    let tally = load.stop();
    record.check_no_failure("failed, but for what was in flight", &tally);
    record.figure(format!(
        "{} requests, {} in flight on dying edges",
        tally.sent,
        tally.in_flight_on_killed()
    ));
    restart_cold(record, up, &stand, &good)
}

/// The file still says what crashes; then another content does, which no edge has met yet.
fn restart_cold(record: &mut Record, up: Up, stand: &Stand, good: &Listed) -> Outcome<()> {
    up.end()?;
    let up = stand.up()?;
    let answer = up.ask(&stand.tenant(5), "/1")?;
    record.check("a cold start with that file serves", format!("{answer:?}"), answer == (200, true));
    up.end()?;
    stand.site.zone(&stand.tenant(1), "upstream: {fields_max: 444}\n")?;
    let (from, began) = (stand.lines.count(), Now::mono());
    let up = stand.up()?;
    let answer = up.ask(&stand.tenant(5), "/1")?;
    let took = ms_since(began);
    let died = stand.lines.with(from, &["the edge died"]).len();
    let measured = format!("{answer:?} after {died} crashes, {took} ms");
    record.check(
        "a cold start with another deadly content steps back after three",
        measured,
        answer == (200, true) && died == 3,
    );
    let current = up.current()?;
    record.check("to what was good", format!("release {}", current.number), current.hash == good.hash);
    Ok(())
}
