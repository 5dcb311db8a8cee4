//! Any field lines of a request, of a response and of a later answer about it: every decision of the cache is made,
//! and what is stored is a head that nobody reads differently.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use rempart_base::date::{imf_fixdate, parse_http_date};
use rempart_cache::decide::{self, Lookup, Storing, Times, Vary, Wants};
use rempart_cache::object::{Response, StoredHead};
use rempart_cache::plan::{BrowserTtl, Level};
use rempart_cache::purge::Stamp;
use rempart_cache::range::{self, Ranges};
use rempart_cache::{CachePlan, KeyRef};
use rempart_flow::{Method, RequestHead, ResponseHead};
use rempart_http1::{HeadLimits, Parsed, request, response};

/// 2026-11-26.
const NOW: u64 = 1_795_651_200;
const LIMITS: HeadLimits = HeadLimits { head_bytes_max: 2048, target_bytes_max: 64, fields_max: 40 };
/// RFC 9111 section 1.2.2.
const SECONDS_MAX: u64 = 1 << 31;

fuzz_target!(|input: &[u8]| {
    let Some(([flags, status], rest)) = input.split_first_chunk::<2>() else { return };
    let plan = plan(*flags);
    let mut parts = rest.splitn(3, |&byte| byte == 0).map(|lines| lines.to_vec());
    let mut part = || parts.next().unwrap_or_default();
    let Some(request) = request_of(&part()) else { return };
    let Some(answer) = response_of(u16::from(*status) * 2 + 100, &part()) else { return };
    let Some(later) = response_of(304, &part()) else { return };

    dates_and_ranges(&request, &answer);
    let _ = decide::tags(&answer);
    let _ = decide::invalidates(&request, &answer);
    let Wants::Lookup(lookup) = decide::wants(&request, &plan) else { return };
    let times = Times { asked_unix_s: NOW - u64::from(*flags), answered_unix_s: NOW };
    let _ = decide::post_storing(&request, &answer, &plan, times);
    let Storing::Store(freshness) = decide::storing(&request, &lookup, &answer, &plan, times) else { return };
    assert!(decide::vary(&answer, &plan) != Vary::Any, "what varies by anything is stored");
    assert!(freshness.born_unix_s <= NOW && freshness.lifetime_s <= SECONDS_MAX);
    if freshness.no_cache || freshness.must_revalidate {
        assert_eq!((freshness.stale_if_error_s, freshness.stale_while_revalidate_s), (0, 0));
    }

    let head = decide::stored_head(&answer, &plan, NOW);
    is_read_as_it_is(&head);
    let _ = decide::own_fields(&answer, plan.strips_cookies(answer.status), &plan);
    look(&request, &lookup, &head);
    let _ = decide::head_effect(&head, Some(5), &later);
    let key = KeyRef { hash: 0, bytes: b"k" }.to_key();
    let before = Response { id: 1, key, head, freshness, stamp: Stamp::default(), length: Some(5) };
    let decide::Updated { head: updated, freshness, .. } =
        decide::updated(&before, &later, &request, &lookup, &plan, times);
    is_read_as_it_is(&updated);
    assert_eq!(updated.status, before.head.status);
    let tag = |head: &StoredHead| head.fields.first(rempart_flow::Known::ETag).map(<[u8]>::to_vec);
    assert_eq!(tag(&updated), tag(&before.head), "a 304 is about what is stored");
    for later_s in [0, 1, 60, SECONDS_MAX, u64::MAX - NOW] {
        let _ = decide::reuse(&lookup, &freshness, *flags % 2 == 0, NOW + later_s);
    }
    drop(Arc::new(updated));
});

fn plan(flags: u8) -> CachePlan {
    let is = |bit: u8| flags & (1 << bit) != 0;
    CachePlan {
        level: if is(0) { Level::Everything } else { Level::Aggressive },
        heuristic: is(1),
        store_set_cookie: is(2),
        request_directives: is(3),
        origin_cache_control: !is(4),
        browser_ttl: if is(5) { BrowserTtl::OverrideOrigin(60) } else { BrowserTtl::RespectOrigin },
        ..CachePlan::of("example.com")
    }
}

fn request_of(lines: &[u8]) -> Option<RequestHead> {
    let text = [b"GET /a/b.css?c HTTP/1.1\r\nHost: example.com\r\n".as_slice(), lines, b"\r\n"].concat();
    let mut head = RequestHead::default();
    matches!(request::parse(&text, &LIMITS, &mut head), Ok(Parsed::Complete { .. })).then_some(head)
}

fn response_of(status: u16, lines: &[u8]) -> Option<ResponseHead> {
    let text = [format!("HTTP/1.1 {status} X\r\n").as_bytes(), lines, b"\r\n"].concat();
    let mut head = ResponseHead::default();
    matches!(response::parse(&text, &LIMITS, Method::Get, &mut head), Ok(Parsed::Complete { .. }))
        .then_some(head)
}

fn dates_and_ranges(request: &RequestHead, answer: &ResponseHead) {
    for field in request.fields.iter().chain(answer.fields.iter()) {
        if let Some(moment) = parse_http_date(field.value, NOW) {
            assert_eq!(parse_http_date(&imf_fixdate(moment), NOW), Some(moment));
        }
        if let Some((first, end, total)) = range::content_range(field.value) {
            assert!(first < end && total.is_none_or(|total| end <= total));
        }
        let Some(asked) = range::parse(field.value) else { continue };
        for bytes in [0, 1, 10, u64::MAX] {
            let Ranges::Parts(parts) = range::resolve(&asked, bytes) else { continue };
            assert!(!parts.is_empty() && parts.iter().all(|(first, end)| first < end && *end <= bytes));
        }
    }
}

/// The lines for HTTP/1 are those of the fields, and nothing of them belongs to a connection.
fn is_read_as_it_is(head: &StoredHead) {
    let text = [&*head.http1, b"\r\n"].concat();
    let mut again = ResponseHead::default();
    let limits = HeadLimits { head_bytes_max: 8 * LIMITS.head_bytes_max, fields_max: 100, ..LIMITS };
    let parsed = response::parse(&text, &limits, Method::Get, &mut again);
    assert_eq!(parsed, Ok(Parsed::Complete { head_bytes: text.len() }));
    assert_eq!(again.status, head.status);
    assert!(again.fields.iter().eq(head.fields.iter()));
    assert!(head.fields.iter().all(|field| !field.hop_by_hop && !decide::is_for_edge_only(field.name)));
}

fn look(request: &RequestHead, lookup: &Lookup, head: &StoredHead) {
    let _ = decide::condition(request, head);
    let _ = decide::if_range(request, head);
    let _ = decide::strong_validator(head);
    assert!(decide::validators(head).count() <= 2);
    assert!(!lookup.is_head);
}
