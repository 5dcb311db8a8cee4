//! What the edge runs on: [`CacheConfig`](crate::CacheConfig), ready to use.

mod compile;
mod device;
mod files;
mod ttl;
mod zone_id;

pub use crate::config::CacheSettings as Limits;
pub use compile::{Origins, compile};
pub use device::{DeviceType, language};
pub use files::{armor_allows, is_static_file};
pub use ttl::{BrowserTtl, EdgeMode, EdgeTtl, StatusTtl, Ttl};
pub use zone_id::{NoZoneId, ZoneId};

use std::fmt;
use std::ops::Deref;

use rempart_flow::RequestHead;

/// How a zone caches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CachePlan {
    /// The zone's id: the first bytes of every key.
    pub zone_id: ZoneId,
    /// How much is cached.
    pub level: Level,
    /// Nothing is looked up and nothing is stored.
    pub development_mode: bool,
    /// For how long the edge may use what it stores.
    pub edge_ttl: EdgeTtl,
    /// For how long browsers may.
    pub browser_ttl: BrowserTtl,
    /// What tells one stored response from another.
    pub key: KeyPlan,
    /// What becomes of the fields that `Vary` names.
    pub vary: VaryPlan,
    /// Responses that are cached by their file extension alone are stored only if their `Content-Type` fits it:
    /// see [`armor_allows`].
    pub deception_armor: bool,
    /// `Cache-Control` is obeyed to the letter (RFC 9111). Without it, `no-cache`, `max-age=0` and field names keep
    /// a response out, and `must-revalidate`, `proxy-revalidate` and `Authorization` mean nothing, as at Cloudflare.
    pub origin_cache_control: bool,
    /// When stale responses are used.
    pub stale: StalePlan,
    /// A response without explicit freshness, but with `Last-Modified`, is fresh for a tenth of the time since then
    /// whatever its path (RFC 9111 section 4.2.2), in the place of [`EdgeTtl::by_default`].
    pub heuristic: bool,
    /// Responses with `Set-Cookie` are stored, with that field. Off: they are not.
    pub store_set_cookie: bool,
    /// `Cache-Control` and `Pragma` of requests are obeyed. Off: they are ignored.
    pub request_directives: bool,
    /// After a response that cannot be stored, nobody waits for another's fetch for so long.
    pub hit_for_miss_s: u32,
    /// It is the plan for a response about whose caching rules have said something: [`CachePlan::following_answer`].
    pub follows_answer: bool,
}

/// How much is cached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Level {
    /// Nothing.
    Bypass,
    /// As [`Level::Aggressive`], but nothing that is asked for with a query.
    Basic,
    /// As [`Level::Aggressive`], but the query of static files is left out of the key.
    Simplified,
    /// Responses that say so themselves; of those that say nothing, static files.
    #[default]
    Aggressive,
    /// Responses that say so themselves, and those that say nothing, whatever their path.
    Everything,
}

/// When stale responses are used, if the origin says nothing about it. What it forbids is forbidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StalePlan {
    /// While one visitor's request validates a response, others get it as it is: `UPDATING`.
    pub while_updating: bool,
    /// Seconds after its freshness during which everybody gets it while it is validated in the background.
    pub while_revalidate_s: u32,
    /// Seconds after its freshness during which it is used if the origin fails.
    pub if_error_s: u32,
}

/// What tells one stored response from another, beside zone, scheme, host and path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyPlan {
    /// The query.
    pub query: QueryPlan,
    /// The host that stands in the key instead of the visitor's.
    pub host: Option<Name>,
    /// Where rules have the request go instead of to the zone's origins, in bytes that no other way has. Responses of one
    /// origin are never given to those whom rules send to another. `None`: where the zone says.
    pub route: Option<Name>,
    /// `Origin` is left out.
    pub exclude_origin: bool,
    /// Fields whose values count. Lower case, sorted.
    pub headers: Box<[Name]>,
    /// Fields of which only the presence counts. Lower case, sorted.
    pub header_presence: Box<[Name]>,
    /// Fields of which it counts whether they are there, and which of these texts they contain, whatever the case. Lower case, sorted.
    pub header_texts: Box<[(Name, Box<[Name]>)]>,
    /// Cookies whose values count. Sorted.
    pub cookies: Box<[Name]>,
    /// Cookies of which only the presence counts. Sorted.
    pub cookie_presence: Box<[Name]>,
    /// The kind of device counts; the origin is told it in `CF-Device-Type`.
    pub device_type: bool,
    /// The first language of `Accept-Language` counts.
    pub language: bool,
    /// Of all settings that change what a key means or what may be stored at all; 0 for those of [`CachePlan::of`]. It
    /// stands in the key.
    pub fingerprint: u64,
}

