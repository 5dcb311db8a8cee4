//! Drill 8: empty means neither all nor nothing.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::{Drill, Ground};
use crate::Outcome;
use crate::marks::Tenant;
use crate::report::{Record, Title};
use crate::stand::{PATIENCE, Settings, Stand, Up};

/// Every empty thing that we know.
pub(super) const EMPTY: Drill = Drill {
    title: Title {
        name: "8",
        origin: "Cloudflare 2024-11-14, 2026-02-20, 2023-01-24",
        injected: "an empty list of sites, an include of nothing, options without a value, an empty secret, `hosts: []`",
    },
    run: empty,
};

const ZONES: u16 = 40;
/// A variable that is there and empty.
const SECRET: &str = "REMPART_DRILL_SECRET";

fn empty(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let settings = Settings { bake_ms: ground.scaled_ms(2.0), bake_requests_min: 20, ..Settings::default() };
    let stand = ground.stand(ZONES, &settings)?;
    let up = stand.up_with(|command| {
        command.env(SECRET, "");
    })?;
    let load = stand.load(&up, |_| {})?;
    up.await_standing("good", PATIENCE)?;
    let good = up.current()?;

    refused_whole(record, &up, &stand, &settings)?;
    refused_by_share(record, &up, &stand)?;
    held_back(record, &up, &stand)?;
    valueless(record, &up, &stand)?;

    let now = up.current()?;
    let measured = format!("release {}, now {}", good.number, now.number);
    record.check("in the end the same content is in force", measured, now.hash == good.hash);
    super::kill_once(record, &up, &load, &stand)?;
    let tally = load.stop();
    record.check_no_failure("failed requests of all 40 sites", &tally);
    cold_with_nothing(record, up, &stand, &settings)
}

/// Files in which there is nothing at all.
fn refused_whole(record: &mut Record, up: &Up, stand: &Stand, settings: &Settings) -> Outcome<()> {
    let good = settings.text();
    let without_include = good.replace("include: zones.d/*.yaml\n", "");
    for (what, text) in [
        ("`zones: []`", format!("{without_include}zones: []\n")),
        ("`zones:` without a value", format!("{without_include}zones:\n")),
        ("no `zones` at all", without_include.clone()),
        ("`include: []`", good.replace("include: zones.d/*.yaml", "include: []")),
        ("`include:` of an empty folder", good.replace("zones.d/", "nothing.d/")),
        ("an empty file", String::new()),
    ] {
        stand.site.settings(&text)?;
        expect_refusal(record, up, what, "")?;
    }
    stand.site.settings(&good)
}

/// Valid files that would remove much.
fn refused_by_share(record: &mut Record, up: &Up, stand: &Stand) -> Outcome<()> {
    let hidden = hide(stand, &stand.tenants)?;
    expect_refusal(record, up, "every included file gone", "")?;
    stand.site.zone(&stand.tenant(999), "")?;
    expect_refusal(record, up, "all sites replaced by another one", "100 %")?;
    fs::remove_file(stand.site.zone_file(&stand.tenant(999)))?;
    show(&hidden)?;

    let most = stand.tenants.get(..30).unwrap_or_default();
    let hidden = hide(stand, most)?;
    expect_refusal(record, up, "30 of 40 sites gone", "would remove 30 of 40 zones (75 %)")?;
    let answer = up.order(&json!({"command": "reload", "confirm": 29}))?;
    record.check("confirmed by a wrong number", &answer, answer.is_refused());
    show(&hidden)?;
    expect_same(record, up, "all sites are back")
}

