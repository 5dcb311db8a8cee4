//! From what the operator wrote about one zone to its plan.

use std::collections::HashSet;
use std::sync::Arc;

use rempart_base::config::{Context, Decode as _, Node, Problem, Spanned};
use rempart_base::{Diagnostics, content_hash};
use rempart_cache::plan::{CachePlan, Origins};
use rempart_features::access::Written;
use rempart_features::{AccountFeatures, ZONE_KEYS, ZoneFeatures, ZoneWritten};
use rempart_origin::config::{OriginEntry, UpstreamConfig, UpstreamOverrides};
use rempart_origin::plan::{OriginPlan, Trust, Upstream, Wanted};

use crate::certificate::Certificates;
use crate::inputs::Inputs;
use crate::names::Domain;
use crate::source::{self, Spot, ZoneSource};
use crate::table::ZoneTable;
use crate::tree::{CertificateConfig, ZoneConfig};

use super::{BadZone, HostPattern, Slot, ZoneCertificate, ZonePlan, ZoneRecord};

/// What the zones of one file are compiled with.
pub(crate) struct Bench<'a, 'b> {
    pub(crate) upstream: &'a UpstreamConfig,
    pub(crate) upstream_plan: &'a Arc<Upstream>,
    pub(crate) account: Option<&'a AccountFeatures>,
    /// The zones of the last snapshot.
    pub(crate) before: Option<&'a ZoneTable>,
    pub(crate) trust: &'a mut Trust,
    pub(crate) certificates: &'a mut Certificates,
    pub(crate) inputs: Inputs<'b>,
}

/// Compiles one zone that stands at `spot`. `found` is what reading it as YAML has found already.
pub(crate) fn compile(node: &Node, spot: Spot, found: Diagnostics, bench: &mut Bench<'_, '_>) -> Slot {
    let (plan, more) = spot.about(|cx| plan(node, bench, cx));
    let inputs = bench.inputs.take_used();
    let mut found = Diagnostics([found.0, more.0].concat());
    let text = source::text_of(node).map_err(|problem| spot.about(|cx| cx.error(spot.mark, problem)).1);
    match (plan, text) {
        (Some(plan), Ok(text)) if !found.has_errors() => {
            let source = ZoneSource { spot, text, inputs, warnings: found.0.into() };
            Slot::Good(ZoneRecord { plan: shared(plan, bench.before), source: Arc::new(source) })
        }
        (_, text) => {
            found.0.extend(text.err().into_iter().flat_map(|found| found.0));
            Slot::Bad(broken(node, spot, found))
        }
    }
}

/// What can be known of a zone that does not compile.
pub(crate) fn broken(node: &Node, spot: Spot, found: Diagnostics) -> BadZone {
    // What is wrong with these two keys has been reported.
    let cx = &mut Context::new("".into());
    let name = node.key("name").and_then(|name| Domain::decode(name, cx)).map(|name| name.0);
    let hosts = match (node.key("hosts"), &name) {
        (Some(hosts), _) => Vec::<HostPattern>::decode(hosts, cx).unwrap_or_default(),
        (None, Some(name)) => names_own(name).into(),
        (None, None) => Vec::new(),
    };
    BadZone { name, hosts: hosts.into(), spot, found }
}

/// `None`: everything that is wrong with it has been reported.
fn plan(node: &Node, bench: &mut Bench<'_, '_>, cx: &mut Context) -> Option<ZonePlan> {
    let config = ZoneConfig::decode(node, cx)?;
    let name = &config.name.value.0;
    let hosts = hosts(&config, cx);
    let settings = settings(config.upstream.as_deref(), bench);
    let origins = origins(&config, &settings, bench, cx);
    let certificates = certificates(&config, bench, cx);
    let cache = cache(&config, &origins, cx);
    let features = features(&config, node, &origins, bench, cx);
    if cx.has_errors() {
        return None;
    }
    warn_of_foreign_certificates(&config, &hosts, &certificates, cx);
    let identity: Vec<u64> = origins.iter().map(|origin| origin.content_hash()).collect();
    let shown: Vec<u64> = certificates.iter().map(|certificate| certificate.hash).collect();
    // What is written, not what of it happens in this process: every process has the same hash.
    #[cfg(feature = "fault")]
    let test = config.test_stages.written();
    #[cfg(not(feature = "fault"))]
    let test = ();
    Some(ZonePlan {
        name: Arc::clone(name),
        hash: content_hash(&(
            name,
            &hosts,
            identity,
            shown,
            &cache,
            features.as_ref().map(|own| own.hash),
            test,
        )),
        hosts: hosts.into(),
        is_held_back: false,
        #[cfg(feature = "fault")]
        test: crate::fault::TestStages::from(&config.test_stages),
        origins: origins.into(),
        certificates: certificates.into(),
        cache: Arc::new(cache),
        features: features.map(Arc::new),
    })
}

/// The plan of the last snapshot, if it is the same. Only a zone's own earlier plan is looked at, so that a
/// collision of hashes gives nobody another's plan.
fn shared(plan: ZonePlan, before: Option<&ZoneTable>) -> Arc<ZonePlan> {
    let own = before.and_then(|before| before.named(&plan.name));
    match own {
        Some(own) if own.hash == plan.hash => Arc::clone(own),
        Some(_) | None => Arc::new(plan),
    }
}

