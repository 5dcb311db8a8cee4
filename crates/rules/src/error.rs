//! What is wrong with an expression, shown where it is wrong.

use crate::ast::Span;
use std::fmt;

/// Why a text is no expression. Printed it is
///
/// ```text
/// Filter parsing error (1:12):
/// http.host eq 1
///              ^ expected a String literal
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// Where, in bytes of the text.
    pub span: Span,
    /// What is wrong, as a sentence without a final stop.
    pub message: String,
    /// What was expected; empty where the message says it all.
    pub expected: String,
    /// What to do about it, such as the name that was meant; empty if nothing is known.
    pub hint: String,
    /// The line of the text in which it stands, or what of it is near, and the marks below.
    pub excerpt: String,
}

impl Error {
    pub(crate) fn new(text: &str, span: Span, message: String) -> Error {
        let place = excerpt::Place::of(text, span);
        Error {
            line: place.line,
            column: place.column,
            span,
            message,
            expected: String::new(),
            hint: String::new(),
            excerpt: place.excerpt,
        }
    }

    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Error {
        self.expected = expected.into();
        self
    }

    /// Adds a hint, unless there is one already.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Error {
        if self.hint.is_empty() {
            self.hint = hint.into();
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Filter parsing error ({}:{}):\n{} {}",
            self.line, self.column, self.excerpt, self.message
        )?;
        if !self.expected.is_empty() {
            write!(f, "; expected {}", self.expected)?;
        }
        if !self.hint.is_empty() {
            write!(f, ". {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

mod excerpt;
