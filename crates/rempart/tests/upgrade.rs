//! Another program takes over while visitors are served.

#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod stand;

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use stand::process::{Stray, children, cpu_ticks, edges, program, signal, stop};
use stand::{Folder, Origin, Up, ask, configuration, read, rempart, text};

/// The program once more, under another name.
fn copy(folder: &Folder, name: &str) -> PathBuf {
    let path = folder.path().canonicalize().unwrap().join(name);
    std::fs::copy(stand::PROGRAM, &path).unwrap();
    path
}

fn upgrade(folder: &Folder, more: &[&str]) -> Output {
    let file = folder.file();
    ask(&[&["upgrade", "-c", file.to_str().unwrap()], more].concat())
}

fn assert_ok(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn the_new_program_serves_and_the_old_edge_finishes_what_it_has_begun() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let up = folder.up();
    let old = Stray::of(up.edge());
    let open = up.request("/held");
    origin.await_held();
    let new_program = copy(&folder, "newer");
    assert_ok(&upgrade(&folder, &[new_program.to_str().unwrap()]));
    let new = up.edge();
    assert_ne!(new, old.pid);
    assert_eq!(program(new), new_program);
    assert!(up.answer("/").ends_with("from the origin"));
    assert_eq!(edges(up.pid()), [old.pid, new], "the old one still has an exchange");
    origin.release();
    assert!(read(open).ends_with("from the origin"));
    old.await_end();

    signal(new, Signal::KILL);
    up.line_with("the edge is back");
    assert_eq!(program(up.edge()), new_program, "later edges are of the new program too");
}

#[test]
fn a_program_that_fails_is_dropped_and_the_old_edge_goes_on() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    folder.write(&(configuration(origin.address, "root") + "upgrade: {ready_ms: 300}\n"));
    let up = folder.up();
    let edge = up.edge();
    // One ends at once, one never serves, one is no program, one is not there.
    let no_program = folder.path().join("text");
    std::fs::write(&no_program, "not a program").unwrap();
    for (program, why) in [
        (Path::new("/bin/false"), "exit status: 1"),
        (Path::new("/usr/bin/yes"), "does not serve after"),
        (&no_program, "cannot be started: Permission denied"),
        (Path::new("/no/such/program"), "No such file"),
    ] {
        let output = upgrade(&folder, &[program.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{program:?}");
        let said = text(&output.stderr);
        assert!(said.contains(why), "{program:?}: {said}");
        assert!(up.answer("/").ends_with("from the origin"));
        assert_eq!(up.edge_that_serves(), edge, "{program:?}");
    }
    signal(edge, Signal::KILL);
    up.line_with("the edge is back");
    assert_eq!(program(up.edge()), Path::new(stand::PROGRAM));
}

#[test]
fn without_a_name_it_is_what_stands_now_where_the_supervisor_was_started_from() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let path = copy(&folder, "installed");
    let mut command = std::process::Command::new(&path);
    command.args(["up", "-c", folder.file().to_str().unwrap()]).env_remove("NOTIFY_SOCKET");
    let up = Up::start(command);
    let first = std::fs::metadata(format!("/proc/{}/exe", up.edge().as_raw_nonzero())).unwrap();
    // As a package manager does it.
    let beside = copy(&folder, "installed.new");
    std::fs::rename(&beside, &path).unwrap();
    assert_ok(&upgrade(&folder, &[]));
    let second = std::fs::metadata(format!("/proc/{}/exe", up.edge().as_raw_nonzero())).unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_ne!(first.ino(), second.ino());
    assert_eq!(program(up.edge()), path);
}

#[test]
fn a_new_program_that_crashes_again_and_again_is_left_for_the_old_one() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let up = folder.up();
    let new_program = copy(&folder, "newer");
    assert_ok(&upgrade(&folder, &[new_program.to_str().unwrap()]));
    for _ in 0..3 {
        assert_eq!(program(up.edge()), new_program);
        signal(up.edge(), Signal::ABORT);
        up.line_with("the edge is back");
    }
    assert_eq!(program(up.edge()), Path::new(stand::PROGRAM));
    assert!(up.answer("/").ends_with("from the origin"));
}

