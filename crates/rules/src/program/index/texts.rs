//! Literals of many filters, looked up in one text together.

use super::Marks;
use super::pairs::Pairs;
use crate::lists::length_bit;
use crate::program::guard::Place;
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, Input, MatchKind};
use foldhash::fast::FixedState;
use std::collections::HashMap;

/// All literals that filters want of one value.
#[derive(Debug, Default)]
pub(super) struct Texts {
    whole: Table,
    whole_lengths: u64,
    starts: Table,
    start_lengths: Vec<usize>,
    ends: Table,
    end_lengths: Vec<usize>,
    parts: Option<Parts>,
}

/// Filters by literal.
type Table = HashMap<Box<[u8]>, Vec<u32>, FixedState>;

/// One machine that finds all literals in one pass.
#[derive(Debug)]
struct Parts {
    /// Most texts have none of the literals, and this says so sooner.
    pairs: Option<Pairs>,
    machine: AhoCorasick,
    /// By the number of the literal.
    filters: Vec<Vec<u32>>,
}

/// Beginnings and ends of so many different lengths are tried one by one; if there are more, they are searched for
/// everywhere.
const LENGTHS_MAX: usize = 8;

/// Literals of so many bytes together make the faster, larger kind of machine.
const DENSE_BYTES_MAX: usize = 32 << 10;

impl Texts {
    pub(super) fn of(wants: Vec<(Place, Box<[u8]>, u32)>) -> Texts {
        let mut texts = Texts::default();
        let lengths = |place: Place| {
            let of_place = wants.iter().filter(|(other, ..)| *other == place);
            let mut lengths: Vec<usize> = of_place.map(|(_, literal, _)| literal.len()).collect();
            lengths.sort_unstable();
            lengths.dedup();
            if lengths.len() > LENGTHS_MAX { Vec::new() } else { lengths }
        };
        texts.start_lengths = lengths(Place::Start);
        texts.end_lengths = lengths(Place::End);
        let is_any_case = wants.iter().any(|(place, ..)| *place == Place::AnyCase);
        let mut parts: HashMap<Vec<u8>, Vec<u32>> = HashMap::new();
        for (place, literal, filter) in wants {
            let table = match place {
                Place::Whole => {
                    texts.whole_lengths |= length_bit(literal.len());
                    &mut texts.whole
                }
                Place::Start if !texts.start_lengths.is_empty() => &mut texts.starts,
                Place::End if !texts.end_lengths.is_empty() => &mut texts.ends,
                Place::Start | Place::End | Place::Anywhere | Place::AnyCase => {
                    let literal = if is_any_case { literal.to_ascii_lowercase() } else { literal.into_vec() };
                    let filters = parts.entry(literal).or_default();
                    if filters.last() != Some(&filter) {
                        filters.push(filter);
                    }
                    continue;
                }
            };
            table.entry(literal).or_default().push(filter);
        }
        let mut parts: Vec<_> = parts.into_iter().collect();
        parts.sort_unstable();
        texts.parts = Parts::of(parts, is_any_case);
        texts
    }

    pub(super) fn look(&self, text: &[u8], marks: &mut Marks<'_>) {
        if self.whole_lengths & length_bit(text.len()) != 0
            && let Some(filters) = self.whole.get(text)
        {
            marks.all(filters);
        }
        for length in &self.start_lengths {
            let Some(start) = text.get(..*length) else { break };
            if let Some(filters) = self.starts.get(start) {
                marks.all(filters);
            }
        }
        for length in &self.end_lengths {
            let Some(end) = text.len().checked_sub(*length).and_then(|at| text.get(at..)) else { break };
            if let Some(filters) = self.ends.get(end) {
                marks.all(filters);
            }
        }
        if let Some(parts) = &self.parts
            && parts.pairs.as_ref().is_none_or(|pairs| pairs.may_have(text))
        {
            for found in parts.machine.find_overlapping_iter(Input::new(text)) {
                marks.all(parts.filters.get(found.pattern().as_usize()).map_or(&[], |filters| &**filters));
            }
        }
    }

    /// Bytes of memory, roughly.
    pub(super) fn weight(&self) -> usize {
        let tables = [&self.whole, &self.starts, &self.ends];
        let entries = tables.iter().flat_map(|table| table.iter());
        entries.map(|(literal, filters)| literal.len() + filters.len() * 4 + 64).sum::<usize>()
            + self.parts.as_ref().map_or(0, |parts| parts.machine.memory_usage())
    }
}

impl Parts {
    fn of(literals: Vec<(Vec<u8>, Vec<u32>)>, is_any_case: bool) -> Option<Parts> {
        if literals.is_empty() {
            return None;
        }
        let bytes: usize = literals.iter().map(|(literal, _)| literal.len()).sum();
        let kind = match bytes <= DENSE_BYTES_MAX {
            true => AhoCorasickKind::DFA,
            false => AhoCorasickKind::ContiguousNFA,
        };
        let (literals, filters): (Vec<_>, Vec<_>) = literals.into_iter().unzip();
        let pairs = Pairs::of(literals.iter().map(|literal| &**literal), is_any_case);
        let build = |kind| {
            AhoCorasickBuilder::new()
                .match_kind(MatchKind::Standard)
                .ascii_case_insensitive(is_any_case)
                .kind(Some(kind))
                .prefilter(false)
                .build(&literals)
        };
        let machine = build(kind).or_else(|_| build(AhoCorasickKind::NoncontiguousNFA)).ok()?;
        Some(Parts { pairs, machine, filters })
    }
}
