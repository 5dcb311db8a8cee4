//! `rempart events`: what rules have decided about requests lately, the newest first. It reads the ring that edges
//! write, so it works with no edge running too.

pub(super) mod stored;

use serde_json::{Value, json};

use self::stored::{newest, text};
use crate::control::Running;
use crate::output::{Failure, complain, say};

/// The arguments of `events`.
#[derive(clap::Args)]
pub(crate) struct Events {
    #[command(flatten)]
    running: Running,
    /// Only those of this zone
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Only those of the rule with this ref or id
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Only those with this action: block, log, managedChallenge …
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only those of this visitor
    #[arg(long, value_name = "IP")]
    ip: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// For programs: one JSON object a line, with the names of Cloudflare's firewall events
    #[arg(long)]
    json: bool,
}

impl Events {
    /// Shows them.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let is = |event: &Value, key: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| text(event, key).eq_ignore_ascii_case(wanted))
        };
        let keep = |event: &Value| {
            is(event, "ZoneName", &self.zone)
                && is(event, "Action", &self.action)
                && is(event, "ClientIP", &self.ip)
                && (is(event, "Ref", &self.rule) || is(event, "RuleID", &self.rule))
        };
        let Some(events) = newest(&self.running.data_dir(), self.limit, keep)? else {
            complain("no security event has been kept here yet\n");
            return Ok(());
        };
        if events.is_empty() {
            complain("no security event of this kind is kept here\n");
        }
        for (number, mut event) in events {
            if self.json {
                if let Some(event) = event.as_object_mut() {
                    event.insert("Number".into(), json!(number));
                }
                say(&format!("{event}\n"));
            } else {
                say(&shown(&event));
            }
        }
        Ok(())
    }
}

/// An event in three lines.
fn shown(event: &Value) -> String {
    let text = |key| text(event, key);
    let rule = rule(event);
    let mut shown = format!(
        "{}  {}  {rule}\n    {} {} from {}, answered {}, ray {}\n",
        text("Datetime"),
        text("Action"),
        text("ClientRequestMethod"),
        stored::url(event),
        text("ClientIP"),
        stored::status(event, "EdgeResponseStatus"),
        text("RayID"),
    );
    if !text("Matched").is_empty() {
        shown.push_str(&format!("    matched {}\n", text("Matched")));
    }
    shown
}

/// A rule by its name, with what it is of.
pub(super) fn rule(event: &Value) -> String {
    let text = |key| text(event, key);
    let mut rule = format!("{} ({}", text("Ref"), text("Source"));
    // One that has no name is called by an id that nobody has written.
    let is_id = |name: &str| name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !text("Ruleset").is_empty() && !is_id(text("Ruleset")) {
        rule.push_str(&format!(", ruleset {}", text("Ruleset")));
    }
    rule.push(')');
    if !text("Description").is_empty() {
        rule.push_str(&format!(": {}", text("Description")));
    }
    rule
}
