//! `rempart ctl`: what it asks an edge, what it says to people, and what it does where there is no edge.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "all of it is test code")]

mod stand;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread::JoinHandle;

use rempart_releases::{ReleaseHash, Store};
use rustix::process::Signal;
use serde_json::{Value, json};
use stand::{Folder, Origin, ask, configuration, text};

/// Something that listens where an edge would, and gives one answer.
struct FakeEdge(JoinHandle<Value>);

impl FakeEdge {
    fn answering(data_dir: &Path, answer: &str) -> Self {
        fs::create_dir_all(data_dir).unwrap();
        let socket = data_dir.join("ctl.sock");
        fs::remove_file(&socket).ok();
        let listener = UnixListener::bind(socket).unwrap();
        let answer = answer.to_owned();
        Self(std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            serde_json::from_str(&line).unwrap()
        }))
    }

    fn asked(self) -> Value {
        self.0.join().unwrap()
    }
}

/// Runs `rempart ctl` before an edge that gives this answer.
fn ctl(answer: &Value, arguments: &[&str]) -> (Value, Output) {
    let folder = Folder::new();
    let edge = FakeEdge::answering(&folder.data_dir(), &format!("{answer}\n"));
    let output = ask(&[&["ctl", "--data-dir", folder.data_dir().to_str().unwrap()], arguments].concat());
    (edge.asked(), output)
}

