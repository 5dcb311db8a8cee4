//! The taster as a process: what it makes of the operator's files, and what it leaves behind when it dies.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is test code")]

mod stand;

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use rempart_edge::taste::report::{Outcome, Report};
use rempart_releases::Store;
use stand::{Folder, Origin, rempart, text};

const HEAD: &str = "listen: {http: [\"127.0.0.1:0\"]}\nuser: root\ninclude: zones.d/*.yaml\n";

/// Three zones, each in a file of its own.
fn three_zones() -> Folder {
    let folder = Folder::new();
    folder.write(HEAD);
    fs::create_dir(folder.path().join("zones.d")).unwrap();
    ["a", "b", "c"].iter().for_each(|name| zone(&folder, name, "http://127.0.0.1:1"));
    folder
}

fn zone(folder: &Folder, name: &str, origin: &str) {
    let path = folder.path().join(format!("zones.d/{name}.yaml"));
    fs::write(path, format!("name: {name}.example\norigins: [\"{origin}\"]\n")).unwrap();
}

fn taste_with(folder: &Folder, more: &[&str]) -> Output {
    let (file, data_dir) = (folder.file(), folder.data_dir());
    let mut arguments = vec!["taste", "--data-dir", data_dir.to_str().unwrap()];
    if !more.contains(&"--stored") {
        arguments.extend(["-c", file.to_str().unwrap()]);
    }
    arguments.extend(more);
    rempart(&arguments).output().unwrap()
}

/// Tastes, and reads what was found.
fn taste(folder: &Folder, more: &[&str]) -> Report {
    let output = taste_with(folder, more);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    Report::read(&folder.data_dir()).unwrap()
}

fn store(folder: &Folder) -> Store {
    Store::open(&folder.data_dir().join("releases"), 3).unwrap()
}

/// Makes the candidate the release in force, as an edge does.
fn publish(folder: &Folder) -> u64 {
    let mut store = store(folder);
    let staged = store.candidate().unwrap().unwrap();
    let number = store.publish(staged.hash).unwrap().number;
    store.set_current(number).unwrap();
    number
}

