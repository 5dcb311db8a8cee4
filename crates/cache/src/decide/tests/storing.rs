use super::*;
use crate::plan::{EdgeMode, EdgeTtl, StatusTtl, Ttl};

/// What becomes of it: seconds for which it is fresh after it came, or why not.
fn stored(
    start: &str,
    request_lines: &[(&str, &str)],
    status: u16,
    lines: &[(&str, &str)],
    plan: &CachePlan,
) -> Result<Freshness, (u64, PassReason)> {
    let request = request(start, request_lines);
    match storing(&request, &look_up(&request, plan), &response(status, lines), plan, TIMES) {
        Storing::Store(freshness) => Ok(freshness),
        Storing::HitForMiss { for_s, reason } => Err((for_s, reason)),
    }
}

fn fresh_s(status: u16, lines: &[(&str, &str)], plan: &CachePlan) -> Option<i64> {
    stored("GET /a", &[], status, lines, plan).ok().map(|freshness| ttl_s(&freshness, NOW))
}

const MAX_AGE: (&str, &str) = ("Cache-Control", "max-age=60");

#[test]
fn explicit_lifetimes_hold_for_every_status() {
    let plan = CachePlan::of("example.com");
    for status in
        [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 401, 404, 410, 499, 500, 502, 503, 504, 599]
    {
        assert_eq!(fresh_s(status, &[MAX_AGE], &plan), Some(60), "{status}");
        assert_eq!(fresh_s(status, &[("Expires", "now+60"), ("Date", "now")], &plan), Some(60), "{status}");
    }
    // Those that belong to one request, or whose definitions forbid it.
    for status in [304, 412, 416, 428, 429, 431, 511] {
        assert_eq!(fresh_s(status, &[MAX_AGE], &plan), None, "{status}");
    }
    assert_eq!(fresh_s(206, &[MAX_AGE, ("Content-Range", "bytes 0-4/10")], &plan), Some(60));
    assert_eq!(fresh_s(206, &[MAX_AGE], &plan), None, "a part of what?");
    assert_eq!(
        fresh_s(200, &[MAX_AGE, ("Content-Range", "bytes 0-4/10")], &plan),
        Some(60),
        "it means nothing"
    );
}

#[test]
fn what_the_origin_forbids_is_not_stored() {
    let plan = letter();
    for control in [
        "no-store",
        "max-age=60, no-store",
        "max-age=60, private",
        "max-age=60, private=\"content-type\"",
        "max-age=60, must-understand, private",
        "max-age=60, s-maxage=0",
        "max-age=-1",
        "max-age=60, no-cache",
    ] {
        assert_eq!(fresh_s(200, &[("Cache-Control", control)], &plan), None, "{control}");
    }
    assert_eq!(fresh_s(599, &[("Cache-Control", "max-age=60, must-understand")], &plan), None);
    assert_eq!(fresh_s(200, &[("Cache-Control", "max-age=60, must-understand, no-store")], &plan), Some(60));
    assert_eq!(fresh_s(599, &[("Cache-Control", "max-age=60, must-understand, no-store")], &plan), None);
    assert_eq!(fresh_s(200, &[("Cache-Control", "max-age=60, private=\"a\"")], &plan), Some(60));
    assert_eq!(
        fresh_s(200, &[("CDN-Cache-Control", "max-age=60"), ("Cache-Control", "no-store")], &plan),
        Some(60)
    );
    assert_eq!(fresh_s(200, &[("CDN-Cache-Control", "no-store"), MAX_AGE], &plan), None);
    assert_eq!(fresh_s(200, &[MAX_AGE, ("Vary", "*")], &plan), None);
}

