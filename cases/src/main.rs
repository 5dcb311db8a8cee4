//! Every `.case` file is one test, named by its path. `cargo test -p rempart-cases`, and
//! `cargo test -p rempart-cases -- tls/` for those of one folder.

use libtest_mimic::{Arguments, Failed, Trial};
use rempart_cases::{parse, stage};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // A case waits far more than it works.
    arguments.test_threads.get_or_insert(4);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program: Arc<Path> = Arc::from(program(root));
    let mut files = Vec::new();
    for folder in folders(root) {
        files.extend(entries(&folder).into_iter().filter(|path| path.extension().is_some_and(is_case)));
    }
    let trials = files.iter().flat_map(|file| trials(root, file, &program)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn is_case(extension: &std::ffi::OsStr) -> bool {
    extension == "case"
}

/// One test for each protocol that the case names; one test that fails if it cannot be read.
fn trials(root: &Path, file: &Path, program: &Arc<Path>) -> Vec<Trial> {
    let name = file.strip_prefix(root).unwrap_or(file).with_extension("").display().to_string();
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()));
    let case = match text.and_then(|text| parse::case(file, &text)) {
        Ok(case) => Arc::new(case),
        Err(what) => return vec![Trial::test(name, move || Err(Failed::from(what)))],
    };
    case.protocols
        .iter()
        .map(|protocol| {
            let (case, program, protocol) = (Arc::clone(&case), Arc::clone(program), *protocol);
            let trial = Trial::test(name.clone(), move || {
                let played = stage::play(&case, protocol, &program);
                played.map_err(|what| Failed::from(format!("{}\n{what}", case.says)))
            });
            trial.with_kind(protocol.word())
        })
        .collect()
}

/// `REMPART_BIN`, else the debug build in this workspace's target folder.
fn program(root: &Path) -> PathBuf {
    if let Some(given) = std::env::var_os("REMPART_BIN") {
        return PathBuf::from(given);
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| root.join("../target")).join("debug/rempart")
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let inside = entries(root).into_iter().filter(|path| path.is_dir() && !path.ends_with("src"));
    inside.collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}
