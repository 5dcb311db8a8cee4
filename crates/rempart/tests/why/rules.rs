//! `rempart rules test`: no edge, no network.

use std::fs;
use std::net::SocketAddr;
use std::process::Output;

use serde_json::Value;

use crate::folder;
use crate::stand::{Folder, ask, text};

/// Nobody listens there, and nobody is asked.
fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

fn test(folder: &Folder, more: &[&str]) -> Output {
    let file = folder.file();
    ask(&[&["rules", "test", "-c", file.to_str().unwrap()], more].concat())
}

fn request(folder: &Folder, request: &str, more: &[&str]) -> (String, Vec<Value>) {
    let file = folder.path().join("request.txt");
    fs::write(&file, request).unwrap();
    let arguments = [&["--request", file.to_str().unwrap()], more].concat();
    let shown = test(folder, &arguments);
    assert!(shown.status.success(), "{}", text(&shown.stderr));
    let told = test(folder, &[&arguments[..], &["--json"]].concat());
    let told = text(&told.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (text(&shown.stdout), told)
}

fn rule<'t>(told: &'t Value, name: &str) -> &'t Value {
    let steps = told["steps"].as_array().unwrap();
    steps.iter().find(|step| step["ref"] == name).unwrap_or_else(|| panic!("no {name}: {told}"))
}

#[test]
fn a_request_that_is_blocked_is_told_step_by_step() {
    let folder = folder(nowhere());
    let (shown, told) = request(
        &folder,
        "# ip: 203.0.113.9\n# scheme: http\nPOST /LOGIN HTTP/1.1\nHost: test.example\n\nuser=1\n",
        &[],
    );
    for part in [
        "POST /LOGIN HTTP/1.1",
        "from 203.0.113.9 over http",
        "zone test.example",
        "http_request_firewall_custom: 4 rules",
        "1. watch-posts (log) \u{201c}every POST is noted\u{201d}: matched",
        "true  http.request.method is \"POST\"",
        "2. block-login (block)",
        "lower(http.request.uri.path) is \"/login\"",
        "ip.src is 203.0.113.9",
        "-> the visitor gets 403: the edge's page",
        "2 of its rules were not reached",
        "no origin is asked",
        "HTTP/1.1 403 ",
        " steps, ",
    ] {
        assert!(shown.contains(part), "`{part}` is not in {shown}");
    }
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&told["answer"]["status"], &told["zone"]), (&403.into(), &"test.example".into()));
    assert_eq!(rule(told, "watch-posts")["verdict"], "matched");
    let block = rule(told, "block-login");
    assert!(block["cost"]["steps"].as_u64().unwrap() > 0, "{block}");
    assert_eq!(block["why"].as_array().unwrap().len(), 2);
}

#[test]
fn what_passes_is_shown_as_the_origin_and_the_visitor_get_it() {
    let folder = folder(nowhere());
    let (shown, told) =
        request(&folder, "GET /old/page?q=1 HTTP/1.1\nHost: test.example\n\n", &["--ip", "10.1.2.3"]);
    for part in [
        "from 10.1.2.3 over https",
        "old-paths (rewrite): matched",
        "-> the path becomes \"/new/page\"",
        "2. block-login (block)",
        "not matched",
        "the origin is asked",
        "GET /new/page?q=1 to http://127.0.0.1:9",
        "CF-Connecting-IP: 10.1.2.3",
        "HTTP/1.1 200 ",
    ] {
        assert!(shown.contains(part), "`{part}` is not in {shown}");
    }
    assert_eq!(rule(&told[0], "never-reached")["verdict"], "not_matched");
    // Addresses of the rule's prefix are let through.
    let (shown, _) = request(&folder, "GET /login HTTP/1.1\nHost: test.example\n\n", &["--ip", "10.1.2.3"]);
    assert!(
        shown.contains("true  ip.src in {10.0.0.0/8}: ip.src is 10.1.2.3") && shown.contains("HTTP/1.1 200 "),
        "{shown}"
    );
}

#[test]
fn what_is_no_ruleset_is_told_too() {
    let folder = folder(nowhere());
    let (shown, told) =
        request(&folder, "GET / HTTP/1.1\nHost: test.example\nUser-Agent: BadBot/1.0\n\n", &[]);
    assert!(shown.contains("uaBlock: "), "{shown}");
    assert!(shown.contains("http.user_agent = \"BadBot/1.0\""), "{shown}");
    assert_eq!(told[0]["answer"]["status"], 403);
}

#[test]
fn every_request_of_an_archive_is_tried() {
    let folder = folder(nowhere());
    let har = folder.path().join("site.har");
    fs::write(&har, include_str!("browser.har")).unwrap();
    let output = test(&folder, &["--har", har.to_str().unwrap(), "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("1 entries of"), "{}", text(&output.stderr));
    let told: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statuses: Vec<&Value> = told.iter().map(|told| &told["answer"]["status"]).collect();
    assert_eq!(statuses, [200, 403, 200], "{told:?}");
    assert_eq!(told[1]["request"], "POST https://test.example/login");
    assert!(
        told[0]["origin"].as_str().unwrap().contains("accept-language: de,en;q=0.7"),
        "{}",
        told[0]["origin"]
    );
    assert_eq!(rule(&told[2], "old-paths")["verdict"], "matched");
}

#[test]
fn what_is_wrong_is_said_and_is_a_failure() {
    let folder = folder(nowhere());
    let file = folder.path().join("request.txt");
    fs::write(&file, "GET / HTTP/1.1\nHost test.example\n").unwrap();
    let output = test(&folder, &["--request", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("request.txt:2: `Host test.example` is no header field"));
    assert_eq!(test(&folder, &["--request", "/nowhere"]).status.code(), Some(1));
    assert_eq!(test(&folder, &["--har", file.to_str().unwrap()]).status.code(), Some(1));
    assert_eq!(test(&folder, &["--zone", "b.example", "--request", "x"]).status.code(), Some(1));

    fs::write(&file, "GET / HTTP/1.1\n").unwrap();
    let written = fs::read_to_string(folder.file()).unwrap();
    folder.write(&written.replace("\"/old/\")", "/old/)").replace("eq \"POST\"", "eq 7"));
    let output = test(&folder, &["--request", file.to_str().unwrap(), "--zone", "test.example"]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.contains("^") && error.contains("2 problems"), "every mistake is said: {error}");
}

#[test]
fn a_request_that_is_no_http_and_one_for_nobody_are_answered_as_an_edge_does() {
    let folder = folder(nowhere());
    let written = fs::read_to_string(folder.file()).unwrap();
    folder.write(&written.replace("[\"*\"]", "[\"test.example\"]"));
    let (shown, told) = request(&folder, "GET / HTTP/1.1\nHost: other.example\n\n", &[]);
    assert!(shown.contains("no zone answers for the host `other.example`"), "{shown}");
    assert_eq!((&told[0]["answer"]["status"], &told[0]["zone"]), (&421.into(), &Value::Null));
    let (_, told) = request(&folder, "GET / HTTP/1.1\nHost: test.example\nBad Name: x\n\n", &[]);
    assert_eq!(told[0]["answer"]["status"], 400);
}
