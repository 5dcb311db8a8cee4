//! From text to tree, with every type checked on the way: what a literal may be depends on what stands left of it.
//!
//! One pass from left to right, without going back, so the time is in proportion to the text; and no deeper than
//! [`NESTING_MAX`], so the stack is bounded.

use crate::ast::{Logic, Operand, Span};
use crate::error::Error;
use crate::expression::{EXPRESSION_CHARACTERS_MAX, NESTING_MAX, Scope};
use crate::phase::{Kinds, Place};
use crate::signature::Function;
use crate::types::Type;
use std::fmt::Display;

mod bounds;
mod call;
mod comparison;
mod literal;
mod logic;
mod names;
mod operand;
mod patterns;
mod scan;
mod set;
mod text;

/// Reads a filter.
pub(crate) fn filter(text: &str, scope: Scope<'_>) -> Result<Logic, Error> {
    let mut parser = Parser::new(text, scope, Kind::Filter)?;
    let logic = parser.logic()?;
    parser.end("`and`, `or`, `xor` or the end of the expression")?;
    if logic.is_array {
        return Err(parser
            .error(logic.span, "this gives an array of Booleans, and a filter is one Boolean")
            .hint("Put it in any(…) or all(…)"));
    }
    Ok(logic)
}

/// Reads an expression that makes a value.
pub(crate) fn value(text: &str, wanted: Type, scope: Scope<'_>) -> Result<Operand, Error> {
    let mut parser = Parser::new(text, scope, Kind::Value)?;
    let operand = parser.operand_or_literal(&[wanted])?;
    parser.end("the end of the expression")?;
    if operand.is_each {
        return Err(parser
            .error(operand.span, "a value cannot be made of `[*]`")
            .hint("Take one element, or join() them"));
    }
    if operand.ty != wanted {
        let can_convert = Function::ToString.signature().place.phases.has(scope.phase);
        let hint = match operand.ty {
            Type::Bool | Type::Int | Type::Ip if wanted == Type::Bytes && can_convert => {
                "Put it in to_string(…)"
            }
            Type::Array(Type::Bytes) if wanted == Type::Bytes => "Take one element, or join() them",
            Type::Bool | Type::Int | Type::Bytes | Type::Ip | Type::Array(_) | Type::Map(_) => "",
        };
        return Err(parser.mismatch(&operand, wanted.with_article()).hint(hint));
    }
    Ok(operand)
}

/// What is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Filter,
    Value,
}

struct Parser<'a> {
    text: &'a str,
    /// The next byte, always at the start of a character.
    at: usize,
    /// Where the text ends, without the white space behind it.
    end: usize,
    scope: Scope<'a>,
    kind: Kind,
    /// How many parentheses, `not`s, calls and quantifiers are open.
    depth: usize,
    /// The array behind which the first `[*]` of the quantifier stands that is being read.
    each: Option<String>,
    /// Which of `regex_replace` and `wildcard_replace` have been seen, and which is open.
    replaced: Vec<Function>,
    replacing: Option<Function>,
    /// What all patterns weigh together.
    patterns_weight: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, scope: Scope<'a>, kind: Kind) -> Result<Parser<'a>, Error> {
        let end = text.trim_end().len();
        let at = end - text.get(..end).unwrap_or(text).trim_start().len();
        let parser = Parser {
            text,
            at,
            end,
            scope,
            kind,
            depth: 0,
            each: None,
            replaced: Vec::new(),
            replacing: None,
            patterns_weight: 0,
        };
        let inner = text.get(at..end).unwrap_or_default();
        if let Some((past, _)) = inner.char_indices().nth(EXPRESSION_CHARACTERS_MAX) {
            let message = format!(
                "an expression has at most {EXPRESSION_CHARACTERS_MAX} characters, and this has {}",
                inner.chars().count()
            );
            return Err(parser.error(Span { start: at + past, end: at + past }, message));
        }
        if inner.is_empty() {
            let error = parser.error(Span { start: at, end: at }, "this expression is empty");
            let hint = if kind == Kind::Filter { "`true` matches every request" } else { "" };
            return Err(error.hint(hint));
        }
        Ok(parser)
    }

    /// Goes one level deeper, to be left with `self.depth -= 1`.
    fn enter(&mut self, opening: Span) -> Result<(), Error> {
        if self.depth == NESTING_MAX {
            let message = format!("maximum nesting depth exceeded: this is level {}", NESTING_MAX + 1);
            return Err(self.error(opening, message).expected(format!("at most {NESTING_MAX} levels")));
        }
        self.depth += 1;
        Ok(())
    }

    /// Refuses what may not stand in this phase or in this kind of expression.
    fn placed(&self, name: &str, place: Place, span: Span) -> Result<(), Error> {
        if place.kinds == Kinds::Values && self.kind == Kind::Filter {
            let message = format!(
                "`{name}` may not stand in a filter, only in an expression that makes a value, in {}",
                place.phases
            );
            return Err(self.error(span, message));
        }
        if !place.phases.has(self.scope.phase) {
            let message =
                format!("`{name}` may not stand in {}, only in {}", self.scope.phase.name(), place.phases);
            return Err(self.error(span, message));
        }
        Ok(())
    }

    fn error(&self, span: Span, message: impl Into<String>) -> Error {
        Error::new(self.text, span, message.into())
    }

    /// An operand of a wrong type.
    fn mismatch(&self, operand: &Operand, wanted: impl Display) -> Error {
        let what = self.shown(operand.span);
        let error = self.error(operand.span, format!("{what} is {}", operand.ty.with_article()));
        error.expected(wanted.to_string())
    }

    /// A part of the text for a message, cut if it is long.
    fn shown(&self, span: Span) -> String {
        const SHOWN_MAX: usize = 60;
        let text = self.text.get(span.start..span.end).unwrap_or_default();
        match text.char_indices().nth(SHOWN_MAX) {
            Some((cut, _)) => format!("`{}…`", text.get(..cut).unwrap_or_default()),
            None => format!("`{text}`"),
        }
    }
}
