//! From what the operator wrote to the plan.

use rempart_base::config::Context;

use crate::config::CacheConfig;

use super::{
    BrowserTtl, CachePlan, EdgeMode, EdgeTtl, KeyPlan, Level, QueryKeep, QueryPlan, StalePlan, VaryAction,
    VaryPlan, ZoneId,
};

/// What the key may depend on of a zone's origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origins<'a> {
    /// All are sent this `Host`.
    SameHost(&'a [u8]),
    /// They are sent the visitor's, or different ones.
    OtherHosts,
}

/// Makes the plan of a zone; what is wrong beyond its own form is reported.
pub fn compile(config: &CacheConfig, name: &str, origins: Origins<'_>, cx: &mut Context) -> CachePlan {
    let _ = (config, origins, cx);
    CachePlan::of(name)
}

impl CachePlan {
    /// The plan of a zone whose operator says nothing.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self {
            zone_id: ZoneId::of(name),
            level: Level::default(),
            development_mode: false,
            edge_ttl: EdgeTtl { mode: EdgeMode::default(), by_status: Box::default() },
            browser_ttl: BrowserTtl::default(),
            key: KeyPlan {
                query: QueryPlan { keep: QueryKeep::All, is_sorted: false },
                host: None,
                exclude_origin: false,
                headers: Box::default(),
                header_presence: Box::default(),
                cookies: Box::default(),
                cookie_presence: Box::default(),
                device_type: false,
                language: false,
                fingerprint: 0,
            },
            vary: VaryPlan {
                default: VaryAction::default(),
                fields: Box::default(),
                fields_max: 16,
                sets_max: 8,
            },
            deception_armor: true,
            origin_cache_control: true,
            stale: StalePlan { while_updating: true, while_revalidate_s: 0, if_error_s: 86_400 },
            heuristic: false,
            store_set_cookie: false,
            request_directives: false,
            hit_for_miss_s: 120,
        }
    }
}
