//! The operator's mistakes. Configuration is checked whole and every mistake is reported at once, each
//! with where it is, what was expected and what to do.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// How bad a mistake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// It is accepted, and the operator should know.
    Warning,
}

/// A position in a file. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as the operator named it.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable code with a page of its own in `docs/errors/`, for example `unknown-key`.
    pub code: Cow<'static, str>,
    /// Error or warning.
    pub severity: Severity,
    /// The path into the configuration, for example `zones[3].origins[0]`; empty for the whole file.
    pub path: String,
    /// Where it stands, if it came from a file.
    pub place: Option<Place>,
    /// What is wrong, as one sentence without a final stop.
    pub message: String,
    /// What was expected there; may be empty where the message says it all.
    pub expected: String,
    /// What to do about it, as an imperative sentence.
    pub action: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        if let Some(place) = &self.place {
            write!(f, "{}:{}:{}: ", place.file, place.line, place.column)?;
        }
        write!(f, "{severity}[{}]: {}", self.code, self.message)?;
        if !self.path.is_empty() {
            write!(f, "\n  at:       {}", self.path)?;
        }
        if !self.expected.is_empty() {
            write!(f, "\n  expected: {}", self.expected)?;
        }
        write!(f, "\n  to do:    {}", self.action)
    }
}

/// After so many mistakes one says that there are more.
pub const DIAGNOSTICS_MAX: usize = 1000;

/// Every mistake of one compilation, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds one unless there are [`DIAGNOSTICS_MAX`]. An error takes the place of a warning then, and the first for which
    /// there is none becomes one that says so; warnings are dropped, since they must not turn into an error.
    pub fn push_bounded(&mut self, diagnostic: Diagnostic) {
        const MORE: &str = "too-many-problems";
        if self.0.len() < DIAGNOSTICS_MAX {
            return self.0.push(diagnostic);
        }
        let warning = self.0.iter().rposition(|own| own.severity == Severity::Warning);
        if let (Severity::Error, Some(at)) = (diagnostic.severity, warning) {
            self.0.remove(at);
            return self.0.push(diagnostic);
        }
        let said = self.0.last().is_some_and(|last| last.code == MORE);
        if diagnostic.severity == Severity::Error && !said {
            self.0.push(Diagnostic {
                code: MORE.into(),
                message: format!(
                    "there are more than {DIAGNOSTICS_MAX} problems; this is the place of the next"
                ),
                expected: String::new(),
                action: "Mend those above, then check again.".into(),
                ..diagnostic
            });
        }
    }

    /// Whether any of them refuses the configuration.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.0 {
            writeln!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_warnings_hides_an_error() {
        let found = |severity, code: &str| Diagnostic {
            code: code.to_owned().into(),
            severity,
            path: String::new(),
            place: None,
            message: String::new(),
            expected: String::new(),
            action: String::new(),
        };
        let mut all = Diagnostics::default();
        for _ in 0..DIAGNOSTICS_MAX + 1 {
            all.push_bounded(found(Severity::Warning, "a"));
        }
        assert_eq!((all.0.len(), all.has_errors()), (DIAGNOSTICS_MAX, false));
        for _ in 0..DIAGNOSTICS_MAX {
            all.push_bounded(found(Severity::Error, "b"));
        }
        assert!(all.0.iter().all(|own| own.code == "b"));
        all.push_bounded(found(Severity::Error, "c"));
        all.push_bounded(found(Severity::Error, "d"));
        assert_eq!(all.0.len(), DIAGNOSTICS_MAX + 1);
        assert_eq!(all.0.last().unwrap().code, "too-many-problems");
    }
}
