//! Started as root, it serves as somebody else.

#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod stand;

use std::fs::{Permissions, metadata, read_to_string, set_permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rempart_base::Now;
use rempart_config::{Compiler, Source};
use rempart_releases::Store;
use rustix::process::{Pid, PidfdFlags, Signal, geteuid, pidfd_open};
use stand::process::{Stray, signal};
use stand::{Folder, Origin, Up, ask, await_end, configuration, text};

fn is_root() -> bool {
    let root = geteuid().is_root();
    if !root {
        println!("SKIPPED: only root can give root up");
    }
    root
}

/// The four ids (real, effective, saved, file system) of a process.
fn ids(pid: Pid, what: &str) -> Vec<u32> {
    let status = read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

/// One that the other account can look into.
fn open_folder() -> Folder {
    let folder = Folder::new();
    set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

fn nobody() -> u32 {
    let accounts = read_to_string("/etc/passwd").unwrap();
    let line = accounts.lines().find(|line| line.starts_with("nobody:")).unwrap();
    line.split(':').nth(2).unwrap().parse().unwrap()
}

#[test]
fn root_is_given_up_in_the_edge_and_data_dir_is_handed_over() {
    if !is_root() {
        return;
    }
    let (origin, folder) = (Origin::start(), open_folder());
    folder.write(&configuration(origin.address, "nobody"));
    // A link to somebody else's file must not hand that over.
    let foreign = folder.path().join("foreign");
    std::fs::write(&foreign, "").unwrap();
    std::fs::create_dir(folder.data_dir()).unwrap();
    symlink(&foreign, folder.data_dir().join("link")).unwrap();
    std::fs::hard_link(&foreign, folder.data_dir().join("hard")).unwrap();

    let mut up = folder.up();
    assert!(up.answer("/").ends_with("from the origin"));
    assert_eq!(ids(up.edge(), "Uid:"), [nobody(); 4]);
    assert!(!ids(up.edge(), "Groups:").contains(&0));
    assert_eq!(ids(up.pid(), "Uid:"), [0; 4]);
    assert_eq!(metadata(folder.data_dir()).unwrap().uid(), nobody());
    assert_eq!(metadata(folder.data_dir().join("ctl.sock")).unwrap().uid(), nobody());
    assert_eq!(metadata(&foreign).unwrap().uid(), 0);

    // The kernel forgets the bond to the parent when the account changes; it must have been renewed.
    let edge = pidfd_open(up.edge(), PidfdFlags::empty()).unwrap();
    up.signal(Signal::KILL);
    up.ended();
    await_end(&edge);
}

#[test]
fn keys_that_only_root_may_read_can_be_reloaded() {
    if !is_root() {
        return;
    }
    let (origin, folder) = (Origin::start(), open_folder());
    let configuration = configuration(origin.address, "nobody");
    folder.write(&configuration);
    let up = folder.up();
    // A certificate with its key: the edge's own, made root's.
    let pem = folder.path().join("private.pem");
    std::fs::write(&pem, std::fs::read(folder.data_dir().join("self-signed.pem")).unwrap()).unwrap();
    set_permissions(&pem, Permissions::from_mode(0o600)).unwrap();
    set_permissions(folder.file(), Permissions::from_mode(0o600)).unwrap();
    let certificate = "    certificates: [{cert: private.pem, key: private.pem}]\n";
    folder.write(&(configuration + certificate));
    let output = ask(&["ctl", "-c", folder.file().to_str().unwrap(), "reload"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(metadata(&pem).unwrap().uid(), 0);
    assert_eq!(ids(up.edge(), "Uid:"), [nobody(); 4]);
    // The next edge needs neither file.
    std::fs::remove_file(&pem).unwrap();
    signal(up.edge(), Signal::KILL);
    up.line_with("the edge is back");
    assert!(up.answer("/").ends_with("from the origin"));
}

/// What an edge that was broken into can do: the store is its account's.
fn forge(folder: &Folder, settings: &str) {
    let text = format!("{settings}{}", configuration("127.0.0.1:1".parse().unwrap(), "root"));
    let source = Source::Text { name: "forged".into(), text, folder: folder.path().into() };
    let body = Compiler::new(source).compile(Now::read()).unwrap().encode();
    let releases = folder.data_dir().join("releases");
    let mut store = Store::open(&releases, 1).unwrap();
    let release = store.publish(Store::stage(&releases, &body).unwrap()).unwrap();
    store.set_current(release.number).unwrap();
    store.finish_bake(release.number, false).unwrap();
}

#[test]
fn a_forged_release_makes_no_edge_root() {
    if !is_root() {
        return;
    }
    let (origin, folder) = (Origin::start(), open_folder());
    folder.write(&configuration(origin.address, "nobody"));
    let up = folder.up();
    forge(&folder, "");
    signal(up.edge(), Signal::KILL);
    up.line_with("the edge is back");
    assert_eq!(ids(up.edge(), "Uid:"), [nobody(); 4]);
    drop(up);
    // Nor where only the stored release says as whom to serve.
    forge(&folder, "log: {level: warn}\n");
    folder.write("nonsense");
    let up = folder.up();
    assert_eq!(ids(up.edge(), "Uid:"), [nobody(); 4]);
}

#[test]
fn a_forged_release_opens_no_file_as_root_and_a_log_that_the_operator_named_is_the_accounts() {
    if !is_root() {
        return;
    }
    let (origin, folder) = (Origin::start(), open_folder());
    let named = folder.path().join("access.log");
    let log = |path: &std::path::Path| format!("log: {{access: {{to: \"{}\"}}}}\n", path.display());
    folder.write(&format!("{}{}", log(&named), configuration(origin.address, "nobody")));
    let up = folder.up();
    assert_eq!(metadata(&named).unwrap().uid(), nobody());
    let planted = folder.path().join("planted");
    forge(&folder, &log(&planted));
    signal(up.edge(), Signal::KILL);
    up.line_with("access log");
    assert!(!planted.exists());
}

#[test]
fn a_log_that_is_named_without_a_folder_is_the_accounts_too() {
    if !is_root() {
        return;
    }
    let (origin, folder) = (Origin::start(), open_folder());
    folder
        .write(&format!("log: {{access: {{to: access.log}}}}\n{}", configuration(origin.address, "nobody")));
    let mut command = stand::rempart(&["up", "-c", "rempart.yaml"]);
    command.current_dir(folder.path());
    let _up = Up::start(command);
    assert_eq!(metadata(folder.path().join("access.log")).unwrap().uid(), nobody());
}

#[test]
fn an_edge_whose_program_may_bind_low_ports_does_not_outlive_its_supervisor() {
    if !is_root() {
        return;
    }
    let origin = Origin::start();
    let folder = Folder::new();
    set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    folder.write(&configuration(origin.address, "nobody"));
    let program = folder.path().join("rempart");
    std::fs::copy(stand::PROGRAM, &program).unwrap();
    let given = Command::new("setcap").arg("cap_net_bind_service=ep").arg(&program).status();
    if !given.is_ok_and(|status| status.success()) {
        return println!("SKIPPED: no capability can be given to a file here");
    }
    let mut command = Command::new(program);
    command.args(["up", "-c", folder.file().to_str().unwrap()]).uid(nobody()).gid(nobody());
    let mut up = Up::start(command);
    let edge = Stray::of(up.edge());
    up.signal(Signal::KILL);
    up.ended();
    edge.await_end();
}

#[test]
fn an_account_that_does_not_exist_refuses_the_start() {
    if !is_root() {
        return;
    }
    let origin = Origin::start();
    let folder = Folder::new();
    folder.write(&configuration(origin.address, "no-such-account"));
    let output = ask(&["up", "-c", folder.file().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("there is no account `no-such-account`"));
}
