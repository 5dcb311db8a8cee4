//! Everything of this room that one zone has, and everything that the account has.

use std::fmt;
use std::sync::Arc;

use rempart_base::config::{Context, Node, Spanned};
use rempart_base::content_hash;
use rempart_cache::plan::Origins;

use crate::access::{self, Access};
use crate::assets::{AssetConfig, Assets};
use crate::hotlink::{Hotlink, HotlinkConfig};
use crate::lists::{self, ListConfig, ListSet};
use crate::managed_transforms::{ManagedTransforms, ManagedTransformsConfig};
use crate::normalization::{Normalization, NormalizationConfig};
use crate::rulesets::compile::{Bench, compile};
use crate::rulesets::config::RulesetConfig;
use crate::rulesets::ids;
use crate::rulesets::plan::{Level, Rulesets};

/// The keys of a zone that belong to this room.
pub const ZONE_KEYS: [&str; 9] = [
    "rulesets",
    "lists",
    "custom_assets",
    "access_rules",
    "user_agent_rules",
    "lockdowns",
    "hotlink_protection",
    "managed_transforms",
    "url_normalization",
];

rempart_base::config! {
    /// What holds for every zone.
    pub struct AccountConfig {
        /// Rulesets. In each phase they run before the zone's.
        rulesets: Vec<Spanned<RulesetConfig>> = Vec::new();
        /// Lists, for the rules of the account and of every zone.
        lists: Vec<Spanned<ListConfig>> = Vec::new();
        /// Bodies for `serve_error`, for the rules of the account and of every zone.
        custom_assets: Vec<Spanned<AssetConfig>> = Vec::new();
        /// Rules for addresses, networks and countries. They are asked before the zone's.
        access_rules: Vec<Spanned<access::AccessRuleConfig>> = Vec::new();
    }
}

/// What is written for a zone, as far as it is this room's.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "each field is the key of that name")]
pub struct ZoneWritten<'a> {
    pub rulesets: &'a [Spanned<RulesetConfig>],
    pub lists: &'a [Spanned<ListConfig>],
    pub custom_assets: &'a [Spanned<AssetConfig>],
    pub access: access::Written<'a>,
    pub hotlink_protection: Option<&'a HotlinkConfig>,
    pub managed_transforms: Option<&'a ManagedTransformsConfig>,
    pub url_normalization: Option<&'a NormalizationConfig>,
}

/// Everything that one zone has.
pub struct ZoneFeatures {
    /// Its rulesets.
    pub rulesets: Rulesets,
    /// Its access rules.
    pub access: Access,
    /// Hotlink protection: on, or off until a rule switches it on.
    pub hotlink: Hotlink,
    /// Its managed transforms.
    pub transforms: ManagedTransforms,
    /// The form of its URLs.
    pub normalization: Normalization,
    /// Of what is written.
    pub hash: u64,
}

/// Everything that the account has.
#[derive(Default)]
pub struct AccountFeatures {
    /// Its rulesets.
    pub rulesets: Rulesets,
    /// Its access rules.
    pub access: Access,
    /// Its lists.
    pub lists: Arc<ListSet>,
    /// Its assets.
    pub assets: Arc<Assets>,
    /// Of what is written.
    pub hash: u64,
    /// Of what zones depend on: lists, assets, and which rulesets there are.
    pub zones_hash: u64,
}

/// Shown by their hashes: programs are long, and not the same in every process.
impl fmt::Debug for AccountFeatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountFeatures({:016x}, {:016x})", self.hash, self.zones_hash)
    }
}

impl fmt::Debug for ZoneFeatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ZoneFeatures({:016x})", self.hash)
    }
}

/// Plans are compared by what they were made from.
impl PartialEq for AccountFeatures {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Eq for AccountFeatures {}

impl std::hash::Hash for AccountFeatures {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

impl AccountFeatures {
    /// Makes the account's plans; `node` is what is written. What is wrong is reported.
    pub fn compile(config: &AccountConfig, node: &Node, cx: &mut Context) -> Self {
        let lists = cx.in_key("lists", |cx| lists::compile(&config.lists, None, cx));
        let lists = Arc::new(lists);
        let assets = cx.in_key("custom_assets", |cx| Assets::compile(&config.custom_assets, None, cx));
        let assets = Arc::new(assets);
        let bench = Bench {
            level: Level::Account,
            owner: "",
            lists: &lists,
            assets: &assets,
            origins: Origins::OtherHosts,
            account: None,
        };
        let rulesets = cx.in_key("rulesets", |cx| compile(&config.rulesets, &bench, cx));
        let written = access::Written { rules: &config.access_rules, ..access::Written::default() };
        let access = access::compile(written, "", cx);
        let names: Vec<&str> = rulesets.names().map(|name| &*name.id).collect();
        let zones_hash = content_hash(&(hash(node, &["lists", "custom_assets"]), names));
        let hash = hash(node, &["rulesets", "lists", "custom_assets", "access_rules"]);
        Self { access, lists, assets, hash, zones_hash, rulesets }
    }
}

impl ZoneFeatures {
    /// Makes a zone's plans. `node` is what is written of the zone. What is wrong is reported.
    pub fn compile(
        written: &ZoneWritten<'_>,
        node: &Node,
        (name, origins): (&str, Origins<'_>),
        account: Option<&AccountFeatures>,
        cx: &mut Context,
    ) -> Self {
        let lists =
            cx.in_key("lists", |cx| lists::compile(written.lists, account.map(|account| &account.lists), cx));
        let assets = cx.in_key("custom_assets", |cx| {
            Assets::compile(written.custom_assets, account.map(|account| &account.assets), cx)
        });
        let bench = Bench {
            level: Level::Zone,
            owner: name,
            lists: &lists,
            assets: &assets,
            origins,
            account: account.map(|account| &account.rulesets),
        };
        let rulesets = cx.in_key("rulesets", |cx| compile(written.rulesets, &bench, cx));
        let unwritten = HotlinkConfig::default();
        let hotlink = written.hotlink_protection.unwrap_or(&unwritten);
        Self {
            access: access::compile(written.access, name, cx),
            hotlink: cx.in_key("hotlink_protection", |cx| Hotlink::compile(hotlink, name, cx)),
            transforms: cx.in_key("managed_transforms", |cx| {
                let compile = |config| ManagedTransforms::compile(config, cx);
                written.managed_transforms.map_or_else(ManagedTransforms::default, compile)
            }),
            normalization: Normalization::compile(written.url_normalization, cx),
            // Rules may speak of the account's lists, whose content is then a part of them.
            hash: content_hash(&(hash(node, &ZONE_KEYS), account.map(|account| account.zones_hash))),
            rulesets,
        }
    }
}

/// Of what is written under these keys.
fn hash(node: &Node, keys: &[&str]) -> u64 {
    let texts = keys.iter().map(|key| node.key(key).map(ids::text));
    content_hash(&texts.collect::<Vec<_>>())
}
