//! Metrics in the text format of Prometheus.

mod cache;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use rempart_http2::Budget;

use crate::budgets::Gauge;
use crate::control::Control;
use crate::control::counts::{self, OriginSum};
use crate::control::zones::{self, ZoneSum};
use crate::incidents::{Kind, Place, summed};
use crate::metrics::{Counter, LATENCY_BOUNDS_US, STATUSES};
use crate::panics;
use crate::rules::ACTIONS;
use crate::worker::Handle;

/// All metrics.
pub(super) fn text(control: &Control) -> String {
    let mut page = Page(String::with_capacity(16 * 1024));
    workers(&mut page, &control.workers);
    let dropped: u64 = control.workers.iter().map(|worker| worker.metrics.events_dropped.read()).sum();
    page.one(
        "rempart_security_events_dropped_total",
        "counter",
        "Security events that were not written down.",
        dropped + control.writer.events_lost(),
    );
    origins(&mut page, control);
    budgets(&mut page, control);
    let zones = zones::busiest(control);
    self::zones(&mut page, &zones);
    rules(&mut page, &zones);
    cache::families(&mut page, control, &zones);
    cache::purges(&mut page, control);
    let running = control.running.load();
    let snapshot = running.newest();
    page.one("rempart_zones", "gauge", "Zones that are configured.", snapshot.zones().len() as u64);
    page.one("rempart_release_number", "gauge", "The number of the release that runs.", snapshot.number);
    let reloads = control.reloads.lock();
    page.family("rempart_reloads_total", "counter", "Reloads by outcome.");
    for (outcome, count) in
        [("applied", reloads.applied), ("unchanged", reloads.unchanged), ("refused", reloads.refused)]
    {
        page.sample("rempart_reloads_total", &[("outcome", outcome)], count);
    }
    page.one("rempart_panics_total", "counter", "Panics. Each cost one request.", panics::count());
    incidents(&mut page, &control.workers);
    page.0
}

/// Panics and overruns by place. A place that has been quiet for long may be forgotten and begin anew.
fn incidents(page: &mut Page, workers: &[Handle]) {
    let cores = || workers.iter().map(|worker| &worker.metrics.incidents);
    let mut counts: BTreeMap<(Kind, Place), u64> = BTreeMap::new();
    for one in summed(cores()) {
        *counts.entry((one.kind, Place { release: 0, ..one.place })).or_default() += one.count;
    }
    let name = "rempart_incidents_total";
    page.family(name, "counter", "Panics and overruns, by zone, stage and rule.");
    for ((kind, place), count) in &counts {
        let (kind, rule) = (kind.as_str(), escaped(&place.rule));
        let labels = [("kind", kind), ("zone", &*place.zone), ("stage", place.stage), ("rule", &*rule)];
        page.sample(name, &labels, *count);
    }
    let left_out = cores().map(|core| core.left_out().len() as u64).sum();
    let help = "Stages that are left out for a zone on a worker because they keep failing.";
    page.one("rempart_stages_left_out", "gauge", help, left_out);
}

