//! An expression that is right.

use crate::ast::{ListKind, Logic, Operand};
use crate::error::Error;
use crate::phase::Phase;
use crate::types::Type;

/// An expression has at most so many characters (documented).
pub const EXPRESSION_CHARACTERS_MAX: usize = 4096;

/// Parentheses, `not`, calls and quantifiers nest at most so deep (the default of Cloudflare's engine).
pub const NESTING_MAX: usize = 128;

/// What an expression may speak of.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The phase in which it stands.
    pub phase: Phase,
    /// The lists that there are.
    pub lists: &'a dyn Lists,
}

/// The names of lists, for the check.
pub trait Lists {
    /// What is in the list of this name (without `$`), if there is one.
    fn kind(&self, name: &str) -> Option<ListKind>;
    /// All names, to say which one may have been meant.
    fn names(&self) -> Vec<&str>;
}

/// There are no lists.
#[derive(Clone, Copy, Debug)]
pub struct NoLists;

impl Lists for NoLists {
    fn kind(&self, _: &str) -> Option<ListKind> {
        None
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// A filter, which is true or false. Exists only if it is right.
#[derive(Clone, Debug)]
pub struct Filter {
    text: Box<str>,
    logic: Logic,
}

/// An expression that makes a value. Exists only if it is right.
#[derive(Clone, Debug)]
pub struct ValueExpression {
    text: Box<str>,
    operand: Operand,
}

impl Filter {
    /// Reads a filter and checks it.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where; the first mistake that is found.
    pub fn parse(text: &str, scope: Scope<'_>) -> Result<Filter, Error> {
        let logic = crate::parse::filter(text, scope)?;
        Ok(Filter { text: text.into(), logic })
    }

    /// The text, in which the spans of the tree lie.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it says. It is no array.
    #[must_use]
    pub fn logic(&self) -> &Logic {
        &self.logic
    }
}

impl ValueExpression {
    /// Reads an expression that makes a value of this type and checks it.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where; the first mistake that is found.
    pub fn parse(text: &str, wanted: Type, scope: Scope<'_>) -> Result<ValueExpression, Error> {
        let operand = crate::parse::value(text, wanted, scope)?;
        Ok(ValueExpression { text: text.into(), operand })
    }

    /// The text, in which the spans of the tree lie.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it says: an operand of the wanted type, without `[*]`.
    #[must_use]
    pub fn operand(&self) -> &Operand {
        &self.operand
    }
}
