//! Regular expressions of a program, searched with the memory of one core.

#[cfg(test)]
mod tests;

use crate::literal::{PATTERN_DFA_BYTES_MAX, Pattern};
use crate::meter::{Meter, OverBudget};
use foldhash::fast::FixedState;
use regex_automata::hybrid::dfa;
use regex_automata::meta;
use regex_automata::util::captures::Captures;
use regex_automata::{Input, MatchErrorKind};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// All regular expressions of one program, by number.
#[derive(Debug)]
pub(crate) struct Regexes {
    /// Tells programs apart in what a core keeps, and for how long it keeps it.
    program: Arc<u64>,
    patterns: Vec<Pattern>,
}

/// A core keeps so many bytes for searches of all regular expressions together; it begins anew when it has more. One
/// takes a few KiB as a rule; what it remembers of states at most [`PATTERN_DFA_BYTES_MAX`], and what follows them on
/// their own as much again.
const OWN_BYTES_MAX: usize = 64 << 20;

/// What a core keeps of programs that are gone is looked for when it has so much of others, at least.
const SWEEP_MIN: usize = 64;

/// The searching memory of one core.
#[derive(Default)]
pub(crate) struct OwnRegexes(RefCell<Own>);

#[derive(Default)]
struct Own {
    machines: HashMap<(u64, u32), Machine, FixedState>,
    bytes: usize,
    /// With so many machines it looks which are of programs that are gone.
    sweep_at: usize,
}

/// What the searches for one regular expression write to.
struct Machine {
    program: Weak<u64>,
    dfa: dfa::Cache,
    /// Whether no search has left anything in it.
    is_empty: bool,
    /// What it has taken at most since it was made or emptied: it gives nothing back by itself.
    bytes_max: usize,
    /// Only of those that have told groups apart, or given up.
    regex: Option<meta::Cache>,
}

/// Why a search with memory for sets of states has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// There were too many of them.
    GaveUp,
    /// `(?u:\b)` has met a byte about which it cannot tell.
    NotAscii,
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
        Regexes { program: Arc::new(NEXT.fetch_add(1, Ordering::Relaxed)), patterns: Vec::new() }
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
        self.with(number, pattern, |machine| machine.is_match(pattern, text, meter))
    }

    /// Its first match in the text, with its groups, if there is one.
    ///
    /// # Errors
    /// The search may cost more than is left.
    pub(crate) fn captures(
        self,
        number: u32,
        text: &[u8],
        meter: &Meter,
    ) -> Result<Option<Captures>, OverBudget> {
        let Some(pattern) = self.regexes.pattern(number) else { return Ok(None) };
        self.with(number, pattern, |machine| {
            if !machine.is_match(pattern, text, meter)? {
                return Ok(None);
            }
            meter.follow(text.len(), pattern.states())?;
            let mut captures = pattern.regex().create_captures();
            let (cache, input) = (machine.regex(pattern), Input::new(text));
            pattern.regex().search_captures_with(cache, &input, &mut captures);
            Ok(captures.is_match().then_some(captures))
        })
    }

    /// Searches with memory for which no other core waits.
    fn with<T>(self, number: u32, pattern: &Pattern, search: impl FnOnce(&mut Machine) -> T) -> T {
        let mut own = self.own.0.borrow_mut();
        let own = &mut *own;
        let program = &self.regexes.program;
        let machine = own.machines.entry((**program, number)).or_insert_with(|| {
            let machine = Machine::new(program, pattern);
            own.bytes += machine.bytes();
            machine
        });
        let bytes = machine.bytes();
        let result = search(machine);
        own.bytes = own.bytes + machine.bytes() - bytes;
        own.tidy();
        result
    }
}

impl Own {
    /// Forgets what is of programs that are gone, now and then, and everything when it is too much.
    #[inline]
    fn tidy(&mut self) {
        if self.machines.len() > self.sweep_at.max(SWEEP_MIN) || self.bytes > OWN_BYTES_MAX {
            self.sweep();
        }
    }

    #[cold]
    fn sweep(&mut self) {
        self.machines.retain(|_, machine| machine.program.strong_count() > 0);
        self.bytes = self.machines.values().map(Machine::bytes).sum();
        if self.bytes > OWN_BYTES_MAX {
            self.machines.clear();
            self.bytes = 0;
        }
        self.sweep_at = self.machines.len() * 2;
    }
}

impl Machine {
    fn new(program: &Arc<u64>, pattern: &Pattern) -> Machine {
        let dfa = pattern.dfa().create_cache();
        let bytes_max = dfa.memory_usage();
        Machine { program: Arc::downgrade(program), dfa, is_empty: true, bytes_max, regex: None }
    }

    fn is_match(&mut self, pattern: &Pattern, text: &[u8], meter: &Meter) -> Result<bool, OverBudget> {
        meter.search(text.len())?;
        let was_empty = self.is_empty;
        let mut fault = match self.search(pattern, text, meter)? {
            Ok(found) => return Ok(found),
            Err(fault) => fault,
        };
        if fault == Fault::GaveUp && !was_empty {
            // What others have filled it with is nothing that this text pays for.
            self.empty(pattern);
            meter.search(text.len())?;
            fault = match self.search(pattern, text, meter)? {
                Ok(found) => return Ok(found),
                Err(fault) => fault,
            };
        }
        if fault == Fault::GaveUp {
            self.empty(pattern);
        }
        meter.follow(text.len(), pattern.states())?;
        Ok(pattern.regex().is_match_with(self.regex(pattern), &Input::new(text).earliest(true)))
    }

    /// Searches, and pays for the sets of states that were not remembered.
    fn search(
        &mut self,
        pattern: &Pattern,
        text: &[u8],
        meter: &Meter,
    ) -> Result<Result<bool, Fault>, OverBudget> {
        self.is_empty = false;
        let before = self.remembered();
        let found = pattern.dfa().try_search_fwd(&mut self.dfa, &Input::new(text).earliest(true));
        self.bytes_max = self.bytes_max.max(self.dfa.memory_usage());
        let grown = self.remembered().saturating_sub(before);
        let found = match found {
            Ok(found) => Ok(found.is_some()),
            Err(error) if matches!(error.kind(), MatchErrorKind::Quit { .. }) => Err(Fault::NotAscii),
            Err(_) => Err(Fault::GaveUp),
        };
        meter.remembered(grown)?;
        Ok(found)
    }

    /// Bytes of all sets of states that it has found out since it was made or emptied.
    fn remembered(&self) -> usize {
        self.dfa.clear_count() * PATTERN_DFA_BYTES_MAX + self.dfa.memory_usage()
    }

    /// Gives its memory back.
    fn empty(&mut self, pattern: &Pattern) {
        self.dfa = pattern.dfa().create_cache();
        (self.is_empty, self.bytes_max) = (true, self.dfa.memory_usage());
    }

    fn regex(&mut self, pattern: &Pattern) -> &mut meta::Cache {
        self.regex.get_or_insert_with(|| pattern.regex().create_cache())
    }

    fn bytes(&self) -> usize {
        let regex = self.regex.as_ref().map_or(0, meta::Cache::memory_usage);
        size_of::<Machine>() + self.bytes_max + regex
    }
}
