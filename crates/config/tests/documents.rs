//! Every example of a document compiles, without a mistake and without a warning that it does not speak of.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

use rempart_base::Now;
use rempart_config::{Compiler, Source};

const LISTEN: &str = "listen: {http: [\"127.0.0.1:0\"]}\n";
const ZONE: &str = "zones:\n- name: shop.example\n  origins: [\"http://127.0.0.1:9000\"]\n";

/// The blocks of YAML in a document, each with the line at which it begins.
fn examples(document: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut is_inside = false;
    for (number, line) in document.lines().enumerate() {
        match (is_inside, line.trim_end()) {
            (false, "```yaml") => {
                found.push((number + 2, String::new()));
                is_inside = true;
            }
            (true, "```") => is_inside = false,
            (true, line) => found.last_mut().unwrap().1.extend([line, "\n"]),
            (false, _) => {}
        }
    }
    found
}

/// A whole configuration of what is whole already, the account's, or a zone's.
fn whole(example: &str) -> String {
    let begins = |key: &str| example.lines().any(|line| line.starts_with(key));
    if begins("listen:") {
        example.to_owned()
    } else if begins("account:") {
        format!("{LISTEN}{example}{ZONE}")
    } else {
        let indented: String = example.lines().map(|line| format!("  {line}\n")).collect();
        format!("{LISTEN}{ZONE}{indented}")
    }
}

fn check(document: &str, count_min: usize) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(document);
    let examples = examples(&std::fs::read_to_string(file).unwrap());
    assert!(examples.len() >= count_min, "{document} has {} examples", examples.len());
    for (line, example) in examples {
        let text = whole(&example);
        let source = Source::Text { name: "example".into(), text: text.clone(), folder: PathBuf::new() };
        if let Err(problems) = Compiler::new(source).compile(Now::read()) {
            panic!("{document}:{line}: {problems}\n{text}");
        }
    }
}

#[test]
fn examples_of_rules_compile() {
    check("rules.md", 13);
}

#[test]
fn examples_are_found_and_made_whole() {
    let found = examples("a\n```yaml\nrulesets: []\n```\n```text\nno\n```\n```yaml\naccount: {}\n```\n");
    assert_eq!(found, [(3, "rulesets: []\n".to_owned()), (9, "account: {}\n".to_owned())]);
    assert_eq!(whole(&found[0].1), format!("{LISTEN}{ZONE}  rulesets: []\n"));
    assert_eq!(whole(&found[1].1), format!("{LISTEN}account: {{}}\n{ZONE}"));
    let wrong = Source::Text {
        name: "example".into(),
        text: whole("rulesets: [{phase: nowhere}]\n"),
        folder: PathBuf::new(),
    };
    assert!(Compiler::new(wrong).compile(Now::read()).is_err());
}
