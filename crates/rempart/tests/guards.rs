//! What fails inside of the program costs one request: for each part that can fail, what the visitor sees,
//! what the operator is told, and that everybody else is served.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "all of it is test code")]

mod stand;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use serde_json::{Value, json};
use stand::{Folder, Origin, PATIENCE, Up};

/// An edge with one worker before one origin: `ill.test`, with these test stages, and `well.test`.
struct Ward {
    folder: Folder,
    origin: Origin,
    up: Up,
}

impl Ward {
    fn with(stages: &str) -> Self {
        Self::of(&format!("test_stages: {{{stages}}}"))
    }

    /// With this in `ill.test`.
    fn of(stages: &str) -> Self {
        let (folder, origin) = (Folder::new(), Origin::start());
        folder.write(&configuration(&origin, stages));
        let up = folder.up();
        Self { folder, origin, up }
    }

    /// Asks over the control socket. Between two edges nobody listens there for a moment.
    fn ctl(&self, order: &Value) -> Value {
        let (socket, begun) = (self.folder.data_dir().join("ctl.sock"), now());
        let mut stream = loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => break stream,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
            }
            std::thread::yield_now();
        };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        writeln!(stream, "{order}").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Has a place fail for `ill.test`, so many times.
    fn fail(&self, stage: &str, times: u32) {
        self.order(&json!({"zone": "ill.test", "stage": stage, "times": times}));
        // A visitor who is accepted later may be earlier: the worker takes from two queues. Not so once it has
        // been back to both.
        let before = self.status()["workers"][0]["accepted"].as_u64().unwrap();
        assert_eq!(self.ask("well.test", "/").0, 200);
        self.await_status(|status| status["workers"][0]["accepted"].as_u64().unwrap() > before);
    }

    /// Orders a panic.
    fn order(&self, place: &Value) {
        let mut order = json!({"command": "fault", "does": "panic"});
        order.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        let answer = self.ctl(&order);
        assert_eq!(answer["ok"], true, "{answer}");
    }

    fn status(&self) -> Value {
        self.ctl(&json!({"command": "status"}))["status"].take()
    }

    fn await_status(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = now();
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "{status:#}");
            std::thread::yield_now();
        }
    }

    /// How often this place has failed.
    fn count(&self, stage: &str) -> u64 {
        let status = self.status();
        let incidents = status["incidents"].as_array().unwrap();
        incidents.iter().filter(|one| one["stage"] == stage).map(|one| one["count"].as_u64().unwrap()).sum()
    }

    /// Status and whole text of an answer, on a connection of its own.
    fn ask(&self, host: &str, target: &str) -> (u16, String) {
        let mut stream = self.connect();
        send(&mut stream, host, target, "close");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        (status_of(&answer), answer)
    }

    /// What comes of a request, if anything does.
    fn try_ask(&self, host: &str, target: &str) -> String {
        let mut stream = self.connect();
        send(&mut stream, host, target, "close");
        let mut answer = String::new();
        // It may be reset as its process ends.
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.up.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Lines of the access log, once there is one that `is_it`.
    fn logged(&self, is_it: impl Fn(&Value) -> bool) -> Vec<Value> {
        let begun = now();
        loop {
            let log = std::fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default();
            let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            if lines.iter().any(&is_it) {
                return lines;
            }
            assert!(begun.elapsed() < PATIENCE, "{log}");
            std::thread::yield_now();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's patience has an end")]
fn now() -> Instant {
    Instant::now()
}

fn configuration(origin: &Origin, ill: &str) -> String {
    let origin = origin.address;
    format!(
        "listen:\n  http: [\"127.0.0.1:0\"]\ndata_dir: ./data\nworkers: 1\nuser: root\nadmin: {{listen: off}}\n\
         log: {{access: {{to: ./access.log}}}}\nzones:\n  \
         - {{name: ill.test, origins: [\"http://{origin}\"], {ill}}}\n  \
         - {{name: well.test, origins: [\"http://{origin}\"]}}\n"
    )
}

fn send(stream: &mut TcpStream, host: &str, target: &str, connection: &str) {
    // In one piece: of several, the kernel holds the second one back for 40 ms (RFC 896 and delayed ACKs).
    let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
}

fn status_of(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// One answer with a `Content-Length`, on a connection that stays.
fn receive(from: &mut BufReader<TcpStream>) -> String {
    let mut answer = String::new();
    let mut length = 0;
    loop {
        let begun = answer.len();
        assert!(from.read_line(&mut answer).unwrap() > 0, "it closed after {answer:?}");
        let line = &answer[begun..];
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).unwrap();
    answer + &String::from_utf8(body).unwrap()
}

#[test]
fn a_panic_costs_one_request_what_its_stage_declares_and_has_a_name() {
    let ward = Ward::with("");
    for (stage, status) in [("test-open", 200), ("test-closed", 500), ("test-stale", 500), ("loop", 500)] {
        ward.fail(stage, 1);
        // On one connection: it stays sound.
        let mut stream = BufReader::new(ward.connect());
        for expected in [status, 200] {
            send(stream.get_mut(), "ill.test", "/", "keep-alive");
            let answer = receive(&mut stream);
            assert_eq!(status_of(&answer), expected, "{stage}: {answer}");
            assert_eq!(answer.contains("Internal error"), expected == 500, "{answer}");
        }
        let line = ward.up.line_with("a panic; it cost one request");
        for part in ["release=1", "ill.test", stage, "made by order", "fault.rs"] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert_eq!((ward.count(stage), ward.ask("well.test", "/").0), (1, 200));
    }
    let status = ward.status();
    assert_eq!(status["panics"], 4);
    let incident = &status["incidents"][0];
    assert_eq!(
        (&incident["kind"], &incident["zone"], &incident["release"]),
        (&json!("panic"), &json!("ill.test"), &json!(1))
    );
    assert_eq!((&incident["stage"], &incident["rule"]), (&json!("loop"), &json!("made by order")));
    let log = ward.logged(|line| line["Fault"] == "panic");
    assert!(log.iter().any(|line| line["EdgeResponseStatus"] == 500 && line["ZoneName"] == "ill.test"));
}

#[test]
fn a_panic_in_a_phase_of_rules_refuses_that_request_alone() {
    let ward = Ward::of(
        "rulesets: [{phase: http_request_firewall_custom, rules: [{expression: 'http.request.uri.path eq \"/secret\"', \
         action: block}]}, {phase: http_response_headers_transform, rules: [{expression: 'true', action: rewrite, \
         action_parameters: {headers: {X-Rule: {operation: set, value: ran}}}}]}, {phase: http_log_custom_fields, \
         rules: [{expression: 'true', action: log_custom_field, action_parameters: {request_fields: [{name: host}]}}]}]",
    );
    for (stage, status) in [("firewall-custom", 500), ("response-headers", 500), ("log-fields", 200)] {
        ward.fail(stage, 1);
        // On one connection: it stays sound, and the rules run as before.
        let mut stream = BufReader::new(ward.connect());
        for (target, expected) in [("/", status), ("/", 200), ("/secret", 403)] {
            send(stream.get_mut(), "ill.test", target, "keep-alive");
            let answer = receive(&mut stream);
            assert_eq!(status_of(&answer), expected, "{stage}: {answer}");
            assert_eq!(answer.contains("from the origin"), expected == 200, "{answer}");
            assert_eq!(answer.contains("Internal error"), expected == 500, "{answer}");
            if expected != 500 {
                assert!(answer.contains("X-Rule: ran"), "{stage}: {answer}");
            }
        }
        let line = ward.up.line_with("a panic; it cost one request");
        assert!(line.contains("ill.test") && line.contains(stage), "{line}");
        assert_eq!((ward.count(stage), ward.ask("well.test", "/").0), (1, 200));
    }
    assert_eq!(ward.status()["panics"], 3);
}

#[test]
fn what_is_stored_answers_for_a_stage_that_may_be_stale_but_not_what_must_be_asked_about() {
    let ward = Ward::with("");
    for target in ["/stored.css", "/asks.css"] {
        assert_eq!(ward.ask("ill.test", target).0, 200);
    }
    for (target, status) in [("/stored.css", 200), ("/asks.css", 500), ("/new.css", 500)] {
        ward.fail("test-stale", 1);
        let (answered, answer) = ward.ask("ill.test", target);
        assert_eq!(
            (answered, answer.contains("CF-Cache-Status: STALE")),
            (status, status == 200),
            "{answer}"
        );
    }
}

#[test]
fn a_panic_before_a_zone_is_known_is_answered_too() {
    let ward = Ward::with("");
    ward.order(&json!({"zone": "", "stage": "zone"}));
    while ward.count("zone") == 0 {
        let (status, answer) = ward.ask("well.test", "/");
        assert!([200, 500].contains(&status), "{answer}");
    }
    assert_eq!(ward.ask("well.test", "/").0, 200);
    assert_eq!(ward.status()["incidents"][0]["zone"], "");
}

#[test]
fn a_panic_outside_of_stages_costs_one_answer_and_its_connection() {
    let ward = Ward::with("");
    ward.fail("pass", 1);
    let (status, answer) = ward.ask("ill.test", "/before");
    assert_eq!(status, 500, "no head had left: {answer}");
    assert!(answer.contains("Connection: close") && answer.contains("Internal error"), "{answer}");

    ward.fail("deliver", 1);
    let (_, answer) = ward.ask("ill.test", "/begun");
    assert!(!answer.contains("from the origin"), "the head had been written: {answer}");

    ward.fail("pass", 1);
    ward.fail("page", 1);
    assert_eq!(ward.ask("ill.test", "/page").1, "", "no page of a page that panics");

    ward.fail("record", 1);
    assert_eq!(ward.ask("ill.test", "/record").0, 200);

    for (stage, count) in [("exchange", 3), ("page", 1), ("record", 1)] {
        assert_eq!(ward.count(stage), count, "{stage}");
    }
    assert_eq!((ward.ask("ill.test", "/after").0, ward.ask("well.test", "/").0), (200, 200));
    let log = ward.logged(|line| line["ClientRequestPath"] == "/after");
    for (path, status) in [("/before", 500), ("/begun", 200), ("/page", 0)] {
        let line = log.iter().find(|line| line["ClientRequestPath"] == path);
        let line = line.unwrap_or_else(|| panic!("no line for {path}"));
        assert_eq!((&line["Fault"], &line["EdgeResponseStatus"]), (&json!("panic"), &json!(status)));
    }
}

#[test]
fn a_stage_that_is_open_and_keeps_failing_is_left_out_until_the_next_release() {
    let ward = Ward::with("");
    ward.fail("test-open", 100);
    for _ in 0..8 {
        assert_eq!(ward.ask("ill.test", "/").0, 200);
    }
    assert_eq!(ward.count("test-open"), 5, "the fifth failure is the last");
    ward.up.line_with("left out for this zone");
    let left_out = ward.status()["stages_left_out"].take();
    assert_eq!((&left_out[0]["zone"], &left_out[0]["stage"]), (&json!("ill.test"), &json!("test-open")));

    let more = "  - {name: new.test, origins: [\"http://127.0.0.1:1\"]}\n";
    ward.folder.write(&(configuration(&ward.origin, "test_stages: {}") + more));
    let answer = ward.ctl(&json!({"command": "reload"}));
    assert_eq!(answer["ok"], true, "{answer}");
    ward.up.line_with("is tried again");
    assert_eq!((ward.ask("ill.test", "/").0, ward.count("test-open")), (200, 6));
    assert_eq!(ward.status()["stages_left_out"], json!([]));
}

#[test]
fn a_stage_that_protects_is_never_left_out_but_by_an_operator() {
    let ward = Ward::with("");
    ward.fail("test-closed", 100);
    for _ in 0..12 {
        assert_eq!(ward.ask("ill.test", "/").0, 500);
    }
    assert_eq!((ward.count("test-closed"), ward.status()["stages_left_out"].take()), (12, json!([])));

    let switch = |on: bool| json!({"command": "stage", "zone": "ill.test", "stage": "test-closed", "on": on});
    assert_eq!(ward.ctl(&switch(false))["ok"], true);
    await_answer(&ward, 200);
    assert_eq!(ward.ctl(&switch(true))["ok"], true);
    await_answer(&ward, 500);
    let refused = ward.ctl(&json!({"command": "stage", "zone": "ill.test", "stage": "zone", "on": false}));
    assert_eq!(refused["ok"], false, "nobody may switch that off");
}

fn await_answer(ward: &Ward, status: u16) {
    let begun = now();
    while ward.ask("ill.test", "/").0 != status {
        assert!(begun.elapsed() < PATIENCE, "never {status}");
    }
}

#[test]
fn a_stage_that_uses_up_its_time_is_broken_off() {
    let ward = Ward::with("burn_us: 20000000, at: edge");
    let (status, answer) = ward.ask("ill.test", "/");
    assert_eq!(status, 500, "{answer}");
    assert!(answer.contains("too long"), "{answer}");
    let line = ward.up.line_with("used up its time");
    assert!(line.contains("test-burn") && line.contains("test.burn_us"), "{line}");
    let overrun = &ward.status()["incidents"][0];
    assert_eq!((&overrun["kind"], &overrun["count"]), (&json!("overrun"), &json!(1)));
    ward.logged(|line| line["Fault"] == "stage-overrun");
}

/// The second to come after a piece that took long could be served before it by chance; three of them, one
/// after the other, cannot.
#[test]
fn between_two_pieces_of_a_stage_others_are_served() {
    let ward = Ward::with("burn_us: 40000, at: edge");
    let (mut slow, mut quick) = (ward.connect(), BufReader::new(ward.connect()));
    let begun = now();
    for attempt in 0.. {
        let target = format!("/slow-{attempt}");
        send(&mut slow, "ill.test", &target, "keep-alive");
        for _ in 0..3 {
            send(quick.get_mut(), "well.test", &format!("/quick-{attempt}"), "keep-alive");
            assert_eq!(status_of(&receive(&mut quick)), 200);
        }
        let mut head = [0; 12];
        slow.read_exact(&mut head).unwrap();
        let log = ward.logged(|line| line["ClientRequestPath"] == *target);
        let before = log.iter().take_while(|line| line["ClientRequestPath"] != *target);
        if before.filter(|line| line["ClientRequestPath"] == format!("/quick-{attempt}")).count() == 3 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "it holds the core");
        slow = ward.connect();
    }
}

#[test]
fn a_worker_survives_panics_of_its_own_and_what_it_cannot_survive_ends_the_process() {
    let ward = Ward::with("");
    ward.order(&json!({"zone": "", "stage": "tick", "times": 2}));
    ward.await_status(|status| {
        status["incidents"][0]["stage"] == "tick" && status["incidents"][0]["count"] == 2
    });
    assert_eq!(ward.ask("well.test", "/").0, 200);
    let edge = ward.status()["pid"].take();
    ward.order(&json!({"zone": "", "stage": "worker"}));
    ward.up.line_with("a worker's thread panicked");
    // Whoever comes meanwhile waits in the backlog for the next edge.
    assert_eq!(ward.ask("well.test", "/").0, 200);
    assert_ne!(ward.status()["pid"], edge);
}

#[test]
fn what_cannot_be_caught_has_a_name_too() {
    for (stage, does) in [("test-open", "abort"), ("test-closed", "loop"), ("test-stale", "oom")] {
        let ward = Ward::with("");
        let edge = ward.status()["pid"].take();
        ward.order(&json!({"zone": "ill.test", "stage": stage, "does": does}));
        // The order may be a moment behind; an answer is one that came before it.
        while ward.try_ask("ill.test", "/").contains(" 200 ") {}
        let line = ward.up.line_with(stage);
        for part in ["ill.test", "made by order", "release=1"] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert_eq!(ward.ask("well.test", "/").0, 200, "the next edge serves");
        ward.await_status(|status| status["pid"] != edge);
    }
}
