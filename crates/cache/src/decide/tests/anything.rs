//! Heads put together at random from words that mean something: what holds whatever comes.

use super::*;
use crate::object::{Response, StoredHead};
use crate::plan::BrowserTtl;
use crate::range::{self, Ranges};

/// xorshift64*: the same heads each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap_or(0) % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const OF_RESPONSES: &[&str] = &[
    "Cache-Control",
    "Cache-Control",
    "CDN-Cache-Control",
    "Cloudflare-CDN-Cache-Control",
    "Expires",
    "Date",
    "Age",
    "ETag",
    "Last-Modified",
    "Vary",
    "Set-Cookie",
    "Content-Range",
    "Content-Encoding",
    "Cache-Tag",
    "Content-Location",
    "Connection",
    "A",
    "B",
    "Content-Type",
    "Proxy-Authentication-Info",
    "Server",
];
const OF_REQUESTS: &[&str] = &[
    "If-None-Match",
    "If-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
    "If-Range",
    "Range",
    "Cache-Control",
    "Pragma",
    "Authorization",
    "A",
];
const PIECES: &[&str] = &[
    "max-age",
    "s-maxage",
    "no-store",
    "no-cache",
    "private",
    "public",
    "must-revalidate",
    "must-understand",
    "stale-while-revalidate",
    "stale-if-error",
    "=",
    "=60",
    "=0",
    "=\"a\"",
    "=\"",
    "=?0",
    "=-1",
    "=1.5",
    ";x=1",
    ", ",
    ",",
    " ",
    "\"",
    "\\",
    "*",
    "a",
    "b",
    "etag",
    "date",
    "W/",
    "\"a\"",
    "now",
    "bytes=",
    "bytes 0-4/5",
    "0-4",
    "-5",
    "5-",
    "/",
    "99999999999999999999",
    "gzip",
    "/a",
    "no-cache=\"date, etag\"",
    "(",
    ")",
    ":",
    "@",
    "max-age=60",
    "max-age=60",
    "max-age=60",
];

fn head_lines(dice: &mut Dice, names: &[&'static str]) -> Vec<(&'static str, String)> {
    let count = dice.below(7);
    let line = |dice: &mut Dice| {
        let pieces = 1 + dice.below(4);
        let value: String = (0..pieces).map(|_| dice.pick(PIECES)).collect();
        let value = value.trim().to_owned();
        if dice.below(4) == 0 { format!("now{}", dice.below(100)) } else { value }
    };
    (0..count).map(|_| (dice.pick(names), line(dice))).collect()
}

fn as_lines<'a>(lines: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    lines.iter().map(|(name, line)| (*name, line.as_str())).collect()
}

fn plan(dice: &mut Dice) -> CachePlan {
    let mut is = || dice.below(2) == 0;
    CachePlan {
        level: if is() { Level::Everything } else { Level::Aggressive },
        heuristic: is(),
        store_set_cookie: is(),
        request_directives: is(),
        origin_cache_control: is() || is(),
        browser_ttl: if is() { BrowserTtl::OverrideOrigin(60) } else { BrowserTtl::RespectOrigin },
        ..CachePlan::of("example.com")
    }
}

/// The lines for HTTP/1 are those of the fields, and nothing of them belongs to a connection or to the edge alone.
fn is_read_as_it_is(head: &StoredHead) {
    let text = [&*head.http1, b"\r\n"].concat();
    let mut again = ResponseHead::default();
    let parsed = rempart_http1::response::parse(&text, &HeadLimits::default(), Method::Get, &mut again);
    assert_eq!(parsed, Ok(Parsed::Complete { head_bytes: text.len() }));
    assert_eq!(again.status, head.status);
    assert!(again.fields.iter().eq(head.fields.iter()));
    assert!(head.fields.iter().all(|field| !field.hop_by_hop && !is_for_edge_only(field.name)));
}

#[test]
fn whatever_comes_what_is_stored_is_one_head_and_obeys_what_it_says() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut stored, rounds) = (0, 30_000);
    for _ in 0..rounds {
        let plan = plan(&mut dice);
        let asked = head_lines(&mut dice, OF_REQUESTS);
        let (answered, later) = (head_lines(&mut dice, OF_RESPONSES), head_lines(&mut dice, OF_RESPONSES));
        let status = [200, 200, 206, 404, 301, 503][dice.below(6)];
        let request = request("GET /a.css?b", &as_lines(&asked));
        let (answer, later) = (response(status, &as_lines(&answered)), response(304, &as_lines(&later)));
        stored += u32::from(is_stored_well(&request, &answer, &later, &plan));
    }
    assert!(stored > rounds / 20, "only {stored} of {rounds} were stored: the test tests nothing");
}

fn is_stored_well(
    request: &RequestHead,
    answer: &ResponseHead,
    later: &ResponseHead,
    plan: &CachePlan,
) -> bool {
    if let Some(asked) = request.fields.first(rempart_flow::Known::Range).and_then(range::parse) {
        for bytes in [0, 1, 10, u64::MAX] {
            if let Ranges::Parts(parts) = range::resolve(&asked, bytes) {
                assert!(!parts.is_empty() && parts.iter().all(|(first, end)| first < end && *end <= bytes));
            }
        }
    }
    let _ = tags(answer);
    let _ = invalidates(request, answer);
    let _ = own_fields(answer, plan.strips_cookies(answer.status), plan);
    let lookup = look_up(request, plan);
    let Storing::Store(freshness) = storing(request, &lookup, answer, plan, TIMES) else { return false };
    assert!(vary(answer, plan) != Vary::Any);
    assert!(freshness.born_unix_s <= NOW && freshness.lifetime_s <= 1 << 31);
    if freshness.no_cache || freshness.must_revalidate {
        assert_eq!((freshness.stale_if_error_s, freshness.stale_while_revalidate_s), (0, 0));
    }
    let head = stored_head(answer, plan, NOW);
    is_read_as_it_is(&head);
    let _ = condition(request, &head);
    let _ = if_range(request, &head);
    assert!(validators(&head).count() <= 2);
    let _ = head_effect(&head, Some(5), later);
    let key = crate::KeyRef { hash: 0, bytes: b"k" }.to_key();
    let stamp = crate::purge::Stamp::default();
    let before = Response { id: 1, key, head, freshness, stamp, length: Some(5) };
    let updated = updated(&before, later, request, &lookup, plan, TIMES);
    is_read_as_it_is(&updated.head);
    assert_eq!(updated.head.status, before.head.status);
    let tag = |head: &StoredHead| head.fields.first(rempart_flow::Known::ETag).map(<[u8]>::to_vec);
    assert_eq!(tag(&updated.head), tag(&before.head), "a 304 is about what is stored");
    for later_s in [0, 1, 60, u64::MAX - NOW] {
        let _ = reuse(&lookup, &updated.freshness, later_s == 1, NOW + later_s);
    }
    true
}
