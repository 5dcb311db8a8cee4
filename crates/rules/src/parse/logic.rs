//! `not`, `and`, `xor`, `or`, parentheses and quantifiers.

use super::Parser;
use crate::ast::{Connective, Logic, Node, Quantifier, Span};
use crate::error::Error;

impl Parser<'_> {
    /// A chain, from the loosest operator down: `or`, `xor`, `and`, each flat.
    pub(super) fn logic(&mut self) -> Result<Logic, Error> {
        let (mut ors, mut xors, mut ands) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            ands.push(self.negated()?);
            let next = self.connective();
            if next == Some(Connective::And) {
                continue;
            }
            xors.push(self.chain(Connective::And, &mut ands)?);
            if next == Some(Connective::Xor) {
                continue;
            }
            ors.push(self.chain(Connective::Xor, &mut xors)?);
            if next.is_none() {
                return self.chain(Connective::Or, &mut ors);
            }
        }
    }

    /// Passes an operator that joins, if one is next.
    fn connective(&mut self) -> Option<Connective> {
        self.skip_space();
        for (sign, connective) in [("&&", Connective::And), ("^^", Connective::Xor), ("||", Connective::Or)] {
            if self.take(sign) {
                return Some(connective);
            }
        }
        let word = self.word();
        let connective = Connective::named(word)?;
        self.at += word.len();
        Some(connective)
    }

    /// One element as it is; more of them joined.
    fn chain(&self, connective: Connective, items: &mut Vec<Logic>) -> Result<Logic, Error> {
        let mut items = std::mem::take(items);
        let (Some(first), Some(last)) = (items.first(), items.last()) else {
            return Err(self.unexpected("an expression"));
        };
        let span = Span { start: first.span.start, end: last.span.end };
        let is_array = first.is_array;
        if let Some(other) = items.iter().find(|item| item.is_array != is_array) {
            let what = |is_array| if is_array { "an array of Booleans" } else { "one Boolean" };
            let message = format!(
                "`{}` joins {} with {}, and can join only two alike",
                connective.name(),
                what(is_array),
                what(other.is_array)
            );
            return Err(self.error(other.span, message).hint("Put what has `[*]` in any(…) or all(…)"));
        }
        match items.pop() {
            Some(only) if items.is_empty() => Ok(only),
            last => {
                items.extend(last);
                Ok(Logic { node: Node::Chain(connective, items), span, is_array })
            }
        }
    }

    /// Any number of `not`s before something simple.
    fn negated(&mut self) -> Result<Logic, Error> {
        let mut starts = Vec::new();
        loop {
            self.skip_space();
            let span = if self.rest().starts_with('!') {
                self.ahead(1)
            } else if self.word() == "not" {
                self.ahead(3)
            } else {
                break;
            };
            self.enter(span)?;
            starts.push(span.start);
            self.at = span.end;
        }
        let mut logic = self.simple()?;
        for start in starts.into_iter().rev() {
            self.depth -= 1;
            let (span, is_array) = (Span { start, end: self.at }, logic.is_array);
            logic = Logic { node: Node::Not(Box::new(logic)), span, is_array };
        }
        Ok(logic)
    }

    /// Parentheses, a quantifier, `true`, or a comparison.
    fn simple(&mut self) -> Result<Logic, Error> {
        if self.rest().starts_with('(') {
            return self.parenthesised();
        }
        let start = self.at;
        match self.word() {
            "any" => self.quantified(Quantifier::Any),
            "all" => self.quantified(Quantifier::All),
            "true" => {
                self.at += "true".len();
                Ok(Logic { node: Node::True, span: self.since(start), is_array: false })
            }
            _ => self.comparison(),
        }
    }

    fn parenthesised(&mut self) -> Result<Logic, Error> {
        self.enter(self.ahead(1))?;
        self.at += 1;
        let logic = self.logic()?;
        self.expect(")", "`)`, `and`, `or` or `xor`")?;
        self.depth -= 1;
        Ok(logic)
    }

    /// `any(…)` or `all(…)`; the word is next.
    fn quantified(&mut self, quantifier: Quantifier) -> Result<Logic, Error> {
        let start = self.at;
        let word = quantifier.name();
        self.enter(self.ahead(word.len()))?;
        self.at += word.len();
        self.expect("(", "`(` and an array of Booleans")?;
        let outer = self.each.take();
        let logic = self.logic()?;
        self.each = outer;
        self.expect(")", "`)`, `and`, `or` or `xor`")?;
        self.depth -= 1;
        if !logic.is_array {
            let message = format!("`{word}` takes an array of Booleans, and this is one Boolean");
            return Err(self.error(logic.span, message).hint("Put `[*]` behind the array that is compared"));
        }
        let node = Node::Quantified(quantifier, Box::new(logic));
        Ok(Logic { node, span: self.since(start), is_array: false })
    }
}
