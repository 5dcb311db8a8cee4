use super::*;
use crate::object::{Response, StoredHead};
use crate::plan::{BrowserTtl, EdgeMode, EdgeTtl};

fn stored(status: u16, lines: &[(&str, &str)], plan: &CachePlan) -> StoredHead {
    stored_head(&response(status, lines), plan, NOW)
}

/// `name: value`, in the order of names.
fn lines(fields: &rempart_flow::Fields) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut lines: Vec<String> =
        fields.iter().map(|f| format!("{}: {}", text(f.name).to_ascii_lowercase(), text(f.value))).collect();
    lines.sort();
    lines
}

fn dated(text: &str) -> String {
    String::from_utf8_lossy(&value(text)).into_owned()
}

#[test]
fn what_is_stored_of_a_head() {
    let head = stored(
        200,
        &[
            ("Connection", "a, b"),
            ("a", "1"),
            ("b", "2"),
            ("c", "3"),
            ("Keep-Alive", "timeout=5"),
            ("TE", "x"),
            ("Upgrade", "x"),
            ("Proxy-Authenticate", "x"),
            ("Proxy-Authentication-Info", "x"),
            ("Proxy-Authorization", "x"),
            ("Age", "5"),
            ("Content-Length", "10"),
            ("Server", "nginx"),
            ("CF-Ray", "x"),
            ("CF-Cache-Status", "HIT"),
            ("Date", "now-5"),
            ("Set-Cookie", "a=b"),
            ("Set-Cookie", "c=d"),
            ("Cache-Control", "max-age=60, no-cache=\"d\", private=\"E, f\""),
            ("d", "4"),
            ("E", "5"),
            ("F", "6"),
            ("Cache-Tag", "t"),
            ("Cloudflare-CDN-Cache-Control", "%"),
            ("CDN-Cache-Control", "%"),
        ],
        &letter(),
    );
    assert_eq!(
        lines(&head.fields),
        [
            "c: 3".to_owned(),
            "cache-control: max-age=60, no-cache=\"d\", private=\"E, f\"".to_owned(),
            "cdn-cache-control: %".to_owned(),
            format!("date: {}", dated("now-5")),
            "set-cookie: a=b".to_owned(),
            "set-cookie: c=d".to_owned(),
        ]
    );
    assert_eq!(lines(&head.kept), ["cache-tag: t", "cloudflare-cdn-cache-control: %"]);
    let http1 = String::from_utf8_lossy(&head.http1).into_owned();
    assert!(
        http1.starts_with("HTTP/1.1 200 OK\r\nDate: ")
            && http1.ends_with("\r\n")
            && !http1.contains("\r\n\r\n")
    );
    assert_eq!((head.date_unix_s, head.last_modified_unix_s), (NOW - 5, None));
}

#[test]
fn every_head_has_one_date() {
    for (date, expected) in
        [(&[][..], "now"), (&[("Date", "foo")], "now"), (&[("Date", "now-9"), ("Date", "now")], "now-9")]
    {
        let head = stored(200, date, &letter());
        assert_eq!(lines(&head.fields), [format!("date: {}", dated(expected))]);
        assert_eq!(head.date_unix_s, rempart_base::date::parse_http_date(&value(expected), NOW).unwrap());
    }
}

#[test]
fn a_part_is_stored_as_what_it_is_part_of() {
    let part = [
        ("Content-Range", "bytes 0-4/10"),
        ("Content-MD5", "x"),
        ("Content-Digest", "x"),
        ("Repr-Digest", "y"),
    ];
    let head = stored(206, &part, &letter());
    assert_eq!((head.status, lines(&head.fields).len()), (200, 2));
    assert!(head.http1.starts_with(b"HTTP/1.1 200 OK\r\n"));
    let whole = stored(200, &part, &letter());
    assert_eq!(lines(&whole.fields).len(), 5);
}

