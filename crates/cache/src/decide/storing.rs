//! Whether a response may be stored, and what it is worth then (RFC 9111 sections 3 and 4.2).

use rempart_flow::{Fields, Known, RequestHead, ResponseHead};

use super::conditional::has_validator;
use super::directives::{About, Policy};
use super::freshness::{explicit_s, heuristic_s, initial_age_s};
use super::vary::{Vary, vary_of};
use super::{Freshness, Lookup, PassReason, Storing, Times};
use crate::plan::{CachePlan, Ttl, armor_allows};
use crate::range::content_range;

/// A response as far as these decisions are concerned: it just came, or it was stored and has been updated.
#[derive(Clone, Copy)]
pub(super) struct Answer<'a> {
    pub status: u16,
    pub fields: &'a Fields,
}

/// Whether a response may be stored, and for how long it is fresh. A 206 is asked about like the 200 that it is
/// part of; a 304 never comes here.
#[must_use]
pub fn storing(
    request: &RequestHead,
    lookup: &Lookup,
    response: &ResponseHead,
    plan: &CachePlan,
    times: Times,
) -> Storing {
    let answer = Answer { status: response.status, fields: &response.fields };
    let worth = worth(request, lookup, answer, &Policy::of(&response.fields), plan, times);
    match worth {
        Ok(freshness) => Storing::Store(freshness),
        Err(refusal) => refusal.storing(lookup, answer.status, plan),
    }
}

/// Statuses that speak of one request and say nothing about the next, so that a visitor who provokes them changes
/// nothing for others.
const fn is_about_the_request(status: u16) -> bool {
    matches!(status, 400 | 408 | 412..=414 | 416 | 417 | 431)
}

/// Why a response is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request is the reason: the next one may be another.
    Request,
    /// By its kind.
    Kind,
    /// Somebody says so: the origin, or the settings.
    Said,
}

impl Refusal {
    fn storing(self, lookup: &Lookup, status: u16, plan: &CachePlan) -> Storing {
        let reason = match self {
            Self::Kind => PassReason::Dynamic,
            // As at Cloudflare, what nobody would have stored anyway is not called a bypass.
            Self::Said if !lookup.is_static => PassReason::Dynamic,
            Self::Said | Self::Request => PassReason::Bypass,
        };
        let is_one = self == Self::Request || is_about_the_request(status);
        let for_s = if is_one { 0 } else { u64::from(plan.hit_for_miss_s) };
        Storing::HitForMiss { for_s, reason }
    }
}

/// What a response is worth to the store.
pub(super) fn worth(
    request: &RequestHead,
    lookup: &Lookup,
    answer: Answer<'_>,
    policy: &Policy,
    plan: &CachePlan,
    times: Times,
) -> Result<Freshness, Refusal> {
    if lookup.directives.no_store {
        return Err(Refusal::Request);
    }
    if !is_storable_status(answer) {
        return Err(Refusal::Kind);
    }
    let own = plan.edge_ttl.overriding(answer.status);
    if own == Some(Ttl::NoStore) {
        return Err(Refusal::Said);
    }
    if own.is_none() {
        may_store(policy, answer.status, plan)?;
    }
    let sets_cookie = answer.fields.has(Known::SetCookie) && !policy.leaves_out(b"set-cookie");
    if sets_cookie && !plan.store_set_cookie && !plan.strips_cookies(answer.status) {
        return Err(Refusal::Said);
    }
    if vary_of(answer.fields, plan) == Vary::Any {
        return Err(Refusal::Said);
    }
    let freshness = match own {
        Some(own) => overridden(own, answer, plan, times),
        None => stated(request, lookup, answer, policy, plan, times)?,
    };
    // What can never be used, not even after a question to the origin, is not kept.
    let is_of_use = !freshness.validates_each
        || freshness.has_validator
        || freshness.stale_while_revalidate_s > 0
        || policy.stale_if_error_s.is_some_and(|seconds| seconds > 0 && freshness.stale_if_error_s > 0);
    if !is_of_use {
        return Err(Refusal::Said);
    }
    // Last, so that what nobody may store is known as such.
    if lookup.has_authorization && plan.origin_cache_control && !policy.allows_authorization() {
        return Err(Refusal::Request);
    }
    Ok(freshness)
}

