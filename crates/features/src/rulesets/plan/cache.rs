//! How a rule changes caching.

use rempart_cache::plan::{BrowserTtl, CachePlan, EdgeTtl, KeyPlan, Level, QueryKeep, VaryPlan};
use rempart_rules::ValueId;

/// Cache settings of a rule. What is `None` stays as it is for the zone, or as an earlier rule has made it.
#[derive(Clone, Debug, Default)]
pub struct CacheOverride {
    /// `cache: true` is [`Level::Everything`], `false` is [`Level::Bypass`].
    pub level: Option<Level>,
    /// For how long the edge uses what it stores.
    pub edge_ttl: Option<EdgeTtl>,
    /// For how long browsers do.
    pub browser_ttl: Option<BrowserTtl>,
    /// What tells one response from another: all of it (its fingerprint means nothing).
    pub key: Option<KeyPlan>,
    /// The kind of device counts, where `key` says nothing.
    pub by_device_type: Option<bool>,
    /// The order of the query's parameters makes no difference.
    pub is_sorted: Option<bool>,
    /// What becomes of the fields in `Vary`.
    pub vary: Option<VaryPlan>,
    /// See [`CachePlan::deception_armor`].
    pub deception_armor: Option<bool>,
    /// See [`CachePlan::origin_cache_control`].
    pub origin_cache_control: Option<bool>,
    /// Visitors wait while another's request validates a response.
    pub disable_stale_while_updating: Option<bool>,
    /// A strong validator stays strong. Recorded: the edge never weakens one.
    pub respect_strong_etags: Option<bool>,
    /// The origin's own error pages are passed on instead of the edge's.
    pub origin_error_page_passthru: Option<bool>,
    /// Seconds to wait for the origin's answer.
    pub read_timeout_s: Option<u32>,
    /// `ETag` goes before the response is stored.
    pub strip_etags: Option<bool>,
    /// `Last-Modified` goes before the response is stored.
    pub strip_last_modified: Option<bool>,
    /// `Set-Cookie` goes before the response is stored.
    pub strip_set_cookie: Option<bool>,
}

/// A change of the tags of a response.
#[derive(Debug)]
pub struct SetCacheTags {
    /// What is done with them.
    pub operation: TagsOperation,
    /// Which.
    pub tags: Tags,
}

/// What is done with tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagsOperation {
    /// They come to those that the response has.
    Add,
    /// They go.
    Remove,
    /// They take the place of all others.
    Set,
}

/// Tags of a rule.
#[derive(Debug)]
pub enum Tags {
    /// These.
    Fixed(Box<[Box<[u8]>]>),
    /// What this expression comes to: an array of strings.
    Computed(ValueId),
}

/// Changes of `Cache-Control` of a response.
#[derive(Clone, Debug, Default)]
pub struct CacheControlChange {
    /// Each directive once.
    pub changes: Box<[(Directive, Change)]>,
}

/// What becomes of a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `None`: it goes.
    pub set: Option<Set>,
    /// The edge regards it, and the visitor sees what the origin said.
    pub cloudflare_only: bool,
}

/// How a directive is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    /// By its name alone.
    Plain,
    /// With so many seconds.
    Seconds(u32),
    /// With names of fields: `private="a, b"`.
    Fields(Box<[Box<str>]>),
}

/// A directive of `Cache-Control` (RFC 9111 section 5.2.2, RFC 5861, RFC 8246).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the directive of that name")]
pub enum Directive {
    Immutable,
    MaxAge,
    MustRevalidate,
    MustUnderstand,
    NoCache,
    NoStore,
    NoTransform,
    Private,
    ProxyRevalidate,
    Public,
    SMaxage,
    StaleIfError,
    StaleWhileRevalidate,
}

impl Directive {
    /// As it stands in the field.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Immutable => "immutable",
            Self::MaxAge => "max-age",
            Self::MustRevalidate => "must-revalidate",
            Self::MustUnderstand => "must-understand",
            Self::NoCache => "no-cache",
            Self::NoStore => "no-store",
            Self::NoTransform => "no-transform",
            Self::Private => "private",
            Self::ProxyRevalidate => "proxy-revalidate",
            Self::Public => "public",
            Self::SMaxage => "s-maxage",
            Self::StaleIfError => "stale-if-error",
            Self::StaleWhileRevalidate => "stale-while-revalidate",
        }
    }
}

impl CacheOverride {
    /// Lays these settings over a plan. What the key means is told by [`CachePlan::sealed`] when all rules are done.
    pub fn lay_over(&self, plan: &mut CachePlan) {
        let put = |to: &mut bool, from: Option<bool>| *to = from.unwrap_or(*to);
        plan.level = self.level.unwrap_or(plan.level);
        if let Some(ttl) = &self.edge_ttl {
            plan.edge_ttl = ttl.clone();
        }
        plan.browser_ttl = self.browser_ttl.unwrap_or(plan.browser_ttl);
        if let Some(key) = &self.key {
            plan.key = key.clone();
        }
        put(&mut plan.key.device_type, self.by_device_type);
        if plan.key.query.keep != QueryKeep::None {
            put(&mut plan.key.query.is_sorted, self.is_sorted);
        }
        if let Some(vary) = &self.vary {
            plan.vary = vary.clone();
        }
        put(&mut plan.deception_armor, self.deception_armor);
        put(&mut plan.origin_cache_control, self.origin_cache_control);
        plan.stale.while_updating =
            self.disable_stale_while_updating.map_or(plan.stale.while_updating, |no| !no);
    }
}
