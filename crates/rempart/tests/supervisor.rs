//! The supervisor, seen from outside: one pid that stays, edges that come and go under it.

mod stand;

use std::io;
use std::net::TcpStream;
use std::process::Stdio;

use rustix::process::{PidfdFlags, Signal, kill_process, pidfd_open};
use stand::process::{stop_in_time, tasters};
use stand::{Folder, Origin, ask, await_end, read, rempart, text};

#[test]
fn an_edge_that_is_killed_is_followed_by_another_and_visitors_wait_for_it() {
    let origin = Origin::start();
    let (folder, mut edges) = (Folder::before(&origin), Vec::new());
    let up = folder.up();
    for _ in 0..3 {
        assert!(up.answer("/").ends_with("from the origin"));
        let edge = up.edge();
        assert!(!edges.contains(&edge), "each edge is a new process");
        kill_process(edge, Signal::KILL).unwrap();
        edges.push(edge);
        // Comes while nobody accepts, and is answered by the next edge.
        assert!(up.answer("/").ends_with("from the origin"));
        up.line_with("the edge is back");
    }
}

#[test]
fn sigterm_ends_it_with_code_0_and_leaves_nothing_behind() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let mut up = folder.up();
    let edge = pidfd_open(up.edge(), PidfdFlags::empty()).unwrap();
    up.signal(Signal::TERM);
    assert_eq!(up.ended().code(), Some(0));
    await_end(&edge);
    let refused = TcpStream::connect(up.http).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn an_open_exchange_is_finished_before_it_ends() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let mut up = folder.up();
    let open = up.request("/held");
    origin.await_held();
    up.signal(Signal::TERM);
    up.line_with("draining");
    origin.release();
    assert!(read(open).ends_with("from the origin"));
    assert_eq!(up.ended().code(), Some(0));
}

#[test]
fn a_second_ctrl_c_does_not_wait_for_open_exchanges() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let mut up = folder.up();
    let _open = up.request("/held");
    origin.await_held();
    up.signal(Signal::INT);
    up.line_with("draining");
    up.signal(Signal::INT);
    assert_eq!(up.ended().code(), Some(1));
}

#[test]
fn an_edge_does_not_outlive_its_supervisor() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let mut up = folder.up();
    let edge = pidfd_open(up.edge(), PidfdFlags::empty()).unwrap();
    up.signal(Signal::KILL);
    up.ended();
    await_end(&edge);
}

#[test]
fn an_edge_whose_log_nobody_reads_any_more_still_drains() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let mut up = folder.up_with(|command| {
        command.env("RUST_LOG", "debug");
    });
    up.stop_reading(|up| up.signal(Signal::HUP));
    up.signal(Signal::TERM);
    assert_eq!(up.ended().code(), Some(0));
}

#[test]
fn sighup_changes_what_is_served_and_no_process() {
    let (origin, other) = (Origin::start(), Origin::start());
    let folder = Folder::before(&origin);
    let up = folder.up_with(|command| {
        command.env("RUST_LOG", "debug");
    });
    let edge = up.edge();
    folder.write(&stand::configuration(other.address, "root"));
    up.signal(Signal::HUP);
    // The edge watches the file too; whichever comes second finds nothing changed.
    up.line_with("SIGHUP");
    let open = up.request("/held");
    other.await_held();
    other.release();
    assert!(read(open).ends_with("from the origin"));
    assert_eq!(up.edge(), edge);
}

#[test]
fn a_refused_configuration_ends_it_with_code_1_and_every_problem() {
    let folder = Folder::new();
    folder.write(
        "lisen: {}\ndata_dir: ./data\nzones:\n  - name: test.example\n    origins: [\"ftp://127.0.0.1\"]\n",
    );
    let output = ask(&["up", "-c", folder.file().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("rempart.yaml:1:1: error[unknown-key]"), "{said}");
    assert!(said.contains("rempart.yaml:5:"), "{said}");
    assert!(said.contains("is refused: "), "{said}");
}

#[test]
fn an_address_that_is_taken_ends_it_with_code_1_and_says_which() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let taken = origin.address.to_string();
    folder.write(&stand::configuration(origin.address, "root").replace("127.0.0.1:0", &taken));
    let output = ask(&["up", "-c", folder.file().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains(&format!("cannot listen on {taken}: another program listens there"))
    );
}

#[test]
fn a_taster_that_stands_still_is_killed_when_its_time_is_over() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    folder.write(&(stand::configuration(origin.address, "root") + "taster: {timeout_ms: 500}\n"));
    let up = folder.up();
    let file = folder.file();
    let reload = ["ctl", "-c", file.to_str().unwrap(), "reload", "--force"];
    let output = loop {
        let mut ctl = rempart(&reload).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Some end before they can be stopped.
        let mut stands = false;
        while !stands && ctl.try_wait().unwrap().is_none() {
            stands = tasters(up.pid()).into_iter().any(stop_in_time);
        }
        let output = ctl.wait_with_output().unwrap();
        if stands {
            break output;
        }
    };
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("had not ended after taster.timeout_ms"), "{said}");
    assert_eq!(tasters(up.pid()), []);
    assert!(up.answer("/").ends_with("from the origin"));
    assert_eq!(ask(&reload).status.code(), Some(0), "the next one is tasted");
}