#[test]
fn a_good_configuration_becomes_a_candidate_and_is_described() {
    let folder = three_zones();
    let report = taste(&folder, &[]);
    assert_eq!((report.outcome, report.why.as_deref(), report.zones), (Outcome::Good, None, 3));
    let staged = store(&folder).candidate().unwrap().unwrap();
    assert_eq!(report.hash, Some(staged.hash.to_string()));
    assert_eq!((report.checks.requests, report.checks.by_status), (24, [(200, 24)].into()));
    let settings = report.settings.unwrap();
    assert_eq!((settings.listen.len(), settings.user), (1, None));
    assert!(report.watched.contains(&folder.path().join("zones.d")), "{:?}", report.watched);
    for name in ["taste.json", "candidate"] {
        let mode = fs::metadata(folder.data_dir().join("releases").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_mistake_in_what_zones_share_refuses_the_whole_and_leaves_no_candidate() {
    let folder = three_zones();
    taste(&folder, &[]);
    publish(&folder);
    folder.write(&format!("{HEAD}listne: 1\nlimits: {{head_bytes_max: 1}}\n"));
    let report = taste(&folder, &[]);
    assert_eq!(report.outcome, Outcome::Refused);
    let codes: Vec<&str> = report.diagnostics.iter().map(|problem| problem.code.as_str()).collect();
    assert!(codes.contains(&"unknown-key") && report.diagnostics_count >= 2, "{codes:?}");
    assert!(report.diagnostics.iter().all(|problem| problem.line.is_some()));
    assert!(store(&folder).candidate().unwrap().is_none());
}

#[test]
fn a_mistake_in_one_zone_holds_that_zone_back_and_the_others_move_on() {
    let folder = three_zones();
    taste(&folder, &[]);
    let number = publish(&folder);
    zone(&folder, "a", "nonsense");
    zone(&folder, "b", "http://127.0.0.1:2");
    zone(&folder, "d", "nonsense");
    let report = taste(&folder, &[]);
    assert_eq!((report.outcome, report.why.as_deref(), report.held_count), (Outcome::Good, None, 2));
    let held: Vec<(&str, bool)> =
        report.held.iter().map(|held| (held.zone.as_str(), held.has_version)).collect();
    assert_eq!(held, [("a.example", true), ("d.example", false)]);
    assert!(report.held[0].file.ends_with("a.yaml") && report.held[0].diagnostics[0].line == Some(2));
    let difference = report.difference.unwrap();
    assert_eq!((difference.against, difference.changed), (number, vec!["b.example".to_owned()]));
    assert_eq!((difference.removed_count, difference.settings), (0, false));
}

#[test]
fn what_runs_already_is_not_asked_again_unless_that_is_wanted() {
    let folder = three_zones();
    taste(&folder, &[]);
    let number = publish(&folder);
    let report = taste(&folder, &[]);
    assert_eq!((report.outcome, report.release, report.checks.requests), (Outcome::Good, Some(number), 0));
    let report = taste(&folder, &["--force"]);
    assert_eq!((report.release, report.checks.requests), (Some(number), 3), "a page of each");
}

#[test]
fn the_stored_release_speaks_for_itself_when_the_files_cannot() {
    let folder = three_zones();
    assert_eq!(taste(&folder, &["--stored"]).outcome, Outcome::Refused, "nothing is stored");
    taste(&folder, &[]);
    let number = publish(&folder);
    folder.write("nonsense: [");
    assert_eq!(taste(&folder, &["--boot"]).outcome, Outcome::Refused);
    let report = taste(&folder, &["--stored"]);
    assert_eq!((report.outcome, report.release, report.zones), (Outcome::Good, Some(number), 3));
    assert_eq!(report.settings.unwrap().listen.len(), 1);
}

#[test]
fn without_a_place_to_write_to_it_fails() {
    let folder = three_zones();
    fs::write(folder.data_dir(), "a file").unwrap();
    let output = taste_with(&folder, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("data_dir"), "{}", text(&output.stderr));
}

#[test]
fn recent_requests_reach_the_taster_without_their_secrets() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let up = folder.up();
    let mut visitor = TcpStream::connect(up.http).unwrap();
    let request = "GET /page?token=Secret HTTP/1.1\r\nHost: test.example\r\nCookie: sid=Secret\r\n\
                   Authorization: Bearer Secret\r\nX-Api-Key: Secret\r\nAccept: text/html\r\n\
                   Connection: close\r\n\r\n";
    visitor.write_all(request.as_bytes()).unwrap();
    assert!(stand::read(visitor).starts_with("HTTP/1.1 200"));

    let changed = stand::configuration(origin.address, "root").replace("[\"*\"]", "[\"*\", \"b.example\"]");
    folder.write(&changed);
    let reload = stand::ask(&["ctl", "-c", folder.file().to_str().unwrap(), "reload"]);
    assert_eq!(reload.status.code(), Some(0), "{}", text(&reload.stderr));

    let samples = text(&fs::read(folder.data_dir().join("releases/samples")).unwrap());
    assert!(samples.contains("GET /page?token= HTTP/1.1\r\nHost: test.example\r\n"), "{samples}");
    assert!(!samples.contains("Secret"), "{samples}");

    drop(up);
    folder.write(&changed.replace("b.example", "c.example"));
    let report = taste(&folder, &[]);
    // Everything on the menu for the zone that has changed, and the one that was recent.
    assert_eq!((report.outcome, report.checks.requests, report.checks.answered), (Outcome::Good, 9, 9));
}

#[cfg(feature = "fault")]
mod faults {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, ExitStatus, Stdio};
    use std::time::Duration;

    use rempart_base::Now;

    use super::*;
    use crate::stand::PATIENCE;

    fn command(folder: &Folder, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rempart-fault"));
        command.args(["taste", "--data-dir"]).arg(folder.data_dir()).arg("-c").arg(folder.file()).args(more);
        command.stderr(Stdio::null());
        command
    }

    /// Tastes a loader that fails, after one that did not.
    fn taste_failing(does: &str, more: &[&str]) -> (ExitStatus, Option<Report>, bool) {
        let folder = three_zones();
        taste(&folder, &[]);
        folder.write(&format!("{HEAD}fault_loader: {{does: {does}, at: taster}}\n"));
        let status = command(&folder, more).status().unwrap();
        (status, Report::read(&folder.data_dir()).ok(), store(&folder).candidate().unwrap().is_some())
    }

    #[test]
    fn a_loader_that_panics_is_refused_with_the_reason() {
        let (status, report, has_candidate) = taste_failing("panic", &[]);
        assert_eq!(status.code(), Some(0));
        let report = report.unwrap();
        assert_eq!((report.outcome, has_candidate), (Outcome::Refused, false));
        let why = report.why.unwrap();
        assert!(why.contains("ended in a panic (the configuration asks for this panic at "), "{why}");
    }

    #[test]
    fn a_loader_that_hangs_is_refused_when_its_time_is_over() {
        let (status, report, _) = taste_failing("hang", &["--timeout-ms", "1500"]);
        assert_eq!(status.code(), Some(0));
        let report = report.unwrap();
        assert_eq!(report.outcome, Outcome::Refused);
        assert!(report.why.unwrap().contains("took longer than 1500 ms"));
    }

    #[test]
    fn a_loader_that_aborts_or_takes_all_memory_dies_and_leaves_no_report() {
        for (does, more) in [("abort", &[][..]), ("oom", &["--memory-bytes-max", "268435456"])] {
            let (status, report, has_candidate) = taste_failing(does, more);
            assert_eq!((status.code(), status.signal()), (None, Some(6)), "{does}");
            assert!(report.is_none() && !has_candidate, "{does}: what was there before must not be believed");
        }
    }

    #[test]
    fn a_stage_that_panics_or_hangs_is_refused_and_named() {
        for (does, said) in [("panic", "a panic in the stage test-closed"), ("loop", "no answer within")] {
            let folder = three_zones();
            let path = folder.path().join("zones.d/b.yaml");
            let faulty = format!(
                "name: b.example\norigins: [\"http://127.0.0.1:1\"]\ntest_stages: {{closed: {does}}}\n"
            );
            fs::write(path, faulty).unwrap();
            assert_eq!(command(&folder, &["--timeout-ms", "6000"]).status().unwrap().code(), Some(0));
            let report = Report::read(&folder.data_dir()).unwrap();
            assert_eq!(report.outcome, Outcome::Refused, "{does}");
            let why = report.why.unwrap();
            assert!(why.starts_with("zone b.example, GET / of ") && why.contains(said), "{why}");
            assert!(why.contains("test-closed"), "{why}");
        }
    }

    /// Killed at the end, however the test ends.
    struct Hanging(Child);

    impl Drop for Hanging {
        fn drop(&mut self) {
            self.0.kill().ok();
            self.0.wait().ok();
        }
    }

    #[test]
    fn the_bounds_are_those_of_the_real_process() {
        let folder = three_zones();
        folder.write(&format!("{HEAD}fault_loader: {{does: hang, at: taster}}\n"));
        let mut command = command(&folder, &["--memory-bytes-max", "268435456"]);
        let hanging = Hanging(command.spawn().unwrap());
        let proc = format!("/proc/{}", hanging.0.id());
        let has_entered = || fs::read_to_string(format!("{proc}/status")).unwrap().contains("Seccomp:\t2");
        let until = Now::mono() + PATIENCE;
        while !has_entered() {
            assert!(Now::mono() < until, "it never entered its bounds");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        let status = fs::read_to_string(format!("{proc}/status")).unwrap();
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
        let limits = fs::read_to_string(format!("{proc}/limits")).unwrap();
        let limit = |name: &str| {
            let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
            line[name.len()..].split_whitespace().next().unwrap().parse::<u64>().unwrap()
        };
        assert!((268_435_456..2 << 30).contains(&limit("Max address space")), "{limits}");
        assert_eq!((limit("Max core file size"), limit("Max cpu time")), (0, 62), "{limits}");
    }
}