/// A rule may be any text.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn workers(page: &mut Page, workers: &[Handle]) {
    page.family("rempart_worker_connections", "gauge", "Visitors' connections that are open, by worker.");
    for (index, worker) in workers.iter().enumerate() {
        let open = worker.metrics.connections.load(Ordering::Relaxed) as u64;
        page.sample("rempart_worker_connections", &[("worker", &index.to_string())], open);
    }
    let sum = |read: fn(&Handle) -> u64| workers.iter().map(read).sum::<u64>();
    let total = "counter";
    page.one(
        "rempart_connections_accepted_total",
        total,
        "Connections accepted.",
        sum(|w| w.metrics.accepted.read()),
    );
    page.one(
        "rempart_connections_handed_over_total",
        total,
        "Connections handed to a worker with fewer.",
        sum(|w| w.metrics.handed_over.read()),
    );
    page.one(
        "rempart_connections_turned_away_total",
        total,
        "Connections that ended in their TLS handshake or PROXY header.",
        sum(|w| w.metrics.turned_away.read()),
    );
    page.one(
        "rempart_http2_connections_total",
        total,
        "Visitors' connections of HTTP/2.",
        sum(|w| w.metrics.http2.connections.read()),
    );
    page.one(
        "rempart_http2_violations_total",
        total,
        "Connections of HTTP/2 ended because the visitor broke the protocol.",
        sum(|w| w.metrics.http2.violations.read()),
    );
    let help = "Connections of HTTP/2 ended because the visitor was over a budget.";
    page.family("rempart_http2_over_budget_total", total, help);
    for (place, budget) in Budget::ALL.iter().enumerate() {
        let counts = workers.iter().filter_map(|w| w.metrics.http2.over_budget().nth(place));
        let count = counts.map(|(_, count)| count).sum();
        page.sample("rempart_http2_over_budget_total", &[("budget", budget.as_str())], count);
    }
    page.one(
        "rempart_connections_shed_total",
        total,
        "Connections closed at once because something was short.",
        sum(|w| w.metrics.shed.read()),
    );
    page.one(
        "rempart_origin_connections_opened_total",
        total,
        "Connections opened to origins.",
        sum(|w| w.metrics.origins.opened.load(Ordering::Relaxed)),
    );
    page.one(
        "rempart_origin_http2_connections_opened_total",
        total,
        "Connections opened to origins on which HTTP/2 is spoken.",
        sum(|w| w.metrics.origins.opened_http2.load(Ordering::Relaxed)),
    );
    page.one(
        "rempart_origin_connections_reused_total",
        total,
        "Exchanges that used a connection to an origin that was open already.",
        sum(|w| w.metrics.origins.reused.load(Ordering::Relaxed)),
    );
    page.one(
        "rempart_origin_connections_failed_total",
        total,
        "Connections to origins that could not be opened.",
        sum(|w| w.metrics.origins.failed.load(Ordering::Relaxed)),
    );
    page.one(
        "rempart_origin_connections_idle",
        "gauge",
        "Idle connections to origins that workers keep.",
        sum(|w| w.metrics.origin_idle.load(Ordering::Relaxed) as u64),
    );
    page.one(
        "rempart_retries_total",
        total,
        "Exchanges tried a second time.",
        sum(|w| w.metrics.retries.read()),
    );
    page.one(
        "rempart_held_body_bytes",
        "gauge",
        "Bytes of request bodies that are held for rules.",
        sum(|w| w.metrics.held_body_bytes.read()),
    );
    page.one(
        "rempart_access_log_dropped_total",
        total,
        "Lines of the access log that were dropped.",
        sum(|w| w.metrics.log_dropped.read()),
    );
}

