//! What an expression speaks of.

use super::{Logic, Node, Operand, Root, Test};

impl Logic {
    /// All operands, from left to right, arguments of calls behind the operand that is the call.
    #[must_use]
    pub fn operands(&self) -> Vec<&Operand> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect<'l>(&'l self, found: &mut Vec<&'l Operand>) {
        match &self.node {
            Node::True => {}
            Node::Truth(operand) => operand.collect(found),
            Node::Compare(comparison) => {
                comparison.left.collect(found);
                if let Test::Order(_, right) = &comparison.test {
                    right.collect(found);
                }
            }
            Node::Not(inner) | Node::Quantified(_, inner) => inner.collect(found),
            Node::Chain(_, parts) => parts.iter().for_each(|part| part.collect(found)),
        }
    }
}

impl Operand {
    /// It and all arguments of calls in it.
    #[must_use]
    pub fn operands(&self) -> Vec<&Operand> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect<'l>(&'l self, found: &mut Vec<&'l Operand>) {
        found.push(self);
        if let Root::Call(call) = &self.root {
            call.arguments.iter().for_each(|argument| argument.collect(found));
        }
    }
}
