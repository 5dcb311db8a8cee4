//! The stored head (RFC 9111 section 3.1), and what becomes of it when the origin confirms it (section 3.2).

use rempart_base::date::{imf_fixdate, parse_http_date};
use rempart_flow::{FieldRef, Fields, Known, RequestHead, ResponseHead};
use rempart_http1::encode;
use rempart_http2::PriorityField;
use rempart_http2::hpack::block;

use super::conditional::{Tag, etag};
use super::directives::Policy;
use super::storing::{Answer, Refusal, worth};
use super::targeted::CLOUDFLARE;
use super::{Freshness, Lookup, Times, freshness};
use crate::object::{Response, StoredHead};
use crate::plan::{BrowserTtl, CachePlan};

/// Whether a field is the origin's word to this edge alone: visitors do not get it.
#[must_use]
pub fn is_for_edge_only(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(Known::CacheTag.name()) || name.eq_ignore_ascii_case(CLOUDFLARE)
}

/// The stored head of a response: without hop-by-hop fields, those that `no-cache` and `private` name, and what the
/// edge writes itself; with `Date`, and with the browser TTL that the plan sets. A 206 is stored as the 200 that
/// it is part of.
#[must_use]
pub fn stored_head(response: &ResponseHead, plan: &CachePlan, now_unix_s: u64) -> StoredHead {
    let is_part = response.status == 206;
    let origin = stored_fields(response, plan, |field| !(is_part && is_of_part(field)));
    shown(if is_part { 200 } else { response.status }, &origin, plan, now_unix_s)
}

/// The stored head of a 206 that is kept as the part that it is: it is never put together with others. `range` is
/// what was asked for, which is kept with it.
#[must_use]
pub fn part_head(response: &ResponseHead, range: &[u8], plan: &CachePlan, now_unix_s: u64) -> StoredHead {
    let mut head = shown(response.status, &stored_fields(response, plan, |_| true), plan, now_unix_s);
    head.kept.append(Known::Range.name(), range);
    head
}