#[test]
fn no_cache_is_kept_if_the_origin_can_be_asked() {
    let plan = letter();
    for lines in [
        &[("Cache-Control", "no-cache"), ("ETag", "\"a\"")][..],
        &[("Cache-Control", "max-age=60, no-cache"), ("Last-Modified", "now-5")],
        &[
            ("Cache-Control", "max-age=60, no-cache, stale-while-revalidate=5, stale-if-error=5"),
            ("ETag", "\"a\""),
        ],
    ] {
        let kept = stored("GET /a", &[], 200, lines, &plan).expect("it is kept");
        assert!(kept.no_cache && kept.validates_each && kept.has_validator, "{lines:?}");
        assert_eq!(
            (kept.stale_if_error_s, kept.stale_while_revalidate_s, kept.while_updating),
            (0, 0, false)
        );
    }
    let named = stored("GET /a", &[], 200, &[MAX_AGE, ("Cache-Control", "no-cache=\"a\"")], &plan).unwrap();
    assert!(!named.no_cache && !named.validates_each);
    let needed =
        stored("GET /a", &[], 200, &[("ETag", "x"), MAX_AGE, ("Cache-Control", "no-cache=\"Vary\"")], &plan);
    assert!(needed.unwrap().no_cache);
}

#[test]
fn what_nobody_can_use_is_not_kept() {
    let plan = letter();
    assert_eq!(fresh_s(200, &[("Cache-Control", "max-age=0")], &plan), None);
    assert_eq!(fresh_s(200, &[MAX_AGE, ("Age", "60")], &plan), None);
    assert_eq!(fresh_s(200, &[MAX_AGE, ("Age", "59")], &plan), Some(1));
    assert_eq!(fresh_s(200, &[MAX_AGE, ("Age", "60"), ("ETag", "\"a\"")], &plan), Some(0));
    assert_eq!(fresh_s(200, &[("Cache-Control", "max-age=0, stale-while-revalidate=5")], &plan), Some(0));
    assert_eq!(fresh_s(200, &[("Cache-Control", "max-age=0, stale-if-error=5")], &plan), Some(0));
    assert_eq!(fresh_s(200, &[("Cache-Control", "s-maxage=0, stale-if-error=5")], &plan), None);
}

#[test]
fn authorization_needs_a_word_of_the_origin() {
    let plan = CachePlan::of("example.com");
    for (control, is_stored) in [
        ("max-age=60", false),
        ("max-age=60, public", true),
        ("max-age=60, must-revalidate", true),
        ("s-maxage=60", true),
        ("max-age=60, proxy-revalidate", false),
        ("max-age=60, public=x", false),
    ] {
        let asked = [("Authorization", "x")];
        let found = stored("GET /a", &asked, 200, &[("Cache-Control", control)], &plan);
        assert_eq!(found.is_ok(), is_stored, "{control}");
        // The next visitor may be without: nothing is remembered.
        assert!(found.is_ok() || found == Err((0, PassReason::Bypass)), "{found:?}");
    }
    let lines = [("CDN-Cache-Control", "max-age=60"), ("Cache-Control", "public")];
    assert!(stored("GET /a", &[("Authorization", "x")], 200, &lines, &plan).is_err());
}

#[test]
fn cookies_are_given_to_one_visitor_only() {
    let cookie = [MAX_AGE, ("Set-Cookie", "a=b")];
    let plan = CachePlan::of("example.com");
    assert_eq!(fresh_s(200, &cookie, &plan), None);
    assert_eq!(fresh_s(200, &cookie, &CachePlan { store_set_cookie: true, ..plan.clone() }), Some(60));
    let left_out = [("Cache-Control", "max-age=60, private=\"Set-Cookie\""), ("Set-Cookie", "a=b")];
    assert_eq!(fresh_s(200, &left_out, &plan), Some(60));
}

