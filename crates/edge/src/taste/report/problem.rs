//! A diagnostic on its way between two processes: the same fields as `config::diagnostic_json` writes.

use std::fmt;

use rempart_base::{Diagnostic, Severity};
use serde::{Deserialize, Serialize};

use super::LIST_MAX;

/// One mistake of the operator's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A heading in `docs/errors`.
    pub code: String,
    /// `error` or `warning`.
    pub severity: String,
    /// The path into the configuration.
    pub path: String,
    /// The file, if it came from one.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// The column in it, from 1.
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What was expected; may be empty.
    pub expected: String,
    /// What to do.
    pub action: String,
}

/// At most [`LIST_MAX`] of them.
#[must_use]
pub fn problems(diagnostics: &[Diagnostic]) -> Vec<Problem> {
    diagnostics.iter().take(LIST_MAX).map(Problem::from).collect()
}

impl From<&Diagnostic> for Problem {
    fn from(diagnostic: &Diagnostic) -> Self {
        let place = diagnostic.place.as_ref();
        Self {
            code: diagnostic.code.to_string(),
            severity: match diagnostic.severity {
                Severity::Error => "error".into(),
                Severity::Warning => "warning".into(),
            },
            path: diagnostic.path.clone(),
            file: place.map(|place| place.file.to_string()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            message: diagnostic.message.clone(),
            expected: diagnostic.expected.clone(),
            action: diagnostic.action.clone(),
        }
    }
}

/// As [`Diagnostic`] shows itself.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(file), Some(line), Some(column)) = (&self.file, self.line, self.column) {
            write!(f, "{file}:{line}:{column}: ")?;
        }
        write!(f, "{}[{}]: {}", self.severity, self.code, self.message)?;
        for (label, text) in
            [("at:      ", &self.path), ("expected:", &self.expected), ("to do:   ", &self.action)]
        {
            if !text.is_empty() {
                write!(f, "\n  {label} {text}")?;
            }
        }
        Ok(())
    }
}
