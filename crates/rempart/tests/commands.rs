//! The commands beside `up`, as a person or a script uses them.

mod stand;

use stand::{Folder, Origin, Up, ask, configuration, rempart, text};

const TWO_MISTAKES: &str =
    "listen: {http: [\"127.0.0.1:0\"]}\nzones:\n  - name: test.example\n    origns: []\n";

#[test]
fn check_says_how_many_zones_there_are() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let output = ask(&["check", folder.file().to_str().unwrap()]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "ok: 1 zone\n".to_owned()));
}

#[test]
fn check_lists_every_problem_as_json_too() {
    let folder = Folder::new();
    folder.write(TWO_MISTAKES);
    let output = ask(&["check", "-c", folder.file().to_str().unwrap(), "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["ok"], false);
    let codes: Vec<&str> =
        answer["diagnostics"].as_array().unwrap().iter().map(|d| d["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"unknown-key") && codes.contains(&"missing-key"), "{codes:?}");
    assert!(answer["diagnostics"].as_array().unwrap().iter().all(|d| d["line"].is_u64()));
}

#[test]
fn check_tells_a_zone_that_would_be_held_back_from_a_refusal() {
    let folder = Folder::new();
    let check = |text_of_file: &str, more: &[&str]| {
        folder.write(text_of_file);
        let output = ask(&[&["check", folder.file().to_str().unwrap()], more].concat());
        assert_eq!(output.status.code(), Some(1), "{text_of_file}");
        if more.is_empty() { text(&output.stderr) } else { text(&output.stdout) }
    };
    let zone = |name: &str, key: &str| format!("  - {{name: {name}, {key}: [\"http://127.0.0.1:9\"]}}\n");
    let good = zone("a.example", "origins") + &zone("b.example", "origins");
    let held = format!("listen: {{http: [\"127.0.0.1:0\"]}}\nzones:\n{good}{}", zone("c.example", "origns"));
    let said = check(&held, &[]);
    assert!(said.contains("error[unknown-key]") && !said.contains("refused"), "{said}");
    assert!(
        said.contains("1 zone would be held back") && said.ends_with("2 zones would be served as written\n"),
        "{said}"
    );
    let answer: serde_json::Value = serde_json::from_str(&check(&held, &["--format", "json"])).unwrap();
    assert_eq!((&answer["ok"], &answer["zones"], &answer["held"]), (&false.into(), &2.into(), &1.into()));

    let said = check(&format!("workers: none\n{held}"), &[]);
    assert!(said.contains("the configuration is refused: ") && !said.contains("held back"), "{said}");
}

#[test]
fn ctl_reload_applies_what_is_right_and_refuses_what_is_wrong() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let up = folder.up();
    let file = folder.file();
    let reload = || ask(&["ctl", "-c", file.to_str().unwrap(), "reload"]);

    folder.write(&configuration(origin.address, "root").replace("[\"*\"]", "[\"*\", \"b.example\"]"));
    let output = reload();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("in force"), "{}", text(&output.stdout));

    folder.write(&format!("data_dir: ./data\n{TWO_MISTAKES}"));
    let output = reload();
    assert_eq!(output.status.code(), Some(1), "the only zone keeps its version: {}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("; 1 zone is held back\n"), "{said}");
    assert!(said.contains("held back: zone test.example"), "{said}");
    assert!(said.contains("error[unknown-key]") && said.contains("error[missing-key]"), "{said}");

    folder.write(&format!("data_dir: ./data\nworkers: none\n{TWO_MISTAKES}"));
    let output = reload();
    assert_eq!(output.status.code(), Some(1), "what zones share refuses all of it");
    let said = text(&output.stderr);
    assert!(said.contains("error[wrong-type]") && said.contains("error[missing-key]"), "{said}");
    assert!(up.answer("/").ends_with("from the origin"), "what ran goes on");
}

#[test]
fn status_tells_people_and_programs() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let _up = folder.up();
    let data_dir = folder.data_dir();
    let output = ask(&["status", "--data-dir", data_dir.to_str().unwrap(), "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["zones"], 1);
    let output = ask(&["status", "--data-dir", data_dir.to_str().unwrap()]);
    assert!(text(&output.stdout).contains("zones: 1\n"), "{}", text(&output.stdout));
}

#[test]
fn status_begins_with_what_a_person_wants_to_know() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let _up = folder.up();
    let file = folder.file();
    let told = || {
        let output = ask(&["status", "-c", file.to_str().unwrap()]);
        let said = text(&output.stdout);
        let (short, details) = said.split_once("\n\n").unwrap();
        assert!(details.starts_with("version: ") || details.contains("\nversion: "), "{said}");
        short.to_owned()
    };
    let reload = |text_of_file: &str| {
        folder.write(text_of_file);
        ask(&["ctl", "-c", file.to_str().unwrap(), "reload"]);
        told()
    };
    let short = told();
    assert!(short.starts_with("release 1 is in force, baking: ") && short.ends_with("\nzones: 1"), "{short}");
    let good = configuration(origin.address, "root");
    let short = reload(&good.replace("origins", "origns"));
    assert!(
        short.contains("zones: 1, held back: 1\n  test.example keeps its last good version: "),
        "{short}"
    );
    assert!(short.ends_with("rempart.yaml:11: `origins` is missing"), "{short}");
    let short = reload(&good.replace("workers: 2", "workers: none"));
    assert!(short.contains("the last change is refused, ") && short.contains("rempart.yaml:4: "), "{short}");
}

#[test]
fn without_an_edge_ctl_says_what_is_missing() {
    let folder = Folder::new();
    let output = ask(&["ctl", "--data-dir", folder.path().to_str().unwrap(), "reload"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no edge runs here: there is no "));
}

#[test]
fn proxy_serves_an_origin_without_a_file() {
    let origin = Origin::start();
    let state = Folder::new();
    let mut command =
        rempart(&["proxy", "--from", "127.0.0.1:0", "--to", &format!("http://{}", origin.address)]);
    command.env("XDG_STATE_HOME", state.path());
    let up = Up::start(command);
    assert!(up.answer("/").ends_with("from the origin"));
}

#[test]
fn proxy_refuses_a_target_that_is_no_url() {
    let state = Folder::new();
    let mut command = rempart(&["proxy", "--from", "127.0.0.1:0", "--to", "nowhere\" ]\nx: y"]);
    let output = command.env("XDG_STATE_HOME", state.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!text(&output.stderr).is_empty());
}

#[test]
fn an_edge_without_a_supervisor_says_so() {
    let output = ask(&["edge"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("use `rempart up` instead"));
}

/// What makes the program fail on purpose is not in it at all, and not only switched off.
#[cfg(not(feature = "fault"))]
#[test]
fn this_program_does_not_know_how_to_fail_on_purpose() {
    let program = std::fs::read(stand::PROGRAM).unwrap();
    let has = |word: &str| memchr::memmem::find(&program, word.as_bytes()).is_some();
    assert!(has("unknown-host"), "words are found");
    for word in [
        "test-stale",
        "test-open",
        "test-closed",
        "test-burn",
        "test_stages",
        "fault_loader",
        "made by order",
    ] {
        assert!(!has(word), "{word}");
    }

    let output = ask(&["ctl", "fault", "test.example", "loop", "panic"]);
    assert!(text(&output.stderr).contains("unrecognized subcommand 'fault'"), "{}", text(&output.stderr));
    let output = ask(&["drill"]);
    assert!(text(&output.stderr).contains("unrecognized subcommand 'drill'"), "{}", text(&output.stderr));

    let origin = Origin::start();
    let folder = Folder::before(&origin);
    for line in ["    test_stages: {open: panic}\n", "fault_loader: {does: panic}\n"] {
        folder.write(&(configuration(origin.address, "root") + line));
        let output = ask(&["check", folder.file().to_str().unwrap()]);
        assert!(text(&output.stderr).contains("unknown-key"), "{line}: {}", text(&output.stderr));
    }
}