#[test]
fn cookies_are_nobodys_where_the_settings_have_everything_stored() {
    let cookie = [("Set-Cookie", "a=b"), ("Cache-Control", "max-age=60")];
    let by_status = [StatusTtl { from: 404, to: 404, ttl: Ttl::For(30) }].into();
    let everything = CachePlan { level: Level::Everything, ..CachePlan::of("example.com") };
    let with = |level, mode| CachePlan {
        level,
        edge_ttl: EdgeTtl { mode, by_status: Box::clone(&by_status) },
        ..everything.clone()
    };
    assert_eq!(fresh_s(200, &cookie, &everything), None, "nobody says for how long but the origin");
    let plan = with(Level::Everything, EdgeMode::OverrideOrigin(7200));
    assert_eq!((fresh_s(200, &cookie, &plan), fresh_s(404, &cookie, &plan)), (Some(7200), Some(30)));
    let head = stored_head(&response(200, &cookie), &plan, NOW);
    assert!(
        !head.fields.has(rempart_flow::Known::SetCookie) && !head.kept.has(rempart_flow::Known::SetCookie)
    );
    let plan = with(Level::Everything, EdgeMode::RespectOrigin);
    assert_eq!((fresh_s(200, &cookie, &plan), fresh_s(404, &cookie, &plan)), (None, Some(30)));
    let plan = with(Level::Aggressive, EdgeMode::OverrideOrigin(7200));
    assert_eq!(fresh_s(200, &cookie, &plan), None, "by default a page is not stored at all");
    // It keeps its meaning, and so does `Authorization`.
    let plan = with(Level::Everything, EdgeMode::OverrideOrigin(7200));
    let shared = CachePlan { store_set_cookie: true, ..plan.clone() };
    assert!(stored_head(&response(200, &cookie), &shared, NOW).fields.has(rempart_flow::Known::SetCookie));
    assert!(stored("GET /a", &[("Authorization", "x")], 200, &cookie, &plan).is_err());
    assert_eq!(fresh_s(200, &cookie, &plan.following_answer()), None);
}

#[test]
fn a_status_is_heuristically_fresh_or_not() {
    let plan = letter();
    let modified = [("Last-Modified", "now-86400"), ("Date", "now")];
    for status in [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501] {
        assert_eq!(fresh_s(status, &modified, &plan), Some(8640), "{status}");
    }
    for status in [201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599] {
        assert_eq!(fresh_s(status, &modified, &plan), None, "{status}");
    }
    let public = [("Cache-Control", "public"), modified[0], modified[1]];
    assert_eq!(fresh_s(599, &public, &plan), Some(8640));
    assert_eq!(fresh_s(200, &[], &plan), None, "neither lifetime nor validator");
    assert_eq!(fresh_s(200, &[("ETag", "\"a\"")], &plan), Some(0), "kept, and asked about each time");
    let none = [("CDN-Cache-Control", "none"), ("Cache-Control", "no-store"), modified[0]];
    assert_eq!(fresh_s(200, &none, &plan), Some(8640));
}

#[test]
fn without_heuristics_the_table_holds_for_static_files() {
    let plan = CachePlan::of("example.com");
    let everything = CachePlan { level: Level::Everything, ..plan.clone() };
    for (status, seconds) in
        [(200, Some(7200)), (301, Some(7200)), (302, Some(1200)), (404, Some(180)), (500, None)]
    {
        assert_eq!(fresh_s(status, &[], &everything), seconds, "{status}");
        assert_eq!(fresh_s(status, &[("Last-Modified", "now-5")], &everything), seconds, "{status}");
    }
    assert_eq!(fresh_s(200, &[("Cache-Control", "private")], &everything), None);
    let page = stored("GET /a", &[], 200, &[("Last-Modified", "now-5")], &plan);
    assert_eq!(page, Err((120, PassReason::Dynamic)));
    let page = stored("GET /a", &[], 200, &[("Cache-Control", "no-store")], &everything);
    assert_eq!(page, Err((120, PassReason::Bypass)));
    let bypass = EdgeTtl { mode: EdgeMode::BypassByDefault, by_status: Box::default() };
    let bypass = CachePlan { edge_ttl: bypass, ..everything };
    assert_eq!(fresh_s(200, &[], &bypass), None);
    assert_eq!(fresh_s(200, &[MAX_AGE], &bypass), Some(60));
}