/// Empty options of one site hold that site back.
fn held_back(record: &mut Record, up: &Up, stand: &Stand) -> Outcome<()> {
    let tenant = stand.tenant(3);
    let right = stand.site.zone_text(&tenant);
    let own_hosts = format!("hosts: [{}]", tenant.host);
    for (what, text) in [
        ("`hosts: []`", right.replace(&own_hosts, "hosts: []")),
        ("`hosts:` without a value", right.replace(&own_hosts, "hosts:")),
        ("`origins: []`", format!("name: {0}\nhosts: [{0}]\norigins: []\n", tenant.host)),
        ("an empty secret", format!("{right}certificates: [{{cert: c.pem, key: {{env: {SECRET}}}}}]\n")),
        ("an empty file of a site", String::new()),
    ] {
        stand.site.zone_as(&tenant, &text)?;
        let answer = up.order(&json!({"command": "reload"}))?;
        let status = up.status()?.get("held").cloned().unwrap_or_default().to_string();
        let is_named = status.contains(&tenant.host) || answer.whole().contains(&tenant.host);
        let served = up.ask(&tenant, "/1")?;
        record.check(
            &format!("{what}: that site keeps what it had, and is named"),
            format!("{served:?}, named: {is_named}"),
            served == (200, true) && is_named,
        );
        let stranger = up.ask(&stand.tenant(777), "/1")?;
        record.check(&format!("{what}: it does not answer for others"), stranger.0, stranger.0 != 200);
    }
    stand.site.zone(&tenant, "")?;
    expect_same(record, up, "the site is as it was")
}

/// Orders whose value is missing.
fn valueless(record: &mut Record, up: &Up, stand: &Stand) -> Outcome<()> {
    for order in [
        json!({"command": "reload", "confirm": ""}),
        json!({"command": "confirm"}),
        json!({"command": "confirm", "removed": null}),
        json!({"command": "pin"}),
        json!({"command": "pin", "release": ""}),
        json!({"command": "stage", "zone": "", "stage": "", "on": false}),
        json!({"command": ""}),
    ] {
        let answer = up.order(&order)?;
        record.check(&format!("{order}"), &answer, answer.is_refused());
    }
    for words in [&["ctl", "reload", "--confirm"][..], &["ctl", "pin"], &["ctl", "reload", "--confirm="]] {
        let output = stand.run(words)?;
        record.check(&format!("`rempart {}`", words.join(" ")), output.status, !output.status.success());
    }
    Ok(())
}

/// Everything ends, and what would begin is an empty list.
fn cold_with_nothing(record: &mut Record, up: Up, stand: &Stand, settings: &Settings) -> Outcome<()> {
    up.end()?;
    let hidden = hide(stand, &stand.tenants)?;
    let up = stand.up_with(|command| {
        command.env(SECRET, "");
    })?;
    let load = stand.load(&up, |_| {})?;
    load.await_right(u64::from(ZONES) * 2, PATIENCE)?;
    let tally = load.stop();
    record.check_no_failure("a cold start with an empty list serves all 40", &tally);
    show(&hidden)?;
    stand.site.settings(&settings.text())?;
    up.obey(&json!({"command": "reload"}))?;

    hide(stand, stand.tenants.get(..30).unwrap_or_default())?;
    let answer = up.order(&json!({"command": "reload", "confirm": 30}))?;
    record.check("confirmed by its number", &answer, answer.is_ok());
    let gone = up.ask(&stand.tenant(0), "/1")?;
    record.check("then they are gone", gone.0, gone.0 != 200);
    Ok(())
}

fn expect_refusal(record: &mut Record, up: &Up, what: &str, says: &str) -> Outcome<()> {
    let answer = up.order(&json!({"command": "reload"}))?;
    let error = answer.text("error");
    let holds = answer.is_refused() && error.contains(says);
    record.check(&format!("{what}: refused"), error.chars().take(100).collect::<String>(), holds);
    Ok(())
}

fn expect_same(record: &mut Record, up: &Up, what: &str) -> Outcome<()> {
    let answer = up.order(&json!({"command": "reload"}))?;
    record.check(&format!("{what}: nothing to do"), &answer, answer.is_ok());
    Ok(())
}

/// Takes the files of these sites away.
fn hide(stand: &Stand, tenants: &[Tenant]) -> Outcome<Vec<PathBuf>> {
    let files: Vec<PathBuf> = tenants.iter().map(|tenant| stand.site.zone_file(tenant)).collect();
    for file in &files {
        fs::rename(file, file.with_extension("hidden"))?;
    }
    Ok(files)
}

/// Brings them back.
fn show(files: &[PathBuf]) -> Outcome<()> {
    for file in files {
        fs::rename(file.with_extension("hidden"), file)?;
    }
    Ok(())
}
