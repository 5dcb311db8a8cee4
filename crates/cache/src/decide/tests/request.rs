use super::*;

#[test]
fn what_is_looked_up_and_what_passes() {
    use PassReason::{Bypass, Dynamic};
    let plan = CachePlan::of("example.com");
    for (start, lines, reason) in [
        ("GET /a", &[][..], None),
        ("HEAD /a", &[], None),
        ("GET /a", &[("Range", "bytes=0-1"), ("Cookie", "a=b"), ("Authorization", "x")], None),
        ("GET /a", &[("Content-Length", "0")], None),
        ("GET /a", &[("Content-Length", "1")], Some(Bypass)),
        ("GET /a", &[("Transfer-Encoding", "chunked")], Some(Bypass)),
        ("GET /a", &[("Connection", "upgrade"), ("Upgrade", "websocket")], Some(Dynamic)),
        ("POST /a", &[], Some(Dynamic)),
        ("OPTIONS *", &[], Some(Dynamic)),
        ("M-SEARCH /a", &[], Some(Dynamic)),
        ("get /a", &[], Some(Dynamic)),
    ] {
        let passes = match wants(&request(start, lines), &plan) {
            Wants::Lookup(_) => None,
            Wants::Pass(reason) => Some(reason),
        };
        assert_eq!(passes, reason, "{start} {lines:?}");
    }
}

#[test]
fn settings_may_let_everything_pass() {
    let plan = CachePlan::of("example.com");
    let get = request("GET /a?b", &[]);
    for (plan, expected) in [
        (CachePlan { level: Level::Bypass, ..plan.clone() }, Some(PassReason::Bypass)),
        (CachePlan { development_mode: true, ..plan.clone() }, Some(PassReason::Bypass)),
        (CachePlan { level: Level::Basic, ..plan.clone() }, Some(PassReason::Dynamic)),
        (CachePlan { level: Level::Simplified, ..plan.clone() }, None),
        (plan, None),
    ] {
        let passes = match wants(&get, &plan) {
            Wants::Lookup(_) => None,
            Wants::Pass(reason) => Some(reason),
        };
        assert_eq!(passes, expected, "{:?}", plan.level);
    }
}

#[test]
fn directives_of_requests_are_obeyed_only_on_demand() {
    let none = RequestDirectives::default();
    for (lines, expected, only_if_cached) in [
        (&[][..], none, false),
        (&[("Cache-Control", "no-cache")], RequestDirectives { no_cache: true, ..none }, false),
        (&[("Cache-Control", "No-Store")], RequestDirectives { no_store: true, ..none }, false),
        (&[("Cache-Control", "max-age=0")], RequestDirectives { max_age_s: Some(0), ..none }, false),
        (
            &[("Cache-Control", "max-age=\"5\", max-age=6")],
            RequestDirectives { max_age_s: Some(5), ..none },
            false,
        ),
        (&[("Cache-Control", "max-age=x")], RequestDirectives { max_age_s: Some(0), ..none }, false),
        (&[("Cache-Control", "min-fresh=5")], RequestDirectives { min_fresh_s: Some(5), ..none }, false),
        (&[("Cache-Control", "min-fresh=x")], none, false),
        (&[("Cache-Control", "max-stale")], RequestDirectives { max_stale_s: Some(u64::MAX), ..none }, false),
        (&[("Cache-Control", "max-stale=5")], RequestDirectives { max_stale_s: Some(5), ..none }, false),
        (&[("Cache-Control", "max-stale=x")], none, false),
        (
            &[("Cache-Control", "stale-if-error=5")],
            RequestDirectives { stale_if_error_s: Some(5), ..none },
            false,
        ),
        (&[("Cache-Control", "only-if-cached")], none, true),
        (&[("Pragma", "no-cache")], RequestDirectives { no_cache: true, ..none }, false),
        (&[("Pragma", "x")], none, false),
        (&[("Pragma", "no-cache"), ("Cache-Control", "x")], none, false),
    ] {
        let request = request("GET /a", lines);
        let obeying = CachePlan { request_directives: true, ..CachePlan::of("example.com") };
        let lookup = look_up(&request, &obeying);
        assert_eq!((lookup.directives, lookup.only_if_cached), (expected, only_if_cached), "{lines:?}");
        let lookup = look_up(&request, &CachePlan::of("example.com"));
        assert_eq!((lookup.directives, lookup.only_if_cached), (none, false), "{lines:?}");
    }
}
