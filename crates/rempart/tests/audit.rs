//! What `audit.log` tells of what happened: what people did, and what happened by itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "all of it is test code")]

mod stand;

use std::fs;

use rempart_releases::Store;
use rustix::process::Signal;
use serde_json::Value;
use stand::process::signal;
use stand::{Folder, Origin, ask, configuration, text};

fn audit(folder: &Folder) -> Vec<Value> {
    let lines = fs::read_to_string(folder.data_dir().join("audit.log")).unwrap_or_default();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_kind(folder: &Folder, what: &str) -> Value {
    let audit = audit(folder);
    audit.iter().find(|line| line["what"] == what).unwrap_or_else(|| panic!("no {what}: {audit:?}")).clone()
}

#[test]
fn a_rollback_at_a_start_is_in_it() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let mut up = folder.up();
    up.signal(Signal::TERM);
    up.ended();
    Store::open(&folder.data_dir().join("releases"), 3).unwrap().finish_bake(1, false).unwrap();
    let up = folder.up();
    folder.write(&configuration(origin.address, "root").replace("[\"*\"]", "[\"*\", \"b.example\"]"));
    let output = ask(&["ctl", "-c", folder.file().to_str().unwrap(), "reload"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    signal(up.edge(), Signal::ABORT);
    up.line_with("crashed while it baked");
    let rollback = of_kind(&folder, "rollback");
    assert_eq!(rollback["details"]["from"], 2);
    assert!(rollback["why"].as_str().unwrap().contains("crashed while it baked"), "{rollback}");
}

#[test]
fn upgrades_are_in_it_whether_they_succeed_or_not() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let mut first = folder.up();
    let upgrade = |more: &[&str]| {
        let file = folder.file();
        ask(&[&["upgrade", "-c", file.to_str().unwrap()], more].concat())
    };
    assert!(!upgrade(&["--supervisor", "/bin/false", "--why", "a try"]).status.success());
    let failed = of_kind(&folder, "upgrade");
    assert_eq!((&failed["why"], &failed["details"]["ok"]), (&"a try".into(), &false.into()));
    let said = failed["details"]["answer"].as_str().unwrap();
    assert!(said.contains("ended before it served (exit status: 1)"), "{said}");
    first.line_with("ended before it served (exit status: 1)");

    assert!(upgrade(&["--why", "a new version"]).status.success());
    assert_eq!(audit(&folder).last().unwrap()["details"]["ok"], true);

    let second = folder.up_with(|command| {
        command.args(["--take-over", "--why", "a port more"]);
    });
    assert_eq!(first.ended().code(), Some(0));
    let taken_over = of_kind(&folder, "take-over");
    assert_eq!(
        (&taken_over["why"], &taken_over["pid"]),
        (&"a port more".into(), &second.pid().as_raw_nonzero().get().into())
    );
}
