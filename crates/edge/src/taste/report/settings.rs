//! The settings that the supervisor needs, so that it never reads a configuration itself.

use std::net::{Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use rempart_config::{AccessTo, Account, Level, Settings};
use rempart_wire::ProxyProtocol;
use rempart_wire::config::{Listen, ListenAddress, Listener};
use serde::{Deserialize, Serialize};

/// What the supervisor needs of the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// Where to listen: cleartext first, each in the order of the file.
    pub listen: Vec<Listening>,
    /// Worker threads.
    pub workers: NonZeroUsize,
    /// The account to change to; `None` keeps the one that started the process.
    pub user: Option<String>,
    /// The file of the access log, if it is one.
    #[serde(default)]
    pub access_log: Option<PathBuf>,
    /// Where the process keeps what it must not lose.
    pub data_dir: PathBuf,
    /// How much the program says about itself, as a filter reads it.
    pub log_level: String,
    /// Where the admin endpoint listens; `None` is off.
    pub admin: Option<SocketAddr>,
    /// How long a drain may take.
    pub drain_timeout_ms: u64,
    /// Three crashes within this are a loop.
    pub crash_window_ms: u64,
    /// How long the edge of an upgrade may take to serve.
    pub ready_ms: u64,
    /// How long a taste may take.
    pub taster_timeout_ms: u64,
    /// How much address space a taster may use.
    pub taster_memory_bytes_max: u64,
    /// Last-known-good releases that are kept.
    pub generations: usize,
}

/// One listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// The address; `[::]` for every one.
    pub address: SocketAddr,
    /// Whether `[::]` means every address of the machine, IPv4 too.
    pub every: bool,
    /// Whether visitors speak TLS here.
    pub tls: bool,
    /// What connections begin with.
    pub proxy_protocol: Prefix,
}

/// [`ProxyProtocol`] as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each variant is the protocol of that name")]
pub enum Prefix {
    Off,
    V1,
    V2,
    Any,
}

impl Needs {
    /// Those listeners, as the room that knows them has them.
    #[must_use]
    pub fn listen(&self) -> Listen {
        let of = |tls| {
            let listeners = self.listen.iter().filter(move |listening| listening.tls == tls);
            listeners.map(|listening| Listener {
                address: match listening.every {
                    true => ListenAddress::Every { port: listening.address.port() },
                    false => ListenAddress::At(listening.address),
                },
                proxy_protocol: listening.proxy_protocol.into(),
            })
        };
        Listen { http: of(false).collect(), https: of(true).collect() }
    }
}

impl From<&Settings> for Needs {
    fn from(settings: &Settings) -> Self {
        let listeners = |list: &[Listener], tls| {
            let listening = list.iter().map(move |listener| Listening::of(*listener, tls));
            listening.collect::<Vec<_>>()
        };
        let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            listen: [listeners(&settings.listen.http, false), listeners(&settings.listen.https, true)]
                .concat(),
            workers: settings.workers,
            user: match &settings.user {
                Account::Keep => None,
                Account::Named(name) => Some(name.clone()),
            },
            access_log: match &settings.log.access.to {
                AccessTo::File(path) => Some(path.clone()),
                AccessTo::Off | AccessTo::Stdout => None,
            },
            data_dir: settings.data_dir.clone(),
            log_level: level(settings.log.level).into(),
            admin: settings.admin,
            drain_timeout_ms: ms(settings.limits.drain_timeout),
            crash_window_ms: ms(settings.crash_window),
            ready_ms: ms(settings.upgrade_ready),
            taster_timeout_ms: ms(settings.taster_timeout),
            taster_memory_bytes_max: settings.taster_memory_bytes_max,
            generations: settings.release.generations,
        }
    }
}

impl Listening {
    fn of(listener: Listener, tls: bool) -> Self {
        let (address, every) = match listener.address {
            ListenAddress::Every { port } => (SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), true),
            ListenAddress::At(address) => (address, false),
        };
        Self { address, every, tls, proxy_protocol: listener.proxy_protocol.into() }
    }
}

impl From<ProxyProtocol> for Prefix {
    fn from(protocol: ProxyProtocol) -> Self {
        match protocol {
            ProxyProtocol::Off => Self::Off,
            ProxyProtocol::V1 => Self::V1,
            ProxyProtocol::V2 => Self::V2,
            ProxyProtocol::Any => Self::Any,
        }
    }
}

impl From<Prefix> for ProxyProtocol {
    fn from(prefix: Prefix) -> Self {
        match prefix {
            Prefix::Off => Self::Off,
            Prefix::V1 => Self::V1,
            Prefix::V2 => Self::V2,
            Prefix::Any => Self::Any,
        }
    }
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}
