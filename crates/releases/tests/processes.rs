//! Several processes on one store: a taster that stages, an edge that publishes, a command line that acts.
//! The test starts itself again for the others.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rempart_base::Now;
use rempart_releases::{ReleaseHash, Store};

const STAGED: u32 = 150;
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_taster_an_edge_and_a_command_line_do_not_disturb_each_other() {
    if let (Ok(part), Ok(folder)) = (std::env::var("TEST_PART"), std::env::var("TEST_FOLDER")) {
        let folder = Path::new(&folder);
        return match part.as_str() {
            "taster" => taste(folder, STAGED),
            "taster for ever" => taste(folder, u32::MAX),
            _ => act(folder),
        };
    }
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("releases");
    let mut store = Store::open(&folder, 2).unwrap();
    let mut others = [start("taster", &folder), start("command line", &folder)];
    let last = ReleaseHash::of(&body(STAGED));
    let (deadline, mut newest) = (Now::mono() + PATIENCE, 0);
    loop {
        assert!(Now::mono() < deadline, "the last candidate never came");
        let Some(staged) = store.candidate().unwrap() else { continue };
        assert_eq!(ReleaseHash::of(&staged.body), staged.hash);
        // The taster may have put another in its place, and then that is said.
        let Ok(release) = store.publish(staged.hash) else { continue };
        assert!(release.number > newest && release.hash == staged.hash, "{release:?} after {newest}");
        assert_eq!(store.read(release.number).unwrap(), staged.body);
        newest = release.number;
        store.set_current(newest).unwrap();
        if staged.hash == last {
            break;
        }
    }
    for other in &mut others {
        assert!(other.wait().unwrap().success());
    }
    store.refresh();
    assert!(store.damage().is_empty(), "{:?}", store.damage());
    let switches: Vec<&str> = store.switches().map(|switch| switch.zone.as_str()).collect();
    assert_eq!(switches.len(), 100, "no change of the command line is lost");
    assert_eq!(store.current(), Some(newest), "nor of the edge");
}

#[test]
fn a_taster_that_is_killed_leaves_no_lock_and_no_litter() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("releases");
    let mut store = Store::open(&folder, 2).unwrap();
    for round in 0..20 {
        let mut taster = start("taster for ever", &folder);
        let deadline = Now::mono() + PATIENCE;
        while store.candidate().unwrap().is_none() {
            assert!(Now::mono() < deadline, "no candidate came");
        }
        taster.kill().unwrap();
        taster.wait().unwrap();
        let staged = store.candidate().unwrap().expect("a whole one");
        store.publish(staged.hash).unwrap();
        let hash = Store::stage(&folder, format!("after {round}").as_bytes()).unwrap();
        store.publish(hash).unwrap();
        assert!(!folder.join("candidate.tmp").exists());
    }
}

fn start(part: &str, folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_taster_an_edge_and_a_command_line_do_not_disturb_each_other"]);
    command.env("TEST_PART", part).env("TEST_FOLDER", folder).stdout(Stdio::null()).spawn().unwrap()
}

fn body(number: u32) -> Vec<u8> {
    number.to_le_bytes().repeat(2000)
}

fn taste(folder: &Path, count: u32) {
    for number in 1..=count {
        Store::stage(folder, &body(number)).unwrap();
    }
}

fn act(folder: &Path) {
    let mut store = Store::open(folder, 2).unwrap();
    for number in 0..100 {
        store.set_switch(&format!("{number}.example"), "test", true).unwrap();
    }
}
