//! The global values of one snapshot, ready to run with.

mod token;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rempart_base::config::{Context, Decode as _, Key, Mark, Node, Problem, Value};
use rempart_cache::CacheSettings;
use rempart_features::{AccountConfig, AccountFeatures};
use rempart_origin::plan::Upstream;
use rempart_wire::config::{Limits, Listen};

use crate::files::CONFIG_BYTES_MAX;
use crate::inputs::{Input, Inputs};
use crate::node_bytes;
use crate::tree::{BudgetsConfig, Config, ReleaseConfig};
use rempart_base::prefix::PrefixSet;

pub use token::AdminToken;

/// Everything that is not one zone's. Paths are resolved against the folder of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// What whoever purges over the admin endpoint must know; `None`: nobody can.
    pub admin_token: Option<AdminToken>,
    /// How many zones, the busiest, have metrics of their own.
    pub metrics_zones_max: usize,
    /// What is logged.
    pub log: Log,
    /// What the process may take.
    pub budgets: Budgets,
    /// How a change reaches visitors.
    pub release: Release,
    /// Three crashes of the edge within so long: it starts with an older release. A change takes a restart.
    pub crash_window: Duration,
    /// How long a new program may take until it serves. A change takes a restart.
    pub upgrade_ready: Duration,
    /// How long a taster may take. A change takes a restart.
    pub taster_timeout: Duration,
    /// Bytes of memory that a taster may take. A change takes a restart.
    pub taster_memory_bytes_max: u64,
    /// Limits toward visitors.
    pub limits: Arc<Limits>,
    /// The cache that all zones share.
    pub cache: CacheSettings,
    /// Time-outs and bounds toward origins of zones that say nothing else.
    pub upstream: Arc<Upstream>,
    /// Rules and what else holds for every zone; `None`: nothing of it is written.
    pub account: Option<Arc<AccountFeatures>>,
    /// What happens at the end of loading a release.
    #[cfg(feature = "fault")]
    pub fault_loader: Option<crate::fault::Loader>,
}

/// The account that serves visitors.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    /// `root`: the one that started the process stays.
    Keep,
    /// Change to this one.
    Named(String),
}

/// What the process may take, as far as it was said. The machine decides the rest, and may have less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budgets {
    /// Visitors' connections.
    pub connections_max: Option<usize>,
    /// Open descriptors.
    pub descriptors_max: Option<usize>,
    /// Resident memory, in bytes.
    pub memory_bytes_max: Option<u64>,
}

/// How a change reaches visitors.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Release {
    /// How long a release is watched before it counts as good.
    pub bake: Duration,
    /// Requests that it must have answered by then.
    pub bake_requests_min: u64,
    /// Good releases that are kept.
    pub generations: usize,
    /// The share of the zones that a change may remove without being confirmed: 0 to 100.
    pub shrink_percent_max: u8,
    /// The share of the visitors that a release serves while it is watched: 1 to 100.
    pub canary_percent: u8,
    /// Whether zones without visitors are asked by the edge itself.
    pub probe: bool,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Log {
    /// How much the program says about itself.
    pub level: Level,
    /// One line an exchange.
    pub access: AccessLog,
    /// How many security events are kept, the newest; 0: none.
    pub security_events_max: usize,
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

impl Settings {
    /// Makes the settings; what is wrong beyond its own form is reported.
    pub(crate) fn compile(config: &Config, folder: &Path, inputs: &mut Inputs<'_>, cx: &mut Context) -> Self {
        check_listeners(config, cx);
        check_budgets(config, cx);
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            listen: Listen::from(&config.listen.value),
            data_dir: folder.join(&config.data_dir),
            workers: config.workers.and_then(NonZeroUsize::new).unwrap_or(cores),
            user: match config.user.as_str() {
                "root" => Account::Keep,
                name => Account::Named(name.into()),
            },
            trusted_proxies: config.trusted_proxies.iter().copied().collect(),
            colo: config.edge.colo.0,
            admin: config.admin.listen.0,
            admin_token: config.admin.token_file.as_ref().and_then(|file| token::read(file, inputs, cx)),
            metrics_zones_max: config.admin.zones_max,
            log: Log {
                level: config.log.level,
                access: AccessLog {
                    to: match &config.log.access.to {
                        AccessTo::File(path) => AccessTo::File(folder.join(path)),
                        AccessTo::Off => AccessTo::Off,
                        AccessTo::Stdout => AccessTo::Stdout,
                    },
                    queue_bytes_max: config.log.access.queue_bytes_max,
                },
                security_events_max: config.log.security_events_max,
            },
            budgets: Budgets::from(&config.budgets.value),
            release: Release::from(&config.release),
            crash_window: ms(config.supervisor.crash_window_ms),
            upgrade_ready: ms(config.upgrade.ready_ms),
            taster_timeout: ms(config.taster.timeout_ms),
            taster_memory_bytes_max: config.taster.memory_bytes_max,
            limits: Arc::new(Limits::from(&config.limits)),
            cache: cx.in_key("cache", |cx| {
                CacheSettings::compile(&config.cache, config.budgets.value.memory_bytes_max, cx)
            }),
            upstream: Arc::new(Upstream::from(&config.upstream)),
            account: account(config, cx).map(Arc::new),
            #[cfg(feature = "fault")]
            fault_loader: config.fault_loader.as_ref().map(crate::fault::Loader::from),
        }
    }
}

