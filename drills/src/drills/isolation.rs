//! Drill 25: what is wrong with one site is that site's.

use std::fs;

use serde_json::{Value, json};

use super::{Drill, Ground};
use crate::report::{Record, Title};
use crate::stand::{PATIENCE, Settings, Stand, Up};
use crate::{Outcome, pause_for};

/// One of 200.
pub(super) const ONE_OF_MANY: Drill = Drill {
    title: Title {
        name: "25",
        origin: "NPM#2359.., Traefik#8921, Caddy#1038",
        injected: "one site of 200 gets an upstream that cannot be resolved, an invalid file, a bad certificate, a bad rule",
    },
    run: one_of_many,
};

const ZONES: u16 = 200;
/// The one.
const BROKEN: u16 = 17;

struct Fault {
    what: &'static str,
    /// The zone's file.
    text: String,
    /// Where the file is wrong; `None` where only the network can tell.
    line: Option<u64>,
}

fn faults(stand: &Stand) -> Outcome<Vec<Fault>> {
    let tenant = stand.tenant(BROKEN);
    let right = stand.site.zone_text(&tenant);
    let pem = stand.site.zone_file(&tenant).with_extension("pem");
    fs::write(&pem, "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n")?;
    let host = &tenant.host;
    Ok(vec![
        Fault {
            what: "unresolvable upstream",
            text: format!("name: {host}\nhosts: [{host}]\norigins: [\"http://nowhere.invalid:80\"]\n"),
            line: None,
        },
        Fault {
            what: "invalid file",
            text: format!("name: {host}\nhosts: [{host}\norigins: {{\n"),
            line: Some(3),
        },
        Fault { what: "unknown key", text: format!("{right}orgins: 3\n"), line: Some(4) },
        Fault {
            what: "bad certificate",
            text: format!("{right}certificates: [{{cert: {host}.pem, key: {host}.pem}}]\n"),
            line: Some(4),
        },
        Fault {
            what: "bad rule",
            text: format!(
                "{right}rulesets:\n- phase: http_request_firewall_custom\n  rules:\n  \
                 - {{expression: 'ip.src contains \"x\"', action: block}}\n"
            ),
            line: Some(7),
        },
    ])
}

fn one_of_many(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let settings = Settings { bake_ms: ground.scaled_ms(10.0), bake_requests_min: 50, ..Settings::default() };
    let stand = ground.stand(ZONES, &settings)?;
    let tenant = stand.tenant(BROKEN);
    let mut up = stand.up()?;
    up.await_standing("good", PATIENCE)?;
    for (index, Fault { what, text, line }) in faults(&stand)?.into_iter().enumerate() {
        let load = stand.load(&up, |plan| plan.zones.retain(|other| *other != tenant))?;
        load.await_right(50, PATIENCE)?;
        stand.site.zone_as(&tenant, &text)?;
        // Something else changes as well, and moves on.
        stand.site.zone(&stand.tenant(18), &format!("upstream: {{fields_max: {}}}\n", 300 + index))?;
        let answer = up.order(&json!({"command": "reload"}))?;
        let took = answer.is_ok() && answer.is("changed");
        record.check(&format!("{what}: the others move on"), &answer, took);
        if let Some(line) = line {
            check_named(record, what, &up, &stand, line)?;
        }
        pause_for(ground.scaled(3.0));
        super::kill_once(record, &up, &load, &stand)?;
        let tally = load.stop();
        record.check_no_failure(&format!("{what}: failures of 199 others"), &tally);

        // A cold restart: everything ends, and the file is still wrong.
        up.end()?;
        up = stand.up()?;
        let load = stand.load(&up, |plan| plan.zones.retain(|other| *other != tenant))?;
        load.await_right(200, PATIENCE)?;
        let tally = load.stop();
        record.check_no_failure(&format!("{what}: after a cold restart"), &tally);
        if line.is_some() {
            let answer = up.ask(&tenant, "/1")?;
            record.check(
                &format!("{what}: the site keeps its good version"),
                format!("{answer:?}"),
                answer == (200, true),
            );
        }
        stand.site.zone(&tenant, "")?;
        up.obey(&json!({"command": "reload"}))?;
        let answer = up.ask(&tenant, "/1")?;
        record.check(&format!("{what}: mended, it is served"), format!("{answer:?}"), answer == (200, true));
    }
    Ok(())
}

/// `status` names the zone and the line, as a program and as a person reads it.
fn check_named(record: &mut Record, what: &str, up: &Up, stand: &Stand, line: u64) -> Outcome<()> {
    let host = stand.tenant(BROKEN).host;
    let status = up.status()?;
    let named = held(&status).into_iter().find(|held| held.to_string().contains(&host));
    let found = named.as_ref().map(ToString::to_string).unwrap_or_else(|| "it names nothing".to_owned());
    let is_named = named.is_some_and(|held| held.get("line") == Some(&json!(line)));
    record.check(
        &format!("{what}: status names {host} and line {line}"),
        found.chars().take(90).collect::<String>(),
        is_named,
    );
    let said = stand.run(&["status"])?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    record.check(&format!("{what}: `rempart status` shows it"), said.contains(&host), said.contains(&host));
    Ok(())
}

fn held(status: &Value) -> Vec<Value> {
    status.get("held").and_then(Value::as_array).cloned().unwrap_or_default()
}
