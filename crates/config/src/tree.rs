//! What the operator writes: the whole tree, composed of the rooms' own types.

use std::net::SocketAddr;
use std::path::PathBuf;

use rempart_base::config::{
    Context, Decode, Deferred, FromText, Node, OneOrMany, Reference, Shape, Shown, Spanned, Value,
};
use rempart_cache::config::{CacheConfig, CacheProcessConfig};
use rempart_features::AccountConfig;
use rempart_features::access::{AccessRuleConfig, LockdownConfig, UserAgentRuleConfig};
use rempart_features::assets::AssetConfig;
use rempart_features::hotlink::HotlinkConfig;
use rempart_features::lists::ListConfig;
use rempart_features::managed_transforms::ManagedTransformsConfig;
use rempart_features::normalization::NormalizationConfig;
use rempart_features::rulesets::config::RulesetConfig;
use rempart_origin::config::{OriginEntry, UpstreamConfig, UpstreamOverrides};
use rempart_wire::config::{LimitsConfig, ListenConfig};

use crate::names::Domain;
use crate::settings::{AccessTo, Level};
use crate::zone::HostPattern;
use rempart_base::prefix::Prefix;

rempart_base::config! {
    /// The whole configuration.
    pub struct Config {
        /// Where to listen. A change takes a restart.
        listen: Spanned<ListenConfig> = unwritten(ListenConfig::default());
        /// Where the program keeps what it must not lose (its own certificate, its id), relative to this file.
        data_dir: PathBuf = PathBuf::from("./data");
        /// Worker threads; without it, one for each core. A change takes a restart.
        workers: Option<usize> = None, in 1..=256;
        /// The account to change to after the listeners are bound, when started as root. `root` changes
        /// nothing.
        user: String = "nobody".into();
        /// Peers, as blocks of addresses (`10.0.0.0/8`), whose `X-Forwarded-For` is believed and appended to.
        trusted_proxies: Vec<Prefix> = Vec::new();
        /// This edge.
        edge: EdgeConfig = EdgeConfig::default();
        /// The endpoint for the people who run this edge.
        admin: AdminConfig = AdminConfig::default();
        /// What is logged.
        log: LogConfig = LogConfig::default();
        /// What one visitor may take.
        limits: LimitsConfig = LimitsConfig::default();
        /// What the whole process may take. Close to a bound it sheds idle connections, then new ones.
        budgets: Spanned<BudgetsConfig> = unwritten(BudgetsConfig::default());
        /// How a change of the configuration reaches visitors.
        release: ReleaseConfig = ReleaseConfig::default();
        /// The process that keeps the edge running. It reads these when it starts.
        supervisor: SupervisorConfig = SupervisorConfig::default();
        /// `rempart upgrade`: another program takes over while this one serves.
        upgrade: UpgradeConfig = UpgradeConfig::default();
        /// The process that tries every change first.
        taster: TasterConfig = TasterConfig::default();
        /// The cache of this process, which all zones share. A change takes a restart.
        cache: CacheProcessConfig = CacheProcessConfig::default();
        /// Time-outs and bounds toward origins. A zone can change them for itself.
        upstream: UpstreamConfig = UpstreamConfig::default();
        /// What holds for every zone: rules, lists, access.
        account: Option<Deferred<AccountConfig>> = None;
        /// Further files with zones, relative to this one; `*` and `?` may stand in the last part:
        /// `zones.d/*.yaml`. Each holds either `zones:` or the keys of one zone, and nothing else.
        include: OneOrMany<Spanned<String>> = OneOrMany(Vec::new());
        /// The websites. At least one, here or in an included file.
        zones: Option<Vec<Deferred<ZoneConfig>>> = None;
        /// What happens at the end of loading a release: for tests of what survives it.
        #[cfg(feature = "fault")]
        fault_loader: Option<crate::fault::FaultLoader> = None;
    }
}

rempart_base::config! {
    /// This edge.
    pub struct EdgeConfig {
        /// Three letters that say where this edge stands; the end of every `CF-Ray`.
        colo: Colo = Colo(*b"LOC");
    }
}

rempart_base::config! {
    /// The endpoint for the people who run this edge.
    pub struct AdminConfig {
        /// Where `/metrics`, `/healthz` and `/status` are answered, or `off`. They ask for no password: keep it
        /// inside. Purges (`/client/v4/zones/ID/purge_cache`) are taken there too, from whoever knows the token.
        listen: AdminListen = AdminListen(Some(SocketAddr::from(([127, 0, 0, 1], 8001))));
        /// A file with the token that whoever purges over this endpoint sends as `Authorization: Bearer TOKEN`:
        /// 16 to 4,096 printable characters. Without it nobody can.
        token_file: Option<Spanned<PathBuf>> = None;
        /// How many zones have metrics of their own: the busiest. The others are summed.
        zones_max: usize = 100, in 0..=100_000;
    }
}