#[test]
fn the_operator_has_the_last_word_about_lifetimes() {
    let own = |mode, by_status: &[StatusTtl]| CachePlan {
        edge_ttl: EdgeTtl { mode, by_status: by_status.into() },
        ..CachePlan::of("example.com")
    };
    let plan = own(EdgeMode::OverrideOrigin(100), &[]);
    assert_eq!(fresh_s(200, &[("Cache-Control", "no-store, private")], &plan), Some(100));
    assert_eq!(fresh_s(200, &[("Age", "1000"), ("Cache-Control", "s-maxage=5")], &plan), Some(100));
    assert_eq!(fresh_s(200, &[("Set-Cookie", "a=b")], &plan), None, "a cookie is still one visitor's");
    assert_eq!(fresh_s(200, &[("Vary", "*")], &plan), None);
    assert!(stored("GET /a", &[("Authorization", "x")], 200, &[MAX_AGE], &plan).is_err());
    let aged = stored("GET /a", &[], 200, &[("Age", "1000")], &plan).unwrap();
    assert_eq!(age_s(&aged, NOW), 1000, "what is said about its age stays true");

    let status = |from, to, ttl| StatusTtl { from, to, ttl };
    let rows =
        [status(404, 404, Ttl::For(10)), status(400, 499, Ttl::NoStore), status(500, 599, Ttl::NoCache)];
    let plan = own(EdgeMode::RespectOrigin, &rows);
    assert_eq!(fresh_s(404, &[MAX_AGE], &plan), Some(10));
    assert_eq!(fresh_s(403, &[MAX_AGE], &plan), None);
    assert_eq!(fresh_s(500, &[MAX_AGE], &plan), None, "nothing to ask about it with");
    assert_eq!(fresh_s(500, &[MAX_AGE, ("ETag", "\"a\"")], &plan), Some(0));
    assert_eq!(fresh_s(200, &[MAX_AGE], &plan), Some(60));
}

#[test]
fn windows_of_staleness_are_the_origins_then_the_operators() {
    let mut plan = letter();
    plan.stale = crate::plan::StalePlan { while_updating: true, while_revalidate_s: 7, if_error_s: 9 };
    for (control, while_revalidate_s, if_error_s, while_updating) in [
        ("max-age=60", 7, 9, true),
        ("max-age=60, stale-while-revalidate=1", 1, 9, true),
        ("max-age=60, stale-if-error=2", 7, 2, true),
        ("max-age=60, stale-while-revalidate=0, stale-if-error=0", 0, 0, true),
        ("max-age=60, stale-while-revalidate=x", 7, 9, true),
        ("max-age=60, must-revalidate", 0, 0, false),
        ("max-age=60, proxy-revalidate, stale-if-error=5", 0, 0, false),
        ("s-maxage=60, stale-while-revalidate=5", 0, 0, false),
        ("max-age=0", 0, 9, false),
    ] {
        let lines = [("Cache-Control", control), ("ETag", "\"a\"")];
        let found = stored("GET /a", &[], 200, &lines, &plan).expect(control);
        assert_eq!(
            (found.stale_while_revalidate_s, found.stale_if_error_s, found.while_updating),
            (while_revalidate_s, if_error_s, while_updating),
            "{control}"
        );
    }
}

#[test]
fn origin_cache_control_off_is_cloudflares_older_way() {
    let plan = CachePlan { origin_cache_control: false, ..CachePlan::of("example.com") };
    let etag = ("ETag", "\"a\"");
    for control in ["no-cache", "max-age=60, no-cache", "max-age=0", "max-age=60, private=\"a\"", "no-store"]
    {
        assert_eq!(fresh_s(200, &[("Cache-Control", control), etag], &plan), None, "{control}");
    }
    let found = stored(
        "GET /a",
        &[("Authorization", "x")],
        200,
        &[("Cache-Control", "max-age=60, must-revalidate")],
        &plan,
    );
    assert!(!found.expect("stored").must_revalidate);
}

#[test]
fn a_request_may_forbid_it_if_it_is_obeyed() {
    let no_store = [("Cache-Control", "no-store")];
    let obeying = CachePlan { request_directives: true, ..CachePlan::of("example.com") };
    assert_eq!(stored("GET /a", &no_store, 200, &[MAX_AGE], &obeying), Err((0, PassReason::Bypass)));
    assert!(stored("GET /a", &no_store, 200, &[MAX_AGE], &CachePlan::of("example.com")).is_ok());
}