fn said(answer: &Value, arguments: &[&str]) -> String {
    let (_, output) = ctl(answer, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Three releases, of which the first two are good and the third is in force.
fn stored(data_dir: &Path) -> PathBuf {
    let folder = data_dir.join("releases");
    let mut store = Store::open(&folder, 3).unwrap();
    for number in 1..=3 {
        let hash = Store::stage(&folder, format!("body {number}").as_bytes()).unwrap();
        store.publish(hash).unwrap();
        store.set_current(number).unwrap();
        if number < 3 {
            store.finish_bake(number, number == 2).unwrap();
        }
    }
    folder
}

fn store(folder: &Path) -> Store {
    Store::open(folder, 3).unwrap()
}

#[test]
fn every_order_is_one_line_that_the_edge_can_read() {
    let none = "none given";
    for (arguments, line) in [
        ("status", json!({"command": "status"})),
        ("releases", json!({"command": "releases"})),
        ("diff", json!({"command": "diff", "from": null, "to": null})),
        ("diff 3 5", json!({"command": "diff", "from": 3, "to": 5})),
        ("pin 7 --why calm", json!({"command": "pin", "release": 7, "why": "calm"})),
        ("unpin", json!({"command": "unpin", "why": none})),
        ("rollback", json!({"command": "rollback", "to": null, "why": none})),
        ("rollback --to 4", json!({"command": "rollback", "to": 4, "why": none})),
        ("reload", json!({"command": "reload", "force": false, "confirm": null, "why": none})),
        (
            "reload --force --confirm 0",
            json!({"command": "reload", "force": true, "confirm": 0, "why": none}),
        ),
        ("confirm 12", json!({"command": "confirm", "removed": 12, "why": none})),
        (
            "stage off a.example waf",
            json!({"command": "stage", "zone": "a.example", "stage": "waf", "on": false, "why": none}),
        ),
        (
            "stage on a.example waf",
            json!({"command": "stage", "zone": "a.example", "stage": "waf", "on": true, "why": none}),
        ),
        ("drain", json!({"command": "drain", "on": true, "why": none})),
        ("drain --off", json!({"command": "drain", "on": false, "why": none})),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let (asked, output) = ctl(&json!({"ok": true}), &arguments);
        assert_eq!(asked, line);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        let (_, output) = ctl(&json!({"ok": false, "error": "not today"}), &arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(text(&output.stderr).contains("refused: not today\n"), "{}", text(&output.stderr));
    }
    for wrong in ["pin", "pin seven", "rollback 4", "stage away a b", "stage off a", "confirm"] {
        let arguments: Vec<&str> = ["ctl"].into_iter().chain(wrong.split(' ')).collect();
        assert_eq!(ask(&arguments).status.code(), Some(2), "{wrong}");
    }
    #[cfg(not(feature = "fault"))]
    assert_eq!(ask(&["ctl", "fault", "a", "b", "panic"]).status.code(), Some(2), "not in this program");
}

#[test]
fn releases_stand_in_columns() {
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let answer = json!({"ok": true, "releases": [
        {"number": 12, "hash": hash, "standing": "baking", "zones": 1000, "is_current": true, "is_canary": true,
            "is_pinned": false, "created_unix_ms": 1},
        {"number": 9, "hash": hash, "standing": "rolled back", "why": "too many errors", "zones": 998,
            "created_unix_ms": 0, "is_damaged": true},
        {"number": 8, "hash": hash, "standing": "good", "synthetic": true, "zones": 7, "is_pinned": true},
    ]});
    let text = said(&answer, &["releases"]);
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(next(), "RELEASE CONTENT STANDING ZONES AGE MARKS");
    assert!(next().starts_with("12 ba7816bf8f01 baking 1000 "));
    assert_eq!(next(), "9 ba7816bf8f01 rolled back 998 ? damaged");
    assert_eq!(next(), "why: too many errors");
    assert_eq!(next(), "8 ba7816bf8f01 good (probed) 7 ? pinned");
    let column = text.lines().map(|line| line.find("ba7816")).skip(1).collect::<Vec<_>>();
    assert_eq!(column, [Some(9), Some(9), None, Some(9)], "they are aligned:\n{text}");
    assert_eq!(said(&json!({"ok": true, "releases": []}), &["releases"]), "there are no releases yet\n");
}

#[test]
fn a_difference_names_zones_and_counts_those_that_it_does_not_name() {
    let many: Vec<String> = (0..30).map(|number| format!("{number}.example")).collect();
    let difference = json!({"added": many, "added_count": 5000, "changed": ["c.example"], "changed_count": 1,
        "removed": [], "removed_count": 0, "settings": true});
    let text = said(&json!({"ok": true, "from": 3, "to": 5, "difference": difference}), &["diff", "3", "5"]);
    assert!(text.starts_with("from release 3 to release 5:\n  + 0.example\n"), "{text}");
    assert!(text.contains("  + 19.example\n  + … and 4980 more\n  ~ c.example\n"), "{text}");
    assert!(text.ends_with("  zones: 5000 added, 1 changed, 0 removed; the settings differ\n"), "{text}");
}

#[test]
fn a_reload_says_what_has_changed_what_is_held_back_and_what_waits() {
    let answer = json!({"ok": true, "changed": true, "release": 5, "zones": 3,
        "difference": {"added": ["a.example"], "changed": [], "removed": [], "settings": false},
        "held": [
            {"zone": "b.example", "file": "zones.d/b.yaml", "line": 4, "has_version": true,
                "diagnostics": [{"severity": "error", "code": "unknown-key", "message": "no such key",
                    "file": "zones.d/b.yaml", "line": 4, "column": 3, "action": "remove it"}]},
            {"zone": "c.example", "file": "zones.d/c.yaml", "line": 1, "has_version": false, "diagnostics": []},
        ],
        "waiting_for_restart": ["listen"], "warnings": ["a warning"]});
    let (_, output) = ctl(&answer, &["reload"]);
    assert_eq!(output.status.code(), Some(1), "what the files say is not all in force");
    assert_eq!(
        text(&output.stdout),
        "reloaded: release 5 is in force, zones: 3; 2 zones are held back\n  + a.example\n  zones: 1 added, 0 changed, 0 removed\n\
         held back: zone b.example (zones.d/b.yaml:4): it keeps its last good version\n\
         \x20 zones.d/b.yaml:4:3: error[unknown-key]: no such key\n    to do:    remove it\n\
         held back: zone c.example (zones.d/c.yaml:1): it has no good version and answers 503\n\
         the change of `listen` takes effect when Rempart is started again\na warning\n"
    );
    let pending = json!({"ok": false, "pending": {"removed": 2, "of": 3},
        "error": "would remove 2 of 3 zones; if that is meant: `rempart ctl reload --confirm 2`"});
    let (_, output) = ctl(&pending, &["reload"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(text(&output.stderr).contains("reload --confirm 2"), "{}", text(&output.stderr));
}

#[test]
fn programs_get_the_answer_itself() {
    let answer = json!({"ok": false, "error": "no", "kind": "pinned"});
    let (_, output) = ctl(&answer, &["reload", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), answer);
}

#[test]
fn an_edge_that_does_not_answer_is_not_taken_for_no_edge() {
    let folder = Folder::new();
    let releases = stored(&folder.data_dir());
    for (answer, why) in [("", "closed without an answer"), ("nonsense\n", "answered nonsense")] {
        let edge = FakeEdge::answering(&folder.data_dir(), answer);
        let output = ask(&["ctl", "--data-dir", folder.data_dir().to_str().unwrap(), "pin", "1"]);
        edge.asked();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
    assert_eq!(store(&releases).pinned(), None);
}

#[test]
fn without_an_edge_the_stored_releases_are_worked_on_whatever_is_in_the_configuration() {
    let folder = Folder::new();
    folder.write("zones: [[[ {{ nonsense\ndata_dir: ./state\n\t: :");
    let data_dir = folder.path().join("state");
    let releases = stored(&data_dir);
    // One that has ended leaves its socket.
    drop(UnixListener::bind(data_dir.join("ctl.sock")).unwrap());
    let ctl = |arguments: &[&str]| {
        let output = ask(&[&["ctl", "-c", folder.file().to_str().unwrap()], arguments].concat());
        let error = text(&output.stderr);
        assert!(error.contains("no edge runs here: nobody listens on"), "{error}");
        (output.status.code(), text(&output.stdout), error)
    };

    let (code, list, error) = ctl(&["releases"]);
    assert_eq!(code, Some(0));
    assert!(error.contains("what follows is about the files in"), "{error}");
    let lines: Vec<String> =
        list.lines().map(|line| line.split_whitespace().take(4).collect::<Vec<_>>().join(" ")).collect();
    let hash = ReleaseHash::of(b"body 3").short();
    assert_eq!(lines[0], "RELEASE CONTENT STANDING AGE");
    assert!(lines[1].starts_with(&format!("3 {hash} baking")), "{list}");
    assert!(
        lines[2].ends_with("good (probed)") && lines[1].starts_with("3 ") && list.contains("next start"),
        "{list}"
    );
    assert!(!list.contains("in force"), "nothing runs: {list}");

    assert_eq!(ctl(&["pin", "1", "--why", "calm"]).1, "pinned: release 1 runs at the next start\n");
    assert_eq!(store(&releases).boot_order()[0].number, 1);
    let (code, _, error) = ctl(&["pin", "99"]);
    assert!(code == Some(1) && error.contains("refused: there is no release 99"), "{error}");
    assert!(ctl(&["unpin"]).1.starts_with("release 1 is no longer pinned"));
    assert_eq!(ctl(&["unpin"]).1, "nothing was pinned\n");

    store(&releases).set_current(3).unwrap();
    assert_eq!(ctl(&["rollback", "--why", "errors"]).1, "rolled back: release 4 runs at the next start\n");
    let after = store(&releases);
    assert_eq!(after.boot_order()[0].hash, ReleaseHash::of(b"body 2"));
    assert_eq!(after.is_bad(ReleaseHash::of(b"body 3")), Some("rolled back by hand: errors"));
    let (code, _, error) = ctl(&["rollback", "--to", "2"]);
    assert!(code == Some(1) && error.contains("runs its content already, as release 4"), "{error}");
    assert!(ctl(&["rollback", "--to", "1"]).0 == Some(0));

    let (code, _, error) = ctl(&["stage", "off", "a.example", "zone"]);
    assert!(
        code == Some(1) && error.contains("there is no stage \"zone\" that can be switched off"),
        "{error}"
    );
    store(&releases).set_switch("a.example", "waf", true).unwrap();
    assert!(
        ctl(&["stage", "on", "a.example", "waf"]).1.contains("is on for zone a.example from the next start")
    );
    assert_eq!(store(&releases).switches().count(), 0);

    let audit = fs::read_to_string(data_dir.join("audit.log")).unwrap();
    let audit: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let whats: Vec<&str> = audit.iter().map(|line| line["what"].as_str().unwrap()).collect();
    let acts = ["pin", "pin", "unpin", "unpin", "rollback", "rollback", "rollback", "stage", "stage"];
    assert_eq!(whats, acts, "each act, whether it succeeded or not");
    assert_eq!((&audit[0]["why"], &audit[0]["details"]["ok"]), (&json!("calm"), &json!(true)));
    assert_eq!(audit[1]["details"]["ok"], false);
    assert_eq!(audit[0]["details"]["is_offline"], true);
    assert_ne!(audit[0]["pid"], 0);
}

#[test]
fn the_next_start_obeys_what_was_ordered_without_an_edge() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let ctl = |arguments: &[&str]| {
        let output = ask(&[&["ctl", "-c", folder.file().to_str().unwrap()], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let mut up = folder.up();
    let two = configuration(origin.address, "root")
        .replace("zones:\n", "zones:\n  - name: b.example\n    origins: [\"http://127.0.0.1:9\"]\n");
    folder.write(&two);
    assert!(ctl(&["reload"]).contains("zones: 2\n"));
    assert!(ctl(&["releases"]).lines().nth(1).unwrap().trim_start().starts_with("2 "));
    up.signal(Signal::TERM);
    assert!(up.ended().success());

    folder.write("{{{ nonsense");
    assert_eq!(ctl(&["pin", "1"]), "pinned: release 1 runs at the next start\n");
    let up = folder.up();
    let answer: Value = serde_json::from_str(&ctl(&["releases", "--json"])).unwrap();
    let one = answer["releases"].as_array().unwrap().iter().find(|release| release["number"] == 1).unwrap();
    assert_eq!((&one["is_current"], &one["is_pinned"]), (&json!(true), &json!(true)));
    assert!(up.answer("/").starts_with("HTTP/1.1 200 "));
    assert!(ctl(&["rollback", "--to", "2"]).starts_with("rolled back: release 3 is in force, zones: 2"));
}

#[test]
fn a_canary_is_what_only_a_share_of_the_visitors_gets() {
    let origin = Origin::start();
    for (percent, is_canary) in [(50, true), (100, false)] {
        let folder = Folder::new();
        let one =
            configuration(origin.address, "root") + &format!("release: {{canary_percent: {percent}}}\n");
        folder.write(&one);
        let mut up = folder.up();
        up.signal(Signal::TERM);
        up.ended();
        store(&folder.data_dir().join("releases")).finish_bake(1, false).unwrap();
        let _up = folder.up();
        folder.write(&one.replace("[\"*\"]", "[\"*\", \"b.example\"]"));
        let ctl = |order: &[&str]| {
            let output = ask(&[&["ctl", "-c", folder.file().to_str().unwrap()], order].concat());
            assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
            text(&output.stdout)
        };
        assert!(ctl(&["reload"]).starts_with("reloaded: release 2"));
        let answer: Value = serde_json::from_str(&ctl(&["releases", "--json"])).unwrap();
        let canaries: Vec<&Value> =
            answer["releases"].as_array().unwrap().iter().map(|release| &release["is_canary"]).collect();
        assert_eq!(canaries, [is_canary, false], "{percent} %");
    }
}

#[test]
fn without_an_edge_the_rest_says_what_can_be_done() {
    let folder = Folder::new();
    let data_dir = folder.data_dir();
    let ctl = |arguments: &[&str]| {
        let output = ask(&[&["ctl", "--data-dir", data_dir.to_str().unwrap()], arguments].concat());
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()), "{arguments:?}");
        text(&output.stderr)
    };
    assert!(ctl(&["releases"]).contains("and there are no releases in"));
    assert!(!data_dir.exists(), "asking makes nothing");
    stored(&data_dir);
    for order in [["status"].as_slice(), &["reload"], &["confirm", "3"], &["diff"]] {
        assert!(ctl(order).contains("without an edge these work"), "{order:?}");
    }
    assert!(ctl(&["drain"]).contains("no edge runs here"));
    fs::write(data_dir.join("releases/00000002.release"), "nothing").unwrap();
    let output = ask(&["ctl", "--data-dir", data_dir.to_str().unwrap(), "releases"]);
    assert!(text(&output.stderr).contains("damaged: release 2: "), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).lines().any(|line| line.starts_with("      2") && line.ends_with("damaged"))
    );
}
