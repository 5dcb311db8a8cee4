//! All expressions of one phase of one zone, compiled together.
//!
//! What several expressions have is there once, and found out once in a run: fields, what is taken of them, calls,
//! comparisons. Literal parts are evaluated when the program is built. An index tells at the beginning of a run, by
//! a look at a few fields, which filters may match at all ([`Run::next`]); the others cost a bit.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place names the kinds that it knows to treat; all others are as one there"
)]

mod build;
pub(crate) mod check;
mod fold;
mod guard;
mod index;
mod node;
pub(crate) mod regex;
mod run;
pub(crate) mod wildcard;
mod witness;

pub use build::{BuildError, ProgramBuilder};
pub use run::{Run, Scratch, Stop};
pub use witness::Witness;

use crate::arena::Arena;
use crate::meter::Meter;
use crate::value::Fields;
use index::Index;
use node::{Nodes, TestNo, ValueNo};

/// A program may take so many bytes, all its patterns, sets and tables together; lists and what searches keep
/// beside them excepted.
pub const PROGRAM_BYTES_MAX: usize = 256 << 20;

/// A call has at most so many arguments.
const ARGUMENTS_MAX: usize = 32;

/// A filter of a program. Numbers are given in the order in which filters are added, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilterId(pub u32);

/// An expression of a program that makes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub u32);

/// Expressions, compiled together. Cores share it.
#[derive(Debug)]
pub struct Program {
    nodes: Nodes,
    filters: Vec<TestNo>,
    outputs: Vec<ValueNo>,
    regexes: regex::Regexes,
    index: Index,
    memos: u32,
    verdicts: u32,
    needs_body: bool,
    weight: usize,
}

impl Program {
    /// Begins a run over one exchange.
    pub fn run<'a, 's>(
        &'a self,
        fields: &'a dyn Fields,
        arena: &'a Arena<'a>,
        scratch: &'s mut Scratch,
    ) -> Run<'a, 's> {
        Run::begin(self, fields, arena, Meter::default(), scratch)
    }

    /// Begins a run that may take so many steps for a rule, and for all.
    pub fn run_within<'a, 's>(
        &'a self,
        fields: &'a dyn Fields,
        arena: &'a Arena<'a>,
        scratch: &'s mut Scratch,
        meter: Meter,
    ) -> Run<'a, 's> {
        Run::begin(self, fields, arena, meter, scratch)
    }

    /// Whether any of its expressions looks into the body.
    #[must_use]
    pub fn needs_body(&self) -> bool {
        self.needs_body
    }

    /// How many filters it has.
    #[must_use]
    pub fn filters(&self) -> usize {
        self.filters.len()
    }

    /// Bytes of memory, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight
    }
}