/// Statuses that may be stored at all. 206 is stored as the part of a 200 that it is, if it says which part.
fn is_storable_status(answer: Answer<'_>) -> bool {
    match answer.status {
        206 => answer.fields.first(Known::ContentRange).and_then(content_range).is_some(),
        // They answer a condition or a range of one request: 412, 416. Their definitions forbid it: 428, 429, 431
        // (RFC 6585 sections 3 to 5) and 511 (section 6).
        0..200 | 304 | 412 | 416 | 428 | 429 | 431 | 511 => false,
        _ => true,
    }
}

/// RFC 9111 section 3, as far as the response alone is concerned.
fn may_store(policy: &Policy, status: u16, plan: &CachePlan) -> Result<(), Refusal> {
    let is_understood = is_understood(status);
    if policy.must_understand && !is_understood {
        return Err(Refusal::Said);
    }
    // Section 5.2.2.3: whoever knows the status does what it demands, in place of `no-store`.
    if policy.no_store && !policy.must_understand {
        return Err(Refusal::Said);
    }
    if is_about_all(&policy.private) {
        return Err(Refusal::Said);
    }
    let is_letter = plan.origin_cache_control;
    let has_names = !policy.private.fields().is_empty() || !policy.no_cache.fields().is_empty();
    if !is_letter && (policy.no_cache != About::Nothing || has_names) {
        return Err(Refusal::Said);
    }
    Ok(())
}

/// Whether it is about the whole response: by name, or because without the fields that it names nobody could
/// make sense of the rest.
fn is_about_all(about: &About) -> bool {
    const NEEDED: [&[u8]; 5] =
        [b"content-type", b"content-encoding", b"content-range", b"vary", b"cache-control"];
    *about == About::All || about.fields().iter().any(|name| NEEDED.contains(&&**name))
}

/// What the operator's own lifetime makes of it. It begins when the response comes, however old that is.
fn overridden(own: Ttl, answer: Answer<'_>, plan: &CachePlan, times: Times) -> Freshness {
    let age_s = initial_age_s(answer.fields, times);
    let (lifetime_s, no_cache) = match own {
        Ttl::For(seconds) => (u64::from(seconds).saturating_add(age_s), false),
        Ttl::NoCache | Ttl::NoStore => (0, true),
    };
    Freshness {
        born_unix_s: times.answered_unix_s.saturating_sub(age_s),
        lifetime_s,
        no_cache,
        must_revalidate: false,
        stale_while_revalidate_s: if no_cache { 0 } else { u64::from(plan.stale.while_revalidate_s) },
        stale_if_error_s: if no_cache { 0 } else { u64::from(plan.stale.if_error_s) },
        while_updating: plan.stale.while_updating && !no_cache,
        validates_each: no_cache,
        has_validator: has_validator(answer.fields),
    }
}

/// What origin and defaults make of it.
fn stated(
    request: &RequestHead,
    lookup: &Lookup,
    answer: Answer<'_>,
    policy: &Policy,
    plan: &CachePlan,
    times: Times,
) -> Result<Freshness, Refusal> {
    let explicit_s = explicit_s(policy, answer.fields, times.answered_unix_s);
    if !plan.origin_cache_control && explicit_s == Some(0) {
        return Err(Refusal::Said);
    }
    let lifetime_s = match explicit_s {
        Some(seconds) => seconds,
        None => unstated_s(request, lookup, answer, policy, plan, times)?,
    };
    let age_s = initial_age_s(answer.fields, times);
    let no_cache = is_about_all(&policy.no_cache);
    let must_revalidate = plan.origin_cache_control && policy.forbids_stale();
    let is_never_fresh = no_cache || lifetime_s <= age_s;
    let by_origin_s = |said: Option<u64>, own: u32, holds: bool| match said {
        _ if no_cache || must_revalidate => 0,
        Some(seconds) => seconds,
        None if holds => u64::from(own),
        None => 0,
    };
    // To a response that was never fresh the operator's wish does not apply: `max-age=0` means a question before
    // each use.
    let stale_while_revalidate_s =
        by_origin_s(policy.stale_while_revalidate_s, plan.stale.while_revalidate_s, !is_never_fresh);
    let validates_each = is_never_fresh && stale_while_revalidate_s == 0;
    Ok(Freshness {
        born_unix_s: times.answered_unix_s.saturating_sub(age_s),
        lifetime_s,
        no_cache,
        must_revalidate,
        stale_while_revalidate_s,
        stale_if_error_s: by_origin_s(policy.stale_if_error_s, plan.stale.if_error_s, true),
        while_updating: plan.stale.while_updating && !validates_each && !must_revalidate,
        validates_each,
        has_validator: has_validator(answer.fields),
    })
}

