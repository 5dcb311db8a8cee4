//! Regular expressions of a program, searched with the memory of one core.

use crate::literal::Pattern;
use crate::meter::{Meter, OverBudget};
use foldhash::fast::FixedState;
use regex::bytes::{Captures, Regex};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// All regular expressions of one program, by number.
#[derive(Debug)]
pub(crate) struct Regexes {
    /// Tells programs apart in what a core keeps.
    program: u64,
    patterns: Vec<Pattern>,
}

/// A core keeps searching memory of its own for so many regular expressions; others share theirs. One takes up to
/// [`crate::PATTERN_DFA_BYTES_MAX`], as a rule a few KiB.
const OWN_MAX: usize = 64;

/// After so many searches without memory of its own the core forgets whose it has: old programs do not hold it.
const STRANGERS_MAX: u32 = 4096;

/// The searching memory of one core.
#[derive(Default)]
pub(crate) struct OwnRegexes(RefCell<Own>);

#[derive(Default)]
struct Own {
    regexes: HashMap<(u64, u32), Regex, FixedState>,
    strangers: u32,
}

/// The regular expressions of a program and the memory of a core.
#[derive(Clone, Copy)]
pub(crate) struct Searcher<'r> {
    pub(crate) regexes: &'r Regexes,
    pub(crate) own: &'r OwnRegexes,
}

impl Default for Regexes {
    fn default() -> Regexes {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Regexes { program: NEXT.fetch_add(1, Ordering::Relaxed), patterns: Vec::new() }
    }
}

impl Regexes {
    /// Takes one in and gives its number.
    pub(crate) fn add(&mut self, pattern: &Pattern) -> u32 {
        let known = self.patterns.iter().position(|other| other == pattern);
        let at = known.unwrap_or(self.patterns.len());
        if known.is_none() {
            self.patterns.push(pattern.clone());
        }
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// Bytes of memory, roughly: those of a state in the machines that may be made of it.
    pub(crate) fn weight(&self) -> usize {
        self.patterns.iter().map(|pattern| pattern.source().len() + pattern.weight() * 64).sum()
    }

    pub(crate) fn pattern(&self, number: u32) -> Option<&Pattern> {
        self.patterns.get(number as usize)
    }
}

impl<'r> Searcher<'r> {
    /// Whether it is found anywhere in the text.
    ///
    /// # Errors
    /// The search may cost more than is left.
    pub(crate) fn is_match(self, number: u32, text: &[u8], meter: &Meter) -> Result<bool, OverBudget> {
        let Some(pattern) = self.regexes.pattern(number) else { return Ok(false) };
        meter.search(text.len(), pattern.weight())?;
        Ok(self.with(number, pattern, |regex| regex.is_match(text)))
    }

    /// Its first match in the text, with its groups.
    ///
    /// # Errors
    /// The search may cost more than is left.
    pub(crate) fn captures<'t>(
        self,
        number: u32,
        text: &'t [u8],
        meter: &Meter,
    ) -> Result<Option<Captures<'t>>, OverBudget> {
        let Some(pattern) = self.regexes.pattern(number) else { return Ok(None) };
        meter.search(text.len().saturating_mul(2), pattern.weight())?;
        Ok(self.with(number, pattern, |regex| regex.captures(text)))
    }

    /// A clone of a regular expression has memory of its own, for which no other core waits.
    fn with<T>(self, number: u32, pattern: &Pattern, search: impl FnOnce(&Regex) -> T) -> T {
        let key = (self.regexes.program, number);
        let Ok(mut own) = self.own.0.try_borrow_mut() else { return search(pattern.regex()) };
        if let Some(regex) = own.regexes.get(&key) {
            return search(regex);
        }
        if own.regexes.len() < OWN_MAX {
            return search(own.regexes.entry(key).or_insert_with(|| pattern.regex().clone()));
        }
        own.strangers += 1;
        if own.strangers > STRANGERS_MAX {
            *own = Own::default();
        }
        drop(own);
        search(pattern.regex())
    }
}
