//! What runs, as JSON: for `rempart status` and `/status`.

use std::sync::atomic::Ordering;

use rempart_base::{Now, date};
use rempart_config::diagnostic_json;
use serde_json::{Value, json};

use super::Control;
use super::counts;
use super::reload::{Last, Reloads};
use super::rollout::counts::Counting;
use super::rollout::outcome::Refusal;
use crate::incidents::{Incident, LeftOut, summed};
use crate::panics;
use crate::purging;
use crate::worker::Handle;

/// So many zones are listed with their ids: `rempart ctl purge` takes names, and says the id.
const ZONE_IDS_MAX: usize = 100;

/// The whole status.
pub(super) fn json(control: &Control) -> Value {
    let newest = control.newest();
    // First: it waits for whoever changes what runs, and nobody is to wait for it meanwhile.
    let release = release(control);
    let reloads = control.reloads.lock();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started": rfc3339(control.started),
        "uptime_s": (Now::mono() - control.started.mono).as_secs(),
        "generation": control.generation,
        "pid": std::process::id(),
        // Set by the supervisor where copying much at once is slow on this processor, or by the operator.
        "glibc_tunables": std::env::var("GLIBC_TUNABLES").ok(),
        "draining": control.turns_away.load(Ordering::Relaxed),
        "release": release,
        "zones": newest.zones().len(),
        "held": held_of(&reloads),
        "reloads": {
            "applied": reloads.applied,
            "unchanged": reloads.unchanged,
            "refused": reloads.refused,
            "last": reloads.last.as_ref().map(last),
        },
        "taster": reloads.report.as_ref().map(|report| {
            json!({"took_ms": report.took_ms, "requests": report.checks.requests, "answered": report.checks.answered})
        }),
        "warnings": newest.warnings.iter().map(diagnostic_json).collect::<Vec<_>>(),
        "waiting_for_restart": control.waiting_for_restart(),
        "panics": panics::count(),
        "incidents": summed(control.workers.iter().map(|worker| &worker.metrics.incidents)).iter().map(incident).collect::<Vec<_>>(),
        "stages_left_out": control.workers.iter().flat_map(|worker| worker.metrics.incidents.left_out()).map(|one| left_out(&one)).collect::<Vec<_>>(),
        "cache": counts::cache_json(control),
        "purges": purging::json(control.cache.purges.counts()),
        "zone_ids": newest.zones().take(ZONE_IDS_MAX).map(|zone| {
            json!({"zone": &*zone.name, "id": zone.cache.zone_id.to_string()})
        }).collect::<Vec<_>>(),
        "budgets": control.budgets.lock().json(),
        "events": control.events.json(),
        "workers": control.workers.iter().map(worker).collect::<Vec<_>>(),
    })
}

/// The zones that are held back, and why.
pub(super) fn held(control: &Control) -> Vec<Value> {
    held_of(&control.reloads.lock())
}

fn held_of(reloads: &Reloads) -> Vec<Value> {
    let held = reloads.report.iter().flat_map(|report| &report.held);
    held.filter_map(|held| serde_json::to_value(held).ok()).collect()
}

fn last(last: &Last) -> Value {
    json!({
        "at": rfc3339(last.at),
        "took_ms": ms(last.took),
        "ok": last.refusal.is_none(),
        "kind": last.refusal.as_ref().map(Refusal::kind),
        "error": last.refusal.as_ref().map(ToString::to_string),
        "diagnostics": last.refusal.as_ref().map(Refusal::diagnostics).unwrap_or_default(),
    })
}

fn release(control: &Control) -> Value {
    let rollout = control.rollout.lock();
    let (newest, good) = (rollout.newest(), rollout.good());
    let bake = rollout.bake().map(|bake| {
        let sums = Counting::of(&control.workers).release(newest.release.number);
        json!({
            "age_ms": ms(bake.age(Now::mono())),
            "bake_ms": ms(bake.terms().lasts),
            "requests": sums.requests,
            "bake_requests_min": bake.terms().requests_min,
            "errors": sums.errors,
            "panics": sums.panics,
            "canary_percent": control.running.load().canary.as_ref().map(|canary| canary.percent),
        })
    });
    let age_s = |unix_ms: u64| (Now::read().unix_s()).saturating_sub(unix_ms / 1000);
    json!({
        "number": newest.release.number,
        "hash": newest.release.hash.to_string(),
        "age_s": age_s(newest.release.created_unix_ms),
        "state": if bake.is_some() { "baking" } else { "good" },
        "bake": bake,
        "last_known_good": good.map(|good| {
            json!({"number": good.release.number, "age_s": age_s(good.release.created_unix_ms)})
        }),
        "pinned": rollout.store.pinned(),
        "bad": rollout.store.bad().map(|(hash, why)| json!({"hash": hash.to_string(), "why": why})).collect::<Vec<_>>(),
        "switched_off": rollout.store.switches().map(|switch| {
            json!({"zone": switch.zone, "stage": switch.stage})
        }).collect::<Vec<_>>(),
    })
}

fn ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn incident(incident: &Incident) -> Value {
    let Incident { kind, place, text, count, first, last } = incident;
    json!({
        "kind": kind.as_str(),
        "release": place.release,
        "zone": &*place.zone,
        "stage": place.stage,
        "rule": &*place.rule,
        "count": count,
        "first": rfc3339(*first),
        "last": rfc3339(*last),
        "text": text,
    })
}

/// One core's: a zone and stage stand there for each core that leaves it out.
fn left_out(left_out: &LeftOut) -> Value {
    json!({"zone": &*left_out.zone, "stage": left_out.stage, "since": rfc3339(left_out.since)})
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

pub(super) fn rfc3339(now: Now) -> String {
    format!("{}Z", String::from_utf8_lossy(&date::rfc3339_seconds(now.unix_s())))
}
