//! What a command says at its end, and the exit code that goes with it.

use std::borrow::Cow;
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
    out.write_all(harmless(text).as_bytes()).and_then(|()| out.flush()).ok();
}

/// Writes to standard error.
pub(crate) fn complain(text: &str) {
    stderr().lock().write_all(harmless(text).as_bytes()).ok();
}

/// What stands in a text may come from an edge that was broken into, and the terminal may be root's: nothing but
/// ends of lines steers it.
fn harmless(text: &str) -> Cow<'_, str> {
    let steers = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.contains(steers) { text.replace(steers, "\u{fffd}").into() } else { text.into() }
}

/// Every diagnostic and how many there are.
pub(crate) fn refusal(diagnostics: &Diagnostics) -> String {
    let errors = diagnostics.0.iter().filter(|d| d.severity == rempart_base::Severity::Error).count();
    let problems = if errors == 1 { "problem" } else { "problems" };
    format!("{diagnostics}the configuration is refused: {errors} {problems}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_not_passed_on() {
        assert_eq!(harmless("a\tb\nü\n"), "a\tb\nü\n");
        assert_eq!(harmless("\x1b]0;x\x07\r\u{9b}2J"), "\u{fffd}]0;x\u{fffd}\u{fffd}\u{fffd}2J");
    }
}
