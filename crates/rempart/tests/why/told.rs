//! What is told of requests that were answered.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use rempart_base::Now;
use rustix::process::Signal;
use serde_json::Value;

use crate::folder;
use crate::stand::process::signal;
use crate::stand::{Folder, Origin, PATIENCE, ask, configuration, rempart, text};

/// The answer to a request with these lines in its head.
fn answer(http: SocketAddr, first: &str, fields: &str) -> String {
    let mut stream = TcpStream::connect(http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{first} HTTP/1.1\r\nHost: test.example\r\n{fields}Connection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    text(&answer)
}

fn ray(answer: &str) -> &str {
    let from = answer.split("CF-Ray: ").nth(1).unwrap();
    from.split("\r\n").next().unwrap()
}

fn arguments<'a>(folder: &'a str, command: &[&'a str]) -> Vec<&'a str> {
    [&command[..1], &["-c", folder], &command[1..]].concat()
}

/// Runs a command on the folder's configuration.
fn run(folder: &Folder, command: &[&str]) -> (bool, String, String) {
    let output = ask(&arguments(folder.file().to_str().unwrap(), command));
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// The same, again and again until its output is as it should be: what was decided is written a moment later.
fn run_until(folder: &Folder, command: &[&str], is_so: impl Fn(&str) -> bool) -> String {
    let until = Now::mono() + PATIENCE;
    loop {
        let (_, out, error) = run(folder, command);
        if is_so(&out) {
            return out;
        }
        assert!(Now::mono() < until, "{command:?} says: {out}{error}");
    }
}

fn events(folder: &Folder, more: &[&str]) -> Vec<Value> {
    let (ok, out, error) = run(folder, &[&["events", "--json"], more].concat());
    assert!(ok, "{error}");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_a_rule_has_blocked_is_told_by_events_and_explained() {
    let origin = Origin::start();
    let folder = folder(origin.address);
    let mut up = folder.up();
    let blocked = answer(up.http, "GET /LogIn?x=1", "User-Agent: curl/8.9\r\n");
    assert!(blocked.starts_with("HTTP/1.1 403 "), "{blocked}");
    let passed = answer(up.http, "GET /old/a", "");
    assert!(passed.starts_with("HTTP/1.1 200 "), "{passed}");
    let bot = answer(up.http, "GET /", "User-Agent: BadBot/1.0\r\n");
    assert!(bot.starts_with("HTTP/1.1 403 "), "{bot}");

    let stolen = answer(up.http, "GET /a", "Authorization: Bearer stolen\r\n");
    assert!(stolen.starts_with("HTTP/1.1 403 "), "{stolen}");
    let shown = run_until(&folder, &["events", "--rule", "block-token"], |out| out.contains("matched"));
    assert!(shown.contains("authorization\"][*] = (not kept)") && !shown.contains("Bearer"), "{shown}");

    // While it serves.
    let shown = run_until(&folder, &["events"], |out| out.contains("block-login") && out.contains("BadBot"));
    let newest = shown.lines().next().unwrap();
    assert!(newest.contains("block-token"), "the newest comes first: {shown}");
    assert!(
        shown.contains(r#"matched ip.src = 127.0.0.1; lower(http.request.uri.path) = "/login""#),
        "{shown}"
    );
    let all = events(&folder, &[]);
    assert_eq!(all.len(), 3, "{all:?}");
    let event = &events(&folder, &["--rule", "block-login"])[0];
    assert_eq!(event["RayID"].as_str().unwrap(), &ray(&blocked)[..16]);
    for (key, value) in [
        ("Action", "block"),
        ("Source", "firewallCustom"),
        ("ZoneName", "test.example"),
        ("ClientIP", "127.0.0.1"),
        ("ClientRequestPath", "/LogIn"),
        ("ClientRequestQuery", "x=1"),
        ("ClientRequestUserAgent", "curl/8.9"),
        ("Description", "nobody logs in from outside"),
    ] {
        assert_eq!(event[key], value, "{key} in {event}");
    }
    assert_eq!((&event["EdgeResponseStatus"], &event["OriginResponseStatus"]), (&403.into(), &0.into()));
    for (filter, count) in [
        (["--zone", "test.example"], 3),
        (["--zone", "b.example"], 0),
        (["--action", "BLOCK"], 3),
        (["--action", "log"], 0),
        (["--ip", "127.0.0.1"], 3),
        (["--limit", "1"], 1),
        (["--limit", "0"], 0),
    ] {
        assert_eq!(events(&folder, &filter).len(), count, "{filter:?}");
    }

    let story = run_until(&folder, &["explain", ray(&blocked)], |out| out.contains("Answer"));
    for part in [
        "127.0.0.1, port ",
        "without TLS",
        "GET http://test.example/LogIn?x=1 in HTTP/1.1",
        "calls itself curl/8.9",
        "test.example, release 1",
        "block: block-login (firewallCustom): nobody logs in",
        r#"because ip.src = 127.0.0.1; lower(http.request.uri.path) = "/login""#,
        "no origin was asked",
        "403, text/html",
        " ms from its head",
    ] {
        assert!(story.contains(part), "{part} is not in {story}");
    }
    let story = run_until(&folder, &["explain", &ray(&passed)[..16]], |out| out.contains("Answer"));
    for part in ["rewrite: old-paths", "bypass: ", "answered 200", "200; "] {
        assert!(story.contains(part), "{part} is not in {story}");
    }

    // And with no edge running.
    up.signal(Signal::TERM);
    up.ended();
    assert_eq!(events(&folder, &[]).len(), 3);
    assert!(run(&folder, &["explain", ray(&blocked)]).1.contains("block-login"));
    let (ok, _, error) = run(&folder, &["explain", "0000000000000000"]);
    assert!(!ok && error.contains("nothing is known of 0000000000000000"), "{error}");
}

#[test]
fn events_outlive_a_restart_and_a_ring_that_is_broken() {
    let origin = Origin::start();
    let folder = folder(origin.address);
    let ring = folder.data_dir().join("events.ring");
    let mut up = folder.up();
    answer(up.http, "POST /login", "Content-Length: 0\r\n");
    run_until(&folder, &["events"], |out| out.contains("block-login") && out.contains("watch-posts"));
    // Visitors wait until the next edge serves.
    signal(up.edge(), Signal::KILL);
    answer(up.http, "GET /login", "");
    let three = run_until(&folder, &["events", "--json"], |out| out.lines().count() == 3);
    let numbers =
        three.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["Number"].as_u64().unwrap());
    assert_eq!(numbers.collect::<Vec<_>>(), [3, 2, 1]);
    up.signal(Signal::TERM);
    up.ended();
    drop(up);

    // The last event is torn, and the first has a bit that has flipped.
    let mut bytes = fs::read(&ring).unwrap();
    bytes[4096 + 100] ^= 4;
    bytes.truncate(3 * 4096 + 200);
    fs::write(&ring, &bytes).unwrap();
    assert_eq!(events(&folder, &[]).len(), 1);
    let up = folder.up();
    answer(up.http, "GET /login", "");
    run_until(&folder, &["events", "--json"], |out| out.lines().count() == 2);

    // Nothing of ours at all.
    drop(up);
    fs::write(&ring, b"\xff".repeat(10_000)).unwrap();
    let up = folder.up();
    answer(up.http, "GET /login", "");
    run_until(&folder, &["events", "--json"], |out| out.lines().count() == 1);
}

#[test]
fn a_log_is_read_from_a_file_or_from_standard_input() {
    let folder = Folder::new();
    folder.write(&configuration(SocketAddr::from(([127, 0, 0, 1], 9)), "root"));
    fs::create_dir(folder.data_dir()).unwrap();
    let line = |number: u64, host: &str| {
        format!(
            "{{\"RayID\":\"{number:016x}\",\"ClientRequestMethod\":\"GET\",\"ClientRequestHost\":\"{host}\",\
             \"ClientRequestScheme\":\"http\",\"ClientRequestURI\":\"/\",\"Fault\":\"unknown-host\"}}\n"
        )
    };
    let log = folder.path().join("old.log");
    fs::write(&log, line(1, "a.example") + &line(2, "b.example")).unwrap();
    let one = "0000000000000001";
    let (ok, out, error) = run(&folder, &["explain", one, "--log", log.to_str().unwrap()]);
    assert!(ok && out.contains("GET http://a.example/") && out.contains("unknown-host"), "{out}{error}");
    let file = folder.file();
    let mut child = rempart(&["explain", "-c", file.to_str().unwrap(), one, "--log", "-", "--json"])
        .stdin(fs::File::open(&log).unwrap())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(child.wait().unwrap().success());
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["log"]["ClientRequestHost"], "a.example");
    // Where the log is not kept, it is said what to do.
    let (ok, _, error) = run(&folder, &["explain", one]);
    assert!(!ok && error.contains("goes to standard output") && error.contains("--log -"), "{error}");
    assert!(!run(&folder, &["explain", "no-ray"]).0);
}

#[test]
fn no_event_is_kept_if_none_is_to_be() {
    let origin = Origin::start();
    let folder = folder(origin.address);
    let written = fs::read_to_string(folder.file()).unwrap();
    folder.write(&written.replacen("log:\n", "log:\n  security_events_max: 0\n", 1));
    let mut up = folder.up();
    assert!(answer(up.http, "GET /login", "").starts_with("HTTP/1.1 403 "));
    up.signal(Signal::TERM);
    up.ended();
    assert!(!folder.data_dir().join("events.ring").exists());
    let (ok, out, error) = run(&folder, &["events"]);
    assert!(ok && out.is_empty() && error.contains("no security event"), "{out}{error}");
}