#[test]
fn another_supervisor_takes_over_and_the_first_ends_with_code_0() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let mut first = folder.up();
    let address = first.http;
    let open = first.request("/held");
    origin.await_held();
    let second = Up::start(rempart(&["up", "--take-over", "-c", folder.file().to_str().unwrap()]));
    assert_eq!(second.http, address, "port 0 is the port that was inherited");
    first.line_with("another supervisor has taken over");
    assert!(second.answer("/").ends_with("from the origin"));
    origin.release();
    assert!(read(open).ends_with("from the origin"));
    assert_eq!(first.ended().code(), Some(0));
    assert!(second.answer("/").ends_with("from the origin"));
    // It is told things from now on.
    assert_ok(&upgrade(&folder, &[]));
    assert_ok(&ask(&["status", "-c", folder.file().to_str().unwrap()]));
}

#[test]
fn who_stops_a_supervisor_that_is_about_to_be_replaced_stops_both() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let mut up = folder.up();
    let file = folder.file();
    let mut asking = rempart(&["upgrade", "-c", file.to_str().unwrap(), "--supervisor"]).spawn().unwrap();
    let edge = up.edge();
    let heir = loop {
        match children(up.pid()).into_iter().find(|pid| *pid != edge) {
            Some(heir) => break Stray::of(heir),
            None => assert!(asking.try_wait().unwrap().is_none(), "nobody is started"),
        }
    };
    stop(heir.pid);
    up.signal(Signal::TERM);
    assert_eq!(up.ended().code(), Some(0));
    signal(heir.pid, Signal::CONT);
    heir.await_end();
    assert_eq!(asking.wait().unwrap().code(), Some(1));
}

#[test]
fn who_waits_in_a_backlog_while_supervisors_change_is_served() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let mut first = folder.up();
    // Nobody accepts: the first edge stands still, and the next is not there yet.
    stop(first.edge());
    let waiting: Vec<_> = (0..50).map(|_| first.request("/")).collect();
    let second = Up::start(rempart(&["up", "--take-over", "-c", folder.file().to_str().unwrap()]));
    for stream in waiting {
        assert!(read(stream).ends_with("from the origin"));
    }
    // It waits for its edge as for any other; a second order does not.
    first.signal(Signal::INT);
    first.ended();
    assert!(second.answer("/").ends_with("from the origin"));
}

#[test]
fn a_supervisor_replaces_itself() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let mut first = folder.up();
    let new_program = copy(&folder, "newer");
    let output = upgrade(&folder, &["--supervisor", new_program.to_str().unwrap()]);
    assert_ok(&output);
    let said = text(&output.stdout);
    let pid = said.split(' ').find_map(|word| Pid::from_raw(word.parse().ok()?)).expect(&said);
    let second = Stray::of(pid);
    assert_eq!(program(pid), new_program);
    assert_eq!(first.ended().code(), Some(0));
    assert!(first.answer("/").ends_with("from the origin"));
    assert_eq!(program(edges(pid)[0]), new_program);
    second.stop();
}

#[test]
fn a_supervisor_that_cannot_take_over_changes_nothing() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let up = folder.up();
    let output = upgrade(&folder, &["--supervisor", "/bin/false"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("this one goes on"), "{}", text(&output.stderr));

    // This one has been handed everything, and is killed before it serves.
    let call = stand::call::take_over(&folder);
    up.line_with("another supervisor has our sockets");
    drop(call);
    up.line_with("is gone: this one goes on");
    assert!(up.answer("/").ends_with("from the origin"));
    assert_eq!(children(up.pid()).len(), 1);
    assert_ok(&upgrade(&folder, &[]));
}

#[test]
fn a_second_supervisor_does_not_run_beside_the_first_on_the_same_folder() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let up = folder.up();
    let output = ask(&["up", "-c", folder.file().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("add --take-over"), "{}", text(&output.stderr));
    assert!(up.answer("/").ends_with("from the origin"));
}

#[test]
fn a_supervisor_that_waits_uses_no_time() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let up = folder.up();
    let _silent = stand::call::say(&folder, "");
    assert_ok(&upgrade(&folder, &[]));
    let supervisor = Stray::of(up.pid());
    let before = cpu_ticks(up.pid());
    supervisor.lives_for(Duration::from_secs(2));
    let used = cpu_ticks(up.pid()) - before;
    assert!(used <= 10, "{used} hundredths of a second in two seconds");
}

#[test]
fn without_a_supervisor_it_says_what_is_missing() {
    let folder = Folder::new();
    for arguments in [["upgrade"].as_slice(), &["up", "--take-over"]] {
        folder.write(&configuration(([127, 0, 0, 1], 1).into(), "root"));
        let file = folder.file();
        let output = ask(&[arguments, &["-c", file.to_str().unwrap()]].concat());
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("supervisor"), "{}", text(&output.stderr));
    }
}
