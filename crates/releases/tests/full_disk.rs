//! A disk without room. The test starts itself again, where the disk is full: in a tmpfs of its own (which
//! root may mount), and under a limit on the length of files, which everyone may set.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use rempart_releases::{Audit, ReleaseHash, Standing, Store, Who};
use serde_json::json;

const BODY_BYTES: usize = 200 * 1024;

/// Shell lines before the second part: `$0` is this program, `$TEST_FOLDER` where it works.
const TMPFS: &str = "mount -t tmpfs -o size=1300k none $TEST_FOLDER && TEST_PART=furnish $0 && \
    { dd if=/dev/zero of=$TEST_FOLDER/junk bs=4k 2>/dev/null; TEST_PART=full exec $0; }";
/// In blocks of 512 bytes: longer than the state, shorter than a release.
const LIMIT: &str = "TEST_PART=furnish $0 && trap '' XFSZ && ulimit -f 256 && TEST_PART=full exec $0";

#[test]
fn a_full_disk_leaves_what_was_there_and_what_can_be_said_about_it() {
    if let (Ok(part), Ok(folder)) = (std::env::var("TEST_PART"), std::env::var("TEST_FOLDER")) {
        return match part.as_str() {
            "furnish" => furnish(Path::new(&folder)),
            other => full(Path::new(&folder), other),
        };
    }
    run("sh", &[], LIMIT);
    if Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success()) {
        run("unshare", &["-m", "sh"], TMPFS);
    }
}

fn run(program: &str, before: &[&str], lines: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command
        .args(before)
        .arg("-c")
        .arg(lines)
        .arg(std::env::current_exe().unwrap())
        .env("TEST_FOLDER", folder.path());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{lines}\n{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

fn body(content: u8) -> Vec<u8> {
    vec![content; BODY_BYTES]
}

/// 1 and 2 are good, 3 is in force, and a fourth content is staged.
fn furnish(data_dir: &Path) {
    let folder = data_dir.join("releases");
    let mut store = Store::open(&folder, 3).unwrap();
    for number in 1..=3 {
        let hash = Store::stage(&folder, &body(number)).unwrap();
        assert_eq!(store.publish(hash).unwrap().number, u64::from(number));
        store.set_current(u64::from(number)).unwrap();
        if number < 3 {
            store.finish_bake(u64::from(number), false).unwrap();
        }
    }
    Store::stage(&folder, &body(4)).unwrap();
}

fn full(data_dir: &Path, _part: &str) {
    let folder = data_dir.join("releases");
    let refused = Store::stage(&folder, &body(5)).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::StorageFull | ErrorKind::FileTooLarge), "{refused}");
    let mut store = Store::open(&folder, 3).unwrap();
    assert!(store.damage().is_empty(), "{:?}", store.damage());
    let staged = store.candidate().unwrap().map(|staged| staged.hash);
    assert_eq!(staged, Some(ReleaseHash::of(&body(4))), "the old candidate is still there");

    // Everything that an operator does in such an hour.
    store.mark_bad(ReleaseHash::of(&body(3)), "the disk was full").unwrap();
    store.pin(1).unwrap();
    store.unpin().unwrap();
    store.set_switch("a.example", "test", true).unwrap();
    let back = store.roll_back(None, "the disk was full").unwrap();
    assert_eq!((back.number, back.hash), (4, ReleaseHash::of(&body(2))));
    let names = std::fs::metadata(folder.join("00000004.release")).unwrap().nlink();
    assert_eq!(names, 2, "a second name for the file, since there was no room for a copy");
    assert_eq!(store.publish(ReleaseHash::of(&body(4))).unwrap().number, 5, "that only takes a name");
    // The record may fail, and says so.
    let audit = Audit::of(data_dir).append(&Who::this_process(), "rollback", "full", &json!({}));
    assert!(audit.is_ok() || audit.is_err_and(|error| error.kind() == ErrorKind::StorageFull));

    let store = Store::open(&folder, 3).unwrap();
    assert!(store.damage().is_empty(), "{:?}", store.damage());
    let order: Vec<u64> = store.boot_order().iter().map(|release| release.number).collect();
    assert_eq!(order, [4, 2, 1, 5, 3]);
    assert_eq!(store.read(4).unwrap(), body(2));
    let good = store.list().into_iter().filter(|listed| matches!(listed.standing, Standing::Good { .. }));
    assert_eq!(good.count(), 3, "1, 2, and 4, which is 2 again");
    assert_eq!(store.switches().count(), 1);
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!files.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{files:?}");
}