fn hosts(config: &ZoneConfig, cx: &mut Context) -> Vec<HostPattern> {
    let name = &config.name.value.0;
    let Some(written) = &config.hosts else { return names_own(name).into() };
    cx.in_key("hosts", |cx| {
        let mut seen = HashSet::new();
        for host in written {
            if !seen.insert(&host.value) {
                let message = format!("the host `{}` stands here a second time", host.value);
                let problem = Problem::new("duplicate-host", message, "Remove one of the two.");
                cx.in_item(host.item, |cx| cx.error(host.mark, problem));
            }
        }
    });
    written.iter().map(|host| share(&host.value, name)).collect()
}

/// The hosts of a zone that names none.
fn names_own(name: &Arc<str>) -> [HostPattern; 2] {
    [HostPattern::Exact(Arc::clone(name)), HostPattern::Under(Arc::clone(name))]
}

/// The pattern, with the text of the zone's name instead of a copy of it.
fn share(pattern: &HostPattern, name: &Arc<str>) -> HostPattern {
    match pattern {
        HostPattern::Exact(host) if host == name => HostPattern::Exact(Arc::clone(name)),
        HostPattern::Under(host) if host == name => HostPattern::Under(Arc::clone(name)),
        HostPattern::Exact(_) | HostPattern::Under(_) | HostPattern::Any => pattern.clone(),
    }
}

fn settings(overrides: Option<&UpstreamOverrides>, bench: &Bench<'_, '_>) -> Arc<Upstream> {
    let Some(overrides) = overrides else { return Arc::clone(bench.upstream_plan) };
    let own = Upstream::from(&overrides.over(bench.upstream));
    if own == **bench.upstream_plan { Arc::clone(bench.upstream_plan) } else { Arc::new(own) }
}

fn origins(
    config: &ZoneConfig,
    settings: &Arc<Upstream>,
    bench: &mut Bench<'_, '_>,
    cx: &mut Context,
) -> Vec<Arc<OriginPlan>> {
    let Bench { trust, inputs, .. } = bench;
    let mut read = |wanted: Wanted<'_>| inputs.get(&wanted.into());
    cx.in_key("origins", |cx| {
        let compile = |written: &Spanned<OriginEntry>| {
            let origin = &written.value.0;
            cx.in_item(written.item, |cx| OriginPlan::compile(origin, settings, trust, &mut read, cx))
                .map(Arc::new)
        };
        config.origins.iter().filter_map(compile).collect()
    })
}

fn cache(config: &ZoneConfig, origins: &[Arc<OriginPlan>], cx: &mut Context) -> CachePlan {
    let name = &config.name.value.0;
    let Some(written) = &config.cache else { return CachePlan::of(name) };
    cx.in_key("cache", |cx| rempart_cache::plan::compile(written, name, hosts_of(origins), cx))
}

/// What the key of the cache may depend on.
fn hosts_of(origins: &[Arc<OriginPlan>]) -> Origins<'_> {
    let mut hosts = origins.iter().map(|origin| origin.host_header.as_deref());
    let same = hosts.next().flatten().filter(|first| hosts.all(|host| host == Some(first)));
    same.map_or(Origins::OtherHosts, Origins::SameHost)
}

/// `None`: nothing of it is written, and nothing of it costs anything.
fn features(
    config: &ZoneConfig,
    node: &Node,
    origins: &[Arc<OriginPlan>],
    bench: &Bench<'_, '_>,
    cx: &mut Context,
) -> Option<ZoneFeatures> {
    ZONE_KEYS.iter().find(|key| node.key(key).is_some())?;
    let written = ZoneWritten {
        rulesets: &config.rulesets,
        lists: &config.lists,
        custom_assets: &config.custom_assets,
        access: Written {
            rules: &config.access_rules,
            user_agents: &config.user_agent_rules,
            lockdowns: &config.lockdowns,
        },
        hotlink_protection: config.hotlink_protection.as_ref(),
        managed_transforms: config.managed_transforms.as_ref(),
        url_normalization: config.url_normalization.as_ref(),
    };
    let zone = (&*config.name.value.0, hosts_of(origins));
    Some(ZoneFeatures::compile(&written, node, zone, bench.account, cx))
}

fn certificates(
    config: &ZoneConfig,
    bench: &mut Bench<'_, '_>,
    cx: &mut Context,
) -> Vec<Arc<ZoneCertificate>> {
    let Bench { certificates, inputs, .. } = bench;
    cx.in_key("certificates", |cx| {
        let compile = |written: &Spanned<CertificateConfig>| {
            cx.in_item(written.item, |cx| certificates.compile(&written.value, inputs, cx))
        };
        config.certificates.iter().filter_map(compile).collect()
    })
}

/// A certificate for somebody else's names is mostly a wrong path.
fn warn_of_foreign_certificates(
    config: &ZoneConfig,
    hosts: &[HostPattern],
    certificates: &[Arc<ZoneCertificate>],
    cx: &mut Context,
) {
    for (certificate, written) in certificates.iter().zip(&config.certificates) {
        let fits = hosts.iter().any(|host| match host {
            HostPattern::Exact(name) => certificate.covers(name),
            HostPattern::Under(name) => certificate.names.iter().any(|own| match own {
                HostPattern::Exact(own) | HostPattern::Under(own) => {
                    own == name || own.strip_suffix(&**name).is_some_and(|rest| rest.ends_with('.'))
                }
                HostPattern::Any => false,
            }),
            HostPattern::Any => true,
        });
        if !fits {
            let problem = Problem::new(
                "certificate-foreign",
                "this certificate holds for none of the zone's hosts",
                "Name the zone's own certificate.",
            );
            let mark = written.value.cert.mark;
            cx.in_key("certificates", |cx| {
                cx.in_item(written.item, |cx| cx.in_key("cert", |cx| cx.warning(mark, problem)))
            });
        }
    }
}