fn stored_fields(response: &ResponseHead, plan: &CachePlan, keep: impl Fn(&FieldRef<'_>) -> bool) -> Fields {
    let policy = Policy::of(&response.fields);
    let mut fields = Fields::default();
    for field in response.fields.iter().filter(|field| is_stored(field, &policy, plan) && keep(field)) {
        fields.append(field.name, field.value);
    }
    fields
}

/// The fields of an answer that are not stored, but are the visitor's who asked for it: those that `no-cache` and
/// `private` name, and a cookie that comes with a 304, unless cookies are nobody's
/// ([`CachePlan::strips_cookies`]).
#[must_use]
pub fn own_fields(answer: &ResponseHead, strips_cookies: bool, plan: &CachePlan) -> Fields {
    let mut own = Fields::default();
    let policy = Policy::of(&answer.fields);
    if !policy.names_fields() && !answer.fields.has(Known::SetCookie) {
        return own;
    }
    for field in answer.fields.iter().filter(|field| !field.hop_by_hop) {
        let is_cookie = field.known == Known::SetCookie && !plan.store_set_cookie && !strips_cookies;
        let is_left_out = policy.leaves_out(field.name) || is_cookie;
        if is_left_out && !is_for_edge_only(field.name) && !is_written_by_edge(field.known) {
            own.append(field.name, field.value);
        }
    }
    own
}

/// Whether the edge writes a field for each answer.
const fn is_written_by_edge(known: Known) -> bool {
    matches!(known, Known::Age | Known::ContentLength | Known::Server | Known::CfRay | Known::CfCacheStatus)
}

/// A stored response after the origin confirmed it.
#[derive(Debug)]
pub struct Updated {
    /// Its head.
    pub head: StoredHead,
    /// Its freshness. If it may not be stored any more, it is validated before each use.
    pub freshness: Freshness,
    /// It may take the place of what is stored. Not if the request is the reason why it may not
    /// (`Authorization`, `no-store`): then it is for this visitor alone, and for others all stays as it was.
    pub is_for_all: bool,
}

/// The head and freshness of a stored response after the origin confirmed it: by a 304, or by a 200 to HEAD of
/// which [`super::head_effect`] says that it updates.
#[must_use]
pub fn updated(
    before: &Response,
    answer: &ResponseHead,
    request: &RequestHead,
    lookup: &Lookup,
    plan: &CachePlan,
    times: Times,
) -> Updated {
    // A 304 may be none of those for which the rules were written that have said how this is cached.
    let followed = (before.head.follows_answer && !plan.follows_answer).then(|| plan.following_answer());
    let plan = followed.as_ref().unwrap_or(plan);
    let now_unix_s = times.answered_unix_s;
    let mut origin = as_from_origin(&before.head);
    let is_about_it = is_about(&before.head, &answer.fields);
    if is_about_it {
        origin = merged(&origin, &answer.fields, plan);
    }
    let policy = Policy::of(&origin);
    let head = shown(before.head.status, &origin, plan, now_unix_s);
    // The age of what is confirmed begins with this answer (section 4.2.3), whose `Age` is not stored.
    let mut aged = origin;
    if is_about_it {
        answer.fields.values(Known::Age).for_each(|age| aged.append(b"age", age));
    } else {
        aged = without(&aged, Known::Date);
    }
    let confirmed = Answer { status: head.status, fields: &aged };
    let worth = worth(request, lookup, confirmed, &policy, plan, times);
    let is_for_all = worth.as_ref().err() != Some(&Refusal::Request);
    let freshness = worth.unwrap_or(Freshness {
        born_unix_s: now_unix_s.saturating_sub(freshness::initial_age_s(&aged, times)),
        // It may not be stored any more: good for those who ask the origin, and for nobody else.
        lifetime_s: 0,
        no_cache: true,
        must_revalidate: true,
        stale_while_revalidate_s: 0,
        stale_if_error_s: 0,
        while_updating: false,
        validates_each: true,
        has_validator: before.freshness.has_validator,
    });
    Updated { head, freshness, is_for_all }
}

/// Whether an answer is about what is stored (section 4.3.4). One with another validator must not change it: it
/// only says that what was asked about is still right. One without a validator can only mean what was asked about.
fn is_about(stored: &StoredHead, answer: &Fields) -> bool {
    if let (Some(stored), Some(answered)) = (etag(&stored.fields), etag(answer)) {
        return Tag::of(stored).matches_weakly(Tag::of(answered));
    }
    match (stored.fields.first(Known::LastModified), answer.first(Known::LastModified)) {
        (Some(stored), Some(answered)) => stored == answered,
        _ => true,
    }
}

/// Fields of a stored head; one answer after the other cannot make more of them.
const STORED_FIELDS_MAX: usize = 256;

/// The fields of what is stored, with those of the answer in place of older ones of the same name.
fn merged(stored: &Fields, answer: &Fields, plan: &CachePlan) -> Fields {
    let policy = Policy::of(answer);
    let is_new = |field: &FieldRef<'_>| is_stored(field, &policy, plan) && !is_of_body(field);
    let new: Vec<FieldRef<'_>> = answer.iter().filter(is_new).collect();
    let mut fields = Fields::default();
    let is_replaced = |name: &[u8]| new.iter().any(|new| new.name.eq_ignore_ascii_case(name));
    for field in stored.iter().filter(|field| !is_replaced(field.name)) {
        // An answer without a date is of now.
        if field.known != Known::Date {
            fields.append(field.name, field.value);
        }
    }
    // Each answer may bring other names.
    for field in new.iter().take(STORED_FIELDS_MAX.saturating_sub(fields.len())) {
        fields.append(field.name, field.value);
    }
    fields
}

fn without(fields: &Fields, known: Known) -> Fields {
    let mut rest = Fields::default();
    for field in fields.iter().filter(|field| field.known != known) {
        rest.append(field.name, field.value);
    }
    rest
}

/// Whether a field is stored (section 3.1).
fn is_stored(field: &FieldRef<'_>, policy: &Policy, plan: &CachePlan) -> bool {
    // Between the origin and whom it knows as its client (section 3.1).
    let is_of_proxy = field.name.eq_ignore_ascii_case(b"proxy-authentication-info");
    !field.hop_by_hop
        && !is_of_proxy
        && !is_written_by_edge(field.known)
        && !policy.leaves_out(field.name)
        && (field.known != Known::SetCookie || plan.store_set_cookie)
}

/// What describes the bytes of the body that is stored: an answer without a body has none to describe. Nothing
/// is lost by leaving them as they are, and all by changing them (section 3.2 lets caches).
fn is_of_body(field: &FieldRef<'_>) -> bool {
    const OTHERS: [&[u8]; 3] = [b"content-md5", b"content-digest", b"repr-digest"];
    matches!(field.known, Known::ContentEncoding | Known::ContentRange | Known::ETag)
        || OTHERS.iter().any(|name| field.name.eq_ignore_ascii_case(name))
}

/// What describes the part that a 206 holds.
fn is_of_part(field: &FieldRef<'_>) -> bool {
    const OTHERS: [&[u8]; 2] = [b"content-md5", b"content-digest"];
    field.known == Known::ContentRange || OTHERS.iter().any(|name| field.name.eq_ignore_ascii_case(name))
}

/// The fields as the origin sent them.
fn as_from_origin(stored: &StoredHead) -> Fields {
    let mut fields = stored.kept.clone();
    for field in stored.fields.iter() {
        let is_written_anew = stored.kept.iter().any(|kept| kept.name.eq_ignore_ascii_case(field.name));
        // Nobody but this edge wrote it, even if the origin wrote none.
        let is_own = field.known == Known::CacheControl && stored.is_ttl_own;
        if !is_written_anew && !is_own {
            fields.append(field.name, field.value);
        }
    }
    fields
}

/// Parts what visitors get from what only the edge reads, and writes the lines of HTTP/1.
fn shown(status: u16, origin: &Fields, plan: &CachePlan, now_unix_s: u64) -> StoredHead {
    let own_ttl = match plan.browser_ttl {
        BrowserTtl::RespectOrigin => None,
        BrowserTtl::OverrideOrigin(seconds) => Some(format!("max-age={seconds}")),
        BrowserTtl::Bypass => Some("no-cache".to_owned()),
    };
    let (mut fields, mut kept) = (Fields::default(), Fields::default());
    // RFC 9110 section 6.6.1: one date, and if it is none, that of its arrival.
    let dated = freshness::date(origin, Known::Date, now_unix_s);
    let date_text = imf_fixdate(dated.unwrap_or(now_unix_s));
    let date = origin.first(Known::Date).filter(|_| dated.is_some()).unwrap_or(&date_text);
    fields.append(b"Date", date);
    for field in origin.iter().filter(|field| field.known != Known::Date) {
        let is_replaced = own_ttl.is_some() && matches!(field.known, Known::CacheControl | Known::Expires);
        let to = if is_replaced || is_for_edge_only(field.name) { &mut kept } else { &mut fields };
        to.append(field.name, field.value);
    }
    let is_ttl_own = own_ttl.is_some();
    if let Some(own) = own_ttl {
        fields.append(b"Cache-Control", own.as_bytes());
    }
    let mut http1 = Vec::new();
    encode::status_line(&mut http1, status, encode::reason(status).as_bytes());
    for field in fields.iter() {
        encode::field(&mut http1, field.name, field.value);
    }
    let mut http2 = Vec::new();
    block::status(&mut http2, status);
    for field in fields.iter() {
        block::field_packed(&mut http2, field.name, field.value);
    }
    let priorities = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(b"priority"));
    let priority =
        priorities.map(|field| PriorityField::of(field.value)).fold(<_>::default(), PriorityField::and);
    StoredHead {
        status,
        date_unix_s: dated.unwrap_or(now_unix_s),
        last_modified_unix_s: fields
            .first(Known::LastModified)
            .and_then(|value| parse_http_date(value, now_unix_s)),
        is_ttl_own,
        follows_answer: plan.follows_answer,
        kept: kept.shrunk(),
        http1: http1.into(),
        http2: http2.into(),
        priority,
        fields: fields.shrunk(),
    }
}
