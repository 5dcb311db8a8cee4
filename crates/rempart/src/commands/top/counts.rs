//! What an edge has counted since its start, as it says it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// All of it. What is missing counts as 0, so that an edge of another version can be watched.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    pub(super) uptime_ms: u64,
    pub(super) pid: u32,
    pub(super) release: u64,
    pub(super) workers: u64,
    pub(super) connections: u64,
    pub(super) latency_bounds_us: Vec<u64>,
    pub(super) zones: Vec<Zone>,
    pub(super) cache: Cache,
    pub(super) origin_connections: OriginConnections,
    pub(super) origins: Vec<Origin>,
}

/// One zone's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Zone {
    pub(super) zone: String,
    /// By class: `2xx`.
    pub(super) statuses: BTreeMap<String, u64>,
    pub(super) latencies: Vec<u64>,
    pub(super) under_way: u64,
    pub(super) bytes_out: u64,
    /// By what the cache did: `hit`.
    pub(super) cache: BTreeMap<String, u64>,
    pub(super) bytes_saved: u64,
    pub(super) collapsed: u64,
    pub(super) refetches: u64,
}

/// What the cache holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Cache {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) bytes_max: u64,
    pub(super) inserted: u64,
    pub(super) evicted: u64,
    pub(super) fills: u64,
}

/// Toward all origins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OriginConnections {
    pub(super) opened: u64,
    pub(super) reused: u64,
    pub(super) idle: u64,
}

/// One origin's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Origin {
    pub(super) origin: String,
    pub(super) asked: u64,
    pub(super) failed: u64,
    pub(super) open: u64,
}