#[test]
fn a_part_may_stay_what_it_is() {
    let part = response(206, &[("Content-Range", "bytes 0-4/10"), ("Content-Length", "5"), ("Date", "now")]);
    let head = part_head(&part, b"bytes=-5", &letter(), NOW);
    assert_eq!(head.status, 206);
    assert_eq!(
        lines(&head.fields),
        ["content-range: bytes 0-4/10".to_owned(), format!("date: {}", dated("now"))]
    );
    assert_eq!(lines(&head.kept), ["range: bytes=-5"]);
}

#[test]
fn browsers_get_the_lifetime_of_the_plan() {
    let lines_in = [("Cache-Control", "max-age=9, public"), ("Expires", "now"), ("Date", "now")];
    for (browser_ttl, control) in [
        (BrowserTtl::OverrideOrigin(300), "cache-control: max-age=300"),
        (BrowserTtl::Bypass, "cache-control: no-cache"),
    ] {
        let plan = CachePlan { browser_ttl, ..letter() };
        let head = stored(200, &lines_in, &plan);
        assert_eq!(lines(&head.fields), [control.to_owned(), format!("date: {}", dated("now"))]);
        assert_eq!(
            lines(&head.kept),
            ["cache-control: max-age=9, public".to_owned(), format!("expires: {}", dated("now"))]
        );
        // What was written here is not taken for the origin's word later.
        let bare = confirmed(&[("ETag", "\"a\"")], &[("ETag", "\"a\"")], &plan);
        assert_eq!(lines(&bare.0.fields).iter().filter(|line| line.starts_with("cache-control")).count(), 1);
        assert!(bare.1.validates_each, "the origin states no lifetime");
    }
}

/// What becomes of a stored response with the first lines, 100 seconds later, by a 304 with the second.
fn confirmed(first: &[(&str, &str)], second: &[(&str, &str)], plan: &CachePlan) -> (StoredHead, Freshness) {
    let updated = confirmed_for(&[], first, second, plan);
    assert!(updated.is_for_all);
    (updated.head, updated.freshness)
}

/// The same, asked for with these fields.
fn confirmed_for(
    asked: &[(&str, &str)],
    first: &[(&str, &str)],
    second: &[(&str, &str)],
    plan: &CachePlan,
) -> Updated {
    confirmed_under(asked, (first, plan), (second, plan))
}

/// The same, if another plan holds for what confirms.
fn confirmed_under(
    asked: &[(&str, &str)],
    (first, before_plan): (&[(&str, &str)], &CachePlan),
    (second, plan): (&[(&str, &str)], &CachePlan),
) -> Updated {
    let request = request("GET /a", &[]);
    let lookup = look_up(&request, before_plan);
    let before = response(200, first);
    let Storing::Store(freshness) = storing(&request, &lookup, &before, before_plan, TIMES) else {
        panic!("not stored: {first:?}");
    };
    let before = Response {
        id: 1,
        key: crate::KeyRef { hash: 0, bytes: b"k" }.to_key(),
        head: stored_head(&before, before_plan, NOW),
        freshness,
        stamp: crate::purge::Stamp::default(),
        length: None,
    };
    let request = super::request("GET /a", asked);
    let lookup = look_up(&request, plan);
    let later = Times { asked_unix_s: NOW + 100, answered_unix_s: NOW + 100 };
    updated(&before, &response(304, second), &request, &lookup, plan, later)
}

