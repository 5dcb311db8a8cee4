//! What stands in literals beyond plain values: patterns of `matches` and of `wildcard`.

mod pattern;
mod wildcard;

pub(crate) use pattern::PATTERNS_WEIGHT_MAX;
pub use pattern::{PATTERN_BYTES_MAX, PATTERN_DFA_BYTES_MAX, Pattern, PatternFault};
pub use wildcard::{Wildcard, WildcardFault};
