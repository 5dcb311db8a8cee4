//! Drill 19: everything that a person usually works with is broken.

use std::fs;

use rempart_base::Now;
use serde_json::{Value, json};

use super::{Drill, Ground};
use crate::report::{Record, Title};
use crate::stand::{Listed, PATIENCE, Settings, Stand, Up};
use crate::{Outcome, ms_since};

/// The configuration destroyed, control broken, everything killed.
pub(super) const BREAK_GLASS: Drill = Drill {
    title: Title {
        name: "19",
        origin: "2019, Facebook, bunny, Cloudflare 2025-11-18",
        injected: "configuration destroyed, control socket gone, then edge and supervisor killed",
    },
    run: break_glass,
};

const OPERATOR_S_MAX: u64 = 60;

fn break_glass(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let settings = Settings { bake_ms: ground.scaled_ms(2.0), bake_requests_min: 20, ..Settings::default() };
    let stand = ground.stand(20, &settings)?;
    let up = stand.up()?;
    let load = stand.load(&up, |_| {})?;
    let first = up.await_standing("good", PATIENCE)?;
    for fields_max in [300, 301] {
        stand.site.zone(&stand.tenant(1), &format!("upstream: {{fields_max: {fields_max}}}\n"))?;
        up.obey(&json!({"command": "reload"}))?;
        up.await_standing("good", PATIENCE)?;
    }
    fs::write(stand.site.file(), [0_u8, 159, 146, 150].repeat(1_000))?;
    for tenant in &stand.tenants {
        fs::remove_file(stand.site.zone_file(tenant))?;
    }

    let mut hand = Hand::new(&stand);
    record.check("with the file destroyed it lists", hand.says(&["releases"])?, hand.worked);
    record.check("pins", hand.says(&["pin", &first.number.to_string(), "--why", "drill"])?, hand.worked);
    check_current(record, &up, &first)?;
    record.check("unpins", hand.says(&["unpin", "--why", "drill"])?, hand.worked);

    fs::remove_file(stand.data_dir().join("ctl.sock"))?;
    record.check("without its control socket it lists", hand.says(&["releases"])?, hand.worked);
    record.check("pins", hand.says(&["pin", &first.number.to_string(), "--why", "drill"])?, hand.worked);
    super::kill_for(record, &up, &load, &stand, &first.hash)?;
    load.await_right(50, PATIENCE)?;
    let tally = load.stop();
    record.check_no_failure("failed so far, but for what was in flight", &tally);

    up.kill_all()?;
    offline(record, &stand, &mut hand, &first)?;
    let ms = hand.took_ms;
    record.check(
        &format!("{OPERATOR_S_MAX} s of a person's time"),
        format!("{ms} ms in {} commands", hand.commands),
        ms < OPERATOR_S_MAX * 1_000,
    );
    Ok(())
}

/// Nothing runs at all.
fn offline(record: &mut Record, stand: &Stand, hand: &mut Hand<'_>, first: &Listed) -> Outcome<()> {
    record.check("with nothing running it lists", hand.says(&["releases"])?, hand.worked);
    record.check("unpins", hand.says(&["unpin", "--why", "drill"])?, hand.worked);
    record.check("rolls back", hand.says(&["rollback", "--why", "drill"])?, hand.worked);
    let host = stand.tenant(2).host;
    let stage = hand.says(&["stage", "off", &host, "test-open", "--why", "drill"])?;
    record.check("switches a stage off", stage, hand.worked);
    record.check("pins", hand.says(&["pin", &first.number.to_string(), "--why", "drill"])?, hand.worked);

    let up = stand.up()?;
    let load = stand.load(&up, |_| {})?;
    load.await_right(100, PATIENCE)?;
    check_current(record, &up, first)?;
    let status = up.status()?.to_string();
    let is_off = status.contains("test-open") && status.contains(&host);
    record.check("the stage is off", is_off, is_off);
    let tally = load.stop();
    record.check_no_failure("it starts without its files and fails in nothing", &tally);
    let audit = fs::read_to_string(stand.data_dir().join("audit.log"))?;
    let acts = ["pin", "unpin", "rollback", "stage"];
    let missing: Vec<&str> = acts.into_iter().filter(|act| !has(&audit, act)).collect();
    record.check(
        "each act is in the audit log with its reason",
        format!("{} lines, missing: {missing:?}", audit.lines().count()),
        missing.is_empty(),
    );
    Ok(())
}

fn has(audit: &str, act: &str) -> bool {
    let lines = audit.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut texts = lines.map(|line| line.to_string());
    texts.any(|line| line.contains(&format!("\"{act}\"")) && line.contains("drill"))
}

fn check_current(record: &mut Record, up: &Up, first: &Listed) -> Outcome<()> {
    let current = up.current()?;
    record.check(
        "and that is what is in force",
        format!("release {}", current.number),
        current.hash == first.hash,
    );
    Ok(())
}

/// The person: runs `rempart ctl` and looks at the clock.
struct Hand<'a> {
    stand: &'a Stand,
    worked: bool,
    took_ms: u64,
    commands: u32,
}

impl<'a> Hand<'a> {
    fn new(stand: &'a Stand) -> Self {
        Self { stand, worked: false, took_ms: 0, commands: 0 }
    }

    /// The last line that it says.
    fn says(&mut self, words: &[&str]) -> Outcome<String> {
        let data_dir = self.stand.data_dir();
        let began = Now::mono();
        let output = self.stand.program().arg("ctl").arg("--data-dir").arg(data_dir).args(words).output()?;
        self.took_ms += ms_since(began);
        self.commands += 1;
        self.worked = output.status.success();
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        Ok(text.trim().lines().last().unwrap_or_default().to_owned())
    }
}
