//! What a command says at its end, and the exit code that goes with it.

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use rempart_base::Diagnostics;

/// Why a command did not do what it was asked. Exit code 1.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A sentence for the person at the terminal.
    Text(String),
    /// The configuration is refused, for all of these reasons.
    Refused(Diagnostics),
    /// Everything has been said already.
    Said,
}

/// Prints what is to be said and chooses the exit code.
pub(crate) fn exit_code(ended: Result<(), Failure>) -> ExitCode {
    match ended {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Text(text)) => complain(&format!("error: {}\n", text.trim_end())),
        Err(Failure::Refused(diagnostics)) => complain(&refusal(&diagnostics)),
        Err(Failure::Said) => {}
    }
    ExitCode::FAILURE
}

/// Writes to standard output. A reader that has gone away (`rempart reference | head`) is no failure.
pub(crate) fn say(text: &str) {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

/// Writes to standard error.
pub(crate) fn complain(text: &str) {
    stderr().lock().write_all(text.as_bytes()).ok();
}

/// Every diagnostic and how many there are.
pub(crate) fn refusal(diagnostics: &Diagnostics) -> String {
    let errors = diagnostics.0.iter().filter(|d| d.severity == rempart_base::Severity::Error).count();
    let problems = if errors == 1 { "problem" } else { "problems" };
    format!("{diagnostics}the configuration is refused: {errors} {problems}\n")
}
