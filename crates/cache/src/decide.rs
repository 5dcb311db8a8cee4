//! The decisions of RFC 9111: pure functions of request, stored response, settings and now.

use rempart_flow::{RequestHead, ResponseHead};

use crate::object::StoredHead;
use crate::plan::CachePlan;

/// What a request asks of the cache.
#[derive(Clone, Debug)]
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

/// What matters of a request that is looked up.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// HEAD: answered from what GET stored.
    pub is_head: bool,
    /// Whether the path's extension is one of the static ones.
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

/// What a request asks of the cache.
#[must_use]
pub fn wants(head: &RequestHead, plan: &CachePlan, now_unix_s: u64) -> Wants {
    let _ = (head, plan, now_unix_s);
    todo!()
}

/// What decides for how long a stored response may be used; read once, when it is stored.
#[derive(Clone, Debug)]
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
    /// For `Age` in the answer and the browser's own TTL: what the settings make of `Cache-Control` toward the visitor.
    pub has_validator: bool,
}

/// How a stored response may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// As it is.
    Fresh,
    /// As it is, while somebody validates it in the background.
    WhileRevalidating,
    /// After validation. If the origin fails, it may be used all the same if `if_error`.
    AfterValidation {
        /// May be used if the origin fails.
        if_error: bool,
    },
    /// Not for this request: fetched anew.
    No,
}

/// How a stored response may be used for a request. `soft`: it was purged softly, so it counts as stale.
#[must_use]
pub fn reuse(lookup: &Lookup, freshness: &Freshness, soft: bool, now_unix_s: u64) -> Reuse {
    let _ = (lookup, freshness, soft, now_unix_s);
    todo!()
}

/// Its age in seconds (RFC 9111 section 4.2.3).
#[must_use]
pub fn age_s(freshness: &Freshness, now_unix_s: u64) -> u64 {
    now_unix_s.saturating_sub(freshness.born_unix_s)
}

/// What becomes of a response.
#[derive(Debug)]
pub enum Storing {
    /// It is stored.
    Store(Freshness),
    /// It is not, and so is the next one likely: for so long nobody waits for another's fetch.
    HitForMiss {
        /// Seconds.
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

/// Whether a response may be stored, and for how long it is fresh (RFC 9111 sections 3 and 4.2). A 206 is
/// asked about like the 200 that it is part of; a 304 never comes here.
#[must_use]
pub fn storing(
    request: &RequestHead,
    lookup: &Lookup,
    response: &ResponseHead,
    plan: &CachePlan,
    times: Times,
) -> Storing {
    let _ = (request, lookup, response, plan, times);
    todo!()
}

/// The stored head of a response (RFC 9111 section 3.1): without hop-by-hop fields, those that `no-cache` and
/// `private` name, and what the edge writes itself; with the browser TTL that the plan sets.
#[must_use]
pub fn stored_head(response: &ResponseHead, plan: &CachePlan) -> StoredHead {
    let _ = (response, plan);
    todo!()
}

/// The stored head after a 304 (RFC 9111 section 3.2).
#[must_use]
pub fn updated_head(stored: &StoredHead, not_modified: &ResponseHead, plan: &CachePlan) -> StoredHead {
    let _ = (stored, not_modified, plan);
    todo!()
}

/// The fields by which a response varies, in lower case, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vary {
    /// It does not.
    No,
    /// By these.
    By(Box<[Box<[u8]>]>),
    /// By anything (`*`), or by more than is kept apart: not to be stored.
    Any,
}

/// By what a response varies.
#[must_use]
pub fn vary(response: &ResponseHead, plan: &CachePlan) -> Vary {
    let _ = (response, plan);
    todo!()
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

/// Evaluates the visitor's conditions.
#[must_use]
pub fn condition(request: &RequestHead, stored: &StoredHead) -> Condition {
    let _ = (request, stored);
    todo!()
}

/// Whether `If-Range` lets a range through (RFC 9110 section 13.1.5). True without the field.
#[must_use]
pub fn if_range(request: &RequestHead, stored: &StoredHead) -> bool {
    let _ = (request, stored);
    todo!()
}

/// The fields with which a stored response is validated: (name, value) (RFC 9111 section 4.3.1).
pub fn validators(stored: &StoredHead) -> impl Iterator<Item = (&'static [u8], &[u8])> {
    let _ = stored;
    std::iter::empty()
}

/// The strong validator of a response, if it has one: what `If-Range` takes (RFC 9110 section 8.8.1, 8.8.2.2).
#[must_use]
pub fn strong_validator(stored: &StoredHead) -> Option<&[u8]> {
    let _ = stored;
    todo!()
}

/// Whether this answer to a validation is an error that `stale-if-error` covers (RFC 5861 section 4).
#[must_use]
pub const fn is_stale_if_error(status: u16) -> bool {
    matches!(status, 500 | 502 | 503 | 504)
}

/// The URLs that a successful unsafe request invalidates (RFC 9111 section 4.4): its own, and those that
/// `Location` and `Content-Location` name on the same host. As (host, path and query).
pub fn invalidates(request: &RequestHead, response: &ResponseHead) -> Vec<(Box<[u8]>, Box<[u8]>)> {
    let _ = (request, response);
    todo!()
}

/// Tags of a response: `Cache-Tag`, at most 16 KiB and 1,000 of them.
#[must_use]
pub fn tags(response: &ResponseHead) -> Box<[Box<[u8]>]> {
    let _ = response;
    todo!()
}
