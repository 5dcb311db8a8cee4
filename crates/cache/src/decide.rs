//! The decisions of RFC 9111: pure functions of request, stored response, settings and now. Each rule cites its
//! section; what Cloudflare does beyond them is a matter of the plan.

mod conditional;
mod directives;
mod freshness;
mod head;
mod invalidate;
mod request;
mod reuse;
mod storing;
mod structured;
mod tags;
mod targeted;
#[cfg(test)]
mod tests;
mod vary;

pub use conditional::{condition, head_effect, if_range, strong_validator, validators};
pub use head::{Updated, is_for_edge_only, own_fields, part_head, stored_head, updated};
pub use invalidate::{HostAndTarget, invalidates};
pub use request::wants;
pub use reuse::{age_s, reuse, ttl_s};
pub use storing::{post_storing, storing};
pub use tags::{TAG_BYTES_MAX, TAGS_BYTES_MAX, TAGS_MAX, tags};
pub use targeted::targeted_value;
pub use vary::{Vary, vary};

use crate::status::CacheStatus;

/// What a request asks of the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Nothing: it goes to the origin and back, and nothing is looked up (other methods, tunnels, a body with
    /// GET, a zone at `level: bypass`, development mode, …).
    Pass(PassReason),
    /// To be answered from the store if that may be.
    Lookup(Lookup),
}

/// Why a request passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassReason {
    /// Nothing about this request could be stored: `DYNAMIC`.
    Dynamic,
    /// Settings or the request say no: `BYPASS`.
    Bypass,
}

impl PassReason {
    /// What is said of a request that passes for this reason.
    #[must_use]
    pub const fn status(self) -> CacheStatus {
        match self {
            Self::Dynamic => CacheStatus::Dynamic,
            Self::Bypass => CacheStatus::Bypass,
        }
    }
}

/// What matters of a request that is looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookup {
    /// HEAD: answered from what GET stored.
    pub is_head: bool,
    /// Whether the response is stored even if it says nothing about caching: by the extension of the path, or
    /// everything.
    pub is_static: bool,
    /// `Authorization` stands in it.
    pub has_authorization: bool,
    /// `only-if-cached`, if request directives are obeyed.
    pub only_if_cached: bool,
    /// The other request directives, all absent if they are ignored.
    pub directives: RequestDirectives,
}

/// Request directives (RFC 9111 section 5.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestDirectives {
    /// `max-age`.
    pub max_age_s: Option<u64>,
    /// `max-stale`; `u64::MAX` without a value.
    pub max_stale_s: Option<u64>,
    /// `min-fresh`.
    pub min_fresh_s: Option<u64>,
    /// `no-cache`, or `Pragma: no-cache` without `Cache-Control`.
    pub no_cache: bool,
    /// `no-store`.
    pub no_store: bool,
    /// `stale-if-error`.
    pub stale_if_error_s: Option<u64>,
}

/// What decides for how long a stored response may be used; read once, when it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// Unix seconds at which its age was 0.
    pub born_unix_s: u64,
    /// Seconds for which it is fresh.
    pub lifetime_s: u64,
    /// Must be validated before each use (`no-cache`).
    pub no_cache: bool,
    /// Must not be used stale (`must-revalidate`, `proxy-revalidate`, `s-maxage`).
    pub must_revalidate: bool,
    /// Seconds after its freshness during which it may be used while it is fetched anew.
    pub stale_while_revalidate_s: u64,
    /// Seconds after its freshness during which it may be used if the origin fails.
    pub stale_if_error_s: u64,
    /// Once stale, it may be used while another visitor's request is validating it.
    pub while_updating: bool,
    /// It was never fresh: each visitor must have it validated for himself, so no fetch of it is shared.
    pub validates_each: bool,
    /// The origin can be asked whether it is still right.
    pub has_validator: bool,
}

/// How a stored response may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// As it is.
    Fresh,
    /// As it is, while somebody validates it in the background.
    WhileRevalidating,
    /// After validation, or after it has been fetched anew.
    AfterValidation {
        /// May be used if the origin fails.
        if_error: bool,
        /// May be used as it is if somebody else is validating it already.
        while_updating: bool,
    },
    /// Not for this request: fetched anew.
    No,
}

/// What becomes of a response.
#[derive(Debug, PartialEq, Eq)]
pub enum Storing {
    /// It is stored.
    Store(Freshness),
    /// It is not, and so is the next one likely: for so long nobody waits for another's fetch.
    HitForMiss {
        /// Seconds; 0 if this request is the reason and nothing follows for others.
        for_s: u64,
        /// What the visitor is told.
        reason: PassReason,
    },
}

/// When a request was sent and its response came, Unix seconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The request went out.
    pub asked_unix_s: u64,
    /// The head came.
    pub answered_unix_s: u64,
}

/// How the visitor's own conditions come out against a stored response (RFC 9110 section 13.2.2), GET and HEAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It gets the response.
    Met,
    /// 304.
    NotModified,
    /// 412: `If-Match` or `If-Unmodified-Since`.
    Failed,
}

/// What an answer to HEAD says about what GET stored (RFC 9111 section 4.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadEffect {
    /// Nothing.
    None,
    /// It is confirmed: [`updated`].
    Update,
    /// It is another by now.
    Invalidate,
}

/// Whether this answer to a validation is an error that `stale-if-error` covers (RFC 5861 section 4).
#[must_use]
pub const fn is_stale_if_error(status: u16) -> bool {
    matches!(status, 500 | 502 | 503 | 504)
}
