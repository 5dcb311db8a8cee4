//! `cargo run -p xtask -- lint`

use std::path::Path;
use std::process::ExitCode;
use xtask::{RULES, Tree, lint};

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some("lint") {
        eprintln!("usage: cargo run -p xtask -- lint");
        return ExitCode::from(2);
    }
    let tree = match Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")) {
        Ok(tree) => tree,
        Err(error) => {
            eprintln!("error: the project cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    let findings = lint(&tree);
    for skipped in &findings.skipped {
        println!("skipped: {skipped}");
    }
    for problem in &findings.problems {
        eprintln!("error: {problem}");
    }
    println!("house rules: {} checked, {} problems", RULES.len(), findings.problems.len());
    if findings.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