/// For how long a response is fresh that says nothing about it.
fn unstated_s(
    request: &RequestHead,
    lookup: &Lookup,
    answer: Answer<'_>,
    policy: &Policy,
    plan: &CachePlan,
    times: Times,
) -> Result<u64, Refusal> {
    let content_type = answer.fields.first(Known::ContentType);
    let is_what_it_says = !plan.deception_armor || armor_allows(request.bytes(request.path), content_type);
    if plan.heuristic {
        // Section 4.2.2: a status that may be cached so, or `public`.
        if !is_cacheable_unstated(answer.status) && !policy.public {
            return Err(Refusal::Kind);
        }
        return match heuristic_s(answer.fields, times.answered_unix_s) {
            Some(seconds) => Ok(seconds),
            // It may be stored, and is worth it if the origin can be asked about it.
            None if lookup.is_static && is_what_it_says => Ok(0),
            None => Err(Refusal::Kind),
        };
    }
    if !lookup.is_static {
        return Err(Refusal::Kind);
    }
    if !is_what_it_says {
        return Err(Refusal::Said);
    }
    plan.edge_ttl.by_default(answer.status).map(u64::from).ok_or(Refusal::Kind)
}

/// RFC 9110 section 15.1.
const fn is_cacheable_unstated(status: u16) -> bool {
    matches!(status, 200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

/// Statuses whose definitions are known here, with what they demand of caches.
const fn is_understood(status: u16) -> bool {
    matches!(status, 200..=206 | 300..=303 | 305 | 307 | 308 | 400..=417 | 421 | 422 | 425 | 426 | 451 | 500..=505)
}

/// Whether the answer to a POST may be stored for later GETs, and what it is worth: if it says for how long it is
/// fresh, and that it is the representation of this very URL (RFC 9110 section 9.3.3).
#[must_use]
pub fn post_storing(
    request: &RequestHead,
    response: &ResponseHead,
    plan: &CachePlan,
    times: Times,
) -> Option<Freshness> {
    if super::request::passes(request, plan).is_some() {
        return None;
    }
    let location = response.fields.first(Known::ContentLocation)?;
    let policy = Policy::of(&response.fields);
    let is_own = super::invalidate::is_own_url(request, location);
    let is_explicit = explicit_s(&policy, &response.fields, times.answered_unix_s).is_some_and(|s| s > 0);
    // The cookies are those of who has sent something, and would not reach it.
    if response.fields.has(Known::SetCookie) && !plan.store_set_cookie {
        return None;
    }
    // A variant would be selected by fields of the POST; a part of it is of no use.
    if !is_own || !is_explicit || response.status != 200 || vary_of(&response.fields, plan) != Vary::No {
        return None;
    }
    let lookup = Lookup {
        is_head: false,
        is_static: false,
        has_authorization: request.fields.has(Known::Authorization),
        only_if_cached: false,
        directives: super::request::directives(request, plan),
    };
    let answer = Answer { status: response.status, fields: &response.fields };
    let worth = worth(request, &lookup, answer, &policy, plan, times).ok()?;
    (!worth.validates_each).then_some(worth)
}
