//! Cores that are stuck, and edges that die again and again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is test code")]

mod stand;

use std::time::Duration;

use rustix::process::Signal;
use stand::process::{Stray, Stuck, edges, signal, stop, threads, variable};
use stand::{Folder, Origin, configuration, read};

fn boot_of(up: &stand::Up) -> String {
    let handover: serde_json::Value = serde_json::from_str(&variable(up.edge(), "REMPART_HANDOVER")).unwrap();
    handover["boot"].as_str().unwrap().to_owned()
}

#[test]
fn a_stuck_core_has_a_successor_and_the_other_cores_finish_what_they_have_begun() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    // Connections of the edge's own would be counted when ours are spread over its cores.
    let quiet = "release: {probe: false}\n";
    folder.write(&(configuration(origin.address, "root").replace("10000", "2000") + quiet));
    let up = folder.up();
    let old = Stray::of(up.edge());
    // They are spread over both cores.
    let open: Vec<_> = (0..4).map(|_| up.request("/held")).collect();
    open.iter().for_each(|_| origin.await_held());
    let stuck = Stuck::stop(threads(old.pid, "worker-")[0]);
    // By then the other core has noticed, and hands it no connections any more.
    old.lives_for(Duration::from_secs(1));
    // Some of these wait on the stuck core's socket.
    let waiting: Vec<_> = (0..20).map(|_| up.request("/")).collect();
    let line = up.line_with("a core is stuck: a successor takes over");
    assert!(
        ["core=", "release=", "zone=", "stage=", "rule="].iter().all(|name| line.contains(name)),
        "{line}"
    );
    up.line_with("the edge is back");
    assert_ne!(up.edge(), old.pid);
    for stream in waiting {
        assert!(read(stream).ends_with("from the origin"));
    }
    open.iter().for_each(|_| origin.release());
    up.line_with("did not drain in time and is killed");
    drop(stuck);
    old.await_end();
    let answered = open.into_iter().filter_map(|mut stream| std::io::read_to_string(&mut stream).ok());
    let answered = answered.filter(|answer| answer.ends_with("from the origin")).count();
    assert!(answered > 0, "those of the core that lived");
    assert_eq!(edges(up.pid()).len(), 1);
}

#[test]
fn an_edge_that_stands_still_as_a_whole_is_killed_once_its_successor_serves() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    // Its time to drain is longer than this test is patient.
    folder.write(&configuration(origin.address, "root").replace("10000", "3600000"));
    let up = folder.up();
    let old = Stray::of(up.edge());
    stop(old.pid);
    let waiting: Vec<_> = (0..20).map(|_| up.request("/")).collect();
    up.line_with("a core is stuck");
    up.line_with("the edge is back");
    for stream in waiting {
        assert!(read(stream).ends_with("from the origin"));
    }
    old.await_end();
    assert_eq!(edges(up.pid()).len(), 1);
}

#[test]
fn a_supervisor_that_slept_itself_takes_no_edge_for_stuck() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let up = folder.up();
    let edge = Stray::of(up.edge());
    stop(up.pid());
    stop(edge.pid);
    // Longer than any core may be silent.
    edge.lives_for(Duration::from_secs(4));
    signal(edge.pid, Signal::CONT);
    signal(up.pid(), Signal::CONT);
    assert!(up.answer("/").ends_with("from the origin"));
    signal(edge.pid, Signal::KILL);
    let lines = up.lines_until("the edge died: signal: 9");
    assert!(!lines.iter().any(|line| line.contains("stuck")), "{lines:?}");
}

#[test]
fn the_third_crash_soon_after_a_start_steps_back_and_counting_begins_anew() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let up = folder.up();
    let mut boots = Vec::new();
    for _ in 0..5 {
        boots.push(boot_of(&up));
        signal(up.edge(), Signal::KILL);
        up.line_with("the edge is back");
    }
    assert_eq!(boots, ["candidate", "stored", "stored", "step_back", "stored"]);
}

#[test]
fn lives_longer_than_the_window_do_not_add_up() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    folder.write(&(configuration(origin.address, "root") + "supervisor: {crash_window_ms: 1}\n"));
    let up = folder.up();
    for _ in 0..5 {
        signal(up.edge(), Signal::KILL);
        up.line_with("the edge is back");
        assert_eq!(boot_of(&up), "stored");
    }
}