impl Settings {
    /// Whether zones that are written the same come to the same under both.
    pub(crate) fn makes_zones_like(&self, other: &Self) -> bool {
        self.upstream == other.upstream && self.zones_hash() == other.zones_hash()
    }

    /// Of what zones take from the account.
    pub(crate) fn zones_hash(&self) -> Option<u64> {
        self.account.as_ref().map(|account| account.zones_hash)
    }

    /// Those of before where they are equal, so that equal means identical.
    pub(crate) fn shared(mut self, old: Option<&Arc<Self>>) -> Arc<Self> {
        match old {
            Some(old) if **old == self => Arc::clone(old),
            Some(old) => {
                if old.upstream == self.upstream {
                    self.upstream = Arc::clone(&old.upstream);
                }
                if old.account == self.account {
                    self.account.clone_from(&old.account);
                }
                Arc::new(self)
            }
            None => Arc::new(self),
        }
    }
}

/// The settings as they were written: kept beside them, so that a release holds what they are made from.
#[derive(Debug)]
pub(crate) struct SettingsSource {
    /// The main file, as the operator named it.
    pub(crate) file: Arc<str>,
    /// What its paths are relative to.
    pub(crate) folder: PathBuf,
    /// Where the text begins.
    pub(crate) mark: Mark,
    /// The main file without `zones` and `include`, by `node_bytes::encode`.
    pub(crate) text: Box<[u8]>,
    /// The files that it names.
    pub(crate) inputs: Box<[Input]>,
}

impl SettingsSource {
    pub(crate) fn new(
        file: &Arc<str>,
        folder: &Path,
        root: &Node,
        inputs: Box<[Input]>,
        cx: &mut Context,
    ) -> Self {
        let is_setting = |key: &Key| !matches!(&*key.text, "zones" | "include");
        let value = match &root.value {
            Value::Map(entries) => {
                Value::Map(entries.iter().filter(|(key, _)| is_setting(key)).cloned().collect())
            }
            other @ (Value::Scalar(_) | Value::List(_)) => other.clone(),
        };
        let bytes_max = usize::try_from(CONFIG_BYTES_MAX).unwrap_or(usize::MAX);
        let text = node_bytes::encode(&Node { mark: root.mark, value }, bytes_max).unwrap_or_else(|| {
            let message = format!("the settings are larger than config_bytes_max, {bytes_max} bytes");
            cx.error(root.mark, Problem::new("file-too-large", message, "Find out why they have grown."));
            Vec::new()
        });
        Self { file: Arc::clone(file), folder: folder.into(), mark: root.mark, text: text.into(), inputs }
    }
}

impl From<&BudgetsConfig> for Budgets {
    fn from(config: &BudgetsConfig) -> Self {
        let BudgetsConfig { connections_max, descriptors_max, memory_bytes_max } = *config;
        Self { connections_max, descriptors_max, memory_bytes_max }
    }
}

impl From<&ReleaseConfig> for Release {
    fn from(config: &ReleaseConfig) -> Self {
        Self {
            bake: ms(config.bake_ms),
            bake_requests_min: config.bake_requests_min,
            generations: config.generations,
            shrink_percent_max: config.shrink_percent_max,
            canary_percent: config.canary_percent,
            probe: config.probe,
        }
    }
}

fn account(config: &Config, cx: &mut Context) -> Option<AccountFeatures> {
    let node = &config.account.as_ref()?.node;
    cx.in_key("account", |cx| {
        let config = AccountConfig::decode(node, cx)?;
        Some(AccountFeatures::compile(&config, node, cx))
    })
}

fn ms(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

/// A connection is a descriptor.
fn check_budgets(config: &Config, cx: &mut Context) {
    let budgets = &config.budgets;
    let (connections, descriptors) = (budgets.value.connections_max, budgets.value.descriptors_max);
    if let (Some(connections), Some(descriptors)) = (connections, descriptors)
        && connections >= descriptors
    {
        let message = format!("{connections} connections need more than {descriptors} descriptors");
        let hint = "Raise `descriptors_max`, or lower `connections_max`.";
        let problem = Problem::new("budget-too-small", message, hint);
        cx.in_key("budgets", |cx| cx.in_key("descriptors_max", |cx| cx.error(budgets.mark, problem)));
    }
}

fn check_listeners(config: &Config, cx: &mut Context) {
    let listen = &config.listen.value;
    if listen.http.is_empty() && listen.https.is_empty() && cx.is_clean("listen") {
        let problem =
            Problem::new("nothing-listens", "there is no listener: nobody could come in", "Add one.");
        let problem = problem.expecting("`http`, `https` or both, such as `http: [\":8080\"]`");
        cx.in_key("listen", |cx| cx.error(config.listen.mark, problem));
    }
    let mut taken: Vec<SocketAddr> = Vec::new();
    for (key, list) in [("http", &listen.http), ("https", &listen.https)] {
        for listener in list {
            let address = listener.value.address.socket_address();
            if address.port() != 0 && taken.contains(&address) {
                let message = format!("`{address}` is listened on twice");
                let problem =
                    Problem::new("duplicate-listener", message, "Remove one of the two, or change its port.");
                cx.in_key("listen", |cx| {
                    cx.in_key(key, |cx| cx.in_item(listener.item, |cx| cx.error(listener.mark, problem)));
                });
            }
            taken.push(address);
        }
    }
}
