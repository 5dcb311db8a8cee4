//! Purges: over the API and by `ctl purge`, and at each step of a fetch.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "all of it is test code")]

mod fetch;
mod site;
#[path = "../stand/mod.rs"]
mod stand;

use rustix::process::Signal;
use serde_json::{Value, json};

use self::site::{HEAD, Site, TARGET, TOKEN, ZONE, call, every_way};
use self::stand::process::signal;
use self::stand::{ask, text};

#[test]
fn each_kind_of_purge_is_seen_by_the_very_next_request() {
    let site = Site::new();
    site.miss(TARGET, "0");
    site.miss("/js/y.js", "unrelated");
    for (round, way) in every_way().iter().enumerate() {
        assert_eq!(site.hit(TARGET), round.to_string());
        site.purge(way);
        site.miss(TARGET, &(round + 1).to_string());
    }
    let (status, _, _) =
        call(site.admin(), "DELETE", ZONE, Some(&format!("bearer {TOKEN}")), r#"{"tags":["blue"]}"#);
    assert_eq!(status, 200);
    site.miss(TARGET, "6");
    // What names something else takes nothing.
    for other in [
        json!({"files": ["https://test.example/css/x.css"]}),
        json!({"prefixes": ["test.example/cs"]}),
        json!({"tags": ["bl", "reen"]}),
    ] {
        site.purge(&other);
        assert_eq!(site.hit(TARGET), "6", "{other}");
    }
}

#[test]
fn a_soft_purge_makes_stale_and_a_validation_makes_fresh_again() {
    let site = Site::new();
    let visitor = site.visit("/page.css");
    site.origin.asked().say(&format!("{HEAD}ETag: \"1\"\r\nContent-Length: 3\r\n\r\nold"));
    assert_eq!(visitor.answer().body, "old");
    site.purge(&json!({"tags": ["blue"], "soft": true}));
    let visitor = site.visit("/page.css");
    let mut asked = site.origin.asked();
    assert!(asked.head.to_ascii_lowercase().contains("if-none-match: \"1\""), "{}", asked.head);
    asked.say("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nCache-Control: max-age=1000\r\nConnection: close\r\n\r\n");
    drop(asked);
    assert_eq!(visitor.answer().body, "old");
    assert_eq!(site.hit("/page.css"), "old");
}

#[test]
fn the_api_says_what_is_wrong_in_cloudflare_s_form() {
    let site = Site::new();
    let bearer = format!("Bearer {TOKEN}");
    let code = |zone: &str, auth: Option<&str>, body: &str| {
        let (status, _, body) = call(site.admin(), "POST", zone, auth, body);
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (&answer["success"], &answer["result"], &answer["messages"]),
            (&json!(false), &Value::Null, &json!([]))
        );
        assert!(answer["errors"][0]["message"].is_string());
        (status, answer["errors"][0]["code"].as_u64().unwrap())
    };
    let good = r#"{"tags":["blue"]}"#;
    let nobody = "0".repeat(32);
    let cases = [
        (ZONE, None, good, (400, 9106)),
        (ZONE, Some("Basic abc"), good, (400, 6003)),
        (ZONE, Some("Bearer 0123456789abcdef0123456789abcdee"), good, (403, 9109)),
        (ZONE, Some("Bearer 0123456789abcdef"), good, (403, 9109)),
        (&nobody, Some(&bearer), good, (404, 7003)),
        ("test.example", Some(&bearer), good, (404, 7003)),
        (ZONE, Some(&bearer), "{", (400, 6007)),
        (ZONE, Some(&bearer), "{}", (400, 1012)),
        (ZONE, Some(&bearer), r#"{"tags":[]}"#, (400, 1014)),
        (ZONE, Some(&bearer), r#"{"files":["nonsense"]}"#, (400, 1015)),
        (ZONE, Some(&bearer), r#"{"files":["https://other.example/"]}"#, (400, 1015)),
    ];
    for (zone, auth, body, expected) in cases {
        assert_eq!(code(zone, auth, body), expected, "{zone} {auth:?} {body}");
    }
    let many = json!({"tags": vec!["x"; 101]}).to_string();
    assert_eq!(code(ZONE, Some(&bearer), &many), (400, 1014));
    let long = format!("{{\"tags\":[\"{}\"]}}", "x".repeat(3 << 20));
    assert_eq!(code(ZONE, Some(&bearer), &long), (413, 413));
}

#[test]
fn without_a_token_nobody_purges_over_the_api_and_ctl_does() {
    let site = Site::with("admin: {listen: \"127.0.0.1:0\"}\n");
    let (status, answer) = site.api(r#"{"purge_everything":true}"#);
    assert_eq!((status, answer["errors"][0]["code"].as_u64()), (403, Some(10000)));
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("admin.token_file"));
    site.miss(TARGET, "0");
    let ways: [&[&str]; 6] = [
        &["--everything"],
        &["--url", "https://test.example/other", "--url", "http://test.example/css/x.css?v=1"],
        &["--host", "test.example"],
        &["--prefix", "test.example/css/"],
        &["--tag", "red", "--tag", "blue"],
        &["--everything", "--soft"],
    ];
    for (round, way) in ways.iter().enumerate() {
        assert_eq!(site.hit(TARGET), round.to_string());
        let zone = if round % 2 == 0 { "test.example" } else { ZONE };
        let (code, said) = site.ctl(&[&["--zone", zone], *way].concat());
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(&format!("zone test.example (id {ZONE})")), "{said}");
        let visitor = site.visit(TARGET);
        site.origin.asked().answer(&(round + 1).to_string());
        assert_eq!(visitor.answer().body, (round + 1).to_string(), "{way:?}");
    }
    for (wrong, why) in [
        (&["--zone", "nobody.example", "--everything"][..], "there is no zone"),
        (&["--zone", "test.example", "--url", "nonsense"], "Unable to purge nonsense"),
        (&["--zone", "test.example", "--host", "other.example"], "not a host of zone"),
        (&["--zone", "test.example"], "required"),
    ] {
        let (code, said) = site.ctl(wrong);
        assert!(code != Some(0) && said.contains(why), "{wrong:?}: {said}");
    }
    assert_eq!(site.hit(TARGET), "6");
}

#[test]
fn the_sequence_goes_on_after_the_edge_was_killed() {
    let site = Site::new();
    let number = || {
        let (code, said) = site.ctl(&["--zone", "test.example", "--everything"]);
        assert_eq!(code, Some(0), "{said}");
        said.trim().rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let first = number();
    assert_eq!(number(), first + 1);
    signal(site.up.edge(), Signal::KILL);
    site.up.line_with("the edge is back");
    assert!(number() > first + 1);
    let log = site.folder.data_dir().join("purges.log");
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(log).unwrap().permissions()) & 0o777,
        0o600
    );
}

/// Two edges have the admin endpoint while one of them drains; whichever is told, both know.
#[test]
fn a_purge_reaches_both_edges_of_an_upgrade() {
    let site = Site::new();
    let old = site.up.edge();
    let holds = site.visit("/held");
    let held = site.origin.asked();
    let file = site.folder.file();
    let output = ask(&["upgrade", "-c", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_ne!(site.up.edge(), old);
    site.miss(TARGET, "0");
    for round in 0..20 {
        assert_eq!(site.hit(TARGET), round.to_string());
        site.purge(&every_way()[round % 5]);
        site.miss(TARGET, &(round + 1).to_string());
    }
    held.answer("held");
    assert_eq!(holds.answer().body, "held");
}