rempart_base::config! {
    /// What is logged.
    pub struct LogConfig {
        /// How much the program says about itself.
        level: Level = Level::Info;
        /// The access log: one JSON line for each request.
        access: AccessConfig = AccessConfig::default();
        /// How many security events are kept in `data_dir`, the newest: what rules have decided about requests, for
        /// `rempart events` and `rempart explain`. Each takes 4 KiB of disk. 0 keeps none.
        security_events_max: usize = 10_000, in 0..=100_000;
    }
}

rempart_base::config! {
    /// The access log.
    pub struct AccessConfig {
        /// `stdout`, `off`, or the path of a file, relative to this one.
        to: AccessTo = AccessTo::Stdout;
        /// Bytes of lines that wait to be written; what comes on top is dropped and counted.
        queue_bytes_max: usize = 8 << 20, in 65_536..=1 << 30;
    }
}

rempart_base::config! {
    /// What the whole process may take.
    pub struct BudgetsConfig {
        /// Visitors' connections. Beyond them a new one comes in only if an idle one can be closed for it.
        /// Without it, half of the descriptors, since a request needs one toward the origin as well.
        connections_max: Option<usize> = None, in 1..=100_000_000;
        /// Open descriptors: connections of both sides, files, and some thirty of the process's own. Without
        /// it, the kernel's limit (`ulimit -n`) less a reserve.
        descriptors_max: Option<usize> = None, in 64..=200_000_000;
        /// Resident memory, in bytes. Without it, four fifths of what the control group or the machine has.
        memory_bytes_max: Option<u64> = None, in 16 << 20..=1 << 46;
    }
}

rempart_base::config! {
    /// How a change of the configuration reaches visitors.
    pub struct ReleaseConfig {
        /// How long a release is watched before it counts as good; a worse one than the release before it is
        /// rolled back.
        bake_ms: u32 = 60_000, in 0..=86_400_000;
        /// Requests that a release must have answered before it counts as good.
        bake_requests_min: u64 = 100, in 0..=1_000_000_000;
        /// How many good releases are kept to fall back on.
        generations: usize = 3, in 3..=100;
        /// The share of the zones, in percent, that a change may remove; one that removes more waits until it
        /// is confirmed.
        shrink_percent_max: u8 = 25, in 0..=100;
        /// The share of the visitors, in percent, that a release serves while it is watched; the others stay
        /// with the last good one.
        canary_percent: u8 = 100, in 1..=100;
        /// Whether zones without visitors are asked by the edge itself while a release is watched.
        probe: bool = true;
    }
}

rempart_base::config! {
    /// The process that keeps the edge running.
    pub struct SupervisorConfig {
        /// An edge that ends by itself three times within so long starts with an older release. A change
        /// takes a restart.
        crash_window_ms: u32 = 60_000, in 1..=3_600_000;
    }
}

rempart_base::config! {
    /// `rempart upgrade`: another program takes over while this one serves.
    pub struct UpgradeConfig {
        /// How long the new program may take until it serves; then it is stopped, and the old one goes on. A
        /// change takes a restart.
        ready_ms: u32 = 60_000, in 100..=3_600_000;
    }
}

rempart_base::config! {
    /// The process that tries every change first.
    pub struct TasterConfig {
        /// How long it may take; then it is stopped, and the change is refused. A change takes a restart.
        timeout_ms: u32 = 30_000, in 100..=3_600_000;
        /// The memory that it may take, in bytes; at more it ends, and the change is refused. A change takes
        /// a restart.
        memory_bytes_max: u64 = 2 << 30, in 64 << 20..=1 << 40;
    }
}

