//! Where decoding stands, and what it has found.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, Place, Severity};

use super::node::Mark;

/// What is wrong, before it is known where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// See [`Diagnostic::code`].
    pub code: &'static str,
    /// See [`Diagnostic::message`].
    pub message: String,
    /// See [`Diagnostic::expected`].
    pub expected: String,
    /// See [`Diagnostic::action`].
    pub action: String,
}

impl Problem {
    /// A problem with its code, message and what to do.
    pub fn new(code: &'static str, message: impl Into<String>, action: impl Into<String>) -> Self {
        Self { code, message: message.into(), expected: String::new(), action: action.into() }
    }

    /// Says what was expected.
    #[must_use]
    pub fn expecting(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }
}

/// Where decoding stands in one file, and what it has found there.
#[derive(Debug)]
pub struct Context {
    file: Arc<str>,
    path: Vec<Step>,
    found: Diagnostics,
    errors: usize,
}

#[derive(Debug)]
enum Step {
    Key(Arc<str>),
    Index(usize),
}

impl Context {
    /// The beginning of a file, named as the operator names it.
    #[must_use]
    pub const fn new(file: Arc<str>) -> Self {
        Self { file, path: Vec::new(), found: Diagnostics(Vec::new()), errors: 0 }
    }

    /// The file's name.
    #[must_use]
    pub const fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// Does something one key deeper.
    pub fn in_key<T>(&mut self, key: &str, act: impl FnOnce(&mut Self) -> T) -> T {
        self.deeper(Step::Key(key.into()), act)
    }

    /// Does something one list item deeper.
    pub fn in_item<T>(&mut self, index: usize, act: impl FnOnce(&mut Self) -> T) -> T {
        self.deeper(Step::Index(index), act)
    }

    /// Which item of its list stands here; 0 outside lists.
    #[must_use]
    pub fn item(&self) -> usize {
        match self.path.last() {
            Some(Step::Index(index)) => *index,
            Some(Step::Key(_)) | None => 0,
        }
    }

    /// Records an error here.
    pub fn error(&mut self, mark: Mark, problem: Problem) {
        self.errors += 1;
        self.record(Severity::Error, mark, problem);
    }

    /// Records a warning here.
    pub fn warning(&mut self, mark: Mark, problem: Problem) {
        self.record(Severity::Warning, mark, problem);
    }

    /// Whether an error has been found.
    #[must_use]
    pub const fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors have been found, to see later whether there are more. Warnings are none.
    #[must_use]
    pub const fn found(&self) -> usize {
        self.errors
    }

    /// Whether nothing has been found in a key of the whole configuration, or below it.
    #[must_use]
    pub fn is_clean(&self, key: &str) -> bool {
        let below = |path: &str| {
            path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        !self.found.0.iter().any(|found| below(&found.path))
    }

    /// Everything that has been found, in the order of the file.
    #[must_use]
    pub fn finish(mut self) -> Diagnostics {
        self.found.0.sort_by_key(|found| found.place.as_ref().map(|place| (place.line, place.column)));
        self.found
    }

    fn deeper<T>(&mut self, step: Step, act: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let result = act(self);
        self.path.pop();
        result
    }

    fn record(&mut self, severity: Severity, mark: Mark, problem: Problem) {
        let diagnostic = self.diagnostic(severity, mark, problem);
        self.found.push_bounded(diagnostic);
    }

    fn diagnostic(&self, severity: Severity, mark: Mark, problem: Problem) -> Diagnostic {
        let Problem { code, message, expected, action } = problem;
        let place = Place { file: Arc::clone(&self.file), line: mark.line, column: mark.column };
        let code = code.into();
        Diagnostic { code, severity, path: self.path_text(), place: Some(place), message, expected, action }
    }

    fn path_text(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if text.is_empty() => text.push_str(key),
                Step::Key(key) => {
                    let _ = write!(text, ".{key}");
                }
                Step::Index(index) => {
                    let _ = write!(text, "[{index}]");
                }
            }
        }
        text
    }
}