/// Name, kind, help, and where the figure is.
type ByOrigin = (&'static str, &'static str, &'static str, fn(&OriginSum) -> u64);

/// Each that was asked lately; one that was not is forgotten, and begins anew.
fn origins(page: &mut Page, control: &Control) {
    let origins = counts::busiest_origins(control);
    let families: [ByOrigin; 3] = [
        ("rempart_origin_requests_total", "counter", "Exchanges begun with an origin.", |one| one.asked),
        ("rempart_origin_failures_total", "counter", "Those that it refused or did not answer.", |one| {
            one.failed
        }),
        ("rempart_origin_connections", "gauge", "Connections to an origin.", |one| one.open),
    ];
    for (name, kind, help, read) in families {
        page.family(name, kind, help);
        for origin in &origins {
            page.sample(name, &[("origin", &escaped(&origin.label))], read(origin));
        }
    }
}

fn budgets(page: &mut Page, control: &Control) {
    let budgets = control.budgets.lock();
    let each = |page: &mut Page, name: &str, help: &str, read: fn(&Gauge) -> u64| {
        page.family(name, "gauge", help);
        for gauge in budgets.gauges() {
            page.sample(name, &[("resource", gauge.resource.as_str())], read(gauge));
        }
    };
    each(page, "rempart_budget_used", "What the process has taken, by resource.", |gauge| gauge.used);
    each(page, "rempart_budget_max", "What it may take.", |gauge| gauge.max);
    each(
        page,
        "rempart_budget_level",
        "What is shed: 0 nothing, 1 idle connections, 2 new connections too.",
        |gauge| gauge.level as u64,
    );
    let idle = budgets.connections_idle() as u64;
    page.one(
        "rempart_connections_idle",
        "gauge",
        "Visitors' connections that are idle after an answer.",
        idle,
    );
    let shed = budgets.shed();
    let share = budgets.fair().map_or(0, |fair| fair.requests_per_zone);
    page.one("rempart_zone_share", "gauge", "Requests under way that a zone may have; 0: any number.", share);
    let name = "rempart_shed_total";
    page.family(name, "counter", "What was shed because something was short, by kind.");
    for (kind, count) in [
        ("idle", shed.idle_closed),
        ("origin-idle", shed.origin_idle_closed),
        ("new", shed.new_refused),
        ("over-share", shed.over_share),
        ("accept-failed", shed.accepts_failed),
    ] {
        page.sample(name, &[("kind", kind)], count);
    }
}

fn zones(page: &mut Page, zones: &[ZoneSum]) {
    page.family("rempart_requests_total", "counter", "Exchanges by zone and status of the answer.");
    for zone in zones {
        for (slot, status) in STATUSES.iter().enumerate() {
            let count = zone.sum(|core| core.statuses.get(slot).map_or(0, Counter::read));
            if count > 0 {
                let labels = [("zone", &*zone.name), ("status", &status.to_string())];
                page.sample("rempart_requests_total", &labels, count);
            }
        }
    }
    let name = "rempart_request_duration_seconds";
    page.family(name, "histogram", "Time from a request's head to the end of its answer.");
    for zone in zones {
        let mut below = 0;
        for (slot, count) in zone.latencies().into_iter().enumerate() {
            below += count;
            let bound = LATENCY_BOUNDS_US.get(slot).map_or_else(|| "+Inf".to_owned(), |us| seconds(*us));
            let labels = [("zone", &*zone.name), ("le", &bound)];
            page.sample("rempart_request_duration_seconds_bucket", &labels, below);
        }
        let sum = seconds(zone.sum(|core| core.latency_us.read()));
        let _ = writeln!(page.0, "{name}_sum{{zone=\"{}\"}} {sum}", zone.name);
        page.sample("rempart_request_duration_seconds_count", &[("zone", &zone.name)], below);
    }
    page.family("rempart_bytes_total", "counter", "Bytes from (in) and to (out) visitors, by zone.");
    for zone in zones {
        let directions =
            [("in", zone.sum(|core| core.bytes_in.read())), ("out", zone.sum(|core| core.bytes_out.read()))];
        for (direction, bytes) in directions {
            page.sample("rempart_bytes_total", &[("zone", &zone.name), ("direction", direction)], bytes);
        }
    }
}

/// Only what has matched: a zone has few kinds of rules.
fn rules(page: &mut Page, zones: &[ZoneSum]) {
    let name = "rempart_rule_matches_total";
    page.family(name, "counter", "Matches of rules by zone and action.");
    for zone in zones {
        for (place, action) in ACTIONS.iter().enumerate() {
            let count = zone.sum(|core| core.rules.get(place).map_or(0, Counter::read));
            if count > 0 {
                page.sample(name, &[("zone", &zone.name), ("action", action)], count);
            }
        }
    }
}

/// Microseconds as seconds, without the rounding of a float.
fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// Label values are names of zones, numbers and words of ours, or [escaped].
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"{text}\"", if index == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}
