//! `rempart up` on files that say little: what it begins with, and what it leaves behind where it does not begin.

#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod stand;

use std::fs;
use std::process::Output;

use rustix::process::Signal;
use stand::{Folder, Origin, ask, configuration, text};

fn up(folder: &Folder) -> Output {
    ask(&["up", "-c", folder.file().to_str().unwrap()])
}

#[test]
fn where_nobody_says_which_releases_are_meant_no_empty_store_is_made() {
    let folder = Folder::new();
    let refused = |case: &str| {
        let output = up(&folder);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{case}: {said}");
        assert!(said.contains("to do: ") && said.contains("--data-dir DIR"), "{case}: {said}");
    };
    refused("no file");
    assert!(!folder.data_dir().exists());
    for garbage in ["", "\u{1}\u{2}{{{ nonsense", "zones: []\n"] {
        folder.write(garbage);
        refused(garbage);
        assert!(!folder.data_dir().exists(), "{garbage:?}");
    }
    // A folder of somebody else's that happens to have this name stays as it is.
    fs::create_dir(folder.data_dir()).unwrap();
    fs::write(folder.data_dir().join("theirs"), "text").unwrap();
    refused("a folder without releases");
    let names: Vec<_> =
        fs::read_dir(folder.data_dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["theirs"]);
    fs::remove_file(folder.file()).unwrap();
    refused("no file, and a folder without releases");
}

#[test]
fn garbage_is_no_hindrance_where_releases_are_found() {
    let origin = Origin::start();
    let folder = Folder::new();
    let elsewhere = folder.path().join("elsewhere");
    let text = configuration(origin.address, "root");
    for (data_dir, garbage) in [("./elsewhere", ""), ("./data", "{{{ nonsense")] {
        folder.write(&text.replace("./data", data_dir));
        let mut first = folder.up();
        first.signal(Signal::TERM);
        first.ended();
        folder.write(garbage);
        let up = folder.up_with(|command| {
            if data_dir == "./elsewhere" {
                command.arg("--data-dir").arg(&elsewhere);
            }
        });
        assert!(up.answer("/").ends_with("from the origin"), "{data_dir}");
        // It still bakes: nobody has found it good yet.
        let says = "rempart: the configuration is not in force: the stored release is served instead";
        assert!(up.begun.iter().any(|line| line == says), "{:?}", up.begun);
    }
}

#[test]
fn a_file_that_names_no_data_dir_has_one_beside_it() {
    let origin = Origin::start();
    let folder = Folder::new();
    folder.write(&configuration(origin.address, "root").replace("data_dir: ./data\n", ""));
    let up = folder.up();
    assert!(up.answer("/").ends_with("from the origin"));
    assert!(folder.data_dir().join("releases").is_dir());
}

#[test]
fn a_start_that_fails_leaves_no_socket_behind() {
    let origin = Origin::start();
    let folder = Folder::new();
    folder.write(&format!(
        "log: {{access: {{to: /nowhere/at/all.log}}}}\n{}",
        configuration(origin.address, "root")
    ));
    assert_eq!(up(&folder).status.code(), Some(1));
    for name in ["supervisor.sock", "supervisor.sock.next"] {
        assert!(!folder.data_dir().join(name).exists(), "{name}");
    }
}
