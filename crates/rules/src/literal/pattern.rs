//! Regular expressions.

use crate::ast::Span;
use regex::bytes::{Regex, RegexBuilder};
use std::fmt;

mod weight;

/// A compiled pattern takes at most so many bytes.
pub const PATTERN_BYTES_MAX: usize = 10 << 20;

/// What a search may keep of the states that it has seen, in bytes.
pub const PATTERN_DFA_BYTES_MAX: usize = 2 << 20;

/// The patterns of one expression have about so many states together, which bounds the time that it takes to compile
/// them.
pub(crate) const PATTERNS_WEIGHT_MAX: usize = 500_000;

/// A regular expression on bytes, in the syntax of the crate `regex`. A search takes time in proportion to its input,
/// whatever the pattern.
#[derive(Clone)]
pub struct Pattern {
    source: Box<str>,
    regex: Regex,
    weight: usize,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternFault {
    /// Where, in bytes of the pattern; the whole of it if nothing better is known.
    pub span: Span,
    /// Why, as a sentence without a final stop.
    pub message: String,
}

impl Pattern {
    /// Compiles a pattern: on bytes, so that classes know nothing of Unicode unless it says `(?u)`.
    ///
    /// # Errors
    ///
    /// It is no regular expression, or one too large ([`PATTERN_BYTES_MAX`]).
    pub fn parse(source: &str) -> Result<Pattern, PatternFault> {
        Pattern::within(source, PATTERNS_WEIGHT_MAX)
    }

    /// As [`Pattern::parse`], if it weighs no more than this.
    pub(crate) fn within(source: &str, weight_max: usize) -> Result<Pattern, PatternFault> {
        let weight = weight::of(source, weight_max)?;
        let regex = RegexBuilder::new(source)
            .unicode(false)
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_DFA_BYTES_MAX)
            .build()
            .map_err(|error| PatternFault::whole(source, &error))?;
        Ok(Pattern { source: source.into(), regex, weight })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// It, compiled.
    #[must_use]
    pub fn regex(&self) -> &Regex {
        &self.regex
    }

    /// How many states it has, about; what compiling costs goes with it.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight
    }
}

impl PatternFault {
    fn whole(source: &str, error: &regex::Error) -> PatternFault {
        let message = if let regex::Error::CompiledTooBig(bytes) = error {
            format!("this pattern takes more than {} MiB when it is compiled", bytes >> 20)
        } else {
            "this pattern cannot be compiled".to_owned()
        };
        PatternFault { span: Span { start: 0, end: source.len() }, message }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.source)
    }
}
