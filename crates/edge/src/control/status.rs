//! What runs, as JSON: for `rempart status` and `/status`.

use std::sync::atomic::Ordering;

use rempart_base::{Now, date};
use rempart_config::diagnostic_json;
use serde_json::{Value, json};

use super::{Control, PANICS};
use crate::worker::Handle;

/// The whole status.
pub(super) fn json(control: &Control) -> Value {
    let running = control.current.load();
    let snapshot = running.newest();
    let reloads = control.reloads.lock();
    let last = reloads.last.as_ref().map(|last| {
        json!({
            "at": rfc3339(last.at),
            "took_ms": u64::try_from(last.took.as_millis()).unwrap_or(u64::MAX),
            "ok": last.error.is_none(),
            "diagnostics": last.error.iter().flat_map(|errors| &errors.0).map(diagnostic_json).collect::<Vec<_>>(),
        })
    });
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started": rfc3339(control.started),
        "uptime_s": (Now::mono() - control.started.mono).as_secs(),
        "release": {"number": snapshot.number, "hash": format!("{:016x}", snapshot.hash)},
        "zones": snapshot.zones().len(),
        "reloads": {"applied": reloads.applied, "unchanged": reloads.unchanged, "refused": reloads.refused, "last": last},
        "warnings": snapshot.warnings.iter().map(diagnostic_json).collect::<Vec<_>>(),
        "waiting_for_restart": control.waiting_for_restart(),
        "panics": PANICS.load(Ordering::Relaxed),
        "workers": control.workers.iter().map(worker).collect::<Vec<_>>(),
    })
}

fn worker(handle: &Handle) -> Value {
    let metrics = &handle.metrics;
    json!({
        "connections": metrics.connections.load(Ordering::Relaxed),
        "accepted": metrics.accepted.read(),
        "handed_over": metrics.handed_over.read(),
        "requests": metrics.zones().iter().map(|(_, zone)| zone.requests()).sum::<u64>(),
        "origin_connections_idle": metrics.origin_idle.load(Ordering::Relaxed),
        "log_lines_dropped": metrics.log_dropped.read(),
    })
}

fn rfc3339(now: Now) -> String {
    format!("{}Z", String::from_utf8_lossy(&date::rfc3339_seconds(now.unix_s())))
}
