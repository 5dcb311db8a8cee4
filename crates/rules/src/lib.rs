//! Room 2: Cloudflare's Rules language. A text becomes a tree in which every type is right, or an error that points
//! at the character. No sockets, no clock, no request: what a field's value is, others know.

mod address;
mod arena;
pub mod ast;
pub mod body;
mod error;
pub mod explain;
mod expression;
mod fields;
mod functions;
pub mod lists;
mod literal;
mod meter;
mod parse;
mod phase;
mod print;
mod program;
#[cfg(test)]
mod sample;
mod shown;
mod signature;
mod types;
mod value;

pub use address::network;
pub use arena::Arena;
pub use error::Error;
pub use expression::{
    EXPRESSION_CHARACTERS_MAX, Filter, Lists, NESTING_MAX, NoLists, Scope, ValueExpression,
};
pub use fields::{Empty, FieldId, Source};
pub use literal::{PATTERN_BYTES_MAX, PATTERN_DFA_BYTES_MAX, Pattern, PatternFault, Wildcard, WildcardFault};
pub use meter::{Meter, OverBudget, RULE_STEPS_MAX, RUN_STEPS_MAX};
pub use phase::{Kinds, Phase, Phases, Place};
pub use program::{
    BuildError, FilterId, PROGRAM_BYTES_MAX, Program, ProgramBuilder, Run, Scratch, Stop, ValueId, Witness,
};
pub use shown::shown;
pub use signature::{Form, Function, Gives, Parameter, Signature, Takes};
pub use types::Type;
pub use value::{Array, Entries, Fields, Items, Map, NotYet, Value};
