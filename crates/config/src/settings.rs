//! The global values of one snapshot, ready to run with.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use rempart_origin::plan::Upstream;
use rempart_wire::config::{Limits, Listen};

use crate::prefix::PrefixSet;

/// Everything that is not one zone's. Paths are resolved against the folder of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where to listen. A change takes a restart.
    pub listen: Listen,
    /// Where the process keeps what it must not lose.
    pub data_dir: PathBuf,
    /// Worker threads. A change takes a restart.
    pub workers: NonZeroUsize,
    /// The account to change to after binding, when started as root.
    pub user: Account,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: PrefixSet,
    /// The suffix of `CF-Ray`: three upper-case letters.
    pub colo: [u8; 3],
    /// Where the admin endpoint listens; `None` is off.
    pub admin: Option<SocketAddr>,
    /// How many zones, the busiest, have metrics of their own.
    pub metrics_zones_max: usize,
    /// What is logged.
    pub log: Log,
    /// Limits toward visitors.
    pub limits: Arc<Limits>,
    /// Time-outs and bounds toward origins of zones that say nothing else.
    pub upstream: Arc<Upstream>,
}

/// The account that serves visitors.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    /// `root`: the one that started the process stays.
    Keep,
    /// Change to this one.
    Named(String),
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// How much the program says about itself.
    pub level: Level,
    /// One line an exchange.
    pub access: AccessLog,
}

/// How much the program says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each variant is the level of that name")]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// Where its lines go.
    pub to: AccessTo,
    /// Bytes that wait to be written; what comes on top is dropped and counted.
    pub queue_bytes_max: usize,
}

/// Where the access log's lines go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AccessTo {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// This file; opened anew when told to (`SIGUSR1`).
    File(PathBuf),
}