/// What of the query stands in the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueryPlan {
    /// Which parameters.
    pub keep: QueryKeep,
    /// In the order of their names, not in that of the request; parameters of one name keep theirs.
    pub is_sorted: bool,
}

/// Which parameters of the query stand in the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueryKeep {
    /// All.
    All,
    /// None.
    None,
    /// These, whatever their case. Lower case, sorted.
    Only(Box<[Name]>),
    /// All but these. Sorted.
    Without(Box<[Name]>),
}

/// What becomes of the fields that `Vary` names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VaryPlan {
    /// Of those that are not listed.
    pub default: VaryAction,
    /// Of these: lower case, sorted.
    pub fields: Box<[(Name, VaryAction)]>,
    /// A response that varies by more is not stored.
    pub fields_max: usize,
    /// Of lists of such fields, so many are kept for one key, the newest.
    pub sets_max: usize,
}

/// What becomes of a field that `Vary` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VaryAction {
    /// Values that mean the same are one.
    #[default]
    Normalize,
    /// Values are compared as they are.
    Passthrough,
    /// The response is not stored.
    Bypass,
    /// As if `Vary` did not name it.
    Ignore,
}

/// A name in a plan: of a field, a cookie, a parameter, a host.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub Box<[u8]>);

impl Deref for Name {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Name {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self))
    }
}

impl CachePlan {
    /// Whether a response to this request is stored though it says nothing about caching: by its level, and for
    /// most levels by the extension of the path.
    #[must_use]
    pub fn caches_by_default(&self, head: &RequestHead) -> bool {
        match self.level {
            Level::Bypass => false,
            Level::Basic => head.query.is_none() && is_static_file(head.bytes(head.path)),
            Level::Simplified | Level::Aggressive => is_static_file(head.bytes(head.path)),
            Level::Everything => true,
        }
    }

    /// The plan for a response about whose caching rules have said something: what they have made of it counts before
    /// lifetimes that were given without knowing it, and to the letter. The key stays what it is.
    #[must_use]
    pub fn following_answer(&self) -> Self {
        let mode = match self.edge_ttl.mode {
            EdgeMode::RespectOrigin | EdgeMode::OverrideOrigin(_) => EdgeMode::RespectOrigin,
            EdgeMode::BypassByDefault => EdgeMode::BypassByDefault,
        };
        Self {
            edge_ttl: EdgeTtl { mode, by_status: Box::default() },
            origin_cache_control: true,
            follows_answer: true,
            ..self.clone()
        }
    }

    /// Whether the settings themselves say that a response with this status is stored, whatever its path: then it is
    /// stored without its cookies, and nobody gets them.
    #[must_use]
    pub fn strips_cookies(&self, status: u16) -> bool {
        let is_stored = matches!(self.edge_ttl.overriding(status), Some(Ttl::For(_) | Ttl::NoCache));
        is_stored && self.level == Level::Everything && !self.store_set_cookie
    }

    /// The host under which a response is kept and purged, given the request's: lower case, without port.
    #[must_use]
    pub fn host<'a>(&'a self, host: &'a [u8]) -> &'a [u8] {
        self.key.host.as_deref().map_or(host, |own| own)
    }
}

impl VaryPlan {
    /// What becomes of this field (lower case).
    #[must_use]
    pub fn action(&self, name: &[u8]) -> VaryAction {
        match name {
            // What these tell an origin stands in the key already.
            b"host" | b"x-forwarded-proto" | b"cf-visitor" | b"cf-device-type" => return VaryAction::Ignore,
            // The edge writes them, and they are another visitor's in each request.
            b"x-forwarded-for" | b"x-real-ip" | b"true-client-ip" | b"forwarded" => {
                return VaryAction::Bypass;
            }
            name if name.starts_with(b"cf-") => return VaryAction::Bypass,
            _ => {}
        }
        let own = self.fields.binary_search_by(|(field, _)| (**field).cmp(name));
        own.ok().and_then(|at| self.fields.get(at)).map_or(self.default, |(_, action)| *action)
    }
}
