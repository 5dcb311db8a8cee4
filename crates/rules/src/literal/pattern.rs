//! Regular expressions.

use crate::ast::Span;
use regex_automata::MatchKind;
use regex_automata::hybrid::dfa::DFA;
use regex_automata::meta::{self, Regex};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::prefilter::Prefilter;
use regex_syntax::hir::Hir;
use std::fmt;
use std::sync::Arc;

mod weight;

/// A compiled pattern takes at most so many bytes.
pub const PATTERN_BYTES_MAX: usize = 10 << 20;

/// What a core keeps of the states of one pattern that it has seen, in bytes, unless a single state takes more. To fill
/// it takes about ten milliseconds.
pub const PATTERN_DFA_BYTES_MAX: usize = 1 << 20;

/// A search that has filled the memory for states with fewer bytes of text than this for each of them gives up: the
/// states are not worth being kept.
const BYTES_A_STATE_MIN: usize = 10;

/// The patterns of one expression have about so many states together, which bounds the time that it takes to compile
/// them.
pub(crate) const PATTERNS_WEIGHT_MAX: usize = 500_000;

/// A regular expression on bytes, in the syntax of the crate `regex`. A search takes time in proportion to its input,
/// whatever the pattern.
#[derive(Clone)]
pub struct Pattern {
    source: Box<str>,
    /// Follows every state on its own, byte by byte, and so tells groups apart.
    regex: Regex,
    /// Remembers sets of states: much faster, as long as these are few.
    dfa: Arc<DFA>,
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
        let (hir, weight) = weight::read(source, weight_max)?;
        let fault = |bytes| PatternFault::whole(source, bytes);
        let config = Regex::config()
            .utf8_empty(false)
            .nfa_size_limit(Some(PATTERN_BYTES_MAX))
            .hybrid(false)
            .dfa(false);
        let regex = meta::Builder::new().configure(config).build_from_hir(&hir);
        let regex = regex.map_err(|error| fault(error.size_limit()))?;
        let dfa = Arc::new(dfa(&hir).map_err(|_| fault(None))?);
        Ok(Pattern { source: source.into(), regex, dfa, weight })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// It, compiled: a search takes time for each byte and each state.
    #[must_use]
    pub fn regex(&self) -> &Regex {
        &self.regex
    }

    /// It, compiled: a search takes time for each byte, or gives up.
    pub(crate) fn dfa(&self) -> &DFA {
        &self.dfa
    }

    /// How many states it has: what a search costs goes with it.
    pub(crate) fn states(&self) -> usize {
        self.dfa.get_nfa().states().len()
    }

    /// How many states it will have, about; what compiling costs goes with it.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight
    }
}

/// The machine that remembers sets of states.
fn dfa(hir: &Hir) -> Result<DFA, Box<dyn std::error::Error>> {
    let config = thompson::Config::new()
        .utf8(false)
        .nfa_size_limit(Some(PATTERN_BYTES_MAX))
        .which_captures(WhichCaptures::None);
    let nfa = thompson::Compiler::new().configure(config).build_from_hir(hir)?;
    let prefilter = Prefilter::from_hir_prefix(MatchKind::LeftmostFirst, hir).filter(Prefilter::is_fast);
    let config = DFA::config()
        .prefilter(prefilter)
        // `(?u:\b)`: it gives up at the first byte that is not ASCII.
        .unicode_word_boundary(true)
        .cache_capacity(PATTERN_DFA_BYTES_MAX)
        .skip_cache_capacity_check(true)
        .minimum_cache_clear_count(Some(0))
        .minimum_bytes_per_state(Some(BYTES_A_STATE_MIN));
    Ok(DFA::builder().configure(config).build_from_nfa(nfa)?)
}

impl PatternFault {
    /// It is well written, but takes more than these bytes, or cannot be compiled for another reason.
    fn whole(source: &str, bytes_max: Option<usize>) -> PatternFault {
        let message = match bytes_max {
            Some(bytes) => format!("this pattern takes more than {} MiB when it is compiled", bytes >> 20),
            None => "this pattern cannot be compiled".to_owned(),
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
