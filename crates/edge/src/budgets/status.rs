//! What is shed and why, for people and programs.

use std::fmt;

use rempart_base::{Now, date};
use serde_json::{Value, json};

use super::bounds::Bound;
use super::gauge::{Gauge, Level};
use super::look::{Budgets, Shed};

impl Budgets {
    /// For `status`.
    #[must_use]
    pub fn json(&self) -> Value {
        let bounds = [&self.bounds.connections, &self.bounds.descriptors, &self.bounds.memory_bytes];
        let gauges = self.gauges.iter().zip(bounds);
        let shed = self.shed();
        json!({
            "level": self.level().as_str(),
            "resources": gauges.map(|(gauge, bound)| resource(gauge, bound)).collect::<Vec<_>>(),
            "connections_idle": self.connections_idle(),
            "share": self.fair().map(|fair| json!({
                "zones_active": fair.zones_active,
                "requests_per_zone": fair.requests_per_zone,
                "at_their_share": fair.at_their_share.iter().map(|(zone, under_way)| {
                    json!({"zone": &**zone, "requests": under_way})
                }).collect::<Vec<_>>(),
            })),
            "shed": {
                "idle_closed": shed.idle_closed,
                "origin_idle_closed": shed.origin_idle_closed,
                "new_refused": shed.new_refused,
                "requests_over_share": shed.over_share,
                "accepts_failed": shed.accepts_failed,
            },
        })
    }
}

fn resource(gauge: &Gauge, bound: &Bound) -> Value {
    json!({
        "resource": gauge.resource.as_str(),
        "used": gauge.used,
        "max": bound.max,
        "from": bound.from,
        "clamped": bound.clamped,
        "level": gauge.level.as_str(),
        "since": (gauge.level != Level::Calm).then(|| rfc3339(gauge.since)),
    })
}

fn rfc3339(now: Now) -> String {
    format!("{}Z", String::from_utf8_lossy(&date::rfc3339_seconds(now.unix_s())))
}

impl Gauge {
    /// A sentence about the level that it has now.
    pub(super) fn says(&self, before: Level) -> String {
        let (resource, used, max) = (self.resource.as_str(), self.used, self.max);
        let what = match (before, self.level) {
            (_, Level::New) => "new connections are refused, idle ones are closed",
            (Level::New, Level::Idle) => "new connections come in again, idle ones are still closed",
            (Level::Calm | Level::Idle, Level::Idle) => "idle connections are closed",
            (_, Level::Calm) => "nothing is shed for it any more",
        };
        format!("{resource}: {used} of {max} used: {what}")
    }
}

impl fmt::Display for Shed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} idle connections of visitors and {} to origins were closed, {} new ones refused, {} requests \
             were over their zone's share, {} times a connection could not be accepted",
            self.idle_closed, self.origin_idle_closed, self.new_refused, self.over_share, self.accepts_failed
        )
    }
}