rempart_base::config! {
    /// One website.
    pub struct ZoneConfig {
        required {
            /// The domain. International names may be written as they are read.
            name: Spanned<Domain>;
            /// Where the content comes from: at least one origin; several are used in turn.
            origins: Vec<Spanned<OriginEntry>>;
        }
        /// The hosts that the zone answers for: `a.example`, `*.a.example` for everything under it, `*` for
        /// what no other zone answers for. The longest name wins. Without it, the zone's name and
        /// everything under it.
        hosts: Option<Vec<Spanned<HostPattern>>> = None;
        /// Certificates for HTTPS, chosen by the name that the visitor asks for. Without one, visitors
        /// get the self-signed certificate of this edge.
        certificates: Vec<Spanned<CertificateConfig>> = Vec::new();
        /// How the zone caches.
        cache: Option<Box<CacheConfig>> = None;
        /// Time-outs and bounds toward this zone's origins, where they differ from the global `upstream`.
        upstream: Option<Box<UpstreamOverrides>> = None;
        /// Rulesets, as Cloudflare's API has them: in each phase they run after those of the account.
        rulesets: Vec<Spanned<RulesetConfig>> = Vec::new();
        /// Lists for the rules of this zone, beside those of the account.
        lists: Vec<Spanned<ListConfig>> = Vec::new();
        /// Bodies for `serve_error` of this zone, beside those of the account.
        custom_assets: Vec<Spanned<AssetConfig>> = Vec::new();
        /// IP access rules: for addresses, networks and countries. The closest one counts; they are asked before
        /// custom rules.
        access_rules: Vec<Spanned<AccessRuleConfig>> = Vec::new();
        /// User agent rules.
        user_agent_rules: Vec<Spanned<UserAgentRuleConfig>> = Vec::new();
        /// Zone lockdown: paths that only certain addresses may ask for.
        lockdowns: Vec<Spanned<LockdownConfig>> = Vec::new();
        /// Whether images are kept from pages of other websites.
        hotlink_protection: Option<HotlinkConfig> = None;
        /// Changes of header fields that are switched on by name.
        managed_transforms: Option<ManagedTransformsConfig> = None;
        /// The form of URLs that rules see. Without it: Cloudflare's, for the rules of a zone that has some.
        url_normalization: Option<NormalizationConfig> = None;
        /// Stages that fail, one of each policy: for tests of what survives them.
        #[cfg(feature = "fault")]
        test_stages: crate::fault::TestStagesConfig = crate::fault::TestStagesConfig::default();
    }
}

rempart_base::config! {
    /// A certificate and its key.
    pub struct CertificateConfig {
        required {
            /// The chain (PEM), the zone's own certificate first. A path relative to this file.
            cert: Spanned<PathBuf>;
            /// The private key (PEM): a path relative to this file, or `{env: NAME}` for one that stands in
            /// the environment.
            key: Spanned<KeySource>;
        }
    }
}

rempart_base::config! {
    /// An included file with several zones.
    pub struct IncludedFile {
        required {
            /// The zones.
            zones: Vec<Deferred<ZoneConfig>>;
        }
    }
}

fn unwritten<T>(value: T) -> Spanned<T> {
    Spanned { value, mark: rempart_base::config::Mark::START, item: 0 }
}

/// Where a private key stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeySource(pub Reference);

impl Decode for KeySource {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        match &node.value {
            Value::Map(_) => Reference::decode(node, cx).map(Self),
            Value::Scalar(_) | Value::List(_) => {
                PathBuf::decode(node, cx).map(|path| Self(Reference::File(path)))
            }
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![PathBuf::shape(), Reference::shape()])
    }

    fn show(&self) -> Shown {
        Shown::Absent
    }
}

/// The three letters of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Colo(pub [u8; 3]);

/// Where the admin endpoint listens; `None` is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AdminListen(pub Option<SocketAddr>);

rempart_base::config_text!(Colo, AdminListen, AccessTo);

rempart_base::config_words!(Level {
    Level::Error = "error",
    Level::Warn = "warn",
    Level::Info = "info",
    Level::Debug = "debug",
    Level::Trace = "trace",
});

impl FromText for Colo {
    const EXPECTED: &'static str = "three letters, such as `FRA`";

    fn from_text(text: &str) -> Result<Self, String> {
        let upper = text.to_ascii_uppercase();
        match <[u8; 3]>::try_from(upper.as_bytes()) {
            Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Ok(Self(letters)),
            Ok(_) | Err(_) => Err("is not three letters".into()),
        }
    }

    fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl FromText for AdminListen {
    const EXPECTED: &'static str = "an IP address and port, such as `127.0.0.1:8001`, or `off`";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self(None)),
            text => {
                text.parse().map(|at| Self(Some(at))).map_err(|_| "is neither an address nor `off`".into())
            }
        }
    }

    fn to_text(&self) -> String {
        self.0.map_or_else(|| "off".into(), |at| at.to_string())
    }
}

impl FromText for AccessTo {
    const EXPECTED: &'static str = "`stdout`, `off`, or the path of a file";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "stdout" => Ok(Self::Stdout),
            "" => Err("is empty".into()),
            path => Ok(Self::File(path.into())),
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Off => "off".into(),
            Self::Stdout => "stdout".into(),
            Self::File(path) => path.display().to_string(),
        }
    }
}