#[test]
fn answers_to_post_that_later_gets_may_have() {
    let plan = letter();
    let expires = ("Expires", "now+60");
    for (start, status, lines, is_stored) in [
        ("POST /a?b", 200, &[expires, ("Content-Location", "/a?b")][..], true),
        ("POST /a?b", 200, &[expires, ("Content-Location", "http://www.example.com/a?b")], true),
        ("POST /a?b", 200, &[MAX_AGE, ("Content-Location", "")], true),
        ("POST /a?b", 200, &[expires], false),
        ("POST /a?b", 200, &[expires, ("Content-Location", "/a")], false),
        ("POST /a?b", 200, &[expires, ("Content-Location", "//other.example/a?b")], false),
        ("POST /a?b", 200, &[("Last-Modified", "now-500"), ("Content-Location", "/a?b")], false),
        ("POST /a?b", 200, &[("Cache-Control", "max-age=60, no-cache"), ("Content-Location", "/a?b")], false),
        ("POST /a?b", 200, &[expires, ("Content-Location", "/a?b"), ("Vary", "X")], false),
        ("POST /a?b", 201, &[expires, ("Content-Location", "/a?b")], false),
    ] {
        let found = post_storing(&request(start, &[]), &response(status, lines), &plan, TIMES);
        assert_eq!(found.is_some(), is_stored, "{lines:?}");
    }
    let (post, answer) = (request("POST /a?b", &[]), response(200, &[expires, ("Content-Location", "/a?b")]));
    for plan in [
        CachePlan { level: Level::Bypass, ..letter() },
        CachePlan { level: Level::Basic, ..letter() },
        CachePlan { development_mode: true, ..letter() },
    ] {
        assert_eq!(post_storing(&post, &answer, &plan, TIMES), None, "nothing is stored");
    }
}

#[test]
fn the_cookies_of_an_answer_to_post_are_never_taken() {
    let everything = CachePlan {
        level: Level::Everything,
        edge_ttl: EdgeTtl { mode: EdgeMode::OverrideOrigin(60), by_status: Box::default() },
        ..CachePlan::of("example.com")
    };
    for (cookies, is_stored) in [("", true), ("private=\"set-cookie\", ", false)] {
        let control = format!("{cookies}max-age=60");
        let mut lines = vec![("Cache-Control", control.as_str()), ("Content-Location", "/a")];
        if !is_stored {
            lines.push(("Set-Cookie", "session=1"));
        }
        let found = post_storing(&request("POST /a", &[]), &response(200, &lines), &everything, TIMES);
        assert_eq!(found.is_some(), is_stored, "{control}");
    }
}

#[test]
fn a_rule_for_the_answer_counts_before_a_lifetime_of_the_settings() {
    let by_status = [StatusTtl { from: 200, to: 299, ttl: Ttl::For(30) }].into();
    let plan = CachePlan {
        origin_cache_control: false,
        edge_ttl: EdgeTtl { mode: EdgeMode::OverrideOrigin(7200), by_status },
        ..CachePlan::of("example.com")
    };
    let ruled = plan.following_answer();
    assert_eq!(ruled.key, plan.key, "it is the same response");
    for (control, by_settings, by_answer) in [
        ("no-store", 30, None),
        ("private", 30, None),
        ("s-maxage=3600", 30, Some(3600)),
        ("max-age=5, no-cache=\"a\"", 30, Some(5)),
    ] {
        let lines = [("Cache-Control", control), ("ETag", "\"a\"")];
        assert_eq!(fresh_s(200, &lines, &plan), Some(by_settings), "{control}");
        assert_eq!(fresh_s(200, &lines, &ruled), by_answer, "{control}");
        assert_eq!(fresh_s(404, &lines, &plan), Some(7200), "{control}");
    }
    // Whether a word of the origin is needed is no matter of lifetimes.
    let asks = CachePlan {
        edge_ttl: EdgeTtl { mode: EdgeMode::BypassByDefault, by_status: Box::default() },
        ..plan.clone()
    };
    assert_eq!(asks.following_answer().edge_ttl, asks.edge_ttl);
}