#[test]
fn a_304_updates_what_is_not_about_the_body() {
    let first = [
        ("Date", "now"),
        ("Cache-Control", "max-age=2"),
        ("ETag", "\"a\""),
        ("X", "1"),
        ("Y", "1"),
        ("Y", "2"),
        ("Z", "1"),
        ("Content-Encoding", "gzip"),
        ("Content-Type", "text/plain"),
        ("Content-MD5", "1"),
        ("Content-Range", "1"),
        ("Content-Length", "5"),
    ];
    let second = [
        ("Date", "now+100"),
        ("Cache-Control", "max-age=50"),
        ("ETag", "\"a\""),
        ("X", "2"),
        ("x", "3"),
        ("Y", "3"),
        ("New", "1"),
        ("Content-Encoding", "br"),
        ("Content-Type", "text/html"),
        ("Content-MD5", "2"),
        ("Content-Range", "2"),
        ("Content-Length", "10"),
        ("Connection", "Hop"),
        ("Hop", "1"),
        ("Age", "7"),
    ];
    let (head, freshness) = confirmed(&first, &second, &letter());
    assert_eq!(
        lines(&head.fields),
        [
            "cache-control: max-age=50".to_owned(),
            "content-encoding: gzip".to_owned(),
            "content-md5: 1".to_owned(),
            "content-range: 1".to_owned(),
            "content-type: text/html".to_owned(),
            format!("date: {}", dated("now+100")),
            "etag: \"a\"".to_owned(),
            "new: 1".to_owned(),
            "x: 2".to_owned(),
            "x: 3".to_owned(),
            "y: 3".to_owned(),
            "z: 1".to_owned(),
        ]
    );
    assert_eq!((age_s(&freshness, NOW + 100), ttl_s(&freshness, NOW + 100)), (7, 43));
}

#[test]
fn a_304_that_says_little_begins_the_lifetime_anew() {
    let first =
        [("Date", "now"), ("Cache-Control", "max-age=50"), ("ETag", "\"a\""), ("Last-Modified", "now-9")];
    for second in [
        &[][..],
        &[("ETag", "\"a\"")],
        &[("ETag", "W/\"a\"")],
        &[("Last-Modified", "now-9")],
        // About another: nothing of it is taken over, but what was asked about is right.
        &[("ETag", "\"b\""), ("Cache-Control", "no-store"), ("Date", "now"), ("Age", "99")],
        &[("Last-Modified", "now"), ("Cache-Control", "max-age=1")],
    ] {
        let (head, freshness) = confirmed(&first, second, &letter());
        assert_eq!(ttl_s(&freshness, NOW + 100), 50, "{second:?}");
        assert_eq!(head.fields.first(rempart_flow::Known::ETag), Some(b"\"a\"".as_slice()));
        assert_eq!(head.fields.first(rempart_flow::Known::CacheControl), Some(b"max-age=50".as_slice()));
    }
}

#[test]
fn a_304_may_forbid_further_use() {
    let first = [("Cache-Control", "max-age=50"), ("ETag", "\"a\"")];
    let (_, freshness) = confirmed(&first, &[("ETag", "\"a\""), ("Cache-Control", "no-store")], &letter());
    assert!(freshness.no_cache && freshness.validates_each && freshness.stale_if_error_s == 0);
}

#[test]
fn a_cookie_of_a_304_is_one_visitors() {
    let first = [("Cache-Control", "max-age=50"), ("ETag", "\"a\"")];
    let second = [("ETag", "\"a\""), ("Set-Cookie", "a=b")];
    let (head, freshness) = confirmed(&first, &second, &CachePlan::of("example.com"));
    assert!(!head.fields.has(rempart_flow::Known::SetCookie));
    assert_eq!(ttl_s(&freshness, NOW + 100), 50);
    let (head, _) = confirmed(&first, &second, &letter());
    assert!(head.fields.has(rempart_flow::Known::SetCookie));
}

#[test]
fn what_a_rule_has_said_of_an_answer_outlives_a_304_that_no_rule_knows() {
    let plan = CachePlan {
        edge_ttl: EdgeTtl { mode: EdgeMode::OverrideOrigin(7200), by_status: Box::default() },
        ..letter()
    };
    let (first, second) = ([("Cache-Control", "no-cache"), ("ETag", "\"a\"")], [("ETag", "\"a\"")]);
    let (head, freshness) = confirmed(&first, &second, &plan);
    assert!(!head.follows_answer && !freshness.no_cache);
    let ruled = plan.following_answer();
    let updated = confirmed_under(&[], (&first, &ruled), (&second, &plan));
    assert!(updated.head.follows_answer && updated.freshness.no_cache);
}

