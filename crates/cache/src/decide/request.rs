//! What a request asks of the cache.

use rempart_flow::{BodyLength, Known, Method, RequestHead};

use super::directives::{delta_s, directives as each_directive};
use super::{Lookup, PassReason, RequestDirectives, Wants};
use crate::plan::{CachePlan, Level};

/// What a request asks of the cache.
#[must_use]
pub fn wants(head: &RequestHead, plan: &CachePlan) -> Wants {
    if !matches!(head.method, Method::Get | Method::Head) {
        return Wants::Pass(PassReason::Dynamic);
    }
    if let Some(reason) = passes(head, plan) {
        return Wants::Pass(reason);
    }
    // The body of a GET means nothing (RFC 9110 section 9.3.1), but some origins let it choose the answer.
    if !matches!(head.body, BodyLength::None | BodyLength::Exact(0)) {
        return Wants::Pass(PassReason::Bypass);
    }
    Wants::Lookup(Lookup {
        is_head: head.method == Method::Head,
        is_static: plan.caches_by_default(head),
        has_authorization: head.fields.has(Known::Authorization),
        only_if_cached: plan.request_directives && only_if_cached(head),
        directives: directives(head, plan),
    })
}

/// Why a request passes whatever its method: nothing is stored of it then.
pub(super) fn passes(head: &RequestHead, plan: &CachePlan) -> Option<PassReason> {
    if head.connection.upgrade {
        return Some(PassReason::Dynamic);
    }
    if plan.level == Level::Bypass || plan.development_mode {
        return Some(PassReason::Bypass);
    }
    (plan.level == Level::Basic && head.query.is_some()).then_some(PassReason::Dynamic)
}

fn only_if_cached(head: &RequestHead) -> bool {
    let mut all = head.fields.values(Known::CacheControl).flat_map(each_directive);
    all.any(|directive| directive.name.eq_ignore_ascii_case(b"only-if-cached"))
}

/// The directives of a request (RFC 9111 section 5.2.1), none if the plan ignores them.
pub(super) fn directives(head: &RequestHead, plan: &CachePlan) -> RequestDirectives {
    let mut found = RequestDirectives::default();
    if !plan.request_directives {
        return found;
    }
    let mut has_cache_control = false;
    for directive in head.fields.values(Known::CacheControl).flat_map(each_directive) {
        has_cache_control = true;
        let is = |name: &[u8]| directive.name.eq_ignore_ascii_case(name);
        let seconds = directive.argument.filter(|_| !directive.is_spaced).and_then(delta_s);
        if is(b"no-cache") {
            found.no_cache = true;
        } else if is(b"no-store") {
            found.no_store = true;
        } else if is(b"max-age") {
            // What cannot be read is a wish all the same, for something as new as can be.
            found.max_age_s = found.max_age_s.or(Some(seconds.unwrap_or(0)));
        } else if is(b"min-fresh") {
            found.min_fresh_s = found.min_fresh_s.or(seconds);
        } else if is(b"max-stale") {
            let any = directive.argument.is_none().then_some(u64::MAX);
            found.max_stale_s = found.max_stale_s.or(seconds).or(any);
        } else if is(b"stale-if-error") {
            found.stale_if_error_s = found.stale_if_error_s.or(seconds);
        }
    }
    // Section 5.4.
    let is_pragma = |value: &[u8]| value.trim_ascii().eq_ignore_ascii_case(b"no-cache");
    found.no_cache |= !has_cache_control && head.fields.values(Known::Pragma).any(is_pragma);
    found
}