#[test]
fn who_asked_gets_what_is_not_stored() {
    let answer = [
        ("Cache-Control", "max-age=9, no-cache=\"a\", private=\"set-cookie\""),
        ("A", "1"),
        ("B", "2"),
        ("Set-Cookie", "a=b"),
    ];
    assert_eq!(lines(&own_fields(&response(200, &answer), false, &letter())), ["a: 1", "set-cookie: a=b"]);
    assert_eq!(lines(&stored(200, &answer, &letter()).fields).len(), 3);
    let cookie = response(304, &[("Set-Cookie", "a=b")]);
    assert_eq!(lines(&own_fields(&cookie, false, &CachePlan::of("example.com"))), ["set-cookie: a=b"]);
    assert!(own_fields(&cookie, true, &CachePlan::of("example.com")).is_empty());
    assert!(own_fields(&cookie, false, &letter()).is_empty());
    let written = response(
        200,
        &[("Cache-Control", "private=\"age, server, cache-tag\""), ("Age", "1"), ("Cache-Tag", "x")],
    );
    assert!(own_fields(&written, false, &letter()).is_empty());
    // What the origin itself says is for who asked.
    let named = response(200, &answer);
    assert_eq!(lines(&own_fields(&named, true, &CachePlan::of("example.com"))), ["a: 1", "set-cookie: a=b"]);
}

#[test]
fn a_request_that_nobody_else_may_profit_from_changes_nothing_for_others() {
    let first = [("Cache-Control", "max-age=50"), ("ETag", "\"a\"")];
    let plan = CachePlan { request_directives: true, ..letter() };
    for asked in [[("Authorization", "x")], [("Cache-Control", "no-store")]] {
        let updated = confirmed_for(&asked, &first, &[("X", "for you")], &plan);
        assert!(!updated.is_for_all && updated.freshness.validates_each, "{asked:?}");
        assert!(updated.head.fields.iter().any(|field| field.name == b"X"));
    }
    let public = [("Cache-Control", "max-age=50, public"), ("ETag", "\"a\"")];
    assert!(confirmed_for(&[("Authorization", "x")], &public, &[], &plan).is_for_all);
}

#[test]
fn answers_cannot_make_a_head_grow_without_end() {
    let first = [("Cache-Control", "max-age=50"), ("ETag", "\"a\"")];
    let plan = letter();
    let mut head = stored(200, &first, &plan);
    let request = request("GET /a", &[]);
    let lookup = look_up(&request, &plan);
    for round in 0..5 {
        let names: Vec<String> = (0..100).map(|at| format!("x-{round}-{at}")).collect();
        let lines: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
        let key = crate::KeyRef { hash: 0, bytes: b"k" }.to_key();
        let Storing::Store(freshness) = storing(&request, &lookup, &response(200, &first), &plan, TIMES)
        else {
            panic!("not stored")
        };
        let before =
            Response { id: 1, key, head, freshness, stamp: crate::purge::Stamp::default(), length: None };
        head = updated(&before, &response(304, &lines), &request, &lookup, &plan, TIMES).head;
    }
    // One more is the date.
    assert_eq!(head.fields.len(), 257);
}

#[test]
fn what_only_the_edge_reads_weighs_too() {
    let weight = |tags: &str| {
        let lines = [("Cache-Control", "max-age=50"), ("Cache-Tag", tags)];
        let head = stored(200, &lines, &letter());
        let Storing::Store(freshness) = storing(
            &request("GET /a", &[]),
            &look_up(&request("GET /a", &[]), &letter()),
            &response(200, &lines),
            &letter(),
            TIMES,
        ) else {
            panic!("not stored")
        };
        let key = crate::KeyRef { hash: 0, bytes: b"k" }.to_key();
        let stamp = crate::purge::Stamp::default();
        let response = Response { id: 1, key: key.clone(), head, freshness, stamp, length: None };
        let object = crate::Object { response: response.into(), bodies: std::sync::Arc::default() };
        crate::Entry::new(key, crate::Stored::Object(object.into())).weight
    };
    assert_eq!(weight(&"t".repeat(1000)) - weight("t"), 999);
}
